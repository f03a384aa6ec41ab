//! Digests that look like SHA-256 and are none.
//!
//! In: a file, and 64 hexadecimal digits that are not its SHA-256. Out: which other
//! algorithm of 256 bits gives them. Nothing is verified by it; it tells a list that
//! another program wrote from files that were changed.

use std::io::{self, Read};

use blake2::Blake2b;
use sha2::Digest as _;
use sha2::digest::consts::U32;

use crate::cancel::Cancel;
use crate::digest::{READ_SIZE, Sha256Digest};

/// An algorithm whose digests have 256 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookalike {
    /// BLAKE2b with a length of 256 bits (RFC 7693).
    Blake2b,
    /// BLAKE2s (RFC 7693).
    Blake2s,
    /// SHA3-256 (FIPS 202).
    Sha3,
    /// SHA-512/256 (FIPS 180-4).
    Sha512Cut,
}

impl Lookalike {
    /// Returns its name and a command that writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Blake2b => "BLAKE2b-256, as 'b2sum -l 256' writes it",
            Self::Blake2s => "BLAKE2s-256, as 'openssl dgst -blake2s256' writes it",
            Self::Sha3 => "SHA3-256, as 'openssl dgst -sha3-256' writes it",
            Self::Sha512Cut => "SHA-512/256, as 'shasum -a 512256' writes it",
        }
    }

    /// Returns the algorithm that gives these digits for what the reader gives.
    ///
    /// # Errors
    ///
    /// What the reader says, or that somebody asked to stop.
    pub fn find(
        mut reader: impl Read,
        stated: Sha256Digest,
        cancel: &Cancel,
    ) -> io::Result<Option<Self>> {
        let mut blake2b = Blake2b::<U32>::new();
        let mut blake2s = blake2::Blake2s256::new();
        let mut sha3 = sha3::Sha3_256::new();
        let mut sha512 = sha2::Sha512_256::new();
        let mut buffer = vec![0; READ_SIZE];
        loop {
            cancel.check()?;
            let count = match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let piece = buffer.get(..count).unwrap_or_default();
            blake2b.update(piece);
            blake2s.update(piece);
            sha3.update(piece);
            sha512.update(piece);
        }
        let found: [(Self, [u8; 32]); 4] = [
            (Self::Blake2b, blake2b.finalize().into()),
            (Self::Blake2s, blake2s.finalize().into()),
            (Self::Sha3, sha3.finalize().into()),
            (Self::Sha512Cut, sha512.finalize().into()),
        ];
        let right = found.iter().find(|(_, digest)| digest == stated.as_bytes());
        Ok(right.map(|(algorithm, _)| *algorithm))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Digests of "abc" by hashlib of CPython 3.11: blake2b(digest_size=32), blake2s,
    /// sha3_256, new("sha512_256").
    #[test]
    fn each_algorithm_is_known_by_its_digest_of_abc() {
        for (digits, expected) in [
            (
                "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319",
                Some(Lookalike::Blake2b),
            ),
            (
                "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982",
                Some(Lookalike::Blake2s),
            ),
            (
                "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532",
                Some(Lookalike::Sha3),
            ),
            (
                "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23",
                Some(Lookalike::Sha512Cut),
            ),
            (
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                None,
            ),
        ] {
            let stated = digits.parse().expect("64 digits");
            let found = Lookalike::find(&b"abc"[..], stated, &Cancel::new());
            assert_eq!(found.expect("read"), expected, "{digits}");
        }
    }
}
