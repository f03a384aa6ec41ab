//! Whether two RECORDs differ only because other members do.
//!
//! In: two RECORD files of foreign wheels and the digests we computed of the
//! members that differ. Out: yes, or not shown.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::Side;
use super::sides::{Digested, Sides};
use crate::digest::base64;

/// The most bytes a RECORD may have to be looked into.
pub(super) const MEMBER_BYTES: u64 = 16 << 20;

/// The members that differ, by name: what each side has, nothing where the
/// member is missing.
pub(super) type Changed<'a> = HashMap<&'a [u8], Sides<Option<Digested>>>;

/// What differs between two RECORDs besides the rows that other members explain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Residue {
    /// Whether only one side ends its lines with CR LF, and which.
    pub(super) crlf: Option<Sides<bool>>,
    /// Whether the lines are in another order.
    pub(super) order: bool,
}

impl Residue {
    /// Returns whether nothing is left.
    pub(super) fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

/// Returns what is left of the difference of two RECORDs when the rows of other
/// members are taken out; nothing when it is more than the end or the order of
/// lines.
///
/// A row is taken out when each side states the true SHA-256 and size of the member,
/// which differs or is missing on the other side. Rows with other digests, or over
/// several lines, are not followed.
pub(super) fn residue(published: &[u8], rebuilt: &[u8], changed: &Changed<'_>) -> Option<Residue> {
    let strictly = |record, side| remaining(record, changed, side, false);
    let exact = strictly(published, Side::Published)?;
    if exact == strictly(rebuilt, Side::Rebuilt)? {
        return Some(Residue::default());
    }
    let crlf = Sides {
        published: published.windows(2).any(|two| two == b"\r\n"),
        rebuilt: rebuilt.windows(2).any(|two| two == b"\r\n"),
    };
    let differs = crlf.published != crlf.rebuilt;
    let mut published = remaining(published, changed, Side::Published, differs)?;
    let mut rebuilt = remaining(rebuilt, changed, Side::Rebuilt, differs)?;
    let order = published != rebuilt;
    if order {
        published.sort_unstable();
        rebuilt.sort_unstable();
    }
    (published == rebuilt).then_some(Residue {
        crlf: differs.then_some(crlf),
        order,
    })
}

/// A line of RECORD with the expected part taken out.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Row<'a> {
    /// A line that must be the same on both sides.
    Fixed(&'a [u8]),
    /// The row of a member that differs: its path as it is written, and the end of its line.
    Follows(&'a [u8], &'a [u8]),
}

/// Returns the lines without those of members the other side does not have;
/// nothing when a row of a changed member is not what it must be, stands twice or is
/// missing. Line ends may be left out of the comparison.
fn remaining<'a>(
    record: &'a [u8],
    changed: &Changed<'_>,
    side: Side,
    without_ends: bool,
) -> Option<Vec<Row<'a>>> {
    let mut rows = Vec::new();
    let mut seen = HashSet::new();
    for line in record.split_inclusive(|byte| *byte == b'\n') {
        let end = line.len()
            - line
                .iter()
                .rev()
                .take_while(|b| b"\r\n".contains(b))
                .count();
        let (row, ending) = line.split_at_checked(end)?;
        let (line, ending) = match without_ends {
            true => (row, &b""[..]),
            false => (line, ending),
        };
        let Some((path, rest)) = path_of(row) else {
            rows.push(Row::Fixed(line));
            continue;
        };
        let Some(sides) = changed.get(path.as_ref()) else {
            rows.push(Row::Fixed(line));
            continue;
        };
        let own = (*side.of(sides))?;
        let written = row.get(..row.len() - rest.len() - 1)?;
        // Python's csv quotes a path only where it has to.
        let has_quotes = written.starts_with(b"\"");
        let has_to = path.iter().any(|byte| b",\"\r\n".contains(byte));
        if has_quotes != has_to || !seen.insert(path.clone()) {
            return None;
        }
        if rest != format!("sha256={},{}", base64(own.sha256.as_bytes()), own.size).as_bytes() {
            return None;
        }
        if side.other().of(sides).is_some() {
            rows.push(Row::Follows(written, ending));
        }
    }
    // A member that one side alone has is listed, but for directories and signatures.
    let has_no_row = |path: &[u8]| {
        path.ends_with(b"/") || path.ends_with(b"/RECORD.jws") || path.ends_with(b"/RECORD.p7s")
    };
    let is_listed = |path: &&[u8]| seen.contains(&Cow::Borrowed(*path)) || has_no_row(path);
    let mut alone = changed
        .iter()
        .filter(|(_, sides)| side.of(sides).is_some() && side.other().of(sides).is_none());
    alone.all(|(path, _)| is_listed(path)).then_some(rows)
}

