//! What the engine reads of registered LSPs.

use sqlx::PgConnection;
use sqlx::types::Json;

use super::StoreError;
use crate::lsp::{Settings, StoredSettings};

/// An LSP's switches; the defaults for one that is not registered any more.
///
/// # Errors
/// When the database fails.
pub async fn of(conn: &mut PgConnection, org_id: &str) -> Result<Settings, StoreError> {
    let row = sqlx::query!(
        r#"
        select settings as "settings: Json<StoredSettings>"
        from lsp
        where org_id = $1
        "#,
        org_id,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| row.settings.0.0).unwrap_or_default())
}

/// The name of an LSP.
///
/// # Errors
/// When the database fails.
pub async fn name_of(conn: &mut PgConnection, org_id: &str) -> Result<Option<String>, StoreError> {
    let row = sqlx::query!(
        r#"
        select name
        from lsp
        where org_id = $1
        "#,
        org_id,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| row.name))
}

/// Bank accounts and addresses that belong to LSPs, of all of them: no loan is paid there (`lending.md` §1.4, DL 9).
///
/// # Errors
/// When the database fails.
pub async fn own_accounts(conn: &mut PgConnection) -> Result<Vec<String>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select jsonb_array_elements_text(settings -> 'ownAccounts') as "account!"
        from lsp
        where jsonb_typeof(settings -> 'ownAccounts') = 'array'
        "#,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| row.account).collect())
}
