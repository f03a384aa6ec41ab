//! Good signatures over the wrong manifest: of another project, or of another day.

use std::process::{Command, Stdio};

use crate::common::{House, Outcome, run, start, wait, wheelproof};
use crate::signing::{Signer, TODAY, Wish, wish};

/// Returns a house whose manifest has these lines before the list.
fn house_with(lines: &str) -> House {
    let house = House::new();
    house.sign(format!("{lines}{}", House::lines()));
    house
}

// The project.

#[test]
fn a_pinned_project_has_to_be_stated_exactly() {
    for (lines, errors) in [
        ("# wheelproof: project=example\n", &[][..]),
        ("# other\n\n# wheelproof: project=example\n", &[]),
        ("", &["manifest-project-missing"]),
        ("# project=example\n", &["manifest-project-missing"]),
        (
            "#wheelproof: project=example\n",
            &["manifest-project-missing"],
        ),
        (
            "# wheelproof: project = example\n",
            &["manifest-project-missing"],
        ),
        (
            " # wheelproof: project=example\n",
            &["manifest-project-missing", "manifest-line-malformed"],
        ),
        (
            "# wheelproof: project=another\n",
            &["manifest-project-differs"],
        ),
        (
            "# wheelproof: project=Example\n",
            &["manifest-project-differs"],
        ),
        (
            "# wheelproof: project=example2\n",
            &["manifest-project-differs"],
        ),
        (
            "# wheelproof: project=example \n",
            &["manifest-project-missing", "manifest-line-malformed"],
        ),
        (
            "# wheelproof: project=\n",
            &["manifest-project-missing", "manifest-line-malformed"],
        ),
        (
            "# wheelproof: project=ex\u{430}mple\n",
            &["manifest-project-missing", "manifest-line-malformed"],
        ),
        (
            "# wheelproof: project=example\n# wheelproof: project=another\n",
            &["manifest-line-malformed"],
        ),
        (
            "# wheelproof: project=another\n# wheelproof: project=example\n",
            &["manifest-project-differs", "manifest-line-malformed"],
        ),
        (
            "# wheelproof: project=example\n# wheelproof: project=example\n",
            &["manifest-line-malformed"],
        ),
    ] {
        let house = house_with(lines);
        let outcome = house.check(&["--project", "example"]);
        assert_eq!(outcome.errors(), errors, "{lines:?}");
        outcome.expect(i32::from(!errors.is_empty()));
        house.write("wheelproof.toml", "[wheelhouse]\nproject = \"example\"\n");
        assert_eq!(house.check(&[]).errors(), errors, "{lines:?}");
        // sha256sum passes over comments.
        let theirs = run(Command::new("sha256sum")
            .current_dir(house.at("wheels"))
            .args(["--check", "--strict", "--quiet", "../sha256sums.txt"])
            .stdin(Stdio::null()));
        assert_eq!(theirs.code == Some(0), !lines.starts_with(' '), "{lines:?}");
    }
}

#[test]
fn a_stated_project_without_a_pin_is_shown_and_changes_nothing() {
    let house = house_with("# wheelproof: project=example\n");
    let report = house.check(&[]).expect(0).json();
    assert_eq!(report["manifest"]["project"], "example");
    let text = house.text(&[]).expect(0).out();
    assert!(text.contains("6 files, of project example\n"), "{text}");
    let report = House::new().check(&[]).expect(0).json();
    assert_eq!(report["manifest"]["project"], serde_json::Value::Null);
    // What nobody trusted signed states nothing.
    house.write("sha256sums.txt.asc", Signer::ordinary(9).sign_plainly(b"x"));
    let report = house.check(&[]).expect(1).json();
    assert_eq!(report["manifest"]["project"], serde_json::Value::Null);
}

#[test]
fn the_flag_wins_over_the_policy_and_has_to_be_a_name() {
    let house = house_with("# wheelproof: project=example\n");
    house.write("wheelproof.toml", "[wheelhouse]\nproject = \"another\"\n");
    house.check(&[]).expect(1);
    house.check(&["--project", "example"]).expect(0);
    house.check(&["--project", "a b"]).expect(2);
}

// The state.

const FIRST: &str = "2024-06-01T00:00:00Z";
const SECOND: &str = "2024-06-02T00:00:00Z";
const THIRD: &str = "2024-06-03T00:00:00Z";

