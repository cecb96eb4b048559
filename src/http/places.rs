//! Places for the connections of one listener, and who gives up his when all are taken.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

/// How long until it is looked again who could leave, where nobody could.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// How long a connection is let wait for its client in any case, in µs: a new one has to come to send its request.
const GRACE: u64 = 250_000;
/// In place of the time since when a connection waits for its client: it has a request that is being answered.
const BUSY: u64 = u64::MAX;
/// The same: it has been asked to leave.
const LEAVING: u64 = u64::MAX - 1;

/// All places of a listener. When somebody comes and none is free, a connection that waits for its client gives up its
/// own. It is one of the neighbourhood that holds most, and there the one that waited longest, so
/// that who opens many connections shuts himself out and nobody else.
pub(super) struct Places {
    free: Arc<Semaphore>,
    taken: Mutex<HashMap<u64, Arc<Seat>>>,
    next: AtomicU64,
    began: Instant,
}

/// One connection's place; free again when dropped.
pub(super) struct Place {
    /// What its requests tell of themselves.
    pub(super) seat: Arc<Seat>,
    number: u64,
    places: Arc<Places>,
    _permit: OwnedSemaphorePermit,
}

/// Where a connection is with its requests.
pub(super) struct Seat {
    /// Whose it is; a trusted proxy's is nobody's, because it brings many.
    whose: Option<IpAddr>,
    /// Since when it waits for the rest of a request, in µs since the listener began, or [`BUSY`], or [`LEAVING`].
    waits: AtomicU64,
    began: Instant,
    /// A request's head has come.
    spoke: Notify,
    leave: Notify,
}

impl Places {
    pub(super) fn new(places: usize) -> Arc<Self> {
        Arc::new(Self {
            free: Arc::new(Semaphore::new(places)),
            taken: Mutex::default(),
            next: AtomicU64::new(0),
            began: Instant::now(),
        })
    }

    /// Waits for a free place, for which somebody else may have to leave.
    pub(super) async fn free(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
            return Some(permit);
        }
        loop {
            self.ask_to_leave(micros(self.began).saturating_sub(GRACE));
            if let Ok(permit) = timeout(LOOK_AGAIN, Arc::clone(&self.free).acquire_owned()).await {
                return permit.ok();
            }
        }
    }

    /// Gives a free place to a connection of somebody's.
    pub(super) fn take(self: &Arc<Self>, permit: OwnedSemaphorePermit, whose: Option<IpAddr>) -> Place {
        let seat = Arc::new(Seat {
            whose,
            waits: AtomicU64::new(0),
            began: self.began,
            spoke: Notify::new(),
            leave: Notify::new(),
        });
        seat.wait();
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.taken().insert(number, Arc::clone(&seat));
        Place { seat, number, places: Arc::clone(self), _permit: permit }
    }

    /// Asks one that has waited since before then.
    fn ask_to_leave(&self, before: u64) {
        let taken = self.taken();
        let mut held: HashMap<Option<IpAddr>, usize> = HashMap::new();
        for seat in taken.values() {
            *held.entry(seat.whose).or_default() += 1;
        }
        let waiting = taken.iter().filter_map(|(number, seat)| Some((seat, (seat.waits_since()?, *number))));
        let crowd = |seat: &Seat| (seat.whose.is_some(), held.get(&seat.whose).copied());
        // Who comes in crowds all the time is young all the time: nobody else leaves in his place.
        let longest = waiting.max_by_key(|(seat, since)| (crowd(seat), Reverse(*since)));
        if let Some((seat, (since, _))) = longest.filter(|(_, (since, _))| *since < before) {
            seat.ask(since);
        }
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<u64, Arc<Seat>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken().remove(&self.number);
    }
}

impl Seat {
    /// Ends when the connection is to be closed: its place is needed, or its first request did not come in time.
    pub(super) async fn unwanted(&self, first_request: Duration) -> &'static str {
        let silent = async {
            if timeout(first_request, self.spoke.notified()).await.is_ok() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = self.leave.notified() => "others need its place",
            () = silent => "its first request did not come in time",
        }
    }

    /// A request's head has come; its body may be to come yet.
    pub(super) fn spoke(&self) {
        self.spoke.notify_one();
    }

    fn waits_since(&self) -> Option<u64> {
        Some(self.waits.load(Ordering::Relaxed)).filter(|since| *since < LEAVING)
    }

    /// Asks it to leave, unless it has come on since.
    fn ask(&self, since: u64) {
        if self.waits.compare_exchange(since, LEAVING, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.leave.notify_one();
        }
    }

    fn wait(&self) {
        self.waits.store(micros(self.began), Ordering::Relaxed);
    }

    fn work(&self) {
        self.waits.store(BUSY, Ordering::Relaxed);
    }
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(LEAVING - 1)
}

