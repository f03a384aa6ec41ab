//! Private directories that go away whatever was put into them.
//!
//! In: a place for temporary files. Out: a directory of our user alone, removed
//! when its value is dropped, also when foreign code has nested directories
//! deeper than descriptors or the stack reach, or taken away their modes.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::TempDir;

/// A directory that is removed with this value. No process may be left that
/// writes to it then.
#[derive(Debug)]
pub(super) struct Private(TempDir);

impl Private {
    pub(super) fn new(what: &str, inside: &Path) -> io::Result<Self> {
        tempfile::Builder::new()
            .prefix(&format!("wheelproof-{what}-"))
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir_in(inside)
            .map(Self)
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        // What cannot be removed stays; there is nobody to tell from here.
        let _ = clear(self.0.path());
    }
}

/// Empties a directory. Directories further down are moved to the top before
/// they are emptied, so no path and no recursion grows with their depth. Links
/// are removed, never followed.
fn clear(top: &Path) -> io::Result<()> {
    let mut moved = 0u64;
    loop {
        let mut found = false;
        for entry in fs::read_dir(top)? {
            let entry = entry?;
            if !entry.file_type()?.is_dir() {
                fs::remove_file(entry.path())?;
                continue;
            }
            found = true;
            let directory = entry.path();
            fs::set_permissions(&directory, fs::Permissions::from_mode(0o700))?;
            for child in fs::read_dir(&directory)? {
                let child = child?;
                if child.file_type()?.is_dir() {
                    // Moving a directory writes to it: its `..` changes.
                    fs::set_permissions(child.path(), fs::Permissions::from_mode(0o700))?;
                    let to = loop {
                        moved += 1;
                        let to = top.join(format!(".{moved}"));
                        if fs::symlink_metadata(&to).is_err() {
                            break to;
                        }
                    };
                    fs::rename(child.path(), to)?;
                } else {
                    fs::remove_file(child.path())?;
                }
            }
            fs::remove_dir(&directory)?;
        }
        if !found {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_and_modes_and_links_do_not_keep_a_directory() {
        let outside = tempfile::tempdir().expect("a directory");
        let keep = outside.path().join("keep");
        fs::write(&keep, "text").expect("writes");
        let place = tempfile::tempdir().expect("a directory");
        let private = Private::new("test", place.path()).expect("a directory");
        // Deeper than any path can name.
        let nest = std::process::Command::new("python3")
            .args(["-c", "import os, sys\nos.chdir(sys.argv[1])\nfor _ in range(5000):\n os.mkdir('directory'); os.chdir('directory')\nopen('file', 'w')"])
            .arg(private.path())
            .status()
            .expect("runs");
        assert!(nest.success());
        std::os::unix::fs::symlink(outside.path(), private.path().join("link")).expect("links");
        std::os::unix::fs::symlink(&keep, private.path().join("directory/link")).expect("links");
        fs::create_dir_all(private.path().join("locked/inner")).expect("creates");
        fs::write(private.path().join("locked/inner/file"), "").expect("writes");
        for name in ["locked/inner", "locked"] {
            fs::set_permissions(private.path().join(name), fs::Permissions::from_mode(0o000))
                .expect("locks");
        }
        drop(private);
        assert_eq!(fs::read_dir(place.path()).expect("is there").count(), 0);
        assert!(keep.exists());
    }
}
