//! The calls a journey makes: their paths, and what their answers must have (OCEN v3, API files).

use serde_json::Value;

/// One OCEN call: our request, the lender's answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Operation {
    /// Path of the request on the lender's side.
    pub request_path: &'static str,
    /// Path of the answer on our side.
    pub answer_path: &'static str,
    /// JSON pointers of what an answer must have beside `metadata`, `response` and `requestId`.
    pub members: &'static [&'static str],
    /// Whether more than one answer may come.
    pub answers: Answers,
}

/// How many different answers one request may have.
#[derive(Debug, PartialEq, Eq)]
pub enum Answers {
    /// One; repeated at most.
    One,
    /// Interim ones while an item of `loanApplications` is `PROCESSING`, then a last one.
    UntilItemsDecided,
    /// Interim ones while the status at a pointer is `PENDING_AUTH`, then a last one.
    UntilStatus(&'static str),
}

impl Operation {
    /// The request's name, e.g. `setOfferRequest`.
    #[must_use]
    pub fn request_name(&self) -> &'static str {
        last_segment(self.request_path)
    }

    /// The answer's name, e.g. `setOfferResponse`.
    #[must_use]
    pub fn answer_name(&self) -> &'static str {
        last_segment(self.answer_path)
    }

    /// The word that makes this answer a last one; `None` for an interim answer.
    #[must_use]
    pub fn settled(&self, answer: &Value) -> Option<String> {
        if text(answer, "/response/error") != "0" {
            return Some("refused".to_owned());
        }
        match self.answers {
            Answers::One => Some("answered".to_owned()),
            Answers::UntilItemsDecided => {
                let waits = items(answer).any(|item| text(item, "/loanApplicationStatus") == "PROCESSING");
                (!waits).then(|| "decided".to_owned())
            }
            Answers::UntilStatus(pointer) => {
                let status = text(answer, pointer);
                (status != "PENDING_AUTH").then(|| status.to_owned())
            }
        }
    }

    /// Under which name, apart from its requestId, others may wait for this answer: a webhook says what became of a
    /// plan or a payment without being asked.
    #[must_use]
    pub fn topic(&self, answer: &Value) -> Option<String> {
        if self == &SET_REPAYMENT_PLAN_STATUS {
            return Some(plan_topic(text(answer, "/plan/id")));
        }
        if self == &CONFIRM_REPAYMENT {
            return Some(repayment_topic(text(answer, "/loanId")));
        }
        (self == &TRIGGER_DISBURSEMENT_STATUS)
            .then(|| payment_topic(text(answer, "/loanId"), text(answer, "/payment/id")))
    }

    /// Whether an answer of this operation may carry the requestId of a request of `issued`
    /// (`ocen-v3.md` §3.7: a webhook takes the id of the request that set off what it tells; the news of a
    /// repayment is a request of the lender's own).
    #[must_use]
    pub fn may_answer(&self, issued: Option<&Self>) -> bool {
        let Some(issued) = issued else { return self == &CONFIRM_REPAYMENT };
        self == issued
            || (self == &SET_REPAYMENT_PLAN_STATUS && issued == &SET_REPAYMENT_PLAN)
            || (self == &TRIGGER_DISBURSEMENT_STATUS && issued == &TRIGGER_DISBURSEMENT)
    }
}

/// The operation whose answers come to this path.
#[must_use]
pub fn by_answer_path(path: &str) -> Option<&'static Operation> {
    ALL.iter().copied().find(|operation| operation.answer_path.eq_ignore_ascii_case(path))
}

/// Where news of a repayment plan are waited for.
#[must_use]
pub fn plan_topic(plan_id: &str) -> String {
    format!("plan {plan_id}")
}

/// Where news of a payout are waited for.
#[must_use]
pub fn payment_topic(loan_id: &str, payment_id: &str) -> String {
    format!("payment {loan_id} {payment_id}")
}

/// Where news of the repayments of a loan are waited for.
#[must_use]
pub fn repayment_topic(loan_id: &str) -> String {
    format!("repayments {loan_id}")
}

/// The text at a JSON pointer, empty when there is none.
#[must_use]
pub fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The items of `loanApplications`.
pub fn items(answer: &Value) -> impl Iterator<Item = &Value> {
    list(answer, "/loanApplications")
}

/// The items of an array; a single object counts as an array of one (C1).
pub fn list<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    let found = value.pointer(pointer);
    let many = found.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let one = found.filter(|found| found.is_object());
    many.iter().chain(one)
}

