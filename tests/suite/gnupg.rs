//! Agreement with GnuPG and Sequoia's sqv about what is a good signature, and
//! proof that GnuPG's home is nobody we listen to.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::common::{House, Outcome, WHEEL, fifo, has_program, run, wheelproof};
use crate::signing::{SIGNED, Signer, TODAY, Use, Wish, plan, subkey, wish};
use sequoia_openpgp::types::{HashAlgorithm, SignatureType};

/// A GnuPG home of its own, whose agent ends with it.
pub(crate) struct Gpg {
    home: TempDir,
}

impl Gpg {
    /// Makes a home and a key in it on 2024-01-01, or says that GnuPG is not there.
    pub(crate) fn new(algorithm: &str) -> Option<Self> {
        if !has_program("gpg") {
            return None;
        }
        // The name of the agent's socket may have 107 bytes (unix(7)), so not
        // below a long TMPDIR.
        let home = tempfile::Builder::new()
            .prefix("gpg-")
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700))
            .tempdir_in("/tmp")
            .unwrap();
        let gpg = Self { home };
        let made = gpg.run(
            "20240101T000000",
            &[
                "--passphrase",
                "",
                "--quick-generate-key",
                "Interop <test-only@wheelproof.invalid>",
                algorithm,
                "sign,cert",
                "never",
            ],
        );
        assert_eq!(made.code, Some(0), "{}", made.err());
        Some(gpg)
    }

    pub(crate) fn run(&self, time: &str, arguments: &[&str]) -> Outcome {
        run(Command::new("gpg")
            .arg("--homedir")
            .arg(self.home.path())
            .args(["--batch", "--quiet", "--no-tty", "--yes"])
            .args(["--faked-system-time", &format!("{time}!")])
            .args(arguments)
            .stdin(Stdio::null()))
    }

    /// Signs a file on 2024-06-01.
    fn sign(&self, flags: &[&str], file: &Path, signature: &Path) {
        let (file, signature) = (file.to_str().unwrap(), signature.to_str().unwrap());
        let mut all = flags.to_vec();
        all.extend(["--output", signature, "--detach-sign", file]);
        let signed = self.run("20240601T000000", &all);
        assert_eq!(signed.code, Some(0), "{}", signed.err());
    }

    pub(crate) fn export(&self) -> Vec<u8> {
        self.run("20240601T000000", &["--armor", "--export"]).stdout
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf")
            .arg("--homedir")
            .arg(self.home.path())
            .args(["--kill", "all"])
            .output();
    }
}

#[test]
fn what_gpg_signs_we_accept() {
    for algorithm in ["ed25519", "rsa2048", "nistp256"] {
        let Some(gpg) = Gpg::new(algorithm) else {
            return;
        };
        let house = House::new();
        house.write("keys/signer.asc", gpg.export());
        for flags in [
            &["--armor"][..],
            &[],
            &["--armor", "--digest-algo", "SHA256"],
            &["--armor", "--textmode"],
        ] {
            house.remove("sha256sums.txt.asc");
            gpg.sign(
                flags,
                &house.at("sha256sums.txt"),
                &house.at("sha256sums.txt.asc"),
            );
            let report = house.check(&[]).expect(0).json();
            assert_eq!(report["signatures"][0]["created"], SIGNED, "{algorithm}");
        }
        // And what it signs with SHA-1, which it counts as good, we do not. Its
        // ECDSA wants a longer digest itself.
        if algorithm == "nistp256" {
            continue;
        }
        house.remove("sha256sums.txt.asc");
        gpg.sign(
            &["--armor", "--digest-algo", "SHA1"],
            &house.at("sha256sums.txt"),
            &house.at("sha256sums.txt.asc"),
        );
        let outcome = house.check(&[]).expect(1);
        assert_eq!(
            outcome.errors(),
            ["signature-weak-hash", "no-trusted-signature"]
        );
        // One byte more in the manifest.
        let mut lines = House::lines();
        lines.push('\n');
        house.write("sha256sums.txt", &lines);
        assert_eq!(house.check(&[]).expect(1).errors()[0], "signature-bad");
    }
}

#[test]
fn a_text_signature_of_gpg_holds_over_either_line_end() {
    let Some(gpg) = Gpg::new("ed25519") else {
        return;
    };
    let house = House::new();
    house.write("keys/signer.asc", gpg.export());
    gpg.sign(
        &["--armor", "--textmode"],
        &house.at("sha256sums.txt"),
        &house.at("signature"),
    );
    house.write(
        "sha256sums.txt.asc",
        std::fs::read(house.at("signature")).unwrap(),
    );
    house.check(&[]).expect(0);
    // The signature still holds, but the lines are no lines of ours.
    house.write("sha256sums.txt", House::lines().replace('\n', "\r\n"));
    let outcome = house.check(&[]).expect(1);
    assert_eq!(outcome.errors()[0], "manifest-line-malformed");
    assert_eq!(outcome.json()["signatures"][0]["verdict"], "good");
}

