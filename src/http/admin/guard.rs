//! Who may call the operators' API: holders of bearer tokens, each within his roles; in `dev` on loopback anybody.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, HOST, HeaderName, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use secrecy::ExposeSecret as _;

use super::caller::{Caller, Kind};
use super::routes::{self, Demand, Demands};
use super::{link_token, links, reveal};
use crate::app::{App, SharedApp};
use crate::config::{Config, Mode, Operator, ROLES, Role};
use crate::http::problem::{Problem, no_such_method};
use crate::store::audit::Actor;
use crate::tls::peer::Peer;

/// Callbacks come here without a token: they are an LSP's business, played by `dev`.
const INBOX: &str = "/sandbox/inbox/";

/// What nobody's roles are short of.
static EVERYTHING: LazyLock<BTreeSet<Role>> = LazyLock::new(|| BTreeSet::from(ROLES));

/// A token and whose it is.
#[derive(Debug)]
struct Known {
    token_sha256: Vec<u8>,
    name: String,
    kind: Kind,
    roles: BTreeSet<Role>,
}

/// What callers are judged by.
#[derive(Debug)]
pub(super) struct Guard {
    known: Vec<Known>,
    /// Whether a caller without a known token is let in under a local address.
    open: bool,
    demands: Demands,
}

/// A caller with all his roles, before one of them was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Found<'a> {
    name: &'a str,
    kind: Kind,
    roles: &'a BTreeSet<Role>,
}

impl Guard {
    fn of(config: &Config, operators: &[Operator]) -> Self {
        let admin = config.admin_token.iter().map(|token| Known {
            token_sha256: digest(&SHA256, token.expose_secret().as_bytes()).as_ref().to_vec(),
            name: "admin".to_owned(),
            kind: Kind::Admin,
            roles: BTreeSet::from(ROLES),
        });
        let personal = operators.iter().map(|operator| Known {
            token_sha256: operator.token_sha256.to_vec(),
            name: operator.name.clone(),
            kind: Kind::Personal,
            roles: operator.roles.clone(),
        });
        let known = admin.chain(personal).collect();
        let open = config.admin_token.is_none() && is_open(config);
        Self { known, open, demands: Demands::of_the_table() }
    }

    /// Who shows this token. Digests are compared, all of them and in constant time, so that not even the length shows.
    fn holder(&self, token: &str) -> Option<Found<'_>> {
        let shown = digest(&SHA256, token.as_bytes());
        let mut found = None;
        for known in &self.known {
            if verify_slices_are_equal(shown.as_ref(), &known.token_sha256).is_ok() {
                found = Some(Found { name: &known.name, kind: known.kind, roles: &known.roles });
            }
        }
        found
    }

    fn identify(&self, headers: &HeaderMap) -> Result<Found<'_>, Problem> {
        if let Some(found) = bearer(headers).and_then(|token| self.holder(token)) {
            return Ok(found);
        }
        if self.open && is_local(headers) {
            return Ok(Found { name: "open", kind: Kind::Open, roles: &EVERYTHING });
        }
        Err(if self.open {
            Problem::new(StatusCode::FORBIDDEN, "call this by a loopback address or localhost")
        } else if self.known.is_empty() {
            Problem::new(StatusCode::UNAUTHORIZED, "no token is configured (OCEN_ADMIN_TOKEN)")
        } else {
            Problem::new(StatusCode::UNAUTHORIZED, "show the operators' bearer token")
        })
    }

    /// Lets a caller in to what a route demands, by the first of its roles that he has.
    fn admit(&self, headers: &HeaderMap, demand: Option<Demand>) -> Result<Caller, Problem> {
        let found = self.identify(headers)?;
        let role = match (demand, found.kind) {
            // Nothing is there, or not with this method; the router says so.
            (None, _) => "none",
            (Some(_), Kind::Admin) => "admin",
            (Some(_), Kind::Open) => "open",
            (Some(demand), Kind::Link) => return Err(missing(demand.roles)),
            (Some(demand), Kind::Personal) => {
                let role = demand.roles.iter().find(|role| found.roles.contains(role));
                role.ok_or_else(|| missing(demand.roles))?.name()
            }
        };
        Ok(Caller { actor: Actor { name: found.name.to_owned(), role }, kind: found.kind, org: None })
    }

    /// Whether a personal caller may have personal data shown, and by which role.
    pub(super) fn may_reveal(&self, caller: &Caller, roles: &[Role]) -> Option<Role> {
        let known = self.known.iter().find(|known| known.kind == Kind::Personal && known.name == caller.actor.name)?;
        roles.iter().copied().find(|role| known.roles.contains(role))
    }
}

