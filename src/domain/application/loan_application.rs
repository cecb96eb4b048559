//! Filing applications and the preliminary check (rows 1 and 4 to 8).

use chrono::Duration;

use super::answer::{Answer, ApplicationContent, Content, RefusalReason};
use super::ask::{Ask, Finding, Outcome};
use super::command::NewApplication;
use super::consent;
use super::decision::{Decision, Facts};
use super::facets::{Consent, Generation};
use super::form::{Collateral, Form};
use super::offer;
use super::stage::{Rejection, RejectionReason, Resume, Stage};
use super::timer::Timer;
use super::{Application, WaitingFor};
use crate::domain::ids::{ApplicationId, BundleId, OrgId};

/// Clocks differ: a `createdDate` may lie this far ahead.
const CLOCK_TOLERANCE: Duration = Duration::minutes(5);

/// Where a new application comes from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Our id for it.
    pub id: ApplicationId,
    /// The LSP.
    pub org_id: OrgId,
    /// The applications created with it.
    pub bundle: BundleId,
}

/// Row 1: stores a new application and has it checked; one that can never pass is declined at once.
#[must_use]
pub fn file(origin: Origin, item: &NewApplication, slot: u32, facts: &Facts<'_>, d: &mut Decision) -> Application {
    let mut application = Application {
        id: origin.id,
        org_id: origin.org_id,
        loan_application_id: item.loan_application_id.clone(),
        bundle: origin.bundle,
        form: item.form.clone(),
        product: facts.products.for_type(item.form.loan_type, facts.today).map(|p| p.id.clone()),
        stage: Stage::Received { generation: 0 },
        data_consent: Consent::None,
        monitoring_consent: Consent::None,
        aggregation_id: None,
        waiting: Vec::new(),
        otp_sent_at: Vec::new(),
        generation: 0,
        touched_at: facts.now,
        erased_at: None,
    };
    d.event(&application, "filed");
    if let Some((reason, detail)) = unacceptable(&application.form, facts) {
        application.stage = Stage::Rejected { reasons: vec![other(&detail)], deal: None };
        d.event(&application, format!("declined: {detail}"));
        let content = content(&application);
        if let Some(exchange) = facts.exchange {
            d.reply(exchange, slot, Answer::refused(reason, detail, content));
        }
    } else {
        check(&mut application, slot, facts, d);
        let at = facts.now + Duration::days(facts.limits.idle_days);
        d.timer(Timer::Idle, &application, at);
    }
    application
}

/// Rows 4 and 8: the same application id comes again under another requestId.
pub fn file_again(app: &mut Application, item: &NewApplication, slot: u32, facts: &Facts<'_>, d: &mut Decision) {
    let same = app.form.says_the_same(&item.form);
    match &app.stage {
        Stage::Received { .. } if same => wait(app, slot, facts, d),
        Stage::Received { .. } | Stage::Processing if !same => replace(app, item, slot, facts, d),
        // What was wanted may be a better copy of a file, of which nothing but its content is new.
        Stage::ActionRequired { .. } if !same || item.form.brings_documents_after(&app.form) => {
            replace(app, item, slot, facts, d);
        }
        _ if same => {
            if let Some(exchange) = facts.exchange {
                d.reply(exchange, slot, Answer::ok(content(app)));
            }
        }
        _ => {
            let detail = format!("application {} is already under way with other data", app.loan_application_id);
            if let Some(exchange) = facts.exchange {
                d.reply(exchange, slot, Answer::refused(RefusalReason::ApplicationIdReused, detail, content(app)));
            }
        }
    }
}

fn replace(app: &mut Application, item: &NewApplication, slot: u32, facts: &Facts<'_>, d: &mut Decision) {
    if let Some((reason, detail)) = unacceptable(&item.form, facts) {
        if let Some(exchange) = facts.exchange {
            d.reply(exchange, slot, Answer::refused(reason, detail, content(app)));
        }
        return;
    }
    if !app.form.borrower.is_still(&item.form.borrower) {
        consent::lose(app, d);
    }
    app.form = item.form.clone();
    app.product = facts.products.for_type(item.form.loan_type, facts.today).map(|p| p.id.clone());
    d.event(app, "data replaced");
    check(app, slot, facts, d);
}

