//! Links by which an LSP sees its own traffic.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{StoreError, one_row};

/// A link to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewLink<'a> {
    /// From `Ids`.
    pub id: Uuid,
    /// Whose traffic it shows.
    pub org_id: &'a str,
    /// Until when.
    pub expires_at: DateTime<Utc>,
    /// Who made it.
    pub made_by: &'a str,
}

/// Adds a link.
///
/// # Errors
/// When the database fails.
pub async fn add(conn: &mut PgConnection, link: NewLink<'_>, now: DateTime<Utc>) -> Result<(), StoreError> {
    let added = sqlx::query!(
        r#"
        insert into lsp_link (link_id, org_id, expires_at, made_by, made_at)
        values ($1, $2, $3, $4, $5)
        "#,
        link.id,
        link.org_id,
        link.expires_at,
        link.made_by,
        now,
    )
    .execute(conn)
    .await?;
    one_row(added.rows_affected(), "lsp_link")
}

/// Whether a link still counts.
///
/// # Errors
/// When the database fails.
pub async fn counts(conn: &mut PgConnection, id: Uuid, org_id: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let counts = sqlx::query_scalar!(
        r#"
        select exists (
            select from lsp_link
            where link_id = $1
            and org_id = $2
            and expires_at > $3
            and revoked_at is null
        ) as "counts!"
        "#,
        id,
        org_id,
        now,
    )
    .fetch_one(conn)
    .await?;
    Ok(counts)
}

/// Revokes all links of an LSP; gives how many still counted.
///
/// # Errors
/// When the database fails.
pub async fn revoke(conn: &mut PgConnection, org_id: &str, now: DateTime<Utc>) -> Result<i64, StoreError> {
    let revoked = sqlx::query_scalar!(
        r#"
        with revoked as (
            update lsp_link
            set revoked_at = $2
            where org_id = $1
            and revoked_at is null
            returning expires_at
        )
        select count(*) filter (where expires_at > $2) as "count!"
        from revoked
        "#,
        org_id,
        now,
    )
    .fetch_one(conn)
    .await?;
    Ok(revoked)
}
