//! Personal data in running text: recognised by its shape, taken out.

/// What stands where something was taken out.
pub const MASK: &str = "***";
/// Digits from which on a number may be a phone's, an account's or an Aadhaar number.
const LONG_NUMBER: usize = 9;
/// Characters from which on a mix of letters and digits is an id of some system: no number of a person is so long.
const OPAQUE: usize = 16;
/// Characters of a permanent account number, and of a GSTIN, which has one inside.
const PAN: usize = 10;
const GSTIN: usize = 15;

/// Whether two names of operators are one person's, who may not both propose and release: written in whatever case.
#[must_use]
pub fn same_person(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// Longest code, in characters.
const LONGEST_CODE: usize = 64;

/// Whether a text that others wrote is a code, such as `GEN5001` or `INVALID_REQUEST`: no words, and nobody's number.
#[must_use]
pub fn is_code(text: &str) -> bool {
    let is_word = text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || "_-.".contains(c));
    (1..=LONGEST_CODE).contains(&text.len()) && is_word && scrubbed(text) == text
}

/// The text without PANs, GSTINs, email and payment addresses, and without numbers of nine digits or more, also when
/// they are written in groups. Dates and long opaque ids stay. Names cannot be told from other words.
#[must_use]
pub fn scrubbed(text: &str) -> String {
    let mut out = Scrubbed::default();
    let mut word = String::new();
    for c in text.chars() {
        if c.is_alphanumeric() || "@._+-%".contains(c) {
            word.push(c);
        } else {
            out.word(&word);
            word.clear();
            out.pending.push(c);
        }
    }
    out.word(&word);
    out.settle();
    out.done
}

/// Text that is done, and text behind it in which numbers may still go on.
#[derive(Default)]
struct Scrubbed {
    done: String,
    pending: String,
}

impl Scrubbed {
    fn word(&mut self, word: &str) {
        if is_address(word) {
            self.pending.push_str(MASK);
        } else if is_uuid(word) || begins_with_a_date(word) {
            self.keep(word);
        } else {
            let mut run = String::new();
            for c in word.chars() {
                if c.is_ascii_alphanumeric() {
                    run.push(c);
                } else {
                    self.run(&run);
                    run.clear();
                    self.pending.push(c);
                }
            }
            self.run(&run);
        }
    }

    /// Letters and digits without anything in between.
    fn run(&mut self, run: &str) {
        if is_opaque(run) {
            self.keep(run);
        } else if holds_pan(run) {
            self.pending.push_str(MASK);
        } else {
            self.pending.push_str(run);
        }
    }

    fn keep(&mut self, text: &str) {
        self.settle();
        self.done.push_str(text);
    }

    fn settle(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        self.done.push_str(&without_long_numbers(&pending));
    }
}

fn without_long_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut number = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let groups_go_on =
            !number.is_empty() && matches!(c, ' ' | '-') && chars.peek().is_some_and(char::is_ascii_digit);
        if c.is_ascii_digit() || groups_go_on {
            number.push(c);
        } else {
            end_number(&mut number, &mut out);
            out.push(c);
        }
    }
    end_number(&mut number, &mut out);
    out
}

fn end_number(number: &mut String, out: &mut String) {
    let digits = number.chars().filter(char::is_ascii_digit).count();
    out.push_str(if digits >= LONG_NUMBER { MASK } else { number });
    number.clear();
}

fn is_address(word: &str) -> bool {
    word.split_once('@').is_some_and(|(user, place)| !user.is_empty() && !place.is_empty())
}

fn is_uuid(word: &str) -> bool {
    let groups: Vec<&str> = word.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.chars().all(|c| c.is_ascii_hexdigit()))
}

/// `2026-12-26`, or a timestamp that begins so.
fn begins_with_a_date(word: &str) -> bool {
    let mut chars = word.chars();
    let date: String = chars.by_ref().take(10).map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    date == "9999-99-99" && chars.next().is_none_or(|c| c == 'T')
}

fn is_opaque(run: &str) -> bool {
    run.len() >= OPAQUE && run.chars().any(|c| c.is_ascii_alphabetic()) && run.chars().any(|c| c.is_ascii_digit())
}

/// Five letters, four digits and a letter; beside at most a few other characters, or in its place in a GSTIN.
fn holds_pan(run: &str) -> bool {
    let shape: String = run.chars().map(|c| if c.is_ascii_digit() { '9' } else { 'A' }).collect();
    let in_gstin = shape.len() == GSTIN && shape.starts_with("99AAAAA9999A");
    in_gstin || ((PAN..GSTIN).contains(&shape.len()) && shape.contains("AAAAA9999A"))
}

/// Control characters, and those that people do not see: with them two names would look alike. The joiners U+200C and
/// U+200D are none of them: Indian scripts are written with them.
#[must_use]
pub fn is_unseen(c: char) -> bool {
    let unseen = [
        '\u{200b}'..='\u{200b}',
        '\u{200e}'..='\u{200f}',
        '\u{2028}'..='\u{202e}',
        '\u{2060}'..='\u{206f}',
        '\u{feff}'..='\u{feff}',
    ];
    c.is_control() || c == '\u{ad}' || unseen.iter().any(|range| range.contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_addresses_of_people_are_taken_out() {
        for (text, scrubbed_text) in [
            ("call +91 98450 12367 now", "call +*** now"),
            ("98450-12367", "***"),
            ("account 502100345678901 of ABCPE1234F", "account *** of ***"),
            ("pan:abcpe1234f, gst 29ABCPE1234F1Z5", "pan:***, gst ***"),
            ("PANABCPE1234F", "***"),
            ("Aadhaar 1234 5678 9012.", "Aadhaar ***."),
            ("asha.v@example.in, asha@okaxis", "***, ***"),
        ] {
            assert_eq!(scrubbed(text), scrubbed_text, "{text}");
        }
    }

    #[test]
    fn a_code_is_no_words_and_nobodys_number() {
        for (text, code) in [
            ("GEN5001", true),
            ("INVALID_REQUEST", true),
            ("17", true),
            ("", false),
            ("bad request", false),
            ("Zubeida", false),
            ("BQRPS7788K", false),
            ("9845012367", false),
        ] {
            assert_eq!(is_code(text), code, "{text}");
        }
    }

    #[test]
    fn what_speaks_of_things_stays() {
        for text in [
            "NEFT in the bank file of 26 Dec",
            "bank file of 2026-12-26 10:15, row 12345678",
            "2026-12-26T10:15:30.123Z",
            "0190f3a2-1234-7123-8123-123456789012 and APP-0190f3a2123471238123123456789012",
            "LONABCDE2345F2Z AXISN26360001",
            "₹ 5,00,000.00 paid – done",
            "",
        ] {
            assert_eq!(scrubbed(text), text);
        }
    }

    proptest::proptest! {
        #[test]
        fn a_seeded_number_never_comes_through(before in "[a-z ,.:]{0,12}", after in "[a-z ,.:]{0,12}", phone in "[6-9][0-9]{9}") {
            let text = format!("{before} {phone} {after}");
            proptest::prop_assert!(!scrubbed(&text).contains(&phone));
        }
    }
}
