//! Who may write the wheelhouse does not decide what passes, unless the user says so.

use std::process::Command;

use crate::common::{House, run, sha256sum, wheelproof};
use crate::signing::TODAY;

/// What the policy of most wheelhouses says.
const TRUSTS: &str = "[trust]\ncertificates = [\"keys\"]\n";

/// Returns a command on the house, from the directory above it.
fn on(house: &House, words: &[&str]) -> Command {
    let mut command = wheelproof();
    command
        .current_dir(house.at("").parent().unwrap())
        .arg(words[0])
        .arg(house.at(""))
        .args(&words[1..]);
    command
}

#[test]
fn every_form_of_the_report_names_the_policy_and_says_that_it_lies_in_the_directory() {
    const LIES: &str = "in the checked directory";
    let house = House::new();
    house.write("wheelproof.toml", TRUSTS);
    let sha256 = sha256sum(&house.at("wheelproof.toml"));
    let elsewhere = tempfile::tempdir().unwrap();
    let mine = elsewhere.path().join("mine.toml");
    std::fs::write(&mine, "# mine\n[trust]\nthreshold = 1\n").unwrap();
    let reports = ["r.json", "r.html", "r.xml", "r.md"].map(|name| elsewhere.path().join(name));
    let text = |flags: &[&str]| {
        let mut command = on(&house, &["verify", "--time", TODAY]);
        for report in &reports {
            command.arg("--report").arg(report);
        }
        let text = run(command.args(flags)).expect(0).out();
        let files = reports
            .iter()
            .map(|path| std::fs::read_to_string(path).unwrap());
        [text].into_iter().chain(files).collect::<Vec<String>>()
    };
    for form in text(&[]) {
        assert!(form.contains(&sha256), "{form}");
        assert!(form.contains("wheelproof.toml"), "{form}");
        assert!(
            form.contains(LIES) || form.contains("\"in_checked_directory\": true"),
            "{form}"
        );
        assert!(
            form.contains("because this policy says so")
                || form.contains("\"chosen_by_directory\": true"),
            "{form}"
        );
    }
    // Named by the user it lies there all the same.
    let own = house.at("wheelproof.toml");
    let named = text(&["--policy", own.to_str().unwrap()]);
    assert!(
        named
            .iter()
            .all(|form| form.contains(LIES) || form.contains("\"in_checked_directory\": true"))
    );
    assert!(named[1].contains("\"named\": true"), "{}", named[1]);
    // One that lies elsewhere is named, and nothing is said of the directory.
    let keys = house.at("keys");
    let keys = keys.to_str().unwrap();
    let sha256 = sha256sum(&mine);
    for form in text(&["--policy", mine.to_str().unwrap(), "--certs", keys]) {
        assert!(form.contains(&sha256), "{form}");
        assert!(
            !form.contains(LIES) && !form.contains("\"in_checked_directory\": true"),
            "{form}"
        );
        assert!(!form.contains("because this policy says so"), "{form}");
    }
    // Where there is none, none is named.
    house.remove("wheelproof.toml");
    for form in text(&["--certs", keys]) {
        assert!(
            !form.contains(LIES) && !form.contains("sha256 of"),
            "{form}"
        );
        assert!(!form.contains("wheelproof.toml"), "{form}");
    }
}

#[test]
fn verify_run_seal_and_audit_say_whom_the_directory_chose_to_believe() {
    const SAYS: &str = "is believed because this policy says so; whoever can write the directory";
    let house = House::new();
    house.write("wheelproof.toml", TRUSTS);
    let fingerprint = house.signer.fingerprint().to_string();
    let out = tempfile::tempdir().unwrap();
    let sealed = out.path().join("sealed");
    let sealed = sealed.to_str().unwrap();
    let cache = out.path().join("cache");
    let tasks: [&[&str]; 4] = [
        &["verify"],
        &["run", "--", "true"],
        &["seal", sealed],
        &["audit", "greeting", "--cache", cache.to_str().unwrap()],
    ];
    for words in tasks {
        let (command, flags) = words.split_first().unwrap();
        let mut all = vec![*command, "--time", TODAY];
        all.extend(flags);
        let done = run(&mut on(&house, &all));
        let said = format!("{}{}", done.out(), done.err());
        let line = said.lines().find(|line| line.contains(SAYS));
        assert!(
            line.is_some_and(|line| line.contains(&fingerprint)),
            "{words:?}: {said}"
        );
    }
    // With a word of the user's own it is not said.
    for flags in [
        ["--signer", &fingerprint],
        ["--certs", house.at("keys").to_str().unwrap()],
    ] {
        let mut command = on(&house, &["verify", "--time", TODAY]);
        let said = run(command.args(flags)).expect(0).out();
        assert!(!said.contains("because this policy says so"), "{said}");
    }
}
