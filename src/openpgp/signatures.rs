//! Signature files, and what each signature in them is worth.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::OnceLock;

use rayon::prelude::*;

use sequoia::armor::{Kind, Reader, ReaderMode};
use sequoia::cert::prelude::*;
use sequoia::packet::header::BodyLength;
use sequoia::packet::{Packet, Signature, Tag};
use sequoia::parse::{PacketParser, PacketParserResult, Parse};
use sequoia::policy::{HashAlgoSecurity, Policy, StandardPolicy};
use sequoia::serialize::SerializeInto;
use sequoia::types::{RevocationStatus, SignatureType};
use sequoia::{Cert, KeyHandle};
use sequoia_openpgp as sequoia;

use super::{
    CLOCK_SKEW_SECONDS, Certificates, Clearsigned, Cryptography, KeyState, SignatureFact,
    SignatureVerdict, armor, verdict_of_states,
};
use crate::fingerprint::Fingerprint;
use crate::policy::Trust;
use crate::time::UtcTime;

/// The most signatures a file may hold.
const MAX_SIGNATURES: usize = 10_000;

/// Algorithms are judged by what was known on 2026-11-01 or at the reference
/// time, whichever is later: an audit of old files must not accept what can be
/// forged today. A fixed date, not the clock, so that equal input gives equal
/// reports.
const ALGORITHMS_KNOWN_UNTIL: i64 = 1_793_491_200;

/// A signature file, taken apart.
#[derive(Debug)]
pub struct SignatureFile {
    path: String,
    pub(super) packets: Vec<Parsed>,
    faults: Vec<SignatureFileFault>,
    covers: Covers,
}

/// What the signatures of a file are over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Covers {
    /// Another file, byte for byte or as text.
    File,
    /// The text of the clearsigned document they stand in.
    ClearsignedText {
        /// How many lines of the document stand before the text.
        lines_before: u64,
    },
}

#[derive(Debug)]
pub(super) enum Parsed {
    Signature(Box<Signature>),
    Unsupported {
        /// Why it cannot be read.
        reason: String,
        /// The packet as it is.
        packet: Vec<u8>,
    },
}

/// Something in a signature file that is no detached signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFileFault {
    /// Nothing is in the file.
    #[error("the file is empty")]
    Empty,
    /// The file holds neither armor nor binary OpenPGP.
    #[error("the file holds no OpenPGP data")]
    NotOpenPgp,
    /// Text stands outside the armored blocks.
    #[error("line {line} is outside every signature block")]
    Stray {
        /// The first such line of several in a row, counted from 1.
        line: u64,
    },
    /// A block has no END line.
    #[error("the block that begins on line {line} has no end")]
    Unterminated {
        /// The line of its BEGIN, counted from 1.
        line: u64,
    },
    /// The armor is of another kind.
    #[error("the file holds a PGP {} block instead of a signature", .label.escape_default())]
    WrongKind {
        /// The kind.
        label: String,
    },
    /// The packets are no signatures: a whole signed message, for example.
    #[error("the file holds {packet} besides or instead of detached signatures")]
    WrongPacket {
        /// What it is.
        packet: String,
    },
    /// The packets cannot be read.
    #[error("block {block} cannot be read: {reason}")]
    Malformed {
        /// The block, counted from 1.
        block: u64,
        /// Why not.
        reason: String,
    },
    /// The file is a document that brings its own text.
    #[error("the file is a clearsigned document, which is a manifest in itself")]
    Clearsigned,
    /// There are more signatures than anybody needs.
    #[error("the file holds more than {MAX_SIGNATURES} signatures")]
    TooMany,
}

impl SignatureFile {
    /// Takes a file apart into its signatures. `path` is for reports only.
    ///
    /// Everything that is not a detached signature is kept as a fault; a fault
    /// takes no signature away and no fault goes unreported.
    pub fn parse(path: impl Into<String>, bytes: &[u8]) -> Self {
        let mut file = Self {
            path: path.into(),
            packets: Vec::new(),
            faults: Vec::new(),
            covers: Covers::File,
        };
        if bytes.trim_ascii().is_empty() {
            file.faults.push(SignatureFileFault::Empty);
        } else if Clearsigned::begins(bytes) {
            // Its signatures are over its own text and would look forged here.
            file.faults.push(SignatureFileFault::Clearsigned);
        } else if armor::is_binary(bytes) {
            file.read_packets(1, bytes);
        } else {
            file.read_armor(bytes);
        }
        file
    }

