//! An LSP that does everything right but one thing.

use std::collections::HashSet;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, SecondsFormat, TimeDelta};
use ocen_lender::app::SharedApp;
use ocen_lender::clock::{Clock, Ids};
use ocen_lender::jose::{HeaderMember, Incoming, OCEN_V3_ALGORITHMS, SigningKey, VerifyingKey, sign_flattened};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::support::bodies::{self, path};
use crate::support::lsp::key;
use crate::support::server::Server;

/// The one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defect {
    Nothing,
    // Of its endpoint.
    TakesBrokenSignatures,
    TakesAlteredMessages,
    TakesAlgNone,
    TakesUnknownCrit,
    TakesPlainMessages,
    TakesOldMessages,
    TakesOtherOrganisations,
    KeepsOldKeys,
    ReadsOneHeaderNameOnly,
    ChokesOnUnknownMembers,
    RefusesWhatItHad,
    AcksWithoutTraceId,
    AcksAnotherTraceId,
    AcksUnsigned,
    AcksWithAnotherKey,
    RefusesWith200,
    CrashesOnGarbage,
    IsSlow,
    // Of what it sends.
    MakesNewIdsForRetries,
    ReusesIds,
    NamesAnUnknownOffer,
    ChoosesBeforeOffers,
    AsksAllTheTime,
    SendsOldTimestamps,
    WritesThreeDecimals,
    SignsWithAnotherKey,
    SpeaksForAnother,
    SendsPlain,
}

/// How slow the slow one is: longer than the limit that its test sets.
pub const SLOW: Duration = Duration::from_millis(400);

/// The LSP, with its endpoint running.
pub struct FaultyLsp {
    pub org_id: String,
    pub callback_url: String,
    url: String,
    http: reqwest::Client,
    endpoint: Arc<Endpoint>,
}

struct Endpoint {
    defect: Defect,
    app: SharedApp,
    /// The lender's keys, as they were fetched.
    lender: Mutex<Vec<(String, VerifyingKey)>>,
    own: Arc<SigningKey>,
    stranger: SigningKey,
    asked: Mutex<HashSet<String>>,
    had: Mutex<HashSet<Vec<u8>>>,
    got: watch::Sender<Vec<Value>>,
}

impl FaultyLsp {
    /// Registers one and starts its endpoint.
    pub async fn start(server: &Server, defect: Defect) -> Self {
        let own = key().await;
        let endpoint = Arc::new(Endpoint {
            defect,
            app: Arc::clone(&server.app),
            lender: Mutex::default(),
            stranger: SigningKey::generate(own.kid()).unwrap(),
            own: Arc::clone(&own),
            asked: Mutex::default(),
            had: Mutex::default(),
            got: watch::Sender::new(Vec::new()),
        });
        endpoint.fetch_keys();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let callback_url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(receive).with_state(Arc::clone(&endpoint));
        server.app.tasks.spawn(async move { axum::serve(listener, router).await });
        let org_id = "LSP-FAULTY".to_owned();
        let settings = json!({"allowUnsigned": defect == Defect::SendsPlain});
        let keys = json!([{"kid": own.kid(), "publicKeyPem": own.public_key_pem()}]);
        let body = json!({"name": "Faulty", "callbackBaseUrl": callback_url, "keys": keys, "settings": settings});
        let put = server.http.put(format!("{}/admin/lsps/{org_id}", server.admin)).json(&body).send().await.unwrap();
        assert!(put.status().is_success(), "{}", put.text().await.unwrap());
        Self { org_id, callback_url, url: server.url.clone(), http: server.http.clone(), endpoint }
    }

