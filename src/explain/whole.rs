//! Whether the pieces of two contents are all that differs between them.
//!
//! In: the contents of both sides, and what the comparison says of them in terms of their
//! form. A form leaves out what its readers do not look at: spaces around a value, a line
//! end among others, the number of a digest. Such a rest is a piece of its own that no
//! cause claims.

use crate::compare::{BytecodeDetail, FieldsDetail, Sides};

/// What is left beside the pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// Nothing: the pieces are all.
    Nothing,
    /// Something that no piece holds.
    Something,
    /// It cannot be said: values are cut or run over several lines.
    Unknown,
}

/// The most characters of a value, and the most values, that a difference of fields keeps.
const CHARACTERS: usize = 500;
const VALUES: usize = 100;

/// Compares what header lines say beside the values of their fields.
pub(super) fn of_fields(detail: &FieldsDetail, held: &Sides<Vec<u8>>) -> Rest {
    let (Some(published), Some(rebuilt)) = (
        Raw::parse(&held.published, detail.crlf.is_some()),
        Raw::parse(&held.rebuilt, detail.crlf.is_some()),
    ) else {
        return Rest::Something;
    };
    let differs = |name: &str| {
        let mut fields = detail.fields.iter();
        fields.any(|field| field.field.eq_ignore_ascii_case(name))
    };
    let common = |raw: &Raw| {
        let mut entries: Vec<String> = raw
            .entries
            .iter()
            .filter(|(name, _)| !differs(name))
            .map(|(_, entry)| entry.clone())
            .collect();
        entries.sort();
        entries
    };
    if common(&published) != common(&rebuilt) || (!detail.body && published.body != rebuilt.body) {
        return Rest::Something;
    }
    let all = |raw: &Raw, is_so: fn(&str, &str) -> bool| {
        let mut entries = raw.entries.iter().filter(|(name, _)| differs(name));
        entries.all(|(name, entry)| is_so(name, entry))
    };
    let is_line: fn(&str, &str) -> bool = |_, entry| !entry.contains('\n');
    // Over several lines, tools have spaces of their own.
    let is_plain: fn(&str, &str) -> bool = |name, entry| {
        let value = entry
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix(": "));
        entry.contains('\n') || value.is_some_and(|value| value.trim() == value)
    };
    if !all(&published, is_plain) || !all(&rebuilt, is_plain) {
        return Rest::Something;
    }
    let is_cut = detail.fields.iter().any(|field| {
        [&field.published, &field.rebuilt].iter().any(|values| {
            values.len() >= VALUES
                || values
                    .iter()
                    .any(|value| value.chars().count() >= CHARACTERS)
        })
    });
    match is_cut || !all(&published, is_line) || !all(&rebuilt, is_line) {
        true => Rest::Unknown,
        false => Rest::Nothing,
    }
}

/// Header lines as they stand.
struct Raw {
    /// The name and the whole of each entry, without the last line end.
    entries: Vec<(String, String)>,
    body: String,
}

impl Raw {
    fn parse(bytes: &[u8], has_other_ends: bool) -> Option<Self> {
        let mut text = std::str::from_utf8(bytes).ok()?.to_owned();
        if has_other_ends {
            if !super::derive::is_uniform(bytes) {
                return None;
            }
            text = text.replace("\r\n", "\n");
        }
        let text = text.trim_end_matches('\n');
        let (header, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let mut entries: Vec<(String, String)> = Vec::new();
        for line in header.split('\n') {
            match line.starts_with([' ', '\t']) {
                true => {
                    let (_, entry) = entries.last_mut()?;
                    entry.push('\n');
                    entry.push_str(line);
                }
                false => {
                    let (name, _) = line.split_once(':')?;
                    entries.push((name.to_owned(), line.to_owned()));
                }
            }
        }
        Some(Self {
            entries,
            body: body.to_owned(),
        })
    }
}

/// Compares what lines that are the same have beside their ends and their order.
pub(super) fn of_lines(has_other_ends: bool, held: &Sides<Vec<u8>>) -> Rest {
    let plain = |bytes: &[u8]| -> Option<Vec<u8>> {
        if !has_other_ends {
            return Some(bytes.to_vec());
        }
        let text = std::str::from_utf8(bytes).ok()?.replace("\r\n", "\n");
        super::derive::is_uniform(bytes).then_some(text.into_bytes())
    };
    let (Some(published), Some(rebuilt)) = (plain(&held.published), plain(&held.rebuilt)) else {
        return Rest::Something;
    };
    let lines = |bytes: &[u8]| {
        let mut lines: Vec<Vec<u8>> = bytes
            .split(|byte| *byte == b'\n')
            .map(<[u8]>::to_vec)
            .collect();
        lines.sort();
        lines
    };
    match lines(&published) == lines(&rebuilt) {
        true => Rest::Nothing,
        false => Rest::Something,
    }
}

/// Compares what the headers of bytecode have that is not told (PEP 552): other flags, and
/// the size of the source.
pub(super) fn of_bytecode(detail: &BytecodeDetail, held: &Sides<Vec<u8>>) -> Rest {
    let same = |range: std::ops::Range<usize>| {
        held.published.get(range.clone()) == held.rebuilt.get(range)
    };
    let is_told = detail.recognised_by.is_some()
        || same(4..8) && same(12..16) && (detail.source_time.is_some() || same(8..12));
    match is_told {
        true => Rest::Nothing,
        false => Rest::Something,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::FieldDifference;

    fn sides(published: &str, rebuilt: &str) -> Sides<Vec<u8>> {
        Sides {
            published: published.as_bytes().to_vec(),
            rebuilt: rebuilt.as_bytes().to_vec(),
        }
    }

    #[test]
    fn a_space_that_no_reader_sees_is_left_beside_the_fields() {
        let detail = FieldsDetail {
            fields: vec![FieldDifference {
                field: "License-File".to_owned(),
                published: vec![],
                rebuilt: vec!["LICENSE".to_owned()],
            }],
            ..FieldsDetail::default()
        };
        let base = "Name: a\nSummary: b\n\nText\n";
        let more = "Name: a\nSummary: b\nLicense-File: LICENSE\n\nText\n";
        assert_eq!(of_fields(&detail, &sides(base, more)), Rest::Nothing);
        for (from, to) in [
            ("Summary: b", "Summary:  b"),
            ("Name", "name"),
            ("Text", "Text "),
            ("a\n", "a\r\n"),
            ("b\n", "b\n  c\n"),
        ] {
            let found = of_fields(&detail, &sides(base, &more.replacen(from, to, 1)));
            assert_eq!(found, Rest::Something, "{to:?}");
        }
        let spaced = more.replace("File: L", "File:  L");
        assert_eq!(of_fields(&detail, &sides(base, &spaced)), Rest::Something);
        let folded = more.replace("File: LICENSE", "File: LICENSE\n  b");
        assert_eq!(of_fields(&detail, &sides(base, &folded)), Rest::Unknown);
    }

    #[test]
    fn one_line_end_among_others_is_left() {
        assert_eq!(
            of_lines(true, &sides("a\nb\n", "a\r\nb\r\n")),
            Rest::Nothing
        );
        assert_eq!(
            of_lines(true, &sides("a\nb\n", "a\r\nb\n")),
            Rest::Something
        );
        assert_eq!(of_lines(false, &sides("a\nb\n", "b\na\n")), Rest::Nothing);
        assert_eq!(of_lines(false, &sides("a\nb\n", "b\na")), Rest::Something);
    }
}
