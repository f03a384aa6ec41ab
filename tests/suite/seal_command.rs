//! `wheelproof seal`: a copy that stays, and nothing at all where it may not be.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::common::{FILES, House, WHEEL, as_ordinary_user, fifo, run, sha256sum, wheelproof};
use crate::installers;
use crate::signing::TODAY;

/// Returns the command `seal` with the signer's certificate, from the directory.
fn seal(house: &House, out: &str, flags: &[&str]) -> Command {
    let mut command = wheelproof();
    command
        .current_dir(house.at(""))
        .args([
            "seal", ".", out, "--time", TODAY, "--certs", "keys", "--color", "never",
        ])
        .args(flags);
    command
}

/// Returns the names in a directory, sorted.
fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn variables(text: &str) -> BTreeMap<&str, &str> {
    text.lines()
        .map(|line| line.split_once('=').unwrap())
        .collect()
}

#[test]
fn the_copy_stays_and_holds_the_signed_files_and_nothing_else() {
    let house = House::new();
    house.write("wheels/.empty", "");
    run(&mut seal(&house, "sealed", &["--allow-unlisted", ".empty"])).expect(0);
    assert_eq!(
        names(&house.at("sealed")),
        ["environment", "sealed.json", "uv.toml", "wheelhouse"]
    );
    assert_eq!(names(&house.at("sealed/wheelhouse")), FILES);
    let stated = Command::new("sh")
        .current_dir(house.at("sealed"))
        .args([
            "-c",
            "stat -c %a . wheelhouse environment sealed.json; stat -c '%a %h' wheelhouse/* | sort -u; \
             cd wheelhouse; sha256sum -- *",
        ])
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(stated.stdout).unwrap(),
        format!("700\n555\n444\n444\n444 1\n{}", House::lines())
    );
    let listed: serde_json::Value =
        serde_json::from_slice(&std::fs::read(house.at("sealed/sealed.json")).unwrap()).unwrap();
    assert_eq!(listed["schema"], "wheelproof.sealed/1");
    for name in FILES {
        assert_eq!(listed["files"][name], sha256sum(&house.wheel(name)));
    }
    // What happens to the original afterwards changes nothing.
    let signed = sha256sum(&house.wheel(WHEEL));
    house.write(&format!("wheels/{WHEEL}"), "evil");
    assert_eq!(
        sha256sum(&house.at("sealed/wheelhouse").join(WHEEL)),
        signed
    );
    // No temporary directory is left beside it.
    let left = names(&house.at(""));
    assert!(
        left.iter().all(|name| !name.starts_with("wheelproof-")),
        "{left:?}"
    );
}

#[test]
fn the_variables_are_those_that_a_command_of_run_is_given() {
    let house = House::new();
    house.write("requirements.txt", "wheelproof-example-units==0.3.0\n");
    for flags in [&[][..], &["--requirements", "requirements.txt"]] {
        // Its directories are read-only, which holds for everybody but root.
        let _ = Command::new("sh")
            .args([
                "-c",
                "test ! -e \"$0\" || chmod -R u+w \"$0\"; rm -rf \"$0\"",
            ])
            .arg(house.at("sealed"))
            .status();
        let told = run(&mut house.run(flags, &["env"])).expect(0).out();
        let told = variables(&told);
        let private = told["WHEELPROOF_WHEELHOUSE"].trim_end_matches("/wheelhouse");
        let top = house.at("sealed");
        let top = top.to_str().unwrap();
        let expected: BTreeMap<&str, String> = told
            .iter()
            .filter(|(name, _)| {
                ["PIP_", "UV_", "WHEELPROOF_"]
                    .iter()
                    .any(|prefix| name.starts_with(prefix))
            })
            .map(|(name, value)| (*name, value.replace(private, top)))
            .collect();
        assert!(expected.len() > 10);

        let mut only = vec!["--environment"];
        only.extend(flags);
        let printed = run(&mut seal(&house, "sealed", &only)).expect(0).out();
        assert!(!house.at("sealed").exists(), "--environment copies nothing");
        run(&mut seal(&house, "sealed", flags)).expect(0);
        let written = std::fs::read_to_string(house.at("sealed/environment")).unwrap();
        assert_eq!(printed, written);
        let written: BTreeMap<&str, String> = variables(&written)
            .into_iter()
            .map(|(name, value)| (name, value.to_owned()))
            .collect();
        assert_eq!(written, expected);
    }
}

#[test]
fn installers_that_are_given_the_variables_find_the_sealed_files_only() {
    let house = House::new();
    run(&mut seal(&house, "sealed", &[])).expect(0);
    for installer in installers::installers() {
        let target = house.at(installer.name);
        let install = |what: &str| {
            let script = format!(
                "set -a; . sealed/environment; set +a; {} {what}",
                installer.install_to(target.to_str().unwrap())
            );
            run(Command::new("sh")
                .current_dir(house.at(""))
                .args(["-c", &script]))
        };
        install("wheelproof-example-units").expect(0);
        assert!(target.join("wheelproof_example_units").is_dir());
        // `six` is on every index, and in no copy of this.
        assert_ne!(install("six").code, Some(0), "{}", installer.name);
    }
}

