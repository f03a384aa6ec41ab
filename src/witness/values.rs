//! The values of edits, as JSON writes them. Each has one way to be written.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserialize, Deserializer, Error as _};
use serde::{Serialize, Serializer};

use crate::archive::zip::DosTime;

/// A time as [`DosTime`] shows it: `2016-01-01 00:00:00`. Every pair of fields has
/// exactly one text, those with a month 0 or an hour 31 too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub DosTime);

impl Time {
    fn parse(text: &str) -> Option<Self> {
        let (date, time) = text.split_once(' ')?;
        let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
        let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
        let year = year.checked_sub(1980).filter(|year| *year < 128)?;
        let fits = month < 16 && day < 32 && hour < 32 && minute < 64 && second < 64;
        (fits && second % 2 == 0).then_some(Self(DosTime {
            date: (year << 9) | (month << 5) | day,
            time: (hour << 11) | (minute << 5) | (second / 2),
        }))
    }
}

/// Reads three numbers of fixed widths with a separator between them.
fn numbers(text: &str, separator: char, widths: [usize; 3]) -> Option<[u16; 3]> {
    let mut parts = text.split(separator);
    let mut values = [0; 3];
    for (value, width) in values.iter_mut().zip(widths) {
        let part = parts.next()?;
        if part.len() != width || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *value = part.parse().ok()?;
    }
    parts.next().is_none().then_some(values)
}

/// A Unix mode in six octal digits: `100644`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mode(pub u16);

impl Mode {
    fn parse(text: &str) -> Option<Self> {
        let is_octal = text.len() == 6 && text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
        is_octal
            .then(|| u16::from_str_radix(text, 8).ok())
            .flatten()
            .map(Self)
    }
}

/// Bytes in lower-case hexadecimal digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hex(pub Vec<u8>);

impl Hex {
    fn parse(text: &str) -> Option<Self> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if !rest.is_empty() {
            return None;
        }
        pairs
            .iter()
            .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
            .collect::<Option<_>>()
            .map(Self)
    }
}

/// Bytes in base64 with padding (RFC 4648, section 4).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Base64(pub Vec<u8>);

impl Base64 {
    fn parse(text: &str) -> Option<Self> {
        STANDARD.decode(text).ok().map(Self)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:06o}", self.0)
    }
}

impl fmt::Display for Hex {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Display for Base64 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&STANDARD.encode(&self.0))
    }
}

impl fmt::Debug for Hex {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Hex({} bytes)", self.0.len())
    }
}

impl fmt::Debug for Base64 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Base64({} bytes)", self.0.len())
    }
}

/// Gives a value the one text that its `Display` writes and its `parse` reads.
macro_rules! as_text {
    ($($value:ident: $form:literal;)*) => {$(
        impl Serialize for $value {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $value {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| D::Error::custom(concat!("not ", $form)))
            }
        }
    )*};
}

as_text! {
    Time: "a time such as 2016-01-01 00:00:00 with an even second";
    Mode: "a mode of six octal digits such as 100644";
    Hex: "an even number of lower-case hexadecimal digits";
    Base64: "base64 with padding";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_has_one_text_that_reads_back() {
        for (date, time) in [(0, 0), (0x21, 0), (u16::MAX, u16::MAX), (0x4821, 0xbf7d)] {
            let time = Time(DosTime { date, time });
            assert_eq!(Time::parse(&time.to_string()), Some(time));
        }
        for text in [
            "",
            "1979-01-01 00:00:00",
            "2108-01-01 00:00:00",
            "2016-01-01 00:00:01",
            "2016-01-01T00:00:00",
            "2016-1-01 00:00:00",
            "2016-16-01 00:00:00",
            "2016-01-+1 00:00:00",
            "2016-01-01 00:00:00 ",
        ] {
            assert_eq!(Time::parse(text), None, "{text}");
        }
    }

    #[test]
    fn modes_and_bytes_read_back_and_nothing_else_does() {
        assert_eq!(Mode::parse("100644"), Some(Mode(0o100_644)));
        assert_eq!(Mode::parse("200000"), None);
        assert_eq!(Mode::parse("0644"), None);
        assert_eq!(Hex::parse("00ff"), Some(Hex(vec![0, 255])));
        assert_eq!(Hex::parse(""), Some(Hex(vec![])));
        for text in ["0", "0F", "0g", "é"] {
            assert_eq!(Hex::parse(text), None, "{text}");
        }
        assert_eq!(Base64::parse("YQ=="), Some(Base64(b"a".to_vec())));
        assert_eq!(Base64::parse("YQ"), None);
    }
}
