//! Finds the applications that the ids in a message name. Another LSP's ids are treated as unknown.

use sqlx::PgConnection;

use super::facts::Gathered;
use super::{Refused, Request};
use crate::domain::application::command::{Command, ConsentKey, NewApplication, Subject};
use crate::domain::application::consent::knows_vua;
use crate::domain::ids::{ApplicationId, LoanId, PaymentId};
use crate::store::application::Locked;
use crate::store::reference::{self, Kind};
use crate::store::{StoreError, application};

/// What a request is about.
#[derive(Debug)]
pub enum Subjects {
    /// Applications to be filed, and those of them that are there already, locked.
    New(Vec<NewApplication>, Vec<Locked>),
    /// Applications that exist, in the request's order.
    Known(Known),
    /// None.
    None,
}

/// Applications that a request names.
#[derive(Debug)]
pub struct Known {
    /// Ours.
    pub ids: Vec<ApplicationId>,
    /// All of them, in the order of our ids, where finding them locked them.
    pub locked: Option<Vec<Locked>>,
    /// The handle that a consent status request means.
    pub consent_handle: Option<String>,
}

/// The LSP's own ids of the applications that a request names; they are found and locked with its key.
#[must_use]
pub fn names(command: &Command) -> Vec<String> {
    match command {
        Command::CreateApplications(items) => items.iter().map(|item| item.loan_application_id.clone()).collect(),
        Command::RequestConsent(request) => request.loan_application_ids.clone(),
        Command::GenerateOffers(names) => names.clone(),
        Command::TriggerAcceptance { loan_application_ids, .. } => loan_application_ids.clone(),
        Command::SetOffer { loan_application_id, .. } | Command::Grant { loan_application_id } => {
            vec![loan_application_id.clone()]
        }
        _ => Vec::new(),
    }
}

/// Finds what a request is about; `locked` are the applications that it names, as far as they are there.
///
/// # Errors
/// [`Refused::UnknownIds`] naming every id that this LSP does not have; [`Refused::Mismatch`].
pub async fn subjects(conn: &mut PgConnection, request: &Request, locked: Vec<Locked>) -> Result<Subjects, Refused> {
    let org_id = request.org_id.as_str();
    let ids = match &request.command {
        Command::CreateApplications(items) => return Ok(Subjects::New(items.clone(), locked)),
        Command::Meta(_) | Command::ListLoans(_) => return Ok(Subjects::None),
        Command::ConsentStatus(key) => return consent(conn, org_id, key).await,
        Command::RequestConsent(_)
        | Command::GenerateOffers(_)
        | Command::TriggerAcceptance { .. }
        | Command::SetOffer { .. } => return all_named(names(&request.command), locked),
        Command::Grant { loan_application_id } if locked.is_empty() => {
            vec![by_name_or_loan(conn, org_id, loan_application_id).await?]
        }
        Command::Grant { .. } => return all_named(names(&request.command), locked),
        // An unknown session is answered by callback (row 42).
        Command::VerifyAcceptance { session_key, .. } => {
            reference::find(conn, org_id, Kind::OtpSession, session_key).await?
        }
        Command::DisbursementPlans(subject)
        | Command::SetDisbursementPlan(subject, _)
        | Command::DisbursementAccounts(subject)
        | Command::SetDisbursementAccount(subject, _)
        | Command::RepaymentPlans(subject)
        | Command::SetRepaymentPlan(subject, _) => vec![one(conn, org_id, subject).await?],
        Command::RepaymentPlanStatus(plan) => by_reference(conn, org_id, Kind::Plan, ("plan.id", &plan.0)).await?,
        Command::TriggerDisbursement { loan_id, .. } => loan(conn, org_id, loan_id).await?,
        Command::DisbursementStatus { loan_id: Some(loan_id), .. } => loan(conn, org_id, loan_id).await?,
        Command::DisbursementStatus { loan_id: None, payment_id } => {
            let id = payment_id.as_ref().map_or("", PaymentId::as_str);
            by_reference(conn, org_id, Kind::Payment, ("payment.id", id)).await?
        }
        Command::RepaymentStatus { loan_id, payment_id } | Command::RepaymentHint { loan_id, payment_id } => {
            by_payment(conn, org_id, loan_id.as_ref(), payment_id.as_ref()).await?
        }
        Command::TriggerRepayment { loan_id, .. }
        | Command::LoanSummary(loan_id)
        | Command::GetLoan(loan_id)
        | Command::LoanStatement { loan_id, .. }
        | Command::RaiseDispute { loan_id, .. } => loan(conn, org_id, loan_id).await?,
        Command::DisputeStatus(id) => by_reference(conn, org_id, Kind::Dispute, ("dispute.id", id.as_str())).await?,
    };
    Ok(Subjects::Known(Known { ids, locked: None, consent_handle: None }))
}

