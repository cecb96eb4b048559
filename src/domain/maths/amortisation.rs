//! The rows of a schedule: due dates, the regular instalment, the running balance.

use chrono::{Datelike, Months, NaiveDate};
use rust_decimal::Decimal;

use super::day_count::YearFraction;
use super::frequency::{Frequency, Step};
use super::money::Paise;
use super::rate::AnnualRate;
use super::rounding::Rounding;
use super::schedule::{Method, Row, ScheduleError, ScheduleTerms};

/// One period before it has an amount: the day it ends and the part of a year it lasts.
pub(super) struct Period {
    due_date: NaiveDate,
    part: YearFraction,
}

/// The periods of the rows in order, the first from `start`, or `None` when a date does not fit.
pub(super) fn periods(terms: &ScheduleTerms, start: NaiveDate) -> Option<Vec<Period>> {
    let dates = (terms.disbursed_on, terms.first_due);
    let due_dates = match (terms.due_day, terms.frequency.step()) {
        (Some(day), Step::Months(step)) => due_days(terms.first_due, (day, step), terms.installments)?,
        _ => due_dates(terms.frequency, dates, terms.installments)?,
    };
    let mut from = start;
    let mut periods = Vec::with_capacity(due_dates.len());
    for due_date in due_dates {
        let part = terms.day_count.year_fraction(terms.frequency, from, due_date)?;
        periods.push(Period { due_date, part });
        from = due_date;
    }
    Some(periods)
}

/// The due dates of a loan from the day of its disbursal and its first due date on, or `None` when
/// one does not fit in the calendar.
///
/// They are counted from the first due date, except where a short month cut it: disbursed on 31 Jan
/// and due on 28 Feb, the loan keeps the seed day 31 and is next due on 31 Mar (`lending.md` §2.1).
#[must_use]
pub fn due_dates(
    frequency: Frequency,
    (disbursed_on, first_due): (NaiveDate, NaiveDate),
    count: u32,
) -> Option<Vec<NaiveDate>> {
    let interval = frequency.split(disbursed_on, first_due)?;
    let is_cut = seed_day(frequency, (disbursed_on, first_due)).is_some();
    let (anchor, offset) = if is_cut { (disbursed_on, interval.whole) } else { (first_due, 0) };
    (0..count).map(|index| frequency.after(anchor, offset.checked_add(index)?)).collect()
}

/// The day of the month on which a loan is due where the month of its first due date was too short to have it, counted
/// from the disbursal; `None` where no month cut that date.
#[must_use]
pub fn seed_day(frequency: Frequency, (disbursed_on, first_due): (NaiveDate, NaiveDate)) -> Option<u32> {
    let interval = frequency.split(disbursed_on, first_due)?;
    let cut_by_month_end = matches!(frequency.step(), Step::Months(_))
        && interval.odd_days == 0
        && frequency.after(disbursed_on, interval.whole) == Some(first_due)
        && disbursed_on.day() > first_due.day();
    cut_by_month_end.then(|| disbursed_on.day())
}

/// The due dates of a loan that is due on one day of the month, whatever day a short month makes of it.
fn due_days(first_due: NaiveDate, (day, step): (u32, u32), count: u32) -> Option<Vec<NaiveDate>> {
    let first = first_due.with_day(1)?;
    let after_first = |index: u32| {
        let month = first.checked_add_months(Months::new(index.checked_mul(step)?))?;
        (1..=day).rev().find_map(|day| month.with_day(day))
    };
    std::iter::once(Some(first_due)).chain((1..count).map(after_first)).collect()
}

/// The rows of a loan over `periods`, the last of which repays what is left.
///
/// # Errors
///
/// The terms do not amortise, or an amount does not fit.
pub(super) fn amortise(terms: &ScheduleTerms, periods: &[Period]) -> Result<Vec<Row>, ScheduleError> {
    let plan = plan(terms, periods).ok_or(ScheduleError::OutOfRange)?;
    let rows = plan.rows(terms, periods)?;
    let Some(smoother) = plan.smoother(terms, &rows) else {
        return Ok(rows);
    };
    match smoother.rows(terms, periods) {
        Ok(smooth) if last_row_gap(&smooth) < last_row_gap(&rows) => Ok(smooth),
        _ => Ok(rows),
    }
}

