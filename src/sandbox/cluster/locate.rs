//! Where the Postgres programs are on this machine.

use std::env;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::ClusterError;

/// The oldest Postgres whose SQL the migrations may use.
const OLDEST_MAJOR: u32 = 14;

/// Folders whose entries each hold one Postgres version: the parent, the start of the entry's
/// name, and where in the entry the programs are.
const VERSION_FOLDERS: [(&str, &str, &str); 6] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/usr/libexec", "postgresql", ""),
    ("/opt/homebrew/opt", "postgresql", "bin"),
    ("/usr/local/opt", "postgresql", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
];

/// The server programs of one installed Postgres.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binaries {
    /// The folder that holds `postgres`, `initdb` and `pg_ctl`.
    pub(super) dir: PathBuf,
    /// The major version, such as 16.
    pub(super) major: u32,
}

/// Finds Postgres 14 or newer: the one on `PATH`, else the one `pg_config` names, else the newest
/// installed. A cluster that exists can only be run by the version that made it: then `needed`
/// decides.
///
/// # Errors
/// [`ClusterError::NotInstalled`], or [`ClusterError::OtherVersion`] when only `needed` is missing.
pub(super) async fn find(needed: Option<u32>) -> Result<Binaries, ClusterError> {
    let folders = candidates().await;
    let mut found: Vec<Binaries> = Vec::new();
    for dir in &folders {
        let here = inspect(dir).await;
        found.extend(here.filter(|binaries| !found.contains(binaries)));
    }
    let chosen = match needed {
        Some(major) => found.iter().find(|binaries| binaries.major == major),
        None => found.first(),
    };
    match (chosen, needed) {
        (Some(binaries), _) => Ok(binaries.clone()),
        (None, Some(needed)) if !found.is_empty() => Err(ClusterError::OtherVersion {
            needed,
            found: listed(found.iter().map(|binaries| binaries.major.to_string())),
        }),
        (None, _) => Err(ClusterError::NotInstalled {
            oldest: OLDEST_MAJOR,
            looked_in: listed(folders.iter().map(|dir| dir.display().to_string())),
        }),
    }
}

/// Folders to look into, the preferred first.
async fn candidates() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output().await {
        folders.push(String::from_utf8_lossy(&output.stdout).trim().into());
    }
    let mut versions: Vec<PathBuf> = VERSION_FOLDERS.into_iter().flat_map(installed).collect();
    versions.sort_by_cached_key(|dir| std::cmp::Reverse(first_number(&dir.to_string_lossy())));
    folders.extend(versions);
    folders.retain(|dir| dir.is_absolute());
    folders
}

/// The programs' folder of each version kept beside the others, as Debian and Homebrew do.
fn installed((parent, prefix, inner): (&str, &str, &str)) -> Vec<PathBuf> {
    let Ok(entries) = Path::new(parent).read_dir() else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path().join(inner))
        .collect()
}

/// The Postgres in `dir`, if one is there that is whole and new enough. A link leads to where
/// the programs are: `PATH` often has links to some of them only.
async fn inspect(dir: &Path) -> Option<Binaries> {
    let program = tokio::fs::canonicalize(dir.join("postgres")).await.ok()?;
    let dir = program.parent()?.to_path_buf();
    if !dir.join("initdb").is_file() || !dir.join("pg_ctl").is_file() {
        return None;
    }
    let output = Command::new(&program).arg("--version").output().await.ok()?;
    let major = first_number(&String::from_utf8_lossy(&output.stdout))?;
    (major >= OLDEST_MAJOR).then_some(Binaries { dir, major })
}

/// The first number in a text: `postgres (PostgreSQL) 17beta1` is 17.
fn first_number(text: &str) -> Option<u32> {
    text.split(|c: char| !c.is_ascii_digit()).find(|digits| !digits.is_empty()).and_then(|digits| digits.parse().ok())
}

fn listed(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::first_number;

    #[test]
    fn a_version_is_read_from_what_each_packager_prints() {
        let printed = [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", 15),
            ("postgres (PostgreSQL) 17beta1", 17),
            ("postgres (PostgreSQL) 9.6.24", 9),
        ];
        for (text, major) in printed {
            assert_eq!(first_number(text), Some(major), "{text}");
        }
        assert_eq!(first_number("command not found"), None);
    }
}
