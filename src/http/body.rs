//! Reads request bodies within bounds of size, time and memory.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// How long a sender may take for one body.
pub const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// A body that is refused is still taken in, so that the sender comes to read the refusal: so much of it at most.
const DRAIN_LIMIT: usize = 80 * 1024 * 1024;
/// And for so long at most.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// Up to this limit, in bytes, an operation is one with small bodies.
pub const SMALL: usize = 1024 * 1024;
/// Memory is counted in pieces of this size, in bytes.
const PIECE: usize = 1024;

/// Why a body was not read. The texts go to the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It has more bytes than the operation takes.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// It did not come in time.
    #[error("the body did not arrive within {} s", READ_TIMEOUT.as_secs())]
    TimedOut,
    /// The sender went away or broke the protocol.
    #[error("the body ended before it was complete")]
    Broken,
    /// Other bodies take all the memory there is for them.
    #[error("the server is busy")]
    NoRoom,
}

/// Memory for the bodies that are being read or handled. Nobody is known yet whose body it is: a part of it is kept from
/// large ones, so that a few that come slowly do not shut all others out.
#[derive(Debug, Clone)]
pub struct Room {
    all: Arc<Semaphore>,
    /// What large bodies may take of it.
    large: Arc<Semaphore>,
}

/// What one body takes of a [`Room`].
#[derive(Debug, Default)]
struct Share {
    all: Option<OwnedSemaphorePermit>,
    large: Option<OwnedSemaphorePermit>,
}

/// A body with its share of the [`Room`].
#[derive(Debug)]
pub struct Held {
    /// The body.
    pub bytes: Bytes,
    _share: Share,
}

impl ReadError {
    /// The status that says it.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TimedOut => StatusCode::REQUEST_TIMEOUT,
            Self::Broken => StatusCode::BAD_REQUEST,
            Self::NoRoom => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl Room {
    /// Room for so many bytes, of which so many are kept from operations that take large bodies.
    #[must_use]
    pub fn new(bytes: usize, kept: usize) -> Self {
        let large = bytes.saturating_sub(kept);
        Self { all: Arc::new(Semaphore::new(bytes / PIECE)), large: Arc::new(Semaphore::new(large / PIECE)) }
    }

    /// Enlarges `share` to hold `bytes` of a body that may have up to `limit`.
    fn grow(&self, share: &mut Share, bytes: usize, limit: usize) -> Result<(), ReadError> {
        if limit > SMALL {
            enlarge(&self.large, &mut share.large, bytes)?;
        }
        enlarge(&self.all, &mut share.all, bytes)
    }
}

fn enlarge(room: &Arc<Semaphore>, share: &mut Option<OwnedSemaphorePermit>, bytes: usize) -> Result<(), ReadError> {
    let held = share.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
    let more = u32::try_from((bytes / PIECE + 1).saturating_sub(held)).map_err(|_| ReadError::NoRoom)?;
    let more = Arc::clone(room).try_acquire_many_owned(more).map_err(|_| ReadError::NoRoom)?;
    match share {
        Some(share) => share.merge(more),
        None => *share = Some(more),
    }
    Ok(())
}

/// Reads a body of at most `limit` bytes. A larger one is drained first, so that the refusal can be read.
///
/// # Errors
/// [`ReadError`].
pub async fn read(body: Body, limit: usize, room: &Room) -> Result<Held, ReadError> {
    read_until(Instant::now() + READ_TIMEOUT, body, limit, room).await
}

/// Reads a body that shares no memory with others.
///
/// # Errors
/// [`ReadError`].
pub async fn read_alone(body: Body, limit: usize) -> Result<Bytes, ReadError> {
    read(body, limit, &Room::new(limit + PIECE, 0)).await.map(|held| held.bytes)
}

async fn read_until(deadline: Instant, mut body: Body, limit: usize, room: &Room) -> Result<Held, ReadError> {
    // One that announces its length is known to be too large before it has come.
    if body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
        drain(body).await;
        return Err(ReadError::TooLarge(limit));
    }
    let mut bytes = BytesMut::new();
    let mut share = Share::default();
    loop {
        let frame = match timeout_at(deadline, body.frame()).await {
            Err(_) => return Err(ReadError::TimedOut),
            Ok(None) => {
                return Ok(Held { bytes: bytes.freeze(), _share: share });
            }
            Ok(Some(Err(_))) => return Err(ReadError::Broken),
            Ok(Some(Ok(frame))) => frame,
        };
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let size = bytes.len() + data.len();
        if size > limit {
            drop((bytes, share));
            drain(body).await;
            return Err(ReadError::TooLarge(limit));
        }
        room.grow(&mut share, size, limit)?;
        bytes.extend_from_slice(&data);
    }
}

