//! Which tools: `Generator:` names one, `pyproject.toml` the others.

use std::str::FromStr as _;

use pep440_rs::{Version, VersionSpecifiers};

use super::Inference;
use crate::backends;
use crate::evidence::Builder;
use crate::evidence::SdistEvidence;
use crate::evidence::WheelEvidence;
use crate::filename::ProjectName;

/// The first setuptools that builds wheels by itself. Before it, `Generator:` names
/// the project wheel.
pub const LAST_WITHOUT_WHEEL: &str = "70.1";

/// How a builder calls itself in WHEEL, and the project that it is.
const BUILDERS: &[(&str, &str)] = &[
    ("setuptools", "setuptools"),
    ("bdist_wheel", "wheel"),
    ("flit", "flit-core"),
    ("flit_core", "flit-core"),
    ("flit-core", "flit-core"),
    ("hatchling", "hatchling"),
    ("poetry-core", "poetry-core"),
    ("pdm-backend", "pdm-backend"),
    ("pdm-pep517", "pdm-pep517"),
    ("uv", "uv-build"),
    ("maturin", "maturin"),
    ("scikit-build-core", "scikit-build-core"),
    ("meson", "meson-python"),
    ("mesonpy", "meson-python"),
    ("whey", "whey"),
    ("sphinx-theme-builder", "sphinx-theme-builder"),
    ("enscons", "enscons"),
    ("jupyter-packaging", "jupyter-packaging"),
];

/// Returns the project of a builder by the name it has in WHEEL.
pub fn builder_project(name: &str) -> Option<&'static str> {
    BUILDERS
        .iter()
        .find(|(builder, _)| *builder == name)
        .map(|(_, project)| *project)
}

/// Returns a requirement when it names a project, with extras, versions and a
/// marker at most: no link, no path, no option.
pub fn checked_requirement(text: &str) -> Option<String> {
    let text = text.trim();
    let name = name_of(text);
    let rest = text.get(name.len()..)?;
    let plain = rest
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || " []<>=!~.,*()'\";_-+".contains(c));
    (ProjectName::parse(name).is_ok() && plain && !text.contains("--")).then(|| text.to_owned())
}

/// Returns the name that a requirement begins with.
pub fn name_of(requirement: &str) -> &str {
    let end = requirement
        .find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)))
        .unwrap_or(requirement.len());
    requirement.get(..end).unwrap_or_default()
}

/// Backends that ask for nothing besides what stands in the source's files.
const SILENT: &[&str] = &[
    "flit_core.buildapi",
    "poetry.core.masonry.api",
    "setuptools.build_meta",
    "setuptools.build_meta:__legacy__",
];

/// Returns whether a backend may ask for more than the files of the source do, so that it
/// has to be asked (`get_requires_for_build_wheel`, PEP 517).
pub fn asks_when_asked(sdist: &SdistEvidence) -> bool {
    sdist.build_system.as_ref().is_ok_and(|system| {
        !system.backend_path.is_empty()
            || sdist.has_unread_requires
            || !SILENT.contains(&system.backend.as_str())
    })
}

/// Returns whether a requirement is one of this project.
pub(super) fn is_of(requirement: &str, project: &ProjectName) -> bool {
    ProjectName::parse(name_of(requirement)).is_ok_and(|name| name == *project)
}

/// Returns the tool that WHEEL names as the builder, where it is a known one.
pub(super) fn named_tool(wheel: &WheelEvidence) -> Option<(ProjectName, &Builder)> {
    let builder = wheel.builder.as_ref()?;
    let project = ProjectName::parse(builder_project(&builder.name)?).ok()?;
    Some((project, builder))
}

/// Returns what the versions of a tool have to be for an sdist; nothing where it does not
/// care. `None` when that cannot be read.
pub(super) fn asked_for(
    project: &ProjectName,
    sdist: &SdistEvidence,
) -> Option<Vec<VersionSpecifiers>> {
    let system = sdist.build_system.as_ref().ok()?;
    let requirements = system.requires.iter().chain(&sdist.setup_requires);
    let mut found = Vec::new();
    for requirement in requirements {
        let requirement = requirement.trim();
        let name = name_of(requirement);
        if !is_of(requirement, project) {
            continue;
        }
        let rest = requirement.get(name.len()..)?.split(';').next()?;
        let rest = match rest.trim_start().strip_prefix('[') {
            Some(extras) => extras.split_once(']')?.1,
            None => rest,
        };
        let range = rest.trim().trim_matches(['(', ')']);
        found.push(VersionSpecifiers::from_str(range).ok()?);
    }
    Some(found)
}

