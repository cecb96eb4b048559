//! The message that a probe is made from: the LSP's latest answer, sent once more, or a harmless one that nobody asked for.

use serde_json::json;

use super::super::problem::Problem;
use crate::app::App;
use crate::store::outbox::body_context;

/// `metadata.version` of what nobody asked for.
const VERSION: &str = "1.0";

/// A callback without its metadata.
#[derive(Debug, Clone)]
pub(super) struct Base {
    /// Answer path.
    pub(super) path: String,
    /// JSON object.
    pub(super) payload: String,
    /// The `requestId` in it.
    pub(super) request_id: String,
    /// `metadata.version`.
    pub(super) version: String,
    /// `metadata.traceId`.
    pub(super) trace_id: String,
    /// Whether the LSP's request had its header under `protected`.
    pub(super) protected_member: bool,
    /// Whether the LSP has taken this answer before.
    pub(super) replayed: bool,
}

impl Base {
    /// The latest answer that the LSP acknowledged, or else a heartbeat's.
    pub(super) async fn of(app: &App, org_id: &str) -> Result<Self, Problem> {
        let latest = sqlx::query!(
            "select callback_id, path, request_id, version, trace_id, protected_member, body
            from callback
            where org_id = $1
            and state = 'DELIVERED'
            and operation <> 'confirmRepayment'
            order by callback_id desc
            limit 1",
            org_id,
        )
        .fetch_optional(&app.pool)
        .await?;
        let Some(row) = latest else {
            return Ok(Self::heartbeat(app));
        };
        match app.sealer.open(&body_context(row.callback_id), &row.body).map(String::from_utf8) {
            Ok(Ok(payload)) => Ok(Self {
                path: row.path,
                payload,
                request_id: row.request_id,
                version: row.version,
                trace_id: row.trace_id,
                protected_member: row.protected_member,
                replayed: true,
            }),
            // It was erased meanwhile.
            _ => Ok(Self::heartbeat(app)),
        }
    }

    fn heartbeat(app: &App) -> Self {
        let request_id = app.ids.uuid().to_string();
        let payload = json!({"requestId": request_id, "response": {"error": "0"}, "status": "UP", "components": []});
        Self {
            path: "/v3/meta/heartbeatResponse".to_owned(),
            payload: payload.to_string(),
            request_id,
            version: VERSION.to_owned(),
            trace_id: app.ids.uuid().to_string(),
            protected_member: false,
            replayed: false,
        }
    }
}
