//! Faults on purpose (`lending.md` §4.5).

use std::sync::Arc;
use std::time::Duration;

use crate::jose::SigningKey;

/// Which way the message goes that is spoilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// A callback of ours.
    Outgoing,
    /// A request of the LSP's, and the ack that it gets.
    Incoming,
}

macro_rules! faults {
    ($($name:ident $text:literal $direction:ident $meaning:literal;)+) => {
        /// One kind of fault.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Fault {
            $(#[doc = concat!("`", $text, "`: ", $meaning)] $name,)+
        }

        /// All of them.
        pub const FAULTS: &[Fault] = &[$(Fault::$name),+];

        impl Fault {
            /// As it is spelt in calls and views.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// What it does.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning),+ }
            }

            /// Which way the message goes.
            #[must_use]
            pub const fn direction(self) -> Direction {
                match self { $(Self::$name => Direction::$direction),+ }
            }
        }
    };
}

faults! {
    Delay "delay" Outgoing "the callback leaves later, by the business clock";
    Reorder "reorder" Outgoing "callbacks of one application wait for each other and leave in reverse order";
    Drop "drop" Outgoing "the callback never leaves";
    Duplicate "duplicate" Outgoing "the callback comes three times with the same bytes";
    BrokenSignature "brokenSignature" Outgoing "the signature does not verify";
    WrongKey "wrongKey" Outgoing "another key signed under our kid";
    ExpiredKey "expiredKey" Outgoing "signed under a kid that is not published any more";
    RotatedKey "rotatedKey" Outgoing "callbacks after the first are signed by another published key";
    AlteredByte "alteredByte" Outgoing "a byte was changed after signing";
    MissingHeader "missingHeader" Outgoing "the protected header is missing; of an unsigned callback its content type";
    ExtraFields "extraFields" Outgoing "the message has members that nobody knows";
    ErrorResponse "errorResponse" Outgoing "the callback says that the request could not be carried out";
    SlowBody "slowBody" Outgoing "the body comes in small pieces";
    WrongContentType "wrongContentType" Outgoing "the content type is text/plain";
    ConnectionReset "connectionReset" Outgoing "the connection ends in the middle of the body";
    TooManyRequests "tooManyRequests" Incoming "429 with Retry-After; nothing is stored";
    ErrorBeforeStoring "errorBeforeStoring" Incoming "HTTP 500; nothing is stored";
    ErrorAfterStoring "errorAfterStoring" Incoming "HTTP 500 in place of the ack; the request is stored and goes on";
    ErrorAck "errorAck" Incoming "an ack whose error is not \"0\"; nothing is stored";
    SlowAck "slowAck" Incoming "the ack comes late; the request is stored at once";
    RefuseTls "refuseTls" Incoming "the connection ends before TLS is agreed on; without TLS, before anything is read";
}

impl Fault {
    /// By its spelling.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        FAULTS.iter().copied().find(|fault| fault.name() == name)
    }
}

/// What is done to one attempt at a callback.
#[derive(Debug, Clone, Default)]
pub struct Spoilt {
    /// Each once.
    pub faults: Vec<Fault>,
    /// Another key than ours that signs.
    pub key: Option<Arc<SigningKey>>,
}

impl Spoilt {
    /// Whether it has a fault.
    #[must_use]
    pub fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }
}

/// What is done to a request on its way in.
#[derive(Debug, Clone, Default)]
pub struct Arrival {
    /// `429` or `500` before anything is stored.
    pub before: Option<Fault>,
    /// The message is refused once it has verified, in these words.
    pub refuse: Option<String>,
    /// `500` in place of the ack.
    pub after: Option<Fault>,
    /// How long the answer waits.
    pub late: Duration,
}

/// What the sandbox adds to a message as it is taken in.
#[derive(Debug, Clone, Default)]
pub struct Hints {
    /// `X-Sandbox-Scenario` as sent.
    pub scenario: Option<String>,
    /// The message is refused once it has verified, in these words.
    pub refuse: Option<String>,
}
