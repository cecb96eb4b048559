//! What becomes of the odd days of a first period that is longer than one period (`lending.md` §2.3).

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::day_count::YearFraction;
use super::money::Paise;
use super::rounding::Rounding;
use super::schedule::{Method, ScheduleError, ScheduleTerms};

/// How the days between the disbursal and the start of the whole periods are paid for.
///
/// Disbursed on 15 Jan and first due on 5 Mar, a monthly loan has a whole period from 5 Feb and 21
/// odd days before it. A first period without odd days, one that is shorter than one period, and
/// that of [`Method::Bullet`] bear interest for their own days under every policy, as under
/// [`FirstPeriod::Stretch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FirstPeriod {
    /// The first row bears interest for all its days, and the instalment is worked out for it: all
    /// rows pay the same.
    #[default]
    Stretch,
    /// The instalment is worked out for whole periods; the first row pays the interest of the odd
    /// days on top of it.
    AddToFirst,
    /// The rows are those of a loan that begins with its whole periods; the interest of the odd
    /// days is kept from the disbursal.
    Upfront,
}

/// The odd days that a policy takes out of the first row.
#[derive(Debug, Clone, Copy)]
pub(super) struct OddDays {
    /// The day on which the whole periods begin.
    pub until: NaiveDate,
    /// Their length as part of a year, by the day count agreed for them.
    pub part: YearFraction,
}

impl OddDays {
    /// The odd days that these terms do not leave in the first row, if there are any.
    pub fn apart(terms: &ScheduleTerms) -> Result<Option<Self>, ScheduleError> {
        if terms.first_period == FirstPeriod::Stretch || terms.method == Method::Bullet {
            return Ok(None);
        }
        let split = terms.frequency.split(terms.disbursed_on, terms.first_due).ok_or(ScheduleError::OutOfRange)?;
        if split.whole == 0 || split.odd_days == 0 {
            return Ok(None);
        }
        let part = terms.odd_days_count().year_fraction(terms.frequency, terms.disbursed_on, split.odd_until);
        Ok(Some(Self { until: split.odd_until, part: part.ok_or(ScheduleError::OutOfRange)? }))
    }

    /// Their interest on the whole principal: part of a row, or an amount of its own in paise.
    pub fn interest(self, terms: &ScheduleTerms) -> Option<Paise> {
        let exact = terms.annual_rate.exact_interest(terms.principal, self.part)?;
        match terms.first_period {
            FirstPeriod::Upfront => Rounding::PaiseHalfUp.apply(exact),
            FirstPeriod::Stretch | FirstPeriod::AddToFirst => terms.row_interest_rounding().apply(exact),
        }
    }
}
