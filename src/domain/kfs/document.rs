//! The key facts statement as a document: RBI's form (`lending.md` §1.2, §1.3) and, beside its words, every value that
//! later amounts of the loan are computed from. Amounts are rupees with two decimals, rates percent per annum, as text.
//!
//! It names no borrower: its page may be read by whoever has the link.

use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::maths::day_count::DayCount;
use crate::domain::maths::first_period::FirstPeriod;
use crate::domain::maths::reschedule::PrepaymentMode;
use crate::domain::maths::schedule::{Frequency, Method};
use crate::domain::servicing::{AllocationPolicy, CoolingOffPolicy};

/// A key facts statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Kfs {
    /// Version of this form.
    pub version: String,
    /// Unique number of the proposal, from the offer's id.
    pub proposal_number: String,
    /// Business date of the lender on which it was made.
    pub issued_on: NaiveDate,
    /// The lender is bound by these terms until this instant.
    pub valid_till: DateTime<Utc>,
    /// Working days for which it is valid at the least.
    pub valid_working_days: u32,
    /// Who lends.
    pub lender: LenderFacts,
    /// Part 1: interest rate, fees and charges.
    pub part_one: PartOne,
    /// Part 2: other qualitative information.
    pub part_two: PartTwo,
    /// Computation of the APR (Annex B).
    pub apr_sheet: AprSheet,
    /// Repayment schedule (Annex C).
    pub schedule: Vec<ScheduleRow>,
    /// How the figures were computed.
    pub basis: Basis,
    /// What the schedule is a function of.
    pub terms: Terms,
    /// Rules of the loan's life.
    pub rules: Rules,
}

/// The lender as the borrower reaches it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LenderFacts {
    /// Registered name.
    pub name: String,
    /// Phone for borrowers.
    pub phone: String,
    /// Email for borrowers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// Part 1 of the form, rows 1 to 10.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartOne {
    /// Row 1: type of loan.
    pub loan_type: String,
    /// Row 2: sanctioned amount.
    pub sanctioned_amount: String,
    /// Row 3: disbursal schedule.
    pub disbursal_schedule: String,
    /// Row 4: term.
    pub term: String,
    /// Row 5: instalments.
    pub instalments: Instalments,
    /// Row 6: rate, percent per annum.
    pub interest_rate: String,
    /// Row 6: `FIXED`.
    pub interest_type: String,
    /// Row 7: what applies to a floating rate.
    pub floating_rate: String,
    /// Row 8 A: payable to the lender.
    pub fees_to_lender: Vec<Fee>,
    /// Row 8 B: payable to others through the lender, at actuals.
    pub fees_to_third_parties: Vec<Fee>,
    /// Row 9: annual percentage rate.
    pub annual_percentage_rate: String,
    /// Row 10: charges that depend on what happens.
    pub contingent_charges: Vec<ContingentCharge>,
}

/// Row 5: how often, how much and from when the borrower pays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Instalments {
    /// e.g. `monthly`.
    pub kind: String,
    /// How many.
    pub number: u32,
    /// Equated periodic instalment; the last one may differ by rounding. Of equal principal, the first instalment.
    pub amount: String,
    /// The first instalment, where it is another amount: it pays the interest of odd days on top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_amount: Option<String>,
    /// The last instalment, where equal principal makes each another amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_amount: Option<String>,
    /// Business date of the first.
    pub first_due: NaiveDate,
    /// Days from the sanction to the first.
    pub starts_after_days: i64,
}

/// A charge for giving the loan, kept from the payout once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Fee {
    /// e.g. `PROCESSING`.
    pub code: String,
    /// What it is for.
    pub name: String,
    /// `ONE_TIME`.
    pub recurrence: String,
    /// Without tax.
    pub amount: String,
    /// Goods and services tax on it.
    pub tax: String,
    /// With tax.
    pub total: String,
}

