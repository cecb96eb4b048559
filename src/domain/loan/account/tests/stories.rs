//! One loan after the other, with figures worked out by hand.

use rust_decimal::Decimal;

use super::super::{Account, AssetClass, Contract, Duty, Ending, Out, Position, Purpose, Waived, What, replay};
use super::support::{Book, check, contract, day, received, rupees, sum};
use crate::domain::application::tests::priced_offer;
use crate::domain::book::{Journal, JournalKind, LedgerAccount};
use crate::domain::ids::PaymentId;
use crate::domain::maths::money::Paise;
use crate::domain::maths::reschedule::PrepaymentMode;
use crate::domain::maths::{DayCount, FirstPeriod};
use crate::domain::servicing::{AllocationPolicy, Component, CoolingOffPolicy, Servicing};

/// The instalment of [`contract`]: 12,000 at 1 % a month over twelve months.
const EPI: &str = "1066.19";

fn with(servicing: Servicing) -> Contract {
    Contract { servicing, ..contract() }
}

#[test]
fn a_loan_paid_on_time_ends_with_the_last_instalment() {
    let mut book = Book::open(contract());
    let rows = book.account.instalments.clone();
    for instalment in &rows {
        let date = instalment.row.due_date.to_string();
        book.on(&date);
        let amount = instalment.row.instalment.to_string();
        book.pays(&date, &format!("P-{}", instalment.row.number), &amount, Purpose::Instalment);
    }
    assert_eq!(book.account.ended, Some((day("2027-01-15"), Ending::Matured)));
    let interest: i64 = rows.iter().map(|row| row.row.interest.0).sum();
    assert_eq!(book.sum(LedgerAccount::InterestIncome), Paise(-interest));
    assert_eq!(book.account.totals.principal, rupees("12000.00"));
    assert_eq!(book.account.next_event(), None, "nothing more happens to it");
}

#[test]
fn the_day_before_the_due_date_the_borrower_is_told_and_on_it_the_mandate_is_debited() {
    let mut book = Book::open(contract());
    book.on("2026-02-13");
    assert_eq!(book.out.duties, []);
    book.on("2026-02-14");
    assert_eq!(book.out.duties, [Duty::PreDebitNotice(1)]);
    book.on("2026-02-15");
    assert_eq!(book.out.duties, [Duty::PreDebitNotice(1), Duty::Present(1)]);
    assert_eq!(book.account.due(), rupees(EPI));
    book.end_of("2026-02-15").on("2026-02-16");
    assert_eq!(book.out.duties.last(), Some(&Duty::OverdueNotice(1)));
}

#[test]
fn classes_follow_the_example_of_the_regulator() {
    // Due 31 Mar 2021: SMA-0 on that day, SMA-1 on 30 Apr, SMA-2 on 30 May, NPA on 29 Jun.
    let mut terms = contract();
    terms.terms.disbursed_on = day("2021-02-28");
    terms.terms.first_due = day("2021-03-31");
    let mut book = Book::open(terms);
    let mut seen = Vec::new();
    for date in
        ["2021-03-30", "2021-03-31", "2021-04-29", "2021-04-30", "2021-05-29", "2021-05-30", "2021-06-28", "2021-06-29"]
    {
        book.end_of(date);
        seen.push(book.account.class);
    }
    let seen: Vec<&str> = seen.into_iter().map(AssetClass::name).collect();
    assert_eq!(seen, ["STANDARD", "SMA-0", "SMA-0", "SMA-1", "SMA-1", "SMA-2", "SMA-2", "NPA"]);
    assert_eq!(book.account.npa_since, Some(day("2021-06-29")));
}

