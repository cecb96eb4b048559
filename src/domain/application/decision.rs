//! What a decision consists of: everything the engine must store in one transaction.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::Application;
use super::answer::{Answer, Content};
use super::ask::{Ask, NewAsk};
use super::facets::Generation;
use super::timer::{NewTimer, Timer};
use crate::domain::book::Journal;
use crate::domain::calendar::WorkingDays;
use crate::domain::ids::{ApplicationId, DisputeId, ExchangeId, LoanId, PaymentId, PlanId};
use crate::domain::kfs::{IssuedKfs, Letterhead, Scribe};
use crate::domain::loan::Loan;
use crate::domain::loan::account::{Fact, Split};
use crate::domain::loan::dispute::Dispute;
use crate::domain::loan::repayment::Payment;
use crate::domain::maths::money::Paise;
use crate::domain::product::{Catalogue, Limits, Product};

/// What the engine knows and a decision may use.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// Now, by the engine's clock.
    pub now: DateTime<Utc>,
    /// The lender's business date (Asia/Kolkata).
    pub today: NaiveDate,
    /// Products.
    pub products: &'a Catalogue,
    /// Limits.
    pub limits: &'a Limits,
    /// The lender's working days.
    pub calendar: &'a WorkingDays,
    /// What the lender says about itself on key facts statements.
    pub letterhead: &'a Letterhead,
    /// Writes key facts statements down.
    pub scribe: &'a dyn Scribe,
    /// Name of the LSP that brought the application; loaded for offers and late payouts.
    pub lsp_name: String,
    /// The exchange being handled, or the one that an outcome belongs to.
    pub exchange: Option<ExchangeId>,
    /// What the borrower owes or holds reserved elsewhere; loaded for offers, `setOffer` and the final check.
    pub exposure: Exposure,
    /// Fresh, unguessable texts.
    pub fresh: Fresh,
    /// Whether the given OTP is the session's; loaded for verification.
    pub otp_matches: bool,
    /// Whether another granted loan holds one of the application's collaterals; loaded for the final check.
    pub collateral_pledged: bool,
    /// Account numbers and addresses that belong to LSPs, which may never be paid to (`lending.md` §1.4, DL 9).
    pub lsp_accounts: Vec<String>,
    /// The application's loan, once granted.
    pub loan: Option<&'a Loan>,
    /// Facts and journals of the loan; loaded for a statement, and where a fact may have to be replayed.
    pub history: Option<&'a History>,
    /// A payment by the borrower that has ended; loaded when a request or outcome is about it.
    pub payment: Option<&'a Payment>,
    /// The dispute that a request names.
    pub dispute: Option<&'a Dispute>,
    /// Since when the borrower's loans are non-performing assets, because of any of them.
    pub borrower_npa_since: Option<NaiveDate>,
    /// Bank keys of the loan's money orders, in and out, about which their system is still being asked; loaded for what
    /// people do by hand.
    pub orders_under_way: Vec<String>,
    /// Bank keys of those that their system never answered for: a person looks; loaded with them.
    pub orders_unanswered: Vec<String>,
    /// Whether the money that an outcome tells of stands in the loan's book already, by the bank's reference.
    pub is_credited: bool,
    /// The handle that a consent status request means, also when it named the aggregation id.
    pub consent_handle: Option<String>,
}

impl Facts<'_> {
    /// The product an application is decided under.
    #[must_use]
    pub fn product(&self, application: &Application) -> Option<&Product> {
        application.product.as_deref().and_then(|id| self.products.get(id, self.today))
    }

    /// Whether the borrower may take on an amount beside what is counted already.
    #[must_use]
    pub fn within_exposure(&self, counted: Paise, amount: Paise) -> bool {
        let total = counted.checked_add(amount);
        match (self.limits.max_borrower_exposure, total) {
            (None, _) => true,
            (Some(limit), Some(total)) => total <= limit,
            (Some(_), None) => false,
        }
    }
}

