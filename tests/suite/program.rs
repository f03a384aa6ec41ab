//! The program as a process: policy and command line, streams, signals, and
//! input that would make it wait, grow or lie.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::common::{
    House, Outcome, WHEEL, as_ordinary_user, fifo, run, send, start, wait, wheelproof,
};
use crate::signing::{Plan, Signer, TODAY, plan};

/// Fails if the bytes hold what a terminal would obey or hide.
#[track_caller]
fn assert_safe(bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap();
    for character in text.chars() {
        let safe = character == '\n'
            || !(character.is_control()
                || ('\u{200b}'..='\u{200f}').contains(&character)
                || ('\u{202a}'..='\u{202e}').contains(&character)
                || ('\u{2066}'..='\u{2069}').contains(&character));
        assert!(safe, "{character:?} in {text}");
    }
}

// The command line.

#[test]
fn a_wrong_command_line_is_usage() {
    let house = House::new();
    for flags in [
        &["--no-such-flag"][..],
        &["--threshold", "0"],
        &["--threshold", "many"],
        &["--time", "yesterday"],
        &["--format", "yaml"],
        &["--signer", "DEADBEEF"],
        &["--key-validity", "never"],
        &["--allow-unlisted", "../x"],
        &["--strict", "one-directory-too-many"],
    ] {
        let outcome = house.text(flags).expect(2);
        assert_eq!(outcome.stdout, b"", "{flags:?}");
        assert!(outcome.err().starts_with("error: "), "{}", outcome.err());
    }
    run(wheelproof().arg("verify")).expect(2);
    run(wheelproof().arg("no-such-command")).expect(2);
    run(&mut wheelproof()).expect(2);
    run(wheelproof().args(["verify", "--help"])).expect(0);
    run(wheelproof().arg("--version")).expect(0);
}

