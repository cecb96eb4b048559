//! Holds every message that a test sees against the published schemas, with the two waivers C1 and C3.

use std::sync::LazyLock;

use serde_json::Value;

use super::schemas::Schemas;

static SCHEMAS: LazyLock<Option<Schemas>> = LazyLock::new(Schemas::load);

/// An ack has the published form.
pub fn check_ack(body: &Value) {
    if let Some(schemas) = SCHEMAS.as_ref() {
        let ack = body.get("ack").unwrap_or(body);
        assert_eq!(schemas.ack(ack), Vec::<String>::new(), "{body}");
    }
}

/// A callback has the published form of its path, and no member that the schemas would take for a lie.
pub fn check_callback(path: &str, body: &Value) {
    for member in ["version", "orgId", "timestamp", "traceId"] {
        assert!(body["metadata"][member].is_string(), "{path}: metadata.{member} in {body}");
    }
    assert!(!has_null(body), "{path} holds null: {body}");
    let Some(schemas) = SCHEMAS.as_ref() else { return };
    let name = path.rsplit('/').next().unwrap_or_default().trim_end_matches("Response");
    let mut letters = name.chars();
    let first = letters.next().map(|letter| letter.to_ascii_lowercase());
    let operation: String = first.into_iter().chain(letters).collect();
    if operation == "heartbeat" {
        return;
    }
    let mut message = body.clone();
    match operation.as_str() {
        "generateOffers" => single_objects(&mut message),
        "triggerRepayment" | "triggerRepaymentStatus" => payment_as_plan(&mut message),
        _ => {}
    }
    assert_eq!(schemas.callback(&operation, &message.to_string()), Vec::<String>::new(), "{path}: {body}");
}

/// C1: arrays where the published schema has single objects; the first one must fit.
fn single_objects(message: &mut Value) {
    for item in message["loanApplications"].as_array_mut().into_iter().flatten() {
        for member in ["offers", "rejectionDetails", "actionRequired"] {
            if let Some(list) = item.get(member).and_then(Value::as_array).cloned() {
                let Some(object) = item.as_object_mut() else { continue };
                match list.into_iter().next() {
                    Some(first) => object.insert(member.to_owned(), first),
                    None => object.remove(member),
                };
            }
        }
    }
}

/// C3: the published schema takes the payment for a plan, which knows no end of a payment.
pub fn payment_as_plan(message: &mut Value) {
    if let Some(status) = message.pointer_mut("/payment/status").filter(|s| *s == "SUCCESS" || *s == "FAILURE") {
        *status = "PENDING_AUTH".into();
    }
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(members) => members.values().any(has_null),
        _ => false,
    }
}
