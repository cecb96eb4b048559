//! Comparisons of the book with the lender's general ledger: our side of it, and what was found.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;

use super::StoreError;
use crate::domain::book::{ACCOUNTS, LedgerAccount};
use crate::domain::calendar::business_date;
use crate::domain::maths::money::Paise;

/// Most differences that are kept of one day; all are counted.
const MOST_KEPT: i64 = 1_000;

/// The comparison of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    /// The business day.
    pub day: NaiveDate,
    /// `RUNNING`, `AGREED` or `DIFFERS`.
    pub state: String,
    /// Up to which loan they are compared.
    pub loans_through: String,
    /// How many loans.
    pub loans: i64,
    /// How many differences.
    pub differences: i64,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// `ACCOUNT` or `LOAN`.
    pub subject: String,
    /// The account's code, or the loan.
    pub key: String,
    /// `BALANCE`, `PRINCIPAL`, `OUTSTANDING` (in paise) or `JOURNALS`.
    pub measure: String,
    /// Ours.
    pub ours: i64,
    /// Theirs.
    pub theirs: i64,
}

/// Control totals of a loan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totals {
    /// The loan.
    pub loan_id: String,
    /// Principal that is owed.
    pub principal: Paise,
    /// All that the borrower owes, less what is held.
    pub outstanding: Paise,
    /// How many journals.
    pub journals: i64,
}

