//! The feed of the book to the lender's general ledger: what it has not taken yet, and who is feeding.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{StoreError, one_row};
use crate::domain::book::{JournalKind, LedgerAccount, Posting};
use crate::domain::ids::LoanId;
use crate::domain::maths::money::Paise;

/// The two workers that replicas share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worker {
    /// Sends journals.
    Journal,
    /// Compares balances.
    Compare,
}

impl Worker {
    fn name(self) -> &'static str {
        match self {
            Self::Journal => "journal",
            Self::Compare => "compare",
        }
    }
}

/// A worker's lease that this process holds.
#[derive(Debug, Clone, Copy)]
pub struct Lease {
    /// Which worker.
    pub worker: Worker,
    /// What fences its writes.
    pub id: Uuid,
    /// How often in a row it failed.
    pub failures: i32,
}

/// A journal that was not taken yet.
#[derive(Debug, Clone)]
pub struct Pending {
    /// Its place in the feed.
    pub number: i64,
    /// Its id.
    pub journal_id: Uuid,
    /// The loan.
    pub loan_id: LoanId,
    /// What it is for.
    pub kind: JournalKind,
    /// What makes it unique.
    pub reference: String,
    /// The day on which it counts.
    pub value_date: NaiveDate,
    /// When it was posted.
    pub posted_at: DateTime<Utc>,
    /// Debits and credits.
    pub postings: Vec<Posting>,
}

