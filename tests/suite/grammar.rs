//! What may be typed, and what a command line that may not be typed is answered with:
//! its sentence and its exit code.

use std::process::Command;

use crate::common::{House, Outcome, run, wheelproof};
use crate::signing::TODAY;

/// Runs the program in the directory of a wheelhouse that is in order.
fn typed(house: &House, words: &[&str]) -> Outcome {
    run(wheelproof().current_dir(house.at("")).args(words))
}

/// Fails unless a command line is refused with this code and each of these sentences.
#[track_caller]
fn refused(house: &House, words: &[&str], code: i32, says: &[&str]) {
    let outcome = typed(house, words).expect(code);
    let err = outcome.err();
    assert_eq!(outcome.out(), "", "{words:?}");
    for part in says {
        assert!(err.contains(part), "{words:?} has to say {part:?}: {err}");
    }
    for word in [
        "zero for non-zero",
        "invalid digit",
        "NonZero",
        "u32",
        "i64",
    ] {
        assert!(!err.contains(word), "{words:?}: {err}");
    }
}

#[test]
fn flags_of_all_commands_stand_before_the_command_or_after_it() {
    let house = House::new();
    let rest = ["--certs", "keys", "--time", TODAY];
    for flags in [&["-q"][..], &["--quiet", "--color", "never"]] {
        let before = [flags, &["verify", "."], &rest].concat();
        let after = [&["verify", "."], &rest[..], flags].concat();
        for words in [before, after] {
            assert_eq!(typed(&house, &words).expect(0).out(), "", "{words:?}");
        }
    }
    let never = [&["--color", "never", "verify", "."][..], &rest].concat();
    let always = [&["--color=always", "verify", "."][..], &rest].concat();
    assert!(!typed(&house, &never).expect(0).out().contains('\u{1b}'));
    assert!(typed(&house, &always).expect(0).out().contains('\u{1b}'));
}

#[test]
fn certificates_are_one_path_a_flag_and_the_directory_may_follow() {
    let house = House::new();
    typed(
        &house,
        &["verify", "--certs", "keys/", ".", "--time", TODAY],
    )
    .expect(0);
    typed(
        &house,
        &["run", "--certs", "keys", "--time", TODAY, ".", "--", "true"],
    )
    .expect(0);
    let other = crate::signing::Signer::ordinary(2);
    house.write("other.asc", other.certificate());
    let twice = [
        "verify",
        "--certs",
        "other.asc",
        "--certs",
        "keys",
        ".",
        "--time",
        TODAY,
    ];
    typed(&house, &twice).expect(0);
    typed(
        &house,
        &["verify", "--certs", "other.asc", ".", "--time", TODAY],
    )
    .expect(1);
}

#[test]
fn the_directory_is_the_working_directory_unless_one_is_named() {
    let house = House::new();
    let trust = ["--certs", "keys", "--time", TODAY];
    typed(&house, &[&["verify"], &trust[..]].concat()).expect(0);
    typed(&house, &[&["run"], &trust[..], &["--", "true"]].concat()).expect(0);
    typed(&house, &[&["seal", "sealed"], &trust[..]].concat()).expect(0);
    assert!(house.at("sealed/wheelhouse").is_dir());
    house.write("list.txt", "wheelproof-example-count==2.1.0\n");
    let list = [&["requirements", "list.txt"], &trust[..]].concat();
    let out = typed(&house, &list).expect(0).out();
    assert!(out.contains("--hash=sha256:"), "{out}");
    // The two words may have flags between them.
    let list = [&["requirements", "."], &trust[..], &["list.txt"]].concat();
    assert_eq!(typed(&house, &list).expect(0).out(), out);
    refused(
        &house,
        &["seal", "--certs", "keys"],
        2,
        &["which directory to make", "name OUT"],
    );
    refused(
        &house,
        &["requirements", "--certs", "keys"],
        2,
        &["which requirements"],
    );
}

