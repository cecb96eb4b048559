//! Annual percentage rates of payments on any days, taken over from the regulators.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::support::{bullet, day, decimal, every, monthly, plan, rupees};
use crate::domain::maths::{
    AprError, DayCount, Flow, Frequency, Paise, ScheduleTerms, apr, apr_of, apr_of_dated, effective_annual_rate,
    effective_rate_of, unit_periods_per_year,
};

type Dated = Vec<(NaiveDate, Paise)>;

/// `count` payments of `amount`, the first on `first`.
fn stream(frequency: Frequency, first: &str, count: u32, amount: &str) -> Dated {
    let due = |number| frequency.after(day(first), number).expect("a date");
    (0..count).map(|number| (due(number), rupees(amount))).collect()
}

#[track_caller]
fn assert_apr(net: &str, from: &str, flows: &[Dated], frequency: Frequency, expected: &str) {
    let rate = apr_of_dated(rupees(net), day(from), &flows.concat(), frequency).expect("a rate");
    assert_eq!(rate.to_string(), expected);
}

const FOUR_WEEKS: Frequency = Frequency::EveryDays(28);

// US 12 CFR 1026, Appendix J (c)(1), with its dates.
#[test]
fn regulation_z_regular_payments_by_date() {
    let of = |net, from, frequency, first, count, amount, expected| {
        assert_apr(net, from, &[stream(frequency, first, count, amount)], frequency, expected);
    };
    of("5000", "1978-01-10", Frequency::Monthly, "1978-02-10", 24, "230", "9.69");
    of("6000", "1978-02-10", Frequency::Monthly, "1978-04-01", 36, "200", "11.82");
    of("10000", "1978-05-23", Frequency::Quarterly, "1978-10-01", 40, "385", "8.97");
    of("500", "1978-03-20", Frequency::Weekly, "1978-04-21", 30, "17.60", "14.96");
}

// US 12 CFR 1026, Appendix J (c)(2) to (4): odd first and last payments.
#[test]
fn regulation_z_odd_payments_by_date() {
    let once = |on: &str, amount: &str| vec![(day(on), rupees(amount))];
    let months = |first: &str, count| stream(Frequency::Monthly, first, count, "230");
    let of = |flows: &[Dated], expected| assert_apr("5000", "1978-01-10", flows, Frequency::Monthly, expected);
    of(&[once("1978-02-10", "250"), months("1978-03-10", 23)], "10.08");
    of(&[months("1978-02-10", 23), once("1980-01-10", "280")], "10.50");
    of(&[once("1978-02-10", "250"), months("1978-03-10", 22), once("1980-01-10", "280")], "10.90");
    let every_four_weeks = stream(FOUR_WEEKS, "1978-05-18", 11, "38.31");
    assert_apr("400", "1978-03-18", &[once("1978-04-20", "39.50"), every_four_weeks], FOUR_WEEKS, "28.50");
    let fortnights = stream(Frequency::Fortnightly, "1978-04-11", 19, "9.50");
    assert_apr("200", "1978-04-03", &[fortnights, once("1979-01-02", "30")], Frequency::Fortnightly, "12.22");
}

// US 12 CFR 1026, Appendix J (c)(4)(ii): payments every two months, 52 days before the first.
#[test]
fn regulation_z_every_two_months() {
    let flow = |period, amount| Flow { period, amount: rupees(amount) };
    let regular = (1..=18).map(|period| flow(period, "465"));
    let flows: Vec<Flow> = [flow(0, "449.36")].into_iter().chain(regular).chain([flow(19, "200")]).collect();
    let odd = Decimal::from(52) / Decimal::from(60);
    assert_eq!(apr(rupees("8000"), &flows, odd, Decimal::from(6)).expect("a rate").to_string(), "7.30");
}

// US 12 CFR 1026, Appendix J (c)(5): one advance, one payment.
#[test]
fn regulation_z_single_payments() {
    let of = |from, on: &str, amount, expected| {
        assert_apr("1000", from, &[vec![(day(on), rupees(amount))]], Frequency::Monthly, expected);
    };
    of("1978-01-03", "1978-09-15", "1080", "11.45");
    of("1978-07-15", "1979-01-15", "1044", "8.80");
    of("1978-01-03", "1979-07-03", "1135.19", "8.76");
    of("1978-01-03", "1980-01-03", "1240", "11.36");
}

