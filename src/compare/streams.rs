//! Two streams of bytes side by side.

use super::Side;
use super::sides::{Digested, Sides};
use crate::digest::{READ_SIZE, Sha256Hasher};

/// Room for a piece of each side, used again for each pair of streams.
pub(super) struct Buffers(Sides<Vec<u8>>);

impl Buffers {
    pub(super) fn new() -> Self {
        Self(Sides::<()>::default().map(|()| vec![0; READ_SIZE]))
    }
}

/// What two streams turned out to be.
pub(super) struct Streams {
    /// The first byte that differs, or where the shorter one ends.
    pub(super) first_difference: Option<u64>,
    /// Both, read to their ends.
    pub(super) digested: Sides<Digested>,
}

/// Reads two streams to their ends, with two buffers of [`READ_SIZE`]. While
/// they are the same they are hashed once, then each on a core of its own. A reader
/// returns 0 at its end.
pub(super) fn compare<E: Send>(
    buffers: &mut Buffers,
    mut published: impl FnMut(&mut [u8]) -> Result<usize, E> + Send,
    mut rebuilt: impl FnMut(&mut [u8]) -> Result<usize, E> + Send,
) -> Result<Streams, (Side, E)> {
    let buffers = &mut buffers.0;
    let mut common = Sha256Hasher::new();
    let mut total = 0u64;
    loop {
        let left = fill(&mut published, &mut buffers.published)
            .map_err(|error| (Side::Published, error))?;
        let right =
            fill(&mut rebuilt, &mut buffers.rebuilt).map_err(|error| (Side::Rebuilt, error))?;
        if left == right {
            common.update(left);
            total += left.len() as u64;
            if left.len() < READ_SIZE {
                let sha256 = common.finish();
                return Ok(Streams {
                    first_difference: None,
                    digested: Sides::<()>::default().map(|()| Digested {
                        size: total,
                        sha256,
                    }),
                });
            }
            continue;
        }
        let same = left.iter().zip(right).take_while(|(l, r)| l == r).count();
        let hashers = [left, right].map(|piece| {
            let mut hasher = common.clone();
            hasher.update(piece);
            (hasher, total + piece.len() as u64)
        });
        let [left, right] = hashers;
        let (left, right) = rayon::join(
            || finish(left, &mut published, &mut buffers.published),
            || finish(right, &mut rebuilt, &mut buffers.rebuilt),
        );
        return Ok(Streams {
            first_difference: Some(total + same as u64),
            digested: Sides {
                published: left.map_err(|error| (Side::Published, error))?,
                rebuilt: right.map_err(|error| (Side::Rebuilt, error))?,
            },
        });
    }
}

/// Reads two streams as far as they are the same and tells whether that is to
/// their ends.
pub(super) fn are_same<E>(
    buffers: &mut Buffers,
    mut published: impl FnMut(&mut [u8]) -> Result<usize, E>,
    mut rebuilt: impl FnMut(&mut [u8]) -> Result<usize, E>,
) -> Result<bool, (Side, E)> {
    let buffers = &mut buffers.0;
    loop {
        let left = fill(&mut published, &mut buffers.published)
            .map_err(|error| (Side::Published, error))?;
        let right =
            fill(&mut rebuilt, &mut buffers.rebuilt).map_err(|error| (Side::Rebuilt, error))?;
        if left != right {
            return Ok(false);
        }
        if left.len() < READ_SIZE {
            return Ok(true);
        }
    }
}

/// Reads a stream to its end.
pub(super) fn digest<E>(
    buffers: &mut Buffers,
    mut read: impl FnMut(&mut [u8]) -> Result<usize, E>,
) -> Result<Digested, E> {
    finish(
        (Sha256Hasher::new(), 0),
        &mut read,
        &mut buffers.0.published,
    )
}

fn finish<E>(
    (mut hasher, mut size): (Sha256Hasher, u64),
    read: &mut impl FnMut(&mut [u8]) -> Result<usize, E>,
    buffer: &mut [u8],
) -> Result<Digested, E> {
    loop {
        match fill(read, buffer)? {
            [] => {
                return Ok(Digested {
                    size,
                    sha256: hasher.finish(),
                });
            }
            piece => {
                hasher.update(piece);
                size += piece.len() as u64;
            }
        }
    }
}

/// Reads until the buffer is full or the stream ends.
fn fill<'b, E>(
    read: &mut impl FnMut(&mut [u8]) -> Result<usize, E>,
    buffer: &'b mut [u8],
) -> Result<&'b [u8], E> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match read(rest)? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(buffer.get(..filled).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Sha256Digest;
    use proptest::prelude::*;
    use std::convert::Infallible;

    /// Reads in pieces of `step` bytes.
    fn reader(
        bytes: &[u8],
        step: usize,
    ) -> impl FnMut(&mut [u8]) -> Result<usize, Infallible> + '_ {
        let mut rest = bytes;
        move |buffer| {
            let count = step.min(rest.len()).min(buffer.len());
            buffer[..count].copy_from_slice(&rest[..count]);
            rest = &rest[count..];
            Ok(count)
        }
    }

    fn check(published: &[u8], rebuilt: &[u8], first_difference: Option<u64>) {
        let same = are_same(
            &mut Buffers::new(),
            reader(published, 1000),
            reader(rebuilt, 999),
        )
        .expect("reads");
        assert_eq!(same, first_difference.is_none());
        let streams = compare(
            &mut Buffers::new(),
            reader(published, 1000),
            reader(rebuilt, 999),
        )
        .expect("reads");
        assert_eq!(streams.first_difference, first_difference);
        for (bytes, digested) in [
            (published, streams.digested.published),
            (rebuilt, streams.digested.rebuilt),
        ] {
            assert_eq!(digested.size, bytes.len() as u64);
            assert_eq!(digested.sha256, Sha256Digest::of(bytes));
        }
    }

    #[test]
    fn the_first_difference_is_found_around_the_ends_of_buffers() {
        let bytes = vec![7; 3 * READ_SIZE];
        check(&bytes, &bytes, None);
        check(b"", b"", None);
        check(b"", b"a", Some(0));
        for at in [
            0,
            1,
            READ_SIZE - 1,
            READ_SIZE,
            2 * READ_SIZE,
            3 * READ_SIZE - 1,
        ] {
            let mut other = bytes.clone();
            other[at] = 8;
            check(&bytes, &other, Some(at as u64));
            check(&bytes[..at], &bytes, Some(at as u64));
            check(&bytes, &bytes[..at], Some(at as u64));
        }
    }

    #[test]
    fn an_error_names_its_side() {
        let fail = |_: &mut [u8]| Err("broken");
        let fine = |_: &mut [u8]| Ok(0);
        assert!(matches!(
            compare(&mut Buffers::new(), fail, fine),
            Err((Side::Published, "broken"))
        ));
        assert!(matches!(
            compare(&mut Buffers::new(), fine, fail),
            Err((Side::Rebuilt, "broken"))
        ));
    }

    proptest! {
        #[test]
        fn any_two_streams_have_their_own_digests(
            published in prop::collection::vec(0u8..2, 0..20),
            rebuilt in prop::collection::vec(0u8..2, 0..20),
        ) {
            let longest = published.len().max(rebuilt.len());
            let expected = (0..longest).find(|at| published.get(*at) != rebuilt.get(*at));
            check(&published, &rebuilt, expected.map(|at| at as u64));
        }
    }
}
