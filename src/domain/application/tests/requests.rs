//! Every request that an LSP can make about an application, with the ids that the scene at hand has.

use super::fixtures::{
    account, consent, consent_status, generate, grant, item, pay_out, rupees, set_account, set_offer,
    set_repayment_plan, subject, trigger_acceptance, verify,
};
use super::story::ONE;
use super::support::Scene;
use crate::domain::application::Application;
use crate::domain::application::command::{ChosenAccount, Command, PaymentOrder};
use crate::domain::application::facets::{Account, ConsentPurpose};
use crate::domain::application::form::{Form, LoanType};
use crate::domain::application::stage::Stage;
use crate::domain::ids::{AccountId, LoanId, OfferId, PaymentId, PlanId};

/// Makes a request about the application of that name.
pub type Request = fn(&Scene, &str) -> Command;

/// Forms that make a first request.
pub fn first_forms() -> Vec<(&'static str, Command)> {
    let good = Scene::new().form();
    let late = good.created_at + chrono::Duration::minutes(6);
    let file = |form: Form| Command::CreateApplications(vec![item(ONE, form)]);
    vec![
        ("createLoanApplications", file(good.clone())),
        ("createLoanApplications: type not sold", file(Form { loan_type: LoanType::Home, ..good.clone() })),
        ("createLoanApplications: from tomorrow", file(Form { created_at: late, ..good.clone() })),
        ("createLoanApplications: too much", file(Form { requested: rupees("1000001"), ..good })),
    ]
}

/// Every request of an LSP that is about one application, made for the scene at hand.
pub fn requests() -> Vec<(&'static str, Request)> {
    [until_the_agreement(), set_up(), grant_and_payout()].concat()
}

fn until_the_agreement() -> Vec<(&'static str, Request)> {
    vec![
        ("createLoanApplications: same data", |s, name| {
            Command::CreateApplications(vec![item(name, s.app(name).form.clone())])
        }),
        ("createLoanApplications: other data", |s, name| {
            let form = Form { requested: rupees("120000"), ..s.form() };
            Command::CreateApplications(vec![item(name, form)])
        }),
        ("consentHandle: data", |_, name| consent(&[name], Some(ConsentPurpose::Data))),
        ("consentHandle: monitoring", |_, name| consent(&[name], Some(ConsentPurpose::Monitoring))),
        ("consentStatus: data", |s, name| consent_status(s.app(name).data_consent.handle().unwrap_or("none"))),
        ("consentStatus: monitoring", |s, name| {
            consent_status(s.app(name).monitoring_consent.handle().unwrap_or("none"))
        }),
        ("generateOffers", |_, name| generate(&[name])),
        ("setOffer: the best or chosen one", |s, name| set_offer(name, &offers(s.app(name)).0)),
        ("setOffer: another one", |s, name| set_offer(name, &offers(s.app(name)).1)),
        ("setOffer: an unknown one", |_, name| set_offer(name, &OfferId::from("OF-unknown"))),
        ("triggerLoanAcceptance", |_, name| trigger_acceptance(&[name])),
        ("verifyLoanAcceptance: its session", |s, name| verify(&session(s.app(name)))),
        ("verifyLoanAcceptance: unknown session", |_, _| verify("unknown")),
    ]
}

fn set_up() -> Vec<(&'static str, Request)> {
    vec![
        ("getDisbursementPlans", |_, name| Command::DisbursementPlans(subject(name))),
        ("setDisbursementPlan", |s, name| Command::SetDisbursementPlan(subject(name), plans(s.app(name)).0)),
        ("setDisbursementPlan: an unknown one", |_, name| {
            Command::SetDisbursementPlan(subject(name), PlanId::from("DP-unknown"))
        }),
        ("getDisbursementAccounts", |_, name| Command::DisbursementAccounts(subject(name))),
        ("setDisbursementAccount: new", |_, name| set_account(name, account("A2"))),
        ("setDisbursementAccount: known", |_, name| {
            Command::SetDisbursementAccount(subject(name), ChosenAccount::Known(AccountId::from("A1")))
        }),
        ("setDisbursementAccount: wallet", |_, name| {
            set_account(name, Account { kind: Some("WALLET".to_owned()), ..account("A2") })
        }),
        ("getRepaymentPlans", |_, name| Command::RepaymentPlans(subject(name))),
        ("setRepaymentPlan", |s, name| set_repayment_plan(name, &plans(s.app(name)).1)),
        ("setRepaymentPlan: an unknown one", |_, name| set_repayment_plan(name, &PlanId::from("RP-unknown"))),
        ("setRepaymentPlanStatus", |s, name| Command::RepaymentPlanStatus(plans(s.app(name)).1)),
    ]
}

fn grant_and_payout() -> Vec<(&'static str, Request)> {
    vec![
        ("grantLoan", |_, name| grant(name)),
        ("triggerDisbursement", |s, name| pay_out(&loan_id(s.app(name)), "P1")),
        ("triggerDisbursement: another payment id", |s, name| pay_out(&loan_id(s.app(name)), "P2")),
        ("triggerDisbursement: another amount", |s, name| {
            let payment = PaymentOrder { id: PaymentId::from("P1"), tranche: None, amount: Some(rupees("1")) };
            Command::TriggerDisbursement { loan_id: loan_id(s.app(name)), payment }
        }),
        ("triggerDisbursementStatus", |s, name| Command::DisbursementStatus {
            loan_id: Some(loan_id(s.app(name))),
            payment_id: None,
        }),
    ]
}

pub fn pending_handle(app: &Application) -> &str {
    let consent = if app.stage.deal().is_some() { &app.monitoring_consent } else { &app.data_consent };
    consent.handle().unwrap_or("none")
}

/// The best offer, or the chosen one, and another.
pub fn offers(app: &Application) -> (OfferId, OfferId) {
    let named = |number: u32| OfferId(format!("OF-{}-{number}", app.id));
    match &app.stage {
        Stage::Offered { offers } => (offers[0].id.clone(), offers[1].id.clone()),
        stage => match stage.deal() {
            Some(deal) => {
                let other = deal.others.first().map_or_else(|| named(2), |offer| offer.id.clone());
                (deal.offer.id.clone(), other)
            }
            None => (named(1), named(2)),
        },
    }
}

/// A disbursement and a repayment plan.
pub fn plans(app: &Application) -> (PlanId, PlanId) {
    let offer = match &app.stage {
        Stage::Offered { offers } => offers.first(),
        stage => stage.deal().map(|deal| &deal.offer),
    };
    let Some(offer) = offer else {
        return (PlanId::from("DP"), PlanId::from("RP"));
    };
    (offer.disbursement_plans[0].id.clone(), offer.repayment_plans[0].id.clone())
}

pub fn session(app: &Application) -> String {
    match &app.stage {
        Stage::OtpSent { session, .. } => session.key.clone(),
        Stage::Agreed { acceptance, .. } | Stage::Granting { acceptance, .. } | Stage::Granted { acceptance, .. } => {
            acceptance.session_key.clone()
        }
        _ => "none".to_owned(),
    }
}

pub fn loan_id(app: &Application) -> LoanId {
    match &app.stage {
        Stage::Granted { loan_id, .. } => loan_id.clone(),
        _ => LoanId::from("none"),
    }
}
