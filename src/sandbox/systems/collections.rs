//! The collection system: payment pages and debits by mandate. A key brings money at most once, and a key that it called
//! unknown once is dead.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use sqlx::PgConnection;

use super::{Systems, done, poll_after, reference, refused};
use crate::domain::application::ask::{Collection, Finding, NEVER_RECEIVED, Outcome};
use crate::domain::maths::money::Paise;
use crate::lender::Call;
use crate::sandbox::diary::{self, Deed};
use crate::sandbox::items::{self, CollectionDetail, Item, Kind};
use crate::sandbox::scenario::store::{self, Line};

/// When a borrower pays whose first debit bounced.
const THREE_DAYS: TimeDelta = TimeDelta::days(3);
/// How much of an instalment comes in of one who pays a part.
const PART_PERCENT: i64 = 60;

impl Systems {
    /// Makes a payment page; the same key has the same page.
    pub(super) async fn payment_link(
        &self,
        conn: &mut PgConnection,
        call: &Call<'_>,
        (asked, line): (&Collection, Option<&Line>),
    ) -> sqlx::Result<Outcome> {
        let detail =
            CollectionDetail { url: Some(format!("{}/pay/{}", self.borrower_url, self.ids.token())), ..noted(asked) };
        let mut item = Item::collection(&asked.key, "PENDING", &detail);
        let never = line.filter(|line| line.code == "0802");
        if let Some(line) = never {
            say(conn, call, (line, "the borrower does not pay")).await?;
        } else if !self.manual {
            settle(&mut item, call.today);
        }
        if !items::insert(conn, Kind::Collection, &item, call.now).await? {
            let known = items::lock(conn, Kind::Collection, &asked.key).await?;
            item = known.unwrap_or(item);
        }
        let url = item.detail::<CollectionDetail>().url.unwrap_or_default();
        Ok(done(Finding::LinkCreated { reference: reference("LINK", &asked.key), url }))
    }

    /// Debits a mandate, or tells what became of the key.
    pub(super) async fn present(
        &self,
        conn: &mut PgConnection,
        call: &Call<'_>,
        (asked, line): (&Collection, Option<&Line>),
    ) -> sqlx::Result<Outcome> {
        if call.method() == "status" {
            debit_status(conn, call, asked).await
        } else {
            self.debit(conn, call, (asked, line)).await
        }
    }

    async fn debit(
        &self,
        conn: &mut PgConnection,
        call: &Call<'_>,
        (asked, line): (&Collection, Option<&Line>),
    ) -> sqlx::Result<Outcome> {
        let objection = objection(conn, call).await?;
        let scripted = match (objection, line) {
            (None, Some(line)) => scripted(conn, call, (asked, line)).await?,
            _ => Scripted::No,
        };
        let mut item = Item::collection(&asked.key, "PENDING", &noted(asked));
        match (objection, scripted) {
            (Some(code), _) => fail(&mut item, code),
            (None, Scripted::Bounces) => fail(&mut item, "INSUFFICIENT_FUNDS"),
            (None, Scripted::PaysPart(amount)) => {
                let detail = CollectionDetail { amount, ..noted(asked) };
                item = Item::collection(&asked.key, "PENDING", &detail);
                settle(&mut item, call.today);
            }
            (None, Scripted::No) if self.manual => {}
            (None, Scripted::No) => settle(&mut item, call.today),
        }
        if !items::insert(conn, Kind::Collection, &item, call.now).await? {
            let known = items::lock(conn, Kind::Collection, &asked.key).await?;
            item = known.unwrap_or(item);
        }
        Ok(outcome(&item, call.now))
    }
}

/// What became of a page.
pub(super) async fn link_status(conn: &mut PgConnection, call: &Call<'_>, asked: &Collection) -> sqlx::Result<Outcome> {
    let item = items::find(conn, Kind::Collection, &asked.key).await?;
    Ok(item.map_or_else(|| refused("UNKNOWN_LINK", "there is no such page"), |item| outcome(&item, call.now)))
}

/// Closes a page, unless it took money before.
pub(super) async fn cancel_link(conn: &mut PgConnection, call: &Call<'_>, asked: &Collection) -> sqlx::Result<Outcome> {
    let item = items::lock(conn, Kind::Collection, &asked.key).await?;
    let Some(mut item) = item else {
        return Ok(done(Finding::Acknowledged));
    };
    if item.state == "PAID" {
        return Ok(outcome(&item, call.now));
    }
    "CANCELLED".clone_into(&mut item.state);
    items::put(conn, Kind::Collection, &item, call.now).await?;
    Ok(done(Finding::Acknowledged))
}

