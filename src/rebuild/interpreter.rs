//! What a Python interpreter is, found by asking it.
//!
//! In: a path from the policy; the program there is trusted. Out:
//! [`Interpreter`], the real executable behind shims and virtual environments,
//! with the places it imports from.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::filename::WheelFilename;

/// How long an interpreter may take to describe itself.
const PATIENCE: Duration = Duration::from_secs(30);

/// Prints the answer as JSON. `-I -S` keeps out everything but the standard
/// library, so that what is found first is what the interpreter itself has.
pub(super) const QUESTION: &str = r#"
import sys
standard = list(sys.path)
import json, os, site, sysconfig
from importlib.util import MAGIC_NUMBER
prefixes = [sys.base_prefix, sys.base_exec_prefix]
print(json.dumps({
    "executable": os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable),
    "implementation": sys.implementation.name,
    "version": list(sys.version_info[:3]),
    "cache_tag": sys.implementation.cache_tag or "none",
    "magic": MAGIC_NUMBER.hex(),
    "platform": sysconfig.get_platform(),
    "prefixes": prefixes,
    "standard_library": standard,
    "packages": site.getsitepackages(prefixes),
}))
"#;

/// An interpreter that answered.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Interpreter {
    /// The directory that is `/` for it; this machine's own when `None`. All its
    /// paths are paths inside.
    #[serde(skip)]
    pub root: Option<PathBuf>,
    /// The real executable: no shim, no virtual environment.
    pub executable: PathBuf,
    /// `cpython`, `pypy`, ….
    pub implementation: String,
    /// Major, minor and patch level.
    pub version: (u32, u32, u32),
    /// The tag of its bytecode files, `cpython-311`.
    pub cache_tag: String,
    /// The magic number of its bytecode, hexadecimal.
    pub magic: String,
    /// What `sysconfig.get_platform()` says, `linux-x86_64`.
    pub platform: String,
    /// Where it is installed.
    pub prefixes: Vec<PathBuf>,
    /// The places of its standard library.
    pub standard_library: Vec<PathBuf>,
    /// Its `site-packages` and `dist-packages`, which no build may import from.
    pub packages: Vec<PathBuf>,
}

/// The longest line of an error message that is worth repeating.
const LAST_LINE: usize = 200;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum InterpreterError {
    /// There is nothing to run.
    #[error("there is no interpreter at '{0}'; install it, or name another one in the policy")]
    Missing(String),
    /// It cannot be run.
    #[error("interpreter '{path}' cannot be run: {source}; name another one in the policy")]
    Run {
        /// The path as given.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It ran and did not answer.
    #[error(
        "'{path}' does not answer as a Python 3 interpreter does: {reason}; name another one in the policy"
    )]
    NoAnswer {
        /// The path as given.
        path: String,
        /// What it did.
        reason: String,
    },
}

