//! The contract suite behind `port-test`: asks a lender's adapter everything that the server would ask, and some things
//! that it never would, and says what keeps the protocol. For a lender's test environment: it asks for payments and
//! debits of one rupee, marked `PORT-TEST`.

mod book;
mod caller;
mod checks;
pub mod later;
pub(super) mod sample;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use self::caller::Caller;
use self::checks::Suite;
use self::later::Later;
use self::sample::Samples;
use super::http;
use crate::clock::{Clock, Ids};
use crate::config::AdapterConfig;
use crate::tls::TlsError;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// The protocol is kept.
    Pass,
    /// It is not.
    Fail,
    /// It could not be tried: what comes before it failed.
    Skip,
}

/// One check.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// Names it: port, method and what is checked, parted by dots.
    pub id: String,
    /// What the protocol demands.
    pub what: &'static str,
    /// How it ended.
    pub verdict: Verdict,
    /// What came.
    pub detail: String,
    /// How long the answer took, milliseconds.
    pub millis: u64,
}

/// What came of a run.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Whether no check failed.
    pub ok: bool,
    /// The run's mark in every id that it used.
    pub run: String,
    /// How many passed.
    pub passed: usize,
    /// How many failed.
    pub failed: usize,
    /// How many could not be tried.
    pub skipped: usize,
    /// Each of them.
    pub checks: Vec<Check>,
}

/// How a run goes about it.
pub struct Manner {
    /// How long a pending outcome may take to its end.
    pub patience: Duration,
    /// Where later answers may be posted; without it adapters are asked for them only.
    pub later: Option<Arc<Later>>,
}

/// Tests the adapters of some ports; `told` hears of each check as it ends.
///
/// # Errors
/// When the HTTP client cannot be made, or an adapter's certificates not read.
pub async fn run(
    adapters: &[(&'static str, AdapterConfig)],
    manner: &Manner,
    clock: &Clock,
    mut told: impl FnMut(&Check),
) -> Result<Report, TlsError> {
    let run = Ids.uuid().simple().to_string();
    let mut report = Report { run: run.clone(), ..Report::default() };
    for (port, adapter) in adapters {
        let samples = Samples { run: run.clone(), now: clock.now(), today: clock.today() };
        let caller = Caller::new(http::client(&adapter.tls)?, adapter, (clock.clone(), manner.later.clone()));
        let mut suite = Suite::new(port, samples, caller, manner.patience);
        suite.run().await;
        for check in suite.into_checks() {
            told(&check);
            match check.verdict {
                Verdict::Pass => report.passed += 1,
                Verdict::Fail => report.failed += 1,
                Verdict::Skip => report.skipped += 1,
            }
            report.checks.push(check);
        }
    }
    report.ok = report.failed == 0;
    Ok(report)
}
