//! How many requests an LSP may send: per replica, off unless configured (design §10).
//!
//! Each key has one number, the time at which all that it was granted would be used up at the allowed pace (GCRA). The
//! quota comes with the question rather than being fixed at start, because each LSP may have one of its own.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most keys that are counted at a time; a key that is not busy is forgotten.
const MAX_KEYS: usize = 100_000;
/// Fewest keys for which it is worth looking which can be forgotten.
const PRUNE_FROM: usize = 1_024;

/// How much may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Quota {
    /// Requests a minute in the long run.
    pub per_minute: u32,
    /// Requests that may come at once; left out, as many as in a second, and one at least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<u32>,
}

impl Quota {
    /// Whether it lets anything through.
    #[must_use]
    pub fn makes_sense(&self) -> bool {
        self.per_minute >= 1 && self.burst != Some(0)
    }

    fn interval(&self) -> Duration {
        Duration::from_mins(1) / self.per_minute.max(1)
    }

    fn burst(&self) -> u32 {
        self.burst.unwrap_or(self.per_minute / 60).max(1)
    }
}

/// What is limited; what is left out is not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RateLimits {
    /// Everything that one LSP sends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<Quota>,
    /// Each operation of one LSP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub each_operation: Option<Quota>,
    /// Single operations of one LSP by name, in place of `eachOperation`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub operations: BTreeMap<String, Quota>,
    /// Guesses of one application's OTP (`verifyLoanAcceptance`), beside the limit of tries that each OTP has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otp_verify: Option<Quota>,
}

impl RateLimits {
    /// These limits, and those of `own` in their place where it has any.
    #[must_use]
    pub fn overridden_by(&self, own: &Self) -> Self {
        let mut operations = self.operations.clone();
        operations.extend(own.operations.iter().map(|(name, quota)| (name.clone(), *quota)));
        Self {
            requests: own.requests.or(self.requests),
            each_operation: own.each_operation.or(self.each_operation),
            operations,
            otp_verify: own.otp_verify.or(self.otp_verify),
        }
    }

    /// Whether nothing is limited.
    #[must_use]
    pub fn is_off(&self) -> bool {
        *self == Self::default()
    }

    /// Every quota with its member.
    pub fn quotas(&self) -> impl Iterator<Item = (String, Quota)> + '_ {
        let named =
            [("requests", self.requests), ("eachOperation", self.each_operation), ("otpVerify", self.otp_verify)];
        let named = named.into_iter().filter_map(|(name, quota)| Some((name.to_owned(), quota?)));
        named.chain(self.operations.iter().map(|(name, quota)| (format!("operations.{name}"), *quota)))
    }

    /// What a request of an LSP counts against.
    #[must_use]
    pub fn of_request(&self, org: &str, operation: &str) -> Vec<(Key, Quota)> {
        let one = self.operations.get(operation).copied().or(self.each_operation);
        let of_operation = one.map(|quota| (Key::Operation(org.to_owned(), operation.to_owned()), quota));
        self.requests.map(|quota| (Key::Org(org.to_owned()), quota)).into_iter().chain(of_operation).collect()
    }

    /// What a guess of an OTP counts against.
    #[must_use]
    pub fn of_guess(&self, org: &str, session: &str) -> Vec<(Key, Quota)> {
        self.otp_verify.map(|quota| (Key::Guess(org.to_owned(), session.to_owned()), quota)).into_iter().collect()
    }
}

/// What is counted by itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// An LSP.
    Org(String),
    /// An operation of an LSP.
    Operation(String, String),
    /// An OTP session of an LSP.
    Guess(String, String),
}

/// The counts of this process.
#[derive(Debug, Default)]
pub struct Limiter {
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    /// When all that was granted is used up at the allowed pace.
    used_up: HashMap<Key, Instant>,
    prune_at: usize,
}

impl Limiter {
    /// Counts a request against all of `against`, or against none when one of them is used up.
    ///
    /// # Errors
    /// How long the sender has to wait.
    pub fn take(&self, against: Vec<(Key, Quota)>, now: Instant) -> Result<(), Duration> {
        if against.is_empty() {
            return Ok(());
        }
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.prune(now);
        if counts.used_up.len() >= MAX_KEYS {
            return Err(Duration::from_secs(1));
        }
        let mut wait = Duration::ZERO;
        let mut taken = Vec::with_capacity(against.len());
        for (key, quota) in against {
            let interval = quota.interval();
            let tolerated = now + interval * quota.burst();
            // What was counted by a slower quota must not keep out whom a new one lets in.
            let used_up = counts.used_up.get(&key).copied().unwrap_or(now).clamp(now, tolerated) + interval;
            wait = wait.max(used_up.saturating_duration_since(tolerated));
            taken.push((key, used_up));
        }
        if wait > Duration::ZERO {
            return Err(wait);
        }
        counts.used_up.extend(taken);
        Ok(())
    }
}

