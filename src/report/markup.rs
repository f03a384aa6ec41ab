//! HTML and XML, element by element.
//!
//! In: names of elements and attributes, which are ours, and texts, which may come
//! from anybody. Out: markup in which a text stays a text. All texts go through one
//! function; nothing else writes what is not `'static`.

use std::borrow::Cow;

use super::text::escape;

/// The longest text that is written out in one place, in characters.
const LONGEST: usize = 2_000;

/// Elements that stand on lines of their own; the rest may stand in a sentence,
/// where white space would be seen.
const BLOCKS: [&str; 34] = [
    "html", "head", "body", "header", "nav", "main", "footer", "section", "article", "div", "h1",
    "h2", "h3", "h4", "h5", "h6", "p", "ul", "ol", "li", "dl", "dt", "dd", "table", "thead",
    "tbody", "tr", "td", "th", "caption", "details", "summary", "svg", "figure",
];

/// Attributes: names of ours, and values that may come from anybody.
pub(super) type Attributes<'a> = &'a [(&'static str, &'a str)];

/// A document that is being written.
#[derive(Debug, Default)]
pub(super) struct Markup {
    written: String,
}

impl Markup {
    /// Returns how many bytes have been written.
    pub(super) fn len(&self) -> usize {
        self.written.len()
    }

    /// Returns the document.
    pub(super) fn finish(self) -> String {
        self.written
    }

    /// Writes what is ours as it stands.
    pub(super) fn ours(&mut self, text: &'static str) {
        self.written.push_str(text);
    }

    /// Writes an element with what `fill` writes inside it.
    pub(super) fn element(
        &mut self,
        name: &'static str,
        attributes: Attributes<'_>,
        fill: impl FnOnce(&mut Self),
    ) {
        self.open(name, attributes);
        fill(self);
        self.written.push_str("</");
        self.written.push_str(name);
        self.written.push('>');
        if BLOCKS.contains(&name) {
            self.written.push('\n');
        }
    }

    /// Writes an element of HTML that has no end, such as `meta`.
    pub(super) fn open(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.written.push('<');
        self.written.push_str(name);
        for (attribute, value) in attributes {
            self.written.push(' ');
            self.written.push_str(attribute);
            self.written.push_str("=\"");
            self.text(value);
            self.written.push('"');
        }
        self.written.push('>');
    }

    /// Writes an element that holds a text and nothing else.
    pub(super) fn with_text(
        &mut self,
        name: &'static str,
        attributes: Attributes<'_>,
        text: impl AsRef<str>,
    ) {
        self.element(name, attributes, |markup| markup.text(text));
    }

    /// Writes a text, of which no program takes anything for markup, for a control
    /// character or for a change of the direction of writing.
    pub(super) fn text(&mut self, text: impl AsRef<str>) {
        let text = shortened(text.as_ref());
        for character in escape(&text).chars() {
            match character {
                '&' => self.written.push_str("&amp;"),
                '<' => self.written.push_str("&lt;"),
                '>' => self.written.push_str("&gt;"),
                '"' => self.written.push_str("&quot;"),
                '\'' => self.written.push_str("&#39;"),
                other => self.written.push(other),
            }
        }
    }

    /// Writes several lines of text; the ends of lines are ours.
    pub(super) fn lines<'a>(&mut self, lines: impl IntoIterator<Item = &'a str>) {
        for line in lines {
            self.text(line);
            self.written.push('\n');
        }
    }
}

/// Returns a text, cut when it is longer than anybody reads, with how long it is.
fn shortened(text: &str) -> Cow<'_, str> {
    let Some((end, _)) = text.char_indices().nth(LONGEST) else {
        return Cow::Borrowed(text);
    };
    let kept = text.get(..end).unwrap_or_default();
    let characters = text.chars().count();
    Cow::Owned(format!("{kept}… (cut; {characters} characters)"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::text::deceives;

    fn text(text: &str) -> String {
        let mut markup = Markup::default();
        markup.text(text);
        markup.finish()
    }

    #[test]
    fn no_text_ends_an_attribute_an_element_or_itself() {
        assert_eq!(
            text("</p><script>alert(\"1\")</script>&amp;'"),
            "&lt;/p&gt;&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;amp;&#39;"
        );
        let mut markup = Markup::default();
        markup.with_text("a", &[("href", "\" onclick=\"x")], "<b>");
        assert_eq!(
            markup.finish(),
            "<a href=\"&quot; onclick=&quot;x\">&lt;b&gt;</a>"
        );
    }

    #[test]
    fn what_cannot_be_seen_or_written_is_shown_by_its_number() {
        assert_eq!(text("a\u{202e}b\u{0}\n"), "a\\u{202e}b\\u{0}\\n");
        assert_eq!(text("\u{fffe}\u{ffff}"), "\\u{fffe}\\u{ffff}");
        for number in 0..=0x0010_ffff_u32 {
            if let Some(character) = char::from_u32(number) {
                let written = text(&character.to_string());
                assert!(!written.chars().any(deceives), "{number:x}: {written}");
                assert!(!written.contains(['\u{fffe}', '\u{ffff}']), "{number:x}");
            }
        }
    }

    #[test]
    fn a_long_text_is_cut_and_says_how_long_it_was() {
        let long = "é".repeat(LONGEST + 1);
        let written = text(&long);
        assert!(written.ends_with("é… (cut; 2001 characters)"));
        assert_eq!(text(&"é".repeat(LONGEST)), "é".repeat(LONGEST));
    }
}
