//! Set-up and payout of a disbursement (`ocen-v3.md` §2.2 no. 8 to 13).

use aws_lc_rs::digest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::core::{self, Response};
use super::plan::{AccountBlock, SubjectIds};
use super::repayment::SetPlanRequest;
use super::{Decoding, RequestBody};
use crate::domain::application::answer::{Content, DisbursementContent, PayoutStatus};
use crate::domain::application::command::{ChosenAccount, Command, PaymentOrder};
use crate::domain::application::facets::{Account, AccountTarget};
use crate::domain::ids::{AccountId, LoanId, PaymentId};
use crate::engine::{EncodeError, Outgoing};
use crate::protocol::lenient::{self, One, Text};
use crate::protocol::malformed::Malformed;
use crate::protocol::{amount, hex};

/// `getDisbursementPlansRequest`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct GetDisbursementPlansRequest(pub SubjectIds);

impl RequestBody for GetDisbursementPlansRequest {
    fn into_command(self, _: &Decoding) -> Result<Command, Malformed> {
        self.0.read().map(Command::DisbursementPlans)
    }

    fn example() -> Value {
        json!({"loanApplicationId": "APP-1"})
    }
}

/// `setDisbursementPlanRequest`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct SetDisbursementPlanRequest(pub SetPlanRequest);

impl RequestBody for SetDisbursementPlanRequest {
    fn into_command(self, _: &Decoding) -> Result<Command, Malformed> {
        self.0
            .read()
            .map(|(subject, plan)| Command::SetDisbursementPlan(subject, plan))
    }

    fn example() -> Value {
        json!({"loanApplicationId": "APP-1", "plan": {"id": "DP-1"}})
    }
}

/// `getDisbursementAccountsRequest`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct GetDisbursementAccountsRequest(pub SubjectIds);

impl RequestBody for GetDisbursementAccountsRequest {
    fn into_command(self, _: &Decoding) -> Result<Command, Malformed> {
        self.0.read().map(Command::DisbursementAccounts)
    }

    fn example() -> Value {
        json!({"loanApplicationId": "APP-1"})
    }
}

/// `setDisbursementAccountRequest`: a known account by its id, or a full new one.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["account"]))]
pub struct SetDisbursementAccountRequest {
    /// The loan; before the grant an application id is taken here too.
    #[serde(alias = "loanID", skip_serializing_if = "Text::is_blank")]
    pub loan_id: Text,
    /// The application; either this or `loanId` is mandatory, and together they must agree.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub loan_application_id: Text,
    /// The account.
    pub account: Option<One<AskedAccount>>,
}

/// `accountdetails` of a request.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AskedAccount {
    /// Ours, or the LSP's for a new account.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub id: Text,
    /// `ACCOUNT` or `VPA`; follows from the data when left out.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub account_data_type: Text,
    /// The account itself.
    pub data: Option<One<AskedAccountData>>,
}

/// `accountdetailsdata` of a request.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AskedAccountData {
    /// `CURRENT`, `SAVING` or `OVERDRAFT`; others are taken as they are.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub account_type: Text,
    /// Code of the branch.
    #[serde(
        rename = "accountIFSC",
        alias = "accountIfsc",
        skip_serializing_if = "Text::is_blank"
    )]
    pub account_ifsc: Text,
    /// Account number.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub account_number: Text,
    /// UPI address.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub vpa: Text,
    /// Who holds it.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub account_holder_name: Text,
}

impl RequestBody for SetDisbursementAccountRequest {
    fn into_command(self, _: &Decoding) -> Result<Command, Malformed> {
        let subject = SubjectIds {
            loan_id: self.loan_id,
            loan_application_id: self.loan_application_id,
        }
        .read()?;
        let account = self
            .account
            .ok_or_else(|| Malformed::missing("/account"))?
            .0
            .read()?;
        Ok(Command::SetDisbursementAccount(subject, account))
    }

    fn example() -> Value {
        json!({
            "loanApplicationId": "APP-1",
            "account": {
                "accountDataType": "ACCOUNT",
                "data": {"accountType": "SAVING", "accountIFSC": "ICIC0000856", "accountNumber": "112507891013562"}
            }
        })
    }
}

