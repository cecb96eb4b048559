//! What the simulated systems answer where a code is at work.

use chrono::TimeDelta;
use uuid::Uuid;

use super::store::{self, Line, Script};
use crate::domain::application::ask::{Approval, Ask, Finding, Outcome};
use crate::domain::application::form::TenureUnit;
use crate::domain::application::referral::ReferralReason;
use crate::domain::application::stage::{Action, ActionType, Rejection, RejectionReason};
use crate::domain::maths::money::Paise;
use crate::domain::maths::rate::AnnualRate;
use crate::lender::{Call, PortError};
use crate::sandbox::items::{self, ConsentDetail, IdentityDetail, Item, Kind};
use crate::sandbox::systems::{Systems, reference};

/// Tries of a data fetch that nobody answers, before it is given up.
const UNANSWERED: u32 = 3;
/// At which status request a slow consent is ready.
const CONSENT_READY_AT: u32 = 3;
/// What the codes for documents ask for.
const DOCUMENT: &str = "GST_PROFILE";
/// How long a system rests that never gets anywhere.
const POLL: TimeDelta = TimeDelta::hours(1);

/// An answer that a code forced, with the words for the timeline.
pub(in crate::sandbox) struct Forced {
    pub(in crate::sandbox) answer: Result<Outcome, PortError>,
    pub(in crate::sandbox) words: String,
}

fn forced(line: &Line, outcome: Outcome, did: &str) -> Forced {
    Forced { answer: Ok(outcome), words: format!("{}: {did}", line.code) }
}

fn done(finding: Finding) -> Outcome {
    Outcome::Done { finding }
}

fn refused(code: &str, detail: &str) -> Outcome {
    Outcome::Refused { code: code.to_owned(), detail: detail.to_owned() }
}

impl Systems {
    /// What a code forces here; nothing where none is at work.
    pub(in crate::sandbox) async fn forced(&self, call: &Call<'_>, script: &Script) -> sqlx::Result<Option<Forced>> {
        let of = |family| script.line(family);
        Ok(match call.ask {
            Ask::Eligibility => match of("01") {
                Some(line) => match referral(call, line) {
                    Some(referred) => Some(referred),
                    None => self.preliminary(call, line).await?,
                },
                None => None,
            },
            Ask::Offers => {
                let referred = of("01").and_then(|line| referral(call, line));
                referred.or_else(|| of("03").and_then(|line| offers(call, line)))
            }
            Ask::FinalCheck => of("01").and_then(|line| referral(call, line)),
            Ask::ConsentStatus { handle, .. } => match of("02") {
                Some(line) => self.consent(call, line, handle).await?,
                None => None,
            },
            Ask::FetchData { .. } => match of("02").filter(|line| line.code == "0204") {
                Some(line) => Some(self.no_data(call, line).await?),
                None => None,
            },
            Ask::Kyc => match of("04") {
                Some(line) => self.identity(call, line).await?,
                None => None,
            },
            Ask::VerifyAccount { .. } => of("07").filter(|line| line.code == "0704").map(|line| {
                forced(line, refused("NAME_MISMATCH", "the account is held by somebody else"), "account refused")
            }),
            _ => None,
        })
    }

    /// Writes into the timeline what was forced.
    pub(in crate::sandbox) async fn tell(&self, call: &Call<'_>, words: &str) -> sqlx::Result<()> {
        let ids: Vec<Uuid> = call.subjects.iter().map(|subject| subject.id.0).collect();
        let mut conn = self.pool.acquire().await?;
        store::tell(&mut conn, &ids, &format!("scenario {words}"), call.now).await
    }

