//! What the sandbox did to messages on purpose, for views, so that nobody takes it for a mistake. Empty in `serve`.

use std::collections::HashMap;

use sqlx::PgConnection;
use uuid::Uuid;

/// Faults of attempts at callbacks, by callback and attempt; attempt 0 was none.
///
/// # Errors
/// When the database fails.
pub async fn callbacks(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<HashMap<(Uuid, i32), String>> {
    let rows = sqlx::query!(
        r#"select subject_id, attempt, string_agg(fault, ', ' order by injected_id) as "faults!"
        from sandbox.injected
        where subject_id = any($1)
        group by subject_id, attempt"#,
        ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| ((row.subject_id, row.attempt), row.faults)).collect())
}

/// Faults of requests, by exchange. A request is known by what the LSP calls it, because its fault may have struck
/// before anything of it was stored.
///
/// # Errors
/// When the database fails.
pub async fn requests(conn: &mut PgConnection, exchanges: &[Uuid]) -> sqlx::Result<HashMap<Uuid, String>> {
    let rows = sqlx::query!(
        r#"select exchange_id, string_agg(fault, ', ' order by injected_id) as "faults!"
        from exchange
        join sandbox.injected on subject_id = md5(org_id || '/' || operation || '/' || request_id)::uuid
        where exchange_id = any($1)
        group by exchange_id"#,
        exchanges,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.exchange_id, row.faults)).collect())
}
