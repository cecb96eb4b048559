//! Applications read without a lock, each with the versions that a later write must find unchanged.

use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use super::application::{self, Locked};
use crate::domain::application::decision::Exposure;
use crate::domain::maths::money::Paise;
use crate::seal::Sealer;

/// Which application is asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// The LSP.
    pub org_id: String,
    /// Its id.
    pub loan_application_id: String,
    /// Whether to read the borrower's exposure too.
    pub exposure: bool,
}

/// An application at one moment.
#[derive(Debug, Clone)]
pub struct Seen {
    id: Uuid,
    state: Vec<u8>,
    revision: i64,
    /// Blind index that it stands under.
    pub borrower_index: Vec<u8>,
    /// The version of the borrower's row, if there is one. It changes whenever the borrower's exposure may have
    /// changed.
    pub borrower_version: Option<String>,
    /// The borrower's exposure apart from this application, if it was asked for.
    pub exposure: Exposure,
}

impl Seen {
    /// Opens it, with the revision that a write must find as if it had been locked.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(self, sealer: &Sealer) -> Result<Locked, StoreError> {
        application::open(sealer, (self.id, self.state, self.revision))
    }
}

/// Reads applications of one moment; none for those that the LSP does not have.
///
/// # Errors
/// When the database fails.
pub async fn read(conn: &mut PgConnection, named: &[Named]) -> Result<Vec<Option<Seen>>, StoreError> {
    let of = |get: fn(&Named) -> &str| named.iter().map(get).collect::<Vec<_>>();
    let rows = sqlx::query!(
        r#"
        select
            named.number as "number!",
            application.application_id as "application_id!",
            application.state as "state!",
            application.revision as "revision!",
            application.borrower_index as "borrower_index!",
            (select xmin::text from borrower where borrower_index = application.borrower_index) as borrower_version,
            beside.committed as "committed!",
            beside.granted as "granted!"
        from unnest($1::text[], $2::text[], $3::boolean[]) with ordinality
            as named (org_id, loan_application_id, exposure, number)
        cross join lateral (
            select application_id, state, revision, borrower_index
            from application
            where org_id = named.org_id
            and loan_application_id = named.loan_application_id
            -- Looked up one by one, whatever the planner knows about a table that has just begun to grow.
            offset 0
        ) application
        cross join lateral (
            select coalesce(sum(amount), 0)::bigint as committed,
                coalesce(sum(amount) filter (where granted), 0)::bigint as granted
            from exposure
            where named.exposure
            and borrower_index = application.borrower_index
            and application_id <> application.application_id
        ) beside
        "#,
        &of(|named| &named.org_id) as &[&str],
        &of(|named| &named.loan_application_id) as &[&str],
        &named.iter().map(|named| named.exposure).collect::<Vec<_>>(),
    )
    .fetch_all(conn)
    .await?;
    let mut seen: Vec<Option<Seen>> = named.iter().map(|_| None).collect();
    for row in rows {
        let place = usize::try_from(row.number).unwrap_or_default().checked_sub(1);
        if let Some(place) = place.and_then(|place| seen.get_mut(place)) {
            *place = Some(Seen {
                id: row.application_id,
                state: row.state,
                revision: row.revision,
                borrower_index: row.borrower_index,
                borrower_version: row.borrower_version,
                exposure: Exposure { committed: Paise(row.committed), granted: Paise(row.granted) },
            });
        }
    }
    Ok(seen)
}
