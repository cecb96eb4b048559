//! What people see: each arrow as it happens, or one line that moves, and a summary.

use std::env;
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::error::JourneyError;
use super::inbox::Answer;
use super::operations::{items, list, text};
use super::outbound::Call;
use super::report::Report;

/// Columns of a message's name: the longest, `TriggerDisbursementStatusResponse`, and a blank.
const NAME_WIDTH: usize = 34;
/// Columns of a requestId, `REQ-` and twelve digits, and two blanks.
const ID_WIDTH: usize = 18;
/// Columns of what a message says.
const NOTE_WIDTH: usize = 38;
/// Least time between two states of the moving line.
const REDRAW: Duration = Duration::from_millis(100);
/// Loans that a summary lists one by one.
const LISTED: usize = 25;

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Every message.
    Arrows,
    /// How far a run of many journeys is.
    Progress {
        /// Loans in all.
        loans: u32,
    },
    /// Nothing: the report comes as JSON.
    Silent,
}

/// The terminal, and the count of what crossed it.
#[derive(Debug)]
pub struct Screen {
    detail: Detail,
    terminal: bool,
    colour: bool,
    started: Instant,
    messages: AtomicU64,
    paid: AtomicU32,
    drawn: Mutex<Instant>,
}

const BOLD: &str = "1";
const DIM: &str = "2";
const GREEN: &str = "32";
const YELLOW: &str = "33";
const MAGENTA: &str = "35";
const CYAN: &str = "36";

impl Screen {
    /// Colours when standard output is a terminal and `NO_COLOR` is unset or empty (no-color.org).
    #[must_use]
    pub fn new(detail: Detail) -> Self {
        let terminal = io::stdout().is_terminal();
        let colour = terminal && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let started = Instant::now();
        let (messages, paid, drawn) = (AtomicU64::new(0), AtomicU32::new(0), Mutex::new(started));
        Self { detail, terminal, colour, started, messages, paid, drawn }
    }

    /// Requests acked and callbacks taken in so far.
    #[must_use]
    pub fn messages(&self) -> u64 {
        self.messages.load(Ordering::Relaxed)
    }

    /// Time since the run began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// A new part of the journey.
    pub fn title(&self, title: &str) {
        if self.detail == Detail::Arrows {
            say(&format!("\n{}", self.paint(BOLD, title)));
        }
    }

    /// Something that is no message.
    pub fn aside(&self, what: &str) {
        if self.detail == Detail::Arrows {
            say(&format!("  {}", self.paint(DIM, &format!("· {what}"))));
        }
    }

    /// The server is not there yet.
    pub fn waits(&self, failed: &JourneyError) {
        if self.detail != Detail::Silent {
            say(&format!("  waiting: {failed}"));
        }
    }

    /// A request was acked.
    pub fn sent(&self, call: &Call, took: Duration, signed: bool) {
        self.count();
        let (name, id, note) = (call.operation.request_name(), &call.request_id, &call.note);
        self.arrow(&Arrow { sign: "→", colour: CYAN, name, id, note, ack: "ack 0", took: Some(took), signed });
    }

    /// A callback was taken in; `after` its request, unless nobody asked.
    pub fn came(&self, answer: &Answer, after: Option<Duration>) {
        self.count();
        let (name, note) = (answer.operation.answer_name(), describe(&answer.message));
        let signed = answer.signed;
        self.arrow(&Arrow {
            sign: "←",
            colour: MAGENTA,
            name,
            id: &answer.request_id,
            note: &note,
            ack: "",
            took: after,
            signed,
        });
    }

    /// Some loans were paid out.
    pub fn paid(&self, loans: usize) {
        self.paid.fetch_add(u32::try_from(loans).unwrap_or(u32::MAX), Ordering::Relaxed);
        self.draw_progress(true);
    }

    /// The end of the run.
    pub fn summary(&self, report: &Report) {
        match self.detail {
            Detail::Silent => say(&serde_json::to_string(report).unwrap_or_default()),
            Detail::Progress { .. } if self.terminal => say(&format!("\r\u{1b}[K{}", self.closing(report))),
            Detail::Progress { .. } | Detail::Arrows => say(&self.closing(report)),
        }
    }

