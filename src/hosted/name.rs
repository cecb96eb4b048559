//! The name of a namespace: what its LSP is called, and a tail that nobody guesses.

use std::fmt;

use serde::Serialize;

use crate::clock::Ids;

/// Longest part that is made from the LSP's id.
const HEAD: usize = 20;
/// Characters of the tail: 50 bits. The token is what guards; the tail keeps names apart and lists short.
const TAIL: usize = 10;
/// Longest name.
const LONGEST: usize = 32;

/// Small letters, digits and hyphens, with one hyphen at least: no path of the host's own has that form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Name(String);

impl Name {
    /// A fresh name for an LSP.
    pub(super) fn fresh(org_id: &str) -> Self {
        let mut head = String::new();
        for c in org_id.chars().map(|c| c.to_ascii_lowercase()) {
            if c.is_ascii_alphanumeric() {
                head.push(c);
            } else if !head.is_empty() && !head.ends_with('-') {
                head.push('-');
            }
            if head.len() == HEAD {
                break;
            }
        }
        let head = Some(head.trim_matches('-')).filter(|head| !head.is_empty()).unwrap_or("lsp").to_owned();
        let tail: String = Ids.letters().to_ascii_lowercase().chars().take(TAIL).collect();
        Self(format!("{head}-{tail}"))
    }

    /// A name as it stands in a path; none when it cannot be one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let parts = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        let fits = text.len() <= LONGEST && text.contains('-') && text.split('-').all(parts);
        fits.then(|| Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_whose_it_is_and_differs_each_time() {
        for (org, head) in [
            ("ACME Credit", "acme-credit-"),
            ("--Ünï--", "n-"),
            ("दुकान", "lsp-"),
            ("a-very-long-name-of-an-LSP-indeed", "a-very-long-name-of-"),
        ] {
            let name = Name::fresh(org);
            assert!(name.as_str().starts_with(head), "{name}");
            assert_eq!(Name::parse(name.as_str()), Some(name.clone()));
            assert_ne!(name, Name::fresh(org));
        }
    }

    #[test]
    fn paths_of_the_host_are_no_names() {
        for text in
            ["", "v3", "hosted", "health", "-a", "a-", "a--b", "A-b", "a_b-c", ".well-known", "a-b/c", &"a-".repeat(20)]
        {
            assert_eq!(Name::parse(text), None, "{text}");
        }
    }
}
