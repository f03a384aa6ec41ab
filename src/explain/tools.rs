//! Causes that lie in the version of a build tool: setuptools, wheel, flit_core,
//! hatchling, poetry-core.
//!
//! Which version writes what comes from the table alone. Where WHEEL names the
//! version it is said; where it does not, the features that differ narrow it.

use std::cmp::Ordering;

use pep440_rs::Version;

use super::case::{Case, Item, Piece};
use super::{Cause, Factor};
use crate::backends::{self, Range};
use crate::compare::{Contents, Kind, Sides};
use crate::digest::Sha256Digest;

/// What a generator says: which tool, and which version.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Generator {
    name: String,
    version: Option<String>,
}

impl Generator {
    /// Reads `bdist_wheel (0.36.2)`, `flit 3.9.0`, `poetry-core 1.9.0`.
    fn parse(text: &str) -> Self {
        let (name, rest) = text.split_once(' ').unwrap_or((text, ""));
        let version = rest.trim_matches(['(', ')', ' ']);
        Self {
            name: name.to_owned(),
            version: version.parse::<Version>().ok().map(|_| version.to_owned()),
        }
    }

    /// Returns the project that has this version.
    fn project(&self) -> Option<&'static str> {
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
    fn tools(&self) -> &'static [&'static str] {
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

/// A feature that the table knows, as it was seen.
struct Feature {
    cause: &'static str,
    feature: &'static str,
    values: Sides<String>,
    places: Vec<usize>,
    what: &'static str,
    evidence: String,
}

/// Claims what differs because tools write it differently.
pub(super) fn claim(case: &mut Case<'_>) {
    let generators = case
        .wheels
        .as_ref()
        .map(|wheel| wheel.generator.as_deref().map(Generator::parse));
    let mut features = Vec::new();
    observe(case, &mut features);
    for feature in features {
        claim_feature(case, &generators, feature);
    }
    claim_requirements(case, &generators);
    claim_generator(case, &generators);
}

/// Collects the features of which the pair shows two values.
fn observe(case: &Case<'_>, features: &mut Vec<Feature>) {
    let metadata = |item: &Item<'_>| item.is_described() && item.file() == "METADATA";
    let field = |name: &'static str| {
        case.find(|item| {
            metadata(item)
                && matches!(item.piece, Piece::Field(field) if field.field.eq_ignore_ascii_case(name))
        })
    };
    let mut add = |cause, feature, values: (&str, &str), places: Vec<usize>, what, evidence| {
        let places: Vec<usize> = places
            .into_iter()
            .filter(|place| !case.is_claimed(*place))
            .collect();
        if !places.is_empty() {
            features.push(Feature {
                cause,
                feature,
                values: Sides {
                    published: values.0.to_owned(),
                    rebuilt: values.1.to_owned(),
                },
                places,
                what,
                evidence,
            });
        }
    };
    let presence = |places: &[usize]| {
        case.at(places).find_map(|item| match item.piece {
            Piece::Field(field) if field.published.is_empty() => Some(("absent", "written")),
            Piece::Field(field) if field.rebuilt.is_empty() => Some(("written", "absent")),
            _ => None,
        })
    };
    let shown = |places: &[usize]| {
        let texts = case.at(places).filter_map(|item| match item.piece {
            Piece::Field(field) => {
                Some(field_change(&field.field, &field.published, &field.rebuilt))
            }
            _ => None,
        });
        texts.collect::<Vec<_>>().join("; ")
    };

    let places = field("License-File");
    if let Some(values) = presence(&places) {
        let evidence = shown(&places);
        add(
            "license-file-field",
            "license-file-field",
            values,
            places,
            "write License-File",
            evidence,
        );
    }
    let places = field("Dynamic");
    if let Some(values) = presence(&places) {
        let evidence = shown(&places);
        add(
            "dynamic-fields",
            "dynamic-field",
            values,
            places,
            "write Dynamic",
            evidence,
        );
    }
    let places = field("Name");
    let names = case.at(&places).find_map(|item| match item.piece {
        Piece::Field(field) => Some((&**field.published.first()?, &**field.rebuilt.first()?)),
        _ => None,
    });
    // As the table has them, where one is the other with a hyphen for each underscore.
    let spelled = |name: &str| match name.contains('_') {
        true => "a_probe",
        false => "a-probe",
    };
    if let Some((published, rebuilt)) = names
        && published.replace('_', "-") == rebuilt.replace('_', "-")
    {
        let evidence = shown(&places);
        add(
            "name-spelling",
            "name",
            (spelled(published), spelled(rebuilt)),
            places,
            "write '-' for '_' in Name",
            evidence,
        );
    }
    let mut places: Vec<usize> = field("Platform")
        .into_iter()
        .filter(|place| {
            case.at(&[*place]).any(|item| {
                matches!(item.piece, Piece::Field(field)
                if field.published.iter().chain(&field.rebuilt).all(|value| value == "UNKNOWN"))
            })
        })
        .collect();
    if let Some(values) = presence(&places) {
        let evidence = shown(&places);
        places.extend(case.find(|item| {
            metadata(item)
                && matches!(item.piece, Piece::FinalLineFeeds(ends)
                    if ends.published.max(ends.rebuilt) == 3 && ends.published.min(ends.rebuilt) == 1)
        }));
        add(
            "unknown-platform",
            "platform-unknown",
            values,
            places,
            "write Platform: UNKNOWN",
            evidence,
        );
    } else {
        let places =
            case.find(|item| metadata(item) && matches!(item.piece, Piece::FinalLineFeeds(_)));
        let ends = case.at(&places).find_map(|item| match item.piece {
            Piece::FinalLineFeeds(ends) => Some(ends.map(|count| count.to_string())),
            _ => None,
        });
        if let Some(ends) = ends {
            let evidence = format!(
                "METADATA ends with {} line feeds, the rebuilt one with {}",
                ends.published, ends.rebuilt
            );
            add(
                "unknown-platform",
                "final-newlines",
                (&ends.published, &ends.rebuilt),
                places,
                "end METADATA so",
                evidence,
            );
        }
    }
    let places = field("Metadata-Version");
    let versions = case.at(&places).find_map(|item| match item.piece {
        Piece::Field(field) => Some((
            field.published.first()?.clone(),
            field.rebuilt.first()?.clone(),
        )),
        _ => None,
    });
    if let Some((published, rebuilt)) = versions {
        let evidence = shown(&places);
        add(
            "metadata-version",
            "metadata-version",
            (&published, &rebuilt),
            places,
            "write this Metadata-Version",
            evidence,
        );
    }
    licence_files(case, &mut add);
    for (file, feature) in [("RECORD", "record-mode"), ("WHEEL", "wheel-mode")] {
        let places = case.find(|item| {
            item.is_described()
                && item.file() == file
                && matches!(item.piece, Piece::Whole(Kind::Mode(_)))
        });
        let modes = case.at(&places).find_map(|item| match item.piece {
            Piece::Whole(Kind::Mode(modes)) => Some(modes.map(|mode| mode.to_string())),
            _ => None,
        });
        if let Some(modes) = modes {
            let evidence = format!("mode of {file}: {} → {}", modes.published, modes.rebuilt);
            add(
                "record-mode",
                feature,
                (&modes.published, &modes.rebuilt),
                places,
                "give its own files this mode",
                evidence,
            );
        }
    }
}

