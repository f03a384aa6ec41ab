//! `--requirements`: files of requirements held against the signed files.

use std::path::Path;

use proptest::prelude::*;

use crate::common::{FILES, House, Outcome, fifo, fixture, run, sha256sum, wheelproof};
use crate::signing::TODAY;

const UNITS: &str = "wheelproof-example-units==0.3.0";

/// Verifies with a file of requirements of this name and text.
#[track_caller]
fn check_as(house: &House, name: &str, text: impl AsRef<[u8]>) -> Outcome {
    house.write(name, text);
    house.check(&["--requirements", name])
}

#[track_caller]
fn check(house: &House, text: impl AsRef<[u8]>) -> Outcome {
    check_as(house, "r.txt", text)
}

/// Returns rule, severity and line of each finding.
fn told(outcome: &Outcome) -> Vec<(String, String, u64)> {
    outcome.json()["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| {
            let word = |key: &str| finding[key].as_str().unwrap().to_owned();
            let line = finding["subject"]["line"].as_u64().unwrap_or(0);
            (word("rule"), word("severity"), line)
        })
        .collect()
}

#[track_caller]
fn assert_told(outcome: &Outcome, expected: &[(&str, &str, u64)]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(rule, severity, line)| ((*rule).to_owned(), (*severity).to_owned(), *line))
        .collect();
    assert_eq!(told(outcome), expected, "{}", outcome.out());
}

/// Returns ` --hash=sha256:…` for files of the house, as sha256sum sees them.
fn hashes(house: &House, files: &[usize]) -> String {
    files
        .iter()
        .map(|index| format!(" --hash=sha256:{}", sha256sum(&house.wheel(FILES[*index]))))
        .collect()
}

fn units(house: &House) -> String {
    format!("{UNITS}{}\n", hashes(house, &[4]))
}

fn zeroes() -> String {
    format!(" --hash=sha256:{}", "0".repeat(64))
}

#[test]
fn requirements_that_are_pinned_hashed_and_signed_pass_and_are_counted() {
    let house = House::new();
    let text = format!(
        "{}# and one more\nWheelproof.Example_Greeting==1.0 ; python_version >= \"3\" \\\n   {}\n",
        units(&house),
        hashes(&house, &[2, 3])
    );
    let report = check(&house, &text).expect(0).json();
    let file = &report["requirements"][0];
    assert_eq!(file["path"], "r.txt");
    assert_eq!(file["format"], "requirements");
    assert_eq!(file["sha256"], sha256sum(&house.at("r.txt")).as_str());
    assert_eq!(
        (&file["requirements"], &file["met"]),
        (&2.into(), &2.into())
    );
    let shown = house.text(&["--requirements", "r.txt"]).expect(0).out();
    assert!(
        shown.contains("r.txt: 2 pinned, 2 met by signed files"),
        "{shown}"
    );
    // Without the flag nothing is said of requirements.
    assert!(
        house
            .check(&[])
            .expect(0)
            .json()
            .get("requirements")
            .is_none()
    );
}

