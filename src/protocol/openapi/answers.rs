//! One example loan, and what the LSP is told along its way. The loan is priced and every callback written by
//! the code that does it for real ones, so that the examples are true.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::DocumentError;
use crate::config::Lender;
use crate::domain::application::Application;
use crate::domain::application::answer::{
    AccountContent, Answer, ApplicationContent, ConsentContent, ConsentStatus, Content, DisbursementContent,
    GrantContent, GrantStatus, OffersContent, OtpContent, OtpStatus, PayoutStatus, PlanContent, PlanStatus,
};
use crate::domain::application::ask::Approval;
use crate::domain::application::command::{Command, NewApplication};
use crate::domain::application::decision::{Exposure, Facts, Fresh};
use crate::domain::application::facets::{
    Account, AccountSetup, AccountTarget, Consent, ConsentPurpose, Deal, Kyc, Mandate, Offer, Plan, RepaymentSetup,
};
use crate::domain::application::pricing;
use crate::domain::application::stage::{Rejection, RejectionReason, Stage, Status};
use crate::domain::ids::{AccountId, ApplicationId, BundleId, LoanId, OfferId, OrgId, PaymentId, PlanId};
use crate::domain::maths::money::Paise;
use crate::domain::product::{Catalogue, Limits, Product};
use crate::engine::{Codec as _, Outgoing};
use crate::lsp::Settings;
use crate::protocol::v3::Decoding;
use crate::protocol::{Codec, Operation, find};

/// Of every example that we send.
pub(super) const TRACE_ID: &str = "5c9d1a8e-6f0b-4f2e-9a53-0d8c3a1b7e11";
/// When we answer in the examples.
pub(super) const ANSWERED_AT: &str = "2026-01-05T10:00:01.000Z";
/// Where borrowers read and pay.
const BORROWER_URL: &str = "https://borrower.lender.example";
/// What the example applications and their loan are called in the example requests.
const APPLICATION: &str = "APP-1";
const LOAN: &str = "LON2345678434";
/// Amount sanctioned: the invoice of the example requests less a margin.
const SANCTIONED: Paise = Paise(3_059_500);

/// A loan from application to payout.
pub(super) struct Story {
    now: DateTime<Utc>,
    filed: NewApplication,
    offer: Offer,
    deal: Deal,
}

impl Story {
    /// Files the example application and prices it.
    pub(super) fn tell() -> Result<Self, DocumentError> {
        let now: DateTime<Utc> =
            ANSWERED_AT.parse().map_err(|_| DocumentError::Missing("the time of the examples"))?;
        let Command::CreateApplications(mut filed) = decoded("createLoanApplications", now)? else {
            return Err(DocumentError::Missing("createLoanApplications"));
        };
        let filed = filed.pop().ok_or(DocumentError::Missing("createLoanApplications"))?;
        let offer = priced(&filed, now)?;
        let deal = Deal {
            account: AccountSetup::Active { account: account() },
            repayment: RepaymentSetup::Active { plan: PlanId("RP-1".to_owned()), mandate: Some(mandate()) },
            ..Deal::new(offer.clone(), Vec::new(), Kyc::Done { reference: "KYC-1".to_owned() })
        };
        Ok(Self { now, filed, offer, deal })
    }

    /// The callback of a call's example request, envelope included.
    pub(super) fn callback(&self, operation: &Operation) -> Result<Value, DocumentError> {
        let answers = self.answers(operation.name)?;
        let request = (operation.example)();
        let lender: Lender = serde_json::from_value(lender())?;
        let encoded = Codec.encode(&Outgoing {
            operation: operation.name,
            request_id: request["requestId"].as_str().unwrap_or_default(),
            settings: &Settings::default(),
            lender: &lender,
            answers: &answers,
            borrower_url: BORROWER_URL,
            now: self.now,
        })?;
        let mut callback: Value = serde_json::from_str(&encoded.body)?;
        callback["metadata"] =
            json!({"version": "1.0", "orgId": lender.org_id, "timestamp": ANSWERED_AT, "traceId": TRACE_ID});
        Ok(callback)
    }