fn made(made: &'static str) -> Wish {
    Wish { made, ..wish() }
}

/// Signs the list with a comment that tells it from others.
fn publish(house: &House, comment: &str, time: &'static str) {
    let manifest = format!("# {comment}\n{}", House::lines());
    let signature = house.signer.sign(made(time), manifest.as_bytes());
    house.write("sha256sums.txt", &manifest);
    house.write("sha256sums.txt.asc", signature);
}

/// Returns the command `verify` with a state file. The clock decides: a chosen time
/// is never remembered.
fn with_state(house: &House, flags: &[&str]) -> Command {
    let mut command = wheelproof();
    command
        .current_dir(house.at(""))
        .args(["verify", ".", "--certs", "keys", "--format", "json"])
        .args(["--state", "state.json"])
        .args(flags);
    command
}

fn check(house: &House, flags: &[&str]) -> Outcome {
    run(&mut with_state(house, flags))
}

fn state(house: &House) -> String {
    std::fs::read_to_string(house.at("state.json")).unwrap()
}

#[test]
fn an_older_manifest_is_refused_once_a_newer_one_was_accepted() {
    let house = House::new();
    publish(&house, "one", FIRST);
    check(&house, &[]).expect(0);
    publish(&house, "two", SECOND);
    check(&house, &[]).expect(0);
    check(&house, &[]).expect(0);
    let remembered = state(&house);
    assert!(remembered.contains(SECOND), "{remembered}");
    publish(&house, "one", FIRST);
    let outcome = check(&house, &[]).expect(1);
    assert_eq!(outcome.errors(), ["manifest-older-than-seen"]);
    let finding = outcome.json()["findings"][0].clone();
    assert!(finding["expected"].as_str().unwrap().contains(SECOND));
    assert!(finding["found"].as_str().unwrap().contains(FIRST));
    assert_eq!(state(&house), remembered);
    // Without the state it passes: that is what the state is for.
    house.check(&[]).expect(0);
    // The same old list, signed anew, is a new decision of the signer.
    publish(&house, "one", THIRD);
    check(&house, &[]).expect(0);
    publish(&house, "two", SECOND);
    check(&house, &[]).expect(1);
}

#[test]
fn the_same_manifest_is_never_older_than_itself() {
    let house = House::new();
    publish(&house, "one", SECOND);
    check(&house, &[]).expect(0);
    let remembered = state(&house);
    // Its first signature is found again.
    publish(&house, "one", FIRST);
    check(&house, &[]).expect(0);
    assert_eq!(state(&house), remembered);
    // Another one of the same second is not older.
    publish(&house, "two", SECOND);
    check(&house, &[]).expect(0);
}

#[test]
fn one_of_two_signers_cannot_make_an_old_manifest_young() {
    let house = House::new();
    let other = Signer::ordinary(2);
    house.write("keys/other.asc", other.certificate());
    let publish = |comment: &str, times: [&'static str; 2]| {
        let manifest = format!("# {comment}\n{}", House::lines());
        let signatures = [
            house.signer.sign(made(times[0]), manifest.as_bytes()),
            other.sign(made(times[1]), manifest.as_bytes()),
        ];
        house.write("sha256sums.txt", &manifest);
        house.write("sha256sums.txt.asc", signatures.concat());
    };
    publish("two", [SECOND, SECOND]);
    check(&house, &["--threshold", "2"]).expect(0);
    // The first signed long ago; only the second signs again.
    publish("one", [FIRST, THIRD]);
    assert_eq!(
        check(&house, &["--threshold", "2"]).expect(1).errors(),
        ["manifest-older-than-seen"]
    );
    publish("one", [THIRD, THIRD]);
    check(&house, &["--threshold", "2"]).expect(0);
}

