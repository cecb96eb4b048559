//! One-time passwords. They are derived from their session and never stored (design §10).

use crate::domain::application::Application;
use crate::domain::application::facets::Deal;
use crate::seal::{Sealer, otp_matches};

/// The digits of a session, bound to the documents that they sign, in the order of the applications' ids.
#[must_use]
pub fn digits(sealer: &Sealer, session_key: &str, document_hashes: &[String]) -> String {
    sealer.otp_key().otp(session_key, document_hashes.join("\n").as_bytes())
}

/// Whether the digits are the session's, for the documents as they stand now.
#[must_use]
pub fn matches(sealer: &Sealer, session_key: &str, applications: &[Application], given: &str) -> bool {
    let hashes: Vec<String> = hashes(applications);
    otp_matches(given, &digits(sealer, session_key, &hashes))
}

/// Hashes of the key facts statements and agreements of applications, which come in the order of their ids.
#[must_use]
pub fn hashes(applications: &[Application]) -> Vec<String> {
    applications.iter().filter_map(|app| app.stage.deal()).flat_map(Deal::document_hashes).collect()
}
