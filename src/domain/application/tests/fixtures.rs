//! What tests start from: products, forms and commands.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::domain::application::command::{
    ChosenAccount, Command, ConsentKey, NewAccount, NewApplication, PaymentOrder, RequestConsent, Subject,
};
use crate::domain::application::facets::{Account, AccountTarget, ConsentPurpose};
use crate::domain::application::form::{Borrower, Form, LoanType};
use crate::domain::ids::{AccountId, ApplicationId, DisputeId, LoanId, OfferId, OrgId, PaymentId, PlanId};
use crate::domain::kfs::{Contact, IssuedKfs, Kfs, Letterhead, Scribe};
use crate::domain::maths::FirstPeriod;
use crate::domain::maths::day_count::DayCount;
use crate::domain::maths::money::Paise;
use crate::domain::maths::rounding::Rounding;
use crate::domain::maths::schedule::{Frequency, Method};
use crate::domain::product::Product;
use crate::domain::servicing::Servicing;

/// The address at the account aggregator that the borrower of every test has.
pub const VUA: &str = "asha@aa";

pub fn instant(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

pub fn decimal(text: &str) -> Decimal {
    Decimal::from_str_exact(text).expect("a decimal")
}

pub fn rupees(text: &str) -> Paise {
    Paise::from_rupees_exact(decimal(text)).expect("an amount")
}

/// Twelve monthly instalments at 18 %, 2 % fee with tax, and every prerequisite that a product may demand.
pub fn careful_product() -> Product {
    Product {
        id: "PERSONAL-12".to_owned(),
        loan_types: vec![LoanType::Personal],
        min_amount: rupees("1000"),
        max_amount: rupees("1000000"),
        annual_rate: "18.00".parse().expect("a rate"),
        method: Method::EqualInstalment,
        frequency: Frequency::Monthly,
        installments: 12,
        bullet_days: None,
        day_count: DayCount::Thirty360,
        rounding: Rounding::PaiseHalfUp,
        processing_fee_percent: decimal("2"),
        gst_percent: decimal("18"),
        bounce_charge: rupees("250"),
        late_payment_percent: decimal("24"),
        cooling_off_days: 3,
        offer_validity_days: 7,
        needs_data_consent: true,
        needs_monitoring_consent: true,
        needs_kyc: true,
        repay_by_mandate: true,
        payout_cool_down_hours: 0,
        needs_documents: Vec::new(),
        effective_from: None,
        effective_to: None,
        first_period: FirstPeriod::Stretch,
        odd_day_count: None,
        fees: Vec::new(),
        servicing: Servicing::default(),
    }
}

/// The same terms with no prerequisite beyond the agreement, a plan and an account.
pub fn plain_product() -> Product {
    Product {
        needs_data_consent: false,
        needs_monitoring_consent: false,
        needs_kyc: false,
        repay_by_mandate: false,
        ..careful_product()
    }
}

pub fn letterhead() -> Letterhead {
    Letterhead {
        name: "Demo Finance Limited".to_owned(),
        phone: "18001234567".to_owned(),
        email: None,
        grievance_officer: Contact {
            name: "Meera Nair".to_owned(),
            phone: "18001234568".to_owned(),
            email: Some("grievance@demo-finance.example".to_owned()),
        },
        recovery_agents: Vec::new(),
        transferable: false,
    }
}

/// Writes statements in a way of its own: the domain does not care how.
#[derive(Debug)]
pub struct Pen;

impl Scribe for Pen {
    fn loan_id(&self, org: &OrgId, loan_application_id: &str) -> LoanId {
        LoanId(format!("L-{org}-{loan_application_id}"))
    }

    fn account_id(&self, application: &ApplicationId, target: &AccountTarget) -> AccountId {
        let target = serde_json::to_string(target).unwrap_or_default();
        AccountId(format!("ACC-{}", self.hash(&format!("{application} {target}"))))
    }

    fn hash(&self, text: &str) -> String {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }

    fn dispute_url(&self, dispute: &DisputeId) -> String {
        format!("/dispute/{dispute}")
    }

    fn issue(&self, kfs: &Kfs) -> Option<IssuedKfs> {
        let number = kfs.proposal_number.clone();
        Some(IssuedKfs {
            hash: format!("hash of {number}"),
            url: format!("/kfs/{number}"),
            agreement_url: format!("/agreement/{number}"),
            text: format!("{kfs:?}"),
            valid_till: kfs.valid_till,
            number,
        })
    }
}

pub fn form(created_at: DateTime<Utc>) -> Form {
    Form {
        loan_type: LoanType::Personal,
        created_at,
        borrower: Borrower {
            primary_id: "ABCDE1234F".to_owned(),
            primary_id_type: "PAN".to_owned(),
            pan: Some("ABCDE1234F".to_owned()),
            name: Some("Asha".to_owned()),
            phone: Some("9876543210".to_owned()),
            email: None,
        },
        collaterals: Vec::new(),
        requested: rupees("100000"),
        tenure: None,
        documents: Vec::new(),
        documents_digest: None,
        echo: "{}".to_owned(),
    }
}

pub fn item(name: &str, form: Form) -> NewApplication {
    NewApplication { loan_application_id: name.to_owned(), form }
}

/// A request names an application by the LSP's id.
pub fn subject(name: &str) -> Subject {
    Subject { loan_id: None, loan_application_id: Some(name.to_owned()) }
}

pub fn consent(names: &[&str], purpose: Option<ConsentPurpose>) -> Command {
    Command::RequestConsent(RequestConsent {
        loan_application_ids: owned(names),
        purpose,
        vua: Some(VUA.to_owned()),
        aggregation_id: None,
        aggregated: None,
        lsp: None,
    })
}

pub fn consent_status(handle: &str) -> Command {
    Command::ConsentStatus(ConsentKey::Handle(handle.to_owned()))
}

pub fn generate(names: &[&str]) -> Command {
    Command::GenerateOffers(owned(names))
}

pub fn set_offer(name: &str, offer: &OfferId) -> Command {
    Command::SetOffer { loan_application_id: name.to_owned(), offer: offer.clone() }
}

pub fn trigger_acceptance(names: &[&str]) -> Command {
    Command::TriggerAcceptance { loan_application_ids: owned(names), app_token: None }
}

/// Whether the digits are right is a fact of the scene, not of the command.
pub fn verify(session_key: &str) -> Command {
    Command::VerifyAcceptance { session_key: session_key.to_owned(), otp: "123456".to_owned() }
}

pub fn set_account(name: &str, account: Account) -> Command {
    let Account { id, target, holder, kind } = account;
    let new = NewAccount { id: Some(id), target, holder, kind };
    Command::SetDisbursementAccount(subject(name), ChosenAccount::New(new))
}

/// The same without an id.
pub fn set_account_without_id(name: &str, account: Account) -> Command {
    let Account { target, holder, kind, .. } = account;
    let new = NewAccount { id: None, target, holder, kind };
    Command::SetDisbursementAccount(subject(name), ChosenAccount::New(new))
}

pub fn set_repayment_plan(name: &str, plan: &PlanId) -> Command {
    Command::SetRepaymentPlan(subject(name), plan.clone())
}

pub fn grant(name: &str) -> Command {
    Command::Grant { loan_application_id: name.to_owned() }
}

/// The whole of the only tranche.
pub fn pay_out(loan_id: &LoanId, payment: &str) -> Command {
    let payment = PaymentOrder { id: PaymentId::from(payment), tranche: None, amount: None };
    Command::TriggerDisbursement { loan_id: loan_id.clone(), payment }
}

pub fn account(id: &str) -> Account {
    let target = AccountTarget::Account { ifsc: "HDFC0000001".to_owned(), number: format!("50100{id}") };
    Account { id: AccountId::from(id), target, holder: Some("Asha".to_owned()), kind: Some("SAVING".to_owned()) }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
