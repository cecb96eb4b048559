//! Hop 2 of a request (design §4): whose is it, is it genuine, what does it ask? The checks run in
//! the order of design §10; each refusal has a code, words and a JSON pointer.

use std::time::Instant;

use bytes::Bytes;
use chrono::{DateTime, Duration, Utc};
use serde::Deserialize;
use uuid::Uuid;

use super::ack::{self, Sender};
use super::canonical;
use super::codes::Code;
use super::lenient::{self, One, Text};
use super::malformed::Malformed;
use super::operations::Operation;
use super::v3::Decoding;
use crate::app::App;
use crate::domain::application::command::Command;
use crate::domain::ids::OrgId;
use crate::engine::{Request, Style};
use crate::jose::{FlattenedError, HeaderMember, Incoming, OCEN_V3_ALGORITHMS, Unverified};
use crate::lsp::Settings;
use crate::rate::{Key, Quota};
use crate::store::lsp::{self, KeyOwner};
use crate::store::settings;
use crate::store::switches::{self, Stopped};
use crate::tls::peer::Peer;

/// Oldest timestamp that is accepted, longer than any sender's retries (`ocen-v3.md` §4.6).
const MAX_AGE: Duration = Duration::hours(72);
/// `metadata.version` of a sender that names none.
const DEFAULT_VERSION: &str = "1.0";

/// The envelope of a message, before anything about it is known to be true.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Envelope {
    metadata: Option<One<Claims>>,
    request_id: Text,
}

/// `metadata` as claimed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Claims {
    version: Text,
    org_id: Text,
    timestamp: Text,
    trace_id: Text,
}

impl Envelope {
    pub(super) fn claims(&self) -> Claims {
        self.metadata.as_ref().map(|metadata| metadata.0.clone()).unwrap_or_default()
    }

    pub(super) fn request_id(&self) -> &Text {
        &self.request_id
    }
}

impl Claims {
    pub(super) fn claimed_org(&self) -> Option<OrgId> {
        self.org_id.get().map(OrgId::from)
    }
}

/// Reads the envelope of a message.
pub(super) fn envelope(message: &str) -> Result<Envelope, Malformed> {
    super::v3::parse(message)
}

/// Opens a message; `sender` is filled as far as it gets, for the ack.
///
/// # Errors
/// [`Malformed`], which here also stands for failed authentication.
pub async fn open(
    app: &App,
    operation: &Operation,
    (body, trace, peer): (Bytes, Uuid, Option<&Peer>),
    sender: &mut Sender,
) -> Result<Request, Malformed> {
    check_depth(&body)?;
    let incoming = Incoming::parse(&body, OCEN_V3_ALGORITHMS).map_err(not_a_message)?;
    let payload = match &incoming {
        Incoming::Signed(signed) => signed.unverified_payload(),
        Incoming::Plain => &body,
    };
    let read = read(payload);
    if let Ok((_, envelope)) = &read {
        sender.note(envelope);
    }
    let (org_id, stopped) = match &incoming {
        Incoming::Signed(signed) => verify(app, signed, peer, sender).await?,
        Incoming::Plain => admit_unsigned(app, &read, peer, sender).await?,
    };
    check_depth(payload)?;
    let (message, envelope) = read?;
    let claims = envelope.metadata.unwrap_or_default().0;
    check_claims(&claims, &org_id, sender, app.clock.wall())?;
    let limits = app.config.rate_limits.overridden_by(&sender.settings.rate_limits);
    pace(app, limits.of_request(org_id.as_str(), operation.name))?;
    check_stopped(&stopped, operation)?;
    let request_id = lenient::id(&envelope.request_id, "/requestId")?;
    sender.request_id = Some(request_id.clone());
    let command = (operation.decode)(message, &Decoding { now: app.clock.now() })?;
    if let Command::VerifyAcceptance { session_key, .. } = &command {
        pace(app, limits.of_guess(org_id.as_str(), session_key))?;
    }
    let digest = canonical::digest(message).map_err(|error| Malformed::form("", error.to_string()))?;
    Ok(Request {
        operation: operation.name,
        org_id,
        request_id,
        trace_id: claims.trace_id.0,
        version: claims.version.get().unwrap_or(DEFAULT_VERSION).to_owned(),
        digest,
        style: sender.style,
        settings: sender.settings.clone(),
        command,
        raw: body.clone(),
        trace,
        scenario: sender.hints.scenario.take(),
        stopped_products: stopped.products(),
    })
}

