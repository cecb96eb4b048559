//! `listen`: an LSP's endpoint on a laptop. It takes callbacks, verifies them against the lender's published keys,
//! prints each, and answers with an ack, its own or that of the endpoint to which it hands them on.

mod args;
mod check;
mod forward;
mod keys;
mod receive;
mod registration;
mod show;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::Url;
use reqwest::redirect::Policy;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use args::ListenArgs;
pub use show::Screen;

use crate::clock::Clock;
use crate::jose::{KeyError, SigningKey};
use forward::Forward;
use keys::KeyRing;
use receive::Listener;
use registration::Registration;

/// How long one call of ours may take: that of a callback, so that the lender hears of it in time.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(9);
/// How long the last callbacks may take when we stop.
const GRACE: Duration = Duration::from_secs(2);

/// Why nobody listens.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says it")]
pub enum ListenError {
    #[error("cannot listen on {address}: {source}")]
    Bind { address: SocketAddr, source: std::io::Error },
    #[error("{}: {source}", path.display())]
    KeyFile { path: std::path::PathBuf, source: std::io::Error },
    #[error("the key cannot be used: {0}")]
    Key(#[from] KeyError),
    #[error("no HTTP client: {0}")]
    Client(#[from] reqwest::Error),
    #[error("{0}")]
    Registration(String),
    #[error("the listener stopped: {0}")]
    Served(std::io::Error),
}

/// What came while we listened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Callbacks in all.
    pub callbacks: u64,
    /// Those that did not pass a check.
    pub refused: u64,
}

/// Listens until `stop`, and puts the registration back as it was.
///
/// # Errors
/// [`ListenError`], before anything was changed unless it is of the listener itself.
pub async fn run(args: ListenArgs, screen: Screen, stop: CancellationToken) -> Result<Tally, ListenError> {
    let client = client(&args)?;
    let signer = signer(&args).await?;
    let socket = TcpListener::bind(args.address())
        .await
        .map_err(|source| ListenError::Bind { address: args.address(), source })?;
    let address = socket.local_addr().map_err(ListenError::Served)?;
    let screen = Arc::new(screen);
    let own = args.callback_url.as_deref().map_or_else(|| format!("http://{address}"), base);
    screen.begins(&own);
    let keys = KeyRing::new(client.clone(), format!("{}/.well-known/jwks.json", base(&args.url)));
    if let Err(why) = keys.fetch().await {
        screen.aside(&format!("the lender's keys are not there yet ({why}); asked for again with the first callback"));
    }
    let registration = if args.registers() {
        let taken = Registration::take_over(&args, client.clone(), &own).await.map_err(ListenError::Registration)?;
        screen.aside(&format!("callbacks of {} come here now; they went to {}", args.org, taken.before()));
        Some(taken)
    } else {
        screen.aside(&format!("register {own} as the callback address, or use --register"));
        None
    };
    let forward = args.forward_to.as_deref().map(|url| Forward::new(client, base(url)));
    let listener = Arc::new(Listener {
        keys,
        signer,
        forward,
        screen: Arc::clone(&screen),
        clock: Clock::default(),
        seen: Mutex::default(),
    });
    let served = serve(listener, socket, &stop).await;
    if let Some(registration) = registration {
        match registration.give_back().await {
            Ok(url) => screen.aside(&format!("callbacks of {} go to {url} again", args.org)),
            Err(why) => screen.aside(&format!("the callback address of {} stays {own}: {why}", args.org)),
        }
    }
    served.map_err(ListenError::Served)?;
    Ok(screen.ends())
}

async fn serve(listener: Arc<Listener>, socket: TcpListener, stop: &CancellationToken) -> std::io::Result<()> {
    let serving = axum::serve(socket, receive::router(listener)).with_graceful_shutdown(stop.clone().cancelled_owned());
    tokio::select! {
        ended = serving.into_future() => ended,
        // Idle connections of the server would hold the listener open.
        () = async { stop.cancelled().await; tokio::time::sleep(GRACE).await } => Ok(()),
    }
}

async fn signer(args: &ListenArgs) -> Result<Option<SigningKey>, ListenError> {
    let (Some(path), Some(kid)) = (&args.key, &args.kid) else {
        return Ok(None);
    };
    let pem =
        tokio::fs::read_to_string(path).await.map_err(|source| ListenError::KeyFile { path: path.clone(), source })?;
    Ok(Some(SigningKey::from_pem(kid.clone(), &pem)?))
}

fn client(args: &ListenArgs) -> Result<reqwest::Client, reqwest::Error> {
    let mut builder = reqwest::Client::builder().redirect(Policy::none()).timeout(REQUEST_TIMEOUT);
    // A proxy for the world outside does not know this machine.
    if is_local(&args.url) {
        builder = builder.no_proxy();
    }
    builder.build()
}

/// Whether an address is this machine's.
fn is_local(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

/// No slash at the end, so that paths can follow.
fn base(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}
