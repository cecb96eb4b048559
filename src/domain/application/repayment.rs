//! Repayment set-up: plan and mandate (rows 44 and 48 to 51), and what becomes of a mandate afterwards.

use chrono::Duration;

use super::answer::{Answer, Content, PlanContent, PlanStatus, RefusalReason};
use super::ask::{Ask, Collection, ComingDebit, Finding, NEVER_RECEIVED, Outcome, lacks_mandate};
use super::decision::{Decision, Facts, Webhook, WebhookKind};
use super::facets::{Deal, Generation, Mandate, RepaymentSetup};
use super::offer::cancel_mandate;
use super::stage::{Look, Stage};
use super::timer::Timer;
use super::{Application, WaitingFor, grant};
use crate::domain::ids::PlanId;
use crate::domain::loan::Loan;

/// Row 44: plans of the accepted offer with their status.
pub fn plans(app: &Application, facts: &Facts<'_>, d: &mut Decision) {
    let answer = if let Some(deal) = app.stage.deal() {
        let plans = deal.offer.repayment_plans.iter().map(|p| content(deal, &p.id)).collect();
        Answer::ok(Content::Plans { plans })
    } else {
        let detail = format!("no offer is accepted, the application is {}", app.stage.name());
        Answer::refused(RefusalReason::WrongState, detail, Content::Plans { plans: Vec::new() })
    };
    d.answer(facts, answer);
}

