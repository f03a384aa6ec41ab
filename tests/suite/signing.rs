//! Certificates and signatures made to order, each with one declared peculiarity.
//!
//! Keys come from a number, times are fixed, so every certificate has the same
//! fingerprint in every run. Nothing here is meant to be safe.

use std::time::{Duration, SystemTime};

use sequoia::cert::{CertRevocationBuilder, SubkeyRevocationBuilder};
use sequoia::crypto::KeyPair;
use sequoia::packet::key::{Key4, Key6, PrimaryRole, SecretParts, SubordinateRole};
use sequoia::packet::signature::SignatureBuilder;
use sequoia::packet::{Key, Packet, Signature, UserID};
use sequoia::serialize::SerializeInto;
use sequoia::types::{HashAlgorithm, KeyFlags, ReasonForRevocation, SignatureType};
use sequoia::{Cert, armor};
use sequoia_openpgp as sequoia;

use wheelproof::fingerprint::Fingerprint;
use wheelproof::time::UtcTime;

/// The day most certificates of the tests begin.
pub(crate) const BEGIN: &str = "2024-01-01T00:00:00Z";
/// The day most signatures of the tests are made.
pub(crate) const SIGNED: &str = "2024-06-01T00:00:00Z";
/// The day the tests judge at when they say nothing else.
pub(crate) const TODAY: &str = "2025-01-01T00:00:00Z";

/// Returns a time as the library of the signatures wants it.
pub(crate) fn at(time: &str) -> SystemTime {
    time.parse::<UtcTime>().unwrap().to_system()
}

fn between(from: &str, to: &str) -> Duration {
    at(to).duration_since(at(from)).unwrap()
}

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Sign,
    Encrypt,
    Authenticate,
}

/// How a certificate is to be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// The number that decides the keys.
    pub(crate) number: u8,
    pub(crate) created: &'static str,
    pub(crate) expires: Option<&'static str>,
    /// When the self-signatures are made.
    pub(crate) bound: &'static str,
    pub(crate) self_signature_hash: HashAlgorithm,
    /// Whether the primary key may sign data, not only certify.
    pub(crate) primary_signs: bool,
    pub(crate) version: u8,
}

/// A plan for an ordinary certificate: one key that certifies and signs, never
/// expires, made on [`BEGIN`].
pub(crate) fn plan(number: u8) -> Plan {
    Plan {
        number,
        created: BEGIN,
        expires: None,
        bound: BEGIN,
        self_signature_hash: HashAlgorithm::SHA512,
        primary_signs: true,
        version: 4,
    }
}

/// How a subkey is to be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subkey {
    pub(crate) number: u8,
    pub(crate) created: &'static str,
    pub(crate) expires: Option<&'static str>,
    pub(crate) bound: &'static str,
    pub(crate) for_use: Use,
    /// Whether a signing subkey signs that it belongs to the certificate.
    pub(crate) agrees: bool,
}

/// A plan for an ordinary signing subkey.
pub(crate) fn subkey(number: u8) -> Subkey {
    Subkey {
        number,
        created: BEGIN,
        expires: None,
        bound: BEGIN,
        for_use: Use::Sign,
        agrees: true,
    }
}

/// How a signature is to be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish {
    pub(crate) made: &'static str,
    pub(crate) expires: Option<&'static str>,
    pub(crate) hash: HashAlgorithm,
    pub(crate) kind: SignatureType,
    /// The subkey to sign with, by its place; the primary key when `None`.
    pub(crate) with_subkey: Option<usize>,
    /// Whether the signature says which key made it.
    pub(crate) names_its_key: bool,
}

/// A wish for an ordinary signature by the primary key, made on [`SIGNED`].
pub(crate) fn wish() -> Wish {
    Wish {
        made: SIGNED,
        expires: None,
        hash: HashAlgorithm::SHA512,
        kind: SignatureType::Binary,
        with_subkey: None,
        names_its_key: true,
    }
}

/// Somebody who can sign.
#[derive(Clone)]
pub(crate) struct Signer {
    cert: Cert,
    plan: Plan,
    primary: KeyPair,
    subkeys: Vec<(Key<SecretParts, SubordinateRole>, KeyPair)>,
}

fn secret(number: u8) -> [u8; 32] {
    let mut secret = [number; 32];
    secret[0] = 0x57;
    secret
}

fn key_flags(for_use: Use) -> KeyFlags {
    match for_use {
        Use::Sign => KeyFlags::empty().set_signing(),
        Use::Encrypt => KeyFlags::empty().set_transport_encryption(),
        Use::Authenticate => KeyFlags::empty().set_authentication(),
    }
}