#[test]
fn errors_of_the_command_line_are_json_in_json_mode() {
    let house = House::new();
    for flags in [
        &["--format", "json", "--no-such-flag"][..],
        &["--no-such-flag", "--format=json"],
        &["--format", "json", "--policy", "nowhere.toml"],
    ] {
        let outcome = house.text(flags).expect(2);
        assert_eq!(outcome.stderr, b"", "{flags:?}");
        let report = outcome.json();
        assert_eq!(report["schema"], "wheelproof.report/1");
        assert_eq!(report["command"], "verify");
        assert_eq!(
            (&report["verdict"], &report["exit_code"]),
            (&"error".into(), &2.into())
        );
        let message = report["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains("no-such-flag") || message.contains("nowhere.toml"));
        assert!(!message.starts_with("error"), "{message}");
    }
}

#[test]
fn nobody_is_trusted_unless_somebody_is_named() {
    let house = House::new();
    let outcome = run(&mut house.verify(&[])).expect(2);
    assert!(outcome.err().contains("--certs"), "{}", outcome.err());
    let outcome = run(&mut house.verify(&["--format", "json"])).expect(2);
    assert!(
        outcome.json()["errors"][0]["next"]
            .as_str()
            .unwrap()
            .contains("--certs")
    );
    house.text(&[]).expect(0);
}

#[test]
fn certificates_that_are_not_there_are_trouble() {
    let house = House::new();
    std::fs::create_dir(house.at("none")).unwrap();
    for certs in ["nowhere", "none"] {
        let outcome = run(&mut house.verify(&["--certs", certs])).expect(3);
        let out = outcome.out();
        assert!(out.contains(&format!("no certificates: {certs}")), "{out}");
    }
    // A path that is good does not make up for one that is not.
    run(&mut house.verify(&["--certs", "keys", "--certs", "nowhere"])).expect(3);
    run(&mut house.verify(&["--certs", "keys", "--certs", "none"])).expect(0);
}

#[test]
fn a_readme_among_the_certificates_is_an_error_with_its_name() {
    let house = House::new();
    house.write("keys/README.md", "# Our keys\n");
    let outcome = house.check(&[]).expect(1);
    assert_eq!(outcome.errors(), ["certificate-malformed"]);
    assert_eq!(
        outcome.json()["findings"][0]["subject"]["path"],
        "keys/README.md"
    );
    run(&mut house.verify(&["--certs", "keys/signer.asc"])).expect(0);
}

#[test]
fn a_secret_key_among_the_certificates_is_a_warning_and_under_strict_an_error() {
    let house = House::new();
    house.write("keys/signer.asc", house.signer.secret_certificate());
    let outcome = house.check(&[]).expect(0);
    assert_eq!(
        outcome.rules(),
        [("certificate-secret-key".to_owned(), "warning".to_owned())]
    );
    house.check(&["--strict"]).expect(1);
}

#[test]
fn flags_win_over_the_policy() {
    let house = House::new();
    let other = Signer::ordinary(2);
    house.write("other.asc", other.certificate());
    let signer = house.signer.fingerprint().to_string();
    house.write(
        "wheelproof.toml",
        format!(
            "[trust]\ncertificates = [\"other.asc\"]\nthreshold = 2\nsigners = [\"{}\", \"{signer}\"]\n",
            other.fingerprint()
        ),
    );
    run(&mut house.verify(&[])).expect(1);
    run(&mut house.verify(&["--certs", "keys"])).expect(1);
    // Two of one signer can never be met, so that is a wrong command line.
    run(&mut house.verify(&["--certs", "keys", "--signer", &signer])).expect(2);
    run(&mut house.verify(&["--certs", "keys", "--signer", &signer, "--threshold", "1"])).expect(0);
}

#[test]
fn paths_in_a_policy_are_relative_to_the_policy() {
    let house = House::new();
    std::fs::create_dir(house.at("policies")).unwrap();
    house.write(
        "policies/strict.toml",
        "[trust]\ncertificates = [\"../keys\"]\n[wheelhouse]\nmanifest = \"../sha256sums.txt\"\n\
         signatures = [\"../sha256sums.txt.asc\"]\ndirectory = \"../wheels\"\n",
    );
    run(&mut house.verify(&["--policy", "policies/strict.toml"])).expect(0);
}

#[test]
fn a_policy_that_is_none_is_refused_with_file_line_and_column() {
    let house = House::new();
    for (text, place) in [
        ("[trust\n", "1:7"),
        ("\n\nthreshold = 1\n", "3:1"),
        ("[trust]\nthreshold = \"1\"\n", "2:13"),
        ("[trust]\n  threshold = 0\n", "2:15"),
        (
            "[trust]\ncertificates = [\"keys\"]\ncertificates = []\n",
            "3:1",
        ),
        ("[trust]\nsigners = [\"not hex\"]\n", "2:12"),
        ("[\u{1b}]\n", "1:2"),
    ] {
        house.write("wheelproof.toml", text);
        let outcome = house.text(&[]).expect(2);
        let err = outcome.err();
        assert!(
            err.contains(&format!("./wheelproof.toml:{place}: ")),
            "{text:?}: {err}"
        );
        assert_safe(err.as_bytes());
        let report = house.check(&[]).expect(2).json();
        let message = report["errors"][0]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(place), "{message}");
    }
    std::fs::write(house.at("wheelproof.toml"), b"[trust]\n# \xff\n").unwrap();
    let err = house.text(&[]).expect(2).err();
    assert!(err.contains("./wheelproof.toml:2:"), "{err}");
}

#[test]
fn a_policy_that_cannot_be_read_is_usage_and_not_passed_over() {
    let house = House::new();
    house.text(&["--policy", "nowhere.toml"]).expect(2);
    std::fs::create_dir(house.at("wheelproof.toml")).unwrap();
    house.text(&[]).expect(2);
    std::fs::remove_dir(house.at("wheelproof.toml")).unwrap();
    symlink("nowhere", house.at("wheelproof.toml")).unwrap();
    house.text(&[]).expect(2);
    house.remove("wheelproof.toml");
    house.write("wheelproof.toml", "[trust]\ncertificates = [\"keys\"]\n");
    house.mode("wheelproof.toml", 0o000);
    let mut command = house.verify(&["--certs", "keys"]);
    if as_ordinary_user(&mut command) {
        let err = run(&mut command).expect(2).err();
        assert!(err.contains("wheelproof.toml"), "{err}");
    }
    house.mode("wheelproof.toml", 0o644);
    run(&mut house.verify(&[])).expect(0);
}