/// Row 48: `PENDING_AUTH` with a page for the borrower, or `ACTIVE` at once when no mandate is needed.
pub fn set_plan(app: &mut Application, id: &PlanId, (loan, facts): (Option<&Loan>, &Facts<'_>), d: &mut Decision) {
    let refused = match (&app.stage, app.stage.deal()) {
        (Stage::Granted { .. }, _) if loan.is_some_and(Loan::is_over) => {
            Some((RefusalReason::WrongState, "the loan is over".to_owned()))
        }
        (
            Stage::OfferAccepted { .. } | Stage::OtpSent { .. } | Stage::Agreed { .. } | Stage::Granted { .. },
            Some(deal),
        ) => match deal.offer.repayment_plans.iter().find(|p| p.id == *id) {
            None => Some((RefusalReason::UnknownPlan, "the accepted offer has no such plan".to_owned())),
            Some(_) if granted_on_other_plan(app, deal, id) => {
                Some((RefusalReason::WrongState, "the plan of a running loan cannot be changed".to_owned()))
            }
            Some(_) => None,
        },
        (stage, _) => Some((RefusalReason::WrongState, format!("the application is {}", stage.name()))),
    };
    if let Some((reason, detail)) = refused {
        let plan = shown(app, id);
        d.answer(facts, Answer::refused(reason, detail, Content::Plan { plan }));
        return;
    }
    match app.stage.deal().map(|deal| deal.repayment.clone()) {
        Some(RepaymentSetup::Active { plan, .. } | RepaymentSetup::PendingAuth { plan, mandate: Some(_), .. })
            if plan == *id =>
        {
            let plan = shown(app, id);
            d.answer(facts, Answer::ok(Content::Plan { plan }));
        }
        Some(RepaymentSetup::PendingAuth { plan, mandate: None, .. }) if plan == *id => {
            wait(app, id, facts, d);
        }
        earlier => choose(app, id, &earlier.unwrap_or_default(), facts, d),
    }
}

fn wait(app: &mut Application, id: &PlanId, facts: &Facts<'_>, d: &mut Decision) {
    if let Some(exchange) = app.wait(facts.exchange, 0, WaitingFor::Mandate) {
        let plan = shown(app, id);
        d.reply(exchange, 0, Answer::ok(Content::Plan { plan }));
    }
}

fn granted_on_other_plan(app: &Application, deal: &Deal, id: &PlanId) -> bool {
    matches!(app.stage, Stage::Granted { .. })
        && matches!(&deal.repayment, RepaymentSetup::Active { plan, .. } if plan != id)
}

fn choose(app: &mut Application, id: &PlanId, earlier: &RepaymentSetup, facts: &Facts<'_>, d: &mut Decision) {
    cancel_mandate(app, earlier, d);
    answer_waiting(app, earlier.plan(), "replaced by a later plan", d);
    let generation = app.next_generation();
    let automatic =
        app.stage.deal().is_some_and(|deal| deal.offer.repayment_plans.iter().any(|p| p.id == *id && p.automatic));
    if let Some(deal) = app.stage.deal_mut() {
        deal.repayment = if automatic {
            RepaymentSetup::PendingAuth { generation, plan: id.clone(), mandate: None }
        } else {
            RepaymentSetup::Active { plan: id.clone(), mandate: None }
        };
    }
    d.event(app, "repayment plan chosen");
    if automatic {
        wait(app, id, facts, d);
        d.ask_aside(Ask::RegisterMandate { plan: id.clone() }, app, generation);
    } else {
        let plan = shown(app, id);
        d.answer(facts, Answer::ok(Content::Plan { plan }));
    }
}

/// Whoever waits for a registration that is not wanted any more is told so.
pub fn answer_waiting(app: &mut Application, plan: Option<&PlanId>, detail: &str, d: &mut Decision) {
    let Some(id) = plan else { return };
    for waiting in app.take_waiting(WaitingFor::Mandate) {
        let content = given_up(app, Some(id));
        d.reply(waiting.exchange, waiting.slot, Answer::refused(RefusalReason::MandateRefused, detail, content));
    }
}

/// A plan that will not be set up, whatever its set-up still says.
#[must_use]
pub fn given_up(app: &Application, plan: Option<&PlanId>) -> Content {
    let id = plan.cloned().unwrap_or_else(|| PlanId::from("NONE"));
    Content::Plan { plan: PlanContent { status: PlanStatus::Inactive, payment_url: None, ..shown(app, &id) } }
}

/// Tells how a repayment plan stands (row 51). A mandate that was authorised may have been cancelled since, and one that
/// waits for the borrower authorised, so the collection system is asked: once for each request.
pub fn status(app: &Application, id: &PlanId, facts: &Facts<'_>, d: &mut Decision) {
    let (mandate, generation) = match app.stage.live_deal().map(|deal| &deal.repayment) {
        Some(RepaymentSetup::Active { plan, mandate: Some(mandate) }) if plan == id => (mandate, app.generation),
        Some(RepaymentSetup::PendingAuth { plan, mandate: Some(mandate), generation }) if plan == id => {
            (mandate, *generation)
        }
        _ => {
            d.answer(facts, Answer::ok(Content::Plan { plan: shown(app, id) }));
            return;
        }
    };
    let ask = Ask::MandateStatus { plan: id.clone(), reference: mandate.reference.clone(), again: true };
    d.ask(ask, app, generation, facts);
}

/// The collection system registered the mandate, or refused. A stale registration is cancelled there.
pub fn registered(
    app: &mut Application,
    asked: (Generation, &PlanId),
    outcome: &Outcome,
    facts: &Facts<'_>,
    d: &mut Decision,
) {
    let (generation, id) = asked;
    let mandate = match outcome {
        Outcome::Done { finding: Finding::MandateRegistered { reference, payment_url } } => {
            Some(Mandate { reference: reference.clone(), payment_url: payment_url.clone() })
        }
        _ => None,
    };
    if !pending(app, generation) {
        if let Some(mandate) = mandate {
            let ask = Ask::CancelMandate { plan: id.clone(), reference: mandate.reference };
            d.ask_aside(ask, app, generation);
        }
        return;
    }
    if let Some(deal) = app.stage.deal_mut() {
        deal.repayment = match &mandate {
            Some(_) => RepaymentSetup::PendingAuth { generation, plan: id.clone(), mandate: mandate.clone() },
            None => RepaymentSetup::Inactive { plan: id.clone(), cancelled: None },
        };
    }
    let done = mandate.is_some();
    if let Some(Mandate { reference, .. }) = mandate {
        d.ask_aside(Ask::MandateStatus { plan: id.clone(), reference, again: false }, app, generation);
        let at = facts.now + Duration::hours(facts.limits.mandate_link_hours);
        d.timer(Timer::MandateLink { generation }, app, at);
    }
    d.event(app, if done { "mandate registered" } else { "mandate could not be registered" });
    answer_registration(app, id, done, d);
}

/// Answers everybody who waits for the registration.
fn answer_registration(app: &mut Application, id: &PlanId, done: bool, d: &mut Decision) {
    for waiting in app.take_waiting(WaitingFor::Mandate) {
        let plan = Content::Plan { plan: shown(app, id) };
        let answer = if done {
            Answer::ok(plan)
        } else {
            Answer::refused(RefusalReason::MandateRefused, "the mandate could not be registered", plan)
        };
        d.reply(waiting.exchange, waiting.slot, answer);
    }
}

/// What the collection system says of a mandate: rows 49 and 50, where the borrower is to authorise it; else whether
/// the one that was authorised still stands. Who asked for the status of the plan (row 51) is told what it is now.
pub fn mandate_told(
    app: &mut Application,
    asked: (Generation, &PlanId, &str),
    outcome: &Outcome,
    facts: &Facts<'_>,
    d: &mut Decision,
) {
    let (generation, id, reference) = asked;
    if pending(app, generation) || grant::looks_at_pending(app, generation, reference) {
        authorised(app, id, outcome, d);
    } else if is_no_mandate(outcome) {
        cancelled(app, reference, d);
    }
    grant::looked(app, (generation, Look::Mandate), outcome, facts, d);
    let plan = Content::Plan { plan: shown(app, id) };
    d.answer(
        facts,
        match outcome {
            Outcome::Unknown { .. } => {
                Answer::refused(RefusalReason::SourceUnavailable, "the collection system did not answer", plan)
            }
            _ => Answer::ok(plan),
        },
    );
}

fn is_no_mandate(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Done { finding } => *finding != Finding::MandateActive,
        Outcome::Refused { .. } => true,
        Outcome::Pending { .. } | Outcome::Unknown { .. } => false,
    }
}

