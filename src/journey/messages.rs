//! The requests' bodies, without `metadata` and `requestId`, which [`super::outbound`] adds. Each is valid against
//! the published schema except where that asks before the grant for a `loanId` that nobody can know
//! (C7): there the application's id stands in.

use serde_json::{Value, json};

use super::borrower::Borrower;
use super::flow::Application;
use super::operations::text;

/// The loan type whose loans finance an invoice, which is pledged.
const INVOICE_FINANCE: &str = "CASHFLOW";

/// One application as it is asked for; each invoice finance has an invoice of its own.
pub fn application(borrower: &Borrower, application: &Application, created: &str) -> Value {
    let contact = json!([{"type": "PRIMARY", "phone": borrower.phone, "address": address()}]);
    let (collaterals, description) = match application.loan_type.as_str() {
        INVOICE_FINANCE => (json!([invoice(borrower, application)]), "Invoice finance"),
        _ => (json!([]), "For the household or the trade"),
    };
    json!({
        "createdDate": created,
        "loanApplicationId": application.id,
        "type": application.loan_type,
        "borrower": {
            "primaryId": borrower.pan,
            "primaryIdType": "PAN",
            "name": borrower.name,
            "category": "INDIVIDUAL",
            "contactDetails": contact,
        },
        "collaterals": collaterals,
        "guarantors": [],
        "applicants": [{"primaryId": borrower.phone, "primaryIdType": "MOBILE", "name": borrower.name}],
        "terms": {"requestedAmount": application.requested, "currency": "INR"},
        "description": description,
    })
}

fn address() -> Value {
    json!({
        "hba": "12", "srl": "Residency Road", "vtc": "Bengaluru",
        "pinCode": "560025", "state": "Karnataka", "country": "India",
    })
}

fn invoice(borrower: &Borrower, application: &Application) -> Value {
    json!({
        "collateralPrimaryId": format!("INVOICE_{}_{}", borrower.gstin, application.invoice),
        "collateralPrimaryIdType": "GST_INVOICE",
        "additionalIdentifiers": [],
        "valuation": {"value": application.requested, "currency": "INR", "source": "GSTN"},
        "parties": [],
        "type": "GST_INVOICE",
        "documents": [],
    })
}

/// All applications of one borrower in one message.
pub fn create(applications: &[Value]) -> Value {
    json!({"loanApplications": applications})
}

/// `fetch_type` is `ONETIME` for the data behind the offers, `PERIODIC` for monitoring.
pub fn consent_handle(application_ids: &[&str], borrower: &Borrower, fetch_type: &str) -> Value {
    json!({
        "loanApplicationIds": application_ids,
        "consent": {
            "consentFetchType": fetch_type,
            "vua": format!("{}@demo-aa", borrower.phone),
            "isAggregationEnabled": false,
            "lspInfo": {"lspId": "journey", "appName": "in.example.journey"},
        },
    })
}

pub fn consent_status(handle: &str) -> Value {
    json!({"consent": {"consentHandle": handle}})
}

pub fn generate_offers(application_ids: &[&str]) -> Value {
    json!({"loanApplicationIds": application_ids})
}

/// The whole offer goes back, as the schema wants it; its id alone counts.
pub fn set_offer(application_id: &str, offer: &Value) -> Value {
    json!({"loanApplicationId": application_id, "offer": offer})
}

pub fn trigger_acceptance(application_ids: &[&str]) -> Value {
    json!({
        "loanApplicationIds": application_ids,
        "credBlock": {"type": "OTP", "data": {"appToken": "0aBCD7DMr7s", "status": "SUCCESS"}},
    })
}

/// The schema wants the OTP as a number, and a number loses leading zeros: the lender has to fill them in.
pub fn verify_acceptance(session_key: &str, otp: &str) -> Value {
    let otp = otp.parse::<u32>().map_or_else(|_| Value::from(otp), Value::from);
    json!({
        "credBlock": {"type": "OTP", "data": {"otpSessionKey": session_key, "otp": otp, "status": "SUCCESS"}},
    })
}

/// `getDisbursementPlans`, `getDisbursementAccounts`, `getRepaymentPlans`.
pub fn about(application_id: &str) -> Value {
    json!({"loanId": application_id})
}

/// `setDisbursementPlan`, `setRepaymentPlan`: the lender's own plan goes back.
pub fn set_plan(application_id: &str, plan: &Value) -> Value {
    json!({"loanApplicationId": application_id, "plan": plan})
}

pub fn plan_status(plan: &Value) -> Value {
    json!({"plan": plan})
}

pub fn set_account(application_id: &str, borrower: &Borrower) -> Value {
    json!({
        "loanApplicationId": application_id,
        "account": {
            "accountDataType": "ACCOUNT",
            "data": {
                "accountType": "SAVING",
                "accountIFSC": "ICIC0000856",
                "accountNumber": borrower.account_number,
                "accountHolderName": borrower.name,
            },
        },
    })
}

pub fn grant(application_id: &str) -> Value {
    json!({"loanApplicationId": application_id})
}

/// The gross amount of the plan's only tranche; the lender keeps its fee back.
pub fn trigger_disbursement(loan_id: &str, payment_id: &str, plan: &Value) -> Value {
    json!({
        "loanId": loan_id,
        "payment": {"id": payment_id, "totalAmount": text(plan, "/totalAmount"), "installmentNumber": "1"},
    })
}

pub fn disbursement_status(loan_id: &str, payment_id: &str) -> Value {
    json!({"loanId": loan_id, "payment": {"id": payment_id}})
}

pub fn lookup_codes() -> Value {
    json!({"lookupType": "LOAN_STATUS"})
}

pub fn error_codes() -> Value {
    json!({"errorCode": "SDP1001"})
}

/// `loanSummary`, `getLoan`, `loanStatement`.
pub fn about_loan(loan_id: &str) -> Value {
    json!({"loanId": loan_id})
}

pub fn list_loans(borrower: &Borrower) -> Value {
    let contact = json!([{"type": "PRIMARY", "phone": borrower.phone}]);
    json!({"borrower": {
        "primaryId": borrower.pan, "primaryIdType": "PAN", "category": "INDIVIDUAL", "contactDetails": contact,
    }})
}

/// The lender makes the payment's id.
pub fn pay_instalment(loan_id: &str, number: &str, amount: &str) -> Value {
    json!({"loanId": loan_id, "payment": {
        "id": "", "installmentNumber": number, "totalAmount": amount, "paymentMethodType": "UPI",
        "extensibleData": {"purpose": "INSTALMENT"},
    }})
}

/// All that is owed today; the lender says how much that is.
pub fn pay_off(loan_id: &str) -> Value {
    json!({"loanId": loan_id, "payment": {
        "id": "", "paymentMethodType": "UPI", "extensibleData": {"purpose": "FORECLOSURE"},
    }})
}

pub fn repayment_status(loan_id: &str, payment_id: &str) -> Value {
    json!({"loanId": loan_id, "payment": {"id": payment_id}})
}

pub fn raise_dispute(loan_id: &str) -> Value {
    json!({"loanId": loan_id, "dispute": {"description": "Please explain the fees kept from the payout."}})
}

pub fn dispute_status(dispute_id: &str) -> Value {
    json!({"dispute": {"id": dispute_id}})
}
