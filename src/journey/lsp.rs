//! The LSP of a run: a fresh identity, its listener, its registration.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use reqwest::Url;
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::JourneyArgs;
use super::admin::Admin;
use super::borrower::new_id;
use super::envelope::Envelopes;
use super::error::JourneyError;
use super::inbox::Inbox;
use super::listener::{KeySource, Listener};
use super::outbound::{Courier, Patience, asks_for_patience, root_cause, shown};
use super::poller;
use super::screen::Screen;
use crate::clock::{Clock, Ids};
use crate::jose::SigningKey;

/// How long one try of anything may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// How long making a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Pause between two tries to fetch the lender's keys.
const PAUSE: Duration = Duration::from_millis(500);

/// A registered LSP with its listener running.
#[derive(Debug)]
pub struct Lsp {
    /// For its requests.
    pub courier: Courier,
    /// For the operators' listener.
    pub admin: Admin,
    /// Where its endpoint is.
    pub callback_url: String,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Lsp {
    /// Makes an LSP up, listens, and registers it.
    ///
    /// # Errors
    /// [`JourneyError::NoServer`] when the server cannot be reached, [`JourneyError::Setup`] when it has no keys or refuses
    /// the registration.
    pub async fn start(args: &JourneyArgs, screen: Arc<Screen>) -> Result<Self, JourneyError> {
        let client = client(args)?;
        let (socket, address) =
            bind(args).await.map_err(|error| setup("our own listener", "an address", error.to_string()))?;
        let url = base(&args.url);
        let jwks = fetch_keys(&client, &url, args.patience(), |failed| screen.waits(failed)).await?;
        let org_id = new_id(Ids, "LSP-JOURNEY");
        let signer = signer(args, &org_id)?;
        let envelopes = Envelopes::new(signer.clone(), &jwks)
            .map_err(|came| setup("/.well-known/jwks.json", "a usable RSA key", came))?;
        let envelopes = Arc::new(envelopes);
        let inbox = Arc::new(Inbox::default());

        let listener = Arc::new(Listener {
            envelopes: Arc::clone(&envelopes),
            inbox: Arc::clone(&inbox),
            clock: Clock::default(),
            keys: KeySource { client: client.clone(), url: base(&args.url), fetched: Mutex::new(None) },
        });
        let (stop, tasks) = listen(Arc::clone(&listener), socket);
        let admin = admin(args, client.clone());
        let registration = registration(args, address, signer.as_deref());
        match admin.register(&org_id, registration.clone()).await {
            Ok(()) => screen.aside(&format!("{org_id} registered, callbacks to {address}")),
            // A sandbox elsewhere posts to nobody's laptop, and keeps an inbox instead.
            Err(came) if came.contains("/callbackBaseUrl") && args.callback_url.is_none() => {
                admin
                    .register(&org_id, without_callback_url(registration))
                    .await
                    .map_err(|_| setup("PUT /admin/lsps", "success", came))?;
                tasks.spawn(poller::run((listener, admin.clone()), org_id.clone(), stop.clone()));
                screen.aside(&format!("{org_id} registered, callbacks to the server's own inbox"));
            }
            Err(came) => return Err(setup("PUT /admin/lsps", "success", came)),
        }
        let patience = Patience { step: args.patience(), resend: args.resend_after() };
        let (url, retries, clock) = (base(&args.url), AtomicU64::new(0), Clock::default());
        let courier = Courier { org_id, url, client, envelopes, inbox, screen, patience, clock, retries };
        Ok(Self { courier, admin, callback_url: callback_url(args, address), stop, tasks })
    }

    /// Leaves nothing behind: waits until every callback for us was delivered, then stops listening.
    ///
    /// # Errors
    /// [`JourneyError::Callback`] when a callback broke the contract or was given up.
    pub async fn finish(&self) -> Result<(), JourneyError> {
        let drained = self.drain().await;
        self.close().await;
        drained
    }

    /// Stops listening.
    pub async fn close(&self) {
        self.stop.cancel();
        // Idle connections of the server would hold the listener open.
        let _ = tokio::time::timeout(Duration::from_secs(1), self.tasks.wait()).await;
    }

    async fn drain(&self) -> Result<(), JourneyError> {
        let org_id = &self.courier.org_id;
        let deadline = Instant::now() + self.courier.patience.step;
        while Instant::now() < deadline {
            match self.admin.callbacks(org_id, "pending").await {
                Ok(0) => break,
                Ok(_) => sleep(PAUSE).await,
                // Not every server lets us look.
                Err(_) => return Ok(()),
            }
        }
        match self.admin.callbacks(org_id, "parked").await {
            Ok(parked) if parked > 0 => {
                Err(JourneyError::Callback(format!("{parked} callbacks of {org_id} are parked")))
            }
            _ => Ok(()),
        }
    }
}

/// A client of the operators' listener.
fn admin(args: &JourneyArgs, client: reqwest::Client) -> Admin {
    Admin {
        client,
        url: base(&args.admin_url),
        token: args.admin_token.clone(),
        otp_url: args.otp_url.as_deref().map(base),
        patience: args.patience(),
    }
}

impl Admin {
    /// A client of its own, for when the LSP is gone.
    ///
    /// # Errors
    /// In words, when there can be none.
    pub fn of(args: &JourneyArgs) -> Result<Self, String> {
        client(args).map(|client| admin(args, client)).map_err(|error| error.to_string())
    }
}

async fn bind(args: &JourneyArgs) -> std::io::Result<(TcpListener, SocketAddr)> {
    let socket = TcpListener::bind(args.callback_listen).await?;
    let address = socket.local_addr()?;
    Ok((socket, address))
}

/// Lets the listener run until the run is over; if it stops earlier, so does the run.
fn listen(listener: Arc<Listener>, socket: TcpListener) -> (CancellationToken, TaskTracker) {
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let (inbox, serving) = (Arc::clone(&listener.inbox), listener.serve(socket, stop.clone()));
    tasks.spawn(async move {
        if let Err(error) = serving.await {
            inbox.fail(format!("our listener stopped: {error}"));
        }
    });
    tasks.close();
    (stop, tasks)
}

fn setup(step: &'static str, expected: &'static str, came: String) -> JourneyError {
    JourneyError::Setup { step, expected, came }
}

/// No slash at the end, so that paths can follow.
fn base(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}

fn client(args: &JourneyArgs) -> Result<reqwest::Client, JourneyError> {
    let mut builder = reqwest::Client::builder()
        .redirect(Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(REQUEST_TIMEOUT)
        .pool_max_idle_per_host(usize::from(args.concurrency).max(8));
    // A proxy for the world outside does not know this machine.
    if Url::parse(&args.url).is_ok_and(|url| is_local(&url)) {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| setup("HTTP client", "a client", error.to_string()))
}

fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn signer(args: &JourneyArgs, org_id: &str) -> Result<Option<Arc<SigningKey>>, JourneyError> {
    if args.unsigned {
        return Ok(None);
    }
    let key = SigningKey::generate(format!("{org_id}-1"))
        .map_err(|error| setup("our signing key", "a key", error.to_string()))?;
    Ok(Some(Arc::new(key)))
}

fn callback_url(args: &JourneyArgs, address: SocketAddr) -> String {
    args.callback_url.as_deref().map_or_else(|| format!("http://{address}"), base)
}

fn registration(args: &JourneyArgs, address: SocketAddr, signer: Option<&SigningKey>) -> Value {
    let callback_base_url = callback_url(args, address);
    let (keys, settings) = match signer {
        Some(key) => (json!([{"kid": key.kid(), "publicKeyPem": key.public_key_pem()}]), json!({})),
        None => (json!([]), json!({"allowUnsigned": true})),
    };
    json!({"name": "Journey", "callbackBaseUrl": callback_base_url, "keys": keys, "settings": settings})
}

/// A sandbox with an inbox has callbacks sent there when no other address is given.
fn without_callback_url(mut registration: Value) -> Value {
    if let Some(members) = registration.as_object_mut() {
        members.remove("callbackBaseUrl");
    }
    registration
}

/// The lender's key set, from a server that may be back in a moment; `waits` is told once, when it is not there at first.
///
/// # Errors
/// [`JourneyError::NoServer`] when nobody answers in time, [`JourneyError::Setup`] when an answer is no key set.
pub(super) async fn fetch_keys(
    client: &reqwest::Client,
    url: &str,
    patience: Duration,
    waits: impl Fn(&JourneyError),
) -> Result<Value, JourneyError> {
    let deadline = Instant::now() + patience;
    let mut told = false;
    loop {
        let failed = match client.get(format!("{url}/.well-known/jwks.json")).send().await {
            Ok(response) => {
                let status = response.status();
                let body = response.bytes().await.unwrap_or_default();
                let came = match serde_json::from_slice(&body) {
                    Ok(keys) if status.is_success() => return Ok(keys),
                    _ => format!("HTTP {}: {} from {url}", status.as_u16(), shown(&body)),
                };
                let failed = setup("/.well-known/jwks.json", "a key set", came);
                if !asks_for_patience(status) {
                    return Err(failed);
                }
                failed
            }
            Err(error) => JourneyError::NoServer { url: url.to_owned(), came: root_cause(&error) },
        };
        if Instant::now() + PAUSE >= deadline {
            return Err(failed);
        }
        if !std::mem::replace(&mut told, true) {
            waits(&failed);
        }
        sleep(PAUSE).await;
    }
}
