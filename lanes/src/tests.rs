//! `sha2` and the examples of NIST are the oracles.

use proptest::prelude::*;

use super::*;

fn hex(digest: [u8; 32]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn of(message: &[u8]) -> String {
    let mut stream = Sha256::new();
    stream.update(message);
    hex(stream.finish())
}

fn by_sha2(message: &[u8]) -> String {
    hex(<sha2::Sha256 as sha2::Digest>::digest(message).into())
}

// NIST, "Examples with Intermediate Values", SHA256.pdf, and CAVP SHA256ShortMsg.rsp for
// the empty message.
#[test]
fn examples_of_nist() {
    let two_blocks = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    for (message, digest) in [
        (
            &b"abc"[..],
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ),
        (
            b"",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ),
        (
            two_blocks,
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
        ),
        (
            &vec![b'a'; 1_000_000],
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
        ),
    ] {
        assert_eq!(of(message), digest);
    }
}

#[test]
fn every_length_around_the_padding() {
    let message: Vec<u8> = (0..260u32).map(|index| (index * 31 % 251) as u8).collect();
    for length in 0..=message.len() {
        assert_eq!(
            of(&message[..length]),
            by_sha2(&message[..length]),
            "{length} bytes"
        );
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn a_processor_with_the_instructions_is_used() {
    if Unit::detect().is_none() {
        eprintln!("skipped: this processor has no SHA extensions");
        return;
    }
    assert!(interleaves());
}

proptest! {
    // Streams of any length, told in any pieces, in groups of any width.
    #[test]
    fn streams_do_not_mix(
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..700), 0..10),
        step in 1usize..300,
    ) {
        let mut streams = vec![Sha256::new(); messages.len()];
        let longest = messages.iter().map(Vec::len).max().unwrap_or(0);
        for start in (0..longest).step_by(step) {
            // Lanes get pieces of different lengths: every third one has it all at once.
            let mut pieces: Vec<(&mut Sha256, &[u8])> = Vec::new();
            for (number, (stream, message)) in streams.iter_mut().zip(&messages).enumerate() {
                let piece = match number % 3 {
                    0 if start == 0 => &message[..],
                    0 => &[],
                    _ => &message[start.min(message.len())..(start + step).min(message.len())],
                };
                pieces.push((stream, piece));
            }
            update_all(&mut pieces);
        }
        for (stream, message) in streams.into_iter().zip(&messages) {
            prop_assert_eq!(hex(stream.finish()), by_sha2(message));
        }
    }
}
