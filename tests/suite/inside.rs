//! What is inside the files, as far as one file alone does not show it: limits, what
//! is left out, and files that change meanwhile. Which rule each fault raises is in
//! `fixtures/cases/wheel`, `sdist` and `sdist-zip`.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use wheelproof::audit::Use;
use wheelproof::cancel::Cancel;
use wheelproof::pipeline::{self, Progress, Request, TrustSaid};
use wheelproof::policy::Policy;

use crate::common::{House, WHEEL, run, sha256sum};
use crate::signing::TODAY;

#[test]
fn the_limits_of_the_policy_hold_for_both_kinds() {
    let house = House::new();
    for (limits, expected) in [
        ("members = 100", 0),
        ("members = 3", 6),
        ("member-mib = 1", 0),
        ("total-mib = 1\nratio = 1", 0),
    ] {
        house.write(
            "wheelproof.toml",
            format!("[trust]\ncertificates = [\"keys\"]\n[wheelhouse.limits]\n{limits}\n"),
        );
        let outcome = run(&mut house.verify(&["--format", "json"]));
        let errors = outcome.errors();
        assert_eq!(errors, vec!["archive-over-limit"; expected], "{limits}");
        assert_eq!(outcome.code, Some(i32::from(expected > 0)));
    }
}

#[test]
fn a_finding_says_where_in_which_member_and_what() {
    let house = House::new();
    let other = "wheelproof_example_greeting-1.0.0-1-py3-none-any.whl";
    std::fs::rename(house.wheel(WHEEL), house.wheel(other)).unwrap();
    house.sign(House::lines().replace(WHEEL, other));
    let outcome = house.check(&["--strict"]).expect(1);
    let report = outcome.json();
    assert_eq!(report["depth"], "deep");
    let finding = &report["findings"][0];
    assert_eq!(finding["rule"], "wheel-build-mismatch");
    assert_eq!(finding["subject"]["path"], format!("./wheels/{other}"));
    assert_eq!(finding["subject"]["manifest"], "./sha256sums.txt");
    assert_eq!(finding["subject"]["line"], 3);
    assert_eq!(
        finding["subject"]["member"],
        "wheelproof_example_greeting-1.0.0.dist-info/WHEEL"
    );
    assert_eq!(finding["expected"], "1");
    assert_eq!(finding["found"], "no build tag");
}

#[test]
fn what_was_left_out_is_said() {
    let house = House::new();
    let deep = house.text(&[]).expect(0).out();
    assert!(!deep.contains("not looked into"), "{deep}");
    assert_eq!(house.check(&[]).json()["depth"], "deep");
    let shallow = house.text(&["--shallow"]).expect(0).out();
    assert!(
        shallow
            .contains("contents  not looked into: digests only, no RECORD and no archive headers"),
        "{shallow}"
    );
    assert_eq!(house.check(&["--shallow"]).json()["depth"], "shallow");
    house.write(
        "wheelproof.toml",
        "[trust]\ncertificates = [\"keys\"]\n[wheelhouse]\ndepth = \"shallow\"\n",
    );
    assert_eq!(house.check_by_policy(&[]).json()["depth"], "shallow");
    assert_eq!(house.check(&["--deep"]).json()["depth"], "deep");
    house.check(&["--deep", "--shallow"]).expect(2);
}

#[test]
fn only_files_with_their_signed_digest_are_looked_into() {
    let house = House::new();
    house.write(&format!("wheels/{WHEEL}"), "no archive");
    assert_eq!(house.check(&[]).expect(1).errors(), ["hash-mismatch"]);
    house.write("wheels/unlisted-1.0-py3-none-any.whl", "no archive");
    let errors = house.check(&[]).expect(1).errors();
    assert_eq!(errors, ["file-unlisted", "hash-mismatch"]);
}

#[test]
fn run_starts_nothing_over_a_fault_inside() {
    let house = House::new();
    house.write(&format!("wheels/{WHEEL}"), "no archive");
    let lines = House::lines();
    let other = sha256sum(&house.wheel(WHEEL));
    let lines: Vec<String> = lines
        .lines()
        .map(|line| match line.ends_with(WHEEL) {
            true => format!("{other}  {WHEEL}\n"),
            false => format!("{line}\n"),
        })
        .collect();
    house.sign(lines.concat());
    let command = |flags: &[&str]| {
        let mut command = crate::common::wheelproof();
        command
            .current_dir(house.at(""))
            .args(["run", ".", "--certs", "keys", "--time", TODAY])
            .args(flags)
            .args(["--", "echo", "started"]);
        run(&mut command)
    };
    let outcome = command(&[]).expect(125);
    assert!(
        outcome.err().contains("archive-unreadable"),
        "{}",
        outcome.err()
    );
    assert!(!outcome.out().contains("started"));
    assert!(command(&["--shallow"]).expect(0).out().contains("started"));
}

/// Writes to a file when everything is hashed and nothing is looked into yet.
struct Meddler {
    path: PathBuf,
    done: AtomicBool,
}

impl Progress for Meddler {
    fn hashing(&self, _files: u64, _bytes: u64) {}
    fn read(&self, _bytes: u64) {}
    fn hashed(&self) {}
    fn inspecting(&self, files: u64, _bytes: u64) {
        assert_eq!(files, 6);
        let bytes = std::fs::read(&self.path).unwrap();
        std::fs::write(&self.path, bytes).unwrap();
        self.done.store(true, Ordering::SeqCst);
    }
    fn rebuilding(&self, _wheels: u64) {}
    fn building(&self, _wheel: &str) {}
    fn rebuilt(&self, _wheel: &str) {}
}

#[test]
fn a_file_that_is_written_between_hashing_and_looking_is_told() {
    let house = House::new();
    let mut policy = Policy::default();
    policy.trust.certificates = vec![house.at("keys")];
    let request = Request {
        root: house.at(""),
        policy,
        policy_file: None,
        trust_said: TrustSaid::default(),
        reference_time: TODAY.parse().unwrap(),
        strict: false,
        time_is_chosen: true,
        requirements: Use::AsTheyAre,
    };
    let meddler = Meddler {
        path: house.wheel(WHEEL),
        done: AtomicBool::new(false),
    };
    let verification = pipeline::verify("verify", &request, &Cancel::new(), &meddler);
    assert!(meddler.done.load(Ordering::SeqCst));
    let rules: Vec<&str> = verification
        .report
        .findings
        .iter()
        .map(|finding| finding.rule.name)
        .collect();
    assert_eq!(rules, ["file-changed"]);
    assert!(verification.complete().is_none());
}