#[test]
fn with_requirements_the_copy_holds_what_they_admit_and_asks_for_hashes() {
    let house = House::new();
    house.write("requirements.txt", "wheelproof-example-units==0.3.0\n");
    run(&mut seal(
        &house,
        "sealed",
        &["--requirements", "requirements.txt"],
    ))
    .expect(0);
    assert_eq!(
        names(&house.at("sealed/wheelhouse")),
        [FILES[4], FILES[5]],
        "the wheel and the sdist of the one project"
    );
    let list = std::fs::read_to_string(house.at("sealed/requirements.txt")).unwrap();
    assert!(list.contains(&sha256sum(&house.wheel(FILES[4]))), "{list}");
}

#[test]
fn nothing_is_there_unless_everything_holds() {
    for (breaking, code, says) in [
        (
            (|house: &House| house.write("wheels/extra", "")) as fn(&House),
            1,
            "file-unlisted",
        ),
        (
            |house| house.write(&format!("wheels/{WHEEL}"), ""),
            1,
            "hash-mismatch",
        ),
        (
            |house| house.remove("sha256sums.txt.asc"),
            1,
            "signature-missing",
        ),
        (|house| fifo(&house.at("wheels/pipe")), 1, "special-file"),
        (|house| house.write("wheelproof.toml", "x"), 2, "toml:1:"),
        (
            |house| {
                for name in FILES {
                    house.remove(&format!("wheels/{name}"));
                }
                house.sign("# No files\n");
            },
            4,
            "EMPTY",
        ),
    ] {
        let house = House::new();
        breaking(&house);
        let before = names(&house.at(""));
        let outcome = run(&mut seal(&house, "sealed", &[])).expect(code);
        let said = outcome.out() + &outcome.err();
        assert!(said.contains(says), "{says}: {said}");
        assert_eq!(names(&house.at("")), before);
    }
}

#[test]
fn what_is_there_already_is_left_alone() {
    let house = House::new();
    std::fs::create_dir(house.at("directory")).unwrap();
    house.write("file", "mine");
    std::os::unix::fs::symlink("/nowhere", house.at("link")).unwrap();
    for out in ["directory", "file", "link"] {
        let outcome = run(&mut seal(&house, out, &[])).expect(2);
        assert!(outcome.err().contains("is there already"));
        let code = run(&mut seal(&house, out, &["--format", "json"])).expect(2);
        assert_eq!(code.json()["exit_code"], 2);
    }
    assert_eq!(names(&house.at("directory")), [""; 0]);
    assert_eq!(std::fs::read(house.at("file")).unwrap(), b"mine");
    assert!(house.at("link").symlink_metadata().unwrap().is_symlink());
}

#[test]
fn a_place_that_installers_would_divide_is_refused() {
    let house = House::new();
    // pip divides its list at white space, uv at commas.
    for out in ["two words", "a,b", "a\tb", "a\nb"] {
        for flags in [&[][..], &["--environment"]] {
            let outcome = run(&mut seal(&house, out, flags)).expect(2);
            assert!(outcome.err().contains("divides"), "{}", outcome.err());
            assert!(!house.at(out).exists());
        }
    }
}

#[test]
fn a_copy_or_a_report_that_cannot_be_written_leaves_nothing() {
    let house = House::new();
    run(&mut seal(&house, "no/where", &[])).expect(3);
    let report = ["--report", "no/where.json"];
    run(&mut seal(&house, "sealed", &report)).expect(3);
    assert!(!house.at("sealed").exists());
    let before = names(&house.at(""));
    // The sdists have 20 KiB each.
    let full = seal(&house, "sealed", &[]);
    let mut limited = Command::new("bash");
    limited
        .current_dir(house.at(""))
        .args(["-c", "ulimit -f 8; exec \"$0\" \"$@\""])
        .arg(full.get_program())
        .args(full.get_args());
    run(&mut limited).expect(3);
    assert_eq!(names(&house.at("")), before);
}

#[test]
fn nobody_else_can_write_to_the_copy() {
    let house = House::new();
    house.mode("", 0o777);
    let mut command = seal(&house, "sealed", &[]);
    if as_ordinary_user(&mut command) {
        run(&mut command).expect(0);
        let mut writes = Command::new("sh");
        writes
            .current_dir(house.at("sealed/wheelhouse"))
            .args(["-c", "touch new; rm -f -- *count*.whl; ls | wc -l"]);
        as_ordinary_user(&mut writes);
        let outcome = run(&mut writes);
        assert!(outcome.out().trim().ends_with('6'), "{}", outcome.out());
    }
}
