//! The events of the stage × event table.

use super::fixtures::{
    account, account_verified, acknowledged, approve, consent, consent_ready, consent_status, decline, done,
    generate, grant, handle, item, kyc_done, mandate, needs_step, paid, pass, pay_out, prepared, refused,
    rupees, set_account, set_offer, set_repayment_plan, subject, trigger_acceptance, unknown, verify,
};
use super::story::ONE;
use super::support::Scene;
use crate::domain::application::Application;
use crate::domain::application::ask::{Ask, Finding, NEVER_RECEIVED, NewAsk, Outcome, PayOrder, Timer};
use crate::domain::application::command::{ChosenAccount, Command, PaymentOrder};
use crate::domain::application::facets::{Account, ConsentPurpose};
use crate::domain::application::form::{Form, LoanType};
use crate::domain::application::stage::Stage;
use crate::domain::ids::{AccountId, ExchangeId, LoanId, OfferId, PaymentId, PlanId};

/// Something that happens to the application [`ONE`].
pub enum Event {
    /// A request made for the scene at hand.
    Request(fn(&Scene) -> Command),
    /// An outcome of the open question of this method, or of an old one when none is open. The
    /// command, where given, first makes the question, if it can do so without leaving the stage.
    Outcome(fn(&Scene) -> Option<Command>, fn(&Scene) -> Ask, Outcome),
    /// A timer.
    Timer(fn(&Scene) -> Timer),
}

impl Event {
    /// Brings the scene to the instant before the event and gives a copy of it; `None` when the ack refuses the request.
    pub fn prepare(&self, scene: &mut Scene) -> Option<Scene> {
        match self {
            Self::Request(command) => scene.clone().try_tell(&command(scene)).map(|_| scene.clone()),
            Self::Outcome(cause, ask, _) => {
                let open = scene.asked().contains(&ask(scene).method());
                if let (false, Some(command)) = (open, cause(scene)) {
                    let mut asked = scene.clone();
                    if asked.try_tell(&command).is_some() && asked.stage(ONE) == scene.stage(ONE) {
                        *scene = asked;
                    }
                }
                Some(scene.clone())
            }
            Self::Timer(_) => Some(scene.clone()),
        }
    }

    /// Lets it happen; the exchange whose answer counts, if there is one.
    pub fn happen(&self, scene: &mut Scene) -> Option<ExchangeId> {
        match self {
            Self::Request(command) => scene.try_tell(&command(scene)),
            Self::Outcome(_, ask, outcome) => {
                let method = ask(scene).method();
                let replies = scene.replies.len();
                let open = scene.asks.iter().position(|new| new.ask.method() == method);
                let new = match open {
                    Some(found) => scene.asks.remove(found),
                    None => NewAsk { ask: ask(scene), targets: vec![(scene.app(ONE).id, 0)], exchange: None, not_before: None },
                };
                scene.apply(&new, outcome);
                scene.replies.get(replies).map(|reply| reply.exchange)
            }
            Self::Timer(timer) => {
                let replies = scene.replies.len();
                let timer = timer(scene);
                scene.ring(ONE, &timer);
                scene.replies.get(replies).map(|reply| reply.exchange)
            }
        }
    }
}

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

