//! The built-in `decision` port: products and a rule table over the application's data.

use chrono::NaiveDate;
use futures_util::future::BoxFuture;

use super::offers::approvals;
use super::{Call, Port, PortError};
use crate::config::rules::{Condition, Moment, Rule, Rules, Verdict};
use crate::domain::application::Application;
use crate::domain::application::ask::{Ask, Finding, Outcome};
use crate::domain::application::form::Form;
use crate::domain::application::referral::{MOST_REASONS, ReferralReason};
use crate::domain::application::stage::{Action, ActionType, Rejection, RejectionReason};
use crate::domain::product::{Catalogue, Product};

/// Decides by the lender's products and rules, at once and always alike.
#[derive(Debug, Clone)]
pub struct Decision {
    products: Catalogue,
    rules: Rules,
}

impl Decision {
    /// A decision system over checked configuration.
    #[must_use]
    pub fn new(products: Catalogue, rules: Rules) -> Self {
        Self { products, rules }
    }

    /// Answers `eligibility`, `offers` and `final-check`.
    pub(super) fn decide(
        &self,
        ask: &Ask,
        (product, today): (Option<&str>, NaiveDate),
        form: &Form,
    ) -> Result<Finding, PortError> {
        let Some(product) = product.and_then(|id| self.products.get(id, today)) else {
            return Ok(Finding::Decline { reasons: vec![others("This kind of loan is not offered.")] });
        };
        // What was approved stands: the offer is accepted and signed, and the table has no newer data to judge. A row
        // may want a person to look all the same.
        let objection = if *ask == Ask::FinalCheck { None } else { self.objection(product, form) };
        match (ask, objection.or_else(|| self.referral(ask, product, form))) {
            (Ask::Eligibility | Ask::Offers | Ask::FinalCheck, Some(finding)) => Ok(finding),
            (Ask::Offers, None) => {
                Ok(Finding::Approve { offers: approvals(&self.rules.offers, product, form.requested) })
            }
            (Ask::Eligibility | Ask::FinalCheck, None) => Ok(Finding::Pass),
            _ => Err(PortError::bad_question(ask)),
        }
    }

    /// The same, as the outcome of a call.
    ///
    /// # Errors
    /// When the question is none of this port's, or has no subject.
    pub fn answer(&self, call: &Call<'_>) -> Result<Outcome, PortError> {
        let subject = call.subjects.first().ok_or_else(|| PortError::bad_question(call.ask))?;
        let finding = self.decide(call.ask, (subject.product.as_deref(), call.today), &subject.form)?;
        Ok(Outcome::Done { finding })
    }

    /// Every reason to leave this question to a person. Whoever is declined or lacks something is not referred.
    fn referral(&self, ask: &Ask, product: &Product, form: &Form) -> Option<Finding> {
        let reasons: Vec<ReferralReason> = self
            .rules
            .table
            .iter()
            .filter(|rule| applies(rule, product, form))
            .filter_map(|rule| match &rule.then {
                Verdict::Refer { code, description, at } if asked_at(*at) == *ask => {
                    Some(ReferralReason { code: code.clone(), description: description.clone() })
                }
                _ => None,
            })
            .take(MOST_REASONS)
            .collect();
        (!reasons.is_empty()).then_some(Finding::Refer { reasons })
    }

    /// Every reason to decline, else everything that is missing.
    fn objection(&self, product: &Product, form: &Form) -> Option<Finding> {
        let mut reasons: Vec<Rejection> = outside(product, form).into_iter().collect();
        let mut actions = missing_documents(product, form);
        let rows = self.rules.table.iter().filter(|rule| applies(rule, product, form));
        for rule in rows {
            match &rule.then {
                Verdict::Decline { reason, description } => {
                    reasons.push(Rejection { reason: *reason, description: description.clone() });
                }
                Verdict::Ask { action_type, description, object, value, url } => actions.push(Action {
                    action_type: *action_type,
                    description: description.clone(),
                    object: object.clone(),
                    value: value.clone(),
                    url: url.clone(),
                }),
                Verdict::Refer { .. } => {}
            }
        }
        if !reasons.is_empty() {
            return Some(Finding::Decline { reasons });
        }
        (!actions.is_empty()).then_some(Finding::NeedsAction { actions })
    }
}

impl Port for Decision {
    fn call<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Outcome, PortError>> {
        Box::pin(async move { self.answer(&call) })
    }

    fn check_at_once(&self, application: &Application, today: NaiveDate) -> Option<Finding> {
        let finding =
            self.decide(&Ask::Eligibility, (application.product.as_deref(), today), &application.form).ok()?;
        matches!(finding, Finding::Pass | Finding::Decline { .. } | Finding::NeedsAction { .. }).then_some(finding)
    }
}

fn asked_at(moment: Moment) -> Ask {
    match moment {
        Moment::Eligibility => Ask::Eligibility,
        Moment::Offers => Ask::Offers,
        Moment::FinalCheck => Ask::FinalCheck,
    }
}

fn applies(rule: &Rule, product: &Product, form: &Form) -> bool {
    (rule.products.is_empty() || rule.products.contains(&product.id)) && holds(&rule.when, form)
}

fn holds(condition: &Condition, form: &Form) -> bool {
    let blank = |text: &Option<String>| text.as_deref().is_none_or(|text| text.trim().is_empty());
    match condition {
        Condition::AmountAbove(amount) => form.requested > *amount,
        Condition::AmountBelow(amount) => form.requested < *amount,
        Condition::PanPrefix(prefixes) => {
            let pan = form.borrower.pan.as_deref().unwrap_or_default().to_ascii_uppercase();
            prefixes.iter().any(|prefix| pan.starts_with(&prefix.to_ascii_uppercase()))
        }
        Condition::PanMissing => blank(&form.borrower.pan),
        Condition::NameMissing => blank(&form.borrower.name),
        Condition::PhoneMissing => blank(&form.borrower.phone),
        Condition::DocumentsFewerThan(count) => form.documents.len() < *count,
        Condition::DocumentMissing(kind) => !has_document(form, kind),
        Condition::CollateralsFewerThan(count) => form.collaterals.len() < *count,
        Condition::CollateralsMoreThan(count) => form.collaterals.len() > *count,
    }
}

fn outside(product: &Product, form: &Form) -> Option<Rejection> {
    let fits = (product.min_amount..=product.max_amount).contains(&form.requested);
    (!fits).then(|| {
        let (least, most) = (product.min_amount, product.max_amount);
        others(&format!("This loan is given from {least} to {most} rupees."))
    })
}

fn missing_documents(product: &Product, form: &Form) -> Vec<Action> {
    let missing = product.needs_documents.iter().filter(|kind| !has_document(form, kind));
    missing
        .map(|kind| Action {
            action_type: ActionType::AddDocument,
            description: format!("Please add the document {kind}."),
            object: "documents".to_owned(),
            value: kind.clone(),
            url: None,
        })
        .collect()
}

fn has_document(form: &Form, kind: &str) -> bool {
    form.documents.iter().any(|document| document.eq_ignore_ascii_case(kind))
}

fn others(description: &str) -> Rejection {
    Rejection { reason: RejectionReason::Others, description: description.to_owned() }
}
