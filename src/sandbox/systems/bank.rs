//! The bank. Its promises are those of a real one with idempotency keys: a key pays at most once, and a key that it
//! called unknown once is dead, however late its order arrives.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use sqlx::{PgConnection, PgPool};

use super::{done, poll_after, reference, refused};
use crate::domain::application::ask::{Ask, Finding, NEVER_RECEIVED, Outcome, PayOrder, RefundOrder};
use crate::domain::application::facets::AccountTarget;
use crate::domain::ids::PaymentId;
use crate::lender::Call;
use crate::sandbox::diary::{self, Deed};
use crate::sandbox::items::{self, Item, Kind, PaymentDetail};
use crate::sandbox::scenario::code;
use crate::sandbox::scenario::store::{self, Line, Script};

/// How long a payout takes that takes its time.
const ONE_HOUR: TimeDelta = TimeDelta::hours(1);
/// When a payout comes back that does.
const ONE_DAY: TimeDelta = TimeDelta::days(1);
/// When a borrower pays off who does so early: in the third month.
const THIRD_MONTH: TimeDelta = TimeDelta::days(75);

/// The bank's view of one call.
pub(super) struct Bank<'a> {
    pool: &'a PgPool,
    manual: bool,
    script: &'a Script,
}

/// What will become of a payment to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Paid,
    Fails,
    WaitsUntilTold,
    /// Paid, but the first answer gets lost.
    PaidUnheard,
}

impl<'a> Bank<'a> {
    pub(super) fn new(pool: &'a PgPool, manual: bool, script: &'a Script) -> Self {
        Self { pool, manual, script }
    }

    /// Pays, or tells what became of the key. A failure of the simulation is an unknown outcome like any other.
    pub(super) async fn answer(&self, call: &Call<'_>, order: &PayOrder) -> Outcome {
        let answer =
            if call.method() == "status" { self.status(call, order).await } else { self.pay(call, order).await };
        answer.unwrap_or_else(|error| {
            tracing::warn!(%error, "the simulated bank lost its memory");
            Outcome::Unknown { reference: None }
        })
    }

    async fn pay(&self, call: &Call<'_>, order: &PayOrder) -> sqlx::Result<Outcome> {
        let mut tx = self.pool.begin().await?;
        let told = take_told(&mut tx, order).await?;
        let fate = told.unwrap_or_else(|| self.fate(order));
        let item = new_payment(order, fate, call.today);
        // The primary key decides between two orders at once; the loser reads what the winner did.
        if items::insert(&mut tx, Kind::Payment, &item, call.now).await? {
            self.act(&mut tx, call, (order, fate)).await?;
            tx.commit().await?;
            return Ok(match fate {
                Fate::PaidUnheard => Outcome::Unknown { reference: None },
                _ => outcome(&item, call.now),
            });
        }
        let known = items::lock(&mut tx, Kind::Payment, &order.bank_key).await?;
        let Some(mut known) = known else {
            return Ok(Outcome::Unknown { reference: None });
        };
        let mut detail: PaymentDetail = known.detail();
        detail.received = detail.received.saturating_add(1);
        known.detail = serde_json::to_string(&detail).ok();
        items::put(&mut tx, Kind::Payment, &known, call.now).await?;
        tx.commit().await?;
        Ok(outcome(&known, call.now))
    }

    async fn status(&self, call: &Call<'_>, order: &PayOrder) -> sqlx::Result<Outcome> {
        let mut conn = self.pool.acquire().await?;
        // Either this tombstone stands first and a late order finds it, or the order stood first and is found here.
        let detail = PaymentDetail { received: 0, ..noted(order) };
        let tombstone = payment(order, NEVER_RECEIVED, &detail);
        items::insert(&mut conn, Kind::Payment, &tombstone, call.now).await?;
        let known = items::find(&mut conn, Kind::Payment, &order.bank_key).await?;
        Ok(known.map_or(Outcome::Unknown { reference: None }, |item| outcome(&item, call.now)))
    }

    /// The code that counts for an order: what a tester set, else what stands in the account, else in other data.
    fn code<'b>(&'b self, order: &'b PayOrder) -> Option<&'b str> {
        let line = self.script.line("07");
        if let Some(line) = line.filter(|line| line.is_above_data()) {
            return Some(&line.code);
        }
        if self.script.is_happy() {
            return None;
        }
        let of_account = match &order.account.target {
            AccountTarget::Account { number, .. } => code::of_account(number),
            AccountTarget::Vpa { vpa } => code::of_vpa(vpa),
        };
        of_account.or_else(|| line.filter(|line| !line.is_of_account()).map(|line| line.code.as_str()))
    }

    fn fate(&self, order: &PayOrder) -> Fate {
        match self.code(order) {
            Some("0701") => Fate::Fails,
            Some("0702") => Fate::WaitsUntilTold,
            Some("0703") => Fate::PaidUnheard,
            _ if self.manual => Fate::WaitsUntilTold,
            _ => Fate::Paid,
        }
    }

