//! Requests, answered wrongly on purpose.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::rules::{self, Facts};
use super::store;
use crate::app::{Arrival, Direction, Fault};
use crate::jose::{Incoming, OCEN_V3_ALGORITHMS};
use crate::sandbox::items::{self, Item, Kind};
use crate::sandbox::scenario::store::{self as script, Line, Script};
use crate::sandbox::scenario::{TestBench, code, read};
use crate::store::{application, reference};

/// Most application ids of one message that are looked at.
const MOST: usize = 100;

/// What a message says about itself before it is known to be true.
#[derive(Debug, Default)]
struct Claims {
    org_id: String,
    request_id: String,
    applications: Vec<String>,
    loans: Vec<String>,
    /// The code 09xx in its header.
    of_header: Option<String>,
    /// The one in its data.
    of_data: Option<String>,
    /// Whether its header asks for the happy path.
    happy: bool,
}

impl Claims {
    fn of(body: &[u8], header: Option<&str>) -> Option<Self> {
        let incoming = Incoming::parse(body, OCEN_V3_ALGORITHMS).ok()?;
        let payload = match &incoming {
            Incoming::Signed(signed) => signed.unverified_payload(),
            Incoming::Plain => body,
        };
        let message: Value = serde_json::from_slice(payload).ok()?;
        let text = |place: &str| message.pointer(place).and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut claims = Self { org_id: text("/metadata/orgId"), request_id: text("/requestId"), ..Self::default() };
        claims.names(&message);
        let codes = header.map(read::of_header).unwrap_or_default();
        claims.happy = codes.iter().any(|code| code == code::HAPPY);
        claims.of_header = codes.into_iter().find(|code| code.starts_with("09"));
        claims.of_data = read::of_message(&message, "09");
        Some(claims)
    }

    fn names(&mut self, value: &Value) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    match (name.as_str(), member) {
                        ("loanApplicationId", Value::String(id)) => self.applications.push(id.clone()),
                        ("loanApplicationIds", Value::Array(ids)) => {
                            self.applications.extend(ids.iter().filter_map(Value::as_str).map(str::to_owned));
                        }
                        ("loanId", Value::String(id)) => self.loans.push(id.clone()),
                        _ => self.names(member),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.names(item)),
            _ => {}
        }
        self.applications.truncate(MOST);
        self.loans.truncate(MOST);
    }
}

impl TestBench {
    /// What is done to a request on its way in; it is noted as injected.
    pub(in crate::sandbox) async fn spoil_arrival(
        &self,
        operation: &str,
        (body, header): (&[u8], Option<&str>),
        now: DateTime<Utc>,
    ) -> sqlx::Result<Arrival> {
        let Some(claims) = Claims::of(body, header) else {
            return Ok(Arrival::default());
        };
        let mut tx = self.pool.begin().await?;
        if claims.of_header.is_none() && claims.of_data.is_none() && store::is_quiet(&mut tx).await? {
            return Ok(Arrival::default());
        }
        let known = known(&mut tx, &claims).await?;
        let ids: Vec<Uuid> = known.iter().map(|(id, _)| *id).collect();
        let mut names: Vec<&str> = claims.applications.iter().map(String::as_str).collect();
        names.extend(known.iter().map(|(_, name)| name.as_str()));
        let facts = Facts { org_id: Some(&claims.org_id), operation, applications: names };
        let mut found: Vec<(Fault, String, i64)> = Vec::new();
        if let Some((fault, code)) = self.by_code(&mut tx, (&claims, &facts), &ids, now).await? {
            script::tell(&mut tx, &ids, &format!("scenario {code}: {}, injected", fault.meaning()), now).await?;
            found.push((fault, format!("scenario {code}"), 0));
        }
        let wanted = |fault| !is_of_connections(fault);
        for (fault, late) in rules::strike(&mut tx, (Direction::Incoming, &facts), &wanted, now).await? {
            let told = format!("scenario fault {} injected into {operation}", fault.name());
            script::tell(&mut tx, &ids, &told, now).await?;
            found.push((fault, "rule".to_owned(), late.num_milliseconds()));
        }
        if !found.is_empty() {
            let key = store::request_key(&mut tx, (&claims.org_id, operation, &claims.request_id)).await?;
            for (fault, cause, _) in &found {
                store::note(&mut tx, (key, 0), (&[fault.name()], cause), now).await?;
            }
        }
        tx.commit().await?;
        Ok(arrival(&found))
    }

