//! Personal data in JSON: what is not known to be harmless is hidden.
//!
//! Names of persons have no shape by which they could be told from other words. So a text is shown only under a member
//! name that is known to hold an id, a word of a protocol, a time or an amount, and even there numbers and addresses of
//! people are taken out. Figures, yes and no are shown, except under personal names, and except long numbers that are no
//! amounts.

use serde_json::{Map, Value};

use crate::domain::personal::{MASK, is_code, scrubbed};

/// Parts of personal member names, letters in small and nothing else between them. All below such a member is hidden.
const PERSONAL_PARTS: [&str; 29] = [
    "name",
    "phone",
    "mobile",
    "mail",
    "address",
    "contact",
    "aadhaar",
    "passport",
    "ifsc",
    "holder",
    "residence",
    "locality",
    "postal",
    "pincode",
    "primaryid",
    "accountn",
    "birth",
    "gender",
    "marital",
    "income",
    "salary",
    "father",
    "mother",
    "spouse",
    "echo",
    "signature",
    "virtual",
    "password",
    "secret",
];
/// Words of personal member names: other words have them inside.
const PERSONAL_WORDS: [&str; 18] = [
    "pan", "gstin", "age", "sex", "pin", "uid", "dob", "otp", "vpa", "upi", "zip", "voter", "licence", "license",
    "photo", "token", "customer", "national",
];
/// Last words of member names that hold ids and words of a protocol.
const HARMLESS_ENDS: [&str; 29] = [
    "id",
    "ids",
    "type",
    "status",
    "stage",
    "state",
    "code",
    "kind",
    "class",
    "currency",
    "unit",
    "frequency",
    "method",
    "operation",
    "version",
    "hash",
    "category",
    "purpose",
    "channel",
    "kid",
    "port",
    "outcome",
    "product",
    "kyc",
    "agreement",
    "component",
    "facet",
    "codes",
    "verdict",
];
/// Whole member names that do.
const HARMLESS: [&str; 19] = [
    "what",
    "error",
    "parkedreason",
    "path",
    "dataconsent",
    "monitoringconsent",
    "repaymentsetup",
    "accountsetup",
    "maker",
    "checker",
    "claimedby",
    "who",
    "question",
    "utr",
    "reference",
    "bankkey",
    "rounding",
    "daycount",
    "nextcursor",
];
/// Last words of member names that hold days and times.
const TIMES: [&str; 14] =
    ["at", "on", "date", "timestamp", "till", "until", "from", "to", "start", "end", "since", "day", "due", "event"];
/// Parts of the names of amounts, which may be long numbers.
const AMOUNTS: [&str; 26] = [
    "amount",
    "principal",
    "interest",
    "total",
    "balance",
    "outstanding",
    "due",
    "paid",
    "gross",
    "fee",
    "net",
    "sanctioned",
    "requested",
    "disbursed",
    "charge",
    "instal",
    "opening",
    "closing",
    "excess",
    "received",
    "waived",
    "refunded",
    "penal",
    "left",
    "payable",
    "limit",
];
/// From so many digits on a number may be a phone's or an account's.
const LONG_NUMBER: usize = 9;
/// Most characters of a text that is shown: a longer one is prose, or a document.
const LONGEST: usize = 200;

/// The value with everything personal hidden.
pub(super) fn json(value: &Value) -> Value {
    member(&Name::of(""), value)
}

/// What a member's name says of its value.
struct Name {
    /// Letters and digits, in small: `accountNumber`, `account_number` and `Account-Number` are one name.
    joined: String,
    last: String,
    personal: bool,
}

impl Name {
    fn of(name: &str) -> Self {
        let words = words(name);
        let joined = words.concat();
        let personal = PERSONAL_PARTS.iter().any(|part| joined.contains(part))
            || words.iter().any(|word| PERSONAL_WORDS.contains(&word.as_str()));
        Self { personal, last: words.into_iter().last().unwrap_or_default(), joined }
    }

    fn shows(&self, text: &str) -> bool {
        let word = HARMLESS_ENDS.contains(&self.last.as_str()) || HARMLESS.contains(&self.joined.as_str());
        // Of a book: `BANK`. Elsewhere an account's number may stand under that name.
        let ledger = self.joined == "account" && text.chars().all(|c| c.is_ascii_uppercase() || c == '_');
        // An LSP may write a sentence into its ack.
        if self.joined == "error" && !is_code(text) {
            return false;
        }
        let time = TIMES.contains(&self.last.as_str()) && is_time(text);
        text.chars().count() <= LONGEST && (word || ledger || time)
    }
}

fn member(name: &Name, value: &Value) -> Value {
    match value {
        Value::Null | Value::Bool(_) => value.clone(),
        Value::Array(items) => Value::Array(items.iter().map(|item| member(name, item)).collect()),
        Value::Object(members) if name.personal => Value::Object(all_hidden(members)),
        Value::Object(members) => Value::Object(
            members.iter().map(|(name, value)| (scrubbed(name), member(&Name::of(name), value))).collect(),
        ),
        _ if name.personal => hidden(),
        Value::Number(number) => {
            let digits = number.to_string().chars().filter(char::is_ascii_digit).count();
            let amount = AMOUNTS.iter().any(|part| name.joined.contains(part));
            if digits < LONG_NUMBER || amount { value.clone() } else { hidden() }
        }
        Value::String(text) if text.is_empty() || is_decimal(text) => value.clone(),
        Value::String(text) if name.shows(text) && is_time(text) => value.clone(),
        Value::String(text) if name.shows(text) => Value::String(scrubbed(text)),
        Value::String(_) => hidden(),
    }
}

fn all_hidden(members: &Map<String, Value>) -> Map<String, Value> {
    let nothing = Name { joined: String::new(), last: String::new(), personal: true };
    members.iter().map(|(name, value)| (scrubbed(name), member(&nothing, value))).collect()
}

fn hidden() -> Value {
    Value::String(MASK.to_owned())
}

/// `loanApplicationId` is `loan`, `application`, `id`.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut fresh = true;
    let mut was_small = false;
    for c in name.chars() {
        if !c.is_ascii_alphanumeric() {
            fresh = true;
            continue;
        }
        let begins = fresh || (c.is_ascii_uppercase() && was_small);
        match words.last_mut() {
            Some(word) if !begins => word.push(c.to_ascii_lowercase()),
            _ => words.push(c.to_ascii_lowercase().to_string()),
        }
        (fresh, was_small) = (false, !c.is_ascii_uppercase());
    }
    words
}

/// Rupees or a rate: digits, a point, digits.
fn is_decimal(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    text.split_once('.').is_some_and(|(whole, part)| digits(whole) && digits(part))
}

/// A day, also with a time behind it, in the usual spellings.
fn is_time(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    let days = ["9999-99-99", "99-99-9999", "9999/99/99", "99/99/9999"];
    let rest = days.iter().find_map(|day| shape.strip_prefix(day));
    rest.is_some_and(|rest| {
        let clock = rest.starts_with("T99:99") || rest.starts_with(" 99:99");
        rest.is_empty() || (clock && rest.chars().all(|c| "9:.+-TZ ".contains(c)))
    })
}

#[cfg(test)]
#[path = "mask_tests.rs"]
mod tests;