// Manifest and signature files.

#[test]
fn each_fault_of_a_manifest_has_its_rule_and_line() {
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let upper = digest.to_uppercase();
    for (line, rule) in [
        (format!("{digest} one-space"), "manifest-line-malformed"),
        (
            format!("{}  short", &digest[1..]),
            "manifest-line-malformed",
        ),
        (format!("{digest}0  long"), "manifest-line-malformed"),
        (
            format!("g{}  not-hex", &digest[1..]),
            "manifest-line-malformed",
        ),
        (format!("{digest}  crlf\r"), "manifest-line-malformed"),
        (format!("{digest}  nul\0"), "manifest-line-malformed"),
        (
            "-----BEGIN PGP SIGNED MESSAGE-----".to_owned(),
            "manifest-line-malformed",
        ),
        (format!("{digest}  /etc/passwd"), "manifest-name-unsafe"),
        (format!("{digest}  ../up"), "manifest-name-unsafe"),
        (format!("{digest}  a/../b"), "manifest-name-unsafe"),
        (format!("{digest}  a//b"), "manifest-name-unsafe"),
        (format!("{digest}  a\\b"), "manifest-name-unsafe"),
        (format!("\\{digest}  a\\nb"), "manifest-name-unsafe"),
        (format!("{digest}  \u{1b}[2J"), "manifest-name-unsafe"),
        (format!("{digest}  {WHEEL}"), "manifest-name-repeated"),
        (
            format!("{digest}  {}", WHEEL.to_uppercase()),
            "manifest-name-twin",
        ),
        (
            format!("{digest}  {}", WHEEL.replace("1.0.0", "1.0")),
            "manifest-name-twin",
        ),
    ] {
        let house = House::new();
        house.sign(format!("{}{line}\n", House::lines()));
        let outcome = house.check(&[]).expect(1);
        assert_eq!(outcome.errors(), [rule], "{line:?}");
        let finding = outcome.json()["findings"][0].clone();
        assert_eq!(finding["subject"]["line"], 7, "{line:?}");
        assert_safe(&outcome.stdout);
        assert_safe(&house.text(&[]).expect(1).stdout);
    }
    // Innocent neighbours: upper case, binary marker, comments, no final newline.
    let house = House::new();
    house.write("wheels/abc", "abc");
    house.write("wheels/abc2", "abc");
    house.sign(format!(
        "# comment\n\n{}{upper}  abc\n{digest} *abc2",
        House::lines()
    ));
    house.check(&[]).expect(0);
}

#[test]
fn a_manifest_that_nobody_trusted_signed_is_not_read() {
    let house = House::new();
    let stranger = Signer::ordinary(2);
    house.write("sha256sums.txt", "../../etc/passwd\n");
    house.write(
        "sha256sums.txt.asc",
        stranger.sign_plainly(b"../../etc/passwd\n"),
    );
    let outcome = house.check(&[]).expect(1);
    assert_eq!(outcome.errors(), ["no-trusted-signature"]);
    let report = outcome.json();
    assert_eq!(report["manifest"]["entries"], serde_json::Value::Null);
    assert_eq!(report["files"], serde_json::json!([]));
}

#[test]
fn a_missing_manifest_and_a_missing_signature_are_told_apart() {
    let house = House::new();
    house.remove("sha256sums.txt.asc");
    let errors = house.check(&[]).expect(1).errors();
    assert_eq!(errors, ["signature-missing"]);
    house.check(&["--signature", "nowhere.asc"]).expect(1);
    house.remove("sha256sums.txt");
    assert_eq!(house.check(&[]).expect(1).errors(), ["manifest-missing"]);
}

