//! The simulated general ledger: takes each journal once, and tells the balances of what it took.

use futures_util::future::BoxFuture;

use super::Systems;
use crate::domain::book::{ACCOUNTS, LedgerAccount};
use crate::domain::maths::money::Paise;
use crate::lender::PortError;
use crate::lender::ledger::{
    AccountBalance, Balances, Batch, Comparison, LEDGER, Ledger, LedgerError, LoanTotals, Side,
};

impl Ledger for Systems {
    fn journal<'a>(&'a self, batch: Batch<'a>) -> BoxFuture<'a, Result<(), LedgerError>> {
        Box::pin(async move { Ok(self.take(batch).await.map_err(storage)?) })
    }

    fn compare<'a>(&'a self, asked: Comparison<'a>) -> BoxFuture<'a, Result<Balances, LedgerError>> {
        Box::pin(async move { Ok(self.balances(asked).await.map_err(storage)?) })
    }
}

fn storage(source: sqlx::Error) -> PortError {
    PortError::Storage { port: LEDGER, source }
}

impl Systems {
    async fn take(&self, batch: Batch<'_>) -> sqlx::Result<()> {
        let mut tx = self.pool.begin().await?;
        for journal in batch.journals {
            for (line, entry) in (1_i32..).zip(&journal.entries) {
                let amount = match entry.side {
                    Side::Debit => entry.amount.0,
                    Side::Credit => entry.amount.0.saturating_neg(),
                };
                sqlx::query!(
                    r#"
                    insert into sandbox.gl_entry (journal_key, line, loan_id, account, book_account, amount, booked_on)
                    values ($1, $2, $3, $4, $5, $6, $7)
                    on conflict do nothing
                    "#,
                    journal.key.to_string(),
                    line,
                    journal.loan_id,
                    entry.account,
                    entry.book_account.name(),
                    amount,
                    journal.booking_date,
                )
                .execute(&mut *tx)
                .await?;
            }
        }
        tx.commit().await
    }

    async fn balances(&self, asked: Comparison<'_>) -> sqlx::Result<Balances> {
        let mut conn = self.pool.acquire().await?;
        let codes: Vec<String> = asked.accounts.iter().map(|account| account.account.clone()).collect();
        let accounts = sqlx::query!(
            r#"
            select account, sum(amount)::bigint as "balance!"
            from sandbox.gl_entry
            where account = any($1)
            and booked_on <= $2
            group by account
            "#,
            &codes,
            asked.as_of,
        )
        .fetch_all(&mut *conn)
        .await?;
        let ids: Vec<String> = asked.loans.iter().map(|loan| loan.loan_id.clone()).collect();
        let borrowers: Vec<String> =
            ACCOUNTS.iter().filter(|account| account.is_borrowers()).map(|account| account.name().to_owned()).collect();
        let loans = sqlx::query!(
            r#"
            select loan_id,
                coalesce(sum(amount) filter (where book_account = $3), 0)::bigint as "principal!",
                coalesce(sum(amount) filter (where book_account = any($4)), 0)::bigint as "outstanding!",
                count(distinct journal_key) as "journals!"
            from sandbox.gl_entry
            where loan_id = any($1)
            and booked_on <= $2
            group by loan_id
            "#,
            &ids,
            asked.as_of,
            LedgerAccount::PrincipalReceivable.name(),
            &borrowers,
        )
        .fetch_all(conn.as_mut())
        .await?;
        Ok(Balances {
            accounts: accounts
                .into_iter()
                .map(|row| AccountBalance { account: row.account, balance: Paise(row.balance) })
                .collect(),
            loans: loans
                .into_iter()
                .map(|row| LoanTotals {
                    loan_id: row.loan_id,
                    principal: Some(Paise(row.principal)),
                    outstanding: Some(Paise(row.outstanding)),
                    journals: Some(row.journals),
                })
                .collect(),
        })
    }
}
