//! W3C trace context (<https://www.w3.org/TR/trace-context/>): one trace per exchange, from the LSP's request over the
//! calls of the lender's systems to the callback, whoever began it.
//!
//! `traceparent: 00-{trace id, 32 hex digits}-{parent span, 16}-{flags, 2}`. What goes out is always marked as sampled:
//! this server logs every hop. `tracestate` ends here, which the standard allows: a callback may leave days later.

use std::fmt;

use uuid::Uuid;

/// Name of the header.
pub const HEADER: &str = "traceparent";
/// How long version 00 is.
const LENGTH: usize = 55;

/// One hop of a trace: a request handled, a callback tried, a port called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The trace, the same over all hops.
    pub trace: Uuid,
    /// This hop.
    pub id: SpanId,
    /// The caller's hop, when it told one.
    pub parent: Option<SpanId>,
}

/// Number of a hop; never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanId(u64);

impl fmt::Display for SpanId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

impl SpanId {
    /// The random half of a `UUIDv7`, whose variant bits are never all zero.
    fn of(fresh: Uuid) -> Self {
        Self(fresh.as_u64_pair().1.max(1))
    }
}

impl Span {
    /// A hop of the caller's trace, or of a new one when the caller tells none or none that is well formed; `fresh` is
    /// an id of its own.
    #[must_use]
    pub fn accept(traceparent: Option<&str>, fresh: Uuid) -> Self {
        let id = SpanId::of(fresh);
        match traceparent.and_then(parse) {
            Some((trace, parent)) => Self { trace, id, parent: Some(parent) },
            None => Self { trace: fresh, id, parent: None },
        }
    }

    /// Another hop of a known trace.
    #[must_use]
    pub fn within(trace: Uuid, fresh: Uuid) -> Self {
        Self { trace, id: SpanId::of(fresh), parent: None }
    }

    /// What the next hop is told.
    #[must_use]
    pub fn traceparent(&self) -> String {
        format!("00-{}-{}-01", self.trace.simple(), self.id)
    }
}

/// Trace and parent of a header. Versions to come may be longer; `ff` is none.
fn parse(header: &str) -> Option<(Uuid, SpanId)> {
    let known = header.get(..LENGTH)?;
    let rest = header.get(LENGTH..)?;
    let mut parts = known.split('-');
    let mut next = |digits: usize| parts.next().filter(|part| is_hex(part, digits));
    let (version, trace, parent, _flags) = (next(2)?, next(32)?, next(16)?, next(2)?);
    let whole = rest.is_empty() || (version != "00" && rest.starts_with('-'));
    if version == "ff" || !whole {
        return None;
    }
    let trace = Uuid::try_parse(trace).ok().filter(|trace| !trace.is_nil())?;
    let parent = u64::from_str_radix(parent, 16).ok().filter(|parent| *parent != 0)?;
    Some((trace, SpanId(parent)))
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const FRESH: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_002a);

    #[test]
    fn the_callers_trace_goes_on_under_a_new_parent() {
        let span = Span::accept(Some(GOOD), FRESH);
        assert_eq!(span.trace.simple().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(span.parent.unwrap().to_string(), "00f067aa0ba902b7");
        assert_eq!(span.traceparent(), "00-4bf92f3577b34da6a3ce929d0e0e4736-800000000000002a-01");
        let later = format!("cc{}-more", GOOD.trim_start_matches("00"));
        assert_eq!(Span::accept(Some(&later), FRESH), span);
    }

    #[test]
    fn what_is_not_well_formed_begins_a_trace() {
        let begun = Span::accept(None, FRESH);
        assert_eq!((begun.trace, begun.parent), (FRESH, None));
        for bad in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-é1",
        ] {
            assert_eq!(Span::accept(Some(bad), FRESH), begun, "{bad}");
        }
    }
}
