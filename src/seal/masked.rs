//! Values that are stored and sent but never printed.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Characters a value needs before its last four may be shown.
const MIN_SHOWN: usize = 8;

/// Personal data: prints as `***`, reads and writes in JSON as the value itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Masked<T>(T);

impl<T> Masked<T> {
    /// Masks a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value. Each call is a place that must not print it.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// The value itself, no longer masked.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T: AsRef<str>> Masked<T> {
    /// `***` and the last four characters, as statements show an account; `***` alone when the
    /// value has fewer than eight.
    #[must_use]
    pub fn last4(&self) -> String {
        let text = self.0.as_ref();
        let length = text.chars().count();
        let shown = if length < MIN_SHOWN { 0 } else { 4 };
        text.chars().skip(length - shown).fold("***".to_owned(), |mut masked, character| {
            masked.push(character);
            masked
        })
    }
}

impl<T> From<T> for Masked<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> fmt::Debug for Masked<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<T> fmt::Display for Masked<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
