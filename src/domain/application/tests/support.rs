//! [`Scene`]: applications, open questions and timers in memory, taken through the machine the way the engine does it.
//!
//! It holds the line that the database holds: only legal stage changes, terminal stages absorb, nothing is granted unsigned.

use chrono::{DateTime, Duration, Utc};
use uuid::Uuid;

use super::fixtures::{Pen, form, instant, item, letterhead};
use super::legal::assert_legal;
use super::references::References;
use crate::domain::application::Application;
use crate::domain::application::answer::{Answer, RefusalReason};
use crate::domain::application::ask::{NewAsk, Outcome};
use crate::domain::application::command::{Command, NewApplication};
use crate::domain::application::decide::{self, Decided, Filed};
use crate::domain::application::decision::{Decision, Effect, Exposure, Facts, Fresh, History, Reply, Webhook};
use crate::domain::application::facets::{Deal, Offer};
use crate::domain::application::form::Form;
use crate::domain::application::stage::Stage;
use crate::domain::application::timer::{NewTimer, Timer};
use crate::domain::book::Journal;
use crate::domain::calendar::WorkingDays;
use crate::domain::ids::{ApplicationId, BundleId, ExchangeId, OrgId};
use crate::domain::kfs::Letterhead;
use crate::domain::loan::Loan;
use crate::domain::loan::account::Position;
use crate::domain::loan::dispute::Dispute;
use crate::domain::loan::operator::Act;
use crate::domain::loan::repayment::Payment;
use crate::domain::product::{Catalogue, Limits, Product};

/// One lender's applications with everything that is still to come back.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Debug, Clone)]
pub struct Scene {
    pub now: DateTime<Utc>,
    pub products: Catalogue,
    pub limits: Limits,
    pub calendar: WorkingDays,
    pub letterhead: Letterhead,
    pub exposure: Exposure,
    /// Whether the digits of the next verification are right.
    pub otp_matches: bool,
    pub collateral_pledged: bool,
    /// The payment that the next act is about, where it has ended.
    pub payment: Option<Payment>,
    /// Whether money that is told of stands in the book already.
    pub is_credited: bool,
    /// Whether the last step heard of money that nothing waits for.
    pub unclaimed: bool,
    /// What the last step would have logged.
    pub warnings: Vec<String>,
    /// Bank keys of money orders about which their system is being asked.
    pub under_way: Vec<String>,
    /// Bank keys of those that a person looks at.
    pub unanswered: Vec<String>,
    pub lsp_accounts: Vec<String>,
    pub apps: Vec<Application>,
    pub loans: Vec<Loan>,
    pub asks: Vec<NewAsk>,
    pub timers: Vec<NewTimer>,
    pub replies: Vec<Reply>,
    pub webhooks: Vec<Webhook>,
    pub journals: Vec<Journal>,
    /// What the last step changed beyond its applications.
    pub effects: Vec<Effect>,
    /// The same of every step.
    pub all_effects: Vec<Effect>,
    /// Each result that an accepted request is owed.
    pub owed: Vec<(ExchangeId, u32)>,
    references: References,
    steps: u32,
}

/// What the engine would have read of a loan.
#[derive(Default)]
struct Known {
    loan: Option<Loan>,
    history: History,
    payment: Option<Payment>,
    dispute: Option<Dispute>,
}

impl Scene {
    pub fn selling(product: Product) -> Self {
        Self {
            now: instant("2026-11-02T06:00:00Z"),
            products: Catalogue(vec![product]),
            limits: Limits::default(),
            calendar: WorkingDays::default(),
            letterhead: letterhead(),
            exposure: Exposure::default(),
            otp_matches: true,
            collateral_pledged: false,
            is_credited: false,
            unclaimed: false,
            warnings: Vec::new(),
            under_way: Vec::new(),
            unanswered: Vec::new(),
            payment: None,
            lsp_accounts: vec!["999900001111".to_owned()],
            apps: Vec::new(),
            loans: Vec::new(),
            asks: Vec::new(),
            timers: Vec::new(),
            replies: Vec::new(),
            webhooks: Vec::new(),
            journals: Vec::new(),
            effects: Vec::new(),
            all_effects: Vec::new(),
            owed: Vec::new(),
            references: References::default(),
            steps: 0,
        }
    }

    pub fn form(&self) -> Form {
        form(self.now)
    }

    /// Files one application under each name with the usual form.
    pub fn file(&mut self, names: &[&str]) -> ExchangeId {
        let items = names.iter().map(|name| item(name, self.form())).collect();
        self.tell(&Command::CreateApplications(items))
    }

    /// Handles a request that the engine would accept.
    pub fn tell(&mut self, command: &Command) -> ExchangeId {
        self.try_tell(command).expect("a request whose ids are known")
    }

