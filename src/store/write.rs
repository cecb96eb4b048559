//! Everything that one decision writes to the tables of nearly every request, collected and sent as one statement.
//!
//! A statement costs a round trip and its overhead in the database whatever it writes; a request that wrote table by
//! table would spend more on that than on the rows (`performance.md` §3).

mod change;
mod filing;
mod lone;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

pub use self::change::Change;
pub use self::filing::Filing;
use super::application::{self, Row};
use super::ask::{self, Detail, Leased, Settlement};
use super::exchange::{self, Exchange};
use super::reference::Kind;
use super::{StoreError, one_row};
use crate::domain::application::answer::Answer;
use crate::domain::ids::{ApplicationId, ExchangeId};
use crate::seal::Sealer;

/// The key that keeps an LSP's application ids apart.
const NAME_KEY: &str = "application_loan_application_id_key";

/// What a decision writes. Nothing is written before [`Writes::flush`].
#[derive(Debug, Default)]
pub struct Writes {
    org_id: String,
    applications: Vec<Row>,
    references: References,
    events: Events,
    reserved: Option<(Uuid, Vec<u8>, i64)>,
    opened: Option<Opened>,
    parts: Parts,
    answers: Answers,
    counted: Option<Uuid>,
    asks: Asks,
    callbacks: Vec<Queued>,
    settled: Option<(Uuid, Uuid, Settlement)>,
}

/// A new exchange with the message as received.
#[derive(Debug)]
pub struct Opened {
    exchange: Exchange,
    trace_id: String,
    sealed: Vec<u8>,
}

impl Opened {
    /// Seals the message.
    ///
    /// # Errors
    /// When it cannot be sealed.
    pub fn new(sealer: &Sealer, exchange: Exchange, (trace_id, body): (&str, &[u8])) -> Result<Self, StoreError> {
        let sealed = sealer.seal(&format!("message:{}", exchange.id), body)?;
        Ok(Self { exchange, trace_id: trace_id.to_owned(), sealed })
    }
}

/// A callback to be put at the end of its stream.
#[derive(Debug)]
pub struct Queued {
    /// From `Ids`; the sealing context is [`body_context`](super::outbox::body_context) of it.
    pub callback_id: Uuid,
    /// Its stream; made when it does not exist.
    pub stream_id: Uuid,
    /// The exchange it answers; `None` for a callback that nobody asked for.
    pub exchange_id: Option<Uuid>,
    /// Operation name, e.g. `setOffer`.
    pub operation: String,
    /// The requestId in the body, for searching.
    pub request_id: String,
    /// Answer path, overrides applied.
    pub path: String,
    /// `metadata.version` to send.
    pub version: String,
    /// `metadata.traceId` to send, the same in each attempt.
    pub trace_id: String,
    /// The body without metadata, sealed.
    pub sealed_body: Vec<u8>,
    /// Whether the request was signed.
    pub signed: bool,
    /// Whether the request had its header under `protected`.
    pub protected_member: bool,
    /// Not before this instant (business time).
    pub due_at: DateTime<Utc>,
    /// W3C trace id of the exchange that it belongs to.
    pub trace: Uuid,
}

#[derive(Debug, Default)]
struct References {
    kinds: Vec<String>,
    values: Vec<String>,
    applications: Vec<Uuid>,
}

#[derive(Debug, Default)]
struct Events {
    applications: Vec<Uuid>,
    revisions: Vec<i64>,
    words: Vec<String>,
}

#[derive(Debug, Default)]
struct Parts {
    applications: Vec<Uuid>,
    slots: Vec<i32>,
}

#[derive(Debug, Default)]
struct Answers {
    slots: Vec<i32>,
    sealed: Vec<Vec<u8>>,
}

#[derive(Debug, Default)]
struct Asks {
    ids: Vec<Uuid>,
    applications: Vec<Uuid>,
    exchanges: Vec<Option<Uuid>>,
    ports: Vec<String>,
    methods: Vec<String>,
    details: Vec<Vec<u8>>,
    due: Vec<DateTime<Utc>>,
}

