//! RS: what is done when the lender does not do its part.

use super::super::evidence::Evidence;
use super::super::finding::Severity::Warning;
use super::super::finding::{Fault, Group, Judgement, Rule, Side};
use super::super::traffic::Callback;
use super::rule;

/// Least pause after 429 or 503, milliseconds: the shortest `Retry-After` is a second.
const RETRY_AFTER_MS: i64 = 900;

pub const RULES: &[Rule] = &[
    rule("RS-01", Group::Rs, Warning, "A callback that does not come is asked about", missing_callback),
    rule("RS-02", Group::Rs, Warning, "After 429 and 503 the next try waits as it was told", waits),
    rule("RS-03", Group::Rs, Warning, "A callback that comes late is taken", late),
];

fn touched<'a>(evidence: &'a Evidence, name: &'a str) -> impl Iterator<Item = &'a Callback> {
    let has = move |fault: &Option<String>| fault.as_deref().is_some_and(|fault| fault.contains(name));
    let callbacks = evidence.traffic.callbacks.iter();
    callbacks.filter(move |one| has(&one.injected) || one.tries.iter().any(|each| has(&each.injected)))
}

fn missing_callback(evidence: &Evidence) -> Judgement {
    let asked = touched(evidence, "drop").filter(|callback| {
        let later = evidence.traffic.requests.iter().filter(|request| request.received_at > callback.created_at);
        later.clone().any(|request| request.request_id == callback.request_id)
            || later.into_iter().any(|request| request.operation.ends_with("Status"))
    });
    let seen = asked.map(|callback| callback.id.clone()).collect();
    Judgement::of(Vec::new(), seen, "no callback was kept back on purpose (scenario 0904), or nobody has asked yet")
}

fn waits(evidence: &Evidence) -> Judgement {
    let (mut faults, mut seen) = (Vec::new(), Vec::new());
    for refusal in evidence.traffic.refusals.iter().filter(|one| matches!(one.status, 429 | 503)) {
        let Some(id) = refusal.request_id.as_deref() else { continue };
        let again = evidence.traffic.requests.iter().filter(|request| request.request_id == id);
        let pauses = again.map(|request| (request.received_at - refusal.received_at).num_milliseconds());
        let Some(shortest) = pauses.filter(|pause| *pause >= 0).min() else { continue };
        if shortest >= RETRY_AFTER_MS {
            seen.push(refusal.id.clone());
            continue;
        }
        faults.push(Fault {
            side: Side::Lsp,
            evidence: vec![refusal.id.clone()],
            expected: "the next try after Retry-After".to_owned(),
            got: "a try before that".to_owned(),
            hint: "Read Retry-After, and wait at least that long.",
        });
    }
    Judgement::of(faults, seen, "no request was answered 429 or 503")
}

fn late(evidence: &Evidence) -> Judgement {
    let taken = touched(evidence, "delay").filter(|callback| callback.state == "delivered");
    let seen = taken.map(|callback| callback.id.clone()).collect();
    Judgement::of(Vec::new(), seen, "no callback was held back on purpose (scenario 0901)")
}
