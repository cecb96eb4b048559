//! The agreement and its signature by OTP (rows 38 to 43).

use chrono::{DateTime, Duration, Utc};

use super::answer::{Answer, Content, OtpContent, OtpStatus, RefusalReason};
use super::ask::{Ask, Finding, NewAsk, Outcome};
use super::decision::{Decision, Facts};
use super::facets::{Agreement, Deal, Generation};
use super::stage::{Acceptance, OtpSession, Stage};
use super::{Application, SEVERAL_BORROWERS, copies, of_one_borrower, restate};
use crate::domain::calendar::utc;
use crate::domain::rules;

/// Row 38: all applications of the request, or none, get one agreement each and one OTP together.
pub fn trigger(apps: &mut [Application], app_token: Option<String>, facts: &Facts<'_>, d: &mut Decision) {
    if let Some((reason, detail)) = refusal(apps, facts) {
        d.answer(facts, Answer::refused(reason, detail, no_session()));
        return;
    }
    let mut targets = Vec::new();
    for app in apps.iter_mut() {
        let generation = app.next_generation();
        app.otp_sent_at.retain(|at| *at > window_start(facts));
        app.otp_sent_at.push(facts.now);
        if let Some(deal) = app.stage.deal_mut() {
            deal.otp_generation = generation;
            if deal.agreement_to_sign().text().is_none() {
                *deal.agreement_to_sign_mut() = Agreement::Preparing { generation };
            }
        }
        targets.push((app.id, generation));
    }
    d.asks.push(NewAsk {
        ask: Ask::PrepareAgreement { app_token },
        targets,
        exchange: facts.exchange,
        not_before: None,
    });
}

fn refusal(apps: &mut [Application], facts: &Facts<'_>) -> Option<(RefusalReason, String)> {
    if !of_one_borrower(apps) {
        return Some((RefusalReason::WrongState, SEVERAL_BORROWERS.to_owned()));
    }
    if apps.len() > 1 && apps.iter().any(|app| restate::waiting(app).is_some()) {
        let detail = "a key facts statement that was issued anew is accepted on its own".to_owned();
        return Some((RefusalReason::WrongState, detail));
    }
    for app in apps.iter_mut() {
        if !to_be_signed(app) {
            let detail = format!("application {} is {}", app.loan_application_id, app.stage.name());
            return Some((RefusalReason::WrongState, detail));
        }
        if let Some(detail) = kfs_expired(app, facts) {
            return Some((RefusalReason::KfsExpired, detail));
        }
        if let Some(detail) = resend_refusal(app, facts) {
            return Some((RefusalReason::ResendLimit, detail));
        }
    }
    None
}

/// An accepted offer, or worse terms for a later payout, that the borrower may sign.
fn to_be_signed(app: &Application) -> bool {
    matches!(app.stage, Stage::OfferAccepted { .. } | Stage::OtpSent { .. }) || restate::waiting(app).is_some()
}

/// No agreement on terms that bind the lender no more (DL 8(i)); new ones may be asked for instead.
fn kfs_expired(app: &Application, facts: &Facts<'_>) -> Option<String> {
    let kfs = app.stage.deal()?.kfs_to_sign()?;
    let instead = if restate::waiting(app).is_some() { "trigger the payout again" } else { "ask for new offers" };
    (facts.now > kfs.valid_till).then(|| {
        let detail = format!("the key facts statement was valid until {}; {instead}", utc(kfs.valid_till));
        rules::DL_8_I.refusal(&detail)
    })
}

fn resend_refusal(app: &Application, facts: &Facts<'_>) -> Option<String> {
    let recent: Vec<_> = app.otp_sent_at.iter().filter(|at| **at > window_start(facts)).collect();
    if recent.len() >= facts.limits.otp_max_sends {
        return Some(format!(
            "{} OTPs were sent within {} minutes",
            recent.len(),
            facts.limits.otp_send_window_minutes
        ));
    }
    let gap = Duration::seconds(facts.limits.otp_send_gap_seconds);
    recent
        .last()
        .filter(|at| facts.now < ***at + gap)
        .map(|_| format!("the last OTP is less than {} seconds old", facts.limits.otp_send_gap_seconds))
}

/// Sends before this instant do not count against the limit any more.
fn window_start(facts: &Facts<'_>) -> DateTime<Utc> {
    facts.now - Duration::minutes(facts.limits.otp_send_window_minutes)
}

