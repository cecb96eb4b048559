//! Reading what senders really write (`ocen-v3.md` appendix A): the scalar, list and object types of
//! every request, and the checks that decoding has in common.
//!
//! `null`, an empty string and an absent member are the same. A number is taken from its text in
//! the message, so that no amount and no OTP passes through a float.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::codes::Code;
use super::malformed::Malformed;
use crate::domain::calendar::ist;

/// Longest id, in characters (design §8, "Limits").
pub const MAX_ID: usize = 128;
/// Most applications, or application ids, in one message (design §8, "Limits").
pub const MAX_BATCH: usize = 100;

/// A scalar: text, number or boolean as it stands in the message; blank when absent or null.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Text(pub String);

impl Text {
    /// Whether nothing was said.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.0.trim().is_empty()
    }

    /// What was said, if anything.
    #[must_use]
    pub fn get(&self) -> Option<&str> {
        (!self.is_blank()).then_some(self.0.as_str())
    }

    /// Reads a JSON value.
    ///
    /// # Errors
    /// In words, when it is no scalar or cannot be stored.
    pub(super) fn read(json: &str) -> Result<Self, Cow<'static, str>> {
        let text: Cow<'_, str> = match json.as_bytes().first() {
            Some(b'"') => serde_json::from_str::<String>(json).map_err(|error| error.to_string())?.into(),
            Some(b'{' | b'[') => return Err("expected a text or a number".into()),
            _ if json == "null" => "".into(),
            _ => json.into(),
        };
        if text.contains('\0') {
            return Err("a text must not contain NUL".into());
        }
        Ok(Self(text.into_owned()))
    }

    /// An enum word in the spelling of the schemas: upper case, underscores, known synonyms replaced.
    #[must_use]
    pub fn word(&self) -> Option<String> {
        self.get().map(word)
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(<&RawValue>::deserialize(deserializer)?.get()).map_err(D::Error::custom)
    }
}

/// An object, also when it comes as the only element of an array.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct One<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for One<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneVisitor(PhantomData)).map(Self)
    }
}

struct OneVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OneVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<T, A::Error> {
        let first = seq.next_element::<T>()?.ok_or_else(|| A::Error::custom("expected an object"))?;
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(first)
    }
}

/// Objects, also when a single one comes without an array; nulls are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Many<T>(pub Vec<T>);

impl<T> Default for Many<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ManyVisitor(PhantomData)).map(Self)
    }
}

struct ManyVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ManyVisitor<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_unit<E: Error>(self) -> Result<Vec<T>, E> {
        Ok(Vec::new())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Vec<T>, E> {
        if text.is_empty() { Ok(Vec::new()) } else { Err(E::custom("expected an array of objects")) }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Vec<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(|single| vec![single])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element::<Option<T>>()? {
            items.extend(item);
        }
        Ok(items)
    }
}

/// A list of ids, also when a single one comes without an array.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct IdList(pub Vec<Text>);

impl<'de> Deserialize<'de> for IdList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IdListVisitor).map(Self)
    }
}

struct IdListVisitor;

impl<'de> Visitor<'de> for IdListVisitor {
    type Value = Vec<Text>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of ids")
    }

    fn visit_unit<E: Error>(self) -> Result<Vec<Text>, E> {
        Ok(Vec::new())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Vec<Text>, E> {
        Ok(if text.is_empty() { Vec::new() } else { vec![text.into()] })
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Vec<Text>, E> {
        Ok(vec![number.to_string().into()])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<Text>, A::Error> {
        let mut ids = Vec::new();
        while let Some(id) = seq.next_element::<Text>()? {
            ids.push(id);
        }
        Ok(ids)
    }
}

/// A mandatory text.
///
/// # Errors
/// [`Code::MissingMember`].
pub fn required<'a>(text: &'a Text, pointer: &str) -> Result<&'a str, Malformed> {
    text.get().ok_or_else(|| Malformed::missing(pointer))
}

/// A mandatory id: 1 to 128 printable characters, otherwise opaque.
///
/// # Errors
/// [`Code::MissingMember`], [`Code::BadLength`] or [`Code::MalformedMessage`].
pub fn id(text: &Text, pointer: &str) -> Result<String, Malformed> {
    let id = required(text, pointer)?;
    if id.chars().count() > MAX_ID {
        return Err(Malformed::new(Code::BadLength, pointer, format!("at most {MAX_ID} characters")));
    }
    if id.chars().any(char::is_control) {
        return Err(Malformed::form(pointer, "only printable characters"));
    }
    Ok(id.to_owned())
}

