//! The bank's unique transaction reference: by it a person finds the money in the bank's file.

/// Longest one, in characters: NEFT has 16, RTGS 22, UPI and IMPS 12; aggregators put words of their own around it.
pub const LONGEST: usize = 64;

/// Whether a text can be one: visible ASCII characters without blanks, 1 to [`LONGEST`].
#[must_use]
pub fn is_usable(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// What a person typed, without the blanks around it.
///
/// # Errors
/// Words, when it cannot be one.
pub fn typed(text: &str) -> Result<&str, String> {
    let text = text.trim();
    if is_usable(text) {
        return Ok(text);
    }
    Err(format!("a UTR has 1 to {LONGEST} visible characters without blanks: take it from the bank's file"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_what_can_be_found_in_a_file() {
        for text in ["HDFCN52026110212345678", "423615123456", "pay_1/2", &"U".repeat(LONGEST)] {
            assert!(is_usable(text), "{text}");
        }
        for text in ["", " ", "UTR 1", " UTR1", "UTR\u{7}1", "UTR\u{e9}", &"U".repeat(LONGEST + 1)] {
            assert!(!is_usable(text), "{text:?}");
        }
        assert_eq!(typed(" UTR1\n"), Ok("UTR1"));
        assert!(typed(" \t").is_err() && typed("UTR 1").is_err());
    }
}
