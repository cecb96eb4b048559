//! Terms that have no schedule, each with its own reason.

use chrono::NaiveDate;

use super::support::{bullet, day, every, monthly, rupees};
use crate::domain::maths::{DayCount, Frequency, Method, Paise, Rounding, ScheduleError, ScheduleTerms, schedule};

#[track_caller]
fn assert_refused(terms: &ScheduleTerms, reason: ScheduleError) {
    assert_eq!(schedule(terms), Err(reason));
}

#[test]
fn no_principal() {
    assert_refused(&monthly("0", "12", 12), ScheduleError::PrincipalNotPositive);
    assert_refused(&monthly("-100", "12", 12), ScheduleError::PrincipalNotPositive);
}

#[test]
fn too_few_or_too_many_instalments() {
    assert_refused(&monthly("1000", "12", 0), ScheduleError::NoInstallments);
    assert_refused(&monthly("1000", "12", 601), ScheduleError::TooManyInstallments);
    assert!(schedule(&monthly("100000", "12", 600)).is_ok());
    let bullet = ScheduleTerms { installments: 2, ..bullet("1000", "12", "2024-06-01") };
    assert_refused(&bullet, ScheduleError::BulletInstallments);
}

#[test]
fn first_due_not_after_the_disbursal() {
    let terms = monthly("1000", "12", 12);
    for first_due in ["2024-01-01", "2023-12-31"] {
        let terms = ScheduleTerms { first_due: day(first_due), ..terms.clone() };
        assert_refused(&terms, ScheduleError::FirstDueNotAfterDisbursal);
    }
}

#[test]
fn periods_and_multiples_of_nothing() {
    let terms = monthly("1000", "12", 12);
    let no_days = ScheduleTerms { frequency: Frequency::EveryDays(0), ..terms.clone() };
    assert_refused(&no_days, ScheduleError::EmptyPeriod);
    let no_unit = ScheduleTerms { rounding: Rounding::MultipleOf(Paise::ZERO), ..terms };
    assert_refused(&no_unit, ScheduleError::RoundingUnit);
}

#[test]
fn instalment_rounded_below_its_interest() {
    let unit = Rounding::MultipleOf(rupees("5000"));
    let terms = ScheduleTerms { rounding: unit, ..monthly("10000", "12", 12) };
    assert_refused(&terms, ScheduleError::NotAmortising { number: 1 });
}

#[test]
fn moratorium_whose_interest_exceeds_the_stretched_instalment() {
    let terms = ScheduleTerms { first_due: day("2034-02-01"), ..monthly("100000", "24", 120) };
    assert_refused(&terms, ScheduleError::NotAmortising { number: 1 });
}

#[test]
fn rounding_that_repays_too_early() {
    let terms = ScheduleTerms { rounding: Rounding::RupeeCeil, ..monthly("100", "0", 360) };
    assert_refused(&terms, ScheduleError::RepaidEarly { number: 100 });
}

#[test]
fn amounts_and_dates_out_of_range() {
    let huge = ScheduleTerms { principal: Paise(i64::MAX), ..bullet("1", "200", "2025-01-01") };
    assert_refused(&huge, ScheduleError::OutOfRange);
    let yearly = every(Frequency::Yearly, DayCount::Actual365, &monthly("1000", "12", 12));
    let late = ScheduleTerms {
        disbursed_on: NaiveDate::MAX.pred_opt().expect("a day"),
        first_due: NaiveDate::MAX,
        method: Method::EqualPrincipal,
        ..yearly
    };
    assert_refused(&late, ScheduleError::OutOfRange);
}
