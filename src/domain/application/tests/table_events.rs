//! The events of the stage × event table.

use chrono::Duration;

use super::findings::{
    account_verified, acknowledged, approve, consent_ready, decline, done, handle, kyc_done, mandate, needs_step, paid,
    pass, prepared, refused, unknown,
};
use super::fixtures::{
    account, consent, consent_status, generate, pay_out, set_account, set_repayment_plan, trigger_acceptance,
};
use super::outcomes::dead_order;
use super::requests::{Request, loan_id, pending_handle, plans};
use super::story::ONE;
use super::support::Scene;
use crate::domain::application::ask::{Ask, Finding, NEVER_RECEIVED, NewAsk, Outcome};
use crate::domain::application::command::Command;
use crate::domain::application::facets::{ConsentPurpose, Generation};
use crate::domain::application::timer::Timer;
use crate::domain::ids::ExchangeId;

/// A number that no question ever had.
pub const NEVER: Generation = Generation::MAX;

/// Something that happens to the application [`ONE`].
pub enum Event {
    /// A request made for the scene at hand.
    Request(Request),
    /// An outcome of the open question of this method, or of an old one when none is open. The
    /// command, where given, first makes the question, if it can do so without leaving the stage.
    Outcome(Cause, fn(&Scene) -> Ask, Outcome),
    /// A timer that rings after so long.
    Timer(Duration, fn(&Scene) -> Timer),
}

impl Event {
    /// Brings the scene to the instant before the event and gives a copy of it; `None` when the ack refuses the request.
    pub fn prepare(&self, scene: &mut Scene) -> Option<Scene> {
        match self {
            Self::Request(command) => scene.clone().try_tell(&command(scene, ONE)).map(|_| scene.clone()),
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
            Self::Timer(after, _) => {
                scene.now += *after;
                Some(scene.clone())
            }
        }
    }

    /// Lets it happen; the exchange whose answer counts, if there is one.
    pub fn happen(&self, scene: &mut Scene) -> Option<ExchangeId> {
        match self {
            Self::Request(command) => scene.try_tell(&command(scene, ONE)),
            Self::Outcome(_, ask, outcome) => {
                let method = ask(scene).method();
                let replies = scene.replies.len();
                let open = scene.asks.iter().position(|new| new.ask.method() == method);
                let new = match open {
                    Some(found) => scene.asks.remove(found),
                    None => NewAsk {
                        ask: ask(scene),
                        targets: vec![(scene.app(ONE).id, NEVER)],
                        exchange: None,
                        not_before: None,
                    },
                };
                scene.apply(&new, outcome);
                scene.replies.get(replies).map(|reply| reply.exchange)
            }
            Self::Timer(_, timer) => {
                let replies = scene.replies.len();
                let timer = timer(scene);
                scene.ring(ONE, &timer);
                scene.replies.get(replies).map(|reply| reply.exchange)
            }
        }
    }
}

/// Makes a request that leads to a question.
type Cause = fn(&Scene) -> Option<Command>;

/// Every way in which a lender's system may answer.
pub fn outcomes() -> Vec<(String, Event)> {
    let questions = before_the_offer().into_iter().chain(after_the_offer());
    let events = questions.flat_map(|(name, cause, ask, outcomes)| {
        let event = move |(word, outcome)| (format!("{name}: {word}"), Event::Outcome(cause, ask, outcome));
        outcomes.into_iter().map(event)
    });
    events.collect()
}

type Question = (&'static str, Cause, fn(&Scene) -> Ask, Vec<(&'static str, Outcome)>);

fn before_the_offer() -> Vec<Question> {
    let asked: Cause = |_| Some(generate(&[ONE]));
    let requested: Cause = |_| Some(consent(&[ONE], None));
    let named: Cause = |s| Some(consent_status(pending_handle(s.app(ONE))));
    let told = vec![
        ("ready", consent_ready()),
        ("pending", done(Finding::ConsentPending)),
        ("failed", done(Finding::ConsentFailed)),
        ("unknown", unknown()),
    ];
    let approved = std::iter::once(("approve", approve())).chain(decisions().into_iter().skip(1));
    vec![
        ("eligibility", |_| None, |_| Ask::Eligibility, decisions()),
        ("fetch", asked, |_| Ask::FetchData { consent_id: None }, with_failures("done", acknowledged())),
        ("offers", asked, |_| Ask::Offers, approved.collect()),
        ("consent-create", requested, consent_create, with_failures("handle", handle("H9"))),
        ("consent-status", named, consent_told, told),
    ]
}

