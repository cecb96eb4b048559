//! What a lender must not take from a borrower's phone, whoever sends it and wherever in a message (RBI digital lending,
//! DL 12).

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::domain::rules::DL_12;
use crate::protocol::canonical;
use crate::protocol::codes::Code;
use crate::protocol::malformed::Malformed;
use crate::protocol::spelling::Name;

/// Names under which phones' contents come, letters only and small. OCEN's own `contactDetails` is none of them.
const NEEDLESS: [&str; 23] = [
    "addressbook",
    "callhistory",
    "calllist",
    "calllog",
    "calllogs",
    "contact",
    "contactlist",
    "contacts",
    "gallery",
    "images",
    "media",
    "mediafiles",
    "phonebook",
    "phonecontacts",
    "photos",
    "sms",
    "smses",
    "smshistory",
    "smslist",
    "smslog",
    "smslogs",
    "textmessages",
    "videos",
];

/// Where senders put what OCEN has no member for.
const EXTENSION: &str = "extensibleData";
/// Longest letters of a name that is looked up.
const LONGEST: usize = 16;

/// Refuses a message that has a list under such a name, at any depth, also in an `extensibleData` that is JSON in a text.
/// What documents hold is the documents' own. The message is read once more, in passing: nothing of it is kept.
///
/// # Errors
/// [`Malformed`] with the place of the list, or of the text that holds it.
pub fn refuse(message: &str) -> Result<(), Malformed> {
    match found(message, Inside::Message) {
        Some(pointer) => Err(Malformed::new(Code::NotInEnum, pointer, DL_12.refusal(DL_12.text))),
        None => Ok(()),
    }
}

/// The place of the first such list in a JSON text; none where it is no JSON, which others say better.
fn found(json: &str, inside: Inside) -> Option<String> {
    let look = Look { name: "", inside };
    look.deserialize(&mut serde_json::Deserializer::from_str(json)).ok().flatten()
}

/// Of what a value is part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// What OCEN describes.
    Message,
    /// `extensibleData`.
    Extension,
    /// A text of such an extension that is JSON. Texts in it stay shut: a message could hold text in text without end.
    Text,
    /// A list of documents.
    Documents,
}

/// Looks at one value, the member of this name.
#[derive(Clone, Copy)]
struct Look<'a> {
    name: &'a str,
    inside: Inside,
}

impl Look<'_> {
    fn is_needless(self) -> bool {
        let letters = self.name.bytes().filter(u8::is_ascii_alphabetic).map(|letter| letter.to_ascii_lowercase());
        let letters: Vec<u8> = letters.take(LONGEST).collect();
        NEEDLESS.iter().any(|name| name.as_bytes() == letters)
    }

    /// A text in an extension may be JSON.
    fn text(self, text: &str) -> Option<String> {
        let text = text.trim_start();
        // The depth of the message says nothing about that of a text in it.
        if self.inside != Inside::Extension || !text.starts_with(['{', '[']) || canonical::too_deep(text.as_bytes()) {
            return None;
        }
        let is_list = || text.starts_with('[') && serde_json::from_str::<IgnoredAny>(text).is_ok();
        let is_refused = (self.is_needless() && is_list()) || found(text, Inside::Text).is_some();
        is_refused.then(String::new)
    }
}

impl<'de> DeserializeSeed<'de> for Look<'_> {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Look<'_> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(Name(name)) = map.next_key()? {
            let inside = match (self.inside, &*name) {
                // The file itself.
                (Inside::Documents, "data") => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
                (Inside::Text, _) => Inside::Text,
                (_, EXTENSION) | (Inside::Extension, _) => Inside::Extension,
                (_, "documents") => Inside::Documents,
                _ => Inside::Message,
            };
            let below = map.next_value_seed(Look { name: &name, inside })?;
            if let (None, Some(below)) = (&found, below) {
                found = Some(format!("/{}{below}", name.replace('~', "~0").replace('/', "~1")));
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut found = self.is_needless().then(String::new);
        let mut place = 0_usize;
        while let Some(below) = seq.next_element_seed(Look { name: "", inside: self.inside })? {
            if let (None, Some(below)) = (&found, below) {
                found = Some(format!("/{place}{below}"));
            }
            place += 1;
        }
        Ok(found)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(self.text(text))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn refused(value: &Value) -> Option<String> {
        refuse(&value.to_string()).err().map(|error| error.pointer)
    }

    #[test]
    fn texts_in_texts_and_deep_ones_are_left_shut() {
        let mut nested = json!({"contacts": [1]}).to_string();
        for _ in 0..12 {
            nested = json!({ "more": nested }).to_string();
        }
        assert_eq!(refused(&json!({ "extensibleData": nested })), None);
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(refused(&json!({"extensibleData": {"contacts": deep}})), None);
        let once = json!({"contacts": [1]}).to_string();
        assert_eq!(refused(&json!({ "extensibleData": once })).as_deref(), Some("/extensibleData"));
    }

    #[test]
    fn lists_from_a_phone_are_refused_wherever_they_come() {
        for (message, place) in [
            (json!({"contactList": []}), "/contactList"),
            (json!({"guarantors": [{}, {"Phone_Book": [{}]}]}), "/guarantors/1/Phone_Book"),
            (json!({"borrower": {"contactDetails": [{"smsLogs": [1]}]}}), "/borrower/contactDetails/0/smsLogs"),
            (json!({"collaterals": [{"parties": {"photos": []}}]}), "/collaterals/0/parties/photos"),
            (json!({"extensibleData": {"callLogs": [1]}}), "/extensibleData/callLogs"),
            (
                json!({"terms": {"extensibleData": {"device": {"of/it": {"SMS history": []}}}}}),
                "/terms/extensibleData/device/of~1it/SMS history",
            ),
            (json!({"extensibleData": {"devices": [1, {"contacts": ["a"]}]}}), "/extensibleData/devices/1/contacts"),
            (json!({"extensibleData": r#" {"device": {"contacts": ["a"]}}"#}), "/extensibleData"),
            (json!({"a": {"extensibleData": {"device": r#"[{"media": []}]"#}}}), "/a/extensibleData/device"),
            (json!({"extensibleData": {"contacts": r#"["a", "b"]"#}}), "/extensibleData/contacts"),
            (json!({"documents": [{"extensibleData": {"gallery": []}}]}), "/documents/0/extensibleData/gallery"),
        ] {
            assert_eq!(refused(&message).as_deref(), Some(place), "{message}");
        }
    }

    #[test]
    fn single_words_files_and_plain_texts_are_not() {
        for message in [
            json!({"contacts": "two", "photos": 3, "references": [], "vintage": {}, "contactDetails": [{}]}),
            json!({"documents": [{"data": {"contacts": [1]}, "type": "OTHER"}]}),
            json!({"description": r#"{"contacts": []}"#, "extensibleData": {"contacts": "[see file]", "n": null}}),
            json!({"extensibleData": {"a": true, "b": -1, "c": 1.5, "d": "{", "contactless": [1]}}),
        ] {
            assert_eq!(refused(&message), None, "{message}");
        }
    }
}
