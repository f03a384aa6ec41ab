//! Making signatures with a key file, and writing signature files.
//!
//! In: the bytes of a secret key file and of a manifest. Out: a detached
//! signature, and files that hold several. Keys on smartcards and behind agents
//! are not for here: they stay where they are.

use std::collections::BTreeSet;
use std::io::Write;

use sequoia::armor;
use sequoia::cert::CertParser;
use sequoia::crypto::{KeyPair, Password};
use sequoia::packet::Packet;
use sequoia::packet::signature::SignatureBuilder;
use sequoia::parse::Parse;
use sequoia::serialize::SerializeInto;
use sequoia::types::{HashAlgorithm, PublicKeyAlgorithm, SignatureType};
use sequoia::{Cert, KeyHandle};
use sequoia_openpgp as sequoia;

use super::certificates::fingerprint_of;
use super::hashed::{Form, Hashed, as_text};
use super::judge::Judge;
use super::signatures::{Parsed, one_line};
use super::{Certificates, KeyState, SignatureFile};
use crate::cancel::Cancel;
use crate::fingerprint::Fingerprint;
use crate::policy::Trust;
use crate::time::UtcTime;

/// How a signature reads the bytes it is over (RFC 9580, section 5.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SignatureMode {
    /// As they are.
    Binary,
    /// With every line end as CR LF.
    Text,
}

/// A secret key that can sign now.
pub struct SecretKey {
    pair: KeyPair,
    certificate: Cert,
    signer: Fingerprint,
    key: Fingerprint,
}

/// Why a secret key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretKeyError {
    /// The file cannot be read as OpenPGP.
    #[error("the key file cannot be read as OpenPGP: {0}")]
    Malformed(String),
    /// The file holds certificates, but no secret key.
    #[error("the key file holds no secret key")]
    NoSecretKey,
    /// The file holds the secret keys of several certificates.
    #[error("the key file holds the secret keys of {0} certificates")]
    Several(usize),
    /// The file does not hold the key that was asked for.
    #[error("the key file does not hold the secret key of {0}")]
    OtherSigner(Fingerprint),
    /// No key of the certificate can sign.
    #[error("no key of {signer} in the key file can sign: {reason}")]
    NoSigningKey {
        /// The certificate.
        signer: Fingerprint,
        /// Why not, a key at a time.
        reason: String,
        /// Whether one would do, were its algorithm one for here.
        is_unsupported: bool,
    },
    /// The key is protected by a password.
    #[error("the secret key {0} is protected by a password")]
    Locked(Fingerprint),
    /// The password does not open the key.
    #[error("the password does not open the secret key {0}")]
    WrongPassword(Fingerprint),
    /// The algorithm is not safe to compute with here.
    #[error(
        "the secret key {key} is for {algorithm}, whose computation here takes a time that depends \
         on the key (RUSTSEC-2023-0071)"
    )]
    TimingLeak {
        /// The key.
        key: Fingerprint,
        /// Its algorithm.
        algorithm: String,
    },
    /// The library refused.
    #[error("cannot sign: {0}")]
    Refused(String),
}

impl SecretKeyError {
    /// Returns what to do about it.
    pub fn next(&self) -> &'static str {
        match self {
            Self::Malformed(_) | Self::NoSecretKey => {
                "name a file made with 'gpg --export-secret-keys' or 'sq key export'"
            }
            Self::Several(_) => "say with --signer which one is to sign",
            Self::OtherSigner(_) => "name the file of that signer, or another signer",
            Self::NoSigningKey {
                is_unsupported: true,
                ..
            } => {
                "sign with a key of Ed25519, or of RSA with 3072 or 4096 bits through GnuPG; what \
                 cannot be checked here, nobody who verifies with this program can check either"
            }
            Self::NoSigningKey { .. } => {
                "extend or replace the key, or name a subkey that is in the file"
            }
            Self::Locked(_) => "name a file with the password: --password-file",
            Self::WrongPassword(_) => {
                "look at the file with the password; one line end at its end is left out"
            }
            Self::TimingLeak { .. } => {
                "import the key into GnuPG and sign without --key-file, or use an Ed25519 key"
            }
            Self::Refused(_) => "sign through GnuPG, without --key-file",
        }
    }
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "SecretKey({})", self.key)
    }
}

