//! `POST /sandbox/probe`: posts one callback with one named defect to an LSP's endpoint and says what came back. The
//! server signs, so that whoever tests an LSP needs no key of ours.

mod base;
mod craft;
mod defect;
mod keys;
mod reading;

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use self::base::Base;
use self::craft::{Makings, forge};
use self::defect::Defect;
use self::keys::Keys;
pub(super) use self::reading::ReadAck;
use super::problem::{Body, Problem};
use crate::app::{App, SharedApp};
use crate::delivery::client::{Client, Manner, Message, PostError};
use crate::delivery::stamp::header_member;
use crate::domain::ids::OrgId;
use crate::lsp::Lsp;
use crate::store;
use crate::telemetry::trace::Span;

/// How much of an answer is shown, in bytes.
const SHOWN: usize = 8 * 1024;

/// What probes of one server share.
pub(super) struct Prober {
    client: Client,
    keys: Keys,
}

impl Prober {
    /// Ready to post.
    ///
    /// # Errors
    /// In words, when a certificate for callbacks cannot be used.
    pub(super) fn new(app: &App) -> Result<Self, String> {
        let client = Client::new(&app.config.delivery).map_err(|error| error.to_string())?;
        Ok(Self { client, keys: Keys::default() })
    }
}

/// `POST /sandbox/probe`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Wanted {
    org_id: String,
    /// Where to post; the registered address when it is missing.
    callback_url: Option<String>,
    defect: Defect,
}

/// What a probe came to.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Probed {
    probe: Uuid,
    defect: Defect,
    /// Whether the message is one that the LSP has acknowledged before.
    replayed: bool,
    url: String,
    request_id: String,
    trace_id: String,
    posts: Vec<Posted>,
}

/// One post of its bytes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Posted {
    at: DateTime<Utc>,
    took_ms: u64,
    status: Option<u16>,
    body: Option<String>,
    ack: Option<ReadAck>,
    failure: Option<Failure>,
}

/// Why there is no answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    kind: FailureKind,
    detail: String,
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
enum FailureKind {
    /// The address cannot be used at all.
    Url,
    /// Nothing came in time.
    Timeout,
    /// No connection, or it broke.
    Connection,
}

pub(super) async fn probe(
    State(app): State<SharedApp>,
    Extension(prober): Extension<Arc<Prober>>,
    Body(wanted): Body<Wanted>,
) -> Result<Json<Probed>, Problem> {
    let lsp = registered(&app, &wanted.org_id).await?;
    let base = Base::of(&app, &wanted.org_id).await?;
    let url = wanted.callback_url.as_deref().unwrap_or(&lsp.callback_base_url).trim_end_matches('/');
    let ours = app.keys.signing();
    let signer = match wanted.defect {
        Defect::UnknownKid | Defect::WrongKey => prober.keys.stranger().await?,
        Defect::RotatedKey => prober.keys.rotated(&app).await?,
        _ => Arc::clone(&ours),
    };
    let makings = Makings {
        lender: &app.config.lender.org_id,
        member: header_member(lsp.settings.jws_header_member, base.protected_member),
        ours,
        signer,
        now: app.clock.wall(),
        fresh: app.ids.uuid().to_string(),
    };
    let forged = forge(&base, wanted.defect, &makings).map_err(|error| Problem::internal(&error))?;
    let mut posts = Vec::new();
    for _ in 0..wanted.defect.times() {
        let span = Span::accept(None, app.ids.uuid());
        let message = Message { body: forged.body.clone(), traceparent: span.traceparent(), manner: Manner::Usual };
        posts.push(post(&app, &prober, (&lsp, url, &forged.path), message).await);
    }
    Ok(Json(Probed {
        probe: app.ids.uuid(),
        defect: wanted.defect,
        replayed: base.replayed,
        url: format!("{url}{}", forged.path),
        request_id: forged.request_id,
        trace_id: forged.trace_id,
        posts,
    }))
}

async fn registered(app: &App, org_id: &str) -> Result<Lsp, Problem> {
    let mut conn = app.pool.acquire().await?;
    let found = store::lsp::find(&mut conn, &OrgId::from(org_id)).await?;
    found.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, format!("{org_id} is not registered")))
}

async fn post(app: &App, prober: &Prober, (lsp, url, path): (&Lsp, &str, &str), message: Message) -> Posted {
    let (at, begun) = (app.clock.wall(), Instant::now());
    let posted = prober.client.post(lsp.org_id.as_str(), url, path, message).await;
    let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    match posted {
        Ok(answer) => Posted {
            at,
            took_ms,
            status: Some(answer.status),
            ack: ReadAck::of(&answer.body, &lsp.keys),
            body: Some(String::from_utf8_lossy(answer.body.get(..SHOWN).unwrap_or(&answer.body)).into_owned()),
            failure: None,
        },
        Err(error) => {
            let kind = match &error {
                PostError::Url(_) => FailureKind::Url,
                PostError::Timeout(_) => FailureKind::Timeout,
                PostError::Connection(_) => FailureKind::Connection,
            };
            let failure = Some(Failure { kind, detail: error.to_string() });
            Posted { at, took_ms, status: None, body: None, ack: None, failure }
        }
    }
}
