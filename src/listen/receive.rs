//! One callback: checked, perhaps handed on, shown, answered.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use chrono::SecondsFormat;
use serde_json::{Value, json};

use super::check::{Checked, check};
use super::forward::Forward;
use super::keys::KeyRing;
use super::show::{Answered, Screen, Seen};
use crate::clock::Clock;
use crate::jose::{SigningKey, sign_flattened};

/// Largest callback, in bytes: a hundred offers with their schedules.
const BODY_LIMIT: usize = 32 * 1024 * 1024;
/// Callbacks that are remembered, to tell a repetition.
const REMEMBERED: usize = 10_000;

/// What a callback needs.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) keys: KeyRing,
    pub(super) signer: Option<SigningKey>,
    pub(super) forward: Option<Forward>,
    pub(super) screen: Arc<Screen>,
    pub(super) clock: Clock,
    pub(super) seen: Mutex<Memory>,
}

/// Which callbacks came before, metadata aside: the lender sends at least once.
#[derive(Debug, Default)]
pub(super) struct Memory {
    known: HashSet<[u8; 32]>,
    order: VecDeque<[u8; 32]>,
}

impl Memory {
    /// Whether the same message came to the same path before.
    fn repeated(&mut self, path: &str, message: &Value) -> bool {
        let mut body = message.clone();
        if let Some(members) = body.as_object_mut() {
            members.remove("metadata");
        }
        let digest = digest(&SHA256, format!("{path}\n{body}").as_bytes());
        let digest: [u8; 32] = digest.as_ref().try_into().unwrap_or_default();
        if !self.known.insert(digest) {
            return true;
        }
        self.order.push_back(digest);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        false
    }
}

/// Takes a POST on any path.
pub(super) fn router(listener: Arc<Listener>) -> Router {
    Router::new().fallback(post(receive)).layer(DefaultBodyLimit::max(BODY_LIMIT)).with_state(listener)
}

async fn receive(State(listener): State<Arc<Listener>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let checked = check(&listener.keys, &body, listener.clock.wall()).await;
    let path = uri.path().to_owned();
    let raw = body.clone();
    let (response, answered) = match &listener.forward {
        None => listener.own_ack(&checked),
        Some(forward) => handed_on(forward, (&path, &headers, body)).await,
    };
    let repeated = {
        let mut seen = listener.seen.lock().unwrap_or_else(PoisonError::into_inner);
        !checked.message.is_null() && seen.repeated(&path, &checked.message)
    };
    let now = listener.clock.wall();
    listener.screen.callback(&Seen { now, path: &path, raw: &raw, checked: &checked, answered: &answered, repeated });
    response
}

impl Listener {
    /// Signed when the callback was and we have a key. What does not verify gets a plain refusal, on which the lender
    /// tries again: a signed one would end it.
    fn own_ack(&self, checked: &Checked) -> (Response, Answered) {
        let trace_id = checked.message.pointer("/metadata/traceId").and_then(Value::as_str).unwrap_or_default();
        let timestamp = self.clock.wall().to_rfc3339_opts(SecondsFormat::Millis, true);
        let (status, error) = checked.fault.as_ref().map_or((200, "0"), |fault| (fault.status, fault.code));
        let mut ack = json!({"error": error, "traceId": trace_id, "timestamp": timestamp});
        if let Some(fault) = &checked.fault
            && let Some(members) = ack.as_object_mut()
        {
            members.insert("detail".to_owned(), fault.why.as_str().into());
        }
        let plain = ack.to_string().into_bytes();
        let body = match (&self.signer, checked.signed_with) {
            (Some(key), Some(member)) if checked.fault.is_none() => {
                sign_flattened(key, member, &plain).unwrap_or(plain)
            }
            _ => plain,
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let response = (status, [(header::CONTENT_TYPE, "application/json")], body).into_response();
        (response, Answered { status: status.as_u16(), error: Some(error.to_owned()), took_ms: None, trouble: None })
    }
}

async fn handed_on(forward: &Forward, (path, headers, body): (&str, &HeaderMap, Bytes)) -> (Response, Answered) {
    match forward.send(path, headers, body).await {
        Ok(came) => {
            let error =
                crate::delivery::verdict::Ack::parse(&came.body).map(|ack| ack.error.unwrap_or_else(|| "0".to_owned()));
            let json = HeaderValue::from_static("application/json");
            let content_type = came.content_type.unwrap_or(json);
            let answered = Answered { status: came.status.as_u16(), error, took_ms: Some(came.took_ms), trouble: None };
            ((came.status, [(header::CONTENT_TYPE, content_type)], came.body).into_response(), answered)
        }
        Err(why) => {
            let status = StatusCode::BAD_GATEWAY;
            let answered = Answered { status: status.as_u16(), error: None, took_ms: None, trouble: Some(why.clone()) };
            ((status, format!("the endpoint behind this listener does not answer: {why}\n")).into_response(), answered)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repetition_is_told_by_what_it_says_and_where() {
        let mut memory = Memory::default();
        let message = |stamp: &str, id: &str| json!({"metadata": {"timestamp": stamp}, "requestId": id});
        assert!(!memory.repeated("/v3/a", &message("1", "R-1")));
        assert!(memory.repeated("/v3/a", &message("2", "R-1")));
        assert!(!memory.repeated("/v3/b", &message("2", "R-1")));
        assert!(!memory.repeated("/v3/a", &message("2", "R-2")));
    }
}
