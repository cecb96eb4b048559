//! Lookup codes: for each enum of the protocol the values that we emit or act on (`ocen-v3.md` §8.1).

use super::v3::core::PRIMARY_ID_TYPES;
use super::v3::document::DOCUMENT_TYPES;
use super::v3::loan_summary::ENDINGS;
use super::v3::payment::METHODS;
use super::v3::payment_order::PURPOSES;
use super::v3::statement::{DEPOSIT, withdrawal_word};
use crate::domain::loan::repayment::MANDATE_METHOD;
use crate::lsp::{ActionRequiredSpelling, Settings};

const TYPES: &[(&str, &[&str])] = &[
    ("LOAN_TYPE", &["CASHFLOW", "PERSONAL", "HOME", "VEHICLE", "BUSINESS"]),
    ("PRIMARY_ID_TYPE", &PRIMARY_ID_TYPES),
    ("CATEGORY", &["ORGANIZATION", "INDIVIDUAL"]),
    ("CONTACT_TYPE", &["PRIMARY", "OTHER"]),
    ("DOCUMENT_SOURCE", &["GSTN", "AA", "FIP", "FSR", "FIU", "USER"]),
    ("DOCUMENT_FORMAT", &["JSON", "DOC", "IMAGE", "CSV", "XML"]),
    ("DOCUMENT_TYPE", &DOCUMENT_TYPES),
    ("COLLATERAL_TYPE", &["GST_INVOICE", "VEHICLE", "HOME"]),
    ("COLLATERAL_PRIMARY_ID_TYPE", &["GST_INVOICE", "VIN"]),
    ("VALUATION_SOURCE", &["GSTN", "OTHERS"]),
    ("CONSENT_FETCH_TYPE", &["ONETIME", "PERIODIC"]),
    ("CONSENT_STATUS", &["READY", "PENDING", "FAILED"]),
    ("INTEREST_TYPE", &["FIXED"]),
    ("TENURE_UNIT", &["MONTH", "DAY", "YEAR"]),
    ("AGREEMENT_TYPE", &["URL"]),
    ("CHARGE_TYPE", &["FIXED_AMOUNT", "RATE_BASED"]),
    ("CHARGE_APPLICABLE_PARAMETER", &["OUTSTANDING_PAYABLE_AMOUNT"]),
    ("SCHEDULE_TYPE", &["RECURRING", "ONE_TIME", "AS_PRESENTED"]),
    ("FREQUENCY", &["MONTHLY", "WEEKLY", "QUARTERLY", "HALF_YEARLY", "YEARLY"]),
    ("PLAN_STATUS", &["ACTIVE", "INACTIVE", "PENDING_AUTH"]),
    ("PAYMENT_STATUS", &["SUCCESS", "FAILURE", "PENDING_AUTH"]),
    ("PAYMENT_METHOD_TYPE", &METHODS),
    ("PAYMENT_PURPOSE", &PURPOSES),
    ("REPAYMENT_METHOD_TYPE", &[MANDATE_METHOD]),
    ("REPAYMENT_METHOD_STATUS", &["INACTIVE", "ACTIVE", "CANCELLED"]),
    ("ACCOUNT_DATA_TYPE", &["ACCOUNT", "VPA"]),
    ("ACCOUNT_TYPE", &["CURRENT", "SAVING", "OVERDRAFT"]),
    ("ACCOUNT_STATUS", &["ACTIVE", "INACTIVE"]),
    ("OTP_STATUS", &["SUCCESS", "INVALID_SESSION", "INCORRECT_OTP"]),
    ("ACTION_TYPE", &["ADD_DOCUMENT", "RESUBMIT_DOCUMENT", "OTHER"]),
    ("REJECTION_REASON", &["LOW_CREDIT_SCORE", "FRAUD", "DOC_IRREGULARITIES", "OTHERS"]),
    ("ASSET_CLASS", &["STANDARD", "SMA-0", "SMA-1", "SMA-2", "NPA"]),
    ("LOAN_ENDING", &ENDINGS),
    ("DISPUTE_STATUS", &["NEW", "PROCESSING", "NEED_MORE_INFO", "RESOLVED", "CLOSED"]),
];

/// Types whose values depend on an LSP's switches, and the list of all types.
const OWN_SPELLING: [&str; 4] = ["LOAN_STATUS", "LOAN_APPLICATION_STATUS", "TRANSACTION_TYPE", "LOOKUP_TYPE"];

/// The values of a lookup type in the spelling of one LSP; none for an unknown type.
#[must_use]
pub fn codes(lookup_type: &str, settings: &Settings) -> Option<Vec<&'static str>> {
    let action_required = match settings.action_required_spelling {
        ActionRequiredSpelling::Underscore => "ACTION_REQUIRED",
        ActionRequiredSpelling::Blank => "ACTION REQUIRED",
    };
    let application = ["PROCESSING", "OFFERED", "OFFER_ACCEPTED", "GRANTED", "REJECTED", action_required];
    match lookup_type {
        "LOAN_APPLICATION_STATUS" => Some(application.to_vec()),
        "LOAN_STATUS" => Some(application.into_iter().chain(["DEFAULTED", "COMPLETED", "OVERDUE"]).collect()),
        "TRANSACTION_TYPE" => Some(vec![DEPOSIT, withdrawal_word(settings)]),
        "LOOKUP_TYPE" => Some(OWN_SPELLING.into_iter().chain(TYPES.iter().map(|(name, _)| *name)).collect()),
        _ => TYPES.iter().find(|(name, _)| *name == lookup_type).map(|(_, values)| values.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lsp::WithdrawalSpelling;

    #[test]
    fn every_listed_type_has_values() {
        let settings = Settings::default();
        let types = codes("LOOKUP_TYPE", &settings).unwrap_or_default();
        assert_eq!(types.len(), 38);
        assert!(types.iter().all(|name| codes(name, &settings).is_some_and(|values| !values.is_empty())));
        assert_eq!(codes("COLOUR", &settings), None);
    }

    #[test]
    fn the_words_of_a_running_loan_are_the_domain_s() {
        use crate::domain::loan::account::AssetClass;
        use crate::domain::loan::account::AssetClass::{Npa, Sma0, Sma1, Sma2, Standard};
        use crate::domain::loan::dispute::{DisputeStatus, STATUSES};
        let codes = |name| codes(name, &Settings::default()).unwrap_or_default();
        assert_eq!(codes("DISPUTE_STATUS"), STATUSES.map(DisputeStatus::name));
        assert_eq!(codes("ASSET_CLASS"), [Standard, Sma0, Sma1, Sma2, Npa].map(AssetClass::name));
        for status in ["GRANTED", "OVERDUE", "DEFAULTED", "COMPLETED"] {
            assert!(codes("LOAN_STATUS").contains(&status), "{status}");
        }
    }

    #[test]
    fn the_list_shows_the_spelling_that_is_sent() {
        let settings = Settings { action_required_spelling: ActionRequiredSpelling::Blank, ..Settings::default() };
        assert!(codes("LOAN_STATUS", &settings).is_some_and(|values| values.contains(&"ACTION REQUIRED")));
        let settings = Settings { withdrawal_spelling: WithdrawalSpelling::Withdrawal, ..settings };
        assert_eq!(codes("TRANSACTION_TYPE", &settings), Some(vec!["DEPOSIT", "WITHDRAWAL"]));
    }
}
