//! Whether a wheel is what its name and its RECORD say.
//!
//! In: an open file with the name of a wheel. Out: every [`Fault`], or that the
//! file could not be read. Each member is read once, piece by piece, on all
//! cores; what is held in memory are the headers, RECORD and the descriptions.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io;

use rayon::prelude::*;

use super::fault::FaultKind;
use super::record::{self, Row, StatedDigest};
use super::{DIST_INFO, dist_info_of, installed, is_named_for};
use crate::archive::zip::{self, Archive, Member, ZipError};
use crate::archive::{self, Fault, Faults, Limits};
use crate::cancel::Cancel;
use crate::count::counted;
use crate::digest::{READ_SIZE, base64};
use crate::filename::{WheelFilename, is_version};
use crate::metadata::{self, Fields};

/// The most tags that are compared; more are a fault of their own. Three lists in
/// a file name cannot give as many.
const MAX_TAGS: usize = 20_000;

/// Returns what is wrong with a wheel. `read` is told how many bytes of contents
/// were read, from several threads.
///
/// # Errors
///
/// The file could not be read, or somebody asked to stop.
pub fn check(
    file: File,
    filename: &WheelFilename,
    limits: Limits,
    cancel: &Cancel,
    read: &(dyn Fn(u64) + Sync),
) -> io::Result<Vec<Fault<FaultKind>>> {
    let mut faults = Faults::default();
    let archive = match Archive::from_file(file, limits) {
        Ok(archive) => archive,
        Err(error) => {
            faults.push(fault_of(error, None)?);
            return Ok(faults.finish());
        }
    };
    faults.absorb(zip::faults(&archive));
    let dist_info = dist_info(&archive, filename, &mut faults);
    let mut wheel = Wheel {
        archive: &archive,
        dist_info: dist_info.as_deref(),
        faults,
    };
    wheel.descriptions(filename)?;
    let names: Vec<&str> = archive
        .members()
        .iter()
        .filter_map(|member| member.name().as_str())
        .collect();
    installed::check(&names, filename, &mut wheel.faults);
    let record = wheel.record()?;
    wheel.members(&record, cancel, read)?;
    Ok(wheel.faults.finish())
}

/// Tells a fault of the archive from a file that cannot be read.
fn fault_of(error: ZipError, member: Option<&Member>) -> io::Result<Fault<FaultKind>> {
    let Some(kind) = error.fault_kind() else {
        return Err(match error {
            ZipError::Io(error) => error,
            other => io::Error::other(other),
        });
    };
    let fault = Fault::new(kind.into()).found(&error);
    Ok(match member {
        Some(member) => fault.member(member.name()),
        None => fault,
    })
}

/// Returns the `.dist-info` directory that describes the wheel: the one with the
/// right name, else the first.
fn dist_info(
    archive: &Archive<'_>,
    filename: &WheelFilename,
    faults: &mut Faults<FaultKind>,
) -> Option<String> {
    let found: BTreeSet<&str> = archive
        .members()
        .iter()
        .filter_map(|member| dist_info_of(member.name().as_str()?))
        .collect();
    let own = found
        .iter()
        .find(|directory| is_named_for(directory, DIST_INFO, filename));
    if found.len() != 1 || own.is_none() {
        let shown: Vec<String> = found
            .iter()
            .take(5)
            .map(|name| format!("'{name}'"))
            .collect();
        faults.push(
            Fault::new(FaultKind::DistInfo)
                .expected(format!(
                    "one directory '{}-{}.dist-info', or the same in another spelling",
                    filename.project(),
                    filename.version()
                ))
                .found(match found.len() {
                    0 => "none".to_owned(),
                    count => format!("{count}: {}", shown.join(", ")),
                }),
        );
    }
    own.or(found.first()).map(|name| (*name).to_owned())
}

/// A wheel that is being looked into.
struct Wheel<'a> {
    archive: &'a Archive<'a>,
    dist_info: Option<&'a str>,
    faults: Faults<FaultKind>,
}

/// RECORD as far as it could be read.
struct Record {
    rows: Vec<Row>,
    /// The number of the row for each member; the first, where there are several.
    by_path: HashMap<String, usize>,
}

