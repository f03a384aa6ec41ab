//! Writes ZIP archives for tests byte by byte from APPNOTE 4.3, right ones and
//! wrong ones. Shares nothing with the reader.

/// One member: every field of both headers can be set on its own.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) name: Vec<u8>,
    /// The data as stored in the archive.
    pub(crate) data: Vec<u8>,
    pub(crate) made_by: u16,
    pub(crate) needed: u16,
    pub(crate) flags: u16,
    pub(crate) method: u16,
    pub(crate) time: u16,
    pub(crate) date: u16,
    pub(crate) crc: u32,
    pub(crate) compressed: u32,
    pub(crate) uncompressed: u32,
    pub(crate) internal: u16,
    pub(crate) external: u32,
    pub(crate) extra: Vec<u8>,
    pub(crate) comment: Vec<u8>,
    pub(crate) local: Local,
    /// Bytes between the data and the next record: descriptors, padding.
    pub(crate) after: Vec<u8>,
}

/// What the local header says instead, where it disagrees.
#[derive(Clone, Default)]
pub(crate) struct Local {
    pub(crate) name: Option<Vec<u8>>,
    pub(crate) flags: Option<u16>,
    pub(crate) method: Option<u16>,
    pub(crate) time: Option<u16>,
    pub(crate) crc: Option<u32>,
    pub(crate) compressed: Option<u32>,
    pub(crate) uncompressed: Option<u32>,
    pub(crate) extra: Option<Vec<u8>>,
}

/// CRC-32 bit by bit (ISO 3309, APPNOTE 4.4.7).
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = !0u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (0u32.wrapping_sub(crc & 1)));
        }
    }
    !crc
}

/// A deflate stream of stored blocks (RFC 1951, 3.2.4), cut into blocks of
/// `block` bytes: same contents, other bytes for another `block`.
pub(crate) fn stored_blocks(contents: &[u8], block: usize) -> Vec<u8> {
    let chunks: Vec<&[u8]> = if contents.is_empty() {
        vec![contents]
    } else {
        contents.chunks(block).collect()
    };
    let mut stream = Vec::new();
    for (index, chunk) in chunks.iter().enumerate() {
        let size = u16::try_from(chunk.len()).expect("blocks are short");
        stream.push(u8::from(index + 1 == chunks.len()));
        stream.extend(size.to_le_bytes());
        stream.extend((!size).to_le_bytes());
        stream.extend(*chunk);
    }
    stream
}

impl Entry {
    /// A stored member as Python's zipfile writes it on Unix, mode 0644, at
    /// 1980-01-01 00:00:00.
    pub(crate) fn stored(name: &str, contents: &[u8]) -> Self {
        let size = u32::try_from(contents.len()).expect("small");
        Self {
            name: name.into(),
            data: contents.to_vec(),
            made_by: 0x0314,
            needed: 20,
            flags: 0,
            method: 0,
            time: 0,
            date: 1 << 5 | 1,
            crc: crc32(contents),
            compressed: size,
            uncompressed: size,
            internal: 0,
            external: 0o100_644 << 16,
            extra: Vec::new(),
            comment: Vec::new(),
            local: Local::default(),
            after: Vec::new(),
        }
    }

    /// A member in deflate blocks of `block` bytes.
    pub(crate) fn deflated(name: &str, contents: &[u8], block: usize) -> Self {
        let data = stored_blocks(contents, block);
        Self {
            method: 8,
            compressed: u32::try_from(data.len()).expect("small"),
            data,
            ..Self::stored(name, contents)
        }
    }

    /// This member written as a stream: sizes behind the data.
    pub(crate) fn streamed(mut self) -> Self {
        self.flags |= 8;
        self.local.crc = Some(0);
        self.local.compressed = Some(0);
        self.local.uncompressed = Some(0);
        self.after = [0x0807_4b50, self.crc, self.compressed, self.uncompressed]
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        self
    }