    /// Handles a request; `None` when the ack refuses it because of an unknown id.
    pub fn try_tell(&mut self, command: &Command) -> Option<ExchangeId> {
        if let Command::CreateApplications(items) = command {
            return Some(self.create(items));
        }
        let (subjects, consent_handle) = self.references.subjects(command, &self.apps, &self.loans)?;
        let exchange = self.exchange();
        let known = self.known_for(&subjects, command);
        let decided = {
            let apps = subjects.iter().map(|id| self.by_id(*id).clone()).collect();
            let facts = Facts { consent_handle, ..self.facts(Some(exchange), &known) };
            decide::decide(apps, command, &facts)
        };
        let slots = match command {
            Command::GenerateOffers(_) => u32::try_from(subjects.len()).expect("few"),
            _ => 1,
        };
        self.owed.extend((0..slots).map(|slot| (exchange, slot)));
        self.absorb(decided);
        Some(exchange)
    }

    fn create(&mut self, items: &[NewApplication]) -> ExchangeId {
        let exchange = self.exchange();
        let filed = (0..).zip(items).map(|(slot, item)| {
            self.owed.push((exchange, slot));
            let known = self.apps.iter().find(|a| a.loan_application_id == item.loan_application_id);
            let id = ApplicationId(Uuid::from_u128(u128::from(self.steps) * 100 + u128::from(slot)));
            (item.clone(), known.map_or(Filed::New(id), |a| Filed::Known(Box::new(a.clone()))))
        });
        let filed = filed.collect();
        let bundle = BundleId(Uuid::from_u128(u128::from(self.steps)));
        let decided = decide::file(&OrgId::from("LSP"), bundle, filed, &self.facts(Some(exchange), &Known::default()));
        self.absorb(decided);
        exchange
    }

    /// The lender's system answers the oldest open question of a method.
    pub fn answer(&mut self, method: &str, outcome: &Outcome) {
        let found = self.asks.iter().position(|new| new.ask.method() == method);
        let new = self.asks.remove(found.unwrap_or_else(|| panic!("{method} was not asked")));
        self.apply(&new, outcome);
    }

    /// An outcome for a question, asked or not.
    pub fn apply(&mut self, new: &NewAsk, outcome: &Outcome) {
        self.steps += 1;
        let ids: Vec<ApplicationId> = new.targets.iter().map(|(id, _)| *id).collect();
        let known = self.known(&ids);
        let apps = new.targets.iter().map(|(id, g)| (self.by_id(*id).clone(), *g)).collect();
        let facts = self.facts(new.exchange, &known);
        let decided = decide::apply(apps, &new.ask, outcome, &facts);
        self.absorb(decided);
    }

    pub fn ring(&mut self, name: &str, timer: &Timer) {
        self.steps += 1;
        let known = self.known(&[self.app(name).id]);
        let decided = decide::ring(self.app(name).clone(), timer, &self.facts(None, &known));
        self.absorb(decided);
    }

    /// An operator's act on the loan of an application.
    pub fn operate(&mut self, name: &str, act: &Act) -> Result<(), String> {
        self.steps += 1;
        let known = self.known(&[self.app(name).id]);
        let reference = format!("ACT-{}", self.steps);
        let decided = decide::operate(self.app(name).clone(), (act, &reference), &self.facts(None, &known))?;
        self.absorb(decided);
        Ok(())
    }

    /// The day-end of every loan, up to today.
    fn end_days(&mut self) {
        for id in self.loans.iter().map(|loan| loan.application).collect::<Vec<_>>() {
            let known = self.known(&[id]);
            let facts = self.facts(None, &known);
            let decided = decide::advance(self.by_id(id).clone(), Position::open(facts.today), &facts);
            self.absorb(decided);
        }
    }

