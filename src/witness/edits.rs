//! Edits made to a plan.
//!
//! In: a plan and edits that anybody may have written. Out: the plan with all of
//! them made, or the first that does not hold. What readers of the archive see in
//! its members stays the same whatever the edits say.

use std::collections::HashMap;
use std::mem::discriminant;

use super::plan::{Descriptor, Fields, MAX_32, Packing, Plan, Planned};
use super::{Edit, EditError, MAX_PREFIX, MAX_TAKEN};
use crate::archive::zip::{Method, extra_fields};
use crate::deflate::Settings;

/// The flags that an edit may change: how hard the compressor tried (bits 1 and 2),
/// whether a descriptor follows (3), whether names are UTF-8 (11).
const FLAGS: u16 = 1 << 1 | 1 << 2 | 1 << 3 | UTF8;

/// The flag that declares names as UTF-8 (APPNOTE 4.4.4, bit 11).
const UTF8: u16 = 1 << 11;

/// Extra fields that change what a member is for who reads them: another size,
/// another name or comment, encryption (APPNOTE 4.5.3, 4.6.8, 4.6.9, appendix E).
const ZIP64: u16 = 0x0001;
const OTHER_READING: [u16; 3] = [0x6375, 0x7075, 0x9901];

/// The attribute of MS-DOS that makes a directory.
const DOS_DIRECTORY: u32 = 0x10;

/// Makes all edits.
pub(super) fn make(plan: &mut Plan, edits: &[Edit]) -> Result<(), EditError> {
    let before: Vec<Fields> = plan
        .members
        .iter()
        .map(|member| member.fields.clone())
        .collect();
    let mut maker = Maker {
        indexes: plan
            .members
            .iter()
            .enumerate()
            .map(|(index, member)| (member.name.clone(), index))
            .collect(),
        set: vec![Vec::new(); plan.members.len()],
        archive: Vec::new(),
        taken: 0,
        plan,
    };
    for (number, edit) in (1..).zip(edits) {
        maker.make(number, edit)?;
    }
    for (member, before) in plan.members.iter().zip(&before) {
        if let Some(what) = another_meaning(member, before) {
            return Err(EditError::Meaning {
                member: member.name.escape_debug().to_string(),
                what,
            });
        }
    }
    Ok(())
}

/// What an edit sets: no two edits may set the same.
type Property = std::mem::Discriminant<Edit>;

struct Maker<'a> {
    plan: &'a mut Plan,
    indexes: HashMap<String, usize>,
    /// What is already set, member by member.
    set: Vec<Vec<Property>>,
    archive: Vec<Property>,
    taken: u64,
}

