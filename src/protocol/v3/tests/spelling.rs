//! Members that come in two spellings at once (`ocen-v3.md` appendix A, steps 1 and 2).

use super::*;

/// Where a member with two spellings stands: the operation, a message around it, and both spellings.
const PLACES: &[(&str, &str, &str, &str)] = &[
    ("createLoanApplications", "/loanApplications/0", "createDate", "createdDate"),
    ("createLoanApplications", "/loanApplications/0/collaterals/0", "primaryId", "collateralPrimaryId"),
    ("createLoanApplications", "/loanApplications/0/collaterals/0", "primaryIdType", "collateralPrimaryIdType"),
    ("createLoanApplications", "/loanApplications/0/borrower/contactDetails/0/address", "pincode", "pinCode"),
    ("createLoanApplications", "/loanApplications/0/borrower/additionalIdentifiers/0", "id", "value"),
    (
        "createLoanApplications",
        "/loanApplications/0/borrower/additionalIdentifiers/0",
        "additionalIdentifierType",
        "key",
    ),
    ("setDisbursementAccount", "", "loanID", "loanId"),
    ("setDisbursementAccount", "/account/data", "accountIfsc", "accountIFSC"),
    ("getRepaymentPlans", "", "loanID", "loanId"),
    ("setRepaymentPlan", "", "loanID", "loanId"),
    ("triggerDisbursement", "", "loanID", "loanId"),
    ("triggerRepayment", "", "loanID", "loanId"),
    ("triggerRepaymentStatus", "", "loanID", "loanId"),
    ("loanSummary", "", "loanID", "loanId"),
    ("loanStatement", "", "loanID", "loanId"),
    ("raiseDispute", "", "loanID", "loanId"),
    ("listLoans", "/collateral", "primaryId", "collateralPrimaryId"),
];

fn message(operation: &str) -> Value {
    let mut message = (find(operation).unwrap().example)();
    if operation == "createLoanApplications" {
        let borrower = &mut message["loanApplications"][0]["borrower"];
        borrower["additionalIdentifiers"] = json!([{"key": "PAN", "value": "AAAPL1234C"}]);
        borrower["contactDetails"][0]["address"] = json!({"hba": "1", "pinCode": "560001"});
    }
    if operation == "listLoans" {
        message["collateral"] = json!({"collateralPrimaryId": "INV-1"});
    }
    message
}

/// The text of a message in which the object at a place begins with other members.
fn beginning(message: &Value, place: &str, members: &str) -> String {
    let (text, object) = (message.to_string(), message.pointer(place).unwrap().to_string());
    assert!(text.contains(&object), "{place}");
    let others = object.strip_prefix('{').unwrap();
    let comma = if others == "}" { "" } else { "," };
    text.replacen(&object, &format!("{{{members}{comma}{others}"), 1)
}

#[test]
fn of_two_spellings_the_one_that_says_something_counts() {
    for (operation, place, other, ours) in PLACES {
        let mut message = message(operation);
        let object = message.pointer_mut(place).unwrap_or_else(|| panic!("{operation}{place}"));
        let value = match object.as_object_mut().unwrap().remove(*ours) {
            Some(value) => value,
            None => json!("APP-1"),
        };
        let text = |members: &str| beginning(&message, place, members);
        let plain = decode_text(operation, &text(&format!("\"{ours}\":{value}")));
        assert!(plain.is_ok(), "{operation} {ours}: {plain:?}");
        for members in [
            format!("\"{other}\":{value}"),
            format!("\"{other}\":null,\"{ours}\":{value}"),
            format!("\"{ours}\":{value},\"{other}\":null"),
            format!("\"{ours}\":null,\"{other}\":{value}"),
            format!("\"{other}\":{value},\"{ours}\":\"\""),
            format!("\"{other}\":{value},\"{ours}\":{value}"),
        ] {
            assert_eq!(decode_text(operation, &text(&members)), plain, "{operation}{place}: {members}");
        }
        let contrary = decode_text(operation, &text(&format!("\"{other}\":{value},\"{ours}\":\"else\""))).unwrap_err();
        assert_eq!(contrary.code, Code::MalformedMessage, "{operation} {ours}");
        assert_eq!(contrary.pointer, format!("{place}/{ours}"));
        assert!(contrary.detail.contains("are one member and differ"), "{contrary}");
    }
}

#[test]
fn a_wrong_value_is_named_in_the_sender_s_spelling() {
    let refusal = |text: &str| {
        let refusal = decode_text("loanSummary", text).unwrap_err();
        (refusal.code, refusal.pointer)
    };
    assert_eq!(refusal(r#"{"loanID": {}}"#), (Code::MalformedMessage, "/loanID".to_owned()));
    assert_eq!(refusal(r#"{"loanID": "L", "loanID": null}"#), (Code::MalformedMessage, "/loanID".to_owned()));
    assert_eq!(refusal(r#"{"loanID": null, "loanId": ""}"#), (Code::MissingMember, "/loanId".to_owned()));
}
