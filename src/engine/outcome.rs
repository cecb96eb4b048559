//! Applies what came back: a port's outcome or a timer, as a command in one transaction, fenced by the lease.

use sqlx::PgConnection;
use uuid::Uuid;

use super::begin::{self, Begun, Prepared};
use super::facts::Gathered;
use super::{Refused, refer, replies, save};
use crate::app::App;
use crate::domain::application::Application;
use crate::domain::application::answer::Answer;
use crate::domain::application::ask::{Ask, NewAsk, Outcome};
use crate::domain::application::decision::Unclaimed;
use crate::domain::application::facets::Generation;
use crate::domain::application::timer::{NewTimer, Timer};
use crate::domain::application::{decide, offer};
use crate::domain::ids::{ApplicationId, ExchangeId};
use crate::store::application::Locked;
use crate::store::ask::{Leased, Settlement};
use crate::store::write::Writes;
use crate::store::{application, ask, ask_desk, exchange, settings};

/// Applies a port's outcome and settles its ask in the same transaction; one that a person must decide is queued instead.
///
/// # Errors
/// When the lease was lost or nothing could be stored; nothing is applied then.
pub async fn apply(
    app: &App,
    leased: &Leased,
    new: &NewAsk,
    outcome: &Outcome,
    settlement: Settlement,
) -> Result<(), Refused> {
    let reasons = match refer::reasons(&new.ask, outcome) {
        None => refer::beyond_product(app, new, outcome).await?,
        reasons => reasons,
    };
    if let Some(reasons) = reasons {
        return refer::queue(app, leased, new, &reasons).await;
    }
    let mut tx = app.pool.begin().await?;
    let prepared = prepare(app, &mut tx, leased, (new, outcome, settlement)).await?;
    let begun = begin::decision(app, &mut tx, prepared).await?;
    tx.commit().await?;
    begun.go(app);
    Ok(())
}

/// Applies what a system tells by itself about a question that has its outcome already: it is decided as ever, and
/// settles nothing and answers no exchange. False when it changes nothing, or a person looks at it already.
///
/// # Errors
/// When nothing could be stored; nothing is applied then.
pub async fn news(app: &App, id: Uuid, new: &NewAsk, outcome: &Outcome) -> Result<bool, Refused> {
    let new = &NewAsk { exchange: None, ..new.clone() };
    let mut tx = app.pool.begin().await?;
    let (prepared, stuck) = decided(app, &mut tx, new, outcome).await?;
    // That a refund was paid is what was booked when it was ordered, unless it was booked back.
    let is_refund = matches!(new.ask, Ask::Refund(_));
    let is_news = if is_refund { stuck.is_some() } else { !prepared.decided.decision.events.is_empty() };
    if is_news {
        if let Some(reason) = stuck {
            if !ask_desk::call_operator(&mut tx, id, reason, app.clock.now()).await? {
                return Ok(false);
            }
            must_look(id, new, reason);
        }
        warn(id, new, &prepared);
        let begun = begin::decision(app, &mut tx, prepared).await?;
        tx.commit().await?;
        begun.go(app);
    }
    Ok(is_news)
}

/// Decides what follows from a port's outcome, under the locks of the caller's transaction.
///
/// # Errors
/// When the database fails.
pub(super) async fn prepare(
    app: &App,
    conn: &mut PgConnection,
    leased: &Leased,
    (new, outcome, settlement): (&NewAsk, &Outcome, Settlement),
) -> Result<Prepared, Refused> {
    let (mut prepared, stuck) = decided(app, conn, new, outcome).await?;
    warn(leased.id, new, &prepared);
    let settlement = stuck.map_or(settlement, |reason| {
        must_look(leased.id, new, reason);
        Settlement::Stuck(reason)
    });
    prepared.order.writes.settle(leased, settlement);
    Ok(prepared)
}

/// What a decision wants to be seen; its words name no person.
fn warn(id: Uuid, new: &NewAsk, prepared: &Prepared) {
    for what in &prepared.decided.decision.warnings {
        tracing::warn!(ask.id = %id, ask.port = new.ask.port(), what);
    }
}

fn must_look(id: Uuid, new: &NewAsk, reason: &str) {
    tracing::error!(ask.id = %id, ask.port = new.ask.port(), reason, "an operator must look");
}

