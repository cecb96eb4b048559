//! Many paid-out loans at once: copies of one that came the whole way over HTTP.

use ocen_lender::app::App;
use ocen_lender::clock::Ids;
use ocen_lender::domain::application::Application;
use ocen_lender::domain::ids::{ApplicationId, BundleId, LoanId};
use ocen_lender::domain::loan::Loan;
use ocen_lender::store::{application, book, loan};

/// The number of a copy, as its loan's id.
pub fn loan_id(number: usize) -> String {
    format!("LON{number:012}")
}

/// Copies a paid-out loan with everything that its life needs; the copies have ids in order, from 1.
pub async fn copies(app: &App, of: &str, count: usize) {
    let mut tx = app.pool.begin().await.unwrap();
    let id = ocen_lender::store::reference::application_of_loan(&mut tx, of).await.unwrap().unwrap();
    let original = application::lock(&mut tx, &app.sealer, &[id]).await.unwrap().remove(0).application;
    let locked = loan::lock(&mut tx, &app.sealer, id).await.unwrap().unwrap();
    let history = book::history(&mut tx, &app.sealer, &locked.loan.id).await.unwrap();
    let now = app.clock.now();
    for number in 1..=count {
        let copy = copy_application(app, &mut tx, &original).await;
        let id = LoanId(loan_id(number));
        let mut payouts = locked.loan.payouts.clone();
        for payout in &mut payouts {
            payout.bank_key = format!("{}-{number}", payout.bank_key);
        }
        let loan = Loan { id: id.clone(), application: copy, payouts, ..locked.loan.clone() };
        let borrower = borrower_of(&mut tx, copy).await;
        loan::insert(&mut tx, &app.sealer, &loan, &borrower, now).await.unwrap();
        loan::save(&mut tx, &app.sealer, &loan, 1).await.unwrap();
        loan::save_payouts(&mut tx, &loan, now).await.unwrap();
        book::allow_charges(&mut tx, &id, &loan.kfs_rows()).await.unwrap();
        let mut journals = book::NewJournals::default();
        for journal in &history.journals {
            journals.push(Ids.uuid(), &id, journal);
        }
        book::post(&mut tx, &journals, now).await.unwrap();
        for fact in &history.facts {
            book::record(&mut tx, &app.sealer, &id, fact, now).await.unwrap();
        }
    }
    tx.commit().await.unwrap();
}

async fn copy_application(app: &App, conn: &mut sqlx::PgConnection, original: &Application) -> ApplicationId {
    let id = ApplicationId(Ids.uuid());
    let copy =
        Application { id, loan_application_id: format!("APP-{id}"), bundle: BundleId(Ids.uuid()), ..original.clone() };
    let state = app.sealer.seal_json(&format!("application:{id}"), &copy).unwrap();
    sqlx::query!(
        "insert into application (
            application_id, org_id, loan_application_id, bundle_id, borrower_index, stage, data_consent,
            monitoring_consent, kyc, agreement, repayment_setup, account_setup, state, revision, created_at, updated_at)
        select $2, org_id, $3, $4, borrower_index, stage, data_consent,
            monitoring_consent, kyc, agreement, repayment_setup, account_setup, $5, revision, created_at, updated_at
        from application
        where application_id = $1",
        original.id.0,
        id.0,
        &copy.loan_application_id,
        copy.bundle.0,
        state,
    )
    .execute(conn)
    .await
    .unwrap();
    id
}

async fn borrower_of(conn: &mut sqlx::PgConnection, id: ApplicationId) -> Vec<u8> {
    sqlx::query_scalar!("select borrower_index from application where application_id = $1", id.0)
        .fetch_one(conn)
        .await
        .unwrap()
}
