//! Keys, tokens and shared secrets: weak ones, those that everybody knows, and files that others can read.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret as _;
use tokio::fs;

use super::report::Finding;
use crate::config::operators::{Operator, Role, sha256};
use crate::config::{Config, PortConfig};
use crate::jose::{SigningKey, VerifyingKey};

/// Shortest token for operators, in characters: 128 bits in hex.
const TOKEN_LENGTH: usize = 32;
/// Fewest different characters or bytes of something random.
const VARIETY: usize = 8;
/// Words that stand in examples and defaults.
const PLACEHOLDERS: [&str; 9] =
    ["changeme", "change-me", "change_me", "replace", "example", "password", "secret", "admin", "token"];
/// The master key of this project's tests begins with these bytes.
const TEST_MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// Public halves of keys whose private halves are in this repository or in OCEN's documents.
const KNOWN_KEYS: [&str; 3] = [
    include_str!("../../../tests/fixtures/jose/lsp.pub.pem"),
    include_str!("../../../tests/fixtures/jose/other.pub.pem"),
    include_str!("../../../tests/fixtures/jose/ocen-v3-vector.pub.pem"),
];

pub(super) async fn check(config: &Config) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(token) = &config.admin_token {
        found.push(admin_token(token.expose_secret()));
    }
    found.extend(operators(&config.operators));
    found.extend(port_secrets(config));
    found.extend(master_key(config).await);
    for (what, path) in secret_files(config) {
        found.extend(permissions(&what, &path).await);
    }
    found.extend(signing_keys(config).await);
    found
}

fn admin_token(token: &str) -> Finding {
    let why = "who guesses it registers LSPs, releases acts and reads personal data";
    let fix = "set OCEN_ADMIN_TOKEN to the output of `openssl rand -hex 32`";
    if is_placeholder(token) {
        Finding::bad("admin token", "is a word of examples").because(why, fix)
    } else if token.chars().count() < TOKEN_LENGTH || variety(token.as_bytes()) < VARIETY {
        Finding::bad("admin token", format!("is weak: fewer than {TOKEN_LENGTH} random characters")).because(why, fix)
    } else {
        Finding::good("admin token", "long enough")
    }
}

/// Of an operator's token only the digest is there, so only words of examples can be told.
fn operators(operators: &[Operator]) -> Vec<Finding> {
    let mut found = Vec::new();
    let guessable = |operator: &&Operator| {
        let own = [operator.name.as_str(), ""];
        PLACEHOLDERS.iter().chain(&own).any(|word| hex::encode(operator.token_sha256) == sha256(word))
    };
    for operator in operators.iter().filter(guessable) {
        let finding =
            Finding::bad("operators", format!("the token of {} is his name or a word of examples", operator.name));
        found.push(finding.because(
            "who guesses it acts in his name",
            "make one with `ocen-lender keys operator-token NAME --roles ...`",
        ));
    }
    let holds = |role| operators.iter().filter(move |operator| operator.roles.contains(&role));
    let released = holds(Role::Maker).all(|maker| holds(Role::Checker).any(|checker| checker.name != maker.name));
    if !released {
        found.push(Finding::warn("operators", "what a maker proposes nobody else may release").because(
            "acts by hand take two persons: one alone waits for ever, or for whoever has the admin token",
            "give the role `checker` to a second person",
        ));
    }
    if found.is_empty() && !operators.is_empty() {
        found.push(Finding::good("operators", format!("{} with tokens and roles of their own", operators.len())));
    }
    found
}

fn port_secrets(config: &Config) -> Vec<Finding> {
    let why = "who knows it can ask the lender's systems for payouts";
    let fix = "make one with `echo whsec_$(openssl rand -base64 32)` for each system, and give it to that system only";
    let mut found = Vec::new();
    for (name, port) in &config.ports {
        let PortConfig::Adapter(adapter) = port else { continue };
        let what = format!("ports.{name}");
        for secret in adapter.secrets.iter().map(secrecy::ExposeSecret::expose_secret) {
            if is_placeholder(&String::from_utf8_lossy(secret)) || variety(secret) < VARIETY {
                found.push(Finding::bad(&*what, "the secret is the example's, or no random one").because(why, fix));
            } else if first_host(config, secret) != adapter.url.host_str() {
                found.push(Finding::warn(&*what, "shares its secret with a port of another system").because(why, fix));
            }
        }
    }
    found
}

/// The host of the first port that has a secret: ports of one system may share theirs.
fn first_host<'a>(config: &'a Config, wanted: &[u8]) -> Option<&'a str> {
    config.ports.values().find_map(|port| match port {
        PortConfig::Adapter(adapter) if adapter.secrets.iter().any(|secret| secret.expose_secret() == wanted) => {
            adapter.url.host_str()
        }
        _ => None,
    })
}

