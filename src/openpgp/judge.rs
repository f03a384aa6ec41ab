//! What each signature is worth: the mathematics first, then the key, then the policy.
//!
//! In: signatures as they stand in files, and the trusted certificates. Out: one
//! [`SignatureFact`] a signature, unless somebody asked to stop.

use std::sync::OnceLock;

use rayon::prelude::*;

use sequoia::packet::Signature;
use sequoia::policy::{HashAlgoSecurity, Policy, StandardPolicy};
use sequoia::types::{HashAlgorithm, SignatureType};
use sequoia::{Cert, KeyHandle};
use sequoia_openpgp as sequoia;

use super::algorithms::{self, Failure, PublicKey};
use super::hashed::{Form, Hashed, Unhashed, as_text, without_carriage_returns};
use super::signatures::{Covers, Parsed, SignatureFile, Unread, one_line};
use super::worth::{Worth, critical_unknown};
use super::{
    CLOCK_SKEW_SECONDS, Certificates, Cryptography, KeyState, SignatureFact, SignatureVerdict,
    verdict_of_states,
};
use crate::cancel::Cancel;
use crate::fingerprint::Fingerprint;
use crate::policy::Trust;
use crate::time::UtcTime;

/// Algorithms are judged by what was known on 2026-11-01 or at the reference
/// time, whichever is later: an audit of old files must not accept what can be
/// forged today. A fixed date, not the clock, so that equal input gives equal
/// reports.
const ALGORITHMS_KNOWN_UNTIL: i64 = 1_793_491_200;

/// Everything that a signature is judged by.
pub(super) struct Judge<'a> {
    pub(super) certificates: &'a Certificates,
    trust: &'a Trust,
    pub(super) reference_time: UtcTime,
    pub(super) policy: StandardPolicy<'static>,
    pub(super) known_until: UtcTime,
    manifest: &'a [u8],
    hashed: Hashed<'a>,
    /// The manifest with other line ends, for who wonders why a signature is bad:
    /// nothing where it has no line end of that kind.
    other_ends: OnceLock<Option<OtherEnds>>,
    cancel: Cancel,
}

/// A manifest as it may have been before something changed its line ends.
struct OtherEnds {
    bytes: Vec<u8>,
    /// What the file has, and what it would have to have.
    found: &'static str,
    fitting: &'static str,
}

/// A key that may have made a signature, with its certificate.
pub(super) struct Candidate<'a> {
    pub(super) fingerprint: &'a Fingerprint,
    pub(super) certificate: &'a Cert,
    pub(super) key: KeyHandle,
}

/// What is known about a signature before any key is tried.
struct Question<'a> {
    signature: &'a Signature,
    form: Form,
    created: UtcTime,
    /// The fact as long as no key is known.
    unread: SignatureFact,
}

impl<'a> Judge<'a> {
    pub(super) fn new(
        certificates: &'a Certificates,
        trust: &'a Trust,
        reference_time: UtcTime,
        manifest: &'a [u8],
        cancel: &Cancel,
    ) -> Self {
        let known_until = UtcTime::from_unix_seconds(ALGORITHMS_KNOWN_UNTIL)
            .map_or(reference_time, |known| known.max(reference_time));
        Self {
            certificates,
            trust,
            reference_time,
            policy: StandardPolicy::at(known_until.to_system()),
            known_until,
            manifest,
            hashed: Hashed::new(manifest, cancel),
            other_ends: OnceLock::new(),
            cancel: cancel.clone(),
        }
    }

    /// Returns one fact for each signature of a file; nothing when somebody asked to
    /// stop.
    pub(super) fn file(&self, file: &SignatureFile) -> Option<Vec<SignatureFact>> {
        file.packets
            .par_iter()
            // A signature takes long enough to be worth a core of its own.
            .with_max_len(1)
            .enumerate()
            .map(|(place, packet)| (place as u64 + 1, packet))
            .map(|(number, packet)| match packet {
                Parsed::Signature(signature) => self.signature(file, number, signature),
                Parsed::Unread { why, reason, .. } => Some(unread(file, number, why, reason)),
            })
            .collect()
    }

