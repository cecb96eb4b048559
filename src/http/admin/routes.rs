//! Every route of the operators' listener, with the roles of which a caller needs one, and whether its answer speaks of
//! persons. There is no other place where a route is added: what is not in here is refused.

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};

use super::{
    acts, applications, asks, audit, callbacks, decisions, disputes, keeping, ledger, links, live, loans, lsps,
    messages, overview, ports, rules, signature_check, switches, timeline, transcript, whoami,
};
use crate::app::SharedApp;
use crate::config::Role::{self, Auditor, Checker, Maker, Operator, Viewer};

/// Whoever has a role looks.
const ANY: &[Role] = &[Viewer, Operator, Maker, Checker, Auditor];
/// Daily work.
const OPERATE: &[Role] = &[Operator];
/// Proposes.
const MAKE: &[Role] = &[Maker];
/// Decides on what another one proposed.
const CHECK: &[Role] = &[Checker];
/// Looks at what the others did.
const AUDIT: &[Role] = &[Auditor];
/// May have personal data shown, with a reason.
pub const REVEAL: &[Role] = &[Operator, Maker, Checker, Auditor];

/// Where a page hears what has changed.
pub(super) const LIVE: &str = "/admin/live";

/// Routes that other modules mount on this listener, by how their paths begin: any method.
const MOUNTED: [(&str, &[Role]); 2] = [("/sandbox/", OPERATE), ("/metrics", ANY)];

/// The one route that hides personal data by itself: its answer is no JSON.
pub(super) const TRANSCRIPT: &str = "/admin/applications/{orgId}/{loanApplicationId}/transcript";

/// One route.
#[derive(Debug, Clone)]
pub struct Route {
    /// Its method.
    pub method: Method,
    /// Its path, as the router writes it.
    pub path: &'static str,
    /// A caller needs one of these.
    pub roles: &'static [Role],
    /// Whether the answer speaks of persons: it is masked unless it is revealed.
    pub personal: bool,
    /// Whether an LSP with a link may call it, for what is its own.
    pub linked: bool,
    handler: MethodRouter<SharedApp>,
}

/// The table.
#[must_use]
pub fn table() -> Vec<Route> {
    vec![
        get("/admin/whoami", ANY, whoami::show).linked(),
        get("/admin/overview", ANY, overview::show).linked(),
        get(LIVE, ANY, live::listen).linked(),
        get("/admin/lsps", ANY, lsps::list),
        get("/admin/lsps/{orgId}", ANY, lsps::show),
        put("/admin/lsps/{orgId}", OPERATE, lsps::put),
        delete("/admin/lsps/{orgId}/keys/{kid}", OPERATE, lsps::revoke_key),
        post("/admin/lsps/{orgId}/links", OPERATE, links::create),
        delete("/admin/lsps/{orgId}/links", OPERATE, links::revoke),
        get("/admin/applications", ANY, applications::list).linked(),
        get("/admin/applications/{orgId}/{loanApplicationId}", ANY, applications::show).personal().linked(),
        get("/admin/applications/{orgId}/{loanApplicationId}/timeline", ANY, timeline::show).linked(),
        get(TRANSCRIPT, ANY, transcript::download).personal(),
        post("/admin/applications/{orgId}/{loanApplicationId}/legal-hold", OPERATE, keeping::legal_hold),
        get("/admin/messages/{id}", ANY, messages::show).personal().linked(),
        get("/admin/storage", ANY, keeping::storage),
        get("/admin/loans", ANY, loans::list).linked(),
        get("/admin/loans/{loanId}", ANY, loans::show).personal().linked(),
        post("/admin/loans/{loanId}/acts", MAKE, acts::propose).personal(),
        get("/admin/acts", ANY, acts::list).personal(),
        post("/admin/acts/{actId}/release", CHECK, acts::release).personal(),
        post("/admin/acts/{actId}/reject", CHECK, acts::reject).personal(),
        get("/admin/disputes", ANY, disputes::list).personal().linked(),
        post("/admin/disputes/{id}", OPERATE, disputes::change).personal(),
        get("/admin/decisions", ANY, decisions::list).personal(),
        get("/admin/decisions/{id}", ANY, decisions::show).personal(),
        post("/admin/decisions/{id}/claim", MAKE, decisions::claim).personal(),
        post("/admin/decisions/{id}/unclaim", MAKE, decisions::unclaim).personal(),
        post("/admin/decisions/{id}/propose", MAKE, decisions::propose).personal(),
        post("/admin/decisions/{id}/release", CHECK, decisions::release).personal(),
        post("/admin/decisions/{id}/return", CHECK, decisions::hand_back).personal(),
        get("/admin/ledger", ANY, ledger::show),
        post("/admin/ledger/set-aside/{loanId}/retry", OPERATE, ledger::retry),
        get("/admin/ports", ANY, ports::list),
        get("/admin/asks", ANY, asks::list),
        post("/admin/asks/{askId}/retry", OPERATE, asks::retry),
        get("/admin/switches", ANY, switches::list),
        get("/admin/switches/changes", ANY, switches::changes),
        put("/admin/switches/{kind}/{subject}", OPERATE, switches::stop),
        delete("/admin/switches/{kind}/{subject}", OPERATE, switches::release),
        get("/admin/rules", ANY, rules::list),
        post("/admin/signature-check", OPERATE, signature_check::check),
        get("/admin/callbacks", ANY, callbacks::list).linked(),
        post("/admin/callbacks/redeliver", OPERATE, callbacks::redeliver_since),
        post("/admin/callbacks/{id}/redeliver", OPERATE, callbacks::redeliver),
        get("/admin/audit", AUDIT, audit::list),
        get("/admin/audit/anchors", AUDIT, audit::anchors),
    ]
}

