//! Posts a callback to an LSP: no redirects, bounded time, bounded answer (design §6, §10).

use std::collections::{BTreeMap, HashSet};
use std::error::Error as _;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use reqwest::dns::Resolve;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Body, Response, Url, redirect};
use tokio::time::{Instant, timeout_at};

use super::address::{Policy, PublicOnly, System};
use crate::config::{ClientTls, DeliveryConfig};
use crate::telemetry::trace::HEADER;
use crate::tls::TlsError;
use crate::tls::outgoing::{self, Trust};

/// Most bytes of an answer that are read; an ack is far smaller.
const READ_LIMIT: usize = 64 * 1024;
/// Idle connections kept to one LSP.
const IDLE_PER_HOST: usize = 32;
/// Pieces of a body that comes slowly, and the pause between two.
const PIECES: usize = 10;
const PAUSE: Duration = Duration::from_millis(300);
/// Most answer paths whose odd spelling is remembered.
const REMEMBERED: usize = 10_000;

/// What is posted.
#[derive(Debug, Clone)]
pub struct Message {
    /// JSON, signed or plain.
    pub body: Bytes,
    /// The try's place in its trace (W3C).
    pub traceparent: String,
    /// How it is handed over.
    pub manner: Manner,
}

/// How a message is handed over; anything but `Usual` is a fault on purpose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Manner {
    /// At once, as JSON.
    #[default]
    Usual,
    /// Under another content type.
    Typed(&'static str),
    /// Without a content type.
    Untyped,
    /// In small pieces.
    Slow,
    /// Half of it, and then the connection ends.
    Reset,
}

/// What an LSP answered.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body, cut at 64 KiB.
    pub body: Vec<u8>,
    /// `Retry-After` as sent.
    pub retry_after: Option<String>,
}

/// Why there is no answer. The texts go to operators.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// The registered URL cannot be used.
    #[error("the callback URL is not usable: {0}")]
    Url(String),
    /// Nothing came back in time.
    #[error("no answer within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The connection failed.
    #[error("{0}")]
    Connection(String),
}

/// The HTTP client for callbacks, with what it learnt about LSPs' spelling of paths.
pub struct Client {
    http: RwLock<Clients>,
    config: DeliveryConfig,
    policy: Policy,
    resolver: Arc<dyn Resolve>,
    lower_case: Mutex<HashSet<String>>,
}

/// An LSP with a certificate or authority of its own has a client of its own.
#[derive(Debug, Clone)]
struct Clients {
    common: reqwest::Client,
    /// For our own inbox, whose address is nobody's choice.
    inbox: reqwest::Client,
    by_lsp: BTreeMap<String, reqwest::Client>,
}

impl Client {
    /// A client that keeps to the address policy and shows the certificates that are configured.
    ///
    /// # Errors
    /// When a certificate cannot be used, or the TLS library cannot start.
    pub fn new(config: &DeliveryConfig) -> Result<Self, TlsError> {
        Self::resolving_by(config, Arc::new(System))
    }

    /// The same with another resolver of names.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn resolving_by(config: &DeliveryConfig, resolver: Arc<dyn Resolve>) -> Result<Self, TlsError> {
        Ok(Self {
            http: RwLock::new(clients(config, &resolver)?),
            policy: Policy { private_addresses: config.allow_private_addresses, ports: config.allowed_ports.clone() },
            config: config.clone(),
            resolver,
            lower_case: Mutex::default(),
        })
    }

    /// The files of certificates that it was made from.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        std::iter::once(&self.config.tls).chain(self.config.lsp_tls.values()).flat_map(outgoing::paths).collect()
    }

    /// Reads the files again; what cannot be used leaves everything as it was, and the log says so.
    pub fn reload(&self) {
        match clients(&self.config, &self.resolver) {
            Ok(fresh) => *self.http.write().unwrap_or_else(PoisonError::into_inner) = fresh,
            Err(error) => tracing::error!(%error, "certificates for callbacks stay as they were"),
        }
    }

    fn client_for(&self, lsp: &str) -> reqwest::Client {
        let clients = self.http.read().unwrap_or_else(PoisonError::into_inner);
        clients.by_lsp.get(lsp).unwrap_or(&clients.common).clone()
    }

    fn inbox_client(&self) -> reqwest::Client {
        self.http.read().unwrap_or_else(PoisonError::into_inner).inbox.clone()
    }

    /// Posts `body` to an LSP's base URL and answer path.
    ///
    /// The two answer paths with a capital T are tried again in lower case when the LSP does not know them
    /// (`ocen-v3.md` §1.2), within the same time, and what worked is remembered.
    ///
    /// # Errors
    /// [`PostError`].
    pub async fn post(&self, lsp: &str, base_url: &str, path: &str, message: Message) -> Result<Answer, PostError> {
        let deadline = Instant::now() + self.config.timeout;
        let http = self.client_for(lsp);
        let base_url = base_url.trim_end_matches('/');
        let Some(other) = lower_case_spelling(path) else {
            return self.post_once(&http, &format!("{base_url}{path}"), message, deadline).await;
        };
        let [spec, lower] = [path, &other].map(|path| format!("{base_url}{path}"));
        let learnt = self.knows(&lower);
        let (first, second) = if learnt { (&lower, &spec) } else { (&spec, &lower) };
        let answer = self.post_once(&http, first, message.clone(), deadline).await?;
        if !matches!(answer.status, 404 | 405) {
            return Ok(answer);
        }
        let answer = self.post_once(&http, second, message, deadline).await?;
        if (200..300).contains(&answer.status) {
            self.learn(lower, !learnt);
        }
        Ok(answer)
    }

    async fn post_once(
        &self,
        http: &reqwest::Client,
        url: &str,
        message: Message,
        deadline: Instant,
    ) -> Result<Answer, PostError> {
        let url = Url::parse(url).map_err(|e| PostError::Url(e.to_string()))?;
        let ours = self.config.inbox.as_ref().and_then(|inbox| inbox.reach(&url));
        let (http, url) = if let Some(inside) = ours {
            (self.inbox_client(), inside)
        } else {
            self.policy.check(&url).map_err(|e| PostError::Url(e.to_string()))?;
            (http.clone(), url)
        };
        let exchange = async {
            let Message { body, traceparent, manner } = message;
            let request = http.post(url).header(HEADER, traceparent);
            let request = match manner {
                Manner::Untyped => request,
                Manner::Typed(other) => request.header(CONTENT_TYPE, other),
                _ => request.header(CONTENT_TYPE, "application/json"),
            };
            let request = match manner {
                Manner::Slow | Manner::Reset => request.body(Body::wrap_stream(pieces(body, manner))),
                _ => request.body(body),
            };
            read(request.send().await?).await
        };
        match timeout_at(deadline, exchange).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(PostError::Connection(describe(&error))),
            Err(_) => Err(PostError::Timeout(self.config.timeout)),
        }
    }

    fn knows(&self, lower: &str) -> bool {
        self.lower_case.lock().unwrap_or_else(PoisonError::into_inner).contains(lower)
    }

    fn learn(&self, lower: String, works: bool) {
        let mut known = self.lower_case.lock().unwrap_or_else(PoisonError::into_inner);
        if !works {
            known.remove(&lower);
        } else if known.len() < REMEMBERED {
            known.insert(lower);
        }
    }
}