    fn signature(
        &self,
        file: &SignatureFile,
        number: u64,
        signature: &Signature,
    ) -> Option<SignatureFact> {
        let created = signature
            .signature_creation_time()
            .and_then(UtcTime::from_system);
        let issuers = signature.get_issuers();
        let fact = SignatureFact {
            path: file.path().to_owned(),
            number,
            verdict: SignatureVerdict::UnknownKey,
            signer: None,
            user_id: None,
            key: issuers.first().map(|issuer| issuer.to_hex()),
            created,
            hash: signature.hash_algo().to_string(),
            cryptography: Cryptography::UnknownKey,
            at_signing: KeyState::Unknown,
            now: KeyState::Unknown,
            reason: "no trusted certificate holds the key that the signature names".to_owned(),
            advice: None,
        };
        let form = match form(file.covers, signature.typ()) {
            Ok(form) => form,
            Err(reason) => {
                return Some(unsupported(fact, SignatureVerdict::NotOverData, reason));
            }
        };
        let Some(created) = created else {
            let reason = "it claims no time, so no key can be judged by it".to_owned();
            return Some(unsupported(fact, SignatureVerdict::Undated, reason));
        };
        let question = Question {
            signature,
            form,
            created,
            unread: fact,
        };
        // Two certificates can hold the same key. The best reading counts: an
        // attacker who adds a certificate cannot spoil an honest one.
        let mut best: Option<SignatureFact> = None;
        for candidate in self.candidates(signature, &issuers) {
            let reading = self.reading(&question, &candidate)?;
            if best.as_ref().is_none_or(|best| rank(&reading) < rank(best)) {
                best = Some(reading);
            }
        }
        let fact = question.unread;
        Some(match best {
            // Every key was tried, so that none fits says nothing about any.
            Some(best) if issuers.is_empty() && best.cryptography != Cryptography::Good => {
                SignatureFact {
                    reason: "it names no key, and no key of a trusted certificate made it \
                             over these bytes"
                        .to_owned(),
                    ..fact
                }
            }
            Some(best) => best,
            None => self.of_unknown_key(signature, fact),
        })
    }

