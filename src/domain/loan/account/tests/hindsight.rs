//! What is known later makes something earlier wrong: refunds, bounces and waivers.

use super::super::{Ending, Fact, Out, Position, Purpose, Waived, What, replay};
use super::support::{Book, check, contract, day, received, rupees, sum};
use crate::domain::application::tests::priced_offer;
use crate::domain::book::{Journal, LedgerAccount};
use crate::domain::ids::PaymentId;
use crate::domain::maths::Rounding;
use crate::domain::maths::money::Paise;
use crate::domain::maths::reschedule::PrepaymentMode;
use crate::domain::servicing::{AllocationPolicy, Component};

#[test]
fn a_refund_that_was_not_the_borrowers_is_owed_again() {
    let offer = priced_offer();
    let fact = |date: &str, what| Fact { value_date: day(date), what };
    let paid_out = What::Disbursed { reference: "B".to_owned(), net: offer.net_disbursed };
    let receipt = received("P-1", rupees("5000.00"), Purpose::Instalment, AllocationPolicy::InstalmentWise);
    let refund = What::Refunded { reference: "A-1".to_owned(), amount: rupees("5000.00") };
    let mut facts = vec![fact("2026-11-02", paid_out), fact("2026-11-10", receipt), fact("2026-11-11", refund)];
    let to = Position::open(day("2026-11-12"));
    let before = replay(&offer, &facts, to).unwrap();
    facts.push(fact("2026-11-12", What::Returned { payment: PaymentId::from("P-1") }));
    let after = replay(&offer, &facts, to).unwrap();
    let book: Vec<Journal> =
        before.out.journals.iter().cloned().chain(after.corrections(&before.out.journals)).collect();
    let mut account = after.account.clone().unwrap();
    check(&account, &book);
    assert_eq!((account.excess, account.claim()), (Paise(-500_000), rupees("5000.00")));
    let gone = Paise(offer.net_disbursed.0.saturating_neg() - 500_000);
    assert_eq!(sum(&book, LedgerAccount::Bank), gone, "what left the bank is in the book");
    assert_eq!(account.payable(day("2026-11-12")), rupees("5000.00"));
    let quote = account.foreclosure(day("2026-11-12")).unwrap();
    let paid = received("P-2", quote.total, Purpose::Foreclosure, account.policy());
    account.apply(&fact("2026-11-12", paid), &mut Out::default());
    assert_eq!((account.claim(), account.ended.map(|(_, how)| how)), (Paise::ZERO, Some(Ending::Foreclosed)));
}

#[test]
fn a_refund_too_much_opens_a_loan_again_that_was_over_and_is_given_up_with_it() {
    let mut book = Book::open(contract());
    book.on("2026-02-01");
    let total = book.account.foreclosure(day("2026-02-01")).unwrap().total.to_string();
    book.pays("2026-02-01", "P-1", &total, Purpose::Foreclosure);
    let mut owing = Book { account: book.account.clone(), out: Out::default(), facts: Vec::new() };
    owing.account.apply(
        &Fact {
            value_date: day("2026-02-05"),
            what: What::Refunded { reference: "A".to_owned(), amount: rupees("10.00") },
        },
        &mut owing.out,
    );
    assert_eq!((owing.account.ended, owing.account.claim()), (None, rupees("10.00")));
    let mut paid = owing.account.clone();
    let what = received("P-2", rupees("10.00"), Purpose::Instalment, paid.policy());
    paid.apply(&Fact { value_date: day("2026-02-06"), what }, &mut Out::default());
    assert_eq!(paid.ended, Some((day("2026-02-06"), Ending::Foreclosed)));
    let given_up = What::WrittenOff { reference: "W".to_owned() };
    owing.account.apply(&Fact { value_date: day("2026-02-06"), what: given_up }, &mut owing.out);
    assert_eq!((owing.account.claim(), owing.account.balance()), (Paise::ZERO, Paise::ZERO));
    assert_eq!(sum(&owing.out.journals, LedgerAccount::WriteOffExpense), rupees("10.00"));
}

#[test]
fn who_owes_nothing_any_more_is_charged_for_no_bounce() {
    let mut book = Book::open(contract());
    book.on("2026-02-13");
    let total = book.account.foreclosure(day("2026-02-13")).unwrap().total.to_string();
    book.pays("2026-02-13", "P-1", &total, Purpose::Foreclosure);
    book.happens(day("2026-02-15"), What::Bounced { payment: PaymentId::from("P-0"), instalment: 1 });
    assert_eq!((book.account.charges_left(), book.account.balance()), (Paise::ZERO, Paise::ZERO));
}

#[test]
fn a_waiver_of_principal_leaves_the_penal_charges_that_have_run() {
    let mut book = Book::open(contract());
    book.on("2026-02-16").is_told("2026-02-16", 1);
    book.on("2026-02-25");
    let ran = book.account.all_penal_running(day("2026-02-25"));
    assert!(ran.is_positive());
    let amount = book.account.waivable(Component::Principal);
    let waived = Waived { reference: "A-1".to_owned(), component: Component::Principal, amount };
    book.happens(day("2026-02-25"), What::Waived(waived));
    assert_eq!(book.account.charges_left(), ran);
}

#[test]
fn what_leaves_too_little_for_a_schedule_is_too_much_to_prepay() {
    let mut rupee = contract();
    rupee.terms.rounding = Rounding::RupeeHalfUp;
    rupee.servicing.prepayment_mode = PrepaymentMode::ReduceInstalment;
    let mut book = Book::open(rupee);
    book.on("2026-02-01");
    assert!(book.account.is_too_much_to_prepay(rupees("11999.00"), day("2026-02-01")));
    assert!(!book.account.is_too_much_to_prepay(rupees("6000.00"), day("2026-02-01")));
}
