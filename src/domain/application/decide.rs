//! The one way in: applications and a command, or a port's outcome, give their successors and a decision.

use super::ask::{Ask, Finding, Outcome};
use super::command::Command;
use super::decision::{Decision, Effect, Facts};
use super::facets::{ConsentPurpose, Generation};
use super::notice::{Notice, NoticeKind};
use super::stage::Look;
use super::timer::Timer;
use super::{Application, acceptance, consent, copies, disbursement, grant, loan_application, offer, repayment, timer};
use crate::domain::ids::{ApplicationId, BundleId, OrgId};
use crate::domain::loan::account::Position;
use crate::domain::loan::operator::Act;
use crate::domain::loan::{self, Loan};

/// Applications as they shall be, and everything else that follows.
#[derive(Debug)]
pub struct Decided {
    /// Successors of what went in, in the same order.
    pub applications: Vec<Application>,
    /// What follows.
    pub decision: Decision,
}

/// Which application an item of `createLoanApplicationsRequest` is.
#[derive(Debug, Clone)]
pub enum Filed {
    /// None yet; this will be its id.
    New(ApplicationId),
    /// One that the LSP filed before.
    Known(Box<Application>),
}

/// Files each item of one request: a new application, or one that is filed again (rows 1, 4 and 8).
#[must_use]
pub fn file(
    org_id: &OrgId,
    bundle: BundleId,
    items: Vec<(super::command::NewApplication, Filed)>,
    facts: &Facts<'_>,
) -> Decided {
    let mut decision = Decision::default();
    let mut applications = Vec::with_capacity(items.len());
    for (slot, (item, filed)) in (0..).zip(items) {
        applications.push(match filed {
            Filed::New(id) => {
                let origin = loan_application::Origin { id, org_id: org_id.clone(), bundle };
                loan_application::file(origin, &item, slot, facts, &mut decision)
            }
            Filed::Known(mut app) => {
                app.touched_at = facts.now;
                loan_application::file_again(&mut app, &item, slot, facts, &mut decision);
                *app
            }
        });
    }
    Decided { applications, decision }
}

/// Any other request, over the applications that it names, in its order.
#[must_use]
pub fn decide(mut apps: Vec<Application>, command: &Command, facts: &Facts<'_>) -> Decided {
    let mut d = Decision::default();
    for app in &mut apps {
        app.touched_at = facts.now;
    }
    let mut loan = up_to_date(apps.first(), facts, &mut d);
    match command {
        Command::RequestConsent(request) => consent::request(&mut apps, request, facts, &mut d),
        Command::ConsentStatus(_) => {
            if let Some(handle) = facts.consent_handle.as_deref() {
                consent::status(&apps, facts, handle, &mut d);
            }
        }
        Command::GenerateOffers(_) => {
            for (slot, app) in (0..).zip(&mut apps) {
                offer::generate(app, slot, facts, &mut d);
            }
        }
        Command::TriggerAcceptance { app_token, .. } => {
            acceptance::trigger(&mut apps, app_token.clone(), facts, &mut d);
        }
        Command::VerifyAcceptance { session_key, .. } => {
            acceptance::verify(&mut apps, session_key, facts, &mut d);
            if let (Some(loan), Some(deal)) = (&mut loan, apps.first().and_then(|app| app.stage.deal())) {
                loan.take_over(deal);
            }
        }
        single => {
            if let Some(app) = apps.first_mut() {
                decide_one(app, single, (loan.as_ref(), facts), &mut d);
                if let Some(loan) = &mut loan {
                    decide_on_loan(loan, app, single, facts, &mut d);
                }
            }
        }
    }
    keep(loan, apps.first_mut(), facts, &mut d);
    Decided { applications: apps, decision: d }
}

/// The loan as it stands today: every command brings it there first, with the day-end's own function.
fn up_to_date(app: Option<&Application>, facts: &Facts<'_>, d: &mut Decision) -> Option<Loan> {
    let mut loan = facts.loan.cloned()?;
    loan::life::advance(&mut loan, app?, Position::open(facts.today), facts, d);
    Some(loan)
}

