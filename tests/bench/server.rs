//! The program as a process: `serve` with everything on, its log in a file.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use ocen_lender::jose::SigningKey;
use ocen_lender::seal::MasterKey;
use secrecy::ExposeSecret as _;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::Outcome;
use crate::cpu::Process;
use crate::database::Database;
use crate::messages::ORG;
use crate::sink::Sink;
use crate::wire::Wire;

/// The program that is measured.
const PROGRAM: &str = env!("CARGO_BIN_EXE_ocen-lender");
/// What operators show.
const TOKEN: &str = "bench-operator-token-0123456789abcdef";
/// How long start and end may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What every start of the server has in common.
pub struct Setup {
    folder: PathBuf,
    database_url: String,
    sink: String,
    /// Seals what is stored beforehand, as the server does.
    pub master: MasterKey,
}

impl Setup {
    /// Keys and files.
    pub fn new(database: &Database, sink: &Sink) -> Outcome<Self> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench");
        fs::create_dir_all(&folder)?;
        let master = MasterKey::generate()?;
        fs::write(folder.join("master.key"), master.to_base64().expose_secret())?;
        let key = SigningKey::generate("lender-bench")?;
        fs::write(folder.join("signing.pem"), key.to_pkcs8_pem()?.expose_secret())?;
        Ok(Self { folder, database_url: database.url.clone(), sink: sink.address.clone(), master })
    }

    fn config(&self, paused: bool) -> String {
        let folder = self.folder.display();
        let port = |name: &str| {
            let secret = "whsec_cmVwbGFjZS10aGlzLXNlY3JldC1iZWZvcmUtdXNl";
            format!("[ports.{name}]\nurl = \"http://{}/ports\"\nsecret = \"{secret}\"\n", self.sink)
        };
        let ports: String = ["data", "kyc", "agreement", "disbursement", "collections", "notifier"].map(port).concat();
        format!(
            r#"
            borrowerUrl = "https://loans.example.in"
            [lender]
            orgId = "LENDER-BENCH"
            name = "Bench Finance Limited"
            primaryId = "U65999KA2020PLC000001"
            primaryIdType = "CIN"
            phone = "18001234567"
            email = "care@example.in"
            grievanceOfficer = {{ name = "Kavya Iyer", phone = "18001234568", email = "grievance@example.in" }}
            [keys]
            masterKeyFile = "{folder}/master.key"
            signing = {{ kid = "lender-bench", file = "{folder}/signing.pem" }}
            [delivery]
            allowPrivateAddresses = true
            paused = {paused}
            [[products]]
            id = "personal-12"
            loanTypes = ["PERSONAL"]
            minAmount = "5000.00"
            maxAmount = "300000.00"
            annualRate = "16.00"
            method = "EQUAL_INSTALMENT"
            frequency = "MONTHLY"
            installments = 12
            dayCount = "THIRTY360"
            rounding = "RUPEE_HALF_UP"
            processingFeePercent = "1.50"
            gstPercent = "18.00"
            bounceCharge = "250.00"
            latePaymentPercent = "24.00"
            coolingOffDays = 3
            offerValidityDays = 7
            needsDataConsent = false
            needsMonitoringConsent = false
            needsKyc = true
            repayByMandate = true
            [ports.decision]
            builtin = true
            [ports.ledger]
            builtin = true
            {ports}
            "#
        )
    }
}

/// A running server.
pub struct Server {
    child: Child,
    /// `127.0.0.1:port` for LSPs.
    pub address: String,
    admin: String,
    /// The process.
    pub process: Process,
    /// Milliseconds from its start to its first answer.
    pub start_ms: f64,
}

impl Server {
    /// Starts one. A paused one takes requests, and leaves callbacks and questions to others.
    pub async fn start(setup: &Setup, paused: bool) -> Outcome<Self> {
        let config = setup.folder.join("serve.toml");
        fs::write(&config, setup.config(paused))?;
        let [lsp, admin, borrower] = free_addresses().await?;
        let log = File::create(setup.folder.join("server.log"))?;
        let begun = Instant::now();
        let child = Command::new(PROGRAM)
            .args(["serve", "--listen", &lsp, "--admin-listen", &admin, "--borrower-listen", &borrower])
            .env("OCEN_CONFIG", &config)
            .env("DATABASE_URL", &setup.database_url)
            .env("OCEN_ADMIN_TOKEN", TOKEN)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        timeout(PATIENCE, ready(&lsp))
            .await
            .map_err(|_| "the server did not start; see its log in target/tmp/bench")?;
        let start_ms = begun.elapsed().as_secs_f64() * 1_000.0;
        let process = Process(child.id().ok_or("the server has ended")?);
        Ok(Self { child, address: lsp, admin, process, start_ms })
    }

    /// Registers the LSP with its key, its callbacks going to the sink.
    pub async fn register(&self, key: &SigningKey, sink: &Sink) -> Outcome<()> {
        let keys = [json!({"kid": key.kid(), "publicKeyPem": key.public_key_pem()})];
        let base = format!("http://{}", sink.address);
        let body = json!({"name": ORG, "callbackBaseUrl": base, "keys": keys, "settings": {}}).to_string();
        let mut wire = Wire::connect(&self.admin).await?;
        let head = format!(
            "PUT /admin/lsps/{ORG} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {TOKEN}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            self.admin,
            body.len()
        );
        wire.send(format!("{head}{body}").as_bytes()).await?;
        let answer = wire.read().await?.ok_or("the server hung up")?;
        match answer.second_word() {
            "200" | "201" | "204" => Ok(()),
            _ => Err(format!("the LSP was not registered: {}", String::from_utf8_lossy(answer.body)).into()),
        }
    }

    /// Ends it as an operator would, with SIGTERM.
    pub async fn stop(mut self) -> Outcome<()> {
        let id = self.process.0.to_string();
        Command::new("kill").args(["-TERM", &id]).status().await?;
        timeout(PATIENCE, self.child.wait()).await.map_err(|_| "the server did not stop")??;
        Ok(())
    }

    /// Size of the program on disk, in MB; release builds are stripped.
    pub fn program_mb() -> f64 {
        fs::metadata(PROGRAM).map_or(0.0, |file| file.len() as f64 / 1e6)
    }
}

/// Waits for the first good answer.
async fn ready(address: &str) {
    loop {
        if let Ok(mut wire) = Wire::connect(address).await
            && wire.send(b"GET /health/ready HTTP/1.1\r\nhost: bench\r\n\r\n").await.is_ok()
            && let Ok(Some(answer)) = wire.read().await
            && answer.second_word() == "200"
        {
            return;
        }
        sleep(Duration::from_millis(1)).await;
    }
}

/// Addresses that are free now.
async fn free_addresses() -> Outcome<[String; 3]> {
    let mut listeners = Vec::new();
    for _ in 0..3 {
        listeners.push(TcpListener::bind("127.0.0.1:0").await?);
    }
    let addresses: Vec<String> =
        listeners.iter().map(|l| l.local_addr().map(|a| a.to_string())).collect::<Result<_, _>>()?;
    addresses.try_into().map_err(|_| "no free ports".into())
}
