//! The load driver: requests that were signed beforehand, sent over kept connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::Outcome;
use crate::messages::Shot;
use crate::sink::Sink;
use crate::wire::Wire;

/// How long an answer or a callback may take before the run is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// What came of a run.
#[derive(Debug, Default)]
pub struct Run {
    /// Requests accepted.
    pub accepted: usize,
    /// From the first request to the last answer, seconds.
    pub seconds: f64,
    /// Milliseconds from when each request was due to its answer, sorted.
    pub latencies: Vec<f64>,
}

impl Run {
    /// Requests a second.
    pub fn rate(&self) -> f64 {
        self.accepted as f64 / self.seconds.max(f64::EPSILON)
    }

    /// A quantile of the latencies, milliseconds.
    pub fn quantile(&self, part: f64) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place within the list")]
        let place = (part * last as f64).round() as usize;
        self.latencies.get(place).copied().unwrap_or_default()
    }
}

/// When requests are sent.
#[derive(Clone, Copy)]
pub enum Pace {
    /// The next one when the last one is answered: saturation, so that latency is queueing.
    Closed,
    /// So many a second whatever becomes of them; a late answer does not keep the next request back, as long as there
    /// are connections.
    Open(f64),
    /// The next one when the callback of the last one has come.
    Pairs,
}

/// What the connections of one run share.
struct Shared {
    address: String,
    shots: Vec<Shot>,
    next: AtomicUsize,
    begun: Instant,
    span: Duration,
    pace: Pace,
    /// One permit for each request that is due, where there is a timetable.
    due: Semaphore,
    sink: Arc<Sink>,
}

impl Shared {
    /// When a request is due, where that does not depend on the answers.
    fn due(&self, number: usize) -> Option<Instant> {
        match self.pace {
            Pace::Open(rate) => Some(self.begun + Duration::from_secs_f64(number as f64 / rate)),
            Pace::Closed | Pace::Pairs => None,
        }
    }

    /// Keeps the timetable. A thread sleeps to some tens of microseconds, a timer of the runtime to a millisecond, which
    /// would be counted as the server's.
    #[expect(clippy::disallowed_methods, reason = "on a thread of its own, which blocks nobody")]
    fn keep_time(&self) {
        for due in (0..self.shots.len()).map_while(|number| self.due(number)) {
            if due >= self.begun + self.span {
                break;
            }
            thread::sleep(due.saturating_duration_since(Instant::now()));
            self.due.add_permits(1);
        }
    }
}

/// Sends requests over so many connections until the time is over or there are no more.
pub async fn run(
    address: &str,
    shots: Vec<Shot>,
    (connections, span, pace): (usize, Duration, Pace),
    sink: &Arc<Sink>,
) -> Outcome<Run> {
    let mut wires = Vec::new();
    for _ in 0..connections {
        wires.push(Wire::connect(address).await?);
    }
    let shared = Arc::new(Shared {
        address: address.to_owned(),
        shots,
        next: AtomicUsize::new(0),
        begun: Instant::now(),
        span,
        pace,
        due: Semaphore::new(0),
        sink: Arc::clone(sink),
    });
    let timetable = Arc::clone(&shared);
    let time = thread::spawn(move || timetable.keep_time());
    let running: Vec<_> = wires.into_iter().map(|wire| tokio::spawn(connection(wire, Arc::clone(&shared)))).collect();
    let mut run = Run::default();
    for one in running {
        run.latencies.extend(one.await??);
    }
    time.join().map_err(|_| "the timetable was not kept")?;
    run.seconds = shared.begun.elapsed().as_secs_f64();
    run.accepted = run.latencies.len();
    run.latencies.sort_unstable_by(f64::total_cmp);
    Ok(run)
}

async fn connection(mut wire: Wire, shared: Arc<Shared>) -> Outcome<Vec<f64>> {
    let mut latencies = Vec::new();
    loop {
        let number = shared.next.fetch_add(1, Ordering::Relaxed);
        let timetable = shared.due(number);
        let due = timetable.unwrap_or_else(Instant::now);
        let Some(shot) = shared.shots.get(number).filter(|_| due < shared.begun + shared.span) else {
            return Ok(latencies);
        };
        if timetable.is_some() {
            shared.due.acquire().await?.forget();
        }
        let answered = matches!(shared.pace, Pace::Pairs).then(|| shared.sink.expect(&shot.request_id));
        timeout(PATIENCE, post(&mut wire, shot, &shared.address)).await??;
        if let Some(answered) = answered {
            timeout(PATIENCE, answered).await.map_err(|_| "a callback did not come")??;
        }
        latencies.push(due.elapsed().as_secs_f64() * 1_000.0);
    }
}

async fn post(wire: &mut Wire, shot: &Shot, address: &str) -> Outcome<()> {
    wire.send(&shot.bytes).await?;
    let answer = wire.read().await?.ok_or("the server hung up")?;
    if answer.second_word() == "200" {
        return Ok(());
    }
    let said = String::from_utf8_lossy(answer.body);
    Err(format!("{address} answered {}: {said}", answer.head.lines().next().unwrap_or_default()).into())
}
