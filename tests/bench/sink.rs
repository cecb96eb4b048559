//! The LSP's endpoint and the lender's systems in one trivial server: it accepts whatever comes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::Outcome;
use crate::wire::{Message, Wire};

/// Below this path stand the lender's systems.
const PORTS: &str = "/ports/";
/// What an LSP says to every callback.
const ACK: &str = r#"{"error":"0","traceId":"bench","timestamp":"2026-01-05T09:59:00.000Z"}"#;
/// What the lender's systems find, where they are asked in a measurement.
const ACKNOWLEDGED: &str = r#"{"outcome":"done","finding":{"finding":"acknowledged"}}"#;
const IDENTIFIED: &str = r#"{"outcome":"done","finding":{"finding":"kycDone","reference":"KYC-1"}}"#;

/// Where callbacks arrive.
pub struct Sink {
    /// `127.0.0.1:port`.
    pub address: String,
    /// Callbacks that came.
    pub callbacks: AtomicUsize,
    /// Questions to the lender's systems that came.
    pub questions: AtomicUsize,
    expected: Mutex<HashMap<String, oneshot::Sender<Value>>>,
}

impl Sink {
    /// Listens.
    pub async fn start() -> Outcome<Arc<Self>> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let sink = Arc::new(Self {
            address: listener.local_addr()?.to_string(),
            callbacks: AtomicUsize::new(0),
            questions: AtomicUsize::new(0),
            expected: Mutex::default(),
        });
        let serving = Arc::clone(&sink);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sink = Arc::clone(&serving);
                tokio::spawn(async move {
                    if let Ok(wire) = Wire::new(stream) {
                        // A connection that breaks shows as a callback that does not come.
                        let _ = sink.serve(wire).await;
                    }
                });
            }
        });
        Ok(sink)
    }

    /// The callback that answers a request, once it has come.
    pub fn expect(&self, request_id: &str) -> oneshot::Receiver<Value> {
        let (sender, receiver) = oneshot::channel();
        self.expected.lock().unwrap_or_else(PoisonError::into_inner).insert(request_id.to_owned(), sender);
        receiver
    }

    async fn serve(&self, mut wire: Wire) -> Outcome<()> {
        while let Some(message) = wire.read().await? {
            let answer = if message.second_word().starts_with(PORTS) {
                self.questions.fetch_add(1, Ordering::Relaxed);
                if message.second_word().contains("/kyc/") { IDENTIFIED } else { ACKNOWLEDGED }
            } else {
                self.take(&message);
                ACK
            };
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length:";
            wire.send(format!("{head} {}\r\n\r\n{answer}", answer.len()).as_bytes()).await?;
        }
        Ok(())
    }

    fn take(&self, message: &Message<'_>) {
        self.callbacks.fetch_add(1, Ordering::Relaxed);
        let mut expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        if expected.is_empty() {
            return;
        }
        let Some(body) = opened(message.body) else { return };
        let request_id = body.get("requestId").and_then(Value::as_str).unwrap_or_default();
        if let Some(waiting) = expected.remove(request_id) {
            // Whoever waited may have given up.
            let _ = waiting.send(body);
        }
    }
}

/// The message inside its signature, which nobody checks here.
fn opened(body: &[u8]) -> Option<Value> {
    let envelope: Value = serde_json::from_slice(body).ok()?;
    let payload = envelope.get("payload").and_then(Value::as_str)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}