    fn closing(&self, report: &Report) -> String {
        // Where nothing was begun there is nothing to sum up.
        if let (0, Some(error)) = (report.messages, &report.error) {
            return format!("\n{} {error}", self.paint(YELLOW, "failed:"));
        }
        let mark = if report.ok { self.paint(GREEN, "✓") } else { self.paint(YELLOW, "✗") };
        let (paid, rate) = (report.loans.len(), self.rate(report.messages));
        let loans = if paid == 1 { "loan" } else { "loans" };
        let closed = report.loans.iter().filter(|loan| loan.status == "COMPLETED").count();
        let closed = if closed > 0 { format!(", {closed} closed") } else { String::new() };
        let mut out = format!(
            "\n{mark} {} in {:.1} s, {} messages ({rate} a second)",
            self.paint(BOLD, &format!("{paid} {loans} paid out{closed}")),
            report.seconds,
            report.messages,
        );
        if report.retries + report.duplicates > 0 {
            let _ = write!(out, ", {} retries, {} repeated callbacks", report.retries, report.duplicates);
        }
        if !report.loans.is_empty() {
            let heads = format!(
                "\n\n  {:<17} {:<18} {:>14} {:>14} {:>14} {:>8}  {}",
                "loan", "application", "sanctioned", "paid out", "repaid", "APR", "UTR"
            );
            out.push_str(&self.paint(DIM, &heads));
        }
        for loan in report.loans.iter().take(LISTED) {
            let _ = write!(
                out,
                "\n  {:<17} {:<18} {:>14} {:>14} {:>14} {:>8}  {}",
                loan.loan_id,
                loan.loan_application_id,
                rupees(&loan.sanctioned),
                rupees(&loan.net),
                if loan.repaid.is_empty() { "-".to_owned() } else { rupees(&loan.repaid) },
                format!("{} %", loan.apr),
                loan.utr,
            );
        }
        if let Some(more) = report.loans.len().checked_sub(LISTED).filter(|more| *more > 0) {
            let _ = write!(out, "\n  and {more} more");
        }
        if let Some(error) = &report.error {
            let _ = write!(out, "\n\n{} {error}", self.paint(YELLOW, "failed:"));
        }
        out
    }

    fn arrow(&self, arrow: &Arrow<'_>) {
        if self.detail != Detail::Arrows {
            return;
        }
        let took = arrow.took.map_or_else(|| "unasked".to_owned(), |took| format!("{} ms", took.as_millis()));
        let seal = if arrow.signed { self.paint(GREEN, "✓ signed") } else { self.paint(DIM, "plain") };
        say(&format!(
            "  {} {:<NAME_WIDTH$}{:<ID_WIDTH$}{:<NOTE_WIDTH$}{:>5} {:>9}  {seal}",
            self.paint(arrow.colour, arrow.sign),
            arrow.name,
            shortened(arrow.id, ID_WIDTH),
            shortened(arrow.note, NOTE_WIDTH),
            arrow.ack,
            took,
        ));
    }

    /// Messages a second.
    fn rate(&self, messages: u64) -> u64 {
        let milliseconds = u64::try_from(self.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        messages.saturating_mul(1000) / milliseconds
    }

    fn count(&self) {
        self.messages.fetch_add(1, Ordering::Relaxed);
        self.draw_progress(false);
    }

    fn draw_progress(&self, at_once: bool) {
        let Detail::Progress { loans } = self.detail else {
            return;
        };
        if !self.terminal {
            return;
        }
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        if !at_once && drawn.elapsed() < REDRAW {
            return;
        }
        *drawn = Instant::now();
        let (paid, messages) = (self.paid.load(Ordering::Relaxed), self.messages());
        let (rate, seconds) = (self.rate(messages), self.elapsed().as_secs());
        let line = format!("{paid} of {loans} loans paid out, {messages} messages, {rate} a second, {seconds} s");
        let mut out = io::stdout().lock();
        // Nobody is there to be told that the terminal is gone.
        let _ = write!(out, "\r\u{1b}[K  {}", self.paint(CYAN, &line)).and_then(|()| out.flush());
    }

    fn paint(&self, colour: &str, what: &str) -> String {
        if self.colour { format!("\u{1b}[{colour}m{what}\u{1b}[0m") } else { what.to_owned() }
    }
}

/// One line about one message.
struct Arrow<'a> {
    sign: &'a str,
    colour: &'a str,
    name: &'a str,
    id: &'a str,
    note: &'a str,
    ack: &'a str,
    took: Option<Duration>,
    signed: bool,
}

