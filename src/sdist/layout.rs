//! Where the members of an sdist may lie.
//!
//! In: the members in their order. Out: nothing, or the rule that a member
//! breaks. Unpacking and looking inside ask the same rules.

use std::collections::BTreeMap;

use super::SdistError;
use crate::archive::tar::{Kind, Member, TarError};

/// The names that were placed so far.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// What stands under each name; true for a directory.
    seen: BTreeMap<String, bool>,
    top: Option<String>,
    /// How many bytes all those names have.
    bytes: u64,
}

/// The most bytes that all names may have. A directory counts once, even if each
/// member lies in one of its own.
const NAME_BYTES: u64 = 64 << 20;

impl Layout {
    /// Returns the one directory that everything lies in.
    pub(super) fn top(&self) -> Option<&str> {
        self.top.as_deref()
    }

    /// Places a member. One that is refused is not placed.
    ///
    /// # Errors
    ///
    /// The first rule it breaks.
    pub(super) fn place(&mut self, member: &Member) -> Result<(), SdistError> {
        let path = member.path.as_str();
        let is_directory = member.kind == Kind::Directory;
        let first = member.path.components().next().unwrap_or(path);
        if let Some(top) = &self.top
            && top != first
        {
            return Err(SdistError::SecondTop {
                first: top.clone(),
                second: path.to_owned(),
            });
        }
        if !is_directory && first == path {
            return Err(SdistError::TopNotDirectory(path.to_owned()));
        }
        match self.seen.get(path) {
            // GNU tar lists a directory again when it was named twice; the last
            // header counts, as for `tar -x`.
            Some(true) if is_directory => {}
            Some(_) => return Err(SdistError::Duplicate(path.to_owned())),
            None => {}
        }
        let ancestors = || {
            path.match_indices('/')
                .filter_map(|(end, _)| path.get(..end))
        };
        if let Some(parent) = ancestors().find(|ancestor| self.seen.get(*ancestor) == Some(&false))
        {
            return Err(SdistError::ParentNotDirectory {
                member: path.to_owned(),
                parent: parent.to_owned(),
            });
        }
        if let Kind::Symlink(target) = &member.kind {
            check_link(path, target)?;
        }
        self.top.get_or_insert_with(|| first.to_owned());
        for ancestor in ancestors() {
            if !self.seen.contains_key(ancestor) {
                self.keep(ancestor, true)?;
            }
        }
        self.keep(path, is_directory)
    }

    fn keep(&mut self, path: &str, is_directory: bool) -> Result<(), SdistError> {
        self.bytes = self.bytes.saturating_add(path.len() as u64);
        if self.bytes > NAME_BYTES {
            return Err(TarError::NamesTooLarge(NAME_BYTES).into());
        }
        self.seen.insert(path.to_owned(), is_directory);
        Ok(())
    }
}

/// Refuses a link that could lead out of the top directory.
///
/// Allowed are some `..`, no more than there are directories between the link
/// and the top, and then ordinary names. The directories that `..` climbs are
/// real ones, because nothing is unpacked below a link; and whatever link the
/// ordinary names run into obeys the same rule. A `..` behind a name could start
/// from wherever that name leads, so it is refused.
fn check_link(path: &str, target: &str) -> Result<(), SdistError> {
    let refuse = |reason| SdistError::Link {
        member: path.to_owned(),
        target: target.to_owned(),
        reason,
    };
    if target.is_empty() || target.chars().any(char::is_control) {
        return Err(refuse("that is no path"));
    }
    if target.starts_with('/') {
        return Err(refuse("an absolute path is outside the sdist"));
    }
    // `top/link` stands in the top directory itself and may not climb at all.
    let mut left = path.split('/').count().saturating_sub(2);
    let mut descends = false;
    for component in target.split('/') {
        match component {
            "" | "." => {}
            ".." if descends => {
                return Err(refuse("'..' after a name may climb from another place"));
            }
            ".." => {
                left = left
                    .checked_sub(1)
                    .ok_or_else(|| refuse("it leaves the sdist"))?;
            }
            _ => descends = true,
        }
    }
    Ok(())
}
