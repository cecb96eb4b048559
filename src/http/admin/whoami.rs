//! Who calls, and what kind of server this is: what a page needs to know before it shows anything.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;

use super::caller::{Caller, Kind};
use crate::app::SharedApp;
use crate::config::{Mode, ROLES, Role};

/// The answer.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Whoami {
    name: String,
    roles: Vec<&'static str>,
    /// The only LSP that the caller sees anything of.
    #[serde(skip_serializing_if = "Option::is_none")]
    org_id: Option<String>,
    mode: &'static str,
    lender_name: String,
    version: &'static str,
    /// The port of the LSPs' listener, on a sandbox that stands beside its user.
    #[serde(skip_serializing_if = "Option::is_none")]
    lsp_port: Option<u16>,
}

/// The word for a kind of server.
pub(super) fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Dev => "dev",
        Mode::Serve => "serve",
    }
}

/// The caller as the guard knows him.
pub async fn show(State(app): State<SharedApp>, caller: Caller) -> Json<Whoami> {
    let named = |roles: &BTreeSet<Role>| roles.iter().map(|role| role.name()).collect();
    let roles = match caller.kind {
        Kind::Open | Kind::Admin => ROLES.iter().map(|role| role.name()).collect(),
        Kind::Link => vec![caller.actor.role],
        Kind::Personal => {
            let operators = app.operators.current();
            let operator = operators.iter().find(|operator| operator.name == caller.actor.name);
            operator.map(|operator| named(&operator.roles)).unwrap_or_default()
        }
    };
    let is_near = app.config.mode == Mode::Dev && app.config.delivery.inbox.is_none();
    Json(Whoami {
        name: caller.actor.name,
        roles,
        org_id: caller.org,
        mode: mode(app.config.mode),
        lender_name: app.config.lender.name.clone(),
        version: env!("CARGO_PKG_VERSION"),
        lsp_port: is_near.then(|| app.config.listen.lsp.port()),
    })
}
