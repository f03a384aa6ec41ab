//! `wheelproof sign`, held against gpg, gpgv and sqv, which have to accept what
//! it writes, and against everything that must not be signed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use sequoia::Packet;
use sequoia::packet::Tag;
use sequoia::parse::{PacketParser, PacketParserResult, Parse};
use sequoia::types::SignatureType;
use sequoia_openpgp as sequoia;
use tempfile::TempDir;

use crate::common::{
    FILES, House, Outcome, WHEEL, as_ordinary_user, fixture, has_program, run, send, shared_data,
    start, wait, wheelproof,
};
use crate::signing::{SIGNED, Signer, Subkey, TODAY, Use, Wish, armored, plan, subkey, wish};
use wheelproof::openpgp::{SignatureFile, signature_file};

/// Returns the command `sign`, run from the directory, with its certificates.
fn command(house: &House, flags: &[&str]) -> Command {
    let mut command = wheelproof();
    command
        .current_dir(house.at(""))
        .args(["sign", ".", "--certs", "keys"])
        .args(flags);
    command
}

/// Signs with the key file of a signer at [`TODAY`].
#[track_caller]
fn sign_as(house: &House, signer: &Signer, flags: &[&str]) -> Outcome {
    house.write("secret.asc", signer.secret_certificate());
    let mut all = vec![
        "--format",
        "json",
        "--key-file",
        "secret.asc",
        "--time",
        TODAY,
    ];
    all.extend(flags);
    let outcome = run(&mut command(house, &all));
    house.remove("secret.asc");
    outcome
}

/// A house that nobody has signed for yet.
fn unsigned() -> House {
    let house = House::new();
    house.remove("sha256sums.txt.asc");
    house
}

fn signature(house: &House) -> Vec<u8> {
    std::fs::read(house.at("sha256sums.txt.asc")).unwrap()
}

/// Adds a certificate to the trusted ones.
fn trust(house: &House, signer: &Signer) {
    let name = format!("keys/{}.asc", signer.fingerprint());
    house.write(&name, signer.certificate());
}

/// Returns the bodies of the signature packets in a file, as they are.
fn bodies(signatures: &[u8]) -> Vec<Vec<u8>> {
    let mut bodies = Vec::new();
    let mut reader = SplitArmor(signatures);
    while let Some(block) = reader.next_block() {
        bodies.extend(packets(&block));
    }
    bodies
}

struct SplitArmor<'a>(&'a [u8]);

impl SplitArmor<'_> {
    /// Returns what is in the next armor block, decoded by gpg's own rules: base64
    /// between the empty line and the checksum.
    fn next_block(&mut self) -> Option<Vec<u8>> {
        let text = std::str::from_utf8(self.0).unwrap();
        let (_, after) = text.split_once("-----BEGIN PGP SIGNATURE-----")?;
        let (block, rest) = after.split_once("-----END PGP SIGNATURE-----").unwrap();
        let block = format!("-----BEGIN PGP SIGNATURE-----{block}-----END PGP SIGNATURE-----\n");
        self.0 = rest.as_bytes();
        let mut reader = sequoia::armor::Reader::from_bytes(
            block.as_bytes(),
            sequoia::armor::ReaderMode::VeryTolerant,
        );
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut reader, &mut bytes).unwrap();
        Some(bytes)
    }
}

/// Splits packets by their headers (RFC 9580, section 4.2), on its own.
fn packets(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    while let [first, rest @ ..] = bytes {
        let (header, length) = if first & 0x40 != 0 {
            match rest {
                [one @ 0..=191, ..] => (1, usize::from(*one)),
                [one @ 192..=223, two, ..] => (
                    2,
                    ((usize::from(*one) - 192) << 8) + usize::from(*two) + 192,
                ),
                _ => panic!("a long packet"),
            }
        } else {
            match first & 3 {
                0 => (1, usize::from(rest[0])),
                1 => (2, usize::from(rest[0]) << 8 | usize::from(rest[1])),
                _ => panic!("a long packet"),
            }
        };
        found.push(rest[header..header + length].to_vec());
        bytes = &rest[header + length..];
    }
    found
}

// The other programs.

/// A GnuPG home that is removed with its agent.
struct Home(TempDir);

impl Home {
    /// Makes one that holds these keys or certificates.
    fn with(files: &[&[u8]]) -> Self {
        use std::os::unix::fs::PermissionsExt;
        let home = Self(tempfile::tempdir().unwrap());
        let mode = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(home.0.path(), mode).unwrap();
        for (number, bytes) in files.iter().enumerate() {
            let file = home.0.path().join(format!("import-{number}"));
            std::fs::write(&file, bytes).unwrap();
            let outcome = run(home
                .gpg()
                .args(["--batch", "--quiet", "--import"])
                .arg(file));
            outcome.expect(0);
        }
        home
    }

    fn gpg(&self) -> Command {
        let mut command = Command::new("gpg");
        command.env("GNUPGHOME", self.0.path()).stdin(Stdio::null());
        command
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf")
            .env("GNUPGHOME", self.0.path())
            .args(["--kill", "all"])
            .stderr(Stdio::null())
            .status();
    }
}

