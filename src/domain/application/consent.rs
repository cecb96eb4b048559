//! Data consent and monitoring consent (rows 10 to 19 and 52).

use super::answer::{Answer, ConsentContent, ConsentStatus, Content, RefusalReason};
use super::ask::{Ask, Finding, NewAsk, Outcome};
use super::command::RequestConsent;
use super::decision::{Decision, Effect, Facts};
use super::erase::ERASED;
use super::facets::{Consent, ConsentPurpose, Generation};
use super::stage::Stage;
use super::timer::Timer;
use super::{Application, SEVERAL_BORROWERS, of_one_borrower};
use crate::domain::loan::Loan;
use crate::domain::personal::is_code;

/// Rows 10 and 11: one handle for all applications of the request; if one may not, none is touched.
pub fn request(apps: &mut [Application], command: &RequestConsent, facts: &Facts<'_>, d: &mut Decision) {
    let Some(first) = apps.first() else { return };
    let purpose = command.purpose.unwrap_or_else(|| purpose_by_stage(&first.stage));
    let vua = vua(apps, command, purpose).unwrap_or_default();
    if !of_one_borrower(apps) {
        let content = failed(None, purpose, &vua, command.aggregation_id.clone());
        d.answer(facts, Answer::refused(RefusalReason::WrongState, SEVERAL_BORROWERS, content));
        return;
    }
    let is_over = purpose == ConsentPurpose::Monitoring && facts.loan.is_some_and(Loan::is_over);
    if let Some(refused) = apps.iter().find(|app| is_over || !allowed(app, purpose, &vua)) {
        let detail = format!(
            "application {} is {} with consent {}: no new consent now",
            refused.loan_application_id,
            refused.stage.name(),
            refused.consent(purpose).name()
        );
        let content = failed(None, purpose, &vua, command.aggregation_id.clone());
        d.answer(facts, Answer::refused(RefusalReason::WrongState, detail, content));
        return;
    }
    if let Some(standing) = same_for_all(apps, purpose, &vua) {
        d.answer(facts, Answer::ok(standing));
        return;
    }
    ask_for_handle(apps, (purpose, &vua), command, facts, d);
}

fn ask_for_handle(
    apps: &mut [Application],
    wanted: (ConsentPurpose, &str),
    command: &RequestConsent,
    facts: &Facts<'_>,
    d: &mut Decision,
) {
    let (purpose, vua) = wanted;
    let mut targets = Vec::new();
    for app in apps.iter_mut().filter(|app| !stands(app.consent(purpose), vua)) {
        let generation = app.next_generation();
        *app.consent_mut(purpose) = Consent::Requested { generation, vua: vua.to_owned() };
        app.aggregation_id.clone_from(&command.aggregation_id);
        targets.push((app.id, generation));
        d.event(app, format!("{purpose:?} consent requested"));
    }
    let aggregation_id = command.aggregation_id.clone();
    let ask = Ask::ConsentCreate {
        purpose,
        vua: vua.to_owned(),
        aggregation_id,
        aggregated: command.aggregated,
        lsp: command.lsp.clone(),
    };
    d.asks.push(NewAsk { ask, targets, exchange: facts.exchange, not_before: None });
}

fn purpose_by_stage(stage: &Stage) -> ConsentPurpose {
    match stage {
        Stage::OfferAccepted { .. }
        | Stage::OtpSent { .. }
        | Stage::Agreed { .. }
        | Stage::Granting { .. }
        | Stage::Granted { .. } => ConsentPurpose::Monitoring,
        Stage::Received { .. }
        | Stage::Processing
        | Stage::Underwriting { .. }
        | Stage::Offered { .. }
        | Stage::Rejected { .. }
        | Stage::ActionRequired { .. }
        | Stage::Expired { .. } => ConsentPurpose::Data,
    }
}

/// The address as sent, else one that is known from a consent of the same purpose, else of the other one.
fn vua(apps: &[Application], command: &RequestConsent, purpose: ConsentPurpose) -> Option<String> {
    let other = match purpose {
        ConsentPurpose::Data => ConsentPurpose::Monitoring,
        ConsentPurpose::Monitoring => ConsentPurpose::Data,
    };
    let known = |purpose| apps.iter().find_map(|app| app.consent(purpose).vua()).map(str::to_owned);
    command.vua.clone().or_else(|| known(purpose)).or_else(|| known(other))
}

/// Whether the account aggregator can be told whose consent is asked for (`ocen-v3.md` appendix A, step 7).
#[must_use]
pub fn knows_vua<'a>(mut apps: impl Iterator<Item = &'a Application>, command: &RequestConsent) -> bool {
    let purposes = [ConsentPurpose::Data, ConsentPurpose::Monitoring];
    command.vua.is_some() || apps.any(|app| purposes.iter().any(|purpose| app.consent(*purpose).vua().is_some()))
}

