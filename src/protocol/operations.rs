//! Every OCEN call that this server knows, one table row each (`ocen-v3.md` §1.1).

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

use super::malformed::Malformed;
use super::v3::core::{Callback, RequestMessage};
use super::v3::{
    Decoding, RequestBody, acceptance, account, consent, disbursement, dispute, grant, loan_application, loan_details,
    loan_summary, meta, offer, payment, payment_order, repayment, statement,
};
use crate::domain::application::command::Command;
use crate::engine::{EncodeError, Outgoing};
use crate::rate::RateLimits;

/// Largest body of a call that brings documents, bytes (`ocen-v3.md` §4.6).
const LARGE_BODY: usize = 10 * 1024 * 1024;
/// Largest body of any other call, bytes.
const SMALL_BODY: usize = 256 * 1024;

/// A version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// OCEN v3, as published in 2020.
    V3,
}

/// One OCEN call.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    /// Its name everywhere inside: the last segment of the path without `Request`.
    pub name: &'static str,
    /// Which version of the protocol it belongs to.
    pub version: Version,
    /// Where an LSP posts it.
    pub request_path: &'static str,
    /// Other paths that LSPs are known to use.
    pub aliases: &'static [&'static str],
    /// Where its callback goes, behind the LSP's base URL; none when it has no callback.
    pub answer_path: Option<&'static str>,
    /// Largest body, bytes.
    pub body_limit: usize,
    /// Reads the message.
    pub decode: fn(&str, &Decoding) -> Result<Command, Malformed>,
    /// Writes the callback without its `metadata`.
    pub encode: fn(&Outgoing<'_>) -> Result<String, EncodeError>,
    /// A realistic request, envelope included.
    pub example: fn() -> Value,
    /// Schema of the request.
    pub request_schema: fn(&mut SchemaGenerator) -> Schema,
    /// Schema of the callback.
    pub answer_schema: fn(&mut SchemaGenerator) -> Schema,
}

