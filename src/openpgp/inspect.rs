//! What certificates can do now, and for how long.

use std::collections::BTreeSet;

use sequoia::KeyHandle;
use sequoia::cert::prelude::*;
use sequoia_openpgp as sequoia;
use serde::Serialize;

use super::algorithms;
use super::certificates::fingerprint_of;
use super::judge::Judge;
use super::{Certificates, KeyState, UncheckedRevocation};
use crate::cancel::Cancel;
use crate::fingerprint::Fingerprint;
use crate::policy::Trust;
use crate::time::UtcTime;

/// A certificate and what it is worth as a signer's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CertificateSummary {
    /// The fingerprint of the primary key.
    pub fingerprint: Fingerprint,
    /// The user IDs; claims, for reading only.
    pub user_ids: Vec<String>,
    /// Whether the policy names it as a signer.
    pub pinned: bool,
    /// What its best signing key is worth now.
    pub state: KeyState,
    /// When the last of its signing keys that are valid now expires; `None` when
    /// one never does, or none is valid.
    pub lapses: Option<UtcTime>,
    /// The keys for signing, the newest last. When there is none, all keys.
    pub keys: Vec<KeySummary>,
}

/// A key of a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeySummary {
    /// The fingerprint of the key.
    pub fingerprint: Fingerprint,
    /// The name of its algorithm, with the size or the curve.
    pub algorithm: String,
    /// When it was made.
    pub created: Option<UtcTime>,
    /// When it expires, by itself or with its certificate; `None` when never, or
    /// when nothing binds it.
    pub expires: Option<UtcTime>,
    /// What it is worth now.
    pub state: KeyState,
    /// The same in words.
    pub reason: String,
}

impl Certificates {
    /// Returns what each certificate is worth at a time, sorted by fingerprint.
    pub fn summaries(
        &self,
        pinned: &BTreeSet<Fingerprint>,
        time: UtcTime,
    ) -> Vec<CertificateSummary> {
        let all = self.fingerprints().cloned().collect();
        let mut summaries = self.summaries_of(&all, time);
        for summary in &mut summaries {
            summary.pinned = pinned.contains(&summary.fingerprint);
        }
        summaries
    }

    /// Returns what these certificates are worth at a time, sorted by fingerprint.
    pub fn summaries_of(
        &self,
        fingerprints: &BTreeSet<Fingerprint>,
        time: UtcTime,
    ) -> Vec<CertificateSummary> {
        let trust = Trust::default();
        let judge = Judge::new(self, &trust, time, &[], &Cancel::new());
        self.iter()
            .filter(|(fingerprint, _)| fingerprints.contains(fingerprint))
            .map(|(fingerprint, certificate)| summary(&judge, fingerprint, certificate, time))
            .collect()
    }

    /// Returns the revocations that name a designated revoker and cannot be checked
    /// with these certificates, sorted.
    pub fn unchecked_revocations(&self, time: UtcTime) -> Vec<UncheckedRevocation> {
        let trust = Trust::default();
        Judge::new(self, &trust, time, &[], &Cancel::new()).unchecked_revocations()
    }
}

fn summary(
    judge: &Judge<'_>,
    fingerprint: &Fingerprint,
    certificate: &Cert,
    time: UtcTime,
) -> CertificateSummary {
    let mut keys: Vec<KeySummary> = certificate
        .keys()
        .map(|key| {
            let handle = KeyHandle::from(key.key().fingerprint());
            let (state, reason) = judge.state_now(fingerprint, &handle);
            KeySummary {
                fingerprint: fingerprint_of(&key.key().fingerprint()),
                algorithm: algorithms::name(key.key()),
                created: UtcTime::from_system(key.key().creation_time()),
                expires: judge.expiry(certificate, &key, time),
                state,
                reason,
            }
        })
        .collect();
    keys.sort_by(|one, other| {
        (one.created, &one.fingerprint).cmp(&(other.created, &other.fingerprint))
    });
    if keys.iter().any(|key| key.state != KeyState::NotForSigning) {
        keys.retain(|key| key.state != KeyState::NotForSigning);
    }
    let state = keys
        .iter()
        .map(|key| key.state)
        .min_by_key(|state| rank(*state))
        .unwrap_or(KeyState::NotForSigning);
    let valid = keys.iter().filter(|key| key.state == KeyState::Valid);
    let mut lapses = None;
    for key in valid {
        match key.expires {
            Some(expires) => lapses = lapses.max(Some(expires)),
            None => {
                lapses = None;
                break;
            }
        }
    }
    CertificateSummary {
        fingerprint: fingerprint.clone(),
        user_ids: certificate
            .userids()
            .map(|user_id| String::from_utf8_lossy(user_id.userid().value()).into_owned())
            .collect(),
        pinned: false,
        state,
        lapses,
        keys,
    }
}

/// Returns how far a key is from being good for signing.
fn rank(state: KeyState) -> u8 {
    match state {
        KeyState::Valid => 0,
        KeyState::NotYetValid => 1,
        KeyState::Expired => 2,
        KeyState::Unbound => 3,
        KeyState::Revoked => 4,
        KeyState::TooWeak => 5,
        KeyState::Unsupported => 6,
        KeyState::NotForSigning => 7,
        KeyState::Unknown => 8,
    }
}
