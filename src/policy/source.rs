//! The text of a policy, with the places in it.
//!
//! In: a value and where it stands. Out: the value in its range, or an error that
//! names file, line and column.

use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;

use super::PolicyError;

/// The most characters of a line that are shown.
const SHOWN: usize = 100;

/// Returns a line of the file with its number, and marks below what of it is wrong, as
/// compilers show it.
fn excerpt(line: usize, column: usize, text: &str, marked: &str) -> Vec<String> {
    // A mark stands below its character only where each takes one place.
    let plain = |c: char| if c == '\t' || c.is_control() { ' ' } else { c };
    let shown: String = text
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .map(plain)
        .take(SHOWN)
        .collect();
    if column > SHOWN || shown.trim().is_empty() {
        return Vec::new();
    }
    let room = shown.chars().count().saturating_sub(column - 1).max(1);
    let marks = marked
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        .clamp(1, room);
    let number = line.to_string();
    let margin = " ".repeat(number.len());
    vec![
        format!("{margin} |"),
        format!("{number} | {shown}"),
        format!("{margin} | {}{}", " ".repeat(column - 1), "^".repeat(marks)),
    ]
}

/// Returns a path that climbs out of the directory of the policy without that detour, such
/// as `wheels` for `debian/../wheels`. None where the directory may be a link, which leads
/// elsewhere.
fn simplified(parent: &Path, path: &Path) -> Option<PathBuf> {
    let (mut at, mut rest) = (parent.to_owned(), path);
    while let Ok(below) = rest.strip_prefix("..") {
        let is_plain = at
            .symlink_metadata()
            .is_ok_and(|metadata| metadata.is_dir());
        // What ends in '..' itself has no name, and is left as it is.
        if !is_plain || at.file_name().is_none() || !at.pop() {
            break;
        }
        rest = below;
    }
    (rest != path).then(|| at.join(rest))
}

/// The file, for relative paths and for the places of errors.
pub(super) struct Source<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
}

impl Source<'_> {
    /// Returns the line and the column where something stands, counted from 1.
    pub(super) fn position(&self, span: &Range<usize>) -> (usize, usize) {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        (before.matches('\n').count() + 1, column)
    }

    pub(super) fn error(&self, span: Range<usize>, message: impl Into<String>) -> PolicyError {
        let (line, column) = self.position(&span);
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let text = self.text.get(line_start..).unwrap_or_default();
        let marked = self.text.get(span).unwrap_or_default();
        PolicyError::Invalid {
            path: self.path.to_owned(),
            line,
            column,
            message: message.into(),
            excerpt: excerpt(line, column, text, marked),
        }
    }

    pub(super) fn resolve(&self, path: PathBuf) -> PathBuf {
        match self.path.parent() {
            Some(parent) => simplified(parent, &path).unwrap_or_else(|| parent.join(path)),
            None => path,
        }
    }

    pub(super) fn resolve_all(&self, paths: Vec<PathBuf>) -> Vec<PathBuf> {
        paths.into_iter().map(|path| self.resolve(path)).collect()
    }

    /// Returns the path that a key says, if it is there.
    pub(super) fn path(&self, value: Option<Spanned<PathBuf>>) -> Option<PathBuf> {
        value.map(|path| self.resolve(path.into_inner()))
    }

    /// Returns the paths that a key lists; `None` when it is not there.
    pub(super) fn paths(&self, value: Option<Spanned<Vec<PathBuf>>>) -> Option<Vec<PathBuf>> {
        value.map(|paths| self.resolve_all(paths.into_inner()))
    }

    /// Checks a value that has a place, keeping the place for the error.
    pub(super) fn check<T, U>(
        &self,
        value: &Spanned<T>,
        check: impl FnOnce(&T) -> Result<U, String>,
    ) -> Result<U, PolicyError> {
        check(value.get_ref()).map_err(|message| self.error(value.span(), message))
    }

    pub(super) fn positive(&self, value: &Spanned<i64>) -> Result<u64, PolicyError> {
        self.check(value, |number| {
            u64::try_from(*number)
                .ok()
                .filter(|number| *number >= 1)
                .ok_or_else(|| format!("this is {number}, but has to be at least 1"))
        })
    }

    pub(super) fn mebibytes(
        &self,
        value: &Option<Spanned<i64>>,
        default: u64,
    ) -> Result<u64, PolicyError> {
        match value {
            Some(value) => self.check(value, |number| {
                u64::try_from(*number)
                    .ok()
                    .filter(|number| *number >= 1)
                    .and_then(|number| number.checked_mul(1 << 20))
                    .ok_or_else(|| format!("this is {number}, but has to be at least 1"))
            }),
            None => Ok(default),
        }
    }

    pub(super) fn word<T: Copy>(
        &self,
        value: &Spanned<String>,
        words: &[(&str, T)],
    ) -> Result<T, PolicyError> {
        self.check(value, |text| {
            words
                .iter()
                .find(|(word, _)| word == text)
                .map(|(_, meaning)| *meaning)
                .ok_or_else(|| {
                    let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                    format!(
                        "'{}' is none of: {}",
                        text.escape_default(),
                        known.join(", ")
                    )
                })
        })
    }
}
