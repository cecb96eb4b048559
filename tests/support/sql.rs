//! A look into the database, or a blow at it, past the program.

use sqlx::{AssertSqlSafe, Executor as _, PgPool, Row as _};

/// Runs statements in one transaction.
///
/// # Errors
/// The constraint that refused them, else the database's words.
pub async fn run(pool: &PgPool, sql: &str) -> Result<(), String> {
    let mut tx = pool.begin().await.unwrap();
    tx.execute(AssertSqlSafe(sql.to_owned())).await.map_err(|error| refusal(&error))?;
    tx.commit().await.map_err(|error| refusal(&error))
}

fn refusal(error: &sqlx::Error) -> String {
    let constraint = error.as_database_error().and_then(|e| e.constraint()).map(str::to_owned);
    constraint.unwrap_or_else(|| error.to_string())
}

/// A number from the database, of type `bigint`.
pub async fn number(pool: &PgPool, sql: &str) -> i64 {
    pool.fetch_one(AssertSqlSafe(sql.to_owned())).await.unwrap().get(0)
}
