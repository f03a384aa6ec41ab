//! One part of a selection, for one machine of many.
//!
//! In: a signed digest and how many parts there are. Out: the part that the file
//! belongs to. Neither order nor neighbours matter, so a wheel stays in its part
//! when others come and go.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::digest::Sha256Digest;

/// Part `number` of `of` parts, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Numbers")]
pub struct Shard {
    number: NonZeroU32,
    of: NonZeroU32,
}

#[derive(Deserialize)]
struct Numbers {
    number: u32,
    of: u32,
}

/// Why two numbers name no part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{}' is no shard: write it as 3/10, the third of ten; the first is 1", .0.escape_debug())]
pub struct ShardError(String);

impl Shard {
    /// The only part, which is everything.
    pub const WHOLE: Self = Self {
        number: NonZeroU32::MIN,
        of: NonZeroU32::MIN,
    };

    /// Returns part `number` of `of`.
    ///
    /// # Errors
    ///
    /// One of them is 0, or there is no such part.
    pub fn new(number: u32, of: u32) -> Result<Self, ShardError> {
        let refuse = || ShardError(format!("{number}/{of}"));
        let shard = Self {
            number: NonZeroU32::new(number).ok_or_else(refuse)?,
            of: NonZeroU32::new(of).ok_or_else(refuse)?,
        };
        if shard.number > shard.of {
            return Err(refuse());
        }
        Ok(shard)
    }

    /// Returns which part this is, counted from 1.
    pub fn number(self) -> u32 {
        self.number.get()
    }

    /// Returns how many parts there are.
    pub fn of(self) -> u32 {
        self.of.get()
    }

    /// Returns the part of a file among as many parts.
    #[must_use]
    pub fn of_file(self, sha256: &Sha256Digest) -> Self {
        let mut first = [0; 8];
        first
            .iter_mut()
            .zip(sha256.as_bytes())
            .for_each(|(to, from)| *to = *from);
        let below = u64::from_be_bytes(first) % u64::from(self.of.get());
        Self {
            number: u32::try_from(below)
                .ok()
                .and_then(|below| self.number_after(below))
                .unwrap_or(self.of),
            of: self.of,
        }
    }

    fn number_after(self, below: u32) -> Option<NonZeroU32> {
        NonZeroU32::new(below.checked_add(1)?)
    }

    /// Returns whether a file belongs to this part.
    pub fn holds(self, sha256: &Sha256Digest) -> bool {
        self.of_file(sha256) == self
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || ShardError(text.to_owned());
        let number = |digits: &str| -> Option<u32> {
            let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse().ok().filter(|_| plain)
        };
        let (first, second) = text.split_once('/').ok_or_else(refuse)?;
        let numbers = number(first).zip(number(second)).ok_or_else(refuse)?;
        Self::new(numbers.0, numbers.1).map_err(|_| refuse())
    }
}

impl TryFrom<Numbers> for Shard {
    type Error = ShardError;

    fn try_from(numbers: Numbers) -> Result<Self, Self::Error> {
        Self::new(numbers.number, numbers.of)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.number, self.of)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_shard_is_two_numbers_and_nothing_else() {
        for text in ["1/1", "3/10", "4294967295/4294967295"] {
            assert_eq!(text.parse::<Shard>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "1",
            "/",
            "0/1",
            "1/0",
            "2/1",
            "+1/2",
            "1/ 2",
            "1/2/3",
            "-1/2",
            "auto",
            "4294967296/4294967296",
        ] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_first_eight_bytes_of_the_digest_decide() {
        // 0xff…ff modulo 10 is 5, which is the sixth; python3 -c 'print((2**64-1)%10)'
        let digest: Sha256Digest = format!("{}{}", "f".repeat(16), "0".repeat(48))
            .parse()
            .unwrap();
        assert!(Shard::new(6, 10).unwrap().holds(&digest));
        let digest: Sha256Digest = format!("{}{}", "0".repeat(16), "f".repeat(48))
            .parse()
            .unwrap();
        assert!(Shard::new(1, 10).unwrap().holds(&digest));
    }

    proptest! {
        #[test]
        fn every_file_is_in_exactly_one_part(seed in any::<u64>(), of in 1u32..200) {
            let digest = Sha256Digest::of(&seed.to_le_bytes());
            let parts = (1..=of)
                .filter(|number| Shard::new(*number, of).unwrap().holds(&digest))
                .count();
            prop_assert_eq!(parts, 1);
        }
    }
}
