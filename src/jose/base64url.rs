//! Base64 as counterparties write it: base64url without padding is the rule, padding and the
//! standard alphabet are seen in the field.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use memchr::memchr2;

const ANY_PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::Indifferent);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, ANY_PADDING);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, ANY_PADDING);

/// Reads either alphabet, padded or not; never a mixture of alphabets.
///
/// # Errors
/// When it is neither.
pub fn decode(text: &str) -> Result<Vec<u8>, base64::DecodeError> {
    if memchr2(b'+', b'/', text.as_bytes()).is_some() { STANDARD.decode(text) } else { URL_SAFE.decode(text) }
}

/// Writes base64url without padding (RFC 7515 §2).
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE.encode(bytes)
}

/// Appends base64url without padding to `out`.
pub(super) fn encode_onto(bytes: &[u8], out: &mut String) {
    URL_SAFE.encode_string(bytes, out);
}
