//! Requirements with the hashes of verified files.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use pep440_rs::Version;

use super::RequirementError;
use crate::digest::Sha256Digest;
use crate::filename::{ProjectName, SdistFilename, WheelFilename};
use crate::requirements::Requirement;
use crate::wheelhouse::VerifiedTree;

/// The digests of a project's version: its wheels and its sdists.
type Files = BTreeMap<(ProjectName, Version), (Vec<Sha256Digest>, Vec<Sha256Digest>)>;

/// Returns each requirement with the digests of its verified wheels, and of its
/// sdists when asked, in the form that pip and uv read and in the order given.
/// Digests that a requirement carries already are those of other places; they are
/// left out.
///
/// # Errors
///
/// Every requirement that no verified file meets.
pub fn hashed_requirements(
    verified: &VerifiedTree,
    requirements: &[Requirement],
    with_sdists: bool,
) -> Result<String, Vec<RequirementError>> {
    let files = files(verified);
    let mut text = String::new();
    let mut errors = Vec::new();
    for requirement in requirements {
        let key = (requirement.project.clone(), requirement.version.clone());
        let none = (Vec::new(), Vec::new());
        let (wheels, sdists) = files.get(&key).unwrap_or(&none);
        let mut digests: Vec<&Sha256Digest> = wheels.iter().collect();
        if with_sdists {
            digests.extend(sdists);
        }
        if digests.is_empty() {
            let line = requirement.line;
            let (project, version) = (key.0.to_string(), key.1.to_string());
            errors.push(if sdists.is_empty() {
                RequirementError::NotSigned {
                    line,
                    project,
                    version,
                }
            } else {
                RequirementError::OnlySdist {
                    line,
                    project,
                    version,
                }
            });
            continue;
        }
        let _ = write!(text, "{}", requirement.project);
        if !requirement.extras.is_empty() {
            let _ = write!(text, "[{}]", requirement.extras.join(","));
        }
        let _ = write!(text, "=={}", requirement.version);
        if let Some(marker) = &requirement.marker {
            let _ = write!(text, " ; {marker}");
        }
        for digest in digests {
            let _ = write!(text, " \\\n    --hash=sha256:{digest}");
        }
        text.push('\n');
    }
    if errors.is_empty() {
        Ok(text)
    } else {
        Err(errors)
    }
}

fn files(verified: &VerifiedTree) -> Files {
    let mut files = Files::new();
    for (name, digest) in verified.files().iter() {
        let name = name.file_name();
        if let Ok(wheel) = WheelFilename::parse(name) {
            let key = (wheel.project().clone(), wheel.version().clone());
            files.entry(key).or_default().0.push(*digest);
        } else if let Ok(sdist) = SdistFilename::parse(name) {
            let key = (sdist.project().clone(), sdist.version().clone());
            files.entry(key).or_default().1.push(*digest);
        }
    }
    files
}