impl Wheel<'_> {
    /// Returns a file of the `.dist-info` directory. Of several with one name the
    /// last counts, as for zipfile and so for pip.
    fn described_in(&self, file: &str) -> Option<&Member> {
        let path = format!("{}/{file}", self.dist_info?);
        let members = self.archive.members().iter();
        members
            .rev()
            .find(|member| member.name().as_bytes() == path.as_bytes())
    }

    /// Reads such a file; says so when it is not there. What is wrong with its
    /// data is told where all members are read.
    fn description(&mut self, file: &str, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let Some(directory) = self.dist_info else {
            return Ok(None);
        };
        let Some(member) = self.described_in(file) else {
            let fault = Fault::new(FaultKind::DescriptionMissing);
            self.faults
                .push(fault.member(format!("{directory}/{file}")));
            return Ok(None);
        };
        let fault = match self.archive.contents(member, limit) {
            Ok(contents) => return Ok(Some(contents)),
            Err(error @ ZipError::LargerThanAsked { .. }) => fault_of(error, Some(member))?,
            Err(ZipError::Io(error)) => return Err(error),
            Err(_) => return Ok(None),
        };
        self.faults.push(fault);
        Ok(None)
    }

    fn descriptions(&mut self, filename: &WheelFilename) -> io::Result<()> {
        if let Some(contents) = self.description("METADATA", metadata::MAX_BYTES)? {
            let fields = Fields::parse(&contents);
            self.compare(
                "METADATA",
                FaultKind::MetadataMismatch,
                &fields,
                "Name",
                filename.project(),
                |name| filename.project().is_spelled(name),
            );
            self.compare(
                "METADATA",
                FaultKind::MetadataMismatch,
                &fields,
                "Version",
                filename.version(),
                |version| is_version(version, filename.version()),
            );
        }
        if let Some(contents) = self.description("WHEEL", metadata::MAX_BYTES)? {
            let fields = Fields::parse(&contents);
            self.compare(
                "WHEEL",
                FaultKind::VersionUnsupported,
                &fields,
                "Wheel-Version",
                "1.x",
                |version| version.split('.').next() == Some("1"),
            );
            self.tags(&fields, filename);
        }
        Ok(())
    }

    /// Says so when a field does not stand exactly once with the right value.
    fn compare(
        &mut self,
        file: &str,
        kind: FaultKind,
        fields: &Fields,
        field: &str,
        expected: impl std::fmt::Display,
        is_right: impl Fn(&str) -> bool,
    ) {
        if let Some(found) = metadata::mismatch(fields, field, is_right) {
            let fault = Fault::new(kind).expected(format!("{field}: {expected}"));
            self.push_described(file, fault.found(found));
        }
    }

    fn push_described(&mut self, file: &str, fault: Fault<FaultKind>) {
        let directory = self.dist_info.unwrap_or_default();
        self.faults
            .push(fault.member(format!("{directory}/{file}")));
    }

    fn tags(&mut self, fields: &Fields, filename: &WheelFilename) {
        let promised = expand(
            filename.python_tags(),
            filename.abi_tags(),
            filename.platform_tags(),
        );
        let stated = stated_tags(fields);
        if stated.is_none() || stated != promised {
            let list = |tags: Option<BTreeSet<String>>| match tags {
                Some(tags) if tags.is_empty() => "no tags".to_owned(),
                Some(tags) => tags.into_iter().collect::<Vec<_>>().join(", "),
                None => "tags that cannot be read, or too many".to_owned(),
            };
            let is_covered = match (&promised, &stated) {
                (Some(promised), Some(stated)) => {
                    !stated.is_empty() && promised.iter().all(|tag| is_stated(tag, stated))
                }
                _ => false,
            };
            let fault = Fault::new(match is_covered {
                true => FaultKind::TagsNarrowed,
                false => FaultKind::TagsMismatch,
            });
            self.push_described("WHEEL", fault.expected(list(promised)).found(list(stated)));
        }
        let builds: Vec<&str> = fields.all("Build").collect();
        if builds != filename.build_tag().as_slice() {
            let fault = Fault::new(FaultKind::BuildMismatch);
            let expected = filename.build_tag().unwrap_or("no build tag").to_owned();
            let found = match builds.as_slice() {
                [] => "no build tag".to_owned(),
                builds => builds.join(", "),
            };
            self.push_described("WHEEL", fault.expected(expected).found(found));
        }
        let purelib: Vec<&str> = fields.all("Root-Is-Purelib").collect();
        // Programs packed as data are pure by this field and bound to a platform
        // (pyinstaller, imageio-ffmpeg); compiled modules are bound to an ABI.
        let is_compiled = filename.abi_tags().iter().any(|tag| tag != "none");
        let agrees = match purelib.as_slice() {
            [value] if value.eq_ignore_ascii_case("true") => !is_compiled,
            [value] if value.eq_ignore_ascii_case("false") => !filename.is_pure(),
            _ => false,
        };
        if !agrees {
            let fault = Fault::new(FaultKind::PurelibMismatch);
            let expected = if is_compiled { "false" } else { "true" };
            let found = match purelib.as_slice() {
                [] => "no Root-Is-Purelib".to_owned(),
                values => format!("Root-Is-Purelib: {}", values.join(", ")),
            };
            let expected = format!("Root-Is-Purelib: {expected}, as the tags of the name promise");
            self.push_described("WHEEL", fault.expected(expected).found(found));
        }
    }

    fn record(&mut self) -> io::Result<Option<Record>> {
        let Some(contents) = self.description("RECORD", record::MAX_BYTES)? else {
            return Ok(None);
        };
        let Ok(text) = std::str::from_utf8(&contents) else {
            self.push_described(
                "RECORD",
                Fault::new(FaultKind::RecordMalformed).found("it is not UTF-8"),
            );
            return Ok(None);
        };
        let (rows, bad) = record::parse(text);
        for row in bad {
            let fault = Fault::new(FaultKind::RecordMalformed);
            self.push_described(
                "RECORD",
                fault.found(format!("line {}: {}", row.line, row.reason)),
            );
        }
        let mut by_path: HashMap<String, usize> = HashMap::with_capacity(rows.len());
        for (index, row) in rows.iter().enumerate() {
            if let Some(first) = by_path.get(&row.path) {
                let first = rows.get(*first).map_or(0, |row| row.line);
                self.faults.push(
                    Fault::new(FaultKind::RecordRepeated)
                        .member(&row.path)
                        .found(format!("lines {first} and {} of RECORD", row.line)),
                );
            } else {
                by_path.insert(row.path.clone(), index);
            }
        }
        Ok(Some(Record { rows, by_path }))
    }

    /// Reads every member and holds it against RECORD.
    fn members(
        &mut self,
        record: &Option<Record>,
        cancel: &Cancel,
        read: &(dyn Fn(u64) + Sync),
    ) -> io::Result<()> {
        let (archive, dist_info) = (self.archive, self.dist_info);
        // The largest first, so that none of them is left to one core at the end.
        let mut members: Vec<(usize, &Member)> = archive.members().iter().enumerate().collect();
        members
            .sort_by_key(|(place, member)| (Reverse(member.central().uncompressed_size), *place));
        let mut found: Vec<(usize, Vec<Fault<FaultKind>>)> = members
            .into_par_iter()
            .with_max_len(1)
            .map(|(place, member)| {
                let row = record.as_ref().map(|record| record.row(member));
                let is_exempt = is_exempt(member, dist_info);
                let faults = check_member(archive, member, row, is_exempt, cancel, read)?;
                Ok((place, faults))
            })
            .filter(|checked| !matches!(checked, Ok((_, faults)) if faults.is_empty()))
            .collect::<io::Result<_>>()?;
        found.sort_by_key(|(place, _)| *place);
        for fault in found.into_iter().flat_map(|(_, faults)| faults) {
            self.faults.push(fault);
        }
        let Some(record) = record else {
            return Ok(());
        };
        let names: BTreeSet<&[u8]> = archive
            .members()
            .iter()
            .map(|member| member.name().as_bytes())
            .collect();
        for row in &record.rows {
            if !names.contains(row.path.as_bytes()) {
                self.faults.push(
                    Fault::new(FaultKind::RecordMissing)
                        .member(&row.path)
                        .expected(format!("a member, as line {} of RECORD says", row.line))
                        .found("none"),
                );
            }
        }
        Ok(())
    }
}