/// Stores the loan if it changed. Moving `at` alone does not count. Passing an event does, even one without effect,
/// because `next_event_on` is computed from `at`, and the day-end would otherwise select the loan again on every sweep.
fn keep(loan: Option<Loan>, app: Option<&mut Application>, facts: &Facts<'_>, d: &mut Decision) {
    let (Some(mut loan), Some(before)) = (loan, facts.loan) else { return };
    if let Some(app) = app.filter(|_| loan.is_over() && !before.is_over()) {
        loan_ended(app, d);
    }
    if let (Some(account), Some(earlier)) = (&mut loan.account, &before.account) {
        let at = std::mem::replace(&mut account.at, earlier.at);
        let passed = earlier.next_event().is_some_and(|event| event <= at);
        if loan == *before && !passed {
            return;
        }
        if let Some(account) = &mut loan.account {
            account.at = at;
        }
    } else if loan == *before {
        return;
    }
    d.effects.push(Effect::SaveLoan(Box::new(loan)));
}

/// Row L14: what was set up for a loan that is over is undone.
fn loan_ended(app: &mut Application, d: &mut Decision) {
    repayment::loan_ended(app, d);
    consent::loan_ended(app, d);
}

fn decide_on_loan(loan: &mut Loan, app: &mut Application, command: &Command, facts: &Facts<'_>, d: &mut Decision) {
    match command {
        Command::TriggerDisbursement { payment, .. } => loan::disbursement::trigger(loan, app, payment, facts, d),
        Command::DisbursementStatus { payment_id, .. } => {
            loan::disbursement::status(loan, payment_id.as_ref(), facts, d);
        }
        Command::TriggerRepayment { order, .. } => loan::repayment::trigger(loan, app, order, facts, d),
        Command::RepaymentStatus { payment_id, .. } => {
            loan::repayment::status(loan, payment_id.as_ref(), facts, d);
        }
        Command::RepaymentHint { .. } => loan::repayment::hinted(loan, app, facts, d),
        Command::LoanSummary(_) => loan::details::summary(loan, app, facts, d),
        Command::GetLoan(_) => loan::details::get(loan, app, facts, d),
        Command::LoanStatement { from, to, .. } => loan::details::statement(loan, (*from, *to), facts, d),
        Command::RaiseDispute { dispute, description, .. } => {
            loan::dispute::raise(loan, (dispute.as_ref(), description), facts, d);
        }
        Command::DisputeStatus(_) => loan::dispute::status(loan, facts, d),
        // About the application alone.
        _ => {}
    }
}

