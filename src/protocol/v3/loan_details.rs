//! `getLoan` and `listLoans`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::account::AccountBlock;
use super::chosen::{ChosenDisbursement, ChosenRepayment};
use super::core::{self, LenderBlock, Response};
use super::echo::{self, Parties};
use super::party::{Identifier, no_items, pan_among};
use super::plan::{PlanBlock, ScheduleRow, loan_of};
use super::statement::day;
use super::terms::Terms;
use super::{Decoding, RequestBody};
use crate::domain::application::answer::Content;
use crate::domain::application::command::{Command, LoanFilter};
use crate::domain::ids::LoanId;
use crate::domain::loan::content::{ListedLoan, LoanContent, LoanHead, LoanStatus};
use crate::domain::maths::money::Paise;
use crate::engine::{EncodeError, Outgoing};
use crate::protocol::lenient::{self, Many, One, Text, word};
use crate::protocol::malformed::Malformed;
use crate::protocol::spelling::respelled;

/// A request that names nothing but a loan.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, remote = "LoanKey")]
#[schemars(inline)]
pub struct LoanKey {
    /// The loan.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub loan_id: Text,
    /// The application whose loan is meant, where `loanId` is left out.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub loan_application_id: Text,
}

respelled!(LoanKey { "loanID" => "loanId" });

impl LoanKey {
    /// The loan.
    ///
    /// # Errors
    /// When the id is missing or malformed.
    pub fn read(&self) -> Result<LoanId, Malformed> {
        loan_of(&self.loan_id, &self.loan_application_id)
    }
}

/// `getLoanRequest`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("required" = ["loanId"]))]
pub struct GetLoanRequest(pub LoanKey);

impl RequestBody for GetLoanRequest {
    fn into_command(self, _: &Decoding) -> Result<Command, Malformed> {
        self.0.read().map(Command::GetLoan)
    }

    fn example() -> Value {
        json!({"loanId": "LON2345678434"})
    }
}

/// `listLoansRequest`: the loans of one borrower that this LSP brought.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["borrower"]))]
pub struct ListLoansRequest {
    /// Whose loans.
    pub borrower: Option<One<AskedBorrower>>,
    /// Only those against this collateral.
    pub collateral: Option<One<AskedCollateral>>,
    /// Only those granted on this day or later.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub start_date: Text,
    /// Only those granted on this day or earlier.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub end_date: Text,
}

/// `borrower` of a list; what else the LSP knows of the borrower does not count.
#[derive(Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["primaryId"]))]
pub struct AskedBorrower {
    /// The identifier, e.g. a PAN.
    pub primary_id: Text,
    /// `PAN`, `MOBILE`, `AADHAAR`; any when left out.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub primary_id_type: Text,
    /// Other identifiers; a PAN among them is what the loans are found by.
    #[serde(skip_serializing_if = "no_items")]
    pub additional_identifiers: Many<Identifier>,
}

impl std::fmt::Debug for AskedBorrower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AskedBorrower(***)")
    }
}

impl AskedBorrower {
    /// Kind of identifier, where said, and the identifier; a PAN in upper case.
    fn read(&self) -> Result<(Option<String>, String), Malformed> {
        if self.primary_id_type.word().as_deref() != Some("PAN")
            && let Some(pan) = pan_among(&self.additional_identifiers)
        {
            return Ok((Some("PAN".to_owned()), pan));
        }
        let id = lenient::id(&self.primary_id, "/borrower/primaryId")?;
        let kind = lenient::optional_id(&self.primary_id_type, "/borrower/primaryIdType")?.as_deref().map(word);
        let pan = kind.as_deref().map_or_else(|| is_pan(id.trim()), |kind| kind == "PAN");
        Ok((kind, if pan { id.trim().to_uppercase() } else { id }))
    }
}

/// Five letters, four digits, a letter: no other identifier looks so.
fn is_pan(id: &str) -> bool {
    let fits = |(index, byte): (usize, u8)| match index {
        5..=8 => byte.is_ascii_digit(),
        _ => byte.is_ascii_alphabetic(),
    };
    id.len() == 10 && id.bytes().enumerate().all(fits)
}

/// `collateral` of a list.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, remote = "AskedCollateral")]
pub struct AskedCollateral {
    /// As it was pledged.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub collateral_primary_id: Text,
}

respelled!(AskedCollateral { "primaryId" => "collateralPrimaryId" });

impl RequestBody for ListLoansRequest {
    fn into_command(self, _: &Decoding) -> Result<Command, Malformed> {
        let (primary_id_type, primary_id) = self.borrower.unwrap_or_default().0.read()?;
        let collateral = self.collateral.unwrap_or_default().0.collateral_primary_id;
        Ok(Command::ListLoans(LoanFilter {
            primary_id,
            primary_id_type,
            collateral: lenient::optional_id(&collateral, "/collateral/collateralPrimaryId")?,
            from: day(&self.start_date, "/startDate")?,
            to: day(&self.end_date, "/endDate")?,
        }))
    }

    fn example() -> Value {
        json!({
            "borrower": {
                "primaryId": "AAAPL1234C", "primaryIdType": "PAN", "category": "INDIVIDUAL",
                "contactDetails": [{"type": "PRIMARY", "phone": "9000000001"}]
            },
            "startDate": "2026-01-01"
        })
    }
}

/// Where a loan stands: what all answers about a loan begin with.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub struct HeadBlock {
    /// The loan.
    pub loan_id: String,
    /// The LSP's application id; the schema lacks it.
    pub loan_application_id: String,
    /// `GRANTED`, `OVERDUE`, `DEFAULTED` or `COMPLETED`.
    pub loan_status: &'static str,
    /// When it was granted.
    pub created_date: String,
    /// The value date of the payout; before, the day of the grant.
    pub start_date: String,
    /// The last due date; once it is closed, the day of the closure.
    pub end_date: String,
}

