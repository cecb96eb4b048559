//! What must hold before a summary or a statement is told: a book that breaks one of the rules is not told at all.

use super::super::account::{Account, Purpose};
use super::super::checks::{Check, of_loan};
use super::acts::{day, receipt, running, until};
use super::loan;
use crate::domain::application::answer::{Content, RefusalReason};
use crate::domain::application::command::Command;
use crate::domain::application::tests::fixtures::rupees;
use crate::domain::application::tests::story::ONE;
use crate::domain::application::tests::support::Scene;
use crate::domain::maths::money::Paise;

fn refusals(scene: &mut Scene) -> [Option<RefusalReason>; 2] {
    let loan_id = scene.loan_id(ONE);
    let summary = scene.tell(&Command::LoanSummary(loan_id.clone()));
    let statement = scene.tell(&Command::LoanStatement { loan_id, from: None, to: None });
    [summary, statement].map(|exchange| scene.refusal(exchange))
}

fn paying() -> Scene {
    let mut scene = running();
    until(&mut scene, "2027-01-10");
    scene.operate(ONE, &receipt("12000", "2027-01-10", Purpose::Instalment)).unwrap();
    scene
}

fn broken(how: impl Fn(&mut Account)) -> Scene {
    let mut scene = paying();
    how(scene.loans[0].account.as_mut().unwrap());
    scene
}

fn more(amount: &mut Paise) {
    *amount = amount.saturating_add(Paise(1));
}

#[test]
fn a_sound_book_is_told_all_its_life() {
    let mut scene = running();
    assert_eq!(refusals(&mut scene), [None, None]);
    until(&mut scene, "2027-01-10");
    scene.operate(ONE, &receipt("20000", "2027-01-10", Purpose::Prepayment)).unwrap();
    assert_eq!((of_loan(loan(&scene)), refusals(&mut scene)), (None, [None, None]));
    until(&mut scene, "2027-03-20");
    let owed = loan(&scene).account.as_ref().unwrap().foreclosure(day("2027-03-20")).unwrap().total.to_string();
    scene.operate(ONE, &receipt(&owed, "2027-03-20", Purpose::Foreclosure)).unwrap();
    assert_eq!((of_loan(loan(&scene)), refusals(&mut scene)), (None, [None, None]));
}

#[test]
fn a_written_off_one_passes_too() {
    let mut scene = paying();
    scene.operate(ONE, &super::super::operator::Act::WriteOff {}).unwrap();
    scene.operate(ONE, &receipt("500", "2027-01-10", Purpose::Instalment)).unwrap();
    assert_eq!((of_loan(loan(&scene)), refusals(&mut scene)), (None, [None, None]));
}

#[test]
fn a_book_that_was_below_zero_passes_too() {
    // More than all that is owed comes in as an instalment, then the rest goes back.
    let mut scene = running();
    until(&mut scene, "2027-01-10");
    let owed = loan(&scene).account.as_ref().unwrap().foreclosure(day("2027-01-10")).unwrap().total;
    let much = owed.saturating_add(rupees("1000")).to_string();
    scene.operate(ONE, &receipt(&much, "2027-01-10", Purpose::Instalment)).unwrap();
    assert!(loan(&scene).account.as_ref().unwrap().balance() < Paise::ZERO);
    assert_eq!(refusals(&mut scene), [None, None]);
    scene.operate(ONE, &super::super::operator::Act::Refund { amount: rupees("2000") }).unwrap();
    assert_eq!(refusals(&mut scene), [None, None]);
    until(&mut scene, "2027-03-20");
    assert_eq!(refusals(&mut scene), [None, None]);
}

#[test]
fn each_rule_that_is_broken_is_found_and_nothing_is_told() {
    let refused = Some(RefusalReason::SourceUnavailable);
    for check in [Check::Receipts, Check::Principal, Check::Schedule] {
        let mut scene = broken(|account| match check {
            Check::Principal => {
                more(&mut account.totals.received);
                more(&mut account.totals.principal);
            }
            Check::Schedule => more(&mut account.instalments.last_mut().unwrap().row.instalment),
            _ => more(&mut account.totals.received),
        });
        assert_eq!(of_loan(loan(&scene)), Some(check));
        assert_eq!(refusals(&mut scene), [refused, refused], "{check:?}");
        for reply in scene.replies.iter().rev().take(2) {
            match &reply.answer.content {
                Content::Summary(summary) => {
                    assert_eq!((summary.amount_repaid, summary.instalments.len()), (rupees("0.00"), 0));
                }
                Content::Statement(statement) => assert_eq!(statement.rows, []),
                content => panic!("{content:?}"),
            }
        }
    }
}

#[test]
fn a_statement_that_ends_elsewhere_than_the_account_is_not_told() {
    let mut scene = broken(|account| {
        more(&mut account.totals.received);
        more(&mut account.excess);
    });
    assert_eq!(of_loan(loan(&scene)), None, "the account agrees with itself");
    assert_eq!(refusals(&mut scene), [None, Some(RefusalReason::SourceUnavailable)]);
}