impl Counts {
    /// Forgets who is not busy, each time the number of keys has doubled.
    fn prune(&mut self, now: Instant) {
        if self.used_up.len() >= self.prune_at.max(PRUNE_FROM) {
            self.used_up.retain(|_, used_up| *used_up > now);
            self.prune_at = (self.used_up.len() * 2).min(MAX_KEYS);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(per_minute: u32, burst: u32) -> Quota {
        Quota { per_minute, burst: Some(burst) }
    }

    fn limits() -> RateLimits {
        RateLimits {
            requests: Some(quota(60, 3)),
            operations: BTreeMap::from([("setOffer".to_owned(), quota(6, 1))]),
            ..RateLimits::default()
        }
    }

    #[test]
    fn a_burst_passes_and_then_the_pace_counts() {
        let (limiter, begun) = (Limiter::default(), Instant::now());
        let take = |after| limiter.take(limits().of_request("A", "heartbeat"), begun + Duration::from_millis(after));
        assert_eq!([take(0), take(0), take(0)], [Ok(()); 3]);
        assert_eq!(take(0), Err(Duration::from_secs(1)));
        assert_eq!(take(400), Err(Duration::from_millis(600)));
        assert_eq!((take(1_000), take(1_000)), (Ok(()), Err(Duration::from_secs(1))));
        assert_eq!(limiter.take(limits().of_request("B", "heartbeat"), begun), Ok(()), "others have their own");
    }

    #[test]
    fn who_is_let_more_is_let_it_at_once() {
        let (limiter, now) = (Limiter::default(), Instant::now());
        let take = |quota| limiter.take(vec![(Key::Org("A".to_owned()), quota)], now);
        assert_eq!((take(quota(1, 2)), take(quota(1, 2))), (Ok(()), Ok(())));
        assert_eq!(take(quota(1, 2)), Err(Duration::from_mins(1)));
        let wait = take(quota(6_000, 500)).unwrap_err();
        assert!(wait <= Duration::from_millis(10), "{wait:?}: as after a burst of the new quota");
    }

    #[test]
    fn what_one_limit_refuses_does_not_count_against_another() {
        let (limiter, now) = (Limiter::default(), Instant::now());
        let take = |operation| limiter.take(limits().of_request("A", operation), now);
        assert_eq!(take("setOffer"), Ok(()));
        assert_eq!(take("setOffer"), Err(Duration::from_secs(10)));
        assert_eq!([take("getLoan"), take("getLoan")], [Ok(()); 2], "two of the three are left");
        assert!(take("getLoan").is_err());
    }

    #[test]
    fn an_lsp_may_have_limits_of_its_own() {
        let own = RateLimits { requests: Some(quota(600, 600)), ..RateLimits::default() };
        let joined = limits().overridden_by(&own);
        assert_eq!(joined.requests, own.requests);
        assert_eq!(joined.operations, limits().operations);
        assert!(RateLimits::default().overridden_by(&RateLimits::default()).is_off());
        assert!(RateLimits::default().of_request("A", "setOffer").is_empty());
        assert_eq!(limits().of_guess("A", "S"), vec![]);
    }

    #[test]
    fn who_is_not_busy_is_forgotten() {
        let (limiter, begun) = (Limiter::default(), Instant::now());
        for n in 0..3 * PRUNE_FROM {
            let later = begun + Duration::from_secs(n as u64);
            assert_eq!(limiter.take(vec![(Key::Org(n.to_string()), quota(60, 1))], later), Ok(()));
        }
        assert!(limiter.counts.lock().unwrap().used_up.len() <= PRUNE_FROM);
    }

    #[test]
    fn a_burst_that_is_left_out_is_a_second_of_the_pace() {
        assert_eq!((Quota { per_minute: 600, burst: None }).burst(), 10);
        assert_eq!((Quota { per_minute: 6, burst: None }).burst(), 1);
        assert!(!quota(0, 1).makes_sense() && !quota(1, 0).makes_sense() && quota(1, 1).makes_sense());
    }
}
