//! What is wrong inside the files, as findings.

use std::collections::BTreeMap;
use std::path::Path;

use crate::archive::{self, Fault};
use crate::finding::{Finding, Rule, Severity, Subject, rules};
use crate::relpath::RelPath;
use crate::sdist;
use crate::wheel;
use crate::wheelhouse::{FileStatus, Inside};

/// Returns what was found inside the files, in their order.
pub fn inside(
    directory: &Path,
    manifest: &str,
    files: &[FileStatus],
    found: &[(&RelPath, Inside)],
) -> Vec<Finding> {
    let lines: BTreeMap<&str, u64> = files
        .iter()
        .filter_map(|file| Some((&*file.name, file.line?)))
        .collect();
    let mut findings = Vec::new();
    for (path, inside) in found {
        let mut subject = Subject::path(path.below(directory).display().to_string());
        if let Some(line) = lines.get(path.as_str()) {
            subject = subject.line(*line);
            subject.manifest = Some(manifest.to_owned());
        }
        match inside {
            Inside::Wheel(faults) => {
                let has = |kind| faults.iter().any(|fault| fault.kind == kind);
                findings.extend(faults.iter().map(|fault| {
                    let finding = finding(wheel_rule(fault.kind), &subject, fault);
                    match source_of(fault.kind) {
                        Some(source) if has(source) => finding.follows(wheel_rule(source)),
                        _ => weighed(finding, fault.kind),
                    }
                }));
            }
            Inside::Sdist(faults) => findings.extend(faults.iter().map(|fault| {
                let finding = finding(sdist_rule(fault.kind), &subject, fault);
                match fault.kind {
                    // An sdist is unpacked where it is built, and builds happen
                    // where case counts.
                    sdist::FaultKind::Archive(archive::FaultKind::MemberTwin) => {
                        finding.severity(Severity::Warning)
                    }
                    sdist::FaultKind::Archive(kind) => weighed_archive(finding, kind),
                    _ => finding,
                }
            })),
            Inside::NotInspected(reason) => {
                findings.push(Finding::new(&rules::ARCHIVE_NOT_INSPECTED, subject).found(reason));
            }
            Inside::Changed => findings.push(
                Finding::new(&rules::FILE_CHANGED, subject)
                    .found("a change between hashing it and looking into it"),
            ),
            // Not being able to read is an error, not a finding about the file.
            Inside::Unreadable(_) => {}
        }
    }
    findings
}

/// Returns the fault that one of this kind may come from, where the wheel has both.
fn source_of(kind: wheel::FaultKind) -> Option<wheel::FaultKind> {
    use wheel::FaultKind as K;
    match kind {
        // Its row may be the one that cannot be read.
        K::RecordUnlisted => Some(K::RecordMalformed),
        // It may lie in the directory of the right name.
        K::DescriptionMissing => Some(K::DistInfo),
        _ => None,
    }
}

fn weighed_archive(finding: Finding, kind: archive::FaultKind) -> Finding {
    match kind {
        archive::FaultKind::ExtraFieldRemainder => finding.severity(Severity::Warning).next(
            "ask its author to build it with another tool; pip and uv do not look at these bytes, an index may refuse them",
        ),
        _ => finding,
    }
}

/// Returns a finding about a wheel with the weight of its fault, where that is not the
/// weight of the rule: an error where installers make different things of the wheel,
/// or might harm somebody, a warning where one of them refuses it.
fn weighed(finding: Finding, kind: wheel::FaultKind) -> Finding {
    use wheel::FaultKind as K;
    match kind {
        K::Archive(kind) => weighed_archive(finding, kind),
        // Nobody is given the wheel whom it was not built for.
        K::TagsNarrowed => finding.severity(Severity::Warning),
        K::TagsWidened => finding.severity(Severity::Warning).next(
            "ask the author of the wheel whether it is good for every Python of its name; WHEEL says so of some",
        ),
        K::VersionOld => finding
            .severity(Severity::Warning)
            .next("ask the author of the wheel to build it again with a current tool"),
        K::DescriptionUnreadable => finding.severity(Severity::Error),
        K::InstalledOver => finding.severity(Severity::Warning).next(
            "ask the author of the wheel to leave one of the two out; pip and uv keep the same one, installer refuses the wheel",
        ),
        K::EntryPointsRefused => finding
            .severity(Severity::Warning)
            .next("ask the author of the wheel to write comments with '#'; uv and installer install the wheel as it is"),
        K::RecordRepeatedAlike => finding.severity(Severity::Warning),
        K::RecordPathAbsolute => finding.severity(Severity::Error).next(
            "ask the author of the wheel to build it again; uninstalling it, pip takes the paths as absolute ones",
        ),
        _ => finding,
    }
}

fn finding<K>(rule: &'static Rule, subject: &Subject, fault: &Fault<K>) -> Finding {
    let subject = match &fault.member {
        Some(member) => subject.clone().member(member),
        None => subject.clone(),
    };
    Finding {
        expected: fault.expected.clone(),
        found: fault.found.clone(),
        ..Finding::new(rule, subject)
    }
}

