//! The quote of payments that are given.

use chrono::NaiveDate;

use super::flows::Given;
use super::{Args, Calendar, Quote, day_count, net, no_apr, schedule_of};
use crate::domain::maths::{
    Apr, AprError, Flow, Frequency, GivenRate, Method, Paise, apr, apr_of_dated, counts_days, due_dates,
    effective_annual_rate, rows_of_payments,
};

/// The quote of the payments `given` for the principal less `fees`.
pub(super) fn quote(args: &Args, calendar: &Calendar, given: &Given, fees: Paise) -> Result<Quote, String> {
    if args.installments.is_some_and(|count| u32::try_from(given.count()) != Ok(count)) {
        return Err(format!("--installments: --flows has {} payments", given.count()));
    }
    let payments = Payments::of(calendar, given)?;
    let rate = match args.annual_rate {
        Some(rate) => GivenRate::Contract(rate, day_count(args, calendar)),
        None => GivenRate::Found(payments.apr(calendar, args.principal).map_err(|error| match error {
            AprError::Negative => "--flows: the payments do not repay the principal".to_owned(),
            other => no_apr(other),
        })?),
    };
    let (from, frequency) = (calendar.disbursed_on, calendar.frequency);
    let rows = rows_of_payments(args.principal, from, &payments.dated, frequency, rate);
    let schedule = rows.and_then(schedule_of).ok_or("--flows: an amount or a date is out of range")?;
    let net_disbursed = net(&schedule, args.principal, fees)?;
    let apr = payments.apr(calendar, net_disbursed).map_err(no_apr)?;
    let effective = payments.effective(calendar, net_disbursed);
    Ok(Quote { schedule, fees, net_disbursed, apr, effective })
}

/// The payments with their days, in order.
struct Payments {
    dated: Vec<(NaiveDate, Paise)>,
    /// Whether each is a period after the one before it.
    regular: bool,
}

impl Payments {
    fn of(calendar: &Calendar, given: &Given) -> Result<Self, String> {
        let &Calendar { frequency, disbursed_on, first_due } = calendar;
        match given {
            Given::Dated(flows) => {
                let mut dated = flows.clone();
                dated.sort_by_key(|(on, _)| *on);
                match dated.first() {
                    Some((on, _)) if *on <= disbursed_on => {
                        Err(format!("--flows: the payment of {on} is not after the disbursal on {disbursed_on}"))
                    }
                    _ => Ok(Self { dated, regular: false }),
                }
            }
            Given::Regular(amounts) => {
                let days = u32::try_from(amounts.len()).ok();
                let days = days.and_then(|count| due_dates(frequency, (disbursed_on, first_due), count));
                let days = days.ok_or("--flows: a due date is out of range")?;
                Ok(Self { dated: days.into_iter().zip(amounts.iter().copied()).collect(), regular: true })
            }
        }
    }

    /// The effective rate where the payments have days of their own or periods of days.
    fn effective(&self, calendar: &Calendar, net: Paise) -> Option<Apr> {
        let in_days = !self.regular || counts_days(Method::EqualInstalment, calendar.frequency);
        in_days.then(|| effective_annual_rate(net, calendar.disbursed_on, &self.dated).ok()).flatten()
    }

    fn apr(&self, calendar: &Calendar, net: Paise) -> Result<Apr, AprError> {
        let &Calendar { frequency, disbursed_on, first_due } = calendar;
        if !self.regular || self.dated.len() == 1 {
            return apr_of_dated(net, disbursed_on, &self.dated, frequency);
        }
        let first = frequency.split(disbursed_on, first_due).ok_or(AprError::OutOfRange)?;
        let flows: Vec<Flow> =
            (first.whole..).zip(&self.dated).map(|(period, &(_, amount))| Flow { period, amount }).collect();
        apr(net, &flows, first.odd_fraction, per_year(frequency)?)
    }
}

fn per_year(frequency: Frequency) -> Result<rust_decimal::Decimal, AprError> {
    frequency.periods_per_year().ok_or(AprError::OutOfRange)
}