/// Fails unless gpg, gpgv and sqv accept every signature in the file.
#[track_caller]
fn others_accept(house: &House, signature: &str, signers: &[&Signer]) {
    let [file, manifest] = [signature, "sha256sums.txt"].map(|name| house.at(name));
    let ring = house.at("ring.gpg");
    let certificates: Vec<u8> = signers
        .iter()
        .flat_map(|signer| signer.binary_certificate())
        .collect();
    std::fs::write(&ring, &certificates).unwrap();
    let expected: BTreeSet<String> = signers
        .iter()
        .map(|signer| signer.fingerprint().to_string())
        .collect();
    let status = |output: &Outcome| -> BTreeSet<String> {
        // Notations stand there in bytes.
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter_map(|line| line.strip_prefix("[GNUPG:] VALIDSIG "))
            .map(|line| line.split(' ').next_back().unwrap().to_owned())
            .collect()
    };
    if has_program("gpg") {
        let home = Home::with(&[&certificates]);
        let mut gpg = home.gpg();
        gpg.args(["--batch", "--status-fd", "1", "--verify"]);
        let outcome = run(gpg.arg(&file).arg(&manifest)).expect(0);
        assert_eq!(status(&outcome), expected);
    }
    if has_program("gpgv") {
        let mut gpgv = Command::new("gpgv");
        gpgv.args(["--status-fd", "1", "--keyring"]).arg(&ring);
        let outcome = run(gpgv.arg(&file).arg(&manifest)).expect(0);
        assert_eq!(status(&outcome), expected);
    }
    if has_program("sqv") {
        let mut sqv = Command::new("sqv");
        sqv.args(["-n", &signers.len().to_string(), "--keyring"])
            .arg(&ring);
        let outcome = run(sqv.arg(&file).arg(&manifest)).expect(0);
        let named: BTreeSet<String> = outcome.out().lines().map(str::to_owned).collect();
        assert_eq!(named, expected);
    }
    std::fs::remove_file(ring).unwrap();
}

// Signing with a key file.

#[test]
fn a_key_file_signs_what_everybody_accepts() {
    let house = unsigned();
    let signer = house.signer.clone();
    let report = sign_as(&house, &signer, &[]).expect(0).json();
    assert_eq!(report["written"][0]["change"], "created");
    assert_eq!(report["signatures"][0]["verdict"], "good");
    assert_eq!(report["signatures"][0]["created"], TODAY);
    house.check(&[]).expect(0);
    others_accept(&house, "sha256sums.txt.asc", &[&signer]);
}

#[test]
fn a_signature_may_be_binary() {
    let house = unsigned();
    let signer = house.signer.clone();
    for ending in ["sig", "gpg"] {
        let name = format!("sha256sums.txt.{ending}");
        sign_as(&house, &signer, &["--output", &name]).expect(0);
        let bytes = std::fs::read(house.at(&name)).unwrap();
        assert!(bytes[0] & 0x80 != 0);
        house.check(&[]).expect(0);
        others_accept(&house, &name, &[&signer]);
        house.remove(&name);
    }
}

#[test]
fn co_signing_keeps_what_others_signed_byte_for_byte() {
    let house = House::new();
    let others = [
        Signer::ordinary(2),
        Signer::ordinary(3),
        Signer::ordinary(4),
    ];
    let before = bodies(&signature(&house));
    for (number, other) in (2..).zip(&others) {
        trust(&house, other);
        let report = sign_as(&house, other, &[]).expect(0).json();
        assert_eq!(
            report["threshold"]["met_by"].as_array().unwrap().len(),
            number
        );
        assert_eq!(report["findings"].as_array().unwrap().len(), 0);
    }
    let after = bodies(&signature(&house));
    assert_eq!(after.len(), 4);
    assert_eq!(after[..1], before);
    house.check(&["--threshold", "4"]).expect(0);
    house.check(&["--threshold", "5"]).expect(1);
    let mut all = vec![&house.signer];
    all.extend(&others);
    others_accept(&house, "sha256sums.txt.asc", &all);
}

#[test]
fn several_blocks_become_one_that_everybody_reads() {
    let house = House::new();
    let (two, three) = (Signer::ordinary(2), Signer::ordinary(3));
    trust(&house, &two);
    trust(&house, &three);
    let manifest = House::lines();
    let mut blocks = signature(&house);
    blocks.extend(two.sign_plainly(manifest.as_bytes()));
    let before = bodies(&blocks);
    house.write("sha256sums.txt.asc", &blocks);
    sign_as(&house, &three, &[]).expect(0);
    assert_eq!(bodies(&signature(&house))[..2], before);
    others_accept(&house, "sha256sums.txt.asc", &[&house.signer, &two, &three]);
}

#[test]
fn a_signature_by_an_unknown_key_stays_too() {
    let house = House::new();
    let stranger = Signer::ordinary(7);
    let manifest = House::lines();
    let mut blocks = stranger.sign_plainly(manifest.as_bytes());
    blocks.extend(signature(&house));
    house.write("sha256sums.txt.asc", &blocks);
    let two = Signer::ordinary(2);
    trust(&house, &two);
    sign_as(&house, &two, &[]).expect(0);
    assert_eq!(bodies(&signature(&house))[..2], bodies(&blocks));
    others_accept(
        &house,
        "sha256sums.txt.asc",
        &[&stranger, &house.signer, &two],
    );
}

