//! Text for a terminal that is narrower than its lines.
//!
//! Lines are broken between words, and what follows stands below what it belongs to. A
//! word that is longer than the terminal is wide, such as a digest, stays whole: it has to
//! be copied.

/// The least room for words; below that nothing is broken.
const LEAST: usize = 20;

/// Returns a text with no line wider than this, where that can be.
pub(super) fn text(text: &str, width: usize) -> String {
    text.split_inclusive('\n')
        .map(|line| match line.strip_suffix('\n') {
            Some(line) => format!("{}\n", folded(line, width)),
            None => folded(line, width),
        })
        .collect()
}

fn folded(line: &str, width: usize) -> String {
    let indent = hanging(line);
    if seen(line) <= width || indent + LEAST > width {
        return line.to_owned();
    }
    let mut out = String::new();
    let mut column = 0;
    for word in line.split_inclusive(' ') {
        let room = seen(word.trim_end_matches(' '));
        if column > indent && column + room > width {
            let end = out.trim_end_matches(' ').len();
            out.truncate(end);
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            column = indent;
        }
        out.push_str(word);
        column += seen(word);
    }
    out
}

/// Returns where the continuation of a line begins: below the value of a field or of a row,
/// else one step further in than the line.
fn hanging(line: &str) -> usize {
    let plain: String = strip(line);
    let lead = plain.len() - plain.trim_start_matches(' ').len();
    let rest = plain.get(lead..).unwrap_or_default();
    // "  next:     …" and "  good           …": a word, then two blanks or more.
    let gap = rest
        .find("  ")
        .filter(|at| !rest.get(..*at).unwrap_or_default().contains(". "));
    match gap {
        Some(at) if at <= 14 => {
            let value = rest.get(at..).unwrap_or_default();
            lead + at + (value.len() - value.trim_start_matches(' ').len())
        }
        _ if rest.starts_with("next: ") => lead + "next: ".len(),
        _ if lead == 0 => 2,
        _ => lead,
    }
}

/// Returns how many columns a text takes, without its colours.
fn seen(text: &str) -> usize {
    strip(text).chars().count()
}

/// Returns a text without its colours: ESC [ … m (ECMA-48, SGR).
fn strip(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    plain
}

/// Returns a command line in several lines that a shell reads as one, none wider than this
/// where that can be; no quoted word is broken.
pub(super) fn command(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    let lead = line.len() - line.trim_start_matches(' ').len();
    let (mut out, mut column) = (" ".repeat(lead), lead);
    for word in shell_words(line.trim_start_matches(' ')) {
        let length = word.chars().count();
        // Room for a blank and the backslash.
        if column > lead && column + 1 + length + 2 > width {
            out.push_str(" \\\n");
            out.push_str(&" ".repeat(lead + 4));
            column = lead + 4;
        } else if column > lead {
            out.push(' ');
            column += 1;
        }
        out.push_str(&word);
        column += length;
    }
    out
}

/// Returns the words of a command line as they are written, quotes and all.
fn shell_words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for c in line.chars() {
        match (quote, c) {
            (None, ' ') if !word.is_empty() => words.push(std::mem::take(&mut word)),
            (None, ' ') => {}
            _ => {
                match quote {
                    Some(open) if open == c => quote = None,
                    None if c == '\'' || c == '"' => quote = Some(c),
                    _ => {}
                }
                word.push(c);
            }
        }
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_below_what_they_belong_to() {
        let report = "  next:     fetch the wheel again; if the change is intended, sign it\n\
                      plain words that are long enough to be broken somewhere\n";
        let expected = "  next:     fetch the wheel again; if\n            the change is intended,\n            \
                        sign it\nplain words that are long enough to be\n  broken somewhere\n";
        assert_eq!(text(report, 38), expected);
        assert_eq!(text(report, 200), report);
        // A digest stays whole, and a terminal that is too narrow gets what there is.
        let digest = format!("  found:    {}\n", "a".repeat(64));
        assert!(text(&digest, 40).contains(&"a".repeat(64)));
        assert_eq!(text(report, 10), report);
    }

    #[test]
    fn colours_take_no_room() {
        let line = "\u{1b}[1mone\u{1b}[0m two three four five six seven\n";
        assert_eq!(text(line, 40), line);
    }

    #[test]
    fn a_command_is_broken_where_a_shell_reads_on() {
        let line = "  wheelproof run dists -- sh -c 'pip install -r \"$LIST\" and more'";
        let broken = command(line, 40);
        assert_eq!(
            broken,
            "  wheelproof run dists -- sh -c \\\n      'pip install -r \"$LIST\" and more'"
        );
        assert_eq!(command(line, 100), line);
    }
}
