//! Legal holds: while one stands, nothing of the application is erased or pruned.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;

use super::StoreError;
use crate::domain::ids::ApplicationId;
use crate::seal::Sealer;

/// A hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hold {
    /// Why.
    pub reason: String,
    /// Since when.
    pub placed_at: DateTime<Utc>,
}

fn context(id: ApplicationId) -> String {
    format!("hold:{id}")
}

/// Places a hold; one that stands gets the new reason.
///
/// # Errors
/// When the database fails or the reason cannot be sealed.
pub async fn place(
    conn: &mut PgConnection,
    sealer: &Sealer,
    id: ApplicationId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        insert into legal_hold (application_id, reason, placed_at)
        values ($1, $2, $3)
        on conflict (application_id) do update set reason = excluded.reason
        "#,
        id.0,
        sealer.seal(&context(id), reason.as_bytes())?,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Lifts a hold; whether there was one.
///
/// # Errors
/// When the database fails.
pub async fn lift(conn: &mut PgConnection, id: ApplicationId) -> Result<bool, StoreError> {
    let lifted = sqlx::query!("delete from legal_hold where application_id = $1", id.0).execute(conn).await?;
    Ok(lifted.rows_affected() == 1)
}

/// The hold on an application.
///
/// # Errors
/// When the database fails or the reason cannot be opened.
pub async fn find(conn: &mut PgConnection, sealer: &Sealer, id: ApplicationId) -> Result<Option<Hold>, StoreError> {
    let row = sqlx::query!("select reason, placed_at from legal_hold where application_id = $1", id.0)
        .fetch_optional(conn)
        .await?;
    row.map(|row| {
        let reason = sealer.open(&context(id), &row.reason)?;
        Ok(Hold { reason: String::from_utf8_lossy(&reason).into_owned(), placed_at: row.placed_at })
    })
    .transpose()
}
