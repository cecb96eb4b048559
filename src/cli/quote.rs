//! `quote`: the schedule and the APR of a loan, without a server.

mod flows;
mod given;
mod show;
mod values;

use std::process::ExitCode;

use chrono::NaiveDate;

use super::{CliError, output};
use crate::clock::Clock;
use crate::domain::maths::{
    AnnualRate, Apr, AprError, DayCount, FirstPeriod, Frequency, Method, Paise, Rounding, Row, Schedule, ScheduleError,
    ScheduleTerms, apr_of, effective_rate_of, schedule,
};

/// `quote`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Amount lent in rupees, before any fee: 20000, 20000.00 or 20,000
    #[arg(long, value_name = "RUPEES", value_parser = values::positive, allow_hyphen_values = true)]
    principal: Paise,
    /// Contract rate in percent a year, 0 to 200
    #[arg(long, value_name = "PERCENT", value_parser = values::rate, allow_hyphen_values = true)]
    annual_rate: Option<AnnualRate>,
    /// Number of instalments, 1 to 600 [default: 1 for a bullet]
    #[arg(long, alias = "instalments", value_name = "N", allow_hyphen_values = true)]
    installments: Option<u32>,
    /// monthly, weekly, fortnightly, quarterly, half-yearly, yearly, daily or every-days [default: monthly]
    #[arg(long, value_name = "WORD", value_parser = values::frequency)]
    frequency: Option<values::Every>,
    /// equal-instalment (epi, emi), equal-principal or bullet
    #[arg(long, value_name = "WORD", value_parser = values::method, default_value = "equal-instalment")]
    method: Method,
    /// paise-half-up, paise-half-even, rupee-half-up, rupee-ceil or multiple-of:RUPEES
    #[arg(long, value_name = "WORD", value_parser = values::rounding, default_value = "paise-half-up")]
    rounding: Rounding,
    /// 30/360 (a whole month or week is exactly its part of a year, a period of days 1/360 for each), actual/365,
    /// actual/360, actual/364 or actual/actual [default: actual/365 for days and bullets, else 30/360]
    #[arg(long, value_name = "WORD", value_parser = values::day_count)]
    day_count: Option<DayCount>,
    /// Days between instalments; for a bullet, the days until it is due
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    period_days: Option<u32>,
    /// When the money is paid out [default: today]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = values::date)]
    disbursed_on: Option<NaiveDate>,
    /// When the first instalment is due [default: one period later]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = values::date)]
    first_due: Option<NaiveDate>,
    /// How odd days before the first whole period are paid for: stretch, add-to-first or upfront
    #[arg(long, value_name = "WORD", value_parser = values::first_period, default_value = "stretch")]
    first_period: FirstPeriod,
    /// Day count of those odd days under add-to-first and upfront [default: --day-count]
    #[arg(long, value_name = "WORD", value_parser = values::day_count)]
    odd_day_count: Option<DayCount>,
    /// Charges of the lender kept from the disbursal, in rupees
    #[arg(long, value_name = "RUPEES", value_parser = values::not_negative, default_value = "0", allow_hyphen_values = true)]
    fee_lender: Paise,
    /// Charges of third parties kept from the disbursal, in rupees
    #[arg(long, value_name = "RUPEES", value_parser = values::not_negative, default_value = "0", allow_hyphen_values = true)]
    fee_third_party: Paise,
    /// Payments instead of computed ones: AMOUNT, `COUNTxAMOUNT` or YYYY-MM-DD:AMOUNT, separated by
    /// commas, or a JSON array; @FILE reads them from a file
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    flows: Option<String>,
    /// Print JSON, with rupees and percent as decimal strings
    #[arg(long)]
    json: bool,
}

/// What is printed.
struct Quote {
    schedule: Schedule,
    fees: Paise,
    net_disbursed: Paise,
    apr: Apr,
    /// Compounded over days, where the payments are counted in days.
    effective: Option<Apr>,
}

/// When the money goes out and comes back.
struct Calendar {
    frequency: Frequency,
    disbursed_on: NaiveDate,
    first_due: NaiveDate,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    let quote = quote(args).map_err(CliError::Refused)?;
    let text = if args.json { show::json(&quote) } else { Ok(show::table(&quote)) };
    output::line(text.map_err(|error| CliError::Refused(error.to_string()))?);
    Ok(ExitCode::SUCCESS)
}

