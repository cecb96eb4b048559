//! A database of our own on the cluster that `make bench` has started.

use ocen_lender::clock::Ids;
use ocen_lender::store::schema::MIGRATOR;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};

use crate::Outcome;
use crate::cpu::Process;

/// A migrated database.
pub struct Database {
    cluster: String,
    name: String,
    /// Its address.
    pub url: String,
    /// The head of the Postgres server's processes.
    pub postgres: Process,
}

/// What a lender's Postgres is set to, and the reference figures were measured with (README, "Operations"): checkpoints
/// by the half hour, and a log whose files are used again rather than made while commits wait.
const SETTINGS: [(&str, &str); 3] = [("max_wal_size", "8GB"), ("min_wal_size", "2GB"), ("checkpoint_timeout", "30min")];

impl Database {
    /// Makes one.
    pub async fn fresh() -> Outcome<Self> {
        let cluster = std::env::var("OCEN_TEST_DATABASE_URL")
            .map_err(|_| "OCEN_TEST_DATABASE_URL names no Postgres server: run `make bench`")?;
        let name = format!("bench_{}", Ids.uuid().simple());
        let mut conn = PgConnection::connect(&cluster).await?;
        for (name, value) in SETTINGS {
            conn.execute(AssertSqlSafe(format!("alter system set {name} = '{value}'"))).await?;
        }
        conn.execute("select pg_reload_conf()").await?;
        conn.execute(AssertSqlSafe(format!("create database {name}"))).await?;
        let row = conn.fetch_one("select pg_backend_pid()").await?;
        let backend = Process(u32::try_from(row.try_get::<i32, _>(0)?)?);
        let url = named(&cluster, &name);
        MIGRATOR.run(&mut PgConnection::connect(&url).await?).await?;
        Ok(Self { cluster, name, url, postgres: backend.parent()? })
    }

    /// A connection.
    pub async fn connect(&self) -> Outcome<PgConnection> {
        Ok(PgConnection::connect(&self.url).await?)
    }

    /// A number out of the database.
    pub async fn count(&self, sql: &'static str) -> Outcome<i64> {
        Ok(self.connect().await?.fetch_one(sql).await?.try_get(0)?)
    }

    /// Cleans up after what was brought there and writes everything out, so that neither autovacuum nor a checkpoint
    /// falls into a measurement.
    pub async fn settle(&self) -> Outcome<()> {
        let mut conn = self.connect().await?;
        conn.execute("vacuum (analyze)").await?;
        conn.execute("checkpoint").await?;
        Ok(())
    }

    /// Drops it again, and sets back what was set.
    pub async fn remove(&self) -> Outcome<()> {
        let mut conn = PgConnection::connect(&self.cluster).await?;
        conn.execute(AssertSqlSafe(format!("drop database {} with (force)", self.name))).await?;
        for (name, _) in SETTINGS {
            conn.execute(AssertSqlSafe(format!("alter system reset {name}"))).await?;
        }
        conn.execute("select pg_reload_conf()").await?;
        Ok(())
    }
}

fn named(url: &str, database: &str) -> String {
    let (before, query) = url.split_once('?').map_or((url, String::new()), |(b, q)| (b, format!("?{q}")));
    let server = before.rsplit_once('/').map_or(before, |(server, _)| server);
    format!("{server}/{database}{query}")
}
