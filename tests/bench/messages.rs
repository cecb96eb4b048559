//! Requests as an LSP sends them, signed before any clock runs.

use std::sync::Arc;

use ocen_lender::clock::{Clock, Ids};
use ocen_lender::jose::{HeaderMember, SigningKey, sign_flattened};
use serde_json::{Value, json};

use crate::Outcome;

/// The LSP.
pub const ORG: &str = "LSP-BENCH";

/// Paths of the requests that are measured or prepare a measurement.
pub const CREATE: &str = "/v3/loanApplication/createLoanApplicationsRequest";
pub const GENERATE_OFFERS: &str = "/v3/offer/generateOffersRequest";
pub const SET_OFFER: &str = "/v3/offer/setOfferRequest";

/// One request, ready to be written to a connection.
pub struct Shot {
    /// Head and body.
    pub bytes: Vec<u8>,
    /// By which its callback is known.
    pub request_id: String,
}

/// An application of a personal loan; about 2 kB with its envelope, the size of the prototype's.
pub fn create(application_id: &str) -> Value {
    let random = Ids.uuid().as_u128();
    let letter = |n: u32| char::from(b'A' + u8::try_from((random >> (8 * n)) % 26).unwrap_or(0));
    let pan = format!("{}{}{}PB{:04}{}", letter(0), letter(1), letter(2), (random >> 24) % 10_000, letter(5));
    let address = json!({
        "hba": "12", "srl": "Residency Road", "landmark": "beside the post office", "colony": "Ashok Nagar",
        "vtc": "Bengaluru", "pinCode": "560025", "po": "Museum Road", "district": "Bengaluru Urban",
        "state": "Karnataka", "country": "India", "type": "OFFICE",
    });
    let party = |name: &str, id: &str| {
        json!({
            "primaryId": id, "primaryIdType": "PAN", "name": name, "category": "INDIVIDUAL",
            "contactDetails": [{
                "type": "PRIMARY", "phone": "9845012367", "email": "asha.v@example.in", "address": address,
            }],
        })
    };
    json!({"loanApplications": [{
        "createdDate": "2026-01-05T09:59:00.000Z",
        "loanApplicationId": application_id,
        "type": "PERSONAL",
        "borrower": party("Asha Venkataraman", &pan),
        "collaterals": [],
        "guarantors": [party("Ravi Venkataraman", "BBBPB1234C")],
        "applicants": [{"primaryId": "9845012367", "primaryIdType": "MOBILE", "name": "Asha Venkataraman"}],
        "terms": {
            "requestedAmount": "50000.00", "currency": "INR", "tenure": {"duration": "12", "unit": "MONTH"},
        },
        "description": "For tools, stock and the shop's new shutter",
    }]})
}

/// Asks for offers.
pub fn generate_offers(application_id: &str) -> Value {
    json!({"loanApplicationIds": [application_id]})
}

/// How much of an offer comes back with the choice of it.
#[derive(Clone, Copy)]
pub enum Chosen {
    /// Its id, and nothing elsewhere, as LSPs in the field send it (`ocen-v3.md` §2.2).
    ById,
    /// All that the lender sent, its documents too, as the schema has it.
    Whole,
}

/// Takes an offer.
pub fn set_offer(application_id: &str, offer: &Value, chosen: Chosen) -> Value {
    let mut offer = offer.clone();
    if let (Chosen::ById, Some(members)) = (chosen, offer.as_object_mut()) {
        members.iter_mut().filter(|(name, _)| *name != "id").for_each(|(_, value)| *value = Value::Null);
    }
    json!({"loanApplicationId": application_id, "offer": offer})
}

/// An id nobody else has.
pub fn fresh(kind: &str) -> String {
    format!("{kind}-{}", Ids.uuid().simple())
}

/// Completes and signs a message.
pub fn sign(key: &SigningKey, path: &str, mut message: Value) -> Outcome<Shot> {
    let request_id = fresh("REQ");
    if let Some(members) = message.as_object_mut() {
        members.insert("requestId".to_owned(), request_id.clone().into());
        let metadata = json!({
            "version": "1.0",
            "orgId": ORG,
            "timestamp": Clock::default().wall().format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
            "traceId": Ids.uuid().to_string(),
        });
        members.insert("metadata".to_owned(), metadata);
    }
    let body = sign_flattened(key, HeaderMember::Header, message.to_string().as_bytes())?;
    let mut bytes = format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend(body);
    Ok(Shot { bytes, request_id })
}

/// Signs many, on both cores.
pub async fn sign_all(key: &Arc<SigningKey>, path: &'static str, messages: Vec<Value>) -> Outcome<Vec<Shot>> {
    let half = messages.len() / 2;
    let mut first = messages;
    let second = first.split_off(half);
    let [first, second] = [first, second].map(|messages| {
        let key = Arc::clone(key);
        tokio::task::spawn_blocking(move || {
            messages.into_iter().map(|message| sign(&key, path, message)).collect::<Outcome<Vec<_>>>()
        })
    });
    let mut shots = first.await??;
    shots.extend(second.await??);
    Ok(shots)
}
