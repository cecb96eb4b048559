//! What people, or scripts, see of each callback.

use std::env;
use std::fmt;
use std::io::{self, IsTerminal as _, Write};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Local, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::Tally;
use super::args::ListenArgs;
use super::check::Checked;
use crate::journey::describe;

/// Columns of a message's name: the longest, `TriggerDisbursementStatusResponse`, and a blank.
const NAME_WIDTH: usize = 34;
/// Columns of a requestId.
const ID_WIDTH: usize = 28;
/// Columns of what a message says.
const NOTE_WIDTH: usize = 34;

const DIM: &str = "2";
const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";
const MAGENTA: &str = "35";

/// A callback with all that is known of it.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    pub(super) now: DateTime<Utc>,
    pub(super) path: &'a str,
    /// The bytes as they came.
    pub(super) raw: &'a [u8],
    pub(super) checked: &'a Checked,
    pub(super) answered: &'a Answered,
    /// It came before.
    pub(super) repeated: bool,
}

/// What the lender was told.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) status: u16,
    /// `error` of the ack; `None` when there is no ack.
    pub(super) error: Option<String>,
    /// How long the endpoint behind us took, milliseconds.
    pub(super) took_ms: Option<u64>,
    /// Why that endpoint did not answer.
    pub(super) trouble: Option<String>,
}

impl Answered {
    fn accepted(&self) -> bool {
        (200..300).contains(&self.status) && self.error.as_deref() == Some("0")
    }
}

/// Where it is written to.
pub struct Screen {
    json: bool,
    verbose: bool,
    colour: bool,
    out: Mutex<Out>,
}

struct Out {
    to: Box<dyn Write + Send>,
    tally: Tally,
}

impl fmt::Debug for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Screen").field("json", &self.json).field("verbose", &self.verbose).finish_non_exhaustive()
    }
}

impl Screen {
    /// Standard output, in colours when it is a terminal and `NO_COLOR` is unset or empty (no-color.org).
    #[must_use]
    pub fn terminal(args: &ListenArgs) -> Self {
        let colour = io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { colour, ..Self::to(args, Box::new(io::stdout())) }
    }

    /// Anywhere else, without colours.
    #[must_use]
    pub fn to(args: &ListenArgs, to: Box<dyn Write + Send>) -> Self {
        let out = Mutex::new(Out { to, tally: Tally::default() });
        Self { json: args.json, verbose: args.verbose, colour: false, out }
    }

    /// We listen.
    pub(super) fn begins(&self, own: &str) {
        if !self.json {
            self.say(&format!("Listening for callbacks at {own}; Ctrl-C ends it"));
        }
    }

    /// Something that is no callback; in JSON nothing.
    pub(super) fn aside(&self, what: &str) {
        if !self.json {
            self.say(&self.paint(DIM, &format!("· {what}")));
        }
    }

    /// A callback came.
    pub(super) fn callback(&self, seen: &Seen<'_>) {
        let text = if self.json { as_json(seen).to_string() } else { self.for_people(seen) };
        {
            let mut out = self.out();
            out.tally.callbacks += 1;
            out.tally.refused += u64::from(seen.checked.fault.is_some());
        }
        self.say(&text);
    }

    /// We are done.
    pub(super) fn ends(&self) -> Tally {
        let tally = self.out().tally;
        self.aside(&format!("{} callbacks, {} of them not to be accepted", tally.callbacks, tally.refused));
        tally
    }

    fn for_people(&self, seen: &Seen<'_>) -> String {
        let Checked { message, signed_with, kid, fault } = seen.checked;
        let text = |pointer| message.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let time = seen.now.with_timezone(&Local).format("%H:%M:%S");
        let says = match (message.is_null(), seen.repeated) {
            (true, _) => String::new(),
            (false, true) => format!("again: {}", describe(message)),
            (false, false) => describe(message),
        };
        let verdict = match (fault, signed_with) {
            (Some(fault), _) => self.paint(RED, &format!("✗ {}", fault.why)),
            (None, Some(_)) => self.paint(GREEN, &format!("✓ {}", kid.as_deref().unwrap_or_default())),
            (None, None) => self.paint(YELLOW, "not signed"),
        };
        let mut lines = vec![format!(
            "{} {} {:<NAME_WIDTH$}{:<ID_WIDTH$}{:<NOTE_WIDTH$}{}  {verdict}",
            self.paint(DIM, &time.to_string()),
            self.paint(MAGENTA, "←"),
            shortened(name(seen.path), NAME_WIDTH),
            shortened(text("/requestId"), ID_WIDTH),
            shortened(&says, NOTE_WIDTH),
            self.answer(seen.answered),
        )];
        if fault.is_some() && seen.answered.accepted() {
            lines.push(self.paint(RED, "         the endpoint accepted what it must refuse"));
        }
        if self.verbose && !message.is_null() {
            lines.push(format!("{message:#}"));
        }
        lines.join("\n")
    }

    fn answer(&self, answered: &Answered) -> String {
        let took = answered.took_ms.map(|ms| format!(" in {ms} ms")).unwrap_or_default();
        let words = match (&answered.trouble, &answered.error) {
            (Some(trouble), _) => format!("→ {} ({trouble})", answered.status),
            (None, Some(error)) => format!("→ {} ack {error}{took}", answered.status),
            (None, None) => format!("→ {} without an ack{took}", answered.status),
        };
        self.paint(if answered.accepted() { DIM } else { YELLOW }, &words)
    }

    fn paint(&self, colour: &str, what: &str) -> String {
        if self.colour { format!("\u{1b}[{colour}m{what}\u{1b}[0m") } else { what.to_owned() }
    }

    /// A reader that has gone away is no reason to stop.
    fn say(&self, text: &str) {
        let mut out = self.out();
        let _ = writeln!(out.to, "{text}").and_then(|()| out.to.flush());
    }

    fn out(&self) -> std::sync::MutexGuard<'_, Out> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn as_json(seen: &Seen<'_>) -> Value {
    let Checked { message, signed_with, kid, fault } = seen.checked;
    json!({
        "receivedAt": seen.now.to_rfc3339_opts(SecondsFormat::Millis, true),
        "path": seen.path,
        "message": name(seen.path),
        "requestId": message.pointer("/requestId"),
        "traceId": message.pointer("/metadata/traceId"),
        "says": if message.is_null() { String::new() } else { describe(message) },
        "signed": signed_with.is_some(),
        "verified": signed_with.is_some() && fault.is_none(),
        "kid": kid,
        "fault": fault.as_ref().map(|fault| json!({"code": fault.code, "detail": fault.why})),
        "repeated": seen.repeated,
        "answer": {
            "status": seen.answered.status,
            "error": seen.answered.error,
            "tookMs": seen.answered.took_ms,
            "trouble": seen.answered.trouble,
        },
        "body": message,
        "raw": String::from_utf8_lossy(seen.raw),
    })
}

/// `/v3/offer/setOfferResponse` is `setOfferResponse`.
fn name(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or(path)
}

/// A text that fits its column and leaves a blank after it; nothing in it moves the cursor.
fn shortened(text: &str, width: usize) -> String {
    let printable: String = text.chars().filter(|c| !c.is_control()).collect();
    if printable.chars().count() < width {
        return printable;
    }
    let begin: String = printable.chars().take(width.saturating_sub(2)).collect();
    format!("{begin}…")
}
