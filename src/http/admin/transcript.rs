//! One application's transcript as a zip: for an LSP that asks, for a dispute.

use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::reveal::View;
use super::{applications, mask, message_view};
use crate::app::{App, SharedApp};
use crate::domain::ids::{ExchangeId, OrgId};
use crate::http::problem::{Path, Problem, Query};
use crate::jose::{Incoming, OCEN_V3_ALGORITHMS};
use crate::seal::SealError;
use crate::store::StoreError;
use crate::store::attempt::{self, AttemptRow};
use crate::store::lsp;
use crate::store::outbox::{answer_context, body_context};
use crate::store::overview::{self, ApplicationRow, Applications, CallbackRow, MessageRow};
use crate::transcript::sha256_of;
use crate::transcript::write::{self, Cover, Item};

/// Most messages, callbacks or attempts of a transcript.
const MOST: i64 = 5_000;
/// Most bytes of all its files together.
const MOST_BYTES: usize = 256 * 1024 * 1024;

/// `GET /admin/applications/{orgId}/{loanApplicationId}/transcript`. What `view` says was judged before.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Wanted {
    /// `masked`, which it is when left out, or `full`, with a reason.
    view: Option<String>,
}

/// An item with its time, to be put in order.
type Timed = (DateTime<Utc>, Item);

/// The zip.
///
/// # Errors
/// 404 when the LSP has no such application, 409 when there is too much of it.
pub async fn download(
    State(app): State<SharedApp>,
    Path((org_id, loan_application_id)): Path<(String, String)>,
    Query(wanted): Query<Wanted>,
    view: View,
) -> Result<Response, Problem> {
    if !matches!(wanted.view.as_deref(), None | Some("masked" | "full")) {
        return Err(Problem::bad_request("view is masked or full"));
    }
    let which = Applications {
        org_id: Some(&org_id),
        loan_application_id: Some(&loan_application_id),
        ..Applications::default()
    };
    let mut conn = app.pool.acquire().await?;
    let row = overview::applications(&mut conn, which, 1).await?.pop();
    let row = row.ok_or_else(|| Problem::not_found("application"))?;
    let id = row.application_id;
    let received = overview::messages(&mut conn, id, MOST + 1).await?;
    let callbacks = overview::callbacks_of(&mut conn, id, MOST + 1).await?;
    let ids: Vec<Uuid> = callbacks.iter().map(|callback| callback.callback_id).collect();
    let attempts = attempt::attempts(&mut conn, &ids, MOST + 1).await?;
    let events = overview::events(&mut conn, id, MOST + 1).await?;
    let lsp = lsp::find(&mut conn, &OrgId(org_id)).await?;
    drop(conn);
    let most = usize::try_from(MOST).unwrap_or(usize::MAX);
    if [received.len(), callbacks.len(), attempts.len(), events.len()].into_iter().any(|count| count > most) {
        return Err(too_much());
    }
    let show = Show { app: &app, view };
    let mut items: Vec<Timed> = received.iter().map(|message| show.request(message)).collect::<Result<_, _>>()?;
    for callback in &callbacks {
        let tries: Vec<&AttemptRow> = attempts.iter().filter(|a| a.callback_id == callback.callback_id).collect();
        items.extend(show.callback(callback, &tries)?);
    }
    items.sort_by_key(|(at, _)| *at);
    let mut items: Vec<Item> = items.into_iter().map(|(_, item)| item).collect();
    items.push(show.events(&json!(events)));
    if items.iter().filter_map(|item| item.content.as_ref()).map(Vec::len).sum::<usize>() > MOST_BYTES {
        return Err(too_much());
    }
    let keys = lsp.map(|lsp| json!(lsp.keys)).unwrap_or_default();
    let cover = cover(&app, view, &row, &keys);
    let key = app.keys.signing();
    let zip = tokio::task::spawn_blocking(move || write::zip(&cover, items, &key)).await;
    let zip = zip.map_err(|error| Problem::internal(&error))?.map_err(|error| Problem::internal(&error))?;
    let name = format!("attachment; filename=\"transcript-{}.zip\"", file_name(&row.loan_application_id));
    Ok(([(CONTENT_TYPE, "application/zip".to_owned()), (CONTENT_DISPOSITION, name)], zip).into_response())
}

fn too_much() -> Problem {
    Problem::conflict(format!("there are more than {MOST} messages of it, or more than {MOST_BYTES} bytes"))
}

