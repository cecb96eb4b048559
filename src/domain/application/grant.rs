//! The grant (rows 53 to 59).

use super::answer::{Answer, Content, GrantContent, GrantStatus, RefusalReason};
use super::ask::{Ask, Finding, Outcome};
use super::decision::{Decision, Effect, Facts};
use super::facets::{Consent, ConsentPurpose, Deal, Generation, Kyc, Mandate, RepaymentSetup};
use super::loan_application::other;
use super::offer::cancel_mandate;
use super::stage::{Acceptance, Action, ActionType, Look, Rejection, Stage};
use super::{Application, WaitingFor};
use crate::domain::calendar::utc;
use crate::domain::loan::Loan;
use crate::domain::loan::content::LoanStatus;
use crate::domain::loan::details::wire_status;

/// Rows 53, 54, 58 and 59: every missing step is named at once; a second grant gives the same loan, as it stands by then.
pub fn request(app: &mut Application, (loan, facts): (Option<&Loan>, &Facts<'_>), d: &mut Decision) {
    match app.stage.clone() {
        Stage::Granted { .. } => d.answer(facts, Answer::ok(content(app, standing(loan, facts), Vec::new()))),
        Stage::Granting { looks, .. } => {
            // An answer may have been lost; to ask once more costs nothing.
            if wait(app, facts, d) && !looks.is_empty() {
                ask_on(app, d);
            }
        }
        Stage::OfferAccepted { .. } | Stage::OtpSent { .. } => {
            let missing = missing(app, facts);
            d.answer(facts, Answer::ok(content(app, GrantStatus::ActionRequired, missing)));
        }
        Stage::Agreed { deal, acceptance } => from_agreed(app, deal, acceptance, facts, d),
        Stage::Rejected { .. } | Stage::Expired { .. } => {
            let detail = format!("the application is {}", app.stage.name());
            let content = content(app, GrantStatus::Rejected, Vec::new());
            d.answer(facts, Answer::refused(RefusalReason::WrongState, detail, content));
        }
        Stage::Received { .. }
        | Stage::Processing
        | Stage::Underwriting { .. }
        | Stage::Offered { .. }
        | Stage::ActionRequired { .. } => {
            let detail = format!("no offer is accepted, the application is {}", app.stage.name());
            let missing = vec![action("an offer must be accepted first", "offer", "")];
            let content = content(app, GrantStatus::ActionRequired, missing);
            d.answer(facts, Answer::refused(RefusalReason::WrongState, detail, content));
        }
    }
}

/// How a loan stands that was granted before. The answer has no word for one that is overdue.
fn standing(loan: Option<&Loan>, facts: &Facts<'_>) -> GrantStatus {
    match loan.map(|loan| wire_status(loan, facts.today, facts.borrower_npa_since)) {
        None | Some(LoanStatus::Granted | LoanStatus::Overdue) => GrantStatus::Granted,
        Some(LoanStatus::Defaulted) => GrantStatus::Defaulted,
        Some(LoanStatus::Completed) => GrantStatus::Completed,
    }
}

fn from_agreed(app: &mut Application, deal: Box<Deal>, acceptance: Acceptance, facts: &Facts<'_>, d: &mut Decision) {
    if facts.now > deal.offer.valid_till {
        let detail = format!("the sanction was valid until {}", utc(deal.offer.valid_till));
        let missing = vec![action("the sanction lapsed", "offer", deal.offer.id.as_str())];
        let content = content(app, GrantStatus::ActionRequired, missing);
        d.answer(facts, Answer::refused(RefusalReason::SanctionLapsed, detail, content));
        return;
    }
    let missing = missing(app, facts);
    if !missing.is_empty() && !may_be_complete(&missing, &deal) {
        d.answer(facts, Answer::ok(content(app, GrantStatus::ActionRequired, missing)));
        return;
    }
    let generation = app.next_generation();
    let looks = looks(app, &deal, facts);
    app.stage = Stage::Granting { deal, acceptance, generation, looks };
    wait(app, facts, d);
    d.event(app, "final check");
    ask_on(app, d);
}

/// What the borrower may have taken back since he gave it: that is true of no more than the day on which it was told.
/// The data consent is not among it: it was for one fetch, which is done, and the borrower could not give it again now.
fn looks(app: &Application, deal: &Deal, facts: &Facts<'_>) -> Vec<Look> {
    let mandate = deal.repayment.mandate().map(|_| Look::Mandate);
    let needs_monitoring = facts.product(app).is_some_and(|p| p.needs_monitoring_consent);
    mandate.into_iter().chain(needs_monitoring.then_some(Look::Monitoring)).collect()
}

/// The mandate that waits for the borrower, where one does.
fn pending_mandate(deal: &Deal) -> Option<&Mandate> {
    match &deal.repayment {
        RepaymentSetup::PendingAuth { mandate, .. } => mandate.as_ref(),
        _ => None,
    }
}

/// Whether nothing is missing but a mandate that the borrower may have authorised a moment ago.
fn may_be_complete(missing: &[Action], deal: &Deal) -> bool {
    missing.len() == 1 && pending_mandate(deal).is_some()
}

/// Whether a grant has asked, under this generation, about this mandate, which waited for the borrower.
pub fn looks_at_pending(app: &Application, generation: Generation, reference: &str) -> bool {
    matches!(&app.stage, Stage::Granting { deal, generation: current, looks, .. }
        if *current == generation
            && looks.contains(&Look::Mandate)
            && pending_mandate(deal).is_some_and(|mandate| mandate.reference == reference))
}

/// What was to be confirmed and has not been for long is asked once more: its answer was lost. The final check is not: it
/// may lie with people.
pub fn ask_again(app: &Application, d: &mut Decision) {
    if matches!(&app.stage, Stage::Granting { looks, .. } if !looks.is_empty()) {
        ask_on(app, d);
    }
}

/// Asks for what must be confirmed once more; when all is, for the final check.
fn ask_on(app: &Application, d: &mut Decision) {
    let Stage::Granting { deal, generation, looks, .. } = &app.stage else { return };
    for look in looks {
        match look {
            Look::Mandate => {
                if let (Some(plan), Some(mandate)) = (deal.repayment.plan(), deal.repayment.mandate()) {
                    let reference = mandate.reference.clone();
                    let ask = Ask::MandateStatus { plan: plan.clone(), reference, again: true };
                    d.ask_aside(ask, app, *generation);
                }
            }
            Look::Monitoring => {
                if let Some(handle) = app.monitoring_consent.handle() {
                    let (purpose, handle) = (ConsentPurpose::Monitoring, handle.to_owned());
                    d.ask_aside(Ask::ConsentStatus { purpose, handle }, app, *generation);
                }
            }
        }
    }
    if looks.is_empty() {
        d.ask_aside(Ask::FinalCheck, app, *generation);
    }
}

/// One thing was confirmed, taken back, or nobody knows. The final check is asked for when all are confirmed.
pub fn looked(
    app: &mut Application,
    (generation, look): (Generation, Look),
    outcome: &Outcome,
    facts: &Facts<'_>,
    d: &mut Decision,
) {
    let Stage::Granting { deal, generation: current, looks, .. } = &mut app.stage else { return };
    if *current != generation || !looks.contains(&look) {
        return;
    }
    looks.retain(|other| *other != look);
    let is_last = looks.is_empty();
    let asked = looks.contains(&Look::Mandate).then(|| deal.clone());
    let missing = missing(app, facts);
    let comes_yet = asked.is_some_and(|deal| may_be_complete(&missing, &deal));
    if !missing.is_empty() && !comes_yet {
        conclude(app, Verdict::Cure(missing), facts, d);
    } else if !is_confirmed(outcome) {
        conclude(app, Verdict::Unanswered, facts, d);
    } else if is_last {
        ask_on(app, d);
    }
}

/// Silence confirms nothing, nor does a system that waits for the borrower to give what he gave before.
fn is_confirmed(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Done { finding } if *finding != Finding::ConsentPending)
}