#[test]
fn a_non_performing_loan_stays_one_until_all_arrears_are_paid() {
    let mut book = Book::open(contract());
    book.end_of("2026-05-16");
    assert_eq!(book.account.class, AssetClass::Npa);
    // Four instalments are due; three are paid, so the oldest unpaid one is a day old.
    book.pays("2026-05-17", "P-1", "3198.57", Purpose::Instalment);
    assert_eq!(book.account.class, AssetClass::Npa);
    let rest = book.account.due().to_string();
    book.pays("2026-05-17", "P-2", &rest, Purpose::Instalment);
    assert_eq!((book.account.class, book.account.npa_since), (AssetClass::Standard, None));
}

#[test]
fn penal_charges_need_notice_run_on_the_unpaid_part_and_never_on_themselves() {
    let mut book = Book::open(contract());
    book.on("2026-03-10");
    assert_eq!(book.account.all_penal_running(day("2026-03-10")), Paise::ZERO, "nobody was told");
    let mut book = Book::open(contract());
    book.on("2026-02-16").is_told("2026-02-16", 1);
    // 24 % on 1,066.19 for 10 days.
    assert_eq!(book.account.all_penal_running(day("2026-02-25")), rupees("7.01"));
    book.on("2026-03-17");
    // Thirty days, levied on 17 March: 1,066.19 at 24 % for 30 days; no tax on it.
    assert_eq!(book.account.charges.first().unwrap().amount, rupees("21.03"));
    assert_eq!(book.sum(LedgerAccount::GstPayable), rupees("-21.60"));
    book.on("2026-04-16");
    let levied: Vec<_> = book.account.charges.iter().map(|charge| charge.amount).collect();
    assert_eq!(levied, [rupees("21.03"), rupees("21.03")], "the second is not on the first");
}

#[test]
fn a_payment_of_what_is_payable_settles_the_penal_charge_of_the_day_too() {
    let mut book = Book::open(contract());
    book.on("2026-02-16").is_told("2026-02-16", 1).on("2026-02-25");
    let payable = book.account.payable(day("2026-02-25"));
    assert_eq!(payable, rupees("1073.20"));
    book.pays("2026-02-25", "P-1", "1073.20", Purpose::Instalment);
    assert_eq!(book.account.due(), Paise::ZERO);
    assert_eq!(book.account.totals.penal, rupees("7.01"));
}

#[test]
fn the_cap_ends_penal_charges() {
    let servicing = Servicing { penal_cap_percent: Some(rust_decimal::Decimal::from(1)), ..Servicing::default() };
    let mut book = Book::open(with(servicing));
    book.on("2026-02-16").is_told("2026-02-16", 1).on("2026-12-31");
    let penal: i64 = book.account.charges.iter().filter(|c| c.instalment == Some(1)).map(|c| c.amount.0).sum();
    assert_eq!(Paise(penal), rupees("10.66"));
}

#[test]
fn a_bounced_debit_costs_what_the_statement_of_key_facts_says() {
    let mut book = Book::open(contract());
    book.on("2026-02-15");
    book.happens(day("2026-02-15"), What::Bounced { payment: PaymentId::from("P-1"), instalment: 1 });
    assert_eq!(book.account.charges_left(), rupees("250.00"));
    // No tax but that on the processing fee of 120.
    assert_eq!(book.sum(LedgerAccount::GstPayable), rupees("-21.60"));
    assert_eq!(book.sum(LedgerAccount::FeeIncome), rupees("-370.00"));
    let mut free = contract();
    free.bounce = Paise::ZERO;
    let mut book = Book::open(free);
    book.on("2026-02-15");
    book.happens(day("2026-02-15"), What::Bounced { payment: PaymentId::from("P-1"), instalment: 1 });
    assert_eq!(book.account.charges_left(), Paise::ZERO, "no such charge was agreed");
}

