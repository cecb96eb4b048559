//! What is new since a moment ago: a few looks at the ends of indexes, whatever the tables hold.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;

/// From where on rows are new. Ids sort by time, so that a row's id says when it was made.
#[derive(Debug, Clone, Copy)]
pub struct Since {
    /// Events after this one.
    pub event: i64,
    /// What people did after this.
    pub audit: i64,
    /// Acts about decisions after this one.
    pub decision: i64,
    /// Requests, callbacks, questions and journals after this id.
    pub id: Uuid,
}

/// Something new.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct News {
    /// `event`, `request`, `callback`, `ask`, `journal`, `decision`, or `audit`.
    pub kind: String,
    /// Its key among news of its kind.
    pub id: String,
    /// The LSP whose it is; `None` for what belongs to no single LSP.
    pub org_id: Option<String>,
    /// The application that it is about.
    pub loan_application_id: Option<String>,
    /// Whether that has a loan.
    pub has_loan: bool,
    /// Of what people did: the action.
    pub action: Option<String>,
}

/// What is new, the newest first of each kind, at most so many of it.
///
/// # Errors
/// When the database fails.
#[expect(clippy::too_many_lines, reason = "one statement")]
pub async fn news(conn: &mut PgConnection, since: Since, limit: i64) -> Result<Vec<News>, StoreError> {
    Ok(sqlx::query_as!(
        News,
        // Each part reads the end of a primary key.
        r#"
        with fresh as (
            (
                select 'event' as kind, event_id::text as id, application_id, null::text as org_id, null::text as action
                from event
                where event_id > $1
                order by event_id desc
                limit $5
            )
            union all
            (
                select 'request', exchange_id::text, application_id, null, null
                from (
                    select exchange_id
                    from exchange
                    where exchange_id > $4
                    order by exchange_id desc
                    limit $5
                ) newest
                join exchange_application using (exchange_id)
            )
            union all
            (
                select 'callback', callback_id::text, application_id, org_id, null
                from (
                    select callback_id, exchange_id, org_id
                    from callback
                    where callback_id > $4
                    order by callback_id desc
                    limit $5
                ) newest
                left join exchange_application using (exchange_id)
            )
            union all
            (
                select 'ask', ask_id::text, application_id, null, null
                from ask
                where ask_id > $4
                and port <> 'timer'
                order by ask_id desc
                limit $5
            )
            union all
            (
                select 'journal', journal_id::text, application_id, null, null
                from (
                    select journal_id, loan_id
                    from journal
                    where journal_id > $4
                    order by journal_id desc
                    limit $5
                ) newest
                join loan using (loan_id)
            )
            union all
            (
                select 'decision', act_id::text, application_id, null, null
                from (
                    select act_id, referral_id
                    from referral_act
                    where act_id > $3
                    order by act_id desc
                    limit $5
                ) newest
                join referral using (referral_id)
            )
            union all
            (
                select 'decision', referral_id::text, application_id, null, null
                from referral
                where referral_id > $4
                order by referral_id desc
                limit $5
            )
            union all
            (
                select 'audit', seq::text, null, null, action
                from audit_entry
                where seq > $2
                order by seq desc
                limit $5
            )
        )
        select
            kind as "kind!", id as "id!", coalesce(fresh.org_id, application.org_id) as org_id, loan_application_id as "loan_application_id?",
            exists (select from loan where loan.application_id = fresh.application_id) as "has_loan!",
            action
        from fresh
        left join application on application.application_id = fresh.application_id
        "#,
        since.event,
        since.audit,
        since.decision,
        since.id,
        limit,
    )
    .fetch_all(conn)
    .await?)
}

/// Where the numbered tables end.
///
/// # Errors
/// When the database fails.
pub async fn ends(conn: &mut PgConnection) -> Result<(i64, i64, i64), StoreError> {
    let row = sqlx::query!(
        r#"
        select
            coalesce((select max(event_id) from event), 0) as "event!",
            coalesce((select max(seq) from audit_entry), 0) as "audit!",
            coalesce((select max(act_id) from referral_act), 0) as "decision!"
        "#
    )
    .fetch_one(conn)
    .await?;
    Ok((row.event, row.audit, row.decision))
}

/// How much came and went of each LSP since a time, for telling whether that is more than before.
///
/// # Errors
/// When the database fails.
pub async fn traffic(conn: &mut PgConnection, since: DateTime<Utc>) -> Result<Vec<(String, i64)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select org_id, sum(requests + callbacks + failed_attempts)::bigint as "number!"
        from traffic
        where minutes = 12
        and at >= $1
        group by org_id
        "#,
        since,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.org_id, row.number)).collect())
}
