//! What a message says of itself once it is genuine: whose it is, and when it was sent.

use super::{Check, Known, failed, passed, skipped};
use crate::domain::ids::OrgId;
use crate::jose::base64url;
use crate::protocol::ack::Sender;
use crate::protocol::canonical;
use crate::protocol::codes::Code;
use crate::protocol::lenient;
use crate::protocol::malformed::Malformed;
use crate::protocol::open;

/// The checks that are made here, in intake's order.
pub(super) const NAMES: [&str; 5] = ["payload", "orgId", "timestamp", "metadata", "requestId"];

/// Looks at the payload.
pub(super) fn check(payload: &[u8], owner: Option<OrgId>, known: &Known) -> Vec<Check> {
    let [name, rest @ ..] = NAMES;
    let envelope = match read(payload) {
        Ok(envelope) => envelope,
        Err(why) => {
            let mut checks = vec![failed(name, why)];
            checks.extend(rest.map(|name| skipped(name, "the payload is no message")));
            return checks;
        }
    };
    let claims = envelope.claims();
    let mut checks = vec![passed(name, "a JSON object")];
    let claimed = claims.claimed_org();
    // Without a registered key whoever asks, or else the message, says whose it is.
    let asked = known.asked.clone().or(owner).or_else(|| claimed.clone());
    let mut sender = Sender::unknown();
    if let Some(lsp) = &known.lsp {
        sender.settings = lsp.settings.clone();
    }
    let judged = open::check_claims(&claims, &asked.unwrap_or_else(|| OrgId::from("")), &sender, known.now);
    let wrong = judged.as_ref().err().map(|malformed| (name_of(malformed), malformed));
    let place = wrong.and_then(|(name, _)| NAMES.iter().position(|known| *known == name)).unwrap_or(NAMES.len());
    for (at, name) in NAMES.iter().enumerate().skip(1).take(3) {
        checks.push(match wrong {
            Some((failing, malformed)) if *name == failing => failed(name, words(malformed, known)),
            Some(_) if at > place => skipped(name, "an earlier check failed"),
            _ => passed(
                name,
                if *name == "orgId" {
                    claimed.as_ref().map(ToString::to_string).unwrap_or_default()
                } else {
                    String::new()
                },
            ),
        });
    }
    checks.push(match lenient::id(envelope.request_id(), "/requestId") {
        Ok(_) => passed("requestId", ""),
        Err(malformed) => failed("requestId", malformed.to_string()),
    });
    checks
}

fn read(payload: &[u8]) -> Result<open::Envelope, String> {
    let text = std::str::from_utf8(payload).map_err(|_| "the payload is not UTF-8".to_owned())?;
    if canonical::too_deep(payload) {
        return Err(format!("nested deeper than {} levels", canonical::MAX_DEPTH));
    }
    open::envelope(text).map_err(|malformed| {
        let twice = base64url::decode(text).is_ok_and(|inner| inner.starts_with(b"{"));
        let words = if twice { ". The payload was encoded twice" } else { "" };
        format!("{malformed}{words}")
    })
}

fn name_of(malformed: &Malformed) -> &'static str {
    match (malformed.code, malformed.pointer.as_str()) {
        (Code::OrgMismatch, _) | (_, "/metadata/orgId") => "orgId",
        (Code::Timestamp, _) | (_, "/metadata/timestamp") => "timestamp",
        _ => "metadata",
    }
}

fn words(malformed: &Malformed, known: &Known) -> String {
    match malformed.code {
        Code::Timestamp => format!("{}; here it is {}", malformed.detail, known.now.to_rfc3339()),
        _ => malformed.to_string(),
    }
}
