//! One-time passwords that are derived rather than stored.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;

use super::keys::hmac_key;

/// Passwords have six digits.
const RANGE: u64 = 1_000_000;

/// The key one-time passwords are derived from. Its `Debug` shows the algorithm only.
#[derive(Debug, Clone)]
pub struct OtpKey(hmac::Key);

impl OtpKey {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self(hmac_key(key))
    }

    /// The six digits for a session, bound to what the borrower agrees to by them: change one
    /// byte of `bound_to` (the hashes of key facts statement and agreement) and they differ.
    #[must_use]
    pub fn otp(&self, session: &str, bound_to: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        // The length in front keeps session and document from trading bytes.
        context.update(&(session.len() as u64).to_be_bytes());
        context.update(session.as_bytes());
        context.update(bound_to);
        // 64 bits modulo a million favour no password by more than one in 10^13.
        let tag = context.sign();
        let number = tag.as_ref().iter().take(8).fold(0, |n: u64, byte| n << 8 | u64::from(*byte));
        format!("{:06}", number % RANGE)
    }
}

/// Compares two passwords in a time that does not tell how many digits agree.
#[must_use]
pub fn otp_matches(given: &str, expected: &str) -> bool {
    verify_slices_are_equal(given.as_bytes(), expected.as_bytes()).is_ok()
}
