//! `consentHandle` and `consentStatus` (`ocen-v3.md` §6.3).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::core::{self, Response};
use super::{Decoding, RequestBody};
use crate::domain::application::answer::{ConsentStatus, Content};
use crate::domain::application::command::{Command, ConsentKey, LspInfo, RequestConsent};
use crate::domain::application::facets::ConsentPurpose;
use crate::engine::{EncodeError, Outgoing};
use crate::protocol::lenient::{self, IdList, One, Text};
use crate::protocol::malformed::Malformed;

/// `consentHandleRequest`: one handle for all applications named.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["loanApplicationIds", "consent"]))]
pub struct ConsentHandleRequest {
    /// The LSP's application ids.
    pub loan_application_ids: IdList,
    /// What is wanted.
    pub consent: Option<One<AskedConsent>>,
}

/// `consent` of a request.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AskedConsent {
    /// `ONETIME` for underwriting data, `PERIODIC` for monitoring; left out, the stage decides.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub consent_fetch_type: Text,
    /// The borrower's address at the account aggregator.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub vua: Text,
    /// Made by the LSP, the same for all lenders.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub consent_aggregation_id: Text,
    /// The account aggregator's handle; the key of a status request.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub consent_handle: Text,
    /// Whether the borrower consents for several lenders at once.
    #[serde(skip_serializing_if = "Text::is_blank")]
    #[schemars(with = "bool")]
    pub is_aggregation_enabled: Text,
    /// By what the account aggregator recognises the LSP; handed on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lsp_info: Option<One<AskedLspInfo>>,
}

/// `lspinfo`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AskedLspInfo {
    /// By which the account aggregator knows the LSP.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub lsp_id: Text,
    /// Version of the LSP's software.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub version: Text,
    /// Package name of the LSP's app.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub app_name: Text,
    /// The LSP's page.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub url: Text,
}

impl From<AskedLspInfo> for LspInfo {
    fn from(asked: AskedLspInfo) -> Self {
        let said = |text: Text| text.get().map(str::to_owned);
        Self {
            lsp_id: said(asked.lsp_id),
            version: said(asked.version),
            app_name: said(asked.app_name),
            url: said(asked.url),
        }
    }
}

impl AskedConsent {
    fn purpose(&self) -> Result<Option<ConsentPurpose>, Malformed> {
        match self.consent_fetch_type.word().as_deref() {
            None => Ok(None),
            Some("ONETIME" | "ONE_TIME") => Ok(Some(ConsentPurpose::Data)),
            Some("PERIODIC") => Ok(Some(ConsentPurpose::Monitoring)),
            Some(_) => Err(Malformed::not_one_of("/consent/consentFetchType", &["ONETIME", "PERIODIC"])),
        }
    }

    /// Nothing depends on it here; what is neither yes nor no counts as not said.
    fn aggregated(&self) -> Option<bool> {
        match self.is_aggregation_enabled.word().as_deref() {
            Some("TRUE") => Some(true),
            Some("FALSE") => Some(false),
            _ => None,
        }
    }
}

impl RequestBody for ConsentHandleRequest {
    fn into_command(self, _: &Decoding) -> Result<Command, Malformed> {
        let consent = self.consent.unwrap_or_default().0;
        Ok(Command::RequestConsent(RequestConsent {
            loan_application_ids: lenient::ids(&self.loan_application_ids, "/loanApplicationIds")?,
            purpose: consent.purpose()?,
            aggregated: consent.aggregated(),
            vua: lenient::optional_id(&consent.vua, "/consent/vua")?,
            aggregation_id: lenient::optional_id(&consent.consent_aggregation_id, "/consent/consentAggregationId")?,
            lsp: consent.lsp_info.map(|One(info)| info.into()),
        }))
    }

    fn example() -> Value {
        json!({
            "loanApplicationIds": ["APP-1"],
            "consent": {
                "consentFetchType": "ONETIME", "vua": "asha@aa", "isAggregationEnabled": true,
                "consentAggregationId": "AGG-1", "lspInfo": {"lspId": "LSP-DEMO"}
            }
        })
    }
}

/// `consentStatusRequest`, by handle, else by aggregation id.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["consent"]))]
pub struct ConsentStatusRequest {
    /// Which consent.
    pub consent: Option<One<AskedConsent>>,
}

impl RequestBody for ConsentStatusRequest {
    fn into_command(self, _: &Decoding) -> Result<Command, Malformed> {
        let consent = self.consent.unwrap_or_default().0;
        let place = "/consent/consentHandle";
        let key = match lenient::optional_id(&consent.consent_handle, place)? {
            Some(handle) => ConsentKey::Handle(handle),
            None => lenient::optional_id(&consent.consent_aggregation_id, "/consent/consentAggregationId")?
                .map(ConsentKey::AggregationId)
                .ok_or_else(|| Malformed::missing(place))?,
        };
        Ok(Command::ConsentStatus(key))
    }

    fn example() -> Value {
        json!({"consent": {"consentHandle": "39e108fe-9243-11e8-b9f2-0256d88baae8"}})
    }
}

/// `consentHandleResponse` and `consentStatusResponse`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ConsentResponse {
    /// The consent.
    pub consent: ConsentBlock,
}

/// `consent` of a callback.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConsentBlock {
    /// `ONETIME` or `PERIODIC`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consent_fetch_type: Option<&'static str>,
    /// The borrower's address at the account aggregator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vua: Option<String>,
    /// Made by the LSP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consent_aggregation_id: Option<String>,
    /// From the account aggregator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consent_handle: Option<String>,
    /// `READY`, `PENDING` or `FAILED`.
    pub consent_status: &'static str,
}

/// `consentHandleResponse` and `consentStatusResponse`.
///
/// # Errors
/// When the answer is not this operation's.
pub fn encode(outgoing: &Outgoing<'_>) -> Result<String, EncodeError> {
    let answer = core::single(outgoing)?;
    let Content::Consent(content) = &answer.content else {
        return Err(core::misfit(outgoing));
    };
    let block = ConsentBlock {
        consent_fetch_type: content.purpose.map(|purpose| match purpose {
            ConsentPurpose::Data => "ONETIME",
            ConsentPurpose::Monitoring => "PERIODIC",
        }),
        vua: content.vua.clone(),
        consent_aggregation_id: content.aggregation_id.clone(),
        consent_handle: content.handle.clone(),
        consent_status: match content.status {
            ConsentStatus::Ready => "READY",
            ConsentStatus::Pending => "PENDING",
            ConsentStatus::Failed => "FAILED",
        },
    };
    core::callback(outgoing, Response::of(outgoing, answer.refusal.as_ref()), ConsentResponse { consent: block })
}
