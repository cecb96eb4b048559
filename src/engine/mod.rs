//! One command, one transaction: claim the request, lock, decide, store, enqueue. Outcomes and timers go the same way.

// A request: `attempt` below claims its id and hands it to one of these.
mod carry; // requests about applications that exist, under locks
mod change; // the lock-free shortcut for those that need one application alone
mod facts; // what a decision may know, read under the locks that keep it true
mod filing; // `createLoanApplicationsRequest`, with a lock-free shortcut of its own
mod group; // group commit of the two shortcuts
mod list; // `listLoansRequest`
pub mod otp; // whether a one-time password is right
mod rehearsal; // scenario codes of a request, in the sandbox
mod resolve; // from the ids in a message to applications
mod stopped; // kill switches

// What was decided is stored.
mod codec; // the trait by which `protocol` writes answers down
pub mod pages; // key facts statements, and the borrowers' pages that show them
mod release; // lets what a request caused leave once its ack is written
mod replies; // results, counted per exchange; the last one queues the callback
mod save; // a decision becomes rows, in the one lock order

// In the background.
mod begin; // leases follow-up work in the transaction that creates it
mod called; // log line and metrics of a call to the lender's systems
mod compare; // the daily comparison with the lender's general ledger
pub mod day_end; // brings loans to the business date
pub mod fire; // asks the lender's systems and rings timers
pub mod later; // answers that the lender's systems post by themselves
pub mod ledger; // feeds the book to the lender's general ledger
mod outcome; // applies an answer or a timer like a command

// What people decide.
pub mod operate; // acts by hand on a loan, by maker and checker
pub mod refer; // decisions referred to people, by maker and checker

use bytes::Bytes;
use chrono::Duration;
use sqlx::PgConnection;
use uuid::Uuid;

pub use self::codec::{Codec, EncodeError, EncodedCallback, Outgoing};
pub use self::facts::{borrower_index, phone_index};
pub use self::group::{Groups, run as run_groups};
pub use self::release::{release, run as run_release};
use self::resolve::Subjects;
use self::save::{Before, Order};
use crate::app::App;
use crate::domain::application::answer::{Answer, Content};
use crate::domain::application::command::{Command, Meta};
use crate::domain::application::decide::Decided;
use crate::domain::application::decision::Decision;
use crate::domain::ids::{ApplicationId, ExchangeId, OrgId};
use crate::lsp::Settings;
use crate::store::exchange::Exchange;
use crate::store::inbox::{Claim, Key};
use crate::store::write::{Opened, Writes};
use crate::store::{StoreError, inbox, outbox};

/// A callback or ask that its own request caused leaves after the ack was written, or this much later (design §6).
pub(crate) const HOLD: Duration = Duration::seconds(1);

/// Tries of one request within one HTTP exchange.
const TRIES: u32 = 3;

/// A verified, decoded request.
#[derive(Debug, Clone)]
pub struct Request {
    /// The operation's name, e.g. `setOffer`.
    pub operation: &'static str,
    /// The LSP that signed.
    pub org_id: OrgId,
    /// Its request id.
    pub request_id: String,
    /// `metadata.traceId`.
    pub trace_id: String,
    /// `metadata.version`.
    pub version: String,
    /// SHA-256 of the body without its metadata: tells a retry from a conflict.
    pub digest: [u8; 32],
    /// The body as received.
    pub raw: Bytes,
    /// How it was signed.
    pub style: Style,
    /// The LSP's switches.
    pub settings: Settings,
    /// W3C trace id under which it is handled.
    pub trace: Uuid,
    /// What it asks.
    pub command: Command,
    /// `X-Sandbox-Scenario` as sent; read in the sandbox only.
    pub scenario: Option<String>,
    /// Products whose new business is stopped, as read together with the LSP's key.
    pub stopped_products: Vec<String>,
}

/// How a request was signed, so that what we send can mirror it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Signed at all.
    pub signed: bool,
    /// Header under `protected` rather than `header` (C4).
    pub protected_member: bool,
}

/// A request that is stored, durably.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Its exchange; the first one's when it is a repetition.
    pub exchange: ExchangeId,
    /// Came before: nothing was applied again.
    pub replay: bool,
}

/// Why nothing was stored; the request id is not used up (design §4).
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The request id stands for another body.
    #[error("requestId was used before with another body")]
    Conflict,
    /// Ids that this LSP does not have.
    #[error("unknown {what}: {}", ids.join(", "))]
    UnknownIds {
        /// Which member.
        what: &'static str,
        /// The ids.
        ids: Vec<String>,
    },
    /// Two ids in one message that do not belong together.
    #[error("{detail}")]
    Mismatch {
        /// Which.
        detail: String,
    },
    /// A member that is mandatory, unless something that came before says the same.
    #[error("{pointer} is missing")]
    Missing {
        /// JSON pointer (RFC 6901) to the member.
        pointer: &'static str,
    },
    /// An operator has stopped the product.
    #[error("the product {product} is stopped")]
    Stopped {
        /// Which product.
        product: String,
    },
    /// The database is away or busy; a retry may help.
    #[error("temporarily unavailable: {0}")]
    Unavailable(StoreError),
    /// A mistake of ours.
    #[error("internal error: {0}")]
    Internal(String),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        if error.is_transient() { Self::Unavailable(error) } else { Self::Internal(error.to_string()) }
    }
}

