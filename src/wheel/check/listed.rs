//! RECORD held against the members.
//!
//! In: the rows of RECORD and the names of the members. Out: which row is whose, and
//! a [`Fault`] for each oddity of the rows. What the rows say of the contents is held
//! against them where the members are read.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use super::super::fault::FaultKind;
use super::super::record::{self, Row, StatedDigest};
use crate::archive::zip::{Archive, Member};
use crate::archive::{Fault, Faults};
use crate::count::counted;

/// RECORD as far as it could be read.
pub(super) struct Record {
    rows: Vec<Row>,
    /// The number of the row for each path; the first, where there are several.
    by_path: HashMap<String, usize>,
}

/// How a path of RECORD is written that is the name of a member in another form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum PathForm {
    /// With a slash before it.
    Absolute,
    /// With backslashes, or with `.` as a directory.
    Other,
}

/// Rows with one oddity: how many, and the first of them.
#[derive(Default)]
struct Rows<'a> {
    count: u64,
    first: Option<&'a Row>,
}

impl<'a> Rows<'a> {
    fn add(&mut self, row: &'a Row) {
        self.count = self.count.saturating_add(1);
        self.first.get_or_insert(row);
    }

    /// Returns the one fault that tells of them.
    fn fault(&self, kind: FaultKind, path: &str, expected: &str) -> Option<Fault<FaultKind>> {
        let first = self.first?;
        let rows = counted(self.count, "row", "rows");
        let fault = Fault::new(kind).member(path).expected(expected);
        Some(fault.found(format!(
            "{rows}, the first on line {}: '{}'",
            first.line, first.path
        )))
    }
}

impl Record {
    /// Reads RECORD, whose path in the wheel is `path`, and tells what is odd about
    /// its rows.
    pub(super) fn new(
        text: &str,
        path: &str,
        archive: &Archive<'_>,
        faults: &mut Faults<FaultKind>,
    ) -> Self {
        let record::Lines { rows, bad, blank } = record::parse(text);
        faults.extend(bad.iter().map(|row| {
            Fault::new(FaultKind::RecordMalformed)
                .member(path)
                .found(format!("line {}: {}", row.line, row.reason))
        }));
        if let Some(first) = blank.first() {
            let lines = counted(blank.len() as u64, "empty line", "empty lines");
            faults.push(
                Fault::new(FaultKind::RecordBlankLine)
                    .member(path)
                    .expected("a row on every line")
                    .found(format!("{lines}, the first is line {first}")),
            );
        }
        let names: HashSet<&str> = archive
            .members()
            .iter()
            .filter_map(|member| member.name().as_str())
            .collect();
        let by_path = by_path(&rows, path, &names, faults);
        let record = Self { rows, by_path };
        record.without_member(path, &names, faults);
        record
    }

    /// Returns what is said of a member.
    pub(super) fn row(&self, member: &Member) -> Option<&Row> {
        let index = self.by_path.get(member.name().as_str()?)?;
        self.rows.get(*index)
    }

    /// Tells the rows of which there is no member: those of directories, which name
    /// nothing that could be missing, and the others.
    fn without_member(&self, path: &str, names: &HashSet<&str>, faults: &mut Faults<FaultKind>) {
        let is_directory = |row: &Row| row.path.ends_with('/') && names.contains(&*row.path);
        let mut missing: Vec<&Row> = (self.by_path.iter())
            .filter(|(path, _)| path.ends_with('/') || !names.contains(&***path))
            .filter_map(|(_, index)| self.rows.get(*index))
            .collect();
        missing.sort_by_key(|row| row.line);
        if missing.is_empty() {
            return;
        }
        let ancestors: HashSet<&str> = (names.iter())
            .flat_map(|name| name.match_indices('/').filter_map(|(at, _)| name.get(..at)))
            .collect();
        let mut directories = Rows::default();
        for row in missing {
            let plain = plain(&row.path);
            let is_ancestor = ancestors.contains(plain.trim_end_matches('/'));
            if is_ancestor || is_directory(row) {
                directories.add(row);
                continue;
            }
            faults.push(
                Fault::new(FaultKind::RecordMissing)
                    .member(&row.path)
                    .expected(format!("a member, as line {} of RECORD says", row.line))
                    .found("none"),
            );
        }
        let expected = "rows of files";
        faults.extend(directories.fault(FaultKind::RecordDirectory, path, expected));
    }
}

