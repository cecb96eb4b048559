//! The report for people: one page that needs nothing from elsewhere, in light and dark, on paper too.

use std::fmt::Write as _;

use super::super::finding::{Finding, GROUPS, Group, Outcome, Severity, Side};
use super::super::probes::Probe;
use super::{Counts, Report, Verdict};

const STYLE: &str = include_str!("report.css");

/// Writes the page.
#[must_use]
pub fn render(report: &Report) -> String {
    let org = escaped(&report.lsp.org_id);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>Conformance of {org}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n"
    );
    head(&mut page, report);
    breaches(&mut page, report);
    for group in GROUPS {
        rules(&mut page, report, group);
    }
    probes(&mut page, &report.probes);
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

fn head(page: &mut String, report: &Report) {
    let (class, word, meaning) = match report.verdict {
        Verdict::Passed => ("good", "Passed", "Nothing that was observed is wrong with the LSP's side."),
        Verdict::Failed => ("bad", "Failed", "Something is wrong with the LSP's side, or may be."),
        Verdict::Inconclusive => {
            ("warn", "Inconclusive", "Too little could be observed, through no fault of the LSP's.")
        }
    };
    let Counts { passed, failed, warned, untested, attested } = report.rules;
    let (org, name) = (escaped(&report.lsp.org_id), escaped(&report.lsp.name));
    let seen = report.seen;
    let _ = write!(
        page,
        "<header>\n<p class=\"kind\">OCEN v3 conformance report</p>\n<h1>{name} <code>{org}</code></h1>\n\
         <p class=\"verdict {class}\"><strong>{word}.</strong> {meaning}</p>\n\
         <ul class=\"tiles\"><li class=\"good\"><b>{passed}</b> passed</li><li class=\"bad\"><b>{failed}</b> failed</li>\
         <li class=\"warn\"><b>{warned}</b> warned of</li><li><b>{untested}</b> untested</li><li><b>{attested}</b> attested</li></ul>\n"
    );
    bar(page, report.rules);
    let since = report.plan.since.map_or_else(|| "the beginning".to_owned(), |since| since.to_rfc3339());
    let _ = write!(
        page,
        "<dl>\n<dt>Endpoint</dt><dd><code>{}</code></dd>\n<dt>Keys</dt><dd>{}</dd>\n<dt>Lender</dt><dd><code>{}</code></dd>\n\
         <dt>Traffic</dt><dd>{} requests, {} refused, {} callbacks, from {} to {}{}</dd>\n\
         <dt>Probes</dt><dd>{}</dd>\n<dt>Limits</dt><dd>ack {} ms, between status requests {} ms</dd>\n\
         <dt>Made</dt><dd>{} by {}</dd>\n</dl>\n</header>\n",
        escaped(&report.lsp.callback_url),
        if report.lsp.kids.is_empty() { "none".to_owned() } else { codes(&report.lsp.kids) },
        escaped(&report.lender),
        seen.requests,
        seen.refusals,
        seen.callbacks,
        escaped(&since),
        report.plan.until.format("%Y-%m-%d %H:%M:%S UTC"),
        if seen.truncated { "; only the newest were looked at" } else { "" },
        seen.probes,
        report.plan.limits.ack_ms,
        report.plan.limits.poll_ms,
        report.generated_at.format("%Y-%m-%d %H:%M:%S UTC"),
        escaped(report.program),
    );
}

