//! The rows after a part prepayment.

use chrono::{Days, NaiveDate};
use proptest::prelude::*;

use super::properties::terms as any_terms;
use super::support::{bullet, day, monthly, plan, rupees};
use crate::domain::maths::{
    DayCount, FirstPeriod, Method, Paise, Prepayment, PrepaymentMode, Rounding, Row, ScheduleError, ScheduleTerms,
    accrued_interest, after_prepayment, schedule,
};

/// The rows after `paid` on `on`, in the period of the row with index `next`.
fn prepaid(terms: &ScheduleTerms, next: usize, prepayment: Prepayment) -> Result<Vec<Row>, ScheduleError> {
    let rows = plan(terms).rows;
    let from = if next == 0 { terms.disbursed_on } else { rows[next - 1].due_date };
    after_prepayment(terms, &rows, next, (from, &[]), prepayment)
}

fn pay(paid: &str, on: &str, mode: PrepaymentMode) -> Prepayment {
    Prepayment { paid: rupees(paid), on: day(on), mode }
}

#[test]
fn the_running_row_bears_interest_day_by_day() {
    let terms = ScheduleTerms { day_count: DayCount::Actual365, ..monthly("120000", "18", 12) };
    let rows = prepaid(&terms, 0, pay("20000", "2024-01-11", PrepaymentMode::ReduceCount)).expect("rows");
    // 120000 for 10 days and 100000 for 21: 591.7808 + 1035.6164.
    assert_eq!(rows[0].interest, rupees("1627.40"));
    assert_eq!((rows[0].number, rows[0].opening), (1, rupees("100000")));
}

#[test]
fn fewer_instalments_of_the_same_amount() {
    let terms = monthly("20000", "15", 24);
    let rows = prepaid(&terms, 6, pay("5000", "2024-07-11", PrepaymentMode::ReduceCount)).expect("rows");
    let old = plan(&terms);
    assert_eq!((rows[0].number, rows[0].due_date), (7, day("2024-08-01")));
    assert!(rows.len() < 18);
    assert!(rows.iter().rev().skip(1).all(|row| row.instalment == old.instalment));
    assert!(rows.last().expect("a row").instalment <= old.instalment);
}

#[test]
fn smaller_instalments_on_the_same_dates() {
    let terms = monthly("20000", "15", 24);
    let rows = prepaid(&terms, 6, pay("5000", "2024-07-01", PrepaymentMode::ReduceInstalment)).expect("rows");
    let dates = |rows: &[Row]| rows.iter().map(|row| row.due_date).collect::<Vec<_>>();
    assert_eq!(dates(&rows), dates(&plan(&terms).rows[6..]));
    // Paid on the first day of a period: the annuity of the balance over the 18 rows left.
    let anew = ScheduleTerms { principal: rows[0].opening, installments: 18, ..terms };
    assert_eq!(rows[0].instalment, plan(&anew).instalment);
    assert!(rows.iter().rev().skip(1).all(|row| row.instalment == rows[0].instalment));
}

#[test]
fn a_prepayment_of_nothing_changes_nothing() {
    let terms = monthly("12000", "24", 4);
    let rows = prepaid(&terms, 1, pay("0", "2024-02-10", PrepaymentMode::ReduceCount));
    assert_eq!(rows, Ok(plan(&terms).rows[1..].to_vec()));
}

#[test]
fn a_row_whose_interest_is_above_the_new_instalment_pays_only_that() {
    let terms = monthly("100000", "24", 24);
    let rows = prepaid(&terms, 0, pay("98000", "2024-01-31", PrepaymentMode::ReduceInstalment)).expect("rows");
    assert_eq!((rows[0].principal, rows[0].instalment), (Paise::ZERO, rows[0].interest));
    assert_eq!(rows.len(), 24);
    assert!(rows[1].principal.is_positive());
}

#[test]
fn equal_principal_keeps_or_divides_its_share() {
    let terms = ScheduleTerms { method: Method::EqualPrincipal, ..monthly("12000", "12", 12) };
    let fewer = prepaid(&terms, 2, pay("2500", "2024-03-01", PrepaymentMode::ReduceCount)).expect("rows");
    assert_eq!(fewer.iter().map(|row| row.principal).collect::<Vec<_>>(), {
        let mut shares = vec![rupees("1000"); 7];
        shares.push(rupees("500"));
        shares
    });
    let smaller = prepaid(&terms, 2, pay("2500", "2024-03-01", PrepaymentMode::ReduceInstalment)).expect("rows");
    assert!(smaller.iter().all(|row| row.principal == rupees("750")));
}

#[test]
fn a_bullet_falls_due_with_less() {
    let terms = bullet("100000", "18", "2024-03-31");
    for mode in [PrepaymentMode::ReduceCount, PrepaymentMode::ReduceInstalment] {
        let rows = prepaid(&terms, 0, pay("40000", "2024-02-15", mode)).expect("rows");
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].principal, rupees("60000"));
        // 100000 for 45 days and 60000 for 45.
        assert_eq!(rows[0].interest, rupees("3550.68"));
    }
}

