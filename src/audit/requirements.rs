//! What requirements mean, held against the signed files.

use std::path::Path;

use crate::finding::{Finding, Rule, Severity, Subject, rules};
use crate::gnupg;
use crate::pinned::{Held, Package, Preference, Twin};
use crate::requirements::{Fault, FaultKind, Place};

/// An sdist that is built when a requirement is installed, and what for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build<'a> {
    /// Where the requirement stands.
    pub place: &'a Place,
    /// The sdist.
    pub sdist: &'a Package,
    /// What it needs to be built, which no hash covers; `None` when it does not say
    /// so readably.
    pub requires: Option<Vec<String>>,
}

/// What requirements are held against, as the user would name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wheelhouse<'a> {
    /// The manifest.
    pub manifest: &'a str,
    /// The directory with the files.
    pub directory: &'a Path,
    /// The directory that commands are given.
    pub root: &'a Path,
}

/// What becomes of the requirements after the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// An installer is given the files of requirements as they are, and the whole
    /// wheelhouse.
    AsTheyAre,
    /// A command is given the files that the requirements admit and nothing else,
    /// with a list of their signed hashes.
    HandedOn,
}

/// Returns what is wrong with files of requirements.
pub fn requirement_faults(faults: &[Fault]) -> Vec<Finding> {
    faults
        .iter()
        .map(|fault| {
            let finding =
                Finding::new(fault_rule(&fault.kind), at(&fault.place)).found(&fault.kind);
            match fault_advice(&fault.kind) {
                Some(next) => finding.next(next),
                None => finding,
            }
        })
        .collect()
}

fn at(place: &Place) -> Subject {
    Subject::path(place.path.display().to_string()).line(place.line)
}

fn fault_rule(kind: &FaultKind) -> &'static Rule {
    match kind {
        kind if kind.leads_elsewhere() => &rules::REQUIREMENT_ELSEWHERE,
        FaultKind::NotPinned(_) | FaultKind::Version(_) => &rules::REQUIREMENT_UNPINNED,
        FaultKind::FileWithoutHash(_) | FaultKind::NoHash(_) => &rules::REQUIREMENT_UNHASHED,
        FaultKind::Hash(_) => &rules::REQUIREMENT_HASH_UNUSABLE,
        FaultKind::Option(_) => &rules::REQUIREMENT_OPTION,
        _ => &rules::REQUIREMENTS_MALFORMED,
    }
}

fn fault_advice(kind: &FaultKind) -> Option<&'static str> {
    Some(match kind {
        FaultKind::NotPinned(text) if text.contains("===") => {
            "write '==' instead; '===' compares the texts of versions and not the versions"
        }
        FaultKind::Source { .. } => {
            "lock it from an index, or have its wheel built and signed and required by version"
        }
        FaultKind::Variable(_) => "write out what it is to stand for",
        FaultKind::IncludeOutside(_) => {
            "move it below that directory, or name it with --requirements itself"
        }
        FaultKind::IncludeLoop(_) | FaultKind::IncludeDepth(_) => {
            "name each of the files with --requirements instead"
        }
        FaultKind::Nothing => "name the file that lists the requirements",
        FaultKind::IncludeMissing(_) => "add the file, or take the line out",
        FaultKind::Format => {
            "name a requirements file, or a poetry.lock, uv.lock, pylock.toml or pylock.NAME.toml"
        }
        FaultKind::LockVersion { .. } | FaultKind::UnknownKey(_) => {
            "look for a newer wheelproof, or export the lock as requirements with hashes"
        }
        FaultKind::TooMany(..) | FaultKind::NotTaken(_) => {
            "name files of requirements, and no others"
        }
        FaultKind::Toml(_) | FaultKind::Key(..) => {
            "have the tool that wrote the file write it again"
        }
        _ => return None,
    })
}

/// Returns what the signed files mean for each requirement.
pub fn requirements(wheelhouse: &Wheelhouse<'_>, held: &[Held<'_>], using: Use) -> Vec<Finding> {
    let mut findings = Vec::new();
    for held in held {
        requirement(wheelhouse, held, using, &mut findings);
    }
    findings
}

