//! What a run came to.

use serde::Serialize;

use super::scenario::Outcome;

/// The outcome of a run, as `--json` prints it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Whether every loan went as far as it was to go.
    pub ok: bool,
    /// The loans paid out.
    pub loans: Vec<PaidLoan>,
    /// Requests acked and callbacks taken in.
    pub messages: u64,
    /// Tries beyond the first of requests.
    pub retries: u64,
    /// Callbacks that came more than once.
    pub duplicates: u64,
    /// From the first request to the last callback.
    pub seconds: f64,
    /// Journeys under scenario codes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scenarios: Vec<Outcome>,
    /// Why not, when `ok` is false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// One loan with its money in the borrower's account. Amounts are rupees, rates percent, as they came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PaidLoan {
    /// Ours.
    pub loan_application_id: String,
    /// The lender's.
    pub loan_id: String,
    /// Sanctioned amount.
    pub sanctioned: String,
    /// Amount paid out: sanctioned less the fees kept back.
    pub net: String,
    /// Annual percentage rate.
    pub apr: String,
    /// The bank's unique transaction reference.
    pub utr: String,
    /// Amount repaid by the borrower, as far as the run followed the loan.
    pub repaid: String,
    /// The last status that the lender told: `COMPLETED` when nothing is owed any more.
    pub status: String,
}
