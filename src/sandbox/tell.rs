//! Telling the simulated systems what the borrower or the bank does next, and sending the engine to look.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::items::{self, CollectionDetail, ConsentDetail, Item, Kind, PaymentDetail};
use super::problem::{Body, Params, Path, Problem};
use super::systems::{MandateDetail, fail_collection, fail_payment, settle_collection, settle_payment};
use crate::app::{App, SharedApp};
use crate::domain::ids::{LoanId, PaymentId};
use crate::domain::loan::operator::Act;
use crate::engine::later;
use crate::engine::operate::{self, ActError};
use crate::store;

/// `POST /sandbox/consents/{consentHandle}`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum ConsentOutcome {
    Approve,
    Reject,
}

/// `POST /sandbox/mandates/{planId}`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum MandateOutcome {
    Authorise,
    Refuse,
    Cancel,
}

/// `POST /sandbox/mandates/{planId}`: what the borrower does with the mandate, or what its next debit does.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ToldOfMandate {
    outcome: Option<MandateOutcome>,
    next: Option<NextDebit>,
}

/// What the next debit does.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum NextDebit {
    Bounce,
}

/// `POST /sandbox/payments/{paymentId}`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum PaymentOutcome {
    Succeed,
    Fail,
    Return,
}

/// The body of all three.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Told<T> {
    outcome: T,
}

/// Which loan a payment id is meant of; ids are unique per loan only.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OfLoan {
    loan_id: Option<String>,
}

pub(super) async fn consent(
    State(app): State<SharedApp>,
    Path(handle): Path<String>,
    Body(told): Body<Told<ConsentOutcome>>,
) -> Result<Json<Value>, Problem> {
    let mut tx = app.pool.begin().await?;
    let item = items::lock(&mut tx, Kind::Consent, &handle).await?;
    let mut item = item.ok_or_else(|| Problem::unknown("consent"))?;
    let next = match (told.outcome, item.state.as_str()) {
        (ConsentOutcome::Approve, "PENDING" | "APPROVED") => "APPROVED",
        // The borrower may revoke a consent at any time.
        (ConsentOutcome::Reject, _) => "REJECTED",
        (ConsentOutcome::Approve, _) => return Err(ended("consent", &item.state)),
    };
    next.clone_into(&mut item.state);
    item.detail = serde_json::to_string(&ConsentDetail { told: true }).ok();
    items::put(&mut tx, Kind::Consent, &item, app.clock.now()).await?;
    nudge(&mut tx, &app, ("CONSENT", &handle), "data").await?;
    tx.commit().await?;
    app.wake.asks.notify_one();
    Ok(Json(json!({ "consentHandle": handle, "state": next })))
}

pub(super) async fn mandate(
    State(app): State<SharedApp>,
    Path(plan): Path<String>,
    Body(told): Body<ToldOfMandate>,
) -> Result<Json<Value>, Problem> {
    let mut tx = app.pool.begin().await?;
    let item = items::lock(&mut tx, Kind::Mandate, &plan).await?;
    let item = item.ok_or_else(|| Problem::unknown("mandate"))?;
    let outcome = match (told.outcome, told.next) {
        (Some(outcome), None) => outcome,
        (None, Some(NextDebit::Bounce)) => {
            let told = Item { key: items::bounce_key(&plan), state: "BOUNCE".to_owned(), detail: None };
            items::put(&mut tx, Kind::Scenario, &told, app.clock.now()).await?;
            tx.commit().await?;
            return Ok(Json(json!({ "planId": plan, "state": item.state, "next": "bounce" })));
        }
        _ => return Err(Problem::new(StatusCode::BAD_REQUEST, "give exactly one of `outcome` and `next`")),
    };
    let next = move_mandate(&app, tx, item, outcome).await?;
    Ok(Json(json!({ "planId": plan, "state": next })))
}

/// The borrower's word on the page of a mandate, which is the plan's as long as it has this address.
pub(super) async fn mandate_page(app: &App, (plan, url): (&str, &str), outcome: MandateOutcome) -> Result<(), Problem> {
    let mut tx = app.pool.begin().await?;
    let item = items::lock(&mut tx, Kind::Mandate, plan).await?;
    let current = item.filter(|item| item.detail::<MandateDetail>().payment_url == url);
    let item = current.ok_or_else(|| Problem::unknown("mandate"))?;
    move_mandate(app, tx, item, outcome).await.map(|_| ())
}