/// Splits a row into its path and the rest behind the comma (RFC 4180 for the
/// quotes).
fn path_of(row: &[u8]) -> Option<(Cow<'_, [u8]>, &[u8])> {
    let Some(mut quoted) = row.strip_prefix(b"\"") else {
        let comma = row.iter().position(|byte| *byte == b',')?;
        return Some((Cow::Borrowed(row.get(..comma)?), row.get(comma + 1..)?));
    };
    let mut path = Vec::new();
    loop {
        let quote = quoted.iter().position(|byte| *byte == b'"')?;
        path.extend_from_slice(quoted.get(..quote)?);
        quoted = quoted.get(quote + 1..)?;
        match quoted.split_first()? {
            (b'"', rest) => {
                path.push(b'"');
                quoted = rest;
            }
            (b',', rest) => return Some((Cow::Owned(path), rest)),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Sha256Digest;

    // python3 -c "import base64, hashlib; print(base64.urlsafe_b64encode(
    //   hashlib.sha256(b'abc').digest()).rstrip(b'='))", and for b'' and b'?'.
    const ABC: &str = "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0";
    const EMPTY: &str = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";

    fn digested(bytes: &[u8]) -> Option<Digested> {
        Some(Digested {
            size: bytes.len() as u64,
            sha256: Sha256Digest::of(bytes),
        })
    }

    /// `a.py` differs, `b.py` is only published, `c.py` only rebuilt.
    fn check(published: &str, rebuilt: &str) -> bool {
        let sides = |published, rebuilt| Sides { published, rebuilt };
        let changed = Changed::from([
            (&b"a.py"[..], sides(digested(b"abc"), digested(b""))),
            (b"b.py", sides(digested(b"abc"), None)),
            (b"c,\".py", sides(None, digested(b""))),
        ]);
        let residue = residue(published.as_bytes(), rebuilt.as_bytes(), &changed);
        residue.is_some_and(Residue::is_nothing)
    }

    #[test]
    fn true_rows_of_changed_members_are_followed() {
        let published =
            format!("a.py,sha256={ABC},3\nb.py,sha256={ABC},3\r\nx.py,sha256=x,1\nRECORD,,\n");
        let rebuilt = format!(
            "a.py,sha256={EMPTY},0\n\"c,\"\".py\",sha256={EMPTY},0\nx.py,sha256=x,1\nRECORD,,\n"
        );
        assert!(check(&published, &rebuilt));
    }

    #[test]
    fn anything_else_is_not_followed() {
        let good = format!("a.py,sha256={ABC},3\nb.py,sha256={ABC},3\nx.py,sha256=x,1\n");
        let rebuilt = format!("a.py,sha256={EMPTY},0\nx.py,sha256=x,1\n");
        let whole = |rows: &str| format!("\"c,\"\".py\",sha256={EMPTY},0\n{rows}");
        assert!(check(&good, &whole(&rebuilt)));
        // A member that one side alone has is in neither.
        assert!(!check(&good, &rebuilt));
        for (what, other) in [
            (
                "wrong digest",
                format!("a.py,sha256={ABC},0\nx.py,sha256=x,1\n"),
            ),
            (
                "wrong size",
                format!("a.py,sha256={EMPTY},1\nx.py,sha256=x,1\n"),
            ),
            (
                "other member",
                format!("a.py,sha256={EMPTY},0\nx.py,sha256=y,1\n"),
            ),
            ("order", format!("x.py,sha256=x,1\na.py,sha256={EMPTY},0\n")),
            (
                "line end",
                format!("a.py,sha256={EMPTY},0\r\nx.py,sha256=x,1\n"),
            ),
            ("row missing", "x.py,sha256=x,1\n".to_owned()),
            ("absent member", format!("{rebuilt}b.py,sha256={ABC},3\n")),
            ("comment", format!("{rebuilt}\n")),
            (
                "quotes",
                format!("\"a.py\",sha256={EMPTY},0\nx.py,sha256=x,1\n"),
            ),
            (
                "twice",
                format!("a.py,sha256={EMPTY},0\na.py,sha256={EMPTY},0\nx.py,sha256=x,1\n"),
            ),
        ] {
            assert!(!check(&good, &whole(&other)), "{what}");
        }
    }

    #[test]
    fn broken_quotes_are_not_followed_and_do_not_panic() {
        for row in ["\"", "\"a", "\"a\"", "\"a\"x", "", ",", "\"a.py\"\""] {
            assert!(!check(row, "x"), "{row}");
        }
    }
}
