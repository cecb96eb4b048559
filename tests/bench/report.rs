//! The ratios of `performance.md` §9 with their goals, and the figures behind them.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::args::Args;
use crate::phases::Measured;
use crate::server::Server;

/// Svix delivered so many messages a second on the machine where the floor's transaction took [`SVIX_TRANSACTION_US`]
/// (`performance.md` §3, §7); on another machine the figure is taken to scale as that does. It signs without RSA.
const SVIX_PER_S: f64 = 1_002.0;
const SVIX_TRANSACTION_US: f64 = 283.0;
/// What the signature cost there against the transaction of the floor. Processors with AVX-512 IFMA sign almost three
/// times as fast as that one, and all else hardly faster, so that the goals that relate a server's own work to the
/// signature are further away there.
const REFERENCE_SIGN: f64 = 668.0 / 283.0;
/// Processors that everything shares.
const CORES: f64 = 2.0;

/// Which way a goal lies.
#[derive(Clone, Copy)]
enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

impl Goal {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtLeast(goal) => value >= goal,
            Self::AtMost(goal) => value <= goal,
        }
    }

    fn shown(self) -> String {
        match self {
            Self::AtLeast(goal) => format!(">= {goal}"),
            Self::AtMost(goal) => format!("<= {goal}"),
        }
    }
}

/// One ratio.
struct Ratio {
    id: &'static str,
    what: &'static str,
    value: f64,
    goal: Goal,
}

