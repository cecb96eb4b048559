//! Passwords of the sandbox: 123456 is right, 111111 wrong, 222222 has expired, 333333 locks the session; and what the
//! codes 05xx force. The session in hand is changed, and the real machine finds it so.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::store;
use crate::domain::application::Application;
use crate::domain::application::command::Command;
use crate::domain::application::stage::{OtpSession, Stage};

/// Matches every session.
const RIGHT: &str = "123456";
/// Matches none.
const WRONG: &str = "111111";
/// Comes too late.
const EXPIRED: &str = "222222";
/// Was one wrong try too many.
const LOCKS: &str = "333333";

/// Prepares the sessions of a verification; gives whether the digits count as right, where that is forced.
///
/// # Errors
/// When the database fails.
pub(super) async fn judge(
    conn: &mut PgConnection,
    command: &Command,
    applications: &mut [Application],
    now: DateTime<Utc>,
) -> sqlx::Result<Option<bool>> {
    let Command::VerifyAcceptance { otp, .. } = command else {
        return Ok(None);
    };
    let ids: Vec<Uuid> = applications.iter().map(|application| application.id.0).collect();
    let lines = store::effective(conn, &ids).await?;
    let code = lines.iter().find(|line| line.family == "05").map(|line| line.code.as_str());
    let (matches, did) = match (code, otp.as_str()) {
        (Some("0501"), _) => {
            // It never locks: that is 0503's.
            sessions(applications).for_each(|session| session.wrong_tries = 0);
            (Some(false), "0501: the OTP counts as wrong")
        }
        (Some("0502"), _) => {
            expire(applications, now);
            (Some(false), "0502: the OTP has expired")
        }
        (Some("0503"), _) => (Some(false), "0503: the OTP counts as wrong, until it is locked"),
        (_, RIGHT) => (Some(true), ""),
        (_, WRONG) => (Some(false), ""),
        (_, EXPIRED) => {
            expire(applications, now);
            (Some(false), "")
        }
        (_, LOCKS) => {
            sessions(applications).for_each(|session| session.wrong_tries = u32::MAX);
            (Some(false), "")
        }
        _ => (None, ""),
    };
    if !did.is_empty() {
        store::tell(conn, &ids, &format!("scenario {did}"), now).await?;
    }
    Ok(matches)
}

fn expire(applications: &mut [Application], now: DateTime<Utc>) {
    sessions(applications).for_each(|session| session.expires_at = now - TimeDelta::seconds(1));
}

fn sessions(applications: &mut [Application]) -> impl Iterator<Item = &mut OtpSession> {
    applications.iter_mut().filter_map(|application| match &mut application.stage {
        Stage::OtpSent { session, .. } => Some(session),
        _ => None,
    })
}
