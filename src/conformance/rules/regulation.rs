//! RG: what the borrower must be shown, and what must not be collected. Screens can only be attested.

use serde_json::Value;

use super::super::evidence::Evidence;
use super::super::finding::Severity::{Error, Warning};
use super::super::finding::{Fault, Group, Judgement, Rule, Side};
use super::rule;

/// Parts of member names, in small letters, that tell of data which a lending app must not touch (RBI (Digital Lending)
/// Directions, 2025: no access to the phone's contacts, call logs, files and media).
const FORBIDDEN: [&str; 6] = ["contactlist", "phonebook", "calllog", "smslog", "smsinbox", "mediafiles"];

pub const RULES: &[Rule] = &[
    rule("RG-01", Group::Rg, Error, "The screen shows APR and instalment before acceptance", screen),
    rule("RG-02", Group::Rg, Error, "The screen links the key facts statement before acceptance", screen),
    rule("RG-03", Group::Rg, Error, "The screen shows the penal charges", screen),
    rule("RG-04", Group::Rg, Error, "Contact lists, call logs and media are not sent", no_contacts),
    rule("RG-05", Group::Rg, Warning, "All offers of all lenders are shown alike", screen),
    rule("RG-06", Group::Rg, Warning, "The borrower's acknowledgement is taken before acceptance", screen),
];

fn screen(_: &Evidence) -> Judgement {
    Judgement::untested("a screen cannot be seen from here; who has seen it may attest it with --attest RULE=NAME=FILE")
}

fn no_contacts(evidence: &Evidence) -> Judgement {
    let (mut faults, mut seen) = (Vec::new(), Vec::new());
    for request in &evidence.traffic.requests {
        let Some(message) = &request.message else { continue };
        match find(message, "") {
            None => seen.push(request.id.clone()),
            Some(place) => faults.push(Fault {
                side: Side::Lsp,
                evidence: vec![request.id.clone()],
                expected: "none of the borrower's phone resources".to_owned(),
                got: format!("{place} in {}", request.operation),
                hint: "Do not collect it at all; consent does not cure it.",
            }),
        }
    }
    Judgement::of(faults, seen, "the LSP has sent nothing")
}

fn find(value: &Value, place: &str) -> Option<String> {
    match value {
        Value::Object(members) => members.iter().find_map(|(name, member)| {
            let place = format!("{place}/{name}");
            let plain: String = name.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_ascii_lowercase();
            if FORBIDDEN.iter().any(|part| plain.contains(part)) { Some(place) } else { find(member, &place) }
        }),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(index, item)| find(item, &format!("{place}/{index}")))
        }
        _ => None,
    }
}
