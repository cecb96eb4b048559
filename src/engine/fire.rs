//! Asks the lender's systems and rings timers: lease, call outside any transaction, apply in one.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration as Wait;

use chrono::{DateTime, Duration, Utc};
use sqlx::PgConnection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::called::Called;
use super::{later, outcome, stopped};
use crate::app::App;
use crate::app::lane::Handed;
use crate::domain::application::Application;
use crate::domain::application::ask::{Ask, NewAsk, Outcome};
use crate::domain::application::notice::NoticeKind;
use crate::domain::application::timer::NewTimer;
use crate::domain::ids::ApplicationId;
use crate::lender::gate::Pass;
use crate::lender::http::ADAPTER_ERROR;
use crate::lender::{Call, PortError};
use crate::seal::Sealer;
use crate::store::ask::{Detail, Leased, Settlement};
use crate::store::{StoreError, application, ask, loan};
use crate::telemetry::trace::Span;

/// Rows leased at a time; each is worked on by its own task.
const BATCH: usize = 32;
/// Tasks at a time in addition to the calls that adapters have a budget for, so that no slow port keeps the others
/// waiting.
const CONCURRENCY: usize = 32;
/// Most handed-over asks that are started at a time.
const HANDED: usize = 64;
/// How long a question waits for which its port had no room.
const HELD_FOR: Duration = Duration::milliseconds(250);
/// Longest that `Retry-After` keeps one question waiting.
const LONGEST_WAIT: Duration = Duration::hours(1);
/// How often the table is looked at when nobody wakes us.
const POLL: Wait = Wait::from_millis(500);
/// Tries of a question that moves no money before silence counts as its outcome (about a quarter of an hour).
const MAX_TRIES: i32 = 12;
/// How long an LSP, or a grant, waits at most to hear whether what the borrower gave still stands.
const LOOK_FOR: Duration = Duration::seconds(15);
/// Soonest that a pending question is asked again, whatever time was given for it.
const SHORTEST_POLL: Duration = Duration::milliseconds(200);
/// Latest.
const LONGEST_POLL: Duration = Duration::hours(6);
/// How long money is asked about of which nobody knows whether it moved, before an operator must look. It counts from the
/// first call, and anew when an operator has it asked again.
const UNKNOWN_FOR: Duration = Duration::hours(48);

/// Works until the app stops.
pub async fn run(app: Arc<App>) {
    let permits = app.asks.open(CONCURRENCY + app.ports.budget());
    tokio::join!(look(&app, &permits), take_over(&app));
}

/// Leases what is due, whoever made it: no more than there are places, or leases would run out in a queue of ours.
async fn look(app: &Arc<App>, permits: &Arc<Semaphore>) {
    while !app.stop.is_cancelled() {
        let Some(places) = free_places(permits).await else {
            return;
        };
        let most = i64::try_from(places.len()).unwrap_or(1);
        let leased = match lease(app, most).await {
            Ok(leased) => leased,
            Err(error) => {
                tracing::warn!(%error, "asks could not be leased");
                Vec::new()
            }
        };
        if leased.is_empty() {
            drop(places);
            app.wake.wait_for_asks(&app.stop, POLL).await;
            continue;
        }
        for (work, place) in leased.into_iter().zip(places) {
            start(app, Handed { work, place });
        }
    }
}

/// Waits for one place and takes those that are free beside it, up to a batch. `None` when there are none any more.
async fn free_places(permits: &Arc<Semaphore>) -> Option<Vec<OwnedSemaphorePermit>> {
    let mut places = vec![Arc::clone(permits).acquire_owned().await.ok()?];
    let free = std::iter::from_fn(|| Arc::clone(permits).try_acquire_owned().ok());
    places.extend(free.take(BATCH.saturating_sub(1)));
    Some(places)
}

/// Starts work on asks that transactions of this process have leased already (`begin`).
async fn take_over(app: &Arc<App>) {
    while let Some(handed) = app.asks.next(HANDED).await {
        for one in handed {
            start(app, one);
        }
    }
}

fn start(app: &Arc<App>, handed: Handed<Leased>) {
    let app_of_task = Arc::clone(app);
    app.tasks.spawn(async move {
        let Handed { work: leased, place } = handed;
        work(&app_of_task, leased).await;
        drop(place);
    });
}

