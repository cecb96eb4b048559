//! The frame round a guide: the list of all, the way to the next.

use std::fmt::Write as _;

use super::fill::fill;
use super::render::{escaped, render};
use super::{GUIDES, Guide, PARTS};

/// A guide's page.
pub(super) fn guide(guide: &Guide) -> String {
    let (body, headings) = render(&fill(guide.markdown));
    let mut on_this_page = String::new();
    if headings.len() > 2 {
        on_this_page.push_str("<nav class=\"toc\" aria-label=\"On this page\"><h2>On this page</h2><ul>");
        for heading in &headings {
            let _ = write!(on_this_page, "<li><a href=\"#{}\">{}</a></li>", heading.id, escaped(&heading.text));
        }
        on_this_page.push_str("</ul></nav>");
    }
    let title = escaped(guide.title);
    let article = format!("{on_this_page}<article>\n<h1>{title}</h1>\n{body}{}</article>", neighbours(guide));
    frame(guide.title, Some(guide.slug), &article)
}

/// The list of all guides as a page.
pub(super) fn index() -> String {
    let mut body = String::from(
        "<article>\n<h1>Guides</h1>\n<p class=\"lead\">How to lend and borrow over OCEN v3 with this server. Every message that is shown \
         here is made by the program itself. All calls, members and types: <a href=\"/docs\">API reference</a>.</p>\n",
    );
    for (part, name) in PARTS {
        let _ = write!(body, "<h2>{name}</h2>\n<ul class=\"cards\">\n");
        for guide in GUIDES.iter().filter(|guide| guide.part == part) {
            let Guide { slug, title, about, .. } = guide;
            let _ = writeln!(
                body,
                "<li><a href=\"/docs/guides/{slug}\">{}</a><p>{}</p></li>",
                escaped(title),
                escaped(about)
            );
        }
        body.push_str("</ul>\n");
    }
    body.push_str("</article>");
    frame("Guides", None, &body)
}

fn neighbours(guide: &Guide) -> String {
    let at = GUIDES.iter().position(|one| one.slug == guide.slug);
    let link = |at: Option<usize>, class: &str, word: &str| {
        let Some(Guide { slug, title, .. }) = at.and_then(|at| GUIDES.get(at)) else { return String::new() };
        format!("<a class=\"{class}\" href=\"/docs/guides/{slug}\"><span>{word}</span> {}</a>", escaped(title))
    };
    let before = link(at.and_then(|at| at.checked_sub(1)), "before", "Before");
    let next = link(at.map(|at| at + 1), "next", "Next");
    format!("<nav class=\"neighbours\" aria-label=\"Other guides\">{before}{next}</nav>\n")
}

fn frame(title: &str, current: Option<&str>, content: &str) -> String {
    let mut list = String::new();
    for (part, name) in PARTS {
        let _ = write!(list, "<h2>{name}</h2><ul>");
        for guide in GUIDES.iter().filter(|guide| guide.part == part) {
            let mark = if Some(guide.slug) == current { " aria-current=\"page\"" } else { "" };
            let _ = write!(list, "<li><a href=\"/docs/guides/{}\"{mark}>{}</a></li>", guide.slug, escaped(guide.title));
        }
        list.push_str("</ul>");
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{} · OCEN lender</title>\n<link rel=\"icon\" href=\"data:,\">\n\
         <link rel=\"stylesheet\" href=\"/docs/guides.css\">\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#content\">Skip to the text</a>\n\
         <header class=\"top\"><a class=\"brand\" href=\"/docs/guides\">OCEN lender <span>guides</span></a>\
         <a class=\"raw\" href=\"/docs\">API reference</a></header>\n\
         <div class=\"page\">\n<details class=\"menu\"><summary>All guides</summary><nav aria-label=\"All guides\">{list}</nav></details>\n\
         <nav class=\"side\" aria-label=\"Guides\">{list}</nav>\n<main id=\"content\" tabindex=\"-1\">\n{content}\n</main>\n</div>\n\
         </body>\n</html>\n",
        escaped(title)
    )
}
