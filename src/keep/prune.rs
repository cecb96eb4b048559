//! Months of messages and attempts that the policy no longer keeps, and request ids of what ended long ago.

use chrono::{DateTime, Duration, Months, NaiveDate, Utc};
use sqlx::{Connection as _, PgConnection};

use super::Swept;
use super::record::{Act, record};
use crate::app::App;
use crate::store::audit::Actor;
use crate::store::partition::{ATTEMPT, Gone, MESSAGE, Partition, Timed};
use crate::store::{StoreError, erasure, partition, retention};

/// Blocks of 8 kB that one statement looks at.
const LOOK: i64 = 1_024;
/// Blocks of 8 kB from which one transaction deletes.
const STRETCH: i64 = 128;
/// Applications taken at a time.
const PAGE: i64 = 100;
/// Request ids forgotten in one transaction.
const FORGET: i64 = 500;
/// How often one sweep asks for a partition's lock, waiting a tenth of a second each time.
const DROP_TRIES: u32 = 5;

/// Deletes what the policy no longer keeps.
///
/// # Errors
/// When the database fails.
pub(super) async fn all(app: &App, conn: &mut PgConnection, swept: &mut Swept) -> Result<(), StoreError> {
    let policy = &app.config.retention;
    for (timed, days, member) in
        [(MESSAGE, policy.messages_days, "messagesDays"), (ATTEMPT, policy.attempts_days, "attemptsDays")]
    {
        if let Some(days) = days {
            let rule = Rule { before: app.clock.now() - Duration::days(days.into()), why: why(member, days) };
            months(app, conn, (timed, &rule), swept).await?;
        }
    }
    if let Some(days) = policy.request_ids_days {
        forget(app, conn, app.clock.today() - Duration::days(days.into()), swept).await?;
    }
    Ok(())
}

/// A rule as proofs name it.
pub(super) fn why(member: &str, days: u32) -> String {
    format!("retention.{member} = {days}")
}

/// What is older goes.
struct Rule {
    before: DateTime<Utc>,
    why: String,
}

async fn months(
    app: &App,
    conn: &mut PgConnection,
    (timed, rule): (Timed, &Rule),
    swept: &mut Swept,
) -> Result<(), StoreError> {
    for part in partition::all(conn).await?.iter().filter(|part| part.table == timed.table) {
        if app.stop.is_cancelled() {
            return Ok(());
        }
        let is_past = part.month.is_some_and(|month| is_over(month, rule.before));
        if is_past && !keeps_any(conn, (timed, part)).await? {
            drop_month(app, conn, (timed, part), rule, swept).await?;
        } else if is_past || part.month.is_none() {
            delete_rows(app, conn, (timed, part), rule, swept).await?;
        }
    }
    Ok(())
}

/// Whether a month ended before an instant, wherever on earth its days were counted.
fn is_over(month: NaiveDate, before: DateTime<Utc>) -> bool {
    let next = month.checked_add_months(Months::new(1)).unwrap_or(NaiveDate::MAX);
    next < before.date_naive()
}

/// Looks through a month, piece by piece; what is to be kept behind its back is noted from here on.
async fn keeps_any(conn: &mut PgConnection, (timed, part): (Timed, &Partition)) -> Result<bool, StoreError> {
    let mut tx = conn.begin().await?;
    retention::let_go(&mut tx).await?;
    retention::note_anew(&mut tx).await?;
    tx.commit().await?;
    let blocks = partition::blocks(conn, &part.name).await?;
    let mut from = 0;
    while from < blocks {
        if partition::keeps_any(conn, (timed, &part.name), (from, from + LOOK)).await? {
            return Ok(true);
        }
        from += LOOK;
    }
    Ok(false)
}

/// Nobody waits for the table for longer than a tenth of a second, and a month that is in use goes an hour later.
async fn drop_month(
    app: &App,
    conn: &mut PgConnection,
    (timed, part): (Timed, &Partition),
    rule: &Rule,
    swept: &mut Swept,
) -> Result<(), StoreError> {
    let gone = Gone { count: part.rows.max(0), digest: None };
    for _ in 0..DROP_TRIES {
        let mut tx = conn.begin().await?;
        match drop_unless_kept(&mut tx, (timed, part)).await {
            Ok(false) => {
                tx.rollback().await?;
                tracing::info!(partition = part.name, "a partition is kept: something in it is needed again");
                return Ok(());
            }
            Ok(true) => {
                erasure::prove(&mut tx, None, (&part.name, &rule.why), &gone, app.clock.now()).await?;
                record(
                    &mut tx,
                    &Actor::server(),
                    Act::PartitionDropped { name: &part.name, why: &rule.why },
                    app.clock.wall(),
                )
                .await?;
                tx.commit().await?;
                swept.dropped.push(part.name.clone());
                return Ok(());
            }
            Err(error) if error.is_transient() => tx.rollback().await?,
            Err(error) => return Err(error),
        }
    }
    tracing::warn!(partition = part.name, "a partition is in use and goes later");
    Ok(())
}

/// Drops a month that was looked through, unless something was kept after all since then; whether it is gone.
async fn drop_unless_kept(conn: &mut PgConnection, (timed, part): (Timed, &Partition)) -> Result<bool, StoreError> {
    partition::be_brief(conn).await?;
    retention::let_go(conn).await?;
    if partition::is_kept_again(conn, (timed, &part.name)).await? {
        return Ok(false);
    }
    partition::drop(conn, &part.name).await?;
    Ok(true)
}

async fn delete_rows(
    app: &App,
    conn: &mut PgConnection,
    (timed, part): (Timed, &Partition),
    rule: &Rule,
    swept: &mut Swept,
) -> Result<(), StoreError> {
    let blocks = partition::blocks(conn, &part.name).await?;
    let mut from = 0;
    while from < blocks && !app.stop.is_cancelled() {
        let mut tx = conn.begin().await?;
        retention::let_go(&mut tx).await?;
        let gone = partition::prune(&mut tx, (timed, &part.name), rule.before, (from, from + STRETCH)).await?;
        if gone.count > 0 {
            erasure::prove(&mut tx, None, (&part.name, &rule.why), &gone, app.clock.now()).await?;
        }
        tx.commit().await?;
        swept.pruned += gone.count;
        from += STRETCH;
    }
    Ok(())
}

/// Forgets request ids. What is repeated after this is a new request, which an application that has ended refuses.
async fn forget(app: &App, conn: &mut PgConnection, until: NaiveDate, swept: &mut Swept) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let page = retention::to_forget(conn, until, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(*last);
        for ended in &page {
            if app.stop.is_cancelled() {
                return Ok(());
            }
            let mut count = 0;
            loop {
                let mut tx = conn.begin().await?;
                retention::let_go(&mut tx).await?;
                let gone = retention::forget_requests(&mut tx, ended.application_id, until, FORGET).await?;
                tx.commit().await?;
                count += gone;
                if gone == 0 {
                    break;
                }
            }
            let mut tx = conn.begin().await?;
            retention::mark_forgotten(&mut tx, ended.application_id, app.clock.now()).await?;
            record(
                &mut tx,
                &Actor::server(),
                Act::RequestsForgotten { application: ended.application_id, count },
                app.clock.wall(),
            )
            .await?;
            tx.commit().await?;
            swept.forgotten += count;
        }
    }
}
