//! Kill switches: what is stopped, by whom, and why.

use chrono::{DateTime, Duration, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;

/// The subject of a switch that holds all payouts.
pub const ALL: &str = "all";

/// What can be stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    /// Everything that one LSP sends.
    Lsp,
    /// New business of one product.
    Product,
    /// One OCEN call.
    Operation,
    /// Money out, of one product or of all.
    Payouts,
}

/// All kinds, each with its name in a path.
pub const KINDS: [(Kind, &str); 4] =
    [(Kind::Lsp, "lsp"), (Kind::Product, "product"), (Kind::Operation, "operation"), (Kind::Payouts, "payouts")];

impl Kind {
    /// Its name in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lsp => "LSP",
            Self::Product => "PRODUCT",
            Self::Operation => "OPERATION",
            Self::Payouts => "PAYOUTS",
        }
    }
}

/// What is stopped for one LSP, read together with its key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stopped(Vec<String>);

impl Stopped {
    /// From rows as `KIND subject`.
    #[must_use]
    pub fn from_rows(rows: Vec<String>) -> Self {
        Self(rows)
    }

    /// Whether the LSP is.
    #[must_use]
    pub fn lsp(&self) -> bool {
        self.0.iter().any(|row| row.starts_with("LSP "))
    }

    /// Whether an operation is.
    #[must_use]
    pub fn operation(&self, name: &str) -> bool {
        self.of("OPERATION ").any(|stopped| stopped == name)
    }

    /// The products that are.
    #[must_use]
    pub fn products(&self) -> Vec<String> {
        self.of("PRODUCT ").map(str::to_owned).collect()
    }

    fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter_map(move |row| row.strip_prefix(kind))
    }
}

/// What is stopped for one LSP. Intake reads the same together with the key (`store::lsp::by_kid`).
///
/// # Errors
/// When the database fails.
pub async fn stopped_for(conn: &mut PgConnection, org_id: &str) -> Result<Stopped, sqlx::Error> {
    let rows = sqlx::query_scalar!(
        r#"
        select kind || ' ' || subject as "row!"
        from switch
        where kind in ('PRODUCT', 'OPERATION')
        or (kind = 'LSP' and subject = $1)
        "#,
        org_id,
    )
    .fetch_all(conn)
    .await?;
    Ok(Stopped::from_rows(rows))
}

/// The products whose payouts are held; [`ALL`] stands for every one.
///
/// # Errors
/// When the database fails.
pub async fn held_payouts(conn: &mut PgConnection) -> Result<Vec<String>, StoreError> {
    let rows = sqlx::query_scalar!("select subject from switch where kind = 'PAYOUTS'").fetch_all(conn).await?;
    Ok(rows)
}

/// A switch that is set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Switch {
    /// What kind of thing is stopped: `LSP`, `PRODUCT`, `OPERATION`, `PAYOUTS`.
    pub kind: String,
    /// Which.
    pub subject: String,
    /// Why.
    pub reason: String,
    /// Who stopped it.
    pub set_by: String,
    /// When.
    pub set_at: DateTime<Utc>,
}

