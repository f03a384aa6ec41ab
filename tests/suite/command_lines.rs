//! Every command line of the pages is run, each block in a directory that has what its
//! lines name. The lines of a block follow each other there, as their reader would type
//! them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::common::{FILES, fixture, has_program, pair, run, sha256sum, wheelproof};
use crate::installers::{pip, uv};
use crate::manual::{command_lines, page, pages};

/// What ends otherwise than with 0, by a part of the line, and why.
const CODES: &[(&str, i32, &str)] = &[
    ("--time 2021-04-14T00:00:00Z", 1, "the signature is of 2024"),
    (
        "--threshold 2",
        2,
        "one signer is named, so it can never be met",
    ),
    ("init dists", 2, "a policy is there already"),
    ("sign dists --drop", 3, "there is one signature"),
    ("explain A.whl B.whl", 1, "they differ"),
    ("explain PUBLISHED.whl REBUILT.whl", 1, "they differ"),
    ("merge *.jsonl", 3, "two of four parts are missing"),
];

/// What stands for something of the reader's own, and what it is here.
const STAND_INS: &[(&str, &str)] = &[
    ("six", "wheelproof-example-greeting"),
    ("six==1.16.0", "wheelproof-example-greeting==1.0.0"),
    ("'six-*-none-*'", "'wheelproof_example_greeting-*-none-*'"),
    ("FINGERPRINT", SIGNER),
    ("0BC135125EB2FF9A0F88EE1CC65FF007C75766ED", SIGNER),
    ("dists/six-1.11.0-py2.py3-none-any.whl", "PUBLISHED.whl"),
    ("rebuilt/six-1.11.0-py2.py3-none-any.whl", "REBUILT.whl"),
    ("SHA256", "$(sha256sum <PUBLISHED.whl | cut -c -64)"),
    ("/usr/bin/python3", "python3"),
    ("/usr/local/bin/python3", "python3"),
    ("/shared/results/*.jsonl", "shared/results/*.jsonl"),
];

/// The key of the fixtures.
const SIGNER: &str = "542EF4903F642052C64286D76F2DD998E3EE7998";

/// Names that the pages give to a wheelhouse.
const HOUSES: &[&str] = &["DIR", "PROJECT", "RELEASE", "WORK", "dists"];

/// A directory that has what the lines of a block name.
struct Desk {
    directory: TempDir,
}

impl Desk {
    fn at(&self, below: &str) -> PathBuf {
        self.directory.path().join(below)
    }

    fn for_lines(lines: &str) -> Self {
        let desk = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        let top = Path::new(env!("CARGO_MANIFEST_DIR"));
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(desk.at(""), open).unwrap();
        for name in [
            "bin",
            "examples",
            "fixtures",
            "nights",
            "shared/results",
            "tmp",
        ] {
            std::fs::create_dir_all(desk.at(name)).unwrap();
        }
        copy(&top.join("keys"), &desk.at("keys"));
        copy(&top.join("keys"), &desk.at("pubkeys"));
        copy(&top.join("examples/debian"), &desk.at("examples/debian"));
        copy(&fixture("wheelhouse"), &desk.at("fixtures/wheelhouse"));
        for house in HOUSES {
            copy(&fixture("wheelhouse"), &desk.at(house));
            let policy = desk.at(&format!("{house}/wheelproof.toml"));
            let text = std::fs::read_to_string(&policy).unwrap();
            std::fs::write(policy, text.replace("../../keys", "../keys")).unwrap();
        }
        let mut list = String::new();
        for files in FILES.chunks(2) {
            let (project, rest) = files[0].split_once('-').unwrap();
            let version = rest.split('-').next().unwrap();
            let hashes: Vec<String> = files
                .iter()
                .map(|name| sha256sum(&fixture("wheelhouse/wheels").join(name)))
                .map(|hash| format!("--hash=sha256:{hash}"))
                .collect();
            list += &format!("{project}=={version} {}\n", hashes.join(" "));
        }
        std::fs::write(desk.at("requirements.txt"), list).unwrap();
        std::fs::copy(fixture("locks/uv.lock"), desk.at("uv.lock")).unwrap();
        if lines.contains(".whl") {
            let two = pair("explain.py", &desk.at("tmp"), "umask");
            for (names, file) in [["A.whl", "PUBLISHED.whl"], ["B.whl", "REBUILT.whl"]]
                .iter()
                .zip(&two)
            {
                for name in names {
                    std::fs::copy(file, desk.at(name)).unwrap();
                }
            }
        }
        for (name, needed, line) in [
            (
                "audit.json",
                "--rebuilt-report audit.json",
                "audit DIR --format json",
            ),
            (
                "nights/2026-11-23.json",
                "nights/",
                "audit DIR --all --format json",
            ),
            (
                "shared/results/1.jsonl",
                "/shared/results",
                "audit DIR --all --results shared/results/1.jsonl --time 2026-11-23T00:00:00Z",
            ),
        ] {
            if lines.contains(needed) {
                let outcome = run(&mut desk.shell(&format!("wheelproof {line}"))).expect(0);
                if !desk.at(name).exists() {
                    std::fs::write(desk.at(name), outcome.stdout).unwrap();
                }
            }
        }
        desk
    }

