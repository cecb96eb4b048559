//! Applications: the row that every command locks.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{StoreError, one_row};
use crate::domain::application::Application;
use crate::domain::application::facets::{AccountSetup, Agreement, Kyc, RepaymentSetup};
use crate::domain::ids::ApplicationId;
use crate::seal::Sealer;

/// A locked application with the revision that a write must find.
#[derive(Debug, Clone)]
pub struct Locked {
    /// As stored.
    pub application: Application,
    /// Counts writes.
    pub revision: i64,
}

/// A row to be, before anything is decided about it.
#[derive(Debug, Clone)]
pub struct Blank {
    /// Ours.
    pub id: Uuid,
    /// The LSP's id.
    pub loan_application_id: String,
    /// Blind index of the borrower.
    pub borrower_index: Vec<u8>,
}

fn context(id: ApplicationId) -> String {
    format!("application:{id}")
}

/// Inserts rows for ids that the LSP has not used; concurrent creators of the same id wait for each other, always in
/// the order of the LSP's ids. Gives the ids that are new.
///
/// # Errors
/// When the database fails.
pub async fn insert_blank(
    conn: &mut PgConnection,
    org_id: &str,
    bundle_id: Uuid,
    mut blanks: Vec<Blank>,
    now: DateTime<Utc>,
) -> Result<Vec<Uuid>, StoreError> {
    blanks.sort_by(|a, b| a.loan_application_id.cmp(&b.loan_application_id));
    let ids: Vec<Uuid> = blanks.iter().map(|b| b.id).collect();
    let names: Vec<String> = blanks.iter().map(|b| b.loan_application_id.clone()).collect();
    let borrowers: Vec<Vec<u8>> = blanks.into_iter().map(|b| b.borrower_index).collect();
    let rows = sqlx::query!(
        r#"
        insert into application (
            application_id, org_id, loan_application_id, bundle_id, borrower_index, stage, data_consent,
            monitoring_consent, kyc, agreement, repayment_setup, account_setup, state, revision, created_at, updated_at)
        select application_id, $1, name, $2, borrower_index, 'RECEIVED', 'NONE',
            'NONE', 'NONE', 'NONE', 'NONE', 'NONE', '', 0, $6, $6
        from unnest($3::uuid[], $4::text[], $5::bytea[]) as blank (application_id, name, borrower_index)
        on conflict (org_id, loan_application_id) do nothing
        returning application_id
        "#,
        org_id,
        bundle_id,
        &ids,
        &names,
        &borrowers,
        now,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| row.application_id).collect())
}

/// Our ids of an LSP's applications; another LSP's are not found.
///
/// # Errors
/// When the database fails.
pub async fn resolve(
    conn: &mut PgConnection,
    org_id: &str,
    names: &[String],
) -> Result<Vec<(String, ApplicationId)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select loan_application_id, application_id
        from application
        where org_id = $1
        and loan_application_id = any($2)
        "#,
        org_id,
        names,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.loan_application_id, ApplicationId(row.application_id))).collect())
}

/// Locks applications in the order of their ids, so that no two transactions wait for each other.
///
/// # Errors
/// When the database fails, a lock is not had within the lock timeout, or a row cannot be opened.
pub async fn lock(conn: &mut PgConnection, sealer: &Sealer, ids: &[ApplicationId]) -> Result<Vec<Locked>, StoreError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"
        select application_id, state, revision
        from application
        where application_id = any($1)
        order by application_id
        for update
        "#,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let application = sealer.open_json(&context(ApplicationId(row.application_id)), &row.state)?;
            Ok(Locked { application, revision: row.revision })
        })
        .collect()
}

/// Reads applications without locking them, in the order of their ids.
///
/// # Errors
/// When the database fails or a row cannot be opened.
pub async fn read(
    conn: &mut PgConnection,
    sealer: &Sealer,
    ids: &[ApplicationId],
) -> Result<Vec<Application>, StoreError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"
        select application_id, state
        from application
        where application_id = any($1)
        order by application_id
        "#,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok(sealer.open_json(&context(ApplicationId(row.application_id)), &row.state)?)).collect()
}

/// Writes an application's successor, under its borrower's index, over the revision that was locked.
///
/// # Errors
/// [`StoreError::Stale`] when the revision is another one; a stage change that is not legal is refused by the database.
pub async fn save(
    conn: &mut PgConnection,
    sealer: &Sealer,
    application: &Application,
    under: (&[u8], i64),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (borrower_index, revision) = under;
    let state = sealer.seal_json(&context(application.id), application)?;
    let deal = application.stage.deal();
    let updated = sqlx::query!(
        r#"
        update application
        set stage = $3,
            data_consent = $4,
            monitoring_consent = $5,
            kyc = $6,
            agreement = $7,
            repayment_setup = $8,
            account_setup = $9,
            state = $10,
            borrower_index = $11,
            revision = revision + 1,
            updated_at = $12
        where application_id = $1
        and revision = $2
        "#,
        application.id.0,
        revision,
        application.stage.name(),
        application.data_consent.name(),
        application.monitoring_consent.name(),
        deal.map_or(Kyc::None.name(), |d| d.kyc.name()),
        deal.map_or(Agreement::None.name(), |d| d.agreement.name()),
        deal.map_or(RepaymentSetup::None.name(), |d| d.repayment.name()),
        deal.map_or(AccountSetup::None.name(), |d| d.account.name()),
        state,
        borrower_index,
        now,
    )
    .execute(conn)
    .await?;
    one_row(updated.rows_affected(), "application")
}

/// Adds to the history that people read.
///
/// # Errors
/// When the database fails.
pub async fn add_events(
    conn: &mut PgConnection,
    events: &[(ApplicationId, String)],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = events.iter().map(|(id, _)| id.0).collect();
    let words: Vec<String> = events.iter().map(|(_, what)| what.clone()).collect();
    sqlx::query!(
        r#"
        insert into event (application_id, revision, what, happened_at)
        select application_id, application.revision, what, $3
        from unnest($1::uuid[], $2::text[]) with ordinality as happened (application_id, what, number)
        join application using (application_id)
        order by number
        "#,
        &ids,
        &words,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}
