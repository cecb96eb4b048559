//! The people and things of an application as LSPs describe them, read leniently and echoed in the
//! form that the published schemas want (`ocen-v3.md` §7 C2, appendix A).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::protocol::lenient::{Many, One, Text, drop_nulls};

/// Members that we do not read but echo.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Extra(pub Map<String, Value>);

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

impl Extra {
    /// Takes out nulls, an `extensibleData` that is no object, and the members named.
    pub fn tidy(&mut self, without: &[&str]) {
        self.0.retain(|name, value| {
            !value.is_null()
                && !without.contains(&name.as_str())
                && (name != "extensibleData" || value.is_object())
        });
        for (name, value) in &mut self.0 {
            drop_nulls(value);
            if TEXTS.contains(&name.as_str()) && (value.is_number() || value.is_boolean()) {
                *value = value.to_string().into();
            }
        }
    }
}

/// Borrower, applicant, guarantor, or party to a collateral.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["primaryId", "primaryIdType"]))]
pub struct Person {
    /// The identifier, e.g. a PAN.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub primary_id: Text,
    /// `PAN`, `MOBILE`, `AADHAAR`; others are taken as they are.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub primary_id_type: Text,
    /// Further identifiers; a PAN is looked for here too.
    #[serde(skip_serializing_if = "no_items")]
    pub additional_identifiers: Many<Identifier>,
    /// Name.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub name: Text,
    /// `INDIVIDUAL` or `ORGANIZATION`.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub category: Text,
    /// Phone, email, address; the `PRIMARY` one gets the OTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_details: Option<Many<Contact>>,
    /// Documents; only their types are read, and they are not echoed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documents: Option<Many<Document>>,
    /// Anything else.
    #[serde(flatten)]
    pub extra: Extra,
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

impl Person {
    /// The form for the echo: inline documents dropped, mandatory members filled.
    pub fn tidy(&mut self, role: Role) {
        respell(&mut self.primary_id_type);
        respell(&mut self.category);
        self.extra.tidy(&[]);
        self.additional_identifiers
            .0
            .iter_mut()
            .for_each(|identifier| identifier.extra.tidy(&[]));
        self.documents = match role {
            Role::Borrower | Role::Applicant => None,
            Role::Guarantor | Role::Party => Some(Many::default()),
        };
        if let Some(contacts) = &mut self.contact_details {
            contacts
                .0
                .iter_mut()
                .enumerate()
                .for_each(|(index, contact)| contact.tidy(index));
        }
        if role != Role::Applicant {
            self.contact_details.get_or_insert_default();
            if self.category.is_blank() {
                self.category = self.category_of_pan().into();
            }
        }
        if role == Role::Party {
            self.extra
                .0
                .entry("relationshipWithCollateral")
                .or_insert_with(|| "".into());
            if self.name.is_blank() {
                self.extra.0.insert("name".to_owned(), "".into());
            }
        }
    }

    /// The fourth letter of a PAN is P for a natural person.
    fn category_of_pan(&self) -> &'static str {
        match self.pan() {
            Some(pan) if !pan.chars().nth(3).is_some_and(|kind| kind == 'P') => "ORGANIZATION",
            _ => "INDIVIDUAL",
        }
    }

    /// Permanent account number, from the primary or an additional identifier, upper case. In the
    /// latter key and value come in either order.
    #[must_use]
    pub fn pan(&self) -> Option<String> {
        if self.primary_id_type.word().as_deref() == Some("PAN") {
            return self.primary_id.word();
        }
        self.additional_identifiers.0.iter().find_map(|identifier| {
            match (identifier.key.word()?, identifier.value.word()?) {
                (key, value) if key == "PAN" => Some(value),
                (key, value) if value == "PAN" => Some(key),
                _ => None,
            }
        })
    }

    /// The `PRIMARY` contact, else the first.
    #[must_use]
    pub fn contact(&self) -> Option<&Contact> {
        let contacts = &self.contact_details.as_ref()?.0;
        let primary = contacts
            .iter()
            .find(|contact| contact.kind.word().as_deref() == Some("PRIMARY"));
        primary.or_else(|| contacts.first())
    }
}

/// `additionalidentifier`; some senders say `additionalIdentifierType` and `id`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Identifier {
    /// Kind of identifier, e.g. `PAN`.
    #[serde(alias = "additionalIdentifierType")]
    pub key: Text,
    /// The identifier.
    #[serde(alias = "id")]
    pub value: Text,
    /// Anything else.
    #[serde(flatten)]
    pub extra: Extra,
}

/// `contactdetails`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Contact {
    /// `PRIMARY` or `OTHER`.
    #[serde(rename = "type")]
    pub kind: Text,
    /// Phone.
    pub phone: Text,
    /// Email.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub email: Text,
    /// Address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<One<Address>>,
    /// Anything else.
    #[serde(flatten)]
    pub extra: Extra,
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

/// `address`. A member that the schema demands and the LSP left out is echoed empty.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Address {
    /// House, building, apartment.
    pub hba: Text,
    /// Street, road, lane.
    pub srl: Text,
    /// Postal code.
    #[serde(alias = "pincode")]
    pub pin_code: Text,
    /// State.
    pub state: Text,
    /// Country.
    pub country: Text,
    /// Anything else.
    #[serde(flatten)]
    pub extra: Extra,
}

/// `document`, as far as it is read.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Document {
    /// e.g. `GST_PROFILE`; an unknown type counts as `OTHER`.
    #[serde(rename = "type")]
    pub kind: Text,
}

/// `collateral`; also the entries of `pledgedDocuments`, which some senders use instead.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["collateralPrimaryId", "collateralPrimaryIdType"]))]
pub struct Collateral {
    /// e.g. `INVOICE_<GSTIN>_<number>`; pledged once, lender-wide.
    #[serde(alias = "primaryId")]
    pub collateral_primary_id: Text,
    /// Which registry, e.g. `GST_INVOICE`; any other is taken as it is.
    #[serde(alias = "primaryIdType")]
    pub collateral_primary_id_type: Text,
    /// `GST_INVOICE`, `VEHICLE`, `HOME`; any other is taken as it is.
    #[serde(rename = "type")]
    pub kind: Text,
    /// Further identifiers.
    pub additional_identifiers: Many<Identifier>,
    /// What it is worth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valuation: Option<One<Valuation>>,
    /// Who has to do with it, e.g. the buyer of an invoice.
    pub parties: Many<Person>,
    /// Documents; only their types are read, and they are not echoed.
    pub documents: Many<Document>,
    /// Anything else.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Collateral {
    /// The form for the echo.
    pub fn tidy(&mut self) {
        respell(&mut self.kind);
        if self.kind.is_blank() {
            self.kind = self.collateral_primary_id_type.clone();
        }
        self.documents = Many::default();
        self.parties
            .0
            .iter_mut()
            .for_each(|party| party.tidy(Role::Party));
        self.additional_identifiers
            .0
            .iter_mut()
            .for_each(|identifier| identifier.extra.tidy(&[]));
        self.extra.tidy(&[]);
        if let Some(valuation) = &mut self.valuation {
            valuation.0.extra.tidy(&[]);
        }
    }
}

/// `valuation`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Valuation {
    /// Rupees.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub value: Text,
    /// Anything else.
    #[serde(flatten)]
    pub extra: Extra,
}

fn respell(text: &mut Text) {
    if let Some(word) = text.word() {
        *text = word.into();
    }
}

fn no_items<T>(items: &Many<T>) -> bool {
    items.0.is_empty()
}