/// Every request of an LSP that is about one application.
pub fn requests() -> Vec<(&'static str, Event)> {
    let events: Vec<(&'static str, fn(&Scene) -> Command)> = vec![
        ("createLoanApplications: same data", |s| {
            Command::CreateApplications(vec![item(ONE, s.app(ONE).form.clone())])
        }),
        ("createLoanApplications: other data", |s| {
            let form = Form { requested: rupees("120000"), ..s.form() };
            Command::CreateApplications(vec![item(ONE, form)])
        }),
        ("consentHandle: data", |_| consent(&[ONE], Some(ConsentPurpose::Data))),
        ("consentHandle: monitoring", |_| consent(&[ONE], Some(ConsentPurpose::Monitoring))),
        ("consentStatus: data", |s| consent_status(s.app(ONE).data_consent.handle().unwrap_or("none"))),
        ("consentStatus: monitoring", |s| {
            consent_status(s.app(ONE).monitoring_consent.handle().unwrap_or("none"))
        }),
        ("generateOffers", |_| generate(&[ONE])),
        ("setOffer: the best or chosen one", |s| set_offer(ONE, &offers(s.app(ONE)).0)),
        ("setOffer: another one", |s| set_offer(ONE, &offers(s.app(ONE)).1)),
        ("setOffer: an unknown one", |_| set_offer(ONE, &OfferId::from("OF-unknown"))),
        ("triggerLoanAcceptance", |_| trigger_acceptance(&[ONE])),
        ("verifyLoanAcceptance: right OTP", |s| verify(&session(s.app(ONE)))),
        ("verifyLoanAcceptance: unknown session", |_| verify("unknown")),
        ("getDisbursementPlans", |_| Command::DisbursementPlans(subject(ONE))),
        ("setDisbursementPlan", |s| Command::SetDisbursementPlan(subject(ONE), plans(s.app(ONE)).0)),
        ("setDisbursementPlan: an unknown one", |_| {
            Command::SetDisbursementPlan(subject(ONE), PlanId::from("DP-unknown"))
        }),
        ("getDisbursementAccounts", |_| Command::DisbursementAccounts(subject(ONE))),
        ("setDisbursementAccount: new", |_| set_account(ONE, account("A2"))),
        ("setDisbursementAccount: known", |_| {
            Command::SetDisbursementAccount(subject(ONE), ChosenAccount::Known(AccountId::from("A1")))
        }),
        ("setDisbursementAccount: wallet", |_| {
            set_account(ONE, Account { kind: Some("WALLET".to_owned()), ..account("A2") })
        }),
        ("getRepaymentPlans", |_| Command::RepaymentPlans(subject(ONE))),
        ("setRepaymentPlan", |s| set_repayment_plan(ONE, &plans(s.app(ONE)).1)),
        ("setRepaymentPlan: an unknown one", |_| set_repayment_plan(ONE, &PlanId::from("RP-unknown"))),
        ("setRepaymentPlanStatus", |s| Command::RepaymentPlanStatus(plans(s.app(ONE)).1)),
        ("grantLoan", |_| grant(ONE)),
        ("triggerDisbursement", |s| pay_out(&loan_id(s.app(ONE)), "P1")),
        ("triggerDisbursement: another payment id", |s| pay_out(&loan_id(s.app(ONE)), "P2")),
        ("triggerDisbursement: another amount", |s| {
            let payment = PaymentOrder { id: PaymentId::from("P1"), tranche: None, amount: Some(rupees("1")) };
            Command::TriggerDisbursement { loan_id: loan_id(s.app(ONE)), payment }
        }),
        ("triggerDisbursementStatus", |s| {
            Command::DisbursementStatus { loan_id: Some(loan_id(s.app(ONE))), payment_id: None }
        }),
    ];
    events.into_iter().map(|(name, command)| (name, Event::Request(command))).collect()
}

/// Every way in which a lender's system may answer.
pub fn outcomes() -> Vec<(&'static str, Event)> {
    let outcome = |name, cause, ask, outcome| (name, Event::Outcome(cause, ask, outcome));
    let offers_asked = |_: &Scene| Some(generate(&[ONE]));
    let data = |_: &Scene| Some(consent(&[ONE], None));
    let status = |s: &Scene| Some(consent_status(pending_handle(s.app(ONE))));
    let otp = |_: &Scene| Some(trigger_acceptance(&[ONE]));
    let set = |_: &Scene| Some(set_account(ONE, account("A2")));
    let plan = |s: &Scene| Some(set_repayment_plan(ONE, &plans(s.app(ONE)).1));
    let payment = |s: &Scene| Some(pay_out(&loan_id(s.app(ONE)), "P9"));
    let none = |_: &Scene| None;
    let fetch = |_: &Scene| Ask::FetchData { consent_id: None };
    let create = |s: &Scene| Ask::ConsentCreate { purpose: purpose(s), vua: String::new(), aggregation_id: None };
    let told = |s: &Scene| Ask::ConsentStatus { purpose: purpose(s), handle: pending_handle(s.app(ONE)).to_owned() };
    let prepare = |_: &Scene| Ask::PrepareAgreement { app_token: None };
    let send = |_: &Scene| Ask::SendOtp { session_key: "S".to_owned(), agreement_hashes: Vec::new(), app_token: None };
    let check = |_: &Scene| Ask::VerifyAccount { account: account("A2") };
    let register = |s: &Scene| Ask::RegisterMandate { plan: plans(s.app(ONE)).1 };
    let watch = |s: &Scene| Ask::MandateStatus { plan: plans(s.app(ONE)).1, reference: "M1".to_owned() };
    let cancel = |s: &Scene| Ask::CancelMandate { plan: plans(s.app(ONE)).1, reference: "M1".to_owned() };
    vec![
        outcome("eligibility: pass", none, |_| Ask::Eligibility, pass()),
        outcome("eligibility: decline", none, |_| Ask::Eligibility, decline()),
        outcome("eligibility: needs action", none, |_| Ask::Eligibility, needs_step()),
        outcome("eligibility: refused", none, |_| Ask::Eligibility, refused("X")),
        outcome("eligibility: unknown", none, |_| Ask::Eligibility, unknown()),
        outcome("fetch: done", offers_asked, fetch, acknowledged()),
        outcome("fetch: refused", offers_asked, fetch, refused("X")),
        outcome("fetch: unknown", offers_asked, fetch, unknown()),
        outcome("offers: approve", offers_asked, |_| Ask::Offers, approve()),
        outcome("offers: decline", offers_asked, |_| Ask::Offers, decline()),
        outcome("offers: needs action", offers_asked, |_| Ask::Offers, needs_step()),
        outcome("offers: refused", offers_asked, |_| Ask::Offers, refused("X")),
        outcome("offers: unknown", offers_asked, |_| Ask::Offers, unknown()),
        outcome("consent-create: handle", data, create, handle("H9")),
        outcome("consent-create: refused", data, create, refused("X")),
        outcome("consent-create: unknown", data, create, unknown()),
        outcome("consent-status: ready", status, told, consent_ready()),
        outcome("consent-status: pending", status, told, done(Finding::ConsentPending)),
        outcome("consent-status: failed", status, told, done(Finding::ConsentFailed)),
        outcome("consent-status: unknown", status, told, unknown()),
        outcome("kyc: done", none, |_| Ask::Kyc, kyc_done()),
        outcome("kyc: refused", none, |_| Ask::Kyc, refused("X")),
        outcome("kyc: unknown", none, |_| Ask::Kyc, unknown()),
        outcome("prepare: done", otp, prepare, prepared(&["hash"])),
        outcome("prepare: refused", otp, prepare, refused("X")),
        outcome("send-otp: done", none, send, acknowledged()),
        outcome("send-otp: refused", none, send, refused("X")),
        outcome("verify-account: done", set, check, account_verified()),
        outcome("verify-account: refused", set, check, refused("X")),
        outcome("verify-account: unknown", set, check, unknown()),
        outcome("register-mandate: done", plan, register, mandate("M9")),
        outcome("register-mandate: refused", plan, register, refused("X")),
        outcome("mandate status: active", none, watch, done(Finding::MandateActive)),
        outcome("mandate status: inactive", none, watch, done(Finding::MandateInactive)),
        outcome("mandate status: refused", none, watch, refused("X")),
        outcome("cancel: done", none, cancel, acknowledged()),
        outcome("final-check: pass", none, |_| Ask::FinalCheck, pass()),
        outcome("final-check: decline", none, |_| Ask::FinalCheck, decline()),
        outcome("final-check: needs action", none, |_| Ask::FinalCheck, needs_step()),
        outcome("final-check: refused", none, |_| Ask::FinalCheck, refused("X")),
        outcome("final-check: unknown", none, |_| Ask::FinalCheck, unknown()),
        outcome("pay: paid", payment, dead_order, paid()),
        outcome("pay: refused", payment, dead_order, refused("X")),
        outcome("pay: never received", payment, dead_order, refused(NEVER_RECEIVED)),
        outcome("pay: unknown", payment, dead_order, unknown()),
    ]
}

