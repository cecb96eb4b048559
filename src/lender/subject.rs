//! What each system is told of an application, and no more (RBI digital lending, DL 12).

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::question::rupees_schema;
use crate::domain::application::Application;
use crate::domain::application::ask::Ask;
use crate::domain::application::facets::Deal;
use crate::domain::application::form::{LoanType, Tenure, TenureUnit};
use crate::domain::maths::rate::AnnualRate;

/// An application, for ports that need to know whose it is and no more.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Subject<'a> {
    /// The LSP that filed it.
    pub(super) org_id: &'a str,
    /// The LSP's id; unique together with `orgId`.
    pub(super) loan_application_id: &'a str,
    /// The lender's product; null when none serves the loan type.
    pub(super) product: Option<&'a str>,
    /// Who borrows.
    pub(super) borrower: Person<'a>,
}

/// How to address a borrower.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Person<'a> {
    /// Name as the LSP gave it.
    pub(super) name: Option<&'a str>,
    /// Phone number, ten digits.
    pub(super) phone: Option<&'a str>,
}

/// By what a borrower is known.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Identity<'a> {
    /// The identifier that the LSP calls primary.
    pub(super) primary_id: &'a str,
    /// What kind it is, e.g. `PAN`.
    pub(super) primary_id_type: &'a str,
    /// Permanent account number; null when the LSP gave none.
    pub(super) pan: Option<&'a str>,
}

/// An application for the port `decision`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DecisionSubject<'a> {
    #[serde(flatten)]
    pub(super) subject: Subject<'a>,
    /// By what the borrower is known.
    pub(super) identity: Identity<'a>,
    /// Purpose of the loan.
    pub(super) loan_type: LoanType,
    /// What is asked for, rupees.
    #[schemars(schema_with = "rupees_schema")]
    pub(super) requested_amount: String,
    /// For how long; null when the LSP did not say.
    pub(super) requested_tenure: Option<WireTenure>,
    /// What secures the loan, e.g. invoices.
    pub(super) collaterals: Vec<Security<'a>>,
    /// Kinds of documents that were filed.
    pub(super) documents: &'a [String],
}

/// What secures a loan.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Security<'a> {
    /// Kind of id, e.g. `INVOICE_NUMBER`.
    id_type: &'a str,
    /// The id.
    id: &'a str,
    /// What it is worth, rupees; null when not stated.
    value: Option<String>,
}

/// A length of time.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Tenure")]
pub(super) struct WireTenure {
    /// How many units.
    duration: u32,
    /// Which unit.
    unit: TenureUnit,
}

/// An application for the port `kyc`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct KycSubject<'a> {
    #[serde(flatten)]
    pub(super) subject: Subject<'a>,
    /// By what the borrower is known.
    pub(super) identity: Identity<'a>,
}

/// An application for the port `notifier`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NotifierSubject<'a> {
    #[serde(flatten)]
    pub(super) subject: Subject<'a>,
    /// Email of the borrower; null when the LSP gave none.
    pub(super) email: Option<&'a str>,
}

/// An application for the port `agreement`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AgreementSubject<'a> {
    #[serde(flatten)]
    pub(super) subject: Subject<'a>,
    /// Email of the borrower; null when the LSP gave none.
    pub(super) email: Option<&'a str>,
    /// The accepted offer.
    pub(super) offer: Option<OfferView<'a>>,
    /// The statement that the agreement must stand on.
    pub(super) key_facts_statement: Option<StatementView<'a>>,
}

/// An application for the port `collections`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CollectionsSubject<'a> {
    #[serde(flatten)]
    pub(super) subject: Subject<'a>,
    /// Email of the borrower; null when the LSP gave none.
    pub(super) email: Option<&'a str>,
    /// The accepted offer; null before there is one.
    pub(super) offer: Option<OfferView<'a>>,
}

/// An accepted offer.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "AcceptedOffer")]
pub(super) struct OfferView<'a> {
    /// The offer's id.
    pub(super) id: &'a str,
    /// Amount lent, rupees.
    #[schemars(schema_with = "rupees_schema")]
    pub(super) sanctioned_amount: String,
    /// Contract rate, percent per annum.
    #[schemars(with = "String")]
    pub(super) annual_rate: AnnualRate,
    /// Annual percentage rate with all charges, percent.
    pub(super) annual_percentage_rate: String,
    /// Interest over the whole loan, rupees.
    #[schemars(schema_with = "rupees_schema")]
    pub(super) total_interest: String,
    /// All instalments together, rupees.
    #[schemars(schema_with = "rupees_schema")]
    pub(super) total_repayable: String,
    /// Each instalment, rupees; the last may differ.
    #[schemars(schema_with = "rupees_schema")]
    pub(super) installment_amount: String,
    /// Paid out after the charges that are kept, rupees.
    #[schemars(schema_with = "rupees_schema")]
    pub(super) net_disbursed_amount: String,
    /// Days in which the borrower may leave without penalty.
    pub(super) cooling_off_days: u32,
    /// Length of the loan.
    pub(super) tenure: WireTenure,
}

