//! SQ: one thing after the other.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::super::evidence::Evidence;
use super::super::finding::Severity::{Error, Warning};
use super::super::finding::{Fault, Group, Judgement, Rule, Side};
use super::super::traffic::{Callback, Request};
use super::rule;

/// Questions for a status, and where they name what they ask about.
const POLLS: [(&str, &str); 4] = [
    ("consentStatus", "/consent/consentHandle"),
    ("setRepaymentPlanStatus", "/plan/id"),
    ("triggerDisbursementStatus", "/payment/id"),
    ("triggerRepaymentStatus", "/payment/id"),
];
/// Codes that say: not in this state (`ocen-v3.md` §8.2).
const WRONG_STATE: [&str; 10] = [
    "CHRQ1001",
    "GORQ1001",
    "GORQ1002",
    "SORQ1003",
    "TLARQ1001",
    "SDP1002",
    "SDA1002",
    "SRP1002",
    "GLRQ1001",
    "TDRQ1001",
];

pub const RULES: &[Rule] = &[
    rule("SQ-01", Group::Sq, Error, "An offer is chosen only after offers have come", after_offers),
    rule("SQ-02", Group::Sq, Error, "The chosen offer is one that the lender made", our_offer),
    rule("SQ-03", Group::Sq, Error, "A status is not asked for too often", polling),
    rule("SQ-04", Group::Sq, Warning, "Each step is taken when the application is ready for it", in_state),
    rule("SQ-05", Group::Sq, Warning, "Callbacks in another order do no harm", reordered),
];

/// The offers that were sent for an application before a request came.
fn offers_before<'a>(evidence: &'a Evidence, application: &str, request: &Request) -> Option<HashSet<&'a str>> {
    let answers = evidence.traffic.callbacks.iter().filter(|callback| callback.operation == "generateOffers");
    let mut offers = None::<HashSet<&str>>;
    for callback in answers.filter(|callback| callback.created_at <= request.received_at) {
        for item in items(callback).filter(|item| text(item, "loanApplicationId") == Some(application)) {
            let made = item.get("offers");
            let many = made.and_then(Value::as_array).into_iter().flatten();
            let one = made.filter(|made| made.is_object());
            let ids: Vec<&str> = many.chain(one).filter_map(|offer| text(offer, "id")).collect();
            if !ids.is_empty() {
                offers.get_or_insert_default().extend(ids);
            }
        }
    }
    offers
}

fn items(callback: &Callback) -> impl Iterator<Item = &Value> {
    let list = callback.message.as_ref().and_then(|message| message.get("loanApplications"));
    list.and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(value: &'a Value, member: &str) -> Option<&'a str> {
    value.get(member).and_then(Value::as_str)
}

fn chosen(evidence: &Evidence) -> impl Iterator<Item = (&Request, &str, &str)> {
    let requests = evidence.traffic.requests.iter().filter(|request| request.operation == "setOffer");
    requests.filter_map(|request| {
        Some((request, request.text("/loanApplicationId")?, request.text("/offer/id").unwrap_or_default()))
    })
}

fn after_offers(evidence: &Evidence) -> Judgement {
    let (mut faults, mut seen) = (Vec::new(), Vec::new());
    for (request, application, _) in chosen(evidence) {
        if offers_before(evidence, application, request).is_some() {
            seen.push(request.id.clone());
            continue;
        }
        // What was sent before the period that is looked at is not seen.
        let side = if evidence.traffic.truncated { Side::Unclear } else { Side::Lsp };
        faults.push(Fault {
            side,
            evidence: vec![request.id.clone()],
            expected: "setOffer after generateOffersResponse with offers".to_owned(),
            got: "setOffer for an application that has had no offer".to_owned(),
            hint: "Wait for generateOffersResponse with status OFFERED; PROCESSING is an interim answer.",
        });
    }
    Judgement::of(faults, seen, "no offer was chosen")
}

fn our_offer(evidence: &Evidence) -> Judgement {
    let (mut faults, mut seen) = (Vec::new(), Vec::new());
    for (request, application, offer) in chosen(evidence) {
        match offers_before(evidence, application, request) {
            None => {}
            Some(offers) if offers.contains(offer) => seen.push(request.id.clone()),
            Some(_) => faults.push(Fault {
                side: Side::Lsp,
                evidence: vec![request.id.clone()],
                expected: "offer.id is one of generateOffersResponse for that application".to_owned(),
                got: "an id that the lender has not sent".to_owned(),
                hint: "Keep offer.id as it came, for each application of its own.",
            }),
        }
    }
    Judgement::of(faults, seen, "no offer was chosen after offers had come")
}

fn polling(evidence: &Evidence) -> Judgement {
    let limit = evidence.limits.poll_ms;
    let mut last: HashMap<(&str, &str), &Request> = HashMap::new();
    let (mut faults, mut seen) = (Vec::new(), Vec::new());
    for request in &evidence.traffic.requests {
        let Some((operation, place)) = POLLS.iter().find(|(operation, _)| *operation == request.operation) else {
            continue;
        };
        let Some(about) = request.text(place) else { continue };
        let Some(before) = last.insert((operation, about), request) else {
            seen.push(request.id.clone());
            continue;
        };
        let pause = (request.received_at - before.received_at).num_milliseconds();
        // The same request once more is a retry, not another question.
        if before.request_id == request.request_id || u64::try_from(pause).is_ok_and(|pause| pause >= limit) {
            seen.push(request.id.clone());
            continue;
        }
        faults.push(Fault {
            side: Side::Lsp,
            evidence: vec![before.id.clone(), request.id.clone()],
            expected: format!("{limit} ms between two {operation} for the same thing"),
            got: "less than that".to_owned(),
            hint: "Most changes are told unasked; ask again after seconds, and wait longer each time.",
        });
    }
    Judgement::of(faults, seen, "no status was asked for")
}

fn in_state(evidence: &Evidence) -> Judgement {
    let (mut faults, mut seen) = (Vec::new(), Vec::new());
    for callback in &evidence.traffic.callbacks {
        let code = callback.error();
        if !WRONG_STATE.contains(&code) {
            seen.push(callback.id.clone());
            continue;
        }
        faults.push(Fault {
            side: if callback.is_injected() { Side::Injected } else { Side::Lsp },
            evidence: vec![callback.id.clone()],
            expected: format!("{} when the application or the loan is ready for it", callback.operation),
            got: format!("it was answered {code}"),
            hint: "Take the next step when the answer to the one before has come; the guides name what each step needs.",
        });
    }
    Judgement::of(faults, seen, "no callback was sent")
}

fn reordered(evidence: &Evidence) -> Judgement {
    let reordered = |fault: &Option<String>| fault.as_deref().is_some_and(|fault| fault.contains("reorder"));
    let callbacks = evidence.traffic.callbacks.iter();
    let touched = callbacks.filter(|one| reordered(&one.injected) || one.tries.iter().any(|t| reordered(&t.injected)));
    let (mut faults, mut seen) = (Vec::new(), Vec::new());
    for callback in touched {
        if callback.state == "delivered" {
            seen.push(callback.id.clone());
            continue;
        }
        faults.push(Fault {
            side: Side::Unclear,
            evidence: vec![callback.id.clone()],
            expected: "it is acknowledged although others came before it".to_owned(),
            got: format!("it is {}", callback.state),
            hint: "Find what a callback belongs to by its requestId, not by what came last.",
        });
    }
    Judgement::of(faults, seen, "no order was changed on purpose (scenario 0903)")
}
