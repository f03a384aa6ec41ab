//! The manifest as it is written.
//!
//! In: names and digests. Out: the bytes that `LC_ALL=C sha256sum` writes for the
//! same files, perhaps with comment lines above. And the manifest that lies there
//! now, read without a signature: for holding it against a directory before it is
//! signed, and for nothing else.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Fault, Manifest, PROJECT, twin_key};
use crate::digest::Sha256Digest;
use crate::policy::{Lines, WheelhouseName};
use crate::relpath::RelPath;

/// Returns the manifest of these files: the comments, each on a line, then a line
/// a file, sorted by the bytes of the names.
///
/// A [`RelPath`] holds neither a line end nor a backslash, so no line is ever
/// escaped.
pub fn canonical(comments: &[String], files: &BTreeMap<RelPath, Sha256Digest>) -> Vec<u8> {
    let mut text = String::new();
    for comment in comments {
        text.push_str(comment);
        text.push('\n');
    }
    for (name, sha256) in files {
        let _ = writeln!(text, "{sha256}  {name}");
    }
    text.into_bytes()
}

/// Returns the names that stand for the same file elsewhere: each with an earlier
/// one that it is the twin of.
pub fn twins<'a>(names: impl Iterator<Item = &'a RelPath>) -> Vec<(&'a RelPath, &'a RelPath)> {
    let mut folded: BTreeMap<String, &RelPath> = BTreeMap::new();
    let mut twins = Vec::new();
    for name in names {
        match folded.entry(twin_key(name)) {
            std::collections::btree_map::Entry::Occupied(earlier) => {
                twins.push((name, *earlier.get()));
            }
            std::collections::btree_map::Entry::Vacant(slot) => {
                slot.insert(name);
            }
        }
    }
    twins
}

/// A manifest that nobody has vouched for. What it lists may be compared with a
/// directory; no check of files takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsigned {
    comments: Vec<String>,
    project: Option<WheelhouseName>,
    listed: BTreeMap<RelPath, Sha256Digest>,
    faults: Vec<Fault>,
}

impl Unsigned {
    /// Reads a manifest as [`Manifest::parse`] does.
    pub fn parse(bytes: &[u8], lines: Lines) -> Self {
        let (manifest, faults) = Manifest::parse_bytes(bytes, lines);
        let listed = manifest
            .entries()
            .map(|(name, entry)| (name.clone(), entry.sha256))
            .collect();
        let comments = bytes
            .split(|byte| *byte == b'\n')
            .take_while(|line| line.starts_with(b"#"))
            .filter_map(|line| std::str::from_utf8(line).ok())
            // A control character in a comment is a fault, or soon will be.
            .filter(|line| !line.chars().any(char::is_control))
            .map(str::to_owned)
            .collect();
        Self {
            comments,
            project: manifest.project().cloned(),
            listed,
            faults,
        }
    }

    /// Returns the comment lines above the first line that is none.
    pub fn comments(&self) -> &[String] {
        &self.comments
    }

    /// Returns the project that it states.
    pub fn project(&self) -> Option<&WheelhouseName> {
        self.project.as_ref()
    }

    /// Returns the names and digests that it lists.
    pub fn listed(&self) -> &BTreeMap<RelPath, Sha256Digest> {
        &self.listed
    }

    /// Returns the lines that break the format.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }
}

/// Returns the comments of a new manifest: the statement of the project, then those
/// of the old one that state none.
pub fn comments(old: &[String], project: Option<&WheelhouseName>) -> Vec<String> {
    let statement = project.map(|project| format!("{PROJECT}{project}"));
    let others = old
        .iter()
        .filter(|comment| !comment.starts_with(PROJECT))
        .cloned();
    statement.into_iter().chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(bytes: &[u8]) -> Unsigned {
        Unsigned::parse(bytes, Lines::default())
    }

    fn name(text: &str) -> RelPath {
        RelPath::parse(text).unwrap()
    }

    #[test]
    fn lines_are_sorted_by_bytes_and_follow_the_comments() {
        let digest = Sha256Digest::of(b"abc");
        let files = ["é", "b", "B", "a-2", "a.1"].map(|text| (name(text), digest));
        let text = canonical(
            &["# one".to_owned(), "# two".to_owned()],
            &BTreeMap::from(files),
        );
        let expected: String = ["B", "a-2", "a.1", "b", "é"]
            .iter()
            .map(|name| format!("{digest}  {name}\n"))
            .collect();
        assert_eq!(
            String::from_utf8(text).unwrap(),
            format!("# one\n# two\n{expected}")
        );
    }

    #[test]
    fn the_comments_above_the_first_entry_are_read_and_no_others() {
        let text = "# one\n#two\n\n# three\n";
        assert_eq!(parse(text.as_bytes()).comments(), ["# one", "#two"]);
        let text = "# o\u{1b}[31mne\n# crlf\r\n# two\n";
        assert_eq!(parse(text.as_bytes()).comments(), ["# two"]);
        assert!(parse(b"").comments().is_empty());
    }

    #[test]
    fn a_project_takes_the_place_of_another_and_stands_first() {
        let old = ["# ours".to_owned(), "# wheelproof: project=old".to_owned()];
        let new: WheelhouseName = "new".parse().unwrap();
        assert_eq!(comments(&old, None), ["# ours"]);
        assert_eq!(
            comments(&old, Some(&new)),
            ["# wheelproof: project=new", "# ours"]
        );
    }

    #[test]
    fn twins_are_told_with_the_earlier_name() {
        let names = ["A_b-1.0.tar.gz", "a-b-1.0.tar.gz", "c-1.0.tar.gz"].map(name);
        assert_eq!(twins(names.iter()), [(&names[1], &names[0])]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            names in proptest::collection::btree_set("[a-zé .*#-]{1,8}(/[a-z]{1,8})?", 0..20),
            project in proptest::option::of("[a-z]{1,9}"),
        ) {
            let files: BTreeMap<RelPath, Sha256Digest> = names
                .iter()
                .filter_map(|text| RelPath::parse(text).ok())
                .map(|name| { let digest = Sha256Digest::of(name.as_str().as_bytes()); (name, digest) })
                .collect();
            let project: Option<WheelhouseName> = project.map(|text| text.parse().unwrap());
            let above = comments(&[], project.as_ref());
            let read = parse(&canonical(&above, &files));
            prop_assert_eq!(read.comments(), &above);
            prop_assert_eq!(read.project(), project.as_ref());
            if twins(files.keys()).is_empty() {
                prop_assert!(read.faults().is_empty(), "{:?}", read.faults());
                prop_assert_eq!(read.listed(), &files);
            } else {
                prop_assert!(!read.faults().is_empty());
            }
        }
    }
}