#[test]
fn each_fault_of_a_line_has_its_rule_and_its_line() {
    let house = House::new();
    let good = hashes(&house, &[4]);
    let greeting = hashes(&house, &[2]);
    for (line, rule) in [
        // Row 80.
        (UNITS.to_owned(), "requirement-unhashed"),
        (format!("{UNITS}{}", zeroes()), "requirement-hash-unlisted"),
        (format!("{UNITS}{greeting}"), "requirement-hash-foreign"),
        (format!("six==1.16.0{}", zeroes()), "requirement-not-signed"),
        (
            format!("wheelproof-example-units==0.4{}", zeroes()),
            "requirement-not-signed",
        ),
        (
            format!("{UNITS} --hash=sha512:{}", "0".repeat(128)),
            "requirement-hash-unusable",
        ),
        (
            format!("{UNITS} --hash=sha256:0"),
            "requirement-hash-unusable",
        ),
        (
            format!("wheelproof-example-units>=0.3{good}"),
            "requirement-unpinned",
        ),
        (
            format!("wheelproof-example-units==0.*{good}"),
            "requirement-unpinned",
        ),
        (
            format!("wheelproof-example-units===0.3.0{good}"),
            "requirement-unpinned",
        ),
        (
            format!("wheelproof-example-units{good}"),
            "requirement-unpinned",
        ),
        // Row 82.
        (
            "-i https://evil.example".to_owned(),
            "requirement-elsewhere",
        ),
        (
            "--index-url=https://evil.example".to_owned(),
            "requirement-elsewhere",
        ),
        (
            "--extra-index-url https://evil.example".to_owned(),
            "requirement-elsewhere",
        ),
        (
            "--no-index --find-links https://evil.example".to_owned(),
            "requirement-elsewhere",
        ),
        ("-fhttps://evil.example".to_owned(), "requirement-elsewhere"),
        (
            "--trusted-host evil.example".to_owned(),
            "requirement-elsewhere",
        ),
        ("-e .".to_owned(), "requirement-elsewhere"),
        (
            "https://evil.example/x-1.0-py3-none-any.whl".to_owned(),
            "requirement-elsewhere",
        ),
        (
            "git+https://evil.example/x".to_owned(),
            "requirement-elsewhere",
        ),
        (
            format!("x @ file:///x-1.0-py3-none-any.whl{good}"),
            "requirement-elsewhere",
        ),
        ("./x".to_owned(), "requirement-elsewhere"),
        (
            "wheels/x-1.0-py3-none-any.whl".to_owned(),
            "requirement-elsewhere",
        ),
        (format!("{UNITS}{good} ${{MORE}}"), "requirement-elsewhere"),
        (
            "-r https://evil.example/r.txt".to_owned(),
            "requirement-elsewhere",
        ),
        ("--no-binary :all:".to_owned(), "requirement-option"),
        ("--no-require-hashes".to_owned(), "requirement-option"),
        (
            format!("{UNITS} --config-settings=a=b{good}"),
            "requirement-option",
        ),
        ("--frobnicate".to_owned(), "requirement-option"),
        ("what is this".to_owned(), "requirements-malformed"),
        (format!("{UNITS}{good} \\"), "requirements-malformed"),
        (format!("# \u{2028}{UNITS}"), "requirements-malformed"),
        ("-r missing.txt".to_owned(), "requirements-malformed"),
    ] {
        let text = format!("{}{line}", units(&house));
        let outcome = check(&house, &text).expect(1);
        assert_told(&outcome, &[(rule, "error", 2)]);
    }
}

#[test]
fn what_changes_nothing_is_let_through() {
    let house = House::new();
    for line in [
        "--no-index",
        "--only-binary :all:",
        "--only-binary=:all:",
        "--require-hashes",
        "--prefer-binary",
        "--pre",
        "# -i https://example.org",
        "  # ${HOME}",
        "\t",
    ] {
        check(&house, format!("{line}\n{}", units(&house))).expect(0);
    }
    // A byte order mark and CR LF are how some editors write.
    let text = units(&house).replace('\n', "\r\n");
    check(&house, format!("\u{feff}{text}")).expect(0);
    // Hashes of files that are not here beside one that is: the list of an index.
    check(
        &house,
        format!("{UNITS}{}{}\n", zeroes(), hashes(&house, &[4])),
    )
    .expect(0);
}

#[test]
fn a_requirement_under_a_condition_may_have_no_signed_file_but_no_wrong_one() {
    let house = House::new();
    let marker = "; sys_platform == \"win32\"";
    let text = format!("{}colorama==0.4.6 {marker}{}\n", units(&house), zeroes());
    let outcome = check(&house, &text).expect(0);
    assert_told(&outcome, &[("requirement-not-signed", "note", 2)]);
    let text = format!("{UNITS} {marker}{}\n", zeroes());
    assert_told(
        &check(&house, &text).expect(1),
        &[("requirement-hash-unlisted", "error", 1)],
    );
}

#[test]
fn included_files_are_checked_too_and_named() {
    let house = House::new();
    std::fs::create_dir(house.at("reqs")).unwrap();
    house.write("reqs/more.txt", "\nsix==1.16.0\n");
    house.write("reqs/limits.txt", "six<2\nsix @ https://evil.example\n");
    house.write(
        "reqs/r.txt",
        format!("{}-r more.txt\n-c limits.txt\n", units(&house)),
    );
    let outcome = house.check(&["--requirements", "reqs/r.txt"]).expect(1);
    let report = outcome.json();
    let places: Vec<_> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| {
            let subject = &finding["subject"];
            format!(
                "{} {}:{}",
                finding["rule"], subject["path"], subject["line"]
            )
            .replace('"', "")
        })
        .collect();
    assert_eq!(
        places,
        [
            "requirement-elsewhere reqs/limits.txt:2",
            "requirement-unhashed reqs/more.txt:2",
            "requirement-not-signed reqs/more.txt:2",
        ]
    );
    let names: Vec<_> = report["requirements"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["path"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["reqs/r.txt", "reqs/more.txt", "reqs/limits.txt"]);
}

