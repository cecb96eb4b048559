//! Background transactions lease the asks and the callback stream they create, so that the worker can start right after
//! the commit. Asks of a simulated system are even answered inside the transaction.
//!
//! No promise is weaker for it. A lease expires, whoever holds it. If the transaction rolls back, a question that was
//! answered inside it was never asked, because the simulated system keeps its memory in the same database. What an
//! LSP's request asks is left to the worker, because it must wait for the ack.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use super::facts::Gathered;
use super::fire::{self, Step};
use super::save::{self, Before, Cause, Order};
use super::{Refused, outcome};
use crate::app::App;
use crate::app::lane::Handed;
use crate::domain::application::ask::{Ask, NewAsk};
use crate::domain::application::decide::Decided;
use crate::store::application::Locked;
use crate::store::ask::{Detail, Leased};
use crate::store::begun::{self, LeasedStream, Question};

/// Most questions that one transaction answers itself; the worker takes the rest.
const MOST_HERE: usize = 32;

/// A decision that is not stored yet, with the rows and facts that it was made from.
pub(super) struct Prepared {
    /// Applications as they were locked.
    pub locked: Vec<Locked>,
    /// Facts, the locked loan among them.
    pub gathered: Gathered,
    /// What was decided.
    pub decided: Decided,
    /// What it is stored with.
    pub order: Order<'static>,
}

/// What a transaction has leased. None of these leases exists before it has committed.
#[derive(Default)]
#[must_use = "what is leased waits for nobody else until its lease has run out"]
pub(super) struct Begun {
    asks: Vec<Handed<Leased>>,
    stream: Option<Handed<LeasedStream>>,
    /// The stream that gets a callback.
    told: Option<Uuid>,
    /// Questions that this transaction has still to answer itself.
    here: VecDeque<Leased>,
    /// How many questions were taken for that, answered ones included.
    within: usize,
}

/// Who answers a question that its own transaction has leased.
enum How {
    /// This transaction.
    Here,
    /// The worker, after the commit; the permit is its place there.
    Then(OwnedSemaphorePermit),
}

impl Begun {
    /// Hands the leased work to the workers. To be called when the transaction has committed.
    pub(super) fn go(self, app: &App) {
        for handed in self.asks {
            app.asks.hand(handed);
        }
        if let Some(handed) = self.stream {
            app.streams.hand(handed);
        }
    }
}

/// Stores a decision in the caller's transaction, leases the work that follows from it, and answers inside the
/// transaction what can be answered there.
///
/// # Errors
/// When anything cannot be stored; the caller rolls back.
pub(super) async fn decision(app: &App, conn: &mut PgConnection, prepared: Prepared) -> Result<Begun, Refused> {
    let mut begun = Begun::default();
    // Boxed, so that no task carries the room for a second decision that hardly any makes.
    Box::pin(begun.store(app, conn, prepared)).await?;
    while let Some(leased) = begun.here.pop_front() {
        if let Some(prepared) = Box::pin(answer(app, conn, &leased)).await? {
            Box::pin(begun.store(app, conn, prepared)).await?;
        }
    }
    if let Some((stream_id, place)) = begun.told.and_then(|stream| Some((stream, app.streams.place()?))) {
        let work = LeasedStream { stream_id, lease_id: app.ids.uuid() };
        if begun::stream(conn, work, app.clock.now()).await? {
            begun.stream = Some(Handed { work, place });
        }
    }
    Ok(begun)
}

/// Asks a system that keeps its memory in our own database. Gives the decision that follows from its answer, or `None`
/// if the question stays open.
async fn answer(app: &App, conn: &mut PgConnection, leased: &Leased) -> Result<Option<Prepared>, Refused> {
    let Detail::Ask(new) = &leased.detail else {
        return Ok(None);
    };
    let outcome = fire::call_here(app, conn, leased, new).await?;
    match fire::next_step(leased, new, outcome, app.clock.now()) {
        Step::Apply(outcome, settlement) => {
            outcome::prepare(app, conn, leased, (new, &outcome, settlement)).await.map(Some)
        }
        Step::Wait(settlement) => {
            fire::wait(app, conn, leased, settlement).await?;
            Ok(None)
        }
    }
}

impl Begun {
    async fn store(&mut self, app: &App, conn: &mut PgConnection, prepared: Prepared) -> Result<(), Refused> {
        let Prepared { locked, gathered, mut decided, order } = prepared;
        let exchange = match order.cause {
            Cause::Request(exchange) => Some(exchange),
            Cause::Background(exchange) => exchange,
        };
        let own = self.take(app, &mut decided);
        let org_id = order.writes.org_id().to_owned();
        let before = Before { applications: &locked, loan: gathered.loan.as_ref() };
        save::decision_with(app, conn, before, decided, order).await?;
        for (new, how) in own {
            let exchange = new.exchange.or(exchange);
            let (id, lease_id) = (app.ids.uuid(), app.ids.uuid());
            let question = Question { id, lease_id, org_id: &org_id, exchange };
            let leased = begun::question(conn, &app.sealer, (question, new), app.clock.now()).await?;
            match (leased, how) {
                (Some(leased), How::Here) => self.here.push_back(leased),
                (Some(work), How::Then(place)) => self.asks.push(Handed { work, place }),
                (None, _) => {}
            }
        }
        Ok(())
    }

    /// Takes out of a decision the questions that its own transaction leases, and notes the stream in which the LSP is
    /// told something.
    fn take(&mut self, app: &App, decided: &mut Decided) -> Vec<(NewAsk, How)> {
        let Decided { applications, decision } = decided;
        let Some(first) = applications.first() else {
            return Vec::new();
        };
        if !(decision.replies.is_empty() && decision.webhooks.is_empty()) {
            self.told = Some(first.bundle.0);
        }
        if !app.asks.is_open() {
            return Vec::new();
        }
        let (now, held) = (app.clock.now(), app.ports.held());
        let mut own = Vec::new();
        let mut others = Vec::new();
        for new in std::mem::take(&mut decision.asks) {
            match self.how(app, &new, &held, now) {
                Some(how) => own.push((new, how)),
                None => others.push(new),
            }
        }
        decision.asks = others;
        own
    }

    /// Whether the transaction leases a question itself, and who then answers it. Payouts and refunds are left to the
    /// worker, which looks at the kill switches first.
    fn how(&mut self, app: &App, new: &NewAsk, held: &[String], now: DateTime<Utc>) -> Option<How> {
        let is_due = new.not_before.is_none_or(|at| at <= now);
        if !is_due || matches!(new.ask, Ask::Pay(_) | Ask::Refund(_)) {
            return None;
        }
        if app.ports.of(&new.ask).is_here(&new.ask) && self.within < MOST_HERE {
            self.within += 1;
            return Some(How::Here);
        }
        let is_held = held.iter().any(|port| port == new.ask.port());
        if is_held { None } else { app.asks.place().map(How::Then) }
    }
}
