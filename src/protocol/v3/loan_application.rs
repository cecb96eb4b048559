//! `createLoanApplications` (C2).

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::core::{self, ActionRequired, LenderBlock, RejectionDetail, Response};
use super::document::{self, Document};
use super::echo;
use super::party::{Collateral, Extra, Person};
use super::{Decoding, RequestBody};
use crate::domain::application::answer::{Answer, ApplicationContent, Content};
use crate::domain::application::command::{Command, NewApplication};
use crate::domain::application::form::{Borrower, Form, LoanType, Tenure, TenureUnit};
use crate::engine::{EncodeError, Outgoing};
use crate::protocol::amount;
use crate::protocol::lenient::{self, Many, One, Text, word};
use crate::protocol::malformed::Malformed;
use crate::protocol::spelling::respelled;

const LOAN_TYPES: [&str; 5] = ["CASHFLOW", "PERSONAL", "HOME", "VEHICLE", "BUSINESS"];

/// `createLoanApplicationsRequest`: one to a hundred applications, in practice of one borrower.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["loanApplications"]))]
pub struct CreateLoanApplicationsRequest {
    /// The applications.
    pub loan_applications: Many<Item>,
}

/// One application.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, remote = "Item")]
#[schemars(extend("required" = ["loanApplicationId", "type", "borrower", "terms"]))]
pub struct Item {
    /// When the LSP made it; now, when left out.
    pub created_date: Text,
    /// Made by the LSP; the key of everything until the grant.
    pub loan_application_id: Text,
    /// `CASHFLOW`, `PERSONAL`, `HOME`, `VEHICLE` or `BUSINESS`.
    #[serde(rename = "type")]
    pub kind: Text,
    /// What some senders say instead of `type`.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub product_type: Text,
    /// Who borrows.
    pub borrower: Option<One<Person>>,
    /// Securities.
    pub collaterals: Many<Collateral>,
    /// What some senders say instead of `collaterals`.
    #[serde(skip_serializing)]
    pub pledged_documents: Many<Collateral>,
    /// Who guarantees.
    pub guarantors: Many<Person>,
    /// Who applies beside the borrower.
    pub applicants: Many<Person>,
    /// What is asked.
    pub terms: Option<One<AskedTerms>>,
    /// Anything else.
    #[serde(flatten)]
    pub extra: Extra,
}

respelled!(Item { "createDate" => "createdDate" });

/// `loanterms` of an ask.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["requestedAmount"]))]
pub struct AskedTerms {
    /// Rupees, above zero, at most two decimals.
    pub requested_amount: Text,
    /// `INR`.
    pub currency: Text,
    /// Length asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenure: Option<One<AskedTenure>>,
    /// Documents; they are not echoed.
    #[serde(skip_serializing)]
    pub documents: Many<Document>,
    /// Anything else.
    #[serde(flatten)]
    pub extra: Extra,
}

/// `loantenure` of an ask.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AskedTenure {
    /// How many units.
    pub duration: Text,
    /// `MONTH`, `DAY` or `YEAR`.
    pub unit: Text,
}

impl RequestBody for CreateLoanApplicationsRequest {
    fn into_command(self, decoding: &Decoding) -> Result<Command, Malformed> {
        let items = self.loan_applications.0;
        lenient::batch_size(items.len(), "/loanApplications")?;
        let mut seen = HashSet::new();
        let mut applications = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let pointer = format!("/loanApplications/{index}");
            let application = item.into_application(&pointer, decoding.now)?;
            if !seen.insert(application.loan_application_id.clone()) {
                let pointer = format!("{pointer}/loanApplicationId");
                return Err(Malformed::form(pointer, "this id is in the message twice"));
            }
            applications.push(application);
        }
        Ok(Command::CreateApplications(applications))
    }

    fn example() -> Value {
        json!({"loanApplications": [{
            "createdDate": "2026-01-05T09:59:00.000Z",
            "loanApplicationId": "APP-1",
            "type": "CASHFLOW",
            "borrower": {
                "primaryId": "AAAPL1234C", "primaryIdType": "PAN", "name": "Asha Lal", "category": "INDIVIDUAL",
                "contactDetails": [{"type": "PRIMARY", "phone": "9000000001", "email": "asha@example.in"}]
            },
            "collaterals": [{
                "collateralPrimaryId": "INVOICE_29AAAPL1234C1Z5_17", "collateralPrimaryIdType": "GST_INVOICE",
                "type": "GST_INVOICE", "additionalIdentifiers": [], "parties": [], "documents": [],
                "valuation": {"value": "40000.00", "currency": "INR"}
            }],
            "guarantors": [],
            "applicants": [],
            "terms": {
                "requestedAmount": "32205.00", "currency": "INR", "tenure": {"duration": "90", "unit": "DAY"}
            }
        }]})
    }
}

