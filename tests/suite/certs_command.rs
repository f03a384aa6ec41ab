//! `wheelproof certs`, and the warning of `verify` before a key lapses.

use std::process::Command;

use sequoia::types::ReasonForRevocation;
use sequoia_openpgp as sequoia;

use crate::common::{House, Outcome, has_program, run, wheelproof};
use crate::signing::{BEGIN, SIGNED, Signer, Subkey, TODAY, Use, plan, subkey};

/// Returns the command `certs` over the keys of the house, at [`TODAY`].
fn command(house: &House, flags: &[&str]) -> Command {
    let mut command = wheelproof();
    command
        .current_dir(house.at(""))
        .args(["certs", ".", "--certs", "keys", "--time", TODAY])
        .args(flags);
    command
}

#[track_caller]
fn certs(house: &House, flags: &[&str]) -> Outcome {
    let mut all = vec!["--format", "json"];
    all.extend(flags);
    run(&mut command(house, &all))
}

/// A house in which this is the only certificate.
fn with(signer: &Signer) -> House {
    let house = House::new();
    house.write("keys/signer.asc", signer.certificate());
    house
}

fn expiring(number: u8, expires: &'static str) -> Signer {
    let mut plan = plan(number);
    plan.expires = Some(expires);
    Signer::new(plan)
}

#[test]
fn a_certificate_that_never_expires_needs_no_attention() {
    let house = House::new();
    let report = certs(&house, &["--days", "36500"]).expect(0).json();
    let certificate = &report["certificates"][0];
    assert_eq!(
        certificate["fingerprint"],
        house.signer.fingerprint().to_string()
    );
    assert_eq!(certificate["state"], "valid");
    assert_eq!(certificate["pinned"], false);
    assert!(certificate["lapses"].is_null());
    let key = &certificate["keys"][0];
    assert_eq!(key["created"], BEGIN);
    assert!(key["algorithm"].as_str().unwrap().contains("Ed25519"));
    let text = run(&mut command(&house, &[])).expect(0).out();
    assert!(text.contains("never expires"), "{text}");
}

#[test]
fn a_certificate_lapses_soon_or_not_by_the_day() {
    // TODAY is 2025-01-01; 60 days later is 2025-03-02.
    for (expires, code) in [
        ("2025-03-01T23:59:59Z", 1),
        ("2025-03-02T00:00:00Z", 0),
        ("2025-01-01T00:00:01Z", 1),
    ] {
        let house = with(&expiring(1, expires));
        let outcome = certs(&house, &[]).expect(code);
        let report = outcome.json();
        assert_eq!(report["certificates"][0]["lapses"], expires);
        if code == 1 {
            assert_eq!(outcome.errors(), ["certificate-lapses-soon"]);
        }
        certs(&house, &["--days", "0"]).expect(0);
        certs(&house, &["--days", "61"]).expect(1);
    }
}

#[test]
fn the_policy_says_how_many_days_and_the_flag_wins() {
    let house = with(&expiring(1, "2025-03-01T00:00:00Z"));
    house.write(
        "wheelproof.toml",
        "[trust]\ncertificates = [\"keys\"]\nlapse-warning-days = 10\n",
    );
    let named = ["--policy", "wheelproof.toml"];
    certs(&house, &named).expect(0);
    certs(&house, &["--days", "60"]).expect(1);
    house.write("wheelproof.toml", "[trust]\nlapse-warning-days = 59\n");
    certs(&house, &named).expect(0);
    house.write("wheelproof.toml", "[trust]\nlapse-warning-days = 60\n");
    certs(&house, &[]).expect(1);
}

#[test]
fn each_way_of_not_being_able_to_sign_has_its_word() {
    let encrypts = {
        let mut plan = plan(1);
        plan.primary_signs = false;
        Signer::new(plan).with_subkey(Subkey {
            for_use: Use::Encrypt,
            ..subkey(11)
        })
    };
    let unborn = {
        let mut plan = plan(1);
        (plan.created, plan.bound) = ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z");
        Signer::new(plan)
    };
    for (signer, state) in [
        (expiring(1, SIGNED), "expired"),
        (
            Signer::ordinary(1).revoked(SIGNED, ReasonForRevocation::KeyRetired),
            "revoked",
        ),
        (encrypts, "not-for-signing"),
        (unborn, "not-yet-valid"),
    ] {
        let house = with(&signer);
        let outcome = certs(&house, &[]).expect(1);
        assert_eq!(outcome.errors(), ["certificate-unusable"], "{state}");
        assert_eq!(outcome.json()["certificates"][0]["state"], state);
    }
}

