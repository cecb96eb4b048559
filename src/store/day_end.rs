//! Loans on which something happens by itself, and borrowers whose loans are all classified alike.

use chrono::NaiveDate;
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::domain::ids::{ApplicationId, LoanId};
use crate::domain::loan::account::{Phase, Position, Reclassified};

/// Locks the application of one loan whose next event is due at a position. Applications that another transaction has
/// locked are skipped, and so are those in `given_up`. The loan is locked with it, so that one whose event another worker
/// has just brought about is not found by its old row.
///
/// # Errors
/// When the database fails.
pub async fn next_loan(
    conn: &mut PgConnection,
    to: Position,
    given_up: &[Uuid],
) -> Result<Option<ApplicationId>, StoreError> {
    let row = sqlx::query_scalar!(
        r#"
        select application.application_id
        from loan
        join application using (application_id)
        where next_event_on <= $1
        and (next_event_on < $1 or not next_event_closed or $2)
        and application.application_id <> all($3)
        order by next_event_on
        limit 1
        for update of application skip locked
        for no key update of loan skip locked
        "#,
        to.day,
        to.phase == Phase::Closed,
        given_up,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(ApplicationId))
}

/// The first day, up to one, on which something happens to any loan.
///
/// # Errors
/// When the database fails.
pub async fn first_event(conn: &mut PgConnection, up_to: NaiveDate) -> Result<Option<NaiveDate>, StoreError> {
    let row = sqlx::query_scalar!(
        r#"
        select min(next_event_on)
        from loan
        where next_event_on <= $1
        "#,
        up_to,
    )
    .fetch_one(conn)
    .await?;
    Ok(row)
}

/// Classifies all loans of a borrower alike, after one of them was stored: they are non-performing while any of them is,
/// and from then until none is in arrears. That the loan became an NPA on a day which is undone counts no more: when it
/// was the borrower's day, too, that is found anew from the loans' own.
///
/// # Errors
/// When the database fails.
pub async fn classify_borrower(
    conn: &mut PgConnection,
    borrower: &[u8],
    (loan, change): (&LoanId, &Reclassified),
    today: NaiveDate,
) -> Result<(), StoreError> {
    // Locked by a statement of its own: the next one must see what another loan's transaction, which was waited for,
    // has committed.
    sqlx::query!("select from borrower where borrower_index = $1 for update", borrower).execute(&mut *conn).await?;
    sqlx::query!(
        r#"
        update borrower
        set npa_since = case
            when exists (
                select from loan
                where loan.borrower_index = $1
                and loan.npa_since is not null
                and loan.status in ('RUNNING', 'WRITTEN_OFF')
            ) then least(
                case when npa_since <> all($3) then npa_since end,
                (
                    select min(loan.npa_since) from loan
                    where loan.borrower_index = $1
                    and loan.status in ('RUNNING', 'WRITTEN_OFF')
                ))
            when npa_since <> all($3)
            and exists (
                select from loan
                where loan.borrower_index = $1
                and loan.oldest_due < $2
                and loan.status = 'RUNNING'
                and not (loan.loan_id = $4 and $5)
            ) then npa_since
        end
        where borrower_index = $1
        "#,
        borrower,
        today,
        &change.undone,
        loan.as_str(),
        change.cleared,
    )
    .execute(conn)
    .await?;
    Ok(())
}
