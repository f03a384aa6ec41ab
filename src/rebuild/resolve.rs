//! Tools by date: what an index had for some requirements, as of a day.
//!
//! In: checked requirements and a date. Out: the same tools in one version each,
//! by digest. uv asks the index and decides; nothing that it names is run here,
//! and only wheels are taken, so no setup code is run by it either. Where there is
//! no uv, pip does, and the date is not kept to.
//!
//! # The cache
//!
//! ```text
//! resolved/KEY.txt     the question and the digest of the answer in comments, then the
//!                      answer of uv
//! ```
//!
//! KEY is the digest of the question. An answer that is there and has its digest is
//! used, without a network too: the index forgets, the same command is to give the same
//! report. It is an answer of an index and as trustworthy as that; the wheels it leads
//! to are known by the digests in it, and these are in the report.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::Deserialize;

use super::interpreter::Interpreter;
use super::tools::{Cache, ToolsError, cache_error, digest_of, wait};
use crate::cancel::Cancel;
use crate::digest::Sha256Digest;
use crate::filename::ProjectName;
use crate::input;
use crate::requirements::{self, Requirement};
use crate::scratch::Scratch;
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

/// Who asks the index.
#[derive(Debug, Clone)]
pub enum Asks {
    /// This uv, which knows what there was when.
    Uv(PathBuf),
    /// The pip of this interpreter, for what there is now.
    Pip(PathBuf),
}

/// How to ask the index.
#[derive(Debug, Clone)]
pub struct Resolver {
    /// The program.
    pub asks: Asks,
    /// The environment to run it in: proxies, indexes, certificates.
    pub environment: Vec<(OsString, OsString)>,
}

/// What an index had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The tools, each in one version.
    pub tools: Vec<Requirement>,
    /// Whether the date was kept to.
    pub is_dated: bool,
}

