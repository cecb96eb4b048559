//! The published OCEN v3 schemas, read from the folder beside the checkout; never copied
//! (CC BY-ND 4.0), never fetched.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::{Draft, Retrieve, Uri, Validator};
use serde_json::Value;

/// Every `$ref` and `$id` begins with it.
const PREFIX: &str = "https://github.com/juspay/lsp-lender-protocol-specification/blob/master/";
/// The schema of each callback, below the folder; file names carry the publisher's typos.
const CALLBACKS: [(&str, &str); 28] = [
    (
        "createLoanApplications",
        "Loan Application/schema/Version 0.0.1/Bulk Create Loan Application/BulkCreateLoanApplicationResponse.json",
    ),
    ("consentHandle", "Consent/schema/Version 0.0.1/Consent Handle/ConsentHandleResponse.json"),
    ("consentStatus", "Consent/schema/Version 0.0.1/Consent Status/ConsentStatusResponse.json"),
    ("generateOffers", "Offers/schema/Version 0.0.1/Generate Offer/GenerateOfferResponse.json"),
    ("setOffer", "Offers/schema/Version 0.0.1/Set Offer/SetOfferResponse.json"),
    (
        "triggerLoanAcceptance",
        "Loan Acceptance/schema/Version 0.0.1/Trigger Loan Acceptance/TriggerLoanAcceptanceResponse.json",
    ),
    (
        "verifyLoanAcceptance",
        "Loan Acceptance/schema/Version 0.0.1/Verify Loan Acceptance/VerifyLoanApplicationResponse.json",
    ),
    (
        "getDisbursementPlans",
        "Disbursement/schema/Version 0.0.1/Get Disbursement Plans/GetDisbursementPlansResponse.json",
    ),
    ("setDisbursementPlan", "Disbursement/schema/Version 0.0.1/Set Disbursement Plan/SetDisbursementPlanResponse.json"),
    (
        "getDisbursementAccounts",
        "Disbursement/schema/Version 0.0.1/Get Disbursement Accounts/GetDisubusrementAccountsResponse.json",
    ),
    (
        "setDisbursementAccount",
        "Disbursement/schema/Version 0.0.1/Set Disbursement Account/SetDisbursementAccountResponse.json",
    ),
    ("triggerDisbursement", "Disbursement/schema/Version 0.0.1/Trigger Disbursement/TriggerDisbursementResponse.json"),
    (
        "triggerDisbursementStatus",
        "Disbursement/schema/Version 0.0.1/Trigger Disbursement Status/TriggerDisbursementStatusResponse.json",
    ),
    ("getRepaymentPlans", "Repayment/schema/Version 0.0.1/Get Repayment Plans/GetRepaymentPlansResponse.json"),
    ("setRepaymentPlan", "Repayment/schema/Version 0.0.1/Set Repayment Plan/SetRepaymentPlanResponse.json"),
    (
        "setRepaymentPlanStatus",
        "Repayment/schema/Version 0.0.1/Set Repayment Plan Status/SetRepaymentPlanStatusResponse.json",
    ),
    ("triggerRepayment", "Repayment/schema/Version 0.0.1/Trigger Repayment/TriggerRepaymentResponse.json"),
    (
        "triggerRepaymentStatus",
        "Repayment/schema/Version 0.0.1/Trigger Repayment Status/TriggerRepaymentStatusResponse.json",
    ),
    ("confirmRepayment", "Repayment/schema/Version 0.0.1/Confirm Repayment/ConfirmRepaymentRequest.json"),
    ("grantLoan", "Grant Loan/schema/Version 0.0.1/Grant Loan/GrantLoanResponse.json"),
    ("loanSummary", "Grant Loan/schema/Version 0.0.1/Loan Summary/LoanSummryResponse.json"),
    ("getLoan", "Grant Loan/schema/Version 0.0.1/Get Loan/GetLoanResponse.json"),
    ("loanStatement", "Grant Loan/schema/Version 0.0.1/Loan Statement/LoanStatementResponse.json"),
    ("listLoans", "Grant Loan/schema/Version 0.0.1/List Loans/ListLoansResponse.json"),
    ("raiseDispute", "Dispute Management/schema/Version 0.0.1/Raise Dispute/RaiseDisputeResponse.json"),
    ("disputeStatus", "Dispute Management/schema/Version 0.0.1/Dispute Status/DisputeStatusResponse.json"),
    ("getLookupCodes", "Meta APIs/schema/Verion 0.0.1/Get Lookup/GetLookupsResponse.json"),
    ("getErrorCodes", "Meta APIs/schema/Verion 0.0.1/Get Error Code/GetErrorCodeResponse.json"),
];

/// The published schemas.
pub struct Schemas {
    validators: HashMap<&'static str, Validator>,
    ack: Validator,
}

impl Schemas {
    /// Loads them, or says loudly that they are not there.
    pub fn load() -> Option<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/spec/ocen-v3");
        if !folder.is_dir() {
            super::skip(&format!("the published OCEN schemas are not at {}", folder.display()));
            return None;
        }
        let validators = CALLBACKS.iter().map(|(name, path)| (*name, compile(&folder, path))).collect();
        Some(Self { validators, ack: compile(&folder, "Core/schema/Version 0.0.1/ack.json") })
    }

    /// What is wrong with a callback body that has no `metadata` yet.
    pub fn callback(&self, operation: &str, body: &str) -> Vec<String> {
        let mut message: Value = serde_json::from_str(body).expect("a callback is JSON");
        message["metadata"] = serde_json::json!({
            "version": "1.0", "orgId": "LENDER", "timestamp": "2026-01-05T10:00:00.000Z", "traceId": "t"
        });
        errors(&self.validators[operation], &message)
    }

    /// What is wrong with an ack.
    pub fn ack(&self, ack: &Value) -> Vec<String> {
        errors(&self.ack, ack)
    }
}

fn errors(validator: &Validator, message: &Value) -> Vec<String> {
    validator.iter_errors(message).map(|error| format!("{} at {}", error, error.instance_path())).collect()
}

fn compile(folder: &Path, path: &str) -> Validator {
    let schema = read(&folder.join(path));
    jsonschema::options()
        .with_draft(Draft::Draft7)
        .with_retriever(Folder(folder.to_owned()))
        .build(&schema)
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut schema: Value = serde_json::from_str(&text).expect("a schema is JSON");
    // Four `$id`s differ from their place, so references go by place alone.
    if let Some(members) = schema.as_object_mut() {
        members.remove("$id");
    }
    schema
}

struct Folder(PathBuf);

impl Retrieve for Folder {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        let path = uri.as_str().strip_prefix(PREFIX).ok_or("a reference outside the specification")?;
        Ok(read(&self.0.join(path.replace("%20", " "))))
    }
}
