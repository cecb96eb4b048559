//! What is overdue: when the borrower hears of it, what it costs, and how it is classified.

use super::super::{Account, AssetClass, Fact, Position, Purpose, Reclassified, What, replay};
use super::support::{Book, contract, day, received, rupees, sum};
use crate::domain::application::tests::priced_offer;
use crate::domain::book::LedgerAccount;
use crate::domain::ids::PaymentId;
use crate::domain::maths::money::Paise;
use crate::domain::servicing::AllocationPolicy;

fn fact(date: &str, what: What) -> Fact {
    Fact { value_date: day(date), what }
}

#[test]
fn who_is_told_late_is_charged_from_then_on() {
    let mut book = Book::open(contract());
    book.on("2026-03-01").is_told("2026-03-01", 1);
    assert_eq!(book.account.all_penal_running(day("2026-03-01")), Paise::ZERO);
    // 24 % on 1,066.19 for 10 days.
    assert_eq!(book.account.all_penal_running(day("2026-03-11")), rupees("7.01"));
}

#[test]
fn who_is_told_again_is_charged_from_the_first_time_on() {
    let mut book = Book::open(contract());
    book.on("2026-02-16").is_told("2026-02-16", 1).is_told("2026-02-20", 1);
    assert_eq!(book.account.all_penal_running(day("2026-02-25")), rupees("7.01"));
}

#[test]
fn while_a_loan_was_paid_off_no_penal_charge_ran() {
    let offer = priced_offer();
    let paid_out = fact("2026-11-02", What::Disbursed { reference: "B".to_owned(), net: offer.net_disbursed });
    let running = replay(&offer, std::slice::from_ref(&paid_out), Position::open(day("2026-11-20"))).unwrap();
    let total = running.account.unwrap().foreclosure(day("2026-11-20")).unwrap().total;
    let pay_off = received("P-1", total, Purpose::Foreclosure, AllocationPolicy::InstalmentWise);
    // It comes back when the first instalment has been due for long; the borrower hears of it then.
    let facts = [
        paid_out,
        fact("2026-11-20", pay_off),
        fact("2026-12-20", What::Returned { payment: PaymentId::from("P-1") }),
        fact("2026-12-20", What::Noticed { instalment: 1, message_id: "M".to_owned() }),
    ];
    let on = |date: &str| replay(&offer, &facts, Position::open(day(date))).unwrap();
    let (then, later) = (on("2026-12-20"), on("2027-01-05"));
    assert_eq!(then.account.as_ref().unwrap().all_penal_running(day("2026-12-20")), Paise::ZERO);
    assert_eq!(sum(&then.out.journals, LedgerAccount::PenalIncome), Paise::ZERO);
    let account = later.account.unwrap();
    let owed = account.all_penal_running(day("2027-01-05")).saturating_add(account.charges_left());
    let days = 16;
    let left = account.instalment(1).unwrap().left();
    let percent = account.contract.penal_percent;
    assert_eq!(Some(owed), crate::domain::maths::accrual::simple_charge(left, percent, days));
}

#[test]
fn the_end_of_each_due_date_is_looked_at_though_an_older_instalment_is_unpaid() {
    let mut book = Book::open(contract());
    book.end_of("2026-02-15").pays("2026-02-16", "P-1", "500.00", Purpose::Instalment);
    book.on("2026-03-15");
    assert_eq!(book.account.next_event(), Some(Position::closed(day("2026-03-15"))));
    book.end_of("2026-03-15").pays("2026-03-15", "P-2", "566.19", Purpose::Instalment);
    assert_eq!(book.account.class, AssetClass::Sma0, "the second one is overdue from the end of its day on");
}

/// An account that is not told of a payment, and the same when it has become known.
fn late(payment: &str, amount: Paise, to: Position) -> (Account, Account) {
    let offer = priced_offer();
    let mut facts = vec![fact("2026-11-02", What::Disbursed { reference: "B".to_owned(), net: offer.net_disbursed })];
    let before = replay(&offer, &facts, to).unwrap().account.unwrap();
    facts.push(fact(payment, received("P-1", amount, Purpose::Instalment, AllocationPolicy::InstalmentWise)));
    (before, replay(&offer, &facts, to).unwrap().account.unwrap())
}

#[test]
fn a_late_receipt_undoes_that_the_loan_became_an_npa() {
    // Due on 2 Dec, an NPA on 2 Mar.
    let three = Paise(priced_offer().schedule.rows.iter().take(3).map(|row| row.instalment.0).sum());
    let (before, after) = late("2027-03-01", three, Position::closed(day("2027-03-05")));
    assert_eq!(before.npa_since, Some(day("2027-03-02")));
    let change = Account::reclassified(Some(&before), Some(&after));
    assert_eq!(change, Reclassified { undone: vec![day("2027-03-02")], cleared: true });
    assert_eq!((after.class, after.npa_since), (AssetClass::Sma0, None));
}

#[test]
fn arrears_that_were_paid_while_the_loan_was_an_npa_undo_nothing() {
    let four = Paise(priced_offer().schedule.rows.iter().take(4).map(|row| row.instalment.0).sum());
    let (before, after) = late("2027-03-04", four, Position::closed(day("2027-04-05")));
    let change = Account::reclassified(Some(&before), Some(&after));
    assert_eq!(change, Reclassified { undone: Vec::new(), cleared: true });
    assert_eq!((after.npa_since, after.npa_starts.as_slice()), (None, [day("2027-03-02")].as_slice()));
}
