//! The textual encoding of keys, RFC 7468: one block, no encapsulated headers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::zeroize::Zeroizing;

/// RFC 7468 §2: generators wrap at 64 characters.
const LINE_LENGTH: usize = 64;

/// The first block of a PEM text.
pub(super) struct Block<'a> {
    /// What stands between `BEGIN` and the dashes.
    pub(super) label: &'a str,
    /// The decoded content; wiped on drop since it may be a private key.
    pub(super) der: Zeroizing<Vec<u8>>,
}

/// Reads the first block; `None` when the text has no well-formed one.
///
/// Explanatory text around the block is skipped (RFC 7468 §2), as are blanks and line ends of
/// any kind inside it, because registrations arrive through forms and JSON strings.
pub(super) fn decode(text: &str) -> Option<Block<'_>> {
    let (_, rest) = text.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (content, rest) = rest.split_once("-----END ")?;
    let (end_label, _) = rest.split_once("-----")?;
    if label != end_label {
        return None;
    }
    let packed: Zeroizing<String> = Zeroizing::new(content.chars().filter(|c| !c.is_whitespace()).collect());
    let der = Zeroizing::new(STANDARD.decode(packed.as_bytes()).ok()?);
    Some(Block { label, der })
}

/// Writes one block with lines of 64 characters.
pub(super) fn encode(label: &str, der: &[u8]) -> String {
    let packed = Zeroizing::new(STANDARD.encode(der));
    let mut text = format!("-----BEGIN {label}-----\n");
    for (at, character) in packed.chars().enumerate() {
        if at > 0 && at % LINE_LENGTH == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    text.push_str("\n-----END ");
    text.push_str(label);
    text.push_str("-----\n");
    text
}
