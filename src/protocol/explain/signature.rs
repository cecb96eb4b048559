//! The key and the signature: whose key it names, whether that one signed, and if not, who signed what.

use super::loose::Loose;
use super::{Check, Known, failed, passed, skipped, variants};
use crate::domain::ids::OrgId;
use crate::jose::{Recovered, Unverified, VerifyingKey, base64url};
use crate::protocol::open;
use crate::store::lsp::KeyOwner;

/// The checks that are made here, in intake's order.
pub(super) const NAMES: [&str; 3] = ["kid", "key", "signature"];
/// Most characters of a kid that is repeated in words.
const QUOTED: usize = 40;

/// What was found out.
pub(super) struct Found {
    pub(super) checks: Vec<Check>,
    pub(super) variant: Option<String>,
    /// Whose key it is, as far as it is registered.
    pub(super) owner: Option<OrgId>,
}

/// A key with words that say whose it is.
struct Candidate {
    words: String,
    key: VerifyingKey,
}

/// Looks for the key and tries it.
pub(super) fn check(loose: &Loose, signed: Option<&Unverified<'_>>, known: &Known) -> Found {
    let claimed = known.asked.clone().or_else(|| open::peek(&loose.message).claims().claimed_org());
    let owner = open::pick(known.owners.clone(), claimed.as_ref());
    let kid = kid(loose, owner.as_ref(), claimed.as_ref(), known);
    let (key, which) = key(owner.as_ref(), known);
    let (verdict, variant) = match which {
        Some(which) => signature(loose, signed, (&which, owner.as_ref()), known),
        None => match recovered_by_any(loose, &others(known)) {
            Some((words, recovered)) => {
                let (over, variant) = over(loose, &recovered);
                (failed("signature", format!("{words} made it{over}")), variant)
            }
            None => (skipped("signature", "there is no key to verify with"), None),
        },
    };
    Found { checks: vec![kid, key, verdict], variant, owner: owner.map(|owner| owner.org_id) }
}

fn kid(loose: &Loose, owner: Option<&KeyOwner>, claimed: Option<&OrgId>, known: &Known) -> Check {
    let name = "kid";
    let Some(kid) = loose.kid() else {
        return failed(name, "the protected header has no kid");
    };
    let shown: String = kid.chars().filter(|c| !c.is_control()).take(QUOTED).collect();
    if known.given.is_some() {
        let same = owner.is_some_and(|owner| known.given.as_ref().is_some_and(|key| is(owner, key)));
        let registered = match (owner, same) {
            (None, _) => "no key is registered under it yet",
            (Some(_), true) => "it is the one registered under it",
            (Some(_), false) => "another key is registered under it",
        };
        return passed(name, format!("`{shown}`; the given key is used, {registered}"));
    }
    match (owner, claimed) {
        (Some(owner), Some(claimed)) if owner.org_id != *claimed => {
            failed(name, format!("`{shown}` is registered for another organisation, not for {claimed}"))
        }
        (Some(owner), _) => passed(name, format!("`{shown}` of {}", owner.org_id)),
        (None, _) => failed(name, format!("`{shown}` is not registered{}", alike(kid, known))),
    }
}

/// The registered kids that the one sent may have been meant to be.
fn alike(kid: &str, known: &Known) -> String {
    let Some(lsp) = &known.lsp else {
        return match known.asked {
            Some(_) => "; nor is the organisation".to_owned(),
            None => String::new(),
        };
    };
    let active = lsp.keys.iter().filter(|key| key.revoked_at.is_none()).map(|key| key.kid.as_str());
    let active: Vec<&str> = active.collect();
    if let Some(meant) = active.iter().find(|known| known.eq_ignore_ascii_case(kid.trim())) {
        return format!("; `{meant}` is: a kid counts letter by letter");
    }
    match active.as_slice() {
        [] => format!("; {} has no key that counts", lsp.org_id),
        kids => format!("; {} has {}", lsp.org_id, kids.join(" and ")),
    }
}

/// Whether the key counts, and the key to try.
fn key(owner: Option<&KeyOwner>, known: &Known) -> (Check, Option<VerifyingKey>) {
    let name = "key";
    if let Some(given) = &known.given {
        return (passed(name, format!("the given one, sha256 {}", given.fingerprint())), Some(given.clone()));
    }
    let Some(owner) = owner else {
        return (skipped(name, "no key is known under this kid"), None);
    };
    match (VerifyingKey::from_pem(&owner.public_key_pem), owner.revoked_at) {
        (Err(error), _) => (failed(name, error.to_string()), None),
        (Ok(key), Some(at)) => (
            failed(name, format!("the key was revoked at {}; a revoked kid never returns", at.to_rfc3339())),
            Some(key),
        ),
        (Ok(key), None) => (passed(name, format!("counts, sha256 {}", key.fingerprint())), Some(key)),
    }
}