/// Lets the request wait for the final check; false, and it is answered at once, where too many wait already.
fn wait(app: &mut Application, facts: &Facts<'_>, d: &mut Decision) -> bool {
    let Some(exchange) = app.wait(facts.exchange, 0, WaitingFor::Grant) else { return true };
    let patience = vec![action("the final check is under way, please ask again later", "grant", "")];
    d.reply(exchange, 0, Answer::ok(content(app, GrantStatus::ActionRequired, patience)));
    false
}

/// The prerequisites of row 53, per product; each missing one is an action for the borrower.
fn missing(app: &Application, facts: &Facts<'_>) -> Vec<Action> {
    let Some(deal) = app.stage.deal() else {
        return Vec::new();
    };
    let product = facts.product(app);
    let mut missing = Vec::new();
    if matches!(app.stage, Stage::OfferAccepted { .. } | Stage::OtpSent { .. }) {
        missing.push(action("the agreement is not signed", "agreement", ""));
    }
    if !matches!(deal.repayment, RepaymentSetup::Active { .. }) {
        let mut step = action("repayment is not set up", "repayment", deal.repayment.name());
        step.url = deal.repayment.mandate().map(|m| m.payment_url.clone());
        missing.push(step);
    }
    if product.is_some_and(|p| p.needs_monitoring_consent) && !matches!(app.monitoring_consent, Consent::Ready { .. }) {
        let handle = app.monitoring_consent.handle().unwrap_or_default();
        missing.push(action("monitoring consent is not ready", "consent", handle));
    }
    if deal.account.active().is_none() {
        missing.push(action("no verified disbursement account", "account", ""));
    }
    if deal.disbursement_plan.is_none() {
        missing.push(action("no disbursement plan is chosen", "plan", ""));
    }
    if product.is_some_and(|p| p.needs_kyc) && !matches!(deal.kyc, Kyc::Done { .. }) {
        missing.push(identify(&deal.kyc));
    }
    missing
}

