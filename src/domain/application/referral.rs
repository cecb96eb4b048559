//! Decisions that the `decision` port leaves to a person (`lending.md` §5.1, "human queue with maker-checker").
//!
//! A referred question keeps its generation: the verdict is applied as the question's outcome, under the same rules,
//! or not at all when the application has gone on meanwhile.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Application;
use super::ask::{Approval, Ask, Finding, Outcome};
use super::facets::Generation;
use super::stage::{Rejection, RejectionReason, Stage};
use crate::domain::product::Product;

/// Most reasons of one referral.
pub const MOST_REASONS: usize = 20;
/// Longest code of a reason, in characters.
const LONGEST_CODE: usize = 64;
/// Most offers of one verdict.
pub const MOST_OFFERS: usize = 10;

/// Why a decision is left to a person. The words are for the lender's people, never for borrowers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReferralReason {
    /// A word to look for, e.g. `AMOUNT_HIGH`: letters, digits, `_`, `-` and `.`.
    #[schemars(length(max = 64), regex(pattern = "^[A-Za-z0-9_.-]+$"))]
    pub code: String,
    /// Words.
    #[serde(default)]
    pub description: String,
}

/// What a person decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "camelCase")]
pub enum Verdict {
    /// Go on; for `offers` on these terms, best first.
    Approve {
        /// Empty for `eligibility` and `final-check`.
        #[serde(default)]
        offers: Vec<Approval>,
    },
    /// Rejected for good.
    Reject {
        /// Class of reason.
        reason: RejectionReason,
        /// Words for the borrower.
        description: String,
    },
}

/// Whether a code is a word that can be stored and shown.
fn is_word(code: &str) -> bool {
    (1..=LONGEST_CODE).contains(&code.len()) && code.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
}

/// Whether reasons can be stored and shown: there is one, and codes are words.
///
/// # Errors
/// What is wrong with them, repeating nothing of them.
pub fn usable(reasons: &[ReferralReason]) -> Result<(), String> {
    if !(1..=MOST_REASONS).contains(&reasons.len()) {
        return Err(format!("`reasons` must have 1 to {MOST_REASONS} items"));
    }
    match reasons.iter().position(|reason| !is_word(&reason.code)) {
        Some(place) => {
            Err(format!("`reasons[{place}].code` must be 1 to {LONGEST_CODE} letters, digits, `_`, `-` or `.`"))
        }
        None => Ok(()),
    }
}

/// A question that may be referred, by the name of its method.
#[must_use]
pub fn question(method: &str) -> Option<Ask> {
    [Ask::Eligibility, Ask::Offers, Ask::FinalCheck].into_iter().find(|ask| ask.method() == method)
}

/// Whether the application still waits for the answer to a question.
#[must_use]
pub fn is_current(app: &Application, ask: &Ask, generation: Generation) -> bool {
    match (ask, &app.stage) {
        (Ask::Eligibility, Stage::Received { generation: current })
        | (Ask::Offers, Stage::Underwriting { generation: current })
        | (Ask::FinalCheck, Stage::Granting { generation: current, .. }) => *current == generation,
        _ => false,
    }
}

impl Verdict {
    /// The outcome that it stands for.
    ///
    /// # Errors
    /// Why it does not answer the question, in words for the operator.
    pub fn outcome(&self, ask: &Ask, product: Option<&Product>) -> Result<Outcome, String> {
        let finding = match self {
            Self::Reject { reason, description } => {
                let reasons = vec![Rejection { reason: *reason, description: description.clone() }];
                Finding::Decline { reasons }
            }
            Self::Approve { offers } if *ask == Ask::Offers => Finding::Approve { offers: terms(offers, product)? },
            Self::Approve { offers } if offers.is_empty() => Finding::Pass,
            Self::Approve { .. } => return Err(format!("`{}` is approved without terms", ask.method())),
        };
        Ok(Outcome::Done { finding })
    }

    /// Whether the application has become what the verdict says. An approval never ends in a rejection, nor in fewer
    /// offers than were approved: the borrower's limit, pricing and collateral count for people as for rules.
    ///
    /// # Errors
    /// What stands against it, in words for the operator.
    pub fn holds(&self, after: &Application) -> Result<(), String> {
        let Self::Approve { offers } = self else { return Ok(()) };
        match &after.stage {
            Stage::Rejected { reasons, .. } => {
                let words: Vec<&str> = reasons.iter().map(|reason| reason.description.as_str()).collect();
                Err(format!("it cannot be approved: {}", words.join("; ")))
            }
            Stage::Offered { offers: made } if made.len() < offers.len() => {
                Err("not all of the approved terms can be offered: the borrower's limit or the pricing refuses"
                    .to_owned())
            }
            _ => Ok(()),
        }
    }
}

/// Approved terms within the product that the application is decided under.
fn terms(offers: &[Approval], product: Option<&Product>) -> Result<Vec<Approval>, String> {
    within(offers, product.ok_or("the product is not sold any more")?)?;
    Ok(offers.to_vec())
}

/// Whether a product allows what was approved, by people or by the lender's system.
///
/// # Errors
/// What it does not allow, in words for the lender's people.
pub fn within(offers: &[Approval], product: &Product) -> Result<(), String> {
    if !(1..=MOST_OFFERS).contains(&offers.len()) {
        return Err(format!("`offers` must have 1 to {MOST_OFFERS} items"));
    }
    for offer in offers {
        if !(product.min_amount..=product.max_amount).contains(&offer.amount) {
            let (least, most) = (product.min_amount, product.max_amount);
            return Err(format!("the product `{}` is given from {least} to {most} rupees", product.id));
        }
        if offer.installments == Some(0) {
            return Err("an offer needs at least one instalment".to_owned());
        }
    }
    Ok(())
}