/// Comparisons, the latest day first.
///
/// # Errors
/// When the database fails.
pub async fn latest(conn: &mut PgConnection, limit: i64) -> Result<Vec<Day>, StoreError> {
    let rows = sqlx::query_as!(
        Day,
        r#"
        select day, state, loans_through, loans, differences, started_at, finished_at
        from ledger_comparison
        order by day desc
        limit $1
        "#,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Differences of a day, accounts first.
///
/// # Errors
/// When the database fails.
pub async fn differences(conn: &mut PgConnection, day: NaiveDate, limit: i64) -> Result<Vec<Difference>, StoreError> {
    let rows = sqlx::query_as!(
        Difference,
        r#"
        select subject, key, measure, ours, theirs
        from ledger_difference
        where day = $1
        order by subject, key, measure
        limit $2
        "#,
        day,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Whether a journal that was posted before an instant waits to be sent. Those of loans that are set aside do not count:
/// the comparison shows what they lack.
///
/// # Errors
/// When the database fails.
pub async fn is_unsent_before(conn: &mut PgConnection, end: DateTime<Utc>) -> Result<bool, StoreError> {
    let unsent = sqlx::query_scalar!(
        r#"
        select exists (
            select
            from ledger_outbox
            join journal using (journal_id)
            where posted_at < $1
            and not exists (
                select
                from ledger_set_aside aside
                where aside.loan_id = journal.loan_id
            )
        ) as "exists!"
        "#,
        end,
    )
    .fetch_one(conn)
    .await?;
    Ok(unsent)
}

/// The day up to which totals stand, or the day before the first journal; none when nothing was ever posted.
///
/// # Errors
/// When the database fails.
pub async fn totals_through(conn: &mut PgConnection) -> Result<Option<NaiveDate>, StoreError> {
    let last = sqlx::query_scalar!(r#"select max(day) as day from ledger_total"#).fetch_one(&mut *conn).await?;
    if last.is_some() {
        return Ok(last);
    }
    // Ids sort by time, so this one was the first.
    let first = sqlx::query_scalar!(
        r#"
        select posted_at
        from journal
        order by journal_id
        limit 1
        "#,
    )
    .fetch_optional(conn)
    .await?;
    Ok(first.and_then(|at| business_date(at).pred_opt()))
}

/// Carries the totals of one day forward to another: what was posted in between comes on top.
///
/// # Errors
/// When the database fails.
pub async fn carry_totals(
    conn: &mut PgConnection,
    (from, to): (NaiveDate, NaiveDate),
    (after, before): (DateTime<Utc>, DateTime<Utc>),
) -> Result<(), StoreError> {
    let accounts: Vec<String> = ACCOUNTS.iter().map(|account| account.name().to_owned()).collect();
    sqlx::query!(
        r#"
        insert into ledger_total (day, account, balance)
        select $2, named.account, coalesce(max(earlier.balance), 0) + coalesce(sum(since.amount), 0)::bigint
        from unnest($3::text[]) as named (account)
        left join ledger_total earlier on earlier.day = $1 and earlier.account = named.account
        left join (
            select account, sum(amount)::bigint as amount
            from journal
            join posting using (journal_id)
            where posted_at >= $4
            and posted_at < $5
            group by account
        ) since on since.account = named.account
        group by named.account
        on conflict do nothing
        "#,
        from,
        to,
        &accounts,
        after,
        before,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Our balances at the end of a day that totals were carried to.
///
/// # Errors
/// When the database fails.
pub async fn balances(conn: &mut PgConnection, day: NaiveDate) -> Result<BTreeMap<LedgerAccount, Paise>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select account, balance
        from ledger_total
        where day = $1
        "#,
        day,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().filter_map(|row| Some((LedgerAccount::by_name(&row.account)?, Paise(row.balance)))).collect())
}

/// Begins the comparison of a day.
///
/// # Errors
/// When the database fails.
pub async fn begin(conn: &mut PgConnection, day: NaiveDate, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        insert into ledger_comparison (day, state, started_at)
        values ($1, 'RUNNING', $2)
        "#,
        day,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The next loans after one, in the order of their ids.
///
/// # Errors
/// When the database fails.
pub async fn loans_after(conn: &mut PgConnection, after: &str, limit: i64) -> Result<Vec<String>, StoreError> {
    let ids = sqlx::query_scalar!(
        r#"
        select loan_id
        from loan
        where loan_id > $1
        order by loan_id
        limit $2
        "#,
        after,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids)
}

/// Control totals of loans over what was posted before an instant; a loan without any has none.
///
/// # Errors
/// When the database fails.
pub async fn totals_of(
    conn: &mut PgConnection,
    loans: &[String],
    before: DateTime<Utc>,
) -> Result<Vec<Totals>, StoreError> {
    let borrowers: Vec<String> =
        ACCOUNTS.iter().filter(|account| account.is_borrowers()).map(|account| account.name().to_owned()).collect();
    let rows = sqlx::query!(
        r#"
        select loan_id,
            coalesce(sum(amount) filter (where account = $3), 0)::bigint as "principal!",
            coalesce(sum(amount) filter (where account = any($4)), 0)::bigint as "outstanding!",
            count(distinct journal_id) as "journals!"
        from journal
        join posting using (journal_id)
        where loan_id = any($1)
        and posted_at < $2
        group by loan_id
        order by loan_id
        "#,
        loans,
        before,
        LedgerAccount::PrincipalReceivable.name(),
        &borrowers,
    )
    .fetch_all(conn)
    .await?;
    let totals = |row: (String, i64, i64, i64)| Totals {
        loan_id: row.0,
        principal: Paise(row.1),
        outstanding: Paise(row.2),
        journals: row.3,
    };
    Ok(rows.into_iter().map(|row| totals((row.loan_id, row.principal, row.outstanding, row.journals))).collect())
}

/// Notes how far a comparison came and what differs; a bounded number is kept.
///
/// # Errors
/// When the database fails.
pub async fn note(
    conn: &mut PgConnection,
    day: NaiveDate,
    (loans_through, loans): (&str, i64),
    found: &[Difference],
) -> Result<(), StoreError> {
    let column = |of: fn(&Difference) -> &String| found.iter().map(of).cloned().collect::<Vec<String>>();
    let ours: Vec<i64> = found.iter().map(|difference| difference.ours).collect();
    let theirs: Vec<i64> = found.iter().map(|difference| difference.theirs).collect();
    sqlx::query!(
        r#"
        insert into ledger_difference (day, subject, key, measure, ours, theirs)
        select $1, subject, key, measure, ours, theirs
        from unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[])
            as found (subject, key, measure, ours, theirs)
        limit greatest($7 - (select count(*) from ledger_difference where day = $1), 0)
        "#,
        day,
        &column(|difference| &difference.subject),
        &column(|difference| &difference.key),
        &column(|difference| &difference.measure),
        &ours,
        &theirs,
        MOST_KEPT,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        r#"
        update ledger_comparison
        set loans_through = $2,
            loans = loans + $3,
            differences = differences + $4
        where day = $1
        and state = 'RUNNING'
        "#,
        day,
        loans_through,
        loans,
        i64::try_from(found.len()).unwrap_or(i64::MAX),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends the comparison of a day; gives how many differences there are.
///
/// # Errors
/// When the database fails.
pub async fn finish(conn: &mut PgConnection, day: NaiveDate, now: DateTime<Utc>) -> Result<i64, StoreError> {
    let differences = sqlx::query_scalar!(
        r#"
        update ledger_comparison
        set state = case when differences = 0 then 'AGREED' else 'DIFFERS' end,
            finished_at = $2
        where day = $1
        and state = 'RUNNING'
        returning differences
        "#,
        day,
        now,
    )
    .fetch_one(conn)
    .await?;
    Ok(differences)
}