#[test]
fn includes_go_neither_in_circles_nor_out_of_the_directory() {
    let house = House::new();
    std::fs::create_dir(house.at("reqs")).unwrap();
    house.write("secret.txt", "nobody's business\n");
    std::os::unix::fs::symlink("../secret.txt", house.at("reqs/link.txt")).unwrap();
    house.write("reqs/loop.txt", "-r r.txt\n");
    for depth in 0..12 {
        house.write(
            &format!("reqs/deep{depth}.txt"),
            format!("-r deep{}.txt\n", depth + 1),
        );
    }
    house.write("reqs/deep12.txt", "");
    for (name, says) in [
        ("../secret.txt", "outside the directory"),
        ("link.txt", "outside the directory"),
        ("/etc/hostname", "outside the directory"),
        ("r.txt", "includes itself"),
        ("loop.txt", "includes itself"),
        ("deep0.txt", "included too deep"),
        ("nowhere.txt", "is not there"),
    ] {
        house.write("reqs/r.txt", format!("{}-r {name}\n", units(&house)));
        let outcome = house.check(&["--requirements", "reqs/r.txt"]).expect(1);
        assert_eq!(outcome.errors(), ["requirements-malformed"], "{name}");
        let out = outcome.out();
        assert!(out.contains(says), "{name}: {out}");
        assert!(!out.contains("business"), "{out}");
    }
}

#[test]
fn hostile_files_get_a_sentence() {
    let house = House::new();
    fifo(&house.at("pipe"));
    let outcome = house.check(&["--requirements", "pipe"]).expect(1);
    assert_eq!(outcome.errors(), ["requirements-malformed"]);
    house.check(&["--requirements", "nowhere.txt"]).expect(3);
    house.check(&["--requirements", "keys"]).expect(1);
    for (text, says) in [
        (b"six==1\0\n".to_vec(), "U+0000"),
        (b"six==1\n\xff\n".to_vec(), "UTF-8"),
        (b"# coding: utf_7\n+AC0-i x\n".to_vec(), "encoding 'utf_7'"),
        (b"\xff\xfes\0i\0x\0".to_vec(), "UTF-8"),
        (b"".to_vec(), "nothing is asked for"),
        (b"# nothing\n".to_vec(), "nothing is asked for"),
        (vec![b'\n'; (16 << 20) + 1], "16777216 bytes"),
    ] {
        let outcome = check(&house, &text).expect(1);
        assert!(outcome.out().contains(says), "{says}: {}", outcome.out());
        assert!(
            outcome
                .errors()
                .iter()
                .all(|rule| rule == "requirements-malformed")
        );
    }
    // A million lines, good or bad, in bounded memory and findings.
    for line in ["a==1\n", "!!\n", "a \\\n", "-r r.txt\n"] {
        let outcome = check(&house, line.repeat(1_000_000)).expect(1);
        let count = outcome.errors().len();
        assert!(count < 50_000, "{line:?}: {count}");
    }
    let nested = format!("lock-version = \"1.0\"\na = {}", "[".repeat(100_000));
    let outcome = check_as(&house, "pylock.toml", nested).expect(1);
    assert!(outcome.out().contains("not TOML"), "{}", outcome.out());
    let long = format!("version = 1\nx = [{}]\n", "1,".repeat(4 << 20));
    let outcome = check_as(&house, "uv.lock", long).expect(1);
    assert!(outcome.out().contains("6291456 bytes"), "{}", outcome.out());
    let name = "requirements.toml";
    let outcome = check_as(&house, name, units(&house)).expect(1);
    assert!(outcome.out().contains("not read as requirements"));
}

// Lock files.

const LOCKS: [&str; 3] = ["uv.lock", "pylock.toml", "poetry.lock"];

fn lock(name: &str) -> String {
    std::fs::read_to_string(fixture("locks").join(name)).unwrap()
}

