//! `wheelproof requirements`: hashes of verified wheels, held against sha256sum
//! and against pip, which has to install what they say and nothing else.

use std::process::Command;

use crate::common::{FILES, House, Outcome, WHEEL, run, sha256sum, wheelproof};
use crate::installers::pip;
use crate::signing::{Signer, TODAY};

/// Three projects, as another tool wrote them, hashes of an index included.
fn wanted() -> String {
    format!(
        "# by another tool\n\
         wheelproof-example-count==2.1.0 \\\n    --hash=sha256:{}\n\
         Wheelproof.Example_Greeting==1.0 ; python_version >= \"3\"\n\
         wheelproof-example-units[count]==0.3.0\n",
        "0".repeat(64)
    )
}

fn command(house: &House, flags: &[&str]) -> Command {
    let mut command = wheelproof();
    command
        .current_dir(house.at(""))
        .args([
            "requirements",
            ".",
            "in.txt",
            "--certs",
            "keys",
            "--time",
            TODAY,
        ])
        .args(flags);
    command
}

/// Returns a house whose requirements are these.
fn house(requirements: &str) -> House {
    let house = House::new();
    house.write("in.txt", requirements);
    house
}

/// Returns the hashes in the text, in their order.
fn hashes(text: &str) -> Vec<&str> {
    text.split("--hash=sha256:")
        .skip(1)
        .map(|rest| rest.split_whitespace().next().unwrap())
        .collect()
}

#[test]
fn each_requirement_gets_the_hash_of_its_wheel_and_keeps_the_rest() {
    let house = house(&wanted());
    let outcome = run(&mut command(&house, &["--quiet"])).expect(0);
    assert_eq!(outcome.err(), "");
    let text = outcome.out();
    let [count, greeting, units] =
        [FILES[0], FILES[2], FILES[4]].map(|name| sha256sum(&house.wheel(name)));
    assert_eq!(hashes(&text), [&count, &greeting, &units]);
    let manifest = sha256sum(&house.at("sha256sums.txt"));
    assert_eq!(
        text,
        format!(
            "# Hashes of the files in the signed manifest whose sha256 is\n# {manifest}\n\
             wheelproof-example-count==2.1.0 \\\n    --hash=sha256:{count}\n\
             wheelproof-example-greeting==1.0 ; python_version >= \"3\" \\\n    --hash=sha256:{greeting}\n\
             wheelproof-example-units[count]==0.3.0 \\\n    --hash=sha256:{units}\n"
        )
    );
    // Read again, it gives itself.
    house.write("in.txt", &text);
    assert_eq!(
        run(&mut command(&house, &["--quiet"])).expect(0).out(),
        text
    );
}

#[test]
fn pip_installs_what_was_written_and_refuses_another_wheel() {
    let Some(pip) = pip() else { return };
    let house = house(&wanted());
    run(&mut command(&house, &["--output", "out.txt"])).expect(0);
    let install = |target: &str| {
        let mut command = Command::new(&pip.program);
        command
            .current_dir(house.at(""))
            .env("PIP_CONFIG_FILE", "/dev/null")
            .args([
                "install",
                "--no-index",
                "--no-cache-dir",
                "--find-links",
                "wheels",
            ])
            .args([
                "--only-binary",
                ":all:",
                "--require-hashes",
                "-r",
                "out.txt",
            ])
            .args(["--disable-pip-version-check", "--target", target]);
        run(&mut command)
    };
    install("one").expect(0);
    assert!(house.at("one/wheelproof_example_units").is_dir());
    let mut bytes = std::fs::read(house.wheel(WHEEL)).unwrap();
    bytes.push(0);
    std::fs::write(house.wheel(WHEEL), bytes).unwrap();
    let refused = install("two");
    assert_eq!(refused.code, Some(1));
    assert!(refused.err().contains("HASH"), "{}", refused.err());
}

#[test]
fn sdists_are_taken_when_asked_for() {
    let house = house("wheelproof-example-count==2.1.0\n");
    let text = run(&mut command(&house, &["--sdists", "--quiet"]))
        .expect(0)
        .out();
    let both = [FILES[0], FILES[1]].map(|name| sha256sum(&house.wheel(name)));
    assert_eq!(hashes(&text), both);
}

