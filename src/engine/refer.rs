//! Decisions that the `decision` port leaves to people: queued instead of applied, claimed by one person, proposed, and
//! released by another. The released verdict is applied as the question's outcome in the transaction that releases it.

use chrono::Duration;
use sqlx::{Acquire as _, PgConnection, Postgres, Transaction};
use uuid::Uuid;

use super::facts::Gathered;
use super::operate::ActError;
use super::{Refused, save};
use crate::app::App;
use crate::domain::application::ask::{Approval, Ask, Finding, NewAsk, Outcome};
use crate::domain::application::decide;
use crate::domain::application::referral::{self as rules, ReferralReason, Verdict};
use crate::domain::personal::same_person;
use crate::lender::http::ADAPTER_ERROR;
use crate::store::application::Locked;
use crate::store::ask::{Leased, Settlement};
use crate::store::audit::{Actor, Entry};
use crate::store::referral::{self, NewReferral, Proposal, Stored};
use crate::store::{application, ask};

/// Code of a referral because nobody answered for long.
const NO_ANSWER: &str = "NO_ANSWER";
/// Code of a referral because the lender's system approved what the product does not allow.
const BEYOND_PRODUCT: &str = "BEYOND_PRODUCT";

/// Why an outcome is a person's to decide instead of being applied: the port says so, or its adapter failed for good.
/// A borrower is never rejected because a machine broke (`lending.md` §5.2).
#[must_use]
pub fn reasons(ask: &Ask, outcome: &Outcome) -> Option<Vec<ReferralReason>> {
    if ask.port() != "decision" {
        return None;
    }
    let one = |code: &str, description: &str| {
        Some(vec![ReferralReason { code: code.to_owned(), description: description.to_owned() }])
    };
    match (ask, outcome) {
        (_, Outcome::Done { finding: Finding::Refer { reasons } }) => Some(reasons.clone()),
        (_, Outcome::Refused { code, detail }) if code == ADAPTER_ERROR => one(ADAPTER_ERROR, detail),
        // Of the other two questions the LSP is told that the source is away, and may ask again.
        (Ask::Eligibility, Outcome::Unknown { .. }) => one(NO_ANSWER, "the decision system did not answer"),
        _ => None,
    }
}

/// Why what the lender's system approved is a person's to decide: the product does not allow it. The built-in rules
/// approve within the product.
///
/// # Errors
/// When the database fails.
pub async fn beyond_product(
    app: &App,
    new: &NewAsk,
    outcome: &Outcome,
) -> Result<Option<Vec<ReferralReason>>, Refused> {
    let (Outcome::Done { finding: Finding::Approve { offers } }, [(id, _)]) = (outcome, new.targets.as_slice()) else {
        return Ok(None);
    };
    if app.ports.keys(new.ask.port()).is_none() {
        return Ok(None);
    }
    let read = application::read(&mut *app.pool.acquire().await?, &app.sealer, &[*id]).await?;
    let product = read.first().and_then(|application| application.product.as_deref());
    let product = product.and_then(|id| app.config.products.get(id, app.clock.today()));
    let words = product.and_then(|product| rules::within(offers, product).err());
    Ok(words.map(|description| vec![ReferralReason { code: BEYOND_PRODUCT.to_owned(), description }]))
}

