//! The rows of a wheel's RECORD.
//!
//! In: the bytes of RECORD. Out: a [`Row`] for each line that is one, and a
//! [`BadRow`] for each that is none. Nothing is compared with the members.
//!
//! The format is CSV as Python's csv module writes and reads it by default
//! (binary distribution format, "The .dist-info directory"; RFC 4180 for quotes):
//! path, digest, size.

use crate::digest::Algorithm;

/// The most bytes a RECORD may have. Two hundred thousand members fit.
pub(super) const MAX_BYTES: u64 = 64 << 20;

/// What RECORD says of one member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// The line it begins on, counted from 1.
    pub(super) line: u64,
    /// The member.
    pub(super) path: String,
    /// The digest, as it is written.
    pub(super) digest: StatedDigest,
    /// The size as it is written; empty when none is stated.
    pub(super) size: String,
}

/// What stands in the place of the digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum StatedDigest {
    /// Nothing.
    None,
    /// A digest by an algorithm that can be relied on, in base64 without padding.
    Strong(Algorithm, String),
    /// Something else, as it is written.
    Other(String),
}

/// A line that is no row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BadRow {
    /// The line it begins on, counted from 1.
    pub(super) line: u64,
    /// What is wrong with it.
    pub(super) reason: &'static str,
}

/// Reads every row. Blank lines are passed over.
pub(super) fn parse(text: &str) -> (Vec<Row>, Vec<BadRow>) {
    let (mut rows, mut bad) = (Vec::new(), Vec::new());
    let mut reader = Reader {
        rest: text,
        line: 1,
    };
    while !reader.rest.is_empty() {
        let line = reader.line;
        match reader.row() {
            Ok(fields) => match <[String; 3]>::try_from(fields) {
                Ok([path, digest, size]) => rows.push(Row {
                    line,
                    path,
                    digest: StatedDigest::read(digest),
                    size,
                }),
                Err(fields) if fields.len() == 1 && fields.iter().all(String::is_empty) => {}
                Err(_) => bad.push(BadRow {
                    line,
                    reason: "a row has three columns: path, digest, size",
                }),
            },
            Err(reason) => bad.push(BadRow { line, reason }),
        }
    }
    (rows, bad)
}

impl StatedDigest {
    fn read(text: String) -> Self {
        if text.is_empty() {
            return Self::None;
        }
        match text.split_once('=') {
            Some((name, value)) => match Algorithm::named(name) {
                // Some writers pad, and pip takes the padding off too.
                Some(algorithm) => Self::Strong(algorithm, value.trim_end_matches('=').to_owned()),
                None => Self::Other(text),
            },
            None => Self::Other(text),
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
    line: u64,
}

impl Reader<'_> {
    /// Takes one row with its line end.
    fn row(&mut self) -> Result<Vec<String>, &'static str> {
        let mut fields = Vec::new();
        loop {
            let field = match self.rest.strip_prefix('"') {
                Some(rest) => {
                    self.rest = rest;
                    match self.quoted() {
                        Ok(field) => field,
                        Err(reason) => {
                            self.skip_line();
                            return Err(reason);
                        }
                    }
                }
                None => {
                    let end = self.rest.find([',', '\r', '\n']).unwrap_or(self.rest.len());
                    let (field, rest) = self.rest.split_at(end);
                    self.rest = rest;
                    field.to_owned()
                }
            };
            // A row has three columns. More are counted and not kept.
            if fields.len() < 4 {
                fields.push(field);
            }
            match self.rest.strip_prefix(',') {
                Some(rest) => self.rest = rest,
                None => break,
            }
        }
        if self.rest.is_empty() || self.rest.starts_with(['\r', '\n']) {
            self.skip_line();
            Ok(fields)
        } else {
            self.skip_line();
            Err("there is something between a closing quote and the comma")
        }
    }

