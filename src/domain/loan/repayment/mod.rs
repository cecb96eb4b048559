//! Payments by the borrower (rows L6 to L10): one collection at a time, by page or by mandate, each credited once.

use chrono::{DateTime, Duration, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

mod credit;
mod debit;
mod order;
mod page;
mod told;

pub use self::credit::{Arrived, resplit, returned, settle, split_of};
pub use self::debit::{present, presented, resolve};
use self::order::{allowed, quote_today};
pub use self::page::{link_created, link_expired, link_told};
pub use self::told::{content, hinted, status};
use super::account::{Purpose, Split};
use super::content::RepaymentContent;
use super::{Loan, life};
use crate::domain::application::Application;
use crate::domain::application::answer::{Answer, Content, RefusalReason};
use crate::domain::application::ask::{Ask, Collection};
use crate::domain::application::command::RepaymentOrder;
use crate::domain::application::decision::{Decision, Effect, Facts, Webhook, WebhookKind};
use crate::domain::calendar::midnight_after;
use crate::domain::ids::{ExchangeId, PaymentId};
use crate::domain::maths::money::Paise;

/// The protocol's word for how a mandate is debited: the collection system does not say which kind it registered.
pub const MANDATE_METHOD: &str = "ENACH";

/// A payment by the borrower.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Made by the lender.
    pub id: PaymentId,
    /// Counts payments of the loan, from 1.
    pub number: u32,
    /// How it is collected.
    pub channel: Channel,
    /// What for.
    pub purpose: Purpose,
    /// How much is asked for.
    pub amount: Paise,
    /// Which instalment, where it is for one.
    pub instalment: Option<u32>,
    /// `paymentMethodType`.
    pub method: Option<String>,
    /// Where it stands.
    pub state: PaymentState,
    /// The request that waits for its page.
    pub exchange: Option<ExchangeId>,
    /// The exchange by which an LSP asked for it, whose requestId its end is told under.
    #[serde(default)]
    pub asked_by: Option<ExchangeId>,
    /// The LSP's own ids of it, the one that it began with first (`ocen-v3.md` §3.6).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<Asked>,
    /// The quote that a pay-off stands on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
    /// Counts keys of a debit, from 1.
    pub attempt: u32,
    /// Until when a page takes money.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it got where it stands.
    pub at: DateTime<Utc>,
}

/// What an LSP asked for under an id of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Made by the LSP, unique per loan.
    pub id: PaymentId,
    /// How much it asked for; none for all that was to be paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Paise>,
}

impl Payment {
    /// Whether an order under a known id asks for this payment: what it leaves out agrees with anything.
    fn agrees(&self, order: &RepaymentOrder) -> bool {
        let asked = self.asked.iter().find(|asked| order.id.as_ref() == Some(&asked.id));
        // It may be collected for less than was asked for, when others paid meanwhile.
        let is_amount =
            |amount: Paise| amount == self.amount || asked.is_some_and(|asked| asked.amount == Some(amount));
        order.purpose == self.purpose
            && order.amount.is_none_or(is_amount)
            && order.instalment.is_none_or(|number| self.instalment == Some(number))
            && (order.quote.is_none() || order.quote == self.quote)
    }
}

/// How a payment is collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Channel {
    /// The borrower pays on a page.
    Link,
    /// The mandate is debited.
    Mandate,
    /// An operator saw it in the bank's file.
    Manual,
}

impl Channel {
    /// The word in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Link => "LINK",
            Self::Mandate => "MANDATE",
            Self::Manual => "MANUAL",
        }
    }
}

/// Where a payment stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PaymentState {
    /// Waits until another payment of the loan has ended, so that no two are ever collected.
    Waiting,
    /// The page is being made.
    Opening,
    /// The borrower may pay.
    Open {
        /// The collection system's reference.
        reference: String,
        /// The page.
        url: String,
    },
    /// The page is being closed; it may have taken money before.
    Cancelling {
        /// The collection system's reference.
        reference: String,
        /// The page.
        url: String,
        /// Why.
        reason: String,
    },
    /// The bank is debiting the mandate.
    Presenting,
    /// Credited.
    Settled {
        /// The bank's unique transaction reference.
        utr: String,
        /// The bank's value date.
        value_date: NaiveDate,
        /// How much arrived.
        amount: Paise,
        /// What it settled.
        split: Split,
    },
    /// Did not come.
    Failed {
        /// Why.
        reason: String,
    },
    /// Was credited and came back.
    Returned {
        /// The day on which it came back.
        on: NaiveDate,
        /// Why.
        reason: String,
    },
}