/// A message and its envelope.
fn read(payload: &[u8]) -> Result<(&str, Envelope), Malformed> {
    let message = str::from_utf8(payload).map_err(|_| Malformed::form("", "the message is not UTF-8"))?;
    Ok((message, envelope(message)?))
}

impl Sender {
    /// What an unverified message says about itself, good only for echoing its trace id and for telling whose it may be.
    fn note(&mut self, envelope: &Envelope) {
        self.claimed_request = lenient::id(&envelope.request_id, "/requestId").ok();
        self.note_claims(&envelope.claims());
    }

    fn note_claims(&mut self, claims: &Claims) {
        if check_trace_id(&claims.trace_id).is_ok() {
            self.trace_id = Some(claims.trace_id.0.clone());
        }
        self.claimed_org = claims.claimed_org();
    }
}

/// What a message that may be anything says about itself.
pub(super) fn claims(payload: &[u8]) -> Claims {
    peek(payload).metadata.unwrap_or_default().0
}

/// The envelope of a message that may be anything.
pub(super) fn peek(payload: &[u8]) -> Envelope {
    serde_json::from_slice(payload).unwrap_or_default()
}

pub(super) fn check_depth(json: &[u8]) -> Result<(), Malformed> {
    if canonical::too_deep(json) {
        return Err(Malformed::form("", format!("nested deeper than {} levels", canonical::MAX_DEPTH)));
    }
    Ok(())
}

pub(super) fn not_a_message(error: FlattenedError) -> Malformed {
    match error {
        FlattenedError::NotJson(detail) => Malformed::form("", detail),
        other => Malformed::new(Code::BadSignature, "", other.to_string()),
    }
}

/// Finds the key and verifies the signature. A `kid` is unique per LSP only: among several owners
/// the claimed one counts, and its key must then have signed.
async fn verify(
    app: &App,
    signed: &Unverified<'_>,
    peer: Option<&Peer>,
    sender: &mut Sender,
) -> Result<(OrgId, Stopped), Malformed> {
    let Some(kid) = signed.kid() else {
        return Err(no_key(app, sender, "the protected header has no kid").await);
    };
    let owners = app.key_owners(kid).await.map_err(|error| unavailable(&error))?;
    let Some(owner) = pick(owners, sender.claimed_org.as_ref()) else {
        return Err(no_key(app, sender, "the kid is not registered").await);
    };
    sender.settings = owner.settings;
    if owner.revoked_at.is_some() {
        return Err(Malformed::new(Code::UnknownKey, "", "the key was revoked"));
    }
    let key = app
        .lsp_keys
        .get(&owner.public_key_pem)
        .map_err(|error| Malformed::new(Code::UnknownKey, "", error.to_string()))?;
    signed.verify(&key).map_err(|error| Malformed::new(Code::BadSignature, "", error.to_string()))?;
    check_origin(&sender.settings, peer)?;
    let protected_member = signed.member() == HeaderMember::Protected;
    sender.style = Style { signed: true, protected_member };
    sender.org_id = Some(owner.org_id.clone());
    Ok((owner.org_id, owner.stopped))
}

/// The refusal of a message whose key names nobody, told in the way of the LSP that it says it is from: how an ack looks
/// is no secret, and an LSP with a wrong key has the same reader as ever.
async fn no_key(app: &App, sender: &mut Sender, detail: &str) -> Malformed {
    if let Some(org_id) = &sender.claimed_org {
        let settings = match app.pool.acquire().await {
            Ok(mut conn) => settings::of(&mut conn, org_id.as_str()).await.map_err(|error| unavailable(&error)),
            Err(error) => Err(unavailable(&error)),
        };
        match settings {
            Ok(settings) => sender.settings = settings,
            Err(unavailable) => return unavailable,
        }
    }
    Malformed::new(Code::UnknownKey, "", detail)
}

pub(super) fn pick(mut owners: Vec<KeyOwner>, claimed: Option<&OrgId>) -> Option<KeyOwner> {
    let index = owners.iter().position(|owner| Some(&owner.org_id) == claimed).unwrap_or(0);
    (index < owners.len()).then(|| owners.swap_remove(index))
}