fn requirement(
    wheelhouse: &Wheelhouse<'_>,
    held: &Held<'_>,
    using: Use,
    findings: &mut Vec<Finding>,
) {
    let manifest = wheelhouse.manifest;
    let requirement = &held.pin.requirement;
    let subject = at(&held.pin.place);
    let (project, version) = (&requirement.project, &requirement.version);
    let wanted = format!("{project}=={version}");
    let finding = |rule| Finding::new(rule, subject.clone());
    if requirement.hashes.is_empty() {
        let unhashed = finding(&rules::REQUIREMENT_UNHASHED)
            .expected("--hash=sha256:… for each file that may be installed")
            .found(&wanted);
        findings.push(match using {
            Use::AsTheyAre => unhashed,
            Use::HandedOn => unhashed
                .severity(Severity::Note)
                .next("nothing to do; the list that is handed on has the signed hashes"),
        });
    }
    for (hash, path) in &held.foreign {
        findings.push(
            finding(&rules::REQUIREMENT_HASH_FOREIGN)
                .expected(format!("a hash of a file of {wanted}"))
                .found(format!("{hash}, which {manifest} has for {path}")),
        );
    }
    if held.candidates.is_empty() {
        let missing =
            finding(&rules::REQUIREMENT_NOT_SIGNED).expected(format!("a signed wheel of {wanted}"));
        findings.push(match held.pin.is_conditional {
            // Where the condition does not hold, nobody asks for it; where it does,
            // installers find nothing and stop.
            true => missing
                .severity(Severity::Note)
                .found("a requirement under a condition")
                .next("nothing to do if the condition never holds where this is installed"),
            false => missing,
        });
    } else if held.admitted.is_empty() && held.foreign.is_empty() {
        let signed: Vec<_> = held
            .candidates
            .iter()
            .map(|package| format!("{} ({})", package.path.file_name(), package.sha256))
            .collect();
        findings.push(
            finding(&rules::REQUIREMENT_HASH_UNLISTED)
                .expected(signed.join(", "))
                .found(hashes(requirement.hashes.len())),
        );
    } else if using == Use::HandedOn && !held.admitted.is_empty() && !held.admits_a_wheel() {
        findings.push(sdist_only(wheelhouse, &wanted, &subject, held));
    }
    for twin in &held.twins {
        // What is told already is the reason why the twin would be taken.
        if using == Use::AsTheyAre || held.admits_a_wheel() {
            findings.push(self::twin(wheelhouse, &wanted, &subject, twin, using));
        }
    }
}

/// Returns what it means that a requirement is met by sdists only where wheels only are
/// handed on: no installer could meet it.
fn sdist_only(
    wheelhouse: &Wheelhouse<'_>,
    wanted: &str,
    subject: &Subject,
    held: &Held<'_>,
) -> Finding {
    let sdists: Vec<&str> = held
        .admitted
        .iter()
        .map(|package| package.path.file_name())
        .collect();
    let wheels: Vec<&str> = held
        .candidates
        .iter()
        .filter(|package| package.is_wheel())
        .map(|package| package.path.file_name())
        .collect();
    let found = match wheels.is_empty() {
        true => sdists.join(", "),
        false => format!(
            "{}; no signed build record says that {} was built from it",
            sdists.join(", "),
            wheels.join(" or ")
        ),
    };
    let quoted = |path: &Path| gnupg::quoted(&path.display().to_string());
    let (root, list) = (quoted(wheelhouse.root), quoted(&held.pin.place.path));
    let mut next = format!(
        "build and sign the wheel: wheelproof update {root} --from {list}, then wheelproof sign \
         {root}"
    );
    if !wheels.is_empty() {
        next.push_str(&format!(
            "; or require the hash of the signed wheel, which wheelproof requirements {root} \
             {list} writes"
        ));
    }
    let finding = Finding::new(&rules::REQUIREMENT_SDIST_ONLY, subject.clone())
        .expected(format!("a signed wheel of {wanted}"))
        .found(found)
        .next(next);
    match held.pin.is_conditional {
        // As where nothing is signed at all.
        true => finding.severity(Severity::Note),
        false => finding,
    }
}

fn hashes(count: usize) -> String {
    match count {
        1 => "1 hash, of no signed file".to_owned(),
        count => format!("{count} hashes, none of them of a signed file"),
    }
}

