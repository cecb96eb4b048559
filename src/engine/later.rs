//! Answers of the lender's systems that come by themselves, signed, after they said `pending`.
//!
//! Each question has an address of its own: its id and a tag over it, made with a key that only we have. What comes
//! there is applied like the answer to a poll, under a lease that takes the question from whoever asks it just then.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use super::{Refused, fire, outcome};
use crate::app::App;
use crate::domain::application::ask::{Ask, Finding, NewAsk, Outcome};
use crate::domain::application::facets::Generation;
use crate::domain::ids::ApplicationId;
use crate::lender::later_outcome;
pub use crate::lender::webhook::{self as header, SignatureError, Signed};
use crate::seal::Sealer;
use crate::store::ask::Detail;
use crate::store::{StoreError, ask_desk};

/// Bytes of the tag in a token.
const TAG: usize = 16;

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// It counts.
    Applied,
    /// It does not end the question, which is asked again later.
    Noted,
    /// The question has its outcome already; nothing changed.
    Stale,
}

/// Why an answer is not taken.
#[derive(Debug, thiserror::Error)]
pub enum LaterError {
    /// No question has this address.
    #[error("there is no such question")]
    NoSuch,
    /// It is not proven to be the port's.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// It is no outcome, or none of this question. Says why and repeats nothing of it.
    #[error("{0}")]
    NoAnswer(String),
    /// It could not be applied; it may come again.
    #[error(transparent)]
    Failed(#[from] Refused),
}

impl From<StoreError> for LaterError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<sqlx::Error> for LaterError {
    fn from(error: sqlx::Error) -> Self {
        StoreError::Database(error).into()
    }
}

/// Where the outcome of a question may be posted; none when the lender's systems cannot reach us.
pub(super) fn url(app: &App, ask: Uuid) -> Option<String> {
    let base = app.config.ports_url.as_ref()?;
    Some(format!("{base}/ports/v1/callbacks/{}", token(&app.sealer, ask)))
}

fn token(sealer: &Sealer, ask: Uuid) -> String {
    let mut bytes = ask.as_bytes().to_vec();
    bytes.extend(tag(sealer, ask.as_bytes()));
    URL_SAFE_NO_PAD.encode(bytes)
}

fn tag(sealer: &Sealer, id: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &sealer.derive("port callback"));
    hmac::sign(&key, id).as_ref().iter().take(TAG).copied().collect()
}

/// The question of a token; none when the token was not made by us.
fn ask_of(sealer: &Sealer, token: &str) -> Option<Uuid> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (id, shown) = bytes.split_first_chunk::<16>()?;
    verify_slices_are_equal(shown, &tag(sealer, id)).ok()?;
    Some(Uuid::from_bytes(*id))
}

/// What a system may tell of a question that has its outcome already: a mandate is cancelled long after it was
/// authorised, and money may have moved that was given up.
fn is_news(ask: &Ask, outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Done { finding: Finding::MandateInactive } => matches!(ask, Ask::MandateStatus { .. }),
        Outcome::Done { finding: Finding::Collected { .. } | Finding::Paid { .. } } => true,
        _ => false,
    }
}

/// A simulated system tells by itself that the mandate of an application is not valid any more.
///
/// # Errors
/// When nothing could be stored.
pub async fn mandate_cancelled(
    app: &App,
    application: ApplicationId,
    (plan, reference): (&str, &str),
) -> Result<(), Refused> {
    let ask = Ask::MandateStatus { plan: plan.into(), reference: reference.to_owned(), again: true };
    let new = NewAsk { ask, targets: vec![(application, Generation::MIN)], exchange: None, not_before: None };
    outcome::news(app, Uuid::nil(), &new, &Outcome::Done { finding: Finding::MandateInactive }).await?;
    app.wake.notify_asks();
    app.wake.notify_callbacks();
    Ok(())
}

/// Takes an answer in.
///
/// # Errors
/// [`LaterError`]; nothing is applied then.
pub async fn receive(app: &App, token: &str, headers: Signed<'_>, body: &[u8]) -> Result<Received, LaterError> {
    let id = ask_of(&app.sealer, token).ok_or(LaterError::NoSuch)?;
    let mut conn = app.pool.acquire().await?;
    let detail = ask_desk::detail(&mut conn, &app.sealer, id).await?;
    let Some(Detail::Ask(new)) = detail else {
        return Err(LaterError::NoSuch);
    };
    app.ports.keys(new.ask.port()).ok_or(LaterError::NoSuch)?.verify(headers, body, app.clock.wall())?;
    let told = later_outcome(&new.ask, body).map_err(LaterError::NoAnswer)?;
    let taken = ask_desk::take_over(&mut conn, &app.sealer, id, app.ids.uuid()).await?;
    drop(conn);
    let Some(leased) = taken else {
        let applied = is_news(&new.ask, &told) && outcome::news(app, id, &new, &told).await?;
        if !applied {
            return Ok(Received::Stale);
        }
        app.wake.notify_asks();
        app.wake.notify_callbacks();
        return Ok(Received::Applied);
    };
    let step = fire::next_step(&leased, &new, Some(told), app.clock.now());
    let received = if matches!(step, fire::Step::Apply(..)) { Received::Applied } else { Received::Noted };
    if let Err(error) = fire::take(app, &leased, &new, step).await {
        fire::retry_soon(app, &leased).await;
        return Err(error.into());
    }
    app.wake.notify_asks();
    app.wake.notify_callbacks();
    Ok(received)
}
