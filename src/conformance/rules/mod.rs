//! The table of rules, one file per group, and the findings that come of it.

mod heartbeat;
mod idempotency;
mod identity;
mod metadata;
mod outcomes;
mod regulation;
mod resilience;
mod schema;
mod sequence;
mod servicing;
mod signature;
#[cfg(test)]
mod tests;
mod transport;

use super::args::{Attestation, ConformanceArgs};
use super::evidence::Evidence;
use super::finding::{Fault, Finding, Group, Judgement, Outcome, Rule, Severity};

/// Most ids that one finding names as evidence.
const NAMED: usize = 10;
/// Most findings of one rule.
const LISTED: usize = 25;

/// A row of the table.
const fn rule(
    id: &'static str,
    group: Group,
    severity: Severity,
    title: &'static str,
    judge: fn(&Evidence) -> Judgement,
) -> Rule {
    Rule { id, group, severity, title, judge }
}

/// All rules, by group.
pub(super) fn all() -> impl Iterator<Item = &'static Rule> {
    let groups: [&[Rule]; 12] = [
        transport::RULES,
        signature::RULES,
        identity::RULES,
        metadata::RULES,
        idempotency::RULES,
        sequence::RULES,
        schema::RULES,
        outcomes::RULES,
        regulation::RULES,
        servicing::RULES,
        heartbeat::RULES,
        resilience::RULES,
    ];
    groups.into_iter().flatten()
}

/// Judges what was seen by every rule that is asked for.
pub(super) fn judge(evidence: &Evidence, args: &ConformanceArgs) -> Vec<Finding> {
    let asked = all().filter(|rule| args.judges(rule.group));
    asked
        .flat_map(|rule| {
            let lenient = args.allow_nacks && rule.id == transport::NO_NACKS;
            let rule = if lenient { Rule { severity: Severity::Info, ..*rule } } else { *rule };
            findings(&rule, (rule.judge)(evidence), &evidence.attested)
        })
        .collect()
}

fn findings(rule: &Rule, judgement: Judgement, attested: &[Attestation]) -> Vec<Finding> {
    let finding = |outcome: Outcome| Finding {
        rule: rule.id,
        group: rule.group,
        severity: rule.severity,
        title: rule.title,
        outcome,
        side: None,
        expected: None,
        got: None,
        hint: None,
        evidence: Vec::new(),
        times: 0,
    };
    match judgement {
        Judgement::Passed(seen) => {
            let times = seen.len();
            let evidence = seen.into_iter().take(NAMED).collect();
            vec![Finding { evidence, times, ..finding(Outcome::Passed) }]
        }
        Judgement::Failed(faults) => gathered(faults)
            .into_iter()
            .take(LISTED)
            .map(|(fault, times)| Finding {
                side: Some(fault.side),
                expected: Some(fault.expected),
                got: Some(fault.got),
                hint: Some(fault.hint),
                evidence: fault.evidence.into_iter().take(NAMED).collect(),
                times,
                ..finding(Outcome::Failed)
            })
            .collect(),
        Judgement::Untested(why) => match attested.iter().find(|one| one.rule == rule.id) {
            Some(Attestation { by, screenshot_sha256, .. }) => {
                let got = Some(format!("{by} says so; the screenshot's SHA-256 is {screenshot_sha256}"));
                vec![Finding { got, times: 1, ..finding(Outcome::Attested) }]
            }
            None => vec![Finding { got: Some(why), ..finding(Outcome::Untested) }],
        },
    }
}

/// Breaches that read the same are one, with all their evidence and their number.
fn gathered(faults: Vec<Fault>) -> Vec<(Fault, usize)> {
    let mut gathered: Vec<(Fault, usize)> = Vec::new();
    for fault in faults {
        let same = |known: &&mut (Fault, usize)| {
            (known.0.side, &known.0.expected, &known.0.got) == (fault.side, &fault.expected, &fault.got)
        };
        match gathered.iter_mut().find(same) {
            Some((known, times)) => {
                known.evidence.extend(fault.evidence);
                *times += 1;
            }
            None => gathered.push((fault, 1)),
        }
    }
    gathered
}
