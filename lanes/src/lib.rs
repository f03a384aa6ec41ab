//! SHA-256 (FIPS 180-4) of several independent streams at once, in one thread.
//!
//! The SHA instructions of a processor answer after several cycles, and each round
//! needs the answer of the one before. One stream leaves the unit idle for about half
//! of the time; the rounds of another stream, which wait for nothing of the first one,
//! fit in between.
//!
//! ```
//! use sha256_lanes::{Sha256, update_all};
//!
//! let (mut one, mut other) = (Sha256::new(), Sha256::new());
//! update_all(&mut [(&mut one, b"abc"), (&mut other, b"")]);
//! assert_eq!(one.finish()[..4], [0xba, 0x78, 0x16, 0xbf]);
//! assert_eq!(other.finish()[..4], [0xe3, 0xb0, 0xc4, 0x42]);
//! ```
//!
//! Streams are interleaved on x86-64 with the SHA extensions. Which processor it is, is
//! asked when the program runs. Everywhere else the crate `sha2` does the work, one
//! stream after the other. `sha2` is the oracle too: before the first use the
//! interleaved way is held against it, and is not used where it differs.
//!
//! AArch64 has such instructions as well. No machine and no toolchain for it was at
//! hand to try them, so nothing is interleaved there.

#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(target_arch = "x86_64")]
use x86::Unit;

/// How many streams are interleaved at most. More would share the processor's
/// registers with each other and gain nothing.
pub const WIDTH: usize = 4;

/// The bytes of a block (FIPS 180-4, 5.2.1).
const BLOCK: usize = 64;

type Block = [u8; BLOCK];

/// The words that a digest starts with (FIPS 180-4, 5.3.3).
#[cfg(target_arch = "x86_64")]
const START: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// A digest in the making.
#[derive(Clone)]
pub struct Sha256(State);

#[derive(Clone)]
enum State {
    /// `sha2` computes it, one stream after the other.
    Alone(sha2::Sha256),
    /// It can be interleaved with others.
    #[cfg(target_arch = "x86_64")]
    Lane(Lane),
}

impl Sha256 {
    /// Starts a digest of no bytes.
    pub fn new() -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(unit) = trusted_unit() {
            return Self(State::Lane(Lane::new(unit)));
        }
        Self(State::Alone(sha2::Sha256::default()))
    }

    /// Adds bytes to this stream alone.
    pub fn update(&mut self, bytes: &[u8]) {
        update_all(&mut [(self, bytes)]);
    }

    /// Returns the digest of everything added.
    pub fn finish(self) -> [u8; 32] {
        match self.0 {
            State::Alone(hasher) => sha2::Digest::finalize(hasher).into(),
            #[cfg(target_arch = "x86_64")]
            State::Lane(lane) => lane.finish(),
        }
    }
}

impl Default for Sha256 {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Sha256 {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Sha256")
    }
}

/// Returns whether streams are interleaved here, and not computed one after the other.
pub fn interleaves() -> bool {
    #[cfg(target_arch = "x86_64")]
    return trusted_unit().is_some();
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// Adds to each stream its own bytes. As many blocks as each of up to [`WIDTH`] streams
/// still has are computed side by side, so pieces of one length gain most.
pub fn update_all(streams: &mut [(&mut Sha256, &[u8])]) {
    for group in streams.chunks_mut(WIDTH) {
        #[cfg(target_arch = "x86_64")]
        let mut waiting = Vec::with_capacity(WIDTH);
        for (stream, bytes) in group {
            match &mut stream.0 {
                State::Alone(hasher) => sha2::Digest::update(hasher, bytes),
                #[cfg(target_arch = "x86_64")]
                State::Lane(lane) => waiting.extend(lane.take(bytes)),
            }
        }
        #[cfg(target_arch = "x86_64")]
        interleave(&mut waiting);
    }
}

/// One stream of an interleaving.
#[cfg(target_arch = "x86_64")]
#[derive(Clone)]
struct Lane {
    unit: Unit,
    words: [u32; 8],
    /// The beginning of a block whose rest has not come.
    begun: Block,
    /// How many bytes of `begun` are there; less than a block.
    filled: usize,
    /// How many bytes were added in all.
    total: u64,
}

/// A stream with whole blocks that are to be computed.
#[cfg(target_arch = "x86_64")]
struct Waiting<'a> {
    unit: Unit,
    words: &'a mut [u32; 8],
    blocks: &'a [Block],
}

#[cfg(target_arch = "x86_64")]
impl Lane {
    fn new(unit: Unit) -> Self {
        Self {
            unit,
            words: START,
            begun: [0; BLOCK],
            filled: 0,
            total: 0,
        }
    }

