//! The changed lines of a text, within bounds.
//!
//! In: the contents of a member on both sides, from foreign wheels. Out:
//! [`ContentDiff`]. What a report takes and what the search for the shortest
//! list of changes may cost is bounded by counts and never by a clock, so that
//! equal inputs give equal reports.

use std::ops::Range;

use serde::Serialize;
use similar::{Algorithm, ChangeTag, DiffOp, capture_diff_slices, group_diff_ops};

/// The most bytes a text may have on either side.
pub(super) const MEMBER_BYTES: u64 = 256 * 1024;

/// The most lines shown of one member.
const MEMBER_LINES: usize = 200;

/// The most lines shown of all members together.
const TOTAL_LINES: usize = 5_000;

/// The most characters shown of one line.
const LINE_CHARACTERS: usize = 500;

/// How many equal lines are shown around changed ones, as `diff -u` does.
const CONTEXT: usize = 3;

/// The most that one search may cost: lines of one side times lines of the
/// other, without the equal lines at both ends.
const MEMBER_COST: usize = 25_000_000;

/// The most that all searches together may cost.
const TOTAL_COST: usize = 100_000_000;

/// What can be shown of two contents that differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "form", rename_all = "kebab-case")]
pub enum ContentDiff {
    /// Both are text.
    Text {
        /// The changes with lines around them, from first to last.
        hunks: Vec<Hunk>,
        /// How many further lines there are that are not in the hunks, because
        /// enough is shown.
        omitted_lines: u64,
    },
    /// At least one is not text: not UTF-8, or with control characters.
    Binary,
    /// Both are text or too large to look, and no lines are shown because that
    /// would be too many or would take too long.
    TooLarge,
}

/// Changed lines that are close together, and the lines around them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hunk {
    /// The first published line, counted from 1; 0 when there is none.
    pub published_start: u64,
    /// How many published lines.
    pub published_lines: u64,
    /// The first rebuilt line, counted from 1; 0 when there is none.
    pub rebuilt_start: u64,
    /// How many rebuilt lines.
    pub rebuilt_lines: u64,
    /// The lines.
    pub lines: Vec<DiffLine>,
}

impl Hunk {
    /// Returns the line that starts the hunk in a unified diff.
    pub fn header(&self) -> String {
        format!(
            "@@ -{},{} +{},{} @@",
            self.published_start, self.published_lines, self.rebuilt_start, self.rebuilt_lines
        )
    }
}

/// Which wheel has a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LineSide {
    /// Both have it.
    Both,
    /// Only the published wheel has it.
    Published,
    /// Only the rebuilt wheel has it.
    Rebuilt,
}

impl LineSide {
    /// Returns the sign that starts such a line in a unified diff.
    pub fn sign(self) -> char {
        match self {
            Self::Both => ' ',
            Self::Published => '-',
            Self::Rebuilt => '+',
        }
    }
}

/// A line of a text. It comes from a wheel; who prints it escapes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DiffLine {
    /// Which wheel has it.
    pub side: LineSide,
    /// The line without its line feed; a carriage return stays.
    pub text: String,
    /// Whether the text was cut because it is too long to show.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
    /// Whether it is the last line and ends without a line feed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_line_feed: bool,
}

/// What one comparison may still spend on texts.
pub(super) struct Budget {
    cost: usize,
    lines: usize,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self {
            cost: TOTAL_COST,
            lines: TOTAL_LINES,
        }
    }

    /// Compares two contents that are known to differ.
    pub(super) fn diff(&mut self, published: &[u8], rebuilt: &[u8]) -> ContentDiff {
        let (Some(published), Some(rebuilt)) = (text(published), text(rebuilt)) else {
            return ContentDiff::Binary;
        };
        let old: Vec<&str> = published.split_inclusive('\n').collect();
        let new: Vec<&str> = rebuilt.split_inclusive('\n').collect();
        let cost = cost(&old, &new);
        if cost > MEMBER_COST.min(self.cost) || self.lines == 0 {
            return ContentDiff::TooLarge;
        }
        self.cost -= cost;
        let mut left = MEMBER_LINES.min(self.lines);
        let before = left;
        let mut omitted_lines = 0;
        let mut hunks = Vec::new();
        for ops in group_diff_ops(capture_diff_slices(Algorithm::Myers, &old, &new), CONTEXT) {
            let size: usize = ops.iter().map(lines_of).sum();
            if left == 0 {
                omitted_lines += size as u64;
                continue;
            }
            hunks.push(hunk(&ops, &old, &new, left));
            omitted_lines += size.saturating_sub(left) as u64;
            left = left.saturating_sub(size);
        }
        self.lines -= before - left;
        ContentDiff::Text {
            hunks,
            omitted_lines,
        }
    }
}

