//! Identifiers, each of its own type so that one is never taken for another.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0.simple())
            }
        }
    };
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The id as text, opaque.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    };
}

uuid_id! {
    /// Our own id of one loan application; the LSP's `loanApplicationId` is unique per LSP only.
    ApplicationId
}
uuid_id! {
    /// One request of an LSP with its ack and its callback(s).
    ExchangeId
}
uuid_id! {
    /// The applications created by one request; their callbacks leave in order (design §2, "stream").
    BundleId
}
text_id! {
    /// The `metadata.orgId` of a loan service provider.
    OrgId
}
text_id! {
    /// A loan as the LSP knows it, made by the lender at grant.
    LoanId
}
text_id! {
    /// An offer of ours, globally unique.
    OfferId
}
text_id! {
    /// A disbursement or repayment plan of ours, globally unique because some status calls carry nothing else.
    PlanId
}
text_id! {
    /// A bank account as the LSP may name it: ours, or the LSP's for a new account.
    AccountId
}
text_id! {
    /// A dispute, made by the lender.
    DisputeId
}
text_id! {
    /// A payment as the LSP names it, unique per loan.
    PaymentId
}
