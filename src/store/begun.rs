//! Questions and streams that are leased by the transaction which creates them, so that a worker can start when it has
//! committed.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use super::ask::{self, Detail, Leased};
use crate::domain::application::ask::NewAsk;
use crate::domain::ids::ExchangeId;
use crate::seal::Sealer;

/// A question to be written with a lease on it.
#[derive(Debug)]
pub struct Question<'a> {
    /// Ours.
    pub id: Uuid,
    /// What fences its settlement.
    pub lease_id: Uuid,
    /// Whose application it is about.
    pub org_id: &'a str,
    /// The exchange that it came out of, if one.
    pub exchange: Option<ExchangeId>,
}

/// Writes a question that is due, leased from the start. A money call is noted as `SENDING` before it can leave, like one
/// that is leased later.
///
/// # Errors
/// When the database fails or the question cannot be sealed.
pub async fn question(
    conn: &mut PgConnection,
    sealer: &Sealer,
    (question, new): (Question<'_>, NewAsk),
    now: DateTime<Utc>,
) -> Result<Option<Leased>, StoreError> {
    let Question { id, lease_id, org_id, exchange } = question;
    let detail = Detail::Ask(new);
    let Some(application) = detail.application() else {
        return Ok(None);
    };
    let (port, method) = detail.port();
    let trace = sqlx::query_scalar!(
        r#"
        insert into ask (
            ask_id, org_id, application_id, exchange_id, port, method, detail, state, tries, due_at, created_at,
            asked_since, lease_id, leased_until)
        values (
            $1, $2, $3, $4, $5, $6, $7, case when $6 in ('pay', 'present') then 'SENDING' else 'OPEN' end, 1, $8, $8,
            $8, $9, now() + interval '20 seconds')
        returning
            coalesce(
                (
                    select coalesce(exchange.w3c_trace_id, exchange.exchange_id)
                    from exchange
                    where exchange.exchange_id = ask.exchange_id
                ),
                ask.ask_id) as "trace!"
        "#,
        id,
        org_id,
        application.0,
        exchange.map(|exchange| exchange.0),
        port,
        method,
        ask::seal(sealer, id, &detail)?,
        now,
        lease_id,
    )
    .fetch_one(conn)
    .await?;
    Ok(Some(Leased {
        id,
        lease_id,
        detail,
        tries: 1,
        may_have_left: false,
        reference: None,
        created_at: now,
        asked_since: None,
        org_id: org_id.to_owned(),
        trace,
        renewed: 0,
    }))
}

/// A stream whose lease this process holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeasedStream {
    /// Which.
    pub stream_id: Uuid,
    /// What fences its settlement.
    pub lease_id: Uuid,
}

/// Leases a stream that the caller's transaction has put a callback into, where it is due and nobody sends from it just
/// now; tells whether it did.
///
/// # Errors
/// When the database fails.
pub async fn stream(conn: &mut PgConnection, leased: LeasedStream, now: DateTime<Utc>) -> Result<bool, sqlx::Error> {
    let updated = sqlx::query!(
        "update stream
        set lease_id = $2,
            leased_until = now() + interval '20 seconds'
        where stream_id = $1
        and pending > 0
        and due_at <= $3
        and (leased_until is null or leased_until < now())",
        leased.stream_id,
        leased.lease_id,
        now,
    )
    .execute(conn)
    .await?;
    Ok(updated.rows_affected() == 1)
}
