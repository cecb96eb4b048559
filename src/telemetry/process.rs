//! What Linux tells of this process, under the names that every Prometheus client uses.

use std::fmt::Write as _;
use std::fs;

use super::names::{Metric, PROCESS_CPU, PROCESS_FILES, PROCESS_MEMORY};

/// Processor time is told in hundredths of a second, whatever the kernel's own tick (`USER_HZ`).
const TICKS: u64 = 100;

/// Lines for `/metrics`; nothing where there is no `/proc`.
#[must_use]
pub fn text() -> String {
    let mut text = String::new();
    if let Some(ticks) = fs::read_to_string("/proc/self/stat").ok().and_then(|stat| cpu_ticks(&stat)) {
        let value = format!("{}.{:02}", ticks / TICKS, ticks % TICKS);
        line(&mut text, &PROCESS_CPU, "counter", &value);
    }
    if let Some(bytes) = fs::read_to_string("/proc/self/status").ok().and_then(|status| resident_bytes(&status)) {
        line(&mut text, &PROCESS_MEMORY, "gauge", &bytes.to_string());
    }
    if let Ok(files) = fs::read_dir("/proc/self/fd") {
        // Reading the directory opens one more.
        let open = files.count().saturating_sub(1);
        line(&mut text, &PROCESS_FILES, "gauge", &open.to_string());
    }
    text
}

fn line(text: &mut String, metric: &Metric, kind: &str, value: &str) {
    let Metric { name, help, .. } = metric;
    let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n\n");
}

/// User and system time: fields 14 and 15, counted behind the name, which may hold anything.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut fields = behind_name.split_ascii_whitespace().skip(11).map(str::parse::<u64>);
    let (user, system) = (fields.next()?.ok()?, fields.next()?.ok()?);
    user.checked_add(system)
}

/// `VmRSS`, which is told in kB.
fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_is_read_as_linux_writes_it() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 9 0 0 0 250 75 0 0 20 0 1 0 100 1000 10 18446744073709551615";
        assert_eq!(cpu_ticks(stat), Some(325));
        assert_eq!(resident_bytes("Name:\tx\nVmRSS:\t    2048 kB\n"), Some(2_097_152));
        assert_eq!((cpu_ticks("?"), resident_bytes("?")), (None, None));
    }
}
