//! `triggerLoanAcceptance` and `verifyLoanAcceptance` (C13).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::core::{self, Response};
use super::{Decoding, RequestBody};
use crate::domain::application::answer::{Content, OtpStatus};
use crate::domain::application::command::Command;
use crate::engine::{EncodeError, Outgoing};
use crate::protocol::lenient::{self, IdList, One, Text};
use crate::protocol::malformed::Malformed;

/// Digits of an OTP; a number that lost its leading zeros is filled up to them.
pub const OTP_DIGITS: usize = 6;

/// `triggerLoanAcceptanceRequest`: one OTP for all applications named.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["loanApplicationIds"]))]
pub struct TriggerLoanAcceptanceRequest {
    /// The LSP's application ids.
    pub loan_application_ids: IdList,
    /// How the borrower will sign.
    pub cred_block: Option<One<AskedCredBlock>>,
}

/// `credBlock` of a request.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AskedCredBlock {
    /// `OTP`.
    #[serde(rename = "type", skip_serializing_if = "Text::is_blank")]
    pub kind: Text,
    /// The OTP.
    pub data: Option<One<AskedOtp>>,
}

/// `OTPBlock` of a request; its `status` is not needed.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AskedOtp {
    /// Android SMS auto-read hash, to be put into the SMS.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub app_token: Text,
    /// The session of the OTP.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub otp_session_key: Text,
    /// What the borrower typed, as text or number.
    #[serde(skip_serializing_if = "Text::is_blank")]
    #[schemars(extend("type" = ["string", "integer"]))]
    pub otp: Text,
}

impl AskedCredBlock {
    fn read(block: Option<One<Self>>) -> Result<AskedOtp, Malformed> {
        let block = block.unwrap_or_default().0;
        if block.kind.word().is_some_and(|kind| kind != "OTP") {
            return Err(Malformed::not_one_of("/credBlock/type", &["OTP"]));
        }
        Ok(block.data.unwrap_or_default().0)
    }
}

impl RequestBody for TriggerLoanAcceptanceRequest {
    fn into_command(self, _: &Decoding) -> Result<Command, Malformed> {
        let otp = AskedCredBlock::read(self.cred_block)?;
        Ok(Command::TriggerAcceptance {
            loan_application_ids: lenient::ids(&self.loan_application_ids, "/loanApplicationIds")?,
            app_token: lenient::optional_id(&otp.app_token, "/credBlock/data/appToken")?,
        })
    }

    fn example() -> Value {
        json!({
            "loanApplicationIds": ["APP-1", "APP-2"],
            "credBlock": {"type": "OTP", "data": {"appToken": "0aBCD7DMr72"}}
        })
    }
}

/// `verifyLoanAcceptanceRequest`; the session says which applications.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["credBlock"]))]
pub struct VerifyLoanAcceptanceRequest {
    /// Session and OTP.
    pub cred_block: Option<One<AskedCredBlock>>,
}

impl RequestBody for VerifyLoanAcceptanceRequest {
    fn into_command(self, _: &Decoding) -> Result<Command, Malformed> {
        let block = AskedCredBlock::read(self.cred_block)?;
        let session_key = lenient::id(&block.otp_session_key, "/credBlock/data/otpSessionKey")?;
        let otp = lenient::id(&block.otp, "/credBlock/data/otp")?;
        Ok(Command::VerifyAcceptance { session_key, otp: format!("{:0>OTP_DIGITS$}", otp.trim()) })
    }

    fn example() -> Value {
        json!({"credBlock": {"type": "OTP", "data": {"otpSessionKey": "OTPS-1", "otp": 56429, "status": "SUCCESS"}}})
    }
}

/// `triggerLoanAcceptanceResponse` and `verifyLoanAcceptanceResponse`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoanAcceptanceResponse {
    /// The OTP step.
    pub cred_block: CredBlock,
}

/// `credBlock` of a callback.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CredBlock {
    /// `OTP`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Session and result; never the OTP.
    pub data: OtpBlock,
}

/// `OTPBlock` of a callback.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OtpBlock {
    /// The session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otp_session_key: Option<String>,
    /// Where the OTP went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub masked_phone_number: Option<String>,
    /// `SUCCESS`, `INVALID_SESSION` or `INCORRECT_OTP`.
    pub status: &'static str,
}

/// `triggerLoanAcceptanceResponse` and `verifyLoanAcceptanceResponse`.
///
/// # Errors
/// When the answer is not this operation's.
pub fn encode(outgoing: &Outgoing<'_>) -> Result<String, EncodeError> {
    let answer = core::single(outgoing)?;
    let Content::Otp(content) = &answer.content else {
        return Err(core::misfit(outgoing));
    };
    let data = OtpBlock {
        otp_session_key: content.session_key.clone(),
        masked_phone_number: content.masked_phone.clone(),
        status: match content.status {
            OtpStatus::Success => "SUCCESS",
            OtpStatus::InvalidSession => "INVALID_SESSION",
            OtpStatus::IncorrectOtp => "INCORRECT_OTP",
        },
    };
    let body = LoanAcceptanceResponse { cred_block: CredBlock { kind: "OTP", data } };
    core::callback(outgoing, Response::of(outgoing, answer.refusal.as_ref()), body)
}
