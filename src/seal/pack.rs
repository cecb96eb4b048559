//! How a text is compressed before it is sealed, and what the format byte of a sealed value says about that.

use super::compress::{compress, decompress};
use super::{SealError, documents, jws};

/// A text sealed as it is.
pub(super) const STORED: u8 = 1;
/// A text compressed without the dictionary, as older versions did.
pub(super) const COMPRESSED: u8 = 2;
/// The same of a signed message with its payload decoded.
pub(super) const COMPRESSED_JWS: u8 = 3;
/// A text compressed with the dictionary; what was decoded before is added.
pub(super) const PACKED: u8 = 4;
/// Of a signed message the payload was decoded.
pub(super) const PAYLOAD: u8 = 1;
/// Of a text that holds documents these were decoded.
pub(super) const DOCUMENTS: u8 = 2;

/// Decodes a part of a text, where there is such a part.
type Unwrap = fn(&[u8]) -> Option<Vec<u8>>;

/// The shortest form of a value, and the format byte that says how to undo it.
pub(super) fn pack(plain: &[u8]) -> Result<(u8, Vec<u8>), SealError> {
    let mut format = PACKED;
    let mut decoded: Option<Vec<u8>> = None;
    let steps: [(u8, Unwrap); 2] = [(PAYLOAD, jws::unwrap), (DOCUMENTS, documents::unwrap)];
    for (step, unwrap) in steps {
        let text = decoded.as_deref().unwrap_or(plain);
        // Never longer than before, or opening it might inflate past the bound.
        if let Some(shorter) = unwrap(text).filter(|shorter| shorter.len() <= text.len()) {
            format += step;
            decoded = Some(shorter);
        }
    }
    let packed = compress(decoded.as_deref().unwrap_or(plain))?;
    Ok(if packed.len() < plain.len() { (format, packed) } else { (STORED, plain.to_vec()) })
}

/// The value again.
pub(super) fn unpack(format: u8, text: Vec<u8>) -> Result<Vec<u8>, SealError> {
    let decoded = match format {
        STORED => return Ok(text),
        COMPRESSED => 0,
        COMPRESSED_JWS => PAYLOAD,
        PACKED.. => format - PACKED,
        0 => return Err(SealError::Malformed),
    };
    if decoded > PAYLOAD + DOCUMENTS {
        return Err(SealError::Malformed);
    }
    let mut plain = decompress(&text)?;
    if decoded & DOCUMENTS != 0 {
        plain = documents::wrap(&plain)?;
    }
    if decoded & PAYLOAD != 0 {
        plain = jws::wrap(&plain)?;
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    use super::*;
    use crate::seal::MAX_PLAIN;

    fn round_trips(plain: &str) -> (u8, usize) {
        let (format, packed) = pack(plain.as_bytes()).unwrap();
        let length = packed.len();
        assert_eq!(unpack(format, packed).unwrap(), plain.as_bytes());
        (format, length)
    }

    #[test]
    fn what_a_message_carries_is_decoded_where_that_is_shorter() {
        let document = format!(r#"{{"data":"{}"}}"#, STANDARD.encode(r#"{"sanctionedAmount":"50000.00"}"#.repeat(9)));
        let message =
            |payload: &str| format!(r#"{{"payload":"{}","signature":"AA"}}"#, URL_SAFE_NO_PAD.encode(payload));
        assert_eq!(round_trips(&document).0, PACKED + DOCUMENTS);
        assert_eq!(round_trips(&message(r#"{"loanApplicationId":"a-1"}"#)).0, PACKED + PAYLOAD);
        assert_eq!(round_trips(&message(&document)).0, PACKED + PAYLOAD + DOCUMENTS);
        // Too short to win anything by decoding.
        assert_eq!(round_trips(&format!(r#"{{"payload":"e30","signature":"{}"}}"#, "A".repeat(500))).0, PACKED);
        assert_eq!(round_trips("a").0, STORED);
    }

    #[test]
    fn the_dictionary_knows_the_words_of_ocen() {
        let text = r#"{"response":{"error":"0"},"requestId":"REQ-7","loanApplicationId":"APP-7","loanApplicationStatus":"OFFERED"}"#;
        let (format, length) = round_trips(text);
        assert!(format == PACKED && length < text.len() / 2, "{length} of {}", text.len());
    }

    #[test]
    fn what_older_versions_sealed_opens() {
        let plain = br#"{"payload":"eyJhIjoxfQ","signature":"AA"}"#;
        let old = |text: &[u8]| zstd::bulk::compress(text, 1).unwrap();
        assert_eq!(unpack(COMPRESSED, old(plain)).unwrap(), plain);
        assert_eq!(unpack(COMPRESSED_JWS, old(&jws::unwrap(plain).unwrap())).unwrap(), plain);
        for unknown in [0, PACKED + 4, 255] {
            assert_eq!(unpack(unknown, old(plain)), Err(SealError::Malformed));
        }
    }

    #[test]
    fn nothing_inflates_past_the_bound() {
        let bomb = zstd::bulk::compress(&vec![0; MAX_PLAIN + 1], 1).unwrap();
        for format in COMPRESSED..PACKED + 4 {
            assert_eq!(unpack(format, bomb.clone()), Err(SealError::TooLarge));
            assert_eq!(unpack(format, b"no frame".to_vec()), Err(SealError::Malformed));
        }
    }
}
