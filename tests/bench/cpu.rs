//! Processor time and memory from `/proc`: a measure that other work on the machine disturbs little.

use std::fs;

use crate::Outcome;

/// Ticks of `/proc/PID/stat` in a second; Linux has shown 100 to user space for decades.
const TICKS: f64 = 100.0;

/// One process.
#[derive(Debug, Clone, Copy)]
pub struct Process(pub u32);

/// What a process has used so far, in ticks.
struct Stat {
    parent: u32,
    own: u64,
    reaped: u64,
}

impl Process {
    /// This one.
    pub fn ours() -> Self {
        Self(std::process::id())
    }

    /// Whose child it is.
    pub fn parent(self) -> Outcome<Self> {
        Ok(Self(self.stat().ok_or("no such process")?.parent))
    }

    fn stat(self) -> Option<Stat> {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.0)).ok()?;
        // The name stands in parentheses and may hold blanks.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |place: usize| fields.get(place)?.parse::<u64>().ok();
        Some(Stat {
            parent: u32::try_from(number(1)?).ok()?,
            own: number(11)? + number(12)?,
            reaped: number(13)? + number(14)?,
        })
    }

    /// Seconds of processor time so far.
    pub fn seconds(self) -> f64 {
        self.stat().map_or(0.0, |stat| stat.own as f64 / TICKS)
    }

    /// The same with every child, living or reaped: for a Postgres server.
    pub fn family_seconds(self) -> f64 {
        let Some(head) = self.stat() else { return 0.0 };
        let children: u64 = processes().filter_map(Process::stat).filter(|s| s.parent == self.0).map(|s| s.own).sum();
        (head.own + head.reaped + children) as f64 / TICKS
    }

    /// Memory in use, MiB; `field` is `VmRSS` for now or `VmHWM` for the most so far.
    pub fn memory(self, field: &str) -> f64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.0)).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
        kib.unwrap_or_default() / 1024.0
    }
}

fn processes() -> impl Iterator<Item = Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok().map(Process))
}

/// Microseconds of processor time that this thread has used, to the nanosecond.
pub fn thread_us() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or_default() / 1_000.0
}

/// Seconds that all processors together were busy since the machine started.
fn machine_seconds() -> f64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = text.lines().next().unwrap_or_default();
    let ticks: Vec<f64> = line.split_whitespace().skip(1).filter_map(|tick| tick.parse().ok()).collect();
    // user, nice, system, idle, iowait, irq, softirq, steal: idle and iowait are no work.
    ticks.iter().take(8).enumerate().filter(|(place, _)| !matches!(place, 3 | 4)).map(|(_, tick)| tick / TICKS).sum()
}

/// Processor time of all who take part, at one moment; the difference of two is what a measurement cost.
#[derive(Debug, Clone, Copy)]
pub struct Meter {
    server: f64,
    postgres: f64,
    client: f64,
    machine: f64,
}

impl Meter {
    /// Reads all clocks.
    pub fn read(server: Process, postgres: Process) -> Self {
        Self {
            server: server.seconds(),
            postgres: postgres.family_seconds(),
            client: Process::ours().seconds(),
            machine: machine_seconds(),
        }
    }

    /// What passed since an earlier reading, per operation, in microseconds.
    pub fn since(self, earlier: Self, operations: f64) -> Cost {
        let us = |now: f64, then: f64| (now - then) * 1e6 / operations.max(1.0);
        let cost = Cost {
            server: us(self.server, earlier.server),
            postgres: us(self.postgres, earlier.postgres),
            client: us(self.client, earlier.client),
            others: 0.0,
        };
        let all = us(self.machine, earlier.machine);
        Cost { others: (all - cost.sum()).max(0.0), ..cost }
    }
}

/// Microseconds of processor time per operation.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// The server.
    pub server: f64,
    /// Postgres with all its processes.
    pub postgres: f64,
    /// This program: load, sink and the lender's systems.
    pub client: f64,
    /// Everything else on the machine, the kernel's own threads included.
    pub others: f64,
}

impl Cost {
    /// What the operation cost in all.
    pub fn sum(&self) -> f64 {
        self.server + self.postgres + self.client
    }
}
