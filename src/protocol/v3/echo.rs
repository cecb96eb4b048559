//! The echo of an application (C2): what the LSP sent, in the form that the
//! published schema wants, without documents.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::loan_application::{AskedTerms, Item};
use super::party::{Collateral, Contact, Extra, Person, id_type_of, type_of_id};
use crate::domain::application::form::{Form, LoanType};
use crate::domain::maths::money::Paise;
use crate::engine::EncodeError;
use crate::protocol::lenient::{Many, One, Text, drop_nulls};

/// Members of an item that only we may set.
const OURS: [&str; 4] = ["lender", "loanApplicationStatus", "rejectionDetails", "actionRequired"];
/// Optional members of the published types that are strings there, whatever a sender makes of them.
const TEXTS: [&str; 16] = [
    "url",
    "description",
    "desctiption",
    "relationshipWithBorrower",
    "relationshipWithCollateral",
    "landmark",
    "als",
    "vtc",
    "po",
    "district",
    "latitude",
    "longitude",
    "currency",
    "date",
    "interestRate",
    "createdDate",
];

impl Item {
    /// The item in the form that the published schema wants (C2). A `createdDate` that was left out stays empty until it
    /// is sent: the instant at which a message came must not make the same message another one.
    pub(super) fn into_echo(mut self, loan_type: LoanType, requested: Paise) -> Value {
        self.kind = loan_type_word(loan_type).into();
        if let Some(One(terms)) = &mut self.terms {
            terms.requested_amount = requested.to_string().into();
            terms.currency = "INR".into();
            terms.tidy();
        }
        if let Some(One(borrower)) = &mut self.borrower {
            borrower.tidy(Role::Borrower);
        }
        tidy_all(&mut self.guarantors, Role::Guarantor);
        tidy_all(&mut self.applicants, Role::Applicant);
        self.collaterals.0.iter_mut().for_each(Collateral::tidy);
        self.collaterals.0.retain(|collateral| !collateral.kind.is_blank());
        self.extra.tidy(&OURS);
        serde_json::to_value(self).unwrap_or_default()
    }
}

impl AskedTerms {
    fn tidy(&mut self) {
        self.extra.tidy(&["charges", "legalAgreement"]);
        // The rest of a sanction is the lender's to say; it stays where it does no harm.
        let figures = ["sanctionedAmount", "interestAmount", "totalAmount", "interestType"];
        self.extra.0.retain(|name, value| value.is_string() || !figures.contains(&name.as_str()));
        if let Some(One(tenure)) = &mut self.tenure {
            tenure.unit = tenure.unit_word().into();
        }
        self.tenure.take_if(|tenure| tenure.0.duration.is_blank());
    }
}

impl Extra {
    /// Takes out nulls, an `extensibleData` that is no object, and the members named.
    fn tidy(&mut self, without: &[&str]) {
        self.0.retain(|name, value| {
            !value.is_null() && !without.contains(&name.as_str()) && (name != "extensibleData" || value.is_object())
        });
        for (name, value) in &mut self.0 {
            drop_nulls(value);
            if TEXTS.contains(&name.as_str()) && (value.is_number() || value.is_boolean()) {
                *value = value.to_string().into();
            }
        }
    }
}

/// Who and what an application is about, as echoed.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Parties {
    /// Who borrows.
    pub borrower: Map<String, Value>,
    /// Securities.
    pub collaterals: Vec<Map<String, Value>>,
    /// Who guarantees.
    pub guarantors: Vec<Map<String, Value>>,
    /// Who applied beside the borrower.
    pub applicants: Vec<Map<String, Value>>,
}

impl Parties {
    /// Those of a filed form.
    pub(super) fn of(form: &Form) -> Result<Self, EncodeError> {
        let mut echo: Value =
            serde_json::from_str(&form.echo).map_err(|error| EncodeError(format!("echo: {error}")))?;
        respell_parties(&mut echo);
        serde_json::from_value(echo).map_err(|error| EncodeError(format!("echo: {error}")))
    }
}

