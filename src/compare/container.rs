//! What differs in the archive as a whole.

use std::io::{self, Read};
use std::ops::Range;

use super::Side;
use super::difference::{Difference, Kind, Order};
use super::members::Pairing;
use super::sides::{Digested, Sides};
use super::streams::{self, Buffers};
use crate::archive::zip::{Archive, Member};

/// Lists what differs: comment, foreign bytes, order.
pub(super) fn differences(
    published: &Archive<'_>,
    rebuilt: &Archive<'_>,
    pairing: &Pairing,
    buffers: &mut Buffers,
) -> Result<Vec<Difference>, (Side, io::Error)> {
    let mut kinds = Vec::new();
    if published.comment() != rebuilt.comment() {
        kinds.push(Kind::ArchiveComment(Sides {
            published: published.comment().clone(),
            rebuilt: rebuilt.comment().clone(),
        }));
    }
    for (kind, ranges) in [
        (
            Kind::Prefix as fn(Sides<Digested>) -> Kind,
            (|archive| vec![archive.prefix()]) as fn(&Archive<'_>) -> Vec<Range<u64>>,
        ),
        (Kind::Gaps, |archive| archive.gaps()),
        (Kind::Trailing, |archive| vec![archive.trailing()]),
    ] {
        let sides = Sides {
            published: digest(published, ranges(published), buffers)
                .map_err(|error| (Side::Published, error))?,
            rebuilt: digest(rebuilt, ranges(rebuilt), buffers)
                .map_err(|error| (Side::Rebuilt, error))?,
        };
        if sides.published != sides.rebuilt {
            kinds.push(kind(sides));
        }
    }
    kinds.extend(order(published, rebuilt, pairing));
    Ok(kinds.into_iter().map(Difference::of_archive).collect())
}

fn digest(
    archive: &Archive<'_>,
    ranges: Vec<Range<u64>>,
    buffers: &mut Buffers,
) -> io::Result<Digested> {
    let mut readers = ranges.into_iter().map(|range| archive.raw(range));
    let mut reader = readers.next();
    streams::digest(buffers, |buffer| {
        while let Some(current) = &mut reader {
            match current.read(buffer)? {
                0 => reader = readers.next(),
                count => return Ok(count),
            }
        }
        Ok(0)
    })
}

/// Compares the order of the members both have.
fn order(published: &Archive<'_>, rebuilt: &Archive<'_>, pairing: &Pairing) -> Vec<Kind> {
    // Common members by their place in the published directory, in the order
    // of each side's directory.
    let directory = Sides {
        published: (0..pairing.common.len()).collect::<Vec<_>>(),
        rebuilt: {
            let mut order: Vec<_> = (0..pairing.common.len()).collect();
            order.sort_by_key(|index| pairing.common.get(*index).map(|pair| pair.sides.rebuilt));
            order
        },
    };
    // The same, in the order of each side's data.
    let offset = |archive: &Archive<'_>, index: Option<usize>| {
        index
            .and_then(|index| archive.members().get(index))
            .map(|member| member.central().local_header_offset)
    };
    let mut data = directory.clone();
    data.published.sort_by_key(|index| {
        offset(
            published,
            pairing.common.get(*index).map(|p| p.sides.published),
        )
    });
    data.rebuilt
        .sort_by_key(|index| offset(rebuilt, pairing.common.get(*index).map(|p| p.sides.rebuilt)));
    let follows = data == directory;
    let part = |order, sides: &Sides<Vec<usize>>| {
        let (position, (left, right)) = sides
            .published
            .iter()
            .zip(&sides.rebuilt)
            .enumerate()
            .find(|(_, (left, right))| left != right)?;
        let name = |index: &usize| {
            let pair = pairing.common.get(*index)?;
            let member = published.members().get(pair.sides.published);
            Some(member.map(Member::name)?.clone())
        };
        Some(Kind::MemberOrder {
            order,
            position: position as u64,
            names: Sides {
                published: name(left)?,
                rebuilt: name(right)?,
            },
        })
    };
    let mut kinds: Vec<_> = part(Order::Directory, &directory).into_iter().collect();
    // Data in another order is news only when it does not go with the directory.
    if !follows {
        kinds.extend(part(Order::Data, &data));
    }
    kinds
}
