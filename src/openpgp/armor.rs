//! Splitting files into armored blocks.
//!
//! The library reads one block a file; people concatenate them
//! (`cat signers/*.asc`), and a reader that stops after the first would count
//! too few signers without saying so.

/// One block: its lines from BEGIN to END, and the word after `BEGIN PGP`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block<'a> {
    /// What the block claims to hold, such as `SIGNATURE`.
    pub(super) label: &'a str,
    /// The bytes from the BEGIN line to the END line.
    pub(super) bytes: &'a [u8],
}

/// What a text holds outside its blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// A block has no END line.
    Unterminated {
        /// The line of its BEGIN, counted from 1.
        line: u64,
    },
    /// A line outside all blocks holds something.
    Stray {
        /// The first such line of several in a row, counted from 1.
        line: u64,
    },
}

impl Fault {
    pub(super) fn is_unterminated(&self) -> bool {
        matches!(self, Self::Unterminated { .. })
    }
}

/// Returns whether the bytes are binary OpenPGP: the first bit of a packet
/// header is always set (RFC 9580, section 4.2), which ASCII armor never has.
pub fn is_binary(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|byte| byte & 0x80 != 0)
}

/// Returns the blocks in order, and the faults around them.
pub(super) fn split(bytes: &[u8]) -> (Vec<Block<'_>>, Vec<Fault>) {
    let mut blocks = Vec::new();
    let mut faults = Vec::new();
    // The label, the offset and the line of the block being read.
    let mut open: Option<(&str, usize, u64)> = None;
    let mut is_astray = false;
    let mut offset = 0;
    let mut number = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        number += 1;
        let start = offset;
        offset += line.len();
        let text = line.trim_ascii();
        if let Some(label) = label(text, b"-----BEGIN PGP ") {
            if let Some((_, _, line)) = open {
                faults.push(Fault::Unterminated { line });
            }
            open = Some((label, start, number));
            is_astray = false;
        } else if label(text, b"-----END PGP ").is_some()
            && let Some((label, from, _)) = open.take()
        {
            let bytes = bytes.get(from..offset).unwrap_or_default();
            blocks.push(Block { label, bytes });
        } else if open.is_none() && !text.is_empty() && !is_astray {
            // Once for all lines up to the next block: a page of HTML in place of
            // a signature is one fault, not a thousand.
            faults.push(Fault::Stray { line: number });
            is_astray = true;
        }
    }
    if let Some((_, _, line)) = open {
        faults.push(Fault::Unterminated { line });
    }
    (blocks, faults)
}

fn label<'a>(line: &'a [u8], prefix: &[u8]) -> Option<&'a str> {
    let rest = line.strip_prefix(prefix)?.strip_suffix(b"-----")?;
    std::str::from_utf8(rest).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n";

    #[test]
    fn every_block_of_a_concatenation_is_found() {
        let text = format!("{ONE}\n{ONE}{ONE}");
        let (blocks, faults) = split(text.as_bytes());
        assert_eq!(blocks.len(), 3);
        assert!(faults.is_empty());
        assert!(blocks.iter().all(|block| block.bytes == ONE.as_bytes()));
    }

    #[test]
    fn carriage_returns_and_a_missing_last_line_end_do_no_harm() {
        let text = ONE.replace('\n', "\r\n");
        let (blocks, faults) = split(text.trim_end().as_bytes());
        assert_eq!((blocks.len(), faults), (1, vec![]));
        assert_eq!(blocks[0].label, "SIGNATURE");
    }

    #[test]
    fn what_stands_outside_is_told_with_its_line() {
        let text =
            format!("hello\nhello\n{ONE}world\n\nworld\n-----BEGIN PGP SIGNATURE-----\nabc\n{ONE}");
        let (blocks, faults) = split(text.as_bytes());
        assert_eq!(blocks.len(), 2);
        assert_eq!(
            faults,
            [
                Fault::Stray { line: 1 },
                Fault::Stray { line: 7 },
                Fault::Unterminated { line: 10 }
            ]
        );
    }
}
