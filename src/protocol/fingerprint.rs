//! Members that are compared but not kept, such as files.

use std::borrow::Cow;

use aws_lc_rs::digest::{SHA256, digest};
use memchr::memchr;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// SHA-256 of a text, or of whatever JSON stands in its place, taken where it lies in the message; none when nothing was
/// said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fingerprint(pub Option<[u8; 32]>);

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        let quoted = raw.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        let text: Cow<'_, str> = match quoted {
            Some(plain) if memchr(b'\\', plain.as_bytes()).is_none() => plain.into(),
            Some(_) => serde_json::from_str::<String>(raw).map_err(D::Error::custom)?.into(),
            None if raw == "null" => "".into(),
            None => raw.into(),
        };
        if text.is_empty() {
            return Ok(Self(None));
        }
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
        Ok(Self(Some(bytes)))
    }
}