impl Route {
    fn personal(self) -> Self {
        Self { personal: true, ..self }
    }

    fn linked(self) -> Self {
        Self { linked: true, ..self }
    }
}

/// The router of the table.
pub(super) fn router() -> Router<SharedApp> {
    table().into_iter().fold(Router::new(), |router, route| router.route(route.path, route.handler))
}

/// What is demanded of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Demand {
    pub(super) roles: &'static [Role],
    pub(super) personal: bool,
    pub(super) linked: bool,
}

/// What the table says of a matched path and a method: nothing for one that is not in it.
#[derive(Debug)]
pub(super) struct Demands(Vec<(Method, &'static str, Demand)>);

impl Demands {
    pub(super) fn of_the_table() -> Self {
        let demand = |route: Route| {
            let demand = Demand { roles: route.roles, personal: route.personal, linked: route.linked };
            (route.method, route.path, demand)
        };
        Self(table().into_iter().map(demand).collect())
    }

    pub(super) fn of(&self, method: &Method, path: &str) -> Option<Demand> {
        // A HEAD is a GET without its answer.
        let is = |known: &Method| known == method || (method == Method::HEAD && known == Method::GET);
        let own = self.0.iter().find(|(known, at, _)| is(known) && *at == path).map(|(_, _, demand)| *demand);
        own.or_else(|| {
            let mounted = MOUNTED.iter().find(|(prefix, _)| path.starts_with(prefix));
            mounted.map(|(_, roles)| Demand { roles, personal: false, linked: false })
        })
    }

    /// Whether the path is in the table with another method.
    pub(super) fn know(&self, path: &str) -> bool {
        self.0.iter().any(|(_, known, _)| *known == path)
    }
}

fn get<H: Handler<T, SharedApp>, T: 'static>(path: &'static str, roles: &'static [Role], handler: H) -> Route {
    route((Method::GET, MethodFilter::GET), path, roles, handler)
}

fn post<H: Handler<T, SharedApp>, T: 'static>(path: &'static str, roles: &'static [Role], handler: H) -> Route {
    route((Method::POST, MethodFilter::POST), path, roles, handler)
}

fn put<H: Handler<T, SharedApp>, T: 'static>(path: &'static str, roles: &'static [Role], handler: H) -> Route {
    route((Method::PUT, MethodFilter::PUT), path, roles, handler)
}

fn delete<H: Handler<T, SharedApp>, T: 'static>(path: &'static str, roles: &'static [Role], handler: H) -> Route {
    route((Method::DELETE, MethodFilter::DELETE), path, roles, handler)
}

fn route<H: Handler<T, SharedApp>, T: 'static>(
    (method, filter): (Method, MethodFilter),
    path: &'static str,
    roles: &'static [Role],
    handler: H,
) -> Route {
    Route { method, path, roles, personal: false, linked: false, handler: on(filter, handler) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_in_the_table_is_not_allowed() {
        let demands = Demands::of_the_table();
        assert_eq!(demands.of(&Method::PUT, "/admin/lsps/{orgId}").map(|demand| demand.roles), Some(OPERATE));
        assert_eq!(demands.of(&Method::HEAD, "/admin/acts").map(|demand| demand.personal), Some(true));
        assert_eq!(demands.of(&Method::POST, "/sandbox/clock").map(|demand| demand.roles), Some(OPERATE));
        assert_eq!(demands.of(&Method::POST, "/admin/lsps"), None);
        assert_eq!(demands.of(&Method::GET, "/admin/elsewhere"), None);
    }

    #[test]
    fn no_role_that_only_looks_changes_anything() {
        for route in table().iter().filter(|route| route.method != Method::GET) {
            assert!(!route.roles.contains(&Viewer) && !route.roles.contains(&Auditor), "{}", route.path);
        }
        let proposes = table().into_iter().filter(|route| route.roles.contains(&Maker) && route.method == Method::POST);
        for route in proposes {
            assert!(!route.roles.contains(&Checker), "{} is one role's", route.path);
        }
    }
}
