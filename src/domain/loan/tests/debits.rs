//! Row L9: what a debit by mandate comes to that the borrower's bank did not pay.

use chrono::{Duration, NaiveDate};

use super::{granted, loan, trigger};
use crate::domain::application::ask::{Ask, Collection, Finding, NEVER_RECEIVED, Outcome};
use crate::domain::application::decision::{Effect, OrderFate};
use crate::domain::application::tests::findings::{done, mandate, notified, paid, refused};
use crate::domain::application::tests::fixtures::{rupees, set_repayment_plan};
use crate::domain::application::tests::story::ONE;
use crate::domain::application::tests::support::Scene;
use crate::domain::loan::account::charge::BOUNCE;
use crate::domain::loan::account::{Charge, Purpose};
use crate::domain::loan::operator::Act;

/// A loan whose first instalment is being debited: the borrower was told the day before.
pub(super) fn debiting() -> Scene {
    let mut scene = granted();
    trigger(&mut scene, "P1", None, None);
    scene.answer("pay", &paid());
    while !scene.asked().contains(&"present") {
        assert!(today(&scene) < "2027-02-01".parse().unwrap(), "an instalment falls due");
        while scene.asked().contains(&"send") {
            scene.answer("send", &notified("1"));
        }
        scene.wait(Duration::days(1));
    }
    scene.webhooks.clear();
    scene
}

fn today(scene: &Scene) -> NaiveDate {
    (scene.now + Duration::minutes(330)).date_naive()
}

fn bounces(scene: &Scene) -> Vec<&Charge> {
    let charges = &loan(scene).account.as_ref().unwrap().charges;
    charges.iter().filter(|charge| charge.kfs_row == BOUNCE).collect()
}

fn debit(scene: &Scene) -> Collection {
    let found = scene.asks.iter().find_map(|new| if let Ask::Present(debit) = &new.ask { Some(debit) } else { None });
    found.expect("a debit").clone()
}

#[test]
fn a_debit_without_a_valid_mandate_costs_nothing_and_the_lsp_learns_of_it() {
    for code in ["MANDATE_CANCELLED", "NO_MANDATE"] {
        let mut scene = debiting();
        scene.answer("present", &refused(code));
        assert!(bounces(&scene).is_empty(), "nothing was dishonoured");
        assert_eq!(scene.deal(ONE).repayment.name(), "INACTIVE");
        assert_eq!(scene.webhooks.len(), 2, "the plan's status, and that the payment failed");
        scene.wait(Duration::days(70));
        assert!(!scene.asked().contains(&"present"), "what cannot be debited is not debited");
        assert!(bounces(&scene).is_empty());
    }
}

#[test]
fn a_bounce_is_charged_once_and_the_mandate_is_asked_about() {
    let mut scene = debiting();
    scene.answer("present", &refused("INSUFFICIENT_FUNDS"));
    assert_eq!(bounces(&scene).len(), 1);
    assert_eq!((scene.deal(ONE).repayment.name(), scene.webhooks.len()), ("ACTIVE", 1));
    scene.answer("status", &done(Finding::MandateInactive));
    assert_eq!((scene.deal(ONE).repayment.name(), scene.webhooks.len()), ("INACTIVE", 2));
}

#[test]
fn a_debit_of_a_mandate_that_ended_meanwhile_costs_nothing_whatever_its_code() {
    let mut scene = debiting();
    let old = debit(&scene);
    let plan = scene.repayment_plan(ONE);
    let ask = Ask::MandateStatus { plan, reference: old.mandate.expect("a mandate"), again: true };
    let targets = vec![(scene.app(ONE).id, 0)];
    let new = crate::domain::application::ask::NewAsk { ask, targets, exchange: None, not_before: None };
    scene.apply(&new, &done(Finding::MandateInactive));
    assert_eq!(scene.deal(ONE).repayment.name(), "INACTIVE");
    scene.answer("present", &refused("INSUFFICIENT_FUNDS"));
    assert!(bounces(&scene).is_empty() && loan(&scene).payments.is_empty());
}

#[test]
fn a_debit_that_the_bank_never_got_costs_nothing() {
    let mut scene = debiting();
    while scene.asked().contains(&"present") {
        scene.answer("present", &refused(NEVER_RECEIVED));
    }
    assert!(bounces(&scene).is_empty() && loan(&scene).payments.is_empty());
    assert_eq!(scene.deal(ONE).repayment.name(), "ACTIVE");
    assert!(!scene.asked().contains(&"status"));
}

#[test]
fn a_word_about_a_mandate_that_was_replaced_changes_nothing() {
    let mut scene = debiting();
    let old = debit(&scene);
    scene.answer("present", &refused("MANDATE_CANCELLED"));
    let plan = scene.repayment_plan(ONE);
    scene.tell(&set_repayment_plan(ONE, &plan));
    scene.answer("register-mandate", &mandate("M2"));
    scene.answer("status", &done(Finding::MandateActive));
    let again = Ask::MandateStatus { plan, reference: old.mandate.expect("a mandate"), again: true };
    let new = crate::domain::application::ask::NewAsk {
        ask: again,
        targets: vec![(scene.app(ONE).id, 0)],
        exchange: None,
        not_before: None,
    };
    scene.apply(&new, &done(Finding::MandateInactive));
    assert_eq!(scene.deal(ONE).repayment.name(), "ACTIVE");
}