    /// Takes bytes in: what fills no block is kept, and the whole blocks are returned
    /// with the state that they belong to.
    fn take<'a>(&'a mut self, mut bytes: &'a [u8]) -> Option<Waiting<'a>> {
        // FIPS 180-4 ends at 2^64 bits; no file has as many.
        self.total = self.total.wrapping_add(bytes.len() as u64);
        if self.filled > 0 {
            let (head, rest) = bytes.split_at(bytes.len().min(BLOCK - self.filled));
            self.begun[self.filled..self.filled + head.len()].copy_from_slice(head);
            self.filled += head.len();
            bytes = rest;
            if self.filled < BLOCK {
                return None;
            }
            self.filled = 0;
            let block = std::slice::from_ref(&self.begun);
            self.unit.compress([(&mut self.words, block)]);
        }
        let (blocks, tail) = bytes.as_chunks::<BLOCK>();
        self.begun[..tail.len()].copy_from_slice(tail);
        self.filled = tail.len();
        (!blocks.is_empty()).then_some(Waiting {
            unit: self.unit,
            words: &mut self.words,
            blocks,
        })
    }

    /// Pads the message (FIPS 180-4, 5.1.1) and returns the digest.
    fn finish(mut self) -> [u8; 32] {
        let bits = self.total.wrapping_mul(8);
        let mut last = [[0u8; BLOCK]; 2];
        last[0][..self.filled].copy_from_slice(&self.begun[..self.filled]);
        last[0][self.filled] = 0x80;
        // The length takes eight bytes after the one that ends the message.
        let count = if self.filled < BLOCK - 8 { 1 } else { 2 };
        last[count - 1][BLOCK - 8..].copy_from_slice(&bits.to_be_bytes());
        self.unit.compress([(&mut self.words, &last[..count])]);
        let mut digest = [0u8; 32];
        for (bytes, word) in digest.chunks_exact_mut(4).zip(self.words) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
        digest
    }
}

#[cfg(target_arch = "x86_64")]
impl Waiting<'_> {
    /// Splits off the first blocks, with the state that they are to be added to.
    fn next(&mut self, count: usize) -> (&mut [u32; 8], &[Block]) {
        let (now, later) = self.blocks.split_at(count);
        self.blocks = later;
        (self.words, now)
    }
}

/// Computes the blocks of up to [`WIDTH`] streams: as many side by side as all of them
/// have, then the rest of the others.
#[cfg(target_arch = "x86_64")]
fn interleave(waiting: &mut Vec<Waiting<'_>>) {
    while let Some(n) = waiting.iter().map(|lane| lane.blocks.len()).min() {
        match &mut waiting[..] {
            [a] => a.unit.compress([a.next(n)]),
            [a, b] => a.unit.compress([a.next(n), b.next(n)]),
            [a, b, c] => a.unit.compress([a.next(n), b.next(n), c.next(n)]),
            [a, b, c, d] => a
                .unit
                .compress([a.next(n), b.next(n), c.next(n), d.next(n)]),
            _ => unreachable!("a group has at most WIDTH streams"),
        }
        waiting.retain(|lane| !lane.blocks.is_empty());
    }
}

/// Returns the unit that interleaves, if this processor has it and it gives the digests
/// that `sha2` gives. Both are found out once.
#[cfg(target_arch = "x86_64")]
fn trusted_unit() -> Option<Unit> {
    static TRUSTED: std::sync::OnceLock<Option<Unit>> = std::sync::OnceLock::new();
    *TRUSTED.get_or_init(|| Unit::detect().filter(|unit| agrees_with_sha2(*unit)))
}

/// Returns whether every number of lanes gives the digests that `sha2` gives, for
/// streams of different lengths.
#[cfg(target_arch = "x86_64")]
fn agrees_with_sha2(unit: Unit) -> bool {
    let message: Vec<u8> = (0u32..400)
        .map(|index| (index.wrapping_mul(167) >> 3) as u8)
        .collect();
    (1..=WIDTH).all(|width| {
        // Lengths on both sides of a block and of the room for the length.
        let parts: Vec<&[u8]> = (0..width).map(|lane| &message[lane * 61..375]).collect();
        let mut lanes = vec![Sha256(State::Lane(Lane::new(unit))); width];
        let mut pieces: Vec<_> = lanes.iter_mut().zip(parts.iter().copied()).collect();
        update_all(&mut pieces);
        lanes.into_iter().zip(parts).all(|(lane, part)| {
            lane.finish() == <[u8; 32]>::from(<sha2::Sha256 as sha2::Digest>::digest(part))
        })
    })
}

#[cfg(test)]
mod tests;
