//! Underwriting and offers (rows 20 to 37).

use chrono::Duration;

use super::answer::{Answer, Content, OffersContent, RefusalReason};
use super::ask::{Approval, Ask, Finding, Outcome};
use super::decision::{Decision, Effect, Facts};
use super::facets::{Consent, Deal, Generation, Kyc, Offer, RepaymentSetup};
use super::loan_application::other;
use super::repayment;
use super::stage::{ActionType, Resume, Stage};
use super::timer::Timer;
use super::{Application, WaitingFor};
use crate::domain::application::pricing;
use crate::domain::calendar::utc;
use crate::domain::ids::OfferId;
use crate::domain::rules;

/// Rows 20 to 23, 29 and 34: offers are asked for.
pub fn generate(app: &mut Application, slot: u32, facts: &Facts<'_>, d: &mut Decision) {
    match &app.stage {
        Stage::Received { .. } | Stage::Underwriting { .. } => wait(app, slot, facts, d),
        Stage::Processing => start(app, slot, facts, d),
        Stage::Offered { offers } if offers.iter().any(|o| facts.now <= o.valid_till) => {
            answer_slot(slot, Answer::ok(content(app, facts)), facts, d);
        }
        Stage::Offered { .. } => start(app, slot, facts, d),
        Stage::Expired { at, reoffer: true, .. } if facts.now <= *at + Duration::days(facts.limits.reoffer_days) => {
            start(app, slot, facts, d);
        }
        Stage::ActionRequired { resume: Resume::Processing, actions }
            if actions.iter().all(|a| a.action_type == ActionType::Other) =>
        {
            start(app, slot, facts, d);
        }
        Stage::ActionRequired { .. } => answer_slot(slot, Answer::ok(content(app, facts)), facts, d),
        Stage::OfferAccepted { deal } | Stage::OtpSent { deal, .. } if facts.now > deal.offer.valid_till => {
            let deal = deal.clone();
            start(app, slot, facts, d);
            if matches!(app.stage, Stage::Underwriting { .. }) {
                give_up(app, &deal, d);
            }
        }
        Stage::OfferAccepted { .. }
        | Stage::OtpSent { .. }
        | Stage::Agreed { .. }
        | Stage::Granting { .. }
        | Stage::Granted { .. }
        | Stage::Rejected { .. }
        | Stage::Expired { .. } => {
            let detail = format!("no offers can be made while the application is {}", app.stage.name());
            answer_slot(slot, Answer::refused(RefusalReason::WrongState, detail, content(app, facts)), facts, d);
        }
    }
}

/// The accepted terms ran out unsigned: what was set up on them ends, and new offers may be made.
fn give_up(app: &mut Application, deal: &Deal, d: &mut Decision) {
    cancel_mandate(app, &deal.repayment, d);
    repayment::answer_waiting(app, deal.repayment.plan(), "the accepted offer expired", d);
    d.effects.push(Effect::Release(app.id));
    d.event(app, "the accepted offer expired unsigned");
}

fn answer_slot(slot: u32, answer: Answer, facts: &Facts<'_>, d: &mut Decision) {
    if let Some(exchange) = facts.exchange {
        d.reply(exchange, slot, answer);
    }
}

fn wait(app: &mut Application, slot: u32, facts: &Facts<'_>, d: &mut Decision) {
    if let Some(exchange) = app.wait(facts.exchange, slot, WaitingFor::Offers) {
        d.reply(exchange, slot, Answer::ok(content(app, facts)));
    }
}

/// Rows 20 and 21: the guard on data consent, then the first question.
fn start(app: &mut Application, slot: u32, facts: &Facts<'_>, d: &mut Decision) {
    if !app.form.borrower.is_known() {
        let detail = rules::DL_7_I.refusal("the application tells neither name nor PAN nor phone of the borrower");
        answer_slot(slot, Answer::refused(RefusalReason::WrongState, detail, content(app, facts)), facts, d);
        return;
    }
    let needs_consent = facts.product(app).is_some_and(|p| p.needs_data_consent);
    let consent_id = match &app.data_consent {
        Consent::Ready { consent_id, .. } => Some(consent_id.clone()),
        _ => None,
    };
    if needs_consent && consent_id.is_none() && matches!(app.stage, Stage::Expired { .. }) {
        // No consent is taken any more, so there is no way back (row 60).
        let (stage, consent) = (app.stage.name(), app.data_consent.name());
        let detail = format!("no offers can be made while the application is {stage} with data consent {consent}");
        answer_slot(slot, Answer::refused(RefusalReason::WrongState, detail, content(app, facts)), facts, d);
        return;
    }
    if needs_consent && consent_id.is_none() {
        let detail = format!("data consent is {}, READY is needed before offers", app.data_consent.name());
        answer_slot(slot, Answer::refused(RefusalReason::ConsentNotReady, detail, content(app, facts)), facts, d);
        return;
    }
    if matches!(app.stage, Stage::Expired { .. }) {
        // The timer of its first life may have rung already.
        d.timer(Timer::Idle, app, facts.now + Duration::days(facts.limits.idle_days));
    }
    let generation = app.next_generation();
    app.stage = Stage::Underwriting { generation };
    wait(app, slot, facts, d);
    d.event(app, "underwriting");
    d.ask_aside(Ask::FetchData { consent_id }, app, generation);
}

