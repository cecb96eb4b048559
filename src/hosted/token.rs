//! Tokens and invites: known by their SHA-256 only, compared in constant time.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use secrecy::{ExposeSecret as _, SecretString};

/// Bytes of a SHA-256.
const BYTES: usize = 32;

/// SHA-256 of a secret with too much randomness to be guessed from it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Digest([u8; BYTES]);

impl Digest {
    /// That of a secret.
    pub(super) fn of(secret: &SecretString) -> Self {
        Self::of_text(secret.expose_secret())
    }

    /// That of a text somebody sent.
    pub(super) fn of_text(text: &str) -> Self {
        Self(digest(&SHA256, text.as_bytes()).as_ref().try_into().unwrap_or([0; BYTES]))
    }

    /// As it was stored; none when it has another length, which the table forbids.
    pub(super) fn stored(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes, to be stored.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether it is that of a text somebody sent. Takes as long for a wrong one as for the right one.
    pub(super) fn is_of(&self, shown: &str) -> bool {
        verify_slices_are_equal(&self.0, &Self::of_text(shown).0).is_ok()
    }
}

/// The bearer token of a request; none when there is no such header, or several.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let only = all.next().filter(|_| all.next().is_none())?;
    let (scheme, token) = only.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_digest_knows_its_secret_only() {
        let digest = Digest::of(&"s3cret".into());
        assert!(digest.is_of("s3cret") && !digest.is_of("s3cre") && !digest.is_of(""));
        assert!(Digest::stored(digest.bytes()).is_some_and(|again| again.is_of("s3cret")));
        assert!(Digest::stored(b"short").is_none());
    }

    #[test]
    fn two_tokens_are_none() {
        let mut headers = HeaderMap::new();
        headers.append(AUTHORIZATION, HeaderValue::from_static("bearer  a "));
        assert_eq!(bearer(&headers), Some("a"));
        headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer b"));
        assert_eq!(bearer(&headers), None);
    }
}
