//! Hands work that a transaction has already leased to a worker of the same process, which saves the worker a leasing
//! transaction of its own. Work that nobody picks up becomes free when its lease expires.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

/// A worker's room, and what it is handed.
pub struct Lane<T> {
    /// None while no worker runs in this process.
    places: AtomicUsize,
    stop: CancellationToken,
    room: Arc<Semaphore>,
    sender: mpsc::UnboundedSender<Handed<T>>,
    receiver: Mutex<mpsc::UnboundedReceiver<Handed<T>>>,
}

/// Leased work, with the permit that holds its place in the worker until the work is done.
#[derive(Debug)]
pub struct Handed<T> {
    /// What is leased.
    pub work: T,
    /// Its place.
    pub place: OwnedSemaphorePermit,
}

impl<T> Lane<T> {
    /// A lane whose worker does not run yet. It ends with the token.
    pub fn new(stop: CancellationToken) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        let receiver = Mutex::new(receiver);
        Self { places: AtomicUsize::new(0), stop, room: Arc::new(Semaphore::new(0)), sender, receiver }
    }

    /// Called by the worker when it starts: the lane now has so many places. What the worker leases by itself takes its
    /// places from the same semaphore, which is returned.
    pub fn open(&self, places: usize) -> Arc<Semaphore> {
        self.room.add_permits(places);
        self.places.store(places, Ordering::Release);
        Arc::clone(&self.room)
    }

    /// Whether the worker runs in this process and goes on.
    pub fn is_open(&self) -> bool {
        self.places.load(Ordering::Acquire) > 0 && !self.stop.is_cancelled()
    }

    /// A place for work to be handed over, but only while at least half of the places are free. A busy worker would let
    /// the work wait while its lease runs, and leases many rows with one statement anyway, which is cheaper.
    pub fn place(&self) -> Option<OwnedSemaphorePermit> {
        let idle = self.is_open() && self.room.available_permits() >= self.places.load(Ordering::Acquire) / 2;
        if idle { Arc::clone(&self.room).try_acquire_owned().ok() } else { None }
    }

    /// Hands over what a committed transaction has leased.
    pub fn hand(&self, handed: Handed<T>) {
        // The receiver lives as long as this value, so sending cannot fail.
        let _ = self.sender.send(handed);
    }

    /// The work that was handed over since the last call. `None` once the process stops and nothing is left.
    pub async fn next(&self, limit: usize) -> Option<Vec<Handed<T>>> {
        let mut receiver = self.receiver.lock().await;
        let mut handed = Vec::new();
        tokio::select! {
            biased;
            count = receiver.recv_many(&mut handed, limit) => (count > 0).then_some(handed),
            () = self.stop.cancelled() => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn there_is_no_place_without_a_worker_nor_beside_a_busy_one() {
        let stop = CancellationToken::new();
        let lane = Lane::new(stop.clone());
        assert!(lane.place().is_none(), "nobody is at work");
        let room = lane.open(4);
        let places: Vec<_> = std::iter::from_fn(|| lane.place()).collect();
        assert_eq!(places.len(), 3, "until less than half is free");
        for (work, place) in (0..).zip(places) {
            lane.hand(Handed { work, place });
        }
        let work = |handed: &[Handed<i32>]| handed.iter().map(|handed| handed.work).collect::<Vec<_>>();
        let handed = lane.next(2).await.unwrap();
        assert_eq!(work(&handed), [0, 1]);
        drop(handed);
        assert_eq!(room.available_permits(), 3);
        stop.cancel();
        assert!(lane.place().is_none(), "it takes nothing more");
        assert_eq!(work(&lane.next(2).await.unwrap()), [2], "what it has is gone on with");
        assert!(lane.next(2).await.is_none());
    }
}
