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

/// A row as it is to be written.
#[derive(Debug)]
pub struct Row {
    /// Ours.
    pub id: Uuid,
    /// The revision that was locked; none for a new application.
    pub revision: Option<i64>,
    /// The LSP's id.
    pub loan_application_id: String,
    /// The applications created with it.
    pub bundle_id: Uuid,
    /// Blind index of the borrower.
    pub borrower_index: Vec<u8>,
    /// Main stage.
    pub stage: &'static str,
    /// State of the consent to fetch account data once, for underwriting.
    pub data_consent: &'static str,
    /// State of the consent to fetch account data periodically while the loan runs.
    pub monitoring_consent: &'static str,
    /// The deal's identity check.
    pub kyc: &'static str,
    /// The deal's agreement.
    pub agreement: &'static str,
    /// The deal's mandate.
    pub repayment_setup: &'static str,
    /// The deal's payout account.
    pub account_setup: &'static str,
    /// The whole application, sealed.
    pub state: Vec<u8>,
}

impl Row {
    /// Seals an application, to be written under its borrower's index over the revision that was locked.
    ///
    /// # Errors
    /// When it cannot be sealed.
    pub fn new(
        sealer: &Sealer,
        application: &Application,
        (borrower_index, revision): (Vec<u8>, Option<i64>),
    ) -> Result<Self, StoreError> {
        let deal = application.stage.deal();
        Ok(Self {
            id: application.id.0,
            revision,
            loan_application_id: application.loan_application_id.clone(),
            bundle_id: application.bundle.0,
            borrower_index,
            stage: application.stage.name(),
            data_consent: application.data_consent.name(),
            monitoring_consent: application.monitoring_consent.name(),
            kyc: deal.map_or(Kyc::None.name(), |d| d.kyc.name()),
            agreement: deal.map_or(Agreement::None.name(), |d| d.agreement.name()),
            repayment_setup: deal.map_or(RepaymentSetup::None.name(), |d| d.repayment.name()),
            account_setup: deal.map_or(AccountSetup::None.name(), |d| d.account.name()),
            state: sealer.seal_json(&context(application.id), application)?,
        })
    }
}

fn context(id: ApplicationId) -> String {
    format!("application:{id}")
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

/// Opens a row that was locked: our id, the sealed application, its revision.
pub(super) fn open(sealer: &Sealer, (id, state, revision): (Uuid, Vec<u8>, i64)) -> Result<Locked, StoreError> {
    Ok(Locked { application: sealer.open_json(&context(ApplicationId(id)), &state)?, revision })
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

/// Writes one application: a new one, or the successor of one that was locked. A decision about one application
/// writes it with everything else, by [`write`](super::write).
///
/// # Errors
/// [`StoreError::Stale`] when the revision is another one, or the LSP's id is taken meanwhile; a stage change that is
/// not legal is refused by the database.
pub async fn save(conn: &mut PgConnection, org_id: &str, row: &Row, now: DateTime<Utc>) -> Result<(), StoreError> {
    match row.revision {
        None => insert(conn, org_id, row, now).await,
        Some(revision) => update(conn, row, revision, now).await,
    }
}

async fn insert(conn: &mut PgConnection, org_id: &str, row: &Row, now: DateTime<Utc>) -> Result<(), StoreError> {
    let inserted = sqlx::query!(
        r#"
        insert into application (
            application_id, org_id, loan_application_id, bundle_id, borrower_index, stage, data_consent,
            monitoring_consent, kyc, agreement, repayment_setup, account_setup, state, revision, created_at, updated_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 1, $14, $14)
        on conflict (org_id, loan_application_id) do nothing
        "#,
        row.id,
        org_id,
        row.loan_application_id,
        row.bundle_id,
        row.borrower_index,
        row.stage,
        row.data_consent,
        row.monitoring_consent,
        row.kyc,
        row.agreement,
        row.repayment_setup,
        row.account_setup,
        row.state,
        now,
    )
    .execute(conn)
    .await?;
    one_row(inserted.rows_affected(), "application")
}

async fn update(conn: &mut PgConnection, row: &Row, revision: i64, now: DateTime<Utc>) -> Result<(), StoreError> {
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
        row.id,
        revision,
        row.stage,
        row.data_consent,
        row.monitoring_consent,
        row.kyc,
        row.agreement,
        row.repayment_setup,
        row.account_setup,
        row.state,
        row.borrower_index,
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