#[test]
fn a_directory_that_is_none_is_named_before_anything_about_certificates() {
    let house = House::new();
    std::fs::create_dir(house.at("empty")).unwrap();
    std::fs::rename(house.at("wheels"), house.at("wheelhouse")).unwrap();
    for command in ["verify", "audit", "certs", "sign", "manifest", "init"] {
        let says = &[
            "there is no directory wheelhuose",
            "did you mean wheelhouse?",
        ];
        refused(&house, &[command, "wheelhuose"], 2, says);
        let says = &["sha256sums.txt is no directory"];
        refused(&house, &[command, "sha256sums.txt"], 2, says);
    }
    let says = &[
        "there is no directory wheelhuose",
        "did you mean wheelhouse?",
    ];
    refused(&house, &["run", "wheelhuose", "--", "true"], 125, says);
    refused(
        &house,
        &["verify", "nothing/like/it"],
        2,
        &["there is no directory", "'.' is"],
    );
    let says = &[
        "empty holds no wheelhouse",
        "wheelproof.toml",
        "sha256sums.txt",
    ];
    refused(&house, &["verify", "empty"], 2, says);
    // A wheelhouse without certificates lacks those and nothing else.
    refused(&house, &["verify", "."], 2, &["no certificates are named"]);
    let err = typed(&house, &["verify", "."]).err();
    assert!(!err.contains("holds no wheelhouse"), "{err}");
}

#[test]
fn a_number_out_of_range_is_refused_with_its_range() {
    let house = House::new();
    let most = "from 1 to 4294967295";
    refused(
        &house,
        &["verify", "--threshold", "0"],
        2,
        &["number of signers", most],
    );
    refused(
        &house,
        &["verify", "--threshold", "two"],
        2,
        &["number of signers", most],
    );
    let sample = ["rebuild", ".", "--seed", "x", "--sample", "many"];
    refused(
        &house,
        &sample,
        2,
        &["number of wheels is a whole number from 1"],
    );
    refused(
        &house,
        &["rebuild", "--timeout", "5m"],
        2,
        &["seconds", most, "5m is 300"],
    );
    refused(
        &house,
        &["rebuild", "--timeout", "0"],
        2,
        &["seconds", most],
    );
    refused(
        &house,
        &["rebuild", "--memory-mib", "1G"],
        2,
        &["MiB", most],
    );
    refused(&house, &["rebuild", "--jobs", "0"], 2, &["builds at once"]);
    refused(
        &house,
        &["certs", "--days", "many"],
        2,
        &["from 0 to 36500"],
    );
}

/// The dates of a ZIP end with 2107 (APPNOTE 4.4.6); Python's zipfile ends in a
/// `struct.error` after that.
#[test]
fn an_epoch_that_no_wheel_can_have_is_refused_with_the_range() {
    let house = House::new();
    let range = ["315532800 (1980-01-01)", "4354819199 (2107-12-31)"];
    for flag in ["--source-date-epoch", "--clock", "--source-times"] {
        for seconds in ["315532799", "4354819200", "-1", "now"] {
            refused(
                &house,
                &["rebuild", "--all", &format!("{flag}={seconds}")],
                2,
                &range,
            );
        }
        let milliseconds = format!("{flag}=1667997441000");
        let says = "if these are milliseconds, it is 1667997441";
        refused(&house, &["rebuild", "--all", &milliseconds], 2, &[says]);
    }
    for key in ["source-date-epoch", "clock", "source-times"] {
        for (seconds, code) in [(4_354_819_200_i64, 2), (4_354_819_199, 0)] {
            house.write(
                "wheelproof.toml",
                format!(
                    "[trust]\ncertificates = [\"keys\"]\n[rebuild.recipe]\n{key} = {seconds}\n"
                ),
            );
            let outcome = run(&mut house.verify(&[])).expect(code);
            if code == 2 {
                assert!(outcome.err().contains(range[1]), "{}", outcome.err());
            }
        }
    }
}

#[test]
fn a_command_without_its_dashes_is_answered_with_the_whole_line() {
    let house = House::new();
    for (words, line) in [
        (
            &["run", "wheels", "pip", "install", "x y"][..],
            "'wheelproof run wheels -- pip install 'x y''",
        ),
        (
            &["run", "pip", "install"],
            "'wheelproof run -- pip install'",
        ),
        (
            &["-q", "run", "--certs", "keys", ".", "sh", "-c", "id"],
            "'wheelproof -q run --certs keys . -- sh -c id'",
        ),
    ] {
        refused(&house, words, 125, &["put '--' before the command", line]);
    }
}

#[test]
fn a_mistyped_command_is_answered_with_the_one_that_was_meant() {
    let house = House::new();
    for words in [&["verfy"][..], &["help", "verfy"], &["man", "verfy"]] {
        refused(&house, words, 2, &["'verify'"]);
    }
    refused(
        &house,
        &["man", "witness", "fnd"],
        2,
        &["wheelproof witness", "'find'"],
    );
    let says = &["flags of a command stand after it: 'wheelproof verify --certs'"];
    refused(&house, &["--certs", "keys", "verify", "."], 2, says);
    // 'run' is found behind flags, and its code is not CMD's.
    refused(
        &house,
        &["--color", "never", "run", "--no-such-flag"],
        125,
        &["--no-such-flag"],
    );
}