/// An id that may be left out.
///
/// # Errors
/// As [`id`], except for a missing one.
pub fn optional_id(text: &Text, pointer: &str) -> Result<Option<String>, Malformed> {
    text.get().map(|_| id(text, pointer)).transpose()
}

/// One to a hundred different ids.
///
/// # Errors
/// As [`id`], with the place of the id that is wrong or repeated.
pub fn ids(list: &IdList, pointer: &str) -> Result<Vec<String>, Malformed> {
    batch_size(list.0.len(), pointer)?;
    let mut seen = HashSet::new();
    let mut ids = Vec::with_capacity(list.0.len());
    for (index, text) in list.0.iter().enumerate() {
        let place = format!("{pointer}/{index}");
        let id = id(text, &place)?;
        if !seen.insert(id.clone()) {
            return Err(Malformed::form(place, "this id is in the message twice"));
        }
        ids.push(id);
    }
    Ok(ids)
}

/// Whether a list has one to a hundred items.
///
/// # Errors
/// [`Code::MissingMember`] or [`Code::BadLength`].
pub fn batch_size(len: usize, pointer: &str) -> Result<(), Malformed> {
    match len {
        0 => Err(Malformed::missing(pointer)),
        1..=MAX_BATCH => Ok(()),
        _ => Err(Malformed::new(Code::BadLength, pointer, format!("at most {MAX_BATCH} in one message"))),
    }
}

/// A whole number of at least 1, as text or number.
///
/// # Errors
/// [`Code::MalformedMessage`].
pub fn count(text: &str, pointer: &str) -> Result<u32, Malformed> {
    match text.trim().parse::<u32>() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(Malformed::form(pointer, "must be a whole number above zero")),
    }
}

/// An enum word in the spelling of the schemas (`ocen-v3.md` appendix A, step 4).
#[must_use]
pub fn word(text: &str) -> String {
    let upper = text.trim().to_uppercase().replace([' ', '-'], "_");
    match upper.as_str() {
        "SAVINGS" => "SAVING".to_owned(),
        "WITHDRAWAL" => "WITHDRAWL".to_owned(),
        "NEEDMOREINFO" => "NEED_MORE_INFO".to_owned(),
        "GSTN_PROFILE" => "GST_PROFILE".to_owned(),
        "AADHAR" => "AADHAAR".to_owned(),
        _ => upper,
    }
}

/// An instant in any form that senders use; without a zone it is Indian standard time
/// (`ocen-v3.md` §3.4 and §7.2, "dates").
#[must_use]
pub fn instant(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    // The published pattern reads as if both a Z and an offset were wanted.
    let text = text.replacen("Z+", "+", 1).replacen("Z-", "-", 1);
    if let Ok(zoned) = DateTime::parse_from_rfc3339(&text) {
        return Some(zoned.to_utc());
    }
    for form in ["%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%d %H:%M:%S%.f%z"] {
        if let Ok(zoned) = DateTime::parse_from_str(&text, form) {
            return Some(zoned.to_utc());
        }
    }
    let local = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(&text, form).ok())
        .or_else(|| date(&text).and_then(|day| day.and_hms_opt(0, 0, 0)))?;
    // A timestamp without a zone is one of Indian standard time (`ocen-v3.md` §3.4).
    local.and_local_timezone(ist()?).single().map(|zoned| zoned.to_utc())
}

/// A day as `YYYY-MM-DD`, `DD-MM-YYYY` or `DD/MM/YYYY`.
#[must_use]
pub fn date(text: &str) -> Option<NaiveDate> {
    ["%Y-%m-%d", "%d-%m-%Y", "%d/%m/%Y"].iter().find_map(|form| NaiveDate::parse_from_str(text.trim(), form).ok())
}

/// Takes nulls out of a value, at every depth.
pub fn drop_nulls(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(drop_nulls);
        }
        serde_json::Value::Array(items) => {
            items.retain(|item| !item.is_null());
            items.iter_mut().for_each(drop_nulls);
        }
        _ => {}
    }
}

#[cfg(test)]
#[path = "lenient_tests.rs"]
mod tests;
