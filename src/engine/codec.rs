//! How the engine gets messages written: it decides, and a protocol encodes the result inside the deciding transaction,
//! so that a payload is frozen together with its decision.

use chrono::{DateTime, Utc};

use crate::config::Lender;
use crate::domain::application::answer::Answer;
use crate::lsp::Settings;

/// Turns what was decided into bytes.
pub trait Codec: Send + Sync {
    /// Writes a callback.
    ///
    /// # Errors
    /// When an answer does not belong to its operation: a mistake of ours, which rolls the decision back.
    fn encode(&self, outgoing: &Outgoing<'_>) -> Result<EncodedCallback, EncodeError>;
}

/// A callback to be written.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// The operation's name, e.g. `setOffer`.
    pub operation: &'a str,
    /// The request it answers.
    pub request_id: &'a str,
    /// How the LSP likes it.
    pub settings: &'a Settings,
    /// Who we are.
    pub lender: &'a Lender,
    /// Results, by slot.
    pub answers: &'a [Answer],
    /// Public address of the borrower's pages.
    pub borrower_url: &'a str,
    /// Ports of the lender's systems that take no question now; told by the heartbeat alone.
    pub resting: &'a [&'static str],
    /// Now.
    pub now: DateTime<Utc>,
}

/// A callback as it will leave, but for its metadata, which is stamped at each attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedCallback {
    /// Below the LSP's base URL, e.g. `/v3/offer/setOfferResponse`.
    pub path: String,
    /// A JSON object without `metadata`.
    pub body: String,
}

/// An answer that its operation cannot express.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct EncodeError(pub String);