/// Licence files that lie in another place, or on one side only.
fn licence_files(
    case: &Case<'_>,
    add: &mut impl FnMut(&'static str, &'static str, (&str, &str), Vec<usize>, &'static str, String),
) {
    let place_of = |item: &Item<'_>| -> Option<&'static str> {
        let (_, below) = item.member.split_once('/')?;
        if !item.is_described() {
            return None;
        }
        if below.starts_with("licenses/") {
            return Some("licenses/");
        }
        const STARTS: [&str; 5] = ["LICEN", "COPYING", "NOTICE", "AUTHORS", "UNLICEN"];
        let upper = below.to_ascii_uppercase();
        (!below.contains('/') && STARTS.iter().any(|start| upper.starts_with(start)))
            .then_some("dist-info")
    };
    let side = |published: bool| {
        case.find(|item| {
            place_of(item).is_some()
                && match item.piece {
                    Piece::Whole(Kind::OnlyPublished(_)) => published,
                    Piece::Whole(Kind::OnlyRebuilt(_)) => !published,
                    _ => false,
                }
        })
    };
    let sides = Sides {
        published: side(true),
        rebuilt: side(false),
    };
    let value = |places: &[usize]| case.at(places).find_map(place_of).unwrap_or("absent");
    let values = (value(&sides.published), value(&sides.rebuilt));
    if values.0 == values.1 && !same_licences(case, &sides) {
        return;
    }
    let names = |places: &[usize]| {
        let names: Vec<&str> = case.at(places).map(|item| item.member.as_str()).collect();
        names.first().copied().unwrap_or("none").to_owned()
    };
    let evidence = format!("{} → {}", names(&sides.published), names(&sides.rebuilt));
    let places = [sides.published, sides.rebuilt].concat();
    add(
        "license-files-moved",
        "license-files-at",
        values,
        places,
        "put licence files there",
        evidence,
    );
}

/// Returns whether the licence files of both sides are the same under other names.
fn same_licences(case: &Case<'_>, sides: &Sides<Vec<usize>>) -> bool {
    let digests = |places: &[usize]| -> Vec<Option<Sha256Digest>> {
        let mut digests: Vec<_> = case
            .at(places)
            .map(|item| match item.piece {
                Piece::Whole(
                    Kind::OnlyPublished(Contents::Read(found))
                    | Kind::OnlyRebuilt(Contents::Read(found)),
                ) => Some(found.sha256),
                _ => None,
            })
            .collect();
        digests.sort();
        digests
    };
    let published = digests(&sides.published);
    !published.is_empty() && !published.contains(&None) && published == digests(&sides.rebuilt)
}

fn claim_feature(case: &mut Case<'_>, generators: &Sides<Option<Generator>>, feature: Feature) {
    let Feature {
        cause,
        feature,
        values,
        places,
        what,
        evidence,
    } = feature;
    let tools = generators
        .as_ref()
        .map(|generator| generator.as_ref().map_or(&[][..], Generator::tools));
    for tool in tools
        .published
        .iter()
        .filter(|tool| tools.rebuilt.contains(tool))
    {
        if values.published == values.rebuilt {
            break;
        }
        let versions = values
            .as_ref()
            .map(|value| backends::that_write(tool, feature, value).collect::<Vec<_>>());
        let (Some(published), Some(rebuilt)) = (versions.published.last(), versions.rebuilt.last())
        else {
            continue;
        };
        // The feature that the newer ones have is the one to speak of.
        let published_is_older = newer(&rebuilt.first, &published.last);
        let (older, newer) = match published_is_older {
            true => (published, versions.rebuilt.first().unwrap_or(rebuilt)),
            false => (rebuilt, versions.published.first().unwrap_or(published)),
        };
        let (old_side, new_side) = match published_is_older {
            true => ("published", "rebuilt"),
            false => ("rebuilt", "published"),
        };
        let known = known_versions(generators, tool);
        let sentence = match feature {
            "license-file-field" | "dynamic-field" => format!(
                "{tool} {} and newer {what}: {new_side} has it; published was built with {tool} {}",
                newer.first,
                span(published)
            ),
            "platform-unknown" | "name" => format!(
                "{tool} {} and older {what}: {old_side} has it; published was built with {tool} {}",
                older.last,
                span(published)
            ),
            _ => format!(
                "{tool} {} gives {}, {tool} {} gives {}: published was built with {tool} {}",
                span(published),
                quoted(&values.published),
                span(rebuilt),
                quoted(&values.rebuilt),
                span(published)
            ),
        };
        let pin = known
            .published
            .clone()
            .unwrap_or_else(|| pin_of(published, rebuilt));
        let exact = known.published.is_some();
        let mut found = Cause::new(
            cause,
            sentence,
            match exact {
                true => format!("pin {tool}=={pin} by hash, as WHEEL names it"),
                false => format!(
                    "pin {tool}=={pin} by hash; versions {} write the same here",
                    span(published)
                ),
            },
        )
        .seen(evidence)
        .tried_by(Factor::Tool {
            name: tool,
            version: pin,
        });
        if cause == "license-file-field" {
            found.evidence.push("RECORD follows".to_owned());
        }
        case.add(found, &places);
        return;
    }
    // Another backend altogether, or one that is not in the table: the generator
    // says it, and these fields go with it.
    let differ = generators.published.as_ref().map(|g| &g.name)
        != generators.rebuilt.as_ref().map(|g| &g.name);
    let unknown = (tools.published.is_empty() || values.published == values.rebuilt)
        && generators.published != generators.rebuilt;
    if differ || unknown {
        case.add(backend_cause(generators, cause).seen(evidence), &places);
    }
}

fn backend_cause(generators: &Sides<Option<Generator>>, cause: &'static str) -> Cause {
    let name = |generator: &Option<Generator>| match generator {
        Some(Generator {
            name,
            version: Some(version),
        }) => format!("{name} {version}"),
        Some(Generator {
            name,
            version: None,
        }) => name.clone(),
        None => "a tool that gives no name".to_owned(),
    };
    let names = generators.as_ref().map(name);
    let published = generators.published.as_ref();
    let project = published.and_then(Generator::project);
    let version = published.and_then(|generator| generator.version.clone());
    let advice = match (project, &version) {
        (Some(project), Some(version)) => format!("pin {project}=={version} by hash"),
        _ => format!("build with {}", names.published),
    };
    let mut found = Cause::new(
        cause,
        format!(
            "published was built by {}, rebuilt by {}",
            names.published, names.rebuilt
        ),
        advice,
    );
    if let (Some(name), Some(version)) = (project, version) {
        found.factor = Some(Factor::Tool { name, version });
    }
    found
}

/// The versions that WHEEL names for a tool.
fn known_versions(generators: &Sides<Option<Generator>>, tool: &str) -> Sides<Option<String>> {
    generators.as_ref().map(|generator| {
        let generator = generator
            .as_ref()
            .filter(|generator| generator.project() == Some(tool))?;
        generator.version.clone()
    })
}

/// Requirements that mean the same and are written another way.
fn claim_requirements(case: &mut Case<'_>, generators: &Sides<Option<Generator>>) {
    let places = case.find(|item| {
        matches!(item.piece, Piece::Field(field)
            if ["Requires-Dist", "Provides-Extra"].iter().any(|name| field.field.eq_ignore_ascii_case(name))
                && same_requirements(&field.published, &field.rebuilt))
    });
    let example = case.at(&places).find_map(|item| match item.piece {
        Piece::Field(field) => Some((
            field.published.first()?.clone(),
            field.rebuilt.first()?.clone(),
        )),
        _ => None,
    });
    let Some((published, rebuilt)) = example else {
        return;
    };
    // The spelling before and behind the name is what the table has.
    let form = |text: &str| -> Option<&'static str> {
        let bare = text.split(';').next()?.trim();
        Some(match (bare.contains('('), bare.contains(' ')) {
            (true, _) => "foo (>=1.0)",
            (false, true) => "foo >=1.0",
            (false, false) if bare.contains(['<', '>', '=', '!', '~']) => "foo>=1.0",
            _ => return None,
        })
    };
    let tools = generators
        .as_ref()
        .map(|generator| generator.as_ref().map_or(&[][..], Generator::tools));
    let evidence = format!("Requires-Dist: {published} → {rebuilt}");
    if let (Some(published), Some(rebuilt)) = (form(&published), form(&rebuilt))
        && published != rebuilt
    {
        // Where both could have written it, it is the wheel project that did.
        for tool in tools
            .published
            .iter()
            .rev()
            .filter(|tool| tools.rebuilt.contains(tool))
        {
            let one =
                backends::that_write(tool, "requirement-spelling", published).next_back_range();
            let other =
                backends::that_write(tool, "requirement-spelling", rebuilt).next_back_range();
            if let (Some(one), Some(other)) = (one, other) {
                let known = known_versions(generators, tool).published;
                let pin = known.unwrap_or_else(|| pin_of(one, other));
                case.add(
                    Cause::new(
                        "requirement-spelling",
                        format!(
                            "{tool} {} spells requirements as {}, {tool} {} as {}",
                            span(one),
                            quoted(published),
                            span(other),
                            quoted(rebuilt)
                        ),
                        format!("pin {tool}=={pin} by hash"),
                    )
                    .seen(evidence)
                    .tried_by(Factor::Tool {
                        name: tool,
                        version: pin,
                    }),
                    &places,
                );
                return;
            }
        }
    }
    case.add(
        backend_cause(generators, "requirement-spelling").seen(evidence),
        &places,
    );
}

