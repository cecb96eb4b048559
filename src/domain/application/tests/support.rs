//! [`Scene`]: applications, open questions and timers in memory, taken through the machine the way the engine does it.
//!
//! It holds the line that the database holds: only legal stage changes, terminal stages absorb, nothing is granted unsigned.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};
use uuid::Uuid;

use super::fixtures::{careful_product, form, instant, item};
use crate::domain::application::Application;
use crate::domain::application::answer::{Answer, RefusalReason};
use crate::domain::application::ask::{Ask, NewAsk, NewTimer, Outcome, Timer};
use crate::domain::application::command::{Command, ConsentKey, NewApplication};
use crate::domain::application::decide::{self, Decided, Filed};
use crate::domain::application::decision::{
    Decision, Effect, Exposure, Facts, Fresh, Reply, Webhook,
};
use crate::domain::application::facets::{ConsentPurpose, Deal, Offer};
use crate::domain::application::form::Form;
use crate::domain::application::stage::Stage;
use crate::domain::book::Journal;
use crate::domain::ids::{ApplicationId, BundleId, ExchangeId, OrgId, PlanId};
use crate::domain::loan::Loan;
use crate::domain::product::{Catalogue, Limits, Product};

const MIGRATION: &str = include_str!("../../../../migrations/0002_applications.sql");

/// One lender's applications with everything that is still to come back.
#[derive(Debug, Clone)]
pub struct Scene {
    pub now: DateTime<Utc>,
    pub products: Catalogue,
    pub limits: Limits,
    pub exposure: Exposure,
    /// Whether the digits of the next verification are right.
    pub otp_matches: bool,
    pub collateral_pledged: bool,
    pub lsp_accounts: Vec<String>,
    pub apps: Vec<Application>,
    pub loans: Vec<Loan>,
    pub asks: Vec<NewAsk>,
    pub timers: Vec<NewTimer>,
    pub replies: Vec<Reply>,
    pub webhooks: Vec<Webhook>,
    pub journals: Vec<Journal>,
    /// Everything but the results that the last step decided.
    pub effects: Vec<Effect>,
    /// Each result that an accepted request is owed.
    pub owed: Vec<(ExchangeId, u32)>,
    /// Ids by which a later request may find an application, as in the table `reference`.
    references: BTreeSet<(&'static str, String, ApplicationId)>,
    steps: u32,
}

impl Scene {
    pub fn selling(product: Product) -> Self {
        Self {
            now: instant("2026-11-02T06:00:00Z"),
            products: Catalogue(vec![product]),
            limits: Limits::default(),
            exposure: Exposure::default(),
            otp_matches: true,
            collateral_pledged: false,
            lsp_accounts: vec!["999900001111".to_owned()],
            apps: Vec::new(),
            loans: Vec::new(),
            asks: Vec::new(),
            timers: Vec::new(),
            replies: Vec::new(),
            webhooks: Vec::new(),
            journals: Vec::new(),
            effects: Vec::new(),
            owed: Vec::new(),
            references: BTreeSet::new(),
            steps: 0,
        }
    }

