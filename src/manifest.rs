//! The list of digests that was signed.
//!
//! In: an [`Authenticated`] manifest, nothing else. Out: its entries, every name a
//! [`RelPath`], and a fault for each line that is neither entry nor comment.
//! Whether the files are there is not asked here.

mod canonical;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;
use std::path::Path;

use pep440_rs::Version;

use crate::digest::{ParseDigestError, Sha256Digest};
use crate::filename::{SdistFilename, WheelFilename};
use crate::input::{self, InputError};
use crate::openpgp::Authenticated;
use crate::policy::{Lines, Tolerance, WheelhouseName, WheelhouseNameError};
use crate::relpath::{self, RelPath, RelPathError, spelled_out};

pub use canonical::{Unsigned, canonical, comments, twins};

/// The most bytes a manifest may have.
const MAX_BYTES: u64 = 128 << 20;

/// The most entries a manifest may have: ten times as many as the largest in use. An
/// entry takes several times its bytes in memory; comments and lines that are none
/// take nothing.
const MAX_ENTRIES: usize = 1_000_000;

/// The fewest bytes an entry has: a digest, two characters and a name.
const ENTRY_BYTES: usize = 67;

/// How many faults are kept; a file that is no manifest at all has one a line.
const MAX_FAULTS: usize = 100;

/// What a comment begins with that states the project. `sha256sum --check` passes
/// over it like over any comment.
pub const PROJECT: &str = "# wheelproof: project=";

/// One signed line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The digest that the file has to have.
    pub sha256: Sha256Digest,
    /// The line it stands on, counted from 1.
    pub line: u64,
}

/// The entries of a signed manifest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manifest {
    entries: BTreeMap<RelPath, Entry>,
    project: Option<WheelhouseName>,
}

/// A line that breaks the format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line, counted from 1.
    pub line: u64,
    /// What is wrong with it.
    pub kind: FaultKind,
    /// The name that it would list if it were written as it should be. Nothing is
    /// verified by it: it says which other findings may come from this line.
    pub meant: Option<RelPath>,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    /// The line is not UTF-8.
    #[error("the line is not UTF-8")]
    NotUtf8,
    /// The file starts with a byte order mark.
    #[error("the manifest begins with a byte order mark")]
    ByteOrderMark,
    /// The line holds a NUL byte.
    #[error("the line holds a NUL byte")]
    Nul,
    /// The line ends with CR LF, and the policy does not allow that.
    #[error("the line ends in CR LF, as files from Windows do")]
    CarriageReturn,
    /// The line does not start with a digest.
    #[error("{0}")]
    Digest(#[from] ParseDigestError),
    /// The line has everything an entry has, and blanks or tabs where none belong.
    #[error("{0}")]
    Form(LineForm),
    /// Nothing follows the digest.
    #[error("two spaces, or a space and '*', have to stand between digest and name")]
    Separator,
    /// The line names its algorithm, and it is another one.
    #[error("the line is for {}, and only SHA256 is read", .algorithm.escape_debug())]
    Algorithm {
        /// The algorithm.
        algorithm: String,
    },
    /// The line begins with the name of the algorithm and goes on otherwise.
    #[error("a line that begins with SHA256 has to be 'SHA256 (name) = digest'")]
    Tagged,
    /// The line is escaped, and an escape in its name means nothing.
    #[error("the line is escaped, and only \\\\, \\n and \\r are escapes: '{}'", .name.escape_debug())]
    Escape {
        /// The name as it stands there.
        name: String,
    },
    /// The name begins with `./`.
    #[error("the name begins with './'; written as '{}' it would be read", .plain.as_str().escape_debug())]
    DotSlash {
        /// The name without it.
        plain: RelPath,
    },
    /// The name is no plain relative path.
    #[error("{reason}: '{}'", .name.escape_debug())]
    Name {
        /// The name as it stands there.
        name: String,
        /// Why it is not a plain relative path.
        reason: RelPathError,
    },
    /// The name stands on an earlier line too.
    #[error("'{name}' stands on line {first} already, with {}", if *.same { "the same digest" } else { "another digest" })]
    Repeated {
        /// The name.
        name: RelPath,
        /// The earlier line.
        first: u64,
        /// Whether the digests are equal.
        same: bool,
    },
    /// The name differs from an earlier one in case, in the form of accents, or in the
    /// spelling of the project, and stands for the same file elsewhere.
    #[error("'{}' and '{}' on line {first} are the same file to others", spelled_out(.name.as_str()), spelled_out(.other.as_str()))]
    Twin {
        /// The name.
        name: RelPath,
        /// The earlier name.
        other: RelPath,
        /// The earlier line.
        first: u64,
    },
    /// A comment that would state the project holds no name.
    #[error("'{}' is no name of a project: {reason}", .name.escape_debug())]
    ProjectName {
        /// The text in the place of the name.
        name: String,
        /// Why it is none.
        reason: WheelhouseNameError,
    },
    /// The project is stated a second time.
    #[error("the project is stated already, as {first}")]
    ProjectRepeated {
        /// The first statement.
        first: WheelhouseName,
    },
    /// More faults than are worth reading.
    #[error("more lines are malformed; the rest is not listed")]
    More,
}

