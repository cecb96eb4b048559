//! Spoils messages by chance; the seed is told, so that a failure can be had again (`OCEN_FUZZ_SEED`).

use ocen_lender::clock::Ids;
use serde_json::{Value, json};

/// What looks harmless and is not, as bytes.
const PIECES: [&[u8]; 14] = [
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"{",
    b"}",
    b"[[[[[[[[",
    b",\"requestId\":\"R\"",
    b"null",
    b"1e999",
    b"-0",
    b"\xff\xfe",
    b"\n",
    b"99999999999999999999999999",
];

/// A generator of the xorshift kind.
pub struct Chance(u64);

impl Chance {
    /// One with the seed of `OCEN_FUZZ_SEED`, or one of its own.
    pub fn new() -> Self {
        let given = std::env::var("OCEN_FUZZ_SEED").ok().and_then(|text| text.parse().ok());
        let seed = given.unwrap_or_else(|| Ids.uuid().as_u64_pair().1) | 1;
        eprintln!("OCEN_FUZZ_SEED={seed}");
        Self(seed)
    }

    /// A number below `sides`.
    pub fn below(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides.max(1)
    }

    fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap()
    }

    /// Changes, takes out, doubles or puts in a few bytes, or goes on as another message does.
    pub fn spoil_bytes(&mut self, bytes: &mut Vec<u8>, others: &[Vec<u8>]) {
        let at = self.index(bytes.len() + 1).min(bytes.len());
        let end = (at + self.index(24)).min(bytes.len());
        match self.below(6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let copy = bytes[at..end].to_vec();
                drop(bytes.splice(end..end, copy));
            }
            3 => {
                let other = &others[self.index(others.len())];
                let from = self.index(other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            _ => {
                let piece = PIECES[self.index(PIECES.len())];
                drop(bytes.splice(at..end, piece.iter().copied()));
            }
        }
    }

    /// Puts something else in some place of a message.
    pub fn spoil_value(&mut self, value: &mut Value) {
        let deeper = self.below(4) > 0;
        match value {
            Value::Object(members) if deeper && !members.is_empty() => {
                let which = self.index(members.len());
                if self.below(6) == 0 {
                    let name = members.keys().nth(which).cloned().unwrap();
                    members.remove(&name);
                } else if let Some(inner) = members.values_mut().nth(which) {
                    self.spoil_value(inner);
                }
            }
            Value::Array(items) if deeper && !items.is_empty() => {
                let which = self.index(items.len());
                self.spoil_value(&mut items[which]);
            }
            other => *other = self.hostile(),
        }
    }

    fn hostile(&mut self) -> Value {
        let values = [
            Value::Null,
            json!(true),
            json!(-1),
            json!(0.1),
            json!(1e300),
            json!(u64::MAX),
            json!(""),
            json!(" "),
            json!("\u{0}"),
            json!("a\nb"),
            json!("\u{202e}\u{feff}अ"),
            json!("'; drop table application; --"),
            json!("x".repeat(129)),
            json!("9".repeat(40)),
            json!("-0.00"),
            json!("1e5"),
            json!("2026-02-30"),
            json!("0000-00-00T00:00:00Z"),
            json!("+262143-01-01T00:00:00Z"),
            json!([]),
            json!([[]]),
            json!({}),
            json!({"id": {"id": {"id": 1}}}),
            json!(vec!["A"; 101]),
        ];
        values[self.index(values.len())].clone()
    }
}
