//! SQL, one file per group of tables: free functions on a connection, so that the caller's transaction is theirs.

pub mod application;
pub mod ask;
pub mod ask_desk;
pub mod attempt;
pub mod audit;
pub mod begun;
pub mod book;
pub mod comparison;
pub mod console;
pub mod day_end;
pub mod dispute;
pub mod erasure;
pub mod exchange;
pub mod exposure;
pub mod inbox;
pub mod injected;
pub mod ledger;
pub mod legal_hold;
pub mod live;
pub mod loan;
pub mod loan_list;
pub mod lsp;
pub mod lsp_link;
pub mod message;
pub mod operator_act;
pub mod outbox;
pub mod overview;
pub mod page;
pub mod partition;
pub mod posture;
pub mod reference;
pub mod referral;
pub mod repayment;
pub mod retention;
pub mod schema;
pub mod seal_key;
pub mod sealed;
pub mod search;
pub mod seen;
pub mod set_aside;
pub mod settings;
pub mod stream;
pub mod switches;
pub mod timeline;
pub mod traffic;
pub mod watch;
pub mod write;

use crate::seal::SealError;

/// Why something could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database said no, or nothing.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// A sealed column could not be opened or written.
    #[error("sealed column: {0}")]
    Seal(#[from] SealError),
    /// Another transaction changed the row first; nothing was written.
    #[error("{table} was changed by another transaction")]
    Stale {
        /// Which table.
        table: &'static str,
    },
}

impl StoreError {
    /// Whether trying again may help: the database is away, busy, or somebody was faster.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Stale { .. } => true,
            Self::Seal(_) => self.lacks_data_key(),
            Self::Database(error) => database_is_transient(error),
        }
    }
}

impl StoreError {
    /// Whether trying again at once may help: the connection was lost (a restarted database leaves the pool with dead
    /// ones), or the database chose this transaction to end a deadlock, or somebody was faster.
    #[must_use]
    pub fn is_worth_another_try(&self) -> bool {
        match self {
            Self::Stale { .. } => true,
            Self::Seal(_) => self.lacks_data_key(),
            Self::Database(sqlx::Error::Database(database)) => {
                database.code().is_some_and(|code| ["40", "57P", "08"].iter().any(|class| code.starts_with(class)))
            }
            Self::Database(error) => matches!(error, sqlx::Error::Io(_) | sqlx::Error::Protocol(_)),
        }
    }
}

impl StoreError {
    /// Whether another process sealed the value with a data key that this one has not loaded yet.
    #[must_use]
    pub fn lacks_data_key(&self) -> bool {
        matches!(self, Self::Seal(SealError::UnknownDataKey(_)))
    }
}

/// Lock timeouts, deadlocks, shutdowns and lost connections (SQLSTATE classes 40, 53, 55, 57, 08).
fn database_is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(database) => database
            .code()
            .is_some_and(|code| ["40", "53", "55", "57", "08", "25"].iter().any(|class| code.starts_with(class))),
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => true,
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => true,
        _ => false,
    }
}

/// Makes a write that had to touch exactly one row fail when it did not.
///
/// # Errors
/// [`StoreError::Stale`] when it touched none or several.
pub fn one_row(touched: u64, table: &'static str) -> Result<(), StoreError> {
    if touched == 1 { Ok(()) } else { Err(StoreError::Stale { table }) }
}
