//! The command line, behind `make bench ARGS="-- ..."`.

use std::time::Duration;

use crate::Outcome;

const USAGE: &str = "bench [--quick] [--rounds N] [--stored [APPLICATIONS]] [--check] [--json]

  --quick     seconds instead of minutes: shows that everything still runs
  --rounds N  how often everything is measured; medians are shown [default: 5]
  --stored    first store a million applications and five million messages, or another number of applications with
              five messages each [default: 10000, so that Postgres knows the tables' usual shape]
  --check     exit 1 when a ratio misses its goal
  --json      print one JSON object instead of the table";

/// Applications stored beforehand by `--stored`.
const STORED: usize = 1_000_000;

/// What is to be measured, and how long.
pub struct Args {
    /// Rounds, of which medians are taken.
    pub rounds: usize,
    /// Length of each measurement.
    pub span: Duration,
    /// Applications stored before anything is measured.
    pub stored: usize,
    /// Whether a missed goal fails the run.
    pub check: bool,
    /// Whether to print JSON.
    pub json: bool,
    /// Rows that the floor's transaction begins with.
    pub floor_rows: usize,
    /// Callbacks queued for the delivery measurement.
    pub callbacks: usize,
}

impl Args {
    /// Reads the command line.
    pub fn parse() -> Outcome<Self> {
        let mut args = Self {
            rounds: 5,
            span: Duration::from_secs(4),
            stored: 10_000,
            check: false,
            json: false,
            floor_rows: 100_000,
            callbacks: 6_000,
        };
        let mut words = std::env::args().skip(1).peekable();
        while let Some(word) = words.next() {
            match word.as_str() {
                // What cargo adds.
                "--bench" => {}
                "--quick" => args.be_quick(),
                "--rounds" => args.rounds = words.next().ok_or(USAGE)?.parse()?,
                "--stored" => {
                    args.stored = match words.next_if(|next| !next.starts_with("--")) {
                        Some(number) => number.parse()?,
                        None => STORED,
                    }
                }
                "--check" => args.check = true,
                "--json" => args.json = true,
                _ => return Err(USAGE.into()),
            }
        }
        Ok(args)
    }

    fn be_quick(&mut self) {
        self.rounds = 1;
        self.span = Duration::from_secs(1);
        self.floor_rows = 5_000;
        self.callbacks = 500;
        self.stored = 2_000;
    }
}
