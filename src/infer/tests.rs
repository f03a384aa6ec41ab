//! The rules on evidence made by hand.

use std::collections::BTreeMap;

use super::*;
use crate::archive::zip::DosTime;
use crate::evidence::{BuildSystem, Builder, MemberEvidence, SourceFile};

/// 2024-05-29 15:37:12 and 2016-01-01 00:00:00 as a ZIP has them.
const REAL: DosTime = DosTime {
    date: (2024 - 1980) << 9 | 5 << 5 | 29,
    time: 15 << 11 | 37 << 5 | 6,
};
const FLIT: DosTime = DosTime {
    date: (2016 - 1980) << 9 | 1 << 5 | 1,
    time: 0,
};
/// `date -u -d '2024-05-29 15:37:12' +%s`
const REAL_SECONDS: i64 = 1_716_997_032;

fn wheel(builder: &str, members: &[(&str, DosTime, u16)]) -> WheelEvidence {
    WheelEvidence {
        builder: Some(Builder {
            name: builder.to_owned(),
            version: "1.2".to_owned(),
        }),
        tags: vec!["py2-none-any".to_owned(), "py3-none-any".to_owned()],
        metadata_version: None,
        has_license_file: false,
        has_dynamic: false,
        has_unknown_platform: false,
        final_line_feeds: 1,
        has_loose_entry_points: false,
        dist_info: "x-1.dist-info".to_owned(),
        members: members
            .iter()
            .map(|(name, time, mode)| MemberEvidence {
                name: (*name).to_owned(),
                time: *time,
                mode: Some(0o100_000 | mode),
                creator_system: 3,
            })
            .collect(),
        sbom_tools: Vec::new(),
    }
}

fn sdist(files: &[(&str, i64, u32)]) -> SdistEvidence {
    let text = "[build-system]\nrequires = [\"setuptools>=61\"]\nbuild-backend = \"b\"\n";
    SdistEvidence {
        build_system: BuildSystem::parse(text),
        has_pyproject: true,
        setup_requires: Vec::new(),
        says_universal: true,
        has_unread_requires: false,
        files: files
            .iter()
            .map(|(name, mtime, mode)| {
                let (mtime, mode) = (*mtime, *mode);
                ((*name).to_owned(), SourceFile { mode, mtime })
            })
            .collect::<BTreeMap<_, _>>(),
    }
}

fn of(wheel: &WheelEvidence, sdist: &SdistEvidence) -> Inference {
    let project = ProjectName::parse("x").expect("a name");
    infer(&project, Some(wheel), sdist, None).expect("an inference")
}

const WHEEL: &str = "x-1.dist-info/WHEEL";
const RECORD: &str = "x-1.dist-info/RECORD";

#[test]
fn one_time_is_an_epoch_unless_it_is_the_builders_own() {
    let source = sdist(&[("x.py", 5, 0o644)]);
    let all = |builder, time| {
        let members = [
            ("x.py", time, 0o644),
            (WHEEL, time, 0o644),
            (RECORD, time, 0o664),
        ];
        of(&wheel(builder, &members), &source).source_date_epoch
    };
    assert_eq!(all("setuptools", REAL), Some(REAL_SECONDS));
    assert_eq!(all("hatchling", REAL), Some(REAL_SECONDS));
    assert_eq!(all("poetry-core", FLIT), None);
    // setuptools has no time of its own, so somebody set this one.
    assert_eq!(all("setuptools", FLIT), Some(1_451_606_400));
}

#[test]
fn several_times_of_setuptools_are_a_clock_and_no_epoch() {
    let members = [
        ("x.py", FLIT, 0o644),
        (WHEEL, REAL, 0o644),
        (RECORD, REAL, 0o664),
    ];
    let found = of(&wheel("bdist_wheel", &members), &sdist(&[]));
    assert_eq!(
        (found.source_date_epoch, found.clock),
        (None, Some(REAL_SECONDS))
    );
    assert!(found.requirements.contains(&"setuptools<70.1".to_owned()));
    assert!(found.requirements.contains(&"wheel==1.2".to_owned()));
}

