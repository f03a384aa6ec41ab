//! Directories that a build reads besides its source.
//!
//! In: a directory on this machine. Out: the digest of the list of its files, which
//! is what recipes name it by.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::{RebuildError, Workshop, io_error};
use crate::cancel::Cancel;
use crate::digest::{READ_SIZE, Sha256Digest, Sha256Hasher, hash_reader};
use crate::recipe::Recipe;
use crate::sandbox::Mounted;

/// What an entry of a list is.
enum Entry {
    File(PathBuf),
    /// A link, and what it says.
    Link(Vec<u8>),
}

/// Returns the digest of a directory: the SHA-256 of a list with a line for each
/// file, sorted by name as bytes, `DIGEST  ./NAME`, which is what
/// `find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum`
/// hashes. A symbolic link has the digest of the text it holds, and ` -> ` between
/// digest and name. Modes, times and empty directories do not count.
///
/// # Errors
///
/// When something cannot be read, or is neither file, directory nor link, or has a
/// name with a line end.
pub fn directory_digest(directory: &Path, cancel: &Cancel) -> io::Result<Sha256Digest> {
    let mut entries: BTreeMap<Vec<u8>, Entry> = BTreeMap::new();
    for entry in walkdir::WalkDir::new(directory) {
        let entry = entry?;
        let kind = entry.file_type();
        if kind.is_dir() {
            continue;
        }
        let name = entry
            .path()
            .strip_prefix(directory)
            .map_err(io::Error::other)?
            .as_os_str()
            .as_bytes()
            .to_vec();
        let refuse = |what: &str| {
            let name = entry.path().display();
            Err(io::Error::other(format!("'{name}' {what}")))
        };
        if name.contains(&b'\n') || name.contains(&b'\\') {
            return refuse("has a line end or a backslash in its name");
        }
        let found = if kind.is_file() {
            Entry::File(entry.path().to_owned())
        } else if kind.is_symlink() {
            let target = std::fs::read_link(entry.path())?;
            Entry::Link(target.as_os_str().as_bytes().to_vec())
        } else {
            return refuse("is neither file, directory nor link");
        };
        entries.insert(name, found);
    }
    let entries: Vec<(Vec<u8>, Entry)> = entries.into_iter().collect();
    let lines: Vec<Vec<u8>> = entries
        .par_iter()
        .map(|(name, entry)| {
            cancel.check().map_err(|_| io::ErrorKind::Interrupted)?;
            let (digest, between) = match entry {
                Entry::File(path) => {
                    let mut buffer = vec![0u8; READ_SIZE];
                    let (digest, _) = hash_reader(File::open(path)?, &mut buffer, |_| Ok(()))?;
                    (digest, "  ")
                }
                Entry::Link(target) => (Sha256Digest::of(target), " -> "),
            };
            let mut line = format!("{digest}{between}./").into_bytes();
            line.extend_from_slice(name);
            line.push(b'\n');
            Ok(line)
        })
        .collect::<io::Result<_>>()?;
    let mut hasher = Sha256Hasher::new();
    for line in lines {
        hasher.update(&line);
    }
    Ok(hasher.finish())
}

impl Workshop {
    /// Returns the digest of a directory; each is read once in a run.
    ///
    /// # Errors
    ///
    /// [`RebuildError::Io`] when it cannot be read.
    pub fn input_digest(
        &self,
        directory: &Path,
        cancel: &Cancel,
    ) -> Result<Sha256Digest, RebuildError> {
        let mut known = match self.inputs.lock() {
            Ok(known) => known,
            Err(poisoned) => poisoned.into_inner(),
        };
        if let Some(digest) = known.get(directory) {
            return Ok(*digest);
        }
        let digest =
            directory_digest(directory, cancel).map_err(|error| match cancel.is_requested() {
                true => RebuildError::Interrupted,
                false => io_error("read the input", directory)(error),
            })?;
        known.insert(directory.to_owned(), digest);
        Ok(digest)
    }

    /// Returns the inputs of a recipe as the sandbox takes them, checked.
    pub(super) fn mounted_inputs(
        &self,
        recipe: &Recipe,
        cancel: &Cancel,
    ) -> Result<Vec<Mounted>, RebuildError> {
        let mut mounted = Vec::new();
        for input in &recipe.inputs {
            let found = self.input_digest(&input.path, cancel)?;
            if found != input.sha256 {
                return Err(RebuildError::Input {
                    path: input.path.display().to_string(),
                    expected: input.sha256,
                    found,
                });
            }
            let from = std::fs::canonicalize(&input.path)
                .map_err(io_error("find the input", &input.path))?;
            mounted.push(Mounted {
                from,
                at: input.at.clone(),
            });
        }
        Ok(mounted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shell's own tools are the measure.
    #[test]
    fn a_directory_has_the_digest_that_the_shell_gives() {
        let directory = tempfile::tempdir().expect("a directory");
        for name in ["b", "a.txt", "a/c", "a-b", "\u{e9}/x y"] {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("creates");
            std::fs::write(&path, name).expect("writes");
        }
        std::fs::create_dir(directory.path().join("empty")).expect("creates");
        let shell = |script: &str| {
            let output = std::process::Command::new("sh")
                .args(["-c", script])
                .current_dir(directory.path())
                .output()
                .expect("runs");
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            text.split(' ').next().unwrap_or_default().to_owned()
        };
        let digest = || directory_digest(directory.path(), &Cancel::new()).map(|it| it.to_string());
        let list = "find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum";
        assert_eq!(
            digest().expect("reads"),
            shell(&format!("{list} | sha256sum"))
        );
        // A name that comes after all others, whatever they are.
        std::os::unix::fs::symlink("a.txt", directory.path().join("\u{fffd}")).expect("links");
        let link = "printf '%s -> ./\u{fffd}\n' $(printf a.txt | sha256sum | cut -d ' ' -f 1)";
        assert_eq!(
            digest().expect("reads"),
            shell(&format!("({list}; {link}) | sha256sum"))
        );
    }

    #[test]
    fn what_is_no_file_and_what_a_list_cannot_name_is_refused() {
        for name in ["a\nb", "a\\b"] {
            let directory = tempfile::tempdir().expect("a directory");
            std::fs::write(directory.path().join(name), "").expect("writes");
            assert!(directory_digest(directory.path(), &Cancel::new()).is_err());
        }
        let directory = tempfile::tempdir().expect("a directory");
        let made = std::process::Command::new("mkfifo")
            .arg(directory.path().join("pipe"))
            .status();
        if made.is_ok_and(|status| status.success()) {
            assert!(directory_digest(directory.path(), &Cancel::new()).is_err());
        }
    }
}