impl AskedAccount {
    fn read(self) -> Result<ChosenAccount, Malformed> {
        let id = lenient::optional_id(&self.id, "/account/id")?;
        let data = self.data.unwrap_or_default().0;
        let says_nothing = data.account_number.is_blank() && data.vpa.is_blank();
        if let (Some(id), true) = (&id, says_nothing) {
            return Ok(ChosenAccount::Known(AccountId(id.clone())));
        }
        let target = match self.account_data_type.word().as_deref() {
            Some("VPA") => data.vpa_target()?,
            Some("ACCOUNT") => data.account_target()?,
            Some(_) => {
                return Err(Malformed::not_one_of(
                    "/account/accountDataType",
                    &["ACCOUNT", "VPA"],
                ));
            }
            None if says_nothing => return Err(Malformed::missing("/account/id")),
            None if data.account_number.is_blank() => data.vpa_target()?,
            None => data.account_target()?,
        };
        Ok(ChosenAccount::New(Account {
            id: AccountId(id.unwrap_or_else(|| derived_id(&target))),
            target,
            holder: data.account_holder_name.get().map(str::to_owned),
            kind: data.account_type.word(),
        }))
    }
}

impl AskedAccountData {
    fn account_target(&self) -> Result<AccountTarget, Malformed> {
        let ifsc = lenient::id(&self.account_ifsc, "/account/data/accountIFSC")?;
        let number = lenient::id(&self.account_number, "/account/data/accountNumber")?;
        Ok(AccountTarget::Account {
            ifsc: ifsc.trim().to_uppercase(),
            number: number.replace([' ', '-'], ""),
        })
    }

    fn vpa_target(&self) -> Result<AccountTarget, Malformed> {
        Ok(AccountTarget::Vpa {
            vpa: lenient::id(&self.vpa, "/account/data/vpa")?
                .trim()
                .to_owned(),
        })
    }
}

/// The id of an account that the LSP gave none: the same account gets the same id.
fn derived_id(target: &AccountTarget) -> String {
    let text = match target {
        AccountTarget::Account { ifsc, number } => format!("{ifsc}/{number}"),
        AccountTarget::Vpa { vpa } => vpa.clone(),
    };
    let mut hash = hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    hash.truncate(24);
    format!("ACC-{hash}")
}

/// `triggerDisbursementRequest` and `triggerDisbursementStatusRequest`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct DisbursementRequest {
    /// The loan.
    #[serde(alias = "loanID", skip_serializing_if = "Text::is_blank")]
    pub loan_id: Text,
    /// The payment; a status request needs either this or `loanId`.
    pub payment: Option<One<AskedPayment>>,
}

/// `payment` of a request.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AskedPayment {
    /// Made by the LSP, unique per loan.
    pub id: Text,
    /// Which tranche, counted from 1; the next one when left out.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub installment_number: Text,
    /// The gross tranche, rupees; all of it when left out.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub total_amount: Text,
}

/// `triggerDisbursementRequest`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("required" = ["loanId", "payment"]))]
pub struct TriggerDisbursementRequest(pub DisbursementRequest);

impl RequestBody for TriggerDisbursementRequest {
    fn into_command(self, _: &Decoding) -> Result<Command, Malformed> {
        let loan_id = LoanId(lenient::id(&self.0.loan_id, "/loanId")?);
        let payment = self.0.payment.unwrap_or_default().0;
        let (number, total) = ("/payment/installmentNumber", "/payment/totalAmount");
        let payment = PaymentOrder {
            id: PaymentId(lenient::id(&payment.id, "/payment/id")?),
            tranche: payment
                .installment_number
                .get()
                .map(|text| lenient::count(text, number))
                .transpose()?,
            amount: payment
                .total_amount
                .get()
                .map(|text| amount::positive(text, total))
                .transpose()?,
        };
        Ok(Command::TriggerDisbursement { loan_id, payment })
    }

    fn example() -> Value {
        json!({
            "loanId": "LON2345678434",
            "payment": {"id": "DISB-1", "installmentNumber": "1", "totalAmount": "30595.00"}
        })
    }
}

/// `triggerDisbursementStatusRequest`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct TriggerDisbursementStatusRequest(pub DisbursementRequest);

impl RequestBody for TriggerDisbursementStatusRequest {
    fn into_command(self, _: &Decoding) -> Result<Command, Malformed> {
        let loan_id = lenient::optional_id(&self.0.loan_id, "/loanId")?.map(LoanId);
        let payment = self.0.payment.unwrap_or_default().0;
        let payment_id = lenient::optional_id(&payment.id, "/payment/id")?.map(PaymentId);
        if loan_id.is_none() && payment_id.is_none() {
            return Err(Malformed::missing("/loanId"));
        }
        Ok(Command::DisbursementStatus {
            loan_id,
            payment_id,
        })
    }

