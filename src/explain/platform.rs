//! Causes that lie in the system and the interpreter of the build: Windows, the
//! ABI, the platform tag, a repair for manylinux.

use std::collections::BTreeSet;

use super::case::{Case, Item, Piece};
use super::container;
use super::derive::{self, Derivation, Known, Side, Target, Value};
use super::patterns;
use super::tools;
use super::{Cause, CauseKind, Factor, Family};
use crate::compare::{ElfPart, HeaderField, Kind};
use crate::count::counted;
use crate::digest::Sha256Digest;
use crate::filename::WheelFilename;
use crate::policy::Platform;

pub(super) static INTERPRETER_VERSION: CauseKind = CauseKind {
    name: "interpreter-version",
    title: "another version or ABI of the interpreter built",
    advice: "build with the same minor version of Python",
    family: Family::Compiler,
    derivations: &[Derivation::Yields(of_file_name)],
};

pub(super) static WHEEL_REPAIR: CauseKind = CauseKind {
    name: "wheel-repair",
    title: "one wheel was repaired after the build",
    advice: "compare before the repair, or repair both with the same version",
    family: Family::System,
    derivations: &[
        Derivation::Yields(of_file_name),
        Derivation::Yields(directories),
        Derivation::Same(container::same_things),
    ],
};

pub(super) static RETAGGED: CauseKind = CauseKind {
    name: "retagged",
    title: "one wheel was written anew after the build, with another tag, build number or RECORD",
    advice: "do the same with the rebuilt wheel, or compare before it",
    family: Family::System,
    derivations: &[Derivation::Yields(of_file_name)],
};

pub(super) static PLATFORM_TAG: CauseKind = CauseKind {
    name: "platform-tag",
    title: "the tags name another platform",
    advice: "build on the same platform, or name it with --plat-name",
    family: Family::System,
    derivations: &[Derivation::Yields(of_file_name)],
};

pub(super) static BUILT_ON_WINDOWS: CauseKind = CauseKind {
    name: "built-on-windows",
    title: "one wheel was built on Windows",
    advice: "build on Windows, or simulate it",
    family: Family::System,
    derivations: &[
        Derivation::Same(lines_without_ends),
        Derivation::Yields(container::as_all_members),
    ],
};

pub(super) static LINE_ENDS: CauseKind = CauseKind {
    name: "line-ends",
    title: "files of the source have CR LF in one wheel only",
    advice: "build from the same sdist, without converting line ends",
    family: Family::Source,
    derivations: &[Derivation::Same(lines_without_ends)],
};

/// `Tag` and `Build` say what the name of the file says (PEP 427): the signed list has it.
fn of_file_name(known: &Known<'_>, target: &Target<'_>, _: &Value) -> Vec<Value> {
    let parse = |side: Side| WheelFilename::parse(&side.of(known.wheels).name).ok();
    let Some(name) = parse(target.side) else {
        return Vec::new();
    };
    if target.is_field("Build") {
        let build = name.build_tag().map(str::to_owned);
        return vec![Value::Values(build.into_iter().collect())];
    }
    if !target.is_field("Tag") {
        return Vec::new();
    }
    let mut tags = BTreeSet::new();
    for python in name.python_tags() {
        for abi in name.abi_tags() {
            for platform in name.platform_tags() {
                tags.insert(format!("{python}-{abi}-{platform}"));
            }
        }
    }
    let common = &target.side.other().of(known.wheels).tags;
    let own = tags.into_iter().filter(|tag| !common.contains(tag));
    vec![Value::Values(own.collect())]
}

/// A member for a directory is empty, and other members lie in it.
fn directories(known: &Known<'_>, target: &Target<'_>, given: &Value) -> Vec<Value> {
    let others = target.side.other().of(&known.names);
    let own = target.side.of(&known.names);
    let holds = |names: &BTreeSet<String>| {
        let mut names = names.iter();
        names.any(|name| name.len() > target.member.len() && name.starts_with(target.member))
    };
    match target.member.ends_with('/') && holds(others) && holds(own) {
        true => tools::present_or_absent(given, &[Sha256Digest::of(b"")], Vec::new),
        false => Vec::new(),
    }
}

/// Lines of which all end with CR LF or none does. One line alone says nothing of the
/// others.
fn lines_without_ends(_: &Known<'_>, _: &Target<'_>, value: Value) -> Option<Value> {
    match value {
        Value::Bytes(bytes) if derive::is_uniform(&bytes) => {
            let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
            let bytes = (lines > 1).then_some(bytes)?;
            let text = String::from_utf8(bytes).ok()?;
            Some(Value::Bytes(text.replace("\r\n", "\n").into_bytes()))
        }
        Value::Order => Some(value),
        _ => None,
    }
}

