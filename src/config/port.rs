//! `[ports.NAME]`: how one of the lender's systems is reached.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretSlice;
use serde::Deserialize;

use super::{AdapterConfig, ClientTls, PortConfig};

/// What stands before the base64 of a signing secret (Standard Webhooks).
const SECRET_PREFIX: &str = "whsec_";
/// Fewest bytes of a signing secret (Standard Webhooks: 24 to 64).
const MIN_SECRET: usize = 24;
/// A new secret and the one that it replaces.
const MAX_SECRETS: usize = 2;
/// Longest time limit of a call, in seconds; the lease of a question is 20.
const MAX_TIMEOUT: u64 = 15;
/// Most calls under way at a time.
const MAX_CONCURRENCY: usize = 256;
/// Longest rest of a port, in seconds.
const MAX_REST: u64 = 300;

/// A section as written.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct PortSection {
    builtin: bool,
    url: Option<String>,
    secret: Option<Secrets>,
    timeout_seconds: Option<u64>,
    max_concurrency: Option<usize>,
    breaker_failures: Option<u32>,
    breaker_seconds: Option<u64>,
    tls: ClientTls,
}

/// One secret, or the new one and the old one.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "`secret` must be one text, or a list with the new and the old one")]
enum Secrets {
    One(String),
    Several(Vec<String>),
}

impl PortSection {
    /// What it says; the error says why it makes no sense.
    pub(super) fn into_port(self) -> Result<PortConfig, String> {
        match (self.builtin, &self.url, &self.secret) {
            (true, None, None) => Ok(PortConfig::BuiltIn),
            (true, _, _) => Err("has both `builtin` and an adapter: choose one".to_owned()),
            (false, Some(url), Some(secret)) => {
                let usual = AdapterConfig::at(base_url(url)?, keys(secret)?);
                self.limits(usual).map(PortConfig::Adapter)
            }
            (false, Some(_), None) => Err("has no `secret`: calls are signed".to_owned()),
            (false, None, _) => Err("has neither `url` and `secret` nor `builtin = true`".to_owned()),
        }
    }

    fn limits(&self, usual: AdapterConfig) -> Result<AdapterConfig, String> {
        let timeout = self.timeout_seconds.unwrap_or(usual.timeout.as_secs());
        let max_concurrency = self.max_concurrency.unwrap_or(usual.max_concurrency);
        let breaker_failures = self.breaker_failures.unwrap_or(usual.breaker_failures);
        let rest = self.breaker_seconds.unwrap_or(usual.breaker_rest.as_secs());
        if !(1..=MAX_TIMEOUT).contains(&timeout) {
            return Err(format!("`timeoutSeconds` must be 1 to {MAX_TIMEOUT}"));
        }
        if !(1..=MAX_CONCURRENCY).contains(&max_concurrency) {
            return Err(format!("`maxConcurrency` must be 1 to {MAX_CONCURRENCY}"));
        }
        if breaker_failures == 0 {
            return Err("`breakerFailures` must be 1 or more".to_owned());
        }
        if !(1..=MAX_REST).contains(&rest) {
            return Err(format!("`breakerSeconds` must be 1 to {MAX_REST}"));
        }
        let (timeout, breaker_rest) = (Duration::from_secs(timeout), Duration::from_secs(rest));
        let tls = Box::new(self.tls.clone());
        Ok(AdapterConfig { timeout, max_concurrency, breaker_failures, breaker_rest, tls, ..usual })
    }
}

/// The base address of an adapter.
///
/// # Errors
/// When the text is none.
pub fn base_url(text: &str) -> Result<reqwest::Url, String> {
    let url: reqwest::Url = text.parse().map_err(|e| format!("`url` is no URL: {e}"))?;
    if matches!(url.scheme(), "http" | "https") && url.query().is_none() {
        Ok(url)
    } else {
        Err("`url` must begin with http:// or https:// and have no query".to_owned())
    }
}

fn keys(secrets: &Secrets) -> Result<Vec<SecretSlice<u8>>, String> {
    let texts = match secrets {
        Secrets::One(text) => std::slice::from_ref(text),
        Secrets::Several(texts) if (1..=MAX_SECRETS).contains(&texts.len()) => texts,
        Secrets::Several(_) => return Err(format!("`secret` lists 1 to {MAX_SECRETS}: the new one, and the old one")),
    };
    texts.iter().map(|text| key(text)).collect()
}

/// The bytes behind `whsec_`.
///
/// # Errors
/// When the text is no secret of Standard Webhooks.
pub fn key(text: &str) -> Result<SecretSlice<u8>, String> {
    text.strip_prefix(SECRET_PREFIX)
        .and_then(|encoded| STANDARD.decode(encoded).ok())
        .filter(|key| key.len() >= MIN_SECRET)
        .map(SecretSlice::from)
        .ok_or_else(|| format!("`secret` must be `{SECRET_PREFIX}` and the base64 of at least {MIN_SECRET} bytes"))
}
