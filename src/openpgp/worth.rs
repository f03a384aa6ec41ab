//! What a key of a certificate is worth at a point in time.
//!
//! In: a certificate, one of its keys, a time. Out: [`Worth`], with the reason in
//! words. Revocations are asked for first, those by designated revokers among them.

use std::collections::BTreeSet;

use sequoia::cert::prelude::*;
use sequoia::packet::Signature;
use sequoia::packet::key::PublicParts;
use sequoia::packet::signature::subpacket::SubpacketValue;
use sequoia::policy::{HashAlgoSecurity, Policy};
use sequoia::types::{HashAlgorithm, RevocationStatus};
use sequoia::{Cert, KeyHandle};
use sequoia_openpgp as sequoia;

use super::algorithms;
use super::certificates::fingerprint_of;
use super::judge::{Candidate, Judge};
use super::signatures::one_line;
use super::{KeyState, UncheckedRevocation};
use crate::fingerprint::Fingerprint;
use crate::time::UtcTime;

/// A key at a point in time.
#[derive(Debug, Clone)]
pub(super) struct Worth {
    pub(super) state: KeyState,
    /// The same in words.
    pub(super) reason: String,
    /// What to do, where what is usual in this state would not help.
    pub(super) advice: Option<&'static str>,
}

impl Worth {
    fn new(state: KeyState, reason: impl Into<String>) -> Self {
        Self {
            state,
            reason: reason.into(),
            advice: None,
        }
    }
}

/// A key of a certificate, primary or not.
type AnyKey<'a> = ErasedKeyAmalgamation<'a, PublicParts>;

