//! The two stories that wheelproof was begun for, replayed with the real files:
//! six, whose METADATA setuptools changed, and a C extension under two interpreters.
//!
//! `scripts/fetch-test-sources` fetches what they need, by digest. Where it is not
//! there, the tests are left out.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::common::{FILES, House, has_bubblewrap, has_program, run, sha256sum, wheelproof};

const SIX: &str = "six-1.11.0-py2.py3-none-any.whl";
/// The digest that SecureDrop's release key signed in April 2021.
const SIX_SIGNED: &str = "eb52689b06ca7433c1cac3b91f320400bd3b358790b7ff4b6367cb1c81d37561";

/// Returns the directory with the real files, or says that the test was left out.
fn sources() -> Option<PathBuf> {
    let named = std::env::var_os("WHEELPROOF_TEST_SOURCES").map(PathBuf::from);
    let directory =
        named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-sources"));
    if directory.join("sdists/six-1.11.0.tar.gz").is_file() && directory.join("tools").is_dir() {
        return Some(directory);
    }
    crate::skipped!("the real sdists are not there; scripts/fetch-test-sources fetches them");
    None
}

/// Returns a wheelhouse with one sdist, and with lists of tools beside it.
fn house(sources: &Path, sdist: &str) -> House {
    let house = House::new();
    for name in FILES {
        std::fs::remove_file(house.wheel(name)).unwrap();
    }
    std::fs::copy(sources.join("sdists").join(sdist), house.wheel(sdist)).unwrap();
    house
}

/// Writes the list of these tools, with the digests of the fixture.
fn tools(house: &House, name: &str, wanted: &[&str]) -> PathBuf {
    let all = std::fs::read_to_string(crate::common::fixture("explain/tools.txt")).unwrap();
    let lines: Vec<&str> = all
        .lines()
        .filter(|line| wanted.contains(&line.split(' ').next().unwrap()))
        .collect();
    assert_eq!(lines.len(), wanted.len());
    let path = house.at(name);
    std::fs::write(&path, lines.join("\n")).unwrap();
    path
}