async fn master_key(config: &Config) -> Vec<Finding> {
    let Some(files) = &config.keys else { return Vec::new() };
    // What cannot be read was told by the check of the keys.
    let Ok(text) = fs::read_to_string(&files.master_key_file).await else { return Vec::new() };
    let weak = text.trim() == TEST_MASTER_KEY || variety(text.trim().as_bytes()) < VARIETY;
    let finding = if weak {
        Finding::bad("master key", "is not random, or the one of this project's tests")
            .because("it opens every sealed column", "make one with `ocen-lender keys master` before the first start")
    } else {
        Finding::good("master key", "looks random")
    };
    vec![finding]
}

fn secret_files(config: &Config) -> Vec<(String, PathBuf)> {
    let mut files = Vec::new();
    if let Some(keys) = &config.keys {
        files.push(("master key".to_owned(), keys.master_key_file.clone()));
        for key in std::iter::once(&keys.signing).chain(&keys.published) {
            files.push((format!("key {}", key.kid), key.file.clone()));
        }
    }
    files.extend(config.listener_tls().into_iter().map(|(what, tls)| (what.to_owned(), tls.key_file)));
    files.extend(config.client_tls().into_iter().filter_map(|(what, tls)| Some((what, tls.key_file.clone()?))));
    files
}

async fn permissions(what: &str, path: &Path) -> Option<Finding> {
    let mode = fs::metadata(path).await.ok()?.permissions().mode() & 0o777;
    let detail = format!("{} has mode {mode:03o}", path.display());
    let (why, fix) = ("every account of the machine can copy the key", "chmod 600, owned by the server's account");
    match (mode & 0o007, mode & 0o070) {
        (0, 0) => Some(Finding::good(what, detail)),
        (0, _) => Some(Finding::warn(what, detail).because("a whole group can copy the key", fix)),
        _ => Some(Finding::bad(what, detail).because(why, fix)),
    }
}

async fn signing_keys(config: &Config) -> Vec<Finding> {
    let Some(files) = &config.keys else { return Vec::new() };
    let mut found = Vec::new();
    for key in std::iter::once(&files.signing).chain(&files.published) {
        let Ok(text) = fs::read_to_string(&key.file).await else { continue };
        // A key below 2048 bits does not load at all, and the check of the keys has told so.
        let Ok(loaded) = SigningKey::from_pem(key.kid.as_str(), &text) else { continue };
        if is_known(loaded.verifying_key()) {
            let why = "its private half is published: anybody can sign for the lender";
            let finding = Finding::bad(format!("key {}", key.kid), "is an example key");
            found.push(finding.because(why, "make one with `ocen-lender keys signing` and publish it"));
        }
    }
    found
}

/// Whether the private half of a key is published.
pub(super) fn is_known(key: &VerifyingKey) -> bool {
    let known = KNOWN_KEYS.iter().filter_map(|pem| VerifyingKey::from_pem(pem).ok());
    let fingerprint = key.fingerprint();
    known.into_iter().any(|known| known.fingerprint() == fingerprint)
}

fn is_placeholder(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    PLACEHOLDERS.iter().any(|word| text.contains(word))
}

fn variety(bytes: &[u8]) -> usize {
    bytes.iter().collect::<BTreeSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use super::super::report::Level;
    use super::*;

    #[test]
    fn a_token_is_long_random_and_no_word() {
        let level = |token: &str| admin_token(token).level;
        for weak in
            ["", "changeme", "s3cr3t", &"a".repeat(64), "my-production-admin-token-of-the-year-2026", "0123456789"]
        {
            assert_eq!(level(weak), Level::Bad, "{weak}");
        }
        assert_eq!(level("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822c"), Level::Good);
    }

    #[test]
    fn an_operator_has_a_token_of_his_own_and_a_maker_somebody_who_releases() {
        let of = |name: &str, token: &str, role| Operator::with_token(name, token, &[role]);
        let levels = |found: &[Operator]| operators(found).iter().map(|finding| finding.level).collect::<Vec<_>>();
        let checker = of("chitra", "9f86d081884c7d65", Role::Checker);
        assert_eq!(levels(&[]), []);
        assert_eq!(levels(&[of("mira", "2c26b46b68ffc68f", Role::Maker), checker.clone()]), [Level::Good]);
        assert_eq!(levels(&[of("mira", "2c26b46b68ffc68f", Role::Maker)]), [Level::Warn]);
        for guessed in ["mira", "changeme", ""] {
            assert_eq!(levels(&[of("mira", guessed, Role::Maker), checker.clone()]), [Level::Bad], "{guessed}");
        }
        let both = Operator::with_token("mira", "2c26b46b68ffc68f", &[Role::Maker, Role::Checker]);
        assert_eq!(levels(&[both]), [Level::Warn], "nobody releases his own");
    }

    #[test]
    fn published_keys_are_known() {
        for pem in KNOWN_KEYS {
            assert!(is_known(&VerifyingKey::from_pem(pem).unwrap()));
        }
        assert!(!is_known(SigningKey::generate("k").unwrap().verifying_key()));
    }
}
