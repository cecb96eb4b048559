//! What borrowers and banks do by themselves at a later time, because a scenario says so.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::{PgConnection, PgPool};
use tokio::time::{Duration, MissedTickBehavior, interval};
use uuid::Uuid;

use super::problem::Problem;
use super::scenario::store::{self as script, Line};
use super::tell::{self, MandateOutcome, PaymentOutcome};
use crate::app::SharedApp;
use crate::domain::ids::LoanId;
use crate::domain::loan::account::Purpose;
use crate::domain::loan::operator::Act;
use crate::store::loan;

/// How often the diary is looked at while nobody moves the clock.
const POLL: Duration = Duration::from_secs(1);
/// Most entries done at a time.
const BATCH: i64 = 100;

/// One kind of thing to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// The borrower authorises a mandate, by plan.
    Authorise,
    /// The borrower cancels a mandate, by plan.
    Cancel,
    /// The bank pays out, by loan and payment.
    PayOut,
    /// The bank takes a payout back, by loan and payment.
    TakeBack,
    /// The borrower pays what is due, by loan.
    PayDue,
    /// The borrower pays everything, by loan.
    Foreclose,
}

impl Deed {
    fn name(self) -> &'static str {
        match self {
            Self::Authorise => "AUTHORISE",
            Self::Cancel => "CANCEL",
            Self::PayOut => "PAY_OUT",
            Self::TakeBack => "TAKE_BACK",
            Self::PayDue => "PAY_DUE",
            Self::Foreclose => "FORECLOSE",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::Authorise, Self::Cancel, Self::PayOut, Self::TakeBack, Self::PayDue, Self::Foreclose]
            .into_iter()
            .find(|deed| deed.name() == name)
    }

    fn words(self) -> &'static str {
        match self {
            Self::Authorise => "the borrower authorises the mandate",
            Self::Cancel => "the borrower cancels the mandate",
            Self::PayOut => "the bank pays out",
            Self::TakeBack => "the bank takes the payout back",
            Self::PayDue => "the borrower pays what is due",
            Self::Foreclose => "the borrower pays the loan off",
        }
    }
}

/// Writes something down for later; what stands there already stays.
pub(super) async fn write(
    conn: &mut PgConnection,
    line: &Line,
    (deed, subject): (Deed, &str),
    due_at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into sandbox.diary (application_id, code, act, subject, due_at)
        values ($1, $2, $3, $4, $5)
        on conflict (application_id, act, subject) do nothing",
        line.application_id,
        line.code,
        deed.name(),
        subject,
        due_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The day of the next entry.
pub(super) async fn next_day(conn: &mut PgConnection) -> sqlx::Result<Option<NaiveDate>> {
    let next =
        sqlx::query_scalar!("select min(due_at) from sandbox.diary where done_at is null").fetch_one(conn).await?;
    Ok(next.map(crate::domain::calendar::business_date))
}

/// Whether something about an application is still to be done.
pub(super) async fn awaits(conn: &mut PgConnection, application: Uuid) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (
            select from sandbox.diary
            where application_id = $1
            and done_at is null
        ) as "awaits!""#,
        application,
    )
    .fetch_one(conn)
    .await
}

struct Entry {
    diary_id: i64,
    application_id: Uuid,
    code: String,
    act: String,
    subject: String,
}

/// Does everything that is due by an instant.
pub(super) async fn run_due(app: &SharedApp, by: DateTime<Utc>) -> Result<bool, Problem> {
    let mut any = false;
    loop {
        let due = take(&app.pool, by, app.clock.now()).await?;
        if due.is_empty() {
            return Ok(any);
        }
        any = true;
        for entry in due {
            if let Err(problem) = perform(app, &entry).await {
                tracing::warn!(code = entry.code, act = entry.act, %problem, "a scenario could not go on");
            }
        }
        app.wake.notify_asks();
        app.wake.notify_callbacks();
    }
}

/// Takes entries out before they are done: one that fails is not tried for ever.
async fn take(pool: &PgPool, by: DateTime<Utc>, now: DateTime<Utc>) -> sqlx::Result<Vec<Entry>> {
    sqlx::query_as!(
        Entry,
        "with due as (
            select diary_id
            from sandbox.diary
            where done_at is null
            and due_at <= $1
            order by due_at, diary_id
            limit $3
            for update skip locked
        )
        update sandbox.diary
        set done_at = $2
        from due
        where diary.diary_id = due.diary_id
        returning diary.diary_id, application_id, code, act, subject",
        by,
        now,
        BATCH,
    )
    .fetch_all(pool)
    .await
    .map(|mut entries| {
        entries.sort_by_key(|entry| entry.diary_id);
        entries
    })
}

async fn perform(app: &SharedApp, entry: &Entry) -> Result<(), Problem> {
    let Some(deed) = Deed::named(&entry.act) else { return Ok(()) };
    let mut conn = app.pool.acquire().await?;
    let words = format!("scenario {}: {}", entry.code, deed.words());
    script::tell(&mut conn, &[entry.application_id], &words, app.clock.now()).await?;
    drop(conn);
    match deed {
        Deed::Authorise => tell::mandate_by_plan(app, &entry.subject, MandateOutcome::Authorise).await,
        Deed::Cancel => tell::mandate_by_plan(app, &entry.subject, MandateOutcome::Cancel).await,
        Deed::PayOut => tell::payout(app, &entry.subject, PaymentOutcome::Succeed).await,
        Deed::TakeBack => tell::payout(app, &entry.subject, PaymentOutcome::Return).await,
        Deed::PayDue => receive(app, &entry.subject, Purpose::Instalment, entry.diary_id).await,
        Deed::Foreclose => receive(app, &entry.subject, Purpose::Foreclosure, entry.diary_id).await,
    }
}

/// Money of the borrower's comes in past the collection system, as much as its purpose takes today.
async fn receive(app: &SharedApp, loan_id: &str, purpose: Purpose, number: i64) -> Result<(), Problem> {
    let today = app.clock.today();
    let loan_id = LoanId(loan_id.to_owned());
    let mut tx = app.pool.begin().await?;
    let application = crate::store::reference::application_of_loan(&mut tx, loan_id.as_str()).await?;
    let application = application.ok_or_else(|| Problem::unknown("loan"))?;
    crate::store::application::lock(&mut tx, &app.sealer, &[application]).await?;
    let locked = loan::lock(&mut tx, &app.sealer, application).await?.ok_or_else(|| Problem::unknown("loan"))?;
    let account = locked.loan.account.as_ref().filter(|account| !account.is_closed());
    let amount = account.and_then(|account| match purpose {
        Purpose::Foreclosure => account.foreclosure(today).ok().map(|off| off.total),
        _ => Some(account.payable(today)),
    });
    let Some(amount) = amount.filter(|amount| amount.is_positive()) else {
        return Ok(());
    };
    let utr = format!("UTR-SANDBOX-{number}");
    let act = Act::ManualReceipt { amount, value_date: today, utr, purpose };
    tell::perform(app, &mut tx, &loan_id, &act).await?;
    tx.commit().await?;
    Ok(())
}

/// Looks into the diary until the app stops, for those who do not move the clock.
pub async fn run(app: SharedApp) {
    let mut tick = interval(POLL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            () = app.stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        if let Err(problem) = run_due(&app, app.clock.now()).await {
            tracing::warn!(%problem, "the diary of the sandbox could not be read");
        }
    }
}
