//! What has ended, and what of it is still to go.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;

/// How an application ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// No loan came of it.
    Refused,
    /// Its loan is closed or was withdrawn.
    Closed,
}

impl Class {
    /// The word in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Refused => "REFUSED",
            Self::Closed => "CLOSED",
        }
    }
}

/// An application on the work list; the next page of the list begins after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Ours.
    pub application_id: Uuid,
    /// When it ended.
    pub ended_on: NaiveDate,
}

/// Takes a lock that this connection holds until it is closed; whether it was free.
///
/// # Errors
/// When the database fails.
pub async fn take_turn(conn: &mut PgConnection, lock: i64) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar!(r#"select pg_try_advisory_lock($1) as "mine!""#, lock).fetch_one(conn).await?)
}

/// Guards what lets data go from what keeps it after all; `note_kept_again` in the database takes the same.
const LETTING_GO: i64 = 7_001_200_013;

/// Until this transaction ends no application comes back from its end, and none under a legal hold; whoever was about to
/// do so has done it. The next statement sees it.
///
/// # Errors
/// When the database fails, or somebody who keeps one takes longer than the lock timeout.
pub async fn let_go(conn: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query!(r#"select pg_advisory_xact_lock($1) as "locked: ()""#, LETTING_GO).execute(conn).await?;
    Ok(())
}

/// What is kept after all from now on is noted ([`partition::is_kept_again`](super::partition::is_kept_again)); what was
/// until now is there for all to see. The caller, who alone lets go of months, has called [`let_go`].
///
/// # Errors
/// When the database fails.
pub async fn note_anew(conn: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query!("delete from kept_again").execute(conn).await?;
    Ok(())
}

/// Applications that ended on a day or earlier and are to be erased: none under a hold, none with an open dispute. What
/// else keeps one from it, [`lock`] tells.
///
/// # Errors
/// When the database fails.
pub async fn to_erase(
    conn: &mut PgConnection,
    class: Class,
    until: NaiveDate,
    after: Option<Ended>,
    limit: i64,
) -> Result<Vec<Ended>, StoreError> {
    Ok(sqlx::query_as!(
        Ended,
        r#"
        select application_id, ended_on
        from ended_application ended
        where class = $1
        and ended_on <= $2
        and erased_at is null
        and ($3::date is null or (ended_on, application_id) > ($3, $4))
        and not exists (select from legal_hold held where held.application_id = ended.application_id)
        and not exists (
            select from dispute
            join loan using (loan_id)
            where loan.application_id = ended.application_id
            and dispute.status not in ('RESOLVED', 'CLOSED')
        )
        order by ended_on, application_id
        limit $5
        "#,
        class.name(),
        until,
        after.map(|after| after.ended_on),
        after.map(|after| after.application_id),
        limit,
    )
    .fetch_all(conn)
    .await?)
}

/// Locks an application, as who places a hold does, and then its place on the work list; whether it is still to be
/// erased: not under a hold, nor with money that has still to go back to the borrower, unless the account for it is gone
/// already, nor with an order, in or out, that its system may still answer for. A hold placed after this waits for the
/// transaction.
///
/// # Errors
/// When the database fails.
pub async fn lock(conn: &mut PgConnection, application: Uuid) -> Result<Option<bool>, StoreError> {
    sqlx::query!("select application_id from application where application_id = $1 for update", application)
        .fetch_optional(&mut *conn)
        .await?;
    let row = sqlx::query!(
        r#"
        select erasing_at is not null as "begun!"
        from ended_application ended
        where application_id = $1
        and erased_at is null
        and not exists (select from legal_hold held where held.application_id = ended.application_id)
        and (erasing_at is not null or not exists (
            select from loan
            join journal using (loan_id)
            join posting using (journal_id)
            where loan.application_id = ended.application_id
            and posting.account = 'BORROWER_EXCESS'
            having sum(posting.amount) <> 0
        ))
        and (erasing_at is not null or not exists (
            select from ask
            where ask.application_id = ended.application_id
            and ask.method in ('pay', 'present')
            and ask.state <> 'CLOSED'
        ))
        for update
        "#,
        application,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| row.begun))
}