    pub fn new() -> Self {
        Self::selling(careful_product())
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
        let (subjects, consent_handle) = self.subjects(command)?;
        let exchange = self.exchange();
        let loan = self.loan_of(&subjects);
        let decided = {
            let apps = subjects.iter().map(|id| self.by_id(*id).clone()).collect();
            let facts = Facts { consent_handle, ..self.facts(Some(exchange), loan.as_ref()) };
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
        let decided = decide::file(&OrgId::from("LSP"), bundle, filed, &self.facts(Some(exchange), None));
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
        let loan = self.loan_of(&ids);
        let apps = new.targets.iter().map(|(id, g)| (self.by_id(*id).clone(), *g)).collect();
        let facts = self.facts(new.exchange, loan.as_ref());
        let decided = decide::apply(apps, &new.ask, outcome, &facts);
        self.absorb(decided);
    }

    pub fn ring(&mut self, name: &str, timer: &Timer) {
        self.steps += 1;
        let decided = decide::ring(self.app(name).clone(), timer, &self.facts(None, None));
        self.absorb(decided);
    }

    /// Time passes; timers that come due ring in their order.
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

    fn loan_of(&self, ids: &[ApplicationId]) -> Option<Loan> {
        self.loans.iter().find(|loan| ids.first() == Some(&loan.application)).cloned()
    }

    fn exchange(&mut self) -> ExchangeId {
        self.steps += 1;
        ExchangeId(Uuid::from_u128(u128::from(self.steps)))
    }

    fn facts<'a>(&'a self, exchange: Option<ExchangeId>, loan: Option<&'a Loan>) -> Facts<'a> {
        Facts {
            now: self.now,
            today: (self.now + Duration::minutes(330)).date_naive(),
            products: &self.products,
            limits: &self.limits,
            exchange,
            exposure: self.exposure,
            fresh: Fresh { session_key: format!("S{}", self.steps), loan_id: format!("L{}", self.steps) },
            otp_matches: self.otp_matches,
            collateral_pledged: self.collateral_pledged,
            lsp_accounts: self.lsp_accounts.clone(),
            loan,
            consent_handle: None,
        }
    }

    /// The applications that a request names, as the engine finds them; `None` when an id is unknown.
    fn subjects(&self, command: &Command) -> Option<(Vec<ApplicationId>, Option<String>)> {
        let known = |kind, key: &str| {
            let ids = self.references.iter().filter(|(k, v, _)| *k == kind && v == key);
            let ids: Vec<_> = ids.map(|(_, _, id)| *id).collect();
            (!ids.is_empty()).then_some(ids)
        };
        let named = |names: &[String]| {
            let find = |name: &String| self.apps.iter().find(|a| a.loan_application_id == *name);
            names.iter().map(|name| find(name).map(|a| a.id)).collect::<Option<Vec<_>>>()
        };
        let ids = match command {
            Command::RequestConsent(request) => named(&request.loan_application_ids)?,
            Command::GenerateOffers(names)
            | Command::TriggerAcceptance { loan_application_ids: names, .. } => named(names)?,
            Command::SetOffer { loan_application_id: name, .. }
            | Command::Grant { loan_application_id: name } => named(std::slice::from_ref(name))?,
            Command::DisbursementPlans(subject)
            | Command::SetDisbursementPlan(subject, _)
            | Command::DisbursementAccounts(subject)
            | Command::SetDisbursementAccount(subject, _)
            | Command::RepaymentPlans(subject)
            | Command::SetRepaymentPlan(subject, _) => named(subject.loan_application_id.as_slice())?,
            Command::ConsentStatus(ConsentKey::Handle(handle)) => {
                return known("consent", handle).map(|ids| (ids, Some(handle.clone())));
            }
            // An unknown session is answered by callback (row 42).
            Command::VerifyAcceptance { session_key, .. } => {
                known("session", session_key).unwrap_or_default()
            }
            Command::RepaymentPlanStatus(plan) => known("plan", plan.as_str())?,
            Command::TriggerDisbursement { loan_id, .. }
            | Command::DisbursementStatus { loan_id: Some(loan_id), .. } => {
                vec![self.loans.iter().find(|loan| loan.id == *loan_id)?.application]
            }
            _ => return None,
        };
        Some((ids, None))
    }

    fn absorb(&mut self, decided: Decided) {
        let Decided { applications, decision } = decided;
        for app in applications {
            self.remember(&app);
            match self.apps.iter_mut().find(|known| known.id == app.id) {
                Some(known) => {
                    assert_legal(&known.stage, &app.stage);
                    *known = app;
                }
                None => self.apps.push(app),
            }
        }
        let Decision { replies, asks, timers, webhooks, effects, events: _ } = decision;
        for new in &asks {
            if let Ask::SendOtp { session_key, .. } = &new.ask {
                let session = |id: &ApplicationId| ("session", session_key.clone(), *id);
                self.references.extend(new.targets.iter().map(|(id, _)| session(id)));
            }
        }
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
                Effect::Reserve(..) | Effect::Release(_) => {}
            }
        }
        self.effects = effects;
    }

    fn remember(&mut self, app: &Application) {
        for purpose in [ConsentPurpose::Data, ConsentPurpose::Monitoring] {
            if let Some(handle) = app.consent(purpose).handle() {
                self.references.insert(("consent", handle.to_owned(), app.id));
            }
        }
        if let Stage::Offered { offers } = &app.stage {
            let plans = offers.iter().flat_map(|offer| &offer.repayment_plans);
            let plan = |id: &PlanId| ("plan", id.0.clone(), app.id);
            self.references.extend(plans.map(|p| plan(&p.id)));
        }
    }
}

/// What the trigger `application_stage_change_legal` and the CHECK on signed agreements refuse.
fn assert_legal(from: &Stage, to: &Stage) {
    let (before, after) = (from.name(), to.name());
    let listed = MIGRATION.contains(&format!("('{before}', '{after}')"));
    assert!(before == after || listed, "{before} cannot go to {after}");
    assert!(!matches!(before, "REJECTED" | "GRANTED") || before == after, "{before} is final");
    if matches!(after, "AGREED" | "GRANTING" | "GRANTED") {
        let signed = to.deal().is_some_and(|deal| deal.agreement.name() == "SIGNED");
        assert!(signed, "{after} without a signed agreement");
    }
}
