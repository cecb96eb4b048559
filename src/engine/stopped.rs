//! Kill switches in the engine: new business of a stopped product is refused, and payouts that are stopped are held
//! back.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Refused;
use crate::app::App;
use crate::domain::application::ask::{Ask, NewAsk};
use crate::domain::application::command::{Command, NewApplication};
use crate::domain::application::stage::Stage;
use crate::domain::ids::ApplicationId;
use crate::store::application::Locked;
use crate::store::ask::{Detail, Leased};
use crate::store::{StoreError, application, switches};

/// Refuses applications for a product that is stopped.
///
/// # Errors
/// [`Refused::Stopped`], naming the product.
pub(super) fn check_new(app: &App, stopped: &[String], items: &[NewApplication]) -> Result<(), Refused> {
    if stopped.is_empty() {
        return Ok(());
    }
    let today = app.clock.today();
    let products = items.iter().filter_map(|item| app.config.products.for_type(item.form.loan_type, today));
    refuse(stopped, products.map(|product| product.id.as_str()))
}

/// Refuses a step towards a loan of a stopped product. What exists as a loan goes on.
///
/// # Errors
/// [`Refused::Stopped`], naming the product.
pub(super) fn check(stopped: &[String], command: &Command, locked: &[Locked]) -> Result<(), Refused> {
    if !command.leads_to_a_loan() {
        return Ok(());
    }
    let open = locked.iter().map(|l| &l.application).filter(|a| !matches!(a.stage, Stage::Granted { .. }));
    refuse(stopped, open.filter_map(|a| a.product.as_deref()))
}

fn refuse<'a>(stopped: &[String], mut products: impl Iterator<Item = &'a str>) -> Result<(), Refused> {
    match products.find(|product| stopped.iter().any(|stopped| stopped == product)) {
        Some(product) => Err(Refused::Stopped { product: product.to_owned() }),
        None => Ok(()),
    }
}

/// Puts back the payouts that a switch stops, before any of them is noted as leaving. A payout that may have left
/// already is not held back: only its status is asked.
///
/// # Errors
/// When the database fails.
pub(super) async fn hold_payouts(
    app: &App,
    conn: &mut PgConnection,
    leased: Vec<Leased>,
    now: DateTime<Utc>,
) -> Result<Vec<Leased>, StoreError> {
    let Some(lease_id) = leased.iter().find(|row| fresh_payout(row).is_some()).map(|row| row.lease_id) else {
        return Ok(leased);
    };
    let held = switches::held_payouts(conn).await?;
    if held.is_empty() {
        return Ok(leased);
    }
    let back = held_rows(app, conn, &leased, &held).await?;
    switches::hold(conn, lease_id, &back, now + switches::HELD_FOR).await?;
    Ok(leased.into_iter().filter(|row| !back.contains(&row.id)).collect())
}

async fn held_rows(
    app: &App,
    conn: &mut PgConnection,
    leased: &[Leased],
    held: &[String],
) -> Result<Vec<Uuid>, StoreError> {
    let payouts: Vec<(Uuid, ApplicationId)> =
        leased.iter().filter_map(|row| Some((row.id, fresh_payout(row)?))).collect();
    if held.iter().any(|subject| subject == switches::ALL) {
        return Ok(payouts.into_iter().map(|(ask, _)| ask).collect());
    }
    let ids: Vec<ApplicationId> = payouts.iter().map(|(_, application)| *application).collect();
    let applications = application::read(conn, &app.sealer, &ids).await?;
    let is_held = |id: ApplicationId| {
        let product = applications.iter().find(|a| a.id == id).and_then(|a| a.product.as_ref());
        product.is_some_and(|product| held.contains(product))
    };
    Ok(payouts.into_iter().filter(|(_, application)| is_held(*application)).map(|(ask, _)| ask).collect())
}

/// The application of a payout or refund that has certainly not left yet.
fn fresh_payout(row: &Leased) -> Option<ApplicationId> {
    match &row.detail {
        Detail::Ask(NewAsk { ask: Ask::Pay(_) | Ask::Refund(_), targets, .. }) if !row.may_have_left => {
            targets.first().map(|(id, _)| *id)
        }
        Detail::Ask(_) | Detail::Timer(_) => None,
    }
}
