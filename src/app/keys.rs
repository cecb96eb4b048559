//! The server's own keys, which change while it runs: what signs, and what opens the data keys.

use std::sync::{Arc, PoisonError, RwLock};

use super::App;
use crate::jose::SigningKey;
use crate::seal::{MasterKey, SealError};
use crate::store::{StoreError, seal_key};

/// The lender's signing keys at one moment.
pub struct OurKeys {
    /// Signs acks and callbacks.
    pub signing: Arc<SigningKey>,
    /// Published at `/.well-known/jwks.json`: the signing key, and others that are on their way in or out.
    pub published: Vec<Arc<SigningKey>>,
}

/// Why other signing keys were not taken on; the ones in use stay.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyRefusal {
    /// LSPs that know the kid would refuse what the new key signs.
    #[error("kid {0} stands for another key than before: a new key needs a kid of its own")]
    KidReused(String),
}

/// The signing keys in use, replaced as a whole. Reading them costs a lock that nobody holds for longer than it takes
/// to count a reference.
pub struct KeyRing(RwLock<Arc<OurKeys>>);

impl KeyRing {
    /// Begins with these.
    #[must_use]
    pub fn new(keys: OurKeys) -> Self {
        Self(RwLock::new(Arc::new(keys)))
    }

    /// The keys in use now.
    #[must_use]
    pub fn current(&self) -> Arc<OurKeys> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The key that signs now.
    #[must_use]
    pub fn signing(&self) -> Arc<SigningKey> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner).signing)
    }

    /// Whether these keys could be gone on with.
    ///
    /// # Errors
    /// [`KeyRefusal`].
    pub fn check(&self, keys: &OurKeys) -> Result<(), KeyRefusal> {
        let before = self.current();
        for key in keys.all() {
            let known = before.all().find(|known| known.kid() == key.kid());
            if known.is_some_and(|known| known.verifying_key().fingerprint() != key.verifying_key().fingerprint()) {
                return Err(KeyRefusal::KidReused(key.kid().to_owned()));
            }
        }
        Ok(())
    }

    /// Goes on with other keys. Gives whether the new signing key was published before, as it should be: LSPs that keep
    /// our keys do not know it otherwise.
    ///
    /// # Errors
    /// [`KeyRefusal`]; nothing changes then.
    pub fn replace(&self, keys: OurKeys) -> Result<bool, KeyRefusal> {
        self.check(&keys)?;
        let was_published = self.current().all().any(|known| known.kid() == keys.signing.kid());
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        Ok(was_published)
    }
}

impl OurKeys {
    /// Every key, the signing one first; it may come twice.
    pub fn all(&self) -> impl Iterator<Item = &Arc<SigningKey>> {
        std::iter::once(&self.signing).chain(&self.published)
    }
}

/// The master key in use, replaced when its file is.
pub struct MasterKeeper(RwLock<Arc<MasterKey>>);

impl MasterKeeper {
    /// Begins with this one.
    #[must_use]
    pub fn new(master: MasterKey) -> Self {
        Self(RwLock::new(Arc::new(master)))
    }

    fn current(&self) -> Arc<MasterKey> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl App {
    /// Loads the data keys again: keys that other processes have made become known, retired ones are forgotten.
    ///
    /// # Errors
    /// When the database fails, or a key does not open with the master key in use; the keys that were known stay.
    pub async fn load_data_keys(&self) -> Result<(), StoreError> {
        let mut conn = self.pool.acquire().await?;
        let wrapped = seal_key::all(&mut conn).await?;
        Ok(self.sealer.reload(&self.master.current(), &wrapped)?)
    }

    /// Opens a sealed value. If another process has made its data key in the meantime, the data keys are loaded first.
    ///
    /// # Errors
    /// As [`Sealer::open`](crate::seal::Sealer::open), and when the database fails.
    pub async fn open(&self, context: &str, sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        match self.sealer.open(context, sealed) {
            Err(SealError::UnknownDataKey(_)) => {
                self.load_data_keys().await?;
                Ok(self.sealer.open(context, sealed)?)
            }
            opened => Ok(opened?),
        }
    }

    /// Goes on with another master key, if the stored data keys open with it.
    ///
    /// # Errors
    /// As [`App::load_data_keys`]; the master key in use stays then.
    pub async fn take_master(&self, master: MasterKey) -> Result<(), StoreError> {
        if master.is(&self.master.current()) {
            return Ok(());
        }
        let mut conn = self.pool.acquire().await?;
        let wrapped = seal_key::all(&mut conn).await?;
        let roots = seal_key::roots(&mut conn).await?;
        if !self.sealer.has_roots(&master.roots(roots.as_deref())?) {
            return Err(SealError::Roots.into());
        }
        self.sealer.reload(&master, &wrapped)?;
        *self.master.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(master);
        Ok(())
    }
}
