//! The server as one value: what every request and every background task needs, built once from the configuration.

pub mod bench; // what the sandbox may do to requests and callbacks; absent in `serve`
pub mod group; // group commit: jobs that arrive while a statement runs share the next one
pub mod kept; // a connection that a group worker keeps between groups
mod keys; // our signing keys and the master key, which change while the server runs
pub mod lane; // hands leased work to a worker of the same process
pub mod operators; // who may use the operators' listener
mod owners; // whose key signed a message, read in groups
mod refusals; // refused requests, told to whoever listens in the sandbox

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{PgPool, Postgres, Transaction};
use tokio::sync::{Mutex, Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::bench::{Arrival, Bench, Direction, FAULTS, Fault, Given, GivenCode, Hints, Spoilt};
use self::group::Queue;
pub use self::keys::{KeyRefusal, KeyRing, MasterKeeper, OurKeys};
use self::lane::Lane;
use self::operators::Operators;
pub use self::refusals::{RefusalWatch, Refused};
use crate::clock::{Clock, Ids};
use crate::config::Config;
use crate::domain::ids::ExchangeId;
use crate::engine::{Codec, Groups};
use crate::jose::KeyCache;
use crate::lender::{PORTS, Ports};
use crate::rate::Limiter;
use crate::sandbox;
use crate::seal::{MasterKey, SealError, Sealer};
use crate::store::ask::Leased;
use crate::store::begun::LeasedStream;
use crate::store::lsp::KeyOwner;
use crate::store::{StoreError, schema, seal_key};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::traffic::Traffic;

/// A request that gets no connection in this time is answered 503.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// All that is shared.
pub struct App {
    /// Postgres.
    pub pool: PgPool,
    /// Time.
    pub clock: Clock,
    /// Ids.
    pub ids: Ids,
    /// Sealed columns and blind indexes.
    pub sealer: Sealer,
    /// Configuration, checked.
    pub config: Config,
    /// Who may use the operators' listener.
    pub operators: Operators,
    /// LSPs' keys, parsed.
    pub lsp_keys: KeyCache,
    /// Our signing keys.
    pub keys: KeyRing,
    /// Unwraps data keys that other processes make.
    pub master: MasterKeeper,
    /// The lender's systems.
    pub ports: Ports,
    /// The wire.
    pub codec: Arc<dyn Codec>,
    /// Wakes background work.
    pub wake: Wake,
    /// Messages whose keys are looked up.
    kids: Queue<String, Vec<KeyOwner>>,
    /// Requests that go to the database together.
    pub groups: Groups,
    /// Questions and timers that were leased for the engine's worker by the transaction that made them.
    pub asks: Lane<Leased>,
    /// Streams that were leased for delivery likewise.
    pub streams: Lane<LeasedStream>,
    /// Scenarios and faults on purpose, in `dev`; none in any other mode.
    pub bench: Option<Arc<dyn Bench>>,
    /// Counts what happens.
    pub metrics: Metrics,
    /// Who is told of requests that are refused in their acks.
    pub refusals: RefusalWatch,
    /// How much comes and goes.
    pub traffic: Traffic,
    /// Cancelled when the server was told to stop and balancers should send requests elsewhere.
    pub draining: CancellationToken,
    /// What LSPs have sent lately, where that is limited.
    pub rates: Limiter,
    /// Cancelled when the server ends.
    pub stop: CancellationToken,
    /// Every background task.
    pub tasks: TaskTracker,
}

/// The app as tasks hold it.
pub type SharedApp = Arc<App>;

/// What an [`App`] is built from.
pub struct Parts {
    /// Postgres, migrated.
    pub pool: PgPool,
    /// Time.
    pub clock: Clock,
    /// Configuration.
    pub config: Config,
    /// Our keys.
    pub keys: OurKeys,
    /// The lender's systems.
    pub ports: Ports,
    /// The wire.
    pub codec: Arc<dyn Codec>,
    /// Unwraps the data keys.
    pub master: MasterKey,
}

/// Why the app could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The database.
    #[error("database: {0}")]
    Store(#[from] StoreError),
    /// The data keys.
    #[error("data keys do not open with this master key: {0}")]
    Seal(#[from] SealError),
    /// A limit of an operation that there is not would limit nothing.
    #[error("rateLimits.operations.{0}: there is no such operation")]
    Operation(String),
    /// The table of metrics.
    #[error("metrics: {0}")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
}

impl App {
    /// Builds the app; the first one on a database makes its data key.
    ///
    /// # Errors
    /// When the database fails or the master key is not the one that the data keys were wrapped with.
    pub async fn build(parts: Parts) -> Result<SharedApp, BuildError> {
        let Parts { pool, clock, config, keys, ports, codec, master } = parts;
        if let Some(name) = crate::protocol::unknown_operation(&config.rate_limits) {
            return Err(BuildError::Operation(name));
        }
        let sealer = open_sealer(&pool, &master, &clock).await?;
        make_partitions(&pool, &clock).await;
        let bench = sandbox::scenario::bench(&config, &pool);
        let stop = CancellationToken::new();
        Ok(Arc::new(Self {
            pool,
            clock,
            ids: Ids,
            sealer,
            operators: Operators::new(config.operators.clone()),
            config,
            lsp_keys: KeyCache::default(),
            keys: KeyRing::new(keys),
            master: MasterKeeper::new(master),
            ports,
            codec,
            wake: Wake::default(),
            kids: Queue::default(),
            groups: Groups::default(),
            asks: Lane::new(stop.clone()),
            streams: Lane::new(stop.clone()),
            bench,
            metrics: Metrics::new(&PORTS)?,
            refusals: RefusalWatch::default(),
            traffic: Traffic::default(),
            draining: CancellationToken::new(),
            rates: Limiter::default(),
            stop,
            tasks: TaskTracker::new(),
        }))
    }

    /// A connection for an OCEN request that is one statement; how long it was waited for is noted.
    ///
    /// # Errors
    /// When there is no connection in time.
    pub async fn acquire(&self) -> Result<PoolConnection<Postgres>, sqlx::Error> {
        let begun = Instant::now();
        let conn = self.pool.acquire().await;
        self.metrics.waited_for_database(begun.elapsed());
        conn
    }

    /// Begins the transaction of an OCEN request, and notes how long its connection was waited for.
    ///
    /// # Errors
    /// When there is no connection in time, or the database fails.
    pub async fn begin(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        // What lies idle is had without waiting.
        if let Some(tx) = self.pool.try_begin().await? {
            self.metrics.waited_for_database(Duration::ZERO);
            return Ok(tx);
        }
        let begun = Instant::now();
        let tx = self.pool.begin().await;
        self.metrics.waited_for_database(begun.elapsed());
        tx
    }
}

/// Without them rows go to the default partitions, so a busy database does not keep a server from starting.
async fn make_partitions(pool: &PgPool, clock: &Clock) {
    let made = async {
        let mut conn = pool.acquire().await?;
        schema::make_month_partitions(&mut conn, clock.today()).await
    };
    if let Err(error) = made.await {
        tracing::warn!(%error, "monthly partitions were not made");
    }
}

async fn open_sealer(pool: &PgPool, master: &MasterKey, clock: &Clock) -> Result<Sealer, BuildError> {
    let mut conn = pool.acquire().await.map_err(StoreError::from)?;
    if seal_key::all(&mut conn).await?.is_empty() {
        seal_key::add(&mut conn, &master.new_data_key(1)?, clock.now()).await?;
    }
    let roots = master.roots(seal_key::roots(&mut conn).await?.as_deref())?;
    Ok(Sealer::with_roots(master, &seal_key::all(&mut conn).await?, roots)?)
}

/// Opens the pool. Locks are waited for at most one second, then the request is answered 503 (design §5).
///
/// # Errors
/// When the URL is none. The database itself may still be away.
pub fn pool(database_url: &str, connections: u32) -> Result<PgPool, sqlx::Error> {
    let options: PgConnectOptions = database_url.parse()?;
    let options = options.application_name("ocen-lender").options([
        ("lock_timeout", "1s"),
        ("statement_timeout", "10s"),
        ("idle_in_transaction_session_timeout", "20s"),
        ("synchronous_commit", "on"),
    ]);
    Ok(PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .connect_lazy_with(options))
}

/// Wakes background work within this process; a poll finds what other processes left.
pub struct Wake {
    /// Rung when there may be due asks.
    pub asks: Notify,
    /// Rung when there may be due callbacks.
    pub callbacks: Notify,
    released: mpsc::UnboundedSender<ExchangeId>,
    to_release: Mutex<mpsc::UnboundedReceiver<ExchangeId>>,
}

impl Default for Wake {
    fn default() -> Self {
        let (released, to_release) = mpsc::unbounded_channel();
        Self { asks: Notify::new(), callbacks: Notify::new(), released, to_release: Mutex::new(to_release) }
    }
}

impl Wake {
    /// There may be due asks.
    pub fn notify_asks(&self) {
        self.asks.notify_one();
    }

    /// There may be due callbacks.
    pub fn notify_callbacks(&self) {
        self.callbacks.notify_one();
    }

    /// Waits for due asks, the end, or at most this long.
    pub async fn wait_for_asks(&self, stop: &CancellationToken, at_most: Duration) {
        wait(&self.asks, stop, at_most).await;
    }

    /// Notes that an exchange's ack has been written.
    pub fn released(&self, exchange: ExchangeId) {
        // The receiver lives as long as this value, so sending cannot fail.
        let _ = self.released.send(exchange);
    }

    /// The exchanges noted since; `None` at the end.
    pub async fn next_released(&self, stop: &CancellationToken, limit: usize) -> Option<Vec<ExchangeId>> {
        let mut to_release = self.to_release.lock().await;
        let mut exchanges = Vec::new();
        tokio::select! {
            () = stop.cancelled() => None,
            count = to_release.recv_many(&mut exchanges, limit) => (count > 0).then_some(exchanges),
        }
    }
}

async fn wait(notify: &Notify, stop: &CancellationToken, at_most: Duration) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = notify.notified() => {}
        _ = tokio::time::timeout(at_most, std::future::pending::<()>()) => {}
    }
}
