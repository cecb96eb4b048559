//! What the intake makes of a message, step by step: the same functions, and no step hides the ones behind it.

use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use super::Operation;
use super::ack::Sender;
use super::codes::Code;
use super::open;
use super::schema::{self, Difference};
use super::v3::Decoding;
use crate::app::App;
use crate::domain::ids::OrgId;
use crate::jose::{Incoming, OCEN_V3_ALGORITHMS, Unverified};
use crate::lsp::Settings;
use crate::store::lsp::{self, KeyOwner};

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It is as it should be.
    Passed,
    /// It is not.
    Failed,
    /// There was nothing to check, or nothing to check it with.
    Skipped,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// `size`, `json`, `jws`, `key`, `signature`, `orgId`, `metadata`, `schema` or `sequence`.
    pub name: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, for an engineer.
    pub detail: String,
}

impl Check {
    /// A check that is passed.
    #[must_use]
    pub fn passed(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Passed, detail: detail.into() }
    }

    /// One that is not.
    #[must_use]
    pub fn failed(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Failed, detail: detail.into() }
    }

    /// One that was not made.
    #[must_use]
    pub fn skipped(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Skipped, detail: detail.into() }
    }
}

/// The envelope of a signed message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    /// The protected header, decoded.
    pub protected: Value,
    /// The member that carries it: `protected` or `header`.
    pub member: &'static str,
    /// Which key.
    pub kid: Option<String>,
    /// How it is signed.
    pub alg: &'static str,
    /// SHA-256, in hex, of what the signature is over: header, a dot, payload, as they were sent.
    pub signing_input_sha256: String,
}

/// All that was found.
#[derive(Debug)]
pub struct Inspection {
    /// In the order in which the intake makes them.
    pub checks: Vec<Check>,
    /// The envelope, where there is one.
    pub envelope: Option<Envelope>,
    /// What the message says, where it can be read.
    pub message: Option<Value>,
    /// How that differs from what is published.
    pub differences: Vec<Difference>,
}

/// A message that came.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// As it came.
    pub body: &'a [u8],
    /// When, by the wall's clock.
    pub at: DateTime<Utc>,
    /// Whose it was taken for.
    pub org_id: &'a str,
}

/// Takes a message apart.
pub fn envelope(jws: &Unverified<'_>) -> Envelope {
    Envelope {
        protected: jws.protected_json(),
        member: jws.member().name(),
        kid: jws.kid().map(str::to_owned),
        alg: jws.header().algorithm.name(),
        signing_input_sha256: hex::encode(digest(&SHA256, &jws.signing_input().concat()).as_ref()),
    }
}

/// Makes the checks of the intake, as they would have ended when the message came: what changes with time is judged by
/// that time, what an operator has changed since by what stands now.
///
/// # Errors
/// When the database fails.
pub async fn inspect(app: &App, operation: &Operation, received: Received<'_>) -> Result<Inspection, sqlx::Error> {
    let body = received.body;
    let mut checks = vec![size(operation, body)];
    let mut found = Inspection { checks: Vec::new(), envelope: None, message: None, differences: Vec::new() };
    let incoming = match open::check_depth(body).map(|()| Incoming::parse(body, OCEN_V3_ALGORITHMS)) {
        Err(malformed) => {
            checks.push(Check::failed("json", malformed.detail));
            return Ok(Inspection { checks, ..found });
        }
        Ok(Err(error)) => {
            let refusal = open::not_a_message(error);
            let name = if refusal.code == Code::BadSignature { "jws" } else { "json" };
            checks.extend((name == "jws").then(|| Check::passed("json", "one JSON object")));
            checks.push(Check::failed(name, refusal.detail));
            return Ok(Inspection { checks, ..found });
        }
        Ok(Ok(incoming)) => incoming,
    };
    checks.push(Check::passed("json", "one JSON object"));
    let mut conn = app.pool.acquire().await?;
    let registered = lsp::find(&mut conn, &OrgId::from(received.org_id)).await?;
    let settings = registered.map(|lsp| lsp.settings).unwrap_or_default();
    let payload = match &incoming {
        Incoming::Plain => {
            checks.push(plain(settings.takes_unsigned(app.config.mode)));
            checks.push(Check::skipped("key", "the message is not signed"));
            checks.push(Check::skipped("signature", "the message is not signed"));
            body
        }
        Incoming::Signed(jws) => {
            checks.push(Check::passed("jws", "flattened JWS with an algorithm that is allowed"));
            found.envelope = Some(envelope(jws));
            let owners = match jws.kid() {
                Some(kid) => lsp::by_kid(&mut conn, kid).await?,
                None => Vec::new(),
            };
            checks.extend(keys(app, jws, owners, received));
            jws.unverified_payload()
        }
    };
    drop(conn);
    checks.extend(content(app, operation, payload, (received, settings)));
    found.message = serde_json::from_slice(payload).ok();
    if let Some(message) = &found.message {
        found.differences = schema::of_request(operation, message);
    }
    Ok(Inspection { checks, ..found })
}