/// Row 22: a request that came before the preliminary check ended goes on now.
pub fn resume_held(app: &mut Application, facts: &Facts<'_>, d: &mut Decision) {
    for held in app.take_waiting(WaitingFor::Offers) {
        let facts = Facts { exchange: Some(held.exchange), ..facts.clone() };
        generate(app, held.slot, &facts, d);
    }
}

/// The borrower's data came in, or finally did not (row 28).
pub fn fetched(app: &mut Application, generation: Generation, outcome: &Outcome, facts: &Facts<'_>, d: &mut Decision) {
    if !underwriting(app, generation) {
        return;
    }
    match outcome {
        Outcome::Done { .. } => d.ask_aside(Ask::Offers, app, generation),
        Outcome::Pending { .. } | Outcome::Refused { .. } | Outcome::Unknown { .. } => {
            source_failed(app, "the borrower's data could not be fetched", facts, d);
        }
    }
}

/// Rows 24 to 26 and 28: the decision engine spoke; everybody who waits is answered.
pub fn decided(app: &mut Application, generation: Generation, outcome: &Outcome, facts: &Facts<'_>, d: &mut Decision) {
    if !underwriting(app, generation) || outcome.is_referral() {
        return;
    }
    app.stage = match outcome {
        Outcome::Done { finding: Finding::Approve { offers } } => {
            let Some(stage) = approved(app, generation, offers, facts, d) else {
                let detail = "none of the approved terms could be priced";
                d.warnings.push(detail.to_owned());
                return source_failed(app, detail, facts, d);
            };
            stage
        }
        Outcome::Done { finding: Finding::Decline { reasons } } => {
            Stage::Rejected { reasons: reasons.clone(), deal: None }
        }
        Outcome::Done { finding: Finding::NeedsAction { actions } } => {
            Stage::ActionRequired { resume: Resume::Processing, actions: actions.clone() }
        }
        Outcome::Refused { detail, .. } => Stage::Rejected { reasons: vec![other(detail)], deal: None },
        Outcome::Done { .. } | Outcome::Pending { .. } | Outcome::Unknown { .. } => {
            source_failed(app, "the decision engine did not answer", facts, d);
            return;
        }
    };
    d.event(app, format!("decision: {}", app.stage.name()));
    for waiting in app.take_waiting(WaitingFor::Offers) {
        d.reply(waiting.exchange, waiting.slot, Answer::ok(content(app, facts)));
    }
}

fn underwriting(app: &Application, generation: Generation) -> bool {
    matches!(app.stage, Stage::Underwriting { generation: current } if current == generation)
}

fn source_failed(app: &mut Application, detail: &str, facts: &Facts<'_>, d: &mut Decision) {
    app.stage = Stage::Processing;
    d.event(app, detail);
    for waiting in app.take_waiting(WaitingFor::Offers) {
        let answer = Answer::refused(RefusalReason::SourceUnavailable, detail, content(app, facts));
        d.reply(waiting.exchange, waiting.slot, answer);
    }
}

/// Prices what was approved; an approval that passes the borrower's limit or cannot be priced falls away. Nothing when
/// it was the pricing that left none: a mistake of the lender's, for which no borrower is declined. Over a tenure that
/// no loan can have no later try makes an offer either, and that is told.
fn approved(
    app: &Application,
    generation: Generation,
    approvals: &[Approval],
    facts: &Facts<'_>,
    d: &mut Decision,
) -> Option<Stage> {
    let Some(product) = facts.product(app) else {
        return Some(Stage::Rejected { reasons: vec![other("the product is not sold any more")], deal: None });
    };
    let fits = |approval: &&Approval| facts.within_exposure(facts.exposure.committed, approval.amount);
    let mut offers: Vec<Offer> = Vec::new();
    let (mut unpriced, mut impossible) = (false, None);
    for (number, approval) in approvals.iter().filter(fits).enumerate() {
        match pricing::price(app, product, approval, (generation, number), facts) {
            Ok(offer) if offer.shows_its_cost() => offers.push(offer),
            Ok(_) => d.event(app, rules::DL_6.refusal("an offer that does not show its cost is not sent")),
            Err(error) => {
                unpriced = true;
                impossible = impossible.or_else(|| pricing::impossible_tenure(app, product, approval, facts));
                d.warn(app, format!("an approved amount could not be priced: {error}"));
            }
        }
    }
    let issued = offers.iter().filter_map(|offer| offer.kfs.clone());
    d.effects.extend(issued.map(|kfs| Effect::Publish(app.id, Box::new(kfs))));
    match offers.iter().map(|o| o.valid_till).max() {
        Some(last) => {
            d.timer(Timer::OffersLapse { generation }, app, last + Duration::milliseconds(1));
            Some(Stage::Offered { offers })
        }
        None if let Some(detail) = impossible => Some(Stage::Rejected { reasons: vec![other(&detail)], deal: None }),
        None if unpriced => None,
        None => Some(Stage::Rejected { reasons: vec![other("no offer within the borrower's limit")], deal: None }),
    }
}

