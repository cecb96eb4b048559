//! Markdown to HTML: our own pages, so that nothing in them has to be distrusted.

use std::fmt::Write as _;

use pulldown_cmark::{CodeBlockKind, CowStr, Event, Options, Parser, Tag, TagEnd, html};

/// A heading of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Heading {
    pub(super) id: String,
    pub(super) text: String,
}

/// Draws a page; gives its headings of the second level beside it.
pub(super) fn render(markdown: &str) -> (String, Vec<Heading>) {
    let options = Options::ENABLE_TABLES | Options::ENABLE_HEADING_ATTRIBUTES;
    let events: Vec<Event<'_>> = Parser::new_ext(markdown, options).collect();
    let mut headings = Vec::new();
    let mut drawn = Vec::with_capacity(events.len());
    let mut rest = events.into_iter();
    let (mut above, mut tables) = ("Table".to_owned(), 0);
    while let Some(event) = rest.next() {
        match event {
            Event::Start(Tag::Heading { level, id, classes, attrs }) => {
                let inside: Vec<Event<'_>> = take_until(&mut rest, TagEnd::Heading(level));
                let text = plain(&inside);
                let id = id.map_or_else(|| slug(&text), |id| id.to_string());
                (above, tables) = (text.clone(), 0);
                if level == pulldown_cmark::HeadingLevel::H2 {
                    headings.push(Heading { id: id.clone(), text });
                }
                drawn.push(Event::Start(Tag::Heading { level, id: Some(id.into()), classes, attrs }));
                drawn.extend(inside);
                drawn.push(Event::End(TagEnd::Heading(level)));
            }
            Event::Start(Tag::CodeBlock(kind)) => {
                let inside: Vec<Event<'_>> = take_until(&mut rest, TagEnd::CodeBlock);
                drawn.push(Event::Html(code(&kind, &plain(&inside)).into()));
            }
            // A wide table scrolls by itself, with the keyboard as well; it is named by the heading that it stands under.
            Event::Start(Tag::Table(alignments)) => {
                tables += 1;
                let label = if tables == 1 { escaped(&above) } else { format!("{}, {tables}", escaped(&above)) };
                let begin = format!("<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"{label}\">");
                drawn.push(Event::Html(begin.into()));
                drawn.push(Event::Start(Tag::Table(alignments)));
            }
            Event::End(TagEnd::Table) => {
                drawn.push(Event::End(TagEnd::Table));
                drawn.push(Event::Html(CowStr::Borrowed("</div>\n")));
            }
            other => drawn.push(other),
        }
    }
    let mut written = String::with_capacity(2 * markdown.len());
    html::push_html(&mut written, drawn.into_iter());
    (written, headings)
}

fn take_until<'a>(events: &mut impl Iterator<Item = Event<'a>>, end: TagEnd) -> Vec<Event<'a>> {
    events.take_while(|event| !matches!(event, Event::End(tag) if *tag == end)).collect()
}

fn plain(events: &[Event<'_>]) -> String {
    let texts = events.iter().map(|event| match event {
        Event::Text(text) | Event::Code(text) => text.as_ref(),
        Event::SoftBreak | Event::HardBreak => " ",
        _ => "",
    });
    texts.collect()
}

/// `What comes back` becomes `what-comes-back`.
fn slug(text: &str) -> String {
    let words = text.split(|character: char| !character.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}

fn code(kind: &CodeBlockKind<'_>, text: &str) -> String {
    let language = match kind {
        CodeBlockKind::Fenced(language) => language.as_ref(),
        CodeBlockKind::Indented => "",
    };
    let body = if language == "json" { coloured(text) } else { escaped(text) };
    let name = if language.is_empty() { "text" } else { language };
    format!("<pre class=\"code\" tabindex=\"0\" aria-label=\"{name}\"><code>{body}</code></pre>\n")
}

/// JSON with its member names, texts and numbers told apart.
fn coloured(json: &str) -> String {
    let mut drawn = String::with_capacity(2 * json.len());
    let mut rest = json;
    while let Some(character) = rest.chars().next() {
        let (class, length) = match character {
            '"' => {
                let length = text_length(rest);
                let after = rest.get(length..).unwrap_or_default().trim_start();
                (if after.starts_with(':') { "k" } else { "s" }, length)
            }
            '-' | '0'..='9' | 't' | 'f' | 'n' => {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '+' | '.'));
                ("n", end.unwrap_or(rest.len()))
            }
            other => ("", other.len_utf8()),
        };
        let (piece, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        if class.is_empty() {
            drawn.push_str(&escaped(piece));
        } else {
            let _ = write!(drawn, "<span class=\"{class}\">{}</span>", escaped(piece));
        }
        rest = after;
    }
    drawn
}

/// Bytes of the JSON text that a string begins with, quotes included.
fn text_length(json: &str) -> usize {
    let mut is_escaped = false;
    for (at, character) in json.char_indices().skip(1) {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    json.len()
}

/// A text that HTML takes, in an attribute as well.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_can_be_linked_and_tables_scroll() {
        let (html, headings) = render("# One\n\n## Two words\n\n## Set {#setOffer}\n\n| a |\n|---|\n| b |\n");
        assert_eq!(headings.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["two-words", "setOffer"]);
        assert!(html.contains(r#"<h2 id="two-words">Two words</h2>"#), "{html}");
        assert!(html.contains(r#"<div class="wide" tabindex="0" role="region" aria-label="Set">"#), "{html}");
        assert!(html.contains("</table>\n</div>"), "{html}");
    }

    #[test]
    fn json_is_coloured_and_stays_what_it_was() {
        let json = "{\"a<\": [\"x\\\"y\", -1.5e3, true]}";
        let drawn = coloured(json);
        assert!(drawn.contains(r#"<span class="k">&quot;a&lt;&quot;</span>"#), "{drawn}");
        let text = drawn.replace("</span>", "").replace(r#"<span class="k">"#, "").replace(r#"<span class="s">"#, "");
        let text = text.replace(r#"<span class="n">"#, "").replace("&quot;", "\"").replace("&lt;", "<");
        assert_eq!(text, json);
    }
}
