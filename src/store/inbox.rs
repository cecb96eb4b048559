//! Idempotency keys: one effect per `requestId`, operation and LSP.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;

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

/// Claims a key. A concurrent duplicate waits here until the first one commits or rolls back.
///
/// # Errors
/// When the database fails.
pub async fn claim(
    conn: &mut PgConnection,
    key: Key<'_>,
    digest: &[u8],
    exchange_id: Uuid,
    now: DateTime<Utc>,
) -> Result<Claim, StoreError> {
    let inserted = sqlx::query!(
        r#"
        insert into inbox (org_id, operation, request_id, digest, exchange_id, created_at)
        values ($1, $2, $3, $4, $5, $6)
        on conflict do nothing
        "#,
        key.org_id,
        key.operation,
        key.request_id,
        digest,
        exchange_id,
        now,
    )
    .execute(&mut *conn)
    .await?;
    if inserted.rows_affected() == 1 {
        return Ok(Claim::Fresh);
    }
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
    .fetch_one(&mut *conn)
    .await?;
    Ok(Claim::Used { exchange_id: used.exchange_id, digest: used.digest })
}
