//! What real installers make of wheels that are odd, which is what their findings weigh:
//! an error where they install different things or none installs it, a warning where
//! one refuses what the others install alike. The wheels are those of the testkit.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{has_program, run};
use crate::installers::{pip, uv};
use crate::kit::format::cases;

/// How an installer is called, and the letter for it.
struct Program {
    letter: char,
    command: Vec<String>,
}

fn script() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("tests/suite/odd_wheels.py").display().to_string()
}

/// Returns the interpreter of the tools that were put aside, when it has installer.
fn with_installer() -> Option<String> {
    let tools = std::env::var_os("WHEELPROOF_TEST_TOOLS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools"),
        PathBuf::from,
    );
    let python = tools.join("bin/python").display().to_string();
    let asked = Command::new(&python)
        .args(["-c", "import installer"])
        .output();
    match asked {
        Ok(output) if output.status.success() => Some(python),
        _ => {
            crate::skipped!("installer is not in WHEELPROOF_TEST_TOOLS");
            None
        }
    }
}

fn programs() -> Vec<Program> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let alike = ["--no-deps", "--no-index", "--quiet"];
    let mut programs = Vec::new();
    if let Some(pip) = pip() {
        let mut command = vec![pip.program.display().to_string()];
        command.extend::<Vec<String>>(words(&["install", "--no-compile"]));
        command.extend::<Vec<String>>(words(&alike));
        command.extend::<Vec<String>>(words(&["{file}", "--prefix", "{out}"]));
        programs.push(Program {
            letter: 'p',
            command,
        });
    }
    if let Some(uv) = uv() {
        let mut command = vec![uv.program.display().to_string()];
        command.extend::<Vec<String>>(words(&["pip", "install", "--no-cache"]));
        command.extend::<Vec<String>>(words(&["--python", "python3"]));
        command.extend::<Vec<String>>(words(&alike));
        command.extend::<Vec<String>>(words(&["{file}", "--prefix", "{out}"]));
        programs.push(Program {
            letter: 'u',
            command,
        });
    }
    if let Some(python) = with_installer() {
        let mut command = vec![python, script()];
        command.extend::<Vec<String>>(words(&["install", "{file}", "{out}"]));
        programs.push(Program {
            letter: 'i',
            command,
        });
    }
    programs
}

/// Returns the wheel of a case's fault: its name and the expression that makes it.
fn wheel_of(name: &str) -> (String, String) {
    let all = cases().unwrap();
    let case = all.iter().find(|case| case.name == name);
    let case = case.unwrap_or_else(|| panic!("there is no case {name}"));
    let file = case
        .fault
        .file
        .iter()
        .rev()
        .find(|file| file.python.is_some());
    let file = file.unwrap();
    let path = file.path.clone().unwrap();
    let base = path.rsplit('/').next().unwrap().to_owned();
    (base, file.python.clone().unwrap())
}

/// Returns what an installer put into a directory; `None` when it refused.
fn installed(program: &Program, file: &Path, out: &Path) -> Option<String> {
    let fill = |word: &String| {
        word.replace("{file}", file.to_str().unwrap())
            .replace("{out}", out.to_str().unwrap())
    };
    let words: Vec<String> = program.command.iter().map(fill).collect();
    std::fs::create_dir_all(out).unwrap();
    let outcome = run(Command::new(&words[0]).args(&words[1..]));
    (outcome.code == Some(0)).then(|| {
        let listed = Command::new("python3")
            .args([&script(), "tree"])
            .arg(out)
            .output();
        String::from_utf8(listed.unwrap().stdout).unwrap()
    })
}

/// What is known of a case: who refuses it (pip, uv, installer), and who installs
/// something else than pip does.
struct Known {
    case: &'static str,
    refuse: &'static str,
    differ: &'static str,
}

const fn known(case: &'static str, refuse: &'static str, differ: &'static str) -> Known {
    Known {
        case,
        refuse,
        differ,
    }
}

const KNOWN: &[Known] = &[
    known("wheel/record-hexadecimal", "", ""),
    known("wheel/record-absolute-paths", "i", ""),
    known("wheel/record-backslashes", "i", ""),
    known("wheel/record-unquoted-comma", "ui", ""),
    known("wheel/record-blank-line", "pi", ""),
    known("wheel/record-directory-row", "", ""),
    known("wheel/record-row-twice-alike", "", ""),
    known("wheel/tags-unreadable", "", ""),
    known("wheel/tags-missing", "", ""),
    known("wheel/version-before-one", "i", ""),
    known("wheel/version-two", "pui", ""),
    known("wheel/metadata-not-utf8", "p", ""),
    known("wheel/wheel-not-utf8", "pui", ""),
    known("wheel/program-that-calls-code", "ui", ""),
    known("wheel/program-twice", "ui", ""),
    known("wheel/section-twice", "ui", ""),
    known("wheel/entry-points-no-section", "ui", ""),
    known("wheel/entry-points-semicolon", "p", ""),
    known("wheel/program-with-a-blank", "", "ui"),
    known("wheel/program-in-both-sections", "i", ""),
    known("wheel/program-over-a-file", "i", "u"),
    known("wheel/program-over-a-script", "i", ""),
    known("wheel/extra-field-cut-in-the-directory", "pui", ""),
    known("wheel/extra-field-cut-in-front", "u", ""),
    known("wheel/extra-field-and-three-bytes", "", ""),
    known("wheel/extra-field-twice", "u", ""),
    known("wheel/zip64-field-in-the-directory", "u", ""),
    known("wheel/version-after-the-latest", "pui", ""),
    known("wheel/patched-data", "pui", ""),
    known("wheel/masked-headers", "", ""),
    known("wheel/record-in-a-comment", "u", ""),
];

#[test]
fn installers_do_what_the_rules_say_of_odd_wheels() {
    if !has_program("python3") {
        crate::skipped!("python3 makes the wheels of the testkit");
        return;
    }
    let programs = programs();
    let directory = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for (number, known) in KNOWN.iter().enumerate() {
        let (name, expression) = wheel_of(known.case);
        let place = directory.path().join(number.to_string());
        std::fs::create_dir(&place).unwrap();
        let file = place.join(name);
        run(Command::new("python3")
            .args([&script(), "make", &expression])
            .arg(&file))
        .expect(0);
        let seen: Vec<(char, Option<String>)> = programs
            .iter()
            .map(|program| {
                let out = place.join(program.letter.to_string());
                (program.letter, installed(program, &file, &out))
            })
            .collect();
        let first = seen.iter().find_map(|(_, tree)| tree.clone());
        for (letter, tree) in &seen {
            let refuses = known.refuse.contains(*letter);
            let differs = known.differ.contains(*letter);
            let is_right = match tree {
                None => refuses,
                Some(tree) => !refuses && differs == (Some(tree) != first.as_ref()),
            };
            if !is_right {
                wrong.push(format!(
                    "{}: {letter} {tree:?}, and first {first:?}",
                    known.case
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
