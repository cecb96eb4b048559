//! What a rule says, and what was found about it.

use serde::Serialize;

use super::evidence::Evidence;

/// A group of rules (`lending.md` §4.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "UPPERCASE")]
pub enum Group {
    /// Transport and acks.
    Tr,
    /// Signatures.
    Sg,
    /// Identity.
    Id,
    /// Metadata.
    Md,
    /// Idempotency.
    Im,
    /// Sequence.
    Sq,
    /// Schema.
    Sc,
    /// Outcomes.
    Ou,
    /// Regulation.
    Rg,
    /// Servicing.
    Sv,
    /// Heartbeat.
    Hb,
    /// Resilience.
    Rs,
}

/// All groups, in the order in which they are reported.
pub const GROUPS: [Group; 12] = [
    Group::Tr,
    Group::Sg,
    Group::Id,
    Group::Md,
    Group::Im,
    Group::Sq,
    Group::Sc,
    Group::Ou,
    Group::Rg,
    Group::Sv,
    Group::Hb,
    Group::Rs,
];

impl Group {
    /// For people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tr => "Transport and acks",
            Self::Sg => "Signatures",
            Self::Id => "Identity",
            Self::Md => "Metadata",
            Self::Im => "Idempotency",
            Self::Sq => "Sequence",
            Self::Sc => "Schema",
            Self::Ou => "Outcomes",
            Self::Rg => "Regulation",
            Self::Sv => "Servicing",
            Self::Hb => "Heartbeat",
            Self::Rs => "Resilience",
        }
    }
}

/// What breaking a rule means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// Money, data or messages are lost or open to others; the run fails.
    Error,
    /// It works until the other side is stricter than ours.
    Warning,
    /// Worth knowing.
    Info,
}

/// Whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Side {
    /// The LSP's.
    #[serde(rename = "LSP")]
    Lsp,
    /// Ours.
    #[serde(rename = "lender")]
    Lender,
    /// Nobody's, or whoever runs the wires.
    #[serde(rename = "network")]
    Network,
    /// The sandbox did it because somebody asked it to.
    #[serde(rename = "injected")]
    Injected,
    /// What was seen does not say.
    #[serde(rename = "unclear")]
    Unclear,
}

impl Side {
    /// As it is written in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lsp => "LSP",
            Self::Lender => "lender",
            Self::Network => "network",
            Self::Injected => "injected",
            Self::Unclear => "unclear",
        }
    }
}

/// A rule: one row of the table in its group's file.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// E.g. `SG-04`.
    pub id: &'static str,
    /// Where it belongs.
    pub group: Group,
    /// What breaking it means.
    pub severity: Severity,
    /// What it says, as a promise of the LSP.
    pub title: &'static str,
    /// Looks at what was seen.
    pub judge: fn(&Evidence) -> Judgement,
}

/// What a rule makes of what was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// It was seen to be kept, in these messages.
    Passed(Vec<String>),
    /// It was seen to be broken.
    Failed(Vec<Fault>),
    /// Nothing was seen that would tell, and why.
    Untested(String),
}

/// One breach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Whose.
    pub side: Side,
    /// Ids of messages, or `probe:NAME`.
    pub evidence: Vec<String>,
    /// What should have come.
    pub expected: String,
    /// What came.
    pub got: String,
    /// What to do about it.
    pub hint: &'static str,
}

impl Judgement {
    /// Failed with these faults, or passed with this evidence, or untested when there is neither.
    pub fn of(faults: Vec<Fault>, seen: Vec<String>, untested: &str) -> Self {
        match (faults.is_empty(), seen.is_empty()) {
            (false, _) => Self::Failed(faults),
            (true, false) => Self::Passed(seen),
            (true, true) => Self::Untested(untested.to_owned()),
        }
    }

    /// Untested, and why.
    pub fn untested(why: impl Into<String>) -> Self {
        Self::Untested(why.into())
    }
}

/// How a rule came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// Broken.
    Failed,
    /// Not observed.
    Untested,
    /// Said to be kept by somebody, not observed.
    Attested,
    /// Observed to be kept.
    Passed,
}

/// One line of the report: a rule, how it came out, and why. A rule that was broken in several ways has several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// E.g. `SG-04`.
    pub rule: &'static str,
    /// Its group.
    pub group: Group,
    /// What breaking it means.
    pub severity: Severity,
    /// What it says.
    pub title: &'static str,
    /// How it came out.
    pub outcome: Outcome,
    /// Whose fault it is, when it was broken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub side: Option<Side>,
    /// What should have come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What came; why it was not tested; who attested it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub got: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<&'static str>,
    /// Ids of messages, or `probe:NAME`; a part of them when there are many.
    pub evidence: Vec<String>,
    /// How many messages show it.
    pub times: usize,
}
