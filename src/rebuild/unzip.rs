//! The files of a tool wheel, in memory.
//!
//! In: a wheel whose digest is the recipe's. Out: its files, by names that stay
//! inside. Tools are named by digest, so the many ways a hostile archive can
//! mislead are not the subject here, only those that would write elsewhere.

use std::collections::BTreeSet;

use crate::archive::Limits;
use crate::archive::zip::Archive;
use crate::relpath::RelPath;

/// The file type bits of a Unix mode, and their value for a symbolic link (POSIX
/// `S_IFMT`, `S_IFLNK`).
const FILE_TYPE: u16 = 0o170_000;
const SYMLINK: u16 = 0o120_000;

/// A file of a wheel.
pub(super) struct File {
    pub(super) path: RelPath,
    pub(super) executable: bool,
    pub(super) contents: Vec<u8>,
}

/// Returns the files of an archive in its order.
///
/// # Errors
///
/// A sentence about the first fault.
pub(super) fn files(bytes: &[u8], limits: Limits) -> Result<Vec<File>, String> {
    let archive = Archive::from_slice(bytes, limits).map_err(|error| error.to_string())?;
    let mut files = Vec::new();
    let mut names = BTreeSet::new();
    for member in archive.members() {
        let header = member.central();
        if header.is_directory() {
            continue;
        }
        let fault = |text: &str| format!("member '{}' {text}", member.name().escaped());
        let name = member
            .name()
            .as_str()
            .ok_or_else(|| fault("has a name that is not UTF-8"))?;
        let path = RelPath::parse(name).map_err(|error| fault(&format!("is refused: {error}")))?;
        if !names.insert(path.clone()) {
            return Err(fault("appears twice"));
        }
        let mode = header.unix_mode().unwrap_or(0);
        if mode & FILE_TYPE == SYMLINK {
            return Err(fault("is a symbolic link"));
        }
        let contents = archive
            .contents(member, limits.member_bytes)
            .map_err(|error| error.to_string())?;
        files.push(File {
            path,
            executable: mode & 0o111 != 0,
            contents,
        });
    }
    Ok(files)
}
