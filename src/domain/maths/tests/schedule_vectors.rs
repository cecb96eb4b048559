//! Schedules of other systems and of the regulator, taken over figure by figure.

use super::support::{bullet, day, every, monthly, plan, rupees};
use crate::domain::maths::{DayCount, Frequency, Method, Paise, Rounding, Schedule, ScheduleTerms};

/// Instalment, interest, principal and balance of each row, in rupees.
type Expected<'a> = &'a [[&'a str; 4]];

#[track_caller]
fn assert_rows(terms: &ScheduleTerms, expected: Expected<'_>) {
    let actual: Vec<[Paise; 4]> =
        plan(terms).rows.iter().map(|row| [row.instalment, row.interest, row.principal, row.closing]).collect();
    let expected: Vec<[Paise; 4]> = expected.iter().map(|row| row.map(rupees)).collect();
    assert_eq!(actual, expected);
}

fn last_instalment(schedule: &Schedule) -> Paise {
    schedule.rows.last().expect("a row").instalment
}

// Apache Fineract, ProgressiveEMICalculatorTest#CheckEmiButNewEmiNotBetterThanOriginal.
#[test]
fn fineract_monthly_actual_365() {
    let terms = every(Frequency::Monthly, DayCount::Actual365, &monthly("100", "15.678", 6));
    assert_rows(
        &terms,
        &[
            ["17.43", "1.33", "16.10", "83.90"],
            ["17.43", "1.05", "16.38", "67.52"],
            ["17.43", "0.90", "16.53", "50.99"],
            ["17.43", "0.66", "16.77", "34.22"],
            ["17.43", "0.46", "16.97", "17.25"],
            ["17.47", "0.22", "17.25", "0"],
        ],
    );
}

// Apache Fineract, ProgressiveEMICalculatorTest#disbursedAmt100_dayInYears360_daysInMonth30_repayEvery1Month.
#[test]
fn fineract_monthly_30_360() {
    assert_rows(
        &monthly("100", "9.4822", 6),
        &[
            ["17.13", "0.79", "16.34", "83.66"],
            ["17.13", "0.66", "16.47", "67.19"],
            ["17.13", "0.53", "16.60", "50.59"],
            ["17.13", "0.40", "16.73", "33.86"],
            ["17.13", "0.27", "16.86", "17"],
            ["17.13", "0.13", "17", "0"],
        ],
    );
}

// Apache Fineract, ProgressiveEMICalculatorTest#disbursedAmt100_dayInYearsActual_daysInMonthActual_repayEvery1Month.
#[test]
fn fineract_monthly_actual_actual_across_a_leap_year() {
    let terms = ScheduleTerms { disbursed_on: day("2023-12-12"), ..monthly("100", "9.4822", 6) };
    assert_rows(
        &every(Frequency::Monthly, DayCount::ActualActual, &terms),
        &[
            ["17.13", "0.80", "16.33", "83.67"],
            ["17.13", "0.67", "16.46", "67.21"],
            ["17.13", "0.50", "16.63", "50.58"],
            ["17.13", "0.41", "16.72", "33.86"],
            ["17.13", "0.26", "16.87", "16.99"],
            ["17.13", "0.14", "16.99", "0"],
        ],
    );
}

// Apache Fineract, ProgressiveEMICalculatorTest#dayInYears364_repayEvery1Week.
#[test]
fn fineract_weekly_364() {
    let terms = every(Frequency::Weekly, DayCount::Actual364, &monthly("100", "9.4822", 6));
    let expected: Expected<'_> = &[
        ["16.77", "0.18", "16.59", "83.41"],
        ["16.77", "0.15", "16.62", "66.79"],
        ["16.77", "0.12", "16.65", "50.14"],
        ["16.77", "0.09", "16.68", "33.46"],
        ["16.77", "0.06", "16.71", "16.75"],
        ["16.78", "0.03", "16.75", "0"],
    ];
    assert_rows(&terms, expected);
    assert_rows(&ScheduleTerms { day_count: DayCount::Thirty360, ..terms }, expected);
}

// Apache Fineract, ProgressiveEMICalculatorTest#disbursedAmt100_dayInYears364_daysInMonthActual_repayEvery2Week.
#[test]
fn fineract_fortnightly_364() {
    let terms = every(Frequency::Fortnightly, DayCount::Actual364, &monthly("100", "9.4822", 3));
    assert_rows(
        &terms,
        &[["33.57", "0.36", "33.21", "66.79"], ["33.57", "0.24", "33.33", "33.46"], ["33.58", "0.12", "33.46", "0"]],
    );
}

// Apache Fineract, ProgressiveEMICalculatorTest#dayInYears360_repayEvery15Days.
#[test]
fn fineract_every_15_days_360() {
    let terms = every(Frequency::EveryDays(15), DayCount::Actual360, &monthly("100", "9.4822", 6));
    assert_rows(
        &terms,
        &[
            ["16.90", "0.40", "16.50", "83.50"],
            ["16.90", "0.33", "16.57", "66.93"],
            ["16.90", "0.26", "16.64", "50.29"],
            ["16.90", "0.20", "16.70", "33.59"],
            ["16.90", "0.13", "16.77", "16.82"],
            ["16.89", "0.07", "16.82", "0"],
        ],
    );
}

// Apache Fineract, ProgressiveEMICalculatorTest#disbursedAmt1000_NoInterest.
#[test]
fn fineract_without_interest() {
    assert_rows(
        &monthly("1000", "0", 4),
        &[["250", "0", "250", "750"], ["250", "0", "250", "500"], ["250", "0", "250", "250"], ["250", "0", "250", "0"]],
    );
}

// Apache Fineract, Loan.feature "Early pay-off loan with interest, TILL_PRECLOSE product".
#[test]
fn fineract_seven_percent() {
    assert_rows(
        &monthly("100", "7", 6),
        &[
            ["17.01", "0.58", "16.43", "83.57"],
            ["17.01", "0.49", "16.52", "67.05"],
            ["17.01", "0.39", "16.62", "50.43"],
            ["17.01", "0.29", "16.72", "33.71"],
            ["17.01", "0.20", "16.81", "16.90"],
            ["17.00", "0.10", "16.90", "0"],
        ],
    );
}

// Apache Fineract, ClientLoanIntegrationTest#verifyLoanRepaymentSchedule: 2 % a month.
#[test]
fn fineract_two_percent_a_month() {
    let terms = ScheduleTerms { disbursed_on: day("2011-09-20"), ..monthly("12000", "24", 4) };
    assert_rows(
        &every(Frequency::Monthly, DayCount::Thirty360, &terms),
        &[
            ["3151.49", "240", "2911.49", "9088.51"],
            ["3151.49", "181.77", "2969.72", "6118.79"],
            ["3151.49", "122.38", "3029.11", "3089.68"],
            ["3151.47", "61.79", "3089.68", "0"],
        ],
    );
}

// Apache Fineract, ClientLoanIntegrationTest#verifyLoanRepaymentScheduleForEqualPrincipal.
#[test]
fn fineract_equal_principal_in_multiples_of_100() {
    let terms = ScheduleTerms {
        method: Method::EqualPrincipal,
        rounding: Rounding::MultipleOf(Paise::from_rupees(100)),
        ..monthly("10000000", "24", 24)
    };
    let schedule = plan(&terms);
    let expected = [
        (1, "416700", "200000"),
        (2, "416700", "191700"),
        (3, "416700", "183300"),
        (4, "416700", "175000"),
        (24, "415900", "8300"),
    ];
    for (number, principal, interest) in expected {
        let row = schedule.rows.iter().find(|row| row.number == number).expect("the row");
        assert_eq!((row.principal, row.interest), (rupees(principal), rupees(interest)), "row {number}");
    }
}

// RBI/2024-25/18 of 15 Apr 2024, Annex C: opening, principal, interest and instalment. As published are
// the first three and the last, the others from the same unrounded run in `lending.md` §1.3.
const RBI_ANNEX_C: [[i64; 4]; 24] = [
    [20000, 720, 250, 970],
    [19280, 729, 241, 970],
    [18552, 738, 232, 970],
    [17814, 747, 223, 970],
    [17067, 756, 213, 970],
    [16310, 766, 204, 970],
    [15544, 775, 194, 970],
    [14769, 785, 185, 970],
    [13984, 795, 175, 970],
    [13189, 805, 165, 970],
    [12384, 815, 155, 970],
    [11569, 825, 145, 970],
    [10744, 835, 134, 970],
    [9909, 846, 124, 970],
    [9063, 856, 113, 970],
    [8206, 867, 103, 970],
    [7339, 878, 92, 970],
    [6461, 889, 81, 970],
    [5572, 900, 70, 970],
    [4672, 911, 58, 970],
    [3761, 923, 47, 970],
    [2838, 934, 35, 970],
    [1904, 946, 24, 970],
    [958, 958, 12, 970],
];

#[test]
fn rbi_annex_c_shows_the_paise_ledger_in_whole_rupees() {
    let shown: Vec<[Paise; 4]> = plan(&monthly("20000", "15", 24))
        .rows
        .iter()
        .map(|row| [row.opening, row.principal, row.interest, row.instalment].map(whole_rupees))
        .collect();
    assert_eq!(shown, RBI_ANNEX_C.map(|row| row.map(Paise::from_rupees)));
}

fn whole_rupees(amount: Paise) -> Paise {
    Rounding::RupeeHalfUp.apply(amount.0.into()).expect("in range")
}

#[test]
fn rbi_loan_in_paise_ends_with_the_difference_in_the_last_instalment() {
    let schedule = plan(&monthly("20000", "15", 24));
    assert_eq!(schedule.instalment, rupees("969.73"));
    assert_eq!(last_instalment(&schedule), rupees("969.79"));
    assert_eq!(schedule.total_interest, rupees("3273.58"));
    assert_eq!(schedule.total_paid, rupees("23273.58"));
}

#[test]
fn rbi_loan_in_whole_rupees_ends_with_the_difference_in_the_last_instalment() {
    let terms = ScheduleTerms { rounding: Rounding::RupeeHalfUp, ..monthly("20000", "15", 24) };
    let schedule = plan(&terms);
    assert_eq!(schedule.instalment, rupees("970"));
    assert_eq!(last_instalment(&schedule), rupees("962.56"));
    assert_eq!(schedule.total_interest, rupees("3272.56"));
}

// Check numbers of `lending.md` §2.2.
#[test]
fn weekly_instalment_depends_on_the_day_count() {
    let terms = monthly("50000", "18", 26);
    let exact_weeks = every(Frequency::Weekly, DayCount::Thirty360, &terms);
    let days = every(Frequency::Weekly, DayCount::Actual365, &terms);
    assert_eq!(plan(&exact_weeks).instalment, rupees("2014.24"));
    assert_eq!(plan(&days).instalment, rupees("2013.98"));
}

#[test]
fn daily_instalment() {
    let terms = every(Frequency::EveryDays(1), DayCount::Actual365, &monthly("100000", "24", 100));
    assert_eq!(plan(&terms).instalment, rupees("1033.57"));
}

#[test]
fn bullet_pays_once_with_the_interest_of_its_days() {
    for (due, interest) in [("2024-02-15", "2219.18"), ("2024-03-31", "4438.36")] {
        let schedule = plan(&bullet("100000", "18", due));
        assert_eq!(schedule.rows.len(), 1);
        assert_eq!(schedule.total_interest, rupees(interest));
        assert_eq!(schedule.instalment, rupees("100000").checked_add(rupees(interest)).expect("fits"));
    }
}

#[test]
fn a_single_instalment_pays_all_and_an_exact_amount_is_not_lifted_by_ceiling() {
    let terms = ScheduleTerms { rounding: Rounding::RupeeCeil, ..monthly("100000", "12", 1) };
    assert_eq!(plan(&terms).instalment, rupees("101000"));
}

// Spec lending 2.3: disbursed 15 Jan, first due 5 Mar, 49 days in the first row.
#[test]
fn long_first_period_bears_its_days_and_the_instalment_is_stretched() {
    let terms = ScheduleTerms {
        disbursed_on: day("2026-01-15"),
        first_due: day("2026-03-05"),
        day_count: DayCount::Actual365,
        ..monthly("300000", "18", 12)
    };
    let schedule = plan(&terms);
    assert_eq!(schedule.rows.first().expect("a row").interest, rupees("7249.32"));
    assert!(schedule.instalment > rupees("27504.00"));
    let regular: Vec<Paise> = schedule.rows.iter().rev().skip(1).map(|row| row.instalment).collect();
    assert!(regular.iter().all(|instalment| *instalment == schedule.instalment));
}

#[test]
fn long_first_period_in_30_360_counts_a_whole_month_and_its_odd_days() {
    let terms =
        ScheduleTerms { disbursed_on: day("2026-01-15"), first_due: day("2026-03-05"), ..monthly("300000", "18", 12) };
    // 300000 * 18 % * (30 + 21) / 360
    assert_eq!(plan(&terms).rows.first().expect("a row").interest, rupees("7650"));
}
