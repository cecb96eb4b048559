//! Journeys under scenario codes (`lending.md` §4.3): each code is put into the borrower's data, and how the journey
//! ends is compared with what the code is to force.

mod codes;

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use serde_json::Value;

pub use self::codes::{CODES, Code, Ends, find};
use super::Then;
use super::admin::Admin;
use super::args::{JourneyArgs, Until};
use super::error::JourneyError;
use super::report::Report;
use super::screen::{Detail, Screen};

/// Most codes of one journey: the PAN takes one, the phone another, the account one of 07xx.
const MOST: usize = 3;

/// What `--scenario` says.
#[derive(Debug, Clone)]
pub enum Scenarios {
    /// Every code, each in a journey of its own.
    All,
    /// These, in one journey.
    These(Vec<&'static Code>),
}

/// Reads `all`, or codes parted by commas.
///
/// # Errors
/// In words, for what is no code, or too many.
pub fn parse(text: &str) -> Result<Scenarios, String> {
    if text == "all" {
        return Ok(Scenarios::All);
    }
    let codes: Vec<&'static Code> = text
        .split(',')
        .map(|code| find(code.trim()).ok_or_else(|| format!("{code} is no code")))
        .collect::<Result<_, _>>()?;
    let of_payout = codes.iter().filter(|code| code.is_of_payout()).count();
    if of_payout > 1 || codes.len() - of_payout > MOST - 1 {
        return Err("at most two codes, and one of 07xx".to_owned());
    }
    Ok(Scenarios::These(codes))
}

/// How one journey under codes went.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The codes, parted by commas.
    pub codes: String,
    /// What they force.
    pub forces: String,
    /// Whether it did.
    pub ok: bool,
    /// How the journey ended.
    pub came: String,
    /// Seconds.
    pub seconds: f64,
}

/// Runs the journeys that `--scenario` asks for.
///
/// # Errors
/// [`JourneyError::Scenario`] when one did not end as its code says.
pub async fn run(args: &JourneyArgs, scenarios: &Scenarios) -> Result<Report, JourneyError> {
    let single = matches!(scenarios, Scenarios::These(_));
    let journeys: Vec<Vec<&'static Code>> = match scenarios {
        Scenarios::These(codes) => vec![codes.clone()],
        Scenarios::All => CODES.iter().map(|code| vec![code]).collect(),
    };
    let mut report = Report { ok: true, ..Report::default() };
    let began = Instant::now();
    for codes in journeys {
        let (outcome, sub) = one(args, &codes, single).await;
        report.ok &= outcome.ok;
        report.messages += sub.messages;
        report.retries += sub.retries;
        report.duplicates += sub.duplicates;
        report.loans.extend(sub.loans);
        if !args.json {
            show(&outcome);
        }
        report.scenarios.push(outcome);
    }
    let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    report.seconds = std::time::Duration::from_millis(milliseconds).as_secs_f64();
    let bad: Vec<&str> = report.scenarios.iter().filter(|o| !o.ok).map(|o| o.codes.as_str()).collect();
    let failed = (!bad.is_empty()).then(|| JourneyError::Scenario(bad.join(" ")));
    report.error = failed.as_ref().map(ToString::to_string);
    if args.json {
        super::screen::say(&serde_json::to_string(&report).unwrap_or_default());
    }
    failed.map_or(Ok(report), Err)
}

