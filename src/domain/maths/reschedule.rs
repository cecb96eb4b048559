//! The rows of a loan after a part prepayment (`lending.md` §2.5).

use chrono::NaiveDate;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::accrual::interest_saved;
use super::amortisation::row_interest;
use super::first_period::{FirstPeriod, OddDays};
use super::money::Paise;
use super::schedule::{Method, Row, ScheduleError, ScheduleTerms};

/// What the borrower gets for principal repaid ahead of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum PrepaymentMode {
    /// The instalment stays, the loan ends earlier.
    #[serde(rename = "REDUCE_COUNT")]
    ReduceCount,
    /// The due dates stay, the instalment falls.
    #[serde(rename = "REDUCE_EPI")]
    ReduceInstalment,
}

/// A part prepayment inside the period of a running row.
#[derive(Debug, Clone, Copy)]
pub struct Prepayment {
    /// Principal repaid: more than nothing, less than the running row opens with.
    pub paid: Paise,
    /// The day it was paid; a day outside the running period counts as its nearer end.
    pub on: NaiveDate,
    /// What becomes of the rows.
    pub mode: PrepaymentMode,
}

/// The rows from the running one on, after a prepayment. `rows` are all rows of the loan as they
/// stand, `next` is the index of the running row and `period_from` the day its period began.
///
/// The running row opens with the balance less the amount paid; its interest is that of the old
/// balance until the day of payment and of the new one from it. A second prepayment in the same
/// period takes the rows of the first, and names it in `earlier`. Numbers and due dates continue those of `rows`; the last
/// row repays what is left, and no row is left empty.
///
/// Under [`PrepaymentMode::ReduceInstalment`] the running row pays no principal when its interest,
/// most of it on the old balance, is above the new instalment.
///
/// # Errors
///
/// [`ScheduleError::PrincipalNotPositive`] when nothing would be left: that is a foreclosure.
/// [`ScheduleError::NotAmortising`] when rounding takes the new instalment down to its interest;
/// [`PrepaymentMode::ReduceCount`] always has rows. [`ScheduleError::OutOfRange`] when there is no
/// running row, the amount paid is negative, or a number does not fit.
pub fn after_prepayment(
    terms: &ScheduleTerms,
    rows: &[Row],
    next: usize,
    (period_from, earlier): (NaiveDate, &[(NaiveDate, Paise)]),
    prepayment: Prepayment,
) -> Result<Vec<Row>, ScheduleError> {
    let left = rows.get(next..).ok_or(ScheduleError::OutOfRange)?;
    let running = Running::after(terms, left, (period_from, earlier), prepayment)?;
    let regular = match prepayment.mode {
        PrepaymentMode::ReduceCount => Regular::kept(terms, left),
        PrepaymentMode::ReduceInstalment => running.anew(terms, left),
    };
    rebuild(terms, left, running, regular.ok_or(ScheduleError::OutOfRange)?)
}

/// What regular rows pay: the running one, and those after it but the last.
#[derive(Debug, Clone, Copy)]
enum Regular {
    Instalment { running: Paise, after: Paise },
    Principal { running: Paise, after: Paise },
}

impl Regular {
    /// The regular payments stay as they are in `left`.
    fn kept(terms: &ScheduleTerms, left: &[Row]) -> Option<Self> {
        let running = left.first()?;
        let after = left.get(1).unwrap_or(running);
        Some(match terms.method {
            Method::EqualPrincipal => Self::Principal { running: running.principal, after: after.principal },
            Method::EqualInstalment | Method::Bullet => {
                Self::Instalment { running: running.instalment, after: after.instalment }
            }
        })
    }

    /// The principal that a row with this interest repays.
    fn principal(self, is_running: bool, interest: Paise) -> Option<Paise> {
        match self {
            Self::Instalment { running, after } => (if is_running { running } else { after }).checked_sub(interest),
            Self::Principal { running, after } => Some(if is_running { running } else { after }),
        }
    }
}

/// The running row after the payment: the balance and the interest of its whole period.
#[derive(Debug, Clone, Copy)]
struct Running {
    balance: Paise,
    interest: Paise,
}