/// What is odd about a line that means what `sha256sum` writes in another form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LineForm {
    /// A comment does not begin the line.
    #[error(
        "a comment begins with '#' as the first character of its line, without blanks before it"
    )]
    IndentedComment,
    /// An entry does not begin the line.
    #[error(
        "an entry begins with its digest as the first character of its line, without blanks before it"
    )]
    IndentedEntry,
    /// A tab follows the digest.
    #[error("a tab stands between digest and name; write two spaces, as sha256sum does")]
    Tab,
    /// Only blanks stand on the line.
    #[error("only blanks stand on the line; leave it empty, or take it out")]
    Blanks,
}

/// Returns which odd form a line has.
fn form_of(line: &str) -> Option<LineForm> {
    let begins_with_digest = |text: &str| {
        text.get(..64)
            .is_some_and(|digest| digest.parse::<Sha256Digest>().is_ok())
    };
    let inner = line.trim_start_matches([' ', '\t']);
    match inner.len() < line.len() {
        true if inner.is_empty() => Some(LineForm::Blanks),
        true if inner.starts_with('#') => Some(LineForm::IndentedComment),
        true if begins_with_digest(inner) => Some(LineForm::IndentedEntry),
        true => None,
        false => {
            let after = line.get(64..).filter(|_| begins_with_digest(line))?;
            let gap = after.len() - after.trim_start_matches([' ', '\t', '*']).len();
            after.get(..gap)?.contains('\t').then_some(LineForm::Tab)
        }
    }
}

/// Returns the name that a refused line would list: what stands behind a digest of any
/// length, or in the parentheses of a tagged line.
fn meant_by(line: &[u8]) -> Option<RelPath> {
    let line = std::str::from_utf8(line).ok()?.trim();
    let name = match line
        .split_once(" (")
        .map(|(_, rest)| rest.rsplit_once(") = "))
    {
        Some(Some((name, _))) => name,
        _ => {
            let (digest, name) = line.split_once([' ', '\t'])?;
            let is_digest =
                digest.len() >= 32 && digest.bytes().all(|digit| digit.is_ascii_hexdigit());
            name.trim_start_matches([' ', '\t', '*'])
                .get(..)
                .filter(|_| is_digest)?
        }
    };
    RelPath::parse(without_dots(name)).ok()
}

/// Returns a name without `./` before it.
fn without_dots(name: &str) -> &str {
    let mut plain = name;
    while let Some(rest) = plain.strip_prefix("./") {
        plain = rest.trim_start_matches('/');
    }
    plain
}

/// Reads the file of a manifest, within limits. Nobody has vouched for it yet.
///
/// # Errors
///
/// It is not there, no regular file, too large, or unreadable.
pub fn read(path: &Path) -> Result<Vec<u8>, InputError> {
    let bytes = input::read(path, MAX_BYTES)?;
    if has_more_than(MAX_ENTRIES, &bytes) {
        return Err(InputError::TooLarge {
            path: path.to_owned(),
            limit: MAX_ENTRIES as u64,
            unit: "entries",
        });
    }
    Ok(bytes)
}

/// Returns whether more lines than that could be entries.
fn has_more_than(most: usize, bytes: &[u8]) -> bool {
    bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| line.len() >= ENTRY_BYTES && !line.starts_with(b"#"))
        .nth(most)
        .is_some()
}