#[test]
fn flit_without_an_epoch_tells_its_zone() {
    let members = [
        ("x.py", REAL, 0o644),
        (WHEEL, FLIT, 0o644),
        (RECORD, FLIT, 0o644),
    ];
    let flit = wheel("flit", &members);
    for (ahead, zone) in [
        (0, None),
        (2 * 3600, Some("<local>-02:00")),
        (-(5 * 3600 + 1800), Some("<local>+05:30")),
    ] {
        let found = of(&flit, &sdist(&[("x.py", REAL_SECONDS - ahead, 0o644)]));
        assert_eq!(found.time_zone.as_deref(), zone);
        assert_eq!((found.source_date_epoch, found.clock), (None, None));
    }
    // A file that the sdist has at another time was made by the build.
    let found = of(&flit, &sdist(&[("x.py", REAL_SECONDS - 5, 0o644)]));
    assert_eq!(found.clock, Some(REAL_SECONDS));
}

#[test]
fn flit_without_an_epoch_tells_a_zone_with_a_summer() {
    // Moments on both sides of the last Sunday of March 2023 and of the second one of
    // March 2024, in UTC, with what the clocks showed: `TZ=… date -d @…`.
    let london = [
        (1_679_788_800, 0),
        (1_679_796_000, 3600),
        (1_700_000_000, 0),
    ];
    let new_york = [
        (1_700_000_000, -5 * 3600),
        (1_710_050_400, -5 * 3600),
        (1_710_057_600, -4 * 3600),
    ];
    let sydney = [(1_700_000_000, 11 * 3600), (1_720_000_000, 10 * 3600)];
    // No zone: an hour between two moments of one winter.
    let nowhere = [(1_700_000_000, 0), (1_700_003_600, 3600)];
    let zone = |seen: &[(i64, i64)]| {
        let names: Vec<String> = (0..seen.len())
            .map(|number| format!("x{number}.py"))
            .collect();
        let mut members = vec![(WHEEL, FLIT, 0o644)];
        let mut files = Vec::new();
        for (name, (time, ahead)) in names.iter().zip(seen) {
            members.push((name, dos_time(time + ahead), 0o644));
            files.push((&**name, *time, 0o644));
        }
        of(&wheel("flit", &members), &sdist(&files)).time_zone
    };
    for (seen, expected) in [
        (
            &london[..],
            Some("<winter>+00:00<summer>-01:00,M3.5.0/1,M10.5.0/2"),
        ),
        (
            &new_york[..],
            Some("<winter>+05:00<summer>+04:00,M3.2.0/2,M11.1.0/2"),
        ),
        (
            &sydney[..],
            Some("<winter>-10:00<summer>-11:00,M10.1.0/2,M4.1.0/3"),
        ),
        (&nowhere[..], None),
    ] {
        assert_eq!(zone(seen).as_deref(), expected);
    }
}

/// Returns a time in seconds as MS-DOS has it.
fn dos_time(seconds: i64) -> DosTime {
    let time = jiff::Timestamp::from_second(seconds).unwrap();
    let time = time.to_zoned(jiff::tz::TimeZone::UTC).datetime();
    let part = |part: i8| u16::try_from(part).unwrap();
    DosTime {
        date: u16::try_from(time.year() - 1980).unwrap() << 9
            | part(time.month()) << 5
            | part(time.day()),
        time: part(time.hour()) << 11 | part(time.minute()) << 5 | (part(time.second()) / 2),
    }
}

#[test]
fn a_tool_that_was_replaced_says_until_when() {
    // hatchling 1.24.1 came on 2024-04-18, 1.24.2 on 2024-04-22 (its history); PyPI has
    // no other between.
    let hatch = |version: &str, time| {
        let mut wheel = wheel("hatchling", &[("x.py", time, 0o644), (WHEEL, time, 0o644)]);
        wheel.builder.as_mut().unwrap().version = version.to_owned();
        wheel
    };
    let constant = DosTime {
        date: (2020 - 1980) << 9 | 2 << 5 | 2,
        time: 0,
    };
    let mut source = sdist(&[("x.py", 1_580_601_600, 0o644)]);
    let project = ProjectName::parse("x").unwrap();
    let signed = UtcTime::from_unix_seconds(1_790_000_000);
    let mut until = |version: &str, time, requires: &str| {
        source.build_system = BuildSystem::parse(&format!(
            "[build-system]\nrequires = [\"{requires}\", \"hatch-vcs\"]\nbuild-backend = \"hatchling.build\"\n"
        ));
        let found = infer(&project, Some(&hatch(version, time)), &source, signed).unwrap();
        found.cutoff.map(|cutoff| cutoff.to_string())
    };
    let told = |text: &str| Some(text.to_owned());
    assert_eq!(
        until("1.24.1", constant, "hatchling"),
        told("2024-04-21T23:59:59Z")
    );
    // Somebody's epoch, from before that version.
    let early = dos_time(1_600_000_000);
    assert_eq!(
        until("1.24.1", early, "hatchling"),
        told("2024-04-21T23:59:59Z")
    );
    // A real time comes first.
    let real = dos_time(1_713_600_000);
    assert_eq!(
        until("1.24.1", real, "hatchling"),
        told("2024-04-20T08:00:00Z")
    );
    // Whoever asks for one version may do so for years.
    let signed = told("2026-09-21T14:13:20Z");
    assert_eq!(until("1.24.1", constant, "hatchling==1.24.1"), signed);
    assert_eq!(until("0.0.1", constant, "hatchling"), signed);
}

