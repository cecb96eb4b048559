//! OU: what is made of answers that say no, or not yet.

use std::collections::HashMap;

use serde_json::Value;

use super::super::evidence::{Ask, Evidence, fault};
use super::super::finding::Severity::{Error, Warning};
use super::super::finding::{Fault, Group, Judgement, Rule, Side};
use super::super::probes::Reaction;
use super::super::traffic::{Callback, Request};
use super::rule;

pub const RULES: &[Rule] = &[
    rule("OU-01", Group::Ou, Error, "An error is taken as an answer", errors),
    rule("OU-02", Group::Ou, Warning, "An application that needs something goes on when it is there", action_required),
    rule("OU-03", Group::Ou, Warning, "A consent that is pending is asked about again", pending),
    rule("OU-04", Group::Ou, Warning, "A rejected application is left alone", rejected),
    rule("OU-05", Group::Ou, Error, "An answer to nothing is answered in good form", unasked),
];

fn errors(evidence: &Evidence) -> Judgement {
    let (mut faults, mut seen) = (Vec::new(), Vec::new());
    for callback in evidence.traffic.callbacks.iter().filter(|callback| callback.error() != "0") {
        match (callback.state.as_str(), callback.is_injected()) {
            ("delivered", _) => seen.push(callback.id.clone()),
            ("parked", false) => faults.push(Fault {
                side: Side::Lsp,
                evidence: vec![callback.id.clone()],
                expected: format!("{} with error {} is acknowledged", callback.operation, callback.error()),
                got: "it was refused for good".to_owned(),
                hint: "An error in `response` is the lender's answer: acknowledge it with 0, and show the borrower why.",
            }),
            _ => {}
        }
    }
    Judgement::of(faults, seen, "no answer was an error")
}

/// Statuses of applications in a callback.
fn statuses(callback: &Callback) -> Vec<(&str, &str)> {
    let items = callback.message.as_ref().and_then(|message| message.get("loanApplications"));
    let items = items.and_then(Value::as_array).into_iter().flatten().chain(callback.message.as_ref());
    let pairs = items.filter_map(|item| {
        let text = |member: &str| item.get(member).and_then(Value::as_str);
        Some((text("loanApplicationId")?, text("loanApplicationStatus").or_else(|| text("loanStatus"))?))
    });
    pairs.collect()
}

/// Requests about an application after a callback.
fn after<'a>(
    evidence: &'a Evidence,
    application: &'a str,
    callback: &'a Callback,
) -> impl Iterator<Item = &'a Request> {
    let later = evidence.traffic.requests.iter().filter(|request| request.received_at > callback.created_at);
    later.filter(move |request| request.applications().contains(&application))
}

fn action_required(evidence: &Evidence) -> Judgement {
    let mut seen = Vec::new();
    for callback in &evidence.traffic.callbacks {
        let waiting =
            statuses(callback).into_iter().filter(|(_, status)| status.replace(' ', "_") == "ACTION_REQUIRED");
        for (application, _) in waiting {
            if after(evidence, application, callback).next().is_some() {
                seen.push(callback.id.clone());
            }
        }
    }
    // The borrower may still be looking for the document: silence proves nothing.
    Judgement::of(Vec::new(), seen, "no application went on after ACTION_REQUIRED (scenarios 0110 to 0112)")
}

fn pending(evidence: &Evidence) -> Judgement {
    let mut asked: HashMap<&str, Vec<&Request>> = HashMap::new();
    for request in evidence.traffic.requests.iter().filter(|request| request.operation == "consentStatus") {
        asked.entry(request.text("/consent/consentHandle").unwrap_or_default()).or_default().push(request);
    }
    let answers = evidence.traffic.callbacks.iter().filter(|callback| callback.operation == "consentStatus");
    let waiting = answers.filter(|callback| callback.text("/consent/consentStatus") == Some("PENDING"));
    let again = waiting.filter(|callback| {
        let handle = callback.text("/consent/consentHandle").unwrap_or_default();
        let asked = asked.get(handle).map(Vec::as_slice).unwrap_or_default();
        asked.iter().any(|request| request.received_at > callback.created_at)
    });
    let seen = again.map(|callback| callback.id.clone()).collect();
    Judgement::of(Vec::new(), seen, "no pending consent was asked about again (scenarios 0202 and 0203)")
}

fn rejected(evidence: &Evidence) -> Judgement {
    let (mut faults, mut seen) = (Vec::new(), Vec::new());
    for callback in &evidence.traffic.callbacks {
        for (application, _) in statuses(callback).into_iter().filter(|(_, status)| *status == "REJECTED") {
            let later: Vec<String> = after(evidence, application, callback).map(|request| request.id.clone()).collect();
            if later.is_empty() {
                seen.push(callback.id.clone());
                continue;
            }
            faults.push(Fault {
                side: Side::Lsp,
                evidence: later,
                expected: "no step with an application that was rejected".to_owned(),
                got: "a request about it".to_owned(),
                hint: "Tell the borrower the reason in rejectionDetails; a new try is a new application.",
            });
        }
    }
    Judgement::of(faults, seen, "no application was rejected (scenarios 0101 to 0105)")
}

fn unasked(evidence: &Evidence) -> Judgement {
    let hint =
        "Refuse what was never asked for with 4xx and an ack, or take it in: a 5xx is sent again for three days.";
    let asks = [
        Ask { defect: "unknownRequest", what: "an ack to an answer that nobody asked for", hint },
        Ask { defect: "errorAnswer", what: "an ack to an error that nobody asked for", hint },
    ];
    let (mut faults, mut seen) = (Vec::new(), Vec::new());
    for ask in asks {
        let Some(probe) = evidence.probe(ask.defect) else { continue };
        match probe.reaction() {
            Reaction::Accepted | Reaction::Refused => seen.push(probe.id()),
            Reaction::Silent => {}
            Reaction::NoAck | Reaction::Broke => faults.push(fault(Side::Lsp, probe, ask.what.to_owned(), ask.hint)),
        }
    }
    Judgement::of(faults, seen, "it was not probed")
}
