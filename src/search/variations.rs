//! What else can differ: one wheel that was built, with other times and modes.
//!
//! In: the bytes of a wheel, its sdist. Out: the digests that the same build gives
//! under another epoch or umask, found by changing the fields of the headers in
//! memory. That is a prediction, to be confirmed by a build; nothing of what is made
//! here is ever taken for a wheel.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;

use crate::archive::Limits;
use crate::archive::zip::Archive;
use crate::archive::zip::DosTime;
use crate::archive::zip::UNIX;
use crate::digest::Sha256Digest;
use crate::evidence::SdistEvidence;
use crate::policy::EARLIEST_EPOCH;
use crate::policy::LATEST_EPOCH;
use crate::recipe::SourceModes;
use crate::recipe::Umask;
use crate::recipe::unpacked_modes;
use crate::time::UtcTime;

/// Epochs that people set: the first day that a ZIP can tell, builders' constants,
/// the first commit of SecureDrop, npm's, and the first second of a few round
/// years.
const WELL_KNOWN: &[i64] = &[
    315_532_800,
    1_580_601_600,
    1_451_606_400,
    1_309_379_017,
    499_162_500,
    946_684_800,
    1_000_000_000,
    1_234_567_890,
    1_500_000_000,
    1_600_000_000,
];

/// How many times of an sdist's files are tried as epochs.
const MOST_OF_SDIST: usize = 1000;

/// What a wheel was built with besides its tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variation {
    /// `SOURCE_DATE_EPOCH`.
    pub epoch: i64,
    /// The umask.
    pub umask: Umask,
    /// Where the modes of the source come from.
    pub source_modes: SourceModes,
}

impl Default for Variation {
    /// Returns what a wheel is built with before anything is known: an epoch that
    /// people use, umask 022, the source's modes less that.
    fn default() -> Self {
        Self {
            epoch: 1_309_379_017,
            umask: Umask::DEFAULT,
            source_modes: SourceModes::Umask,
        }
    }
}

/// Points in time that say something of when a wheel was built.
#[derive(Debug, Clone, Copy, Default)]
pub struct Moments<'a> {
    /// Epochs that other wheels of the wheelhouse were built with.
    pub found: &'a [i64],
    /// When the manifest was signed.
    pub signed: Option<UtcTime>,
}

/// Returns the epochs to try, the likely ones first.
pub fn epochs(sdist: &SdistEvidence, moments: Moments<'_>) -> Vec<i64> {
    let mut of_files: Vec<i64> = sdist.files.values().map(|file| file.mtime).collect();
    of_files.sort_unstable_by(|one, other| other.cmp(one));
    of_files.dedup();
    of_files.truncate(MOST_OF_SDIST);
    let midnights: Vec<i64> = of_files
        .iter()
        .map(|time| time - time.rem_euclid(86_400))
        .collect();
    let years = (1980..2100).filter_map(|year| {
        let text = format!("{year}-01-01T00:00:00Z");
        Some(text.parse::<UtcTime>().ok()?.unix_seconds())
    });
    let mut epochs = moments.found.to_vec();
    epochs.extend(WELL_KNOWN);
    epochs.extend(of_files);
    epochs.extend(midnights);
    epochs.extend(moments.signed.map(UtcTime::unix_seconds));
    epochs.extend(years);
    let mut seen = BTreeSet::new();
    // A ZIP tells no time before 1980.
    epochs.retain(|epoch| (EARLIEST_EPOCH..=LATEST_EPOCH).contains(epoch) && seen.insert(*epoch));
    epochs
}

/// A wheel and where the fields are that other recipes change.
pub struct Variations {
    bytes: Vec<u8>,
    /// Where times stand, four bytes each.
    times: Vec<usize>,
    /// Where modes stand, two bytes each, with the mode of the source; `None` for
    /// what the build made.
    modes: Vec<(usize, u16, Option<u32>)>,
}

