//! `listLoansRequest`: the loans of one borrower that one LSP brought.

use sqlx::PgConnection;

use super::{Refused, phone_index};
use crate::app::App;
use crate::domain::application::answer::{Answer, Content, RefusalReason};
use crate::domain::application::command::LoanFilter;
use crate::domain::calendar::business_date;
use crate::domain::ids::{ApplicationId, OrgId};
use crate::domain::loan::content::ListedLoan;
use crate::domain::loan::details;
use crate::store::{application, loan};

/// Most loans of one answer; a borrower with more is an operator's matter.
const MOST: i64 = 500;

/// The identifier that a loan is found by beside the one that its borrower is known by: the phone it was filed with.
const MOBILE: &str = "MOBILE";
/// What an identifier may be of which nothing is said (`ocen-v3.md` §8.1).
const IDENTITIES: [&str; 6] = ["PAN", "GSTIN", "CIN", "UDYAM", "AADHAAR", MOBILE];

/// The loans, or why the dates make no sense.
///
/// # Errors
/// When the database fails.
pub async fn answer(
    app: &App,
    conn: &mut PgConnection,
    org_id: &OrgId,
    filter: &LoanFilter,
) -> Result<Answer, Refused> {
    if let (Some(from), Some(to)) = (filter.from, filter.to)
        && from > to
    {
        let detail = format!("startDate {from} is after endDate {to}");
        return Ok(Answer::refused(RefusalReason::DateRange, detail, Content::Loans { loans: Vec::new() }));
    }
    Ok(Answer::ok(Content::Loans { loans: loans(app, conn, org_id, filter).await? }))
}

/// Newest first, as of the business date. Loans that another LSP brought are not there.
async fn loans(
    app: &App,
    conn: &mut PgConnection,
    org_id: &OrgId,
    filter: &LoanFilter,
) -> Result<Vec<ListedLoan>, Refused> {
    let (id, kind) = (filter.primary_id.as_str(), filter.primary_id_type.as_deref());
    let kinds = kind.map_or_else(|| IDENTITIES.to_vec(), |kind| vec![kind]);
    let borrowers: Vec<Vec<u8>> = kinds.iter().map(|kind| app.sealer.blind_index(kind, id)).collect();
    let is_phone = kind.is_none_or(|kind| kind == MOBILE);
    let phone = is_phone.then(|| phone_index(&app.sealer, id)).flatten();
    let sought = (org_id.as_str(), borrowers.as_slice(), phone.as_deref());
    let found = loan::of_borrower(conn, &app.sealer, sought, MOST).await?;
    let ids: Vec<ApplicationId> = found.iter().map(|locked| locked.loan.application).collect();
    let applications = application::read(conn, &app.sealer, &ids).await?;
    let today = app.clock.today();
    let mut listed = Vec::new();
    for locked in &found {
        let loan = &locked.loan;
        let granted = business_date(loan.granted_at);
        let in_span = filter.from.is_none_or(|from| granted >= from) && filter.to.is_none_or(|to| granted <= to);
        let Some(of) = applications.iter().find(|of| of.id == loan.application).filter(|_| in_span) else {
            continue;
        };
        let wanted = filter.collateral.as_deref();
        if wanted
            .is_some_and(|wanted| !of.form.collaterals.iter().any(|collateral| collateral.id.trim() == wanted.trim()))
        {
            continue;
        }
        listed.extend(details::listed(loan, of, today, locked.borrower_npa_since));
    }
    Ok(listed)
}
