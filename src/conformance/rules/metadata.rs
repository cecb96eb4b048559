//! MD: requestId, traceId, timestamp.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta};

use super::super::evidence::{Ask, Evidence};
use super::super::finding::Severity::{Error, Info, Warning};
use super::super::finding::{Fault, Group, Judgement, Rule, Side};
use super::super::traffic::Request;
use super::rule;
use super::transport::told;

/// Calls with an effect that a borrower or a bank would see twice. Whoever asks for offers, an OTP or a status again
/// may mean it.
const EFFECTS: [&str; 8] = [
    "createLoanApplications",
    "setOffer",
    "setDisbursementAccount",
    "setRepaymentPlan",
    "grantLoan",
    "triggerDisbursement",
    "triggerRepayment",
    "raiseDispute",
];
/// How far a request's timestamp may be from its arrival before it looks kept.
const FRESH: TimeDelta = TimeDelta::minutes(5);

pub const RULES: &[Rule] = &[
    rule("MD-01", Group::Md, Error, "A requestId stands for one body", one_body),
    rule("MD-02", Group::Md, Error, "A retry keeps its requestId", keeps_id),
    rule("MD-03", Group::Md, Error, "metadata.timestamp lies within the accepted window", window),
    rule("MD-04", Group::Md, Warning, "metadata.timestamp is fresh in each try", fresh),
    rule("MD-05", Group::Md, Warning, "timestamp and traceId together are new for each request", nonce),
    rule("MD-06", Group::Md, Info, "A requestId is a UUID", uuid),
    rule("MD-07", Group::Md, Error, "A message that was sent long ago is refused", stale),
    rule("MD-08", Group::Md, Warning, "A message from the future is refused", future),
];

fn one_body(evidence: &Evidence) -> Judgement {
    let refusals = evidence.traffic.refusals.iter();
    let faults = refusals.filter(|one| one.error == "GEN5008" && one.injected.is_none()).map(|one| Fault {
        side: Side::Lsp,
        evidence: vec![one.id.clone()],
        expected: "a new requestId for a new intent, and the same body in a retry".to_owned(),
        got: told(one),
        hint: "Store each request as it was built, with its requestId, and send that again, metadata aside.",
    });
    let seen = evidence.traffic.requests.iter().map(|request| request.id.clone()).collect();
    Judgement::of(faults.collect(), seen, "the LSP has sent nothing")
}

fn keeps_id(evidence: &Evidence) -> Judgement {
    let mut first: HashMap<(&str, String), &Request> = HashMap::new();
    let (mut faults, mut seen) = (Vec::new(), Vec::new());
    // A request that the sandbox disturbed comes again for its sake.
    for request in evidence.traffic.requests.iter().filter(|request| request.injected.is_none()) {
        let Some(intent) = request.intent().filter(|_| EFFECTS.contains(&request.operation.as_str())) else { continue };
        let earlier = *first.entry((&request.operation, intent)).or_insert(request);
        if earlier.request_id == request.request_id {
            seen.push(request.id.clone());
            continue;
        }
        faults.push(Fault {
            side: Side::Lsp,
            evidence: vec![earlier.id.clone(), request.id.clone()],
            expected: format!("{} comes again with the requestId that it had before", request.operation),
            got: "the same body with another requestId".to_owned(),
            hint: "Make the requestId when the intent is made, not when it is sent: it is what keeps a payout single.",
        });
    }
    Judgement::of(faults, seen, "no request with an effect was seen")
}

fn window(evidence: &Evidence) -> Judgement {
    let faults = evidence.traffic.refusals.iter().filter(|one| one.error == "AUTH1004").map(|one| Fault {
        side: if one.injected.is_some() { Side::Injected } else { Side::Lsp },
        evidence: vec![one.id.clone()],
        expected: "a timestamp of at most 72 hours ago, and ahead 5 minutes or the LSP's clockSkew".to_owned(),
        got: told(one),
        hint: "Stamp each try with the time at which it leaves, and keep the clock in step (NTP).",
    });
    let seen = evidence.traffic.requests.iter().map(|request| request.id.clone()).collect();
    Judgement::of(faults.collect(), seen, "the LSP has sent nothing")
}

fn fresh(evidence: &Evidence) -> Judgement {
    if evidence.traffic.clock_moved {
        return Judgement::untested("the sandbox's clock was moved, so that times of arrival say nothing");
    }
    let (mut faults, mut seen) = (Vec::new(), Vec::new());
    for request in &evidence.traffic.requests {
        let Some(sent) = request.text("/metadata/timestamp").and_then(|text| DateTime::parse_from_rfc3339(text).ok())
        else {
            continue;
        };
        if (request.received_at - sent.to_utc()).abs() <= FRESH {
            seen.push(request.id.clone());
            continue;
        }
        faults.push(Fault {
            side: Side::Lsp,
            evidence: vec![request.id.clone()],
            expected: "a timestamp within five minutes of the arrival".to_owned(),
            got: format!("{} that was stamped at another time", request.operation),
            hint: "Stamp and sign each try anew: lenders with a shorter window would refuse this one.",
        });
    }
    Judgement::of(faults, seen, "no request had a timestamp with a zone")
}

fn nonce(evidence: &Evidence) -> Judgement {
    let mut first: HashMap<(String, &str), &Request> = HashMap::new();
    let (mut faults, mut seen) = (Vec::new(), Vec::new());
    for request in &evidence.traffic.requests {
        let Some(timestamp) = request.text("/metadata/timestamp") else { continue };
        let earlier = *first.entry((timestamp.to_owned(), &request.trace_id)).or_insert(request);
        if earlier.request_id == request.request_id {
            seen.push(request.id.clone());
            continue;
        }
        faults.push(Fault {
            side: Side::Lsp,
            evidence: vec![earlier.id.clone(), request.id.clone()],
            expected: "each request has a timestamp and traceId of its own".to_owned(),
            got: "two requests with the same pair".to_owned(),
            hint: "Make a fresh traceId for each message: lenders may refuse a pair that they have seen.",
        });
    }
    Judgement::of(faults, seen, "no request was seen")
}

fn uuid(evidence: &Evidence) -> Judgement {
    let (mut faults, mut seen) = (Vec::new(), Vec::new());
    for request in &evidence.traffic.requests {
        if uuid::Uuid::try_parse(&request.request_id).is_ok() {
            seen.push(request.id.clone());
            continue;
        }
        faults.push(Fault {
            side: Side::Lsp,
            evidence: vec![request.id.clone()],
            expected: "a UUID".to_owned(),
            got: "a requestId of another form".to_owned(),
            hint: "The specification means a UUID; its samples are no better. Any unique text works with this lender.",
        });
    }
    Judgement::of(faults, seen, "the LSP has sent nothing")
}

fn stale(evidence: &Evidence) -> Judgement {
    evidence.must_refuse(&[Ask {
        defect: "expired",
        what: "a message that was stamped a week ago",
        hint: "Compare metadata.timestamp with the clock: who kept a message must not be able to play it again.",
    }])
}

fn future(evidence: &Evidence) -> Judgement {
    evidence.must_refuse(&[Ask {
        defect: "future",
        what: "a message that is stamped tomorrow",
        hint: "Allow five minutes for clocks that differ, and no more.",
    }])
}