    /// From an application to a chosen offer, as far as its defect lets it.
    pub async fn take_an_offer(&self) {
        let defect = self.endpoint.defect;
        let application = bodies::id();
        let mut item = bodies::application(&application, &bodies::pan());
        if defect == Defect::WritesThreeDecimals {
            item["terms"]["requestedAmount"] = json!("50000.000");
            self.send(path::CREATE, json!({"loanApplications": [item]})).await;
            return;
        }
        self.create(&item).await;
        if defect == Defect::ChoosesBeforeOffers {
            self.ask(path::SET_OFFER, json!({"loanApplicationId": application, "offer": {"id": "OF-1"}})).await;
            return;
        }
        let consent =
            json!({"loanApplicationIds": [application], "consent": {"consentFetchType": "ONETIME", "vua": "a@aa"}});
        let handle = self.ask(path::CONSENT_HANDLE, consent).await["consent"]["consentHandle"].clone();
        let rounds = if defect == Defect::AsksAllTheTime { 3 } else { 1 };
        for _ in 0..rounds {
            self.ask(path::CONSENT_STATUS, json!({"consent": {"consentHandle": handle}})).await;
        }
        let answer = self.ask(path::GENERATE_OFFERS, json!({"loanApplicationIds": [application]})).await;
        let offer = match defect {
            Defect::NamesAnUnknownOffer => json!("OF-MADE-UP"),
            _ => answer["loanApplications"][0]["offers"][0]["id"].clone(),
        };
        self.ask(path::SET_OFFER, json!({"loanApplicationId": application, "offer": {"id": offer}})).await;
    }

    async fn create(&self, item: &Value) {
        let body = json!({"loanApplications": [item]});
        match self.endpoint.defect {
            Defect::MakesNewIdsForRetries => {
                self.ask(path::CREATE, body.clone()).await;
                self.ask(path::CREATE, body).await;
            }
            Defect::ReusesIds => {
                let mut first = body.clone();
                first["requestId"] = json!("REQ-ONE");
                self.ask(path::CREATE, first.clone()).await;
                first["loanApplications"][0]["loanApplicationId"] = json!(bodies::id());
                self.send(path::CREATE, first).await;
            }
            Defect::SendsOldTimestamps | Defect::SignsWithAnotherKey | Defect::SpeaksForAnother => {
                self.send(path::CREATE, body.clone()).await;
                self.ask_properly(body).await;
            }
            _ => {
                self.ask(path::CREATE, body).await;
            }
        }
    }

    async fn ask(&self, path: &str, body: Value) -> Value {
        let id = self.send(path, body).await;
        self.answer(&id).await
    }

    /// The same message once more, as it should have been.
    async fn ask_properly(&self, body: Value) {
        let message = self.complete(body);
        let id = message["requestId"].as_str().unwrap().to_owned();
        let bytes = sign_flattened(&self.endpoint.own, HeaderMember::Header, message.to_string().as_bytes()).unwrap();
        self.post(path::CREATE, bytes).await;
        self.answer(&id).await;
    }

    async fn send(&self, path: &str, body: Value) -> String {
        let mut message = self.complete(body);
        // Only the first message of each journey is wrong, so that there is a journey.
        let first = path == path::CREATE;
        match self.endpoint.defect {
            Defect::SendsOldTimestamps if first => message["metadata"]["timestamp"] = json!(stamp(TimeDelta::days(-4))),
            Defect::SpeaksForAnother if first => message["metadata"]["orgId"] = json!("LSP-OTHER"),
            _ => {}
        }
        let id = message["requestId"].as_str().unwrap().to_owned();
        let payload = message.to_string().into_bytes();
        let signer = match self.endpoint.defect {
            Defect::SignsWithAnotherKey if first => &self.endpoint.stranger,
            _ => &self.endpoint.own,
        };
        let bytes = match self.endpoint.defect {
            Defect::SendsPlain => payload,
            _ => sign_flattened(signer, HeaderMember::Header, &payload).unwrap(),
        };
        self.post(path, bytes).await;
        id
    }

    async fn post(&self, path: &str, bytes: Vec<u8>) {
        let request = self.http.post(format!("{}{path}", self.url)).header("content-type", "application/json");
        request.body(bytes).send().await.unwrap();
    }