#[test]
fn policies_split_alike_what_others_split_so_too() {
    // Fineract, rbi-india-strategy: 3,200 pays the interest of both, then the principal of the oldest.
    let mut book = Book::open(contract());
    book.on("2026-03-15");
    let rows: Vec<_> = book.account.instalments.iter().take(2).map(|row| row.row).collect();
    let (interest, first) = (rows[0].interest.0 + rows[1].interest.0, rows[0].principal.0);
    let split = |policy, amount: i64| {
        let mut book = Book::open(contract());
        book.on("2026-03-15");
        book.happens(day("2026-03-15"), received("P", Paise(amount), Purpose::Instalment, policy));
        let left: Vec<_> = book
            .account
            .instalments
            .iter()
            .take(2)
            .map(|row| (row.interest_left().0, row.principal_left().0))
            .collect();
        left
    };
    let amount = interest + first;
    assert_eq!(split(AllocationPolicy::InterestFirst, amount), [(0, 0), (0, rows[1].principal.0)]);
    let oldest = rows[0].instalment.0;
    assert_eq!(split(AllocationPolicy::InstalmentWise, oldest), [(0, 0), (rows[1].interest.0, rows[1].principal.0)]);
    let principal = rows[0].principal.0 + rows[1].principal.0;
    assert_eq!(split(AllocationPolicy::PrincipalFirst, principal), [(rows[0].interest.0, 0), (rows[1].interest.0, 0)]);
}

#[test]
fn money_paid_ahead_is_held_and_settles_the_next_instalment() {
    let mut book = Book::open(contract());
    book.on("2026-01-20").pays("2026-01-20", "P-1", EPI, Purpose::Instalment);
    assert_eq!(book.account.excess, rupees(EPI));
    book.on("2026-02-15");
    assert_eq!((book.account.excess, book.account.due()), (Paise::ZERO, Paise::ZERO));
    assert!(!book.out.duties.contains(&Duty::Present(1)), "nothing is left to be debited");
}

#[test]
fn a_prepayment_lowers_the_interest_from_its_day_on() {
    for mode in [PrepaymentMode::ReduceCount, PrepaymentMode::ReduceInstalment] {
        let mut book = Book::open(with(Servicing { prepayment_mode: mode, ..Servicing::default() }));
        book.on("2026-02-15").pays("2026-02-15", "P-1", EPI, Purpose::Instalment);
        book.on("2026-03-01").pays("2026-03-01", "P-2", "5000.00", Purpose::Prepayment);
        assert_eq!(book.account.principal_outstanding(), rupees("6053.81"));
        // 14 of 28 days on 11,053.81, 14 on 6,053.81, at 1 % a month.
        assert_eq!(book.account.next_due().unwrap().row.interest, rupees("85.54"));
        assert_eq!(book.account.accrued(day("2026-03-01")), rupees("55.27"));
        let instalments: Vec<_> = book.account.instalments.iter().map(|row| row.row.instalment).collect();
        match mode {
            PrepaymentMode::ReduceCount => assert!(instalments.len() < 12 && instalments[1] == rupees(EPI)),
            PrepaymentMode::ReduceInstalment => assert!(instalments.len() == 12 && instalments[1] < rupees(EPI)),
        }
        for instalment in book.account.instalments.clone().into_iter().skip(1) {
            let date = instalment.row.due_date.to_string();
            book.on(&date);
            let amount = instalment.row.instalment.to_string();
            book.pays(&date, &format!("P-{date}"), &amount, Purpose::Instalment);
        }
        assert!(matches!(book.account.ended, Some((_, Ending::Matured))), "{:?}", book.account.ended);
    }
}

#[test]
fn a_prepayment_charge_comes_out_of_the_same_money() {
    let percent = rust_decimal::Decimal::from(2);
    let mut book = Book::open(with(Servicing { prepayment_percent: percent, ..Servicing::default() }));
    book.on("2026-01-20").pays("2026-01-20", "P-1", "5118.00", Purpose::Prepayment);
    // 5,000 prepaid, 2 % of it and 18 % on that.
    assert_eq!(book.account.totals.principal, rupees("5000.00"));
    assert_eq!(book.account.totals.fee, rupees("118.00"));
}

