//! Spans of time as people write them (ISO 8601 durations, e.g. `P30D`, `P1M`, `PT90M`).

use chrono::{DateTime, Months, TimeDelta, Utc};

/// Longest number of one part; with it no sum leaves the calendar unnoticed.
const MAX_DIGITS: usize = 6;

/// The instant that lies a span after another, or nothing when the text is no span, or one out of range. Months and
/// years go by the calendar; fractions are not read.
#[must_use]
pub fn after(start: DateTime<Utc>, span: &str) -> Option<DateTime<Utc>> {
    let text = span.strip_prefix('P')?;
    let (days, time) = match text.split_once('T') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (text, ""),
    };
    if days.is_empty() && time.is_empty() {
        return None;
    }
    let at = add_parts(start, days, &['Y', 'M', 'W', 'D'], add_date_part)?;
    add_parts(at, time, &['H', 'M', 'S'], add_time_part)
}

type Add = fn(DateTime<Utc>, char, u32) -> Option<DateTime<Utc>>;

/// Adds `3D`, `1Y2M` and so on; the units must come in their order, each once.
fn add_parts(start: DateTime<Utc>, parts: &str, units: &[char], add: Add) -> Option<DateTime<Utc>> {
    let (mut at, mut rest, mut left) = (start, parts, units);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at_checked(end)?;
        let unit = tail.chars().next()?;
        let place = left.iter().position(|known| *known == unit)?;
        if number.is_empty() || number.len() > MAX_DIGITS {
            return None;
        }
        at = add(at, unit, number.parse().ok()?)?;
        rest = tail.strip_prefix(unit)?;
        left = left.get(place + 1..)?;
    }
    Some(at)
}

fn add_date_part(at: DateTime<Utc>, unit: char, count: u32) -> Option<DateTime<Utc>> {
    match unit {
        'Y' => at.checked_add_months(Months::new(count.checked_mul(12)?)),
        'M' => at.checked_add_months(Months::new(count)),
        'W' => at.checked_add_signed(TimeDelta::try_weeks(count.into())?),
        _ => at.checked_add_signed(TimeDelta::try_days(count.into())?),
    }
}

fn add_time_part(at: DateTime<Utc>, unit: char, count: u32) -> Option<DateTime<Utc>> {
    let delta = match unit {
        'H' => TimeDelta::try_hours(count.into())?,
        'M' => TimeDelta::try_minutes(count.into())?,
        _ => TimeDelta::try_seconds(count.into())?,
    };
    at.checked_add_signed(delta)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn later(span: &str) -> Option<String> {
        let start: DateTime<Utc> = "2026-01-31T18:00:00Z".parse().unwrap();
        after(start, span).map(|at| at.format("%F %T").to_string())
    }

    #[test]
    fn spans_add_up_by_the_calendar() {
        assert_eq!(later("P30D").as_deref(), Some("2026-03-02 18:00:00"));
        assert_eq!(later("P1M").as_deref(), Some("2026-02-28 18:00:00"));
        assert_eq!(later("P1Y2W").as_deref(), Some("2027-02-14 18:00:00"));
        assert_eq!(later("PT36H5M1S").as_deref(), Some("2026-02-02 06:05:01"));
        assert_eq!(later("P0D").as_deref(), Some("2026-01-31 18:00:00"));
    }

    #[test]
    fn what_is_no_span_is_refused() {
        for text in ["", "P", "PT", "P1", "PD", "30D", "P-1D", "P1.5D", "P1D1M", "P1H", "P9999999D", "P1DT", "P1é"] {
            assert_eq!(later(text), None, "{text}");
        }
    }
}
