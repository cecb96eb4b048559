//! Looks up the LSP behind a signing key. It is read for every message, so that a revocation counts from the next
//! message on; messages that arrive at the same moment share one read.

use super::App;
use super::kept::Kept;
use crate::store::StoreError;
use crate::store::lsp::{self, KeyOwner};

impl App {
    /// Everybody's keys of one `kid`, as they stand now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn key_owners(&self, kid: &str) -> Result<Vec<KeyOwner>, StoreError> {
        if let Some(owners) = self.kids.join(kid.to_owned()).await? {
            return Ok(owners);
        }
        let mut conn = self.pool.acquire().await?;
        Ok(lsp::by_kid(&mut conn, kid).await?)
    }

    /// Reads keys for groups of messages, until the app stops.
    pub async fn read_keys(&self) {
        let kept = Kept::default();
        self.kids.run(&self.stop, |kids| self.owners_of(&kept, kids)).await;
    }

    async fn owners_of(&self, kept: &Kept, kids: Vec<String>) -> Result<Vec<Option<Vec<KeyOwner>>>, StoreError> {
        let mut distinct = kids.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let mut conn = kept.take(self).await?;
        let found = lsp::by_kids(&mut conn, &distinct).await?;
        kept.put(self, conn);
        let of = |kid: &String| found.iter().filter(|(of, _)| of == kid).map(|(_, owner)| owner.clone()).collect();
        Ok(kids.iter().map(|kid| Some(of(kid))).collect())
    }
}
