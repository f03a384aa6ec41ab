//! Causes that lie in the version of a build tool: setuptools, wheel, flit_core,
//! hatchling, poetry-core.
//!
//! Which version writes what comes from the table alone. Where WHEEL names the
//! version it is said; where it does not, the features that differ narrow it.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use pep440_rs::Version;

use super::case::{Case, Item, Piece};
use super::derive::{self, Derivation, Known, Side, Target, Value};
use super::generator::Generator;
use super::spelling;
use super::versions;
use super::{Cause, CauseKind, Factor, Family};
use crate::backends::{self, Range};
use crate::compare::{Contents, Kind, Sides};
use crate::digest::Sha256Digest;
use crate::filename::ProjectName;

/// The tools of setuptools and others write `License-File` or do not.
pub(super) static LICENSE_FILE_FIELD: CauseKind = CauseKind {
    name: "license-file-field",
    title: "another version of the tool writes License-File",
    advice: "pin the tool by hash",
    family: Family::Tools,
    derivations: &[Derivation::Yields(licence_field)],
};

pub(super) static LICENSE_FILES_MOVED: CauseKind = CauseKind {
    name: "license-files-moved",
    title: "another version of the tool puts licence files elsewhere",
    advice: "pin the tool by hash",
    family: Family::Tools,
    derivations: &[Derivation::Yields(licence_file)],
};

pub(super) static DYNAMIC_FIELDS: CauseKind = CauseKind {
    name: "dynamic-fields",
    title: "another version of the tool writes Dynamic",
    advice: "pin the tool by hash",
    family: Family::Tools,
    derivations: &[Derivation::Yields(dynamic)],
};

pub(super) static METADATA_VERSION: CauseKind = CauseKind {
    name: "metadata-version",
    title: "another version of the tool writes another Metadata-Version",
    advice: "pin the tool by hash",
    family: Family::Tools,
    derivations: &[Derivation::Yields(metadata_version)],
};

pub(super) static UNKNOWN_PLATFORM: CauseKind = CauseKind {
    name: "unknown-platform",
    title: "an old version of the tool writes Platform: UNKNOWN and more line feeds",
    advice: "pin the tool by hash",
    family: Family::Tools,
    derivations: &[Derivation::Yields(unknown_platform)],
};

pub(super) static NAME_SPELLING: CauseKind = CauseKind {
    name: "name-spelling",
    title: "an old version of the tool spells Name with hyphens",
    advice: "pin the tool by hash",
    family: Family::Tools,
    derivations: &[Derivation::Yields(name_spelling)],
};

pub(super) static REQUIREMENT_SPELLING: CauseKind = CauseKind {
    name: "requirement-spelling",
    title: "another version of the tool spells requirements in another way",
    advice: "pin the tool by hash",
    family: Family::Tools,
    derivations: &[Derivation::Same(requirements)],
};

pub(super) static BACKEND_VERSION: CauseKind = CauseKind {
    name: "backend-version",
    title: "another tool, or another version of it, wrote the wheel",
    advice: "pin the tool that Generator names by hash",
    family: Family::Tools,
    derivations: &[
        Derivation::Yields(generator),
        Derivation::Yields(written_by_tools),
    ],
};

pub(super) static RECORD_MODE: CauseKind = CauseKind {
    name: "record-mode",
    title: "another version of the tool gives its own files another mode",
    advice: "pin the tool by hash",
    family: Family::Tools,
    derivations: &[Derivation::Yields(own_mode)],
};

/// Returns a list of values as a piece has it.
fn values(values: impl IntoIterator<Item = String>) -> Value {
    let mut values: Vec<String> = values.into_iter().collect();
    values.sort();
    Value::Values(values)
}

/// `License-File` names the licence files of the wheel, where the tool writes it.
fn licence_field(known: &Known<'_>, target: &Target<'_>, _: &Value) -> Vec<Value> {
    if !target.is_field("License-File") {
        return Vec::new();
    }
    let common: Vec<&str> = target
        .side
        .other()
        .of(known.wheels)
        .all("License-File")
        .collect();
    let names = derive::licence_names(target.side.of(known.wheels));
    let own = values(
        names
            .into_iter()
            .filter(|name| !common.contains(&name.as_str())),
    );
    let written = known.writes(target.side, "license-file-field");
    written
        .into_iter()
        .map(|written| match written {
            "written" => own.clone(),
            _ => values([]),
        })
        .collect()
}