/// The borrower's word on whatever mandate a plan has.
pub(super) async fn mandate_by_plan(app: &App, plan: &str, outcome: MandateOutcome) -> Result<(), Problem> {
    let mut tx = app.pool.begin().await?;
    let item = items::lock(&mut tx, Kind::Mandate, plan).await?.ok_or_else(|| Problem::unknown("mandate"))?;
    move_mandate(app, tx, item, outcome).await.map(|_| ())
}

/// The bank's act on a payout, by its bank key.
pub(super) async fn payout(app: &App, bank_key: &str, outcome: PaymentOutcome) -> Result<(), Problem> {
    let mut tx = app.pool.begin().await?;
    let item = items::lock(&mut tx, Kind::Payment, bank_key).await?.ok_or_else(|| Problem::unknown("payment"))?;
    let payment = item.detail::<PaymentDetail>().payment_id;
    end_payment(&mut tx, app, item, (&payment, outcome)).await?;
    nudge(&mut tx, app, ("PAYMENT", &payment), "disbursement").await?;
    tx.commit().await?;
    Ok(())
}

async fn move_mandate(
    app: &App,
    mut tx: sqlx::Transaction<'_, sqlx::Postgres>,
    mut item: Item,
    outcome: MandateOutcome,
) -> Result<&'static str, Problem> {
    let next = match (outcome, item.state.as_str()) {
        (MandateOutcome::Authorise, "PENDING" | "AUTHORISED") => "AUTHORISED",
        (MandateOutcome::Refuse, "PENDING" | "REFUSED") => "REFUSED",
        (MandateOutcome::Cancel, "PENDING" | "AUTHORISED" | "CANCELLED") => "CANCELLED",
        _ => return Err(ended("mandate", &item.state)),
    };
    next.clone_into(&mut item.state);
    items::put(&mut tx, Kind::Mandate, &item, app.clock.now()).await?;
    nudge(&mut tx, app, ("PLAN", &item.key), "collections").await?;
    let applications = items::applications_of(&mut tx, "PLAN", &item.key).await?;
    tx.commit().await?;
    app.wake.asks.notify_one();
    if next == "CANCELLED" {
        // Nobody asks about a mandate that is authorised: the collection system tells by itself.
        let reference = item.detail::<MandateDetail>().reference;
        for application in applications {
            let told = later::mandate_cancelled(app, application, (&item.key, &reference)).await;
            told.map_err(|error| Problem::internal(&error))?;
        }
    }
    Ok(next)
}

pub(super) async fn payment(
    State(app): State<SharedApp>,
    Path(payment): Path<String>,
    Params(of): Params<OfLoan>,
    Body(told): Body<Told<PaymentOutcome>>,
) -> Result<Json<Value>, Problem> {
    let mut tx = app.pool.begin().await?;
    if let Some(item) = items::lock_collection(&mut tx, &payment).await? {
        return collection(&app, tx, (&payment, item), told.outcome).await;
    }
    if let Some(loan) = &of.loan_id {
        // Otherwise the order could slip in between finding no payment and leaving word for it.
        items::take_turn(&mut tx, &items::told_key(loan, &payment)).await?;
    }
    let state = match items::lock_payment(&mut tx, &payment, of.loan_id.as_deref()).await? {
        Some(item) => end_payment(&mut tx, &app, item, (&payment, told.outcome)).await?,
        None => tell_ahead(&mut tx, &app, (&payment, of.loan_id.as_deref()), told.outcome).await?,
    };
    nudge(&mut tx, &app, ("PAYMENT", &payment), "disbursement").await?;
    tx.commit().await?;
    app.wake.asks.notify_one();
    Ok(Json(json!({ "paymentId": payment, "state": state })))
}

/// What the borrower does on the page of a payment.
pub(super) async fn page(app: &App, key: &str, outcome: PaymentOutcome) -> Result<(), Problem> {
    let mut tx = app.pool.begin().await?;
    let item = items::lock(&mut tx, Kind::Collection, key).await?.ok_or_else(|| Problem::unknown("payment"))?;
    let payment = item.detail::<CollectionDetail>().payment_id;
    collection(app, tx, (&payment, item), outcome).await.map(|_| ())
}

