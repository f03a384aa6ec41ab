//! What an interpreter and its surroundings are, for comparing two of them.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::InterpreterError;
use crate::explain::ENVIRONMENT_SCHEMA;
use crate::explain::Environment;

const QUESTION: &str = include_str!("surroundings.py");

/// How long an interpreter may take to answer; it asks its compiler, too.
const PATIENCE: Duration = Duration::from_secs(60);

/// The most bytes an environment may have.
pub const MAX_BYTES: u64 = 4 << 20;

/// Asks an interpreter, which runs as whoever started this program, with the
/// environment it was started with: that is what a build by hand would see.
///
/// # Errors
///
/// An [`InterpreterError`] when nothing is there or it does not answer.
pub fn surroundings(
    python: &Path,
    environment: &[(std::ffi::OsString, std::ffi::OsString)],
) -> Result<Environment, InterpreterError> {
    let name = || python.display().to_string();
    let run = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => InterpreterError::Missing(name()),
        _ => InterpreterError::Run {
            path: name(),
            source,
        },
    };
    let no_answer = |reason: String| InterpreterError::NoAnswer {
        path: name(),
        reason,
    };
    // A file, not a pipe: nobody has to read while it writes.
    let mut answer: File = tempfile::tempfile().map_err(run)?;
    let mut child = Command::new(python)
        .args(["-s", "-B", "-c", QUESTION])
        .env_clear()
        .envs(environment.iter().cloned())
        .env_remove("PYTHONPATH")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(answer.try_clone().map_err(run)?)
        .stderr(Stdio::null())
        .spawn()
        .map_err(run)?;
    let started = Instant::now();
    let status = loop {
        match child.try_wait().map_err(run)? {
            Some(status) => break status,
            None if started.elapsed() > PATIENCE => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(no_answer("it took too long".to_owned()));
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    if !status.success() {
        return Err(no_answer(status.to_string()));
    }
    answer.seek(SeekFrom::Start(0)).map_err(run)?;
    let mut text = Vec::new();
    answer.take(MAX_BYTES).read_to_end(&mut text).map_err(run)?;
    parse(&text).map_err(no_answer)
}

/// Reads an environment that was written down.
///
/// # Errors
///
/// Why it is none, in one sentence.
pub fn parse(text: &[u8]) -> Result<Environment, String> {
    let environment: Environment = serde_json::from_slice(text)
        .map_err(|error| format!("not a recorded environment: {error}"))?;
    match environment.schema == ENVIRONMENT_SCHEMA {
        true => Ok(environment),
        false => Err(format!(
            "not in the format {ENVIRONMENT_SCHEMA} but in '{}'",
            environment.schema.escape_debug()
        )),
    }
}
