//! `GET /sandbox/traffic/{orgId}`: what passed between one LSP and us, in the words of whoever judges it.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::probe::ReadAck;
use super::problem::{Params, Path, Problem};
use super::{marks, refusals};
use crate::app::{App, SharedApp};
use crate::domain::ids::{ExchangeId, OrgId};
use crate::jose::{Incoming, OCEN_V3_ALGORITHMS};
use crate::lsp::{Lsp, LspKey};
use crate::store;
use crate::store::outbox::{answer_context, body_context};

/// Most requests, refusals, callbacks and attempts of one answer; the newest ones count.
const PAGE: i64 = 2_000;
/// Largest message that is shown, in bytes: documents are not what is judged.
const SHOWN: usize = 256 * 1024;

/// Since when.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    since: Option<DateTime<Utc>>,
}

/// All of it, oldest first.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Traffic {
    lsp: Lsp,
    lender: String,
    now: DateTime<Utc>,
    /// Whether the clock was moved, so that times of arrival cannot be held against timestamps.
    clock_moved: bool,
    /// Whether there was more than is shown.
    truncated: bool,
    requests: Vec<Request>,
    refusals: Vec<Refusal>,
    callbacks: Vec<Callback>,
}

/// A request that was accepted.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "requestId is what OCEN calls it")]
struct Request {
    id: Uuid,
    operation: String,
    request_id: String,
    trace_id: String,
    received_at: DateTime<Utc>,
    signed: bool,
    kid: Option<String>,
    bytes: usize,
    /// The message; nothing when it was too large to show, or erased.
    message: Option<Value>,
    /// What the sandbox did to it on purpose.
    injected: Option<String>,
}

/// A request that was refused in its ack.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Refusal {
    id: String,
    operation: String,
    request_id: Option<String>,
    received_at: DateTime<Utc>,
    status: i32,
    error: String,
    pointer: String,
    detail: String,
}

/// A callback with its tries.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Callback {
    id: Uuid,
    exchange_id: Option<Uuid>,
    operation: String,
    request_id: String,
    trace_id: String,
    state: String,
    created_at: DateTime<Utc>,
    /// Without its metadata.
    message: Option<Value>,
    tries: Vec<Try>,
    /// What the sandbox did to it on purpose.
    injected: Option<String>,
}

/// One try to deliver a callback.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Try {
    attempt: i32,
    started_at: DateTime<Utc>,
    took_ms: i32,
    status: Option<i32>,
    error: Option<String>,
    ack: Option<ReadAck>,
    /// What the sandbox did to this try on purpose.
    injected: Option<String>,
}

pub(super) async fn show(
    State(app): State<SharedApp>,
    Path(org): Path<String>,
    Params(wanted): Params<Wanted>,
) -> Result<Json<Traffic>, Problem> {
    let since = wanted.since.unwrap_or(DateTime::UNIX_EPOCH);
    let mut conn = app.pool.acquire().await?;
    let found = store::lsp::find(&mut conn, &OrgId::from(org.as_str())).await?;
    let lsp = found.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, format!("{org} is not registered")))?;
    drop(conn);
    let requests = requests(&app, &org, since).await?;
    let refusals = refusals(&app, &org, since).await?;
    let callbacks = callbacks(&app, &lsp, since).await?;
    let full = |count: usize| i64::try_from(count).is_ok_and(|count| count >= PAGE);
    Ok(Json(Traffic {
        lender: app.config.lender.org_id.clone(),
        now: app.clock.now(),
        clock_moved: app.clock.offset_ms() != 0,
        truncated: full(requests.len()) || full(refusals.len()) || full(callbacks.len()),
        lsp,
        requests,
        refusals,
        callbacks,
    }))
}

async fn requests(app: &App, org: &str, since: DateTime<Utc>) -> Result<Vec<Request>, Problem> {
    let rows = sqlx::query!(
        "select exchange.exchange_id, operation, request_id, trace_id, signed, message.received_at, message.body
        from exchange
        join message on message.exchange_id = exchange.exchange_id
        where org_id = $1
        and message.received_at >= $2
        order by message.received_at desc, exchange.exchange_id desc
        limit $3",
        org,
        since,
        PAGE,
    )
    .fetch_all(&app.pool)
    .await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.exchange_id).collect();
    let mut conn = app.pool.acquire().await?;
    let marks = marks::of_requests(&mut conn, &ids).await?;
    drop(conn);
    let read = rows.into_iter().rev().map(|row| {
        let body = app.sealer.open(&format!("message:{}", ExchangeId(row.exchange_id)), &row.body);
        let (kid, bytes, message) = body.map_or((None, 0, None), |body| read(&body));
        Request {
            id: row.exchange_id,
            operation: row.operation,
            request_id: row.request_id,
            trace_id: row.trace_id,
            received_at: row.received_at,
            signed: row.signed,
            kid,
            bytes,
            message,
            injected: marks.get(&row.exchange_id).cloned(),
        }
    });
    Ok(read.collect())
}

