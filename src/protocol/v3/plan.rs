//! `paymentplan`, shared by offers, disbursement, repayment and grant.

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::core::TenureBlock;
use crate::domain::application::answer::{PlanContent, PlanStatus};
use crate::domain::application::command::Subject;
use crate::domain::application::facets::Plan;
use crate::domain::ids::{LoanId, PlanId};
use crate::domain::maths::frequency::Frequency;
use crate::domain::maths::schedule::Row;
use crate::lsp::{Settings, StartDateFormat};
use crate::protocol::lenient::{self, Text};
use crate::protocol::malformed::Malformed;
use crate::protocol::spelling::respelled;

/// How most requests between offer and grant name what they are about (C7).
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, remote = "SubjectIds")]
#[schemars(inline)]
pub struct SubjectIds {
    /// The loan; before the grant an application id is taken here too.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub loan_id: Text,
    /// The application; either this or `loanId` is mandatory, and together they must agree.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub loan_application_id: Text,
}

respelled!(SubjectIds { "loanID" => "loanId" });

impl SubjectIds {
    /// The subject.
    ///
    /// # Errors
    /// When neither id is there or one is malformed.
    pub fn read(&self) -> Result<Subject, Malformed> {
        let subject = Subject {
            loan_id: lenient::optional_id(&self.loan_id, "/loanId")?,
            loan_application_id: lenient::optional_id(&self.loan_application_id, "/loanApplicationId")?,
        };
        if subject.loan_id.is_none() && subject.loan_application_id.is_none() {
            return Err(Malformed::missing("/loanApplicationId"));
        }
        Ok(subject)
    }
}

/// The loan that a request is about: by its id, or by that of its application (C7).
///
/// # Errors
/// When neither id is there or the one that counts is malformed.
pub fn loan_of(loan_id: &Text, application: &Text) -> Result<LoanId, Malformed> {
    let by_application = loan_id.is_blank() && !application.is_blank();
    let (id, place) = if by_application { (application, "/loanApplicationId") } else { (loan_id, "/loanId") };
    lenient::id(id, place).map(LoanId)
}

/// The same where a request may be about something else.
///
/// # Errors
/// When the id that counts is malformed.
pub fn optional_loan_of(loan_id: &Text, application: &Text) -> Result<Option<LoanId>, Malformed> {
    let is_named = !loan_id.is_blank() || !application.is_blank();
    is_named.then(|| loan_of(loan_id, application)).transpose()
}

/// `paymentplan`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanBlock {
    /// Ours, globally unique.
    pub id: String,
    /// Collected by mandate.
    pub automatic: bool,
    /// Of a loan's repayment plan: whether `triggerRepayment` takes the next instalment before it is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pay_now_allowed: Option<bool>,
    /// Of a repayment plan: whether `setRepaymentPlan` takes another plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edit_plan_allowed: Option<bool>,
    /// `RECURRING`, `ONE_TIME` or `AS_PRESENTED`.
    pub schedule_type: &'static str,
    /// Number of payments; the schema requires this spelling.
    pub no_of_installments: String,
    /// Number of payments; the schema declares this spelling.
    pub no_of_installment: String,
    /// Of a `RECURRING` plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frequency: Option<&'static str>,
    /// Length.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenure: Option<TenureBlock>,
    /// Sum of all payments, rupees.
    pub total_amount: String,
    /// Part that is principal, of a repayment plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// Part that is interest, of a repayment plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interest_amount: Option<String>,
    /// Always `0.00` in a plan, of a repayment plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub penalty: Option<&'static str>,
    /// First payment, `DD-MM-YYYY` or ISO by the LSP's switch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_date: Option<String>,
    /// `ACTIVE`, `INACTIVE` or `PENDING_AUTH`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'static str>,
    /// Where the borrower authorises the mandate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_url: Option<String>,
    /// Schedule, and how often when no `frequency` says it.
    #[serde(skip_serializing_if = "PlanExtra::is_empty")]
    pub extensible_data: PlanExtra,
}

/// `extensibleData` of a plan (design §8).
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanExtra {
    /// Days between two payments of an `AS_PRESENTED` plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every_days: Option<u32>,
    /// The repayment schedule.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub schedule: Vec<ScheduleRow>,
    /// Which schedule of a running loan it is, from 1: a prepayment makes a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule_version: Option<u32>,
}

impl PlanExtra {
    fn is_empty(&self) -> bool {
        self.every_days.is_none() && self.schedule.is_empty() && self.schedule_version.is_none()
    }
}

/// One instalment; amounts in rupees.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleRow {
    /// Counted from 1.
    pub number: u32,
    /// Business date, `YYYY-MM-DD`.
    pub due_date: String,
    /// Principal owed before.
    pub opening: String,
    /// Principal part.
    pub principal: String,
    /// Interest part.
    pub interest: String,
    /// Amount payable.
    pub instalment: String,
    /// Principal owed after.
    pub closing: String,
}

