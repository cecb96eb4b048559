//! What metrics tell of queues: read by every replica alike, bounded, over indexes that the workers use anyway.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;

use super::StoreError;

/// Most callbacks of one LSP, and most loans, that are counted; so many take some 30 ms.
const COUNTED: i64 = 10_000;
/// Most questions that are looked at, those due first: asks and timers that wait for a later day are many and say
/// nothing.
const LOOKED_AT: i64 = 20_000;
/// Most LSPs that are told of.
const LSPS: i64 = 1_000;

/// The outbox of one LSP.
#[derive(Debug)]
pub struct Outbox {
    /// Whose.
    pub org_id: String,
    /// Callbacks not yet delivered or parked.
    pub pending: i64,
    /// Callbacks given up.
    pub parked: i64,
    /// When the oldest pending one was decided.
    pub oldest: Option<DateTime<Utc>>,
}

/// Every LSP's outbox.
///
/// # Errors
/// When the database fails.
pub async fn outboxes(conn: &mut PgConnection) -> Result<Vec<Outbox>, StoreError> {
    Ok(sqlx::query_as!(
        Outbox,
        // Each look is a range of callback_list_idx; ids sort by time.
        r#"
        select lsp.org_id, pending.number as "pending!", parked.number as "parked!", oldest.created_at as "oldest?"
        from lsp
        cross join lateral (
            select count(*) as number
            from (
                select from callback
                where callback.org_id = lsp.org_id
                and state = 'PENDING'
                limit $1
            ) found
        ) pending
        cross join lateral (
            select count(*) as number
            from (
                select from callback
                where callback.org_id = lsp.org_id
                and state = 'PARKED'
                limit $1
            ) found
        ) parked
        left join lateral (
            select created_at
            from callback
            where callback.org_id = lsp.org_id
            and state = 'PENDING'
            order by callback_id
            limit 1
        ) oldest on true
        order by lsp.org_id
        limit $2
        "#,
        COUNTED,
        LSPS,
    )
    .fetch_all(conn)
    .await?)
}

/// Questions to one port in one state; timers are those to the port `timer`.
#[derive(Debug)]
pub struct Asked {
    /// Which port.
    pub port: String,
    /// `OPEN`, `SENDING` or `STUCK`.
    pub state: String,
    /// How many.
    pub number: i64,
    /// When the oldest was made.
    pub oldest: DateTime<Utc>,
    /// When the first is or was due.
    pub first_due: DateTime<Utc>,
}

/// What the lender's systems are being asked, and what waits for an operator.
///
/// # Errors
/// When the database fails.
pub async fn asked(conn: &mut PgConnection) -> Result<Vec<Asked>, StoreError> {
    Ok(sqlx::query_as!(
        Asked,
        r#"
        select
            port as "port!", state as "state!", count(*) as "number!", min(created_at) as "oldest!", min(due_at) as "first_due!"
        from (
            (
                select port, state, created_at, due_at
                from ask
                where state in ('OPEN', 'SENDING')
                order by due_at
                limit $1
            )
            union all
            (
                select port, state, created_at, due_at
                from ask
                where state = 'STUCK'
                order by ask_id
                limit $1
            )
        ) waiting (port, state, created_at, due_at)
        group by port, state
        "#,
        LOOKED_AT,
    )
    .fetch_all(conn)
    .await?)
}

/// Loans whose next event lies before a day.
#[derive(Debug)]
pub struct Behind {
    /// How many.
    pub loans: i64,
    /// The earliest such event.
    pub first: Option<NaiveDate>,
}

/// Which loans the day-end has not brought up to `today`.
///
/// # Errors
/// When the database fails.
pub async fn behind(conn: &mut PgConnection, today: NaiveDate) -> Result<Behind, StoreError> {
    Ok(sqlx::query_as!(
        Behind,
        r#"
        select count(*) as "loans!", min(next_event_on) as first
        from (
            select next_event_on
            from loan
            where next_event_on < $1
            order by next_event_on
            limit $2
        ) late
        "#,
        today,
        COUNTED,
    )
    .fetch_one(conn)
    .await?)
}

/// Decisions that wait for people in one state.
#[derive(Debug)]
pub struct Referred {
    /// `WAITING` for a proposal, or `PROPOSED` and waiting for its release.
    pub state: String,
    /// How many.
    pub number: i64,
    /// When the oldest was referred.
    pub oldest: DateTime<Utc>,
}

/// The queue of decisions by people.
///
/// # Errors
/// When the database fails.
pub async fn referred(conn: &mut PgConnection) -> Result<Vec<Referred>, StoreError> {
    Ok(sqlx::query_as!(
        Referred,
        r#"
        select state, count(*) as "number!", min(created_at) as "oldest!"
        from (
            select state, created_at
            from referral
            where state in ('WAITING', 'PROPOSED')
            order by referral_id
            limit $1
        ) open
        group by state
        "#,
        COUNTED,
    )
    .fetch_all(conn)
    .await?)
}

/// How the lender's general ledger follows the book.
#[derive(Debug)]
pub struct Feed {
    /// When the first journal was posted that it has not taken.
    pub oldest: Option<DateTime<Utc>>,
    /// How many loans are set aside: it refuses a journal of theirs.
    pub set_aside: i64,
    /// How many balances differed when the last day was compared to its end.
    pub differences: Option<i64>,
}

/// Where the feed to the general ledger stands.
///
/// # Errors
/// When the database fails.
pub async fn feed(conn: &mut PgConnection) -> Result<Feed, StoreError> {
    Ok(sqlx::query_as!(
        Feed,
        r#"
        select
            (
                select posted_at
                from ledger_outbox
                join journal using (journal_id)
                order by number
                limit 1
            ) as oldest,
            (
                select count(*)
                from ledger_set_aside
            ) as "set_aside!",
            (
                select differences
                from ledger_comparison
                where finished_at is not null
                order by day desc
                limit 1
            ) as differences
        "#,
    )
    .fetch_one(conn)
    .await?)
}

/// The database's clock.
///
/// # Errors
/// When the database fails.
pub async fn clock(conn: &mut PgConnection) -> Result<DateTime<Utc>, StoreError> {
    Ok(sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#).fetch_one(conn).await?)
}