impl Variations {
    /// Takes a wheel that was built with an epoch.
    ///
    /// # Errors
    ///
    /// A sentence about why it is no wheel whose headers can be changed.
    pub fn of(bytes: Vec<u8>, sdist: &SdistEvidence, limits: Limits) -> Result<Self, String> {
        let archive = Archive::from_slice(&bytes, limits).map_err(|error| error.to_string())?;
        let (mut times, mut modes) = (Vec::new(), Vec::new());
        let mut at = usize::try_from(archive.directory().start).map_err(|e| e.to_string())?;
        for member in archive.members() {
            let header = member.central();
            let local = usize::try_from(header.local_header_offset).map_err(|e| e.to_string())?;
            // APPNOTE 4.3.7 and 4.3.12: the time stands at 10 and at 12.
            times.extend([local + 10, at + 12]);
            let name = member.name().to_string();
            if header.creator_system() == UNIX && !name.ends_with(".dist-info/RECORD") {
                let mode = header.unix_mode().unwrap_or_default();
                let source = match name.contains(".dist-info/") {
                    true => None,
                    false => sdist.source_of(&name).map(|file| file.mode),
                };
                modes.push((at + 40, mode, source));
            }
            at += 46
                + header.name.as_bytes().len()
                + header.extra.len()
                + header.comment.as_bytes().len();
        }
        if at > bytes.len() {
            return Err("the central directory is longer than the file".to_owned());
        }
        drop(archive);
        Ok(Self {
            bytes,
            times,
            modes,
        })
    }

    /// Returns the first variation that gives the digest.
    pub fn find(&mut self, wanted: Sha256Digest, epochs: &[i64]) -> Option<Variation> {
        let mut seen = BTreeSet::new();
        let umasks = [0o022, 0o002, 0o077, 0o027].map(Umask::from_bits);
        for (umask, source_modes) in umasks
            .iter()
            .map(|umask| (*umask, SourceModes::Umask))
            .chain(umasks.iter().map(|umask| (*umask, SourceModes::Archive)))
        {
            if !seen.insert(self.set_modes(umask, source_modes)) {
                continue;
            }
            for epoch in epochs {
                if self.set_time(*epoch).is_some() && Sha256Digest::of(&self.bytes) == wanted {
                    return Some(Variation {
                        epoch: *epoch,
                        umask,
                        source_modes,
                    });
                }
            }
        }
        None
    }

    /// Writes modes and returns them.
    fn set_modes(&mut self, umask: Umask, source_modes: SourceModes) -> Vec<u16> {
        let modes = unpacked_modes(source_modes, umask);
        let mut written = Vec::new();
        for (at, built, source) in &self.modes {
            let kept = built & 0o170_000;
            let permissions = match source {
                Some(mode) => modes.of_file(*mode) as u16,
                None => 0o666 & !umask.octal(),
            };
            let mode = kept | permissions;
            written.push(mode);
            if let Some(field) = self.bytes.get_mut(*at..at + 2) {
                field.copy_from_slice(&mode.to_le_bytes());
            }
        }
        written
    }

    fn set_time(&mut self, epoch: i64) -> Option<()> {
        let time = dos_time(epoch)?;
        let [a, b] = time.time.to_le_bytes();
        let [c, d] = time.date.to_le_bytes();
        for at in &self.times {
            self.bytes
                .get_mut(*at..at + 4)?
                .copy_from_slice(&[a, b, c, d]);
        }
        Some(())
    }
}

/// Returns seconds since 1970 as a ZIP tells them, in UTC.
fn dos_time(seconds: i64) -> Option<DosTime> {
    let time = jiff::Timestamp::from_second(seconds).ok()?;
    let time = time.to_zoned(TimeZone::UTC).datetime();
    let part = |value: i8| u16::try_from(value).ok();
    let year = u16::try_from(time.year()).ok()?.checked_sub(1980)?;
    Some(DosTime {
        date: (year << 9) | part(time.month())? << 5 | part(time.day())?,
        time: part(time.hour())? << 11 | part(time.minute())? << 5 | (part(time.second())? / 2),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_as_dos_does() {
        // 2011-06-29 20:23:37, by `date -u -d @1309379017`.
        let time = dos_time(1_309_379_017).expect("a time");
        assert_eq!(time.to_string(), "2011-06-29 20:23:36");
        assert_eq!(dos_time(0), None);
    }
}