#[test]
fn variables_stand_for_flags_and_flags_win() {
    let house = House::new();
    let other = crate::signing::Signer::ordinary(2);
    house.write("other.asc", other.certificate());
    let with = |certs: &str, flags: &[&str]| {
        let mut command = house.verify(flags);
        run(command.env("WHEELPROOF_CERTS", certs))
    };
    // Nobody sees the environment in a log, so the report says it.
    let out = with("keys", &[]).expect(0).out();
    assert!(
        out.contains("certificates of keys are trusted because the environment says so"),
        "{out}"
    );
    let json = with("keys", &["--format", "json"]).expect(0).json();
    assert_eq!(json["trust"]["certificates_from"], "environment");
    with("other.asc:keys", &[]).expect(0);
    with("other.asc", &[]).expect(1);
    with("other.asc", &["--certs", "keys"]).expect(0);
    // Empty is unset, as for a shell.
    let err = with("", &[]).expect(2).err();
    assert!(err.contains("no certificates are named"), "{err}");
    // A variable wins over the policy.
    house.write(
        "wheelproof.toml",
        "[trust]\ncertificates = [\"other.asc\"]\n",
    );
    with("keys", &[]).expect(0);
    with("", &[]).expect(1);

    let switched = |name: &str, value: &str, words: &[&str]| {
        let mut command = wheelproof();
        run(command
            .current_dir(house.at(""))
            .env(name, value)
            .args(words))
    };
    let verify = ["verify", ".", "--certs", "keys", "--time", TODAY];
    for value in ["1", "true", "Yes", "0", "off", ""] {
        switched("WHEELPROOF_NO_PROGRESS", value, &verify).expect(0);
    }
    for (words, code) in [(&verify[..], 2), (&["run", ".", "--", "true"], 125)] {
        let err = switched("WHEELPROOF_NO_PROGRESS", "maybe", words)
            .expect(code)
            .err();
        assert!(err.contains("WHEELPROOF_NO_PROGRESS is 'maybe'"), "{err}");
        assert!(err.contains("set it to 1 or 0"), "{err}");
    }
    let rebuild = [
        "rebuild", ".", "--all", "--certs", "keys", "--cache", "cache",
    ];
    let err = switched("WHEELPROOF_OFFLINE", "2", &rebuild)
        .expect(2)
        .err();
    assert!(err.contains("WHEELPROOF_OFFLINE is '2'"), "{err}");
    let json = [&rebuild[..], &["--format", "json"]].concat();
    let report = switched("WHEELPROOF_OFFLINE", "2", &json).expect(2).json();
    assert_eq!(report["exit_code"], 2);
}

