//! Whom a build runs as.
//!
//! In: who we are, and the numbers that exist in our namespace. Out: a user that
//! nothing else runs as, or ourselves where we are not root.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::{Deserialize, Serialize};

use super::SandboxError;
use crate::scratch::BUILD_USERS;

/// The first of the user numbers that belong to builds.
const FIRST_BUILD_USER: u32 = *BUILD_USERS.start();
/// The user with no rights, where the range is not mapped into our namespace.
const NOBODY: u32 = 65534;

/// Whom the command runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Identity {
    /// We are root: switch to this user and group, which nothing else uses.
    Switch(u32),
    /// We are not: stay who we are. The number is how many processes that user
    /// has already, which the limit on processes counts too.
    Keep { running: u64 },
}

impl Identity {
    /// Returns a number that no other build running now has, or who we are.
    pub(super) fn for_build() -> Result<Self, SandboxError> {
        static BUILDS: AtomicU32 = AtomicU32::new(0);
        let user = rustix::process::geteuid();
        if !user.is_root() {
            return Ok(Self::Keep {
                running: processes_of(user.as_raw()),
            });
        }
        let build = BUILDS.fetch_add(1, Ordering::Relaxed) % 64;
        let wanted = (process::id() % (1 << 22))
            .checked_mul(64)
            .and_then(|base| FIRST_BUILD_USER.checked_add(base + build));
        let map = fs::read_to_string("/proc/self/uid_map").map_err(|source| SandboxError::Io {
            action: "read /proc/self/uid_map",
            source,
        })?;
        let groups =
            fs::read_to_string("/proc/self/gid_map").map_err(|source| SandboxError::Io {
                action: "read /proc/self/gid_map",
                source,
            })?;
        Ok(Self::Switch(
            wanted
                .filter(|number| is_mapped(&map, *number) && is_mapped(&groups, *number))
                .unwrap_or(NOBODY),
        ))
    }
}

/// Returns whether a user or group number exists in a namespace, from its map of
/// lines `FIRST OUTSIDE COUNT`.
fn is_mapped(map: &str, number: u32) -> bool {
    map.lines().any(|line| {
        let fields: Vec<u64> = line
            .split_whitespace()
            .filter_map(|field| field.parse().ok())
            .collect();
        match fields.as_slice() {
            [first, _, count] => {
                let number = u64::from(number);
                *first <= number && number < first + count
            }
            _ => false,
        }
    })
}

/// Returns how many threads a user has.
fn processes_of(user: u32) -> u64 {
    let Ok(entries) = fs::read_dir("/proc") else {
        return 0;
    };
    entries
        .flatten()
        .filter(|entry| {
            entry
                .file_name()
                .to_string_lossy()
                .bytes()
                .all(|byte| byte.is_ascii_digit())
                && entry.metadata().is_ok_and(|data| data.uid() == user)
        })
        .map(|entry| {
            fs::read_dir(entry.path().join("task")).map_or(1, |tasks| tasks.count() as u64)
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_mapped_where_a_range_of_the_map_holds_it() {
        let all = "         0          0 4294967295\n";
        let rootless = "         0       1000          1\n         1     100000      65536\n";
        assert!(is_mapped(all, FIRST_BUILD_USER));
        assert!(is_mapped(rootless, NOBODY));
        assert!(is_mapped(rootless, 65536));
        assert!(!is_mapped(rootless, 65537));
        assert!(!is_mapped(rootless, FIRST_BUILD_USER));
        assert!(!is_mapped("", 0));
    }

    #[test]
    fn every_build_of_every_process_has_a_number_below_two_to_the_31() {
        let last = FIRST_BUILD_USER + ((1 << 22) - 1) * 64 + 63;
        assert_eq!(last, i32::MAX.unsigned_abs());
    }
}