impl Writes {
    /// Nothing yet, for one LSP.
    #[must_use]
    pub fn of(org_id: &str) -> Self {
        Self { org_id: org_id.to_owned(), ..Self::default() }
    }

    /// The LSP.
    #[must_use]
    pub fn org_id(&self) -> &str {
        &self.org_id
    }

    /// An application, new or changed.
    pub fn application(&mut self, row: Row) {
        self.applications.push(row);
    }

    /// An id that an application can be found by; a known one stays.
    pub fn reference(&mut self, application: ApplicationId, kind: Kind, value: String) {
        self.references.kinds.push(kind.name().to_owned());
        self.references.values.push(value);
        self.references.applications.push(application.0);
    }

    /// A line of the history that people read, under the revision that it led to.
    pub fn event(&mut self, application: ApplicationId, revision: i64, words: String) {
        self.events.applications.push(application.0);
        self.events.revisions.push(revision);
        self.events.words.push(words);
    }

    /// An amount counted for an application against its borrower, in place of what it counted before. One decision
    /// reserves for one application.
    pub fn reserve(&mut self, application: ApplicationId, borrower: Vec<u8>, paise: i64) {
        self.reserved = Some((application.0, borrower, paise));
    }

    /// A new exchange, with the applications that it is about and the slot that each owes.
    pub fn open(&mut self, opened: Opened, parts: &[(ApplicationId, i32)]) {
        self.opened = Some(opened);
        self.parts.applications = parts.iter().map(|(id, _)| id.0).collect();
        self.parts.slots = parts.iter().map(|(_, slot)| *slot).collect();
    }

    /// The new exchange, so that its counter can be taken down before it is written.
    pub fn opened(&mut self) -> Option<&mut Exchange> {
        self.opened.as_mut().map(|opened| &mut opened.exchange)
    }

    /// Freezes a result of the new exchange.
    ///
    /// # Errors
    /// When it cannot be sealed.
    pub fn freeze(
        &mut self,
        sealer: &Sealer,
        exchange: ExchangeId,
        (slot, answer): (i32, &Answer),
    ) -> Result<(), StoreError> {
        self.answers.sealed.push(exchange::seal_answer(sealer, exchange, slot, answer)?);
        self.answers.slots.push(slot);
        Ok(())
    }

    /// Counts down an earlier exchange, whose lock the caller holds. False when this statement counts one down already:
    /// it has room for one.
    #[must_use]
    pub fn count_down(&mut self, exchange: ExchangeId) -> bool {
        let free = self.counted.is_none();
        if free {
            self.counted = Some(exchange.0);
        }
        free
    }

    /// A question or timer that came out of an exchange (or of none).
    ///
    /// # Errors
    /// When it cannot be sealed.
    pub fn ask(
        &mut self,
        sealer: &Sealer,
        (id, exchange, detail): (Uuid, Option<ExchangeId>, &Detail),
        due_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let Some(application) = detail.application() else {
            return Ok(());
        };
        let (port, method) = detail.port();
        self.asks.ids.push(id);
        self.asks.applications.push(application.0);
        self.asks.exchanges.push(exchange.map(|exchange| exchange.0));
        self.asks.ports.push(port.to_owned());
        self.asks.methods.push(method.to_owned());
        self.asks.details.push(ask::seal(sealer, id, detail)?);
        self.asks.due.push(due_at);
        Ok(())
    }

    /// A callback at the end of its stream. Callbacks of one stream keep the order of these calls.
    pub fn callback(&mut self, queued: Queued) {
        self.callbacks.push(queued);
    }

    /// Settles a leased question or timer; fenced by the lease.
    pub fn settle(&mut self, leased: &Leased, settlement: Settlement) {
        self.settled = Some((leased.id, leased.lease_id, settlement));
    }

