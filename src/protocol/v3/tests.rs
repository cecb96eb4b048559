//! Requests as senders really write them (`ocen-v3.md` §7.2, appendix D).

mod loan;
mod spelling;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::Decoding;
use crate::domain::application::command::{ChosenAccount, Command, NewApplication, PaymentOrder, Subject};
use crate::domain::application::facets::{AccountTarget, ConsentPurpose};
use crate::domain::application::form::{LoanType, Tenure, TenureUnit};
use crate::domain::ids::{AccountId, LoanId, OfferId, PaymentId, PlanId};
use crate::domain::maths::money::Paise;
use crate::protocol::{Code, Malformed, OPERATIONS, find};

fn now() -> DateTime<Utc> {
    "2026-01-05T10:00:00Z".parse().unwrap()
}

fn decode_text(operation: &str, message: &str) -> Result<Command, Malformed> {
    (find(operation).unwrap().decode)(message, &Decoding { now: now() })
}

fn decode(operation: &str, message: &Value) -> Result<Command, Malformed> {
    decode_text(operation, &message.to_string())
}

fn refusal(operation: &str, message: &Value) -> (Code, String) {
    let refusal = decode(operation, message).unwrap_err();
    (refusal.code, refusal.pointer)
}

/// The example of a create request, changed.
fn create(change: impl FnOnce(&mut Value)) -> Value {
    let mut message = (find("createLoanApplications").unwrap().example)();
    change(&mut message["loanApplications"][0]);
    message
}

fn created(message: &Value) -> NewApplication {
    match decode("createLoanApplications", message).unwrap() {
        Command::CreateApplications(mut items) => items.remove(0),
        other => panic!("{other:?}"),
    }
}

fn echo(application: &NewApplication) -> Value {
    serde_json::from_str(&application.form.echo).unwrap()
}

#[test]
fn every_example_decodes() {
    for operation in OPERATIONS {
        let message = (operation.example)();
        assert!(decode(operation.name, &message).is_ok(), "{}", operation.name);
    }
}

#[test]
fn an_application_is_read_in_full() {
    let NewApplication { loan_application_id, form } = created(&create(|_| {}));
    assert_eq!(loan_application_id, "APP-1");
    assert_eq!(form.loan_type, LoanType::Cashflow);
    assert_eq!(form.requested, Paise(3_220_500));
    assert_eq!(form.tenure, Some(Tenure { duration: 90, unit: TenureUnit::Day }));
    assert_eq!(form.borrower.pan.as_deref(), Some("AAAPL1234C"));
    assert_eq!(form.borrower.phone.as_deref(), Some("9000000001"));
    assert_eq!(form.collaterals[0].value, Some(Paise(4_000_000)));
}

