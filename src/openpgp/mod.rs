//! From certificates and signatures to an authenticated manifest.
//!
//! In: the bytes of certificate files, of signature files and of a manifest, none
//! of them trusted, and what the policy asks for. Out: one [`SignatureFact`] a
//! signature, and an [`Authenticated`] manifest when enough signers count.
//!
//! This is the only module that names the OpenPGP library. GnuPG's home, agents
//! and key servers are never asked.

mod algorithms;
mod armor;
mod certificates;
mod clearsigned;
mod hashed;
mod inspect;
mod judge;
mod sign;
mod signatures;
mod worth;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::cancel::Cancel;
use crate::digest::Sha256Digest;
use crate::fingerprint::Fingerprint;
use crate::policy::{KeyValidity, Tolerance, Trust};
use crate::time::UtcTime;

pub use armor::is_binary;
pub use certificates::{CertificateFault, Certificates, CertificatesError};
pub use clearsigned::{Clearsigned, ClearsignedFault, ClearsignedFaultKind, Part};
pub use inspect::{CertificateSummary, KeySummary};
pub use sign::{SecretKey, SecretKeyError, SignatureMode, signature_file};
pub use signatures::{SignatureFile, SignatureFileFault};

/// How many seconds a signer's clock may be ahead of ours.
pub const CLOCK_SKEW_SECONDS: i64 = 5;

/// What the mathematics of a signature says, whoever made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cryptography {
    /// The key made this signature over these bytes.
    Good,
    /// The key did not make this signature over these bytes.
    Bad,
    /// No trusted certificate holds the key.
    UnknownKey,
    /// The signature's version, type, algorithm or form is none that can be checked
    /// here.
    Unsupported,
}

/// What a signing key was worth at some point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyState {
    /// Bound to its certificate, neither expired nor revoked, and for signing.
    Valid,
    /// The key or its certificate had expired.
    Expired,
    /// The key or its certificate was revoked.
    Revoked,
    /// The key or its certificate did not exist yet.
    NotYetValid,
    /// No self-signature that the policy accepts bound it at that time.
    Unbound,
    /// It was not a key for signing data.
    NotForSigning,
    /// The key, or the one that certifies it, is too weak: whatever the date.
    TooWeak,
    /// The algorithm of the key, or of the one that certifies it, cannot be checked
    /// here.
    Unsupported,
    /// Not looked at, because no certificate holds the key.
    Unknown,
}

/// What a signature is worth under the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignatureVerdict {
    /// It counts.
    Good,
    /// Its certificate is trusted but not among the signers the policy names.
    NotPinned,
    /// No trusted certificate holds the key.
    UnknownKey,
    /// Its algorithm cannot be checked here.
    Unsupported,
    /// It is of a version that is not read here.
    UnreadVersion,
    /// Its packet is not as its version has it.
    Malformed,
    /// It does not say when it was made.
    Undated,
    /// It is of a type that is not over the data at hand.
    NotOverData,
    /// It does not match the manifest.
    Bad,
    /// Its hash algorithm can be forged.
    WeakHash,
    /// It holds something that its maker marked as critical and that is not known here.
    CriticalUnknown,
    /// It is dated after the reference time.
    Future,
    /// It has itself expired.
    Expired,
    /// It is older than the policy accepts.
    TooOld,
    /// The key or certificate is revoked.
    SignerRevoked,
    /// The key had expired when it signed.
    SignerExpiredWhenSigned,
    /// The key was valid when it signed and has expired since.
    SignerExpiredSince,
    /// The signature is older than the key.
    SignerNotYetValid,
    /// Nothing acceptable binds the key to the certificate.
    SignerUnbound,
    /// The key is not for signing.
    SignerNotForSigning,
    /// The key, or the one that certifies it, is too weak.
    SignerTooWeak,
    /// The certificate is of an algorithm that cannot be checked here.
    SignerUnsupported,
}

/// Everything known about one signature: three facts and what follows from them
/// under the policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignatureFact {
    /// The file it stands in.
    pub path: String,
    /// Its place in that file, counted from 1.
    pub number: u64,
    /// What it is worth under the policy.
    pub verdict: SignatureVerdict,
    /// The certificate, by the fingerprint of its primary key.
    pub signer: Option<Fingerprint>,
    /// The first user ID of the certificate; a claim, for reading only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The key that signed: its fingerprint, or the key ID that the signature
    /// names when no certificate holds it.
    pub key: Option<String>,
    /// The time that the signature claims.
    pub created: Option<UtcTime>,
    /// The name of the hash algorithm.
    pub hash: String,
    /// Whether the mathematics holds.
    pub cryptography: Cryptography,
    /// The key at the time that the signature claims.
    pub at_signing: KeyState,
    /// The key at the reference time.
    pub now: KeyState,
    /// The facts in words.
    pub reason: String,
    /// What to do, where the usual advice does not fit; findings have it.
    #[serde(skip)]
    pub advice: Option<String>,
}

/// A revocation that names a designated revoker and cannot be checked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UncheckedRevocation {
    /// The certificate that carries it.
    pub certificate: Fingerprint,
    /// The key that it revokes: the primary key for the certificate as a whole.
    pub key: Fingerprint,
    /// The designated revoker that it names.
    pub revoker: Fingerprint,
    /// Whether the revoker's certificate is there and cannot be checked here.
    pub is_at_hand: bool,
}

/// How many signers the policy asks for and which ones count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Threshold {
    /// How many distinct certificates must have signed.
    pub required: u32,
    /// The certificates that did.
    pub met_by: BTreeSet<Fingerprint>,
}