    /// Writes everything and forgets it.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when another transaction was faster with an application, or the lease of the question was
    /// lost; when the database fails. The caller then rolls back.
    pub async fn flush(&mut self, conn: &mut PgConnection, now: DateTime<Utc>) -> Result<(), StoreError> {
        if self.is_empty() {
            return Ok(());
        }
        let mut all = std::mem::replace(self, Self::of(&self.org_id));
        // New ones in the order of the LSP's ids, so that concurrent creators do not wait for each other in a circle.
        all.applications.sort_by(|a, b| a.loan_application_id.cmp(&b.loan_application_id));
        let last = all.applications.pop();
        for row in &all.applications {
            application::save(conn, &all.org_id, row, now).await?;
        }
        statement(conn, &all, last, now).await.map_err(taken)
    }

    fn is_empty(&self) -> bool {
        self.applications.is_empty()
            && self.references.kinds.is_empty()
            && self.events.words.is_empty()
            && self.reserved.is_none()
            && self.opened.is_none()
            && self.counted.is_none()
            && self.asks.ids.is_empty()
            && self.callbacks.is_empty()
            && self.settled.is_none()
    }
}

/// A concurrent request has created an application under the same id: that counts as stale, like a revision that has
/// moved on.
fn taken(error: StoreError) -> StoreError {
    match &error {
        StoreError::Database(sqlx::Error::Database(database)) if database.constraint() == Some(NAME_KEY) => {
            StoreError::Stale { table: "application" }
        }
        _ => error,
    }
}

/// Columns of `stream`: each stream once, however many callbacks join it.
#[derive(Default)]
struct Streams {
    ids: Vec<Uuid>,
    joining: Vec<i32>,
    due: Vec<DateTime<Utc>>,
}

impl Streams {
    fn of(callbacks: &[Queued]) -> Self {
        let mut by_id: BTreeMap<Uuid, (i32, DateTime<Utc>)> = BTreeMap::new();
        for callback in callbacks {
            let (joining, due) = by_id.entry(callback.stream_id).or_insert((0, callback.due_at));
            *joining += 1;
            *due = callback.due_at.min(*due);
        }
        let mut streams = Self::default();
        for (id, (joining, due)) in by_id {
            streams.ids.push(id);
            streams.joining.push(joining);
            streams.due.push(due);
        }
        streams
    }
}

/// Position of each new callback counted from its stream's new end: the last one has 1. `write.sql` computes `seq =
/// next_seq - position`.
fn from_end(callbacks: &[Queued]) -> Vec<i32> {
    let mut seen: BTreeMap<Uuid, i32> = BTreeMap::new();
    let mut places: Vec<i32> = callbacks
        .iter()
        .rev()
        .map(|callback| {
            let place = seen.entry(callback.stream_id).or_default();
            *place += 1;
            *place
        })
        .collect();
    places.reverse();
    places
}