async fn one(args: &JourneyArgs, codes: &[&'static Code], arrows: bool) -> (Outcome, Report) {
    let began = Instant::now();
    // The first code that ends the journey early decides how it ends.
    let code = codes.iter().copied().find(|code| !matches!(code.ends, Ends::Closed)).or_else(|| codes.first().copied());
    let mut args = args.clone();
    args.codes = codes.iter().map(|code| code.code).collect();
    (args.count, args.loans, args.concurrency) = (1, 1, 1);
    if let Some(patience) = code.and_then(|code| code.patience) {
        args.patience = args.patience.min(patience);
    }
    if matches!(code.map(|code| code.ends), Some(Ends::After { .. })) {
        args.until = Until::PaidOut;
    }
    let detail = if arrows && !args.json { Detail::Arrows } else { Detail::Silent };
    let screen = Arc::new(Screen::new(detail));
    let mut report = Report::default();
    let ended = Box::pin(super::drive(&args, &screen, &mut report, Then::Finish)).await.map(|_| ());
    report.messages = screen.messages();
    let (ok, came) = match (code.map(|code| code.ends), ended) {
        (Some(ends), ended) => judge(&args, ends, ended, &report).await,
        (None, _) => (false, "no code".to_owned()),
    };
    let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let joined = |of: fn(&Code) -> &'static str| codes.iter().map(|code| of(code)).collect::<Vec<_>>();
    let outcome = Outcome {
        codes: joined(|code| code.code).join(","),
        forces: joined(|code| code.forces).join("; "),
        ok,
        came,
        seconds: std::time::Duration::from_millis(milliseconds).as_secs_f64(),
    };
    (outcome, report)
}

/// Compares how a journey ended with how it was to end.
async fn judge(args: &JourneyArgs, ends: Ends, ended: Result<(), JourneyError>, report: &Report) -> (bool, String) {
    let came = match &ended {
        Ok(()) => told(report),
        Err(error) => error.to_string(),
    };
    match (ends, ended) {
        (Ends::Closed, Ok(())) => (report.loans.iter().all(|loan| loan.status == "COMPLETED"), came),
        (Ends::Sanctioned(amount), Ok(())) => (report.loans.iter().all(|loan| loan.sanctioned == amount), came),
        (Ends::Repeated, Ok(())) => (report.duplicates > 0, came),
        (Ends::Retried, Ok(())) => (report.retries > 0, came),
        (Ends::At(step, word), Err(JourneyError::Step { step: at, came: what, .. })) => {
            (at == step && what.contains(word), came)
        }
        (Ends::Refused(word), Err(JourneyError::Callback(what))) => (what.contains(word), came),
        (Ends::After { clock, pointer, is }, Ok(())) => match afterwards(args, report, clock, pointer).await {
            Ok(found) => (is(&found), format!("paid out; then {pointer} {}", short(&found))),
            Err(why) => (false, why),
        },
        _ => (false, came),
    }
}

fn told(report: &Report) -> String {
    let loans = report.loans.iter().map(|loan| format!("{} of ₹{} {}", loan.loan_id, loan.sanctioned, loan.status));
    loans.collect::<Vec<_>>().join(", ")
}

/// Moves the clock, then looks at the loan.
async fn afterwards(args: &JourneyArgs, report: &Report, moves: &[&str], pointer: &str) -> Result<Value, String> {
    let loan_id = report.loans.first().map(|loan| loan.loan_id.as_str()).ok_or("no loan was paid out")?;
    let admin = Admin::of(args)?;
    for body in moves {
        let body: Value = serde_json::from_str(&body.replace("LOAN", loan_id)).map_err(|error| error.to_string())?;
        admin.turn_clock(body).await?;
    }
    let loan = admin.loan(loan_id).await?;
    Ok(loan.pointer(pointer).cloned().unwrap_or_default())
}

fn short(value: &Value) -> String {
    value.to_string().chars().take(60).collect()
}

fn show(outcome: &Outcome) {
    let mark = if outcome.ok { "ok " } else { "BAD" };
    let line =
        format!("{mark} {:<10} {:<52} {:>6.1} s  {}", outcome.codes, outcome.forces, outcome.seconds, outcome.came);
    super::screen::say(&line);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_with_their_places() {
        assert!(matches!(parse("all"), Ok(Scenarios::All)));
        assert!(matches!(parse("0101, 0702"), Ok(Scenarios::These(codes)) if codes.len() == 2));
        for wrong in ["", "0199", "0701,0702", "0101,0202,0303"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
