//! Statements of whole offers, RBI's own illustration among them (`lending.md` §1.3).

use super::*;
use crate::domain::application::facets::{Charges, Offer};
use crate::domain::application::form::{LoanType, Tenure, TenureUnit};
use crate::domain::application::stage::Stage;
use crate::domain::application::tests::fixtures::{decimal, letterhead, rupees};
use crate::domain::ids::OfferId;
use crate::domain::maths::FirstPeriod;
use crate::domain::maths::apr::apr_of;
use crate::domain::maths::day_count::DayCount;
use crate::domain::maths::rounding::Rounding;
use crate::domain::maths::schedule::{Frequency, Method, schedule};
use crate::domain::servicing::{CoolingOffPolicy, FeeLine, Payee, Servicing};

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// RBI's illustration: 20,000 over 24 months at 15 %, fees of 240 to the lender and 160 to a third party.
fn illustration() -> Offer {
    let terms = ScheduleTerms {
        principal: rupees("20000"),
        annual_rate: "15.00".parse().unwrap(),
        installments: 24,
        frequency: Frequency::Monthly,
        method: Method::EqualInstalment,
        rounding: Rounding::PaiseHalfUp,
        day_count: DayCount::Thirty360,
        // One whole month to the first instalment, as in the illustration.
        disbursed_on: day("2026-02-28"),
        first_due: day("2026-03-28"),
        due_day: None,
        first_period: FirstPeriod::Stretch,
        odd_day_count: None,
    };
    let schedule = schedule(&terms).unwrap();
    let net = rupees("19600");
    let fee = |code: &str, payee, amount| FeeLine {
        code: code.to_owned(),
        name: code.to_owned(),
        payee,
        amount: rupees(amount),
        tax: rupees("0"),
    };
    Offer {
        id: OfferId("OF-1".to_owned()),
        product: "p".to_owned(),
        valid_till: "2026-03-04T18:29:59.999Z".parse().unwrap(),
        requested: terms.principal,
        sanctioned: terms.principal,
        annual_rate: terms.annual_rate,
        interest: schedule.total_interest,
        total: schedule.total_paid,
        instalment: schedule.instalment,
        tenure: Tenure { duration: 24, unit: TenureUnit::Month },
        charges: Charges { processing: rupees("240"), bounce: rupees("250"), late_payment_percent: decimal("24") },
        fees: vec![fee("PROCESSING", Payee::Lender, "240"), fee("INSURANCE", Payee::ThirdParty, "160")],
        servicing: Servicing { foreclosure_percent: decimal("2"), ..Servicing::default() },
        gst_percent: decimal("18"),
        net_disbursed: net,
        apr: apr_of(&terms, &schedule, net).unwrap().rounded(),
        cooling_off_days: 3,
        terms,
        schedule,
        disbursement_plans: Vec::new(),
        repayment_plans: Vec::new(),
        kfs: None,
    }
}

fn of(offer: &Offer) -> Kfs {
    statement(offer, &letterhead(), "Demo LSP", LoanType::Personal).unwrap()
}

#[test]
fn rbi_s_illustration_comes_out() {
    let kfs = of(&illustration());
    let sheet = &kfs.apr_sheet;
    assert_eq!(sheet.annual_percentage_rate, "17.07");
    assert_eq!((sheet.sanctioned_amount.as_str(), sheet.net_disbursed.as_str()), ("20000.00", "19600.00"));
    assert_eq!(
        (sheet.fees.as_str(), sheet.fees_to_lender.as_str(), sheet.fees_to_third_parties.as_str()),
        ("400.00", "240.00", "160.00")
    );
    assert_eq!((sheet.total_interest.as_str(), sheet.total_paid.as_str()), ("3273.58", "23273.58"));
    assert_eq!(sheet.instalments, "monthly, 969.73 x 24");
    assert_eq!((sheet.due_date.as_str(), kfs.schedule.len()), ("28032026", 24));
    assert_eq!(kfs.proposal_number, "KFS-OF-1");
}

#[test]
fn the_cooling_off_period_is_told_in_the_days_that_it_has() {
    let begins = |cooling_off_days: u32, first_due: &str| {
        let mut offer = Offer { cooling_off_days, ..illustration() };
        offer.terms.first_due = day(first_due);
        super::words::cooling_off(&offer)
    };
    assert!(begins(1, "2026-03-28").starts_with("Within 1 day of the payout, and before the first due date"));
    assert!(begins(3, "2026-03-28").starts_with("Within 3 days of the payout, and before the first due date"));
    assert!(begins(1, "2026-03-01").starts_with("Until the end of the day after the payout you may leave"));
}

