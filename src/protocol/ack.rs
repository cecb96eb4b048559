//! The answer in the same breath (`ocen-v3.md` §3.2): accepted, or refused for form,
//! authentication, conflict or unknown ids.

use std::borrow::Cow;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::codes::{self, Code};
use super::malformed::Malformed;
use super::v3::core::timestamp;
use super::v3::meta::Health;
use crate::app::{App, Hints};
use crate::domain::ids::{ExchangeId, OrgId};
use crate::engine::{Refused, Style};
use crate::jose::{HeaderMember, sign_flattened};
use crate::lsp::{AckHttpStatus, AckShape, JwsHeaderMember, Settings, SignAcks};

/// Seconds after which a busy server may be tried again.
const RETRY_AFTER: u32 = 2;
/// Seconds after which what an operator has stopped may be tried again.
const STOPPED_RETRY_AFTER: u32 = 300;

/// The body of an ack.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AckBody {
    /// `0`, or an error code.
    pub error: &'static str,
    /// The message's trace id; a fresh one when it has none that can be read.
    pub trace_id: String,
    /// When the ack was written.
    pub timestamp: String,
    /// Words for an engineer; present when refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// JSON pointer (RFC 6901) to the member that is wrong; present when refused for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// Present in the ack of a heartbeat.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
}

/// An ack inside `ack`, for LSPs that expect it so (C9).
#[derive(Debug, Serialize, JsonSchema)]
struct Wrapped<'a> {
    ack: &'a AckBody,
}

/// What HTTP has to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ack {
    /// HTTP status.
    pub status: u16,
    /// JSON, signed or plain.
    pub body: Vec<u8>,
    /// The exchange that may go on once the ack is written.
    pub exchange: Option<ExchangeId>,
    /// `Retry-After`, seconds.
    pub retry_after: Option<u32>,
    /// The LSP, once it was verified; for the log.
    pub org_id: Option<OrgId>,
    /// The body's `error`; for the log.
    pub error: Cow<'static, str>,
    /// The LSP's `requestId`, once it was verified; for the log.
    pub request_id: Option<String>,
    /// The LSP's `metadata.traceId`, once it was verified; for the log.
    pub trace_id: Option<String>,
    /// How long the engine took, its wait for a connection included; for the log.
    pub engine_took: Duration,
    /// Why it was refused, when it was.
    pub refusal: Option<Refusal>,
}

/// A refusal as its sender is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Who the message says it is from; nothing about it need be true.
    pub claimed_org: Option<OrgId>,
    /// The `requestId` that it names; likewise.
    pub claimed_request: Option<String>,
    /// Words for an engineer.
    pub detail: String,
    /// JSON pointer to the member that is wrong; empty for the whole message.
    pub pointer: String,
}

/// What is known about the sender of a message, growing while it is opened.
#[derive(Debug, Clone)]
pub struct Sender {
    /// The LSP, once it is sure.
    pub org_id: Option<OrgId>,
    /// Who the message says it is from.
    pub claimed_org: Option<OrgId>,
    /// Which request the message says it is.
    pub claimed_request: Option<String>,
    /// Its trace id, where readable.
    pub trace_id: Option<String>,
    /// Its request id, once the message is sure to be its own.
    pub request_id: Option<String>,
    /// How long its request was in the engine.
    pub engine_took: Duration,
    /// The LSP's switches, the defaults while it is unknown.
    pub settings: Settings,
    /// How the message was signed; only what verified counts.
    pub style: Style,
    /// What the sandbox adds.
    pub hints: Hints,
}

impl Sender {
    /// Nobody yet.
    #[must_use]
    pub fn unknown() -> Self {
        Self {
            org_id: None,
            claimed_org: None,
            claimed_request: None,
            trace_id: None,
            request_id: None,
            engine_took: Duration::ZERO,
            settings: Settings::default(),
            style: Style { signed: false, protected_member: false },
            hints: Hints::default(),
        }
    }

    fn wants_signed_ack(&self) -> bool {
        match self.settings.sign_acks {
            SignAcks::Auto => self.style.signed,
            SignAcks::Always => self.org_id.is_some(),
            SignAcks::Never => false,
        }
    }

