//! Sdists by digest, from an index; and the wheels that the index has beside them.
//!
//! In: pinned requirements with hashes. Out: files with one of these hashes, in the
//! cache. pip lists what the index has and receives the files (`index.py`), and
//! nothing of a file is run or unpacked.
//!
//! # The cache
//!
//! ```text
//! sdists/SHA256/NAME       sdists, fetched or copied here
//! published/SHA256/NAME    wheels as the index has them
//! ```
//!
//! A file appears under its name by a rename, and is hashed each time it is taken.

use std::fs::{self, DirBuilder, File};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::tools::{Cache, Fetcher, ToolsError, cache_error, digest_of};
use crate::archive::open_regular_file;
use crate::cancel::Cancel;
use crate::digest::{READ_SIZE, Sha256Digest, hash_reader};
use crate::filename::{SdistFilename, WheelFilename};
use crate::requirements::Requirement;
use crate::scratch::Scratch;

const SCRIPT: &str = include_str!("index.py");
const MARKERS: &str = include_str!("markers.py");

/// How long the index may take for one answer.
const PATIENCE: Duration = Duration::from_secs(20 * 60);
/// How long evaluating markers may take.
const MARKER_PATIENCE: Duration = Duration::from_secs(60);

/// An sdist in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// The file name.
    pub filename: SdistFilename,
    /// The digest.
    pub sha256: Sha256Digest,
    /// Where it is.
    pub path: PathBuf,
}

/// A wheel that an index has, in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexWheel {
    /// The file name.
    pub filename: WheelFilename,
    /// The digest.
    pub sha256: Sha256Digest,
    /// Where it is.
    pub path: PathBuf,
}

/// Why an index gave no sdist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSource {
    /// It has none of this version.
    #[error("the index has no sdist of this version")]
    None,
    /// It has one that the list does not name.
    #[error("the index has {}, and that is none of the listed hashes", offered(.0))]
    Unlisted(Vec<(String, String)>),
    /// The list names wheels only.
    #[error(
        "the index has {}, and the list has hashes of wheels only",
        offered(.0)
    )]
    OnlyWheels(Vec<(String, String)>),
    /// It could not be asked.
    #[error("the index could not be asked: {}", .0.escape_debug())]
    Trouble(String),
}

fn offered(files: &[(String, String)]) -> String {
    let files: Vec<String> = files
        .iter()
        .map(|(name, sha256)| format!("{} (sha256 {})", name.escape_debug(), sha256.escape_debug()))
        .collect();
    files.join(", ")
}

#[derive(Deserialize)]
struct Answer {
    sdist: Option<Received>,
    wheel: Option<Received>,
    #[serde(default)]
    offered: Vec<(String, String)>,
    #[serde(default)]
    wheels_listed: u64,
    trouble: Option<String>,
}

#[derive(Deserialize)]
struct Received {
    name: String,
    sha256: Sha256Digest,
}

impl Cache {
    /// Returns the sdist of a requirement that is in the cache.
    ///
    /// # Errors
    ///
    /// [`ToolsError::Poisoned`] when the file there has another digest.
    pub fn source(&self, wanted: &Requirement) -> Result<Option<SourceFile>, ToolsError> {
        for hash in &wanted.hashes {
            let place = self.root().join("sdists").join(hash.to_string());
            for (name, path) in names_in(&place) {
                let Ok(filename) = SdistFilename::parse(&name) else {
                    continue;
                };
                if is_of(filename.project(), filename.version(), wanted) {
                    let sha256 = checked(&place, &path, *hash)?;
                    return Ok(Some(SourceFile {
                        filename,
                        sha256,
                        path,
                    }));
                }
            }
        }
        Ok(None)
    }

