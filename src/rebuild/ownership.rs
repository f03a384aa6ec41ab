//! Whose a cache is.
//!
//! In: a directory. Out: whether this user alone decides what lies in it. What is kept
//! there is believed in later runs, so it has to be the work of this user's own runs.
//!
//! Modes and owners are looked at when the cache is opened. Whoever could write there
//! before that may have left something: then the directory is to be removed, and not
//! only to be closed.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::tools::{ToolsError, cache_error};

/// The bits that let a group and all others write.
const GROUP: u32 = 0o020;
const OTHERS: u32 = 0o002;
/// In a directory with this bit names are their owners' (inode(7)).
const STICKY: u32 = 0o1000;

/// Checks the directory of a cache, by its real path.
///
/// # Errors
///
/// [`ToolsError::NotOurs`] when it, or a directory of it, is somebody else's or can be
/// written by others; or when others can rename a directory above it.
pub(super) fn check(cache: &Path) -> Result<(), ToolsError> {
    let refuse = |reason: String| ToolsError::NotOurs {
        cache: cache.display().to_string(),
        reason,
    };
    let us = rustix::process::geteuid().as_raw();
    let look = |path: &Path| fs::symlink_metadata(path).map_err(cache_error("look at", path));
    let data = look(cache)?;
    if data.uid() != us {
        return Err(refuse(format!(
            "it belongs to user {}, and this is user {us}",
            data.uid()
        )));
    }
    if data.mode() & (GROUP | OTHERS) != 0 {
        return Err(refuse(format!(
            "others may write to it (mode {:o})",
            data.mode() & 0o7777
        )));
    }
    for directory in cache.ancestors().skip(1) {
        if may_rename_in(&look(directory)?) {
            return Err(refuse(format!(
                "others may put another directory in its place, since they may write to {}",
                directory.display()
            )));
        }
    }
    for entry in fs::read_dir(cache).map_err(cache_error("list", cache))? {
        let entry = entry.map_err(cache_error("list", cache))?;
        let data = look(&entry.path())?;
        if data.uid() != us || data.is_symlink() {
            return Err(refuse(format!(
                "'{}' in it {}",
                entry.file_name().display(),
                match data.is_symlink() {
                    true => "is a symbolic link".to_owned(),
                    false => format!("belongs to user {}", data.uid()),
                }
            )));
        }
    }
    Ok(())
}

/// Returns whether others may give what is in this directory other names. The group
/// that this program runs with is taken to be the user's own.
fn may_rename_in(directory: &Metadata) -> bool {
    let own_group = rustix::process::getegid().as_raw();
    let by_group = directory.mode() & GROUP != 0 && directory.gid() != own_group;
    let by_others = directory.mode() & OTHERS != 0;
    (by_group || by_others) && directory.mode() & STICKY == 0
}
