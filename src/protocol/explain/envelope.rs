//! The envelope: JSON, members, encodings, protected header. The parser's own refusals, put in their places.

use serde_json::Value;

use super::loose::Loose;
use super::{Check, Known, failed, passed, skipped};
use crate::jose::{FlattenedError, HeaderError, Incoming, OCEN_V3_ALGORITHMS, Unverified};
use crate::protocol::canonical;

/// The checks of an envelope, in the parser's order.
const NAMES: [&str; 8] =
    ["json", "envelope", "headerEncoding", "header", "critical", "alg", "payloadEncoding", "signatureEncoding"];

/// Takes a body apart as intake does.
pub(super) fn check<'a>(body: &'a [u8], loose: Option<&Loose>, known: &Known) -> (Vec<Check>, Option<Unverified<'a>>) {
    if canonical::too_deep(body) {
        let why = format!("nested deeper than {} levels", canonical::MAX_DEPTH);
        return (up_to(0, &why, loose), None);
    }
    match Incoming::parse(body, OCEN_V3_ALGORITHMS) {
        Ok(Incoming::Signed(signed)) => (up_to(NAMES.len(), "", loose), Some(signed)),
        Ok(Incoming::Plain) => (up_to(1, &plain(body, known), loose), None),
        Err(error) => {
            let why = match hint(&error, body, loose) {
                Some(hint) => format!("{error}. {hint}"),
                None => error.to_string(),
            };
            (up_to(place(&error), &why, loose), None)
        }
    }
}

/// All checks before `place` passed, the one at `place` failed, those behind it were not made.
fn up_to(place: usize, why: &str, loose: Option<&Loose>) -> Vec<Check> {
    let check = |(at, name): (usize, &&'static str)| match at.cmp(&place) {
        std::cmp::Ordering::Less => passed(name, loose.map_or_else(String::new, |loose| remark(name, loose))),
        std::cmp::Ordering::Equal => failed(name, why),
        std::cmp::Ordering::Greater => skipped(name, "an earlier check failed"),
    };
    NAMES.iter().enumerate().map(check).collect()
}

fn place(error: &FlattenedError) -> usize {
    let name = match error {
        FlattenedError::NotJson(_) => "json",
        FlattenedError::Header(HeaderError::TooLong | HeaderError::NotBase64(_)) => "headerEncoding",
        FlattenedError::Header(HeaderError::NotJson(_) | HeaderError::Duplicate(_) | HeaderError::BadKid) => "header",
        FlattenedError::Header(HeaderError::Refused(_)) => "critical",
        FlattenedError::Header(HeaderError::NoAlgorithm | HeaderError::Algorithm { .. }) => "alg",
        FlattenedError::NotBase64 { member: "payload", .. } => "payloadEncoding",
        FlattenedError::NotBase64 { .. } => "signatureEncoding",
        _ => "envelope",
    };
    NAMES.iter().position(|known| *known == name).unwrap_or_default()
}

/// What is right, but not as the rule has it.
fn remark(name: &str, loose: &Loose) -> String {
    match name {
        "headerEncoding" => encoding(&loose.protected).to_owned(),
        "payloadEncoding" => encoding(&loose.payload).to_owned(),
        "alg" => "RS512".to_owned(),
        _ => String::new(),
    }
}

fn encoding(text: &str) -> &'static str {
    match (text.contains(['+', '/']), text.ends_with('=')) {
        (true, _) => "base64 with `+` and `/`; accepted, the rule is base64url without padding (RFC 7515 §2)",
        (false, true) => "padded with `=`; accepted, the rule is base64url without padding (RFC 7515 §2)",
        (false, false) => "base64url without padding",
    }
}

fn plain(body: &[u8], known: &Known) -> String {
    let message: Value = serde_json::from_slice(body).unwrap_or_default();
    let members = |name: &str| message.get(name).is_some();
    if members("signatures") {
        return "this is the general JSON serialisation (`signatures`); OCEN v3 has the flattened one, with `payload`, \
                `protected` or `header`, and `signature`"
            .to_owned();
    }
    if members("jws") || members("data") || members("body") {
        return "`payload` and `signature` must be members of the body itself, not of an object inside it".to_owned();
    }
    let taken = if known.unsigned { "; this LSP may send plain JSON, so it is taken all the same" } else { "" };
    format!("the message is not signed: there is no `payload` and no `signature`{taken}")
}

/// What the sender seems to have done.
fn hint(error: &FlattenedError, body: &[u8], loose: Option<&Loose>) -> Option<String> {
    match error {
        FlattenedError::NotJson(_) => not_json(body).map(str::to_owned),
        FlattenedError::NotString("payload") => {
            Some("Send the base64url text of the message, not the message itself".to_owned())
        }
        FlattenedError::Header(HeaderError::NotBase64(_)) => loose
            .filter(|loose| loose.protected.trim_start().starts_with('{'))
            .map(|_| "The header was sent as JSON text: encode it in base64url".to_owned()),
        FlattenedError::Header(HeaderError::NotJson(_)) => twice(loose?),
        FlattenedError::Header(HeaderError::Refused(name @ ("b64" | "crit"))) => {
            Some(unencoded(name, loose?).to_owned())
        }
        FlattenedError::Header(HeaderError::Refused(_)) => {
            Some("Keys are registered, never sent along; leave the member out".to_owned())
        }
        FlattenedError::NotBase64 { member: "payload", .. } => loose
            .filter(|loose| loose.payload.trim_start().starts_with('{'))
            .map(|_| "The message was sent as JSON text: encode it in base64url".to_owned()),
        _ => None,
    }
}

fn not_json(body: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    let is_compact =
        text.split('.').count() == 3 && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.=".contains(c));
    match () {
        () if text.is_empty() => Some("The body is empty"),
        () if text.starts_with('\u{feff}') => Some("The body begins with a byte order mark: leave it out"),
        () if is_compact => Some(
            "This is the compact serialisation; OCEN v3 has the flattened one, a JSON object with `payload`, `protected` or `header`, and `signature`",
        ),
        () if text.starts_with('"') => Some("The body is a JSON text: the envelope was written as JSON twice"),
        () if text.starts_with("payload=") => Some("The body is a form: send application/json"),
        () => None,
    }
}

fn twice(loose: &Loose) -> Option<String> {
    let inner = std::str::from_utf8(&loose.header).ok().and_then(|text| crate::jose::base64url::decode(text).ok())?;
    inner.starts_with(b"{").then(|| "The header was encoded twice".to_owned())
}

fn unencoded(name: &str, loose: &Loose) -> &'static str {
    let b64 = loose.members.get("b64").and_then(Value::as_bool);
    match (name, b64, loose.members.contains_key("crit")) {
        ("b64", Some(false), false) => {
            "`b64` false without `crit` is wrong by RFC 7797 §6 anyway; OCEN v3 signs the payload base64url-encoded: leave `b64` out"
        }
        (_, Some(false), true) => {
            "OCEN v3 signs the payload base64url-encoded (`b64` false is OCEN v4): leave `b64` and `crit` out"
        }
        ("b64", ..) => "Leave `b64` out: the payload is always base64url-encoded",
        _ => "No extension is understood: leave `crit` out",
    }
}
