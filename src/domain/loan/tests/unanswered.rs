//! Debits and refunds that their system never answers for: a person ends them by the bank's file.

use chrono::Duration;

use super::acts::{day, receipt, running, until};
use super::debits::debiting;
use super::loan;
use crate::domain::application::answer::RefusalReason;
use crate::domain::application::ask::{Ask, Collection, Finding, NewAsk, RefundOrder};
use crate::domain::application::command::{Command, RepaymentOrder};
use crate::domain::application::decision::{Effect, OrderFate};
use crate::domain::application::tests::findings::{done, paid, refused};
use crate::domain::application::tests::fixtures::rupees;
use crate::domain::application::tests::story::ONE;
use crate::domain::application::tests::support::Scene;
use crate::domain::book::JournalKind;
use crate::domain::ids::{ExchangeId, PaymentId};
use crate::domain::loan::account::{Account, Purpose};
use crate::domain::loan::operator::Act;
use crate::domain::loan::repayment::{Payment, PaymentState};
use crate::domain::maths::money::Paise;

/// A loan whose debit the collection system has given no word on, and the question about it.
fn unanswered_debit() -> (Scene, NewAsk, Collection) {
    let mut scene = debiting();
    let place = scene.asks.iter().position(|new| matches!(new.ask, Ask::Present(_))).expect("a debit");
    let new = scene.asks.remove(place);
    let Ask::Present(debit) = &new.ask else { panic!("{new:?}") };
    let debit = debit.clone();
    scene.wait(Duration::days(2));
    scene.unanswered = vec![debit.key.clone()];
    (scene, new, debit)
}

fn resolve_debit(debit: &Collection, utr: Option<&str>, value_date: Option<&str>) -> Act {
    let (utr, value_date) = (utr.map(str::to_owned), value_date.map(day));
    Act::ResolveDebit { payment_id: debit.payment_id.clone(), utr, value_date }
}

fn account(scene: &Scene) -> &Account {
    loan(scene).account.as_ref().unwrap()
}

/// The payment as it was stored last.
fn stored(scene: &Scene, id: &PaymentId) -> Payment {
    let found = scene.all_effects.iter().rev().find_map(|effect| match effect {
        Effect::SavePayment(payment) if payment.id == *id => Some(payment.as_ref().clone()),
        _ => None,
    });
    found.expect("a payment")
}

/// The LSP wants a page for the next instalment.
fn ask_for_page(scene: &mut Scene) -> ExchangeId {
    let loan_id = scene.loan_id(ONE);
    let (purpose, amount, instalment) = (Purpose::Instalment, None, None);
    let order = RepaymentOrder { id: None, purpose, amount, instalment, quote: None, method: None };
    scene.tell(&Command::TriggerRepayment { loan_id, order })
}

#[test]
fn a_debit_that_the_file_has_is_credited_as_if_the_collection_system_had_told_of_it() {
    let (mut scene, new, debit) = unanswered_debit();
    let ordered = (stored(&scene, &debit.payment_id).at + Duration::minutes(330)).date_naive().to_string();
    let mut told = scene.clone();
    let value_date = day(&ordered);
    told.apply(&new, &done(Finding::Collected { utr: "UTR-1".to_owned(), value_date, amount: None }));
    scene.operate(ONE, &resolve_debit(&debit, Some(" UTR-1 "), Some(&ordered))).unwrap();
    assert_eq!(account(&scene), account(&told));
    assert_eq!(stored(&scene, &debit.payment_id).state, stored(&told, &debit.payment_id).state);
    assert_eq!(scene.webhooks, told.webhooks, "the LSP hears the same");
    assert!(scene.effects.contains(&Effect::Order(OrderFate::Answered, debit.key.clone())), "{:?}", scene.effects);
    scene.payment = Some(stored(&scene, &debit.payment_id));
    let again = scene.operate(ONE, &resolve_debit(&debit, None, None)).unwrap_err();
    assert!(again.starts_with("the payment is SETTLED"), "{again}");
}

