//! Facts and journals of a loan: append-only.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::domain::application::decision::History;
use crate::domain::book::{Journal, JournalKind, LedgerAccount, Posting};
use crate::domain::ids::LoanId;
use crate::domain::loan::account::Fact;
use crate::domain::maths::money::Paise;
use crate::seal::Sealer;

fn context(loan: &LoanId) -> String {
    format!("fact:{loan}")
}

/// Notes a fact.
///
/// # Errors
/// When the database fails.
pub async fn record(
    conn: &mut PgConnection,
    sealer: &Sealer,
    loan: &LoanId,
    fact: &Fact,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let sealed = sealer.seal_json(&context(loan), fact)?;
    sqlx::query!(
        r#"
        insert into loan_fact (loan_id, value_date, fact, recorded_at)
        values ($1, $2, $3, $4)
        "#,
        loan.as_str(),
        fact.value_date,
        sealed,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Journals to be posted, with ids that sort in the order of posting.
#[derive(Debug, Default)]
pub struct NewJournals {
    ids: Vec<Uuid>,
    loans: Vec<String>,
    kinds: Vec<String>,
    references: Vec<String>,
    value_dates: Vec<NaiveDate>,
    posting_ids: Vec<Uuid>,
    lines: Vec<i32>,
    accounts: Vec<String>,
    amounts: Vec<i64>,
}

impl NewJournals {
    /// Adds one.
    pub fn push(&mut self, id: Uuid, loan: &LoanId, journal: &Journal) {
        self.ids.push(id);
        self.loans.push(loan.0.clone());
        self.kinds.push(journal.kind.name().to_owned());
        self.references.push(journal.reference.clone());
        self.value_dates.push(journal.value_date);
        for (line, posting) in (1..).zip(&journal.postings) {
            self.posting_ids.push(id);
            self.lines.push(line);
            self.accounts.push(posting.account.name().to_owned());
            self.amounts.push(posting.amount.0);
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

/// Posts to the book in one statement; the database refuses a journal that does not sum to zero, comes twice, or
/// charges what the accepted key facts statement does not have.
///
/// # Errors
/// When the database fails or refuses.
pub async fn post(conn: &mut PgConnection, new: &NewJournals, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        with posted as (
            insert into journal (journal_id, loan_id, kind, reference, value_date, posted_at)
            select id, loan_id, kind, reference, value_date, $10
            from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::date[])
                as new (id, loan_id, kind, reference, value_date)
            returning journal_id
        )
        insert into posting (journal_id, line, account, amount)
        select id, line, account, amount
        from unnest($6::uuid[], $7::int[], $8::text[], $9::bigint[]) as part (id, line, account, amount)
        join posted on posted.journal_id = part.id
        "#,
        &new.ids,
        &new.loans,
        &new.kinds,
        &new.references,
        &new.value_dates,
        &new.posting_ids,
        &new.lines,
        &new.accounts,
        &new.amounts,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Facts and journals of a loan, each in the order in which they came.
///
/// # Errors
/// When the database fails or a fact cannot be opened.
pub async fn history(conn: &mut PgConnection, sealer: &Sealer, loan: &LoanId) -> Result<History, StoreError> {
    let facts = sqlx::query_scalar!(
        r#"
        select fact
        from loan_fact
        where loan_id = $1
        order by fact_id
        "#,
        loan.as_str(),
    )
    .fetch_all(&mut *conn)
    .await?;
    let facts = facts.iter().map(|sealed| Ok(sealer.open_json(&context(loan), sealed)?));
    let facts = facts.collect::<Result<Vec<Fact>, StoreError>>()?;
    Ok(History { facts, journals: journals(conn, loan).await? })
}

/// The book of a loan in the order of posting.
///
/// # Errors
/// When the database fails.
pub async fn journals(conn: &mut PgConnection, loan: &LoanId) -> Result<Vec<Journal>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select journal.journal_id, kind, reference, value_date, account, amount
        from journal
        join posting on posting.journal_id = journal.journal_id
        where loan_id = $1
        order by journal.journal_id, line
        "#,
        loan.as_str(),
    )
    .fetch_all(conn)
    .await?;
    let mut journals: Vec<(Uuid, Journal)> = Vec::new();
    for row in rows {
        // The database's CHECKs have the same lists.
        let (Some(kind), Some(account)) = (JournalKind::by_name(&row.kind), LedgerAccount::by_name(&row.account))
        else {
            continue;
        };
        let posting = Posting { account, amount: Paise(row.amount) };
        match journals.last_mut() {
            Some((id, journal)) if *id == row.journal_id => journal.postings.push(posting),
            _ => {
                let (value_date, reference) = (row.value_date, row.reference);
                journals.push((row.journal_id, Journal { value_date, kind, reference, postings: vec![posting] }));
            }
        }
    }
    Ok(journals.into_iter().map(|(_, journal)| journal).collect())
}

/// Notes which charges the accepted key facts statement of a loan allows.
///
/// # Errors
/// When the database fails.
pub async fn allow_charges(conn: &mut PgConnection, loan: &LoanId, kfs_rows: &[String]) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        insert into loan_charge (loan_id, kfs_row)
        select $1, kfs_row
        from unnest($2::text[]) as allowed (kfs_row)
        "#,
        loan.as_str(),
        kfs_rows,
    )
    .execute(conn)
    .await?;
    Ok(())
}
