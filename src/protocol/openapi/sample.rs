//! What the example loan is made of: its lender, product, price and people.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::DocumentError;
use crate::config::Lender;
use crate::domain::application::Application;
use crate::domain::application::answer::{
    AccountContent, ConsentContent, ConsentStatus, Content, OffersContent, OtpContent, OtpStatus, PlanContent,
    PlanStatus,
};
use crate::domain::application::ask::Approval;
use crate::domain::application::command::{Command, NewApplication};
use crate::domain::application::decision::{Exposure, Facts, Fresh};
use crate::domain::application::facets::{Account, AccountTarget, Consent, ConsentPurpose, Mandate, Offer, Plan};
use crate::domain::application::pricing;
use crate::domain::application::stage::{Rejection, RejectionReason, Stage, Status};
use crate::domain::calendar::WorkingDays;
use crate::domain::ids::{AccountId, ApplicationId, BundleId, DisputeId, LoanId, OfferId, OrgId, PlanId};
use crate::domain::kfs::{IssuedKfs, Kfs, Scribe};
use crate::domain::maths::money::Paise;
use crate::domain::product::{Catalogue, Limits, Product};
use crate::engine::pages::{sha256, written};
use crate::protocol::find;
use crate::protocol::v3::Decoding;

/// Where borrowers read and pay.
pub(super) const BORROWER_URL: &str = "https://borrower.lender.example";
/// The application in the example requests.
pub(super) const APPLICATION: &str = "APP-1";
/// Made at the grant.
pub(super) const LOAN: &str = "LON2345678434";
/// Amount sanctioned: the invoice of the example requests less a margin.
const SANCTIONED: Paise = Paise(3_059_500);

/// What an example request asks for.
pub(super) fn decoded(operation: &'static str, now: DateTime<Utc>) -> Result<Command, DocumentError> {
    let operation = find(operation).ok_or(DocumentError::Missing(operation))?;
    Ok((operation.decode)(&(operation.example)().to_string(), &Decoding { now })?)
}

/// The lender of the sandbox.
pub(super) fn lender() -> Value {
    json!({
        "orgId": "LENDER-DEMO", "name": "Demo Finance Limited", "primaryId": "U65999KA2020PLC000001",
        "primaryIdType": "CIN", "phone": "18001234567", "email": "care@demo-finance.example"
    })
}

/// The sandbox's product for invoices.
fn product() -> Result<Product, serde_json::Error> {
    serde_json::from_value(json!({
        "id": "invoice", "loanTypes": ["CASHFLOW"], "minAmount": "1000.00", "maxAmount": "1000000.00",
        "annualRate": "18.00", "method": "BULLET", "frequency": "MONTHLY", "installments": 1, "bulletDays": 90,
        "dayCount": "ACTUAL365", "rounding": "PAISE_HALF_UP", "processingFeePercent": "1.00", "gstPercent": "18.00",
        "bounceCharge": "250.00", "latePaymentPercent": "24.00", "coolingOffDays": 3, "offerValidityDays": 7,
        "needsDataConsent": true, "needsMonitoringConsent": true, "needsKyc": true, "repayByMandate": true
    }))
}

/// The offer on the example application, with the ids that the example requests use.
pub(super) fn priced(filed: &NewApplication, now: DateTime<Utc>) -> Result<Offer, DocumentError> {
    let product = product()?;
    let application = Application {
        id: ApplicationId(Uuid::nil()),
        org_id: OrgId("LSP-DEMO".to_owned()),
        loan_application_id: filed.loan_application_id.clone(),
        bundle: BundleId(Uuid::nil()),
        form: filed.form.clone(),
        product: Some(product.id.clone()),
        stage: Stage::Processing,
        data_consent: Consent::None,
        monitoring_consent: Consent::None,
        aggregation_id: None,
        waiting: Vec::new(),
        otp_sent_at: Vec::new(),
        generation: 1,
        touched_at: now,
        erased_at: None,
    };
    let (products, limits, calendar) = (Catalogue(Vec::new()), Limits::default(), WorkingDays::default());
    let letterhead = serde_json::from_value::<Lender>(lender())?.letterhead();
    let facts = Facts {
        now,
        today: now.date_naive(),
        products: &products,
        limits: &limits,
        calendar: &calendar,
        letterhead: &letterhead,
        scribe: &Sample,
        lsp_name: "Demo LSP".to_owned(),
        exchange: None,
        exposure: Exposure::default(),
        fresh: Fresh::default(),
        otp_matches: false,
        collateral_pledged: false,
        is_credited: false,
        lsp_accounts: Vec::new(),
        orders_under_way: Vec::new(),
        orders_unanswered: Vec::new(),
        loan: None,
        history: None,
        payment: None,
        dispute: None,
        borrower_npa_since: None,
        consent_handle: None,
    };
    let approval = Approval { amount: SANCTIONED, installments: None, annual_rate: None, valid_days: None };
    let offer = pricing::price(&application, &product, &approval, (1, 0), &facts)?;
    Ok(Offer {
        id: OfferId("OFF-1".to_owned()),
        disbursement_plans: named("DP-1", offer.disbursement_plans),
        repayment_plans: named("RP-1", offer.repayment_plans),
        ..offer
    })
}

