//! Signed messages are stored as they came, and most of their bytes are base64url of a JSON text. Decoded, that text
//! compresses to a fraction; encoding it again gives back every byte.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use memchr::{memchr, memmem};

use super::{MAX_PLAIN, SealError};

/// What stands before the payload of a flattened JWS (RFC 7515 §7.2.2).
const MEMBER: &[u8] = br#""payload":""#;
/// Bytes for the place of the payload and its decoded length, big endian.
const HEAD: usize = 8;

/// A signed message with its payload decoded; none when it is no such message, or its payload is not what base64url
/// without padding makes of any bytes.
pub(super) fn unwrap(message: &[u8]) -> Option<Vec<u8>> {
    let begin = memmem::find(message, MEMBER)? + MEMBER.len();
    let end = begin + memchr(b'"', message.get(begin..)?)?;
    let payload = URL_SAFE_NO_PAD.decode(message.get(begin..end)?).ok()?;
    let mut text = Vec::with_capacity(HEAD + message.len());
    text.extend_from_slice(&u32::try_from(begin).ok()?.to_be_bytes());
    text.extend_from_slice(&u32::try_from(payload.len()).ok()?.to_be_bytes());
    text.extend_from_slice(message.get(..begin)?);
    text.extend_from_slice(&payload);
    text.extend_from_slice(message.get(end..)?);
    Some(text)
}

/// The message as it came.
pub(super) fn wrap(text: &[u8]) -> Result<Vec<u8>, SealError> {
    let number = |at: usize| {
        let bytes = text.get(at..)?.first_chunk::<4>()?;
        usize::try_from(u32::from_be_bytes(*bytes)).ok()
    };
    let parts = || {
        let (begin, length) = (number(0)?, number(4)?);
        let (before, rest) = text.get(HEAD..)?.split_at_checked(begin)?;
        let (payload, after) = rest.split_at_checked(length)?;
        Some((before, payload, after))
    };
    let (before, payload, after) = parts().ok_or(SealError::Malformed)?;
    if before.len() + payload.len() / 3 * 4 + after.len() > MAX_PLAIN {
        return Err(SealError::TooLarge);
    }
    Ok([before, URL_SAFE_NO_PAD.encode(payload).as_bytes(), after].concat())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_base64url_without_padding_stays_as_it_is() {
        for message in [
            r#"{"payload":"e30"#,
            r#"{"payload":"e30=","signature":"AA"}"#,
            r#"{"payload":"e3+/","signature":"AA"}"#,
            r#"{"payload":"e3B","signature":"AA"}"#,
            r#"{"payload":"a\"b","signature":"AA"}"#,
            r#"{"payload":{},"signature":"AA"}"#,
            r#"{"signature":"AA"}"#,
            "",
        ] {
            assert_eq!(unwrap(message.as_bytes()), None, "{message}");
        }
    }

    #[test]
    fn a_text_that_nobody_made_is_refused() {
        for text in [&[][..], &[0; 7], &[0, 0, 0, 9, 0, 0, 0, 0], &[0, 0, 0, 0, 0, 0, 0, 1], &[255; 40]] {
            assert_eq!(wrap(text), Err(SealError::Malformed), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_message_comes_back_byte_for_byte(
            payload in proptest::collection::vec(any::<u8>(), 0..200),
            before in "[a-z\":, ]{0,20}",
            after in "[a-z\":, ]{0,20}",
        ) {
            let message = format!(r#"{{{before}"payload":"{}"{after}}}"#, URL_SAFE_NO_PAD.encode(payload));
            let text = unwrap(message.as_bytes()).unwrap();
            prop_assert_eq!(wrap(&text).unwrap(), message.as_bytes());
        }

        #[test]
        fn whatever_it_is_unwrapping_loses_nothing(message in r#"[{}":,=a-zA-Z0-9_-]{0,60}"payload":"[=a-zA-Z0-9+/_-]{0,9}"?.{0,9}"#) {
            if let Some(text) = unwrap(message.as_bytes()) {
                prop_assert_eq!(wrap(&text).unwrap(), message.as_bytes());
            }
        }
    }
}