    async fn preliminary(&self, call: &Call<'_>, line: &Line) -> sqlx::Result<Option<Forced>> {
        let decline = |reason, description: &str| {
            let reasons = vec![Rejection { reason, description: description.to_owned() }];
            Some(forced(line, done(Finding::Decline { reasons }), "application rejected"))
        };
        Ok(match line.code.as_str() {
            "0101" => decline(RejectionReason::LowCreditScore, "The credit score is below the lender's line."),
            "0102" => decline(RejectionReason::Fraud, "The application is suspected of fraud."),
            "0103" => decline(RejectionReason::DocIrregularities, "The documents do not hold."),
            "0104" => decline(RejectionReason::Others, "The lender does not lend here."),
            // v3 has no reason AA_FAILED.
            "0105" => decline(RejectionReason::Others, "AA_FAILED: the account aggregator gave no usable data."),
            "0110" | "0111" | "0112" => self.wanting(call, line).await?,
            _ => None,
        })
    }

    /// Something is wanted until the application comes again with it.
    async fn wanting(&self, call: &Call<'_>, line: &Line) -> sqlx::Result<Option<Forced>> {
        let Some(subject) = call.subjects.first() else { return Ok(None) };
        let generation = i64::from(subject.generation);
        let mut conn = self.pool.acquire().await?;
        let came_again = store::mark(&mut conn, line, generation).await? < generation;
        let has_document = subject.form.documents.iter().any(|kind| kind == DOCUMENT);
        let (action_type, description, object, value, brought) = match line.code.as_str() {
            "0110" => (ActionType::AddDocument, "Please add your GST profile.", "documents", DOCUMENT, has_document),
            "0111" => (
                ActionType::ResubmitDocument,
                "The GST profile cannot be read, please send it again.",
                "documents",
                DOCUMENT,
                came_again && has_document,
            ),
            // v3 has no type ADDITIONAL_DATA.
            _ => (
                ActionType::Other,
                "ADDITIONAL_DATA: please complete the borrower's contact details.",
                "borrower",
                "contactDetails",
                came_again,
            ),
        };
        if brought {
            return Ok(None);
        }
        let action = Action {
            action_type,
            description: description.to_owned(),
            object: object.to_owned(),
            value: value.to_owned(),
            url: None,
        };
        Ok(Some(forced(line, done(Finding::NeedsAction { actions: vec![action] }), "action required")))
    }

    async fn consent(&self, call: &Call<'_>, line: &Line, handle: &str) -> sqlx::Result<Option<Forced>> {
        let mut conn = self.pool.acquire().await?;
        let item = items::find(&mut conn, Kind::Consent, handle).await?;
        drop(conn);
        if item.is_some_and(|item| item.detail::<ConsentDetail>().told) {
            return Ok(None);
        }
        Ok(match line.code.as_str() {
            "0201" => Some(forced(line, done(Finding::ConsentFailed), "consent failed")),
            "0202" => Some(forced(line, done(Finding::ConsentPending), "consent stays pending")),
            "0203" => {
                let asked = self.count(&format!("consent:{handle}"), call).await?;
                let did = "consent pending until the third status request";
                if asked < CONSENT_READY_AT { Some(forced(line, done(Finding::ConsentPending), did)) } else { None }
            }
            _ => None,
        })
    }

    async fn no_data(&self, call: &Call<'_>, line: &Line) -> sqlx::Result<Forced> {
        let asked = self.count(&format!("fetch:{}", call.key), call).await?;
        let answer = if asked < UNANSWERED {
            Err(PortError::Unreachable { port: call.ask.port(), detail: "the sandbox lets it time out".to_owned() })
        } else {
            Ok(refused("TIMEOUT", "the data fetch timed out"))
        };
        Ok(Forced { answer, words: format!("{}: data fetch times out", line.code) })
    }

    async fn identity(&self, call: &Call<'_>, line: &Line) -> sqlx::Result<Option<Forced>> {
        let pending =
            |url| Outcome::Pending { reference: format!("KYC-{}", call.key), poll_after: call.now + POLL, url };
        Ok(match line.code.as_str() {
            "0401" => Some(forced(line, refused("KYC_REJECTED", "the identity does not match"), "KYC rejected")),
            "0402" => Some(forced(line, pending(None), "KYC stays pending")),
            "0403" => {
                let page = self.identity_page(call).await?;
                page.map(|url| forced(line, pending(Some(url)), "KYC waits for the borrower"))
            }
            _ => None,
        })
    }

