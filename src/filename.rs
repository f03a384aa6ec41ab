//! Names of projects, wheels and sdists.
//!
//! In: a file name from a manifest or a directory. Out: [`WheelFilename`],
//! [`SdistFilename`] and [`ProjectName`], parsed once and handed on. A name is a
//! claim by whoever chose it; whether the contents agree is checked elsewhere.

use std::fmt;

use pep440_rs::Version;
use serde::{Serialize, Serializer};

/// A project name in the normalised form: lower case, runs of `-`, `_` and `.`
/// as a single `-` (Python packaging, "Names and normalization").
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectName(String);

/// Why a file name is not the name of a wheel or an sdist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilenameError {
    /// The name does not end as this kind of file does.
    #[error("the name does not end in {0}")]
    Ending(&'static str),
    /// A wheel name has five or six parts between hyphens.
    #[error("a wheel name has five or six parts between hyphens, this has {0}")]
    Parts(usize),
    /// A project name starts and ends with a letter or digit and holds only
    /// letters, digits, `-`, `_` and `.`.
    #[error("'{}' is not a project name", .0.escape_default())]
    Project(String),
    /// The version does not follow the version specifiers specification.
    #[error("'{}' is not a version", .0.escape_default())]
    Version(String),
    /// A build tag starts with a digit and holds letters, digits, `_`, `+`, `.`.
    #[error("'{}' is not a build tag, which starts with a digit", .0.escape_default())]
    BuildTag(String),
    /// A compatibility tag is empty or holds a character that tags never have.
    #[error("'{}' is not a compatibility tag", .0.escape_default())]
    Tag(String),
}

impl ProjectName {
    /// Checks a name and normalises it.
    ///
    /// # Errors
    ///
    /// [`FilenameError::Project`] when it is not a project name.
    pub fn parse(name: &str) -> Result<Self, FilenameError> {
        let refuse = || FilenameError::Project(name.to_owned());
        let ends_well = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        if !ends_well(name.chars().next()) || !ends_well(name.chars().next_back()) {
            return Err(refuse());
        }
        let mut normalised = String::with_capacity(name.len());
        for character in name.chars() {
            match character {
                '-' | '_' | '.' => {
                    if !normalised.ends_with('-') {
                        normalised.push('-');
                    }
                }
                c if c.is_ascii_alphanumeric() => normalised.push(c.to_ascii_lowercase()),
                _ => return Err(refuse()),
            }
        }
        Ok(Self(normalised))
    }

    /// Returns whether a text is this name, in any spelling.
    pub fn is_spelled(&self, text: &str) -> bool {
        Self::parse(text).is_ok_and(|name| name == *self)
    }

    /// Returns the normalised name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProjectName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for ProjectName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ProjectName({})", self.0)
    }
}

impl Serialize for ProjectName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// The parts of a wheel's file name (binary distribution format, "File name
/// convention").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WheelFilename {
    distribution: String,
    version_text: String,
    project: ProjectName,
    version: Version,
    build_tag: Option<String>,
    python_tags: Vec<String>,
    abi_tags: Vec<String>,
    platform_tags: Vec<String>,
}

impl WheelFilename {
    /// Reads a file name without directories.
    ///
    /// # Errors
    ///
    /// The first part that breaks the convention.
    pub fn parse(name: &str) -> Result<Self, FilenameError> {
        let stem = name
            .strip_suffix(".whl")
            .ok_or(FilenameError::Ending(".whl"))?;
        let parts: Vec<&str> = stem.split('-').collect();
        let (distribution, version_text, build_tag, python, abi, platform) = match parts.as_slice()
        {
            [name, version, python, abi, platform] => {
                (*name, *version, None, *python, *abi, *platform)
            }
            [name, version, build, python, abi, platform] => {
                (*name, *version, Some(*build), *python, *abi, *platform)
            }
            other => return Err(FilenameError::Parts(other.len())),
        };
        if let Some(build) = build_tag
            // PyQt5-5.10-5.10.0-…: a build tag may hold dots, unlike the others.
            && (!build.starts_with(|c: char| c.is_ascii_digit()) || !build.split('.').all(is_tag))
        {
            return Err(FilenameError::BuildTag(build.to_owned()));
        }
        Ok(Self {
            project: ProjectName::parse(distribution)?,
            version: parse_version(version_text)?,
            distribution: distribution.to_owned(),
            version_text: version_text.to_owned(),
            build_tag: build_tag.map(str::to_owned),
            python_tags: parse_tags(python)?,
            abi_tags: parse_tags(abi)?,
            platform_tags: parse_tags(platform)?,
        })
    }

