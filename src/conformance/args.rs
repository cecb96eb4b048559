//! What the `conformance` subcommand takes.

use std::path::PathBuf;

use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::Serialize;

use super::error::ConformanceError;
use super::finding::Group;

/// `conformance`: tests an LSP's side and reports.
#[derive(Debug, Clone, clap::Args)]
pub struct ConformanceArgs {
    /// The LSP's metadata.orgId, as it is registered with the sandbox
    #[arg(long = "lsp", value_name = "ORG")]
    pub lsp: String,
    /// Where its endpoint is: probes go to this address followed by the answer path [default: as registered]
    #[arg(long, value_name = "URL")]
    pub callback_url: Option<String>,
    /// The operators' listener of the sandbox that it talks to
    #[arg(long, env = "OCEN_ADMIN_URL", default_value = "http://127.0.0.1:8081", value_name = "URL")]
    pub admin_url: String,
    /// Its bearer token
    #[arg(long, env = "OCEN_ADMIN_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub admin_token: Option<SecretString>,
    /// Judge traffic since this time of the sandbox's clock only, e.g. 2026-01-05T10:00:00Z
    #[arg(long, value_name = "TIME")]
    pub since: Option<DateTime<Utc>>,
    /// Judge these groups of rules only, e.g. TR,SG,IM
    #[arg(long, value_enum, value_delimiter = ',', ignore_case = true, value_name = "GROUPS")]
    pub rules: Vec<Group>,
    /// Milliseconds that an ack may take
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..=10_000), value_name = "MS")]
    pub ack_limit: u64,
    /// Milliseconds that must lie between two questions for the same status
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=600_000), value_name = "MS")]
    pub poll_limit: u64,
    /// Let a run pass although requests were refused in their acks
    #[arg(long)]
    pub allow_nacks: bool,
    /// Let warnings fail the run, too
    #[arg(long)]
    pub strict: bool,
    /// Who says that a screen shows what it must, and a picture of it, e.g. RG-01="Asha Rao"=kfs.png
    #[arg(long, value_name = "RULE=NAME=FILE")]
    pub attest: Vec<String>,
    /// Write the report for people
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Write the report for programs; FILE.jws beside it has the lender's signature over it
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the report for a build server
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
}

/// What is too slow and what is too fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Milliseconds that an ack may take.
    pub ack_ms: u64,
    /// Milliseconds that must lie between two questions for the same status.
    pub poll_ms: u64,
}

/// What somebody says of a screen, as nobody else could see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attestation {
    /// The rule.
    pub rule: String,
    /// Who says so.
    pub by: String,
    /// SHA-256 of the picture, in hexadecimal digits.
    pub screenshot_sha256: String,
}

impl ConformanceArgs {
    pub(super) fn limits(&self) -> Limits {
        Limits { ack_ms: self.ack_limit, poll_ms: self.poll_limit }
    }

    pub(super) fn judges(&self, group: Group) -> bool {
        self.rules.is_empty() || self.rules.contains(&group)
    }

    pub(super) async fn attestations(&self) -> Result<Vec<Attestation>, ConformanceError> {
        let mut all = Vec::new();
        for text in &self.attest {
            let mut parts = text.splitn(3, '=');
            let (Some(rule), Some(by), Some(file)) = (parts.next(), parts.next(), parts.next()) else {
                return Err(ConformanceError::Args(format!("--attest {text}: write RULE=NAME=FILE")));
            };
            let path = PathBuf::from(file);
            let picture = tokio::fs::read(&path).await.map_err(|source| ConformanceError::File { path, source })?;
            let screenshot_sha256 = hex::encode(digest(&SHA256, &picture).as_ref());
            all.push(Attestation { rule: rule.to_ascii_uppercase(), by: by.to_owned(), screenshot_sha256 });
        }
        Ok(all)
    }
}