/// Returns whether a version is in every one of the ranges.
pub(super) fn allows(asked: &[VersionSpecifiers], version: &Version) -> bool {
    asked.iter().all(|range| range.contains(version))
}

/// How the names of licence files begin that setuptools takes along by itself
/// (setuptools, keyword `license_files`).
const LICENCES: &[&str] = &["LICENSE", "LICENCE", "COPYING", "NOTICE", "AUTHORS"];

/// Infers how new a setuptools can be that does not name itself, from what it writes
/// into METADATA.
fn newest_setuptools(inference: &mut Inference, wheel: &WheelEvidence, sdist: &SdistEvidence) {
    let mut seen = Vec::new();
    if wheel.has_unknown_platform {
        let because = "METADATA says 'Platform: UNKNOWN', which later ones leave out";
        seen.push(("platform-unknown", "written", because.to_owned()));
    }
    if wheel.final_line_feeds >= 3 {
        let because = "METADATA ends with three line feeds, later ones write one";
        seen.push(("final-newlines", "3", because.to_owned()));
    }
    if wheel.has_loose_entry_points {
        let because =
            "entry_points.txt begins or ends with an empty line, later ones write it anew";
        seen.push(("entry-points", "as given", because.to_owned()));
    }
    let licence = wheel.members.iter().find_map(|member| {
        let file = member
            .name
            .strip_prefix(&wheel.dist_info)?
            .strip_prefix('/')?;
        LICENCES
            .iter()
            .any(|start| file.starts_with(start))
            .then_some(file)
    });
    if let Some(licence) = licence
        && !wheel.has_license_file
    {
        let because = format!(
            "METADATA has no License-File for {}, which later ones write",
            licence.escape_debug()
        );
        seen.push(("license-file-field", "absent", because));
    }
    let Some(asked) = ProjectName::parse("setuptools")
        .ok()
        .and_then(|setuptools| asked_for(&setuptools, sdist))
    else {
        return;
    };
    for (feature, value, because) in seen {
        let Some(range) = backends::that_write("setuptools", feature, value).last() else {
            continue;
        };
        // Where the sdist wants a later one, the feature has another cause.
        let allowed = Version::from_str(&range.last).is_ok_and(|last| allows(&asked, &last));
        if allowed {
            let requirement = format!("setuptools<={}", range.last);
            inference.because("tools", &requirement, because);
            inference.requirements.push(requirement);
        }
    }
}

/// Takes the oldest setuptools that runs on a Python of today where those of the time
/// do not.
pub(super) fn oldest_setuptools(inference: &mut Inference, sdist: &SdistEvidence) {
    let (Ok(setuptools), Some(cutoff)) = (ProjectName::parse("setuptools"), inference.cutoff)
    else {
        return;
    };
    let wanted = inference
        .requirements
        .iter()
        .any(|requirement| is_of(requirement, &setuptools));
    let Some(oldest) = backends::oldest("setuptools").filter(|_| wanted) else {
        return;
    };
    let releases = backends::releases(&setuptools).iter();
    let is_later = releases
        .filter(|release| release.released > cutoff)
        .any(|release| release.version.to_string() == oldest);
    let allowed = asked_for(&setuptools, sdist)
        .is_some_and(|asked| Version::from_str(oldest).is_ok_and(|oldest| allows(&asked, &oldest)));
    if is_later && allowed && inference.pinned.insert(setuptools) {
        let requirement = format!("setuptools=={oldest}");
        let because =
            "those of that time do not run on a Python of today, and this is the oldest that does";
        inference.because("tools", &requirement, because);
        inference.requirements.push(requirement);
    }
}