fn allowed(app: &Application, purpose: ConsentPurpose, vua: &str) -> bool {
    let by_stage = match (&app.stage, purpose) {
        (
            Stage::Received { .. } | Stage::Processing | Stage::Underwriting { .. } | Stage::ActionRequired { .. },
            ConsentPurpose::Data,
        )
        | (
            Stage::OfferAccepted { .. }
            | Stage::OtpSent { .. }
            | Stage::Agreed { .. }
            | Stage::Granting { .. }
            | Stage::Granted { .. },
            ConsentPurpose::Monitoring,
        ) => true,
        (stage, _) => {
            stands(app.consent(purpose), vua) && !matches!(stage, Stage::Rejected { .. } | Stage::Expired { .. })
        }
    };
    let other_vua = matches!(app.consent(purpose), Consent::Ready { vua: given, .. } if given != vua);
    by_stage && !other_vua
}

/// A consent that the request need not ask for again (row 11).
fn stands(consent: &Consent, vua: &str) -> bool {
    match consent {
        Consent::Pending { vua: given, .. } | Consent::Ready { vua: given, .. } => given == vua,
        Consent::None | Consent::Requested { .. } | Consent::Failed { .. } => false,
    }
}

fn same_for_all(apps: &[Application], purpose: ConsentPurpose, vua: &str) -> Option<Content> {
    let first = apps.first()?;
    apps.iter().all(|app| stands(app.consent(purpose), vua)).then(|| content(first, purpose))
}

/// Rows 12 and 13: the account aggregator gave a handle, or did not.
pub fn created(
    apps: &mut [(Application, Generation)],
    asked: (ConsentPurpose, &str),
    outcome: &Outcome,
    facts: &Facts<'_>,
    d: &mut Decision,
) {
    let (purpose, vua) = asked;
    let handle = match outcome {
        Outcome::Done { finding: Finding::ConsentCreated { handle } } => Some(handle.clone()),
        _ => None,
    };
    let mut last = None;
    for (app, generation) in apps.iter_mut() {
        let current = *generation;
        if !matches!(app.consent(purpose), Consent::Requested { generation, .. } if *generation == current) {
            continue;
        }
        *app.consent_mut(purpose) = match &handle {
            Some(handle) => Consent::Pending { handle: handle.clone(), vua: vua.to_owned() },
            None => Consent::Failed { handle: None, vua: vua.to_owned() },
        };
        d.event(app, format!("{purpose:?} consent {}", app.consent(purpose).name()));
        last = Some(content(app, purpose));
    }
    let answer = match (last, handle) {
        (Some(content), Some(_)) => Answer::ok(content),
        (Some(content), None) => {
            Answer::refused(RefusalReason::SourceUnavailable, "the account aggregator gave no handle", content)
        }
        (None, _) => {
            let content = failed(None, purpose, vua, None);
            Answer::refused(RefusalReason::WrongState, "replaced by a later consent request", content)
        }
    };
    d.answer(facts, answer);
}

/// Rows 14 and 18: the account aggregator is asked, unless the consent has failed already.
pub fn status(apps: &[Application], facts: &Facts<'_>, handle: &str, d: &mut Decision) {
    let named = apps.iter().find_map(|app| purpose_of(app, handle).map(|purpose| (app, purpose)));
    let Some((app, purpose)) = named else {
        let content = failed(Some(handle.to_owned()), ConsentPurpose::Data, "", None);
        d.answer(facts, Answer::refused(RefusalReason::WrongState, "the consent was replaced by a later one", content));
        return;
    };
    if matches!(app.consent(purpose), Consent::Failed { .. }) {
        d.answer(facts, Answer::ok(content(app, purpose)));
        return;
    }
    let targets =
        apps.iter().filter(|app| purpose_of(app, handle).is_some()).map(|app| (app.id, app.generation)).collect();
    let ask = Ask::ConsentStatus { purpose, handle: handle.to_owned() };
    d.asks.push(NewAsk { ask, targets, exchange: facts.exchange, not_before: None });
}

fn purpose_of(app: &Application, handle: &str) -> Option<ConsentPurpose> {
    [ConsentPurpose::Data, ConsentPurpose::Monitoring]
        .into_iter()
        .find(|purpose| app.consent(*purpose).handle() == Some(handle))
}

/// Rows 15 to 17: what the account aggregator says; the handle, not a generation, tells whether it still counts.
pub fn told(
    apps: &mut [(Application, Generation)],
    asked: (ConsentPurpose, &str),
    outcome: &Outcome,
    facts: &Facts<'_>,
    d: &mut Decision,
) {
    let (purpose, handle) = asked;
    let mut last = None;
    for (app, _) in apps.iter_mut() {
        let (Consent::Pending { handle: current, vua } | Consent::Ready { handle: current, vua, .. }) =
            app.consent(purpose).clone()
        else {
            continue;
        };
        if current != handle {
            continue;
        }
        if let Some(next) = next_consent(outcome, handle, vua) {
            if next.name() != app.consent(purpose).name() {
                d.event(app, format!("{purpose:?} consent {}", next.name()));
            }
            if let Consent::Ready { data_life_ends: Some(end), .. } = &next
                && next != *app.consent(purpose)
            {
                d.timer(Timer::DataLife { purpose, handle: handle.to_owned() }, app, *end);
            }
            *app.consent_mut(purpose) = next;
        }
        last = Some(content(app, purpose));
    }
    let content = last.unwrap_or_else(|| failed(Some(handle.to_owned()), purpose, "", None));
    let answer = match outcome {
        Outcome::Done { .. } | Outcome::Pending { .. } => Answer::ok(content),
        Outcome::Refused { .. } | Outcome::Unknown { .. } => {
            Answer::refused(RefusalReason::SourceUnavailable, "the account aggregator did not answer", content)
        }
    };
    d.answer(facts, answer);
}

