//! Keys and operators of a running server, read anew at SIGHUP and when their files change. A bad file leaves the old ones
//! in use.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::fs;
use tokio::signal::unix::{SignalKind, signal};

use super::{CliError, key_files};
use crate::app::{OurKeys, SharedApp};
use crate::audit;
use crate::config::{Config, KeyFiles, Operator, ServeArgs};
use crate::store::StoreError;
use crate::store::audit::{Actor, Entry};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(10);

/// When a file was last written and how long it is; nothing while it is not there.
type Mark = Option<(SystemTime, u64)>;

/// Watches key files and the configuration until the server stops. Only `[keys]` and `[[operators]]` are read anew.
///
/// # Errors
/// When the operating system takes no handler.
pub(super) fn watch(app: &SharedApp, args: &ServeArgs) -> Result<(), CliError> {
    let mut hang_up = signal(SignalKind::hangup())?;
    let app = Arc::clone(app);
    let args = args.clone();
    app.tasks.clone().spawn(async move {
        let mut files = app.config.keys.clone();
        let mut seen = marks(&args, files.as_ref()).await;
        loop {
            let told = tokio::select! {
                () = app.stop.cancelled() => return,
                _ = hang_up.recv() => true,
                () = tokio::time::sleep(LOOK) => false,
            };
            let now = marks(&args, files.as_ref()).await;
            if !told && now == seen {
                continue;
            }
            match reload(&app, &args).await {
                Ok(read) => {
                    files = Some(read);
                    seen = marks(&args, files.as_ref()).await;
                }
                // A file is looked at again when it changes; a database that did not answer, at the next look.
                Err(CliError::Store(error)) => {
                    tracing::error!(%error, "keys and operators were not taken on yet; the old ones stay in use");
                    seen.clear();
                }
                Err(error) => {
                    tracing::error!(%error, "keys were not taken on; the old ones stay in use");
                    seen = now;
                }
            }
        }
    });
    Ok(())
}

async fn reload(app: &SharedApp, args: &ServeArgs) -> Result<KeyFiles, CliError> {
    let config = Config::serve(args)?;
    operators(app, config.operators).await?;
    let files = config.keys.ok_or(CliError::Missing("keys"))?;
    let (keys, master) = key_files::load(&files).await?;
    let kid = keys.signing.kid().to_owned();
    let published: Vec<String> = keys.all().skip(1).map(|key| key.kid().to_owned()).collect();
    let before = app.keys.current();
    let kids = |keys: &OurKeys| keys.all().map(|key| key.kid().to_owned()).collect::<Vec<_>>();
    app.keys.check(&keys)?;
    if kids(&before) != kids(&keys) {
        let entry = Entry::by(&Actor::server(), "SIGNING_KEYS_CHANGED").about("signingKid", &kid);
        let entry = entry.about("signingKidBefore", before.signing.kid()).about("publishedKids", published.join(" "));
        record(app, entry).await?;
    }
    if !app.keys.replace(keys)? {
        tracing::warn!(kid, "signing with a key that was not published before: LSPs may not know it yet");
    }
    tracing::info!(kid, before = before.signing.kid(), ?published, "signing keys read anew");
    app.take_master(master).await?;
    Ok(files)
}

/// Takes on other operators, after the audit log has them: nobody acts whom it does not know.
async fn operators(app: &SharedApp, operators: Vec<Operator>) -> Result<(), CliError> {
    if *app.operators.current() == operators {
        return Ok(());
    }
    let told = audit::start::operators(&operators);
    record(app, Entry::by(&Actor::server(), "OPERATORS_CHANGED").about("operators", &told)).await?;
    app.operators.replace(operators);
    tracing::info!(operators = told, "operators read anew");
    Ok(())
}

async fn record(app: &SharedApp, entry: Entry) -> Result<(), CliError> {
    let mut tx = app.pool.begin().await.map_err(StoreError::from)?;
    entry.append(&mut tx, app.clock.wall()).await?;
    Ok(tx.commit().await.map_err(StoreError::from)?)
}

async fn marks(args: &ServeArgs, files: Option<&KeyFiles>) -> Vec<(PathBuf, Mark)> {
    let mut paths: Vec<PathBuf> = args.common.config.iter().cloned().collect();
    if let Some(files) = files {
        paths.extend([files.master_key_file.clone(), files.signing.file.clone()]);
        paths.extend(files.published.iter().map(|key| key.file.clone()));
    }
    let mut marks = Vec::with_capacity(paths.len());
    for path in paths {
        let mark = match fs::metadata(&path).await {
            Ok(found) => found.modified().ok().map(|at| (at, found.len())),
            Err(_) => None,
        };
        marks.push((path, mark));
    }
    marks
}