#[test]
fn what_metadata_has_bounds_a_setuptools_that_does_not_name_itself() {
    let mut source = sdist(&[]);
    let mut old = wheel(
        "bdist_wheel",
        &[
            (WHEEL, REAL, 0o644),
            ("x-1.dist-info/LICENSE.txt", REAL, 0o644),
        ],
    );
    let mut bounds = |wheel: &WheelEvidence, requires: &str| {
        let text = format!("[build-system]\nrequires = [\"{requires}\"]\nbuild-backend = \"b\"\n");
        source.build_system = BuildSystem::parse(&text);
        let found = of(wheel, &source).requirements;
        let bounds = found
            .into_iter()
            .filter(|one| one.starts_with("setuptools<="));
        bounds.collect::<Vec<_>>()
    };
    // Boundaries that were seen by hand: License-File came with 57.0.0, the platform
    // went between 60.10 and 62.6.
    assert_eq!(bounds(&old, "setuptools"), ["setuptools<=56.2.0"]);
    assert_eq!(bounds(&old, "setuptools>=57"), Vec::<String>::new());
    old.has_license_file = true;
    assert_eq!(bounds(&old, "setuptools"), Vec::<String>::new());
    old.has_unknown_platform = true;
    assert_eq!(
        bounds(&old, "setuptools [x] >= 42 ; y"),
        ["setuptools<=62.1.0"]
    );
    assert_eq!(bounds(&old, "setuptools>=64"), Vec::<String>::new());
    old.has_unknown_platform = false;
    old.final_line_feeds = 3;
    assert_eq!(bounds(&old, "setuptools"), ["setuptools<=62.1.0"]);
    old.final_line_feeds = 1;
    // setuptools 60.9.0 began to write entry points anew (its history).
    old.has_loose_entry_points = true;
    assert_eq!(bounds(&old, "setuptools"), ["setuptools<=60.8.2"]);
    let newer = WheelEvidence {
        builder: Some(Builder {
            name: "setuptools".to_owned(),
            version: "75.0.0".to_owned(),
        }),
        ..old
    };
    assert_eq!(bounds(&newer, "setuptools"), Vec::<String>::new());
}

#[test]
fn a_setuptools_that_no_longer_runs_gives_way_to_the_oldest_that_does() {
    let with = |seconds: i64, requires: &str| {
        let time = dos_time(seconds);
        let mut source = sdist(&[]);
        let text = format!("[build-system]\nrequires = [\"{requires}\"]\nbuild-backend = \"b\"\n");
        source.build_system = BuildSystem::parse(&text);
        let found = of(&wheel("bdist_wheel", &[(WHEEL, time, 0o644)]), &source);
        found
            .requirements
            .contains(&"setuptools==41.1.0".to_owned())
    };
    // 2018, and 2021.
    assert!(with(1_520_000_000, "setuptools"));
    assert!(!with(1_520_000_000, "setuptools<40"));
    assert!(!with(1_620_000_000, "setuptools"));
}

