//! What can be computed here, and what a computation that failed shows.
//!
//! In: keys, and errors of the library. Out: the sentence that names what cannot be
//! checked, and for each error whether it shows that a key did not make a signature.
//! Only an error that says so makes a signature bad; whatever else went wrong says
//! nothing about who signed.

use std::time::SystemTime;

use sequoia::crypto::mpi;
use sequoia::packet::Signature;
use sequoia::packet::key::{PublicParts, UnspecifiedRole};
use sequoia::policy::{AsymmetricAlgorithm, StandardPolicy};
use sequoia::types::{Curve, HashAlgorithm, PublicKeyAlgorithm};
use sequoia_openpgp as sequoia;

use super::signatures::one_line;

/// A public key, whatever it is for.
pub(super) type PublicKey = sequoia::packet::Key<PublicParts, UnspecifiedRole>;

/// The longest RSA modulus that the default backend computes with
/// (`RsaPublicKey::MAX_SIZE` of the crate `rsa` 0.9).
const MAX_RSA_BITS: usize = 4096;

/// The longest RSA exponent that it computes with (`MAX_PUB_EXPONENT`, 2^33 - 1).
const MAX_RSA_EXPONENT_BITS: usize = 33;

/// The object identifier of secp256k1, 1.3.132.0.10 (SEC 2, section A.2.1), which the
/// library has no name for.
const SECP256K1: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x0a];

/// What a failed check of a signature shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// The key did not make the signature.
    Bad,
    /// The algorithm cannot be computed here.
    Unsupported(String),
    /// The signature or the key is not as the standard has it.
    Malformed(String),
}

/// Returns what cannot be computed about signatures by this key over this hash, by
/// name; nothing where all can.
pub(super) fn unsupported(key: &PublicKey, hash: HashAlgorithm) -> Option<String> {
    if !key.pk_algo().is_supported() || !key.pk_algo().for_signing() {
        return Some(name(key));
    }
    match key.mpis() {
        mpi::PublicKey::ECDSA { curve, .. } | mpi::PublicKey::EdDSA { curve, .. }
            if !curve.is_supported() =>
        {
            Some(name(key))
        }
        mpi::PublicKey::RSA { e, n } if cfg!(feature = "crypto-rust") => {
            if n.bits() > MAX_RSA_BITS {
                return Some(format!("{}, more than {MAX_RSA_BITS}", name(key)));
            }
            if e.bits() > MAX_RSA_EXPONENT_BITS {
                return Some(format!(
                    "{} with an exponent of {} bits, more than {MAX_RSA_EXPONENT_BITS}",
                    name(key),
                    e.bits()
                ));
            }
            matches!(hash, HashAlgorithm::SHA3_256 | HashAlgorithm::SHA3_512)
                .then(|| format!("RSA with {hash}"))
        }
        _ => None,
    }
}

/// Returns why no signature by this key is believed, whatever it is over: it is too
/// short, or its algorithm has had its time.
pub(super) fn weak(
    policy: &StandardPolicy<'_>,
    known_until: SystemTime,
    key: &PublicKey,
) -> Option<String> {
    use AsymmetricAlgorithm as A;
    let bits = key.mpis().bits()?;
    // The classes of the library's policy; of what is not listed, none has an end.
    let class = match key.mpis() {
        mpi::PublicKey::RSA { .. } if bits < 2048 => A::RSA1024,
        mpi::PublicKey::DSA { .. } if bits < 2048 => A::DSA1024,
        mpi::PublicKey::DSA { .. } if bits < 3072 => A::DSA2048,
        mpi::PublicKey::DSA { .. } if bits < 4096 => A::DSA3072,
        mpi::PublicKey::DSA { .. } => A::DSA4096,
        _ => return None,
    };
    let cutoff = policy.asymmetric_algo_cutoff(class)?;
    (cutoff <= known_until).then(|| match bits {
        0..2048 => format!("{}, and fewer than 2048 are too few", name(key)),
        _ => format!("{}, which is no longer believed", name(key)),
    })
}

/// Returns why a hash is too short for the key's curve: readers must reject such a
/// signature (RFC 9580, sections 5.2.3.2, 5.2.3.4 and 5.2.3.5).
pub(super) fn short_hash(key: &PublicKey, hash: HashAlgorithm) -> Option<String> {
    let least = match key.mpis() {
        mpi::PublicKey::ECDSA { curve, .. } => match curve {
            Curve::NistP256 => 256,
            Curve::NistP384 => 384,
            Curve::NistP521 => 512,
            _ => return None,
        },
        mpi::PublicKey::EdDSA { .. } | mpi::PublicKey::Ed25519 { .. } => 256,
        mpi::PublicKey::Ed448 { .. } => 512,
        _ => return None,
    };
    let bits = hash.digest_size().ok()?.saturating_mul(8);
    (bits < least).then(|| {
        format!(
            "it is over {hash} of {bits} bits, and a key of {} asks for {least} or more",
            name(key)
        )
    })
}