    /// Returns the wheel of a requirement, for every platform, that an index had and
    /// that is in the cache.
    ///
    /// # Errors
    ///
    /// [`ToolsError::Poisoned`] when the file there has another digest.
    pub fn index_wheel(&self, wanted: &Requirement) -> Result<Option<IndexWheel>, ToolsError> {
        for hash in &wanted.hashes {
            let place = self.root().join("published").join(hash.to_string());
            for (name, path) in names_in(&place) {
                let Ok(filename) = WheelFilename::parse(&name) else {
                    continue;
                };
                if is_of(filename.project(), filename.version(), wanted) {
                    let sha256 = checked(&place, &path, *hash)?;
                    return Ok(Some(IndexWheel {
                        filename,
                        sha256,
                        path,
                    }));
                }
            }
        }
        Ok(None)
    }

    /// Copies the files of a directory that a requirement names by hash into the
    /// cache: its sdist, and wheels for every platform.
    ///
    /// # Errors
    ///
    /// A file cannot be read, or the cache cannot be written.
    pub fn take_in(
        &self,
        wanted: &Requirement,
        directory: &Path,
        cancel: &Cancel,
    ) -> Result<(), ToolsError> {
        for (name, path) in names_in(directory) {
            let kind = match (SdistFilename::parse(&name), WheelFilename::parse(&name)) {
                (Ok(sdist), _) if is_of(sdist.project(), sdist.version(), wanted) => "sdists",
                (_, Ok(wheel))
                    if wheel.is_pure() && is_of(wheel.project(), wheel.version(), wanted) =>
                {
                    "published"
                }
                _ => continue,
            };
            let sha256 = digest_of(&path)?;
            let is_there = || self.root().join(kind).join(sha256.to_string()).join(&name);
            if !wanted.hashes.contains(&sha256) || is_there().exists() {
                continue;
            }
            self.copy_in(kind, &path, &name, wanted, cancel)?;
        }
        Ok(())
    }

    fn copy_in(
        &self,
        kind: &str,
        from: &Path,
        name: &str,
        wanted: &Requirement,
        cancel: &Cancel,
    ) -> Result<(), ToolsError> {
        let read = |source: io::Error| ToolsError::Read {
            path: from.display().to_string(),
            source,
        };
        let file = open_regular_file(from).map_err(read)?;
        let directory = Scratch::new("fetch", self.root())
            .map_err(cache_error("create a directory in", self.root()))?;
        let path = directory.path().join("file");
        let mut copy = File::create_new(&path).map_err(cache_error("write", &path))?;
        let mut buffer = vec![0u8; READ_SIZE];
        let copied = hash_reader(file, &mut buffer, |piece| {
            cancel.check()?;
            copy.write_all(piece)
        });
        if cancel.is_requested() {
            return Err(ToolsError::Interrupted);
        }
        let (sha256, _) = copied.map_err(cache_error("copy a file to", self.root()))?;
        // It may be another one by now.
        if !wanted.hashes.contains(&sha256) {
            return Ok(());
        }
        self.settle(kind, &path, name, sha256)
    }

