//! Reports as JSON.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::Report;
use super::text::deceives;

impl Report {
    /// Writes the report as one JSON object, indented, with a line end after it.
    ///
    /// # Errors
    ///
    /// Whatever the writer returns.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let text = serde_json::to_string_pretty(self).map_err(io::Error::from)?;
        writeln!(out, "{}", escape_json(&text))
    }
}

/// Returns the same JSON without characters that a terminal would obey or hide.
/// They stand in strings only, where JSON knows another way to write them.
pub fn escape_json(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        if character != '\n' && deceives(character) {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(character);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_written_another_way_and_reads_back_the_same() {
        let names = [
            "\u{9b}31m",
            "\u{7f}",
            "a\u{202e}b",
            "\u{e0041}",
            "é漢",
            "\u{1b}\n",
        ];
        let json = escape_json(&serde_json::to_string_pretty(&names).unwrap());
        assert!(!json.chars().any(|c| c != '\n' && deceives(c)), "{json:?}");
        assert!(json.contains("é漢"));
        assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), names);
    }
}