/// Claims what differs because the systems or interpreters do.
pub(super) fn claim(case: &mut Case<'_>) {
    windows(case);
    written_later(case);
    tags(case);
    interpreter(case);
}

/// `Build` in WHEEL, and RECORD written later than all else: `wheel tags` and repairs such
/// as delocate's write WHEEL and RECORD anew and leave the other members as they are.
fn written_later(case: &mut Case<'_>) {
    let numbers = case.find(|item| {
        item.is_described()
            && item.file() == "WHEEL"
            && matches!(item.piece, Piece::Field(field) if field.field.eq_ignore_ascii_case("Build"))
    });
    let times = case.find(|item| matches!(item.piece, Piece::Whole(Kind::Time(_))));
    // A build writes METADATA by the same clock as RECORD.
    let is_late = |item: &Item<'_>| item.is_record() || item.member.ends_with(".dist-info/WHEEL");
    let late =
        !times.is_empty() && case.at(&times).all(is_late) && case.at(&times).any(Item::is_record);
    let mut places = numbers.clone();
    let mut seen = Vec::new();
    for item in case.at(&numbers) {
        if let Piece::Field(field) = item.piece {
            seen.push(format!(
                "Build: {}",
                super::case::change(&field.published, &field.rebuilt)
            ));
        }
    }
    if late {
        for item in case.at(&times) {
            if let Piece::Whole(Kind::Time(sides)) = item.piece {
                seen.push(format!(
                    "{}: {} → {}",
                    item.member, sides.published, sides.rebuilt
                ));
            }
        }
        places.extend(&times);
    }
    if places.is_empty() {
        return;
    }
    let mut cause = Cause::new(
        &RETAGGED,
        "one wheel was written anew after the build: RECORD has another time, or WHEEL another build number, and the other members are as they were (delocate, `wheel tags`)",
        "do the same with the rebuilt wheel, or compare with the wheel as it was built",
    );
    cause.evidence = seen;
    case.add(cause, &places);
}

fn windows(case: &mut Case<'_>) {
    let ends: Vec<usize> = case
        .find(|item| matches!(item.piece, Piece::LineEnds(_)))
        .into_iter()
        .filter(|place| {
            // RECORD alone is how Python's csv writes it, on any system.
            let only_record = |item: &Item<'_>| item.is_described() && item.file() == "RECORD";
            !case.is_claimed(*place) && !case.at(&[*place]).any(only_record)
        })
        .collect();
    let systems = case.find(|item| {
        matches!(item.piece, Piece::Whole(Kind::Header { field: HeaderField::CreatorSystem, sides })
            if [&sides.published, &sides.rebuilt].iter().any(|system| *system == "MS-DOS" || *system == "Windows NTFS"))
    });
    // os.stat on Windows gives 0666 and 0777 only.
    let modes = case.find(|item| {
        matches!(item.piece, Piece::Whole(Kind::Mode(modes))
            if [modes.published, modes.rebuilt].iter().any(|mode| mode.0 & 0o777 == 0o666))
    });
    let on_published = case.at(&ends).find_map(|item| match item.piece {
        Piece::LineEnds(crlf) => Some(crlf.published),
        _ => None,
    });
    let from_systems = case.at(&systems).find_map(|item| match item.piece {
        Piece::Whole(Kind::Header { sides, .. }) => Some(sides.published != "Unix"),
        _ => None,
    });
    let Some(published) = on_published.or(from_systems) else {
        return;
    };
    let side = if published { "published" } else { "rebuilt" };
    let mut seen = Vec::new();
    if let Some(item) = case.at(&ends).next() {
        let generated = case.at(&ends).filter(|item| is_written(item)).count();
        seen.push(format!(
            "{} with lines that end with CR LF in {side}, such as {}; the build writes {generated} of them",
            counted(ends.len() as u64, "file", "files"),
            item.member
        ));
    }
    if !systems.is_empty() {
        seen.push("headers name MS-DOS or Windows as their creator".to_owned());
    }
    if !modes.is_empty() {
        seen.push("files have mode 0666".to_owned());
    }
    let generated = case.at(&ends).any(is_written);
    let mut cause = if !systems.is_empty() || !modes.is_empty() || generated {
        Cause::new(
            &BUILT_ON_WINDOWS,
            format!("{side} was built on Windows"),
            match published {
                true => "build on Windows, or simulate it: platform = \"windows\" in the recipe",
                false => "build on Linux or macOS, or without a simulated Windows",
            },
        )
        .tried_by(Factor::Platform(match published {
            true => Platform::Windows,
            false => Platform::Native,
        }))
    } else {
        Cause::new(
            &LINE_ENDS,
            format!(
                "files of the source have CR LF in {side} only: they were checked out or packed on Windows"
            ),
            "build from the same sdist, without converting line ends",
        )
    };
    cause.evidence = seen;
    let mut places = ends;
    if cause.cause == "built-on-windows" {
        places.extend(case.find(|item| {
            matches!(item.piece, Piece::LineEnds(crlf)
                if item.is_described() && item.file() == "RECORD" && crlf.published == published)
        }));
        places.extend(systems);
        places.extend(modes);
        places.extend(case.find(|item| {
            matches!(
                item.piece,
                Piece::Whole(Kind::Header {
                    field: HeaderField::ExternalAttributes | HeaderField::CreatorVersion,
                    ..
                })
            )
        }));
    }
    case.add(cause, &places);
}

