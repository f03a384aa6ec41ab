//! SHA-256 digests as values.
//!
//! In: hexadecimal text, or bytes to hash. Out: [`Sha256Digest`]. A digest says
//! nothing about trust; who vouches for it is decided on higher floors.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
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

impl<'de> Deserialize<'de> for Sha256Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
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

/// What one thread reads of a file at a time, and the digest so far.
struct Reading<T, R> {
    about: T,
    reader: R,
    hasher: sha256_lanes::Sha256,
    total: u64,
    /// The bytes of `buffer` that were read last.
    filled: usize,
    buffer: Vec<u8>,
}

impl<T, R: Read> Reading<T, R> {
    /// Reads the next piece and shows it to `each`. Returns whether there was one.
    fn step(&mut self, each: &mut impl FnMut(&mut T, &[u8]) -> io::Result<()>) -> io::Result<bool> {
        self.filled = loop {
            match self.reader.read(&mut self.buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        self.total += self.filled as u64;
        let piece = self.buffer.get(..self.filled).unwrap_or_default();
        if !piece.is_empty() {
            each(&mut self.about, piece)?;
        }
        Ok(!piece.is_empty())
    }

    /// Returns the hasher, and the piece that it has not seen.
    fn unhashed(&mut self) -> (&mut sha256_lanes::Sha256, &[u8]) {
        let piece = self.buffer.get(..self.filled).unwrap_or_default();
        (&mut self.hasher, piece)
    }
}

/// Reads files to the end, several at a time in this thread, and tells the digest and
/// the number of bytes of each. Hashing them side by side takes about half the time of
/// hashing one after the other, where the processor can ([`sha256_lanes`]).
///
/// `next` opens the next file and says what it is about; `each` sees every piece as it
/// is read, and an error from it ends the reading of that file, as in [`hash_reader`].
/// `done` is called once for each file, in the order in which they end.
pub fn hash_readers<T, R: Read>(
    mut next: impl FnMut() -> Option<(T, R)>,
    mut each: impl FnMut(&mut T, &[u8]) -> io::Result<()>,
    mut done: impl FnMut(T, R, io::Result<(Sha256Digest, u64)>),
) {
    let mut spare: Vec<Vec<u8>> = vec![vec![0; READ_SIZE]; sha256_lanes::WIDTH];
    let mut open: Vec<Reading<T, R>> = Vec::with_capacity(spare.len());
    loop {
        while !spare.is_empty()
            && let Some((about, reader)) = next()
        {
            open.push(Reading {
                about,
                reader,
                hasher: sha256_lanes::Sha256::new(),
                total: 0,
                filled: 0,
                buffer: spare.pop().unwrap_or_default(),
            });
        }
        if open.is_empty() {
            return;
        }
        for mut file in std::mem::take(&mut open) {
            let result = match file.step(&mut each) {
                Ok(true) => {
                    open.push(file);
                    continue;
                }
                Ok(false) => Ok((Sha256Digest(file.hasher.finish()), file.total)),
                Err(error) => Err(error),
            };
            spare.push(file.buffer);
            done(file.about, file.reader, result);
        }
        let mut pieces: Vec<_> = open.iter_mut().map(Reading::unhashed).collect();
        sha256_lanes::update_all(&mut pieces);
    }
}

/// A hash algorithm that a wheel's RECORD may name: SHA-256 or stronger (binary
/// distribution format, "Signed wheel files").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// Returns the algorithm that Python's hashlib knows by a name; `None` for
    /// those that are weaker, and for those that are not read here.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "sha256" => Some(Self::Sha256),
            "sha384" => Some(Self::Sha384),
            "sha512" => Some(Self::Sha512),
            _ => None,
        }
    }

    /// Returns the name that Python's hashlib knows it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// Starts a digest of no bytes.
    pub fn hasher(self) -> Hasher {
        Hasher(match self {
            Self::Sha256 => State::Sha256(sha2::Sha256::new()),
            Self::Sha384 => State::Sha384(sha2::Sha384::new()),
            Self::Sha512 => State::Sha512(sha2::Sha512::new()),
        })
    }
}

/// A digest in the making, with one of several algorithms.
pub struct Hasher(State);

enum State {
    Sha256(sha2::Sha256),
    Sha384(sha2::Sha384),
    Sha512(sha2::Sha512),
}