#[expect(clippy::too_many_lines, reason = "one line for each parameter of one statement")]
async fn statement(
    conn: &mut PgConnection,
    all: &Writes,
    row: Option<Row>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let Writes { references, events, parts, answers, asks, callbacks, .. } = all;
    let row = row.as_ref();
    let settled = all.settled.as_ref();
    let settlement = settled.map(|(_, _, settlement)| settlement.columns(true));
    let (state, outcome, due_at, reference) = settlement.unwrap_or_default();
    let reserved = all.reserved.as_ref();
    let opened = all.opened.as_ref();
    let exchange = opened.map(|opened| &opened.exchange);
    let streams = Streams::of(callbacks);
    let places = from_end(callbacks);
    let written = sqlx::query_file!(
        "src/store/write.sql",
        all.org_id,
        now,
        state,
        outcome,
        due_at,
        reference,
        settled.map(|(id, _, _)| *id),
        settled.map(|(_, lease, _)| *lease),
        row.map(|row| row.id),
        row.and_then(|row| row.revision),
        row.map(|row| row.loan_application_id.as_str()),
        row.map(|row| row.bundle_id),
        row.map(|row| row.borrower_index.as_slice()),
        row.map(|row| row.stage),
        row.map(|row| row.data_consent),
        row.map(|row| row.monitoring_consent),
        row.map(|row| row.kyc),
        row.map(|row| row.agreement),
        row.map(|row| row.repayment_setup),
        row.map(|row| row.account_setup),
        row.map(|row| row.state.as_slice()),
        &references.kinds,
        &references.values,
        &references.applications,
        &events.applications,
        &events.revisions,
        &events.words,
        reserved.map(|(id, _, _)| *id),
        reserved.map(|(_, borrower, _)| borrower.as_slice()),
        reserved.map(|(_, _, paise)| *paise),
        exchange.map(|exchange| exchange.id.0),
        opened.map(|opened| opened.sealed.as_slice()),
        exchange.map(|exchange| exchange.operation.as_str()),
        exchange.map(|exchange| exchange.request_id.as_str()),
        opened.map(|opened| opened.trace_id.as_str()),
        exchange.map(|exchange| exchange.version.as_str()),
        exchange.map(|exchange| exchange.signed),
        exchange.map(|exchange| exchange.protected_member),
        exchange.map(|exchange| exchange.stream_id),
        exchange.map(|exchange| exchange.slots),
        exchange.map(|exchange| exchange.pending),
        &parts.applications,
        &parts.slots,
        &answers.slots,
        &answers.sealed,
        all.counted,
        &asks.ids,
        &asks.applications,
        &asks.exchanges as &[Option<Uuid>],
        &asks.ports,
        &asks.methods,
        &asks.details,
        &asks.due,
        &streams.ids,
        &streams.joining,
        &streams.due,
        &column(callbacks, |c| c.callback_id),
        &column(callbacks, |c| c.stream_id),
        &places,
        &column(callbacks, |c| c.exchange_id) as &[Option<Uuid>],
        &column(callbacks, |c| c.operation.clone()),
        &column(callbacks, |c| c.request_id.clone()),
        &column(callbacks, |c| c.path.clone()),
        &column(callbacks, |c| c.version.clone()),
        &column(callbacks, |c| c.trace_id.clone()),
        &column(callbacks, |c| c.sealed_body.clone()),
        &column(callbacks, |c| c.signed),
        &column(callbacks, |c| c.protected_member),
        &column(callbacks, |c| c.due_at),
        exchange.map(|exchange| exchange.trace),
        &column(callbacks, |c| c.trace),
    )
    .fetch_one(conn)
    .await?;
    let expected = |count: i64, wanted: bool, table| {
        if wanted { one_row(u64::try_from(count).unwrap_or_default(), table) } else { Ok(()) }
    };
    expected(written.settled, settled.is_some(), "ask")?;
    expected(written.applications, row.is_some(), "application")?;
    expected(written.counted, all.counted.is_some(), "exchange")
}

fn column<T>(callbacks: &[Queued], of: impl Fn(&Queued) -> T) -> Vec<T> {
    callbacks.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queued(stream: u128, due: i64) -> Queued {
        Queued {
            callback_id: Uuid::nil(),
            stream_id: Uuid::from_u128(stream),
            exchange_id: None,
            operation: String::new(),
            request_id: String::new(),
            path: String::new(),
            version: String::new(),
            trace_id: String::new(),
            sealed_body: Vec::new(),
            signed: false,
            protected_member: false,
            due_at: DateTime::from_timestamp(due, 0).unwrap_or_default(),
            trace: Uuid::nil(),
        }
    }

    #[test]
    fn callbacks_of_one_stream_take_its_last_places_in_order() {
        let callbacks = [queued(2, 9), queued(1, 5), queued(2, 7), queued(2, 8)];
        assert_eq!(from_end(&callbacks), [3, 1, 2, 1]);
        let streams = Streams::of(&callbacks);
        assert_eq!(streams.ids, [Uuid::from_u128(1), Uuid::from_u128(2)]);
        assert_eq!(streams.joining, [1, 3]);
        assert_eq!(streams.due.iter().map(DateTime::timestamp).collect::<Vec<_>>(), [5, 7]);
    }
}
