//! From a request to the namespace it is for.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST, LOCATION, RETRY_AFTER};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use reqwest::Url;

use super::name::Name;
use super::slot::{Awake, Slot};
use super::token::bearer;
use super::{Host, SharedHost, http as control};
use crate::http::problem::{Problem, no_such_path};
use crate::http::{docs, health, layers};
use crate::rate::Key;

/// What the tokens of links begin with that a namespace's operators make for others.
const LINK_TOKEN: &str = "ocl_";

/// Which listener a request came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    Lsp,
    Operators,
    Borrowers,
    /// Within this machine, for callbacks to built-in inboxes.
    Inbox,
}

/// The LSPs' listener.
pub fn lsp_router(host: &SharedHost) -> Router {
    listener(host, Door::Lsp, health::probes(Arc::clone(&host.app)).merge(docs::router()))
}

/// The operators' listener, with the host's own routes.
pub fn admin_router(host: &SharedHost) -> Router {
    listener(host, Door::Operators, control::router(host).merge(health::probes(Arc::clone(&host.app))))
}

/// The borrowers' listener.
pub fn borrower_router(host: &SharedHost) -> Router {
    listener(host, Door::Borrowers, health::probes(Arc::clone(&host.app)))
}

/// The host's own routes, and the namespaces beside them. Under a host name of its own a namespace has every path.
fn listener(host: &SharedHost, door: Door, own: Router) -> Router {
    let name = match door {
        Door::Lsp => "lsp",
        Door::Borrowers => "borrower",
        Door::Operators | Door::Inbox => "admin",
    };
    layers::around(own, Arc::clone(&host.app), name)
        .fallback_service(namespaces(host, door))
        .layer(middleware::from_fn_with_state((Arc::clone(host), door), by_host_first))
}

async fn by_host_first(State(state): State<(SharedHost, Door)>, request: Request, next: Next) -> Response {
    match by_host(&state.0.domains, request.uri(), request.headers()) {
        Some(_) => dispatch(State(state), request).await,
        None => next.run(request).await,
    }
}

/// The listener within this machine that callbacks to built-in inboxes go to.
pub fn inbox_router(host: &SharedHost) -> Router {
    namespaces(host, Door::Inbox)
}

fn namespaces(host: &SharedHost, door: Door) -> Router {
    Router::new().fallback(dispatch).with_state((Arc::clone(host), door))
}

async fn dispatch(State((host, door)): State<(SharedHost, Door)>, request: Request) -> Response {
    match pass(&host, door, request).await {
        Ok(response) => response,
        Err(refused) => refused,
    }
}

/// A request that is for a namespace, whether there is one of that name or not.
struct Target {
    name: Name,
    /// What stands before the path that the namespace's own routers know.
    prefix: String,
    /// That path, with its query.
    rest: PathAndQuery,
}

async fn pass(host: &SharedHost, door: Door, mut request: Request) -> Result<Response, Response> {
    let Some(target) = Target::of(&host.domains, &request) else {
        return Err(no_such_path().await.into_response());
    };
    let slot = host.find(&target.name);
    let slot = admit(door, slot, &target, request.headers(), request.method()).map_err(IntoResponse::into_response)?;
    if door != Door::Inbox
        && let Some(too_much) = host.too_much(&slot)
    {
        return Err(too_much);
    }
    if let Some(elsewhere) = host.console(door, &target, request.method()) {
        return Ok(elsewhere);
    }
    if slot.is_full() && takes_more(door, request.method(), target.rest.path()) {
        let detail = "this namespace keeps as much as it may; delete it and register again, or ask the host";
        return Err(Problem::new(StatusCode::INSUFFICIENT_STORAGE, detail).into_response());
    }
    let is_move = is_clock_move(door, &request, &target);
    let _turn = if is_move { host.clock_moves.acquire().await.ok() } else { None };
    let entered = host.enter(&slot).await.map_err(|error| Problem::from(error).into_response())?;
    slot.used(host.app.clock.wall());
    if door == Door::Operators && bearer(request.headers()).is_some_and(|token| slot.opens(token)) {
        // Only this process knows it, and it is put in only where the namespace's own token was shown.
        request.headers_mut().insert(AUTHORIZATION, entered.inner_token.clone());
    }
    *request.uri_mut() = inner_uri(request.uri(), target.rest.clone());
    let answered = TowerToHyperService::new(router(&entered, door)).call(request).await;
    let mut response = answered.unwrap_or_else(|never| match never {});
    slot.used(host.app.clock.wall());
    put_prefix(&mut response, &target.prefix);
    Ok(response)
}

