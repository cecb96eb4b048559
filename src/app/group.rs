//! Group commit. While one statement is running, further jobs queue; when it returns, up to 64 of them are sent as one
//! statement. Under low load every group has one job, so nothing is delayed.

use std::sync::{PoisonError, RwLock};

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::store::StoreError;

/// Jobs done together at most.
const LARGEST: usize = 64;

/// A queue of jobs for the next group. While no worker runs ([`Queue::run`]), every caller does its own job.
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
    /// Hands a job to the next group and waits for its result. `None` means that no group has done it: no worker runs,
    /// or the group failed. The caller then does the job itself, because the error of a group may stem from any one of
    /// its jobs.
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

    /// Works on groups until the token is cancelled. `work` gives one answer for each job of a group, in the same
    /// order.
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

/// Sends each caller its answer. A caller that gets none does its job itself; one that has gone away is passed over.
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