impl PaymentState {
    /// The word in the database.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Waiting => "WAITING",
            Self::Opening => "OPENING",
            Self::Open { .. } => "OPEN",
            Self::Cancelling { .. } => "CANCELLING",
            Self::Presenting => "PRESENTING",
            Self::Settled { .. } => "SETTLED",
            Self::Failed { .. } => "FAILED",
            Self::Returned { .. } => "RETURNED",
        }
    }

    /// Whether it may still bring money.
    #[must_use]
    pub fn is_live(&self) -> bool {
        !matches!(self, Self::Settled { .. } | Self::Failed { .. } | Self::Returned { .. })
    }

    /// Whether money may arrive at any moment: one such payment of a loan at a time.
    #[must_use]
    pub fn collects(&self) -> bool {
        matches!(self, Self::Opening | Self::Open { .. } | Self::Cancelling { .. } | Self::Presenting)
    }
}

/// How many ids of the LSP's own one payment has at most.
const MOST_ASKED: usize = 50;

/// Row L6: a page for what the purpose asks for, or why not. An id of the LSP's own that is known starts nothing.
pub fn trigger(loan: &mut Loan, app: &Application, order: &RepaymentOrder, facts: &Facts<'_>, d: &mut Decision) {
    if told::again(loan, order, facts, d) {
        return;
    }
    let amount = match allowed(loan, order, facts) {
        Ok(amount) => amount,
        Err((reason, detail)) => {
            d.answer(facts, Answer::refused(reason, detail, Content::Repayment(told::nothing(loan, order))));
            return;
        }
    };
    if !amount.is_positive() {
        credit::pay_off_from_held(loan, app, order, facts, d);
        return;
    }
    let same = |payment: &&Payment| {
        let order = (order.purpose, amount, order.instalment);
        matches!(payment.state, PaymentState::Open { .. })
            && payment.expires_at.is_none_or(|end| facts.now < end)
            && (payment.purpose, payment.amount, payment.instalment) == order
    };
    if let Some(open) = loan.payments.iter().find(same).cloned() {
        same_page(loan, order, open, facts, d);
        return;
    }
    let in_the_way = loan.payments.iter().any(|payment| payment.state.is_live());
    let state = if in_the_way { PaymentState::Waiting } else { PaymentState::Opening };
    let payment = new_payment(loan, (Channel::Link, order.purpose), (amount, order.instalment), state, facts);
    let payment = Payment {
        method: order.method.clone(),
        exchange: facts.exchange,
        asked_by: facts.exchange,
        asked: asked(order).into_iter().collect(),
        ..payment
    };
    d.event(app, format!("payment {} of {amount} asked for", payment.id));
    put(loan, payment.clone(), d);
    if in_the_way {
        close_pages(loan, app, "replaced by a later payment", &payment.id, d);
    } else {
        d.ask(Ask::PaymentLink(collection(loan, app, &payment)), app, app.generation, facts);
    }
}

/// A page that is open for the same is told again; a further id of the LSP's own means it from now on.
fn same_page(loan: &mut Loan, order: &RepaymentOrder, open: Payment, facts: &Facts<'_>, d: &mut Decision) {
    let told = Content::Repayment(told::content_today(loan, (&open, order.id.as_ref()), facts, d));
    if let Some(further) = asked(order) {
        if open.asked.len() >= MOST_ASKED {
            let detail = "the open payment page has too many payment ids";
            let content = Content::Repayment(told::nothing(loan, order));
            d.answer(facts, Answer::refused(RefusalReason::PaymentUnderWay, detail, content));
            return;
        }
        let mut named = open;
        named.asked.push(further);
        put(loan, named, d);
    }
    d.answer(facts, Answer::ok(told));
}

fn asked(order: &RepaymentOrder) -> Option<Asked> {
    order.id.clone().map(|id| Asked { id, amount: order.amount })
}

