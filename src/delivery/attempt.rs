//! One attempt at one callback: open, stamp, sign, post, judge. Writes nothing; [`super::settle`] does.

use std::time::Instant;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::client::{Answer, Client, Message};
use super::rehearsal;
use super::schedule;
use super::stamp::{self, Stamp};
use super::verdict::{Ack, Verdict, judge};
use crate::app::{App, Fault, Spoilt};
use crate::domain::ids::OrgId;
use crate::jose::{Incoming, OCEN_V3_ALGORITHMS, VerifyingKey};
use crate::store::outbox::{answer_context, body_context};
use crate::store::stream::{Fate, Head, Sent, Settlement};
use crate::telemetry::trace::Span;

/// How much of an answer is kept, in bytes.
const KEPT: usize = 8 * 1024;
/// How often a callback comes that the sandbox doubles.
const COPIES: u32 = 3;

/// Tries the head of a leased stream once and says what is to be recorded.
pub async fn attempt(app: &App, client: &Client, head: &Head, (lease_id, span): (Uuid, Span)) -> Settlement {
    let started_at = app.clock.now();
    let begun = Instant::now();
    let spoilt = rehearsal::spoil(app, head).await;
    let mut sent = None;
    let result = match prepare(app, head, &spoilt).await {
        Ok((body, stamped)) => {
            sent = Some(stamped);
            let manner = rehearsal::manner(&spoilt, head.signed && head.has_key);
            let message = Message { body, traceparent: span.traceparent(), manner };
            post(client, head, message, &spoilt).await
        }
        Err(reason) => Err(reason),
    };
    let verdict = match &result {
        Ok(answer) => judge_answer(app, head, answer).await,
        Err(reason) if spoilt.has(Fault::Drop) => Verdict::Park(reason.clone()),
        Err(reason) => Verdict::Retry(reason.clone()),
    };
    let answer = result.ok();
    let attempt = head.attempts.saturating_add(1);
    Settlement {
        stream_id: head.stream_id,
        lease_id,
        callback_id: head.callback_id,
        attempt,
        started_at,
        sent,
        duration_ms: i32::try_from(begun.elapsed().as_millis()).unwrap_or(i32::MAX),
        status: answer.as_ref().map(|answer| i32::from(answer.status)),
        error: match &verdict {
            Verdict::Delivered => None,
            Verdict::Retry(reason) | Verdict::Park(reason) => Some(reason.clone()),
        },
        fate: fate(head, verdict, asked_wait(answer.as_ref(), app.clock.wall()), app.clock.now()),
        sealed_answer: answer.and_then(|answer| seal_answer(app, head.callback_id, attempt, &answer.body)),
    }
}

/// Posts once; never what the sandbox drops, and three times what it duplicates.
async fn post(client: &Client, head: &Head, message: Message, spoilt: &Spoilt) -> Result<Answer, String> {
    if spoilt.has(Fault::Drop) {
        return Err("dropped on purpose by the sandbox".to_owned());
    }
    let send = || client.post(&head.org_id, &head.callback_base_url, &head.path, message.clone());
    if spoilt.has(Fault::Duplicate) {
        for _ in 1..COPIES {
            send().await.map_err(|e| e.to_string())?;
        }
    }
    send().await.map_err(|e| e.to_string())
}

fn asked_wait(answer: Option<&Answer>, wall: DateTime<Utc>) -> Option<TimeDelta> {
    schedule::retry_after(answer?.retry_after.as_deref()?, wall)
}

fn fate(head: &Head, verdict: Verdict, asked: Option<TimeDelta>, now: DateTime<Utc>) -> Fate {
    let failures = head.attempts.saturating_add(1);
    match verdict {
        Verdict::Delivered => Fate::Delivered { at: now },
        Verdict::Park(reason) => Fate::Parked { reason },
        Verdict::Retry(reason) => match schedule::wait(head.callback_id, failures, asked) {
            None => Fate::Parked { reason: format!("given up after {failures} tries: {reason}") },
            Some(wait) => Fate::Retry { due_at: now + wait, first_failed_at: head.first_failed_at.unwrap_or(now) },
        },
    }
}

/// The bytes to post, and what of them the frozen body does not tell. A reason why there are none is a fault of ours, so that the callback waits for its repair.
async fn prepare(app: &App, head: &Head, spoilt: &Spoilt) -> Result<(Bytes, Sent), String> {
    let context = body_context(head.callback_id);
    let payload = app.open(&context, &head.sealed_body).await.map_err(|e| e.to_string())?;
    let payload = rehearsal::payload(spoilt, String::from_utf8(payload).map_err(|e| e.to_string())?);
    let stamp = Stamp {
        version: &head.version,
        lender: &app.config.lender.org_id,
        trace_id: &head.trace_id,
        // LSPs check it against their own watch.
        now: app.clock.wall(),
    };
    let message = stamp.onto(&payload).map_err(|e| e.to_string())?;
    let member = stamp::header_member(head.settings.jws_header_member, head.protected_member);
    let signs = head.signed && head.has_key;
    let key = rehearsal::key(app, spoilt)?;
    let (sealed, signature) = stamp::seal(message, signs.then_some((&*key, member))).map_err(|e| e.to_string())?;
    Ok((rehearsal::message(spoilt, sealed), Sent { at: stamp.now, signature }))
}

async fn judge_answer(app: &App, head: &Head, answer: &Answer) -> Verdict {
    let ack = Ack::parse(&answer.body);
    // The key is looked up for a refusal only: a good ack counts without proof.
    let proven = match &ack {
        Some(Ack { error: Some(_), kid: Some(kid) }) => is_proven(app, head, kid, &answer.body).await,
        _ => false,
    };
    judge(answer.status, ack.as_ref(), proven)
}

async fn is_proven(app: &App, head: &Head, kid: &str, body: &[u8]) -> bool {
    let Ok(Incoming::Signed(jws)) = Incoming::parse(body, OCEN_V3_ALGORITHMS) else {
        return false;
    };
    let owner = OrgId(head.org_id.clone());
    app.key_owners(kid)
        .await
        .unwrap_or_default()
        .into_iter()
        .filter(|key| key.org_id == owner && key.revoked_at.is_none())
        .filter_map(|key| VerifyingKey::from_pem(&key.public_key_pem).ok())
        .any(|key| jws.verify(&key).is_ok())
}

fn seal_answer(app: &App, callback_id: Uuid, attempt: i32, body: &[u8]) -> Option<Vec<u8>> {
    let kept = body.get(..KEPT).unwrap_or(body);
    app.sealer
        .seal(&answer_context(callback_id, attempt), kept)
        .inspect_err(|error| tracing::error!(%error, %callback_id, "an LSP's answer was not kept"))
        .ok()
}