    fn complete(&self, mut body: Value) -> Value {
        let trace = Ids.uuid().to_string();
        body["metadata"] =
            json!({"version": "1.0", "orgId": self.org_id, "timestamp": stamp(TimeDelta::zero()), "traceId": trace});
        if body.get("requestId").is_none() {
            body["requestId"] = json!(Ids.uuid().to_string());
        }
        self.endpoint.asked.lock().unwrap().insert(body["requestId"].as_str().unwrap().to_owned());
        body
    }

    async fn answer(&self, id: &str) -> Value {
        let mut got = self.endpoint.got.subscribe();
        let waiting = got.wait_for(|all| all.iter().any(|one| one["requestId"] == id));
        let all = tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("an answer in time").unwrap();
        all.iter().rfind(|one| one["requestId"] == id).unwrap().clone()
    }
}

fn stamp(ahead: TimeDelta) -> String {
    (Clock::default().wall() + ahead).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Why a callback is refused: a status and a code.
type Refused = (StatusCode, &'static str);

async fn receive(State(endpoint): State<Arc<Endpoint>>, body: Bytes) -> Response {
    if endpoint.defect == Defect::IsSlow {
        tokio::time::timeout(SLOW, pending::<()>()).await.ok();
    }
    match endpoint.take(&body) {
        Ok(message) => {
            let trace = message["metadata"]["traceId"].clone();
            endpoint.got.send_modify(|all| all.push(message));
            endpoint.ack(StatusCode::OK, "0", trace)
        }
        Err((status, code)) => {
            let crashes = endpoint.defect == Defect::CrashesOnGarbage && code == "GEN5010";
            let status = if crashes { StatusCode::INTERNAL_SERVER_ERROR } else { status };
            let status = if endpoint.defect == Defect::RefusesWith200 { StatusCode::OK } else { status };
            endpoint.ack(status, code, json!(Ids.uuid().to_string()))
        }
    }
}

impl Endpoint {
    fn fetch_keys(&self) {
        let current = self.app.keys.current();
        let keys = current.all().map(|key| (key.kid().to_owned(), key.verifying_key().clone()));
        *self.lender.lock().unwrap() = keys.collect();
    }

    fn key(&self, kid: &str) -> Option<VerifyingKey> {
        let known =
            |lender: &[(String, VerifyingKey)]| lender.iter().find(|(k, _)| k == kid).map(|(_, key)| key.clone());
        let found = known(&self.lender.lock().unwrap());
        if found.is_some() || self.defect == Defect::KeepsOldKeys {
            return found;
        }
        self.fetch_keys();
        known(&self.lender.lock().unwrap())
    }

    fn take(&self, body: &[u8]) -> Result<Value, Refused> {
        let payload = self.open(body)?;
        let message: Value = serde_json::from_slice(&payload).map_err(|_| (StatusCode::BAD_REQUEST, "GEN5010"))?;
        let sent = DateTime::parse_from_rfc3339(message["metadata"]["timestamp"].as_str().unwrap_or_default());
        let age = sent.map(|sent| (Clock::default().wall() - sent.to_utc()).abs());
        let is_old = !age.is_ok_and(|age| age < TimeDelta::minutes(5));
        if is_old && self.defect != Defect::TakesOldMessages {
            return Err((StatusCode::UNAUTHORIZED, "AUTH1004"));
        }
        let lender = &self.app.config.lender.org_id;
        if message["metadata"]["orgId"] != **lender && self.defect != Defect::TakesOtherOrganisations {
            return Err((StatusCode::FORBIDDEN, "AUTH1003"));
        }
        let members = message["metadata"].as_object().map_or(0, serde_json::Map::len);
        if members > 4 && self.defect == Defect::ChokesOnUnknownMembers {
            return Err((StatusCode::BAD_REQUEST, "GEN5001"));
        }
        if !self.asked.lock().unwrap().contains(message["requestId"].as_str().unwrap_or_default()) {
            return Err((StatusCode::NOT_FOUND, "GEN5009"));
        }
        if !self.had.lock().unwrap().insert(body.to_vec()) && self.defect == Defect::RefusesWhatItHad {
            return Err((StatusCode::CONFLICT, "GEN5008"));
        }
        Ok(message)
    }

    fn open(&self, body: &[u8]) -> Result<Vec<u8>, Refused> {
        let refused = (StatusCode::UNAUTHORIZED, "AUTH1001");
        let value: Value = serde_json::from_slice(body).map_err(|_| (StatusCode::BAD_REQUEST, "GEN5010"))?;
        // Who sends plain JSON is answered in plain JSON.
        let takes_plain = matches!(self.defect, Defect::TakesPlainMessages | Defect::SendsPlain);
        if value.get("payload").is_none() && takes_plain {
            return Ok(body.to_vec());
        }
        if value.get("protected").is_some() && self.defect == Defect::ReadsOneHeaderNameOnly {
            return Err(refused);
        }
        match Incoming::parse(body, OCEN_V3_ALGORITHMS) {
            Ok(Incoming::Signed(jws)) => {
                let key = self.key(jws.kid().unwrap_or_default()).ok_or(refused)?;
                let payload = jws.unverified_payload().to_vec();
                let holds = jws.verify(&key).is_ok()
                    || self.defect == Defect::TakesBrokenSignatures
                    || (self.defect == Defect::TakesAlteredMessages && holds_for_the_second(&value, &payload, &key));
                if holds { Ok(payload) } else { Err(refused) }
            }
            Ok(Incoming::Plain) => Err(refused),
            Err(_) => self.open_blindly(&value).ok_or(refused),
        }
    }

    /// What strict readers refuse for its header.
    fn open_blindly(&self, value: &Value) -> Option<Vec<u8>> {
        let text = |member: &str| value.get(member).and_then(Value::as_str);
        let header = URL_SAFE_NO_PAD.decode(text("header").or(text("protected"))?).ok()?;
        let header: Value = serde_json::from_slice(&header).ok()?;
        let taken = match self.defect {
            Defect::TakesAlgNone => header["alg"] == "none",
            Defect::TakesUnknownCrit => header.get("crit").is_some(),
            _ => false,
        };
        if taken { URL_SAFE_NO_PAD.decode(text("payload")?).ok() } else { None }
    }

    fn ack(&self, status: StatusCode, error: &str, trace: Value) -> Response {
        let mut ack = json!({"error": error, "traceId": trace, "timestamp": stamp(TimeDelta::zero())});
        match self.defect {
            Defect::AcksWithoutTraceId => drop(ack.as_object_mut().unwrap().remove("traceId")),
            Defect::AcksAnotherTraceId => ack["traceId"] = json!(Ids.uuid().to_string()),
            _ => {}
        }
        let signer = if self.defect == Defect::AcksWithAnotherKey { &self.stranger } else { &*self.own };
        let body = match self.defect {
            Defect::AcksUnsigned => ack.to_string().into_bytes(),
            _ => sign_flattened(signer, HeaderMember::Header, ack.to_string().as_bytes()).unwrap(),
        };
        (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
    }
}

/// Whether the signature is that of the message with other milliseconds: what an LSP checks that builds the message anew
/// from what it has parsed.
fn holds_for_the_second(value: &Value, payload: &[u8], key: &VerifyingKey) -> bool {
    let text = |member: &str| value[member].as_str().unwrap_or_default();
    let protected = if value["header"].is_string() { text("header") } else { text("protected") };
    let signature = URL_SAFE_NO_PAD.decode(text("signature")).unwrap_or_default();
    let message = String::from_utf8_lossy(payload);
    let Some(end) = message.find("Z\",\"traceId\"") else { return false };
    (b'0'..=b'9').any(|digit| {
        let mut other = payload.to_vec();
        other[end - 1] = digit;
        let encoded = URL_SAFE_NO_PAD.encode(other);
        key.verify(&[protected.as_bytes(), b".", encoded.as_bytes()], &signature).is_ok()
    })
}
