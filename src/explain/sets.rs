//! Lists whose order a set decides.
//!
//! Only literals can be elements: what runs when a line is run keeps its order. Between
//! elements there is the same sign everywhere, so that nothing hides between them.

use super::derive::{Known, Target, Value};
use crate::compare::{Hunk, LineSide, Sides};

/// Returns a side of a piece without the order that a set may have given it.
pub(super) fn reduce(_: &Known<'_>, target: &Target<'_>, value: Value) -> Option<Value> {
    match value {
        Value::Lines(lines) => Some(Value::Lines(lists(lines, is_data(target.file())))),
        Value::Bytes(bytes) => {
            let text = String::from_utf8(bytes).ok()?;
            let lines = text.split_inclusive('\n').map(str::to_owned).collect();
            let lines = match is_data(target.file()) {
                true => sorted(lines),
                false => lists(lines, false),
            };
            Some(Value::Lines(lines))
        }
        Value::Values(values) if target.is_field("Keywords") => {
            let words = values.iter().map(|value| words(value));
            words.collect::<Option<Vec<_>>>().map(Value::Values)
        }
        // The order of fields: those of one name may change places, and names may not.
        Value::Values(values) if target.has_no_field() => Some(Value::Values(values)),
        _ => None,
    }
}

/// Returns whether the changed lines of a hunk hold the same sets.
pub(super) fn are_same(file: &str, hunk: &Hunk) -> bool {
    let of = |side: LineSide| -> Vec<String> {
        let own = hunk.lines.iter();
        let own = own.filter(|line| line.side == LineSide::Both || line.side == side);
        own.map(|line| line.text.clone()).collect()
    };
    lists(of(LineSide::Published), is_data(file)) == lists(of(LineSide::Rebuilt), is_data(file))
}

/// Returns whether the lines of a file are the same where the order of sets is left out.
pub(super) fn may_be_ordered(file: &str, held: &Sides<Vec<u8>>) -> bool {
    let text = |bytes: &[u8]| -> Vec<String> {
        let text = String::from_utf8_lossy(bytes);
        text.lines().map(str::to_owned).collect()
    };
    is_data(file) || lists(text(&held.published), false) == lists(text(&held.rebuilt), false)
}

/// Returns whether a file is none that an interpreter runs or a compiler reads.
fn is_data(file: &str) -> bool {
    const ENDS: [&str; 8] = [
        ".txt", ".rst", ".md", ".csv", ".lst", ".json", ".html", ".po",
    ];
    ENDS.iter().any(|end| file.ends_with(end)) && file != "entry_points.txt"
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

/// Sorts the elements of lists in lines, and lines that are elements themselves.
fn lists(lines: Vec<String>, is_data: bool) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut run: Vec<String> = Vec::new();
    for line in lines {
        let bare = line.trim_end_matches(['\r', '\n']);
        if is_element_line(bare) {
            run.push(line);
            continue;
        }
        out.append(&mut sorted(std::mem::take(&mut run)));
        out.push(match is_data && !line.contains(['[', '{', '(']) {
            true => words(&line).unwrap_or(line),
            false => list(&line),
        });
    }
    out.append(&mut sorted(run));
    out
}

/// Returns whether a line is one element of a list over several lines.
fn is_element_line(line: &str) -> bool {
    line.trim().strip_suffix(',').is_some_and(is_literal)
}

/// Sorts the elements of each list without lists in it.
fn list(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(open) = rest.find(['[', '{', '(']) {
        let (before, from) = rest.split_at(open);
        let close = match from.as_bytes().first() {
            Some(b'[') => ']',
            Some(b'{') => '}',
            _ => ')',
        };
        let inside = from.get(1..).unwrap_or_default();
        let end = inside.find(['[', '{', '(', ']', '}', ')']);
        let is_call = close == ')' && before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        out.push_str(before);
        out.push_str(from.get(..1).unwrap_or_default());
        rest = inside;
        let Some((elements, after)) = end.and_then(|end| inside.split_at_checked(end)) else {
            continue;
        };
        if after.starts_with(close) && !is_call {
            out.push_str(&sorted_elements(elements).unwrap_or_else(|| elements.to_owned()));
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

/// Sorts elements that all are literals, with the same sign between all of them.
fn sorted_elements(text: &str) -> Option<String> {
    let separator = match text.contains(", ") {
        true => ", ",
        false => ",",
    };
    let mut elements: Vec<&str> = text.split(separator).collect();
    if !elements.iter().all(|element| is_literal(element)) {
        return None;
    }
    elements.sort_unstable();
    Some(elements.join(separator))
}

/// Returns whether a text is a quoted text, a number, a name, or two of them with a colon.
fn is_literal(text: &str) -> bool {
    if let Some((key, value)) = text.split_once(": ") {
        return is_word(key) && is_word(value);
    }
    is_word(text)
}

fn is_word(text: &str) -> bool {
    let text = text.trim_start();
    let quoted = ['\'', '"'].iter().any(|quote| {
        let inner = text
            .strip_prefix(*quote)
            .and_then(|rest| rest.strip_suffix(*quote));
        inner.is_some_and(|inner| !inner.contains(['\'', '"', '\\']))
    });
    let plain = !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
    quoted || plain
}

/// Sorts words between which the same sign stands everywhere.
fn words(text: &str) -> Option<String> {
    let separator = [", ", ",", "; ", " "]
        .into_iter()
        .find(|separator| text.contains(separator))?;
    let (body, end) = match text.strip_suffix('\n') {
        Some(body) => (body, "\n"),
        None => (text, ""),
    };
    let mut words: Vec<&str> = body.split(separator).collect();
    if words
        .iter()
        .any(|word| word.is_empty() || word.trim() != *word)
    {
        return None;
    }
    words.sort_unstable();
    Some(format!("{}{end}", words.join(separator)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(one: &str, other: &str) -> bool {
        let lines = |text: &str| text.split_inclusive('\n').map(str::to_owned).collect();
        lists(lines(one), false) == lists(lines(other), false)
    }

    #[test]
    fn literals_of_a_set_may_change_places_and_code_may_not() {
        assert!(same("S = {'a', 'b', 'c'}\n", "S = {'c', 'a', 'b'}\n"));
        assert!(same(
            "x = [\n    'a',\n    'b',\n]\n",
            "x = [\n    'b',\n    'a',\n]\n"
        ));
        assert!(same("D = {'a': 1, 'b': 2}\n", "D = {'b': 2, 'a': 1}\n"));
        for (one, other) in [
            ("x = a - b\n", "x = b - a\n"),
            ("f('a', 'b')\n", "f('b', 'a')\n"),
            ("S = {'a', 'b'}\n", "S = {'b',  'a'}\n"),
            ("S = {'a', 'b'}\n", "S = {'b', 'c'}\n"),
            ("import a\nimport b\n", "import b\nimport a\n"),
            ("S = {run('a'), 'b'}\n", "S = {'b', run('a')}\n"),
        ] {
            assert!(!same(one, other), "{one}{other}");
        }
    }
}
