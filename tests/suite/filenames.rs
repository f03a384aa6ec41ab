//! Names of wheels and sdists, held against `packaging`, which pip asks.

use std::collections::BTreeSet;
use std::process::Command;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use wheelproof::filename::{SdistFilename, WheelFilename};

use crate::common::run;
use crate::installers::pip;

/// What a name says: the project, the version, the build tag, and the tags.
type Said = (String, String, String, BTreeSet<String>);

/// Reads a list of names as pip does, and writes what each says.
const READER: &str = r#"
import json, sys
from pip._vendor.packaging import utils
answer = []
for name in json.load(open(sys.argv[1], encoding="utf-8")):
    try:
        if name.endswith(".whl"):
            project, version, build, tags = utils.parse_wheel_filename(name)
            said = [project, str(version), "".join(map(str, build)), sorted(map(str, tags))]
        else:
            project, version = utils.parse_sdist_filename(name)
            said = [project, str(version), "", []]
    except ValueError:
        said = None
    answer.append(said)
json.dump(answer, sys.stdout)
"#;

/// Names of wheels and sdists, and names that nearly are some.
fn names() -> impl Strategy<Value = String> {
    let project = "[A-Za-z0-9]{1,3}([._]{1,2}[A-Za-z0-9]{1,3})?|[A-Za-z0-9._ é-]{1,6}";
    let version = "(v|1!)?[0-9]{1,3}(\\.[0-9]{1,3}){0,3}([._]?(a|b|rc|c|alpha|pre)[0-9]?)?\
                   ([._]?(post|rev|r)[0-9]?)?([._]?dev[0-9])?(\\+[a-z0-9]{1,4}([._][a-z0-9]{1,2})?)?\
                   |[0-9a-z._+!]{1,6}";
    let build = "|||-[0-9]{1,3}[a-z_.]{0,3}|-[a-z0-9._]{1,3}|-";
    let tag = |texts: &'static [&str]| {
        proptest::collection::vec(proptest::sample::select(texts), 1..3)
            .prop_map(|tags| tags.join("."))
    };
    let tags = (
        tag(&["py2", "py3", "cp311", "pp310"]),
        tag(&["none", "abi3", "cp37m", "ABI3"]),
        tag(&["any", "linux_x86_64", "manylinux_2_5_x86_64", "win32"]),
    );
    let wheel = (project, version, build, tags).prop_map(|(project, version, build, (a, b, c))| {
        format!("{project}-{version}{build}-{a}-{b}-{c}.whl")
    });
    let sdist = (
        project,
        version,
        proptest::sample::select(&["tar.gz", "zip", "tar", "whl"][..]),
    )
        .prop_map(|(project, version, ending)| format!("{project}-{version}.{ending}"));
    prop_oneof![3 => wheel, 1 => sdist]
}

/// Returns what a name says here, in the words of `packaging`.
fn said_here(name: &str) -> Option<Said> {
    if let Ok(wheel) = WheelFilename::parse(name) {
        let mut tags = BTreeSet::new();
        for python in wheel.python_tags() {
            for abi in wheel.abi_tags() {
                for platform in wheel.platform_tags() {
                    tags.insert(format!("{python}-{abi}-{platform}").to_lowercase());
                }
            }
        }
        let build = wheel.build_tag().unwrap_or_default();
        // Its number is a number there.
        let end = build.find(|c: char| !c.is_ascii_digit());
        let (number, rest) = build.split_at(end.unwrap_or(build.len()));
        let build = match number.parse::<u64>() {
            Ok(number) => format!("{number}{rest}"),
            Err(_) => String::new(),
        };
        let (project, version) = (wheel.project(), wheel.version());
        return Some((project.to_string(), version.to_string(), build, tags));
    }
    let sdist = SdistFilename::parse(name).ok()?;
    let (project, version) = (sdist.project(), sdist.version());
    let said = (project.to_string(), version.to_string());
    Some((said.0, said.1, String::new(), BTreeSet::new()))
}

/// Returns whether a name breaks a rule that `packaging` passes over: projects begin
/// and end with a letter or digit of ASCII ("Names and normalization"), no part of a
/// tag is empty, and nowhere stands a blank.
fn is_odd(name: &str) -> bool {
    let is_good = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let (project, rest) = match name.ends_with(".whl") {
        true => name.split_once('-').unwrap(),
        false => name.rsplit_once('-').unwrap(),
    };
    !is_good(project.chars().next())
        || !is_good(project.chars().next_back())
        || name.contains(|c: char| c == ' ' || !c.is_ascii())
        || rest.split('-').any(|tag| tag.split('.').any(str::is_empty))
}

fn has_underscore_before_digit(name: &str) -> bool {
    name.split('-').skip(1).any(|part| {
        part.split('_')
            .skip(1)
            .any(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    })
}

#[test]
fn a_name_says_to_pip_what_it_says_here() {
    let Some(pip) = pip() else { return };
    let mut runner = TestRunner::deterministic();
    let names: Vec<String> = (0..4000)
        .map(|_| names().new_tree(&mut runner).unwrap().current())
        .collect();
    let list = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(list.path(), serde_json::to_string(&names).unwrap()).unwrap();
    let python = pip.program.parent().unwrap().join("python3");
    let outcome = run(Command::new(python).args(["-c", READER]).arg(list.path())).expect(0);
    let theirs: Vec<Option<Said>> = serde_json::from_str(&outcome.out()).unwrap();
    assert_eq!(theirs.len(), names.len());
    let mut read_by_both = 0;
    for (name, theirs) in names.iter().zip(theirs) {
        match (said_here(name), theirs) {
            (Some(ours), Some(theirs)) => {
                assert_eq!(ours, theirs, "{name}");
                read_by_both += 1;
            }
            (None, Some(_)) => assert!(is_odd(name), "{name} is read by pip alone"),
            // It refuses two underscores in a row, which uv does not, and `1.0_1`, which
            // pip 23.2 takes for the version 1.0-1.
            (Some(_), None) => assert!(
                name.contains("__") || has_underscore_before_digit(name),
                "{name} is read here alone"
            ),
            (None, None) => {}
        }
    }
    assert!(read_by_both > names.len() / 10, "{read_by_both}");
}

proptest! {
    #[test]
    fn a_name_that_is_written_again_is_the_same_name(name in names()) {
        if let Ok(wheel) = WheelFilename::parse(&name) {
            prop_assert_eq!(wheel.to_string(), name.as_str());
            prop_assert_eq!(WheelFilename::parse(&wheel.to_string()), Ok(wheel));
        }
        if let Ok(sdist) = SdistFilename::parse(&name) {
            prop_assert_eq!(sdist.to_string(), name.as_str());
            prop_assert_eq!(SdistFilename::parse(&sdist.to_string()), Ok(sdist));
        }
    }
}
