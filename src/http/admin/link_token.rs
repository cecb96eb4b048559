//! The token in an LSP's link: which link it is, whose, until when, and an HMAC over that. A key of its own is derived
//! from the server's, so that every replica makes and knows the same tokens.
//!
//! It says nothing that its holder does not know, and opens nothing by itself: the link it names must still count.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::seal::Sealer;

/// By which a link's token is told from an operator's.
const PREFIX: &str = "ocl_";
/// What the key is derived for.
const LABEL: &str = "console link of an LSP";
/// Bytes of an HMAC.
const TAG: usize = 32;
/// Longest token that is looked at.
const LONGEST: usize = 1024;

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claims {
    pub(super) link: Uuid,
    pub(super) expires_at: DateTime<Utc>,
    pub(super) org_id: String,
}

fn key(sealer: &Sealer) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, &sealer.derive(LABEL))
}

/// Whether a bearer token claims to be a link's.
pub(super) fn is_link(token: &str) -> bool {
    token.starts_with(PREFIX)
}

/// Makes a token.
pub(super) fn mint(sealer: &Sealer, claims: &Claims) -> String {
    let mut bytes = claims.link.as_bytes().to_vec();
    bytes.extend_from_slice(&claims.expires_at.timestamp().to_be_bytes());
    bytes.extend_from_slice(claims.org_id.as_bytes());
    let tag = hmac::sign(&key(sealer), &bytes);
    bytes.extend_from_slice(tag.as_ref());
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// What a genuine token says that has not expired; nothing for any other. The HMAC is compared in constant time.
pub(super) fn read(sealer: &Sealer, token: &str, now: DateTime<Utc>) -> Option<Claims> {
    if token.len() > LONGEST {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX)?).ok()?;
    let (said, tag) = bytes.split_at_checked(bytes.len().checked_sub(TAG)?)?;
    hmac::verify(&key(sealer), said, tag).ok()?;
    let (link, rest) = said.split_first_chunk::<16>()?;
    let (expires, org_id) = rest.split_first_chunk::<8>()?;
    let expires_at = DateTime::from_timestamp(i64::from_be_bytes(*expires), 0)?;
    let org_id = std::str::from_utf8(org_id).ok()?.to_owned();
    (now < expires_at).then_some(Claims { link: Uuid::from_bytes(*link), expires_at, org_id })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::MasterKey;

    fn sealer() -> Sealer {
        let master = MasterKey::generate().unwrap();
        Sealer::new(&master, &[master.new_data_key(1).unwrap()]).unwrap()
    }

    fn claims() -> Claims {
        let expires_at = DateTime::from_timestamp(1_000, 0).unwrap();
        Claims { link: Uuid::from_u128(7), expires_at, org_id: "LSP-A".to_owned() }
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn a_token_says_what_was_put_into_it_until_it_expires() {
        let sealer = sealer();
        let token = mint(&sealer, &claims());
        assert!(is_link(&token));
        assert_eq!(read(&sealer, &token, at(999)), Some(claims()));
        assert_eq!(read(&sealer, &token, at(1_000)), None);
    }

    #[test]
    fn no_other_text_is_a_token() {
        let sealer = sealer();
        let token = mint(&sealer, &claims());
        let other = mint(&super::tests::sealer(), &claims());
        let cut: String = token.chars().take(token.len() - 1).collect();
        for wrong in [other.as_str(), &cut, "ocl_", "ocl_AAAA", "", "ocl_%%%", &format!("{token}A")] {
            assert_eq!(read(&sealer, wrong, at(0)), None, "{wrong}");
        }
        let mut bytes = URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX).unwrap()).unwrap();
        for place in 0..bytes.len() {
            bytes[place] ^= 1;
            let changed = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(&bytes));
            assert_eq!(read(&sealer, &changed, at(0)), None, "byte {place}");
            bytes[place] ^= 1;
        }
    }
}
