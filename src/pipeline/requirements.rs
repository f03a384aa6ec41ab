//! Verification, then the hashes of what was verified.

use std::path::PathBuf;

use super::trouble;
use super::verify::verify;
use super::{Progress, Request};
use crate::cancel::Cancel;
use crate::digest::Sha256Digest;
use crate::finding::{Finding, Subject, rules};
use crate::handoff::{self, RequirementError};
use crate::replace;
use crate::report::{Change, Report, WrittenFile};
use crate::requirements::Requirement;

/// What is wanted of the requirements.
#[derive(Debug, Clone)]
pub struct RequirementsWish {
    /// The file they were read from, for reports.
    pub path: PathBuf,
    /// What it asks for.
    pub requirements: Vec<Requirement>,
    /// Whether the digests of sdists are wanted too.
    pub with_sdists: bool,
    /// The file to write; `None` to have the text back.
    pub output: Option<PathBuf>,
}

/// Writes requirements with the digests of the verified files. Returns the text
/// when it is to go elsewhere; there is none unless everything is verified.
pub fn requirements(
    request: &Request,
    wish: &RequirementsWish,
    cancel: &Cancel,
    progress: &dyn Progress,
) -> (Report, Option<String>) {
    let verification = verify("requirements", request, cancel, progress);
    let verified = verification.complete();
    let mut report = verification.report;
    let (Some(verified), Some(manifest)) = (verified, report.manifest.clone()) else {
        return (report, None);
    };
    if cancel.is_requested() {
        return (report, None);
    }
    let hashed = handoff::hashed_requirements(&verified, &wish.requirements, wish.with_sdists);
    let lines = match hashed {
        Ok(lines) => lines,
        Err(errors) => {
            let path = wish.path.display().to_string();
            report
                .findings
                .extend(errors.iter().map(|error| unmet(&path, error)));
            return (report, None);
        }
    };
    let text = format!(
        "# Hashes of the files in the signed manifest whose sha256 is\n# {}\n{lines}",
        manifest.sha256
    );
    let Some(output) = &wish.output else {
        return (report, Some(text));
    };
    let was_there = output.symlink_metadata().is_ok();
    if let Err(error) = replace::file(output, text.as_bytes()) {
        let next = "name a file in a directory that can be written to; what was there is as it was";
        report.errors.push(trouble(&error, next));
        return (report, None);
    }
    report.written.push(WrittenFile {
        path: output.display().to_string(),
        sha256: Sha256Digest::of(text.as_bytes()),
        change: match was_there {
            true => Change::Replaced,
            false => Change::Created,
        },
    });
    (report, None)
}

fn unmet(path: &str, error: &RequirementError) -> Finding {
    let (line, wanted, only_sdist) = match error {
        RequirementError::NotSigned {
            line,
            project,
            version,
        } => (*line, format!("{project}=={version}"), false),
        RequirementError::OnlySdist {
            line,
            project,
            version,
        } => (*line, format!("{project}=={version}"), true),
    };
    let finding = Finding::new(
        &rules::REQUIREMENT_NOT_SIGNED,
        Subject::path(path).line(line),
    )
    .expected(format!("a signed wheel of {wanted}"));
    match only_sdist {
        true => finding
            .found("an sdist")
            .next("build and sign the wheel, or take the hashes of sdists too with --sdists"),
        false => finding,
    }
}
