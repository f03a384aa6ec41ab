//! What a directory means to whoever is about to sign for it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::digest::Sha256Digest;
use crate::filename::{FilenameError, SdistFilename, WheelFilename};
use crate::finding::{Finding, Subject, rules};
use crate::manifest::{self, Unsigned};
use crate::relpath::{RelPath, spelled_out};
use crate::wheelhouse::{FileStatus, Status, Survey};

/// Returns what in the directory no manifest should list: what `verify` would
/// refuse, and what no installer asks for.
pub fn survey(directory: &Path, survey: &Survey) -> Vec<Finding> {
    let mut findings: Vec<Finding> = survey
        .files
        .iter()
        .filter_map(|file| entry(directory, file))
        .collect();
    for (name, earlier) in manifest::twins(survey.digests.keys()) {
        findings.push(
            Finding::new(
                &rules::MANIFEST_NAME_TWIN,
                Subject::path(name.below(directory).display().to_string()),
            )
            .found(format!(
                "'{}' and '{}' are the same file to others",
                spelled_out(name.as_str()),
                spelled_out(earlier.as_str())
            ))
            .next("remove one of the two"),
        );
    }
    findings
}

/// Returns where a manifest and the directory disagree.
pub fn currency(
    path: &str,
    manifest: &Unsigned,
    digests: &BTreeMap<RelPath, Sha256Digest>,
) -> Vec<Finding> {
    let listed = manifest.listed();
    let names: BTreeSet<&RelPath> = listed.keys().chain(digests.keys()).collect();
    let mut findings = super::manifest(path, manifest.faults(), false);
    for name in names {
        let finding = || Finding::new(&rules::MANIFEST_NOT_CURRENT, Subject::path(path));
        findings.push(match (listed.get(name), digests.get(name)) {
            (Some(listed), Some(there)) if listed == there => continue,
            (Some(listed), Some(there)) => finding()
                .expected(format!("{there}  {name}"))
                .found(format!("{listed}  {name}")),
            (None, Some(there)) => finding()
                .expected(format!("{there}  {name}"))
                .found(format!("no line for {name}")),
            (Some(listed), None) => finding()
                .expected(format!("no line for {name}, which is not there"))
                .found(format!("{listed}  {name}")),
            (None, None) => continue,
        });
    }
    findings
}

fn entry(directory: &Path, file: &FileStatus) -> Option<Finding> {
    let subject = || Subject::path(directory.join(&*file.name).display().to_string());
    match &file.status {
        Status::Unlisted => {
            let finding = Finding::new(&rules::FILE_NO_DISTRIBUTION, subject());
            Some(match (super::is_page(&file.name), misnamed(&file.name)) {
                (true, _) => finding.next(super::PAGE_ADVICE),
                (false, Some(fault)) => finding.found(fault),
                (false, None) => finding,
            })
        }
        Status::LfsPointer { .. } => Some(
            Finding::new(&rules::LFS_POINTER, subject())
                .expected("the contents of a wheel or sdist")
                .found("a pointer to them"),
        ),
        Status::Changed => Some(
            Finding::new(&rules::FILE_CHANGED, subject()).expected("a file that stays as it is"),
        ),
        Status::Unnameable => Some(
            Finding::new(&rules::FILE_NO_DISTRIBUTION, subject())
                .found("a name with a control character or a backslash")
                .next("remove or rename the file; no manifest can list it"),
        ),
        _ => super::file(directory, "the manifest", file, &BTreeMap::new()),
    }
}

/// Returns what keeps a name that looks like a wheel's or an sdist's from being
/// one.
fn misnamed(name: &str) -> Option<FilenameError> {
    if name.ends_with(".whl") {
        WheelFilename::parse(name).err()
    } else if name.ends_with(".tar.gz") || name.ends_with(".zip") {
        SdistFilename::parse(name).err()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_manifest_should_list_is_called_by_its_name() {
        for (status, rule, words) in [
            (Status::Unlisted, "file-no-distribution", ""),
            (
                Status::LfsPointer { oid: None },
                "lfs-pointer",
                "a pointer to them",
            ),
            (Status::Changed, "file-changed", "stays as it is"),
            (
                Status::Unnameable,
                "file-no-distribution",
                "control character",
            ),
        ] {
            let file = FileStatus {
                name: "a-1.0.zip".into(),
                line: None,
                expected: None,
                size: None,
                status,
            };
            let finding = entry(Path::new("d"), &file).unwrap();
            assert_eq!(finding.rule.name, rule);
            let text = [finding.expected, finding.found].map(Option::unwrap_or_default);
            assert!(text.concat().contains(words), "{text:?}");
        }
    }

    #[test]
    fn a_name_that_nearly_is_one_is_told_why_it_is_none() {
        for name in ["a.whl", "a.tar.gz", "a.zip"] {
            assert!(misnamed(name).is_some(), "{name}");
        }
        for name in ["README", "a.txt", "a-1.0-py3-none-any.whl", "a-1.0.zip"] {
            assert!(misnamed(name).is_none(), "{name}");
        }
    }
}