/// gpg made them, and openssl the numbers of two; fixtures/foreign/make says how.
#[test]
fn certificates_that_cannot_be_checked_are_told_as_that_and_not_as_unbound() {
    if !cfg!(feature = "crypto-rust") {
        return;
    }
    for (name, state, says) in [
        ("rsa-5120", "unsupported", "5120 bits, more than 4096"),
        ("rsa-exponent", "unsupported", "an exponent of 34 bits"),
        ("rsa-sha3", "unsupported", "RSA with SHA3-512"),
        ("brainpool-p256", "unsupported", "brainpoolP256r1"),
        ("secp256k1", "unsupported", "secp256k1"),
        ("rsa-1024", "too-weak", "1024 bits"),
        ("dsa-1024", "too-weak", "1024 bits"),
        ("owner-revoked", "valid", ""),
    ] {
        let house = House::new();
        house.remove("keys/signer.asc");
        let from = crate::common::fixture("foreign").join(format!("{name}.asc"));
        std::fs::copy(from, house.at("keys/it.asc")).unwrap();
        let outcome = certs(&house, &[]);
        let report = outcome.json();
        let certificate = &report["certificates"][0];
        assert_eq!(certificate["state"], state, "{name}");
        for key in certificate["keys"].as_array().unwrap() {
            let reason = key["reason"].as_str().unwrap();
            assert!(reason.contains(says), "{name}: {reason}");
            assert!(!reason.contains("not bound"), "{name}: {reason}");
        }
        // The revoker of the last one is not there.
        let expected: &[&str] = match state {
            "valid" => &["revocation-unchecked"],
            _ => &["certificate-unusable"],
        };
        let rules: Vec<String> = outcome.rules().into_iter().map(|(rule, _)| rule).collect();
        assert_eq!(rules, expected, "{name}");
    }
}

#[test]
fn one_good_subkey_is_enough_and_the_latest_to_expire_counts() {
    let until = |number, expires| Subkey {
        expires,
        ..subkey(number)
    };
    let mut primary = plan(1);
    primary.primary_signs = false;
    let signer = Signer::new(primary)
        .with_subkey(until(11, Some(SIGNED)))
        .with_subkey(until(12, Some("2025-02-01T00:00:00Z")))
        .with_subkey(until(13, Some("2025-12-01T00:00:00Z")));
    let house = with(&signer);
    let report = certs(&house, &[]).expect(0).json();
    let certificate = &report["certificates"][0];
    assert_eq!(certificate["lapses"], "2025-12-01T00:00:00Z");
    let states: Vec<&str> = certificate["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["state"].as_str().unwrap())
        .collect();
    let mut sorted = states.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, ["expired", "valid", "valid"]);
    // The whole certificate ends before its last key.
    primary.expires = Some("2025-01-31T00:00:00Z");
    let signer = Signer::new(primary).with_subkey(until(13, Some("2025-12-01T00:00:00Z")));
    let house = with(&signer);
    let report = certs(&house, &[]).expect(1).json();
    assert_eq!(report["certificates"][0]["lapses"], "2025-01-31T00:00:00Z");
}

