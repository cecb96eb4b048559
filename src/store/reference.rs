//! Ids by which later requests find an application.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::StoreError;
use crate::domain::application::Application;
use crate::domain::application::facets::ConsentPurpose;
use crate::domain::application::stage::Stage;
use crate::domain::ids::{ApplicationId, PaymentId};

/// What an id names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `consent.consentHandle`.
    Consent,
    /// `consent.consentAggregationId`.
    Aggregation,
    /// `plan.id`.
    Plan,
    /// `otpSessionKey`.
    OtpSession,
    /// `loanId`.
    Loan,
    /// `payment.id` of a disbursement, made by the LSP.
    Payment,
    /// `payment.id` of a repayment, made by the lender.
    Repayment,
    /// `payment.id` of a repayment as the LSP asked for it, unique per loan.
    AskedRepayment,
    /// `dispute.id`.
    Dispute,
    /// Blind index of the borrower's phone number, in hex.
    Phone,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Consent => "CONSENT",
            Self::Aggregation => "AGGREGATION",
            Self::Plan => "PLAN",
            Self::OtpSession => "OTP_SESSION",
            Self::Loan => "LOAN",
            Self::Payment => "PAYMENT",
            Self::Repayment => "REPAYMENT",
            Self::AskedRepayment => "ASKED_REPAYMENT",
            Self::Dispute => "DISPUTE",
            Self::Phone => "PHONE",
        }
    }
}

/// The ids that an application can be found by as it stands.
#[must_use]
pub fn of(application: &Application) -> Vec<(Kind, String)> {
    let mut ids = Vec::new();
    for purpose in [ConsentPurpose::Data, ConsentPurpose::Monitoring] {
        ids.extend(application.consent(purpose).handle().map(|handle| (Kind::Consent, handle.to_owned())));
    }
    ids.extend(application.aggregation_id.clone().map(|id| (Kind::Aggregation, id)));
    if let Some(deal) = application.stage.deal() {
        let plans = deal.offer.disbursement_plans.iter().chain(&deal.offer.repayment_plans);
        ids.extend(plans.map(|plan| (Kind::Plan, plan.id.0.clone())));
    }
    match &application.stage {
        Stage::OtpSent { session, .. } => ids.push((Kind::OtpSession, session.key.clone())),
        Stage::Granted { loan_id, deal, .. } => {
            ids.push((Kind::Loan, loan_id.0.clone()));
            let session = deal.restatement.as_ref().and_then(|waiting| waiting.session.as_ref());
            ids.extend(session.map(|session| (Kind::OtpSession, session.key.clone())));
        }
        _ => {}
    }
    ids
}

/// Adds ids; known ones stay.
///
/// # Errors
/// When the database fails.
pub async fn add(
    conn: &mut PgConnection,
    application: &Application,
    ids: &[(Kind, String)],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    let kinds: Vec<String> = ids.iter().map(|(kind, _)| kind.name().to_owned()).collect();
    let values: Vec<String> = ids.iter().map(|(_, value)| value.clone()).collect();
    sqlx::query!(
        r#"
        insert into reference (org_id, kind, value, application_id, created_at)
        select $1, kind, value, $4, $5
        from unnest($2::text[], $3::text[]) as id (kind, value)
        on conflict do nothing
        "#,
        application.org_id.as_str(),
        &kinds,
        &values,
        application.id.0,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Adds a payment id, which is known to the loan only.
///
/// # Errors
/// When the database fails.
pub async fn add_payment(
    conn: &mut PgConnection,
    application: &Application,
    payment: &PaymentId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    add(conn, application, &[(Kind::Payment, payment.0.clone())], now).await
}

/// The applications of an LSP that an id names, the one that got it last first.
///
/// # Errors
/// When the database fails.
pub async fn find(
    conn: &mut PgConnection,
    org_id: &str,
    kind: Kind,
    value: &str,
) -> Result<Vec<ApplicationId>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select application_id
        from reference
        where org_id = $1
        and kind = $2
        and value = $3
        order by created_at desc, application_id
        "#,
        org_id,
        kind.name(),
        value,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| ApplicationId(row.application_id)).collect())
}

/// The application of a loan, whoever brought it.
///
/// # Errors
/// When the database fails.
pub async fn application_of_loan(conn: &mut PgConnection, loan_id: &str) -> Result<Option<ApplicationId>, StoreError> {
    let row = sqlx::query_scalar!(
        r#"
        select application_id
        from loan
        where loan_id = $1
        "#,
        loan_id,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(ApplicationId))
}

/// The newest id of a kind that any of these applications has.
///
/// # Errors
/// When the database fails.
pub async fn latest(
    conn: &mut PgConnection,
    applications: &[ApplicationId],
    kind: Kind,
) -> Result<Option<String>, StoreError> {
    let ids: Vec<uuid::Uuid> = applications.iter().map(|id| id.0).collect();
    let row = sqlx::query!(
        r#"
        select value
        from reference
        where application_id = any($1)
        and kind = $2
        order by created_at desc
        limit 1
        "#,
        &ids,
        kind.name(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| row.value))
}
