//! Callbacks, spoilt on purpose.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::ExposeSecret as _;
use sqlx::PgConnection;
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::rules::{self, Facts};
use super::store;
use crate::app::{Direction, Fault, Spoilt};
use crate::jose::SigningKey;
use crate::sandbox::scenario::TestBench;
use crate::sandbox::scenario::store as script;
use crate::store::stream::Head;

/// How late callbacks of code 0901 are.
const LATE: TimeDelta = TimeDelta::seconds(60);
/// How long callbacks wait for others that are to leave before them.
const TOGETHER: TimeDelta = TimeDelta::seconds(10);
/// Marks of a callback that waits for others, and of one that was given its new place.
const WAITS: &str = "reorder";
const PLACED: &str = "reordered";

/// The key that is not ours; one for the process, because making it takes time.
static STRANGER: OnceCell<String> = OnceCell::const_new();

/// What a code does to callbacks.
fn of_code(code: &str) -> Option<Fault> {
    Some(match code {
        "0901" => Fault::Delay,
        "0902" => Fault::Duplicate,
        "0903" => Fault::Reorder,
        "0904" => Fault::Drop,
        "0905" => Fault::BrokenSignature,
        "0906" => Fault::ExtraFields,
        "0909" => Fault::RotatedKey,
        "0910" => Fault::ErrorResponse,
        _ => return None,
    })
}

/// A fault with what caused it.
struct Cause {
    fault: Fault,
    words: String,
    wait: TimeDelta,
}

impl TestBench {
    /// Holds back callbacks that are to be late or in another order; gives those that may leave.
    pub(in crate::sandbox) async fn hold_heads(
        &self,
        conn: &mut PgConnection,
        heads: Vec<Head>,
        now: DateTime<Utc>,
    ) -> sqlx::Result<Vec<Head>> {
        if store::is_quiet(conn).await? {
            return Ok(heads);
        }
        let ids: Vec<Uuid> = heads.iter().map(|head| head.callback_id).collect();
        let marks = store::held(conn, &ids).await?;
        let mut free = Vec::with_capacity(heads.len());
        for head in heads {
            let is = |mark: &str| marks.iter().any(|(id, fault)| *id == head.callback_id && fault == mark);
            let stays = if is(PLACED) || is(Fault::Delay.name()) {
                false
            } else if is(WAITS) {
                place(conn, &head, now).await?
            } else {
                head.attempts == 0 && hold(conn, &head, now).await?
            };
            if !stays {
                free.push(head);
            }
        }
        Ok(free)
    }

    /// What is done to an attempt at a callback; it is noted as injected.
    pub(in crate::sandbox) async fn spoil_attempt(
        &self,
        head: &Head,
        lender: &str,
        now: DateTime<Utc>,
    ) -> sqlx::Result<Spoilt> {
        let mut conn = self.pool.acquire().await?;
        if store::is_quiet(&mut conn).await? {
            return Ok(Spoilt::default());
        }
        // A key is rotated after something was signed with the first one: before that, nothing strikes and nothing counts.
        let rotates = store::earlier(&mut conn, head.callback_id, head.stream_id).await? > 0;
        let strikes = |fault| match fault {
            Fault::Delay | Fault::Reorder => false,
            Fault::RotatedKey => rotates,
            _ => true,
        };
        let found = causes(&mut conn, head, now, strikes).await?;
        let mut spoilt = Spoilt::default();
        for Cause { fault, words, .. } in found {
            if !spoilt.has(fault) {
                spoilt.faults.push(fault);
                let place = (head.callback_id, head.attempts.saturating_add(1));
                store::note(&mut conn, place, (&[fault.name()], &words), now).await?;
            }
        }
        drop(conn);
        spoilt.key = key(&spoilt, lender).await;
        Ok(spoilt)
    }
}

/// The key that signs in place of ours, where one does.
async fn key(spoilt: &Spoilt, lender: &str) -> Option<Arc<SigningKey>> {
    let kid = if spoilt.has(Fault::WrongKey) {
        return stranger(None).await;
    } else if spoilt.has(Fault::ExpiredKey) {
        format!("{lender}-expired")
    } else if spoilt.has(Fault::RotatedKey) {
        // Of this process: after a restart the key is another one.
        format!("{lender}-rotated-{}", std::process::id())
    } else {
        return None;
    };
    stranger(Some(kid)).await
}

/// The other key under a kid; without one it is to be used under ours, which delivery knows.
async fn stranger(kid: Option<String>) -> Option<Arc<SigningKey>> {
    let make = || async {
        let made = tokio::task::spawn_blocking(|| SigningKey::generate("stranger")).await;
        let pem = made.ok().and_then(Result::ok).and_then(|key| key.to_pkcs8_pem().ok());
        pem.map(|pem| pem.expose_secret().to_owned()).ok_or(())
    };
    let pem = STRANGER.get_or_try_init(make).await.ok()?;
    SigningKey::from_pem(kid.unwrap_or_else(|| "stranger".to_owned()), pem).ok().map(Arc::new)
}

/// Faults of a callback: by the codes of its applications, and by the rules that it fits.
async fn causes(
    conn: &mut PgConnection,
    head: &Head,
    now: DateTime<Utc>,
    wanted: impl Fn(Fault) -> bool,
) -> sqlx::Result<Vec<Cause>> {
    let applications = store::applications_of(conn, head.callback_id).await?;
    let ids: Vec<Uuid> = applications.iter().map(|(id, _)| *id).collect();
    let mut found = Vec::new();
    for line in script::effective(conn, &ids).await? {
        if let Some(fault) = of_code(&line.code).filter(|fault| wanted(*fault)) {
            let words = format!("scenario {}", line.code);
            let told = format!("{words}: {}, injected", fault.meaning());
            script::tell(conn, &[line.application_id], &told, now).await?;
            found.push(Cause { fault, words, wait: LATE });
        }
    }
    let facts = Facts {
        org_id: Some(&head.org_id),
        operation: &head.operation,
        applications: applications.iter().map(|(_, name)| name.as_str()).collect(),
    };
    for (fault, wait) in rules::strike(conn, (Direction::Outgoing, &facts), &wanted, now).await? {
        let told = format!("scenario fault {} injected into {}", fault.name(), head.operation);
        script::tell(conn, &ids, &told, now).await?;
        found.push(Cause { fault, words: "rule".to_owned(), wait });
    }
    Ok(found)
}

/// Whether a callback that comes up for the first time waits.
async fn hold(conn: &mut PgConnection, head: &Head, now: DateTime<Utc>) -> sqlx::Result<bool> {
    let found = causes(conn, head, now, |fault| matches!(fault, Fault::Delay | Fault::Reorder)).await?;
    let Some(cause) = found.first() else {
        return Ok(false);
    };
    let (mark, wait) = match cause.fault {
        Fault::Delay => (Fault::Delay.name(), cause.wait),
        _ => (WAITS, TOGETHER),
    };
    store::note(conn, (head.callback_id, 0), (&[mark], &cause.words), now).await?;
    store::postpone(conn, head.callback_id, now + wait).await?;
    Ok(true)
}

/// The wait for others is over: all that are there leave in reverse order. Whether this one stays for now.
async fn place(conn: &mut PgConnection, head: &Head, now: DateTime<Utc>) -> sqlx::Result<bool> {
    let turned = store::turn_round(conn, head.stream_id, now).await?;
    for callback in &turned {
        store::note(conn, (*callback, 0), (&[PLACED], "reorder"), now).await?;
    }
    Ok(turned.len() > 1)
}
