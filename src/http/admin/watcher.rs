//! Looks for what is new while somebody listens, and tells it.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use uuid::Uuid;

use super::live::{Change, Changes, Live};
use crate::app::{App, SharedApp};
use crate::store::StoreError;
use crate::store::live::{self, News, Since};

/// How often it looks.
const EVERY: Duration = Duration::from_millis(500);
/// How often after a look that failed.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// How long a look may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// Looks that overlap: a transaction that began earlier may commit later, with smaller ids, also on another replica
/// whose clock is a little behind.
const OVERLAP: usize = 6;
/// Most news of one kind in one look; when there are more, anything may have changed.
const MOST: i64 = 200;

/// What is remembered from look to look.
struct Memory {
    /// Where the tables ended at the last looks, the oldest first.
    marks: VecDeque<Since>,
    /// News that were told and may come again.
    told: HashSet<(String, String, Option<String>)>,
    traffic: BTreeMap<String, i64>,
    offset_ms: i64,
}

/// Watches until nobody listens or the app stops.
pub(super) async fn run(app: SharedApp, live: Live, turn: OwnedSemaphorePermit) {
    let mut memory: Option<Memory> = None;
    let mut pause = Duration::ZERO;
    while live.has_listeners() {
        tokio::select! {
            () = app.stop.cancelled() => break,
            () = tokio::time::sleep(pause) => {}
        }
        pause = match timeout(PATIENCE, look(&app, &mut memory)).await {
            Ok(Ok(changes)) => {
                for change in changes {
                    live.tell(change);
                }
                live.looks(true);
                EVERY
            }
            Ok(Err(error)) => {
                tracing::debug!(%error, "pages are not told what has changed");
                AFTER_FAILURE
            }
            Err(_) => AFTER_FAILURE,
        };
    }
    live.looks(false);
    drop(turn);
    // Somebody may have come after the last look at the listeners, and found the turn taken.
    if live.has_listeners() && !app.stop.is_cancelled() {
        live.watch(&app);
    }
}

async fn look(app: &App, memory: &mut Option<Memory>) -> Result<Vec<Change>, StoreError> {
    let wall = app.clock.wall();
    let mut conn = app.pool.acquire().await?;
    let (event, audit, decision) = live::ends(&mut conn).await?;
    let now = Since { event, audit, decision, id: id_at(wall) };
    let traffic = counted(app, live::traffic(&mut conn, wall - TimeDelta::minutes(30)).await?);
    let Some(known) = memory else {
        let (marks, told) = (VecDeque::from([now]), HashSet::new());
        *memory = Some(Memory { marks, told, traffic, offset_ms: app.clock.offset_ms() });
        return Ok(Vec::new());
    };
    let since = known.marks.front().copied().unwrap_or(now);
    let news = live::news(&mut conn, since, MOST).await?;
    drop(conn);
    Ok(known.compare(news, (now, traffic, app.clock.offset_ms())))
}

impl Memory {
    fn compare(&mut self, news: Vec<News>, now: (Since, BTreeMap<String, i64>, i64)) -> Vec<Change> {
        let (mark, traffic, offset_ms) = now;
        let mut changes = Changes::default();
        for (org_id, number) in &traffic {
            if self.traffic.get(org_id).copied().unwrap_or_default() < *number {
                let whose = Some(org_id.clone()).filter(|org_id| !org_id.is_empty());
                changes.add(whose, None, &["traffic", "callbacks"]);
            }
        }
        if offset_ms != self.offset_ms {
            changes.add(None, None, &["clock"]);
        }
        let flood = i64::try_from(news.len()).unwrap_or(i64::MAX) >= MOST;
        let mut seen = HashSet::with_capacity(news.len());
        for one in news {
            let key = (one.kind.clone(), one.id.clone(), one.loan_application_id.clone());
            if !self.told.contains(&key) {
                note(&mut changes, one);
            }
            seen.insert(key);
        }
        self.told = seen;
        self.marks.push_back(mark);
        if self.marks.len() > OVERLAP {
            self.marks.pop_front();
        }
        (self.traffic, self.offset_ms) = (traffic, offset_ms);
        if flood { vec![Change::anything()] } else { changes.into_all().collect() }
    }
}

