//! Two texts side by side, and two sets as chips.

use super::details;
use crate::compare::{DiffLine, ElfDifference, ElfPart, Hunk, LineSide};
use crate::report::markup::Markup;
use crate::report::text::word_of;

/// How many chips of one set are written out.
const CHIPS: usize = 200;

/// Writes hunks, the published text on the left. Narrow screens have one above the
/// other.
pub(super) fn write(markup: &mut Markup, hunks: &[Hunk]) {
    if hunks.is_empty() {
        return;
    }
    markup.element("div", &[("class", "diff")], |markup| {
        markup.element("div", &[("class", "sides head")], |markup| {
            markup.with_text("div", &[], "published");
            markup.with_text("div", &[], "rebuilt");
        });
        for hunk in hunks {
            write_hunk(markup, hunk);
        }
    });
}

fn write_hunk(markup: &mut Markup, hunk: &Hunk) {
    let at = format!(
        "from line {} published, {} rebuilt",
        hunk.published_start, hunk.rebuilt_start
    );
    markup.with_text("div", &[("class", "at")], at);
    let mut numbers = Numbers {
        published: hunk.published_start,
        rebuilt: hunk.rebuilt_start,
    };
    let (mut gone, mut new): (Vec<&DiffLine>, Vec<&DiffLine>) = (Vec::new(), Vec::new());
    for line in &hunk.lines {
        match line.side {
            LineSide::Published => {
                if !new.is_empty() {
                    write_changed(markup, &mut numbers, &mut gone, &mut new);
                }
                gone.push(line);
            }
            LineSide::Rebuilt => new.push(line),
            LineSide::Both => {
                write_changed(markup, &mut numbers, &mut gone, &mut new);
                markup.element("div", &[("class", "sides same")], |markup| {
                    for number in [numbers.published, numbers.rebuilt] {
                        markup.element("div", &[], |markup| {
                            write_line(markup, number, " ", [&line.text, "", ""], line);
                        });
                    }
                });
                numbers.published += 1;
                numbers.rebuilt += 1;
            }
        }
    }
    write_changed(markup, &mut numbers, &mut gone, &mut new);
}

/// The numbers of the next lines.
struct Numbers {
    published: u64,
    rebuilt: u64,
}

/// Writes lines that only one side has, pair by pair, and empties both lists.
fn write_changed(
    markup: &mut Markup,
    numbers: &mut Numbers,
    gone: &mut Vec<&DiffLine>,
    new: &mut Vec<&DiffLine>,
) {
    for index in 0..gone.len().max(new.len()) {
        let pair = (gone.get(index), new.get(index));
        let (left, right) = match pair {
            (Some(left), Some(right)) => in_common(&left.text, &right.text),
            (Some(left), None) => ([left.text.as_str(), "", ""], ["", "", ""]),
            (None, Some(right)) => (["", "", ""], [right.text.as_str(), "", ""]),
            (None, None) => continue,
        };
        markup.element("div", &[("class", "sides")], |markup| {
            match pair.0 {
                Some(line) => {
                    markup.element("del", &[], |markup| {
                        write_line(markup, numbers.published, "−", left, line);
                    });
                    numbers.published += 1;
                }
                None => markup.element("div", &[("class", "none")], |_| {}),
            }
            match pair.1 {
                Some(line) => {
                    markup.element("ins", &[], |markup| {
                        write_line(markup, numbers.rebuilt, "+", right, line);
                    });
                    numbers.rebuilt += 1;
                }
                None => markup.element("div", &[("class", "none")], |_| {}),
            }
        });
    }
    gone.clear();
    new.clear();
}

/// Writes a line in three pieces; the one in the middle is what differs.
fn write_line(
    markup: &mut Markup,
    number: u64,
    sign: &'static str,
    [before, differs, behind]: [&str; 3],
    line: &DiffLine,
) {
    markup.with_text("i", &[], number.to_string());
    markup.with_text("b", &[], sign);
    markup.element("span", &[], |markup| {
        markup.text(before);
        if !differs.is_empty() {
            markup.with_text("mark", &[], differs);
        }
        markup.text(behind);
        if line.cut {
            markup.ours("… (cut)");
        }
        if line.no_line_feed {
            markup.ours(" (no line feed at the end)");
        }
    });
}

