//! The mandate system: registers debit mandates and knows whether the borrower authorised them.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use super::{Systems, done, poll_after, reference, refused};
use crate::domain::application::ask::{ComingDebit, Finding, Outcome};
use crate::domain::ids::PlanId;
use crate::lender::Call;
use crate::sandbox::diary::{self, Deed};
use crate::sandbox::items::{self, Item, Kind};
use crate::sandbox::scenario::store::{self, Line};

/// How long a borrower takes who takes his time.
const ONE_HOUR: TimeDelta = TimeDelta::hours(1);

/// What is noted of a mandate.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::sandbox) struct MandateDetail {
    pub(in crate::sandbox) reference: String,
    pub(in crate::sandbox) payment_url: String,
}

impl Systems {
    /// A plan has one mandate at a time; a new registration takes the place of an earlier one.
    pub(super) async fn register_mandate(
        &self,
        conn: &mut PgConnection,
        call: &Call<'_>,
        (plan, line): (&PlanId, Option<&Line>),
    ) -> sqlx::Result<Outcome> {
        let known = items::lock(conn, Kind::Mandate, &plan.0).await?;
        let mut detail: MandateDetail = known.map(|item| item.detail()).unwrap_or_default();
        let reference = reference("MANDATE", &call.key);
        if detail.reference != reference {
            let payment_url = format!("{}/pay/{}", self.borrower_url, self.ids.token());
            detail = MandateDetail { reference, payment_url };
            let state = match line.map(|line| line.code.as_str()) {
                Some("0601") => "PENDING",
                Some("0602") => "AUTHORISED",
                Some("0603") => "REFUSED",
                _ if self.manual => "PENDING",
                _ => "AUTHORISED",
            };
            let text = serde_json::to_string(&detail).ok();
            let item = Item { key: plan.0.clone(), state: state.to_owned(), detail: text };
            items::put(conn, Kind::Mandate, &item, call.now).await?;
            if let Some(line) = line {
                act(conn, call, (plan, line)).await?;
            }
        }
        let MandateDetail { reference, payment_url } = detail;
        Ok(done(Finding::MandateRegistered { reference, payment_url }))
    }
}

/// Where a mandate stands.
pub(super) async fn status(
    conn: &mut PgConnection,
    call: &Call<'_>,
    (plan, reference): (&PlanId, &str),
) -> sqlx::Result<Outcome> {
    let item = items::find(conn, Kind::Mandate, &plan.0).await?;
    let Some(item) = item else {
        return Ok(done(Finding::MandateInactive));
    };
    let detail: MandateDetail = item.detail();
    Ok(match item.state.as_str() {
        _ if detail.reference != reference => done(Finding::MandateInactive),
        "AUTHORISED" => done(Finding::MandateActive),
        "PENDING" => Outcome::Pending {
            reference: reference.to_owned(),
            poll_after: poll_after(call.now),
            url: Some(detail.payment_url),
        },
        _ => done(Finding::MandateInactive),
    })
}

/// A debit is coming: noted, where the borrower still has the mandate.
pub(super) async fn announced(conn: &mut PgConnection, call: &Call<'_>, coming: &ComingDebit) -> sqlx::Result<Outcome> {
    let setup = call.subjects.first().and_then(|subject| subject.stage.deal()).map(|deal| &deal.repayment);
    let Some(plan) = setup.and_then(|setup| setup.plan()) else {
        return Ok(refused("NO_MANDATE", "no plan is set up"));
    };
    let item = items::find(conn, Kind::Mandate, plan.as_str()).await?;
    let stands = |item: &Item| item.state == "AUTHORISED" && item.detail::<MandateDetail>().reference == coming.mandate;
    Ok(match item.filter(stands) {
        Some(_) => done(Finding::Acknowledged),
        None => refused("MANDATE_CANCELLED", "the borrower does not have this mandate any more"),
    })
}

/// Cancelling what is not there any more is done already.
pub(super) async fn cancel(
    conn: &mut PgConnection,
    call: &Call<'_>,
    (plan, reference): (&PlanId, &str),
) -> sqlx::Result<Outcome> {
    let item = items::lock(conn, Kind::Mandate, &plan.0).await?;
    let current = item.filter(|item| item.detail::<MandateDetail>().reference == reference);
    if let Some(mut item) = current {
        "CANCELLED".clone_into(&mut item.state);
        items::put(conn, Kind::Mandate, &item, call.now).await?;
    }
    Ok(done(Finding::Acknowledged))
}

/// What a scenario has the borrower do with a new mandate, and says about it.
async fn act(conn: &mut PgConnection, call: &Call<'_>, (plan, line): (&PlanId, &Line)) -> sqlx::Result<()> {
    let (did, later) = match line.code.as_str() {
        "0601" => ("mandate waits for the borrower for an hour", Some(Deed::Authorise)),
        "0602" => ("mandate authorised, and cancelled in an hour", Some(Deed::Cancel)),
        "0603" => ("mandate refused", None),
        _ => return Ok(()),
    };
    if let Some(deed) = later {
        diary::write(conn, line, (deed, plan.as_str()), call.now + ONE_HOUR).await?;
    }
    store::tell(conn, &[line.application_id], &format!("scenario {}: {did}", line.code), call.now).await
}
