//! Contents compressed by zlib, bit by bit as every program does that uses it.
//!
//! In: contents, and the settings of zlib. Out: a deflate stream (RFC 1951). It does
//! not depend on how the contents are cut into pieces, as zlib's level 0 would.

use std::io::{self, Read};

use compu::Encoder;
use compu::encoder::{EncodeOp, EncodeStatus, ZlibC, ZlibMode, ZlibOptions, ZlibStrategy};
use serde::{Deserialize, Serialize};

use crate::digest::READ_SIZE;

/// The memory levels that can be asked for: zlib's default and the largest, which
/// nearly every program uses.
pub const MEMORY_LEVELS: [u8; 2] = [8, 9];

/// zlib's strategies (zlib.h, `deflateInit2`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// `Z_DEFAULT_STRATEGY`.
    Default,
    /// `Z_FILTERED`.
    Filtered,
    /// `Z_HUFFMAN_ONLY`.
    HuffmanOnly,
    /// `Z_RLE`.
    Rle,
    /// `Z_FIXED`.
    Fixed,
}

/// What decides the bytes that zlib writes. Window and format are those of every
/// ZIP writer: 32 KiB, no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    level: u8,
    strategy: Strategy,
    memory_level: u8,
}

impl Settings {
    /// Returns settings that can be used here.
    pub fn new(level: u8, strategy: Strategy, memory_level: u8) -> Option<Self> {
        let usable = (1..=9).contains(&level) && MEMORY_LEVELS.contains(&memory_level);
        usable.then_some(Self {
            level,
            strategy,
            memory_level,
        })
    }

    /// Returns zlib's `level`.
    pub fn level(self) -> u8 {
        self.level
    }

    /// Returns zlib's `strategy`.
    pub fn strategy(self) -> Strategy {
        self.strategy
    }

    /// Returns zlib's `memLevel`.
    pub fn memory_level(self) -> u8 {
        self.memory_level
    }

    /// Returns the settings worth trying, those in common use first.
    pub fn candidates() -> Vec<Self> {
        let default = MEMORY_LEVELS.iter().flat_map(|memory_level| {
            [6, 9, 1, 2, 3, 4, 5, 7, 8].map(|level| (level, Strategy::Default, *memory_level))
        });
        // Without matches to look for, the level changes nothing.
        let others = [
            (6, Strategy::HuffmanOnly, 8),
            (6, Strategy::Rle, 8),
            (6, Strategy::Filtered, 8),
            (9, Strategy::Filtered, 8),
            (6, Strategy::Fixed, 8),
            (9, Strategy::Fixed, 8),
        ];
        default
            .chain(others)
            .filter_map(|(level, strategy, memory)| Self::new(level, strategy, memory))
            .collect()
    }

    fn options(self) -> ZlibOptions {
        let options = ZlibOptions::new()
            .mode(ZlibMode::Deflate)
            .compression(i8::try_from(self.level).unwrap_or(6))
            .strategy(match self.strategy {
                Strategy::Default => ZlibStrategy::Default,
                Strategy::Filtered => ZlibStrategy::Filtered,
                Strategy::HuffmanOnly => ZlibStrategy::HuffmanOnly,
                Strategy::Rle => ZlibStrategy::Rle,
                Strategy::Fixed => ZlibStrategy::Fixed,
            });
        // The library starts with 8, and its own check lets only 9 through here.
        match self.memory_level {
            9 => options.mem_level(9),
            _ => options,
        }
    }
}

/// Why contents were not compressed.
#[derive(Debug, thiserror::Error)]
pub enum DeflateError {
    /// The contents cannot be read.
    #[error("cannot read what is to be compressed: {0}")]
    Read(io::Error),
    /// What takes the stream failed.
    #[error("cannot write what was compressed: {0}")]
    Write(io::Error),
    /// zlib refused.
    #[error("zlib cannot be used")]
    Compressor,
}

/// zlib with fixed settings. One can be used for one contents after the other, which
/// saves what starting costs.
pub struct Deflater {
    encoder: Box<dyn Encoder + Send>,
    output: Vec<u8>,
}