fn decide_one(app: &mut Application, command: &Command, (loan, facts): (Option<&Loan>, &Facts<'_>), d: &mut Decision) {
    match command {
        Command::SetOffer { offer, .. } => offer::set(app, offer, facts, d),
        Command::DisbursementPlans(_) => disbursement::plans(app, facts, d),
        Command::SetDisbursementPlan(_, plan) => disbursement::set_plan(app, plan, facts, d),
        Command::DisbursementAccounts(_) => disbursement::accounts(app, facts, d),
        Command::SetDisbursementAccount(_, account) => disbursement::set_account(app, account, facts, d),
        Command::RepaymentPlans(_) => repayment::plans(app, facts, d),
        Command::SetRepaymentPlan(_, plan) => repayment::set_plan(app, plan, (loan, facts), d),
        Command::RepaymentPlanStatus(plan) => repayment::status(app, plan, facts, d),
        Command::Grant { .. } => grant::request(app, facts, d),
        // About its loan.
        Command::TriggerDisbursement { .. }
        | Command::DisbursementStatus { .. }
        | Command::TriggerRepayment { .. }
        | Command::RepaymentStatus { .. }
        | Command::RepaymentHint { .. }
        | Command::LoanSummary(_)
        | Command::GetLoan(_)
        | Command::LoanStatement { .. }
        | Command::ListLoans(_)
        | Command::RaiseDispute { .. }
        | Command::DisputeStatus(_) => {}
        // Filed through [`file`], decided above, or about no application.
        Command::CreateApplications(_)
        | Command::RequestConsent(_)
        | Command::ConsentStatus(_)
        | Command::GenerateOffers(_)
        | Command::TriggerAcceptance { .. }
        | Command::VerifyAcceptance { .. }
        | Command::Meta(_) => {}
    }
}

/// A port's outcome for the applications that it was asked about, each with the generation of the question.
#[must_use]
pub fn apply(mut apps: Vec<(Application, Generation)>, ask: &Ask, outcome: &Outcome, facts: &Facts<'_>) -> Decided {
    let mut d = Decision::default();
    let mut loan = up_to_date(apps.first().map(|(app, _)| app), facts, &mut d);
    match ask {
        Ask::ConsentCreate { purpose, vua, .. } => consent::created(&mut apps, (*purpose, vua), outcome, facts, &mut d),
        Ask::ConsentStatus { purpose, handle } => {
            consent::told(&mut apps, (*purpose, handle), outcome, facts, &mut d);
            for (app, generation) in apps.iter_mut().filter(|_| *purpose == ConsentPurpose::Monitoring) {
                grant::looked(app, (*generation, Look::Monitoring), outcome, facts, &mut d);
            }
        }
        Ask::PrepareAgreement { app_token } => {
            acceptance::prepared(&mut apps, app_token.as_ref(), outcome, facts, &mut d);
        }
        Ask::SendOtp { session_key, .. } => acceptance::sent(&mut apps, session_key, outcome, facts, &mut d),
        single => {
            if let Some((app, generation)) = apps.first_mut() {
                let copies = app.stage.deal().map(|deal| deal.copies.clone());
                apply_one(app, (*generation, single), outcome, facts, &mut d);
                if let Some(loan) = &mut loan {
                    apply_to_loan(loan, app, (single, outcome), facts, &mut d);
                    if app.stage.deal().map(|deal| deal.copies.clone()) != copies {
                        loan::held::go_on(loan, app, facts, &mut d);
                    }
                }
            }
        }
    }
    keep(loan, apps.first_mut().map(|(app, _)| app), facts, &mut d);
    Decided { applications: apps.into_iter().map(|(app, _)| app).collect(), decision: d }
}

fn apply_one(app: &mut Application, asked: (Generation, &Ask), outcome: &Outcome, facts: &Facts<'_>, d: &mut Decision) {
    let (generation, ask) = asked;
    match ask {
        Ask::Eligibility => loan_application::checked(app, generation, outcome, facts, d),
        Ask::FetchData { .. } => offer::fetched(app, generation, outcome, facts, d),
        Ask::Offers => offer::decided(app, generation, outcome, facts, d),
        Ask::Kyc => grant::identified(app, generation, outcome, d),
        Ask::VerifyAccount { account } => disbursement::verified(app, (generation, account), outcome, facts, d),
        Ask::ConsentRevoke { purpose, handle } => consent::revoked(app, (*purpose, handle), outcome, d),
        Ask::RegisterMandate { plan } => repayment::registered(app, (generation, plan), outcome, facts, d),
        Ask::MandateStatus { plan, reference, .. } => {
            repayment::mandate_told(app, (generation, plan, reference), outcome, facts, d);
        }
        Ask::AnnounceDebit(coming) => repayment::announced(app, coming, outcome, d),
        Ask::Present(collection) => repayment::debit_refused(app, collection, outcome, d),
        Ask::FinalCheck => grant::checked(app, generation, outcome, facts, d),
        Ask::Notify(notice) => notified(app, notice, outcome, facts, d),
        // Cancelling is the end of it; the others are about a loan, or about several applications and applied above.
        Ask::CancelMandate { .. }
        | Ask::Pay(_)
        | Ask::Refund(_)
        | Ask::PaymentLink(_)
        | Ask::LinkStatus { .. }
        | Ask::CancelLink { .. }
        | Ask::ConsentCreate { .. }
        | Ask::ConsentStatus { .. }
        | Ask::PrepareAgreement { .. }
        | Ask::SendOtp { .. } => {}
    }
}

fn apply_to_loan(
    loan: &mut Loan,
    app: &Application,
    (ask, outcome): (&Ask, &Outcome),
    facts: &Facts<'_>,
    d: &mut Decision,
) {
    match ask {
        Ask::Pay(order) => loan::disbursement::told(loan, app, (order, outcome), facts, d),
        Ask::Refund(order) => loan::refund::told(loan, app, (order, outcome), facts, d),
        Ask::PaymentLink(collection) => {
            loan::repayment::link_created(loan, app, (collection, outcome), facts, d);
        }
        Ask::LinkStatus { collection, .. } | Ask::CancelLink { collection, .. } => {
            loan::repayment::link_told(loan, app, (ask, collection, outcome), facts, d);
        }
        Ask::Present(collection) => loan::repayment::presented(loan, app, (collection, outcome), facts, d),
        Ask::Notify(notice) => loan::life::notified(loan, app, (notice, outcome), facts, d),
        // About the application alone.
        _ => {}
    }
}

/// A message to the borrower left, or finally did not.
fn notified(app: &mut Application, notice: &Notice, outcome: &Outcome, facts: &Facts<'_>, d: &mut Decision) {
    match notice.kind {
        NoticeKind::SignedDocuments => copies::told(app, notice, outcome, facts, d),
        NoticeKind::PreDebit
        | NoticeKind::Overdue
        | NoticeKind::PenalCharge
        | NoticeKind::ChargePosted
        | NoticeKind::LoanClosed
        | NoticeKind::PayoutAccountChanged
        | NoticeKind::LoanReopened => {}
    }
}

/// A timer rang for an application.
#[must_use]
pub fn ring(mut app: Application, timer: &Timer, facts: &Facts<'_>) -> Decided {
    let mut d = Decision::default();
    let mut loan = up_to_date(Some(&app), facts, &mut d);
    timer::fire(&mut app, timer, facts, &mut d);
    if let (Timer::PaymentLink { payment }, Some(loan)) = (timer, &mut loan) {
        loan::repayment::link_expired(loan, &app, payment, &mut d);
    }
    keep(loan, Some(&mut app), facts, &mut d);
    Decided { applications: vec![app], decision: d }
}

/// The day-end of one loan: everything up to a position happens. The business date is the position's.
#[must_use]
pub fn advance(mut app: Application, to: Position, facts: &Facts<'_>) -> Decided {
    let mut d = Decision::default();
    let mut loan = facts.loan.cloned();
    if let Some(loan) = &mut loan {
        loan::life::advance(loan, &app, to, facts, &mut d);
    }
    keep(loan, Some(&mut app), facts, &mut d);
    Decided { applications: vec![app], decision: d }
}

/// An operator's act on a loan, under the reference that makes it unique.
///
/// # Errors
/// Why not, in words for the operator; nothing is to be stored then.
pub fn operate(mut app: Application, act: (&Act, &str), facts: &Facts<'_>) -> Result<Decided, String> {
    let mut d = Decision::default();
    let mut loan = up_to_date(Some(&app), facts, &mut d);
    loan::operator::act(loan.as_mut().ok_or("there is no such loan")?, &app, act, facts, &mut d)?;
    keep(loan, Some(&mut app), facts, &mut d);
    Ok(Decided { applications: vec![app], decision: d })
}

impl Decided {
    /// Answers the preliminary check of applications that were just filed, where `check` can do so without asking
    /// anybody: the question is not stored, and its outcome is part of this decision.
    pub fn check_at_once(
        &mut self,
        is_new: impl Fn(ApplicationId) -> bool,
        check: impl Fn(&Application) -> Option<Finding>,
        facts: &Facts<'_>,
    ) {
        for asked in std::mem::take(&mut self.decision.asks) {
            let target = asked.targets.first().filter(|(id, _)| asked.ask == Ask::Eligibility && is_new(*id)).copied();
            let filed = target.and_then(|(id, _)| self.applications.iter_mut().find(|app| app.id == id));
            let found = filed.and_then(|app| check(app).map(|finding| (app, finding)));
            let (Some((_, generation)), Some((app, finding))) = (target, found) else {
                self.decision.asks.push(asked);
                continue;
            };
            let mut then = Decision::default();
            loan_application::checked(app, generation, &Outcome::Done { finding }, facts, &mut then);
            self.decision.absorb(then);
        }
    }

    /// The loan as this decision leaves it, where it touches one.
    #[must_use]
    pub fn loan(&self) -> Option<&loan::Loan> {
        self.decision.effects.iter().rev().find_map(|effect| match effect {
            Effect::CreateLoan(loan) | Effect::SaveLoan(loan) => Some(loan.as_ref()),
            _ => None,
        })
    }
}
