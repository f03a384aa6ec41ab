//! Texts that are the same but for a part that changes from build to build.

/// Replaces dates, times and years by signs, so that texts that differ in nothing
/// else become the same.
pub(super) fn without_dates(text: &str) -> String {
    const MONTHS: [&str; 12] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let mut out = String::with_capacity(text.len());
    for word in words(text) {
        let lower = word.to_ascii_lowercase();
        let starts_with_any = |names: &[&str]| {
            names
                .iter()
                .any(|name| lower.starts_with(name) && lower.len() <= 9)
        };
        if word.bytes().all(|byte| byte.is_ascii_digit()) {
            out.push('#');
        } else if starts_with_any(&MONTHS) && is_month_name(&lower)
            || starts_with_any(&DAYS) && is_day_name(&lower)
        {
            out.push('@');
        } else if word.len() > 1
            && word.starts_with(['T', 'Z'])
            && word
                .get(1..)
                .is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()))
        {
            out.push('#');
        } else {
            out.push_str(word);
        }
    }
    // A day of one digit is padded with a space in C's __DATE__.
    out.replace("  ", " ")
}

fn is_month_name(word: &str) -> bool {
    const NAMES: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    word.len() == 3 || word == "sept" || NAMES.contains(&word)
}

fn is_day_name(word: &str) -> bool {
    word.len() == 3 || word.ends_with("day")
}

/// Returns whether a text holds a date: a year and a month or day beside it, or a
/// time of day.
pub(super) fn has_date(text: &str) -> bool {
    let numbers: Vec<&str> = words(text).collect();
    let year = numbers.iter().any(|word| is_year(word));
    let time = text
        .as_bytes()
        .windows(8)
        .any(|window| matches!(window, [a, b, b':', c, d, b':', e, f] if [a, b, c, d, e, f].iter().all(|byte| byte.is_ascii_digit())));
    year || time
}

/// Returns whether a text holds seconds since 1970, beside a word that says so.
pub(super) fn has_clock(text: &str) -> bool {
    const NAMES: [&str; 6] = ["time", "date", "built", "stamp", "epoch", "when"];
    let lower = text.to_ascii_lowercase();
    NAMES.iter().any(|name| lower.contains(name))
        && words(text).any(|word| {
            word.len() == 10 && matches!(word.parse::<u64>(), Ok(1_000_000_000..=4_102_444_800))
        })
}

/// Returns whether a word is a year of this and the last century.
pub(super) fn is_year(word: &str) -> bool {
    word.len() == 4 && matches!(word.parse::<u16>(), Ok(1970..=2100))
}

/// Replaces years by a sign.
pub(super) fn without_years(text: &str) -> String {
    words(text)
        .map(|word| if is_year(word) { "#" } else { word })
        .collect()
}

/// Replaces versions of Python by a sign: `3.11`, `311` behind a word such as
/// `cp`, `cpython-311`.
pub(super) fn without_python(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('3') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let preceded = out.chars().next_back();
        let dotted = from.strip_prefix("3.").map_or(0, digits);
        let plain = from.get(1..).map_or(0, digits);
        let is_name = [
            "cp", "py", "python", "cpython-", "pypy", "Python", "pip", "python-",
        ]
        .iter()
        .any(|name| out.ends_with(name));
        if (1..=2).contains(&dotted) && !preceded.is_some_and(|c| c.is_ascii_digit() || c == '.') {
            out.push('#');
            rest = from.get(2 + dotted..).unwrap_or_default();
            // The patch level goes with it.
            if let Some(after) = rest.strip_prefix('.')
                && digits(after) > 0
            {
                rest = after.get(digits(after)..).unwrap_or_default();
            }
        } else if (1..=2).contains(&plain) && is_name {
            out.push('#');
            rest = from.get(1 + plain..).unwrap_or_default();
        } else {
            out.push('3');
            rest = from.get(1..).unwrap_or_default();
        }
    }
    out.push_str(rest);
    out
}

/// Returns the words and single signs of a text, sorted: what a set written in
/// another order has in common.
pub(super) fn sorted_words(text: &str) -> Vec<&str> {
    let mut sorted: Vec<&str> = words(text).filter(|word| !word.trim().is_empty()).collect();
    sorted.sort_unstable();
    sorted
}

/// Splits a text into runs of letters, runs of digits and single signs.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    let class = |c: char| match c {
        '0'..='9' => 0,
        c if c.is_alphabetic() => 1,
        _ => 2,
    };
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let kind = class(first);
        let end = match kind {
            2 => first.len_utf8(),
            kind => rest.find(|c: char| class(c) != kind).unwrap_or(rest.len()),
        };
        let (word, after) = rest.split_at_checked(end)?;
        rest = after;
        Some(word)
    })
}

/// Returns whether a text is another one whose characters beyond ASCII an encoding did
/// not have: replaced by `?` or U+FFFD, left out, escaped as Python or XML do, or read as
/// Latin-1 although they were UTF-8.
pub(super) fn is_spelled_without(text: &str, whole: &str) -> bool {
    if whole.is_ascii() {
        return false;
    }
    let spelled = |spell: &dyn Fn(char) -> String| -> String {
        let spell = |c: char| match c.is_ascii() {
            true => c.to_string(),
            false => spell(c),
        };
        whole.chars().map(spell).collect()
    };
    let python = |c: char| match u32::from(c) {
        code @ ..=0xFF => format!("\\x{code:02x}"),
        code @ ..=0xFFFF => format!("\\u{code:04x}"),
        code => format!("\\U{code:08x}"),
    };
    text == spelled(&|_| "?".to_owned())
        || text == spelled(&|_| "\u{FFFD}".to_owned())
        || text == spelled(&|_| String::new())
        || text == spelled(&python)
        || text == spelled(&|c| format!("&#{};", u32::from(c)))
        || text == whole.bytes().map(char::from).collect::<String>()
}

