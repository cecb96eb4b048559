//! How values are written on the command line: words in any case, amounts with or without commas.

use chrono::NaiveDate;

use crate::domain::maths::{AnnualRate, DayCount, FirstPeriod, Frequency, Method, Paise, Rounding};

/// Most digits before the decimal point, as on the wire.
const MAX_DIGITS: usize = 13;
const MAX_DECIMALS: usize = 2;
const DATE_LENGTH: usize = "2026-01-31".len();

/// An amount above zero.
pub(super) fn positive(text: &str) -> Result<Paise, String> {
    match not_negative(text)? {
        Paise::ZERO => Err("an amount is more than zero".into()),
        amount => Ok(amount),
    }
}

/// An amount that may be zero.
pub(super) fn not_negative(text: &str) -> Result<Paise, String> {
    let form = || "an amount is written in rupees, like 20000, 20000.00 or 20,000".to_owned();
    let text = text.trim();
    if text.starts_with('-') {
        return Err("an amount is not negative".into());
    }
    let (rupees, paise) = text.split_once('.').unwrap_or((text, "00"));
    let rupees = without_commas(rupees).ok_or_else(form)?;
    if paise.is_empty() || !all_digits(paise) {
        return Err(form());
    }
    if paise.len() > MAX_DECIMALS {
        return Err("an amount has at most two decimals".into());
    }
    let rupees = rupees.trim_start_matches('0');
    if rupees.len() > MAX_DIGITS {
        return Err(format!("an amount has at most {MAX_DIGITS} digits before the point"));
    }
    format!("{rupees}{paise:0<2}").parse().map(Paise).map_err(|_| form())
}

/// The digits of a number that is grouped as 3,00,000 or 300,000, or not at all.
fn without_commas(text: &str) -> Option<String> {
    let groups: Vec<&str> = text.split(',').collect();
    let (first, rest) = groups.split_first()?;
    let last_is_three = rest.last().is_none_or(|last| last.len() == 3);
    let grouped = rest.iter().all(|group| matches!(group.len(), 2 | 3)) && last_is_three;
    let digits = !first.is_empty() && groups.iter().all(|group| all_digits(group));
    (grouped && digits).then(|| groups.concat())
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Percent a year, with or without the sign.
pub(super) fn rate(text: &str) -> Result<AnnualRate, String> {
    let number = text.trim().trim_end_matches('%').trim_end();
    let unsigned = number.strip_prefix('-');
    let rate = unsigned.unwrap_or(number).parse::<AnnualRate>().map_err(|error| error.to_string())?;
    match unsigned {
        Some(_) if !rate.is_zero() => Err("a rate lies between 0 and 200 percent per annum".into()),
        _ => Ok(rate),
    }
}

/// A day of the calendar.
pub(super) fn date(text: &str) -> Result<NaiveDate, String> {
    let day = if text.len() == DATE_LENGTH { text.parse().ok() } else { None };
    day.ok_or_else(|| format!("{text} is no day; a date is written as 2026-01-31"))
}

/// A frequency before it is known how many days "every days" has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Every {
    Known(Frequency),
    Days,
}

/// The frequency that `--frequency` and `--period-days` say together; for a bullet the days are its
/// term.
pub(super) fn with_days(word: Option<Every>, period_days: Option<u32>, bullet: bool) -> Result<Frequency, String> {
    let days_of = |frequency| match frequency {
        Frequency::Weekly => Some(7),
        Frequency::Fortnightly => Some(14),
        Frequency::EveryDays(days) => Some(days),
        _ => None,
    };
    match (word, period_days) {
        (None, None) => Ok(Frequency::Monthly),
        (Some(Every::Days), None) => Err("--period-days is missing: it says how many days every-days has".into()),
        (Some(Every::Known(frequency)), None) => Ok(frequency),
        (None | Some(Every::Days), Some(days)) => Ok(Frequency::EveryDays(days)),
        (Some(Every::Known(_)), Some(days)) if bullet => Ok(Frequency::EveryDays(days)),
        (Some(Every::Known(frequency)), days) if days == days_of(frequency) => Ok(frequency),
        (Some(Every::Known(_)), Some(_)) => Err("--period-days goes with --frequency every-days".into()),
    }
}

