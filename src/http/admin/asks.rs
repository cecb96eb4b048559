//! Questions to the lender's systems that only a person can get going again.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::acts::LONGEST_REASON;
use super::caller::{Caller, words};
use super::page::{self, Page};
use crate::app::SharedApp;
use crate::http::problem::{Json as Body, Path, Problem, Query};
use crate::store::{ask_desk, ask_list};

/// `GET /admin/asks`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListQuery {
    cursor: Option<String>,
    limit: Option<i64>,
}

/// Stuck questions, newest first.
///
/// # Errors
/// 400 for a query that makes no sense.
pub async fn list(
    State(app): State<SharedApp>,
    Query(query): Query<ListQuery>,
) -> Result<Json<impl Serialize>, Problem> {
    let limit = page::limit(query.limit)?;
    let before = page::before(query.cursor.as_deref())?;
    let mut conn = app.pool.acquire().await?;
    let found = ask_list::stuck(&mut conn, &app.sealer, before, limit + 1).await?;
    Ok(Page::of(found, limit, |ask| ask.ask_id.to_string()))
}

/// Asks a stuck question again: the adapter was mended. Money that may have left is asked about, never sent again.
///
/// # Errors
/// 404 for a question that is not stuck, or that people end by an act or by closing it.
pub async fn retry(State(app): State<SharedApp>, caller: Caller, Path(id): Path<Uuid>) -> Result<Json<Value>, Problem> {
    let mut tx = app.pool.begin().await?;
    if !ask_desk::retry(&mut tx, id, app.clock.now()).await? {
        return Err(Problem::not_found("stuck question"));
    }
    caller.did("ASK_RETRIED").about("askId", id).append(&mut tx, app.clock.wall()).await?;
    tx.commit().await?;
    app.wake.notify_asks();
    Ok(Json(json!({"askId": id, "state": "OPEN"})))
}

/// `POST /admin/asks/{askId}/close`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "ClosedAsk")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Closed {
    /// What was done about it; goes into the audit log.
    reason: String,
}

/// Closes a stuck question that nothing waits for: money that was dealt with by hand, an order that was given up, a
/// notice, something to be undone.
///
/// # Errors
/// 400 or 422 without a reason, 404 for a question that is not stuck, or whose answer something waits for.
pub async fn close(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(closed): Body<Closed>,
) -> Result<Json<Value>, Problem> {
    let reason = words("reason", &closed.reason, LONGEST_REASON)?;
    let mut tx = app.pool.begin().await?;
    if !ask_desk::close(&mut tx, id, app.clock.now()).await? {
        return Err(Problem::not_found("stuck question that nothing waits for"));
    }
    caller.did("ASK_CLOSED").about("askId", id).because(&reason).append(&mut tx, app.clock.wall()).await?;
    tx.commit().await?;
    Ok(Json(json!({"askId": id, "state": "CLOSED"})))
}
