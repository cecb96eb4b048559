//! Spreads connections over the replicas that say they are ready, as `HAProxy` does with `option httpchk`.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

/// Between two checks of a replica; `inter` of `HAProxy`.
const EVERY: Duration = Duration::from_millis(200);
/// How long a check may take.
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);
/// Rounds over all replicas for one connection, a check apart.
const ROUNDS: usize = 25;

struct Backend {
    address: SocketAddr,
    ready: AtomicBool,
}

/// The load balancer.
pub struct Balancer {
    /// Where it listens.
    pub address: SocketAddr,
    backends: Vec<Backend>,
    turn: AtomicUsize,
}

impl Balancer {
    /// Spreads over these replicas.
    pub async fn over(replicas: &[SocketAddr]) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let backend = |address: &SocketAddr| Backend { address: *address, ready: AtomicBool::new(false) };
        let balancer = Arc::new(Self {
            address: listener.local_addr().unwrap(),
            backends: replicas.iter().map(backend).collect(),
            turn: AtomicUsize::new(0),
        });
        for number in 0..replicas.len() {
            tokio::spawn(Arc::clone(&balancer).watch(number));
        }
        tokio::spawn(Arc::clone(&balancer).serve(listener));
        balancer
    }

    /// Whether a replica is taken for ready.
    pub fn is_ready(&self, number: usize) -> bool {
        self.backends[number].ready.load(Ordering::Relaxed)
    }

    async fn watch(self: Arc<Self>, number: usize) {
        let backend = &self.backends[number];
        loop {
            backend.ready.store(is_ready(backend.address).await, Ordering::Relaxed);
            tokio::time::sleep(EVERY).await;
        }
    }

    async fn serve(self: Arc<Self>, listener: TcpListener) {
        while let Ok((mut caller, _)) = listener.accept().await {
            let balancer = Arc::clone(&self);
            tokio::spawn(async move {
                if let Some(mut replica) = balancer.connect().await {
                    let _ = caller.set_nodelay(true);
                    let _ = copy_bidirectional(&mut caller, &mut replica).await;
                }
            });
        }
    }

    /// The next ready replica that takes the connection.
    async fn connect(&self) -> Option<TcpStream> {
        for _ in 0..ROUNDS {
            for _ in 0..self.backends.len() {
                let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.backends.len();
                let backend = &self.backends[turn];
                if backend.ready.load(Ordering::Relaxed)
                    && let Ok(replica) = TcpStream::connect(backend.address).await
                {
                    let _ = replica.set_nodelay(true);
                    return Some(replica);
                }
            }
            tokio::time::sleep(EVERY).await;
        }
        None
    }
}

static CHECKER: OnceLock<reqwest::Client> = OnceLock::new();

/// Whether a replica says that it is ready.
pub async fn is_ready(address: SocketAddr) -> bool {
    let checker = CHECKER.get_or_init(|| {
        reqwest::Client::builder().timeout(CHECK_TIMEOUT).pool_max_idle_per_host(0).no_proxy().build().unwrap()
    });
    let answer = checker.get(format!("http://{address}/health/ready")).send().await;
    answer.is_ok_and(|answer| answer.status().is_success())
}
