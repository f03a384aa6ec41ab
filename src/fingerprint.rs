//! OpenPGP fingerprints as values.
//!
//! In: hexadecimal text from a policy or a flag. Out: [`Fingerprint`]. Only whole
//! fingerprints are taken; key IDs can be forged.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// The fingerprint of an OpenPGP key: 20 bytes for version 4, 32 bytes for
/// version 6 (RFC 9580, section 5.5.4), written in upper-case hexadecimal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(String);

/// Why a text is not a fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseFingerprintError {
    /// It is as long as a key ID.
    #[error("this is a key ID, which others can forge; write the whole fingerprint")]
    KeyId,
    /// It has another length.
    #[error("a fingerprint has 40 or 64 hexadecimal digits, this has {0}")]
    Length(usize),
    /// It holds another character.
    #[error("'{}' is not a hexadecimal digit", .0.escape_default())]
    Digit(char),
}

impl Fingerprint {
    /// Returns the fingerprint in upper-case hexadecimal.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Fingerprint {
    type Err = ParseFingerprintError;

    /// Reads a fingerprint as people write it: either case, spaces between
    /// groups, perhaps `0x` in front.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let digits = digits.strip_prefix("0x").unwrap_or(&digits);
        if let Some(other) = digits.chars().find(|c| !c.is_ascii_hexdigit()) {
            return Err(ParseFingerprintError::Digit(other));
        }
        match digits.len() {
            40 | 64 => Ok(Self(digits.to_ascii_uppercase())),
            8 | 16 => Err(ParseFingerprintError::KeyId),
            other => Err(ParseFingerprintError::Length(other)),
        }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Fingerprint({})", self.0)
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_as_gpg_prints_it() {
        let printed = "0BC1 3512 5EB2 FF9A 0F88  EE1C C65F F007 C757 66ED";
        let fingerprint: Fingerprint = printed.parse().unwrap();
        assert_eq!(
            fingerprint.as_str(),
            "0BC135125EB2FF9A0F88EE1CC65FF007C75766ED"
        );
        assert_eq!(fingerprint.as_str().to_lowercase().parse(), Ok(fingerprint));
    }

    #[test]
    fn key_ids_and_other_texts_are_refused() {
        use ParseFingerprintError as E;
        assert_eq!("C65FF007C75766ED".parse::<Fingerprint>(), Err(E::KeyId));
        assert_eq!("0xC757".parse::<Fingerprint>(), Err(E::Length(4)));
        assert_eq!("alice".parse::<Fingerprint>(), Err(E::Digit('l')));
    }
}
