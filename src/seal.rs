//! Sealed columns: personal data and raw messages at rest, and what may be derived from them.
//!
//! Envelope encryption: rows are sealed by a data key, data keys are stored wrapped by the master
//! key, and the master key never touches the database. A sealed value names its data key, so that
//! a new data key takes effect at once and old rows stay readable.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | format: 1 stored; 4 compressed with zstd and our dictionary, +1 a signed message with its payload decoded, +2 with the documents in it decoded; 2 and 3 the same as 4 and 5 without the dictionary, from older versions; 0 stands for a value that was erased |
//! | 4 | data key id, big endian |
//! | 12 | random nonce |
//! | rest | AES-256-GCM ciphertext and its 16-byte tag |
//!
//! Format, key id and the caller's context are authenticated with the text.

mod compress;
mod documents;
mod erased;
mod jws;
mod keys;
mod masked;
mod otp;
mod pack;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::aead::RandomizedNonceKey;
use aws_lc_rs::hmac;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;

use tokio::sync::Notify;

pub use erased::{ERASED, erased, is_erased};
pub use keys::{MasterKey, Roots, WrappedKey};
pub use masked::Masked;
pub use otp::{OtpKey, otp_matches};
use pack::{pack, unpack};

/// Largest text that is sealed, and that opening may inflate to, in bytes.
pub const MAX_PLAIN: usize = 64 * 1024 * 1024;

/// Why something could not be sealed or opened. No message repeats any part of the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each message says it")]
pub enum SealError {
    #[error("the master key must be 32 bytes in base64")]
    MasterKey,
    #[error("there is no data key: make one with the master key first")]
    NoDataKey,
    #[error("data key {0} is listed twice")]
    RepeatedDataKey(i32),
    #[error("data key {0} does not open: wrong master key or damaged row")]
    DataKey(i32),
    #[error("the value was sealed with data key {0}, which is not loaded")]
    UnknownDataKey(i32),
    #[error("the master key leads to other blind indexes than this server's")]
    Roots,
    #[error("erased on {}, at the end of its retention", .0.format("%Y-%m-%d"))]
    Erased(DateTime<Utc>),
    #[error("the value is not a sealed value")]
    Malformed,
    #[error("the sealed value does not open: it was altered, or belongs to another row")]
    Tampered,
    #[error("more than {MAX_PLAIN} bytes")]
    TooLarge,
    #[error("the value is no JSON of the expected shape (line {line}, column {column})")]
    Json { line: usize, column: usize },
    #[error("the cryptographic library failed")]
    Library,
}

impl From<serde_json::Error> for SealError {
    /// Keeps the place and drops serde's message, which quotes the value.
    fn from(error: serde_json::Error) -> Self {
        Self::Json { line: error.line(), column: error.column() }
    }
}

/// Seals and opens columns, and computes what is looked up without opening them.
pub struct Sealer {
    /// Replaced as a whole when a data key is made or retired.
    keys: RwLock<Arc<DataKeys>>,
    /// Rung when a value names a data key that is not loaded.
    wanted: Notify,
    roots: Roots,
    derive: hmac::Key,
    blind: hmac::Key,
    otp: OtpKey,
}

/// Data keys by id, and which of them seals.
struct DataKeys {
    by_id: BTreeMap<i32, RandomizedNonceKey>,
    active: i32,
}

impl DataKeys {
    fn unwrap(master: &MasterKey, wrapped: &[WrappedKey]) -> Result<Self, SealError> {
        let mut by_id = BTreeMap::new();
        for key in wrapped {
            if by_id.insert(key.id, master.unwrap_data_key(key)?).is_some() {
                return Err(SealError::RepeatedDataKey(key.id));
            }
        }
        let active = wrapped.iter().filter(|key| key.active).map(|key| key.id).max();
        // One that is not due yet seals only when there is no other.
        let active = active.or_else(|| by_id.keys().next().copied()).ok_or(SealError::NoDataKey)?;
        Ok(Self { by_id, active })
    }
}

impl Sealer {
    /// Unwraps the stored data keys. Of those that are due the one with the highest id seals; all of them open.
    ///
    /// Random nonces keep one data key safe for 2^32 values (NIST SP 800-38D §8.3): add a new one
    /// long before.
    ///
    /// # Errors
    /// [`SealError::NoDataKey`], [`SealError::RepeatedDataKey`], or [`SealError::DataKey`] when
    /// one does not open with this master key.
    pub fn new(master: &MasterKey, wrapped: &[WrappedKey]) -> Result<Self, SealError> {
        Self::with_roots(master, wrapped, master.roots(None)?)
    }

