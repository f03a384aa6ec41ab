//! Which of two files an installer takes.
//!
//! In: file names. Out: whether one is taken before another, wherever both can be
//! installed. pip and uv order what satisfies a requirement by version, then
//! wheels before sdists, then by the interpreter's own order of tags, then by the
//! build tag (pip 26.3, `CandidateEvaluator`; uv 0.13, `PrioritizedDist`). Neither
//! leaves out a file of a directory because its hash is not listed: it is taken,
//! its hash is found to be wrong, and the installation stops.

use std::collections::BTreeSet;

use super::{Filename, Package};
use crate::filename::WheelFilename;

/// When a file is taken before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Preference {
    /// On some interpreters and platforms, or by some installers.
    Sometimes,
    /// Wherever the other could be taken.
    Always,
}

/// Returns the admitted file that a twin would be taken for, and when; `None` when
/// it never would be.
pub(super) fn preferred<'a>(
    twin: &Package,
    admitted: &[&'a Package],
) -> Option<(&'a Package, Preference)> {
    // What loses to one admitted file wherever it could be taken is harmless.
    if admitted.iter().any(|other| beats(other, twin)) {
        return None;
    }
    let met: Vec<&&Package> = admitted
        .iter()
        .filter(|other| overlap(twin, other))
        .collect();
    let first = met.first()?;
    let is_always = admitted
        .iter()
        .all(|other| beats(twin, other) && covers(twin, other));
    let preference = match is_always {
        true => Preference::Always,
        false => Preference::Sometimes,
    };
    Some((first, preference))
}

/// Returns whether there may be an interpreter that can install both. An sdist can
/// be installed anywhere; but beside a wheel of its version it is not taken, and
/// without one nothing that is admitted could be.
pub(super) fn overlap(twin: &Package, admitted: &Package) -> bool {
    let is_newer = twin.filename.version() > admitted.filename.version();
    match (&twin.filename, &admitted.filename) {
        (Filename::Sdist(_), Filename::Wheel(_)) => is_newer,
        (_, Filename::Sdist(_)) => true,
        (Filename::Wheel(twin), Filename::Wheel(admitted)) => wheels_overlap(twin, admitted),
    }
}

/// Returns whether `one` is taken before `other` wherever both can be installed.
fn beats(one: &Package, other: &Package) -> bool {
    let (version, other_version) = (one.filename.version(), other.filename.version());
    match (&one.filename, &other.filename) {
        (Filename::Wheel(_), Filename::Sdist(_)) => version >= other_version,
        (Filename::Wheel(_), Filename::Wheel(_)) if version > other_version => true,
        (Filename::Wheel(one), Filename::Wheel(other)) => {
            version == other_version && wins(one, other)
        }
        // Some are told to take wheels only.
        (Filename::Sdist(_), _) => false,
    }
}

/// Returns whether whoever can install `other` can install `one`.
fn covers(one: &Package, other: &Package) -> bool {
    let holds = |one: &[String], other: &[String]| other.iter().all(|tag| one.contains(tag));
    match (&one.filename, &other.filename) {
        // No current installer runs on Python 2.
        (Filename::Wheel(one), _) if is_universal(one) => true,
        (Filename::Wheel(one), Filename::Wheel(other)) => {
            holds(one.python_tags(), other.python_tags())
                && holds(one.abi_tags(), other.abi_tags())
                && holds(one.platform_tags(), other.platform_tags())
        }
        (Filename::Wheel(_), Filename::Sdist(_)) | (Filename::Sdist(_), _) => false,
    }
}

/// Returns whether a wheel can be installed by every Python 3.
fn is_universal(wheel: &WheelFilename) -> bool {
    wheel.is_pure() && wheel.python_tags().iter().any(|tag| tag == "py3")
}

