//! Sets of tools that write different bytes, the likely ones first.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr as _;

use pep440_rs::{Version, VersionSpecifiers};

use crate::backends::{Release, releases};
use crate::evidence::SdistEvidence;
use crate::evidence::WheelEvidence;
use crate::filename::ProjectName;
use crate::infer::builder_project;
use crate::infer::checked_requirement;
use crate::infer::name_of;
use crate::time::UtcTime;

/// How far back before the sdist's own time tools are looked for, in seconds: who
/// pins tools may pin old ones.
const OLD_TOOLS: i64 = 3 * 365 * 86_400;

/// How many sets are tried at most.
const MOST: usize = 400;

/// Tools to try.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ToolSet {
    /// Tools of the table, each in one version, by name.
    pub pins: BTreeMap<ProjectName, Version>,
    /// What else is asked for, as requirements.
    pub others: Vec<String>,
}

impl ToolSet {
    /// Returns all of it as requirements.
    pub fn requirements(&self) -> Vec<String> {
        let pins = self.pins.iter();
        pins.map(|(project, version)| format!("{project}=={version}"))
            .chain(self.others.iter().cloned())
            .collect()
    }

    /// Returns the releases of the pinned tools, when that is all it takes: nothing
    /// else is asked for, and they need no tools themselves.
    pub fn complete(&self) -> Option<Vec<&'static Release>> {
        if !self.others.is_empty() {
            return None;
        }
        let alone = |project: &ProjectName, version: &Version| match project.as_str() {
            // Later ones need the project packaging.
            "wheel" => Version::from_str("0.46").is_ok_and(|first| *version < first),
            "setuptools" => true,
            _ => false,
        };
        self.pins
            .iter()
            .map(|(project, version)| {
                let known = releases(project).iter();
                let mut of_version = known.filter(|release| release.version == *version);
                of_version.next().filter(|_| alone(project, version))
            })
            .collect()
    }

    /// Returns the set with the versions of another where that has the same tools
    /// and what is asked for allows them.
    pub fn with_versions_of(&self, other: &Self, sdist: &SdistEvidence) -> Option<Self> {
        let asked = Asked::of(sdist).ok()?;
        let mut pins = BTreeMap::new();
        for project in self.pins.keys() {
            let version = other.pins.get(project)?;
            if !asked.allows(project, version) {
                return None;
            }
            pins.insert(project.clone(), version.clone());
        }
        Some(Self {
            pins,
            others: self.others.clone(),
        })
    }
}

/// What a source asks for.
struct Asked {
    /// Tools of the table, with what their versions have to be.
    tools: BTreeMap<ProjectName, Vec<VersionSpecifiers>>,
    others: Vec<String>,
}

impl Asked {
    fn of(sdist: &SdistEvidence) -> Result<Self, String> {
        let system = sdist.build_system.as_ref().map_err(Clone::clone)?;
        let mut asked = Self {
            tools: BTreeMap::new(),
            others: Vec::new(),
        };
        for requirement in system.requires.iter().chain(&sdist.setup_requires) {
            let Some(checked) = checked_requirement(requirement) else {
                return Err(format!(
                    "the source asks for '{}', which is no project with a version",
                    requirement.escape_default()
                ));
            };
            asked.add(&checked);
        }
        if system.backend_path.is_empty() && (!sdist.has_pyproject || system.requires.is_empty()) {
            asked.add("setuptools");
        }
        if asked.tools.keys().any(|name| name.as_str() == "setuptools") {
            asked.add("wheel");
        }
        Ok(asked)
    }

    fn add(&mut self, requirement: &str) {
        let name = name_of(requirement);
        let rest = requirement.get(name.len()..).unwrap_or_default();
        let known = ProjectName::parse(name)
            .ok()
            .filter(|name| !releases(name).is_empty() && !rest.contains(['[', ';']));
        let specifiers = VersionSpecifiers::from_str(rest.trim().trim_matches(['(', ')']));
        match (known, specifiers) {
            (Some(name), Ok(specifiers)) => self.tools.entry(name).or_default().push(specifiers),
            _ => self.others.push(requirement.to_owned()),
        }
    }