/// What is stored, and what this process has not stored yet.
fn counted(app: &App, stored: Vec<(String, i64)>) -> BTreeMap<String, i64> {
    let mut counted: BTreeMap<String, i64> = stored.into_iter().collect();
    for ((_, org_id), counts) in app.traffic.held() {
        *counted.entry(org_id).or_default() += counts.requests + counts.callbacks + counts.failed_attempts;
    }
    counted
}

fn note(changes: &mut Changes, news: News) {
    let mut topics: Vec<&'static str> = match news.kind.as_str() {
        "callback" => vec!["callbacks", "applications"],
        "ask" => vec!["asks", "applications"],
        "journal" => vec!["loans"],
        "decision" => vec!["decisions"],
        "audit" => of_action(news.action.as_deref().unwrap_or_default()).to_vec(),
        _ => vec!["applications"],
    };
    if news.has_loan {
        topics.extend(["loans", "disputes"]);
    }
    if !topics.is_empty() {
        changes.add(news.org_id, news.loan_application_id, &topics);
    }
}

/// What a person's act changes, beside what is told of the application itself.
fn of_action(action: &str) -> &'static [&'static str] {
    match action {
        action if action.starts_with("LSP") || action.starts_with("KEY") => &["lsps"],
        action if action.starts_with("CALLBACK") => &["callbacks"],
        action if action.starts_with("DISPUTE") => &["disputes"],
        action if action.starts_with("DECISION") => &["decisions"],
        action if action.starts_with("ACT") => &["loans"],
        action if action.starts_with("SWITCH") => &["lsps", "applications"],
        _ => &[],
    }
}

/// The smallest id that may be made at a time.
fn id_at(at: DateTime<Utc>) -> Uuid {
    // The first 48 bits are milliseconds (RFC 9562 §5.7).
    Uuid::from_u128(u128::try_from(at.timestamp_millis()).unwrap_or_default() << 80)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory() -> Memory {
        Memory { marks: VecDeque::new(), told: HashSet::new(), traffic: BTreeMap::new(), offset_ms: 0 }
    }

    fn mark() -> Since {
        Since { event: 0, audit: 0, decision: 0, id: Uuid::nil() }
    }

    fn event(id: &str) -> News {
        News {
            kind: "event".to_owned(),
            id: id.to_owned(),
            org_id: Some("A".to_owned()),
            loan_application_id: Some("APP".to_owned()),
            has_loan: false,
            action: None,
        }
    }

    #[test]
    fn what_comes_again_because_looks_overlap_is_told_once() {
        let mut memory = memory();
        let mut look = |news| memory.compare(news, (mark(), BTreeMap::new(), 0)).len();
        assert_eq!(look(vec![event("1")]), 1);
        assert_eq!(look(vec![event("1")]), 0);
        assert_eq!(look(vec![event("2"), event("1")]), 1);
    }

    #[test]
    fn traffic_and_the_clock_are_told_when_they_move() {
        let mut memory = memory();
        let mut look = |number, offset| {
            let traffic = BTreeMap::from([("A".to_owned(), number)]);
            let changes = memory.compare(Vec::new(), (mark(), traffic, offset));
            changes.into_iter().flat_map(|change| change.topics).collect::<Vec<_>>()
        };
        assert_eq!(look(1, 0), ["callbacks", "traffic"]);
        assert!(look(1, 0).is_empty());
        assert_eq!(look(1, 60_000), ["clock"]);
    }

    #[test]
    fn an_id_sorts_by_its_time() {
        let at = |seconds| id_at(DateTime::from_timestamp(seconds, 0).unwrap());
        assert!(at(1_000) < at(1_001));
        let now = crate::clock::Ids.uuid();
        let clock = crate::clock::Clock::default();
        assert!(id_at(clock.wall() - TimeDelta::seconds(5)) < now && now < id_at(clock.wall() + TimeDelta::seconds(5)));
    }
}