/// Returns whether `one` is taken before `other`, of the same version, wherever
/// both can be installed.
fn wins(one: &WheelFilename, other: &WheelFilename) -> bool {
    let set = |tags: &[String]| tags.iter().cloned().collect::<BTreeSet<String>>();
    let has_same_tags = set(one.python_tags()) == set(other.python_tags())
        && set(one.abi_tags()) == set(other.abi_tags())
        && set(one.platform_tags()) == set(other.platform_tags());
    if has_same_tags {
        return build_number(one) > build_number(other);
    }
    // An interpreter lists the tags of its own ABI first, then those of the stable
    // one, then those without, and of these the ones for any platform last
    // (platform compatibility tags, "Use").
    is_for_one_abi(one) && is_for_any_abi(other)
        || is_for_some_platform(one) && other.platform_tags() == ["any"]
}

/// Returns whether there may be an interpreter that can install both wheels.
fn wheels_overlap(one: &WheelFilename, other: &WheelFilename) -> bool {
    let abis_meet = !(is_for_one_abi(one) && is_for_one_abi(other))
        || one
            .abi_tags()
            .iter()
            .any(|tag| other.abi_tags().contains(tag));
    // py2 and cp27 are for no Python 3.
    let majors_meet = one.python_tags().iter().any(|one| {
        other
            .python_tags()
            .iter()
            .any(|other| major(one) == major(other))
    });
    abis_meet
        && majors_meet
        && one.platform_tags().iter().any(|one| {
            other
                .platform_tags()
                .iter()
                .any(|other| platforms_meet(one, other))
        })
}

/// Returns the major version of Python in a tag such as `cp311` or `py2`.
fn major(tag: &str) -> Option<char> {
    tag.chars().find(char::is_ascii_digit)
}

fn is_for_one_abi(wheel: &WheelFilename) -> bool {
    wheel
        .abi_tags()
        .iter()
        .all(|tag| tag != "none" && !tag.starts_with("abi"))
}

fn is_for_any_abi(wheel: &WheelFilename) -> bool {
    wheel
        .abi_tags()
        .iter()
        .all(|tag| tag == "none" || tag.starts_with("abi"))
}

fn is_for_some_platform(wheel: &WheelFilename) -> bool {
    wheel.platform_tags().iter().all(|tag| tag != "any")
}

/// Returns whether there may be a machine for both platform tags.
fn platforms_meet(one: &str, other: &str) -> bool {
    if one == "any" || other == "any" || one == other {
        return true;
    }
    match (platform(one), platform(other)) {
        (Some((system, machine)), Some((other_system, other_machine))) => {
            let systems_meet = system == other_system
                // `linux` stands for any C library.
                || [system, other_system].contains(&"linux")
                    && [system, other_system]
                        .iter()
                        .all(|system| system.ends_with("linux"));
            // macOS has tags for several machines at once.
            systems_meet && (machine == other_machine || system == "macosx")
        }
        // What is not known may meet.
        _ => true,
    }
}

/// Returns the system and the machine that a platform tag names.
fn platform(tag: &str) -> Option<(&'static str, &str)> {
    const MACHINES: &[&str] = &[
        "x86_64",
        "i686",
        "aarch64",
        "armv7l",
        "armv6l",
        "ppc64le",
        "ppc64",
        "s390x",
        "riscv64",
        "loongarch64",
    ];
    match tag {
        "win32" => return Some(("windows", "x86")),
        "win_amd64" => return Some(("windows", "x86_64")),
        "win_arm64" => return Some(("windows", "aarch64")),
        _ => {}
    }
    if tag.starts_with("macosx_") {
        return Some(("macosx", ""));
    }
    let system = ["manylinux", "musllinux", "linux"]
        .into_iter()
        .find(|system| tag.starts_with(system))?;
    let machine = MACHINES.iter().find(|machine| {
        tag.strip_suffix(*machine)
            .is_some_and(|before| before.ends_with('_'))
    })?;
    Some((system, machine))
}

