//! Documents in OCEN's messages (`Document.data`: key facts statements, agreements) are base64 of texts that are much
//! alike. Decoded, those texts compress to a fraction; encoding them again gives back every byte.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::{memchr, memmem};

use super::{MAX_PLAIN, SealError};

/// What stands before a document.
const MEMBER: &[u8] = br#""data":""#;
/// Shorter ones win nothing, in bytes.
const SHORTEST: usize = 64;
/// Most that are decoded of one text.
const MOST: usize = 255;
/// Bytes for the place of a document and its decoded length, big endian.
const HEAD: usize = 8;

/// The text with its documents decoded, after a byte that counts them and a head for each; none when it holds none that
/// are what base64 with padding makes of any bytes.
pub(super) fn unwrap(text: &[u8]) -> Option<Vec<u8>> {
    let (mut heads, mut out, mut copied) = (Vec::new(), Vec::with_capacity(text.len()), 0);
    for member in memmem::find_iter(text, MEMBER).take(MOST) {
        let begin = member + MEMBER.len();
        let end = begin + memchr(b'"', text.get(begin..)?)?;
        let written = text.get(begin..end)?;
        if written.len() < SHORTEST {
            continue;
        }
        let Ok(document) = STANDARD.decode(written) else { continue };
        out.extend_from_slice(text.get(copied..begin)?);
        heads.extend_from_slice(&u32::try_from(out.len()).ok()?.to_be_bytes());
        heads.extend_from_slice(&u32::try_from(document.len()).ok()?.to_be_bytes());
        out.extend_from_slice(&document);
        copied = end;
    }
    let count = u8::try_from(heads.len() / HEAD).ok().filter(|count| *count > 0)?;
    out.extend_from_slice(text.get(copied..)?);
    Some([&[count], heads.as_slice(), out.as_slice()].concat())
}

/// The text as it was.
pub(super) fn wrap(unwrapped: &[u8]) -> Result<Vec<u8>, SealError> {
    let number = |bytes: Option<&[u8; 4]>| usize::try_from(u32::from_be_bytes(*bytes?)).ok();
    let parts = || {
        let (count, rest) = unwrapped.split_first()?;
        let (heads, text) = rest.split_at_checked(usize::from(*count) * HEAD)?;
        let (mut parts, mut copied) = (Vec::new(), 0);
        for head in heads.chunks_exact(HEAD) {
            let begin = number(head.first_chunk())?;
            let end = begin.checked_add(number(head.last_chunk())?)?;
            parts.push((text.get(copied..begin)?, text.get(begin..end)?));
            copied = end;
        }
        parts.push((text.get(copied..)?, &[]));
        Some(parts)
    };
    let parts = parts().ok_or(SealError::Malformed)?;
    let length: usize = parts.iter().map(|(before, document)| before.len() + document.len().div_ceil(3) * 4).sum();
    if length > MAX_PLAIN {
        return Err(SealError::TooLarge);
    }
    let mut out = Vec::with_capacity(length);
    for (before, document) in parts {
        out.extend_from_slice(before);
        out.extend_from_slice(STANDARD.encode(document).as_bytes());
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_document_stays_as_it_is() {
        let long = "A".repeat(SHORTEST);
        for text in [
            "",
            r#"{"data":"#,
            r#"{"data":"QUJD"}"#,
            &format!(r#"{{"data":"{long}"#),
            &format!(r#"{{"data":"{long}A"}}"#),
            &format!(r#"{{"data":"{long}AB=="}}"#),
            &format!(r#"{{"data":"{long}-_8="}}"#),
            &format!(r#"{{"other":"{long}"}}"#),
        ] {
            assert_eq!(unwrap(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_text_that_nobody_made_is_refused() {
        let far = [&[2][..], &[0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 1], &[b'a'; 20]].concat();
        for text in [&[][..], &[1], &[1, 0, 0, 0, 1, 0, 0, 0, 0], &[1, 0, 0, 0, 0, 0, 0, 0, 1], &[255; 40], &far] {
            assert_eq!(wrap(text), Err(SealError::Malformed), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn every_document_is_found_and_comes_back(
            documents in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 48..90), 1..6),
            between in "[a-z\":, {}]{0,20}",
        ) {
            let member = |document| format!(r#"{{"data":"{}"}}{between}"#, STANDARD.encode(document));
            let text: String = documents.iter().map(member).collect();
            let unwrapped = unwrap(text.as_bytes()).unwrap();
            prop_assert_eq!(usize::from(unwrapped[0]), documents.len());
            prop_assert_eq!(wrap(&unwrapped).unwrap(), text.as_bytes());
        }

        #[test]
        fn whatever_it_is_unwrapping_loses_nothing(
            text in r#"([{}":,=a-z]{0,9}"data":"[AQgw]{60,70}[=A-Z+/_-]{0,4}"?){0,4}.{0,9}"#,
        ) {
            if let Some(unwrapped) = unwrap(text.as_bytes()) {
                prop_assert_eq!(wrap(&unwrapped).unwrap(), text.as_bytes());
            }
        }
    }
}
