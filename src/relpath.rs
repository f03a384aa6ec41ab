//! Paths that cannot leave the directory they belong to.
//!
//! In: a name from a manifest, an archive or a directory. Out: [`RelPath`], a
//! relative path whose every component is an ordinary name. Whoever holds one
//! may join it to a root without looking again.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

/// A relative path with `/` between ordinary components: never absolute, no
/// `.` or `..`, no empty component, no backslash, no control character.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelPath(String);

/// Why a name is not a [`RelPath`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RelPathError {
    /// There is no name.
    #[error("the name is empty")]
    Empty,
    /// The name starts at the root of the file system.
    #[error("the name is an absolute path")]
    Absolute,
    /// A component is `..`.
    #[error("the name climbs out with '..'")]
    Climbs,
    /// A component is `.`, or nothing at all as in `a//b`.
    #[error("the name has an empty or '.' component")]
    EmptyComponent,
    /// A backslash, which other systems take for a separator.
    #[error("the name holds a backslash")]
    Backslash,
    /// A control character, a line end among them.
    #[error("the name holds a control character")]
    Control,
}

impl RelPath {
    /// Checks a name and keeps it.
    ///
    /// # Errors
    ///
    /// The first rule the name breaks.
    pub fn parse(name: &str) -> Result<Self, RelPathError> {
        if name.is_empty() {
            return Err(RelPathError::Empty);
        }
        if name.chars().any(char::is_control) {
            return Err(RelPathError::Control);
        }
        if name.contains('\\') {
            return Err(RelPathError::Backslash);
        }
        if name.starts_with('/') {
            return Err(RelPathError::Absolute);
        }
        for component in name.split('/') {
            match component {
                ".." => return Err(RelPathError::Climbs),
                "" | "." => return Err(RelPathError::EmptyComponent),
                _ => {}
            }
        }
        Ok(Self(name.to_owned()))
    }

    /// Returns the path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the last component.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// Returns the components from first to last; there is at least one.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// Returns this path below a root.
    pub fn below(&self, root: &Path) -> PathBuf {
        root.join(&self.0)
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RelPath({:?})", self.0)
    }
}

impl Serialize for RelPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::Component;

    #[test]
    fn ordinary_names_are_kept_as_they_are() {
        for name in [
            "six-1.16.0.tar.gz",
            "a/b",
            "..a",
            "a..",
            ".hidden",
            "-t",
            "é",
        ] {
            assert_eq!(RelPath::parse(name).expect("ordinary").as_str(), name);
        }
    }

    #[test]
    fn each_way_out_has_its_own_reason() {
        use RelPathError::*;
        for (name, reason) in [
            ("", Empty),
            ("/etc/passwd", Absolute),
            ("../x", Climbs),
            ("a/../b", Climbs),
            ("a//b", EmptyComponent),
            ("a/", EmptyComponent),
            ("./a", EmptyComponent),
            ("a\\b", Backslash),
            ("a\nb", Control),
            ("a\0b", Control),
            ("\u{1b}[31m", Control),
        ] {
            assert_eq!(RelPath::parse(name), Err(reason), "{name:?}");
        }
    }

    proptest! {
        // The oracle is the standard library's own reading of a path.
        #[test]
        fn an_accepted_name_has_only_ordinary_components(name in "[a./\\\\\\-\\x00-\\x20]{0,12}") {
            if let Ok(path) = RelPath::parse(&name) {
                let components: Vec<_> = Path::new(path.as_str()).components().collect();
                prop_assert!(components.iter().all(|c| matches!(c, Component::Normal(_))));
                prop_assert_eq!(components.len(), path.components().count());
            }
        }
    }
}
