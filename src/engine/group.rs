//! Group commit: new applications that come in while others are being written are written together, by one statement
//! that is one transaction. Each is durable before its ack, as if it had been alone; the group grows by itself with
//! the load, and nothing waits for it to grow.

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::{mpsc, oneshot};

use super::Refused;
use crate::app::App;
use crate::store::StoreError;
use crate::store::write::Filing;

/// Filings written together at most.
const LARGEST: usize = 64;

/// Where filings queue for the next group; without a writer each goes alone.
#[derive(Debug, Default)]
pub struct Queue {
    writer: RwLock<Option<mpsc::Sender<Waiting>>>,
}

#[derive(Debug)]
struct Waiting {
    filing: Arc<Filing>,
    outcome: oneshot::Sender<Outcome>,
}

/// What became of a filing in its group.
#[derive(Debug)]
enum Outcome {
    /// Written.
    Filed,
    /// It was alone, and its key or its id was there before.
    Known,
    /// There is no connection in time.
    NoConnection,
    /// Something was wrong with the group: each of it is tried again by itself.
    Again,
}

impl Queue {
    fn writer(&self) -> Option<mpsc::Sender<Waiting>> {
        self.writer.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn open(&self, writer: Option<mpsc::Sender<Waiting>>) {
        *self.writer.write().unwrap_or_else(PoisonError::into_inner) = writer;
    }
}

/// Writes a filing together with others that wait. False, and nothing is written, when its key or its id was there
/// before.
///
/// # Errors
/// When the database fails.
pub(super) async fn write(app: &App, filing: Filing) -> Result<bool, Refused> {
    let filing = Arc::new(filing);
    if let Some(writer) = app.filings.writer() {
        let (outcome, told) = oneshot::channel();
        let waiting = Waiting { filing: Arc::clone(&filing), outcome };
        if writer.send(waiting).await.is_ok() {
            match told.await {
                Ok(Outcome::Filed) => return Ok(true),
                Ok(Outcome::Known) => return Ok(false),
                Ok(Outcome::NoConnection) => return Err(sqlx::Error::PoolTimedOut.into()),
                Ok(Outcome::Again) | Err(_) => {}
            }
        }
    }
    // Where a group was written without a word of it, this one's key tells.
    Ok(together(app, &[&filing]).await?)
}

/// Writes the groups, until the app stops. What comes later goes alone.
pub async fn run(app: Arc<App>) {
    let (writer, mut queue) = mpsc::channel(LARGEST);
    app.filings.open(Some(writer));
    loop {
        let mut group = Vec::new();
        tokio::select! {
            () = app.stop.cancelled() => break,
            _ = queue.recv_many(&mut group, LARGEST) => {}
        }
        write_group(&app, group).await;
    }
    app.filings.open(None);
}

async fn write_group(app: &App, mut group: Vec<Waiting>) {
    group.sort_by(|a, b| a.filing.key().cmp(&b.filing.key()));
    let filings: Vec<&Filing> = group.iter().map(|waiting| waiting.filing.as_ref()).collect();
    let written = together(app, &filings).await;
    let alone = group.len() == 1;
    for waiting in group {
        let outcome = match &written {
            Ok(true) => Outcome::Filed,
            Ok(false) if alone => Outcome::Known,
            Err(StoreError::Database(sqlx::Error::PoolTimedOut)) => Outcome::NoConnection,
            Ok(false) | Err(_) => Outcome::Again,
        };
        // Whoever has gone away sends the request again and finds it.
        let _ = waiting.outcome.send(outcome);
    }
}

async fn together(app: &App, filings: &[&Filing]) -> Result<bool, StoreError> {
    let mut conn = app.acquire().await?;
    Filing::write(filings, &mut conn, app.clock.now()).await
}