#[test]
fn amounts_may_be_numbers_and_stay_exact() {
    let message = create(|_| {}).to_string();
    for (sent, paise) in [("32205", 3_220_500), ("32205.10", 3_220_510), ("9007199254740.93", 900_719_925_474_093)] {
        let message = message.replace("\"32205.00\"", sent);
        match decode_text("createLoanApplications", &message).unwrap() {
            Command::CreateApplications(items) => assert_eq!(items[0].form.requested, Paise(paise)),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn nulls_empty_texts_and_odd_spellings_are_forgiven() {
    let application = created(&create(|item| {
        item["createDate"] = json!("05/01/2026");
        item.as_object_mut().unwrap().remove("createdDate");
        item["type"] = Value::Null;
        item["productType"] = json!("cashflow");
        item["guarantors"] = Value::Null;
        item["applicants"] = json!({"primaryId": "9000000002", "primaryIdType": "mobile", "name": null});
        item["extensibleData"] = json!("free text");
        item["lender"] = json!({"name": "another"});
        item["terms"]["tenure"]["duration"] = json!(3);
        item["terms"]["tenure"]["unit"] = json!("month");
        item["borrower"]["primaryIdType"] = json!("aadhar");
        item["borrower"]["primaryId"] = json!(123_412_341_234_u64);
        item["borrower"]["category"] = json!("");
        item["borrower"]["additionalIdentifiers"] = json!({"id": "aaapl1234c", "additionalIdentifierType": "pan"});
        item["borrower"]["contactDetails"][0]["address"] = json!({"pincode": 560_001, "state": "KA", "landmark": null});
        item["borrower"]["documents"] =
            json!([{"type": "GSTN_PROFILE", "isDataInline": "true", "data": "AAAA"}, {"type": "GEM_INVOICE"}]);
    }));
    let form = &application.form;
    assert_eq!(form.created_at.to_rfc3339(), "2026-01-04T18:30:00+00:00");
    assert_eq!(form.tenure, Some(Tenure { duration: 3, unit: TenureUnit::Month }));
    assert_eq!(form.borrower.primary_id, "123412341234");
    assert_eq!(form.borrower.primary_id_type, "AADHAAR");
    assert_eq!(form.borrower.pan.as_deref(), Some("AAAPL1234C"));
    assert_eq!(form.documents, ["GST_PROFILE", "OTHER"]);
    let echo = echo(&application);
    assert_eq!(echo["type"], "CASHFLOW");
    assert_eq!(echo["guarantors"], json!([]));
    assert_eq!(echo["applicants"][0]["primaryIdType"], "MOBILE");
    assert_eq!(echo["borrower"]["category"], "INDIVIDUAL");
    assert_eq!(echo["borrower"].get("documents"), None);
    assert_eq!(echo["borrower"]["contactDetails"][0]["address"]["pinCode"], "560001");
    assert_eq!((echo.get("extensibleData"), echo.get("lender")), (None, None));
    assert!(!application.form.echo.contains("null"));
}

#[test]
fn pledged_documents_are_collaterals() {
    let application = created(&create(|item| {
        item["collaterals"] = json!([]);
        item["pledgedDocuments"] =
            json!([{"primaryId": "PO-1", "primaryIdType": "GEM_PURCHASEORDER", "type": "PURCHASE_ORDER"}]);
    }));
    assert_eq!(application.form.collaterals[0].id, "PO-1");
    assert_eq!(application.form.collaterals[0].id_type, "GEM_PURCHASEORDER");
}

#[test]
fn a_filing_is_the_same_whenever_it_comes_and_another_with_another_file() {
    let filed = |at: &str, data: &str| {
        let documents = json!([{"type": "GST_PROFILE", "data": data}]);
        let message = create(|item| {
            item.as_object_mut().unwrap().remove("createdDate");
            item["terms"]["documents"] = documents;
        });
        let decoding = Decoding { now: at.parse().unwrap() };
        match (find("createLoanApplications").unwrap().decode)(&message.to_string(), &decoding).unwrap() {
            Command::CreateApplications(mut items) => items.remove(0).form,
            other => panic!("{other:?}"),
        }
    };
    let form = filed("2026-01-05T10:00:00Z", "e30=");
    assert_eq!(form.documents, ["GST_PROFILE"]);
    let later = filed("2026-01-06T10:00:00Z", "e30=");
    assert!(form.says_the_same(&later) && !later.brings_documents_after(&form));
    let other = filed("2026-01-05T10:00:00Z", "e31=");
    assert!(!form.says_the_same(&other) && other.brings_documents_after(&form));
}

#[test]
fn a_corrupt_collateral_does_not_refuse_the_message() {
    let long = "x".repeat(129);
    for (collateral, unreadable) in [
        (json!({"collateralPrimaryId": "1", "type": "HOME", "valuation": {"value": "40,000"}}), true),
        (json!({"collateralPrimaryId": "1", "valuation": {"value": "-1"}}), true),
        (json!({"collateralPrimaryId": null, "collateralPrimaryIdType": "VIN"}), true),
        (json!({"collateralPrimaryId": "a\u{7}"}), true),
        (json!({"collateralPrimaryId": long}), true),
        (json!({"collateralPrimaryId": "1", "collateralPrimaryIdType": long}), true),
        (json!({"type": "HOME"}), true),
        (json!({"collateralPrimaryId": "1"}), false),
        (json!({"collateralPrimaryId": "1", "valuation": {"value": 0}}), false),
    ] {
        let application = created(&create(|item| item["collaterals"] = json!([collateral])));
        assert_eq!(application.form.collaterals[0].unreadable, unreadable, "{collateral}");
    }
}

#[test]
fn a_collateral_is_named_the_same_however_it_is_written() {
    let pledge = |collateral: &Value| {
        let application = created(&create(|item| item["collaterals"] = json!([collateral])));
        application.form.collaterals[0].pledge()
    };
    for (collateral, expected) in [
        (json!({"collateralPrimaryId": " 17 ", "collateralPrimaryIdType": "gst-invoice"}), "GST_INVOICE:17"),
        (json!({"primaryId": 17, "type": " gst invoice"}), "GST_INVOICE:17"),
        (json!({"collateralPrimaryId": "17", "type": "VEHICLE"}), "VIN:17"),
        (json!({"collateralPrimaryId": "17", "type": "VEHICLE", "collateralPrimaryIdType": "RC"}), "RC:17"),
        (json!({"collateralPrimaryId": "17"}), ":17"),
        (json!({"collateralPrimaryId": "C", "collateralPrimaryIdType": "A:B"}), "A_B:C"),
        (json!({"collateralPrimaryId": "B:C", "collateralPrimaryIdType": "A"}), "A:B:C"),
    ] {
        assert_eq!(pledge(&collateral), expected);
    }
}

/// What is put in, and the refusal: member, its value, code, pointer below the item.
const BROKEN: &str = r#"
loanApplicationId | null | GEN5001 | /loanApplicationId
loanApplicationId | {} | GEN5010 | /loanApplicationId
loanApplicationId | "a\nb" | GEN5010 | /loanApplicationId
type | "YACHT" | GEN5002 | /type
type | "" | GEN5001 | /type
createdDate | "soon" | GEN5010 | /createdDate
borrower | null | GEN5001 | /borrower
borrower | "me" | GEN5010 | /borrower
borrower | {"primaryIdType": "PAN"} | GEN5001 | /borrower/primaryId
terms | {} | GEN5001 | /terms/requestedAmount
terms | {"requestedAmount": {}} | GEN5010 | /terms/requestedAmount
terms | {"requestedAmount": -1} | GEN5010 | /terms/requestedAmount
terms | {"requestedAmount": "1.005"} | GEN5010 | /terms/requestedAmount
terms | {"requestedAmount": "10000000000000"} | GEN5007 | /terms/requestedAmount
collaterals | "house" | GEN5010 | /collaterals
"#;

#[test]
fn each_broken_member_is_named() {
    for line in BROKEN.trim().lines() {
        let [member, value, code, pointer] = line.split(" | ").collect::<Vec<_>>()[..] else { panic!("{line}") };
        let value: Value = serde_json::from_str(value).unwrap();
        let (found, place) = refusal("createLoanApplications", &create(|item| item[member] = value));
        assert_eq!((found.text(), place), (code, format!("/loanApplications/0{pointer}")), "{line}");
    }
}

#[test]
fn a_message_is_bounded_and_its_ids_differ() {
    let mut message = create(|_| {});
    let item = message["loanApplications"][0].clone();
    message["loanApplications"] = json!([item.clone(), item.clone()]);
    let twice = refusal("createLoanApplications", &message);
    assert_eq!(twice, (Code::MalformedMessage, "/loanApplications/1/loanApplicationId".to_owned()));
    message["loanApplications"] = vec![item; 101].into();
    assert_eq!(refusal("createLoanApplications", &message), (Code::BadLength, "/loanApplications".to_owned()));
    assert_eq!(refusal("createLoanApplications", &json!({})), (Code::MissingMember, "/loanApplications".to_owned()));
}

#[test]
fn an_offer_is_chosen_by_its_id_alone() {
    let message = json!({"loanApplicationId": "APP-1", "offer": {"id": "OFF-1", "terms": null, "noOfInstallment": 1}});
    let chosen = Command::SetOffer { loan_application_id: "APP-1".into(), offer: OfferId::from("OFF-1") };
    assert_eq!(decode("setOffer", &message), Ok(chosen));
    assert_eq!(
        refusal("setOffer", &json!({"loanApplicationId": "APP-1", "offer": {"id": ""}})),
        (Code::MissingMember, "/offer/id".to_owned())
    );
}

#[test]
fn an_otp_gets_its_leading_zeros_back() {
    for otp in [json!(1234), json!("001234"), json!("1234")] {
        let message = json!({"credBlock": {"data": {"otpSessionKey": "S", "otp": otp}}});
        let command = Command::VerifyAcceptance { session_key: "S".into(), otp: "001234".into() };
        assert_eq!(decode("verifyLoanAcceptance", &message), Ok(command));
    }
}

#[test]
fn consents_tell_their_purpose() {
    let purpose = |kind: Value| {
        let message = json!({"loanApplicationIds": "APP-1", "consent": {"consentFetchType": kind, "vua": "a@aa"}});
        match decode("consentHandle", &message) {
            Ok(Command::RequestConsent(request)) => Ok(request.purpose),
            Ok(other) => panic!("{other:?}"),
            Err(refusal) => Err(refusal.code),
        }
    };
    assert_eq!(purpose(json!("ONE_TIME")), Ok(Some(ConsentPurpose::Data)));
    assert_eq!(purpose(json!("periodic")), Ok(Some(ConsentPurpose::Monitoring)));
    assert_eq!(purpose(Value::Null), Ok(None));
    assert_eq!(purpose(json!("SOMETIMES")), Err(Code::NotInEnum));
}

#[test]
fn a_subject_is_either_id_or_both() {
    let subject = |loan: Option<&str>, application: Option<&str>| Subject {
        loan_id: loan.map(str::to_owned),
        loan_application_id: application.map(str::to_owned),
    };
    for (message, expected) in [
        (json!({"loanId": "L"}), subject(Some("L"), None)),
        (json!({"loanID": "L", "loanApplicationId": ""}), subject(Some("L"), None)),
        (json!({"loanId": null, "loanApplicationId": "A"}), subject(None, Some("A"))),
        (json!({"loanId": "L", "loanApplicationId": "A"}), subject(Some("L"), Some("A"))),
    ] {
        assert_eq!(decode("getRepaymentPlans", &message), Ok(Command::RepaymentPlans(expected.clone())));
        let mut message = message;
        message["plan"] = json!({"id": "RP-1", "noOfInstallments": 3, "noOfInstallment": "3"});
        let command = Command::SetRepaymentPlan(expected, PlanId::from("RP-1"));
        assert_eq!(decode("setRepaymentPlan", &message), Ok(command));
    }
    assert_eq!(refusal("getDisbursementPlans", &json!({})).0, Code::MissingMember);
}

#[test]
fn an_account_is_known_or_new() {
    let chosen = |account: Value| {
        let message = json!({"loanApplicationId": "A", "account": account});
        match decode("setDisbursementAccount", &message) {
            Ok(Command::SetDisbursementAccount(_, account)) => Ok(account),
            Ok(other) => panic!("{other:?}"),
            Err(refusal) => Err((refusal.code, refusal.pointer)),
        }
    };
    let masked = json!({"id": "ACC-1", "accountDataType": "ACCOUNT", "data": {"maskedAccountNumber": "XXX1"}});
    assert_eq!(chosen(masked), Ok(ChosenAccount::Known(AccountId::from("ACC-1"))));
    let number = json!({"data": {"accountType": "SAVINGS", "accountIFSC": "icic0000856", "accountNumber": 112_507_891_013_562_u64}});
    let Ok(ChosenAccount::New(account)) = chosen(number) else { panic!("a new account") };
    assert_eq!(account.id, None, "its id is no matter of its number");
    let target = AccountTarget::Account { ifsc: "ICIC0000856".into(), number: "112507891013562".into() };
    assert!(account.target == target && account.kind.as_deref() == Some("SAVING"));
    let place = |member: &str| format!("/account/{member}");
    let unknown = json!({"accountDataType": "WALLET", "data": {"vpa": "a@b"}});
    assert_eq!(chosen(unknown), Err((Code::NotInEnum, place("accountDataType"))));
    let partial = json!({"accountDataType": "ACCOUNT", "data": {"accountNumber": "1"}});
    assert_eq!(chosen(partial), Err((Code::MissingMember, place("data/accountIFSC"))));
    assert_eq!(chosen(json!({})), Err((Code::MissingMember, place("id"))));
}

#[test]
fn a_payout_needs_its_loan_and_payment() {
    let message = json!({"loanId": "L", "payment": {"id": "P", "installmentNumber": 1, "totalAmount": 30595.5}});
    let payment = PaymentOrder { id: PaymentId::from("P"), tranche: Some(1), amount: Some(Paise(3_059_550)) };
    let command = Command::TriggerDisbursement { loan_id: LoanId::from("L"), payment };
    assert_eq!(decode("triggerDisbursement", &message), Ok(command));
    assert_eq!(refusal("triggerDisbursement", &json!({"loanId": "L"})).1, "/payment/id");
    let status = Command::DisbursementStatus { loan_id: None, payment_id: Some(PaymentId::from("P")) };
    assert_eq!(decode("triggerDisbursementStatus", &json!({"payment": {"id": "P"}})), Ok(status));
    assert_eq!(refusal("triggerDisbursementStatus", &json!({})).0, Code::MissingMember);
}

#[test]
fn what_is_not_one_json_object_is_refused() {
    for message in ["", "{", "[]", "1", "{} {}", r#"{"loanApplicationId": "a", "loanApplicationId": "b"}"#] {
        let refusal = decode_text("grantLoan", message).unwrap_err();
        assert_eq!(refusal.code, Code::MalformedMessage, "{message}");
    }
}
