//! Data that ends and keys that change, while servers run: partitions, retention, legal holds, erasure, rotation.

use ocen_lender::config::Retention;
use ocen_lender::keep::{self, Swept};
use serde_json::json;

use crate::support::bodies::{self, path};
use crate::support::lsp::TestLsp;
use crate::support::server::{Options, Server};

mod erasure;
mod our_keys;
mod partitions;
mod sealing;

/// A server with a retention policy.
async fn keeping(retention: Retention, options: Options) -> Server {
    let tweak = Box::new(move |config: &mut ocen_lender::config::Config| config.retention = retention);
    Server::start_with(Options { tweak: Some(tweak), ..options }).await
}

/// One sweep, after any that is under way.
async fn sweep(server: &Server) -> Swept {
    loop {
        let swept = keep::sweep(&server.app).await.unwrap();
        if !swept.busy {
            return swept;
        }
    }
}

/// Files an application that is declined at once: it asks for more than any product lends.
async fn declined(lsp: &TestLsp, pan: &str) -> String {
    let id = bodies::id();
    let mut item = bodies::application(&id, pan);
    item["terms"]["requestedAmount"] = json!("99999999.00");
    let (_, ack) = lsp.send(path::CREATE, json!({"loanApplications": [item]})).await;
    assert_eq!(ack.error(), "0", "{}", ack.body);
    id
}
