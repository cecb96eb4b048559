//! What callbacks about a running loan say in particular.

use ocen_lender::domain::application::answer::{Answer, Content, RefusalReason};
use ocen_lender::domain::loan::account::{Ending, Purpose};
use ocen_lender::domain::loan::content::{LoanStatus, RepaymentContent, RepaymentStatus};
use ocen_lender::domain::maths::money::Paise;
use ocen_lender::lsp::{ErrorCatalogue, Settings, WithdrawalSpelling};
use serde_json::{Value, json};

use super::loans::{dispute, head, listed, loan, payment, statement, summary};
use super::{encode, value};
use crate::support::schemas::Schemas;

fn told(operation: &str, content: Content) -> Value {
    value(operation, Answer::ok(content), &Settings::default())
}

fn paid(operation: &str, status: Option<RepaymentStatus>) -> Value {
    told(operation, Content::Repayment(payment(status)))
}

#[test]
fn a_payment_differs_from_the_plan_of_the_schema_in_how_it_ends_only() {
    let Some(schemas) = Schemas::load() else { return };
    for operation in ["triggerRepayment", "triggerRepaymentStatus"] {
        for status in [RepaymentStatus::Success, RepaymentStatus::Failure] {
            let answer = Answer::ok(Content::Repayment(payment(Some(status))));
            let errors = schemas.callback(operation, &encode(operation, &[answer], &Settings::default()));
            let [error] = &errors[..] else { panic!("{errors:?}") };
            assert!(error.ends_with("at /payment/status"), "{error}");
        }
    }
}

#[test]
fn a_payment_is_told_with_what_it_settles() {
    let body = paid("triggerRepaymentStatus", Some(RepaymentStatus::Success));
    let expected = json!({
        "id": "PAY-1", "status": "SUCCESS", "totalAmount": "10412.83", "principal": "10000.00",
        "interestAmount": "300.00", "fee": "110.00", "penalty": "2.83", "installmentNumber": "1",
        "txnRefNo": "609512345678", "date": "2026-01-05T10:00:00.000Z", "paymentMethodType": "UPI",
        "paymentUrl": "https://pay.example/pay/1", "automatic": false, "scheduleType": "ONE_TIME",
        "noOfInstallments": "1", "noOfInstallment": "1",
        "extensibleData": {"purpose": "INSTALMENT", "valueDate": "2026-02-05", "lspPaymentId": "LSP-PAY-1"}
    });
    assert_eq!((&body["loanId"], &body["payment"]), (&json!("LON-1"), &expected));
}

#[test]
fn no_payment_at_all_does_no_harm() {
    let refused = Answer::refused(RefusalReason::NothingDue, "no", Content::Repayment(payment(None)));
    let body = value("triggerRepayment", refused, &Settings::default());
    assert_eq!(body["response"], json!({"error": "TRRQ1001", "description": "no"}));
    let expected = json!({
        "id": "NONE", "totalAmount": "0.00", "automatic": false, "scheduleType": "ONE_TIME",
        "noOfInstallments": "1", "noOfInstallment": "1"
    });
    assert_eq!(body["payment"], expected);
}

#[test]
fn what_the_schema_has_no_word_for_is_said_beside() {
    let mut content = RepaymentContent {
        method: Some("NEFT".into()),
        purpose: Some(Purpose::CoolingOffExit),
        ..payment(Some(RepaymentStatus::Failure))
    };
    content.split = content.split.map(|split| ocen_lender::domain::loan::account::Split { excess: Paise(50), ..split });
    let body = told("triggerRepaymentStatus", Content::Repayment(content));
    assert_eq!(body["payment"].get("paymentMethodType"), None);
    let expected = json!({
        "purpose": "COOLING_OFF_EXIT", "expiresAt": "2026-01-05T10:00:00.000Z", "excess": "0.50",
        "failureReason": "insufficient funds", "returned": true, "paymentMethodType": "NEFT",
        "lspPaymentId": "LSP-PAY-1"
    });
    assert_eq!(body["payment"]["extensibleData"], expected);
}

