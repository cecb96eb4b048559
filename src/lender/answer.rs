//! What the HTTP adapter gets back, and what it means.

use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::Deserialize;

use super::finding;
use super::question::rupees_schema;
use crate::domain::application::ask::{Approval, Ask, Finding, Outcome};
use crate::domain::application::facets::AgreementText;
use crate::domain::application::referral::ReferralReason;
use crate::domain::application::stage::{Action, ActionType, Rejection};
use crate::domain::maths::money::Paise;
use crate::domain::maths::rate::AnnualRate;
use crate::domain::maths::rupees;

/// What comes back.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum Answer {
    /// Answered, with HTTP status 200.
    Done {
        /// What was found.
        finding: Found,
    },
    /// Accepted, with HTTP status 200 or 202: the outcome follows by callback, or is asked for again.
    Pending {
        /// The system's own reference; it comes back in `reference` of the next calls about this question.
        reference: String,
        /// Not to be asked for again before this instant. It is bounded to 6 hours ahead. One that is past already sets no
        /// time: then the wait grows from half a second to 5 minutes.
        poll_after: DateTime<Utc>,
        /// Where the borrower can act meanwhile, e.g. to complete identity verification.
        #[serde(default)]
        #[schemars(url)]
        url: Option<String>,
    },
    /// Finally refused, with HTTP status 200 or 4xx: it did not happen and will not.
    Refused {
        /// The system's own code. `NEVER_RECEIVED` on `status` of money says that no order arrived under this key and
        /// none will be taken. `ADAPTER_ERROR` calls a person and is never told to a borrower.
        code: String,
        /// Words, fit for the borrower.
        #[serde(default)]
        detail: String,
    },
    /// It may or may not have happened: it is asked about again, and never taken for failure.
    Unknown {
        /// The system's own reference, where it has one.
        #[serde(default)]
        reference: Option<String>,
    },
}

/// What was found.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(tag = "finding", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum Found {
    /// Done, and nothing to say beyond that.
    Acknowledged,
    /// The application may go on.
    Pass,
    /// The application is declined.
    Decline {
        /// Why; at least one.
        #[schemars(length(min = 1))]
        reasons: Vec<Rejection>,
    },
    /// The borrower must bring something first.
    NeedsAction {
        /// What; at least one.
        #[schemars(length(min = 1))]
        actions: Vec<WireAction>,
    },
    /// A person must decide.
    Refer {
        /// Why, for that person; at least one.
        #[schemars(length(min = 1))]
        reasons: Vec<ReferralReason>,
    },
    /// Approved. The server prices each variant: instalments, APR and key facts statement are never this system's. What
    /// the product does not allow is not offered, a person decides then.
    Approve {
        /// Best first; at least one.
        #[schemars(length(min = 1, max = 10))]
        offers: Vec<WireApproval>,
    },
    /// The account aggregator has the request; the borrower must approve it there.
    ConsentCreated {
        /// The account aggregator's handle.
        handle: String,
    },
    /// The borrower has not decided.
    ConsentPending,
    /// The borrower approved.
    ConsentReady {
        /// The consent artefact's id.
        consent_id: String,
        /// When the data life ends that the borrower consented to; what is kept of the consent goes then.
        #[serde(default)]
        data_life_ends: Option<DateTime<Utc>>,
    },
    /// Rejected, revoked or expired.
    ConsentFailed,
    /// The borrower is who they say.
    KycDone {
        /// The system's reference of the proof.
        reference: String,
    },
    /// The agreements are written.
    Prepared {
        /// One for each subject, in their order.
        #[schemars(length(min = 1))]
        agreements: Vec<AgreementText>,
    },
    /// The account exists, takes money, and is the borrower's.
    AccountVerified {
        /// The look-up's reference.
        reference: String,
    },
    /// The mandate waits for the borrower's authorisation.
    MandateRegistered {
        /// The system's reference of the mandate.
        reference: String,
        /// Where the borrower authorises it: a page, or an app, e.g. by `upi:`; nothing that runs in a browser.
        #[schemars(url)]
        payment_url: String,
    },
    /// The borrower authorised the mandate.
    MandateActive,
    /// The mandate was refused or cancelled, or is unknown.
    MandateInactive,
    /// A page on which the borrower pays.
    LinkCreated {
        /// The system's reference of the page.
        reference: String,
        /// The page, or an app, e.g. by `upi:`; nothing that runs in a browser.
        #[schemars(url)]
        url: String,
    },
    /// The borrower's money arrived.
    Collected {
        /// The bank's unique transaction reference: visible ASCII characters without blanks.
        #[schemars(length(min = 1, max = 64), regex(pattern = r"^[!-~]+$"))]
        utr: String,
        /// The bank's value date.
        value_date: NaiveDate,
        /// How much arrived, rupees; left out, what was asked for.
        #[serde(default, with = "rupees::option")]
        #[schemars(schema_with = "rupees_schema")]
        amount: Option<Paise>,
    },
    /// The money moved.
    Paid {
        /// The bank's unique transaction reference: visible ASCII characters without blanks.
        #[schemars(length(min = 1, max = 64), regex(pattern = r"^[!-~]+$"))]
        utr: String,
        /// The bank's value date.
        value_date: NaiveDate,
    },
    /// The message left.
    Notified {
        /// The messaging system's id, proof of the dispatch.
        message_id: String,
    },
}