/// Infers the requirements.
pub(super) fn infer(
    inference: &mut Inference,
    project: &ProjectName,
    wheel: Option<&WheelEvidence>,
    sdist: &SdistEvidence,
) -> Result<(), String> {
    let system = sdist.build_system.as_ref().map_err(Clone::clone)?;
    let is_legacy = !sdist.has_pyproject || system.requires.is_empty();
    let in_tree = !system.backend_path.is_empty();
    for requirement in &system.requires {
        let checked = checked_requirement(requirement).ok_or_else(|| {
            format!(
                "pyproject.toml asks for '{}', which is no project with a version",
                requirement.escape_default()
            )
        })?;
        inference.requirements.push(checked);
    }
    // What cannot be read is passed over here: the build will miss it and say so.
    for requirement in sdist
        .setup_requires
        .iter()
        .filter_map(|text| checked_requirement(text))
    {
        inference.because(
            "tools",
            &requirement,
            "setup_requires of setup.py or setup.cfg lists it",
        );
        inference.requirements.push(requirement);
    }
    if in_tree {
        let asked = match inference.requirements.is_empty() {
            true => "nothing else".to_owned(),
            false => inference.requirements.join(", "),
        };
        inference.because(
            "tools",
            asked,
            "pyproject.toml takes the backend from the source itself (backend-path)",
        );
    }
    let builder = wheel.and_then(|wheel| wheel.builder.as_ref());
    let known = wheel.and_then(named_tool);
    inference.builder = known
        .as_ref()
        .map(|(tool, builder)| (tool.clone(), format!("{tool}=={}", builder.version)));
    match &known {
        _ if in_tree => {}
        Some((tool, _)) if tool == project => inference.because(
            "tools",
            "no version",
            format!("WHEEL names {tool}, which is this project itself"),
        ),
        Some((tool, builder)) => {
            let said = format!(
                "WHEEL says 'Generator: {} {}'",
                builder.name, builder.version
            );
            inference
                .requirements
                .push(format!("{tool}=={}", builder.version));
            inference.because("tools", format!("{tool}=={}", builder.version), &said);
            if builder.name == "bdist_wheel" {
                let before = format!("setuptools<{LAST_WITHOUT_WHEEL}");
                inference.because(
                    "tools",
                    &before,
                    format!("{said}, and later ones build wheels without the project wheel"),
                );
                inference.requirements.push(before);
                if let Some(wheel) = wheel {
                    newest_setuptools(inference, wheel, sdist);
                }
            }
            inference.pinned.insert(tool.clone());
        }
        None => {
            if let Some(builder) = builder {
                let said = format!("'{} {}'", builder.name, builder.version);
                inference.because(
                    "tools",
                    "no version",
                    format!("WHEEL says 'Generator: {said}', which is no builder that is known"),
                );
            }
            if is_legacy {
                inference.requirements.push("wheel".to_owned());
            }
        }
    }
    if is_legacy && !in_tree {
        inference.requirements.push("setuptools".to_owned());
        if known.is_none() {
            let reason = "there is no pyproject.toml that names a backend";
            inference.because("tools", "setuptools and wheel", reason);
        }
    }
    if let Some(wheel) = wheel {
        from_sbom(inference, wheel);
    }
    Ok(())
}

/// Takes the versions of tools that are asked for from an embedded SBOM.
fn from_sbom(inference: &mut Inference, wheel: &WheelEvidence) {
    for tool in &wheel.sbom_tools {
        let Some(checked) = checked_requirement(tool) else {
            continue;
        };
        let Ok(name) = ProjectName::parse(name_of(&checked)) else {
            continue;
        };
        let asked = inference
            .requirements
            .iter()
            .any(|requirement| ProjectName::parse(name_of(requirement)).is_ok_and(|n| n == name));
        if asked && inference.pinned.insert(name) {
            inference.because("tools", &checked, "an SBOM in the wheel lists it");
            inference.requirements.push(checked);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_requirement_names_a_project_and_nothing_else() {
        for text in [
            "setuptools>=61",
            "setuptools_scm[toml] >= 3.4, !=3.5.*",
            "tomli ; python_version < \"3.11\"",
        ] {
            assert_eq!(checked_requirement(text).as_deref(), Some(text));
        }
        for text in [
            "x @ file:///etc/passwd",
            "-r /etc/passwd",
            "--index-url x",
            "x --hash=sha256:00",
            "git+https://x",
            "./x",
            "x\ny",
            "",
        ] {
            assert_eq!(checked_requirement(text), None, "{text}");
        }
    }
}
