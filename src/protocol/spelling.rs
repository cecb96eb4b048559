//! Members that senders write in two ways (`ocen-v3.md` appendix A, step 2).
//!
//! serde's own `alias` takes both spellings for the same member and refuses a message that has both, even where one of
//! them is `null`, which some senders write for every member they do not use. Here what is null or empty is absent, and
//! the other spelling counts. A value is decoded once, where it stands, so that a refusal names the sender's spelling.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{BorrowedStrDeserializer, CowStrDeserializer, MapAccessDeserializer};
use serde::de::{DeserializeSeed, Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::lenient::Text;

/// An object some of whose members, each a [`Text`], have another spelling. Made by [`respelled!`].
pub trait Respelled: Sized {
    /// Other spellings, each with ours.
    const SPELLINGS: &'static [(&'static str, &'static str)];

    /// Reads the object in our spelling.
    ///
    /// # Errors
    /// When a member is of the wrong type.
    fn in_our_spelling<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

/// Lets a structure be read with other spellings of some of its members. It derives `Serialize` and `Deserialize` with
/// `#[serde(remote = "…")]` and its own name, which leaves the traits themselves to this macro.
macro_rules! respelled {
    ($name:ident { $($other:literal => $ours:literal),+ $(,)? }) => {
        impl $crate::protocol::spelling::Respelled for $name {
            const SPELLINGS: &'static [(&'static str, &'static str)] = &[$(($other, $ours)),+];

            fn in_our_spelling<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                // The function that `remote` makes, not the trait's.
                $name::deserialize(deserializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::protocol::spelling::read(deserializer)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $name::serialize(self, serializer)
            }
        }
    };
}
pub(crate) use respelled;

/// Reads an object in any of its spellings.
///
/// # Errors
/// When a member is of the wrong type, comes twice, or says one thing in one spelling and something else in the other.
pub fn read<'de, T: Respelled, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_map(ObjectVisitor(PhantomData))
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Respelled> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        let members = Members { map, spellings: T::SPELLINGS, said: Vec::new(), value: None };
        T::in_our_spelling(MapAccessDeserializer::new(members))
    }
}

/// The members of an object in our spelling.
struct Members<'de, A> {
    map: A,
    spellings: &'static [(&'static str, &'static str)],
    /// What was read in one of two spellings.
    said: Vec<Said<'de>>,
    /// The value of the member whose name was given last, where it has been taken already.
    value: Option<&'de RawValue>,
}

/// A member that has two spellings.
struct Said<'de> {
    spelling: Cow<'de, str>,
    ours: &'static str,
    text: Text,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Members<'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        while let Some(Name(spelling)) = self.map.next_key()? {
            let mut names = self.spellings.iter();
            let Some((_, ours)) = names.find(|(other, ours)| spelling == *other || spelling == *ours) else {
                return seed.deserialize(CowStrDeserializer::new(spelling)).map(Some);
            };
            let (raw, text) = self.map.next_value_seed(Value { spelling: &spelling, ours, said: &self.said })?;
            let repeats = self.said.iter().any(|said| said.ours == *ours && !said.text.is_blank());
            let counts = !text.is_blank() && !repeats;
            self.said.push(Said { spelling, ours, text });
            if counts {
                self.value = Some(raw);
                return seed.deserialize(BorrowedStrDeserializer::new(ours)).map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        match self.value.take() {
            Some(raw) => seed.deserialize(raw).map_err(A::Error::custom),
            None => self.map.next_value_seed(seed),
        }
    }
}

/// Takes the value of a member that has two spellings; compared while its place is still known.
struct Value<'a, 'de> {
    spelling: &'a str,
    ours: &'static str,
    said: &'a [Said<'de>],
}

impl<'de> DeserializeSeed<'de> for Value<'_, 'de> {
    type Value = (&'de RawValue, Text);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        let text = Text::read(raw.get()).map_err(D::Error::custom)?;
        for said in self.said.iter().filter(|said| said.ours == self.ours) {
            if said.spelling == self.spelling {
                return Err(D::Error::custom(format_args!("duplicate field `{}`", self.spelling)));
            }
            if !said.text.is_blank() && !text.is_blank() && said.text != text {
                let detail = format_args!("`{}` and `{}` are one member and differ", said.spelling, self.spelling);
                return Err(D::Error::custom(detail));
            }
        }
        Ok((raw, text))
    }
}

/// A member's name; borrowed where the message has no escape in it.
pub struct Name<'de>(pub Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor).map(Self)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}
