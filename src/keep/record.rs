//! Writes every act of upkeep to the audit log, inside the transaction that does it. Entries name ids, keys and rules,
//! never people.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::store::StoreError;
use crate::store::audit::{Actor, Entry};

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
        /// Why, in the operator's words.
        reason: &'a str,
    },
    /// An operator lifted a legal hold.
    HoldLifted {
        /// From which application.
        application: Uuid,
        /// Why, in the operator's words.
        reason: &'a str,
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

impl Act<'_> {
    fn entry(self, actor: &Actor) -> Entry {
        let by = |action| Entry::by(actor, action);
        match self {
            Self::PartitionDropped { name, why } => by("PARTITION_DROPPED").about("partition", name).because(why),
            Self::Erased { application, why } => {
                by("PERSONAL_DATA_ERASED").about("applicationId", application).because(why)
            }
            Self::RequestsForgotten { application, count } => {
                by("REQUEST_IDS_FORGOTTEN").about("applicationId", application).about("count", count)
            }
            Self::HoldPlaced { application, reason } => {
                by("LEGAL_HOLD_PLACED").about("applicationId", application).because(reason)
            }
            Self::HoldLifted { application, reason } => {
                by("LEGAL_HOLD_LIFTED").about("applicationId", application).because(reason)
            }
            Self::SealingRotated { key } => by("SEALING_KEY_MADE").about("dataKey", key),
            Self::SealingRetired { key } => by("SEALING_KEY_DESTROYED").about("dataKey", key),
            Self::MasterRotated { keys } => by("MASTER_KEY_CHANGED").about("dataKeys", keys),
        }
    }
}

/// Records an act in the audit log, as the last statement of the transaction that does it; `at` is the wall's time.
///
/// # Errors
/// When it cannot be recorded; the act is not done then.
pub async fn record(conn: &mut PgConnection, actor: &Actor, act: Act<'_>, at: DateTime<Utc>) -> Result<(), StoreError> {
    act.entry(actor).append(conn, at).await?;
    Ok(())
}