#[test]
fn every_row_of_the_form_says_something() {
    let kfs = of(&illustration());
    let rows: Vec<_> = kfs.part_one.contingent_charges.iter().map(|c| (c.row.as_str(), c.code.as_str())).collect();
    let wanted = [
        ("10(i)", "PENAL"),
        ("10(ii)", "OTHER_PENAL"),
        ("10(iii)", "FORECLOSURE"),
        ("10(iii)", "PREPAYMENT"),
        ("10(iv)", "RATE_SWITCH"),
        ("10(v)", "BOUNCE"),
    ];
    assert_eq!(rows, wanted);
    assert!(kfs.part_one.contingent_charges.iter().all(|charge| !charge.text.is_empty()));
    assert_eq!(kfs.part_one.contingent_charges[2].percent.as_deref(), Some("2.00"));
    assert_eq!(kfs.part_two.grievance_officer.name, "Meera Nair");
    assert!(!kfs.part_two.provider_recovers && !kfs.part_two.co_lending);
    insta::assert_debug_snapshot!(kfs);
}

/// The illustration's offer on other terms.
fn on(terms: ScheduleTerms) -> Offer {
    let schedule = schedule(&terms).unwrap();
    let net_disbursed = schedule.net_disbursed(terms.principal, rupees("0")).unwrap();
    Offer {
        sanctioned: terms.principal,
        interest: schedule.cost_of_interest().unwrap(),
        total: schedule.total_paid,
        instalment: schedule.instalment,
        apr: apr_of(&terms, &schedule, net_disbursed).unwrap().rounded(),
        fees: Vec::new(),
        net_disbursed,
        schedule,
        terms,
        ..illustration()
    }
}

/// 30,000 at 18 % in twelve instalments on the fifth, paid out on 28 Nov: seven odd days, 7/360 of 5,400 a year.
fn broken(first_period: FirstPeriod) -> ScheduleTerms {
    ScheduleTerms {
        principal: rupees("30000"),
        annual_rate: "18.00".parse().unwrap(),
        installments: 12,
        disbursed_on: day("2026-11-28"),
        first_due: day("2027-01-05"),
        due_day: Some(5),
        first_period,
        ..illustration().terms
    }
}

#[test]
fn a_first_instalment_that_pays_odd_days_stands_apart() {
    let offer = on(broken(FirstPeriod::AddToFirst));
    let kfs = of(&offer);
    let row = &kfs.part_one.instalments;
    assert_eq!(
        (row.amount.as_str(), row.first_amount.as_deref(), row.last_amount.as_deref()),
        ("2750.40", Some("2855.40"), None)
    );
    assert_eq!(kfs.apr_sheet.instalments, "monthly, 2855.40, then 2750.40 x 11");
    assert!(kfs.basis.rounding.contains("by the interest of the odd days before its period, Rs. 105.00"));
    for policy in [FirstPeriod::Stretch, FirstPeriod::Upfront] {
        let offer = on(broken(policy));
        let kfs = of(&offer);
        assert_eq!(kfs.part_one.instalments.first_amount, None);
        assert_eq!(kfs.apr_sheet.instalments, format!("monthly, {} x 12", offer.instalment));
    }
}

#[test]
fn instalments_of_equal_principal_are_told_from_first_to_last() {
    let terms = ScheduleTerms { method: Method::EqualPrincipal, ..broken(FirstPeriod::AddToFirst) };
    let kfs = of(&on(terms));
    assert_eq!(kfs.apr_sheet.instalments, "monthly, 12 from 3055.00 to 2537.50");
    let row = &kfs.part_one.instalments;
    assert_eq!(
        (row.amount.as_str(), row.first_amount.as_deref(), row.last_amount.as_deref()),
        ("2950.00", Some("3055.00"), Some("2537.50"))
    );
}

#[test]
fn the_words_of_30_360_are_true_for_each_period() {
    let words = |frequency, odd_day_count| {
        let terms = ScheduleTerms { frequency, odd_day_count, ..broken(FirstPeriod::AddToFirst) };
        of(&Offer { terms, ..on(broken(FirstPeriod::AddToFirst)) }).basis
    };
    assert!(words(Frequency::EveryDays(10), None).day_count.starts_with("30/360: each day counts 1/360;"));
    assert!(words(Frequency::Weekly, None).day_count.contains("odd days count 1/364 each;"));
    assert!(words(Frequency::Quarterly, None).day_count.contains("a whole month before it a twelfth"));
    let monthly = words(Frequency::Monthly, Some(DayCount::Actual365));
    assert!(monthly.broken_period.ends_with("Day count of these odd days: Actual days divided by 365."));
}

