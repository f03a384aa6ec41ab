//! The tool that a wheel names as its writer.

use pep440_rs::Version;

/// What a generator says: which tool, and which version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Generator {
    pub(super) name: String,
    pub(super) version: Option<String>,
}

impl Generator {
    /// Reads `bdist_wheel (0.36.2)`, `flit 3.9.0`, `poetry-core 1.9.0`.
    pub(super) fn parse(text: &str) -> Self {
        let (name, rest) = text.split_once(' ').unwrap_or((text, ""));
        let version = rest.trim_matches(['(', ')', ' ']);
        Self {
            name: name.to_owned(),
            version: version.parse::<Version>().ok().map(|_| version.to_owned()),
        }
    }

    /// Returns the project that has this version.
    pub(super) fn project(&self) -> Option<&'static str> {
        Some(match self.name.as_str() {
            "bdist_wheel" => "wheel",
            "setuptools" => "setuptools",
            "flit" | "flit_core" => "flit_core",
            "hatchling" => "hatchling",
            "poetry-core" | "poetry" => "poetry-core",
            _ => return None,
        })
    }

    /// Returns the tools that may have written the metadata. `bdist_wheel` is of
    /// the wheel project, and before 70.1 setuptools worked beside it.
    pub(super) fn tools(&self) -> &'static [&'static str] {
        match self.project() {
            Some("wheel") => &["setuptools", "wheel"],
            Some("setuptools") => &["setuptools"],
            Some("flit_core") => &["flit_core"],
            Some("hatchling") => &["hatchling"],
            Some("poetry-core") => &["poetry-core"],
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generator_names_its_project_and_version() {
        for (text, project, version) in [
            ("bdist_wheel (0.36.2)", Some("wheel"), Some("0.36.2")),
            ("setuptools (75.8.0)", Some("setuptools"), Some("75.8.0")),
            ("flit 3.9.0", Some("flit_core"), Some("3.9.0")),
            ("poetry-core 1.9.0", Some("poetry-core"), Some("1.9.0")),
            ("maturin (1.4.0)", None, Some("1.4.0")),
            ("x", None, None),
        ] {
            let generator = Generator::parse(text);
            assert_eq!(generator.project(), project, "{text}");
            assert_eq!(generator.version.as_deref(), version, "{text}");
        }
    }
}
