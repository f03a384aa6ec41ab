//! Compressed tar archives as a sequence of members, within limits.
//!
//! In: a `.tar.gz` nobody has vouched for. Out: each member as it is written,
//! with its contents as a reader, or a named fault. Nothing is unpacked here.
//!
//! Extension headers are read here and not by the tar library, for two reasons:
//! they are bounded in size, and what readers of tar are known to disagree about
//! (a size told twice, paths set for the whole archive) is refused instead of
//! resolved one way.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use flate2::read::MultiGzDecoder;
use tar::EntryType;

use super::{FaultKind, Limits, NameFault, RATIO_FREE_BYTES, check_name};
use crate::relpath::RelPath;

/// How large an extension header, a long name among them, may be.
const MAX_EXTENSION_BYTES: u64 = 1 << 20;

/// What a member is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link with its target as written.
    Symlink(String),
}

/// One member's header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The name, without a leading `./` and without the slash of a directory.
    pub path: RelPath,
    /// What it is.
    pub kind: Kind,
    /// The twelve permission bits as archived.
    pub mode: u32,
    /// The modification time in seconds since 1970, rounded down.
    pub mtime: i64,
    /// The number of bytes of a file, 0 for everything else.
    pub size: u64,
}

/// Why an archive cannot be read or is refused. Names of members are shown
/// escaped: they belong to whoever made the archive.
#[derive(Debug, thiserror::Error)]
pub enum TarError {
    /// Reading failed, or the archive is cut short or damaged.
    #[error("the archive cannot be read to its end: {0}; fetch it again")]
    Read(io::Error),
    /// A header is not one of a tar archive.
    #[error("header {number} of the archive is malformed: {reason}")]
    Header {
        /// Which header, counted from 1.
        number: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A member's name is not UTF-8.
    #[error("member '{0}' has a name that is not UTF-8")]
    NotUtf8(String),
    /// A member's name leaves the archive or could be read in two ways.
    #[error("member '{}' is refused: {reason}", .name.escape_default())]
    Name {
        /// The name as written.
        name: String,
        /// The rule it breaks.
        reason: NameFault,
    },
    /// A member is neither file, directory nor symbolic link.
    #[error("member '{}' is a {kind}; only files, directories and symbolic links belong in an sdist", .name.escape_default())]
    Special {
        /// The name as written.
        name: String,
        /// What it is.
        kind: &'static str,
    },
    /// Something in an extension header that readers of tar disagree about.
    #[error("an extension header before member '{}' is refused: {reason}", .name.escape_default())]
    Extension {
        /// The name of the member it belongs to.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An extension header that cannot be read, or in which readers of tar
    /// disagree.
    #[error("extension header {number} of the archive is refused: {reason}")]
    ExtensionHeader {
        /// Which header, counted from 1.
        number: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A directory or link carries contents.
    #[error("member '{}' is a {kind} and yet has contents", .name.escape_default())]
    UnexpectedContents {
        /// The name as written.
        name: String,
        /// What it is.
        kind: &'static str,
    },
    /// There is something behind the end of the archive.
    #[error("there is data after the end of the archive, where not every program looks")]
    TrailingData,
    /// More members than allowed.
    #[error("the archive has more than {0} members, the limit")]
    TooManyMembers(u64),
    /// A member is larger than allowed.
    #[error("member '{}' has {size} bytes, more than {limit}, the limit for one member", .name.escape_default())]
    MemberTooLarge {
        /// The name as written.
        name: String,
        /// How large the header says it is.
        size: u64,
        /// How large it may be.
        limit: u64,
    },
    /// All names together take more memory than allowed.
    #[error("the names of members and their directories take more than {0} bytes")]
    NamesTooLarge(u64),
    /// The archive unpacks to more than allowed.
    #[error("the archive unpacks to more than {0} bytes, the limit")]
    TooLarge(u64),
    /// The archive is compressed as only a bomb is.
    #[error(
        "the archive unpacks to more than {0} times its size, as only a decompression bomb does"
    )]
    Ratio(u64),
}

impl TarError {
    /// Returns what kind of fault of the archive this is; `None` when the
    /// operating system could not read the file.
    pub fn fault_kind(&self) -> Option<FaultKind> {
        Some(match self {
            // What the decompression says of damaged data has no number of the
            // system.
            Self::Read(error) if error.raw_os_error().is_some() => return None,
            Self::Read(_) | Self::Header { .. } => FaultKind::Unreadable,
            Self::NotUtf8(_) | Self::Name { .. } => FaultKind::MemberUnsafe,
            Self::Special { .. } | Self::UnexpectedContents { .. } => FaultKind::MemberSpecial,
            Self::Extension { .. } | Self::ExtensionHeader { .. } => FaultKind::TarHeaderAmbiguous,
            Self::TrailingData => FaultKind::HiddenData,
            Self::TooManyMembers(_)
            | Self::NamesTooLarge(_)
            | Self::MemberTooLarge { .. }
            | Self::TooLarge(_)
            | Self::Ratio(_) => FaultKind::OverLimit,
        })
    }

