//! Laws of the machine under random traffic.
//!
//! [`Scene`] itself refuses illegal stage changes, left terminal stages and unsigned grants at each step.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::support::Scene;
use super::traffic::{NAMES, begin, beginning, choice, step};
use crate::domain::application::decision::Effect;
use crate::domain::application::stage::STAGES;
use crate::domain::book::JournalKind;
use crate::domain::ids::ApplicationId;
use crate::domain::loan::PayoutState;
use crate::domain::maths::money::Paise;

/// What is counted against borrowers after everything that happened.
fn reserved(scene: &Scene) -> BTreeMap<ApplicationId, Paise> {
    let mut reserved = BTreeMap::new();
    for effect in &scene.all_effects {
        match effect {
            Effect::Reserve(id, amount) | Effect::Reopen(id, _, amount) => drop(reserved.insert(*id, *amount)),
            Effect::Release(id) | Effect::Finish(id, _) => drop(reserved.remove(id)),
            _ => {}
        }
    }
    reserved
}

/// Each result that was promised came exactly once, and none that was not.
fn assert_answered_once(scene: &Scene) {
    let mut told: BTreeMap<_, u32> = scene.owed.iter().map(|slot| (*slot, 0)).collect();
    for reply in &scene.replies {
        *told.get_mut(&(reply.exchange, reply.slot)).expect("a result that was promised") += 1;
    }
    assert!(told.values().all(|times| *times == 1), "{told:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_accepted_request_is_answered_exactly_once(
        beginning in beginning(),
        steps in prop::collection::vec(step(), 0..50),
        choices in prop::collection::vec(choice(), 1..20),
    ) {
        let mut traffic = begin(beginning);
        for step in &steps {
            traffic.play(step);
            let many = traffic.scene.replies.iter().map(|reply| (reply.exchange, reply.slot));
            let many: Vec<_> = many.collect();
            prop_assert!(many.iter().all(|slot| traffic.scene.owed.contains(slot)));
        }
        traffic.drain(&choices);
        assert_answered_once(&traffic.scene);
    }

    #[test]
    fn what_is_reserved_posted_and_mandated_agrees_with_the_applications(
        beginning in beginning(),
        steps in prop::collection::vec(step(), 0..50),
        choices in prop::collection::vec(choice(), 1..20),
    ) {
        let mut traffic = begin(beginning);
        for step in &steps {
            traffic.play(step);
        }
        traffic.drain(&choices);
        let scene = &traffic.scene;
        let live = scene.apps.iter().filter_map(|app| app.stage.live_deal().map(|deal| (app.id, deal)));
        let ended: Vec<_> = scene
            .loans
            .iter()
            .filter(|loan| loan.account.as_ref().is_some_and(crate::domain::loan::account::Account::is_closed))
            .map(|loan| loan.application)
            .collect();
        let live = live.filter(|(id, _)| !ended.contains(id));
        let owed: BTreeMap<_, _> = live.clone().map(|(id, deal)| (id, deal.offer.sanctioned)).collect();
        prop_assert_eq!(reserved(scene), owed);
        let held = |reference: &String| {
            live.clone().filter_map(|(_, deal)| deal.repayment.mandate()).any(|m| m.reference == *reference)
        };
        prop_assert!(traffic.mandates.iter().all(held), "a mandate that nobody wants: {:?}", traffic.mandates);
        let payouts = scene.loans.iter().flat_map(|loan| &loan.payouts);
        let settled = payouts.filter(|payout| matches!(payout.state, PayoutState::Paid { .. })).count();
        let payouts = scene.journals.iter().filter(|journal| journal.kind == JournalKind::Disbursement);
        prop_assert_eq!(payouts.count(), settled);
        for journal in &scene.journals {
            let sum = Paise::checked_sum(journal.postings.iter().map(|posting| posting.amount));
            prop_assert_eq!(sum, Some(Paise(0)));
        }
    }

    #[test]
    fn the_same_events_give_the_same_applications(
        beginning in beginning(),
        steps in prop::collection::vec(step(), 0..40),
    ) {
        let [first, second] = [(); 2].map(|()| {
            let mut traffic = begin(beginning);
            for step in &steps {
                traffic.play(step);
            }
            traffic.scene
        });
        prop_assert_eq!(&first.apps, &second.apps);
        prop_assert_eq!(&first.replies, &second.replies);
        prop_assert_eq!(&first.loans, &second.loans);
    }

    #[test]
    fn what_is_rejected_or_granted_stays_so(
        count in 1..=NAMES.len(),
        careful in any::<bool>(),
        granted in any::<bool>(),
        steps in prop::collection::vec(step(), 0..40),
    ) {
        let stage = if granted { "GRANTED" } else { "REJECTED" };
        let number = STAGES.iter().position(|name| *name == stage).expect("a stage");
        let mut traffic = begin((count, careful, number));
        let before = traffic.scene.clone();
        for step in &steps {
            traffic.play(step);
            for (was, is) in before.apps.iter().zip(&traffic.scene.apps) {
                prop_assert_eq!(is.stage.name(), stage);
                prop_assert!(granted || was.stage == is.stage);
            }
        }
    }

    #[test]
    fn what_is_expired_comes_back_only_for_new_offers(
        count in 1..=NAMES.len(),
        careful in any::<bool>(),
        steps in prop::collection::vec(step(), 0..40),
    ) {
        let expired = STAGES.iter().position(|name| *name == "EXPIRED").expect("a stage");
        let mut traffic = begin((count, careful, expired));
        for step in &steps {
            let before = traffic.scene.apps.clone();
            traffic.play(step);
            for (was, is) in before.iter().zip(&traffic.scene.apps) {
                let left = was.stage.name() == "EXPIRED" && is.stage.name() != "EXPIRED";
                prop_assert!(!left || step.asks_for_offers());
            }
        }
    }
}