fn clients(config: &DeliveryConfig, resolver: &Arc<dyn Resolve>) -> Result<Clients, TlsError> {
    let by_lsp =
        config.lsp_tls.iter().map(|(lsp, tls)| Ok((lsp.clone(), client(config, resolver, (tls, Trust::Alone))?)));
    Ok(Clients {
        common: client(config, resolver, (&config.tls, Trust::Beside))?,
        inbox: client(
            &DeliveryConfig { allow_private_addresses: true, ..config.clone() },
            resolver,
            (&ClientTls::default(), Trust::Beside),
        )?,
        by_lsp: by_lsp.collect::<Result<_, TlsError>>()?,
    })
}

fn client(
    config: &DeliveryConfig,
    resolver: &Arc<dyn Resolve>,
    (tls, trust): (&ClientTls, Trust),
) -> Result<reqwest::Client, TlsError> {
    let builder = reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        // A proxy would resolve names itself and so pass the address policy by.
        .no_proxy()
        .connect_timeout(config.timeout)
        .pool_max_idle_per_host(IDLE_PER_HOST)
        .user_agent(concat!("ocen-lender/", env!("CARGO_PKG_VERSION")));
    let builder = if config.allow_private_addresses {
        builder.dns_resolver(Arc::clone(resolver))
    } else {
        builder.dns_resolver(Arc::new(PublicOnly::of(Arc::clone(resolver))))
    };
    Ok(outgoing::equip(builder, tls, trust)?.build()?)
}

/// A body in pieces, each after a pause; one that is reset has only half of them.
fn pieces(body: Bytes, manner: Manner) -> impl futures_util::Stream<Item = io::Result<Bytes>> + Send + 'static {
    let size = body.len().div_ceil(PIECES).max(1);
    let end = if manner == Manner::Reset { body.len() / 2 } else { body.len() };
    futures_util::stream::unfold((body, 0), move |(body, sent)| async move {
        if sent >= end {
            let broken = || io::Error::new(io::ErrorKind::ConnectionReset, "reset on purpose by the sandbox");
            // What ends the connection comes once; then the stream is at its end.
            return (manner == Manner::Reset && sent != usize::MAX).then(|| (Err(broken()), (body, usize::MAX)));
        }
        if sent > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        let next = (sent + size).min(end);
        let piece = body.slice(sent..next);
        Some((Ok(piece), (body, next)))
    })
}

/// `…/triggerDisbursement…` for `…/TriggerDisbursement…`.
fn lower_case_spelling(path: &str) -> Option<String> {
    let (folder, name) = path.rsplit_once('/')?;
    let rest = name.strip_prefix('T').filter(|_| name.starts_with("TriggerDisbursement"))?;
    Some(format!("{folder}/t{rest}"))
}

async fn read(mut response: Response) -> Result<Answer, reqwest::Error> {
    let status = response.status().as_u16();
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut body = Vec::new();
    while body.len() < READ_LIMIT {
        let Some(chunk) = response.chunk().await? else {
            break;
        };
        let room = READ_LIMIT - body.len();
        body.extend(chunk.iter().take(room));
    }
    Ok(Answer { status, body, retry_after })
}

/// The innermost cause says the most, and the outermost one repeats the URL.
fn describe(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    while let Some(inner) = cause.and_then(std::error::Error::source) {
        cause = Some(inner);
    }
    cause.map_or_else(|| "the connection failed".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_two_odd_paths_have_another_spelling() {
        assert_eq!(
            lower_case_spelling("/v3/disbursement/TriggerDisbursementStatusResponse").as_deref(),
            Some("/v3/disbursement/triggerDisbursementStatusResponse")
        );
        assert_eq!(lower_case_spelling("/v3/disbursement/triggerDisbursementResponse"), None);
        assert_eq!(lower_case_spelling("/v3/offer/setOfferResponse"), None);
    }
}
