//! Erases the personal data of applications whose retention has ended.
//!
//! First the documents, in one transaction under the application's lock, then messages, answers and callbacks in small
//! batches. What several applications share goes with the last of them.

use chrono::Duration;
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use super::Swept;
use super::prune::why;
use super::record::{Act, record};
use super::redact;
use crate::app::App;
use crate::domain::application::Application;
use crate::domain::application::erase::ERASED;
use crate::domain::ids::ApplicationId;
use crate::engine::borrower_index;
use crate::store::audit::Actor;
use crate::store::dispute::Disputes;
use crate::store::partition::Gone;
use crate::store::retention::{Class, Ended};
use crate::store::{StoreError, application, dispute, erasure, loan, operator_act, referral, retention};

/// Applications taken at a time.
const PAGE: i64 = 100;
/// Values overwritten in one transaction.
const BATCH: i64 = 200;
/// Most disputes of a loan that are opened.
const DISPUTES: i64 = 10_000;

/// Erases everything that is due.
///
/// # Errors
/// When the database fails.
pub(super) async fn all(app: &App, conn: &mut PgConnection, swept: &mut Swept) -> Result<(), StoreError> {
    let policy = &app.config.retention;
    for (class, days, member) in
        [(Class::Refused, policy.refused_days, "refusedDays"), (Class::Closed, policy.closed_days, "closedDays")]
    {
        let Some(days) = days else { continue };
        let why = why(member, days);
        let until = app.clock.today() - Duration::days(days.into());
        let mut after: Option<Ended> = None;
        loop {
            let page = retention::to_erase(conn, class, until, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(*last);
            for ended in &page {
                if app.stop.is_cancelled() {
                    return Ok(());
                }
                match one(app, conn, ended.application_id, &why).await {
                    Ok(done) => swept.erased += u64::from(done),
                    // One that cannot be erased must not keep the others.
                    Err(error) => tracing::error!(application = %ended.application_id, %error, "not erased yet"),
                }
            }
        }
    }
    Ok(())
}

/// Erases one application; whether everything of it is gone.
async fn one(app: &App, conn: &mut PgConnection, id: Uuid, why: &str) -> Result<bool, StoreError> {
    if !documents(app, conn, id, why).await? {
        return Ok(false);
    }
    messages(app, conn, id, why).await?;
    let mut tx = conn.begin().await?;
    if erasure::has_pending(&mut tx, id).await? || retention::lock(&mut tx, id).await?.is_none() {
        return Ok(false);
    }
    retention::mark(&mut tx, id, app.clock.now(), true).await?;
    record(&mut tx, &Actor::server(), Act::Erased { application: id, why }, app.clock.wall()).await?;
    tx.commit().await?;
    Ok(true)
}

/// Takes personal data out of the application, its loan, disputes, acts and questions; whether that is done.
async fn documents(app: &App, conn: &mut PgConnection, id: Uuid, why: &str) -> Result<bool, StoreError> {
    let now = app.clock.now();
    let mut tx = conn.begin().await?;
    let locked = application::lock(&mut tx, &app.sealer, &[ApplicationId(id)]).await?.pop();
    let (Some(locked), Some(begun)) = (locked, retention::lock(&mut tx, id).await?) else {
        return Ok(false);
    };
    if begun {
        return Ok(true);
    }
    let gone = erasure::documents(&mut tx, id).await?;
    let mut erased: Application = locked.application;
    let echo = redact::echo(&erased.form.echo);
    erased.erase(now, echo);
    let nobody = borrower_index(app, &erased.form.borrower);
    erasure::keeping(&mut tx).await?;
    referral::redact(&mut tx, &app.sealer, id, ERASED).await?;
    erasure::put_application(&mut tx, &app.sealer, &erased, &nobody).await?;
    if let Some(found) = loan::lock(&mut tx, &app.sealer, ApplicationId(id)).await? {
        let mut loan = found.loan;
        loan.erase();
        erasure::put_loan(&mut tx, &app.sealer, &loan, &nobody, now).await?;
        let of_loan = Disputes { loan: Some(&loan.id), ..Disputes::default() };
        for mut raised in dispute::list(&mut tx, &app.sealer, of_loan, DISPUTES).await? {
            raised.erase();
            dispute::save(&mut tx, &app.sealer, &raised, now).await?;
        }
        operator_act::redact(&mut tx, &app.sealer, &loan.id, ERASED).await?;
    }
    erasure::erase_asks(&mut tx, id, now).await?;
    retention::mark(&mut tx, id, now, false).await?;
    application::add_events(&mut tx, &[(ApplicationId(id), format!("personal data erased: {why}"))], now).await?;
    erasure::prove(&mut tx, Some(id), ("APPLICATION", why), &gone, now).await?;
    tx.commit().await?;
    Ok(true)
}

/// Overwrites what was said about the application, in batches.
async fn messages(app: &App, conn: &mut PgConnection, id: Uuid, why: &str) -> Result<(), StoreError> {
    for what in ["MESSAGE", "ANSWER", "CALLBACK"] {
        loop {
            let now = app.clock.now();
            let mut tx = conn.begin().await?;
            if retention::lock(&mut tx, id).await?.is_none() {
                // A hold came in between.
                return Ok(());
            }
            let gone: Gone = match what {
                "MESSAGE" => erasure::erase_messages(&mut tx, id, BATCH, now).await?,
                "ANSWER" => erasure::erase_answers(&mut tx, id, BATCH, now).await?,
                _ => erasure::erase_callbacks(&mut tx, id, BATCH, now).await?,
            };
            if gone.count == 0 {
                break;
            }
            erasure::prove(&mut tx, Some(id), (what, why), &gone, now).await?;
            tx.commit().await?;
        }
    }
    Ok(())
}
