//! Streams that are hashed side by side: each has the digest that `sha2` gives, however
//! long they are and in whatever pieces their bytes come.
//!
//! The first byte says how many streams there are. Then each piece has a head of two
//! bytes, for whom it is and how long.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sha2::Digest as _;

fuzz_target!(|bytes: &[u8]| {
    let Some((count, mut rest)) = bytes.split_first() else {
        return;
    };
    let count = usize::from(count % 9) + 1;
    let mut lanes = vec![sha256_lanes::Sha256::new(); count];
    let mut expected = vec![sha2::Sha256::new(); count];
    while !rest.is_empty() {
        // What is added in one call: at most one piece for each stream.
        let mut pieces = vec![&[][..]; count];
        for _ in 0..count {
            let [whom, length, tail @ ..] = rest else {
                rest = &[];
                break;
            };
            let length = usize::from(*length).min(tail.len());
            let (piece, tail) = tail.split_at(length);
            pieces[usize::from(*whom) % count] = piece;
            rest = tail;
        }
        for (hasher, piece) in expected.iter_mut().zip(&pieces) {
            hasher.update(piece);
        }
        let mut work: Vec<_> = lanes.iter_mut().zip(pieces).collect();
        sha256_lanes::update_all(&mut work);
    }
    for (lane, hasher) in lanes.into_iter().zip(expected) {
        assert_eq!(lane.finish(), <[u8; 32]>::from(hasher.finalize()));
    }
});
