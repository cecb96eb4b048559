//! The master key, the data keys it wraps, and the one AES-256-GCM both levels use.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretBox, SecretString};

use super::SealError;

/// Bytes in every key here.
const KEY_LEN: usize = 32;

/// The key everything else hangs on: 32 random bytes from the operator's secret store.
///
/// Blind indexes and one-time passwords hang on its [`Roots`], which a later master key takes over,
/// wrapped like a data key: an index computed once stays right for ever.
pub struct MasterKey(SecretBox<[u8; KEY_LEN]>);

/// A data key as the database stores it: nonce, ciphertext and tag under the master key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// Named by every value it sealed.
    pub id: i32,
    /// 12 bytes nonce, 32 bytes ciphertext, 16 bytes tag.
    pub wrapped: Vec<u8>,
    /// Whether it is due to seal; until then it only opens, so that every replica knows it before the first value.
    pub active: bool,
}

/// What is derived from the first master key of a database, and stays when the master key is replaced.
pub struct Roots(SecretBox<[[u8; KEY_LEN]; 3]>);

impl Roots {
    pub(super) fn derive(&self) -> &[u8; KEY_LEN] {
        let [derive, _, _] = self.0.expose_secret();
        derive
    }

    pub(super) fn blind(&self) -> &[u8; KEY_LEN] {
        let [_, blind, _] = self.0.expose_secret();
        blind
    }

    pub(super) fn otp(&self) -> &[u8; KEY_LEN] {
        let [_, _, otp] = self.0.expose_secret();
        otp
    }
}

impl PartialEq for Roots {
    fn eq(&self, other: &Self) -> bool {
        verify_slices_are_equal(self.0.expose_secret().as_flattened(), other.0.expose_secret().as_flattened()).is_ok()
    }
}

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Roots(***)")
    }
}

impl MasterKey {
    /// Reads 32 bytes in standard base64, padded or not, blanks around it ignored.
    ///
    /// # Errors
    /// [`SealError::MasterKey`] for anything else.
    pub fn from_base64(text: &str) -> Result<Self, SealError> {
        let digits = text.trim().trim_end_matches('=');
        let bytes = Zeroizing::new(STANDARD_NO_PAD.decode(digits).map_err(|_| SealError::MasterKey)?);
        let key: &[u8; KEY_LEN] = bytes.as_slice().try_into().map_err(|_| SealError::MasterKey)?;
        Ok(Self(SecretBox::new(Box::new(*key))))
    }

    /// Makes a new one.
    ///
    /// # Errors
    /// [`SealError::Library`] when the library has no randomness.
    pub fn generate() -> Result<Self, SealError> {
        let mut key = Box::new([0; KEY_LEN]);
        rand::fill(key.as_mut_slice()).map_err(|_| SealError::Library)?;
        Ok(Self(SecretBox::new(key)))
    }

    /// The key in base64, for the operator's secret store.
    #[must_use]
    pub fn to_base64(&self) -> SecretString {
        STANDARD.encode(self.0.expose_secret()).into()
    }

    /// Makes a data key and wraps it; `id` must be higher than any in use for it to take over.
    ///
    /// # Errors
    /// [`SealError::Library`].
    pub fn new_data_key(&self, id: i32) -> Result<WrappedKey, SealError> {
        let mut key = Zeroizing::new(vec![0; KEY_LEN]);
        rand::fill(&mut key).map_err(|_| SealError::Library)?;
        // Encryption happens in place, so the copy leaves as ciphertext.
        let wrapped = encrypt(&self.wrapping_key()?, &wrapping_context(id), key.to_vec())?;
        Ok(WrappedKey { id, wrapped, active: true })
    }

