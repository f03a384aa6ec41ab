//! The condition that follows the `;` of a requirement.
//!
//! In: text from a requirements file or a lock file. Out: the same text, when it can
//! be written behind a requirement again and is read as its condition there. It is
//! not evaluated, and not held against the grammar (dependency specifiers, "Grammar"):
//! the installer does both.

use super::fault::{FaultKind, clip};
use super::lines;

/// Returns a condition that stands on one line and begins as one.
///
/// # Errors
///
/// Written behind `;`, it would be no condition, or more than that.
pub(super) fn read(text: &str) -> Result<String, FaultKind> {
    let text = text.trim_matches([' ', '\t']);
    // A variable, a text or a parenthesis. Behind the blank that we write, a '#'
    // would begin a comment and a '-' an option.
    let begins = text
        .chars()
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || "'\"(".contains(first));
    // A lock file can hold in a text what would be the next line of a requirements
    // file. pip looks for options and comments in conditions too.
    let is_whole = !text.contains(|character| lines::is_odd(character) || character == '\\')
        && ![" -", "\t-", " #", "\t#"]
            .iter()
            .any(|end| text.contains(end));
    if let Some(variable) = lines::variable(text) {
        return Err(FaultKind::Variable(clip(variable)));
    }
    match begins && is_whole && has_only_its_signs(text) {
        true => Ok(text.to_owned()),
        false => Err(FaultKind::Marker(clip(text))),
    }
}

/// Returns whether everything outside of texts can stand in a condition: names of
/// variables, operators and parentheses, and every text ends.
fn has_only_its_signs(text: &str) -> bool {
    let mut open = None;
    for character in text.chars() {
        match open {
            Some(quote) if quote == character => open = None,
            Some(_) => {}
            None if "'\"".contains(character) => open = Some(character),
            None if character.is_ascii_alphanumeric() || "_. \t()<>=!~".contains(character) => {}
            None => return false,
        }
    }
    open.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_as_a_condition_on_one_line_is_one() {
        for text in [
            "python_version < \"3.8\"",
            "'linux' in sys_platform",
            "\"win\" in os_name",
            "(os_name == 'nt') or (python_version>='3')",
            "implementation_name == 'a-b#c'",
            "platform_version ~= \"5.10-/:;['\"",
            "os.name != 'nt' and 'x' not in extras",
        ] {
            assert_eq!(read(&format!(" {text}\t")), Ok(text.to_owned()));
        }
    }

    #[test]
    fn what_an_installer_would_read_as_something_else_is_none() {
        for text in [
            "",
            "--pre",
            "-fx",
            "#os_name == 'nt'",
            "; os_name == 'nt'",
            "== '3'",
            "é == '3'",
            "os_name == 'a",
            "os_name == a\"",
            "os_name == 'a' /b===2.0",
            "py:[a,b]==1.0",
            "os_name == 'a'; b",
            "os_name == 'a' --pre",
            "os_name == 'a'\t-fx",
            "os_name == 'a' # why",
            "os_name == 'a'\t# why",
            "os_name == 'a'\n--find-links=x",
            "os_name == 'a'\r--find-links=x",
            "os_name == 'a'\u{2028}--find-links=x",
            "os_name == 'a' \\",
            "os_name == 'a'\n",
        ] {
            assert_eq!(read(text), Err(FaultKind::Marker(text.to_owned())));
        }
        assert_eq!(
            read("os_name == '${SYSTEM}'"),
            Err(FaultKind::Variable("${SYSTEM}".to_owned()))
        );
    }
}