impl Record {
    fn row(&self, member: &Member) -> Option<&Row> {
        let index = self.by_path.get(member.name().as_str()?)?;
        self.rows.get(*index)
    }
}

/// Returns whether RECORD need not list a member, or not with a digest: itself,
/// its signatures, and directories.
fn is_exempt(member: &Member, dist_info: Option<&str>) -> bool {
    let in_dist_info = || {
        let name = member.name().as_str()?;
        name.strip_prefix(dist_info?)?.strip_prefix('/')
    };
    member.central().is_directory()
        || in_dist_info().is_some_and(|file| ["RECORD", "RECORD.jws", "RECORD.p7s"].contains(&file))
}

/// Reads a member to its end. `row` is what RECORD says of it, when there is a
/// RECORD.
fn check_member(
    archive: &Archive<'_>,
    member: &Member,
    row: Option<Option<&Row>>,
    is_exempt: bool,
    cancel: &Cancel,
    read: &(dyn Fn(u64) + Sync),
) -> io::Result<Vec<Fault<FaultKind>>> {
    let mut faults = Vec::new();
    // Most members are small, and clearing room that nothing fills takes time.
    let declared = usize::try_from(member.central().uncompressed_size).unwrap_or(READ_SIZE);
    let mut buffer = vec![0; declared.clamp(1, READ_SIZE)];
    let stated = row.flatten().map(|row| &row.digest);
    let mut hasher = match stated {
        Some(StatedDigest::Strong(algorithm, _)) => Some(algorithm.hasher()),
        _ => None,
    };
    let mut size = 0u64;
    let mut contents = || -> Result<u64, ZipError> {
        let mut reader = archive.reader(member)?;
        loop {
            cancel.check().map_err(ZipError::Io)?;
            let count = reader.read_piece(&mut buffer)?;
            if count == 0 {
                return Ok(reader.excess());
            }
            read(count as u64);
            size = size.saturating_add(count as u64);
            if let Some(hasher) = &mut hasher {
                hasher.update(buffer.get(..count).unwrap_or_default());
            }
        }
    };
    match contents() {
        Ok(0) => {}
        Ok(excess) => faults.push(
            Fault::new(FaultKind::Archive(archive::FaultKind::HiddenData))
                .member(member.name())
                .found(format!(
                    "{} behind the end of the compressed data",
                    counted(excess, "byte", "bytes")
                )),
        ),
        Err(error) => {
            // Not even the size is known then.
            faults.push(fault_of(error, Some(member))?);
            return Ok(faults);
        }
    }
    let fault = |kind| Fault::new(kind).member(member.name());
    match row {
        None => {}
        Some(None) if is_exempt => {}
        Some(None) => faults.push(
            fault(FaultKind::RecordUnlisted)
                .expected("a row in RECORD")
                .found("none"),
        ),
        Some(Some(row)) => {
            match (&row.digest, hasher) {
                (StatedDigest::Strong(algorithm, value), Some(hasher)) => {
                    let found = base64(&hasher.finish());
                    if found != *value {
                        let name = algorithm.name();
                        faults.push(
                            fault(FaultKind::RecordMismatch)
                                .expected(format!(
                                    "{name}={value}, as line {} of RECORD says",
                                    row.line
                                ))
                                .found(format!("{name}={found}")),
                        );
                    }
                }
                (StatedDigest::None, _) if is_exempt => {}
                (digest, _) => faults.push(
                    fault(FaultKind::RecordWeakHash)
                        .expected("a digest with sha256, sha384 or sha512")
                        .found(match digest {
                            StatedDigest::Other(text) => text.as_str(),
                            _ => "no digest",
                        }),
                ),
            }
            if !row.size.is_empty() && row.size.parse() != Ok(size) {
                faults.push(
                    fault(FaultKind::RecordMismatch)
                        .expected(format!(
                            "{} {}, as line {} of RECORD says",
                            row.size,
                            if row.size == "1" { "byte" } else { "bytes" },
                            row.line
                        ))
                        .found(counted(size, "byte", "bytes")),
                );
            }
        }
    }
    Ok(faults)
}

