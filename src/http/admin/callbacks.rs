//! Delivery as operators see it, and sending again.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::Connection as _;
use uuid::Uuid;

use super::caller::Caller;
use super::page::{self, Page};
use crate::app::SharedApp;
use crate::http::problem::{self, Path, Problem, Query};
use crate::store::outbox::{self, Redelivery, Since};
use crate::store::overview::{self, Callbacks};

/// How many callbacks one transaction queues again.
const BATCH: i64 = 500;

/// `GET /admin/callbacks`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListQuery {
    /// In this state alone.
    state: Option<Standing>,
    org_id: Option<String>,
    /// Those that answer this request.
    request_id: Option<String>,
    cursor: Option<String>,
    limit: Option<i64>,
}

/// State of a callback, as operators write it.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Standing {
    /// To be sent.
    Pending,
    /// Acknowledged.
    Delivered,
    /// Given up.
    Parked,
}

impl Standing {
    fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Delivered => "DELIVERED",
            Self::Parked => "PARKED",
        }
    }
}

/// Which callbacks are sent again.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[schemars(rename = "RedeliverState")]
#[serde(rename_all = "camelCase")]
pub enum Again {
    /// Acknowledged ones.
    Delivered,
    /// Those that were given up.
    Parked,
}

impl Again {
    fn name(self) -> &'static str {
        match self {
            Self::Delivered => "DELIVERED",
            Self::Parked => "PARKED",
        }
    }
}

/// `POST /admin/callbacks/redeliver`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Redeliver")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RedeliverIn {
    /// Of these alone; left out, delivered and parked ones.
    state: Option<Again>,
    /// Decided or delivered since then.
    since: DateTime<Utc>,
    /// Of this LSP alone.
    org_id: Option<String>,
}

/// Callbacks, newest first.
///
/// # Errors
/// 400 for a query that makes no sense.
pub async fn list(
    State(app): State<SharedApp>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Json<impl Serialize>, Problem> {
    let limit = page::limit(query.limit)?;
    let org_id = caller.within(query.org_id);
    let which = Callbacks {
        state: query.state.map(Standing::name),
        org_id: org_id.as_deref(),
        request_id: query.request_id.as_deref(),
        before: page::before(query.cursor.as_deref())?,
    };
    let mut conn = app.pool.acquire().await?;
    let callbacks = overview::callbacks(&mut conn, which, limit + 1).await?;
    Ok(Page::of(callbacks, limit, |callback| callback.callback_id.to_string()))
}

/// Sends one callback again: a delivered or parked one at the end of its stream, a pending one now.
///
/// # Errors
/// 404 when there is no such callback, 409 when its body was erased.
pub async fn redeliver(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Value>, Problem> {
    let mut tx = app.pool.begin().await?;
    let done = outbox::redeliver(&mut tx, id, app.clock.now()).await?;
    let Some(done) = done else {
        return Err(Problem::not_found("callback"));
    };
    if done == Redelivery::Erased {
        return Err(Problem::conflict("the callback was erased at the end of its retention"));
    }
    caller.did("CALLBACK_REDELIVERED").about("callbackId", id).append(&mut tx, app.clock.wall()).await?;
    tx.commit().await?;
    app.wake.notify_callbacks();
    tracing::info!(callback = %id, ?done, "callback queued by an operator");
    let queued = u64::from(done == Redelivery::Queued);
    Ok(Json(json!({"id": id, "state": "pending", "queued": queued})))
}

/// Sends everything again that was decided or delivered since a time, in the old order.
///
/// # Errors
/// When the database fails; what was queued until then stays queued.
pub async fn redeliver_since(
    State(app): State<SharedApp>,
    caller: Caller,
    problem::Json(body): problem::Json<RedeliverIn>,
) -> Result<Json<Value>, Problem> {
    let now = app.clock.now();
    let mut queued = 0;
    let mut conn = app.pool.acquire().await?;
    let (state, org_id) = (body.state.map(Again::name), body.org_id.as_deref());
    let whole = Since { state, org_id, since: body.since, until: now, after: Uuid::nil(), limit: BATCH };
    let mut tx = conn.begin().await?;
    let mut after = Some(outbox::before_first_since(&mut tx, whole).await?);
    tx.commit().await?;
    while let Some(last) = after {
        let page = Since { after: last, ..whole };
        let mut tx = conn.begin().await?;
        let (moved, next) = outbox::redeliver_since(&mut tx, page, now).await?;
        // One entry a batch, in the transaction that queues it.
        let entry = caller.did("CALLBACKS_REDELIVERED").about("since", body.since.to_rfc3339()).about("queued", moved);
        let entry = entry.about("orgId", body.org_id.as_deref().unwrap_or("all"));
        entry.append(&mut tx, app.clock.wall()).await?;
        tx.commit().await?;
        app.wake.notify_callbacks();
        queued += moved;
        after = next;
    }
    tracing::info!(queued, org = body.org_id, since = %body.since, "callbacks queued by an operator");
    Ok(Json(json!({"queued": queued})))
}
