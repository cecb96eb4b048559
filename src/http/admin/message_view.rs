//! The parts of a message as a page shows them: as they are, or masked.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::SecondsFormat;
use serde_json::{Value, json};

use super::applications::readable;
use super::mask;
use crate::app::App;
use crate::domain::personal::{MASK, scrubbed};
use crate::http::problem::Problem;
use crate::protocol::inspect::{Check, Outcome};
use crate::protocol::schema::Difference;
use crate::seal::SealError;
use crate::store::StoreError;
use crate::store::attempt::AttemptRow;
use crate::store::message::{About, Callback};
use crate::store::outbox::answer_context;

/// Largest message, in bytes, that a command line takes; a larger one is to be saved to a file.
const ON_A_LINE: usize = 64 * 1024;
/// Where a message is expected that does not stand in the command.
const FILE: &str = "@message.json";

/// What every message begins with.
pub(super) fn about(direction: &str, about: &About, full: bool) -> serde_json::Map<String, Value> {
    let text = |text: &Option<String>| text.as_ref().map(|text| words(text, full));
    let members = json!({
        "id": null,
        "direction": direction,
        "operation": about.operation,
        "at": about.at,
        "orgId": about.org_id,
        "loanApplicationIds": about.applications.iter().map(|id| words(id, full)).collect::<Vec<_>>(),
        "requestId": text(&about.request_id),
        "traceId": text(&about.trace_id),
        "masked": !full,
        "bytes": null,
        "body": null,
        "jws": null,
        "checks": [],
        "schemaDifferences": [],
        "attempts": [],
        "curl": null,
    });
    members.as_object().cloned().unwrap_or_default()
}

fn words(text: &str, full: bool) -> String {
    if full { text.to_owned() } else { scrubbed(text) }
}

/// A message's bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bytes<'a> {
    pub(super) raw: &'a [u8],
    pub(super) full: bool,
}

impl Bytes<'_> {
    /// All of them, or how many there are.
    pub(super) fn shown(self) -> Value {
        let Self { raw, full } = self;
        json!({
            "length": raw.len(),
            "base64": if full { STANDARD.encode(raw) } else { MASK.to_owned() },
            "text": if full { String::from_utf8_lossy(raw).into_owned() } else { MASK.to_owned() },
        })
    }

    /// A command that sends them.
    pub(super) fn curl(self, url: &str) -> String {
        let data = match std::str::from_utf8(self.raw) {
            Ok(text) if self.full && self.raw.len() <= ON_A_LINE => format!("--data-raw {}", quoted(text)),
            _ => format!("--data-binary {FILE}"),
        };
        format!("curl -sS {} -H 'content-type: application/json' {data}", quoted(url))
    }
}

/// One word for a shell, whatever is in it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// What the message says.
pub(super) fn body(message: Option<Value>, raw: &[u8], full: bool) -> Value {
    let message = message.unwrap_or_else(|| readable(raw));
    if full { message } else { mask::json(&message) }
}

/// Checks; what they quote of a message is scrubbed.
pub(super) fn checks(checks: Vec<Check>, full: bool) -> Value {
    let shown = |check: Check| Check { detail: words(&check.detail, full), ..check };
    json!(checks.into_iter().map(shown).collect::<Vec<_>>())
}

/// Whether a request came at its time: state and business are answered by callback, a refusal too.
pub(super) fn sequence(answers: &[Vec<u8>]) -> Check {
    let Some(newest) = answers.first() else {
        return Check::skipped("sequence", "it is not answered yet");
    };
    let answer: Value = serde_json::from_slice(newest).unwrap_or_default();
    let parts = answer.get("loanApplications").and_then(Value::as_array);
    let refused = std::iter::once(&answer).chain(parts.into_iter().flatten()).find_map(|part| {
        let member = |name| part.pointer(name).and_then(Value::as_str);
        let code = member("/response/error").filter(|code| *code != "0")?;
        let description = member("/response/description").unwrap_or_default();
        Some(format!("its callback refuses it: {code} {description}"))
    });
    if let Some(refused) = refused {
        return Check::failed("sequence", refused);
    }
    Check::passed("sequence", "its callback does not refuse it")
}

