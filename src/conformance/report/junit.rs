//! The report for build servers: the XML of `JUnit`, one suite per group, one case per rule.

use std::fmt::Write as _;

use super::super::finding::{Finding, GROUPS, Outcome, Severity, Side};
use super::Report;

/// Writes the report. A breach counts as a failure when it fails the run; what was not tested is skipped.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let name = format!("OCEN v3 conformance of {}", report.lsp.org_id);
    let _ = writeln!(xml, "<testsuites name=\"{}\">", escaped(&name));
    for group in GROUPS {
        let findings: Vec<&Finding> = report.findings.iter().filter(|finding| finding.group == group).collect();
        if findings.is_empty() {
            continue;
        }
        let failures = findings.iter().filter(|finding| fails(report, finding)).count();
        let skipped = findings.iter().filter(|finding| is_skipped(finding)).count();
        let _ = writeln!(
            xml,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\" timestamp=\"{}\">",
            escaped(group.name()),
            findings.len(),
            report.generated_at.format("%Y-%m-%dT%H:%M:%S"),
        );
        for finding in findings {
            case(&mut xml, report, finding);
        }
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn fails(report: &Report, finding: &Finding) -> bool {
    let counts = finding.severity == Severity::Error || (report.plan.strict && finding.severity == Severity::Warning);
    finding.outcome == Outcome::Failed && counts && finding.side != Some(Side::Injected)
}

fn is_skipped(finding: &Finding) -> bool {
    matches!(finding.outcome, Outcome::Untested | Outcome::Attested)
}

fn case(xml: &mut String, report: &Report, finding: &Finding) {
    let name = format!("{} {}", finding.rule, finding.title);
    let _ = write!(xml, "    <testcase classname=\"conformance.{:?}\" name=\"{}\"", finding.group, escaped(&name));
    let got = finding.got.as_deref().unwrap_or_default();
    if is_skipped(finding) {
        let _ = writeln!(xml, "><skipped message=\"{}\"/></testcase>", escaped(got));
        return;
    }
    if finding.outcome == Outcome::Passed {
        xml.push_str("/>\n");
        return;
    }
    let side = finding.side.map_or("unclear", Side::name);
    let body = format!(
        "fault side: {side}\nexpected: {}\ngot: {got}\nhint: {}\nevidence: {}",
        finding.expected.as_deref().unwrap_or_default(),
        finding.hint.unwrap_or_default(),
        finding.evidence.join(", "),
    );
    // What does not fail the run is told without failing the build.
    if fails(report, finding) {
        let (kind, message) = (escaped(side), escaped(got));
        let _ =
            writeln!(xml, "><failure type=\"{kind}\" message=\"{message}\">{}</failure></testcase>", escaped(&body));
    } else {
        let _ = writeln!(xml, "><system-out>{}</system-out></testcase>", escaped(&body));
    }
}

/// A text that XML 1.0 takes, in an attribute as well.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(character),
            control if control.is_control() || matches!(control, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}
