//! `createLoanApplicationsRequest`: the lock-free shortcut for one new application, and the ordinary way.

use sqlx::PgConnection;

use super::facts::Gathered;
use super::save::{self, Before, Order};
use super::{Accepted, Refused, Request, group, open_exchange, rehearsal};
use crate::app::{App, Given};
use crate::domain::application::ask::Ask;
use crate::domain::application::command::NewApplication;
use crate::domain::application::decide::{self, Decided, Filed};
use crate::domain::ids::{ApplicationId, BundleId, ExchangeId};
use crate::store::application::Locked;
use crate::store::write::Filing;

/// Files one application in the expectation that it is new, as nearly all are. One statement claims the idempotency key
/// and writes everything, for all filings that come in at the same moment. `None` means that nothing was written,
/// because the key or the application's id was used before, or the request needs more than this; the ordinary way then
/// deals with it.
///
/// # Errors
/// See [`Refused`].
pub(super) async fn at_once(
    app: &App,
    request: &Request,
    exchange_id: ExchangeId,
    items: &[NewApplication],
) -> Result<Option<Accepted>, Refused> {
    // Whether a stopped product matters depends on whether the request came before.
    let ([item], []) = (items, request.stopped_products.as_slice()) else { return Ok(None) };
    // Only the sandbox looks anything up.
    let mut conn = if app.bench.is_some() { Some(app.acquire().await?) } else { None };
    let (decided, order, given) =
        decide_on(app, conn.as_deref_mut(), request, exchange_id, (vec![item.clone()], &[])).await?;
    if !given.words.is_empty() {
        return Ok(None);
    }
    let writes = save::alone(app, &[], decided, order)?;
    let Some(filing) = writes.and_then(|writes| Filing::of(writes, request.digest)) else { return Ok(None) };
    drop(conn);
    let written = group::file(app, filing).await?;
    Ok(written.then_some(Accepted { exchange: exchange_id, replay: false }))
}

/// Files applications in the caller's transaction. If two requests create the same id at the same time, the later one
/// fails, is tried again, and finds the application of the first.
pub(super) async fn create(
    app: &App,
    conn: &mut PgConnection,
    request: &Request,
    exchange_id: ExchangeId,
    (items, locked): (Vec<NewApplication>, Vec<Locked>),
) -> Result<(), Refused> {
    let (decided, order, given) = decide_on(app, Some(&mut *conn), request, exchange_id, (items, &locked)).await?;
    save::decision_with(app, conn, Before::applications(&locked), decided, order).await?;
    rehearsal::keep(app, conn, &given).await
}

async fn decide_on<'a>(
    app: &App,
    conn: Option<&mut PgConnection>,
    request: &'a Request,
    exchange_id: ExchangeId,
    (items, locked): (Vec<NewApplication>, &[Locked]),
) -> Result<(Decided, Order<'a>, Given), Refused> {
    let bundle = BundleId(app.ids.uuid());
    let filed = items
        .into_iter()
        .map(|item| {
            let known = locked.iter().find(|l| l.application.loan_application_id == item.loan_application_id);
            let new = || Filed::New(ApplicationId(app.ids.uuid()));
            let filed = known.map_or_else(new, |l| Filed::Known(Box::new(l.application.clone())));
            (item, filed)
        })
        .collect();
    let gathered = Gathered::default();
    let facts = gathered.facts(app, Some(exchange_id));
    let mut decided = decide::file(&request.org_id, bundle, filed, &facts);
    let given = rehearsal::read(app, conn, request, &mut decided).await?;
    // One that was there before goes on step by step, as the table of legal stage changes wants it.
    let is_new = |id| !locked.iter().any(|l| l.application.id == id) && !given.checks(id);
    let rules = app.ports.of(&Ask::Eligibility);
    decided.check_at_once(is_new, |application| rules.check_at_once(application, facts.today), &facts);
    let stream = decided.applications.first().map_or(bundle, |a| a.bundle);
    let order = open_exchange(app, request, exchange_id, (stream.0, &decided, true))?;
    Ok((decided, order, given))
}