impl Interpreter {
    /// Asks an interpreter what it is. The path may be that of a shim or a
    /// virtual environment.
    ///
    /// # Errors
    ///
    /// An [`InterpreterError`] when nothing is there or it does not answer.
    pub fn probe(path: &Path) -> Result<Self, InterpreterError> {
        let name = || path.display().to_string();
        let run = |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::NotFound => InterpreterError::Missing(name()),
            _ => InterpreterError::Run {
                path: name(),
                source,
            },
        };
        let mut child = Command::new(path)
            .args(["-I", "-S", "-B", "-c", QUESTION])
            .env_clear()
            // Shims are shell scripts.
            .env("PATH", "/usr/bin:/bin")
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(run)?;
        let no_answer = |reason: String| InterpreterError::NoAnswer {
            path: name(),
            reason,
        };
        let started = Instant::now();
        let status = loop {
            match child.try_wait().map_err(run)? {
                Some(status) => break status,
                None if started.elapsed() > PATIENCE => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(no_answer("it took too long".to_owned()));
                }
                None => std::thread::sleep(Duration::from_millis(2)),
            }
        };
        let mut answer = String::new();
        if let Some(stdout) = child.stdout.take() {
            // A reader of our own process could hold the pipe open: no more
            // than a pipe holds is read.
            let _ = stdout.take(1 << 16).read_to_string(&mut answer);
        }
        if !status.success() {
            let mut said = String::new();
            if let Some(stderr) = child.stderr.take() {
                let _ = stderr.take(1 << 12).read_to_string(&mut said);
            }
            let last = said.lines().last().unwrap_or("it said nothing");
            // What is no Python repeats the question, which is a program of ours.
            let last = match last.contains("import ") || last.len() > LAST_LINE {
                true => "it does not know -I and -c",
                false => last,
            };
            return Err(no_answer(format!("{status}, {}", last.escape_default())));
        }
        Self::from_answer(path, &answer)
    }

    /// Takes what an interpreter answered.
    pub(super) fn from_answer(path: &Path, answer: &str) -> Result<Self, InterpreterError> {
        let no_answer = |reason: String| InterpreterError::NoAnswer {
            path: path.display().to_string(),
            reason,
        };
        let mut interpreter: Self =
            serde_json::from_str(answer.trim()).map_err(|error| no_answer(error.to_string()))?;
        if interpreter.version.0 != 3 || interpreter.version.1 < 7 {
            return Err(no_answer(format!(
                "it is Python {}, and 3.7 is the oldest that will do",
                interpreter.version_text()
            )));
        }
        for places in [
            &mut interpreter.prefixes,
            &mut interpreter.standard_library,
            &mut interpreter.packages,
        ] {
            places.retain(|place| place.is_absolute());
            let mut seen = Vec::new();
            places.retain(|place| {
                let new = !seen.contains(place);
                seen.push(place.clone());
                new
            });
        }
        Ok(interpreter)
    }

    /// Returns `3.11.2`.
    pub fn version_text(&self) -> String {
        let (major, minor, patch) = self.version;
        format!("{major}.{minor}.{patch}")
    }

    /// Returns `cpython 3.11.2`.
    pub fn name(&self) -> String {
        format!("{} {}", self.implementation, self.version_text())
    }

    /// Returns what must be readable for it to run.
    pub fn places(&self) -> Vec<PathBuf> {
        let mut places = self.prefixes.clone();
        places.extend(self.executable.parent().map(Path::to_owned));
        places.extend(self.standard_library.iter().cloned());
        places.retain(|place| self.outside(place).exists() && place != Path::new("/"));
        places.sort();
        // What lies below another place comes with it.
        let mut outermost: Vec<PathBuf> = Vec::new();
        for place in places {
            if !outermost.iter().any(|outer| place.starts_with(outer)) {
                outermost.push(place);
            }
        }
        outermost
    }

    /// Returns where something that it sees is on this machine.
    pub fn outside(&self, inside: &Path) -> PathBuf {
        match &self.root {
            Some(root) => below(root, inside),
            None => inside.to_owned(),
        }
    }

    /// Returns whether this interpreter can build a wheel of this name.
    ///
    /// # Errors
    ///
    /// The interpreter or the system that the wheel needs instead.
    pub fn suits(&self, wheel: &WheelFilename) -> Result<(), String> {
        let (major, minor, _) = self.version;
        let abi3 = wheel.abi_tags().iter().any(|tag| tag == "abi3");
        let fits = |tag: &String| {
            if let Some(version) = tag.strip_prefix("py") {
                return version.starts_with('3') && major == 3;
            }
            let Some(version) = tag.strip_prefix("cp") else {
                return false;
            };
            if self.implementation != "cpython" {
                return false;
            }
            match version_of(version) {
                Some((3, wanted)) if abi3 => minor >= wanted,
                Some(wanted) => wanted == (major, minor),
                None => false,
            }
        };
        if !wheel.python_tags().iter().any(fits) {
            let needed: Vec<String> = wheel.python_tags().iter().map(|tag| name_of(tag)).collect();
            return Err(format!(
                "needs {}, the interpreter is {} {}",
                needed.join(" or "),
                self.implementation,
                self.version_text()
            ));
        }
        let machine = self
            .platform
            .rsplit_once('-')
            .map_or("", |(_, machine)| machine);
        let runs_here = |tag: &String| {
            tag == "any"
                || (["linux_", "manylinux", "musllinux"]
                    .iter()
                    .any(|system| tag.starts_with(system))
                    && tag.ends_with(machine))
        };
        if !wheel.platform_tags().iter().any(runs_here) {
            return Err(format!(
                "needs platform {}, this is {}",
                wheel.platform_tags().join(" or "),
                self.platform
            ));
        }
        Ok(())
    }
}

