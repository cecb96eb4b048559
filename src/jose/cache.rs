//! Counterparties' keys, parsed once: parsing a key costs about as much as verifying with it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::{KeyError, VerifyingKey};

/// Most keys kept; LSPs have a handful each.
const MOST: usize = 1_000;

/// Parsed keys by their PEM text. Whether a key counts is never answered here: that is read with each message.
#[derive(Default)]
pub struct KeyCache {
    parsed: Mutex<HashMap<String, Arc<VerifyingKey>>>,
}

impl KeyCache {
    /// The key that a PEM text holds.
    ///
    /// # Errors
    /// As [`VerifyingKey::from_pem`].
    pub fn get(&self, pem: &str) -> Result<Arc<VerifyingKey>, KeyError> {
        let mut parsed = self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = parsed.get(pem) {
            return Ok(Arc::clone(key));
        }
        let key = Arc::new(VerifyingKey::from_pem(pem)?);
        if parsed.len() >= MOST {
            parsed.clear();
        }
        parsed.insert(pem.to_owned(), Arc::clone(&key));
        Ok(key)
    }
}

impl fmt::Debug for KeyCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyCache").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::SigningKey;

    #[test]
    fn a_key_is_parsed_once_and_a_bad_one_is_told_each_time() {
        let pem = SigningKey::generate("k").unwrap().public_key_pem();
        let cache = KeyCache::default();
        assert!(Arc::ptr_eq(&cache.get(&pem).unwrap(), &cache.get(&pem).unwrap()));
        assert_eq!(cache.get("no key").err(), Some(KeyError::NotPem));
        assert_eq!(cache.get("no key").err(), Some(KeyError::NotPem));
    }
}
