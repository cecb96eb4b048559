//! SV: the life of the loan.

use super::super::evidence::Evidence;
use super::super::finding::Severity::{Error, Info};
use super::super::finding::{Fault, Group, Judgement, Rule, Side};
use super::rule;

pub const RULES: &[Rule] = &[
    rule("SV-01", Group::Sv, Error, "confirmRepayment is acknowledged", confirmations),
    rule("SV-02", Group::Sv, Error, "News that were not asked for are acknowledged", news),
    rule("SV-03", Group::Sv, Info, "Statement, summary or loan are read", read),
];

fn acknowledged(evidence: &Evidence, operations: &[&str], untested: &str) -> Judgement {
    let (mut faults, mut seen) = (Vec::new(), Vec::new());
    let callbacks = evidence.traffic.callbacks.iter();
    for callback in callbacks.filter(|callback| operations.contains(&callback.operation.as_str())) {
        let answered = callback.tries.iter().any(|one| one.status.is_some());
        let side = match callback.state.as_str() {
            "delivered" => {
                seen.push(callback.id.clone());
                continue;
            }
            "pending" if callback.tries.is_empty() => continue,
            _ if callback.is_injected() => Side::Injected,
            _ if !answered => Side::Network,
            _ => Side::Lsp,
        };
        let last = callback.tries.last().and_then(|one| one.error.clone());
        faults.push(Fault {
            side,
            evidence: vec![callback.id.clone()],
            expected: format!("{} is acknowledged", callback.operation),
            got: last.unwrap_or_else(|| format!("it is {}", callback.state)),
            hint: "The lender makes these messages' ids, or repeats the id of what set them off; take them as they come.",
        });
    }
    Judgement::of(faults, seen, untested)
}

fn confirmations(evidence: &Evidence) -> Judgement {
    acknowledged(evidence, &["confirmRepayment"], "nothing was repaid; move the clock to a due date")
}

fn news(evidence: &Evidence) -> Judgement {
    let operations = ["setRepaymentPlanStatus", "triggerDisbursementStatus", "triggerRepaymentStatus"];
    acknowledged(evidence, &operations, "no mandate, payout or payment page ended")
}

fn read(evidence: &Evidence) -> Judgement {
    let reads = ["loanStatement", "loanSummary", "getLoan"];
    let requests = evidence.traffic.requests.iter().filter(|request| reads.contains(&request.operation.as_str()));
    let seen = requests.map(|request| request.id.clone()).collect();
    Judgement::of(Vec::new(), seen, "none of them was asked for")
}
