//! `generateOffers` and `setOffer` (C1, C14).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::core::{self, ActionRequired, IdOnly, RejectionDetail, Response};
use super::plan::PlanBlock;
use super::terms::{self, Terms};
use super::{Decoding, RequestBody};
use crate::domain::application::answer::{Answer, Content, OffersContent, PlanStatus};
use crate::domain::application::command::Command;
use crate::domain::application::facets::Offer;
use crate::domain::application::stage::Status;
use crate::domain::ids::OfferId;
use crate::domain::kfs::IssuedKfs;
use crate::engine::{EncodeError, Outgoing};
use crate::lsp::OffersShape;
use crate::protocol::lenient::{self, IdList, One, Text};
use crate::protocol::malformed::Malformed;

/// `generateOffersRequest`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["loanApplicationIds"]))]
pub struct GenerateOffersRequest {
    /// The LSP's application ids.
    pub loan_application_ids: IdList,
}

impl RequestBody for GenerateOffersRequest {
    fn into_command(self, _: &Decoding) -> Result<Command, Malformed> {
        lenient::ids(&self.loan_application_ids, "/loanApplicationIds").map(Command::GenerateOffers)
    }

    fn example() -> Value {
        json!({"loanApplicationIds": ["APP-1", "APP-2"]})
    }
}

/// `setOfferRequest`. Of the offer only its id counts (C14).
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["loanApplicationId", "offer"]))]
pub struct SetOfferRequest {
    /// The LSP's application id.
    pub loan_application_id: Text,
    /// The chosen offer.
    pub offer: Option<One<IdOnly>>,
}

impl RequestBody for SetOfferRequest {
    fn into_command(self, _: &Decoding) -> Result<Command, Malformed> {
        let offer = self.offer.unwrap_or_default().0;
        Ok(Command::SetOffer {
            loan_application_id: lenient::id(&self.loan_application_id, "/loanApplicationId")?,
            offer: OfferId(lenient::id(&offer.id, "/offer/id")?),
        })
    }

    fn example() -> Value {
        json!({"loanApplicationId": "APP-1", "offer": {"id": "OFF-1"}})
    }
}

/// `generateOffersResponse`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GenerateOffersResponse {
    /// One per application, in the order of the request.
    pub loan_applications: Vec<ApplicationOffers>,
}

/// One application with its offers.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationOffers {
    /// The LSP's application id.
    pub loan_application_id: String,
    /// Status.
    pub loan_application_status: &'static str,
    /// Offers, best first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offers: Option<Shape<OfferBlock>>,
    /// Why it was declined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejection_details: Option<Shape<RejectionDetail>>,
    /// What the borrower must bring.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action_required: Option<Shape<ActionRequired>>,
    /// Why this application was refused, when its siblings were not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<Response>,
}

/// An array, or for an LSP that validates against the published schema its first item (C1).
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "{T}OrList")]
pub enum Shape<T> {
    /// All.
    Array(Vec<T>),
    /// The first.
    Object(Box<T>),
}

impl<T> Shape<T> {
    /// In the LSP's shape; nothing when there is nothing.
    fn new(items: impl Iterator<Item = T>, shape: OffersShape) -> Option<Self> {
        let mut items = items.peekable();
        items.peek()?;
        match shape {
            OffersShape::Array => Some(Self::Array(items.collect())),
            OffersShape::Object => items.next().map(|first| Self::Object(Box::new(first))),
        }
    }
}

/// `offer`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OfferBlock {
    /// Ours, globally unique.
    pub id: String,
    /// Good until this instant.
    pub valid_till: String,
    /// What is offered.
    pub terms: Terms,
    /// How it can be paid out.
    pub disbursement: PlanList,
    /// How it can be repaid.
    pub repayment: PlanList,
    /// The key facts statement.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<DocumentBlock>,
    /// Where the borrower reads the key facts statement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What the protocol has no member for (design §8).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extensible_data: Option<OfferExtra>,
}

/// `document`, sent by the lender.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DocumentBlock {
    /// `FIU`: the lender.
    pub source: &'static str,
    /// The lender's orgId.
    pub source_identifier: String,
    /// `JSON`; `openapi/kfs.schema.json` describes it.
    pub format: &'static str,
    /// Proposal number of the key facts statement.
    pub reference: String,
    /// `OTHER`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Always.
    pub is_data_inline: bool,
    /// The statement, base64; `kfsHash` is of the decoded bytes.
    pub data: String,
}