fn check(app: &mut Application, slot: u32, facts: &Facts<'_>, d: &mut Decision) {
    let generation = app.next_generation();
    app.stage = Stage::Received { generation };
    wait(app, slot, facts, d);
    d.ask_aside(Ask::Eligibility, app, generation);
}

fn wait(app: &mut Application, slot: u32, facts: &Facts<'_>, d: &mut Decision) {
    if let Some(exchange) = app.wait(facts.exchange, slot, WaitingFor::Preliminary) {
        d.reply(exchange, slot, Answer::ok(content(app)));
    }
}

/// What no check needs to see (codes CLARQ1001 to 1005).
fn unacceptable(form: &Form, facts: &Facts<'_>) -> Option<(RefusalReason, String)> {
    let Some(product) = facts.products.for_type(form.loan_type, facts.today) else {
        return Some((RefusalReason::LoanTypeNotSupported, "no product serves this loan type".to_owned()));
    };
    if form.created_at > facts.now + CLOCK_TOLERANCE {
        return Some((RefusalReason::CreatedInFuture, "createdDate is later than now".to_owned()));
    }
    if form.requested > product.max_amount {
        let detail = format!("requestedAmount is above the limit of {} rupees", product.max_amount);
        return Some((RefusalReason::AmountAboveLimit, detail));
    }
    let mut pledges: Vec<String> = form.collaterals.iter().map(Collateral::pledge).collect();
    pledges.sort_unstable();
    if form.collaterals.iter().any(|c| c.unreadable || c.id.trim().is_empty()) {
        return Some((RefusalReason::CollateralInvalid, "a collateral has no id or cannot be read".to_owned()));
    }
    if pledges.windows(2).any(|w| matches!(w, [a, b] if a == b)) {
        return Some((RefusalReason::CollateralInvalid, "a collateral comes twice".to_owned()));
    }
    if !form.borrower.primary_id.chars().all(|c| c.is_ascii_alphanumeric() || "+-/ ".contains(c)) {
        return Some((RefusalReason::BorrowerInvalid, "borrower.primaryId is no identifier".to_owned()));
    }
    None
}

/// Rows 5 to 7: the preliminary check came back; whoever waits is answered.
pub fn checked(app: &mut Application, generation: Generation, outcome: &Outcome, facts: &Facts<'_>, d: &mut Decision) {
    if !matches!(app.stage, Stage::Received { generation: current } if current == generation) || outcome.is_referral() {
        return;
    }
    app.stage = match outcome {
        Outcome::Done { finding: Finding::Decline { reasons } } => {
            Stage::Rejected { reasons: reasons.clone(), deal: None }
        }
        Outcome::Done { finding: Finding::NeedsAction { actions } } => {
            Stage::ActionRequired { resume: Resume::Received, actions: actions.clone() }
        }
        Outcome::Done { .. } => Stage::Processing,
        Outcome::Refused { detail, .. } => Stage::Rejected { reasons: vec![other(detail)], deal: None },
        Outcome::Pending { .. } | Outcome::Unknown { .. } => {
            Stage::Rejected { reasons: vec![other("the application could not be checked")], deal: None }
        }
    };
    d.event(app, format!("preliminary check: {}", app.stage.name()));
    for waiting in app.take_waiting(WaitingFor::Preliminary) {
        d.reply(waiting.exchange, waiting.slot, Answer::ok(content(app)));
    }
    offer::resume_held(app, facts, d);
}

/// The item of `createLoanApplicationsResponse` as things stand.
#[must_use]
pub fn content(app: &Application) -> Content {
    let (rejections, actions) = match &app.stage {
        Stage::Rejected { reasons, .. } => (reasons.clone(), Vec::new()),
        Stage::ActionRequired { actions, .. } => (Vec::new(), actions.clone()),
        _ => (Vec::new(), Vec::new()),
    };
    Content::Application(ApplicationContent {
        loan_application_id: app.loan_application_id.clone(),
        form: app.form.clone(),
        status: Some(app.stage.status()),
        rejections,
        actions,
    })
}

/// A reason that fits no class.
#[must_use]
pub fn other(description: &str) -> Rejection {
    Rejection { reason: RejectionReason::Others, description: description.to_owned() }
}
