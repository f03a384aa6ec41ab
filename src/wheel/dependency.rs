//! Whether a text is a requirement, or a range of Python versions.
//!
//! In: values of `Requires-Dist` and `Requires-Python`. Out: whether installers can
//! read them (dependency specifiers, "Grammar"; version specifiers). Nothing is
//! evaluated: what an installer does with them is for it to decide. Where pip and uv
//! take more than the grammar, a comma too many, so does this.

use pep440_rs::VersionSpecifiers;

/// The longest text that is read. The longest in use have a few hundred bytes.
const MAX_BYTES: usize = 64 << 10;

/// How deep parentheses of a condition may be nested.
const MAX_DEPTH: usize = 100;

/// The variables of conditions (dependency specifiers, "Environment Markers"), and
/// their old names that installers still read.
const VARIABLES: &[&str] = &[
    "python_version",
    "python_full_version",
    "os_name",
    "sys_platform",
    "platform_release",
    "platform_system",
    "platform_version",
    "platform_machine",
    "platform_python_implementation",
    "implementation_name",
    "implementation_version",
    "extra",
    "extras",
    "dependency_groups",
    "os.name",
    "sys.platform",
    "platform.version",
    "platform.machine",
    "platform.python_implementation",
    "python_implementation",
];

/// Returns whether a value of `Requires-Python` is a range of versions; an empty one
/// allows all.
pub(super) fn is_python_range(text: &str) -> bool {
    is_range(text)
}

/// Returns whether a value of `Requires-Dist` is a requirement.
pub(super) fn is_requirement(text: &str) -> bool {
    if text.len() > MAX_BYTES {
        return false;
    }
    let Some(rest) = after_name(text.trim()) else {
        return false;
    };
    let Some(rest) = after_extras(rest.trim_start()) else {
        return false;
    };
    let rest = rest.trim_start();
    if let Some(link) = rest.strip_prefix('@') {
        // Only a blank ends a link, so a condition stands behind one.
        let link = link.trim_start();
        let end = link.find([' ', '\t']).unwrap_or(link.len());
        let (link, rest) = link.split_at(end);
        return !link.is_empty() && is_end_or_condition(rest);
    }
    let (versions, rest) = match rest.strip_prefix('(') {
        Some(inner) => match inner.split_once(')') {
            Some(parts) => parts,
            None => return false,
        },
        None => rest.split_at(rest.find(';').unwrap_or(rest.len())),
    };
    is_range(versions) && is_end_or_condition(rest)
}

fn is_range(text: &str) -> bool {
    let text = text.trim().trim_end_matches([',', ' ', '\t']);
    // `===` compares texts, which need not be versions.
    let is_text = |part: &str| {
        let part = part.trim().strip_prefix("===").map(str::trim);
        part.is_some_and(|part| !part.is_empty() && !part.contains(char::is_whitespace))
    };
    text.is_empty()
        || text.parse::<VersionSpecifiers>().is_ok()
        || text
            .split(',')
            .all(|part| is_text(part) || part.parse::<VersionSpecifiers>().is_ok())
}

/// Returns what stands behind the name of a project.
fn after_name(text: &str) -> Option<&str> {
    let is_inner = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
    let end = text.find(|character| !is_inner(character));
    let (name, rest) = text.split_at(end.unwrap_or(text.len()));
    let is_outer = |character: char| character.is_ascii_alphanumeric();
    (name.starts_with(is_outer) && name.ends_with(is_outer)).then_some(rest)
}

/// Returns what stands behind the extras, when there are any.
fn after_extras(text: &str) -> Option<&str> {
    let Some(inner) = text.strip_prefix('[') else {
        return Some(text);
    };
    let (extras, rest) = inner.split_once(']')?;
    let is_name = |extra: &str| after_name(extra.trim()) == Some("");
    let are_names = extras.trim().is_empty() || extras.split(',').all(is_name);
    are_names.then_some(rest)
}

fn is_end_or_condition(text: &str) -> bool {
    match text.trim() {
        "" => true,
        text => text.strip_prefix(';').is_some_and(is_condition),
    }
}

/// A word of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    And,
    Or,
    Not,
    In,
    /// `<`, `==` and so on.
    Operator,
    /// A variable or a quoted text.
    Value,
}

fn is_condition(text: &str) -> bool {
    let Some(tokens) = tokens(text) else {
        return false;
    };
    let mut rest = tokens.as_slice();
    takes_condition(&mut rest, 0) && rest.is_empty()
}