/// Returns the last of a few ranges.
trait NextBackRange {
    fn next_back_range(self) -> Option<&'static Range>;
}

impl<I: Iterator<Item = &'static Range>> NextBackRange for I {
    fn next_back_range(self) -> Option<&'static Range> {
        self.last()
    }
}

/// Returns whether two lists of requirements mean the same: spaces, brackets,
/// quotes, case and order do not count.
fn same_requirements(published: &[String], rebuilt: &[String]) -> bool {
    let normal = |values: &[String]| {
        let mut values: Vec<String> = values
            .iter()
            .map(|value| normal_requirement(value))
            .collect();
        values.sort();
        values
    };
    normal(published) == normal(rebuilt)
}

fn normal_requirement(text: &str) -> String {
    let (bare, marker) = text.split_once(';').unwrap_or((text, ""));
    let tight = |text: &str| -> String {
        let kept = text
            .chars()
            .filter(|c| !c.is_whitespace() && !matches!(c, '(' | ')'));
        kept.map(|c| if c == '"' { '\'' } else { c }).collect()
    };
    let bare = tight(bare).to_ascii_lowercase().replace(['_', '.'], "-");
    let at = bare
        .find(['<', '>', '=', '!', '~', '@'])
        .unwrap_or(bare.len());
    let (name, specifiers) = bare.split_at_checked(at).unwrap_or((&bare, ""));
    let mut specifiers: Vec<&str> = specifiers.split(',').collect();
    specifiers.sort_unstable();
    format!("{name}{};{}", specifiers.join(","), tight(marker))
}

