//! What the HTTP adapter gets back, and whether it answers the question.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;

use crate::domain::application::ask::{Approval, Ask, Finding, Outcome};
use crate::domain::application::facets::AgreementText;
use crate::domain::application::stage::{Action, ActionType, Rejection};
use crate::domain::maths::money::Paise;
use crate::domain::maths::rate::AnnualRate;
use crate::domain::maths::rupees;

/// What comes back.
#[derive(Debug, Deserialize)]
#[serde(tag = "outcome", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum Answer {
    Done {
        finding: Found,
    },
    Pending {
        reference: String,
        poll_after: DateTime<Utc>,
        #[serde(default)]
        url: Option<String>,
    },
    Refused {
        code: String,
        #[serde(default)]
        detail: String,
    },
    Unknown {
        #[serde(default)]
        reference: Option<String>,
    },
}

/// What was found; the same names as [`Finding`].
#[derive(Debug, Deserialize)]
#[serde(tag = "finding", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum Found {
    Acknowledged,
    Pass,
    Decline {
        reasons: Vec<Rejection>,
    },
    NeedsAction {
        actions: Vec<WireAction>,
    },
    Approve {
        offers: Vec<WireApproval>,
    },
    ConsentCreated {
        handle: String,
    },
    ConsentPending,
    ConsentReady {
        consent_id: String,
        #[serde(default)]
        data_life_ends: Option<DateTime<Utc>>,
    },
    ConsentFailed,
    KycDone {
        reference: String,
    },
    Prepared {
        agreements: Vec<AgreementText>,
    },
    AccountVerified {
        reference: String,
    },
    MandateRegistered {
        reference: String,
        payment_url: String,
    },
    MandateActive,
    MandateInactive,
    LinkCreated {
        reference: String,
        url: String,
    },
    Collected {
        utr: String,
        value_date: NaiveDate,
        #[serde(default, with = "rupees::option")]
        amount: Option<Paise>,
    },
    Paid {
        utr: String,
        value_date: NaiveDate,
    },
    Notified {
        message_id: String,
    },
}

/// [`Action`] on the wire.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireAction {
    action_type: ActionType,
    description: String,
    object: String,
    #[serde(default)]
    value: String,
    #[serde(default)]
    url: Option<String>,
}

/// [`Approval`] on the wire.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireApproval {
    #[serde(with = "rupees")]
    amount: Paise,
    #[serde(default)]
    installments: Option<u32>,
    #[serde(default)]
    annual_rate: Option<AnnualRate>,
}

impl Answer {
    /// Reads a body. The error says where it goes wrong and repeats nothing of it.
    pub(super) fn read(body: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(body)
            .map_err(|error| format!("no outcome (line {}, column {})", error.line(), error.column()))
    }

    /// What the answer means for the question; the error says why it means nothing.
    pub(super) fn outcome(self, ask: &Ask) -> Result<Outcome, String> {
        Ok(match self {
            Self::Done { finding } => {
                let finding = finding.into_finding();
                if !fits(ask, &finding) {
                    return Err(format!("with a finding that does not belong to `{}`", ask.method()));
                }
                Outcome::Done { finding }
            }
            Self::Pending { reference, poll_after, url } => Outcome::Pending { reference, poll_after, url },
            Self::Refused { code, detail } => Outcome::Refused { code, detail },
            Self::Unknown { reference } => Outcome::Unknown { reference },
        })
    }
}

impl Found {
    fn into_finding(self) -> Finding {
        match self {
            Self::Acknowledged => Finding::Acknowledged,
            Self::Pass => Finding::Pass,
            Self::Decline { reasons } => Finding::Decline { reasons },
            Self::NeedsAction { actions } => {
                Finding::NeedsAction { actions: actions.into_iter().map(Action::from).collect() }
            }
            Self::Approve { offers } => Finding::Approve { offers: offers.into_iter().map(Approval::from).collect() },
            Self::ConsentCreated { handle } => Finding::ConsentCreated { handle },
            Self::ConsentPending => Finding::ConsentPending,
            Self::ConsentReady { consent_id, data_life_ends } => Finding::ConsentReady { consent_id, data_life_ends },
            Self::ConsentFailed => Finding::ConsentFailed,
            Self::KycDone { reference } => Finding::KycDone { reference },
            Self::Prepared { agreements } => Finding::Prepared { agreements },
            Self::AccountVerified { reference } => Finding::AccountVerified { reference },
            Self::MandateRegistered { reference, payment_url } => Finding::MandateRegistered { reference, payment_url },
            Self::MandateActive => Finding::MandateActive,
            Self::MandateInactive => Finding::MandateInactive,
            Self::LinkCreated { reference, url } => Finding::LinkCreated { reference, url },
            Self::Collected { utr, value_date, amount } => Finding::Collected { utr, value_date, amount },
            Self::Paid { utr, value_date } => Finding::Paid { utr, value_date },
            Self::Notified { message_id } => Finding::Notified { message_id },
        }
    }
}

impl From<WireAction> for Action {
    fn from(wire: WireAction) -> Self {
        let WireAction { action_type, description, object, value, url } = wire;
        Self { action_type, description, object, value, url }
    }
}

impl From<WireApproval> for Approval {
    fn from(wire: WireApproval) -> Self {
        Self { amount: wire.amount, installments: wire.installments, annual_rate: wire.annual_rate }
    }
}

/// Whether a finding can answer a question, and is not empty where it must say something.
fn fits(ask: &Ask, finding: &Finding) -> bool {
    match finding {
        Finding::Acknowledged => {
            matches!(
                ask,
                Ask::FetchData { .. } | Ask::SendOtp { .. } | Ask::CancelMandate { .. } | Ask::CancelLink { .. }
            )
        }
        Finding::Pass => matches!(ask, Ask::Eligibility | Ask::FinalCheck),
        Finding::Decline { reasons } => ask.port() == "decision" && !reasons.is_empty(),
        Finding::NeedsAction { actions } => ask.port() == "decision" && !actions.is_empty(),
        Finding::Approve { offers } => {
            matches!(ask, Ask::Offers) && !offers.is_empty() && offers.iter().all(|offer| offer.amount.is_positive())
        }
        Finding::ConsentCreated { .. } => matches!(ask, Ask::ConsentCreate { .. }),
        Finding::ConsentPending | Finding::ConsentReady { .. } | Finding::ConsentFailed => {
            matches!(ask, Ask::ConsentStatus { .. })
        }
        Finding::KycDone { .. } => matches!(ask, Ask::Kyc),
        Finding::Prepared { .. } => matches!(ask, Ask::PrepareAgreement { .. }),
        Finding::AccountVerified { .. } => matches!(ask, Ask::VerifyAccount { .. }),
        Finding::MandateRegistered { .. } => matches!(ask, Ask::RegisterMandate { .. }),
        Finding::MandateActive | Finding::MandateInactive => {
            matches!(ask, Ask::MandateStatus { .. })
        }
        Finding::LinkCreated { .. } => matches!(ask, Ask::PaymentLink(_)),
        Finding::Collected { amount, .. } => {
            matches!(ask, Ask::LinkStatus { .. } | Ask::CancelLink { .. } | Ask::Present(_))
                && amount.is_none_or(Paise::is_positive)
        }
        Finding::Paid { .. } => matches!(ask, Ask::Pay(_) | Ask::Refund(_)),
        Finding::Notified { message_id } => matches!(ask, Ask::Notify(_)) && !message_id.is_empty(),
    }
}
