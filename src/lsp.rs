//! A loan service provider as registered: who it is, how it likes to be answered.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::config::{Mode, Network};
use crate::domain::ids::OrgId;
use crate::rate::RateLimits;
use crate::tls::peer::Binding;

/// One registered LSP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Lsp {
    /// Its `metadata.orgId`.
    pub org_id: OrgId,
    /// For people.
    pub name: String,
    /// Callbacks go to this URL followed by the answer path, e.g. `/v3/offer/setOfferResponse`.
    pub callback_base_url: String,
    /// Its switches.
    pub settings: Settings,
    /// Its keys, revoked ones too.
    pub keys: Vec<LspKey>,
}

/// A public key that an LSP signs with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LspKey {
    /// The `kid` of the JWS header; unique per LSP.
    pub kid: String,
    /// SPKI PEM.
    pub public_key_pem: String,
    /// Set once, never taken back.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// The switches of `ocen-v3.md` appendix C, each with the default that suits the published schemas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[schemars(description = "How an LSP is answered. What is left out is as suits the published schemas.")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own in appendix C")]
pub struct Settings {
    /// Accept unsigned JSON (sandbox only).
    pub allow_unsigned: bool,
    /// Which member carries the protected header in what we send.
    pub jws_header_member: JwsHeaderMember,
    /// Whether acks are signed.
    pub sign_acks: SignAcks,
    /// Flat ack, or wrapped in `ack`.
    pub ack_shape: AckShape,
    /// HTTP status of an ack.
    pub ack_http_status: AckHttpStatus,
    /// Offers, rejections and actions as arrays or single objects.
    pub offers_shape: OffersShape,
    /// `ACTION_REQUIRED` or `ACTION REQUIRED`.
    pub action_required_spelling: ActionRequiredSpelling,
    /// `startDate` of a plan as `DD-MM-YYYY` or ISO.
    pub start_date_format: StartDateFormat,
    /// `WITHDRAWL` (schema) or `WITHDRAWAL` in statements.
    pub withdrawal_spelling: WithdrawalSpelling,
    /// Send `TriggerDisbursementStatusResponse` unasked when a payout ends.
    pub push_disbursement_status: bool,
    /// Send `triggerRepaymentStatusResponse` unasked when a payment ends that the LSP has asked for.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub push_repayment_status: bool,
    /// Send `confirmRepayment` for failed instalments too.
    pub confirm_failed_repayments: bool,
    /// Send `heartbeatResponse`.
    pub heartbeat_callback: bool,
    /// Accepted `metadata.version`s; empty accepts all.
    pub accepted_versions: Vec<String>,
    /// Full error codes, or folded to the older list.
    pub error_catalogue: ErrorCatalogue,
    /// The LSP's own bank accounts and addresses, which no loan is ever paid to.
    pub own_accounts: Vec<String>,
    /// Answer paths that differ from the spec, by operation name, e.g. `setOffer`.
    pub callback_path_overrides: BTreeMap<String, String>,
    /// Client certificates over one of which it must come; empty: none is needed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub client_certificates: Vec<Binding>,
    /// Addresses and networks from one of which it must call, e.g. `203.0.113.7` or `203.0.113.0/28`; empty: any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub ip_allow_list: Vec<Network>,
    /// Seconds by which its clock may be ahead of ours; 300 where nothing is said.
    #[serde(skip_serializing_if = "is_usual_skew")]
    pub clock_skew: u32,
    /// Limits of its own in place of the configured ones.
    #[serde(skip_serializing_if = "RateLimits::is_off")]
    pub rate_limits: RateLimits,
}

/// Settings as a row has them. A newer version may have stored some that this one does not know: they change nothing
/// here, and keep nobody's callbacks waiting.
#[derive(Debug, Clone)]
pub struct StoredSettings(pub Settings);

impl Deref for StoredSettings {
    type Target = Settings;

    fn deref(&self) -> &Settings {
        &self.0
    }
}

/// The members of [`Settings`].
static MEMBERS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let schema = schemars::schema_for!(Settings);
    let members = schema.get("properties").and_then(Value::as_object);
    members.map(|members| members.keys().cloned().collect()).unwrap_or_default()
});

impl<'de> Deserialize<'de> for StoredSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let known = |_| {
            let mut members: Map<String, Value> = serde_json::from_str(raw.get())?;
            members.retain(|member, _| MEMBERS.contains(member));
            serde_json::from_value(Value::Object(members))
        };
        serde_json::from_str(raw.get()).or_else(known).map(Self).map_err(D::Error::custom)
    }
}

/// Settings as an operator changes them: a member that is given takes the place of what was there, `null` brings the
/// usual one back, and what is left out stays.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Change(Map<String, Value>);