/// What an answer says, in a few words and without personal data.
pub fn describe(message: &Value) -> String {
    match text(message, "/response/error") {
        "0" => {}
        code => return format!("{code} {}", text(message, "/response/detail")),
    }
    let statuses = ["/consent/consentStatus", "/loanStatus", "/loanApplicationStatus", "/credBlock/data/status"];
    let status = statuses.into_iter().map(|pointer| text(message, pointer)).find(|status| !status.is_empty());
    if message.get("loanApplications").is_some() {
        return counted(items(message).map(|item| text(item, "/loanApplicationStatus")));
    }
    if let Some(words) = describe_servicing(message) {
        return words;
    }
    if message.get("payment").is_some() {
        return format!("{} {}", text(message, "/payment/status"), text(message, "/payment/txnRefNo"));
    }
    if message.get("plan").is_some() {
        return text(message, "/plan/status").to_owned();
    }
    if message.get("account").is_some() {
        return text(message, "/account/status").to_owned();
    }
    let lists = [
        ("plans", "plan"),
        ("accountList", "account"),
        ("lookupCodes", "code"),
        ("errorCodes", "code"),
        ("loans", "loan"),
    ];
    for (member, one) in lists {
        if message.get(member).is_some() {
            let count = list(message, &format!("/{member}")).count();
            return format!("{count} {one}{}", if count == 1 { "" } else { "s" });
        }
    }
    let phone = text(message, "/credBlock/data/maskedPhoneNumber");
    let loan = text(message, "/loanId");
    format!("{} {loan}{phone}", status.unwrap_or_default()).trim_end().to_owned()
}

/// The same of an answer about a running loan.
fn describe_servicing(message: &Value) -> Option<String> {
    if message.get("summary").is_some() {
        let owed = rupees(text(message, "/summary/principalPending"));
        return Some(format!("{}, principal owed {owed}", text(message, "/loanStatus")));
    }
    if message.get("accountStatement").is_some() {
        let rows = list(message, "/accountStatement");
        let closing = rows.last().map(|row| rupees(text(row, "/closingBalance"))).unwrap_or_default();
        return Some(format!("closes at {closing}"));
    }
    if message.get("dispute").is_some() {
        return Some(text(message, "/dispute/status").to_owned());
    }
    // Payouts have none.
    message.pointer("/payment/extensibleData/purpose")?;
    let number = text(message, "/payment/installmentNumber");
    let amount = rupees(text(message, "/payment/totalAmount"));
    let of = if number.is_empty() { String::new() } else { format!(", instalment {number}") };
    Some(format!("{} {amount}{of}", text(message, "/payment/status")))
}

/// A text that fits its column and leaves a blank after it.
fn shortened(note: &str, width: usize) -> String {
    if note.chars().count() < width {
        return note.to_owned();
    }
    let begin: String = note.chars().take(width.saturating_sub(2)).collect();
    format!("{begin}…")
}

/// `18 × OFFERED, 2 × PROCESSING`.
fn counted<'a>(statuses: impl Iterator<Item = &'a str>) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for status in statuses {
        match counts.iter_mut().find(|(known, _)| *known == status) {
            Some((_, count)) => *count += 1,
            None => counts.push((status, 1)),
        }
    }
    let parts: Vec<String> = counts.iter().map(|(status, count)| format!("{count} × {status}")).collect();
    parts.join(", ")
}

/// An amount with the grouping that Indian readers expect: 12,34,567.89.
pub fn rupees(amount: &str) -> String {
    let (whole, rest) = amount.split_at(amount.find('.').unwrap_or(amount.len()));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().rev().enumerate() {
        if place >= 3 && place % 2 == 1 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let whole: String = grouped.chars().rev().collect();
    format!("₹{whole}{rest}")
}

/// One line on standard output. A reader that has gone away is no reason to stop.
pub fn say(line: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rupees_are_grouped_as_in_india() {
        let grouped = ["0.00", "999.50", "30000.00", "1234567.89"].map(rupees);
        assert_eq!(grouped, ["₹0.00", "₹999.50", "₹30,000.00", "₹12,34,567.89"]);
    }
}