/// Returns which row is whose, and tells the odd ones.
fn by_path(
    rows: &[Row],
    path: &str,
    names: &HashSet<&str>,
    faults: &mut Faults<FaultKind>,
) -> HashMap<String, usize> {
    let mut by_path: HashMap<String, usize> = HashMap::with_capacity(rows.len());
    let [mut absolute, mut other, mut unquoted] = [const {
        Rows {
            count: 0,
            first: None,
        }
    }; 3];
    for (index, row) in rows.iter().enumerate() {
        let name = match names.contains(&*row.path) {
            true => row.path.clone(),
            false => {
                let plain = plain(&row.path);
                let is_member = plain != row.path && names.contains(&*plain);
                match is_member.then(|| form(&row.path)) {
                    Some(PathForm::Absolute) => absolute.add(row),
                    Some(PathForm::Other) => other.add(row),
                    None => {}
                }
                if is_member { plain } else { row.path.clone() }
            }
        };
        if row.is_unquoted {
            unquoted.add(row);
        }
        match by_path.entry(name) {
            Entry::Vacant(place) => {
                place.insert(index);
            }
            Entry::Occupied(place) => {
                if let Some(first) = rows.get(*place.get()) {
                    faults.push(repeated(place.key(), first, row));
                }
            }
        }
    }
    let expected = "paths as the members have them, relative and with '/'";
    for (kind, rows, expected) in [
        (FaultKind::RecordPathAbsolute, absolute, expected),
        (FaultKind::RecordPathForm, other, expected),
        (
            FaultKind::RecordUnquotedComma,
            unquoted,
            "quotes around a path with commas, as CSV has it",
        ),
    ] {
        faults.extend(rows.fault(kind, path, expected));
    }
    by_path
}

fn repeated(name: &str, first: &Row, second: &Row) -> Fault<FaultKind> {
    let is_alike = first.digest == second.digest && first.size == second.size;
    Fault::new(match is_alike {
        true => FaultKind::RecordRepeatedAlike,
        false => FaultKind::RecordRepeated,
    })
    .member(name)
    .found(format!(
        "lines {} and {} of RECORD",
        first.line, second.line
    ))
}

fn form(path: &str) -> PathForm {
    match path.starts_with(['/', '\\']) {
        true => PathForm::Absolute,
        false => PathForm::Other,
    }
}

/// Returns a path with `/` between its parts, nothing before the first, and without
/// parts that name nothing. `..` is kept: nobody resolves it.
fn plain(path: &str) -> String {
    let is_directory = path.ends_with(['/', '\\']);
    let parts: Vec<&str> = path
        .split(['/', '\\'])
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    let end = if is_directory { "/" } else { "" };
    parts.join("/") + end
}

/// Members whose digest in RECORD is the right one, in hexadecimal digits.
#[derive(Default)]
pub(super) struct HexDigests {
    /// How many there are.
    pub(super) count: u64,
    /// The line of the first row.
    first: u64,
}

impl HexDigests {
    /// Adds a row.
    pub(super) fn add(&mut self, line: u64) {
        self.first = match self.count {
            0 => line,
            _ => self.first.min(line),
        };
        self.count = self.count.saturating_add(1);
    }

    /// Returns the one fault that tells of them, with the program that wrote the
    /// wheel.
    pub(super) fn fault(&self, path: &str, generator: Option<&str>) -> Option<Fault<FaultKind>> {
        let writer = generator.map(|name| format!("; Generator: {name}"));
        (self.count > 0).then(|| {
            Fault::new(FaultKind::RecordHexDigest)
                .member(path)
                .expected("digests in base64 without padding")
                .found(format!(
                    "the right digests in hexadecimal digits in {}, the first on line {}{}",
                    counted(self.count, "row", "rows"),
                    self.first,
                    writer.unwrap_or_default()
                ))
        })
    }
}

/// Returns whether a digest as RECORD states it is this one in hexadecimal digits.
pub(super) fn is_hexadecimal_of(stated: &str, digest: &[u8]) -> bool {
    stated.len() == digest.len() * 2
        && stated
            .as_bytes()
            .chunks(2)
            .zip(digest)
            .all(|(pair, byte)| format!("{byte:02x}").as_bytes().eq_ignore_ascii_case(pair))
}

/// Returns the digest of a row when it can be relied on.
pub(super) fn strong(row: &Row) -> Option<(crate::digest::Algorithm, &str)> {
    match &row.digest {
        StatedDigest::Strong(algorithm, value) => Some((*algorithm, value)),
        StatedDigest::None | StatedDigest::Other(_) => None,
    }
}
