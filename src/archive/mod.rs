//! Archives as lists of members, within limits.
//!
//! In: bytes nobody has vouched for. Out: members and their headers exactly as
//! they are written, or a named fault. Nothing is unpacked here.

mod fault;
mod names;
pub mod tar;
pub mod zip;

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;
use serde::Serialize;

pub use fault::{FAULTS_A_KIND, Fault, FaultKind, Faults};
pub use names::{Clash, NameFault, check_name, clashes};

/// Opens a file for reading when it is a regular file.
///
/// # Errors
///
/// What the operating system says, or [`io::ErrorKind::InvalidInput`] for
/// anything that is not a regular file.
pub fn open_regular_file(path: &Path) -> io::Result<File> {
    // Without O_NONBLOCK, opening a FIFO waits until somebody writes to it.
    // It changes nothing for regular files (POSIX open()).
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).map_err(io::Error::other)?;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "this is not a regular file",
        ))
    }
}

/// How much an archive may hold before it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// The most members an archive may have.
    pub members: u64,
    /// The most bytes one member may have when unpacked.
    pub member_bytes: u64,
    /// The most bytes all members together may have when unpacked.
    pub total_bytes: u64,
    /// How many times larger than the file its contents may be, once they pass
    /// [`RATIO_FREE_BYTES`].
    pub ratio: u64,
}

/// How many bytes an archive may unpack to before [`Limits::ratio`] counts: a
/// small archive of zeros hurts nobody.
pub const RATIO_FREE_BYTES: u64 = 64 << 20;

impl Default for Limits {
    /// Returns limits above the largest wheels and sdists in use. Text compresses
    /// to a tenth, deflate cannot do better than one in 1032.
    fn default() -> Self {
        Self {
            members: 200_000,
            member_bytes: 8 << 30,
            total_bytes: 16 << 30,
            ratio: 200,
        }
    }
}
