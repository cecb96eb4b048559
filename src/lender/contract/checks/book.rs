//! The checks of the `ledger` port: it is asked about the book, and answers at once.

use super::{STRANGERS, Suite};
use crate::lender::contract::caller::{Reply, Signing};
use crate::lender::http::ledger::answer;
use crate::lender::ledger::LedgerFound;

impl Suite {
    /// Journals that leave nothing behind, and a comparison of nothing.
    pub(super) async fn ledger(&mut self) {
        for method in ["journal", "compare"] {
            let Some((key, body)) = self.samples.of_the_book(method) else { continue };
            for (signing, id, what) in STRANGERS {
                let key = format!("{key}.{id}");
                let reply = self.caller.post((self.port, method), &key, &body, signing).await;
                self.status((method, id), what, reply, 401);
            }
            for (id, what) in [
                ("answers", "answers with an outcome of the method"),
                ("repeat", "the same Idempotency-Key gives an outcome again, and posts nothing twice"),
            ] {
                let reply = self.caller.post((self.port, method), &key, &body, Signing::Right).await;
                let took = reply.as_ref().map(|reply| reply.took).unwrap_or_default();
                let result = reply.and_then(|reply| told(method, &reply));
                self.note((method, id), what, result, took);
            }
        }
        let reply = self.caller.post((self.port, "no-such-method"), "none", &().into(), Signing::Right).await;
        self.status(("no-such-method", "unknown"), "answers an unknown method with 404", reply, 404);
    }
}

fn told(method: &str, reply: &Reply) -> Result<String, String> {
    match (method, answer(reply.status, &reply.body).map_err(|error| error.to_string())?) {
        ("journal", LedgerFound::JournalsTaken) => Ok("done: journalsTaken".to_owned()),
        ("compare", LedgerFound::Balances(_)) => Ok("done: balances".to_owned()),
        (method, _) => Err(format!("with a finding that does not belong to `{method}`")),
    }
}