    /// Takes the armor of a clearsigned document apart.
    pub(super) fn parse_clearsigned(
        path: impl Into<String>,
        lines_before: u64,
        armor: &[u8],
    ) -> Self {
        Self {
            covers: Covers::ClearsignedText { lines_before },
            ..Self::parse(path, armor)
        }
    }

    /// Returns how many lines of the file stand before what the signatures are over.
    pub(super) fn lines_before(&self) -> u64 {
        match self.covers {
            Covers::File => 0,
            Covers::ClearsignedText { lines_before } => lines_before,
        }
    }

    /// Returns the names of the hash algorithms as headers spell them, and whether
    /// a signature of a version that asks for a header uses it.
    pub(super) fn hashes(&self) -> BTreeSet<(String, bool)> {
        self.packets
            .iter()
            .filter_map(|packet| match packet {
                Parsed::Signature(signature) => Some(signature),
                Parsed::Unsupported { .. } => None,
            })
            .map(|signature| {
                let hash = signature.hash_algo();
                let name = hash
                    .text_name()
                    .map_or_else(|_| hash.to_string(), str::to_owned);
                (name, signature.version() < 6)
            })
            .collect()
    }

    /// Returns whether something in the file could not be read as a signature.
    pub(super) fn has_unread(&self) -> bool {
        !self.faults.is_empty()
            || self
                .packets
                .iter()
                .any(|packet| matches!(packet, Parsed::Unsupported { .. }))
    }

    fn read_armor(&mut self, bytes: &[u8]) {
        let (blocks, faults) = armor::split(bytes);
        if blocks.is_empty() && !faults.iter().any(armor::Fault::is_unterminated) {
            self.faults.push(SignatureFileFault::NotOpenPgp);
            return;
        }
        self.faults
            .extend(faults.into_iter().map(|fault| match fault {
                armor::Fault::Stray { line } => SignatureFileFault::Stray { line },
                armor::Fault::Unterminated { line } => SignatureFileFault::Unterminated { line },
            }));
        for (number, block) in (1..).zip(blocks) {
            if block.label != "SIGNATURE" {
                self.faults.push(SignatureFileFault::WrongKind {
                    label: block.label.to_owned(),
                });
                continue;
            }
            let mut packets = Vec::new();
            let mode = ReaderMode::Tolerant(Some(Kind::Signature));
            match Reader::from_bytes(block.bytes, mode).read_to_end(&mut packets) {
                Ok(_) => self.read_packets(number, &packets),
                Err(error) => self.faults.push(SignatureFileFault::Malformed {
                    block: number,
                    reason: error.to_string(),
                }),
            }
        }
    }

    fn read_packets(&mut self, block: u64, bytes: &[u8]) {
        let before = self.packets.len();
        if let Err(fault) = self.try_read_packets(block, bytes) {
            self.faults
                .push(fault.unwrap_or_else(|error| SignatureFileFault::Malformed {
                    block,
                    reason: one_line(&error),
                }));
        } else if self.packets.len() == before {
            self.faults.push(SignatureFileFault::Malformed {
                block,
                reason: "it holds no packet".to_owned(),
            });
        }
    }

    /// Reads packet after packet without descending into any. The inner error is
    /// the library's, the outer one ours.
    fn try_read_packets(
        &mut self,
        block: u64,
        bytes: &[u8],
    ) -> Result<(), Result<SignatureFileFault, sequoia::anyhow::Error>> {
        let mut result = PacketParser::from_bytes(bytes).map_err(Err)?;
        while let PacketParserResult::Some(mut parser) = result {
            // What cannot be read is kept as it is; the parser would pass over it.
            if let Packet::Unknown(unknown) = &parser.packet
                && unknown.tag() == Tag::Signature
            {
                // Such a packet has no end of its own, so another signature could
                // not be written behind it.
                if !matches!(parser.header().length(), BodyLength::Full(_)) {
                    return Err(Ok(SignatureFileFault::Malformed {
                        block,
                        reason: "a signature packet does not state its whole length".to_owned(),
                    }));
                }
                parser.buffer_unread_content().map_err(Err)?;
            }
            let (packet, next) = parser.next().map_err(Err)?;
            match packet {
                Packet::Signature(signature) => {
                    self.packets.push(Parsed::Signature(Box::new(signature)));
                }
                Packet::Unknown(unknown) if unknown.tag() == Tag::Signature => {
                    let reason = one_line(unknown.error());
                    let packet = Packet::Unknown(unknown).to_vec().map_err(Err)?;
                    self.packets.push(Parsed::Unsupported { reason, packet });
                }
                Packet::Marker(_) | Packet::Padding(_) => {}
                other => {
                    return Err(Ok(SignatureFileFault::WrongPacket {
                        packet: format!("a packet of type \"{}\"", other.tag()),
                    }));
                }
            }
            if self.packets.len() > MAX_SIGNATURES {
                return Err(Ok(SignatureFileFault::TooMany));
            }
            result = next;
        }
        Ok(())
    }

