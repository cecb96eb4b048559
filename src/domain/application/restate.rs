//! A payout later than the key facts statement assumed (`lending.md` §2.3, `KFS_STALE`): when its terms are worse than
//! those accepted, no money goes before the borrower has accepted them on a statement of their own.
//!
//! The application stays granted meanwhile. The new terms, their agreement and the OTP session for it live in
//! [`Deal::restatement`]; what is accepted becomes the deal's, what it replaces is kept in [`Deal::replaced`].

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::Application;
use super::answer::Restated;
use super::copies::Copies;
use super::decision::{Decision, Effect, Facts};
use super::facets::{Agreement, AgreementText, Deal, Offer};
use super::pricing::{self, PricingError};
use super::stage::{Acceptance, OtpSession, Stage};
use crate::domain::kfs::{self, IssuedKfs};
use crate::domain::rules;

/// The word for a payout that was stopped because its terms got worse.
pub const KFS_STALE: &str = "KFS_STALE";

/// Terms for a later payout that wait for the borrower.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Restatement {
    /// The accepted offer for a payout on the later day.
    pub offer: Offer,
    /// Its key facts statement.
    pub kfs: IssuedKfs,
    /// The agreement on it.
    pub agreement: Agreement,
    /// The OTP session that may sign it.
    pub session: Option<OtpSession>,
}

/// What a later acceptance took the place of. It was signed, so it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    /// Proposal number of its key facts statement.
    pub number: Option<String>,
    /// The agreement.
    pub agreement: AgreementText,
    /// Its signature.
    pub acceptance: Acceptance,
}

impl Restatement {
    /// What an LSP is told about it.
    #[must_use]
    pub fn shown(&self) -> Restated {
        Restated {
            number: self.kfs.number.clone(),
            url: self.kfs.url.clone(),
            hash: self.kfs.hash.clone(),
            valid_till: self.kfs.valid_till,
            apr: self.offer.apr,
            instalment: self.offer.instalment,
            net_disbursed: self.offer.net_disbursed,
        }
    }
}

/// How terms are worse than the accepted ones, in words: a higher APR, a higher instalment, or interest that passes
/// the product's tolerance.
#[must_use]
pub fn worse(new: &Offer, accepted: &Offer) -> Option<String> {
    let most = accepted.interest.saturating_add(accepted.servicing.reissue_tolerance);
    let rise = |what: &str, from: String, to: String| Some(format!("{what} rises from {from} to {to}"));
    if new.apr > accepted.apr {
        rise("the annual percentage rate", accepted.apr.to_string(), new.apr.to_string())
    } else if new.instalment > accepted.instalment {
        rise("the instalment", accepted.instalment.to_string(), new.instalment.to_string())
    } else if new.interest > most {
        rise("the total interest", accepted.interest.to_string(), new.interest.to_string())
    } else {
        None
    }
}

/// Whether a payout on a day needs another acceptance; one that cannot even be priced does.
#[must_use]
pub fn is_stale(app: &Application, on: NaiveDate) -> bool {
    app.stage.deal().is_some_and(|deal| {
        on > deal.offer.terms.disbursed_on
            && pricing::for_payout(&deal.offer, on).map_or(true, |new| worse(&new, &deal.offer).is_some())
    })
}

/// Why no payout goes today on the accepted terms. The statement for today is issued, unless it waits already.
pub fn refusal(app: &mut Application, facts: &Facts<'_>, d: &mut Decision) -> Option<String> {
    let deal = app.stage.deal()?;
    if facts.today <= deal.offer.terms.disbursed_on {
        return None;
    }
    let stated = match compared(deal, facts) {
        Ok(None) => {
            // Terms that were worse on another day wait for nobody any more.
            if let Some(deal) = app.stage.deal_mut() {
                deal.restatement = None;
            }
            return None;
        }
        Ok(Some((_, how))) if waits(deal, facts) => Ok(how),
        Ok(Some((new, how))) => issue(app, new, facts, d).map(|()| how),
        Err(error) => Err(error),
    };
    let detail = match stated {
        Ok(how) => format!(
            "terms got worse with the later payout: {how}; have the borrower accept the new key facts statement by \
             triggerLoanAcceptance, then trigger the payout again"
        ),
        Err(error) => format!("the terms of a payout today cannot be stated: {error}"),
    };
    Some(rules::KFS_STALE.refusal(&detail))
}

