//! Archives as lists of members, within limits.
//!
//! In: bytes nobody has vouched for. Out: members and their headers exactly as
//! they are written, or a named fault. Nothing is unpacked here.

pub mod tar;

use serde::Serialize;

/// How much an archive may hold before it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// The most members an archive may have.
    pub members: u64,
    /// The most bytes one member may have when unpacked.
    pub member_bytes: u64,
    /// The most bytes all members together may have when unpacked.
    pub total_bytes: u64,
}

impl Default for Limits {
    /// Returns limits above the largest wheels and sdists in use.
    fn default() -> Self {
        Self {
            members: 200_000,
            member_bytes: 4 << 30,
            total_bytes: 16 << 30,
        }
    }
}