fn file_name(id: &str) -> String {
    id.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

fn cover(app: &App, view: View, row: &ApplicationRow, lsp_keys: &Value) -> Cover {
    let ours: Vec<Value> = app.keys.current().all().map(|key| key.jwk()).collect();
    Cover {
        view: view.name(),
        about: json!({
            "lender": app.config.lender.org_id,
            "orgId": row.org_id,
            "loanApplicationId": row.loan_application_id,
            "loanId": row.loan_id,
            "stage": row.stage,
            "filedAt": time(row.created_at),
            "createdAt": time(app.clock.wall()),
            "by": concat!("ocen-lender ", env!("CARGO_PKG_VERSION")),
        }),
        keys: json!({"lender": {"keys": ours}, "lsp": lsp_keys}),
    }
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Opens what is sealed, and hides what the view hides.
struct Show<'a> {
    app: &'a App,
    view: View,
}

impl Show<'_> {
    fn request(&self, message: &MessageRow) -> Result<Timed, Problem> {
        let context = format!("message:{}", ExchangeId(message.exchange_id));
        let opened = opened(self.app.sealer.open(&context, &message.sealed_body))?;
        let mut details = json!({
            "operation": message.operation,
            "requestId": message.request_id,
            "traceId": message.trace_id,
            "signed": message.signed,
            "receivedAt": time(message.received_at),
            "answeredAt": message.answered_at.map(time),
        });
        if let (Some(bytes), true, Some(members)) = (opened.as_ref().ok(), message.signed, details.as_object_mut()) {
            // With a signature inside nobody can try out what the bytes may be.
            members.insert("originalSha256".to_owned(), sha256_of(bytes).into());
        }
        let name = format!("{}Request", message.operation);
        Ok((message.received_at, self.item("request", name, details, opened)))
    }

    /// A callback as it was decided, and what the LSP answered to each attempt: its timestamp and signature are made
    /// anew with each and kept by nobody.
    fn callback(&self, callback: &CallbackRow, tries: &[&AttemptRow]) -> Result<Vec<Timed>, Problem> {
        let details = json!({
            "operation": callback.operation,
            "requestId": callback.request_id,
            "traceId": callback.trace_id,
            "path": callback.path,
            "state": callback.state,
            "createdAt": time(callback.created_at),
            "deliveredAt": callback.delivered_at.map(time),
            "parkedReason": callback.parked_reason,
        });
        let body = match &callback.sealed_body {
            Some(sealed) => opened(self.app.sealer.open(&body_context(callback.callback_id), sealed))?,
            None => Ok(Vec::new()),
        };
        let name = callback.path.rsplit('/').next().unwrap_or_default().to_owned();
        let mut items = vec![(callback.created_at, self.item("callback", name.clone(), details, body))];
        for attempt in tries {
            let details = json!({
                "operation": callback.operation,
                "requestId": callback.request_id,
                "attempt": attempt.attempt,
                "startedAt": time(attempt.started_at),
                "durationMs": attempt.duration_ms,
                "status": attempt.status,
                "error": attempt.error,
                "sent": message_view::sent(attempt),
            });
            let answer = match &attempt.sealed_answer {
                Some(sealed) => {
                    let context = answer_context(attempt.callback_id, attempt.attempt);
                    opened(self.app.sealer.open(&context, sealed))?
                }
                None => Ok(Vec::new()),
            };
            items.push((attempt.started_at, self.item("answer", name.clone(), details, answer)));
        }
        Ok(items)
    }

    fn events(&self, events: &Value) -> Item {
        let content = serde_json::to_vec_pretty(events).unwrap_or_default();
        self.item("events", "timeline".to_owned(), json!({}), Ok(content))
    }

    fn item(&self, kind: &'static str, name: String, details: Value, opened: Result<Vec<u8>, Value>) -> Item {
        let mut details = details;
        let content = match opened {
            Ok(bytes) if self.view == View::Full => Some(bytes),
            Ok(bytes) if bytes.is_empty() => Some(bytes),
            Ok(bytes) => Some(masked(&bytes)),
            Err(erased_at) => {
                if let Some(members) = details.as_object_mut() {
                    members.insert("erasedAt".to_owned(), erased_at);
                }
                None
            }
        };
        let details = if self.view == View::Full { details } else { mask::json(&details) };
        Item { kind, name, details, content }
    }
}

/// What was sealed, or when it was erased.
fn opened(opened: Result<Vec<u8>, SealError>) -> Result<Result<Vec<u8>, Value>, Problem> {
    match opened {
        Ok(bytes) => Ok(Ok(bytes)),
        Err(SealError::Erased(at)) => Ok(Err(json!(at))),
        Err(error) => Err(StoreError::from(error).into()),
    }
}

/// A message with everything personal hidden; of a signed one the protected header is kept.
fn masked(bytes: &[u8]) -> Vec<u8> {
    let shown = mask::json(&applications::readable(bytes));
    let shown = match Incoming::parse(bytes, OCEN_V3_ALGORITHMS) {
        Ok(Incoming::Signed(jws)) => json!({"header": {"kid": jws.kid(), "alg": "RS512"}, "payload": shown}),
        _ => shown,
    };
    serde_json::to_vec_pretty(&shown).unwrap_or_default()
}