    /// Lets gpg have the key of the fixtures. Returns `false`, and says so, without gpg.
    fn with_gpg(&self) -> bool {
        if !has_program("gpg") {
            return false;
        }
        std::fs::create_dir(self.at("gnupg")).unwrap();
        let mine = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(self.at("gnupg"), mine).unwrap();
        let key = fixture("test-only-secret-key.asc");
        let import = format!("gpg --batch --quiet --import '{}'", key.display());
        run(&mut self.shell(&import)).expect(0);
        true
    }

    /// Puts an installer on the path that installs below this directory.
    fn with_installer(&self, name: &str, program: &Path) {
        let words = if name == "uv" { "pip " } else { "" };
        let out = self.at("installed");
        // The words of the page, and where to.
        let text = format!(
            "#!/bin/sh\nverb=install\nfor word; do case $word in install | sync) verb=$word; break ;; esac; done\n\
             while [ \"$1\" != \"$verb\" ]; do shift; done; shift\n\
             exec '{}' {words}$verb --target '{}' \"$@\"\n",
            program.display(),
            out.display()
        );
        let shim = self.at("bin").join(name);
        std::fs::write(&shim, text).unwrap();
        std::fs::set_permissions(shim, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Returns a shell that stands here and finds the program.
    fn shell(&self, line: &str) -> Command {
        let mut command = Command::new("sh");
        let program = wheelproof();
        let beside = Path::new(program.get_program()).parent().unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .current_dir(self.at(""))
            .env_clear()
            .env(
                "PATH",
                format!("{}:{}:{path}", self.at("bin").display(), beside.display()),
            )
            .env("HOME", self.at(""))
            .env("GNUPGHOME", self.at("gnupg"))
            .env("TMPDIR", self.at("tmp"))
            .env("XDG_CACHE_HOME", self.at("cache"))
            .stdin(std::process::Stdio::null())
            .args(["-euc", line]);
        command
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if self.at("gnupg").exists() {
            let _ = self.shell("gpgconf --kill all").output();
        }
    }
}

fn copy(from: &Path, to: &Path) {
    let done = Command::new("cp").arg("-r").arg(from).arg(to).status();
    assert!(done.unwrap().success());
}

/// Returns a line with what it stands for here.
fn as_here(line: &str) -> String {
    let words = line.split(' ').map(|word| {
        let stand_in = STAND_INS.iter().find(|(there, _)| *there == word);
        stand_in.map_or(word, |(_, here)| here)
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Runs the lines of a block. Returns what went wrong.
fn follow(place: &str, lines: &[String]) -> Vec<String> {
    let all: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let mut wrong = Vec::new();
    let desk = Desk::for_lines(&all);
    if all.contains("wheelproof sign") && !desk.with_gpg() {
        return wrong;
    }
    for (word, installer) in [("-- pip ", pip()), ("-- uv ", uv())] {
        match installer {
            Some(one) => desk.with_installer(one.name, &one.program),
            None if all.contains(word) => return wrong,
            None => {}
        }
    }
    for line in lines {
        let here = as_here(line);
        let mut command = desk.shell(&here);
        if line.contains("debian/wheelproof.toml") {
            command.current_dir(desk.at("examples/debian"));
        }
        let code = CODES.iter().find(|(part, ..)| here.contains(part));
        let code = code.map_or(0, |(_, code, _)| *code);
        let outcome = run(&mut command);
        if outcome.code != Some(code) {
            wrong.push(format!(
                "{place}: {line}\n{:?}, not {code}\n{}\n{}",
                outcome.code,
                String::from_utf8_lossy(&outcome.stdout),
                String::from_utf8_lossy(&outcome.stderr)
            ));
        }
    }
    wrong
}

#[test]
fn every_command_line_of_the_pages_runs() {
    let mut blocks: Vec<(String, Vec<String>)> = Vec::new();
    for name in pages() {
        let text = page(name.to_str().unwrap());
        // Every second part stands inside a fence.
        for block in text.split("```").skip(1).step_by(2) {
            let lines = command_lines(block);
            if !lines.is_empty() {
                blocks.push((name.display().to_string(), lines));
            }
        }
    }
    assert!(blocks.len() > 20, "only {} blocks were found", blocks.len());
    // What ends otherwise stands in some page.
    let all: Vec<&String> = blocks.iter().flat_map(|(_, lines)| lines).collect();
    for (part, ..) in CODES {
        assert!(
            all.iter().any(|line| line.contains(part)),
            "no page has: {part}"
        );
    }
    let mut shares: Vec<Vec<_>> = (0..4).map(|_| Vec::new()).collect();
    for (number, block) in blocks.iter().enumerate() {
        shares[number % 4].push(block);
    }
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let follow = |share: Vec<&(String, Vec<String>)>| {
            let all = share.into_iter();
            all.flat_map(|(place, lines)| follow(place, lines))
                .collect::<Vec<_>>()
        };
        let threads: Vec<_> = shares
            .into_iter()
            .map(|share| scope.spawn(move || follow(share)))
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