impl Maker<'_> {
    fn make(&mut self, edit: usize, made: &Edit) -> Result<(), EditError> {
        let out_of_range = |what| Err(EditError::OutOfRange { edit, what });
        let property = match made {
            // Three ways to set one thing.
            Edit::Deflate { .. } | Edit::SetCompressedStream { .. } => discriminant(&Edit::Store {
                members: Vec::new(),
            }),
            other => discriminant(other),
        };
        match made {
            Edit::SetOrder { directory, data } => {
                self.once(edit, property, "an order")?;
                self.plan.directory = self.order(edit, directory)?;
                self.plan.data = match data {
                    Some(data) => self.order(edit, data)?,
                    None => self.plan.directory.clone(),
                };
            }
            Edit::SetPrefix { bytes } => {
                if bytes.0.len() as u64 > MAX_PREFIX {
                    return out_of_range("too many bytes before the first record");
                }
                self.once(edit, property, "a prefix")?;
                self.plan.prefix.clone_from(&bytes.0);
            }
            Edit::SetArchiveComment { bytes } => {
                if bytes.0.len() > usize::from(u16::MAX) {
                    return out_of_range("a comment of more than 65535 bytes");
                }
                self.once(edit, property, "a comment of the archive")?;
                self.plan.comment.clone_from(&bytes.0);
            }
            Edit::SetTime { time, members } => {
                self.each(edit, property, members, |m| m.fields.time = time.0)?;
            }
            Edit::SetMode { mode, members } => self.each(edit, property, members, |m| {
                m.fields.external = u32::from(mode.0) << 16 | m.fields.external & 0xffff;
            })?,
            Edit::SetDosAttributes { value, members } => {
                self.each(edit, property, members, |m| {
                    m.fields.external = m.fields.external & 0xffff_0000 | u32::from(*value);
                })?;
            }
            Edit::SetInternalAttributes { value, members } => {
                self.each(edit, property, members, |m| m.fields.internal = *value)?;
            }
            Edit::SetCreator {
                system,
                version,
                members,
            } => self.each(edit, property, members, |m| {
                m.fields.creator = u16::from(*system) << 8 | u16::from(*version);
            })?,
            Edit::SetVersionNeeded { value, members } => {
                self.each(edit, property, members, |m| {
                    m.fields.version_needed = *value;
                })?;
            }
            Edit::SetFlags { value, members } => {
                self.each(edit, property, members, |m| m.fields.flags = *value)?;
            }
            Edit::SetLocalSizes { form, members } => {
                self.each(edit, property, members, |m| m.fields.local_sizes = *form)?;
            }
            Edit::SetDescriptor { form, members } => {
                self.each(edit, property, members, |m| m.fields.descriptor = *form)?;
            }
            Edit::SetLocalExtra { bytes, members }
            | Edit::SetCentralExtra { bytes, members }
            | Edit::SetComment { bytes, members } => {
                if bytes.0.len() > usize::from(u16::MAX) {
                    return out_of_range("more than 65535 bytes");
                }
                // Written out once for each member.
                let total = members.len() as u64 * bytes.0.len() as u64;
                if total > MAX_32 >> 6 {
                    return out_of_range("too many bytes for all members together");
                }
                self.each(edit, property, members, |m| {
                    let field = match made {
                        Edit::SetLocalExtra { .. } => &mut m.fields.local_extra,
                        Edit::SetCentralExtra { .. } => &mut m.fields.central_extra,
                        _ => &mut m.fields.comment,
                    };
                    field.clone_from(&bytes.0);
                })?;
            }
            Edit::Store { members } => self.each(edit, property, members, |m| {
                m.method = Method::STORED;
                m.packing = Packing::Store;
            })?,
            Edit::Deflate {
                level,
                strategy,
                memory_level,
                members,
            } => {
                let Some(settings) = Settings::new(*level, *strategy, *memory_level) else {
                    return out_of_range("zlib has levels 1 to 9 and, here, memory levels 8 and 9");
                };
                self.each(edit, property, members, |m| {
                    m.method = Method::DEFLATE;
                    m.packing = Packing::Deflate(settings);
                })?;
            }
            Edit::SetCompressedStream { member, stream } => {
                self.taken += stream.0.len() as u64;
                if self.taken > MAX_TAKEN {
                    return out_of_range("too many bytes of compressed streams");
                }
                self.each(edit, property, std::slice::from_ref(member), |m| {
                    m.method = Method::DEFLATE;
                    m.packing = Packing::Stream(stream.0.clone());
                })?;
            }
        }
        Ok(())
    }

    fn once(&mut self, edit: usize, property: Property, what: &str) -> Result<(), EditError> {
        if self.archive.contains(&property) {
            return Err(EditError::Twice {
                edit,
                what: what.to_owned(),
            });
        }
        self.archive.push(property);
        Ok(())
    }

    fn each(
        &mut self,
        edit: usize,
        property: Property,
        members: &[String],
        mut set: impl FnMut(&mut Planned),
    ) -> Result<(), EditError> {
        for name in members {
            let index = self.index(edit, name)?;
            let already = self.set.get_mut(index);
            if already.as_ref().is_some_and(|set| set.contains(&property)) {
                return Err(EditError::Twice {
                    edit,
                    what: format!("something of member '{}'", name.escape_debug()),
                });
            }
            already.into_iter().for_each(|set| set.push(property));
            self.plan
                .members
                .get_mut(index)
                .into_iter()
                .for_each(&mut set);
        }
        Ok(())
    }

    fn index(&self, edit: usize, name: &str) -> Result<usize, EditError> {
        let index = self.indexes.get(name).copied();
        index.ok_or_else(|| EditError::NoSuchMember {
            edit,
            member: name.escape_debug().to_string(),
        })
    }

    fn order(&self, edit: usize, names: &[String]) -> Result<Vec<usize>, EditError> {
        let mut seen = vec![false; self.plan.members.len()];
        let mut order = Vec::new();
        for name in names {
            let index = self.index(edit, name)?;
            match seen.get_mut(index) {
                Some(seen) if !*seen => *seen = true,
                _ => return Err(EditError::NotAnOrder { edit }),
            }
            order.push(index);
        }
        match order.len() == seen.len() {
            true => Ok(order),
            false => Err(EditError::NotAnOrder { edit }),
        }
    }
}

/// Returns what makes a reader see another member than before.
fn another_meaning(member: &Planned, before: &Fields) -> Option<&'static str> {
    let now = &member.fields;
    let flipped = now.flags ^ before.flags;
    if flipped & !FLAGS != 0 {
        return Some("flags beyond bits 1, 2, 3 and 11");
    }
    // Without the flag, bytes beyond ASCII are other letters (APPNOTE D.1).
    if flipped & UTF8 != 0 && !(member.name.is_ascii() && now.comment.is_ascii()) {
        return Some("the encoding of its name or comment");
    }
    if (now.flags & 1 << 3 != 0) != (now.descriptor != Descriptor::None) {
        return Some("a data descriptor without its flag, or the flag without one");
    }
    if !same_type(now.external, before.external) {
        return Some("the file type in its mode");
    }
    if (now.external ^ before.external) & DOS_DIRECTORY != 0 {
        return Some("the attribute of a directory");
    }
    for (now, before, others) in [
        (&now.local_extra, &before.local_extra, &OTHER_READING[..]),
        (&now.central_extra, &before.central_extra, &OTHER_READING),
        (&now.central_extra, &before.central_extra, &[ZIP64]),
    ] {
        if now != before && extra_fields(now).any(|(id, _)| others.contains(&id)) {
            return Some("extra fields that hold another name, size or encryption");
        }
    }
    None
}

/// Returns whether two external attributes mean the same type of file: a regular
/// file may be said or left open (POSIX `S_IFMT`).
fn same_type(now: u32, before: u32) -> bool {
    let of = |external: u32| match external >> 28 {
        0 => 0o10,
        other => other,
    };
    of(now) == of(before)
}
