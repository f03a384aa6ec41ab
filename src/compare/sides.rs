//! A value of either wheel, side by side.

use serde::Serialize;

use crate::digest::Sha256Digest;

/// A value of the published wheel and its counterpart of the rebuilt one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Sides<T> {
    /// What the wheel in the wheelhouse has.
    pub published: T,
    /// What the wheel we made has.
    pub rebuilt: T,
}

impl<T> Sides<T> {
    /// Returns both values by reference.
    pub fn as_ref(&self) -> Sides<&T> {
        Sides {
            published: &self.published,
            rebuilt: &self.rebuilt,
        }
    }

    /// Returns what a function makes of both values.
    pub fn map<U>(self, mut function: impl FnMut(T) -> U) -> Sides<U> {
        Sides {
            published: function(self.published),
            rebuilt: function(self.rebuilt),
        }
    }
}

/// Bytes by their size and digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Digested {
    /// How many bytes.
    pub size: u64,
    /// Their digest.
    pub sha256: Sha256Digest,
}
