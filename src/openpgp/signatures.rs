//! Signature files, taken apart into their signatures.
//!
//! In: the bytes of a file. Out: its signatures, those that cannot be read among
//! them, and a fault for whatever is none. Nothing is verified here.

use std::collections::BTreeSet;
use std::io::Read;

use sequoia::armor::{Kind, Reader, ReaderMode};
use sequoia::packet::header::BodyLength;
use sequoia::packet::{Packet, Signature, Tag, Unknown};
use sequoia::parse::{PacketParser, PacketParserResult, Parse};
use sequoia::serialize::SerializeInto;
use sequoia_openpgp as sequoia;

use super::{Clearsigned, armor};

/// The most signatures a file may hold.
const MAX_SIGNATURES: usize = 10_000;

/// A signature file, taken apart.
#[derive(Debug)]
pub struct SignatureFile {
    path: String,
    pub(super) packets: Vec<Parsed>,
    faults: Vec<SignatureFileFault>,
    pub(super) covers: Covers,
}

/// What the signatures of a file are over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Covers {
    /// Another file, byte for byte or as text.
    File,
    /// The text of the clearsigned document they stand in.
    ClearsignedText {
        /// How many lines of the document stand before the text.
        lines_before: u64,
    },
}

#[derive(Debug)]
pub(super) enum Parsed {
    Signature(Box<Signature>),
    Unread {
        /// What kind of thing it is.
        why: Unread,
        /// The same in words.
        reason: String,
        /// The packet as it is.
        packet: Vec<u8>,
    },
}

/// Why a signature packet cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    /// It is of a version that is not read here.
    Version(u8),
    /// It is not as its version has it: a number that contradicts its length, for
    /// example.
    Malformed,
}

/// Something in a signature file that is no detached signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFileFault {
    /// Nothing is in the file.
    #[error("the file is empty")]
    Empty,
    /// The file holds neither armor nor binary OpenPGP.
    #[error("the file holds no OpenPGP data")]
    NotOpenPgp,
    /// Text stands outside the armored blocks.
    #[error("line {line} is outside every signature block")]
    Stray {
        /// The first such line of several in a row, counted from 1.
        line: u64,
    },
    /// A block has no END line.
    #[error("the block that begins on line {line} has no end")]
    Unterminated {
        /// The line of its BEGIN, counted from 1.
        line: u64,
    },
    /// The armor is of another kind.
    #[error("the file holds a PGP {} block instead of a signature", .label.escape_default())]
    WrongKind {
        /// The kind.
        label: String,
    },
    /// The packets are no signatures: a whole signed message, for example.
    #[error("the file holds {packet} besides or instead of detached signatures")]
    WrongPacket {
        /// What it is.
        packet: String,
    },
    /// The packets cannot be read.
    #[error("block {block} cannot be read: {reason}")]
    Malformed {
        /// The block, counted from 1.
        block: u64,
        /// Why not.
        reason: String,
    },
    /// The file is a document that brings its own text.
    #[error("the file is a clearsigned document, which is a manifest in itself")]
    Clearsigned,
    /// There are more signatures than anybody needs.
    #[error("the file holds more than {MAX_SIGNATURES} signatures")]
    TooMany,
}

impl SignatureFile {
    /// Takes a file apart into its signatures. `path` is for reports only.
    ///
    /// Everything that is not a detached signature is kept as a fault; a fault
    /// takes no signature away and no fault goes unreported.
    pub fn parse(path: impl Into<String>, bytes: &[u8]) -> Self {
        let mut file = Self {
            path: path.into(),
            packets: Vec::new(),
            faults: Vec::new(),
            covers: Covers::File,
        };
        if bytes.trim_ascii().is_empty() {
            file.faults.push(SignatureFileFault::Empty);
        } else if Clearsigned::begins(bytes) {
            // Its signatures are over its own text and would look forged here.
            file.faults.push(SignatureFileFault::Clearsigned);
        } else if armor::is_binary(bytes) {
            file.read_packets(1, bytes);
        } else {
            file.read_armor(bytes);
        }
        file
    }

    /// Takes the armor of a clearsigned document apart.
    pub(super) fn parse_clearsigned(
        path: impl Into<String>,
        lines_before: u64,
        armor: &[u8],
    ) -> Self {
        Self {
            covers: Covers::ClearsignedText { lines_before },
            ..Self::parse(path, armor)
        }
    }

    /// Returns how many lines of the file stand before what the signatures are over.
    pub(super) fn lines_before(&self) -> u64 {
        match self.covers {
            Covers::File => 0,
            Covers::ClearsignedText { lines_before } => lines_before,
        }
    }

    /// Returns the names of the hash algorithms as headers spell them, and whether
    /// a signature of a version that asks for a header uses it.
    pub(super) fn hashes(&self) -> BTreeSet<(String, bool)> {
        self.packets
            .iter()
            .filter_map(|packet| match packet {
                Parsed::Signature(signature) => Some(signature),
                Parsed::Unread { .. } => None,
            })
            .map(|signature| {
                let hash = signature.hash_algo();
                let name = hash
                    .text_name()
                    .map_or_else(|_| hash.to_string(), str::to_owned);
                (name, signature.version() < 6)
            })
            .collect()
    }