/// A word for [`Frequency`].
pub(super) fn frequency(text: &str) -> Result<Every, String> {
    let word = squash(text);
    let known = match word.as_str() {
        "monthly" | "month" | "everymonth" => Frequency::Monthly,
        "weekly" | "week" | "everyweek" => Frequency::Weekly,
        "fortnightly" | "fortnight" | "biweekly" | "every2weeks" => Frequency::Fortnightly,
        "quarterly" | "quarter" => Frequency::Quarterly,
        "halfyearly" | "halfyear" | "semiannually" | "semiannual" => Frequency::HalfYearly,
        "yearly" | "year" | "annually" | "annual" => Frequency::Yearly,
        "daily" | "day" | "everyday" => Frequency::EveryDays(1),
        "everydays" | "everyndays" | "days" => return Ok(Every::Days),
        _ => every_some_days(&word).ok_or_else(|| {
            unknown(text, "monthly, weekly, fortnightly, quarterly, half-yearly, yearly, daily, every-days")
        })?,
    };
    Ok(Every::Known(known))
}

/// `every15days`, `everydays15`.
fn every_some_days(word: &str) -> Option<Frequency> {
    let rest = word.strip_prefix("every")?;
    let number = rest.strip_prefix("days").or_else(|| rest.strip_suffix("days"))?;
    number.parse().ok().filter(|days| (1..=36_500).contains(days)).map(Frequency::EveryDays)
}

/// A word for [`Method`].
pub(super) fn method(text: &str) -> Result<Method, String> {
    Ok(match squash(text).as_str() {
        "equalinstalment" | "equalinstalments" | "equalinstallment" | "equalinstallments" | "epi" | "emi"
        | "annuity" => Method::EqualInstalment,
        "equalprincipal" => Method::EqualPrincipal,
        "bullet" => Method::Bullet,
        _ => return Err(unknown(text, "equal-instalment (epi, emi), equal-principal, bullet")),
    })
}

/// A word for [`Rounding`].
pub(super) fn rounding(text: &str) -> Result<Rounding, String> {
    let word = squash(text);
    if word.starts_with("multipleof") || word.starts_with("multiple") {
        let amount = text.trim_start_matches(|c: char| !c.is_ascii_digit()).trim_end_matches([')', ' ']);
        return positive(amount).map(Rounding::MultipleOf).map_err(|error| format!("multiple-of:RUPEES: {error}"));
    }
    Ok(match word.as_str() {
        "paisehalfup" | "paise" => Rounding::PaiseHalfUp,
        "paisehalfeven" => Rounding::PaiseHalfEven,
        "rupeehalfup" | "rupee" => Rounding::RupeeHalfUp,
        "rupeeceil" | "rupeeup" => Rounding::RupeeCeil,
        _ => {
            return Err(unknown(text, "paise-half-up, paise-half-even, rupee-half-up, rupee-ceil, multiple-of:RUPEES"));
        }
    })
}

/// A word for [`DayCount`].
pub(super) fn day_count(text: &str) -> Result<DayCount, String> {
    Ok(match squash(text).replace("actual", "act").as_str() {
        "30360" | "30e360" | "thirty360" => DayCount::Thirty360,
        "act365" => DayCount::Actual365,
        "act360" => DayCount::Actual360,
        "act364" => DayCount::Actual364,
        "actact" => DayCount::ActualActual,
        _ => return Err(unknown(text, "30/360, actual/365, actual/360, actual/364, actual/actual")),
    })
}

/// A word for [`FirstPeriod`].
pub(super) fn first_period(text: &str) -> Result<FirstPeriod, String> {
    Ok(match squash(text).as_str() {
        "stretch" => FirstPeriod::Stretch,
        "addtofirst" => FirstPeriod::AddToFirst,
        "upfront" => FirstPeriod::Upfront,
        _ => return Err(unknown(text, "stretch, add-to-first, upfront")),
    })
}

/// Letters and digits only, in small letters: `HALF_YEARLY` and `half-yearly` are one word.
fn squash(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

fn unknown(text: &str, known: &str) -> String {
    format!("{text} is none of {known}")
}
