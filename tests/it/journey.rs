//! A loan from the first request to money in the account.

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