/// All of them.
pub struct Report {
    ratios: Vec<Ratio>,
    figures: Vec<(&'static str, f64)>,
    rounds: usize,
    stored: usize,
}

impl Report {
    /// Takes medians and relates them.
    pub fn new(measured: &Measured, args: &Args) -> Self {
        let mut figures: Vec<(&'static str, f64)> =
            measured.iter().map(|(name, values)| (*name, median(values))).collect();
        figures.push(("program_mb", Server::program_mb()));
        let ratios = ratios(|name| figures.iter().find(|(known, _)| *known == name).map_or(f64::NAN, |(_, v)| *v));
        Self { ratios, figures, rounds: args.rounds, stored: args.stored }
    }

    /// Whether every goal is reached.
    pub fn passed(&self) -> bool {
        self.ratios.iter().all(|ratio| ratio.goal.holds(ratio.value))
    }

    /// For people.
    pub fn table(&self) -> String {
        let mut text = format!("medians of {}, {} applications stored\n\n", self.rounds, self.stored);
        for (name, value) in &self.figures {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {name:<22} {value:>10.1}");
        }
        text.push('\n');
        for Ratio { id, what, value, goal } in &self.ratios {
            let verdict = if goal.holds(*value) { "pass" } else { "FAIL" };
            let _ = writeln!(text, "{id:<4} {what:<66} {value:>7.2}  {:<8} {verdict}", goal.shown());
        }
        text
    }

    /// For programs.
    pub fn json(&self) -> String {
        let figures: Map<String, Value> = self.figures.iter().map(|(name, v)| ((*name).to_owned(), json!(v))).collect();
        let ratios: Vec<Value> = self
            .ratios
            .iter()
            .map(|r| json!({"id": r.id, "what": r.what, "value": r.value, "goal": r.goal.shown(), "pass": r.goal.holds(r.value)}))
            .collect();
        let report = json!({"rounds": self.rounds, "stored": self.stored, "figures": figures, "ratios": ratios});
        format!("{report:#}")
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Figures by name, and what several ratios need of them.
struct Figures<F: Fn(&str) -> f64> {
    of: F,
    sign: f64,
    verify: f64,
    transaction: f64,
    /// What a signature would cost on the machine that the goals were set on, where it costs less here.
    usual: f64,
}

impl<F: Fn(&str) -> f64> Figures<F> {
    fn new(of: F) -> Self {
        let (sign, verify, transaction) = (of("sign_us"), of("verify_us"), of("transaction_us"));
        Self { of, sign, verify, transaction, usual: f64::max(sign, REFERENCE_SIGN * transaction) }
    }

    fn sum(&self, kind: [&str; 3]) -> f64 {
        kind.into_iter().map(|name| (self.of)(name)).sum()
    }

    /// G1 and G3 of one request: by the clock, by processor time, and with the reference machine's signature.
    fn accepting(&self, words: [&'static str; 2], rate: &str, costs: [&str; 3]) -> Vec<Ratio> {
        let Self { sign, verify, usual, .. } = *self;
        let [server, ..] = costs;
        let above = (self.of)(server) - sign - verify;
        let [share, own] = words;
        vec![
            at_least("G1", share, (self.of)(rate) * (sign + verify) / 1e6 / CORES, 0.45),
            at_least("G1", BY_TIME, (sign + verify) / self.sum(costs), 0.45),
            at_least("G1", AS_USUAL, (usual + verify) / (self.sum(costs) - sign + usual), 0.45),
            at_most("G3", own, above / sign, 0.5),
            at_most("G3", AS_USUAL, above / usual, 0.5),
        ]
    }

    /// G6 and G7.
    fn delivering(&self) -> Vec<Ratio> {
        let Self { sign, usual, transaction, .. } = *self;
        let costs = ["callback_server_us", "callback_postgres_us", "callback_client_us"];
        let svix = SVIX_PER_S * SVIX_TRANSACTION_US / transaction;
        let share = (self.of)("callback_per_s") * sign / 1e6 / CORES;
        vec![
            at_least("G6", "callbacks: share of the machine that is RSA", share, 0.65),
            at_least("G6", BY_TIME, sign / self.sum(costs), 0.65),
            at_least("G6", AS_USUAL, usual / (self.sum(costs) - sign + usual), 0.65),
            at_least("G7", "pairs of request and callback / Svix' messages", (self.of)("pair_per_s") / svix, 0.8),
        ]
    }
}

/// What the ratio would be if nothing else ran on the machine.
const BY_TIME: &str = "the same by processor time, whatever else runs";
const AS_USUAL: &str = "the same with the reference machine's signature";

fn at_least(id: &'static str, what: &'static str, value: f64, goal: f64) -> Ratio {
    Ratio { id, what, value, goal: Goal::AtLeast(goal) }
}

fn at_most(id: &'static str, what: &'static str, value: f64, goal: f64) -> Ratio {
    Ratio { id, what, value, goal: Goal::AtMost(goal) }
}

fn ratios(of: impl Fn(&str) -> f64) -> Vec<Ratio> {
    let figures = Figures::new(of);
    let create = ["createLoanApplications: share of the machine that is RSA", "create: server beside RSA / sign"];
    let offer =
        ["setOffer by its id: share of the machine that is RSA", "setOffer by its id: server beside RSA / sign"];
    let whole =
        ["setOffer with the whole offer: share that is RSA", "setOffer with the whole offer: server beside RSA / sign"];
    let costs = ["create_server_us", "create_postgres_us", "create_client_us"];
    let mut ratios = figures.accepting(create, "create_per_s", costs);
    let costs = ["offer_server_us", "offer_postgres_us", "offer_client_us"];
    ratios.extend(figures.accepting(offer, "offer_per_s", costs));
    let costs = ["whole_server_us", "whole_postgres_us", "whole_client_us"];
    ratios.extend(figures.accepting(whole, "whole_per_s", costs));
    let of = &figures.of;
    ratios.push(at_most("G4", "create: Postgres / transaction", of("create_postgres_us") / figures.transaction, 1.5));
    ratios.extend(figures.delivering());
    ratios.extend([
        at_most("G8", "p99 at half load / sign", of("half_p99_ms") * 1e3 / figures.sign, 20.0),
        at_most("G8", AS_USUAL, of("half_p99_ms") * 1e3 / figures.usual, 20.0),
        at_most("G9", "start to first answer, ms", of("start_ms"), 100.0),
        at_most("G10", "memory idle, MiB", of("idle_mib"), 20.0),
        at_most("G10", "memory at saturation, MiB", of("busy_mib"), 50.0),
        at_most("G11", "program, stripped, MB", of("program_mb"), 20.0),
    ]);
    ratios
}
