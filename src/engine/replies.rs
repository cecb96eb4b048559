//! Results of exchanges. Each is frozen when it is decided, and counted down under the exchange's lock; the last one
//! queues the callback.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{EncodedCallback, Outgoing, Refused, Request};
use crate::app::App;
use crate::domain::application::answer::{Answer, Content, PayoutStatus, RefusalReason};
use crate::domain::application::command::Meta;
use crate::domain::application::decision::{Decision, Reply, Webhook, WebhookKind};
use crate::domain::ids::ExchangeId;
use crate::domain::loan::content::RepaymentStatus;
use crate::domain::loan::repayment::refusal_for;
use crate::lsp::Settings;
use crate::store::exchange::{self, Exchange};
use crate::store::outbox::News;
use crate::store::write::{Queued, Writes};
use crate::store::{StoreError, outbox, settings};

/// Freezes a decision's results and adds every callback that is complete.
///
/// # Errors
/// When the database fails or an answer does not belong to its operation.
pub async fn settle(
    app: &App,
    conn: &mut PgConnection,
    decision: Decision,
    (due_at, settings): (DateTime<Utc>, Option<&Settings>),
    writes: &mut Writes,
) -> Result<(), Refused> {
    if decision.replies.is_empty() && decision.webhooks.is_empty() {
        return Ok(());
    }
    let settings = match settings {
        Some(settings) => settings.clone(),
        None => settings::of(conn, writes.org_id()).await?,
    };
    let (own, earlier): (Vec<_>, _) = {
        let own = writes.opened().map(|exchange| exchange.id);
        decision.replies.into_iter().partition(|reply| Some(reply.exchange) == own)
    };
    settle_new(app, own, (due_at, &settings), writes)?;
    let mut by_exchange: BTreeMap<ExchangeId, Vec<(u32, Answer)>> = BTreeMap::new();
    for reply in earlier {
        by_exchange.entry(reply.exchange).or_default().push((reply.slot, reply.answer));
    }
    for complete in complete_earlier(app, conn, by_exchange, writes).await? {
        send(app, writes, complete, (due_at, &settings))?;
    }
    for webhook in decision.webhooks {
        if let Some(callback) = unsolicited(app, conn, &webhook, (due_at, &settings)).await? {
            enqueue(app, writes, callback)?;
        }
    }
    Ok(())
}

/// Freezes the results of the request's own exchange, and adds its callback when they are complete.
///
/// # Errors
/// When an answer cannot be sealed or does not belong to its operation.
pub fn settle_new(
    app: &App,
    replies: Vec<Reply>,
    when: (DateTime<Utc>, &Settings),
    writes: &mut Writes,
) -> Result<(), Refused> {
    if replies.is_empty() {
        return Ok(());
    }
    let answers = replies.into_iter().map(|reply| (reply.slot, reply.answer)).collect();
    match complete_new(app, writes, answers)? {
        Some(complete) => send(app, writes, complete, when),
        None => Ok(()),
    }
}

/// Adds the callback of an exchange that has all its answers.
fn send(
    app: &App,
    writes: &mut Writes,
    (exchange, answers): (Exchange, Vec<Answer>),
    (due_at, settings): (DateTime<Utc>, &Settings),
) -> Result<(), Refused> {
    let operation = exchange.operation.clone();
    let callback = encode(app, settings, (exchange, &operation), &answers, due_at)?;
    Ok(enqueue(app, writes, callback)?)
}

/// A callback, complete but for its stamp.
#[derive(Debug, Clone)]
pub struct Callback {
    /// The exchange whose request it answers, at least in form: it gives the stream and the way of signing.
    pub exchange: Exchange,
    /// The operation that the body belongs to.
    pub operation: String,
    /// Path and body.
    pub encoded: EncodedCallback,
    /// Whether it is the final answer, which a repetition of the request queues again.
    pub is_final: bool,
    /// Not before this instant.
    pub due_at: DateTime<Utc>,
}

