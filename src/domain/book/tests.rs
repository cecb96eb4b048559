//! Journals, corrections and statements, one story each.

use chrono::NaiveDate;

use super::LedgerAccount::{Bank, BorrowerExcess, InterestReceivable, PrincipalReceivable};
use super::{ACCOUNTS, Journal, JournalKind, LedgerAccount, Side, corrections, credit, statement};
use crate::domain::maths::money::Paise;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn journal(date: &str, kind: JournalKind, reference: &str, sides: &[(LedgerAccount, i64)]) -> Journal {
    let sides: Vec<_> = sides.iter().map(|(account, amount)| (*account, Paise(*amount))).collect();
    Journal::new(day(date), kind, reference, &sides).unwrap()
}

fn paid_out() -> Journal {
    let sides = [(PrincipalReceivable, 10_000), (Bank, -10_000)];
    journal("2026-01-05", JournalKind::Disbursement, "A", &sides)
}

fn paid_in(reference: &str, date: &str, interest: i64, principal: i64) -> Journal {
    let sides = [(Bank, interest + principal), (InterestReceivable, -interest), (PrincipalReceivable, -principal)];
    journal(date, JournalKind::Receipt, reference, &sides)
}

#[test]
fn words_of_accounts_and_kinds_are_read_back() {
    for account in ACCOUNTS {
        assert_eq!(LedgerAccount::by_name(account.name()), Some(account));
    }
    assert_eq!(JournalKind::by_name("RECEIPT_RETURN"), Some(JournalKind::ReceiptReturn));
}

#[test]
fn sides_of_one_account_are_added_and_empty_ones_left_out() {
    let sides = [(Bank, Paise(5)), (Bank, Paise(-5)), (PrincipalReceivable, Paise::ZERO)];
    assert_eq!(Journal::new(day("2026-01-05"), JournalKind::Receipt, "x", &sides), None);
}

#[test]
fn a_statement_runs_in_the_order_of_value_dates() {
    let late = paid_in("P-2", "2026-02-05", 100, 900);
    let due = journal(
        "2026-02-05",
        JournalKind::Due,
        "1",
        &[(InterestReceivable, 100), (LedgerAccount::InterestAccrued, -100)],
    );
    let early = paid_in("P-1", "2026-01-20", 0, 500);
    let lines = statement(&[paid_out(), due, late, early]);
    let shown: Vec<(i64, Side, i64)> = lines.iter().map(|line| (line.amount.0, line.side, line.closing.0)).collect();
    let expected = [
        (10_000, Side::Withdrawal, 10_000),
        (500, Side::Deposit, 9_500),
        (100, Side::Withdrawal, 9_600),
        (1_000, Side::Deposit, 8_600),
    ];
    assert_eq!(shown, expected);
}

#[test]
fn a_wrong_journal_is_taken_back_and_posted_anew() {
    let posted = vec![paid_out(), paid_in("P-1", "2026-02-05", 100, 900)];
    let right = paid_in("P-1", "2026-02-05", 80, 920);
    let new = corrections(&posted, &[paid_out(), right.clone()], &[]);
    assert_eq!(new.len(), 2);
    assert_eq!((new[0].kind, new[0].reference.as_str()), (JournalKind::Reversal, "RECEIPT/P-1#1"));
    assert_eq!(new[0].on(Bank), credit(Paise(1_000)));
    assert_eq!((new[1].reference.as_str(), new[1].on(InterestReceivable)), ("P-1#1", Paise(-80)));
    let all: Vec<Journal> = posted.into_iter().chain(new).collect();
    assert_eq!(corrections(&all, &[paid_out(), right], &[]), Vec::new(), "once is enough");
}

#[test]
fn a_payment_that_came_back_is_taken_back_on_the_day_of_its_return() {
    let posted = vec![paid_out(), paid_in("P-1", "2026-02-05", 100, 900)];
    let returned = [(JournalKind::Receipt, "P-1".to_owned(), day("2026-02-08"))];
    let new = corrections(&posted, &[paid_out()], &returned);
    assert_eq!(new.len(), 1);
    assert_eq!((new[0].kind, new[0].value_date), (JournalKind::ReceiptReturn, day("2026-02-08")));
    let all: Vec<Journal> = posted.into_iter().chain(new).collect();
    assert_eq!(corrections(&all, &[paid_out()], &returned), Vec::new());
    assert_eq!(statement(&all).last().unwrap().closing, Paise(10_000));
}

#[test]
fn what_is_held_for_the_borrower_counts_against_what_is_owed() {
    let advance = journal("2026-01-06", JournalKind::Receipt, "P", &[(Bank, 300), (BorrowerExcess, -300)]);
    assert_eq!(statement(&[paid_out(), advance]).last().unwrap().closing, Paise(9_700));
}
