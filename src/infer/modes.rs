//! Modes: the umask, and whether the source kept the archive's.

use super::Inference;
use crate::count::counted;
use crate::evidence::SdistEvidence;
use crate::evidence::WheelEvidence;
use crate::recipe::SourceModes;
use crate::recipe::Umask;
use crate::recipe::unpacked_modes;

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

    let copied: Vec<(u32, u32)> = wheel
        .members
        .iter()
        // setuptools writes modules anew, with the umask; only other files keep their mode.
        .filter(|member| !member.name.ends_with(".py"))
        .filter_map(|member| {
            let mode = u32::from(member.mode? & 0o777);
            Some((mode, sdist.source_of(&member.name)?.mode))
        })
        .collect();
    let fitting = SourceModes::WORDS.iter().find(|(_, source_modes)| {
        let modes = unpacked_modes(*source_modes, umask);
        let mut copied = copied.iter();
        copied.all(|(mode, archived)| modes.of_file(*archived) == *mode)
    });
    let Some((word, source_modes)) = fitting else {
        return;
    };
    let because = match source_modes {
        SourceModes::Umask => return,
        SourceModes::Archive => "the sdist's modes, which the umask would lessen",
        SourceModes::DataFilter => {
            "the sdist's modes as Python's tarfile unpacks with the filter \"data\""
        }
    };
    let copied = counted(copied.len() as u64, "copied file has", "copied files have");
    inference.source_modes = Some(*source_modes);
    inference.because("source-modes", word, format!("{copied} {because}"));
}
