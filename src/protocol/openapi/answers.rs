//! One example loan, and what the LSP is told along its way. The loan is priced and every callback written by
//! the code that does it for real ones, so that the examples are true.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::DocumentError;
use super::running::{REPLY, Running, dispute};
use super::sample::{
    APPLICATION, BORROWER_URL, LOAN, accepted, account, consent, declined, decoded, lender, mandate, otp, priced,
    shown_account, shown_plan,
};
use crate::config::Lender;
use crate::domain::application::answer::{
    Answer, ApplicationContent, ConsentStatus, Content, DisbursementContent, GrantContent, GrantStatus, OffersContent,
    PayoutStatus, PlanContent, PlanStatus,
};
use crate::domain::application::command::{Command, NewApplication};
use crate::domain::application::facets::{AccountSetup, Deal, Kyc, Offer, RepaymentSetup};
use crate::domain::application::stage::Status;
use crate::domain::ids::{LoanId, PaymentId, PlanId};
use crate::domain::loan::dispute::DisputeStatus;
use crate::engine::{Codec as _, Outgoing};
use crate::lsp::Settings;
use crate::protocol::v3::core::timestamp;
use crate::protocol::{Codec, Operation};

/// Of every example that we send.
pub(super) const TRACE_ID: &str = "5c9d1a8e-6f0b-4f2e-9a53-0d8c3a1b7e11";
/// When we answer in the examples.
pub(super) const ANSWERED_AT: &str = "2026-01-05T10:00:01.000Z";
/// Calls about a loan that runs, answered when its instalment falls due.
const RUNNING: [&str; 9] = [
    "triggerRepayment",
    "triggerRepaymentStatus",
    "confirmRepayment",
    "loanSummary",
    "getLoan",
    "loanStatement",
    "listLoans",
    "raiseDispute",
    "disputeStatus",
];
/// A loan from application to its last instalment.
pub(super) struct Story {
    now: DateTime<Utc>,
    filed: NewApplication,
    offer: Offer,
    deal: Deal,
}

impl Story {
    /// Files the example application and prices it.
    pub(super) fn tell() -> Result<Self, DocumentError> {
        let now: DateTime<Utc> = ANSWERED_AT.parse().map_err(|_| DocumentError::Missing("the time of the examples"))?;
        let Command::CreateApplications(mut filed) = decoded("createLoanApplications", now)? else {
            return Err(DocumentError::Missing("createLoanApplications"));
        };
        let filed = filed.pop().ok_or(DocumentError::Missing("createLoanApplications"))?;
        let offer = priced(&filed, now)?;
        let deal = Deal {
            account: AccountSetup::Active { account: account(), payable_from: None },
            repayment: RepaymentSetup::Active { plan: PlanId("RP-1".to_owned()), mandate: Some(mandate()) },
            ..Deal::new(offer.clone(), Vec::new(), Kyc::Done { reference: "KYC-1".to_owned() })
        };
        Ok(Self { now, filed, offer, deal })
    }

    /// The callback of a call's example request, envelope included.
    pub(super) fn callback(&self, operation: &Operation) -> Result<Value, DocumentError> {
        let answers = self.answers(operation.name)?;
        let now = if RUNNING.contains(&operation.name) { self.running()?.now() } else { self.now };
        let request = (operation.example)();
        let lender: Lender = serde_json::from_value(lender())?;
        let encoded = Codec.encode(&Outgoing {
            operation: operation.name,
            request_id: request["requestId"].as_str().unwrap_or_default(),
            settings: &Settings::default(),
            lender: &lender,
            answers: &answers,
            borrower_url: BORROWER_URL,
            resting: &[],
            now,
        })?;
        let mut callback: Value = serde_json::from_str(&encoded.body)?;
        callback["metadata"] =
            json!({"version": "1.0", "orgId": lender.org_id, "timestamp": timestamp(now), "traceId": TRACE_ID});
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
            "raiseDispute" => vec![dispute(DisputeStatus::New, None, self.running()?.now())],
            "disputeStatus" => vec![dispute(DisputeStatus::Resolved, Some(REPLY), self.running()?.now())],
            running if RUNNING.contains(&running) => vec![self.running()?.content(running)?],
            other => match decoded(other, self.now)? {
                Command::Meta(meta) => vec![Content::Meta { meta }],
                _ => Vec::new(),
            },
        };
        Ok(contents.into_iter().map(Answer::ok).collect())
    }

    fn running(&self) -> Result<Running<'_>, DocumentError> {
        Running::paid_out(&self.filed.form, &self.deal, self.now)
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
            restated: None,
            failure: None,
        })
    }
}