/// Rows 49 and 50: the borrower authorised the mandate, or did not; told unasked.
fn authorised(app: &mut Application, id: &PlanId, outcome: &Outcome, d: &mut Decision) {
    let Some(deal) = app.stage.deal_mut() else { return };
    deal.repayment = match outcome {
        Outcome::Done { finding: Finding::MandateActive } => {
            RepaymentSetup::Active { plan: id.clone(), mandate: deal.repayment.mandate().cloned() }
        }
        Outcome::Done { .. } | Outcome::Refused { .. } => {
            RepaymentSetup::Inactive { plan: id.clone(), cancelled: None }
        }
        Outcome::Pending { .. } | Outcome::Unknown { .. } => return,
    };
    let name = deal.repayment.name();
    d.event(app, format!("mandate {name}"));
    tell(app, id, d);
}

/// A mandate that was authorised is not valid any more; told unasked. One that was replaced since changes nothing.
fn cancelled(app: &mut Application, reference: &str, d: &mut Decision) {
    let Some(deal) = app.stage.deal_mut().filter(|deal| deal.repayment.stands_on(reference)) else { return };
    let Some(id) = deal.repayment.plan().cloned() else { return };
    deal.repayment = RepaymentSetup::Inactive { plan: id.clone(), cancelled: Some(reference.to_owned()) };
    d.event(app, "mandate cancelled");
    tell(app, &id, d);
}

/// The loan is over: nothing is collected any more, so its mandate is cancelled and its plan inactive.
pub fn loan_ended(app: &mut Application, d: &mut Decision) {
    let Some(earlier) = app.stage.live_deal().map(|deal| deal.repayment.clone()) else { return };
    let Some(plan) = earlier.plan().cloned() else { return };
    let cancelled = match &earlier {
        RepaymentSetup::Active { mandate, .. } => mandate.as_ref().map(|mandate| mandate.reference.clone()),
        RepaymentSetup::Inactive { cancelled, .. } => cancelled.clone(),
        RepaymentSetup::None | RepaymentSetup::PendingAuth { .. } => None,
    };
    cancel_mandate(app, &earlier, d);
    if let Some(deal) = app.stage.deal_mut() {
        deal.repayment = RepaymentSetup::Inactive { plan: plan.clone(), cancelled };
    }
    d.event(app, "repayment set-up ended with the loan");
    answer_waiting(app, Some(&plan), "the loan is over", d);
}

