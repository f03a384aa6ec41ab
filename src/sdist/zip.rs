//! The members of a `.zip` sdist in the words of the tar reader, so that both
//! formats obey the same rules.
//!
//! What a ZIP does not say is filled in: a member without a Unix mode has the one
//! that new files and directories have before the umask, and times are taken for
//! UTC, for a ZIP says no zone (APPNOTE 4.4.6).

use crate::archive::NameFault;
use crate::archive::check_name;
use crate::archive::tar::{Kind, Member};
use crate::archive::zip::{self, DosTime, extra_fields};
use crate::time::UtcTime;

/// The identifier of the extra field with times in seconds since 1970 (Info-ZIP,
/// "extended timestamp").
const TIMESTAMP_FIELD: u16 = 0x5455;

/// Returns a member as a file or directory; links are none of the two and are
/// told by [`zip::faults`].
pub(super) fn member(member: &zip::Member) -> Result<Member, NameFault> {
    let header = member.central();
    let path = check_name(header.name.as_bytes())?;
    let kind = match header.is_directory() {
        true => Kind::Directory,
        false => Kind::File,
    };
    let mode = match (header.external_attributes >> 16) & 0o777 {
        0 if kind == Kind::Directory => 0o777,
        0 => 0o666,
        mode => mode,
    };
    Ok(Member {
        path,
        kind,
        mode,
        mtime: timestamp(&header.extra).unwrap_or_else(|| seconds(header.time)),
        size: header.uncompressed_size,
    })
}

/// Returns the time of the last modification in an extended timestamp: one byte of
/// flags, then seconds in 32 bits.
fn timestamp(extra: &[u8]) -> Option<i64> {
    let (_, data) = extra_fields(extra).find(|(id, _)| *id == TIMESTAMP_FIELD)?;
    let (flags, rest) = data.split_first()?;
    let seconds = rest.first_chunk::<4>()?;
    (flags & 1 != 0).then(|| i64::from(i32::from_le_bytes(*seconds)))
}

/// Returns a time of MS-DOS in seconds since 1970; the first it can tell where it
/// is none.
fn seconds(time: DosTime) -> i64 {
    const YEAR_1980: i64 = 315_532_800;
    let text = format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        time.year(),
        time.month(),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    );
    text.parse::<UtcTime>()
        .map_or(YEAR_1980, UtcTime::unix_seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_utc_and_the_extra_field_wins() {
        // date -u -d '2021-04-14 10:20:30' +%s
        let time = DosTime {
            date: (2021 - 1980) << 9 | 4 << 5 | 14,
            time: 10 << 11 | 20 << 5 | 15,
        };
        assert_eq!(seconds(time), 1_618_395_630);
        assert_eq!(seconds(DosTime::default()), 315_532_800);
        assert_eq!(timestamp(b"UT\x05\0\x01\x01\0\0\0"), Some(1));
        assert_eq!(timestamp(b"UT\x05\0\x02\x01\0\0\0"), None);
        assert_eq!(timestamp(b"UT\x03\0\x01\x01\0"), None);
    }
}
