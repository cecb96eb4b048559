//! Group commit of three kinds of statement: reading the application that a request names, filing a new one, and
//! changing one that nobody has locked. Each statement is a transaction of its own, so that what it writes is durable
//! before any ack of the group, exactly as if it had been written alone.

use std::sync::Arc;

use super::Refused;
use crate::app::App;
use crate::app::group::Queue;
use crate::app::kept::Kept;
use crate::store::StoreError;
use crate::store::seen::{self, Named, Seen};
use crate::store::write::{Change, Filing};

/// The queues, one for each kind of statement.
#[derive(Debug, Default)]
pub struct Groups {
    /// Applications to be read.
    named: Queue<Named, Option<Seen>>,
    /// New applications to be written.
    filings: Queue<Arc<Filing>, bool>,
    /// Changed applications to be written.
    changes: Queue<Arc<Change>, bool>,
}

/// Reads an application without locking it; none when the LSP does not have it.
///
/// # Errors
/// When the database fails.
pub(super) async fn read(app: &App, named: Named) -> Result<Option<Seen>, Refused> {
    if let Some(seen) = app.groups.named.join(named.clone()).await? {
        return Ok(seen);
    }
    let mut conn = app.acquire().await?;
    Ok(seen::read(&mut conn, &[named]).await?.pop().flatten())
}

/// Writes a filing together with others that wait. False, and nothing is written, when its key or its id was there
/// before.
///
/// # Errors
/// When the database fails.
pub(super) async fn file(app: &App, filing: Filing) -> Result<bool, Refused> {
    let filing = Arc::new(filing);
    if let Some(written) = app.groups.filings.join(Arc::clone(&filing)).await? {
        return Ok(written);
    }
    // Where a group was written without a word of it, this one's key tells.
    let mut conn = app.acquire().await?;
    Ok(Filing::write(&[&filing], &mut conn, app.clock.now()).await?)
}

/// Writes a change together with others that wait. False, and nothing is written, when its key was there before, or
/// somebody else holds or has changed the application or what its borrower counts.
///
/// # Errors
/// When the database fails.
pub(super) async fn change(app: &App, change: Change) -> Result<bool, Refused> {
    let change = Arc::new(change);
    if let Some(written) = app.groups.changes.join(Arc::clone(&change)).await? {
        return Ok(written);
    }
    let mut conn = app.acquire().await?;
    let written = Change::write(&[&change], &mut conn, app.clock.now()).await?;
    Ok(written == [true])
}

/// Works on groups until the app stops. Jobs that come later are done one by one.
pub async fn run(app: Arc<App>) {
    let (app, groups) = (&*app, &app.groups);
    let (for_named, for_filings, for_changes) = (Kept::default(), Kept::default(), Kept::default());
    tokio::join!(
        app.read_keys(),
        groups.named.run(&app.stop, |named| read_all(app, &for_named, named)),
        groups.filings.run(&app.stop, |filings| file_all(app, &for_filings, filings)),
        groups.changes.run(&app.stop, |changes| change_all(app, &for_changes, changes)),
    );
}

async fn read_all(app: &App, kept: &Kept, named: Vec<Named>) -> Result<Vec<Option<Option<Seen>>>, StoreError> {
    let mut conn = kept.take(app).await?;
    let seen = seen::read(&mut conn, &named).await?;
    kept.put(app, conn);
    Ok(seen.into_iter().map(Some).collect())
}

/// If one of a group had been filed before, the statement does not tell which; each is then filed again by itself.
async fn file_all(app: &App, kept: &Kept, filings: Vec<Arc<Filing>>) -> Result<Vec<Option<bool>>, StoreError> {
    let mut sorted: Vec<&Filing> = filings.iter().map(Arc::as_ref).collect();
    sorted.sort_by(|a, b| a.key().cmp(&b.key()));
    let mut conn = kept.take(app).await?;
    let written = Filing::write(&sorted, &mut conn, app.clock.now()).await?;
    kept.put(app, conn);
    let known = written || filings.len() == 1;
    Ok(filings.iter().map(|_| known.then_some(written)).collect())
}

async fn change_all(app: &App, kept: &Kept, changes: Vec<Arc<Change>>) -> Result<Vec<Option<bool>>, StoreError> {
    let changes: Vec<&Change> = changes.iter().map(Arc::as_ref).collect();
    let mut written = vec![None; changes.len()];
    let mut conn = kept.take(app).await?;
    for group in Change::apart(&changes) {
        let together: Vec<&Change> = group.iter().filter_map(|place| changes.get(*place).copied()).collect();
        let outcome = match Change::write(&together, &mut conn, app.clock.now()).await {
            Ok(outcome) => outcome,
            // What is not written here is written alone.
            Err(error) => {
                tracing::debug!(%error, "a group of changes is taken apart");
                return Ok(written);
            }
        };
        for (place, outcome) in group.into_iter().zip(outcome) {
            if let Some(written) = written.get_mut(place) {
                *written = Some(outcome);
            }
        }
    }
    kept.put(app, conn);
    Ok(written)
}
