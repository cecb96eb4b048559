//! Why a command failed: the texts are what its user reads.

use std::io;
use std::path::PathBuf;

use crate::app::{BuildError, KeyRefusal};
use crate::config::ConfigError;
use crate::hosted::HostError;
use crate::http::BindError;
use crate::jose::KeyError;
use crate::lender::PortsError;
use crate::listen::ListenError;
use crate::protocol::openapi::DocumentError;
use crate::sandbox::cluster::ClusterError;
use crate::sandbox::demo::DemoKeyError;
use crate::seal::SealError;
use crate::store::StoreError;
use crate::store::lsp::PutError;
use crate::telemetry::BadFilter;
use crate::tls::TlsError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says it")]
pub enum CliError {
    #[error(transparent)]
    Filter(#[from] BadFilter),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error("TLS: {0}")]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error(transparent)]
    Ports(#[from] PortsError),
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error("the sandbox's Postgres: {0}")]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    DemoKey(#[from] DemoKeyError),
    #[error(
        "a sandbox already runs on the data directory {}; end it, or give this one another --data-dir",
        data_dir.display()
    )]
    SandboxRuns { data_dir: PathBuf },
    #[error("the demo LSP could not be registered: {0}")]
    DemoLsp(#[from] PutError),
    #[error("the hosted sandbox: {0}")]
    Host(#[from] HostError),
    #[error("--database-url (or DATABASE_URL) cannot be used: {0}; write postgres://USER:PASSWORD@HOST:PORT/DATABASE")]
    DatabaseUrl(#[source] sqlx::error::BoxDynError),
    #[error("database: {0}")]
    Database(#[source] sqlx::Error),
    #[error("database: {0}")]
    Store(#[from] StoreError),
    #[error("the schema could not be brought up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    #[error("the database lacks {0} of our migrations; run `ocen-lender migrate` first")]
    MigrationsMissing(usize),
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{} exists already, and a key is never replaced: name another file", path.display())]
    KeyExists { path: PathBuf },
    #[error("{}: {source}", path.display())]
    KeyFile { path: PathBuf, source: KeyError },
    #[error("{}: {source}", path.display())]
    MasterKeyFile { path: PathBuf, source: SealError },
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    KeyRefused(#[from] KeyRefusal),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("the OpenAPI description: {0}")]
    Document(#[from] DocumentError),
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    #[error("{0}")]
    Refused(String),
    #[error("the server does not answer: {0}")]
    Unreachable(#[from] reqwest::Error),
    #[error("a background task failed; the log says which")]
    TaskFailed,
}

impl From<sqlx::Error> for CliError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Configuration(source) => Self::DatabaseUrl(source),
            error => Self::Database(error),
        }
    }
}

impl CliError {
    /// Ties an I/O error to its file.
    pub(super) fn file(path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::File { path, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_no_database_is_told_with_its_flag_and_its_form() {
        let error = CliError::from(crate::app::pool("nonsense", 1).unwrap_err()).to_string();

        assert!(error.contains("--database-url") && error.contains("postgres://USER"), "{error}");
    }
}