    fn example() -> Value {
        json!({"loanId": "LON2345678434", "payment": {"id": "DISB-1"}})
    }
}

/// `getDisbursementAccountsResponse`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountsResponse {
    /// Known accounts, masked.
    pub account_list: Vec<AccountBlock>,
}

/// `getDisbursementAccountsResponse`.
///
/// # Errors
/// When the answer is not this operation's.
pub fn encode_accounts(outgoing: &Outgoing<'_>) -> Result<String, EncodeError> {
    let answer = core::single(outgoing)?;
    let Content::Accounts { accounts } = &answer.content else {
        return Err(core::misfit(outgoing));
    };
    let account_list = accounts.iter().map(AccountBlock::of_content).collect();
    core::callback(
        outgoing,
        Response::of(outgoing, answer.refusal.as_ref()),
        AccountsResponse { account_list },
    )
}

/// `setDisbursementAccountResponse`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AccountResponse {
    /// The account in question, masked.
    pub account: AccountBlock,
}

/// `setDisbursementAccountResponse`.
///
/// # Errors
/// When the answer is not this operation's.
pub fn encode_account(outgoing: &Outgoing<'_>) -> Result<String, EncodeError> {
    let answer = core::single(outgoing)?;
    let Content::Account { account } = &answer.content else {
        return Err(core::misfit(outgoing));
    };
    let account = AccountBlock::of_content(account);
    core::callback(
        outgoing,
        Response::of(outgoing, answer.refusal.as_ref()),
        AccountResponse { account },
    )
}

/// `TriggerDisbursementResponse` and `TriggerDisbursementStatusResponse`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DisbursementResponse {
    /// The loan; the schema lacks it.
    pub loan_id: String,
    /// The payout.
    pub payment: PaymentBlock,
}

/// `payment` of a payout.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentBlock {
    /// The LSP's id.
    pub id: String,
    /// `SUCCESS`, `FAILURE` or `PENDING_AUTH`; absent while nothing was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'static str>,
    /// Which tranche, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installment_number: Option<String>,
    /// The gross tranche, rupees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_amount: Option<String>,
    /// Kept by the lender, rupees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fee: Option<String>,
    /// The bank's unique transaction reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub txn_ref_no: Option<String>,
    /// When the status was reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// What the protocol has no member for.
    #[serde(skip_serializing_if = "PaymentExtra::is_empty")]
    pub extensible_data: PaymentExtra,
}

/// `extensibleData` of a payout.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentExtra {
    /// Amount transferred: gross less fee, rupees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub net_disbursed_amount: Option<String>,
    /// The bank's value date, from which interest runs, `YYYY-MM-DD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_date: Option<String>,
}

impl PaymentExtra {
    fn is_empty(&self) -> bool {
        self.net_disbursed_amount.is_none() && self.value_date.is_none()
    }
}

impl From<&DisbursementContent> for PaymentBlock {
    fn from(content: &DisbursementContent) -> Self {
        let status = content.status.map(|status| match status {
            PayoutStatus::Success => "SUCCESS",
            PayoutStatus::Failure => "FAILURE",
            PayoutStatus::PendingAuth => "PENDING_AUTH",
        });
        Self {
            id: content.payment_id.to_string(),
            status,
            installment_number: content.tranche.map(|number| number.to_string()),
            total_amount: content.gross.map(|amount| amount.to_string()),
            fee: content.fee.map(|amount| amount.to_string()),
            txn_ref_no: content.utr.clone(),
            date: content.at.map(core::timestamp),
            extensible_data: PaymentExtra {
                net_disbursed_amount: content.net.map(|amount| amount.to_string()),
                value_date: content.value_date.map(|day| day.to_string()),
            },
        }
    }
}

/// `TriggerDisbursementResponse` and `TriggerDisbursementStatusResponse`.
///
/// # Errors
/// When the answer is not this operation's.
pub fn encode_payout(outgoing: &Outgoing<'_>) -> Result<String, EncodeError> {
    let answer = core::single(outgoing)?;
    let Content::Disbursement(content) = &answer.content else {
        return Err(core::misfit(outgoing));
    };
    let body = DisbursementResponse {
        loan_id: content.loan_id.to_string(),
        payment: PaymentBlock::from(content),
    };
    core::callback(
        outgoing,
        Response::of(outgoing, answer.refusal.as_ref()),
        body,
    )
}
