//! Small pieces of HTML. Every text from outside goes through [`escape`].

use std::fmt::Write as _;

use chrono::NaiveDate;

pub(crate) use crate::domain::calendar::instant;

/// The style sheet of every page.
pub(crate) const STYLE: &str = include_str!("page.css");

/// A text that can stand in an element or an attribute.
pub(crate) fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut safe, c| {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
        safe
    })
}

/// A whole page; `body` is HTML.
pub(crate) fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
        <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n\
        <style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n",
        escape(title),
    )
}

/// A page of a heading and a sentence.
pub(crate) fn plain(title: &str, text: &str) -> String {
    document(title, &format!("<h1>{}</h1>\n<p>{}</p>", escape(title), escape(text)))
}

/// How a row begins that has no number.
const FREE: &str = "<tr class=\"free\"><th scope=\"row\"";

/// A row of a form, numbered where the form has numbers; `value` is HTML.
pub(crate) fn form_row(number: &str, label: &str, value: &str) -> String {
    let label = escape(label);
    if number.is_empty() {
        return format!("{FREE}>{label}</th><td>{value}</td></tr>\n");
    }
    let number = escape(number);
    format!("<tr><td class=\"no\">{number}</td><th scope=\"row\">{label}</th><td>{value}</td></tr>\n")
}

/// A form of such rows under a heading. Among numbered rows one without a number takes that column as well.
pub(crate) fn form(title: &str, rows: &str) -> String {
    let is_numbered = rows.contains("<td class=\"no\">");
    let rows = if is_numbered { rows.replace(FREE, &format!("{FREE} colspan=\"2\"")) } else { rows.to_owned() };
    format!(
        "<section>\n<h2>{}</h2>\n<table class=\"form\">\n<tbody>\n{rows}</tbody>\n</table>\n</section>\n",
        escape(title)
    )
}

/// A row of figures, each with its class.
pub(crate) fn cells<'a>(cells: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let cells = cells.into_iter().fold(String::new(), |mut row, (class, text)| {
        // Writing to a string cannot fail.
        let _ = write!(row, "<td class=\"{class}\">{}</td>", escape(&text));
        row
    });
    format!("<tr>{cells}</tr>\n")
}

/// An amount as Indians write it: `₹1,23,456.00`.
pub(crate) fn rupees(amount: &str) -> String {
    let (whole, paise) = amount.split_once('.').unwrap_or((amount, "00"));
    let count = whole.chars().count();
    let grouped = whole.chars().enumerate().fold(String::new(), |mut text, (i, digit)| {
        let left = count.saturating_sub(i);
        if i > 0 && (left == 3 || (left > 3 && left % 2 == 1)) {
            text.push(',');
        }
        text.push(digit);
        text
    });
    format!("₹{grouped}.{paise}")
}

/// `26 Nov 2026`.
pub(crate) fn day(day: NaiveDate) -> String {
    day.format("%d %b %Y").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_is_no_markup() {
        assert_eq!(
            escape("<b title=\"x\">O'Hara & Co</b>"),
            "&lt;b title=&quot;x&quot;&gt;O&#39;Hara &amp; Co&lt;/b&gt;"
        );
        assert!(!plain("<script>", "</main><script>").contains("<script>"));
    }

    #[test]
    fn amounts_are_grouped_as_indians_do() {
        let grouped = ["5.00", "999.50", "1000.00", "20000.00", "123456.78", "12345678.00"].map(rupees);
        assert_eq!(grouped, ["₹5.00", "₹999.50", "₹1,000.00", "₹20,000.00", "₹1,23,456.78", "₹1,23,45,678.00"]);
    }

    #[test]
    fn a_row_without_a_number_is_as_wide_as_those_that_have_one() {
        let (numbered, free) = (form_row("6 B", "Fees", "None"), form_row("", "Interest kept", "None"));

        let mixed = form("Sheet", &(numbered + &free));

        assert!(mixed.contains("<tr class=\"free\"><th scope=\"row\" colspan=\"2\">Interest kept</th><td>"), "{mixed}");
        assert!(mixed.contains("<td class=\"no\">6 B</td><th scope=\"row\">Fees</th>"), "{mixed}");
        assert!(!form("Rules", &free).contains("colspan"));
    }

    #[test]
    fn instants_are_told_in_the_lender_s_time() {
        let at = "2026-01-28T18:29:59.999Z".parse().unwrap();
        assert_eq!(instant(at), "28 Jan 2026, 11:59 pm IST");
    }
}