impl From<&LoanHead> for HeadBlock {
    fn from(head: &LoanHead) -> Self {
        Self {
            loan_id: head.loan_id.to_string(),
            loan_application_id: head.loan_application_id.clone(),
            loan_status: match head.status {
                LoanStatus::Granted => "GRANTED",
                LoanStatus::Overdue => "OVERDUE",
                LoanStatus::Defaulted => "DEFAULTED",
                LoanStatus::Completed => "COMPLETED",
            },
            created_date: core::timestamp(head.created_at),
            start_date: core::date(head.start),
            end_date: core::date(head.end),
        }
    }
}

/// `getLoanResponse`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct GetLoanResponse {
    /// Where the loan stands.
    #[serde(flatten)]
    pub head: HeadBlock,
    /// `CASHFLOW`, `PERSONAL`, `HOME`, `VEHICLE` or `BUSINESS`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Borrower, collaterals, guarantors and applicants as filed, documents left out.
    #[serde(flatten)]
    pub parties: Parties,
    /// The lender.
    pub lender: LenderBlock,
    /// What was agreed.
    pub terms: Terms,
    /// Plan, and the account that was paid to.
    pub disbursement: ChosenDisbursement,
    /// Plan with the current schedule, and mandate.
    pub repayment: ChosenRepayment,
}

/// `getLoanResponse`.
///
/// # Errors
/// When the answer is not this operation's, or its form was not written by us.
pub fn encode_loan(outgoing: &Outgoing<'_>) -> Result<String, EncodeError> {
    let answer = core::single(outgoing)?;
    let Content::Loan(content) = &answer.content else {
        return Err(core::misfit(outgoing));
    };
    let body = GetLoanResponse {
        head: HeadBlock::from(&content.head),
        kind: echo::loan_type_word(content.loan_type),
        parties: Parties::of(&content.form)?,
        lender: LenderBlock::new(outgoing.lender),
        terms: Terms::of_deal(&content.deal, content.agreement_url.as_deref(), outgoing.borrower_url),
        disbursement: disbursement(content, outgoing),
        repayment: repayment(content, outgoing),
    };
    core::callback(outgoing, Response::of(outgoing, answer.refusal.as_ref()), body)
}

/// A closed loan has no plan in force.
fn in_force(content: &LoanContent) -> bool {
    content.head.status != LoanStatus::Completed
}

fn disbursement(content: &LoanContent, outgoing: &Outgoing<'_>) -> ChosenDisbursement {
    let chosen = ChosenDisbursement::new(Some(&content.deal), in_force(content), outgoing.settings);
    let paid_to = content.account.as_ref().map(|account| AccountBlock::new(account, true));
    ChosenDisbursement { account_details: paid_to.or(chosen.account_details), plan: chosen.plan }
}

fn repayment(content: &LoanContent, outgoing: &Outgoing<'_>) -> ChosenRepayment {
    let mut chosen = ChosenRepayment::new(Some(&content.deal), in_force(content), outgoing.settings);
    if in_force(content) {
        chosen.plan.pay_now_allowed = Some(content.takes_payments);
    }
    chosen.plan.extensible_data.schedule = content.schedule.iter().map(ScheduleRow::from).collect();
    chosen.plan.extensible_data.schedule_version = Some(content.schedule_version);
    if content.schedule_version > 1 {
        restated(&mut chosen.plan, content);
    }
    chosen
}

/// A prepayment has changed the schedule: the plan's figures are those of the schedule beside them, over the whole loan.
fn restated(plan: &mut PlanBlock, content: &LoanContent) {
    let rows = &content.schedule;
    let Some(interest) = Paise::checked_sum(rows.iter().map(|row| row.interest)) else { return };
    let Some(total) = content.deal.offer.sanctioned.checked_add(interest) else { return };
    plan.no_of_installments = rows.len().to_string();
    plan.no_of_installment.clone_from(&plan.no_of_installments);
    plan.interest_amount = Some(interest.to_string());
    plan.total_amount = total.to_string();
}

/// `listLoansResponse`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ListLoansResponse {
    /// Newest first; empty when refused.
    pub loans: Vec<ListedLoanBlock>,
}

/// One loan of a list.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ListedLoan")]
pub struct ListedLoanBlock {
    /// Where the loan stands.
    #[serde(flatten)]
    pub head: HeadBlock,
    /// What was agreed.
    pub terms: Terms,
    /// Principal owed, rupees.
    pub principal_pending: String,
}

impl ListedLoanBlock {
    fn new(loan: &ListedLoan, outgoing: &Outgoing<'_>) -> Self {
        Self {
            head: HeadBlock::from(&loan.head),
            terms: Terms::of_deal(&loan.deal, loan.agreement_url.as_deref(), outgoing.borrower_url),
            principal_pending: loan.principal_pending.to_string(),
        }
    }
}

/// `listLoansResponse`.
///
/// # Errors
/// When the answer is not this operation's.
pub fn encode_list(outgoing: &Outgoing<'_>) -> Result<String, EncodeError> {
    let answer = core::single(outgoing)?;
    let Content::Loans { loans } = &answer.content else {
        return Err(core::misfit(outgoing));
    };
    let loans = loans.iter().map(|loan| ListedLoanBlock::new(loan, outgoing)).collect();
    core::callback(outgoing, Response::of(outgoing, answer.refusal.as_ref()), ListLoansResponse { loans })
}
