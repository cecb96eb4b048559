//! Disputes.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{StoreError, one_row};
use crate::domain::ids::{DisputeId, LoanId};
use crate::domain::loan::dispute::{Dispute, DisputeStatus};
use crate::seal::Sealer;

fn context(id: &str) -> String {
    format!("dispute:{id}")
}

/// Writes a dispute as it stands.
///
/// # Errors
/// When the database fails.
pub async fn save(
    conn: &mut PgConnection,
    sealer: &Sealer,
    dispute: &Dispute,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let sealed = sealer.seal_json(&context(dispute.id.as_str()), dispute)?;
    let written = sqlx::query!(
        r#"
        insert into dispute (dispute_id, loan_id, org_id, status, dispute, raised_at, updated_at)
        values ($1, $2, $3, $4, $5, $6, $6)
        on conflict (dispute_id) do update
        set status = excluded.status,
            dispute = excluded.dispute,
            updated_at = excluded.updated_at
        "#,
        dispute.id.as_str(),
        dispute.loan_id.as_str(),
        dispute.org_id.as_str(),
        dispute.status.name(),
        sealed,
        now,
    )
    .execute(conn)
    .await?;
    one_row(written.rows_affected(), "dispute")
}

/// A dispute, locked until the transaction ends.
///
/// # Errors
/// When the database fails or the row cannot be opened.
pub async fn lock(conn: &mut PgConnection, sealer: &Sealer, id: &DisputeId) -> Result<Option<Dispute>, StoreError> {
    let row = sqlx::query_scalar!(
        r#"
        select dispute
        from dispute
        where dispute_id = $1
        for update
        "#,
        id.as_str(),
    )
    .fetch_optional(conn)
    .await?;
    row.map(|sealed| Ok(sealer.open_json(&context(id.as_str()), &sealed)?)).transpose()
}

/// A dispute as it stands.
///
/// # Errors
/// When the database fails or the row cannot be opened.
pub async fn read(conn: &mut PgConnection, sealer: &Sealer, id: &DisputeId) -> Result<Option<Dispute>, StoreError> {
    let sealed = sqlx::query_scalar!(
        r#"
        select dispute
        from dispute
        where dispute_id = $1
        "#,
        id.as_str(),
    )
    .fetch_optional(conn)
    .await?;
    sealed.map(|sealed| Ok(sealer.open_json(&context(id.as_str()), &sealed)?)).transpose()
}

/// Which disputes of a list.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disputes<'a> {
    /// Of this LSP only.
    pub org_id: Option<&'a str>,
    /// Of this loan only.
    pub loan: Option<&'a LoanId>,
    /// In this status only.
    pub status: Option<DisputeStatus>,
    /// Older than this one.
    pub before: Option<&'a str>,
}

/// Disputes, newest first.
///
/// # Errors
/// When the database fails or a row cannot be opened.
pub async fn list(
    conn: &mut PgConnection,
    sealer: &Sealer,
    which: Disputes<'_>,
    limit: i64,
) -> Result<Vec<Dispute>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select dispute_id, dispute
        from dispute
        where ($1::text is null or loan_id = $1)
        and ($2::text is null or status = $2)
        and ($3::text is null or dispute_id < $3)
        and ($5::text is null or org_id = $5)
        order by dispute_id desc
        limit $4
        "#,
        which.loan.map(LoanId::as_str),
        which.status.map(DisputeStatus::name),
        which.before,
        limit,
        which.org_id,
    )
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| Ok(sealer.open_json(&context(&row.dispute_id), &row.dispute)?)).collect()
}
