//! What the doctor found: how bad, why it matters, and what to do.

use std::fmt::Display;
use std::process::ExitCode;

use serde::Serialize;
use serde_json::json;

use super::output;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) enum Level {
    /// As it should be.
    #[serde(rename = "ok")]
    Good,
    /// Somebody should know and decide.
    #[serde(rename = "warn")]
    Warn,
    /// Must not go into production.
    #[serde(rename = "BAD")]
    Bad,
}

impl Level {
    fn mark(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Warn => "warn",
            Self::Bad => "BAD",
        }
    }
}

/// Why something matters, and how it is mended.
pub(super) type Advice = (&'static str, &'static str);

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) level: Level,
    /// What was looked at.
    pub(super) what: String,
    /// What was found.
    pub(super) detail: String,
    /// Why it matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<&'static str>,
    /// How it is mended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fix: Option<&'static str>,
}

impl Finding {
    fn new(level: Level, what: impl Into<String>, detail: impl Display) -> Self {
        Self { level, what: what.into(), detail: detail.to_string(), why: None, fix: None }
    }

    /// As it should be.
    pub(super) fn good(what: impl Into<String>, detail: impl Display) -> Self {
        Self::new(Level::Good, what, detail)
    }

    /// Somebody should know and decide.
    pub(super) fn warn(what: impl Into<String>, detail: impl Display) -> Self {
        Self::new(Level::Warn, what, detail)
    }

    /// Must not go into production.
    pub(super) fn bad(what: impl Into<String>, detail: impl Display) -> Self {
        Self::new(Level::Bad, what, detail)
    }

    /// With its reason and remedy.
    pub(super) fn because(self, why: &'static str, fix: &'static str) -> Self {
        Self { why: Some(why), fix: Some(fix), ..self }
    }
}

/// Everything that was found; printed as it comes, or as one JSON value at the end.
#[derive(Debug, Default)]
pub(super) struct Report {
    findings: Vec<Finding>,
    json: bool,
}

impl Report {
    pub(super) fn new(json: bool) -> Self {
        Self { findings: Vec::new(), json }
    }

    pub(super) fn add(&mut self, finding: Finding) {
        if !self.json {
            print(&finding);
        }
        self.findings.push(finding);
    }

    pub(super) fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        findings.into_iter().for_each(|finding| self.add(finding));
    }

    pub(super) fn good(&mut self, what: &str, detail: impl Display) {
        self.add(Finding::good(what, detail));
    }

    /// A BAD finding with its reason and remedy.
    pub(super) fn bad(&mut self, what: &str, detail: impl Display, (why, fix): Advice) {
        self.add(Finding::bad(what, detail).because(why, fix));
    }

    /// As it should be, or BAD with its reason and remedy.
    pub(super) fn judge(&mut self, what: &str, result: Result<impl Display, impl Display>, advice: Advice) {
        match result {
            Ok(detail) => self.good(what, detail),
            Err(detail) => self.bad(what, detail, advice),
        }
    }

    fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }

    /// Prints what remains to be printed; 1 when anything is BAD.
    pub(super) fn finish(self) -> ExitCode {
        let (bad, warnings) = (self.count(Level::Bad), self.count(Level::Warn));
        if self.json {
            output::line(json!({"bad": bad, "warnings": warnings, "findings": self.findings}));
        }
        if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

fn print(finding: &Finding) {
    let Finding { level, what, detail, why, fix } = finding;
    output::line(format_args!("{:<4} {what:<14} {detail}", level.mark()));
    for (name, text) in [("why", why), ("fix", fix)] {
        if let Some(text) = text {
            output::line(format_args!("       {name}: {text}"));
        }
    }
}