fn new_payment(
    loan: &mut Loan,
    (channel, purpose): (Channel, Purpose),
    (amount, instalment): (Paise, Option<u32>),
    state: PaymentState,
    facts: &Facts<'_>,
) -> Payment {
    loan.payment_count = loan.payment_count.saturating_add(1);
    let hours = facts.limits.payment_link_hours;
    Payment {
        id: PaymentId(format!("PAY-{}-{}", loan.id, loan.payment_count)),
        number: loan.payment_count,
        channel,
        purpose,
        amount,
        instalment,
        method: None,
        state,
        exchange: None,
        asked_by: None,
        asked: Vec::new(),
        quote: quote_today(loan, purpose, facts),
        attempt: 1,
        expires_at: (channel == Channel::Link).then(|| page_ends(purpose, facts, hours)),
        at: facts.now,
    }
}

/// A payment that an operator saw in the bank's file.
pub fn manual(loan: &mut Loan, (amount, purpose): (Paise, Purpose), facts: &Facts<'_>) -> Payment {
    let payment = new_payment(loan, (Channel::Manual, purpose), (amount, None), PaymentState::Waiting, facts);
    // It counts on the bank's day, which is another than today's quote is for.
    Payment { quote: None, ..payment }
}

/// A page ends after some hours; one whose amount holds for today alone ends with the day.
fn page_ends(purpose: Purpose, facts: &Facts<'_>, hours: i64) -> DateTime<Utc> {
    let end = facts.now + Duration::hours(hours);
    match purpose {
        Purpose::Instalment | Purpose::Prepayment => end,
        Purpose::Foreclosure | Purpose::CoolingOffExit => {
            midnight_after(facts.today).map_or(end, |midnight| end.min(midnight))
        }
    }
}

fn collection(loan: &Loan, app: &Application, payment: &Payment) -> Collection {
    let mandate = match payment.channel {
        Channel::Mandate => life::mandate(app).map(|mandate| mandate.reference.clone()),
        Channel::Link | Channel::Manual => None,
    };
    Collection {
        loan_id: loan.id.clone(),
        payment_id: payment.id.clone(),
        key: format!("{}:{}:{}", loan.org_id, payment.id, payment.attempt),
        amount: payment.amount,
        instalment: payment.instalment,
        method: payment.method.clone(),
        mandate,
        expires_at: payment.expires_at,
    }
}

/// Stores a payment; one that has ended leaves the loan.
fn put(loan: &mut Loan, payment: Payment, d: &mut Decision) {
    loan.payments.retain(|known| known.id != payment.id);
    d.effects.push(Effect::SavePayment(Box::new(payment.clone())));
    if payment.state.is_live() {
        loan.payments.push(payment);
    }
}

fn find(loan: &Loan, id: &PaymentId) -> Option<Payment> {
    loan.payments.iter().find(|payment| payment.id == *id).cloned()
}

/// Has every page but that of one payment closed; what waits goes on when they are.
fn close_pages(loan: &mut Loan, app: &Application, why: &str, but: &PaymentId, d: &mut Decision) {
    let others: Vec<Payment> = loan.payments.iter().filter(|payment| payment.id != *but).cloned().collect();
    for payment in others {
        match &payment.state {
            PaymentState::Open { reference, url } => {
                let (reference, url) = (reference.clone(), url.clone());
                let ask = Ask::CancelLink { collection: collection(loan, app, &payment), reference: reference.clone() };
                d.ask_aside(ask, app, app.generation);
                let state = PaymentState::Cancelling { reference, url, reason: why.to_owned() };
                put(loan, Payment { state, ..payment }, d);
            }
            PaymentState::Waiting => fail(loan, app, payment, why, d),
            // A page that is being made is closed when it is there; a debit runs its course.
            _ => {}
        }
    }
}

/// The loan is over: nothing is collected any more.
pub fn end_all(loan: &mut Loan, app: &Application, d: &mut Decision) {
    close_pages(loan, app, "the loan is closed", &PaymentId::from("NONE"), d);
}

fn failed(reason: &str) -> PaymentState {
    PaymentState::Failed { reason: reason.to_owned() }
}

/// Answers the request that waits for the page: a failed payment as refused, an open one with what it would settle.
fn answer_payment(
    loan: &Loan,
    payment: &Payment,
    refused: Option<RefusalReason>,
    split: Option<Split>,
    d: &mut Decision,
) {
    let Some(exchange) = payment.exchange else { return };
    let content = Content::Repayment(RepaymentContent { split, ..content(loan, payment) });
    let answer = match (refused, &payment.state) {
        (Some(reason), PaymentState::Failed { reason: detail }) => Answer::refused(reason, detail.clone(), content),
        _ => Answer::ok(content),
    };
    d.reply(exchange, 0, answer);
}

