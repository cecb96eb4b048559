//! Replicas: the real program as processes on one database.

use std::fs::{self, File, OpenOptions};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ocen_lender::jose::SigningKey;
use secrecy::ExposeSecret as _;
use tokio::process::{Child, Command};

use super::balancer::is_ready;
use super::postgres::signal;
use crate::support::server::TEST_MASTER_KEY;

/// Bearer token of the operators' listeners.
pub const TOKEN: &str = "the-token-of-the-fault-tests-0123456789";
/// The lender.
pub const LENDER: &str = "LENDER-FAULTS";
/// How long a replica may take until it is ready; longer while the database is away.
const START: Duration = Duration::from_mins(1);
/// How long a replica that was told to stop may take.
const STOP: Duration = Duration::from_secs(40);

/// Which program.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Kind {
    /// `serve`.
    #[default]
    Serve,
    /// `dev` on the same database and with the same adapters: its clock can be moved.
    Dev,
}

/// What all replicas of a test share.
#[derive(Debug, Clone)]
pub struct Site {
    /// Everything of the test is in here.
    pub dir: PathBuf,
    /// Which program.
    pub kind: Kind,
    /// `DATABASE_URL`.
    pub database_url: String,
}

impl Site {
    /// Writes keys and configuration.
    pub fn new(dir: &Path, kind: Kind, database_url: String, bank: SocketAddr) -> (Self, SigningKey) {
        let key = SigningKey::generate(format!("{LENDER}-1")).unwrap();
        fs::write(dir.join("signing.pem"), key.to_pkcs8_pem().unwrap().expose_secret()).unwrap();
        fs::write(dir.join("master.key"), TEST_MASTER_KEY).unwrap();
        // The sandbox's own LSP, which every `dev` on the database must know by the same key.
        let demo = SigningKey::generate("LSP-DEMO-1").unwrap();
        fs::write(dir.join("lsp-demo.pem"), demo.to_pkcs8_pem().unwrap().expose_secret()).unwrap();
        fs::write(dir.join("config.toml"), configuration(dir, bank)).unwrap();
        (Self { dir: dir.to_owned(), kind, database_url }, key)
    }
}

fn configuration(dir: &Path, bank: SocketAddr) -> String {
    let dir = dir.display();
    let ports = ["data", "kyc", "agreement", "disbursement", "collections", "notifier", "ledger"].map(|port| {
        format!(
            "[ports.{port}]\nurl = \"http://{bank}\"\nsecret = \"whsec_cmVwbGFjZS10aGlzLXNlY3JldC1iZWZvcmUtdXNl\"\n"
        )
    });
    format!(
        r#"
borrowerUrl = "http://127.0.0.1:9"
[lender]
orgId = "{LENDER}"
name = "Faults Finance Limited"
primaryId = "U65999KA2020PLC000001"
primaryIdType = "CIN"
phone = "18001234567"
grievanceOfficer = {{ name = "Meera Nair", phone = "18001234568", email = "grievance@example.in" }}
[keys]
masterKeyFile = "{dir}/master.key"
signing = {{ kid = "{LENDER}-1", file = "{dir}/signing.pem" }}
[delivery]
timeoutSeconds = 3
allowPrivateAddresses = true
[limits]
otpValidityMinutes = 10000
[[products]]
id = "personal"
loanTypes = ["PERSONAL"]
minAmount = "1000.00"
maxAmount = "1000000.00"
annualRate = "16.00"
method = "EQUAL_INSTALMENT"
frequency = "MONTHLY"
installments = 12
dayCount = "THIRTY360"
rounding = "PAISE_HALF_UP"
processingFeePercent = "1.50"
gstPercent = "18.00"
bounceCharge = "250.00"
latePaymentPercent = "24.00"
coolingOffDays = 3
offerValidityDays = 7
needsDataConsent = true
needsMonitoringConsent = false
needsKyc = true
repayByMandate = true
[ports.decision]
builtin = true
{}"#,
        ports.concat()
    )
}

/// One process.
pub struct Replica {
    site: Site,
    number: usize,
    child: Option<Child>,
    /// Where LSPs reach it; the same after a restart.
    pub lsp: SocketAddr,
    /// Where operators reach it.
    pub admin: SocketAddr,
    borrower: SocketAddr,
}

impl Replica {
    /// Starts a replica and waits until it is ready.
    pub async fn start(site: &Site, number: usize) -> Self {
        let [lsp, admin, borrower] = free_addresses();
        let mut replica = Self { site: site.clone(), number, child: None, lsp, admin, borrower };
        replica.launch().await;
        replica
    }

    /// Starts the process, again after an end, and waits until it is ready.
    pub async fn launch(&mut self) {
        // One that gives up while the database is away is started again by whoever watches it.
        let ready = async {
            loop {
                if self.ended() {
                    self.child = Some(self.spawn());
                }
                if is_ready(self.lsp).await {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let started = tokio::time::timeout(START, ready).await;
        assert!(started.is_ok(), "replica {} is not ready; see {}", self.number, self.log().display());
    }

    /// The clock of a `dev` that has ended is back at the wall's time.
    pub fn forget_clock(&self) {
        let _ = fs::remove_file(self.own_data_dir().join("clock"));
    }

    /// SIGKILL.
    pub async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().await.unwrap();
        }
    }

    /// SIGTERM, and waits for the end, which must be a good one.
    pub async fn stop(&mut self) {
        let mut child = self.child.take().unwrap();
        signal(child.id().unwrap(), "-TERM");
        let ended = tokio::time::timeout(STOP, child.wait()).await;
        let status = ended.expect("a replica that was told to stop ends").unwrap();
        assert!(status.success(), "replica {} ended with {status}; see {}", self.number, self.log().display());
    }

    fn ended(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| child.try_wait().unwrap().is_some())
    }

    fn log(&self) -> PathBuf {
        self.site.dir.join(format!("replica-{}.log", self.number))
    }

    fn spawn(&self) -> Child {
        let log = || -> File { OpenOptions::new().create(true).append(true).open(self.log()).unwrap() };
        let mut command = Command::new(env!("CARGO_BIN_EXE_ocen-lender"));
        command
            .arg(match self.site.kind {
                Kind::Serve => "serve",
                Kind::Dev => "dev",
            })
            .arg("--config")
            .arg(self.site.dir.join("config.toml"))
            .args(["--listen", &self.lsp.to_string(), "--admin-listen", &self.admin.to_string()])
            .args(["--borrower-listen", &self.borrower.to_string(), "--database-url", &self.site.database_url])
            .env("OCEN_LOG", "info,sqlx=warn")
            .stdout(log())
            .stderr(log())
            .kill_on_drop(true);
        match self.site.kind {
            Kind::Serve => command.env("OCEN_ADMIN_TOKEN", TOKEN),
            Kind::Dev => command.arg("--data-dir").arg(self.own_data_dir()),
        };
        command.spawn().unwrap()
    }

    /// `dev` keeps its clock beside its keys, and each replica has a clock of its own.
    fn own_data_dir(&self) -> PathBuf {
        let dir = self.site.dir.join(format!("dev-{}", self.number));
        fs::create_dir_all(&dir).unwrap();
        for file in ["signing.pem", "master.key", "lsp-demo.pem"] {
            fs::copy(self.site.dir.join(file), dir.join(file)).unwrap();
        }
        dir
    }
}

/// Ports that are free now; whoever binds them next is most likely us.
fn free_addresses<const N: usize>() -> [SocketAddr; N] {
    let listeners = std::array::from_fn::<_, N, _>(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap())
}