/// Lets an unsigned message in where its LSP is registered so (sandbox only).
async fn admit_unsigned(
    app: &App,
    read: &Result<(&str, Envelope), Malformed>,
    peer: Option<&Peer>,
    sender: &mut Sender,
) -> Result<(OrgId, Stopped), Malformed> {
    // A body that is no message at all is told so, rather than asked for a signature.
    if let Err(malformed) = read {
        return Err(malformed.clone());
    }
    let refused = || Malformed::new(Code::BadSignature, "", "the message is not signed");
    let org_id = sender.claimed_org.clone().ok_or_else(refused)?;
    let mut conn = app.pool.acquire().await.map_err(|error| unavailable(&error))?;
    let lsp = lsp::find(&mut conn, &org_id).await.map_err(|error| unavailable(&error))?.ok_or_else(refused)?;
    sender.settings = lsp.settings;
    if !sender.settings.takes_unsigned(app.config.mode) {
        return Err(refused());
    }
    check_origin(&sender.settings, peer)?;
    let stopped = switches::stopped_for(&mut conn, org_id.as_str()).await.map_err(|error| unavailable(&error))?;
    sender.org_id = Some(org_id.clone());
    Ok((org_id, stopped))
}

/// An LSP that is bound to client certificates or addresses comes over one of them; who only has its signing key does not
/// get in.
fn check_origin(settings: &Settings, peer: Option<&Peer>) -> Result<(), Malformed> {
    let refuse = |detail: &str| Err(Malformed::new(Code::BadSignature, "", detail));
    let allowed = &settings.ip_allow_list;
    if !allowed.is_empty() && !peer.is_some_and(|peer| allowed.iter().any(|network| network.contains(peer.address))) {
        return refuse("this organisation does not call from this address");
    }
    let bound = &settings.client_certificates;
    let shown = peer.and_then(|peer| peer.certificate.as_ref());
    if bound.is_empty() || shown.is_some_and(|shown| bound.iter().any(|binding| shown.fits(binding))) {
        return Ok(());
    }
    refuse(match shown {
        Some(_) => "the connection's client certificate is not one of this organisation's",
        None => "this organisation must connect with its client certificate",
    })
}

/// Counts the message against the limits of its sender.
fn pace(app: &App, against: Vec<(Key, Quota)>) -> Result<(), Malformed> {
    app.rates.take(against, Instant::now()).map_err(|wait| {
        // Rounded up: who comes back then is let in.
        let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
        let detail = format!("too many requests; send the same message again in {seconds} s");
        Malformed::new(Code::RateLimit, "", detail).after(seconds)
    })
}

/// What an operator has stopped for everybody, or for this LSP.
fn check_stopped(stopped: &Stopped, operation: &Operation) -> Result<(), Malformed> {
    if stopped.lsp() {
        return Err(ack::stopped("requests of this organisation"));
    }
    if stopped.operation(operation.name) {
        return Err(ack::stopped(operation.name));
    }
    Ok(())
}

fn unavailable(error: &impl std::fmt::Display) -> Malformed {
    tracing::error!(error = %error, "the LSP's key could not be looked up");
    Malformed::new(Code::Unavailable, "", "temporarily unavailable, please retry")
}

/// The claims of a genuine message: its own organisation, now, in an accepted version.
pub(super) fn check_claims(
    claims: &Claims,
    owner: &OrgId,
    sender: &Sender,
    now: DateTime<Utc>,
) -> Result<(), Malformed> {
    let claimed = lenient::required(&claims.org_id, "/metadata/orgId")?;
    if claimed != owner.as_str() {
        let detail = "metadata.orgId does not own the signing key";
        return Err(Malformed::new(Code::OrgMismatch, "/metadata/orgId", detail));
    }
    let place = "/metadata/timestamp";
    let sent = lenient::required(&claims.timestamp, place)?;
    let sent = lenient::instant(sent).ok_or_else(|| Malformed::form(place, "must be an ISO 8601 timestamp"))?;
    let skew = sender.settings.clock_skew;
    if sent < now - MAX_AGE || sent > now + Duration::seconds(skew.into()) {
        let detail = format!("the timestamp must not be older than 72 hours or more than {skew} seconds ahead");
        return Err(Malformed::new(Code::Timestamp, place, detail));
    }
    check_version(&claims.version, &sender.settings.accepted_versions)?;
    check_trace_id(&claims.trace_id)
}

fn check_version(version: &Text, accepted: &[String]) -> Result<(), Malformed> {
    let place = "/metadata/version";
    let version = lenient::optional_id(version, place)?.unwrap_or_else(|| DEFAULT_VERSION.to_owned());
    if accepted.is_empty() || accepted.contains(&version) {
        return Ok(());
    }
    Err(Malformed::new(Code::BadVersion, place, format!("accepted are {}", accepted.join(", "))))
}

fn check_trace_id(trace_id: &Text) -> Result<(), Malformed> {
    lenient::id(trace_id, "/metadata/traceId").map(drop)
}

#[cfg(test)]
#[path = "open_tests.rs"]
mod tests;