/// Takes a refused body in and forgets it, within bounds.
pub async fn drain(mut body: Body) {
    let deadline = Instant::now() + DRAIN_TIMEOUT;
    let mut taken = 0;
    while taken < DRAIN_LIMIT {
        let Ok(Some(Ok(frame))) = timeout_at(deadline, body.frame()).await else {
            return;
        };
        taken += frame.data_ref().map_or(0, Bytes::len);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    fn chunks(sizes: &[usize]) -> Body {
        let chunks: Vec<Result<Vec<u8>, std::io::Error>> = sizes.iter().map(|size| Ok(vec![b'x'; *size])).collect();
        Body::from_stream(stream::iter(chunks))
    }

    #[tokio::test]
    async fn a_body_may_be_as_large_as_the_limit_and_no_larger() {
        let room = Room::new(1 << 20, 0);
        assert_eq!(read(chunks(&[60, 40]), 100, &room).await.unwrap().bytes.len(), 100);
        assert_eq!(read(chunks(&[60, 41]), 100, &room).await.unwrap_err(), ReadError::TooLarge(100));
        assert_eq!(read(Body::empty(), 100, &room).await.unwrap().bytes.len(), 0);
    }

    #[tokio::test]
    async fn a_body_that_announces_too_much_is_refused_before_it_has_come() {
        let announced = |bytes| Body::new(Announced(bytes));
        let room = Room::new(1 << 20, 0);
        assert_eq!(read(announced(101), 100, &room).await.unwrap_err(), ReadError::TooLarge(100));
        assert_eq!(read(announced(100), 100, &room).await.unwrap().bytes.len(), 0);
    }

    /// A body of so many bytes that never come.
    struct Announced(u64);

    impl hyper::body::Body for Announced {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
            std::task::Poll::Ready(None)
        }

        fn size_hint(&self) -> hyper::body::SizeHint {
            hyper::body::SizeHint::with_exact(self.0)
        }
    }

    #[tokio::test]
    async fn memory_is_given_back_with_the_body() {
        let room = Room::new(4 * PIECE, 0);
        let held = read(chunks(&[PIECE, PIECE]), 4 * PIECE, &room).await.unwrap();
        assert_eq!(read(chunks(&[PIECE]), 4 * PIECE, &room).await.unwrap_err(), ReadError::NoRoom);
        drop(held);
        assert!(read(chunks(&[PIECE]), 4 * PIECE, &room).await.is_ok());
    }

    #[tokio::test]
    async fn large_bodies_leave_room_for_small_ones() {
        let room = Room::new(10 * PIECE, 4 * PIECE);
        let large = |sizes: &'static [usize]| read(chunks(sizes), SMALL + 1, &room);
        let held = large(&[5 * PIECE]).await.unwrap();
        assert_eq!(large(&[PIECE]).await.unwrap_err(), ReadError::NoRoom);
        let small = read(chunks(&[PIECE, PIECE]), SMALL, &room).await.unwrap();
        assert_eq!(read(chunks(&[PIECE]), SMALL, &room).await.unwrap_err(), ReadError::NoRoom, "it is bounded too");
        drop((held, small));
        assert!(read(chunks(&[9 * PIECE]), SMALL, &room).await.is_ok(), "and may take what nobody else does");
        assert!(large(&[5 * PIECE]).await.is_ok());
    }

    #[tokio::test]
    async fn a_broken_body_is_refused() {
        let parts = [Ok(vec![b'x']), Err(std::io::Error::other("gone"))];
        let body = Body::from_stream(stream::iter(parts));
        assert_eq!(read(body, 100, &Room::new(1 << 20, 0)).await.unwrap_err(), ReadError::Broken);
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_in_time_is_given_up() {
        let body = Body::from_stream(stream::pending::<Result<Vec<u8>, std::io::Error>>());
        let read = read_until(Instant::now(), body, 100, &Room::new(1 << 20, 0)).await;
        assert_eq!(read.unwrap_err(), ReadError::TimedOut);
    }
}
