//! Rupees as text, counted in paise.

use serde_json::Value;

/// An amount or percentage of a message with two decimals, in hundredths.
pub fn paise(value: &Value) -> i64 {
    let text = value.as_str().unwrap_or_else(|| panic!("no amount: {value}"));
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, part) = digits.split_once('.').unwrap_or_else(|| panic!("no decimals: {text}"));
    assert_eq!(part.len(), 2, "{text}");
    sign * (whole.parse::<i64>().unwrap() * 100 + part.parse::<i64>().unwrap())
}

/// The amount as a message has it.
pub fn rupees(paise: i64) -> String {
    format!("{}.{:02}", paise / 100, paise % 100)
}
