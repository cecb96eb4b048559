//! An LSP that takes loans through any running server, knowing nothing of it but the outside contract.
//!
//! It registers itself, listens for callbacks, walks the canonical order of `ocen-v3.md` §5.3 until the money is in
//! the borrower's account, lets a sandbox's clock run until it is repaid, and checks every ack and every callback on
//! the way. It is the demo, the load driver and the end-to-end test at once; a server that is killed meanwhile shows as
//! retries, not as failure.

mod admin;
mod args;
mod borrower;
mod envelope;
mod error;
mod flow;
mod inbox;
mod listener;
mod lsp;
mod messages;
mod operations;
mod outbound;
mod poller;
pub mod postman;
mod report;
pub mod scenario;
mod screen;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::JoinSet;

pub use args::{JourneyArgs, Until};
pub use error::JourneyError;
pub use report::{PaidLoan, Report};
pub use screen::describe;

use lsp::Lsp;
use screen::{Detail, Screen};

/// Runs the journeys that `args` ask for, and prints them.
///
/// # Errors
/// [`JourneyError`] of the first step that failed; with `--json` it was printed as part of the report too.
pub async fn run(args: JourneyArgs) -> Result<Report, JourneyError> {
    if let Some(scenarios) = &args.scenario {
        return Box::pin(scenario::run(&args, scenarios)).await;
    }
    go(&args, Then::Finish).await.map(|resident| resident.report)
}

/// An LSP whose loans are through and whose endpoint still answers.
#[derive(Debug)]
pub struct Resident {
    lsp: Arc<Lsp>,
    /// What its journeys came to.
    pub report: Report,
}

impl Resident {
    /// Its `metadata.orgId`.
    #[must_use]
    pub fn org_id(&self) -> &str {
        &self.lsp.courier.org_id
    }

    /// Where its endpoint is.
    #[must_use]
    pub fn callback_url(&self) -> &str {
        &self.lsp.callback_url
    }

    /// Stops answering.
    pub async fn close(self) {
        self.lsp.close().await;
    }
}

/// Runs the journeys that `args` ask for, prints them, and leaves the LSP's endpoint running.
///
/// # Errors
/// As [`run`].
pub async fn stay(args: &JourneyArgs) -> Result<Resident, JourneyError> {
    go(args, Then::Stay).await
}

/// What the LSP does when its loans are through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// Waits for what is still to be delivered, and stops listening.
    Finish,
    /// Goes on listening.
    Stay,
}

async fn go(args: &JourneyArgs, then: Then) -> Result<Resident, JourneyError> {
    let detail = match (args.json, args.loans) {
        (true, _) => Detail::Silent,
        (false, 1) => Detail::Arrows,
        (false, journeys) => Detail::Progress { loans: journeys.saturating_mul(args.count.into()) },
    };
    let screen = Arc::new(Screen::new(detail));
    let mut report = Report::default();
    let ended = drive(args, &screen, &mut report, then).await;
    report.ok = ended.is_ok();
    report.error = ended.as_ref().err().map(ToString::to_string);
    report.messages = screen.messages();
    let milliseconds = u64::try_from(screen.elapsed().as_millis()).unwrap_or(u64::MAX);
    report.seconds = Duration::from_millis(milliseconds).as_secs_f64();
    screen.summary(&report);
    ended.map(|lsp| Resident { lsp, report })
}

async fn drive(
    args: &JourneyArgs,
    screen: &Arc<Screen>,
    report: &mut Report,
    then: Then,
) -> Result<Arc<Lsp>, JourneyError> {
    screen.title("Registration");
    let lsp = Arc::new(Lsp::start(args, Arc::clone(screen)).await?);
    let ended = take_loans(args, &lsp, report).await;
    report.retries = lsp.courier.retries.load(Ordering::Relaxed);
    report.duplicates = lsp.courier.inbox.duplicates();
    match ended {
        Ok(()) if then == Then::Stay => Ok(lsp),
        Ok(()) => lsp.finish().await.map(|()| lsp),
        Err(error) => {
            lsp.close().await;
            Err(error)
        }
    }
}

async fn take_loans(args: &JourneyArgs, lsp: &Arc<Lsp>, report: &mut Report) -> Result<(), JourneyError> {
    flow::meta(lsp).await?;
    let sandbox = args.until == Until::Closed && lsp.admin.business_date().await.is_ok();
    let mut waiting = args.loans;
    let mut journeys = JoinSet::new();
    let mut open = Vec::new();
    loop {
        while waiting > 0 && journeys.len() < usize::from(args.concurrency) {
            waiting -= 1;
            let (lsp, args) = (Arc::clone(lsp), args.clone());
            journeys.spawn(async move { flow::journey(&lsp, &args, sandbox).await });
        }
        match journeys.join_next().await {
            None => break,
            // The others are cut off when the set is dropped: their outcome would change nothing.
            Some(ended) => {
                let paid = ended.map_err(|error| JourneyError::Task(error.to_string()))??;
                lsp.courier.screen.paid(paid.len());
                report.loans.extend(paid.iter().map(|application| application.paid().clone()));
                if args.until == Until::Closed {
                    open.extend(paid);
                }
            }
        }
    }
    if args.until == Until::Closed {
        flow::close(lsp, sandbox, &mut open).await?;
        report.loans = open.iter().map(|application| application.paid().clone()).collect();
    }
    Ok(())
}