    /// Takes a field behind its opening quote. Two quotes are one.
    fn quoted(&mut self) -> Result<String, &'static str> {
        let mut field = String::new();
        loop {
            let Some((part, rest)) = self.rest.split_once('"') else {
                self.count_lines(self.rest);
                self.rest = "";
                return Err("a quote is never closed");
            };
            self.count_lines(part);
            field.push_str(part);
            match rest.strip_prefix('"') {
                Some(rest) => {
                    field.push('"');
                    self.rest = rest;
                }
                None => {
                    self.rest = rest;
                    return Ok(field);
                }
            }
        }
    }

    fn count_lines(&mut self, text: &str) {
        let ends = text.matches('\n').count() as u64;
        self.line = self.line.saturating_add(ends);
    }

    fn skip_line(&mut self) {
        let end = self.rest.find(['\r', '\n']).unwrap_or(self.rest.len());
        let (_, rest) = self.rest.split_at(end);
        self.rest = rest
            .strip_prefix("\r\n")
            .or_else(|| rest.strip_prefix(['\r', '\n']))
            .unwrap_or_default();
        self.line = self.line.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn paths(text: &str) -> Vec<String> {
        let (rows, bad) = parse(text);
        assert_eq!(bad, []);
        rows.into_iter().map(|row| row.path).collect()
    }

    #[test]
    fn a_row_has_path_digest_and_size() {
        let (rows, bad) = parse("a.py,sha256=x-_,3\r\n\nb.py,,\nc,md5=q,1\nd,sha512=z==,\n");
        assert_eq!(bad, []);
        let seen: Vec<_> = rows
            .iter()
            .map(|row| (row.line, row.path.as_str(), &row.digest, row.size.as_str()))
            .collect();
        assert_eq!(
            seen,
            [
                (
                    1,
                    "a.py",
                    &StatedDigest::Strong(Algorithm::Sha256, "x-_".to_owned()),
                    "3"
                ),
                (3, "b.py", &StatedDigest::None, ""),
                (4, "c", &StatedDigest::Other("md5=q".to_owned()), "1"),
                (
                    5,
                    "d",
                    &StatedDigest::Strong(Algorithm::Sha512, "z".to_owned()),
                    ""
                ),
            ]
        );
    }

    #[test]
    fn quotes_are_read_as_the_csv_module_writes_them() {
        // csv.writer(…).writerow(["a,b", "", ""]) and so on.
        assert_eq!(paths("\"a,b\",,\r\n"), ["a,b"]);
        assert_eq!(paths("\"a\"\"b\",,\r\n"), ["a\"b"]);
        assert_eq!(paths("\"a\nb\",,\r\nc,,"), ["a\nb", "c"]);
        assert_eq!(paths("a\"b,,\n"), ["a\"b"]);
        assert_eq!(parse("\"a\nb\",,\nc,,").0[1].line, 3);
    }

    #[test]
    fn what_is_no_row_is_told_with_its_line_and_the_next_is_read() {
        let (rows, bad) = parse("a,,\nb,\n\"c\"x,,\nd,,,,\ne,,\n\"f,,\n");
        let lines: Vec<u64> = bad.iter().map(|row| row.line).collect();
        assert_eq!(lines, [2, 3, 4, 6]);
        assert_eq!(rows.len(), 2);
        assert_eq!(bad[3].reason, "a quote is never closed");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic_or_hang(text in "[a\",\r\n=é]{0,40}") {
            let (rows, bad) = parse(&text);
            prop_assert!(rows.len() + bad.len() <= text.len());
        }

        // The other direction is written from RFC 4180 and not from the reader.
        #[test]
        fn quoted_paths_come_back(paths in prop::collection::vec("[a-c\",é /]{1,8}", 1..5)) {
            let text: String = paths
                .iter()
                .map(|path| format!("\"{}\",,\r\n", path.replace('"', "\"\"")))
                .collect();
            let (rows, bad) = parse(&text);
            prop_assert_eq!(bad, vec![]);
            let read: Vec<String> = rows.into_iter().map(|row| row.path).collect();
            prop_assert_eq!(read, paths);
        }
    }
}