/// The agreements are ready: send the OTP that is bound to them.
pub fn prepared(
    apps: &mut [(Application, Generation)],
    app_token: Option<&String>,
    outcome: &Outcome,
    facts: &Facts<'_>,
    d: &mut Decision,
) {
    if apps.iter().any(|(app, generation)| !current(app, *generation)) {
        d.answer(facts, Answer::refused(RefusalReason::WrongState, REPLACED, no_session()));
        return;
    }
    let texts = match outcome {
        Outcome::Done { finding: Finding::Prepared { agreements } } if agreements.len() == apps.len() => agreements,
        _ => {
            for deal in apps.iter_mut().filter_map(|(app, _)| app.stage.deal_mut()) {
                if matches!(deal.agreement_to_sign(), Agreement::Preparing { .. }) {
                    *deal.agreement_to_sign_mut() = Agreement::None;
                }
            }
            let detail = "the agreement could not be prepared";
            d.answer(facts, Answer::refused(RefusalReason::AgreementFailed, detail, no_session()));
            return;
        }
    };
    for ((app, _), text) in apps.iter_mut().zip(texts) {
        if let Some(deal) = app.stage.deal_mut() {
            *deal.agreement_to_sign_mut() = Agreement::Prepared(text.clone());
        }
        d.event(app, "agreement prepared");
    }
    let ask = Ask::SendOtp {
        session_key: facts.fresh.session_key.clone(),
        document_hashes: apps.iter().filter_map(|(app, _)| app.stage.deal()).flat_map(Deal::document_hashes).collect(),
        app_token: app_token.cloned(),
    };
    let targets = apps.iter().map(|(app, generation)| (app.id, *generation)).collect();
    d.asks.push(NewAsk { ask, targets, exchange: facts.exchange, not_before: None });
}

const REPLACED: &str = "replaced by a later request";

/// Rows 38 and 39: the SMS left, or not. The new session replaces the old one.
pub fn sent(
    apps: &mut [(Application, Generation)],
    session_key: &str,
    outcome: &Outcome,
    facts: &Facts<'_>,
    d: &mut Decision,
) {
    if apps.iter().any(|(app, generation)| !current(app, *generation)) {
        d.answer(facts, Answer::refused(RefusalReason::WrongState, REPLACED, no_session()));
        return;
    }
    if !matches!(outcome, Outcome::Done { .. }) {
        d.answer(facts, Answer::refused(RefusalReason::SmsFailed, "the SMS could not be sent", no_session()));
        return;
    }
    let ends = apps.iter().filter_map(|(app, _)| app.stage.deal()?.kfs_to_sign()).map(|kfs| kfs.valid_till);
    // Nothing is signed after its key facts statement ran out.
    let expires_at = ends.fold(facts.now + facts.limits.otp_validity(), DateTime::min);
    let session = OtpSession { key: session_key.to_owned(), expires_at, wrong_tries: 0 };
    let mut phone = None;
    for (app, _) in apps.iter_mut() {
        phone = Some(masked_phone(app));
        if let Some(waiting) = restate::waiting_mut(app) {
            waiting.session = Some(session.clone());
        } else if let Some(deal) = app.stage.deal().cloned() {
            app.stage = Stage::OtpSent { deal: Box::new(deal), session: session.clone() };
        }
        d.event(app, "OTP sent");
    }
    d.answer(facts, Answer::ok(otp(Some(session.key), phone, OtpStatus::Success)));
}

/// Whether an application still waits for this very OTP.
fn current(app: &Application, generation: Generation) -> bool {
    to_be_signed(app) && app.stage.deal().is_some_and(|deal| deal.otp_generation == generation)
}

/// Rows 40 to 43: `apps` are all applications that the session was made for.
pub fn verify(apps: &mut [Application], session_key: &str, facts: &Facts<'_>, d: &mut Decision) {
    if already_signed(apps, session_key) {
        let status = if facts.otp_matches { OtpStatus::Success } else { OtpStatus::IncorrectOtp };
        d.answer(facts, Answer::ok(otp(Some(session_key.to_owned()), None, status)));
        return;
    }
    if apps.is_empty() || !apps.iter().all(|app| usable(app, session_key, facts)) {
        close_session(apps, session_key, d);
        let content = otp(Some(session_key.to_owned()), None, OtpStatus::InvalidSession);
        let detail = "the OTP session is unknown, expired, replaced or locked";
        d.answer(facts, Answer::refused(RefusalReason::OtpSession, detail, content));
        return;
    }
    let status = if facts.otp_matches { OtpStatus::Success } else { OtpStatus::IncorrectOtp };
    for app in apps.iter_mut() {
        if facts.otp_matches {
            sign(app, session_key, facts, d);
        } else {
            count_wrong_try(app, d);
        }
    }
    d.answer(facts, Answer::ok(otp(Some(session_key.to_owned()), None, status)));
}

