//! A bank that tells of a payout which left, after it had said that nothing moved.

use super::{granted, loan, orders, trigger};
use crate::domain::application::answer::{Content, PayoutStatus, RefusalReason};
use crate::domain::application::ask::{Ask, Finding, NEVER_RECEIVED, NewAsk, Outcome};
use crate::domain::application::decision::{Effect, OrderFate};
use crate::domain::application::tests::findings::{done, paid, refused};
use crate::domain::application::tests::fixtures::{account, set_account};
use crate::domain::application::tests::story::ONE;
use crate::domain::application::tests::support::Scene;
use crate::domain::ids::PaymentId;
use crate::domain::loan::Payout;
use crate::domain::loan::operator::Act;

/// The first try never arrived, says the bank, and a second one was ordered; then it tells that the first one was paid.
fn contradicted() -> (Scene, NewAsk) {
    let mut scene = granted();
    trigger(&mut scene, "P1", None, None);
    let first = pay(&scene);
    scene.answer("pay", &refused(NEVER_RECEIVED));
    scene.apply(&first, &paid());
    assert!(scene.unclaimed, "a person looks");
    (scene, first)
}

fn pay(scene: &Scene) -> NewAsk {
    scene.asks.iter().find(|new| matches!(new.ask, Ask::Pay(_))).expect("a payout").clone()
}

fn resolve(payment: &str, utr: Option<&str>) -> Act {
    let value_date = utr.map(|_| "2026-11-02".parse().unwrap());
    let (payment_id, utr) = (PaymentId::from(payment), utr.map(str::to_owned));
    Act::ResolvePayout { payment_id, attempt: None, utr, value_date }
}

fn resolve_try(attempt: u32, utr: Option<&str>) -> Act {
    match resolve("P1", utr) {
        Act::ResolvePayout { payment_id, utr, value_date, .. } => {
            Act::ResolvePayout { payment_id, attempt: Some(attempt), utr, value_date }
        }
        act => act,
    }
}

fn paid_under(utr: &str) -> Outcome {
    done(Finding::Paid { utr: utr.to_owned(), value_date: "2026-11-02".parse().unwrap() })
}

/// Both tries were paid, says the bank, after it had said that none was.
fn contradicted_twice() -> Scene {
    let (mut scene, _) = contradicted();
    let second = pay(&scene);
    scene.answer("pay", &refused(NEVER_RECEIVED));
    scene.apply(&second, &paid_under("UTR2"));
    assert_eq!(loan(&scene).payouts.iter().filter(|payout| payout.is_contradicted()).count(), 2);
    scene
}

#[test]
fn the_try_is_booked_whose_reference_is_given() {
    let mut scene = contradicted_twice();
    scene.operate(ONE, &resolve("P1", Some("UTR2"))).unwrap();
    let is_paid = |scene: &Scene| loan(scene).payouts.iter().map(Payout::is_paid).collect::<Vec<_>>();
    assert_eq!(is_paid(&scene), [false, true]);
    scene.operate(ONE, &resolve("P1", None)).unwrap();
    assert!(!loan(&scene).payouts[0].is_contradicted(), "one is left, so it is meant");
    assert_eq!(is_paid(&scene), [false, true]);
}

#[test]
fn which_try_is_meant_must_be_said_where_nothing_tells_it() {
    let mut scene = contradicted_twice();
    let before = loan(&scene).clone();
    for utr in [None, Some("UTR3")] {
        let said = scene.operate(ONE, &resolve("P1", utr)).unwrap_err();
        assert_eq!(said, "attempts 1 and 2 of the payment are in question: give `attempt`");
    }
    assert_eq!(scene.operate(ONE, &resolve_try(3, None)), Err("the payout has no such attempt".to_owned()));
    assert_eq!(loan(&scene), &before);
    scene.operate(ONE, &resolve_try(2, None)).unwrap();
    assert_eq!(scene.operate(ONE, &resolve_try(2, None)), Err("the payout has ended".to_owned()));
    scene.operate(ONE, &resolve_try(1, Some("UTR3"))).unwrap();
    assert!(loan(&scene).payouts[0].is_paid());
}