/// Leases due rows. Calls that may move money are noted as `SENDING` in the same transaction.
async fn lease(app: &App, limit: i64) -> Result<Vec<Leased>, StoreError> {
    let now = app.clock.now();
    let mut tx = app.pool.begin().await?;
    let leased = ask::lease(&mut tx, &app.sealer, app.ids.uuid(), (limit, &app.ports.held()), now).await?;
    let leased = stopped::hold_payouts(app, &mut tx, leased, now).await?;
    let keys: Vec<String> = leased.iter().filter_map(bank_key).collect();
    if !keys.is_empty() {
        loan::mark_sending(&mut tx, &keys, now).await?;
    }
    tx.commit().await?;
    Ok(leased)
}

fn bank_key(leased: &Leased) -> Option<String> {
    match &leased.detail {
        Detail::Ask(NewAsk { ask: Ask::Pay(order), .. }) => Some(order.bank_key.clone()),
        Detail::Ask(_) | Detail::Timer(_) => None,
    }
}

async fn work(app: &App, leased: Leased) {
    let result = match &leased.detail {
        Detail::Timer(timer) => ring(app, &leased, timer).await,
        Detail::Ask(new) => ask_port(app, &leased, new).await,
    };
    if let Err(error) = result {
        // Nothing was applied; the expiring lease brings it back, here or on another replica.
        tracing::warn!(ask.id = %leased.id, ask.port = port(&leased), %error, "outcome not applied");
        retry_soon(app, &leased).await;
    }
    app.wake.notify_asks();
    app.wake.notify_callbacks();
}

fn port(leased: &Leased) -> &'static str {
    match &leased.detail {
        Detail::Ask(new) => new.ask.port(),
        Detail::Timer(_) => ask::TIMER,
    }
}

async fn ring(app: &App, leased: &Leased, timer: &NewTimer) -> Result<(), super::Refused> {
    outcome::ring(app, leased, timer).await?;
    app.metrics.rang();
    Ok(())
}

async fn ask_port(app: &App, leased: &Leased, new: &NewAsk) -> Result<(), super::Refused> {
    let now = app.clock.now();
    let Some(pass) = app.ports.enter(&new.ask) else {
        if is_looked_long_enough(leased, new, now) {
            return take(app, leased, new, silence(leased, new, None, now)).await;
        }
        let mut conn = app.pool.acquire().await?;
        ask::settle(&mut conn, leased, Settlement::PutBack(now + HELD_FOR), now).await?;
        return Ok(());
    };
    let (outcome, not_before) = match call(app, leased, new, pass).await? {
        Ok(outcome) => (Some(outcome), None),
        Err(error) => (None, asked_for(&error)),
    };
    let now = app.clock.now();
    let step = next_step(leased, new, outcome, now).not_before(not_before.map(|wait| now + wait));
    take(app, leased, new, step).await
}

/// Goes on with an ask as was decided.
pub(super) async fn take(app: &App, leased: &Leased, new: &NewAsk, step: Step) -> Result<(), super::Refused> {
    match step {
        Step::Apply(outcome, settlement) => outcome::apply(app, leased, new, &outcome, settlement).await,
        Step::Wait(settlement) => {
            let mut conn = app.pool.acquire().await?;
            wait(app, &mut conn, leased, settlement).await
        }
    }
}

/// Leaves an ask as it is, until later or until an operator has looked.
pub(super) async fn wait(
    app: &App,
    conn: &mut PgConnection,
    leased: &Leased,
    settlement: Settlement,
) -> Result<(), super::Refused> {
    if let Settlement::Stuck(reason) = settlement {
        tracing::error!(ask.id = %leased.id, ask.port = port(leased), reason, "an operator must look");
    }
    Ok(ask::settle(conn, leased, settlement, app.clock.now()).await?)
}

/// How long the other side wants to be left alone with this question, within bounds.
fn asked_for(error: &PortError) -> Option<Duration> {
    match error {
        PortError::Later { retry_after: Some(wait), .. } => {
            Some(Duration::from_std(*wait).map_or(LONGEST_WAIT, |wait| wait.min(LONGEST_WAIT)))
        }
        _ => None,
    }
}

/// Calls the port.
async fn call(
    app: &App,
    leased: &Leased,
    new: &NewAsk,
    pass: Pass,
) -> Result<Result<Outcome, PortError>, super::Refused> {
    let subjects = subjects(app, &mut *app.pool.acquire().await?, new).await?;
    let port = app.ports.of(&new.ask);
    let call = question(app, leased, new, &subjects);
    let called = Called::now(leased, &call);
    let silent = || PortError::Unreachable { port: new.ask.port(), detail: "no answer in time".to_owned() };
    let patience = app.ports.patience(&new.ask);
    let result = tokio::time::timeout(patience, port.call(call)).await.unwrap_or_else(|_| Err(silent()));
    called.note(app, &result);
    pass.note(&result);
    Ok(result)
}

