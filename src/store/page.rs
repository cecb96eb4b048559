//! Borrowers' pages: found by the blind index of their token, never changed.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::StoreError;
use crate::domain::ids::{ApplicationId, DisputeId};
use crate::seal::Sealer;

/// What a page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A key facts statement.
    Kfs,
    /// The agreement on one.
    Agreement,
    /// Where a dispute stands.
    Dispute,
}

impl Kind {
    /// The word stored in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kfs => "KFS",
            Self::Agreement => "AGREEMENT",
            Self::Dispute => "DISPUTE",
        }
    }
}

/// A page that was found.
#[derive(Clone)]
pub struct Page {
    /// The application that it belongs to.
    pub application: ApplicationId,
    /// Proposal number of its key facts statement.
    pub reference: String,
    /// The key facts statement, as it was sent.
    pub kfs: Vec<u8>,
}

/// A page to be added.
#[derive(Clone, Copy)]
pub struct NewPage<'a> {
    /// What it shows.
    pub kind: Kind,
    /// The token in its link.
    pub token: &'a str,
    /// The application that it belongs to.
    pub application: ApplicationId,
    /// Proposal number, or the dispute's id.
    pub reference: &'a str,
    /// The statement, of [`Kind::Kfs`] only.
    pub body: Option<&'a str>,
}

fn index(sealer: &Sealer, token: &str) -> Vec<u8> {
    sealer.blind_index("borrower page", token)
}

fn context(reference: &str) -> String {
    format!("borrower_page:{reference}")
}

/// Adds a page; one that is there stays as it is.
///
/// # Errors
/// When the database fails or the body cannot be sealed.
pub async fn add(
    conn: &mut PgConnection,
    sealer: &Sealer,
    page: NewPage<'_>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let body = page.body.map(|text| sealer.seal(&context(page.reference), text.as_bytes())).transpose()?;
    sqlx::query!(
        r#"
        insert into borrower_page (token_index, kind, application_id, reference, body, created_at)
        values ($1, $2, $3, $4, $5, $6)
        on conflict do nothing
        "#,
        index(sealer, page.token),
        page.kind.name(),
        page.application.0,
        page.reference,
        body,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The page behind a token, with its key facts statement.
///
/// # Errors
/// When the database fails or the statement cannot be opened.
pub async fn find(
    conn: &mut PgConnection,
    sealer: &Sealer,
    kind: Kind,
    token: &str,
) -> Result<Option<Page>, StoreError> {
    let row = sqlx::query!(
        r#"
        select page.application_id, page.reference, kfs.body as "body!"
        from borrower_page page
        join borrower_page kfs on kfs.kind = 'KFS' and kfs.reference = page.reference
        where page.token_index = $1
        and page.kind = $2
        "#,
        index(sealer, token),
        kind.name(),
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        let kfs = sealer.open(&context(&row.reference), &row.body)?;
        Ok(Page { application: ApplicationId(row.application_id), reference: row.reference, kfs })
    })
    .transpose()
}

/// The dispute behind a token.
///
/// # Errors
/// When the database fails.
pub async fn dispute(conn: &mut PgConnection, sealer: &Sealer, token: &str) -> Result<Option<DisputeId>, StoreError> {
    let row = sqlx::query!(
        r#"
        select reference
        from borrower_page
        where token_index = $1
        and kind = $2
        "#,
        index(sealer, token),
        Kind::Dispute.name(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| DisputeId(row.reference)))
}
