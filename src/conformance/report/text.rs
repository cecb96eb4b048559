//! The report for a terminal.

use std::fmt::Write as _;

use super::super::finding::{Outcome, Severity, Side};
use super::{Counts, Report, Verdict};

/// Writes the report: breaches with all that helps, the rest in numbers.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{} at {}\n", report.lsp.org_id, report.lsp.callback_url);
    for finding in report.breaches() {
        let mark = match finding.severity {
            Severity::Error => "BAD ",
            Severity::Warning => "warn",
            Severity::Info => "note",
        };
        let side = finding.side.map_or("unclear", Side::name);
        let _ = writeln!(text, "{mark} {} {}  [{side}]", finding.rule, finding.title);
        let times = if finding.times > 1 { format!(" ({} times)", finding.times) } else { String::new() };
        let _ = writeln!(text, "     expected  {}", finding.expected.as_deref().unwrap_or_default());
        let _ = writeln!(text, "     got       {}{times}", finding.got.as_deref().unwrap_or_default());
        let _ = writeln!(text, "     hint      {}", finding.hint.unwrap_or_default());
        let _ = writeln!(text, "     evidence  {}\n", finding.evidence.join(", "));
    }
    let untested = report.findings.iter().filter(|finding| finding.outcome == Outcome::Untested);
    for finding in untested {
        let _ =
            writeln!(text, "?    {} {}: {}", finding.rule, finding.title, finding.got.as_deref().unwrap_or_default());
    }
    let Counts { passed, failed, warned, untested, attested } = report.rules;
    let verdict = match report.verdict {
        Verdict::Passed => "PASSED",
        Verdict::Failed => "FAILED",
        Verdict::Inconclusive => "INCONCLUSIVE",
    };
    let _ = write!(
        text,
        "\n{verdict}: of {} rules {passed} passed, {failed} failed, {warned} warned of, {untested} untested, {attested} attested",
        passed + failed + warned + untested + attested
    );
    text
}