impl Threshold {
    /// Returns whether enough distinct signers count.
    pub fn is_met(&self) -> bool {
        u32::try_from(self.met_by.len()).is_ok_and(|count| count >= self.required.max(1))
    }
}

/// The bytes of a manifest that enough trusted signers signed. Only
/// [`authenticate`] makes one.
#[derive(Debug)]
pub struct Authenticated {
    bytes: Vec<u8>,
    sha256: Sha256Digest,
    lines_before: u64,
}

impl Authenticated {
    /// Returns the signed bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the digest of the signed bytes.
    pub fn sha256(&self) -> Sha256Digest {
        self.sha256
    }

    /// Returns how many lines of the file stand before the signed bytes: the frame
    /// of a clearsigned document, else none.
    pub fn lines_before(&self) -> u64 {
        self.lines_before
    }
}

/// What the check of all signatures gave.
#[derive(Debug)]
pub struct Judgement {
    /// One fact a signature, in the order of the files.
    pub facts: Vec<SignatureFact>,
    /// Signers asked for and met.
    pub threshold: Threshold,
    /// Whether the policy lets bad signatures through beside enough good ones.
    pub bad_signatures: Tolerance,
    /// When the threshold was met: as many distinct signers as are required signed
    /// then or later. One of several signers alone cannot make it younger.
    pub signed: Option<UtcTime>,
    /// The manifest, when the threshold is met.
    pub authenticated: Option<Authenticated>,
}

/// Checks every signature over the manifest and counts the signers. The manifest is
/// a file, or the text of a [`Clearsigned`] document with its signatures.
///
/// Algorithms are judged by what is known now, keys at the time each signature
/// claims and at `reference_time`; [`Trust::key_validity`] says which of the two
/// decide. Returns nothing when somebody asked to stop.
pub fn authenticate(
    manifest: Vec<u8>,
    files: &[SignatureFile],
    certificates: &Certificates,
    trust: &Trust,
    reference_time: UtcTime,
    cancel: &Cancel,
) -> Option<Judgement> {
    let judge = judge::Judge::new(certificates, trust, reference_time, &manifest, cancel);
    let mut facts: Vec<SignatureFact> = Vec::new();
    for file in files {
        facts.extend(judge.file(file)?);
    }
    let mut newest: BTreeMap<&Fingerprint, UtcTime> = BTreeMap::new();
    for fact in facts
        .iter()
        .filter(|fact| fact.verdict == SignatureVerdict::Good)
    {
        if let (Some(signer), Some(created)) = (&fact.signer, fact.created) {
            let time = newest.entry(signer).or_insert(created);
            *time = created.max(*time);
        }
    }
    let threshold = Threshold {
        required: trust.threshold.get(),
        met_by: newest.keys().map(|signer| (*signer).clone()).collect(),
    };
    let mut times: Vec<UtcTime> = newest.into_values().collect();
    times.sort_unstable();
    let signed = usize::try_from(threshold.required)
        .ok()
        .and_then(|required| times.len().checked_sub(required))
        .and_then(|place| times.get(place).copied());
    let authenticated = threshold.is_met().then(|| Authenticated {
        sha256: Sha256Digest::of(&manifest),
        bytes: manifest,
        lines_before: files.first().map_or(0, SignatureFile::lines_before),
    });
    Some(Judgement {
        facts,
        threshold,
        bad_signatures: trust.bad_signatures,
        signed,
        authenticated,
    })
}

/// Returns what the policy makes of the two key states, worst first.
fn verdict_of_states(
    validity: KeyValidity,
    at_signing: KeyState,
    now: KeyState,
) -> SignatureVerdict {
    use SignatureVerdict as V;
    let when_signed = match at_signing {
        KeyState::Valid => V::Good,
        KeyState::Expired => V::SignerExpiredWhenSigned,
        KeyState::Revoked => V::SignerRevoked,
        KeyState::NotYetValid => V::SignerNotYetValid,
        KeyState::Unbound => V::SignerUnbound,
        KeyState::NotForSigning => V::SignerNotForSigning,
        KeyState::TooWeak => V::SignerTooWeak,
        KeyState::Unsupported => V::SignerUnsupported,
        KeyState::Unknown => V::UnknownKey,
    };
    let since = match now {
        KeyState::Valid => V::Good,
        // Whether the key was already expired when it signed is the first
        // question; with "now" alone nobody asks it, but the answer is known.
        KeyState::Expired if at_signing == KeyState::Expired => V::SignerExpiredWhenSigned,
        KeyState::Expired => V::SignerExpiredSince,
        KeyState::Revoked => V::SignerRevoked,
        KeyState::NotYetValid => V::SignerNotYetValid,
        KeyState::Unbound => V::SignerUnbound,
        KeyState::NotForSigning => V::SignerNotForSigning,
        KeyState::TooWeak => V::SignerTooWeak,
        KeyState::Unsupported => V::SignerUnsupported,
        KeyState::Unknown => V::UnknownKey,
    };
    match validity {
        KeyValidity::AtSigning => when_signed,
        // However valid the key is now, it cannot have signed before it was made.
        KeyValidity::Now if at_signing == KeyState::NotYetValid => V::SignerNotYetValid,
        KeyValidity::Now => since,
        // A revocation outweighs everything else that may be wrong.
        KeyValidity::Both if since == V::SignerRevoked => since,
        KeyValidity::Both if when_signed == V::Good => since,
        KeyValidity::Both => when_signed,
    }
}

/// The certificates by fingerprint, as the judge looks them up.
type ByFingerprint = BTreeMap<Fingerprint, sequoia_openpgp::Cert>;

#[cfg(test)]
mod tests;