/// Adds a callback at the end of its stream, sealed.
///
/// # Errors
/// When the body cannot be sealed.
pub fn enqueue(app: &App, writes: &mut Writes, callback: Callback) -> Result<(), StoreError> {
    let callback_id = app.ids.uuid();
    let sealed_body = app.sealer.seal(&outbox::body_context(callback_id), callback.encoded.body.as_bytes())?;
    let exchange = callback.exchange;
    writes.callback(Queued {
        callback_id,
        stream_id: exchange.stream_id,
        exchange_id: callback.is_final.then_some(exchange.id.0),
        operation: callback.operation,
        request_id: exchange.request_id,
        path: callback.encoded.path,
        version: exchange.version,
        trace_id: app.ids.uuid().simple().to_string(),
        sealed_body,
        signed: exchange.signed,
        protected_member: exchange.protected_member,
        due_at: callback.due_at,
        trace: exchange.trace,
    });
    Ok(())
}

/// An exchange with all its answers, once none is missing.
type Complete = Option<(Exchange, Vec<Answer>)>;

/// The request's own exchange, which nobody else can see yet: its counter is taken down before it is written.
fn complete_new(app: &App, writes: &mut Writes, mut answers: Vec<(u32, Answer)>) -> Result<Complete, StoreError> {
    // A result that is there already stays.
    answers.sort_by_key(|(slot, _)| *slot);
    answers.dedup_by_key(|(slot, _)| *slot);
    let Some(exchange) = writes.opened().filter(|exchange| exchange.pending > 0) else {
        return Ok(None);
    };
    answers.truncate(usize::try_from(exchange.slots).unwrap_or_default());
    exchange.pending -= i32::try_from(answers.len()).unwrap_or(i32::MAX).min(exchange.pending);
    let exchange = exchange.clone();
    if exchange.slots > 1 {
        for (slot, answer) in &answers {
            writes.freeze(&app.sealer, exchange.id, (exchange::slot_number(*slot), answer))?;
        }
    }
    Ok((exchange.pending == 0).then(|| (exchange, answers.into_iter().map(|(_, answer)| answer).collect())))
}

/// Exchanges of earlier requests, counted down under their locks.
async fn complete_earlier(
    app: &App,
    conn: &mut PgConnection,
    mut by_exchange: BTreeMap<ExchangeId, Vec<(u32, Answer)>>,
    writes: &mut Writes,
) -> Result<Vec<(Exchange, Vec<Answer>)>, StoreError> {
    let ids: Vec<ExchangeId> = by_exchange.keys().copied().collect();
    let mut complete = Vec::new();
    if ids.is_empty() {
        return Ok(complete);
    }
    for locked in exchange::lock(conn, &ids).await? {
        let Some(answers) = by_exchange.remove(&locked.id) else {
            continue;
        };
        if let Some(answers) = count_down(app, conn, &locked, answers, writes).await? {
            complete.push((locked, answers));
        }
    }
    Ok(complete)
}

/// Counts results down; all answers, once none is missing.
async fn count_down(
    app: &App,
    conn: &mut PgConnection,
    exchange: &Exchange,
    answers: Vec<(u32, Answer)>,
    writes: &mut Writes,
) -> Result<Option<Vec<Answer>>, StoreError> {
    let now = app.clock.now();
    if exchange.pending == 0 {
        return Ok(None);
    }
    if exchange.slots == 1 {
        if !writes.count_down(exchange.id) {
            exchange::count_down(conn, exchange.id, 1, now).await?;
        }
        return Ok(Some(answers.into_iter().take(1).map(|(_, answer)| answer).collect()));
    }
    let new = exchange::freeze(conn, &app.sealer, exchange.id, &answers).await?;
    if new > 0 {
        exchange::count_down(conn, exchange.id, new, now).await?;
    }
    if exchange.pending > new {
        return Ok(None);
    }
    let frozen = exchange::frozen(conn, &app.sealer, exchange.id).await?;
    Ok(Some(frozen.into_iter().map(|(_, answer)| answer).collect()))
}

/// Writes a callback of an exchange, for its own operation or the one that an unsolicited message belongs to.
///
/// # Errors
/// When an answer does not belong to its operation.
pub fn encode(
    app: &App,
    settings: &Settings,
    (exchange, operation): (Exchange, &str),
    answers: &[Answer],
    due_at: DateTime<Utc>,
) -> Result<Callback, Refused> {
    let is_heartbeat = answers.iter().any(|answer| answer.content == Content::Meta { meta: Meta::Heartbeat });
    let resting = if is_heartbeat { app.ports.resting() } else { Vec::new() };
    let encoded = app.codec.encode(&Outgoing {
        operation,
        request_id: &exchange.request_id,
        settings,
        lender: &app.config.lender,
        answers,
        borrower_url: &app.config.borrower_url,
        resting: &resting,
        now: app.clock.now(),
    })?;
    Ok(Callback { exchange, operation: operation.to_owned(), encoded, is_final: true, due_at })
}