    fn allows(&self, project: &ProjectName, version: &Version) -> bool {
        self.tools
            .get(project)
            .is_none_or(|all| all.iter().all(|specifiers| specifiers.contains(version)))
    }

    /// Returns the newest allowed release of a tool at a time.
    fn newest(&self, project: &ProjectName, at: UtcTime) -> Option<&'static Release> {
        releases(project)
            .iter()
            .filter(|release| release.released <= at && self.allows(project, &release.version))
            .max_by(|one, other| one.version.cmp(&other.version))
    }
}

/// Returns the sets of tools to try for a wheel that was built before `latest`.
/// Those that were the newest at one time come first, from `latest` back to the
/// sdist's own time; then all that are between; then older ones.
///
/// # Errors
///
/// A sentence about why the sdist does not say how it is built.
pub fn tool_sets(
    sdist: &SdistEvidence,
    wheel: Option<&WheelEvidence>,
    latest: UtcTime,
) -> Result<Vec<ToolSet>, String> {
    let asked = Asked::of(sdist)?;
    let known = wheel
        .and_then(|wheel| wheel.builder.as_ref())
        .and_then(|builder| {
            let project = ProjectName::parse(builder_project(&builder.name)?).ok()?;
            Some((project, Version::from_str(&builder.version).ok()?))
        });
    let latest_seconds = latest.unix_seconds();
    let earliest = sdist
        .newest()
        .filter(|seconds| *seconds > 0 && *seconds < latest_seconds)
        .unwrap_or(latest_seconds);

    let mut days: Vec<UtcTime> = asked
        .tools
        .keys()
        .flat_map(|project| releases(project))
        .map(|release| release.released)
        .filter(|released| *released <= latest && released.unix_seconds() >= earliest - OLD_TOOLS)
        .collect();
    days.push(latest);
    days.sort();
    days.dedup();
    days.reverse();

    let mut found = Found {
        sets: Vec::new(),
        classes: BTreeSet::new(),
        others: asked.others.clone(),
        known,
    };
    let at = |day: UtcTime| -> Vec<&'static Release> {
        let tools = asked.tools.keys();
        tools.filter_map(|tool| asked.newest(tool, day)).collect()
    };
    let recent = days
        .iter()
        .filter(|day| day.unix_seconds() >= earliest)
        .chain(days.iter().find(|day| day.unix_seconds() < earliest));
    for day in recent.clone() {
        found.add(&at(*day));
    }
    // Tools that were never the newest at the same time.
    for one in recent.clone() {
        for other in recent.clone() {
            let mut mixed = at(*one);
            for release in &mut mixed {
                if release.project.as_str() == "setuptools"
                    && let Some(older) = asked.newest(&release.project, *other)
                {
                    *release = older;
                }
            }
            found.add(&mixed);
        }
    }
    for day in &days {
        found.add(&at(*day));
    }
    Ok(found.sets)
}

/// Sets in their order, no two of which write the same bytes.
struct Found {
    sets: Vec<ToolSet>,
    classes: BTreeSet<Vec<u32>>,
    others: Vec<String>,
    /// The tool whose version WHEEL names.
    known: Option<(ProjectName, Version)>,
}

impl Found {
    fn add(&mut self, releases: &[&'static Release]) {
        let known = |release: &Release| match &self.known {
            Some((project, version)) if *project == release.project => Some(version.clone()),
            _ => None,
        };
        let classes: Vec<u32> = releases
            .iter()
            .map(|release| known(release).map_or(release.class, |_| 0))
            .collect();
        let pins = releases
            .iter()
            .map(|release| {
                let version = known(release).unwrap_or_else(|| release.version.clone());
                (release.project.clone(), version)
            })
            .collect();
        if self.sets.len() < MOST && self.classes.insert(classes) {
            self.sets.push(ToolSet {
                pins,
                others: self.others.clone(),
            });
        }
    }
}