#[test]
fn what_real_tools_lock_from_an_index_of_the_same_files_passes() {
    let house = House::new();
    for (name, requirements) in [
        ("uv.lock", 3),
        ("pylock.toml", 3),
        ("poetry.lock", 3),
        ("exported.txt", 3),
        ("compiled.txt", 2),
    ] {
        let report = check_as(&house, name, lock(name)).expect(0).json();
        let file = &report["requirements"][0];
        assert_eq!(file["requirements"], requirements, "{name}");
        assert_eq!(file["met"], requirements, "{name}");
        assert_eq!(report["findings"].as_array().unwrap().len(), 0, "{name}");
    }
    check_as(&house, "pylock.app.toml", lock("pylock.toml")).expect(0);
}

/// Returns a house without any file of a project.
fn house_without(project: &str) -> House {
    let house = House::new();
    let mut lines = String::new();
    for line in House::lines().lines() {
        match line.split_once(project) {
            Some(_) => house.remove(&format!("wheels/{}", line.split("  ").nth(1).unwrap())),
            None => lines.push_str(&format!("{line}\n")),
        }
    }
    house.sign(lines);
    house
}

#[test]
fn what_a_lock_needs_in_any_case_has_to_be_signed_the_rest_not() {
    for name in LOCKS {
        // On Windows only.
        let house = house_without("_count-");
        let outcome = check_as(&house, name, lock(name)).expect(0);
        assert_eq!(
            outcome.rules(),
            [("requirement-not-signed".to_owned(), "note".to_owned())],
            "{name}"
        );
        // A requirement of a requirement.
        let house = house_without("_greeting-");
        let outcome = check_as(&house, name, lock(name)).expect(1);
        assert_eq!(outcome.errors(), ["requirement-not-signed"], "{name}");
    }
}

#[test]
fn faults_of_lock_files_are_told_with_their_line() {
    let house = House::new();
    let units = sha256sum(&house.wheel(FILES[4]));
    let greeting = sha256sum(&house.wheel(FILES[2]));
    let (uv, pylock, poetry) = ("uv.lock", "pylock.toml", "poetry.lock");
    let registry = "source = { registry = \"http://127.0.0.1:8642/simple/\" }";
    for (name, from, to, rule) in [
        (
            uv,
            units.as_str(),
            greeting.as_str(),
            "requirement-hash-foreign",
        ),
        (pylock, &units, &greeting, "requirement-hash-foreign"),
        (poetry, &units, &greeting, "requirement-hash-foreign"),
        (
            uv,
            registry,
            "source = { git = \"https://evil.example/x?rev=1#2\" }",
            "requirement-elsewhere",
        ),
        (
            uv,
            registry,
            "source = { url = \"https://evil.example/x.whl\" }",
            "requirement-elsewhere",
        ),
        (
            uv,
            registry,
            "source = { path = \"x.whl\" }",
            "requirement-elsewhere",
        ),
        (
            uv,
            registry,
            "source = { directory = \"x\" }",
            "requirement-elsewhere",
        ),
        (
            uv,
            registry,
            "source = { editable = \"x\" }",
            "requirement-elsewhere",
        ),
        (
            uv,
            registry,
            "source = { carrier-pigeon = \"x\" }",
            "requirements-malformed",
        ),
        (
            uv,
            registry,
            "source = { registry = \"a\", git = \"b\" }",
            "requirements-malformed",
        ),
        (
            uv,
            "revision = 5",
            "revision = 5\nfrobnicate = 1",
            "requirements-malformed",
        ),
        (
            uv,
            "version = 1\n",
            "version = 2\n",
            "requirements-malformed",
        ),
        (
            uv,
            "version = \"0.3.0\"\n",
            "version = \"0.3.0\"\nmirror = \"x\"\n",
            "requirements-malformed",
        ),
        (uv, "version = \"0.3.0\"\n", "", "requirement-unpinned"),
        (
            pylock,
            "index = ",
            "vcs = { type = \"git\", url = \"x\", commit-id = \"1\" }\nx-index = ",
            "requirements-malformed",
        ),
        (
            pylock,
            "index = \"http://127.0.0.1:8642/simple/\"",
            "vcs = { type = \"git\", url = \"x\", commit-id = \"1\" }",
            "requirement-elsewhere",
        ),
        (
            pylock,
            "index = \"http://127.0.0.1:8642/simple/\"",
            "directory = { path = \"x\" }",
            "requirement-elsewhere",
        ),
        (
            pylock,
            "index = \"http://127.0.0.1:8642/simple/\"",
            "archive = { url = \"x\" }",
            "requirement-elsewhere",
        ),
        (
            pylock,
            "lock-version = \"1.0\"",
            "lock-version = \"2.0\"",
            "requirements-malformed",
        ),
        (
            pylock,
            "sha256 = ",
            "sha512 = ",
            "requirement-hash-unusable",
        ),
        (
            pylock,
            "hashes = ",
            "size = 1, hash = ",
            "requirements-malformed",
        ),
        (
            poetry,
            "type = \"legacy\"",
            "type = \"git\"",
            "requirement-elsewhere",
        ),
        (
            poetry,
            "type = \"legacy\"",
            "type = \"file\"",
            "requirement-elsewhere",
        ),
        (
            poetry,
            "type = \"legacy\"",
            "type = \"directory\"",
            "requirement-elsewhere",
        ),
        (
            poetry,
            "type = \"legacy\"",
            "type = \"url\"",
            "requirement-elsewhere",
        ),
        (
            poetry,
            "type = \"legacy\"",
            "type = \"pigeon\"",
            "requirements-malformed",
        ),
        (
            poetry,
            "lock-version = \"2.1\"",
            "lock-version = \"3.0\"",
            "requirements-malformed",
        ),
        (
            poetry,
            "hash = \"sha256:",
            "hash = \"md5:",
            "requirement-hash-unusable",
        ),
        (
            poetry,
            ", hash = ",
            ", size = 1, url = ",
            "requirement-unhashed",
        ),
        (poetry, "[metadata]", "[metadata", "requirements-malformed"),
    ] {
        let text = lock(name).replace(from, to);
        assert_ne!(text, lock(name), "{from}");
        let outcome = check_as(&house, name, &text).expect(1);
        let told = told(&outcome);
        assert!(
            told.iter()
                .any(|(found, severity, _)| found == rule && severity == "error"),
            "{name}, {to}: {told:?}"
        );
        // Where a value was changed, the finding is at its package.
        let line = told[0].2 as usize;
        assert!(line >= 1 && line <= text.lines().count(), "{told:?}");
    }
    // The line of the source itself.
    let text = lock(uv).replacen(registry, "source = { path = \"x\" }", 1);
    let expected = text
        .lines()
        .position(|line| line.contains("path ="))
        .unwrap()
        + 1;
    let outcome = check_as(&house, uv, &text).expect(1);
    assert_eq!(told(&outcome)[0].2, expected as u64);
}