    /// Returns the file's name, for reports.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns what in the file is no detached signature.
    pub fn faults(&self) -> &[SignatureFileFault] {
        &self.faults
    }
}

/// Everything that a signature is judged by.
pub(super) struct Judge<'a> {
    certificates: &'a Certificates,
    trust: &'a Trust,
    reference_time: UtcTime,
    policy: StandardPolicy<'static>,
    manifest: &'a [u8],
    /// The manifest with CRLF line ends, which signatures of type "text" are
    /// made over (RFC 9580, section 5.2.1.2).
    manifest_as_text: OnceLock<Vec<u8>>,
}

/// A key that may have made a signature, with its certificate.
struct Candidate<'a> {
    fingerprint: &'a Fingerprint,
    certificate: &'a Cert,
    key: KeyHandle,
}

impl<'a> Judge<'a> {
    pub(super) fn new(
        certificates: &'a Certificates,
        trust: &'a Trust,
        reference_time: UtcTime,
        manifest: &'a [u8],
    ) -> Self {
        let known_until = UtcTime::from_unix_seconds(ALGORITHMS_KNOWN_UNTIL)
            .map_or(reference_time, |known| known.max(reference_time));
        Self {
            certificates,
            trust,
            reference_time,
            policy: StandardPolicy::at(known_until.to_system()),
            manifest,
            manifest_as_text: OnceLock::new(),
        }
    }

    /// Returns one fact for each signature of a file.
    pub(super) fn file(&self, file: &SignatureFile) -> Vec<SignatureFact> {
        file.packets
            .par_iter()
            // A signature takes long enough to be worth a core of its own.
            .with_max_len(1)
            .enumerate()
            .map(|(place, packet)| (place as u64 + 1, packet))
            .map(|(number, packet)| match packet {
                Parsed::Signature(signature) => self.signature(file, number, signature),
                Parsed::Unsupported { reason, .. } => SignatureFact {
                    path: file.path.clone(),
                    number,
                    verdict: SignatureVerdict::Unsupported,
                    signer: None,
                    user_id: None,
                    key: None,
                    created: None,
                    hash: "unknown".to_owned(),
                    cryptography: Cryptography::Unsupported,
                    at_signing: KeyState::Unknown,
                    now: KeyState::Unknown,
                    reason: reason.clone(),
                },
            })
            .collect()
    }

    fn signature(&self, file: &SignatureFile, number: u64, signature: &Signature) -> SignatureFact {
        let created = signature
            .signature_creation_time()
            .and_then(UtcTime::from_system);
        let issuers = signature.get_issuers();
        let mut fact = SignatureFact {
            path: file.path.clone(),
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
        };
        if !matches!(signature.typ(), SignatureType::Binary | SignatureType::Text) {
            fact.verdict = SignatureVerdict::Unsupported;
            fact.cryptography = Cryptography::Unsupported;
            fact.reason = format!("it is a {}, not a signature over data", signature.typ());
            return fact;
        }
        // A signature over bytes says nothing about a text whose line ends and
        // blanks are the reader's to choose.
        if file.covers != Covers::File && signature.typ() != SignatureType::Text {
            fact.verdict = SignatureVerdict::Unsupported;
            fact.cryptography = Cryptography::Unsupported;
            fact.reason = "it is over bytes, and those of a clearsigned text are over text \
                           (RFC 9580, section 7)"
                .to_owned();
            return fact;
        }
        let Some(created) = created else {
            fact.verdict = SignatureVerdict::Unsupported;
            fact.cryptography = Cryptography::Unsupported;
            fact.reason = "it claims no time, so no key can be judged by it".to_owned();
            return fact;
        };
        // Two certificates can hold the same key. The best reading counts: an
        // attacker who adds a certificate cannot spoil an honest one.
        let best = self
            .candidates(&issuers)
            .map(|candidate| self.reading(&fact, file.covers, signature, created, &candidate))
            .min_by_key(|reading| reading.verdict);
        match best {
            // Every key was tried, so that none fits says nothing about any.
            Some(best) if issuers.is_empty() && best.verdict == SignatureVerdict::Bad => {
                fact.reason = "it names no key, and no key of a trusted certificate made it \
                               over these bytes"
                    .to_owned();
                fact
            }
            Some(best) => best,
            None => fact,
        }
    }