/// Writes the example's key facts statement; its page is nowhere.
#[derive(Debug)]
struct Sample;

impl Scribe for Sample {
    fn loan_id(&self, _: &OrgId, _: &str) -> LoanId {
        LoanId("LON7Q2KX4MB9TZA".to_owned())
    }

    fn hash(&self, text: &str) -> String {
        sha256(text.as_bytes())
    }

    fn dispute_url(&self, _: &DisputeId) -> String {
        format!("{BORROWER_URL}/dispute/91d3e7")
    }

    fn issue(&self, kfs: &Kfs) -> Option<IssuedKfs> {
        let (text, hash) = written(kfs)?;
        Some(IssuedKfs {
            number: kfs.proposal_number.clone(),
            url: format!("{BORROWER_URL}/kfs/6b1f0c"),
            agreement_url: format!("{BORROWER_URL}/agreement/c2e94a"),
            text,
            hash,
            valid_till: kfs.valid_till,
        })
    }
}

fn named(id: &str, plans: Vec<Plan>) -> Vec<Plan> {
    plans.into_iter().map(|plan| Plan { id: PlanId(id.to_owned()), ..plan }).collect()
}

/// A plan as it is told.
pub(super) fn shown_plan(plan: &Plan, status: PlanStatus) -> PlanContent {
    PlanContent { id: plan.id.clone(), plan: Some(plan.clone()), status, payment_url: None, schedule: None }
}

/// The mandate of the repayment plan.
pub(super) fn mandate() -> Mandate {
    Mandate { reference: "MANDATE-1".to_owned(), payment_url: format!("{BORROWER_URL}/pay/5n0wq8") }
}

/// The account of the example request.
pub(super) fn account() -> Account {
    Account {
        id: AccountId("ACC-1".to_owned()),
        target: AccountTarget::Account { ifsc: "ICIC0000856".to_owned(), number: "112507891013562".to_owned() },
        holder: Some("Asha Lal".to_owned()),
        kind: Some("SAVING".to_owned()),
    }
}

/// The account as it is told.
pub(super) fn shown_account() -> AccountContent {
    AccountContent { account: Some(account()), id: "ACC-1".to_owned(), active: true }
}

/// The consent of the example request.
pub(super) fn consent(status: ConsentStatus) -> Content {
    Content::Consent(ConsentContent {
        handle: Some("39e108fe-9243-11e8-b9f2-0256d88baae8".to_owned()),
        status,
        purpose: Some(ConsentPurpose::Data),
        vua: Some("asha@aa".to_owned()),
        aggregation_id: Some("AGG-1".to_owned()),
    })
}

/// The second application of the example request has no luck.
pub(super) fn declined() -> Content {
    let description = "The repayment history does not allow another loan now.".to_owned();
    Content::Offers(OffersContent {
        loan_application_id: "APP-2".to_owned(),
        status: Status::Rejected,
        offers: Vec::new(),
        rejections: vec![Rejection { reason: RejectionReason::LowCreditScore, description }],
        actions: Vec::new(),
    })
}

/// The offer is taken.
pub(super) fn accepted() -> Content {
    Content::OfferSet { loan_application_id: APPLICATION.to_owned(), status: Status::OfferAccepted }
}

/// An OTP that was sent or verified.
pub(super) fn otp() -> Content {
    Content::Otp(OtpContent {
        session_key: Some("OTPS-1".to_owned()),
        masked_phone: Some("XXXXXX0001".to_owned()),
        status: OtpStatus::Success,
    })
}