/// A charge that depends on what happens. What is not among these is never charged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContingentCharge {
    /// `PENAL`, `OTHER_PENAL`, `FORECLOSURE`, `PREPAYMENT`, `RATE_SWITCH` or `BOUNCE`.
    pub code: String,
    /// Which row of the form: `10(i)` to `10(v)`.
    pub row: String,
    /// Percent, where it is a rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<String>,
    /// Fixed amount, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
    /// Goods and services tax that comes on top, percent; `0.00` when none does.
    pub tax_percent: String,
    /// What the borrower reads.
    pub text: String,
}

/// Part 2 of the form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartTwo {
    /// Row 1: recovery agents.
    pub recovery_agents: Vec<Contact>,
    /// Row 1: in words.
    pub recovery: String,
    /// Row 2: redress of grievances, in words.
    pub grievance_redress: String,
    /// Row 3: nodal grievance officer.
    pub grievance_officer: Contact,
    /// Row 4: whether the loan may be transferred to others or securitised.
    pub transferable: bool,
    /// Row 5: whether another lender shares in it.
    pub co_lending: bool,
    /// Row 6: cooling-off period in days, without penalty for leaving.
    pub cooling_off_days: u32,
    /// Row 6: the lending service provider that brought the loan.
    pub lending_service_provider: String,
    /// Row 6: whether it acts as recovery agent.
    pub provider_recovers: bool,
}

/// Somebody to turn to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Contact {
    /// Name.
    pub name: String,
    /// Phone.
    pub phone: String,
    /// Email.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// Annex B: computation of the APR.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AprSheet {
    /// 1: sanctioned amount.
    pub sanctioned_amount: String,
    /// 2: term.
    pub term: String,
    /// 2 (b): type, amount and number of the instalments, e.g. `monthly, 969.73 x 24`, or `monthly, 2855.40, then
    /// 2750.40 x 11` where the first is another amount.
    pub instalments: String,
    /// 2 (d): when they start, e.g. `30 days after sanction`.
    pub starts: String,
    /// 3: `FIXED`.
    pub interest_type: String,
    /// 4: rate, percent per annum.
    pub interest_rate: String,
    /// 5: total interest.
    pub total_interest: String,
    /// 6: fees, both kinds, with tax.
    pub fees: String,
    /// 6 (A): to the lender.
    pub fees_to_lender: String,
    /// 6 (B): to others through the lender.
    pub fees_to_third_parties: String,
    /// Interest of odd days before the first whole period that is kept from the payout; part of 5.
    pub upfront_interest: String,
    /// 7: net disbursed amount, 1 less 6 and less interest kept from the payout.
    pub net_disbursed: String,
    /// 8: total to be paid, 1 plus 5.
    pub total_paid: String,
    /// 9: APR, percent with two decimals.
    pub annual_percentage_rate: String,
    /// Effective annual rate, percent with two decimals: compounded, in years of 365 days. A second figure beside 9, for
    /// loans whose periods are days or weeks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_annual_rate: Option<String>,
    /// 10: disbursal schedule.
    pub disbursal_schedule: String,
    /// 11: due date of the first instalment, DDMMYYYY.
    pub due_date: String,
}

/// One row of Annex C.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleRow {
    /// Counted from 1.
    pub number: u32,
    /// Business date.
    pub due_date: NaiveDate,
    /// Principal outstanding before it.
    pub outstanding: String,
    /// Principal part.
    pub principal: String,
    /// Interest part.
    pub interest: String,
    /// Amount payable.
    pub instalment: String,
}

/// How the figures were computed, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Basis {
    /// What the APR is the rate of.
    pub apr: String,
    /// `UNIT_PERIOD_IRR`: internal rate of return of one period, times the periods of a year, not compounded.
    pub apr_method: String,
    /// Periods of a year by which the rate of one is multiplied; for a bullet 365 by its days.
    pub periods_per_year: String,
    /// Whether goods and services tax on fees counts in the APR.
    pub tax_included: bool,
    /// Why sums may differ by a little (footnote 9 of the form).
    pub rounding: String,
    /// How days become interest.
    pub day_count: String,
    /// How interest of a first period is computed that is not a whole one.
    pub broken_period: String,
}