    /// Returns the keys that the signature names, or all keys when it names none.
    fn candidates(&self, issuers: &[KeyHandle]) -> impl Iterator<Item = Candidate<'a>> {
        let certificates: &'a Certificates = self.certificates;
        let issuers = issuers.to_vec();
        certificates
            .iter()
            .flat_map(move |(fingerprint, certificate)| {
                certificate
                    .keys()
                    .map(|key| KeyHandle::from(key.key().fingerprint()))
                    .filter(|key| {
                        issuers.is_empty() || issuers.iter().any(|issuer| issuer.aliases(key))
                    })
                    .map(|key| Candidate {
                        fingerprint,
                        certificate,
                        key,
                    })
                    .collect::<Vec<_>>()
            })
    }

    /// Returns the fact as it is when this candidate made the signature.
    fn reading(
        &self,
        unread: &SignatureFact,
        covers: Covers,
        signature: &Signature,
        created: UtcTime,
        candidate: &Candidate<'_>,
    ) -> SignatureFact {
        let mut fact = unread.clone();
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
        let Some(key) = key else { return fact };
        let message = match (covers, signature.typ()) {
            // The line end before the armor is not signed (section 7).
            (Covers::ClearsignedText { .. }, _) => {
                let text = self.manifest_as_text();
                text.strip_suffix(b"\r\n").unwrap_or(text)
            }
            (Covers::File, SignatureType::Text) => self.manifest_as_text(),
            (Covers::File, _) => self.manifest,
        };
        // The library takes a signature that is older than its key for a forgery.
        // The mathematics does not care about the age of the key; whether it was
        // valid then is the next question.
        let mut public = key.key().clone();
        if created.to_system() < public.creation_time()
            && let Err(error) = public.set_creation_time(created.to_system())
        {
            (fact.cryptography, fact.verdict) =
                (Cryptography::Unsupported, SignatureVerdict::Unsupported);
            fact.reason = one_line(&error);
            return fact;
        }
        if let Err(error) = signature.verify_message(&public, message) {
            (fact.cryptography, fact.verdict) = match error.downcast_ref::<sequoia::Error>() {
                Some(
                    sequoia::Error::UnsupportedHashAlgorithm(_)
                    | sequoia::Error::UnsupportedPublicKeyAlgorithm(_)
                    | sequoia::Error::UnsupportedEllipticCurve(_)
                    | sequoia::Error::UnsupportedSignatureType(_),
                ) => (Cryptography::Unsupported, SignatureVerdict::Unsupported),
                _ => (Cryptography::Bad, SignatureVerdict::Bad),
            };
            fact.reason = match fact.cryptography {
                Cryptography::Unsupported => one_line(&error),
                _ => "the key did not make this signature over these bytes".to_owned(),
            };
            return fact;
        }
        fact.cryptography = Cryptography::Good;
        let (now, now_reason) = self.key_state(candidate, self.reference_time);
        let (at_signing, at_signing_reason) = self.key_state(candidate, created);
        (fact.at_signing, fact.now) = (at_signing, now);
        let reasons = if at_signing_reason == now_reason {
            format!("when it signed and now: {now_reason}")
        } else {
            format!("when it signed: {at_signing_reason}; now: {now_reason}")
        };
        let (verdict, reason) = self.verdict(signature, created, &fact, reasons);
        (fact.verdict, fact.reason) = (verdict, reason);
        fact
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
            return (SignatureVerdict::WeakHash, one_line(&error));
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

    /// Returns what a key of a certificate is worth at the reference time, and
    /// why.
    pub(super) fn state_now(
        &self,
        fingerprint: &Fingerprint,
        key: &KeyHandle,
    ) -> (KeyState, String) {
        let Some((fingerprint, certificate)) = self
            .certificates
            .iter()
            .find(|(known, _)| *known == fingerprint)
        else {
            return (KeyState::Unknown, "in no certificate".to_owned());
        };
        let candidate = Candidate {
            fingerprint,
            certificate,
            key: key.clone(),
        };
        self.key_state(&candidate, self.reference_time)
    }

    /// Returns when a key expires, by itself or with its certificate.
    pub(super) fn expiry(
        &self,
        certificate: &Cert,
        key: &ErasedKeyAmalgamation<'_, sequoia::packet::key::PublicParts>,
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
    fn key_state(&self, candidate: &Candidate<'_>, time: UtcTime) -> (KeyState, String) {
        let certificate = candidate.certificate;
        let system_time = time.to_system();

        // A revocation counts whatever else is wrong with the certificate. The
        // library knows that a compromised key is revoked from the beginning and
        // a retired one from the day of its revocation.
        let key = certificate
            .keys()
            .find(|key| key.key().key_handle() == candidate.key);
        let Some(key) = key else {
            return (KeyState::Unbound, "in no certificate".to_owned());
        };
        let is_primary = key.primary();
        let subkey = certificate
            .keys()
            .subkeys()
            .find(|subkey| subkey.key().key_handle() == candidate.key);
        let of_subkey = subkey
            .as_ref()
            .map(|subkey| subkey.revocation_status(&self.policy, system_time));
        let statuses = [
            Some(certificate.revocation_status(&self.policy, system_time)),
            of_subkey,
        ];
        for (status, what) in statuses.iter().zip(["certificate", "key"]) {
            if let Some(RevocationStatus::Revoked(revocations)) = status {
                let reason = revocations
                    .first()
                    .and_then(|revocation| revocation.reason_for_revocation())
                    .map_or_else(String::new, |(code, _)| format!(" ({code})"));
                return (KeyState::Revoked, format!("revoked, the {what} is{reason}"));
            }
        }

        let created = UtcTime::from_system(key.key().creation_time()).unwrap_or(time);
        if time < created {
            return (KeyState::NotYetValid, format!("not made before {created}"));
        }
        let valid = match certificate.with_policy(&self.policy, system_time) {
            Ok(valid) => valid,
            Err(error) => return (KeyState::Unbound, self.unbound(candidate, time, &error)),
        };
        let key = match key.with_policy(&self.policy, system_time) {
            Ok(key) => key,
            Err(error) => return (KeyState::Unbound, self.unbound(candidate, time, &error)),
        };
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
                return (
                    KeyState::Expired,
                    format!("expired, the {what} was good until {expired}"),
                );
            }
        }
        if let Err(error) = valid.alive().and_then(|()| key.alive()) {
            return (KeyState::Expired, format!("expired, {}", one_line(&error)));
        }
        if !key.for_signing() {
            return (
                KeyState::NotForSigning,
                "not one for signing data".to_owned(),
            );
        }
        (KeyState::Valid, "valid".to_owned())
    }

    /// Returns why nothing binds the key at a time: whether a later
    /// self-signature would, and what the library says.
    fn unbound(
        &self,
        candidate: &Candidate<'_>,
        time: UtcTime,
        error: &sequoia::anyhow::Error,
    ) -> String {
        let own: Vec<&Signature> = candidate
            .certificate
            .keys()
            .find(|key| key.key().key_handle() == candidate.key)
            .into_iter()
            .flat_map(|key| key.self_signatures().collect::<Vec<_>>())
            .chain(
                candidate
                    .certificate
                    .userids()
                    .flat_map(|user_id| user_id.self_signatures().collect::<Vec<_>>()),
            )
            .collect();
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
        let hashes: BTreeSet<String> = own
            .iter()
            .map(|signature| signature.hash_algo())
            .filter(|hash| {
                self.policy
                    .hash_cutoff(*hash, HashAlgoSecurity::SecondPreImageResistance)
                    .is_some()
            })
            .map(|hash| hash.to_string())
            .collect();
        match first_accepted {
            Some(first) if first > time => {
                format!("bound only by self-signatures made later, the first on {first}")
            }
            None if !hashes.is_empty() => {
                let hashes = hashes.into_iter().collect::<Vec<_>>().join(" and ");
                format!("bound only by self-signatures over {hashes}, which can be forged")
            }
            _ => format!("not bound to its certificate ({})", one_line(error)),
        }
    }

    fn manifest_as_text(&self) -> &[u8] {
        self.manifest_as_text.get_or_init(|| as_text(self.manifest))
    }
}

/// Returns a text with every line end as CR LF.
pub(super) fn as_text(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len() + bytes.len() / 32);
    let mut previous = 0;
    for &byte in bytes {
        if byte == b'\n' && previous != b'\r' {
            text.push(b'\r');
        }
        text.push(byte);
        previous = byte;
    }
    text
}

/// Returns an error and what caused it on one line.
pub(super) fn one_line(error: &sequoia::anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if text.contains(&cause) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause);
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
