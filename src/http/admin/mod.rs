//! The operators' API (design §8): LSPs, applications, loans, callbacks.

pub mod acts;
pub mod applications;
pub mod asks;
pub mod callbacks;
pub mod decisions;
pub mod disputes;
mod guard;
mod keeping;
pub mod ledger;
pub mod loans;
pub mod lsps;
mod page;
pub mod ports;
mod rules;

use std::sync::Arc;

use axum::Router;
use axum::routing::{delete, get, post};
use axum::{extract::DefaultBodyLimit, middleware};

use self::guard::Guard;
use super::problem::{no_such_method, no_such_path};
use super::{health, ports as port_callbacks};
use crate::app::SharedApp;

/// Most bytes of a body on this listener.
const BODY_LIMIT: usize = 1024 * 1024;

/// All routes of the operators' listener with `extra` ones, behind the bearer token.
pub fn router(app: &SharedApp, extra: Router) -> Router {
    let guard = Guard::of(&app.config);
    Router::new()
        .route("/admin/lsps", get(lsps::list))
        .route("/admin/lsps/{orgId}", get(lsps::show).put(lsps::put))
        .route("/admin/lsps/{orgId}/keys/{kid}", delete(lsps::revoke_key))
        .route("/admin/applications", get(applications::list))
        .route("/admin/applications/{orgId}/{loanApplicationId}", get(applications::show))
        .route("/admin/applications/{orgId}/{loanApplicationId}/legal-hold", post(keeping::legal_hold))
        .route("/admin/storage", get(keeping::storage))
        .route("/admin/loans/{loanId}", get(loans::show))
        .route("/admin/loans/{loanId}/acts", post(acts::propose))
        .route("/admin/acts", get(acts::list))
        .route("/admin/acts/{actId}/release", post(acts::release))
        .route("/admin/acts/{actId}/reject", post(acts::reject))
        .route("/admin/disputes", get(disputes::list))
        .route("/admin/disputes/{id}", post(disputes::change))
        .route("/admin/decisions", get(decisions::list))
        .route("/admin/decisions/{id}", get(decisions::show))
        .route("/admin/decisions/{id}/claim", post(decisions::claim))
        .route("/admin/decisions/{id}/unclaim", post(decisions::unclaim))
        .route("/admin/decisions/{id}/propose", post(decisions::propose))
        .route("/admin/decisions/{id}/release", post(decisions::release))
        .route("/admin/decisions/{id}/return", post(decisions::hand_back))
        .route("/admin/ledger", get(ledger::show))
        .route("/admin/rules", get(rules::list))
        .route("/admin/ports", get(ports::list))
        .route("/admin/asks", get(asks::list))
        .route("/admin/asks/{askId}/retry", post(asks::retry))
        .route("/admin/callbacks", get(callbacks::list))
        .route("/admin/callbacks/redeliver", post(callbacks::redeliver_since))
        .route("/admin/callbacks/{id}/redeliver", post(callbacks::redeliver))
        .method_not_allowed_fallback(no_such_method)
        .with_state(Arc::clone(app))
        .merge(extra)
        .fallback(no_such_path)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn_with_state(guard, guard::check))
        // The lender's systems sign instead of showing a token.
        .merge(port_callbacks::router(Arc::clone(app)))
        // Probes carry no token.
        .merge(health::probes(Arc::clone(app)))
}
