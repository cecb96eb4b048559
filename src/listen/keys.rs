//! The lender's published keys, kept and asked for again when a message names one that is not among them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::jose::VerifyingKey;

/// Least time between two fetches, so that messages with made-up kids do not become requests.
const LEAST_PAUSE: Duration = Duration::from_secs(1);
/// Most bytes of a key set.
const LARGEST: usize = 256 * 1024;

/// The keys by their kid.
#[derive(Debug)]
pub(super) struct KeyRing {
    client: reqwest::Client,
    url: String,
    held: Mutex<Held>,
    /// One fetch at a time.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Held {
    keys: HashMap<String, Arc<VerifyingKey>>,
    /// When a message had us fetch them last.
    asked: Option<Instant>,
}

impl KeyRing {
    pub(super) fn new(client: reqwest::Client, url: String) -> Self {
        Self { client, url, held: Mutex::default(), turn: tokio::sync::Mutex::default() }
    }

    /// A key, fetched when it is not known. `Ok(None)`: the lender does not publish it.
    ///
    /// # Errors
    /// In words, when the key set cannot be had.
    pub(super) async fn get(&self, kid: &str) -> Result<Option<Arc<VerifyingKey>>, String> {
        if let Some(key) = self.known(kid) {
            return Ok(Some(key));
        }
        let _turn = self.turn.lock().await;
        let recent = self.held().asked.is_some_and(|at| at.elapsed() < LEAST_PAUSE);
        if self.known(kid).is_none() && !recent {
            self.held().asked = Some(Instant::now());
            self.fetch().await?;
        }
        Ok(self.known(kid))
    }

    /// Asks the lender for its keys.
    ///
    /// # Errors
    /// In words, what came instead.
    pub(super) async fn fetch(&self) -> Result<(), String> {
        let response = self.client.get(&self.url).send().await.map_err(|error| root_cause(&error))?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(|error| root_cause(&error))?;
        if !status.is_success() || bytes.len() > LARGEST {
            return Err(format!("{} answers HTTP {}", self.url, status.as_u16()));
        }
        let set: Value = serde_json::from_slice(&bytes).map_err(|error| format!("{} is no JSON: {error}", self.url))?;
        let published = set.get("keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        // A key of a kind that we do not know verifies nothing of ours.
        let read = published.iter().filter_map(|jwk| VerifyingKey::from_jwk(jwk).ok());
        let keys = read.map(|(kid, key)| (kid, Arc::new(key))).collect();
        self.held().keys = keys;
        Ok(())
    }

    fn known(&self, kid: &str) -> Option<Arc<VerifyingKey>> {
        self.held().keys.get(kid).map(Arc::clone)
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The innermost reason, e.g. "Connection refused", since reqwest's own text hides it.
pub(super) fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