fn quote(args: &Args) -> Result<Quote, String> {
    let calendar = calendar(args)?;
    let fees = args.fee_lender.checked_add(args.fee_third_party).ok_or("the fees are too large")?;
    if let Some(text) = &args.flows {
        return given::quote(args, &calendar, &flows::read(text)?, fees);
    }
    let terms = terms(args, &calendar)?;
    let schedule = schedule(&terms).map_err(|error| format!("{}: {error}", flag_of(error)))?;
    let net_disbursed = net(&schedule, args.principal, fees)?;
    let apr = apr_of(&terms, &schedule, net_disbursed).map_err(no_apr)?;
    let effective = effective_rate_of(&terms, &schedule, net_disbursed);
    Ok(Quote { schedule, fees, net_disbursed, apr, effective })
}

fn calendar(args: &Args) -> Result<Calendar, String> {
    let bullet = args.method == Method::Bullet && args.flows.is_none();
    let frequency = values::with_days(args.frequency, args.period_days, bullet)?;
    let disbursed_on = args.disbursed_on.unwrap_or_else(|| Clock::default().today());
    let one_later = || frequency.after(disbursed_on, 1).ok_or("--disbursed-on: the first due date is out of range");
    let first_due = args.first_due.map_or_else(one_later, Ok)?;
    if first_due <= disbursed_on {
        return Err(format!("--first-due: {}", ScheduleError::FirstDueNotAfterDisbursal));
    }
    Ok(Calendar { frequency, disbursed_on, first_due })
}

fn terms(args: &Args, calendar: &Calendar) -> Result<ScheduleTerms, String> {
    let of_bullet = (args.method == Method::Bullet).then_some(1);
    Ok(ScheduleTerms {
        principal: args.principal,
        annual_rate: args.annual_rate.ok_or("--annual-rate is missing; only --flows goes without it")?,
        installments: args.installments.or(of_bullet).ok_or("--installments is missing")?,
        frequency: calendar.frequency,
        method: args.method,
        rounding: args.rounding,
        day_count: day_count(args, calendar),
        disbursed_on: calendar.disbursed_on,
        first_due: calendar.first_due,
        due_day: None,
        first_period: args.first_period,
        odd_day_count: args.odd_day_count,
    })
}

/// The day count that is named, or the one of the period.
fn day_count(args: &Args, calendar: &Calendar) -> DayCount {
    args.day_count.unwrap_or_else(|| DayCount::usual(args.method, calendar.frequency))
}

fn net(schedule: &Schedule, principal: Paise, fees: Paise) -> Result<Paise, String> {
    schedule.net_disbursed(principal, fees).filter(|net| net.is_positive()).ok_or_else(|| {
        format!("--fee-lender, --fee-third-party: what is kept from the disbursal leaves nothing of {principal}")
    })
}

fn no_apr(error: AprError) -> String {
    format!("there is no APR: {error}")
}

/// The schedule of rows that were not worked out from terms.
fn schedule_of(rows: Vec<Row>) -> Option<Schedule> {
    Some(Schedule {
        instalment: rows.first()?.instalment,
        total_interest: Paise::checked_sum(rows.iter().map(|row| row.interest))?,
        total_paid: Paise::checked_sum(rows.iter().map(|row| row.instalment))?,
        rows,
        upfront_interest: Paise::ZERO,
    })
}

const fn flag_of(error: ScheduleError) -> &'static str {
    match error {
        ScheduleError::NoInstallments | ScheduleError::TooManyInstallments | ScheduleError::BulletInstallments => {
            "--installments"
        }
        ScheduleError::FirstDueNotAfterDisbursal => "--first-due",
        ScheduleError::EmptyPeriod => "--period-days",
        ScheduleError::RoundingUnit | ScheduleError::RepaidEarly { .. } => "--rounding",
        ScheduleError::PrincipalNotPositive => "--principal",
        ScheduleError::NotAmortising { .. } | ScheduleError::OutOfRange => "the schedule",
    }
}
