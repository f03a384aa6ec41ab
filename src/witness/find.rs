//! The search for a witness.
//!
//! In: two wheels, neither of them trusted. Out: a witness that was applied and gave
//! the published digest, or why there is none.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use super::plan::{LocalSizes, Packing, Plan, Planned};
use super::write::{broken, contents, unpacks_to};
use super::{
    Base64, Edit, Hex, Identity, MAX_TAKEN, Mode, SCHEMA, Time, Witness, WitnessError, edits, open,
    write,
};
use crate::archive::Limits;
use crate::archive::zip::{Archive, Member, Method};
use crate::cancel::Cancel;
use crate::deflate::Settings;
use crate::deflate::deflate;
use crate::digest::READ_SIZE;

/// How many of the largest members may come from a compressor that is not found
/// before the others are not asked any more.
const PATIENCE: usize = 16;

/// What the search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Search {
    /// A witness; it was applied, and gave the published wheel.
    Found(Box<Witness>),
    /// There is none.
    None(NoWitness),
}

/// Why there is no witness.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoWitness {
    /// Members, or what they hold, differ: no edit makes up for that. The name of the
    /// first, escaped.
    #[error("the contents differ, first in member '{0}'")]
    Contents(String),
    /// Something in one of the wheels has no edit, or is damaged.
    #[error("the {side} wheel is one that no witness can be about: {reason}")]
    Unfit {
        /// Which wheel: published or rebuilt.
        side: &'static str,
        /// Why, in a sentence with names escaped.
        reason: String,
    },
    /// Too much of the published wheel was written by a compressor that cannot be run.
    #[error(
        "more than {MAX_TAKEN} bytes of the published wheel come from a compressor that is not zlib"
    )]
    TooMuchTaken,
    /// The edits would change what readers see.
    #[error("{0}")]
    Edit(String),
    /// What the edits give is not the published wheel.
    #[error("the wheels differ in a place that no edit reaches")]
    OtherPlace,
}

/// Searches for a witness.
///
/// # Errors
///
/// [`WitnessError`] when a file cannot be read, or when `cancel` was requested.
pub fn find(
    published: &Path,
    rebuilt: &Path,
    limits: Limits,
    cancel: &Cancel,
) -> Result<Search, WitnessError> {
    let unfit = |side, error: WitnessError| match error.refutes() {
        true => Ok(Search::None(NoWitness::Unfit {
            side,
            reason: match error {
                WitnessError::Unfit(reason) => reason.to_string(),
                other => other.to_string(),
            },
        })),
        false => Err(error),
    };
    let read = |path| {
        let (file, identity) = open(path, cancel)?;
        let archive = Archive::from_file(file, limits).map_err(WitnessError::Zip)?;
        let plan = Plan::read(&archive)?;
        Ok((archive, identity, plan))
    };
    let sides = Sides {
        published: match read(published) {
            Ok((archive, identity, plan)) => Side::new(archive, identity, plan),
            Err(error) => return unfit("published", error),
        },
        rebuilt: match read(rebuilt) {
            Ok((archive, identity, plan)) => Side::new(archive, identity, plan),
            Err(error) => return unfit("rebuilt", error),
        },
    };
    match sides.search(cancel) {
        Ok(search) => Ok(search),
        // Both archives were read; what is damaged is a member of one of them.
        Err(WitnessError::Zip(error)) if error.fault_kind().is_some() => {
            Ok(Search::None(NoWitness::Unfit {
                side: "published or the rebuilt",
                reason: error.to_string(),
            }))
        }
        Err(error) => Err(error),
    }
}

struct Side {
    archive: Archive<'static>,
    identity: Identity,
    plan: Plan,
}

impl Side {
    fn new(archive: Archive<'static>, identity: Identity, plan: Plan) -> Self {
        Self {
            archive,
            identity,
            plan,
        }
    }

    fn name(&self, index: usize) -> Option<String> {
        Some(self.plan.members.get(index)?.name.clone())
    }

    fn by_name(&self) -> HashMap<&str, (&Planned, &Member)> {
        let members = self.plan.members.iter().zip(self.archive.members());
        members
            .map(|(planned, member)| (planned.name.as_str(), (planned, member)))
            .collect()
    }

    fn names(&self, order: &[usize]) -> Vec<String> {
        order.iter().filter_map(|index| self.name(*index)).collect()
    }
}