fn compared(deal: &Deal, facts: &Facts<'_>) -> Result<Option<(Offer, String)>, PricingError> {
    let new = pricing::for_payout(&deal.offer, facts.today)?;
    Ok(worse(&new, &deal.offer).map(|how| (new, how)))
}

/// Whether the statement for a payout today was issued and still binds the lender.
fn waits(deal: &Deal, facts: &Facts<'_>) -> bool {
    deal.restatement
        .as_ref()
        .is_some_and(|waiting| waiting.offer.terms.disbursed_on == facts.today && facts.now <= waiting.kfs.valid_till)
}

/// Writes and publishes the statement. An agreement or OTP on an earlier one is worth nothing from here on.
fn issue(app: &mut Application, new: Offer, facts: &Facts<'_>, d: &mut Decision) -> Result<(), PricingError> {
    let number = app.stage.deal().map_or(1, |deal| deal.restated.saturating_add(1));
    let last_due = new.schedule.rows.last().ok_or(PricingError::OutOfRange)?.due_date;
    let days = kfs::working_days(&new.terms, last_due);
    let valid_till = kfs::valid_at_least_till(days, facts.today, facts.calendar).ok_or(PricingError::OutOfRange)?;
    let offer = Offer { valid_till, ..new };
    let mut statement =
        kfs::statement(&offer, facts.letterhead, &facts.lsp_name, app.form.loan_type).ok_or(PricingError::NoKfs)?;
    statement.proposal_number = format!("{}-R{number}", statement.proposal_number);
    let kfs = facts.scribe.issue(&statement).ok_or(PricingError::NoKfs)?;
    d.effects.push(Effect::Publish(app.id, Box::new(kfs.clone())));
    d.event(app, format!("{KFS_STALE}: key facts statement {} issued for a payout on {}", kfs.number, facts.today));
    let generation = app.next_generation();
    if let Some(deal) = app.stage.deal_mut() {
        deal.restated = number;
        deal.otp_generation = generation;
        deal.restatement = Some(Box::new(Restatement { offer, kfs, agreement: Agreement::None, session: None }));
    }
    Ok(())
}

/// The borrower signed: the restated terms are the deal's, and copies of what was signed are to go out again.
pub fn accept(app: &mut Application, proof: Acceptance) {
    let Stage::Granted { deal, acceptance, .. } = &mut app.stage else { return };
    let Some(restatement) = deal.restatement.take() else { return };
    let Restatement { offer, kfs, agreement, .. } = *restatement;
    let Some(text) = agreement.text().cloned() else { return };
    let replaced = std::mem::replace(acceptance, proof);
    if let Some(earlier) = deal.agreement.text().cloned() {
        let number = deal.kfs.as_ref().map(|kfs| kfs.number.clone());
        deal.replaced.push(Replaced { number, agreement: earlier, acceptance: replaced });
    }
    deal.offer = offer;
    deal.kfs = Some(kfs);
    deal.agreement = Agreement::Signed(text);
    deal.copies = Copies::None;
}

/// The terms that wait for the borrower of a granted loan.
#[must_use]
pub fn waiting(app: &Application) -> Option<&Restatement> {
    match &app.stage {
        Stage::Granted { deal, .. } => deal.restatement.as_deref(),
        _ => None,
    }
}

/// The same, to be changed.
pub fn waiting_mut(app: &mut Application) -> Option<&mut Restatement> {
    match &mut app.stage {
        Stage::Granted { deal, .. } => deal.restatement.as_deref_mut(),
        _ => None,
    }
}
