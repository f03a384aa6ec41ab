//! A clock that goes on: when the files that a build of setuptools makes have
//! several seconds.

use std::collections::BTreeMap;

use super::{Inference, told};
use crate::evidence::SdistEvidence;
use crate::evidence::WheelEvidence;
use crate::evidence::dos_seconds;

/// How long before RECORD a build can have made a file, in seconds. What is older
/// was rather there before.
const LONGEST_BUILD: i64 = 600;

/// How many members beside the metadata a build makes. Where more have other times
/// than the sdist's, the wheel was built from another copy of the source.
const MOST_MADE: usize = 16;

/// Infers from what the build made when its clock went on; `record` is the time of
/// RECORD, at which it stood otherwise.
pub(super) fn infer(
    inference: &mut Inference,
    wheel: &WheelEvidence,
    sdist: &SdistEvidence,
    record: i64,
) {
    let mut made = BTreeMap::new();
    let mut beside = BTreeMap::new();
    for member in &wheel.members {
        let Some(seconds) = dos_seconds(member.time) else {
            continue;
        };
        if !(record - LONGEST_BUILD..=record).contains(&seconds) {
            continue;
        }
        let below = member.name.strip_prefix(&wheel.dist_info);
        match below.and_then(|below| below.strip_prefix('/')) {
            // It is no file, but written into the archive when all else is there.
            Some("RECORD") => {
                made.insert(".whl".to_owned(), seconds);
            }
            Some(file @ ("METADATA" | "WHEEL")) => {
                made.insert(format!(".dist-info/{file}"), seconds);
            }
            // Licences keep their time or not, by the version of the builder.
            Some(file) if sdist.files.contains_key(of_source(file)) => {
                if !is_copied(sdist, file, seconds) {
                    made.insert(format!(".dist-info/{file}"), seconds);
                }
            }
            // Made where there is none, and else left as it is.
            Some("zip-safe" | "not-zip-safe") if is_copied(sdist, &member.name, seconds) => {}
            // The rest is made beside the source first, even where the sdist has such
            // files, and copied with its times.
            Some(file) => {
                made.insert(format!(".egg-info/{file}"), seconds);
            }
            None => {
                if !is_copied(sdist, &member.name, seconds) {
                    beside.insert(format!("/{}", member.name), seconds);
                }
            }
        }
    }
    if beside.len() <= MOST_MADE {
        made.append(&mut beside);
    }
    let Some(start) = made.values().min().copied().filter(|it| *it < record) else {
        return;
    };
    made.retain(|_, seconds| *seconds > start);
    let mut times: Vec<i64> = made.values().copied().collect();
    times.sort_unstable();
    times.dedup();
    let times: Vec<String> = times.into_iter().map(told).collect();
    inference.reasons.retain(|reason| reason.part != "clock");
    inference.because(
        "clock",
        told(start),
        "of the files that the build made, the first has this time; the other files keep the sdist's",
    );
    inference.because(
        "clock-steps",
        times.join(", "),
        "the other files that the build made have these times, RECORD the last: the clock goes on when they are begun",
    );
    inference.clock = Some(start);
    inference.clock_steps = made;
}

/// Returns the place in the source of a file that lies beside the metadata.
fn of_source(file: &str) -> &str {
    file.strip_prefix("licenses/").unwrap_or(file)
}

/// Returns whether the sdist has a file of this name, wherever it lies, with this
/// time: what is installed as data or scripts lies elsewhere than in the source.
fn is_copied(sdist: &SdistEvidence, member: &str, seconds: i64) -> bool {
    let name = member.rsplit('/').next();
    sdist.files.iter().any(|(path, file)| {
        file.mtime - file.mtime.rem_euclid(2) == seconds && path.rsplit('/').next() == name
    })
}
