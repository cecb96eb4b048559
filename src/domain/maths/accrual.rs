//! Interest and charges of some days: what a loan owes between its due dates (`lending.md` §2.5, §2.6).

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::day_count::{DayCount, YearFraction};
use super::first_period::{FirstPeriod, OddDays};
use super::frequency::days_between;
use super::money::Paise;
use super::rounding::Rounding;
use super::schedule::ScheduleTerms;

const DAYS_PER_YEAR: i64 = 365;

/// Interest at the contract rate on `balance`, from the start of `period` to the day `on`.
///
/// `period` is that of a row: from the due date before it, or the disbursal, to its own due date.
/// A day outside it counts as its nearer end. On the due date the accrual is the interest of the
/// row; it never falls as days pass; it is rounded once, half up to the paisa.
///
/// Day counts of actual days count them from the start. [`DayCount::Thirty360`] knows only the
/// whole period, so each of its days bears an equal share of the period's interest. Odd days that
/// the first row pays on top ([`FirstPeriod::AddToFirst`]) accrue before its whole periods, each
/// part rounded for itself; odd days paid upfront ([`FirstPeriod::Upfront`]) accrue nothing more.
///
/// `None` when the period ends before it begins or a number is out of range.
#[must_use]
pub fn accrued_interest(
    terms: &ScheduleTerms,
    period: (NaiveDate, NaiveDate),
    balance: Paise,
    on: NaiveDate,
) -> Option<Paise> {
    accrued_after(terms, period, (balance, &[]), on)
}

/// The same when parts of the balance were prepaid inside the period, each on its day: each part bears interest until
/// then, and the whole is rounded once.
pub fn accrued_after(
    terms: &ScheduleTerms,
    period: (NaiveDate, NaiveDate),
    (balance, prepaid): (Paise, &[(NaiveDate, Paise)]),
    on: NaiveDate,
) -> Option<Paise> {
    let in_paise = rounded(&exact_after(terms, period, (balance, prepaid), on)?, Rounding::PaiseHalfUp)?;
    // A product that bills multiples rounds the interest of a whole row to them.
    let row_rounding = terms.row_interest_rounding();
    if row_rounding == Rounding::PaiseHalfUp {
        return Some(in_paise);
    }
    let of_row = rounded(&exact_after(terms, period, (balance, prepaid), period.1)?, row_rounding)?;
    Some(if on >= period.1 { of_row } else { in_paise.min(of_row) })
}

/// The interest that a row loses when the last of `prepaid` is repaid, the others having been before: the row's
/// interest falls to that of each balance for the days on which it was owed. `balance` is what the period began with.
/// `None` as for [`accrued_interest`].
pub(super) fn interest_saved(
    terms: &ScheduleTerms,
    period: (NaiveDate, NaiveDate),
    (balance, prepaid): (Paise, &[(NaiveDate, Paise)]),
) -> Option<Paise> {
    let (_, earlier) = prepaid.split_last()?;
    let rounding = terms.row_interest_rounding();
    let whole = |prepaid| rounded(&exact_after(terms, period, (balance, prepaid), period.1)?, rounding);
    whole(earlier)?.checked_sub(whole(prepaid)?)
}

fn exact_after(
    terms: &ScheduleTerms,
    period: (NaiveDate, NaiveDate),
    (balance, prepaid): (Paise, &[(NaiveDate, Paise)]),
    on: NaiveDate,
) -> Option<Vec<Decimal>> {
    prepaid.iter().try_fold(exact_parts(terms, period, balance, on)?, |parts, (day, paid)| {
        let full = exact_parts(terms, period, *paid, on)?;
        let borne = exact_parts(terms, period, *paid, on.min(*day))?;
        let left = parts.into_iter().zip(full.into_iter().zip(borne));
        left.map(|(part, (full, borne))| part.checked_sub(full.checked_sub(borne)?)).collect()
    })
}

/// The accrued interest before rounding, in paise, for each part of the period that is rounded for
/// itself.
fn exact_parts(
    terms: &ScheduleTerms,
    period: (NaiveDate, NaiveDate),
    balance: Paise,
    on: NaiveDate,
) -> Option<Vec<Decimal>> {
    let spans = Span::of_period(terms, period)?;
    spans.iter().map(|span| terms.annual_rate.exact_interest(balance, span.until(terms, on)?)).collect()
}

fn rounded(parts: &[Decimal], rounding: Rounding) -> Option<Paise> {
    parts.iter().try_fold(Paise::ZERO, |sum, exact| sum.checked_add(rounding.apply(*exact)?))
}

/// Days that bear interest under one day count.
struct Span {
    from: NaiveDate,
    until: NaiveDate,
    day_count: DayCount,
}

