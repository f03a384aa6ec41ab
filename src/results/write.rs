//! Writing results as they come.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::Serialize;

use super::{EndLine, Header, Line, ResultLine, SCHEMA, SelectedWheel, Task, Tool, Verified};
use crate::digest::Sha256Digest;
use crate::finding::Finding;
use crate::report::{self, RebuildSummary, Report, escape_json};
use crate::selection::Pair;

/// Why results could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Something else than a file stands there.
    #[error("{} is not a regular file, and results are not written to it", .path.display())]
    NotRegular {
        /// The path.
        path: PathBuf,
    },
    /// The system refused.
    #[error("cannot write results to {}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// A file that results are added to. It takes the place of one that stood there only
/// when its first two lines are written, and a process that still writes to the old
/// one, such as a job that was thought dead, cannot reach the new one.
#[derive(Debug)]
pub struct ResultsFile {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: File,
    results: u64,
    failed: Option<io::Error>,
}

impl ResultsFile {
    /// Begins a file with what was verified, what is selected, and what is to be said
    /// of this machine.
    ///
    /// # Errors
    ///
    /// Something else than a file stands there, or the system refuses.
    pub fn begin(
        path: &Path,
        task: &Task,
        verified: &Report,
        selected: &[Pair],
        of_machine: &[Finding],
    ) -> Result<Self, WriteError> {
        let begin = || -> io::Result<File> {
            let directory = match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent,
                _ => Path::new("."),
            };
            let mut file = tempfile::Builder::new()
                .prefix(".wheelproof-results-")
                .permissions(Permissions::from_mode(0o644))
                .tempfile_in(directory)?;
            file.write_all(&first_lines(task, verified, selected, of_machine)?)?;
            file.persist(path).map_err(|error| error.error)
        };
        match path.symlink_metadata() {
            Ok(there) if !there.is_file() => {
                return Err(WriteError::NotRegular {
                    path: path.to_owned(),
                });
            }
            _ => {}
        }
        let file = begin().map_err(|source| WriteError::Io {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            path: path.to_owned(),
            state: Mutex::new(State {
                file,
                results: 0,
                failed: None,
            }),
        })
    }

    /// Adds a result. After a failure nothing more is added: the line may be torn.
    pub fn add(&self, rebuild: &RebuildSummary, findings: &[Finding]) {
        let line = line_of(&ResultLine {
            line: Line::Result,
            rebuild,
            findings: findings.iter().collect(),
        });
        let Ok(mut state) = self.state.lock() else {
            return;
        };
        if state.failed.is_some() {
            return;
        }
        // One call for the whole line: whoever is killed leaves whole lines.
        match line.and_then(|line| state.file.write_all(&line)) {
            Ok(()) => state.results += 1,
            Err(error) => state.failed = Some(error),
        }
    }

    /// Adds the line that says that nothing more comes.
    ///
    /// # Errors
    ///
    /// The system refused this line or one before.
    pub fn end(self) -> Result<(), WriteError> {
        let end = |state: State| -> io::Result<()> {
            let mut state = state;
            if let Some(error) = state.failed {
                return Err(error);
            }
            state.file.write_all(&line_of(&EndLine {
                line: Line::End,
                results: state.results,
            })?)?;
            state.file.sync_all()
        };
        let state = match self.state.into_inner() {
            Ok(state) => state,
            Err(poisoned) => poisoned.into_inner(),
        };
        end(state).map_err(|source| WriteError::Io {
            path: self.path,
            source,
        })
    }
}

fn line_of(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let text = serde_json::to_string(value).map_err(io::Error::from)?;
    let mut line = escape_json(&text).into_bytes();
    line.push(b'\n');
    Ok(line)
}

fn first_lines(
    task: &Task,
    verified: &Report,
    selected: &[Pair],
    of_machine: &[Finding],
) -> io::Result<Vec<u8>> {
    let second = line_of(&Verified {
        line: Line::Verification,
        strict: task.strict,
        empty: verified.is_empty,
        selected: selected
            .iter()
            .map(|pair| SelectedWheel {
                wheel: pair.wheel.path.to_string(),
                sha256: pair.wheel.sha256,
            })
            .collect(),
        report: verified,
    })?;
    let tool = report::Tool::own();
    let mut lines = line_of(&Header {
        schema: SCHEMA.to_owned(),
        line: Line::Header,
        tool: Tool {
            name: tool.name.to_owned(),
            version: tool.version.to_owned(),
        },
        command: verified.command.to_owned(),
        time: verified.time.to_string(),
        manifest_sha256: verified.manifest.as_ref().map(|manifest| manifest.sha256),
        policy_sha256: task.policy_sha256,
        selection: task.selection.clone(),
        shard: task.shard,
        verification_sha256: Sha256Digest::of(second.strip_suffix(b"\n").unwrap_or(&second)),
        findings: of_machine.iter().collect(),
    })?;
    lines.extend(second);
    Ok(lines)
}