fn router(awake: &Awake, door: Door) -> Router {
    match door {
        Door::Lsp => awake.lsp.clone(),
        Door::Operators | Door::Inbox => awake.admin.clone(),
        Door::Borrowers => awake.borrower.clone(),
    }
}

impl Target {
    /// By the host name, if that is a namespace's below one of the host's own, as in `acme-x.box.example`; else by the
    /// path.
    fn of(domains: &[String], request: &Request) -> Option<Self> {
        let uri = request.uri();
        if let Some(name) = by_host(domains, uri, request.headers()) {
            let rest = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
            return Some(Self { name, prefix: String::new(), rest });
        }
        let path = uri.path().strip_prefix('/')?;
        let (name, rest) = path.find('/').map_or((path, "/"), |at| path.split_at(at));
        let name = Name::parse(name)?;
        let rest = match uri.query() {
            Some(query) => PathAndQuery::try_from(format!("{rest}?{query}")),
            None => PathAndQuery::try_from(rest),
        };
        Some(Self { prefix: format!("/{name}"), name, rest: rest.ok()? })
    }
}

fn by_host(domains: &[String], uri: &Uri, headers: &HeaderMap) -> Option<Name> {
    let host = uri.host().or_else(|| headers.get(HOST)?.to_str().ok())?;
    let (label, domain) = host.split_once('.')?;
    let domain = domain.split_once(':').map_or(domain, |(domain, _)| domain);
    Name::parse(label).filter(|_| domains.iter().any(|known| known.eq_ignore_ascii_case(domain)))
}

/// The host names below which each namespace has one of its own: those of the public addresses, and `localhost`, whose
/// subdomains lead browsers to this machine.
pub(super) fn domains<'a>(urls: impl Iterator<Item = &'a str>) -> Vec<String> {
    let named = |url: &str| url.parse::<Url>().ok().and_then(|url| url.domain().map(str::to_owned));
    urls.filter_map(named).chain(["localhost".to_owned()]).collect()
}

/// Who may come in. On the operators' listener the token decides, and a namespace of another answers as one that does
/// not exist.
fn admit(
    door: Door,
    slot: Option<Arc<Slot>>,
    target: &Target,
    headers: &HeaderMap,
    method: &Method,
) -> Result<Arc<Slot>, Problem> {
    let path = target.rest.path();
    match door {
        Door::Lsp | Door::Borrowers => slot.ok_or_else(|| Problem::not_found("path")),
        Door::Inbox => {
            let is_callback = method == Method::POST && path.starts_with("/sandbox/inbox/");
            slot.filter(|_| is_callback).ok_or_else(|| Problem::not_found("path"))
        }
        Door::Operators => {
            let opened = |slot: &Arc<Slot>| match bearer(headers) {
                Some(token) => slot.opens(token) || is_for_the_guard(token),
                None => !headers.contains_key(AUTHORIZATION) && is_open(method, path),
            };
            slot.filter(opened).ok_or_else(|| {
                Problem::new(StatusCode::UNAUTHORIZED, "show the bearer token of a namespace that there is")
            })
        }
    }
}

/// A link's token, which the namespace's own guard knows or refuses.
fn is_for_the_guard(token: &str) -> bool {
    token.starts_with(LINK_TOKEN)
}

/// What the namespace's own guard judges when no token is shown: probes, and the console's pages, which hold no data.
fn is_open(method: &Method, path: &str) -> bool {
    let looks = matches!(*method, Method::GET | Method::HEAD);
    looks && (path.starts_with("/health") || path == "/console" || path.starts_with("/console/"))
}

