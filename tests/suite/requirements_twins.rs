//! Twins of a required file: what real pip and real uv take, and what is told.

use std::process::Command;

use crate::common::{House, Outcome, minimal_wheel, run, sha256sum};
use crate::installers::{Installer, pip, uv};

/// Makes a wheel that says of itself which file it was, or an sdist. CPython's
/// libraries write them.
fn make(house: &House, name: &str) {
    let path = house.wheel(name);
    if name.ends_with(".whl") {
        let contents = format!("file = '{name}'\n");
        minimal_wheel(&path, &[("pkg.py", contents.as_str())]);
        return;
    }
    let script = "import io, sys, tarfile\n\
        text = b'Metadata-Version: 2.1\\nName: pkg\\nVersion: 2.0\\n'\n\
        with tarfile.open(sys.argv[1], 'w:gz') as archive:\n\
        \x20member = tarfile.TarInfo('pkg-2.0/PKG-INFO')\n\
        \x20member.size = len(text)\n\
        \x20archive.addfile(member, io.BytesIO(text))\n";
    run(Command::new("python3").args(["-c", script]).arg(path)).expect(0);
}

/// Runs an installer over the directory itself, without `wheelproof run`.
fn install(house: &House, installer: &Installer, list: &str, hashes: bool) -> Outcome {
    let _ = std::fs::remove_dir_all(house.at("out"));
    let mut command = Command::new(&installer.program);
    command
        .current_dir(house.at(""))
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", house.at(""))
        .env("PIP_CONFIG_FILE", "/dev/null");
    if installer.name == "uv" {
        command.args(["pip", "install", "--offline", "--no-cache", "--no-build"]);
    } else {
        command.args(["install", "--no-cache-dir", "--disable-pip-version-check"]);
        command.args(["--only-binary", ":all:"]);
    }
    command.args(["--no-index", "--find-links", "wheels", "--no-deps"]);
    command.args(["--target", "out"]);
    if hashes {
        command.arg("--require-hashes");
    }
    run(command.args(["-r", list]))
}

const PURE: &str = "pkg-2.0-py3-none-any.whl";

/// A twin, whether an installer on CPython and Linux takes it before [`PURE`], and
/// what is told of it.
const TWINS: &[(&str, bool, Option<&str>)] = &[
    ("pkg-2.0+local-py3-none-any.whl", true, Some("error")),
    ("pkg-2.0-1-py3-none-any.whl", true, Some("error")),
    ("pkg-2.0-py3-none-linux_x86_64.whl", true, Some("warning")),
    ("pkg-2.0.tar.gz", false, None),
    ("pkg-2.1-py3-none-any.whl", false, None),
    ("pkg-2.0-py2-none-any.whl", false, None),
    (
        "pkg-2.0-cp37-abi3-musllinux_1_2_x86_64.whl",
        false,
        Some("warning"),
    ),
];

#[test]
fn a_twin_that_installers_take_is_told_and_stops_them() {
    let installers: Vec<Installer> = [pip(), uv()].into_iter().flatten().collect();
    let is_here = cfg!(all(
        target_os = "linux",
        target_arch = "x86_64",
        target_env = "gnu"
    ));
    for (twin, is_taken, told) in TWINS {
        let house = House::new();
        for name in [PURE, twin] {
            make(&house, name);
        }
        house.sign_listing_also(&[PURE, twin]);
        let hash = |name: &str| format!(" --hash=sha256:{}", sha256sum(&house.wheel(name)));
        house.write("r.txt", format!("pkg==2.0{}\n", hash(PURE)));
        house.write("bare.txt", "pkg==2.0\n");
        let outcome = house.check(&["--requirements", "r.txt"]);
        let expected: Vec<(String, String)> = told
            .iter()
            .map(|severity| ("requirement-twin".to_owned(), (*severity).to_owned()))
            .collect();
        assert_eq!(outcome.rules(), expected, "{twin}");
        let code = i32::from(*told == Some("error"));
        let outcome = outcome.expect(code);
        if told.is_some() {
            assert!(outcome.out().contains(twin), "{}", outcome.out());
        }
        if !is_here {
            continue;
        }
        for installer in &installers {
            // By the version alone, the twin is what is installed.
            let bare = install(&house, installer, "bare.txt", false).expect(0);
            let installed = std::fs::read_to_string(house.at("out/pkg.py")).unwrap();
            let taken = if *is_taken { twin } else { PURE };
            assert!(
                installed.contains(taken),
                "{}: {installed} {bare:?}",
                installer.name
            );
            // With hashes it is still taken, found to be wrong, and nothing is.
            let hashed = install(&house, installer, "r.txt", true);
            assert_eq!(
                hashed.code == Some(0),
                !is_taken,
                "{}: {hashed:?}",
                installer.name
            );
            if *is_taken {
                assert!(!house.at("out/pkg.py").exists());
            }
            // What `run` hands on has no twin.
            let words = match installer.name {
                "uv" => "pip install -q",
                _ => "install -q --disable-pip-version-check",
            };
            let line = format!(
                "{} {words} --no-deps --target sealed-{} -r \"$WHEELPROOF_REQUIREMENTS\"",
                installer.program.display(),
                installer.name
            );
            let flags = ["--quiet", "--requirements", "r.txt"];
            run(&mut house.run(&flags, &["sh", "-euc", &line])).expect(0);
            let place = format!("sealed-{}/pkg.py", installer.name);
            let installed = std::fs::read_to_string(house.at(place)).unwrap();
            assert!(installed.contains(PURE), "{installed}");
        }
    }
}

#[test]
fn a_twin_whose_hash_is_listed_too_is_wanted() {
    let house = House::new();
    let build = "pkg-2.0-1-py3-none-any.whl";
    for name in [PURE, build] {
        make(&house, name);
    }
    house.sign_listing_also(&[PURE, build]);
    let hash = |name: &str| format!(" --hash=sha256:{}", sha256sum(&house.wheel(name)));
    house.write("r.txt", format!("pkg==2.0{}{}\n", hash(PURE), hash(build)));
    assert!(
        house
            .check(&["--requirements", "r.txt"])
            .expect(0)
            .rules()
            .is_empty()
    );
    // A local version is another version: pip takes it, uv does not.
    let local = "pkg-2.0+local-py3-none-any.whl";
    make(&house, local);
    house.sign_listing_also(&[PURE, build, local]);
    let text = format!("pkg==2.0{}{}{}\n", hash(PURE), hash(build), hash(local));
    house.write("r.txt", text);
    let outcome = house.check(&["--requirements", "r.txt"]).expect(1);
    assert_eq!(
        outcome.errors(),
        ["requirement-hash-foreign", "requirement-twin"]
    );
}