#[test]
fn signatures_in_several_files_count_together() {
    let house = House::new();
    let other = Signer::ordinary(2);
    house.write("keys/other.asc", other.certificate());
    house.write(
        "sha256sums.txt.sig",
        other.sign_binary(crate::signing::wish(), House::lines().as_bytes()),
    );
    house.check(&["--threshold", "2"]).expect(0);
    house.check(&["--threshold", "3"]).expect(1);
}

#[test]
fn a_policy_pins_and_counts_through_the_program() {
    let house = House::new();
    let twice = [
        std::fs::read(house.at("sha256sums.txt.asc")).unwrap(),
        std::fs::read(house.at("sha256sums.txt.asc")).unwrap(),
    ]
    .concat();
    house.write("sha256sums.txt.asc", twice);
    house.check(&[]).expect(0);
    assert_eq!(
        house.check(&["--threshold", "2"]).expect(1).errors(),
        ["threshold-not-met"]
    );
    let stranger = Signer::ordinary(9).fingerprint().to_string();
    assert_eq!(
        house.check(&["--signer", &stranger]).expect(1).errors(),
        ["certificate-missing", "no-trusted-signature"]
    );
    assert_eq!(
        house
            .check(&["--not-before", "2024-06-02T00:00:00Z"])
            .expect(1)
            .errors()[0],
        "signature-too-old"
    );
    house
        .check(&["--not-before", "2024-06-01T00:00:00Z"])
        .expect(0);
}

#[test]
fn every_verdict_about_a_signature_reaches_the_report() {
    let signed = |plan: Plan| Signer::new(plan);
    for (signer, rule) in [
        (
            signed(Plan {
                expires: Some("2024-05-01T00:00:00Z"),
                ..plan(3)
            }),
            "signer-expired-when-signed",
        ),
        (
            signed(Plan {
                expires: Some("2024-07-01T00:00:00Z"),
                ..plan(3)
            }),
            "signer-expired-since",
        ),
        (
            signed(Plan {
                created: "2024-06-02T00:00:00Z",
                bound: "2024-06-02T00:00:00Z",
                ..plan(3)
            }),
            "signer-not-yet-valid",
        ),
        (
            signed(Plan {
                self_signature_hash: sequoia_openpgp::types::HashAlgorithm::SHA1,
                ..plan(3)
            }),
            "signer-unbound",
        ),
        (
            signed(Plan {
                primary_signs: false,
                ..plan(3)
            }),
            "signer-not-for-signing",
        ),
        (
            Signer::ordinary(3).revoked(
                "2024-05-01T00:00:00Z",
                sequoia_openpgp::types::ReasonForRevocation::KeySuperseded,
            ),
            "signer-revoked",
        ),
    ] {
        let house = House::new();
        house.write("keys/signer.asc", signer.certificate());
        house.write(
            "sha256sums.txt.asc",
            signer.sign_plainly(House::lines().as_bytes()),
        );
        let outcome = house.check(&[]).expect(1);
        assert_eq!(outcome.errors(), [rule, "no-trusted-signature"]);
        let fact = &outcome.json()["signatures"][0];
        assert_eq!(fact["verdict"], rule);
        assert_eq!(fact["cryptography"], "good");
        assert_eq!(fact["signer"], signer.fingerprint().to_string());
    }
}

#[test]
fn nothing_that_could_block_is_waited_for() {
    for place in [
        "sha256sums.txt",
        "sha256sums.txt.asc",
        "wheelproof.toml",
        "keys/signer.asc",
        "keys/another",
    ] {
        let house = House::new();
        let _ = std::fs::remove_file(house.at(place));
        fifo(&house.at(place));
        let outcome = house.text(&[]);
        assert!(
            [Some(1), Some(2), Some(3)].contains(&outcome.code),
            "{place}: {outcome:?}"
        );
        let says = outcome.out() + &outcome.err();
        assert!(says.contains("not a regular file"), "{place}: {says}");
    }
    let house = House::new();
    fifo(&house.at("pipe"));
    house.text(&["--policy", "pipe"]).expect(2);
    house.text(&["--manifest", "pipe"]).expect(3);
    house.text(&["--signature", "pipe"]).expect(1);
    run(&mut house.verify(&["--certs", "pipe"])).expect(1);
    house.text(&["--directory", "pipe"]).expect(3);
}