fn twin(
    wheelhouse: &Wheelhouse<'_>,
    wanted: &str,
    subject: &Subject,
    twin: &Twin<'_>,
    using: Use,
) -> Finding {
    let when = match twin.preference {
        Preference::Always => "which installers take first",
        Preference::Sometimes => "which some installers take first on some machines",
    };
    let finding = Finding::new(&rules::REQUIREMENT_TWIN, subject.clone())
        .expected(format!("{} for {wanted}", twin.admitted.path.file_name()))
        .found(format!(
            "{} ({}), {when}",
            twin.package.path.below(wheelhouse.directory).display(),
            wheelhouse.manifest
        ));
    match (using, twin.preference) {
        (Use::HandedOn, _) => finding
            .severity(Severity::Note)
            .next("nothing to do here; only files that the requirements admit are handed on"),
        (Use::AsTheyAre, Preference::Always) if is_built_from(twin) => finding.next(
            "install by 'wheelproof run', which gives the hash of the wheel if its signed record \
             names this sdist; or require that hash yourself",
        ),
        (Use::AsTheyAre, Preference::Always) => finding,
        (Use::AsTheyAre, Preference::Sometimes) => finding.severity(Severity::Warning),
    }
}

/// Returns whether a wheel could have been built from the sdist that it would be taken for.
fn is_built_from(twin: &Twin<'_>) -> bool {
    twin.package.is_wheel()
        && !twin.admitted.is_wheel()
        && twin.package.filename.version() == twin.admitted.filename.version()
}

/// Returns what it means that sdists are built.
pub fn requirement_builds(builds: &[Build<'_>]) -> Vec<Finding> {
    builds
        .iter()
        .filter_map(|build| {
            let needs = match &build.requires {
                Some(requires) if requires.is_empty() => return None,
                Some(requires) => requires.join(", "),
                None => "tools that it does not name readably".to_owned(),
            };
            let name = build.sdist.path.file_name();
            Some(
                Finding::new(&rules::REQUIREMENT_SDIST, at(build.place))
                    .expected("a signed wheel whose hash is listed")
                    .found(format!("{name}, built with {needs}")),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_of_no_signed_file_are_counted() {
        assert_eq!(hashes(1), "1 hash, of no signed file");
        assert_eq!(hashes(2), "2 hashes, none of them of a signed file");
    }

    #[test]
    fn each_fault_has_its_rule_and_the_advice_that_helps() {
        let text = || "x".to_owned();
        // What to do, by a word that no other advice has.
        for (kind, rule, word) in [
            (
                FaultKind::NotPinned("a===1".to_owned()),
                "requirement-unpinned",
                Some("'=='"),
            ),
            (FaultKind::NotPinned(text()), "requirement-unpinned", None),
            (FaultKind::Version(text()), "requirement-unpinned", None),
            (
                FaultKind::FileWithoutHash(text()),
                "requirement-unhashed",
                None,
            ),
            (FaultKind::Hash(text()), "requirement-hash-unusable", None),
            (FaultKind::Option(text()), "requirement-option", None),
            (FaultKind::Link(text()), "requirement-elsewhere", None),
            (
                FaultKind::Source {
                    project: text(),
                    source_kind: text(),
                },
                "requirement-elsewhere",
                Some("from an index"),
            ),
            (
                FaultKind::Variable(text()),
                "requirement-elsewhere",
                Some("stand for"),
            ),
            (
                FaultKind::IncludeOutside(text()),
                "requirements-malformed",
                Some("below that directory"),
            ),
            (
                FaultKind::IncludeLoop(text()),
                "requirements-malformed",
                Some("instead"),
            ),
            (
                FaultKind::IncludeDepth(text()),
                "requirements-malformed",
                Some("instead"),
            ),
            (
                FaultKind::Nothing,
                "requirements-malformed",
                Some("lists the requirements"),
            ),
            (
                FaultKind::IncludeMissing(text()),
                "requirements-malformed",
                Some("add the file"),
            ),
            (
                FaultKind::Format,
                "requirements-malformed",
                Some("poetry.lock"),
            ),
            (
                FaultKind::UnknownKey(text()),
                "requirements-malformed",
                Some("newer wheelproof"),
            ),
            (
                FaultKind::NotTaken(text()),
                "requirements-malformed",
                Some("no others"),
            ),
            (
                FaultKind::Toml(text()),
                "requirements-malformed",
                Some("write it again"),
            ),
            (FaultKind::OpenEnd, "requirements-malformed", None),
        ] {
            let fault = Fault {
                kind,
                place: Place {
                    path: Path::new("r.txt").into(),
                    line: 7,
                },
            };
            let [finding] = &requirement_faults(std::slice::from_ref(&fault))[..] else {
                panic!("{fault:?}");
            };
            assert_eq!(finding.rule.name, rule, "{fault:?}");
            assert_eq!(finding.subject, Subject::path("r.txt").line(7));
            match word {
                Some(word) => assert!(finding.next.contains(word), "{fault:?}: {finding:?}"),
                None => assert_eq!(finding.next, finding.rule.next, "{fault:?}"),
            }
        }
    }
}