    fn header_member(&self) -> HeaderMember {
        match self.settings.jws_header_member {
            JwsHeaderMember::Protected => HeaderMember::Protected,
            JwsHeaderMember::Mirror if self.style.protected_member => HeaderMember::Protected,
            JwsHeaderMember::Mirror | JwsHeaderMember::Header => HeaderMember::Header,
        }
    }
}

/// Calls whose requests name applications in a list.
const OVER_MANY: [&str; 3] = ["consentHandle", "generateOffers", "triggerLoanAcceptance"];

/// Turns the engine's refusal into words and a place.
#[must_use]
pub fn refused(operation: &str, refused: &Refused) -> Malformed {
    match refused {
        Refused::Conflict => {
            Malformed::new(Code::Conflict, "/requestId", "the requestId was used before with another body")
        }
        Refused::UnknownIds { what, ids } => {
            let in_list = *what == "loanApplicationId" && OVER_MANY.contains(&operation);
            let pointer = format!("/{}{}", what.replace('.', "/"), if in_list { "s" } else { "" });
            Malformed::new(Code::UnknownId, pointer, format!("unknown {what}: {}", ids.join(", ")))
        }
        Refused::Mismatch { detail } => Malformed::new(Code::UnknownId, "/loanId", detail.as_str()),
        Refused::Missing { pointer } => Malformed::missing(*pointer),
        Refused::Stopped { product } => stopped(&format!("new business of the product {product}")),
        Refused::Unavailable(_) | Refused::Internal(_) => {
            Malformed::new(Code::Unavailable, "", "temporarily unavailable, please retry")
        }
    }
}

/// An operator has stopped something: nothing is stored, and the same message may come again.
#[must_use]
pub fn stopped(what: &str) -> Malformed {
    let detail = format!("the lender has stopped {what} for the time being; send the same message again later");
    Malformed::new(Code::Unavailable, "", detail).after(STOPPED_RETRY_AFTER)
}

/// Writes the ack of a message that was accepted (with its exchange) or refused.
#[must_use]
pub fn write(app: &App, sender: &Sender, outcome: Result<ExchangeId, Malformed>, health: Option<Health>) -> Ack {
    let timestamp = timestamp(app.clock.wall());
    let trace_id = sender.trace_id.clone().unwrap_or_else(|| app.ids.uuid().to_string());
    let code = outcome.as_ref().err().map(|refusal| refusal.code.folded(sender.settings.error_catalogue));
    let exchange = outcome.as_ref().ok().copied();
    let told = outcome.as_ref().err().and_then(|refusal| refusal.retry_after);
    let refusal = outcome.as_ref().err().map(|refusal| Refusal {
        claimed_org: sender.claimed_org.clone(),
        claimed_request: sender.claimed_request.clone(),
        detail: refusal.detail.clone(),
        pointer: refusal.pointer.clone(),
    });
    let (detail, pointer) = match outcome {
        Ok(_) => (None, None),
        Err(refusal) => (Some(refusal.detail), Some(refusal.pointer).filter(|pointer| !pointer.is_empty())),
    };
    let error = code.map_or(codes::OK, Code::text);
    let body = AckBody { error, trace_id, timestamp, detail, pointer, health };
    let status = match sender.settings.ack_http_status {
        AckHttpStatus::Semantic => code.map_or(200, Code::status),
        AckHttpStatus::Always200 => 200,
    };
    Ack {
        status,
        body: encode(app, sender, &body),
        exchange,
        retry_after: told.or((code == Some(Code::Unavailable)).then_some(RETRY_AFTER)),
        org_id: sender.org_id.clone(),
        error: Cow::Borrowed(error),
        request_id: sender.request_id.clone(),
        trace_id: sender.trace_id.clone().filter(|_| sender.org_id.is_some()),
        engine_took: sender.engine_took,
        refusal,
    }
}

fn encode(app: &App, sender: &Sender, body: &AckBody) -> Vec<u8> {
    let json = match sender.settings.ack_shape {
        AckShape::Flat => serde_json::to_vec(body),
        AckShape::Wrapped => serde_json::to_vec(&Wrapped { ack: body }),
    };
    let plain = json.unwrap_or_default();
    if !sender.wants_signed_ack() {
        return plain;
    }
    sign_flattened(&app.keys.signing(), sender.header_member(), &plain).unwrap_or_else(|error| {
        tracing::error!(error = %error, "an ack could not be signed and leaves plain");
        plain
    })
}
