//! The list of loans.

use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::domain::maths::money::Paise;
use crate::domain::maths::rupees;

/// Where a loan may stand (`loan_status_known`).
pub const STATUSES: [&str; 5] = ["GRANTED", "RUNNING", "CLOSED", "WRITTEN_OFF", "WITHDRAWN"];

/// A row of the list.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Loan")]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The loan.
    pub loan_id: String,
    /// Ours; also the cursor of the list.
    pub application_id: Uuid,
    /// The LSP's id of the application.
    pub loan_application_id: String,
    /// Whose.
    pub org_id: String,
    /// One of [`STATUSES`].
    pub status: String,
    /// Rupees.
    #[serde(with = "rupees")]
    #[schemars(with = "String")]
    pub principal_outstanding: Paise,
    /// Due date of the oldest instalment that is not paid in full.
    pub oldest_due: Option<NaiveDate>,
    /// Since when it is a non-performing asset by its own arrears.
    pub npa_since: Option<NaiveDate>,
    /// When something happens next by itself.
    pub next_event_on: Option<NaiveDate>,
    /// When it was closed.
    pub closed_on: Option<NaiveDate>,
    /// When it was granted.
    pub created_at: DateTime<Utc>,
}

/// Which rows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Loans<'a> {
    /// Of this LSP only.
    pub org_id: Option<&'a str>,
    /// In this status only.
    pub status: Option<&'a str>,
    /// Of older applications than this one.
    pub before: Option<Uuid>,
    /// Of these applications only.
    pub among: Option<&'a [Uuid]>,
}

/// Loans, those of the newest applications first.
///
/// # Errors
/// When the database fails.
pub async fn list(conn: &mut PgConnection, which: Loans<'_>, limit: i64) -> Result<Vec<Row>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select
            loan_id, loan.application_id, loan_application_id, loan.org_id, status,
            principal_outstanding, oldest_due, npa_since, next_event_on, closed_on, loan.created_at
        from loan
        join application on application.application_id = loan.application_id
        where ($1::text is null or loan.org_id = $1)
        and ($2::text is null or status = $2)
        and ($3::uuid is null or loan.application_id < $3)
        and ($4::uuid[] is null or loan.application_id = any($4))
        order by loan.application_id desc
        limit $5
        "#,
        which.org_id,
        which.status,
        which.before,
        which.among,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Row {
            loan_id: row.loan_id,
            application_id: row.application_id,
            loan_application_id: row.loan_application_id,
            org_id: row.org_id,
            status: row.status,
            principal_outstanding: Paise(row.principal_outstanding),
            oldest_due: row.oldest_due,
            npa_since: row.npa_since,
            next_event_on: row.next_event_on,
            closed_on: row.closed_on,
            created_at: row.created_at,
        })
        .collect())
}
