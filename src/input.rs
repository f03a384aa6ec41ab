//! Reading small files that anybody may have put there.
//!
//! In: a path. Out: its bytes, when it is a regular file within a limit. Nothing
//! blocks: a FIFO with the name of a manifest is told, not waited for.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

/// Why a file could not be taken in.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// It is not there.
    #[error("{} is not there", .path.display())]
    NotFound {
        /// The file.
        path: PathBuf,
    },
    /// It is no regular file.
    #[error("{} is not a regular file", .path.display())]
    NotRegular {
        /// The file.
        path: PathBuf,
    },
    /// It is larger than anything of its kind.
    #[error("{} is larger than {limit} {unit}", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most it may have.
        limit: u64,
        /// Of what: bytes, or entries of a manifest.
        unit: &'static str,
    },
    /// It could not be read.
    #[error("cannot read {}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// Reads a whole regular file of at most `limit` bytes.
///
/// # Errors
///
/// It is not there, no regular file, larger than the limit, or unreadable.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, InputError> {
    let bytes = read_start(path, limit.saturating_add(1))?;
    if bytes.len() as u64 > limit {
        return Err(InputError::TooLarge {
            path: path.to_owned(),
            limit,
            unit: "bytes",
        });
    }
    Ok(bytes)
}

/// Opens a regular file, to read it piece by piece.
///
/// # Errors
///
/// It is not there, no regular file, or cannot be opened.
pub fn open(path: &Path) -> Result<File, InputError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => InputError::NotFound {
            path: path.to_owned(),
        },
        // A socket, or a device that is not there, cannot be opened at all.
        _ if source.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) => {
            InputError::NotRegular {
                path: path.to_owned(),
            }
        }
        _ => InputError::Io {
            path: path.to_owned(),
            source,
        },
    };
    // Without NONBLOCK, opening a FIFO waits for a writer forever.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file =
        rustix::fs::open(path, flags, Mode::empty()).map_err(|error| failed(error.into()))?;
    let file = File::from(file);
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(InputError::NotRegular {
            path: path.to_owned(),
        });
    }
    Ok(file)
}

/// Reads at most the first `limit` bytes of a regular file.
///
/// # Errors
///
/// It is not there, no regular file, or unreadable.
pub fn read_start(path: &Path, limit: u64) -> Result<Vec<u8>, InputError> {
    let file = open(path)?;
    // As much room as is needed, but a file may grow, and one of /proc says 0.
    let expected = file
        .metadata()
        .map_or(0, |metadata| metadata.len())
        .min(limit);
    let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or(0));
    file.take(limit)
        .read_to_end(&mut bytes)
        .map_err(|source| InputError::Io {
            path: path.to_owned(),
            source,
        })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_a_file_cannot_be_read_has_its_name() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        std::fs::write(at("file"), "abc").unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            at("fifo"),
            rustix::fs::FileType::Fifo,
            Mode::from(0o600),
            0,
        )
        .unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        assert!(matches!(
            read(&at("socket"), 2),
            Err(InputError::NotRegular { .. })
        ));
        assert_eq!(read(&at("file"), 3).unwrap(), b"abc");
        assert!(matches!(
            read(&at("file"), 2),
            Err(InputError::TooLarge { .. })
        ));
        assert!(matches!(
            read(&at("none"), 2),
            Err(InputError::NotFound { .. })
        ));
        assert!(matches!(
            read(&at("fifo"), 2),
            Err(InputError::NotRegular { .. })
        ));
        assert!(matches!(
            read(root.path(), 2),
            Err(InputError::NotRegular { .. })
        ));
    }
}