/// `extensibleData` of an offer.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OfferExtra {
    /// SHA-256 of the key facts statement's bytes, hex.
    pub kfs_hash: String,
}

impl DocumentBlock {
    fn new(kfs: &IssuedKfs, lender: &str) -> Self {
        Self {
            source: "FIU",
            source_identifier: lender.to_owned(),
            format: "JSON",
            reference: kfs.number.clone(),
            kind: "OTHER",
            is_data_inline: true,
            data: STANDARD.encode(&kfs.text),
        }
    }
}

/// `disbursement` or `repayment` of an offer.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PlanList {
    /// To choose from.
    pub plans: Vec<PlanBlock>,
}

impl OfferBlock {
    fn new(offer: &Offer, outgoing: &Outgoing<'_>) -> Self {
        let (settings, kfs) = (outgoing.settings, offer.kfs.as_ref());
        let plans = |plans: &[_], schedule| PlanList {
            plans: plans.iter().map(|plan| PlanBlock::new(plan, PlanStatus::Inactive, schedule, settings)).collect(),
        };
        let repayment = plans(&offer.repayment_plans, Some(offer.schedule.rows.as_slice()));
        // Nothing is owed yet, and the choice is free until the loan runs on one of them.
        let to_choose = repayment.plans.into_iter().map(|plan| plan.allowing(false, true)).collect();
        Self {
            id: offer.id.to_string(),
            valid_till: core::timestamp(offer.valid_till),
            terms: Terms::of_offer(offer, terms::agreement_page(outgoing.borrower_url, offer, kfs)),
            disbursement: plans(&offer.disbursement_plans, None),
            repayment: PlanList { plans: to_choose },
            documents: kfs.map(|kfs| DocumentBlock::new(kfs, &outgoing.lender.org_id)).into_iter().collect(),
            url: kfs.map(|kfs| kfs.url.clone()),
            extensible_data: kfs.map(|kfs| OfferExtra { kfs_hash: kfs.hash.clone() }),
        }
    }
}

/// `generateOffersResponse`.
///
/// # Errors
/// When the answers are not this operation's.
pub fn encode_offers(outgoing: &Outgoing<'_>) -> Result<String, EncodeError> {
    let loan_applications = outgoing.answers.iter().map(|answer| item(outgoing, answer)).collect::<Result<_, _>>()?;
    core::callback(outgoing, Response::of_all(outgoing), GenerateOffersResponse { loan_applications })
}

fn item(outgoing: &Outgoing<'_>, answer: &Answer) -> Result<ApplicationOffers, EncodeError> {
    let Content::Offers(content) = &answer.content else {
        return Err(core::misfit(outgoing));
    };
    let OffersContent { loan_application_id, status, offers, rejections, actions } = content;
    let shape = outgoing.settings.offers_shape;
    // A refused item says nothing but where it stands (`ocen-v3.md` §3.3).
    let offers = offers.iter().filter(|_| answer.refusal.is_none());
    Ok(ApplicationOffers {
        loan_application_id: loan_application_id.clone(),
        loan_application_status: core::status_word(*status, outgoing.settings),
        offers: Shape::new(offers.map(|offer| OfferBlock::new(offer, outgoing)), shape),
        rejection_details: Shape::new(rejections.iter().map(RejectionDetail::from), shape),
        action_required: Shape::new(actions.iter().map(ActionRequired::from), shape),
        response: answer.refusal.as_ref().map(|refusal| Response::of(outgoing, Some(refusal))),
    })
}

/// `setOfferResponse`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SetOfferResponse {
    /// The LSP's application id.
    pub loan_application_id: String,
    /// Status; this message knows no `ACTION_REQUIRED`, which is said as `PROCESSING`.
    pub loan_application_status: &'static str,
}

/// `setOfferResponse`.
///
/// # Errors
/// When the answer is not this operation's.
pub fn encode_set(outgoing: &Outgoing<'_>) -> Result<String, EncodeError> {
    let answer = core::single(outgoing)?;
    let Content::OfferSet { loan_application_id, status } = &answer.content else {
        return Err(core::misfit(outgoing));
    };
    // C5: the published enum lacks it.
    let status = if *status == Status::ActionRequired { Status::Processing } else { *status };
    let body = SetOfferResponse {
        loan_application_id: loan_application_id.clone(),
        loan_application_status: core::status_word(status, outgoing.settings),
    };
    core::callback(outgoing, Response::of(outgoing, answer.refusal.as_ref()), body)
}
