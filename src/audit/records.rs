//! What a signed build record says, held against the manifest it is signed with.

use std::path::Path;

use crate::finding::{Finding, Subject, rules};
use crate::manifest::Manifest;
use crate::recipe::{BuildRecord, RECORD_ENDING, RecordError};
use crate::relpath::RelPath;

/// Returns what speaks against a build record, if anything does.
pub fn record(
    directory: &Path,
    path: &RelPath,
    record: Result<&BuildRecord, &RecordError>,
    manifest: &Manifest,
) -> Option<Finding> {
    let subject = Subject::path(path.below(directory).display().to_string());
    let record = match record {
        Ok(record) => record,
        Err(error) => {
            return Some(Finding::new(&rules::BUILD_RECORD_MALFORMED, subject).found(error));
        }
    };
    let fault = record_fault(path, record, manifest)?;
    Some(
        Finding::new(&rules::BUILD_RECORD_OTHER_WHEEL, subject)
            .expected(fault.expected)
            .found(fault.found),
    )
}

/// Where a record and the manifest disagree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordFault {
    /// What the manifest has.
    pub expected: String,
    /// What the record says.
    pub found: String,
}

/// Returns where a record disagrees with the manifest: about the wheel it lies
/// beside, or about the sdist, where the manifest lists one of that name.
pub fn record_fault(
    path: &RelPath,
    record: &BuildRecord,
    manifest: &Manifest,
) -> Option<RecordFault> {
    let beside = path.as_str().strip_suffix(RECORD_ENDING)?;
    let listed = |name: &str| {
        let name = RelPath::parse(name).ok()?;
        manifest.get(&name).map(|entry| entry.sha256)
    };
    let wheel_name = beside.rsplit('/').next().unwrap_or(beside);
    let recorded = (record.wheel.to_string(), Some(record.wheel_sha256));
    let expected = (wheel_name.to_owned(), listed(beside));
    if recorded != expected {
        let expected = match expected.1 {
            Some(digest) => format!("{digest}  {wheel_name}"),
            None => format!("a record of a wheel of the manifest, which lists no {wheel_name}"),
        };
        return Some(RecordFault {
            expected,
            found: format!("{}  {}", record.wheel_sha256, record.wheel),
        });
    }
    let directory = beside.strip_suffix(wheel_name).unwrap_or_default();
    match listed(&format!("{directory}{}", record.sdist)) {
        Some(digest) if digest != record.sdist_sha256 => Some(RecordFault {
            expected: format!("{digest}  {}", record.sdist),
            found: format!("{}  {}", record.sdist_sha256, record.sdist),
        }),
        _ => None,
    }
}
