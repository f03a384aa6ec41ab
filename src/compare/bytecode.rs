//! Two files of Python bytecode.
//!
//! The header has four parts of four bytes (PEP 552): the magic number of the
//! interpreter, flags, then time and size of the source, or a hash of it.

use serde::Serialize;

use super::sides::Sides;

/// What differs between two files of bytecode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BytecodeDetail {
    /// The magic number of the interpreter, in hexadecimal, where it differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub magic: Option<Sides<String>>,
    /// How the source is recognised, where that differs: `time`,
    /// `unchecked-hash` or `checked-hash`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recognised_by: Option<Sides<&'static str>>,
    /// The time of the source in seconds since 1970, where it differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_time: Option<Sides<u32>>,
    /// Whether the code itself differs.
    pub code: bool,
}

const HEADER: usize = 16;

/// Compares two files that are known to differ; nothing when one is too short to
/// be bytecode.
pub(super) fn compare(published: &[u8], rebuilt: &[u8]) -> Option<BytecodeDetail> {
    let sides = Sides {
        published: published.split_first_chunk::<HEADER>()?,
        rebuilt: rebuilt.split_first_chunk::<HEADER>()?,
    };
    let word = |header: &[u8; HEADER], at: usize| {
        let bytes = header.get(at..).and_then(|bytes| bytes.first_chunk());
        bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
    };
    let magic = sides.map(|(header, _)| format!("{:08x}", word(header, 0).swap_bytes()));
    let recognised_by = sides.map(|(header, _)| match word(header, 4) & 3 {
        0 => "time",
        1 => "unchecked-hash",
        _ => "checked-hash",
    });
    let has_times = recognised_by.published == "time" && recognised_by.rebuilt == "time";
    let source_time = sides.map(|(header, _)| word(header, 8));
    Some(BytecodeDetail {
        magic: (magic.published != magic.rebuilt).then_some(magic),
        recognised_by: (recognised_by.published != recognised_by.rebuilt).then_some(recognised_by),
        source_time: (has_times && source_time.published != source_time.rebuilt)
            .then_some(source_time),
        code: sides.published.1 != sides.rebuilt.1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // python3 -c "import importlib._bootstrap_external as b; print(
    //   bytes(b._code_to_timestamp_pyc(compile('1','x','exec'), 1309379017, 7))[:16].hex())"
    const TIMED: [u8; 16] = *b"\xa7\x0d\x0d\x0a\0\0\0\0\xc9\x89\x0b\x4e\x07\0\0\0";

    #[test]
    fn a_time_of_the_source_is_told_from_other_code() {
        let mut later = TIMED;
        later[8] += 1;
        let detail = compare(&TIMED, &later).expect("bytecode");
        assert_eq!(
            detail
                .source_time
                .map(|time| (time.published, time.rebuilt)),
            Some((1_309_379_017, 1_309_379_018))
        );
        assert!(!detail.code && detail.magic.is_none() && detail.recognised_by.is_none());
        let detail = compare(&TIMED, &[&TIMED[..], b"x"].concat()).expect("bytecode");
        assert!(detail.code && detail.source_time.is_none());
        let mut hashed = TIMED;
        hashed[4] = 1;
        let detail = compare(&TIMED, &hashed).expect("bytecode");
        assert_eq!(
            detail.recognised_by.map(|by| by.rebuilt),
            Some("unchecked-hash")
        );
        assert!(compare(&TIMED, b"short").is_none());
    }
}
