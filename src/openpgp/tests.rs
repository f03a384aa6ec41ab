//! Packets written by hand and keys made here; what certificates of GnuPG and Sequoia
//! give is tested through the program.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, SystemTime};

use sequoia::Cert;
use sequoia::cert::CertBuilder;
use sequoia::parse::Parse;
use sequoia::serialize::SerializeInto;
use sequoia::types::KeyFlags;
use sequoia_openpgp as sequoia;
use sha2::{Digest, Sha512};

use super::certificates::fingerprint_of;
use super::clearsigned::Part;
use super::signatures::one_line;
use super::*;
use crate::fingerprint::Fingerprint;
use crate::policy::Tolerance;
use crate::time::UtcTime;

/// A signature of version 4 that no key made: EdDSA over SHA-512, without subpackets
/// (RFC 9580, section 5.2.3). `prefix` is the beginning of the digest.
fn packet(kind: u8, prefix: [u8; 2]) -> Vec<u8> {
    let body = [
        &[4, kind, 22, 10, 0, 0, 0, 0][..],
        &prefix,
        &[0, 1, 1, 0, 1, 1],
    ]
    .concat();
    [&[0xc2, body.len() as u8][..], &body].concat()
}

/// What such a signature is over: the data and its own fields (section 5.2.4).
fn prefix_over(kind: u8, data: &[u8]) -> [u8; 2] {
    let mut hash = Sha512::new();
    hash.update(data);
    hash.update([4, kind, 22, 10, 0, 0]);
    hash.update([4, 0xff, 0, 0, 0, 6]);
    let digest = hash.finalize();
    [digest[0], digest[1]]
}

/// A signature of a version that nobody has defined.
const UNKNOWN: &[u8] = &[0xc2, 2, 7, 0];

/// A marker packet (section 5.8), which readers pass over.
const MARKER: &[u8] = &[0xca, 3, b'P', b'G', b'P'];

#[test]
fn what_cannot_be_over_the_manifest_is_told_by_two_bytes() {
    let manifest = b"a\nb\r\n";
    let binary = packet(0, prefix_over(0, manifest));
    let text = packet(1, prefix_over(1, b"a\r\nb\r\n"));
    let both = SignatureFile::parse("a", &[&binary[..], &text].concat());
    assert!(both.contradicted_by(manifest).is_empty());
    assert_eq!(both.contradicted_by(b"a\nb\n"), BTreeSet::from([1]));
    assert_eq!(both.contradicted_by(b"a\nc\n"), BTreeSet::from([1, 2]));
    // A mode in place of the other one is over other bytes.
    let exchanged = SignatureFile::parse("a", &packet(1, prefix_over(1, manifest)));
    assert_eq!(exchanged.contradicted_by(manifest), BTreeSet::from([1]));

    assert_eq!(
        both.modes(),
        BTreeSet::from([SignatureMode::Binary, SignatureMode::Text])
    );
    assert_eq!(exchanged.modes(), BTreeSet::from([SignatureMode::Text]));
    assert_eq!(
        SignatureFile::parse("a", &binary).modes(),
        BTreeSet::from([SignatureMode::Binary])
    );
}