#[test]
fn a_reference_that_the_bank_has_not_told_may_be_the_open_try_s() {
    let (mut scene, _) = contradicted();
    let said = scene.operate(ONE, &resolve("P1", Some("UTR2"))).unwrap_err();
    assert!(said.ends_with("give `attempt`"), "{said}");
    scene.operate(ONE, &resolve_try(2, Some("UTR2"))).unwrap();
    assert!(loan(&scene).payouts[1].is_paid() && loan(&scene).payouts[0].is_contradicted());
}

#[test]
fn the_account_stays_while_nobody_knows_whether_it_was_paid_to() {
    let (mut scene, _) = contradicted();
    scene.answer("pay", &refused("ACCOUNT_CLOSED"));
    let set = scene.tell(&set_account(ONE, account("A2")));
    assert_eq!(scene.refusal(set), Some(RefusalReason::WrongState));
    scene.operate(ONE, &resolve("P1", None)).unwrap();
    scene.tell(&set_account(ONE, account("A2")));
    assert!(scene.asked().contains(&"verify-account"));
}

fn last_webhook(scene: &Scene) -> Option<PayoutStatus> {
    scene.webhooks.last().and_then(|webhook| match &webhook.content {
        Content::Disbursement(content) => content.status,
        _ => None,
    })
}

#[test]
fn the_next_try_is_withheld_until_a_person_has_looked() {
    let (scene, _) = contradicted();
    let second = orders(&scene)[0].bank_key.clone();
    assert_eq!(
        scene.effects.iter().find(|e| matches!(e, Effect::Order(OrderFate::Withheld, _))),
        Some(&Effect::Order(OrderFate::Withheld, second))
    );
    assert!(loan(&scene).account.is_none(), "nothing is booked");
}

#[test]
fn a_payout_that_was_paid_after_all_is_booked_once_and_the_next_try_is_given_up() {
    let (mut scene, first) = contradicted();
    let second = orders(&scene)[0].bank_key.clone();
    scene.operate(ONE, &resolve("P1", Some("UTR1"))).unwrap();
    assert!(scene.effects.contains(&Effect::Order(OrderFate::GivenUp, second)));
    assert_eq!(loan(&scene).payouts.iter().filter(|payout| payout.is_paid()).count(), 1);
    assert!(loan(&scene).payouts[0].is_paid() && loan(&scene).payouts[1].has_failed());
    assert!(loan(&scene).account.is_some());
    assert_eq!((scene.webhooks.len(), last_webhook(&scene)), (1, Some(PayoutStatus::Success)));
    let value_date = "2026-11-02".parse().unwrap();
    scene.apply(&first, &done(Finding::Paid { utr: "UTR1".to_owned(), value_date }));
    assert!(!scene.unclaimed, "the same news again");
    assert_eq!(scene.operate(ONE, &resolve("P1", Some("UTR1"))), Err("the payout has ended".to_owned()));
}

#[test]
fn a_payout_that_was_not_paid_lets_the_next_try_go() {
    let (mut scene, _) = contradicted();
    let second = orders(&scene)[0].bank_key.clone();
    scene.operate(ONE, &resolve("P1", None)).unwrap();
    assert!(scene.effects.contains(&Effect::Order(OrderFate::LetGo, second)));
    assert!(scene.webhooks.is_empty(), "the payment goes on");
    scene.answer("pay", &paid());
    assert!(loan(&scene).payouts[1].is_paid());
}

#[test]
fn no_new_try_follows_one_of_which_the_bank_tells_two_things() {
    let (mut scene, first) = contradicted();
    scene.answer("pay", &refused(NEVER_RECEIVED));
    assert!(orders(&scene).is_empty());
    assert_eq!(last_webhook(&scene), Some(PayoutStatus::Failure));
    let again = trigger(&mut scene, "P2", None, None);
    assert_eq!(scene.refusal(again), Some(RefusalReason::AmountNotAllowed));
    assert!(scene.operate(ONE, &Act::Withdraw {}).unwrap_err().contains("money"));
    scene.apply(&first, &paid());
    assert!(scene.unclaimed, "still a person's");

    scene.operate(ONE, &resolve("P1", None)).unwrap();
    trigger(&mut scene, "P2", None, None);
    scene.answer("pay", &paid());
    assert_eq!(loan(&scene).payouts.iter().filter(|payout| payout.is_paid()).count(), 1);
}

