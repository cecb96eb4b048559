//! `loanStatement`.

use chrono::{Datelike, NaiveDate};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::core::{self, Response};
use super::plan::loan_of;
use super::{Decoding, RequestBody};
use crate::clock::business_date;
use crate::domain::application::answer::Content;
use crate::domain::application::command::Command;
use crate::domain::loan::content::{StatementContent, StatementRow};
use crate::engine::{EncodeError, Outgoing};
use crate::lsp::{Settings, WithdrawalSpelling};
use crate::protocol::lenient::{self, Text};
use crate::protocol::malformed::Malformed;
use crate::protocol::spelling::respelled;

/// Years that a day can lie in; what lies outside is a slip of the pen.
const YEARS: std::ops::RangeInclusive<i32> = 1900..=9999;

/// `loanStatementRequest`; without dates the whole statement.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, remote = "LoanStatementRequest")]
#[schemars(extend("required" = ["loanId"]))]
pub struct LoanStatementRequest {
    /// The loan.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub loan_id: Text,
    /// The application whose loan is meant, where `loanId` is left out.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub loan_application_id: Text,
    /// First day, e.g. `2026-04-01`, `01-04-2026` or a timestamp.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub start_date: Text,
    /// Last day.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub end_date: Text,
}

respelled!(LoanStatementRequest { "loanID" => "loanId" });

impl RequestBody for LoanStatementRequest {
    fn into_command(self, _: &Decoding) -> Result<Command, Malformed> {
        Ok(Command::LoanStatement {
            loan_id: loan_of(&self.loan_id, &self.loan_application_id)?,
            from: day(&self.start_date, "/startDate")?,
            to: day(&self.end_date, "/endDate")?,
        })
    }

    fn example() -> Value {
        json!({"loanId": "LON2345678434", "startDate": "2026-01-01", "endDate": "2026-04-30"})
    }
}

/// A day that may be left out, in any form that senders use; of an instant it is the day in India.
///
/// # Errors
/// When there is no such day.
pub(super) fn day(text: &Text, pointer: &str) -> Result<Option<NaiveDate>, Malformed> {
    let Some(text) = text.get() else {
        return Ok(None);
    };
    lenient::date(text)
        .or_else(|| lenient::instant(text).map(business_date))
        .filter(|day| YEARS.contains(&day.year()))
        .map(Some)
        .ok_or_else(|| Malformed::form(pointer, "must be a day like 2026-04-01"))
}

/// `loanStatementResponse`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoanStatementResponse {
    /// The loan.
    pub loan_id: String,
    /// Rows in order of value date; empty when refused.
    pub account_statement: Vec<Transaction>,
    /// What the protocol has no member for.
    pub extensible_data: StatementExtra,
}

/// `transaction`: a row of the statement.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Transaction {
    /// Value date.
    pub date: String,
    /// Words.
    pub narration: String,
    /// The bank's reference, or the lender's own.
    pub txn_ref_no: String,
    /// More than zero, rupees.
    pub amount: String,
    /// `DEPOSIT` when the borrower owes less after it, else `WITHDRAWL`; `WITHDRAWAL` by the LSP's switch.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// What the borrower owes after it, rupees.
    pub closing_balance: String,
}

/// `extensibleData` of a statement.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatementExtra {
    /// Owed before the first row, rupees.
    pub opening_balance: String,
    /// Owed after the last row, rupees.
    pub closing_balance: String,
    /// First day, as asked, `YYYY-MM-DD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_date: Option<String>,
    /// Last day, as asked, `YYYY-MM-DD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_date: Option<String>,
}

impl From<&StatementContent> for StatementExtra {
    fn from(content: &StatementContent) -> Self {
        Self {
            opening_balance: content.opening.to_string(),
            closing_balance: content.closing.to_string(),
            start_date: content.from.map(|day| day.to_string()),
            end_date: content.to.map(|day| day.to_string()),
        }
    }
}

impl Transaction {
    fn new(row: &StatementRow, settings: &Settings) -> Self {
        Self {
            date: core::date(row.date),
            narration: row.narration.clone(),
            txn_ref_no: row.reference.clone(),
            amount: row.amount.to_string(),
            kind: if row.deposit { DEPOSIT } else { withdrawal_word(settings) },
            closing_balance: row.closing.to_string(),
        }
    }
}

/// `transaction.type` of what lessens the debt.
pub const DEPOSIT: &str = "DEPOSIT";

/// `transaction.type` of what adds to the debt, in the LSP's spelling.
#[must_use]
pub fn withdrawal_word(settings: &Settings) -> &'static str {
    match settings.withdrawal_spelling {
        WithdrawalSpelling::Withdrawl => "WITHDRAWL",
        WithdrawalSpelling::Withdrawal => "WITHDRAWAL",
    }
}

/// `loanStatementResponse`.
///
/// # Errors
/// When the answer is not this operation's.
pub fn encode(outgoing: &Outgoing<'_>) -> Result<String, EncodeError> {
    let answer = core::single(outgoing)?;
    let Content::Statement(content) = &answer.content else {
        return Err(core::misfit(outgoing));
    };
    let body = LoanStatementResponse {
        loan_id: content.loan_id.to_string(),
        account_statement: content.rows.iter().map(|row| Transaction::new(row, outgoing.settings)).collect(),
        extensible_data: StatementExtra::from(content),
    };
    core::callback(outgoing, Response::of(outgoing, answer.refusal.as_ref()), body)
}