/// What the borrower must bring.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Action")]
pub(super) struct WireAction {
    /// Kind of step.
    action_type: ActionType,
    /// Words for the borrower.
    description: String,
    /// What it is about, e.g. `documents`.
    object: String,
    /// Which one of them.
    #[serde(default)]
    value: String,
    /// Where the borrower does it, when there is such a page.
    #[serde(default)]
    #[schemars(url)]
    url: Option<String>,
}

/// One approved variant.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Approval")]
pub(super) struct WireApproval {
    /// Amount sanctioned, rupees, within the product's limits; it may differ from the amount asked for.
    #[serde(with = "rupees")]
    #[schemars(schema_with = "rupees_schema")]
    amount: Paise,
    /// Number of instalments, or for a bullet the days; left out, the product's.
    #[serde(default)]
    #[schemars(range(min = 1))]
    installments: Option<u32>,
    /// Contract rate, percent per annum as text, e.g. `16.00`; left out, the product's. This system's word stands.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    annual_rate: Option<AnnualRate>,
}

/// U+0000 as JSON writes it.
const NUL: &[u8] = b"\\u0000";

impl Answer {
    /// Reads a body. The error says where it goes wrong and repeats nothing of it.
    pub(super) fn read(body: &[u8]) -> Result<Self, String> {
        // The database takes no such text; said so here, it is not sent again and again.
        if body.windows(NUL.len()).any(|part| part == NUL) {
            return Err("no outcome: a text holds U+0000".to_owned());
        }
        serde_json::from_slice(body).map_err(|error| format!("no outcome: {}", said(&error)))
    }

    /// What the answer means for the question; the error says why it means nothing.
    pub(super) fn outcome(self, ask: &Ask) -> Result<Outcome, String> {
        Ok(match self {
            Self::Done { finding } => {
                let finding = finding.into_finding();
                finding::check(ask, &finding)?;
                Outcome::Done { finding }
            }
            Self::Pending { reference, poll_after, url } => {
                url.as_deref().map_or(Ok(()), |url| finding::page("url", url))?;
                Outcome::Pending { reference, poll_after, url }
            }
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
            Self::Refer { reasons } => Finding::Refer { reasons },
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
        Self { amount: wire.amount, installments: wire.installments, annual_rate: wire.annual_rate, valid_days: None }
    }
}

/// What is wrong with a text, without any part of it: serde quotes what it met.
pub(super) fn said(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    let place = match (error.line(), error.column()) {
        // Of a part that was read in two steps nothing is known.
        (0, _) => String::new(),
        (line, column) => format!(" (line {line}, column {column})"),
    };
    let words = match text.rsplit_once(", expected ") {
        _ if text.starts_with("missing field `") => text.to_owned(),
        Some((met, expected)) => {
            let kind = met.split(['`', ':', '"']).next().unwrap_or_default().trim_end();
            format!("{kind}, expected {expected}")
        }
        None if text.contains(['`', '"']) => "not of the expected shape".to_owned(),
        None => text.to_owned(),
    };
    words + &place
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(body: &str) -> String {
        Answer::read(body.as_bytes()).unwrap_err()
    }

    #[test]
    fn an_error_names_what_is_wanted_and_repeats_nothing() {
        for (body, words) in [
            (r#"{"outcome":"refused","code":"A\u0000"}"#, "a text holds U+0000"),
            (r#"{"outcome":"pending","reference":"R"}"#, "missing field `pollAfter`"),
            (r#"{"outcome":"Asha"}"#, "unknown variant, expected one of `done`, `pending`, `refused`, `unknown`"),
            (r#"{"outcome":"done","finding":{"finding":"Asha"}}"#, "unknown variant, expected one of `acknowledged`"),
            (r#"{"outcome":"done","finding":"Asha, expected so"}"#, "invalid type, expected internally tagged enum"),
            (
                r#"{"outcome":"done","finding":{"finding":"approve","offers":[{"amount":"50000"}]}}"#,
                "an amount is written in rupees with exactly two decimals",
            ),
            (
                r#"{"outcome":"done","finding":{"finding":"approve","offers":[{"amount":50000.0}]}}"#,
                "invalid type, expected a string",
            ),
            (
                r#"{"outcome":"done","finding":{"finding":"paid","utr":"Asha","valueDate":"Asha"}}"#,
                "input contains invalid characters",
            ),
            ("Asha", "expected value (line 1, column 1)"),
            ("", "EOF while parsing a value (line 1, column 0)"),
        ] {
            let said = wrong(body);
            assert!(said.contains(words) && !said.contains("Asha"), "{said}");
        }
    }
}
