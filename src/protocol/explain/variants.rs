//! What a sender may have signed instead of what it sent.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};

use super::layout::{Escapes, LAYOUTS, read, write};
use super::loose::Loose;
use crate::jose::{Recovered, base64url};
use crate::protocol::canonical;

/// Payloads up to so many bytes are tried with every header; larger ones with the one that was sent.
const SMALL: usize = 32 * 1024;
/// Payloads beyond so many bytes are tried in their usual layouts only.
const LARGE: usize = 256 * 1024;

/// A piece of what may have been signed, and how it differs from what was sent; nothing when it does not.
struct Piece {
    differs: String,
    bytes: Vec<u8>,
}

impl Piece {
    fn new(differs: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { differs: differs.into(), bytes: bytes.into() }
    }
}

/// What was signed, in words: how it differs from header and payload as they were sent. `None` when nothing fits.
pub(super) fn find(loose: &Loose, recovered: &Recovered) -> Option<String> {
    let headers = headers(loose);
    let payloads = payloads(loose);
    let is = |header: &Piece, payload: &Piece| {
        recovered.is_over(&[header.bytes.as_slice(), b".", payload.bytes.as_slice()].concat())
    };
    let sent = headers.first()?;
    let alone = payloads.iter().find(|payload| is(sent, payload)).map(|payload| payload.differs.clone());
    alone.or_else(|| unusual(loose, recovered, &payloads)).or_else(|| {
        let tried = if loose.message.len() <= SMALL { payloads.len() } else { 1 };
        headers.iter().skip(1).find_map(|header| {
            let payload = payloads.iter().take(tried).find(|payload| is(header, payload))?;
            let parts = [header.differs.as_str(), payload.differs.as_str()];
            Some(parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; "))
        })
    })
}

/// Signing inputs of another form than header, dot, payload.
fn unusual(loose: &Loose, recovered: &Recovered, payloads: &[Piece]) -> Option<String> {
    let backwards = [loose.payload.as_bytes(), b".", loose.protected.as_bytes()].concat();
    if recovered.is_over(&backwards) {
        return Some("payload and header in the wrong order: the header comes first".to_owned());
    }
    if recovered.is_over(&[loose.protected.as_bytes(), loose.payload.as_bytes()].concat()) {
        return Some("header and payload without the dot between them".to_owned());
    }
    let alone = payloads.iter().find(|payload| recovered.is_over(&payload.bytes))?;
    let payload = if alone.differs.is_empty() { String::new() } else { format!("; {}", alone.differs) };
    Some(format!("the payload alone, without header and dot before it{payload}"))
}

fn headers(loose: &Loose) -> Vec<Piece> {
    let mut headers = vec![Piece::new("", loose.protected.as_bytes())];
    headers.extend(encodings("the header", &loose.header, &loose.protected));
    headers.push(Piece::new("the header is not encoded", loose.header.clone()));
    let tree = std::str::from_utf8(&loose.header).ok().and_then(read);
    for layout in LAYOUTS {
        for layout in [layout, layout.sorted()] {
            let Some(tree) = &tree else { continue };
            let text = write(tree, layout, Escapes::Kept);
            let order = if layout.sorted { ", members sorted" } else { "" };
            headers.push(Piece::new(format!("the header is {}{order}", layout.name), base64url::encode(text)));
        }
    }
    let of_two = [("alg", "kid"), ("kid", "alg")].into_iter().filter_map(|(first, second)| {
        let member = |name: &str| Some(format!("\"{name}\":{}", loose.members.get(name)?));
        let text = format!("{{{},{}}}", member(first)?, member(second)?);
        Some(Piece::new(
            format!("the header has `{first}`, `{second}` and nothing else, in this order"),
            base64url::encode(text),
        ))
    });
    headers.extend(of_two);
    headers
}

fn payloads(loose: &Loose) -> Vec<Piece> {
    let mut payloads = vec![Piece::new("", loose.payload.as_bytes())];
    payloads.push(Piece::new(
        "the payload is not encoded (b64 is false): OCEN v3 signs it base64url-encoded",
        loose.message.clone(),
    ));
    payloads.extend(encodings("the payload", &loose.message, &loose.payload));
    for (words, text) in texts(&loose.message) {
        payloads.push(Piece::new(words.clone(), base64url::encode(&text)));
        payloads.push(Piece::new(format!("{words}, and not encoded (b64 is false)"), text.clone()));
        payloads.push(Piece::new(format!("{words}, in base64 with padding"), STANDARD.encode(&text)));
    }
    payloads
}

/// The same bytes in the encodings that were not sent.
fn encodings(what: &str, bytes: &[u8], sent: &str) -> impl Iterator<Item = Piece> {
    let known = [
        ("in base64url without padding", base64url::encode(bytes)),
        ("in base64url with padding", URL_SAFE.encode(bytes)),
        ("in base64 with padding, not base64url", STANDARD.encode(bytes)),
        ("in base64 without padding, not base64url", STANDARD_NO_PAD.encode(bytes)),
    ];
    let sent = sent.to_owned();
    let what = what.to_owned();
    let others = known.into_iter().filter(move |(_, text)| *text != sent);
    others.map(move |(words, text)| Piece::new(format!("{what} is {words}"), text))
}

/// The payload written in other ways.
fn texts(message: &[u8]) -> Vec<(String, String)> {
    let Ok(text) = std::str::from_utf8(message) else { return Vec::new() };
    let mut texts = vec![
        ("the payload has a line end behind it".to_owned(), format!("{text}\n")),
        ("the payload has a line end (CR LF) behind it".to_owned(), format!("{text}\r\n")),
        ("the payload is without the blanks around it".to_owned(), text.trim().to_owned()),
        ("the payload's line ends are CR LF".to_owned(), text.replace('\n', "\r\n")),
        ("the payload's line ends are LF".to_owned(), text.replace("\r\n", "\n")),
        ("the payload has a byte order mark before it".to_owned(), format!("\u{feff}{text}")),
    ];
    if canonical::too_deep(message) {
        return texts;
    }
    let Some(tree) = read(text) else { return texts };
    let all = message.len() <= LARGE;
    let escapes = [
        (Escapes::Kept, ""),
        (Escapes::Ascii, ", beyond ASCII as \\uXXXX"),
        (Escapes::Least, ", with the fewest escapes"),
        (Escapes::Slashes, ", with \\/ for /"),
    ];
    for layout in LAYOUTS.into_iter().take(if all { LAYOUTS.len() } else { 2 }) {
        for layout in [layout, layout.sorted()] {
            for (escape, words) in escapes.into_iter().take(if all { escapes.len() } else { 1 }) {
                let order = if layout.sorted { ", members sorted by name" } else { "" };
                let written = write(&tree, layout, escape);
                let words = format!("the payload is written anew {}{order}{words}", layout.name);
                texts.push((format!("{words}, with a line end behind it"), format!("{written}\n")));
                texts.push((words, written));
            }
        }
    }
    texts
}
