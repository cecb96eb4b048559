//! The ratios of `performance.md` §9 with their goals, and the figures behind them.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::args::Args;
use crate::phases::Measured;
use crate::server::Server;

/// Svix delivered so many messages a second on the machine whose signature took [`SVIX_SIGN_US`] (`performance.md`
/// §7); on another machine the figure is taken to scale as the signature does.
const SVIX_PER_S: f64 = 1_002.0;
const SVIX_SIGN_US: f64 = 668.0;
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

fn ratios(of: impl Fn(&str) -> f64) -> Vec<Ratio> {
    use Goal::{AtLeast, AtMost};
    let (sign, verify, transaction) = (of("sign_us"), of("verify_us"), of("transaction_us"));
    let share = |rate: &str| of(rate) * (sign + verify) / 1e6 / CORES;
    // What the share would be if nothing else ran on the machine: by processor time alone.
    let undisturbed = |kind: [&str; 3]| (sign + verify) / kind.map(&of).iter().sum::<f64>();
    let above = |server: &str| (of(server) - sign - verify) / sign;
    // The same where a signature costs what it did on the machine that the goals were set on.
    let usual = f64::max(sign, REFERENCE_SIGN * transaction);
    let usually = |kind: [&str; 3]| (usual + verify) / (kind.map(&of).iter().sum::<f64>() - sign + usual);
    let svix = SVIX_PER_S * SVIX_SIGN_US / sign;
    let create = ["create_server_us", "create_postgres_us", "create_client_us"];
    let offer = ["offer_server_us", "offer_postgres_us", "offer_client_us"];
    let callback = ["callback_server_us", "callback_postgres_us", "callback_client_us"];
    let _usually_callback = usual / (callback.map(&of).iter().sum::<f64>() - sign + usual);
    let ratio = |id, what, value, goal| Ratio { id, what, value, goal };
    vec![
        ratio("G1", "createLoanApplications: share of the machine that is RSA", share("create_per_s"), AtLeast(0.45)),
        ratio("G1", "the same by processor time, whatever else runs", undisturbed(create), AtLeast(0.45)),
        ratio("G1", "the same with the reference machine's signature", usually(create), AtLeast(0.45)),
        ratio("G1", "setOffer: share of the machine that is RSA", share("offer_per_s"), AtLeast(0.45)),
        ratio("G1", "the same by processor time, whatever else runs", undisturbed(offer), AtLeast(0.45)),
        ratio("G1", "the same with the reference machine's signature", usually(offer), AtLeast(0.45)),
        ratio("G3", "create: server above sign and verify / sign", above("create_server_us"), AtMost(0.5)),
        ratio(
            "G3",
            "the same with the reference machine's signature",
            above("create_server_us") * sign / usual,
            AtMost(0.5),
        ),
        ratio("G3", "setOffer: server above sign and verify / sign", above("offer_server_us"), AtMost(0.5)),
        ratio("G4", "create: Postgres / transaction", of("create_postgres_us") / transaction, AtMost(1.5)),
        ratio(
            "G6",
            "callbacks: share of the machine that is RSA",
            of("callback_per_s") * sign / 1e6 / CORES,
            AtLeast(0.65),
        ),
        ratio(
            "G6",
            "the same by processor time, whatever else runs",
            sign / callback.map(&of).iter().sum::<f64>(),
            AtLeast(0.65),
        ),
        ratio(
            "G7",
            "request and callback pairs / Svix' messages, scaled by the signature",
            of("pair_per_s") / svix,
            AtLeast(0.8),
        ),
        ratio("G8", "p99 at half load / sign", of("half_p99_ms") * 1e3 / sign, AtMost(20.0)),
        ratio("G9", "start to first answer, ms", of("start_ms"), AtMost(100.0)),
        ratio("G10", "memory idle, MiB", of("idle_mib"), AtMost(20.0)),
        ratio("G10", "memory at saturation, MiB", of("busy_mib"), AtMost(50.0)),
        ratio("G11", "program, stripped, MB", of("program_mb"), AtMost(20.0)),
    ]
}
