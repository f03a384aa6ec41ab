//! Reports of earlier runs, as a claim that wheels were rebuilt.
//!
//! In: a file that the user named and that anybody may have written. Out: what it says
//! that was checked, and what became of the wheels. It is believed as the user's own
//! word; what it cannot vouch for (another manifest, another policy, another time) is
//! told by its reader.

use std::path::Path;

use serde::Deserialize;

use crate::digest::Sha256Digest;
use crate::input::{self, InputError};
use crate::report;
use crate::time::UtcTime;

/// The most bytes a report may have.
const MAX_BYTES: u64 = 512 << 20;
/// The outcome that counts.
const REPRODUCED: &str = "reproduced";
/// The outcome that speaks against a wheel.
const DIFFERENT: &str = "different";

/// Why a file is no report of rebuilds.
#[derive(Debug, thiserror::Error)]
pub(super) enum EarlierError {
    /// It could not be taken in.
    #[error(transparent)]
    Input(#[from] InputError),
    /// It is not JSON, ends early, or lacks what every report has.
    #[error("{file} is no JSON report of wheelproof, or is damaged: {reason}")]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong with it, and where.
        reason: String,
    },
    /// It is JSON of another format.
    #[error("{file} has the format '{}', and this program reads {}", .found.escape_debug(), report::SCHEMA)]
    OtherSchema {
        /// The file.
        file: String,
        /// The format that it names.
        found: String,
    },
    /// It is a report of a command that rebuilds nothing.
    #[error("{file} is a report of '{}', which rebuilds nothing", .command.escape_debug())]
    OtherCommand {
        /// The file.
        file: String,
        /// The command.
        command: String,
    },
}

#[derive(Deserialize)]
struct Named {
    schema: String,
    command: String,
}

#[derive(Deserialize)]
struct RawReport {
    tool: RawTool,
    time: String,
    #[serde(default)]
    policy: Option<RawFile>,
    #[serde(default)]
    manifest: Option<RawFile>,
    rebuilds: Vec<EarlierRebuild>,
}

#[derive(Deserialize)]
struct RawTool {
    name: String,
    version: String,
}

#[derive(Deserialize)]
struct RawFile {
    sha256: Sha256Digest,
}

/// What a report says of the rebuild of one wheel.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct EarlierRebuild {
    wheel: String,
    outcome: String,
    published_sha256: Sha256Digest,
    rebuilt_sha256: Option<Sha256Digest>,
    #[serde(default)]
    reused: bool,
    /// The interpreter.
    #[serde(default)]
    pub(super) python: Option<String>,
    /// What the build was shut in by.
    #[serde(default)]
    pub(super) sandbox: Option<String>,
}

/// What a report of an earlier run says.
#[derive(Debug, Clone)]
pub(super) struct Earlier {
    /// The file, as the user named it.
    pub(super) path: String,
    /// Its digest.
    pub(super) sha256: Sha256Digest,
    /// The program that wrote it, with its version.
    pub(super) tool: String,
    /// The time at which everything was judged.
    pub(super) time: UtcTime,
    /// The digest of the policy; `None` when there was none.
    pub(super) policy: Option<Sha256Digest>,
    /// The digest of the manifest; `None` when there was none.
    pub(super) manifest: Option<Sha256Digest>,
    rebuilds: Vec<EarlierRebuild>,
}

/// What a report says of one wheel.
#[derive(Debug, Clone)]
pub(super) enum Said<'a> {
    /// The rebuild has the signed digest.
    Reproduced(&'a EarlierRebuild),
    /// Something else came out.
    Different,
    /// Nothing that counts, and why.
    Nothing(String),
}

impl Earlier {
    /// Reads a report.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is no JSON report of `audit` or `rebuild`.
    pub(super) fn read(path: &Path) -> Result<Self, EarlierError> {
        let bytes = input::read(path, MAX_BYTES)?;
        Self::parse(&path.display().to_string(), &bytes)
    }

    fn parse(file: &str, bytes: &[u8]) -> Result<Self, EarlierError> {
        let damaged = |reason: String| EarlierError::Damaged {
            file: file.to_owned(),
            reason,
        };
        // A report of another format may have other keys: its name comes first.
        let named: Named =
            serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
        if named.schema != report::SCHEMA {
            return Err(EarlierError::OtherSchema {
                file: file.to_owned(),
                found: named.schema,
            });
        }
        if !["audit", "rebuild"].contains(&named.command.as_str()) {
            return Err(EarlierError::OtherCommand {
                file: file.to_owned(),
                command: named.command,
            });
        }
        let raw: RawReport =
            serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
        Ok(Self {
            path: file.to_owned(),
            sha256: Sha256Digest::of(bytes),
            tool: format!("{} {}", raw.tool.name, raw.tool.version),
            time: raw
                .time
                .parse()
                .map_err(|error| damaged(format!("its time is {error}")))?,
            policy: raw.policy.map(|file| file.sha256),
            manifest: raw.manifest.map(|file| file.sha256),
            rebuilds: raw.rebuilds,
        })
    }

