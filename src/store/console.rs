//! What the console's first page shows: counts over indexes, each bounded, whatever there is of messages and loans.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::StoreError;

/// Most LSPs that are looked at.
const LSPS: i64 = 1_000;
/// Most applications that are counted in one stage, over all LSPs; so many take some 20 ms over the index alone.
const APPLICATIONS: i64 = 200_000;
/// Most loans that are counted in one status; their rows are read, for what is outstanding.
const LOANS: i64 = 50_000;
/// Least bound for one LSP, however many LSPs share the bounds above.
const LEAST: i64 = 500;
/// Most items that are counted of what waits for people.
const WAITING: i64 = 10_000;
/// Most questions that are looked at, those due first, as for the metrics.
const ASKS: i64 = 20_000;
/// Most events that are looked at for the newest of one LSP.
const EVENTS: i64 = 2_000;
/// Up to so many of its newest applications in each stage, whose events may lie further back.
const NEWEST: i64 = 20;

/// A number of things in one state.
#[derive(Debug)]
pub struct Tally {
    /// The state.
    pub state: String,
    /// How many, at least.
    pub number: i64,
    /// What they owe together, paise; zero where nothing is owed.
    pub amount: i64,
    /// Whether there may be more than were counted.
    pub capped: bool,
}

/// Applications by stage, of one LSP or of all; stages without any are left out.
///
/// # Errors
/// When the database fails.
pub async fn applications(
    conn: &mut PgConnection,
    org_id: Option<&str>,
    stages: &[&str],
) -> Result<Vec<Tally>, StoreError> {
    let stages: Vec<String> = stages.iter().map(|stage| (*stage).to_owned()).collect();
    Ok(sqlx::query_as!(
        Tally,
        // Each look is a range of application_list_idx.
        r#"
        with lsps as (
            select org_id
            from lsp
            where ($1::text is null or org_id = $1)
            order by org_id
            limit $3
        ), share as (
            select greatest($5, $4 / greatest(1, count(*))) as most
            from lsps
        )
        select
            stage.name as "state!", sum(found.number)::bigint as "number!", 0::bigint as "amount!",
            bool_or(found.number >= share.most) as "capped!"
        from share, lsps
        cross join unnest($2::text[]) as stage (name)
        cross join lateral (
            select count(*) as number
            from (
                select from application
                where application.org_id = lsps.org_id
                and application.stage = stage.name
                limit (select most from share)
            ) counted
        ) found
        group by stage.name
        having sum(found.number) > 0
        "#,
        org_id,
        &stages,
        LSPS,
        APPLICATIONS,
        LEAST,
    )
    .fetch_all(conn)
    .await?)
}

/// Loans by status with their outstanding principal.
///
/// # Errors
/// When the database fails.
pub async fn loans(conn: &mut PgConnection, org_id: Option<&str>) -> Result<Vec<Tally>, StoreError> {
    Ok(sqlx::query_as!(
        Tally,
        // Each look is a range of loan_list_idx.
        r#"
        with lsps as (
            select org_id
            from lsp
            where ($1::text is null or org_id = $1)
            order by org_id
            limit $2
        ), share as (
            select greatest($4, $3 / greatest(1, count(*))) as most
            from lsps
        )
        select
            status.name as "state!", sum(found.number)::bigint as "number!", sum(found.amount)::bigint as "amount!",
            bool_or(found.number >= share.most) as "capped!"
        from share, lsps
        cross join unnest(array['GRANTED', 'RUNNING', 'CLOSED', 'WRITTEN_OFF', 'WITHDRAWN']) as status (name)
        cross join lateral (
            select count(*) as number, coalesce(sum(principal_outstanding), 0) as amount
            from (
                select principal_outstanding
                from loan
                where loan.org_id = lsps.org_id
                and loan.status = status.name
                limit (select most from share)
            ) counted
        ) found
        group by status.name
        having sum(found.number) > 0
        "#,
        org_id,
        LSPS,
        LOANS,
        LEAST,
    )
    .fetch_all(conn)
    .await?)
}

/// What waits for somebody.
#[derive(Debug)]
pub struct Waiting {
    /// Callbacks not yet delivered or parked.
    pub pending: i64,
    /// Callbacks given up.
    pub parked: i64,
    /// When the oldest pending one was decided.
    pub oldest: Option<DateTime<Utc>>,
    /// Decisions by people that are not made.
    pub decisions: i64,
    /// Disputes that are not resolved.
    pub disputes: i64,
    /// Payouts that have left and of which nobody knows yet what became of them.
    pub payouts: i64,
}

