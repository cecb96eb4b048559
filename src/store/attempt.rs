//! Tries to deliver callbacks, as operators and auditors look at them.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;

/// One try to deliver a callback.
#[derive(Debug)]
pub struct AttemptRow {
    /// The callback.
    pub callback_id: Uuid,
    /// Which try since it was queued.
    pub attempt: i32,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// How long it took.
    pub duration_ms: i32,
    /// HTTP status, when there was an answer.
    pub status: Option<i32>,
    /// Why it does not count as delivered.
    pub error: Option<String>,
    /// What the LSP answered, sealed.
    pub sealed_answer: Option<Vec<u8>>,
    /// `metadata.timestamp` of what was sent; nothing in rows of older versions.
    pub sent_at: Option<DateTime<Utc>>,
    /// Our key, where it was signed.
    pub kid: Option<String>,
    /// The member that carried the protected header.
    pub header_member: Option<String>,
    /// The signature.
    pub signature: Option<Vec<u8>>,
}

/// Attempts at callbacks, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn attempts(conn: &mut PgConnection, callbacks: &[Uuid], limit: i64) -> Result<Vec<AttemptRow>, sqlx::Error> {
    sqlx::query_as!(
        AttemptRow,
        "select
            callback_id, attempt, started_at, duration_ms, status, error, answer as sealed_answer,
            sent_at, kid, header_member, signature
        from attempt
        where callback_id = any($1)
        order by started_at, attempt
        limit $2",
        callbacks,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// One try to deliver a callback, without what was answered.
#[derive(Debug)]
pub struct Try {
    /// The callback.
    pub callback_id: Uuid,
    /// Which try since it was queued.
    pub attempt: i32,
    /// When it began, by the business clock.
    pub started_at: DateTime<Utc>,
    /// How long it took.
    pub duration_ms: i32,
    /// HTTP status, when there was an answer.
    pub status: Option<i32>,
    /// Why it does not count as delivered.
    pub error: Option<String>,
}

/// Tries at callbacks, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn tries(conn: &mut PgConnection, callbacks: &[Uuid], limit: i64) -> Result<Vec<Try>, StoreError> {
    Ok(sqlx::query_as!(
        Try,
        r#"
        select callback_id, attempt, started_at, duration_ms, status, error
        from attempt
        where callback_id = any($1)
        order by started_at, attempt
        limit $2
        "#,
        callbacks,
        limit,
    )
    .fetch_all(conn)
    .await?)
}
