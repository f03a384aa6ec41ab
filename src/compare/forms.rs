//! What can be said of contents in memory that differ beyond their lines.

use std::collections::BTreeMap;

use super::difference::Detail;
use super::sides::Sides;
use super::{bytecode, fields};

/// Compares two contents in memory that are known to differ.
pub(super) fn detail(name: &str, published: &[u8], rebuilt: &[u8]) -> Option<Detail> {
    let file = name.rsplit('/').next().unwrap_or(name);
    let is_described = name
        .rsplit_once('/')
        .is_some_and(|(directory, _)| directory.ends_with(".dist-info"));
    let has_fields = (is_described && matches!(file, "METADATA" | "WHEEL")) || file == "PKG-INFO";
    if has_fields && let Some(detail) = fields::compare(published, rebuilt) {
        return Some(Detail::Fields(detail));
    }
    if file.ends_with(".pyc") {
        return bytecode::compare(published, rebuilt).map(Detail::Bytecode);
    }
    same_lines(published, rebuilt)
}

fn same_lines(published: &[u8], rebuilt: &[u8]) -> Option<Detail> {
    let published = std::str::from_utf8(published).ok()?;
    let rebuilt = std::str::from_utf8(rebuilt).ok()?;
    let crlf = Sides {
        published: published.contains("\r\n"),
        rebuilt: rebuilt.contains("\r\n"),
    };
    let crlf = (crlf.published != crlf.rebuilt).then_some(crlf);
    let count = |text: &str| {
        let mut lines: BTreeMap<String, u32> = BTreeMap::new();
        for line in text.lines() {
            *lines.entry(line.to_owned()).or_default() += 1;
        }
        lines
    };
    let order = !published.lines().eq(rebuilt.lines());
    if !order && crlf.is_none() {
        // The same lines, and yet other bytes: only the last line feed is left.
        return None;
    }
    (!order || count(published) == count(rebuilt)).then_some(Detail::SameLines { crlf, order })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_differ_in_their_ends_or_their_order_are_told_apart() {
        let same = |published: &str, rebuilt: &str| match same_lines(
            published.as_bytes(),
            rebuilt.as_bytes(),
        ) {
            Some(Detail::SameLines { crlf, order }) => Some((crlf.map(|crlf| crlf.rebuilt), order)),
            _ => None,
        };
        assert_eq!(same("a\nb\n", "a\r\nb\r\n"), Some((Some(true), false)));
        assert_eq!(same("a\nb\n", "b\na\n"), Some((None, true)));
        assert_eq!(same("a\nb\n", "b\r\na\r\n"), Some((Some(true), true)));
        assert_eq!(same("a\nb\n", "a\nc\n"), None);
        assert_eq!(same("a\na\nb\n", "a\nb\nb\n"), None);
        assert_eq!(same("a\n", "a"), None);
    }

    #[test]
    fn only_the_files_of_a_dist_info_directory_are_compared_by_field() {
        let (published, rebuilt) = (&b"Name: a\n"[..], &b"Name: b\n"[..]);
        for (name, by_field) in [
            ("six-1.0.dist-info/METADATA", true),
            ("six-1.0.dist-info/WHEEL", true),
            ("six.egg-info/PKG-INFO", true),
            ("docs/METADATA", false),
            ("six-1.0.dist-info/RECORD", false),
        ] {
            let found = detail(name, published, rebuilt);
            assert_eq!(matches!(found, Some(Detail::Fields(_))), by_field, "{name}");
        }
    }
}
