//! The report: what was tested, what came of it, and whose fault is what.

pub mod html;
pub mod junit;
pub mod text;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::args::{Attestation, ConformanceArgs, Limits};
use super::evidence::Evidence;
use super::finding::{Finding, Outcome, Severity, Side};
use super::probes::Probe;
use crate::clock::Clock;

/// What the JSON says that it is; the sandbox signs nothing else.
const KIND: &str = "ocen-lender/conformance-report";
/// Counts changes of its form that a reader must know of.
const VERSION: u32 = 1;

/// How the run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// Nothing that was observed is wrong with the LSP's side.
    Passed,
    /// Something is.
    Failed,
    /// Too little could be observed, through no fault of the LSP's.
    Inconclusive,
}

/// The whole of it, as `--json` writes it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// What this is.
    pub kind: &'static str,
    /// Of its form.
    pub version: u32,
    /// By the wall's clock.
    pub generated_at: DateTime<Utc>,
    /// The program that judged.
    pub program: &'static str,
    /// How the run ended.
    pub verdict: Verdict,
    /// Whom it is about.
    pub lsp: Subject,
    /// The lender's `orgId`.
    pub lender: String,
    /// What was looked at.
    pub plan: Plan,
    /// What was seen.
    pub seen: Seen,
    /// How many rules came out how.
    pub rules: Counts,
    /// Breaches by the side at fault.
    pub faults: BTreeMap<&'static str, usize>,
    /// One line for each rule, more when it was broken in several ways.
    pub findings: Vec<Finding>,
    /// The probes with what was answered: evidence that is named `probe:NAME`.
    pub probes: Vec<Probe>,
}

/// The LSP.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Subject {
    /// Its `metadata.orgId`.
    pub org_id: String,
    /// For people.
    pub name: String,
    /// Where the probes went.
    pub callback_url: String,
    /// Its active keys.
    pub kids: Vec<String>,
}

/// What was looked at.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Traffic since then; all of it when missing.
    pub since: Option<DateTime<Utc>>,
    /// The sandbox's time at the end.
    pub until: DateTime<Utc>,
    /// What is too slow and too fast.
    pub limits: Limits,
    /// Whether refused requests let the run pass.
    pub allow_nacks: bool,
    /// Whether warnings fail the run.
    pub strict: bool,
    /// What people said of screens.
    pub attested: Vec<Attestation>,
}

/// What was seen.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// Requests accepted.
    pub requests: usize,
    /// Requests refused in their acks.
    pub refusals: usize,
    /// Callbacks.
    pub callbacks: usize,
    /// Probes.
    pub probes: usize,
    /// Whether there was more traffic than was looked at.
    pub truncated: bool,
}

/// How many rules came out how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Seen to be kept.
    pub passed: usize,
    /// Seen to be broken, whosever fault it is.
    pub failed: usize,
    /// Seen to be broken, where the rule advises and does not demand; in a strict run only notes.
    pub warned: usize,
    /// Not seen.
    pub untested: usize,
    /// Said to be kept.
    pub attested: usize,
}

impl Report {
    /// Puts findings together.
    pub(super) fn new(args: &ConformanceArgs, evidence: &Evidence, findings: Vec<Finding>) -> Self {
        let traffic = &evidence.traffic;
        let active = traffic.lsp.keys.iter().filter(|key| key.revoked_at.is_none());
        let mut faults = BTreeMap::new();
        for side in findings.iter().filter_map(|finding| finding.side) {
            *faults.entry(side.name()).or_default() += 1;
        }
        Self {
            kind: KIND,
            version: VERSION,
            generated_at: Clock::default().wall(),
            program: concat!("ocen-lender ", env!("CARGO_PKG_VERSION")),
            verdict: verdict(&findings, args.strict),
            lsp: Subject {
                org_id: traffic.lsp.org_id.clone(),
                name: traffic.lsp.name.clone(),
                callback_url: evidence.target.clone(),
                kids: active.map(|key| key.kid.clone()).collect(),
            },
            lender: traffic.lender.clone(),
            plan: Plan {
                since: args.since,
                until: traffic.now,
                limits: evidence.limits,
                allow_nacks: args.allow_nacks,
                strict: args.strict,
                attested: evidence.attested.clone(),
            },
            seen: Seen {
                requests: traffic.requests.len(),
                refusals: traffic.refusals.len(),
                callbacks: traffic.callbacks.len(),
                probes: evidence.probes.len(),
                truncated: traffic.truncated,
            },
            rules: counts(&findings, args.strict),
            faults,
            findings,
            probes: evidence.probes.clone(),
        }
    }

    /// The exit code: 0 passed, 1 failed, 2 nothing could be told.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self.verdict {
            Verdict::Passed => 0,
            Verdict::Failed => 1,
            Verdict::Inconclusive => 2,
        }
    }

    /// Breaches, the heaviest first.
    pub(super) fn breaches(&self) -> Vec<&Finding> {
        let mut breaches: Vec<&Finding> =
            self.findings.iter().filter(|finding| finding.outcome == Outcome::Failed).collect();
        breaches.sort_by_key(|finding| (finding.severity, finding.side, finding.rule));
        breaches
    }
}

/// What the LSP did wrong, or may have, fails the run; what others did leaves it open; what the sandbox did on purpose
/// counts for nothing.
fn verdict(findings: &[Finding], strict: bool) -> Verdict {
    let counts = |finding: &&Finding| finding.outcome == Outcome::Failed && fails(finding.severity, strict);
    let broken = findings.iter().filter(counts);
    let sides: Vec<Side> = broken.filter_map(|finding| finding.side).collect();
    let seen = findings.iter().any(|finding| finding.outcome == Outcome::Passed);
    if sides.iter().any(|side| matches!(side, Side::Lsp | Side::Unclear)) {
        Verdict::Failed
    } else if !seen || sides.iter().any(|side| matches!(side, Side::Network | Side::Lender)) {
        Verdict::Inconclusive
    } else {
        Verdict::Passed
    }
}

/// Whether a breach of this weight fails a run.
fn fails(severity: Severity, strict: bool) -> bool {
    match severity {
        Severity::Error => true,
        Severity::Warning => strict,
        Severity::Info => false,
    }
}

fn counts(findings: &[Finding], strict: bool) -> Counts {
    let mut counts = Counts::default();
    // A rule that was broken in several ways is broken once.
    for ways in findings.chunk_by(|one, next| one.rule == next.rule) {
        let Some(worst) = ways.iter().min_by_key(|finding| (finding.outcome != Outcome::Failed, finding.severity))
        else {
            continue;
        };
        match worst.outcome {
            Outcome::Passed => counts.passed += 1,
            Outcome::Failed if fails(worst.severity, strict) => counts.failed += 1,
            Outcome::Failed => counts.warned += 1,
            Outcome::Untested => counts.untested += 1,
            Outcome::Attested => counts.attested += 1,
        }
    }
    counts
}
