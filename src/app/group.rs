//! Group work: what comes in while others are at the database goes there together with all that has come in meanwhile. A
//! group grows by itself with the load, and nothing waits for it to grow.

use std::sync::{PoisonError, RwLock};

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::store::StoreError;

/// Jobs done together at most.
const LARGEST: usize = 64;

/// Where jobs queue for the next group; while nobody works on groups each is done alone.
#[derive(Debug)]
pub struct Queue<J, A> {
    line: RwLock<Option<mpsc::Sender<Waiting<J, A>>>>,
}

#[derive(Debug)]
struct Waiting<J, A> {
    job: J,
    outcome: oneshot::Sender<Outcome<A>>,
}

/// What became of a job in its group.
#[derive(Debug)]
enum Outcome<A> {
    Done(A),
    NoConnection,
}

impl<J, A> Default for Queue<J, A> {
    fn default() -> Self {
        Self { line: RwLock::new(None) }
    }
}

impl<J: Clone, A> Queue<J, A> {
    /// What came of a job in its group; none when nobody works on groups, or nothing came of it there. The caller then
    /// does it alone: an error of a group is an error of one of it.
    ///
    /// # Errors
    /// When there was no connection in time.
    pub async fn join(&self, job: J) -> Result<Option<A>, sqlx::Error> {
        let line = self.line.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(line) = line else { return Ok(None) };
        let (outcome, told) = oneshot::channel();
        if line.send(Waiting { job, outcome }).await.is_err() {
            return Ok(None);
        }
        match told.await {
            Ok(Outcome::Done(answer)) => Ok(Some(answer)),
            Ok(Outcome::NoConnection) => Err(sqlx::Error::PoolTimedOut),
            Err(_) => Ok(None),
        }
    }

    /// Works on groups until the token is cancelled. The work gives an answer for each of its jobs, in their order.
    pub async fn run<F>(&self, stop: &CancellationToken, work: impl Fn(Vec<J>) -> F)
    where
        F: Future<Output = Result<Vec<Option<A>>, StoreError>>,
    {
        let (line, mut waiting) = mpsc::channel(LARGEST);
        self.open(Some(line));
        loop {
            let mut group = Vec::new();
            tokio::select! {
                () = stop.cancelled() => break,
                _ = waiting.recv_many(&mut group, LARGEST) => {}
            }
            let answers = work(group.iter().map(|waiting| waiting.job.clone()).collect()).await;
            tell(group, answers);
        }
        self.open(None);
    }

    fn open(&self, line: Option<mpsc::Sender<Waiting<J, A>>>) {
        *self.line.write().unwrap_or_else(PoisonError::into_inner) = line;
    }
}

/// Whoever has gone away is told nothing; whoever is told nothing does it alone.
fn tell<J, A>(group: Vec<Waiting<J, A>>, answers: Result<Vec<Option<A>>, StoreError>) {
    match answers {
        Ok(answers) => {
            for (waiting, answer) in group.into_iter().zip(answers) {
                if let Some(answer) = answer {
                    let _ = waiting.outcome.send(Outcome::Done(answer));
                }
            }
        }
        Err(StoreError::Database(sqlx::Error::PoolTimedOut)) => {
            for waiting in group {
                let _ = waiting.outcome.send(Outcome::NoConnection);
            }
        }
        Err(_) => {}
    }
}
