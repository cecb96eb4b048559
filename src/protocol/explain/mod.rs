//! Why a signed message is not accepted: every check that intake makes (`open.rs`), each with its outcome, and beyond
//! it what the sender seems to have done instead. Reads the same bytes with the same functions as intake, so that the
//! two never differ; nothing is accepted here.

mod claims;
mod envelope;
mod layout;
mod loose;
mod signature;
#[cfg(test)]
mod tests;
mod variants;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use self::loose::Loose;
use super::open;
use crate::domain::ids::OrgId;
use crate::jose::VerifyingKey;
use crate::lsp::Lsp;
use crate::store::lsp::KeyOwner;

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "CheckOutcome")]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// As it should be.
    Passed,
    /// Not as it should be.
    Failed,
    /// Not looked at, because of another one.
    Skipped,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Check {
    /// Which; the names stay.
    pub name: &'static str,
    /// How it went.
    pub outcome: Outcome,
    /// In words, for the sender's engineer.
    pub detail: String,
}

/// What is thought of a message.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "SignatureReport")]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Whether intake would take it as signed by who it says.
    pub verified: bool,
    /// The first check that failed, in the order in which intake makes them.
    pub first_mismatch: Option<&'static str>,
    /// What the signature would verify over, when that could be found out.
    pub variant: Option<String>,
    /// The protected header, decoded.
    pub header: Option<Map<String, Value>>,
    /// The LSP that the message says it is from.
    pub org_id: Option<String>,
    /// All checks, in order.
    pub checks: Vec<Check>,
}

/// Which rows the explanation needs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Named {
    /// The key that the message names.
    pub kid: Option<String>,
    /// The LSP that it names.
    pub org_id: Option<OrgId>,
}

/// What is known beside the message.
#[derive(Debug, Clone)]
pub struct Known {
    /// The LSP that whoever asks says the message is from.
    pub asked: Option<OrgId>,
    /// The LSP of [`Self::asked`], or else of the message.
    pub lsp: Option<Lsp>,
    /// Whether that LSP may send plain JSON.
    pub unsigned: bool,
    /// Everybody's keys with the message's `kid`.
    pub owners: Vec<KeyOwner>,
    /// A key to verify with instead of the registered one.
    pub given: Option<VerifyingKey>,
    /// The wall's time.
    pub now: DateTime<Utc>,
}

/// Reads whom and what a message names, right or wrong.
#[must_use]
pub fn named(body: &[u8]) -> Named {
    // What has control characters is nobody's, and the database would not take it.
    let printable = |text: &str| !text.chars().any(char::is_control);
    let loose = Loose::of(body);
    let claims = loose.as_ref().map_or_else(|| open::peek(body), |loose| open::peek(&loose.message)).claims();
    Named {
        kid: loose.as_ref().and_then(Loose::kid).filter(|kid| printable(kid)).map(str::to_owned),
        org_id: claims.claimed_org().filter(|org| printable(org.as_str())),
    }
}

/// Looks at a message. Takes some milliseconds, with a large message that does not verify up to a second.
#[must_use]
pub fn explain(body: &[u8], known: &Known) -> Report {
    let loose = Loose::of(body);
    let (mut checks, incoming) = envelope::check(body, loose.as_ref(), known);
    let mut variant = None;
    match &loose {
        Some(loose) => {
            let found = signature::check(loose, incoming.as_ref(), known);
            checks.extend(found.checks);
            variant = found.variant;
            checks.extend(claims::check(&loose.message, found.owner, known));
        }
        None => checks.extend(
            signature::NAMES
                .iter()
                .chain(&claims::NAMES)
                .map(|name| skipped(name, "there is no envelope to look into")),
        ),
    }
    let first_mismatch = checks.iter().find(|check| check.outcome == Outcome::Failed).map(|check| check.name);
    Report {
        verified: first_mismatch.is_none(),
        first_mismatch,
        variant,
        header: loose.as_ref().map(|loose| loose.members.clone()).filter(|members| !members.is_empty()),
        org_id: named(body).org_id.map(|org| org.0),
        checks,
    }
}

fn passed(name: &'static str, detail: impl Into<String>) -> Check {
    Check { name, outcome: Outcome::Passed, detail: detail.into() }
}

fn failed(name: &'static str, detail: impl Into<String>) -> Check {
    Check { name, outcome: Outcome::Failed, detail: detail.into() }
}

fn skipped(name: &'static str, detail: impl Into<String>) -> Check {
    Check { name, outcome: Outcome::Skipped, detail: detail.into() }
}
