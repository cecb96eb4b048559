//! The console's files, put into the binary.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::HeaderValue;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// The page.
pub(super) const INDEX: &str = "index.html";
/// How hard files are packed, once at the first request.
const EFFORT: i32 = 19;

/// One file.
#[derive(Debug)]
pub(super) struct File {
    name: &'static str,
    /// As it was written.
    pub(super) bytes: &'static [u8],
    /// The same under `zstd`.
    pub(super) packed: Vec<u8>,
    /// `Content-Type`.
    pub(super) media_type: &'static str,
    /// Changes with the bytes.
    pub(super) etag: HeaderValue,
}

macro_rules! embedded {
    ($($name:literal,)*) => { &[$(($name, include_bytes!(concat!("assets/", $name)))),*] };
}

/// All of them; a test compares the list with the directory.
const EMBEDDED: &[(&str, &[u8])] = embedded![
    "app.js",
    "css/base.css",
    "css/data.css",
    "css/forms.css",
    "css/layers.css",
    "css/parts.css",
    "css/plots.css",
    "css/sequence.css",
    "css/shell.css",
    "css/tables.css",
    "icon.svg",
    "index.html",
    "lib/api.js",
    "lib/chart.js",
    "lib/format.js",
    "lib/icon.js",
    "lib/json.js",
    "lib/keys.js",
    "lib/live.js",
    "lib/money.js",
    "lib/vdom.js",
    "pages/application.js",
    "pages/applications.js",
    "pages/callbacks.js",
    "pages/decision.js",
    "pages/decisions.js",
    "pages/disputes.js",
    "pages/loan.js",
    "pages/loans.js",
    "pages/lsp.js",
    "pages/lsps.js",
    "pages/overview.js",
    "pages/sandbox.js",
    "pages/signature.js",
    "pages/signin.js",
    "parts/acts.js",
    "parts/basics.js",
    "parts/code.js",
    "parts/disputes.js",
    "parts/faults.js",
    "parts/filters.js",
    "parts/form.js",
    "parts/help.js",
    "parts/layer.js",
    "parts/message.js",
    "parts/outcomes.js",
    "parts/pages.js",
    "parts/palette.js",
    "parts/register.js",
    "parts/reveal.js",
    "parts/scenario.js",
    "parts/sequence.js",
    "parts/snapshots.js",
    "parts/switches.js",
    "parts/table.js",
    "parts/tabs.js",
    "routes.js",
    "shell.js",
    "theme.js",
];

static FILES: LazyLock<Vec<File>> =
    LazyLock::new(|| EMBEDDED.iter().filter_map(|(name, bytes)| file(name, bytes)).collect());

/// The file of a name.
pub(super) fn find(name: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.name == name)
}

fn file(name: &'static str, bytes: &'static [u8]) -> Option<File> {
    let hash = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, bytes));
    let etag = HeaderValue::try_from(format!("\"{hash}\"")).ok()?;
    let packed = zstd::bulk::compress(bytes, EFFORT).ok()?;
    Some(File { name, bytes, packed, media_type: media_type(name)?, etag })
}

fn media_type(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.')?.1 {
        "html" => Some("text/html; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    fn below(directory: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
        entries.flat_map(|path| if path.is_dir() { below(&path) } else { vec![path] }).collect()
    }

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("src/console/assets")
    }

    #[test]
    fn every_file_of_the_directory_is_served() {
        let mut there: Vec<String> = below(&root())
            .iter()
            .map(|path| path.strip_prefix(root()).unwrap().to_string_lossy().into_owned())
            .collect();
        there.sort_unstable();
        let served: Vec<&str> = FILES.iter().map(|file| file.name).collect();
        assert_eq!(served, there);
    }

    #[test]
    fn every_file_that_a_script_imports_is_there() {
        for file in FILES.iter().filter(|file| file.media_type.starts_with("text/javascript")) {
            let text = std::str::from_utf8(file.bytes).unwrap();
            let from = text.lines().filter_map(|line| line.split_once(" from \"")?.1.split('"').next());
            for import in from {
                let at = root().join(file.name).parent().unwrap().join(import);
                assert!(at.exists(), "{} imports {import}", file.name);
            }
        }
    }

    #[test]
    fn no_file_names_another_host() {
        for file in FILES.iter() {
            let text = String::from_utf8_lossy(file.bytes).replace("http://www.w3.org/", "");
            let hosts = ["//cdn", "fonts.", "https://"].iter().filter(|host| text.contains(**host));
            // An example of an address is none that is called.
            let named: Vec<_> =
                hosts.filter(|host| !text.contains("https://lsp.example") || **host != "https://").collect();
            assert!(named.is_empty(), "{} names {named:?}", file.name);
        }
    }
}
