//! Everything of one test: Postgres, the lender's systems, replicas behind a balancer, an LSP, and the wires between.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ocen_lender::clock::Ids;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::balancer::Balancer;
use super::bank::Bank;
use super::dice::Dice;
use super::journey::Journey;
use super::lsp::Lsp;
use super::oracle;
use super::postgres::Postgres;
use super::program::{Kind, Replica, Site, TOKEN};
use super::proxy::Proxy;

/// Journeys under way at once.
const ABREAST: usize = 12;
/// Replicas.
const REPLICAS: usize = 2;

/// One test's world.
pub struct Scene {
    dir: PathBuf,
    /// What fate rolls.
    pub dice: Dice,
    /// The database.
    pub postgres: Postgres,
    /// The lender's systems.
    pub bank: Arc<Bank>,
    /// `serve`, or `dev`.
    pub replicas: Vec<Replica>,
    /// In front of the replicas.
    pub balancer: Arc<Balancer>,
    /// From the LSP to the balancer.
    pub inward: Arc<Proxy>,
    /// From the replicas to the LSP.
    pub outward: Arc<Proxy>,
    /// The LSP.
    pub lsp: Arc<Lsp>,
    /// Callbacks may have passed one that failed for ten minutes.
    pub out_of_order: bool,
    begun: Instant,
}

/// Journeys that were begun.
pub struct Travellers {
    set: JoinSet<String>,
    over: CancellationToken,
}

impl Travellers {
    /// Cancelled when the last one has arrived.
    pub fn over(&self) -> CancellationToken {
        self.over.clone()
    }

    /// Waits until all have arrived; gives their loans.
    pub async fn arrive(mut self) -> Vec<String> {
        let mut loans = Vec::new();
        while let Some(loan) = self.set.join_next().await {
            loans.push(loan.expect("each journey arrives"));
        }
        self.over.cancel();
        loans
    }
}

/// How many journeys each fault has to survive: `OCEN_FAULT_JOURNEYS`.
pub fn journeys() -> usize {
    std::env::var("OCEN_FAULT_JOURNEYS").ok().and_then(|text| text.parse().ok()).unwrap_or(20)
}

impl Scene {
    /// Two replicas of `serve`.
    pub async fn set() -> Self {
        Self::set_in(new_dir(), Kind::Serve).await
    }

    /// Two replicas of `dev`, whose clocks can be moved.
    pub async fn set_with_clocks() -> Self {
        Self::set_in(new_dir(), Kind::Dev).await
    }

    /// On a database that somebody else runs.
    pub async fn set_on(dir: PathBuf, url: String, kind: Kind) -> Self {
        let dice = Dice::new();
        let postgres = Postgres::of_others(&dir, url, dice.clone()).await;
        Self::with(dir, postgres, dice, kind).await
    }

    async fn set_in(dir: PathBuf, kind: Kind) -> Self {
        let dice = Dice::new();
        let postgres = Postgres::start(&dir, dice.clone()).await;
        Self::with(dir, postgres, dice, kind).await
    }

    async fn with(dir: PathBuf, postgres: Postgres, dice: Dice, kind: Kind) -> Self {
        let bank = Bank::open(dice.clone()).await;
        let (site, key) = Site::new(&dir, kind, postgres.url(), bank.address);
        let mut replicas = Vec::new();
        for number in 0..REPLICAS {
            replicas.push(Replica::start(&site, number).await);
        }
        let addresses: Vec<_> = replicas.iter().map(|replica| replica.lsp).collect();
        let balancer = Balancer::over(&addresses).await;
        let inward = Proxy::to(balancer.address, dice.clone()).await;
        let lsp = Lsp::open(inward.address, key.verifying_key().clone(), dice.clone()).await;
        let outward = Proxy::to(lsp.endpoint, dice.clone()).await;
        lsp.register(replicas[0].admin, TOKEN, outward.address).await;
        Self {
            dir,
            dice,
            postgres,
            bank,
            replicas,
            balancer,
            inward,
            outward,
            lsp,
            out_of_order: false,
            begun: Instant::now(),
        }
    }

    /// Sends so many borrowers on their way.
    pub fn travellers(&self, count: usize) -> Travellers {
        let room = Arc::new(Semaphore::new(ABREAST));
        let mut set = JoinSet::new();
        let (left, over) = (Arc::new(std::sync::atomic::AtomicUsize::new(count)), CancellationToken::new());
        for _ in 0..count {
            let (lsp, bank, room) = (Arc::clone(&self.lsp), Arc::clone(&self.bank), Arc::clone(&room));
            let (left, over) = (Arc::clone(&left), over.clone());
            set.spawn(async move {
                // Whoever fails is over, too.
                let _last = Last { left, over };
                let _place = room.acquire_owned().await.unwrap();
                Journey { lsp: &lsp, bank: &bank }.go().await
            });
        }
        Travellers { set, over }
    }

    /// A number from the database.
    pub async fn number(&self, sql: &str) -> i64 {
        let mut conn = PgConnection::connect(&self.postgres.direct).await.unwrap();
        conn.fetch_one(AssertSqlSafe(sql.to_owned())).await.unwrap().get(0)
    }

    /// All promises, once everything has come to rest.
    pub async fn judge(&mut self, loans: &[String]) {
        self.inward.calm();
        self.outward.calm();
        self.postgres.wire.calm();
        self.lsp.behave();
        let verdict = oracle::judge(self, loans).await;
        let tries = self.lsp.evidence(|evidence| evidence.failed_tries.len());
        let (count, seconds) = (loans.len(), self.begun.elapsed().as_secs());
        eprintln!("{count} journeys in {seconds} s, {tries} tries that came to nothing");
        assert!(verdict.is_empty(), "{}", verdict.join("\n"));
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// Tells when the last traveller is gone, however it went.
struct Last {
    left: Arc<std::sync::atomic::AtomicUsize>,
    over: CancellationToken,
}

impl Drop for Last {
    fn drop(&mut self) {
        if self.left.fetch_sub(1, std::sync::atomic::Ordering::SeqCst) == 1 {
            self.over.cancel();
        }
    }
}

/// A directory of the test's own; it is kept, with the replicas' logs, when the test fails.
pub fn new_dir() -> PathBuf {
    let dir = std::env::temp_dir().join(format!("ocen-faults-{}", Ids.uuid().simple()));
    std::fs::create_dir_all(&dir).unwrap();
    eprintln!("logs in {}", dir.display());
    dir
}

/// Waits a random time, or until the journeys are over; tells whether to go on.
pub async fn meanwhile(over: &CancellationToken, dice: &Dice, milliseconds: (u64, u64)) -> bool {
    let (least, most) = milliseconds;
    tokio::select! {
        () = over.cancelled() => false,
        () = dice.wait(Duration::from_millis(least), Duration::from_millis(most)) => true,
    }
}