#[test]
fn signing_again_puts_ones_own_signature_in_place_of_the_old_one() {
    let house = House::new();
    let two = Signer::ordinary(2);
    trust(&house, &two);
    sign_as(&house, &two, &[]).expect(0);
    let before = bodies(&signature(&house));
    let outcome = sign_as(&house, &house.signer, &[]).expect(0);
    assert_eq!(
        outcome.rules(),
        [("signature-dropped".to_owned(), "note".to_owned())]
    );
    let after = bodies(&signature(&house));
    assert_eq!(after.len(), 2);
    assert_eq!(after[0], before[1], "the other's stays");
    assert!(!before.contains(&after[1]), "one's own is new");
    house.check(&["--threshold", "2"]).expect(0);
}

#[test]
fn a_text_signature_is_joined_by_a_text_signature() {
    // Measured with gpg 2.2.40 and gpgv: of signatures in both modes they check
    // the first only, and say that all is well.
    let house = House::new();
    let manifest = House::lines();
    let as_text = Wish {
        kind: SignatureType::Text,
        ..wish()
    };
    let text = manifest.replace('\n', "\r\n");
    house.write(
        "sha256sums.txt.asc",
        house.signer.sign(as_text, text.as_bytes()),
    );
    house.check(&[]).expect(0);
    let two = Signer::ordinary(2);
    trust(&house, &two);
    sign_as(&house, &two, &[]).expect(0);
    house.check(&["--threshold", "2"]).expect(0);
    others_accept(&house, "sha256sums.txt.asc", &[&house.signer, &two]);
    // A binary one that was made elsewhere is not put beside them.
    let three = Signer::ordinary(3);
    trust(&house, &three);
    let before = signature(&house);
    house.write("made.asc", three.sign_plainly(manifest.as_bytes()));
    let outcome = run(&mut command(
        &house,
        &["--add", "made.asc", "--format", "json"],
    ))
    .expect(1);
    assert_eq!(outcome.errors(), ["signature-not-added"]);
    assert_eq!(signature(&house), before);
}

// What must not be signed.

/// Signs a house with a fault; nothing may be written.
#[track_caller]
fn refused(house: &House, rules: &[&str]) {
    let before = std::fs::read(house.at("sha256sums.txt.asc")).ok();
    let outcome = sign_as(house, &house.signer, &["--shallow"]).expect(1);
    assert_eq!(outcome.errors(), rules);
    assert_eq!(std::fs::read(house.at("sha256sums.txt.asc")).ok(), before);
}

#[test]
fn a_manifest_that_is_not_current_is_not_signed() {
    let house = unsigned();
    std::fs::remove_file(house.wheel(FILES[0])).unwrap();
    refused(&house, &["manifest-not-current"]);
    let house = unsigned();
    std::fs::write(house.wheel("new-1.0.tar.gz"), "").unwrap();
    refused(&house, &["manifest-not-current"]);
    let house = unsigned();
    std::fs::write(house.wheel(WHEEL), "").unwrap();
    refused(&house, &["manifest-not-current"]);
    let house = unsigned();
    std::fs::write(house.wheel(".x.html"), "").unwrap();
    refused(&house, &["file-no-distribution"]);
    let house = unsigned();
    house.write("sha256sums.txt", format!("{}junk\n", House::lines()));
    refused(&house, &["manifest-line-malformed"]);
    let house = unsigned();
    house.remove("sha256sums.txt");
    refused(&house, &["manifest-missing"]);
}

#[test]
fn a_manifest_of_another_project_than_the_policy_names_is_not_signed() {
    let house = unsigned();
    house.write("wheelproof.toml", "[wheelhouse]\nproject = \"ours\"\n");
    refused(&house, &["manifest-project-missing"]);
    let stated = |name: &str| format!("# wheelproof: project={name}\n{}", House::lines());
    house.write("sha256sums.txt", stated("theirs"));
    refused(&house, &["manifest-project-differs"]);
    house.write("sha256sums.txt", stated("ours"));
    sign_as(&house, &house.signer, &[]).expect(0);
}

#[test]
fn a_clearsigned_manifest_is_not_signed_again() {
    let house = unsigned();
    house.write(
        "sha256sums.txt",
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n",
    );
    let outcome = sign_as(&house, &house.signer, &[]).expect(3);
    let message = outcome.json()["errors"][0]["message"].to_string();
    assert!(message.contains("clearsigned"), "{message}");
}

#[test]
fn nothing_at_all_is_not_signed() {
    let house = unsigned();
    for name in FILES {
        std::fs::remove_file(house.wheel(name)).unwrap();
    }
    house.write("sha256sums.txt", "# No files\n");
    sign_as(&house, &house.signer, &[]).expect(4);
}

