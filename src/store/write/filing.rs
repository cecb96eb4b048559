//! The usual filing, whole, as one statement that is a transaction of its own.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{Opened, Queued, Writes};
use crate::store::StoreError;
use crate::store::application::Row;

/// A new application with the exchange that files it, and at most one callback.
#[derive(Debug)]
pub struct Filing {
    writes: Writes,
    row: Row,
    opened: Opened,
    callback: Option<Queued>,
    digest: [u8; 32],
}

impl Filing {
    /// `None` when there is more to write than that. The key of the exchange is claimed for a body of this digest.
    #[must_use]
    pub fn of(mut writes: Writes, digest: [u8; 32]) -> Option<Self> {
        let (row, opened, callback) = (writes.applications.pop()?, writes.opened.take()?, writes.callbacks.pop());
        let own = writes.parts.slots == [0]
            && row.revision.is_none()
            && callback.as_ref().is_none_or(|callback| {
                callback.stream_id == opened.exchange.stream_id && callback.exchange_id == Some(opened.exchange.id.0)
            });
        let nothing_else = writes.applications.is_empty()
            && writes.callbacks.is_empty()
            && writes.references.kinds.is_empty()
            && writes.answers.slots.is_empty()
            && writes.reserved.is_none()
            && writes.counted.is_none()
            && writes.settled.is_none();
        (own && nothing_else).then_some(Self { writes, row, opened, callback, digest })
    }

    /// Writes it. False, and nothing is written, when the key or the application's id was there before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn write(&self, conn: &mut PgConnection, now: DateTime<Utc>) -> Result<bool, StoreError> {
        match self.statement(conn, now).await {
            Ok(()) => Ok(true),
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn statement(&self, conn: &mut PgConnection, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
        let Self { row, opened: Opened { exchange, trace_id, sealed }, digest, .. } = self;
        let Writes { org_id, events, asks, .. } = &self.writes;
        let callback = self.callback.as_ref();
        sqlx::query_file!(
            "src/store/write/filing.sql",
            org_id,
            now,
            exchange.operation,
            exchange.request_id,
            digest,
            exchange.id.0,
            row.id,
            row.loan_application_id,
            row.bundle_id,
            row.borrower_index,
            row.stage,
            row.data_consent,
            row.monitoring_consent,
            row.kyc,
            row.agreement,
            row.repayment_setup,
            row.account_setup,
            row.state,
            &events.revisions,
            &events.words,
            sealed,
            trace_id,
            exchange.version,
            exchange.signed,
            exchange.protected_member,
            exchange.stream_id,
            exchange.slots,
            exchange.pending,
            exchange.trace,
            &asks.ids,
            &asks.exchanges as &[Option<uuid::Uuid>],
            &asks.ports,
            &asks.methods,
            &asks.details,
            &asks.due,
            callback.map(|callback| callback.callback_id),
            callback.map(|callback| callback.path.as_str()),
            callback.map(|callback| callback.trace_id.as_str()),
            callback.map(|callback| callback.sealed_body.as_slice()),
            callback.map(|callback| callback.due_at),
        )
        .execute(conn)
        .await?;
        Ok(())
    }
}