#[test]
fn a_condition_in_a_lock_file_is_no_way_into_the_list_that_is_handed_on() {
    let house = House::new();
    // Text in TOML, a line of its own in a requirements file.
    let options = "\\n--find-links=https://evil.example/ --pre";
    let count = "version = \"2.1.0\"\n";
    for (name, from, to) in [
        (
            "poetry.lock",
            "\"win32\\\"",
            format!("\"win32\\\"{options}"),
        ),
        ("pylock.toml", "'win32'", format!("'win32'{options}")),
        (
            "uv.lock",
            count,
            format!("{count}resolution-markers = [\"os_name == 'nt'{options}\"]\n"),
        ),
        (
            "uv.lock",
            count,
            format!(
                "{count}resolution-markers = [\"os_name == 'nt'\", \"os_name == 'x'{options}\"]\n"
            ),
        ),
        ("uv.lock", "'win32'", format!("'win32'{options}")),
        ("poetry.lock", "\"sys_platform", "\"--pre".to_owned()),
    ] {
        let text = lock(name).replace(from, &to);
        assert_ne!(text, lock(name), "{name}");
        house.write(name, text);
        let outcome = handed_on(&house, name, "touch started").expect(125);
        let err = outcome.err();
        assert!(err.contains("requirements-malformed"), "{name}: {err}");
        assert!(err.contains("is no condition"), "{name}: {err}");
        assert!(!house.at("started").exists());
    }
    // The same without the option is handed on.
    let text = lock("uv.lock").replace(
        count,
        &format!("{count}resolution-markers = [\"os_name == 'nt'\", \"os_name == 'x'\"]\n"),
    );
    house.write("uv.lock", text);
    let outcome = handed_on(&house, "uv.lock", "cat \"$WHEELPROOF_REQUIREMENTS\"").expect(0);
    let line = "wheelproof-example-count==2.1.0 ; ((os_name == 'nt') or (os_name == 'x')) \
                and (sys_platform == 'win32') --hash=";
    assert!(outcome.out().contains(line), "{}", outcome.out());
}

