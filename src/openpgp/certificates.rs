//! Certificates as their owners published them.
//!
//! In: files and directories that the policy names as trusted. Out:
//! [`Certificates`], merged by fingerprint, and a fault for whatever could not be
//! read as one. The files are read raw: an export from GnuPG drops old binding
//! signatures, and old signatures then no longer verify.

use std::io;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use sequoia_openpgp::Cert;
use sequoia_openpgp::cert::CertParser;
use sequoia_openpgp::packet::{Packet, Tag};
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::serialize::SerializeInto;

use super::ByFingerprint;
use super::armor;
use super::signatures::version_name;
use crate::fingerprint::Fingerprint;
use crate::input::{self, InputError};

/// The most bytes one certificate file may have; the largest in use, with
/// hundreds of third-party certifications, stay below a tenth.
const MAX_CERTIFICATE_FILE: u64 = 64 << 20;

/// The trusted certificates.
#[derive(Debug, Clone, Default)]
pub struct Certificates {
    by_fingerprint: ByFingerprint,
    faults: Vec<CertificateFault>,
}

/// Something among the certificates that is none, or more than one should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateFault {
    /// The file, or a part of it, cannot be read as certificates.
    Malformed {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The file is GnuPG's own store of keys, which only GnuPG reads.
    Keybox {
        /// The file.
        path: PathBuf,
    },
    /// A certificate in the file is of a version that is not read here.
    Version {
        /// The file.
        path: PathBuf,
        /// The version, by name.
        version: String,
    },
    /// The file holds a secret key. Only its public part is used.
    SecretKey {
        /// The file.
        path: PathBuf,
        /// The certificate that the secret key belongs to.
        fingerprint: Fingerprint,
    },
}

/// Why certificates could not be loaded at all.
#[derive(Debug, thiserror::Error)]
pub enum CertificatesError {
    /// A directory could not be listed.
    #[error("cannot list the certificates in {}: {source}", .path.display())]
    List {
        /// The directory.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file could not be read.
    #[error("no certificates: {0}")]
    Read(#[source] InputError),
    /// The directories are empty.
    #[error("no certificates: {} holds no file", .path.display())]
    None {
        /// The first directory.
        path: PathBuf,
    },
}

impl Certificates {
    /// Reads files, and every file of directories, in the order of their names.
    ///
    /// # Errors
    ///
    /// A path that is not there or cannot be read, or no file at all. Contents that
    /// are no certificates are kept as [`CertificateFault`]s.
    pub fn load(paths: &[PathBuf]) -> Result<Self, CertificatesError> {
        let mut files: Vec<PathBuf> = Vec::new();
        for path in paths {
            let failed = |source| CertificatesError::List {
                path: path.clone(),
                source,
            };
            if path.is_dir() {
                let mut inside: Vec<PathBuf> = std::fs::read_dir(path)
                    .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
                    .map_err(failed)?;
                inside.sort();
                files.extend(inside);
            } else {
                files.push(path.clone());
            }
        }
        // Checking the bindings of a certificate is what takes the time.
        let read: Vec<_> = files.par_iter().map(|file| Self::load_file(file)).collect();
        let mut certificates = Self::default();
        for read in read {
            certificates.merge(read?);
        }
        if let (true, Some(path)) = (certificates.is_empty(), paths.first())
            && certificates.faults.is_empty()
        {
            return Err(CertificatesError::None { path: path.clone() });
        }
        Ok(certificates)
    }

    /// Reads the bytes of one file. `path` is for reports only.
    pub fn parse(path: &Path, bytes: &[u8]) -> Self {
        let mut certificates = Self::default();
        certificates.add_bytes(path, bytes);
        certificates
    }

    /// Returns one certificate on its own.
    pub(super) fn of(certificate: Cert) -> Self {
        let mut certificates = Self::default();
        certificates.add(Path::new(""), certificate);
        certificates
    }

    /// Returns these certificates and those of others that are not among them.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        for (fingerprint, certificate) in others.by_fingerprint {
            self.by_fingerprint
                .entry(fingerprint)
                .or_insert(certificate);
        }
        self
    }

    /// Returns a certificate as a file to hand out, armored; `None` when it is not here.
    pub fn armored(&self, fingerprint: &Fingerprint) -> Option<Vec<u8>> {
        let certificate = self.by_fingerprint.get(fingerprint)?;
        // Without secret keys, whatever the certificate was read with.
        certificate
            .clone()
            .strip_secret_key_material()
            .armored()
            .to_vec()
            .ok()
    }

    fn load_file(path: &Path) -> Result<Self, CertificatesError> {
        let mut certificates = Self::default();
        match input::read(path, MAX_CERTIFICATE_FILE) {
            Ok(bytes) => certificates.add_bytes(path, &bytes),
            Err(error @ (InputError::NotRegular { .. } | InputError::TooLarge { .. })) => {
                certificates.faults.push(CertificateFault::Malformed {
                    path: path.to_owned(),
                    reason: error.to_string(),
                });
            }
            Err(error @ (InputError::NotFound { .. } | InputError::Io { .. })) => {
                return Err(CertificatesError::Read(error));
            }
        }
        Ok(certificates)
    }

    /// Adds what the next file holds.
    fn merge(&mut self, next: Self) {
        self.faults.extend(next.faults);
        for (fingerprint, certificate) in next.by_fingerprint {
            self.insert(fingerprint, certificate);
        }
    }

