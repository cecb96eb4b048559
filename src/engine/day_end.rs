//! The day-end: sweeps the loans on which something happens by itself, each in a transaction of its own.
//!
//! It only sweeps: what happens is the function that every command applies first. A loan is taken by its lock, so
//! replicas share the work, and what a crash cut off is found again by the loan's next event.

use std::sync::Arc;
use std::time::Duration;

use chrono::{FixedOffset, NaiveTime};

use super::facts::Gathered;
use super::{Refused, save};
use crate::app::{App, SharedApp};
use crate::domain::application::decide;
use crate::domain::application::decision::Facts;
use crate::domain::loan::account::Position;
use crate::store::{StoreError, application, day_end};

/// How often the table is looked at.
const POLL: Duration = Duration::from_secs(20);
/// Loans at a time.
const CONCURRENCY: usize = 4;
/// Indian standard time, in seconds east.
const IST: i32 = 19_800;
/// A day's end, in the lender's time: what is unpaid then is classified for the day.
const CUT_OFF: Option<NaiveTime> = NaiveTime::from_hms_opt(23, 30, 0);

/// Sweeps until the app stops.
pub async fn run(app: SharedApp) {
    while !app.stop.is_cancelled() {
        {
            // Not while the sandbox moves the clock: it runs each day's end itself.
            let _turn = app.clock.turn().await;
            if let Err(error) = sweep(&app, position(&app)).await {
                tracing::warn!(%error, "the day-end goes on later");
            }
        }
        tokio::select! {
            () = app.stop.cancelled() => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

/// Where the business day stands by the clock.
fn position(app: &App) -> Position {
    let today = app.clock.today();
    let time = FixedOffset::east_opt(IST).map(|ist| app.clock.now().with_timezone(&ist).time());
    if time >= CUT_OFF { Position::closed(today) } else { Position::open(today) }
}

/// Brings every loan to a position; gives how many had something to happen.
///
/// # Errors
/// When the database fails; loans that were done stay done.
pub async fn sweep(app: &SharedApp, to: Position) -> Result<usize, Refused> {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..CONCURRENCY {
        let app = Arc::clone(app);
        tasks.spawn(async move {
            let mut done = 0_usize;
            while !app.stop.is_cancelled() && one(&app, to).await? {
                done = done.saturating_add(1);
            }
            Ok::<usize, Refused>(done)
        });
    }
    let mut done = 0_usize;
    while let Some(joined) = tasks.join_next().await {
        match joined {
            Ok(result) => done = done.saturating_add(result?),
            Err(error) => return Err(Refused::Internal(error.to_string())),
        }
    }
    if done > 0 {
        app.wake.notify_asks();
        app.wake.notify_callbacks();
    }
    Ok(done)
}

/// The next loan on which something happens; whether there was one.
async fn one(app: &App, to: Position) -> Result<bool, Refused> {
    let mut tx = app.pool.begin().await?;
    let Some(id) = day_end::next_loan(&mut tx, to).await? else {
        return Ok(false);
    };
    let locked = application::lock(&mut tx, &app.sealer, &[id]).await?;
    let Some(found) = locked.first() else {
        return Err(StoreError::Stale { table: "application" }.into());
    };
    let gathered = Gathered::for_loan(app, &mut tx, &found.application).await?;
    let facts = gathered.facts(app, None);
    let facts = Facts { today: facts.today.max(to.day), ..facts };
    let decided = decide::advance(found.application.clone(), to, &facts);
    let before = save::Before { applications: &locked, loan: gathered.loan.as_ref() };
    save::decision(app, &mut tx, before, decided, save::Cause::Background(None)).await?;
    tx.commit().await?;
    Ok(true)
}