#[test]
fn signers_of_gpg_and_ours_count_together() {
    let Some(gpg) = Gpg::new("ed25519") else {
        return;
    };
    let house = House::new();
    house.write("keys/gpg.asc", gpg.export());
    gpg.sign(
        &[],
        &house.at("sha256sums.txt"),
        &house.at("sha256sums.txt.sig"),
    );
    house.check(&["--threshold", "2"]).expect(0);
    house.check(&["--threshold", "3"]).expect(1);
}

/// Returns whether a verifier counts a signature as good, for those that are
/// installed.
fn verdicts(signer: &Signer, signature: &[u8], data: &[u8]) -> Vec<(&'static str, bool)> {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| -> PathBuf { directory.path().join(name) };
    std::fs::write(at("certificate.pgp"), signer.binary_certificate()).unwrap();
    std::fs::write(at("data"), data).unwrap();
    std::fs::write(at("data.sig"), signature).unwrap();
    let mut all = Vec::new();
    if has_program("gpgv") {
        let output = Command::new("gpgv")
            .env("GNUPGHOME", directory.path())
            .args(["--status-fd", "1", "--keyring"])
            .args([at("certificate.pgp"), at("data.sig"), at("data")])
            .output()
            .unwrap();
        let status = String::from_utf8_lossy(&output.stdout).into_owned();
        all.push((
            "gpgv",
            status.contains("GOODSIG") && output.status.success(),
        ));
    }
    if has_program("sqv") {
        let output = Command::new("sqv")
            .arg("--keyring")
            .args([at("certificate.pgp"), at("data.sig"), at("data")])
            .output()
            .unwrap();
        all.push(("sqv", output.status.success()));
    }
    all
}

#[test]
fn we_agree_with_gpgv_and_sqv_on_what_is_good_and_what_is_bad() {
    let data = House::lines().into_bytes();
    let other = b"something else\n".as_slice();
    let ordinary = Signer::ordinary(1);
    let with_subkeys =
        Signer::ordinary(2)
            .with_subkey(subkey(21))
            .with_subkey(crate::signing::Subkey {
                for_use: Use::Encrypt,
                ..subkey(22)
            });
    let by_subkey = Wish {
        with_subkey: Some(0),
        ..wish()
    };
    let hash = |hash| Wish { hash, ..wish() };
    let as_text = Wish {
        kind: SignatureType::Text,
        ..wish()
    };
    let crlf = House::lines().replace('\n', "\r\n").into_bytes();
    let expired_signature = Wish {
        expires: Some("2024-07-01T00:00:00Z"),
        ..wish()
    };
    let not_for_signing = Signer::new(crate::signing::Plan {
        primary_signs: false,
        ..plan(3)
    });
    let revoked = Signer::ordinary(4).revoked(
        "2024-05-01T00:00:00Z",
        sequoia_openpgp::types::ReasonForRevocation::KeyCompromised,
    );
    for (name, signer, signature, good) in [
        (
            "plain",
            &ordinary,
            ordinary.sign_binary(wish(), &data),
            true,
        ),
        ("armored", &ordinary, ordinary.sign_plainly(&data), true),
        (
            "SHA-256",
            &ordinary,
            ordinary.sign(hash(HashAlgorithm::SHA256), &data),
            true,
        ),
        ("text", &ordinary, ordinary.sign(as_text, &crlf), true),
        (
            "by a subkey",
            &with_subkeys,
            with_subkeys.sign(by_subkey, &data),
            true,
        ),
        ("other data", &ordinary, ordinary.sign_plainly(other), false),
        (
            "another's certificate",
            &ordinary,
            with_subkeys.sign_plainly(&data),
            false,
        ),
        (
            "expired signature",
            &ordinary,
            ordinary.sign(expired_signature, &data),
            false,
        ),
        (
            "not for signing",
            &not_for_signing,
            not_for_signing.sign_plainly(&data),
            false,
        ),
        (
            "MD5",
            &ordinary,
            ordinary.sign(hash(HashAlgorithm::MD5), &data),
            false,
        ),
        (
            "truncated",
            &ordinary,
            ordinary.sign_plainly(&data)[..100].to_vec(),
            false,
        ),
        ("empty", &ordinary, Vec::new(), false),
        ("revoked", &revoked, revoked.sign_plainly(&data), false),
    ] {
        let house = House::new();
        house.write("keys/signer.asc", signer.certificate());
        house.write("sha256sums.txt.asc", &signature);
        let ours = house.check(&[]);
        assert_eq!(ours.code, Some(i32::from(!good)), "{name}: {}", ours.out());
        for (verifier, theirs) in verdicts(signer, &signature, &data) {
            // gpgv takes revoked and certify-only keys; there we are stricter.
            let lenient =
                verifier == "gpgv" && ["revoked", "not for signing", "MD5"].contains(&name);
            assert!(theirs == good || lenient, "{verifier}, {name}: {theirs}");
        }
    }
}