fn next_consent(outcome: &Outcome, handle: &str, vua: String) -> Option<Consent> {
    match outcome {
        Outcome::Done { finding: Finding::ConsentReady { consent_id, data_life_ends } } => Some(Consent::Ready {
            handle: handle.to_owned(),
            vua,
            consent_id: consent_id.clone(),
            data_life_ends: *data_life_ends,
        }),
        Outcome::Done { finding: Finding::ConsentFailed } => {
            Some(Consent::Failed { handle: Some(handle.to_owned()), vua })
        }
        _ => None,
    }
}

/// Row L14: the loan is over, so nothing is monitored any more.
pub fn loan_ended(app: &mut Application, d: &mut Decision) {
    match app.monitoring_consent.clone() {
        Consent::Pending { handle, .. } | Consent::Ready { handle, .. } => {
            d.ask_aside(Ask::ConsentRevoke { purpose: ConsentPurpose::Monitoring, handle }, app, app.generation);
        }
        Consent::Requested { vua, .. } => app.monitoring_consent = Consent::Failed { handle: None, vua },
        Consent::None | Consent::Failed { .. } => {}
    }
}

/// The account aggregator revoked a consent, or did not. A later consent stays untouched.
pub fn revoked(app: &mut Application, (purpose, handle): (ConsentPurpose, &str), outcome: &Outcome, d: &mut Decision) {
    let (Consent::Pending { handle: current, vua } | Consent::Ready { handle: current, vua, .. }) =
        app.consent(purpose).clone()
    else {
        return;
    };
    if current != handle {
        return;
    }
    match outcome {
        Outcome::Done { .. } => {
            *app.consent_mut(purpose) = Consent::Failed { handle: Some(current), vua };
            d.event(app, format!("{purpose:?} consent revoked"));
        }
        Outcome::Refused { code, .. } => {
            let why = if is_code(code) { format!(": {code}") } else { String::new() };
            d.event(app, format!("{purpose:?} consent could not be revoked{why}"));
        }
        Outcome::Pending { .. } | Outcome::Unknown { .. } => {}
    }
}

/// The data life of a consent has ended: it is used up like one that was revoked, and what came with it is forgotten.
/// A later consent stays untouched.
pub fn data_life_ended(app: &mut Application, (purpose, handle): (ConsentPurpose, &str), d: &mut Decision) {
    if !matches!(app.consent(purpose), Consent::Ready { handle: current, .. } if current == handle) {
        return;
    }
    *app.consent_mut(purpose) = Consent::Failed { handle: Some(handle.to_owned()), vua: ERASED.to_owned() };
    d.event(app, format!("{purpose:?} consent's data life ended"));
    d.effects.push(Effect::ForgetData(app.id));
}

/// The application is another borrower's from now on: nothing that the first one consented to, or may still consent to,
/// is this one's. The handles are let go and not revoked, because they may serve other applications of the first one.
pub fn lose(app: &mut Application, d: &mut Decision) {
    for purpose in [ConsentPurpose::Data, ConsentPurpose::Monitoring] {
        if std::mem::take(app.consent_mut(purpose)) != Consent::None {
            d.event(app, format!("{purpose:?} consent lost: the borrower is another one"));
        }
    }
    app.aggregation_id = None;
}

fn content(app: &Application, purpose: ConsentPurpose) -> Content {
    let consent = app.consent(purpose);
    let (status, vua) = match consent {
        Consent::None => (ConsentStatus::Failed, None),
        Consent::Requested { vua, .. } | Consent::Pending { vua, .. } => (ConsentStatus::Pending, Some(vua.clone())),
        Consent::Ready { vua, .. } => (ConsentStatus::Ready, Some(vua.clone())),
        Consent::Failed { vua, .. } => (ConsentStatus::Failed, Some(vua.clone())),
    };
    Content::Consent(ConsentContent {
        handle: consent.handle().map(str::to_owned),
        status,
        purpose: Some(purpose),
        vua,
        aggregation_id: app.aggregation_id.clone(),
    })
}

fn failed(handle: Option<String>, purpose: ConsentPurpose, vua: &str, aggregation_id: Option<String>) -> Content {
    let vua = (!vua.is_empty()).then(|| vua.to_owned());
    Content::Consent(ConsentContent {
        handle,
        status: ConsentStatus::Failed,
        purpose: Some(purpose),
        vua,
        aggregation_id,
    })
}
