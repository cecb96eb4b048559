//! The catalogue of error codes (`ocen-v3.md` §8.2) and which reason answers with which code.

use crate::domain::application::answer::RefusalReason;
use crate::lsp::ErrorCatalogue;

/// The code of success, in acks and in `response.error`.
pub const OK: &str = "0";

macro_rules! catalogue {
    ($($name:ident $text:literal $status:literal $meaning:literal;)+) => {
        /// An error code. In an ack it decides the HTTP status; in a callback only its text is sent.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = concat!("`", $text, "`: ", $meaning)] $name,)+
        }

        /// Every code, in the order in which it is published.
        pub const CODES: &[Code] = &[$(Code::$name),+];

        impl Code {
            /// As it stands on the wire.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// What `getErrorCodes` says about it.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning),+ }
            }

            /// HTTP status of an ack with this code; codes of callbacks have 200.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status),+ }
            }
        }
    };
}

catalogue! {
    MissingMember "GEN5001" 400 "A mandatory member is missing";
    NotInEnum "GEN5002" 400 "The value is not one of those allowed";
    MethodNotAllowed "GEN5003" 405 "The HTTP method is not allowed here; use POST";
    Unavailable "GEN5004" 503 "The service is not available";
    BadVersion "GEN5005" 400 "The protocol version is not accepted";
    TimedOut "GEN5006" 503 "The request timed out";
    BadLength "GEN5007" 400 "A member is too long, or a list has too many items";
    Conflict "GEN5008" 409 "The requestId was used before with another body";
    UnknownId "GEN5009" 404 "An id in the message is not known";
    MalformedMessage "GEN5010" 400 "The message is not JSON, or a member has the wrong type or form";
    UnknownPath "GEN5011" 404 "There is no such path";
    MediaType "GEN5012" 415 "The media type must be application/json";
    TooLarge "GEN5013" 413 "The message is too large";
    RateLimit "GEN5014" 429 "Too many requests";
    BadSignature "AUTH1001" 401 "The signature is missing or does not verify";
    UnknownKey "AUTH1002" 401 "The key id is unknown or revoked";
    OrgMismatch "AUTH1003" 403 "metadata.orgId does not own the signing key";
    Timestamp "AUTH1004" 401 "metadata.timestamp lies outside the accepted window";
    LoanType "CLARQ1001" 200 "The loan type is not supported";
    CreatedInFuture "CLARQ1002" 200 "The creation date lies in the future";
    AmountLimit "CLARQ1003" 200 "The requested amount is above the limit";
    Collateral "CLARQ1004" 200 "The collateral data is not usable";
    Borrower "CLARQ1005" 200 "The borrower data is not usable";
    ApplicationReused "CLARQ1006" 200 "The loanApplicationId is already used with other data";
    ConsentState "CHRQ1001" 200 "The application's state does not allow a consent request";
    ConsentSource "CHRQ2001" 200 "The account aggregator is not available";
    ConsentUnknown "CSRQ1001" 200 "The consent handle is not known";
    ConsentStatusSource "CSRQ2001" 200 "The account aggregator is not available";
    ConsentNotReady "GORQ1001" 200 "The data consent is not ready";
    OffersState "GORQ1002" 200 "The application's state does not allow offers";
    OffersSource "GORQ2001" 200 "A data source failed";
    OfferUnknown "SORQ1001" 200 "The offer is not one of this application";
    OfferExpired "SORQ1002" 200 "The offer has expired";
    OfferState "SORQ1003" 200 "The application's state does not allow choosing an offer";
    OfferExposure "SORQ1004" 200 "The borrower's limit over all loans would be passed";
    AcceptanceState "TLARQ1001" 200 "The application's state does not allow acceptance";
    ResendLimit "TLARQ1002" 200 "Too many OTPs were asked for";
    KfsExpired "TLARQ1003" 200 "The key facts statement has expired; ask for new offers";
    SmsFailed "TLARQ2001" 200 "The OTP could not be sent";
    AgreementFailed "TLARQ2002" 200 "The agreement could not be prepared";
    OtpSession "VLARQ1001" 200 "The OTP session is unknown, expired or used up";
    DisbursementPlan "SDP1001" 200 "The chosen disbursement plan is no longer valid";
    DisbursementPlanState "SDP1002" 200 "The state does not allow disbursement plans to be read or set";
    Account "SDA1001" 200 "The account did not pass its check";
    AccountState "SDA1002" 200 "The state does not allow accounts to be read or set";
    AccountSource "SDA2001" 200 "The account check is not available";
    RepaymentPlan "SRP1001" 200 "The chosen repayment plan is not valid";
    RepaymentPlanState "SRP1002" 200 "The state does not allow repayment plans to be read or set";
    Mandate "SRP2001" 200 "The mandate could not be registered";
    Prerequisites "GLRQ1001" 200 "Steps are missing before the loan can be granted";
    SanctionLapsed "GLRQ1002" 200 "The sanction has lapsed";
    GrantSource "GLRQ2001" 200 "A system needed for the final check is not available";
    LoanNotOpen "TDRQ1001" 200 "The loan takes no disbursement";
    TrancheAmount "TDRQ1002" 200 "The tranche or the amount is not allowed";
    PaymentConflict "TDRQ1003" 200 "The payment id is already used for another payment";
    KfsStale "TDRQ1004" 200 "The key facts statement is stale: terms got worse with the later payout; have the borrower accept the new one";
    PaymentRail "TDRQ2001" 200 "The bank refused the payment";
    NothingDue "TRRQ1001" 200 "Nothing is due, or the loan takes no payment";
    RepaymentAmount "TRRQ1002" 200 "The amount, instalment or purpose of the payment is not allowed";
    PaymentUnderWay "TRRQ1003" 200 "Another payment of the loan is being collected";
    RepaymentRail "TRRQ2001" 200 "The payment page could not be made, or the payment failed";
    LoanNotVisible "LNRQ1001" 200 "The loan is not known";
    DateRange "LNRQ1002" 200 "The dates of the statement make no sense";
    DisputeUnknown "DPRQ1001" 200 "The dispute is not known";
    DisputeState "DPRQ1002" 200 "The dispute takes no more words";
    LookupType "MLRQ1001" 200 "The lookup type is not known";
    ErrorCode "MERQ1001" 200 "The error code is not known";
}