    /// Returns the project, normalised.
    pub fn project(&self) -> &ProjectName {
        &self.project
    }

    /// Returns the version.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// Returns the version as it is written in the name.
    pub fn version_text(&self) -> &str {
        &self.version_text
    }

    /// Returns the build tag, the part some names have after the version.
    pub fn build_tag(&self) -> Option<&str> {
        self.build_tag.as_deref()
    }

    /// Returns the Python tags, `py2` and `py3` of `py2.py3`.
    pub fn python_tags(&self) -> &[String] {
        &self.python_tags
    }

    /// Returns the ABI tags.
    pub fn abi_tags(&self) -> &[String] {
        &self.abi_tags
    }

    /// Returns the platform tags.
    pub fn platform_tags(&self) -> &[String] {
        &self.platform_tags
    }

    /// Returns whether the name promises a wheel without compiled code: any
    /// ABI and any platform.
    pub fn is_pure(&self) -> bool {
        self.abi_tags == ["none"] && self.platform_tags == ["any"]
    }
}

impl fmt::Display for WheelFilename {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.distribution, self.version_text)?;
        if let Some(build) = &self.build_tag {
            write!(formatter, "-{build}")?;
        }
        write!(
            formatter,
            "-{}-{}-{}.whl",
            self.python_tags.join("."),
            self.abi_tags.join("."),
            self.platform_tags.join(".")
        )
    }
}

/// The archive format of an sdist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SdistFormat {
    /// A gzip-compressed tar archive, the format of the standard.
    TarGz,
    /// A ZIP archive, which older projects published.
    Zip,
}

impl SdistFormat {
    /// Returns the ending of the file name.
    pub fn ending(self) -> &'static str {
        match self {
            Self::TarGz => ".tar.gz",
            Self::Zip => ".zip",
        }
    }
}

/// The parts of an sdist's file name (source distribution format, "Source
/// distribution file name"; older names with hyphens in the project are read
/// too).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SdistFilename {
    stem: String,
    project: ProjectName,
    version: Version,
    format: SdistFormat,
}

impl SdistFilename {
    /// Reads a file name without directories.
    ///
    /// # Errors
    ///
    /// The first part that breaks the convention.
    pub fn parse(name: &str) -> Result<Self, FilenameError> {
        let (stem, format) = [SdistFormat::TarGz, SdistFormat::Zip]
            .into_iter()
            .find_map(|format| Some((name.strip_suffix(format.ending())?, format)))
            .ok_or(FilenameError::Ending(".tar.gz or .zip"))?;
        // The version is what follows the last hyphen: versions have none in
        // the normalised form, projects of before that rule do.
        let (project, version) = stem
            .rsplit_once('-')
            .ok_or_else(|| FilenameError::Version(String::new()))?;
        Ok(Self {
            project: ProjectName::parse(project)?,
            version: parse_version(version)?,
            stem: stem.to_owned(),
            format,
        })
    }

    /// Returns the project, normalised.
    pub fn project(&self) -> &ProjectName {
        &self.project
    }

    /// Returns the version.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// Returns the archive format.
    pub fn format(&self) -> SdistFormat {
        self.format
    }

    /// Returns the name without its ending: `NAME-VERSION`, which is also how
    /// the one directory inside is called.
    pub fn stem(&self) -> &str {
        &self.stem
    }
}

impl fmt::Display for SdistFilename {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.stem, self.format.ending())
    }
}

/// Returns whether a text is this version, in any spelling that the version
/// specifiers specification takes for the same.
pub fn is_version(text: &str, version: &Version) -> bool {
    text.parse::<Version>().is_ok_and(|other| other == *version)
}

fn parse_version(text: &str) -> Result<Version, FilenameError> {
    // Wheel names write `_` for the `-` of a local version.
    text.replace('_', "-")
        .parse()
        .map_err(|_| FilenameError::Version(text.to_owned()))
}

