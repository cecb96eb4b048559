//! Keys that only probes sign with: a stranger's, and one that is published just before its first use.

use std::sync::Arc;

use tokio::sync::{Mutex, OnceCell};

use super::super::problem::Problem;
use crate::app::{App, OurKeys};
use crate::jose::{KeyError, SigningKey};

/// Kept for the life of a server: making a key takes its time.
#[derive(Debug, Default)]
pub(super) struct Keys {
    stranger: OnceCell<Arc<SigningKey>>,
    /// The kid of the last key that was published for a probe.
    rotated: Mutex<Option<String>>,
}

impl Keys {
    /// A key that is published nowhere.
    pub(super) async fn stranger(&self) -> Result<Arc<SigningKey>, Problem> {
        let kid = "LENDER-UNKNOWN".to_owned();
        self.stranger.get_or_try_init(|| generate(kid)).await.map(Arc::clone)
    }

    /// A new key, in our key set from now on; that of the probe before is taken out, so that the set does not grow.
    pub(super) async fn rotated(&self, app: &App) -> Result<Arc<SigningKey>, Problem> {
        let mut last = self.rotated.lock().await;
        let kid = format!("{}-probe-{}", app.config.lender.org_id, app.ids.uuid().simple());
        let key = generate(kid).await?;
        let current = app.keys.current();
        let kept = current.published.iter().filter(|key| Some(key.kid()) != last.as_deref()).map(Arc::clone);
        let published = kept.chain([Arc::clone(&key)]).collect();
        app.keys
            .replace(OurKeys { signing: Arc::clone(&current.signing), published })
            .map_err(|error| Problem::internal(&error))?;
        *last = Some(key.kid().to_owned());
        Ok(key)
    }
}

async fn generate(kid: String) -> Result<Arc<SigningKey>, Problem> {
    let made = tokio::task::spawn_blocking(move || SigningKey::generate(kid)).await;
    let made = made.map_err(|error| Problem::internal(&error))?;
    made.map(Arc::new).map_err(|error: KeyError| Problem::internal(&error))
}