/// Other words for the two categories of the schema.
const CATEGORIES: [(&str, &str); 5] = [
    ("PERSON", "INDIVIDUAL"),
    ("NATURAL_PERSON", "INDIVIDUAL"),
    ("ORGANISATION", "ORGANIZATION"),
    ("COMPANY", "ORGANIZATION"),
    ("FIRM", "ORGANIZATION"),
];

/// Puts words of the schema in place of those that it does not know, where that loses nothing: the kind of a contact,
/// and whether somebody is a natural person. Kinds of identifiers and collaterals stay: no word of the schema says the
/// same. Done when it is sent, so that what was filed can be compared with what is filed again.
pub(super) fn respell_parties(value: &mut Value) {
    match value {
        Value::Object(members) => {
            respell_category(members);
            for (name, member) in members {
                match (name.as_str(), member) {
                    ("extensibleData", _) => {}
                    ("contactDetails", Value::Array(contacts)) => contacts.iter_mut().for_each(respell_contact),
                    (_, member) => respell_parties(member),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(respell_parties),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn respell_contact(contact: &mut Value) {
    if let Some(kind) = contact.get_mut("type").filter(|kind| **kind != "PRIMARY") {
        *kind = "OTHER".into();
    }
}

fn respell_category(person: &mut Map<String, Value>) {
    let text = |name: &str| person.get(name).and_then(Value::as_str);
    let (Some(kind), Some(category)) = (text("primaryIdType"), text("category")) else { return };
    if ["INDIVIDUAL", "ORGANIZATION"].contains(&category) {
        return;
    }
    let pan = text("primaryId").filter(|_| kind == "PAN");
    let known = CATEGORIES.iter().find(|(other, _)| *other == category).map(|(_, ours)| *ours);
    let category = known.unwrap_or_else(|| category_by_pan(pan));
    person.insert("category".to_owned(), category.into());
}

/// The fourth letter of a PAN is P for a natural person.
fn category_by_pan(pan: Option<&str>) -> &'static str {
    match pan {
        Some(pan) if pan.chars().nth(3) != Some('P') => "ORGANIZATION",
        _ => "INDIVIDUAL",
    }
}

/// What a [`Person`] is in an application, which decides what an echo must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// `borrower`.
    Borrower,
    /// `applicant`: everything but the identifier is optional.
    Applicant,
    /// `guarantor`.
    Guarantor,
    /// `party` of a collateral.
    Party,
}

/// The forms for the echo. Of a person without an identifier, or with one that may be of any kind, the published schema
/// has no form: he is left out.
fn tidy_all(people: &mut Many<Person>, role: Role) {
    people.0.iter_mut().for_each(|person| person.tidy(role));
    people.0.retain(|person| !person.primary_id.is_blank() && !person.primary_id_type.is_blank());
}

impl Person {
    /// The identifier and its kind, where one of them was left out and says itself what it is.
    fn identify(&mut self) {
        if self.primary_id.is_blank()
            && let Some(pan) = self.pan()
        {
            (self.primary_id, self.primary_id_type) = (pan.into(), "PAN".into());
        }
        if self.primary_id_type.is_blank()
            && let Some(kind) = self.primary_id.get().and_then(kind_of_id)
        {
            self.primary_id_type = kind.into();
        }
    }

    /// The form for the echo: inline documents dropped, mandatory members filled.
    fn tidy(&mut self, role: Role) {
        self.identify();
        respell(&mut self.primary_id_type);
        respell(&mut self.category);
        self.extra.tidy(&[]);
        self.additional_identifiers.0.iter_mut().for_each(|identifier| identifier.extra.tidy(&[]));
        self.documents = match role {
            Role::Borrower | Role::Applicant => None,
            Role::Guarantor | Role::Party => Some(Many::default()),
        };
        if let Some(contacts) = &mut self.contact_details {
            contacts.0.iter_mut().enumerate().for_each(|(index, contact)| contact.tidy(index));
        }
        if role != Role::Applicant {
            self.contact_details.get_or_insert_default();
            if self.category.is_blank() {
                self.category = category_by_pan(self.pan().as_deref()).into();
            }
        }
        if role == Role::Party {
            self.extra.0.entry("relationshipWithCollateral").or_insert_with(|| "".into());
            if self.name.is_blank() {
                self.extra.0.insert("name".to_owned(), "".into());
            }
        }
    }
}

impl Contact {
    fn tidy(&mut self, index: usize) {
        respell(&mut self.kind);
        if self.kind.is_blank() {
            self.kind = if index == 0 { "PRIMARY" } else { "OTHER" }.into();
        }
        self.extra.tidy(&[]);
        if let Some(address) = &mut self.address {
            address.0.extra.tidy(&[]);
        }
    }
}

impl Collateral {
    /// The form for the echo.
    fn tidy(&mut self) {
        respell(&mut self.kind);
        respell(&mut self.collateral_primary_id_type);
        if self.kind.is_blank() {
            self.kind = type_of_id(&self.collateral_primary_id_type.0).into();
        } else if self.collateral_primary_id_type.is_blank() {
            self.collateral_primary_id_type = id_type_of(&self.kind.0).into();
        }
        self.documents = Many::default();
        tidy_all(&mut self.parties, Role::Party);
        self.additional_identifiers.0.iter_mut().for_each(|identifier| identifier.extra.tidy(&[]));
        self.extra.tidy(&[]);
        if let Some(valuation) = &mut self.valuation {
            valuation.0.extra.tidy(&[]);
        }
    }
}

/// The kind of an identifier by its form: a PAN, an Aadhaar number of twelve digits, or a phone of ten.
fn kind_of_id(id: &str) -> Option<&'static str> {
    let id = id.trim();
    let is_pan = |(at, b): (usize, u8)| if (5..9).contains(&at) { b.is_ascii_digit() } else { b.is_ascii_alphabetic() };
    let all_digits = id.bytes().all(|b| b.is_ascii_digit());
    match id.len() {
        10 if all_digits => Some("MOBILE"),
        12 if all_digits => Some("AADHAAR"),
        10 if id.bytes().enumerate().all(is_pan) => Some("PAN"),
        _ => None,
    }
}

/// `type` of an application or a loan.
pub(super) fn loan_type_word(loan_type: LoanType) -> &'static str {
    match loan_type {
        LoanType::Cashflow => "CASHFLOW",
        LoanType::Personal => "PERSONAL",
        LoanType::Home => "HOME",
        LoanType::Vehicle => "VEHICLE",
        LoanType::Business => "BUSINESS",
    }
}

fn respell(text: &mut Text) {
    if let Some(word) = text.word() {
        *text = word.into();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_echo_has_the_words_of_the_schema_where_they_say_no_less() {
        let person = |category: &str, kind: &str, contact: &str| {
            json!({
                "primaryId": "AAACL9999F", "primaryIdType": kind, "category": category,
                "contactDetails": [{"type": "PRIMARY", "phone": "1"}, {"type": contact, "phone": "2"}],
                "extensibleData": {"primaryIdType": "PAN", "category": "ODD"},
            })
        };
        let filed = |category: &str, contact: &str| {
            json!({
                "borrower": person(category, "PAN", contact),
                "guarantors": [person(category, "PAN", contact)],
                "collaterals": [{"type": "GOLD", "collateralPrimaryIdType": "HALLMARK", "parties": [person(category, "PAN", contact)]}],
            })
        };
        let mut echo = filed("SOMETHING", "WORK");
        respell_parties(&mut echo);
        assert_eq!(echo, filed("ORGANIZATION", "OTHER"), "the fourth letter of the PAN");
        for (word, category) in
            [("PERSON", "INDIVIDUAL"), ("ORGANISATION", "ORGANIZATION"), ("INDIVIDUAL", "INDIVIDUAL")]
        {
            let mut echo = person(word, "GSTIN", "OTHER");
            respell_parties(&mut echo);
            assert_eq!(echo, person(category, "GSTIN", "OTHER"));
        }
    }
}
