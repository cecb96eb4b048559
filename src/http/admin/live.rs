//! What has changed, told to open pages as server-sent events. One watcher in a process looks at the database while
//! somebody listens, however many do; a page that is told reads what it shows again.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, watch};
use tokio::time::{Instant, timeout};

use super::caller::Caller;
use super::watcher;
use crate::app::SharedApp;
use crate::http::problem::{Problem, Query};

/// Most pages that listen to one process.
const LISTENERS: usize = 200;
/// Most changes that a slow page may lag behind; then it is told that anything may have changed.
const LAG: usize = 512;
/// How long a page waits for the watcher's first look.
const FIRST_LOOK: Duration = Duration::from_secs(3);
/// How often a quiet connection is kept awake.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a page listens before its browser must come again, so that a link or token that was withdrawn ends here, too.
const TURN: Duration = Duration::from_mins(1);
/// Everything that a page may show.
const ALL: [&str; 9] =
    ["applications", "asks", "callbacks", "clock", "decisions", "disputes", "loans", "lsps", "traffic"];

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Change {
    /// What a page may have to read again.
    pub(super) topics: BTreeSet<&'static str>,
    /// Whose; left out of what concerns everybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) org_id: Option<String>,
    /// The application; without it any of the topics may have changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) loan_application_id: Option<String>,
}

impl Change {
    /// Anything may have changed.
    pub(super) fn anything() -> Self {
        Self { topics: BTreeSet::from(ALL), org_id: None, loan_application_id: None }
    }

    fn concerns(&self, org_id: Option<&str>) -> bool {
        match (&self.org_id, org_id) {
            (Some(whose), Some(wanted)) => whose == wanted,
            _ => true,
        }
    }
}

/// Changes by LSP and application, gathered before they are told.
#[derive(Debug, Default)]
pub(super) struct Changes(BTreeMap<(Option<String>, Option<String>), BTreeSet<&'static str>>);

impl Changes {
    pub(super) fn add(&mut self, org_id: Option<String>, loan_application_id: Option<String>, topics: &[&'static str]) {
        self.0.entry((org_id, loan_application_id)).or_default().extend(topics);
    }

    pub(super) fn into_all(self) -> impl Iterator<Item = Change> {
        let change = |((org_id, loan_application_id), topics)| Change { topics, org_id, loan_application_id };
        self.0.into_iter().map(change)
    }
}

/// Who listens in this process, and the one watcher.
#[derive(Debug, Clone)]
pub struct Live {
    changes: broadcast::Sender<Arc<Change>>,
    places: Arc<Semaphore>,
    /// Held by the watcher while it runs.
    watching: Arc<Semaphore>,
    /// Whether it has looked for the first time: from then on nothing is missed.
    looked: watch::Sender<bool>,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            changes: broadcast::channel(LAG).0,
            places: Arc::new(Semaphore::new(LISTENERS)),
            watching: Arc::new(Semaphore::new(1)),
            looked: watch::channel(false).0,
        }
    }
}

impl Live {
    pub(super) fn tell(&self, change: Change) {
        // Nobody listening is no fault.
        let _ = self.changes.send(Arc::new(change));
    }

    pub(super) fn has_listeners(&self) -> bool {
        self.changes.receiver_count() > 0
    }

    /// Notes whether a watcher is at work.
    pub(super) fn looks(&self, looks: bool) {
        self.looked.send_replace(looks);
    }

    /// Starts the watcher, where there is none.
    pub(super) fn watch(&self, app: &SharedApp) {
        if let Ok(turn) = Arc::clone(&self.watching).try_acquire_owned() {
            app.tasks.spawn(watcher::run(Arc::clone(app), self.clone(), turn));
        }
    }
}

/// `GET /admin/live`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LiveQuery {
    org_id: Option<String>,
}

/// One page's ear.
struct Ear {
    app: SharedApp,
    changes: broadcast::Receiver<Arc<Change>>,
    looked: watch::Receiver<bool>,
    org_id: Option<String>,
    until: Instant,
    greeted: bool,
    _place: OwnedSemaphorePermit,
}

/// Changes from now on, until the server drains. Begins with `event: ready`; each change is `event: changed`.
///
/// # Errors
/// 503 when too many listen.
pub async fn listen(
    State(app): State<SharedApp>,
    Extension(live): Extension<Live>,
    caller: Caller,
    Query(query): Query<LiveQuery>,
) -> Result<Response, Problem> {
    let place = Arc::clone(&live.places).try_acquire_owned();
    let place =
        place.map_err(|_| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many pages listen; try again later"))?;
    let ear = Ear {
        changes: live.changes.subscribe(),
        looked: live.looked.subscribe(),
        org_id: caller.within(query.org_id),
        until: Instant::now() + TURN,
        greeted: false,
        app: Arc::clone(&app),
        _place: place,
    };
    live.watch(&app);
    let events = stream::unfold(ear, |mut ear| async move {
        let event = ear.next().await?;
        Some((Ok::<_, Infallible>(event), ear))
    });
    let beat = KeepAlive::new().interval(HEARTBEAT).text("heartbeat");
    let mut response = Sse::new(events).keep_alive(beat).into_response();
    // A proxy that gathers answers would keep the news to itself.
    response.headers_mut().insert("x-accel-buffering", axum::http::HeaderValue::from_static("no"));
    Ok(response)
}

impl Ear {
    /// The next event; nothing at the end.
    async fn next(&mut self) -> Option<Event> {
        if !self.greeted {
            self.greeted = true;
            // When the database is away, so is the news; the page is let in all the same.
            let _ = timeout(FIRST_LOOK, self.looked.wait_for(|looked| *looked)).await;
            return Some(Event::default().event("ready").data("{}"));
        }
        loop {
            let heard = tokio::select! {
                () = self.app.draining.cancelled() => return None,
                () = self.app.stop.cancelled() => return None,
                () = tokio::time::sleep_until(self.until) => return None,
                heard = self.changes.recv() => heard,
            };
            let change = match heard {
                Ok(change) => change,
                Err(RecvError::Lagged(_)) => Arc::new(Change::anything()),
                Err(RecvError::Closed) => return None,
            };
            if change.concerns(self.org_id.as_deref()) {
                return Event::default().event("changed").json_data(&*change).ok();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_hears_of_its_own_lsp_and_of_what_is_everybodys() {
        let of = |org: Option<&str>| Change { org_id: org.map(str::to_owned), ..Change::anything() };
        assert!(of(Some("A")).concerns(Some("A")) && of(Some("A")).concerns(None) && of(None).concerns(Some("A")));
        assert!(!of(Some("B")).concerns(Some("A")));
    }

    #[test]
    fn what_changed_about_one_application_is_told_once() {
        let mut changes = Changes::default();
        let org = || Some("A".to_owned());
        changes.add(org(), Some("APP".to_owned()), &["applications"]);
        changes.add(org(), Some("APP".to_owned()), &["callbacks", "applications"]);
        changes.add(org(), None, &["traffic"]);
        let all: Vec<Change> = changes.into_all().collect();
        assert_eq!(all.len(), 2);
        let json = serde_json::to_value(&all[1]).unwrap();
        let told =
            serde_json::json!({"topics": ["applications", "callbacks"], "orgId": "A", "loanApplicationId": "APP"});
        assert_eq!(json, told);
    }
}
