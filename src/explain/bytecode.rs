//! Bytecode of Python that names the file it was compiled from.
//!
//! The code behind the header is in the format of `marshal` (CPython `Python/marshal.c`): a
//! text is a letter, its length and its bytes. Only the text with the path is looked for.

use crate::compare::Sides;

/// The size of the header (PEP 552).
const HEADER: usize = 16;

/// Returns the paths of both sides when bytecode differs in nothing but the one that it
/// was compiled from, and the name of the file in it is the same.
pub(super) fn other_path(held: &Sides<Vec<u8>>) -> Option<(String, String)> {
    let published = held.published.split_at_checked(HEADER)?;
    let rebuilt = held.rebuilt.split_at_checked(HEADER)?;
    if published.0 != rebuilt.0 {
        return None;
    }
    let (one, other) = (path(published.1)?, path(rebuilt.1)?);
    let file = |path: &str| path.rsplit('/').next().map(str::to_owned);
    let same_file = file(&one.path) == file(&other.path);
    (same_file && replaced(published.1, &one.whole, &other.whole) == rebuilt.1)
        .then_some((one.path, other.path))
}

/// A path as marshal writes it.
struct Written {
    /// With its letter and its length.
    whole: Vec<u8>,
    path: String,
}

/// Returns the first absolute path of a source file.
fn path(code: &[u8]) -> Option<Written> {
    /// Bit 7 marks what later parts refer to.
    const LETTER: u8 = 0x7f;
    (0..code.len()).find_map(|start| {
        let rest = code.get(start..)?;
        let (letter, after) = rest.split_first()?;
        let (prefix, length) = match letter & LETTER {
            b'z' | b'Z' => (2_usize, usize::from(*after.first()?)),
            b'a' | b'A' | b'u' | b's' => {
                let length = after.first_chunk()?;
                (5, usize::try_from(u32::from_le_bytes(*length)).ok()?)
            }
            _ => return None,
        };
        let text = rest.get(prefix..prefix.checked_add(length)?)?;
        let text = std::str::from_utf8(text).ok()?;
        let is_path =
            text.starts_with('/') && text.ends_with(".py") && !text.chars().any(char::is_control);
        is_path.then(|| Written {
            whole: rest.get(..prefix + length).unwrap_or_default().to_vec(),
            path: text.to_owned(),
        })
    })
}

fn replaced(code: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(code.len());
    let mut rest = code;
    while let Some((first, after)) = rest.split_first() {
        match rest.strip_prefix(from) {
            Some(after) => {
                out.extend_from_slice(to);
                rest = after;
            }
            None => {
                out.push(*first);
                rest = after;
            }
        }
    }
    out
}
