//! Annual percentage rates published by regulators, and the figures that must not come out.

use rust_decimal::Decimal;

use super::support::{annuity, bullet, day, decimal, every, monthly, plan, rupees};
use crate::domain::maths::{AprError, DayCount, Flow, Frequency, Paise, Rounding, ScheduleTerms, apr, apr_of};

const MONTHS: Decimal = Decimal::from_parts(12, 0, 0, false, 0);

fn regular(net: &str, flows: &[Flow]) -> String {
    apr(rupees(net), flows, Decimal::ZERO, MONTHS).expect("a rate").to_string()
}

fn of_terms(terms: &ScheduleTerms, net: &str) -> String {
    apr_of(terms, &plan(terms), rupees(net)).expect("a rate").to_string()
}

// RBI/2024-25/18 of 15 Apr 2024, Annex B: 20,000 at 15 % over 24 months, fees 240 + 160.
#[test]
fn rbi_annex_b() {
    let terms = monthly("20000", "15", 24);
    let schedule = plan(&terms);
    let shown = |amount: Paise| Rounding::RupeeHalfUp.apply(amount.0.into()).expect("in range");
    assert_eq!(shown(schedule.instalment), rupees("970"));
    assert_eq!(shown(schedule.total_interest), rupees("3274"));
    assert_eq!(shown(schedule.total_paid), rupees("23274"));
    assert_eq!(of_terms(&terms, "19600"), "17.07");
}

#[test]
fn rbi_annex_b_is_the_same_with_whole_rupee_instalments_and_a_smaller_last_one() {
    let terms = ScheduleTerms { rounding: Rounding::RupeeHalfUp, ..monthly("20000", "15", 24) };
    let rate = apr_of(&terms, &plan(&terms), rupees("19600")).expect("a rate");
    assert_eq!(rate.percent().round_dp(4), decimal("17.0711"));
}

#[test]
fn rbi_annex_b_to_four_digits_from_the_paise_ledger() {
    let terms = monthly("20000", "15", 24);
    let rate = apr_of(&terms, &plan(&terms), rupees("19600")).expect("a rate");
    assert_eq!(rate.percent().round_dp(4), decimal("17.0705"));
}

// RBI/2024-25/18, Annex B: the borrower's first payment falls 30 days after sanction.
#[test]
fn thirty_days_are_a_month() {
    let terms = ScheduleTerms { first_due: day("2024-01-31"), ..monthly("20000", "15", 24) };
    let flows: Vec<Flow> = (0..).zip(&plan(&monthly("20000", "15", 24)).rows).map(to_flow).collect();
    let odd = terms.frequency.split(terms.disbursed_on, terms.first_due).expect("an interval").odd_fraction;
    assert_eq!(apr(rupees("19600"), &flows, odd, MONTHS).expect("a rate").to_string(), "17.07");
}

fn to_flow((period, row): (u32, &crate::domain::maths::Row)) -> Flow {
    Flow { period, amount: row.instalment }
}

#[test]
fn flat_970_for_all_24_months_is_not_the_illustration() {
    assert_eq!(regular("19600", &annuity(1, 24, "970")), "17.10");
}

#[test]
fn leaving_out_the_third_party_charge_understates_the_apr() {
    assert_eq!(of_terms(&monthly("20000", "15", 24), "19760"), "16.24");
}

// US 12 CFR 1026, Appendix J (c): periods per year, advance, odd days, payments.
#[test]
fn regulation_z_regular_payments() {
    assert_eq!(regular("5000", &annuity(1, 24, "230")), "9.69");
}

#[test]
fn regulation_z_odd_first_period() {
    let of = |net: &str, flows: &[Flow], (days, period): (i64, i64), per_year: i64| {
        let odd = Decimal::from(days) / Decimal::from(period);
        apr(rupees(net), flows, odd, Decimal::from(per_year)).expect("a rate").to_string()
    };
    assert_eq!(of("6000", &annuity(1, 36, "200"), (19, 30), 12), "11.82");
    assert_eq!(of("10000", &annuity(1, 40, "385"), (39, 90), 4), "8.97");
    assert_eq!(of("500", &annuity(4, 30, "17.60"), (4, 7), 52), "14.96");
}