/// What stands in the book of a loan, and why.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// In the order in which they became known.
    pub facts: Vec<Fact>,
    /// In the order in which they were posted.
    pub journals: Vec<Journal>,
}

/// Borrower's exposure, lender-wide, this application left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Exposure {
    /// Reserved by accepted offers and owed on granted loans.
    pub committed: Paise,
    /// Owed on granted loans only.
    pub granted: Paise,
}

/// Unguessable texts that a decision may hand out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fresh {
    /// For a new OTP session.
    pub session_key: String,
    /// For a new dispute.
    pub dispute_id: String,
}

/// A result for one slot of an exchange.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// The exchange.
    pub exchange: ExchangeId,
    /// Which of its results; 0 unless the request was over several applications, each with its own.
    pub slot: u32,
    /// The result.
    pub answer: Answer,
}

/// A callback that no request waits for (`ocen-v3.md` §3.7).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Webhook {
    /// The application it is about; it joins that application's stream.
    pub application: ApplicationId,
    /// Which one.
    pub kind: WebhookKind,
    /// What it says.
    pub content: Content,
}

/// Kinds of unsolicited callbacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum WebhookKind {
    /// `setRepaymentPlanStatusResponse`; carries the requestId of the last request about this plan.
    RepaymentPlanStatus(PlanId),
    /// `triggerDisbursementStatusResponse`; carries the requestId of the exchange that triggered the payout.
    DisbursementStatus(ExchangeId),
    /// `triggerRepaymentStatusResponse`; carries the requestId of the exchange that asked for the payment.
    RepaymentStatus(ExchangeId),
    /// `confirmRepayment`; has a requestId of its own, the same for the same news.
    ConfirmRepayment(String),
}

/// A change beyond the application's own row.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Count an amount against the borrower, replacing what this application counted before.
    Reserve(ApplicationId, Paise),
    /// Count nothing any more.
    Release(ApplicationId),
    /// Create the loan, turn the reservation into a granted amount, take the lien on every collateral.
    CreateLoan(Box<Loan>),
    /// Store a changed loan.
    SaveLoan(Box<Loan>),
    /// Post to the book.
    Post(LoanId, Journal),
    /// Note what happened to a loan.
    Record(LoanId, Fact),
    /// Store a payment by the borrower.
    SavePayment(Box<Payment>),
    /// A payment that was credited has settled other parts than before: something earlier became known.
    Resplit(PaymentId, Split),
    /// Store a dispute.
    SaveDispute(Box<Dispute>),
    /// Open the borrower's page of a dispute, where it is not open yet.
    PublishDispute(ApplicationId, DisputeId),
    /// Ask now what became of the payments that are being collected from a borrower.
    Hasten(ApplicationId),
    /// What becomes of the money order with a bank key.
    Order(OrderFate, String),
    /// A loan that was over is not any more, because a payment came back: it counts against the borrower again, and
    /// takes the lien on every collateral that is free.
    Reopen(ApplicationId, LoanId, Paise),
    /// The loan is over: it counts no more against the borrower, and its collaterals are free.
    Finish(ApplicationId, LoanId),
    /// Keep a key facts statement as it is sent, and open its page to the borrower.
    Publish(ApplicationId, Box<IssuedKfs>),
    /// Overwrite what was asked of the account aggregator: the data life that was consented to has ended.
    ForgetData(ApplicationId),
}

/// What becomes of a money order that was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderFate {
    /// It was answered by hand, and is not asked about any more.
    Answered,
    /// It must not leave, if it has not left yet, until a person has looked. What has left is asked about as before.
    Withheld,
    /// It was withheld, and leaves after all.
    LetGo,
    /// The bank has told two things of it, and it must be known now which is true: a person looks.
    InQuestion,
    /// It is not needed any more: it does not leave, if it has not left yet. What has left is asked about as before.
    GivenUp,
}