/// Callbacks, decisions, disputes and payouts that wait.
///
/// # Errors
/// When the database fails.
#[expect(clippy::too_many_lines, reason = "one statement")]
pub async fn waiting(conn: &mut PgConnection, org_id: Option<&str>) -> Result<Waiting, StoreError> {
    Ok(sqlx::query_as!(
        Waiting,
        // Callbacks by callback_list_idx, decisions by referral_open_idx, disputes by dispute_status_idx, payouts by
        // ask_stuck_idx and ask_due_idx.
        r#"
        with lsps as (
            select org_id
            from lsp
            where ($1::text is null or org_id = $1)
            order by org_id
            limit $2
        ), queued as (
            select state, count(*) as number, min(oldest) as oldest
            from lsps
            cross join (values ('PENDING'), ('PARKED')) as known (state)
            cross join lateral (
                select created_at as oldest
                from callback
                where callback.org_id = lsps.org_id
                and callback.state = known.state
                order by callback_id
                limit $3
            ) found
            group by state
        )
        select
            coalesce((select number from queued where state = 'PENDING'), 0) as "pending!",
            coalesce((select number from queued where state = 'PARKED'), 0) as "parked!",
            (select oldest from queued where state = 'PENDING') as oldest,
            (
                select count(*)
                from (
                    select from referral
                    where state in ('WAITING', 'PROPOSED')
                    and ($1::text is null or org_id = $1)
                    limit $3
                ) open
            ) as "decisions!",
            (
                select count(*)
                from (
                    select from dispute
                    where status in ('NEW', 'PROCESSING', 'NEED_MORE_INFO')
                    and ($1::text is null or org_id = $1)
                    limit $3
                ) open
            ) as "disputes!",
            (
                select count(*)
                from (
                    (
                        select org_id, port
                        from ask
                        where state = 'STUCK'
                        order by ask_id
                        limit $3
                    )
                    union all
                    (
                        select org_id, port
                        from (
                            select org_id, port, state, held, tries
                            from ask
                            where state in ('OPEN', 'SENDING')
                            order by due_at
                            limit $4
                        ) first
                        where state = 'SENDING'
                        and tries > 1
                        and not held
                    )
                ) sent
                where port = 'disbursement'
                and ($1::text is null or org_id = $1)
            ) as "payouts!"
        "#,
        org_id,
        LSPS,
        WAITING,
        ASKS,
    )
    .fetch_one(conn)
    .await?)
}

/// Something that happened lately.
#[derive(Debug)]
pub struct Recent {
    /// When, by the business clock.
    pub happened_at: DateTime<Utc>,
    /// Whose application.
    pub org_id: String,
    /// The LSP's id of it.
    pub loan_application_id: String,
    /// Words without personal data.
    pub what: String,
}

/// The newest events. Of one LSP: of those among the last `EVENTS`, and of its `NEWEST` applications in each stage, so
/// that a quiet LSP is not shown empty beside a busy one.
///
/// # Errors
/// When the database fails.
pub async fn recent(
    conn: &mut PgConnection,
    org_id: Option<&str>,
    stages: &[&str],
    limit: i64,
) -> Result<Vec<Recent>, StoreError> {
    let stages: Vec<String> = stages.iter().map(|stage| (*stage).to_owned()).collect();
    Ok(sqlx::query_as!(
        Recent,
        r#"
        with newest as (
            (
                select event_id
                from event
                order by event_id desc
                limit $2
            )
            union
            select own.event_id
            from unnest($3::text[]) as stage (name)
            cross join lateral (
                select application_id
                from application
                where application.org_id = $1
                and application.stage = stage.name
                order by application_id desc
                limit $4
            ) application
            cross join lateral (
                select event_id
                from event
                where event.application_id = application.application_id
                order by event_id desc
                limit $5
            ) own
        )
        select happened_at, org_id, loan_application_id, what
        from newest
        join event using (event_id)
        join application using (application_id)
        where ($1::text is null or org_id = $1)
        order by event_id desc
        limit $5
        "#,
        org_id,
        EVENTS,
        &stages,
        NEWEST,
        limit,
    )
    .fetch_all(conn)
    .await?)
}
