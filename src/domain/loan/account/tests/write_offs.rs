//! What is given up, and what comes in afterwards.

use super::super::{Ending, Purpose, What};
use super::support::{Book, contract, day, rupees};
use crate::domain::book::LedgerAccount;
use crate::domain::maths::money::Paise;

fn given_up() -> What {
    What::WrittenOff { reference: "W".to_owned() }
}

#[test]
fn money_that_is_held_pays_before_the_rest_is_given_up() {
    let mut book = Book::open(contract());
    book.on("2026-02-01").pays("2026-02-01", "P-1", "8000.00", Purpose::Instalment);
    assert_eq!(book.account.excess, rupees("8000.00"));
    book.happens(day("2026-02-02"), given_up());
    assert_eq!(book.sum(LedgerAccount::WriteOffExpense), rupees("4000.00"));
    assert_eq!((book.account.excess, book.account.totals.written_off), (Paise::ZERO, rupees("4000.00")));
    assert_eq!(book.account.totals.principal, rupees("8000.00"));
    assert_eq!(book.sum(LedgerAccount::PrincipalReceivable), Paise::ZERO);
}

#[test]
fn what_is_held_beyond_everything_owed_stays_the_borrowers() {
    let mut book = Book::open(contract());
    book.on("2026-02-01").pays("2026-02-01", "P-1", "12500.00", Purpose::Instalment);
    book.happens(day("2026-02-02"), given_up());
    assert_eq!(book.sum(LedgerAccount::WriteOffExpense), Paise::ZERO);
    assert_eq!(book.account.excess, rupees("500.00"));
    assert!(book.account.is_discharged());
}

#[test]
fn no_more_is_recovered_than_was_given_up() {
    let mut book = Book::open(contract());
    book.on("2026-02-16");
    book.happens(day("2026-02-20"), given_up());
    // Twelve thousand and the interest of the first instalment.
    assert_eq!(book.account.to_recover(), rupees("12120.00"));
    book.pays("2026-06-01", "P-1", "2120.00", Purpose::Instalment);
    assert_eq!(book.account.to_recover(), rupees("10000.00"));
    assert!(!book.account.is_discharged());
    book.pays("2026-06-02", "P-2", "15000.00", Purpose::Instalment);
    assert_eq!(book.sum(LedgerAccount::RecoveryIncome), rupees("-12120.00"));
    assert_eq!(book.account.excess, rupees("5000.00"));
    assert!(book.account.is_discharged());
    assert_eq!(book.account.ended, Some((day("2026-02-20"), Ending::WrittenOff)));
    book.happens(day("2026-06-03"), What::Refunded { reference: "R".to_owned(), amount: rupees("5000.00") });
    assert_eq!((book.account.excess, book.account.balance()), (Paise::ZERO, Paise::ZERO));
}

#[test]
fn a_loan_that_was_written_off_is_an_npa_until_all_of_it_is_recovered() {
    let mut book = Book::open(contract());
    book.on("2026-02-16");
    book.happens(day("2026-02-20"), given_up());
    assert_eq!(book.account.counts_as_npa_since(), Some(day("2026-02-20")));
    book.pays("2026-06-01", "P-1", "12119.99", Purpose::Instalment);
    assert_eq!(book.account.counts_as_npa_since(), Some(day("2026-02-20")));
    book.pays("2026-06-02", "P-2", "0.01", Purpose::Instalment);
    assert_eq!(book.account.counts_as_npa_since(), None);
}