/// A callback that no request waits for; it borrows the request id of the one it belongs to (`ocen-v3.md` §3.7).
async fn unsolicited(
    app: &App,
    conn: &mut PgConnection,
    webhook: &Webhook,
    (due_at, settings): (DateTime<Utc>, &Settings),
) -> Result<Option<Callback>, Refused> {
    let (operation, exchange) = match &webhook.kind {
        WebhookKind::RepaymentPlanStatus(_) => {
            ("setRepaymentPlanStatus", exchange::latest_of(conn, webhook.application, OF_PLANS).await?)
        }
        WebhookKind::DisbursementStatus(exchange) => ("triggerDisbursementStatus", Some(*exchange)),
        WebhookKind::RepaymentStatus(exchange) => ("triggerRepaymentStatus", Some(*exchange)),
        WebhookKind::ConfirmRepayment(_) => ("confirmRepayment", exchange::latest(conn, webhook.application).await?),
    };
    let Some(exchange) = exchange else { return Ok(None) };
    let Some(exchange) = exchange::read(conn, exchange).await? else {
        return Ok(None);
    };
    let wanted = match (&webhook.kind, &webhook.content) {
        (WebhookKind::DisbursementStatus(_), _) => settings.push_disbursement_status,
        (WebhookKind::RepaymentStatus(_), _) => settings.push_repayment_status,
        (WebhookKind::ConfirmRepayment(_), Content::Repayment(payment)) => {
            payment.status == Some(RepaymentStatus::Success) || payment.returned || settings.confirm_failed_repayments
        }
        _ => true,
    };
    if !wanted {
        return Ok(None);
    }
    // The lender's own request has an id of its own, the same for the same news.
    let exchange = match &webhook.kind {
        WebhookKind::ConfirmRepayment(id) => Exchange { request_id: id.clone(), ..exchange },
        _ => exchange,
    };
    let answers = [webhook_answer(&webhook.content)];
    let callback = encode(app, settings, (exchange, operation), &answers, due_at)?;
    Ok(Some(Callback { is_final: false, ..callback }))
}

/// The requests whose id news of a repayment plan borrows, the first before the second.
const OF_PLANS: [&str; 2] = ["setRepaymentPlanStatus", "setRepaymentPlan"];

/// What is told unasked of the effect of a request: under its request id, that of a repayment plan under the id of the
/// latest request about it.
///
/// # Errors
/// When the database fails.
pub async fn news_of(
    conn: &mut PgConnection,
    request: &Request,
    exchange: ExchangeId,
) -> Result<Option<News>, StoreError> {
    let operation = match request.operation {
        "triggerDisbursement" => "triggerDisbursementStatus",
        "setRepaymentPlan" | "setRepaymentPlanStatus" => "setRepaymentPlanStatus",
        "triggerRepayment" | "triggerRepaymentStatus" => "triggerRepaymentStatus",
        _ => return Ok(None),
    };
    let mut request_ids = vec![request.request_id.clone()];
    if OF_PLANS.contains(&request.operation)
        && let Some((application, _)) = exchange::applications(conn, exchange).await?.first()
        && let Some(latest) = exchange::latest_of(conn, *application, OF_PLANS).await?
        && let Some(latest) = exchange::read(conn, latest).await?
    {
        request_ids.push(latest.request_id);
    }
    Ok(Some(News { org_id: request.org_id.to_string(), request_ids, operation }))
}

/// A failed payout says why in its code; anything else is plain news.
fn webhook_answer(content: &Content) -> Answer {
    match content {
        Content::Disbursement(d) if d.status == Some(PayoutStatus::Failure) => {
            let detail = d.failure.clone().unwrap_or_else(|| "the bank refused the payout".to_owned());
            Answer::refused(RefusalReason::PaymentRail, detail, content.clone())
        }
        Content::Repayment(payment) if payment.status == Some(RepaymentStatus::Failure) => {
            let detail = payment.failure.clone().unwrap_or_else(|| "the payment failed".to_owned());
            Answer::refused(refusal_for(&detail), detail, content.clone())
        }
        _ => Answer::ok(content.clone()),
    }
}
