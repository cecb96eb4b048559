//! The daily comparison of the book with the lender's general ledger: balances of its accounts, then control totals of
//! every loan, page by page. What differs is kept and shown; nothing is corrected by itself.

use std::collections::BTreeMap;
use std::time::{Duration as Wait, Instant};

use chrono::{DateTime, Duration, NaiveDate, TimeDelta, Utc};
use sqlx::Connection as _;

use super::ledger::{TurnError, within_time};
use crate::app::App;
use crate::domain::calendar::{business_date, end_of_day};
use crate::domain::maths::money::Paise;
use crate::lender::ledger::{AccountBalance, Balances, Comparison, LoanTotals};
use crate::store::StoreError;
use crate::store::comparison::{self, Difference, Totals};
use crate::store::ledger::{self as feed, Lease};

/// How long after midnight the day that ended is compared: what was posted in it has been committed by then.
const GRACE: Duration = Duration::minutes(5);
/// Loans of one question.
const PAGE: i64 = 200;
/// Days whose journals are summed by one statement.
const DAYS: TimeDelta = TimeDelta::days(7);
/// How long one transaction goes on with such statements.
const CARRYING: Wait = Wait::from_secs(2);

/// The day whose balances are to stand by now.
fn due_day(now: DateTime<Utc>) -> Option<NaiveDate> {
    business_date(now - GRACE).pred_opt()
}

/// The instant at which a day is over.
fn end_of(day: NaiveDate) -> Result<DateTime<Utc>, TurnError> {
    let last = end_of_day(day).and_then(|end| end.checked_add_signed(TimeDelta::milliseconds(1)));
    last.ok_or(TurnError::Internal("the calendar ended"))
}

/// Whether a day waits to be compared, or to be compared to its end.
///
/// # Errors
/// When the database fails.
pub(super) async fn is_due(app: &App) -> Result<bool, StoreError> {
    let Some(due) = due_day(app.clock.now()) else { return Ok(false) };
    let mut conn = app.pool.acquire().await?;
    let last = comparison::latest(&mut conn, 1).await?.pop();
    if let Some(last) = last {
        return Ok(last.state == "RUNNING" || last.day < due);
    }
    // Nothing to compare before anything was posted, and not until the general ledger has it.
    let first = comparison::totals_through(&mut conn).await?;
    Ok(first.is_some_and(|before| before < due))
}

/// Compares the due day, or goes on with the one that was begun.
pub(super) async fn run(app: &App, lease: Lease) -> Result<(), TurnError> {
    let mut conn = app.pool.acquire().await?;
    let running = comparison::latest(&mut conn, 1).await?.pop().filter(|last| last.state == "RUNNING");
    let (day, mut through) = if let Some(running) = running {
        (running.day, running.loans_through)
    } else {
        let day = due_day(app.clock.now()).ok_or(TurnError::Internal("the calendar ended"))?;
        if comparison::is_unsent_before(&mut conn, end_of(day)?).await? {
            return Ok(());
        }
        drop(conn);
        carry_totals(app, lease, day).await?;
        accounts(app, lease, day).await?;
        (day, String::new())
    };
    while let Some(last) = loans(app, lease, day, &through).await? {
        through = last;
    }
    Ok(())
}

/// Brings the daily totals up to a day, some days at a time, in few transactions, none of which is long.
async fn carry_totals(app: &App, lease: Lease, to: NaiveDate) -> Result<(), TurnError> {
    let mut conn = app.pool.acquire().await?;
    while let Some(mut from) = comparison::totals_through(&mut conn).await?.filter(|from| *from < to) {
        let begun = Instant::now();
        let mut tx = conn.begin().await?;
        feed::hold(&mut tx, lease).await?;
        while from < to && begun.elapsed() < CARRYING {
            let next = from.checked_add_signed(DAYS).map_or(to, |next| next.min(to));
            comparison::carry_totals(&mut tx, (from, next), (end_of(from)?, end_of(next)?)).await?;
            from = next;
        }
        tx.commit().await?;
    }
    Ok(())
}

/// Compares the balances of all accounts, and begins the day with what differs.
async fn accounts(app: &App, lease: Lease, day: NaiveDate) -> Result<(), TurnError> {
    let balances = comparison::balances(&mut *app.pool.acquire().await?, day).await?;
    let ours = app.config.ledger.accounts.by_code(&balances).ok_or(TurnError::Internal("balances out of range"))?;
    let asked: Vec<AccountBalance> =
        ours.iter().map(|(account, balance)| AccountBalance { account: account.clone(), balance: *balance }).collect();
    let theirs = ask(app, day, (&format!("compare-{day}-accounts.{}", lease.failures), &asked, &[])).await?;
    let mut found = Vec::new();
    for (account, balance) in &ours {
        let other = theirs.accounts.iter().find(|other| other.account == *account);
        let other = other.map_or(Paise::ZERO, |other| other.balance);
        found.extend(difference("ACCOUNT", account, "BALANCE", (balance.0, other.0)));
    }
    let now = app.clock.now();
    let mut tx = app.pool.begin().await?;
    feed::hold(&mut tx, lease).await?;
    comparison::begin(&mut tx, day, now).await?;
    comparison::note(&mut tx, day, ("", 0), &found).await?;
    tx.commit().await?;
    Ok(())
}

