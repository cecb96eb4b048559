//! The people and things of an application as LSPs describe them, read leniently and echoed in the
//! form that the published schemas want (C2, appendix A).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::document::Document;
use crate::domain::application::form;
use crate::protocol::amount;
use crate::protocol::lenient::{self, Many, One, Text, word};
use crate::protocol::spelling::respelled;

/// Members that we do not read but echo.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Extra(pub Map<String, Value>);

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
    /// Documents; they are not echoed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documents: Option<Many<Document>>,
    /// Anything else.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A PAN among further identifiers, upper case; key and value come in either order.
#[must_use]
pub fn pan_among(identifiers: &Many<Identifier>) -> Option<String> {
    identifiers.0.iter().find_map(|identifier| match (upper(identifier.key.get()?), upper(identifier.value.get()?)) {
        (key, value) if key == "PAN" => Some(value),
        (key, value) if value == "PAN" => Some(key),
        _ => None,
    })
}

impl Person {
    /// Permanent account number, from the primary or an additional identifier, upper case. In the
    /// latter key and value come in either order.
    #[must_use]
    pub fn pan(&self) -> Option<String> {
        if self.primary_id_type.word().as_deref() == Some("PAN") {
            return self.primary_id.get().map(upper);
        }
        pan_among(&self.additional_identifiers)
    }

    /// The `PRIMARY` contact, else the first.
    #[must_use]
    pub fn contact(&self) -> Option<&Contact> {
        let contacts = &self.contact_details.as_ref()?.0;
        let primary = contacts.iter().find(|contact| contact.kind.word().as_deref() == Some("PRIMARY"));
        primary.or_else(|| contacts.first())
    }
}

/// `additionalidentifier`; some senders say `additionalIdentifierType` and `id`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, remote = "Identifier")]
pub struct Identifier {
    /// Kind of identifier, e.g. `PAN`.
    pub key: Text,
    /// The identifier.
    pub value: Text,
    /// Anything else.
    #[serde(flatten)]
    pub extra: Extra,
}

respelled!(Identifier { "additionalIdentifierType" => "key", "id" => "value" });

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

/// `address`. A member that the schema demands and the LSP left out is echoed empty.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, remote = "Address")]
pub struct Address {
    /// House, building, apartment.
    pub hba: Text,
    /// Street, road, lane.
    pub srl: Text,
    /// Postal code.
    pub pin_code: Text,
    /// State.
    pub state: Text,
    /// Country.
    pub country: Text,
    /// Anything else.
    #[serde(flatten)]
    pub extra: Extra,
}

respelled!(Address { "pincode" => "pinCode" });

/// `collateral`; also the entries of `pledgedDocuments`, which some senders use instead.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, remote = "Collateral")]
#[schemars(extend("required" = ["collateralPrimaryId", "collateralPrimaryIdType"]))]
pub struct Collateral {
    /// e.g. `INVOICE_<GSTIN>_<number>`; pledged once, lender-wide.
    pub collateral_primary_id: Text,
    /// Which registry, e.g. `GST_INVOICE`; any other is taken as it is.
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
    /// Documents; they are not echoed.
    pub documents: Many<Document>,
    /// Anything else.
    #[serde(flatten)]
    pub extra: Extra,
}

respelled!(Collateral { "primaryId" => "collateralPrimaryId", "primaryIdType" => "collateralPrimaryIdType" });

impl Collateral {
    /// A security as decisions need it. What cannot be read is no reason to refuse the message, in which nothing of a
    /// collateral is mandatory (appendix A, step 7): its application alone is told so.
    pub(super) fn read(&self) -> form::Collateral {
        let id = lenient::id(&self.collateral_primary_id, "");
        let id_type = lenient::optional_id(&self.collateral_primary_id_type, "");
        let own_type = lenient::optional_id(&self.kind, "");
        let value = self.valuation.as_ref().and_then(|valuation| valuation.0.value.get());
        let value = value.map(|value| amount::not_negative(value, "")).transpose();
        let unreadable = id.is_err() || id_type.is_err() || value.is_err();
        form::Collateral {
            id_type: match id_type.ok().flatten() {
                Some(id_type) => word(&id_type),
                None => own_type.ok().flatten().map(|own| id_type_of(&word(&own)).to_owned()).unwrap_or_default(),
            },
            id: id.map(|id| id.trim().to_owned()).unwrap_or_default(),
            value: value.ok().flatten(),
            unreadable,
        }
    }
}

/// The registry in which things of a type have their ids.
pub(super) fn id_type_of(own_type: &str) -> &str {
    match own_type {
        "VEHICLE" => "VIN",
        other => other,
    }
}

/// The type of things that have their ids in a registry.
pub(super) fn type_of_id(id_type: &str) -> &str {
    match id_type {
        "VIN" => "VEHICLE",
        other => other,
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

pub(super) fn no_items<T>(items: &Many<T>) -> bool {
    items.0.is_empty()
}

fn upper(text: &str) -> String {
    text.trim().to_uppercase()
}
