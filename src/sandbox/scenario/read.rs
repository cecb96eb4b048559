//! Reads codes out of a request, while its data is in the clear: at rest it is sealed.

use serde_json::Value;
use sqlx::PgConnection;

use super::code::{self, Source};
use super::store;
use crate::app::{Given, GivenCode};
use crate::domain::application::Application;
use crate::domain::application::command::{ChosenAccount, Command};
use crate::domain::application::facets::AccountTarget;
use crate::domain::application::form::Form;
use crate::engine::Request;

/// Most codes that are read from one header.
const MOST_IN_HEADER: usize = 16;
/// Characters that are told of a word that is no code.
const LONGEST_SHOWN: usize = 12;

/// What is read from a form.
const FORM: &[&str] = &["PAN", "GSTIN", "UDYAM", "MOBILE", "AMOUNT", "DEFAULT"];
/// What is read from a payout account.
const ACCOUNTS: &[&str] = &["ACCOUNT", "VPA"];
const NONE: &[&str] = &[];
/// Codes that strike the request that brings them.
const ONCE: [&str; 2] = ["0907", "0908"];

/// A code and its place.
type Found = (Source, String);

/// Reads what a request says about its applications, and what its LSP's are filed with by default.
///
/// # Errors
/// When the database fails.
pub(super) async fn request(
    conn: &mut PgConnection,
    request: &Request,
    applications: &[Application],
) -> sqlx::Result<Given> {
    let filed = matches!(request.command, Command::CreateApplications(_));
    let defaults = if filed { store::defaults(conn, request.org_id.as_str()).await? } else { Vec::new() };
    let (account, replaces) = match &request.command {
        Command::SetDisbursementAccount(_, ChosenAccount::New(account)) => (of_account(&account.target), ACCOUNTS),
        Command::CreateApplications(_) => (None, FORM),
        _ => (None, NONE),
    };
    let (header, dropped) = request.scenario.as_deref().map(read_header).unwrap_or_default();
    let applications_of = applications.iter().map(|application| application.id).collect();
    let mut given = Given { applications: applications_of, replaces, ..Given::default() };
    for application in applications {
        let mut found: Vec<Found> = header.iter().map(|code| (Source::Header, code.clone())).collect();
        found.extend(account.clone());
        if filed {
            found.extend(of_form(&application.form));
            found.extend(defaults.iter().map(|code| (Source::Default, code.clone())));
        }
        take(&mut given, application, found);
        given.words.extend(dropped.iter().map(|words| (application.id, words.clone())));
    }
    Ok(given)
}

/// Adds what was found for one application, and says so in its history.
fn take(given: &mut Given, application: &Application, mut found: Vec<Found>) {
    found.sort_by_key(|(source, _)| *source);
    let mut families: Vec<(String, Source)> = Vec::new();
    for (source, code) in found {
        let Some(family) = code.get(..2) else { continue };
        let words = if code::meaning(&code).is_none() {
            format!("scenario {code} from {}: unknown code, nothing is forced (warning)", source.words())
        } else if !source.takes(&code) {
            format!("scenario {code} from {}: only 07xx is read there (warning)", source.words())
        } else if let Some((_, higher)) = families.iter().find(|known| overrules(known, family, source)) {
            format!("scenario {code} from {}: overruled by {}", source.words(), higher.words())
        } else {
            families.push((family.to_owned(), source));
            format!("scenario {code} from {}", source.words())
        };
        given.words.push((application.id, words));
        let counts = families.iter().any(|(known, place)| known == family && *place == source);
        if counts && source != Source::Default && ONCE.contains(&code.as_str()) && !given.replaces.is_empty() {
            // It struck before the application was there to tell it of.
            let meaning = code::meaning(&code).unwrap_or_default();
            given.words.push((application.id, format!("scenario {code}: {meaning}, injected")));
        }
        if code::meaning(&code).is_some() && source.takes(&code) {
            let line = GivenCode { application: application.id, code, source: source.name(), rank: source.rank() };
            given.lines.push(line);
        }
    }
}

/// Whether a code that was found in a higher place, or the same, leaves nothing to one of a family.
fn overrules((known, place): &(String, Source), family: &str, source: Source) -> bool {
    known == family || known == code::HAPPY_FAMILY && *place < source
}

/// `0702,0902`: one code of each family, the first one counts.
pub(in crate::sandbox) fn of_header(text: &str) -> Vec<String> {
    read_header(text).0
}

/// Codes of a header, and in words what it says that is none or counts for nothing.
fn read_header(text: &str) -> (Vec<String>, Vec<String>) {
    let (mut codes, mut dropped): (Vec<String>, Vec<String>) = Default::default();
    for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()).take(MOST_IN_HEADER) {
        // It may be anything, and people read it in a line.
        let shown: String = word.chars().filter(char::is_ascii_alphanumeric).take(LONGEST_SHOWN).collect();
        let place = Source::Header.words();
        if !code::is_code(word) {
            dropped.push(format!("scenario {shown} from {place}: no code has this form, nothing is forced (warning)"));
        } else if let Some(first) = codes.iter().find(|known| known.get(..2) == word.get(..2)) {
            dropped.push(format!("scenario {shown} from {place}: overruled by {first} before it (warning)"));
        } else {
            codes.push(word.to_owned());
        }
    }
    (codes, dropped)
}

