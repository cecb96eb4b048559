//! Where an adapter under test posts its later answers: each is held against what the server would take.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use bytes::Bytes;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::sample::Sample;
use crate::clock::Clock;
use crate::domain::application::ask::{Ask, Outcome};
use crate::lender::later_outcome;
use crate::lender::webhook::{self, Keys, Signed};

/// Path of the addresses, as the server's own are.
const PATH: &str = "/ports/v1/callbacks";

/// A question that may be answered later.
struct Waiting {
    ask: Ask,
    keys: Keys,
    came: Option<Result<Outcome, String>>,
}

/// The listener of one run.
pub struct Later {
    /// Address that adapters reach it by.
    base: String,
    clock: Clock,
    waiting: Mutex<HashMap<String, Waiting>>,
    changed: Notify,
}

impl Later {
    /// Listens; adapters reach it by `base`, or where that is none by the address itself.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn listen(address: SocketAddr, base: Option<&str>, clock: Clock) -> std::io::Result<Arc<Self>> {
        let listener = TcpListener::bind(address).await?;
        let own = format!("http://{}", listener.local_addr()?);
        let base = base.unwrap_or(&own).trim_end_matches('/').to_owned();
        let later = Arc::new(Self { base, clock, waiting: Mutex::default(), changed: Notify::new() });
        let router = Router::new().route(&format!("{PATH}/{{token}}"), post(receive)).with_state(Arc::clone(&later));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(later)
    }

    /// The address for the answer to a question.
    pub(super) fn url(&self, sample: &Sample, keys: &Keys) -> String {
        let question = || Waiting { ask: sample.ask.clone(), keys: keys.clone(), came: None };
        self.all().entry(sample.key.clone()).or_insert_with(question);
        format!("{}{PATH}/{}", self.base, sample.key)
    }

    /// What came for a question, within so long.
    pub(super) async fn came(&self, sample: &Sample, patience: Duration) -> Option<Result<Outcome, String>> {
        let waiting = async {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if let Some(came) = self.all().get(&sample.key).and_then(|question| question.came.clone()) {
                    return came;
                }
                changed.await;
            }
        };
        timeout(patience, waiting).await.ok()
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Judges an answer; the status is the one that the server would give.
    fn judge(&self, token: &str, signed: Signed<'_>, body: &[u8]) -> StatusCode {
        let mut all = self.all();
        let Some(question) = all.get_mut(token) else { return StatusCode::NOT_FOUND };
        let (status, came) = match question.keys.verify(signed, body, self.clock.wall()) {
            Err(error) => (StatusCode::UNAUTHORIZED, Err(error.to_string())),
            Ok(()) => match later_outcome(&question.ask, body) {
                Ok(outcome) => (StatusCode::OK, Ok(outcome)),
                Err(why) => (StatusCode::UNPROCESSABLE_ENTITY, Err(why)),
            },
        };
        question.came = Some(came);
        drop(all);
        self.changed.notify_waiters();
        status
    }
}

async fn receive(
    State(later): State<Arc<Later>>,
    Path(token): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let signed =
        Signed { id: text(webhook::ID), timestamp: text(webhook::TIMESTAMP), signature: text(webhook::SIGNATURE) };
    let status = later.judge(&token, signed, &body);
    if status == StatusCode::OK { Json(json!({"status": "applied"})).into_response() } else { status.into_response() }
}
