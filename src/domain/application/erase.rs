//! The end of retention: everything by which a person can be known leaves the application; ids, amounts and dates stay.

use chrono::{DateTime, Utc};

use super::Application;
use super::facets::{Account, AccountSetup, AccountTarget, Agreement, AgreementText, Consent, Deal, Kyc};
use super::stage::{Acceptance, Rejection, Stage};

/// Stands where a person's data stood.
pub const ERASED: &str = "ERASED";

impl Application {
    /// Takes all personal data out, for ever. `echo` is the filed item without it, for answers that must show one.
    pub fn erase(&mut self, at: DateTime<Utc>, echo: String) {
        let borrower = &mut self.form.borrower;
        // An identity of its own: erased applications are nobody's, and no two of them the same person's.
        borrower.primary_id = format!("{ERASED}-{}", self.id);
        ERASED.clone_into(&mut borrower.primary_id_type);
        (borrower.pan, borrower.name, borrower.phone, borrower.email) = (None, None, None, None);
        self.form.collaterals = Vec::new();
        self.form.documents_digest = None;
        self.form.echo = echo;
        self.aggregation_id = None;
        self.data_consent.erase();
        self.monitoring_consent.erase();
        erase_stage(&mut self.stage);
        self.erased_at = Some(at);
    }
}

impl Consent {
    /// Forgets whose consent it was and what may be fetched with it; the handle stays, as an id.
    pub fn erase(&mut self) {
        match self {
            Self::None => {}
            Self::Requested { vua, .. } | Self::Pending { vua, .. } | Self::Failed { vua, .. } => {
                ERASED.clone_into(vua);
            }
            Self::Ready { vua, consent_id, .. } => {
                ERASED.clone_into(vua);
                ERASED.clone_into(consent_id);
            }
        }
    }
}

fn erase_stage(stage: &mut Stage) {
    match stage {
        Stage::Received { .. } | Stage::Processing | Stage::Underwriting { .. } | Stage::Offered { .. } => {}
        Stage::ActionRequired { actions, .. } => actions.clear(),
        Stage::OfferAccepted { deal } | Stage::OtpSent { deal, .. } => deal.erase(),
        Stage::Agreed { deal, acceptance }
        | Stage::Granting { deal, acceptance, .. }
        | Stage::Granted { deal, acceptance, .. } => {
            deal.erase();
            erase_acceptance(acceptance);
        }
        Stage::Rejected { reasons, deal } => {
            for Rejection { description, .. } in reasons {
                ERASED.clone_into(description);
            }
            for deal in deal.iter_mut() {
                deal.erase();
            }
        }
        Stage::Expired { reoffer, deal, .. } => {
            // Nobody is left to whom an offer could be made.
            *reoffer = false;
            for deal in deal.iter_mut() {
                deal.erase();
            }
        }
    }
}

impl Deal {
    fn erase(&mut self) {
        match &mut self.kyc {
            Kyc::None => {}
            Kyc::Pending { url, .. } => *url = None,
            Kyc::Done { reference: text } | Kyc::Failed { detail: text } => ERASED.clone_into(text),
        }
        self.agreement.erase();
        match &mut self.account {
            AccountSetup::None => {}
            AccountSetup::Checking { candidate, current, .. } => {
                candidate.erase();
                current.iter_mut().for_each(Account::erase);
            }
            AccountSetup::Active { account, .. } => account.erase(),
        }
        self.repayment.erase();
        if let Some(waiting) = &mut self.restatement {
            waiting.agreement.erase();
        }
        for old in &mut self.replaced {
            old.agreement.erase();
            erase_acceptance(&mut old.acceptance);
        }
    }
}

fn erase_acceptance(acceptance: &mut Acceptance) {
    acceptance.masked_phone.clear();
}

impl Agreement {
    fn erase(&mut self) {
        match self {
            Self::None | Self::Preparing { .. } => {}
            Self::Prepared(text) | Self::Signed(text) => text.erase(),
        }
    }
}

impl AgreementText {
    /// The hash stays: it proves which text was signed, and names nobody.
    fn erase(&mut self) {
        self.text = Some("The text was erased at the end of its retention.".to_owned());
    }
}

impl super::facets::RepaymentSetup {
    fn erase(&mut self) {
        match self {
            Self::None | Self::Inactive { .. } => {}
            Self::PendingAuth { mandate, .. } | Self::Active { mandate, .. } => {
                for mandate in mandate.iter_mut() {
                    mandate.payment_url.clear();
                }
            }
        }
    }
}

impl Account {
    /// Forgets whose account it is; its id stays.
    pub fn erase(&mut self) {
        self.holder = None;
        match &mut self.target {
            AccountTarget::Account { ifsc, number } => {
                ERASED.clone_into(ifsc);
                ERASED.clone_into(number);
            }
            AccountTarget::Vpa { vpa } => ERASED.clone_into(vpa),
        }
    }
}