struct Sides {
    published: Side,
    rebuilt: Side,
}

/// A member of both wheels.
struct Pair<'a> {
    published: (&'a Planned, &'a Member),
    rebuilt: (&'a Planned, &'a Member),
}

impl Sides {
    fn search(&self, cancel: &Cancel) -> Result<Search, WitnessError> {
        let pairs = match self.pairs() {
            Ok(pairs) => pairs,
            Err(name) => return Ok(Search::None(NoWitness::Contents(name))),
        };
        let mut packings = BTreeMap::new();
        for (index, pair) in pairs.iter().enumerate() {
            if same_data(self, pair, cancel)? {
                continue;
            }
            if !self.same_contents(pair, cancel)? {
                let name = pair.published.0.name.escape_debug().to_string();
                return Ok(Search::None(NoWitness::Contents(name)));
            }
            packings.insert(index, Packing::AsIs);
        }
        if !self.find_packings(&pairs, &mut packings, cancel)? {
            return Ok(Search::None(NoWitness::TooMuchTaken));
        }
        let mut witness = Witness {
            schema: SCHEMA.to_owned(),
            rebuilt: self.rebuilt.identity,
            published: self.published.identity,
            edits: self.edits(&pairs, packings),
        };
        self.prove(&mut witness, cancel)
    }

    /// Applies a witness before anybody hears of it.
    fn prove(&self, witness: &mut Witness, cancel: &Cancel) -> Result<Search, WitnessError> {
        let mut plan = Plan::read(&self.rebuilt.archive)?;
        let written = edits::make(&mut plan, &witness.edits)
            .map_err(WitnessError::Edit)
            .and_then(|()| {
                write::write(&plan, &self.rebuilt.archive, &mut std::io::sink(), cancel)
            });
        match written {
            Ok(found) if found == self.published.identity => {
                Ok(Search::Found(Box::new(witness.clone())))
            }
            Ok(_) => Ok(Search::None(NoWitness::OtherPlace)),
            Err(WitnessError::Edit(error)) => Ok(Search::None(NoWitness::Edit(error.to_string()))),
            Err(error) => Err(error),
        }
    }

