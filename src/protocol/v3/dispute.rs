//! `raiseDispute` and `disputeStatus`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::core::{self, IdOnly, Response};
use super::plan::loan_of;
use super::{Decoding, RequestBody};
use crate::domain::application::answer::Content;
use crate::domain::application::command::Command;
use crate::domain::ids::DisputeId;
use crate::domain::loan::content::DisputeContent;
use crate::engine::{EncodeError, Outgoing};
use crate::protocol::codes::Code;
use crate::protocol::lenient::{self, One, Text};
use crate::protocol::malformed::Malformed;
use crate::protocol::spelling::respelled;

/// Longest description, characters.
const MAX_DESCRIPTION: usize = 4000;

/// `raiseDisputeRequest`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, remote = "RaiseDisputeRequest")]
#[schemars(extend("required" = ["loanId", "dispute"]))]
pub struct RaiseDisputeRequest {
    /// The loan.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub loan_id: Text,
    /// The application whose loan is meant, where `loanId` is left out.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub loan_application_id: Text,
    /// The issue.
    pub dispute: Option<One<AskedDispute>>,
}

respelled!(RaiseDisputeRequest { "loanID" => "loanId" });

/// `dispute` of a request.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["description"]))]
pub struct AskedDispute {
    /// A dispute that was raised before, to say more about it; blank for a new one.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub id: Text,
    /// What the borrower says, 1 to 4000 characters.
    pub description: Text,
}

impl RequestBody for RaiseDisputeRequest {
    fn into_command(self, _: &Decoding) -> Result<Command, Malformed> {
        let loan_id = loan_of(&self.loan_id, &self.loan_application_id)?;
        let asked = self.dispute.unwrap_or_default().0;
        let place = "/dispute/description";
        let description = lenient::required(&asked.description, place)?.trim();
        if description.chars().count() > MAX_DESCRIPTION {
            return Err(Malformed::new(Code::BadLength, place, format!("at most {MAX_DESCRIPTION} characters")));
        }
        Ok(Command::RaiseDispute {
            loan_id,
            dispute: lenient::optional_id(&asked.id, "/dispute/id")?.map(DisputeId),
            description: description.to_owned(),
        })
    }

    fn example() -> Value {
        json!({
            "loanId": "LON2345678434",
            "dispute": {"description": "The instalment of April was debited twice."}
        })
    }
}

/// `disputeStatusRequest`; the dispute's id is the only key.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["dispute"]))]
pub struct DisputeStatusRequest {
    /// The dispute.
    pub dispute: Option<One<IdOnly>>,
}

impl RequestBody for DisputeStatusRequest {
    fn into_command(self, _: &Decoding) -> Result<Command, Malformed> {
        let dispute = self.dispute.unwrap_or_default().0;
        Ok(Command::DisputeStatus(DisputeId(lenient::id(&dispute.id, "/dispute/id")?)))
    }

    fn example() -> Value {
        json!({"dispute": {"id": "DSP-1"}})
    }
}

/// `raiseDisputeResponse` and `disputeStatusResponse`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DisputeResponse {
    /// The issue.
    pub dispute: DisputeBlock,
}

/// `dispute`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DisputeBlock {
    /// Made by the lender; empty when none was filed.
    pub id: String,
    /// What the borrower says; later words stand on lines of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `NEW`, `PROCESSING`, `NEED_MORE_INFO`, `RESOLVED` or `CLOSED`; absent when none was filed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'static str>,
    /// Page where the borrower follows it; whoever has the address may read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What the protocol has no member for.
    #[serde(skip_serializing_if = "DisputeExtra::is_empty")]
    pub extensible_data: DisputeExtra,
}

/// `extensibleData` of a dispute.
#[derive(Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DisputeExtra {
    /// The loan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loan_id: Option<String>,
    /// The lender's last word on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// When the status was reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<String>,
}

impl DisputeExtra {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl From<&DisputeContent> for DisputeBlock {
    fn from(content: &DisputeContent) -> Self {
        Self {
            id: content.id.to_string(),
            description: content.description.clone(),
            status: content.status.map(crate::domain::loan::dispute::DisputeStatus::name),
            url: content.url.clone(),
            extensible_data: DisputeExtra {
                loan_id: content.loan_id.as_ref().map(ToString::to_string),
                note: content.note.clone(),
                updated_at: content.at.map(core::timestamp),
            },
        }
    }
}

/// `raiseDisputeResponse` and `disputeStatusResponse`.
///
/// # Errors
/// When the answer is not this operation's.
pub fn encode(outgoing: &Outgoing<'_>) -> Result<String, EncodeError> {
    let answer = core::single(outgoing)?;
    let Content::Dispute(content) = &answer.content else {
        return Err(core::misfit(outgoing));
    };
    let body = DisputeResponse { dispute: DisputeBlock::from(content) };
    core::callback(outgoing, Response::of(outgoing, answer.refusal.as_ref()), body)
}