#[test]
fn foreclosure_takes_principal_interest_of_the_days_and_its_charge() {
    let percent = rust_decimal::Decimal::from(2);
    let mut book = Book::open(with(Servicing { foreclosure_percent: percent, ..Servicing::default() }));
    book.on("2026-02-15").pays("2026-02-15", "P-1", EPI, Purpose::Instalment).on("2026-03-01");
    let quote = book.account.foreclosure(day("2026-03-01")).unwrap();
    assert_eq!(quote.principal, rupees("11053.81"));
    assert_eq!(quote.interest, rupees("55.27"));
    assert_eq!(quote.charge, rupees("260.87"));
    assert_eq!(quote.total, rupees("11369.95"));
    book.pays("2026-03-01", "P-2", "11369.95", Purpose::Foreclosure);
    assert_eq!(book.account.ended, Some((day("2026-03-01"), Ending::Foreclosed)));
    assert_eq!(book.account.principal_outstanding(), Paise::ZERO);
}

#[test]
fn money_that_is_not_enough_for_a_pay_off_is_prepaid() {
    let mut book = Book::open(contract());
    book.on("2026-03-01").pays("2026-03-01", "P", "9000.00", Purpose::Foreclosure);
    assert_eq!(book.account.ended, None);
    assert_eq!(book.account.excess, Paise::ZERO, "no interest runs on money that lies there");
    let mut prepaid = Book::open(contract());
    prepaid.on("2026-03-01").pays("2026-03-01", "P", "9000.00", Purpose::Prepayment);
    assert_eq!(book.account, prepaid.account);
}

#[test]
fn leaving_within_the_cooling_off_period_costs_the_apr_and_no_fee() {
    let mut book = Book::open(contract());
    book.on("2026-01-17");
    let quote = book.account.cooling_off_exit(day("2026-01-17")).unwrap();
    // 12,000 at 14.21 % for two days; the fee of 141.60 is given back.
    assert_eq!((quote.interest, quote.given_back), (rupees("9.34"), rupees("141.60")));
    assert_eq!(quote.total, rupees("11867.74"));
    book.pays("2026-01-17", "P", "11867.74", Purpose::CoolingOffExit);
    assert_eq!(book.account.ended, Some((day("2026-01-17"), Ending::CoolingOff)));
    assert_eq!(book.sum(LedgerAccount::FeeIncome), Paise::ZERO);
    assert!(Book::open(contract()).on("2026-01-19").account.cooling_off_exit(day("2026-01-19")).is_err());
    let policy = CoolingOffPolicy::RatePlusFee;
    let mut book = Book::open(with(Servicing { cooling_off: policy, ..Servicing::default() }));
    book.on("2026-01-17");
    let quote = book.account.cooling_off_exit(day("2026-01-17")).unwrap();
    assert_eq!((quote.interest, quote.given_back), (rupees("7.89"), Paise::ZERO));
}

#[test]
fn within_the_cooling_off_period_nothing_is_charged_for_paying_early() {
    let costly = || Servicing {
        foreclosure_percent: Decimal::from(4),
        prepayment_percent: Decimal::from(2),
        ..Servicing::default()
    };
    let mut book = Book::open(with(costly()));
    book.on("2026-01-17");
    assert_eq!(book.account.foreclosure(day("2026-01-17")).unwrap().charge, Paise::ZERO);
    book.pays("2026-01-17", "P-1", "5000.00", Purpose::Prepayment);
    assert_eq!(book.account.principal_outstanding(), rupees("7000.00"));
    let quote = book.account.foreclosure(day("2026-01-18")).unwrap();
    assert_eq!(quote.charge, Paise::ZERO);
    // The APR is paid for each rupee as long as it was held: 12,000 for two days and 7,000 for one.
    let exit = book.on("2026-01-18").account.cooling_off_exit(day("2026-01-18")).unwrap();
    assert_eq!(exit.interest, rupees("12.07"));
    let mut other = Book::open(with(costly()));
    other.on("2026-01-18");
    let total = other.account.foreclosure(day("2026-01-18")).unwrap().total.to_string();
    other.pays("2026-01-18", "P", &total, Purpose::Foreclosure);
    assert_eq!(other.account.ended, Some((day("2026-01-18"), Ending::Foreclosed)));
    // The day after it is over, it costs 4 % with tax.
    let later = Book::open(with(costly())).on("2026-01-19").account.foreclosure(day("2026-01-19")).unwrap();
    assert_eq!(later.charge, rupees("566.40"));
}

