//! Where a sealed copy lies, and the variables that point pip and uv at it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
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
}

impl Place {
    pub(super) fn at(top: PathBuf) -> Self {
        Self {
            top,
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
        // pip divides PIP_FIND_LINKS at white space, uv its own at commas, and the
        // variables are written one a line.
        let divides = |c: char| c.is_whitespace() || c.is_control() || c == ',';
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
        let mut lead = |name, path: PathBuf| variables.insert(name, path.into_os_string());
        for name in ["WHEELPROOF_WHEELHOUSE", "PIP_FIND_LINKS", "UV_FIND_LINKS"] {
            lead(name, wheelhouse.clone());
        }
        // A named file is read instead of those that uv would find.
        lead("UV_CONFIG_FILE", self.uv_configuration());
        if self.is_constrained {
            for name in ["WHEELPROOF_REQUIREMENTS", "PIP_CONSTRAINT", "UV_CONSTRAINT"] {
                lead(name, self.constraints());
            }
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
