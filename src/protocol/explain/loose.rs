//! An envelope taken apart as far as it goes, right or wrong.

use serde_json::{Map, Value};

use crate::jose::base64url;

/// What was found in the place of header, payload and signature.
#[derive(Debug)]
pub(super) struct Loose {
    /// The protected header as sent.
    pub(super) protected: String,
    /// The same, decoded.
    pub(super) header: Vec<u8>,
    /// Its members; empty when it is no JSON object.
    pub(super) members: Map<String, Value>,
    /// The payload as sent.
    pub(super) payload: String,
    /// The same, decoded; as sent when it is no base64.
    pub(super) message: Vec<u8>,
    /// The signature, decoded.
    pub(super) signature: Vec<u8>,
}

impl Loose {
    /// Takes a body apart; `None` when it has not all three.
    pub(super) fn of(body: &[u8]) -> Option<Self> {
        let envelope: Map<String, Value> = serde_json::from_slice(body).ok()?;
        let text = |member| envelope.get(member).and_then(Value::as_str).map(str::to_owned);
        let (protected, header) = if let Some(protected) = text("protected").or_else(|| text("header")) {
            let header = base64url::decode(&protected).unwrap_or_else(|_| protected.clone().into_bytes());
            (protected, header)
        } else {
            // An object in the place of a text: what its sender signed can only be guessed.
            let object = envelope.get("protected").or_else(|| envelope.get("header"))?;
            let json = object.to_string();
            (base64url::encode(&json), json.into_bytes())
        };
        let payload = match envelope.get("payload")? {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let message = base64url::decode(&payload).unwrap_or_else(|_| payload.clone().into_bytes());
        let signature = base64url::decode(&text("signature")?).ok()?;
        let members = serde_json::from_slice(&header).unwrap_or_default();
        Some(Self { protected, header, members, payload, message, signature })
    }

    pub(super) fn kid(&self) -> Option<&str> {
        self.members.get("kid").and_then(Value::as_str)
    }

    /// What is verified: header and payload as they were sent.
    pub(super) fn signing_input(&self) -> Vec<u8> {
        [self.protected.as_bytes(), b".", self.payload.as_bytes()].concat()
    }
}
