//! The codes, each with how a journey under it ends.

use serde_json::Value;

/// One code.
#[derive(Debug)]
pub struct Code {
    /// Four digits.
    pub code: &'static str,
    /// In words.
    pub forces: &'static str,
    /// How a journey ends.
    pub ends: Ends,
    /// Seconds to wait for what never comes.
    pub patience: Option<u64>,
}

impl Code {
    /// Whether it stands in the account's number.
    #[must_use]
    pub fn is_of_payout(&self) -> bool {
        self.code.starts_with("07")
    }
}

/// How a journey ends.
#[derive(Debug, Clone, Copy)]
pub enum Ends {
    /// The loan is repaid.
    Closed,
    /// The same, and so much was sanctioned, rupees.
    Sanctioned(&'static str),
    /// The same, and callbacks came more than once.
    Repeated,
    /// The same, and a request was tried again.
    Retried,
    /// A request or its answer says so: its name, and a word of what came.
    At(&'static str, &'static str),
    /// A callback is not to be believed: a word of why.
    Refused(&'static str),
    /// The money was paid out, the clock moved, and the loan then says so.
    After {
        /// Bodies of `POST /sandbox/clock`, `LOAN` for the loan's id.
        clock: &'static [&'static str],
        /// Where in `GET /admin/loans/{loanId}`.
        pointer: &'static str,
        /// What must stand there.
        is: fn(&Value) -> bool,
    },
}

/// The code, if there is such a one.
#[must_use]
pub fn find(code: &str) -> Option<&'static Code> {
    CODES.iter().find(|known| known.code == code)
}

const CREATE: &str = "createLoanApplicationsRequest";
const CONSENT: &str = "consentStatusRequest";
const OFFERS: &str = "generateOffersRequest";
const VERIFY: &str = "verifyLoanAcceptanceRequest";
const GRANT: &str = "grantLoanRequest";
/// Seconds after which nothing is expected to come any more.
const SOON: Option<u64> = Some(5);

const fn code(code: &'static str, forces: &'static str, ends: Ends) -> Code {
    Code { code, forces, ends, patience: None }
}

const fn soon(code: &'static str, forces: &'static str, ends: Ends) -> Code {
    Code { code, forces, ends, patience: SOON }
}

/// All that v3 can express (`lending.md` §4.3).
pub static CODES: [Code; 47] = [
    code("0000", "happy path", Ends::Closed),
    code("0101", "rejected: LOW_CREDIT_SCORE", Ends::At(CREATE, "REJECTED")),
    code("0102", "rejected: FRAUD", Ends::At(CREATE, "REJECTED")),
    code("0103", "rejected: DOC_IRREGULARITIES", Ends::At(CREATE, "REJECTED")),
    code("0104", "rejected: OTHERS", Ends::At(CREATE, "REJECTED")),
    code("0105", "rejected: account aggregator failed", Ends::At(CREATE, "REJECTED")),
    code("0110", "action required: add a document", Ends::At(CREATE, "ACTION_REQUIRED")),
    code("0111", "action required: submit a document again", Ends::At(CREATE, "ACTION_REQUIRED")),
    code("0112", "action required: additional data", Ends::At(CREATE, "ACTION_REQUIRED")),
    soon("0121", "referred to a person at filing", Ends::At(CREATE, "none within")),
    soon("0122", "referred to a person at the offers", Ends::At(OFFERS, "none within")),
    soon("0123", "referred to a person at the grant", Ends::At(GRANT, "none within")),
    code("0201", "consent fails", Ends::At(CONSENT, "FAILED")),
    soon("0202", "consent pending for ever", Ends::At(CONSENT, "PENDING")),
    code("0203", "consent ready at the third status request", Ends::Closed),
    code("0204", "data fetch times out", Ends::At(OFFERS, "GORQ2001")),
    code("0301", "no offer", Ends::At(OFFERS, "REJECTED")),
    code("0302", "counter-offer of half the amount", Ends::Sanctioned("15000.00")),
    code("0303", "three offers", Ends::Closed),
    code("0304", "offer that is soon over", Ends::Closed),
    soon("0401", "KYC rejected", Ends::At(GRANT, "ACTION_REQUIRED")),
    soon("0402", "KYC pending", Ends::At(GRANT, "ACTION_REQUIRED")),
    soon("0403", "KYC needs the borrower", Ends::At(GRANT, "ACTION_REQUIRED")),
    code("0501", "every OTP is wrong", Ends::At(VERIFY, "INCORRECT_OTP")),
    code("0502", "OTP expired", Ends::At(VERIFY, "VLARQ1001")),
    code("0503", "OTP wrong, locked after three tries", Ends::At(VERIFY, "INCORRECT_OTP")),
    code("0601", "mandate authorised after one hour", Ends::Closed),
    code(
        "0602",
        "mandate cancelled by the borrower",
        Ends::After {
            // Nothing can be debited.
            clock: &[r#"{"advance": "P45D"}"#],
            pointer: "/delinquency/daysPastDue",
            is: |days| days.as_i64().is_some_and(|days| days > 0),
        },
    ),
    code("0603", "mandate refused", Ends::At("setRepaymentPlanStatusRequest", "INACTIVE")),
    code("0701", "payout fails: name mismatch", Ends::At("triggerDisbursementStatusRequest", "FAILURE")),
    code("0702", "payout pending, paid after one hour", Ends::Closed),
    code(
        "0703",
        "payout paid, then reversed next day",
        Ends::After { clock: &[r#"{"advance": "P2D"}"#], pointer: "/payouts/0/state", is: |state| state == "FAILED" },
    ),
    code("0704", "account refused: not the borrower's", Ends::At("setDisbursementAccountRequest", "SDA1001")),
    code(
        "0801",
        "first instalment bounces, paid three days later",
        Ends::After {
            clock: &[r#"{"until": "firstBounce", "loanId": "LOAN"}"#, r#"{"advance": "P4D"}"#],
            pointer: "/delinquency/daysPastDue",
            is: |days| days == 0,
        },
    ),
    code(
        "0802",
        "never pays: SMA, then NPA",
        Ends::After {
            clock: &[r#"{"until": "npa", "loanId": "LOAN"}"#],
            pointer: "/delinquency",
            is: |delinquency| delinquency.to_string().contains("NPA"),
        },
    ),
    code(
        "0803",
        "pays 60 % of each instalment",
        Ends::After {
            clock: &[r#"{"advance": "P40D"}"#],
            pointer: "/delinquency/daysPastDue",
            is: |days| days.as_i64().is_some_and(|days| days > 0),
        },
    ),
    code(
        "0804",
        "prepays in month 3",
        Ends::After {
            clock: &[r#"{"until": "closed", "loanId": "LOAN"}"#],
            pointer: "/status",
            is: |status| status == "CLOSED",
        },
    ),
    soon("0901", "callbacks 60 s late", Ends::At(CREATE, "none within")),
    code("0902", "callbacks three times", Ends::Repeated),
    code("0903", "callbacks in reverse order", Ends::Closed),
    soon("0904", "no callbacks", Ends::At(CREATE, "none within")),
    code("0905", "callbacks with a broken signature", Ends::Refused("signature")),
    code("0906", "callbacks with unknown fields", Ends::Closed),
    code("0907", "HTTP 500 once instead of the ack", Ends::Retried),
    code("0908", "an ack that says no, once", Ends::Retried),
    code("0909", "signing key rotated between callbacks", Ends::Closed),
    code("0910", "callbacks with response.status ERROR", Ends::At(CREATE, "")),
];