#[test]
fn interest_kept_for_days_without_the_money_is_given_back() {
    // Paid out 16 days before the whole periods begin on 15 Jan: 12,000 at 12 % for 16 of 360 days are 64.00.
    let mut terms = contract();
    terms.terms.disbursed_on = day("2025-12-30");
    terms.terms.first_period = FirstPeriod::Upfront;
    terms.terms.odd_day_count = Some(DayCount::Actual365);
    terms.cooling_off_days = 0;
    let kept = rupees("63.12");
    let mut book = Book::open(terms.clone());
    assert_eq!(book.account.upfront_kept(), kept);
    // After 4 of 16 days a quarter is earned.
    let quote = book.on("2026-01-03").account.foreclosure(day("2026-01-03")).unwrap();
    assert_eq!((quote.interest, quote.given_back), (Paise::ZERO, rupees("47.34")));
    assert_eq!(quote.total, rupees("11952.66"));
    book.pays("2026-01-03", "P", "11952.66", Purpose::Foreclosure);
    assert_eq!(book.account.ended, Some((day("2026-01-03"), Ending::Foreclosed)));
    assert_eq!(book.account.excess, Paise::ZERO);
    // Of a half that is prepaid then, half of it; and what is kept is what the rest bears.
    let mut book = Book::open(terms.clone());
    book.on("2026-01-03").pays("2026-01-03", "P", "6000.00", Purpose::Prepayment);
    assert_eq!((book.account.excess, book.account.upfront_kept()), (rupees("23.67"), rupees("39.45")));
    let quote = book.on("2026-01-07").account.foreclosure(day("2026-01-07")).unwrap();
    assert_eq!(quote.given_back, rupees("15.78"));
    let over = book.on("2026-01-20").account.foreclosure(day("2026-01-20")).unwrap();
    assert_eq!(over.given_back, Paise::ZERO);
    // Kept for 16 days, paid out 4 days later than the offer foresaw: those are the borrower's at once.
    let offered = Book::open(terms.clone());
    terms.terms.disbursed_on = day("2026-01-03");
    let What::Disbursed { net, .. } = &offered.facts[0].what else { panic!("a payout") };
    let mut out = Out::default();
    let account = Account::open(terms, "BANK-1", *net, &mut out).unwrap();
    assert_eq!((account.excess, account.upfront_kept()), (rupees("15.78"), rupees("47.34")));
    check(&account, &out.journals);
}

#[test]
fn waivers_refunds_and_write_offs_are_booked() {
    let mut book = Book::open(contract());
    book.on("2026-02-15");
    book.happens(day("2026-02-15"), What::Bounced { payment: PaymentId::from("P-1"), instalment: 1 });
    let waived = Waived { reference: "A-1".to_owned(), component: Component::Fee, amount: rupees("250.00") };
    book.happens(day("2026-02-15"), What::Waived(waived));
    assert_eq!(book.account.charges_left(), Paise::ZERO);
    book.pays("2026-02-16", "P-2", "2000.00", Purpose::Instalment);
    book.happens(day("2026-02-16"), What::Refunded { reference: "A-2".to_owned(), amount: rupees("900.00") });
    assert_eq!(book.account.excess, rupees("33.81"));
    book.happens(day("2026-02-20"), What::WrittenOff { reference: "A-3".to_owned() });
    assert_eq!(book.account.ended, Some((day("2026-02-20"), Ending::WrittenOff)));
    book.pays("2026-06-01", "P-3", "500.00", Purpose::Instalment);
    assert_eq!(book.sum(LedgerAccount::RecoveryIncome), rupees("-500.00"));
}