#[test]
fn a_file_gives_its_signatures_back_as_they_were() {
    let one = packet(0, [1, 2]);
    let bytes = [&one[..], MARKER, UNKNOWN].concat();
    let file = SignatureFile::parse("a", &bytes);
    assert_eq!((file.len(), file.is_empty()), (2, false));
    assert_eq!(file.packets().unwrap(), [one.clone(), UNKNOWN.to_vec()]);
    assert_eq!(file.faults(), []);
    assert!(file.has_unread());
    assert!(!SignatureFile::parse("a", &one).has_unread());
    assert!(SignatureFile::parse("a", b"x").has_unread());
    let none = SignatureFile::parse("a", b"x");
    assert_eq!((none.len(), none.is_empty()), (0, true));

    // RFC 9580, section 4.3: of the types that nobody has defined, those from 40 on may
    // be passed over, one for experiments (60) among them, and those below may not.
    for tag in [40, 60, 63] {
        let other = SignatureFile::parse("a", &[&one[..], &[0xc0 | tag, 1, 0], &one].concat());
        assert_eq!((other.len(), other.faults()), (2, &[][..]), "{tag}");
    }
    let other = SignatureFile::parse("a", &[&one[..], &[0xc0 | 39, 1, 0]].concat());
    assert_eq!(other.len(), 1);
    assert!(matches!(
        other.faults(),
        [SignatureFileFault::WrongPacket { .. }]
    ));

    let packets = file.packets().unwrap();
    assert_eq!(signature_file(&packets, false).unwrap(), packets.concat());
    let armored = signature_file(&packets, true).unwrap();
    assert!(armored.starts_with(b"-----BEGIN PGP SIGNATURE-----\n"));
    assert_eq!(
        SignatureFile::parse("a", &armored).packets().unwrap(),
        packets
    );
}

#[test]
fn more_signatures_than_anybody_needs_are_a_fault() {
    let one = packet(0, [1, 2]);
    let most = SignatureFile::parse("a", &one.repeat(10_000));
    assert_eq!((most.len(), most.faults()), (10_000, &[][..]));
    let more = SignatureFile::parse("a", &one.repeat(10_001));
    assert_eq!(more.faults(), [SignatureFileFault::TooMany]);
}

#[test]
fn a_signature_that_cannot_be_read_keeps_its_place() {
    let file = SignatureFile::parse("a", &[&packet(0, [1, 2])[..], UNKNOWN].concat());
    let judgement = authenticate(
        b"x".to_vec(),
        &[file],
        &Certificates::default(),
        &Trust::default(),
        UtcTime::from_unix_seconds(1_700_000_000).unwrap(),
        &Cancel::new(),
    )
    .unwrap();
    let numbers: Vec<_> = judgement.facts.iter().map(|fact| fact.number).collect();
    assert_eq!(numbers, [1, 2]);
    assert_eq!(judgement.facts[1].verdict, SignatureVerdict::UnreadVersion);
}

#[test]
fn nothing_is_said_of_signatures_when_somebody_asked_to_stop() {
    let signer = certificate(&[None]);
    let mut pair = signer
        .primary_key()
        .key()
        .clone()
        .parts_into_secret()
        .unwrap()
        .into_keypair()
        .unwrap();
    let signature =
        sequoia::packet::signature::SignatureBuilder::new(sequoia::types::SignatureType::Binary)
            .sign_message(&mut pair, b"x")
            .unwrap();
    let packet = sequoia::Packet::from(signature).to_vec().unwrap();
    let judged = |cancel: &Cancel| {
        authenticate(
            b"x".to_vec(),
            &[SignatureFile::parse("a", &packet)],
            &public(&[&signer]),
            &Trust::default(),
            now(),
            cancel,
        )
    };
    let cancel = Cancel::new();
    assert_eq!(judged(&cancel).unwrap().facts.len(), 1);
    cancel.request();
    assert!(judged(&cancel).is_none());
}

/// RFC 9580, section 6.1: no CRC for packets of version 6; with any other it stays.
#[test]
fn a_block_of_version_6_alone_has_no_line_with_a_crc() {
    let six = {
        let mut packet = vec![0xc2, 37, 6, 0, 27, 8, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 16];
        packet.extend([7; 16]);
        packet.extend([3; 64]);
        packet[1] = (packet.len() - 2) as u8;
        packet
    };
    assert!(matches!(
        sequoia::Packet::from_bytes(&six),
        Ok(sequoia::Packet::Signature(signature)) if signature.version() == 6
    ));
    let four = packet(0, [1, 2]);
    let has_crc = |packets: &[&[u8]]| {
        let packets: Vec<Vec<u8>> = packets.iter().map(|packet| packet.to_vec()).collect();
        let file = String::from_utf8(signature_file(&packets, true).unwrap()).unwrap();
        file.lines()
            .any(|line| line.len() == 5 && line.starts_with('='))
    };
    assert!(!has_crc(&[&six]));
    assert!(!has_crc(&[&six, &six]));
    assert!(has_crc(&[&four]));
    assert!(has_crc(&[&six, &four]));
    assert!(has_crc(&[&six, UNKNOWN]));
}