/// All applications that a request names, in its order.
fn all_named(names: Vec<String>, locked: Vec<Locked>) -> Result<Subjects, Refused> {
    let of = |name: &String| locked.iter().find(|l| l.application.loan_application_id == *name);
    let unknown: Vec<String> = names.iter().filter(|name| of(name).is_none()).cloned().collect();
    if !unknown.is_empty() {
        return Err(Refused::UnknownIds { what: "loanApplicationId", ids: unknown });
    }
    let ids = names.iter().filter_map(of).map(|l| l.application.id).collect();
    Ok(Subjects::Known(Known { ids, locked: Some(locked), consent_handle: None }))
}

/// C7: a loan by its id, or by that of its application.
async fn loan(conn: &mut PgConnection, org_id: &str, id: &LoanId) -> Result<Vec<ApplicationId>, Refused> {
    let found = loan_or_application(conn, org_id, id.as_str()).await?;
    match reference::latest(conn, &[found], Kind::Loan).await? {
        Some(_) => Ok(vec![found]),
        // An application that has no loan yet.
        None => Err(Refused::UnknownIds { what: "loanId", ids: vec![id.to_string()] }),
    }
}

/// A repayment by the lender's id or the LSP's own, which must be the loan's when both are named; else the loan.
async fn by_payment(
    conn: &mut PgConnection,
    org_id: &str,
    loan_id: Option<&LoanId>,
    payment_id: Option<&PaymentId>,
) -> Result<Vec<ApplicationId>, Refused> {
    let by_loan = match loan_id {
        Some(id) => Some(loan(conn, org_id, id).await?),
        None => None,
    };
    let Some(payment_id) = payment_id else {
        return Ok(by_loan.unwrap_or_default());
    };
    let mut by_payment = reference::find(conn, org_id, Kind::Repayment, payment_id.as_str()).await?;
    by_payment.extend(reference::find(conn, org_id, Kind::AskedRepayment, payment_id.as_str()).await?);
    let Some(first) = by_payment.first() else {
        return Err(Refused::UnknownIds { what: "payment.id", ids: vec![payment_id.0.clone()] });
    };
    match by_loan {
        // Several loans may have the same id of the LSP's own.
        Some(by_loan) if by_loan.iter().all(|id| by_payment.contains(id)) => Ok(by_loan),
        Some(_) => Err(Refused::Mismatch { detail: "loanId and payment.id do not belong together".to_owned() }),
        None => Ok(vec![*first]),
    }
}

