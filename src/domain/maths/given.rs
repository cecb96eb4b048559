//! The rows of a loan whose payments are given instead of worked out.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::apr::Apr;
use super::day_count::DayCount;
use super::frequency::Frequency;
use super::money::Paise;
use super::rate::AnnualRate;
use super::rounding::Rounding;
use super::schedule::Row;

/// The rate at which given payments are split into principal and interest.
#[derive(Debug, Clone, Copy)]
pub enum GivenRate {
    /// The contract rate, by a day count.
    Contract(AnnualRate, DayCount),
    /// The rate found for the payments and the principal, compounded each period (the APR without
    /// any fees: with them the payments would leave a balance).
    Found(Apr),
}

/// The rows of `payments` in order of their days, for `principal` received on `from`.
///
/// A payment below its interest adds to the balance. The last one repays what is left and has the
/// rest of it as interest; where it is less than what is left, the last balance is not zero.
/// `None` when a day is before the one before it or a number does not fit.
#[must_use]
pub fn rows_of_payments(
    principal: Paise,
    from: NaiveDate,
    payments: &[(NaiveDate, Paise)],
    frequency: Frequency,
    rate: GivenRate,
) -> Option<Vec<Row>> {
    let mut rows: Vec<Row> = Vec::with_capacity(payments.len());
    let mut opening = principal;
    for (number, &(due_date, instalment)) in (1_u32..).zip(payments) {
        let begins = rows.last().map_or(from, |row| row.due_date);
        let interest = rate.interest(opening, frequency, begins, due_date)?;
        let is_last = rows.len().checked_add(1)? == payments.len();
        let repaid = if is_last { opening.min(instalment) } else { instalment.checked_sub(interest)?.min(opening) };
        let row = Row::new(number, due_date, opening, repaid, instalment.checked_sub(repaid)?)?;
        opening = row.closing;
        rows.push(row);
    }
    Some(rows)
}

impl GivenRate {
    fn interest(self, balance: Paise, frequency: Frequency, from: NaiveDate, until: NaiveDate) -> Option<Paise> {
        match self {
            Self::Contract(rate, day_count) => rate.interest(balance, day_count.year_fraction(frequency, from, until)?),
            Self::Found(apr) => {
                let per_year = frequency.periods_per_year()?.checked_mul(Decimal::ONE_HUNDRED)?;
                let unit_rate = apr.percent().checked_div(per_year)?;
                let interval = frequency.split(from, until)?;
                let mut grown = Decimal::ONE.checked_add(interval.odd_fraction.checked_mul(unit_rate)?)?;
                for _ in 0..interval.whole {
                    grown = grown.checked_mul(Decimal::ONE.checked_add(unit_rate)?)?;
                }
                let interest = Decimal::from(balance.0).checked_mul(grown.checked_sub(Decimal::ONE)?)?;
                Rounding::PaiseHalfUp.apply(interest)
            }
        }
    }
}