/// Compares the next page of loans; gives the last one of it, or nothing when the day is done with it.
async fn loans(app: &App, lease: Lease, day: NaiveDate, after: &str) -> Result<Option<String>, TurnError> {
    let mut conn = app.pool.acquire().await?;
    let ids = comparison::loans_after(&mut conn, after, PAGE).await?;
    let last = ids.last().map_or(after, String::as_str);
    let is_last = i64::try_from(ids.len()).is_ok_and(|count| count < PAGE);
    let ours = comparison::totals_of(&mut conn, &ids, end_of(day)?).await?;
    drop(conn);
    let mut found = Vec::new();
    if !ours.is_empty() {
        let asked: Vec<LoanTotals> = ours.iter().map(shown).collect();
        let theirs = ask(app, day, (&format!("compare-{day}-{last}.{}", lease.failures), &[], &asked)).await?;
        let theirs: BTreeMap<&str, &LoanTotals> =
            theirs.loans.iter().map(|totals| (totals.loan_id.as_str(), totals)).collect();
        for totals in &ours {
            found.extend(differences(totals, theirs.get(totals.loan_id.as_str()).copied()));
        }
    }
    let count = i64::try_from(ours.len()).unwrap_or(i64::MAX);
    let mut tx = app.pool.begin().await?;
    feed::hold(&mut tx, lease).await?;
    comparison::note(&mut tx, day, (last, count), &found).await?;
    if !is_last {
        tx.commit().await?;
        return Ok(Some(last.to_owned()));
    }
    let differences = comparison::finish(&mut tx, day, app.clock.now()).await?;
    feed::give_back(&mut tx, lease).await?;
    tx.commit().await?;
    tell(day, differences);
    Ok(None)
}

fn tell(day: NaiveDate, differences: i64) {
    if differences == 0 {
        tracing::info!(%day, "the general ledger agrees with the book");
    } else {
        tracing::error!(%day, differences, "the general ledger differs from the book");
    }
}

async fn ask(
    app: &App,
    as_of: NaiveDate,
    (key, accounts, loans): (&str, &[AccountBalance], &[LoanTotals]),
) -> Result<Balances, TurnError> {
    let ledger = app.ports.ledger().ok_or(TurnError::Internal("there is no general ledger to compare with"))?;
    let (now, today) = (app.clock.now(), app.clock.today());
    within_time(app, "compare", ledger.compare(Comparison { key, as_of, accounts, loans, now, today })).await
}

fn shown(totals: &Totals) -> LoanTotals {
    LoanTotals {
        loan_id: totals.loan_id.clone(),
        principal: Some(totals.principal),
        outstanding: Some(totals.outstanding),
        journals: Some(totals.journals),
    }
}

/// What differs of a loan. A loan that they do not know has nothing there; a total that they do not keep is not compared.
fn differences(ours: &Totals, theirs: Option<&LoanTotals>) -> Vec<Difference> {
    let known = theirs.is_some();
    let amount =
        |of: fn(&LoanTotals) -> Option<Paise>| theirs.map_or(Some(0), |theirs| of(theirs).map(|paise| paise.0));
    let journals = if known { theirs.and_then(|theirs| theirs.journals) } else { Some(0) };
    [
        ("PRINCIPAL", ours.principal.0, amount(|theirs| theirs.principal)),
        ("OUTSTANDING", ours.outstanding.0, amount(|theirs| theirs.outstanding)),
        ("JOURNALS", ours.journals, journals),
    ]
    .into_iter()
    .filter_map(|(measure, ours_of, theirs_of)| {
        theirs_of.and_then(|theirs_of| difference("LOAN", &ours.loan_id, measure, (ours_of, theirs_of)))
    })
    .collect()
}

fn difference(subject: &str, key: &str, measure: &str, (ours, theirs): (i64, i64)) -> Option<Difference> {
    (ours != theirs).then(|| Difference {
        subject: subject.to_owned(),
        key: key.to_owned(),
        measure: measure.to_owned(),
        ours,
        theirs,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_compared_once_it_is_over_in_india() {
        let day = |text: &str| due_day(text.parse().unwrap()).unwrap().to_string();
        assert_eq!(day("2026-11-26T18:34:59Z"), "2026-11-25", "23:59:59 five minutes ago");
        assert_eq!(day("2026-11-26T18:35:00Z"), "2026-11-26");
    }

    #[test]
    fn only_totals_that_both_keep_are_compared() {
        let ours = Totals { loan_id: "L".to_owned(), principal: Paise(5), outstanding: Paise(7), journals: 2 };
        let theirs = LoanTotals { principal: None, outstanding: Some(Paise(8)), journals: Some(2), ..shown(&ours) };
        let found = differences(&ours, Some(&theirs));
        assert_eq!(found, [difference("LOAN", "L", "OUTSTANDING", (7, 8)).unwrap()]);
        assert_eq!(differences(&ours, None).len(), 3, "a loan that they do not know");
    }
}