    /// Returns whether something in the file could not be read as a signature.
    pub(super) fn has_unread(&self) -> bool {
        !self.faults.is_empty()
            || self
                .packets
                .iter()
                .any(|packet| matches!(packet, Parsed::Unread { .. }))
    }

    fn read_armor(&mut self, bytes: &[u8]) {
        let (blocks, faults) = armor::split(bytes);
        if blocks.is_empty() && !faults.iter().any(armor::Fault::is_unterminated) {
            self.faults.push(SignatureFileFault::NotOpenPgp);
            return;
        }
        self.faults
            .extend(faults.into_iter().map(|fault| match fault {
                armor::Fault::Stray { line } => SignatureFileFault::Stray { line },
                armor::Fault::Unterminated { line } => SignatureFileFault::Unterminated { line },
            }));
        for (number, block) in (1..).zip(blocks) {
            if block.label != "SIGNATURE" {
                self.faults.push(SignatureFileFault::WrongKind {
                    label: block.label.to_owned(),
                });
                continue;
            }
            let mut packets = Vec::new();
            let mode = ReaderMode::Tolerant(Some(Kind::Signature));
            match Reader::from_bytes(block.bytes, mode).read_to_end(&mut packets) {
                Ok(_) => self.read_packets(number, &packets),
                Err(error) => self.faults.push(SignatureFileFault::Malformed {
                    block: number,
                    reason: error.to_string(),
                }),
            }
        }
    }

    fn read_packets(&mut self, block: u64, bytes: &[u8]) {
        let before = self.packets.len();
        if let Err(fault) = self.try_read_packets(block, bytes) {
            self.faults
                .push(fault.unwrap_or_else(|error| SignatureFileFault::Malformed {
                    block,
                    reason: one_line(&error),
                }));
        } else if self.packets.len() == before {
            self.faults.push(SignatureFileFault::Malformed {
                block,
                reason: "it holds no packet".to_owned(),
            });
        }
    }

    /// Reads packet after packet without descending into any. The inner error is
    /// the library's, the outer one ours.
    fn try_read_packets(
        &mut self,
        block: u64,
        bytes: &[u8],
    ) -> Result<(), Result<SignatureFileFault, sequoia::anyhow::Error>> {
        let mut result = PacketParser::from_bytes(bytes).map_err(Err)?;
        while let PacketParserResult::Some(mut parser) = result {
            // What cannot be read is kept as it is; the parser would pass over it.
            if let Packet::Unknown(unknown) = &parser.packet
                && unknown.tag() == Tag::Signature
            {
                // Such a packet has no end of its own, so another signature could
                // not be written behind it.
                if !matches!(parser.header().length(), BodyLength::Full(_)) {
                    return Err(Ok(SignatureFileFault::Malformed {
                        block,
                        reason: "a signature packet does not state its whole length".to_owned(),
                    }));
                }
                parser.buffer_unread_content().map_err(Err)?;
            }
            let (packet, next) = parser.next().map_err(Err)?;
            match packet {
                Packet::Signature(signature) => {
                    self.packets.push(Parsed::Signature(Box::new(signature)));
                }
                Packet::Unknown(unknown) if unknown.tag() == Tag::Signature => {
                    let (why, reason) = unread(&unknown);
                    let packet = Packet::Unknown(unknown).to_vec().map_err(Err)?;
                    self.packets.push(Parsed::Unread {
                        why,
                        reason,
                        packet,
                    });
                }
                Packet::Marker(_) | Packet::Padding(_) => {}
                // Written by a program that knows more than this one, and marked as
                // nothing that a reader has to know (RFC 9580, section 4.3).
                Packet::Unknown(unknown) if !is_critical(unknown.tag()) => {}
                other => {
                    return Err(Ok(SignatureFileFault::WrongPacket {
                        packet: format!("a packet of type \"{}\"", other.tag()),
                    }));
                }
            }
            if self.packets.len() > MAX_SIGNATURES {
                return Err(Ok(SignatureFileFault::TooMany));
            }
            result = next;
        }
        Ok(())
    }

    /// Returns the file's name, for reports.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns what in the file is no detached signature.
    pub fn faults(&self) -> &[SignatureFileFault] {
        &self.faults
    }
}

/// Returns whether a reader that does not know a packet of this type must give up: of
/// the sixty-four types, the upper twenty-four may be passed over.
fn is_critical(tag: Tag) -> bool {
    u8::from(tag) < 40
}

/// Returns why a signature packet cannot be read. Its first byte is its version (RFC
/// 9580, section 5.2).
fn unread(packet: &Unknown) -> (Unread, String) {
    match packet.body().first() {
        Some(version) if !matches!(version, 3 | 4 | 6) => (
            Unread::Version(*version),
            format!(
                "it is of {}, which is not read here",
                version_name(*version)
            ),
        ),
        _ => (Unread::Malformed, one_line(packet.error())),
    }
}

/// Returns the name of a version of keys and signatures that OpenPGP does not have.
pub(super) fn version_name(version: u8) -> String {
    match version {
        // LibrePGP (draft-koch-librepgp) has it; RFC 9580 knows of no such keys.
        5 => "version 5 (LibrePGP, not OpenPGP)".to_owned(),
        other => format!("version {other}"),
    }
}

/// Returns an error and what caused it on one line.
pub(super) fn one_line(error: &sequoia::anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if text.contains(&cause) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause);
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
