//! The lock-free shortcut for requests about one application that is not a loan yet and that need nothing else from the
//! database. Nearly all requests between filing and grant are of this kind.

use super::facts::{self, Gathered};
use super::{Accepted, Refused, Request, carry, group, resolve, save, stopped};
use crate::app::App;
use crate::domain::application::command::Command;
use crate::domain::application::stage::Stage;
use crate::domain::ids::ExchangeId;
use crate::store::seen::Named;
use crate::store::write::Change;

/// Applies a request without locking anything: reads the application, decides, and writes if the application is still
/// as it was read. `None` means that nothing was written, because it has changed, the idempotency key was used before,
/// or the request needs more than this; the ordinary way, under locks, then deals with it.
///
/// # Errors
/// See [`Refused`].
pub(super) async fn at_once(
    app: &App,
    request: &Request,
    exchange_id: ExchangeId,
) -> Result<Option<Accepted>, Refused> {
    let Some(named) = named(request) else { return Ok(None) };
    let Some(seen) = group::read(app, named).await? else { return Ok(None) };
    let (index, version) = (seen.borrower_index.clone(), seen.borrower_version.clone());
    let mut gathered = Gathered { exposure: seen.exposure, ..Gathered::default() };
    let locked = [seen.open(&app.sealer)?];
    let application = &locked[0].application;
    let is_loan = matches!(application.stage, Stage::Granted { .. });
    // Whether a stopped product or a missing member matters depends on whether the request came before.
    let is_refused = stopped::check(&request.stopped_products, &request.command, &locked).is_err()
        || resolve::check_consent(&request.command, &locked).is_err();
    if is_loan || is_refused || index != facts::borrower_index(app, &application.form.borrower) {
        return Ok(None);
    }
    // Only the sandbox looks anything up.
    let mut conn = if app.bench.is_some() { Some(app.acquire().await?) } else { None };
    let ids = [application.id];
    let (decided, order, given) =
        carry::decide_on(app, conn.as_deref_mut(), (request, exchange_id), (&ids, &locked), &mut gathered).await?;
    if !given.words.is_empty() {
        return Ok(None);
    }
    let writes = save::alone(app, &locked, decided, order)?;
    let Some(change) = writes.and_then(|writes| Change::of(writes, request.digest, version)) else { return Ok(None) };
    drop(conn);
    let written = group::change(app, change).await?;
    Ok(written.then_some(Accepted { exchange: exchange_id, replay: false }))
}

/// The application of a request that names exactly one, by the LSP's id, and needs nothing but that application.
fn named(request: &Request) -> Option<Named> {
    let by_name = matches!(
        request.command,
        Command::RequestConsent(_)
            | Command::GenerateOffers(_)
            | Command::SetOffer { .. }
            | Command::TriggerAcceptance { .. }
    );
    let mut names = if by_name { resolve::names(&request.command) } else { Vec::new() };
    let (loan_application_id, 0) = (names.pop()?, names.len()) else { return None };
    let exposure = matches!(request.command, Command::SetOffer { .. });
    Some(Named { org_id: request.org_id.0.clone(), loan_application_id, exposure })
}
