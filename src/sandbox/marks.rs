//! What the sandbox did to messages on purpose, for whoever judges an LSP. Nothing where no such thing was ever noted.

use std::collections::HashMap;

use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

/// Faults by callback and try; those of try 0 struck the callback as a whole.
#[expect(clippy::disallowed_methods, reason = "the table is looked for first: it may be missing")]
pub(super) async fn of_callbacks(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<HashMap<(Uuid, i32), String>> {
    if !noted(conn).await? {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query(
        "select subject_id, attempt, string_agg(cause || ': ' || fault, ', ' order by injected_id) as faults
        from sandbox.injected
        where subject_id = any($1)
        group by subject_id, attempt",
    )
    .bind(ids)
    .fetch_all(conn)
    .await?;
    let read =
        rows.iter().map(|row| Ok(((row.try_get("subject_id")?, row.try_get("attempt")?), row.try_get("faults")?)));
    read.collect()
}

/// Faults by exchange. A request is known by what the LSP calls it: its fault may have struck before it was stored.
#[expect(clippy::disallowed_methods, reason = "the table is looked for first: it may be missing")]
pub(super) async fn of_requests(conn: &mut PgConnection, exchanges: &[Uuid]) -> sqlx::Result<HashMap<Uuid, String>> {
    if !noted(conn).await? {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query(
        "select exchange_id, string_agg(cause || ': ' || fault, ', ' order by injected_id) as faults
        from exchange
        join sandbox.injected on subject_id = md5(org_id || '/' || operation || '/' || request_id)::uuid
        where exchange_id = any($1)
        group by exchange_id",
    )
    .bind(exchanges)
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| Ok((row.try_get("exchange_id")?, row.try_get("faults")?))).collect()
}

async fn noted(conn: &mut PgConnection) -> sqlx::Result<bool> {
    let found = sqlx::query_scalar!(r#"select to_regclass('sandbox.injected') is not null as "found!""#);
    found.fetch_one(conn).await
}