#[track_caller]
fn refused(house: &House, flags: &[&str], code: i32) -> Outcome {
    house.write("out.txt", "as it was");
    let mut all = vec!["--output", "out.txt", "--report", "report.json"];
    all.extend(flags);
    let outcome = run(&mut command(house, &all)).expect(code);
    assert_eq!(outcome.out(), "");
    assert_eq!(std::fs::read(house.at("out.txt")).unwrap(), b"as it was");
    let outcome = run(&mut command(house, flags)).expect(code);
    assert_eq!(
        outcome.out(),
        "",
        "nothing may reach standard output either"
    );
    outcome
}

#[test]
fn nothing_is_written_unless_everything_is_verified() {
    let tampered = house(&wanted());
    std::fs::write(tampered.wheel(FILES[1]), "changed").unwrap();
    let outcome = refused(&tampered, &[], 1);
    assert!(outcome.err().contains("hash-mismatch"));

    let stray = house(&wanted());
    std::fs::write(stray.wheel("x-1-py3-none-any.whl"), "").unwrap();
    refused(&stray, &[], 1);

    let forged = house(&wanted());
    forged.write(
        "sha256sums.txt.asc",
        Signer::ordinary(9).sign_plainly(House::lines().as_bytes()),
    );
    refused(&forged, &[], 1);
    // The files are as signed, and something else speaks against them.
    let junk = house(&wanted());
    junk.write("keys/README", "no certificate");
    refused(&junk, &[], 1);
    let warned = house(&wanted());
    warned.write("keys/two.asc", Signer::ordinary(2).secret_certificate());
    refused(&warned, &["--strict"], 1);
    run(&mut command(&warned, &[])).expect(0);
    refused(&house(&wanted()), &["--threshold", "2"], 1);
    refused(&house(&wanted()), &["--certs", "nowhere"], 3);
    // The neighbour passes.
    run(&mut command(&house(&wanted()), &[])).expect(0);
}

#[test]
fn every_requirement_that_no_signed_wheel_meets_is_named() {
    let house =
        house("wheelproof-example-count==2.1.1\nwheelproof-example-greeting==1.0.0\nother==1\n");
    let outcome = refused(&house, &[], 1);
    assert_eq!(outcome.err().matches("requirement-not-signed").count(), 2);
    assert!(
        outcome.err().contains("in.txt, line 1"),
        "{}",
        outcome.err()
    );
    assert!(outcome.err().contains("other==1"));
}

#[test]
fn a_project_of_which_only_the_sdist_is_signed_needs_to_be_asked_for() {
    let house = house("wheelproof-example-count==2.1.0\n");
    std::fs::remove_file(house.wheel(FILES[0])).unwrap();
    let lines: String = House::lines()
        .lines()
        .filter(|line| !line.ends_with(FILES[0]))
        .map(|line| format!("{line}\n"))
        .collect();
    house.sign(lines);
    let outcome = refused(&house, &[], 1);
    assert!(outcome.err().contains("--sdists"), "{}", outcome.err());
    run(&mut command(&house, &["--sdists"])).expect(0);
}

#[test]
fn requirements_that_lead_elsewhere_or_are_not_pinned_are_usage() {
    for text in [
        "",
        "# nothing\n",
        "wheelproof-example-count\n",
        "wheelproof-example-count>=2\n",
        "--find-links x\n",
        "-e .\n",
        "a @ https://example.invalid/a.whl\n",
        "wheelproof-example-count[x==2.1.0\n",
    ] {
        refused(&house(text), &[], 2);
    }
    let house = house("");
    house.remove("in.txt");
    refused(&house, &[], 2);
}

#[test]
fn a_file_that_cannot_be_written_is_trouble_and_stays() {
    let house = house(&wanted());
    house.write("elsewhere", "as it was");
    std::os::unix::fs::symlink("elsewhere", house.at("out.txt")).unwrap();
    run(&mut command(&house, &["--output", "out.txt"])).expect(3);
    assert_eq!(std::fs::read(house.at("elsewhere")).unwrap(), b"as it was");
    run(&mut command(&house, &["--output", "nowhere/out.txt"])).expect(3);
}
