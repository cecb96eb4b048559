//! Asks the lender's systems and rings timers: lease, call outside any transaction, apply in one.

use std::sync::Arc;
use std::time::Duration as Wait;

use chrono::{DateTime, Duration, Utc};

use super::outcome;
use crate::app::App;
use crate::domain::application::Application;
use crate::domain::application::ask::{Ask, NewAsk, NewTimer, Outcome};
use crate::domain::ids::ApplicationId;
use crate::lender::Call;
use crate::seal::Sealer;
use crate::store::ask::{Detail, Leased, Settlement};
use crate::store::{StoreError, application, ask, loan};

/// Rows leased at a time; each is worked on by its own task.
const BATCH: i64 = 32;
/// Tasks at a time.
const CONCURRENCY: usize = 32;
/// A port that takes longer is taken for dead; well inside the lease of 20 s.
const PORT_TIMEOUT: Wait = Wait::from_secs(12);
/// How often the table is looked at when nobody wakes us.
const POLL: Wait = Wait::from_millis(500);
/// Tries of a question that moves no money before its silence is the answer (about a quarter of an hour).
const MAX_TRIES: i32 = 12;
/// How long an unknown payout is asked about before an operator must look.
const UNKNOWN_FOR: Duration = Duration::hours(48);

/// Works until the app stops.
pub async fn run(app: Arc<App>) {
    let permits = Arc::new(tokio::sync::Semaphore::new(CONCURRENCY));
    while !app.stop.is_cancelled() {
        let leased = match lease(&app).await {
            Ok(leased) => leased,
            Err(error) => {
                tracing::warn!(%error, "asks could not be leased");
                Vec::new()
            }
        };
        if leased.is_empty() {
            app.wake.wait_for_asks(&app.stop, POLL).await;
            continue;
        }
        for row in leased {
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
                return;
            };
            let app_of_task = Arc::clone(&app);
            app.tasks.spawn(async move {
                work(&app_of_task, row).await;
                drop(permit);
            });
        }
    }
}

/// Leases due rows; what may move money is noted as leaving in the same transaction.
async fn lease(app: &App) -> Result<Vec<Leased>, StoreError> {
    let now = app.clock.now();
    let mut tx = app.pool.begin().await?;
    let leased = ask::lease(&mut tx, &app.sealer, app.ids.uuid(), BATCH, now).await?;
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
    outcome::ring(app, leased, timer).await
}

async fn ask_port(app: &App, leased: &Leased, new: &NewAsk) -> Result<(), super::Refused> {
    let outcome = call(app, leased, new).await?;
    let now = app.clock.now();
    match next_step(leased, new, outcome, now) {
        Step::Apply(outcome, settlement) => outcome::apply(app, leased, new, &outcome, settlement).await,
        Step::Wait(settlement) => {
            let mut conn = app.pool.acquire().await?;
            ask::settle(&mut conn, leased, settlement, now).await?;
            Ok(())
        }
    }
}

/// Calls the port; a transport failure or silence is `None`.
async fn call(app: &App, leased: &Leased, new: &NewAsk) -> Result<Option<Outcome>, super::Refused> {
    let subjects = subjects(app, new).await?;
    let port = app.ports.of(&new.ask);
    let call = port.call(Call {
        key: key(leased, new),
        ask: &new.ask,
        subjects: &subjects,
        otp: otp(&app.sealer, new),
        reference: leased.reference.as_deref(),
        status_only: leased.may_have_left || (new.ask.moves_money() && leased.reference.is_some()),
        now: app.clock.now(),
        today: app.clock.today(),
    });
    match tokio::time::timeout(PORT_TIMEOUT, call).await {
        Ok(Ok(outcome)) => Ok(Some(outcome)),
        Ok(Err(error)) => {
            tracing::warn!(ask.id = %leased.id, ask.port = new.ask.port(), ask.method = new.ask.method(), %error, "port failed");
            Ok(None)
        }
        Err(_) => {
            tracing::warn!(ask.id = %leased.id, ask.port = new.ask.port(), ask.method = new.ask.method(), "port timed out");
            Ok(None)
        }
    }
}

async fn subjects(app: &App, new: &NewAsk) -> Result<Vec<Application>, super::Refused> {
    let ids: Vec<ApplicationId> = new.targets.iter().map(|(id, _)| *id).collect();
    let mut conn = app.pool.acquire().await?;
    let read = application::read(&mut conn, &app.sealer, &ids).await?;
    Ok(ids.iter().filter_map(|id| read.iter().find(|a| a.id == *id)).cloned().collect())
}

/// The same question has the same key on every try; money has the key that the payout was reserved with, a message
/// the key that tells it from any other.
fn key(leased: &Leased, new: &NewAsk) -> String {
    match &new.ask {
        Ask::Notify(notice) => notice.key.clone(),
        ask => ask.money_key().map_or_else(|| leased.id.to_string(), str::to_owned),
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
enum Step {
    /// The outcome counts.
    Apply(Outcome, Settlement),
    /// Not yet.
    Wait(Settlement),
}

fn next_step(leased: &Leased, new: &NewAsk, outcome: Option<Outcome>, now: DateTime<Utc>) -> Step {
    match outcome {
        Some(outcome @ Outcome::Done { .. }) => Step::Apply(outcome, Settlement::Closed("done")),
        Some(outcome @ Outcome::Refused { .. }) => Step::Apply(outcome, Settlement::Closed("refused")),
        Some(outcome @ Outcome::Pending { .. }) if matches!(new.ask, Ask::ConsentStatus { .. }) => {
            Step::Apply(outcome, Settlement::Closed("pending"))
        }
        Some(Outcome::Pending { reference, poll_after, url }) => {
            let due_at = poll_after.clamp(now + Duration::milliseconds(200), now + Duration::hours(6));
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

/// No answer, or none that says what happened: money is asked about until the bank knows, anything else is repeated.
fn silence(leased: &Leased, new: &NewAsk, reference: Option<String>, now: DateTime<Utc>) -> Step {
    let again = Settlement::Again(now + backoff(leased.tries), reference.clone());
    if new.ask.moves_money() {
        let stuck = now - leased.created_at > UNKNOWN_FOR;
        return Step::Wait(if stuck { Settlement::Stuck("the bank does not know") } else { again });
    }
    if leased.tries < MAX_TRIES {
        return Step::Wait(again);
    }
    Step::Apply(Outcome::Unknown { reference }, Settlement::Closed("no answer"))
}

/// 0.5 s doubling to at most 5 minutes.
fn backoff(tries: i32) -> Duration {
    let doublings = u32::try_from(tries.clamp(1, 11)).unwrap_or(1) - 1;
    Duration::milliseconds((500_i64 << doublings).min(300_000))
}

async fn retry_soon(app: &App, leased: &Leased) {
    let settle = async {
        let mut conn = app.pool.acquire().await?;
        let due_at = app.clock.now() + backoff(leased.tries);
        ask::settle(&mut conn, leased, Settlement::Again(due_at, None), app.clock.now()).await
    };
    if let Err(error) = settle.await {
        tracing::debug!(ask.id = %leased.id, %error, "lease left to expire");
    }
}