fn last_segment(path: &'static str) -> &'static str {
    path.rsplit('/').next().unwrap_or(path)
}

macro_rules! operations {
    ($($name:ident $request:literal $answer:literal $answers:expr, $members:expr;)+) => {
        $(
            #[doc = concat!("`", $request, "`.")]
            pub static $name: Operation = Operation {
                request_path: concat!("/v3/", $request),
                answer_path: concat!("/v3/", $answer),
                members: &$members,
                answers: $answers,
            };
        )+
        static ALL: &[&Operation] = &[$(&$name),+];
    };
}

operations! {
    HEARTBEAT "meta/heartbeatRequest" "meta/heartbeatResponse"
        Answers::One, ["/status"];
    GET_LOOKUP_CODES "meta/lookup/getLookupCodesRequest" "meta/lookup/getLookupCodesResponse"
        Answers::One, ["/lookupType", "/lookupCodes"];
    GET_ERROR_CODES "meta/lookup/getErrorCodesRequest" "meta/lookup/getErrorCodesResponse"
        Answers::One, ["/errorCodes"];
    CREATE "loanApplication/createLoanApplicationsRequest" "loanApplication/createLoanApplicationsResponse"
        Answers::One, ["/loanApplications"];
    CONSENT_HANDLE "consent/consentHandleRequest" "consent/consentHandleResponse"
        Answers::One, ["/consent"];
    CONSENT_STATUS "consent/consentStatusRequest" "consent/consentStatusResponse"
        Answers::One, ["/consent"];
    GENERATE_OFFERS "offer/generateOffersRequest" "offer/generateOffersResponse"
        Answers::UntilItemsDecided, ["/loanApplications"];
    SET_OFFER "offer/setOfferRequest" "offer/setOfferResponse"
        Answers::One, ["/loanApplicationId", "/loanApplicationStatus"];
    TRIGGER_ACCEPTANCE "loan/triggerLoanAcceptanceRequest" "loan/triggerLoanAcceptanceResponse"
        Answers::One, ["/credBlock/type", "/credBlock/data/status"];
    VERIFY_ACCEPTANCE "loan/verifyLoanAcceptanceRequest" "loan/verifyLoanAcceptanceResponse"
        Answers::One, ["/credBlock/type", "/credBlock/data/status"];
    GET_DISBURSEMENT_PLANS "disbursement/getDisbursementPlansRequest" "disbursement/getDisbursementPlansResponse"
        Answers::One, ["/plans"];
    SET_DISBURSEMENT_PLAN "disbursement/setDisbursementPlanRequest" "disbursement/setDisbursementPlanResponse"
        Answers::One, ["/plan/id", "/plan/totalAmount"];
    GET_DISBURSEMENT_ACCOUNTS "disbursement/getDisbursementAccountsRequest"
        "disbursement/getDisbursementAccountsResponse"
        Answers::One, ["/accountList"];
    SET_DISBURSEMENT_ACCOUNT "disbursement/setDisbursementAccountRequest"
        "disbursement/setDisbursementAccountResponse"
        Answers::One, ["/account/accountDataType", "/account/data"];
    GET_REPAYMENT_PLANS "repayment/getRepaymentPlansRequest" "repayment/getRepaymentPlansResponse"
        Answers::One, ["/plans"];
    SET_REPAYMENT_PLAN "repayment/setRepaymentPlanRequest" "repayment/setRepaymentPlanResponse"
        Answers::One, ["/plan/id", "/plan/totalAmount"];
    SET_REPAYMENT_PLAN_STATUS "repayment/setRepaymentPlanStatusRequest" "repayment/setRepaymentPlanStatusResponse"
        Answers::UntilStatus("/plan/status"), ["/plan/id", "/plan/totalAmount"];
    GRANT "loan/grantLoanRequest" "loan/grantLoanResponse"
        Answers::One, ["/loanId", "/loanStatus", "/terms/requestedAmount", "/disbursement/plan", "/repayment/plan"];
    TRIGGER_DISBURSEMENT "disbursement/triggerDisbursementRequest" "disbursement/TriggerDisbursementResponse"
        Answers::One, ["/payment/id"];
    TRIGGER_DISBURSEMENT_STATUS "disbursement/triggerDisbursementStatusRequest"
        "disbursement/TriggerDisbursementStatusResponse"
        Answers::UntilStatus("/payment/status"), ["/payment/id"];
    LOAN_SUMMARY "loan/LoanSummaryRequest" "loan/loanSummaryResponse"
        Answers::One, ["/loanId", "/loanStatus", "/summary/principalPending", "/summary/amountRepaid"];
    GET_LOAN "loan/getLoanRequest" "loan/getLoanResponse"
        Answers::One, ["/loanId", "/loanStatus", "/terms/sanctionedAmount", "/repayment/plan"];
    LOAN_STATEMENT "loan/loanStatementRequest" "loan/loanStatementResponse"
        Answers::One, ["/loanId", "/accountStatement"];
    LIST_LOANS "loan/listLoansRequest" "loan/listLoansResponse"
        Answers::One, ["/loans"];
    TRIGGER_REPAYMENT "repayment/triggerRepaymentRequest" "repayment/triggerRepaymentResponse"
        Answers::One, ["/loanId", "/payment/id", "/payment/totalAmount"];
    TRIGGER_REPAYMENT_STATUS "repayment/triggerRepaymentStatusRequest" "repayment/triggerRepaymentStatusResponse"
        Answers::One, ["/loanId", "/payment/id"];
    CONFIRM_REPAYMENT "repayment/confirmRepayment" "repayment/confirmRepayment"
        Answers::One, ["/loanId", "/payment/id", "/payment/status", "/payment/totalAmount"];
    RAISE_DISPUTE "loan/dispute/raiseDisputeRequest" "loan/dispute/raiseDisputeResponse"
        Answers::One, ["/dispute/id"];
    DISPUTE_STATUS "loan/dispute/disputeStatusRequest" "loan/dispute/disputeStatusResponse"
        Answers::One, ["/dispute/id", "/dispute/status"];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_path_is_found_in_small_letters_too() {
        for operation in ALL {
            assert_eq!(by_answer_path(&operation.answer_path.to_ascii_lowercase()), Some(*operation));
        }
    }
}