/// Calls a port that keeps its memory in our own database, within a transaction; `None` when it does not answer.
///
/// # Errors
/// When the database fails; the caller rolls back.
pub(super) async fn call_here(
    app: &App,
    conn: &mut PgConnection,
    leased: &Leased,
    new: &NewAsk,
) -> Result<Option<Outcome>, super::Refused> {
    let subjects = subjects(app, conn, new).await?;
    let call = question(app, leased, new, &subjects);
    let called = Called::now(leased, &call);
    let result = app.ports.of(&new.ask).call_here(conn, call).await;
    called.note(app, &result);
    match result {
        Err(PortError::Storage { source, .. }) => Err(source.into()),
        result => Ok(result.ok()),
    }
}

fn question<'a>(app: &App, leased: &'a Leased, new: &'a NewAsk, subjects: &'a [Application]) -> Call<'a> {
    Call {
        key: key(leased, new),
        ask: &new.ask,
        subjects,
        otp: otp(&app.sealer, new),
        reference: leased.reference.as_deref(),
        callback_url: later::url(app, leased.id),
        status_only: leased.may_have_left || (new.ask.moves_money() && leased.reference.is_some()),
        now: app.clock.now(),
        today: app.clock.today(),
        span: Span::within(leased.trace, app.ids.uuid()),
    }
}

async fn subjects(app: &App, conn: &mut PgConnection, new: &NewAsk) -> Result<Vec<Application>, super::Refused> {
    let ids: Vec<ApplicationId> = new.targets.iter().map(|(id, _)| *id).collect();
    let read = application::read(conn, &app.sealer, &ids).await?;
    Ok(ids.iter().filter_map(|id| read.iter().find(|a| a.id == *id)).cloned().collect())
}

/// The idempotency key of a question, the same on every try. A payment has the key that was reserved for it, a message
/// to the borrower one that tells it from any other. When people have mended an adapter and ask again, the key gets a
/// suffix, so that the adapter does not give the mistaken answer that it kept.
fn key(leased: &Leased, new: &NewAsk) -> String {
    match (&new.ask, leased.renewed) {
        (Ask::Notify(notice), 0) => notice.key.clone(),
        (Ask::Notify(notice), renewed) => format!("{}.{renewed}", notice.key),
        (ask, renewed) => match ask.money_key() {
            Some(key) => key.to_owned(),
            None if renewed > 0 => format!("{}.{renewed}", leased.id),
            None => leased.id.to_string(),
        },
    }
}

fn otp(sealer: &Sealer, new: &NewAsk) -> Option<String> {
    match &new.ask {
        Ask::SendOtp { session_key, document_hashes, .. } => {
            Some(super::otp::digits(sealer, session_key, document_hashes))
        }
        _ => None,
    }
}

/// How an ask goes on after a call.
#[derive(Debug)]
pub(super) enum Step {
    /// The outcome counts.
    Apply(Outcome, Settlement),
    /// Not yet.
    Wait(Settlement),
}

impl Step {
    /// Asks no earlier than this again.
    fn not_before(self, at: Option<DateTime<Utc>>) -> Self {
        match (self, at) {
            (Self::Wait(Settlement::Again(due_at, reference)), Some(at)) => {
                Self::Wait(Settlement::Again(due_at.max(at), reference))
            }
            (step, _) => step,
        }
    }
}

/// What an outcome, or silence, means for an ask.
pub(super) fn next_step(leased: &Leased, new: &NewAsk, outcome: Option<Outcome>, now: DateTime<Utc>) -> Step {
    match outcome {
        Some(outcome @ Outcome::Done { .. }) => Step::Apply(outcome, Settlement::Closed("done")),
        Some(Outcome::Refused { code, detail }) if code == ADAPTER_ERROR => mistaken(leased, new, detail, now),
        Some(outcome @ Outcome::Refused { .. }) => Step::Apply(outcome, Settlement::Closed("refused")),
        Some(outcome @ Outcome::Pending { .. })
            if matches!(new.ask, Ask::ConsentStatus { .. } | Ask::MandateStatus { again: true, .. }) =>
        {
            Step::Apply(outcome, Settlement::Closed("pending"))
        }
        Some(Outcome::Pending { reference, poll_after, url }) => {
            let due_at = poll_after.clamp(now + soonest(leased, poll_after, now), now + LONGEST_POLL);
            let again = Settlement::Again(due_at, Some(reference.clone()));
            match new.ask {
                // The borrower's page must be shown while the check runs.
                Ask::Kyc => Step::Apply(Outcome::Pending { reference, poll_after, url }, again),
                _ => Step::Wait(again),
            }
        }
        Some(Outcome::Unknown { reference }) => silence(leased, new, reference, now),
        None => silence(leased, new, None, now),
    }
}