impl Running {
    fn after(
        terms: &ScheduleTerms,
        left: &[Row],
        (from, earlier): (NaiveDate, &[(NaiveDate, Paise)]),
        prepayment: Prepayment,
    ) -> Result<Self, ScheduleError> {
        let Prepayment { paid, on, .. } = prepayment;
        let row = left.first().filter(|_| paid >= Paise::ZERO).ok_or(ScheduleError::OutOfRange)?;
        let balance = row.opening.checked_sub(paid).ok_or(ScheduleError::OutOfRange)?;
        if !balance.is_positive() {
            return Err(ScheduleError::PrincipalNotPositive);
        }
        let began_with = earlier.iter().try_fold(row.opening, |sum, (_, paid)| sum.checked_add(*paid));
        let prepaid: Vec<(NaiveDate, Paise)> = earlier.iter().copied().chain([(on, paid)]).collect();
        let saved = began_with.and_then(|balance| interest_saved(terms, (from, row.due_date), (balance, &prepaid)));
        let saved = saved.ok_or(ScheduleError::OutOfRange)?;
        Ok(Self { balance, interest: row.interest.saturating_sub(saved) })
    }

    /// The balance is spread anew over the rows of `left`.
    fn anew(self, terms: &ScheduleTerms, left: &[Row]) -> Option<Regular> {
        let balance = Decimal::from(self.balance.0);
        if terms.method == Method::EqualPrincipal {
            let share = balance.checked_div(Decimal::from(left.len()))?;
            let share = terms.rounding.apply(share)?;
            return Some(Regular::Principal { running: share, after: share });
        }
        let odd_interest = self.odd_interest(terms, left)?;
        let interest = self.interest.checked_sub(odd_interest)?;
        let after = annuity_after_first(terms, left)?;
        // The balance after the running row, worth the rows after it: A * after = B + interest - A.
        let owed = balance.checked_add(Decimal::from(interest.0))?;
        let even = terms.rounding.apply(owed.checked_div(after.checked_add(Decimal::ONE)?)?)?;
        if even > interest || left.len() == 1 {
            return Some(Regular::Instalment { running: even.checked_add(odd_interest)?, after: even });
        }
        let after = terms.rounding.apply(balance.checked_div(after)?)?;
        Some(Regular::Instalment { running: self.interest, after })
    }

    /// Interest of odd days that the first row pays on top of its instalment.
    fn odd_interest(self, terms: &ScheduleTerms, left: &[Row]) -> Option<Paise> {
        let is_first = left.first()?.number == 1 && terms.first_period == FirstPeriod::AddToFirst;
        match OddDays::apart(terms).ok()? {
            Some(odd) if is_first => Some(odd.interest(terms)?.min(self.interest)),
            _ => Some(Paise::ZERO),
        }
    }
}

/// Value, on the due date of the first row, of one unit of money paid in each row after it.
fn annuity_after_first(terms: &ScheduleTerms, left: &[Row]) -> Option<Decimal> {
    let mut discount = Decimal::ONE;
    let mut sum = Decimal::ZERO;
    for (before, row) in left.iter().zip(left.iter().skip(1)) {
        let part = terms.day_count.year_fraction(terms.frequency, before.due_date, row.due_date)?;
        discount = discount.checked_div(Decimal::ONE.checked_add(terms.annual_rate.factor(part)?)?)?;
        sum = sum.checked_add(discount)?;
    }
    Some(sum)
}

fn rebuild(terms: &ScheduleTerms, left: &[Row], running: Running, regular: Regular) -> Result<Vec<Row>, ScheduleError> {
    let mut rows: Vec<Row> = Vec::with_capacity(left.len());
    let mut opening = running.balance;
    for old in left {
        let interest = match rows.last() {
            None => Some(running.interest),
            Some(before) => terms
                .day_count
                .year_fraction(terms.frequency, before.due_date, old.due_date)
                .and_then(|part| row_interest(terms, opening, part)),
        };
        let interest = interest.ok_or(ScheduleError::OutOfRange)?;
        let is_last = rows.len().checked_add(1) == Some(left.len());
        let principal = if is_last { Some(opening) } else { regular.principal(rows.is_empty(), interest) };
        let principal = principal.ok_or(ScheduleError::OutOfRange)?.min(opening);
        if principal < Paise::ZERO || (principal == Paise::ZERO && !rows.is_empty()) {
            return Err(ScheduleError::NotAmortising { number: old.number });
        }
        let row = Row::new(old.number, old.due_date, opening, principal, interest).ok_or(ScheduleError::OutOfRange)?;
        opening = row.closing;
        rows.push(row);
        if opening == Paise::ZERO {
            break;
        }
    }
    Ok(rows)
}