/// Returns contents as text: UTF-8 without control characters other than those
/// that lay out lines.
fn text(contents: &[u8]) -> Option<&str> {
    std::str::from_utf8(contents).ok().filter(|text| {
        text.chars()
            .all(|c| !c.is_control() || matches!(c, '\t' | '\n' | '\r' | '\u{c}'))
    })
}

/// Bounds the work of a search. Myers' algorithm takes at most about as many
/// steps as the product of the lengths (Myers 1986, section 4).
fn cost(old: &[&str], new: &[&str]) -> usize {
    let same = |pairs: &mut dyn Iterator<Item = (&&str, &&str)>| {
        pairs.take_while(|(old, new)| old == new).count()
    };
    let head = same(&mut old.iter().zip(new));
    let (old, new) = (
        old.get(head..).unwrap_or_default(),
        new.get(head..).unwrap_or_default(),
    );
    let tail = same(&mut old.iter().rev().zip(new.iter().rev()));
    (old.len() - tail).saturating_mul(new.len() - tail)
}

fn lines_of(op: &DiffOp) -> usize {
    match op {
        DiffOp::Equal { len, .. } => *len,
        DiffOp::Delete { old_len, .. } => *old_len,
        DiffOp::Insert { new_len, .. } => *new_len,
        DiffOp::Replace {
            old_len, new_len, ..
        } => old_len + new_len,
    }
}