impl Judge<'_> {
    /// Returns what a key of a certificate is worth at the reference time, and
    /// why.
    pub(super) fn state_now(
        &self,
        fingerprint: &Fingerprint,
        key: &KeyHandle,
    ) -> (KeyState, String) {
        let Some((fingerprint, certificate)) = self.certificates.get(fingerprint) else {
            return (KeyState::Unknown, "in no certificate".to_owned());
        };
        let candidate = Candidate {
            fingerprint,
            certificate,
            key: key.clone(),
        };
        let worth = self.key_state(&candidate, self.reference_time);
        (worth.state, worth.reason)
    }

    /// Returns when a key expires, by itself or with its certificate.
    pub(super) fn expiry(
        &self,
        certificate: &Cert,
        key: &AnyKey<'_>,
        time: UtcTime,
    ) -> Option<UtcTime> {
        let time = time.to_system();
        let whole = certificate
            .with_policy(&self.policy, time)
            .ok()
            .and_then(|valid| valid.primary_key().key_expiration_time());
        let own = key
            .clone()
            .with_policy(&self.policy, time)
            .ok()
            .and_then(|valid| valid.key_expiration_time());
        [whole, own]
            .into_iter()
            .flatten()
            .filter_map(UtcTime::from_system)
            .min()
    }

    /// Returns what the candidate's key was worth at a time, and why.
    pub(super) fn key_state(&self, candidate: &Candidate<'_>, time: UtcTime) -> Worth {
        let certificate = candidate.certificate;
        let key = certificate
            .keys()
            .find(|key| key.key().key_handle() == candidate.key);
        let Some(key) = key else {
            return Worth::new(KeyState::Unbound, "in no certificate");
        };
        // A revocation counts whatever else is wrong with the certificate.
        if let Some(reason) = self.revoked(candidate, time) {
            return Worth::new(KeyState::Revoked, reason);
        }
        let created = UtcTime::from_system(key.key().creation_time()).unwrap_or(time);
        if time < created {
            return Worth::new(KeyState::NotYetValid, format!("not made before {created}"));
        }
        if let Some(worth) = self.algorithm(certificate, &key) {
            return worth;
        }
        let bound = certificate
            .with_policy(&self.policy, time.to_system())
            .and_then(|valid| {
                Ok((
                    valid,
                    key.clone().with_policy(&self.policy, time.to_system())?,
                ))
            });
        match bound {
            Ok((valid, key)) => alive(&valid, &key, time),
            Err(error) => self.unbound(candidate, time, &error),
        }
    }

    /// Returns why the key or its certificate is revoked at a time, if it is.
    ///
    /// The library knows that a compromised key is revoked from the beginning and a
    /// retired one from the day of its revocation.
    fn revoked(&self, candidate: &Candidate<'_>, time: UtcTime) -> Option<String> {
        let certificate = candidate.certificate;
        let time = time.to_system();
        let of_certificate = certificate.revocation_status(&self.policy, time);
        if let RevocationStatus::Revoked(revocations) = &of_certificate {
            return Some(revoked_because("certificate", revocations.first(), None));
        }
        let subkey = certificate
            .keys()
            .subkeys()
            .find(|subkey| subkey.key().key_handle() == candidate.key);
        let of_subkey = subkey
            .as_ref()
            .map(|subkey| subkey.revocation_status(&self.policy, time));
        if let Some(RevocationStatus::Revoked(revocations)) = &of_subkey {
            return Some(revoked_because("key", revocations.first(), None));
        }
        [
            (Some(of_certificate), None, "certificate"),
            (of_subkey, subkey.as_ref(), "key"),
        ]
        .into_iter()
        .find_map(|(status, subkey, what)| {
            let Some(RevocationStatus::CouldBe(revocations)) = status else {
                return None;
            };
            revocations.into_iter().find_map(|revocation| {
                let revoker = self.designated(certificate, revocation)?;
                self.is_by(revocation, &revoker, certificate, subkey)
                    .is_some_and(|is_good| is_good)
                    .then(|| revoked_because(what, Some(&revocation), Some(&revoker)))
            })
        })
    }

    /// Returns the designated revoker that a revocation names, if it names one
    /// (RFC 9580, section 5.2.3.23).
    fn designated(&self, certificate: &Cert, revocation: &Signature) -> Option<Fingerprint> {
        let issuers = revocation.get_issuers();
        certificate
            .revocation_keys(&self.policy)
            .map(|revoker| revoker.revoker().1)
            .find(|revoker| {
                let revoker = KeyHandle::from(*revoker);
                issuers.iter().any(|issuer| issuer.aliases(&revoker))
            })
            .map(fingerprint_of)
    }

    /// Returns whether a revoker made a revocation; nothing when that cannot be told
    /// with the certificates there are.
    fn is_by(
        &self,
        revocation: &Signature,
        revoker: &Fingerprint,
        certificate: &Cert,
        subkey: Option<&SubordinateKeyAmalgamation<'_, PublicParts>>,
    ) -> Option<bool> {
        let (_, revoker) = self.certificates.get(revoker)?;
        // The fingerprint that is designated is that of a primary key.
        let by = revoker.primary_key().key();
        let primary = certificate.primary_key().key();
        if algorithms::unsupported(by.role_as_unspecified(), revocation.hash_algo()).is_some() {
            return None;
        }
        let checked = match subkey {
            None => revocation.verify_primary_key_revocation(by, primary),
            Some(subkey) => revocation.verify_subkey_revocation(by, primary, subkey.key()),
        };
        Some(checked.is_ok())
    }

    /// Returns the revocations by designated revokers that cannot be checked, because
    /// their certificates are not there or not for here.
    pub(super) fn unchecked_revocations(&self) -> Vec<UncheckedRevocation> {
        let time = self.reference_time.to_system();
        let mut unchecked = BTreeSet::new();
        for (fingerprint, certificate) in self.certificates.iter() {
            // Asking for a status checks self-signatures, and hardly any certificate
            // has a revocation by somebody else.
            if !has_revocations_of_others(certificate) {
                continue;
            }
            let status = certificate.revocation_status(&self.policy, time);
            unchecked.extend(self.unchecked(fingerprint, certificate, status, None));
            for subkey in certificate.keys().subkeys() {
                let status = subkey.revocation_status(&self.policy, time);
                unchecked.extend(self.unchecked(fingerprint, certificate, status, Some(&subkey)));
            }
        }
        unchecked.into_iter().collect()
    }

    fn unchecked(
        &self,
        fingerprint: &Fingerprint,
        certificate: &Cert,
        status: RevocationStatus<'_>,
        subkey: Option<&SubordinateKeyAmalgamation<'_, PublicParts>>,
    ) -> Vec<UncheckedRevocation> {
        let RevocationStatus::CouldBe(revocations) = status else {
            return Vec::new();
        };
        revocations
            .into_iter()
            .filter_map(|revocation| {
                let revoker = self.designated(certificate, revocation)?;
                let is_by = self.is_by(revocation, &revoker, certificate, subkey);
                is_by.is_none().then(|| UncheckedRevocation {
                    certificate: fingerprint.clone(),
                    key: subkey.map_or_else(
                        || fingerprint.clone(),
                        |subkey| fingerprint_of(&subkey.key().fingerprint()),
                    ),
                    is_at_hand: self.certificates.get(&revoker).is_some(),
                    revoker,
                })
            })
            .collect()
    }

    /// Returns what the algorithm of the key, or of the key that certifies it, makes
    /// of both: what cannot be checked here, and what is believed no more.
    fn algorithm(&self, certificate: &Cert, key: &AnyKey<'_>) -> Option<Worth> {
        // What can only encrypt is not for signing, whatever certifies it.
        if !key.key().pk_algo().for_signing() {
            return None;
        }
        let primary = certificate.primary_key();
        let primary = primary.key().role_as_unspecified();
        let keys = match key.primary() {
            true => vec![(primary, "")],
            false => vec![(key.key(), ""), (primary, "certified by ")],
        };
        for (key, by) in &keys {
            if let Some(what) = algorithms::unsupported(key, HashAlgorithm::SHA512) {
                return Some(Worth {
                    state: KeyState::Unsupported,
                    reason: format!("{by}{what}, which cannot be checked here"),
                    advice: None,
                });
            }
        }
        for (key, by) in &keys {
            if let Some(what) = algorithms::weak(&self.policy, self.known_until.to_system(), key) {
                return Some(Worth::new(KeyState::TooWeak, format!("{by}{what}")));
            }
        }
        None
    }

    /// Returns why nothing binds the key at a time: whether a later self-signature
    /// would, what is wrong with those that there are, else what the library says.
    fn unbound(
        &self,
        candidate: &Candidate<'_>,
        time: UtcTime,
        error: &sequoia::anyhow::Error,
    ) -> Worth {
        let own = own_signatures(candidate);
        let is_accepted = |signature: &Signature| {
            self.policy
                .signature(signature, HashAlgoSecurity::SecondPreImageResistance)
                .is_ok()
        };
        let first_accepted = own
            .iter()
            .filter(|signature| is_accepted(signature))
            .filter_map(|signature| signature.signature_creation_time())
            .filter_map(UtcTime::from_system)
            .min();
        if let Some(first) = first_accepted.filter(|first| *first > time) {
            return Worth::new(
                KeyState::Unbound,
                format!("bound only by self-signatures made later, the first on {first}"),
            );
        }
        let names = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>().join(" and ");
        let hashes: BTreeSet<String> = own
            .iter()
            .map(|signature| signature.hash_algo())
            .filter(|hash| self.is_weak_in_bindings(*hash))
            .map(|hash| hash.to_string())
            .collect();
        if first_accepted.is_none() && !hashes.is_empty() {
            return Worth::new(
                KeyState::Unbound,
                format!(
                    "bound only by self-signatures over {}, which can be forged",
                    names(hashes)
                ),
            );
        }
        // What the library could not compute is among what it calls bad.
        let primary = candidate.certificate.primary_key();
        let of_others: BTreeSet<String> = candidate
            .certificate
            .bad_signatures()
            .filter(|signature| is_by_primary(signature, candidate.certificate))
            .filter_map(|signature| {
                let primary = primary.key().role_as_unspecified();
                algorithms::unsupported(primary, signature.hash_algo())
            })
            .collect();
        if !of_others.is_empty() {
            return Worth::new(
                KeyState::Unsupported,
                format!(
                    "bound by self-signatures of {}, which cannot be checked here",
                    names(of_others)
                ),
            );
        }
        let critical: BTreeSet<String> = own
            .iter()
            .filter_map(|signature| critical_unknown(&self.policy, signature))
            .collect();
        if first_accepted.is_none() && !critical.is_empty() {
            return Worth {
                state: KeyState::Unbound,
                reason: format!(
                    "bound only by self-signatures with {}, which is critical and not known here",
                    names(critical)
                ),
                advice: Some(
                    "ask the signer for self-signatures without it; a reader must not pass over \
                     what is marked as critical",
                ),
            };
        }
        Worth {
            state: KeyState::Unbound,
            reason: format!("not bound to its certificate ({})", one_line(error)),
            advice: Some("fetch the signer's current and whole certificate"),
        }
    }

    fn is_weak_in_bindings(&self, hash: HashAlgorithm) -> bool {
        self.policy
            .hash_cutoff(hash, HashAlgoSecurity::SecondPreImageResistance)
            .is_some_and(|cutoff| cutoff <= self.known_until.to_system())
    }
}