impl From<&Row> for ScheduleRow {
    fn from(row: &Row) -> Self {
        Self {
            number: row.number,
            due_date: row.due_date.to_string(),
            opening: row.opening.to_string(),
            principal: row.principal.to_string(),
            interest: row.interest.to_string(),
            instalment: row.instalment.to_string(),
            closing: row.closing.to_string(),
        }
    }
}

impl PlanBlock {
    /// A plan of ours.
    #[must_use]
    pub fn new(plan: &Plan, status: PlanStatus, schedule: Option<&[Row]>, settings: &Settings) -> Self {
        let (schedule_type, frequency, every_days) = rhythm(plan.frequency);
        let schedule = schedule.unwrap_or_default().iter().map(ScheduleRow::from).collect();
        Self {
            id: plan.id.to_string(),
            automatic: plan.automatic,
            pay_now_allowed: None,
            edit_plan_allowed: None,
            schedule_type,
            no_of_installments: plan.installments.to_string(),
            no_of_installment: plan.installments.to_string(),
            frequency,
            tenure: plan.tenure.map(TenureBlock::from),
            total_amount: plan.total.to_string(),
            principal: plan.principal.map(|amount| amount.to_string()),
            interest_amount: plan.interest.map(|amount| amount.to_string()),
            penalty: plan.principal.map(|_| "0.00"),
            start_date: plan.start_date.map(|day| start_date(day, settings.start_date_format)),
            status: Some(status_word(status)),
            payment_url: None,
            extensible_data: PlanExtra { every_days, schedule, schedule_version: None },
        }
    }

    /// The least harmful plan: an echo of an id that we do not know, or no id before an offer exists.
    #[must_use]
    pub fn unknown(id: &str, status: Option<PlanStatus>) -> Self {
        Self {
            id: id.to_owned(),
            automatic: false,
            pay_now_allowed: None,
            edit_plan_allowed: None,
            schedule_type: "ONE_TIME",
            no_of_installments: "0".to_owned(),
            no_of_installment: "0".to_owned(),
            frequency: None,
            tenure: None,
            total_amount: "0.00".to_owned(),
            principal: None,
            interest_amount: None,
            penalty: None,
            start_date: None,
            status: status.map(status_word),
            payment_url: None,
            extensible_data: PlanExtra::default(),
        }
    }

    /// A plan as an answer has it.
    #[must_use]
    pub fn of_content(content: &PlanContent, settings: &Settings) -> Self {
        let block = content.plan.as_ref().map_or_else(
            || Self::unknown(content.id.as_str(), Some(content.status)),
            |plan| {
                let rows = content.schedule.as_ref().map(|schedule| schedule.rows.as_slice());
                Self::new(plan, content.status, rows, settings)
            },
        );
        Self { payment_url: content.payment_url.clone(), ..block }
    }

    /// The same plan with what may be done about it now.
    #[must_use]
    pub fn allowing(self, pay_now: bool, edit_plan: bool) -> Self {
        Self { pay_now_allowed: Some(pay_now), edit_plan_allowed: Some(edit_plan), ..self }
    }

    /// The chosen plan of a list, else its first one, else none at all (C6).
    #[must_use]
    pub fn chosen<'a>(plans: &'a [Plan], id: Option<&PlanId>) -> Option<&'a Plan> {
        plans.iter().find(|plan| Some(&plan.id) == id).or_else(|| plans.first())
    }
}

/// `scheduleType`, `frequency`, and the days where v3 has no word for the frequency.
fn rhythm(frequency: Option<Frequency>) -> (&'static str, Option<&'static str>, Option<u32>) {
    match frequency {
        None => ("ONE_TIME", None, None),
        Some(Frequency::Monthly) => ("RECURRING", Some("MONTHLY"), None),
        Some(Frequency::Weekly) => ("RECURRING", Some("WEEKLY"), None),
        Some(Frequency::Quarterly) => ("RECURRING", Some("QUARTERLY"), None),
        Some(Frequency::HalfYearly) => ("RECURRING", Some("HALF_YEARLY"), None),
        Some(Frequency::Yearly) => ("RECURRING", Some("YEARLY"), None),
        Some(Frequency::Fortnightly) => ("AS_PRESENTED", None, Some(14)),
        Some(Frequency::EveryDays(days)) => ("AS_PRESENTED", None, Some(days)),
    }
}

fn start_date(day: NaiveDate, format: StartDateFormat) -> String {
    match format {
        StartDateFormat::Dmy => day.format("%d-%m-%Y").to_string(),
        StartDateFormat::Iso => day.to_string(),
    }
}

fn status_word(status: PlanStatus) -> &'static str {
    match status {
        PlanStatus::Active => "ACTIVE",
        PlanStatus::Inactive => "INACTIVE",
        PlanStatus::PendingAuth => "PENDING_AUTH",
    }
}