    /// Adds the certificates in the bytes of one file.
    pub(super) fn add_bytes(&mut self, path: &Path, bytes: &[u8]) {
        if armor::is_binary(bytes) {
            self.add_block(path, bytes);
            return;
        }
        if is_keybox(bytes) {
            self.faults.push(CertificateFault::Keybox {
                path: path.to_owned(),
            });
            return;
        }
        // What stands around the blocks is not ours to judge: people publish
        // certificates with a line of explanation above.
        let (blocks, faults) = armor::split(bytes);
        if blocks.is_empty() && !faults.iter().any(armor::Fault::is_unterminated) {
            self.faults.push(CertificateFault::Malformed {
                path: path.to_owned(),
                reason: "it holds no OpenPGP armor and is not binary OpenPGP".to_owned(),
            });
        }
        for fault in faults {
            if let armor::Fault::Unterminated { line } = fault {
                self.faults.push(CertificateFault::Malformed {
                    path: path.to_owned(),
                    reason: format!("the armor that begins on line {line} has no end"),
                });
            }
        }
        for block in blocks {
            match block.label {
                "PUBLIC KEY BLOCK" | "PRIVATE KEY BLOCK" => self.add_block(path, block.bytes),
                other => self.faults.push(CertificateFault::Malformed {
                    path: path.to_owned(),
                    reason: format!("it holds a PGP {} block", other.escape_default()),
                }),
            }
        }
    }

    fn add_block(&mut self, path: &Path, bytes: &[u8]) {
        let malformed = |reason: String| CertificateFault::Malformed {
            path: path.to_owned(),
            reason,
        };
        let parser = match CertParser::from_bytes(bytes) {
            Ok(parser) => parser,
            Err(error) => {
                self.faults.push(malformed(error.to_string()));
                return;
            }
        };
        let mut found = 0u64;
        for certificate in parser {
            match certificate {
                Ok(certificate) => {
                    found += 1;
                    self.add(path, certificate);
                }
                Err(error) => match unread_version(&error) {
                    Some(version) => {
                        found += 1;
                        self.faults.push(CertificateFault::Version {
                            path: path.to_owned(),
                            version: version_name(version),
                        });
                    }
                    None => self.faults.push(malformed(error.to_string())),
                },
            }
        }
        if found == 0 {
            self.faults
                .push(malformed("it holds no certificate".to_owned()));
        }
    }

    fn add(&mut self, path: &Path, certificate: Cert) {
        let fingerprint = fingerprint_of(&certificate.fingerprint());
        if certificate.is_tsk() {
            self.faults.push(CertificateFault::SecretKey {
                path: path.to_owned(),
                fingerprint: fingerprint.clone(),
            });
        }
        self.insert(fingerprint, certificate.strip_secret_key_material());
    }

    fn insert(&mut self, fingerprint: Fingerprint, certificate: Cert) {
        let merged = match self.by_fingerprint.remove(&fingerprint) {
            // The fingerprints are equal, which is all that merging asks for.
            Some(known) => known.clone().merge_public(certificate).unwrap_or(known),
            None => certificate,
        };
        self.by_fingerprint.insert(fingerprint, merged);
    }

    /// Returns what could not be read as a certificate.
    pub fn faults(&self) -> &[CertificateFault] {
        &self.faults
    }

    /// Returns the fingerprints of the certificates, sorted.
    pub fn fingerprints(&self) -> impl Iterator<Item = &Fingerprint> {
        self.by_fingerprint.keys()
    }

    /// Returns whether no file held a certificate.
    pub fn is_empty(&self) -> bool {
        self.by_fingerprint.is_empty()
    }

    /// Returns the certificate that has the key with this fingerprint as a
    /// subkey: what a policy that names a subkey should have named.
    pub fn owner_of_subkey(&self, subkey: &Fingerprint) -> Option<&Fingerprint> {
        self.by_fingerprint
            .iter()
            .find(|(_, certificate)| {
                certificate
                    .keys()
                    .subkeys()
                    .any(|key| fingerprint_of(&key.key().fingerprint()) == *subkey)
            })
            .map(|(fingerprint, _)| fingerprint)
    }

    /// Returns a certificate by the fingerprint of its primary key.
    pub(super) fn get(&self, fingerprint: &Fingerprint) -> Option<(&Fingerprint, &Cert)> {
        self.by_fingerprint.get_key_value(fingerprint)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Fingerprint, &Cert)> {
        self.by_fingerprint.iter()
    }
}

/// Returns whether the bytes are a keybox: its first blob carries the magic "KBXf" at
/// the offset 8 (kbx/keybox-blob.c of GnuPG, "The Header Blob").
fn is_keybox(bytes: &[u8]) -> bool {
    bytes.get(8..12) == Some(b"KBXf")
}

/// Returns the version of the primary key, when it is why a certificate cannot be
/// read. A key's first byte is its version (RFC 9580, section 5.5.2).
fn unread_version(error: &sequoia_openpgp::anyhow::Error) -> Option<u8> {
    let Some(sequoia_openpgp::Error::UnsupportedCert(_, packets)) = error.downcast_ref() else {
        return None;
    };
    let Some(Packet::Unknown(primary)) = packets.first() else {
        return None;
    };
    let is_key = matches!(primary.tag(), Tag::PublicKey | Tag::SecretKey);
    let version = primary.body().first().copied();
    version.filter(|version| is_key && !matches!(version, 4 | 6))
}

/// Returns the library's fingerprint as ours.
pub(super) fn fingerprint_of(fingerprint: &sequoia_openpgp::Fingerprint) -> Fingerprint {
    fingerprint
        .to_hex()
        .parse()
        .expect("keys of version 4 and 6 have fingerprints of 20 and 32 bytes")
}
