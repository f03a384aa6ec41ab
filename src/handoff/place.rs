//! Where a sealed copy lies, and the variables that point pip and uv at it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// A directory with a sealed copy, or one in which there will be one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    top: PathBuf,
    is_constrained: bool,
}

/// Why no copy that is to be kept can lie in a place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// The path cannot be made absolute.
    #[error("{} is no path that a directory can have", .0.display())]
    NoPath(PathBuf),
    /// The path cannot be a value that pip and uv read.
    #[error("{} has a character in it at which pip or uv divides a list of directories, or is not UTF-8", .0.display())]
    Character(PathBuf),
    /// Something lies there.
    #[error("{} is there already", .0.display())]
    Taken(PathBuf),
    /// It lies among the files that are checked.
    #[error("{} lies below {}, whose files are checked: the copy would be a directory there that nobody signed", .out.display(), .directory.display())]
    Among {
        /// The place.
        out: PathBuf,
        /// The directory with the files.
        directory: PathBuf,
    },
}

impl Place {
    pub(super) fn at(top: PathBuf) -> Self {
        Self {
            // Whoever is told of it may stand elsewhere.
            top: std::path::absolute(&top).unwrap_or(top),
            is_constrained: false,
        }
    }

    /// Returns the place for a copy that is to be kept, whether it is there or not.
    /// With `is_constrained`, it has a list of what may be installed.
    ///
    /// # Errors
    ///
    /// The path could not be handed to pip or uv in a variable.
    pub fn new(path: &Path, is_constrained: bool) -> Result<Self, PlaceError> {
        let top = std::path::absolute(path).map_err(|_| PlaceError::NoPath(path.to_owned()))?;
        // The variables are written one a line, as a shell reads them.
        match top.to_str() {
            Some(text) if !text.contains(divides) => Ok(Self {
                top,
                is_constrained,
            }),
            _ => Err(PlaceError::Character(top)),
        }
    }

    /// Returns an error if something lies there.
    ///
    /// # Errors
    ///
    /// Something does, even a link that leads nowhere.
    pub fn is_free(&self) -> Result<(), PlaceError> {
        match self.top.symlink_metadata() {
            Ok(_) => Err(PlaceError::Taken(self.top.clone())),
            Err(_) => Ok(()),
        }
    }

    /// Returns an error if it lies in or below a directory, by whatever name.
    ///
    /// # Errors
    ///
    /// It does.
    pub fn is_outside(&self, directory: &Path) -> Result<(), PlaceError> {
        // The nearest that is there says where the rest would be.
        let there = self.top.ancestors().find_map(|it| it.canonicalize().ok());
        match (there, directory.canonicalize()) {
            (Some(there), Ok(checked)) if there.starts_with(&checked) => Err(PlaceError::Among {
                out: self.top.clone(),
                directory: directory.to_owned(),
            }),
            _ => Ok(()),
        }
    }

    /// Returns the directory that holds everything.
    pub fn top(&self) -> &Path {
        &self.top
    }

    /// Returns the directory with the files.
    pub fn wheelhouse(&self) -> PathBuf {
        self.top.join("wheelhouse")
    }

    /// Returns the list of what may be installed.
    pub fn constraints(&self) -> PathBuf {
        self.top.join("requirements.txt")
    }

    /// Returns a list that takes the place of one of the user's.
    pub(super) fn list(&self, number: usize) -> PathBuf {
        self.top.join(format!("requirements-{number}.txt"))
    }

    pub(super) fn uv_configuration(&self) -> PathBuf {
        self.top.join("uv.toml")
    }

    pub(super) fn constrain(&mut self) {
        self.is_constrained = true;
    }

    pub(super) fn is_constrained(&self) -> bool {
        self.is_constrained
    }

    /// Returns the variables that point pip and uv here and nowhere else. With
    /// constraints, they install nothing that these do not name.
    pub fn variables(&self) -> BTreeMap<&'static str, OsString> {
        let wheelhouse = self.wheelhouse();
        let mut variables: BTreeMap<&'static str, OsString> = BTreeMap::from(
            [
                // "configuration files are not loaded when PIP_CONFIG_FILE is os.devnull"
                ("PIP_CONFIG_FILE", "/dev/null"),
                ("PIP_NO_INDEX", "1"),
                ("PIP_ONLY_BINARY", ":all:"),
                ("PIP_NO_CACHE_DIR", "1"),
                ("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
                ("UV_NO_CONFIG", "1"),
                ("UV_OFFLINE", "1"),
                ("UV_NO_INDEX", "1"),
                ("UV_NO_BUILD", "1"),
                ("UV_NO_CACHE", "1"),
            ]
            .map(|(name, value)| (name, value.into())),
        );
        // A named file is read instead of those that uv would find.
        variables.insert("UV_CONFIG_FILE", self.uv_configuration().into());
        for name in ["PIP_FIND_LINKS", "UV_FIND_LINKS"] {
            variables.insert(name, in_a_list(&wheelhouse));
        }
        variables.insert("WHEELPROOF_WHEELHOUSE", wheelhouse.into());
        if self.is_constrained {
            for name in ["PIP_CONSTRAINT", "UV_CONSTRAINT"] {
                variables.insert(name, in_a_list(&self.constraints()));
            }
            variables.insert("WHEELPROOF_REQUIREMENTS", self.constraints().into());
            for name in ["PIP_REQUIRE_HASHES", "UV_REQUIRE_HASHES"] {
                variables.insert(name, "1".into());
            }
        }
        variables
    }

    /// Returns the variables as lines, `NAME=VALUE`, in the order of their names.
    pub fn environment_file(&self) -> String {
        let mut text = String::new();
        for (name, value) in self.variables() {
            let _ = writeln!(text, "{name}={}", value.to_string_lossy());
        }
        text
    }
}

/// Returns whether pip or uv may divide a list at this character: pip does at white
/// space, uv does at commas too.
fn divides(character: char) -> bool {
    character.is_whitespace() || character.is_control() || character == ','
}

/// Returns a path as pip and uv read it in a list: as it is, or as a URL where it has a
/// character at which they would divide it.
fn in_a_list(path: &Path) -> OsString {
    match path.to_str() {
        Some(text) if text.contains(divides) => {}
        _ => return path.into(),
    }
    let mut address = "file://".to_owned();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            // What a path in a URL holds unchanged (RFC 3986, 2.3 and 3.3).
            b'/' | b'-' | b'.' | b'_' | b'~' => address.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => address.push(char::from(*byte)),
            byte => {
                let _ = write!(address, "%{byte:02X}");
            }
        }
    }
    address.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_would_be_divided_is_a_url() {
        // As pathlib.PurePosixPath.as_uri of Python writes them.
        for (path, listed) in [
            ("/tmp/plain~1%/x", "/tmp/plain~1%/x"),
            ("/tmp/two words/x", "file:///tmp/two%20words/x"),
            ("/tmp/a,b/100%", "file:///tmp/a%2Cb/100%25"),
            ("/tmp/a\tb\nc~", "file:///tmp/a%09b%0Ac~"),
            ("/tmp/\u{a0}\u{fc}", "file:///tmp/%C2%A0%C3%BC"),
        ] {
            assert_eq!(in_a_list(Path::new(path)), listed, "{path}");
        }
    }
}
