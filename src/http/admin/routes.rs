//! Every route of the operators' listener, with the roles of which a caller needs one, and whether its answer speaks of
//! persons. There is no other place where a route is added: what is not in here is refused.

use axum::Router;
use axum::handler::Handler;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{MethodFilter, MethodRouter, on};
use schemars::JsonSchema;

use super::page::Page;
use super::takes::{self, Schema, Taken, Takes};
use super::{
    acts, applications, asks, audit, callbacks, decisions, disputes, keeping, ledger, links, live, loans, lsps,
    messages, overview, ports, rules, signature_check, switches, timeline, transcript, whoami,
};
use crate::app::SharedApp;
use crate::config::Role::{self, Auditor, Checker, Maker, Operator, Viewer};
use crate::domain::loan::dispute::Dispute;
use crate::lsp::Lsp;
use crate::protocol::explain::Report;
use crate::store::ask_list::StuckAsk;
use crate::store::overview::{ApplicationRow, CallbackRow};
use crate::store::switches::{Change, Switch};
use crate::store::{audit as store_audit, loan_list, operator_act};

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

/// Where the description of all this is.
const OPENAPI: &str = "/admin/openapi.json";
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
    /// What it is for, in a sentence.
    pub summary: &'static str,
    /// What its handler reads.
    pub(super) taken: Taken,
    /// What its handler answers.
    pub(super) answer: Answer,
    /// Whether something is made.
    makes: bool,
    handler: MethodRouter<SharedApp>,
}

