//! Reading what a member holds, piece by piece, within what it declares.

use std::io;

use flate2::{Crc, Decompress, FlushDecompress, Status};
use rawzip::ReaderAt as _;

use super::{Member, Method, Source, ZipError};

/// How many compressed bytes are held at a time.
const INPUT_SIZE: usize = 32 * 1024;

/// The contents of one member as a stream.
///
/// It never yields more bytes than the central directory declares for the
/// member, and the end is only reported when size and CRC-32 agree with the
/// declaration. A caller that saw an error has seen bytes nobody vouches for.
pub struct MemberReader<'a> {
    source: &'a Source<'a>,
    member: &'a Member,
    decoder: Decoder,
    /// Where the next compressed byte is in the file.
    position: u64,
    produced: u64,
    crc: Crc,
    finished: bool,
}

enum Decoder {
    Stored,
    Deflate {
        inflate: Box<Decompress>,
        input: Box<[u8]>,
        start: usize,
        filled: usize,
    },
}

impl<'a> MemberReader<'a> {
    pub(super) fn new(source: &'a Source<'a>, member: &'a Member) -> Result<Self, ZipError> {
        let header = &member.central;
        if header.is_encrypted() {
            return Err(ZipError::Encrypted {
                name: header.name.clone(),
            });
        }
        let compressed = member.data.end.saturating_sub(member.data.start);
        let room = usize::try_from(compressed).map_or(INPUT_SIZE, |size| size.min(INPUT_SIZE));
        let decoder = match header.method {
            Method::STORED => Decoder::Stored,
            Method::DEFLATE => Decoder::Deflate {
                inflate: Box::new(Decompress::new(false)),
                input: vec![0; room].into(),
                start: 0,
                filled: 0,
            },
            method => {
                return Err(ZipError::UnsupportedMethod {
                    name: header.name.clone(),
                    method,
                });
            }
        };
        Ok(Self {
            source,
            member,
            decoder,
            position: member.data.start,
            produced: 0,
            crc: Crc::new(),
            finished: false,
        })
    }

    /// Reads the next piece of the contents and returns its size in bytes; 0 at
    /// the end, and for an empty buffer.
    ///
    /// # Errors
    ///
    /// [`ZipError::Io`], [`ZipError::Damaged`], and at the end
    /// [`ZipError::ShorterThanDeclared`], [`ZipError::LongerThanDeclared`] or
    /// [`ZipError::WrongCrc`].
    pub fn read_piece(&mut self, buffer: &mut [u8]) -> Result<usize, ZipError> {
        if self.finished || buffer.is_empty() {
            return Ok(0);
        }
        let count = self.decode(buffer)?;
        if count == 0 {
            self.check_end()?;
            self.finished = true;
            return Ok(0);
        }
        self.produced = self.produced.saturating_add(count as u64);
        let declared = self.member.central.uncompressed_size;
        if self.produced > declared {
            return Err(ZipError::LongerThanDeclared {
                name: self.member.central.name.clone(),
                declared,
            });
        }
        self.crc.update(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }

    /// Returns how many bytes of the compressed data lie behind the end of the
    /// deflate stream, known once the end was reported. Readers ignore them.
    pub fn excess(&self) -> u64 {
        let held = match &self.decoder {
            Decoder::Stored => 0,
            Decoder::Deflate { start, filled, .. } => filled.saturating_sub(*start) as u64,
        };
        self.member.data.end.saturating_sub(self.position) + held
    }

    fn check_end(&self) -> Result<(), ZipError> {
        let header = &self.member.central;
        if self.produced < header.uncompressed_size {
            return Err(ZipError::ShorterThanDeclared {
                name: header.name.clone(),
                declared: header.uncompressed_size,
                found: self.produced,
            });
        }
        let found = self.crc.sum();
        if found != header.crc32 {
            return Err(ZipError::WrongCrc {
                name: header.name.clone(),
                declared: header.crc32,
                found,
            });
        }
        Ok(())
    }

    fn decode(&mut self, buffer: &mut [u8]) -> Result<usize, ZipError> {
        let end = self.member.data.end;
        let Decoder::Deflate {
            inflate,
            input,
            start,
            filled,
        } = &mut self.decoder
        else {
            return fill(self.source, buffer, &mut self.position, end);
        };
        let produced = self.produced;
        let damaged = || ZipError::Damaged {
            name: self.member.central.name.clone(),
            produced,
        };
        loop {
            if start == filled {
                *start = 0;
                *filled = fill(self.source, input, &mut self.position, end)?;
            }
            let piece = input.get(*start..*filled).unwrap_or_default();
            let (consumed_before, produced_before) = (inflate.total_in(), inflate.total_out());
            let status = inflate
                .decompress(piece, buffer, FlushDecompress::None)
                .map_err(|_| damaged())?;
            // Both are at most the lengths of the slices.
            let consumed = usize::try_from(inflate.total_in() - consumed_before).unwrap_or(0);
            let count = usize::try_from(inflate.total_out() - produced_before).unwrap_or(0);
            *start = start.saturating_add(consumed);
            if count > 0 {
                return Ok(count);
            }
            match status {
                Status::StreamEnd => return Ok(0),
                Status::Ok | Status::BufError if consumed > 0 => {}
                // Nothing came out and nothing was taken: the data ends early.
                Status::Ok | Status::BufError => return Err(damaged()),
            }
        }
    }
}

/// Reads as much as fits from the file, at most up to `end`.
fn fill(
    source: &Source<'_>,
    buffer: &mut [u8],
    position: &mut u64,
    end: u64,
) -> Result<usize, ZipError> {
    let left = usize::try_from(end.saturating_sub(*position)).unwrap_or(usize::MAX);
    let length = left.min(buffer.len());
    let part = buffer.get_mut(..length).unwrap_or_default();
    source
        .read_exact_at(part, *position)
        .map_err(|error| ZipError::from_io("the data of a member", error))?;
    *position = position.saturating_add(length as u64);
    Ok(length)
}

impl io::Read for MemberReader<'_> {
    /// Reads as [`MemberReader::read_piece`] does; its errors come wrapped.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_piece(buffer).map_err(|error| match error {
            ZipError::Io(error) => error,
            other => io::Error::new(io::ErrorKind::InvalidData, other),
        })
    }
}
