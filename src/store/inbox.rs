//! Idempotency keys: one effect per `requestId`, operation and LSP.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use super::application::{self, Locked};
use crate::seal::Sealer;

/// What a claim of a key found.
#[derive(Debug, PartialEq, Eq)]
pub enum Claim {
    /// Nobody used the key; it is this transaction's now.
    Fresh,
    /// An earlier request used it.
    Used {
        /// Its exchange.
        exchange_id: Uuid,
        /// Digest of its body.
        digest: Vec<u8>,
    },
}

/// What makes a key.
#[derive(Debug, Clone, Copy)]
pub struct Key<'a> {
    /// The LSP.
    pub org_id: &'a str,
    /// The operation's name.
    pub operation: &'a str,
    /// The LSP's request id.
    pub request_id: &'a str,
}

/// Claims a key, and with it finds and locks those of the LSP's applications that a request names, in the order of our
/// ids: one round trip for the beginning of nearly every request. Nothing is locked when the key was used before. A
/// concurrent duplicate waits here until the first one commits or rolls back.
///
/// # Errors
/// When the database fails, a lock is not had within the lock timeout, or an application cannot be opened.
pub async fn claim(
    conn: &mut PgConnection,
    sealer: &Sealer,
    (key, names): (Key<'_>, &[String]),
    (digest, exchange_id): (&[u8], Uuid),
    now: DateTime<Utc>,
) -> Result<(Claim, Vec<Locked>), StoreError> {
    let rows = sqlx::query!(
        r#"
        with claimed as (
            insert into inbox (org_id, operation, request_id, digest, exchange_id, created_at)
            values ($1, $2, $3, $4, $5, $6)
            on conflict do nothing
            returning exchange_id
        )
        select
            named.application_id as "application_id?",
            named.state as "state?",
            named.revision as "revision?"
        from claimed
        left join lateral (
            select application_id, state, revision
            from application
            where org_id = $1
            and loan_application_id = any($7)
            order by application_id
            for update
        ) named on true
        "#,
        key.org_id,
        key.operation,
        key.request_id,
        digest,
        exchange_id,
        now,
        names,
    )
    .fetch_all(&mut *conn)
    .await?;
    if rows.is_empty() {
        return Ok((used(conn, key).await?, Vec::new()));
    }
    let named = rows.into_iter().filter_map(|row| Some((row.application_id?, row.state?, row.revision?)));
    let locked = named.map(|row| application::open(sealer, row)).collect::<Result<_, _>>()?;
    Ok((Claim::Fresh, locked))
}

async fn used(conn: &mut PgConnection, key: Key<'_>) -> Result<Claim, StoreError> {
    let used = sqlx::query!(
        r#"
        select exchange_id, digest
        from inbox
        where org_id = $1
        and operation = $2
        and request_id = $3
        "#,
        key.org_id,
        key.operation,
        key.request_id,
    )
    .fetch_one(conn)
    .await?;
    Ok(Claim::Used { exchange_id: used.exchange_id, digest: used.digest })
}