    /// Moves a file to its place.
    fn settle(
        &self,
        kind: &str,
        from: &Path,
        name: &str,
        sha256: Sha256Digest,
    ) -> Result<(), ToolsError> {
        let place = self.root().join(kind).join(sha256.to_string());
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&place)
            .map_err(cache_error("create", &place))?;
        let to = place.join(name);
        fs::rename(from, &to).map_err(cache_error("move", &to))
    }

    /// Asks the index for the sdists of requirements, and where `published` says so
    /// for the wheels beside them. What is received is in the cache then; `told` is
    /// called for each, with what keeps its sdist from being there.
    ///
    /// # Errors
    ///
    /// The index could not be asked at all.
    pub fn ask_index(
        &self,
        wanted: &[&Requirement],
        published: bool,
        fetcher: &Fetcher,
        cancel: &Cancel,
        told: &mut dyn FnMut(&Requirement, Result<(), NoSource>),
    ) -> Result<(), ToolsError> {
        if wanted.is_empty() {
            return Ok(());
        }
        let directory = Scratch::new("fetch", self.root())
            .map_err(cache_error("create a directory in", self.root()))?;
        let log = directory.path().join("log.txt");
        let into = directory.path().join("files");
        fs::create_dir(&into).map_err(cache_error("create", &into))?;
        let listed: Vec<serde_json::Value> = wanted
            .iter()
            .map(|one| {
                let hashes: Vec<String> = one.hashes.iter().map(ToString::to_string).collect();
                serde_json::json!({
                    "project": one.project.as_str(),
                    "version": one.version.to_string(),
                    "hashes": hashes,
                    "published": published,
                })
            })
            .collect();
        let question = serde_json::json!({ "into": into, "wanted": listed }).to_string();
        let log_file = File::create(&log).map_err(cache_error("write", &log))?;
        let fault = |reason: String| ToolsError::Index(reason);
        let mut child = Command::new(&fetcher.python)
            .args(["-c", SCRIPT])
            .env_clear()
            .envs(&fetcher.environment)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log_file)
            .spawn()
            .map_err(|error| {
                fault(format!(
                    "'{}' cannot be run: {error}",
                    fetcher.python.display()
                ))
            })?;
        let lines = match speak(&mut child, question) {
            Ok(lines) => lines,
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(fault(format!("it took no question: {error}")));
            }
        };
        let mut answered = 0;
        for one in wanted {
            let line = match next_line(&lines, PATIENCE, cancel) {
                Ok(Some(line)) => line,
                Ok(None) => break,
                Err(error) => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(error);
                }
            };
            answered += 1;
            let answer: Answer = match serde_json::from_str(&line) {
                Ok(answer) => answer,
                Err(error) => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(fault(format!("an answer that cannot be read: {error}")));
                }
            };
            told(one, self.received(one, &into, answer)?);
        }
        let _ = child.kill();
        let _ = child.wait();
        if answered < wanted.len() {
            let log = fs::read_to_string(&log).unwrap_or_default();
            let last = log.lines().last().unwrap_or("it said nothing");
            return Err(fault(format!(
                "{}; pip has to be installed for {}, 23.0.1 or newer",
                last.escape_debug(),
                fetcher.python.display()
            )));
        }
        Ok(())
    }

    /// Puts what was received where it belongs.
    fn received(
        &self,
        wanted: &Requirement,
        into: &Path,
        answer: Answer,
    ) -> Result<Result<(), NoSource>, ToolsError> {
        let mut has_sdist = false;
        for (kind, file) in [("sdists", &answer.sdist), ("published", &answer.wheel)] {
            let Some(file) = file else { continue };
            let from = into.join(file.sha256.to_string());
            let is_right = match kind {
                "sdists" => SdistFilename::parse(&file.name)
                    .is_ok_and(|name| is_of(name.project(), name.version(), wanted)),
                _ => WheelFilename::parse(&file.name)
                    .is_ok_and(|name| is_of(name.project(), name.version(), wanted)),
            };
            // Whoever answered is asked nothing twice: what counts is the file.
            if !is_right || !wanted.hashes.contains(&file.sha256) {
                continue;
            }
            if digest_of(&from)? != file.sha256 {
                continue;
            }
            self.settle(kind, &from, &file.name, file.sha256)?;
            has_sdist |= kind == "sdists";
        }
        if has_sdist {
            return Ok(Ok(()));
        }
        Ok(Err(match (answer.trouble, answer.offered) {
            (Some(trouble), _) => NoSource::Trouble(trouble),
            (None, offered) if offered.is_empty() => NoSource::None,
            (None, offered) if answer.wheels_listed > 0 => NoSource::OnlyWheels(offered),
            (None, offered) => NoSource::Unlisted(offered),
        }))
    }
}

/// Why it is not known whether markers hold.
#[derive(Debug, thiserror::Error)]
pub enum MarkersError {
    /// Nothing that the interpreter can import knows markers.
    #[error("'{0}' cannot evaluate markers: it has no packaging, pip or setuptools")]
    NoLibrary(String),
    /// It did not run, or did not answer, as where a marker is none.
    #[error("{0}")]
    Other(String),
}