    /// Returns the name of the member it concerns, as written.
    pub fn member(&self) -> Option<&str> {
        match self {
            Self::NotUtf8(name)
            | Self::Name { name, .. }
            | Self::Special { name, .. }
            | Self::Extension { name, .. }
            | Self::UnexpectedContents { name, .. }
            | Self::MemberTooLarge { name, .. } => Some(name),
            Self::Read(_)
            | Self::Header { .. }
            | Self::ExtensionHeader { .. }
            | Self::TrailingData
            | Self::TooManyMembers(_)
            | Self::NamesTooLarge(_)
            | Self::TooLarge(_)
            | Self::Ratio(_) => None,
        }
    }
}

/// Reads a gzip-compressed tar archive and shows `visit` each member in turn; the
/// first fault ends it. As [`inspect_gzip`] otherwise.
///
/// # Errors
///
/// A [`TarError`] for the first fault, or whatever `visit` returns.
pub fn read_gzip<E: From<TarError>>(
    reader: impl Read,
    limits: &Limits,
    visit: impl FnMut(&Member, &mut dyn Read) -> Result<(), E>,
) -> Result<(), E> {
    inspect_gzip(reader, limits, visit, |fault| Err(fault.into()))
}

/// Reads a gzip-compressed tar archive and shows `visit` each member in turn, and
/// `refuse` each member that is none or must not be. When `refuse` returns `Ok`,
/// that member is passed over.
///
/// The reader that `visit` gets gives the contents of that member and no more;
/// it need not be read to the end. The archive is read to its last byte, so that
/// the checksums of the compression count and nothing hides behind the end.
///
/// # Errors
///
/// A [`TarError`] for a fault after which nothing can be read, or whatever `visit`
/// and `refuse` return.
pub fn inspect_gzip<E: From<TarError>>(
    reader: impl Read,
    limits: &Limits,
    mut visit: impl FnMut(&Member, &mut dyn Read) -> Result<(), E>,
    mut refuse: impl FnMut(TarError) -> Result<(), E>,
) -> Result<(), E> {
    let stop = Rc::new(Cell::new(None));
    let read_bytes = Rc::new(Cell::new(0));
    let mut bounded = Bounded {
        inner: MultiGzDecoder::new(Counted {
            inner: reader,
            total: Rc::clone(&read_bytes),
        }),
        read_bytes,
        total: 0,
        limit: limits.total_bytes,
        ratio: limits.ratio,
        stop: Rc::clone(&stop),
    };
    let explain = |error: io::Error| match stop.get() {
        Some(Stop::Total) => TarError::TooLarge(limits.total_bytes),
        Some(Stop::Ratio) => TarError::Ratio(limits.ratio),
        None => TarError::Read(error),
    };

    let mut archive = tar::Archive::new(&mut bounded);
    let entries = archive.entries().map_err(explain)?.raw(true);
    let mut pending = Extensions::default();
    let mut headers = 0u64;
    for entry in entries {
        headers += 1;
        if headers > limits.members.saturating_mul(3) {
            return Err(TarError::TooManyMembers(limits.members).into());
        }
        let mut entry = match entry {
            Ok(entry) => entry,
            // The library reports broken headers and broken reads alike.
            Err(error) if error.kind() == io::ErrorKind::Other && stop.get().is_none() => {
                return Err(TarError::Header {
                    number: headers,
                    reason: error.to_string(),
                }
                .into());
            }
            Err(error) => return Err(explain(error).into()),
        };
        let kind = entry.header().entry_type();
        let malformed = |error: io::Error| TarError::Header {
            number: headers,
            reason: error.to_string(),
        };
        let size = entry.header().entry_size().map_err(malformed)?;
        // Where the magic is another one, some readers take an extension for a file.
        let magic = entry.header().as_bytes().get(257..263).unwrap_or_default();
        let is_known = magic == b"ustar\0" || magic == b"ustar ";
        if !is_known && (magic != [0; 6] || kind.as_byte().is_ascii_alphabetic()) {
            return Err(TarError::Header {
                number: headers,
                reason: "its magic is neither POSIX's nor GNU's".to_owned(),
            }
            .into());
        }
        match kind {
            EntryType::GNULongName
            | EntryType::GNULongLink
            | EntryType::XHeader
            | EntryType::XGlobalHeader => {
                if size > MAX_EXTENSION_BYTES {
                    return Err(TarError::Header {
                        number: headers,
                        reason: format!("an extension header of {size} bytes"),
                    }
                    .into());
                }
                let mut data = Vec::new();
                Contents {
                    inner: &mut entry,
                    left: size,
                }
                .read_to_end(&mut data)
                .map_err(explain)?;
                pending
                    .add(kind, &data)
                    .map_err(|reason| TarError::ExtensionHeader {
                        number: headers,
                        reason,
                    })?;
                continue;
            }
            _ => {}
        }
        let extensions = std::mem::take(&mut pending);
        let header = entry.header();
        let raw_name = extensions
            .path
            .unwrap_or_else(|| header.path_bytes().into_owned());
        let name = match text(raw_name) {
            Ok(name) => name,
            Err(fault) => {
                refuse(fault)?;
                continue;
            }
        };
        if extensions.size.is_some_and(|told| told != size) {
            return Err(TarError::Extension {
                name,
                reason: "it gives another size than the header".to_owned(),
            }
            .into());
        }
        let mode = header.mode().map_err(malformed)? & 0o7777;
        let mtime = match extensions.mtime {
            Some(mtime) => mtime,
            None => {
                i64::try_from(header.mtime().map_err(malformed)?).map_err(|_| TarError::Header {
                    number: headers,
                    reason: "a time beyond all calendars".to_owned(),
                })?
            }
        };
        // Before POSIX a directory was a file whose name ends in a slash.
        let is_old_directory = kind == EntryType::Regular && name.ends_with('/');
        let member_kind = match kind {
            EntryType::Directory => Kind::Directory,
            EntryType::Regular if is_old_directory => Kind::Directory,
            EntryType::Regular | EntryType::Continuous => Kind::File,
            EntryType::Symlink => {
                let target = extensions
                    .link
                    .or_else(|| header.link_name_bytes().map(|name| name.into_owned()))
                    .unwrap_or_default();
                match text(target) {
                    Ok(target) => Kind::Symlink(target),
                    Err(fault) => {
                        refuse(fault)?;
                        continue;
                    }
                }
            }
            other => {
                let kind = name_of(other);
                refuse(TarError::Special { name, kind })?;
                continue;
            }
        };
        if member_kind != Kind::File && size != 0 {
            let kind = match member_kind {
                Kind::Directory => "directory",
                _ => "symbolic link",
            };
            refuse(TarError::UnexpectedContents { name, kind })?;
            continue;
        }
        if size > limits.member_bytes {
            refuse(TarError::MemberTooLarge {
                name,
                size,
                limit: limits.member_bytes,
            })?;
            continue;
        }
        // `tar -c .` writes `./` for the directory it started in and before
        // every name.
        let mut plain = name.as_str();
        while let Some(rest) = plain.strip_prefix("./") {
            plain = rest;
        }
        if member_kind == Kind::Directory {
            plain = plain.strip_suffix('/').unwrap_or(plain);
            if plain.is_empty() || plain == "." {
                continue;
            }
        }
        let checked = match plain.ends_with('/') {
            // The slash of a directory is taken off already.
            true => RelPath::parse(plain).map_err(NameFault::Path),
            false => check_name(plain.as_bytes()),
        };
        let path = match checked {
            Ok(path) => path,
            Err(reason) => {
                refuse(TarError::Name { name, reason })?;
                continue;
            }
        };
        let member = Member {
            path,
            kind: member_kind,
            mode,
            mtime,
            size,
        };
        let mut contents = Contents {
            inner: &mut entry,
            left: size,
        };
        match visit(&member, &mut contents) {
            Ok(()) => {}
            // A limit that was hit while `visit` read has the better words.
            Err(error) => match stop.get() {
                Some(_) => return Err(explain(io::Error::other("limit")).into()),
                None => return Err(error),
            },
        }
    }
    if pending.any {
        return Err(TarError::ExtensionHeader {
            number: headers,
            reason: "it has no member behind it".to_owned(),
        }
        .into());
    }
    expect_zeros(&mut bounded).map_err(|error| match error {
        Some(error) => explain(error),
        None => TarError::TrailingData,
    })?;
    Ok(())
}

/// Reads to the end; `Err(None)` when a byte is not zero.
fn expect_zeros(reader: &mut impl Read) -> Result<(), Option<io::Error>> {
    let mut buffer = [0u8; 8192];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => {
                if buffer.iter().take(count).any(|byte| *byte != 0) {
                    return Err(None);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Some(error)),
        }
    }
}

