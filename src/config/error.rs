//! What can be wrong with a configuration: everything at once, each with the member it is about.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why there is no configuration to start with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is no TOML at all.
    #[error("the configuration is not TOML: {0}")]
    NotToml(String),
    /// The file is TOML, and some of it is missing or makes no sense.
    #[error("the configuration cannot be used:{0}")]
    Invalid(Problems),
}

/// All problems of one configuration, in the order of the file's sections.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

/// One thing to correct.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The member's path in the file, e.g. `products[1].maxAmount`, or the flag that gives it.
    pub member: String,
    /// What is wrong with it.
    pub detail: String,
}

impl Problems {
    /// Notes one problem.
    pub fn add(&mut self, member: impl Into<String>, detail: impl Into<String>) {
        self.0.push(Problem { member: member.into(), detail: detail.into() });
    }

    /// Notes a problem unless `holds`.
    pub fn demand(&mut self, holds: bool, member: impl Into<String>, detail: impl Into<String>) {
        if !holds {
            self.add(member, detail);
        }
    }

    /// Whether one was noted of what begins so.
    pub fn any_of(&self, members: &str) -> bool {
        self.0.iter().any(|problem| problem.member.starts_with(members))
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|problem| write!(f, "\n- {}: {}", problem.member, problem.detail))
    }
}
