//! Names of members: each for itself, and each against the others.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::relpath::{RelPath, RelPathError, twin_key};

/// The most bytes a name may have: PATH_MAX of Linux.
const MAX_NAME_BYTES: usize = 4096;

/// The most components a name may have. Comparing names takes time and memory for
/// each of them.
const MAX_DEPTH: usize = 128;

/// Why a member's name is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    /// It is not UTF-8.
    #[error("the name is not UTF-8")]
    NotUtf8,
    /// It begins with a drive letter, which is absolute on Windows.
    #[error("the name begins with a drive letter")]
    Drive,
    /// It is longer than any system opens.
    #[error("the name has {0} bytes, more than {MAX_NAME_BYTES}")]
    TooLong(usize),
    /// It lies deeper than anything in use.
    #[error("the name has more than {MAX_DEPTH} components")]
    TooDeep,
    /// It is no plain relative path.
    #[error(transparent)]
    Path(#[from] RelPathError),
}

/// Returns a member's name as a path, without the slash of a directory.
///
/// # Errors
///
/// Why the name is refused.
pub fn check_name(name: &[u8]) -> Result<RelPath, NameFault> {
    if name.len() > MAX_NAME_BYTES {
        return Err(NameFault::TooLong(name.len()));
    }
    let text = std::str::from_utf8(name).map_err(|_| NameFault::NotUtf8)?;
    // `C:x` is a path on another drive for Windows, with or without a slash.
    if let [letter, b':', ..] = text.as_bytes()
        && letter.is_ascii_alphabetic()
    {
        return Err(NameFault::Drive);
    }
    // A slash alone is absolute, not a directory without a name.
    let plain = match text.strip_suffix('/') {
        Some("") | None => text,
        Some(plain) => plain,
    };
    let path = RelPath::parse(plain)?;
    match path.components().count() > MAX_DEPTH {
        true => Err(NameFault::TooDeep),
        false => Ok(path),
    }
}

/// Two names that get in each other's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clash {
    /// They are the same.
    Same,
    /// They are one where neither case nor the form of accents counts.
    Twin,
    /// One is a file, and the other lies below it.
    BelowFile,
}

/// Returns each name that clashes with one before it: how, its place among the
/// names, and the place of that other. Names of directories end in a slash.
pub fn clashes(names: &[&str]) -> Vec<(Clash, usize, usize)> {
    let plain = |name: usize| {
        let name: &str = names.get(name).copied().unwrap_or_default();
        name.strip_suffix('/').unwrap_or(name)
    };
    let mut found = Vec::new();
    let mut seen: HashMap<Cow<'_, str>, usize> = HashMap::with_capacity(names.len());
    for place in 0..names.len() {
        let name = plain(place);
        match seen.entry(twin_key(name)) {
            Entry::Occupied(other) if plain(*other.get()) == name => {
                found.push((Clash::Same, place, *other.get()));
            }
            Entry::Occupied(other) => found.push((Clash::Twin, place, *other.get())),
            Entry::Vacant(slot) => {
                slot.insert(place);
            }
        }
    }
    // Members come in order, mostly, so the directory before is often this one.
    let mut last_parent = "";
    for place in 0..names.len() {
        let parent = plain(place)
            .rsplit_once('/')
            .map_or("", |(parent, _)| parent);
        if parent == last_parent {
            continue;
        }
        last_parent = parent;
        let ancestors = parent.match_indices('/').map(|(at, _)| at);
        for end in ancestors.chain([parent.len()]) {
            let ancestor = parent.get(..end).unwrap_or_default();
            if let Some(other) = seen.get(&twin_key(ancestor))
                && names.get(*other).is_some_and(|other| !other.ends_with('/'))
            {
                found.push((Clash::BelowFile, place, *other));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_out_or_deceive_are_refused_and_their_neighbours_kept() {
        for name in ["a", "a/b/", "c:", "C:\\x", "d:/x", "z:x"] {
            let kept = !name.contains(':');
            assert_eq!(check_name(name.as_bytes()).is_ok(), kept, "{name}");
        }
        for (name, fault) in [
            (&b""[..], NameFault::Path(RelPathError::Empty)),
            (b"/", NameFault::Path(RelPathError::Absolute)),
            (b"/a", NameFault::Path(RelPathError::Absolute)),
            (b"a//", NameFault::Path(RelPathError::EmptyComponent)),
            (b"../a", NameFault::Path(RelPathError::Climbs)),
            (b"a/..", NameFault::Path(RelPathError::Climbs)),
            (b"a\\b", NameFault::Path(RelPathError::Backslash)),
            (b"a\0.py", NameFault::Path(RelPathError::Control)),
            (b"\xff", NameFault::NotUtf8),
            (b"C:a", NameFault::Drive),
        ] {
            assert_eq!(check_name(name), Err(fault), "{}", name.escape_ascii());
        }
        let long = "a".repeat(4096);
        assert!(check_name(long.as_bytes()).is_ok());
        let longer = format!("{long}a");
        assert_eq!(check_name(longer.as_bytes()), Err(NameFault::TooLong(4097)));
        let deep = "a/".repeat(128);
        assert!(check_name(deep.as_bytes()).is_ok());
        let deeper = format!("{deep}a");
        assert_eq!(check_name(deeper.as_bytes()), Err(NameFault::TooDeep));
        for name in ["é:b", "ab:c", "1:x", "..a", "a../b"] {
            assert!(check_name(name.as_bytes()).is_ok(), "{name}");
        }
    }

    #[test]
    fn clashes_are_told_once_with_the_name_before() {
        assert_eq!(
            clashes(&[
                "a", "b/", "b/c", "B/C", "a", "STRASSE", "straße", "a/x/y", "a/x/z", "A"
            ]),
            [
                (Clash::Twin, 3, 2),
                (Clash::Same, 4, 0),
                (Clash::Twin, 6, 5),
                (Clash::Twin, 9, 0),
                (Clash::BelowFile, 7, 0),
            ]
        );
        // A file, and a name below its twin: an accent as one character and as two.
        assert_eq!(
            clashes(&["caf\u{e9}", "CAFE\u{301}/x"]),
            [(Clash::BelowFile, 1, 0)]
        );
    }

    #[test]
    fn names_that_only_look_alike_do_not_clash() {
        assert!(clashes(&["a", "a.py", "ab/", "ab/a", "a_b", "a-b", "b/a", "é", "e"]).is_empty());
    }
}
