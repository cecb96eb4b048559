//! All that was seen, and the questions that many rules ask of it.

use super::args::{Attestation, Limits};
use super::finding::{Fault, Judgement, Side};
use super::probes::{Probe, Reaction};
use super::traffic::Traffic;

/// What the rules look at.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// The LSP's own traffic, before the probes.
    pub traffic: Traffic,
    /// What the probes came to.
    pub probes: Vec<Probe>,
    /// Where they went.
    pub target: String,
    /// What is too slow and what is too fast.
    pub limits: Limits,
    /// What people say.
    pub attested: Vec<Attestation>,
}

/// What a probe shows, and what to do when it shows the contrary.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    /// The probe.
    pub defect: &'static str,
    /// What it is, e.g. `a message whose payload was altered`.
    pub what: &'static str,
    /// What to do.
    pub hint: &'static str,
}

/// What the valid probe came to, which all others are measured by.
pub const CONTROL: &str = "valid";

impl Evidence {
    /// A probe by its defect.
    pub fn probe(&self, defect: &str) -> Option<&Probe> {
        self.probes.iter().find(|probe| probe.defect == defect)
    }

    /// Whether the endpoint takes what is right. If not, its refusals prove nothing.
    pub fn takes_what_is_right(&self) -> bool {
        self.probe(CONTROL).is_some_and(|probe| probe.reaction() == Reaction::Accepted)
    }

    fn proves_nothing() -> Judgement {
        Judgement::untested("the endpoint does not take even a genuine message, so that this would prove nothing")
    }

    /// The endpoint must refuse each of these.
    pub fn must_refuse(&self, asks: &[Ask]) -> Judgement {
        self.each(asks, |ask, probe| match probe.reaction() {
            Reaction::Refused | Reaction::Broke => None,
            Reaction::Accepted | Reaction::NoAck => {
                Some(fault(Side::Lsp, probe, format!("{} is refused", ask.what), ask.hint))
            }
            Reaction::Silent => Some(silent(probe, ask)),
        })
    }

    /// The endpoint must accept each of these.
    pub fn must_accept(&self, asks: &[Ask]) -> Judgement {
        self.each(asks, |ask, probe| match probe.reaction() {
            Reaction::Accepted => None,
            Reaction::Refused | Reaction::Broke | Reaction::NoAck => {
                Some(fault(Side::Lsp, probe, format!("{} is accepted", ask.what), ask.hint))
            }
            Reaction::Silent => Some(silent(probe, ask)),
        })
    }

    fn each(&self, asks: &[Ask], broken: impl Fn(&Ask, &Probe) -> Option<Fault>) -> Judgement {
        if !self.takes_what_is_right() {
            return Self::proves_nothing();
        }
        let (mut faults, mut seen) = (Vec::new(), Vec::new());
        for ask in asks {
            let Some(probe) = self.probe(ask.defect) else { continue };
            match broken(ask, probe) {
                Some(fault) => faults.push(fault),
                None => seen.push(probe.id()),
            }
        }
        Judgement::of(faults, seen, "it was not probed")
    }
}

/// A breach that a probe shows.
pub fn fault(side: Side, probe: &Probe, expected: String, hint: &'static str) -> Fault {
    Fault { side, evidence: vec![probe.id()], expected, got: probe.got(), hint }
}

/// An endpoint that takes other messages and says nothing to this one: nobody can tell who dropped it.
fn silent(probe: &Probe, ask: &Ask) -> Fault {
    fault(Side::Unclear, probe, format!("an answer to {}", ask.what), "See whether the message reached the endpoint.")
}
