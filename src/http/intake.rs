//! The way in for every OCEN request: raw bytes to the protocol, its ack to the socket (design §4, hop 1).

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{ALLOW, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, EXPECT, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use uuid::Uuid;

use super::body::{self, Held, ReadError};
use super::layers::Logged;
use super::origin;
use super::rehearsal;
use super::room::Room;
use crate::app::{Fault, Hints, Refused, SharedApp};
use crate::domain::ids::ExchangeId;
use crate::engine;
use crate::protocol::{self, Ack, Code, Operation};
use crate::telemetry::trace::Span;
use crate::tls::peer::Peer;

/// Requests handled at once; more wait for their turn.
const CONCURRENCY: usize = 256;
/// How long a request may wait for its turn before it is told to come back.
const TURN_TIMEOUT: Duration = Duration::from_secs(2);
/// Memory for the bodies of all requests, in bytes.
const BODY_MEMORY: usize = 128 * 1024 * 1024;
/// The part of it that only operations with small bodies may take, in bytes.
const SMALL_BODY_MEMORY: usize = 32 * 1024 * 1024;

/// What intake needs: the app and its bounds.
#[derive(Clone)]
pub struct Intake {
    app: SharedApp,
    turns: Arc<Semaphore>,
    room: Room,
}

impl Intake {
    /// The one intake of a process.
    #[must_use]
    pub fn new(app: SharedApp) -> Self {
        Self { app, turns: Arc::new(Semaphore::new(CONCURRENCY)), room: Room::new(BODY_MEMORY, SMALL_BODY_MEMORY) }
    }
}

/// Handles whatever no other route of the LSP listener takes.
pub async fn receive(State(intake): State<Intake>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let trace = parts.extensions.get::<Span>().map_or_else(|| intake.app.ids.uuid(), |span| span.trace);
    let Some(operation) = protocol::route(parts.uri.path()) else {
        body::drain(body).await;
        return intake.refuse(Code::UnknownPath, "there is no such path");
    };
    let mut logged = Logged { operation: Some(operation.name), ..Logged::default() };
    let response = match intake.read(operation, &parts, body).await {
        Ok(held) => {
            logged.bytes_in = held.bytes.len();
            let peer = origin::of(&parts, &intake.app.config.proxy);
            let scenario = rehearsal::scenario(&intake.app, &parts.headers);
            // Boxed, so that the layers above do not hand its whole state on to each other.
            Box::pin(intake.handle(operation, (held, trace, scenario), peer.as_ref())).await
        }
        Err(refusal) => refusal,
    };
    logged.with(response)
}

impl Intake {
    async fn read(&self, operation: &Operation, parts: &Parts, body: Body) -> Result<Held, Response> {
        if parts.method != Method::POST {
            body::drain(body).await;
            let mut refusal = self.refuse(Code::MethodNotAllowed, "use POST");
            refusal.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            return Err(refusal);
        }
        if !is_json(&parts.headers) || is_compressed(&parts.headers) {
            body::drain(body).await;
            return Err(self.refuse(Code::MediaType, "send application/json, not compressed"));
        }
        let limit = operation.body_limit;
        // Who asks before sending is told before sending.
        let asks_first = parts.headers.contains_key(EXPECT);
        let read = if asks_first && body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
            Err(ReadError::TooLarge(limit))
        } else {
            let sender = origin::sender(parts, &self.app.config.proxy);
            body::read(body, limit, (&self.room, sender)).await
        };
        read.map_err(|error| self.unreadable(error))
    }

    fn unreadable(&self, error: ReadError) -> Response {
        let code = match error {
            ReadError::TooLarge(_) => Code::TooLarge,
            ReadError::TimedOut | ReadError::TooSlow => Code::TimedOut,
            ReadError::Broken => Code::MalformedMessage,
            ReadError::NoRoom | ReadError::Crowded => Code::Unavailable,
        };
        let mut refusal = self.refuse(code, &error.to_string());
        *refusal.status_mut() = error.status();
        // The rest of the body may still be on its way.
        refusal.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        refusal
    }

    async fn handle(
        &self,
        operation: &'static Operation,
        (held, trace, scenario): (Held, Uuid, Option<String>),
        peer: Option<&Peer>,
    ) -> Response {
        let Ok(Ok(_turn)) = timeout(TURN_TIMEOUT, self.turns.acquire()).await else {
            return self.refuse(Code::Unavailable, "the server is busy; try again");
        };
        let arrival = rehearsal::arrival(&self.app, operation.name, (&held.bytes, scenario.as_deref())).await;
        match arrival.before {
            Some(Fault::TooManyRequests) => return self.refuse(Code::RateLimit, rehearsal::TOO_MANY),
            Some(_) => return rehearsal::broken(),
            None => {}
        }
        let hints = Hints { scenario, refuse: arrival.refuse };
        let ack = protocol::receive(&self.app, operation, held.bytes.clone(), (trace, peer), hints).await;
        self.app.refusals.note(|| refused(operation, &ack));
        rehearsal::wait(&self.app, arrival.late).await;
        match arrival.after {
            Some(_) => {
                // Dropped as if it had been written: the request goes on.
                drop(self.answer(ack));
                rehearsal::broken()
            }
            None => self.answer(ack),
        }
    }

    fn refuse(&self, code: Code, detail: &str) -> Response {
        self.answer(protocol::refuse(&self.app, code, detail))
    }

    fn answer(&self, ack: Ack) -> Response {
        let logged = Logged {
            org: ack.org_id,
            error: Some(ack.error),
            request_id: ack.request_id,
            ocen_trace_id: ack.trace_id,
            engine_took: Some(ack.engine_took).filter(|took| !took.is_zero()),
            ..Logged::default()
        };
        let release = ack.exchange.map(|exchange| (Arc::clone(&self.app), exchange));
        let body = Body::new(AckBody { bytes: Some(ack.body.into()), release });
        let status = StatusCode::from_u16(ack.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let busy = status == StatusCode::SERVICE_UNAVAILABLE || status == StatusCode::TOO_MANY_REQUESTS;
        if let Some(seconds) = ack.retry_after.or(busy.then_some(1)) {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        logged.with(response)
    }
}

/// A refusal as whoever watches them sees it; nothing when nobody can be named whose it was.
fn refused(operation: &Operation, ack: &Ack) -> Option<Refused> {
    let refusal = ack.refusal.as_ref()?;
    Some(Refused {
        operation: operation.name,
        org_id: ack.org_id.as_ref().or(refusal.claimed_org.as_ref())?.0.clone(),
        request_id: ack.request_id.as_ref().or(refusal.claimed_request.as_ref()).cloned(),
        status: ack.status,
        error: ack.error.clone(),
        detail: refusal.detail.clone(),
        pointer: refusal.pointer.clone(),
    })
}

/// Whether the body is declared as JSON: plain, signed, or of a `+json` type. No declaration is taken for JSON.
#[must_use]
pub fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return true;
    };
    let essence = value.to_str().unwrap_or("?").split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    matches!(essence.as_str(), "" | "application/json" | "text/json")
        || essence.strip_prefix("application/").is_some_and(|subtype| subtype.ends_with("+json"))
}

