//! What must be posted so that the book says what a replay of the facts says. Nothing is ever changed or deleted.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{Journal, JournalKind, LedgerAccount, Posting, credit};
use crate::domain::maths::money::Paise;

/// Stands between what a journal corrects and how often it was corrected.
const VERSION: char = '#';

/// What one journal and its corrections come to.
#[derive(Debug, Default)]
struct Net {
    versions: usize,
    value_date: Option<NaiveDate>,
    sums: BTreeMap<LedgerAccount, Paise>,
}

impl Net {
    fn add(&mut self, journal: &Journal) {
        self.versions = self.versions.saturating_add(1);
        for posting in &journal.postings {
            let sum = self.sums.entry(posting.account).or_default();
            *sum = sum.saturating_add(posting.amount);
        }
        self.sums.retain(|_, sum| *sum != Paise::ZERO);
        self.value_date = if self.sums.is_empty() { None } else { self.value_date.or(Some(journal.value_date)) };
    }

    fn is(&self, journal: Option<&Journal>) -> bool {
        let Some(journal) = journal else {
            return self.sums.is_empty();
        };
        let wanted: BTreeMap<LedgerAccount, Paise> =
            journal.postings.iter().map(|posting| (posting.account, posting.amount)).collect();
        self.sums == wanted && self.value_date == Some(journal.value_date)
    }

    fn reversed(&self) -> Vec<Posting> {
        self.sums.iter().map(|(account, sum)| Posting { account: *account, amount: credit(*sum) }).collect()
    }
}

/// The journals that turn what is `posted`, in the order of posting, into what is `wanted`. A journal that is wrong is taken back on its own
/// value date and posted anew; `returned` ones (payments and payouts that came back) are taken back on the day of
/// the return, under a kind of their own.
#[must_use]
pub fn corrections(
    posted: &[Journal],
    wanted: &[Journal],
    returned: &[(JournalKind, String, NaiveDate)],
) -> Vec<Journal> {
    let mut nets: BTreeMap<(JournalKind, String), Net> = BTreeMap::new();
    for journal in posted {
        nets.entry(key(journal)).or_default().add(journal);
    }
    let mut out = Vec::new();
    for (key, net) in &nets {
        let (kind, reference) = key;
        let new = wanted.iter().find(|journal| journal.kind == *kind && journal.reference == *reference);
        if net.is(new) {
            continue;
        }
        if let Some(value_date) = net.value_date {
            out.push(taken_back(key, net, value_date, returned));
        }
        if let Some(new) = new {
            out.push(Journal { reference: format!("{reference}{VERSION}{}", net.versions), ..new.clone() });
        }
    }
    let is_new = |journal: &&Journal| !nets.contains_key(&(journal.kind, journal.reference.clone()));
    out.extend(wanted.iter().filter(is_new).cloned());
    out.sort_by_key(|journal| journal.value_date);
    out
}

fn taken_back(
    (kind, reference): &(JournalKind, String),
    net: &Net,
    value_date: NaiveDate,
    returned: &[(JournalKind, String, NaiveDate)],
) -> Journal {
    let back = returned.iter().find(|(what, which, _)| what == kind && which == reference);
    let (kind, reference, value_date) = match (back, kind) {
        (Some((_, _, on)), JournalKind::Receipt) => (JournalKind::ReceiptReturn, reference.clone(), *on),
        (Some((_, _, on)), JournalKind::Disbursement) => (JournalKind::PayoutReturn, reference.clone(), *on),
        _ => {
            let of = format!("{}/{reference}{VERSION}{}", kind.name(), net.versions);
            (JournalKind::Reversal, of, value_date)
        }
    };
    Journal { value_date, kind, reference, postings: net.reversed() }
}

/// Whether a reference is that of a journal which stands in the place of another one.
#[must_use]
pub fn is_correction(reference: &str) -> bool {
    base(reference) != reference
}

impl Journal {
    /// Whether it is a journal with a reference, or stands in its place.
    #[must_use]
    pub fn corrects(&self, reference: &str) -> bool {
        base(&self.reference) == reference
    }
}

/// A reference without the number of its correction.
fn base(reference: &str) -> &str {
    match reference.rsplit_once(VERSION) {
        Some((base, version)) if version.bytes().all(|byte| byte.is_ascii_digit()) => base,
        _ => reference,
    }
}

/// Which journal one belongs to: itself, or the one that it corrects.
fn key(journal: &Journal) -> (JournalKind, String) {
    let of = base(&journal.reference).to_owned();
    match journal.kind {
        JournalKind::ReceiptReturn => (JournalKind::Receipt, of),
        JournalKind::PayoutReturn => (JournalKind::Disbursement, of),
        JournalKind::Reversal => {
            let (kind, reference) = journal.reference.split_once('/').unwrap_or_default();
            (JournalKind::by_name(kind).unwrap_or(JournalKind::Reversal), base(reference).to_owned())
        }
        kind => (kind, of),
    }
}