impl Hasher {
    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sha256(state) => state.update(bytes),
            State::Sha384(state) => state.update(bytes),
            State::Sha512(state) => state.update(bytes),
        }
    }

    /// Returns the bytes of the digest.
    pub fn finish(self) -> Vec<u8> {
        match self.0 {
            State::Sha256(state) => state.finalize().to_vec(),
            State::Sha384(state) => state.finalize().to_vec(),
            State::Sha512(state) => state.finalize().to_vec(),
        }
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Hasher")
    }
}

/// Returns a digest as RECORD writes it: base64 with `-` and `_`, without padding
/// (RFC 4648, section 5; binary distribution format, "The .dist-info directory").
pub fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits = chunk
            .iter()
            .chain(std::iter::repeat(&0))
            .take(3)
            .fold(0u32, |bits, byte| bits << 8 | u32::from(*byte));
        // One character more than bytes: 24 bits are four characters.
        for position in 0..=chunk.len() {
            let index = (bits >> (18 - 6 * position)) & 0x3f;
            let letter = usize::try_from(index).ok().and_then(|i| ALPHABET.get(i));
            text.extend(letter.map(|letter| char::from(*letter)));
        }
    }
    text
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
    fn files_that_are_read_side_by_side_keep_their_own_digests() {
        // Of every length: none, one piece, several, and more files than lanes.
        let lengths = [
            0,
            1,
            63,
            READ_SIZE,
            READ_SIZE + 1,
            3 * READ_SIZE - 5,
            64,
            200_000,
        ];
        let contents: Vec<Vec<u8>> = lengths
            .iter()
            .enumerate()
            .map(|(number, length)| vec![u8::try_from(number).unwrap(); *length])
            .collect();
        let mut waiting = contents.iter().enumerate();
        let mut seen = vec![Vec::new(); lengths.len()];
        let mut digests = vec![None; lengths.len()];
        hash_readers(
            || waiting.next().map(|(number, bytes)| (number, &bytes[..])),
            |number, piece| {
                seen[*number].extend_from_slice(piece);
                Ok(())
            },
            |number, _, result| digests[number] = Some(result.unwrap()),
        );
        assert_eq!(seen, contents);
        for (number, bytes) in contents.iter().enumerate() {
            let expected = (Sha256Digest::of(bytes), bytes.len() as u64);
            assert_eq!(digests[number], Some(expected), "{} bytes", bytes.len());
        }
    }

    #[test]
    fn one_file_that_fails_ends_no_other() {
        let mut waiting = (0..6usize).map(|number| (number, &b"abc"[..]));
        let mut ended = Vec::new();
        hash_readers(
            || waiting.next(),
            |number, _| match *number {
                2 => Err(io::Error::other("no more")),
                _ => Ok(()),
            },
            |number, _, result| {
                ended.push((number, result.ok().map(|(sha256, _)| sha256.to_string())))
            },
        );
        ended.sort();
        let expected: Vec<_> = (0..6)
            .map(|number| (number, (number != 2).then(|| ABC.to_owned())))
            .collect();
        assert_eq!(ended, expected);
    }

    #[test]
    fn a_digest_is_written_as_python_does() {
        // python3 -c "import base64, hashlib; print(base64.urlsafe_b64encode(
        //   hashlib.sha256(b'abc').digest()).rstrip(b'='))", and for b'', sha384.
        for (algorithm, bytes, written) in [
            (
                "sha256",
                &b"abc"[..],
                "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0",
            ),
            ("sha256", b"", "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"),
            (
                "sha384",
                b"abc",
                "ywB1P0WjXou1oD1pmsZQBycsMqsO3tFjGotgWkP_W-2AhgcroefMI1i67KE0yCWn",
            ),
            (
                "sha512",
                b"abc",
                "3a81oZNherrMQXNJriBBMRLm-k6JqX6iCp7u5ktV05ohkpkqJ0_BqDa6PCOj_uu9RU1EI2Q86A4qmslPpUyknw",
            ),
        ] {
            let algorithm = Algorithm::named(algorithm).expect("known");
            let mut hasher = algorithm.hasher();
            hasher.update(bytes);
            assert_eq!(base64(&hasher.finish()), written, "{}", algorithm.name());
        }
        assert_eq!(Algorithm::named("md5"), None);
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
