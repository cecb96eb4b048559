//! SQL on `sandbox.fault` and `sandbox.injected`.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// Whether nothing can strike at all, which is how it is most of the time: no rule, and no application with a code 09xx.
pub(super) async fn is_quiet(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select not exists (select from sandbox.fault)
            and not exists (select from sandbox.scenario where family = '09') as "quiet!""#
    )
    .fetch_one(conn)
    .await
}

/// A rule as it is stored.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) fault_id: Uuid,
    pub(super) fault: String,
    pub(super) org_id: Option<String>,
    pub(super) operation: Option<String>,
    pub(super) loan_application_id: Option<String>,
    pub(super) nth: Option<i32>,
    pub(super) most: Option<i32>,
    pub(super) until_at: Option<DateTime<Utc>>,
    pub(super) delay_ms: i32,
    pub(super) fitted: i32,
    pub(super) injected: i32,
    pub(super) created_at: DateTime<Utc>,
}

/// All rules, in the order in which they were made.
pub(super) async fn all(conn: &mut PgConnection) -> sqlx::Result<Vec<Rule>> {
    sqlx::query_as!(
        Rule,
        "select
            fault_id, fault, org_id, operation, loan_application_id, nth, most, until_at, delay_ms, fitted, injected,
            created_at
        from sandbox.fault
        order by created_at, fault_id"
    )
    .fetch_all(conn)
    .await
}

pub(super) async fn add(conn: &mut PgConnection, rule: &Rule) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into sandbox.fault (
            fault_id, fault, org_id, operation, loan_application_id, nth, most, until_at, delay_ms, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        rule.fault_id,
        rule.fault,
        rule.org_id,
        rule.operation,
        rule.loan_application_id,
        rule.nth,
        rule.most,
        rule.until_at,
        rule.delay_ms,
        rule.created_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Removes one rule, or all of them; gives how many.
pub(super) async fn remove(conn: &mut PgConnection, id: Option<Uuid>) -> sqlx::Result<u64> {
    let removed = sqlx::query!("delete from sandbox.fault where $1::uuid is null or fault_id = $1", id);
    Ok(removed.execute(conn).await?.rows_affected())
}

/// A rule that strikes now.
#[derive(Debug)]
pub(super) struct Strike {
    pub(super) fault: String,
    pub(super) delay_ms: i32,
}

/// Counts a message for the rules that it fits; gives those that strike.
pub(super) async fn strike(conn: &mut PgConnection, rules: &[Uuid], now: DateTime<Utc>) -> sqlx::Result<Vec<Strike>> {
    let counted = sqlx::query!(
        r#"with before as (
            select fault_id, injected
            from sandbox.fault
            where fault_id = any($1)
            and (until_at is null or until_at > $2)
            order by fault_id
            for update
        )
        update sandbox.fault
        set fitted = fitted + 1,
            injected = fault.injected + case
                when (nth is null or fitted + 1 = nth) and (most is null or fault.injected < most) then 1
                else 0
            end
        from before
        where fault.fault_id = before.fault_id
        returning fault, delay_ms, fault.injected > before.injected as "strikes!""#,
        rules,
        now,
    )
    .fetch_all(conn)
    .await?;
    Ok(counted
        .into_iter()
        .filter(|row| row.strikes)
        .map(|row| Strike { fault: row.fault, delay_ms: row.delay_ms })
        .collect())
}

/// Notes what was done to a message.
pub(super) async fn note(
    conn: &mut PgConnection,
    (subject, attempt): (Uuid, i32),
    (faults, cause): (&[&str], &str),
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let faults: Vec<String> = faults.iter().map(|fault| (*fault).to_owned()).collect();
    sqlx::query!(
        "insert into sandbox.injected (subject_id, attempt, fault, cause, injected_at)
        select $1, $2, fault, $4, $5
        from unnest($3::text[]) as done (fault)",
        subject,
        attempt,
        &faults,
        cause,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What was done to callbacks before any attempt.
pub(super) async fn held(conn: &mut PgConnection, callbacks: &[Uuid]) -> sqlx::Result<Vec<(Uuid, String)>> {
    let rows = sqlx::query!(
        "select subject_id, fault
        from sandbox.injected
        where subject_id = any($1)
        and attempt = 0",
        callbacks,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.subject_id, row.fault)).collect())
}

/// A request as it is known before it is stored; the views know it by the same name.
pub(super) async fn request_key(
    conn: &mut PgConnection,
    (org_id, operation, request_id): (&str, &str, &str),
) -> sqlx::Result<Uuid> {
    sqlx::query_scalar!(
        r#"select md5($1::text || '/' || $2::text || '/' || $3::text)::uuid as "key!""#,
        org_id,
        operation,
        request_id,
    )
    .fetch_one(conn)
    .await
}

/// The applications that a callback is about, with the LSP's ids: those of its exchange, else those of its stream.
pub(super) async fn applications_of(conn: &mut PgConnection, callback: Uuid) -> sqlx::Result<Vec<(Uuid, String)>> {
    let rows = sqlx::query!(
        "select application.application_id, application.loan_application_id
        from callback
        join application on application.org_id = callback.org_id
            and case
                when callback.exchange_id is null then application.bundle_id = callback.stream_id
                else application.application_id in (
                    select exchange_application.application_id
                    from exchange_application
                    where exchange_application.exchange_id = callback.exchange_id
                )
            end
        where callback.callback_id = $1
        order by application.application_id
        limit 100",
        callback,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.application_id, row.loan_application_id)).collect())
}

/// Lets a callback leave no earlier than this.
pub(super) async fn postpone(conn: &mut PgConnection, callback: Uuid, due_at: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!("update callback set due_at = $2 where callback_id = $1 and state = 'PENDING'", callback, due_at,)
        .execute(conn)
        .await?;
    Ok(())
}

/// Turns the pending callbacks of a stream round: the last one leaves first. Gives their ids.
pub(super) async fn turn_round(conn: &mut PgConnection, stream: Uuid, now: DateTime<Utc>) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "with pending as (
            select callback_id, row_number() over (order by seq desc) as place, count(*) over () as together
            from callback
            where stream_id = $1
            and state = 'PENDING'
        ), grown as (
            update stream
            set next_seq = next_seq + pending.together
            from pending
            where stream.stream_id = $1
            and pending.place = 1
            returning stream.next_seq - pending.together as first_seq
        )
        update callback
        set seq = grown.first_seq + pending.place - 1,
            due_at = $2
        from pending, grown
        where callback.callback_id = pending.callback_id
        returning callback.callback_id",
        stream,
        now,
    )
    .fetch_all(conn)
    .await
}

/// How many callbacks of the same stream came before one.
pub(super) async fn earlier(conn: &mut PgConnection, callback: Uuid, stream: Uuid) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from callback where stream_id = $2 and callback_id < $1"#,
        callback,
        stream,
    )
    .fetch_one(conn)
    .await
}
