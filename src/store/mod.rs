//! SQL, one file per group of tables: free functions on a connection, so that the caller's transaction is theirs.

// Read or written by requests, most of them in one statement.
pub mod application; // the row that every command locks
pub mod begun; // questions and streams that are leased as they are written
pub mod book; // facts and journals of a loan
pub mod dispute; // disputes
pub mod exchange; // a request with the results that it still waits for
pub mod exposure; // what a borrower owes or has reserved; pledged collateral
pub mod inbox; // request ids, claimed once each
pub mod loan; // loans and payouts
pub mod lsp; // LSPs and their keys
pub mod page; // borrowers' pages, by token
pub mod reference; // ids by which later requests find an application
pub mod repayment; // payments by the borrower
pub mod seen; // applications read without a lock, for the shortcuts
pub mod settings; // LSPs' settings as the engine reads them
pub mod switches; // kill switches
pub mod write; // what one decision writes to the usual tables, as one statement

// Queues: what the workers lease.
pub mod ask; // questions to the lender's systems, and timers
pub mod ask_desk; // questions answered from outside the worker, or stuck
pub mod ask_list; // questions that wait for an operator
pub mod ask_money; // orders of money, by the key that the bank knows
pub mod comparison; // comparisons of the book with the general ledger
pub mod day_end; // loans on which something is due by itself
pub mod ledger; // journals that the general ledger has not taken yet
pub mod outbox; // callbacks, queued and queued again
pub mod referral; // decisions that wait for people
pub mod set_aside; // loans whose journals the general ledger refuses
pub mod stream; // the order in which callbacks leave

// Read by operators, the console and metrics.
pub mod attempt; // tries to deliver callbacks
pub mod audit; // the audit log
pub mod console; // counts on the console's first page
pub mod injected; // what the sandbox did to messages on purpose
pub mod live; // what is new since a moment ago
pub mod loan_list; // the list of loans
pub mod lsp_link; // links by which an LSP sees its own traffic
pub mod message; // one message, as it came or left
pub mod operator_act; // acts by hand, proposed and decided
pub mod overview; // lists and histories
pub mod search; // applications by any identifier
pub mod timeline; // everything that happened to one application
pub mod traffic; // how much came and went
pub mod watch; // lengths of queues, for metrics

// Upkeep.
pub mod erasure; // overwrites personal data at the end of retention
pub mod legal_hold; // what must not be erased
pub mod partition; // monthly partitions of messages and attempts
pub mod posture; // how the database is set up, for the doctor
pub mod retention; // what has ended, and what of it is still to go
pub mod schema; // migrations, applied and missing
pub mod seal_key; // wrapped data keys
pub mod sealed; // every sealed column, for sealing anew

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