fn text(bytes: Vec<u8>) -> Result<String, TarError> {
    String::from_utf8(bytes)
        .map_err(|error| TarError::NotUtf8(error.as_bytes().escape_ascii().to_string()))
}

fn name_of(kind: EntryType) -> &'static str {
    match kind {
        EntryType::Link => "hard link",
        EntryType::Char => "character device",
        EntryType::Block => "block device",
        EntryType::Fifo => "named pipe",
        EntryType::GNUSparse => "sparse file",
        _ => "member of an unknown type",
    }
}

/// What the extension headers before a member say of it.
#[derive(Default)]
struct Extensions {
    any: bool,
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    mtime: Option<i64>,
}

impl Extensions {
    fn add(&mut self, kind: EntryType, data: &[u8]) -> Result<(), String> {
        match kind {
            EntryType::GNULongName => {
                self.any = true;
                set_once(&mut self.path, until_nul(data), "the path")
            }
            EntryType::GNULongLink => {
                self.any = true;
                set_once(&mut self.link, until_nul(data), "the link target")
            }
            EntryType::XHeader => {
                self.any = true;
                pax_records(data, |key, value| match key {
                    b"path" => set_once(&mut self.path, value.to_vec(), "the path"),
                    b"linkpath" => set_once(&mut self.link, value.to_vec(), "the link target"),
                    b"size" => {
                        let size = decimal(value).ok_or("a size that is no number")?;
                        set_once(&mut self.size, size, "the size")
                    }
                    b"mtime" => {
                        let time = seconds(value).ok_or("a time that is no number")?;
                        set_once(&mut self.mtime, time, "the time")
                    }
                    key if key.starts_with(b"GNU.sparse") => Err("a sparse file".to_owned()),
                    _ => Ok(()),
                })
            }
            // `git archive` writes its commit in one of these. One that names
            // or sizes members is followed by some readers and not by others.
            EntryType::XGlobalHeader => pax_records(data, |key, _| match key {
                b"path" | b"linkpath" | b"size" | b"mtime" => Err(format!(
                    "a global header that sets '{}' for every member",
                    key.escape_ascii()
                )),
                _ => Ok(()),
            }),
            _ => Ok(()),
        }
    }
}