/// Returns every combination of the tags, as WHEEL lists them; `None` when there
/// are too many.
fn expand<T: AsRef<str>>(python: &[T], abi: &[T], platform: &[T]) -> Option<BTreeSet<String>> {
    if python
        .len()
        .saturating_mul(abi.len())
        .saturating_mul(platform.len())
        > MAX_TAGS
    {
        return None;
    }
    let mut tags = BTreeSet::new();
    for python in python {
        for abi in abi {
            for platform in platform {
                let tag = format!("{}-{}-{}", python.as_ref(), abi.as_ref(), platform.as_ref());
                tags.insert(tag.to_ascii_lowercase());
            }
        }
    }
    Some(tags)
}

/// Returns whether a tag is among the stated ones, itself or for any platform.
fn is_stated(tag: &str, stated: &BTreeSet<String>) -> bool {
    let for_any = tag
        .rsplit_once('-')
        .map(|(before, _)| format!("{before}-any"));
    stated.contains(tag) || for_any.is_some_and(|tag| stated.contains(&tag))
}

/// Returns the tags that WHEEL states. A line may hold several, joined with dots
/// as in file names.
fn stated_tags(fields: &Fields) -> Option<BTreeSet<String>> {
    let mut tags = BTreeSet::new();
    for line in fields.all("Tag") {
        let parts: Vec<Vec<&str>> = line
            .split('-')
            .map(|part| part.split('.').collect())
            .collect();
        let [python, abi, platform] = parts.as_slice() else {
            return None;
        };
        tags.extend(expand(python, abi, platform)?);
        if tags.len() > MAX_TAGS {
            return None;
        }
    }
    Some(tags)
}

#[cfg(test)]
mod tests;
