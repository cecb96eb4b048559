//! Requests about a running loan as senders really write them (`ocen-v3.md` §7.2, appendix A).

use serde_json::{Value, json};

use super::{decode, refusal};
use crate::domain::application::command::{Command, LoanFilter, RepaymentOrder};
use crate::domain::ids::{DisputeId, LoanId, PaymentId};
use crate::domain::loan::account::Purpose;
use crate::domain::maths::money::Paise;

fn loan() -> LoanId {
    LoanId::from("L")
}

fn order(payment: Value) -> RepaymentOrder {
    match decode("triggerRepayment", &json!({"loanId": "L", "payment": payment})).unwrap() {
        Command::TriggerRepayment { order, .. } => order,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_payment_needs_nothing_but_its_loan() {
    let due = RepaymentOrder {
        id: None,
        purpose: Purpose::Instalment,
        amount: None,
        instalment: None,
        quote: None,
        method: None,
    };
    for message in [
        json!({"loanId": "L"}),
        json!({"loanID": "L", "payment": null}),
        json!({"loanId": "L", "payment": {"id": "", "totalAmount": "", "installmentNumber": null}}),
        json!({"loanId": "L", "payment": [{"status": "PENDING_AUTH", "useSavedPaymentOption": "true"}]}),
        json!({"loanId": "L", "payment": {"extensibleData": null}}),
        json!({"loanId": "L", "payment": {"extensibleData": "as agreed"}}),
        json!({"loanId": "L", "payment": {"extensibleData": [1, 2]}}),
        json!({"loanId": "L", "payment": {"extensibleData": {"purpose": "", "note": {"a": 1}}}}),
    ] {
        let command = Command::TriggerRepayment { loan_id: loan(), order: due.clone() };
        assert_eq!(decode("triggerRepayment", &message), Ok(command), "{message}");
    }
}

#[test]
fn a_payment_says_how_much_for_what_and_how() {
    let asked = order(json!({"totalAmount": 1200.5, "installmentNumber": 3, "paymentMethodType": " net banking "}));
    assert_eq!((asked.amount, asked.instalment), (Some(Paise(120_050)), Some(3)));
    assert_eq!((asked.method.as_deref(), asked.id), (Some("NET_BANKING"), None));
    assert_eq!(order(json!([{"id": 17}])).id, Some(PaymentId::from("17")), "the LSP's own");
    assert_eq!(order(json!({"totalAmount": "9007199254740.93"})).amount, Some(Paise(900_719_925_474_093)));
    for (word, purpose) in [
        ("instalment", Purpose::Instalment),
        ("INSTALLMENT", Purpose::Instalment),
        (" Prepayment ", Purpose::Prepayment),
        ("foreclosure", Purpose::Foreclosure),
        ("cooling-off exit", Purpose::CoolingOffExit),
        ("COOLING_OFF_EXIT", Purpose::CoolingOffExit),
    ] {
        let asked = order(json!({"totalAmount": "1", "extensibleData": {"purpose": word}}));
        assert_eq!(asked.purpose, purpose, "{word}");
    }
    let text = order(json!({"extensibleData": "{\"purpose\":\"FORECLOSURE\"}"}));
    assert_eq!(text.purpose, Purpose::Foreclosure, "some senders put the object into a text");
}

#[test]
fn a_payment_is_named_by_its_id_or_its_loan() {
    let payment = || Some(PaymentId::from("P"));
    for (message, loan_id, payment_id) in [
        (json!({"payment": {"id": "P", "automatic": null}}), None, payment()),
        (json!({"loanId": "L"}), Some(loan()), None),
        (json!({"loanID": "L", "payment": {"id": null}}), Some(loan()), None),
        (json!({"loanId": 17, "payment": [{"id": "P"}]}), Some(LoanId::from("17")), payment()),
    ] {
        let (loan_id, payment_id) = (loan_id, payment_id);
        let status = Command::RepaymentStatus { loan_id: loan_id.clone(), payment_id: payment_id.clone() };
        assert_eq!(decode("triggerRepaymentStatus", &message), Ok(status), "{message}");
        let hint = Command::RepaymentHint { loan_id, payment_id };
        assert_eq!(decode("confirmRepayment", &message), Ok(hint), "{message}");
    }
}

#[test]
fn a_loan_is_asked_for_by_its_id() {
    for message in [json!({"loanId": "L"}), json!({"loanID": "L", "loanApplicationId": null})] {
        assert_eq!(decode("loanSummary", &message), Ok(Command::LoanSummary(loan())));
        assert_eq!(decode("getLoan", &message), Ok(Command::GetLoan(loan())));
    }
    let by_application = json!({"loanApplicationId": "A"});
    assert_eq!(decode("getLoan", &by_application), Ok(Command::GetLoan(LoanId::from("A"))), "it may mean its loan");
}

#[test]
fn a_statement_takes_days_in_every_spelling() {
    let statement = |from: &str, to: &str| Command::LoanStatement {
        loan_id: loan(),
        from: Some(from.parse().unwrap()),
        to: Some(to.parse().unwrap()),
    };
    for (from, to) in [
        ("2026-04-01", "2026-04-30"),
        ("01-04-2026", "30-04-2026"),
        ("01/04/2026", "30/04/2026"),
        (" 2026-04-01 ", "2026-04-30T23:59:59"),
        // Midnight in India is the evening before in UTC.
        ("2026-03-31T18:30:00.000Z", "2026-04-30T18:29:59Z"),
        ("2026-04-01T00:00:00+05:30", "2026-04-30T23:00:00+0530"),
    ] {
        let message = json!({"loanId": "L", "startDate": from, "endDate": to});
        assert_eq!(decode("loanStatement", &message), Ok(statement("2026-04-01", "2026-04-30")), "{message}");
    }
    let backwards = json!({"loanId": "L", "startDate": "2026-04-30", "endDate": "2026-04-01"});
    assert_eq!(decode("loanStatement", &backwards), Ok(statement("2026-04-30", "2026-04-01")), "not a matter of form");
    let whole = Command::LoanStatement { loan_id: loan(), from: None, to: None };
    for message in [json!({"loanId": "L"}), json!({"loanId": "L", "startDate": "", "endDate": null})] {
        assert_eq!(decode("loanStatement", &message), Ok(whole.clone()));
    }
}

#[test]
fn loans_are_listed_by_borrower() {
    let filter = |id: &str, kind: Option<&str>| LoanFilter {
        primary_id: id.into(),
        primary_id_type: kind.map(str::to_owned),
        collateral: None,
        from: None,
        to: None,
    };
    for (borrower, expected) in [
        (json!({"primaryId": "aaapl1234c", "primaryIdType": "pan"}), filter("AAAPL1234C", Some("PAN"))),
        (json!({"primaryId": "aaapl1234c"}), filter("AAAPL1234C", None)),
        (json!([{"primaryId": 9_845_012_367_u64, "primaryIdType": "Mobile"}]), filter("9845012367", Some("MOBILE"))),
        (json!({"primaryId": "aB-17", "primaryIdType": "CUSTOMER"}), filter("aB-17", Some("CUSTOMER"))),
        (
            json!({"primaryId": "AAAPL1234C", "primaryIdType": null, "additionalIdentifiers": [], "category": 7}),
            filter("AAAPL1234C", None),
        ),
        (
            json!({"primaryId": "9845012367", "primaryIdType": "MOBILE",
                "additionalIdentifiers": [{"key": "PAN", "value": "aaapl1234c"}]}),
            filter("AAAPL1234C", Some("PAN")),
        ),
    ] {
        let command = Command::ListLoans(expected);
        assert_eq!(decode("listLoans", &json!({"borrower": borrower})), Ok(command), "{borrower}");
    }
    let narrow = json!({
        "borrower": {"primaryId": "AAAPL1234C", "primaryIdType": "PAN"},
        "collateral": {"collateralPrimaryId": "INVOICE-17", "type": "GST_INVOICE", "documents": []},
        "startDate": "01-01-2026", "endDate": null
    });
    let from = Some("2026-01-01".parse().unwrap());
    let expected = LoanFilter { collateral: Some("INVOICE-17".into()), from, ..filter("AAAPL1234C", Some("PAN")) };
    assert_eq!(decode("listLoans", &narrow), Ok(Command::ListLoans(expected)));
}

#[test]
fn a_dispute_is_new_or_known() {
    let raise = |id: Option<&str>| Command::RaiseDispute {
        loan_id: loan(),
        dispute: id.map(DisputeId::from),
        description: "debited twice".into(),
    };
    for (dispute, id) in [
        (json!({"description": "debited twice"}), None),
        (json!({"id": "", "description": " debited twice\n", "status": null}), None),
        (json!([{"id": "DSP-1", "description": "debited twice"}]), Some("DSP-1")),
    ] {
        assert_eq!(decode("raiseDispute", &json!({"loanId": "L", "dispute": dispute})), Ok(raise(id)), "{dispute}");
    }
    let status = Command::DisputeStatus(DisputeId::from("DSP-1"));
    assert_eq!(decode("disputeStatus", &json!({"dispute": {"id": "DSP-1"}, "loanId": "L"})), Ok(status));
    let long = |length| json!({"loanId": "L", "dispute": {"description": "म".repeat(length)}});
    assert!(decode("raiseDispute", &long(4000)).is_ok(), "characters count, not bytes");
    assert_eq!(refusal("raiseDispute", &long(4001)).0.text(), "GEN5007");
}

/// A call, what is sent, and the refusal: code and pointer.
const BROKEN: &str = r#"
triggerRepayment | {} | GEN5001 | /loanId
triggerRepayment | {"loanId": "L", "payment": "now"} | GEN5010 | /payment
triggerRepayment | {"loanId": "L", "payment": {"totalAmount": "0.00"}} | GEN5010 | /payment/totalAmount
triggerRepayment | {"loanId": "L", "payment": {"totalAmount": -5}} | GEN5010 | /payment/totalAmount
triggerRepayment | {"loanId": "L", "payment": {"totalAmount": "1.005"}} | GEN5010 | /payment/totalAmount
triggerRepayment | {"loanId": "L", "payment": {"totalAmount": "10000000000000"}} | GEN5007 | /payment/totalAmount
triggerRepayment | {"loanId": "L", "payment": {"installmentNumber": "first"}} | GEN5010 | /payment/installmentNumber
triggerRepayment | {"loanId": "L", "payment": {"installmentNumber": 0}} | GEN5010 | /payment/installmentNumber
triggerRepayment | {"loanId": "L", "payment": {"paymentMethodType": ["UPI"]}} | GEN5010 | /payment/paymentMethodType
triggerRepayment | {"loanId": "L", "payment": {"extensibleData": {"purpose": "FUN"}}} | GEN5002 | /payment/extensibleData/purpose
triggerRepayment | {"loanId": "L", "payment": {"extensibleData": {"purpose": {}}}} | GEN5010 | /payment/extensibleData
triggerRepayment | {"loanId": "L", "payment": {"extensibleData": {"purpose": "PREPAYMENT"}}} | GEN5001 | /payment/totalAmount
triggerRepaymentStatus | {} | GEN5001 | /loanId
triggerRepaymentStatus | {"loanId": "", "payment": {"id": null}} | GEN5001 | /loanId
triggerRepaymentStatus | {"payment": {"id": {}}} | GEN5010 | /payment/id
confirmRepayment | {"payment": {}} | GEN5001 | /loanId
loanSummary | {} | GEN5001 | /loanId
loanSummary | {"loanApplicationId": {}} | GEN5010 | /loanApplicationId
loanSummary | {"loanId": "a\nb"} | GEN5010 | /loanId
getLoan | {"loanId": null} | GEN5001 | /loanId
loanStatement | {"startDate": "2026-04-01"} | GEN5001 | /loanId
loanStatement | {"loanId": "L", "startDate": "2026-02-30"} | GEN5010 | /startDate
loanStatement | {"loanId": "L", "startDate": "31-04-2026"} | GEN5010 | /startDate
loanStatement | {"loanId": "L", "endDate": "yesterday"} | GEN5010 | /endDate
loanStatement | {"loanId": "L", "endDate": "26-04-01"} | GEN5010 | /endDate
loanStatement | {"loanId": "L", "endDate": {}} | GEN5010 | /endDate
listLoans | {} | GEN5001 | /borrower/primaryId
listLoans | {"borrower": {"primaryIdType": "PAN"}} | GEN5001 | /borrower/primaryId
listLoans | {"borrower": "AAAPL1234C"} | GEN5010 | /borrower
listLoans | {"borrower": {"primaryId": "AAAPL1234C"}, "collateral": {"collateralPrimaryId": []}} | GEN5010 | /collateral/collateralPrimaryId
listLoans | {"borrower": {"primaryId": "AAAPL1234C"}, "endDate": "2026-13-01"} | GEN5010 | /endDate
raiseDispute | {"dispute": {"description": "d"}} | GEN5001 | /loanId
raiseDispute | {"loanId": "L"} | GEN5001 | /dispute/description
raiseDispute | {"loanId": "L", "dispute": {"id": "D", "description": " \n"}} | GEN5001 | /dispute/description
raiseDispute | {"loanId": "L", "dispute": {"id": ["D"], "description": "d"}} | GEN5010 | /dispute/id
disputeStatus | {"dispute": {"description": "d"}} | GEN5001 | /dispute/id
disputeStatus | {"loanId": "L"} | GEN5001 | /dispute/id
"#;

#[test]
fn each_broken_member_is_named() {
    for line in BROKEN.trim().lines() {
        let [operation, message, code, pointer] = line.split(" | ").collect::<Vec<_>>()[..] else { panic!("{line}") };
        let (found, place) = refusal(operation, &serde_json::from_str(message).unwrap());
        assert_eq!((found.text(), place.as_str()), (code, pointer), "{line}");
    }
}
