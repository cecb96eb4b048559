//! The operators' API (design §8): LSPs, applications, loans, decisions, callbacks, the audit log.

pub mod acts;
pub mod applications;
mod as_sent;
pub mod asks;
pub mod audit;
pub mod callbacks;
pub mod caller;
pub mod decisions;
pub mod disputes;
mod guard;
mod keeping;
pub mod ledger;
mod link_token;
pub mod links;
pub mod live;
pub mod loans;
pub mod lsps;
mod mask;
mod message_view;
pub mod messages;
pub mod openapi;
pub mod overview;
mod page;
pub mod ports;
mod reveal;
pub mod routes;
mod rules;
mod search;
pub mod signature_check;
pub mod switches;
mod takes;
pub mod timeline;
pub mod transcript;
mod watcher;
pub mod whoami;

use std::sync::Arc;

use axum::{Extension, Router};
use axum::{extract::DefaultBodyLimit, middleware};

use self::guard::Watch;
use super::problem::{no_such_method, no_such_path};
use super::{docs, health, metrics, ports as port_callbacks};
use crate::app::SharedApp;

/// Most bytes of a body on this listener.
const BODY_LIMIT: usize = 1024 * 1024;

/// All routes of the operators' listener with `extra` ones, behind the guard.
pub fn router(app: &SharedApp, extra: Router) -> Router {
    let watch = Watch::new(Arc::clone(app));
    routes::router()
        .method_not_allowed_fallback(no_such_method)
        .with_state(Arc::clone(app))
        .layer(Extension(live::Live::default()))
        .merge(metrics::router(Arc::clone(app)))
        .merge(extra)
        .fallback(no_such_path)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn_with_state(watch, guard::check))
        // The lender's systems sign instead of showing a token.
        .merge(port_callbacks::router(Arc::clone(app)))
        // The same guides as on the LSPs' listener, which may want a client's certificate.
        .merge(docs::router())
        // Probes carry no token.
        .merge(health::probes(Arc::clone(app)))
}