fn set_once<T>(place: &mut Option<T>, value: T, what: &str) -> Result<(), String> {
    if place.replace(value).is_some() {
        return Err(format!("extension headers that give {what} twice"));
    }
    Ok(())
}

fn until_nul(data: &[u8]) -> Vec<u8> {
    data.split(|byte| *byte == 0)
        .next()
        .unwrap_or_default()
        .to_vec()
}

/// Walks records of the form `LENGTH KEY=VALUE\n` (POSIX.1-2017, pax Extended
/// Header). The length counts, not the line end: values may hold line ends.
fn pax_records(
    mut data: &[u8],
    mut each: impl FnMut(&[u8], &[u8]) -> Result<(), String>,
) -> Result<(), String> {
    let broken = || "an extension header that is not made of records".to_owned();
    while !data.is_empty() {
        let space = data
            .iter()
            .position(|byte| *byte == b' ')
            .ok_or_else(broken)?;
        let length = data
            .get(..space)
            .and_then(decimal)
            .and_then(|length| usize::try_from(length).ok())
            .ok_or_else(broken)?;
        let record = data.get(space + 1..length).ok_or_else(broken)?;
        let record = record.strip_suffix(b"\n").ok_or_else(broken)?;
        let equals = record
            .iter()
            .position(|byte| *byte == b'=')
            .ok_or_else(broken)?;
        let (key, value) = record.split_at(equals);
        each(key, value.get(1..).unwrap_or_default())?;
        data = data.get(length..).unwrap_or_default();
    }
    Ok(())
}

fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Returns a decimal number of seconds, rounded down.
fn seconds(value: &[u8]) -> Option<i64> {
    let (negative, rest) = match value.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, value),
    };
    let mut parts = rest.splitn(2, |byte| *byte == b'.');
    let whole = i64::try_from(decimal(parts.next()?)?).ok()?;
    let fraction = parts.next().unwrap_or_default();
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let rounds = fraction.iter().any(|digit| *digit != b'0');
    Some(match (negative, rounds) {
        (false, _) => whole,
        (true, false) => -whole,
        (true, true) => -whole - 1,
    })
}

/// A member's contents; an archive that ends too early is an error and not a
/// short file.
struct Contents<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Contents<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if count == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}

#[derive(Clone, Copy)]
enum Stop {
    Total,
    Ratio,
}

struct Counted<R> {
    inner: R,
    total: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.total.set(self.total.get() + count as u64);
        Ok(count)
    }
}

/// The decompressed stream; ends with an error where a limit is passed.
struct Bounded<R> {
    inner: R,
    read_bytes: Rc<Cell<u64>>,
    total: u64,
    limit: u64,
    ratio: u64,
    stop: Rc<Cell<Option<Stop>>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.total += count as u64;
        if self.total > self.limit {
            self.stop.set(Some(Stop::Total));
        } else if self.total > RATIO_FREE_BYTES
            && self.total > self.read_bytes.get().saturating_mul(self.ratio)
        {
            self.stop.set(Some(Stop::Ratio));
        }
        if self.stop.get().is_some() {
            return Err(io::Error::other("a limit was passed"));
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_pax_headers_are_rounded_down() {
        for (written, expected) in [
            ("0", Some(0)),
            ("1309379017", Some(1_309_379_017)),
            ("1309379017.999", Some(1_309_379_017)),
            ("-1", Some(-1)),
            ("-1.0", Some(-1)),
            ("-1.5", Some(-2)),
            ("", None),
            ("1.x", None),
            ("1e9", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(seconds(written.as_bytes()), expected, "{written}");
        }
    }

    #[test]
    fn a_pax_value_may_hold_a_line_end() {
        let mut seen = Vec::new();
        pax_records(b"10 a=b\nc=\n8 path=x\n", |key, value| {
            seen.push((key.to_vec(), value.to_vec()));
            Ok(())
        })
        .expect_err("the second length is wrong");
        let mut seen = Vec::new();
        pax_records(b"10 a=b\nc=\n10 path=x\n", |key, value| {
            seen.push((key.to_vec(), value.to_vec()));
            Ok(())
        })
        .expect("two records");
        assert_eq!(
            seen,
            [
                (b"a".to_vec(), b"b\nc=".to_vec()),
                (b"path".to_vec(), b"x".to_vec())
            ]
        );
    }
}