/// What the borrower does about his identity: nothing but wait, while it is looked at without him.
fn identify(kyc: &Kyc) -> Action {
    let url = if let Kyc::Pending { url, .. } = kyc { url.clone() } else { None };
    let description = if matches!(kyc, Kyc::Pending { url: None, .. }) {
        "the borrower's identity is being verified, please ask again later"
    } else {
        "the borrower's identity is not verified"
    };
    Action { url, ..action(description, "kyc", kyc.name()) }
}

fn action(description: &str, object: &str, value: &str) -> Action {
    Action {
        action_type: ActionType::Other,
        description: description.to_owned(),
        object: object.to_owned(),
        value: value.to_owned(),
        url: None,
    }
}

/// Rows 55 to 57: the final check came back; guards, limit and collateral are looked at once more.
pub fn checked(app: &mut Application, generation: Generation, outcome: &Outcome, facts: &Facts<'_>, d: &mut Decision) {
    let deal = match &app.stage {
        Stage::Granting { deal, generation: current, .. } if *current == generation && !outcome.is_referral() => {
            deal.clone()
        }
        _ => return,
    };
    let verdict = verdict(app, &deal, outcome, facts);
    conclude(app, verdict, facts, d);
}

/// The final check has come to an end, or was not worth asking for; whoever waits for it is told.
fn conclude(app: &mut Application, verdict: Verdict, facts: &Facts<'_>, d: &mut Decision) {
    let Stage::Granting { deal, acceptance, .. } = app.stage.clone() else { return };
    let answer = match verdict {
        Verdict::Grant => {
            grant(app, deal, acceptance, facts, d);
            Answer::ok(content(app, GrantStatus::Granted, Vec::new()))
        }
        Verdict::Reject(reasons) => {
            reject(app, deal, reasons, d);
            Answer::ok(content(app, GrantStatus::Rejected, Vec::new()))
        }
        Verdict::Cure(actions) => {
            app.stage = Stage::Agreed { deal, acceptance };
            Answer::ok(content(app, GrantStatus::ActionRequired, actions))
        }
        Verdict::Unanswered => {
            app.stage = Stage::Agreed { deal, acceptance };
            let content = content(app, GrantStatus::ActionRequired, Vec::new());
            Answer::refused(RefusalReason::SourceUnavailable, "the final check did not come to an end", content)
        }
    };
    d.event(app, format!("final check: {}", app.stage.name()));
    for waiting in app.take_waiting(WaitingFor::Grant) {
        d.reply(waiting.exchange, waiting.slot, answer.clone());
    }
}

