//! Erasing: sealed values are overwritten, what names a person is taken out of documents, and each act leaves a proof.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::partition::Gone;
use super::{StoreError, one_row};
use crate::domain::application::Application;
use crate::domain::loan::Loan;
use crate::seal::{Sealer, erased};

/// A proof of what was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Proof {
    /// Which kind of data.
    pub what: String,
    /// The rule that ended it.
    pub why: String,
    /// How many values went.
    pub values_erased: i64,
    /// SHA-256 over the SHA-256 of each sealed value, hex.
    pub digest: Option<String>,
    /// When.
    pub erased_at: DateTime<Utc>,
}

/// Writes a proof down.
///
/// # Errors
/// When the database fails.
pub async fn prove(
    conn: &mut PgConnection,
    application: Option<Uuid>,
    (what, why): (&str, &str),
    gone: &Gone,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        insert into erasure (application_id, what, why, values_erased, digest, erased_at)
        values ($1, $2, $3, $4, $5, $6)
        "#,
        application,
        what,
        why,
        gone.count,
        gone.digest,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Proofs about an application, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn proofs(conn: &mut PgConnection, application: Uuid, limit: i64) -> Result<Vec<Proof>, StoreError> {
    Ok(sqlx::query_as!(
        Proof,
        r#"
        select what, why, values_erased, encode(digest, 'hex') as digest, erased_at
        from erasure
        where application_id = $1
        order by erasure_id
        limit $2
        "#,
        application,
        limit,
    )
    .fetch_all(conn)
    .await?)
}

/// Lets this transaction overwrite values that are written once.
///
/// # Errors
/// When the database fails.
pub async fn keeping(conn: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query!("select set_config('ocen_lender.keeping', 'on', true)").fetch_one(conn).await?;
    Ok(())
}

/// The sealed values that stand for an application and its loan, before they are overwritten.
///
/// # Errors
/// When the database fails.
pub async fn documents(conn: &mut PgConnection, application: Uuid) -> Result<Gone, StoreError> {
    let row = sqlx::query!(
        r#"
        with value as (
            select 1 as place, '' as id, state as sealed from application where application_id = $1
            union all
            select 2, loan_id, state from loan where application_id = $1
            union all
            select 3, dispute_id, dispute from dispute join loan using (loan_id) where application_id = $1
            union all
            select 4, act_id::text, act from operator_act join loan using (loan_id) where application_id = $1
            union all
            select 5, referral_id::text, reasons from referral where application_id = $1
            union all
            select 6, referral_id::text, proposal from referral where application_id = $1 and proposal is not null
            union all
            select 7, act_id::text, referral_act.proposal
            from referral_act
            join referral using (referral_id)
            where application_id = $1
            and referral_act.proposal is not null
            union all
            select 8, ask_id::text, detail
            from ask
            where application_id = $1
            and state in ('CLOSED', 'STUCK')
            and port <> 'timer'
            and get_byte(detail, 0) <> 0
        )
        select count(*) as "count!", sha256(string_agg(sha256(sealed), ''::bytea order by place, id)) as digest
        from value
        "#,
        application,
    )
    .fetch_one(conn)
    .await?;
    Ok(Gone { count: row.count, digest: row.digest })
}

/// Writes an application that was freed of personal data, under a borrower's index that is nobody's.
///
/// # Errors
/// When the database fails or the row is gone.
pub async fn put_application(
    conn: &mut PgConnection,
    sealer: &Sealer,
    application: &Application,
    nobody: &[u8],
) -> Result<(), StoreError> {
    let state = sealer.seal_json(&format!("application:{}", application.id), application)?;
    let updated = sqlx::query!(
        r#"
        update application
        set state = $2,
            borrower_index = $3,
            revision = revision + 1
        where application_id = $1
        "#,
        application.id.0,
        state,
        nobody,
    )
    .execute(&mut *conn)
    .await?;
    one_row(updated.rows_affected(), "application")?;
    sqlx::query!("delete from exposure where application_id = $1", application.id.0).execute(&mut *conn).await?;
    sqlx::query!("delete from reference where application_id = $1 and kind = 'PHONE'", application.id.0)
        .execute(conn)
        .await?;
    Ok(())
}

/// Writes a loan that was freed of personal data, likewise.
///
/// # Errors
/// When the database fails or the row is gone.
pub async fn put_loan(
    conn: &mut PgConnection,
    sealer: &Sealer,
    loan: &Loan,
    nobody: &[u8],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let state = sealer.seal_json(&format!("loan:{}", loan.id), loan)?;
    let updated = sqlx::query!(
        r#"
        with borrower as (
            insert into borrower (borrower_index, created_at)
            values ($3, $4)
            on conflict do nothing
        )
        update loan
        set state = $2,
            borrower_index = $3,
            revision = revision + 1
        where loan_id = $1
        "#,
        loan.id.as_str(),
        state,
        nobody,
        now,
    )
    .execute(conn)
    .await?;
    one_row(updated.rows_affected(), "loan")
}

/// Overwrites the closed questions about an application; timers name nobody.
///
/// # Errors
/// When the database fails.
pub async fn erase_asks(conn: &mut PgConnection, application: Uuid, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        update ask
        set detail = $2,
            state = 'CLOSED',
            closed_at = coalesce(closed_at, $3)
        where application_id = $1
        and state in ('CLOSED', 'STUCK')
        and port <> 'timer'
        and get_byte(detail, 0) <> 0
        "#,
        application,
        erased(now),
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Overwrites up to `limit` messages of an application; one that is about others too, when all of them are erased.
///
/// # Errors
/// When the database fails.
pub async fn erase_messages(
    conn: &mut PgConnection,
    application: Uuid,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Gone, StoreError> {
    let row = sqlx::query!(
        r#"
        with chosen as (
            select message.exchange_id, message.received_at, message.body
            from exchange_application mine
            join message using (exchange_id)
            where mine.application_id = $1
            and get_byte(message.body, 0) <> 0
            and not exists (
                select from exchange_application other
                left join ended_application ended on ended.application_id = other.application_id
                where other.exchange_id = mine.exchange_id
                and ended.erasing_at is null
            )
            limit $3
        ), gone as (
            update message
            set body = $2
            from chosen
            where message.exchange_id = chosen.exchange_id
            and message.received_at = chosen.received_at
            returning chosen.exchange_id, chosen.body
        )
        select count(*) as "count!", sha256(string_agg(sha256(body), ''::bytea order by exchange_id)) as digest
        from gone
        "#,
        application,
        erased(now),
        limit,
    )
    .fetch_one(conn)
    .await?;
    Ok(Gone { count: row.count, digest: row.digest })
}

/// Overwrites up to `limit` frozen results of an application's exchanges, likewise.
///
/// # Errors
/// When the database fails.
pub async fn erase_answers(
    conn: &mut PgConnection,
    application: Uuid,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Gone, StoreError> {
    let row = sqlx::query!(
        r#"
        with chosen as (
            select result.exchange_id, result.slot, result.answer
            from exchange_application mine
            join exchange using (exchange_id)
            join exchange_answer result using (exchange_id)
            where mine.application_id = $1
            and exchange.pending = 0
            and get_byte(result.answer, 0) <> 0
            and not exists (
                select from exchange_application other
                left join ended_application ended on ended.application_id = other.application_id
                where other.exchange_id = mine.exchange_id
                and ended.erasing_at is null
            )
            limit $3
        ), gone as (
            update exchange_answer
            set answer = $2
            from chosen
            where exchange_answer.exchange_id = chosen.exchange_id
            and exchange_answer.slot = chosen.slot
            returning chosen.exchange_id, chosen.slot, chosen.answer
        )
        select count(*) as "count!", sha256(string_agg(sha256(answer), ''::bytea order by exchange_id, slot)) as digest
        from gone
        "#,
        application,
        erased(now),
        limit,
    )
    .fetch_one(conn)
    .await?;
    Ok(Gone { count: row.count, digest: row.digest })
}

/// Overwrites up to `limit` callbacks about an application with what was answered to them, likewise; one that is still
/// to be sent stays until it was.
///
/// # Errors
/// When the database fails.
pub async fn erase_callbacks(
    conn: &mut PgConnection,
    application: Uuid,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Gone, StoreError> {
    let row = sqlx::query!(
        r#"
        with chosen as (
            select callback.callback_id, callback.body
            from callback
            where callback.callback_id in (
                select theirs.callback_id
                from exchange_application mine
                join callback theirs using (exchange_id)
                where mine.application_id = $1
                and not exists (
                    select from exchange_application other
                    left join ended_application ended on ended.application_id = other.application_id
                    where other.exchange_id = mine.exchange_id
                    and ended.erasing_at is null
                )
                union all
                select unasked.callback_id
                from application
                join callback unasked on unasked.stream_id = application.bundle_id and unasked.exchange_id is null
                where application.application_id = $1
                and not exists (
                    select from application sibling
                    left join ended_application ended on ended.application_id = sibling.application_id
                    where sibling.bundle_id = application.bundle_id
                    and ended.erasing_at is null
                )
            )
            and callback.state <> 'PENDING'
            and callback.erased_at is null
            limit $3
            for update
        ), answers as (
            update attempt
            set answer = $2
            from chosen
            where attempt.callback_id = chosen.callback_id
            and attempt.answer is not null
        ), gone as (
            update callback
            set body = $2,
                erased_at = $4
            from chosen
            where callback.callback_id = chosen.callback_id
            returning chosen.callback_id, chosen.body
        )
        select count(*) as "count!", sha256(string_agg(sha256(body), ''::bytea order by callback_id)) as digest
        from gone
        "#,
        application,
        erased(now),
        limit,
        now,
    )
    .fetch_one(conn)
    .await?;
    Ok(Gone { count: row.count, digest: row.digest })
}

/// Whether a callback about an application is still to be sent; it is erased when it was.
///
/// # Errors
/// When the database fails.
pub async fn has_pending(conn: &mut PgConnection, application: Uuid) -> Result<bool, StoreError> {
    let pending = sqlx::query_scalar!(
        r#"
        select exists (
            select from callback
            join application on application.bundle_id = callback.stream_id
            where application.application_id = $1
            and callback.state = 'PENDING'
        ) or exists (
            select from callback
            join exchange_application mine using (exchange_id)
            where mine.application_id = $1
            and callback.state = 'PENDING'
        ) as "pending!"
        "#,
        application,
    )
    .fetch_one(conn)
    .await?;
    Ok(pending)
}

/// Overwrites what was asked of the account aggregator about an application, at the end of the consent's data life, and
/// proves it.
///
/// # Errors
/// When the database fails.
pub async fn forget_data(conn: &mut PgConnection, application: Uuid, now: DateTime<Utc>) -> Result<(), StoreError> {
    let row = sqlx::query!(
        r#"
        with chosen as (
            select ask_id, detail
            from ask
            where application_id = $1
            and port = 'data'
            and state = 'CLOSED'
            and get_byte(detail, 0) <> 0
            for update
        ), gone as (
            update ask
            set detail = $2
            from chosen
            where ask.ask_id = chosen.ask_id
            returning chosen.ask_id, chosen.detail
        )
        select count(*) as "count!", sha256(string_agg(sha256(detail), ''::bytea order by ask_id)) as digest
        from gone
        "#,
        application,
        erased(now),
    )
    .fetch_one(&mut *conn)
    .await?;
    let gone = Gone { count: row.count, digest: row.digest };
    prove(conn, Some(application), ("CONSENT_DATA", "the consent's data life ended"), &gone, now).await
}
