//! What the reader of TOML says, in the words of this manual.
//!
//! In: a message of the library, which names types of the program. Out: what stands there
//! and what would be right, in words of the policy.

use crate::spelling;

/// Returns a message for people who write a policy and no program.
pub(super) fn plain(message: &str) -> String {
    // Some messages have several lines, of which the first says it.
    let first = message.lines().next().unwrap_or(message);
    unknown_key(first)
        .or_else(|| wrong_kind(first))
        .or_else(|| missing_key(first))
        .unwrap_or_else(|| first.to_owned())
}

/// "unknown field `a`, expected one of `b`, `c`", "…, expected `b`", "…, there are no fields"
fn unknown_key(message: &str) -> Option<String> {
    let rest = message.strip_prefix("unknown field `")?;
    let (key, rest) = rest.split_once('`')?;
    let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
    let key = key.escape_debug().to_string();
    Some(
        match (
            spelling::nearest(&key, known.iter().copied()),
            known.is_empty(),
        ) {
            (Some(meant), _) => format!("there is no key '{key}' here; did you mean '{meant}'?"),
            (None, true) => format!("there is no key '{key}' here"),
            (None, false) => format!(
                "there is no key '{key}' here; there are: {}",
                known.join(", ")
            ),
        },
    )
}

/// "invalid type: string "1", expected i64"
fn wrong_kind(message: &str) -> Option<String> {
    let rest = message.strip_prefix("invalid type: ")?;
    let (found, expected) = rest.rsplit_once(", expected ")?;
    let found = found.replace('`', "");
    let found = match found.split_once(' ') {
        Some(("string", text)) => format!("the text {text}"),
        Some(("integer", number)) => format!("the number {number}"),
        Some(("floating", rest)) => format!("the number {}", rest.trim_start_matches("point ")),
        Some(("boolean", word)) => word.to_owned(),
        _ => match found.as_str() {
            "sequence" => "a list".to_owned(),
            "map" => "a table".to_owned(),
            _ => found,
        },
    };
    let expected = match expected {
        "i64" | "u64" | "u32" | "u16" | "usize" => "a whole number",
        "f64" => "a number",
        "a string" | "path string" => "a text in quotes",
        "a sequence" => "a list in [ ]",
        "a boolean" => "true or false",
        "a map" => "a table",
        // Types of ours are all tables.
        other if other.starts_with("struct ") || other.starts_with("enum ") => "a table",
        other => other,
    };
    Some(format!("this is {found}, but has to be {expected}"))
}

/// "missing field `a`"
fn missing_key(message: &str) -> Option<String> {
    let key = message.strip_prefix("missing field `")?.strip_suffix('`')?;
    Some(format!("the key '{key}' is missing here"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::policy::Policy;

    fn said(text: &str) -> (String, Vec<String>) {
        let error = Policy::parse(Path::new("p.toml"), text).expect_err(text);
        (error.to_string(), error.excerpt())
    }

    #[test]
    fn no_type_of_the_program_is_named() {
        for (text, says) in [
            (
                "[trust]\ncertificate = []",
                "p.toml:2:1: there is no key 'certificate' here; did you mean 'certificates'?",
            ),
            (
                "[trsut]\n",
                "there is no key 'trsut' here; did you mean 'trust'?",
            ),
            (
                "[trust]\nzzz = 1",
                "there is no key 'zzz' here; there are: certificates, signers,",
            ),
            (
                "[trust]\nthreshold = \"1\"",
                "this is the text \"1\", but has to be a whole number",
            ),
            ("trust = 1", "this is the number 1, but has to be a table"),
            (
                "[trust]\ncertificates = \"keys\"",
                "this is the text \"keys\", but has to be a list in [ ]",
            ),
            (
                "[trust]\ncertificates = [1]",
                "this is the number 1, but has to be a text in quotes",
            ),
            (
                "[rebuild]\nexact = 1",
                "this is the number 1, but has to be true or false",
            ),
            (
                "[wheelhouse]\nmanifest = true",
                "this is true, but has to be a text in quotes",
            ),
            (
                "[rebuild]\ntimeout = 1.5",
                "this is the number 1.5, but has to be a whole number",
            ),
            (
                "[trust]\nthreshold = [1]",
                "this is a list, but has to be a whole number",
            ),
        ] {
            let (message, _) = said(text);
            assert!(message.contains(says), "{text}: {message}");
            for word in ["Raw", "struct", "i64", "u32", "field", "sequence", "`"] {
                assert!(!message.contains(word), "{text}: {message}");
            }
        }
    }

    #[test]
    fn the_line_is_shown_with_marks_below_what_is_wrong() {
        let (_, excerpt) = said("[trust]\n\nthreshold = \"one\" # why\n");
        let expected = [
            "  |",
            "3 | threshold = \"one\" # why",
            "  |             ^^^^^",
        ];
        assert_eq!(excerpt, expected);
        // A tab and what a terminal would obey take one place each.
        let (_, excerpt) = said("[trust]\n\tthreshold = 0 # \u{e9}\n");
        assert_eq!(excerpt[2], "  |              ^");
        let long = format!("[trust]\nsigners = [{}\"x\"]", "\"\",".repeat(100));
        assert!(said(&long).1.iter().all(|line| line.chars().count() < 120));
    }
}
