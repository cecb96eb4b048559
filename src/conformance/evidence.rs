//! All that was seen, and the questions that many rules ask of it.

use super::args::{Attestation, Limits};
use super::finding::{Fault, Judgement, Side};
use super::probes::{Probe, Reaction};
use super::traffic::{Callback, Traffic, Try};

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

    /// The endpoint must refuse each of these.
    pub fn must_refuse(&self, asks: &[Ask]) -> Judgement {
        self.each(asks, false, |reaction| matches!(reaction, Reaction::Refused | Reaction::Broke))
    }

    /// The endpoint must accept each of these.
    pub fn must_accept(&self, asks: &[Ask]) -> Judgement {
        self.each(asks, true, |reaction| reaction == Reaction::Accepted)
    }

    /// Probes, and callbacks that the sandbox spoilt in the same way on purpose.
    fn each(&self, asks: &[Ask], accept: bool, kept: impl Fn(Reaction) -> bool) -> Judgement {
        let is_sane = self.takes_what_is_right();
        let expected = |ask: &Ask| format!("{} is {}", ask.what, if accept { "accepted" } else { "refused" });
        let (mut faults, mut seen) = (Vec::new(), Vec::new());
        for ask in asks {
            if let Some(probe) = self.probe(ask.defect).filter(|_| is_sane) {
                match probe.reaction() {
                    Reaction::Silent => faults.push(silent(probe, ask)),
                    reaction if kept(reaction) => seen.push(probe.id()),
                    _ => faults.push(fault(Side::Lsp, probe, expected(ask), ask.hint)),
                }
            }
            for (callback, one) in self.spoilt(ask.defect) {
                if one.is_taken() == accept {
                    seen.push(callback.id.clone());
                    continue;
                }
                let got = one.error.clone().unwrap_or_else(|| "it was acknowledged".to_owned());
                let evidence = vec![callback.id.clone()];
                faults.push(Fault { side: Side::Lsp, evidence, expected: expected(ask), got, hint: ask.hint });
            }
        }
        let untested = if is_sane {
            "it was not probed"
        } else {
            "the endpoint does not take even a genuine message, so that this would prove nothing"
        };
        Judgement::of(faults, seen, untested)
    }

    /// Tries that were answered, of callbacks that the sandbox spoilt in this one way (scenarios 0905, 0906, 0909).
    fn spoilt(&self, defect: &str) -> impl Iterator<Item = (&Callback, &Try)> {
        let fault = match defect {
            "unknownKid" => "expiredKey",
            "unknownFields" => "extraFields",
            same => same,
        };
        let only = move |mark: &str| mark.rsplit(' ').next() == Some(fault) && !mark.contains(',');
        self.traffic.callbacks.iter().flat_map(move |callback| {
            let answered = callback.tries.iter().filter(|one| one.status.is_some());
            let spoilt = answered.filter(move |one| one.injected.as_deref().is_some_and(only));
            spoilt.map(move |one| (callback, one))
        })
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