/// The borrower pays, gives up, or has the bank take a payment back.
async fn collection(
    app: &App,
    mut tx: sqlx::Transaction<'_, sqlx::Postgres>,
    (payment, mut item): (&str, Item),
    outcome: PaymentOutcome,
) -> Result<Json<Value>, Problem> {
    match (outcome, item.state.as_str()) {
        (PaymentOutcome::Succeed, "PENDING") => settle_collection(&mut item, app.clock.today()),
        (PaymentOutcome::Fail | PaymentOutcome::Return, "PENDING") => fail_collection(&mut item, "PAYER_DECLINED"),
        (PaymentOutcome::Succeed, "PAID") | (PaymentOutcome::Fail, "FAILED") | (PaymentOutcome::Return, "RETURNED") => {
        }
        (PaymentOutcome::Return, "PAID") => {
            "RETURNED".clone_into(&mut item.state);
            let loan = LoanId(item.detail::<CollectionDetail>().loan_id);
            let act = Act::ReverseReceipt { payment_id: PaymentId::from(payment), on: app.clock.today() };
            perform(app, &mut tx, &loan, &act).await?;
        }
        _ => return Err(ended("payment", &item.state)),
    }
    items::put(&mut tx, Kind::Collection, &item, app.clock.now()).await?;
    nudge(&mut tx, app, ("REPAYMENT", payment), "collections").await?;
    tx.commit().await?;
    app.wake.notify_asks();
    app.wake.notify_callbacks();
    Ok(Json(json!({ "paymentId": payment, "state": item.state })))
}

/// The bank takes something back: booked as when an operator had seen it.
pub(super) async fn perform(app: &App, conn: &mut PgConnection, loan: &LoanId, act: &Act) -> Result<(), Problem> {
    let reference = app.ids.uuid().simple().to_string();
    operate::perform(app, conn, loan, (act, &reference)).await.map_err(|error| match error {
        ActError::Failed(failed) => Problem::internal(&failed),
        refused => Problem::new(StatusCode::CONFLICT, refused.to_string()),
    })
}

async fn end_payment(
    conn: &mut PgConnection,
    app: &App,
    mut item: Item,
    (payment, outcome): (&str, PaymentOutcome),
) -> Result<String, Problem> {
    match (outcome, item.state.as_str()) {
        (PaymentOutcome::Succeed, "PENDING") => settle_payment(&mut item, app.clock.today()),
        (PaymentOutcome::Fail, "PENDING") => fail_payment(&mut item, "CREDIT_REFUSED"),
        (PaymentOutcome::Return, "PENDING") => fail_payment(&mut item, "RETURNED"),
        (PaymentOutcome::Succeed, "PAID") | (PaymentOutcome::Fail | PaymentOutcome::Return, "FAILED" | "RETURNED") => {}
        (PaymentOutcome::Return, "PAID") => {
            "RETURNED".clone_into(&mut item.state);
            let loan = LoanId(item.detail::<PaymentDetail>().loan_id);
            let act = Act::ReturnPayout { payment_id: PaymentId::from(payment), on: app.clock.today() };
            perform(app, conn, &loan, &act).await?;
        }
        _ => return Err(ended("payment", &item.state)),
    }
    items::put(conn, Kind::Payment, &item, app.clock.now()).await?;
    Ok(item.state)
}

/// The order may not have reached the bank yet: what was told waits for it.
async fn tell_ahead(
    conn: &mut PgConnection,
    app: &App,
    (payment, loan): (&str, Option<&str>),
    outcome: PaymentOutcome,
) -> Result<String, Problem> {
    let known = !items::applications_of(conn, "PAYMENT", payment).await?.is_empty();
    let loan = loan.filter(|_| known).ok_or_else(|| Problem::unknown("payment; name the loan with ?loanId="))?;
    let state = match outcome {
        PaymentOutcome::Succeed => "PAID",
        PaymentOutcome::Fail | PaymentOutcome::Return => "FAILED",
    };
    let item = Item { key: items::told_key(loan, payment), state: state.to_owned(), detail: None };
    items::put(conn, Kind::Scenario, &item, app.clock.now()).await?;
    Ok(state.to_owned())
}

async fn nudge(conn: &mut PgConnection, app: &App, (kind, value): (&str, &str), port: &str) -> Result<(), Problem> {
    for application in items::applications_of(conn, kind, value).await? {
        store::ask::nudge(conn, application, port, app.clock.now()).await?;
    }
    Ok(())
}

fn ended(what: &str, state: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, format!("the {what} is {state} already"))
}