/// Returns whether two sides hold the same entries, one of them sorted by bytes and the
/// other without regard to case and signs, as locales of languages sort. The entries are
/// the lines, or the words of a single line.
pub(super) fn is_collated(published: &[&str], rebuilt: &[&str]) -> bool {
    let entries = |lines: &[&str]| -> Vec<String> {
        match lines {
            [line] => line
                .split(|c: char| !(c.is_alphanumeric() || "_-.".contains(c)))
                .filter(|word| !word.is_empty())
                .map(str::to_owned)
                .collect(),
            lines => lines.iter().map(|line| line.trim().to_owned()).collect(),
        }
    };
    let [mut published, mut rebuilt] = [entries(published), entries(rebuilt)];
    // What stands before the list is no part of it.
    let same = published.iter().zip(&rebuilt).take_while(|(a, b)| a == b);
    let before = same.count();
    published.drain(..before);
    rebuilt.drain(..before);
    let sorted = |entries: &[String]| {
        let mut sorted = entries.to_vec();
        sorted.sort_unstable();
        sorted
    };
    // glibc passes over signs at first; others, such as ICU, put them before letters.
    let as_people = |entries: &[String]| {
        let key = |entry: &String, signs: bool| -> String {
            let counted = entry.chars().filter(|c| signs || c.is_alphanumeric());
            counted.flat_map(char::to_lowercase).collect()
        };
        [true, false]
            .iter()
            .any(|signs| entries.iter().map(|entry| key(entry, *signs)).is_sorted())
    };
    // Two entries are sorted by chance too often.
    published.len() > 2
        && published != rebuilt
        && sorted(&published) == sorted(&rebuilt)
        && (published.is_sorted() && as_people(&rebuilt)
            || rebuilt.is_sorted() && as_people(&published))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_without_a_character_is_told_from_another_text() {
        // What Python's `encode` gives for the error handlers of its manual.
        for text in [
            "na?ve caf?",
            "nave caf",
            "na\\xefve caf\\xe9",
            "na&#239;ve caf&#233;",
            "na\u{c3}\u{af}ve caf\u{c3}\u{a9}",
        ] {
            assert!(is_spelled_without(text, "naïve café"), "{text}");
        }
        for text in ["naive cafe", "na?ve cafe", "na?ve", "naïve café"] {
            assert!(!is_spelled_without(text, "naïve café"), "{text}");
        }
        assert!(!is_spelled_without("plain", "plain"));
    }

    #[test]
    fn a_list_sorted_by_bytes_is_told_from_one_sorted_as_people_do() {
        // As `sort` of coreutils gives them under LC_ALL=C, and under LC_ALL=en_US.UTF-8
        // with glibc 2.36.
        let bytes = ["Beta", "Gamma", "_private", "alpha", "delta"];
        let people = ["alpha", "Beta", "delta", "Gamma", "_private"];
        assert!(is_collated(&bytes, &people));
        assert!(is_collated(&people, &bytes));
        let signs_first = ["_private", "alpha", "Beta", "delta", "Gamma"];
        assert!(is_collated(&bytes, &signs_first));
        let any = ["Gamma", "alpha", "delta", "Beta", "_private"];
        assert!(!is_collated(&bytes, &any));
        assert!(!is_collated(&bytes, &bytes));
        assert!(!is_collated(&bytes, &["Beta", "alpha", "evil"]));
        let line = ["NAMES = ['B', '_c', 'a']"];
        assert!(is_collated(&line, &["NAMES = ['a', 'B', '_c']"]));
        assert!(!is_collated(&line, &["NAMES = ['_c', 'B', 'a']"]));
    }

    #[test]
    fn texts_that_differ_in_a_date_become_the_same() {
        for (a, b) in [
            ("built Nov 23 2026", "built Mar  1 2027"),
            ("2026-11-23T10:20:30Z", "2021-01-02T00:00:00Z"),
            ("10:20:30", "23:59:01"),
            ("Monday, 3 May 2021", "Friday, 12 November 2026"),
        ] {
            assert_eq!(without_dates(a), without_dates(b));
            assert!(has_date(a) && has_date(b), "{a} {b}");
        }
        assert_ne!(without_dates("mayor of X"), without_dates("march of X"));
        assert!(!has_date("version 1.2.3"));
        assert!(has_clock("BUILD_TIME = 1500000000") && !has_clock("LIMIT = 1500000000"));
        assert_eq!(without_years("(c) 2021 A"), without_years("(c) 2026 A"));
    }

    #[test]
    fn texts_that_differ_in_the_python_become_the_same() {
        for (a, b) in [
            ("pip3.11 = pip:main", "pip3.7 = pip:main"),
            ("_x.cpython-311-x86_64.so", "_x.cpython-37m-x86_64.so"),
            ("cp311-cp311-linux", "cp39-cp39-linux"),
            ("Python 3.11.2", "Python 3.11.7"),
        ] {
            let strip = |text: &str| without_python(text).replace("#m", "#");
            assert_eq!(strip(a), strip(b));
        }
        assert_ne!(without_python("x==1.3.1"), without_python("x==1.3.2"));
        assert_eq!(without_python("é3"), "é3");
    }

    #[test]
    fn a_set_in_another_order_has_the_same_words() {
        assert_eq!(sorted_words("{'a', 'b'}"), sorted_words("{'b', 'a'}"));
        assert_ne!(sorted_words("{'a'}"), sorted_words("{'b'}"));
    }
}
