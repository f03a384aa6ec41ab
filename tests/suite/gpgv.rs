//! Agreement with gpgv: with `key-validity = "now"`, each verdict is the word of gpgv's
//! status line, but for the exceptions that stand here and in docs/signatures.md.
//!
//! Both judge now: gpgv has no other time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::SystemTime;

use sequoia_openpgp as sequoia;

use sequoia::armor::{Kind, Reader, ReaderMode};
use sequoia::types::{HashAlgorithm, ReasonForRevocation};
use tempfile::TempDir;

use wheelproof::cancel::Cancel;
use wheelproof::openpgp::{
    Certificates, SignatureFact, SignatureFile, SignatureVerdict, authenticate,
};
use wheelproof::policy::{KeyValidity, Trust};
use wheelproof::time::UtcTime;

use crate::common::{has_program, run, shared_data};
use crate::signing::{Plan, Signer, Subkey, Use, Wish, armored, plan, subkey, wish};

/// A day that has not come when anybody runs this.
const FAR: &str = "2100-01-01T00:00:00Z";

/// Returns gpgv's word for each signature of a file, in their order.
fn words(keyring: &[u8], signatures: &[u8], data: &[u8]) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    std::fs::write(at("keyring.gpg"), keyring).unwrap();
    std::fs::write(at("signatures"), signatures).unwrap();
    std::fs::write(at("data"), data).unwrap();
    let output = run(Command::new("gpgv")
        .arg("--homedir")
        .arg(directory.path())
        .args(["--status-fd", "1", "--keyring"])
        .arg(at("keyring.gpg"))
        .arg(at("signatures"))
        .arg(at("data"))
        .stdin(Stdio::null()));
    // A user ID may be anything.
    let status = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut words = Vec::new();
    for line in status.lines() {
        let fields: Vec<&str> = line.split(' ').skip(1).collect();
        match fields.first().copied() {
            // The seventh field is the reason, and 9 is "no key" (doc/DETAILS).
            Some("ERRSIG") if fields[6] == "9" => words.push("NO_PUBKEY".to_owned()),
            Some(
                word @ ("GOODSIG" | "EXPSIG" | "EXPKEYSIG" | "REVKEYSIG" | "BADSIG" | "ERRSIG"),
            ) => {
                words.push(word.to_owned());
            }
            _ => {}
        }
    }
    words
}

/// Returns the word that stands for a verdict of ours.
fn word(verdict: SignatureVerdict) -> &'static str {
    use SignatureVerdict as V;
    match verdict {
        V::Good | V::NotPinned | V::TooOld => "GOODSIG",
        V::Expired => "EXPSIG",
        V::SignerExpiredWhenSigned | V::SignerExpiredSince => "EXPKEYSIG",
        V::SignerRevoked => "REVKEYSIG",
        V::Bad => "BADSIG",
        V::UnknownKey => "NO_PUBKEY",
        // What cannot or must not be checked with this key.
        V::SignerNotYetValid
        | V::SignerUnbound
        | V::SignerNotForSigning
        | V::SignerTooWeak
        | V::SignerUnsupported
        | V::Unsupported
        | V::UnreadVersion
        | V::Malformed
        | V::Undated
        | V::NotOverData
        | V::CriticalUnknown
        | V::WeakHash
        | V::Future => "ERRSIG",
    }
}

/// Returns why we may differ from gpgv here; `None` when we may not.
fn exception(fact: &SignatureFact, theirs: &str) -> Option<&'static str> {
    use SignatureVerdict as V;
    match (fact.verdict, theirs) {
        (V::WeakHash, _) => Some("the policy refuses the hash"),
        (V::SignerUnbound, _) if fact.reason.contains("can be forged") => {
            Some("the policy refuses SHA-1 in self-signatures")
        }
        (V::Unsupported, _) => Some("the algorithm cannot be checked here"),
        // gpgv prints a warning and goes on.
        (V::Future, "GOODSIG" | "EXPKEYSIG" | "REVKEYSIG") => {
            Some("a date in the future is refused")
        }
        _ => None,
    }
}