#[test]
fn a_confirmation_says_whether_the_money_came() {
    let body = paid("confirmRepayment", Some(RepaymentStatus::Success));
    assert_eq!((&body["response"], &body["loanId"]), (&json!({"error": "0"}), &json!("LON-1")));
    assert_eq!(body["payment"].get("automatic"), None, "a payment here, no plan");
    let body = paid("confirmRepayment", Some(RepaymentStatus::Failure));
    assert_eq!(body["response"], json!({"error": "TRRQ2001", "description": "insufficient funds"}));
    assert_eq!(body["payment"]["status"], "FAILURE");
    let folded = Settings { error_catalogue: ErrorCatalogue::Juspay, ..Settings::default() };
    let failed = Answer::ok(Content::Repayment(payment(Some(RepaymentStatus::Failure))));
    assert_eq!(value("confirmRepayment", failed, &folded)["response"]["error"], "TRRQ2001");
}

#[test]
fn a_summary_names_what_is_due_and_what_comes() {
    let of = |current, next| {
        let content = summary(head(LoanStatus::Granted, None), current, next);
        told("loanSummary", Content::Summary(Box::new(content)))["summary"].clone()
    };
    let both = of(Some(1), Some(2));
    let first = json!({
        "id": "INST-1", "installmentNumber": "1", "date": "2026-02-05T00:00:00.000Z", "principal": "10092.09",
        "interestAmount": "320.74", "totalAmount": "10412.83"
    });
    assert_eq!((&both["currentRepayment"], &both["nextRepayment"]["id"]), (&first, &json!("INST-2")));
    let none = json!({"id": "NONE", "totalAmount": "0.00"});
    assert_eq!(of(Some(3), None)["nextRepayment"], none);
    assert_eq!(of(None, None)["currentRepayment"], none);
    let ahead = of(None, Some(1));
    assert_eq!(ahead["currentRepayment"], ahead["nextRepayment"], "nothing is due: the next one");
}

#[test]
fn a_summary_says_what_leaving_costs_and_what_became_of_each_instalment() {
    let content = summary(head(LoanStatus::Overdue, None), Some(1), Some(2));
    let body = told("loanSummary", Content::Summary(Box::new(content)));
    assert_eq!((&body["loanStatus"], &body["startDate"]), (&json!("OVERDUE"), &json!("2026-01-05T00:00:00.000Z")));
    let extra = &body["summary"]["extensibleData"];
    assert_eq!((&extra["asOf"], &extra["dpd"], &extra["smaClass"]), (&json!("2026-02-06"), &json!(1), &json!("SMA-0")));
    assert_eq!((&extra["payableNow"], &extra["coolingOffEnds"]), (&json!("11009.68"), &json!("2026-01-08")));
    let mut exit = json!({
        "on": "2026-02-06", "amount": "32702.18", "principal": "30595.00", "interest": "331.33", "fees": "590.00",
        "penalty": "6.85", "charge": "1180.00", "excess": "1.00",
        "quote": {
            "id": "Q-20260205-0011223344556677", "hash": "00".repeat(32), "validTill": "2026-01-05T10:00:00.000Z"
        }
    });
    assert_eq!(extra["payOff"]["foreclosure"], exit);
    exit["feesGivenBack"] = json!("354.60");
    assert_eq!(extra["payOff"]["coolingOffExit"], exit);
    let row = &extra["schedule"][0];
    assert_eq!((&row["number"], &row["due"], &row["paid"]), (&json!(1), &json!(true), &json!("0.05")));
    assert_eq!(extra.get("ending"), None);

    let closed = summary(head(LoanStatus::Completed, Some(Ending::CoolingOff)), None, None);
    let extra = told("loanSummary", Content::Summary(Box::new(closed)))["summary"]["extensibleData"].clone();
    assert_eq!((&extra["ending"], &extra["dpd"]), (&json!("COOLING_OFF"), &json!(0)));
    assert_eq!((extra.get("payOff"), &extra["schedule"][0]["settledOn"]), (None, &json!("2026-02-05")));
}

