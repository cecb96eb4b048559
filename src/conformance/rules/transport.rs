//! TR: the way there, and the ack.

use super::super::evidence::{CONTROL, Evidence, fault};
use super::super::finding::Severity::{Error, Info, Warning};
use super::super::finding::{Fault, Group, Judgement, Rule, Side};
use super::super::probes::{Probe, Reaction};
use super::super::traffic::{Ack, Refusal};
use super::rule;

/// The rule that `--allow-nacks` takes the edge off.
pub const NO_NACKS: &str = "TR-09";

pub const RULES: &[Rule] = &[
    rule("TR-01", Group::Tr, Error, "The endpoint can be reached", reachable),
    rule("TR-02", Group::Tr, Error, "A genuine callback is accepted", accepts),
    rule("TR-03", Group::Tr, Error, "Callbacks are acknowledged in time", in_time),
    rule("TR-04", Group::Tr, Error, "An ack has error, traceId and timestamp", complete),
    rule("TR-05", Group::Tr, Error, "An ack names the traceId of the message that it acknowledges", echoes),
    rule("TR-06", Group::Tr, Error, "2xx is answered only to what is accepted", honest_status),
    rule("TR-07", Group::Tr, Warning, "A message that is no message is answered 4xx", no_crash),
    rule("TR-08", Group::Tr, Warning, "The endpoint speaks TLS 1.2 or newer", tls),
    rule(NO_NACKS, Group::Tr, Error, "No request is refused in its ack", no_nacks),
    rule("TR-10", Group::Tr, Info, "The answer paths are found in small letters, too", small_letters),
];

fn reachable(evidence: &Evidence) -> Judgement {
    let Some(probe) = evidence.probe(CONTROL) else { return Judgement::untested("nothing was probed") };
    if probe.reaction() != Reaction::Silent {
        return Judgement::Passed(vec![probe.id()]);
    }
    let hint = "Start the endpoint, and see that the lender can reach its address.";
    Judgement::Failed(vec![fault(Side::Network, probe, format!("an answer from {}", probe.url), hint)])
}

fn accepts(evidence: &Evidence) -> Judgement {
    let (mut faults, mut seen) = (Vec::new(), Vec::new());
    let untested = match evidence.probe(CONTROL) {
        None => "nothing was probed",
        Some(probe) => match (probe.reaction(), probe.replayed) {
            (Reaction::Accepted, _) => {
                seen.push(probe.id());
                ""
            }
            (Reaction::Silent, _) => "the endpoint cannot be reached",
            (Reaction::Refused, false) => {
                "the endpoint refuses an answer to what it has not asked; let it send a request first"
            }
            (_, replayed) => {
                let what = if replayed { "the answer that it acknowledged before" } else { "a genuine callback" };
                let hint = "An answer that comes once more, with a fresh timestamp, is acknowledged once more.";
                faults.push(fault(Side::Lsp, probe, format!("{what} is accepted"), hint));
                ""
            }
        },
    };
    for callback in &evidence.traffic.callbacks {
        for one in &callback.tries {
            let Some(status) = one.status else { continue };
            if one.is_taken() {
                seen.push(callback.id.clone());
                continue;
            }
            let injected = callback.is_injected();
            faults.push(Fault {
                side: if injected { Side::Injected } else { Side::Lsp },
                evidence: vec![callback.id.clone()],
                expected: format!("{} is acknowledged with error 0", callback.operation),
                got: one.error.clone().unwrap_or_else(|| format!("HTTP {status}")),
                hint: "The body of the answer says why; the application's view has it under `tries`.",
            });
        }
    }
    Judgement::of(faults, seen, untested)
}

/// How long something took, and what it was.
fn in_time(evidence: &Evidence) -> Judgement {
    let limit = evidence.limits.ack_ms;
    let hint = "Store the callback, answer, and work on it afterwards.";
    let probed = evidence.probes.iter().flat_map(|probe| {
        let answered = probe.posts.iter().filter(|post| post.status.is_some());
        answered.map(|post| (probe.id(), post.took_ms, false))
    });
    let sent = evidence.traffic.callbacks.iter().flat_map(|callback| {
        let answered = callback.tries.iter().filter(|one| one.status.is_some());
        answered.map(|one| (callback.id.clone(), one.took_ms, callback.is_injected()))
    });
    let (mut faults, mut seen) = (Vec::new(), Vec::new());
    for (id, took, injected) in probed.chain(sent) {
        if took <= limit {
            seen.push(id);
            continue;
        }
        let side = if injected { Side::Injected } else { Side::Lsp };
        let (expected, got) = (format!("an ack within {limit} ms"), "an ack that took longer".to_owned());
        faults.push(Fault { side, evidence: vec![format!("{id} ({took} ms)")], expected, got, hint });
    }
    Judgement::of(faults, seen, "no callback was answered")
}

/// Acks that say yes, with the trace id that they should name.
pub(super) fn acks(evidence: &Evidence) -> Vec<(String, &Ack, &str)> {
    let probed = evidence.probes.iter().flat_map(|probe: &Probe| {
        let accepted = probe.posts.iter().filter(|post| post.reaction() == Reaction::Accepted);
        accepted.filter_map(|post| Some((probe.id(), post.ack.as_ref()?, probe.trace_id.as_str())))
    });
    let sent = evidence.traffic.callbacks.iter().flat_map(|callback| {
        let taken = callback.tries.iter().filter(|one| one.is_taken());
        taken.filter_map(|one| Some((callback.id.clone(), one.ack.as_ref()?, callback.trace_id.as_str())))
    });
    probed.chain(sent).collect()
}

