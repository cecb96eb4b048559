//! Who calls the operators' API, as handlers and the audit log know him.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;

use crate::app::App;
use crate::config::Mode;
use crate::domain::personal::same_person;
use crate::http::problem::Problem;
use crate::store::audit::{Actor, Entry};

/// Longest name of a person, in characters.
const LONGEST_NAME: usize = 100;

/// How a caller was let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// In the sandbox, without a token.
    Open,
    /// With the token that has every role.
    Admin,
    /// With a token of his own.
    Personal,
    /// An LSP, through a link that an operator made.
    Link,
}

/// Who calls, put into the request by the guard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub(super) actor: Actor,
    pub(super) kind: Kind,
    /// The only LSP that he may see anything of; all where there is none.
    pub(super) org: Option<String>,
}

/// No LSP is called so (`lsp_org_id_length`).
const NOBODY: &str = "";

impl Caller {
    /// The LSP that a list is about: the one asked for, within what the caller may see. Another's is answered like one
    /// that does not exist.
    pub(super) fn within(&self, asked: Option<String>) -> Option<String> {
        match (&self.org, asked) {
            (None, asked) => asked,
            (Some(own), None) => Some(own.clone()),
            (Some(own), Some(asked)) => Some(if *own == asked { asked } else { NOBODY.to_owned() }),
        }
    }

    /// Whether the caller may see what belongs to an LSP.
    pub(super) fn sees(&self, org_id: &str) -> bool {
        self.org.as_deref().is_none_or(|own| own == org_id)
    }

    /// Whether words are shown to him as they are, because the sandbox has no persons in it.
    pub(super) fn sees_everything(&self, app: &App) -> bool {
        match self.kind {
            Kind::Open => true,
            Kind::Admin => app.config.mode == Mode::Dev,
            Kind::Personal | Kind::Link => false,
        }
    }

    /// For the audit log.
    #[must_use]
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Begins an entry of the audit log; append it as the last statement of the transaction that it tells of.
    #[must_use]
    pub fn did(&self, action: &'static str) -> Entry {
        Entry::by(&self.actor, action)
    }

    /// The name under which a person proposes or decides: a token of one's own says it, and the body may only repeat
    /// it; the token of every role vouches for the name in the body.
    ///
    /// # Errors
    /// 403 for another's name, 422 when there is none.
    pub fn named(&self, member: &str, in_body: Option<&str>) -> Result<String, Problem> {
        match (self.kind, in_body) {
            (Kind::Personal, None) => Ok(self.actor.name.clone()),
            (Kind::Personal, Some(name)) if same_person(name.trim(), &self.actor.name) => Ok(self.actor.name.clone()),
            (Kind::Personal, Some(_)) => {
                let detail = format!("{member} is {}, whose token this is: leave it out", self.actor.name);
                Err(Problem::new(StatusCode::FORBIDDEN, detail))
            }
            (_, Some(name)) => words(member, name, LONGEST_NAME),
            (_, None) => Err(Problem::unprocessable(format!("/{member}"), format!("missing field `{member}`"))),
        }
    }
}

/// A text that people typed, without blanks around it.
///
/// # Errors
/// 400 when it is empty, too long or not printable.
pub(super) fn words(member: &str, text: &str, longest: usize) -> Result<String, Problem> {
    let text = text.trim();
    let fits = (1..=longest).contains(&text.chars().count()) && !text.chars().any(|c| c.is_control() && c != '\n');
    if fits {
        Ok(text.to_owned())
    } else {
        Err(Problem::bad_request(format!("{member} must have 1 to {longest} printable characters")))
    }
}

/// Appends an entry in a transaction of its own, for what changes nothing in the database.
///
/// # Errors
/// 503 when the database is busy or away.
pub(super) async fn note(app: &App, entry: Entry) -> Result<(), Problem> {
    let mut tx = app.pool.begin().await?;
    entry.append(&mut tx, app.clock.wall()).await?;
    tx.commit().await?;
    Ok(())
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| Problem::new(StatusCode::FORBIDDEN, "nobody looked at who calls"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(kind: Kind) -> Caller {
        Caller { actor: Actor { name: "asha".to_owned(), role: "maker" }, kind, org: None }
    }

    #[test]
    fn a_personal_token_says_the_name() {
        let named = |name| caller(Kind::Personal).named("maker", name);
        assert_eq!(named(None).as_deref(), Ok("asha"));
        assert_eq!(named(Some(" Asha ")).as_deref(), Ok("asha"));
        assert_eq!(named(Some("ravi")).unwrap_err().status(), StatusCode::FORBIDDEN);
    }

    #[test]
    fn the_token_of_every_role_vouches_for_a_name() {
        for kind in [Kind::Admin, Kind::Open] {
            let named = |name| caller(kind).named("maker", name);
            assert_eq!(named(Some("ravi")).as_deref(), Ok("ravi"));
            assert_eq!(named(None).unwrap_err().status(), StatusCode::UNPROCESSABLE_ENTITY);
            assert_eq!(named(Some(" ")).unwrap_err().status(), StatusCode::BAD_REQUEST);
        }
    }
}
