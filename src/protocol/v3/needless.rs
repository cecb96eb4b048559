//! What a lender must not take from a borrower's phone, whoever sends it (RBI digital lending, DL 12).

use serde_json::Value;

use super::party::Extra;
use crate::domain::rules::DL_12;
use crate::protocol::codes::Code;
use crate::protocol::malformed::Malformed;

/// Names under which phones' contents come, letters only and small. OCEN's own `contactDetails` is none of them.
const NEEDLESS: [&str; 18] = [
    "addressbook",
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
    "smslist",
    "smslogs",
    "videos",
];

/// Refuses lists under such a name, directly among an object's members or in its `extensibleData`.
///
/// # Errors
/// [`Malformed`] with the place of the list.
pub fn refuse(extra: &Extra, pointer: &str) -> Result<(), Malformed> {
    for (name, value) in &extra.0 {
        list(name, value, pointer)?;
        if let ("extensibleData", Value::Object(members)) = (name.as_str(), value) {
            let pointer = format!("{pointer}/{name}");
            members.iter().try_for_each(|(name, value)| list(name, value, &pointer))?;
        }
    }
    Ok(())
}

fn list(name: &str, value: &Value, pointer: &str) -> Result<(), Malformed> {
    let plain: String = name.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_ascii_lowercase();
    if value.is_array() && NEEDLESS.contains(&plain.as_str()) {
        let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
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
        assert_eq!(refused(json!({"contacts": "two", "photos": 3, "references": [], "vintage": {}})), None);
    }
}
