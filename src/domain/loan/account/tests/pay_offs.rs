//! Leaving early: what was quoted holds while the money is on its way, and the day after the payout is free for all.

use super::super::{Account, Contract, Ending, Fact, Position, Purpose, Replayed, What, replay};
use super::support::{Book, check, contract, day, received, rupees, sum};
use crate::domain::application::tests::priced_offer;
use crate::domain::book::LedgerAccount;
use crate::domain::ids::PaymentId;
use crate::domain::maths::DayCount;
use crate::domain::maths::Frequency;
use crate::domain::maths::money::Paise;
use crate::domain::servicing::{AllocationPolicy, CoolingOffPolicy};

fn fact(date: &str, what: What) -> Fact {
    Fact { value_date: day(date), what }
}

fn paid_out() -> Fact {
    fact("2026-11-02", What::Disbursed { reference: "B".to_owned(), net: priced_offer().net_disbursed })
}

fn on(date: &str, facts: &[Fact]) -> Replayed {
    replay(&priced_offer(), facts, Position::open(day(date))).unwrap()
}

fn account_on(date: &str, facts: &[Fact]) -> Account {
    on(date, facts).account.unwrap()
}

/// What pays the loan off on a day, asked for on it and in the bank's books on another.
fn pay_off(purpose: Purpose, quoted: &str, value_date: &str, facts: &[Fact]) -> (Paise, Fact) {
    let account = account_on(quoted, facts);
    let quote = match purpose {
        Purpose::CoolingOffExit => account.cooling_off_exit(day(quoted)),
        _ => account.foreclosure(day(quoted)),
    };
    let total = quote.unwrap().total;
    let mut what = received("P-1", total, purpose, AllocationPolicy::InstalmentWise);
    if let What::Received { quoted_on, .. } = &mut what {
        *quoted_on = Some(day(quoted));
    }
    (total, fact(value_date, what))
}

#[test]
fn the_lender_stands_by_a_quote_whose_money_comes_the_day_after() {
    // Inside a period, over a due date, and over a weekend.
    for (quoted, value_date) in
        [("2026-11-20", "2026-11-21"), ("2026-12-01", "2026-12-02"), ("2026-12-18", "2026-12-21")]
    {
        let mut facts = vec![paid_out()];
        let (total, paid) = pay_off(Purpose::Foreclosure, quoted, value_date, &facts);
        let needed = account_on(value_date, &facts).foreclosure(day(value_date)).unwrap().total;
        facts.push(paid);
        let after = on(value_date, &facts);
        let account = after.account.unwrap();
        assert_eq!(account.ended, Some((day(value_date), Ending::Foreclosed)), "{quoted}");
        let waived = sum(&after.out.journals, LedgerAccount::WaiverExpense);
        assert_eq!((account.excess, waived), (Paise::ZERO, needed.saturating_sub(total)), "{quoted}");
        assert!(waived.is_positive() && account.totals.waived_principal == Paise::ZERO);
        check(&account, &after.out.journals);
    }
}

#[test]
fn who_leaves_on_the_last_day_has_left_though_the_money_comes_later() {
    let last = account_on("2026-11-02", &[paid_out()]).cooling_off_ends();
    let next = last.succ_opt().unwrap().to_string();
    let mut facts = vec![paid_out()];
    let (_, paid) = pay_off(Purpose::CoolingOffExit, &last.to_string(), &next, &facts);
    facts.push(paid);
    let after = on(&next, &facts);
    let account = after.account.unwrap();
    assert_eq!(account.ended, Some((day(&next), Ending::CoolingOff)));
    assert_eq!((account.excess, account.totals.waived), (Paise::ZERO, Paise::ZERO));
    check(&account, &after.out.journals);
}

#[test]
fn a_quote_does_not_stand_when_what_it_counted_on_has_come_back() {
    let early = received("P-0", rupees("5000.00"), Purpose::Prepayment, AllocationPolicy::InstalmentWise);
    let mut facts = vec![paid_out(), fact("2026-11-10", early)];
    let (_, paid) = pay_off(Purpose::Foreclosure, "2026-11-20", "2026-11-21", &facts);
    facts.push(paid);
    assert!(account_on("2026-11-21", &facts).is_closed());
    facts.push(fact("2026-11-25", What::Returned { payment: PaymentId::from("P-0") }));
    let after = on("2026-11-25", &facts);
    let account = after.account.unwrap();
    assert!(!account.is_closed() && account.principal_outstanding().is_positive());
    assert_eq!(account.totals.waived, Paise::ZERO);
    check(&account, &after.out.journals);
}

/// Paid out on 15 Jan, an instalment every day from 16 Jan on; one day to leave.
fn daily(cooling_off: CoolingOffPolicy) -> Contract {
    let mut daily = contract();
    daily.terms.frequency = Frequency::EveryDays(1);
    daily.terms.day_count = DayCount::Actual365;
    daily.terms.first_due = day("2026-01-16");
    daily.cooling_off_days = 1;
    daily.servicing.cooling_off = cooling_off;
    daily
}

#[test]
fn the_day_after_the_payout_is_free_though_an_instalment_is_due_on_it() {
    // 14.21 % on 12,000 for a day, less the fees of 141.60; at the rate of 12 %, with the fees kept.
    for (policy, total, interest) in
        [(CoolingOffPolicy::AprOnly, "11863.07", "-4.67"), (CoolingOffPolicy::RatePlusFee, "12003.95", "-3.95")]
    {
        let first = Book::open(daily(policy)).account.instalments[0].row.instalment;
        for paid_before in [Paise::ZERO, first] {
            let mut book = Book::open(daily(policy));
            assert_eq!(book.account.cooling_off_ends(), day("2026-01-16"));
            book.on("2026-01-16");
            if paid_before.is_positive() {
                book.pays("2026-01-16", "P-0", &paid_before.to_string(), Purpose::Instalment);
            }
            let quote = book.account.cooling_off_exit(day("2026-01-16")).unwrap();
            assert_eq!(quote.total, rupees(total).saturating_sub(paid_before));
            book.pays("2026-01-16", "P-1", &quote.total.to_string(), Purpose::CoolingOffExit);
            assert_eq!(book.account.ended, Some((day("2026-01-16"), Ending::CoolingOff)));
            assert_eq!((book.account.excess, book.sum(LedgerAccount::InterestIncome)), (Paise::ZERO, rupees(interest)));
        }
        let mut over = Book::open(daily(policy));
        over.on("2026-01-17");
        assert!(over.account.cooling_off_exit(day("2026-01-17")).is_err());
    }
}