fn fail(loan: &mut Loan, app: &Application, payment: Payment, reason: &str, d: &mut Decision) {
    let was_collecting = payment.state.collects();
    let is_answered = payment.exchange.is_none();
    let ended = Payment { state: failed(reason), ..payment };
    d.event(app, format!("payment {} failed", ended.id));
    answer_payment(loan, &ended, Some(RefusalReason::RepaymentRail), None, d);
    let ended = Payment { exchange: None, ..ended };
    put(loan, ended.clone(), d);
    // What only waited was never on its way; who still waits for the page has just been told.
    match (was_collecting, is_answered) {
        (true, true) => tell(loan, app, &ended, d),
        (true, false) => confirm(loan, app, &ended, d),
        (false, _) => {}
    }
}

/// Starts what waited for other payments to end, if it still makes sense.
fn go_on(loan: &mut Loan, app: &Application, facts: &Facts<'_>, d: &mut Decision) {
    if loan.payments.iter().any(|payment| payment.state.collects()) {
        return;
    }
    let waits = |payment: &&Payment| payment.state == PaymentState::Waiting;
    let by_mandate = |payment: &&Payment| payment.channel == Channel::Mandate;
    let next = loan.payments.iter().filter(waits).find(by_mandate).or_else(|| loan.payments.iter().find(waits));
    let Some(payment) = next.cloned() else { return };
    let order = RepaymentOrder {
        id: None,
        purpose: payment.purpose,
        amount: None,
        instalment: payment.instalment,
        quote: None,
        method: payment.method.clone(),
    };
    let still = match (payment.channel, payment.purpose) {
        (_, Purpose::Prepayment) => allowed(loan, &RepaymentOrder { amount: Some(payment.amount), ..order }, facts),
        _ => allowed(loan, &order, facts),
    };
    match (still, payment.channel) {
        (Ok(_), Channel::Mandate) if life::mandate(app).is_none() => {
            fail(loan, app, payment, "there is no valid mandate", d);
            go_on(loan, app, facts, d);
        }
        (Ok(most), Channel::Mandate) => {
            let presented = Payment { state: PaymentState::Presenting, amount: payment.amount.min(most), ..payment };
            debit::debit(loan, app, &presented, d);
            put(loan, presented, d);
        }
        (Ok(most), _) if !most.is_positive() => credit::settle_from_held(loan, app, payment, facts, d),
        (Ok(most), _) => {
            let quote = quote_today(loan, payment.purpose, facts);
            // What ends the loan is what it takes today, whatever it took when it was asked for.
            let ends_loan = matches!(payment.purpose, Purpose::Foreclosure | Purpose::CoolingOffExit);
            let amount = if ends_loan { most } else { payment.amount.min(most) };
            let expires_at = Some(page_ends(payment.purpose, facts, facts.limits.payment_link_hours));
            let opening = Payment { state: PaymentState::Opening, amount, quote, expires_at, ..payment };
            let ask = Ask::PaymentLink(collection(loan, app, &opening));
            d.ask_aside(ask, app, app.generation);
            put(loan, opening, d);
        }
        (Err((_, detail)), _) => {
            fail(loan, app, payment, &detail, d);
            go_on(loan, app, facts, d);
        }
    }
}

/// `confirmRepayment`; the protocol leaves out failed ones unless the LSP wants them.
fn confirm(loan: &Loan, app: &Application, payment: &Payment, d: &mut Decision) {
    d.webhooks.push(Webhook {
        application: app.id,
        kind: WebhookKind::ConfirmRepayment(format!("{}-{}", payment.id, payment.state.name())),
        content: Content::Repayment(content(loan, payment)),
    });
}

/// The end of a payment: confirmed, and where an LSP asked for it and has its page, the status that it waits for.
fn tell(loan: &Loan, app: &Application, payment: &Payment, d: &mut Decision) {
    confirm(loan, app, payment, d);
    if let Some(exchange) = payment.asked_by {
        d.webhooks.push(Webhook {
            application: app.id,
            kind: WebhookKind::RepaymentStatus(exchange),
            content: Content::Repayment(content(loan, payment)),
        });
    }
}