/// Queues a question for a person. Who waits for its answer goes on waiting.
///
/// # Errors
/// When the lease was lost or nothing could be stored.
pub async fn queue(app: &App, leased: &Leased, new: &NewAsk, reasons: &[ReferralReason]) -> Result<(), Refused> {
    let now = app.clock.now();
    let mut tx = app.pool.begin().await?;
    ask::settle(&mut tx, leased, Settlement::Referred, now).await?;
    let Some((id, generation)) = new.targets.first().copied() else {
        return Err(Refused::Internal("a question about no application was referred".to_owned()));
    };
    let locked = application::lock(&mut tx, &app.sealer, &[id]).await?;
    let current = locked.first().filter(|found| rules::is_current(&found.application, &new.ask, generation));
    if let Some(found) = current {
        let referral_id = app.ids.uuid();
        let queued = NewReferral {
            ask_id: leased.id,
            org_id: found.application.org_id.as_str(),
            application: id,
            exchange: new.exchange,
            question: new.ask.method(),
            generation,
            reasons,
        };
        referral::insert(&mut tx, &app.sealer, referral_id, queued, now).await?;
        let codes: Vec<&str> = reasons.iter().map(|reason| reason.code.as_str()).collect();
        let event = format!("{} left to a person: {}", new.ask.method(), codes.join(", "));
        application::add_events(&mut tx, &[(id, event)], now).await?;
        tracing::info!(decision.id = %referral_id, question = new.ask.method(), ?codes, "a decision waits for a person");
    } else {
        ask::close_referred(&mut tx, leased.id, "stale", now).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Claims a decision for one person; claiming one's own again prolongs the claim.
///
/// # Errors
/// [`ActError`]; refused while somebody else's claim lasts.
pub async fn claim(app: &App, id: Uuid, (by, actor): (&str, &Actor)) -> Result<Stored, ActError> {
    let mut tx = app.pool.begin().await?;
    let stored = open(app, &mut tx, id, "WAITING").await?;
    let (mut tx, ..) = current(app, tx, &stored).await?;
    if let Some(other) = holder(app, &stored).filter(|who| !same_person(who, by)) {
        return Err(ActError::Refused(format!("{other} has claimed it")));
    }
    let now = app.clock.now();
    let until = now + Duration::minutes(app.config.limits.decision_claim_minutes);
    referral::set_claim(&mut tx, id, Some((by, until))).await?;
    referral::note(&mut tx, &app.sealer, id, ("CLAIMED", Some(by), None), now).await?;
    audited(actor, "DECISION_CLAIMED", &stored, by).append(&mut tx, app.clock.wall()).await?;
    tx.commit().await?;
    Ok(Stored { claimed_by: Some(by.to_owned()), claimed_until: Some(until), ..stored })
}

/// Gives a claim up.
///
/// # Errors
/// [`ActError`]; refused when it is somebody else's.
pub async fn unclaim(app: &App, id: Uuid, (by, actor): (&str, &Actor)) -> Result<Stored, ActError> {
    let mut tx = app.pool.begin().await?;
    let stored = open(app, &mut tx, id, "WAITING").await?;
    claimed_by(app, &stored, by)?;
    referral::set_claim(&mut tx, id, None).await?;
    referral::note(&mut tx, &app.sealer, id, ("UNCLAIMED", Some(by), None), app.clock.now()).await?;
    audited(actor, "DECISION_UNCLAIMED", &stored, by).append(&mut tx, app.clock.wall()).await?;
    tx.commit().await?;
    Ok(Stored { claimed_by: None, claimed_until: None, ..stored })
}

/// Proposes a verdict on a decision that the maker has claimed. One that could not be carried out now is refused.
///
/// # Errors
/// [`ActError`].
pub async fn propose(
    app: &App,
    id: Uuid,
    (maker, actor): (&str, &Actor),
    proposal: Proposal,
) -> Result<Stored, ActError> {
    let mut tx = app.pool.begin().await?;
    let stored = open(app, &mut tx, id, "WAITING").await?;
    let (mut tx, locked, ask) = current(app, tx, &stored).await?;
    claimed_by(app, &stored, maker)?;
    let proposal = complete(proposal, &ask, &locked);
    // A trial: all of it but the commit.
    let mut trial = tx.begin().await?;
    perform(app, &mut trial, &stored, (&locked, &ask), &proposal.verdict).await?;
    trial.rollback().await?;
    let now = app.clock.now();
    referral::propose(&mut tx, &app.sealer, id, (&proposal, maker), now).await?;
    referral::note(&mut tx, &app.sealer, id, ("PROPOSED", Some(maker), Some(&proposal)), now).await?;
    audited(actor, "DECISION_PROPOSED", &stored, maker)
        .because(&proposal.reason)
        .append(&mut tx, app.clock.wall())
        .await?;
    tx.commit().await?;
    Ok(Stored {
        state: "PROPOSED".to_owned(),
        claimed_by: None,
        claimed_until: None,
        proposal: Some(proposal),
        maker: Some(maker.to_owned()),
        proposed_at: Some(now),
        ..stored
    })
}

/// Releases a proposed verdict: it is the question's outcome now, or it is refused and stays proposed.
///
/// # Errors
/// [`ActError`]; when the application has gone on meanwhile, nothing is changed but that the decision is stale.
pub async fn release(app: &App, id: Uuid, (checker, actor): (&str, &Actor)) -> Result<Stored, ActError> {
    let mut tx = app.pool.begin().await?;
    let stored = open(app, &mut tx, id, "PROPOSED").await?;
    by_another(&stored, checker)?;
    let (mut tx, locked, ask) = current(app, tx, &stored).await?;
    let proposal = stored.proposal.clone().ok_or(ActError::Unknown("proposal"))?;
    let (state, word) = match proposal.verdict {
        Verdict::Approve { .. } => ("APPROVED", "approved"),
        Verdict::Reject { .. } => ("REJECTED", "rejected"),
    };
    let now = app.clock.now();
    application::add_events(&mut tx, &[(stored.application, format!("{} {word} by hand", stored.question))], now)
        .await?;
    perform(app, &mut tx, &stored, (&locked, &ask), &proposal.verdict).await?;
    ask::close_referred(&mut tx, stored.ask_id, "decided by hand", now).await?;
    referral::end(&mut tx, id, (state, Some(checker)), now).await?;
    referral::note(&mut tx, &app.sealer, id, ("RELEASED", Some(checker), None), now).await?;
    audited(actor, "DECISION_RELEASED", &stored, checker).append(&mut tx, app.clock.wall()).await?;
    tx.commit().await?;
    app.wake.notify_asks();
    app.wake.notify_callbacks();
    Ok(Stored { state: state.to_owned(), checker: Some(checker.to_owned()), decided_at: Some(now), ..stored })
}

/// Hands a proposed verdict back: the decision waits again, for anybody, with the checker's words beside the verdict.
///
/// # Errors
/// [`ActError`].
pub async fn hand_back(
    app: &App,
    id: Uuid,
    (checker, actor): (&str, &Actor),
    reason: &str,
) -> Result<Stored, ActError> {
    let mut tx = app.pool.begin().await?;
    let stored = open(app, &mut tx, id, "PROPOSED").await?;
    by_another(&stored, checker)?;
    referral::hand_back(&mut tx, id).await?;
    let returned = stored.proposal.clone().map(|proposal| Proposal { reason: reason.to_owned(), ..proposal });
    referral::note(&mut tx, &app.sealer, id, ("RETURNED", Some(checker), returned.as_ref()), app.clock.now()).await?;
    audited(actor, "DECISION_RETURNED", &stored, checker).because(reason).append(&mut tx, app.clock.wall()).await?;
    tx.commit().await?;
    Ok(Stored { state: "WAITING".to_owned(), proposal: None, maker: None, proposed_at: None, ..stored })
}

/// The entry of the audit log: the operator as authenticated, and the name that was given.
fn audited(actor: &Actor, action: &'static str, decision: &Stored, name: &str) -> Entry {
    let entry = Entry::by(actor, action).about("decisionId", decision.id).about("by", name);
    entry.about("applicationId", decision.application.0).about("question", &decision.question)
}

/// A decision in the state in which something may be done with it, locked.
async fn open(app: &App, conn: &mut PgConnection, id: Uuid, state: &str) -> Result<Stored, ActError> {
    let stored = referral::lock(conn, &app.sealer, id).await?.ok_or(ActError::Unknown("decision"))?;
    if stored.state != state {
        return Err(ActError::Refused(format!("the decision is {}, not {state}", stored.state)));
    }
    Ok(stored)
}

/// The application, locked, which still waits for this decision. When it does not, the decision is noted as stale and
/// nothing else is changed.
async fn current<'t>(
    app: &App,
    mut tx: Transaction<'t, Postgres>,
    stored: &Stored,
) -> Result<(Transaction<'t, Postgres>, Vec<Locked>, Ask), ActError> {
    let ask = rules::question(&stored.question).ok_or(ActError::Unknown("question"))?;
    let locked = application::lock(&mut tx, &app.sealer, &[stored.application]).await?;
    let found = locked.first().ok_or(ActError::Unknown("application"))?;
    if rules::is_current(&found.application, &ask, stored.generation) {
        return Ok((tx, locked, ask));
    }
    let stage = found.application.stage.name();
    let now = app.clock.now();
    ask::close_referred(&mut tx, stored.ask_id, "stale", now).await?;
    referral::end(&mut tx, stored.id, ("STALE", None), now).await?;
    referral::note(&mut tx, &app.sealer, stored.id, ("STALE", None, None), now).await?;
    tx.commit().await?;
    Err(ActError::Refused(format!(
        "the decision is STALE: the application went on without it and is {stage}; nothing was changed"
    )))
}

/// Applies a verdict within a transaction, as the outcome of the question that was referred.
async fn perform(
    app: &App,
    conn: &mut PgConnection,
    stored: &Stored,
    (locked, ask): (&[Locked], &Ask),
    verdict: &Verdict,
) -> Result<(), ActError> {
    let found = locked.first().ok_or(ActError::Unknown("application"))?;
    let product = found.application.product.as_deref();
    let product = product.and_then(|id| app.config.products.get(id, app.clock.today()));
    let outcome = verdict.outcome(ask, product).map_err(ActError::Refused)?;
    let gathered = Gathered::for_outcome(app, conn, locked, (ask, &outcome)).await?;
    let subject = vec![(found.application.clone(), stored.generation)];
    let decided = decide::apply(subject, ask, &outcome, &gathered.facts(app, stored.exchange));
    let after = decided.applications.first().ok_or(ActError::Unknown("application"))?;
    verdict.holds(after).map_err(ActError::Refused)?;
    let before = save::Before { applications: locked, loan: gathered.loan.as_ref() };
    save::decision(app, conn, before, decided, save::Cause::Background(stored.exchange)).await?;
    Ok(())
}

/// Offers that nobody spelt out are those that were asked for, on the product's own terms.
fn complete(proposal: Proposal, ask: &Ask, locked: &[Locked]) -> Proposal {
    match (&proposal.verdict, locked.first()) {
        (Verdict::Approve { offers }, Some(found)) if offers.is_empty() && *ask == Ask::Offers => {
            let as_asked = Approval {
                amount: found.application.form.requested,
                installments: None,
                annual_rate: None,
                valid_days: None,
            };
            Proposal { verdict: Verdict::Approve { offers: vec![as_asked] }, ..proposal }
        }
        _ => proposal,
    }
}

/// Who has claimed it, as long as the claim lasts.
fn holder<'a>(app: &App, stored: &'a Stored) -> Option<&'a str> {
    let lasts = stored.claimed_until.is_some_and(|until| app.clock.now() < until);
    stored.claimed_by.as_deref().filter(|_| lasts)
}

fn claimed_by(app: &App, stored: &Stored, who: &str) -> Result<(), ActError> {
    match holder(app, stored) {
        Some(holder) if same_person(holder, who) => Ok(()),
        Some(other) => Err(ActError::Refused(format!("{other} has claimed it"))),
        None => Err(ActError::Refused(format!("{who} must claim it first"))),
    }
}

fn by_another(stored: &Stored, checker: &str) -> Result<(), ActError> {
    let own = stored.maker.as_deref().is_some_and(|maker| same_person(maker, checker));
    if own {
        Err(ActError::Refused("a decision is released by another person than its maker".to_owned()))
    } else {
        Ok(())
    }
}
