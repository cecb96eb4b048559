//! The one place that every act of upkeep passes, inside the transaction that does it.
//!
//! An audit log appends here: what is given names ids, keys and rules, and nobody.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::store::StoreError;

/// What was done.
#[derive(Debug, Clone, Copy)]
pub enum Act<'a> {
    /// A month of messages or attempts was dropped.
    PartitionDropped {
        /// Its name.
        name: &'a str,
        /// The rule.
        why: &'a str,
    },
    /// Personal data of an application was erased.
    Erased {
        /// Which application.
        application: Uuid,
        /// The rule.
        why: &'a str,
    },
    /// Request ids of an application were forgotten.
    RequestsForgotten {
        /// Which application.
        application: Uuid,
        /// How many.
        count: u64,
    },
    /// An operator placed a legal hold, or gave another reason for it.
    HoldPlaced {
        /// On which application.
        application: Uuid,
    },
    /// An operator lifted a legal hold.
    HoldLifted {
        /// From which application.
        application: Uuid,
    },
    /// A data key was made.
    SealingRotated {
        /// Its number.
        key: i32,
    },
    /// A data key was destroyed.
    SealingRetired {
        /// Its number.
        key: i32,
    },
    /// The data keys were wrapped with another master key.
    MasterRotated {
        /// How many.
        keys: usize,
    },
}

/// Records an act. `conn` is in the transaction that does it, so that a log kept in the database has exactly what
/// happened.
///
/// # Errors
/// When it cannot be recorded; the act is not done then.
#[expect(clippy::unused_async, reason = "an audit log in the database is written here")]
pub async fn record(_conn: &mut PgConnection, act: Act<'_>) -> Result<(), StoreError> {
    tracing::info!(?act, "act of upkeep");
    Ok(())
}