fn already_signed(apps: &[Application], session_key: &str) -> bool {
    let signed = |app: &Application| {
        matches!(&app.stage, Stage::Agreed { acceptance, .. } | Stage::Granting { acceptance, .. }
            | Stage::Granted { acceptance, .. } if acceptance.session_key == session_key)
            && restate::waiting(app).is_none()
    };
    !apps.is_empty() && apps.iter().all(signed)
}

fn usable(app: &Application, session_key: &str, facts: &Facts<'_>) -> bool {
    session(app).is_some_and(|session| {
        session.key == session_key
            && facts.now <= session.expires_at
            && session.wrong_tries < facts.limits.otp_max_tries
    })
}

/// The session that may sign now.
fn session(app: &Application) -> Option<&OtpSession> {
    match &app.stage {
        Stage::OtpSent { session, .. } => Some(session),
        _ => restate::waiting(app)?.session.as_ref(),
    }
}

/// Row 42: applications whose current session this is go back to where they were before it.
fn close_session(apps: &mut [Application], session_key: &str, d: &mut Decision) {
    for app in apps.iter_mut() {
        if let Stage::OtpSent { deal, session } = &app.stage
            && session.key == session_key
        {
            app.stage = Stage::OfferAccepted { deal: deal.clone() };
            d.event(app, "OTP session ended unverified");
        } else if let Some(waiting) = restate::waiting_mut(app)
            && waiting.session.take_if(|session| session.key == session_key).is_some()
        {
            d.event(app, "OTP session ended unverified");
        }
    }
}

/// Row 40: the consent record is the session, the time, the hashes and the phone. Copies go to the borrower at once.
fn sign(app: &mut Application, session_key: &str, facts: &Facts<'_>, d: &mut Decision) {
    let Some(mut deal) = app.stage.deal().cloned() else {
        return;
    };
    let Some(text) = deal.agreement_to_sign().text().cloned() else {
        return;
    };
    let acceptance = Acceptance {
        session_key: session_key.to_owned(),
        at: facts.now,
        agreement_hash: text.hash.clone(),
        kfs_hash: deal.kfs_to_sign().map(|kfs| kfs.hash.clone()),
        masked_phone: masked_phone(app),
    };
    if restate::waiting(app).is_some() {
        restate::accept(app, acceptance);
    } else {
        deal.agreement = Agreement::Signed(text);
        app.stage = Stage::Agreed { deal: Box::new(Deal { others: Vec::new(), ..deal }), acceptance };
    }
    d.event(app, "agreement signed by OTP");
    copies::send(app, d);
}

/// A wrong OTP uses up a try (row 41).
fn count_wrong_try(app: &mut Application, d: &mut Decision) {
    let session = match &mut app.stage {
        Stage::OtpSent { session, .. } => Some(session),
        _ => restate::waiting_mut(app).and_then(|waiting| waiting.session.as_mut()),
    };
    if let Some(session) = session {
        session.wrong_tries = session.wrong_tries.saturating_add(1);
    }
    d.event(app, "wrong OTP");
}

/// The borrower's phone with all but the last three digits hidden (`maskedPhoneNumber`).
#[must_use]
pub fn masked_phone(app: &Application) -> String {
    let phone: Vec<char> = app.form.borrower.phone.as_deref().unwrap_or_default().chars().collect();
    let hidden = phone.len().saturating_sub(3);
    phone.iter().enumerate().map(|(i, c)| if i < hidden { 'X' } else { *c }).collect()
}

fn otp(session_key: Option<String>, masked_phone: Option<String>, status: OtpStatus) -> Content {
    Content::Otp(OtpContent { session_key, masked_phone, status })
}

fn no_session() -> Content {
    otp(None, None, OtpStatus::InvalidSession)
}
