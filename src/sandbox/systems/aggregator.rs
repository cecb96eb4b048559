//! The account aggregator: hands out consent handles and knows what became of them.

use super::{Systems, done, reference, storage};
use crate::domain::application::ask::{Finding, Outcome};
use crate::lender::{Call, PortError};
use crate::sandbox::items::{self, Item, Kind};

impl Systems {
    pub(super) async fn create_consent(&self, call: &Call<'_>) -> Result<Outcome, PortError> {
        let handle = reference("CH", &call.key);
        let state = if self.manual { "PENDING" } else { "APPROVED" };
        let item = Item { key: handle.clone(), state: state.to_owned(), detail: None };
        let mut conn = self.pool.acquire().await.map_err(storage(call.ask))?;
        items::insert(&mut conn, Kind::Consent, &item, call.now).await.map_err(storage(call.ask))?;
        Ok(done(Finding::ConsentCreated { handle }))
    }

    /// Revoking what is not there any more is done already.
    pub(super) async fn revoke_consent(&self, call: &Call<'_>, handle: &str) -> Result<Outcome, PortError> {
        let mut tx = self.pool.begin().await.map_err(storage(call.ask))?;
        let item = items::lock(&mut tx, Kind::Consent, handle).await.map_err(storage(call.ask))?;
        if let Some(mut item) = item {
            "REVOKED".clone_into(&mut item.state);
            items::put(&mut tx, Kind::Consent, &item, call.now).await.map_err(storage(call.ask))?;
        }
        tx.commit().await.map_err(storage(call.ask))?;
        Ok(done(Finding::Acknowledged))
    }

    pub(super) async fn consent_status(&self, call: &Call<'_>, handle: &str) -> Result<Outcome, PortError> {
        let mut conn = self.pool.acquire().await.map_err(storage(call.ask))?;
        let item = items::find(&mut conn, Kind::Consent, handle).await.map_err(storage(call.ask))?;
        Ok(done(match item.as_ref().map(|item| item.state.as_str()) {
            Some("PENDING") => Finding::ConsentPending,
            Some("APPROVED") => {
                Finding::ConsentReady { consent_id: reference("CONSENT", handle), data_life_ends: None }
            }
            _ => Finding::ConsentFailed,
        }))
    }
}
