//! `keys rotate-sealing`, `reseal`, `retire-sealing`, `rotate-master`: keys that seal the database, changed while servers
//! run on it.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{Connection as _, PgConnection};

use super::{CliError, key_files, output};
use crate::clock::Clock;
use crate::config::args::database_url;
use crate::keep::record::{Act, record};
use crate::seal::{MasterKey, Sealer};
use crate::store::audit::Actor;
use crate::store::{seal_key, sealed};

/// Seconds until a new data key seals, so that every running server has loaded it by then.
const LEAD_SECONDS: u32 = 60;
/// Seconds that a successor must have sealed before the key before it may go: no server is so late.
const SETTLED_SECONDS: i64 = 600;
/// Values sealed anew in one transaction.
const BATCH: i64 = 200;
/// Times that all tables are gone through: rows that were locked are found again.
const PASSES: u32 = 5;

/// Which database, and what opens it.
#[derive(Debug, clap::Args)]
pub(super) struct Place {
    /// The database
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL", value_parser = database_url)]
    database_url: SecretString,
    /// The master key in use
    #[arg(long, value_name = "FILE")]
    master_file: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a new data key; running servers load it and seal with it a minute later
    RotateSealing {
        #[command(flatten)]
        place: Place,
        /// Seconds until it seals; less than the default only while no server runs
        #[arg(long, default_value_t = LEAD_SECONDS, value_name = "SECONDS")]
        lead_seconds: u32,
    },
    /// Seal old values anew with the newest data key, once it seals, in small batches; may be stopped and called again
    Reseal {
        #[command(flatten)]
        place: Place,
    },
    /// Destroy an old data key that seals nothing any more
    RetireSealing {
        #[command(flatten)]
        place: Place,
        /// Its number, as `rotate-sealing` told it
        #[arg(long)]
        id: i32,
        /// Do not wait until its successor has sealed for ten minutes; only while no server runs
        #[arg(long)]
        at_once: bool,
    },
    /// Wrap the data keys with another master key; the old one opens nothing any more
    RotateMaster {
        /// The database
        #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL", value_parser = database_url)]
        database_url: SecretString,
        /// The master key in use
        #[arg(long, value_name = "FILE")]
        old_file: PathBuf,
        /// The one to go on with, as `keys master` makes it
        #[arg(long, value_name = "FILE")]
        new_file: PathBuf,
    },
}

pub(super) async fn run(command: Command) -> Result<(), CliError> {
    match command {
        Command::RotateSealing { place, lead_seconds } => rotate(&place, lead_seconds).await,
        Command::Reseal { place } => reseal(&place).await,
        Command::RetireSealing { place, id, at_once } => retire(&place, id, at_once).await,
        Command::RotateMaster { database_url, old_file, new_file } => {
            rotate_master(&database_url, &old_file, &new_file).await
        }
    }
}

impl Place {
    async fn open(&self) -> Result<(PgConnection, MasterKey), CliError> {
        let master = key_files::master(&self.master_file).await?;
        Ok((PgConnection::connect(self.database_url.expose_secret()).await?, master))
    }
}

/// Also proves that this master key is the database's.
async fn sealer(conn: &mut PgConnection, master: &MasterKey) -> Result<Sealer, CliError> {
    let roots = master.roots(seal_key::roots(conn).await?.as_deref())?;
    Ok(Sealer::with_roots(master, &seal_key::all(conn).await?, roots)?)
}

async fn rotate(place: &Place, lead_seconds: u32) -> Result<(), CliError> {
    let (mut conn, master) = place.open().await?;
    let mut tx = conn.begin().await?;
    seal_key::lock(&mut tx).await?;
    sealer(&mut tx, &master).await?;
    let newest = seal_key::all(&mut tx).await?.iter().map(|key| key.id).max().unwrap_or_default();
    let rooted = seal_key::roots(&mut tx).await?.is_some();
    let fresh = master.new_data_key(newest.saturating_add(1))?;
    let fresh = if rooted { master.rewrap(&master, &fresh)? } else { fresh };
    seal_key::add_later(&mut tx, &fresh, lead_seconds).await?;
    record(&mut tx, &at_the_command_line(), Act::SealingRotated { key: fresh.id }, Clock::default().wall()).await?;
    tx.commit().await?;
    output::line(format_args!("data key {} seals in {lead_seconds} seconds; then: keys reseal", fresh.id));
    Ok(())
}