fn tokens(mut text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    loop {
        text = text.trim_start();
        let Some(first) = text.chars().next() else {
            return Some(tokens);
        };
        let (token, length) = match first {
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '\'' | '"' => {
                let inner = text.get(1..)?;
                (Token::Value, inner.find(first)? + 2)
            }
            '<' | '>' | '=' | '!' | '~' => operator(text)?,
            _ => {
                let is_word =
                    |character: char| character.is_ascii_alphanumeric() || "_.".contains(character);
                let end = text.find(|character| !is_word(character));
                let length = end.unwrap_or(text.len());
                (word(text.get(..length)?)?, length)
            }
        };
        tokens.push(token);
        text = text.get(length..)?;
    }
}

fn operator(text: &str) -> Option<(Token, usize)> {
    let all = ["===", "==", "~=", "!=", "<=", ">=", "<", ">"];
    let found = all.iter().find(|operator| text.starts_with(**operator))?;
    Some((Token::Operator, found.len()))
}

fn word(word: &str) -> Option<Token> {
    match word {
        "and" => Some(Token::And),
        "or" => Some(Token::Or),
        "not" => Some(Token::Not),
        "in" => Some(Token::In),
        _ => VARIABLES.contains(&word).then_some(Token::Value),
    }
}

/// Takes comparisons joined with `and` and `or`, which need no order here.
fn takes_condition(rest: &mut &[Token], depth: usize) -> bool {
    if depth > MAX_DEPTH {
        return false;
    }
    loop {
        let is_term = match rest {
            [Token::Open, after @ ..] => {
                *rest = after;
                takes_condition(rest, depth + 1) && takes(rest, Token::Close)
            }
            [
                Token::Value,
                Token::Operator | Token::In,
                Token::Value,
                after @ ..,
            ]
            | [
                Token::Value,
                Token::Not,
                Token::In,
                Token::Value,
                after @ ..,
            ] => {
                *rest = after;
                true
            }
            _ => false,
        };
        if !is_term {
            return false;
        }
        if !takes(rest, Token::And) && !takes(rest, Token::Or) {
            return true;
        }
    }
}

fn takes(rest: &mut &[Token], token: Token) -> bool {
    match rest.split_first() {
        Some((first, after)) if *first == token => {
            *rest = after;
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `packaging.requirements.Requirement` of packaging 26.4 takes.
    #[test]
    fn requirements_that_packaging_reads_are_requirements() {
        for text in [
            "foo",
            "A",
            "foo>=1.0",
            "foo >=1.0,<2 ",
            "foo (>=1.0,<2)",
            "foo (>=1.0) ; python_version < '3'",
            "foo[a,b-c] ~= 1.4.2",
            "foo[] != 1.5.*",
            "foo>=1,",
            "foo===any.thing",
            "foo; os_name == 'nt'",
            "foo;(os_name=='nt')and(python_version>=\"3\" or 'x' in extra)",
            "foo; 'linux' not in sys.platform",
            "foo @ https://example.invalid/foo.zip",
            "foo@https://example.invalid/foo.zip ; extra == \"x\"",
            "zope.interface (>=3.6.0)",
        ] {
            assert!(is_requirement(text), "{text}");
        }
    }

    /// What it refuses.
    #[test]
    fn requirements_that_packaging_refuses_are_none() {
        for text in [
            "",
            "-foo",
            "foo-",
            "foo (>=1.0",
            "foo (1.0)",
            "foo >=1.*",
            "foo bar",
            "foo 1.0",
            "foo[a",
            "foo[a b]",
            "foo; python_version >= 3",
            "foo; python >= '3'",
            "foo; python_version >= '3' and",
            "foo; (python_version >= '3'",
            "foo; python_version >= '3",
            "foo;",
            "foo @",
            "foo>=1;; os_name == 'nt'",
        ] {
            assert!(!is_requirement(text), "{text}");
        }
        let deep = format!("foo; {}os_name == ''{}", "(".repeat(200), ")".repeat(200));
        assert!(!is_requirement(&deep));
    }

    /// The same for `packaging.specifiers.SpecifierSet`.
    #[test]
    fn ranges_are_read_as_packaging_reads_them() {
        for text in [
            "",
            ">=3.6",
            ">= 2.7, != 3.0.*, ",
            "~=3.8",
            "==3.*",
            "<4,>=3.7",
        ] {
            assert!(is_python_range(text), "{text}");
        }
        for text in ["whatever", ">=3.*", ">=3.6;", "3", ">3.6 <4", "=>3.6"] {
            assert!(!is_python_range(text), "{text}");
        }
    }
}