#[test]
fn a_manifest_of_more_than_a_million_entries_ends_in_an_error_and_little_memory() {
    let house = House::new();
    // No more than this may be mapped, stacks and program included.
    let within = "ulimit -v 786432; exec \"$@\"";
    let verify = |flags: &[&str]| {
        let inner = house.verify(flags);
        let mut command = Command::new("sh");
        command
            .args(["-c", within, "sh"])
            .arg(inner.get_program())
            .args(inner.get_args())
            .args(["--certs", "keys"])
            .current_dir(house.at(""));
        run(&mut command)
    };
    // Enough for what is well.
    verify(&[]).expect(0);
    // More than a million in less than the bytes allow, and more than those.
    for (count, expected) in [
        (1_000_001, "sha256sums.txt is larger than 1000000 entries"),
        (2_000_000, "sha256sums.txt is larger than 134217728 bytes"),
    ] {
        let digest = "0".repeat(64);
        let lines: String = (0..count)
            .map(|number| format!("{digest}  name-{number}\n"))
            .collect();
        house.write("sha256sums.txt", lines);
        let outcome = verify(&[]).expect(3);
        let says = outcome.out() + &outcome.err();
        assert!(says.contains(expected), "{says}");
    }
    // An endless pipe is no file.
    let mut endless = Command::new("sh");
    endless
        .args(["-c", "yes | \"$@\"", "sh"])
        .arg(house.verify(&[]).get_program())
        .args(house.verify(&["--certs", "keys"]).get_args())
        .args(["--manifest", "/dev/stdin"])
        .current_dir(house.at(""));
    let outcome = run(&mut endless).expect(3);
    let says = outcome.out() + &outcome.err();
    assert!(says.contains("is not a regular file"), "{says}");
}

