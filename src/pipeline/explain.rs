//! Two wheels that somebody has, and why they differ. Nothing is verified: who asks
//! may have built both.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::archive::Limits;
use crate::cancel::Cancel;
use crate::compare::{self, Comparison, Kind};
use crate::explain::{self, Environment};
use crate::filename::SdistFilename;
use crate::input;
use crate::rebuild;
use crate::report::{ComparisonReport, EnvironmentReport, Trouble};
use crate::sdist::SourceFiles;

/// What to explain.
#[derive(Debug, Clone)]
pub struct ExplainRequest {
    /// The wheel in the place of the published one.
    pub published: PathBuf,
    /// The wheel in the place of the rebuilt one.
    pub rebuilt: PathBuf,
    /// The sdist to look members up in.
    pub sdist: Option<PathBuf>,
    /// How much the archives may hold.
    pub limits: Limits,
}

/// Compares two wheels and names the causes of what differs.
pub fn explain(request: &ExplainRequest, cancel: &Cancel) -> ComparisonReport {
    let shown = |path: &Path| path.display().to_string();
    let mut report = ComparisonReport::new(shown(&request.published), shown(&request.rebuilt));
    if let Err(trouble) = fill(&mut report, request, cancel) {
        report.errors.push(trouble);
    }
    report.conclude();
    report
}

fn fill(
    report: &mut ComparisonReport,
    request: &ExplainRequest,
    cancel: &Cancel,
) -> Result<(), Trouble> {
    let compared = compare::wheels(&request.published, &request.rebuilt, request.limits, cancel);
    let mut different = match compared {
        Err(error) => {
            return Err(Trouble {
                message: error.to_string(),
                next: error.advice().to_owned(),
            });
        }
        Ok(Comparison::Identical(digested)) => {
            report.published.digested = Some(digested);
            report.rebuilt.digested = Some(digested);
            return Ok(());
        }
        Ok(Comparison::Different(different)) => different,
    };
    report.published.digested = Some(different.files.published);
    report.rebuilt.digested = Some(different.files.rebuilt);
    report.published.wheel = different.wheels.published.clone();
    report.rebuilt.wheel = different.wheels.rebuilt.clone();
    if let Some(Kind::UnreadableArchive(reasons)) = different.differences.first().map(|d| &d.kind) {
        let (path, reason) = match (&reasons.published, &reasons.rebuilt) {
            (Some(reason), _) => (&request.published, reason),
            (None, Some(reason)) => (&request.rebuilt, reason),
            (None, None) => return Ok(()),
        };
        return Err(Trouble {
            message: format!("{} is no wheel that can be read: {reason}", path.display()),
            next: "the files differ, and that is all that can be said; name two wheels".to_owned(),
        });
    }
    let source = match &request.sdist {
        Some(path) => Some(read_sdist(path, &request.limits, cancel)?),
        None => None,
    };
    report.sdist = request
        .sdist
        .as_ref()
        .map(|path| path.display().to_string());
    let explanation = explain::explain(&different, source.as_ref(), None);
    different.forget_contents();
    report.differences = different.differences;
    report.causes = explanation.causes;
    report.attributed = explanation.attributed;
    report.unexplained = explanation.unexplained;
    Ok(())
}

fn read_sdist(path: &Path, limits: &Limits, cancel: &Cancel) -> Result<SourceFiles, Trouble> {
    let trouble = |message: String| Trouble {
        message: format!("sdist {}: {message}", path.display()),
        next: "name the sdist that the wheels are built from, or leave out --sdist".to_owned(),
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = SdistFilename::parse(&name).map_err(|error| trouble(error.to_string()))?;
    SourceFiles::read(path, &name, limits, cancel).map_err(|error| trouble(error.to_string()))
}

/// The environment of a process: names and values.
type Variables = [(OsString, OsString)];

/// Returns an environment: one that was written down when the name ends in `.json`,
/// else that of a live interpreter.
///
/// # Errors
///
/// Why it cannot be had.
pub fn environment(path: &Path, variables: &Variables) -> Result<Environment, Trouble> {
    let trouble = |message: String| Trouble {
        message,
        next: "name an interpreter, or a file that --record-environment wrote".to_owned(),
    };
    if path.extension().is_none_or(|ending| ending != "json") {
        return rebuild::surroundings(path, variables).map_err(|error| trouble(error.to_string()));
    }
    let bytes = input::read(path, rebuild::MAX_ENVIRONMENT_BYTES)
        .map_err(|error| trouble(error.to_string()))?;
    rebuild::parse_environment(&bytes)
        .map_err(|reason| trouble(format!("{}: {reason}", path.display())))
}

/// Compares two environments.
///
/// # Errors
///
/// Why one of them cannot be had.
pub fn explain_environments(
    published: &Path,
    rebuilt: &Path,
    variables: &Variables,
) -> Result<EnvironmentReport, Trouble> {
    let sides = (
        environment(published, variables)?,
        environment(rebuilt, variables)?,
    );
    Ok(EnvironmentReport::new(
        published.display().to_string(),
        rebuilt.display().to_string(),
        explain::environments(&sides.0, &sides.1),
    ))
}
