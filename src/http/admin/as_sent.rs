//! The bytes of a callback: as its last attempt sent them, and as the next one would.

use chrono::{DateTime, Utc};

use crate::app::App;
use crate::delivery::stamp::{self, Stamp};
use crate::http::problem::Problem;
use crate::jose::{self, HeaderMember};
use crate::lsp::Lsp;
use crate::store::attempt::AttemptRow;
use crate::store::message::Callback;

/// A callback's message.
pub(super) struct AsSent {
    /// The JSON of the message, with its metadata.
    pub(super) text: String,
    /// The body that carries it: signed, or the same as `text`.
    pub(super) raw: Vec<u8>,
    /// A body that an LSP takes now, with a fresh time and signature.
    pub(super) fresh: Vec<u8>,
    /// Whether nothing was sent yet, so that `raw` is what would be.
    pub(super) remade: bool,
}

/// Makes it of the frozen payload. `last` is the attempt to be shown; what the sandbox spoilt is none.
///
/// # Errors
/// When the stored payload is no JSON object, or the library fails to sign.
pub(super) fn of(
    app: &App,
    (callback, lsp): (&Callback, Option<&Lsp>),
    payload: &str,
    last: Option<&AttemptRow>,
) -> Result<AsSent, Problem> {
    let stamped = |at: DateTime<Utc>| {
        let stamp = Stamp {
            version: &callback.version,
            lender: &app.config.lender.org_id,
            trace_id: callback.about.trace_id.as_deref().unwrap_or_default(),
            now: at,
        };
        stamp.onto(payload).map_err(|error| Problem::internal(&error))
    };
    let settings = lsp.map(|lsp| lsp.settings.clone()).unwrap_or_default();
    let has_key = lsp.is_some_and(|lsp| lsp.keys.iter().any(|key| key.revoked_at.is_none()));
    let member = stamp::header_member(settings.jws_header_member, callback.protected_member);
    let key = app.keys.signing();
    let signs = (callback.signed && has_key).then_some((&*key, member));
    let now = stamped(app.clock.wall())?;
    let (fresh, _) = stamp::seal(now.clone(), signs).map_err(|error| Problem::internal(&error))?;
    let Some((last, at)) = last.and_then(|last| Some((last, last.sent_at?))) else {
        return Ok(AsSent { text: now, raw: fresh.to_vec(), fresh: fresh.to_vec(), remade: true });
    };
    let text = stamped(at)?;
    let raw = signed(last, &text).unwrap_or_else(|| text.clone().into_bytes());
    Ok(AsSent { text, raw, fresh: fresh.to_vec(), remade: false })
}

fn signed(attempt: &AttemptRow, text: &str) -> Option<Vec<u8>> {
    let member = match attempt.header_member.as_deref()? {
        name if name == HeaderMember::Protected.name() => HeaderMember::Protected,
        _ => HeaderMember::Header,
    };
    Some(jose::rebuild(attempt.kid.as_deref()?, member, text.as_bytes(), attempt.signature.as_deref()?))
}
