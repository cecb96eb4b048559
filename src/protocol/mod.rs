//! The wire: message types, spellings, paths and codes of OCEN. Nothing else knows them.

pub mod ack;
pub mod amount;
pub mod canonical;
pub mod codes;
pub mod explain;
pub mod fingerprint;
pub mod inspect;
pub mod lenient;
pub mod lookups;
pub mod malformed;
mod open;
pub mod openapi;
pub mod operations;
mod route;
pub mod schema;
pub(crate) mod spelling;
pub mod v3;

use std::time::Instant;

use bytes::Bytes;
use uuid::Uuid;

pub use self::ack::Ack;
pub use self::codes::Code;
pub use self::malformed::Malformed;
pub use self::operations::{OPERATIONS, Operation, Version, find, unknown_operation};
pub use self::route::route;
use crate::app::{App, Hints};
use crate::domain::ids::ExchangeId;
use crate::engine::{self, EncodeError, EncodedCallback, Outgoing};
use crate::tls::peer::Peer;

/// Takes one message and answers it: opened, applied, acknowledged. Never fails; a refusal is an ack
/// too. `trace` is the W3C trace id under which it is handled, `peer` whom it comes from, by
/// its connection or by the word of a trusted proxy, `hints` what the sandbox adds.
pub async fn receive(
    app: &App,
    operation: &'static Operation,
    body: Bytes,
    (trace, peer): (Uuid, Option<&Peer>),
    hints: Hints,
) -> Ack {
    let mut sender = ack::Sender { hints, ..ack::Sender::unknown() };
    let outcome = take(app, operation, (body, trace, peer), &mut sender).await;
    let is_well = operation.name == "heartbeat" && outcome.is_ok();
    let health = is_well.then(|| v3::meta::Health::with(&app.ports.resting()));
    ack::write(app, &sender, outcome, health)
}

async fn take(
    app: &App,
    operation: &'static Operation,
    message: (Bytes, Uuid, Option<&Peer>),
    sender: &mut ack::Sender,
) -> Result<ExchangeId, Malformed> {
    let request = open::open(app, operation, message, sender).await?;
    if let Some(words) = sender.hints.refuse.take() {
        return Err(Malformed::new(Code::Unavailable, "", words));
    }
    let begun = Instant::now();
    let handled = engine::handle(app, &request).await;
    sender.engine_took = begun.elapsed();
    match handled {
        Ok(accepted) => Ok(accepted.exchange),
        Err(refused) => {
            if let engine::Refused::Unavailable(_) | engine::Refused::Internal(_) = refused {
                tracing::error!(error = %refused, operation = operation.name, "a request could not be applied");
            }
            Err(ack::refused(operation.name, &refused))
        }
    }
}

/// The ack of a request that never was a message: wrong path, method, media type or size. Plain, because
/// nothing about its sender is known.
#[must_use]
pub fn refuse(app: &App, code: Code, detail: &str) -> Ack {
    ack::write(app, &ack::Sender::unknown(), Err(Malformed::new(code, "", detail)), None)
}

/// OCEN as the engine sees it: answers in, bytes out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Codec;

impl engine::Codec for Codec {
    fn encode(&self, outgoing: &Outgoing<'_>) -> Result<EncodedCallback, EncodeError> {
        let unknown = || EncodeError(format!("{} has no callback", outgoing.operation));
        let operation = find(outgoing.operation).ok_or_else(unknown)?;
        let path = outgoing.settings.callback_path_overrides.get(operation.name).map(String::as_str);
        let path = path.or(operation.answer_path).ok_or_else(unknown)?;
        Ok(EncodedCallback { path: path.to_owned(), body: (operation.encode)(outgoing)? })
    }
}
