//! What `dev` shows when it is ready.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use super::dev::reachable;
use super::output;
use crate::config::Listen;
use crate::sandbox::demo;

/// The sandbox in a few lines.
pub(super) struct Banner<'a> {
    pub(super) listen: Listen,
    pub(super) token: Option<&'a SecretString>,
    pub(super) data_dir: &'a Path,
    /// Where the database of its own is, unless it is in the data directory.
    pub(super) database: Option<&'a Path>,
    pub(super) took: Duration,
}

impl Banner<'_> {
    pub(super) fn print(&self) {
        output::line(self);
    }
}

impl fmt::Display for Banner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [lsp, admin, borrower] = [self.listen.lsp, self.listen.admin, self.listen.borrower].map(reachable);
        let key = self.data_dir.join("lsp-demo.pem");
        let (org, kid) = (demo::ORG_ID, demo::KID);
        let version = env!("CARGO_PKG_VERSION");
        writeln!(f)?;
        writeln!(f, "  ocen-lender {version} sandbox, ready after {} ms", self.took.as_millis())?;
        writeln!(f)?;
        writeln!(f, "  LSPs        http://{lsp}/v3/...")?;
        writeln!(f, "  Console     http://{admin}/console")?;
        writeln!(f, "  Operators   http://{admin}/admin/applications")?;
        writeln!(f, "  Borrowers   http://{borrower}/")?;
        if let Some(token) = self.token {
            writeln!(f, "  Token       {} (operators, as bearer)", token.expose_secret())?;
        }
        writeln!(f)?;
        writeln!(f, "  Demo LSP    {org}: plain JSON, or signed with kid {kid} and {}", key.display())?;
        writeln!(f, "  Callbacks   http://{admin}/sandbox/inbox/{org}")?;
        writeln!(f)?;
        writeln!(f, "  Guides      http://{lsp}/docs/guides")?;
        writeln!(f, "  Next        {}", journey(lsp, admin))?;
        write!(f, "  End         Ctrl-C; what is kept stands in {}", self.data_dir.display())?;
        match self.database {
            Some(database) => writeln!(f, ", the database in {}", database.display()),
            None => writeln!(f),
        }
    }
}

/// The command that drives a loan here; the usual addresses need not be named.
fn journey(lsp: SocketAddr, admin: SocketAddr) -> String {
    if (lsp.port(), admin.port()) == (8080, 8081) {
        return "ocen-lender journey".into();
    }
    format!("ocen-lender journey --url http://{lsp} --admin-url http://{admin}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_banner_says_where_everything_is() {
        let [lsp, admin, borrower] = ["127.0.0.1:8080", "0.0.0.0:8081", "127.0.0.1:8082"].map(|a| a.parse().unwrap());
        let token = SecretString::from("t0ken");
        let banner = Banner {
            listen: Listen { lsp, borrower, admin },
            token: Some(&token),
            data_dir: Path::new(".ocen-dev"),
            database: Some(Path::new("/var/lib/ocen-lender/x")),
            took: Duration::from_millis(1_234),
        };
        let text = banner.to_string();
        for line in [
            "http://127.0.0.1:8080/v3/",
            "http://127.0.0.1:8081/sandbox/inbox/LSP-DEMO",
            "t0ken",
            "1234 ms",
            "in .ocen-dev, the database in /var/lib/ocen-lender/x\n",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
