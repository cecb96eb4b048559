//! Ids by which a later request finds an application, as the engine keeps them in the table `reference`.

use std::collections::BTreeSet;

use crate::domain::application::Application;
use crate::domain::application::ask::{Ask, NewAsk};
use crate::domain::application::command::{Command, ConsentKey};
use crate::domain::application::facets::ConsentPurpose;
use crate::domain::application::stage::Stage;
use crate::domain::ids::ApplicationId;
use crate::domain::loan::Loan;

/// Consent handles, repayment plans and OTP sessions, with the applications they belong to.
#[derive(Debug, Clone, Default)]
pub struct References(BTreeSet<(&'static str, String, ApplicationId)>);

impl References {
    pub fn note(&mut self, app: &Application) {
        for purpose in [ConsentPurpose::Data, ConsentPurpose::Monitoring] {
            if let Some(handle) = app.consent(purpose).handle() {
                self.0.insert(("consent", handle.to_owned(), app.id));
            }
        }
        if let Stage::Offered { offers } = &app.stage {
            let plans = offers.iter().flat_map(|offer| &offer.repayment_plans);
            self.0.extend(plans.map(|plan| ("plan", plan.id.0.clone(), app.id)));
        }
    }

    pub fn note_sessions(&mut self, asks: &[NewAsk]) {
        for new in asks {
            if let Ask::SendOtp { session_key, .. } = &new.ask {
                let targets = new.targets.iter();
                self.0.extend(targets.map(|(id, _)| ("session", session_key.clone(), *id)));
            }
        }
    }

    fn find(&self, kind: &str, key: &str) -> Option<Vec<ApplicationId>> {
        let found = self.0.iter().filter(|(k, v, _)| *k == kind && v == key);
        let ids: Vec<_> = found.map(|(_, _, id)| *id).collect();
        (!ids.is_empty()).then_some(ids)
    }

    /// The applications that a request names and the consent handle it means; `None` when an id is unknown.
    pub fn subjects(
        &self,
        command: &Command,
        apps: &[Application],
        loans: &[Loan],
    ) -> Option<(Vec<ApplicationId>, Option<String>)> {
        let named = |names: &[String]| {
            let find = |name: &String| apps.iter().find(|a| a.loan_application_id == *name);
            names.iter().map(|name| find(name).map(|a| a.id)).collect::<Option<Vec<_>>>()
        };
        let ids = match command {
            Command::RequestConsent(request) => named(&request.loan_application_ids)?,
            Command::GenerateOffers(names) | Command::TriggerAcceptance { loan_application_ids: names, .. } => {
                named(names)?
            }
            Command::SetOffer { loan_application_id: name, .. } | Command::Grant { loan_application_id: name } => {
                named(std::slice::from_ref(name))?
            }
            Command::DisbursementPlans(subject)
            | Command::SetDisbursementPlan(subject, _)
            | Command::DisbursementAccounts(subject)
            | Command::SetDisbursementAccount(subject, _)
            | Command::RepaymentPlans(subject)
            | Command::SetRepaymentPlan(subject, _) => named(subject.loan_application_id.as_slice())?,
            Command::ConsentStatus(ConsentKey::Handle(handle)) => {
                return self.find("consent", handle).map(|ids| (ids, Some(handle.clone())));
            }
            // An unknown session is answered by callback (row 42).
            Command::VerifyAcceptance { session_key, .. } => self.find("session", session_key).unwrap_or_default(),
            Command::RepaymentPlanStatus(plan) => self.find("plan", plan.as_str())?,
            Command::TriggerDisbursement { loan_id, .. }
            | Command::DisbursementStatus { loan_id: Some(loan_id), .. }
            | Command::TriggerRepayment { loan_id, .. }
            | Command::RepaymentStatus { loan_id: Some(loan_id), .. }
            | Command::RepaymentHint { loan_id: Some(loan_id), .. }
            | Command::LoanSummary(loan_id)
            | Command::LoanStatement { loan_id, .. }
            | Command::RaiseDispute { loan_id, .. } => {
                vec![loans.iter().find(|loan| loan.id == *loan_id)?.application]
            }
            _ => return None,
        };
        Some((ids, None))
    }
}