impl Wanted {
    /// Returns the question in lines, the same for the same question.
    fn question(&self, interpreter: &Interpreter, is_dated: bool) -> String {
        let (major, minor, _) = interpreter.version;
        let requirements: BTreeSet<&String> = self.requirements.iter().collect();
        let mut question = format!(
            "# wheelproof.resolved/2\n# python {major}.{minor} {} {}\n",
            interpreter.implementation, interpreter.platform
        );
        if !is_dated {
            question.push_str("# by pip, whatever the date\n");
        } else if let Some(cutoff) = self.cutoff {
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
    ) -> Result<Resolved, ToolsError> {
        if wanted.requirements.is_empty() {
            return Ok(Resolved {
                tools: Vec::new(),
                is_dated: true,
            });
        }
        let by_date = self.answer(wanted, interpreter, true, resolver, cancel)?;
        let tools = match by_date {
            Some(tools) => tools,
            None => match self.answer(wanted, interpreter, false, resolver, cancel)? {
                Some(tools) => {
                    return Ok(Resolved {
                        tools,
                        is_dated: false,
                    });
                }
                None => {
                    return Err(ToolsError::Resolve {
                        wanted: wanted.requirements.join(", "),
                        reason: resolver.err().unwrap_or("nobody was asked").to_owned(),
                    });
                }
            },
        };
        Ok(Resolved {
            tools,
            is_dated: true,
        })
    }

    /// Returns the answer to one of the two questions, the earlier one or a new
    /// one; `None` when nobody is at hand who answers it.
    fn answer(
        &self,
        wanted: &Wanted,
        interpreter: &Interpreter,
        is_dated: bool,
        resolver: Result<&Resolver, &str>,
        cancel: &Cancel,
    ) -> Result<Option<Vec<Requirement>>, ToolsError> {
        let question = wanted.question(interpreter, is_dated);
        let directory = self.root().join("resolved");
        let place = directory.join(format!("{}.txt", Sha256Digest::of(question.as_bytes())));
        let fault = |reason: String| ToolsError::Resolve {
            wanted: wanted.requirements.join(", "),
            reason,
        };
        if let Ok(answer) = input::read(&place, requirements::MAX_BYTES) {
            let Some(rest) = answer.strip_prefix(question.as_bytes()) else {
                return Err(fault(format!(
                    "'{}' answers another question; remove it",
                    place.display()
                )));
            };
            let at = rest
                .iter()
                .position(|byte| *byte == b'\n')
                .map_or(0, |at| at + 1);
            let (first, answer) = rest.split_at(at);
            if first != seal(answer).as_bytes() {
                return Err(fault(format!(
                    "'{}' is not what an earlier run put there; remove it",
                    place.display()
                )));
            }
            return requirements::parse_hashed(answer)
                .map(Some)
                .map_err(|error| fault(format!("{}: {error}", place.display())));
        }
        let Ok(resolver) = resolver else {
            return Ok(None);
        };
        let answer = match (&resolver.asks, is_dated) {
            (Asks::Uv(uv), true) => ask(wanted, interpreter, uv, resolver, cancel, &fault)?,
            (Asks::Pip(python), false) => ask_pip(wanted, python, resolver, cancel, &fault)?,
            (Asks::Uv(_), false) | (Asks::Pip(_), true) => return Ok(None),
        };
        let listed = requirements::parse_hashed(answer.as_bytes()).map_err(|error| {
            fault(format!(
                "the index gave a list that cannot be read: {error}"
            ))
        })?;
        fs::create_dir_all(&directory).map_err(cache_error("create", &directory))?;
        let kept = tempfile::NamedTempFile::new_in(&directory).and_then(|mut file| {
            file.write_all(question.as_bytes())?;
            file.write_all(seal(answer.as_bytes()).as_bytes())?;
            file.write_all(answer.as_bytes())?;
            file.persist(&place).map_err(|error| error.error)?;
            Ok(())
        });
        kept.map_err(cache_error("write", &place))?;
        Ok(Some(listed))
    }
}

/// Returns the line by which an answer is known again.
fn seal(answer: &[u8]) -> String {
    format!("# answered {}\n", Sha256Digest::of(answer))
}

/// Lets pip decide, as of today: an older pip knows no dates.
fn ask_pip(
    wanted: &Wanted,
    python: &Path,
    resolver: &Resolver,
    cancel: &Cancel,
    fault: &dyn Fn(String) -> ToolsError,
) -> Result<String, ToolsError> {
    let scratch =
        Scratch::new("resolve", &std::env::temp_dir()).map_err(|error| fault(error.to_string()))?;
    let path = |name: &str| scratch.path().join(name);
    let write = fs::write(path("wanted.in"), wanted.requirements.join("\n") + "\n");
    write.map_err(|error| fault(error.to_string()))?;
    let log = File::create(path("log")).map_err(|error| fault(error.to_string()))?;
    let mut command = Command::new(python);
    command
        .args(["-m", "pip", "install", "--quiet", "--no-input"])
        .args([
            "--disable-pip-version-check",
            "--dry-run",
            "--ignore-installed",
        ])
        .args(["--only-binary", ":all:", "--report"])
        .arg(path("report.json"))
        .arg("-r")
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
            "pip ended with {reason}: {}",
            said.join(" ").escape_debug()
        )));
    }
    let report = input::read(&path("report.json"), requirements::MAX_BYTES)
        .map_err(|error| fault(error.to_string()))?;
    let report: PipReport = serde_json::from_slice(&report)
        .map_err(|error| fault(format!("pip gave a report that cannot be read: {error}")))?;
    let mut lines: Vec<String> = report
        .install
        .iter()
        .map(|one| {
            let (name, version) = (&one.metadata.name, &one.metadata.version);
            let digest = one.download_info.sha256().ok_or_else(|| {
                fault(format!("pip states no digest for {}", name.escape_debug()))
            })?;
            Ok(format!("{name}=={version} --hash=sha256:{digest}\n"))
        })
        .collect::<Result<_, ToolsError>>()?;
    lines.sort();
    Ok(lines.concat())
}

/// What pip would install (pip's documentation, "Installation Report").
#[derive(Deserialize)]
struct PipReport {
    install: Vec<PipItem>,
}

#[derive(Deserialize)]
struct PipItem {
    metadata: PipMetadata,
    download_info: PipDownload,
}

#[derive(Deserialize)]
struct PipMetadata {
    name: String,
    version: String,
}

#[derive(Deserialize)]
struct PipDownload {
    url: String,
    archive_info: PipArchive,
}

#[derive(Deserialize)]
struct PipArchive {
    #[serde(default)]
    hashes: BTreeMap<String, String>,
}

impl PipDownload {
    /// Returns the digest of the file; pip does not state that of a local one.
    fn sha256(&self) -> Option<String> {
        let stated = self.archive_info.hashes.get("sha256").cloned();
        stated.or_else(|| {
            let path = self.url.strip_prefix("file://")?;
            let digest = digest_of(Path::new(path)).ok()?;
            Some(digest.to_string())
        })
    }
}

/// Lets uv decide.
fn ask(
    wanted: &Wanted,
    interpreter: &Interpreter,
    uv: &Path,
    resolver: &Resolver,
    cancel: &Cancel,
    fault: &dyn Fn(String) -> ToolsError,
) -> Result<String, ToolsError> {
    let scratch =
        Scratch::new("resolve", &std::env::temp_dir()).map_err(|error| fault(error.to_string()))?;
    let path = |name: &str| scratch.path().join(name);
    let write = fs::write(path("wanted.in"), wanted.requirements.join("\n") + "\n");
    write.map_err(|error| fault(error.to_string()))?;
    let (major, minor, _) = interpreter.version;
    let log = File::create(path("log")).map_err(|error| fault(error.to_string()))?;
    let mut command = Command::new(uv);
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