#[test]
fn a_debit_that_the_file_does_not_have_has_failed_and_costs_nothing() {
    let (mut scene, new, debit) = unanswered_debit();
    let refusal = ask_for_page(&mut scene);
    assert_eq!(scene.refusal(refusal), Some(RefusalReason::PaymentUnderWay));
    let before = account(&scene).clone();
    scene.webhooks.clear();
    scene.operate(ONE, &resolve_debit(&debit, None, None)).unwrap();
    assert_eq!(account(&scene), &before, "no bounce is charged: nobody says that it was dishonoured");
    assert!(matches!(stored(&scene, &debit.payment_id).state, PaymentState::Failed { .. }));
    assert_eq!(scene.webhooks.len(), 1, "the LSP hears that it failed");
    assert_eq!(scene.deal(ONE).repayment.name(), "ACTIVE", "nothing is said of the mandate");
    assert!(scene.effects.contains(&Effect::Order(OrderFate::Answered, debit.key.clone())), "{:?}", scene.effects);
    ask_for_page(&mut scene);
    assert!(scene.asked().contains(&"payment-link"), "the loan is collected again");
    let value_date = day("2027-01-10");
    scene.apply(&new, &done(Finding::Collected { utr: "UTR-1".to_owned(), value_date, amount: None }));
    assert!(scene.unclaimed, "money that comes all the same is for a person");
}

#[test]
fn the_next_debit_goes_on_when_the_one_before_it_is_resolved() {
    let (mut scene, _, debit) = unanswered_debit();
    for _ in 0..40 {
        scene.wait(Duration::days(1));
        while scene.asked().contains(&"send") {
            scene.answer("send", &crate::domain::application::tests::findings::notified("1"));
        }
    }
    assert!(!scene.asked().contains(&"present"), "one collection at a time");
    scene.operate(ONE, &resolve_debit(&debit, None, None)).unwrap();
    let next = scene.asks.iter().find_map(|new| if let Ask::Present(next) = &new.ask { Some(next) } else { None });
    assert_eq!(next.expect("the next debit").instalment, debit.instalment.map(|number| number + 1));
}

#[test]
fn a_debit_is_not_ended_while_it_may_be_answered_nor_by_a_file_that_cannot_be() {
    let (mut scene, _, debit) = unanswered_debit();
    let before = scene.clone();
    scene.under_way = std::mem::take(&mut scene.unanswered);
    let tomorrow = (scene.now + Duration::minutes(330) + Duration::days(1)).date_naive().to_string();
    for act in [resolve_debit(&debit, None, None), resolve_debit(&debit, Some("UTR-1"), Some("2027-01-03"))] {
        let said = scene.operate(ONE, &act).unwrap_err();
        assert!(said.starts_with("the collection system is still being asked"), "{said}");
    }
    scene.under_way.clear();
    for (utr, value_date, says) in [
        (Some("UTR-1"), None, "give both"),
        (Some("  "), Some("2027-01-03"), "1 to 64 visible"),
        (Some("UTR-1"), Some(tomorrow.as_str()), "in the future"),
        (Some("UTR-1"), Some("2026-12-01"), "the debit was ordered on"),
    ] {
        let said = scene.operate(ONE, &resolve_debit(&debit, utr, value_date)).unwrap_err();
        assert!(said.contains(says), "{said}");
    }
    let nobody = Act::ResolveDebit { payment_id: PaymentId::from("PAY-9"), utr: None, value_date: None };
    assert_eq!(scene.operate(ONE, &nobody).unwrap_err(), "the loan has no such payment");
    assert_eq!((&scene.loans, &scene.journals), (&before.loans, &before.journals));
}

#[test]
fn a_debit_whose_money_a_person_has_entered_ends_without_another_credit() {
    let (mut scene, _, debit) = unanswered_debit();
    let received = account(&scene).totals.received;
    scene.is_credited = true;
    let today = (scene.now + Duration::minutes(330)).date_naive().to_string();
    scene.operate(ONE, &resolve_debit(&debit, Some("UTR-1"), Some(&today))).unwrap();
    assert_eq!(account(&scene).totals.received, received);
    let failed = PaymentState::Failed { reason: "its money was entered by hand before".to_owned() };
    assert_eq!(stored(&scene, &debit.payment_id).state, failed);
}

