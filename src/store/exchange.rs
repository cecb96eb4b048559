//! Exchanges: the results that a request waits for, counted down under the exchange's lock.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{StoreError, one_row};
use crate::domain::application::answer::Answer;
use crate::domain::ids::{ApplicationId, ExchangeId, OrgId};
use crate::seal::Sealer;

/// One exchange.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// Ours.
    pub id: ExchangeId,
    /// The LSP.
    pub org_id: OrgId,
    /// The operation's name.
    pub operation: String,
    /// The LSP's request id.
    pub request_id: String,
    /// `metadata.version` of the request.
    pub version: String,
    /// Whether the request was signed.
    pub signed: bool,
    /// Whether its header came under `protected`.
    pub protected_member: bool,
    /// The stream that its callbacks join.
    pub stream_id: Uuid,
    /// How many results it has.
    pub slots: i32,
    /// How many are missing.
    pub pending: i32,
    /// W3C trace id under which it was handled.
    pub trace: Uuid,
}

/// Locks exchanges in the order of their ids.
///
/// # Errors
/// When the database fails or a lock is not had within the lock timeout.
pub async fn lock(conn: &mut PgConnection, ids: &[ExchangeId]) -> Result<Vec<Exchange>, StoreError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"
        select
            exchange_id, org_id, operation, request_id, version, signed, protected_member, stream_id, slots, pending,
            coalesce(w3c_trace_id, exchange_id) as "trace!"
        from exchange
        where exchange_id = any($1)
        order by exchange_id
        for update
        "#,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Exchange {
            id: ExchangeId(row.exchange_id),
            org_id: OrgId(row.org_id),
            operation: row.operation,
            request_id: row.request_id,
            version: row.version,
            signed: row.signed,
            protected_member: row.protected_member,
            stream_id: row.stream_id,
            slots: row.slots,
            pending: row.pending,
            trace: row.trace,
        })
        .collect())
}

/// Reads what never changes of an exchange.
///
/// # Errors
/// When the database fails.
pub async fn read(conn: &mut PgConnection, id: ExchangeId) -> Result<Option<Exchange>, StoreError> {
    let row = sqlx::query!(
        r#"
        select
            org_id, operation, request_id, version, signed, protected_member, stream_id, slots, pending,
            coalesce(w3c_trace_id, exchange_id) as "trace!"
        from exchange
        where exchange_id = $1
        "#,
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Exchange {
        id,
        org_id: OrgId(row.org_id),
        operation: row.operation,
        request_id: row.request_id,
        version: row.version,
        signed: row.signed,
        protected_member: row.protected_member,
        stream_id: row.stream_id,
        slots: row.slots,
        pending: row.pending,
        trace: row.trace,
    }))
}

/// The request that an unsolicited message about an application answers in spirit: the newest of the first operation
/// that was ever used (`ocen-v3.md` §3.7).
///
/// # Errors
/// When the database fails.
pub async fn latest_of(
    conn: &mut PgConnection,
    application: ApplicationId,
    operations: [&str; 2],
) -> Result<Option<ExchangeId>, StoreError> {
    let row = sqlx::query!(
        r#"
        select exchange_id
        from exchange
        join exchange_application using (exchange_id)
        where application_id = $1
        and operation in ($2, $3)
        order by operation = $2 desc, created_at desc
        limit 1
        "#,
        application.0,
        operations[0],
        operations[1],
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| ExchangeId(row.exchange_id)))
}

/// The latest request about an application: its stream, and how the LSP signs.
///
/// # Errors
/// When the database fails.
pub async fn latest(conn: &mut PgConnection, application: ApplicationId) -> Result<Option<ExchangeId>, StoreError> {
    let row = sqlx::query_scalar!(
        r#"
        select exchange_id
        from exchange
        join exchange_application using (exchange_id)
        where application_id = $1
        order by created_at desc
        limit 1
        "#,
        application.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(ExchangeId))
}

