//! The usual filings. One statement writes each of them whole; it is a transaction of its own.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::lone::{Lone, all, column, each};
use super::{Queued, Writes};
use crate::store::StoreError;

/// A new application with the exchange that files it, and at most one callback.
#[derive(Debug)]
pub struct Filing(Lone);

impl Filing {
    /// `None` when there is more to write than one statement can. The idempotency key of the exchange is claimed for a
    /// body of this digest.
    #[must_use]
    pub fn of(writes: Writes, digest: [u8; 32]) -> Option<Self> {
        let new = Lone::of(writes, digest)?;
        (new.row.revision.is_none() && new.writes.reserved.is_none()).then_some(Self(new))
    }

    /// The key that it claims; filings are written in the order of their keys, so that two replicas which were sent the
    /// same ones do not wait for each other in a circle.
    #[must_use]
    pub fn key(&self) -> (&str, &str) {
        (self.0.writes.org_id(), &self.0.exchange().request_id)
    }

    /// Writes them in one transaction. False, and nothing is written, when the key or the application's id of one of
    /// them was there before.
    ///
    /// # Errors
    /// When the database fails; whether they were written is known when it has told so.
    pub async fn write(filings: &[&Self], conn: &mut PgConnection, now: DateTime<Utc>) -> Result<bool, StoreError> {
        match statement(&column(filings, |filing| &filing.0), conn, now).await {
            Ok(()) => Ok(true),
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

async fn statement(filings: &[&Lone], conn: &mut PgConnection, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    let answer = |of: fn(&Queued) -> &str| column(filings, |filing| filing.callback.as_ref().map(of));
    sqlx::query_file!(
        "src/store/write/filing.sql",
        now,
        &column(filings, |filing| filing.writes.org_id()) as &[&str],
        &column(filings, |filing| filing.exchange().operation.as_str()) as &[&str],
        &column(filings, |filing| filing.exchange().request_id.as_str()) as &[&str],
        &column(filings, |filing| filing.digest.as_slice()) as &[&[u8]],
        &column(filings, |filing| filing.exchange().id.0),
        &column(filings, |filing| filing.row.id),
        &column(filings, |filing| filing.row.loan_application_id.as_str()) as &[&str],
        &column(filings, |filing| filing.row.bundle_id),
        &column(filings, |filing| filing.row.borrower_index.as_slice()) as &[&[u8]],
        &column(filings, |filing| filing.row.stage) as &[&str],
        &column(filings, |filing| filing.row.data_consent) as &[&str],
        &column(filings, |filing| filing.row.monitoring_consent) as &[&str],
        &column(filings, |filing| filing.row.kyc) as &[&str],
        &column(filings, |filing| filing.row.agreement) as &[&str],
        &column(filings, |filing| filing.row.repayment_setup) as &[&str],
        &column(filings, |filing| filing.row.account_setup) as &[&str],
        &column(filings, |filing| filing.row.state.as_slice()) as &[&[u8]],
        &column(filings, |filing| filing.opened.sealed.as_slice()) as &[&[u8]],
        &column(filings, |filing| filing.opened.trace_id.as_str()) as &[&str],
        &column(filings, |filing| filing.exchange().version.as_str()) as &[&str],
        &column(filings, |filing| filing.exchange().signed),
        &column(filings, |filing| filing.exchange().protected_member),
        &column(filings, |filing| filing.exchange().stream_id),
        &column(filings, |filing| filing.exchange().slots),
        &column(filings, |filing| filing.exchange().pending),
        &column(filings, |filing| filing.exchange().trace),
        &all(filings, |filing| &filing.writes.events.applications),
        &all(filings, |filing| &filing.writes.events.revisions),
        &all(filings, |filing| &filing.writes.events.words),
        &all(filings, |filing| &filing.writes.asks.ids),
        &each(filings, |filing| filing.writes.asks.ids.len()) as &[&str],
        &all(filings, |filing| &filing.writes.asks.applications),
        &all(filings, |filing| &filing.writes.asks.exchanges) as &[Option<Uuid>],
        &all(filings, |filing| &filing.writes.asks.ports),
        &all(filings, |filing| &filing.writes.asks.methods),
        &all(filings, |filing| &filing.writes.asks.details),
        &all(filings, |filing| &filing.writes.asks.due),
        &column(filings, Lone::callback_id) as &[Option<Uuid>],
        &answer(|callback| &callback.path) as &[Option<&str>],
        &answer(|callback| &callback.trace_id) as &[Option<&str>],
        &column(filings, |filing| filing.callback.as_ref().map(|callback| callback.sealed_body.as_slice()))
            as &[Option<&[u8]>],
        &column(filings, |filing| filing.callback.as_ref().map(|callback| callback.due_at))
            as &[Option<DateTime<Utc>>],
        &each(filings, |filing| filing.writes.references.kinds.len()) as &[&str],
        &all(filings, |filing| &filing.writes.references.kinds),
        &all(filings, |filing| &filing.writes.references.values),
        &all(filings, |filing| &filing.writes.references.applications),
    )
    .execute(conn)
    .await?;
    Ok(())
}