/// Returns whether builds write a file anew. Licences lie beside such files, and
/// come from the source.
fn is_written(item: &Item<'_>) -> bool {
    item.is_described()
        && [
            "METADATA",
            "WHEEL",
            "RECORD",
            "entry_points.txt",
            "top_level.txt",
        ]
        .contains(&item.file())
}

fn only_published(item: &Item<'_>) -> bool {
    matches!(item.piece, Piece::Whole(Kind::OnlyPublished(_)))
}

fn only_rebuilt(item: &Item<'_>) -> bool {
    matches!(item.piece, Piece::Whole(Kind::OnlyRebuilt(_)))
}

/// auditwheel copies libraries into `NAME.libs`, names them after their digest, and
/// writes the archive anew: with members for directories, with a RECORD as Python's
/// csv has it, which ends lines with CR LF, and with a tag of its own.
pub(super) fn repair(case: &mut Case<'_>) {
    let copied = case.find(|item| {
        let top = item.member.split('/').next().unwrap_or_default();
        (top.ends_with(".libs")
            || item.member.contains("/.libs/")
            || item.member.contains("/.dylibs/"))
            && (only_published(item) || only_rebuilt(item))
    });
    let mut evidence = Vec::new();
    let published = match case.at(&copied).next() {
        Some(first) => {
            let published = only_published(first);
            let side = if published { "published" } else { "rebuilt" };
            evidence.push(format!("only {side} has {}", first.member));
            published
        }
        None => {
            let Some(published) = retagged(case) else {
                return;
            };
            if !is_rewritten(case, published) {
                return;
            }
            evidence.push("RECORD and the archive were written anew".to_owned());
            published
        }
    };
    let side = if published { "published" } else { "rebuilt" };
    let mut all = copied;
    // The objects that need the copied libraries get other names to look for, and
    // patchelf moves their tables for it. It leaves code and constants as they are.
    all.extend(case.find(|item| {
        matches!(item.piece, Piece::Elf(found)
            if found.part == ElfPart::Dynamic
                && ["NEEDED", "RPATH", "RUNPATH", "SONAME"].contains(&found.subject)
            || found.part == ElfPart::Section
                && (["tables", "notes"].contains(&found.subject)
                    || found.published == found.rebuilt
                    || super::objects::is_of_tables(found)))
    }));
    all.extend(case.find(|item| {
        item.is_described()
            && (item.member.contains("/sboms/auditwheel")
                || matches!(item.piece, Piece::Field(field) if field.field == "Tag")
                || item.file() == "RECORD"
                    && matches!(
                        item.piece,
                        Piece::LineEnds(_) | Piece::LineOrder | Piece::Whole(Kind::Mode(_))
                    ))
    }));
    all.extend(case.find(|item| {
        matches!(item.piece, Piece::Whole(Kind::MemberOrder { .. })) || item.is_directory()
    }));
    let mut cause = Cause::new(
        &WHEEL_REPAIR,
        match evidence.first() {
            Some(first) if first.starts_with("only") => format!(
                "{side} was repaired after the build: libraries were copied into it (auditwheel, delocate)"
            ),
            _ => format!(
                "{side} was repaired after the build: it got another tag and was packed anew (auditwheel)"
            ),
        },
        match published {
            true => {
                "repair the rebuilt wheel with the same version of auditwheel, or compare with the wheel before the repair"
            }
            false => "leave out the repair",
        },
    );
    cause.evidence = evidence;
    // Its libraries come from the system that repaired: nothing here yields them.
    cause.stands_alone = true;
    if let Some(tags) = tag_change(case) {
        cause.evidence.push(tags);
    }
    case.add(cause, &all);
}

/// Returns which side alone names a platform as auditwheel does: published or not.
fn retagged(case: &Case<'_>) -> Option<bool> {
    let repaired = case.wheels.as_ref().map(|wheel| {
        let many = |tag: &String| tag.contains("-manylinux") || tag.contains("-musllinux");
        wheel.tags.iter().any(many)
    });
    (repaired.published != repaired.rebuilt).then_some(repaired.published)
}

