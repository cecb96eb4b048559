//! Who may use the operators' API: named people and services, each with a token of his own and with roles.

use std::collections::BTreeSet;

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Deserializer, Serialize};

use super::error::Problems;
use crate::domain::personal::is_unseen;

/// Bytes of a SHA-256.
const DIGEST_BYTES: usize = 32;
/// Most operators: each call compares its token with all of them.
const MOST: usize = 500;
/// Longest name, in characters.
const LONGEST_NAME: usize = 100;
/// Names of callers that are no operators.
const RESERVED: [&str; 4] = ["admin", "open", "ocen-lender", "command line"];

/// What an operator may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Looks, and sees no personal data.
    Viewer,
    /// Registers LSPs, sends callbacks again, answers disputes.
    Operator,
    /// Proposes acts by hand.
    Maker,
    /// Releases or rejects what another one proposed.
    Checker,
    /// Reads the audit log.
    Auditor,
}

/// All roles.
pub const ROLES: [Role; 5] = [Role::Viewer, Role::Operator, Role::Maker, Role::Checker, Role::Auditor];

impl Role {
    /// The word in the configuration and in the audit log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Maker => "maker",
            Self::Checker => "checker",
            Self::Auditor => "auditor",
        }
    }
}

/// One person or service.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Operator {
    /// As the audit log and other operators know him.
    pub name: String,
    /// SHA-256 of the bearer token, which has too much randomness to be guessed from it.
    #[serde(deserialize_with = "token")]
    pub token_sha256: [u8; DIGEST_BYTES],
    /// What he may do.
    pub roles: BTreeSet<Role>,
}

impl Operator {
    /// An operator with a known token.
    #[must_use]
    pub fn with_token(name: &str, token: &str, roles: &[Role]) -> Self {
        let token_sha256 = parse(&sha256(token)).unwrap_or_default();
        Self { name: name.to_owned(), token_sha256, roles: roles.iter().copied().collect() }
    }
}

fn token<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; DIGEST_BYTES], D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).ok_or_else(|| serde::de::Error::custom("must be a SHA-256 in 64 hexadecimal digits"))
}

fn parse(text: &str) -> Option<[u8; DIGEST_BYTES]> {
    let mut bytes = [0; DIGEST_BYTES];
    hex::decode_to_slice(text, &mut bytes).ok().map(|()| bytes)
}

/// SHA-256 of a text, 64 hexadecimal digits: what `tokenSha256` must be for a token.
#[must_use]
pub fn sha256(text: &str) -> String {
    hex::encode(digest(&SHA256, text.as_bytes()))
}

/// Names and tokens are one person's each.
pub(super) fn check(operators: &[Operator], problems: &mut Problems) {
    problems.demand(operators.len() <= MOST, "operators", format!("must be at most {MOST}"));
    let (mut names, mut tokens) = (BTreeSet::new(), BTreeSet::new());
    for (i, operator) in operators.iter().enumerate() {
        let at = |member: &str| format!("operators[{i}].{member}");
        let name = operator.name.trim().to_lowercase();
        let fits = (1..=LONGEST_NAME).contains(&name.chars().count())
            && operator.name.trim() == operator.name
            && !name.chars().any(is_unseen);
        problems.demand(fits, at("name"), format!("must have 1 to {LONGEST_NAME} printable characters"));
        problems.demand(!RESERVED.contains(&name.as_str()), at("name"), "is a name of the server's own");
        problems.demand(names.insert(name), at("name"), "is another operator's already, capitals aside");
        problems.demand(tokens.insert(operator.token_sha256), at("tokenSha256"), "is another operator's token");
        problems.demand(!operator.roles.is_empty(), at("roles"), "must name at least one role");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_64_hexadecimal_digits() {
        assert_eq!(parse(&"0f".repeat(32)), Some([15; 32]));
        assert_eq!(parse(&"0F".repeat(32)), Some([15; 32]));
        for wrong in ["", "0f", &"0g".repeat(32), &"0f".repeat(33), &format!("{}f", "0f".repeat(32))] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
