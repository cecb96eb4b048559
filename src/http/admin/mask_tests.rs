//! Nothing that was seeded comes through, wherever it stands; what an operator needs to find his way does.

use serde_json::json;

use super::*;

const NAME: &str = "Asha Venkataraman";
const PAN: &str = "ABCPE1234F";
const PHONE: &str = "9845012367";
const ACCOUNT: &str = "502100345678901";

fn shown(value: &Value) -> String {
    json(value).to_string()
}

#[test]
fn a_message_keeps_its_shape_and_loses_its_person() {
    let message = json!({
        "requestId": "0190f3a2-1234-7123-8123-123456789012",
        "metadata": {"version": "3.0", "orgId": "LSP-1", "timestamp": "2026-12-26T10:15:30.123Z", "traceId": "t-1"},
        "loanApplications": [{
            "createdDate": "2026-01-05T09:59:00.000Z",
            "loanApplicationId": "APP-0190f3a2123471238123123456789012",
            "type": "PERSONAL",
            "borrower": {
                "primaryId": PAN,
                "primaryIdType": "PAN",
                "name": NAME,
                "category": "INDIVIDUAL",
                "contactDetails": [{"type": "PRIMARY", "phone": PHONE, "email": "asha@example.in"}],
            },
            "terms": {"requestedAmount": "50000.00", "currency": "INR"},
            "loanApplicationStatus": "CREATED",
        }],
    });
    let masked = json(&message);
    let application = &masked["loanApplications"][0];
    assert_eq!(masked["requestId"], message["requestId"]);
    assert_eq!(masked["metadata"], message["metadata"]);
    assert_eq!(application["loanApplicationId"], "APP-0190f3a2123471238123123456789012");
    assert_eq!(application["loanApplicationStatus"], "CREATED");
    assert_eq!(application["terms"], json!({"requestedAmount": "50000.00", "currency": "INR"}));
    assert_eq!(application["createdDate"], "2026-01-05T09:59:00.000Z");
    let borrower = json!({
        "primaryId": "***", "primaryIdType": "***", "name": "***", "category": "INDIVIDUAL",
        "contactDetails": [{"type": "***", "phone": "***", "email": "***"}],
    });
    assert_eq!(application["borrower"], borrower);
}

#[test]
fn what_is_seeded_under_any_name_does_not_come_through() {
    let names = [
        "name",
        "borrower",
        "label",
        "text",
        "remarks",
        "description",
        "note",
        "reason",
        "detail",
        "payload",
        "data",
        "accountHolderName",
        "holder",
        "account",
        "accountNumber",
        "account_number",
        "number",
        "value",
        "from",
        "to",
        "contact",
        "phoneNumber",
        "mobile",
        "pan",
        "primaryId",
        "collateralPrimaryId",
        "address",
        "echo",
        "message",
        "body",
        "answer",
        "otp",
        "narration",
        "url",
        "virtualId",
        "x",
        "",
    ];
    for name in names {
        for secret in [NAME, PAN, PHONE, ACCOUNT, "asha@okaxis", "12 MG Road, Bengaluru"] {
            for value in
                [json!({name: secret}), json!({name: [secret]}), json!({"a": {name: {"state": "x", "b": secret}}})]
            {
                assert!(!shown(&value).contains(secret), "{value} is shown as {}", shown(&value));
            }
        }
    }
}

#[test]
fn numbers_of_people_are_taken_out_of_harmless_members_too() {
    for name in ["requestId", "status", "error", "what", "reference", "type", "code", "utr", "hash"] {
        for secret in [PAN, PHONE, ACCOUNT, "asha@okaxis"] {
            let value = json!({name: format!("paid by {secret} today")});
            assert!(!shown(&value).contains(secret), "{value} is shown as {}", shown(&value));
        }
    }
}

#[test]
fn a_number_may_be_a_persons_as_well() {
    let value = json!({"phone": 9_845_012_367_u64, "x": 9_845_012_367_u64, "y": 9_845_012_367.0, "z": u64::MAX,
        "otp": 123_456, "age": 31, "pincode": 560_001});
    assert_eq!(json(&value).as_object().unwrap().values().filter(|value| **value == hidden()).count(), 7);
    let figures = json!({"principal": 5_000_000_000_u64, "revision": 12, "durationMs": 250, "rate": 0.18, "no": -5});
    assert_eq!(json(&figures), figures);
}

#[test]
fn a_member_may_be_named_after_a_person() {
    for secret in [PHONE, PAN, "asha@okaxis"] {
        assert_eq!(json(&json!({secret: 1})), json!({"***": 1}));
    }
}

#[test]
fn all_below_an_address_is_hidden() {
    let value = json!({"address": {"line1": "12 MG Road", "state": "Karnataka", "type": "HOME", "id": 7}});
    assert_eq!(json(&value), json!({"address": {"line1": "***", "state": "***", "type": "***", "id": "***"}}));
}

#[test]
fn a_document_and_prose_are_hidden() {
    let prose = "words ".repeat(50);
    assert_eq!(json(&json!({"status": prose, "body": "<html>Asha</html>"})), json!({"status": "***", "body": "***"}));
    assert_eq!(json(&json!("Asha")), json!("***"));
}

#[test]
fn names_are_taken_apart_as_they_are_written() {
    assert_eq!(words("loanApplicationId"), ["loan", "application", "id"]);
    assert_eq!(words("account_number"), ["account", "number"]);
    assert_eq!(words("accountIFSC"), ["account", "ifsc"]);
    assert!(words("").is_empty());
}

#[test]
fn a_time_is_told_from_a_number() {
    for text in ["2026-12-26", "18-12-2020", "2026-12-26T10:15:30.123456Z", "2026-12-26T10:15:30+05:30"] {
        assert!(is_time(text), "{text}");
    }
    for text in
        ["9845012367", "98450 12367", "9845 0123 67", "5021.00345678901", "2026", "Asha", "12-MG", "2026-12-26x"]
    {
        assert!(!is_time(text), "{text}");
    }
}

#[test]
fn an_error_is_shown_as_a_code_only() {
    let said = shown(
        &json!({"answers": [{"error": format!("bad request: {NAME} {PAN}")}, {"error": "GEN5001"}, {"error": "0"}]}),
    );
    assert_eq!(said, r#"{"answers":[{"error":"***"},{"error":"GEN5001"},{"error":"0"}]}"#);
}