fn collected(utr: &str) -> Outcome {
    let value_date = "2027-01-05".parse().unwrap();
    done(Finding::Collected { utr: utr.to_owned(), value_date, amount: None })
}

#[test]
fn money_for_a_debit_that_has_failed_is_credited_to_nobody_and_lost_by_nobody() {
    let mut scene = debiting();
    let ask = scene.asks.iter().find(|new| matches!(new.ask, Ask::Present(_))).expect("a debit").clone();
    scene.answer("present", &refused("INSUFFICIENT_FUNDS"));
    let before = loan(&scene).clone();
    scene.apply(&ask, &collected("UTR-LATE"));
    assert!(scene.unclaimed, "an operator looks");
    assert_eq!(loan(&scene), &before, "nobody knows which of the two words is true");

    scene.is_credited = true;
    scene.apply(&ask, &collected("UTR-LATE"));
    assert!(!scene.unclaimed, "it was booked by hand meanwhile");
}

#[test]
fn a_debit_that_is_told_twice_is_no_news() {
    let mut scene = debiting();
    let ask = scene.asks.iter().find(|new| matches!(new.ask, Ask::Present(_))).expect("a debit").clone();
    scene.answer("present", &collected("UTR-1"));
    assert!(!scene.unclaimed);
    scene.is_credited = true;
    scene.apply(&ask, &collected("UTR-1"));
    assert!(!scene.unclaimed);
}

#[test]
fn a_payout_that_left_after_all_is_left_to_an_operator() {
    let mut scene = granted();
    trigger(&mut scene, "P1", None, None);
    let ask = scene.asks.iter().find(|new| matches!(new.ask, Ask::Pay(_))).expect("a payout").clone();
    scene.answer("pay", &refused("ACCOUNT_CLOSED"));
    scene.apply(&ask, &paid());
    assert!(scene.unclaimed && loan(&scene).account.is_none(), "the tranche may be paid under another try");

    let mut scene = granted();
    trigger(&mut scene, "P1", None, None);
    let ask = scene.asks.iter().find(|new| matches!(new.ask, Ask::Pay(_))).expect("a payout").clone();
    scene.answer("pay", &paid());
    scene.apply(&ask, &paid());
    assert!(!scene.unclaimed, "the same news twice");
}

#[test]
fn a_debit_that_was_paid_after_all_is_not_made_again() {
    let mut scene = debiting();
    let ask = scene.asks.iter().find(|new| matches!(new.ask, Ask::Present(_))).expect("a debit").clone();
    scene.answer("present", &refused(NEVER_RECEIVED));
    let again = debit(&scene).key;
    scene.apply(&ask, &collected("UTR-1"));
    assert!(!scene.unclaimed, "the payment waited for it");
    assert!(scene.effects.contains(&Effect::Order(OrderFate::GivenUp, again)), "{:?}", scene.effects);
}

#[test]
fn the_collection_system_is_told_of_a_debit_when_the_borrower_is() {
    let mut scene = granted();
    trigger(&mut scene, "P1", None, None);
    scene.answer("pay", &paid());
    while !scene.asked().contains(&"notify") {
        scene.wait(Duration::days(1));
    }
    assert!(scene.asked().contains(&"send"), "the borrower, too");
    let coming = scene.asks.iter().find_map(|new| match &new.ask {
        Ask::AnnounceDebit(coming) => Some(coming.clone()),
        _ => None,
    });
    let coming = coming.expect("a debit to come");
    let row = loan(&scene).account.as_ref().unwrap().instalments[0].clone();
    assert_eq!((coming.instalment, coming.due_on, coming.amount), (1, row.row.due_date, row.left()));
    scene.webhooks.clear();
    scene.answer("notify", &refused("MANDATE_CANCELLED"));
    assert_eq!(scene.deal(ONE).repayment.name(), "INACTIVE");
    assert_eq!(scene.webhooks.len(), 1, "the plan's status");
    while scene.asked().contains(&"send") {
        scene.answer("send", &notified("1"));
    }
    scene.wait(Duration::days(70));
    assert!(!scene.asked().contains(&"present"));
}

#[test]
fn no_more_is_debited_than_the_borrower_was_told() {
    let mut scene = granted();
    trigger(&mut scene, "P1", None, None);
    scene.answer("pay", &paid());
    let part = |scene: &Scene| Act::ManualReceipt {
        amount: rupees("1000.00"),
        value_date: today(scene),
        utr: "UTR-PART".to_owned(),
        purpose: Purpose::Instalment,
    };
    let receipt = part(&scene);
    scene.operate(ONE, &receipt).unwrap();
    let settled = scene.effects.iter().find_map(|effect| match effect {
        Effect::SavePayment(payment) => Some(payment.as_ref().clone()),
        _ => None,
    });
    scene.payment = settled;
    let payment = scene.payment.as_ref().expect("a receipt").id.clone();
    while !scene.asked().contains(&"notify") {
        scene.wait(Duration::days(1));
    }
    let whole = loan(&scene).account.as_ref().unwrap().instalments[0].row.instalment;
    let told = whole.checked_sub(rupees("1000.00")).unwrap();
    while scene.asked().contains(&"send") {
        scene.answer("send", &notified("1"));
    }
    let back = Act::ReverseReceipt { payment_id: payment, on: today(&scene) };
    scene.operate(ONE, &back).unwrap();
    while !scene.asked().contains(&"present") {
        scene.wait(Duration::days(1));
    }
    assert_eq!(debit(&scene).amount, told);
}