/// RFC 9580, section 4.2: only packets of data have partial lengths, and a length that
/// is not stated reaches to the end of the file.
#[test]
fn a_signature_without_a_stated_length_is_a_fault() {
    let one = packet(0, [1, 2]);
    let partial = {
        let mut bytes = vec![0xc2, 0xe9]; // A first part of 2^9 bytes.
        bytes.extend([4; 512]);
        bytes.extend([0x01, 0x00]); // The last part.
        bytes
    };
    for bytes in [&[0x8b, 4, 0, 22][..], &partial] {
        let file = SignatureFile::parse("a", &[&one[..], bytes].concat());
        assert_eq!(file.len(), 1);
        assert_eq!(
            file.faults(),
            [SignatureFileFault::Malformed {
                block: 1,
                reason: "a signature packet does not state its whole length".to_owned(),
            }]
        );
    }
}

#[test]
fn hash_headers_are_not_held_against_what_cannot_be_read() {
    let document = |packet: &[u8]| {
        let armor = signature_file(&[packet.to_vec()], true).unwrap();
        let armor = String::from_utf8(armor).unwrap();
        format!("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nx\n{armor}")
    };
    let parse = |text: &str, crlf| Clearsigned::parse("a", text.as_bytes(), crlf);
    let good = document(&packet(1, [1, 2]));
    assert!(parse(&good, Tolerance::Refuse).is_ok());
    assert!(parse(&document(UNKNOWN), Tolerance::Refuse).is_ok());
    let kind = |text: &str| parse(text, Tolerance::Refuse).unwrap_err().kind;
    for (header, expected) in [
        (
            "SHA256",
            ClearsignedFaultKind::HashMissing {
                hash: "SHA512".to_owned(),
            },
        ),
        (
            "SHA512,SHA256",
            ClearsignedFaultKind::HashUnused {
                hash: "SHA256".to_owned(),
            },
        ),
    ] {
        assert_eq!(kind(&good.replace("SHA512", header)), expected);
    }
    assert_eq!(
        kind(&good.replacen("-----\n", "----- \n", 1)),
        ClearsignedFaultKind::Before
    );
    let crlf = good.replace('\n', "\r\n");
    assert!(parse(&crlf, Tolerance::Accept).is_ok());
    assert!(parse(&crlf, Tolerance::Refuse).is_ok());
    // Where some lines end in LF, something changed the others.
    let mixed = crlf.replacen("x\r\n", "x\n", 1);
    assert_eq!(kind(&mixed), ClearsignedFaultKind::CarriageReturn);
    assert!(parse(&mixed, Tolerance::Accept).is_ok());

    let parts = [Part::Headers, Part::Text, Part::Signature].map(|part| part.to_string());
    assert_eq!(parts, ["headers", "text", "signature"]);
}

fn now() -> UtcTime {
    UtcTime::from_system(SystemTime::now()).unwrap()
}

/// A certificate whose primary key only certifies, with keys below it that sign for so
/// many seconds since they were made, a day ago; for ever where it is none.
fn certificate(of_subkeys: &[Option<u64>]) -> Cert {
    let made = SystemTime::now() - Duration::from_secs(86_400);
    let mut builder = CertBuilder::new()
        .add_userid("test")
        .set_creation_time(made);
    for seconds in of_subkeys {
        builder = builder.add_subkey(
            KeyFlags::empty().set_signing(),
            seconds.map(Duration::from_secs),
            None,
        );
    }
    builder.generate().unwrap().0
}

