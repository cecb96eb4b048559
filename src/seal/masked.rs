//! Values that are stored and sent but never printed.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