/// How the rules came out, as a bar: for the eye; the numbers stand above it.
fn bar(page: &mut String, counts: Counts) {
    let parts = [
        ("good", counts.passed),
        ("bad", counts.failed),
        ("warn", counts.warned),
        ("none", counts.untested + counts.attested),
    ];
    let all = parts.iter().map(|(_, count)| count).sum::<usize>().max(1);
    page.push_str("<svg class=\"bar\" viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">");
    let mut at = 0;
    for (class, count) in parts {
        let width = count * 1000 / all;
        let _ = write!(page, "<rect class=\"{class}\" x=\"{at}\" width=\"{width}\" height=\"10\"/>");
        at += width;
    }
    page.push_str("</svg>\n");
}

fn codes(texts: &[String]) -> String {
    texts.iter().map(|text| format!("<code>{}</code>", escaped(text))).collect::<Vec<_>>().join(" ")
}

fn breaches(page: &mut String, report: &Report) {
    let breaches = report.breaches();
    if breaches.is_empty() {
        return;
    }
    page.push_str("<section>\n<h2>What to look at</h2>\n");
    for finding in breaches {
        let severity = match finding.severity {
            Severity::Error => ("bad", "error"),
            Severity::Warning => ("warn", "warning"),
            Severity::Info => ("none", "note"),
        };
        let side = finding.side.unwrap_or(Side::Unclear);
        let times = if finding.times > 1 {
            format!(" <span class=\"soft\">{} times</span>", finding.times)
        } else {
            String::new()
        };
        let _ = write!(
            page,
            "<article class=\"{}\" id=\"{}\">\n<h3><code>{}</code> {}</h3>\n\
             <p class=\"tags\"><span class=\"tag {}\">{}</span> <span class=\"tag\">fault: {}</span>{times}</p>\n\
             <dl><dt>Expected</dt><dd>{}</dd><dt>Got</dt><dd>{}</dd><dt>Hint</dt><dd>{}</dd><dt>Evidence</dt><dd>{}</dd></dl>\n\
             </article>\n",
            severity.0,
            finding.rule.to_ascii_lowercase(),
            finding.rule,
            escaped(finding.title),
            severity.0,
            severity.1,
            side.name(),
            escaped(finding.expected.as_deref().unwrap_or_default()),
            escaped(finding.got.as_deref().unwrap_or_default()),
            escaped(finding.hint.unwrap_or_default()),
            codes(&finding.evidence),
        );
    }
    page.push_str("</section>\n");
}

fn rules(page: &mut String, report: &Report, group: Group) {
    let mut findings = report.findings.iter().filter(|finding| finding.group == group).peekable();
    if findings.peek().is_none() {
        return;
    }
    let _ = write!(
        page,
        "<section>\n<h2>{}</h2>\n<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"{0}\"><table>\n<thead><tr>\
         <th scope=\"col\">Rule</th><th scope=\"col\">Promise</th><th scope=\"col\">Outcome</th>\
         <th scope=\"col\">Seen</th></tr></thead>\n<tbody>\n",
        group.name()
    );
    findings.for_each(|finding| row(page, finding));
    page.push_str("</tbody></table></div>\n</section>\n");
}

fn row(page: &mut String, finding: &Finding) {
    let (class, word) = match finding.outcome {
        Outcome::Passed => ("good", "passed"),
        Outcome::Failed if finding.side == Some(Side::Injected) => ("none", "injected"),
        Outcome::Failed if finding.severity == Severity::Error => ("bad", "failed"),
        Outcome::Failed => ("warn", "failed"),
        Outcome::Untested => ("none", "untested"),
        Outcome::Attested => ("none", "attested"),
    };
    let seen = match (finding.outcome, &finding.got) {
        (Outcome::Passed, _) if finding.times == 1 => "in 1 message".to_owned(),
        (Outcome::Passed, _) => format!("in {} messages", finding.times),
        (_, Some(got)) => escaped(got),
        (_, None) => String::new(),
    };
    let _ = writeln!(
        page,
        "<tr><td><code>{}</code></td><td>{}</td><td><span class=\"tag {class}\">{word}</span></td><td>{seen}</td></tr>",
        finding.rule,
        escaped(finding.title),
    );
}

fn probes(page: &mut String, probes: &[Probe]) {
    if probes.is_empty() {
        return;
    }
    page.push_str(
        "<section>\n<h2>Probes</h2>\n<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Probes\"><table>\n\
         <thead><tr><th scope=\"col\">Probe</th><th scope=\"col\">requestId</th><th scope=\"col\">Answer</th>\
         <th scope=\"col\">ms</th></tr></thead>\n<tbody>\n",
    );
    for probe in probes {
        for post in &probe.posts {
            let _ = writeln!(
                page,
                "<tr><td><code>{}</code></td><td><code>{}</code></td><td>{}</td><td class=\"number\">{}</td></tr>",
                escaped(&probe.defect),
                escaped(&probe.request_id),
                escaped(&post.got()),
                post.took_ms,
            );
        }
    }
    page.push_str("</tbody></table></div>\n</section>\n");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