    /// Whether both are the same key, compared in a time that does not tell how far they agree.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        verify_slices_are_equal(self.0.expose_secret(), other.0.expose_secret()).is_ok()
    }

    /// The roots of blind indexes and one-time passwords: those that an earlier master key left behind (`stored`,
    /// wrapped), else this key's own.
    ///
    /// # Errors
    /// [`SealError::DataKey`] (number 0) when the stored ones do not open with this key.
    pub fn roots(&self, stored: Option<&[u8]>) -> Result<Roots, SealError> {
        let mut roots = Box::new([[0; KEY_LEN]; 3]);
        match stored {
            None => {
                for (root, purpose) in roots.iter_mut().zip(["derive", "blind-index", "otp"]) {
                    *root = *self.derive(purpose);
                }
            }
            Some(stored) => {
                let plain = decrypt(&self.wrapping_key()?, ROOTS, stored).map(Zeroizing::new);
                let plain = plain.map_err(|_| SealError::DataKey(0))?;
                if plain.len() != roots.as_flattened().len() {
                    return Err(SealError::DataKey(0));
                }
                roots.as_flattened_mut().copy_from_slice(&plain);
            }
        }
        Ok(Roots(SecretBox::new(roots)))
    }

    /// Wraps roots for the database, so that this key can take them over.
    ///
    /// # Errors
    /// [`SealError::Library`].
    pub fn wrap_roots(&self, roots: &Roots) -> Result<Vec<u8>, SealError> {
        encrypt(&self.wrapping_key()?, ROOTS, roots.0.expose_secret().as_flattened().to_vec())
    }

    /// Opens a data key with this master key and wraps it with `next`.
    ///
    /// # Errors
    /// [`SealError::DataKey`] when it does not open with this key.
    pub fn rewrap(&self, next: &Self, stored: &WrappedKey) -> Result<WrappedKey, SealError> {
        let bytes = Zeroizing::new(self.unwrap_bytes(stored)?);
        let wrapped = encrypt(&next.wrapping_key()?, &rooted_context(stored.id), bytes.to_vec())?;
        Ok(WrappedKey { wrapped, ..stored.clone() })
    }

    /// Opens a stored data key.
    pub(super) fn unwrap_data_key(&self, stored: &WrappedKey) -> Result<RandomizedNonceKey, SealError> {
        let bytes = Zeroizing::new(self.unwrap_bytes(stored)?);
        RandomizedNonceKey::new(&AES_256_GCM, &bytes).map_err(|_| SealError::DataKey(stored.id))
    }

    fn unwrap_bytes(&self, stored: &WrappedKey) -> Result<Vec<u8>, SealError> {
        let key = self.wrapping_key()?;
        [wrapping_context(stored.id), rooted_context(stored.id)]
            .iter()
            .find_map(|context| decrypt(&key, context, &stored.wrapped).ok())
            .ok_or(SealError::DataKey(stored.id))
    }

    /// A key of its own for each purpose.
    pub(super) fn derive(&self, purpose: &str) -> Zeroizing<[u8; KEY_LEN]> {
        Zeroizing::new(expand(&hmac_key(self.0.expose_secret()), purpose))
    }

    fn wrapping_key(&self) -> Result<RandomizedNonceKey, SealError> {
        RandomizedNonceKey::new(&AES_256_GCM, self.derive("wrap").as_slice()).map_err(|_| SealError::Library)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(***)")
    }
}

/// HKDF-Expand with SHA-256 for one block (RFC 5869 §2.3). The key it starts from is uniformly
/// random already, so that HKDF-Extract would add nothing (RFC 5869 §3.3).
pub(super) fn expand(key: &hmac::Key, label: &str) -> [u8; KEY_LEN] {
    let mut context = hmac::Context::with_key(key);
    context.update(b"ocen-lender/");
    context.update(label.as_bytes());
    context.update(&[1]);
    let mut derived = [0; KEY_LEN];
    for (byte, tag) in derived.iter_mut().zip(context.sign().as_ref()) {
        *byte = *tag;
    }
    derived
}

/// An HMAC-SHA256 key.
pub(super) fn hmac_key(bytes: &[u8; KEY_LEN]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, bytes)
}

/// Encrypts under a random nonce; gives nonce, ciphertext and tag.
pub(super) fn encrypt(key: &RandomizedNonceKey, aad: &[u8], mut text: Vec<u8>) -> Result<Vec<u8>, SealError> {
    let nonce = key.seal_in_place_append_tag(Aad::from(aad), &mut text).map_err(|_| SealError::Library)?;
    Ok([nonce.as_ref().as_slice(), &text].concat())
}

/// Opens what [`encrypt`] made with the same associated data.
pub(super) fn decrypt(key: &RandomizedNonceKey, aad: &[u8], encrypted: &[u8]) -> Result<Vec<u8>, SealError> {
    let (nonce, ciphertext) = encrypted.split_first_chunk::<NONCE_LEN>().ok_or(SealError::Malformed)?;
    let mut text = ciphertext.to_vec();
    let length =
        key.open_in_place(Nonce::from(nonce), Aad::from(aad), &mut text).map_err(|_| SealError::Tampered)?.len();
    text.truncate(length);
    Ok(text)
}

/// Context of wrapped roots.
const ROOTS: &[u8] = b"roots";

/// A data key wrapped by a master key whose roots are stored beside it. A version of the program that does not know
/// stored roots fails to open it, rather than computing other blind indexes.
fn rooted_context(id: i32) -> Vec<u8> {
    format!("data-key:{id}:stored-roots").into_bytes()
}

fn wrapping_context(id: i32) -> Vec<u8> {
    format!("data-key:{id}").into_bytes()
}