/// The name of the tool in WHEEL, and what another tool arranges in its own way.
fn claim_generator(case: &mut Case<'_>, generators: &Sides<Option<Generator>>) {
    let mut places = case.find(|item| {
        item.is_described()
            && item.file() == "WHEEL"
            && matches!(item.piece, Piece::Field(field) if field.field.eq_ignore_ascii_case("Generator"))
    });
    if places.is_empty() {
        return;
    }
    let another = generators.published.as_ref().map(|g| &g.name)
        != generators.rebuilt.as_ref().map(|g| &g.name);
    places.extend(case.find(|item| {
        item.is_described()
            && ["METADATA", "WHEEL"].contains(&item.file())
            && match item.piece {
                Piece::FieldOrder | Piece::FinalLineFeeds(_) => true,
                // Fields that backends spell and fill in by themselves.
                Piece::Field(field) => {
                    another
                        && [
                            "Home-page",
                            "Project-URL",
                            "Author",
                            "Author-email",
                            "Maintainer",
                            "Maintainer-email",
                            "License",
                            "License-Expression",
                            "Keywords",
                            "Platform",
                            "Description-Content-Type",
                            "Provides-Extra",
                            "Wheel-Version",
                            "Dynamic",
                            "License-File",
                            "Root-Is-Purelib",
                        ]
                        .iter()
                        .any(|name| field.field.eq_ignore_ascii_case(name))
                }
                _ => false,
            }
    }));
    // wheel names an extra twice where requirements belong to it, or once.
    places.extend(case.find(|item| {
        matches!(item.piece, Piece::Field(field)
            if field.field == "Provides-Extra"
                && (field.published.is_empty() || field.rebuilt.is_empty()))
    }));
    // poetry-core lists the versions of Python that it knows itself.
    let of_poetry = |generator: &Option<Generator>| {
        generator.as_ref().and_then(Generator::project) == Some("poetry-core")
    };
    if of_poetry(&generators.published) && of_poetry(&generators.rebuilt) {
        places.extend(case.find(|item| {
            matches!(item.piece, Piece::Field(field)
                if field.field == "Classifier"
                    && field.published.iter().chain(&field.rebuilt)
                        .all(|value| value.starts_with("Programming Language :: Python :: 3.")))
        }));
    }
    // Files that only one of the tools writes.
    places.extend(case.find(|item| {
        let is_generated = [
            "top_level.txt",
            "zip-safe",
            "metadata.json",
            "dependency_links.txt",
        ]
        .contains(&item.file());
        item.is_described()
            && is_generated
            && matches!(
                item.piece,
                Piece::Whole(Kind::OnlyPublished(_) | Kind::OnlyRebuilt(_))
            )
    }));
    let evidence = case.at(&places).find_map(|item| match item.piece {
        Piece::Field(field) => Some(field_change(&field.field, &field.published, &field.rebuilt)),
        _ => None,
    });
    let cause = backend_cause(generators, "backend-version").seen(evidence.unwrap_or_default());
    case.add(cause, &places);
}

