//! The members of a tool wheel, in memory.
//!
//! In: a wheel whose digest is the recipe's. Out: its files. A stopgap of the
//! smallest size: tools are named by digest, so the many ways a hostile archive
//! can mislead are not its subject, only those that would write elsewhere.

use std::collections::BTreeSet;
use std::io::Read as _;

use rawzip::{CompressionMethod, ZipArchive};

use crate::archive::Limits;
use crate::relpath::RelPath;

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
pub(super) fn files(bytes: &[u8], limits: &Limits) -> Result<Vec<File>, String> {
    let archive = ZipArchive::from_slice(bytes).map_err(|error| error.to_string())?;
    let mut entries = archive.entries();
    let mut files = Vec::new();
    let mut names = BTreeSet::new();
    let mut left = limits.total_bytes;
    while let Some(entry) = entries.next_entry().map_err(|error| error.to_string())? {
        if names.len() as u64 >= limits.members {
            return Err(format!("more than {} members", limits.members));
        }
        let raw_name = entry.file_path();
        let name = std::str::from_utf8(raw_name.as_ref())
            .map_err(|_| "a member's name is not UTF-8".to_owned())?;
        let fault = |text: &str| format!("member '{}' {text}", name.escape_default());
        if entry.is_dir() {
            continue;
        }
        let path = RelPath::parse(name).map_err(|error| fault(&format!("is refused: {error}")))?;
        if !names.insert(path.clone()) {
            return Err(fault("appears twice"));
        }
        if entry.mode().is_symlink() {
            return Err(fault("is a symbolic link"));
        }
        let limit = limits.member_bytes.min(left);
        let data = archive
            .get_entry(entry.wayfinder())
            .map_err(|error| fault(&error.to_string()))?;
        let mut contents = Vec::new();
        match entry.compression_method() {
            CompressionMethod::STORE => data
                .verifying_reader(data.data())
                .take(limit + 1)
                .read_to_end(&mut contents),
            CompressionMethod::DEFLATE => data
                .verifying_reader(flate2::bufread::DeflateDecoder::new(data.data()))
                .take(limit + 1)
                .read_to_end(&mut contents),
            _ => return Err(fault("uses a compression other than deflate")),
        }
        .map_err(|error| fault(&format!("cannot be read: {error}")))?;
        if contents.len() as u64 > limit {
            return Err(fault("is larger than the limit"));
        }
        left = left.saturating_sub(contents.len() as u64);
        files.push(File {
            path,
            executable: entry.mode().permissions() & 0o111 != 0,
            contents,
        });
    }
    Ok(files)
}