/// Row 30 and those around it: the borrower chose.
pub fn set(app: &mut Application, offer: &OfferId, facts: &Facts<'_>, d: &mut Decision) {
    let chosen = match &app.stage {
        Stage::Offered { offers } => pick(offers, offer, facts),
        Stage::OfferAccepted { deal } | Stage::OtpSent { deal, .. } if deal.offer.id != *offer => {
            pick(&deal.others, offer, facts)
        }
        Stage::OfferAccepted { deal }
        | Stage::OtpSent { deal, .. }
        | Stage::Agreed { deal, .. }
        | Stage::Granting { deal, .. }
        | Stage::Granted { deal, .. }
            if deal.offer.id == *offer =>
        {
            d.answer(facts, Answer::ok(offer_set(app)));
            return;
        }
        _ => Err((
            RefusalReason::WrongState,
            format!("no offer can be chosen while the application is {}", app.stage.name()),
        )),
    };
    let accepted = chosen.and_then(|deal| {
        let within = facts.within_exposure(facts.exposure.committed, deal.offer.sanctioned);
        within
            .then_some(deal)
            .ok_or((RefusalReason::ExposureLimit, "the borrower's limit over all loans is used up".to_owned()))
    });
    match accepted {
        Ok(deal) => accept(app, deal, facts, d),
        Err((reason, detail)) => d.answer(facts, Answer::refused(reason, detail, offer_set(app))),
    }
}

fn pick(offers: &[Offer], id: &OfferId, facts: &Facts<'_>) -> Result<Deal, (RefusalReason, String)> {
    let Some(offer) = offers.iter().find(|o| o.id == *id) else {
        return Err((RefusalReason::UnknownOffer, "the application has no such offer".to_owned()));
    };
    if facts.now > offer.valid_till {
        return Err((RefusalReason::OfferExpired, format!("the offer was valid until {}", utc(offer.valid_till))));
    }
    let others = offers.iter().filter(|o| o.id != *id).cloned().collect();
    Ok(Deal::new(offer.clone(), others, Kyc::None))
}

/// Rows 30 and 36: terms freeze, what belonged to an earlier choice ends, identity verification starts.
fn accept(app: &mut Application, mut deal: Deal, facts: &Facts<'_>, d: &mut Decision) {
    if let Some(earlier) = app.stage.deal().cloned() {
        deal.kyc = earlier.kyc.clone();
        cancel_mandate(app, &earlier.repayment, d);
        repayment::answer_waiting(app, earlier.repayment.plan(), "replaced by a later offer", d);
        deal.others.push(earlier.into_offer());
    }
    d.effects.push(Effect::Reserve(app.id, deal.offer.sanctioned));
    if deal.kyc == Kyc::None && facts.product(app).is_some_and(|p| p.needs_kyc) {
        let generation = app.next_generation();
        deal.kyc = Kyc::Pending { generation, url: None };
        d.ask_aside(Ask::Kyc, app, generation);
    }
    d.event(app, format!("offer {} accepted", deal.offer.id));
    app.stage = Stage::OfferAccepted { deal: Box::new(deal) };
    d.answer(facts, Answer::ok(offer_set(app)));
}

/// Compensation: a mandate that nothing stands behind any more is cancelled at the collection system.
pub fn cancel_mandate(app: &Application, setup: &RepaymentSetup, d: &mut Decision) {
    if let (Some(plan), Some(mandate)) = (setup.plan(), setup.mandate()) {
        let ask = Ask::CancelMandate { plan: plan.clone(), reference: mandate.reference.clone() };
        d.ask_aside(ask, app, app.generation);
    }
}

fn offer_set(app: &Application) -> Content {
    Content::OfferSet { loan_application_id: app.loan_application_id.clone(), status: app.stage.status() }
}

/// The item of `generateOffersResponse` as things stand; lapsed offers are not shown.
#[must_use]
pub fn content(app: &Application, facts: &Facts<'_>) -> Content {
    let (offers, rejections, actions) = match &app.stage {
        Stage::Offered { offers } => {
            (offers.iter().filter(|o| facts.now <= o.valid_till).cloned().collect(), Vec::new(), Vec::new())
        }
        Stage::Rejected { reasons, .. } => (Vec::new(), reasons.clone(), Vec::new()),
        Stage::ActionRequired { actions, .. } => (Vec::new(), Vec::new(), actions.clone()),
        _ => (Vec::new(), Vec::new(), Vec::new()),
    };
    Content::Offers(OffersContent {
        loan_application_id: app.loan_application_id.clone(),
        status: app.stage.status(),
        offers,
        rejections,
        actions,
    })
}
