//! Texts among the constants of a shared object.

use std::collections::BTreeSet;

/// The shortest text that counts: shorter ones are found in any numbers.
const SHORTEST: usize = 6;

/// The most bytes that all texts may take together; beyond, none are kept.
const TOTAL_BYTES: usize = 8 << 20;

/// Collects what ends with a zero byte and is printable.
pub(super) struct Texts {
    found: Option<BTreeSet<String>>,
    bytes: usize,
    cython: Option<String>,
}

impl Texts {
    pub(super) fn new() -> Self {
        Self {
            found: Some(BTreeSet::new()),
            bytes: 0,
            cython: None,
        }
    }

    /// Adds the texts of a section.
    pub(super) fn collect(&mut self, data: &[u8]) {
        let Some(found) = &mut self.found else {
            return;
        };
        for piece in data.split(|byte| *byte == 0) {
            let start = piece
                .iter()
                .rposition(|byte| !is_printable(*byte))
                .map_or(0, |at| at + 1);
            let text = piece.get(start..).unwrap_or_default();
            if text.len() < SHORTEST {
                continue;
            }
            let text = super::kept(text);
            if let Some(version) = cython_version(&text) {
                self.cython = Some(version);
            }
            self.bytes += text.len();
            found.insert(text);
            if self.bytes > TOTAL_BYTES {
                self.found = None;
                return;
            }
        }
    }

    /// Returns the version of Cython whose names were seen.
    pub(super) fn cython(&self) -> Option<String> {
        self.cython.clone()
    }

    /// Returns the texts, unless there were too many.
    pub(super) fn finish(self) -> Option<BTreeSet<String>> {
        self.found
    }
}

fn is_printable(byte: u8) -> bool {
    (0x20..0x7f).contains(&byte) || matches!(byte, b'\t' | b'\n' | b'\r')
}

/// Returns `3.0.8` for the name of the module in which Cython keeps its types,
/// such as `_cython_3_0_8` (Cython/Utility/CommonStructures.c).
fn cython_version(text: &str) -> Option<String> {
    let rest = text.split("_cython_").nth(1)?;
    let version: String = rest
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
        .collect();
    let parts: Vec<&str> = version.trim_end_matches('_').split('_').collect();
    let is_number = |part: &&str| part.starts_with(|c: char| c.is_ascii_digit());
    (parts.len() >= 3 && parts.len() <= 5 && parts.iter().all(is_number)).then(|| parts.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_end_with_zero_and_are_printable() {
        let mut texts = Texts::new();
        texts.collect(b"\x01\x02/build/here\0short\0\xffafter binary\0not ended");
        let found: Vec<_> = texts.finish().expect("few").into_iter().collect();
        assert_eq!(found, ["/build/here", "after binary", "not ended"]);
    }

    #[test]
    fn the_version_of_cython_is_read_from_its_names() {
        for (text, version) in [
            ("_cython_3_0_8.cython_function", Some("3.0.8")),
            ("_cython_0_29_36", Some("0.29.36")),
            ("_cython_3_1_0a1", Some("3.1.0a1")),
            ("cython_runtime", None),
            ("_cython_inline", None),
        ] {
            assert_eq!(cython_version(text).as_deref(), version, "{text}");
        }
    }
}