/// A request's body on its way in. Once it is there, or nobody wants it any more, the connection waits for us.
pub(super) struct Coming<B> {
    body: B,
    seat: Arc<Seat>,
}

impl<B: Body> Coming<B> {
    pub(super) fn new(body: B, seat: Arc<Seat>) -> Self {
        if body.is_end_stream() {
            seat.work();
        }
        Self { body, seat }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Coming<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if matches!(frame, Poll::Ready(None)) || self.body.is_end_stream() {
            self.seat.work();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for Coming<B> {
    fn drop(&mut self) {
        self.seat.work();
    }
}

/// An answer on its way out. Behind it the connection waits for its client again.
pub(super) struct Going<B> {
    body: B,
    seat: Arc<Seat>,
}

impl<B> Going<B> {
    pub(super) fn new(body: B, seat: Arc<Seat>) -> Self {
        Self { body, seat }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Going<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for Going<B> {
    fn drop(&mut self) {
        self.seat.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A listener's places with one connection each of these, in this order.
    async fn taken(places: usize, by: &[Option<u8>]) -> (Arc<Places>, Vec<Place>) {
        let all = Places::new(places);
        let mut seated = Vec::new();
        for (since, whose) in (0..).zip(by) {
            let permit = all.free().await.unwrap();
            let place = all.take(permit, whose.map(|last| IpAddr::from([192, 0, 2, last])));
            place.seat.waits.store(since, Ordering::Relaxed);
            seated.push(place);
        }
        (all, seated)
    }

    /// Which one is asked to leave.
    fn asked(all: &Places, seated: &[Place]) -> Option<usize> {
        all.ask_to_leave(10);
        let leaving = |place: &Place| place.seat.waits.load(Ordering::Relaxed) == LEAVING;
        let found = seated.iter().position(leaving);
        if let Some(found) = found {
            seated[found].seat.work();
        }
        found
    }

    #[tokio::test]
    async fn who_holds_most_leaves_and_the_longest_silence_first() {
        let (all, seated) = taken(6, &[Some(1), Some(2), Some(2), Some(1), Some(2), Some(3)]).await;
        let order: Vec<_> = (0..7).map(|_| asked(&all, &seated)).collect();
        assert_eq!(order, [Some(1), Some(2), Some(4), Some(0), Some(3), Some(5), None]);
    }

    #[tokio::test]
    async fn who_has_just_come_is_let_speak_first() {
        let (all, seated) = taken(2, &[Some(1), Some(2)]).await;
        seated[0].seat.waits.store(10, Ordering::Relaxed);
        assert_eq!(asked(&all, &seated), Some(1));
        assert_eq!(asked(&all, &seated), None);
    }

    #[tokio::test]
    async fn a_trusted_proxy_leaves_last() {
        let (all, seated) = taken(4, &[None, None, None, Some(1)]).await;
        assert_eq!(asked(&all, &seated), Some(3));
        assert_eq!(asked(&all, &seated), Some(0));
    }

    #[tokio::test]
    async fn a_connection_that_is_being_answered_stays() {
        let (all, seated) = taken(2, &[Some(1), Some(1)]).await;
        drop(Coming::new(http_body_util::Empty::<Bytes>::new(), Arc::clone(&seated[0].seat)));
        assert_eq!(asked(&all, &seated), Some(1));
        assert_eq!(asked(&all, &seated), None);
        drop(Going::new(http_body_util::Empty::<Bytes>::new(), Arc::clone(&seated[0].seat)));
        all.ask_to_leave(BUSY);
        assert_eq!(seated[0].seat.waits.load(Ordering::Relaxed), LEAVING, "it waits for its client again");
    }

    #[tokio::test]
    async fn a_place_is_free_again_when_its_connection_has_ended() {
        let (all, mut seated) = taken(1, &[Some(1)]).await;
        let leaving = seated.pop().unwrap();
        let (permit, ()) = tokio::join!(all.free(), async move {
            assert_eq!(leaving.seat.unwanted(Duration::from_mins(1)).await, "others need its place");
            drop(leaving);
        });
        assert!(permit.is_some() && all.taken().is_empty());
    }
}