impl JsonSchema for Change {
    fn schema_name() -> Cow<'static, str> {
        "SettingsChange".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Settings::json_schema(generator);
        let description = "Settings to be changed: a member that is given takes the place of what was there, null brings \
            the usual one back, and what is left out stays.";
        schema.insert("description".to_owned(), description.into());
        let members = schema.get_mut("properties").and_then(Value::as_object_mut);
        for member in members.into_iter().flat_map(|members| members.values_mut()) {
            let mut given = std::mem::take(member);
            let description = given.as_object_mut().and_then(|given| {
                given.remove("default");
                given.remove("description")
            });
            *member = json!({"description": description, "anyOf": [given, {"type": "null"}]});
        }
        schema
    }
}

impl Settings {
    /// These settings with some of them changed.
    ///
    /// # Errors
    /// Where a member is unknown or cannot be read.
    pub fn with(&self, change: Change) -> Result<Self, serde_path_to_error::Error<serde_json::Error>> {
        let nowhere = |error| serde_path_to_error::Error::new(serde_path_to_error::Track::new().path(), error);
        let mut members: Map<String, Value> =
            serde_json::to_value(self).and_then(serde_json::from_value).map_err(nowhere)?;
        for (member, value) in change.0 {
            if value.is_null() && MEMBERS.contains(&member) {
                members.remove(&member);
            } else {
                members.insert(member, value);
            }
        }
        serde_path_to_error::deserialize(Value::Object(members))
    }
}

/// How far a sender's clock may be ahead, in seconds (`ocen-v3.md` §4.6).
const CLOCK_SKEW: u32 = 300;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_usual_skew(seconds: &u32) -> bool {
    *seconds == CLOCK_SKEW
}

impl Settings {
    /// Whether the LSP's messages need no signature. Only the sandbox lets it be so: a row that came from one, or that
    /// somebody changed, opens no door in production.
    #[must_use]
    pub fn takes_unsigned(&self, mode: Mode) -> bool {
        self.allow_unsigned && mode == Mode::Dev
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            allow_unsigned: false,
            jws_header_member: JwsHeaderMember::Mirror,
            sign_acks: SignAcks::Auto,
            ack_shape: AckShape::Flat,
            ack_http_status: AckHttpStatus::Semantic,
            offers_shape: OffersShape::Array,
            action_required_spelling: ActionRequiredSpelling::Underscore,
            start_date_format: StartDateFormat::Dmy,
            withdrawal_spelling: WithdrawalSpelling::Withdrawl,
            push_disbursement_status: true,
            push_repayment_status: false,
            confirm_failed_repayments: false,
            heartbeat_callback: false,
            accepted_versions: Vec::new(),
            error_catalogue: ErrorCatalogue::Extended,
            own_accounts: Vec::new(),
            callback_path_overrides: BTreeMap::new(),
            client_certificates: Vec::new(),
            ip_allow_list: Vec::new(),
            clock_skew: CLOCK_SKEW,
            rate_limits: RateLimits::default(),
        }
    }
}

/// Which member carries the protected header in what we send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum JwsHeaderMember {
    /// As the LSP's last request did.
    Mirror,
    /// `header`, the published sample.
    Header,
    /// `protected`, RFC 7515.
    Protected,
}

/// Whether acks are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SignAcks {
    /// When the acked message was.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Shape of an ack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum AckShape {
    /// `{"error","traceId","timestamp"}`.
    Flat,
    /// `{"ack":{...}}`.
    Wrapped,
}

/// HTTP status of an ack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum AckHttpStatus {
    /// Says what the body says.
    Semantic,
    /// 200 whatever the body says.
    Always200,
}

/// Shape of `offers`, `rejectionDetails` and `actionRequired` in `generateOffersResponse`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OffersShape {
    /// Arrays.
    Array,
    /// The best one, as the published schema has it.
    Object,
}

/// How `ACTION_REQUIRED` is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ActionRequiredSpelling {
    /// `ACTION_REQUIRED`.
    Underscore,
    /// `ACTION REQUIRED`.
    Blank,
}

/// How `plan.startDate` is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum StartDateFormat {
    /// `18-12-2020`, the published example.
    Dmy,
    /// `2020-12-18`.
    Iso,
}

/// How a withdrawal is written in statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WithdrawalSpelling {
    /// The schema's.
    Withdrawl,
    /// English.
    Withdrawal,
}

/// Which error codes an LSP knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ErrorCatalogue {
    /// All codes that `getErrorCodes` tells.
    Extended,
    /// Folded to the older published list.
    Juspay,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_settings_are_read_beside_some_of_a_newer_version() {
        let stored = r#"{"heartbeatCallback": true, "clockSkew": 20, "ofTomorrow": {"a": [1]}}"#;
        let StoredSettings(read) = serde_json::from_str(stored).unwrap();
        assert_eq!(read, Settings { heartbeat_callback: true, clock_skew: 20, ..Settings::default() });
        assert!(serde_json::from_str::<Settings>(stored).is_err(), "who sets them is told of a slip of the pen");
        assert!(serde_json::from_str::<StoredSettings>(r#"{"clockSkew": "much"}"#).is_err());
    }
}