enum Verdict {
    Grant,
    Reject(Vec<Rejection>),
    Cure(Vec<Action>),
    Unanswered,
}

fn verdict(app: &Application, deal: &Deal, outcome: &Outcome, facts: &Facts<'_>) -> Verdict {
    match outcome {
        Outcome::Done { finding: Finding::Decline { reasons } } => return Verdict::Reject(reasons.clone()),
        Outcome::Done { finding: Finding::NeedsAction { actions } } => return Verdict::Cure(actions.clone()),
        Outcome::Refused { detail, .. } => return Verdict::Reject(vec![other(detail)]),
        Outcome::Pending { .. } | Outcome::Unknown { .. } => return Verdict::Unanswered,
        Outcome::Done { .. } => {}
    }
    let missing = missing(app, facts);
    if !missing.is_empty() {
        return Verdict::Cure(missing);
    }
    if !facts.within_exposure(facts.exposure.granted, deal.offer.sanctioned) {
        return Verdict::Reject(vec![other("the borrower's limit over all loans is used up")]);
    }
    if facts.collateral_pledged {
        return Verdict::Reject(vec![other("a collateral is pledged to another loan")]);
    }
    Verdict::Grant
}

fn grant(app: &mut Application, deal: Box<Deal>, acceptance: Acceptance, facts: &Facts<'_>, d: &mut Decision) {
    let loan_id = facts.scribe.loan_id(&app.org_id, &app.loan_application_id);
    let loan = Loan::grant(loan_id.clone(), app, &deal, facts.now);
    app.stage = Stage::Granted { deal, acceptance, loan_id };
    d.effects.push(Effect::CreateLoan(Box::new(loan)));
}

fn reject(app: &mut Application, deal: Box<Deal>, reasons: Vec<Rejection>, d: &mut Decision) {
    cancel_mandate(app, &deal.repayment, d);
    app.stage = Stage::Rejected { reasons, deal: Some(deal) };
    d.effects.push(Effect::Release(app.id));
}

/// Identity verification moved (a facet of the deal, outside any v3 message).
pub fn identified(app: &mut Application, generation: Generation, outcome: &Outcome, d: &mut Decision) {
    let Some(deal) = app.stage.deal_mut() else { return };
    if !matches!(deal.kyc, Kyc::Pending { generation: current, .. } if current == generation) {
        return;
    }
    deal.kyc = match outcome {
        Outcome::Done { finding: Finding::KycDone { reference } } => Kyc::Done { reference: reference.clone() },
        Outcome::Pending { url, .. } => Kyc::Pending { generation, url: url.clone() },
        Outcome::Refused { detail, .. } => Kyc::Failed { detail: detail.clone() },
        Outcome::Done { .. } | Outcome::Unknown { .. } => {
            Kyc::Failed { detail: "the identity could not be verified".to_owned() }
        }
    };
    let name = deal.kyc.name();
    d.event(app, format!("KYC {name}"));
}

/// `grantLoanResponse` as things stand (C6).
#[must_use]
pub fn content(app: &Application, status: GrantStatus, actions: Vec<Action>) -> Content {
    let deal = app.stage.deal().cloned();
    let (loan_id, rejections) = match &app.stage {
        Stage::Granted { loan_id, .. } => (Some(loan_id.clone()), Vec::new()),
        Stage::Rejected { reasons, .. } => (None, reasons.clone()),
        _ => (None, Vec::new()),
    };
    Content::Grant(Box::new(GrantContent {
        loan_application_id: app.loan_application_id.clone(),
        loan_id,
        status,
        requested: app.form.requested,
        tenure: app.form.tenure,
        agreement_url: deal.as_ref().and_then(|deal| deal.agreement.text()).map(|text| text.url.clone()),
        deal,
        rejections,
        actions,
    }))
}
