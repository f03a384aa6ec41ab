//! The header lines of METADATA, WHEEL and PKG-INFO.
//!
//! In: the bytes of such a file. Out: [`Fields`], name and value of each header
//! in their order. The description below the headers is not looked at. Nothing
//! is judged: a name that stands twice is there twice.

/// The most bytes such a file may have to be read. The largest descriptions in
/// use have less than one.
pub const MAX_BYTES: u64 = 16 << 20;

/// The headers of a file in the form of core metadata (an email message, RFC 822
/// as Python's email parser reads it).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads the lines up to the first that is no header. Bytes that are not
    /// UTF-8 are replaced; the fields that are compared have none.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut fields: Vec<(String, String)> = Vec::new();
        for line in lines(bytes) {
            let text = String::from_utf8_lossy(line);
            if let Some(more) = text.strip_prefix([' ', '\t']) {
                match fields.last_mut() {
                    Some((_, value)) => {
                        value.push('\n');
                        value.push_str(more.trim());
                        continue;
                    }
                    None => break,
                }
            }
            match text.split_once(':') {
                Some((name, value)) if is_name(name) => {
                    fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
                }
                _ => break,
            }
        }
        Self(fields)
    }

    /// Returns name and value of each field in their order, the name in lower case.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns the values of a field, whose name is compared in lower case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// Returns nothing when a field stands exactly once with a value that is right,
/// else what was found.
pub fn mismatch(fields: &Fields, field: &str, is_right: impl Fn(&str) -> bool) -> Option<String> {
    let values: Vec<&str> = fields.all(field).collect();
    match values.as_slice() {
        [] => Some(format!("no {field}")),
        [value] if is_right(value) => None,
        values => {
            let shown = values.iter().take(5);
            let shown: Vec<String> = shown.map(|value| format!("{field}: {value}")).collect();
            Some(shown.join(", "))
        }
    }
}

/// The characters of a header's name (RFC 5322, section 2.2).
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Splits at each kind of line end, as Python's email parser does: a carriage
/// return alone ends a line too.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(bytes);
    std::iter::from_fn(move || {
        let bytes = rest?;
        let Some(end) = bytes.iter().position(|byte| b"\r\n".contains(byte)) else {
            rest = None;
            return Some(bytes);
        };
        let (line, after) = bytes.split_at(end);
        let length = if after.starts_with(b"\r\n") { 2 } else { 1 };
        rest = after.get(length..);
        Some(line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &[u8], name: &str) -> Vec<String> {
        Fields::parse(text).all(name).map(str::to_owned).collect()
    }

    #[test]
    fn fields_are_read_up_to_the_description() {
        let text = b"Metadata-Version: 2.1\r\nName:six\nNAME : x\nSummary: a\n  b: c\nname: Six\n\nName: body\n";
        assert_eq!(all(text, "Name"), ["six"]);
        let text =
            b"Metadata-Version: 2.1\r\nName:six\nSummary: a\n  b: c\nname: Six\n\nName: body\n";
        assert_eq!(all(text, "name"), ["six", "Six"]);
        assert_eq!(all(text, "summary"), ["a\nb: c"]);
    }

    #[test]
    fn a_carriage_return_hides_no_field() {
        assert_eq!(all(b"Summary: x\rName: six", "name"), ["six"]);
    }

    #[test]
    fn what_is_no_header_ends_the_headers() {
        for text in [
            &b""[..],
            b"\n",
            b" Name: six",
            b"no header\nName: six",
            b":\nName: six",
            b"\xff: x\nName: y",
        ] {
            assert!(all(text, "name").is_empty(), "{}", text.escape_ascii());
        }
    }

    #[test]
    fn python_reads_the_same_fields() {
        // What `email.parser.BytesHeaderParser` gives for `get_all("Name")`.
        let text = b"Name: a\rName: b\r\nX: 1\n Name: c\n\tName: d\nname: e\nName : f\nName: g";
        assert_eq!(all(text, "Name"), ["a", "b", "e"]);
    }
}
