//! The body of one attempt: the frozen payload with fresh metadata, signed as the LSP likes it.

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use crate::jose::{HeaderMember, SignError, SignedMessage, SigningKey, sign_message};
use crate::lsp::JwsHeaderMember;
use crate::store::stream::Signature;

/// `metadata` of a callback (`ocen-v3.md` §3.4).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    version: &'a str,
    org_id: &'a str,
    timestamp: String,
    trace_id: &'a str,
}

/// What is stamped onto a payload.
#[derive(Debug, Clone, Copy)]
pub struct Stamp<'a> {
    /// Protocol version.
    pub version: &'a str,
    /// The lender's id.
    pub lender: &'a str,
    /// Frozen when decided.
    pub trace_id: &'a str,
    /// Time of this attempt.
    pub now: DateTime<Utc>,
}

/// A payload that cannot be stamped; ours always can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stored payload is no JSON object")]
pub struct NotAnObject;

impl Stamp<'_> {
    /// Puts `metadata` first into the JSON object `payload`.
    ///
    /// # Errors
    /// [`NotAnObject`].
    pub fn onto(self, payload: &str) -> Result<String, NotAnObject> {
        let members = payload.trim().strip_prefix('{').ok_or(NotAnObject)?;
        let metadata = Metadata {
            version: self.version,
            org_id: self.lender,
            timestamp: self.now.to_rfc3339_opts(SecondsFormat::Millis, true),
            trace_id: self.trace_id,
        };
        let metadata = serde_json::to_string(&metadata).map_err(|_| NotAnObject)?;
        let comma = if members.trim_start().starts_with('}') { "" } else { "," };
        Ok(format!(r#"{{"metadata":{metadata}{comma}{members}"#))
    }
}

/// Signs a stamped message, or leaves it plain when there is no `key`; tells the signature.
///
/// # Errors
/// [`SignError`].
pub fn seal(
    message: String,
    key: Option<(&SigningKey, HeaderMember)>,
) -> Result<(Bytes, Option<Signature>), SignError> {
    let Some((key, member)) = key else {
        return Ok((message.into(), None));
    };
    let SignedMessage { body, signature } = sign_message(key, member, message.as_bytes())?;
    let signature = Signature { kid: key.kid().to_owned(), header_member: member.name(), bytes: signature };
    Ok((body.into(), Some(signature)))
}

/// The member for the protected header: the LSP's setting, or what its request used.
#[must_use]
pub fn header_member(setting: JwsHeaderMember, request_used_protected: bool) -> HeaderMember {
    match setting {
        JwsHeaderMember::Header => HeaderMember::Header,
        JwsHeaderMember::Protected => HeaderMember::Protected,
        JwsHeaderMember::Mirror if request_used_protected => HeaderMember::Protected,
        JwsHeaderMember::Mirror => HeaderMember::Header,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp<'_> = Stamp { version: "1.0", lender: "LENDER", trace_id: "t-1", now: DateTime::UNIX_EPOCH };

    #[test]
    fn metadata_comes_first_and_the_payload_stays_as_it_was() {
        assert_eq!(
            STAMP.onto(r#"{"requestId":"r","n":1.10}"#).unwrap(),
            r#"{"metadata":{"version":"1.0","orgId":"LENDER","timestamp":"1970-01-01T00:00:00.000Z","traceId":"t-1"},"requestId":"r","n":1.10}"#
        );
        assert!(STAMP.onto("{}").unwrap().ends_with(r#""traceId":"t-1"}}"#));
        assert_eq!(STAMP.onto("[]"), Err(NotAnObject));
    }

    #[test]
    fn the_header_member_is_mirrored_unless_set() {
        assert_eq!(header_member(JwsHeaderMember::Mirror, true), HeaderMember::Protected);
        assert_eq!(header_member(JwsHeaderMember::Mirror, false), HeaderMember::Header);
        assert_eq!(header_member(JwsHeaderMember::Header, true), HeaderMember::Header);
        assert_eq!(header_member(JwsHeaderMember::Protected, false), HeaderMember::Protected);
    }
}