/// Returns what we say of each signature now.
fn facts(certificates: &[Vec<u8>], signatures: &[u8], data: &[u8]) -> Vec<SignatureFact> {
    let directory = tempfile::tempdir().unwrap();
    for (number, certificate) in certificates.iter().enumerate() {
        std::fs::write(directory.path().join(format!("{number:03}")), certificate).unwrap();
    }
    let certificates = Certificates::load(&[directory.path().to_owned()]).unwrap();
    let trust = Trust {
        key_validity: KeyValidity::Now,
        ..Trust::default()
    };
    let now = UtcTime::from_system(SystemTime::now()).unwrap();
    let file = SignatureFile::parse("signatures", signatures);
    let data = data.to_vec();
    let judgement = authenticate(data, &[file], &certificates, &trust, now, &Cancel::new());
    judgement.unwrap().facts
}

/// How often a word was found, and how often an exception was needed.
#[derive(Default)]
struct Tally {
    compared: usize,
    words: BTreeMap<String, usize>,
    exceptions: BTreeMap<&'static str, usize>,
    wrong: Vec<String>,
}

impl Tally {
    /// Holds what we say of the signatures in a file against what gpgv says.
    fn compare(&mut self, name: &str, certificates: &[Vec<u8>], signatures: &[u8], data: &[u8]) {
        self.compare_faulty(name, certificates, signatures, data, &BTreeSet::new());
    }

    /// The same, where each of several words is true by how the signatures were made:
    /// then both name one of them, and not always the same.
    fn compare_faulty(
        &mut self,
        name: &str,
        certificates: &[Vec<u8>],
        signatures: &[u8],
        data: &[u8],
        faults: &BTreeSet<&str>,
    ) {
        let keyring: Vec<u8> = certificates
            .iter()
            .flat_map(|file| dearmored(file))
            .collect();
        let theirs = words(&keyring, signatures, data);
        let ours = facts(certificates, signatures, data);
        if theirs.len() != ours.len() {
            self.wrong.push(format!("{name}: {theirs:?} and {ours:?}"));
            return;
        }
        for (number, (theirs, ours)) in theirs.iter().zip(&ours).enumerate() {
            self.compared += 1;
            *self.words.entry(theirs.clone()).or_default() += 1;
            let word = word(ours.verdict);
            if word == theirs {
                continue;
            }
            if faults.contains(word) && faults.contains(theirs.as_str()) {
                *self
                    .exceptions
                    .entry("of two faults each names one")
                    .or_default() += 1;
                continue;
            }
            match exception(ours, theirs) {
                Some(why) => *self.exceptions.entry(why).or_default() += 1,
                None => self.wrong.push(format!(
                    "{name}, {number}: gpgv says {theirs}, we {:?}: {}",
                    ours.verdict, ours.reason
                )),
            }
        }
    }

    #[track_caller]
    fn agrees(&self) {
        assert!(
            self.wrong.is_empty(),
            "{} of {}\n{}",
            self.wrong.len(),
            self.compared,
            self.wrong.join("\n")
        );
    }
}

/// Returns a file of certificates without its armor.
fn dearmored(file: &[u8]) -> Vec<u8> {
    if !file.starts_with(b"-----") {
        return file.to_vec();
    }
    let mut packets = Vec::new();
    let mode = ReaderMode::Tolerant(Some(Kind::PublicKey));
    std::io::Read::read_to_end(&mut Reader::from_bytes(file, mode), &mut packets).unwrap();
    packets
}