#[test]
fn every_variable_stands_in_the_page_of_the_command_line() {
    let page = crate::manual::page("docs/command-line.md");
    let help = wheelproof::cli::command();
    let mut named = std::collections::BTreeSet::new();
    for command in help.get_subcommands().chain([&help]) {
        for argument in command.get_arguments() {
            let text = argument
                .get_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            let variable = text.split("[env: ").nth(1);
            named.extend(variable.map(|rest| rest.split([',', ']']).next().unwrap().to_owned()));
        }
    }
    assert!(named.len() >= 4, "{named:?}");
    for name in named {
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn verbose_says_on_standard_error_what_is_read_and_done() {
    let house = House::new();
    let words = ["-v", "verify", ".", "--certs", "keys", "--time", TODAY];
    let outcome = typed(&house, &words).expect(0);
    let err = outcome.err();
    for part in [
        "] policy: none\n",
        "] certificates: keys\n",
        "] manifest: ./sha256sums.txt\n",
        "] signatures: ./sha256sums.txt.asc\n",
        "] hashing 6 files, ",
        "] looking into 6 files, ",
    ] {
        assert!(err.contains(part), "{part:?}: {err}");
    }
    // The report is the same, and says nothing twice.
    let plain = typed(&house, &words[1..]).expect(0);
    assert_eq!((outcome.out(), plain.err()), (plain.out(), String::new()));
    let both = ["-v", "-q", "verify", "."];
    refused(&house, &both, 2, &["cannot be used with"]);
}

#[test]
fn a_rule_is_explained_with_the_paragraph_of_the_manual() {
    let house = House::new();
    let page = crate::manual::page("docs/rules.md");
    for word in ["hash-mismatch", "error[hash-mismatch]:", "[hash-mismatch]"] {
        let out = typed(&house, &["rule", word]).expect(0).out();
        assert!(out.starts_with("error[hash-mismatch]: "), "{out}");
        let paragraph = out.split("\n\n").nth(1).unwrap();
        assert!(
            page.contains(&format!("### `hash-mismatch`\n\n{paragraph}\n")),
            "{out}"
        );
    }
    let list = typed(&house, &["rule"]).expect(0).out();
    assert_eq!(list.lines().count(), wheelproof::finding::rules::ALL.len());
    for rule in wheelproof::finding::rules::ALL {
        assert!(list.contains(rule.name), "{}", rule.name);
        let out = typed(&house, &["rule", rule.name]).expect(0).out();
        assert!(
            out.contains(&format!("[{}]: {}", rule.name, rule.title)),
            "{out}"
        );
    }
    let says = &[
        "there is no rule 'hash-mismach'",
        "did you mean hash-mismatch",
    ];
    refused(&house, &["rule", "hash-mismach"], 2, says);
    refused(
        &house,
        &["rule", "zzz"],
        2,
        &["'wheelproof rule' lists them all"],
    );
}

#[test]
fn completions_and_pages_are_those_that_packages_install() {
    let house = House::new();
    let pages = tempfile::tempdir().unwrap();
    wheelproof::cli::write_pages(pages.path()).unwrap();
    let installed = |name: &str| std::fs::read_to_string(pages.path().join(name)).unwrap();
    for (words, file) in [
        (&["man"][..], "wheelproof.1"),
        (&["man", "verify"], "wheelproof-verify.1"),
        (&["man", "witness", "find"], "wheelproof-witness-find.1"),
        (&["completions", "bash"], "completions/wheelproof"),
        (&["completions", "zsh"], "completions/_wheelproof"),
        (&["completions", "fish"], "completions/wheelproof.fish"),
    ] {
        assert_eq!(
            typed(&house, words).expect(0).out(),
            installed(file),
            "{words:?}"
        );
    }
    for shell in ["elvish", "powershell"] {
        let out = typed(&house, &["completions", shell]).expect(0).out();
        assert!(out.contains("requirements"), "{shell}");
    }
    refused(&house, &["completions", "tcsh"], 2, &["'tcsh'", "bash"]);
    // bash takes it, and completes with it.
    let script = "set -eu; source \"$1\"; COMP_WORDS=(wheelproof ver); COMP_CWORD=1; \
                  _wheelproof wheelproof ver wheelproof; printf '%s\\n' \"${COMPREPLY[@]}\"";
    let mut bash = Command::new("bash");
    bash.args(["-c", script, "bash"])
        .arg(pages.path().join("completions/wheelproof"));
    if crate::common::has_program("bash") {
        assert_eq!(run(&mut bash).expect(0).out(), "verify\n");
    }
}

#[test]
fn a_certificate_or_a_signature_is_inspected_alone() {
    let house = House::new();
    let fingerprint = house.signer.fingerprint().to_string();
    let files = [
        "inspect",
        "--time",
        TODAY,
        "keys/signer.asc",
        "sha256sums.txt.asc",
    ];
    let out = typed(&house, &files).expect(0).out();
    for part in [
        "keys/signer.asc: 1 certificate\n",
        "sha256sums.txt.asc: 1 signature\n",
        &fingerprint,
        "dated 2024-06-01T00:00:00Z",
        "nobody is trusted here, and no signature was checked",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    assert!(!out.contains("PASS"), "{out}");
    let json = typed(&house, &[&files[..], &["--format", "json"]].concat())
        .expect(0)
        .json();
    assert_eq!(json["schema"], "wheelproof.inspect/1");
    assert_eq!(
        json["files"][0]["certificates"][0]["fingerprint"],
        fingerprint
    );
    assert_eq!(
        json["files"][1]["signatures"][0]["cryptography"],
        "unknown-key"
    );

    // What is neither, what is too much, and what is not there.
    let out = typed(&house, &["inspect", "sha256sums.txt"])
        .expect(1)
        .out();
    assert!(out.contains("nothing that could be read"), "{out}");
    house.write("secret.asc", house.signer.secret_certificate());
    let out = typed(&house, &["inspect", "secret.asc", "--time", TODAY])
        .expect(1)
        .out();
    assert!(out.contains("a secret key of"), "{out}");
    refused(
        &house,
        &["inspect", "nowhere.asc"],
        3,
        &["nowhere.asc is not there"],
    );
    refused(&house, &["inspect"], 2, &["<FILE>"]);
}
