//! A loan's life through OCEN, the clock moved by the sandbox: what callbacks, summary and statement say agrees to the
//! paisa with what the accepted schedule says.

use serde_json::{Value, json};

use crate::support::bodies::path;
use crate::support::flow::{Flow, Loan};
use crate::support::lsp::{Callback, TestLsp};
use crate::support::money::{paise, rupees};
use crate::support::server::{Options, Server};

/// A paid-out loan of 50,000 rupees in twelve months.
struct Life<'a> {
    server: &'a Server,
    lsp: &'a TestLsp,
    loan: Loan,
}

impl<'a> Life<'a> {
    async fn paid_out(server: &'a Server, lsp: &'a TestLsp) -> Self {
        let flow = Flow { server, lsp };
        let loan = flow.granted(1).await.remove(0);
        flow.disburse(&loan, "DISB-1").await;
        Self { server, lsp, loan }
    }

    async fn ask(&self, path: &str, mut body: Value) -> Value {
        body["loanId"] = json!(self.loan.loan_id);
        self.lsp.ask(path, body).await
    }

    async fn summary(&self) -> Value {
        self.ask(path::LOAN_SUMMARY, json!({})).await
    }

    async fn statement(&self) -> Vec<Value> {
        self.ask(path::LOAN_STATEMENT, json!({})).await["accountStatement"].as_array().unwrap().clone()
    }

    /// Rows of the accepted schedule.
    async fn rows(&self) -> Vec<Value> {
        let loan = self.ask(path::GET_LOAN, json!({})).await;
        loan["repayment"]["plan"]["extensibleData"]["schedule"].as_array().unwrap().clone()
    }

    async fn to(&self, day: &str) -> Value {
        self.clock(json!({"to": day})).await
    }

