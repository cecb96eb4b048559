//! The rule table of the built-in `decision` port, as the lender writes it.

use rust_decimal::Decimal;
use serde::Deserialize;

use crate::domain::application::stage::{ActionType, RejectionReason};
use crate::domain::maths::money::Paise;
use crate::domain::maths::rate::AnnualRate;
use crate::domain::maths::rupees;

/// What the built-in `decision` port decides by, beside the products.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rules {
    /// Every row is looked at; a decline outweighs an ask.
    pub table: Vec<Rule>,
    /// Variants to offer, best first; a product without any is offered once, as asked.
    pub offers: Vec<OfferVariant>,
}

/// One row: when something holds of an application, then what is said of it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// Products it is about; empty means all.
    #[serde(default)]
    pub products: Vec<String>,
    /// What is looked at.
    pub when: Condition,
    /// What follows.
    pub then: Verdict,
}

/// Something that may hold of an application.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Condition {
    /// More than so many rupees are asked.
    AmountAbove(#[serde(with = "rupees")] Paise),
    /// Fewer than so many rupees are asked.
    AmountBelow(#[serde(with = "rupees")] Paise),
    /// The borrower's PAN begins with one of these, capitals and small letters alike.
    PanPrefix(Vec<String>),
    /// No PAN is given.
    PanMissing,
    /// No name is given.
    NameMissing,
    /// No phone is given.
    PhoneMissing,
    /// Fewer documents than this came along.
    DocumentsFewerThan(usize),
    /// No document of this type came along.
    DocumentMissing(String),
    /// Fewer securities than this are pledged.
    CollateralsFewerThan(usize),
    /// More securities than this are pledged.
    CollateralsMoreThan(usize),
}

/// What a row says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Verdict {
    /// Rejected for good.
    Decline {
        /// Class of reason.
        reason: RejectionReason,
        /// Words for the borrower.
        description: String,
    },
    /// A person decides; nothing is told to the borrower meanwhile.
    Refer {
        /// A word to look for in the queue, e.g. `AMOUNT_HIGH`.
        code: String,
        /// Words for the person.
        description: String,
        /// At which question, `offers` when left out; one that was decided is not referred again.
        #[serde(default)]
        at: Moment,
    },
    /// The borrower must bring something first.
    Ask {
        /// Kind of step.
        action_type: ActionType,
        /// Words for the borrower.
        description: String,
        /// What it is about, e.g. `documents`.
        object: String,
        /// Which one of them.
        #[serde(default)]
        value: String,
        /// Where the borrower does it.
        #[serde(default)]
        url: Option<String>,
    },
}

/// The question at which a row refers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Moment {
    /// When the application is filed.
    Eligibility,
    /// When offers are asked for.
    #[default]
    Offers,
    /// When the loan is to be granted.
    FinalCheck,
}

/// One way to lend, beside the product's own.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OfferVariant {
    /// Products it is for; empty means all.
    #[serde(default)]
    pub products: Vec<String>,
    /// Percent of the amount asked; the result is cut to whole rupees and to the product's limits.
    #[serde(with = "rust_decimal::serde::str")]
    pub amount_percent: Decimal,
    /// Number of instalments, or days of a bullet; absent means as asked, else the product's.
    #[serde(default)]
    pub installments: Option<u32>,
    /// Contract rate, percent per annum; absent means the product's.
    #[serde(default)]
    pub annual_rate: Option<AnnualRate>,
}