#[test]
fn only_backends_that_may_ask_for_more_are_asked() {
    let asks = |rest: &str, has_unread_requires: bool| {
        let mut source = sdist(&[]);
        source.build_system = BuildSystem::parse(&format!("[build-system]\nrequires = []\n{rest}"));
        source.has_unread_requires = has_unread_requires;
        asks_when_asked(&source)
    };
    let setuptools = "build-backend = \"setuptools.build_meta\"\n";
    assert!(!asks(setuptools, false));
    assert!(!asks("", false));
    assert!(asks(setuptools, true));
    // setuptools before 70.1 builds itself and needs the project wheel.
    assert!(asks(
        &format!("{setuptools}backend-path = [\".\"]\n"),
        false
    ));
    assert!(asks("build-backend = \"hatchling.build\"\n", false));
}

#[test]
fn modes_tell_the_umask_and_whether_the_archives_were_kept() {
    let source = sdist(&[
        ("x.py", 5, 0o664),
        ("x.txt", 5, 0o664),
        ("run.txt", 5, 0o775),
    ]);
    let (archive, filter) = (SourceModes::Archive, SourceModes::DataFilter);
    for (module, own, run, described, umask, modes) in [
        (0o644, 0o644, 0o755, 0o644, "022", None),
        (0o644, 0o664, 0o775, 0o644, "022", Some(archive)),
        (0o664, 0o664, 0o775, 0o664, "002", None),
        (0o664, 0o644, 0o755, 0o664, "002", Some(filter)),
        (0o600, 0o600, 0o700, 0o600, "077", None),
        (0o600, 0o644, 0o755, 0o600, "077", Some(filter)),
        (0o640, 0o640, 0o750, 0o640, "027", None),
        // Of neither kind all files are.
        (0o644, 0o664, 0o755, 0o644, "022", None),
    ] {
        let members = [
            // A module is written anew.
            ("x.py", REAL, module),
            ("x.txt", REAL, own),
            ("run.txt", REAL, run),
            (WHEEL, REAL, described),
            (RECORD, REAL, 0o664),
        ];
        let found = of(&wheel("setuptools", &members), &source);
        assert_eq!(
            found.umask.map(|umask| umask.to_string()).as_deref(),
            Some(umask)
        );
        assert_eq!(found.source_modes, modes, "{umask}");
    }
    // flit writes modes of its own.
    let members = [("x.py", REAL, 0o600), (WHEEL, REAL, 0o600)];
    assert_eq!(of(&wheel("flit", &members), &source).umask, None);
}

#[test]
fn what_builds_itself_is_not_pinned() {
    let mut source = sdist(&[]);
    let members = [(WHEEL, REAL, 0o644)];
    source.build_system = BuildSystem::parse(
        "[build-system]\nrequires = []\nbuild-backend = \"b\"\nbackend-path = [\".\"]\n",
    );
    assert!(
        of(&wheel("flit", &members), &source)
            .requirements
            .is_empty()
    );
    let flit_core = ProjectName::parse("flit_core").expect("a name");
    let found = infer(
        &flit_core,
        Some(&wheel("flit", &members)),
        &sdist(&[]),
        None,
    );
    assert_eq!(
        found.expect("an inference").requirements,
        ["setuptools>=61"]
    );
}

#[test]
fn every_header_of_windows_is_a_build_on_windows() {
    let members = [("x.py", REAL, 0o666), (WHEEL, REAL, 0o666)];
    let mut evidence = wheel("setuptools", &members);
    assert_eq!(of(&evidence, &sdist(&[])).platform, None);
    evidence.members[0].creator_system = 0;
    assert_eq!(of(&evidence, &sdist(&[])).platform, None);
    evidence.members[1].creator_system = 0;
    let found = of(&evidence, &sdist(&[]));
    assert_eq!(found.platform, Some(Platform::Windows));
    assert_eq!(found.umask, None);
    let because = |part: &str| {
        let reason = found.reasons.iter().find(|reason| reason.part == part);
        reason.expect("a reason").because.clone()
    };
    assert!(because("platform").contains("all 2 members"));
    assert!(because("umask").contains("Windows"));
    evidence.members.clear();
    assert_eq!(of(&evidence, &sdist(&[])).platform, None);
}

/// `date -u -d '2024-05-29 15:37:16' +%s` and the time itself: four seconds later.
const LATER: DosTime = DosTime {
    date: REAL.date,
    time: REAL.time + 2,
};
const LATER_SECONDS: i64 = 1_716_997_036;