/// Returns the name of a key's algorithm, with its size or its curve.
pub(super) fn name(key: &PublicKey) -> String {
    match key.mpis() {
        mpi::PublicKey::EdDSA { curve, .. }
        | mpi::PublicKey::ECDSA { curve, .. }
        | mpi::PublicKey::ECDH { curve, .. } => {
            format!("{}, {}", key.pk_algo(), curve_name(curve))
        }
        mpis => match mpis.bits() {
            Some(bits) => format!("{}, {bits} bits", key.pk_algo()),
            None => key.pk_algo().to_string(),
        },
    }
}

fn curve_name(curve: &Curve) -> String {
    match curve {
        Curve::Unknown(oid) if &**oid == SECP256K1 => "secp256k1".to_owned(),
        other => other.to_string(),
    }
}

/// Returns what speaks against a signature by this key before anything is computed:
/// that the two do not go together.
pub(super) fn mismatch(signature: &Signature, key: &PublicKey) -> Option<String> {
    let (of_signature, of_key) = (signature.version(), key.version());
    if (of_signature == 6) != (of_key == 6) {
        return Some(format!(
            "it is a signature of version {of_signature} by a key of version {of_key} (RFC 9580, \
             section 5.2.3)"
        ));
    }
    if !is_same_algorithm(signature.pk_algo(), key.pk_algo()) {
        return Some(format!(
            "it is a signature of {}, and the key that it names is for {}",
            signature.pk_algo(),
            key.pk_algo()
        ));
    }
    if of_signature != 6 {
        return None;
    }
    #[allow(deprecated)] // To refuse it.
    if signature.pk_algo() == PublicKeyAlgorithm::DSA {
        return Some("version 6 has no signatures of DSA (RFC 9580, section 9.1)".to_owned());
    }
    let expected = signature.hash_algo().salt_size().ok();
    let found = signature.salt().map_or(0, <[u8]>::len);
    (expected != Some(found)).then(|| {
        format!("its salt of {found} bytes is not one for its hash (RFC 9580, section 9.5)")
    })
}

/// Returns whether a key for one algorithm makes signatures of the other. RSA has two
/// numbers for signing keys, one of them deprecated (RFC 9580, section 9.1).
pub(super) fn is_same_algorithm(
    of_signature: PublicKeyAlgorithm,
    of_key: PublicKeyAlgorithm,
) -> bool {
    #[allow(deprecated)]
    let plain = |algorithm| match algorithm {
        PublicKeyAlgorithm::RSASign => PublicKeyAlgorithm::RSAEncryptSign,
        other => other,
    };
    plain(of_signature) == plain(of_key)
}

/// Returns what an error of the library's check shows.
pub(super) fn failure(error: &sequoia::anyhow::Error) -> Failure {
    use sequoia::Error as E;
    match error.downcast_ref::<E>() {
        // The backends say the one, what is common to them the other.
        Some(E::BadSignature(_) | E::ManipulatedMessage) => Failure::Bad,
        Some(
            E::UnsupportedHashAlgorithm(_)
            | E::UnsupportedPublicKeyAlgorithm(_)
            | E::UnsupportedEllipticCurve(_)
            | E::UnsupportedSignatureType(_)
            | E::InvalidArgument(_),
        ) => Failure::Unsupported(one_line(error)),
        Some(_) => Failure::Malformed(one_line(error)),
        None if is_bad_in_backend(error) => Failure::Bad,
        None => Failure::Unsupported(one_line(error)),
    }
}

/// Returns whether an error that the library hands on from a crate below it says that
/// the numbers do not fit: RSA and DSA have errors of their own.
#[cfg(feature = "crypto-rust")]
fn is_bad_in_backend(error: &sequoia::anyhow::Error) -> bool {
    matches!(
        error.downcast_ref::<rsa::Error>(),
        Some(rsa::Error::Verification)
    ) || error.is::<rsa::signature::Error>()
}

#[cfg(not(feature = "crypto-rust"))]
fn is_bad_in_backend(_: &sequoia::anyhow::Error) -> bool {
    false
}