/// A loan of which 2,000 rupees were ordered to go back to the borrower, and the bank says nothing.
fn unanswered_refund() -> (Scene, NewAsk, RefundOrder) {
    let mut scene = running();
    until(&mut scene, "2027-01-10");
    let owed = account(&scene).foreclosure(day("2027-01-10")).unwrap().total;
    let much = owed.saturating_add(rupees("5000")).to_string();
    scene.operate(ONE, &receipt(&much, "2027-01-10", Purpose::Foreclosure)).unwrap();
    assert_eq!(account(&scene).excess, rupees("5000"));
    scene.operate(ONE, &Act::Refund { amount: rupees("2000") }).unwrap();
    let place = scene.asks.iter().position(|new| matches!(new.ask, Ask::Refund(_))).expect("a refund");
    let new = scene.asks.remove(place);
    let Ask::Refund(order) = &new.ask else { panic!("{new:?}") };
    let order = order.clone();
    scene.wait(Duration::days(3));
    scene.unanswered = vec![order.bank_key.clone()];
    (scene, new, order)
}

fn resolve_refund(reference: &str, utr: Option<&str>, value_date: Option<&str>) -> Act {
    let (utr, value_date) = (utr.map(str::to_owned), value_date.map(day));
    Act::ResolveRefund { reference: reference.to_owned(), utr, value_date }
}

#[test]
fn a_refund_that_the_file_does_not_have_is_the_borrowers_money_again() {
    let (mut scene, new, order) = unanswered_refund();
    let mut told = scene.clone();
    told.apply(&new, &refused("ACCOUNT_CLOSED"));
    scene.operate(ONE, &resolve_refund(&order.reference.to_lowercase(), None, None)).unwrap();
    assert_eq!(account(&scene), account(&told), "as the bank's refusal has it");
    assert_eq!((account(&scene).excess, account(&scene).totals.refunded), (rupees("5000"), Paise::ZERO));
    assert!(scene.effects.contains(&Effect::Order(OrderFate::Answered, order.bank_key.clone())), "{:?}", scene.effects);
    let again = scene.operate(ONE, &resolve_refund(&order.reference, None, None)).unwrap_err();
    assert_eq!(again, "the refund has ended");

    let before = scene.clone();
    scene.apply(&new, &refused("ACCOUNT_CLOSED"));
    assert!(!scene.unclaimed, "that is what was booked");
    scene.apply(&new, &paid());
    assert!(scene.unclaimed, "it left after all: a person looks, before it is paid again");
    assert_eq!((&scene.loans, &scene.journals), (&before.loans, &before.journals));
}

#[test]
fn a_refund_that_the_file_has_is_paid() {
    let (mut scene, new, order) = unanswered_refund();
    let before = scene.clone();
    scene.operate(ONE, &resolve_refund(&order.reference, Some("UTR-9"), Some("2027-01-11"))).unwrap();
    assert_eq!((&scene.loans, &scene.journals), (&before.loans, &before.journals), "it was booked when it was ordered");
    assert_eq!(scene.effects, [Effect::Order(OrderFate::Answered, order.bank_key.clone())]);
    scene.apply(&new, &paid());
    assert!(!scene.unclaimed, "no news");
}

#[test]
fn a_refund_is_not_ended_while_it_may_be_answered_nor_by_a_file_that_cannot_be() {
    let (mut scene, _, order) = unanswered_refund();
    let before = scene.clone();
    scene.under_way = std::mem::take(&mut scene.unanswered);
    for act in [
        resolve_refund(&order.reference, None, None),
        resolve_refund(&order.reference, Some("UTR-9"), Some("2027-01-11")),
    ] {
        let said = scene.operate(ONE, &act).unwrap_err();
        assert!(said.starts_with("the bank is still being asked"), "{said}");
    }
    scene.under_way.clear();
    let said = scene.operate(ONE, &resolve_refund(&order.reference, None, None)).unwrap_err();
    assert_eq!(said, "the refund has ended", "the bank has paid it");
    scene.unanswered = vec![order.bank_key.clone()];
    for (reference, value_date, says) in [
        ("ACT-999", Some("2027-01-11"), "no such refund"),
        (order.reference.as_str(), None, "give both"),
        (order.reference.as_str(), Some("2027-01-09"), "the refund was ordered on 2027-01-10"),
        (order.reference.as_str(), Some("2027-02-11"), "in the future"),
    ] {
        let said = scene.operate(ONE, &resolve_refund(reference, Some("UTR-9"), value_date)).unwrap_err();
        assert!(said.contains(says), "{said}");
    }
    assert_eq!((&scene.loans, &scene.journals), (&before.loans, &before.journals));
    assert!(scene.journals.iter().any(|journal| journal.kind == JournalKind::Refund));
}