    /// Returns the members that both wheels have, or the first name that one lacks.
    fn pairs(&self) -> Result<Vec<Pair<'_>>, String> {
        let (published, rebuilt) = (self.published.by_name(), self.rebuilt.by_name());
        let names = |side: &Side, other: &HashMap<&str, _>| {
            let members = side.plan.members.iter();
            let lacking = members
                .map(|m| m.name.as_str())
                .find(|n| !other.contains_key(n));
            lacking.map_or(Ok(()), |name| Err(name.escape_debug().to_string()))
        };
        names(&self.published, &rebuilt)?;
        names(&self.rebuilt, &published)?;
        Ok(self
            .rebuilt
            .plan
            .members
            .iter()
            .filter_map(|planned| {
                let name = planned.name.as_str();
                Some(Pair {
                    published: *published.get(name)?,
                    rebuilt: *rebuilt.get(name)?,
                })
            })
            .collect())
    }

    fn same_contents(&self, pair: &Pair<'_>, cancel: &Cancel) -> Result<bool, WitnessError> {
        let sums = |planned: &Planned| (planned.crc32, planned.uncompressed_size);
        Ok(sums(pair.published.0) == sums(pair.rebuilt.0)
            && same(
                contents(&self.published.archive, pair.published.1)?,
                contents(&self.rebuilt.archive, pair.rebuilt.1)?,
                cancel,
            )?)
    }

    /// Finds how each of some members was packed. Returns whether no more than may be
    /// taken has to be.
    fn find_packings(
        &self,
        pairs: &[Pair<'_>],
        packings: &mut BTreeMap<usize, Packing>,
        cancel: &Cancel,
    ) -> Result<bool, WitnessError> {
        let mut candidates = Settings::candidates();
        let (mut failed, mut found_any, mut taken) = (0, false, 0);
        // The largest first: one compressor usually wrote all members, and large ones
        // tell the settings apart.
        let mut order: Vec<usize> = packings.keys().copied().collect();
        order.sort_by_key(|index| {
            let pair = pairs.get(*index);
            std::cmp::Reverse(pair.map(|pair| pair.rebuilt.0.uncompressed_size))
        });
        for index in order {
            let Some(pair) = pairs.get(index) else {
                continue;
            };
            let (planned, member) = pair.published;
            let packing = if planned.method == Method::STORED {
                Packing::Store
            } else {
                let settings = match failed < PATIENCE || found_any {
                    true => self.settings(pair, &candidates, cancel)?,
                    false => None,
                };
                if let Some(position) = settings {
                    found_any = true;
                    // What fitted once is tried first.
                    let settings = candidates.remove(position);
                    candidates.insert(0, settings);
                    Packing::Deflate(settings)
                } else {
                    failed += 1;
                    taken += planned.compressed_size;
                    if taken > MAX_TAKEN {
                        return Ok(false);
                    }
                    let mut stream = Vec::new();
                    self.published
                        .archive
                        .raw(member.data())
                        .read_to_end(&mut stream)
                        .map_err(WitnessError::Io)?;
                    let rebuilt = contents(&self.rebuilt.archive, pair.rebuilt.1)?;
                    if !unpacks_to(&stream, rebuilt, cancel)? {
                        // Bytes behind the end of the stream: nobody's contents.
                        return Ok(true);
                    }
                    Packing::Stream(stream)
                }
            };
            packings.insert(index, packing);
        }
        Ok(true)
    }

    /// Returns which of some settings of zlib give the published stream of a member.
    fn settings(
        &self,
        pair: &Pair<'_>,
        candidates: &[Settings],
        cancel: &Cancel,
    ) -> Result<Option<usize>, WitnessError> {
        for (position, settings) in candidates.iter().enumerate() {
            let mut published = self.published.archive.raw(pair.published.1.data());
            let mut wanted = vec![0; READ_SIZE];
            let mut size = 0;
            let contents = contents(&self.rebuilt.archive, pair.rebuilt.1)?;
            let fits = deflate(contents, *settings, |piece| {
                cancel.check()?;
                size += piece.len() as u64;
                let there = wanted.get_mut(..piece.len()).unwrap_or_default();
                Ok(published.read_exact(there).is_ok() && there == piece)
            })?;
            if fits && size == pair.published.0.compressed_size {
                return Ok(Some(position));
            }
        }
        Ok(None)
    }

    /// Returns the edits that set everything that differs, members with equal edits
    /// together.
    fn edits(&self, pairs: &[Pair<'_>], mut packings: BTreeMap<usize, Packing>) -> Vec<Edit> {
        let mut edits = Vec::new();
        let (published, rebuilt) = (&self.published, &self.rebuilt);
        let directory = published.names(&published.plan.directory);
        let data = published.names(&published.plan.data);
        if directory != rebuilt.names(&rebuilt.plan.directory)
            || data != rebuilt.names(&rebuilt.plan.data)
        {
            let data = (data != directory).then_some(data);
            edits.push(Edit::SetOrder { directory, data });
        }
        // Each edit without its members, and the members.
        let mut of_members: BTreeMap<Edit, Vec<String>> = BTreeMap::new();
        for (index, pair) in pairs.iter().enumerate() {
            let mut add = |edit| {
                let members = of_members.entry(edit).or_default();
                members.push(pair.rebuilt.0.name.clone());
            };
            fields(pair, &mut add);
            match packings.remove(&index) {
                None | Some(Packing::AsIs) => {}
                Some(Packing::Store) => add(Edit::Store {
                    members: Vec::new(),
                }),
                Some(Packing::Deflate(settings)) => add(Edit::Deflate {
                    level: settings.level(),
                    strategy: settings.strategy(),
                    memory_level: settings.memory_level(),
                    members: Vec::new(),
                }),
                Some(Packing::Stream(stream)) => add(Edit::SetCompressedStream {
                    member: pair.rebuilt.0.name.clone(),
                    stream: Base64(stream),
                }),
            }
        }
        edits.extend(of_members.into_iter().map(|(mut edit, mut names)| {
            names.sort();
            if let Some(members) = edit.members_mut() {
                *members = names;
            }
            edit
        }));
        if published.plan.prefix != rebuilt.plan.prefix {
            edits.push(Edit::SetPrefix {
                bytes: Hex(published.plan.prefix.clone()),
            });
        }
        if published.plan.comment != rebuilt.plan.comment {
            edits.push(Edit::SetArchiveComment {
                bytes: Hex(published.plan.comment.clone()),
            });
        }
        edits
    }
}

/// Adds an edit for each field that differs.
fn fields(pair: &Pair<'_>, add: &mut impl FnMut(Edit)) {
    let (published, rebuilt) = (&pair.published.0.fields, &pair.rebuilt.0.fields);
    let members = Vec::new;
    if published.time != rebuilt.time {
        add(Edit::SetTime {
            time: Time(published.time),
            members: members(),
        });
    }
    let [high, low] = [published, rebuilt].map(|fields| fields.external.to_be_bytes());
    let ([a, b, c, d], [e, f, g, h]) = (high, low);
    if [a, b] != [e, f] {
        add(Edit::SetMode {
            mode: Mode(u16::from_be_bytes([a, b])),
            members: members(),
        });
    }
    if [c, d] != [g, h] {
        add(Edit::SetDosAttributes {
            value: u16::from_be_bytes([c, d]),
            members: members(),
        });
    }
    if published.internal != rebuilt.internal {
        add(Edit::SetInternalAttributes {
            value: published.internal,
            members: members(),
        });
    }
    if published.creator != rebuilt.creator {
        let [system, version] = published.creator.to_be_bytes();
        add(Edit::SetCreator {
            system,
            version,
            members: members(),
        });
    }
    if published.version_needed != rebuilt.version_needed {
        add(Edit::SetVersionNeeded {
            value: published.version_needed,
            members: members(),
        });
    }
    if published.flags != rebuilt.flags {
        add(Edit::SetFlags {
            value: published.flags,
            members: members(),
        });
    }
    // The forms of a member whose CRC-32 and sizes are 0 are told apart by nothing.
    let there = |form: LocalSizes| {
        let sums = pair.published.0.sums(pair.published.0.compressed_size);
        sums.map(|sums| form.fields(sums))
    };
    if there(published.local_sizes) != there(rebuilt.local_sizes) {
        add(Edit::SetLocalSizes {
            form: published.local_sizes,
            members: members(),
        });
    }
    if published.descriptor != rebuilt.descriptor {
        add(Edit::SetDescriptor {
            form: published.descriptor,
            members: members(),
        });
    }
    let hex = |bytes: &[u8]| Hex(bytes.to_vec());
    if published.local_extra != rebuilt.local_extra {
        add(Edit::SetLocalExtra {
            bytes: hex(&published.local_extra),
            members: members(),
        });
    }
    if published.central_extra != rebuilt.central_extra {
        add(Edit::SetCentralExtra {
            bytes: hex(&published.central_extra),
            members: members(),
        });
    }
    if published.comment != rebuilt.comment {
        add(Edit::SetComment {
            bytes: hex(&published.comment),
            members: members(),
        });
    }
}

/// Returns whether two members have the same method and the same packed bytes.
fn same_data(sides: &Sides, pair: &Pair<'_>, cancel: &Cancel) -> Result<bool, WitnessError> {
    let of = |planned: &Planned| {
        (
            planned.method,
            planned.crc32,
            planned.compressed_size,
            planned.uncompressed_size,
        )
    };
    Ok(of(pair.published.0) == of(pair.rebuilt.0)
        && same(
            sides.published.archive.raw(pair.published.1.data()),
            sides.rebuilt.archive.raw(pair.rebuilt.1.data()),
            cancel,
        )?)
}

/// Returns whether two readers give the same bytes up to their ends.
fn same(
    mut published: impl Read,
    mut rebuilt: impl Read,
    cancel: &Cancel,
) -> Result<bool, WitnessError> {
    let mut buffers = (vec![0; READ_SIZE], vec![0; READ_SIZE]);
    loop {
        cancel.check().map_err(WitnessError::Io)?;
        let left = fill(&mut published, &mut buffers.0)?;
        let right = fill(&mut rebuilt, &mut buffers.1)?;
        if left != right {
            return Ok(false);
        }
        if left.is_empty() {
            return Ok(true);
        }
    }
}

/// Reads until the buffer is full or the reader ends.
fn fill<'b>(reader: &mut impl Read, buffer: &'b mut [u8]) -> Result<&'b [u8], WitnessError> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest).map_err(broken)? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(buffer.get(..filled).unwrap_or_default())
}
