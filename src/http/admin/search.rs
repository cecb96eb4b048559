//! `q=`: one field for whatever somebody has of an application. Found exactly; a PAN or phone number by its blind index.

use uuid::Uuid;

use crate::app::App;
use crate::engine;
use crate::http::problem::Problem;
use crate::protocol::OPERATIONS;
use crate::store::search::{self, Sought};

/// Longest text that is looked for, in characters: that of an id on the wire.
const LONGEST: usize = 128;
/// Most applications that are found.
const MOST: i64 = 500;
/// Identities by which a borrower may be known.
const IDENTITIES: [&str; 4] = ["PAN", "GSTIN", "CIN", "UDYAM"];

/// The applications that a text means; nothing where none was given.
///
/// # Errors
/// 400 for a text that no id can be; 503 when the database is away.
pub(super) async fn applications(
    app: &App,
    org_id: Option<&str>,
    text: Option<&str>,
) -> Result<Option<Vec<Uuid>>, Problem> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    if text.chars().count() > LONGEST || text.contains('\0') {
        return Err(Problem::bad_request(format!("q must have 1 to {LONGEST} characters")));
    }
    let borrowers: Vec<Vec<u8>> = IDENTITIES.iter().map(|kind| app.sealer.blind_index(kind, text)).collect();
    let phone = engine::phone_index(&app.sealer, text);
    let operations: Vec<String> = OPERATIONS.iter().map(|operation| operation.name.to_owned()).collect();
    // What is shown of a message is `{id}.{reception}`.
    let id = text.split('.').next().and_then(|id| id.parse().ok());
    let sought = Sought { text, id, borrowers: &borrowers, phone: phone.as_deref(), operations: &operations, org_id };
    let mut conn = app.pool.acquire().await?;
    Ok(Some(search::applications(&mut conn, &sought, MOST).await?))
}