fn missing(roles: &[Role]) -> Problem {
    let names: Vec<&str> = roles.iter().map(|role| role.name()).collect();
    Problem::new(StatusCode::FORBIDDEN, format!("this needs the role {}", names.join(" or ")))
}

/// Only the sandbox goes without a token, on loopback or where it was told that nobody else gets there.
fn is_open(config: &Config) -> bool {
    let told = config.sandbox.as_ref().is_some_and(|sandbox| sandbox.open_admin);
    config.mode == Mode::Dev && (told || config.listen.admin.ip().is_loopback())
}

/// What the guard works with.
#[derive(Clone)]
pub(super) struct Watch {
    pub(super) app: SharedApp,
    made: Arc<RwLock<Made>>,
}

/// A guard and the operators that it was made of.
struct Made {
    of: Arc<Vec<Operator>>,
    guard: Arc<Guard>,
}

impl Watch {
    pub(super) fn new(app: SharedApp) -> Self {
        let operators = app.operators.current();
        let guard = Arc::new(Guard::of(&app.config, &operators));
        Self { app, made: Arc::new(RwLock::new(Made { of: operators, guard })) }
    }

    /// The guard by the operators that count now.
    pub(super) fn guard(&self) -> Arc<Guard> {
        let operators = self.app.operators.current();
        let made = self.made.read().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&made.of, &operators) {
            return Arc::clone(&made.guard);
        }
        drop(made);
        let guard = Arc::new(Guard::of(&self.app.config, &operators));
        let fresh = Made { of: operators, guard: Arc::clone(&guard) };
        *self.made.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        guard
    }
}

pub(super) async fn check(State(watch): State<Watch>, mut request: Request, next: Next) -> Response {
    let (method, path) = (request.method(), request.uri().path());
    if method == Method::POST && path.starts_with(INBOX) {
        return next.run(request).await;
    }
    if has_nul(path) || request.uri().query().is_some_and(has_nul) {
        return Problem::bad_request("no path and no query has a U+0000").into_response();
    }
    let guard = &watch.guard();
    let matched = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let demand = matched.and_then(|path| guard.demands.of(method, path));
    let admitted = match link_of(&request, matched).map(str::to_owned) {
        Some(token) => admit_link(&watch.app, &token, demand).await,
        None => guard.admit(request.headers(), demand),
    };
    let caller = match admitted {
        Ok(caller) => caller,
        Err(problem) => {
            // Behind a proxy this is the proxy's address.
            if let (Some(_), Some(peer)) = (bearer(request.headers()), request.extensions().get::<Peer>())
                && problem.status() == StatusCode::UNAUTHORIZED
            {
                tracing::warn!(peer = %peer.address, "a token was shown that opens nothing");
            }
            return problem.into_response();
        }
    };
    if caller.kind == Kind::Open && !request.method().is_safe() && is_foreign(request.headers()) {
        return Problem::new(StatusCode::FORBIDDEN, "a page of another site may not change anything here")
            .into_response();
    }
    match (matched, demand) {
        (Some(path), None) if guard.demands.know(path) => no_such_method().await.into_response(),
        (Some(_), None) => {
            Problem::new(StatusCode::FORBIDDEN, "this route demands no role: nobody may").into_response()
        }
        (None, _) => next.run(request).await,
        (Some(_), Some(demand)) => {
            request.extensions_mut().insert(caller.clone());
            let mut response = if demand.personal {
                reveal::run(&watch, &caller, request, next).await
            } else {
                next.run(request).await
            };
            // Nothing of it stays in a browser or a proxy.
            response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
            response
        }
    }
}

/// The token of an LSP's link: shown like any other, or in the query where a browser's event source has no headers.
fn link_of<'a>(request: &'a Request, matched: Option<&str>) -> Option<&'a str> {
    let shown = bearer(request.headers()).filter(|token| link_token::is_link(token));
    let asked = || request.uri().query().into_iter().flat_map(|query| query.split('&'));
    shown.or_else(|| asked().find_map(|pair| pair.strip_prefix("link=")).filter(|_| matched == Some(routes::LIVE)))
}