fn causes(rebuild: &Value) -> Vec<(String, String)> {
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    rebuild["causes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cause| (word(&cause["cause"]), word(&cause["proof"])))
        .collect()
}

#[test]
fn the_line_that_setuptools_57_wrote_is_named_and_proved() {
    let Some(sources) = sources() else { return };
    // setuptools of 2021 needs distutils.
    let python = Path::new("/usr/bin/python3");
    let has_distutils = Command::new(python)
        .args(["-I", "-S", "-c", "import distutils.core"])
        .status();
    if !has_distutils.is_ok_and(|status| status.success()) {
        crate::skipped!("/usr/bin/python3 has no distutils");
        return;
    }
    if !has_bubblewrap() {
        return;
    }
    let house = house(&sources, "six-1.11.0.tar.gz");
    let sdist = sha256sum(&house.wheel("six-1.11.0.tar.gz"));
    house.sign(format!("{SIX_SIGNED}  {SIX}\n{sdist}  six-1.11.0.tar.gz\n"));
    let directory = sources.join("tools");
    let rebuild = |list: &Path, more: &[&str]| {
        let mut arguments = vec![
            "six",
            "--python",
            "py3=/usr/bin/python3",
            "--source-date-epoch",
            "1309379017",
            "--build-path",
            "/tmp/pip-wheel-build/{sdist}",
            "--offline",
            "--tools",
            list.to_str().unwrap(),
            "--tool-directory",
            directory.to_str().unwrap(),
        ];
        arguments.extend(more);
        run(&mut house.rebuilding("rebuild", &arguments))
    };
    // What was signed comes back with setuptools 56.2.0, and is the published wheel
    // from here on.
    let old = tools(&house, "old.txt", &["setuptools==56.2.0", "wheel==0.36.2"]);
    let wheels = house.at("wheels");
    let first = rebuild(&old, &["--keep", wheels.to_str().unwrap()]);
    assert_eq!(
        first.json()["rebuilds"][0]["outcome"],
        "reproduced",
        "{}",
        first.out()
    );
    assert_eq!(sha256sum(&house.wheel(SIX)), SIX_SIGNED);

    let new = tools(&house, "new.txt", &["setuptools==57.0.0", "wheel==0.36.2"]);
    let by_new = house.at("by-new");
    by_hand(
        &house,
        &sources,
        "six-1.11.0",
        ["setuptools-57.0.0", "wheel-0.36.2"],
        python,
        &by_new,
    );
    in_ten_lines(&house.wheel(SIX), &by_new.join(SIX), "license-file-field");
    let found = rebuild(&new, &["--prove"]).expect(1).json();
    let found = &found["rebuilds"][0];
    assert_eq!(found["outcome"], "different");
    assert_eq!(
        causes(found),
        [("license-file-field".to_owned(), "counterfactual".to_owned())]
    );
    assert!(found["unexplained"].is_null(), "{found}");
    let cause = &found["causes"][0];
    let advice = cause["advice"].as_str().unwrap();
    assert!(advice.starts_with("pin setuptools==56.2.0"), "{advice}");
    let evidence = cause["evidence"].to_string();
    assert!(evidence.contains("has the signed digest"), "{evidence}");
}

/// Explains a pair: in at most ten lines, coloured or not, and at length.
fn in_ten_lines(published: &Path, rebuilt: &Path, cause: &str) {
    let explain = |more: &[&str]| {
        let mut explain = wheelproof();
        explain.arg("explain").args([published, rebuilt]).args(more);
        run(&mut explain).expect(1).out()
    };
    let short = explain(&[]);
    assert!(short.lines().count() <= 10, "{short}");
    assert!(!short.contains('\u{1b}'), "{short}");
    let second = short.lines().nth(1).unwrap();
    assert!(second.starts_with(&format!("cause[{cause}]")), "{second}");
    let coloured = explain(&["--color", "always"]);
    assert!(coloured.lines().count() <= 10 && coloured.contains('\u{1b}'));
    // Everything that the short form has is in the long one, and more.
    let full = explain(&["--full"]);
    assert!(full.lines().count() > short.lines().count(), "{full}");
    assert!(full.contains(second), "{full}");
}

/// Returns another CPython than the system's of the same version with headers.
pub(crate) fn other_python() -> Option<PathBuf> {
    let version = Command::new("/usr/bin/python3")
        .args(["-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
        .output()
        .ok()?;
    let version = String::from_utf8(version.stdout).ok()?.trim().to_owned();
    let named = std::env::var_os("WHEELPROOF_TEST_PYTHON").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(PathBuf::from)?;
    let installed = std::fs::read_dir(home.join(".pyenv/versions"));
    let mut candidates: Vec<PathBuf> = installed
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin/python3")))
        .collect();
    candidates.sort();
    candidates.extend(named);
    let script = format!(
        "import os, sys, sysconfig\n\
         ok = '%d.%d' % sys.version_info[:2] == '{version}'\n\
         ok = ok and os.path.exists(os.path.join(sysconfig.get_path('include'), 'Python.h'))\n\
         sys.exit(not ok)"
    );
    let suits = |path: &PathBuf| {
        let asked = Command::new(path).args(["-c", &script]).status();
        asked.is_ok_and(|status| status.success())
    };
    candidates.into_iter().rev().find(suits)
}

/// Builds an sdist by hand in bubblewrap, without this program.
fn by_hand(house: &House, sources: &Path, sdist: &str, tools: [&str; 2], python: &Path, to: &Path) {
    let path = format!("/tmp/pip-wheel-build/{sdist}");
    let work = house.at("by-hand");
    std::fs::create_dir_all(work.join("tools")).unwrap();
    std::fs::create_dir_all(to).unwrap();
    let script = "set -e; umask 022; mkdir source; \
        tar xf $SDIST -C source --strip-components=1 --no-same-owner --no-same-permissions; \
        cd tools; for wheel in $TOOLS; do /usr/bin/python3 -m zipfile -e $wheel .; done";
    let unpacked = Command::new("sh")
        .args(["-c", script])
        .current_dir(&work)
        .env("SDIST", sources.join(format!("sdists/{sdist}.tar.gz")))
        .env(
            "TOOLS",
            tools
                .map(|name| {
                    let entries = std::fs::read_dir(sources.join("tools")).unwrap();
                    let found = entries.map(|entry| entry.unwrap().path()).find(|path| {
                        path.file_name()
                            .unwrap()
                            .to_str()
                            .unwrap()
                            .starts_with(name)
                    });
                    found.unwrap().to_str().unwrap().to_owned()
                })
                .join(" "),
        )
        .status();
    assert!(unpacked.unwrap().success());
    let build = "import setuptools.build_meta as backend; backend.build_wheel('/tmp/out')";
    let built = Command::new("bwrap")
        .args(["--unshare-all", "--cap-drop", "ALL", "--clearenv"])
        .args([
            "--ro-bind",
            "/",
            "/",
            "--dev",
            "/dev",
            "--proc",
            "/proc",
            "--tmpfs",
            "/tmp",
        ])
        .arg("--bind")
        .arg(work.join("source"))
        .arg(&path)
        .arg("--ro-bind")
        .arg(work.join("tools"))
        .args(["/tmp/tools", "--bind"])
        .arg(to)
        .args(["/tmp/out", "--chdir", &path])
        .args([
            "--setenv",
            "PATH",
            "/usr/bin:/bin",
            "--setenv",
            "PYTHONPATH",
            "/tmp/tools",
        ])
        .args([
            "--setenv",
            "SOURCE_DATE_EPOCH",
            "1309379017",
            "--setenv",
            "LC_ALL",
            "C.UTF-8",
        ])
        .args(["sh", "-c", "umask 022; exec \"$@\"", "sh"])
        .arg(python)
        .args(["-s", "-c", build])
        .output()
        .unwrap();
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    std::fs::remove_dir_all(work).unwrap();
}

#[test]
fn the_flags_of_another_interpreter_are_named_and_proved() {
    let Some(sources) = sources() else { return };
    let Some(other) = other_python() else {
        crate::skipped!("there is no second Python of the system's version with headers");
        return;
    };
    if !has_bubblewrap() || !has_program("cc") {
        return;
    }
    let system = PathBuf::from("/usr/bin/python3");
    let house = house(&sources, "MarkupSafe-2.1.5.tar.gz");
    for (python, to) in [(&system, "wheels"), (&other, "upstream")] {
        by_hand(
            &house,
            &sources,
            "MarkupSafe-2.1.5",
            ["setuptools-65.5.1", "wheel-0.37.1"],
            python,
            &house.at(to),
        );
    }
    house.sign_all();
    let wheel = |directory: &str| {
        let entries = std::fs::read_dir(house.at(directory)).unwrap();
        let mut paths = entries.map(|entry| entry.unwrap().path());
        paths
            .find(|path| path.extension().is_some_and(|ending| ending == "whl"))
            .unwrap()
    };
    // By hand first: the flags are named, with or without a rebuild.
    in_ten_lines(&wheel("wheels"), &wheel("upstream"), "compiler-flags");
    let mut explain = wheelproof();
    explain
        .arg("explain")
        .arg(wheel("wheels"))
        .arg(wheel("upstream"));
    let told = run(&mut explain).expect(1);
    assert!(told.out().lines().count() <= 10, "{}", told.out());
    let second = told.out().lines().nth(1).unwrap().to_owned();
    assert!(
        second.contains("cause[compiler-flags]") && second.contains("-O"),
        "{second}"
    );

    let list = tools(
        &house,
        "tools.txt",
        &["setuptools==65.5.1", "wheel==0.37.1"],
    );
    let interpreter = format!("py3={}", other.display());
    let arguments = [
        "MarkupSafe",
        "--python",
        &interpreter,
        "--source-date-epoch",
        "1309379017",
        "--build-path",
        "/tmp/pip-wheel-build/{sdist}",
        "--offline",
        "--prove",
        "--tools",
        list.to_str().unwrap(),
        "--tool-directory",
        sources.join("tools").to_str().unwrap(),
    ]
    .map(str::to_owned);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let found = run(&mut house.rebuilding("rebuild", &arguments))
        .expect(1)
        .json();
    let found = &found["rebuilds"][0];
    assert_eq!(found["outcome"], "different", "{found}");
    assert!(found["unexplained"].is_null(), "{found}");
    let causes = causes(found);
    let flags = ("compiler-flags".to_owned(), "counterfactual".to_owned());
    assert!(causes.contains(&flags), "{causes:?}");
    assert!(
        found["causes"]
            .to_string()
            .contains("the interpreter /usr/bin/python3"),
        "{found}"
    );
    assert!(
        found["causes"]
            .to_string()
            .contains("has the signed digest"),
        "{found}"
    );
}
