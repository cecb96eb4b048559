//! HB: is anybody there.

use super::super::evidence::Evidence;
use super::super::finding::Severity::Info;
use super::super::finding::{Group, Judgement, Rule};
use super::rule;

pub const RULES: &[Rule] = &[
    rule("HB-01", Group::Hb, Info, "The lender's heartbeat is asked for", asks),
    rule("HB-02", Group::Hb, Info, "An event is sent after each request (OCEN v4)", events),
];

fn asks(evidence: &Evidence) -> Judgement {
    let beats = evidence.traffic.requests.iter().filter(|request| request.operation == "heartbeat");
    Judgement::of(Vec::new(), beats.map(|request| request.id.clone()).collect(), "no heartbeat was asked for")
}

fn events(_: &Evidence) -> Judgement {
    Judgement::untested("OCEN v3 has no heartbeat events")
}