#[test]
fn regulation_z_odd_first_and_last_payments() {
    let first = Flow { period: 1, amount: rupees("250") };
    let last = Flow { period: 24, amount: rupees("280") };
    assert_eq!(regular("5000", &[vec![first], annuity(2, 23, "230")].concat()), "10.08");
    assert_eq!(regular("5000", &[annuity(1, 23, "230"), vec![last]].concat()), "10.50");
    assert_eq!(regular("5000", &[vec![first], annuity(2, 22, "230"), vec![last]].concat()), "10.90");
}

// Check numbers of `lending.md` §2.2.
#[test]
fn bullet_with_an_upfront_fee() {
    assert_eq!(of_terms(&bullet("100000", "18", "2024-02-15"), "99500"), "22.17");
    assert_eq!(of_terms(&bullet("100000", "18", "2024-02-15"), "99410"), "22.92");
    assert_eq!(of_terms(&bullet("100000", "18", "2024-03-31"), "99500"), "20.13");
    assert_eq!(of_terms(&bullet("100000", "18", "2024-03-31"), "99410"), "20.51");
}

// Spec lending 1.3: 5,000 for 7 days repaid with 5,500, rate x 365/7.
#[test]
fn seven_day_loan_has_no_upper_end() {
    let flow = Flow { period: 1, amount: rupees("5500") };
    let weeks = Decimal::from(365) / Decimal::from(7);
    assert_eq!(apr(rupees("5000"), &[flow], Decimal::ZERO, weeks).expect("a rate").to_string(), "521.43");
}

// Spec lending 2.3: broken period of 21 days charged upfront, with the first instalment, or waived.
#[test]
fn broken_period_methods() {
    let odd = Decimal::from(21) / Decimal::from(30);
    let instalments = annuity(1, 12, "27504");
    let added = [vec![Flow { period: 1, amount: rupees("3106.85") }], instalments.clone()].concat();
    let of = |net: &str, flows: &[Flow]| apr(rupees(net), flows, odd, MONTHS).expect("a rate").to_string();
    assert_eq!(of("296893.15", &instalments), "17.99");
    assert_eq!(of("300000", &added), "17.95");
    assert_eq!(of("300000", &instalments), "16.19");
}

#[test]
fn without_fees_the_apr_is_the_contract_rate() {
    for frequency in [Frequency::Monthly, Frequency::Weekly, Frequency::Quarterly, Frequency::Yearly] {
        let terms = every(frequency, DayCount::Thirty360, &monthly("1000000", "18", 12));
        assert_eq!(of_terms(&terms, "1000000"), "18.00", "{frequency:?}");
    }
    assert_eq!(of_terms(&monthly("1000", "0", 4), "1000"), "0.00");
}

#[test]
fn what_has_no_rate_is_refused() {
    let flows = annuity(1, 12, "100");
    let of = |net: &str, flows: &[Flow]| apr(rupees(net), flows, Decimal::ZERO, MONTHS);
    assert_eq!(of("0", &flows), Err(AprError::NetNotPositive));
    assert_eq!(of("-1", &flows), Err(AprError::NetNotPositive));
    assert_eq!(of("1200.01", &flows), Err(AprError::Negative));
    assert_eq!(of("100", &[]), Err(AprError::Negative));
    assert_eq!(of("0.01", &flows), Err(AprError::TooHigh));
    assert_eq!(of("100", &annuity(1, 1, "-5")), Err(AprError::NegativeFlow));
    assert_eq!(of("100", &annuity(u32::MAX - 1, 1, "500")), Err(AprError::OutOfRange));
    assert_eq!(apr(rupees("100"), &flows, decimal("-0.1"), MONTHS), Err(AprError::OutOfRange));
    assert_eq!(apr(rupees("100"), &flows, Decimal::ZERO, Decimal::ZERO), Err(AprError::OutOfRange));
}

#[test]
fn shown_rate_rounds_half_up_and_is_a_string_in_json() {
    let one_year = annuity(1, 1, "1001.25");
    let rate = apr(rupees("1000"), &one_year, Decimal::ZERO, Decimal::ONE).expect("a rate");
    assert_eq!(serde_json::to_string(&rate).expect("json"), "\"0.13\"");
}