/// Returns what a bound key is worth: how long it is good, and for what.
fn alive(
    valid: &ValidCert<'_>,
    key: &ValidErasedKeyAmalgamation<'_, PublicParts>,
    time: UtcTime,
) -> Worth {
    let is_primary = key.primary();
    // The certificate's own expiration outweighs the subkey's.
    let primary = valid.primary_key();
    for (component, what) in [
        (primary.key_expiration_time(), "certificate"),
        (
            key.key_expiration_time(),
            if is_primary { "certificate" } else { "subkey" },
        ),
    ] {
        if let Some(expired) = component.and_then(UtcTime::from_system)
            && expired <= time
        {
            return Worth::new(
                KeyState::Expired,
                format!("expired, the {what} was good until {expired}"),
            );
        }
    }
    if let Err(error) = valid.alive().and_then(|()| key.alive()) {
        return Worth::new(KeyState::Expired, format!("expired, {}", one_line(&error)));
    }
    if !key.for_signing() {
        return Worth::new(KeyState::NotForSigning, "not one for signing data");
    }
    Worth::new(KeyState::Valid, "valid")
}

fn revoked_because(
    what: &str,
    revocation: Option<&&Signature>,
    revoker: Option<&Fingerprint>,
) -> String {
    let reason = revocation
        .and_then(|revocation| revocation.reason_for_revocation())
        .map_or_else(String::new, |(code, _)| format!(" ({code})"));
    let by = revoker.map_or_else(String::new, |revoker| {
        format!(", by its designated revoker {revoker}")
    });
    format!("revoked, the {what} is{reason}{by}")
}

