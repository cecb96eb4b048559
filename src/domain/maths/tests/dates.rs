//! Due dates, whole and odd periods, parts of a year.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::support::{day, decimal, monthly, plan};
use crate::domain::maths::{DayCount, Frequency, Method, ScheduleTerms, YearFraction};

fn due_dates(disbursed_on: &str, first_due: &str, installments: u32) -> Vec<NaiveDate> {
    let terms = ScheduleTerms {
        disbursed_on: day(disbursed_on),
        first_due: day(first_due),
        ..monthly("100000", "12", installments)
    };
    plan(&terms).rows.iter().map(|row| row.due_date).collect()
}

// Apache Fineract, LoanApplicationScheduleMonthlyTest#validateSeedDate31.
#[test]
fn due_dates_keep_the_seed_day() {
    let dates = due_dates("2022-12-31", "2023-01-31", 14);
    for expected in ["2023-01-31", "2023-02-28", "2023-03-31", "2023-04-30", "2024-02-29"] {
        assert!(dates.contains(&day(expected)), "{expected}");
    }
}

#[test]
fn due_dates_keep_the_day_of_the_disbursal_when_february_cuts_the_first() {
    let expected = ["2023-02-28", "2023-03-31", "2023-04-30"].map(day);
    assert_eq!(due_dates("2023-01-31", "2023-02-28", 3), expected);
}

#[test]
fn due_dates_follow_a_first_due_date_that_is_not_a_whole_period_away() {
    assert_eq!(due_dates("2026-01-15", "2026-03-05", 3), ["2026-03-05", "2026-04-05", "2026-05-05"].map(day));
}

#[test]
fn month_ends_are_whole_months_apart() {
    for (from, until) in [("2023-01-31", "2023-02-28"), ("2023-02-28", "2023-03-31"), ("2024-02-29", "2024-03-29")] {
        let interval = Frequency::Monthly.split(day(from), day(until)).expect("an interval");
        assert_eq!((interval.whole, interval.odd_days), (1, 0), "{from} to {until}");
    }
}

#[test]
fn whole_periods_are_counted_back_from_the_due_date() {
    let interval = Frequency::Monthly.split(day("2026-01-15"), day("2026-03-05")).expect("an interval");
    assert_eq!((interval.whole, interval.odd_days), (1, 21));
    assert_eq!(interval.odd_until, day("2026-02-05"));
    assert_eq!(interval.odd_fraction, decimal("0.7"));
}

#[test]
fn odd_days_of_quarters_and_weeks_are_parts_of_their_own_period() {
    let quarters = Frequency::Quarterly.split(day("1978-05-23"), day("1978-10-01")).expect("an interval");
    assert_eq!((quarters.whole, quarters.odd_days), (1, 39));
    assert_eq!(quarters.odd_fraction, Decimal::from(39) / Decimal::from(90));
    let weeks = Frequency::Weekly.split(day("1978-03-20"), day("1978-04-21")).expect("an interval");
    assert_eq!((weeks.whole, weeks.odd_days), (4, 4));
    assert_eq!(weeks.odd_fraction, Decimal::from(4) / Decimal::from(7));
}

#[test]
fn odd_days_of_a_year_are_months_or_days() {
    let of = |until: &str| Frequency::Yearly.split(day("2023-01-15"), day(until)).expect("an interval");
    assert_eq!(of("2023-07-15").odd_fraction, decimal("0.5"));
    assert_eq!(of("2023-03-29").odd_fraction, decimal("0.2"));
    assert_eq!(of("2025-01-15").whole, 2);
}

#[test]
fn a_period_that_ends_before_it_begins_is_none() {
    let (from, until) = (day("2024-01-02"), day("2024-01-01"));
    assert_eq!(Frequency::Monthly.split(from, until), None);
    assert_eq!(Frequency::EveryDays(0).split(until, from), None);
    assert_eq!(DayCount::Actual365.year_fraction(Frequency::Monthly, from, until), None);
}

#[test]
fn dates_beyond_the_calendar_are_none() {
    assert_eq!(Frequency::Yearly.after(NaiveDate::MAX, 1), None);
    assert_eq!(Frequency::EveryDays(u32::MAX).after(NaiveDate::MIN, u32::MAX), None);
    let all_time = DayCount::ActualActual.year_fraction(Frequency::Monthly, NaiveDate::MIN, NaiveDate::MAX);
    assert!(all_time.is_some());
}

#[test]
fn each_day_count_has_its_own_part_of_a_year() {
    let of = |day_count: DayCount, frequency| {
        let part = day_count.year_fraction(frequency, day("2024-01-31"), day("2024-02-29"));
        let YearFraction { numerator, denominator } = part.expect("a fraction");
        (numerator, denominator)
    };
    assert_eq!(of(DayCount::Thirty360, Frequency::Monthly), (30, 360));
    assert_eq!(of(DayCount::Thirty360, Frequency::EveryDays(29)), (29, 360));
    assert_eq!(of(DayCount::Thirty360, Frequency::Weekly), (29, 364));
    assert_eq!(of(DayCount::Actual365, Frequency::Monthly), (29, 365));
    assert_eq!(of(DayCount::Actual360, Frequency::Monthly), (29, 360));
    assert_eq!(of(DayCount::Actual364, Frequency::Monthly), (29, 364));
    assert_eq!(of(DayCount::ActualActual, Frequency::Monthly), (29, 366));
}

#[test]
fn odd_months_of_a_longer_period_are_whole_and_their_days_counted() {
    let part = DayCount::Thirty360.year_fraction(Frequency::Quarterly, day("1978-05-23"), day("1978-10-01"));
    // A quarter, a month and nine days: 39 odd days as for the APR (US Regulation Z, Appendix J).
    assert_eq!(part, Some(YearFraction { numerator: 129, denominator: 360 }));
}

#[test]
fn days_and_bullets_count_365_where_no_day_count_is_named() {
    let of = |method, frequency| DayCount::usual(method, frequency);
    for frequency in [Frequency::Weekly, Frequency::Fortnightly, Frequency::Monthly, Frequency::Yearly] {
        assert_eq!(of(Method::EqualInstalment, frequency), DayCount::Thirty360);
    }
    assert_eq!(of(Method::EqualPrincipal, Frequency::EveryDays(15)), DayCount::Actual365);
    assert_eq!(of(Method::Bullet, Frequency::Monthly), DayCount::Actual365);
}

#[test]
fn actual_actual_counts_whole_years_once() {
    let part = DayCount::ActualActual.year_fraction(Frequency::Monthly, day("2022-12-31"), day("2025-12-31"));
    assert_eq!(part.and_then(YearFraction::to_decimal), Some(decimal("3")));
}

#[test]
fn a_due_day_is_kept_past_a_short_month() {
    let terms = ScheduleTerms {
        frequency: Frequency::Monthly,
        disbursed_on: day("2027-01-15"),
        first_due: day("2027-02-28"),
        due_day: Some(31),
        ..monthly("100000", "9.25", 5)
    };
    let due = |terms: &ScheduleTerms| plan(terms).rows.iter().map(|row| row.due_date).collect::<Vec<_>>();
    let expected = ["2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31", "2027-06-30"].map(day);
    assert_eq!(due(&terms), expected);
    let counted = ScheduleTerms { due_day: None, ..terms };
    assert_eq!(due(&counted)[1], day("2027-03-28"), "as accepted before there was a due day in it");
}
