//! What a lender must not take from a borrower's phone, whoever sends it (RBI digital lending, DL 12).

use serde_json::{Map, Value};

use super::party::Extra;
use crate::domain::rules::DL_12;
use crate::protocol::codes::Code;
use crate::protocol::malformed::Malformed;

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

/// How deep objects in `extensibleData` are looked into.
const DEEPEST: usize = 8;

/// Refuses lists under such a name, directly among an object's members or anywhere in its `extensibleData`.
///
/// # Errors
/// [`Malformed`] with the place of the list.
pub fn refuse(extra: &Extra, pointer: &str) -> Result<(), Malformed> {
    for (name, value) in &extra.0 {
        list(name, value, pointer)?;
        if let ("extensibleData", Value::Object(members)) = (name.as_str(), value) {
            within(members, &format!("{pointer}/{name}"), DEEPEST)?;
        }
    }
    Ok(())
}

fn within(members: &Map<String, Value>, pointer: &str, deeper: usize) -> Result<(), Malformed> {
    members.iter().try_for_each(|(name, value)| {
        list(name, value, pointer)?;
        inside(value, &format!("{pointer}/{}", token(name)), deeper)
    })
}

fn inside(value: &Value, pointer: &str, deeper: usize) -> Result<(), Malformed> {
    match (value, deeper.checked_sub(1)) {
        (Value::Object(members), Some(deeper)) => within(members, pointer, deeper),
        (Value::Array(items), Some(deeper)) => {
            items.iter().enumerate().try_for_each(|(place, item)| inside(item, &format!("{pointer}/{place}"), deeper))
        }
        _ => Ok(()),
    }
}

/// A member's name in a pointer.
fn token(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn list(name: &str, value: &Value, pointer: &str) -> Result<(), Malformed> {
    let plain: String = name.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_ascii_lowercase();
    if value.is_array() && NEEDLESS.contains(&plain.as_str()) {
        let pointer = format!("{pointer}/{}", token(name));
        return Err(Malformed::new(Code::NotInEnum, pointer, DL_12.refusal(DL_12.text)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(value: Value) -> Option<String> {
        let Value::Object(members) = value else { panic!("no object") };
        refuse(&Extra(members), "/b").err().map(|error| error.pointer)
    }

    #[test]
    fn lists_from_a_phone_are_refused_and_single_words_are_not() {
        assert_eq!(refused(json!({"contactList": []})).as_deref(), Some("/b/contactList"));
        assert_eq!(refused(json!({"Phone_Book": [{}]})).as_deref(), Some("/b/Phone_Book"));
        let deep = json!({"extensibleData": {"callLogs": [1]}});
        assert_eq!(refused(deep).as_deref(), Some("/b/extensibleData/callLogs"));
        let deeper = json!({"extensibleData": {"device": {"of/it": {"SMS history": []}}}});
        assert_eq!(refused(deeper).as_deref(), Some("/b/extensibleData/device/of~1it/SMS history"));
        let listed = json!({"extensibleData": {"devices": [1, {"contacts": ["a"]}]}});
        assert_eq!(refused(listed).as_deref(), Some("/b/extensibleData/devices/1/contacts"));
        assert_eq!(refused(json!({"contacts": "two", "photos": 3, "references": [], "vintage": {}})), None);
    }
}
