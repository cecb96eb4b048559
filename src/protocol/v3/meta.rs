//! Heartbeat, lookup codes and error codes (`ocen-v3.md` §8).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::core::{self, Response};
use super::{Decoding, RequestBody};
use crate::domain::application::answer::Content;
use crate::domain::application::command::{Command, Meta};
use crate::engine::{EncodeError, Outgoing};
use crate::lsp::Settings;
use crate::protocol::codes::{CODES, Code};
use crate::protocol::lenient::{self, Text, word};
use crate::protocol::lookups;
use crate::protocol::malformed::Malformed;

/// `heartbeatRequest` has no members of its own.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct HeartbeatRequest {}

impl RequestBody for HeartbeatRequest {
    fn into_command(self, _: &Decoding) -> Result<Command, Malformed> {
        Ok(Command::Meta(Meta::Heartbeat))
    }

    fn example() -> Value {
        json!({})
    }
}

/// `getLookupCodesRequest`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["lookupType"]))]
pub struct GetLookupCodesRequest {
    /// e.g. `LOAN_STATUS`; `LOOKUP_TYPE` lists them all.
    pub lookup_type: Text,
}

impl RequestBody for GetLookupCodesRequest {
    fn into_command(self, _: &Decoding) -> Result<Command, Malformed> {
        lenient::id(&self.lookup_type, "/lookupType").map(|asked| Command::Meta(Meta::LookupCodes(asked)))
    }

    fn example() -> Value {
        json!({"lookupType": "LOAN_STATUS"})
    }
}

/// `getErrorCodesRequest`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["errorCode"]))]
pub struct GetErrorCodesRequest {
    /// e.g. `SDP1001`; blank or `*` asks for all.
    pub error_code: Text,
}

impl RequestBody for GetErrorCodesRequest {
    fn into_command(self, _: &Decoding) -> Result<Command, Malformed> {
        let asked = lenient::optional_id(&self.error_code, "/errorCode")?;
        Ok(Command::Meta(Meta::ErrorCodes(asked.unwrap_or_default())))
    }

    fn example() -> Value {
        json!({"errorCode": "SDP1001"})
    }
}

/// Whether the lender's system works; in the heartbeat's ack and callback (`ocen-v3.md` §8.4).
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Health {
    /// `UP`, or `DEGRADED` while a component is. One that is `DOWN` acknowledges nothing but with `GEN5004`.
    pub status: &'static str,
    /// Families that are served.
    pub components: Vec<Component>,
}

/// One family of calls.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Component {
    /// e.g. `OFFERS`.
    pub name: &'static str,
    /// `UP`, or `DEGRADED` while a system of the lender's rests that it needs: requests are taken and answered later.
    pub status: &'static str,
}

/// Families that are served, each with the ports of the lender's systems that it needs.
const COMPONENTS: [(&str, &[&str]); 7] = [
    ("CONSENT", &["data"]),
    ("OFFERS", &["decision", "data"]),
    ("LOAN_ACCEPTANCE", &["agreement", "notifier"]),
    ("REPAYMENT", &["collections"]),
    ("DISBURSEMENT", &["disbursement"]),
    ("GRANT_LOAN", &["decision", "kyc", "collections", "data"]),
    ("DISPUTE", &[]),
];
const UP: &str = "UP";
const DEGRADED: &str = "DEGRADED";

impl Health {
    /// While these ports rest. That an answer could be made at all shows that everything else is up.
    #[must_use]
    pub fn with(resting: &[&str]) -> Self {
        let rests = |ports: &[&str]| ports.iter().any(|port| resting.contains(port));
        let status = |ports: &[&str]| if rests(ports) { DEGRADED } else { UP };
        let components: Vec<Component> =
            COMPONENTS.iter().map(|(name, ports)| Component { name, status: status(ports) }).collect();
        let all_up = components.iter().all(|component| component.status == UP);
        Self { status: if all_up { UP } else { DEGRADED }, components }
    }
}

/// `getLookupCodesResponse`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GetLookupCodesResponse {
    /// As asked.
    pub lookup_type: String,
    /// The values that we emit; empty for an unknown type.
    pub lookup_codes: Vec<&'static str>,
}

/// `getErrorCodesResponse`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GetErrorCodesResponse {
    /// The codes; empty for an unknown one.
    pub error_codes: Vec<CodeMeaning>,
}

/// One error code.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CodeMeaning {
    /// e.g. `SDP1001`.
    pub code: &'static str,
    /// What it means.
    pub description: &'static str,
}

/// `getLookupCodesResponse`, `getErrorCodesResponse` and `heartbeatResponse`.
///
/// # Errors
/// When the answer is not this operation's.
pub fn encode(outgoing: &Outgoing<'_>) -> Result<String, EncodeError> {
    let answer = core::single(outgoing)?;
    let Content::Meta { meta } = &answer.content else {
        return Err(core::misfit(outgoing));
    };
    match meta {
        Meta::Heartbeat => core::callback(outgoing, Response::ok(), Health::with(outgoing.resting)),
        Meta::LookupCodes(asked) => lookup_codes(outgoing, asked),
        Meta::ErrorCodes(asked) => error_codes(outgoing, asked),
    }
}

fn lookup_codes(outgoing: &Outgoing<'_>, asked: &str) -> Result<String, EncodeError> {
    let settings = outgoing.settings;
    let codes = lookups::codes(&word(asked), settings);
    let response = match codes {
        Some(_) => Response::ok(),
        None => Response::error(Code::LookupType, settings, "ask for LOOKUP_TYPE to see all types"),
    };
    let body = GetLookupCodesResponse { lookup_type: asked.to_owned(), lookup_codes: codes.unwrap_or_default() };
    core::callback(outgoing, response, body)
}

fn error_codes(outgoing: &Outgoing<'_>, asked: &str) -> Result<String, EncodeError> {
    let settings = outgoing.settings;
    let all = matches!(asked.trim(), "" | "*");
    let wanted = |code: &&Code| all || code.text().eq_ignore_ascii_case(asked.trim());
    let error_codes: Vec<_> = known_codes(settings)
        .filter(wanted)
        .map(|code| CodeMeaning { code: code.text(), description: code.meaning() })
        .collect();
    let response = if error_codes.is_empty() {
        Response::error(Code::ErrorCode, settings, "ask for * to see all codes")
    } else {
        Response::ok()
    };
    core::callback(outgoing, response, GetErrorCodesResponse { error_codes })
}

/// The codes that an LSP can meet: those that fold into another one it never sees.
fn known_codes(settings: &Settings) -> impl Iterator<Item = &'static Code> {
    CODES.iter().filter(|code| code.folded(settings.error_catalogue) == **code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_degraded_while_a_system_that_it_needs_rests() {
        let told = |resting: &[&str]| {
            let Health { status, components } = Health::with(resting);
            let down: Vec<&str> = components.iter().filter(|one| one.status != UP).map(|one| one.name).collect();
            (status, down)
        };
        assert_eq!(told(&[]), ("UP", vec![]));
        assert_eq!(told(&["decision"]), ("DEGRADED", vec!["OFFERS", "GRANT_LOAN"]));
        assert_eq!(told(&["collections"]), ("DEGRADED", vec!["REPAYMENT", "GRANT_LOAN"]));
        assert_eq!(told(&["disbursement"]), ("DEGRADED", vec!["DISBURSEMENT"]));
    }
}