impl Manifest {
    /// Reads the lines that `sha256sum` writes: a digest, two spaces or a space
    /// and `*`, a name; or, with `--tag`, `SHA256 (name) = digest`. A backslash
    /// before either says that the name is escaped. Empty lines and lines that
    /// start with `#` are passed over, as `sha256sum --check` does.
    ///
    /// Faulty lines give no entry. All faults are returned, up to a hundred.
    pub fn parse(authenticated: &Authenticated, lines: Lines) -> (Self, Vec<Fault>) {
        let first = authenticated.lines_before() + 1;
        Self::parse_lines(authenticated.bytes(), first, lines)
    }

    fn parse_bytes(bytes: &[u8], lines: Lines) -> (Self, Vec<Fault>) {
        Self::parse_lines(bytes, 1, lines)
    }

    fn parse_lines(bytes: &[u8], first: u64, lines: Lines) -> (Self, Vec<Fault>) {
        let mut manifest = Self::default();
        let mut faults = Vec::new();
        let mut folded: BTreeMap<String, RelPath> = BTreeMap::new();
        let (bytes, has_mark) = match bytes.strip_prefix(b"\xef\xbb\xbf") {
            Some(rest) => (rest, true),
            None => (bytes, false),
        };
        if has_mark {
            faults.push(Fault {
                line: first,
                kind: FaultKind::ByteOrderMark,
                meant: None,
            });
        }
        for (line, bytes) in (first..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
            let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
            let added = parse_line(bytes, lines.crlf).and_then(|parsed| match parsed {
                Line::Entry(sha256, name) => {
                    manifest.add(&mut folded, name, Entry { sha256, line })
                }
                Line::Project(name) => manifest.state(name),
                Line::Nothing => Ok(()),
            });
            if let Err(kind) = added {
                if lines.repeated_names == Tolerance::Accept
                    && matches!(kind, FaultKind::Repeated { same: true, .. })
                {
                    continue;
                }
                if faults.len() == MAX_FAULTS {
                    faults.push(Fault {
                        line,
                        kind: FaultKind::More,
                        meant: None,
                    });
                    break;
                }
                let meant = meant_by(bytes);
                faults.push(Fault { line, kind, meant });
            }
        }
        (manifest, faults)
    }

    fn add(
        &mut self,
        folded: &mut BTreeMap<String, RelPath>,
        name: RelPath,
        entry: Entry,
    ) -> Result<(), FaultKind> {
        if let Some(earlier) = self.entries.get(&name) {
            return Err(FaultKind::Repeated {
                first: earlier.line,
                same: earlier.sha256 == entry.sha256,
                name,
            });
        }
        match folded.entry(twin_key(&name)) {
            Slot::Occupied(earlier) => {
                let other = earlier.get().clone();
                let first = self.entries.get(&other).map_or(0, |entry| entry.line);
                Err(FaultKind::Twin { name, other, first })
            }
            Slot::Vacant(slot) => {
                slot.insert(name.clone());
                self.entries.insert(name, entry);
                Ok(())
            }
        }
    }

    fn state(&mut self, project: WheelhouseName) -> Result<(), FaultKind> {
        match &self.project {
            // Even the same name: a list put together from two has two.
            Some(first) => Err(FaultKind::ProjectRepeated {
                first: first.clone(),
            }),
            None => {
                self.project = Some(project);
                Ok(())
            }
        }
    }

    /// Returns the project that the manifest states in a comment: the text after
    /// [`PROJECT`].
    pub fn project(&self) -> Option<&WheelhouseName> {
        self.project.as_ref()
    }

    /// Returns the entries, sorted by name.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = (&RelPath, &Entry)> {
        self.entries.iter()
    }

    /// Returns the entry with this name.
    pub fn get(&self, name: &RelPath) -> Option<&Entry> {
        self.entries.get(name)
    }

    /// Returns whether no line lists a file.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// What a line says.
enum Line {
    /// The digest of a file.
    Entry(Sha256Digest, RelPath),
    /// The project that the manifest belongs to.
    Project(WheelhouseName),
    /// Nothing.
    Nothing,
}

