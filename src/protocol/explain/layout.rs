//! The ways in which libraries write the same JSON: what a sender may have signed when it signed something else than it
//! sent.

use std::fmt::{self, Write as _};

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

/// JSON with its members in order and its scalars as they were written.
#[derive(Debug, Clone)]
pub(super) enum Tree {
    Scalar(String),
    Text(String),
    List(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

/// How JSON is laid out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// In words.
    pub(super) name: &'static str,
    comma: &'static str,
    colon: &'static str,
    /// One step of indentation; `None` writes one line.
    indent: Option<&'static str>,
    line_end: &'static str,
    /// Arrays stay on their line, as Jackson's do.
    lists_inline: bool,
    /// Members in alphabetical order.
    pub(super) sorted: bool,
}

/// How characters in texts are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escapes {
    /// As received.
    Kept,
    /// Everything beyond ASCII as `\uXXXX`, as Python's `json.dumps` does.
    Ascii,
    /// Nothing that need not be.
    Least,
    /// `/` as `\/`, as PHP's `json_encode` does.
    Slashes,
}

const ONE_LINE: Layout = Layout {
    name: "on one line without blanks",
    comma: ",",
    colon: ":",
    indent: None,
    line_end: "\n",
    lists_inline: false,
    sorted: false,
};
const PRETTY: Layout = Layout { name: "pretty-printed with two blanks", colon: ": ", indent: Some("  "), ..ONE_LINE };

/// The layouts that are in use, the likely ones first.
pub(super) const LAYOUTS: [Layout; 7] = [
    ONE_LINE,
    PRETTY,
    Layout {
        name: "on one line with blanks after `,` and `:`, as Python's json.dumps writes it",
        comma: ", ",
        colon: ": ",
        ..ONE_LINE
    },
    Layout { name: "pretty-printed with four blanks", indent: Some("    "), ..PRETTY },
    Layout { name: "pretty-printed as Jackson does", colon: " : ", lists_inline: true, ..PRETTY },
    Layout { name: "pretty-printed with tabs", indent: Some("\t"), ..PRETTY },
    Layout { name: "pretty-printed with line ends CR LF", line_end: "\r\n", ..PRETTY },
];

impl Layout {
    pub(super) fn sorted(self) -> Self {
        Self { sorted: true, ..self }
    }
}

/// Reads JSON; the caller has looked at its depth.
pub(super) fn read(json: &str) -> Option<Tree> {
    tree(serde_json::from_str(json).ok()?)
}

fn tree(raw: &RawValue) -> Option<Tree> {
    let text = raw.get();
    match text.as_bytes().first()? {
        b'{' => {
            let Members(members) = serde_json::from_str(text).ok()?;
            let read = members.into_iter().map(|(name, value)| Some((name.get().to_owned(), tree(value)?)));
            Some(Tree::Object(read.collect::<Option<_>>()?))
        }
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            Some(Tree::List(items.into_iter().map(tree).collect::<Option<_>>()?))
        }
        b'"' => Some(Tree::Text(text.to_owned())),
        _ => Some(Tree::Scalar(text.to_owned())),
    }
}

/// The members of an object in order, names as they were written.
struct Members<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// Writes JSON in a layout.
pub(super) fn write(tree: &Tree, layout: Layout, escapes: Escapes) -> String {
    let mut out = String::new();
    node(tree, layout, escapes, 0, &mut out);
    out
}

