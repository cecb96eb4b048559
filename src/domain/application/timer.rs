//! What happens by itself (rows 33, 50 and 61).

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::answer::{Answer, GrantStatus, RefusalReason};
use super::decision::{Decision, Effect, Facts};
use super::facets::{ConsentPurpose, Generation};
use super::stage::Stage;
use super::{Application, WaitingFor, consent, grant, loan_application, offer, repayment};
use crate::domain::ids::{ApplicationId, ExchangeId, PaymentId};

/// Something that happens by itself at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "timer", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Timer {
    /// All offers lapse (row 33).
    OffersLapse {
        /// Which underwriting made them.
        generation: Generation,
    },
    /// Nothing happened for long (row 61).
    Idle,
    /// The mandate link dies (row 50).
    MandateLink {
        /// Which registration it belongs to.
        generation: Generation,
    },
    /// A payment page ends.
    PaymentLink {
        /// Which payment.
        payment: PaymentId,
    },
    /// The data life of a consent ends: nothing that came with it is kept.
    DataLife {
        /// Which of the two consents.
        purpose: ConsentPurpose,
        /// The account aggregator's handle; a later consent has another.
        handle: String,
    },
    /// An LSP that still waits for offers gets its interim answer (row 27).
    InterimAnswer {
        /// The exchange that waits.
        exchange: ExchangeId,
    },
}

/// A timer to be stored by the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewTimer {
    /// What happens.
    pub timer: Timer,
    /// To which application.
    pub application: ApplicationId,
    /// When.
    pub at: DateTime<Utc>,
}

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
            grant::ask_again(app, d);
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
