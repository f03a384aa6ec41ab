//! Whether a wheel is what its name and its RECORD say.
//!
//! In: an open file with the name of a wheel. Out: every [`Fault`], or that the
//! file could not be read. Each member is read once, piece by piece, on all
//! cores; what is held in memory are the headers, RECORD and the descriptions.

mod described;
mod listed;

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fs::File;
use std::io;

use rayon::prelude::*;

use super::entry_points::{self, Script};
use super::fault::FaultKind;
use super::record::{self, Row, StatedDigest};
use super::{DIST_INFO, dist_info_of, installed, is_named_for};
use crate::archive::zip::{self, Archive, Member, ZipError};
use crate::archive::{self, Fault, Faults, Limits};
use crate::cancel::Cancel;
use crate::count::counted;
use crate::digest::{READ_SIZE, base64};
use crate::filename::WheelFilename;
use listed::{HexDigests, Record};

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
    let generator = wheel.descriptions(filename)?;
    let names: Vec<&str> = archive
        .members()
        .iter()
        .filter_map(|member| member.name().as_str())
        .collect();
    let scripts = wheel.scripts()?;
    installed::check(&names, &scripts, filename, &mut wheel.faults);
    let record = wheel.record()?;
    let hexadecimal = wheel.members(&record, cancel, read)?;
    let path = format!("{}/RECORD", dist_info.as_deref().unwrap_or_default());
    let told = hexadecimal.fault(&path, generator.as_deref());
    wheel.faults.extend(told);
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

    /// Returns the programs that installers generate, when the wheel has a file that
    /// lists them.
    fn scripts(&mut self) -> io::Result<Vec<Script>> {
        const FILE: &str = "entry_points.txt";
        if self.described_in(FILE).is_none() {
            return Ok(Vec::new());
        }
        let Some(contents) = self.description(FILE, entry_points::MAX_BYTES)? else {
            return Ok(Vec::new());
        };
        let path = format!("{}/{FILE}", self.dist_info.unwrap_or_default());
        Ok(entry_points::read(&contents, &path, &mut self.faults))
    }

    fn push_described(&mut self, file: &str, fault: Fault<FaultKind>) {
        let directory = self.dist_info.unwrap_or_default();
        self.faults
            .push(fault.member(format!("{directory}/{file}")));
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
        let path = format!("{}/RECORD", self.dist_info.unwrap_or_default());
        let record = Record::new(text, &path, self.archive, &mut self.faults);
        Ok(Some(record))
    }

    /// Reads every member and holds it against RECORD. Returns the rows whose right
    /// digest is written in hexadecimal digits.
    fn members(
        &mut self,
        record: &Option<Record>,
        cancel: &Cancel,
        read: &(dyn Fn(u64) + Sync),
    ) -> io::Result<HexDigests> {
        let (archive, dist_info) = (self.archive, self.dist_info);
        // The largest first, so that none of them is left to one core at the end.
        let mut members: Vec<(usize, &Member)> = archive.members().iter().enumerate().collect();
        members
            .sort_by_key(|(place, member)| (Reverse(member.central().uncompressed_size), *place));
        let mut found: Vec<(usize, Checked)> = members
            .into_par_iter()
            .with_max_len(1)
            .map(|(place, member)| {
                let row = record.as_ref().map(|record| record.row(member));
                let is_exempt = is_exempt(member, dist_info);
                let contents = read_to_end(archive, member, row.flatten(), cancel, read)?;
                Ok((place, held_against(member, row, is_exempt, contents)))
            })
            .filter(|checked| !matches!(checked, Ok((_, checked)) if checked.is_well()))
            .collect::<io::Result<_>>()?;
        found.sort_by_key(|(place, _)| *place);
        let mut hexadecimal = HexDigests::default();
        for (_, checked) in found {
            self.faults.extend(checked.faults);
            if let Some(line) = checked.hexadecimal {
                hexadecimal.add(line);
            }
        }
        Ok(hexadecimal)
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

/// A member that was read to its end.
#[derive(Default)]
struct Contents {
    faults: Vec<Fault<FaultKind>>,
    /// Its size in bytes, and its digest by the algorithm that RECORD names; `None`
    /// when it could not be read.
    read: Option<(u64, Option<Vec<u8>>)>,
}

/// Reads a member to its end. `row` is what RECORD says of it.
fn read_to_end(
    archive: &Archive<'_>,
    member: &Member,
    row: Option<&Row>,
    cancel: &Cancel,
    read: &(dyn Fn(u64) + Sync),
) -> io::Result<Contents> {
    let mut faults = Vec::new();
    // Most members are small, and clearing room that nothing fills takes time.
    let declared = usize::try_from(member.central().uncompressed_size).unwrap_or(READ_SIZE);
    let mut buffer = vec![0; declared.clamp(1, READ_SIZE)];
    let stated = row.and_then(listed::strong);
    let mut hasher = stated.map(|(algorithm, _)| algorithm.hasher());
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
            return Ok(Contents { faults, read: None });
        }
    }
    let digest = hasher.map(|hasher| hasher.finish());
    Ok(Contents {
        faults,
        read: Some((size, digest)),
    })
}

/// What came of a member.
struct Checked {
    faults: Vec<Fault<FaultKind>>,
    /// The line of its row, when the right digest stands there in hexadecimal digits.
    hexadecimal: Option<u64>,
}

impl Checked {
    fn is_well(&self) -> bool {
        self.faults.is_empty() && self.hexadecimal.is_none()
    }
}

/// Holds a member against what RECORD says of it, when there is a RECORD.
fn held_against(
    member: &Member,
    row: Option<Option<&Row>>,
    is_exempt: bool,
    contents: Contents,
) -> Checked {
    let mut checked = Checked {
        faults: contents.faults,
        hexadecimal: None,
    };
    let Some((size, digest)) = contents.read else {
        return checked;
    };
    let fault = |kind| Fault::new(kind).member(member.name());
    let row = match row {
        Some(Some(row)) => row,
        Some(None) if !is_exempt => {
            let fault = fault(FaultKind::RecordUnlisted);
            let fault = fault.expected("a row in RECORD").found("none");
            checked.faults.push(fault);
            return checked;
        }
        _ => return checked,
    };
    match (&row.digest, digest) {
        (StatedDigest::Strong(algorithm, value), Some(digest)) => {
            let (name, found) = (algorithm.name(), base64(&digest));
            if listed::is_hexadecimal_of(value, &digest) {
                checked.hexadecimal = Some(row.line);
            } else if found != *value {
                let says = format!("{name}={value}, as line {} of RECORD says", row.line);
                let fault = fault(FaultKind::RecordMismatch).expected(says);
                checked.faults.push(fault.found(format!("{name}={found}")));
            }
        }
        (StatedDigest::None, _) if is_exempt => {}
        (digest, _) => checked.faults.push(
            fault(FaultKind::RecordWeakHash)
                .expected("a digest with sha256, sha384 or sha512")
                .found(match digest {
                    StatedDigest::Other(text) => text.as_str(),
                    _ => "no digest",
                }),
        ),
    }
    if !row.size.is_empty() && row.size.parse() != Ok(size) {
        let noun = if row.size == "1" { "byte" } else { "bytes" };
        let says = format!("{} {noun}, as line {} of RECORD says", row.size, row.line);
        let fault = fault(FaultKind::RecordMismatch).expected(says);
        checked
            .faults
            .push(fault.found(counted(size, "byte", "bytes")));
    }
    checked
}

#[cfg(test)]
mod tests;