/// Returns the signatures that bind the key, and those that bind user IDs.
fn own_signatures<'a>(candidate: &Candidate<'a>) -> Vec<&'a Signature> {
    let certificate = candidate.certificate;
    certificate
        .keys()
        .find(|key| key.key().key_handle() == candidate.key)
        .into_iter()
        .flat_map(|key| key.self_signatures().collect::<Vec<_>>())
        .chain(
            certificate
                .userids()
                .flat_map(|user_id| user_id.self_signatures().collect::<Vec<_>>()),
        )
        .collect()
}

fn has_revocations_of_others(certificate: &Cert) -> bool {
    let of_certificate = certificate.primary_key();
    of_certificate.other_revocations().next().is_some()
        || certificate
            .keys()
            .subkeys()
            .any(|subkey| subkey.other_revocations().next().is_some())
}

fn is_by_primary(signature: &Signature, certificate: &Cert) -> bool {
    let primary = KeyHandle::from(certificate.fingerprint());
    let issuers = signature.get_issuers();
    issuers.iter().any(|issuer| issuer.aliases(&primary))
}

/// Returns the critical part of a signature that the library's policy does not know.
pub(super) fn critical_unknown(policy: &dyn Policy, signature: &Signature) -> Option<String> {
    policy
        .signature(signature, HashAlgoSecurity::SecondPreImageResistance)
        .err()?;
    let mut critical = signature
        .hashed_area()
        .iter()
        .filter(|subpacket| subpacket.critical());
    critical.find_map(|subpacket| match subpacket.value() {
        SubpacketValue::NotationData(notation) => {
            Some(format!("the notation '{}'", notation.name().escape_debug()))
        }
        SubpacketValue::Unknown { .. } => Some(format!("a subpacket of type {}", subpacket.tag())),
        _ => None,
    })
}