/// A licence file has the bytes of one of this name in the other wheel or in the sdist.
fn licence_file(known: &Known<'_>, target: &Target<'_>, given: &Value) -> Vec<Value> {
    if licence_place(target.member).is_none() {
        return Vec::new();
    }
    let others = target.side.other().of(&known.only).iter();
    let moved = others.filter(|(member, _)| member.rsplit('/').next() == Some(target.file()));
    let of_source = known.source.into_iter().flat_map(|source| {
        source
            .candidates(target.member)
            .map(|(_, file)| file.sha256)
    });
    let origins: Vec<Sha256Digest> = moved
        .map(|(_, sha256)| *sha256)
        .chain(of_source)
        .filter(|sha256| *sha256 != Sha256Digest::of(b""))
        .collect();
    present_or_absent(given, &origins, || {
        // The other way round the file that goes is the given one.
        let own = target.side.of(&known.only).iter();
        own.filter(|(member, _)| member.rsplit('/').next() == Some(target.file()))
            .map(|(_, sha256)| *sha256)
            .collect()
    })
}

/// Returns what a member is on this side: gone, when the given side has bytes of a known
/// origin; else the bytes of one of the origins.
pub(super) fn present_or_absent(
    given: &Value,
    origins: &[Sha256Digest],
    also: impl Fn() -> Vec<Sha256Digest>,
) -> Vec<Value> {
    match given {
        Value::Absent => origins.iter().copied().map(Value::Digest).collect(),
        Value::Digest(own) if origins.contains(own) || also().contains(own) => vec![Value::Absent],
        _ => Vec::new(),
    }
}

/// The fields that setuptools calls dynamic where its own configuration gives them.
const DYNAMIC: [&str; 18] = [
    "author",
    "author-email",
    "classifier",
    "description-content-type",
    "download-url",
    "home-page",
    "keywords",
    "license",
    "maintainer",
    "maintainer-email",
    "obsoletes",
    "platform",
    "project-url",
    "provides",
    "provides-extra",
    "requires-dist",
    "requires-python",
    "summary",
];

/// `Dynamic` names all fields that METADATA has, with the description and the licence
/// files or without. Where `pyproject.toml` gives some of them, the wheel does not say which.
fn dynamic(known: &Known<'_>, target: &Target<'_>, _: &Value) -> Vec<Value> {
    if !target.is_field("Dynamic") {
        return Vec::new();
    }
    let wheel = target.side.of(known.wheels);
    let common: Vec<&str> = target
        .side
        .other()
        .of(known.wheels)
        .all("Dynamic")
        .collect();
    let there = DYNAMIC
        .iter()
        .filter(|name| wheel.all(name).next().is_some());
    let there: Vec<&str> = there.copied().collect();
    let mut found = Vec::new();
    for written in known.writes(target.side, "dynamic-field") {
        if written != "written" {
            found.push(values([]));
            continue;
        }
        for more in [
            &[][..],
            &["description"],
            &["license-file"],
            &["description", "license-file"],
        ] {
            let all = there
                .iter()
                .chain(more)
                .filter(|name| !common.contains(*name));
            found.push(values(all.map(|name| (*name).to_owned())));
        }
        // Where `pyproject.toml` gives everything, only the licence files are dynamic.
        if !common.contains(&"license-file") {
            found.push(values(["license-file".to_owned()]));
        }
    }
    found
}

fn metadata_version(known: &Known<'_>, target: &Target<'_>, _: &Value) -> Vec<Value> {
    if !target.is_field("Metadata-Version") {
        return Vec::new();
    }
    let written = known.writes(target.side, "metadata-version");
    written
        .into_iter()
        .map(|text| values([text.to_owned()]))
        .collect()
}