/// What the schedule is a function of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Terms {
    /// Principal.
    pub principal: String,
    /// Contract rate, percent per annum.
    pub annual_rate: String,
    /// Number of instalments.
    pub installments: u32,
    /// Distance of due dates.
    pub frequency: Frequency,
    /// How the principal comes back.
    pub method: Method,
    /// Day count.
    pub day_count: DayCount,
    /// Rounding of the instalment; interest of a row is always half up to the paisa.
    pub rounding: RoundingRule,
    /// Payout date that this statement assumes; interest runs from the day of the actual payout.
    pub disbursed_on: NaiveDate,
    /// First due date for that payout.
    pub first_due: NaiveDate,
    /// How the odd days of a first period are paid for that is longer than one period.
    pub first_period: FirstPeriod,
    /// Day count of odd days that do not stay in the first row.
    pub odd_day_count: DayCount,
    /// Day of the month on which instalments fall due; none means the day of the payout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_day: Option<u32>,
}

/// How an instalment is rounded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoundingRule {
    /// To multiples of so many rupees.
    pub unit: String,
    /// `HALF_UP`, `HALF_EVEN` or `UP`.
    pub mode: String,
}

/// Rules of the loan's life. Whoever reads them can compute every later amount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rules {
    /// Order in which a payment settles what is due.
    pub allocation: Allocation,
    /// The same once the loan is a non-performing asset.
    pub npa_allocation: Allocation,
    /// Penal charge.
    pub penal: Penal,
    /// Charge for each instalment whose debit fails or comes back; there is no tax on it.
    pub bounce_charge: String,
    /// Foreclosure: percent of the principal that is not due yet.
    pub foreclosure_percent: String,
    /// Part prepayment: percent of the principal prepaid.
    pub prepayment_percent: String,
    /// What a part prepayment does to the schedule.
    pub prepayment_mode: PrepaymentMode,
    /// Goods and services tax on fees and on charges for early payment, percent.
    pub gst_percent: String,
    /// Leaving within the cooling-off period.
    pub cooling_off: CoolingOff,
    /// Total cost may rise by so many rupees, when the payout comes later than assumed, before this statement is
    /// issued anew.
    pub reissue_tolerance: String,
    /// What follows when an instalment is not paid, by the dates of the first one.
    pub overdue_example: OverdueExample,
}

/// Order of allocation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Allocation {
    /// Which order.
    pub policy: AllocationPolicy,
    /// In words.
    pub text: String,
}

/// Penal charge: a charge, never extra interest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Penal {
    /// Percent per annum, over 365 days.
    pub percent: String,
    /// `AMOUNT_IN_DEFAULT`: unpaid interest and principal of due instalments, never penal charges.
    pub base: String,
    /// Days after a due date in which none runs.
    pub grace_days: u32,
    /// Days from the due date to the first charge for an instalment, and between two of them; a payment has them
    /// charged up to its own day before it settles anything.
    pub every_days: u32,
    /// Most of them for one instalment, percent of the instalment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap_percent: Option<String>,
    /// In words.
    pub text: String,
}

/// Leaving within the cooling-off period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CoolingOff {
    /// Days from the payout.
    pub days: u32,
    /// What is to be paid.
    pub policy: CoolingOffPolicy,
    /// The formula in words.
    pub text: String,
}

/// Classification of an unpaid first instalment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OverdueExample {
    /// The first due date; SMA-0 at the end of this day.
    pub due_date: NaiveDate,
    /// SMA-1 at the end of this day.
    pub sma_1: NaiveDate,
    /// SMA-2 at the end of this day.
    pub sma_2: NaiveDate,
    /// Non-performing asset at the end of this day.
    pub npa: NaiveDate,
    /// In words.
    pub text: String,
}