/// Takes a worker's lease for half a minute, unless another replica has it or it is to wait.
///
/// # Errors
/// When the database fails.
pub async fn lease(
    conn: &mut PgConnection,
    worker: Worker,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<Lease>, StoreError> {
    let failures = sqlx::query_scalar!(
        r#"
        update ledger_worker
        set lease_id = $2,
            leased_until = now() + interval '30 seconds'
        where name = $1
        and (leased_until is null or leased_until < now())
        and (retry_at is null or retry_at <= $3)
        returning failures
        "#,
        worker.name(),
        id,
        now,
    )
    .fetch_optional(conn)
    .await?;
    Ok(failures.map(|failures| Lease { worker, id, failures }))
}

/// Holds a lease for another half a minute; fences what is written in the same transaction.
///
/// # Errors
/// [`StoreError::Stale`] when the lease was lost.
pub async fn hold(conn: &mut PgConnection, lease: Lease) -> Result<(), StoreError> {
    let updated = sqlx::query!(
        r#"
        update ledger_worker
        set leased_until = now() + interval '30 seconds',
            failures = 0,
            last_error = null,
            retry_at = null
        where name = $1
        and lease_id = $2
        "#,
        lease.worker.name(),
        lease.id,
    )
    .execute(conn)
    .await?;
    one_row(updated.rows_affected(), "ledger_worker")
}

/// Gives a lease back; one that was lost is somebody else's.
///
/// # Errors
/// When the database fails.
pub async fn give_back(conn: &mut PgConnection, lease: Lease) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        update ledger_worker
        set lease_id = null,
            leased_until = null
        where name = $1
        and lease_id = $2
        "#,
        lease.worker.name(),
        lease.id,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives a lease back after a failure, with the time of the next try.
///
/// # Errors
/// When the database fails.
pub async fn fail(
    conn: &mut PgConnection,
    lease: Lease,
    (error, retry_at): (&str, DateTime<Utc>),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        update ledger_worker
        set lease_id = null,
            leased_until = null,
            failures = failures + 1,
            last_error = $3,
            failed_at = $4,
            retry_at = $5
        where name = $1
        and lease_id = $2
        "#,
        lease.worker.name(),
        lease.id,
        error,
        now,
        retry_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Keeps a lease from running out in the middle of many calls.
///
/// # Errors
/// [`StoreError::Stale`] when the lease was lost.
pub async fn prolong(conn: &mut PgConnection, lease: Lease) -> Result<(), StoreError> {
    let updated = sqlx::query!(
        r#"
        update ledger_worker
        set leased_until = now() + interval '30 seconds'
        where name = $1
        and lease_id = $2
        "#,
        lease.worker.name(),
        lease.id,
    )
    .execute(conn)
    .await?;
    one_row(updated.rows_affected(), "ledger_worker")
}

/// Whether anything is to be sent by now.
///
/// # Errors
/// When the database fails.
pub async fn is_pending(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let pending = sqlx::query_scalar!(
        r#"
        select exists (
            select
            from ledger_outbox
            cross join lateral (
                select loan_id
                from journal
                where journal.journal_id = ledger_outbox.journal_id
                limit 1
            ) posted
            left join ledger_set_aside aside on aside.loan_id = posted.loan_id
            where aside.retry_at is null
            or aside.retry_at <= $1
        ) as "exists!"
        "#,
        now,
    )
    .fetch_one(conn)
    .await?;
    Ok(pending)
}

/// The next journals of the feed, in its order: those of one loan that is set aside, or of all that are not. Each is looked
/// up by itself: the book is large, what waits is not.
///
/// # Errors
/// When the database fails.
pub async fn pending(conn: &mut PgConnection, of: Option<&LoanId>, limit: i64) -> Result<Vec<Pending>, StoreError> {
    let rows = sqlx::query!(
        r#"
        with next as (
            select number, ledger_outbox.journal_id
            from ledger_outbox
            cross join lateral (
                select loan_id
                from journal
                where journal.journal_id = ledger_outbox.journal_id
                limit 1
            ) posted
            left join ledger_set_aside aside on aside.loan_id = posted.loan_id
            where aside.loan_id is not distinct from $2
            order by number
            limit $1
        )
        select number, journal.journal_id, journal.loan_id, kind, reference, value_date, posted_at, account, amount
        from next
        join journal on journal.journal_id = next.journal_id
        join posting on posting.journal_id = next.journal_id
        order by number, line
        "#,
        limit,
        of.map(|loan| loan.0.as_str()),
    )
    .fetch_all(conn)
    .await?;
    let mut found: Vec<Pending> = Vec::new();
    for row in rows {
        let unknown = |what: &str| sqlx::Error::Decode(format!("journal {}: unknown {what}", row.journal_id).into());
        let account = LedgerAccount::by_name(&row.account).ok_or_else(|| unknown("account"))?;
        let posting = Posting { account, amount: Paise(row.amount) };
        match found.last_mut() {
            Some(last) if last.number == row.number => last.postings.push(posting),
            _ => found.push(Pending {
                number: row.number,
                journal_id: row.journal_id,
                kind: JournalKind::by_name(&row.kind).ok_or_else(|| unknown("kind"))?,
                loan_id: LoanId(row.loan_id),
                reference: row.reference,
                value_date: row.value_date,
                posted_at: row.posted_at,
                postings: vec![posting],
            }),
        }
    }
    Ok(found)
}

/// Notes that journals were taken. To be rolled back when the lease was lost: whoever has it sends them again.
///
/// # Errors
/// [`StoreError::Stale`] when the lease was lost.
pub async fn taken(
    conn: &mut PgConnection,
    lease: Lease,
    numbers: &[i64],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    hold(&mut *conn, lease).await?;
    let updated = sqlx::query!(
        r#"
        with gone as (
            delete from ledger_outbox
            where number = any($1)
            returning number
        )
        update ledger_worker
        set taken = taken + (select count(*) from gone),
            through = greatest(through, (select max(number) from gone)),
            taken_at = $2
        where name = 'journal'
        "#,
        numbers,
        now,
    )
    .execute(conn)
    .await?;
    one_row(updated.rows_affected(), "ledger_worker")
}

/// Where a worker stands.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkerRow {
    /// `journal` or `compare`.
    pub name: String,
    /// How often in a row it failed.
    pub failures: i32,
    /// Why the last time.
    pub last_error: Option<String>,
    /// When.
    pub failed_at: Option<DateTime<Utc>>,
    /// When it tries again.
    pub retry_at: Option<DateTime<Utc>>,
    /// How many journals were taken.
    pub taken: i64,
    /// Up to which place in the feed.
    pub through: i64,
    /// When the last of them.
    pub taken_at: Option<DateTime<Utc>>,
}

/// Where the workers stand, the feed first.
///
/// # Errors
/// When the database fails.
pub async fn workers(conn: &mut PgConnection) -> Result<Vec<WorkerRow>, StoreError> {
    let rows = sqlx::query_as!(
        WorkerRow,
        r#"
        select name, failures, last_error, failed_at, retry_at, taken, through, taken_at
        from ledger_worker
        order by name desc
        "#,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// How many journals wait, and when the first of them was posted.
///
/// # Errors
/// When the database fails.
pub async fn lag(conn: &mut PgConnection) -> Result<(i64, Option<DateTime<Utc>>), StoreError> {
    let row = sqlx::query!(
        r#"
        select (select count(*) from ledger_outbox) as "count!",
            (
                select posted_at
                from ledger_outbox
                join journal using (journal_id)
                order by number
                limit 1
            ) as oldest
        "#,
    )
    .fetch_one(conn)
    .await?;
    Ok((row.count, row.oldest))
}
