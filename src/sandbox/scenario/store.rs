//! SQL on `sandbox.scenario` and `sandbox.scenario_default`.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::code;
use crate::app::Given;
use crate::domain::application::Application;

/// Codes that applications of an LSP are filed with.
pub(super) async fn defaults(conn: &mut PgConnection, org_id: &str) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!("select code from sandbox.scenario_default where org_id = $1 order by family", org_id)
        .fetch_all(conn)
        .await
}

/// Sets the codes that all applications of an LSP are filed with from now on.
pub(super) async fn set_defaults(conn: &mut PgConnection, org_id: &str, codes: &[String]) -> sqlx::Result<()> {
    sqlx::query!("delete from sandbox.scenario_default where org_id = $1", org_id).execute(&mut *conn).await?;
    sqlx::query!(
        "insert into sandbox.scenario_default (org_id, family, code)
        select $1, left(code, 2), code
        from unnest($2::text[]) as given (code)
        on conflict (org_id, family) do nothing",
        org_id,
        codes,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets the codes that a source gave to an application.
pub(super) async fn forget(conn: &mut PgConnection, application: Uuid, source: &str) -> sqlx::Result<()> {
    sqlx::query!("delete from sandbox.scenario where application_id = $1 and source = $2", application, source)
        .execute(conn)
        .await?;
    Ok(())
}

/// Stores the codes of a request. An application that is filed again has those of its new data.
pub(super) async fn keep(conn: &mut PgConnection, given: &Given, now: DateTime<Utc>) -> sqlx::Result<()> {
    let applications: Vec<Uuid> = given.applications.iter().map(|id| id.0).collect();
    let replaces: Vec<String> = given.replaces.iter().map(|source| (*source).to_owned()).collect();
    if !replaces.is_empty() && !applications.is_empty() {
        sqlx::query!(
            "delete from sandbox.scenario
            where application_id = any($1)
            and source = any($5)
            and not exists (
                select from unnest($2::uuid[], $3::text[], $4::text[]) as given (application_id, source, code)
                where given.application_id = scenario.application_id
                and given.source = scenario.source
                and given.code = scenario.code
            )",
            &applications,
            &given.lines.iter().map(|line| line.application.0).collect::<Vec<_>>(),
            &given.lines.iter().map(|line| line.source.to_owned()).collect::<Vec<_>>(),
            &given.lines.iter().map(|line| line.code.clone()).collect::<Vec<_>>(),
            &replaces,
        )
        .execute(&mut *conn)
        .await?;
    }
    if given.lines.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into sandbox.scenario (application_id, family, source, rank, code, set_at)
        select distinct on (application_id, left(code, 2), source)
            application_id, left(code, 2), source, rank, code, $5
        from unnest($1::uuid[], $2::text[], $3::smallint[], $4::text[])
            as given (application_id, source, rank, code)
        join application using (application_id)
        order by application_id, left(code, 2), source
        on conflict (application_id, family, source) do update
        set code = excluded.code,
            mark = case when scenario.code = excluded.code then scenario.mark end,
            set_at = excluded.set_at",
        &given.lines.iter().map(|line| line.application.0).collect::<Vec<_>>(),
        &given.lines.iter().map(|line| line.source.to_owned()).collect::<Vec<_>>(),
        &given.lines.iter().map(|line| line.rank).collect::<Vec<_>>(),
        &given.lines.iter().map(|line| line.code.clone()).collect::<Vec<_>>(),
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A code that counts for an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sandbox) struct Line {
    pub(in crate::sandbox) application_id: Uuid,
    pub(in crate::sandbox) family: String,
    pub(in crate::sandbox) code: String,
    pub(in crate::sandbox) source: String,
    pub(in crate::sandbox) mark: Option<i64>,
}

/// The codes that count: of each family of each application the one of the highest place. The happy path, 0000, switches
/// off what stands in a lower place, and what stood in its own place before it.
pub(in crate::sandbox) async fn effective(conn: &mut PgConnection, applications: &[Uuid]) -> sqlx::Result<Vec<Line>> {
    sqlx::query_as!(
        Line,
        "select distinct on (application_id, family) application_id, family, code, source, mark
        from sandbox.scenario
        where application_id = any($1)
        and not exists (
            select from sandbox.scenario happy
            where happy.application_id = scenario.application_id
            and happy.family = '00'
            and (happy.rank < scenario.rank or happy.rank = scenario.rank and happy.set_at > scenario.set_at)
        )
        order by application_id, family, rank",
        applications,
    )
    .fetch_all(conn)
    .await
}

impl Line {
    /// Whether a tester set it beside the data: it comes before what an account says.
    pub(in crate::sandbox) fn is_above_data(&self) -> bool {
        matches!(self.source.as_str(), "HEADER" | "CONTROL")
    }

    /// The account of a payout speaks for itself: it is in the order as it was when the money was reserved.
    pub(in crate::sandbox) fn is_of_account(&self) -> bool {
        matches!(self.source.as_str(), "ACCOUNT" | "VPA")
    }
}

/// The codes that count for what a simulated system is asked about.
#[derive(Debug, Clone, Default)]
pub(in crate::sandbox) struct Script(Vec<Line>);

impl Script {
    /// Without any code.
    pub(in crate::sandbox) const fn none() -> Self {
        Self(Vec::new())
    }

    /// Reads the script of a question's applications.
    pub(in crate::sandbox) async fn of(conn: &mut PgConnection, subjects: &[Application]) -> sqlx::Result<Self> {
        let ids: Vec<Uuid> = subjects.iter().map(|subject| subject.id.0).collect();
        Self::of_ids(conn, &ids).await
    }

    /// The same by their ids.
    pub(in crate::sandbox) async fn of_ids(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Self> {
        Ok(Self(effective(conn, ids).await?))
    }

    /// The code of a family: the first application's that has one.
    pub(in crate::sandbox) fn line(&self, family: &str) -> Option<&Line> {
        self.0.iter().find(|line| line.family == family)
    }

    /// Whether a tester wants the happy path, whatever the data say.
    pub(in crate::sandbox) fn is_happy(&self) -> bool {
        self.line(code::HAPPY_FAMILY).is_some_and(Line::is_above_data)
    }
}

/// Notes something about a code, once: what was noted before stands. Gives what stands then.
pub(in crate::sandbox) async fn mark(conn: &mut PgConnection, line: &Line, mark: i64) -> sqlx::Result<i64> {
    let noted = sqlx::query_scalar!(
        r#"update sandbox.scenario
        set mark = coalesce(mark, $4)
        where application_id = $1
        and family = $2
        and source = $3
        returning mark as "mark!""#,
        line.application_id,
        line.family,
        line.source,
        mark,
    )
    .fetch_optional(conn)
    .await?;
    Ok(noted.unwrap_or(mark))
}

/// Writes into the histories of applications what a code forced; the same words once for each application.
pub(in crate::sandbox) async fn tell(
    conn: &mut PgConnection,
    applications: &[Uuid],
    words: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into event (application_id, revision, what, happened_at)
        select application_id, revision, $2, $3
        from application
        where application_id = any($1)
        and not exists (
            select from event
            where event.application_id = application.application_id
            and event.what = $2
        )",
        applications,
        words,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}