fn archive_rule(kind: archive::FaultKind) -> &'static Rule {
    use archive::FaultKind as K;
    match kind {
        K::Unreadable => &rules::ARCHIVE_UNREADABLE,
        K::OverLimit => &rules::ARCHIVE_OVER_LIMIT,
        K::HiddenData => &rules::ARCHIVE_HIDDEN_DATA,
        K::MemberDamaged => &rules::ARCHIVE_MEMBER_DAMAGED,
        K::MemberEncrypted => &rules::ARCHIVE_MEMBER_ENCRYPTED,
        K::CompressionUnsupported => &rules::ARCHIVE_COMPRESSION_UNSUPPORTED,
        K::MemberUnsafe => &rules::ARCHIVE_MEMBER_UNSAFE,
        K::MemberSpecial => &rules::ARCHIVE_MEMBER_SPECIAL,
        K::MemberRepeated => &rules::ARCHIVE_MEMBER_REPEATED,
        K::MemberTwin => &rules::ARCHIVE_MEMBER_TWIN,
        K::LinkEscapes => &rules::ARCHIVE_LINK_ESCAPES,
        K::ZipHeaderMismatch => &rules::ZIP_HEADER_MISMATCH,
        K::ZipOverlap => &rules::ZIP_OVERLAP,
        K::Zip64WriterFault => &rules::ZIP64_WRITER_FAULT,
        K::ExtraFieldCut | K::ExtraFieldRemainder => &rules::ZIP_EXTRA_FIELD,
        K::ExtraFieldRepeated => &rules::ZIP_EXTRA_REPEATED,
        K::Zip64Unneeded => &rules::ZIP64_FIELD_UNNEEDED,
        K::FeatureUnsupported => &rules::ZIP_FEATURE_UNSUPPORTED,
        K::FlagsUnread => &rules::ZIP_FLAGS_UNREAD,
        K::CommentRecord => &rules::ZIP_COMMENT_RECORD,
        K::TarHeaderAmbiguous => &rules::TAR_HEADER_AMBIGUOUS,
    }
}

fn wheel_rule(kind: wheel::FaultKind) -> &'static Rule {
    use wheel::FaultKind as K;
    match kind {
        K::Archive(kind) => archive_rule(kind),
        K::DistInfo => &rules::WHEEL_DIST_INFO,
        K::DescriptionMissing => &rules::WHEEL_DESCRIPTION_MISSING,
        K::MetadataMismatch => &rules::WHEEL_METADATA_MISMATCH,
        K::TagsMismatch | K::TagsNarrowed | K::TagsWidened => &rules::WHEEL_TAGS_MISMATCH,
        K::TagsUnreadable => &rules::WHEEL_TAGS_UNREADABLE,
        K::BuildMismatch => &rules::WHEEL_BUILD_MISMATCH,
        K::VersionUnsupported | K::VersionOld => &rules::WHEEL_VERSION_UNSUPPORTED,
        K::DescriptionRefused | K::DescriptionUnreadable => &rules::WHEEL_DESCRIPTION_INVALID,
        K::PurelibMismatch => &rules::WHEEL_PURELIB_MISMATCH,
        K::DataDirectory => &rules::WHEEL_DATA_DIRECTORY,
        K::InstalledTwice | K::InstalledOver => &rules::WHEEL_INSTALLED_TWICE,
        K::ScriptName => &rules::WHEEL_SCRIPT_NAME,
        K::ScriptReference => &rules::WHEEL_SCRIPT_REFERENCE,
        K::EntryPointsRepeated => &rules::WHEEL_ENTRY_POINTS_REPEATED,
        K::EntryPointsMalformed | K::EntryPointsRefused => &rules::WHEEL_ENTRY_POINTS_MALFORMED,
        K::RecordMalformed => &rules::WHEEL_RECORD_MALFORMED,
        K::RecordMismatch => &rules::WHEEL_RECORD_MISMATCH,
        K::RecordUnlisted => &rules::WHEEL_RECORD_UNLISTED,
        K::RecordMissing => &rules::WHEEL_RECORD_MISSING,
        K::RecordRepeated | K::RecordRepeatedAlike => &rules::WHEEL_RECORD_REPEATED,
        K::RecordHexDigest => &rules::WHEEL_RECORD_HEX_DIGEST,
        K::RecordPathAbsolute | K::RecordPathForm => &rules::WHEEL_RECORD_PATH_FORM,
        K::RecordUnquotedComma => &rules::WHEEL_RECORD_UNQUOTED_COMMA,
        K::RecordBlankLine => &rules::WHEEL_RECORD_BLANK_LINE,
        K::RecordDirectory => &rules::WHEEL_RECORD_DIRECTORY,
        K::RecordWeakHash => &rules::WHEEL_RECORD_WEAK_HASH,
    }
}

fn sdist_rule(kind: sdist::FaultKind) -> &'static Rule {
    use sdist::FaultKind as K;
    match kind {
        K::Archive(kind) => archive_rule(kind),
        K::Layout => &rules::SDIST_LAYOUT,
        K::DirectoryName => &rules::SDIST_DIRECTORY_NAME,
        K::MetadataMissing => &rules::SDIST_METADATA_MISSING,
        K::MetadataMismatch => &rules::SDIST_METADATA_MISMATCH,
    }
}