impl Span {
    fn of_period(terms: &ScheduleTerms, (from, until): (NaiveDate, NaiveDate)) -> Option<Vec<Self>> {
        if until < from {
            return None;
        }
        let whole = Self { from, until, day_count: terms.day_count };
        let Some(odd) = OddDays::apart(terms).ok()?.filter(|odd| from < odd.until && odd.until < until) else {
            return Some(vec![whole]);
        };
        let odd_days = Self { from, until: odd.until, day_count: terms.odd_days_count() };
        let whole = Self { from: odd.until, ..whole };
        Some(if terms.first_period == FirstPeriod::AddToFirst { vec![odd_days, whole] } else { vec![whole] })
    }

    /// The part of a year from the start of the span to the day `on`, which is moved into the span.
    fn until(&self, terms: &ScheduleTerms, on: NaiveDate) -> Option<YearFraction> {
        let on = on.min(self.until).max(self.from);
        if self.day_count != DayCount::Thirty360 {
            return self.day_count.year_fraction(terms.frequency, self.from, on);
        }
        let whole = self.day_count.year_fraction(terms.frequency, self.from, self.until)?;
        if on == self.until {
            return Some(whole);
        }
        Some(YearFraction {
            numerator: whole.numerator.checked_mul(days_between(self.from, on))?,
            denominator: whole.denominator.checked_mul(days_between(self.from, self.until))?,
        })
    }
}

/// Of the interest kept from the payout for odd days ([`FirstPeriod::Upfront`]), what is earned up to the day `on`, when
/// parts of the principal were prepaid, each on its day. On and after the last odd day all of it is, but for those
/// parts; zero where nothing was kept. `None` when a number is out of range.
#[must_use]
pub fn upfront_earned(terms: &ScheduleTerms, prepaid: &[(NaiveDate, Paise)], on: NaiveDate) -> Option<Paise> {
    if terms.first_period != FirstPeriod::Upfront {
        return Some(Paise::ZERO);
    }
    let Some(odd) = OddDays::apart(terms).ok()? else { return Some(Paise::ZERO) };
    let span = Span { from: terms.disbursed_on, until: odd.until, day_count: terms.odd_days_count() };
    let exact = |balance, on| terms.annual_rate.exact_interest(balance, span.until(terms, on)?);
    let earned = prepaid.iter().try_fold(exact(terms.principal, on)?, |earned, (day, paid)| {
        earned.checked_sub(exact(*paid, on)?.checked_sub(exact(*paid, on.min(*day))?)?)
    })?;
    Rounding::PaiseHalfUp.apply(earned)
}

/// Interest for leaving a loan in its cooling-off period: `annual_percent` of the principal for the
/// days it was held, in a year of 365, rounded half up to the paisa (`lending.md` §2.5). What was prepaid, each part with
/// its days until the exit, bears it for the days before.
///
/// The percentage is the APR where the upfront fee is given back, else the contract rate; charging
/// the APR and keeping the fee would count the fee twice. `None` for negative numbers or out of
/// range.
#[must_use]
pub fn cooling_off_interest(
    principal: Paise,
    prepaid: &[(i64, Paise)],
    annual_percent: Decimal,
    days: i64,
) -> Option<Paise> {
    let times = |amount: Paise, days: i64| amount.0.checked_mul(days);
    let held = prepaid
        .iter()
        .try_fold(times(principal, days)?, |held, (since, paid)| held.checked_sub(times(*paid, *since)?))?;
    // So many paise for one day each: the whole is rounded once.
    simple_charge(Paise(held), annual_percent, 1)
}

/// A charge of `percent_per_annum` on `base` for some days, in a year of 365, rounded half up to the
/// paisa: a penal charge on what is overdue, which bears no interest itself (`lending.md` §2.6).
///
/// `None` for negative numbers or out of range.
#[must_use]
pub fn simple_charge(base: Paise, percent_per_annum: Decimal, days: i64) -> Option<Paise> {
    if days < 0 {
        return None;
    }
    let day_share = Decimal::from(days).checked_mul(percent_per_annum)?;
    share(base, day_share, Decimal::from(DAYS_PER_YEAR))
}

/// `percent` of an amount, rounded half up to the paisa: a flat charge, a fee kept from the payout, or the tax on either.
///
/// `None` for negative numbers or out of range.
#[must_use]
pub fn percent_of(amount: Paise, percent: Decimal) -> Option<Paise> {
    share(amount, percent, Decimal::ONE)
}

/// `amount * percent / (100 * parts)`, divided only once so that an exact half paisa stays one.
fn share(amount: Paise, percent: Decimal, parts: Decimal) -> Option<Paise> {
    if amount < Paise::ZERO || percent < Decimal::ZERO {
        return None;
    }
    let divisor = parts.checked_mul(Decimal::ONE_HUNDRED)?;
    Rounding::PaiseHalfUp.apply(Decimal::from(amount.0).checked_mul(percent)?.checked_div(divisor)?)
}
