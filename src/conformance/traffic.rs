//! The LSP's own traffic as `GET /sandbox/traffic/{orgId}` shows it.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

/// All of it, oldest first.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Traffic {
    /// As registered.
    pub lsp: Lsp,
    /// The lender's `orgId`.
    pub lender: String,
    /// The sandbox's time.
    pub now: DateTime<Utc>,
    /// Whether the clock was moved.
    pub clock_moved: bool,
    /// Whether there was more.
    pub truncated: bool,
    /// Requests that were accepted.
    pub requests: Vec<Request>,
    /// Requests that were refused in their acks.
    pub refusals: Vec<Refusal>,
    /// Callbacks with their tries.
    pub callbacks: Vec<Callback>,
}

/// An LSP as registered.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lsp {
    /// Its `metadata.orgId`.
    pub org_id: String,
    /// For people.
    pub name: String,
    /// Where its endpoint is.
    pub callback_base_url: String,
    /// Its keys.
    pub keys: Vec<Key>,
}

/// A key of an LSP.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Key {
    /// Its id.
    pub kid: String,
    /// Set when it does not count any more.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// A request that was accepted.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "requestId is what OCEN calls it")]
pub struct Request {
    /// The sandbox's id of the exchange.
    pub id: String,
    /// E.g. `setOffer`.
    pub operation: String,
    /// The LSP's.
    pub request_id: String,
    /// The LSP's.
    pub trace_id: String,
    /// By the sandbox's clock.
    pub received_at: DateTime<Utc>,
    /// Whether it was signed.
    pub signed: bool,
    /// The message, unless it was too large or was erased.
    pub message: Option<Value>,
    /// Which fault the sandbox put in, when it did.
    #[serde(default)]
    pub injected: Option<String>,
}

/// A request that was refused in its ack.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// The sandbox's.
    pub id: String,
    /// E.g. `setOffer`.
    pub operation: String,
    /// The LSP's, where it could be read.
    pub request_id: Option<String>,
    /// By the sandbox's clock.
    pub received_at: DateTime<Utc>,
    /// HTTP status of the ack.
    pub status: u16,
    /// `error` of the ack.
    pub error: String,
    /// `pointer` of the ack.
    pub pointer: String,
    /// `detail` of the ack.
    pub detail: String,
    /// Which fault the sandbox put in, when it did.
    #[serde(default)]
    pub injected: Option<String>,
}

/// A callback with its tries.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Callback {
    /// The sandbox's.
    pub id: String,
    /// E.g. `setOffer`.
    pub operation: String,
    /// Which request it answers.
    pub request_id: String,
    /// `metadata.traceId`.
    pub trace_id: String,
    /// `pending`, `delivered` or `parked`.
    pub state: String,
    /// By the sandbox's clock.
    pub created_at: DateTime<Utc>,
    /// Without its metadata.
    pub message: Option<Value>,
    /// Tries to deliver it.
    pub tries: Vec<Try>,
    /// Which fault the sandbox put in, when it did.
    #[serde(default)]
    pub injected: Option<String>,
}

/// One try to deliver a callback.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Try {
    /// How long it took, milliseconds.
    pub took_ms: u64,
    /// HTTP status, when there was an answer.
    pub status: Option<u16>,
    /// Why it does not count as delivered.
    pub error: Option<String>,
    /// The ack, when there was one.
    pub ack: Option<Ack>,
    /// Which fault the sandbox put in, when it did.
    #[serde(default)]
    pub injected: Option<String>,
}

/// An ack as the sandbox read it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ack {
    /// `"0"`, or a code.
    pub error: Option<String>,
    /// Of the message that is acked.
    pub trace_id: Option<String>,
    /// When it was written.
    pub timestamp: Option<String>,
    /// `none`, `verified`, `invalid` or `malformed`.
    pub signature: String,
    /// Why the signature does not hold.
    pub detail: Option<String>,
    /// What it says that it is signed with.
    pub kid: Option<String>,
}

impl Ack {
    /// Whether it says yes; LSPs write that in several ways (`ocen-v3.md` §3.3).
    pub fn says_yes(&self) -> bool {
        self.error.as_deref().is_none_or(|error| matches!(error.trim(), "0" | ""))
    }
}

impl Try {
    /// Whether the LSP said yes to it.
    pub fn is_taken(&self) -> bool {
        self.status.is_some_and(|status| (200..=299).contains(&status)) && self.ack.as_ref().is_some_and(Ack::says_yes)
    }
}

impl Callback {
    /// Whether the sandbox had a hand in it, or in one of its tries.
    pub fn is_injected(&self) -> bool {
        self.injected.is_some() || self.tries.iter().any(|one| one.injected.is_some())
    }

    /// `response.error`; `"0"` when there is none.
    pub fn error(&self) -> &str {
        self.text("/response/error").unwrap_or("0")
    }

    /// A text in the message.
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.message.as_ref()?.pointer(pointer)?.as_str()
    }
}

impl Request {
    /// A text in the message.
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.message.as_ref()?.pointer(pointer)?.as_str()
    }

    /// The applications that it names, in a list or one by one.
    pub fn applications(&self) -> Vec<&str> {
        let Some(message) = &self.message else { return Vec::new() };
        let list = |pointer: &str| message.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default();
        let named = list("/loanApplicationIds").len() + list("/loanApplications").len();
        let in_lists = (0..named).flat_map(|index| {
            let places =
                [format!("/loanApplicationIds/{index}"), format!("/loanApplications/{index}/loanApplicationId")];
            places.into_iter().filter_map(|place| self.text(&place)).collect::<Vec<_>>()
        });
        self.text("/loanApplicationId").into_iter().chain(in_lists).collect()
    }

    /// The message without what differs from try to try, and without its id: what is wanted. Members are sorted.
    pub fn intent(&self) -> Option<String> {
        let mut message = self.message.clone()?;
        let members = message.as_object_mut()?;
        members.remove("metadata");
        members.remove("requestId");
        Some(message.to_string())
    }
}
