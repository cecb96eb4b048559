//! Feeds the book to the lender's general ledger, and compares the two once a day. No loan ever waits for either: the
//! journals stand in the database, and a crash only sends again what was not noted as taken.

mod aside;

use std::fmt::Write as _;
use std::time::{Duration as Wait, Instant};

use aws_lc_rs::digest::{Context, SHA256};
use chrono::{DateTime, Duration, Utc};

use super::Refused;
use super::{called, compare};
use crate::app::{App, SharedApp};
use crate::config::LedgerConfig;
use crate::domain::calendar::business_date;
use crate::domain::maths::money::Paise;
use crate::domain::personal::scrubbed;
use crate::lender::PortError;
use crate::lender::ledger::{Batch, Entry, FeedJournal, LEDGER, Ledger, LedgerError, Side};
use crate::store::StoreError;
use crate::store::ledger::{self as feed, Lease, Pending, Worker};

/// How often the outbox is looked at.
const POLL: Wait = Wait::from_secs(1);
/// After a batch: what is posted meanwhile goes as one.
const PAUSE: Wait = Wait::from_secs(5);
/// How long after it was prolonged a lease of 30 s is still enough for a batch.
const FRESH: Wait = Wait::from_secs(15);
/// An answer that takes longer is none; well inside the lease of 30 s.
pub(super) const TIMEOUT: Wait = Wait::from_secs(12);
/// Longest wait after a failure.
const LONGEST_WAIT: Duration = Duration::minutes(5);

/// Why a worker's turn ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum TurnError {
    /// The other side: tried again later.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Our side, or the lease was lost.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A mistake of ours.
    #[error("{0}")]
    Internal(&'static str),
}

impl From<sqlx::Error> for TurnError {
    fn from(error: sqlx::Error) -> Self {
        StoreError::Database(error).into()
    }
}

/// Works until the app stops.
pub async fn run(app: SharedApp) {
    let mut feeder = Feeder::default();
    while !app.stop.is_cancelled() {
        let fed = feeder.look(&app).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the general ledger is fed later");
            false
        });
        tokio::select! {
            () = app.stop.cancelled() => {}
            () = tokio::time::sleep(if fed { PAUSE } else { POLL }) => {}
        }
    }
    if let Err(error) = feeder.give_back(&app).await {
        tracing::debug!(%error, "the lease of the general ledger's feed runs out");
    }
}

/// One look: sends what waits, then compares what is due.
///
/// # Errors
/// When the database fails. What the general ledger does not take is noted and tried again.
pub async fn turn(app: &App) -> Result<(), Refused> {
    let mut feeder = Feeder::default();
    let looked = feeder.look(app).await;
    feeder.give_back(app).await?;
    looked.map(|_| ())
}

/// Sends journals, and keeps its lease from one batch to the next: they come close on each other.
#[derive(Default)]
struct Feeder {
    /// The lease, and when it was last prolonged.
    held: Option<(Lease, Instant)>,
}

impl Feeder {
    /// Whether anything was sent.
    async fn look(&mut self, app: &App) -> Result<bool, Refused> {
        let pending = feed::is_pending(&mut *app.pool.acquire().await?, app.clock.now()).await?;
        let fed = pending && self.feed(app).await?;
        // While the sandbox moves the clock, only the last of the days that go by is compared, and that afterwards.
        if app.ports.ledger().is_some() && app.clock.is_at_rest() && compare::is_due(app).await? {
            compare_book(app).await?;
        }
        Ok(fed)
    }

    async fn feed(&mut self, app: &App) -> Result<bool, Refused> {
        let Some(lease) = self.lease(app).await? else { return Ok(false) };
        match send_all(app, lease).await {
            Ok(()) => {
                self.held = Some((Lease { failures: 0, ..lease }, Instant::now()));
                Ok(true)
            }
            Err(error) => give_up(app, lease, error).await.map(|()| false),
        }
    }