/// Makes a hunk of at most `most` lines.
fn hunk(ops: &[DiffOp], old: &[&str], new: &[&str], most: usize) -> Hunk {
    let span = |range: fn(&DiffOp) -> Range<usize>| {
        let start = ops.first().map_or(0, |op| range(op).start);
        let end = ops.last().map_or(start, |op| range(op).end);
        let lines = (end - start) as u64;
        // An empty range is named by the line before it, as `diff -u` does.
        (start as u64 + u64::from(lines > 0), lines)
    };
    let (published_start, published_lines) = span(DiffOp::old_range);
    let (rebuilt_start, rebuilt_lines) = span(DiffOp::new_range);
    let lines = ops
        .iter()
        .flat_map(|op| op.iter_changes(old, new))
        .take(most)
        .map(|change| {
            let line = change.value();
            let whole = line.strip_suffix('\n');
            let text: String = whole
                .unwrap_or(line)
                .chars()
                .take(LINE_CHARACTERS)
                .collect();
            DiffLine {
                side: match change.tag() {
                    ChangeTag::Equal => LineSide::Both,
                    ChangeTag::Delete => LineSide::Published,
                    ChangeTag::Insert => LineSide::Rebuilt,
                },
                cut: text.len() < whole.unwrap_or(line).len(),
                text,
                no_line_feed: whole.is_none(),
            }
        })
        .collect();
    Hunk {
        published_start,
        published_lines,
        rebuilt_start,
        rebuilt_lines,
        lines,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unified(diff: &ContentDiff) -> String {
        let ContentDiff::Text { hunks, .. } = diff else {
            panic!("{diff:?}")
        };
        let mut out = String::new();
        for hunk in hunks {
            out.push_str(&hunk.header());
            out.push('\n');
            for line in &hunk.lines {
                out.push(line.side.sign());
                out.push_str(&line.text);
                out.push_str(if line.no_line_feed { "%\n" } else { "\n" });
            }
        }
        out
    }

    fn diff(published: &str, rebuilt: &str) -> ContentDiff {
        Budget::new().diff(published.as_bytes(), rebuilt.as_bytes())
    }

    #[test]
    fn a_changed_line_comes_with_three_lines_around() {
        // As GNU diff -u prints it, without the file names.
        assert_eq!(
            unified(&diff(
                "1\n2\n3\n4\n5\n6\n7\n8\n9\n",
                "1\n2\n3\n4\nV\n6\n7\n8\n9\n"
            )),
            "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+V\n 6\n 7\n 8\n"
        );
    }

    #[test]
    fn an_added_line_and_a_missing_line_feed_are_shown() {
        assert_eq!(
            unified(&diff("a\nb\n", "a\nLicense-File: LICENSE\nb")),
            "@@ -1,2 +1,3 @@\n a\n-b\n+License-File: LICENSE\n+b%\n"
        );
        assert_eq!(unified(&diff("", "a\n")), "@@ -0,0 +1,1 @@\n+a\n");
        assert_eq!(
            unified(&diff("a\n", "a\r\n")),
            "@@ -1,1 +1,1 @@\n-a\n+a\r\n"
        );
    }

    #[test]
    fn two_changes_far_apart_are_two_hunks() {
        let lines: Vec<String> = (1..=40).map(|n| format!("{n}\n")).collect();
        let mut other = lines.clone();
        other[4] = "x\n".to_owned();
        other[29] = "y\n".to_owned();
        let ContentDiff::Text {
            hunks,
            omitted_lines,
        } = diff(&lines.concat(), &other.concat())
        else {
            panic!("text")
        };
        let headers: Vec<_> = hunks.iter().map(Hunk::header).collect();
        assert_eq!(headers, ["@@ -2,7 +2,7 @@", "@@ -27,7 +27,7 @@"]);
        assert_eq!(omitted_lines, 0);
    }

    #[test]
    fn what_is_not_text_on_either_side_is_binary() {
        for bytes in [&b"\xff"[..], b"a\0b", b"\x1b[31m"] {
            assert_eq!(Budget::new().diff(b"a\n", bytes), ContentDiff::Binary);
            assert_eq!(Budget::new().diff(bytes, b"a\n"), ContentDiff::Binary);
        }
    }

    #[test]
    fn shown_lines_are_bounded_and_the_rest_is_counted() {
        let many = "x\n".repeat(1000);
        let ContentDiff::Text {
            hunks,
            omitted_lines,
        } = diff("", &many)
        else {
            panic!("text")
        };
        assert_eq!((hunks.len(), hunks[0].lines.len()), (1, MEMBER_LINES));
        assert_eq!(omitted_lines, 800);
        let ContentDiff::Text { hunks, .. } = diff("", &"é".repeat(1000)) else {
            panic!("text")
        };
        let line = &hunks[0].lines[0];
        assert_eq!(
            (line.text.chars().count(), line.cut),
            (LINE_CHARACTERS, true)
        );
    }

    #[test]
    fn costly_texts_are_refused_and_equal_ends_cost_nothing() {
        let texts = ["a", "b"].map(|letter| {
            (0..6000)
                .map(|n| format!("{letter}{n}\n"))
                .collect::<String>()
        });
        assert_eq!(diff(&texts[0], &texts[1]), ContentDiff::TooLarge);
        let mut longer = texts[0].clone();
        longer.push_str("end\n");
        assert!(matches!(diff(&texts[0], &longer), ContentDiff::Text { .. }));
        let longer = format!("start\n{}", texts[0]);
        assert!(matches!(diff(&texts[0], &longer), ContentDiff::Text { .. }));
    }

    #[test]
    fn all_texts_of_a_comparison_share_one_budget() {
        let mut budget = Budget::new();
        let many = "x\n".repeat(1000);
        let shown: usize = (0..100)
            .map(|_| match budget.diff(b"", many.as_bytes()) {
                ContentDiff::Text { hunks, .. } => hunks.iter().map(|h| h.lines.len()).sum(),
                _ => 0,
            })
            .sum();
        assert_eq!(shown, TOTAL_LINES);
        let mut budget = Budget::new();
        let texts = ["a\n", "b\n"].map(|line| line.repeat(5000));
        let forms: Vec<_> = (0..5)
            .map(|_| budget.diff(texts[0].as_bytes(), texts[1].as_bytes()))
            .map(|diff| matches!(diff, ContentDiff::Text { .. }))
            .collect();
        assert_eq!(forms, [true, true, true, true, false]);
    }

    proptest! {
        // The oracle: removing one side's lines from the diff leaves the other
        // side's text.
        #[test]
        fn a_diff_holds_both_texts(published in "[ab\n]{0,40}", rebuilt in "[ab\n]{0,40}") {
            prop_assume!(published != rebuilt);
            let ContentDiff::Text { hunks, .. } = diff(&published, &rebuilt) else { panic!("text") };
            for (text, other, of) in [
                (&published, LineSide::Rebuilt, (|hunk| (hunk.published_start, hunk.published_lines)) as fn(&Hunk) -> (u64, u64)),
                (&rebuilt, LineSide::Published, |hunk| (hunk.rebuilt_start, hunk.rebuilt_lines)),
            ] {
                let lines: Vec<&str> = text.split_inclusive('\n').collect();
                for hunk in &hunks {
                    let (start, count) = of(hunk);
                    let shown: Vec<String> = hunk.lines.iter().filter(|line| line.side != other)
                        .map(|line| format!("{}{}", line.text, if line.no_line_feed { "" } else { "\n" })).collect();
                    prop_assert_eq!(shown.len() as u64, count);
                    let first = usize::try_from(start).expect("small").saturating_sub(1);
                    if count > 0 {
                        prop_assert_eq!(&lines[first..first + shown.len()], shown.as_slice());
                    }
                }
            }
        }
    }
}
