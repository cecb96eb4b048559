//! Amounts on the wire: rupees as text or JSON number in, exact text out. Never through a float.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::codes::Code;
use super::malformed::Malformed;
use crate::domain::maths::money::Paise;

/// Most digits before the decimal point (design §8, "Limits").
const MAX_DIGITS: usize = 13;
/// Most digits after it.
const MAX_DECIMALS: usize = 2;
/// Longest mantissa beside an exponent, and largest exponent: twice what a double takes.
const MAX_MANTISSA: usize = 40;

/// Reads an amount above zero.
///
/// # Errors
/// [`Malformed`] when the text is no plain decimal number above zero with at most two decimals and
/// thirteen digits.
pub fn positive(text: &str, pointer: &str) -> Result<Paise, Malformed> {
    let amount = not_negative(text, pointer)?;
    if !amount.is_positive() {
        return Err(Malformed::form(pointer, "the amount must be above zero"));
    }
    Ok(amount)
}

/// Reads an amount that may be zero.
///
/// # Errors
/// As [`positive`], zero excepted.
pub fn not_negative(text: &str, pointer: &str) -> Result<Paise, Malformed> {
    let form = || Malformed::form(pointer, "must be an amount in rupees like 50000.00");
    if text.trim().strip_prefix('-').is_some_and(|digits| digits.starts_with(|first: char| first.is_ascii_digit())) {
        return Err(Malformed::form(pointer, "an amount must not be negative"));
    }
    let text = without_exponent(text.trim()).ok_or_else(form)?;
    let (rupees, paise) = text.split_once('.').unwrap_or((&text, "00"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !all_digits(rupees) || !all_digits(paise) {
        return Err(form());
    }
    if paise.len() > MAX_DECIMALS {
        return Err(Malformed::form(pointer, "an amount has at most two decimals"));
    }
    let rupees = rupees.trim_start_matches('0');
    if rupees.len() > MAX_DIGITS {
        return Err(Malformed::new(Code::BadLength, pointer, format!("an amount has at most {MAX_DIGITS} digits")));
    }
    format!("{rupees}{paise:0<2}").parse().map(Paise).map_err(|_| form())
}

/// A number with its exponent worked out on the digits, as serialisers of doubles write one from some size on: `1.0E7` is
/// `10000000`. What has no exponent stays as it is; `None` when it is no number or out of all reason.
fn without_exponent(text: &str) -> Option<Cow<'_, str>> {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else { return Some(text.into()) };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let size = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    if !all_digits(whole) || !all_digits(fraction) || !all_digits(size) || mantissa.len() > MAX_MANTISSA {
        return None;
    }
    let shift: usize = size.parse().ok().filter(|shift| *shift <= MAX_MANTISSA)?;
    let zeros = "0".repeat(shift);
    let (digits, point) = if exponent.starts_with('-') {
        // A digit stays before the point whatever is shifted behind it.
        (format!("0{zeros}{whole}{fraction}"), whole.len().saturating_add(1))
    } else {
        (format!("{whole}{fraction}{zeros}"), whole.len().saturating_add(shift))
    };
    let (whole, fraction) = digits.split_at_checked(point)?;
    let fraction = fraction.trim_end_matches('0');
    Some(if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }.into())
}

/// An amount as JSON number, as `chargedetails.data.amount` wants it: `354.60`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, schemars::JsonSchema)]
#[schemars(with = "f64")]
pub struct AmountNumber(pub Paise);

impl Serialize for AmountNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // A raw value keeps both decimals, where a float would drop or invent some.
        RawValue::from_string(self.0.to_string()).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_senders_write() {
        let cases = [
            ("50000.00", 5_000_000),
            ("50000", 5_000_000),
            ("0.5", 50),
            ("007", 700),
            ("9999999999999.99", 999_999_999_999_999),
            ("5e4", 5_000_000),
            ("1.0E7", 1_000_000_000),
            ("1.234567E+7", 1_234_567_000),
            ("1.23456789E7", 1_234_567_890),
            ("12345.0e-2", 12_345),
            ("5.0E-1", 50),
            ("9.99999999999999E12", 999_999_999_999_999),
        ];
        for (text, paise) in cases {
            assert_eq!(positive(text, "/a"), Ok(Paise(paise)), "{text}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        for text in ["", "-1", "+1", "1.001", "1,000", "0", "0.00", ".5", "5.", "10000000000000", "१"] {
            assert!(positive(text, "/a").is_err(), "{text}");
        }
    }

    #[test]
    fn an_exponent_passes_no_bound() {
        let (huge, long) = ("1e99999999999999999999", format!("1{}e-50", "0".repeat(50)));
        for text in [
            "1e", "e5", "1e5.0", "1e1e1", "-1e5", "1.e5", ".1e5", "1e 5", "1E13", "1.001E0", "1.5e-2", "0e5", "1e41",
            huge, &long,
        ] {
            assert!(positive(text, "/a").is_err(), "{text}");
        }
        assert_eq!(not_negative("0.0E0", "/a"), Ok(Paise(0)));
    }

    #[test]
    fn writes_numbers_with_both_decimals() {
        assert_eq!(serde_json::to_string(&AmountNumber(Paise(35_460))).ok().as_deref(), Some("354.60"));
    }
}
