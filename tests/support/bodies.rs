//! Messages as an LSP would send them.

use ocen_lender::clock::Ids;
use serde_json::{Value, json};

/// Paths of requests.
pub mod path {
    pub const CREATE: &str = "/v3/loanApplication/createLoanApplicationsRequest";
    pub const CONSENT_HANDLE: &str = "/v3/consent/consentHandleRequest";
    pub const CONSENT_STATUS: &str = "/v3/consent/consentStatusRequest";
    pub const GENERATE_OFFERS: &str = "/v3/offer/generateOffersRequest";
    pub const SET_OFFER: &str = "/v3/offer/setOfferRequest";
    pub const TRIGGER_ACCEPTANCE: &str = "/v3/loan/triggerLoanAcceptanceRequest";
    pub const VERIFY_ACCEPTANCE: &str = "/v3/loan/verifyLoanAcceptanceRequest";
    pub const GET_DISBURSEMENT_PLANS: &str = "/v3/disbursement/getDisbursementPlansRequest";
    pub const SET_DISBURSEMENT_PLAN: &str = "/v3/disbursement/setDisbursementPlanRequest";
    pub const GET_ACCOUNTS: &str = "/v3/disbursement/getDisbursementAccountsRequest";
    pub const SET_ACCOUNT: &str = "/v3/disbursement/setDisbursementAccountRequest";
    pub const TRIGGER_DISBURSEMENT: &str = "/v3/disbursement/triggerDisbursementRequest";
    pub const DISBURSEMENT_STATUS: &str = "/v3/disbursement/triggerDisbursementStatusRequest";
    pub const GET_REPAYMENT_PLANS: &str = "/v3/repayment/getRepaymentPlansRequest";
    pub const SET_REPAYMENT_PLAN: &str = "/v3/repayment/setRepaymentPlanRequest";
    pub const REPAYMENT_PLAN_STATUS: &str = "/v3/repayment/setRepaymentPlanStatusRequest";
    pub const GRANT: &str = "/v3/loan/grantLoanRequest";
    pub const TRIGGER_REPAYMENT: &str = "/v3/repayment/triggerRepaymentRequest";
    pub const REPAYMENT_STATUS: &str = "/v3/repayment/triggerRepaymentStatusRequest";
    pub const CONFIRM_REPAYMENT: &str = "/v3/repayment/confirmRepayment";
    pub const LOAN_SUMMARY: &str = "/v3/loan/LoanSummaryRequest";
    pub const GET_LOAN: &str = "/v3/loan/getLoanRequest";
    pub const LOAN_STATEMENT: &str = "/v3/loan/loanStatementRequest";
    pub const LIST_LOANS: &str = "/v3/loan/listLoansRequest";
    pub const RAISE_DISPUTE: &str = "/v3/loan/dispute/raiseDisputeRequest";
    pub const DISPUTE_STATUS: &str = "/v3/loan/dispute/disputeStatusRequest";
    pub const HEARTBEAT: &str = "/v3/meta/heartbeatRequest";
    pub const LOOKUP: &str = "/v3/meta/lookup/getLookupCodesRequest";
    pub const ERROR_CODES: &str = "/v3/meta/lookup/getErrorCodesRequest";
}

/// A borrower nobody else has.
pub fn pan() -> String {
    let digits: String = Ids.uuid().simple().to_string().chars().rev().filter(char::is_ascii_digit).take(4).collect();
    let letters: String = Ids
        .token()
        .to_ascii_uppercase()
        .chars()
        .filter(char::is_ascii_uppercase)
        .chain("ABCDEF".chars())
        .take(3)
        .collect();
    format!("{letters}PB{digits:0>4}C")
}

/// The borrower that all bodies speak of unless told otherwise.
pub const NAME: &str = "Asha Venkataraman";
/// Her phone.
pub const PHONE: &str = "9845012367";
/// Her account.
pub const ACCOUNT: &str = "502100345678901";

/// One application of 50,000 rupees.
pub fn application(id: &str, pan: &str) -> Value {
    json!({
        "createdDate": "2026-01-05T09:59:00.000Z",
        "loanApplicationId": id,
        "type": "PERSONAL",
        "borrower": {
            "primaryId": pan,
            "primaryIdType": "PAN",
            "name": NAME,
            "category": "INDIVIDUAL",
            "contactDetails": [{"type": "PRIMARY", "phone": PHONE, "email": "asha.v@example.in"}],
        },
        "collaterals": [],
        "guarantors": [],
        "applicants": [],
        "terms": {"requestedAmount": "50000.00", "currency": "INR"},
    })
}

/// An application id nobody else has.
pub fn id() -> String {
    format!("APP-{}", Ids.uuid().simple())
}

/// A new payout account of the borrower's.
pub fn account(number: &str, holder: &str) -> Value {
    json!({
        "accountDataType": "ACCOUNT",
        "data": {
            "accountType": "SAVING",
            "accountIFSC": "HDFC0000123",
            "accountNumber": number,
            "accountHolderName": holder,
        },
    })
}
