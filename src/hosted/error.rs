//! What can go wrong with a host and its namespaces.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use super::name::Name;
use crate::http::problem::Problem;
use crate::store::StoreError;
use crate::store::lsp::PutError;

/// Why a host cannot start, or a namespace not be made or woken.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The configuration is no hosted sandbox's.
    #[error("this is no hosted sandbox")]
    NotHosted,
    /// Two hosts would each have their own clock and wake the same namespaces.
    #[error("another host serves the namespaces of this database")]
    Taken,
    /// The address of the database makes no sense.
    #[error("the address of the database cannot be used: {0}")]
    Address(String),
    /// Postgres.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// The control tables.
    #[error("database: {0}")]
    Store(#[from] StoreError),
    /// The schema.
    #[error("the schema could not be brought up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The LSP of a new namespace.
    #[error("the LSP could not be registered: {0}")]
    Lsp(#[from] PutError),
    /// A file.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The host's token.
    #[error("{}: {detail}", path.display())]
    Token {
        /// Its file.
        path: PathBuf,
        /// What is wrong.
        detail: &'static str,
    },
    /// A namespace's app did not start.
    #[error("a namespace does not start: {0}")]
    Launch(#[source] Box<dyn Error + Send + Sync>),
    /// As many are awake as may be, and all of them busy.
    #[error("{0} finds no place: as many namespaces are awake as may be")]
    Full(Name),
    /// The namespace was deleted meanwhile.
    #[error("{0} is gone")]
    Gone(Name),
}

impl From<HostError> for Problem {
    fn from(error: HostError) -> Self {
        match error {
            HostError::Full(_) => {
                tracing::warn!(%error, "a namespace stays asleep");
                let detail =
                    "this sandbox is busy: as many namespaces are awake as it can carry; try again in a moment";
                Self::new(axum::http::StatusCode::SERVICE_UNAVAILABLE, detail)
            }
            HostError::Gone(_) => Self::not_found("namespace"),
            HostError::Store(error) => error.into(),
            HostError::Database(error) => error.into(),
            other => Self::internal(&other),
        }
    }
}