impl Deflater {
    /// Starts zlib.
    ///
    /// # Errors
    ///
    /// [`DeflateError::Compressor`].
    pub fn new(settings: Settings) -> Result<Self, DeflateError> {
        let encoder = ZlibC::new(settings.options()).ok_or(DeflateError::Compressor)?;
        Ok(Self {
            encoder: Box::new(encoder),
            output: vec![0; READ_SIZE],
        })
    }

    /// Returns for each stream whether compressing the contents gives exactly that
    /// one; for none, that it does not. Ends at the first byte that differs from all.
    ///
    /// # Errors
    ///
    /// [`DeflateError::Compressor`].
    pub fn gives<const N: usize>(
        &mut self,
        contents: &[u8],
        streams: [Option<&[u8]>; N],
    ) -> Result<[bool; N], DeflateError> {
        if !self.encoder.reset() {
            return Err(DeflateError::Compressor);
        }
        let mut rests = streams;
        let mut compare = |piece: &[u8]| {
            for rest in &mut rests {
                *rest = rest.and_then(|rest| rest.strip_prefix(piece));
            }
            Ok(rests.iter().any(Option::is_some))
        };
        let whole = contents
            .chunks(READ_SIZE)
            .map(|piece| (piece, EncodeOp::Process))
            .chain([(&[][..], EncodeOp::Finish)])
            .try_fold(true, |_, (piece, operation)| {
                match self.feed(piece, operation, &mut compare) {
                    Ok(true) => Ok(true),
                    Ok(false) => Err(None),
                    Err(error) => Err(Some(error)),
                }
            });
        match whole {
            Ok(_) => Ok(rests.map(|rest| rest.is_some_and(<[u8]>::is_empty))),
            Err(None) => Ok([false; N]),
            Err(Some(error)) => Err(error),
        }
    }

    /// Compresses a piece, and with [`EncodeOp::Finish`] all that is left. Returns
    /// whether `each` wants to have more.
    fn feed(
        &mut self,
        mut rest: &[u8],
        operation: EncodeOp,
        each: &mut impl FnMut(&[u8]) -> io::Result<bool>,
    ) -> Result<bool, DeflateError> {
        loop {
            let result = self.encoder.encode(rest, &mut self.output, operation);
            let written = self.output.len() - result.output_remain;
            let piece = self.output.get(..written).unwrap_or_default();
            if !piece.is_empty() && !each(piece).map_err(DeflateError::Write)? {
                return Ok(false);
            }
            match result.status {
                EncodeStatus::Finished => return Ok(true),
                EncodeStatus::Error => return Err(DeflateError::Compressor),
                EncodeStatus::Continue | EncodeStatus::NeedOutput => {}
            }
            rest = rest
                .get(rest.len() - result.input_remain..)
                .unwrap_or_default();
            // Room left over means that everything was taken in.
            if result.output_remain > 0 && operation == EncodeOp::Process {
                return Ok(true);
            }
        }
    }
}

/// Returns the most bytes that zlib makes of contents of this size, whatever its
/// settings (`deflateBound`, rounded up).
pub fn most_bytes(contents: u64) -> u64 {
    contents
        .saturating_add(contents / 8)
        .saturating_add(contents / 64)
        .saturating_add(64)
}

/// Compresses contents and hands the stream on piece by piece, until `each` has
/// enough and returns `false`. Returns whether the stream came to its end.
///
/// # Errors
///
/// [`DeflateError`].
pub fn deflate(
    mut contents: impl Read,
    settings: Settings,
    mut each: impl FnMut(&[u8]) -> io::Result<bool>,
) -> Result<bool, DeflateError> {
    let mut deflater = Deflater::new(settings)?;
    let mut input = vec![0; READ_SIZE];
    loop {
        let count = contents.read(&mut input).map_err(DeflateError::Read)?;
        let piece = input.get(..count).unwrap_or_default();
        let operation = match count {
            0 => EncodeOp::Finish,
            _ => EncodeOp::Process,
        };
        let wants_more = deflater.feed(piece, operation, &mut each)?;
        if !wants_more || operation == EncodeOp::Finish {
            return Ok(wants_more);
        }
    }
}
