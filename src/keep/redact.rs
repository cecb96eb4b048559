//! The filed item without personal data: what an answer about an erased application still shows.

use serde_json::{Map, Value};

use crate::domain::application::erase::ERASED;

/// Members of an item that name nobody.
const KEPT: [&str; 4] = ["loanApplicationId", "type", "createdDate", "terms"];
/// Members of a borrower that name nobody.
const KEPT_OF_BORROWER: [&str; 3] = ["category", "primaryIdType", "type"];

/// The echo of an application (C2) with nothing left by which a person can be known. What is no item
/// becomes an empty one.
pub(super) fn echo(filed: &str) -> String {
    let Ok(Value::Object(item)) = serde_json::from_str(filed) else {
        return "{}".to_owned();
    };
    let mut left: Map<String, Value> = Map::new();
    for (name, value) in item {
        match name.as_str() {
            name if KEPT.contains(&name) => {
                left.insert(name.to_owned(), value);
            }
            "borrower" => {
                left.insert(name, nobody(value, ""));
            }
            "collaterals" | "guarantors" | "applicants" => {
                left.insert(name, Value::Array(Vec::new()));
            }
            _ => {}
        }
    }
    Value::Object(left).to_string()
}

/// The same form with every text replaced, so that it goes on fitting its schema.
fn nobody(value: Value, name: &str) -> Value {
    match value {
        Value::Object(members) => {
            Value::Object(members.into_iter().map(|(name, value)| (name.clone(), nobody(value, &name))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(|item| nobody(item, name)).collect()),
        Value::String(_) if KEPT_OF_BORROWER.contains(&name) => value,
        Value::String(_) | Value::Number(_) => Value::String(ERASED.to_owned()),
        Value::Bool(_) | Value::Null => value,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_names_nobody_stays_and_the_rest_goes() {
        let filed = json!({
            "loanApplicationId": "APP-1", "type": "PERSONAL", "createdDate": "2026-01-05T09:59:00Z",
            "borrower": {"primaryId": "AAAPL1234C", "primaryIdType": "PAN", "category": "INDIVIDUAL", "name": "Asha",
                "contactDetails": [{"type": "PRIMARY", "phone": 9_000_000_001_u64}]},
            "collaterals": [{"collateralPrimaryId": "INVOICE_29AAAPL"}], "guarantors": [], "nominee": "Ravi",
            "terms": {"requestedAmount": "50000.00"},
        });
        let left: Value = serde_json::from_str(&echo(&filed.to_string())).unwrap();
        assert_eq!(
            left,
            json!({
                "loanApplicationId": "APP-1", "type": "PERSONAL", "createdDate": "2026-01-05T09:59:00Z",
                "borrower": {"primaryId": "ERASED", "primaryIdType": "PAN", "category": "INDIVIDUAL", "name": "ERASED",
                    "contactDetails": [{"type": "PRIMARY", "phone": "ERASED"}]},
                "collaterals": [], "guarantors": [], "terms": {"requestedAmount": "50000.00"},
            })
        );
        assert_eq!(echo("x"), "{}");
    }
}
