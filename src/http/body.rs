//! Reads request bodies within bounds of size, time and memory.

use std::net::IpAddr;
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use tokio::time::{Instant, timeout_at};

use super::room::{PIECE, Room, Share};

/// How long a sender may take for one body.
pub const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How slowly a body may come, in bytes a second.
const SLOWEST: u64 = 64 * 1024;
/// How far behind that it may fall: a lost packet or two, not a sender that only holds memory.
const SLACK: Duration = Duration::from_secs(5);
/// A body that is refused is still taken in, so that the sender comes to read the refusal: so much of it at most.
const DRAIN_LIMIT: usize = 80 * 1024 * 1024;
/// And for so long at most.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a body was not read. The texts go to the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It has more bytes than the operation takes.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// It did not come in time.
    #[error("the body did not arrive within {} s", READ_TIMEOUT.as_secs())]
    TimedOut,
    /// It came so slowly that it only held memory.
    #[error("the body came slower than {SLOWEST} bytes a second")]
    TooSlow,
    /// The sender went away or broke the protocol.
    #[error("the body ended before it was complete")]
    Broken,
    /// Other bodies take all the memory there is for them.
    #[error("the server is busy")]
    NoRoom,
    /// Bodies of the same sender take as much of it as is left for all others.
    #[error("the server is busy with requests from this address")]
    Crowded,
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
            Self::TimedOut | Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Broken => StatusCode::BAD_REQUEST,
            Self::NoRoom | Self::Crowded => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// Until when a body may still come.
#[derive(Debug, Clone, Copy)]
struct Pace {
    end: Instant,
    /// Until when a sender is waited for that sends nothing more; what comes puts it off.
    patience: Instant,
}

impl Pace {
    fn begun(now: Instant) -> Self {
        Self { end: now + READ_TIMEOUT, patience: now + SLACK }
    }

    fn deadline(&self) -> Instant {
        self.end.min(self.patience)
    }

    /// What came early is no credit: a sender that stops is not waited for the longer because it was quick before.
    fn came(&mut self, bytes: usize, now: Instant) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let worth = Duration::from_micros(bytes.saturating_mul(1_000_000) / SLOWEST);
        self.patience = (self.patience.max(now) + worth.min(SLACK)).min(now + SLACK);
    }

    fn missed(&self) -> ReadError {
        if self.patience < self.end { ReadError::TooSlow } else { ReadError::TimedOut }
    }
}

/// Reads a body of at most `limit` bytes, in the room that its sender finds; who is nobody in particular shares it with
/// all. A larger body is drained first, so that the refusal can be read.
///
/// # Errors
/// [`ReadError`].
pub async fn read(body: Body, limit: usize, (room, sender): (&Room, Option<IpAddr>)) -> Result<Held, ReadError> {
    read_at(Pace::begun(Instant::now()), body, limit, room.share(sender, limit)).await
}

/// Reads a body that shares no memory with others.
///
/// # Errors
/// [`ReadError`].
pub async fn read_alone(body: Body, limit: usize) -> Result<Bytes, ReadError> {
    read(body, limit, (&Room::new(limit + PIECE, 0), None)).await.map(|held| held.bytes)
}

async fn read_at(mut pace: Pace, mut body: Body, limit: usize, mut share: Share) -> Result<Held, ReadError> {
    // One that announces its length is known to be too large before it has come.
    if body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
        drain(body).await;
        return Err(ReadError::TooLarge(limit));
    }
    let mut bytes = BytesMut::new();
    loop {
        let frame = match timeout_at(pace.deadline(), body.frame()).await {
            Err(_) => return Err(pace.missed()),
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
        share.grow(size)?;
        pace.came(data.len(), Instant::now());
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
        assert_eq!(read(chunks(&[60, 40]), 100, (&room, None)).await.unwrap().bytes.len(), 100);
        assert_eq!(read(chunks(&[60, 41]), 100, (&room, None)).await.unwrap_err(), ReadError::TooLarge(100));
        assert_eq!(read(Body::empty(), 100, (&room, None)).await.unwrap().bytes.len(), 0);
    }

    #[tokio::test]
    async fn a_body_that_announces_too_much_is_refused_before_it_has_come() {
        let announced = |bytes| Body::new(Announced(bytes));
        let room = Room::new(1 << 20, 0);
        assert_eq!(read(announced(101), 100, (&room, None)).await.unwrap_err(), ReadError::TooLarge(100));
        assert_eq!(read(announced(100), 100, (&room, None)).await.unwrap().bytes.len(), 0);
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
        let held = read(chunks(&[PIECE, PIECE]), 4 * PIECE, (&room, None)).await.unwrap();
        assert_eq!(read(chunks(&[PIECE]), 4 * PIECE, (&room, None)).await.unwrap_err(), ReadError::NoRoom);
        drop(held);
        assert!(read(chunks(&[PIECE]), 4 * PIECE, (&room, None)).await.is_ok());
    }

    #[tokio::test]
    async fn a_broken_body_is_refused() {
        let parts = [Ok(vec![b'x']), Err(std::io::Error::other("gone"))];
        let body = Body::from_stream(stream::iter(parts));
        assert_eq!(read(body, 100, (&Room::new(1 << 20, 0), None)).await.unwrap_err(), ReadError::Broken);
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_in_time_is_given_up() {
        let room = Room::new(1 << 20, 0);
        let now = Instant::now();
        for (pace, expected) in [
            (Pace { end: now, patience: now + SLACK }, ReadError::TimedOut),
            (Pace { end: now + READ_TIMEOUT, patience: now }, ReadError::TooSlow),
        ] {
            let body = Body::from_stream(stream::pending::<Result<Vec<u8>, std::io::Error>>());
            assert_eq!(read_at(pace, body, 100, room.share(None, 100)).await.unwrap_err(), expected);
        }
    }

    #[test]
    fn a_sender_that_stops_is_not_waited_for_whatever_it_sent_before() {
        let start = Instant::now();
        let mut pace = Pace::begun(start);
        pace.came(10 << 20, start);
        assert_eq!(pace.deadline(), start + SLACK);
        let trickle = |pace: &mut Pace, bytes: usize| {
            (1..1_000).map(|second| start + Duration::from_secs(second)).find(|now| {
                let late = *now > pace.deadline();
                pace.came(bytes, *now);
                late
            })
        };
        assert_eq!(trickle(&mut pace.clone(), 1), Some(start + SLACK + Duration::from_secs(1)));
        let fast = usize::try_from(SLOWEST).unwrap();
        assert_eq!(trickle(&mut pace, fast), Some(start + READ_TIMEOUT + Duration::from_secs(1)), "and no slower");
    }
}