    /// The same with the roots that an earlier master key left behind.
    ///
    /// # Errors
    /// As [`Sealer::new`].
    pub fn with_roots(master: &MasterKey, wrapped: &[WrappedKey], roots: Roots) -> Result<Self, SealError> {
        Ok(Self {
            keys: RwLock::new(Arc::new(DataKeys::unwrap(master, wrapped)?)),
            wanted: Notify::new(),
            derive: keys::hmac_key(roots.derive()),
            blind: keys::hmac_key(roots.blind()),
            otp: OtpKey::new(roots.otp()),
            roots,
        })
    }

    /// Goes on with these data keys.
    ///
    /// # Errors
    /// As [`Sealer::new`]; the keys that were loaded stay then.
    pub fn reload(&self, master: &MasterKey, wrapped: &[WrappedKey]) -> Result<(), SealError> {
        let fresh = DataKeys::unwrap(master, wrapped)?;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
        Ok(())
    }

    /// Waits until a value names a data key that is not loaded.
    pub async fn wants_keys(&self) {
        self.wanted.notified().await;
    }

    /// Whether blind indexes and one-time passwords would come out the same.
    #[must_use]
    pub fn has_roots(&self, roots: &Roots) -> bool {
        self.roots == *roots
    }

    fn loaded(&self) -> Arc<DataKeys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The id of the data key that seals new values.
    #[must_use]
    pub fn active_key_id(&self) -> Option<i32> {
        Some(self.loaded().active)
    }

    /// Seals one value for one place.
    ///
    /// `context` names the place, `application.state:<uuid>` for instance, and must be given again
    /// to open: a value copied to another row does not open there.
    ///
    /// # Errors
    /// [`SealError::TooLarge`] above [`MAX_PLAIN`] bytes, [`SealError::Library`].
    pub fn seal(&self, context: &str, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        if plain.len() > MAX_PLAIN {
            return Err(SealError::TooLarge);
        }
        let keys = self.loaded();
        let (id, key) = keys.by_id.get_key_value(&keys.active).ok_or(SealError::NoDataKey)?;
        let (format, text) = pack(plain)?;
        let mut sealed = vec![format];
        sealed.extend_from_slice(&id.to_be_bytes());
        let aad = associated_data(&sealed, context);
        sealed.extend(keys::encrypt(key, &aad, text)?);
        Ok(sealed)
    }

    /// Opens what [`Sealer::seal`] made for the same `context`.
    ///
    /// # Errors
    /// [`SealError::Malformed`], [`SealError::UnknownDataKey`], [`SealError::Tampered`] for altered
    /// bytes or another context, [`SealError::TooLarge`], [`SealError::Erased`].
    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        if let Some(at) = erased::erased_at(sealed) {
            return Err(SealError::Erased(at));
        }
        let (prefix, encrypted) = sealed.split_first_chunk::<5>().ok_or(SealError::Malformed)?;
        let [format, id @ ..] = *prefix;
        let id = i32::from_be_bytes(id);
        let keys = self.loaded();
        let Some(key) = keys.by_id.get(&id) else {
            self.wanted.notify_one();
            return Err(SealError::UnknownDataKey(id));
        };
        let text = keys::decrypt(key, &associated_data(prefix, context), encrypted)?;
        unpack(format, text)
    }

    /// Seals a value as JSON.
    ///
    /// # Errors
    /// As [`Sealer::seal`], and [`SealError::Json`] when the value has no JSON form.
    pub fn seal_json<T: Serialize + ?Sized>(&self, context: &str, value: &T) -> Result<Vec<u8>, SealError> {
        self.seal(context, &serde_json::to_vec(value)?)
    }

    /// Opens a value sealed as JSON.
    ///
    /// # Errors
    /// As [`Sealer::open`], and [`SealError::Json`] when the JSON is not a `T`.
    pub fn open_json<T: DeserializeOwned>(&self, context: &str, sealed: &[u8]) -> Result<T, SealError> {
        Ok(serde_json::from_slice(&self.open(context, sealed)?)?)
    }

    /// A 32-byte fingerprint by which a sealed PAN, phone or account is found: HMAC-SHA256 of
    /// `kind`, a zero byte, and the value trimmed and in upper case.
    ///
    /// `kind` (`PAN`, `phone`) keeps equal values of different columns and identifiers apart; neither holds a zero byte.
    #[must_use]
    pub fn blind_index(&self, kind: &str, value: &str) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.blind);
        context.update(kind.as_bytes());
        context.update(&[0]);
        context.update(value.trim().to_uppercase().as_bytes());
        context.sign().as_ref().to_vec()
    }

    /// The key one-time passwords are derived from.
    #[must_use]
    pub fn otp_key(&self) -> &OtpKey {
        &self.otp
    }

    /// A key for another purpose, the same on every replica; `label` names the purpose.
    #[must_use]
    pub fn derive(&self, label: &str) -> [u8; 32] {
        keys::expand(&self.derive, label)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("active_key_id", &self.active_key_id()).finish_non_exhaustive()
    }
}

fn associated_data(prefix: &[u8], context: &str) -> Vec<u8> {
    [prefix, context.as_bytes()].concat()
}