    fn write_local(&self, out: &mut Vec<u8>) {
        let local = &self.local;
        let name = local.name.as_ref().unwrap_or(&self.name);
        let extra = local.extra.as_ref().unwrap_or(&self.extra);
        out.extend(b"PK\x03\x04");
        out.extend(self.needed.to_le_bytes());
        out.extend(local.flags.unwrap_or(self.flags).to_le_bytes());
        out.extend(local.method.unwrap_or(self.method).to_le_bytes());
        out.extend(local.time.unwrap_or(self.time).to_le_bytes());
        out.extend(self.date.to_le_bytes());
        out.extend(local.crc.unwrap_or(self.crc).to_le_bytes());
        out.extend(local.compressed.unwrap_or(self.compressed).to_le_bytes());
        out.extend(
            local
                .uncompressed
                .unwrap_or(self.uncompressed)
                .to_le_bytes(),
        );
        out.extend(length(name));
        out.extend(length(extra));
        out.extend(name);
        out.extend(extra);
        out.extend(&self.data);
        out.extend(&self.after);
    }

    fn write_central(&self, out: &mut Vec<u8>, offset: u32) {
        out.extend(b"PK\x01\x02");
        out.extend(self.made_by.to_le_bytes());
        out.extend(self.needed.to_le_bytes());
        out.extend(self.flags.to_le_bytes());
        out.extend(self.method.to_le_bytes());
        out.extend(self.time.to_le_bytes());
        out.extend(self.date.to_le_bytes());
        out.extend(self.crc.to_le_bytes());
        out.extend(self.compressed.to_le_bytes());
        out.extend(self.uncompressed.to_le_bytes());
        out.extend(length(&self.name));
        out.extend(length(&self.extra));
        out.extend(length(&self.comment));
        out.extend([0, 0]);
        out.extend(self.internal.to_le_bytes());
        out.extend(self.external.to_le_bytes());
        out.extend(offset.to_le_bytes());
        out.extend(&self.name);
        out.extend(&self.extra);
        out.extend(&self.comment);
    }
}

fn length(bytes: &[u8]) -> [u8; 2] {
    u16::try_from(bytes.len()).expect("short").to_le_bytes()
}

/// An archive with the members in this order.
pub(crate) fn archive(entries: &[Entry]) -> Vec<u8> {
    archive_with(entries, b"", b"")
}

/// An archive with bytes before its first record, counted in its offsets, and a
/// comment.
pub(crate) fn archive_with(entries: &[Entry], prefix: &[u8], comment: &[u8]) -> Vec<u8> {
    let mut out = prefix.to_vec();
    let mut offsets = Vec::new();
    for entry in entries {
        offsets.push(u32::try_from(out.len()).expect("small"));
        entry.write_local(&mut out);
    }
    let start = out.len();
    for (entry, offset) in entries.iter().zip(offsets) {
        entry.write_central(&mut out, offset);
    }
    let size = u32::try_from(out.len() - start).expect("small");
    let count = u16::try_from(entries.len()).expect("few");
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(size.to_le_bytes());
    out.extend(u32::try_from(start).expect("small").to_le_bytes());
    out.extend(length(comment));
    out.extend(comment);
    out
}

/// An archive whose end is written with the records of ZIP64 (APPNOTE 4.3.14,
/// 4.3.15) and whose classic end record only refers to them.
pub(crate) fn zip64_archive(entries: &[Entry]) -> Vec<u8> {
    let mut out = archive(entries);
    let end = out.split_off(out.len() - 22);
    let number = |at: usize| {
        u64::from(u32::from_le_bytes(
            end[at..at + 4].try_into().expect("four bytes"),
        ))
    };
    let record_offset = out.len() as u64;
    let count = entries.len() as u64;
    out.extend(b"PK\x06\x06");
    out.extend(44u64.to_le_bytes());
    out.extend([45, 3, 45, 0]);
    out.extend([0; 8]);
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(number(12).to_le_bytes());
    out.extend(number(16).to_le_bytes());
    out.extend(b"PK\x06\x07\0\0\0\0");
    out.extend(record_offset.to_le_bytes());
    out.extend(1u32.to_le_bytes());
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([0xff; 12]);
    out.extend([0, 0]);
    out
}