    /// Returns what the report says of a wheel with this signed digest. Of several
    /// entries of a wheel the worst counts.
    pub(super) fn says(&self, wheel: &str, signed: Sha256Digest) -> Said<'_> {
        let mut said = Said::Nothing("has no rebuild of it".to_owned());
        for rebuild in self.rebuilds.iter().filter(|it| it.wheel == wheel) {
            if rebuild.outcome == DIFFERENT {
                return Said::Different;
            }
            let counts = rebuild.outcome == REPRODUCED
                && !rebuild.reused
                && rebuild.published_sha256 == signed
                && rebuild.rebuilt_sha256 == Some(signed);
            match (&said, counts) {
                (Said::Nothing(_), true) => said = Said::Reproduced(rebuild),
                (_, true) => {}
                (_, false) => return Said::Nothing(rebuild.short_of(signed)),
            }
        }
        said
    }
}

impl EarlierRebuild {
    /// Returns why it does not count.
    fn short_of(&self, signed: Sha256Digest) -> String {
        if self.outcome != REPRODUCED {
            return format!("has it as '{}'", self.outcome.escape_debug());
        }
        if self.reused {
            return "has it as reproduced by an earlier run, and does not say when".to_owned();
        }
        match self.published_sha256 == signed {
            true => "has it as reproduced, with another digest".to_owned(),
            false => "speaks of a wheel with another digest".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "1111111111111111111111111111111111111111111111111111111111111111";
    const TWO: &str = "2222222222222222222222222222222222222222222222222222222222222222";

    fn parse(text: &str) -> Result<Earlier, EarlierError> {
        Earlier::parse("r.json", text.as_bytes())
    }

    fn report(rebuilds: &str) -> Earlier {
        parse(&format!(
            r#"{{"schema":"wheelproof.report/1","tool":{{"name":"wheelproof","version":"9"}},
               "command":"audit","time":"2026-11-30T00:00:00Z","policy":null,
               "manifest":{{"path":"m","sha256":"{ONE}"}},"rebuilds":[{rebuilds}]}}"#
        ))
        .unwrap()
    }

    fn rebuild(outcome: &str, published: &str, rebuilt: &str, more: &str) -> String {
        format!(
            r#"{{"wheel":"a.whl","outcome":"{outcome}","published_sha256":"{published}",
               "rebuilt_sha256":{rebuilt}{more}}}"#
        )
    }

    #[test]
    fn only_a_rebuild_of_this_run_with_the_signed_digest_counts() {
        let (one, two) = (format!("\"{ONE}\""), format!("\"{TWO}\""));
        let good = rebuild("reproduced", ONE, &one, "");
        for (entries, word) in [
            (good.clone(), "reproduced"),
            (format!("{good},{good}"), "reproduced"),
            (String::new(), "no rebuild of it"),
            (good.replace("a.whl", "b.whl"), "no rebuild of it"),
            (rebuild("reproduced", TWO, &two, ""), "another digest"),
            (rebuild("reproduced", ONE, &two, ""), "with another digest"),
            (
                rebuild("reproduced", ONE, "null", ""),
                "with another digest",
            ),
            (
                rebuild("reproduced", ONE, &one, ",\"reused\":true"),
                "earlier run",
            ),
            (rebuild("different", ONE, &two, ""), "different"),
            (
                format!("{good},{}", rebuild("different", ONE, &two, "")),
                "different",
            ),
            (
                format!("{good},{}", rebuild("build-failed", ONE, "null", "")),
                "build-failed",
            ),
            (
                rebuild("reproduced-with-witness", ONE, &two, ""),
                "'reproduced-with-witness'",
            ),
            (
                rebuild("not-yet-thought-of", ONE, &one, ""),
                "'not-yet-thought-of'",
            ),
        ] {
            let report = report(&entries);
            let said = match report.says("a.whl", ONE.parse().unwrap()) {
                Said::Reproduced(_) => "reproduced".to_owned(),
                Said::Different => "different".to_owned(),
                Said::Nothing(why) => why,
            };
            assert!(said.contains(word), "{entries}: {said}");
            assert_eq!(said == "reproduced", word == "reproduced", "{entries}");
        }
    }

    #[test]
    fn what_is_no_report_of_rebuilds_is_refused() {
        for (text, word) in [
            ("", "damaged"),
            ("[]", "damaged"),
            (
                "{\"schema\":\"wheelproof.report/2\",\"command\":\"audit\"}",
                "report/2",
            ),
            (
                "{\"schema\":\"wheelproof.report/1\",\"command\":\"verify\"}",
                "'verify'",
            ),
            (
                "{\"schema\":\"wheelproof.report/1\",\"command\":\"audit\"}",
                "damaged",
            ),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
