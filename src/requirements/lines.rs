//! The lines of a requirements file as pip joins them.
//!
//! In: text. Out: logical lines without comments, each with the line it begins on.
//! Where pip and another reader could disagree about where a line ends, the line
//! is a fault: what the one takes for a comment can be an option to the other.

use super::fault::FaultKind;

/// A line after joining.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Logical {
    /// The line it begins on, counted from 1.
    pub(super) line: u64,
    /// What stands on it, without comment and surrounding blanks; never empty.
    pub(super) text: String,
}

/// Splits a text into logical lines. A line that is a fault is passed over.
pub(super) fn logical(text: &str) -> Vec<Result<Logical, (u64, FaultKind)>> {
    let mut lines = Vec::new();
    // The line being joined.
    let mut open: Option<Logical> = None;
    let mut finish = |open: &mut Option<Logical>| {
        if let Some(mut logical) = open.take() {
            logical.text = logical.text.trim().to_owned();
            if !logical.text.is_empty() {
                lines.push(Ok(logical));
            }
        }
    };
    let mut faults = Vec::new();
    for (line, physical) in (1..).zip(text.split_terminator('\n')) {
        let physical = physical.strip_suffix('\r').unwrap_or(physical);
        if line <= 2
            && let Some(encoding) = declared_encoding(physical)
        {
            faults.push((line, FaultKind::Encoding(super::fault::clip(encoding))));
        }
        if let Some(odd) = physical.chars().find(|character| is_odd(*character)) {
            faults.push((line, FaultKind::Character(odd)));
            open = None;
            continue;
        }
        if physical.trim_start().starts_with('#') {
            // A line that is a comment ends the one before it, '\' or not.
            finish(&mut open);
            continue;
        }
        let (code, has_comment) = without_comment(physical);
        let continues = physical.ends_with('\\');
        let code = match continues && !has_comment {
            true => code.strip_suffix('\\').unwrap_or(code),
            false => code,
        };
        // pip joins before it takes comments away, so the '\' behind a comment
        // makes the next line a part of it; others read that line.
        if (continues && has_comment) || code.contains('\\') {
            faults.push((line, FaultKind::Backslash));
            open = None;
            continue;
        }
        open.get_or_insert_with(|| Logical {
            line,
            text: String::new(),
        })
        .text
        .push_str(code);
        if !continues {
            finish(&mut open);
        }
    }
    if let Some(logical) = open
        && !logical.text.trim().is_empty()
    {
        faults.push((logical.line, FaultKind::OpenEnd));
    }
    lines.extend(faults.into_iter().map(Err));
    lines.sort_by_key(|line| match line {
        Ok(logical) => logical.line,
        Err((line, _)) => *line,
    });
    lines
}

/// Returns whether a character ends a line for Python's `str.splitlines`, which
/// pip uses, or is no text at all.
pub(super) fn is_odd(character: char) -> bool {
    matches!(character, '\u{2028}' | '\u{2029}') || (character.is_control() && character != '\t')
}

/// Returns the first `${NAME}` in a line. pip puts in what the environment says,
/// wherever it stands.
pub(super) fn variable(text: &str) -> Option<&str> {
    text.match_indices("${").find_map(|(index, _)| {
        let rest = text.get(index..)?;
        let end = rest.find('}')?;
        let name = rest.get(2..end)?;
        let is_name = !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
        is_name.then(|| rest.get(..=end)).flatten()
    })
}

/// Returns the code of a line, and whether a comment follows it.
fn without_comment(line: &str) -> (&str, bool) {
    let begins = line
        .match_indices('#')
        .map(|(index, _)| index)
        .find(|index| {
            let before = line.get(..*index).unwrap_or_default();
            before.is_empty() || before.ends_with([' ', '\t'])
        });
    match begins.and_then(|index| line.get(..index)) {
        Some(code) => (code, true),
        None => (line, false),
    }
}

/// Returns the encoding that a comment declares (PEP 263, as pip looks for it in
/// the first two lines), when it is not UTF-8.
fn declared_encoding(line: &str) -> Option<&str> {
    let comment = line.strip_prefix('#')?;
    comment.match_indices("coding").find_map(|(index, word)| {
        let rest = comment.get(index + word.len()..)?;
        let rest = rest.strip_prefix([':', '='])?.trim_start();
        let end = rest
            .find(|c: char| !(c.is_alphanumeric() || "-_.".contains(c)))
            .unwrap_or(rest.len());
        let name = rest.get(..end)?;
        let is_utf8 = ["utf-8", "utf8", "utf_8", "ascii", "us-ascii"]
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known));
        (!is_utf8 && !name.is_empty()).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<(u64, String)> {
        logical(text)
            .into_iter()
            .map(|line| match line {
                Ok(logical) => (logical.line, logical.text),
                Err((line, fault)) => (line, format!("! {fault}")),
            })
            .collect()
    }

    #[test]
    fn lines_are_joined_and_comments_go_as_in_pip() {
        let text = "# one\na==1 \\\n    --hash=x \\\n  # two\n--hash=y\nb==\\\n1 # three\r\n#four \\\nc#d\n\t\n";
        let expected = [
            (2, "a==1     --hash=x"),
            (5, "--hash=y"),
            (6, "b==1"),
            (9, "c#d"),
        ];
        let expected: Vec<_> = expected.map(|(line, text)| (line, text.to_owned())).into();
        assert_eq!(texts(text), expected);
    }

    #[test]
    fn what_readers_could_split_or_join_differently_is_a_fault() {
        let backslash = format!("! {}", FaultKind::Backslash);
        for text in ["a==1 # b \\\n", "a==1 \\ \n", "a\\b\n", "a==1 \\\\\n"] {
            assert_eq!(texts(text)[0], (1, backslash.clone()), "{text:?}");
        }
        for odd in [
            '\0', '\u{b}', '\u{c}', '\r', '\u{1c}', '\u{85}', '\u{2028}', '\u{2029}',
        ] {
            let text = format!("# harmless{odd}--index-url=x\n");
            let expected = format!("! {}", FaultKind::Character(odd));
            assert_eq!(texts(&text), [(1, expected)], "{odd:?}");
        }
        assert_eq!(
            texts("\na==1 \\\n"),
            [(2, format!("! {}", FaultKind::OpenEnd))]
        );
    }

    #[test]
    fn an_encoding_that_changes_the_text_is_a_fault_where_pip_looks_for_it() {
        for (text, is_fault) in [
            ("# -*- coding: utf_7 -*-\n", true),
            ("\n#vim: set fileencoding=latin-1 :\n", true),
            ("# coding=UTF-8\n", false),
            ("\n\n# coding: utf_7\n", false),
            ("# encoding matters\n", false),
        ] {
            assert_eq!(!texts(text).is_empty(), is_fault, "{text}");
        }
    }
}
