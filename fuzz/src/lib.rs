//! What the fuzz targets share: a small world in which it is known who may sign
//! what, made of fixed numbers, so that every run has the same.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Seek, Write};
use std::sync::LazyLock;

use sequoia::packet::Packet;
use sequoia::serialize::SerializeInto;
use sequoia::types::{ReasonForRevocation, SignatureType};
use sequoia_openpgp as sequoia;

use wheelproof::fingerprint::Fingerprint;
use wheelproof::cancel::Cancel;
use wheelproof::openpgp::{Certificates, Judgement, SignatureFile, SignatureVerdict, authenticate};
use wheelproof::policy::Trust;
use wheelproof::time::UtcTime;

#[allow(dead_code, reason = "the tests use the rest of it")]
#[path = "../../tests/suite/signing.rs"]
mod signing;

use signing::{Signer, TODAY, Wish, at, plan, subkey, wish};

/// The manifest that was signed.
pub const MANIFEST: &str = concat!(
    "# wheelproof: project=fuzz\n",
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a-1.0-py3-none-any.whl\n",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a-1.0.tar.gz\n",
);

/// Everybody who signed it.
pub struct World {
    /// Two ordinary signers, and one who signs with a subkey.
    good: Vec<Signer>,
    /// One whose certificate expired after signing.
    expired: Signer,
    /// One whose certificate was revoked after signing.
    revoked: Signer,
    /// One whose certificate nobody has.
    unknown: Signer,
    /// All certificates but the last.
    pub certificates: Certificates,
    /// When everything is judged.
    pub today: UtcTime,
}

/// The one world.
pub static WORLD: LazyLock<World> = LazyLock::new(|| {
    let good = vec![
        Signer::ordinary(1),
        Signer::new(signing::Plan {
            version: 6,
            ..plan(2)
        }),
        Signer::new(signing::Plan {
            primary_signs: false,
            ..plan(3)
        })
        .with_subkey(subkey(13)),
    ];
    let expired = Signer::new(signing::Plan {
        expires: Some("2024-09-01T00:00:00Z"),
        ..plan(4)
    });
    let revoked =
        Signer::ordinary(5).revoked("2024-08-01T00:00:00Z", ReasonForRevocation::KeyCompromised);
    let unknown = Signer::ordinary(6);
    let file: Vec<u8> = good
        .iter()
        .chain([&expired, &revoked])
        .flat_map(Signer::certificate)
        .collect();
    let certificates = Certificates::parse(std::path::Path::new("keys"), &file);
    assert!(certificates.faults().is_empty());
    let today = UtcTime::from_system(at(TODAY)).expect("a time");
    World {
        good,
        expired,
        revoked,
        unknown,
        certificates,
        today,
    }
});

impl World {
    /// Returns everybody who signed.
    pub fn fingerprints(&self) -> BTreeSet<Fingerprint> {
        self.all().map(Signer::fingerprint).collect()
    }

    /// Returns whose signatures may count.
    pub fn may_count(&self) -> BTreeSet<Fingerprint> {
        self.good.iter().map(Signer::fingerprint).collect()
    }

    /// Returns the one whose certificate has expired.
    pub fn expired(&self) -> Fingerprint {
        self.expired.fingerprint()
    }

    /// Returns everybody.
    fn all(&self) -> impl Iterator<Item = &Signer> {
        self.good
            .iter()
            .chain([&self.expired, &self.revoked, &self.unknown])
    }

    /// Returns a signer's wish for a signature.
    fn wish(&self, signer: &Signer) -> Wish {
        let with_subkey = (signer.fingerprint() == self.good[2].fingerprint()).then_some(0);
        Wish {
            with_subkey,
            ..wish()
        }
    }

    /// Returns everybody's signature over a manifest, in one binary file.
    pub fn signatures(&self, manifest: &[u8]) -> Vec<u8> {
        self.each_signature(manifest).concat()
    }

