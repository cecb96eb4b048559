//! Loans whose journals the general ledger refuses while it takes those of others (README, "The general ledger").

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use super::ledger::{Lease, Pending, hold};
use crate::domain::ids::LoanId;

/// A loan that waits for its turn behind a refused journal.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// The loan.
    pub loan_id: LoanId,
    /// How often in a row it was refused.
    pub failures: i32,
}

/// Sets a loan aside at the journal that was refused, or notes that it was refused again. To be rolled back when the
/// lease was lost.
///
/// # Errors
/// [`StoreError::Stale`] when the lease was lost.
pub async fn put(
    conn: &mut PgConnection,
    lease: Lease,
    (refused, error): (&Pending, &str),
    retry_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    hold(&mut *conn, lease).await?;
    sqlx::query!(
        r#"
        insert into ledger_set_aside as aside (loan_id, journal_id, failures, last_error, failed_at, retry_at)
        values ($1, $2, 1, $3, $4, $5)
        on conflict (loan_id) do update
        set journal_id = excluded.journal_id,
            failures = aside.failures + 1,
            last_error = excluded.last_error,
            failed_at = excluded.failed_at,
            retry_at = excluded.retry_at
        "#,
        refused.loan_id.0,
        refused.journal_id,
        error,
        now,
        retry_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Loans whose time has come, longest refused first.
///
/// # Errors
/// When the database fails.
pub async fn due(conn: &mut PgConnection, now: DateTime<Utc>, limit: i64) -> Result<Vec<Waiting>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select loan_id, failures
        from ledger_set_aside
        where retry_at <= $1
        order by retry_at
        limit $2
        "#,
        now,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| Waiting { loan_id: LoanId(row.loan_id), failures: row.failures }).collect())
}

/// Lets a loan rejoin the feed, because its refused journal has been taken; without a loan, all loans rejoin. To be
/// rolled back when the lease was lost.
///
/// # Errors
/// [`StoreError::Stale`] when the lease was lost.
pub async fn end(conn: &mut PgConnection, lease: Lease, loan_id: Option<&LoanId>) -> Result<(), StoreError> {
    hold(&mut *conn, lease).await?;
    sqlx::query!(
        r#"
        delete from ledger_set_aside
        where ($1::text is null or loan_id = $1)
        "#,
        loan_id.map(|loan| loan.0.as_str()),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Has a loan tried at once. False when it is not set aside.
///
/// # Errors
/// When the database fails.
pub async fn hurry(conn: &mut PgConnection, loan_id: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let updated = sqlx::query!(
        r#"
        update ledger_set_aside
        set retry_at = $2
        where loan_id = $1
        "#,
        loan_id,
        now,
    )
    .execute(conn)
    .await?;
    Ok(updated.rows_affected() == 1)
}

/// A loan that is set aside, for people.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The loan.
    pub loan_id: String,
    /// Key of the refused journal.
    pub journal_key: Uuid,
    /// What the journal is for, e.g. `RECEIPT`.
    pub kind: String,
    /// How many of the loan's journals wait, the refused one included.
    pub waiting: i64,
    /// How often in a row it was refused.
    pub failures: i32,
    /// What the general ledger said the last time.
    pub last_error: String,
    /// When.
    pub failed_at: DateTime<Utc>,
    /// When it is tried again.
    pub retry_at: DateTime<Utc>,
}

/// Loans that are set aside, longest refused first.
///
/// # Errors
/// When the database fails.
pub async fn list(conn: &mut PgConnection, limit: i64) -> Result<Vec<Row>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        select aside.loan_id, aside.journal_id as journal_key, refused.kind, failures, last_error, failed_at, retry_at,
            (
                select count(*)
                from ledger_outbox
                join journal using (journal_id)
                where journal.loan_id = aside.loan_id
            ) as "waiting!"
        from ledger_set_aside aside
        join journal refused on refused.journal_id = aside.journal_id
        order by refused.posted_at, aside.loan_id
        limit $1
        "#,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}