fn size(operation: &Operation, body: &[u8]) -> Check {
    let words = format!("{} bytes of at most {}", body.len(), operation.body_limit);
    if body.len() <= operation.body_limit { Check::passed("size", words) } else { Check::failed("size", words) }
}

fn plain(taken: bool) -> Check {
    if taken {
        Check::skipped("jws", "the message is not signed; this organisation may send it so")
    } else {
        Check::failed("jws", "the message is not signed")
    }
}

fn keys(app: &App, jws: &Unverified<'_>, owners: Vec<KeyOwner>, received: Received<'_>) -> [Check; 2] {
    let not_verified = || Check::skipped("signature", "without its key it cannot be verified");
    let Some(kid) = jws.kid() else {
        return [Check::failed("key", "the protected header has no kid"), not_verified()];
    };
    let Some(owner) = open::pick(owners, Some(&OrgId::from(received.org_id))) else {
        return [Check::failed("key", format!("the kid {kid} is not registered")), not_verified()];
    };
    let key = match app.lsp_keys.get(&owner.public_key_pem) {
        Ok(key) => key,
        Err(error) => return [Check::failed("key", error.to_string()), not_verified()],
    };
    let registered = match owner.revoked_at {
        Some(at) if at <= received.at => Check::failed("key", format!("{kid} was revoked on {at}")),
        Some(at) => Check::passed("key", format!("{kid} of {}; revoked since, on {at}", owner.org_id)),
        None => Check::passed("key", format!("{kid} of {}", owner.org_id)),
    };
    let signature = match jws.verify(&key) {
        Ok(_) => Check::passed("signature", format!("{kid} has signed exactly this")),
        Err(error) => Check::failed("signature", error.to_string()),
    };
    [registered, signature]
}

/// What the message says about itself, and whether it can be understood.
fn content(
    app: &App,
    operation: &Operation,
    payload: &[u8],
    (received, settings): (Received<'_>, Settings),
) -> Vec<Check> {
    let message = match open::check_depth(payload).map(|()| std::str::from_utf8(payload)) {
        Ok(Ok(message)) => message,
        Ok(Err(_)) => return vec![Check::failed("schema", "the message is not UTF-8")],
        Err(malformed) => return vec![Check::failed("schema", malformed.to_string())],
    };
    let sender = Sender { settings, ..Sender::unknown() };
    let claims = open::claims(payload);
    let claimed = open::check_claims(&claims, &OrgId::from(received.org_id), &sender, received.at);
    let mut checks = match claimed {
        Ok(()) => vec![
            Check::passed("orgId", format!("{} owns the key", received.org_id)),
            Check::passed("metadata", "version, timestamp and traceId"),
        ],
        Err(refusal) if refusal.pointer == "/metadata/orgId" => {
            vec![Check::failed("orgId", refusal.detail), Check::skipped("metadata", "the organisation comes first")]
        }
        Err(refusal) => vec![
            Check::passed("orgId", format!("{} owns the key", received.org_id)),
            Check::failed("metadata", refusal.to_string()),
        ],
    };
    checks.push(match (operation.decode)(message, &Decoding { now: app.clock.now() }) {
        Ok(_) => Check::passed("schema", "every member that is needed can be read"),
        Err(refusal) => Check::failed("schema", refusal.to_string()),
    });
    checks
}
