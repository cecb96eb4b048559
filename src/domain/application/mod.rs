//! The machine of one loan application (`ocen-v3.md` §6.3, §6.4): stage, facets and what each command does to them.

pub mod acceptance;
pub mod answer;
pub mod ask;
pub mod command;
pub mod consent;
pub mod copies;
pub mod deal;
pub mod decide;
pub mod decision;
pub mod disbursement;
pub mod erase;
pub mod facets;
pub mod form;
pub mod grant;
pub mod loan_application;
pub mod notice;
pub mod offer;
pub mod pricing;
pub mod referral;
pub mod repayment;
pub mod restate;
pub mod stage;
#[cfg(test)]
pub(crate) mod tests;
pub mod timer;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use self::facets::{Consent, ConsentPurpose, Generation};
use self::form::Form;
use self::stage::Stage;
use super::ids::{ApplicationId, BundleId, ExchangeId, OrgId};

/// Exchanges that may wait for one outcome. All of them are answered by the decision that brings it, and until then lie
/// in the application: an LSP that goes on asking while a person decides must not let either grow without end.
pub const MOST_WAITING: usize = 50;

/// One loan application of one LSP: the value that commands and outcomes turn into its successor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Application {
    /// Ours.
    pub id: ApplicationId,
    /// Whose application it is.
    pub org_id: OrgId,
    /// The LSP's id.
    pub loan_application_id: String,
    /// The applications created with it.
    pub bundle: BundleId,
    /// What the LSP filed.
    pub form: Form,
    /// The product it is decided under; fixed at creation.
    pub product: Option<String>,
    /// Main stage.
    pub stage: Stage,
    /// Consent to fetch account data once, for underwriting.
    pub data_consent: Consent,
    /// Consent to fetch account data periodically while the loan runs.
    pub monitoring_consent: Consent,
    /// The LSP's consent aggregation id, last seen.
    pub aggregation_id: Option<String>,
    /// Exchanges that wait for an outcome of this application.
    pub waiting: Vec<Waiting>,
    /// When OTPs were sent, for the resend limit; old ones fall out.
    pub otp_sent_at: Vec<DateTime<Utc>>,
    /// The last number given to an ask.
    pub generation: Generation,
    /// When an LSP last did something to it.
    pub touched_at: DateTime<Utc>,
    /// When its personal data was erased, at the end of its retention.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased_at: Option<DateTime<Utc>>,
}

/// An exchange that waits for an outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The exchange.
    pub exchange: ExchangeId,
    /// Which of its results this application owes.
    pub slot: u32,
    /// What it waits for.
    pub on: WaitingFor,
}

/// What an exchange may wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WaitingFor {
    /// The preliminary check.
    Preliminary,
    /// Offers.
    Offers,
    /// The final check.
    Grant,
    /// The registration of the mandate.
    Mandate,
}

/// Why a request that one borrower answers for is refused.
const SEVERAL_BORROWERS: &str = "the applications belong to several borrowers";

/// Whether one person is the borrower of all: he consents and signs for no other.
fn of_one_borrower(apps: &[Application]) -> bool {
    let mut identities = apps.iter().map(|app| app.form.borrower.identity());
    let first = identities.next();
    identities.all(|identity| Some(identity) == first)
}

impl Application {
    /// The next ask's number; outcomes of older ones become stale.
    pub fn next_generation(&mut self) -> Generation {
        self.generation = self.generation.saturating_add(1);
        self.generation
    }

    /// Lets an exchange wait for an outcome. Gives back an exchange for which there is no room: it is to be answered at
    /// once, as things stand.
    #[must_use]
    pub fn wait(&mut self, exchange: Option<ExchangeId>, slot: u32, on: WaitingFor) -> Option<ExchangeId> {
        let waiting = self.waiting.iter().filter(|waiting| waiting.on == on).count();
        if waiting >= MOST_WAITING {
            return exchange;
        }
        self.waiting.extend(exchange.map(|exchange| Waiting { exchange, slot, on }));
        None
    }

    /// Takes out the exchanges that wait for an outcome, to be answered.
    pub fn take_waiting(&mut self, on: WaitingFor) -> Vec<Waiting> {
        let (ready, rest) = self.waiting.drain(..).partition(|w| w.on == on);
        self.waiting = rest;
        ready
    }

    /// One of the two consents.
    #[must_use]
    pub fn consent(&self, purpose: ConsentPurpose) -> &Consent {
        match purpose {
            ConsentPurpose::Data => &self.data_consent,
            ConsentPurpose::Monitoring => &self.monitoring_consent,
        }
    }

    /// One of the two consents, to be replaced.
    pub fn consent_mut(&mut self, purpose: ConsentPurpose) -> &mut Consent {
        match purpose {
            ConsentPurpose::Data => &mut self.data_consent,
            ConsentPurpose::Monitoring => &mut self.monitoring_consent,
        }
    }
}