/// Returns a house that nobody with GnuPG's configuration would come out of, and
/// variables that point to it.
fn hostile_home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    for directory in ["", ".gnupg", ".config/sequoia", ".local/share/pgp.cert.d"] {
        std::fs::create_dir_all(home.path().join(directory)).unwrap();
        for name in [
            "gpg.conf",
            "gpg-agent.conf",
            "dirmngr.conf",
            "pubring.kbx",
            "pubring.gpg",
            "trustedkeys.gpg",
            "trustdb.gpg",
            "config.toml",
        ] {
            // Whoever opens it waits until the test ends.
            fifo(&home.path().join(directory).join(name));
        }
    }
    home
}

#[test]
fn a_hostile_gnupg_home_has_no_effect() {
    let house = House::new();
    let home = hostile_home();
    let plain = house.check(&[]).expect(0);
    let mut command = house.verify(&["--certs", "keys", "--format", "json"]);
    command
        .env("HOME", home.path())
        .env("GNUPGHOME", home.path())
        .env("XDG_CONFIG_HOME", home.path().join(".config"))
        .env("XDG_DATA_HOME", home.path().join(".local/share"))
        .env("SEQUOIA_HOME", home.path())
        .env("SEQUOIA_CRYPTO_POLICY", home.path().join("config.toml"))
        .env("PGP_CERT_D", home.path().join(".local/share/pgp.cert.d"));
    let outcome = run(&mut command).expect(0);
    assert_eq!(outcome.stdout, plain.stdout);
    // Nor does a key that only GnuPG's home knows become known.
    house.write(
        "sha256sums.txt.asc",
        Signer::ordinary(9).sign_plainly(House::lines().as_bytes()),
    );
    run(&mut command).expect(1);
}

#[test]
fn nothing_is_opened_below_home_and_no_socket_is_made() {
    if !has_program("strace") {
        return;
    }
    let house = House::new();
    let home = hostile_home();
    let log = house.at("trace");
    let outcome = run(Command::new("strace")
        .current_dir(house.at(""))
        .env("HOME", home.path())
        .env("GNUPGHOME", home.path())
        .args(["-f", "-e", "trace=%file,%network", "-o"])
        .arg(&log)
        .arg(env!("CARGO_BIN_EXE_wheelproof"))
        .args(["verify", ".", "--certs", "keys", "--time", TODAY]));
    if !log.exists() || outcome.err().contains("ptrace") {
        crate::skipped!("strace may not trace here: {}", outcome.err().trim());
        return;
    }
    outcome.expect(0);
    let trace = std::fs::read_to_string(&log).unwrap();
    assert!(trace.contains("sha256sums.txt.asc"), "it was traced");
    assert!(trace.contains(WHEEL), "it was traced");
    let home = home.path().to_str().unwrap();
    let touched: Vec<_> = trace
        .lines()
        .filter(|line| !line.contains("execve("))
        .filter(|line| {
            line.contains(home)
                || line.contains("gnupg")
                || line.contains("socket(")
                || line.contains("connect(")
        })
        .collect();
    assert!(touched.is_empty(), "{}", touched.join("\n"));
    // The only program that starts is this one.
    assert_eq!(trace.matches("execve(").count(), 1);
}

#[test]
fn the_test_wheelhouse_of_the_project_passes_here_and_with_gpgv() {
    let fixture = crate::common::fixture("wheelhouse");
    run(wheelproof().arg("verify").arg(&fixture)).expect(0);
    if !has_program("gpgv") || !has_program("gpg") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let keyring = directory.path().join("keyring.gpg");
    let key = Path::new(env!("CARGO_MANIFEST_DIR")).join("keys/test-only.asc");
    let dearmored = Command::new("gpg")
        .env("GNUPGHOME", directory.path())
        .args(["--batch", "--output"])
        .arg(&keyring)
        .arg("--dearmor")
        .arg(key)
        .output()
        .unwrap();
    assert!(dearmored.status.success());
    let checked = Command::new("gpgv")
        .env("GNUPGHOME", directory.path())
        .arg("--keyring")
        .arg(keyring)
        .arg(fixture.join("sha256sums.txt.asc"))
        .arg(fixture.join("sha256sums.txt"))
        .output()
        .unwrap();
    assert!(checked.status.success());
}