/// Reads `311` as 3.11: one digit is the major version, the rest the minor.
fn version_of(digits: &str) -> Option<(u32, u32)> {
    let (major, minor) = digits.split_at_checked(1)?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn name_of(tag: &str) -> String {
    let named = |name: &str, digits: &str| match version_of(digits) {
        Some((major, minor)) => format!("{name} {major}.{minor}"),
        None => format!("{name} {digits}"),
    };
    if let Some(digits) = tag.strip_prefix("cp") {
        named("CPython", digits)
    } else if let Some(digits) = tag.strip_prefix("py") {
        named("Python", digits)
    } else if let Some(digits) = tag.strip_prefix("pp") {
        named("PyPy", digits)
    } else {
        format!("an interpreter tagged '{tag}'")
    }
}

/// Returns where a path inside a root is outside.
pub(super) fn below(root: &Path, inside: &Path) -> PathBuf {
    root.join(inside.strip_prefix("/").unwrap_or(inside))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpython(version: (u32, u32, u32)) -> Interpreter {
        Interpreter {
            root: None,
            executable: PathBuf::from("/usr/bin/python3"),
            implementation: "cpython".to_owned(),
            version,
            cache_tag: "cpython-311".to_owned(),
            magic: "a70d0d0a".to_owned(),
            platform: "linux-x86_64".to_owned(),
            prefixes: vec![PathBuf::from("/usr")],
            standard_library: Vec::new(),
            packages: Vec::new(),
        }
    }

    #[test]
    fn each_tag_has_the_interpreters_it_needs() {
        let interpreter = cpython((3, 11, 2));
        for (wheel, verdict) in [
            ("x-1-py3-none-any.whl", Ok(())),
            ("x-1-py2.py3-none-any.whl", Ok(())),
            ("x-1-py37-none-any.whl", Ok(())),
            ("x-1-cp311-cp311-linux_x86_64.whl", Ok(())),
            ("x-1-cp37-abi3-manylinux2014_x86_64.whl", Ok(())),
            (
                "x-1-cp37-cp37m-linux_x86_64.whl",
                Err("needs CPython 3.7, the interpreter is cpython 3.11.2"),
            ),
            (
                "x-1-cp312-abi3-linux_x86_64.whl",
                Err("needs CPython 3.12, the interpreter is cpython 3.11.2"),
            ),
            (
                "x-1-py2-none-any.whl",
                Err("needs Python 2, the interpreter is cpython 3.11.2"),
            ),
            (
                "x-1-pp39-pypy39_pp73-linux_x86_64.whl",
                Err("needs PyPy 3.9, the interpreter is cpython 3.11.2"),
            ),
            (
                "x-1-cp311-cp311-win_amd64.whl",
                Err("needs platform win_amd64, this is linux-x86_64"),
            ),
            (
                "x-1-cp311-cp311-linux_aarch64.whl",
                Err("needs platform linux_aarch64, this is linux-x86_64"),
            ),
        ] {
            let name = WheelFilename::parse(wheel).expect("a wheel name");
            assert_eq!(
                interpreter.suits(&name),
                verdict.map_err(str::to_owned),
                "{wheel}"
            );
        }
    }

    #[test]
    fn a_missing_interpreter_says_what_to_do() {
        let error = Interpreter::probe(Path::new("/no/such/python3")).expect_err("missing");
        assert!(matches!(error, InterpreterError::Missing(_)));
        assert!(
            error
                .to_string()
                .contains("install it, or name another one"),
            "{error}"
        );
    }

    #[test]
    fn a_program_that_is_no_interpreter_is_told_from_one() {
        for program in ["/bin/true", "/bin/false", "/bin/ls"] {
            let error = Interpreter::probe(Path::new(program)).expect_err(program);
            assert!(
                matches!(error, InterpreterError::NoAnswer { .. }),
                "{error}"
            );
        }
    }

    #[test]
    fn places_below_others_are_left_out() {
        let mut interpreter = cpython((3, 11, 2));
        interpreter.standard_library = vec![PathBuf::from("/usr/lib"), PathBuf::from("/")];
        assert_eq!(interpreter.places(), [PathBuf::from("/usr")]);
    }
}
