//! Pages that borrowers read: the key facts statement, the agreement, and where a dispute stands, each behind an
//! unguessable link. They need nothing from elsewhere, print on A4, and settle nothing. Whoever simulates a payment
//! partner brings pages of its own and answers with `form_page`.

mod agreement;
mod dispute;
pub(crate) mod html;
mod kfs;

use std::sync::{Arc, LazyLock};

use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use self::html::STYLE;
use super::problem::{no_such_method, no_such_path};
use crate::app::SharedApp;
use crate::config::Mode;
use crate::domain::kfs::Kfs;
use crate::engine::pages::sha256;
use crate::store::page::{self, Kind, Page};
use crate::store::{self, StoreError, application};

/// Nothing runs, nothing is loaded, and the one style sheet is the page's own.
static POLICY: LazyLock<String> = LazyLock::new(|| policy("'none'"));
/// The same for a page with a form of its own.
static FORM_POLICY: LazyLock<String> = LazyLock::new(|| policy("'self'"));

fn policy(form_action: &str) -> String {
    let hash = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()).as_ref());
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action {form_action}; \
         frame-ancestors 'none'"
    )
}

/// The pages.
pub fn router(app: &SharedApp) -> Router {
    let pages = Router::new().route("/kfs/{token}", get(key_facts)).route("/agreement/{token}", get(agreed));
    let pages = pages.route("/dispute/{token}", get(disputed)).route("/", get(front));
    let pages = match app.config.mode {
        Mode::Serve => pages.route("/pay/{token}", get(not_paid_here)),
        // The sandbox's own.
        Mode::Dev => pages,
    };
    pages.method_not_allowed_fallback(no_such_method).with_state(Arc::clone(app)).fallback(no_such_path)
}

/// Who opens the bare address has lost the link.
async fn front() -> Response {
    let text = "Key facts statements, agreements, payments and disputes are behind the link that you were sent. Open that one.";
    html(StatusCode::OK, self::html::plain("Pages for borrowers", text))
}

/// The statement for people, or with `?format=json` its very bytes.
async fn key_facts(
    State(app): State<SharedApp>,
    Path(token): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    match find(&app, Kind::Kfs, &token).await {
        Ok(Some(page)) if wants_json(query.as_deref(), &headers) => {
            answer(StatusCode::OK, "application/json", page.kfs)
        }
        Ok(Some(page)) => match serde_json::from_slice::<Kfs>(&page.kfs) {
            Ok(statement) => html(StatusCode::OK, kfs::page(&statement, &sha256(&page.kfs))),
            Err(error) => broken(&error),
        },
        Ok(None) => missing(),
        Err(error) => broken(&error),
    }
}

/// The agreement as it stands: a draft, the text to be signed, or what was signed.
async fn agreed(State(app): State<SharedApp>, Path(token): Path<String>) -> Response {
    match agreement_page(&app, &token).await {
        Ok(Some(text)) => html(StatusCode::OK, text),
        Ok(None) => missing(),
        Err(error) => broken(&error),
    }
}

async fn agreement_page(app: &SharedApp, token: &str) -> Result<Option<String>, StoreError> {
    let Some(page) = find(app, Kind::Agreement, token).await? else {
        return Ok(None);
    };
    let mut conn = app.pool.acquire().await?;
    let application = application::read(&mut conn, &app.sealer, &[page.application]).await?.pop();
    let statement = serde_json::from_slice::<Kfs>(&page.kfs).ok();
    Ok(statement.zip(application).map(|(statement, application)| agreement::page(&statement, &page, &application)))
}

/// Where a dispute stands.
async fn disputed(State(app): State<SharedApp>, Path(token): Path<String>) -> Response {
    match dispute_page(&app, &token).await {
        Ok(Some(text)) => html(StatusCode::OK, text),
        Ok(None) => missing(),
        Err(error) => broken(&error),
    }
}

async fn dispute_page(app: &SharedApp, token: &str) -> Result<Option<String>, StoreError> {
    if !is_token(token) {
        return Ok(None);
    }
    let mut conn = app.pool.acquire().await?;
    let Some(id) = page::dispute(&mut conn, &app.sealer, token).await? else {
        return Ok(None);
    };
    let found = store::dispute::read(&mut conn, &app.sealer, &id).await?;
    Ok(found.map(|found| dispute::page(&found, &app.config.letterhead)))
}

fn is_token(token: &str) -> bool {
    token.len() <= 64 && token.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

async fn find(app: &SharedApp, kind: Kind, token: &str) -> Result<Option<Page>, StoreError> {
    if !is_token(token) {
        return Ok(None);
    }
    let mut conn = app.pool.acquire().await?;
    page::find(&mut conn, &app.sealer, kind, token).await
}

/// Payments belong to the payment partner, whose address is in the message with the link. No token opens anything here.
async fn not_paid_here() -> Response {
    let text = "Payments are made on the page of the lender's payment partner, never on this one. Please use the link \
        that you got with your payment.";
    html(StatusCode::NOT_FOUND, html::plain("No such page", text))
}

fn wants_json(query: Option<&str>, headers: &HeaderMap) -> bool {
    let asked = query.is_some_and(|query| query.split('&').any(|pair| pair == "format=json"));
    let accepted = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    asked || accepted.split(',').next().is_some_and(|first| first.trim().starts_with("application/json"))
}

/// No page has this token.
pub(crate) fn missing() -> Response {
    let text = "There is no such page. Links are long: please check that you have the whole of it.";
    html(StatusCode::NOT_FOUND, html::plain("No such page", text))
}

/// The page cannot be shown; the log has why.
pub(crate) fn broken(error: &dyn std::error::Error) -> Response {
    tracing::error!(%error, "page failed");
    let text = "The page cannot be shown at the moment. Please try again in a minute.";
    html(StatusCode::SERVICE_UNAVAILABLE, html::plain("Not available", text))
}

/// A press of a button that did nothing.
pub(crate) fn refused(status: StatusCode, text: &str) -> Response {
    html(status, html::plain("Not done", text))
}

/// A page whose form is sent to the page itself.
pub(crate) fn form_page(text: String) -> Response {
    answer_under(&FORM_POLICY, (StatusCode::OK, "text/html; charset=utf-8"), text.into_bytes())
}

fn html(status: StatusCode, text: String) -> Response {
    answer(status, "text/html; charset=utf-8", text.into_bytes())
}

fn answer(status: StatusCode, media_type: &'static str, body: Vec<u8>) -> Response {
    answer_under(&POLICY, (status, media_type), body)
}

fn answer_under(policy: &str, (status, media_type): (StatusCode, &'static str), body: Vec<u8>) -> Response {
    let headers: [(HeaderName, &str); 6] = [
        (CONTENT_TYPE, media_type),
        (CONTENT_SECURITY_POLICY, policy),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("x-robots-tag"), "noindex"),
    ];
    (status, headers, body).into_response()
}