/// Splits two lines into what they start with both, what differs, and what they end
/// with both. Lines that have little in common differ as a whole.
fn in_common<'a>(left: &'a str, right: &'a str) -> ([&'a str; 3], [&'a str; 3]) {
    let whole = ([left, "", ""], [right, "", ""]);
    let before: usize = left
        .chars()
        .zip(right.chars())
        .take_while(|(left, right)| left == right)
        .map(|(character, _)| character.len_utf8())
        .sum();
    let (Some((start, left)), Some((_, right))) = (
        left.split_at_checked(before),
        right.split_at_checked(before),
    ) else {
        return whole;
    };
    let behind: usize = left
        .chars()
        .rev()
        .zip(right.chars().rev())
        .take_while(|(left, right)| left == right)
        .map(|(character, _)| character.len_utf8())
        .sum();
    let cut = |text: &'a str| text.split_at_checked(text.len().saturating_sub(behind));
    let (Some((left, end)), Some((right, _))) = (cut(left), cut(right)) else {
        return whole;
    };
    if start.len() + end.len() < 4 {
        return whole;
    }
    ([start, left, end], [start, right, end])
}

/// Writes the parts of a shared object that differ, each as two sets; what follows
/// from other parts is folded away.
pub(super) fn write_parts(markup: &mut Markup, parts: &[ElfDifference]) {
    let follows = |part: &&ElfDifference| {
        matches!(
            part.part,
            ElfPart::BuildId | ElfPart::Section | ElfPart::Padding
        )
    };
    let (followers, parts): (Vec<_>, Vec<_>) = parts.iter().partition(follows);
    for part in &parts {
        write_part(markup, part);
    }
    if !followers.is_empty() {
        details(
            markup,
            parts.is_empty(),
            |markup| markup.ours("Sections, and what follows from them"),
            |markup| {
                for part in &followers {
                    write_part(markup, part);
                }
            },
        );
    }
}

fn write_part(markup: &mut Markup, part: &ElfDifference) {
    let name = match part.subject {
        "" => word_of(part.part),
        subject => format!("{}: {subject}", word_of(part.part)),
    };
    markup.element("p", &[("class", "small")], |markup| {
        markup.with_text("strong", &[], name);
    });
    chips(markup, &part.published, &part.rebuilt);
}

/// Writes what only one of two sets has: what went with a minus, what came with a
/// plus.
pub(super) fn chips(markup: &mut Markup, published: &[String], rebuilt: &[String]) {
    markup.element("ul", &[("class", "chips")], |markup| {
        for (values, class, sign, side) in [
            (published, "gone", "− ", "only published: "),
            (rebuilt, "new", "+ ", "only rebuilt: "),
        ] {
            for value in values.iter().take(CHIPS) {
                markup.element("li", &[("class", class)], |markup| {
                    markup.with_text("span", &[("aria-hidden", "true")], sign);
                    markup.with_text("span", &[("class", "hidden")], side);
                    markup.text(value);
                });
            }
            let more = values.len().saturating_sub(CHIPS);
            if more > 0 {
                let more = format!("and {more} more {side}the JSON report has them");
                markup.with_text("li", &[("class", class)], more);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_lines_have_in_common_is_told_from_what_differs() {
        for (left, right, differs) in [
            (
                "Version: 0.29.36 end",
                "Version: 3.0.8 end",
                ("0.29.36", "3.0.8"),
            ),
            ("Größe: ä!", "Größe: ö!", ("ä", "ö")),
            ("aaaaaa", "aaaaaaaa", ("", "aa")),
            ("abc", "xyz", ("", "")),
        ] {
            let (one, other) = in_common(left, right);
            assert_eq!((one.concat(), other.concat()), (left.into(), right.into()));
            if differs.0.is_empty() && differs.1.is_empty() {
                assert_eq!((one[0], other[0]), (left, right));
            } else {
                assert_eq!((one[1], other[1]), differs);
            }
        }
    }
}