/// All switches that are set; there are never more than LSPs, products and operations.
///
/// # Errors
/// When the database fails.
pub async fn list(conn: &mut PgConnection) -> Result<Vec<Switch>, StoreError> {
    let rows = sqlx::query_as!(
        Switch,
        "select kind, subject, reason, set_by, set_at
        from switch
        order by kind, subject",
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// A change of a switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "SwitchChange")]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Counts up.
    pub change_id: i64,
    /// What kind of thing.
    pub kind: String,
    /// Which.
    pub subject: String,
    /// Stopped, or let run again.
    pub stopped: bool,
    /// Why.
    pub reason: String,
    /// Who.
    pub changed_by: String,
    /// When.
    pub changed_at: DateTime<Utc>,
}

/// Changes before the given one, newest first.
///
/// # Errors
/// When the database fails.
pub async fn changes(conn: &mut PgConnection, before: Option<i64>, limit: i64) -> Result<Vec<Change>, StoreError> {
    let rows = sqlx::query_as!(
        Change,
        "select change_id, kind, subject, stopped, reason, changed_by, changed_at
        from switch_change
        where change_id < coalesce($1, 9223372036854775807)
        order by change_id desc
        limit $2",
        before,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Which switch, and who turns it why.
#[derive(Debug, Clone, Copy)]
pub struct Turn<'a> {
    /// What kind of thing.
    pub kind: Kind,
    /// Which.
    pub subject: &'a str,
    /// Why.
    pub reason: &'a str,
    /// Who.
    pub by: &'a str,
}

/// Stops something. What is stopped already stays so, with the new reason.
///
/// # Errors
/// When the database fails.
pub async fn stop(conn: &mut PgConnection, turn: Turn<'_>, now: DateTime<Utc>) -> Result<Switch, StoreError> {
    let set = sqlx::query_as!(
        Switch,
        "insert into switch (kind, subject, reason, set_by, set_at)
        values ($1, $2, $3, $4, $5)
        on conflict (kind, subject) do update
        set reason = excluded.reason,
            set_by = excluded.set_by,
            set_at = excluded.set_at
        returning kind, subject, reason, set_by, set_at",
        turn.kind.name(),
        turn.subject,
        turn.reason,
        turn.by,
        now,
    )
    .fetch_one(&mut *conn)
    .await?;
    note(conn, turn, true, now).await?;
    Ok(set)
}

/// How long a held payout waits before it is looked at again, should nobody take the switch back.
pub const HELD_FOR: Duration = Duration::seconds(15);
/// Held payouts are due within this time, also those that a replica with a fast clock has put back. What is due later
/// waits for something else, and the timers of years to come are not looked through.
const HELD_WITHIN: Duration = Duration::minutes(1);

/// Lets something run again; payouts that were held go out at once. Says whether it was stopped.
///
/// # Errors
/// When the database fails.
pub async fn release(conn: &mut PgConnection, turn: Turn<'_>, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let gone = sqlx::query!("delete from switch where kind = $1 and subject = $2", turn.kind.name(), turn.subject)
        .execute(&mut *conn)
        .await?;
    if gone.rows_affected() == 0 {
        return Ok(false);
    }
    if turn.kind == Kind::Payouts {
        sqlx::query!(
            "update ask
            set due_at = $1
            where method = 'pay'
            and state = 'OPEN'
            and held
            and due_at > $1
            and due_at <= $2",
            now,
            now + HELD_WITHIN,
        )
        .execute(&mut *conn)
        .await?;
    }
    note(conn, turn, false, now).await?;
    Ok(true)
}

/// Puts payouts back that were leased and have not left: they wait until `due_at` and are then looked at again.
///
/// # Errors
/// When the database fails.
pub async fn hold(
    conn: &mut PgConnection,
    lease_id: Uuid,
    ask_ids: &[Uuid],
    due_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update ask
        set state = 'OPEN',
            held = true,
            due_at = $3,
            -- It was not asked after all.
            asked_since = null,
            tries = tries - 1,
            lease_id = null,
            leased_until = null
        where ask_id = any($1)
        and lease_id = $2",
        ask_ids,
        lease_id,
        due_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The one place through which every change of a switch goes: where it is noted for good.
async fn note(conn: &mut PgConnection, turn: Turn<'_>, stopped: bool, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into switch_change (kind, subject, stopped, reason, changed_by, changed_at)
        values ($1, $2, $3, $4, $5, $6)",
        turn.kind.name(),
        turn.subject,
        stopped,
        turn.reason,
        turn.by,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_told_apart_by_kind() {
        let rows = ["OPERATION setOffer", "PRODUCT home 12"].map(str::to_owned).to_vec();
        let stopped = Stopped::from_rows(rows);
        assert!(!stopped.lsp() && stopped.operation("setOffer") && !stopped.operation("setOffers"));
        assert_eq!(stopped.products(), ["home 12"]);
        assert!(Stopped::from_rows(vec!["LSP A".to_owned()]).lsp());
    }
}