#[test]
fn projects_that_a_lock_is_made_for_are_nobodys_download() {
    let house = House::new();
    let own = "source = { virtual = \".\" }";
    for source in [
        "source = { editable = \".\" }",
        "source = { directory = \".\" }",
    ] {
        check_as(&house, "uv.lock", lock("uv.lock").replace(own, source)).expect(0);
    }
    let member = lock("uv.lock").replace(own, "source = { editable = \"packages/app\" }");
    let outcome = check_as(&house, "uv.lock", &member).expect(1);
    assert_eq!(outcome.errors()[0], "requirement-elsewhere");
    let workspace = member.replace(
        "\n[[package]]\nname = \"wheelproof-example-app\"",
        "\n[manifest]\nmembers = [\"wheelproof-example-app\"]\n\n[[package]]\nname = \"wheelproof-example-app\"",
    );
    check_as(&house, "uv.lock", workspace).expect(0);
    let own = "\n[[packages]]\nname = \"app\"\ndirectory = { path = \".\", editable = true }\n";
    check_as(&house, "pylock.toml", lock("pylock.toml") + own).expect(0);
}

#[test]
fn an_older_poetry_lists_the_files_of_all_versions_together() {
    let house = House::new();
    let text = format!(
        "[[package]]\nname = \"wheelproof-example-units\"\nversion = \"0.3.0\"\ncategory = \"main\"\noptional = false\n\n\
         [metadata]\nlock-version = \"1.1\"\n\n[metadata.files]\nwheelproof-example-units = [\n\
         {{file = \"{}\", hash = \"sha256:{}\"}},\n\
         {{file = \"wheelproof_example_units-0.2.0-py3-none-any.whl\", hash = \"sha256:{}\"}},\n]\n",
        FILES[4],
        sha256sum(&house.wheel(FILES[4])),
        sha256sum(&house.wheel(FILES[2])),
    );
    check_as(&house, "poetry.lock", text).expect(0);
}

// Sdists.

#[test]
fn an_sdist_whose_build_needs_what_no_hash_covers_is_a_warning() {
    let house = House::new();
    let build = |requires: &str| {
        let script = "import io, sys, tarfile\n\
            with tarfile.open(sys.argv[1], 'w:gz') as archive:\n\
            \x20for name, text in (('PKG-INFO', 'Metadata-Version: 2.1\\nName: wheelproof-example-tool\\nVersion: 1.0\\n'), ('pyproject.toml', sys.argv[2])):\n\
            \x20\x20member = tarfile.TarInfo('wheelproof_example_tool-1.0/' + name)\n\
            \x20\x20member.size = len(text)\n\
            \x20\x20archive.addfile(member, io.BytesIO(text.encode()))\n";
        let file = "wheelproof_example_tool-1.0.tar.gz";
        run(std::process::Command::new("python3")
            .args(["-c", script])
            .arg(house.wheel(file))
            .arg(requires))
        .expect(0);
        house.sign_listing_also(&[file]);
        format!(
            "wheelproof-example-tool==1.0 --hash=sha256:{}\n",
            sha256sum(&house.wheel(file))
        )
    };
    for (pyproject, told) in [
        (
            "[build-system]\nrequires = []\nbackend-path = ['.']\nbuild-backend = 'b'\n",
            None,
        ),
        (
            "[build-system]\nrequires = ['flit_core']\n",
            Some("flit_core"),
        ),
        ("[project]\nname = 'x'\n", Some("setuptools")),
        ("no TOML", Some("not name readably")),
    ] {
        let list = build(pyproject);
        let outcome = check(&house, &list).expect(0);
        match told {
            None => assert_told(&outcome, &[]),
            Some(needs) => {
                assert_told(&outcome, &[("requirement-sdist", "warning", 1)]);
                assert!(outcome.out().contains(needs), "{}", outcome.out());
                house
                    .check(&["--requirements", "r.txt", "--strict"])
                    .expect(1);
                // pip is kept from building it.
                check(&house, format!("--only-binary :all:\n{list}")).expect(0);
                let outcome = house.check(&["--requirements", "r.txt", "--strict"]);
                assert_told(&outcome.expect(0), &[]);
            }
        }
    }
}

// The policy, and other commands.

