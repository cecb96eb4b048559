//! One-time passwords: derived, never stored (design §10).

use crate::domain::application::Application;
use crate::seal::{Sealer, otp_matches};

/// The digits of a session, bound to the agreements that they sign, in the order of the applications' ids.
#[must_use]
pub fn digits(sealer: &Sealer, session_key: &str, agreement_hashes: &[String]) -> String {
    sealer.otp_key().otp(session_key, agreement_hashes.join("\n").as_bytes())
}

/// Whether the digits are the session's, for the agreements as they stand now.
#[must_use]
pub fn matches(sealer: &Sealer, session_key: &str, applications: &[Application], given: &str) -> bool {
    let hashes: Vec<String> = hashes(applications);
    otp_matches(given, &digits(sealer, session_key, &hashes))
}

/// Hashes of the agreements of applications, which come in the order of their ids.
#[must_use]
pub fn hashes(applications: &[Application]) -> Vec<String> {
    applications
        .iter()
        .filter_map(|app| app.stage.deal())
        .filter_map(|deal| deal.agreement.text())
        .map(|text| text.hash.clone())
        .collect()
}
