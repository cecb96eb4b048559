//! What a move of the test clock waits for, and whether it can still come to pass.

use chrono::{NaiveDate, TimeDelta};
use serde::Deserialize;
use sqlx::PgConnection;

use super::problem::Problem;
use super::{diary, happened};
use crate::app::App;
use crate::domain::loan::Loan;
use crate::domain::loan::account::{Account, AssetClass};
use crate::store::overview;

/// How long a loan is watched after its last instalment was due: by then what could bounce has bounced, and arrears have
/// made it a non-performing asset.
const AFTERMATH: TimeDelta = TimeDelta::days(180);

/// What to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Until {
    /// Anything happens to the loan, or to any.
    NextEvent,
    /// A debit of the loan bounces.
    FirstBounce,
    /// The loan is a non-performing asset.
    Npa,
    /// The loan is closed.
    Closed,
}

impl Until {
    /// What the history of a loan says when it has come to pass, as a pattern of SQL.
    fn words(self) -> &'static str {
        match self {
            Self::NextEvent => "%",
            Self::FirstBounce => "%bounced%",
            Self::Npa => "%classified NPA%",
            Self::Closed => "%closed, nothing is owed%",
        }
    }
}

/// What one move waits for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Goal<'a> {
    /// What.
    pub(super) until: Until,
    /// Of which loan; of any when it is missing.
    pub(super) loan: Option<&'a str>,
    /// What came before this event of the history does not count.
    pub(super) since: i64,
}

/// How a move stands to what it waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// It has come to pass.
    Reached,
    /// It may still come.
    Waits,
    /// It will not come by itself; why not, in words for the tester.
    Never(String),
}

impl Goal<'_> {
    /// How things stand now.
    ///
    /// # Errors
    /// When the database fails or the loan cannot be opened.
    pub(super) async fn standing(&self, conn: &mut PgConnection, app: &App) -> Result<Standing, Problem> {
        if happened::any(conn, self.since, self.loan, self.until.words()).await? {
            return Ok(Standing::Reached);
        }
        let Some(loan_id) = self.loan else {
            return Ok(Standing::Waits);
        };
        let row = overview::loan(conn, loan_id).await?.ok_or_else(|| Problem::unknown("loan"))?;
        let is_planned = diary::awaits(conn, row.application_id).await?;
        let loan: Loan = app.sealer.open_json(&format!("loan:{loan_id}"), &row.sealed_state)?;
        Ok(hopeless(&loan, self.until, app.clock.today(), is_planned).map_or(Standing::Waits, Standing::Never))
    }
}

/// Why something does not happen to a loan by itself any more; nothing where it may. `is_planned`: a scenario has the
/// borrower or the bank do something about it later.
fn hopeless(loan: &Loan, until: Until, today: NaiveDate, is_planned: bool) -> Option<String> {
    if loan.is_over() {
        return Some(format!("the loan is {}: nothing more happens to it", loan.stored_status()));
    }
    if is_planned {
        return None;
    }
    let Some(account) = &loan.account else {
        return Some("the loan is not paid out: nothing happens to it by itself".to_owned());
    };
    if until == Until::Npa && account.class == AssetClass::Npa {
        return Some("the loan is a non-performing asset already".to_owned());
    }
    if account.next_event().is_none() {
        return Some("nothing more happens to the loan by itself".to_owned());
    }
    // Penal charges go on for as long as something is owed.
    let last = last_due(account).filter(|last| until != Until::NextEvent && today > *last + AFTERMATH);
    last.map(|last| format!("the last instalment was due on {last}: it does not happen by itself any more"))
}

fn last_due(account: &Account) -> Option<NaiveDate> {
    account.instalments.iter().map(|instalment| instalment.row.due_date).max()
}