#[test]
fn the_policy_names_requirements_and_the_flag_wins() {
    let house = House::new();
    std::fs::create_dir(house.at("reqs")).unwrap();
    house.write("reqs/bad.txt", "six==1.16.0\n");
    house.write("good.txt", units(&house));
    house.write(
        "wheelproof.toml",
        "[wheelhouse]\nrequirements = [\"reqs/bad.txt\"]\n",
    );
    let outcome = house.check(&[]).expect(1);
    assert_eq!(
        outcome.errors(),
        ["requirement-unhashed", "requirement-not-signed"]
    );
    house.check(&["--requirements", "good.txt"]).expect(0);
    // What writes the hashes cannot ask that they are there already.
    let mut command = wheelproof();
    command.current_dir(house.at("")).args([
        "requirements",
        ".",
        "good.txt",
        "--certs",
        "keys",
        "--time",
        TODAY,
    ]);
    run(&mut command).expect(0);
    for command in ["rebuild", "audit"] {
        let mut command_line = wheelproof();
        command_line
            .current_dir(house.at(""))
            .args([command, ".", "nothing", "--certs", "keys", "--time", TODAY])
            .args(["--format", "json", "--sandbox", "off"]);
        let outcome = run(&mut command_line);
        assert_eq!(
            outcome.errors(),
            ["requirement-unhashed", "requirement-not-signed"]
        );
    }
}

// Handing on.

#[track_caller]
fn handed_on(house: &House, name: &str, script: &str) -> Outcome {
    run(&mut house.run(
        &["--quiet", "--requirements", name],
        &["sh", "-euc", script],
    ))
}

#[test]
fn run_hands_on_what_the_requirements_admit_and_nothing_else() {
    let house = House::new();
    house.write("r.txt", units(&house));
    let outcome = handed_on(&house, "r.txt", "ls \"$WHEELPROOF_WHEELHOUSE\"").expect(0);
    assert_eq!(outcome.out(), format!("{}\n", FILES[4]));
    house.write("uv.lock", lock("uv.lock"));
    let script = "ls \"$WHEELPROOF_WHEELHOUSE\"; grep -c hash \"$WHEELPROOF_REQUIREMENTS\"";
    let outcome = handed_on(&house, "uv.lock", script).expect(0);
    assert_eq!(outcome.out(), format!("{}\n3\n", FILES.join("\n")));
    house.assert_nothing_left();
}

#[test]
fn run_starts_nothing_when_a_requirement_leads_elsewhere() {
    let house = House::new();
    house.write("r.txt", format!("{}--find-links x\n", units(&house)));
    let outcome = handed_on(&house, "r.txt", "touch started").expect(125);
    assert!(
        outcome.err().contains("requirement-elsewhere"),
        "{}",
        outcome.err()
    );
    assert!(!house.at("started").exists());
}

// What is written is read.

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn what_the_command_writes_passes(
        chosen in proptest::sample::subsequence(vec![0usize, 1, 2], 1..=3),
        spelling in 0usize..3,
        extras in proptest::bool::ANY,
        marker in proptest::sample::select(vec!["", " ; python_version >= \"3\"", "; os_name == 'nt'"]),
        sdists in proptest::bool::ANY,
        crlf in proptest::bool::ANY,
    ) {
        let house = House::new();
        let names = [
            ["wheelproof-example-count", "Wheelproof.Example-Count", "wheelproof__example_count"],
            ["wheelproof-example-greeting", "WHEELPROOF-example-greeting", "wheelproof.example.greeting"],
            ["wheelproof-example-units", "wheelproof_example-units", "wheelproof-.-example-units"],
        ];
        let versions = [["2.1.0", "2.1", "v2.1.0.0"], ["1", "1.0", "1.0.0"], ["0.3", "0.3.0", "0.3.00"]];
        let end = if crlf { "\r\n" } else { "\n" };
        let text: String = chosen.iter().map(|index| {
            let extras = if extras { "[count]" } else { "" };
            format!("{}{extras}=={}{marker}{end}", names[*index][spelling], versions[*index][spelling])
        }).collect();
        house.write("in.txt", text);
        let mut command = wheelproof();
        command.current_dir(house.at("")).args([
            "requirements", ".", "in.txt", "--certs", "keys", "--time", TODAY, "--quiet", "--output", "out.txt",
        ]);
        if sdists {
            command.arg("--sdists");
        }
        run(&mut command).expect(0);
        let outcome = house.check(&["--requirements", "out.txt", "--strict"]).expect(0);
        let report = outcome.json();
        prop_assert_eq!(&report["requirements"][0]["met"], chosen.len());
        prop_assert!(Path::new(&house.at("out.txt")).exists());
    }
}