/// Takes the counter down; the caller holds the exchange's lock.
///
/// # Errors
/// [`StoreError::Stale`] when nothing was missing.
pub async fn count_down(
    conn: &mut PgConnection,
    exchange: ExchangeId,
    by: i32,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let updated = sqlx::query!(
        r#"
        update exchange
        set pending = pending - $2,
            answered_at = case when pending = $2 then $3 else answered_at end
        where exchange_id = $1
        and pending >= $2
        "#,
        exchange.0,
        by,
        now,
    )
    .execute(conn)
    .await?;
    one_row(updated.rows_affected(), "exchange")
}

/// Freezes results of an exchange; a result that is frozen already stays. Gives how many are new.
///
/// # Errors
/// When the database fails or a result cannot be sealed.
pub async fn freeze(
    conn: &mut PgConnection,
    sealer: &Sealer,
    exchange: ExchangeId,
    answers: &[(u32, Answer)],
) -> Result<i32, StoreError> {
    let mut slots = Vec::with_capacity(answers.len());
    let mut sealed = Vec::with_capacity(answers.len());
    for (slot, answer) in answers {
        slots.push(slot_number(*slot));
        sealed.push(seal_answer(sealer, exchange, slot_number(*slot), answer)?);
    }
    let inserted = sqlx::query!(
        r#"
        insert into exchange_answer (exchange_id, slot, answer)
        select $1, slot, answer
        from unnest($2::integer[], $3::bytea[]) as result (slot, answer)
        on conflict do nothing
        "#,
        exchange.0,
        &slots,
        &sealed,
    )
    .execute(conn)
    .await?;
    Ok(i32::try_from(inserted.rows_affected()).unwrap_or(i32::MAX))
}

/// All frozen results of an exchange, by slot.
///
/// # Errors
/// When the database fails or a result cannot be opened.
pub async fn frozen(
    conn: &mut PgConnection,
    sealer: &Sealer,
    exchange: ExchangeId,
) -> Result<Vec<(u32, Answer)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select slot, answer
        from exchange_answer
        where exchange_id = $1
        order by slot
        "#,
        exchange.0,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let answer = sealer.open_json(&context(exchange, row.slot), &row.answer)?;
            Ok((u32::try_from(row.slot).unwrap_or_default(), answer))
        })
        .collect()
}

/// The applications of an exchange with the slot that each owes.
///
/// # Errors
/// When the database fails.
pub async fn applications(
    conn: &mut PgConnection,
    exchange: ExchangeId,
) -> Result<Vec<(ApplicationId, u32)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select application_id, slot
        from exchange_application
        where exchange_id = $1
        order by slot
        "#,
        exchange.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (ApplicationId(row.application_id), u32::try_from(row.slot).unwrap_or_default()))
        .collect())
}

/// Notes that the interim answer is sent; gives whether it had not been.
///
/// # Errors
/// When the database fails.
pub async fn mark_interim(
    conn: &mut PgConnection,
    exchange: ExchangeId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let updated = sqlx::query!(
        r#"
        update exchange
        set interim_at = $2
        where exchange_id = $1
        and interim_at is null
        "#,
        exchange.0,
        now,
    )
    .execute(conn)
    .await?;
    Ok(updated.rows_affected() == 1)
}

pub(super) fn seal_answer(
    sealer: &Sealer,
    exchange: ExchangeId,
    slot: i32,
    answer: &Answer,
) -> Result<Vec<u8>, StoreError> {
    Ok(sealer.seal_json(&context(exchange, slot), answer)?)
}

fn context(exchange: ExchangeId, slot: i32) -> String {
    format!("answer:{exchange}:{slot}")
}

/// A slot as the database counts it; a message has at most 100.
#[must_use]
pub fn slot_number(slot: u32) -> i32 {
    i32::try_from(slot).unwrap_or(i32::MAX)
}