    /// The page where the borrower is waited for; none once the borrower was there.
    async fn identity_page(&self, call: &Call<'_>) -> sqlx::Result<Option<String>> {
        let Some(subject) = call.subjects.first() else { return Ok(None) };
        let token = reference("ID", &call.key);
        let detail = IdentityDetail { application: subject.id.0 };
        let key = items::identity_key(&token);
        let item = Item { key, state: "PENDING".to_owned(), detail: serde_json::to_string(&detail).ok() };
        let mut conn = self.pool.acquire().await?;
        items::insert(&mut conn, Kind::Scenario, &item, call.now).await?;
        let known = items::find(&mut conn, Kind::Scenario, &item.key).await?;
        let was_there = known.is_some_and(|known| known.state == "DONE");
        Ok((!was_there).then(|| format!("{}/identity/{token}", self.borrower_url)))
    }

    /// How often something was asked, this time included.
    async fn count(&self, what: &str, call: &Call<'_>) -> sqlx::Result<u32> {
        let mut tx = self.pool.begin().await?;
        let key = format!("count:{what}");
        items::take_turn(&mut tx, &key).await?;
        let known = items::find(&mut tx, Kind::Scenario, &key).await?;
        let asked = known.and_then(|item| item.state.parse::<u32>().ok()).unwrap_or_default().saturating_add(1);
        let item = Item { key, state: asked.to_string(), detail: None };
        items::put(&mut tx, Kind::Scenario, &item, call.now).await?;
        tx.commit().await?;
        Ok(asked)
    }
}

/// What is left to a person, at the question that the code means.
fn referral(call: &Call<'_>, line: &Line) -> Option<Forced> {
    let asked = match line.code.as_str() {
        "0121" => Ask::Eligibility,
        "0122" => Ask::Offers,
        "0123" => Ask::FinalCheck,
        _ => return None,
    };
    let reason =
        ReferralReason { code: format!("SANDBOX_{}", line.code), description: "scenario of the sandbox".to_owned() };
    let finding = Finding::Refer { reasons: vec![reason] };
    (*call.ask == asked).then(|| forced(line, done(finding), "referred to a person"))
}

fn offers(call: &Call<'_>, line: &Line) -> Option<Forced> {
    let form = &call.subjects.first()?.form;
    let plain = |amount| Approval { amount, installments: None, annual_rate: None, valid_days: None };
    match line.code.as_str() {
        "0301" => {
            let reasons =
                vec![Rejection { reason: RejectionReason::Others, description: "No offer can be made.".to_owned() }];
            Some(forced(line, done(Finding::Decline { reasons }), "no offer"))
        }
        "0302" => {
            let half = Paise(form.requested.0 / 200 * 100);
            let offer = Approval { installments: Some(shorter(call)), ..plain(half) };
            Some(forced(line, done(Finding::Approve { offers: vec![offer] }), "counter-offer of half the amount"))
        }
        "0303" => {
            let rate = |text: &str| text.parse::<AnnualRate>().ok();
            let offers = ["12.00", "15.00", "21.00"]
                .into_iter()
                .map(|text| Approval { annual_rate: rate(text), ..plain(form.requested) })
                .collect();
            Some(forced(line, done(Finding::Approve { offers }), "three offers"))
        }
        "0304" => {
            let offer = Approval { valid_days: Some(0), ..plain(form.requested) };
            Some(forced(line, done(Finding::Approve { offers: vec![offer] }), "offer as short as may be"))
        }
        _ => None,
    }
}

/// Half the tenor asked, in instalments or, for a short loan, days.
fn shorter(call: &Call<'_>) -> u32 {
    let tenure = call.subjects.first().and_then(|subject| subject.form.tenure);
    match tenure {
        Some(tenure) if tenure.unit == TenureUnit::Year => tenure.duration.saturating_mul(6).max(1),
        Some(tenure) => (tenure.duration / 2).max(1),
        None => 6,
    }
}