/// The kid, the size and the content of a message as received.
fn read(body: &[u8]) -> (Option<String>, usize, Option<Value>) {
    let parsed = Incoming::parse(body, OCEN_V3_ALGORITHMS);
    let (kid, payload) = match &parsed {
        Ok(Incoming::Signed(jws)) => (jws.kid().map(str::to_owned), jws.unverified_payload()),
        _ => (None, body),
    };
    let shown = Some(payload).filter(|payload| payload.len() <= SHOWN);
    (kid, body.len(), shown.and_then(|payload| serde_json::from_slice(payload).ok()))
}

async fn refusals(app: &App, org: &str, since: DateTime<Utc>) -> Result<Vec<Refusal>, Problem> {
    let rows = sqlx::query!(
        "select refusal_id, operation, request_id, status, error, pointer, detail, received_at
        from sandbox.refusal
        where org_id = $1
        and received_at >= $2
        order by received_at desc, refusal_id desc
        limit $3",
        org,
        since,
        PAGE,
    )
    .fetch_all(&app.pool)
    .await?;
    let read = rows.into_iter().rev().map(|row| {
        let detail = app.sealer.open(refusals::SEALED_FOR, &row.detail)?;
        Ok(Refusal {
            id: format!("refusal-{}", row.refusal_id),
            operation: row.operation,
            request_id: row.request_id,
            received_at: row.received_at,
            status: row.status,
            error: row.error,
            pointer: row.pointer,
            detail: String::from_utf8_lossy(&detail).into_owned(),
        })
    });
    read.collect()
}

async fn callbacks(app: &App, lsp: &Lsp, since: DateTime<Utc>) -> Result<Vec<Callback>, Problem> {
    let rows = sqlx::query!(
        r#"select callback_id, exchange_id, operation, request_id, trace_id, lower(state) as "state!", created_at, body
        from callback
        where org_id = $1
        and created_at >= $2
        order by created_at desc, callback_id desc
        limit $3"#,
        lsp.org_id.as_str(),
        since,
        PAGE,
    )
    .fetch_all(&app.pool)
    .await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.callback_id).collect();
    let mut conn = app.pool.acquire().await?;
    let attempts = store::attempt::attempts(&mut conn, &ids, PAGE).await?;
    let marks = marks::of_callbacks(&mut conn, &ids).await?;
    drop(conn);
    let mut tries: HashMap<Uuid, Vec<Try>> = HashMap::new();
    for attempt in attempts {
        let id = attempt.callback_id;
        tries.entry(id).or_default().push(one_try(app, attempt, &lsp.keys, &marks));
    }
    let read = rows.into_iter().rev().map(|row| {
        let body = app.sealer.open(&body_context(row.callback_id), &row.body).ok();
        let body = body.filter(|body| body.len() <= SHOWN);
        Callback {
            id: row.callback_id,
            exchange_id: row.exchange_id,
            operation: row.operation,
            request_id: row.request_id,
            trace_id: row.trace_id,
            state: row.state,
            created_at: row.created_at,
            message: body.and_then(|body| serde_json::from_slice(&body).ok()),
            tries: tries.remove(&row.callback_id).unwrap_or_default(),
            injected: marks.get(&(row.callback_id, 0)).cloned(),
        }
    });
    Ok(read.collect())
}

fn one_try(
    app: &App,
    attempt: store::attempt::AttemptRow,
    keys: &[LspKey],
    marks: &HashMap<(Uuid, i32), String>,
) -> Try {
    // A key that was replaced since then counted then.
    let counted = keys.iter().filter(|key| key.revoked_at.is_none_or(|at| at > attempt.started_at));
    let keys: Vec<LspKey> = counted.map(|key| LspKey { revoked_at: None, ..key.clone() }).collect();
    let context = answer_context(attempt.callback_id, attempt.attempt);
    let answer = attempt.sealed_answer.and_then(|sealed| app.sealer.open(&context, &sealed).ok());
    Try {
        attempt: attempt.attempt,
        started_at: attempt.started_at,
        took_ms: attempt.duration_ms,
        status: attempt.status,
        error: attempt.error,
        ack: answer.and_then(|answer| ReadAck::of(&answer, &keys)),
        injected: marks.get(&(attempt.callback_id, attempt.attempt)).cloned(),
    }
}