/// What a call that is not refused is answered with.
#[derive(Debug, Clone, Copy)]
pub(super) enum Answer {
    /// No body.
    Nothing,
    /// JSON of a type.
    Json(Schema),
    /// JSON with members that are told in words.
    Members(&'static str),
    /// Another media type, and words about it.
    Other(&'static str, &'static str),
}

/// The table.
#[must_use]
#[expect(clippy::too_many_lines, reason = "one table")]
pub fn table() -> Vec<Route> {
    vec![
        get("/admin/whoami", ANY, whoami::show).linked()
            .says("Who the caller is, and what he may do.").gives::<whoami::Whoami>(),
        get("/admin/overview", ANY, overview::show).linked()
            .says("How everything stands: applications by stage, loans by status, what waits, traffic, the newest events.").tells("Counts and amounts of now, `traffic` in 60 buckets, and `recent` events."),
        get(LIVE, ANY, live::listen).linked()
            .says("What has changed, as server-sent events.").streams("text/event-stream", "`change` events with `topics`, and where it is known `orgId` and `loanApplicationId`; read again what is shown of them."),
        get("/admin/lsps", ANY, lsps::list)
            .says("Registered LSPs, by their ids.").gives::<Page<Lsp>>(),
        get("/admin/lsps/{orgId}", ANY, lsps::show)
            .says("One LSP with its keys and settings.").gives::<Lsp>(),
        put("/admin/lsps/{orgId}", OPERATE, lsps::put)
            .says("Register an LSP, or change it: keys that are not in the list are revoked; without a list they stay, as each setting does that is left out.").gives::<Lsp>(),
        delete("/admin/lsps/{orgId}/keys/{kid}", OPERATE, lsps::revoke_key)
            .says("Revoke a key, once and for all: nothing that it has signed counts from the next request on.").gives::<Lsp>(),
        post("/admin/lsps/{orgId}/links", OPERATE, links::create)
            .says("Make a link by which an LSP sees its own traffic.").made().tells("`url`, to be given to the LSP, and `expiresAt`."),
        delete("/admin/lsps/{orgId}/links", OPERATE, links::revoke)
            .says("End all links of an LSP.").tells("`revoked`: how many."),
        get("/admin/applications", ANY, applications::list).linked()
            .says("Applications, newest first.").gives::<Page<ApplicationRow>>(),
        get("/admin/applications/{orgId}/{loanApplicationId}", ANY, applications::show).personal().linked()
            .says("One application: its state, history, questions to systems, and every message with its tries.").tells("The list's members with `state`, `events`, `asks`, `received`, `sent` and `keeping`."),
        get("/admin/applications/{orgId}/{loanApplicationId}/timeline", ANY, timeline::show).linked()
            .says("What happened to an application, oldest first.").gives::<timeline::Timeline>(),
        get(TRANSCRIPT, ANY, transcript::download).personal()
            .says("Everything that was said about an application, with both sides' signatures, to be verified elsewhere.").streams("application/zip", "See `ocen-lender transcript verify`."),
        post("/admin/applications/{orgId}/{loanApplicationId}/legal-hold", OPERATE, keeping::legal_hold)
            .says("Place or lift a legal hold: what is held is not erased at the end of its retention.").tells("`loanApplicationId`, and `legalHold` as it stands."),
        get("/admin/messages/{id}", ANY, messages::show).personal().linked()
            .says("One message as it came or went, with its signature explained.").tells("The message: its `bytes`, `body`, `jws` and `checks`, how it differs from the schema (`schemaDifferences`), and of a callback its `attempts`."),
        get("/admin/storage", ANY, keeping::storage)
            .says("How much is kept, for how long, and by which data keys it is sealed.").tells("Partitions under `items`, `dataKeys` and `retention`."),
        get("/admin/loans", ANY, loans::list).linked()
            .says("Loans, those of the newest applications first.").gives::<Page<loan_list::Row>>(),
        get("/admin/loans/{loanId}", ANY, loans::show).personal().linked()
            .says("One loan: terms, schedule, figures of today, payouts, payments, disputes, acts, and its journals.").tells("The loan; its `book` balances in every journal."),
        post("/admin/loans/{loanId}/acts", MAKE, acts::propose).personal()
            .says("Propose an act by hand on a loan; one that could not be done now is refused.").made().gives::<operator_act::Stored>(),
        get("/admin/acts", ANY, acts::list).personal()
            .says("Acts by hand on a loan, or all that wait to be released, newest first.").gives::<Page<operator_act::Stored>>(),
        post("/admin/acts/{actId}/release", CHECK, acts::release).personal()
            .says("Release an act that somebody else proposed; it is done at once.").gives::<operator_act::Stored>(),
        post("/admin/acts/{actId}/reject", CHECK, acts::reject).personal()
            .says("Reject an act that somebody else proposed.").gives::<operator_act::Stored>(),
        get("/admin/disputes", ANY, disputes::list).personal().linked()
            .says("Disputes, newest first.").gives::<Page<Dispute>>(),
        post("/admin/disputes/{id}", OPERATE, disputes::change).personal()
            .says("Say where a dispute stands, with a reply where it ends. No callback is sent: the LSP reads it when it asks, the borrower on the page of the dispute.").gives::<Dispute>(),
        get("/admin/decisions", ANY, decisions::list).personal()
            .says("Decisions that the rules left to a person, oldest first: in one state, or all that are open.").tells("A page; each of its `items` names the application, the question, the codes of the rules, and who has it."),
        get("/admin/decisions/{id}", ANY, decisions::show).personal()
            .says("One decision: the rules' reasons, the application's facts, the borrower's exposure, what is proposed.").tells("The list's members with `reasons`, `proposal`, `acts`, `application` and `exposure`."),
        post("/admin/decisions/{id}/claim", MAKE, decisions::claim).personal()
            .says("Claim a decision: nobody else may propose until the claim ends.").tells("The decision."),
        post("/admin/decisions/{id}/unclaim", MAKE, decisions::unclaim).personal()
            .says("Give a claim up.").tells("The decision."),
        post("/admin/decisions/{id}/propose", MAKE, decisions::propose).personal()
            .says("Propose a verdict on a decision that one has claimed.").tells("The decision."),
        post("/admin/decisions/{id}/release", CHECK, decisions::release).personal()
            .says("Release a verdict that somebody else proposed: it is applied, and whoever waits is answered.").tells("The decision."),
        post("/admin/decisions/{id}/return", CHECK, decisions::hand_back).personal()
            .says("Hand a proposed verdict back, with what is to be done about it.").tells("The decision."),
        get("/admin/ledger", ANY, ledger::show)
            .says("How the general ledger follows our book: lag, loans set aside, the last comparisons, account codes.").tells("`generalLedger`, `pending`, `workers`, `setAside`, `comparisons`, `accounts`."),
        post("/admin/ledger/set-aside/{loanId}/retry", OPERATE, ledger::retry)
            .says("Send the journals of a loan that was set aside again now.").tells("`loanId` and `retryAt`."),
        get("/admin/ports", ANY, ports::list)
            .says("The adapters to the lender's systems, as this process sees them.").tells("A page; its `items` have each adapter's breaker, budget and last failure, as this process sees them."),
        get("/admin/asks", ANY, asks::list)
            .says("Questions to systems that wait for a person, newest first.").gives::<Page<StuckAsk>>(),
        post("/admin/asks/{askId}/retry", OPERATE, asks::retry)
            .says("Ask a stuck question again, under a new key.").tells("`askId` and `state`."),
        post("/admin/asks/{askId}/close", OPERATE, asks::close)
            .says("Close a stuck question that nothing waits for, with a reason: money dealt with by hand, a notice, something to be undone.").tells("`askId` and `state`."),
        get("/admin/switches", ANY, switches::list)
            .says("Everything that is stopped.").gives::<Page<Switch>>(),
        get("/admin/switches/changes", ANY, switches::changes)
            .says("Who stopped what and let it run again, newest first.").gives::<Page<Change>>(),
        put("/admin/switches/{kind}/{subject}", OPERATE, switches::stop)
            .says("Stop an LSP, a product, an operation, or payouts.").gives::<Switch>(),
        delete("/admin/switches/{kind}/{subject}", OPERATE, switches::release)
            .says("Let it run again."),
        get("/admin/rules", ANY, rules::list)
            .says("The refuse list: what the names in refusals mean.").tells("A page: `items` and `nextCursor`."),
        post("/admin/signature-check", OPERATE, signature_check::check)
            .says("Why a signed message is or is not accepted; nothing is stored.").gives::<Report>(),
        get("/admin/callbacks", ANY, callbacks::list).linked()
            .says("Callbacks, newest first.").gives::<Page<CallbackRow>>(),
        post("/admin/callbacks/redeliver", OPERATE, callbacks::redeliver_since)
            .says("Send again what was decided or delivered since a time, in the old order; what was queued before a failure stays so.").tells("`queued`: how many."),
        post("/admin/callbacks/{id}/redeliver", OPERATE, callbacks::redeliver)
            .says("Send one callback again: a delivered or parked one at the end of its stream, a pending one now.").tells("`id`, `state`, and `queued`: 1, or 0 for one that was pending."),
        get("/admin/audit", AUDIT, audit::list)
            .says("The audit log, newest first.").gives::<Page<store_audit::Row>>(),
        get(OPENAPI, ANY, openapi)
            .says("This description.").streams("application/json", "OpenAPI 3.1."),
        get("/admin/audit/anchors", AUDIT, audit::anchors)
            .says("Signed heads of the audit log's chain, newest first.").gives::<Page<store_audit::Anchor>>(),
    ]
}

impl Route {
    fn personal(self) -> Self {
        Self { personal: true, ..self }
    }

