//! A loan from the first request to money in the account.

use clap::Parser as _;
use ocen_lender::journey::JourneyArgs;
use serde_json::json;

use crate::support::flow::Flow;
use crate::support::money::paise;
use crate::support::server::{Options, Server};

#[tokio::test(flavor = "multi_thread")]
async fn two_applications_of_one_borrower_are_paid_out() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };

    let loans = flow.granted(2).await;
    let paid = flow.disburse(&loans[0], "DISB-1").await;

    assert_eq!(paid["payment"]["status"], "SUCCESS");
    assert_eq!(paid["payment"]["totalAmount"], "50000.00");
    let shown = server.get(&format!("/admin/applications/{}/{}", lsp.org_id, loans[0].application)).await;
    assert_eq!(shown["stage"], json!("GRANTED"), "{shown}");
}

#[derive(clap::Parser)]
struct Cli {
    #[command(flatten)]
    args: JourneyArgs,
}

fn args(server: &Server, more: &[&str]) -> JourneyArgs {
    let common = ["journey", "--json", "--url", &server.url, "--admin-url", &server.admin];
    Cli::parse_from(common.iter().chain(more)).args
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_takes_a_bulk_to_the_payout_signed_and_unsigned() {
    let server = Server::start().await;
    let run = async |more: &[&str]| {
        let more = [more, &["--until", "paid-out", "--type", "CASHFLOW"]].concat();
        ocen_lender::journey::run(args(&server, &more)).await.unwrap()
    };

    let signed = run(&["--count", "5"]).await;
    let unsigned = run(&["--count", "2", "--unsigned"]).await;

    assert_eq!((signed.loans.len(), unsigned.loans.len()), (5, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_takes_loans_to_their_end_signed_and_unsigned() {
    let server = Server::start().await;

    for more in [&["--count", "2"][..], &["--unsigned", "--type", "CASHFLOW"]] {
        let report = ocen_lender::journey::run(args(&server, more)).await.unwrap();

        assert!(report.loans.iter().all(|loan| loan.status == "COMPLETED"), "{report:?}");
        assert!(report.loans.iter().all(|loan| paise(&json!(loan.repaid)) > paise(&json!(loan.sanctioned))));
    }
    let closed = crate::support::sql::number(&server.app.pool, "select count(*) from loan where status = 'CLOSED'");
    assert_eq!(closed.await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_does_the_part_of_a_bank_that_waits_to_be_told() {
    let server = Server::start_with(Options { manual: true, ..Options::default() }).await;

    let report = ocen_lender::journey::run(args(&server, &["--type", "CASHFLOW"])).await.unwrap();

    assert_eq!(report.loans[0].status, "COMPLETED");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_says_why_it_failed() {
    let server = Server::start().await;
    let mut args = args(&server, &["--patience", "1"]);
    args.url = "http://127.0.0.1:1".to_owned();

    let failed = ocen_lender::journey::run(args).await.unwrap_err();

    assert!(failed.to_string().starts_with("no server answers at http://127.0.0.1:1: "), "{failed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_sees_what_a_scenario_code_forces() {
    let server = Server::start().await;
    for codes in
        ["0101", "0121", "0204", "0302", "0502", "0601", "0303,0702", "0704", "0902", "0905", "0908", "0909", "0804"]
    {
        let report = ocen_lender::journey::run(args(&server, &["--scenario", codes])).await;
        let report = report.unwrap_or_else(|error| panic!("{codes}: {error}"));
        assert!(report.ok && report.scenarios[0].codes == codes, "{report:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_says_when_a_scenario_ends_otherwise() {
    let server = Server::start().await;
    let mut args = args(&server, &["--scenario", "0000", "--patience", "2"]);
    // A registration that fails is not the happy path.
    args.admin_url = "http://127.0.0.1:1".to_owned();
    let failed = ocen_lender::journey::run(args).await.unwrap_err();

    assert_eq!(failed.to_string(), "not as the code says: 0000");
}