#[test]
fn a_manifest_that_changed_since_others_signed_is_refused_unless_all_start_anew() {
    let house = House::new();
    let two = Signer::ordinary(2);
    trust(&house, &two);
    sign_as(&house, &two, &[]).expect(0);
    std::fs::remove_file(house.wheel(WHEEL)).unwrap();
    run(wheelproof()
        .current_dir(house.at(""))
        .args(["manifest", "."]))
    .expect(0);
    refused(&house, &["signature-bad", "signature-bad"]);
    let outcome = sign_as(&house, &house.signer, &["--replace"]).expect(0);
    let dropped: Vec<String> = outcome.json()["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["rule"] == "signature-dropped")
        .map(|finding| finding["found"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(dropped.len(), 2);
    assert!(dropped[0].contains(house.signer.fingerprint().as_str()));
    assert!(dropped[1].contains(two.fingerprint().as_str()));
    house.check(&[]).expect(0);
    others_accept(&house, "sha256sums.txt.asc", &[&house.signer]);
}

#[test]
fn a_stranger_who_signed_an_earlier_manifest_is_noticed() {
    // Nobody here has the key; two bytes of the digest stand in the signature.
    let stranger = Signer::ordinary(7);
    let house = unsigned();
    house.write("sha256sums.txt.asc", stranger.sign_plainly(b"earlier\n"));
    refused(&house, &["signature-bad"]);
    // The innocent neighbour: the same stranger, this manifest.
    let manifest = House::lines();
    house.write(
        "sha256sums.txt.asc",
        stranger.sign_plainly(manifest.as_bytes()),
    );
    sign_as(&house, &house.signer, &[]).expect(0);
}

#[test]
fn a_damaged_signature_file_is_not_written_over() {
    for damage in [
        &b""[..],
        b"junk\n",
        b"-----BEGIN PGP SIGNATURE-----\n\nabc\n",
    ] {
        let house = House::new();
        house.write("sha256sums.txt.asc", damage);
        refused(&house, &["signature-malformed"]);
        sign_as(&house, &house.signer, &["--replace"]).expect(0);
        house.check(&[]).expect(0);
    }
}

#[test]
fn a_signature_that_the_trusted_certificate_does_not_bear_out_is_not_written() {
    // The key file says that all is well; the certificate that everybody has says
    // that the key has expired.
    let house = unsigned();
    let fresh = house.signer.clone();
    let mut stale = plan(1);
    stale.expires = Some("2024-06-30T00:00:00Z");
    house.write("keys/signer.asc", Signer::new(stale).certificate());
    let outcome = sign_as(&house, &fresh, &[]).expect(1);
    assert!(outcome.errors().contains(&"signature-not-added".to_owned()));
    assert!(
        outcome
            .errors()
            .contains(&"signer-expired-when-signed".to_owned())
    );
    assert!(!house.at("sha256sums.txt.asc").exists());
    // Its neighbour: the certificate of today is published.
    house.write("keys/signer.asc", fresh.certificate());
    sign_as(&house, &fresh, &[]).expect(0);
}

#[test]
fn a_signer_whom_the_policy_does_not_know_is_told() {
    let house = House::new();
    let other = Signer::ordinary(2);
    let outcome = sign_as(&house, &other, &[]).expect(0);
    assert_eq!(
        outcome.rules(),
        [("signature-unknown-key".to_owned(), "note".to_owned())]
    );
    house.check(&[]).expect(0);
}

// Key files.

#[test]
fn key_files_that_cannot_sign_are_told_apart() {
    let house = unsigned();
    let attempt = |contents: &[u8], flags: &[&str], says: &str| {
        house.write("secret", contents);
        let mut all = vec!["--key-file", "secret", "--time", TODAY, "--format", "json"];
        all.extend(flags);
        let outcome = run(&mut command(&house, &all)).expect(3);
        let message = outcome.json()["errors"][0]["message"].to_string();
        assert!(message.contains(says), "{message}");
        assert!(!house.at("sha256sums.txt.asc").exists());
        house.remove("secret");
    };
    let one = Signer::ordinary(1);
    attempt(b"junk", &[], "cannot be read");
    attempt(&one.certificate(), &[], "holds no secret key");
    let expired = {
        let mut plan = plan(3);
        plan.expires = Some(SIGNED);
        Signer::new(plan)
    };
    attempt(&expired.secret_certificate(), &[], "expired");
    let other = Signer::ordinary(2).fingerprint().to_string();
    attempt(
        &one.secret_certificate(),
        &["--signer", &other],
        "does not hold",
    );
    let mut encrypt_only = plan(4);
    encrypt_only.primary_signs = false;
    let encrypt_only = Signer::new(encrypt_only).with_subkey(Subkey {
        for_use: Use::Encrypt,
        ..subkey(41)
    });
    attempt(
        &encrypt_only.secret_certificate(),
        &[],
        "not one for signing",
    );
    run(&mut command(&house, &["--key-file", "none"])).expect(3);
}

#[test]
fn the_newest_subkey_signs_unless_another_is_named() {
    let house = unsigned();
    let signer = Signer::new(plan(5))
        .with_subkey(subkey(51))
        .with_subkey(Subkey {
            created: "2024-02-01T00:00:00Z",
            bound: "2024-02-01T00:00:00Z",
            ..subkey(52)
        });
    trust(&house, &signer);
    let key = |outcome: Outcome| {
        outcome.json()["signatures"][0]["key"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let outcome = sign_as(&house, &signer, &[]).expect(0);
    assert_eq!(key(outcome), signer.subkey_fingerprint(1).to_string());
    let first = signer.subkey_fingerprint(0).to_string();
    let outcome = sign_as(&house, &signer, &["--signer", &first]).expect(0);
    assert_eq!(key(outcome), first);
    assert_eq!(bodies(&signature(&house)).len(), 1);
}

#[test]
fn a_password_opens_a_key_file_and_another_does_not() {
    if !has_program("gpg") {
        return;
    }
    let (home, fingerprint) = made_key("ed25519", "the password");
    let mut export = home.gpg();
    export.args([
        "--batch",
        "--pinentry-mode",
        "loopback",
        "--passphrase",
        "the password",
    ]);
    let secret = run(export.args(["--armor", "--export-secret-keys", &fingerprint])).expect(0);
    let public = run(home.gpg().args(["--armor", "--export", &fingerprint])).expect(0);
    let house = unsigned();
    house.write("keys/made.asc", &public.stdout);
    house.write("secret", &secret.stdout);
    house.write("right", "the password\n");
    house.write("wrong", "another\n");
    let base = ["--key-file", "secret", "--format", "json"];
    let with = |more: &[&str]| run(&mut command(&house, &[&base, more].concat()));
    let says = |outcome: Outcome| outcome.json()["errors"][0]["message"].to_string();
    assert!(says(with(&[]).expect(3)).contains("protected by a password"));
    assert!(says(with(&["--password-file", "wrong"]).expect(3)).contains("does not open"));
    with(&["--password-file", "right"]).expect(0);
    others_accept_ring(&house, &public.stdout, 1);
}

#[test]
fn an_rsa_key_file_is_refused_and_gpg_signs_with_the_same_key() {
    if !has_program("gpg") {
        return;
    }
    let (home, fingerprint) = made_key("rsa2048", "");
    let secret = run(home
        .gpg()
        .args(["--batch", "--export-secret-keys", &fingerprint]))
    .expect(0);
    let public = run(home.gpg().args(["--armor", "--export", &fingerprint])).expect(0);
    let house = unsigned();
    house.write("keys/made.asc", &public.stdout);
    house.write("secret", &secret.stdout);
    if cfg!(feature = "crypto-rust") {
        let outcome = run(&mut command(
            &house,
            &["--key-file", "secret", "--format", "json"],
        ));
        let error = outcome.expect(3).json()["errors"][0].clone();
        assert!(
            error["message"]
                .as_str()
                .unwrap()
                .contains("RUSTSEC-2023-0071")
        );
        assert!(error["next"].as_str().unwrap().contains("GnuPG"));
        assert!(!house.at("sha256sums.txt.asc").exists());
    }
    let mut through_gpg = command(&house, &["--signer", &fingerprint]);
    run(through_gpg.env("GNUPGHOME", home.path())).expect(0);
    others_accept_ring(&house, &public.stdout, 1);
}

/// gpg signs with these curves, and nothing that the default backend computes verifies
/// what it signed.
#[test]
fn a_key_file_on_a_curve_that_cannot_be_checked_is_refused_by_its_name() {
    if !has_program("gpg") || !cfg!(feature = "crypto-rust") {
        return;
    }
    for curve in ["brainpoolP256r1", "secp256k1"] {
        let (home, fingerprint) = made_key(curve, "");
        let exported = home
            .gpg()
            .args(["--batch", "--export-secret-keys", &fingerprint])
            .output()
            .unwrap();
        let house = unsigned();
        house.write("secret", &exported.stdout);
        let mut sign = command(&house, &["--key-file", "secret", "--format", "json"]);
        let error = run(&mut sign).expect(3).json()["errors"][0].clone();
        let [message, next] = ["message", "next"].map(|key| error[key].as_str().unwrap());
        assert!(message.contains(curve), "{message}");
        assert!(message.contains("cannot be checked here"), "{message}");
        assert!(next.contains("Ed25519"), "{next}");
        assert!(!house.at("sha256sums.txt.asc").exists());
    }
}

#[test]
fn nothing_is_said_to_be_dropped_when_nothing_was_written() {
    let house = House::new();
    let before = signature(&house);
    house.write("secret", b"junk");
    let flags = ["--replace", "--key-file", "secret", "--format", "json"];
    let outcome = run(&mut command(&house, &flags)).expect(3);
    assert_eq!(outcome.rules(), []);
    assert_eq!(signature(&house), before);
}

// Through GnuPG.

/// Makes a key with GnuPG; returns its home and fingerprint.
fn made_key(algorithm: &str, password: &str) -> (Home, String) {
    let home = Home::with(&[]);
    let mut gpg = home.gpg();
    gpg.args([
        "--batch",
        "--quiet",
        "--pinentry-mode",
        "loopback",
        "--passphrase",
        password,
    ]);
    gpg.args([
        "--quick-gen-key",
        "Made <test-only@wheelproof.invalid>",
        algorithm,
        "sign,cert",
        "never",
    ]);
    run(&mut gpg).expect(0);
    let listed = run(home.gpg().args(["--list-keys", "--with-colons"]))
        .expect(0)
        .out();
    let fingerprint = listed
        .lines()
        .find_map(|line| line.strip_prefix("fpr:::::::::"))
        .unwrap()
        .trim_end_matches(':')
        .to_owned();
    (home, fingerprint)
}

/// Fails unless gpgv and sqv find so many good signatures.
#[track_caller]
fn others_accept_ring(house: &House, certificates: &[u8], count: usize) {
    let [file, manifest, armored] =
        ["sha256sums.txt.asc", "sha256sums.txt", "ring.asc"].map(|name| house.at(name));
    std::fs::write(&armored, certificates).unwrap();
    let home = Home::with(&[certificates]);
    let mut gpg = home.gpg();
    gpg.args(["--batch", "--status-fd", "1", "--verify"]);
    let outcome = run(gpg.arg(&file).arg(&manifest)).expect(0);
    let status = String::from_utf8_lossy(&outcome.stdout);
    assert_eq!(status.matches("] GOODSIG ").count(), count);
    if has_program("sqv") {
        let mut sqv = Command::new("sqv");
        sqv.args(["-n", &count.to_string(), "--keyring"])
            .arg(&armored);
        run(sqv.arg(&file).arg(&manifest)).expect(0);
    }
    std::fs::remove_file(armored).unwrap();
}

#[test]
fn gpg_signs_with_the_key_in_the_users_home() {
    if !has_program("gpg") {
        return;
    }
    let secret = std::fs::read(fixture("test-only-secret-key.asc")).unwrap();
    let certificate = fixture("../keys/test-only.asc");
    let home = Home::with(&[&secret]);
    let house = House::new();
    std::fs::copy(certificate, house.at("keys/test-only.asc")).unwrap();
    let fingerprint = "542EF4903F642052C64286D76F2DD998E3EE7998";
    let mut sign = command(&house, &["--signer", fingerprint, "--format", "json"]);
    let report = run(sign.env("GNUPGHOME", home.path())).expect(0).json();
    assert_eq!(report["signatures"].as_array().unwrap().len(), 2);
    assert_eq!(report["signatures"][1]["signer"], fingerprint);
    assert_eq!(report["signatures"][1]["verdict"], "good");
    let mut verify = wheelproof();
    verify
        .current_dir(house.at(""))
        .args(["verify", ".", "--certs", "keys", "--threshold", "2"]);
    run(&mut verify).expect(0);
    // The only signer of a policy need not be named again.
    house.write(
        "wheelproof.toml",
        format!("[trust]\ncertificates = [\"keys\"]\nsigners = [\"{fingerprint}\"]\n"),
    );
    let mut sign = command(&house, &[]);
    run(sign.env("GNUPGHOME", home.path())).expect(0);
    // gpg without the key says so, and nothing is written.
    let before = signature(&house);
    let empty = Home::with(&[]);
    let mut sign = command(&house, &["--format", "json"]);
    let report = run(sign.env("GNUPGHOME", empty.path())).expect(3).json();
    let message = report["errors"][0]["message"].as_str().unwrap();
    assert!(message.starts_with("gpg did not"), "{message}");
    assert_eq!(signature(&house), before);
}

#[test]
fn a_signer_without_a_trusted_certificate_is_judged_by_the_one_gpg_has() {
    if !has_program("gpg") {
        return;
    }
    let secret = std::fs::read(fixture("test-only-secret-key.asc")).unwrap();
    let home = Home::with(&[&secret]);
    let house = unsigned();
    let fingerprint = "542EF4903F642052C64286D76F2DD998E3EE7998";
    let mut sign = wheelproof();
    sign.current_dir(house.at(""))
        .args(["sign", ".", "--signer", fingerprint, "--format", "json"]);
    let report = run(sign.env("GNUPGHOME", home.path())).expect(0).json();
    assert_eq!(report["signatures"][0]["verdict"], "good");
}

#[test]
fn without_gpg_or_a_signer_the_error_says_what_to_do() {
    let house = unsigned();
    let outcome = run(&mut command(&house, &[])).expect(2);
    assert!(outcome.err().contains("--signer"), "{}", outcome.err());
    let fingerprint = house.signer.fingerprint().to_string();
    let mut sign = command(&house, &["--signer", &fingerprint]);
    let outcome = run(sign.env("PATH", "/nowhere")).expect(3);
    assert!(
        outcome.out().contains("cannot start gpg"),
        "{}",
        outcome.out()
    );
    run(&mut command(
        &house,
        &["--signer", &fingerprint, "--time", TODAY],
    ))
    .expect(2);
}

/// Puts a program in place of gpg; returns a path that finds it first.
fn false_gpg(house: &House, script: &str) -> PathBuf {
    std::fs::create_dir_all(house.at("bin")).unwrap();
    house.write("bin/gpg", format!("#!/bin/sh\n{script}\n"));
    house.mode("bin/gpg", 0o755);
    house.at("bin")
}

#[test]
fn whatever_gpg_writes_is_verified_before_it_counts() {
    let house = House::new();
    let before = signature(&house);
    let signer = house.signer.fingerprint().to_string();
    house.write("other.asc", house.signer.sign_plainly(b"something else"));
    house.write(
        "stranger.asc",
        Signer::ordinary(9).sign_plainly(House::lines().as_bytes()),
    );
    let lie = |script: &str, codes: &[i32]| {
        let bin = false_gpg(&house, script);
        let mut sign = command(&house, &["--signer", &signer, "--format", "json"]);
        let path = format!("{}:/usr/bin:/bin", bin.display());
        let outcome = run(sign.env("PATH", path));
        assert!(
            codes.contains(&outcome.code.unwrap()),
            "{script}: {}",
            outcome.out()
        );
        assert_eq!(signature(&house), before, "{script}");
        outcome
    };
    // Over other bytes, by somebody else, nothing, junk, a failure, no end.
    assert!(
        lie("cat >/dev/null; cat other.asc", &[1])
            .errors()
            .contains(&"signature-bad".to_owned())
    );
    lie("cat >/dev/null; cat stranger.asc", &[1]);
    lie("cat >/dev/null", &[1]);
    lie("cat >/dev/null; echo junk", &[1]);
    lie("cat >/dev/null; cat sha256sums.txt.asc; exit 2", &[3]);
    // Gone before it has read everything, or after.
    lie("exit 0", &[1, 3]);
    lie("cat >/dev/null; head -c 100000000 /dev/zero", &[1]);
    // The innocent neighbour.
    let house_signature = house.signer.sign_plainly(House::lines().as_bytes());
    house.write("made.asc", house_signature);
    let bin = false_gpg(&house, "cat >/dev/null; cat made.asc");
    let mut sign = command(&house, &["--signer", &signer]);
    let path = format!("{}:/usr/bin:/bin", bin.display());
    run(sign.env("PATH", path)).expect(0);
}

// Made elsewhere.

#[test]
fn the_printed_command_makes_what_can_be_added() {
    if !has_program("gpg") {
        return;
    }
    let secret = std::fs::read(fixture("test-only-secret-key.asc")).unwrap();
    let home = Home::with(&[&secret]);
    let house = House::new();
    std::fs::copy(
        fixture("../keys/test-only.asc"),
        house.at("keys/test-only.asc"),
    )
    .unwrap();
    let fingerprint = "542EF4903F642052C64286D76F2DD998E3EE7998";
    let before = signature(&house);
    let printed = run(&mut command(
        &house,
        &["--signer", fingerprint, "--print-command"],
    ))
    .expect(0);
    assert_eq!(signature(&house), before);
    let printed = printed.out();
    let digest = crate::common::sha256sum(&house.at("sha256sums.txt"));
    assert!(printed.contains(&digest), "{printed}");
    let line = |begins: &str| {
        printed
            .lines()
            .find(|line| line.starts_with(begins))
            .unwrap()
    };
    // The offline machine.
    let mut shell = Command::new("sh");
    shell
        .current_dir(house.at(""))
        .env("GNUPGHOME", home.path())
        .stdin(Stdio::null())
        .args(["-c", line("gpg ")]);
    run(&mut shell).expect(0);
    // And back here.
    let arguments: Vec<&str> = line("wheelproof sign ").split(' ').skip(3).collect();
    run(&mut command(&house, &arguments)).expect(0);
    assert_eq!(bodies(&signature(&house)).len(), 2);
    let mut verify = wheelproof();
    verify
        .current_dir(house.at(""))
        .args(["verify", ".", "--certs", "keys", "--threshold", "2"]);
    run(&mut verify).expect(0);
    // A manifest that is not current is not to be signed elsewhere either.
    std::fs::remove_file(house.wheel(WHEEL)).unwrap();
    let outcome = run(&mut command(
        &house,
        &["--signer", fingerprint, "--print-command"],
    ))
    .expect(1);
    assert!(!outcome.out().contains("gpg --local-user"));
}

#[test]
fn only_good_signatures_by_known_certificates_are_added() {
    let house = House::new();
    let before = signature(&house);
    let two = Signer::ordinary(2);
    let manifest = House::lines();
    let add = |contents: &[u8], code: i32| {
        house.write("made", contents);
        let flags = ["--add", "made", "--time", TODAY, "--format", "json"];
        run(&mut command(&house, &flags)).expect(code)
    };
    let good = two.sign_plainly(manifest.as_bytes());
    assert!(
        add(&good, 1)
            .errors()
            .contains(&"signature-not-added".to_owned())
    );
    trust(&house, &two);
    assert!(
        add(&two.sign_plainly(b"else"), 1)
            .errors()
            .contains(&"signature-bad".to_owned())
    );
    assert_eq!(add(b"junk", 1).errors(), ["signature-malformed"]);
    assert_eq!(add(&two.certificate(), 1).errors(), ["signature-malformed"]);
    // One good and one bad: neither.
    add(&[two.sign_plainly(b"else"), good.clone()].concat(), 1);
    assert_eq!(signature(&house), before);
    add(&good, 0);
    house.check(&["--threshold", "2"]).expect(0);
}

// What goes wrong.

#[test]
fn a_run_that_is_killed_leaves_the_old_signature_or_the_new_one() {
    let house = House::new();
    let two = Signer::ordinary(2);
    trust(&house, &two);
    house.write("secret.asc", two.secret_certificate());
    let old = signature(&house);
    let flags = ["--key-file", "secret.asc", "--time", TODAY];
    let begun = Instant::now();
    run(&mut command(&house, &flags)).expect(0);
    let takes = begun.elapsed();
    for round in 0..25 {
        house.write("sha256sums.txt.asc", &old);
        let child = start(&mut command(&house, &flags));
        std::thread::sleep(takes * (10 + round) / 30);
        send(&child, rustix::process::Signal::KILL);
        wait(child);
        // Whatever stands there passes, and the old signer is in it.
        house.check(&[]).expect(0);
        assert_eq!(bodies(&signature(&house))[0], bodies(&old)[0]);
    }
    run(&mut command(&house, &flags)).expect(0);
    assert!(!house.at(".sha256sums.txt.asc.new").exists());
}

#[test]
fn what_a_killed_run_left_beside_the_wheels_is_said_to_be_ours_and_goes() {
    // A flat wheelhouse: manifest and signature lie among the files that are checked.
    let house = House::new();
    let flat = |name: &str| house.wheel(name);
    for name in ["sha256sums.txt", "sha256sums.txt.asc"] {
        std::fs::rename(house.at(name), flat(name)).unwrap();
    }
    let verify = || {
        let mut command = crate::common::wheelproof();
        command.current_dir(house.at("")).args([
            "verify", "wheels", "--time", TODAY, "--certs", "keys", "--format", "json",
        ]);
        run(&mut command)
    };
    verify().expect(0);
    let left = flat(".sha256sums.txt.asc.new");
    std::fs::write(&left, "-----BEGIN PGP SIG").unwrap();
    let found = verify().expect(1).json()["findings"][0].clone();
    assert_eq!(found["rule"], "file-unlisted");
    let said = found.to_string();
    assert!(said.contains("when it is killed"), "{said}");
    assert!(said.contains("run that command again"), "{said}");
    // Doing so takes it away.
    let two = Signer::ordinary(2);
    std::fs::write(house.at("keys/two.asc"), two.certificate()).unwrap();
    house.write("secret.asc", two.secret_certificate());
    let mut sign = crate::common::wheelproof();
    sign.current_dir(house.at("")).args([
        "sign",
        "wheels",
        "--time",
        TODAY,
        "--certs",
        "keys",
        "--key-file",
        "secret.asc",
    ]);
    run(&mut sign).expect(0);
    assert!(!left.exists());
    verify().expect(0);
}

#[test]
fn a_full_disk_or_a_closed_directory_leaves_the_old_signature() {
    let house = House::new();
    let two = Signer::ordinary(2);
    trust(&house, &two);
    house.write("secret.asc", two.secret_certificate());
    let old = signature(&house);
    let flags = ["--key-file", "secret.asc", "--time", TODAY];
    let mut shell = Command::new("sh");
    shell
        .current_dir(house.at(""))
        .args(["-c", "ulimit -f 0; exec \"$@\"", "sh"])
        .arg(env!("CARGO_BIN_EXE_wheelproof"))
        .args(["sign", ".", "--certs", "keys"])
        .args(flags);
    run(&mut shell).expect(3);
    assert_eq!(signature(&house), old);
    let mut closed = command(&house, &flags);
    if !as_ordinary_user(&mut closed) {
        return;
    }
    house.mode("", 0o555);
    run(&mut closed).expect(3);
    house.mode("", 0o755);
    assert_eq!(signature(&house), old);
    assert!(!house.at(".sha256sums.txt.asc.new").exists());
    run(&mut command(&house, &flags)).expect(0);
}

// The form.

#[test]
fn real_signatures_are_written_again_byte_for_byte() {
    let Some(data) = shared_data("bitcoin-25.0") else {
        return;
    };
    let mut seen = 0;
    for entry in walkdir::WalkDir::new(data) {
        let path = entry.unwrap().into_path();
        if path.extension().is_none_or(|ending| ending != "asc") {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        if !bytes.starts_with(b"-----BEGIN PGP SIGNATURE-----") {
            continue;
        }
        let file = SignatureFile::parse("real", &bytes);
        let written = signature_file(&file.packets().unwrap(), true).unwrap();
        assert_eq!(bodies(&written), bodies(&bytes), "{}", path.display());
        assert_eq!(
            written.windows(10).filter(|w| w == b"-----BEGIN").count(),
            1
        );
        seen += file.len();
    }
    assert!(seen >= 19, "{seen}");
}

#[test]
fn a_packet_that_nobody_here_can_read_is_written_again_as_it_is() {
    // Version 99, then anything.
    let body: Vec<u8> = std::iter::once(99).chain(0..60).collect();
    let mut packet = vec![0xc2, u8::try_from(body.len()).unwrap()];
    packet.extend(&body);
    let file = SignatureFile::parse("odd", &armored(sequoia::armor::Kind::Signature, &packet));
    assert!(file.faults().is_empty(), "{:?}", file.faults());
    let written = signature_file(&file.packets().unwrap(), true).unwrap();
    assert_eq!(bodies(&written), [body]);
    let parsed = PacketParser::from_bytes(&written).unwrap();
    match parsed {
        PacketParserResult::Some(parser) => {
            assert!(
                matches!(&parser.packet, Packet::Unknown(unknown) if unknown.tag() == Tag::Signature)
            );
        }
        PacketParserResult::EOF(_) => panic!("no packet"),
    }
}