// Figures of another implementation of Appendix J, checked there against a spreadsheet.
#[test]
fn long_and_short_first_periods() {
    let of = |net, from, frequency, count, amount, expected| {
        assert_apr(net, from, &[stream(frequency, "2023-11-30", count, amount)], frequency, expected);
    };
    of("1000", "2023-10-26", Frequency::EveryDays(1), 5, "220", "94.15");
    of("1000", "2023-10-28", Frequency::Weekly, 5, "250", "176.52");
    of("1000", "2023-11-23", Frequency::Weekly, 5, "250", "412.40");
    of("1000", "2023-11-24", Frequency::Weekly, 5, "250", "434.30");
    of("1000", "2023-10-26", Frequency::Yearly, 5, "500", "78.34");
    let quarters = |from, expected| {
        let flows = stream(Frequency::Quarterly, "1978-10-01", 40, "385");
        assert_apr("10000", from, &[flows], Frequency::Quarterly, expected);
    };
    quarters("1978-06-23", "9.15");
    quarters("1978-07-23", "9.32");
}

#[test]
fn a_seven_day_loan_counts_days() {
    let once = vec![(day("2026-01-08"), rupees("5500"))];
    assert_apr("5000", "2026-01-01", std::slice::from_ref(&once), Frequency::EveryDays(7), "521.43");
    assert_apr("5000", "2026-01-01", &[once], Frequency::Monthly, "521.43");
}

#[test]
fn the_rows_of_a_schedule_by_date_have_its_apr() {
    let terms = monthly("20000", "15", 24);
    let schedule = plan(&terms);
    let flows: Dated = schedule.rows.iter().map(|row| (row.due_date, row.instalment)).collect();
    let by_date = apr_of_dated(rupees("19600"), terms.disbursed_on, &flows, terms.frequency);
    assert_eq!(by_date, apr_of(&terms, &schedule, rupees("19600")));
}

#[test]
fn a_further_advance_is_a_negative_payment() {
    // 1,000 now and 1,000 after a month at 1 % a month, repaid after two.
    let flows = vec![(day("2026-02-01"), rupees("-1000")), (day("2026-03-01"), rupees("2030.10"))];
    assert_apr("1000", "2026-01-01", &[flows], Frequency::Monthly, "12.00");
}

#[test]
fn dated_payments_without_a_rate_are_refused() {
    let of = |net: &str, flows: &[(&str, &str)]| {
        let flows: Dated = flows.iter().map(|(on, amount)| (day(on), rupees(amount))).collect();
        apr_of_dated(rupees(net), day("2026-01-01"), &flows, Frequency::Monthly)
    };
    assert_eq!(of("0", &[("2026-02-01", "10")]), Err(AprError::NetNotPositive));
    assert_eq!(of("100", &[("2026-02-01", "99")]), Err(AprError::Negative));
    assert_eq!(of("100", &[]), Err(AprError::Negative));
    assert_eq!(of("100", &[("2025-12-31", "200")]), Err(AprError::OutOfRange));
    assert_eq!(of("100", &[("2026-01-01", "200")]), Err(AprError::TooHigh));
    assert_eq!(
        of("100", &[("2026-02-01", "60"), ("2026-03-01", "40")]).map(|rate| rate.to_string()),
        Ok("0.00".into())
    );
}