impl SecretKey {
    /// Reads a key file and chooses the newest key in it that can sign at a time.
    /// `signer` names the certificate, or one key of it.
    ///
    /// # Errors
    ///
    /// The file holds no such key, or none that can be used.
    pub fn read(
        bytes: Vec<u8>,
        signer: Option<&Fingerprint>,
        password: Option<&[u8]>,
        time: UtcTime,
    ) -> Result<Self, SecretKeyError> {
        // Wiped from memory when it is done with.
        let bytes = sequoia::crypto::mem::Protected::from(bytes);
        let malformed = |error: &sequoia::anyhow::Error| SecretKeyError::Malformed(one_line(error));
        let mut certificates = Vec::new();
        for certificate in CertParser::from_bytes(&bytes).map_err(|error| malformed(&error))? {
            let certificate = certificate.map_err(|error| malformed(&error))?;
            if certificate.is_tsk() {
                certificates.push(certificate);
            }
        }
        if certificates.is_empty() {
            return Err(SecretKeyError::NoSecretKey);
        }
        if let Some(signer) = signer {
            certificates.retain(|certificate| {
                certificate
                    .keys()
                    .any(|key| fingerprint_of(&key.key().fingerprint()) == *signer)
            });
        }
        let certificate = match (certificates.len(), signer) {
            (0, Some(signer)) => return Err(SecretKeyError::OtherSigner(signer.clone())),
            (1, _) => certificates.pop().expect("the length is one"),
            (count, _) => return Err(SecretKeyError::Several(count)),
        };
        Self::choose(certificate, signer, password, time)
    }

    fn choose(
        certificate: Cert,
        signer: Option<&Fingerprint>,
        password: Option<&[u8]>,
        time: UtcTime,
    ) -> Result<Self, SecretKeyError> {
        let primary = fingerprint_of(&certificate.fingerprint());
        let public = Certificates::of(certificate.clone().strip_secret_key_material());
        let trust = Trust::default();
        let judge = Judge::new(&public, &trust, time, &[], &Cancel::new());
        let mut usable = Vec::new();
        let mut reasons = Vec::new();
        let mut is_unsupported = false;
        for key in certificate.keys().secret() {
            let fingerprint = fingerprint_of(&key.key().fingerprint());
            // The primary key's fingerprint names the whole certificate.
            if signer.is_some_and(|signer| *signer != primary && *signer != fingerprint) {
                continue;
            }
            let handle = KeyHandle::from(key.key().fingerprint());
            match judge.state_now(&primary, &handle) {
                (KeyState::Valid, _) => usable.push((key.key().creation_time(), fingerprint, key)),
                (state, reason) => {
                    is_unsupported |= state == KeyState::Unsupported;
                    reasons.push(format!("{fingerprint}: {reason}"));
                }
            }
        }
        usable.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
        let Some((_, fingerprint, key)) = usable.pop() else {
            if reasons.is_empty() {
                reasons.push("its secret part is not in the file".to_owned());
            }
            return Err(SecretKeyError::NoSigningKey {
                signer: signer.unwrap_or(&primary).clone(),
                reason: reasons.join("; "),
                is_unsupported,
            });
        };
        let algorithm = key.key().pk_algo();
        // https://rustsec.org/advisories/RUSTSEC-2023-0071 is about RSA; the same
        // big-number arithmetic computes DSA.
        #[allow(deprecated)]
        let leaks = matches!(
            algorithm,
            PublicKeyAlgorithm::RSAEncryptSign
                | PublicKeyAlgorithm::RSASign
                | PublicKeyAlgorithm::RSAEncrypt
                | PublicKeyAlgorithm::DSA
        );
        if leaks && cfg!(feature = "crypto-rust") {
            return Err(SecretKeyError::TimingLeak {
                key: fingerprint,
                algorithm: algorithm.to_string(),
            });
        }
        let mut key = key.key().clone();
        if !key.has_unencrypted_secret() {
            let Some(password) = password else {
                return Err(SecretKeyError::Locked(fingerprint));
            };
            key = key
                .decrypt_secret(&Password::from(password))
                .map_err(|_| SecretKeyError::WrongPassword(fingerprint.clone()))?;
        }
        let pair = key
            .into_keypair()
            .map_err(|error| SecretKeyError::Refused(one_line(&error)))?;
        Ok(Self {
            pair,
            certificate: certificate.strip_secret_key_material(),
            signer: primary,
            key: fingerprint,
        })
    }

    /// Returns the fingerprint of the certificate.
    pub fn signer(&self) -> &Fingerprint {
        &self.signer
    }

