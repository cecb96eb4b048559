//! What a move of the clock brought about: the history of all applications since.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;

/// Most entries that one move tells.
const MOST: i64 = 2_000;

/// One thing that happened.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Happened {
    at: DateTime<Utc>,
    org_id: String,
    loan_application_id: String,
    loan_id: Option<String>,
    what: String,
}

/// Where the history ends now.
pub(super) async fn mark(conn: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"select coalesce(max(event_id), 0) as "last!" from event"#).fetch_one(conn).await
}

/// What came after a mark, oldest first.
pub(super) async fn since(conn: &mut PgConnection, mark: i64, loan: Option<&str>) -> sqlx::Result<Vec<Happened>> {
    sqlx::query_as!(
        Happened,
        r#"
        select happened_at as at, application.org_id, loan_application_id, loan.loan_id as "loan_id?", what
        from event
        join application using (application_id)
        left join loan using (application_id)
        where event_id > $1
        and ($2::text is null or loan.loan_id = $2)
        order by event_id
        limit $3
        "#,
        mark,
        loan,
        MOST,
    )
    .fetch_all(conn)
    .await
}

/// Whether anything like some words came after a mark.
pub(super) async fn any(conn: &mut PgConnection, mark: i64, loan: Option<&str>, words: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"
        select exists (
            select from event
            join loan using (application_id)
            where event_id > $1
            and ($2::text is null or loan.loan_id = $2)
            and what like $3
        ) as "found!"
        "#,
        mark,
        loan,
        words,
    )
    .fetch_one(conn)
    .await
}