    /// Returns the keys that the signature names, or all keys that may have made it
    /// when it names none.
    fn candidates(
        &self,
        signature: &Signature,
        issuers: &[KeyHandle],
    ) -> impl Iterator<Item = Candidate<'a>> {
        let certificates: &'a Certificates = self.certificates;
        certificates
            .iter()
            .flat_map(move |(fingerprint, certificate)| {
                certificate
                    .keys()
                    .filter(|key| match issuers {
                        [] => algorithms::mismatch(signature, key.key()).is_none(),
                        _ => {
                            let key = KeyHandle::from(key.key().fingerprint());
                            issuers.iter().any(|issuer| issuer.aliases(&key))
                        }
                    })
                    .map(|key| Candidate {
                        fingerprint,
                        certificate,
                        key: KeyHandle::from(key.key().fingerprint()),
                    })
                    .collect::<Vec<_>>()
            })
    }

    /// Returns the fact as it is when no trusted certificate holds the key: with a
    /// hint where the signature says it is by the owner of one.
    fn of_unknown_key(&self, signature: &Signature, fact: SignatureFact) -> SignatureFact {
        let Some(claimed) = signature.signers_user_id() else {
            return fact;
        };
        let owner = self.certificates.iter().find(|(_, certificate)| {
            certificate.userids().any(|user_id| {
                let user_id = user_id.userid();
                let email = user_id.email().ok().flatten();
                user_id.value() == claimed || email.is_some_and(|email| email.as_bytes() == claimed)
            })
        });
        let Some((owner, _)) = owner else { return fact };
        SignatureFact {
            reason: format!(
                "{}; it says that it is by '{}', and that is a user ID of the trusted certificate \
                 {owner}, which may be older than the key",
                fact.reason,
                String::from_utf8_lossy(claimed).escape_debug()
            ),
            advice: Some(format!(
                "fetch the current certificate of {owner}; when the key is not in it either, \
                 somebody else uses the name"
            )),
            ..fact
        }
    }

    /// Returns the fact as it is when this candidate made the signature; nothing when
    /// somebody asked to stop.
    fn reading(&self, question: &Question<'_>, candidate: &Candidate<'_>) -> Option<SignatureFact> {
        let Question {
            signature, created, ..
        } = *question;
        let mut fact = question.unread.clone();
        fact.signer = Some(candidate.fingerprint.clone());
        fact.user_id = candidate
            .certificate
            .userids()
            .next()
            .map(|user_id| String::from_utf8_lossy(user_id.userid().value()).into_owned());
        fact.key = Some(candidate.key.to_hex());
        let key = candidate
            .certificate
            .keys()
            .find(|key| key.key().key_handle() == candidate.key);
        let Some(key) = key else { return Some(fact) };
        let digest = match self.hashed.digest(signature, question.form) {
            Ok(digest) => Ok(digest),
            Err(Unhashed::Stopped) => return None,
            Err(Unhashed::Refused(error)) => Err(error),
        };
        if self.cancel.is_requested() {
            return None;
        }
        if let Err((verdict, reason)) = self.mathematics(question, key.key(), digest) {
            if verdict != SignatureVerdict::Bad {
                return Some(unsupported(fact, verdict, reason));
            }
            fact.cryptography = Cryptography::Bad;
            fact.verdict = verdict;
            fact.reason = reason;
            if question.form == Form::Bytes {
                self.explain_line_ends(&mut fact, signature, key.key())?;
            }
            return Some(fact);
        }
        fact.cryptography = Cryptography::Good;
        let now = self.key_state(candidate, self.reference_time);
        let at_signing = self.key_state(candidate, created);
        (fact.at_signing, fact.now) = (at_signing.state, now.state);
        let reasons = if at_signing.reason == now.reason {
            format!("when it signed and now: {}", now.reason)
        } else {
            format!("when it signed: {}; now: {}", at_signing.reason, now.reason)
        };
        let (verdict, reason) = match algorithms::short_hash(key.key(), signature.hash_algo()) {
            Some(reason) => (SignatureVerdict::WeakHash, reason),
            None => self.verdict(signature, created, &fact, reasons),
        };
        (fact.verdict, fact.reason) = (verdict, reason);
        fact.advice = advice(&fact, &at_signing, &now);
        Some(fact)
    }

    /// Says whether the key made the signature, and if that is not known, why.
    fn mathematics(
        &self,
        question: &Question<'_>,
        key: &PublicKey,
        digest: Result<Vec<u8>, sequoia::anyhow::Error>,
    ) -> Result<(), (SignatureVerdict, String)> {
        use SignatureVerdict as V;
        let signature = question.signature;
        if let Some(reason) = algorithms::mismatch(signature, key) {
            return Err((V::Malformed, reason));
        }
        let digest = digest.map_err(|error| match self.is_weak(signature.hash_algo()) {
            // The library refuses SHA-1 over data that was made to collide.
            true => (V::WeakHash, one_line(&error)),
            false => (V::Unsupported, one_line(&error)),
        })?;
        if let Some(what) = algorithms::unsupported(key, signature.hash_algo()) {
            return Err((V::Unsupported, format!("{what}, cannot be checked here")));
        }
        // The library takes a signature that is older than its key for a forgery.
        // The mathematics does not care about the age of the key; whether it was
        // valid then is the next question.
        let mut key = key.clone();
        let created = question.created.to_system();
        if created < key.creation_time() {
            key.set_creation_time(created)
                .map_err(|error| (V::Malformed, one_line(&error)))?;
        }
        signature
            .verify_digest(&key, digest)
            .map_err(|error| match algorithms::failure(&error) {
                Failure::Bad => (
                    V::Bad,
                    "the key did not make this signature over these bytes".to_owned(),
                ),
                Failure::Unsupported(reason) => (V::Unsupported, reason),
                Failure::Malformed(reason) => (V::Malformed, reason),
            })
    }

    /// Says so when a bad signature fits the same lines with the other kind of line
    /// end. Returns nothing when somebody asked to stop.
    fn explain_line_ends(
        &self,
        fact: &mut SignatureFact,
        signature: &Signature,
        key: &PublicKey,
    ) -> Option<()> {
        let other = self.other_ends.get_or_init(|| other_ends(self.manifest));
        let Some(other) = other else { return Some(()) };
        let digest = match Hashed::new(&other.bytes, &self.cancel).digest(signature, Form::Bytes) {
            Ok(digest) => digest,
            Err(Unhashed::Stopped) => return None,
            Err(Unhashed::Refused(_)) => return Some(()),
        };
        if signature.verify_digest(key, digest).is_ok() {
            fact.reason = format!(
                "the key did not make this signature over these bytes; it made it over the same \
                 lines with {} ends, and the file has {}: a checkout or an editor changed them",
                other.fitting, other.found
            );
            fact.advice = Some(format!(
                "fetch the manifest again as it is, in binary mode; with {} line ends the \
                 signature fits",
                other.fitting
            ));
        }
        Some(())
    }

    /// Returns whether the policy refuses the hash in signatures over data.
    fn is_weak(&self, hash: HashAlgorithm) -> bool {
        self.policy
            .hash_cutoff(hash, HashAlgoSecurity::CollisionResistance)
            .is_some_and(|cutoff| cutoff <= self.known_until.to_system())
    }

    fn verdict(
        &self,
        signature: &Signature,
        created: UtcTime,
        fact: &SignatureFact,
        reasons: String,
    ) -> (SignatureVerdict, String) {
        if let Err(error) = self
            .policy
            .signature(signature, HashAlgoSecurity::CollisionResistance)
        {
            return match self.is_weak(signature.hash_algo()) {
                true => (SignatureVerdict::WeakHash, one_line(&error)),
                false => (
                    SignatureVerdict::CriticalUnknown,
                    critical_unknown(&self.policy, signature).map_or_else(
                        || one_line(&error),
                        |what| format!("it holds {what}, which is critical and not known here"),
                    ),
                ),
            };
        }
        if created.unix_seconds() > self.reference_time.unix_seconds() + CLOCK_SKEW_SECONDS {
            return (
                SignatureVerdict::Future,
                format!("it is dated {created}, after {}", self.reference_time),
            );
        }
        if let Some(expires) = signature
            .signature_expiration_time()
            .and_then(UtcTime::from_system)
            && expires <= self.reference_time
        {
            return (
                SignatureVerdict::Expired,
                format!("the signature itself was good until {expires}"),
            );
        }
        if let Some(not_before) = self.trust.not_before
            && created < not_before
        {
            return (
                SignatureVerdict::TooOld,
                format!("it is dated {created}, the policy accepts none before {not_before}"),
            );
        }
        let verdict = verdict_of_states(self.trust.key_validity, fact.at_signing, fact.now);
        if verdict != SignatureVerdict::Good {
            return (verdict, reasons);
        }
        let pinned = &self.trust.signers;
        match &fact.signer {
            Some(signer) if pinned.is_empty() || pinned.contains(signer) => (verdict, reasons),
            _ => (
                SignatureVerdict::NotPinned,
                "its certificate is trusted, but the policy names other signers".to_owned(),
            ),
        }
    }
}