#[test]
fn endless_files_are_refused_and_not_read_to_their_end() {
    let house = House::new();
    house.text(&["--manifest", "/dev/zero"]).expect(3);
    house.text(&["--signature", "/dev/zero"]).expect(1);
    house.text(&["--policy", "/dev/zero"]).expect(2);
    run(&mut house.verify(&["--certs", "/dev/zero"])).expect(1);
    // A regular file of a terabyte, which takes no room.
    File::create(house.at("huge"))
        .unwrap()
        .set_len(1 << 40)
        .unwrap();
    let limited = |flags: &[&str]| {
        // As the shell's `ulimit -v`: one gibibyte of addresses.
        let mut command = std::process::Command::new("bash");
        command
            .current_dir(house.at(""))
            .args(["-c", "ulimit -v 1048576; exec \"$0\" \"$@\""])
            .arg(env!("CARGO_BIN_EXE_wheelproof"))
            .args(["verify", ".", "--time", TODAY])
            .args(flags);
        run(&mut command)
    };
    let certs = &["--certs", "keys"];
    let with = |flags: &[&'static str]| [certs.as_slice(), flags].concat();
    limited(&with(&["--signature", "huge"])).expect(1);
    limited(&with(&["--manifest", "huge"])).expect(3);
    limited(&with(&["--policy", "huge"])).expect(2);
    limited(&["--certs", "huge"]).expect(1);
    limited(&with(&[])).expect(0);
}

// What is written, and where.

#[test]
fn equal_input_gives_equal_bytes() {
    let house = House::new();
    house.write("wheels/extra", "");
    house.remove(&format!("wheels/{WHEEL}"));
    for flags in [&["--format", "json"][..], &["--format", "text"]] {
        let first = house.text(flags).expect(1);
        for _ in 0..3 {
            assert_eq!(house.text(flags).expect(1).stdout, first.stdout);
        }
    }
}

#[test]
fn reports_go_to_standard_output_and_nothing_goes_beside_them() {
    let house = House::new();
    let outcome = house.text(&[]).expect(0);
    assert_eq!(outcome.stderr, b"", "no progress bar in a pipe");
    assert!(outcome.out().contains("PASS"));
    house.write("wheels/extra", "");
    let outcome = house.text(&[]).expect(1);
    assert_eq!(outcome.stderr, b"");
    assert!(outcome.out().contains("file-unlisted"));
}

#[test]
fn quiet_says_nothing_unless_something_is_wrong() {
    let house = House::new();
    let outcome = house.text(&["--quiet"]).expect(0);
    assert_eq!(
        (outcome.out(), outcome.err()),
        (String::new(), String::new())
    );
    house.write("wheels/extra", "");
    let out = house.text(&["--quiet"]).expect(1).out();
    assert!(
        out.contains("file-unlisted") && out.contains("wheels/extra"),
        "{out}"
    );
    assert!(!out.contains("signed 2024"), "{out}");
}

#[test]
fn colours_come_only_where_they_are_wanted() {
    let house = House::new();
    house.write("wheels/extra", "");
    let escape = |outcome: Outcome| outcome.stdout.contains(&0x1b);
    assert!(!escape(house.text(&[])));
    assert!(!escape(house.text(&["--color", "auto"])));
    assert!(!escape(house.text(&["--color", "never"])));
    assert!(escape(house.text(&["--color", "always"])));
    assert!(
        !escape(house.check(&["--color", "always"])),
        "JSON has no colours"
    );
    let mut command = house.verify(&["--certs", "keys", "--color", "always"]);
    // A plain report is the coloured one without the colours.
    let coloured = run(&mut command).out();
    let plain = house.text(&[]).out();
    let mut stripped = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        stripped.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    stripped.push_str(rest);
    assert_eq!(stripped, plain);
}

#[test]
fn names_from_the_input_leave_the_terminal_alone() {
    let hostile = [
        "\u{1b}]0;owned\u{7}.whl",
        "\u{1b}[2J",
        "a\nerror: all is well\n.whl",
        "\rPASS",
        "tab\t",
        "\u{9b}31m",
        "\u{7f}",
        "abc\u{202e}lhw.",
        "zero\u{200b}width",
        "back\\slash",
    ];
    let house = House::new();
    for name in hostile {
        house.write(&format!("wheels/{name}"), "x");
    }
    std::fs::write(
        house.wheel(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"\xff\x1b[0m")),
        "",
    )
    .unwrap();
    let text = house.text(&[]).expect(1);
    assert_safe(&text.stdout);
    assert_safe(&text.stderr);
    let json = house.check(&[]).expect(1);
    assert_safe(&json.stdout);
    // Escaped, and still the same names.
    let report = json.json();
    let names: Vec<_> = report["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["path"].as_str().unwrap())
        .collect();
    for name in hostile {
        assert!(names.contains(&name), "{name:?}");
    }
    assert_eq!(json.errors().len(), hostile.len() + 1);
}

#[test]
fn other_peoples_words_are_escaped_wherever_they_are_shown() {
    // In a certificate's user ID, an armor label, a path, and an argument.
    let house = House::new();
    std::fs::create_dir(house.at("\u{1b}[31m")).unwrap();
    house.write(
        "sha256sums.txt.asc",
        "-----BEGIN PGP \u{1b}[31m-----\n-----END PGP \u{1b}-----\n",
    );
    assert_safe(&house.text(&[]).expect(1).stdout);
    let in_hostile = run(wheelproof().current_dir(house.at("")).args([
        "verify",
        "\u{1b}[31m",
        "--certs",
        "keys",
    ]));
    assert_safe(&in_hostile.expect(4).stdout);
    for argument in ["--\u{1b}[31m", "\u{1b}[31m"] {
        let outcome = house.text(&["--strict", argument]).expect(2);
        assert_safe(&outcome.stderr);
        let outcome = house
            .text(&["--strict", argument, "--format", "json"])
            .expect(2);
        assert_safe(&outcome.stdout);
        outcome.json();
    }
    let outcome = run(&mut house.verify(&["--certs", "\u{1b}[31m/nowhere"])).expect(3);
    assert_safe(&outcome.stdout);
}

#[test]
fn a_reader_that_goes_away_changes_no_exit_code() {
    let house = House::new();
    let closed = || {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        drop(reader);
        Stdio::from(writer)
    };
    let without_reader = |flags: &[&str]| {
        let mut command = house.verify(flags);
        let child = command
            .stdout(closed())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        wait(child)
    };
    for format in ["text", "json"] {
        let outcome = without_reader(&["--certs", "keys", "--format", format]).expect(0);
        assert_eq!(outcome.err(), "");
    }
    without_reader(&["--no-such-flag", "--format", "json"]).expect(2);
    without_reader(&["--help"]).expect(0);
    house.write("wheels/extra", "");
    without_reader(&["--certs", "keys"]).expect(1);
}

#[test]
fn a_report_that_cannot_be_written_is_trouble() {
    let house = House::new();
    for format in ["text", "json"] {
        let full = OwnedFd::from(File::options().write(true).open("/dev/full").unwrap());
        let mut command = house.verify(&["--certs", "keys", "--format", format]);
        let child = command
            .stdout(Stdio::from(full))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let outcome = wait(child).expect(3);
        assert!(outcome.err().contains("No space left"), "{}", outcome.err());
    }
    let outcome = house.check(&["--report", "nowhere/report.json"]).expect(3);
    let message = outcome.json()["errors"][0]["message"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(message.contains("nowhere/report.json"), "{message}");
    house.check(&["--report", "report.json"]).expect(0);
    let file = std::fs::read(house.at("report.json")).unwrap();
    assert_eq!(file, house.check(&[]).stdout);
}

// Signals and terminals.

#[test]
fn an_interrupt_ends_the_reading_of_an_endless_file_at_once() {
    let house = House::new();
    File::create(house.wheel("sparse"))
        .unwrap()
        .set_len(1 << 40)
        .unwrap();
    house.sign(format!("{}{}  sparse\n", House::lines(), "0".repeat(64)));
    for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT] {
        let child = start(&mut house.verify(&["--certs", "keys"]));
        // Long enough to be in the midst of it; if it is not yet, it ends as well.
        std::thread::sleep(Duration::from_millis(500));
        let sent = Instant::now();
        send(&child, signal);
        let outcome = wait(child);
        assert!(
            sent.elapsed() < Duration::from_secs(1),
            "{:?}",
            sent.elapsed()
        );
        assert_eq!(outcome.signal, Some(signal.as_raw()));
        assert_eq!(outcome.out(), "", "half a check proves nothing");
    }
}

#[test]
fn progress_is_shown_on_a_terminal_only() {
    if !crate::common::has_program("script") || !crate::common::has_terminals() {
        return;
    }
    let house = House::new();
    File::create(house.wheel("big"))
        .unwrap()
        .set_len(1 << 30)
        .unwrap();
    house.sign(format!("{}{}  big\n", House::lines(), "0".repeat(64)));
    let program = env!("CARGO_BIN_EXE_wheelproof");
    let on_a_terminal = |flags: &str| {
        let line = format!("{program} verify . --certs keys --time {TODAY} {flags} >/dev/null");
        run(std::process::Command::new("script")
            .current_dir(house.at(""))
            .env("TERM", "xterm")
            .stdin(Stdio::null())
            .args(["--quiet", "--return", "--command", &line, "/dev/null"]))
        .expect(1)
    };
    let shown = on_a_terminal("");
    assert!(shown.out().contains("hashing"), "{}", shown.out());
    assert!(!on_a_terminal("--quiet").out().contains("hashing"));
    let outcome = house.text(&[]).expect(1);
    assert_eq!(outcome.stderr, b"");
}
