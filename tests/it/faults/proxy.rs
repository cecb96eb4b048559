//! A wire that can be made bad: what passes is delayed, cut, halved, dripped or swallowed.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::dice::Dice;

/// What befalls one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Closed before anything passes.
    Refused,
    /// Each piece waits so long.
    Delayed(Duration),
    /// Closed after so many bytes of what is asked.
    HalfAsked(usize),
    /// Closed after so many bytes of what is answered.
    HalfAnswered(usize),
    /// Passes a few bytes at a time.
    Dripping,
    /// Taken in and never handed on, until somebody loses patience.
    Swallowed,
}

/// How often what befalls whom.
#[derive(Debug, Clone, Default)]
struct Weather {
    percent: u64,
    faults: Vec<Fault>,
}

/// A wire from a port of its own to wherever it points.
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    target: Mutex<SocketAddr>,
    weather: Mutex<Weather>,
    cut: Mutex<CancellationToken>,
    dice: Dice,
}

/// Bytes that pass at once on a dripping wire, and the pause between.
const DRIP: (usize, Duration) = (96, Duration::from_millis(5));

impl Proxy {
    /// Lays a wire.
    pub async fn to(target: SocketAddr, dice: Dice) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Arc::new(Self {
            address: listener.local_addr().unwrap(),
            target: Mutex::new(target),
            weather: Mutex::default(),
            cut: Mutex::default(),
            dice,
        });
        tokio::spawn(Arc::clone(&proxy).carry(listener));
        proxy
    }

    /// Where new connections lead from now on.
    pub fn point_at(&self, target: SocketAddr) {
        *self.target.lock().unwrap() = target;
    }

    /// From now on so many of a hundred new connections meet one of these faults.
    pub fn storm(&self, percent: u64, faults: &[Fault]) {
        *self.weather.lock().unwrap() = Weather { percent, faults: faults.to_vec() };
    }

    /// Everything passes again.
    pub fn calm(&self) {
        *self.weather.lock().unwrap() = Weather::default();
    }

    /// Cuts every connection that is open.
    pub fn cut(&self) {
        std::mem::take(&mut *self.cut.lock().unwrap()).cancel();
    }

    fn fault(&self) -> Option<Fault> {
        let weather = self.weather.lock().unwrap();
        if self.dice.roll(100) >= weather.percent {
            return None;
        }
        let which = usize::try_from(self.dice.roll(weather.faults.len() as u64)).unwrap();
        weather.faults.get(which).copied()
    }

    async fn carry(self: Arc<Self>, listener: TcpListener) {
        while let Ok((caller, _)) = listener.accept().await {
            let (proxy, cut) = (Arc::clone(&self), self.cut.lock().unwrap().clone());
            tokio::spawn(async move {
                tokio::select! {
                    () = cut.cancelled() => {}
                    () = proxy.connection(caller) => {}
                }
            });
        }
    }

    async fn connection(&self, caller: TcpStream) {
        let fault = self.fault();
        if fault == Some(Fault::Refused) {
            return;
        }
        let target = *self.target.lock().unwrap();
        let Ok(called) = TcpStream::connect(target).await else { return };
        let _ = (caller.set_nodelay(true), called.set_nodelay(true));
        let ((ask_from, answer_to), (answer_from, ask_to)) = (caller.into_split(), called.into_split());
        let whole = usize::MAX;
        let (asked, answered) = match fault {
            Some(Fault::HalfAsked(size)) => (size, whole),
            Some(Fault::HalfAnswered(size)) => (whole, size),
            _ => (whole, whole),
        };
        // Either side that ends on purpose lets the other finish; a fault ends both.
        let asking = pass(ask_from, ask_to, fault, asked);
        let answering = pass(answer_from, answer_to, fault, answered);
        tokio::pin!(asking, answering);
        tokio::select! {
            broken = &mut asking => if !broken { let _ = answering.await; },
            broken = &mut answering => if !broken { let _ = asking.await; },
        }
    }
}

/// Passes bytes on until their end, or until so many have passed; tells whether the wire broke.
async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    fault: Option<Fault>,
    mut left: usize,
) -> bool {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let size = match from.read(&mut buffer).await {
            Ok(0) => return to.shutdown().await.is_err(),
            Ok(size) => size,
            Err(_) => return true,
        };
        let size = size.min(left);
        left -= size;
        let sent = match fault {
            Some(Fault::Swallowed) => Ok(()),
            Some(Fault::Delayed(time)) => {
                tokio::time::sleep(time).await;
                to.write_all(&buffer[..size]).await
            }
            Some(Fault::Dripping) => drip(&mut to, &buffer[..size]).await,
            _ => to.write_all(&buffer[..size]).await,
        };
        if sent.is_err() || left == 0 {
            return true;
        }
    }
}

async fn drip(to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> std::io::Result<()> {
    let (size, pause) = DRIP;
    for piece in bytes.chunks(size) {
        to.write_all(piece).await?;
        tokio::time::sleep(pause).await;
    }
    Ok(())
}
