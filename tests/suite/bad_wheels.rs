//! Files that are bad on purpose, before `wheelproof explain`: each ends with a clear
//! sentence, in bounded memory and time.
//!
//! CPython writes them (`bad_wheels.py`); what is large is sparse or made of zeros.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::common::{Outcome, pair, run, wheelproof};

/// How much may be mapped, in KiB, program and stacks included.
const MEMORY: u64 = 1 << 20;

/// How long one may take. On a busy machine too it is far less.
const TIME: Duration = Duration::from_secs(120);

/// Explains a pair within the limits.
fn explain(scenario: &str, more: &[&str]) -> Outcome {
    let directory = tempfile::tempdir().unwrap();
    let files = pair("bad_wheels.py", directory.path(), scenario);
    let inner = wheelproof();
    let started = Instant::now();
    let outcome = run(Command::new("sh")
        .args(["-c", &format!("ulimit -v {MEMORY}; exec \"$@\""), "sh"])
        .arg(inner.get_program())
        .arg("explain")
        .args(&files)
        .args(more));
    assert!(started.elapsed() < TIME, "{scenario}");
    outcome
}

#[test]
fn what_is_no_wheel_is_an_error_that_names_the_file_and_the_reason() {
    for (scenario, reason) in [
        ("truncated", "it has no end of central directory record"),
        ("no_wheel", "it has no end of central directory record"),
        ("empty", "it has no end of central directory record"),
        ("bomb", "unpack to 1073741824 bytes, more than 200 times"),
        (
            "million_members",
            "the archive has more than 200000 members",
        ),
    ] {
        let outcome = explain(scenario, &[]).expect(3);
        let told = outcome.err();
        assert!(
            told.contains("rebuilt/probe-1.0-py3-none-any.whl is no wheel that can be read")
                && told.contains(reason)
                && told.contains("next:"),
            "{scenario}: {told}"
        );
        assert!(outcome.out().is_empty(), "{scenario}");
    }
}

#[test]
fn a_member_that_cannot_be_read_stays_unexplained_and_says_why() {
    for (scenario, reason) in [
        ("encrypted", "member 'probe/a.py' is encrypted"),
        ("unknown_method", "only stored and deflate are read"),
        (
            "false_size",
            "member 'probe/a.py' unpacks to more than the 6 bytes it declares",
        ),
    ] {
        let told = explain(scenario, &[]).expect(1).out();
        let line = told
            .lines()
            .find(|line| line.to_lowercase().starts_with("unexplained: probe/a.py"))
            .unwrap_or_else(|| panic!("{scenario}: {told}"));
        assert!(line.contains(reason), "{scenario}: {line}");
        let report = explain(scenario, &["--format", "json"]).expect(1).json();
        let left = report["unexplained"].as_array().unwrap();
        assert!(
            left.iter().any(|one| one["member"] == "probe/a.py"),
            "{scenario}"
        );
    }
}

#[test]
fn the_fields_of_zip64_are_read_as_any_other() {
    let told = explain("zip64", &[]).expect(1).out();
    assert!(
        told.contains("unexplained: probe/a.py: lines from 1: x = 1 → x = 2"),
        "{told}"
    );
}

#[test]
fn many_members_that_all_differ_have_one_cause() {
    let told = explain("many_members", &[]).expect(1).out();
    assert!(
        told.contains("20000 differences, all explained by 1 cause")
            && told.contains("cause[epoch]"),
        "{told}"
    );
    assert!(told.lines().count() <= 10, "{told}");
}

#[test]
fn an_object_that_only_begins_as_one_stays_unexplained() {
    let report = explain("broken_object", &["--format", "json"])
        .expect(1)
        .json();
    assert_eq!(report["causes"].as_array().unwrap().len(), 0);
    assert_eq!(report["unexplained"][0]["member"], "probe/a.so");
}

#[test]
fn a_member_of_more_than_four_gibibytes_takes_no_memory() {
    if cfg!(debug_assertions) {
        crate::skipped!("a member of 4 GiB: slow without optimisation");
        return;
    }
    let told = explain("four_gigabytes", &[]).expect(1).out();
    let line = told.lines().nth(1).unwrap();
    assert!(
        line.contains("probe/zeros.bin") && line.contains("it declares 00000000"),
        "{told}"
    );
}