    /// What follows from the codes of a payout, and the timeline's word on it.
    async fn act(
        &self,
        conn: &mut PgConnection,
        call: &Call<'_>,
        (order, fate): (&PayOrder, Fate),
    ) -> sqlx::Result<()> {
        let is_payout = matches!(call.ask, Ask::Pay(_));
        if let Some(line) = self.script.line("08").filter(|line| is_payout && line.code == "0804") {
            diary::write(conn, line, (Deed::Foreclose, order.loan_id.as_str()), call.now + THIRD_MONTH).await?;
        }
        let Some((line, code)) = self.script.line("07").zip(self.code(order)).filter(|_| is_payout) else {
            return Ok(());
        };
        let (did, later) = match fate {
            Fate::Fails => ("payout fails, name mismatch", None),
            Fate::WaitsUntilTold => ("payout is pending for an hour", Some((Deed::PayOut, ONE_HOUR))),
            Fate::PaidUnheard => ("payout unknown, then paid", Some((Deed::TakeBack, ONE_DAY))),
            Fate::Paid => return Ok(()),
        };
        if let Some((deed, wait)) = later {
            let line = Line { code: code.to_owned(), ..line.clone() };
            diary::write(conn, &line, (deed, &order.bank_key), call.now + wait).await?;
        }
        store::tell(conn, &[line.application_id], &format!("scenario {code}: {did}"), call.now).await
    }
}

/// What a sandbox call said about this payment before it arrived; it is said once.
async fn take_told(conn: &mut PgConnection, order: &PayOrder) -> sqlx::Result<Option<Fate>> {
    let key = items::told_key(&order.loan_id.0, &order.payment_id.0);
    items::take_turn(conn, &key).await?;
    let told = items::take(conn, Kind::Scenario, &key).await?;
    Ok(told.and_then(|item| match item.state.as_str() {
        "PAID" => Some(Fate::Paid),
        "FAILED" => Some(Fate::Fails),
        _ => None,
    }))
}

fn noted(order: &PayOrder) -> PaymentDetail {
    PaymentDetail {
        payment_id: order.payment_id.0.clone(),
        loan_id: order.loan_id.0.clone(),
        received: 1,
        ..PaymentDetail::default()
    }
}

fn payment(order: &PayOrder, state: &str, detail: &PaymentDetail) -> Item {
    Item { key: order.bank_key.clone(), state: state.to_owned(), detail: serde_json::to_string(detail).ok() }
}

fn new_payment(order: &PayOrder, fate: Fate, today: NaiveDate) -> Item {
    let mut item = payment(order, "PENDING", &noted(order));
    match fate {
        Fate::Paid | Fate::PaidUnheard => settle(&mut item, today),
        Fate::Fails => fail(&mut item, "NAME_MISMATCH"),
        Fate::WaitsUntilTold => {}
    }
    item
}

/// A refund is a payment like any other, under its reference.
pub(super) fn as_payment(order: &RefundOrder) -> PayOrder {
    PayOrder {
        loan_id: order.loan_id.clone(),
        payment_id: PaymentId(order.reference.clone()),
        tranche: 0,
        attempt: 1,
        bank_key: order.bank_key.clone(),
        net: order.amount,
        account: order.account.clone(),
    }
}

/// Moves the money: the payment has its reference and value date from here on.
pub(in crate::sandbox) fn settle(item: &mut Item, today: NaiveDate) {
    let mut detail: PaymentDetail = item.detail();
    detail.utr = Some(reference("UTR", &item.key));
    detail.value_date = Some(today);
    "PAID".clone_into(&mut item.state);
    item.detail = serde_json::to_string(&detail).ok();
}

/// Ends a payment without money having moved.
pub(in crate::sandbox) fn fail(item: &mut Item, code: &str) {
    let mut detail: PaymentDetail = item.detail();
    detail.code = Some(code.to_owned());
    "FAILED".clone_into(&mut item.state);
    item.detail = serde_json::to_string(&detail).ok();
}

fn outcome(item: &Item, now: DateTime<Utc>) -> Outcome {
    let detail: PaymentDetail = item.detail();
    match (item.state.as_str(), detail.utr, detail.value_date) {
        ("PAID", Some(utr), Some(value_date)) => done(Finding::Paid { utr, value_date }),
        ("PENDING", ..) => {
            Outcome::Pending { reference: reference("BANK", &item.key), poll_after: poll_after(now), url: None }
        }
        ("FAILED", ..) if detail.code.as_deref() == Some("NAME_MISMATCH") => {
            refused("NAME_MISMATCH", "the account is held by somebody else")
        }
        ("FAILED", ..) => {
            refused(detail.code.as_deref().unwrap_or("CREDIT_REFUSED"), "the beneficiary's bank refused the credit")
        }
        (NEVER_RECEIVED, ..) => refused(NEVER_RECEIVED, "no order arrived under this key, and none will be taken"),
        _ => Outcome::Unknown { reference: None },
    }
}