/// What we make of a message of ours.
pub(super) fn checks_of_callback(callback: &Callback, signed: bool, differences: &[Difference]) -> Vec<Check> {
    let jws = if signed {
        Check::passed("jws", "signed with our key, as it is for each try")
    } else {
        Check::skipped("jws", "sent as plain JSON, as the request came or because the LSP has no key")
    };
    let schema = match differences.len() {
        0 => Check::passed("schema", "as published"),
        number => Check { name: "schema", outcome: Outcome::Failed, detail: format!("{number} differences") },
    };
    let ack = match (callback.state.as_str(), &callback.parked_reason) {
        ("DELIVERED", _) => Check::passed("ack", "the LSP has acknowledged it"),
        ("PARKED", reason) => Check::failed("ack", reason.clone().unwrap_or_default()),
        _ => Check::skipped("ack", "it is not delivered yet"),
    };
    vec![jws, schema, ack]
}

/// One try at a callback with what the LSP answered.
///
/// # Errors
/// When the answer cannot be opened.
pub(super) fn attempt(
    app: &App,
    attempt: &AttemptRow,
    (injected, full): (Option<&String>, bool),
) -> Result<Value, Problem> {
    let context = answer_context(attempt.callback_id, attempt.attempt);
    let answer = match attempt.sealed_answer.as_ref().map(|sealed| app.sealer.open(&context, sealed)) {
        None => Value::Null,
        Some(Ok(bytes)) => body(None, &bytes, full),
        Some(Err(SealError::Erased(at))) => json!({ "erasedAt": at }),
        Some(Err(error)) => return Err(StoreError::from(error).into()),
    };
    Ok(json!({
        "number": attempt.attempt,
        "at": attempt.started_at,
        "status": attempt.status,
        "durationMs": attempt.duration_ms,
        "verdict": if attempt.error.is_none() { "delivered" } else { "failed" },
        "error": attempt.error.as_deref().map(|error| words(error, full)),
        "injected": injected,
        "sent": sent(attempt),
        "answer": answer,
    }))
}

/// What an attempt put onto the frozen body; `null` where nothing was sent, or an older version sent it.
pub(super) fn sent(attempt: &AttemptRow) -> Option<Value> {
    let at = attempt.sent_at?;
    Some(json!({
        "timestamp": at.to_rfc3339_opts(SecondsFormat::Millis, true),
        "kid": attempt.kid,
        "headerMember": attempt.header_member,
        "signature": attempt.signature.as_ref().map(|bytes| URL_SAFE_NO_PAD.encode(bytes)),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_holds_whatever_is_in_the_message() {
        let bytes = Bytes { raw: br#"{"name":"O'Brien","cost":"$5"}"#, full: true };
        let curl = bytes.curl("http://h/p");
        assert!(curl.ends_with(r#"--data-raw '{"name":"O'\''Brien","cost":"$5"}'"#), "{curl}");
        let masked = Bytes { full: false, ..bytes };
        assert!(!masked.curl("http://h/p").contains("Brien") && !masked.shown().to_string().contains("Brien"));
    }

    #[test]
    fn a_refusal_in_the_callback_is_a_failed_sequence() {
        let answer = |text: &str| vec![text.as_bytes().to_vec()];
        assert_eq!(sequence(&[]).outcome, Outcome::Skipped);
        assert_eq!(sequence(&answer(r#"{"response":{"error":"0"}}"#)).outcome, Outcome::Passed);
        let refusal = r#"{"response":{"error":"OFF2002","description":"no offer yet"}}"#;
        assert_eq!(
            sequence(&answer(refusal)),
            Check::failed("sequence", "its callback refuses it: OFF2002 no offer yet")
        );
    }
}