fn unknown_platform(known: &Known<'_>, target: &Target<'_>, _: &Value) -> Vec<Value> {
    if target.is_field("Platform") {
        let written = known.writes(target.side, "platform-unknown").into_iter();
        return written
            .map(|written| match written {
                "written" => values(["UNKNOWN".to_owned()]),
                _ => values([]),
            })
            .collect();
    }
    let written = known.writes(target.side, "final-newlines").into_iter();
    written
        .filter_map(|count| Some(Value::Count(count.parse().ok()?)))
        .collect()
}

fn name_spelling(known: &Known<'_>, target: &Target<'_>, given: &Value) -> Vec<Value> {
    let Value::Values(given) = given else {
        return Vec::new();
    };
    let [name] = given.as_slice() else {
        return Vec::new();
    };
    if !target.is_field("Name") {
        return Vec::new();
    }
    // The name of the file has an underscore for each sign (PEP 427).
    let file = &target.side.of(known.wheels).name;
    let whole = file.split('-').next().unwrap_or_default();
    let written = known.writes(target.side, "name").into_iter();
    written
        .flat_map(|written| match written {
            "a-probe" => vec![name.replace('_', "-")],
            _ if name.replace('-', "_") == whole => vec![whole.to_owned()],
            _ => Vec::new(),
        })
        .map(|name| values([name]))
        .collect()
}

/// Requirements are the same when each is written as the side's tools write them, and has
/// the same name, extras, specifiers and marker.
fn requirements(known: &Known<'_>, target: &Target<'_>, value: Value) -> Option<Value> {
    let Value::Values(requirements) = value else {
        return None;
    };
    if !target.is_field("Requires-Dist") {
        return None;
    }
    let mut forms = known.writes(target.side, "requirement-spelling");
    let mut extras = known.writes(target.side, "extra-spelling");
    if is_beside_wheel(target.side.of(known.wheels).generator.as_deref()) {
        forms.push("foo>=1.0");
        extras.push("qux!=1.5; extra == \"test\"");
    }
    let reduced: Option<Vec<String>> = requirements
        .iter()
        .map(|text| spelling::reduce(text, &forms, &extras))
        .collect();
    Some(values(reduced?))
}

/// Returns whether a tool may have left its work to a wheel project that was installed:
/// setuptools 70.1 to 75.5 has a `bdist_wheel` of its own and uses `wheel.metadata` where
/// that is there.
fn is_beside_wheel(generator: Option<&str>) -> bool {
    let Some(generator) = generator.map(Generator::parse) else {
        return false;
    };
    let between = |text: &str| newer_or_same(text, "70.1") && newer("75.6", text);
    generator.name == "setuptools" && generator.version.as_deref().is_some_and(between)
}

fn newer_or_same(left: &str, right: &str) -> bool {
    compare(left, right) != Ordering::Less
}

/// Generator is what a release of the tool writes that also writes everything else so.
fn generator(known: &Known<'_>, target: &Target<'_>, _: &Value) -> Vec<Value> {
    if !target.is_field("Generator") {
        return Vec::new();
    }
    let stated = target.side.of(known.wheels).generator.as_deref();
    let Some(project) = stated
        .map(Generator::parse)
        .and_then(|stated| stated.project())
    else {
        return Vec::new();
    };
    let Ok(name) = ProjectName::parse(project) else {
        return Vec::new();
    };
    let mut texts = Vec::new();
    for release in backends::releases(&name) {
        let version = release.version.to_string();
        if !known.may_write(target.side, project, &release.version) {
            continue;
        }
        for range in backends::ranges(project, "generator") {
            if range.value.contains("{version}") {
                texts.push(range.value.replace("{version}", &version));
            }
        }
    }
    texts.into_iter().map(|text| values([text])).collect()
}

/// Files that tools write from what else is in the wheel: the packages at its top, and
/// empty lines that stand for yes.
fn written_by_tools(known: &Known<'_>, target: &Target<'_>, given: &Value) -> Vec<Value> {
    let is_described = target
        .member
        .split_once('/')
        .is_some_and(|(top, below)| top.ends_with(".dist-info") && !below.contains('/'));
    if !is_described {
        return Vec::new();
    }
    let text = |side: Side| match target.file() {
        "zip-safe" | "dependency_links.txt" => Some("\n".to_owned()),
        "top_level.txt" => Some(top_level(side.of(&known.names))),
        _ => None,
    };
    // The packages are those of the side that has the file.
    let side = match given {
        Value::Absent => target.side,
        _ => target.side.other(),
    };
    let Some(text) = text(side) else {
        return Vec::new();
    };
    present_or_absent(given, &[Sha256Digest::of(text.as_bytes())], Vec::new)
}

