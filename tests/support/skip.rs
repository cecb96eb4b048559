//! What a machine lacks is left out, loudly.

use std::io::Write as _;
use std::panic::Location;

/// Says that the caller leaves something out and why, in the form of `.ci/skip`: a line on standard error, and one in
/// the file that `OCEN_SKIPPED` names, which `.ci/run` shows at its end. Fails where `OCEN_NO_SKIPS` is set.
#[track_caller]
pub fn skip(why: &str) {
    let line = format!("{}: {}", Location::caller(), why.replace('\n', " "));
    eprintln!("SKIPPED: {line}");
    if let Some(file) = std::env::var_os("OCEN_SKIPPED") {
        let mut noted = std::fs::OpenOptions::new().create(true).append(true).open(file).unwrap();
        noted.write_all(format!("{line}\n").as_bytes()).unwrap();
    }
    assert!(std::env::var_os("OCEN_NO_SKIPS").is_none(), "{line}");
}