impl Code {
    /// The code that an LSP with this catalogue knows.
    #[must_use]
    pub fn folded(self, catalogue: ErrorCatalogue) -> Self {
        if catalogue == ErrorCatalogue::Extended {
            return self;
        }
        match self {
            Self::UnknownKey | Self::OrgMismatch | Self::Timestamp => Self::BadSignature,
            Self::Conflict | Self::UnknownId => Self::NotInEnum,
            Self::MalformedMessage => Self::MissingMember,
            code => code,
        }
    }

    /// The code for a reason that came up in an operation.
    #[must_use]
    pub fn for_reason(operation: &str, reason: RefusalReason) -> Self {
        use RefusalReason as R;
        match (operation, reason) {
            (_, R::LoanTypeNotSupported) => Self::LoanType,
            (_, R::CreatedInFuture) => Self::CreatedInFuture,
            (_, R::AmountAboveLimit) => Self::AmountLimit,
            (_, R::CollateralInvalid) => Self::Collateral,
            (_, R::BorrowerInvalid) => Self::Borrower,
            (_, R::ApplicationIdReused) => Self::ApplicationReused,
            (_, R::ConsentNotReady) => Self::ConsentNotReady,
            (_, R::UnknownOffer) => Self::OfferUnknown,
            (_, R::OfferExpired) => Self::OfferExpired,
            (_, R::ExposureLimit) => Self::OfferExposure,
            (_, R::ResendLimit) => Self::ResendLimit,
            (_, R::SmsFailed) => Self::SmsFailed,
            (_, R::AgreementFailed) => Self::AgreementFailed,
            (_, R::KfsExpired) => Self::KfsExpired,
            (_, R::KfsStale) => Self::KfsStale,
            (_, R::OtpSession) => Self::OtpSession,
            (_, R::AccountRefused) => Self::Account,
            (_, R::MandateRefused) => Self::Mandate,
            (_, R::SanctionLapsed) => Self::SanctionLapsed,
            ("triggerRepayment" | "triggerRepaymentStatus" | "confirmRepayment", R::LoanNotOpen) => Self::NothingDue,
            ("triggerRepayment" | "triggerRepaymentStatus" | "confirmRepayment", R::AmountNotAllowed) => {
                Self::RepaymentAmount
            }
            ("triggerRepayment" | "triggerRepaymentStatus" | "confirmRepayment", R::PaymentRail) => Self::RepaymentRail,
            (_, R::LoanNotOpen) => Self::LoanNotOpen,
            (_, R::AmountNotAllowed) => Self::TrancheAmount,
            (_, R::PaymentConflict) => Self::PaymentConflict,
            (_, R::PaymentRail) => Self::PaymentRail,
            (_, R::NothingDue) => Self::NothingDue,
            (_, R::RepaymentAmount) => Self::RepaymentAmount,
            (_, R::PaymentUnderWay) => Self::PaymentUnderWay,
            (_, R::RepaymentRail) => Self::RepaymentRail,
            (_, R::DateRange) => Self::DateRange,
            (_, R::DisputeState) => Self::DisputeState,
            (operation, R::UnknownPlan) => match operation {
                "setDisbursementPlan" | "getDisbursementPlans" => Self::DisbursementPlan,
                _ => Self::RepaymentPlan,
            },
            (operation, R::WrongState) => Self::wrong_state(operation),
            (operation, R::SourceUnavailable) => Self::source_unavailable(operation),
        }
    }