/// Returns whether a side was packed once more after its build.
fn is_rewritten(case: &Case<'_>, published: bool) -> bool {
    case.items.iter().any(|item| match item.piece {
        Piece::LineEnds(crlf) => {
            item.is_described() && item.file() == "RECORD" && crlf.published == published
        }
        Piece::Whole(Kind::OnlyPublished(_)) => item.is_directory() && published,
        Piece::Whole(Kind::OnlyRebuilt(_)) => item.is_directory() && !published,
        _ => false,
    })
}

fn tag_change(case: &Case<'_>) -> Option<String> {
    let tags = case.wheels.as_ref().map(|wheel| wheel.tags.join(" "));
    (tags.published != tags.rebuilt).then(|| format!("Tag: {} → {}", tags.published, tags.rebuilt))
}

/// The tags of WHEEL, where only the platform or only the interpreter differs.
fn tags(case: &mut Case<'_>) {
    let places = case.find(|item| {
        item.is_described()
            && item.file() == "WHEEL"
            && matches!(item.piece, Piece::Field(field) if field.field == "Tag")
    });
    let Some(evidence) = tag_change(case).filter(|_| !places.is_empty()) else {
        return;
    };
    let parts = |tags: &[String], platform: bool| -> BTreeSet<String> {
        tags.iter()
            .map(|tag| match (tag.rsplit_once('-'), platform) {
                (Some((_, last)), true) => last.to_owned(),
                (Some((first, _)), false) => first.to_owned(),
                (None, _) => tag.clone(),
            })
            .collect()
    };
    let sides = case.wheels.as_ref().map(|wheel| wheel.tags.clone());
    let differs = |platform| parts(&sides.published, platform) != parts(&sides.rebuilt, platform);
    if differs(true) {
        let platforms = sides
            .as_ref()
            .map(|tags| parts(tags, true).into_iter().collect::<Vec<_>>().join(", "));
        case.add(
            Cause::new(
                &PLATFORM_TAG,
                format!("the platform in the tags is {} in published and {} in rebuilt", platforms.published, platforms.rebuilt),
                match platforms.published.starts_with("manylinux") || platforms.published.starts_with("musllinux") {
                    true => "auditwheel repair gives this tag; compare before it, or run the same version",
                    false => "build on the same platform, or name it with --plat-name",
                },
            )
            .seen(evidence.clone()),
            &places,
        );
    }
    if differs(false) {
        case.add(
            Cause::new(
                &INTERPRETER_VERSION,
                "the wheels are for other interpreters or ABIs",
                format!(
                    "build with the interpreter of the tags {}",
                    sides.published.join(" ")
                ),
            )
            .seen(evidence),
            &places,
        );
    }
}

/// Names and texts that hold the version of the interpreter.
fn interpreter(case: &mut Case<'_>) {
    let names = |condition: fn(&Item<'_>) -> bool| -> BTreeSet<String> {
        let items = case.items.iter().filter(|item| condition(item));
        items
            .map(|item| {
                patterns::without_python(&item.member)
                    .replace("#m", "#")
                    .replace("#t", "#")
            })
            .collect()
    };
    let both: BTreeSet<String> = names(only_published)
        .intersection(&names(only_rebuilt))
        .cloned()
        .collect();
    let mut places = case.find(|item| {
        (only_published(item) || only_rebuilt(item))
            && both.contains(
                &patterns::without_python(&item.member)
                    .replace("#m", "#")
                    .replace("#t", "#"),
            )
    });
    let mut seen: Vec<String> = Vec::new();
    let of = |condition: fn(&Item<'_>) -> bool| {
        case.at(&places)
            .find(|item| condition(item))
            .map(|item| item.member.clone())
    };
    if let (Some(published), Some(rebuilt)) = (of(only_published), of(only_rebuilt)) {
        seen.push(format!("{published} → {rebuilt}"));
    }
    let lines = case.find(|item| match item.piece {
        Piece::Lines(hunk) => super::texts::same_but_for(hunk, patterns::without_python),
        _ => false,
    });
    let example = case.at(&lines).find_map(|item| match item.piece {
        Piece::Lines(hunk) => Some(format!(
            "{}: {}",
            item.member,
            super::texts::first_change(hunk)
        )),
        _ => None,
    });
    seen.extend(example);
    places.extend(lines);
    places.extend(
        case.find(|item| matches!(item.piece, Piece::Bytecode(detail) if detail.magic.is_some())),
    );
    if places.is_empty() {
        return;
    }
    if seen.is_empty() {
        seen.push("bytecode has the magic number of another interpreter".to_owned());
    }
    let mut cause = Cause::new(
        &INTERPRETER_VERSION,
        "the version or ABI of the interpreter that built stands in names or contents",
        "build with the same minor version of Python",
    );
    cause.evidence = seen;
    cause.pairs_names = true;
    case.add(cause, &places);
}
