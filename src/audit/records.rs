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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Sha256Digest;
    use crate::manifest::tests::manifest_of;

    const WHEEL: &str = "x-1.0-py3-none-any.whl";
    const SDIST: &str = "x-1.0.tar.gz";

    /// A record of these digests, written after `docs/build-record.md`.
    fn record(wheel: Sha256Digest, sdist: Sha256Digest) -> BuildRecord {
        let text = format!(
            concat!(
                r#"{{"machine":{{"interpreter":{{"implementation":"cpython","#,
                r#""path":"/usr/bin/python3.11","sha256":"{wheel}","#,
                r#""sysconfig_sha256":"{wheel}","version":"3.11.2"}},"zlib":"1.2.13"}},"#,
                r#""recipe":{{"build_path":"/build/x-1.0","environment":{{}},"inputs":[],"#,
                r#""source_date_epoch":1309379017,"source_modes":"umask","source_times":"archive","#,
                r#""time_zone":"UTC","tools":[],"umask":"022"}},"#,
                r#""schema":"wheelproof.build-record/1","#,
                r#""sdist":{{"filename":"x-1.0.tar.gz","sha256":"{sdist}"}},"#,
                r#""wheel":{{"filename":"x-1.0-py3-none-any.whl","sha256":"{wheel}"}}}}"#,
                "\n"
            ),
            wheel = wheel,
            sdist = sdist
        );
        BuildRecord::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_record_says_of_wheel_and_sdist_what_the_manifest_says() {
        // The digests of the names.
        let manifest = manifest_of(&[WHEEL, SDIST]);
        let path = RelPath::parse("x-1.0-py3-none-any.whl.build.json").unwrap();
        let [wheel, sdist] = [WHEEL, SDIST].map(|name| Sha256Digest::of(name.as_bytes()));
        let fault = |record: &BuildRecord| {
            record_fault(&path, record, &manifest).map(|fault| (fault.expected, fault.found))
        };
        assert_eq!(fault(&record(wheel, sdist)), None);
        assert_eq!(
            fault(&record(wheel, wheel)),
            Some((format!("{sdist}  {SDIST}"), format!("{wheel}  {SDIST}")))
        );
        assert_eq!(
            fault(&record(sdist, sdist)),
            Some((format!("{wheel}  {WHEEL}"), format!("{sdist}  {WHEEL}")))
        );
        // An sdist need not be there.
        let lone = manifest_of(&[WHEEL]);
        assert!(record_fault(&path, &record(wheel, wheel), &lone).is_none());
    }
}