/// Whether a request may make a namespace keep more.
fn takes_more(door: Door, method: &Method, path: &str) -> bool {
    let frees_or_looks = matches!(*method, Method::GET | Method::HEAD | Method::DELETE);
    let is_probe = door == Door::Lsp && path.starts_with("/health");
    !(frees_or_looks || is_probe)
}

fn is_clock_move(door: Door, request: &Request, target: &Target) -> bool {
    door == Door::Operators && request.method() == Method::POST && target.rest.path() == "/sandbox/clock"
}

impl Host {
    /// The console's links begin at the root, so its pages are shown under the namespace's own host name.
    fn console(&self, door: Door, target: &Target, method: &Method) -> Option<Response> {
        let path = target.rest.path();
        let is_page = path == "/console" || path.starts_with("/console/");
        if door != Door::Operators || !is_page || *method != Method::GET || target.prefix.is_empty() {
            return None;
        }
        let origin = self.own_origin(&target.name)?;
        Some((StatusCode::TEMPORARY_REDIRECT, [(LOCATION, format!("{origin}{}", target.rest))]).into_response())
    }

    /// What a namespace is answered that sends more than it may.
    fn too_much(&self, slot: &Slot) -> Option<Response> {
        let key = Key::Org(slot.name.as_str().to_owned());
        let wait = self.rates.take(vec![(key, self.settings.rate)], Instant::now()).err()?;
        let detail = "this namespace sends too much at once; try again a little later";
        let mut response = Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).into_response();
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().saturating_add(1)));
        Some(response)
    }
}

fn inner_uri(uri: &Uri, rest: PathAndQuery) -> Uri {
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(rest);
    Uri::from_parts(parts).unwrap_or_default()
}

/// A redirection to a path of the namespace's own leads there from outside, too.
fn put_prefix(response: &mut Response, prefix: &str) {
    let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    let inner = location.filter(|location| location.starts_with('/') && !location.starts_with("//"));
    if let Some(outer) = inner.and_then(|location| HeaderValue::try_from(format!("{prefix}{location}")).ok()) {
        response.headers_mut().insert(LOCATION, outer);
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn target(host: &str, uri: &str) -> Option<(String, String, String)> {
        let request = Request::builder().uri(uri).header(HOST, host).body(Body::empty()).unwrap();
        let target = Target::of(&domains(["https://box.example/x", "http://10.0.0.1:8080"].into_iter()), &request)?;
        Some((target.name.to_string(), target.prefix, target.rest.to_string()))
    }

    fn found(name: &str, prefix: &str, rest: &str) -> (String, String, String) {
        (name.to_owned(), prefix.to_owned(), rest.to_owned())
    }

    #[test]
    fn a_path_or_a_host_name_begins_with_the_namespace() {
        assert_eq!(target("10.0.0.1:8080", "/a-b/v3/x?y=1"), Some(found("a-b", "/a-b", "/v3/x?y=1")));
        assert_eq!(target("box.example", "/a-b"), Some(found("a-b", "/a-b", "/")));
        assert_eq!(target("a-b.BOX.example:8081", "/v3/x?y"), Some(found("a-b", "", "/v3/x?y")));
        assert_eq!(target("a-b.localhost:8081", "/c-d/x"), Some(found("a-b", "", "/c-d/x")));
        assert_eq!(target("ip-10-0-0-1.internal", "/a-b/x"), Some(found("a-b", "/a-b", "/x")));
        for path in ["/", "/v3/offer/x", "/hosted", "//a-b/x", "/%61-b/x", "/A-b/x"] {
            assert_eq!(target("box.example", path), None, "{path}");
        }
    }

    #[test]
    fn only_paths_of_ones_own_get_the_prefix() {
        let prefixed = |location: &'static str| {
            let mut response = ([(LOCATION, location)], "").into_response();
            put_prefix(&mut response, "/a-b");
            response.headers()[LOCATION].to_str().unwrap().to_owned()
        };
        assert_eq!(prefixed("/pay/t"), "/a-b/pay/t");
        assert_eq!(prefixed("//elsewhere.example/x"), "//elsewhere.example/x");
        assert_eq!(prefixed("https://elsewhere.example/x"), "https://elsewhere.example/x");
    }
}