fn parse_line(bytes: &[u8], crlf: Tolerance) -> Result<Line, FaultKind> {
    if bytes.contains(&0) {
        return Err(FaultKind::Nul);
    }
    // One CR only: a second one would belong to a name, which is not plain then.
    let bytes = match (bytes.strip_suffix(b"\r"), crlf) {
        (Some(line), Tolerance::Accept) => line,
        (Some(_), Tolerance::Refuse) => return Err(FaultKind::CarriageReturn),
        (None, _) => bytes,
    };
    let line = std::str::from_utf8(bytes).map_err(|_| FaultKind::NotUtf8)?;
    if let Some(name) = line.strip_prefix(PROJECT) {
        return match name.parse() {
            Ok(name) => Ok(Line::Project(name)),
            Err(reason) => Err(FaultKind::ProjectName {
                name: name.to_owned(),
                reason,
            }),
        };
    }
    if line.is_empty() || line.starts_with('#') {
        return Ok(Line::Nothing);
    }
    if let Some(form) = form_of(line) {
        return Err(FaultKind::Form(form));
    }
    let (line, is_escaped) = match line.strip_prefix('\\') {
        Some(line) => (line, true),
        None => (line, false),
    };
    let (digest, name) = match line.split_once(' ') {
        // The name may hold ")", the digest cannot: the last one ends the name, as
        // it does for `sha256sum --check`.
        Some(("SHA256", rest)) => rest
            .strip_prefix('(')
            .and_then(|rest| rest.rsplit_once(") = "))
            .map(|(name, digest)| (digest, name))
            .ok_or(FaultKind::Tagged)?,
        Some((algorithm, rest)) if is_other_algorithm(algorithm, rest) => {
            let algorithm = algorithm.to_owned();
            return Err(FaultKind::Algorithm { algorithm });
        }
        split => {
            let (digest, rest) = split.unwrap_or((line, ""));
            // Judged first: a line of prose lacks a digest, not a separator.
            digest.parse::<Sha256Digest>()?;
            let name = rest.strip_prefix([' ', '*']);
            (digest, name.ok_or(FaultKind::Separator)?)
        }
    };
    let sha256 = digest.parse::<Sha256Digest>()?;
    let unescaped = match is_escaped {
        true => unescape(name).ok_or_else(|| FaultKind::Escape {
            name: name.to_owned(),
        })?,
        false => name.to_owned(),
    };
    match RelPath::parse(&unescaped) {
        Ok(name) => Ok(Line::Entry(sha256, name)),
        Err(reason) => Err(match RelPath::parse(without_dots(&unescaped)) {
            Ok(plain) if unescaped.starts_with("./") => FaultKind::DotSlash { plain },
            _ => FaultKind::Name {
                name: unescaped,
                reason,
            },
        }),
    }
}

/// Returns whether a line that begins with this word and goes on like this is one
/// that names its algorithm, as `sha512sum --tag` and `b2sum --tag` write it.
fn is_other_algorithm(word: &str, rest: &str) -> bool {
    rest.starts_with('(')
        && rest.contains(") = ")
        && word.starts_with(|first: char| first.is_ascii_uppercase())
        && word.len() < 32
        && word
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-/".contains(&byte))
}

/// Returns what an escaped name stands for, or nothing when an escape in it means
/// nothing. `sha256sum` writes a backslash, LF and CR in names in this way (GNU
/// coreutils manual, "cksum output modes").
fn unescape(name: &str) -> Option<String> {
    let mut plain = String::with_capacity(name.len());
    let mut characters = name.chars();
    while let Some(character) = characters.next() {
        plain.push(match character {
            '\\' => match characters.next()? {
                '\\' => '\\',
                'n' => '\n',
                'r' => '\r',
                _ => return None,
            },
            other => other,
        });
    }
    Some(plain)
}

