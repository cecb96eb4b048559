//! Types that many v3 messages share: the envelope and what the lender says about itself,
//! rejections and missing steps.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use crate::config;
use crate::domain::application::answer::{Answer, Refusal};
use crate::domain::application::form::{Tenure, TenureUnit};
use crate::domain::application::stage::{Action, ActionType, Rejection, RejectionReason, Status};
use crate::engine::{EncodeError, Outgoing};
use crate::lsp::{ActionRequiredSpelling, Settings};
use crate::protocol::codes::{self, Code};
use crate::protocol::lenient::Text;

/// `metadata` of every message.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// Protocol version of the sender, e.g. `1.0`.
    pub version: String,
    /// Who sends.
    pub org_id: String,
    /// When it was sent, ISO 8601; without a zone it is Indian standard time.
    pub timestamp: String,
    /// For tracing, 1 to 128 printable characters; an ack repeats it.
    pub trace_id: String,
}

/// A request with its envelope. Unknown members are tolerated.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "{T}")]
pub struct RequestMessage<T> {
    /// Envelope.
    pub metadata: Metadata,
    /// Made by the sender; the same id with the same body is a harmless repetition.
    pub request_id: String,
    /// The request's own members.
    #[serde(flatten)]
    pub body: T,
}

/// A callback. The stored body has no `metadata`; delivery adds it, fresh for each attempt.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "{T}", extend("required" = ["metadata", "response", "requestId"]))]
pub struct Callback<T> {
    /// Envelope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// Whether the request could be carried out.
    pub response: Response,
    /// The `requestId` of the request.
    pub request_id: String,
    /// The callback's own members.
    #[serde(flatten)]
    pub body: T,
}

/// `response` of every callback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Response {
    /// `0`, or an error code.
    pub error: String,
    /// Words for an engineer; present when `error` is not `0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl Response {
    /// Carried out.
    #[must_use]
    pub fn ok() -> Self {
        Self { error: codes::OK.to_owned(), description: None }
    }

    /// Not carried out.
    #[must_use]
    pub fn error(code: Code, settings: &Settings, description: &str) -> Self {
        let error = code.folded(settings.error_catalogue).text().to_owned();
        Self { error, description: Some(description.to_owned()) }
    }

    /// As one answer has it.
    #[must_use]
    pub fn of(outgoing: &Outgoing<'_>, refusal: Option<&Refusal>) -> Self {
        refusal.map_or_else(Self::ok, |refusal| {
            let code = Code::for_reason(outgoing.operation, refusal.reason);
            Self::error(code, outgoing.settings, &refusal.detail)
        })
    }

    /// Of a message over several applications: an error only when every one was refused for the
    /// same reason (`ocen-v3.md` §3.3, "Bulk partial failure").
    #[must_use]
    pub fn of_all(outgoing: &Outgoing<'_>) -> Self {
        let mut refusals = outgoing.answers.iter().map(|answer| answer.refusal.as_ref());
        let first = refusals.next().flatten();
        let reason = first.map(|refusal| refusal.reason);
        let same = refusals.all(|other| other.map(|refusal| refusal.reason) == reason);
        Self::of(outgoing, first.filter(|_| same))
    }
}

/// The text of a callback without `metadata`.
///
/// # Errors
/// When serialising fails, which it does not for these types.
pub fn callback<T: Serialize>(outgoing: &Outgoing<'_>, response: Response, body: T) -> Result<String, EncodeError> {
    let callback = Callback { metadata: None, response, request_id: outgoing.request_id.to_owned(), body };
    serde_json::to_string(&callback).map_err(|error| EncodeError(error.to_string()))
}

/// The only answer of an exchange that is not over several applications.
///
/// # Errors
/// When there is none.
pub fn single<'a>(outgoing: &Outgoing<'a>) -> Result<&'a Answer, EncodeError> {
    outgoing.answers.first().ok_or_else(|| EncodeError(format!("{} has no answer", outgoing.operation)))
}

/// The error of an answer whose content belongs to another operation.
#[must_use]
pub fn misfit(outgoing: &Outgoing<'_>) -> EncodeError {
    EncodeError(format!("the answer of {} has the content of another operation", outgoing.operation))
}

/// An instant as every member but `startDate` has it: UTC, milliseconds, `Z`.
#[must_use]
pub fn timestamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A day as every member but `startDate` of a plan has it: its first instant, UTC. That is morning of the same day
/// in India, so that both readings name the day.
#[must_use]
pub fn date(day: NaiveDate) -> String {
    format!("{day}T00:00:00.000Z")
}