#[test]
fn only_a_full_pass_at_the_clocks_time_is_remembered() {
    let house = House::new();
    publish(&house, "one", FIRST);
    house.write("wheels/extra", "x");
    check(&house, &[]).expect(1);
    assert!(!house.at("state.json").exists());
    house.remove("wheels/extra");
    // What would have passed at a chosen time says nothing about now.
    check(&house, &["--time", TODAY]).expect(0);
    assert!(!house.at("state.json").exists());
    // A warning under --strict is no pass, and without it it is one.
    house.write("keys/signer.asc", house.signer.secret_certificate());
    check(&house, &["--strict"]).expect(1);
    assert!(!house.at("state.json").exists());
    check(&house, &[]).expect(0);
    assert!(state(&house).contains(FIRST));
    // A chosen time refuses going back as well.
    publish(&house, "two", SECOND);
    check(&house, &[]).expect(0);
    publish(&house, "one", FIRST);
    check(&house, &["--time", TODAY]).expect(1);
}

#[test]
fn a_state_that_is_none_is_trouble_and_never_replaced() {
    let house = House::new();
    for text in [
        "",
        "{}",
        "not JSON",
        "{\"schema\": \"wheelproof.state/2\", \"wheelhouses\": {}}",
    ] {
        house.write("state.json", text);
        let report = check(&house, &[]).expect(3).json();
        assert_eq!(report["verdict"], "error");
        assert!(
            report["errors"][0]["message"]
                .as_str()
                .unwrap()
                .contains("state.json")
        );
        assert_eq!(state(&house), text);
    }
    house.remove("state.json");
    crate::common::fifo(&house.at("state.json"));
    check(&house, &[]).expect(3);
    house.remove("state.json");
    // A directory that is not there, or not to be written to.
    let mut command = wheelproof();
    command.current_dir(house.at("")).args([
        "verify",
        ".",
        "--certs",
        "keys",
        "--state",
        "nowhere/state.json",
    ]);
    run(&mut command).expect(3);
    check(&house, &[]).expect(0);
}

#[test]
fn wheelhouses_are_told_apart_by_pinned_project_or_else_by_place() {
    let one = House::new();
    let two = House::new();
    let stated = "x\n# wheelproof: project=example";
    let shared = one.at("state.json");
    let check = |house: &House, flags: &[&str]| {
        let mut command = wheelproof();
        command
            .current_dir(house.at(""))
            .args([
                "verify", ".", "--certs", "keys", "--format", "json", "--state",
            ])
            .arg(&shared)
            .args(flags);
        run(&mut command)
    };
    publish(&one, "two", SECOND);
    check(&one, &[]).expect(0);
    publish(&two, "one", FIRST);
    check(&two, &[]).expect(0);
    // With the same project pinned, two places are one wheelhouse.
    publish(&one, stated, SECOND);
    check(&one, &["--project", "example"]).expect(0);
    publish(&two, &format!("older {stated}"), FIRST);
    let outcome = check(&two, &["--project", "example"]).expect(1);
    assert_eq!(outcome.errors(), ["manifest-older-than-seen"]);
    let remembered = std::fs::read_to_string(&shared).unwrap();
    assert!(remembered.contains("\"project example\""), "{remembered}");
    assert_eq!(remembered.matches("\"manifest /").count(), 2);
}

#[test]
fn the_policy_names_the_state_and_run_heeds_it_too() {
    let house = House::new();
    house.write("wheelproof.toml", "[wheelhouse]\nstate = \"state.json\"\n");
    publish(&house, "two", SECOND);
    let start = || {
        run(wheelproof()
            .current_dir(house.at(""))
            .args(["run", ".", "--policy", "wheelproof.toml"])
            .args(["--certs", "keys", "--", "true"]))
    };
    start().expect(0);
    assert!(state(&house).contains(SECOND));
    publish(&house, "one", FIRST);
    let outcome = start().expect(125);
    assert!(outcome.err().contains("manifest-older-than-seen"));
}

#[test]
fn two_at_once_both_finish_and_the_newest_stays() {
    let house = House::new();
    for round in 0..4 {
        publish(&house, "one", FIRST);
        let _ = std::fs::remove_file(house.at("state.json"));
        let running: Vec<_> = (0..4)
            .map(|_| start(&mut with_state(&house, &[])))
            .collect();
        for child in running {
            wait(child).expect(0);
        }
        assert!(state(&house).contains(FIRST), "{round}");
    }
    // Nothing but the state and its lock is left.
    let left: Vec<_> = std::fs::read_dir(house.at(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !["wheels", "keys"].contains(&name.as_str()) && !name.starts_with("sha256"))
        .collect();
    assert_eq!(left.len(), 2, "{left:?}");
}
