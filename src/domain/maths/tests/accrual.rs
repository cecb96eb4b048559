//! Interest between due dates, cooling-off exits and charges.

use chrono::Days;
use proptest::prelude::*;
use rust_decimal::{Decimal, RoundingStrategy};

use super::properties::terms as any_terms;
use super::support::{bullet, day, decimal, monthly, plan, rupees};
use crate::domain::maths::{
    DayCount, FirstPeriod, Paise, ScheduleTerms, accrued_interest, cooling_off_interest, percent_of, schedule,
    simple_charge,
};

fn accrued(terms: &ScheduleTerms, period: (&str, &str), balance: &str, on: &str) -> Paise {
    accrued_interest(terms, (day(period.0), day(period.1)), rupees(balance), day(on)).expect("in range")
}

// Apache Fineract, Loan.feature "Early pay-off loan with interest, TILL_PRECLOSE product": 14 of 29 days.
#[test]
fn fineract_foreclosure_inside_a_month() {
    let terms = monthly("100", "7", 6);
    let interest = accrued(&terms, ("2024-02-01", "2024-03-01"), "83.57", "2024-02-15");
    assert_eq!(interest, rupees("0.24"));
    assert_eq!(rupees("83.57").checked_add(interest), Some(rupees("83.81")));
    // The same story at the rest date pays the whole month.
    let rest = accrued(&terms, ("2024-02-01", "2024-03-01"), "83.57", "2024-03-01");
    assert_eq!(rupees("83.57").checked_add(rest), Some(rupees("84.06")));
}

// Spec lending 2.5: RBI's loan after six instalments, ten days on.
#[test]
fn foreclosure_by_actual_days() {
    let terms = ScheduleTerms { day_count: DayCount::Actual365, ..monthly("20000", "15", 24) };
    let ten_days = |terms: &ScheduleTerms| accrued(terms, ("2024-07-01", "2024-08-01"), "15544.39", "2024-07-11");
    assert_eq!(ten_days(&terms), rupees("63.88"));
    assert_eq!(ten_days(&ScheduleTerms { day_count: DayCount::Actual360, ..terms }), rupees("64.77"));
}

#[test]
fn a_day_outside_the_period_is_its_nearer_end() {
    let terms = bullet("100000", "18", "2024-02-15");
    let period = ("2024-01-01", "2024-02-15");
    assert_eq!(accrued(&terms, period, "100000", "2023-12-01"), Paise::ZERO);
    assert_eq!(accrued(&terms, period, "100000", "2024-06-01"), rupees("2219.18"));
    assert_eq!(accrued_interest(&terms, (day(period.1), day(period.0)), rupees("1"), day(period.1)), None);
}

#[test]
fn odd_days_accrue_first_or_are_paid_already() {
    let terms = ScheduleTerms {
        disbursed_on: day("2026-01-15"),
        first_due: day("2026-03-05"),
        first_period: FirstPeriod::AddToFirst,
        odd_day_count: Some(DayCount::Actual365),
        ..monthly("300000", "18", 12)
    };
    let period = ("2026-01-15", "2026-03-05");
    assert_eq!(accrued(&terms, period, "300000", "2026-02-05"), rupees("3106.85"));
    // 14 of the 28 days from 5 Feb to 5 Mar: half of a month's 4,500.
    assert_eq!(accrued(&terms, period, "300000", "2026-02-19"), rupees("5356.85"));
    assert_eq!(accrued(&terms, period, "300000", "2026-03-05"), plan(&terms).rows[0].interest);
    let upfront = ScheduleTerms { first_period: FirstPeriod::Upfront, ..terms };
    assert_eq!(accrued(&upfront, period, "300000", "2026-02-05"), Paise::ZERO);
    assert_eq!(accrued(&upfront, period, "300000", "2026-02-19"), rupees("2250"));
}

// Spec lending 2.5: 20,000 for two days at the APR of RBI's illustration and at its contract rate.
#[test]
fn cooling_off() {
    assert_eq!(cooling_off_interest(rupees("20000"), &[], decimal("17.07"), 2), Some(rupees("18.71")));
    assert_eq!(cooling_off_interest(rupees("20000"), &[], decimal("15"), 2), Some(rupees("16.44")));
    assert_eq!(cooling_off_interest(rupees("20000"), &[], decimal("15"), 0), Some(Paise::ZERO));
}

#[test]
fn charges_round_half_a_paisa_up() {
    assert_eq!(simple_charge(rupees("970"), decimal("24"), 10), Some(rupees("6.38")));
    // 0.005 of a rupee exactly.
    assert_eq!(percent_of(rupees("0.50"), decimal("1")), Some(rupees("0.01")));
    assert_eq!(percent_of(rupees("500"), decimal("18")), Some(rupees("90")));
}

#[test]
fn negative_or_huge_charges_are_none() {
    assert_eq!(simple_charge(rupees("100"), decimal("24"), -1), None);
    assert_eq!(simple_charge(rupees("-100"), decimal("24"), 1), None);
    assert_eq!(percent_of(rupees("100"), decimal("-1")), None);
    assert_eq!(percent_of(Paise(i64::MAX), decimal("1000")), None);
    assert_eq!(cooling_off_interest(Paise(i64::MAX), &[], decimal("200"), i64::MAX), None);
}

proptest! {
    /// A percentage with as many decimals as a product may have is rounded as a fee in rupees would be.
    #[test]
    fn a_share_in_paise_is_the_share_in_rupees_to_two_decimals(
        paise in 0_i64..1_000_000_000_000, percent in 0_i64..=10_000_000_000, scale in 0_u32..=8,
    ) {
        let percent = Decimal::new(percent, scale).min(Decimal::ONE_HUNDRED);
        let exact = Decimal::new(paise, 2) * percent / Decimal::ONE_HUNDRED;
        let in_rupees = exact.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
        prop_assert_eq!(percent_of(Paise(paise), percent), Paise::from_rupees_exact(in_rupees));
    }

    #[test]
    fn accrual_reaches_the_interest_of_each_row_on_its_due_date(terms in any_terms()) {
        let Ok(schedule) = schedule(&terms) else { return Ok(()) };
        let mut from = terms.disbursed_on;
        for row in &schedule.rows {
            let accrued = accrued_interest(&terms, (from, row.due_date), row.opening, row.due_date);
            prop_assert_eq!(accrued, Some(row.interest), "row {}", row.number);
            from = row.due_date;
        }
    }

    #[test]
    fn accrual_never_falls(terms in any_terms(), row in 0_usize..60) {
        let Ok(schedule) = schedule(&terms) else { return Ok(()) };
        let Some(row) = schedule.rows.get(row) else { return Ok(()) };
        let before = schedule.rows.iter().take_while(|earlier| earlier.number < row.number).last();
        let from = before.map_or(terms.disbursed_on, |before| before.due_date);
        let mut so_far = Paise::ZERO;
        for on in (0..400).map(|days| from + Days::new(days)) {
            let accrued = accrued_interest(&terms, (from, row.due_date), row.opening, on).expect("in range");
            prop_assert!(accrued >= so_far && accrued <= row.interest, "{}", on);
            so_far = accrued;
        }
    }
}