impl Item {
    fn into_application(mut self, pointer: &str, now: DateTime<Utc>) -> Result<NewApplication, Malformed> {
        self.collaterals.0.append(&mut self.pledged_documents.0);
        let loan_application_id = lenient::id(&self.loan_application_id, &format!("{pointer}/loanApplicationId"))?;
        let loan_type = self.loan_type(pointer)?;
        let created_at = self.created_at(pointer, now)?;
        let borrower = self.borrower(pointer)?;
        let (requested, tenure) = self.ask(pointer)?;
        let collaterals = self.collaterals.0.iter().map(Collateral::read).collect();
        let documents = document::types(self.own_documents());
        let documents_digest = document::digest_of(self.own_documents().chain(self.documents_of_parties()));
        let echo = self.into_echo(loan_type, requested).to_string();
        let form =
            Form { loan_type, created_at, borrower, collaterals, requested, tenure, documents, documents_digest, echo };
        Ok(NewApplication { loan_application_id, form })
    }

    fn loan_type(&self, pointer: &str) -> Result<LoanType, Malformed> {
        let kind = if self.kind.is_blank() { &self.product_type } else { &self.kind };
        let pointer = format!("{pointer}/type");
        match word(lenient::required(kind, &pointer)?).as_str() {
            "CASHFLOW" => Ok(LoanType::Cashflow),
            "PERSONAL" => Ok(LoanType::Personal),
            "HOME" => Ok(LoanType::Home),
            "VEHICLE" => Ok(LoanType::Vehicle),
            "BUSINESS" => Ok(LoanType::Business),
            _ => Err(Malformed::not_one_of(pointer, &LOAN_TYPES)),
        }
    }

    fn created_at(&self, pointer: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, Malformed> {
        let Some(text) = self.created_date.get() else {
            return Ok(now);
        };
        lenient::instant(text)
            .ok_or_else(|| Malformed::form(format!("{pointer}/createdDate"), "must be an ISO 8601 timestamp"))
    }

    fn borrower(&self, pointer: &str) -> Result<Borrower, Malformed> {
        let pointer = format!("{pointer}/borrower");
        let Some(One(person)) = &self.borrower else {
            return Err(Malformed::missing(pointer));
        };
        let primary_id = lenient::id(&person.primary_id, &format!("{pointer}/primaryId"))?;
        let primary_id_type = word(&lenient::id(&person.primary_id_type, &format!("{pointer}/primaryIdType"))?);
        let contact = person.contact();
        let own_phone = (primary_id_type == "MOBILE").then(|| primary_id.clone());
        Ok(Borrower {
            pan: person.pan(),
            name: person.name.get().map(str::to_owned),
            phone: contact.and_then(|contact| contact.phone.get()).map(str::to_owned).or(own_phone),
            email: contact.and_then(|contact| contact.email.get()).map(str::to_owned),
            primary_id,
            primary_id_type,
        })
    }

    fn ask(&self, pointer: &str) -> Result<(crate::domain::maths::money::Paise, Option<Tenure>), Malformed> {
        let pointer = format!("{pointer}/terms");
        let Some(One(terms)) = &self.terms else {
            return Err(Malformed::missing(pointer));
        };
        let place = format!("{pointer}/requestedAmount");
        let requested = amount::positive(lenient::required(&terms.requested_amount, &place)?, &place)?;
        if terms.currency.word().is_some_and(|currency| currency != "INR") {
            return Err(Malformed::not_one_of(format!("{pointer}/currency"), &["INR"]));
        }
        let tenure = terms.tenure.as_ref().map(|tenure| &tenure.0).filter(|tenure| !tenure.duration.is_blank());
        let tenure = tenure.map(|tenure| tenure.read(&format!("{pointer}/tenure"))).transpose()?;
        Ok((requested, tenure))
    }

    /// The documents that came along, those of parties to a collateral left out.
    fn own_documents(&self) -> impl Iterator<Item = &Document> {
        let people = self.borrower.iter().map(|one| &one.0).chain(&self.applicants.0).chain(&self.guarantors.0);
        let of_people = people.filter_map(|person| person.documents.as_ref()).flat_map(|documents| &documents.0);
        let of_collaterals = self.collaterals.0.iter().flat_map(|collateral| &collateral.documents.0);
        let of_terms = self.terms.iter().flat_map(|terms| &terms.0.documents.0);
        of_people.chain(of_collaterals).chain(of_terms)
    }

    fn documents_of_parties(&self) -> impl Iterator<Item = &Document> {
        let parties = self.collaterals.0.iter().flat_map(|collateral| &collateral.parties.0);
        parties.filter_map(|party| party.documents.as_ref()).flat_map(|documents| &documents.0)
    }
}

impl AskedTenure {
    fn read(&self, pointer: &str) -> Result<Tenure, Malformed> {
        let place = format!("{pointer}/duration");
        let duration = lenient::count(lenient::required(&self.duration, &place)?, &place)?;
        let place = format!("{pointer}/unit");
        lenient::required(&self.unit, &place)?;
        let unit = match self.unit_word().as_str() {
            "MONTH" => TenureUnit::Month,
            "DAY" => TenureUnit::Day,
            "YEAR" => TenureUnit::Year,
            _ => return Err(Malformed::not_one_of(place, &["MONTH", "DAY", "YEAR"])),
        };
        Ok(Tenure { duration, unit })
    }