#[test]
fn a_returned_payment_was_never_paid_and_its_book_shows_both() {
    let offer = priced_offer();
    let mut facts = vec![fact("2026-11-02", What::Disbursed { reference: "B".to_owned(), net: offer.net_disbursed })];
    let due = offer.schedule.rows[0];
    let policy = AllocationPolicy::InstalmentWise;
    facts.push(fact(&due.due_date.to_string(), received("P-1", due.instalment, Purpose::Instalment, policy)));
    let to = Position::closed(day("2026-12-10"));
    let before = replay(&offer, &facts, to).unwrap();
    assert_eq!(before.account.as_ref().unwrap().due(), Paise::ZERO);
    let posted: Vec<Journal> = before.out.journals.clone();

    facts.push(fact("2026-12-05", What::Returned { payment: PaymentId::from("P-1") }));
    let after = replay(&offer, &facts, to).unwrap();
    let account = after.account.as_ref().unwrap();
    assert_eq!(account.oldest_due(), Some(due.due_date));
    assert_eq!(account.days_past_due(day("2026-12-10")), Some(8));
    let new = after.corrections(&posted);
    assert_eq!(new.iter().map(|journal| journal.kind).collect::<Vec<_>>(), [JournalKind::ReceiptReturn]);
    let all: Vec<Journal> = posted.into_iter().chain(new).collect();
    super::support::check(account, &all);
}

#[test]
fn a_late_receipt_takes_back_what_it_makes_wrong() {
    let offer = priced_offer();
    let due = offer.schedule.rows[0];
    let mut facts = vec![fact("2026-11-02", What::Disbursed { reference: "B".to_owned(), net: offer.net_disbursed })];
    facts.push(fact("2026-12-03", What::Noticed { instalment: 1, message_id: "M".to_owned() }));
    let to = Position::open(day("2027-01-10"));
    let before = replay(&offer, &facts, to).unwrap();
    let posted = before.out.journals.clone();
    assert!(sum(&posted, LedgerAccount::PenalIncome) < Paise::ZERO);
    // The bank tells late that the borrower had paid on the day itself.
    let policy = AllocationPolicy::InstalmentWise;
    facts.push(fact(&due.due_date.to_string(), received("P-1", due.instalment, Purpose::Instalment, policy)));
    let after = replay(&offer, &facts, to).unwrap();
    let all: Vec<Journal> = posted.iter().cloned().chain(after.corrections(&posted)).collect();
    assert_eq!(sum(&all, LedgerAccount::PenalIncome), Paise::ZERO, "no penal charge was ever due");
    super::support::check(after.account.as_ref().unwrap(), &all);
}

#[test]
fn a_payout_that_came_back_leaves_nothing() {
    let offer = priced_offer();
    let mut facts = vec![fact("2026-11-02", What::Disbursed { reference: "B".to_owned(), net: offer.net_disbursed })];
    let to = Position::closed(day("2026-12-01"));
    let posted = replay(&offer, &facts, to).unwrap().out.journals;
    facts.push(fact("2026-11-04", What::PayoutReturned { reference: "B".to_owned() }));
    let after = replay(&offer, &facts, to).unwrap();
    assert_eq!(after.account, None);
    let all: Vec<Journal> = posted.iter().cloned().chain(after.corrections(&posted)).collect();
    for account in crate::domain::book::ACCOUNTS {
        assert_eq!(sum(&all, account), Paise::ZERO, "{account:?}");
    }
}

fn fact(date: &str, what: What) -> super::super::Fact {
    super::super::Fact { value_date: day(date), what }
}
