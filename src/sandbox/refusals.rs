//! Keeps the requests that were refused in their acks, which the engine does not: an LSP's report names them.

use std::sync::Arc;

use crate::app::{App, Refused, SharedApp};
use crate::store::StoreError;

/// What the acks' words are sealed for.
pub(super) const SEALED_FOR: &str = "sandbox.refusal";

/// Notes every refusal from now on.
pub(super) fn watch(app: &SharedApp) {
    // Held weakly: the app owns what listens.
    let weak = Arc::downgrade(app);
    app.refusals.tell(move |refused| {
        let Some(app) = weak.upgrade() else { return };
        let keeper = Arc::clone(&app);
        app.tasks.spawn(async move {
            if let Err(error) = keep(&keeper, &refused).await {
                tracing::warn!(%error, "a refusal was not noted");
            }
        });
    });
}

async fn keep(app: &App, refused: &Refused) -> Result<(), StoreError> {
    let detail = app.sealer.seal(SEALED_FOR, refused.detail.as_bytes())?;
    sqlx::query!(
        "insert into sandbox.refusal (org_id, operation, request_id, status, error, pointer, detail, received_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8)",
        refused.org_id,
        refused.operation,
        refused.request_id,
        i32::from(refused.status),
        refused.error.as_ref(),
        refused.pointer,
        detail,
        app.clock.now(),
    )
    .execute(&app.pool)
    .await?;
    Ok(())
}
