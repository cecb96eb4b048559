//! Requests that were refused in their acks. Nothing of them is stored; the sandbox asks to be told.

use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;

/// A request that was refused in its ack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The OCEN operation.
    pub operation: &'static str,
    /// Whose it was: verified, or else what it said of itself.
    pub org_id: String,
    /// Its `requestId`, as far as it could be read.
    pub request_id: Option<String>,
    /// HTTP status of the ack.
    pub status: u16,
    /// `error` of the ack.
    pub error: Cow<'static, str>,
    /// `detail` of the ack.
    pub detail: String,
    /// `pointer` of the ack; empty for the whole message.
    pub pointer: String,
}

/// Who is told.
type Listener = Box<dyn Fn(Refused) + Send + Sync>;

/// The one listener, if there is one.
#[derive(Default)]
pub struct RefusalWatch(OnceLock<Listener>);

impl RefusalWatch {
    /// Tells `listener` of every refusal from now on; a second listener is not taken.
    pub fn tell(&self, listener: impl Fn(Refused) + Send + Sync + 'static) {
        // Whoever came first stays: a router that is built twice listens once.
        let _ = self.0.set(Box::new(listener));
    }

    /// Notes a refusal; `refused` is only made when somebody listens.
    pub fn note(&self, refused: impl FnOnce() -> Option<Refused>) {
        if let Some(listener) = self.0.get()
            && let Some(refused) = refused()
        {
            listener(refused);
        }
    }
}

impl fmt::Debug for RefusalWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefusalWatch").field("listens", &self.0.get().is_some()).finish()
    }
}