/// Notes how far the erasure of an application is: its documents are free of personal data, or everything is.
///
/// # Errors
/// When the database fails.
pub async fn mark(
    conn: &mut PgConnection,
    application: Uuid,
    now: DateTime<Utc>,
    done: bool,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        update ended_application
        set erasing_at = coalesce(erasing_at, $2),
            erased_at = case when $3 then $2 else erased_at end
        where application_id = $1
        "#,
        application,
        now,
        done,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Applications whose request ids may be forgotten: ended on a day or earlier, and not under a hold.
///
/// # Errors
/// When the database fails.
pub async fn to_forget(
    conn: &mut PgConnection,
    until: NaiveDate,
    after: Option<Ended>,
    limit: i64,
) -> Result<Vec<Ended>, StoreError> {
    Ok(sqlx::query_as!(
        Ended,
        r#"
        select application_id, ended_on
        from ended_application ended
        where ended_on <= $1
        and keys_pruned_at is null
        and ($2::date is null or (ended_on, application_id) > ($2, $3))
        and not exists (select from legal_hold held where held.application_id = ended.application_id)
        order by ended_on, application_id
        limit $4
        "#,
        until,
        after.map(|after| after.ended_on),
        after.map(|after| after.application_id),
        limit,
    )
    .fetch_all(conn)
    .await?)
}

/// Forgets up to `limit` request ids of an application. One that is also about an application that has not ended so
/// long ago, or is held, stays for that one.
///
/// # Errors
/// When the database fails.
pub async fn forget_requests(
    conn: &mut PgConnection,
    application: Uuid,
    until: NaiveDate,
    limit: i64,
) -> Result<u64, StoreError> {
    let gone = sqlx::query!(
        r#"
        with chosen as (
            select inbox.org_id, inbox.operation, inbox.request_id
            from exchange_application mine
            join exchange using (exchange_id)
            join inbox on inbox.org_id = exchange.org_id
                and inbox.operation = exchange.operation
                and inbox.request_id = exchange.request_id
            where mine.application_id = $1
            and not exists (
                select from exchange_application other
                left join ended_application ended on ended.application_id = other.application_id
                where other.exchange_id = mine.exchange_id
                and (
                    ended.ended_on is null
                    or ended.ended_on > $2
                    or exists (select from legal_hold held where held.application_id = other.application_id)
                )
            )
            limit $3
        )
        delete from inbox
        using chosen
        where inbox.org_id = chosen.org_id
        and inbox.operation = chosen.operation
        and inbox.request_id = chosen.request_id
        "#,
        application,
        until,
        limit,
    )
    .execute(conn)
    .await?;
    Ok(gone.rows_affected())
}

/// Notes that an application's request ids are forgotten.
///
/// # Errors
/// When the database fails.
pub async fn mark_forgotten(conn: &mut PgConnection, application: Uuid, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!("update ended_application set keys_pruned_at = $2 where application_id = $1", application, now)
        .execute(conn)
        .await?;
    Ok(())
}

/// Where an application stands on its way out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// `REFUSED` or `CLOSED`.
    pub class: String,
    /// When it ended.
    pub ended_on: NaiveDate,
    /// When its request ids were forgotten.
    pub keys_pruned_at: Option<DateTime<Utc>>,
    /// When its personal data was erased.
    pub erased_at: Option<DateTime<Utc>>,
}

/// Where an application stands on its way out; nothing while it has not ended.
///
/// # Errors
/// When the database fails.
pub async fn standing(conn: &mut PgConnection, application: Uuid) -> Result<Option<Standing>, StoreError> {
    Ok(sqlx::query_as!(
        Standing,
        r#"
        select class, ended_on, keys_pruned_at, erased_at
        from ended_application
        where application_id = $1
        "#,
        application,
    )
    .fetch_optional(conn)
    .await?)
}