/// `lending.md` §2.2 and §1.3: 1,00,000 at 18 % for 45 days; the effective rate is (1 + 2,219.18 / 1,00,000) ^ (365 / 45).
#[test]
fn a_loan_in_days_tells_the_effective_rate_beside_the_apr() {
    let terms = ScheduleTerms {
        principal: rupees("100000"),
        method: Method::Bullet,
        frequency: Frequency::EveryDays(45),
        day_count: DayCount::Actual365,
        installments: 1,
        first_due: day("2027-01-12"),
        due_day: None,
        ..broken(FirstPeriod::Stretch)
    };
    let kfs = of(&on(terms.clone()));
    assert_eq!(kfs.apr_sheet.annual_percentage_rate, "18.00");
    assert_eq!(kfs.apr_sheet.effective_annual_rate.as_deref(), Some("19.49"));
    assert_eq!(kfs.basis.periods_per_year, "8.111111", "365/45");
    let two_years = ScheduleTerms { frequency: Frequency::EveryDays(730), first_due: day("2028-11-27"), ..terms };
    assert_eq!(of(&on(two_years)).basis.periods_per_year, "1");
    assert_eq!(of(&illustration()).apr_sheet.effective_annual_rate, None, "months");
}

#[test]
fn a_statement_from_before_reads_as_it_was() {
    let kfs = of(&illustration());
    let text = serde_json::to_string(&kfs).unwrap();
    for member in ["effectiveAnnualRate", "firstAmount", "lastAmount"] {
        assert!(!text.contains(member), "{member}: such a statement has none");
    }
    assert_eq!(serde_json::from_str::<Kfs>(&text).unwrap(), kfs);
}

#[test]
fn the_example_of_an_unpaid_instalment_counts_as_rbi_does() {
    // RBI's own dates: due 31 Mar 2021, SMA-1 30 Apr, SMA-2 30 May, NPA 29 Jun.
    let mut offer = illustration();
    offer.terms.first_due = day("2021-03-31");
    let example = of(&offer).rules.overdue_example;
    assert_eq!((example.sma_1, example.sma_2, example.npa), (day("2021-04-30"), day("2021-05-30"), day("2021-06-29")));
}

#[test]
fn it_is_valid_for_three_working_days_or_one() {
    let calendar = WorkingDays { holidays: [day("2026-01-26")].into(), ..WorkingDays::default() };
    let terms = illustration().terms;
    assert_eq!(working_days(&terms, day("2026-03-07")), 3);
    assert_eq!(working_days(&terms, day("2026-03-06")), 1);
    // Friday; then Saturday, not Sunday, not Republic Day, Tuesday and Wednesday to its last moment.
    let till = valid_at_least_till(3, day("2026-01-23"), &calendar).unwrap();
    assert_eq!(till, "2026-01-28T18:29:59.999Z".parse::<DateTime<Utc>>().unwrap());
}

#[test]
fn the_words_of_the_cooling_off_tell_what_is_given_back() {
    let mut offer = illustration();
    assert!(of(&offer).rules.cooling_off.text.contains("net disbursed amount, Rs. 19600.00"));
    offer.servicing.cooling_off = CoolingOffPolicy::RatePlusFee;
    assert!(of(&offer).rules.cooling_off.text.contains("principal, Rs. 20000.00"));
}

#[test]
fn an_lsp_that_collects_is_named() {
    let agent = Contact { name: "Demo LSP".to_owned(), phone: "1800".to_owned(), email: None };
    let letterhead = Letterhead { recovery_agents: vec![agent], ..letterhead() };
    let kfs = statement(&illustration(), &letterhead, "Demo LSP", LoanType::Personal).unwrap();
    assert!(kfs.part_two.provider_recovers);
}

#[test]
fn an_offer_with_its_statement_survives_storage() {
    let issued = IssuedKfs {
        number: "KFS-OF-1".to_owned(),
        text: "{\"a\":\"₹\"}".to_owned(),
        hash: "h".to_owned(),
        url: "/kfs/1".to_owned(),
        agreement_url: "/agreement/1".to_owned(),
        valid_till: "2026-03-04T18:29:59.999Z".parse().unwrap(),
    };
    let stage = Stage::Offered { offers: vec![Offer { kfs: Some(issued), ..illustration() }] };
    let text = serde_json::to_string(&stage).unwrap();
    assert_eq!(serde_json::from_str::<Stage>(&text).unwrap(), stage);
}
