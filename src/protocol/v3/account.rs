//! The account a loan is paid to: read in full, shown masked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::core::{self, Response};
use super::plan::SubjectIds;
use super::{Decoding, RequestBody};
use crate::domain::application::answer::{AccountContent, Content};
use crate::domain::application::command::{ChosenAccount, Command, NewAccount};
use crate::domain::application::facets::{Account, AccountTarget};
use crate::domain::ids::AccountId;
use crate::engine::{EncodeError, Outgoing};
use crate::protocol::lenient::{self, One, Text};
use crate::protocol::malformed::Malformed;
use crate::protocol::spelling::respelled;

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
#[serde(rename_all = "camelCase", default, remote = "SetDisbursementAccountRequest")]
#[schemars(extend("required" = ["account"]))]
pub struct SetDisbursementAccountRequest {
    /// The loan; before the grant an application id is taken here too.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub loan_id: Text,
    /// The application; either this or `loanId` is mandatory, and together they must agree.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub loan_application_id: Text,
    /// The account.
    pub account: Option<One<AskedAccount>>,
}

respelled!(SetDisbursementAccountRequest { "loanID" => "loanId" });

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
#[serde(rename_all = "camelCase", default, remote = "AskedAccountData")]
pub struct AskedAccountData {
    /// `CURRENT`, `SAVING` or `OVERDRAFT`; others are taken as they are.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub account_type: Text,
    /// Code of the branch.
    #[serde(rename = "accountIFSC", skip_serializing_if = "Text::is_blank")]
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

respelled!(AskedAccountData { "accountIfsc" => "accountIFSC" });

impl RequestBody for SetDisbursementAccountRequest {
    fn into_command(self, _: &Decoding) -> Result<Command, Malformed> {
        let subject = SubjectIds { loan_id: self.loan_id, loan_application_id: self.loan_application_id }.read()?;
        let account = self.account.ok_or_else(|| Malformed::missing("/account"))?.0.read()?;
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
                return Err(Malformed::not_one_of("/account/accountDataType", &["ACCOUNT", "VPA"]));
            }
            None if says_nothing => return Err(Malformed::missing("/account/id")),
            None if data.account_number.is_blank() => data.vpa_target()?,
            None => data.account_target()?,
        };
        Ok(ChosenAccount::New(NewAccount {
            id: id.map(AccountId),
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
        Ok(AccountTarget::Account { ifsc: ifsc.trim().to_uppercase(), number: number.replace([' ', '-'], "") })
    }

    fn vpa_target(&self) -> Result<AccountTarget, Malformed> {
        Ok(AccountTarget::Vpa { vpa: lenient::id(&self.vpa, "/account/data/vpa")?.trim().to_owned() })
    }
}

/// `accountdetails`, masked.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountBlock {
    /// The name by which both sides know it.
    pub id: String,
    /// `ACTIVE` when it is verified and the payout account.
    pub status: &'static str,
    /// `ACCOUNT` or `VPA`.
    pub account_data_type: &'static str,
    /// The account, masked.
    pub data: AccountData,
}

/// `accountdetailsdata`, masked.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountData {
    /// `CURRENT`, `SAVING` or `OVERDRAFT`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_type: Option<String>,
    /// Code of the branch.
    #[serde(rename = "accountIFSC", skip_serializing_if = "Option::is_none")]
    pub account_ifsc: Option<String>,
    /// All but its end hidden: at most four characters are shown, and never more than a third.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub masked_account_number: Option<String>,
    /// All but its end hidden: at most four characters are shown, and never more than a third.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpa: Option<String>,
}

impl AccountBlock {
    /// An account of ours.
    #[must_use]
    pub fn new(account: &Account, active: bool) -> Self {
        let kinds = ["CURRENT", "SAVING", "OVERDRAFT"];
        let account_type = account.kind.clone().filter(|kind| kinds.contains(&kind.as_str()));
        let (account_data_type, data) = match &account.target {
            AccountTarget::Account { ifsc, .. } => (
                "ACCOUNT",
                AccountData {
                    account_type,
                    account_ifsc: Some(ifsc.clone()),
                    masked_account_number: Some(account.masked()),
                    vpa: None,
                },
            ),
            AccountTarget::Vpa { .. } => ("VPA", AccountData { vpa: Some(account.masked()), ..AccountData::default() }),
        };
        Self { id: account.id.to_string(), status: account_status(active), account_data_type, data }
    }

    /// An account as an answer has it; one that we do not know is echoed by its id.
    #[must_use]
    pub fn of_content(content: &AccountContent) -> Self {
        match &content.account {
            Some(account) => Self::new(account, content.active),
            None => Self {
                id: content.id.clone(),
                status: account_status(content.active),
                account_data_type: "ACCOUNT",
                data: AccountData::default(),
            },
        }
    }
}

fn account_status(active: bool) -> &'static str {
    if active { "ACTIVE" } else { "INACTIVE" }
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
    core::callback(outgoing, Response::of(outgoing, answer.refusal.as_ref()), AccountsResponse { account_list })
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
    core::callback(outgoing, Response::of(outgoing, answer.refusal.as_ref()), AccountResponse { account })
}