/// A key facts statement: `text` is exactly what `hash` is of.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "IssuedStatement")]
pub(super) struct StatementView<'a> {
    /// The proposal's number, as the borrower reads it.
    pub(super) proposal_number: &'a str,
    /// SHA-256 of `text`, 64 small hexadecimal digits.
    pub(super) hash: &'a str,
    /// The statement: JSON in text, described by `kfs.schema.json`.
    pub(super) text: &'a str,
    /// The server's page that shows it.
    pub(super) url: &'a str,
    /// The server's page that shows the agreement, when `prepare` returns its text.
    pub(super) agreement_url: &'a str,
    /// Good until this instant, inclusive.
    pub(super) valid_till: DateTime<Utc>,
}

fn json(value: impl Serialize) -> Value {
    // Structures with text members always have a JSON form.
    serde_json::to_value(value).unwrap_or_default()
}

/// What the system behind a question is told of an application.
pub(super) fn subject_of(ask: &Ask, application: &Application) -> Value {
    let subject = common(application);
    let email = application.form.borrower.email.as_deref();
    match ask.port() {
        "decision" => json(decision_view(application)),
        "kyc" => json(KycSubject { subject, identity: identity(application) }),
        "notifier" => json(NotifierSubject { subject, email }),
        "agreement" => json(AgreementSubject {
            subject,
            email,
            offer: offer_view(application),
            key_facts_statement: statement_view(application),
        }),
        "collections" => json(CollectionsSubject { subject, email, offer: offer_view(application) }),
        _ => json(subject),
    }
}

fn common(application: &Application) -> Subject<'_> {
    let borrower = &application.form.borrower;
    Subject {
        org_id: application.org_id.as_str(),
        loan_application_id: &application.loan_application_id,
        product: application.product.as_deref(),
        borrower: Person { name: borrower.name.as_deref(), phone: borrower.phone.as_deref() },
    }
}

fn identity(application: &Application) -> Identity<'_> {
    let borrower = &application.form.borrower;
    Identity {
        primary_id: &borrower.primary_id,
        primary_id_type: &borrower.primary_id_type,
        pan: borrower.pan.as_deref(),
    }
}

fn decision_view(application: &Application) -> DecisionSubject<'_> {
    let form = &application.form;
    let collaterals = form.collaterals.iter().map(|collateral| Security {
        id_type: &collateral.id_type,
        id: &collateral.id,
        value: collateral.value.map(|value| value.to_string()),
    });
    DecisionSubject {
        subject: common(application),
        identity: identity(application),
        loan_type: form.loan_type,
        requested_amount: form.requested.to_string(),
        requested_tenure: form.tenure.map(tenure_view),
        collaterals: collaterals.collect(),
        documents: &form.documents,
    }
}

fn offer_view(application: &Application) -> Option<OfferView<'_>> {
    let offer = application.stage.deal()?.offer_to_sign();
    Some(OfferView {
        id: offer.id.as_str(),
        sanctioned_amount: offer.sanctioned.to_string(),
        annual_rate: offer.annual_rate,
        annual_percentage_rate: offer.apr.to_string(),
        total_interest: offer.interest.to_string(),
        total_repayable: offer.total.saturating_add(offer.schedule.upfront_interest).to_string(),
        installment_amount: offer.instalment.to_string(),
        net_disbursed_amount: offer.net_disbursed.to_string(),
        cooling_off_days: offer.cooling_off_days,
        tenure: tenure_view(offer.tenure),
    })
}

fn statement_view(application: &Application) -> Option<StatementView<'_>> {
    let kfs = application.stage.deal().and_then(Deal::kfs_to_sign)?;
    Some(StatementView {
        proposal_number: &kfs.number,
        hash: &kfs.hash,
        text: &kfs.text,
        url: &kfs.url,
        agreement_url: &kfs.agreement_url,
        valid_till: kfs.valid_till,
    })
}

/// A tenure as it is written.
pub(super) fn tenure_view(tenure: Tenure) -> WireTenure {
    WireTenure { duration: tenure.duration, unit: tenure.unit }
}
