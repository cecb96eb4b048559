//! A built-in LSP endpoint: takes every callback, looks at its signature, keeps it to be looked at.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::demo;
use super::problem::{Params, Path, Problem, Raw};
use crate::app::{App, SharedApp};
use crate::jose::{HeaderMember, Incoming, OCEN_V3_ALGORITHMS, sign_flattened};

/// Most callbacks of one answer.
const PAGE: i64 = 100;
/// What the bodies are sealed for.
const SEALED_FOR: &str = "sandbox.inbox";

/// A callback as its endpoint sees it.
struct Callback {
    payload: Vec<u8>,
    signed_with: Option<HeaderMember>,
    verified: bool,
}

/// `GET /sandbox/inbox/{orgId}`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wanted {
    request_id: Option<String>,
    cursor: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page {
    items: Vec<Entry>,
    next_cursor: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    path: String,
    body: Box<RawValue>,
    signed: bool,
    verified: bool,
    received_at: DateTime<Utc>,
}

/// A callback at the bare base URL, as a path override may ask for.
pub(super) async fn receive_at_base(
    state: State<SharedApp>,
    Path(org): Path<String>,
    body: Raw,
) -> Result<Response, Problem> {
    receive(state, Path((org, String::new())), body).await
}

pub(super) async fn receive(
    State(app): State<SharedApp>,
    Path((org, path)): Path<(String, String)>,
    Raw(body): Raw,
) -> Result<Response, Problem> {
    let callback = open(&app, &body)?;
    let message: Value = serde_json::from_slice(&callback.payload)
        .map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "the callback is no JSON"))?;
    let sealed = app.sealer.seal(SEALED_FOR, &callback.payload)?;
    sqlx::query!(
        "insert into sandbox.inbox (org_id, path, request_id, body, signed, verified, received_at)
        values ($1, $2, $3, $4, $5, $6, $7)",
        org,
        format!("/{path}"),
        message.get("requestId").and_then(Value::as_str),
        sealed,
        callback.signed_with.is_some(),
        callback.verified,
        app.clock.now(),
    )
    .execute(&app.pool)
    .await?;
    acknowledge(&app, &org, &message, callback.signed_with).await
}

fn open(app: &App, body: &[u8]) -> Result<Callback, Problem> {
    let bad = |detail: String| Problem::new(StatusCode::BAD_REQUEST, detail);
    match Incoming::parse(body, OCEN_V3_ALGORITHMS).map_err(|error| bad(error.to_string()))? {
        Incoming::Plain => Ok(Callback { payload: body.to_vec(), signed_with: None, verified: false }),
        Incoming::Signed(message) => {
            let ours = app.keys.current();
            let key = ours.all().find(|key| message.kid().is_none_or(|kid| kid == key.kid()));
            let verified = key.is_some_and(|key| message.verify(key.verifying_key()).is_ok());
            // What does not verify is kept as well: seeing it is what the inbox is for.
            let payload = message.unverified_payload().to_vec();
            Ok(Callback { payload, signed_with: Some(message.member()), verified })
        }
    }
}

/// Answers as an LSP would: in the manner of the callback where it has a key to sign with, else plain.
async fn acknowledge(
    app: &App,
    org: &str,
    message: &Value,
    signed_with: Option<HeaderMember>,
) -> Result<Response, Problem> {
    let trace_id = message.pointer("/metadata/traceId").and_then(Value::as_str).unwrap_or_default();
    let timestamp = app.clock.wall().to_rfc3339_opts(SecondsFormat::Millis, true);
    let ack = serde_json::json!({ "error": "0", "traceId": trace_id, "timestamp": timestamp }).to_string();
    let sandbox = app.config.sandbox.as_ref().filter(|_| org == demo::ORG_ID);
    let body = match (sandbox, signed_with) {
        (Some(sandbox), Some(member)) => {
            let key = demo::key(&sandbox.data_dir).await.map_err(|error| Problem::internal(&error))?;
            sign_flattened(&key, member, ack.as_bytes()).map_err(|error| Problem::internal(&error))?
        }
        _ => ack.into_bytes(),
    };
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

/// What an LSP's endpoint got, newest first.
pub(super) async fn list(
    State(app): State<SharedApp>,
    Path(org): Path<String>,
    Params(wanted): Params<Wanted>,
) -> Result<Json<Page>, Problem> {
    let rows = sqlx::query!(
        "select inbox_id, path, body, signed, verified, received_at
        from sandbox.inbox
        where org_id = $1
        and ($2::text is null or request_id = $2)
        and ($3::bigint is null or inbox_id < $3)
        order by inbox_id desc
        limit $4",
        org,
        wanted.request_id,
        wanted.cursor,
        PAGE,
    )
    .fetch_all(&app.pool)
    .await?;
    let is_full = i64::try_from(rows.len()).is_ok_and(|count| count == PAGE);
    let next_cursor = rows.last().filter(|_| is_full).map(|row| row.inbox_id.to_string());
    let mut items = Vec::with_capacity(rows.len());
    for row in rows {
        let payload = app.sealer.open(SEALED_FOR, &row.body)?;
        let body = serde_json::from_slice(&payload).map_err(|error| Problem::internal(&error))?;
        let (path, signed, verified) = (row.path, row.signed, row.verified);
        items.push(Entry { path, body, signed, verified, received_at: row.received_at });
    }
    Ok(Json(Page { items, next_cursor }))
}
