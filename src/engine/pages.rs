//! Key facts statements written down, and the borrowers' pages that show them, or the state of a dispute.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sqlx::PgConnection;

use crate::app::App;
use crate::domain::application::facets::AccountTarget;
use crate::domain::ids::{AccountId, ApplicationId, DisputeId, LoanId, OrgId};
use crate::domain::kfs::{IssuedKfs, Kfs, Scribe};
use crate::seal::Sealer;
use crate::store::page::{self, Kind, NewPage};
use crate::store::{StoreError, settings};

/// Bytes of a token: 160 bits that nobody guesses.
const TOKEN_BYTES: usize = 20;
/// Characters of an account's id behind its prefix: 144 bits.
const ACCOUNT_ID_LEN: usize = 24;

/// JSON without blanks, members in the order of the schema, and the SHA-256 of exactly these bytes.
#[must_use]
pub fn written(kfs: &Kfs) -> Option<(String, String)> {
    let text = serde_json::to_string(kfs).ok()?;
    let hash = sha256(text.as_bytes());
    Some((text, hash))
}

/// SHA-256 in small hexadecimal digits.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes))
}

/// The token of a page: derived, so that it is stored nowhere and the same on every replica.
#[must_use]
pub fn token(sealer: &Sealer, kind: Kind, number: &str) -> String {
    let key = sealer.derive(&format!("borrower page {} {number}", kind.name()));
    hex::encode(key.get(..TOKEN_BYTES).unwrap_or(&key))
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").finish_non_exhaustive()
    }
}

impl Scribe for App {
    fn issue(&self, kfs: &Kfs) -> Option<IssuedKfs> {
        let (text, hash) = written(kfs)?;
        let number = kfs.proposal_number.clone();
        let page =
            |path: &str, kind| format!("{}/{path}/{}", self.config.borrower_url, token(&self.sealer, kind, &number));
        let (url, agreement_url) = (page("kfs", Kind::Kfs), page("agreement", Kind::Agreement));
        Some(IssuedKfs { url, agreement_url, text, hash, valid_till: kfs.valid_till, number })
    }

    fn hash(&self, text: &str) -> String {
        sha256(text.as_bytes())
    }

    fn dispute_url(&self, dispute: &DisputeId) -> String {
        format!("{}/dispute/{}", self.config.borrower_url, token(&self.sealer, Kind::Dispute, dispute.as_str()))
    }

    fn loan_id(&self, org: &OrgId, loan_application_id: &str) -> LoanId {
        // Both may hold blanks: the length tells where one ends.
        let label = format!("loan {} {org} {loan_application_id}", org.as_str().len());
        LoanId(self.ids.loan_of(&self.sealer.derive(&label)))
    }

    fn account_id(&self, application: &ApplicationId, target: &AccountTarget) -> AccountId {
        let target = match target {
            AccountTarget::Account { ifsc, number } => format!("{ifsc}/{number}"),
            AccountTarget::Vpa { vpa } => vpa.clone(),
        };
        let key = self.sealer.derive(&format!("payout account {application} {target}"));
        let mut id = URL_SAFE_NO_PAD.encode(key);
        id.truncate(ACCOUNT_ID_LEN);
        AccountId(format!("ACC-{id}"))
    }
}

/// Opens the pages of an issued statement.
///
/// # Errors
/// When the database fails or the text cannot be sealed.
pub async fn publish(
    app: &App,
    conn: &mut PgConnection,
    application: ApplicationId,
    kfs: &IssuedKfs,
) -> Result<(), StoreError> {
    for (kind, body) in [(Kind::Kfs, Some(kfs.text.as_str())), (Kind::Agreement, None)] {
        let token = token(&app.sealer, kind, &kfs.number);
        let page = NewPage { kind, token: &token, application, reference: &kfs.number, body };
        page::add(conn, &app.sealer, page, app.clock.now()).await?;
    }
    Ok(())
}

/// Opens the page of a dispute; one that is open stays so.
///
/// # Errors
/// When the database fails.
pub async fn publish_dispute(
    app: &App,
    conn: &mut PgConnection,
    application: ApplicationId,
    dispute: &DisputeId,
) -> Result<(), StoreError> {
    let token = token(&app.sealer, Kind::Dispute, dispute.as_str());
    let page = NewPage { kind: Kind::Dispute, token: &token, application, reference: dispute.as_str(), body: None };
    page::add(conn, &app.sealer, page, app.clock.now()).await
}

/// The name of the LSP that brought an application, for its key facts statement.
///
/// # Errors
/// When the database fails.
pub async fn lsp_name(conn: &mut PgConnection, org_id: &str) -> Result<String, StoreError> {
    Ok(settings::name_of(conn, org_id).await?.unwrap_or_else(|| org_id.to_owned()))
}
