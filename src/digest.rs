//! SHA-256 digests as values.
//!
//! In: hexadecimal text, or bytes to hash. Out: [`Sha256Digest`]. A digest says
//! nothing about trust; who vouches for it is decided on higher floors.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use serde::{Serialize, Serializer};
use sha2::Digest as _;

/// How many bytes one read asks for. Larger reads and memory maps were measured
/// slower on whole wheelhouses.
pub const READ_SIZE: usize = 64 * 1024;

/// A SHA-256 digest (FIPS 180-4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256Digest([u8; 32]);

impl Sha256Digest {
    /// Returns the digest of bytes that are already in memory.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// Returns the 32 bytes of the digest.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Why a text is not a SHA-256 digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseDigestError {
    /// The text has another length than 64 characters.
    #[error("a SHA-256 digest has 64 hexadecimal digits, this has {0} characters")]
    Length(usize),
    /// A character is not a hexadecimal digit.
    #[error("character {0} of the digest is not a hexadecimal digit")]
    Digit(usize),
}

impl FromStr for Sha256Digest {
    type Err = ParseDigestError;

    /// Reads 64 hexadecimal digits of either case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let length = text.chars().count();
        if length != 64 {
            return Err(ParseDigestError::Length(length));
        }
        let mut bytes = [0u8; 32];
        for (position, character) in text.chars().enumerate() {
            let value = character
                .to_digit(16)
                .and_then(|value| u8::try_from(value).ok())
                .ok_or(ParseDigestError::Digit(position + 1))?;
            if let Some(byte) = bytes.get_mut(position / 2) {
                *byte = (*byte << 4) | value;
            }
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Sha256Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0 {
            write!(formatter, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Sha256Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Sha256Digest({self})")
    }
}

impl Serialize for Sha256Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A digest in the making, for data that is read piece by piece.
#[derive(Default, Clone)]
pub struct Sha256Hasher(sha2::Sha256);

impl Sha256Hasher {
    /// Starts a digest of no bytes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the digest of everything added.
    pub fn finish(self) -> Sha256Digest {
        Sha256Digest(self.0.finalize().into())
    }
}

impl fmt::Debug for Sha256Hasher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Sha256Hasher")
    }
}

/// Reads to the end and returns the digest and the number of bytes.
///
/// `each` sees every piece as it is read; returning an error from it ends the
/// reading, which is how a copy, a progress bar and an interruption join in.
///
/// # Errors
///
/// Whatever the reader or `each` returns.
pub fn hash_reader(
    mut reader: impl Read,
    buffer: &mut [u8],
    mut each: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<(Sha256Digest, u64)> {
    let mut hasher = Sha256Hasher::new();
    let mut total = 0u64;
    loop {
        let count = match reader.read(buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let piece = buffer.get(..count).unwrap_or_default();
        hasher.update(piece);
        each(piece)?;
        total += count as u64;
    }
    Ok((hasher.finish(), total))
}

#[cfg(test)]
mod tests {
    use super::*;

    // FIPS 180-4 example "abc", published by NIST.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn digest_of_abc_is_the_one_in_the_standard() {
        assert_eq!(Sha256Digest::of(b"abc").to_string(), ABC);
    }

    #[test]
    fn reading_in_small_pieces_gives_the_same_digest() {
        let mut buffer = [0u8; 2];
        let (digest, size) = hash_reader(&b"abc"[..], &mut buffer, |_| Ok(())).expect("reads");
        assert_eq!((digest.to_string().as_str(), size), (ABC, 3));
    }

    #[test]
    fn upper_case_digits_are_read() {
        assert_eq!(ABC.to_uppercase().parse(), Ok(Sha256Digest::of(b"abc")));
    }

    #[test]
    fn other_lengths_and_other_characters_are_refused() {
        assert_eq!(
            "abc".parse::<Sha256Digest>(),
            Err(ParseDigestError::Length(3))
        );
        let bad = format!("{}g", &ABC[..63]);
        assert_eq!(
            bad.parse::<Sha256Digest>(),
            Err(ParseDigestError::Digit(64))
        );
        let wide = format!("{}é", &ABC[..63]);
        assert_eq!(
            wide.parse::<Sha256Digest>(),
            Err(ParseDigestError::Digit(64))
        );
    }
}
