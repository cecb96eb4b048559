//! SC: the form of what is said.

use serde_json::Value;

use super::super::evidence::{Ask, Evidence};
use super::super::finding::Severity::{Error, Warning};
use super::super::finding::{Fault, Group, Judgement, Rule, Side};
use super::rule;
use super::transport::told;

/// Codes that say: this is not the form (`ocen-v3.md` §8.2).
const FORM: [&str; 4] = ["GEN5001", "GEN5002", "GEN5007", "GEN5010"];
/// Members that hold rupees.
const MONEY: [&str; 11] = [
    "requestedAmount",
    "sanctionedAmount",
    "totalAmount",
    "interestAmount",
    "principal",
    "penalty",
    "fee",
    "principalPaid",
    "interestPaid",
    "amountDisbursed",
    "amountRepaid",
];
/// Digits of an OTP.
const OTP_DIGITS: usize = 6;

pub const RULES: &[Rule] = &[
    rule("SC-01", Group::Sc, Error, "Requests have the published form", form),
    rule("SC-02", Group::Sc, Error, "Amounts are texts with two decimals", money),
    rule("SC-03", Group::Sc, Warning, "No member is null", nulls),
    rule("SC-04", Group::Sc, Error, "Members that are not known are ignored", unknown_members),
    rule("SC-05", Group::Sc, Warning, "An OTP is sent with its six digits", otp),
];

fn form(evidence: &Evidence) -> Judgement {
    let refusals = evidence.traffic.refusals.iter();
    let faults = refusals.filter(|one| FORM.contains(&one.error.as_str()) && one.injected.is_none()).map(|one| Fault {
        side: Side::Lsp,
        evidence: vec![one.id.clone()],
        expected: format!("{}Request as described at /docs", one.operation),
        got: told(one),
        hint: "The pointer names the member; /openapi.json has the form of every message.",
    });
    let seen = evidence.traffic.requests.iter().map(|request| request.id.clone()).collect();
    Judgement::of(faults.collect(), seen, "the LSP has sent nothing")
}

fn money(evidence: &Evidence) -> Judgement {
    let hint = "Write rupees as a text with a point and two decimals, e.g. \"50000.00\": no float, no grouping.";
    let (mut faults, mut seen) = (Vec::new(), Vec::new());
    for request in &evidence.traffic.requests {
        let mut amounts = Vec::new();
        if let Some(message) = &request.message {
            // What the lender sent and the LSP sends back is not the LSP's.
            let echoed = ["/offer", "/plan"].iter().any(|place| message.pointer(place).is_some());
            if !echoed {
                find_amounts(message, "", &mut amounts);
            }
        }
        let wrong: Vec<&(String, String)> = amounts.iter().filter(|(_, amount)| !is_rupees(amount)).collect();
        if wrong.is_empty() && !amounts.is_empty() {
            seen.push(request.id.clone());
        }
        faults.extend(wrong.into_iter().map(|(place, amount)| Fault {
            side: Side::Lsp,
            evidence: vec![request.id.clone()],
            expected: "a text such as \"50000.00\"".to_owned(),
            got: format!("{amount} at {place} of {}", request.operation),
            hint,
        }));
    }
    let refused = evidence.traffic.refusals.iter().filter(|one| {
        let member = one.pointer.rsplit('/').next().unwrap_or_default();
        MONEY.contains(&member) && FORM.contains(&one.error.as_str())
    });
    faults.extend(refused.map(|one| Fault {
        side: Side::Lsp,
        evidence: vec![one.id.clone()],
        expected: "a text such as \"50000.00\"".to_owned(),
        got: told(one),
        hint,
    }));
    Judgement::of(faults, seen, "no request had an amount of the LSP's own")
}

/// Amounts with their places, as JSON.
fn find_amounts(value: &Value, place: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let place = format!("{place}/{name}");
                if MONEY.contains(&name.as_str()) && (member.is_string() || member.is_number()) {
                    found.push((place, member.to_string()));
                } else {
                    find_amounts(member, &place, found);
                }
            }
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| find_amounts(item, &format!("{place}/{index}"), found));
        }
        _ => {}
    }
}

fn is_rupees(json: &str) -> bool {
    let text = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let parts = text.and_then(|text| text.split_once('.'));
    parts.is_some_and(|(rupees, paise)| {
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        !rupees.is_empty() && digits(rupees) && paise.len() == 2 && digits(paise)
    })
}

fn nulls(evidence: &Evidence) -> Judgement {
    let (mut faults, mut seen) = (Vec::new(), Vec::new());
    for request in &evidence.traffic.requests {
        let Some(message) = &request.message else { continue };
        match find_null(message, "") {
            None => seen.push(request.id.clone()),
            Some(place) => faults.push(Fault {
                side: Side::Lsp,
                evidence: vec![request.id.clone()],
                expected: "what is not there is left out".to_owned(),
                got: format!("null at {place} of {}", request.operation),
                hint: "No type of the published schemas takes null; this lender reads it as absent, others may not.",
            }),
        }
    }
    Judgement::of(faults, seen, "the LSP has sent nothing")
}

fn find_null(value: &Value, place: &str) -> Option<String> {
    match value {
        Value::Null => Some(place.to_owned()),
        Value::Object(members) => {
            members.iter().find_map(|(name, member)| find_null(member, &format!("{place}/{name}")))
        }
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(index, item)| find_null(item, &format!("{place}/{index}")))
        }
        _ => None,
    }
}

fn unknown_members(evidence: &Evidence) -> Judgement {
    evidence.must_accept(&[Ask {
        defect: "unknownFields",
        what: "a message with members that no schema knows",
        hint: "Every published schema allows more members: read what you know, and leave the rest.",
    }])
}

fn otp(evidence: &Evidence) -> Judgement {
    let (mut faults, mut seen) = (Vec::new(), Vec::new());
    for request in evidence.traffic.requests.iter().filter(|request| request.operation == "verifyLoanAcceptance") {
        let otp = request.message.as_ref().and_then(|message| message.pointer("/credBlock/data/otp"));
        let (digits, is_whole) = match otp {
            Some(Value::String(text)) => (text.clone(), text.len() == OTP_DIGITS),
            // The published type. It has no leading zeros, which the lender fills in.
            Some(other) => (other.to_string(), other.to_string().len() <= OTP_DIGITS),
            None => continue,
        };
        if is_whole && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            seen.push(request.id.clone());
            continue;
        }
        faults.push(Fault {
            side: Side::Lsp,
            evidence: vec![request.id.clone()],
            expected: "six digits, as the borrower read them".to_owned(),
            got: format!("{} characters", digits.len()),
            hint: "As a text it has all six digits; as a number, the published type, the lender fills in leading zeros.",
        });
    }
    Judgement::of(faults, seen, "no OTP was sent")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rupees_are_texts_with_two_decimals() {
        for right in ["\"50000.00\"", "\"0.05\""] {
            assert!(is_rupees(right), "{right}");
        }
        for wrong in ["50000.00", "50000", "\"50000\"", "\"50,000.00\"", "\"1.005\"", "\"1.0\"", "\".50\"", "\"-1.00\""]
        {
            assert!(!is_rupees(wrong), "{wrong}");
        }
    }
}