fn newer(left: &str, right: &str) -> bool {
    compare(left, right) == Ordering::Greater
}

fn compare(left: &str, right: &str) -> Ordering {
    match (left.parse::<Version>(), right.parse::<Version>()) {
        (Ok(left), Ok(right)) => left.cmp(&right),
        _ => left.cmp(right),
    }
}

/// Returns the version nearest to the other side: one release makes the
/// difference, and nothing else changes with it.
fn pin_of(published: &Range, rebuilt: &Range) -> String {
    match newer(&published.first, &rebuilt.last) {
        true => published.first.clone(),
        false => published.last.clone(),
    }
}

fn span(range: &Range) -> String {
    match range.first == range.last {
        true => range.first.clone(),
        false => format!("{} to {}", range.first, range.last),
    }
}

fn quoted(text: &str) -> String {
    format!("'{text}'")
}

/// Writes a changed field with signs as `diff` has them.
fn field_change(name: &str, published: &[String], rebuilt: &[String]) -> String {
    let lines = published
        .iter()
        .map(|value| format!("-{name}: {value}"))
        .chain(rebuilt.iter().map(|value| format!("+{name}: {value}")));
    lines.take(4).collect::<Vec<_>>().join(", ")
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

    #[test]
    fn requirements_that_mean_the_same_are_told_from_others() {
        let same = |a: &str, b: &str| same_requirements(&[a.to_owned()], &[b.to_owned()]);
        assert!(same("foo (>=1)", "foo>=1"));
        assert!(same(
            "foo (<3,>=2) ; extra == 'test'",
            "foo>=2,<3; extra == \"test\""
        ));
        assert!(!same("foo (>=1)", "foo>=2"));
        assert!(!same("foo>=1", "evil>=1"));
        assert!(!same("foo; extra == 'a'", "foo"));
    }
}