    fn wrong_state(operation: &str) -> Self {
        match operation {
            "createLoanApplications" => Self::ApplicationReused,
            "consentHandle" => Self::ConsentState,
            "consentStatus" => Self::ConsentUnknown,
            "generateOffers" => Self::OffersState,
            "setOffer" => Self::OfferState,
            "triggerLoanAcceptance" => Self::AcceptanceState,
            "verifyLoanAcceptance" => Self::OtpSession,
            "getDisbursementPlans" | "setDisbursementPlan" => Self::DisbursementPlanState,
            "getDisbursementAccounts" | "setDisbursementAccount" => Self::AccountState,
            "grantLoan" => Self::Prerequisites,
            "triggerDisbursement" | "triggerDisbursementStatus" => Self::LoanNotOpen,
            "triggerRepayment" | "triggerRepaymentStatus" | "confirmRepayment" => Self::NothingDue,
            "loanSummary" | "getLoan" | "loanStatement" | "listLoans" => Self::LoanNotVisible,
            "raiseDispute" => Self::DisputeState,
            "disputeStatus" => Self::DisputeUnknown,
            _ => Self::RepaymentPlanState,
        }
    }

    fn source_unavailable(operation: &str) -> Self {
        match operation {
            "consentHandle" => Self::ConsentSource,
            "consentStatus" => Self::ConsentStatusSource,
            "generateOffers" => Self::OffersSource,
            "setDisbursementAccount" => Self::AccountSource,
            "setRepaymentPlan" | "setRepaymentPlanStatus" => Self::Mandate,
            "grantLoan" => Self::GrantSource,
            "triggerRepayment" | "triggerRepaymentStatus" | "confirmRepayment" => Self::RepaymentRail,
            _ => Self::Unavailable,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_is_listed_once() {
        let texts: HashSet<_> = CODES.iter().map(|code| code.text()).collect();
        assert_eq!(texts.len(), CODES.len());
    }

    #[test]
    fn folding_leaves_only_published_general_codes() {
        for code in CODES {
            let text = code.folded(ErrorCatalogue::Juspay).text();
            let general = text.starts_with("GEN500") && text <= "GEN5007" || text == "AUTH1001";
            let unfolded_by_spec = ["GEN5011", "GEN5012", "GEN5013", "GEN5014"].contains(&text);
            let business = !text.starts_with("GEN") && !text.starts_with("AUTH");
            assert!(general || unfolded_by_spec || business, "{text}");
        }
    }

    #[test]
    fn the_same_reason_has_the_code_of_its_operation() {
        let code = |operation| Code::for_reason(operation, RefusalReason::WrongState).text();
        assert_eq!(code("setDisbursementPlan"), "SDP1002");
        assert_eq!(code("generateOffers"), "GORQ1002");
        assert_eq!(code("setRepaymentPlanStatus"), "SRP1002");
        assert_eq!(code("triggerRepayment"), "TRRQ1001");
        assert_eq!(code("loanStatement"), "LNRQ1001");
        assert_eq!((code("raiseDispute"), code("disputeStatus")), ("DPRQ1002", "DPRQ1001"));
        let refused = |operation, reason| Code::for_reason(operation, reason).text();
        assert_eq!(refused("triggerRepayment", RefusalReason::SourceUnavailable), "TRRQ2001");
        assert_eq!(refused("triggerRepayment", RefusalReason::PaymentRail), "TRRQ2001");
        assert_eq!(refused("triggerDisbursement", RefusalReason::PaymentRail), "TDRQ2001");
        assert_eq!(refused("triggerRepayment", RefusalReason::LoanNotOpen), "TRRQ1001");
    }
}
