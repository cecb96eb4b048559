//! `--flows`: payments as a list or as JSON, in the argument or in a file.

use std::fs::File;
use std::io::Read as _;

use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::values;
use crate::domain::maths::Paise;
use crate::domain::maths::schedule::MAX_INSTALLMENTS;

/// Largest file that is read, bytes.
const MAX_FILE: u64 = 1 << 20;
const DATE_LENGTH: usize = "2026-01-31".len();

/// Payments, either all with their days or all one period apart.
pub(super) enum Given {
    Regular(Vec<Paise>),
    Dated(Vec<(NaiveDate, Paise)>),
}

impl Given {
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Regular(amounts) => amounts.len(),
            Self::Dated(flows) => flows.len(),
        }
    }
}

/// One item of the list: some payments of one amount, perhaps with a day.
struct Item {
    on: Option<NaiveDate>,
    amount: Paise,
    count: u32,
}

/// Reads the argument, or the file it names.
pub(super) fn read(argument: &str) -> Result<Given, String> {
    let text = match argument.trim().strip_prefix('@') {
        Some(path) => file(path)?,
        None => argument.to_owned(),
    };
    let text = text.trim();
    let items: Result<Vec<Item>, String> = if text.starts_with('[') {
        json(text)
    } else {
        text.split([',', ';', '\n']).map(str::trim).filter(|item| !item.is_empty()).map(item).collect()
    };
    items.and_then(gather).map_err(|error| format!("--flows: {error}"))
}

fn file(path: &str) -> Result<String, String> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_FILE).read_to_string(&mut text));
    read.map(|_| text).map_err(|error| format!("--flows: {path}: {error}"))
}

fn gather(items: Vec<Item>) -> Result<Given, String> {
    let count = items.iter().try_fold(0_u32, |sum, item| sum.checked_add(item.count));
    match count {
        Some(0) => return Err("there is no payment".into()),
        Some(1..=MAX_INSTALLMENTS) => {}
        _ => return Err(format!("there are more than {MAX_INSTALLMENTS} payments")),
    }
    let repeated = |item: Item| (0..item.count).map(move |_| (item.on, item.amount));
    let payments: Vec<(Option<NaiveDate>, Paise)> = items.into_iter().flat_map(repeated).collect();
    let dated: Vec<(NaiveDate, Paise)> =
        payments.iter().filter_map(|&(on, amount)| on.map(|on| (on, amount))).collect();
    if dated.is_empty() {
        return Ok(Given::Regular(payments.into_iter().map(|(_, amount)| amount).collect()));
    }
    if dated.len() != payments.len() {
        return Err("either every payment has a date or none has".into());
    }
    Ok(Given::Dated(dated))
}

/// `970`, `24x970`, `2026-02-01:970`.
fn item(text: &str) -> Result<Item, String> {
    let named = |error: String| format!("{text}: {error}");
    if let Some((date, amount)) = text.split_at_checked(DATE_LENGTH)
        && let Some(amount) = amount.trim_start().strip_prefix([':', '='])
    {
        let on = values::date(date).map_err(named)?;
        return Ok(Item { on: Some(on), amount: values::not_negative(amount).map_err(named)?, count: 1 });
    }
    let Some((left, right)) = text.split_once(['x', 'X', '*', '\u{d7}']) else {
        return Ok(Item { on: None, amount: values::not_negative(text).map_err(named)?, count: 1 });
    };
    // A number that can be no count is the amount: 970.00x24.
    let (count, amount) = match (count(left), count(right)) {
        (Some(count), _) => (count, right),
        (None, Some(count)) => (count, left),
        (None, None) => return Err(named(format!("in COUNTxAMOUNT the count is 1 to {MAX_INSTALLMENTS}"))),
    };
    Ok(Item { on: None, amount: values::not_negative(amount).map_err(named)?, count })
}

fn count(text: &str) -> Option<u32> {
    text.trim().parse().ok().filter(|count| (1..=MAX_INSTALLMENTS).contains(count))
}

/// A payment as JSON object.
#[derive(Deserialize)]
struct Payment<'a> {
    #[serde(alias = "dueDate")]
    date: Option<String>,
    #[serde(borrow, alias = "instalment")]
    amount: &'a RawValue,
}

/// Numbers are read from their text, never through a float.
fn json(text: &str) -> Result<Vec<Item>, String> {
    let values: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    values.into_iter().map(json_item).collect()
}

fn json_item(value: &RawValue) -> Result<Item, String> {
    let text = value.get();
    if !text.starts_with('{') {
        return item(&unquoted(text)?);
    }
    let payment: Payment<'_> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let on = payment.date.as_deref().map(values::date).transpose()?;
    Ok(Item { on, amount: values::not_negative(&unquoted(payment.amount.get())?)?, count: 1 })
}

fn unquoted(text: &str) -> Result<String, String> {
    if text.starts_with('"') {
        return serde_json::from_str(text).map_err(|error| error.to_string());
    }
    Ok(text.to_owned())
}