#[test]
fn an_earlier_payment_that_was_paid_after_all_ends_the_later_one() {
    let mut scene = granted();
    trigger(&mut scene, "P1", None, None);
    let first = pay(&scene);
    scene.answer("pay", &refused("ACCOUNT_CLOSED"));
    trigger(&mut scene, "P2", None, None);
    scene.webhooks.clear();
    scene.apply(&first, &paid());
    scene.operate(ONE, &resolve("P1", Some("UTR1"))).unwrap();
    let told: Vec<_> = scene.webhooks.iter().map(|webhook| webhook.content.clone()).collect();
    let statuses: Vec<_> = told
        .iter()
        .map(|content| match content {
            Content::Disbursement(content) => (content.payment_id.as_str(), content.status),
            content => panic!("{content:?}"),
        })
        .collect();
    assert_eq!(statuses, [("P2", Some(PayoutStatus::Failure)), ("P1", Some(PayoutStatus::Success))]);
}

#[test]
fn money_beside_a_paid_tranche_is_a_stray() {
    let mut scene = granted();
    trigger(&mut scene, "P1", None, None);
    let first = pay(&scene);
    scene.answer("pay", &refused(NEVER_RECEIVED));
    scene.answer("pay", &paid());
    let mut before = loan(&scene).clone();
    scene.apply(&first, &paid_under("OTHER"));
    assert!(scene.unclaimed);
    let told = loan(&scene).payouts[0].told.clone();
    assert_eq!(told.as_ref().map(|told| told.utr.as_str()), Some("OTHER"), "what a person looks for");
    before.payouts[0].told = told;
    assert_eq!(loan(&scene), &before, "a person has it sent back");
}

#[test]
fn a_tranche_that_was_paid_twice_is_booked_once() {
    let (mut scene, _) = contradicted();
    scene.answer("pay", &paid());
    let (book, account) = (scene.journals.len(), loan(&scene).account.clone());
    scene.operate(ONE, &resolve("P1", Some("UTR1"))).unwrap();
    assert_eq!((scene.journals.len(), &loan(&scene).account), (book, &account));
    assert_eq!(loan(&scene).payouts.iter().filter(|payout| payout.is_paid()).count(), 1);
}

#[test]
fn what_the_bank_told_too_late_is_asked_about_when_the_other_try_comes_back() {
    let mut scene = granted();
    trigger(&mut scene, "P1", None, None);
    let first = pay(&scene);
    scene.answer("pay", &refused("ACCOUNT_CLOSED"));
    trigger(&mut scene, "P2", None, None);
    scene.answer("pay", &paid());
    let value_date = "2026-11-02".parse().unwrap();
    scene.apply(&first, &done(Finding::Paid { utr: "UTR7".to_owned(), value_date }));
    let back = Act::ReturnPayout { payment_id: PaymentId::from("P2"), on: value_date };
    scene.operate(ONE, &back).unwrap();
    let asked = Effect::Order(OrderFate::InQuestion, loan(&scene).payouts[0].bank_key.clone());
    assert!(scene.effects.contains(&asked), "a person finds it");
    let third = trigger(&mut scene, "P3", None, None);
    assert_eq!(scene.refusal(third), Some(RefusalReason::AmountNotAllowed), "the borrower may have the money");
    scene.operate(ONE, &resolve("P1", Some("UTR7"))).unwrap();
    assert!(loan(&scene).payouts[0].is_paid());
}

#[test]
fn a_bank_that_takes_a_payout_back_is_believed_by_nobody_but_heard() {
    let mut scene = granted();
    trigger(&mut scene, "P1", None, None);
    let order = pay(&scene);
    scene.apply(&order, &paid());
    let (before, webhooks) = (loan(&scene).clone(), scene.webhooks.len());
    scene.apply(&order, &refused("ACCOUNT_CLOSED"));
    assert!(scene.unclaimed, "a person looks");
    assert_eq!((loan(&scene), scene.webhooks.len()), (&before, webhooks), "nothing is booked back");

    let on = "2026-11-02".parse().unwrap();
    scene.operate(ONE, &Act::ReturnPayout { payment_id: PaymentId::from("P1"), on }).unwrap();
    scene.apply(&order, &refused("ACCOUNT_CLOSED"));
    assert!(!scene.unclaimed, "now both say the same");
}