    /// Whether a connection is refused; of what it would have brought nothing is known, so that no message says so, and
    /// only the rule counts it.
    pub(in crate::sandbox) async fn refuse_connection(&self, now: DateTime<Utc>) -> sqlx::Result<bool> {
        let mut tx = self.pool.begin().await?;
        let nobody = Facts { org_id: None, operation: "", applications: Vec::new() };
        let struck = rules::strike(&mut tx, (Direction::Incoming, &nobody), &is_of_connections, now).await?;
        tx.commit().await?;
        Ok(!struck.is_empty())
    }

    /// 0907 and 0908: once for an application, whatever operation comes first.
    async fn by_code(
        &self,
        conn: &mut PgConnection,
        (claims, facts): (&Claims, &Facts<'_>),
        ids: &[Uuid],
        now: DateTime<Utc>,
    ) -> sqlx::Result<Option<(Fault, String)>> {
        let Some(code) = counting(conn, claims, ids).await? else {
            return Ok(None);
        };
        let fault = match code.as_str() {
            "0907" => Fault::ErrorAfterStoring,
            "0908" => Fault::ErrorAck,
            _ => return Ok(None),
        };
        let name = facts.applications.first().copied().unwrap_or_default();
        let key = once_key(&code, &claims.org_id, name);
        let item = Item { key, state: "DONE".to_owned(), detail: None };
        let first = items::insert(conn, Kind::Scenario, &item, now).await?;
        Ok(first.then_some((fault, code)))
    }
}

/// The code 09xx that counts for a message: its header's, else what a tester set, else that of its data, else what its
/// applications were filed with.
async fn counting(conn: &mut PgConnection, claims: &Claims, ids: &[Uuid]) -> sqlx::Result<Option<String>> {
    if claims.of_header.is_some() || claims.happy {
        return Ok(claims.of_header.clone());
    }
    let script = Script::of_ids(conn, ids).await?;
    let stored = script.line("09");
    let is_set = stored.is_some_and(Line::is_above_data) || script.is_happy();
    let of_data = claims.of_data.as_ref().filter(|_| !is_set);
    Ok(of_data.or(stored.map(|line| &line.code)).cloned())
}

fn is_of_connections(fault: Fault) -> bool {
    fault == Fault::RefuseTls
}

/// Where it is noted that a code struck an application; without the note it strikes again.
pub(in crate::sandbox) fn once_key(code: &str, org_id: &str, name: &str) -> String {
    format!("once:{code}:{org_id}:{name}")
}

/// The applications of the LSP that a message names, with the LSP's ids.
async fn known(conn: &mut PgConnection, claims: &Claims) -> sqlx::Result<Vec<(Uuid, String)>> {
    let failed = |error: crate::store::StoreError| sqlx::Error::Protocol(error.to_string());
    let named = application::resolve(conn, &claims.org_id, &claims.applications).await.map_err(failed)?;
    let mut found: Vec<(Uuid, String)> = named.into_iter().map(|(name, id)| (id.0, name)).collect();
    for loan in &claims.loans {
        let ids = reference::find(conn, &claims.org_id, reference::Kind::Loan, loan).await.map_err(failed)?;
        for id in ids {
            if !found.iter().any(|(known, _)| *known == id.0) {
                let name = items::name_of(conn, id).await?;
                found.push((id.0, name.unwrap_or_default()));
            }
        }
    }
    Ok(found)
}

fn arrival(found: &[(Fault, String, i64)]) -> Arrival {
    let mut arrival = Arrival::default();
    for (fault, _, late) in found {
        match fault {
            Fault::TooManyRequests | Fault::ErrorBeforeStoring => arrival.before = arrival.before.or(Some(*fault)),
            Fault::ErrorAfterStoring => arrival.after = Some(*fault),
            Fault::ErrorAck => {
                arrival.refuse = Some("the sandbox refuses this message once (injected); send it again".to_owned());
            }
            Fault::SlowAck => {
                arrival.late = std::time::Duration::from_millis(u64::try_from(*late).unwrap_or_default());
            }
            _ => {}
        }
    }
    arrival
}