fn subkeys(certificate: &Cert) -> Vec<Fingerprint> {
    let keys = certificate.keys().subkeys();
    keys.map(|key| fingerprint_of(&key.key().fingerprint()))
        .collect()
}

fn public(certificates: &[&Cert]) -> Certificates {
    certificates
        .iter()
        .fold(Certificates::default(), |all, certificate| {
            all.and(Certificates::parse(
                Path::new("a"),
                &certificate.to_vec().unwrap(),
            ))
        })
}

#[test]
fn a_subkey_leads_to_its_certificate() {
    let (one, other) = (certificate(&[None]), certificate(&[None]));
    let all = public(&[&one, &other]);
    for certificate in [&one, &other] {
        let primary = fingerprint_of(&certificate.fingerprint());
        let subkey = &subkeys(certificate)[0];
        assert_eq!(all.owner_of_subkey(subkey), Some(&primary));
        assert_eq!(all.owner_of_subkey(&primary), None);
    }
}

#[test]
fn a_certificate_is_worth_what_its_best_key_is() {
    use KeyState as K;
    for (of_subkeys, states, state) in [
        (
            &[Some(3_600), None][..],
            &[K::Expired, K::Valid][..],
            K::Valid,
        ),
        (&[None, Some(3_600)], &[K::Valid, K::Expired], K::Valid),
        (&[Some(3_600)], &[K::Expired], K::Expired),
        (&[], &[K::NotForSigning], K::NotForSigning),
    ] {
        let certificate = certificate(of_subkeys);
        let summaries = public(&[&certificate]).summaries(&BTreeSet::new(), now());
        let [summary] = &summaries[..] else {
            panic!("{summaries:?}");
        };
        assert_eq!(summary.state, state, "{of_subkeys:?}");
        let mut found: Vec<_> = summary.keys.iter().map(|key| key.state).collect();
        let mut states = states.to_vec();
        found.sort_by_key(|state| format!("{state:?}"));
        states.sort_by_key(|state| format!("{state:?}"));
        assert_eq!(found, states, "{of_subkeys:?}");
        for key in &summary.keys {
            assert!(key.algorithm.ends_with("Ed25519"), "{}", key.algorithm);
        }
    }
}

#[test]
fn of_a_key_file_the_key_that_was_named_signs() {
    let (one, other) = (certificate(&[None, None]), certificate(&[None]));
    let bytes = |certificates: &[&Cert]| -> Vec<u8> {
        let files = certificates.iter();
        files
            .flat_map(|certificate| certificate.as_tsk().to_vec().unwrap())
            .collect()
    };
    let read = |certificates: &[&Cert], signer: Option<&Fingerprint>| {
        SecretKey::read(bytes(certificates), signer, None, now())
            .map(|key| (key.signer().clone(), key.key().clone()))
    };
    let primary = fingerprint_of(&one.fingerprint());
    let below = subkeys(&one);
    for subkey in &below {
        let expected = Ok((primary.clone(), subkey.clone()));
        assert_eq!(read(&[&one], Some(subkey)), expected);
        assert_eq!(read(&[&other, &one], Some(subkey)), expected);
    }
    let (signer, key) = read(&[&one, &other], Some(&primary)).unwrap();
    assert_eq!(signer, primary);
    assert!(below.contains(&key));
    let lone = Ok((
        fingerprint_of(&other.fingerprint()),
        subkeys(&other)[0].clone(),
    ));
    assert_eq!(read(&[&other], None), lone);
    assert_eq!(read(&[&one, &other], None), Err(SecretKeyError::Several(2)));
    assert_eq!(
        read(&[&other], Some(&primary)),
        Err(SecretKeyError::OtherSigner(primary.clone()))
    );

    let key = SecretKey::read(bytes(&[&other]), None, None, now()).unwrap();
    assert_eq!(format!("{key:?}"), format!("SecretKey({})", key.key()));
    let own = key.certificate();
    let fingerprints: Vec<_> = own.fingerprints().cloned().collect();
    assert_eq!(fingerprints, [fingerprint_of(&other.fingerprint())]);
}

