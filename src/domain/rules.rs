//! The refuse list: what the law forbids a lender's server to do, as data (`lending.md` §1.1, §1.4, §1.5). A refusal
//! names its rule, so that an LSP's engineer can look it up at `GET /admin/rules`.
//!
//! Quoted are the circular that made a rule and the directions that carry it now, never a paragraph number alone.

use chrono::NaiveDate;
use serde::Serialize;

/// One rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// What refusals name.
    pub rule_id: &'static str,
    /// The circular that made it.
    pub legacy_ref: &'static str,
    /// The directions that carry it now.
    pub current_ref: &'static str,
    /// What is refused.
    pub text: &'static str,
    /// First day in force.
    pub effective_from: NaiveDate,
    /// Last day in force.
    pub effective_to: Option<NaiveDate>,
}

impl Rule {
    /// Words of a refusal under this rule.
    #[must_use]
    pub fn refusal(&self, detail: &str) -> String {
        format!("{}: {detail}", self.rule_id)
    }
}

const DIGITAL_LENDING: &str = "RBI/2025-26/36, DOR.STR.REC.19/21.07.001/2025-26, 8 May 2025";
const CREDIT_FACILITIES: &str = "Credit Facilities Directions 2025, NBFC RBI/DOR/2025-26/347";
const KEY_FACTS: &str = "RBI/2024-25/18, DOR.STR.REC.13/13.03.00/2024-25, 15 Apr 2024";
const BUSINESS_CONDUCT: &str = "RBC Directions 2025, RBI/DOR/2025-26/362, 28 Nov 2025";

const fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    match NaiveDate::from_ymd_opt(year, month, day) {
        Some(day) => day,
        None => NaiveDate::MIN,
    }
}

const fn digital_lending(rule_id: &'static str, text: &'static str) -> Rule {
    Rule {
        rule_id,
        legacy_ref: DIGITAL_LENDING,
        current_ref: CREDIT_FACILITIES,
        text,
        effective_from: day(2025, 5, 8),
        effective_to: None,
    }
}

/// Offers show their cost.
pub const DL_6: Rule = Rule {
    effective_from: day(2025, 11, 1),
    ..digital_lending(
        "DL-6",
        "An offer without annual percentage rate, instalment, penal terms or link to its key facts statement is not sent.",
    )
};
/// Nobody is offered a loan unseen.
pub const DL_7_I: Rule = digital_lending(
    "DL-7i",
    "No offer is made to a borrower of whom the application tells neither name nor PAN nor phone.",
);
/// No agreement on terms that bind nobody.
pub const DL_8_I: Rule = digital_lending(
    "DL-8i",
    "No agreement is put to the borrower after the validity of the key facts statement that it stands on.",
);
/// Copies before money.
pub const DL_8_COPIES: Rule = digital_lending(
    "DL-8-copies",
    "No money is paid out before copies of the signed documents have been sent to the borrower directly.",
);
/// Money goes to the borrower.
pub const DL_9_ACCOUNT: Rule = digital_lending(
    "DL-9-account",
    "A loan is paid to the borrower's own bank account, never to a wallet, escrow, pool or LSP's account.",
);
/// The lender pays the LSP.
pub const DL_9_LSP_FEE: Rule =
    digital_lending("DL-9-lsp-fee", "No fee of the borrower goes to an LSP; the lender pays it.");
/// Time to think again.
pub const DL_10_COOLING_OFF: Rule = digital_lending(
    "DL-10-cooling-off",
    "The cooling-off period is at least one day and leaving within it bears no penalty.",
);
/// Nobody is left without an answer.
pub const DL_11: Rule = digital_lending("DL-11", "No dispute is resolved or closed without a reply to the borrower.");
/// Data that nobody needs.
pub const DL_12: Rule = digital_lending(
    "DL-12",
    "A message that carries contact lists, call logs, text messages or media from the borrower's phone is refused.",
);
/// Nothing that was not told.
pub const KFS_CHARGE: Rule = Rule {
    legacy_ref: KEY_FACTS,
    current_ref: BUSINESS_CONDUCT,
    effective_from: day(2024, 10, 1),
    ..digital_lending("KFS-CHARGE", "A charge that is not on the accepted key facts statement is not charged.")
};
/// Nothing worse than what was told.
pub const KFS_STALE: Rule = Rule {
    legacy_ref: KEY_FACTS,
    current_ref: BUSINESS_CONDUCT,
    effective_from: day(2024, 10, 1),
    ..digital_lending(
        "KFS-STALE",
        "No money is paid out on terms that are worse than those of the accepted key facts statement.",
    )
};
/// Terms hold for a while.
pub const KFS_VALIDITY: Rule = Rule {
    legacy_ref: KEY_FACTS,
    current_ref: BUSINESS_CONDUCT,
    effective_from: day(2024, 10, 1),
    ..digital_lending(
        "KFS-VALIDITY",
        "An offer ends no earlier than its key facts statement: 3 working days, 1 for a tenor below 7 days.",
    )
};
/// No interest for money not had.
pub const INTEREST_FROM_DISBURSAL: Rule = Rule {
    legacy_ref: "RBI/2024-25/30, DoS.CO.PPG.SEC.1/11.01.005/2024-25, 29 Apr 2024",
    current_ref: BUSINESS_CONDUCT,
    effective_from: day(2024, 4, 29),
    ..digital_lending("INTEREST-FROM-DISBURSAL", "A schedule whose interest begins before the payout is refused.")
};

/// All of them.
pub const RULES: [Rule; 13] = [
    DL_6,
    DL_7_I,
    DL_8_I,
    DL_8_COPIES,
    DL_9_ACCOUNT,
    DL_9_LSP_FEE,
    DL_10_COOLING_OFF,
    DL_11,
    DL_12,
    KFS_CHARGE,
    KFS_STALE,
    KFS_VALIDITY,
    INTEREST_FROM_DISBURSAL,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_rule_has_its_own_name_and_a_day_from_which_it_applies() {
        let names: BTreeSet<_> = RULES.iter().map(|rule| rule.rule_id).collect();
        assert_eq!(names.len(), RULES.len());
        assert!(RULES.iter().all(|rule| rule.effective_from > day(2024, 1, 1)));
    }

    #[test]
    fn a_refusal_begins_with_its_rule() {
        assert_eq!(DL_8_I.refusal("it ran out"), "DL-8i: it ran out");
    }
}
