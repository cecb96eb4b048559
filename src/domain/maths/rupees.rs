//! Serde for amounts that people write: rupees as text (`"1000.00"`) instead of the integer of paise.

use serde::{Deserialize, Deserializer, Serializer};

use super::money::Paise;

/// Writes the amount as text.
///
/// # Errors
/// What the serializer reports.
pub fn serialize<S: Serializer>(amount: &Paise, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(amount)
}

/// Reads an amount of rupees with exactly two decimals.
///
/// # Errors
/// When the value is no such text; a bare number is refused, because its decimals are uncertain.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Paise, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

/// The same for an amount that may be absent.
pub mod option {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::super::money::Paise;

    /// Writes the amount as text, or nothing.
    ///
    /// # Errors
    /// What the serializer reports.
    pub fn serialize<S: Serializer>(amount: &Option<Paise>, serializer: S) -> Result<S::Ok, S::Error> {
        match amount {
            Some(amount) => serializer.collect_str(amount),
            None => serializer.serialize_none(),
        }
    }

    /// Reads an amount of rupees with exactly two decimals, or nothing.
    ///
    /// # Errors
    /// When the value is there and is no such text.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Paise>, D::Error> {
        Option::<String>::deserialize(deserializer)?
            .map(|text| text.parse().map_err(serde::de::Error::custom))
            .transpose()
    }
}