/// The loan is open again: its mandate is gone, and the LSP hears that the plan is inactive, as of any cancelled one.
pub fn reopened(app: &Application, d: &mut Decision) {
    if let Some(plan) = app.stage.deal().and_then(|deal| deal.repayment.plan()) {
        tell(app, plan, d);
    }
}

/// The collection system was told of a debit that is coming; it may know that the mandate is not valid any more.
pub fn announced(app: &mut Application, coming: &ComingDebit, outcome: &Outcome, d: &mut Decision) {
    match outcome {
        Outcome::Refused { code, .. } if lacks_mandate(code) => cancelled(app, &coming.mandate, d),
        Outcome::Done { .. } => {}
        Outcome::Refused { .. } | Outcome::Pending { .. } | Outcome::Unknown { .. } => {
            let number = coming.instalment;
            d.event(app, format!("the collection system could not be told of the debit of instalment {number}"));
        }
    }
}

/// A debit was refused. Where that says that there is no valid mandate, the plan is inactive from now on; else the
/// collection system is asked, because not every one has a word of its own for it.
pub fn debit_refused(app: &mut Application, asked: &Collection, outcome: &Outcome, d: &mut Decision) {
    let (Outcome::Refused { code, .. }, Some(reference)) = (outcome, &asked.mandate) else { return };
    if lacks_mandate(code) {
        cancelled(app, reference, d);
        return;
    }
    let setup = app.stage.live_deal().map(|deal| &deal.repayment);
    if let Some(setup) = setup.filter(|setup| setup.stands_on(reference) && code != NEVER_RECEIVED)
        && let Some(plan) = setup.plan()
    {
        let ask = Ask::MandateStatus { plan: plan.clone(), reference: reference.clone(), again: true };
        d.ask_aside(ask, app, app.generation);
    }
}

/// Row 50: nobody authorised the mandate in time.
pub fn link_expired(app: &mut Application, generation: Generation, d: &mut Decision) {
    if !pending(app, generation) {
        return;
    }
    let Some(deal) = app.stage.deal_mut() else { return };
    let earlier = deal.repayment.clone();
    let Some(id) = earlier.plan().cloned() else { return };
    deal.repayment = RepaymentSetup::Inactive { plan: id.clone(), cancelled: None };
    cancel_mandate(app, &earlier, d);
    d.event(app, "mandate link expired");
    tell(app, &id, d);
}

fn tell(app: &Application, id: &PlanId, d: &mut Decision) {
    d.webhooks.push(Webhook {
        application: app.id,
        kind: WebhookKind::RepaymentPlanStatus(id.clone()),
        content: Content::Plan { plan: shown(app, id) },
    });
}

fn pending(app: &Application, generation: Generation) -> bool {
    app.stage.live_deal().is_some_and(
        |deal| matches!(deal.repayment, RepaymentSetup::PendingAuth { generation: current, .. } if current == generation),
    )
}

fn shown(app: &Application, id: &PlanId) -> PlanContent {
    match app.stage.deal() {
        Some(deal) => content(deal, id),
        None => {
            PlanContent { id: id.clone(), plan: None, status: PlanStatus::Inactive, payment_url: None, schedule: None }
        }
    }
}

/// A repayment plan as told to the LSP.
#[must_use]
pub fn content(deal: &Deal, id: &PlanId) -> PlanContent {
    let plan = deal.offer.repayment_plans.iter().find(|p| p.id == *id).cloned();
    let chosen = deal.repayment.plan() == Some(id);
    let status = match &deal.repayment {
        RepaymentSetup::Active { .. } if chosen => PlanStatus::Active,
        RepaymentSetup::PendingAuth { .. } if chosen => PlanStatus::PendingAuth,
        _ => PlanStatus::Inactive,
    };
    let payment_url = deal.repayment.mandate().filter(|_| chosen).map(|m| m.payment_url.clone());
    let schedule = plan.is_some().then(|| deal.offer.schedule.clone());
    PlanContent { id: id.clone(), plan, status, payment_url, schedule }
}