/// Returns for each marker whether it holds where this interpreter installs. The
/// library `packaging` says so, which is pip's own.
///
/// # Errors
///
/// [`MarkersError`]: the interpreter has no such library, or did not answer, as where a
/// marker is none.
pub fn markers_hold(
    python: &Path,
    markers: &[String],
    cancel: &Cancel,
) -> Result<Vec<bool>, MarkersError> {
    if markers.is_empty() {
        return Ok(Vec::new());
    }
    let question = serde_json::json!(markers).to_string();
    let mut child = Command::new(python)
        .args(["-I", "-B", "-c", MARKERS])
        .env_clear()
        // Shims are shell scripts.
        .env("PATH", "/usr/bin:/bin")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| {
            MarkersError::Other(format!("'{}' cannot be run: {error}", python.display()))
        })?;
    let errors = child.stderr.take();
    let said = match speak(&mut child, question) {
        Ok(lines) => next_line(&lines, MARKER_PATIENCE, cancel).map_err(|error| error.to_string()),
        Err(error) => Err(format!("'{}' took no question: {error}", python.display())),
    };
    let _ = child.kill();
    let _ = child.wait();
    let line = said.map_err(MarkersError::Other)?;
    let held: Option<Option<Vec<bool>>> = line.and_then(|line| serde_json::from_str(&line).ok());
    match held {
        Some(Some(held)) if held.len() == markers.len() => Ok(held),
        Some(None) => Err(MarkersError::NoLibrary(python.display().to_string())),
        _ => {
            let mut log = String::new();
            if let Some(errors) = errors {
                let _ = io::Read::read_to_string(&mut io::Read::take(errors, 1 << 16), &mut log);
            }
            let last = log.lines().last().unwrap_or("it said nothing");
            Err(MarkersError::Other(format!(
                "'{}' cannot evaluate markers: {}",
                python.display(),
                last.escape_debug()
            )))
        }
    }
}

/// Gives a process its question; returns the lines that it says.
fn speak(child: &mut Child, question: String) -> io::Result<mpsc::Receiver<String>> {
    let taken = child.stdin.take().zip(child.stdout.take());
    let (mut stdin, stdout) = taken.ok_or(io::ErrorKind::BrokenPipe)?;
    // Its pipe holds less than a question may have, and it may say something first.
    let new = std::thread::Builder::new;
    new().spawn(move || stdin.write_all(question.as_bytes()))?;
    let (send, receive) = mpsc::channel();
    new().spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                return;
            }
        }
    })?;
    Ok(receive)
}

fn next_line(
    lines: &mpsc::Receiver<String>,
    patience: Duration,
    cancel: &Cancel,
) -> Result<Option<String>, ToolsError> {
    let started = Instant::now();
    loop {
        cancel.check().map_err(|_| ToolsError::Interrupted)?;
        match lines.recv_timeout(Duration::from_millis(20)) {
            Ok(line) => return Ok(Some(line)),
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
            Err(RecvTimeoutError::Timeout) if started.elapsed() > patience => {
                return Err(ToolsError::Index("no end in sight".to_owned()));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

fn is_of(
    project: &crate::filename::ProjectName,
    version: &pep440_rs::Version,
    wanted: &Requirement,
) -> bool {
    project == &wanted.project && version == &wanted.version
}

/// Returns the names in a directory, sorted, with their paths.
fn names_in(directory: &Path) -> Vec<(String, PathBuf)> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut names: Vec<(String, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())))
        .collect();
    names.sort();
    names
}

fn checked(place: &Path, path: &Path, expected: Sha256Digest) -> Result<Sha256Digest, ToolsError> {
    match digest_of(path)? {
        found if found == expected => Ok(found),
        _ => Err(ToolsError::Poisoned {
            entry: place.display().to_string(),
            reason: "its file is not the one that was put there".to_owned(),
        }),
    }
}