    /// The lease: the one that is held while it lasts for another batch, prolonged where it does not.
    async fn lease(&mut self, app: &App) -> Result<Option<Lease>, Refused> {
        let mut conn = app.pool.acquire().await?;
        if let Some((lease, since)) = self.held.take() {
            if since.elapsed() < FRESH {
                return Ok(Some(lease));
            }
            match feed::hold(&mut conn, lease).await {
                Ok(()) => return Ok(Some(lease)),
                // Another replica has it by now.
                Err(StoreError::Stale { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(feed::lease(&mut conn, Worker::Journal, app.ids.uuid(), app.clock.now()).await?)
    }

    async fn give_back(&mut self, app: &App) -> Result<(), Refused> {
        if let Some((lease, _)) = self.held.take() {
            feed::give_back(&mut *app.pool.acquire().await?, lease).await?;
        }
        Ok(())
    }
}

async fn compare_book(app: &App) -> Result<(), Refused> {
    let now = app.clock.now();
    let lease = feed::lease(&mut *app.pool.acquire().await?, Worker::Compare, app.ids.uuid(), now).await?;
    let Some(lease) = lease else { return Ok(()) };
    match compare::run(app, lease).await {
        Ok(()) => Ok(feed::give_back(&mut *app.pool.acquire().await?, lease).await?),
        Err(error) => give_up(app, lease, error).await,
    }
}

/// A turn ended early: the lease is free, for a later try where the other side failed.
async fn give_up(app: &App, lease: Lease, error: TurnError) -> Result<(), Refused> {
    let mut conn = app.pool.acquire().await?;
    match error {
        TurnError::Ledger(error) => {
            let now = app.clock.now();
            let retry_at = next_try(&error, lease.failures, now);
            let error = said(&error);
            tracing::warn!(worker = ?lease.worker, error, %retry_at, "the general ledger did not answer as it should");
            Ok(feed::fail(&mut conn, lease, (&error, retry_at), now).await?)
        }
        error => {
            feed::give_back(&mut conn, lease).await?;
            Err(match error {
                TurnError::Store(error) => error.into(),
                other => Refused::Internal(other.to_string()),
            })
        }
    }
}

/// What the other side said, for the log and for people: its words may hold numbers of people.
fn said(error: &LedgerError) -> String {
    scrubbed(&error.to_string())
}

/// 1 s doubling to at most 5 minutes; when the other side names a time, that, within the same bounds.
fn next_try(error: &LedgerError, failures: i32, now: DateTime<Utc>) -> DateTime<Utc> {
    match error {
        LedgerError::Later(at) => (*at).clamp(now + Duration::seconds(1), now + LONGEST_WAIT),
        LedgerError::Refused { .. } | LedgerError::Port(_) => {
            let doublings = u32::try_from(failures.clamp(0, 9)).unwrap_or(0);
            now + Duration::seconds(1_i64 << doublings).min(LONGEST_WAIT)
        }
    }
}

/// Sends batch after batch until nothing waits.
async fn send_all(app: &App, lease: Lease) -> Result<(), TurnError> {
    match app.ports.ledger() {
        Some(ledger) => aside::retry(app, (ledger, lease)).await?,
        None => aside::end(app, lease, None).await?,
    }
    while !app.stop.is_cancelled() {
        let mut conn = app.pool.acquire().await?;
        let pending = feed::pending(&mut conn, None, app.config.ledger.batch).await?;
        drop(conn);
        if pending.is_empty() {
            break;
        }
        match app.ports.ledger() {
            Some(ledger) => send_batch(app, (ledger, lease), &pending).await?,
            None => taken(app, lease, &pending).await?,
        }
    }
    Ok(())
}

/// Sends a batch. One that is refused is taken apart: a journal that is not taken must not keep other loans waiting.
async fn send_batch(app: &App, to: (&dyn Ledger, Lease), pending: &[Pending]) -> Result<(), TurnError> {
    let (ledger, lease) = to;
    match send(app, ledger, pending, &batch_key(pending, lease.failures)).await {
        Ok(()) => taken(app, lease, pending).await,
        Err(TurnError::Ledger(error)) if aside::is_worth_it(&error, pending) => {
            aside::take_apart(app, to, pending, error).await
        }
        Err(error) => Err(error),
    }
}

async fn send(app: &App, ledger: &dyn Ledger, pending: &[Pending], key: &str) -> Result<(), TurnError> {
    let journals: Vec<FeedJournal> = pending.iter().map(|journal| shown(&app.config.ledger, journal)).collect();
    let (now, today) = (app.clock.now(), app.clock.today());
    within_time(app, "journal", ledger.journal(Batch { key, journals: &journals, now, today })).await
}

/// Notes what the general ledger has.
async fn taken(app: &App, lease: Lease, pending: &[Pending]) -> Result<(), TurnError> {
    let numbers: Vec<i64> = pending.iter().map(|journal| journal.number).collect();
    let mut tx = app.pool.begin().await?;
    feed::taken(&mut tx, lease, &numbers, app.clock.now()).await?;
    tx.commit().await?;
    Ok(())
}

/// Lets the other side have so much time and no more.
pub(super) async fn within_time<T>(
    app: &App,
    method: &'static str,
    call: impl Future<Output = Result<T, LedgerError>>,
) -> Result<T, TurnError> {
    let begun = Instant::now();
    let late = || LedgerError::Port(PortError::Unreachable { port: LEDGER, detail: "no answer in time".to_owned() });
    let answer = tokio::time::timeout(TIMEOUT, call).await.unwrap_or_else(|_| Err(late()));
    called::note_ledger(app, method, answer.as_ref().err(), begun.elapsed());
    Ok(answer?)
}

fn shown(config: &LedgerConfig, pending: &Pending) -> FeedJournal {
    let entries = pending.postings.iter().map(|posting| Entry {
        account: config.accounts.code(posting.account).to_owned(),
        book_account: posting.account,
        side: if posting.amount.is_positive() { Side::Debit } else { Side::Credit },
        amount: Paise(posting.amount.0.saturating_abs()),
    });
    FeedJournal {
        key: pending.journal_id,
        number: pending.number,
        loan_id: pending.loan_id.0.clone(),
        kind: pending.kind.name().to_owned(),
        narration: pending.kind.narration().to_owned(),
        reference: pending.reference.clone(),
        value_date: pending.value_date,
        booking_date: business_date(pending.posted_at),
        entries: entries.collect(),
    }
}

/// The idempotency key of a batch. It is the same for the same journals, whoever sends them, until the batch is
/// refused: a refusal that the other side keeps under its key must not stay its answer. What keeps a journal from being
/// posted twice is the journal's own key.
fn batch_key(pending: &[Pending], failures: i32) -> String {
    let mut context = Context::new(&SHA256);
    for journal in pending {
        context.update(journal.journal_id.as_bytes());
    }
    let digest = context.finish();
    let mut key = String::from("journals-");
    for byte in digest.as_ref().iter().take(16) {
        // Writing to a string cannot fail.
        let _ = write!(key, "{byte:02x}");
    }
    let _ = write!(key, ".{failures}");
    key
}