/// What follows, and why a person must look at it, where one must.
async fn decided(
    app: &App,
    conn: &mut PgConnection,
    new: &NewAsk,
    outcome: &Outcome,
) -> Result<(Prepared, Option<&'static str>), Refused> {
    let ids: Vec<ApplicationId> = new.targets.iter().map(|(id, _)| *id).collect();
    let locked = application::lock(conn, &app.sealer, &ids).await?;
    let mut gathered = Gathered::for_outcome(app, conn, &locked, (&new.ask, outcome)).await?;
    let writes = Writes::of(locked.first().map_or("", |l| l.application.org_id.as_str()));
    let order = save::Order { cause: save::Cause::Background(new.exchange), writes, settings: None };
    let decide = |gathered: &Gathered| {
        decide::apply(in_asked_order(&locked, new), &new.ask, outcome, &gathered.facts(app, new.exchange))
    };
    let mut decided = decide(&gathered);
    if decided.decision.lacks_history {
        gathered = gathered.with_history(app, conn).await?;
        gathered = gathered.with_collaterals(app, conn, locked.first().map(|l| &l.application)).await?;
        decided = decide(&gathered);
    }
    let stuck = decided.decision.unclaimed.map(|money| match money {
        Unclaimed::HoldsTranche => ask::CONTRADICTED,
        Unclaimed::Stray => ask::UNCLAIMED,
        Unclaimed::ByHand => ask::BY_HAND,
    });
    Ok((Prepared { locked, gathered, decided, order }, stuck))
}

fn in_asked_order(locked: &[Locked], new: &NewAsk) -> Vec<(Application, Generation)> {
    let find = |id: ApplicationId| locked.iter().find(|l| l.application.id == id);
    new.targets.iter().filter_map(|(id, generation)| find(*id).map(|l| (l.application.clone(), *generation))).collect()
}

/// Lets a timer ring and settles it in the same transaction.
///
/// # Errors
/// As [`apply`].
pub async fn ring(app: &App, leased: &Leased, new: &NewTimer) -> Result<(), Refused> {
    let mut tx = app.pool.begin().await?;
    ask::settle(&mut tx, leased, Settlement::Closed("rang"), app.clock.now()).await?;
    let locked = application::lock(&mut tx, &app.sealer, &[new.application]).await?;
    let mut begun = Begun::default();
    if let Timer::InterimAnswer { exchange } = new.timer {
        interim(app, &mut tx, exchange).await?;
    } else if let Some(found) = locked.first() {
        let gathered = match new.timer {
            Timer::PaymentLink { .. } => Gathered::for_loan(app, &mut tx, &found.application).await?,
            _ => Gathered::default(),
        };
        let decided = decide::ring(found.application.clone(), &new.timer, &gathered.facts(app, None));
        let order = save::Order::aside(&decided);
        begun = begin::decision(app, &mut tx, Prepared { locked, gathered, decided, order }).await?;
    }
    tx.commit().await?;
    begun.go(app);
    Ok(())
}

/// Row 27: what is known so far, the rest shown as it stands; the final answer follows under the same request id.
async fn interim(app: &App, conn: &mut PgConnection, id: ExchangeId) -> Result<(), Refused> {
    let parts = exchange::applications(conn, id).await?;
    let ids: Vec<ApplicationId> = parts.iter().map(|(id, _)| *id).collect();
    let apps = application::read(conn, &app.sealer, &ids).await?;
    let Some(locked) = exchange::lock(conn, &[id]).await?.pop() else {
        return Ok(());
    };
    let now = app.clock.now();
    if locked.pending == 0 || !exchange::mark_interim(conn, id, now).await? {
        return Ok(());
    }
    let frozen = exchange::frozen(conn, &app.sealer, id).await?;
    let gathered = Gathered::default();
    let facts = gathered.facts(app, None);
    let mut answers = Vec::new();
    for (application_id, slot) in parts {
        let known = frozen.iter().find(|(frozen_slot, _)| *frozen_slot == slot).map(|(_, answer)| answer.clone());
        let standing = || apps.iter().find(|a| a.id == application_id).map(|a| Answer::ok(offer::content(a, &facts)));
        answers.extend(known.or_else(standing));
    }
    let operation = locked.operation.clone();
    let settings = settings::of(conn, locked.org_id.as_str()).await?;
    let mut writes = Writes::of(locked.org_id.as_str());
    let callback = replies::encode(app, &settings, (locked, &operation), &answers, now)?;
    replies::enqueue(app, &mut writes, replies::Callback { is_final: false, ..callback })?;
    Ok(writes.flush(conn, now).await?)
}
