//! The `ledger` port behind HTTP: `journal` and `compare`, signed and answered as every other method.

use chrono::{DateTime, Utc};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ADAPTER_ERROR, Adapter, IDEMPOTENCY_KEY, MAX_ANSWER, failure};
use crate::lender::PortError;
use crate::lender::answer::said;
use crate::lender::ledger::{
    Balances, BalancesDetail, Batch, Comparison, JournalsDetail, LEDGER, Ledger, LedgerError, LedgerFound,
};
use crate::lender::webhook;

/// What comes back.
#[derive(Debug, Deserialize)]
#[serde(tag = "outcome", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Answer {
    Done {
        finding: LedgerFound,
    },
    Pending {
        poll_after: DateTime<Utc>,
    },
    Refused {
        code: String,
        #[serde(default)]
        detail: String,
    },
}

impl Ledger for Adapter {
    fn journal<'a>(&'a self, batch: Batch<'a>) -> BoxFuture<'a, Result<(), LedgerError>> {
        Box::pin(async move {
            let body = json!({
                "key": batch.key,
                "ask": JournalsDetail { journals: batch.journals },
                "now": batch.now,
                "businessDate": batch.today,
            });
            match self.ask_ledger("journal", batch.key, &body).await? {
                LedgerFound::JournalsTaken => Ok(()),
                LedgerFound::Balances(_) => Err(bad("with a finding that does not belong to `journal`").into()),
            }
        })
    }

    fn compare<'a>(&'a self, asked: Comparison<'a>) -> BoxFuture<'a, Result<Balances, LedgerError>> {
        Box::pin(async move {
            let body = json!({
                "key": asked.key,
                "ask": BalancesDetail { as_of: asked.as_of, accounts: asked.accounts, loans: asked.loans },
                "now": asked.now,
                "businessDate": asked.today,
            });
            match self.ask_ledger("compare", asked.key, &body).await? {
                LedgerFound::Balances(balances) => Ok(balances),
                LedgerFound::JournalsTaken => Err(bad("with a finding that does not belong to `compare`").into()),
            }
        })
    }
}

impl Adapter {
    async fn ask_ledger(&self, method: &str, key: &str, body: &Value) -> Result<LedgerFound, LedgerError> {
        let body = serde_json::to_vec(body).map_err(|_| bad("a question that cannot be written"))?;
        let seconds = self.clock.wall().timestamp();
        let request = self
            .client()
            .post(format!("{}/{LEDGER}/{method}", self.base))
            .timeout(self.timeout)
            .header(CONTENT_TYPE, "application/json")
            .header(webhook::ID, key)
            .header(webhook::TIMESTAMP, seconds.to_string())
            .header(webhook::SIGNATURE, self.keys.sign(key, seconds, &body))
            .header(IDEMPOTENCY_KEY, key);
        let response = request.body(body).send().await.map_err(|error| unreachable(&error))?;
        let status = response.status();
        let mut body = Vec::new();
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| unreachable(&error))?;
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(bad("with too many bytes").into());
            }
            body.extend_from_slice(&chunk);
        }
        answer(status, &body)
    }
}

/// A bare 4xx is a refusal: the same journals will not be taken tomorrow unless somebody looks.
pub(in crate::lender) fn answer(status: StatusCode, body: &[u8]) -> Result<LedgerFound, LedgerError> {
    let retryable = matches!(status.as_u16(), 408 | 409 | 425 | 429);
    let read = serde_json::from_slice(body);
    match read {
        Ok(Answer::Done { finding }) if status == StatusCode::OK => Ok(finding),
        Ok(Answer::Pending { poll_after }) if status.is_success() => Err(LedgerError::Later(poll_after)),
        Ok(Answer::Refused { code, detail }) if status.is_success() || status.is_client_error() && !retryable => {
            Err(LedgerError::Refused { code, detail })
        }
        _ if status.is_client_error() && !retryable => Err(LedgerError::Refused {
            code: ADAPTER_ERROR.to_owned(),
            detail: format!("the adapter answered {status}"),
        }),
        Err(error) if status.is_success() => Err(bad(&format!("no outcome: {}", said(&error))).into()),
        _ => Err(bad(&format!("{status} without an outcome that belongs to it")).into()),
    }
}

fn bad(detail: &str) -> PortError {
    PortError::BadAnswer { port: LEDGER, detail: detail.to_owned() }
}

fn unreachable(error: &reqwest::Error) -> PortError {
    PortError::Unreachable { port: LEDGER, detail: failure(error) }
}