type Encode = fn(&Outgoing<'_>) -> Result<String, EncodeError>;

impl Operation {
    const fn new<Request: RequestBody, Answer: JsonSchema>(
        name: &'static str,
        request_path: &'static str,
        answer_path: &'static str,
        encode: Encode,
    ) -> Self {
        Self {
            name,
            version: Version::V3,
            request_path,
            aliases: &[],
            answer_path: Some(answer_path),
            body_limit: SMALL_BODY,
            decode: super::v3::decode::<Request>,
            encode,
            example: example::<Request>,
            request_schema: schema::<RequestMessage<Request>>,
            answer_schema: schema::<Callback<Answer>>,
        }
    }

    const fn also(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    const fn large(self) -> Self {
        Self { body_limit: LARGE_BODY, ..self }
    }
}

/// All calls.
pub static OPERATIONS: &[Operation] =
    &[
        Operation::new::<
            loan_application::CreateLoanApplicationsRequest,
            loan_application::CreateLoanApplicationsResponse,
        >(
            "createLoanApplications",
            "/v3/loanApplication/createLoanApplicationsRequest",
            "/v3/loanApplication/createLoanApplicationsResponse",
            loan_application::encode,
        )
        .also(&["/v3/loanApplication/createLoanApplicationRequest"])
        .large(),
        Operation::new::<consent::ConsentHandleRequest, consent::ConsentResponse>(
            "consentHandle",
            "/v3/consent/consentHandleRequest",
            "/v3/consent/consentHandleResponse",
            consent::encode,
        ),
        Operation::new::<consent::ConsentStatusRequest, consent::ConsentResponse>(
            "consentStatus",
            "/v3/consent/consentStatusRequest",
            "/v3/consent/consentStatusResponse",
            consent::encode,
        ),
        Operation::new::<offer::GenerateOffersRequest, offer::GenerateOffersResponse>(
            "generateOffers",
            "/v3/offer/generateOffersRequest",
            "/v3/offer/generateOffersResponse",
            offer::encode_offers,
        ),
        Operation::new::<offer::SetOfferRequest, offer::SetOfferResponse>(
            "setOffer",
            "/v3/offer/setOfferRequest",
            "/v3/offer/setOfferResponse",
            offer::encode_set,
        )
        .also(&["/v3/offer/setOffersRequest"]),
        Operation::new::<acceptance::TriggerLoanAcceptanceRequest, acceptance::LoanAcceptanceResponse>(
            "triggerLoanAcceptance",
            "/v3/loan/triggerLoanAcceptanceRequest",
            "/v3/loan/triggerLoanAcceptanceResponse",
            acceptance::encode,
        ),
        Operation::new::<acceptance::VerifyLoanAcceptanceRequest, acceptance::LoanAcceptanceResponse>(
            "verifyLoanAcceptance",
            "/v3/loan/verifyLoanAcceptanceRequest",
            "/v3/loan/verifyLoanAcceptanceResponse",
            acceptance::encode,
        ),
        Operation::new::<disbursement::GetDisbursementPlansRequest, repayment::PlansResponse>(
            "getDisbursementPlans",
            "/v3/disbursement/getDisbursementPlansRequest",
            "/v3/disbursement/getDisbursementPlansResponse",
            repayment::encode_plans,
        ),
        Operation::new::<disbursement::SetDisbursementPlanRequest, repayment::PlanResponse>(
            "setDisbursementPlan",
            "/v3/disbursement/setDisbursementPlanRequest",
            "/v3/disbursement/setDisbursementPlanResponse",
            repayment::encode_plan,
        ),
        Operation::new::<account::GetDisbursementAccountsRequest, account::AccountsResponse>(
            "getDisbursementAccounts",
            "/v3/disbursement/getDisbursementAccountsRequest",
            "/v3/disbursement/getDisbursementAccountsResponse",
            account::encode_accounts,
        ),
        Operation::new::<account::SetDisbursementAccountRequest, account::AccountResponse>(
            "setDisbursementAccount",
            "/v3/disbursement/setDisbursementAccountRequest",
            "/v3/disbursement/setDisbursementAccountResponse",
            account::encode_account,
        ),
        Operation::new::<disbursement::TriggerDisbursementRequest, disbursement::DisbursementResponse>(
            "triggerDisbursement",
            "/v3/disbursement/triggerDisbursementRequest",
            "/v3/disbursement/TriggerDisbursementResponse",
            disbursement::encode_payout,
        ),
        Operation::new::<disbursement::TriggerDisbursementStatusRequest, disbursement::DisbursementResponse>(
            "triggerDisbursementStatus",
            "/v3/disbursement/triggerDisbursementStatusRequest",
            "/v3/disbursement/TriggerDisbursementStatusResponse",
            disbursement::encode_payout,
        ),
        Operation::new::<repayment::GetRepaymentPlansRequest, repayment::PlansResponse>(
            "getRepaymentPlans",
            "/v3/repayment/getRepaymentPlansRequest",
            "/v3/repayment/getRepaymentPlansResponse",
            repayment::encode_plans,
        ),
        Operation::new::<repayment::SetRepaymentPlanRequest, repayment::PlanResponse>(
            "setRepaymentPlan",
            "/v3/repayment/setRepaymentPlanRequest",
            "/v3/repayment/setRepaymentPlanResponse",
            repayment::encode_plan,
        ),
        Operation::new::<repayment::SetRepaymentPlanStatusRequest, repayment::PlanResponse>(
            "setRepaymentPlanStatus",
            "/v3/repayment/setRepaymentPlanStatusRequest",
            "/v3/repayment/setRepaymentPlanStatusResponse",
            repayment::encode_plan,
        ),
        Operation::new::<grant::GrantLoanRequest, grant::GrantLoanResponse>(
            "grantLoan",
            "/v3/loan/grantLoanRequest",
            "/v3/loan/grantLoanResponse",
            grant::encode,
        ),
        Operation::new::<meta::HeartbeatRequest, meta::Health>(
            "heartbeat",
            "/v3/meta/heartbeatRequest",
            "/v3/meta/heartbeatResponse",
            meta::encode,
        )
        .also(&[
            "/v3/meta/heartbeat",
            "/v3/meta/heartbeat/heartbeatRequest",
            "/v3/heartbeat/heartbeatRequest",
            "/v3/heartbeatRequest",
        ]),
        Operation::new::<meta::GetLookupCodesRequest, meta::GetLookupCodesResponse>(
            "getLookupCodes",
            "/v3/meta/lookup/getLookupCodesRequest",
            "/v3/meta/lookup/getLookupCodesResponse",
            meta::encode,
        ),
        Operation::new::<meta::GetErrorCodesRequest, meta::GetErrorCodesResponse>(
            "getErrorCodes",
            "/v3/meta/lookup/getErrorCodesRequest",
            "/v3/meta/lookup/getErrorCodesResponse",
            meta::encode,
        ),
        Operation::new::<payment_order::TriggerRepaymentRequest, payment::RepaymentResponse>(
            "triggerRepayment",
            "/v3/repayment/triggerRepaymentRequest",
            "/v3/repayment/triggerRepaymentResponse",
            payment::encode,
        ),
        Operation::new::<payment_order::TriggerRepaymentStatusRequest, payment::RepaymentResponse>(
            "triggerRepaymentStatus",
            "/v3/repayment/triggerRepaymentStatusRequest",
            "/v3/repayment/triggerRepaymentStatusResponse",
            payment::encode,
        ),
        // The same path both ways: what an LSP posts there is a hint, what we post is the word (C11).
        Operation::new::<payment_order::ConfirmRepaymentRequest, payment::ConfirmRepayment>(
            "confirmRepayment",
            "/v3/repayment/confirmRepayment",
            "/v3/repayment/confirmRepayment",
            payment::encode_confirmation,
        ),
        Operation::new::<loan_summary::LoanSummaryRequest, loan_summary::LoanSummaryResponse>(
            "loanSummary",
            "/v3/loan/LoanSummaryRequest",
            "/v3/loan/loanSummaryResponse",
            loan_summary::encode,
        ),
        Operation::new::<loan_details::GetLoanRequest, loan_details::GetLoanResponse>(
            "getLoan",
            "/v3/loan/getLoanRequest",
            "/v3/loan/getLoanResponse",
            loan_details::encode_loan,
        ),
        Operation::new::<statement::LoanStatementRequest, statement::LoanStatementResponse>(
            "loanStatement",
            "/v3/loan/loanStatementRequest",
            "/v3/loan/loanStatementResponse",
            statement::encode,
        ),
        Operation::new::<loan_details::ListLoansRequest, loan_details::ListLoansResponse>(
            "listLoans",
            "/v3/loan/listLoansRequest",
            "/v3/loan/listLoansResponse",
            loan_details::encode_list,
        ),
        Operation::new::<dispute::RaiseDisputeRequest, dispute::DisputeResponse>(
            "raiseDispute",
            "/v3/loan/dispute/raiseDisputeRequest",
            "/v3/loan/dispute/raiseDisputeResponse",
            dispute::encode,
        ),
        Operation::new::<dispute::DisputeStatusRequest, dispute::DisputeResponse>(
            "disputeStatus",
            "/v3/loan/dispute/disputeStatusRequest",
            "/v3/loan/dispute/disputeStatusResponse",
            dispute::encode,
        ),
    ];

/// A call by its name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|operation| operation.name == name)
}

/// A name that is limited and is no operation's; it would limit nothing.
#[must_use]
pub fn unknown_operation(limits: &RateLimits) -> Option<String> {
    limits.operations.keys().find(|name| find(name).is_none()).cloned()
}

fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

fn example<Request: RequestBody>() -> Value {
    let mut message = json!({
        "metadata": {
            "version": "1.0", "orgId": "LSP-DEMO", "timestamp": "2026-01-05T10:00:00.000Z",
            "traceId": "5c9d1a8e-6f0b-4f2e-9a53-0d8c3a1b7e11"
        },
        "requestId": "1f0c6a52-58a1-4a0e-8f39-6a4f7c0e2b90"
    });
    if let (Some(message), Value::Object(body)) = (message.as_object_mut(), Request::example()) {
        message.extend(body);
    }
    message
}
