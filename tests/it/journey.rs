//! A loan from the first request to money in the account.

use clap::Parser as _;
use ocen_lender::journey::JourneyArgs;
use serde_json::json;

use crate::support::flow::Flow;
use crate::support::server::Server;

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
async fn the_command_takes_a_bulk_through_signed_and_unsigned() {
    let server = Server::start().await;

    let signed = ocen_lender::journey::run(args(&server, &["--count", "5"])).await.unwrap();
    let unsigned = ocen_lender::journey::run(args(&server, &["--count", "2", "--unsigned"])).await.unwrap();

    assert_eq!((signed.loans.len(), unsigned.loans.len()), (5, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_says_why_it_failed() {
    let server = Server::start().await;
    let mut args = args(&server, &["--patience", "1"]);
    args.url = "http://127.0.0.1:1".to_owned();

    let failed = ocen_lender::journey::run(args).await.unwrap_err();

    assert!(failed.to_string().contains("jwks"), "{failed}");
}
