//! `dev --hosted` as a process of its own, and an LSP that registered itself there.

use std::process::Stdio;
use std::time::Duration;

use clap::Parser as _;
use ocen_lender::journey::{JourneyArgs, Report};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::support::database;

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running host.
pub struct Host {
    child: Child,
    data_dir: tempdir::Dir,
    database_url: String,
    more: Vec<String>,
    pub lsp: String,
    pub admin: String,
    pub borrower: String,
    pub http: reqwest::Client,
}

/// A namespace as its LSP knows it.
#[derive(Debug, Clone)]
pub struct Namespace {
    pub name: String,
    pub token: String,
    pub org_id: String,
    pub lsp: String,
    pub admin: String,
    pub told: Value,
}

impl Host {
    /// A host on a database of its own.
    pub async fn start(more: &[&str]) -> Self {
        let database_url = database::fresh().await;
        Self::launch(tempdir::Dir::new(), database_url, more.iter().map(ToString::to_string).collect()).await
    }

    /// The same host, after it was killed where it stood.
    pub async fn restarted(mut self) -> Self {
        self.child.kill().await.unwrap();
        let Self { data_dir, database_url, more, .. } = self;
        Self::launch(data_dir, database_url, more).await
    }

    async fn launch(data_dir: tempdir::Dir, database_url: String, more: Vec<String>) -> Self {
        let mut child = command(&data_dir, &database_url).args(&more).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (mut lsp, mut admin, mut borrower) = (String::new(), String::new(), String::new());
        while let Some(line) = lines.next_line().await.unwrap() {
            let origin = |url: &str| url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
            match line.split_whitespace().collect::<Vec<_>>()[..] {
                ["LSPs", url] => lsp = origin(url),
                ["Operators", url] => admin = origin(url),
                ["Borrowers", url] => borrower = origin(url),
                ["End", ..] => break,
                _ => {}
            }
        }
        assert!(!admin.is_empty(), "the host did not start");
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let http = reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none());
        Self { child, data_dir, database_url, more, lsp, admin, borrower, http: http.build().unwrap() }
    }

    /// The control database.
    pub fn database_url(&self) -> &str {
        &self.database_url
    }

    /// What the host shows to make invites.
    pub fn token(&self) -> String {
        std::fs::read_to_string(self.data_dir.path().join("host.token")).unwrap()
    }

    /// A call of the operators' listener.
    pub async fn call(&self, token: &str, (method, path): (Method, &str), body: Option<&Value>) -> (u16, Value) {
        let mut request = self.http.request(method, format!("{}{path}", self.admin)).bearer_auth(token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
    }

    pub async fn invite(&self, body: &Value) -> String {
        let (status, made) = self.call(&self.token(), (Method::POST, "/hosted/invites"), Some(body)).await;
        assert_eq!(status, 201, "{made}");
        made["invite"].as_str().unwrap().to_owned()
    }

    /// Uses an invite.
    pub async fn register(&self, body: &Value) -> (u16, Value) {
        let answer = self.http.post(format!("{}/hosted/register", self.admin)).json(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// An LSP that came with an invite, and keeps its callbacks in its namespace's inbox.
    pub async fn namespace(&self, org_id: &str) -> Namespace {
        let invite = self.invite(&json!({})).await;
        let (status, told) = self.register(&json!({"invite": invite, "orgId": org_id, "name": org_id})).await;
        assert_eq!(status, 201, "{told}");
        let text = |member: &str| told[member].as_str().unwrap().to_owned();
        Namespace {
            name: text("namespace"),
            token: text("token"),
            org_id: org_id.to_owned(),
            lsp: text("lspUrl"),
            admin: text("adminUrl"),
            told,
        }
    }

    /// A call of a namespace's operators.
    pub async fn ask(&self, namespace: &Namespace, path: &str) -> Value {
        let path = format!("/{}{path}", namespace.name);
        let (status, answer) = self.call(&namespace.token, (Method::GET, &path), None).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    /// What the host says of a namespace.
    pub async fn state(&self, namespace: &Namespace) -> String {
        let path = format!("/hosted/{}", namespace.name);
        let (_, shown) = self.call(&self.token(), (Method::GET, &path), None).await;
        shown["state"].as_str().unwrap_or_default().to_owned()
    }

    /// Waits until a condition holds.
    pub async fn until<Fut: Future<Output = bool>>(&self, what: &str, mut condition: impl FnMut() -> Fut) {
        let held = tokio::time::timeout(PATIENCE, async {
            while !condition().await {
                tokio::time::timeout(Duration::from_millis(20), std::future::pending::<()>()).await.ok();
            }
        });
        assert!(held.await.is_ok(), "waited in vain until {what}");
    }
}

/// The program with a database of its own, on free ports.
pub fn command(data_dir: &tempdir::Dir, database_url: &str) -> Command {
    let any = "127.0.0.1:0";
    let mut command = Command::new(env!("CARGO_BIN_EXE_ocen-lender"));
    command
        .args(["dev", "--hosted", "--listen", any, "--admin-listen", any, "--borrower-listen", any])
        .args(["--database-url", database_url, "--data-dir"])
        .arg(data_dir.path())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    command
}

impl Namespace {
    /// The scripted LSP in this namespace.
    pub async fn journey(&self, more: &[&str]) -> Report {
        #[derive(clap::Parser)]
        struct Cli {
            #[command(flatten)]
            args: JourneyArgs,
        }
        let common = ["journey", "--json", "--url", &self.lsp, "--admin-url", &self.admin, "--token", &self.token];
        let args = Cli::parse_from(common.iter().chain(more)).args;
        ocen_lender::journey::run(args).await.unwrap()
    }

    /// A message of its LSP, plain, which a namespace without a key takes.
    pub async fn send(&self, http: &reqwest::Client, path: &str, request_id: &str, members: Value) -> (u16, Value) {
        let mut body = json!({
            "metadata": {"version": "1.0", "orgId": self.org_id, "timestamp": now(), "traceId": format!("T-{request_id}")},
            "requestId": request_id,
        });
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let answer = http.post(format!("{}/v3/{path}", self.lsp)).json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}

fn now() -> String {
    ocen_lender::clock::Clock::default().wall().to_rfc3339()
}

/// A directory that goes with its value.
pub mod tempdir {
    use std::path::{Path, PathBuf};

    pub struct Dir(PathBuf);

    impl Dir {
        pub fn new() -> Self {
            let path = std::env::temp_dir().join(format!("ocen-hosted-{}", ocen_lender::clock::Ids.uuid().simple()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        pub fn path(&self) -> &Path {
            &self.0
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}