#[test]
fn only_pinned_certificates_are_judged_where_there_are_pins() {
    let house = House::new();
    let old = expiring(2, SIGNED);
    house.write("keys/old.asc", old.certificate());
    certs(&house, &[]).expect(1);
    let pin = house.signer.fingerprint().to_string();
    let report = certs(&house, &["--signer", &pin]).expect(0).json();
    assert_eq!(report["certificates"].as_array().unwrap().len(), 2);
    let pinned: Vec<_> = report["certificates"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|certificate| certificate["pinned"] == true)
        .map(|certificate| certificate["fingerprint"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(pinned, [pin]);
    let old = old.fingerprint().to_string();
    certs(&house, &["--signer", &old]).expect(1);
}

#[test]
fn junk_and_secret_keys_are_told_as_verify_tells_them() {
    let house = House::new();
    house.write("keys/secret.asc", Signer::ordinary(2).secret_certificate());
    let outcome = certs(&house, &[]).expect(0);
    assert_eq!(
        outcome.rules(),
        [("certificate-secret-key".to_owned(), "warning".to_owned())]
    );
    certs(&house, &["--strict"]).expect(1);
    house.write("keys/README", "hello");
    let outcome = certs(&house, &[]).expect(1);
    assert_eq!(outcome.errors(), ["certificate-malformed"]);
    let missing = Signer::ordinary(9).fingerprint().to_string();
    let outcome = certs(&House::new(), &["--signer", &missing]).expect(1);
    assert_eq!(outcome.errors(), ["certificate-missing"]);
}

#[test]
fn nobody_is_usage_and_a_directory_without_certificates_is_trouble() {
    let house = House::new();
    let mut command = wheelproof();
    run(command.current_dir(house.at("")).args(["certs", "."])).expect(2);
    house.remove("keys/signer.asc");
    certs(&house, &[]).expect(3);
    run(wheelproof()
        .current_dir(house.at(""))
        .args(["certs", ".", "--certs", "nowhere"]))
    .expect(3);
}

#[test]
fn gpg_agrees_about_the_day() {
    if !has_program("gpg") {
        return;
    }
    let signer = expiring(1, "2025-03-01T12:34:56Z");
    let house = with(&signer);
    let report = certs(&house, &["--days", "0"]).expect(0).json();
    std::fs::create_dir(house.at("home")).unwrap();
    house.mode("home", 0o700);
    let mut gpg = Command::new("gpg");
    gpg.env("GNUPGHOME", house.at("home"))
        .args([
            "--batch",
            "--with-colons",
            "--import-options",
            "show-only",
            "--import",
        ])
        .arg(house.at("keys/signer.asc"));
    let listed = run(&mut gpg).expect(0).out();
    let expires: i64 = listed
        .lines()
        .find(|line| line.starts_with("pub:"))
        .and_then(|line| line.split(':').nth(6))
        .unwrap()
        .parse()
        .unwrap();
    let theirs = wheelproof::time::UtcTime::from_unix_seconds(expires).unwrap();
    assert_eq!(report["certificates"][0]["lapses"], theirs.to_string());
}

// The warning of verify.

/// Signs a house by somebody and returns what verify says.
#[track_caller]
fn verified(signer: Signer, flags: &[&str]) -> Outcome {
    let mut house = with(&signer);
    house.signer = signer;
    house.sign(House::lines());
    house.check(flags)
}

#[test]
fn verify_warns_before_the_key_that_signed_lapses() {
    let soon = || expiring(1, "2025-02-01T00:00:00Z");
    let outcome = verified(soon(), &[]).expect(0);
    assert_eq!(
        outcome.rules(),
        [("certificate-lapses-soon".to_owned(), "warning".to_owned())]
    );
    let found = outcome.json()["findings"][0]["found"].to_string();
    assert!(found.contains("31 days away"), "{found}");
    verified(soon(), &["--strict"]).expect(1);
    // The neighbours: later, and not at all.
    for later in ["2025-03-02T00:00:00Z", "2030-01-01T00:00:00Z"] {
        let outcome = verified(expiring(1, later), &["--strict"]).expect(0);
        assert!(outcome.rules().is_empty());
    }
}

#[test]
fn the_policy_turns_the_warning_off_or_moves_it() {
    let signer = expiring(1, "2025-02-01T00:00:00Z");
    let mut house = with(&signer);
    house.signer = signer;
    house.sign(House::lines());
    for (days, count) in [("0", 0), ("31", 0), ("32", 1)] {
        house.write(
            "wheelproof.toml",
            format!("[trust]\nlapse-warning-days = {days}\n"),
        );
        let rules = house.check_by_policy(&[]).expect(0).rules();
        assert_eq!(rules.len(), count, "{days}");
    }
}

#[test]
fn a_signer_who_does_not_count_is_not_warned_about() {
    let house = House::new();
    let other = expiring(2, "2025-02-01T00:00:00Z");
    house.write("keys/other.asc", other.certificate());
    assert!(house.check(&[]).expect(0).rules().is_empty());
}