#[test]
fn a_loan_is_shown_as_it_was_filed_and_as_it_runs() {
    let of = |status| told("getLoan", Content::Loan(Box::new(loan(head(status, None), true))));
    let body = of(LoanStatus::Granted);
    assert_eq!(body["borrower"]["primaryId"], "AAAPL1234C");
    assert_eq!(body["collaterals"][0]["collateralPrimaryIdType"], "GST_INVOICE");
    assert_eq!((&body["guarantors"], &body["applicants"]), (&json!([]), &json!([])));
    assert_eq!((&body["loanApplicationId"], &body["lender"]["name"]), (&json!("APP-1"), &json!("Demo Lender")));
    assert_eq!(body["terms"]["legalAgreement"]["data"], "https://pay.example/agreement/1");
    assert_eq!(body["disbursement"]["accountDetails"]["data"]["maskedAccountNumber"], "XXXXXXXXXXX3562");
    let plan = &body["repayment"]["plan"];
    assert_eq!((&plan["status"], &plan["extensibleData"]["scheduleVersion"]), (&json!("ACTIVE"), &json!(2)));
    assert_eq!(plan["extensibleData"]["schedule"][0]["dueDate"], "2026-01-12", "the schedule in force");
    assert_eq!(of(LoanStatus::Completed)["repayment"]["plan"]["status"], "INACTIVE");
}

#[test]
fn a_statement_tells_which_way_money_went() {
    let Some(schemas) = Schemas::load() else { return };
    let answer = || Answer::ok(Content::Statement(statement(true)));
    let body = value("loanStatement", answer(), &Settings::default());
    let rows = &body["accountStatement"];
    let first = json!({
        "date": "2026-01-05T00:00:00.000Z", "narration": "Loan paid out", "txnRefNo": "004618602124",
        "amount": "30595.00", "type": "WITHDRAWL", "closingBalance": "30595.00"
    });
    assert_eq!((&rows[0], &rows[1]["type"]), (&first, &json!("DEPOSIT")));
    let span = json!({"openingBalance": "0.00", "closingBalance": "-5.00", "startDate": "2026-01-01"});
    assert_eq!(body["extensibleData"], span);

    let english = Settings { withdrawal_spelling: WithdrawalSpelling::Withdrawal, ..Settings::default() };
    let body = encode("loanStatement", &[answer()], &english);
    assert!(body.contains(r#""type":"WITHDRAWAL""#), "{body}");
    let errors = schemas.callback("loanStatement", &body);
    let [error] = &errors[..] else { panic!("{errors:?}") };
    assert!(error.ends_with("at /accountStatement/0/type"), "{error}");
}

#[test]
fn a_list_and_a_dispute_say_where_things_stand() {
    let body = told("listLoans", Content::Loans { loans: vec![listed(LoanStatus::Defaulted)] });
    let item = &body["loans"][0];
    assert_eq!((&item["loanId"], &item["loanStatus"]), (&json!("LON-1"), &json!("DEFAULTED")));
    assert_eq!((&item["principalPending"], &item["terms"]["currency"]), (&json!("30595.00"), &json!("INR")));

    let resolved = ocen_lender::domain::loan::dispute::DisputeStatus::Resolved;
    let body = told("disputeStatus", Content::Dispute(dispute(Some(resolved))));
    let expected = json!({
        "id": "DSP-1", "description": "debited twice", "status": "RESOLVED",
        "url": "https://loans.example/dispute/91d3e7",
        "extensibleData": {"loanId": "LON-1", "note": "returned", "updatedAt": "2026-01-05T10:00:00.000Z"}
    });
    assert_eq!(body["dispute"], expected);
    let refused = Answer::refused(RefusalReason::DisputeState, "closed", Content::Dispute(dispute(None)));
    let body = value("raiseDispute", refused, &Settings::default());
    assert_eq!((&body["response"]["error"], &body["dispute"]), (&json!("DPRQ1002"), &json!({"id": ""})));
}