    fn linked(self) -> Self {
        Self { linked: true, ..self }
    }

    fn says(self, summary: &'static str) -> Self {
        Self { summary, ..self }
    }

    fn made(self) -> Self {
        Self { makes: true, ..self }
    }

    fn gives<T: JsonSchema>(self) -> Self {
        Self { answer: Answer::Json(takes::schema::<T>), ..self }
    }

    fn tells(self, members: &'static str) -> Self {
        Self { answer: Answer::Members(members), ..self }
    }

    fn streams(self, media_type: &'static str, about: &'static str) -> Self {
        Self { answer: Answer::Other(media_type, about), ..self }
    }

    /// Of a call that is not refused.
    pub(super) fn status(&self) -> StatusCode {
        match self.answer {
            Answer::Nothing => StatusCode::NO_CONTENT,
            _ if self.makes => StatusCode::CREATED,
            _ => StatusCode::OK,
        }
    }
}

async fn openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], super::openapi::PUBLISHED)
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

fn get<H: Handler<T, SharedApp>, T: Takes + 'static>(path: &'static str, roles: &'static [Role], handler: H) -> Route {
    route((Method::GET, MethodFilter::GET), path, roles, handler)
}

fn post<H: Handler<T, SharedApp>, T: Takes + 'static>(path: &'static str, roles: &'static [Role], handler: H) -> Route {
    route((Method::POST, MethodFilter::POST), path, roles, handler)
}

fn put<H: Handler<T, SharedApp>, T: Takes + 'static>(path: &'static str, roles: &'static [Role], handler: H) -> Route {
    route((Method::PUT, MethodFilter::PUT), path, roles, handler)
}

fn delete<H: Handler<T, SharedApp>, T: Takes + 'static>(
    path: &'static str,
    roles: &'static [Role],
    handler: H,
) -> Route {
    route((Method::DELETE, MethodFilter::DELETE), path, roles, handler)
}

fn route<H: Handler<T, SharedApp>, T: Takes + 'static>(
    (method, filter): (Method, MethodFilter),
    path: &'static str,
    roles: &'static [Role],
    handler: H,
) -> Route {
    Route {
        method,
        path,
        roles,
        personal: false,
        linked: false,
        summary: "",
        taken: T::taken(),
        answer: Answer::Nothing,
        makes: false,
        handler: on(filter, handler),
    }
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
