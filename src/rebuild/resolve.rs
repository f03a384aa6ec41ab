//! Tools by date: what an index had for some requirements, as of a day.
//!
//! In: checked requirements and a date. Out: the same tools in one version each,
//! by digest. uv asks the index and decides; nothing that it names is run here,
//! and only wheels are taken, so no setup code is run by it either.
//!
//! # The cache
//!
//! ```text
//! resolved/KEY.txt     the question in comments, then the answer of uv
//! ```
//!
//! KEY is the digest of the question. An answer that is there is used, without a
//! network too: the index forgets, the same command is to give the same report. It
//! is an answer of an index and as trustworthy as that; the wheels it leads to are
//! known by the digests in it, and these are in the report.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::interpreter::Interpreter;
use super::tools::{Cache, ToolsError, cache_error, wait};
use crate::cancel::Cancel;
use crate::digest::Sha256Digest;
use crate::filename::ProjectName;
use crate::input;
use crate::requirements::{self, Requirement};
use crate::time::UtcTime;

/// How long uv may take.
const PATIENCE: Duration = Duration::from_secs(5 * 60);

/// A date after every release: for tools whose version is known, the date of the
/// others is no limit.
const NO_LIMIT: &str = "2200-01-01T00:00:00Z";

/// What tools have to be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Requirements that name projects and versions only.
    pub requirements: Vec<String>,
    /// The projects that are not bound by the date.
    pub pinned: BTreeSet<ProjectName>,
    /// No other tool is newer than this.
    pub cutoff: Option<UtcTime>,
}

/// How to run uv.
#[derive(Debug, Clone)]
pub struct Resolver {
    /// The program.
    pub uv: PathBuf,
    /// The environment to run it in: proxies, indexes, certificates.
    pub environment: Vec<(OsString, OsString)>,
}

impl Wanted {
    /// Returns the question in lines, the same for the same question.
    fn question(&self, interpreter: &Interpreter) -> String {
        let (major, minor, _) = interpreter.version;
        let requirements: BTreeSet<&String> = self.requirements.iter().collect();
        let mut question = format!(
            "# wheelproof.resolved/1\n# python {major}.{minor} {} {}\n",
            interpreter.implementation, interpreter.platform
        );
        if let Some(cutoff) = self.cutoff {
            question.push_str(&format!("# none newer than {cutoff}"));
            for project in &self.pinned {
                question.push_str(&format!(", except {project}"));
            }
            question.push('\n');
        }
        for requirement in requirements {
            question.push_str(&format!("# wants {requirement}\n"));
        }
        question
    }
}

impl Cache {
    /// Returns the tools that satisfy what is wanted: the answer of an earlier
    /// run, else that of uv. Without uv, `resolver` says why.
    ///
    /// # Errors
    ///
    /// [`ToolsError::Resolve`] when there is neither, or uv finds none.
    pub fn resolve(
        &self,
        wanted: &Wanted,
        interpreter: &Interpreter,
        resolver: Result<&Resolver, &str>,
        cancel: &Cancel,
    ) -> Result<Vec<Requirement>, ToolsError> {
        if wanted.requirements.is_empty() {
            return Ok(Vec::new());
        }
        let question = wanted.question(interpreter);
        let directory = self.root().join("resolved");
        let place = directory.join(format!("{}.txt", Sha256Digest::of(question.as_bytes())));
        let fault = |reason: String| ToolsError::Resolve {
            wanted: wanted.requirements.join(", "),
            reason,
        };
        if let Ok(answer) = input::read(&place, requirements::MAX_BYTES) {
            if !answer.starts_with(question.as_bytes()) {
                return Err(fault(format!(
                    "'{}' answers another question; remove it",
                    place.display()
                )));
            }
            return requirements::parse_hashed(&answer)
                .map_err(|error| fault(format!("{}: {error}", place.display())));
        }
        let resolver = resolver.map_err(|reason| fault(reason.to_owned()))?;
        let answer = ask(wanted, interpreter, resolver, cancel, &fault)?;
        let listed = requirements::parse_hashed(answer.as_bytes())
            .map_err(|error| fault(format!("uv gave a list that cannot be read: {error}")))?;
        fs::create_dir_all(&directory).map_err(cache_error("create", &directory))?;
        let kept = tempfile::NamedTempFile::new_in(&directory).and_then(|mut file| {
            file.write_all(question.as_bytes())?;
            file.write_all(answer.as_bytes())?;
            file.persist(&place).map_err(|error| error.error)?;
            Ok(())
        });
        kept.map_err(cache_error("write", &place))?;
        Ok(listed)
    }
}

/// Lets uv decide; without the date, when no set of tools was there as of it.
fn ask(
    wanted: &Wanted,
    interpreter: &Interpreter,
    resolver: &Resolver,
    cancel: &Cancel,
    fault: &dyn Fn(String) -> ToolsError,
) -> Result<String, ToolsError> {
    let scratch = tempfile::tempdir().map_err(|error| fault(error.to_string()))?;
    let path = |name: &str| scratch.path().join(name);
    let write = fs::write(path("wanted.in"), wanted.requirements.join("\n") + "\n");
    write.map_err(|error| fault(error.to_string()))?;
    let (major, minor, _) = interpreter.version;
    let log = File::create(path("log")).map_err(|error| fault(error.to_string()))?;
    let mut command = Command::new(&resolver.uv);
    command
        .args(["pip", "compile", "--quiet", "--no-header", "--no-annotate"])
        .args([
            "--generate-hashes",
            "--only-binary",
            ":all:",
            "--no-sources",
        ])
        .args(["--no-python-downloads", "--no-progress", "--color", "never"])
        .args(["--python-version", &format!("{major}.{minor}")])
        .arg("--python")
        .arg(&interpreter.executable);
    if let Some(cutoff) = wanted.cutoff {
        command.arg("--exclude-newer").arg(cutoff.to_string());
        for project in &wanted.pinned {
            command
                .arg("--exclude-newer-package")
                .arg(format!("{project}={NO_LIMIT}"));
        }
    }
    command
        .arg("--output-file")
        .arg(path("list.txt"))
        .arg(path("wanted.in"))
        .env_clear()
        .envs(
            resolver
                .environment
                .iter()
                .map(|(name, value)| (name, value)),
        )
        .current_dir(scratch.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log);
    if let Err(reason) = wait(command, PATIENCE, cancel)? {
        let said = fs::read_to_string(path("log")).unwrap_or_default();
        let said: Vec<&str> = said.split_whitespace().take(60).collect();
        return Err(fault(format!(
            "uv ended with {reason}: {}",
            said.join(" ").escape_debug()
        )));
    }
    fs::read_to_string(path("list.txt")).map_err(|error| fault(error.to_string()))
}