fn signature(
    loose: &Loose,
    signed: Option<&Unverified<'_>>,
    (key, owner): (&VerifyingKey, Option<&KeyOwner>),
    known: &Known,
) -> (Check, Option<String>) {
    let name = "signature";
    let input = loose.signing_input();
    let recovered = key.recover(&loose.signature);
    let good = match signed {
        Some(signed) => signed.verify(key).is_ok(),
        None => recovered.as_ref().is_some_and(|found| found.algorithm == "RS512" && found.is_over(&input)),
    };
    if good {
        return (passed(name, "verifies over header and payload as received"), None);
    }
    if let Some(recovered) = recovered {
        let (over, variant) = over(loose, &recovered);
        return (failed(name, format!("the key did sign{over}")), variant);
    }
    if let Some(pss) = key.pss(&input, &loose.signature) {
        let why = format!("it is an RSA-PSS signature ({pss}) of this message: sign with RS512, which is PKCS#1 v1.5");
        return (failed(name, why), Some(format!("signed with {pss}")));
    }
    if let Some((words, recovered)) = recovered_by_any(loose, &others(known)) {
        let (over, variant) = over(loose, &recovered);
        return (failed(name, format!("not this key but {words} signed{over}")), variant);
    }
    let whose =
        owner.map_or_else(|| "the given key".to_owned(), |owner| format!("the registered key of {}", owner.org_id));
    (failed(name, format!("{whose} did not make it, nor any other key that is known here{}", size(loose, key))), None)
}

/// What a signature was made over, in words that follow "signed", and the variant alone.
fn over(loose: &Loose, recovered: &Recovered) -> (String, Option<String>) {
    let input = loose.signing_input();
    let with =
        (recovered.algorithm != "RS512").then(|| format!("signed with {} instead of RS512", recovered.algorithm));
    let differs = if recovered.is_over(&input) { None } else { Some(variants::find(loose, recovered)) };
    match (with, differs) {
        (None, None) => (" exactly what was sent".to_owned(), None),
        (Some(with), None) => (format!(" what was sent, but it was {with}"), Some(with)),
        (with, Some(Some(variant))) => {
            let variant = with.map_or(variant.clone(), |with| format!("{variant}; {with}"));
            (format!(" something else than was sent: {variant}. Sign the very texts that are sent"), Some(variant))
        }
        (with, Some(None)) => {
            let with = with.map(|with| format!(" ({with})")).unwrap_or_default();
            let words = format!(
                " something else{with}: header or payload were changed after signing. The digest in the signature is {}, that of \
                 `header.payload` as received is {}",
                recovered.digest(),
                recovered.digest_of(&input),
            );
            (words, None)
        }
    }
}

/// The first of some keys that made the signature.
fn recovered_by_any(loose: &Loose, candidates: &[Candidate]) -> Option<(String, Recovered)> {
    candidates.iter().find_map(|candidate| {
        let recovered = candidate.key.recover(&loose.signature)?;
        Some((candidate.words.clone(), recovered))
    })
}

/// Every key that somebody may have meant.
fn others(known: &Known) -> Vec<Candidate> {
    let of_lsp = known.lsp.iter().flat_map(|lsp| lsp.keys.iter()).map(|key| {
        let revoked = if key.revoked_at.is_some() { ", which was revoked," } else { "" };
        (format!("the key registered as `{}`{revoked}", key.kid), &key.public_key_pem)
    });
    let namesakes = known
        .owners
        .iter()
        .map(|owner| ("another organisation's key of the same kid".to_owned(), &owner.public_key_pem));
    of_lsp
        .chain(namesakes)
        .filter_map(|(words, pem)| Some(Candidate { words, key: VerifyingKey::from_pem(pem).ok()? }))
        .collect()
}

/// What the signature's length tells.
fn size(loose: &Loose, key: &VerifyingKey) -> String {
    let length = loose.signature.len();
    let again = std::str::from_utf8(&loose.signature).ok().and_then(|text| base64url::decode(text).ok());
    if again.is_some_and(|inner| inner.len() == key.size()) {
        return ". The signature was encoded twice".to_owned();
    }
    if length == key.size() {
        return String::new();
    }
    let like = match length {
        32 | 48 => ", like an HMAC's or a digest's",
        64 => ", like an HMAC's, an elliptic curve's or a digest's",
        _ => "",
    };
    format!(". It has {length} bytes{like}; one of this key has {}", key.size())
}

fn is(owner: &KeyOwner, key: &VerifyingKey) -> bool {
    VerifyingKey::from_pem(&owner.public_key_pem).is_ok_and(|known| known.fingerprint() == key.fingerprint())
}
