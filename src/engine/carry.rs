//! Requests about existing applications, carried out in the ordinary way: under locks.

use chrono::Duration;
use sqlx::PgConnection;

use super::facts::Gathered;
use super::resolve::{self, Known};
use super::save::{self, Before, Order};
use super::{Refused, Request, open_exchange, rehearsal, stopped};
use crate::app::{App, Given};
use crate::domain::application::Application;
use crate::domain::application::command::Command;
use crate::domain::application::decide::{self, Decided};
use crate::domain::application::timer::{NewTimer, Timer};
use crate::domain::ids::{ApplicationId, ExchangeId};
use crate::store::application::{self, Locked};

/// Carries out any request about existing applications: locks them, gathers facts, decides, stores. The caller commits.
///
/// # Errors
/// See [`Refused`].
pub(super) async fn out(
    app: &App,
    conn: &mut PgConnection,
    request: &Request,
    exchange_id: ExchangeId,
    known: Known,
) -> Result<(), Refused> {
    let Known { ids, locked, consent_handle } = known;
    let locked = match locked {
        Some(locked) => locked,
        None => application::lock(conn, &app.sealer, &ids).await?,
    };
    stopped::check(&request.stopped_products, &request.command, &locked)?;
    resolve::check_consent(&request.command, &locked)?;
    let mut gathered = Gathered::for_command(app, conn, &locked, &request.command).await?;
    gathered.consent_handle = consent_handle;
    resolve::check_payment(&request.command, &gathered)?;
    let (decided, order, given) =
        decide_on(app, Some(&mut *conn), (request, exchange_id), (&ids, &locked), &mut gathered).await?;
    let before = Before { applications: &locked, loan: gathered.loan.as_ref() };
    save::decision_with(app, conn, before, decided, order).await?;
    rehearsal::keep(app, conn, &given).await
}

/// Makes the decision: puts the applications in order, asks the domain, and builds the exchange that is stored with
/// what was decided. The connection is needed in the sandbox only, for scenario codes.
///
/// # Errors
/// See [`Refused`].
pub(super) async fn decide_on<'a>(
    app: &App,
    mut conn: Option<&mut PgConnection>,
    (request, exchange_id): (&'a Request, ExchangeId),
    (ids, locked): (&[ApplicationId], &[Locked]),
    gathered: &mut Gathered,
) -> Result<(Decided, Order<'a>, Given), Refused> {
    let per_item = matches!(request.command, Command::GenerateOffers(_));
    // Results of a list keep the request's order; what one OTP signs goes by the order of ids.
    let mut apps: Vec<Application> = if per_item {
        ids.iter().filter_map(|id| find(locked, *id)).map(|l| l.application.clone()).collect()
    } else {
        locked.iter().map(|l| l.application.clone()).collect()
    };
    if let Some(conn) = conn.as_deref_mut()
        && let Some(matches) = rehearsal::one_time_password(app, conn, &request.command, &mut apps).await?
    {
        gathered.otp_matches = matches;
    }
    let facts = gathered.facts(app, Some(exchange_id));
    let mut decided = decide::decide(apps, &request.command, &facts);
    let given = rehearsal::read(app, conn, request, &mut decided).await?;
    let stream = decided.applications.first().map_or(exchange_id.0, |a| a.bundle.0);
    if per_item && !is_complete(&decided, exchange_id) {
        interim_timer(app, &mut decided, exchange_id);
    }
    let order = open_exchange(app, request, exchange_id, (stream, &decided, per_item))?;
    Ok((decided, order, given))
}

/// An interim answer for an exchange that still waits for offers (row 27).
fn interim_timer(app: &App, decided: &mut Decided, exchange: ExchangeId) {
    if let Some(waits) = decided.applications.first() {
        let at = app.clock.now() + Duration::seconds(app.config.limits.interim_answer_seconds);
        let timer = NewTimer { timer: Timer::InterimAnswer { exchange }, application: waits.id, at };
        decided.decision.timers.push(timer);
    }
}

fn is_complete(decided: &Decided, exchange: ExchangeId) -> bool {
    let answered = decided.decision.replies.iter().filter(|reply| reply.exchange == exchange).count();
    answered >= decided.applications.len()
}

fn find(locked: &[Locked], id: ApplicationId) -> Option<&Locked> {
    locked.iter().find(|l| l.application.id == id)
}