    /// Returns each signer's signature over a manifest, binary.
    pub fn each_signature(&self, manifest: &[u8]) -> Vec<Vec<u8>> {
        self.all()
            .map(|signer| signer.sign_binary(self.wish(signer), manifest))
            .collect()
    }

    /// Returns each certificate, binary and armored.
    pub fn each_certificate(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.all()
            .map(|signer| (signer.binary_certificate(), signer.certificate()))
            .collect()
    }

    /// Returns a clearsigned document by each signer.
    pub fn clearsigned(&self, text: &str) -> Vec<Vec<u8>> {
        self.all()
            .map(|signer| self.clearsigned_by(signer, text))
            .collect()
    }

    fn clearsigned_by(&self, signer: &Signer, text: &str) -> Vec<u8> {
        let wish = Wish {
            kind: SignatureType::Text,
            ..self.wish(signer)
        };
        // Neither blanks at line ends nor the last line end are signed (RFC 9580,
        // section 7).
        let lines: Vec<&str> = text
            .lines()
            .map(|line| line.trim_end_matches([' ', '\t']))
            .collect();
        let signature = signer.signature(wish, lines.join("\r\n").as_bytes());
        let header = match signature.version() {
            6 => "",
            _ => "Hash: SHA512\n",
        };
        let packet = Packet::from(signature).to_vec().expect("a packet");
        framed(header, text.as_bytes(), &armored(&packet))
    }

    /// Judges signatures with the world's certificates.
    pub fn judge(&self, manifest: &[u8], file: SignatureFile) -> Judgement {
        judge(manifest, file, &self.certificates)
    }
}

/// Judges signatures as a policy of the defaults does.
pub fn judge(manifest: &[u8], file: SignatureFile, certificates: &Certificates) -> Judgement {
    authenticate(
        manifest.to_vec(),
        &[file],
        certificates,
        &Trust::default(),
        WORLD.today,
        &Cancel::new(),
    )
    .expect("nobody asks to stop")
}

/// Returns whether any signature counts; the parts of the answer have to agree.
pub fn counts(judgement: &Judgement) -> bool {
    let signers: BTreeSet<&Fingerprint> = judgement
        .facts
        .iter()
        .filter(|fact| fact.verdict == SignatureVerdict::Good)
        .filter_map(|fact| fact.signer.as_ref())
        .collect();
    assert!(judgement.threshold.met_by.iter().eq(signers));
    assert_eq!(
        judgement.authenticated.is_some(),
        judgement.threshold.is_met()
    );
    judgement.threshold.is_met()
}

/// Returns signature packets in armor.
pub fn armored(packets: &[u8]) -> Vec<u8> {
    signing::armored(sequoia::armor::Kind::Signature, packets)
}

/// Returns the frame of a clearsigned document around a text.
pub fn framed(headers: &str, text: &[u8], armor: &[u8]) -> Vec<u8> {
    let mut document = format!("-----BEGIN PGP SIGNED MESSAGE-----\n{headers}\n").into_bytes();
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b"-") {
            document.extend_from_slice(b"- ");
        }
        document.extend_from_slice(line);
    }
    document.extend_from_slice(armor);
    document
}

/// Returns an open file with these bytes that no directory lists.
pub fn file_of(bytes: &[u8]) -> File {
    let fd = rustix::fs::memfd_create("fuzz", rustix::fs::MemfdFlags::CLOEXEC);
    let mut file = File::from(fd.expect("a file in memory"));
    file.write_all(bytes).expect("room in memory");
    file.rewind().expect("a file can be rewound");
    file
}

/// Returns the two parts of an input: the first four bytes say, as a number from the low
/// end, how long the first is.
pub fn halves(bytes: &[u8]) -> (&[u8], &[u8]) {
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else {
        return (bytes, &[]);
    };
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    rest.split_at(length.min(rest.len()))
}

/// Returns a directory for one run, in memory where there is such a place.
pub fn directory() -> tempfile::TempDir {
    let memory = std::path::Path::new("/dev/shm");
    match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    }
    .expect("a directory for temporary files")
}
