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
    /// Whether the path has commas and no quotes around it, so that the row seems
    /// to have more columns.
    pub(super) is_unquoted: bool,
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

/// What stands in RECORD.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Every row.
    pub(super) rows: Vec<Row>,
    /// Every line that is none.
    pub(super) bad: Vec<BadRow>,
    /// The numbers of the lines with nothing on them.
    pub(super) blank: Vec<u64>,
}

/// Reads every row.
pub(super) fn parse(text: &str) -> Lines {
    let mut lines = Lines::default();
    let mut reader = Reader {
        rest: text,
        line: 1,
    };
    while !reader.rest.is_empty() {
        let (line, before) = (reader.line, reader.rest);
        match reader.row() {
            Ok(fields) => match <[String; 3]>::try_from(fields) {
                Ok([path, digest, size]) => lines.rows.push(Row {
                    line,
                    path,
                    digest: StatedDigest::read(digest),
                    size,
                    is_unquoted: false,
                }),
                Err(fields) if fields.len() == 1 && fields.iter().all(String::is_empty) => {
                    lines.blank.push(line);
                }
                Err(_) => match with_commas(before, line) {
                    Some(row) => lines.rows.push(row),
                    None => lines.bad.push(BadRow {
                        line,
                        reason: "a row has three columns: path, digest, size",
                    }),
                },
            },
            Err(reason) => lines.bad.push(BadRow { line, reason }),
        }
    }
    lines
}

/// Returns the row at the start of a text whose path has commas and no quotes, as
/// programs write it that put RECORD together by hand. Its last two columns are a
/// digest that can be relied on and a size, so it is read in one way only.
fn with_commas(text: &str, line: u64) -> Option<Row> {
    let text = text.split(['\r', '\n']).next()?;
    let mut columns = text.rsplitn(3, ',');
    let (size, digest, path) = (columns.next()?, columns.next()?, columns.next()?);
    let digest = StatedDigest::read(digest.to_owned());
    let is_number = size.bytes().all(|byte| byte.is_ascii_digit());
    let is_row = matches!(digest, StatedDigest::Strong(..)) && is_number;
    // Behind quotes, commas are no separators.
    (is_row && !text.contains('"')).then(|| Row {
        line,
        path: path.to_owned(),
        digest,
        size: size.to_owned(),
        is_unquoted: true,
    })
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
        let lines = parse(text);
        assert_eq!(lines.bad, []);
        lines.rows.into_iter().map(|row| row.path).collect()
    }

    #[test]
    fn a_row_has_path_digest_and_size() {
        let lines = parse("a.py,sha256=x-_,3\r\n\nb.py,,\nc,md5=q,1\nd,sha512=z==,\n");
        assert_eq!(lines.bad, []);
        assert_eq!(lines.blank, [2]);
        let seen: Vec<_> = lines
            .rows
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
        assert_eq!(parse("\"a\nb\",,\nc,,").rows[1].line, 3);
    }

    #[test]
    fn what_is_no_row_is_told_with_its_line_and_the_next_is_read() {
        let Lines { rows, bad, blank } = parse("a,,\nb,\n\"c\"x,,\nd,,,,\ne,,\n\"f,,\n");
        let lines: Vec<u64> = bad.iter().map(|row| row.line).collect();
        assert_eq!(lines, [2, 3, 4, 6]);
        assert_eq!((rows.len(), blank.len()), (2, 0));
        assert_eq!(bad[3].reason, "a quote is never closed");
    }

    #[test]
    fn commas_without_quotes_are_read_where_nothing_else_can_be_meant() {
        let Lines { rows, bad, .. } = parse(
            "E=8,N=1.json,sha256=x,3\r\nq,w,sha512=y==,\n\"a,b\",c,sha256=z,1\na,b,md5=x,1\na,b,,\na,b,sha256=x,y\n",
        );
        let seen: Vec<_> = rows
            .iter()
            .map(|row| {
                (
                    row.line,
                    row.path.as_str(),
                    row.size.as_str(),
                    row.is_unquoted,
                )
            })
            .collect();
        assert_eq!(seen, [(1, "E=8,N=1.json", "3", true), (2, "q,w", "", true)]);
        let lines: Vec<u64> = bad.iter().map(|row| row.line).collect();
        assert_eq!(lines, [3, 4, 5, 6]);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic_or_hang(text in "[a\",\r\n=é]{0,40}") {
            let Lines { rows, bad, blank } = parse(&text);
            prop_assert!(rows.len() + bad.len() + blank.len() <= text.len());
        }

        // The other direction is written from RFC 4180 and not from the reader.
        #[test]
        fn quoted_paths_come_back(paths in prop::collection::vec("[a-c\",é /]{1,8}", 1..5)) {
            let text: String = paths
                .iter()
                .map(|path| format!("\"{}\",,\r\n", path.replace('"', "\"\"")))
                .collect();
            let Lines { rows, bad, .. } = parse(&text);
            prop_assert_eq!(bad, vec![]);
            let read: Vec<String> = rows.into_iter().map(|row| row.path).collect();
            prop_assert_eq!(read, paths);
        }
    }
}