/// Returns what names have in common that file systems or installers take for one
/// another.
pub fn twin_key(name: &RelPath) -> String {
    // First, because `.WHL` is an ending too where names are folded.
    let lower = relpath::twin_key(name.as_str()).into_owned();
    let file = lower.rsplit('/').next().unwrap_or(&lower);
    let folder = lower.strip_suffix(file).unwrap_or_default();
    // Installers compare projects by their normalised name and versions by their
    // value, so 2.0 and 2.00 are the same file to them.
    if let Ok(wheel) = WheelFilename::parse(file) {
        let tags = [wheel.python_tags(), wheel.abi_tags(), wheel.platform_tags()]
            .map(|tags| tags.join("."))
            .join("-");
        let build = wheel.build_tag().unwrap_or_default();
        return format!(
            "{folder}{}-{}-{build}-{tags}.whl",
            wheel.project(),
            trimmed(wheel.version())
        );
    }
    if let Ok(sdist) = SdistFilename::parse(file) {
        let ending = sdist.format().ending();
        let version = trimmed(sdist.version());
        return format!("{folder}{}-{version}{ending}", sdist.project());
    }
    lower
}

/// Returns a version without the zeros that do not count: 1.0 is 1.0.0 (PEP 440,
/// "Version specifiers", "Version matching").
fn trimmed(version: &Version) -> Version {
    let release = version.release();
    let length = release.iter().rposition(|part| *part != 0).unwrap_or(0) + 1;
    version
        .clone()
        .with_release(release.iter().take(length).copied())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Returns a manifest that lists these names.
    pub(crate) fn manifest_of(names: &[&str]) -> Manifest {
        let lines: String = names
            .iter()
            .map(|name| format!("{}  {name}\n", Sha256Digest::of(name.as_bytes())))
            .collect();
        Manifest::parse_bytes(lines.as_bytes(), Lines::default()).0
    }

    // Digests of "abc" and of nothing, from FIPS 180-4 and `sha256sum </dev/null`.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn only_lines_that_could_be_entries_count_as_such() {
        // The shortest one is a digest, two separators and a name of one character.
        let shortest = format!("{ABC}  a\n");
        let others = format!("#{ABC}  a\n{ABC}  \n\n");
        for (text, count) in [
            (String::new(), 0),
            (others.clone(), 0),
            (shortest.clone(), 1),
            (format!("{others}{shortest}{others}{ABC} *bc"), 2),
        ] {
            assert!(!has_more_than(count, text.as_bytes()), "{text}");
            if let Some(fewer) = count.checked_sub(1) {
                assert!(has_more_than(fewer, text.as_bytes()), "{text}");
            }
        }
    }

    type Parsed = (Vec<(String, String, u64)>, Vec<(u64, FaultKind)>);

    fn parse(text: &str) -> Parsed {
        parse_with(text, Lines::default())
    }

    fn parse_with(text: &str, lines: Lines) -> Parsed {
        let (manifest, faults) = Manifest::parse_bytes(text.as_bytes(), lines);
        (
            manifest
                .entries()
                .map(|(name, entry)| (name.to_string(), entry.sha256.to_string(), entry.line))
                .collect(),
            faults
                .into_iter()
                .map(|fault| (fault.line, fault.kind))
                .collect(),
        )
    }

    #[test]
    fn every_form_that_sha256sum_reads_is_read() {
        let upper = EMPTY.to_uppercase();
        let text = format!("# comment\n\n{ABC}  b.whl\n{upper} *a b.whl\n{ABC}   spaced");
        let (entries, faults) = parse(&text);
        assert_eq!(faults, []);
        assert_eq!(
            entries,
            [
                (" spaced".to_owned(), ABC.to_owned(), 5),
                ("a b.whl".to_owned(), EMPTY.to_owned(), 4),
                ("b.whl".to_owned(), ABC.to_owned(), 3),
            ]
        );
    }

    #[test]
    fn each_broken_line_is_told_and_the_others_are_kept() {
        let text = format!(
            "{ABC}  good\nno digest here\n{ABC} one-space\n{ABC}\n{}  short\n\
             \\{ABC}  a\\nb\n{ABC}  ../up\n{ABC}  crlf\r\n{EMPTY}  good\n{ABC}  good\n{ABC}  last\n",
            &ABC[1..]
        );
        let (entries, faults) = parse(&text);
        let names: Vec<_> = entries.iter().map(|(name, _, _)| name.as_str()).collect();
        assert_eq!(names, ["good", "last"]);
        let good = RelPath::parse("good").unwrap();
        assert_eq!(
            faults,
            [
                (2, FaultKind::Digest(ParseDigestError::Length(2))),
                (3, FaultKind::Separator),
                (4, FaultKind::Separator),
                (5, FaultKind::Digest(ParseDigestError::Length(63))),
                (
                    6,
                    FaultKind::Name {
                        name: "a\nb".to_owned(),
                        reason: RelPathError::Control
                    }
                ),
                (
                    7,
                    FaultKind::Name {
                        name: "../up".to_owned(),
                        reason: RelPathError::Climbs
                    }
                ),
                (8, FaultKind::CarriageReturn),
                (
                    9,
                    FaultKind::Repeated {
                        name: good.clone(),
                        first: 1,
                        same: false
                    }
                ),
                (
                    10,
                    FaultKind::Repeated {
                        name: good,
                        first: 1,
                        same: true
                    }
                ),
            ]
        );
    }

    #[test]
    fn lines_that_name_their_algorithm_are_read_when_it_is_sha256() {
        let (entries, faults) = parse(&format!(
            "SHA256 (a.whl) = {ABC}\nSHA256 (b) = (c)) = {EMPTY}\n\\SHA256 (plain) = {ABC}\n"
        ));
        assert_eq!(faults, []);
        let names: Vec<_> = entries.iter().map(|(name, _, _)| name.as_str()).collect();
        assert_eq!(names, ["a.whl", "b) = (c)", "plain"]);
        for (line, says) in [
            (format!("SHA512 (a) = {ABC}"), "SHA512"),
            (format!("MD5 (a) = {}", &ABC[..32]), "MD5"),
            (format!("SHA512/256 (a) = {ABC}"), "SHA512/256"),
            (format!("BLAKE2b-256 (a) = {ABC}"), "BLAKE2b-256"),
            (format!("SHA256(a)= {ABC}"), "10 characters"),
            // Prose that looks a little like it.
            ("SHA512 (a".to_owned(), "6 characters"),
            ("NOTE that b) = c".to_owned(), "4 characters"),
            (format!("{} (a) = {ABC}", "A".repeat(31)), "line is for"),
            (format!("{} (a) = {ABC}", "A".repeat(32)), "32 characters"),
            (format!("SHA256 a = {ABC}"), "SHA256 (name) = digest"),
            (format!("SHA256 (a) {ABC}"), "SHA256 (name) = digest"),
            (format!("SHA256 (a) = {}", &ABC[1..]), "63"),
            (format!("SHA256 (a) = {ABC} "), "65"),
            (format!("SHA256 () = {ABC}"), "empty"),
            (format!("SHA256 (../a) = {ABC}"), "climbs"),
            (format!("sha256 (a) = {ABC}"), "6 characters"),
        ] {
            let (entries, faults) = parse(&line);
            assert_eq!((entries.len(), faults.len()), (0, 1), "{line}");
            let text = faults[0].1.to_string();
            assert!(text.contains(says), "{line}: {text}");
        }
    }

    #[test]
    fn an_escaped_name_is_judged_as_what_it_stands_for() {
        let (entries, faults) = parse(&format!("\\{ABC}  plain\n"));
        assert_eq!((entries.len(), faults.len()), (1, 0));
        for (name, stands_for, reason) in [
            ("a\\nb", "a\nb", RelPathError::Control),
            ("a\\rb", "a\rb", RelPathError::Control),
            ("a\\\\b", "a\\b", RelPathError::Backslash),
            // The escaped backslash is no start of another escape.
            ("a\\\\nb", "a\\nb", RelPathError::Backslash),
        ] {
            let name_fault = FaultKind::Name {
                name: stands_for.to_owned(),
                reason,
            };
            for line in [
                format!("\\{ABC}  {name}\n"),
                format!("\\SHA256 ({name}) = {ABC}\n"),
            ] {
                assert_eq!(parse(&line).1, [(1, name_fault.clone())], "{line}");
            }
        }
        for name in ["a\\tb", "a\\", "\\x41"] {
            let fault = FaultKind::Escape {
                name: name.to_owned(),
            };
            assert_eq!(parse(&format!("\\{ABC}  {name}\n")).1, [(1, fault)]);
        }
    }

    #[test]
    fn crlf_line_ends_are_read_only_where_the_policy_allows_them() {
        let text = format!("# comment\r\n\r\n{ABC}  a\r\nSHA256 (b) = {ABC}\r\n");
        let (entries, faults) = parse(&text);
        assert_eq!((entries.len(), faults.len()), (0, 4));
        let allowed = Lines {
            crlf: Tolerance::Accept,
            ..Lines::default()
        };
        let (entries, faults) = parse_with(&text, allowed);
        assert_eq!(faults, []);
        assert_eq!(entries.len(), 2);
        // A CR elsewhere is no line end.
        for line in [format!("{ABC}  a\r\r\n"), format!("{ABC}  a\rb\r\n")] {
            let (entries, faults) = parse_with(&line, allowed);
            assert_eq!((entries.len(), faults.len()), (0, 1), "{line:?}");
        }
    }

    #[test]
    fn a_name_with_the_same_digest_twice_is_read_only_where_the_policy_allows_it() {
        let allowed = Lines {
            repeated_names: Tolerance::Accept,
            ..Lines::default()
        };
        let text = format!("{ABC}  a\n{ABC} *a\n");
        assert_eq!(parse(&text).1.len(), 1);
        let (entries, faults) = parse_with(&text, allowed);
        assert_eq!((entries.len(), faults.len()), (1, 0));
        for other in [format!("{EMPTY}  a\n"), format!("{ABC}  A\n")] {
            assert_eq!(parse_with(&format!("{text}{other}"), allowed).1.len(), 1);
        }
    }

    #[test]
    fn twins_by_case_project_spelling_and_version_spelling_are_told() {
        for (one, two) in [
            ("README", "readme"),
            ("a_b-1.0-py3-none-any.whl", "A.B-1.0-py3-none-any.whl"),
            ("six-2.0-py3-none-any.whl", "six-2.00-py3-none-any.whl"),
            ("six-2.0-py3-none-any.whl", "six-2-py3-none-any.whl"),
            ("six-0.tar.gz", "six-0.0.tar.gz"),
            ("a-b-1.0.tar.gz", "a_b-1.0.tar.gz"),
            ("a_b-1.0-py3-none-any.whl", "A_B-1.0-PY3-NONE-ANY.WHL"),
            ("Sub/a-1.0.tar.gz", "sub/A-1.0.TAR.GZ"),
            ("caf\u{e9}", "cafe\u{301}"),
            ("\u{212b}/six-2.0.tar.gz", "a\u{30a}/six-2.00.tar.gz"),
        ] {
            let (entries, faults) = parse(&format!("{ABC}  {one}\n{ABC}  {two}\n"));
            assert_eq!(entries.len(), 1, "{one} {two}");
            assert!(matches!(faults[0], (2, FaultKind::Twin { first: 1, .. })));
        }
        // The innocent neighbour: another version, another tag.
        let (entries, faults) = parse(&format!(
            "{ABC}  six-2.0-py3-none-any.whl\n{ABC}  six-2.0-py2-none-any.whl\n{ABC}  six-2.0.1-py3-none-any.whl\n"
        ));
        assert_eq!((entries.len(), faults.len()), (3, 0));
    }

    #[test]
    fn a_byte_order_mark_and_nul_bytes_are_told() {
        let (_, faults) = parse(&format!("\u{feff}{ABC}  a\n{ABC}  b\0c\n"));
        assert_eq!(faults, [(1, FaultKind::ByteOrderMark), (2, FaultKind::Nul)]);
    }

    #[test]
    fn a_file_that_is_no_manifest_gives_a_hundred_faults_and_a_last_one() {
        let (_, faults) = parse(&"junk\n".repeat(100_000));
        assert_eq!(faults.len(), 101);
        assert_eq!(faults[100].1, FaultKind::More);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let (manifest, _) = Manifest::parse_bytes(&bytes, Lines::default());
            prop_assert!(manifest.entries().len() <= 4);
        }

        #[test]
        fn what_is_written_is_read_back(names in proptest::collection::btree_set("[a-z]{1,8}(/[a-z]{1,8})?", 0..20)) {
            let text: String = names.iter().map(|name| format!("{}  {name}\n", Sha256Digest::of(name.as_bytes()))).collect();
            let (manifest, faults) = Manifest::parse_bytes(text.as_bytes(), Lines::default());
            prop_assert!(faults.is_empty());
            let read: std::collections::BTreeSet<_> = manifest.entries().map(|(name, _)| name.to_string()).collect();
            prop_assert_eq!(read, names);
        }
    }
}