/// Why the borrower's bank will not pay: no mandate, or it was told to bounce the next debit.
async fn objection(conn: &mut PgConnection, call: &Call<'_>) -> sqlx::Result<Option<&'static str>> {
    let setup = call.subjects.first().and_then(|subject| subject.stage.deal()).map(|deal| &deal.repayment);
    let Some(plan) = setup.and_then(|setup| setup.plan()) else {
        return Ok(Some("NO_MANDATE"));
    };
    let mandate = items::find(conn, Kind::Mandate, plan.as_str()).await?;
    if mandate.is_none_or(|mandate| mandate.state != "AUTHORISED") {
        return Ok(Some("MANDATE_CANCELLED"));
    }
    let told = items::take(conn, Kind::Scenario, &items::bounce_key(plan.as_str())).await?;
    Ok(told.map(|_| "INSUFFICIENT_FUNDS"))
}

async fn debit_status(conn: &mut PgConnection, call: &Call<'_>, asked: &Collection) -> sqlx::Result<Outcome> {
    // Either this tombstone stands first and a late order finds it, or the order stood first and is found here.
    let tombstone = Item::collection(&asked.key, NEVER_RECEIVED, &noted(asked));
    items::insert(conn, Kind::Collection, &tombstone, call.now).await?;
    let known = items::find(conn, Kind::Collection, &asked.key).await?;
    Ok(known.map_or(Outcome::Unknown { reference: None }, |item| outcome(&item, call.now)))
}

/// What a scenario makes of a debit.
enum Scripted {
    No,
    Bounces,
    PaysPart(Paise),
}

async fn scripted(
    conn: &mut PgConnection,
    call: &Call<'_>,
    (asked, line): (&Collection, &Line),
) -> sqlx::Result<Scripted> {
    let (made, did) = match line.code.as_str() {
        "0801" if asked.instalment == Some(1) => {
            let (deed, at) = ((Deed::PayDue, asked.loan_id.as_str()), call.now + THREE_DAYS);
            diary::write(conn, line, deed, at).await?;
            (Scripted::Bounces, "the first instalment bounces")
        }
        "0802" => (Scripted::Bounces, "the borrower does not pay"),
        "0803" => {
            let part = asked.amount.0.saturating_mul(PART_PERCENT) / 100;
            (Scripted::PaysPart(Paise(part)), "the borrower pays 60 % of the instalment")
        }
        _ => return Ok(Scripted::No),
    };
    say(conn, call, (line, did)).await?;
    Ok(made)
}

async fn say(conn: &mut PgConnection, call: &Call<'_>, (line, did): (&Line, &str)) -> sqlx::Result<()> {
    store::tell(conn, &[line.application_id], &format!("scenario {}: {did}", line.code), call.now).await
}

fn noted(asked: &Collection) -> CollectionDetail {
    CollectionDetail {
        payment_id: asked.payment_id.0.clone(),
        loan_id: asked.loan_id.0.clone(),
        amount: asked.amount,
        ..CollectionDetail::default()
    }
}

/// The borrower pays: the payment has its reference and value date from here on.
pub(in crate::sandbox) fn settle(item: &mut Item, today: NaiveDate) {
    let mut detail: CollectionDetail = item.detail();
    detail.utr = Some(reference("UTR", &item.key));
    detail.value_date = Some(today);
    "PAID".clone_into(&mut item.state);
    item.detail = serde_json::to_string(&detail).ok();
}

/// The borrower's bank refuses, or the borrower gives up.
pub(in crate::sandbox) fn fail(item: &mut Item, code: &str) {
    let mut detail: CollectionDetail = item.detail();
    detail.code = Some(code.to_owned());
    "FAILED".clone_into(&mut item.state);
    item.detail = serde_json::to_string(&detail).ok();
}

fn outcome(item: &Item, now: DateTime<Utc>) -> Outcome {
    let detail: CollectionDetail = item.detail();
    match (item.state.as_str(), detail.utr, detail.value_date) {
        ("PAID", Some(utr), Some(value_date)) => {
            done(Finding::Collected { utr, value_date, amount: Some(detail.amount) })
        }
        ("PENDING", ..) => Outcome::Pending {
            reference: reference("COLLECT", &item.key),
            poll_after: poll_after(now),
            url: detail.url,
        },
        ("FAILED", ..) => refused(detail.code.as_deref().unwrap_or("REFUSED"), "the borrower's bank did not pay"),
        ("CANCELLED", ..) => refused("CANCELLED", "the page was closed"),
        (NEVER_RECEIVED, ..) => refused(NEVER_RECEIVED, "no order arrived under this key, and none will be taken"),
        _ => Outcome::Unknown { reference: None },
    }
}