#[test]
fn what_to_do_about_a_key_file_says_where_to_turn() {
    for (error, word) in [
        (SecretKeyError::NoSecretKey, "export"),
        (SecretKeyError::Several(2), "--signer"),
        (SecretKeyError::Refused(String::new()), "--key-file"),
    ] {
        assert!(error.next().contains(word), "{error:?}");
    }
}

#[test]
fn an_error_and_its_causes_stand_on_one_line_and_once() {
    let error = sequoia::anyhow::anyhow!("a\n  b");
    assert_eq!(one_line(&error), "a b");
    let error = error.context("c");
    assert_eq!(one_line(&error), "c: a b");
    let error = sequoia::anyhow::anyhow!("d").context("c: d");
    assert_eq!(one_line(&error), "c: d");
}

#[test]
fn key_states_give_the_verdict_that_the_manual_names() {
    use KeyState as K;
    use SignatureVerdict as V;
    // What each validity makes of a key at signing and now: docs/policy.md,
    // "key-validity".
    for (at_signing, now, by_signing, by_now, by_both) in [
        (K::Valid, K::Valid, V::Good, V::Good, V::Good),
        (
            K::Valid,
            K::Expired,
            V::Good,
            V::SignerExpiredSince,
            V::SignerExpiredSince,
        ),
        (
            K::Valid,
            K::Revoked,
            V::Good,
            V::SignerRevoked,
            V::SignerRevoked,
        ),
        (
            K::Valid,
            K::Unbound,
            V::Good,
            V::SignerUnbound,
            V::SignerUnbound,
        ),
        (
            K::Valid,
            K::NotForSigning,
            V::Good,
            V::SignerNotForSigning,
            V::SignerNotForSigning,
        ),
        (K::Valid, K::Unknown, V::Good, V::UnknownKey, V::UnknownKey),
        (
            K::Expired,
            K::Expired,
            V::SignerExpiredWhenSigned,
            V::SignerExpiredWhenSigned,
            V::SignerExpiredWhenSigned,
        ),
        (
            K::Expired,
            K::Valid,
            V::SignerExpiredWhenSigned,
            V::Good,
            V::SignerExpiredWhenSigned,
        ),
        // A revocation outweighs everything else.
        (
            K::Expired,
            K::Revoked,
            V::SignerExpiredWhenSigned,
            V::SignerRevoked,
            V::SignerRevoked,
        ),
        (
            K::Unbound,
            K::Revoked,
            V::SignerUnbound,
            V::SignerRevoked,
            V::SignerRevoked,
        ),
        (
            K::Revoked,
            K::Valid,
            V::SignerRevoked,
            V::Good,
            V::SignerRevoked,
        ),
        (
            K::NotYetValid,
            K::Valid,
            V::SignerNotYetValid,
            V::SignerNotYetValid,
            V::SignerNotYetValid,
        ),
        (
            K::Unbound,
            K::Expired,
            V::SignerUnbound,
            V::SignerExpiredSince,
            V::SignerUnbound,
        ),
        (
            K::NotForSigning,
            K::Valid,
            V::SignerNotForSigning,
            V::Good,
            V::SignerNotForSigning,
        ),
    ] {
        for (validity, expected) in [
            (KeyValidity::AtSigning, by_signing),
            (KeyValidity::Now, by_now),
            (KeyValidity::Both, by_both),
        ] {
            let found = verdict_of_states(validity, at_signing, now);
            assert_eq!(found, expected, "{validity:?}: {at_signing:?}, {now:?}");
        }
    }
}