fn complete(evidence: &Evidence) -> Judgement {
    let (mut faults, mut seen) = (Vec::new(), Vec::new());
    for (id, ack, _) in acks(evidence) {
        let members = [("error", &ack.error), ("traceId", &ack.trace_id), ("timestamp", &ack.timestamp)];
        let lacking: Vec<&str> =
            members.into_iter().filter(|(_, value)| value.is_none()).map(|(name, _)| name).collect();
        if lacking.is_empty() {
            seen.push(id);
            continue;
        }
        faults.push(Fault {
            side: Side::Lsp,
            evidence: vec![id],
            expected: r#"{"error":"0","traceId":"…","timestamp":"…"}"#.to_owned(),
            got: format!("an ack without {}", lacking.join(", ")),
            hint: "Answer each callback with all three members; the error is \"0\" when it is accepted.",
        });
    }
    Judgement::of(faults, seen, "no ack said yes")
}

fn echoes(evidence: &Evidence) -> Judgement {
    let (mut faults, mut seen) = (Vec::new(), Vec::new());
    for (id, ack, expected) in acks(evidence) {
        match ack.trace_id.as_deref() {
            None => {}
            Some(named) if named == expected => seen.push(id),
            Some(_) => faults.push(Fault {
                side: Side::Lsp,
                evidence: vec![id],
                expected: "the ack's traceId is the message's metadata.traceId".to_owned(),
                got: "another traceId".to_owned(),
                hint: "Copy metadata.traceId of the message into its ack.",
            }),
        }
    }
    Judgement::of(faults, seen, "no ack had a traceId")
}

fn honest_status(evidence: &Evidence) -> Judgement {
    let hint = "Answer 4xx, or 5xx when it should come again, together with an ack whose error is not 0.";
    let (mut faults, mut seen) = (Vec::new(), Vec::new());
    for probe in &evidence.probes {
        for post in &probe.posts {
            let no = post.ack.as_ref().is_some_and(|ack| !ack.says_yes());
            match post.status {
                Some(200..=299) if no => {
                    faults.push(fault(Side::Lsp, probe, "a refusal has a status of 4xx".to_owned(), hint));
                }
                Some(200..=299) if post.ack.is_none() => {
                    faults.push(fault(Side::Lsp, probe, "2xx comes with an ack".to_owned(), hint));
                }
                Some(_) => seen.push(probe.id()),
                None => {}
            }
        }
    }
    Judgement::of(faults, seen, "no probe was answered")
}

fn no_crash(evidence: &Evidence) -> Judgement {
    let hint = "Catch what cannot be read, and answer 400: a 5xx is sent again for three days.";
    let (mut faults, mut seen) = (Vec::new(), Vec::new());
    for probe in &evidence.probes {
        match probe.reaction() {
            Reaction::Broke => faults.push(fault(Side::Lsp, probe, "2xx or 4xx".to_owned(), hint)),
            Reaction::Silent => {}
            _ => seen.push(probe.id()),
        }
    }
    Judgement::of(faults, seen, "no probe was answered")
}

fn tls(evidence: &Evidence) -> Judgement {
    let answered = evidence.probe(CONTROL).filter(|probe| probe.reaction() != Reaction::Silent);
    let Some(probe) = answered else { return Judgement::untested("the endpoint was not reached") };
    let local = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
    if evidence.target.starts_with("https://") {
        return Judgement::Passed(vec![probe.id()]);
    }
    if local.iter().any(|prefix| evidence.target.starts_with(prefix)) {
        return Judgement::untested("the endpoint is on this machine, without TLS");
    }
    let hint = "Give the endpoint a certificate; outside the sandbox nothing goes without TLS in both directions.";
    let plain =
        Fault { got: "plain HTTP".to_owned(), ..fault(Side::Lsp, probe, "an https:// address".to_owned(), hint) };
    Judgement::Failed(vec![plain])
}

fn no_nacks(evidence: &Evidence) -> Judgement {
    let faults = evidence.traffic.refusals.iter().map(|refusal| Fault {
        side: whose(refusal),
        evidence: vec![refusal.id.clone()],
        expected: format!("{} is accepted in its ack", refusal.operation),
        got: told(refusal),
        hint: "The ack's detail and pointer say what is wrong; send it anew once that is mended.",
    });
    let seen = evidence.traffic.requests.iter().map(|request| request.id.clone()).collect();
    Judgement::of(faults.collect(), seen, "the LSP has sent nothing")
}

/// Whose fault a refusal is, by its code (`ocen-v3.md` §8.2).
pub(super) fn whose(refusal: &Refusal) -> Side {
    match refusal.error.as_str() {
        _ if refusal.injected.is_some() => Side::Injected,
        "GEN5004" => Side::Lender,
        "GEN5006" => Side::Unclear,
        _ => Side::Lsp,
    }
}

/// A refusal in words.
pub(super) fn told(refusal: &Refusal) -> String {
    let place = if refusal.pointer.is_empty() { "" } else { " at " };
    format!("{} ({}): {}{place}{}", refusal.error, refusal.status, refusal.detail, refusal.pointer)
}

fn small_letters(evidence: &Evidence) -> Judgement {
    evidence.must_accept(&[super::super::evidence::Ask {
        defect: "lowerCasePath",
        what: "an answer path in small letters",
        hint: "Lenders spell the two paths with a capital T in both ways; take either.",
    }])
}