fn parse_tags(text: &str) -> Result<Vec<String>, FilenameError> {
    text.split('.')
        .map(|tag| {
            if is_tag(tag) {
                Ok(tag.to_owned())
            } else {
                Err(FilenameError::Tag(tag.to_owned()))
            }
        })
        .collect()
}

fn is_tag(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '+')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_with_other_spelling_are_the_same_project() {
        // The example of the specification.
        for name in [
            "friendly-bard",
            "Friendly-Bard",
            "FRIENDLY-BARD",
            "friendly.bard",
            "friendly_bard",
            "friendly--bard",
            "FrIeNdLy-._.-bArD",
        ] {
            assert_eq!(
                ProjectName::parse(name).expect("a name").as_str(),
                "friendly-bard"
            );
        }
    }

    #[test]
    fn a_wheel_name_falls_into_its_parts() {
        let name =
            WheelFilename::parse("MarkupSafe-1.1.1-cp37-cp37m-linux_x86_64.whl").expect("a wheel");
        assert_eq!(name.project().as_str(), "markupsafe");
        assert_eq!(name.version().to_string(), "1.1.1");
        assert_eq!(name.python_tags(), ["cp37"]);
        assert!(!name.is_pure());
        let name = WheelFilename::parse("six-1.16.0-1local-py2.py3-none-any.whl").expect("a wheel");
        assert_eq!(name.build_tag(), Some("1local"));
        assert_eq!(name.python_tags(), ["py2", "py3"]);
        assert!(name.is_pure());
    }

    #[test]
    fn a_broken_wheel_name_says_which_part() {
        use FilenameError as E;
        for (name, error) in [
            ("six.zip", E::Ending(".whl")),
            ("six-1.0.whl", E::Parts(2)),
            ("-1.0-py3-none-any.whl", E::Project(String::new())),
            ("six-one-py3-none-any.whl", E::Version("one".to_owned())),
            ("six-1.0-x1-py3-none-any.whl", E::BuildTag("x1".to_owned())),
            ("six-1.0-1.-py3-none-any.whl", E::BuildTag("1.".to_owned())),
            ("six-1.0-py3--any.whl", E::Tag(String::new())),
        ] {
            assert_eq!(WheelFilename::parse(name), Err(error), "{name}");
        }
    }

    #[test]
    fn an_sdist_with_hyphens_in_its_name_is_read() {
        let name = SdistFilename::parse("securedrop-sdk-0.0.12.tar.gz").expect("an sdist");
        assert_eq!(name.project().as_str(), "securedrop-sdk");
        assert_eq!(name.version().to_string(), "0.0.12");
        assert_eq!(name.stem(), "securedrop-sdk-0.0.12");
    }

    #[test]
    fn other_archives_are_not_sdists() {
        for name in ["six-1.0.tar.bz2", "six.tar.gz", "six-x.tar.gz", "README.md"] {
            assert!(SdistFilename::parse(name).is_err(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn a_wheel_name_is_written_as_it_was_read(
            name in "[A-Za-z0-9]([A-Za-z0-9_.]{0,8}[A-Za-z0-9])?",
            version in "[0-9]{1,3}(\\.[0-9]{1,3}){0,3}((a|b|rc)[0-9])?(\\+[a-z0-9]{1,4})?",
            build in "(-[0-9][a-z0-9_]{0,3}(\\.[0-9])?)?",
            tags in "(py2\\.py3|cp311|py3)-(none|abi3|cp37m)-(any|linux_x86_64|manylinux1_x86_64\\.manylinux_2_5_x86_64)",
        ) {
            let text = format!("{name}-{version}{build}-{tags}.whl");
            let parsed = WheelFilename::parse(&text);
            prop_assert_eq!(parsed.expect("a wheel name").to_string(), text);
        }

        #[test]
        fn no_text_makes_the_parsers_panic(text in ".{0,40}") {
            let _ = WheelFilename::parse(&text);
            let _ = WheelFilename::parse(&format!("{text}.whl"));
            let _ = SdistFilename::parse(&format!("{text}.tar.gz"));
        }
    }
}