    /// Time passes; timers that come due ring in their order, and the days end.
    pub fn wait(&mut self, span: Duration) {
        let until = self.now + span;
        while let Some(at) = self.timers.iter().map(|t| t.at).min().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            let due = self.timers.iter().position(|t| t.at == at).expect("the earliest");
            let due = self.timers.remove(due);
            let name = self.by_id(due.application).loan_application_id.clone();
            self.ring(&name, &due.timer);
        }
        self.now = until;
        self.end_days();
    }

    pub fn app(&self, name: &str) -> &Application {
        let found = self.apps.iter().find(|app| app.loan_application_id == name);
        found.unwrap_or_else(|| panic!("{name} was not filed"))
    }

    pub fn stage(&self, name: &str) -> &'static str {
        self.app(name).stage.name()
    }

    /// The chosen offer and set-up.
    pub fn deal(&self, name: &str) -> &Deal {
        self.app(name).stage.deal().expect("an accepted offer")
    }

    pub fn offers(&self, name: &str) -> &[Offer] {
        match &self.app(name).stage {
            Stage::Offered { offers } => offers,
            stage => panic!("{name} is {}", stage.name()),
        }
    }

    /// The only result of an exchange; `None` while it is waited for.
    pub fn reply(&self, exchange: ExchangeId) -> Option<&Answer> {
        let mut found = self.replies.iter().filter(|reply| reply.exchange == exchange);
        let answer = found.next().map(|reply| &reply.answer);
        assert!(found.next().is_none(), "several results");
        answer
    }

    /// Why a request was refused.
    pub fn refusal(&self, exchange: ExchangeId) -> Option<RefusalReason> {
        let answer = self.reply(exchange).expect("a result");
        answer.refusal.as_ref().map(|refusal| refusal.reason)
    }

    /// Methods of all open questions.
    pub fn asked(&self) -> Vec<&'static str> {
        self.asks.iter().map(|new| new.ask.method()).collect()
    }

    fn by_id(&self, id: ApplicationId) -> &Application {
        self.apps.iter().find(|app| app.id == id).expect("an application")
    }

    /// The loan that the first of the applications has become, and its history.
    fn known(&self, ids: &[ApplicationId]) -> Known {
        let loan = self.loans.iter().find(|loan| ids.first() == Some(&loan.application)).cloned();
        let mut history = History::default();
        for effect in &self.all_effects {
            match (effect, &loan) {
                (Effect::Record(id, fact), Some(loan)) if *id == loan.id => history.facts.push(fact.clone()),
                (Effect::Post(id, journal), Some(loan)) if *id == loan.id => history.journals.push(journal.clone()),
                _ => {}
            }
        }
        Known { loan, history, payment: None, dispute: None }
    }

    /// The same with the payment or dispute that a request names, as it was stored last.
    fn known_for(&self, ids: &[ApplicationId], command: &Command) -> Known {
        let (named, latest) = match command {
            Command::TriggerRepayment { order, .. } => (order.id.as_ref(), false),
            Command::RepaymentStatus { payment_id, .. } | Command::RepaymentHint { payment_id, .. } => {
                (payment_id.as_ref(), payment_id.is_none())
            }
            _ => (None, false),
        };
        let is = |payment: &Payment| {
            latest || named.is_some_and(|id| payment.id == *id || payment.asked.iter().any(|asked| asked.id == *id))
        };
        let raised = if let Command::RaiseDispute { dispute, .. } = command { dispute.as_ref() } else { None };
        let stored = self.all_effects.iter().rev();
        let payment = stored.clone().find_map(|effect| match effect {
            Effect::SavePayment(payment) if is(payment) => Some(payment.as_ref().clone()),
            _ => None,
        });
        let dispute = stored.clone().find_map(|effect| match effect {
            Effect::SaveDispute(dispute) if raised == Some(&dispute.id) => Some(dispute.as_ref().clone()),
            _ => None,
        });
        Known { payment, dispute, ..self.known(ids) }
    }

    fn exchange(&mut self) -> ExchangeId {
        self.steps += 1;
        ExchangeId(Uuid::from_u128(u128::from(self.steps)))
    }

    fn facts<'a>(&'a self, exchange: Option<ExchangeId>, known: &'a Known) -> Facts<'a> {
        Facts {
            now: self.now,
            today: (self.now + Duration::minutes(330)).date_naive(),
            products: &self.products,
            limits: &self.limits,
            calendar: &self.calendar,
            letterhead: &self.letterhead,
            scribe: &Pen,
            lsp_name: "Demo LSP".to_owned(),
            exchange,
            exposure: self.exposure,
            fresh: Fresh { session_key: format!("S{}", self.steps), dispute_id: format!("D{}", self.steps) },
            otp_matches: self.otp_matches,
            collateral_pledged: self.collateral_pledged,
            orders_under_way: self.under_way.clone(),
            orders_unanswered: self.unanswered.clone(),
            is_credited: self.is_credited,
            lsp_accounts: self.lsp_accounts.clone(),
            loan: known.loan.as_ref(),
            history: Some(&known.history),
            payment: known.payment.as_ref().or(self.payment.as_ref()),
            dispute: known.dispute.as_ref(),
            borrower_npa_since: None,
            consent_handle: None,
        }
    }

    fn absorb(&mut self, decided: Decided) {
        let Decided { applications, decision } = decided;
        for app in applications {
            self.references.note(&app);
            match self.apps.iter_mut().find(|known| known.id == app.id) {
                Some(known) => {
                    assert_legal(&known.stage, &app.stage);
                    *known = app;
                }
                None => self.apps.push(app),
            }
        }
        let Decision {
            replies,
            asks,
            timers,
            webhooks,
            effects,
            events: _,
            alarms: _,
            lacks_history,
            unclaimed,
            warnings,
        } = decision;
        assert!(!lacks_history);
        self.unclaimed = unclaimed.is_some();
        self.warnings = warnings;
        self.references.note_sessions(&asks);
        self.replies.extend(replies);
        self.asks.extend(asks);
        self.timers.extend(timers);
        self.webhooks.extend(webhooks);
        for effect in &effects {
            match effect {
                Effect::CreateLoan(loan) => self.loans.push(loan.as_ref().clone()),
                Effect::SaveLoan(loan) => {
                    let known = self.loans.iter_mut().find(|known| known.id == loan.id);
                    *known.expect("a loan that was created") = loan.as_ref().clone();
                }
                Effect::Post(_, journal) => self.journals.push(journal.clone()),
                _ => {}
            }
        }
        self.all_effects.extend(effects.iter().cloned());
        self.effects = effects;
    }
}