async fn by_reference(
    conn: &mut PgConnection,
    org_id: &str,
    kind: Kind,
    named: (&'static str, &str),
) -> Result<Vec<ApplicationId>, Refused> {
    let (what, value) = named;
    match reference::find(conn, org_id, kind, value).await?.first() {
        Some(id) => Ok(vec![*id]),
        None => Err(Refused::UnknownIds { what, ids: vec![value.to_owned()] }),
    }
}

/// C7: a loan id, an application id, or an application id put into `loanId`; both must mean the same.
async fn one(conn: &mut PgConnection, org_id: &str, subject: &Subject) -> Result<ApplicationId, Refused> {
    let by_loan = match &subject.loan_id {
        Some(id) => Some(loan_or_application(conn, org_id, id).await?),
        None => None,
    };
    let by_application = match &subject.loan_application_id {
        Some(name) => Some(by_name_or_loan(conn, org_id, name).await?),
        None => None,
    };
    match (by_loan, by_application) {
        (Some(a), Some(b)) if a != b => {
            Err(Refused::Mismatch { detail: "loanId and loanApplicationId do not belong together".to_owned() })
        }
        (Some(id), _) | (None, Some(id)) => Ok(id),
        (None, None) => Err(Refused::UnknownIds { what: "loanApplicationId", ids: Vec::new() }),
    }
}

async fn loan_or_application(conn: &mut PgConnection, org_id: &str, id: &str) -> Result<ApplicationId, Refused> {
    if let Some(found) = reference::find(conn, org_id, Kind::Loan, id).await?.first() {
        return Ok(*found);
    }
    by_name(conn, org_id, "loanId", id).await
}

/// An application by the LSP's id for it, or by that of its loan.
async fn by_name_or_loan(conn: &mut PgConnection, org_id: &str, name: &str) -> Result<ApplicationId, Refused> {
    match by_name(conn, org_id, "loanApplicationId", name).await {
        Err(unknown @ Refused::UnknownIds { .. }) => {
            reference::find(conn, org_id, Kind::Loan, name).await?.first().copied().ok_or(unknown)
        }
        found => found,
    }
}

async fn by_name(
    conn: &mut PgConnection,
    org_id: &str,
    what: &'static str,
    name: &str,
) -> Result<ApplicationId, Refused> {
    let found = application::resolve(conn, org_id, &[name.to_owned()]).await?;
    let unknown = || Refused::UnknownIds { what, ids: vec![name.to_owned()] };
    found.first().map(|(_, id)| *id).ok_or_else(unknown)
}

/// A consent by its handle, or the latest one that carries an aggregation id.
async fn consent(conn: &mut PgConnection, org_id: &str, key: &ConsentKey) -> Result<Subjects, Refused> {
    let (kind, what, value) = match key {
        ConsentKey::Handle(handle) => (Kind::Consent, "consent.consentHandle", handle),
        ConsentKey::AggregationId(id) => (Kind::Aggregation, "consent.consentAggregationId", id),
    };
    let ids = reference::find(conn, org_id, kind, value).await?;
    if ids.is_empty() {
        return Err(Refused::UnknownIds { what, ids: vec![value.clone()] });
    }
    let consent_handle = match key {
        ConsentKey::Handle(handle) => Some(handle.clone()),
        ConsentKey::AggregationId(_) => latest_handle(conn, &ids).await?,
    };
    match consent_handle {
        Some(handle) => Ok(Subjects::Known(Known { ids, locked: None, consent_handle: Some(handle) })),
        None => Err(Refused::UnknownIds { what, ids: vec![value.clone()] }),
    }
}

async fn latest_handle(conn: &mut PgConnection, ids: &[ApplicationId]) -> Result<Option<String>, StoreError> {
    reference::latest(conn, ids, Kind::Consent).await
}

/// Whether a consent can be asked for: the borrower's address at the account aggregator comes with the request, or came
/// before.
///
/// # Errors
/// [`Refused::Missing`].
pub fn check_consent(command: &Command, locked: &[Locked]) -> Result<(), Refused> {
    match command {
        Command::RequestConsent(consent) if !knows_vua(locked.iter().map(|l| &l.application), consent) => {
            Err(Refused::Missing { pointer: "/consent/vua" })
        }
        _ => Ok(()),
    }
}

/// A payment that is named beside its loan must be the loan's.
///
/// # Errors
/// [`Refused::UnknownIds`].
pub fn check_payment(command: &Command, gathered: &Gathered) -> Result<(), Refused> {
    match (command, gathered.loan()) {
        (
            Command::RepaymentStatus { payment_id: Some(id), .. } | Command::RepaymentHint { payment_id: Some(id), .. },
            _,
        ) if gathered.payment.is_none() => Err(Refused::UnknownIds { what: "payment.id", ids: vec![id.0.clone()] }),
        (Command::DisbursementStatus { payment_id: Some(id), .. }, Some(loan)) if loan.payment(id).is_none() => {
            Err(Refused::UnknownIds { what: "payment.id", ids: vec![id.0.clone()] })
        }
        _ => Ok(()),
    }
}
