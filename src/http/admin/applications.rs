//! One application with everything that was said about it, decrypted: operators only.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::caller::{Caller, Kind};
use super::page::{self, Page};
use super::{keeping, search};
use crate::app::{App, SharedApp};
use crate::config::Mode;
use crate::domain::application::stage::STAGES;
use crate::domain::ids::{ApplicationId, ExchangeId};
use crate::http::problem::{Path, Problem, Query};
use crate::jose::{Incoming, OCEN_V3_ALGORITHMS};
use crate::seal::SealError;
use crate::store::attempt::{self, AttemptRow};
use crate::store::outbox::{answer_context, body_context};
use crate::store::overview::{self, Applications, CallbackRow, MessageRow};
use crate::store::{StoreError, application, injected};

/// Most events, messages, callbacks, attempts and asks that are shown of one application.
const SHOWN: i64 = 1_000;
/// What an LSP with a link does not see; of the sandbox only the first.
const INTERNAL: [&str; 4] = ["keeping", "state", "events", "asks"];

/// `GET /admin/applications`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListQuery {
    org_id: Option<String>,
    /// In this stage alone.
    stage: Option<String>,
    /// A search: an id of OCEN's or ours, a request or trace id, a borrower's PAN or phone.
    q: Option<String>,
    cursor: Option<String>,
    limit: Option<i64>,
}