/// How many paise the last instalment differs from the one before it.
fn last_row_gap(rows: &[Row]) -> Option<u64> {
    difference_of_last(rows).map(i64::unsigned_abs)
}

fn difference_of_last(rows: &[Row]) -> Option<i64> {
    let [.., before, last] = rows else {
        return None;
    };
    last.instalment.0.checked_sub(before.instalment.0)
}

/// What a regular row, any but the last, pays.
enum Plan {
    Instalment(Paise),
    Principal(Paise),
}

fn plan(terms: &ScheduleTerms, periods: &[Period]) -> Option<Plan> {
    let principal = Decimal::from(terms.principal.0);
    match terms.method {
        Method::EqualInstalment | Method::Bullet => {
            let annuity = annuity_factor(terms.annual_rate, periods)?;
            terms.rounding.apply(principal.checked_div(annuity)?).map(Plan::Instalment)
        }
        Method::EqualPrincipal => {
            let share = principal.checked_div(Decimal::from(terms.installments))?;
            terms.rounding.apply(share).map(Plan::Principal)
        }
    }
}

/// Present value of one unit of money paid in each period: the sum of `1 / PROD(1 + f)`.
///
/// The same number as `fn / PROD(1 + f)` in `lending.md` §2.2, in the form whose terms shrink, so
/// that a long schedule at a high rate does not overflow.
fn annuity_factor(rate: AnnualRate, periods: &[Period]) -> Option<Decimal> {
    let mut discount = Decimal::ONE;
    let mut sum = Decimal::ZERO;
    for period in periods {
        let growth = Decimal::ONE.checked_add(rate.factor(period.part)?)?;
        discount = discount.checked_div(growth)?;
        sum = sum.checked_add(discount)?;
    }
    Some(sum)
}

impl Plan {
    fn rows(&self, terms: &ScheduleTerms, periods: &[Period]) -> Result<Vec<Row>, ScheduleError> {
        let mut opening = terms.principal;
        let mut rows = Vec::with_capacity(periods.len());
        for (number, period) in (1_u32..).zip(periods) {
            let interest = row_interest(terms, opening, period.part).ok_or(ScheduleError::OutOfRange)?;
            let principal =
                if number == terms.installments { opening } else { self.regular_principal(number, opening, interest)? };
            let row = Row::new(number, period.due_date, opening, principal, interest);
            let row = row.ok_or(ScheduleError::OutOfRange)?;
            opening = row.closing;
            rows.push(row);
        }
        Ok(rows)
    }

    /// The plan with the difference of the last row spread over all rows, when it is more than
    /// half a paisa for each (`lending.md` §2.1, smoothing).
    ///
    /// Only for instalments in paise: a product that bills whole rupees wants them whole.
    fn smoother(&self, terms: &ScheduleTerms, rows: &[Row]) -> Option<Self> {
        let (Self::Instalment(instalment), Rounding::PaiseHalfUp | Rounding::PaiseHalfEven) = (self, terms.rounding)
        else {
            return None;
        };
        let difference = difference_of_last(rows)?;
        if difference.unsigned_abs() <= u64::from(terms.installments / 2) {
            return None;
        }
        let share = Decimal::from(difference).checked_div(Decimal::from(terms.installments))?;
        let smooth = Decimal::from(instalment.0).checked_add(share)?;
        terms.rounding.apply(smooth).map(Self::Instalment)
    }

    fn regular_principal(&self, number: u32, opening: Paise, interest: Paise) -> Result<Paise, ScheduleError> {
        let principal = match self {
            Self::Instalment(instalment) => instalment.checked_sub(interest).ok_or(ScheduleError::OutOfRange)?,
            Self::Principal(principal) => *principal,
        };
        if !principal.is_positive() {
            return Err(ScheduleError::NotAmortising { number });
        }
        if principal >= opening {
            return Err(ScheduleError::RepaidEarly { number });
        }
        Ok(principal)
    }
}

/// Interest of a row that bears `part` of a year, as the product rounds it.
pub(super) fn row_interest(terms: &ScheduleTerms, opening: Paise, part: YearFraction) -> Option<Paise> {
    terms.row_interest_rounding().apply(terms.annual_rate.exact_interest(opening, part)?)
}