/// How soon a question may be asked again that is pending. A time that is past says nothing: the other clock is late, or
/// nobody set it; so the wait grows, or it would be asked without end.
fn soonest(leased: &Leased, poll_after: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    if poll_after > now { SHORTEST_POLL } else { backoff(leased.tries) }
}

/// Whether an LSP, or a grant, has waited long enough for a look at what the borrower gave before: its system may rest.
fn is_looked_long_enough(leased: &Leased, new: &NewAsk, now: DateTime<Utc>) -> bool {
    let is_look = match new.ask {
        Ask::MandateStatus { again, .. } => again,
        Ask::ConsentStatus { .. } => true,
        _ => false,
    };
    is_look && now - leased.created_at > LOOK_FOR
}

/// No answer, or none that says what happened: money is asked about until the bank knows, anything else is repeated.
fn silence(leased: &Leased, new: &NewAsk, reference: Option<String>, now: DateTime<Utc>) -> Step {
    let again = Settlement::Again(now + backoff(leased.tries), reference.clone());
    if new.ask.moves_money() {
        // Time in which it waited for a bank that nobody could ask is not the bank's.
        let stuck = leased.asked_since.is_some_and(|since| now - since > UNKNOWN_FOR);
        return Step::Wait(if stuck { Settlement::Stuck("the bank does not know") } else { again });
    }
    if leased.tries < MAX_TRIES && !is_looked_long_enough(leased, new, now) {
        return Step::Wait(again);
    }
    // An eligibility that nobody judges is left to a person. Whether a notice is still true after a while, a person sees.
    if is_for_a_person(&new.ask) {
        return Step::Wait(Settlement::Stuck("no answer"));
    }
    Step::Apply(Outcome::Unknown { reference }, Settlement::Closed("no answer"))
}

/// The adapter, not the system behind it, refused: a mistake that people mend. No borrower is declined for it. A decision
/// is left to a person; where the LSP can ask again it is told that the system is not available; anything else waits for
/// an operator.
fn mistaken(leased: &Leased, new: &NewAsk, detail: String, now: DateTime<Utc>) -> Step {
    match new.ask {
        Ask::Pay(_) | Ask::Refund(_) | Ask::Present(_) => silence(leased, new, None, now),
        Ask::Eligibility | Ask::Offers | Ask::FinalCheck => {
            let refused = Outcome::Refused { code: ADAPTER_ERROR.to_owned(), detail };
            Step::Apply(refused, Settlement::Closed("adapter error"))
        }
        _ if is_for_a_person(&new.ask) => Step::Wait(Settlement::Stuck(ask::MISTAKEN)),
        _ => Step::Apply(Outcome::Unknown { reference: None }, Settlement::Closed("adapter error")),
    }
}

/// What nobody else asks again: without an answer it waits for an operator.
fn is_for_a_person(ask: &Ask) -> bool {
    let is_undoing = matches!(ask, Ask::CancelMandate { .. } | Ask::ConsentRevoke { .. });
    is_undoing || matches!(ask, Ask::Kyc | Ask::MandateStatus { again: false, .. }) || is_of_the_loan(ask)
}

/// A notice about a running loan. Copies of signed documents are none: a payout waits for them, and is freed when they
/// cannot be sent.
fn is_of_the_loan(ask: &Ask) -> bool {
    matches!(ask, Ask::Notify(notice) if notice.kind != NoticeKind::SignedDocuments)
}

/// 0.5 s doubling to at most 5 minutes.
fn backoff(tries: i32) -> Duration {
    let doublings = u32::try_from(tries.clamp(1, 11)).unwrap_or(1) - 1;
    Duration::milliseconds((500_i64 << doublings).min(300_000))
}

pub(super) async fn retry_soon(app: &App, leased: &Leased) {
    let settle = async {
        let mut conn = app.pool.acquire().await?;
        let due_at = app.clock.now() + backoff(leased.tries);
        ask::settle(&mut conn, leased, Settlement::Again(due_at, None), app.clock.now()).await
    };
    if let Err(error) = settle.await {
        tracing::debug!(ask.id = %leased.id, %error, "lease left to expire");
    }
}