    /// The unit in the spelling of the schema: `months` is `MONTH`.
    pub(super) fn unit_word(&self) -> String {
        self.unit.get().map(word).unwrap_or_default().trim_end_matches('S').to_owned()
    }
}

/// `createLoanApplicationsResponse`: the request's items with what became of each.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateLoanApplicationsResponse {
    /// One per application, in the order of the request.
    pub loan_applications: Vec<ItemResult>,
}

/// One application with what became of it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ItemResult {
    /// The item as received, documents left out.
    #[serde(flatten)]
    pub echo: Map<String, Value>,
    /// The lender.
    pub lender: LenderBlock,
    /// Status; absent when the item was not stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loan_application_status: Option<&'static str>,
    /// Why this item was refused, when its siblings were not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<Response>,
    /// Why it was declined.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rejection_details: Vec<RejectionDetail>,
    /// What the borrower must bring.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub action_required: Vec<ActionRequired>,
}

/// `createLoanApplicationsResponse`.
///
/// # Errors
/// When the answers are not this operation's.
pub fn encode(outgoing: &Outgoing<'_>) -> Result<String, EncodeError> {
    let loan_applications = outgoing.answers.iter().map(|answer| item(outgoing, answer)).collect::<Result<_, _>>()?;
    core::callback(outgoing, Response::of_all(outgoing), CreateLoanApplicationsResponse { loan_applications })
}

fn item(outgoing: &Outgoing<'_>, answer: &Answer) -> Result<ItemResult, EncodeError> {
    let Content::Application(ApplicationContent { form, status, rejections, actions, .. }) = &answer.content else {
        return Err(core::misfit(outgoing));
    };
    let mut filed: Map<String, Value> =
        serde_json::from_str(&form.echo).map_err(|error| EncodeError(format!("echo: {error}")))?;
    if let Some(created) = filed.get_mut("createdDate") {
        // Dates go out in one form, whatever they came in (`ocen-v3.md` §7.2).
        *created = core::timestamp(form.created_at).into();
    }
    filed.values_mut().for_each(echo::respell_parties);
    Ok(ItemResult {
        echo: filed,
        lender: LenderBlock::new(outgoing.lender),
        loan_application_status: status.map(|status| core::status_word(status, outgoing.settings)),
        response: answer.refusal.as_ref().map(|refusal| Response::of(outgoing, Some(refusal))),
        rejection_details: rejections.iter().map(RejectionDetail::from).collect(),
        action_required: actions.iter().map(ActionRequired::from).collect(),
    })
}
