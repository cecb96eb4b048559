//! The sandbox's hook in the engine: scenario codes are read while the data is in the clear, and stored with the
//! applications. In `serve` there is no bench (`app::bench`), and nothing of this happens.

use sqlx::PgConnection;

use super::{Refused, Request};
use crate::app::{App, Given};
use crate::domain::application::Application;
use crate::domain::application::command::Command;
use crate::domain::application::decide::Decided;

/// Reads the codes of a request; the histories of its applications say so.
pub(super) async fn read(
    app: &App,
    conn: Option<&mut PgConnection>,
    request: &Request,
    decided: &mut Decided,
) -> Result<Given, Refused> {
    let (Some(bench), Some(conn)) = (&app.bench, conn) else {
        return Ok(Given::default());
    };
    let given = bench.read(conn, request, &decided.applications).await?;
    decided.decision.events.extend(given.words.iter().cloned());
    Ok(given)
}

/// Stores them.
pub(super) async fn keep(app: &App, conn: &mut PgConnection, given: &Given) -> Result<(), Refused> {
    match &app.bench {
        Some(bench) => Ok(bench.keep(conn, given, app.clock.now()).await?),
        None => Ok(()),
    }
}

/// Whether an OTP counts as right, where that is forced.
pub(super) async fn one_time_password(
    app: &App,
    conn: &mut PgConnection,
    command: &Command,
    applications: &mut [Application],
) -> Result<Option<bool>, Refused> {
    match &app.bench {
        Some(bench) if matches!(command, Command::VerifyAcceptance { .. }) => {
            Ok(bench.one_time_password(conn, command, applications, app.clock.now()).await?)
        }
        _ => Ok(None),
    }
}