    async fn clock(&self, body: Value) -> Value {
        let (status, answer) = self.server.post("/sandbox/clock", &body).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// The news about a payment that ended.
    async fn confirmed(&self, fits: impl Fn(&Value) -> bool) -> Value {
        let is = |c: &Callback| {
            c.path.ends_with("confirmRepayment") && c.body["loanId"] == self.loan.loan_id && fits(&c.body)
        };
        self.lsp.callback_that("confirms a repayment", is).await.body
    }

    fn plan(&self) -> String {
        self.loan.offer["repayment"]["plans"][0]["id"].as_str().unwrap().to_owned()
    }

    async fn tell_mandate(&self, body: Value) {
        let (status, answer) = self.server.post(&format!("/sandbox/mandates/{}", self.plan()), &body).await;
        assert_eq!(status, 200, "{answer}");
    }

    async fn tell_payment(&self, payment: &str, outcome: &str) -> (u16, Value) {
        let path = format!("/sandbox/payments/{payment}?loanId={}", self.loan.loan_id);
        self.server.post(&path, &json!({"outcome": outcome})).await
    }

    async fn operator(&self) -> Value {
        self.server.get(&format!("/admin/loans/{}", self.loan.loan_id)).await
    }

    /// What must hold of a loan at any time, as an outsider sees it.
    async fn check(&self) {
        let (summary, statement) = (self.summary().await, self.statement().await);
        let s = &summary["summary"];
        let x = &s["extensibleData"];
        let owed = paise(&s["principalPending"]) + paise(&x["interestDue"]) + booked_charges(&self.operator().await)
            - paise(&x["excess"]);
        let closing = statement.last().map_or(0, |row| paise(&row["closingBalance"]));
        assert_eq!(closing, owed, "{statement:#?} {summary:#}");
        let mut balance = 0;
        for row in &statement {
            balance += if row["type"] == "DEPOSIT" { -paise(&row["amount"]) } else { paise(&row["amount"]) };
            assert_eq!(balance, paise(&row["closingBalance"]), "{row}");
        }
    }
}

/// Fees and penal charges in the book.
fn booked_charges(loan: &Value) -> i64 {
    let postings = loan["book"].as_array().unwrap().iter().flat_map(|journal| journal["postings"].as_array().unwrap());
    postings
        .filter(|posting| posting["account"] == "FEE_RECEIVABLE" || posting["account"] == "PENAL_RECEIVABLE")
        .map(|posting| paise(&posting["amount"]))
        .sum()
}

fn day(row: &Value) -> &str {
    row["dueDate"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn twelve_months_on_time_end_the_loan() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let life = Life::paid_out(&server, &lsp).await;
    let rows = life.rows().await;
    assert_eq!(rows.len(), 12);
    for row in &rows {
        life.to(day(row)).await;
        let number = row["number"].to_string();
        let told = life.confirmed(|body| body["payment"]["installmentNumber"] == number).await;
        assert_eq!(told["payment"]["status"], "SUCCESS");
        for (member, of) in [("totalAmount", "instalment"), ("principal", "principal"), ("interestAmount", "interest")]
        {
            assert_eq!(told["payment"][member], row[of], "{member} of {number}");
        }
        let summary = life.summary().await;
        assert_eq!(summary["summary"]["principalPending"], row["closing"], "{summary}");
    }
    life.check().await;
    let summary = life.summary().await;
    assert_eq!(summary["loanStatus"], "COMPLETED");
    let interest: i64 = rows.iter().map(|row| paise(&row["interest"])).sum();
    assert_eq!(paise(&summary["summary"]["interestPaid"]), interest);
    assert_eq!(summary["summary"]["principalPaid"], "50000.00");
    let statement = life.statement().await;
    assert_eq!(statement.last().unwrap()["closingBalance"], "0.00");
    let exposures = crate::support::sql::number(&server.app.pool, "select count(*) from exposure").await;
    assert_eq!(exposures, 0, "the borrower's limit is free again");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instalment_paid_in_advance_is_not_debited() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let life = Life::paid_out(&server, &lsp).await;
    let rows = life.rows().await;
    let paid = life.ask(path::TRIGGER_REPAYMENT, json!({"payment": {}})).await;
    assert_eq!(paid["payment"]["totalAmount"], rows[0]["instalment"]);
    life.confirmed(|body| body["payment"]["id"] == paid["payment"]["id"]).await;
    life.to(day(&rows[0])).await;
    let shown = life.operator().await;
    let [payment] = shown["payments"].as_array().unwrap().as_slice() else { panic!("{}", shown["payments"]) };
    assert_eq!((&payment["state"], &payment["received"]), (&json!("SETTLED"), &rows[0]["instalment"]), "{payment}");
    assert_eq!(shown["terms"]["installmentAmount"], rows[0]["instalment"], "{}", shown["terms"]);
    assert_eq!(life.summary().await["summary"]["principalPending"], rows[0]["closing"]);
    life.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bounce_costs_its_charge_and_a_late_payment_its_penal_charge() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let life = Life::paid_out(&server, &lsp).await;
    let first = life.rows().await[0].clone();
    life.tell_mandate(json!({"next": "bounce"})).await;
    life.to(day(&first)).await;
    let summary = life.summary().await;
    assert_eq!(summary["loanStatus"], "GRANTED", "the day is not over for the borrower");
    assert_eq!(summary["summary"]["extensibleData"]["feesPending"], "250.00");
    life.clock(json!({"advance": "P10D"})).await;
    let summary = life.summary().await;
    assert_eq!(summary["loanStatus"], "OVERDUE");
    assert_eq!(summary["summary"]["extensibleData"]["dpd"], 10);
    assert_eq!(summary["summary"]["extensibleData"]["smaClass"], "SMA-0");
    // 24 % a year on the instalment for ten days.
    let instalment = paise(&first["instalment"]);
    let penal = (instalment * 24 * 10 + 18_250) / 36_500;
    assert_eq!(paise(&summary["summary"]["extensibleData"]["penaltyPending"]), penal, "{summary}");
    life.check().await;
    let paid = life.ask(path::TRIGGER_REPAYMENT, json!({"payment": {}})).await;
    assert_eq!(paise(&paid["payment"]["totalAmount"]), instalment + 25_000 + penal);
    let told = life.confirmed(|body| body["payment"]["id"] == paid["payment"]["id"]).await;
    assert_eq!(paise(&told["payment"]["penalty"]), penal);
    assert_eq!(told["payment"]["fee"], "250.00");
    let summary = life.summary().await;
    assert_eq!(
        (&summary["loanStatus"], &summary["summary"]["extensibleData"]["smaClass"]),
        (&json!("GRANTED"), &json!("STANDARD"))
    );
    life.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loan_that_is_never_paid_is_non_performing_on_the_ninetieth_day() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let life = Life::paid_out(&server, &lsp).await;
    let first = life.rows().await[0].clone();
    life.tell_mandate(json!({"outcome": "cancel"})).await;
    life.to(day(&first)).await;
    for (days, class, status) in [
        ("P29D", "SMA-0", "OVERDUE"),
        ("P1D", "SMA-1", "OVERDUE"),
        ("P30D", "SMA-2", "OVERDUE"),
        ("P29D", "SMA-2", "OVERDUE"),
        ("P1D", "NPA", "DEFAULTED"),
    ] {
        life.clock(json!({"advance": days})).await;
        let summary = life.summary().await;
        assert_eq!(summary["summary"]["extensibleData"]["smaClass"], class, "{summary}");
        assert_eq!(summary["loanStatus"], status);
        life.check().await;
    }
    // Getting below ninety days is not enough; all arrears are.
    let paid = life.ask(path::TRIGGER_REPAYMENT, json!({"payment": {"totalAmount": first["instalment"]}})).await;
    life.confirmed(|body| body["payment"]["id"] == paid["payment"]["id"]).await;
    assert_eq!(life.summary().await["loanStatus"], "DEFAULTED");
    let paid = life.ask(path::TRIGGER_REPAYMENT, json!({"payment": {}})).await;
    life.confirmed(|body| body["payment"]["id"] == paid["payment"]["id"]).await;
    assert_eq!(life.summary().await["loanStatus"], "GRANTED");
    life.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_returned_debit_was_never_paid() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let life = Life::paid_out(&server, &lsp).await;
    let first = life.rows().await[0].clone();
    life.to(day(&first)).await;
    let paid = life.confirmed(|body| body["payment"]["installmentNumber"] == "1").await;
    let id = paid["payment"]["id"].as_str().unwrap();
    life.clock(json!({"advance": "P3D"})).await;
    assert_eq!(life.tell_payment(id, "return").await.0, 200);
    let back = life.confirmed(|body| body["payment"]["id"] == id && body["payment"]["status"] == "FAILURE").await;
    assert_eq!(back["response"]["error"], "TRRQ2001");
    let summary = life.summary().await;
    assert_eq!(summary["loanStatus"], "OVERDUE");
    assert_eq!(summary["summary"]["extensibleData"]["dpd"], 3, "overdue since the due date");
    let kinds: Vec<Value> = life.statement().await.iter().map(|row| row["narration"].clone()).collect();
    assert!(kinds.contains(&json!("Payment returned")), "{kinds:?}");
    life.check().await;
    // Told again, it changes nothing.
    let before = life.operator().await["book"].clone();
    assert_eq!(life.tell_payment(id, "return").await.0, 200);
    assert_eq!(life.operator().await["book"], before);
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_prepayment_and_foreclosure() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let life = Life::paid_out(&server, &lsp).await;
    let rows = life.rows().await;
    life.to(day(&rows[0])).await;
    life.confirmed(|body| body["payment"]["installmentNumber"] == "1").await;
    let purpose = |purpose: &str, amount: Option<&str>| {
        let mut payment = json!({"extensibleData": {"purpose": purpose}});
        if let Some(amount) = amount {
            payment["totalAmount"] = json!(amount);
        }
        json!({"payment": payment})
    };
    life.clock(json!({"advance": "P5D"})).await;
    let paid = life.ask(path::TRIGGER_REPAYMENT, purpose("PREPAYMENT", Some("10000.00"))).await;
    let told = life.confirmed(|body| body["payment"]["id"] == paid["payment"]["id"]).await;
    assert_eq!(told["payment"]["principal"], "10000.00");
    let summary = life.summary().await;
    let left = paise(&rows[0]["closing"]) - 1_000_000;
    assert_eq!(paise(&summary["summary"]["principalPending"]), left);
    assert!(life.rows().await.len() < 12, "the loan ends earlier");
    let shown = life.ask(path::GET_LOAN, json!({})).await;
    let plan = &shown["repayment"]["plan"];
    let schedule = plan["extensibleData"]["schedule"].as_array().unwrap();
    let interest: i64 = schedule.iter().map(|row| paise(&row["interest"])).sum();
    assert_eq!(plan["noOfInstallments"], schedule.len().to_string(), "{shown}");
    assert_eq!(paise(&plan["interestAmount"]), interest, "{shown}");
    assert_eq!(paise(&plan["totalAmount"]), paise(&plan["principal"]) + interest, "{shown}");
    life.check().await;
    let pay_off = summary["summary"]["extensibleData"]["payOff"]["foreclosure"].clone();
    let paid = life.ask(path::TRIGGER_REPAYMENT, purpose("FORECLOSURE", None)).await;
    assert_eq!(paid["payment"]["totalAmount"], pay_off["amount"]);
    let told = life.confirmed(|body| body["payment"]["id"] == paid["payment"]["id"]).await;
    assert_eq!(paise(&told["payment"]["principal"]), left);
    assert_eq!(life.summary().await["loanStatus"], "COMPLETED");
    life.check().await;
    assert_eq!(life.statement().await.last().unwrap()["closingBalance"], "0.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_within_the_cooling_off_period() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let life = Life::paid_out(&server, &lsp).await;
    life.clock(json!({"advance": "P2D"})).await;
    let body = json!({"payment": {"extensibleData": {"purpose": "COOLING_OFF_EXIT"}}});
    let paid = life.ask(path::TRIGGER_REPAYMENT, body).await;
    let terms = &life.loan.offer["terms"]["extensibleData"];
    let apr: i64 = paise(&terms["annualPercentageRate"]);
    let interest = (5_000_000 * apr * 2 * 2 + 3_650_000) / 7_300_000;
    assert_eq!(paise(&paid["payment"]["totalAmount"]), paise(&terms["netDisbursedAmount"]) + interest);
    life.confirmed(|body| body["payment"]["id"] == paid["payment"]["id"]).await;
    let summary = life.summary().await;
    assert_eq!(summary["loanStatus"], "COMPLETED");
    life.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_and_a_mandate_are_never_both_collected() {
    let server = Server::start_with(Options { manual: true, ..Options::default() }).await;
    let lsp = server.lsp().await;
    let life = manual(&server, &lsp).await;
    let first = life.rows().await[0].clone();
    let opened = life.ask(path::TRIGGER_REPAYMENT, json!({"payment": {"installmentNumber": "1"}})).await;
    assert_eq!(opened["payment"]["status"], "PENDING_AUTH");
    assert!(opened["payment"]["paymentUrl"].as_str().unwrap().contains("/pay/"));
    let link = opened["payment"]["id"].as_str().unwrap().to_owned();
    // The same again is the same page.
    let again = life.ask(path::TRIGGER_REPAYMENT, json!({"payment": {"installmentNumber": "1"}})).await;
    assert_eq!(again["payment"]["id"], link);
    life.to(day(&first)).await;
    let status = life.ask(path::REPAYMENT_STATUS, json!({"payment": {"id": link}})).await;
    assert_eq!(status["payment"]["status"], "FAILURE", "the page is closed before the debit");
    assert_eq!(life.tell_payment(&link, "succeed").await.0, 409, "and takes no money any more");
    let debit = life.ask(path::REPAYMENT_STATUS, json!({})).await;
    let debit = debit["payment"]["id"].as_str().unwrap();
    let refused = life.ask(path::TRIGGER_REPAYMENT, json!({"payment": {}})).await;
    assert_eq!(refused["response"]["error"], "TRRQ1003");
    assert_eq!(life.tell_payment(debit, "succeed").await.0, 200);
    let told = life.confirmed(|body| body["payment"]["id"] == debit).await;
    assert_eq!(told["payment"]["totalAmount"], first["instalment"]);
    assert_eq!(life.summary().await["summary"]["amountRepaid"], first["instalment"]);
    life.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_pays_once_however_often_it_is_paid() {
    let server = Server::start_with(Options { manual: true, ..Options::default() }).await;
    let lsp = server.lsp().await;
    let life = manual(&server, &lsp).await;
    let opened = life.ask(path::TRIGGER_REPAYMENT, json!({"payment": {"totalAmount": 1000}})).await;
    let id = opened["payment"]["id"].as_str().unwrap();
    for _ in 0..3 {
        assert_eq!(life.tell_payment(id, "succeed").await.0, 200);
    }
    life.confirmed(|body| body["payment"]["id"] == id).await;
    assert_eq!(life.tell_payment(id, "succeed").await.0, 200);
    assert_eq!(life.summary().await["summary"]["amountRepaid"], "1000.00");
    life.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payments_that_make_no_sense_change_nothing() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let granted = flow.granted(1).await.remove(0);
    let unpaid = Life { server: &server, lsp: &lsp, loan: granted };
    let answer = unpaid.ask(path::TRIGGER_REPAYMENT, json!({"payment": {}})).await;
    assert_eq!(answer["response"]["error"], "TRRQ1001", "{answer}");
    flow.disburse(&unpaid.loan, "DISB-1").await;
    let life = unpaid;
    let instalment = life.rows().await[0]["instalment"].as_str().unwrap().to_owned();
    let before = life.operator().await["book"].clone();
    let cases = [
        (json!({"totalAmount": rupees(paise(&json!(instalment)) + 1)}), "TRRQ1002"),
        (json!({"installmentNumber": "3"}), "TRRQ1002"),
        (json!({"installmentNumber": "13"}), "TRRQ1002"),
        (json!({"extensibleData": {"purpose": "PREPAYMENT"}, "totalAmount": "99999.00"}), "TRRQ1002"),
        (json!({"extensibleData": {"purpose": "FORECLOSURE"}, "totalAmount": "1.00"}), "TRRQ1002"),
        (json!({"extensibleData": {"purpose": "COOLING_OFF_EXIT"}, "totalAmount": "1.00"}), "TRRQ1002"),
    ];
    for (payment, code) in cases {
        let answer = life.ask(path::TRIGGER_REPAYMENT, json!({"payment": payment})).await;
        assert_eq!(answer["response"]["error"], code, "{payment}: {answer}");
    }
    for payment in [
        json!({"totalAmount": "0"}),
        json!({"totalAmount": "-5"}),
        json!({"totalAmount": "1.001"}),
        json!({"totalAmount": "99999999999999"}),
        json!({"extensibleData": {"purpose": "GIFT"}}),
    ] {
        let body = json!({"loanId": life.loan.loan_id, "payment": payment});
        let (_, ack) = lsp.send(path::TRIGGER_REPAYMENT, body).await;
        assert_eq!(ack.status, 400, "{payment}: {}", ack.body);
    }
    let other = TestLsp::register(&server, "LSP-OTHER").await;
    for path in [path::TRIGGER_REPAYMENT, path::LOAN_SUMMARY, path::GET_LOAN, path::LOAN_STATEMENT] {
        let (_, ack) = other.send(path, json!({"loanId": life.loan.loan_id, "payment": {}})).await;
        assert_eq!((ack.status, ack.error()), (404, "GEN5009"), "another LSP's loan is as unknown as any");
    }
    assert_eq!(life.operator().await["book"], before, "nothing was posted");
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_by_date_lists_and_disputes() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let life = Life::paid_out(&server, &lsp).await;
    let rows = life.rows().await;
    life.to(day(&rows[1])).await;
    life.confirmed(|body| body["payment"]["installmentNumber"] == "2").await;
    let whole = life.statement().await;
    let body = json!({"startDate": day(&rows[1]), "endDate": day(&rows[1])});
    let part = life.ask(path::LOAN_STATEMENT, body).await;
    let part = part["accountStatement"].as_array().unwrap().clone();
    assert!(part.len() < whole.len() && part.last() == whole.last());
    let reversed = life.ask(path::LOAN_STATEMENT, json!({"startDate": "2030-01-01", "endDate": "2029-01-01"})).await;
    assert_eq!(
        (&reversed["response"]["error"], reversed["accountStatement"].as_array().unwrap().len()),
        (&json!("LNRQ1002"), 0)
    );

    let loan = life.ask(path::GET_LOAN, json!({})).await;
    let borrower = loan["borrower"].clone();
    let listed = lsp.ask(path::LIST_LOANS, json!({"borrower": borrower})).await;
    assert_eq!(listed["loans"][0]["loanId"], life.loan.loan_id, "{listed}");
    let phone = borrower["contactDetails"][0]["phone"].clone();
    for by in [json!({"primaryId": phone, "primaryIdType": "MOBILE"}), json!({"primaryId": phone})] {
        let listed = lsp.ask(path::LIST_LOANS, json!({"borrower": by})).await;
        assert_eq!(listed["loans"][0]["loanId"], life.loan.loan_id, "{listed}");
    }
    let stranger = json!({"primaryId": "9000099999", "primaryIdType": "MOBILE"});
    assert_eq!(lsp.ask(path::LIST_LOANS, json!({"borrower": stranger})).await["loans"], json!([]));
    let turned = json!({"borrower": borrower, "startDate": "2026-02-01", "endDate": "2026-01-01"});
    let refused = lsp.ask(path::LIST_LOANS, turned).await;
    assert_eq!((&refused["response"]["error"], &refused["loans"]), (&json!("LNRQ1002"), &json!([])), "{refused}");
    let none = lsp.ask(path::LIST_LOANS, json!({"borrower": borrower, "endDate": "2020-01-01"})).await;
    assert_eq!(none["loans"], json!([]));
    let other = TestLsp::register(&server, "LSP-OTHER").await;
    assert_eq!(other.ask(path::LIST_LOANS, json!({"borrower": borrower})).await["loans"], json!([]));

    let raised = life.ask(path::RAISE_DISPUTE, json!({"dispute": {"description": "I was charged twice"}})).await;
    assert_eq!(raised["dispute"]["status"], "NEW");
    let id = raised["dispute"]["id"].as_str().unwrap().to_owned();
    let admin = format!("/admin/disputes/{id}");
    let waiting = server.get("/admin/disputes?status=NEW").await;
    assert_eq!(waiting["items"][0]["loanId"], life.loan.loan_id, "{waiting}");
    let (status, refused) = server.post(&admin, &json!({"status": "RESOLVED"})).await;
    assert_eq!(status, 409, "no complaint ends without a reply: {refused}");
    assert_eq!(server.post(&admin, &json!({"status": "NEED_MORE_INFO", "note": "Which day?"})).await.0, 200);
    let asked = lsp.ask(path::DISPUTE_STATUS, json!({"dispute": {"id": id}})).await;
    assert_eq!(
        (&asked["dispute"]["status"], &asked["dispute"]["extensibleData"]["note"]),
        (&json!("NEED_MORE_INFO"), &json!("Which day?"))
    );
    let more = life.ask(path::RAISE_DISPUTE, json!({"dispute": {"id": id, "description": "On the 5th"}})).await;
    assert_eq!((&more["dispute"]["id"], &more["dispute"]["status"]), (&json!(id), &json!("PROCESSING")));
    assert_eq!(server.post(&admin, &json!({"status": "NEED_MORE_INFO", "note": "Which day?"})).await.0, 200);
    assert_eq!(server.post(&admin, &json!({"status": "RESOLVED"})).await.0, 409, "a question is no reply");
    assert_eq!(server.post(&admin, &json!({"status": "RESOLVED", "note": "Refunded"})).await.0, 200);
    assert_eq!(server.post(&admin, &json!({"status": "CLOSED"})).await.0, 200);
    let closed = lsp.ask(path::DISPUTE_STATUS, json!({"dispute": {"id": id}})).await;
    assert_eq!(closed["dispute"]["status"], "CLOSED");
    let (_, ack) = other.send(path::DISPUTE_STATUS, json!({"dispute": {"id": id}})).await;
    assert_eq!(ack.status, 404);
}

/// A paid-out loan on a sandbox that waits to be told.
async fn manual<'a>(server: &'a Server, lsp: &'a TestLsp) -> Life<'a> {
    let flow = Flow { server, lsp };
    let loan = flow.granted_by_hand().await;
    let body = json!({"loanId": loan.loan_id, "payment": {"id": "DISB-1"}});
    lsp.ask(path::TRIGGER_DISBURSEMENT, body).await;
    let told = format!("/sandbox/payments/DISB-1?loanId={}", loan.loan_id);
    let (status, answer) = server.post(&told, &json!({"outcome": "succeed"})).await;
    assert_eq!(status, 200, "{answer}");
    let paid = |c: &Callback| {
        c.path.ends_with("TriggerDisbursementStatusResponse") && c.body["payment"]["status"] == "SUCCESS"
    };
    lsp.callback_that("tells that the payout ended", paid).await;
    Life { server, lsp, loan }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_lsp_may_hear_the_end_of_each_payment_that_it_asked_for() {
    let server = Server::start().await;
    let settings = json!({"pushRepaymentStatus": true});
    let key = crate::support::lsp::key().await;
    let lsp = TestLsp::register_with(&server, "LSP-TEST", settings, Some(key)).await;
    let life = Life::paid_out(&server, &lsp).await;
    let (request, _) = lsp.send(path::TRIGGER_REPAYMENT, json!({"loanId": life.loan.loan_id, "payment": {}})).await;
    let page = lsp.callback(&request).await;
    let is =
        |c: &Callback| c.path.ends_with("triggerRepaymentStatusResponse") && c.body["requestId"] == request.as_str();
    let told = lsp.callback_that("tells the end of the payment", is).await.body;
    assert_eq!(
        (&told["payment"]["status"], &told["payment"]["id"]),
        (&json!("SUCCESS"), &page["payment"]["id"]),
        "{told}"
    );
}
