//! What an LSP asks about payments by the borrower (C3, C11).

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::core::IdOnly;
use super::plan::{loan_of, optional_loan_of};
use super::{Decoding, RequestBody};
use crate::domain::application::command::{Command, RepaymentOrder};
use crate::domain::ids::{LoanId, PaymentId};
use crate::domain::loan::account::Purpose;
use crate::protocol::amount;
use crate::protocol::lenient::{self, One, Text, word};
use crate::protocol::malformed::Malformed;
use crate::protocol::spelling::respelled;

/// `extensibleData.purpose` (design §8).
pub const PURPOSES: [&str; 4] = ["INSTALMENT", "PREPAYMENT", "FORECLOSURE", "COOLING_OFF_EXIT"];

/// `triggerRepaymentRequest`; without a `payment` it is about what is due, or the next instalment.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, remote = "TriggerRepaymentRequest")]
#[schemars(extend("required" = ["loanId"]))]
pub struct TriggerRepaymentRequest {
    /// The loan.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub loan_id: Text,
    /// The application whose loan is meant, where `loanId` is left out.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub loan_application_id: Text,
    /// What is to be paid.
    pub payment: Option<One<AskedRepayment>>,
}

respelled!(TriggerRepaymentRequest { "loanID" => "loanId" });

/// `payment` of a request.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AskedRepayment {
    /// The LSP's own id of the payment, unique per loan: the same id is the same payment, however often it is asked
    /// for. The lender makes another one; both are good for asking later. May be left out.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub id: Text,
    /// Rupees; all that the purpose asks for when left out. A prepayment must have it.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub total_amount: Text,
    /// Which instalment; what is due, or the next one, when left out.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub installment_number: Text,
    /// How the borrower would like to pay, e.g. `UPI`; any is taken as it is.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub payment_method_type: Text,
    /// What the payment is for.
    #[serde(deserialize_with = "loose", skip_serializing_if = "AskedPurpose::is_blank")]
    pub extensible_data: AskedPurpose,
}

/// `extensibleData` of a payment that is asked for.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AskedPurpose {
    /// `INSTALMENT` (also when left out), `PREPAYMENT`, `FORECLOSURE` or `COOLING_OFF_EXIT`.
    pub purpose: Text,
    /// The quote of the loan's summary that a pay-off is to stand on; today's when left out.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub quote_id: Text,
}

impl AskedPurpose {
    fn is_blank(&self) -> bool {
        self.purpose.is_blank() && self.quote_id.is_blank()
    }

    fn read(&self) -> Result<Purpose, Malformed> {
        match self.purpose.word().as_deref() {
            // The protocol's own spelling of the word has two l's.
            None | Some("INSTALMENT" | "INSTALLMENT") => Ok(Purpose::Instalment),
            Some("PREPAYMENT") => Ok(Purpose::Prepayment),
            Some("FORECLOSURE") => Ok(Purpose::Foreclosure),
            Some("COOLING_OFF_EXIT") => Ok(Purpose::CoolingOffExit),
            Some(_) => Err(Malformed::not_one_of("/payment/extensibleData/purpose", &PURPOSES)),
        }
    }
}

/// Reads an `extensibleData`, which some senders write as a text, some with an object inside it; what is no object
/// says nothing.
fn loose<'de, D: Deserializer<'de>>(deserializer: D) -> Result<AskedPurpose, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?.get();
    if raw.starts_with('{') {
        return serde_json::from_str(raw).map_err(serde::de::Error::custom);
    }
    let text: String = serde_json::from_str(raw).unwrap_or_default();
    let object = text.trim_start().starts_with('{');
    Ok(if object { serde_json::from_str(&text).unwrap_or_default() } else { AskedPurpose::default() })
}

impl AskedRepayment {
    fn order(&self) -> Result<RepaymentOrder, Malformed> {
        let (total, number) = ("/payment/totalAmount", "/payment/installmentNumber");
        let id = lenient::optional_id(&self.id, "/payment/id")?.map(PaymentId);
        let purpose = self.extensible_data.read()?;
        let amount = self.total_amount.get().map(|text| amount::positive(text, total)).transpose()?;
        if purpose == Purpose::Prepayment && amount.is_none() {
            return Err(Malformed::missing(total));
        }
        let method = lenient::optional_id(&self.payment_method_type, "/payment/paymentMethodType")?;
        Ok(RepaymentOrder {
            id,
            purpose,
            amount,
            instalment: self.installment_number.get().map(|text| lenient::count(text, number)).transpose()?,
            quote: lenient::optional_id(&self.extensible_data.quote_id, "/payment/extensibleData/quoteId")?,
            method: method.as_deref().map(word),
        })
    }
}

impl RequestBody for TriggerRepaymentRequest {
    fn into_command(self, _: &Decoding) -> Result<Command, Malformed> {
        let loan_id = loan_of(&self.loan_id, &self.loan_application_id)?;
        Ok(Command::TriggerRepayment { loan_id, order: self.payment.unwrap_or_default().0.order()? })
    }

    fn example() -> Value {
        json!({
            "loanId": "LON2345678434",
            "payment": {
                "id": "", "installmentNumber": "1", "paymentMethodType": "UPI",
                "extensibleData": {"purpose": "INSTALMENT"}
            }
        })
    }
}

/// How a payment is named: by the lender's id or the LSP's own, by its loan, or by both. Nothing else that the LSP sends
/// about it counts.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, remote = "PaymentKey")]
#[schemars(inline)]
pub struct PaymentKey {
    /// The loan; its newest payment when no payment is named.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub loan_id: Text,
    /// The application whose loan is meant, where `loanId` is left out.
    #[serde(skip_serializing_if = "Text::is_blank")]
    pub loan_application_id: Text,
    /// The payment, by either id; this or `loanId` is needed. An id of the LSP's own that several loans have means the
    /// newest of them where no loan is named.
    pub payment: Option<One<IdOnly>>,
}

respelled!(PaymentKey { "loanID" => "loanId" });

impl PaymentKey {
    fn read(self) -> Result<(Option<LoanId>, Option<PaymentId>), Malformed> {
        let loan_id = optional_loan_of(&self.loan_id, &self.loan_application_id)?;
        let payment = self.payment.unwrap_or_default().0;
        let payment_id = lenient::optional_id(&payment.id, "/payment/id")?.map(PaymentId);
        if loan_id.is_none() && payment_id.is_none() {
            return Err(Malformed::missing("/loanId"));
        }
        Ok((loan_id, payment_id))
    }
}

/// `triggerRepaymentStatusRequest`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct TriggerRepaymentStatusRequest(pub PaymentKey);

impl RequestBody for TriggerRepaymentStatusRequest {
    fn into_command(self, _: &Decoding) -> Result<Command, Malformed> {
        self.0.read().map(|(loan_id, payment_id)| Command::RepaymentStatus { loan_id, payment_id })
    }

    fn example() -> Value {
        json!({"loanId": "LON2345678434", "payment": {"id": "PAY-1"}})
    }
}

/// `confirmRepayment` as an LSP posts it: it has seen a payment, or expects one. Nothing moves because of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ConfirmRepaymentRequest(pub PaymentKey);

impl RequestBody for ConfirmRepaymentRequest {
    fn into_command(self, _: &Decoding) -> Result<Command, Malformed> {
        self.0.read().map(|(loan_id, payment_id)| Command::RepaymentHint { loan_id, payment_id })
    }

    fn example() -> Value {
        json!({"loanId": "LON2345678434", "payment": {"id": "PAY-1"}})
    }
}
