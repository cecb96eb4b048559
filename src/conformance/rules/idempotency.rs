//! IM: the same thing twice.

use super::super::evidence::{Evidence, fault};
use super::super::finding::Severity::Error;
use super::super::finding::{Fault, Group, Judgement, Rule, Side};
use super::super::probes::Reaction;
use super::rule;

pub const RULES: &[Rule] = &[
    rule("IM-01", Group::Im, Error, "The same bytes get the same answer, however often they come", same_answer),
    rule("IM-02", Group::Im, Error, "A request whose ack was lost comes again with its id and body", comes_again),
];

fn same_answer(evidence: &Evidence) -> Judgement {
    if !evidence.takes_what_is_right() {
        return Judgement::untested("the endpoint does not take even a genuine message");
    }
    let Some(probe) = evidence.probe("sameBytes") else { return Judgement::untested("it was not probed") };
    let first = probe.posts.first();
    let differs = |reaction: Reaction| Some(reaction) != first.map(super::super::probes::Post::reaction);
    let Some((at, other)) = probe.posts.iter().enumerate().find(|(_, post)| differs(post.reaction())) else {
        return Judgement::Passed(vec![probe.id()]);
    };
    let hint = "Find the message by its requestId, and acknowledge it again without doing anything.";
    let silent = other.reaction() == Reaction::Silent || probe.reaction() == Reaction::Silent;
    let side = if silent { Side::Unclear } else { Side::Lsp };
    let expected = format!("three times the same answer, the first of which was: {}", probe.got());
    let got = format!("post {}: {}", at + 1, other.got());
    Judgement::Failed(vec![Fault { got, ..fault(side, probe, expected, hint) }])
}

fn comes_again(evidence: &Evidence) -> Judgement {
    let injected = evidence.traffic.refusals.iter().filter(|one| one.injected.is_some());
    let injected = injected.filter(|one| one.status >= 500);
    // One that was spoilt before it was stored, and is stored now, has come again.
    let spoilt = evidence.traffic.requests.iter().filter(|request| request.injected.is_some());
    let (mut faults, mut seen) = (Vec::new(), spoilt.map(|request| request.id.clone()).collect::<Vec<_>>());
    for refusal in injected {
        let Some(id) = refusal.request_id.as_deref() else { continue };
        let again = evidence.traffic.requests.iter().any(|request| {
            request.request_id == id
                && request.operation == refusal.operation
                && request.received_at >= refusal.received_at
        });
        if again {
            seen.push(refusal.id.clone());
            continue;
        }
        faults.push(Fault {
            side: Side::Lsp,
            evidence: vec![refusal.id.clone()],
            expected: format!("{} comes again after HTTP {}", refusal.operation, refusal.status),
            got: "nothing with that requestId".to_owned(),
            hint: "Send a request that was not acknowledged again, with the same requestId and body.",
        });
    }
    Judgement::of(faults, seen, "no ack was lost on purpose (scenario 0907)")
}
