//! The plan: which probes are posted in which order, and what an LSP's answer to one means.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::error::ConformanceError;
use super::server::Server;
use super::traffic::Ack;

/// All probes, in order. The genuine one comes first, because all others are measured by it; the new key comes before
/// the unknown one, because an LSP may well fetch our keys only every so often. What may upset an endpoint comes last.
const PLAN: [&str; 22] = [
    "valid",
    "sameBytes",
    "rotatedKey",
    "unknownFields",
    "otherMember",
    "looseEnvelope",
    "alteredByte",
    "brokenSignature",
    "wrongKey",
    "algNone",
    "algHs256",
    "unknownCrit",
    "expired",
    "future",
    "otherOrg",
    "missingEnvelope",
    "missingHeader",
    "unknownKid",
    "lowerCasePath",
    "unknownRequest",
    "errorAnswer",
    "notJson",
];

/// One probe and what it came to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "as the sandbox calls it")]
pub struct Probe {
    /// The sandbox's id of it.
    pub probe: String,
    /// What is special about it.
    pub defect: String,
    /// Whether the message is one that the LSP has acknowledged before.
    pub replayed: bool,
    /// Where it went.
    pub url: String,
    /// Its `requestId`.
    pub request_id: String,
    /// Its `metadata.traceId`.
    pub trace_id: String,
    /// Each time that it was posted.
    pub posts: Vec<Post>,
}

/// One post.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Post {
    /// When.
    pub at: DateTime<Utc>,
    /// How long it took, milliseconds.
    pub took_ms: u64,
    /// HTTP status, when there was an answer.
    pub status: Option<u16>,
    /// What was answered, cut.
    pub body: Option<String>,
    /// The ack in it, when there was one.
    pub ack: Option<Ack>,
    /// Why there was no answer.
    pub failure: Option<Failure>,
}

/// Why there was no answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// `url`, `timeout` or `connection`.
    pub kind: String,
    /// In words.
    pub detail: String,
}

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// 2xx, and an ack that says yes.
    Accepted,
    /// 4xx, or an ack that says no.
    Refused,
    /// 2xx without an ack: the lender would send it again.
    NoAck,
    /// Anything else: 5xx, a redirect.
    Broke,
    /// No answer.
    Silent,
}

impl Post {
    /// What the answer means.
    pub fn reaction(&self) -> Reaction {
        let says_yes = self.ack.as_ref().map(Ack::says_yes);
        match (self.status, says_yes) {
            (None, _) => Reaction::Silent,
            (Some(200..=299), Some(true)) => Reaction::Accepted,
            (Some(200..=299), Some(false)) | (Some(400..=499), _) => Reaction::Refused,
            (Some(200..=299), None) => Reaction::NoAck,
            (Some(_), _) => Reaction::Broke,
        }
    }

    /// In words.
    pub fn got(&self) -> String {
        let Some(status) = self.status else {
            return self.failure.as_ref().map_or_else(|| "no answer".to_owned(), |failure| failure.detail.clone());
        };
        match &self.ack {
            None => format!("HTTP {status} without an ack"),
            Some(ack) if ack.says_yes() => format!("HTTP {status}, ack 0"),
            Some(ack) => format!("HTTP {status}, ack error {}", ack.error.as_deref().unwrap_or_default()),
        }
    }
}

impl Probe {
    /// As evidence.
    pub fn id(&self) -> String {
        format!("probe:{}", self.defect)
    }

    /// What the answer to the first post means.
    pub fn reaction(&self) -> Reaction {
        self.posts.first().map_or(Reaction::Silent, Post::reaction)
    }

    /// In words.
    pub fn got(&self) -> String {
        self.posts.first().map_or_else(|| "nothing was posted".to_owned(), Post::got)
    }
}

/// Posts the whole plan. An endpoint that nothing reaches is not tried on.
///
/// # Errors
/// [`ConformanceError`] when the sandbox does not post them.
pub async fn run(server: &Server, org: &str, target: &str) -> Result<Vec<Probe>, ConformanceError> {
    let mut probes = Vec::with_capacity(PLAN.len());
    for defect in PLAN {
        let probe = server.probe(org, target, defect).await?;
        let reached = probe.reaction() != Reaction::Silent;
        probes.push(probe);
        if !reached && probes.len() == 1 {
            break;
        }
    }
    Ok(probes)
}