    /// Returns the fingerprint of the key that signs.
    pub fn key(&self) -> &Fingerprint {
        &self.key
    }

    /// Returns the certificate, without the secret.
    pub fn certificate(&self) -> Certificates {
        Certificates::of(self.certificate.clone())
    }

    /// Returns a detached signature, binary.
    ///
    /// # Errors
    ///
    /// The library refused.
    pub fn sign(
        &mut self,
        data: &[u8],
        mode: SignatureMode,
        time: UtcTime,
    ) -> Result<Vec<u8>, SecretKeyError> {
        let refused = |error: sequoia::anyhow::Error| SecretKeyError::Refused(one_line(&error));
        let (kind, data) = match mode {
            SignatureMode::Binary => (SignatureType::Binary, std::borrow::Cow::Borrowed(data)),
            SignatureMode::Text => (SignatureType::Text, as_text(data).into()),
        };
        let signature = SignatureBuilder::new(kind)
            .set_hash_algo(HashAlgorithm::SHA512)
            .set_signature_creation_time(time.to_system())
            .and_then(|builder| builder.sign_message(&mut self.pair, data))
            .map_err(refused)?;
        Packet::from(signature).to_vec().map_err(refused)
    }
}

impl SignatureFile {
    /// Returns how many signatures the file holds.
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// Returns whether the file holds no signature.
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Returns each signature as a packet, in the order of the file.
    ///
    /// # Errors
    ///
    /// The library cannot write what it has read.
    pub fn packets(&self) -> Result<Vec<Vec<u8>>, String> {
        self.packets
            .iter()
            .map(|packet| match packet {
                Parsed::Signature(signature) => Packet::from((**signature).clone())
                    .to_vec()
                    .map_err(|error| one_line(&error)),
                Parsed::Unread { packet, .. } => Ok(packet.clone()),
            })
            .collect()
    }

    /// Returns the modes of the signatures.
    pub fn modes(&self) -> BTreeSet<SignatureMode> {
        self.packets
            .iter()
            .filter_map(|packet| match packet {
                Parsed::Signature(signature) if signature.typ() == SignatureType::Text => {
                    Some(SignatureMode::Text)
                }
                Parsed::Signature(_) => Some(SignatureMode::Binary),
                Parsed::Unread { .. } => None,
            })
            .collect()
    }

    /// Returns the places, counted from 1, of the signatures that cannot be over
    /// this manifest, whoever made them.
    ///
    /// A signature carries the first two bytes of the digest it was made over
    /// (RFC 9580, section 5.2.3), readable without any key. Two bytes prove
    /// nothing when they agree, and everything when they do not.
    pub fn contradicted_by(&self, manifest: &[u8]) -> BTreeSet<u64> {
        let hashed = Hashed::new(manifest, &Cancel::new());
        (1..)
            .zip(&self.packets)
            .filter(|(_, packet)| match packet {
                // What cannot be computed here is not contradicted.
                Parsed::Signature(signature) => hashed
                    .digest(signature, Form::of(signature.typ()))
                    .is_ok_and(|digest| !digest.starts_with(signature.digest_prefix())),
                Parsed::Unread { .. } => false,
            })
            .map(|(number, _)| number)
            .collect()
    }
}

/// Returns the bytes of a signature file with these packets: all of them in one
/// block.
///
/// One block, because sqv reads the first one only (measured with sqv 1.1.0), and
/// gpg, gpgv and this program read every packet of every block.
///
/// # Errors
///
/// The library refused.
pub fn signature_file(packets: &[Vec<u8>], is_armored: bool) -> std::io::Result<Vec<u8>> {
    if !is_armored {
        return Ok(packets.concat());
    }
    let mut writer = armor::Writer::new(Vec::new(), armor::Kind::Signature)?;
    // A block of version 6 only has no line with a CRC (RFC 9580, section 6.1). With any
    // other signature it has: gpgv 2.2.40 refuses a block without one when the length of
    // the packets is a multiple of three.
    if packets.iter().all(|packet| is_version_6(packet)) {
        writer.set_profile(sequoia::Profile::RFC9580)?;
    }
    for packet in packets {
        writer.write_all(packet)?;
    }
    writer.finalize()
}

fn is_version_6(packet: &[u8]) -> bool {
    matches!(Packet::from_bytes(packet), Ok(Packet::Signature(signature)) if signature.version() == 6)
}