/// The lender, as in `getLoan` and in the create answer (C2).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LenderBlock {
    /// Identifier of the lender.
    pub primary_id: String,
    /// `PAN`, `MOBILE`, `AADHAAR` or `FIU`.
    pub primary_id_type: String,
    /// Name.
    pub name: String,
    /// `ORGANIZATION`.
    pub category: &'static str,
    /// How to reach the lender.
    pub contact_details: [LenderContact; 1],
    /// Always empty.
    pub documents: [String; 0],
}

/// How to reach the lender.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LenderContact {
    /// `PRIMARY`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Phone.
    pub phone: String,
    /// Email.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

impl LenderBlock {
    /// The configured lender.
    #[must_use]
    pub fn new(lender: &config::Lender) -> Self {
        Self {
            primary_id: lender.primary_id.clone(),
            primary_id_type: lender_id_type(&lender.primary_id_type),
            name: lender.name.clone(),
            category: "ORGANIZATION",
            contact_details: [LenderContact {
                kind: "PRIMARY",
                phone: lender.phone.clone(),
                email: lender.email.clone(),
            }],
            documents: [],
        }
    }
}

/// `primaryIdType` of the published schema. A borrower's may be any of the first three, or what the LSP calls it; the
/// lender's may be any.
pub const PRIMARY_ID_TYPES: [&str; 4] = ["PAN", "MOBILE", "AADHAAR", "FIU"];

/// An identifier of a kind that the published enum lacks, such as a CIN, goes as `FIU`.
fn lender_id_type(kind: &str) -> String {
    let known = PRIMARY_ID_TYPES.contains(&kind);
    if known { kind } else { "FIU" }.to_owned()
}

/// `loantenure`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TenureBlock {
    /// How many units, as text.
    pub duration: String,
    /// `MONTH`, `DAY` or `YEAR`.
    pub unit: &'static str,
}

impl From<Tenure> for TenureBlock {
    fn from(tenure: Tenure) -> Self {
        let unit = match tenure.unit {
            TenureUnit::Month => "MONTH",
            TenureUnit::Day => "DAY",
            TenureUnit::Year => "YEAR",
        };
        Self { duration: tenure.duration.to_string(), unit }
    }
}

/// `rejectiondetail`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RejectionDetail {
    /// `LOW_CREDIT_SCORE`, `FRAUD`, `DOC_IRREGULARITIES` or `OTHERS`.
    pub reason: &'static str,
    /// Words for the borrower.
    pub description: String,
}

impl From<&Rejection> for RejectionDetail {
    fn from(rejection: &Rejection) -> Self {
        let reason = match rejection.reason {
            RejectionReason::LowCreditScore => "LOW_CREDIT_SCORE",
            RejectionReason::Fraud => "FRAUD",
            RejectionReason::DocIrregularities => "DOC_IRREGULARITIES",
            RejectionReason::Others => "OTHERS",
        };
        Self { reason, description: rejection.description.clone() }
    }
}

/// `actionrequired`: what the borrower must still do.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActionRequired {
    /// `ADD_DOCUMENT`, `RESUBMIT_DOCUMENT` or `OTHER`.
    pub action_type: &'static str,
    /// Words for the borrower.
    pub description: String,
    /// What it is about.
    pub reference: Reference,
    /// Where the borrower does it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// `reference`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Reference {
    /// e.g. `documents` or `consent`.
    pub object: String,
    /// Which one of them; may be empty.
    pub value: String,
}

impl From<&Action> for ActionRequired {
    fn from(action: &Action) -> Self {
        let action_type = match action.action_type {
            ActionType::AddDocument => "ADD_DOCUMENT",
            ActionType::ResubmitDocument => "RESUBMIT_DOCUMENT",
            ActionType::Other => "OTHER",
        };
        Self {
            action_type,
            description: action.description.clone(),
            reference: Reference { object: action.object.clone(), value: action.value.clone() },
            url: action.url.clone(),
        }
    }
}

/// `loanApplicationStatus`, in the LSP's spelling (C5).
#[must_use]
pub fn status_word(status: Status, settings: &Settings) -> &'static str {
    match status {
        Status::Processing => "PROCESSING",
        Status::Offered => "OFFERED",
        Status::OfferAccepted => "OFFER_ACCEPTED",
        Status::Granted => "GRANTED",
        Status::Rejected => "REJECTED",
        Status::ActionRequired => match settings.action_required_spelling {
            ActionRequiredSpelling::Underscore => "ACTION_REQUIRED",
            ActionRequiredSpelling::Blank => "ACTION REQUIRED",
        },
    }
}

/// An object that is read only for its `id`; whatever else the sender repeats is not trusted (C14).
#[derive(Debug, Clone, Default, Serialize, serde::Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["id"]))]
pub struct IdOnly {
    /// Its id.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub id: Text,
}