fn files_in(directory: &Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

#[test]
fn all_real_signatures_have_the_word_of_gpgv() {
    let (Some(bitcoin), Some(securedrop)) =
        (shared_data("bitcoin-25.0"), shared_data("securedrop-2021"))
    else {
        return;
    };
    if !has_program("gpgv") {
        return;
    }
    let mut tally = Tally::default();
    let certificates = files_in(&bitcoin.join("builder-keys"));
    for entry in std::fs::read_dir(bitcoin.join("signers")).unwrap() {
        let signer = entry.unwrap().path();
        let data = std::fs::read(signer.join("all.SHA256SUMS")).unwrap();
        let signature = std::fs::read(signer.join("all.SHA256SUMS.asc")).unwrap();
        tally.compare(signer.to_str().unwrap(), &certificates, &signature, &data);
        // Over one byte more, all of them are bad.
        let more = [data, b"\n".to_vec()].concat();
        tally.compare("one byte more", &certificates, &signature, &more);
        // And without the certificates nobody knows the key.
        let others = files_in(&securedrop.join("pubkeys"));
        tally.compare("other keys", &others, &signature, &more);
    }
    let certificates = files_in(&securedrop.join("pubkeys"));
    for name in ["sha256sums.txt", "bootstrap-sha256sums.txt"] {
        let data = std::fs::read(securedrop.join(name)).unwrap();
        let signature = std::fs::read(securedrop.join(format!("{name}.asc"))).unwrap();
        tally.compare(name, &certificates, &signature, &data);
    }
    tally.agrees();
    assert_eq!(tally.compared, 3 * 19 + 2);
    assert!(tally.words["GOODSIG"] >= 9, "{:?}", tally.words);
    // Two of the builders are bound by SHA-1 only.
    let sha1 = tally.exceptions.values().sum::<usize>();
    assert_eq!(sha1, 2, "{:?}", tally.exceptions);
}

/// A certificate with a peculiarity, and what is wrong with what it signs.
struct Made {
    name: String,
    signer: Signer,
    /// The subkey to sign with.
    place: Option<usize>,
    faults: BTreeSet<&'static str>,
}

const PAST: Option<&str> = Some("2024-09-01T00:00:00Z");
const BEFORE: Option<&str> = Some("2024-04-01T00:00:00Z");

fn certificates() -> Vec<Made> {
    const EXPIRED: &str = "EXPKEYSIG";
    const UNUSABLE: &str = "ERRSIG";
    let mut all: Vec<Made> = Vec::new();
    let mut add = |name: String, signer: Signer, place, faults: &[&[&'static str]]| {
        let faults = faults.concat().into_iter().collect();
        all.push(Made {
            name,
            signer,
            place,
            faults,
        });
    };
    let plans: [(&str, Plan, &[&'static str]); 7] = [
        ("plain", plan(1), &[]),
        (
            "expires far away",
            Plan {
                expires: Some(FAR),
                ..plan(1)
            },
            &[],
        ),
        (
            "expired since",
            Plan {
                expires: PAST,
                ..plan(1)
            },
            &[EXPIRED],
        ),
        (
            "expired before",
            Plan {
                expires: BEFORE,
                ..plan(1)
            },
            &[EXPIRED],
        ),
        (
            "bound by SHA-1",
            Plan {
                self_signature_hash: HashAlgorithm::SHA1,
                ..plan(1)
            },
            &[],
        ),
        (
            "bound by SHA-256",
            Plan {
                self_signature_hash: HashAlgorithm::SHA256,
                ..plan(1)
            },
            &[],
        ),
        (
            "bound later",
            Plan {
                bound: "2024-09-01T00:00:00Z",
                ..plan(1)
            },
            &[],
        ),
    ];
    let subkeys: [(&str, Subkey, &[&'static str]); 6] = [
        ("subkey", subkey(11), &[]),
        (
            "expired subkey",
            Subkey {
                expires: PAST,
                ..subkey(11)
            },
            &[EXPIRED],
        ),
        (
            "subkey expired before",
            Subkey {
                expires: BEFORE,
                ..subkey(11)
            },
            &[EXPIRED],
        ),
        (
            "subkey that expires far away",
            Subkey {
                expires: Some(FAR),
                ..subkey(11)
            },
            &[],
        ),
        (
            "subkey that did not agree",
            Subkey {
                agrees: false,
                ..subkey(11)
            },
            &[UNUSABLE],
        ),
        (
            "subkey for authentication",
            Subkey {
                for_use: Use::Authenticate,
                ..subkey(11)
            },
            &[UNUSABLE],
        ),
    ];
    for (name, plan, whole) in plans {
        add(name.to_owned(), Signer::new(plan), None, &[whole]);
        let certifies = Plan {
            primary_signs: false,
            ..plan
        };
        add(
            format!("{name}, certifies only"),
            Signer::new(certifies),
            None,
            &[whole, &[UNUSABLE]],
        );
        for (what, subkey, own) in subkeys {
            let signer = Signer::new(certifies).with_subkey(subkey);
            add(format!("{name}, {what}"), signer, Some(0), &[whole, own]);
        }
    }
    let mut extended = Signer::new(Plan {
        expires: BEFORE,
        ..plan(1)
    });
    extended.bind_user_id("2024-09-01T00:00:00Z", Some(FAR), HashAlgorithm::SHA512);
    add("extended".to_owned(), extended, None, &[]);
    let mut shortened = Signer::new(Plan {
        expires: Some(FAR),
        ..plan(1)
    });
    shortened.bind_user_id("2024-09-01T00:00:00Z", PAST, HashAlgorithm::SHA512);
    add("shortened".to_owned(), shortened, None, &[&[EXPIRED]]);
    let reasons = [
        ReasonForRevocation::KeyCompromised,
        ReasonForRevocation::KeyRetired,
        ReasonForRevocation::KeySuperseded,
        ReasonForRevocation::Unspecified,
    ];
    for reason in reasons {
        for when in ["2024-03-01T00:00:00Z", "2024-09-01T00:00:00Z"] {
            let name = format!("revoked {when}: {reason}");
            let revoked: &[&'static str] = &["REVKEYSIG"];
            let plain = Signer::ordinary(1);
            add(
                name.clone(),
                plain.clone().revoked(when, reason),
                None,
                &[revoked],
            );
            let old = Signer::new(Plan {
                expires: BEFORE,
                ..plan(1)
            })
            .revoked(when, reason);
            add(
                format!("expired, {name}"),
                old,
                None,
                &[revoked, &[EXPIRED]],
            );
            let two = plain.with_subkey(subkey(11)).with_subkey(subkey(12));
            let whole = two.clone().revoked(when, reason);
            add(format!("{name}, its subkey"), whole, Some(0), &[revoked]);
            let one = two.subkey_revoked(0, when, reason);
            add(format!("subkey {name}"), one.clone(), Some(0), &[revoked]);
            add(
                format!("sibling of subkey {name}"),
                one.clone(),
                Some(1),
                &[],
            );
            add(format!("primary of subkey {name}"), one, None, &[]);
        }
    }
    all
}

#[test]
fn generated_signatures_have_the_word_of_gpgv() {
    const DATA: &[u8] = b"0  a list\n";
    if !has_program("gpgv") {
        return;
    }
    let mut tally = Tally::default();
    for Made {
        name,
        signer,
        place,
        faults,
    } in certificates()
    {
        let usual = Wish {
            with_subkey: place,
            ..wish()
        };
        let unknown = Signer::ordinary(66).sign_binary(wish(), DATA);
        let good = [
            usual,
            Wish {
                hash: HashAlgorithm::SHA256,
                ..usual
            },
            Wish {
                hash: HashAlgorithm::SHA384,
                ..usual
            },
            Wish {
                hash: HashAlgorithm::SHA1,
                ..usual
            },
            Wish {
                hash: HashAlgorithm::MD5,
                ..usual
            },
            Wish {
                expires: Some(FAR),
                ..usual
            },
            Wish { made: FAR, ..usual },
        ];
        let good = good.map(|wish| signer.sign_binary(wish, DATA)).concat();
        let older = Wish {
            made: "2023-06-01T00:00:00Z",
            ..usual
        };
        let expired = Wish {
            expires: PAST,
            ..usual
        };
        // gpgv reads no further than the first that is bad or has itself expired.
        for (packets, fault) in [
            ([good, unknown].concat(), None),
            (signer.sign_binary(older, DATA), Some("ERRSIG")),
            (signer.sign_binary(expired, DATA), Some("EXPSIG")),
            (signer.sign_binary(usual, b"another list\n"), Some("BADSIG")),
        ] {
            let mut faults = faults.clone();
            faults.extend(fault);
            let file = armored(Kind::Signature, &packets);
            tally.compare_faulty(&name, &[signer.certificate()], &file, DATA, &faults);
        }
    }
    tally.agrees();
    // Every word was heard, so nothing was compared with silence.
    for word in [
        "GOODSIG",
        "EXPSIG",
        "EXPKEYSIG",
        "REVKEYSIG",
        "BADSIG",
        "NO_PUBKEY",
        "ERRSIG",
    ] {
        assert!(
            tally.words.get(word) > Some(&5),
            "{word}: {:?}",
            tally.words
        );
    }
    assert!(tally.compared > 1000, "{}", tally.compared);
}

/// A GnuPG home in which many keys of one algorithm are made.
struct Home(TempDir);

impl Home {
    fn gpg(&self, time: &str, arguments: &[&str]) -> crate::common::Outcome {
        run(Command::new("gpg")
            .arg("--homedir")
            .arg(self.0.path())
            .args([
                "--batch",
                "--quiet",
                "--no-tty",
                "--yes",
                "--passphrase",
                "",
            ])
            .args(["--pinentry-mode", "loopback"])
            .args(["--faked-system-time", &format!("{time}!")])
            .args(arguments)
            .stdin(Stdio::null()))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf")
            .arg("--homedir")
            .arg(self.0.path())
            .args(["--kill", "all"])
            .output();
    }
}

#[test]
fn what_gpg_signs_has_the_word_of_gpgv_in_every_algorithm() {
    const DATA: &[u8] = b"0  a list\n";
    if !has_program("gpgv") || !has_program("gpg") {
        return;
    }
    let mut tally = Tally::default();
    for algorithm in [
        "ed25519",
        "rsa2048",
        "rsa3072",
        "nistp256",
        "nistp384",
        "nistp521",
        "dsa2048",
        "brainpoolP256r1",
    ] {
        let home = tempfile::Builder::new()
            .prefix("gpg-")
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700))
            .tempdir_in("/tmp")
            .unwrap();
        let home = Home(home);
        let data = home.0.path().join("data");
        std::fs::write(&data, DATA).unwrap();
        for (name, expires) in [("plain", "never"), ("expired", "20240901T000000")] {
            let name = format!("{name}-{algorithm}@wheelproof.invalid");
            let made = home.gpg(
                "20240101T000000",
                &[
                    "--quick-generate-key",
                    &name,
                    algorithm,
                    "sign,cert",
                    expires,
                ],
            );
            assert_eq!(made.code, Some(0), "{algorithm}: {}", made.err());
            let mut files = Vec::new();
            for flags in [
                &[][..],
                &["--digest-algo", "SHA512"],
                &["--digest-algo", "SHA1"],
                &["--textmode"],
                &["--default-sig-expire", "2024-08-01"],
            ] {
                let mut all = vec!["--local-user", &name, "--armor", "--output", "-"];
                all.extend(flags);
                all.extend(["--detach-sign", data.to_str().unwrap()]);
                let signed = home.gpg("20240601T000000", &all);
                // An elliptic curve wants a digest of its own length.
                if signed.code == Some(0) {
                    files.push(signed.stdout);
                }
            }
            let export = |home: &Home| home.gpg("20240601T000000", &["--export", &name]).stdout;
            let certificate = [export(&home)];
            for file in &files {
                tally.compare(&name, &certificate, file, DATA);
                tally.compare(&name, &[Signer::ordinary(1).certificate()], file, DATA);
            }
            let faults = BTreeSet::from(["BADSIG", "EXPSIG"]);
            tally.compare_faulty(&name, &certificate, &files[0], b"another list\n", &faults);
            // The revocation that gpg keeps for every key, behind a colon that keeps it
            // from being used by mistake.
            let folder = home.0.path().join("openpgp-revocs.d");
            for entry in std::fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                let text = std::fs::read_to_string(&path).unwrap();
                std::fs::write(&path, text.replace(":-----BEGIN", "-----BEGIN")).unwrap();
                let imported = home.gpg("20240901T000000", &["--import", path.to_str().unwrap()]);
                assert_eq!(imported.code, Some(0), "{}", imported.err());
            }
            let mut faults = BTreeSet::from(["REVKEYSIG", "EXPSIG"]);
            if expires != "never" {
                faults.insert("EXPKEYSIG");
            }
            for file in &files {
                let name = format!("revoked {name}");
                tally.compare_faulty(&name, &[export(&home)], file, DATA, &faults);
            }
        }
        // docs/signatures.md says of which.
        let unsupported = tally.exceptions.get("the algorithm cannot be checked here");
        assert_eq!(
            unsupported.is_some(),
            algorithm.starts_with("brainpool"),
            "{algorithm}"
        );
    }
    tally.agrees();
    assert!(tally.compared > 8 * 2 * 4 * 3, "{}", tally.compared);
}

/// Where gpgv and we differ about what gpg itself makes: the list in
/// docs/signatures.md, "`now` and gpgv".
#[test]
fn what_gpgv_takes_and_we_do_not_is_what_the_manual_lists() {
    use SignatureVerdict as V;
    if !has_program("gpgv") {
        return;
    }
    // The backend decides what can be computed; docs/signatures.md speaks of the default.
    if !cfg!(feature = "crypto-rust") {
        return;
    }
    // What fixtures/cases/base.toml begins with.
    const MANIFEST: &[u8] =
        b"e276cb91fc5ece00ddc06af6b9d87a14e4dfac56ed5012ca238fafc9146b737b  demo-1.0-py3-none-any.whl\n";
    for (certificate, signature, ours, theirs) in [
        ("rsa-2048", "rsa-2048", V::Good, "GOODSIG"),
        ("ed25519", "ed25519", V::Good, "GOODSIG"),
        ("ed25519", "ed25519-notation", V::Good, "GOODSIG"),
        ("owner", "owner", V::Good, "GOODSIG"),
        ("rsa-5120", "rsa-5120", V::Unsupported, "GOODSIG"),
        ("rsa-exponent", "rsa-exponent", V::Unsupported, "GOODSIG"),
        (
            "rsa-5120",
            "rsa-5120-subkey",
            V::SignerUnsupported,
            "GOODSIG",
        ),
        (
            "brainpool-p256",
            "brainpool-p256",
            V::Unsupported,
            "GOODSIG",
        ),
        ("secp256k1", "secp256k1", V::Unsupported, "GOODSIG"),
        ("rsa-1024", "rsa-1024", V::SignerTooWeak, "GOODSIG"),
        ("dsa-1024", "dsa-1024", V::SignerTooWeak, "GOODSIG"),
        ("rsa-2048", "rsa-2048-ripemd160", V::WeakHash, "GOODSIG"),
        ("ed25519", "ed25519-critical", V::CriticalUnknown, "BADSIG"),
        ("rsa-undated", "rsa-undated", V::Undated, "ERRSIG"),
        (
            "rsa-critical-unsigned",
            "rsa-critical-unsigned",
            V::Good,
            "BADSIG",
        ),
        (
            "rsa-two-expirations",
            "rsa-two-expirations",
            V::Good,
            "EXPKEYSIG",
        ),
    ] {
        let read = |name: String| {
            let path = crate::common::fixture("foreign").join(name);
            std::fs::read(path).unwrap()
        };
        let certificate = read(format!("{certificate}.asc"));
        let file = read(format!("{signature}.sig"));
        let found = words(&dearmored(&certificate), &file, MANIFEST);
        assert_eq!(found, [theirs], "{signature}");
        let facts = facts(std::slice::from_ref(&certificate), &file, MANIFEST);
        assert_eq!(facts[0].verdict, ours, "{signature}: {}", facts[0].reason);
        // Over other bytes none of them is good, and what cannot be computed stays so.
        let other = facts_of(&certificate, &file, b"another list\n");
        let expected = match ours {
            V::Unsupported | V::Undated => ours,
            _ => V::Bad,
        };
        assert_eq!(other, expected, "{signature}");
    }
}

fn facts_of(certificate: &[u8], signature: &[u8], data: &[u8]) -> SignatureVerdict {
    facts(&[certificate.to_vec()], signature, data)[0].verdict
}
