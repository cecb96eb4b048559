//! Comments give their sources in short. What they name is explained in `src/REFERENCE.md`, and nothing else is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Papers of ours, as comments spell them.
const PAPERS: [&str; 4] = ["design", "`ocen-v3.md`", "`lending.md`", "`performance.md`"];
/// Whose sections anybody can look up.
const PUBLISHED: [&str; 3] = ["RFC", "NIST", "X.690"];

#[test]
fn what_comments_cite_is_explained_and_nothing_else() {
    let explained = explained();
    let mut cited = BTreeMap::new();
    for (file, text) in sources() {
        let form = file.to_string_lossy().contains("/kfs/");
        for comment in comments(&text, if file.extension().is_some_and(|e| e == "sql") { "--" } else { "//" }) {
            cited.extend(citations(&comment, form).into_iter().map(|citation| (citation, file.clone())));
        }
    }
    assert!(cited.len() > 100, "{cited:?}");

    let unexplained: Vec<_> = cited.iter().filter(|(citation, _)| !explained.contains(*citation)).collect();
    let uncited: Vec<_> = explained.iter().filter(|line| !cited.contains_key(*line)).collect();

    assert!(unexplained.is_empty(), "cited, but not in REFERENCE.md: {unexplained:#?}");
    assert!(uncited.is_empty(), "in REFERENCE.md, but cited nowhere: {uncited:#?}");
}

#[test]
fn citations_are_found_in_running_text() {
    let found = |comment: &str| citations(comment, false).into_iter().collect::<Vec<_>>().join(", ");
    assert_eq!(found("The choice (rows 30, 35 to 37 and 9). 12 more (row L3 to L5)."), "30, 35, 36, 37, 9, L3, L4, L5");
    assert_eq!(
        found("As in C6 (design §5, \"Generation\"; `lending.md` §1.4 DL 9(i), §2.7)."),
        ["C6", "design §5", "`lending.md` §1.4", "DL 9", "`lending.md` §2.7",].join(", ")
    );
    assert_eq!(
        found("The settings of appendix C. RFC 7515 §4.1, appendix A, and KFS row 10 are others'."),
        "`ocen-v3.md` appendix C"
    );
    assert_eq!(citations("Row 8 A of the form.", true), [""; 0]);
}

/// The first column of every table.
fn explained() -> BTreeSet<String> {
    let cells =
        include_str!("../../src/REFERENCE.md").lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    cells.filter(|cell| !["row", "item", "where"].contains(cell)).map(str::to_owned).collect()
}

/// What a comment cites, in the spelling of the first columns. In the form of the key facts statement rows are its own.
fn citations(comment: &str, form: bool) -> Vec<String> {
    let (mut found, mut source, mut before) = (Vec::new(), "", "");
    // The last row of a list of rows, and whether a range goes on from it.
    let mut rows: Option<(u32, bool)> = None;
    for word in comment.split_whitespace() {
        let bare = word.trim_matches(|c| "(),.;:!?\"'".contains(c));
        source = PAPERS.iter().chain(&PUBLISHED).find(|name| **name == bare).unwrap_or(&source);
        let is_ours = !PUBLISHED.contains(&source);
        let item = bare.strip_prefix(['C', 'L']).and_then(number).is_some();
        rows = match (bare, rows, number(bare.trim_start_matches('L'))) {
            ("row" | "rows" | "Row" | "Rows", _, _) => (before != "KFS" && !form).then_some((0, false)),
            (_, Some((last, through)), Some(row)) => {
                let kind = if item { "L" } else { "" };
                found.extend((if through { last + 1 } else { row }..=row).map(|row| format!("{kind}{row}")));
                (!word.ends_with(['.', ')', ':'])).then_some((row, false))
            }
            ("to", Some((last, _)), _) => Some((last, true)),
            ("and" | "or", rows, _) => rows,
            _ if item => {
                found.push(bare.to_owned());
                None
            }
            _ => None,
        };
        match (bare.strip_prefix('§'), before) {
            (Some(section), _) if is_ours => found.push(format!("{source} §{section}")),
            (None, "appendix") if is_ours => found.push(format!("`ocen-v3.md` appendix {bare}")),
            (None, "DL") => found.push(format!("DL {}", bare.split('(').next().unwrap_or_default())),
            _ => {}
        }
        before = bare;
    }
    found
}

/// One or two digits.
fn number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|_| text.len() <= 2)
}

/// Every comment, its lines in one.
fn comments(text: &str, mark: &str) -> Vec<String> {
    let mut comments = vec![String::new()];
    for line in text.lines() {
        let (code, comment) = line.split_once(mark).unwrap_or((line, ""));
        if !code.trim().is_empty() || comment.is_empty() {
            comments.push(String::new());
        }
        let last = comments.last_mut().unwrap();
        last.push_str(comment.trim_start_matches(['/', '!', '-']));
        last.push(' ');
    }
    comments
}

fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders: Vec<PathBuf> = ["src", "migrations", "tests"].map(|folder| root.join(folder)).into();
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() && name != "node_modules" && name != "target" {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "sql") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(root).unwrap().to_owned(), text));
            }
        }
    }
    found
}