/// Returns what build tags are compared by: none, then the number, then the rest
/// (binary distribution format, "File name convention").
fn build_number(wheel: &WheelFilename) -> Option<(u128, &str)> {
    let tag = wheel.build_tag()?;
    let end = tag.find(|c: char| !c.is_ascii_digit()).unwrap_or(tag.len());
    let (digits, rest) = tag.split_at(end);
    Some((digits.parse().unwrap_or(u128::MAX), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Sha256Digest;
    use crate::relpath::RelPath;

    fn package(name: &str) -> Package {
        Package {
            path: RelPath::parse(name).unwrap(),
            sha256: Sha256Digest::of(name.as_bytes()),
            filename: Filename::parse(name).unwrap(),
        }
    }

    /// What real installers did with these pairs is in `tests/suite/requirements_twins.rs`.
    #[test]
    fn a_twin_is_told_by_when_it_would_be_taken() {
        use Preference::{Always, Sometimes};
        let pure = "x-2.0-py3-none-any.whl";
        let linux = "x-2.0-cp311-cp311-manylinux_2_17_x86_64.whl";
        for (twin, admitted, expected) in [
            ("x-2.0+local-py3-none-any.whl", pure, Some(Always)),
            (
                "x-2.0+local-cp311-cp311-linux_x86_64.whl",
                pure,
                Some(Sometimes),
            ),
            ("x-2.0+local.tar.gz", pure, Some(Sometimes)),
            ("x-2.0-1-py3-none-any.whl", pure, Some(Always)),
            ("x-2.00-py3-none-any.whl", pure, Some(Sometimes)),
            (linux, pure, Some(Sometimes)),
            ("x-2.0-py311-none-any.whl", pure, Some(Sometimes)),
            ("x-2.0-cp37-abi3-manylinux_2_17_x86_64.whl", linux, None),
            (
                "x-2.0-cp311-cp311-manylinux_2_28_x86_64.whl",
                linux,
                Some(Sometimes),
            ),
            ("x-2.0-cp311-cp311-linux_x86_64.whl", linux, Some(Sometimes)),
            ("x-2.0-cp311-cp311-musllinux_1_2_x86_64.whl", linux, None),
            ("x-2.0-cp311-cp311-manylinux_2_17_aarch64.whl", linux, None),
            ("x-2.0-cp312-cp312-manylinux_2_17_x86_64.whl", linux, None),
            ("x-2.0-cp311-cp311-win_amd64.whl", linux, None),
            ("x-2.0-py2-none-any.whl", pure, None),
            ("x-2.0-py2.py3-none-any.whl", pure, Some(Sometimes)),
            (pure, linux, None),
            ("x-2.0.tar.gz", pure, None),
            ("x-2.0.tar.gz", linux, None),
            (pure, "x-2.0.tar.gz", Some(Always)),
            (linux, "x-2.0.tar.gz", Some(Sometimes)),
            ("x-2.0.zip", "x-2.0.tar.gz", Some(Sometimes)),
            (pure, "x-2.0-1-py3-none-any.whl", None),
            (
                "x-2.0-10-py3-none-any.whl",
                "x-2.0-9-py3-none-any.whl",
                Some(Always),
            ),
        ] {
            let (twin, admitted) = (package(twin), package(admitted));
            let found = preferred(&twin, &[&admitted]).map(|(_, preference)| preference);
            assert_eq!(found, expected, "{} beside {}", twin.path, admitted.path);
        }
    }

    #[test]
    fn one_admitted_file_that_wins_everywhere_makes_a_twin_harmless() {
        let (pure, built) = (
            package("x-2.0-py3-none-any.whl"),
            package("x-2.0-2-py3-none-any.whl"),
        );
        let twin = package("x-2.0-1-py3-none-any.whl");
        assert!(preferred(&twin, &[&pure]).is_some());
        assert_eq!(preferred(&twin, &[&pure, &built]), None);
        assert_eq!(preferred(&twin, &[]), None);
    }
}
