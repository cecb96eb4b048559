//! The page of the simulated identity check, where scenario 0403 waits for the borrower.

use axum::extract::{Path, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::{ELSEWHERE, NO_BUTTON, from_elsewhere, is_token, outcome, page};
use crate::app::{App, SharedApp};
use crate::domain::ids::ApplicationId;
use crate::http::borrower;
use crate::sandbox::items::{self, IdentityDetail, Kind};
use crate::store::{self, StoreError};

/// State of a page whose borrower was there.
const DONE: &str = "DONE";

pub(super) async fn show(State(app): State<SharedApp>, Path(token): Path<String>) -> Response {
    match was_there(&app, &token).await {
        Ok(Some(was_there)) => borrower::form_page(page::identity(was_there)),
        Ok(None) => borrower::missing(),
        Err(error) => borrower::broken(&error),
    }
}

pub(super) async fn act(
    State(app): State<SharedApp>,
    Path(token): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response {
    if from_elsewhere(&headers) {
        return borrower::refused(StatusCode::FORBIDDEN, ELSEWHERE);
    }
    if outcome(&body) != "identify" {
        return borrower::refused(StatusCode::BAD_REQUEST, NO_BUTTON);
    }
    match identify(&app, &token).await {
        Ok(true) => (StatusCode::SEE_OTHER, [(LOCATION, format!("/identity/{token}"))]).into_response(),
        Ok(false) => borrower::missing(),
        Err(error) => borrower::broken(&error),
    }
}

/// Whether the borrower was there; nothing where there is no such page.
async fn was_there(app: &App, token: &str) -> Result<Option<bool>, StoreError> {
    if !is_token(token) {
        return Ok(None);
    }
    let mut conn = app.pool.acquire().await?;
    let item = items::find(&mut conn, Kind::Scenario, &items::identity_key(token)).await?;
    Ok(item.map(|item| item.state == DONE))
}

/// Notes that the borrower was there, and has the lender look.
async fn identify(app: &App, token: &str) -> Result<bool, StoreError> {
    if !is_token(token) {
        return Ok(false);
    }
    let now = app.clock.now();
    let mut tx = app.pool.begin().await?;
    let Some(mut item) = items::lock(&mut tx, Kind::Scenario, &items::identity_key(token)).await? else {
        return Ok(false);
    };
    let application = ApplicationId(item.detail::<IdentityDetail>().application);
    DONE.clone_into(&mut item.state);
    items::put(&mut tx, Kind::Scenario, &item, now).await?;
    store::ask::nudge(&mut tx, application, "kyc", now).await?;
    tx.commit().await?;
    app.wake.asks.notify_one();
    Ok(true)
}
