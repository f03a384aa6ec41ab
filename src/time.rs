//! Points in time, in UTC, to the second.
//!
//! In: RFC 3339 text, seconds since 1970, or the system clock as `cli` read it.
//! Out: [`UtcTime`]. No module below `cli` asks the system what time it is.

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use serde::{Serialize, Serializer};

/// A point in time in UTC, to the second, which is OpenPGP's resolution.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcTime(jiff::Timestamp);

/// Why a text is not a point in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a time: {reason} (write it as in RFC 3339: 2021-04-14T00:00:00Z)")]
pub struct ParseTimeError {
    reason: String,
}

impl UtcTime {
    /// Returns the time so many seconds after 1970-01-01T00:00:00Z, or `None`
    /// beyond the year 9999.
    pub fn from_unix_seconds(seconds: i64) -> Option<Self> {
        jiff::Timestamp::from_second(seconds).ok().map(Self)
    }

    /// Returns the seconds since 1970-01-01T00:00:00Z.
    pub fn unix_seconds(self) -> i64 {
        self.0.as_second()
    }

    /// Returns a clock's reading cut to the second, or `None` when it lies
    /// outside the years 1 to 9999.
    pub fn from_system(time: SystemTime) -> Option<Self> {
        let seconds = match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_secs()).ok()?,
            Err(before) => i64::try_from(before.duration().as_secs())
                .ok()?
                .checked_neg()?,
        };
        Self::from_unix_seconds(seconds)
    }

    /// Returns this time for interfaces that speak [`SystemTime`].
    pub fn to_system(self) -> SystemTime {
        self.0.into()
    }
}

impl FromStr for UtcTime {
    type Err = ParseTimeError;

    /// Reads RFC 3339 with a zone; fractions of a second are cut off.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let timestamp: jiff::Timestamp =
            text.parse().map_err(|error: jiff::Error| ParseTimeError {
                reason: error.to_string(),
            })?;
        Self::from_unix_seconds(timestamp.as_second()).ok_or_else(|| ParseTimeError {
            reason: "outside the years that can be written".to_owned(),
        })
    }
}

impl fmt::Display for UtcTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0.strftime("%Y-%m-%dT%H:%M:%SZ"))
    }
}

impl fmt::Debug for UtcTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "UtcTime({self})")
    }
}

impl Serialize for UtcTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_it_was_read() {
        let text = "2021-04-14T00:00:00Z";
        let time: UtcTime = text.parse().expect("RFC 3339");
        assert_eq!(time.to_string(), text);
        // `date -u -d 2021-04-14 +%s`
        assert_eq!(time.unix_seconds(), 1_618_358_400);
    }

    #[test]
    fn an_offset_is_turned_into_utc() {
        let time: UtcTime = "2021-04-14T02:00:00.9+02:00".parse().expect("RFC 3339");
        assert_eq!(time.to_string(), "2021-04-14T00:00:00Z");
    }

    #[test]
    fn a_time_without_a_zone_is_refused_with_an_example() {
        let error = "2021-04-14".parse::<UtcTime>().expect_err("no zone");
        assert!(
            error.to_string().contains("2021-04-14T00:00:00Z"),
            "{error}"
        );
    }

    #[test]
    fn the_system_clock_survives_the_round_trip() {
        let time = UtcTime::from_unix_seconds(1_309_379_017).expect("in range");
        assert_eq!(UtcTime::from_system(time.to_system()), Some(time));
    }
}