impl From<sqlx::Error> for Refused {
    fn from(error: sqlx::Error) -> Self {
        StoreError::Database(error).into()
    }
}

impl From<EncodeError> for Refused {
    fn from(error: EncodeError) -> Self {
        Self::Internal(error.to_string())
    }
}

/// Applies a request once and stores it durably, or refuses it and stores nothing.
///
/// A lost connection or a deadlock is tried again here: the request id makes a second try harmless even when the
/// first one's commit went through unseen.
///
/// # Errors
/// See [`Refused`].
pub async fn handle(app: &App, request: &Request) -> Result<Accepted, Refused> {
    let mut tries = 1;
    loop {
        match attempt(app, request).await {
            Err(Refused::Unavailable(error)) if tries < TRIES && error.is_worth_another_try() => {
                tries += 1;
                if error.lacks_data_key() {
                    app.load_data_keys().await?;
                }
            }
            result => return result,
        }
    }
}

async fn attempt(app: &App, request: &Request) -> Result<Accepted, Refused> {
    let now = app.clock.now();
    let exchange_id = ExchangeId(app.ids.uuid());
    if let Command::CreateApplications(items) = &request.command
        && let Some(accepted) = filing::at_once(app, request, exchange_id, items).await?
    {
        return Ok(accepted);
    }
    if let Some(accepted) = change::at_once(app, request, exchange_id).await? {
        return Ok(accepted);
    }
    let mut tx = app.begin().await?;
    let key = Key { org_id: request.org_id.as_str(), operation: request.operation, request_id: &request.request_id };
    let names = resolve::names(&request.command);
    let owned = (request.digest.as_slice(), exchange_id.0);
    let (claim, locked) = inbox::claim(&mut tx, &app.sealer, (key, &names), owned, now).await?;
    match claim {
        Claim::Used { digest, .. } if digest != request.digest => return Err(Refused::Conflict),
        Claim::Used { exchange_id, .. } => {
            let news = replies::news_of(&mut tx, request, ExchangeId(exchange_id)).await?;
            outbox::requeue(&mut tx, exchange_id, news, now + HOLD).await?;
            tx.commit().await?;
            return Ok(Accepted { exchange: ExchangeId(exchange_id), replay: true });
        }
        Claim::Fresh => {}
    }
    match resolve::subjects(&mut tx, request, locked).await? {
        Subjects::New(items, locked) => {
            stopped::check_new(app, &request.stopped_products, &items)?;
            filing::create(app, &mut tx, request, exchange_id, (items, locked)).await?;
        }
        Subjects::Known(known) => carry::out(app, &mut tx, request, exchange_id, known).await?,
        Subjects::None => meta(app, &mut tx, request, exchange_id).await?,
    }
    tx.commit().await?;
    Ok(Accepted { exchange: exchange_id, replay: false })
}

/// Heartbeat, lookups, error codes and lists: an answer, and nothing else.
async fn meta(app: &App, conn: &mut PgConnection, request: &Request, exchange_id: ExchangeId) -> Result<(), Refused> {
    let mut decided = Decided { applications: Vec::new(), decision: Decision::default() };
    if let Command::ListLoans(filter) = &request.command {
        decided.decision.reply(exchange_id, 0, list::answer(app, conn, &request.org_id, filter).await?);
    }
    if let Command::Meta(meta) = &request.command
        && (*meta != Meta::Heartbeat || request.settings.heartbeat_callback)
    {
        decided.decision.reply(exchange_id, 0, Answer::ok(Content::Meta { meta: meta.clone() }));
    }
    let order = open_exchange(app, request, exchange_id, (exchange_id.0, &decided, false))?;
    save::decision_with(app, conn, Before::applications(&[]), decided, order).await
}

/// The exchange of a request, to be written with what is decided about it.
fn open_exchange<'a>(
    app: &App,
    request: &'a Request,
    id: ExchangeId,
    (stream_id, decided, per_item): (Uuid, &Decided, bool),
) -> Result<Order<'a>, Refused> {
    let may_be_silent = matches!(request.command, Command::Meta(_) | Command::RepaymentHint { .. });
    let silent = may_be_silent && decided.decision.replies.is_empty();
    let slots = match (per_item, silent) {
        (true, _) => i32::try_from(decided.applications.len()).unwrap_or(i32::MAX),
        (false, true) => 0,
        (false, false) => 1,
    };
    let exchange = Exchange {
        id,
        org_id: request.org_id.clone(),
        operation: request.operation.to_owned(),
        request_id: request.request_id.clone(),
        version: request.version.clone(),
        signed: request.style.signed,
        protected_member: request.style.protected_member,
        stream_id,
        slots,
        pending: slots,
        trace: request.trace,
    };
    let parts: Vec<(ApplicationId, i32)> = decided
        .applications
        .iter()
        .zip(0..)
        .map(|(application, slot)| (application.id, if per_item { slot } else { 0 }))
        .collect();
    let mut writes = Writes::of(request.org_id.as_str());
    writes.open(Opened::new(&app.sealer, exchange, (&request.trace_id, &request.raw))?, &parts);
    Ok(Order { cause: save::Cause::Request(id), writes, settings: Some(&request.settings) })
}
