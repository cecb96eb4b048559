//! The schema: which migrations this binary brings, and which the database has.

use std::time::Duration;

use chrono::NaiveDate;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use sqlx::migrate::{MigrateError, Migrator};

/// All migrations, in order; applied by `migrate` and `dev`, looked for by `serve`.
pub static MIGRATOR: Migrator = sqlx::migrate!();

/// Held by who migrates.
const MIGRATING: i64 = 7_001_200_015;
/// How often who waits looks whether another one has done it.
const LOOK: Duration = Duration::from_millis(100);

/// Applies what is missing, one process at a time; returns how many migrations there were. Who waits does so without a
/// statement that runs: an index that another one builds concurrently would wait for its end, and it for the index.
///
/// # Errors
/// When the database fails or a migration does.
pub async fn migrate(conn: &mut PgConnection) -> Result<usize, MigrateError> {
    while !sqlx::query_scalar!(r#"select pg_try_advisory_lock($1) as "mine!""#, MIGRATING).fetch_one(&mut *conn).await?
    {
        tokio::time::sleep(LOOK).await;
    }
    let applied = missing(conn).await?.len();
    let ended = MIGRATOR.run(&mut *conn).await;
    sqlx::query_scalar!(r#"select pg_advisory_unlock($1) as "mine!""#, MIGRATING).fetch_one(conn).await?;
    ended.map(|()| applied)
}

/// Versions of the migrations that this binary needs and the database lacks.
///
/// # Errors
/// When the database fails.
#[expect(clippy::disallowed_methods, reason = "sqlx's own table is in no migration, so the macros do not know it")]
pub async fn missing(conn: &mut PgConnection) -> Result<Vec<i64>, sqlx::Error> {
    // The table is there as soon as one migration was begun, and unknown to the macros.
    let known = sqlx::query_scalar!(r#"select to_regclass('_sqlx_migrations') is not null as "known!""#)
        .fetch_one(&mut *conn)
        .await?;
    let applied: Vec<i64> = if known {
        sqlx::query_scalar("select version from _sqlx_migrations where success").fetch_all(conn).await?
    } else {
        Vec::new()
    };
    Ok(MIGRATOR.iter().map(|migration| migration.version).filter(|version| !applied.contains(version)).collect())
}

/// What the database server says about itself.
#[derive(Debug)]
pub struct Server {
    /// As people write it, e.g. `16.4`.
    pub version: String,
    /// As it numbers itself, e.g. 160004.
    pub version_number: i32,
    /// Its clock.
    pub now: DateTime<Utc>,
}

/// Asks the database server about itself.
///
/// # Errors
/// When the database fails.
pub async fn server(conn: &mut PgConnection) -> Result<Server, sqlx::Error> {
    sqlx::query_as!(
        Server,
        r#"select
            current_setting('server_version') as "version!",
            current_setting('server_version_num')::int as "version_number!",
            clock_timestamp() as "now!""#,
    )
    .fetch_one(conn)
    .await
}

/// Makes the monthly partitions of messages and attempts from this month on; those that exist stay.
///
/// # Errors
/// When the database fails or is too busy to let a partition be made; the default partitions catch the rows then.
pub async fn make_month_partitions(conn: &mut PgConnection, today: NaiveDate) -> Result<(), sqlx::Error> {
    sqlx::query!(r#"select make_month_partitions($1) as "made: ()""#, today).execute(conn).await?;
    Ok(())
}