fn of_account(target: &AccountTarget) -> Option<Found> {
    match target {
        AccountTarget::Account { number, .. } => {
            code::of_account(number).map(|code| (Source::Account, code.to_owned()))
        }
        AccountTarget::Vpa { vpa } => code::of_vpa(vpa).map(|code| (Source::Vpa, code.to_owned())),
    }
}

/// Codes in what the LSP filed: the first of each kind of place and family; the amount only when nothing else has one.
pub fn of_form(form: &Form) -> Vec<(Source, String)> {
    let mut found: Vec<Found> = Vec::new();
    let borrower = &form.borrower;
    let told = [borrower.pan.as_deref(), Some(borrower.primary_id.as_str()), borrower.phone.as_deref()];
    for text in told.into_iter().flatten() {
        note(&mut found, text);
    }
    for collateral in &form.collaterals {
        collateral.id.split('_').for_each(|part| note(&mut found, part));
    }
    if let Ok(echo) = serde_json::from_str::<Value>(&form.echo) {
        walk(&mut found, &echo);
    }
    if found.is_empty() {
        found.extend(of_amount(form).map(|code| (Source::Amount, code)));
    }
    found
}

/// The code of a family anywhere in a message: the one of the highest place, unless the happy path stands higher.
pub(in crate::sandbox) fn of_message(message: &Value, family: &str) -> Option<String> {
    let mut found = Vec::new();
    walk(&mut found, message);
    found.sort_by_key(|(source, _)| *source);
    let happy = found.iter().find(|(_, code)| code == code::HAPPY).map(|(source, _)| *source);
    let (source, code) = found.into_iter().find(|(_, code)| code.starts_with(family))?;
    happy.is_none_or(|happy| source <= happy).then_some(code)
}

fn walk(found: &mut Vec<Found>, value: &Value) {
    match value {
        Value::String(text) => note(found, text),
        Value::Array(items) => items.iter().for_each(|item| walk(found, item)),
        Value::Object(members) => members.values().for_each(|member| walk(found, member)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn note(found: &mut Vec<Found>, text: &str) {
    let text = text.trim().to_ascii_uppercase();
    let read = [
        (Source::Pan, code::of_pan(&text)),
        (Source::Gstin, code::of_gstin(&text)),
        (Source::Udyam, code::of_udyam(&text)),
        (Source::Mobile, code::of_mobile(&text)),
    ];
    for (source, code) in read.into_iter().filter_map(|(source, code)| Some((source, code?))) {
        if !found.iter().any(|(known, earlier)| *known == source && earlier.get(..2) == code.get(..2)) {
            found.push((source, code.to_owned()));
        }
    }
}

/// Any amount ends in four digits, so only those that force something are taken for a code.
fn of_amount(form: &Form) -> Option<String> {
    let code = format!("{:04}", form.requested.0 / 100 % 10_000);
    (code != "0000" && code::meaning(&code).is_some()).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::maths::money::Paise;
    use crate::lender::tests::application;

    fn form(pan: &str, phone: &str, rupees: i64) -> Form {
        let mut form = application().form;
        form.borrower.pan = Some(pan.to_owned());
        form.borrower.primary_id = pan.to_owned();
        form.borrower.phone = Some(phone.to_owned());
        form.requested = Paise(rupees * 100);
        form.echo = "{}".to_owned();
        form
    }

    #[test]
    fn the_amount_counts_only_when_nothing_else_has_a_code() {
        assert_eq!(of_form(&form("ABCPD1234E", "9845012367", 100_101)), [(Source::Amount, "0101".to_owned())]);
        assert_eq!(of_form(&form("ABCPD1234E", "9845012367", 100_000)), []);
        assert_eq!(of_form(&form("ABCPD1234E", "9999000301", 100_101)), [(Source::Mobile, "0301".to_owned())]);
    }

    #[test]
    fn places_stand_in_the_order_of_precedence() {
        let mut form = form("ZZZPX0102Z", "9999000101", 50_000);
        form.echo =
            r#"{"borrower":{"additionalIdentifiers":[{"value":"29ZZZCX0103Z1ZV"},{"value":"UDYAM-ZZ-00-0000104"}]}}"#
                .into();
        let mut given = Given::default();
        let application = application();
        take(&mut given, &application, of_form(&form));
        let words: Vec<&str> = given.words.iter().map(|(_, words)| words.as_str()).collect();
        assert_eq!(
            words,
            [
                "scenario 0102 from PAN of applicant",
                "scenario 0103 from GSTIN of applicant: overruled by PAN of applicant",
                "scenario 0104 from Udyam number of applicant: overruled by PAN of applicant",
                "scenario 0101 from mobile of applicant: overruled by PAN of applicant",
            ]
        );
    }

    #[test]
    fn a_header_has_one_code_of_each_family() {
        let (codes, dropped) = read_header("0702, 0902,0703,x <b>,,12345");
        assert_eq!(codes, ["0702", "0902"]);
        assert_eq!(
            dropped,
            [
                "scenario 0703 from header X-Sandbox-Scenario: overruled by 0702 before it (warning)",
                "scenario xb from header X-Sandbox-Scenario: no code has this form, nothing is forced (warning)",
                "scenario 12345 from header X-Sandbox-Scenario: no code has this form, nothing is forced (warning)",
            ]
        );
    }
}