    fn answers(&self, operation: &'static str) -> Result<Vec<Answer>, DocumentError> {
        let contents = match operation {
            "createLoanApplications" => vec![self.received()],
            "consentHandle" => vec![consent(ConsentStatus::Pending)],
            "consentStatus" => vec![consent(ConsentStatus::Ready)],
            "generateOffers" => vec![self.offered(), declined()],
            "setOffer" => vec![accepted()],
            "triggerLoanAcceptance" | "verifyLoanAcceptance" => vec![otp()],
            "getDisbursementPlans" => self.disbursement_plans(|plan| Content::Plans { plans: vec![plan] }),
            "setDisbursementPlan" => self.disbursement_plans(|plan| Content::Plan { plan }),
            "getDisbursementAccounts" => vec![Content::Accounts { accounts: vec![shown_account()] }],
            "setDisbursementAccount" => vec![Content::Account { account: shown_account() }],
            "getRepaymentPlans" => {
                self.repayment_plans(PlanStatus::Inactive, |plan| Content::Plans { plans: vec![plan] })
            }
            "setRepaymentPlan" => self.repayment_plans(PlanStatus::PendingAuth, |plan| Content::Plan { plan }),
            "setRepaymentPlanStatus" => self.repayment_plans(PlanStatus::Active, |plan| Content::Plan { plan }),
            "grantLoan" => vec![self.granted()],
            "triggerDisbursement" => vec![self.payout(PayoutStatus::PendingAuth)],
            "triggerDisbursementStatus" => vec![self.payout(PayoutStatus::Success)],
            other => match decoded(other, self.now)? {
                Command::Meta(meta) => vec![Content::Meta { meta }],
                _ => Vec::new(),
            },
        };
        Ok(contents.into_iter().map(Answer::ok).collect())
    }

    fn received(&self) -> Content {
        Content::Application(ApplicationContent {
            loan_application_id: APPLICATION.to_owned(),
            form: self.filed.form.clone(),
            status: Some(Status::Processing),
            rejections: Vec::new(),
            actions: Vec::new(),
        })
    }

    fn offered(&self) -> Content {
        Content::Offers(OffersContent {
            loan_application_id: APPLICATION.to_owned(),
            status: Status::Offered,
            offers: vec![self.offer.clone()],
            rejections: Vec::new(),
            actions: Vec::new(),
        })
    }

    fn disbursement_plans(&self, content: fn(PlanContent) -> Content) -> Vec<Content> {
        let plans = self.offer.disbursement_plans.iter();
        plans.map(|plan| content(shown_plan(plan, PlanStatus::Active))).collect()
    }

    fn repayment_plans(&self, status: PlanStatus, content: fn(PlanContent) -> Content) -> Vec<Content> {
        let plans = self.offer.repayment_plans.iter();
        let page = || (status != PlanStatus::Inactive).then(|| mandate().payment_url);
        plans
            .map(|plan| {
                content(PlanContent {
                    payment_url: page(),
                    schedule: Some(self.offer.schedule.clone()),
                    ..shown_plan(plan, status)
                })
            })
            .collect()
    }

    fn granted(&self) -> Content {
        Content::Grant(Box::new(GrantContent {
            loan_application_id: APPLICATION.to_owned(),
            loan_id: Some(LoanId(LOAN.to_owned())),
            status: GrantStatus::Granted,
            requested: self.filed.form.requested,
            tenure: self.filed.form.tenure,
            deal: Some(self.deal.clone()),
            agreement_url: Some(format!("{BORROWER_URL}/agreement/OFF-1")),
            rejections: Vec::new(),
            actions: Vec::new(),
        }))
    }

