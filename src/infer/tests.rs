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
        metadata_version: None,
        has_license_file: false,
        has_dynamic: false,
        has_unknown_platform: false,
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
fn modes_tell_the_umask_and_whether_the_archives_were_kept() {
    let source = sdist(&[("x.py", 5, 0o664)]);
    for (own, described, umask, modes) in [
        (0o644, 0o644, "022", None),
        (0o664, 0o644, "022", Some(SourceModes::Archive)),
        (0o664, 0o664, "002", None),
        (0o600, 0o600, "077", None),
        (0o640, 0o640, "027", None),
    ] {
        let members = [
            ("x.py", REAL, own),
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
