//! Reading the reports of many nights.
//!
//! In: files that should be JSON reports, from anywhere. Out: what each says of its
//! wheels. Of a report only what a history shows is read; keys that are not known are
//! passed over, a file that is none is refused by its name.

use std::path::Path;

use serde::Deserialize;

use crate::input::{self, InputError};
use crate::report::{self, Night, NightRebuild, Verdict};
use crate::time::UtcTime;

/// The most bytes a report may have.
const MAX_BYTES: u64 = 512 << 20;

/// Why a file is not a report of a night.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// It could not be taken in.
    #[error(transparent)]
    Input(#[from] InputError),
    /// It is not JSON, ends early, or lacks what every report has.
    #[error("{file} is no report of wheelproof, or is damaged: {reason}")]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong with it, and where.
        reason: String,
    },
    /// It is JSON of another format.
    #[error("{file} has the format '{}', and a history is made of {}", .found.escape_debug(), report::SCHEMA)]
    OtherSchema {
        /// The file.
        file: String,
        /// The format that it names.
        found: String,
    },
}

#[derive(Deserialize)]
struct Named {
    schema: String,
}

#[derive(Deserialize)]
struct RawReport {
    verdict: RawVerdict,
    time: String,
    #[serde(default)]
    rebuilds: Vec<RawRebuild>,
    #[serde(default)]
    findings: Vec<RawFinding>,
    #[serde(default)]
    errors: Vec<RawTrouble>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RawVerdict {
    Pass,
    Fail,
    Error,
    Empty,
}

#[derive(Deserialize)]
struct RawRebuild {
    wheel: String,
    outcome: String,
    published_sha256: String,
    reason: Option<String>,
    #[serde(default)]
    causes: Vec<RawCause>,
    #[serde(default)]
    unexplained: Vec<RawUnexplained>,
}

#[derive(Deserialize)]
struct RawUnexplained {
    member: Option<String>,
    what: Option<String>,
}

#[derive(Deserialize)]
struct RawCause {
    sentence: String,
}

#[derive(Deserialize)]
struct RawFinding {
    rule: String,
    severity: String,
    message: String,
    subject: RawSubject,
}

#[derive(Deserialize)]
struct RawSubject {
    path: Option<String>,
}

#[derive(Deserialize)]
struct RawTrouble {
    message: String,
}

/// Reads the report of a night.
///
/// # Errors
///
/// The file cannot be read, or is no report.
pub fn read(path: &Path) -> Result<Night, HistoryError> {
    let bytes = input::read(path, MAX_BYTES)?;
    parse(&path.display().to_string(), &bytes)
}

/// Reads the report of a night from its bytes.
///
/// # Errors
///
/// They are no report.
pub fn parse(file: &str, bytes: &[u8]) -> Result<Night, HistoryError> {
    let damaged = |reason: String| HistoryError::Damaged {
        file: file.to_owned(),
        reason,
    };
    let named: Named = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
    if named.schema != report::SCHEMA {
        return Err(HistoryError::OtherSchema {
            file: file.to_owned(),
            found: named.schema,
        });
    }
    let raw: RawReport =
        serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
    let time: UtcTime = raw
        .time
        .parse()
        .map_err(|error: crate::time::ParseTimeError| damaged(error.to_string()))?;
    let findings = raw
        .findings
        .into_iter()
        .filter(|finding| finding.severity == "error")
        .map(|finding| {
            let place = finding.subject.path.map(|path| format!(", {path}"));
            let place = place.unwrap_or_default();
            format!("{}: {}{place}", finding.rule, finding.message)
        });
    let errors = raw.errors.into_iter().map(|error| error.message);
    Ok(Night {
        file: file.to_owned(),
        time,
        verdict: match raw.verdict {
            RawVerdict::Pass => Verdict::Pass,
            RawVerdict::Fail => Verdict::Fail,
            RawVerdict::Error => Verdict::Error,
            RawVerdict::Empty => Verdict::Empty,
        },
        troubles: findings.chain(errors).collect(),
        rebuilds: raw
            .rebuilds
            .into_iter()
            .map(|rebuild| NightRebuild {
                wheel: rebuild.wheel,
                published_sha256: rebuild.published_sha256,
                outcome: rebuild.outcome,
                why: why(rebuild.causes, rebuild.reason, rebuild.unexplained),
            })
            .collect(),
    })
}

/// Returns the deciding cause, else the reason, else where the difference is.
fn why(
    causes: Vec<RawCause>,
    reason: Option<String>,
    unexplained: Vec<RawUnexplained>,
) -> Option<String> {
    let cause = causes.into_iter().next().map(|cause| cause.sentence);
    cause.or(reason).or_else(|| {
        let first = unexplained.into_iter().next()?;
        let member = first.member.as_deref().unwrap_or("the archive");
        let what = first.what.as_deref().unwrap_or("it differs");
        Some(format!("no cause is known; {member}: {what}"))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REPORT: &str = r#"{"schema":"wheelproof.report/1","verdict":"fail",
        "time":"2026-11-23T00:00:00Z","new key":[1],"rebuilds":[{"wheel":"a.whl",
        "outcome":"different","published_sha256":"00","causes":[{"sentence":"why","proof":"pattern"}]}],
        "findings":[{"rule":"r","severity":"note","message":"m","subject":{}},
        {"rule":"hash-mismatch","severity":"error","message":"differs","subject":{"path":"p"}}],
        "errors":[{"message":"e","next":"n"}]}"#;

    #[test]
    fn what_a_history_shows_is_read_and_the_rest_passed_over() {
        let night = parse("f", REPORT.as_bytes()).unwrap();
        assert_eq!(night.verdict, Verdict::Fail);
        assert_eq!(night.troubles, ["hash-mismatch: differs, p", "e"]);
        let why: Vec<_> = night
            .rebuilds
            .iter()
            .map(|one| one.why.as_deref())
            .collect();
        assert_eq!(why, [Some("why")]);
    }

    #[test]
    fn a_file_that_is_no_report_is_refused_by_its_name() {
        for (bytes, says) in [
            ("", "f is no report"),
            ("[]", "f is no report"),
            (r#"{"schema":"wheelproof.report/2"}"#, "wheelproof.report/2"),
            (r#"{"schema":"other"}"#, "f has the format 'other'"),
            (
                r#"{"schema":"wheelproof.report/1"}"#,
                "missing field `verdict`",
            ),
            (&REPORT.replace("2026-11-23T", "yesterday "), "not a time"),
            (
                &REPORT.replace("\"fail\"", "\"perhaps\""),
                "unknown variant `perhaps`",
            ),
        ] {
            let error = parse("f", bytes.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    proptest! {
        #[test]
        fn a_report_that_ends_early_is_refused(end in 0..REPORT.len()) {
            if let Some(start) = REPORT.as_bytes().get(..end) {
                prop_assert!(parse("f", start).is_err());
            }
        }
    }
}