impl Signer {
    /// Makes a certificate with one key and one user ID.
    pub(crate) fn new(plan: Plan) -> Self {
        let created = at(plan.created);
        let key: Key<SecretParts, PrimaryRole> = match plan.version {
            6 => Key6::import_secret_ed25519(&secret(plan.number), created)
                .unwrap()
                .into(),
            _ => Key4::import_secret_ed25519(&secret(plan.number), created)
                .unwrap()
                .into(),
        };
        let primary = key.clone().into_keypair().unwrap();
        let cert = Cert::try_from(Packet::SecretKey(key)).unwrap();
        let mut signer = Self {
            cert,
            plan,
            primary,
            subkeys: Vec::new(),
        };
        signer.bind_user_id(plan.bound, plan.expires, plan.self_signature_hash);
        signer
    }

    /// Makes an ordinary one.
    pub(crate) fn ordinary(number: u8) -> Self {
        Self::new(plan(number))
    }

    /// Adds a self-signature over the user ID, which also says how long the
    /// certificate is good and what its first key may do.
    pub(crate) fn bind_user_id(
        &mut self,
        bound: &str,
        expires: Option<&'static str>,
        hash: HashAlgorithm,
    ) {
        let user_id = UserID::from(format!(
            "Signer {} <test-only@wheelproof.invalid>",
            self.plan.number
        ));
        let flags = KeyFlags::empty().set_certification();
        let flags = match self.plan.primary_signs {
            true => flags.set_signing(),
            false => flags,
        };
        let mut builder = SignatureBuilder::new(SignatureType::PositiveCertification)
            .set_signature_creation_time(at(bound))
            .unwrap()
            .set_hash_algo(hash)
            .set_key_flags(flags)
            .unwrap();
        if let Some(expires) = expires {
            builder = builder
                .set_key_validity_period(between(self.plan.created, expires))
                .unwrap();
        }
        let binding = user_id
            .bind(&mut self.primary, &self.cert, builder)
            .unwrap();
        self.insert(vec![user_id.into(), binding.into()]);
    }

    /// Adds a subkey; its place is the number of subkeys before it.
    pub(crate) fn with_subkey(mut self, subkey: Subkey) -> Self {
        let created = at(subkey.created);
        let secret = secret(subkey.number);
        let key: Key<SecretParts, SubordinateRole> = match (subkey.for_use, self.plan.version) {
            (Use::Encrypt, 4) => Key4::import_secret_cv25519(&secret, None, None, created)
                .unwrap()
                .into(),
            (_, 6) => Key6::import_secret_ed25519(&secret, created)
                .unwrap()
                .into(),
            _ => Key4::import_secret_ed25519(&secret, created)
                .unwrap()
                .into(),
        };
        let mut pair = key.clone().into_keypair().unwrap();
        let mut builder = SignatureBuilder::new(SignatureType::SubkeyBinding)
            .set_signature_creation_time(at(subkey.bound))
            .unwrap()
            .set_hash_algo(self.plan.self_signature_hash)
            .set_key_flags(key_flags(subkey.for_use))
            .unwrap();
        if let Some(expires) = subkey.expires {
            builder = builder
                .set_key_validity_period(between(subkey.created, expires))
                .unwrap();
        }
        if subkey.for_use == Use::Sign && subkey.agrees {
            let back = SignatureBuilder::new(SignatureType::PrimaryKeyBinding)
                .set_signature_creation_time(at(subkey.bound))
                .unwrap()
                .set_hash_algo(self.plan.self_signature_hash)
                .sign_primary_key_binding(&mut pair, self.cert.primary_key().key(), &key)
                .unwrap();
            builder = builder.set_embedded_signature(back).unwrap();
        }
        let binding = key.bind(&mut self.primary, &self.cert, builder).unwrap();
        self.insert(vec![Packet::SecretSubkey(key.clone()), binding.into()]);
        self.subkeys.push((key, pair));
        self
    }

    /// Revokes the whole certificate.
    pub(crate) fn revoked(mut self, when: &str, why: ReasonForRevocation) -> Self {
        let revocation = CertRevocationBuilder::new()
            .set_signature_creation_time(at(when))
            .unwrap()
            .set_reason_for_revocation(why, b"a test")
            .unwrap()
            .build(&mut self.primary, &self.cert, None)
            .unwrap();
        self.insert(vec![revocation.into()]);
        self
    }

    /// Revokes one subkey.
    pub(crate) fn subkey_revoked(
        mut self,
        place: usize,
        when: &str,
        why: ReasonForRevocation,
    ) -> Self {
        let revocation = SubkeyRevocationBuilder::new()
            .set_signature_creation_time(at(when))
            .unwrap()
            .set_reason_for_revocation(why, b"a test")
            .unwrap()
            .build(&mut self.primary, &self.cert, &self.subkeys[place].0, None)
            .unwrap();
        // Beside the key it is about; the library sorts it there.
        self.insert(vec![revocation.into()]);
        self
    }

    fn insert(&mut self, packets: Vec<Packet>) {
        self.cert = self.cert.clone().insert_packets(packets).unwrap().0;
    }

