//! The demo LSP that `dev` registers, and its private key.

use std::io;
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret as _;
use tokio::fs;
use tokio::io::AsyncWriteExt as _;

use crate::jose::{KeyError, SigningKey};

/// The demo LSP's `metadata.orgId`.
pub const ORG_ID: &str = "LSP-DEMO";
/// The `kid` of its key.
pub const KID: &str = "LSP-DEMO-1";

/// Why the demo LSP has no key.
#[derive(Debug, thiserror::Error)]
pub enum DemoKeyError {
    /// The file cannot be read or written.
    #[error("cannot keep the demo LSP's key in {}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds no usable key.
    #[error("the demo LSP's key cannot be used: {0}")]
    Key(#[from] KeyError),
}

/// The demo LSP's key in a data directory, made when there is none.
///
/// # Errors
/// [`DemoKeyError`]; a broken file is never replaced, because its public half is registered.
pub async fn key(data_dir: &Path) -> Result<SigningKey, DemoKeyError> {
    let path = data_dir.join("lsp-demo.pem");
    let failed = |source| DemoKeyError::File { path: path.clone(), source };
    match fs::read_to_string(&path).await {
        Ok(text) => Ok(SigningKey::from_pem(KID, &text)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = SigningKey::generate(KID)?;
            write_private(&path, key.to_pkcs8_pem()?.expose_secret()).await.map_err(failed)?;
            Ok(key)
        }
        Err(error) => Err(failed(error)),
    }
}

/// Writes a file that only its owner may read, under another name first so that it is whole or absent.
pub(super) async fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&unfinished).await?;
    file.write_all(text.as_bytes()).await?;
    file.sync_all().await?;
    fs::rename(&unfinished, path).await
}