/// Whether a body is anything but itself: the coding `identity` changes nothing, and neither does an empty list.
fn is_compressed(headers: &HeaderMap) -> bool {
    let plain = |value: &HeaderValue| {
        let codings = value.to_str().unwrap_or("?");
        codings.split(',').map(str::trim).all(|coding| coding.is_empty() || coding.eq_ignore_ascii_case("identity"))
    };
    !headers.get_all(CONTENT_ENCODING).iter().all(plain)
}

/// The bytes of an ack. When they are written, or never will be, the callbacks of the exchange are let go.
struct AckBody {
    bytes: Option<Bytes>,
    release: Option<(SharedApp, ExchangeId)>,
}

impl HttpBody for AckBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| u64::try_from(bytes.len()).unwrap_or(u64::MAX)))
    }
}

impl Drop for AckBody {
    fn drop(&mut self) {
        if let Some((app, exchange)) = self.release.take() {
            engine::release(&app, exchange);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::room;

    fn accepts(media_type: &'static str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        is_json(&headers)
    }

    #[test]
    fn only_what_brings_documents_is_kept_from_a_part_of_the_memory() {
        let large = protocol::OPERATIONS.iter().filter(|operation| operation.body_limit > room::SMALL);
        let large: Vec<&str> = large.map(|operation| operation.name).collect();
        assert_eq!(large, ["createLoanApplications"]);
    }

    #[test]
    fn json_and_what_is_built_on_it_is_json() {
        for media_type in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/jose+json",
            "application/vnd.ocen.v3+json",
            "text/json",
        ] {
            assert!(accepts(media_type), "{media_type}");
        }
        for media_type in
            ["text/plain", "application/xml", "application/x-www-form-urlencoded", "json", "image/svg+json"]
        {
            assert!(!accepts(media_type), "{media_type}");
        }
        assert!(is_json(&HeaderMap::new()));
    }
}