    /// Returns the fingerprint of the certificate.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        self.cert.fingerprint().to_hex().parse().unwrap()
    }

    /// Returns the fingerprint of a subkey.
    pub(crate) fn subkey_fingerprint(&self, place: usize) -> Fingerprint {
        self.subkeys[place]
            .0
            .fingerprint()
            .to_hex()
            .parse()
            .unwrap()
    }

    /// Returns the certificate, armored.
    pub(crate) fn certificate(&self) -> Vec<u8> {
        let public = self.cert.clone().strip_secret_key_material();
        public.armored().to_vec().unwrap()
    }

    /// Returns the certificate, binary.
    pub(crate) fn binary_certificate(&self) -> Vec<u8> {
        self.cert
            .clone()
            .strip_secret_key_material()
            .to_vec()
            .unwrap()
    }

    /// Returns the certificate with its secret keys, armored.
    pub(crate) fn secret_certificate(&self) -> Vec<u8> {
        self.cert.as_tsk().armored().to_vec().unwrap()
    }

    /// Returns a self-signature of the certificate, armored.
    pub(crate) fn self_signature(&self) -> Vec<u8> {
        let user_id = self.cert.userids().next().unwrap();
        let packet = Packet::from(user_id.self_signatures().next().unwrap().clone());
        armored(armor::Kind::Signature, &packet.to_vec().unwrap())
    }

    /// Returns a signature over the data, as a value of the library.
    pub(crate) fn signature(&self, wish: Wish, data: &[u8]) -> Signature {
        let mut pair = match wish.with_subkey {
            Some(place) => self.subkeys[place].1.clone(),
            None => self.primary.clone(),
        };
        let mut builder = SignatureBuilder::new(wish.kind)
            .set_signature_creation_time(at(wish.made))
            .unwrap()
            .set_hash_algo(wish.hash);
        if let Some(expires) = wish.expires {
            builder = builder
                .set_signature_validity_period(between(wish.made, expires))
                .unwrap();
        }
        if !wish.names_its_key {
            // The builder adds the name unless there is one; one in the area
            // that is not signed can be taken out again.
            let name = sequoia::packet::signature::subpacket::SubpacketValue::IssuerFingerprint(
                self.cert.fingerprint(),
            );
            builder = builder
                .modify_unhashed_area(|mut area| {
                    area.add(sequoia::packet::signature::subpacket::Subpacket::new(
                        name.clone(),
                        false,
                    )?)?;
                    Ok(area)
                })
                .unwrap();
        }
        let mut signature = builder.sign_message(&mut pair, data).unwrap();
        if !wish.names_its_key {
            signature.unhashed_area_mut().clear();
        }
        signature
    }

    /// Returns an ordinary signature that says it is by a user ID, armored.
    pub(crate) fn sign_as(&self, user_id: &str, data: &[u8]) -> Vec<u8> {
        let signature = SignatureBuilder::new(SignatureType::Binary)
            .set_signature_creation_time(at(SIGNED))
            .unwrap()
            .set_hash_algo(HashAlgorithm::SHA512)
            .set_signers_user_id(user_id)
            .unwrap()
            .sign_message(&mut self.primary.clone(), data)
            .unwrap();
        armored(
            armor::Kind::Signature,
            &Packet::from(signature).to_vec().unwrap(),
        )
    }

    /// Returns so many different signatures over the data, which is hashed once.
    pub(crate) fn many(&self, count: u64, data: &[u8]) -> Vec<u8> {
        let hash = HashAlgorithm::SHA512.context().unwrap();
        let mut hash = hash.for_signature(4);
        hash.update(data);
        (0..count)
            .flat_map(|number| {
                let signature = SignatureBuilder::new(SignatureType::Binary)
                    .set_signature_creation_time(at(SIGNED) + Duration::from_secs(number))
                    .unwrap()
                    .set_hash_algo(HashAlgorithm::SHA512)
                    .sign_hash(&mut self.primary.clone(), hash.clone())
                    .unwrap();
                Packet::from(signature).to_vec().unwrap()
            })
            .collect()
    }

    /// Returns a detached signature over the data, binary.
    pub(crate) fn sign_binary(&self, wish: Wish, data: &[u8]) -> Vec<u8> {
        Packet::from(self.signature(wish, data)).to_vec().unwrap()
    }

    /// Returns a detached signature over the data, armored.
    pub(crate) fn sign(&self, wish: Wish, data: &[u8]) -> Vec<u8> {
        armored(armor::Kind::Signature, &self.sign_binary(wish, data))
    }

    /// Returns an ordinary detached signature, armored.
    pub(crate) fn sign_plainly(&self, data: &[u8]) -> Vec<u8> {
        self.sign(wish(), data)
    }
}

/// Returns packets in armor.
pub(crate) fn armored(kind: armor::Kind, packets: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut writer = armor::Writer::new(Vec::new(), kind).unwrap();
    writer.write_all(packets).unwrap();
    writer.finalize().unwrap()
}