/// Every timer, rung at once; idleness also for an application that nobody touched for long.
pub fn timers() -> Vec<(&'static str, Event)> {
    let interim = |_: &Scene| Timer::InterimAnswer { exchange: ExchangeId(uuid::Uuid::nil()) };
    vec![
        ("offers lapse", Event::Timer(|_| Timer::OffersLapse { generation: 0 })),
        ("idle", Event::Timer(|_| Timer::Idle)),
        ("mandate link dies", Event::Timer(mandate_link)),
        ("interim answer", Event::Timer(interim)),
    ]
}

fn mandate_link(scene: &Scene) -> Timer {
    let set = scene.timers.iter().map(|new| new.timer.clone());
    set.into_iter().find(|t| matches!(t, Timer::MandateLink { .. })).unwrap_or(Timer::MandateLink { generation: 0 })
}

fn dead_order(scene: &Scene) -> Ask {
    Ask::Pay(PayOrder {
        loan_id: loan_id(scene.app(ONE)),
        payment_id: PaymentId::from("P0"),
        tranche: 1,
        attempt: 0,
        bank_key: "dead".to_owned(),
        net: rupees("1"),
        account: account("A1"),
    })
}

fn purpose(scene: &Scene) -> ConsentPurpose {
    if scene.app(ONE).stage.deal().is_some() { ConsentPurpose::Monitoring } else { ConsentPurpose::Data }
}

fn pending_handle(app: &Application) -> &str {
    let consent = if app.stage.deal().is_some() { &app.monitoring_consent } else { &app.data_consent };
    consent.handle().unwrap_or("none")
}

/// The best offer, or the chosen one, and another.
fn offers(app: &Application) -> (OfferId, OfferId) {
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
fn plans(app: &Application) -> (PlanId, PlanId) {
    let offer = match &app.stage {
        Stage::Offered { offers } => offers.first(),
        stage => stage.deal().map(|deal| &deal.offer),
    };
    let Some(offer) = offer else { return (PlanId::from("DP"), PlanId::from("RP")) };
    (offer.disbursement_plans[0].id.clone(), offer.repayment_plans[0].id.clone())
}

fn session(app: &Application) -> String {
    match &app.stage {
        Stage::OtpSent { session, .. } => session.key.clone(),
        Stage::Agreed { acceptance, .. }
        | Stage::Granting { acceptance, .. }
        | Stage::Granted { acceptance, .. } => acceptance.session_key.clone(),
        _ => "none".to_owned(),
    }
}

fn loan_id(app: &Application) -> LoanId {
    match &app.stage {
        Stage::Granted { loan_id, .. } => loan_id.clone(),
        _ => LoanId::from("none"),
    }
}
