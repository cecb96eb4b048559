//! The simulated payment partner's pages on the borrowers' listener: `/pay/{token}`, where a borrower pays or has a
//! mandate debited from now on, and `/identity/{token}`, where the identity check waits for one. In `dev` only; a page does what `POST /sandbox/payments` and `POST /sandbox/mandates` do.
//!
//! The token is the secret, as on the other pages. A form that another site posts is refused all the same.

mod identity;
mod page;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::items::{self, CollectionDetail, Item, Kind};
use super::problem::Problem;
use super::systems::MandateDetail;
use super::tell::{self, MandateOutcome, PaymentOutcome};
use crate::app::{App, SharedApp};
use crate::config::Mode;
use crate::domain::application::facets::Offer;
use crate::domain::ids::{LoanId, PaymentId};
use crate::domain::loan::repayment::Payment;
use crate::http::{borrower, problem};
use crate::store::{self, StoreError};

/// Bytes of a form with one short field, and some.
const FORM_LIMIT: usize = 1024;
/// What somebody reads whose form another site posted, or who pressed none of the buttons.
const ELSEWHERE: &str = "This is done on the page itself.";
const NO_BUTTON: &str = "Press one of the buttons of the page.";

/// The pages, or none at all outside `dev`. For [`crate::http::Extra`].
pub fn router(app: &SharedApp) -> Router {
    if app.config.mode != Mode::Dev {
        return Router::new();
    }
    Router::new()
        .route("/pay/{token}", get(show).post(act))
        .route("/identity/{token}", get(identity::show).post(identity::act))
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(DefaultBodyLimit::max(FORM_LIMIT))
        .with_state(Arc::clone(app))
}

/// What a token opens.
enum Opened {
    /// A payment, with what the lender knows of it.
    Payment { item: Item, payment: Option<Box<Payment>> },
    /// A mandate, with the offer that is to be repaid.
    Mandate { item: Item, offer: Option<Box<Offer>> },
}

async fn show(State(app): State<SharedApp>, Path(token): Path<String>) -> Response {
    match open(&app, &token).await {
        Ok(Some(Opened::Payment { item, payment })) => {
            borrower::form_page(page::payment(&item, payment.as_deref(), app.clock.now()))
        }
        Ok(Some(Opened::Mandate { item, offer })) => borrower::form_page(page::mandate(&item, offer.as_deref())),
        Ok(None) => borrower::missing(),
        Err(error) => borrower::broken(&error),
    }
}

async fn act(State(app): State<SharedApp>, Path(token): Path<String>, headers: HeaderMap, body: String) -> Response {
    if from_elsewhere(&headers) {
        return borrower::refused(StatusCode::FORBIDDEN, ELSEWHERE);
    }
    match open(&app, &token).await {
        Ok(Some(opened)) => match carry_out(&app, opened, outcome(&body)).await {
            // The page tells what became of it, also when it had ended before.
            Ok(()) => (StatusCode::SEE_OTHER, [(LOCATION, format!("/pay/{token}"))]).into_response(),
            Err(problem) => borrower::refused(problem.status(), &problem.to_string()),
        },
        Ok(None) => borrower::missing(),
        Err(error) => borrower::broken(&error),
    }
}

fn is_token(text: &str) -> bool {
    text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

async fn open(app: &App, token: &str) -> Result<Option<Opened>, StoreError> {
    if !is_token(token) {
        return Ok(None);
    }
    let mut conn = app.pool.acquire().await?;
    let url = format!("{}/pay/{token}", app.config.borrower_url);
    if let Some(item) = items::find_page(&mut conn, Kind::Collection, &url).await? {
        let detail: CollectionDetail = item.detail();
        let (loan, id) = (LoanId(detail.loan_id), PaymentId(detail.payment_id));
        let payment = store::repayment::find(&mut conn, &app.sealer, &loan, Some(&id)).await?;
        return Ok(Some(Opened::Payment { item, payment: payment.map(Box::new) }));
    }
    let Some(item) = items::find_page(&mut conn, Kind::Mandate, &url).await? else {
        return Ok(None);
    };
    let ids = items::applications_of(&mut conn, "PLAN", &item.key).await?;
    let application = store::application::read(&mut conn, &app.sealer, &ids).await?.pop();
    let offer = application.and_then(|application| application.stage.deal().map(|deal| Box::new(deal.offer.clone())));
    Ok(Some(Opened::Mandate { item, offer }))
}

/// The one field of the form.
fn outcome(body: &str) -> &str {
    body.split('&').find_map(|field| field.strip_prefix("outcome=")).unwrap_or_default()
}

/// Browsers tell where a form was sent from; scripts and old browsers do not.
fn from_elsewhere(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let is_form = text(CONTENT_TYPE.as_str()).is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    !is_form || text("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none")
}

async fn carry_out(app: &App, opened: Opened, outcome: &str) -> Result<(), Problem> {
    let unknown = || Problem::new(StatusCode::BAD_REQUEST, NO_BUTTON);
    let done = match opened {
        Opened::Payment { item, payment } => {
            let outcome = match outcome {
                "succeed" => PaymentOutcome::Succeed,
                "fail" => PaymentOutcome::Fail,
                _ => return Err(unknown()),
            };
            if page::has_expired(payment.as_deref(), app.clock.now()) {
                return Ok(());
            }
            tell::page(app, &item.key, outcome).await
        }
        Opened::Mandate { item, .. } => {
            let outcome = match outcome {
                "authorise" => MandateOutcome::Authorise,
                "refuse" => MandateOutcome::Refuse,
                _ => return Err(unknown()),
            };
            tell::mandate_page(app, (&item.key, &item.detail::<MandateDetail>().payment_url), outcome).await
        }
    };
    // It ended otherwise before: the page says how.
    done.or_else(|problem| if problem.status() == StatusCode::CONFLICT { Ok(()) } else { Err(problem) })
}