/// Everything that follows from one command or outcome, to be stored in one transaction.
#[derive(Debug, Default)]
pub struct Decision {
    /// Results of exchanges.
    pub replies: Vec<Reply>,
    /// Questions to ask.
    pub asks: Vec<NewAsk>,
    /// Timers to set.
    pub timers: Vec<NewTimer>,
    /// Unsolicited callbacks.
    pub webhooks: Vec<Webhook>,
    /// Other changes.
    pub effects: Vec<Effect>,
    /// What happened, for the history that people read: short words without personal data.
    pub events: Vec<(ApplicationId, String)>,
    /// Loans whose book does not pass a check, with its name: people must look at once.
    pub alarms: Vec<(LoanId, &'static str)>,
    /// It had to be decided with the loan's history and was not: nothing of it may be stored.
    pub lacks_history: bool,
    /// Money is told of that nothing waits for any more: the question that heard of it is left to an operator.
    pub unclaimed: Option<Unclaimed>,
    /// What happened that the lender's engineers should hear of: words of `events`, to be logged beside the question.
    pub warnings: Vec<String>,
}

/// Money that nothing waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unclaimed {
    /// A payout that had failed holds its tranche again, until the bank's file ends it.
    HoldsTranche,
    /// A person entered it before its own payment told of it. Where two payments came in one transfer, he books the
    /// other one.
    ByHand,
    /// Any other: a person books it, or has it sent back.
    Stray,
}

impl Decision {
    /// Takes in what follows from something that happens at once after this.
    pub fn absorb(&mut self, then: Self) {
        self.replies.extend(then.replies);
        self.asks.extend(then.asks);
        self.timers.extend(then.timers);
        self.webhooks.extend(then.webhooks);
        self.effects.extend(then.effects);
        self.events.extend(then.events);
        self.alarms.extend(then.alarms);
        self.lacks_history |= then.lacks_history;
        self.unclaimed = self.unclaimed.or(then.unclaimed);
        self.warnings.extend(then.warnings);
    }

    /// Answers one result of an exchange.
    pub fn reply(&mut self, exchange: ExchangeId, slot: u32, answer: Answer) {
        self.replies.push(Reply { exchange, slot, answer });
    }

    /// Answers the exchange being handled, where there is one.
    pub fn answer(&mut self, facts: &Facts<'_>, answer: Answer) {
        if let Some(exchange) = facts.exchange {
            self.reply(exchange, 0, answer);
        }
    }

    /// Asks something about one application, for the exchange being handled.
    pub fn ask(&mut self, ask: Ask, application: &Application, generation: Generation, facts: &Facts<'_>) {
        self.asks.push(NewAsk {
            ask,
            targets: vec![(application.id, generation)],
            exchange: facts.exchange,
            not_before: None,
        });
    }

    /// Asks something about one application that no exchange waits for.
    pub fn ask_aside(&mut self, ask: Ask, application: &Application, generation: Generation) {
        self.asks.push(NewAsk { ask, targets: vec![(application.id, generation)], exchange: None, not_before: None });
    }

    /// The question that was added last is not asked before an instant.
    pub fn put_off(&mut self, until: DateTime<Utc>) {
        if let Some(last) = self.asks.last_mut() {
            last.not_before = Some(until);
        }
    }

    /// Sets a timer.
    pub fn timer(&mut self, timer: Timer, application: &Application, at: DateTime<Utc>) {
        self.timers.push(NewTimer { timer, application: application.id, at });
    }

    /// Notes what happened.
    pub fn event(&mut self, application: &Application, what: impl Into<String>) {
        self.events.push((application.id, what.into()));
    }

    /// Notes what happened, and has it logged as a warning: somebody should see why. No personal data.
    pub fn warn(&mut self, application: &Application, what: impl Into<String>) {
        let what = what.into();
        self.warnings.push(what.clone());
        self.event(application, what);
    }
}
