//! The real server, in process, on free ports and a database of its own.

use std::sync::Arc;
use std::time::Duration;

use ocen_lender::app::{App, OurKeys, Parts, SharedApp};
use ocen_lender::clock::{Clock, Ids};
use ocen_lender::config::{Config, DevArgs};
use ocen_lender::http::{Extra, Listeners};
use ocen_lender::jose::SigningKey;
use ocen_lender::lender::ledger::Ledger;
use ocen_lender::lender::{Port, Ports};
use ocen_lender::sandbox::systems::Systems;
use ocen_lender::seal::MasterKey;
use tokio::sync::OnceCell;

use super::database;
use super::lsp::{TestLsp, USUAL};
use super::operators_api;

/// Key generation is slow in debug builds, so one per process.
static LENDER_KEY: OnceCell<Arc<SigningKey>> = OnceCell::const_new();

/// A running server; ends when dropped.
pub struct Server {
    /// All that it shares.
    pub app: SharedApp,
    /// `http://127.0.0.1:port` for LSPs.
    pub url: String,
    /// The same for operators.
    pub admin: String,
    /// The database, to look at or break.
    pub database_url: String,
    /// For everything but OCEN messages.
    pub http: reqwest::Client,
}

/// A change of the sandbox's configuration.
pub type Tweak = Box<dyn FnOnce(&mut Config) + Send>;

/// How a server is to be started.
#[derive(Default)]
pub struct Options {
    /// `--manual`.
    pub manual: bool,
    /// Changes the sandbox's configuration.
    pub tweak: Option<Tweak>,
    /// Puts another system behind a port.
    pub port: Option<(&'static str, Arc<dyn Port>)>,
    /// Puts another general ledger there.
    pub ledger: Option<Arc<dyn Ledger>>,
    /// An existing database instead of a fresh one.
    pub database_url: Option<String>,
    /// Leaves background work to the test.
    pub idle: bool,
}

impl Server {
    /// The sandbox as `dev` has it.
    pub async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    /// The sandbox, changed.
    pub async fn start_with(options: Options) -> Self {
        let database_url = match options.database_url {
            Some(url) => url,
            None => database::fresh().await,
        };
        let mut config = config(options.manual);
        if let Some(tweak) = options.tweak {
            tweak(&mut config);
        }
        let listeners = Listeners::bind(&config.listen).await.unwrap().secured(&config.tls).unwrap();
        config.listen_on(listeners.addresses().unwrap());
        let clock = Clock::default();
        let pool = ocen_lender::app::pool(&database_url, 12).unwrap();
        let systems = Systems::new(pool.clone(), Ids, &config);
        let replaced = options.port;
        let ledger = options.ledger;
        let ports = Ports::new(&config, &clock, |name| match &replaced {
            Some((port, system)) if *port == name => Some(Arc::clone(system)),
            _ => systems.simulated(name),
        })
        .unwrap();
        let ports = match ledger {
            Some(ledger) => ports.with_ledger(ledger),
            None => systems.join(ports, &config),
        };
        let key =
            Arc::clone(LENDER_KEY.get_or_init(|| async { Arc::new(SigningKey::generate("lender-1").unwrap()) }).await);
        let keys = OurKeys { signing: Arc::clone(&key), published: vec![key] };
        let master = MasterKey::from_base64(TEST_MASTER_KEY).unwrap();
        let app = App::build(Parts {
            pool,
            clock,
            config,
            keys,
            ports,
            codec: Arc::new(ocen_lender::protocol::Codec),
            master,
        })
        .await
        .unwrap();
        let url = format!("http://{}", app.config.listen.lsp);
        let admin = format!("http://{}", app.config.listen.admin);
        let extra = Extra {
            admin: ocen_lender::sandbox::http::router(&app).with_state(Arc::clone(&app)),
            pages: ocen_lender::console::router(),
            borrower: ocen_lender::sandbox::pay::router(&app),
        };
        if !options.idle {
            spawn_background(&app);
        }
        let serving = Arc::clone(&app);
        app.tasks.spawn(async move { ocen_lender::http::serve(serving, listeners, extra).await });
        Self { app, url, admin, database_url, http: client() }
    }

    /// An LSP of this server with its own key and its own listener.
    pub async fn lsp(&self) -> TestLsp {
        TestLsp::register(self, USUAL).await
    }

    /// Waits until a condition holds, and fails after twenty seconds.
    pub async fn until<F, Fut>(&self, what: &str, condition: F)
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = bool>,
    {
        self.until_within(Duration::from_secs(20), what, condition).await;
    }

    /// The same for work that takes its time.
    pub async fn until_within<F, Fut>(&self, patience: Duration, what: &str, mut condition: F)
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = bool>,
    {
        let held = tokio::time::timeout(patience, async {
            while !condition().await {
                tokio::task::yield_now().await;
                tokio::time::timeout(Duration::from_millis(10), std::future::pending::<()>()).await.ok();
            }
        });
        assert!(held.await.is_ok(), "waited in vain until {what}");
    }

    /// GET on the operators' listener.
    pub async fn get(&self, path: &str) -> serde_json::Value {
        let answer = self.http.get(format!("{}{path}", self.admin)).send().await.unwrap();
        let status = answer.status().as_u16();
        let answer = answer.json().await.unwrap();
        operators_api::hold("get", path, (status, &answer));
        answer
    }

    /// POST on the operators' listener.
    pub async fn post(&self, path: &str, body: &serde_json::Value) -> (u16, serde_json::Value) {
        let answer = self.http.post(format!("{}{path}", self.admin)).json(body).send().await.unwrap();
        let status = answer.status().as_u16();
        let answer = answer.json().await.unwrap_or(serde_json::Value::Null);
        operators_api::hold("post", path, (status, &answer));
        (status, answer)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.app.stop.cancel();
    }
}

/// What `dev` and `serve` run beside their listeners.
fn spawn_background(app: &SharedApp) {
    app.tasks.spawn(ocen_lender::engine::fire::run(Arc::clone(app)));
    app.tasks.spawn(ocen_lender::engine::run_release(Arc::clone(app)));
    app.tasks.spawn(ocen_lender::engine::day_end::run(Arc::clone(app)));
    app.tasks.spawn(ocen_lender::keep::run(Arc::clone(app)));
    app.tasks.spawn(ocen_lender::engine::ledger::run(Arc::clone(app)));
    let app = Arc::clone(app);
    app.tasks.clone().spawn(async move { ocen_lender::delivery::run(app).await.unwrap() });
}

/// Thirty-two bytes that are known to everybody.
pub const TEST_MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn config(manual: bool) -> Config {
    use clap::Parser as _;
    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        dev: DevArgs,
    }
    let any = "127.0.0.1:0";
    let mut args = vec!["dev", "--listen", any, "--admin-listen", any, "--borrower-listen", any];
    if manual {
        args.push("--manual");
    }
    Config::dev(&Cli::parse_from(args).dev).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a test talks to its own server only")]
fn client() -> reqwest::Client {
    reqwest::Client::new()
}
