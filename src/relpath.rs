//! Paths that cannot leave the directory they belong to.
//!
//! In: a name from a manifest, an archive or a directory. Out: [`RelPath`], a
//! relative path whose every component is an ordinary name. Whoever holds one
//! may join it to a root without looking again.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use icu_casemap::CaseMapperBorrowed;
use icu_normalizer::DecomposingNormalizerBorrowed;
use serde::{Serialize, Serializer};

/// A relative path with `/` between ordinary components: never absolute, no
/// `.` or `..`, no empty component, no backslash, no control character.
///
/// Clones share the text: of a hundred thousand files each is named in several
/// lists.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelPath(Arc<str>);

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
        Ok(Self(name.into()))
    }

    /// Returns the path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the text for a holder who needs no path.
    pub fn to_shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
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
        root.join(&*self.0)
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

/// Returns what two names have in common that are one name where neither case nor
/// the form of accents counts: a canonical caseless match (Unicode, section 3.13,
/// D145). APFS and HFS+ compare names like that, ext4 in directories with `+F`, and
/// NTFS by case alone.
///
/// The one place where names are folded: what is a twin in a manifest is one in a
/// directory and in an archive.
pub fn twin_key(name: &str) -> Cow<'_, str> {
    if name.is_ascii() {
        return match name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            true => Cow::Owned(name.to_ascii_lowercase()),
            false => Cow::Borrowed(name),
        };
    }
    let decomposed = DecomposingNormalizerBorrowed::new_nfd();
    let case = CaseMapperBorrowed::new();
    // Folding may leave what is no longer decomposed, and what is not decomposed may
    // fold to something else (U+0345 is why the standard asks for both).
    let folded = case.fold_string(&decomposed.normalize(name)).into_owned();
    Cow::Owned(decomposed.normalize(&folded).into_owned())
}

/// Returns a name for telling it from its twins: two that look the same on a terminal
/// are two texts here. Characters beyond ASCII are written as `\u{e9}`.
pub fn spelled_out(name: &str) -> Cow<'_, str> {
    match name.is_ascii() {
        true => Cow::Borrowed(name),
        false => Cow::Owned(name.escape_default().to_string()),
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
    fn twins_by_case_and_by_the_form_of_accents_have_one_key() {
        // Byte by byte, so that no editor makes one of two.
        for (one, other) in [
            (&b"README"[..], &b"readme"[..]),
            // e with acute: U+00E9, and e with U+0301.
            (b"caf\xc3\xa9", b"cafe\xcc\x81"),
            (b"CAF\xc3\x89", b"cafe\xcc\x81"),
            // A with ring: U+00C5, the sign for Angstrom, A with U+030A, and small.
            (b"\xc3\x85", b"\xe2\x84\xab"),
            (b"\xe2\x84\xab", b"a\xcc\x8a"),
            // The sign for Kelvin, long s, sharp s small and capital.
            (b"\xe2\x84\xaa", b"k"),
            (b"mo\xc5\xbft", b"MOST"),
            (b"stra\xc3\x9fe", b"STRASSE"),
            (b"\xe1\xba\x9e", b"ss"),
            // Sigma at the end of a word and elsewhere.
            (b"\xcf\x83", b"\xcf\x82"),
            // A syllable of Hangul, and its letters.
            (b"\xea\xb0\x80", b"\xe1\x84\x80\xe1\x85\xa1"),
            // Two accents in both orders: dot below U+0323, dot above U+0307.
            (b"q\xcc\x87\xcc\xa3", b"q\xcc\xa3\xcc\x87"),
        ] {
            let [one, other] = [one, other].map(|name| std::str::from_utf8(name).expect("UTF-8"));
            assert_eq!(twin_key(one), twin_key(other), "{one} {other}");
            assert_ne!(one, other);
        }
        // Alike to the eye only, or by a looser rule than file systems have.
        for (one, other) in [
            ("cafe", "caf\u{e9}"),
            ("\u{430}", "a"),
            ("\u{2460}", "1"),
            ("x\u{b2}", "x2"),
            ("a_b", "a-b"),
        ] {
            assert_ne!(twin_key(one), twin_key(other), "{one} {other}");
        }
        assert_eq!(spelled_out("caf\u{e9}"), "caf\\u{e9}");
        assert_eq!(spelled_out("A b"), "A b");
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
