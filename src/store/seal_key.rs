//! Wrapped data keys.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::StoreError;
use crate::seal::WrappedKey;

/// All data keys, wrapped.
///
/// # Errors
/// When the database fails.
pub async fn all(conn: &mut PgConnection) -> Result<Vec<WrappedKey>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select seal_key_id, wrapped
        from seal_key
        order by seal_key_id
        "#
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| WrappedKey { id: row.seal_key_id, wrapped: row.wrapped }).collect())
}

/// Adds a data key; of two processes that start at once the first wins.
///
/// # Errors
/// When the database fails.
pub async fn add(conn: &mut PgConnection, key: &WrappedKey, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        insert into seal_key (seal_key_id, wrapped, created_at)
        values ($1, $2, $3)
        on conflict (seal_key_id) do nothing
        "#,
        key.id,
        key.wrapped,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}