async fn reseal(place: &Place) -> Result<(), CliError> {
    let (mut conn, master) = place.open().await?;
    if let Some((coming, seconds)) = seal_key::coming(&mut conn).await? {
        let detail = format!("data key {coming} does not seal yet: wait {seconds} seconds, then run keys reseal again");
        return Err(CliError::Refused(detail));
    }
    let sealer = sealer(&mut conn, &master).await?;
    let key = sealer.active_key_id().unwrap_or_default();
    for _ in 0..PASSES {
        let mut resealed = 0_usize;
        for column in sealed::COLUMNS {
            for leaf in sealed::leaves(&mut conn, column).await? {
                let done = reseal_table(&mut conn, &sealer, (column, &leaf)).await?;
                if done > 0 {
                    output::line(format_args!("{leaf}.{}: {done} values sealed with data key {key}", column.column));
                }
                resealed = resealed.saturating_add(done);
            }
        }
        if resealed == 0 {
            break;
        }
    }
    for old in seal_key::all(&mut conn).await?.iter().filter(|old| old.id != key) {
        let left = in_use(&mut conn, old.id).await?;
        output::line(format_args!("data key {} seals {left} values", old.id));
    }
    Ok(())
}

async fn reseal_table(conn: &mut PgConnection, sealer: &Sealer, of: (sealed::Column, &str)) -> Result<usize, CliError> {
    let mut from = Some(sealed::BEGINNING.to_owned());
    let mut done = 0_usize;
    while let Some(place) = from {
        let mut tx = conn.begin().await?;
        let batch = sealed::reseal(&mut tx, sealer, of, &place, BATCH).await?;
        tx.commit().await?;
        done = done.saturating_add(batch.resealed);
        from = batch.next;
    }
    Ok(done)
}

/// How many values a data key opens, over all tables.
async fn in_use(conn: &mut PgConnection, key: i32) -> Result<i64, CliError> {
    let mut count = 0_i64;
    for column in sealed::COLUMNS {
        for leaf in sealed::leaves(conn, column).await? {
            count = count.saturating_add(sealed::count(conn, (column, &leaf), key).await?);
        }
    }
    Ok(count)
}

async fn retire(place: &Place, id: i32, at_once: bool) -> Result<(), CliError> {
    let (mut conn, master) = place.open().await?;
    let active = sealer(&mut conn, &master).await?.active_key_id().unwrap_or_default();
    if id >= active {
        return Err(CliError::Refused(format!("data key {id} is not older than {active}, which seals")));
    }
    if !at_once && seal_key::sealing_for(&mut conn).await? < SETTLED_SECONDS {
        let detail = format!("data key {active} has not sealed for {SETTLED_SECONDS} seconds yet; try again later");
        return Err(CliError::Refused(detail));
    }
    let left = in_use(&mut conn, id).await?;
    if left > 0 {
        return Err(CliError::Refused(format!("data key {id} still seals {left} values: run keys reseal first")));
    }
    let mut tx = conn.begin().await?;
    seal_key::delete(&mut tx, id).await?;
    record(&mut tx, &at_the_command_line(), Act::SealingRetired { key: id }, Clock::default().wall()).await?;
    tx.commit().await?;
    output::line(format_args!("data key {id} is destroyed"));
    Ok(())
}

async fn rotate_master(url: &SecretString, old_file: &Path, new_file: &Path) -> Result<(), CliError> {
    let (old, new) = (key_files::master(old_file).await?, key_files::master(new_file).await?);
    if old.is(&new) {
        return Err(CliError::Refused("both files hold the same master key".to_owned()));
    }
    let mut conn = PgConnection::connect(url.expose_secret()).await?;
    let mut tx = conn.begin().await?;
    seal_key::lock(&mut tx).await?;
    let roots = old.roots(seal_key::roots(&mut tx).await?.as_deref())?;
    let keys = seal_key::all(&mut tx).await?;
    for key in &keys {
        seal_key::replace(&mut tx, &old.rewrap(&new, key)?).await?;
    }
    seal_key::put_roots(&mut tx, &new.wrap_roots(&roots)?).await?;
    record(&mut tx, &at_the_command_line(), Act::MasterRotated { keys: keys.len() }, Clock::default().wall()).await?;
    tx.commit().await?;
    let count = keys.len();
    output::line(format_args!("{count} data keys are wrapped with the new master key; put it in the place of the old"));
    Ok(())
}

/// Whoever has the database and the master key is not known by name.
fn at_the_command_line() -> Actor {
    Actor { name: "command line".to_owned(), role: "system" }
}
