//! Random traffic: requests, outcomes in any order, outcomes of nothing, and time.

use chrono::Duration;
use proptest::prelude::*;

use super::fixtures::{careful_product, consent, generate, plain_product, trigger_acceptance};
use super::outcomes::{any_outcome, dead};
use super::pricing::assert_adds_up;
use super::requests::requests;
use super::support::Scene;
use crate::domain::application::ask::{Ask, Finding, Outcome};
use crate::domain::application::stage::{STAGES, Stage};

pub const NAMES: [&str; 3] = ["LA-1", "LA-2", "LA-3"];

/// One thing that happens; numbers are taken modulo what there is to choose from.
#[derive(Debug, Clone)]
pub enum Step {
    /// A request about one application, its OTP right or wrong.
    Request { which: usize, who: usize, otp_matches: bool },
    /// A request about all of them.
    RequestForAll { which: usize },
    /// An open question is answered.
    Answer { which: usize, choice: usize },
    /// A question that is not open any more is answered.
    AnswerDead { which: usize, choice: usize },
    /// Time passes and timers ring.
    Wait { span: usize },
}

/// From within the gap between two OTPs to beyond idleness.
const SPANS: [i64; 7] = [1, 31, 301, 3_600, 90_000, 700_000, 2_700_000];

pub fn step() -> impl Strategy<Value = Step> {
    let request = (any::<usize>(), any::<usize>(), prop::bool::weighted(0.8));
    prop_oneof![
        8 => request.prop_map(|(which, who, otp_matches)| Step::Request { which, who, otp_matches }),
        2 => any::<usize>().prop_map(|which| Step::RequestForAll { which }),
        8 => (any::<usize>(), choice()).prop_map(|(which, choice)| Step::Answer { which, choice }),
        1 => (any::<usize>(), any::<usize>()).prop_map(|(which, choice)| Step::AnswerDead { which, choice }),
        2 => (0..SPANS.len()).prop_map(|span| Step::Wait { span }),
    ]
}

/// Mostly the good outcome, so that stories get far.
pub fn choice() -> impl Strategy<Value = usize> {
    prop_oneof![3 => Just(0), 1 => any::<usize>()]
}

/// Where a story begins: how many applications, under which product, at which stage.
pub fn beginning() -> impl Strategy<Value = (usize, bool, usize)> {
    (1..=NAMES.len(), any::<bool>(), 0..STAGES.len())
}

pub fn begin((count, careful, stage): (usize, bool, usize)) -> Traffic {
    let product = if careful { careful_product() } else { plain_product() };
    let scene = Scene::several(product, &NAMES[..count], STAGES[stage]);
    Traffic { count, mandates: Vec::new(), scene }
}

/// A scene and what random traffic must remember about it.
pub struct Traffic {
    pub scene: Scene,
    count: usize,
    /// References of mandates that the collection system took on since the story began and that it did not end itself.
    pub mandates: Vec<String>,
}

impl Traffic {
    pub fn play(&mut self, step: &Step) {
        match step {
            Step::Request { which, who, otp_matches } => {
                let list = requests();
                let (_, request) = &list[which % list.len()];
                self.scene.otp_matches = *otp_matches;
                let command = request(&self.scene, NAMES[who % self.count]);
                self.scene.try_tell(&command);
            }
            Step::RequestForAll { which } => {
                let names = &NAMES[..self.count];
                let commands = [consent(names, None), generate(names), trigger_acceptance(names)];
                self.scene.try_tell(&commands[which % commands.len()]);
            }
            Step::Answer { which, choice } => self.answer(*which, *choice),
            Step::AnswerDead { which, choice } => self.answer_dead(*which, *choice),
            Step::Wait { span } => self.scene.wait(Duration::seconds(SPANS[*span])),
        }
        self.check();
    }

    fn answer(&mut self, which: usize, choice: usize) {
        if self.scene.asks.is_empty() {
            return;
        }
        let new = self.scene.asks.remove(which % self.scene.asks.len());
        let outcome = any_outcome(&new, choice);
        match (&new.ask, &outcome) {
            (_, Outcome::Done { finding: Finding::MandateRegistered { reference, .. } }) => {
                self.mandates.push(reference.clone());
            }
            (Ask::MandateStatus { reference, .. }, outcome) if ends_mandate(outcome) => {
                self.mandates.retain(|known| known != reference);
            }
            (Ask::CancelMandate { reference, .. }, _) => self.mandates.retain(|known| known != reference),
            _ => {}
        }
        self.scene.apply(&new, &outcome);
    }

    /// A stale outcome changes nothing, answers nobody and at most has a mandate or a page cancelled.
    fn answer_dead(&mut self, which: usize, choice: usize) {
        let app = self.scene.apps[which % self.count].id;
        let new = dead(which, app);
        let outcome = any_outcome(&new, choice);
        let before = self.scene.clone();
        self.scene.apply(&new, &outcome);
        assert_eq!(self.scene.apps, before.apps);
        assert_eq!((&self.scene.loans, &self.scene.replies), (&before.loans, &before.replies));
        assert_eq!((self.scene.timers.len(), self.scene.webhooks.len()), (before.timers.len(), before.webhooks.len()));
        let asked = &self.scene.asks[before.asks.len()..];
        assert!(asked.iter().all(|new| matches!(new.ask, Ask::CancelMandate { .. } | Ask::CancelLink { .. })));
    }

    fn check(&self) {
        for app in &self.scene.apps {
            if let Stage::Offered { offers } = &app.stage {
                offers.iter().for_each(assert_adds_up);
            }
        }
        for loan in &self.scene.loans {
            assert!(loan.payouts.iter().filter(|payout| !payout.has_failed()).count() <= 1, "one payout a tranche");
        }
    }

    /// Everything open is answered and time passes until nothing is left to come but what a running loan goes on with.
    pub fn drain(&mut self, choices: &[usize]) {
        for choice in choices.iter().cycle().take(2_000) {
            if self.scene.asks.is_empty() {
                self.scene.wait(Duration::days(62));
                self.check();
                if self.scene.asks.iter().all(|new| matches!(new.ask, Ask::Notify(_) | Ask::Present(_))) {
                    return;
                }
            }
            self.answer(0, *choice);
            self.check();
        }
        panic!("questions without end: {:?}", self.scene.asked());
    }
}

impl Step {
    /// Whether it asks for offers, which is the one way back from an expired application (row 34).
    pub fn asks_for_offers(&self) -> bool {
        match self {
            Self::Request { which, .. } => {
                let list = requests();
                list[which % list.len()].0 == "generateOffers"
            }
            Self::RequestForAll { which } => which % 3 == 1,
            Self::Answer { .. } | Self::AnswerDead { .. } | Self::Wait { .. } => false,
        }
    }
}

fn ends_mandate(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Refused { .. } | Outcome::Done { finding: Finding::MandateInactive })
}