/// Lets an LSP in to the few routes that are for links. What it may see there, they see to.
async fn admit_link(app: &App, token: &str, demand: Option<Demand>) -> Result<Caller, Problem> {
    let caller = links::caller(app, token).await?;
    match demand {
        Some(demand) if !demand.linked => Err(Problem::new(StatusCode::FORBIDDEN, "this is not shown through a link")),
        _ => Ok(caller),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The database takes no such text.
fn has_nul(text: &str) -> bool {
    text.contains("%00")
}

/// Whether a browser says that a page from elsewhere sends this: without a token nothing else would tell.
fn is_foreign(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let site = text(HeaderName::from_static("sec-fetch-site"));
    let origin = text(ORIGIN).map(|origin| origin.split_once("://").map_or(origin, |(_, host)| host));
    let from_here = |origin: &str| text(HOST) == Some(origin) || names_this_machine(origin);
    // A browser that tells the one knows better than the other, which names what a proxy may have renamed.
    match site {
        Some("same-origin" | "none") => false,
        Some("cross-site") => true,
        _ => origin.is_some_and(|origin| !from_here(origin)),
    }
}

fn is_local(headers: &HeaderMap) -> bool {
    headers.get(HOST).and_then(|host| host.to_str().ok()).is_none_or(names_this_machine)
}

fn names_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    fn known(token: &str, kind: Kind, roles: &[Role]) -> Known {
        let token_sha256 = digest(&SHA256, token.as_bytes()).as_ref().to_vec();
        Known { token_sha256, name: format!("{kind:?}"), kind, roles: roles.iter().copied().collect() }
    }

    fn guard(known: Vec<Known>, open: bool) -> Guard {
        Guard { known, open, demands: Demands::of_the_table() }
    }

    const LOOK: Option<Demand> = Some(Demand { roles: &[Role::Viewer, Role::Maker], personal: false, linked: false });

    #[test]
    fn only_a_token_opens() {
        let closed = guard(vec![known("s3cret", Kind::Admin, &ROLES)], false);
        let admitted = |header| closed.admit(&with(AUTHORIZATION, header), LOOK);
        assert!(admitted("Bearer s3cret").is_ok() && admitted("bearer  s3cret ").is_ok());
        for wrong in ["Bearer s3cre", "Bearer s3crets", "Bearer ", "Basic s3cret", "s3cret"] {
            assert_eq!(admitted(wrong).unwrap_err().status(), StatusCode::UNAUTHORIZED, "{wrong}");
        }
        assert!(closed.admit(&HeaderMap::new(), None).is_err());
        let nobody = guard(Vec::new(), false);
        assert!(nobody.admit(&with(AUTHORIZATION, "Bearer s3cret"), LOOK).is_err());
    }

    #[test]
    fn a_person_acts_by_the_role_that_the_route_demands() {
        let guard = guard(vec![known("t", Kind::Personal, &[Role::Maker, Role::Auditor])], false);
        let admit = |demand| guard.admit(&with(AUTHORIZATION, "Bearer t"), Some(demand));
        let caller = admit(LOOK.unwrap()).unwrap();
        assert_eq!((caller.actor.name.as_str(), caller.actor.role), ("Personal", "maker"));
        let refused = admit(Demand { roles: &[Role::Checker], personal: false, linked: false }).unwrap_err();
        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
        assert_eq!(guard.may_reveal(&caller, &[Role::Operator, Role::Auditor]), Some(Role::Auditor));
        assert_eq!(guard.may_reveal(&caller, &[Role::Operator]), None);
    }

    #[test]
    fn a_page_of_another_site_is_told_apart() {
        let is = |name, value| is_foreign(&with(name, value));
        let site = || HeaderName::from_static("sec-fetch-site");
        assert!(is(site(), "cross-site") && is(ORIGIN, "https://evil.example") && is(ORIGIN, "null"));
        assert!(!is(site(), "same-origin") && !is(site(), "none") && !is(ORIGIN, "http://localhost:3000"));
        let mut behind_a_name = with(HOST, "sandbox.lender.example");
        behind_a_name.insert(ORIGIN, HeaderValue::from_static("https://sandbox.lender.example"));
        assert!(!is_foreign(&behind_a_name) && !is_foreign(&HeaderMap::new()));
    }

    #[test]
    fn loopback_is_open_under_local_names_only() {
        let open = guard(Vec::new(), true);
        for host in ["127.0.0.1:8081", "localhost", "[::1]:8081", "LOCALHOST:1"] {
            assert_eq!(open.admit(&with(HOST, host), LOOK).unwrap().actor.role, "open", "{host}");
        }
        for host in ["evil.example", "evil.example:8081", "10.0.0.1", "localhost.evil.example"] {
            assert!(open.admit(&with(HOST, host), LOOK).is_err(), "{host}");
        }
    }
}