// COM(1996)79 and Directive 98/7/EC, Annex II, examples 1 to 3: 1,200 after 546 days for 1,000, the same with costs of
// 50, and 600 after one year and after two.
#[test]
fn effective_rates_of_the_directive() {
    let of = |net: &str, flows: &[(&str, &str)]| {
        let flows: Dated = flows.iter().map(|(on, amount)| (day(on), rupees(amount))).collect();
        effective_annual_rate(rupees(net), day("2001-01-01"), &flows)
    };
    let shown = |net, flows: &[(&str, &str)]| of(net, flows).expect("a rate").to_string();
    assert_eq!(shown("1000", &[("2002-07-01", "1200")]), "12.96");
    assert_eq!(shown("950", &[("2002-07-01", "1200")]), "16.90");
    assert_eq!(shown("1000", &[("2002-01-01", "600"), ("2003-01-01", "600")]), "13.07");
    assert_eq!(of("1000", &[("2002-01-01", "1100")]).expect("a rate").percent(), decimal("10"), "exact");
    assert_eq!(shown("1000", &[("2001-01-31", "1000")]), "0.00");
    assert_eq!(of("0", &[("2001-01-31", "1")]), Err(AprError::NetNotPositive));
    assert_eq!(of("1000", &[("2001-01-31", "999.99")]), Err(AprError::Negative));
    assert_eq!(of("1000", &[("2001-01-01", "1200")]), Err(AprError::TooHigh));
    assert_eq!(of("1000", &[("2000-12-31", "1200")]), Err(AprError::OutOfRange));
    // 20 % a day, compounded over a year, is more than any number here holds.
    assert_eq!(of("1000", &[("2001-01-02", "1210")]), Err(AprError::OutOfRange));
}

// The example of Microsoft's documentation of XIRR, on its dates: 37.3362535 %.
#[test]
fn effective_rate_as_in_a_spreadsheet() {
    let flows = [("2008-03-01", "2750"), ("2008-10-30", "4250"), ("2009-02-15", "3250"), ("2009-04-01", "2750")];
    let flows: Dated = flows.iter().map(|(on, amount)| (day(on), rupees(amount))).collect();
    let rate = effective_annual_rate(rupees("10000"), day("2008-01-01"), &flows).expect("a rate");
    assert_eq!(rate.percent().round_dp(4), decimal("37.3363"));
}

/// The same payments have one APR, whether worked out from terms or given with their days (US Regulation Z, Appendix J
/// (b)(5); the figures are Appendix J's way for a single payment).
#[test]
fn a_single_payment_has_one_apr() {
    let terms = ScheduleTerms { disbursed_on: day("2026-01-01"), ..bullet("100000", "18", "2028-01-01") };
    let quarter =
        ScheduleTerms { disbursed_on: day("2026-01-01"), first_due: day("2026-04-01"), ..monthly("100000", "12", 1) };
    for (terms, total, expected) in [(terms, "136000", "16.62"), (quarter, "103000", "12.00")] {
        let schedule = plan(&terms);
        assert_eq!(schedule.total_paid, rupees(total));
        let apr = apr_of(&terms, &schedule, terms.principal).expect("a rate");
        assert_eq!(apr.to_string(), expected);
        let flows: Dated = schedule.rows.iter().map(|row| (row.due_date, row.instalment)).collect();
        assert_eq!(apr_of_dated(terms.principal, terms.disbursed_on, &flows, terms.frequency), Ok(apr));
    }
}

#[test]
fn the_unit_periods_of_a_year_are_those_of_the_rate() {
    let of = |terms: &ScheduleTerms| unit_periods_per_year(terms).expect("periods").round_dp(4);
    let from = |terms| ScheduleTerms { disbursed_on: day("2026-01-01"), ..terms };
    assert_eq!(of(&monthly("20000", "15", 24)), decimal("12"));
    assert_eq!(of(&from(bullet("100000", "18", "2026-04-01"))), decimal("4.0556"), "365/90");
    assert_eq!(of(&from(bullet("100000", "18", "2028-01-01"))), decimal("1"));
    assert_eq!(of(&ScheduleTerms { first_due: day("2024-04-01"), ..monthly("1000", "12", 1) }), decimal("4"));
}

#[test]
fn only_periods_in_days_have_an_effective_rate_beside_the_apr() {
    let of =
        |terms: &ScheduleTerms| effective_rate_of(terms, &plan(terms), terms.principal).map(|rate| rate.to_string());
    assert_eq!(of(&monthly("20000", "15", 24)), None);
    // 1.018 ^ (365 / 73) and (1 + 18 % x 7 / 365) ^ (365 / 7), less 1.
    assert_eq!(of(&bullet("100000", "9", "2024-03-14")), Some("9.33".to_owned()));
    let weekly = every(Frequency::Weekly, DayCount::Actual365, &monthly("50000", "18", 26));
    assert_eq!(of(&weekly), Some("19.68".to_owned()));
}
