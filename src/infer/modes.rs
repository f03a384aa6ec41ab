//! Modes: the umask, and whether the source kept the archive's.

use super::Inference;
use crate::evidence::SdistEvidence;
use crate::evidence::WheelEvidence;
use crate::recipe::SourceModes;
use crate::recipe::Umask;

/// Builders that copy the modes of files into the wheel; the others write their
/// own.
const COPYING: &[&str] = &["setuptools", "bdist_wheel"];

pub(super) fn infer(inference: &mut Inference, wheel: &WheelEvidence, sdist: &SdistEvidence) {
    let Some(described) = wheel.described_in("WHEEL") else {
        return;
    };
    if described.creator_system == 0 {
        inference.because(
            "umask",
            Umask::DEFAULT,
            "the wheel was built on Windows, which has none",
        );
        return;
    }
    let builder = wheel.builder.as_ref().map_or("", |builder| &builder.name);
    let Some(mode) = described.mode.filter(|_| COPYING.contains(&builder)) else {
        return;
    };
    // A new file lacks the bits for running anyway, so a umask is told by those for
    // reading and writing.
    let lacking = !mode & 0o666;
    let running = (lacking & 0o444) >> 2 & 0o111;
    let umask = Umask::from_bits(lacking | running);
    let octal = mode & 0o777;
    inference.because("umask", umask, format!("WHEEL has mode {octal:03o}"));
    inference.umask = Some(umask);

    let bits = umask.bits();
    let (mut kept, mut lessened) = (0u32, 0u32);
    for member in &wheel.members {
        let (Some(mode), Some(source)) = (member.mode, sdist.source_of(&member.name)) else {
            continue;
        };
        if wheel.is_described(member) || source.mode & bits == 0 {
            continue;
        }
        if u32::from(mode & 0o777) == source.mode & 0o777 {
            kept += 1;
        } else if u32::from(mode & 0o777) == source.mode & 0o777 & !bits {
            lessened += 1;
        }
    }
    if kept > 0 && lessened == 0 {
        inference.source_modes = Some(SourceModes::Archive);
        inference.because(
            "source-modes",
            "archive",
            format!("{kept} members have modes of the sdist that the umask would take away"),
        );
    }
}