/// Returns the packages and modules at the top of a wheel, as setuptools lists them.
fn top_level(names: &BTreeSet<String>) -> String {
    let tops: BTreeSet<&str> = names
        .iter()
        .filter_map(|name| {
            let (top, _) = name.split_once('/').unwrap_or((name.as_str(), ""));
            let is_own = top.ends_with(".dist-info") || top.ends_with(".data");
            (!is_own).then(|| top.split('.').next().unwrap_or(top))
        })
        .collect();
    tops.into_iter().flat_map(|top| [top, "\n"]).collect()
}

/// The mode that the tool gives RECORD and WHEEL.
fn own_mode(known: &Known<'_>, target: &Target<'_>, _: &Value) -> Vec<Value> {
    let feature = match target.file() {
        "RECORD" => "record-mode",
        "WHEEL" => "wheel-mode",
        _ => return Vec::new(),
    };
    let written = known.writes(target.side, feature).into_iter();
    written
        .filter_map(|mode| Some(Value::Mode(u16::from_str_radix(mode, 8).ok()?)))
        .collect()
}

/// A feature that the table knows, as it was seen.
struct Feature {
    cause: &'static CauseKind,
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
    versions::claim(case, &generators);
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
            &LICENSE_FILE_FIELD,
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
            &DYNAMIC_FIELDS,
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
            &NAME_SPELLING,
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
            &UNKNOWN_PLATFORM,
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
                &UNKNOWN_PLATFORM,
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
            &METADATA_VERSION,
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
                &RECORD_MODE,
                feature,
                (&modes.published, &modes.rebuilt),
                places,
                "give its own files this mode",
                evidence,
            );
        }
    }
}

/// Returns where a member lies that may be a licence file: in `licenses/` or beside
/// METADATA.
fn licence_place(member: &str) -> Option<&'static str> {
    let (top, below) = member.split_once('/')?;
    if !top.ends_with(".dist-info") {
        return None;
    }
    if below.starts_with("licenses/") {
        return Some("licenses/");
    }
    const STARTS: [&str; 5] = ["LICEN", "COPYING", "NOTICE", "AUTHORS", "UNLICEN"];
    let upper = below.to_ascii_uppercase();
    (!below.contains('/') && STARTS.iter().any(|start| upper.starts_with(start)))
        .then_some("dist-info")
}

/// Licence files that lie in another place, or on one side only.
fn licence_files(
    case: &Case<'_>,
    add: &mut impl FnMut(
        &'static CauseKind,
        &'static str,
        (&str, &str),
        Vec<usize>,
        &'static str,
        String,
    ),
) {
    let place_of = |item: &Item<'_>| licence_place(&item.member);
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
        &LICENSE_FILES_MOVED,
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
        if cause.name == LICENSE_FILE_FIELD.name {
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

pub(super) fn backend_cause(
    generators: &Sides<Option<Generator>>,
    cause: &'static CauseKind,
) -> Cause {
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
    let same_generator =
        generators.published.is_some() && generators.published == generators.rebuilt;
    if same_generator && is_beside_wheel(case.wheels.published.generator.as_deref()) {
        let side = match form(&published) {
            Some("foo>=1.0") => "published",
            _ => "rebuilt",
        };
        case.add(
            Cause::new(
                &REQUIREMENT_SPELLING,
                format!(
                    "the wheel project 0.44 or newer was installed beside setuptools for {side} and wrote its requirements; both sides name the same setuptools"
                ),
                match side {
                    "published" => "add wheel==0.44.0 or newer to the tools, pinned by hash",
                    _ => "leave the wheel project out of the tools",
                },
            )
            .seen(evidence),
            &places,
        );
        return;
    }
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
                        &REQUIREMENT_SPELLING,
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
        backend_cause(generators, &REQUIREMENT_SPELLING).seen(evidence),
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
    let cause = backend_cause(generators, &BACKEND_VERSION).seen(evidence.unwrap_or_default());
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
