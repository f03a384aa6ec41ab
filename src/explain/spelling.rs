//! Requirements as tools spell them.

/// Reduces a requirement to what it says, when it is written in one of these forms:
/// `foo (>=1.0)`, `foo >=1.0`, `foo>=1.0`; and, where it has a marker, with the signs
/// between and around that these examples have. Names, extras, versions and the marker are
/// kept as they are; only the order of the specifiers goes.
pub(super) fn reduce(text: &str, forms: &[&str], markers: &[&str]) -> Option<String> {
    let (bare, marker) = match text.split_once(';') {
        None => (text, String::new()),
        Some(_) => split(text, markers)?,
    };
    let end = bare
        .find(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c)))
        .unwrap_or(bare.len());
    let (name, rest) = bare.split_at_checked(end)?;
    let (extras, rest) = match rest.starts_with('[') {
        true => rest.split_at_checked(rest.find(']')? + 1)?,
        false => ("", rest),
    };
    let is_extra = |c: char| c.is_ascii_alphanumeric() || "._-,[]".contains(c);
    if name.is_empty() || !extras.chars().all(is_extra) {
        return None;
    }
    let specifiers = match rest {
        "" => "",
        _ => forms.iter().find_map(|form| match *form {
            "foo (>=1.0)" => rest.strip_prefix(" (")?.strip_suffix(')'),
            "foo >=1.0" => rest.strip_prefix(' '),
            "foo>=1.0" => Some(rest),
            _ => None,
        })?,
    };
    let mut specifiers: Vec<&str> = specifiers.split(',').collect();
    let is_specifier = |text: &&str| {
        let version = text.trim_start_matches(['<', '>', '=', '!', '~']);
        let sign = text.len() - version.len();
        let is_version = |c: char| c.is_ascii_alphanumeric() || ".*+!-_".contains(c);
        (1..=3).contains(&sign) && !version.is_empty() && version.chars().all(is_version)
    };
    if !rest.is_empty() && !specifiers.iter().all(is_specifier) {
        return None;
    }
    specifiers.sort_unstable();
    Some(format!("{name}{extras}{};{marker}", specifiers.join(",")))
}

/// Splits what stands before a marker from it, as the examples do.
fn split<'t>(text: &'t str, markers: &[&str]) -> Option<(&'t str, String)> {
    markers.iter().find_map(|example| {
        let (before, after) = example.split_once(';')?;
        let separator = match before.ends_with(' ') {
            true => " ; ",
            false => "; ",
        };
        let quote = match after.contains('"') {
            true => '"',
            false => '\'',
        };
        let (bare, marker) = text.split_once(separator)?;
        let other = if quote == '"' { '\'' } else { '"' };
        let is_so = !bare.ends_with(' ') && !marker.contains(other) && !marker.starts_with(' ');
        is_so.then(|| (bare, marker.replace(quote, "'")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_tool_writes_is_reduced_and_only_the_spelling_goes() {
        // As wheel 0.37.1, setuptools 70.1 and 75.6 wrote them (behaviours.toml).
        let old = |text| reduce(text, &["foo (>=1.0)"], &["qux (!=1.5) ; extra == 'test'"]);
        let between = |text| reduce(text, &["foo >=1.0"], &["qux !=1.5 ; extra == 'test'"]);
        let new = |text| reduce(text, &["foo>=1.0"], &["qux!=1.5; extra == \"test\""]);
        for (one, other, third) in [
            ("foo (>=1.0)", "foo >=1.0", "foo>=1.0"),
            ("bar", "bar", "bar"),
            (
                "q (!=1.5) ; extra == 'test'",
                "q !=1.5 ; extra == 'test'",
                "q!=1.5; extra == \"test\"",
            ),
            ("baz[a] (<3,>=2)", "baz[a] <3,>=2", "baz[a]>=2,<3"),
        ] {
            assert!(old(one).is_some(), "{one}");
            assert_eq!(old(one), between(other), "{one}");
            assert_eq!(old(one), new(third), "{one}");
        }
        for text in [
            "foo  (>=1.0)",
            "foo (>=1.0) ",
            "foo>=1.0",
            "foo (>=1.0, <2)",
            "foo (>=1.0; x",
        ] {
            assert_eq!(old(text), None, "{text}");
        }
        for (one, other) in [
            ("foo>=1.0", "Foo>=1.0"),
            ("foo>=1.0", "foo>=1.0.0"),
            ("a;x", "a;x"),
        ] {
            assert!(
                new(one) != new(other) || new(one).is_none(),
                "{one} {other}"
            );
        }
    }
}
