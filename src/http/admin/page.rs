//! Lists come in pages: `{"items":[...],"nextCursor":...}`.

use axum::Json;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::http::problem::Problem;

/// Items of a page when the caller does not say.
const DEFAULT: i64 = 50;
/// Most items of a page.
const MOST: i64 = 500;

/// One page of a list.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "{T}Page")]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    items: Vec<T>,
    /// To be handed back for the next page; null after the last one.
    next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// Makes a page of what was found when one item more than `limit` was fetched: the extra one tells that there is a
    /// next page. `cursor` names an item.
    pub(super) fn of(mut items: Vec<T>, limit: i64, cursor: impl Fn(&T) -> String) -> Json<Self> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        let next_cursor = items.last().filter(|_| more).map(cursor);
        Json(Self { items, next_cursor })
    }
}

/// How many items a page may have; fetch one more.
pub(super) fn limit(asked: Option<i64>) -> Result<i64, Problem> {
    match asked.unwrap_or(DEFAULT) {
        limit @ 1..=MOST => Ok(limit),
        _ => Err(Problem::bad_request(format!("limit must be 1 to {MOST}"))),
    }
}

/// Reads a cursor that is an id of ours.
pub(super) fn before(cursor: Option<&str>) -> Result<Option<Uuid>, Problem> {
    cursor
        .map(|text| text.parse().map_err(|_| Problem::bad_request("cursor is not one that was handed out")))
        .transpose()
}
