//! Which tools: `Generator:` names one, `pyproject.toml` the others.

use super::Inference;
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

fn name_of(requirement: &str) -> &str {
    let end = requirement
        .find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)))
        .unwrap_or(requirement.len());
    requirement.get(..end).unwrap_or_default()
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
    let known = builder.and_then(|builder| {
        let name = builder_project(&builder.name)?;
        Some((ProjectName::parse(name).ok()?, builder))
    });
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
