//! Days on which the regulator or a court has penal charges rest.

use chrono::NaiveDate;

use super::super::{Moratorium, Purpose, What};
use super::support::{Book, contract, day, rupees};
use crate::domain::book::LedgerAccount;
use crate::domain::maths::money::Paise;

fn rests(book: &mut Book, on: &str, (from, to): (&str, Option<&str>)) {
    book.happens(day(on), What::Moratorium { from: day(from), to: to.map(day) });
}

/// The first instalment of 1,066.19 is unpaid since 15 February, and the borrower knows it.
fn overdue() -> Book {
    let mut book = Book::open(contract());
    book.on("2026-02-16").is_told("2026-02-16", 1);
    book
}

fn running(book: &Book, on: &str) -> Paise {
    book.account.all_penal_running(day(on))
}

fn levied(book: &Book) -> Vec<(NaiveDate, Paise)> {
    let of_first = book.account.charges.iter().filter(|charge| charge.instalment == Some(1));
    of_first.map(|charge| (charge.date, charge.amount)).collect()
}

#[test]
fn no_penal_charge_runs_on_its_days_and_interest_does() {
    let mut book = overdue();
    rests(&mut book, "2026-02-16", ("2026-02-20", Some("2026-02-24")));
    // 24 % on 1,066.19: 0.70107 a day.
    assert_eq!(running(&book, "2026-02-19"), rupees("2.80"), "four days before it");
    assert_eq!(running(&book, "2026-02-20"), rupees("2.80"));
    assert_eq!(running(&book, "2026-02-24"), rupees("2.80"));
    assert_eq!(running(&book, "2026-02-25"), rupees("3.51"), "none of its five days");
    assert_eq!(running(&book, "2026-02-26"), rupees("4.21"), "and on from there");
    assert_eq!(book.account.accrued(day("2026-02-25")), overdue().account.accrued(day("2026-02-25")));
    book.on("2026-03-17");
    assert_eq!(levied(&book), [(day("2026-03-17"), rupees("17.53"))], "25 of 30 days");
}

#[test]
fn nothing_is_levied_within_it_and_what_ran_before_it_comes_after() {
    let mut book = overdue();
    rests(&mut book, "2026-02-16", ("2026-03-10", Some("2026-05-01")));
    book.on("2026-05-01");
    assert_eq!(levied(&book), []);
    book.on("2026-05-16");
    // 23 days before 10 March, 14 days from 2 May on.
    assert_eq!(levied(&book), [(day("2026-05-16"), rupees("25.94"))]);
    assert_eq!(book.sum(LedgerAccount::PenalIncome), rupees("-25.94"), "the later instalments had no notice");
}

#[test]
fn a_payment_within_it_settles_what_ran_before() {
    let mut book = overdue();
    rests(&mut book, "2026-02-16", ("2026-02-20", Some("2026-03-05")));
    book.on("2026-03-01");
    let payable = book.account.payable(day("2026-03-01"));
    assert_eq!(payable, rupees("1068.99"));
    book.pays("2026-03-01", "P-1", "1068.99", Purpose::Instalment);
    assert_eq!((book.account.due(), book.account.totals.penal), (Paise::ZERO, rupees("2.80")));
}

#[test]
fn another_from_the_same_day_replaces_it_and_one_without_an_end_takes_it_back() {
    let mut book = overdue();
    rests(&mut book, "2026-02-16", ("2026-02-20", Some("2026-12-31")));
    rests(&mut book, "2026-02-17", ("2026-02-20", Some("2026-02-21")));
    assert_eq!(book.account.moratoria, [Moratorium { from: day("2026-02-20"), to: day("2026-02-21") }]);
    assert_eq!(running(&book, "2026-02-25"), rupees("5.61"), "8 of 10 days");
    rests(&mut book, "2026-02-18", ("2026-02-20", None));
    assert_eq!(running(&book, "2026-02-25"), rupees("7.01"));
}

#[test]
fn two_in_a_row_are_both_left_behind() {
    let mut book = overdue();
    rests(&mut book, "2026-02-16", ("2026-03-01", Some("2026-03-31")));
    rests(&mut book, "2026-02-16", ("2026-04-10", Some("2026-04-20")));
    book.on("2026-05-15");
    assert_eq!(levied(&book), []);
    book.on("2026-05-16");
    // 15 Feb to 28 Feb, 1 to 9 April, 21 April to 15 May: 14 + 9 + 25 days.
    assert_eq!(levied(&book), [(day("2026-05-16"), rupees("33.65"))]);
}
