//! What the LSP says about a borrower and the loan wanted. All of it is personal data.

use std::fmt;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::maths::money::Paise;

/// Loan product family (`BulkCreateLoanApplicationRequest.loanApplications[].type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LoanType {
    /// Working capital against receivables.
    Cashflow,
    /// Unsecured personal loan.
    Personal,
    /// Home loan.
    Home,
    /// Vehicle loan.
    Vehicle,
    /// Business loan.
    Business,
}

/// Length of a loan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenure {
    /// How many units.
    pub duration: u32,
    /// Which unit.
    pub unit: TenureUnit,
}

/// Unit of a tenure (`loantenure.unit`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TenureUnit {
    /// Calendar months.
    Month,
    /// Days.
    Day,
    /// Years.
    Year,
}

/// The borrower, as far as decisions need it; the rest stays in [`Form::echo`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Borrower {
    /// The identifier that the LSP calls primary.
    pub primary_id: String,
    /// `PAN`, `MOBILE`, `AADHAAR` or what the LSP sent.
    pub primary_id_type: String,
    /// Permanent account number, from the primary or an additional identifier, upper case.
    pub pan: Option<String>,
    /// Name as sent.
    pub name: Option<String>,
    /// Phone of the `PRIMARY` contact, else of the first one.
    pub phone: Option<String>,
    /// Email of the same contact.
    pub email: Option<String>,
}

impl Borrower {
    /// Whether anything is told by which the borrower can be known at all (RBI digital lending, DL 7(i)).
    #[must_use]
    pub fn is_known(&self) -> bool {
        [&self.name, &self.pan, &self.phone].into_iter().flatten().any(|text| !text.trim().is_empty())
    }

    /// Whether a later filing is about the same person, by PAN or else by the identifier that the LSP calls primary. A PAN
    /// that is told for the first time beside the same identifier belongs to it; one that is told no more leaves nobody
    /// who is known for certain.
    #[must_use]
    pub fn is_still(&self, later: &Self) -> bool {
        let alike = |one: &str, other: &str| one.trim().eq_ignore_ascii_case(other.trim());
        match (&self.pan, &later.pan) {
            (Some(pan), Some(other)) => alike(pan, other),
            (Some(_), None) => false,
            (None, _) => {
                alike(&self.primary_id_type, &later.primary_id_type) && alike(&self.primary_id, &later.primary_id)
            }
        }
    }

    /// The identity that exposure is counted by, lender-wide: PAN where known (design §5, "Borrower row").
    #[must_use]
    pub fn identity(&self) -> (&str, &str) {
        match &self.pan {
            Some(pan) => ("PAN", pan),
            None => (&self.primary_id_type, &self.primary_id),
        }
    }
}

/// A security that the loan is asked against; pledged once, lender-wide.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collateral {
    /// `collateralPrimaryIdType`, any string.
    pub id_type: String,
    /// `collateralPrimaryId`, e.g. `INVOICE_<GSTIN>_<number>`.
    pub id: String,
    /// Value where given, rupees.
    pub value: Option<Paise>,
    /// Whether the LSP left the id out, or anything of it cannot be read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unreadable: bool,
}

/// Types of collateral ids that the protocol names; what comes without a type may be any of them.
const ID_TYPES: [&str; 3] = ["GST_INVOICE", "VIN", "HOME"];

impl Collateral {
    /// What it is pledged as: the same thing gives the same text, however its type and id are written.
    #[must_use]
    pub fn pledge(&self) -> String {
        // A colon in a type would let one type and id be read as another type and another id.
        pledge(&self.id_type.replace(':', "_"), &self.id)
    }

    /// What it may have been pledged as before: as now, without its type, and as earlier versions wrote it.
    #[must_use]
    pub fn earlier_pledges(&self) -> Vec<String> {
        let mut pledges = vec![self.pledge(), format!("{}:{}", self.id_type, self.id), pledge("", &self.id)];
        if self.id_type.trim().is_empty() {
            pledges.extend(ID_TYPES.map(|id_type| pledge(id_type, &self.id)));
        }
        pledges
    }
}

fn pledge(id_type: &str, id: &str) -> String {
    format!("{}:{}", id_type.trim(), id.trim())
}

/// One application as the LSP filed it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// Product family.
    pub loan_type: LoanType,
    /// When the LSP made the application.
    pub created_at: DateTime<Utc>,
    /// Who borrows.
    pub borrower: Borrower,
    /// Securities.
    pub collaterals: Vec<Collateral>,
    /// Amount asked.
    pub requested: Paise,
    /// Tenure asked, where the LSP asks for one.
    pub tenure: Option<Tenure>,
    /// Types of the documents that came along, e.g. `GST_PROFILE`.
    pub documents: Vec<String>,
    /// SHA-256 in hex over types, references and data of the documents, by which a corrected file is told from the one
    /// before. None where no document came, and in forms of earlier versions, which did not note it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documents_digest: Option<String>,
    /// The item as it is to be echoed (C2): opaque to the domain, written and read by the protocol.
    pub echo: String,
}

impl Form {
    /// Whether two filings ask for the same thing. `createdDate` does not count: it defaults to now. Nor do the files
    /// themselves where those of one filing are not known; their types do.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        // A type that the LSP left out was not always told from the collateral itself; what it said is in the echo.
        let alike = |(one, other): (&Collateral, &Collateral)| {
            one.id.trim() == other.id.trim()
                && one.value == other.value
                && (one.id_type == other.id_type || one.id_type.is_empty() || other.id_type.is_empty())
        };
        let collaterals_alike = self.collaterals.len() == other.collaterals.len()
            && self.collaterals.iter().zip(&other.collaterals).all(alike);
        let collaterals = if collaterals_alike { &other.collaterals } else { &self.collaterals };
        let known = self.documents_digest.is_some() && other.documents_digest.is_some();
        let documents_digest = if known { &self.documents_digest } else { &other.documents_digest };
        let as_filed = Self {
            created_at: other.created_at,
            collaterals: collaterals.clone(),
            documents_digest: documents_digest.clone(),
            ..self.clone()
        };
        as_filed == *other
    }

    /// Whether documents come with this filing that an earlier one is not known to have brought.
    #[must_use]
    pub fn brings_documents_after(&self, earlier: &Self) -> bool {
        self.documents_digest.is_some() && self.documents_digest != earlier.documents_digest
    }
}

macro_rules! hide {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(***)"))
            }
        }
    )*};
}
hide!(Borrower, Collateral, Form);
