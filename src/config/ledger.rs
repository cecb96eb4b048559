//! How the book is fed to the lender's general ledger.

use serde::Deserialize;

use crate::domain::book::Chart;

/// Most journals of one batch.
pub(super) const MOST: i64 = 1_000;
/// Longest code of an account, in characters.
pub(super) const LONGEST_CODE: usize = 64;

/// The section `[ledger]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct LedgerConfig {
    /// Codes of the general ledger by account of the book.
    pub accounts: Chart,
    /// Most journals that are sent at a time.
    pub batch: i64,
}

impl Default for LedgerConfig {
    fn default() -> Self {
        Self { accounts: Chart::default(), batch: 200 }
    }
}