    fn payout(&self, status: PayoutStatus) -> Content {
        let paid = status == PayoutStatus::Success;
        Content::Disbursement(DisbursementContent {
            loan_id: LoanId(LOAN.to_owned()),
            payment_id: PaymentId("DISB-1".to_owned()),
            status: Some(status),
            tranche: Some(1),
            gross: Some(self.offer.sanctioned),
            net: Some(self.offer.net_disbursed),
            fee: Some(self.offer.charges.processing),
            utr: paid.then(|| "N005261234567890".to_owned()),
            at: paid.then_some(self.now),
            value_date: paid.then_some(self.offer.terms.disbursed_on),
        })
    }
}

fn decoded(operation: &'static str, now: DateTime<Utc>) -> Result<Command, DocumentError> {
    let operation = find(operation).ok_or(DocumentError::Missing(operation))?;
    Ok((operation.decode)(&(operation.example)().to_string(), &Decoding { now })?)
}

/// The lender of the sandbox.
fn lender() -> Value {
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
fn priced(filed: &NewApplication, now: DateTime<Utc>) -> Result<Offer, DocumentError> {
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
    };
    let (products, limits) = (Catalogue(Vec::new()), Limits::default());
    let facts = Facts {
        now,
        today: now.date_naive(),
        products: &products,
        limits: &limits,
        exchange: None,
        exposure: Exposure::default(),
        fresh: Fresh::default(),
        otp_matches: false,
        collateral_pledged: false,
        lsp_accounts: Vec::new(),
        loan: None,
        consent_handle: None,
    };
    let approval = Approval { amount: SANCTIONED, installments: None, annual_rate: None };
    let offer = pricing::price(&application, &product, &approval, (1, 0), &facts)?;
    Ok(Offer {
        id: OfferId("OFF-1".to_owned()),
        disbursement_plans: named("DP-1", offer.disbursement_plans),
        repayment_plans: named("RP-1", offer.repayment_plans),
        ..offer
    })
}

fn named(id: &str, plans: Vec<Plan>) -> Vec<Plan> {
    plans.into_iter().map(|plan| Plan { id: PlanId(id.to_owned()), ..plan }).collect()
}

fn shown_plan(plan: &Plan, status: PlanStatus) -> PlanContent {
    PlanContent { id: plan.id.clone(), plan: Some(plan.clone()), status, payment_url: None, schedule: None }
}

fn mandate() -> Mandate {
    Mandate { reference: "MANDATE-1".to_owned(), payment_url: format!("{BORROWER_URL}/pay/5n0wq8") }
}

/// The account of the example request.
fn account() -> Account {
    Account {
        id: AccountId("ACC-1".to_owned()),
        target: AccountTarget::Account { ifsc: "ICIC0000856".to_owned(), number: "112507891013562".to_owned() },
        holder: Some("Asha Lal".to_owned()),
        kind: Some("SAVING".to_owned()),
    }
}

fn shown_account() -> AccountContent {
    AccountContent { account: Some(account()), id: "ACC-1".to_owned(), active: true }
}

fn consent(status: ConsentStatus) -> Content {
    Content::Consent(ConsentContent {
        handle: Some("39e108fe-9243-11e8-b9f2-0256d88baae8".to_owned()),
        status,
        purpose: Some(ConsentPurpose::Data),
        vua: Some("asha@aa".to_owned()),
        aggregation_id: Some("AGG-1".to_owned()),
    })
}

fn declined() -> Content {
    let description = "The repayment history does not allow another loan now.".to_owned();
    Content::Offers(OffersContent {
        loan_application_id: "APP-2".to_owned(),
        status: Status::Rejected,
        offers: Vec::new(),
        rejections: vec![Rejection { reason: RejectionReason::LowCreditScore, description }],
        actions: Vec::new(),
    })
}

fn accepted() -> Content {
    Content::OfferSet { loan_application_id: APPLICATION.to_owned(), status: Status::OfferAccepted }
}

fn otp() -> Content {
    Content::Otp(OtpContent {
        session_key: Some("OTPS-1".to_owned()),
        masked_phone: Some("XXXXXX0001".to_owned()),
        status: OtpStatus::Success,
    })
}