#[test]
fn several_seconds_of_what_setuptools_makes_are_a_clock_that_goes_on() {
    let info = |file: &str| format!("x-1.dist-info/{file}");
    let (top_level, metadata) = (info("top_level.txt"), info("METADATA"));
    // A second before all others, which is the sdist's.
    let zip_safe = info("zip-safe");
    const SAFE: DosTime = DosTime {
        time: REAL.time - 1,
        ..REAL
    };
    let (license, notice) = (info("licenses/LICENSE"), info("licenses/NOTICE"));
    let steps = |record: DosTime, described: DosTime| {
        let members = [
            ("x.py", FLIT, 0o644),
            ("x/_version.py", LATER, 0o644),
            ("x-1.data/scripts/run", LATER, 0o755),
            (&license, LATER, 0o644),
            (&notice, LATER, 0o644),
            (&metadata, described, 0o644),
            (WHEEL, described, 0o644),
            (&top_level, REAL, 0o644),
            (&zip_safe, SAFE, 0o644),
            (RECORD, record, 0o664),
        ];
        // The metadata of the sdist is made anew, whatever time it has there.
        let source = sdist(&[
            ("LICENSE", 5, 0o644),
            ("NOTICE", LATER_SECONDS, 0o644),
            ("bin/run", LATER_SECONDS + 1, 0o755),
            ("x.egg-info/top_level.txt", REAL_SECONDS, 0o644),
            ("x.egg-info/zip-safe", REAL_SECONDS - 1, 0o644),
        ]);
        of(&wheel("setuptools", &members), &source)
    };
    let found = steps(LATER, LATER);
    assert_eq!(found.clock, Some(REAL_SECONDS));
    let expected = [
        ".dist-info/METADATA",
        ".dist-info/WHEEL",
        ".dist-info/licenses/LICENSE",
        ".whl",
        "/x/_version.py",
    ];
    assert!(found.clock_steps.keys().eq(&expected), "{found:?}");
    assert!(found.clock_steps.values().all(|it| *it == LATER_SECONDS));
    let parts: Vec<_> = found.reasons.iter().map(|reason| reason.part).collect();
    assert_eq!(parts.iter().filter(|part| **part == "clock").count(), 1);
    assert_eq!(
        parts.iter().filter(|part| **part == "clock-steps").count(),
        1
    );

    // What is written before the others is the beginning.
    let found = steps(LATER, REAL);
    assert!(!found.clock_steps.contains_key(".dist-info/WHEEL"));
    assert_eq!(found.clock_steps[".whl"], LATER_SECONDS);

    // What is older than any build, or younger than RECORD, is not of its clock.
    let old = DosTime {
        time: REAL.time - (1 << 11),
        ..REAL
    };
    let found = steps(REAL, old);
    assert_eq!(found.clock, Some(REAL_SECONDS));
    assert!(found.clock_steps.is_empty());
}

#[test]
fn a_wheel_of_another_checkout_is_no_clock_that_goes_on() {
    let names: Vec<String> = (0..17).map(|number| format!("x/{number}.py")).collect();
    for (count, steps) in [(16, true), (17, false)] {
        let mut members: Vec<_> = names
            .iter()
            .take(count)
            .map(|name| (name.as_str(), REAL, 0o644))
            .collect();
        members.extend([(WHEEL, LATER, 0o644), (RECORD, LATER, 0o664)]);
        let found = of(&wheel("setuptools", &members), &sdist(&[]));
        assert_eq!(found.clock_steps.is_empty(), !steps, "{count}");
    }
}

#[test]
fn tags_for_both_pythons_that_no_file_asks_for_are_an_option() {
    let evidence = wheel("setuptools", &[(WHEEL, REAL, 0o644)]);
    let mut source = sdist(&[]);
    assert!(of(&evidence, &source).distutils.is_empty());
    source.says_universal = false;
    let found = of(&evidence, &source);
    assert_eq!(found.distutils["bdist_wheel"]["universal"], "1");
    assert!(
        found
            .reasons
            .iter()
            .any(|reason| reason.part == "distutils")
    );
    // flit has tags of its own, and one Python is no universal wheel.
    let flit = wheel("flit", &[(WHEEL, REAL, 0o644)]);
    assert!(of(&flit, &source).distutils.is_empty());
    let mut three = evidence;
    three.tags.remove(0);
    assert!(of(&three, &source).distutils.is_empty());
}
