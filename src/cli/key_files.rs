//! Keys from files, and files for keys.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::fs;
use tokio::io::AsyncWriteExt as _;

use super::CliError;
use crate::app::OurKeys;
use crate::config::KeyFiles;
use crate::jose::SigningKey;
use crate::seal::MasterKey;

/// All keys that `serve` is configured with.
pub(super) async fn load(files: &KeyFiles) -> Result<(OurKeys, MasterKey), CliError> {
    let master = master(&files.master_key_file).await?;
    let signing = Arc::new(signing(&files.signing.kid, &files.signing.file).await?);
    let mut published = vec![Arc::clone(&signing)];
    for key in &files.published {
        published.push(Arc::new(self::signing(&key.kid, &key.file).await?));
    }
    Ok((OurKeys { signing, published }, master))
}

/// A signing key from a PEM file.
pub(super) async fn signing(kid: &str, path: &Path) -> Result<SigningKey, CliError> {
    let text: SecretString = fs::read_to_string(path).await.map_err(CliError::file(path))?.into();
    SigningKey::from_pem(kid, text.expose_secret())
        .map_err(|source| CliError::KeyFile { path: path.to_owned(), source })
}

/// A master key from a file with base64.
pub(super) async fn master(path: &Path) -> Result<MasterKey, CliError> {
    let text: SecretString = fs::read_to_string(path).await.map_err(CliError::file(path))?.into();
    MasterKey::from_base64(text.expose_secret())
        .map_err(|source| CliError::MasterKeyFile { path: path.to_owned(), source })
}

/// Writes a new file that only its owner may read. Never replaces one: a lost key opens nothing any more.
pub(super) async fn write_new(path: &Path, secret: &SecretString) -> Result<(), CliError> {
    let mut options = fs::OpenOptions::new();
    let written = async {
        let mut file = options.write(true).create_new(true).mode(0o600).open(path).await?;
        file.write_all(secret.expose_secret().as_bytes()).await?;
        file.sync_all().await
    };
    written.await.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => CliError::KeyExists { path: path.to_owned() },
        _ => CliError::file(path)(error),
    })
}