fn node(tree: &Tree, layout: Layout, escapes: Escapes, depth: usize, out: &mut String) {
    match tree {
        Tree::Scalar(text) => out.push_str(text),
        Tree::Text(text) => out.push_str(&escaped(text, escapes)),
        Tree::List(items) => {
            let inline = layout.lists_inline && layout.indent.is_some();
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push_str(if inline { ", " } else { layout.comma });
                }
                if inline {
                    out.push_str(if place == 0 { " " } else { "" });
                    node(item, layout, escapes, depth, out);
                } else {
                    line(layout, depth + 1, out);
                    node(item, layout, escapes, depth + 1, out);
                }
            }
            match (inline, items.is_empty()) {
                (true, _) => out.push(' '),
                (false, true) => {}
                (false, false) => line(layout, depth, out),
            }
            out.push(']');
        }
        Tree::Object(members) => {
            let mut members: Vec<&(String, Tree)> = members.iter().collect();
            if layout.sorted {
                members.sort_by(|a, b| a.0.cmp(&b.0));
            }
            out.push('{');
            for (place, (name, value)) in members.iter().enumerate() {
                if place > 0 {
                    out.push_str(layout.comma);
                }
                line(layout, depth + 1, out);
                out.push_str(&escaped(name, escapes));
                out.push_str(layout.colon);
                node(value, layout, escapes, depth + 1, out);
            }
            match (layout.lists_inline, members.is_empty()) {
                (true, true) => out.push(' '),
                (false, true) => {}
                (_, false) => line(layout, depth, out),
            }
            out.push('}');
        }
    }
}

fn line(layout: Layout, depth: usize, out: &mut String) {
    if let Some(indent) = layout.indent {
        out.push_str(layout.line_end);
        for _ in 0..depth {
            out.push_str(indent);
        }
    }
}

/// A text with its quotes, written in another way.
fn escaped(text: &str, escapes: Escapes) -> String {
    if escapes == Escapes::Kept {
        return text.to_owned();
    }
    let least = serde_json::from_str::<String>(text).ok().and_then(|plain| serde_json::to_string(&plain).ok());
    let least = least.unwrap_or_else(|| text.to_owned());
    match escapes {
        Escapes::Slashes => least.replace('/', "\\/"),
        Escapes::Ascii => {
            let mut out = String::with_capacity(least.len());
            for c in least.chars() {
                if c.is_ascii() {
                    out.push(c);
                } else {
                    let mut units = [0; 2];
                    for unit in c.encode_utf16(&mut units) {
                        // Writing to a String cannot fail.
                        let _ = write!(out, "\\u{unit:04x}");
                    }
                }
            }
            out
        }
        Escapes::Kept | Escapes::Least => least,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: &str = r#"{"b": [1, 2.50, {"x": "é/"}], "a": {}, "c": []}"#;

    fn written(place: usize, escapes: Escapes) -> String {
        write(&read(GIVEN).unwrap(), LAYOUTS[place], escapes)
    }

    #[test]
    fn one_line_keeps_order_and_numbers() {
        assert_eq!(written(0, Escapes::Kept), r#"{"b":[1,2.50,{"x":"é/"}],"a":{},"c":[]}"#);
        let sorted = write(&read(GIVEN).unwrap(), LAYOUTS[0].sorted(), Escapes::Kept);
        assert_eq!(sorted, r#"{"a":{},"b":[1,2.50,{"x":"é/"}],"c":[]}"#);
        assert_eq!(written(2, Escapes::Ascii), r#"{"b": [1, 2.50, {"x": "\u00e9/"}], "a": {}, "c": []}"#);
        assert_eq!(written(0, Escapes::Slashes), r#"{"b":[1,2.50,{"x":"é\/"}],"a":{},"c":[]}"#);
    }

    #[test]
    fn pretty_is_as_serde_and_javascript_do() {
        let plain = r#"{"a":{"b":[1,"x"],"c":{}},"d":[]}"#;
        let value: serde_json::Value = serde_json::from_str(plain).unwrap();
        assert_eq!(write(&read(plain).unwrap(), PRETTY, Escapes::Kept), serde_json::to_string_pretty(&value).unwrap());
    }

    #[test]
    fn jackson_keeps_arrays_on_their_line() {
        assert_eq!(
            written(4, Escapes::Kept),
            "{\n  \"b\" : [ 1, 2.50, {\n    \"x\" : \"é/\"\n  } ],\n  \"a\" : { },\n  \"c\" : [ ]\n}"
        );
    }
}