/// Applications, newest first.
///
/// # Errors
/// 400 for a query that makes no sense.
pub async fn list(
    State(app): State<SharedApp>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Json<impl Serialize>, Problem> {
    let org_id = caller.within(query.org_id);
    let stage = query.stage.map(|stage| stage.to_ascii_uppercase());
    if stage.as_deref().is_some_and(|stage| !STAGES.contains(&stage)) {
        return Err(Problem::bad_request(format!("stage must be one of {}", STAGES.join(", "))));
    }
    let limit = page::limit(query.limit)?;
    let before = page::before(query.cursor.as_deref())?;
    let among = search::applications(&app, org_id.as_deref(), query.q.as_deref()).await?;
    let which = Applications {
        org_id: org_id.as_deref(),
        stage: stage.as_deref(),
        before,
        among: among.as_deref(),
        ..Applications::default()
    };
    let mut conn = app.pool.acquire().await?;
    let found = overview::applications(&mut conn, which, limit + 1).await?;
    Ok(Page::of(found, limit, |row| row.application_id.to_string()))
}

/// One application: state, facets, events, asks, and every message in and out with its attempts.
///
/// # Errors
/// 404 when the LSP has no such application.
pub async fn show(
    State(app): State<SharedApp>,
    caller: Caller,
    Path((org_id, loan_application_id)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let org_id = caller.within(Some(org_id)).unwrap_or_default();
    let which = Applications {
        org_id: Some(&org_id),
        loan_application_id: Some(&loan_application_id),
        ..Applications::default()
    };
    let mut conn = app.pool.acquire().await?;
    let row = overview::applications(&mut conn, which, 1).await?.pop();
    let row = row.ok_or_else(|| Problem::not_found("application"))?;
    let id = row.application_id;
    let state = application::read(&mut conn, &app.sealer, &[ApplicationId(id)]).await?.pop();
    let events = overview::events(&mut conn, id, SHOWN).await?;
    let asks = overview::asks(&mut conn, id, SHOWN).await?;
    let received = overview::messages(&mut conn, id, SHOWN).await?;
    let callbacks = overview::callbacks_of(&mut conn, id, SHOWN).await?;
    let ids: Vec<Uuid> = callbacks.iter().map(|callback| callback.callback_id).collect();
    let attempts = attempt::attempts(&mut conn, &ids, SHOWN).await?;
    let injected = Injected::of(&mut conn, &received, &ids).await?;
    drop(conn);
    let mut shown = object(&row)?;
    shown.insert("keeping".to_owned(), keeping::of_application(&app, id).await?);
    shown.insert("state".to_owned(), serde_json::to_value(&state).map_err(|e| Problem::internal(&e))?);
    shown.insert("events".to_owned(), json!(events));
    shown.insert("asks".to_owned(), json!(asks));
    let received: Vec<Value> =
        received.iter().map(|message| in_message(&app, message, &injected)).collect::<Result<_, _>>()?;
    shown.insert("received".to_owned(), Value::Array(received));
    let sent: Vec<Value> = callbacks
        .iter()
        .map(|callback| out_message(&app, callback, (&attempts, &injected)))
        .collect::<Result<_, _>>()?;
    shown.insert("sent".to_owned(), Value::Array(sent));
    if caller.kind == Kind::Link {
        // What a lender notes about an application is his own business; the sandbox keeps nothing from anybody.
        let kept = if app.config.mode == Mode::Dev { &INTERNAL[..1] } else { &INTERNAL[..] };
        shown.retain(|member, _| !kept.contains(&member.as_str()));
    }
    Ok(Json(Value::Object(shown)))
}

/// What the sandbox did to messages on purpose.
struct Injected {
    requests: HashMap<Uuid, String>,
    callbacks: HashMap<(Uuid, i32), String>,
}

impl Injected {
    async fn of(conn: &mut PgConnection, received: &[MessageRow], callbacks: &[Uuid]) -> Result<Self, Problem> {
        let exchanges: Vec<Uuid> = received.iter().map(|message| message.exchange_id).collect();
        let requests = injected::requests(conn, &exchanges).await?;
        Ok(Self { requests, callbacks: injected::callbacks(conn, callbacks).await? })
    }
}

fn object(value: &impl Serialize) -> Result<serde_json::Map<String, Value>, Problem> {
    match serde_json::to_value(value) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Ok(serde_json::Map::new()),
        Err(error) => Err(Problem::internal(&error)),
    }
}

fn in_message(app: &App, message: &MessageRow, injected: &Injected) -> Result<Value, Problem> {
    let context = format!("message:{}", ExchangeId(message.exchange_id));
    let body = shown(app.sealer.open(&context, &message.sealed_body))?;
    Ok(json!({
        "exchangeId": message.exchange_id,
        "operation": message.operation,
        "requestId": message.request_id,
        "traceId": message.trace_id,
        "signed": message.signed,
        "receivedAt": message.received_at,
        "answeredAt": message.answered_at,
        "missingResults": message.pending,
        "injected": injected.requests.get(&message.exchange_id),
        "body": body,
    }))
}

fn out_message(
    app: &App,
    callback: &CallbackRow,
    (attempts, injected): (&[AttemptRow], &Injected),
) -> Result<Value, Problem> {
    let mut shown = object(callback)?;
    if let Some(sealed) = &callback.sealed_body {
        let body = self::shown(app.sealer.open(&body_context(callback.callback_id), sealed))?;
        shown.insert("body".to_owned(), body);
    }
    let tries = attempts.iter().filter(|attempt| attempt.callback_id == callback.callback_id);
    let tries: Vec<Value> = tries.map(|attempt| one_attempt(app, attempt, injected)).collect::<Result<_, _>>()?;
    shown.insert("tries".to_owned(), Value::Array(tries));
    Ok(Value::Object(shown))
}

fn one_attempt(app: &App, attempt: &AttemptRow, injected: &Injected) -> Result<Value, Problem> {
    let context = answer_context(attempt.callback_id, attempt.attempt);
    let answer = attempt.sealed_answer.as_ref().map(|sealed| shown(app.sealer.open(&context, sealed))).transpose()?;
    Ok(json!({
        "attempt": attempt.attempt,
        "startedAt": attempt.started_at,
        "durationMs": attempt.duration_ms,
        "status": attempt.status,
        "error": attempt.error,
        "answer": answer,
        "injected": injected.callbacks.get(&(attempt.callback_id, attempt.attempt)),
    }))
}

/// What was opened, as people read it; of what was erased, when.
fn shown(opened: Result<Vec<u8>, SealError>) -> Result<Value, Problem> {
    match opened {
        Ok(bytes) => Ok(readable(&bytes)),
        Err(SealError::Erased(at)) => Ok(json!({"erasedAt": at})),
        Err(error) => Err(StoreError::from(error).into()),
    }
}

/// A message as people read it: the payload of a JWS, JSON as JSON, anything else as text.
pub(super) fn readable(bytes: &[u8]) -> Value {
    let signed = Incoming::parse(bytes, OCEN_V3_ALGORITHMS);
    let payload = match &signed {
        Ok(Incoming::Signed(jws)) => jws.unverified_payload(),
        _ => bytes,
    };
    serde_json::from_slice(payload).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(payload).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::{HeaderMember, SigningKey, sign_flattened};

    #[test]
    fn messages_are_shown_as_people_read_them() {
        let key = SigningKey::generate("k").unwrap();
        let signed = sign_flattened(&key, HeaderMember::Protected, br#"{"requestId":"r"}"#).unwrap();
        assert_eq!(readable(&signed), json!({"requestId": "r"}));
        assert_eq!(readable(br#"{"error":"0"}"#), json!({"error": "0"}));
        assert_eq!(readable(b"<html>"), json!("<html>"));
    }
}
