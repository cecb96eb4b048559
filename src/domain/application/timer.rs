//! What happens by itself (rows 33, 50 and 61).

use chrono::Duration;

use super::answer::{Answer, GrantStatus, RefusalReason};
use super::ask::Timer;
use super::decision::{Decision, Effect, Facts};
use super::stage::Stage;
use super::{Application, WaitingFor, consent, grant, loan_application, offer, repayment};

/// A timer rang. One that belongs to something gone does nothing.
pub fn fire(app: &mut Application, timer: &Timer, facts: &Facts<'_>, d: &mut Decision) {
    match timer {
        Timer::OffersLapse { .. } => lapse(app, facts, d),
        Timer::Idle => idle(app, facts, d),
        Timer::MandateLink { generation } => repayment::link_expired(app, *generation, d),
        Timer::DataLife { purpose, handle } => consent::data_life_ended(app, (*purpose, handle), d),
        // The loan's own.
        Timer::PaymentLink { .. } => {}
        // The engine answers it from the exchange; the application does not move.
        Timer::InterimAnswer { .. } => {}
    }
}

fn lapse(app: &mut Application, facts: &Facts<'_>, d: &mut Decision) {
    if let Stage::Offered { offers } = &app.stage
        && offers.iter().all(|o| facts.now > o.valid_till)
    {
        app.stage = Stage::Expired { at: facts.now, reoffer: true, deal: None };
        d.event(app, "all offers lapsed");
    }
}

/// Row 61: touched since means wait on; a check or payout under way is never cut off.
fn idle(app: &mut Application, facts: &Facts<'_>, d: &mut Decision) {
    match &app.stage {
        Stage::Granted { .. } | Stage::Rejected { .. } | Stage::Expired { .. } => return,
        Stage::Granting { .. } => {
            d.timer(Timer::Idle, app, facts.now + Duration::days(1));
            return;
        }
        Stage::Received { .. }
        | Stage::Processing
        | Stage::Underwriting { .. }
        | Stage::Offered { .. }
        | Stage::OfferAccepted { .. }
        | Stage::OtpSent { .. }
        | Stage::Agreed { .. }
        | Stage::ActionRequired { .. } => {}
    }
    let due = app.touched_at + Duration::days(facts.limits.idle_days);
    if facts.now < due {
        d.timer(Timer::Idle, app, due);
        return;
    }
    let deal = app.stage.deal().cloned().map(Box::new);
    if let Some(deal) = &deal {
        offer::cancel_mandate(app, &deal.repayment, d);
        d.effects.push(Effect::Release(app.id));
    }
    let reoffer = matches!(app.stage, Stage::Processing | Stage::Underwriting { .. } | Stage::Offered { .. });
    app.stage = Stage::Expired { at: facts.now, reoffer, deal };
    d.event(app, format!("nothing happened for {} days", facts.limits.idle_days));
    for waiting in std::mem::take(&mut app.waiting) {
        let content = match waiting.on {
            WaitingFor::Preliminary => loan_application::content(app),
            WaitingFor::Offers => offer::content(app, facts),
            WaitingFor::Grant => grant::content(app, GrantStatus::Rejected, Vec::new()),
            WaitingFor::Mandate => repayment::given_up(app, app.stage.deal().and_then(|deal| deal.repayment.plan())),
        };
        d.reply(
            waiting.exchange,
            waiting.slot,
            Answer::refused(RefusalReason::WrongState, "the application expired", content),
        );
    }
}