#[test]
fn two_prepayments_in_one_period() {
    let terms = ScheduleTerms { day_count: DayCount::Actual365, ..monthly("120000", "18", 12) };
    let first = prepaid(&terms, 0, pay("20000", "2024-01-11", PrepaymentMode::ReduceCount)).expect("rows");
    let second = pay("10000", "2024-01-21", PrepaymentMode::ReduceCount);
    let earlier = [(day("2024-01-11"), rupees("20000"))];
    let rows = after_prepayment(&terms, &first, 0, (terms.disbursed_on, &earlier), second).expect("rows");
    // 120000 for 10 days, 100000 for 10 and 90000 for 11.
    assert_eq!(rows[0].interest, rupees("1573.15"));
    assert_eq!(rows[0].opening, rupees("90000"));
}

#[test]
fn what_leaves_no_rows_is_refused() {
    let terms = monthly("12000", "24", 4);
    let mode = PrepaymentMode::ReduceCount;
    let refused = |next, paid, terms: &ScheduleTerms| prepaid(terms, next, pay(paid, "2024-01-10", mode));
    assert_eq!(refused(0, "12000", &terms), Err(ScheduleError::PrincipalNotPositive));
    assert_eq!(refused(0, "-1", &terms), Err(ScheduleError::OutOfRange));
    assert_eq!(refused(4, "1", &terms), Err(ScheduleError::OutOfRange));
    let coarse = ScheduleTerms { rounding: Rounding::MultipleOf(rupees("3000")), ..monthly("12000", "24", 5) };
    let paid = pay("10000", "2024-01-01", PrepaymentMode::ReduceInstalment);
    assert_eq!(prepaid(&coarse, 0, paid), Err(ScheduleError::NotAmortising { number: 2 }));
}

#[test]
fn modes_are_words_in_json() {
    let word = |mode| serde_json::to_string(&mode).expect("json");
    assert_eq!(word(PrepaymentMode::ReduceCount), "\"REDUCE_COUNT\"");
    assert_eq!(word(PrepaymentMode::ReduceInstalment), "\"REDUCE_EPI\"");
}

fn dates(rows: &[Row]) -> Vec<NaiveDate> {
    rows.iter().map(|row| row.due_date).collect()
}

proptest! {
    #[test]
    fn rows_after_a_prepayment_repay_what_is_left(
        terms in any_terms(),
        next in 0_usize..60,
        share in 1_i64..1000,
        days in 0_u64..200,
        shrink in any::<bool>(),
    ) {
        let Ok(schedule) = schedule(&terms) else { return Ok(()) };
        let Some(running) = schedule.rows.get(next) else { return Ok(()) };
        let from = if next == 0 { terms.disbursed_on } else { schedule.rows[next - 1].due_date };
        let paid = Paise(running.opening.0 * share / 1000);
        let on = (from + Days::new(days)).min(running.due_date);
        let mode = if shrink { PrepaymentMode::ReduceInstalment } else { PrepaymentMode::ReduceCount };
        let rows = match after_prepayment(&terms, &schedule.rows, next, (from, &[]), Prepayment { paid, on, mode }) {
            Ok(rows) => rows,
            Err(refusal) => {
                prop_assert!(shrink && matches!(refusal, ScheduleError::NotAmortising { .. }), "{}", refusal);
                return Ok(());
            }
        };
        let mut balance = Paise(running.opening.0 - paid.0);
        for (number, row) in (running.number..).zip(&rows) {
            prop_assert_eq!((row.number, row.opening), (number, balance));
            prop_assert!(row.principal >= Paise::ZERO && row.interest >= Paise::ZERO);
            prop_assert_eq!(row.principal.checked_add(row.interest), Some(row.instalment));
            prop_assert_eq!(row.opening.checked_sub(row.principal), Some(row.closing));
            balance = row.closing;
        }
        prop_assert_eq!(balance, Paise::ZERO);
        prop_assert!(dates(&schedule.rows[next..]).starts_with(&dates(&rows)));
        prop_assert!(rows[0].interest <= running.interest);
    }

    #[test]
    fn the_running_interest_is_that_of_both_balances(
        terms in any_terms(),
        share in 1_i64..1000,
        days in 0_u64..200,
    ) {
        let terms = ScheduleTerms { first_period: FirstPeriod::Stretch, rounding: Rounding::PaiseHalfUp, ..terms };
        let Ok(schedule) = schedule(&terms) else { return Ok(()) };
        let period = (terms.disbursed_on, schedule.rows[0].due_date);
        let paid = Paise(terms.principal.0 * share / 1000);
        let on = (period.0 + Days::new(days)).min(period.1);
        let prepayment = Prepayment { paid, on, mode: PrepaymentMode::ReduceCount };
        let rows = after_prepayment(&terms, &schedule.rows, 0, (period.0, &[]), prepayment).expect("rows");
        let accrued = |balance, on| accrued_interest(&terms, period, balance, on).expect("in range").0;
        let left = Paise(terms.principal.0 - paid.0);
        let daily = accrued(terms.principal, on) + accrued(left, period.1) - accrued(left, on);
        prop_assert!((rows[0].interest.0 - daily).abs() <= 2);
    }
}