fn after_the_offer() -> Vec<Question> {
    let agreed: Cause = |_| Some(trigger_acceptance(&[ONE]));
    let named: Cause = |_| Some(set_account(ONE, account("A2")));
    let chosen: Cause = |s| Some(set_repayment_plan(ONE, &plans(s.app(ONE)).1));
    let ordered: Cause = |s| Some(pay_out(&loan_id(s.app(ONE)), "P9"));
    let active = with_failures("active", done(Finding::MandateActive));
    let inactive = ("inactive", done(Finding::MandateInactive));
    let paid = with_failures("paid", paid()).into_iter();
    vec![
        ("kyc", |_| None, |_| Ask::Kyc, with_failures("done", kyc_done())),
        ("prepare", agreed, prepare, with_failures("done", prepared(&["hash"]))),
        ("send-otp", |_| None, send_otp, with_failures("done", acknowledged())),
        ("verify-account", named, verify_account, with_failures("done", account_verified())),
        ("register-mandate", chosen, register, with_failures("done", mandate("M9"))),
        ("mandate status", |_| None, watch, active.into_iter().chain([inactive]).collect()),
        ("cancel", |_| None, cancel, with_failures("done", acknowledged())),
        ("final-check", |_| None, |_| Ask::FinalCheck, decisions()),
        ("pay", ordered, dead_pay, paid.chain([("never received", refused(NEVER_RECEIVED))]).collect()),
    ]
}

fn decisions() -> Vec<(&'static str, Outcome)> {
    let words = [("pass", pass()), ("decline", decline()), ("needs action", needs_step())];
    words.into_iter().chain(failures()).collect()
}

fn with_failures(word: &'static str, outcome: Outcome) -> Vec<(&'static str, Outcome)> {
    std::iter::once((word, outcome)).chain(failures()).collect()
}

fn failures() -> [(&'static str, Outcome); 2] {
    [("refused", refused("X")), ("unknown", unknown())]
}

fn consent_create(scene: &Scene) -> Ask {
    Ask::ConsentCreate {
        purpose: purpose(scene),
        vua: String::new(),
        aggregation_id: None,
        aggregated: None,
        lsp: None,
    }
}

fn consent_told(scene: &Scene) -> Ask {
    Ask::ConsentStatus { purpose: purpose(scene), handle: pending_handle(scene.app(ONE)).to_owned() }
}

fn prepare(_: &Scene) -> Ask {
    Ask::PrepareAgreement { app_token: None }
}

fn send_otp(_: &Scene) -> Ask {
    Ask::SendOtp { session_key: "S".to_owned(), document_hashes: Vec::new(), app_token: None }
}

fn verify_account(_: &Scene) -> Ask {
    Ask::VerifyAccount { account: account("A2") }
}

fn register(scene: &Scene) -> Ask {
    Ask::RegisterMandate { plan: plans(scene.app(ONE)).1 }
}

fn watch(scene: &Scene) -> Ask {
    Ask::MandateStatus { plan: plans(scene.app(ONE)).1, reference: "M1".to_owned(), again: false }
}

fn cancel(scene: &Scene) -> Ask {
    Ask::CancelMandate { plan: plans(scene.app(ONE)).1, reference: "M1".to_owned() }
}

/// Every timer, rung at once; idleness also for an application that nobody touched for long.
pub fn timers() -> Vec<(String, Event)> {
    let interim = |_: &Scene| Timer::InterimAnswer { exchange: ExchangeId(uuid::Uuid::nil()) };
    let now = Duration::zero();
    let timers = [
        ("offers lapse", Event::Timer(now, |_| Timer::OffersLapse { generation: NEVER })),
        ("idle, but touched", Event::Timer(now, |_| Timer::Idle)),
        ("idle for a month", Event::Timer(Duration::days(31), |_| Timer::Idle)),
        ("mandate link dies", Event::Timer(now, mandate_link)),
        ("interim answer", Event::Timer(now, interim)),
    ];
    timers.into_iter().map(|(name, event)| (name.to_owned(), event)).collect()
}

fn mandate_link(scene: &Scene) -> Timer {
    let set = scene.timers.iter().map(|new| new.timer.clone());
    set.into_iter().find(|t| matches!(t, Timer::MandateLink { .. })).unwrap_or(Timer::MandateLink { generation: NEVER })
}

fn dead_pay(scene: &Scene) -> Ask {
    Ask::Pay(dead_order(loan_id(scene.app(ONE)).0))
}

fn purpose(scene: &Scene) -> ConsentPurpose {
    if scene.app(ONE).stage.deal().is_some() { ConsentPurpose::Monitoring } else { ConsentPurpose::Data }
}
