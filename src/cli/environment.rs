//! Variables of the environment that stand for flags.
//!
//! A flag wins over its variable, a variable over the policy. An empty variable is none.

use std::path::PathBuf;

use super::{Surroundings, Usage};

/// Paths of trusted certificates, divided as PATH is: for `--certs`.
pub(super) const CERTS: &str = "WHEELPROOF_CERTS";
/// The directory for what is kept between runs: for `--cache`.
pub(super) const CACHE: &str = "WHEELPROOF_CACHE";
/// Whether nothing is fetched: for `--offline`.
pub(super) const OFFLINE: &str = "WHEELPROOF_OFFLINE";
/// Whether no progress is drawn: for `--no-progress`.
pub(super) const NO_PROGRESS: &str = "WHEELPROOF_NO_PROGRESS";

/// Words for on and off, as uv and clap take them.
const ON: &[&str] = &["1", "y", "yes", "t", "true", "on"];
const OFF: &[&str] = &["0", "n", "no", "f", "false", "off"];

/// Returns whether a variable switches something on.
pub(super) fn switch(surroundings: &Surroundings, name: &str) -> Result<bool, Usage> {
    let Some(value) = surroundings.variable(name) else {
        return Ok(false);
    };
    let word = value.to_string_lossy().to_lowercase();
    match (ON.contains(&word.as_str()), OFF.contains(&word.as_str())) {
        (true, _) => Ok(true),
        (_, true) => Ok(false),
        _ => Err(Usage::new(
            format!(
                "the variable {name} is '{}', and has to be one of: {}, {}",
                value.to_string_lossy(),
                ON.join(", "),
                OFF.join(", ")
            ),
            format!("unset {name}, or set it to 1 or 0"),
        )),
    }
}

/// Returns the trusted certificates that flags name, else those of the environment.
pub(super) fn certificates(surroundings: &Surroundings, flags: &[PathBuf]) -> Vec<PathBuf> {
    match surroundings.variable(CERTS) {
        Some(paths) if flags.is_empty() => std::env::split_paths(paths)
            .filter(|path| !path.as_os_str().is_empty())
            .collect(),
        _ => flags.to_vec(),
    }
}
