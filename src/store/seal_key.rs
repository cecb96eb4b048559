//! Wrapped data keys, and the roots that later master keys take over.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{StoreError, one_row};
use crate::seal::WrappedKey;

/// All data keys, wrapped.
///
/// # Errors
/// When the database fails.
pub async fn all(conn: &mut PgConnection) -> Result<Vec<WrappedKey>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select seal_key_id, wrapped, active_at <= now() as "active!"
        from seal_key
        order by seal_key_id
        "#
    )
    .fetch_all(conn)
    .await?;
    let key = |id, wrapped, active| WrappedKey { id, wrapped, active };
    Ok(rows.into_iter().map(|row| key(row.seal_key_id, row.wrapped, row.active)).collect())
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

/// Lets nobody else make, replace or retire keys until the transaction ends; reading them goes on.
///
/// # Errors
/// When the database fails.
pub async fn lock(conn: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query!("lock table seal_key, seal_root in share row exclusive mode").execute(conn).await?;
    Ok(())
}

/// Adds a data key that begins to seal so many seconds from now, by the database's clock.
///
/// # Errors
/// When the database fails or the number is taken.
pub async fn add_later(conn: &mut PgConnection, key: &WrappedKey, seconds: u32) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        insert into seal_key (seal_key_id, wrapped, created_at, active_at)
        values ($1, $2, now(), now() + make_interval(secs => $3))
        "#,
        key.id,
        key.wrapped,
        f64::from(seconds),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Stores a data key as another master key wrapped it.
///
/// # Errors
/// When the database fails or there is no such key.
pub async fn replace(conn: &mut PgConnection, key: &WrappedKey) -> Result<(), StoreError> {
    let updated = sqlx::query!("update seal_key set wrapped = $2 where seal_key_id = $1", key.id, key.wrapped)
        .execute(conn)
        .await?;
    one_row(updated.rows_affected(), "seal_key")
}

/// Destroys a data key: what it sealed cannot be opened any more.
///
/// # Errors
/// When the database fails or there is no such key.
pub async fn delete(conn: &mut PgConnection, id: i32) -> Result<(), StoreError> {
    let deleted = sqlx::query!("delete from seal_key where seal_key_id = $1", id).execute(conn).await?;
    one_row(deleted.rows_affected(), "seal_key")
}

/// How long the data key that seals now has done so, in seconds.
///
/// # Errors
/// When the database fails.
pub async fn sealing_for(conn: &mut PgConnection) -> Result<i64, StoreError> {
    let seconds = sqlx::query_scalar!(
        r#"
        select extract(epoch from now() - active_at)::bigint as "seconds!"
        from seal_key
        where active_at <= now()
        order by seal_key_id desc
        limit 1
        "#
    )
    .fetch_optional(conn)
    .await?;
    Ok(seconds.unwrap_or_default())
}

/// The newest data key that does not seal yet, and in how many seconds it will; none when the newest one seals.
///
/// # Errors
/// When the database fails.
pub async fn coming(conn: &mut PgConnection) -> Result<Option<(i32, i64)>, StoreError> {
    let row = sqlx::query!(
        r#"
        select seal_key_id, ceil(extract(epoch from active_at - now()))::bigint as "seconds!"
        from seal_key
        where active_at > now()
        order by seal_key_id desc
        limit 1
        "#
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (row.seal_key_id, row.seconds)))
}

/// The stored roots, wrapped; none while the first master key is in use.
///
/// # Errors
/// When the database fails.
pub async fn roots(conn: &mut PgConnection) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(sqlx::query_scalar!("select wrapped from seal_root").fetch_optional(conn).await?)
}

/// Stores the roots as a master key wrapped them.
///
/// # Errors
/// When the database fails.
pub async fn put_roots(conn: &mut PgConnection, wrapped: &[u8]) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        insert into seal_root (wrapped, created_at)
        values ($1, now())
        on conflict (only_one) do update set wrapped = excluded.wrapped
        "#,
        wrapped,
    )
    .execute(conn)
    .await?;
    Ok(())
}
