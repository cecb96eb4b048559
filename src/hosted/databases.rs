//! The databases of the namespaces: copies of a migrated template beside the control database.
//!
//! Their names cannot be parameters of a statement; each is made here from the control database's name and a [`Name`],
//! whose form is checked, and quoted.

use std::str::FromStr as _;
use std::time::Duration;

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, sleep};

use super::error::HostError;
use super::name::Name;
use crate::config::{Config, operators};
use crate::store::schema::MIGRATOR;

/// Most characters of the control database's name that others begin with: Postgres cuts names at 63 bytes.
const LONGEST: usize = 24;
/// Hexadecimal digits of a digest in a name.
const TAIL: usize = 8;
/// One host per control database holds this lock for as long as it lives; any number that nothing else uses.
const HOST_LOCK: i64 = 7_001_200_417;
/// How long the session of a host that was killed may take to end.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
/// Between two tries for the lock.
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// Makes and drops databases.
pub(super) struct Databases {
    url: Url,
    options: PgConnectOptions,
    /// What the names of all databases of this host begin with.
    prefix: String,
    /// Holds the host's lock. Its session has no time limit for a statement.
    session: Mutex<PgConnection>,
}

impl Databases {
    /// Connects, and takes the right to be the one host.
    pub(super) async fn open(config: &Config) -> Result<Self, HostError> {
        let text = config.database.url.as_ref().map(ExposeSecret::expose_secret).unwrap_or_default();
        let url = Url::parse(text).map_err(|error| HostError::Address(error.to_string()))?;
        let options = PgConnectOptions::from_str(text)?.application_name("ocen-lender host");
        let prefix = prefix(options.get_database().unwrap_or_else(|| options.get_username()));
        let session = Mutex::new(session(&options).await?);
        Ok(Self { url, options, prefix, session })
    }

    /// The session; a new one when the old one is gone, as after a restart of Postgres.
    async fn session(&self) -> Result<MutexGuard<'_, PgConnection>, HostError> {
        let mut held = self.session.lock().await;
        if held.ping().await.is_err() {
            *held = session(&self.options).await?;
        }
        Ok(held)
    }

    /// The address of a namespace's database.
    pub(super) fn url(&self, name: &Name) -> SecretString {
        self.url_of(&self.of(name)).into()
    }

    fn url_of(&self, database: &str) -> String {
        let mut url = self.url.clone();
        url.set_path(database);
        url.into()
    }

    fn of(&self, name: &Name) -> String {
        format!("{}.{name}", self.prefix)
    }

    /// The template's name has the migrations in it, so that another version of the program makes another one.
    fn template(&self) -> String {
        let sum = MIGRATOR
            .iter()
            .flat_map(|migration| migration.checksum.iter())
            .fold(7_u64, |sum, byte| sum.wrapping_mul(1_099_511_628_211).wrapping_add(u64::from(*byte)));
        format!("{}.template.{sum:016x}", self.prefix)
    }

    /// Makes the template if there is none of these migrations, and drops those of others.
    pub(super) async fn make_template(&self) -> Result<(), HostError> {
        let template = self.template();
        let mut session = self.session().await?;
        let known = sqlx::query_scalar!(
            r#"select datname as "name!: String" from pg_database where starts_with(datname, $1)"#,
            format!("{}.template.", self.prefix),
        )
        .fetch_all(&mut *session)
        .await?;
        for other in known.iter().filter(|name| **name != template) {
            drop_database(&mut session, other).await?;
        }
        if known.contains(&template) {
            return Ok(());
        }
        // It gets its name when it is whole: a crash meanwhile leaves nothing that looks like one.
        let draft = format!("{template}.new");
        session.execute(AssertSqlSafe(format!(r#"create database "{draft}""#))).await?;
        let mut migrating = PgConnection::connect(&self.url_of(&draft)).await?;
        MIGRATOR.run(&mut migrating).await?;
        migrating.close().await?;
        session.execute(AssertSqlSafe(format!(r#"alter database "{draft}" rename to "{template}""#))).await?;
        Ok(())
    }

    /// Makes a namespace's database.
    pub(super) async fn make(&self, name: &Name) -> Result<(), HostError> {
        let make = format!(r#"create database "{}" template "{}""#, self.of(name), self.template());
        self.session().await?.execute(AssertSqlSafe(make)).await?;
        Ok(())
    }

    /// Drops a namespace's database, whoever is connected to it; nothing happens when there is none.
    pub(super) async fn drop(&self, name: &Name) -> Result<(), HostError> {
        drop_database(&mut *self.session().await?, &self.of(name)).await
    }

    /// Bytes that a namespace's database takes.
    pub(super) async fn size(&self, name: &Name) -> Result<i64, HostError> {
        let size = sqlx::query_scalar!(r#"select pg_database_size($1::text::name) as "size!""#, self.of(name));
        Ok(size.fetch_one(&mut *self.session().await?).await?)
    }
}

/// A session with the host's lock.
async fn session(options: &PgConnectOptions) -> Result<PgConnection, HostError> {
    let mut session = PgConnection::connect_with(options).await?;
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        let taken = sqlx::query_scalar!(r#"select pg_try_advisory_lock($1) as "taken!""#, HOST_LOCK);
        if taken.fetch_one(&mut session).await? {
            return Ok(session);
        }
        if Instant::now() >= deadline {
            return Err(HostError::Taken);
        }
        sleep(LOCK_PAUSE).await;
    }
}

/// The control database's name as far as it fits; a long one or an odd one is told from others by its digest.
fn prefix(control: &str) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if control.len() <= LONGEST && control.chars().all(|c| plain(&c)) {
        return control.to_owned();
    }
    let head: String = control.chars().filter(plain).take(LONGEST - TAIL - 1).collect();
    let digest = operators::sha256(control);
    format!("{head}-{}", digest.get(..TAIL).unwrap_or(&digest))
}

async fn drop_database(session: &mut PgConnection, name: &str) -> Result<(), HostError> {
    session.execute(AssertSqlSafe(format!(r#"drop database if exists "{name}" with (force)"#))).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_whatever_the_control_database_is_called() {
        assert_eq!(prefix("ocen_lender"), "ocen_lender");
        let [long, other] = ["x".repeat(60), "x".repeat(61)].map(|name| prefix(&name));
        assert_ne!(long, other);
        assert!(long.len() <= LONGEST, "{long}");
        assert!(!prefix("a\"; drop database b").contains('"'));
    }
}