/// Returns what a signature of this type is over, or why it is over nothing here.
fn form(covers: Covers, kind: SignatureType) -> Result<Form, String> {
    match (covers, kind) {
        (Covers::File, SignatureType::Binary | SignatureType::Text) => Ok(Form::of(kind)),
        // The line end before the armor is not signed (section 7).
        (Covers::ClearsignedText { .. }, SignatureType::Text) => Ok(Form::ClearsignedText),
        // A signature over bytes says nothing about a text whose line ends and
        // blanks are the reader's to choose.
        (Covers::ClearsignedText { .. }, SignatureType::Binary) => Err(
            "it is over bytes, and those of a clearsigned text are over text (RFC 9580, section 7)"
                .to_owned(),
        ),
        (_, other) => Err(format!("it is a {other}, not a signature over data")),
    }
}

/// Returns the fact about a packet that could not be read.
fn unread(file: &SignatureFile, number: u64, why: &Unread, reason: &str) -> SignatureFact {
    SignatureFact {
        path: file.path().to_owned(),
        number,
        verdict: match why {
            Unread::Version(_) => SignatureVerdict::UnreadVersion,
            Unread::Malformed => SignatureVerdict::Malformed,
        },
        signer: None,
        user_id: None,
        key: None,
        created: None,
        hash: "unknown".to_owned(),
        cryptography: Cryptography::Unsupported,
        at_signing: KeyState::Unknown,
        now: KeyState::Unknown,
        reason: reason.to_owned(),
        advice: None,
    }
}

fn unsupported(fact: SignatureFact, verdict: SignatureVerdict, reason: String) -> SignatureFact {
    SignatureFact {
        verdict,
        cryptography: Cryptography::Unsupported,
        reason,
        ..fact
    }
}

/// Returns how far a reading is from one that counts. That a key made the signature is
/// known only where the mathematics says so, and then the signature is none of the
/// others'.
fn rank(fact: &SignatureFact) -> (u8, SignatureVerdict) {
    let mathematics = match fact.cryptography {
        Cryptography::Good => 0,
        Cryptography::Unsupported => 1,
        Cryptography::Bad => 2,
        Cryptography::UnknownKey => 3,
    };
    (mathematics, fact.verdict)
}

/// Returns the advice that belongs to the state which decided, where it has one of
/// its own.
fn advice(fact: &SignatureFact, at_signing: &Worth, now: &Worth) -> Option<String> {
    use SignatureVerdict as V;
    let state = match fact.verdict {
        V::SignerUnbound => KeyState::Unbound,
        V::SignerUnsupported => KeyState::Unsupported,
        _ => return None,
    };
    [at_signing, now]
        .into_iter()
        .find(|worth| worth.state == state)
        .and_then(|worth| worth.advice.map(str::to_owned))
}

fn other_ends(manifest: &[u8]) -> Option<OtherEnds> {
    if let Some(bytes) = without_carriage_returns(manifest) {
        return Some(OtherEnds {
            bytes,
            found: "CR LF",
            fitting: "LF",
        });
    }
    manifest.contains(&b'\n').then(|| OtherEnds {
        bytes: as_text(manifest),
        found: "LF",
        fitting: "CR LF",
    })
}
