//! What becomes of a wheelhouse when the list of what it is for changes.
//!
//! In: the sdists that a list asks for, the files that lie in the wheelhouse with
//! their build records, and what the policy states of each project. Out: a [`Plan`],
//! which wheels stay, which are built and why, which files nothing needs. Pure: it
//! reads nothing and starts nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::digest::Sha256Digest;
use crate::filename::{ProjectName, SdistFilename, WheelFilename};
use crate::policy::RecipePolicy;
use crate::recipe::{BuildRecord, Input, Recipe, Sysconfig, ToolWheel};
use crate::requirements::{Pin, Requirement};

/// An sdist that the list asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The file name.
    pub sdist: SdistFilename,
    /// Its digest.
    pub sha256: Sha256Digest,
    /// The number of the interpreter that is to build it, of those of the run.
    pub target: usize,
}

/// A wheel that lies in the wheelhouse with a record of its build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The record.
    pub record: BuildRecord,
    /// The numbers of the interpreters that can use the wheel.
    pub targets: BTreeSet<usize>,
}

/// What lies in the wheelhouse.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Present {
    /// Every wheel, sdist and build record by name, with its digest.
    pub files: BTreeMap<String, Sha256Digest>,
    /// The wheels that have a record which is true of the files that are there.
    pub recorded: Vec<Recorded>,
}

/// Why a wheel is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Because {
    /// There is no wheel of this project and version.
    New,
    /// There is one, and no record tells what it was built from.
    Unrecorded,
    /// There is one, built from another sdist.
    SdistChanged,
    /// There is one, built by another recipe.
    RecipeChanged(Departure),
}

/// A part of a recipe that is no longer what is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departure {
    /// The part, in the word of the policy.
    pub part: &'static str,
    /// What the record says.
    pub recorded: String,
    /// What is asked for now.
    pub stated: String,
}

/// What becomes of one wanted sdist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Its wheel stays.
    Keep(WheelFilename),
    /// Its wheel is built.
    Build(Because),
}

/// What becomes of a wheelhouse.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// One step for each wanted sdist, in their order.
    pub steps: Vec<Step>,
    /// The files that stay, by name.
    pub kept: BTreeSet<String>,
    /// The files that nothing needs, by name. What is built anew under the same name
    /// is not among them.
    pub dropped: BTreeSet<String>,
}

/// What the policy states of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// What it says itself.
    pub policy: RecipePolicy,
    /// The tools that it names, if it does.
    pub tools: Option<Vec<ToolWheel>>,
    /// The inputs that it names, with the digests they have now.
    pub inputs: Vec<Input>,
    /// The sysconfig data that it names, if it does.
    pub sysconfig: Option<Sysconfig>,
}

/// Says what the policy states of a project.
pub type Stated<'a> = dyn Fn(&ProjectName) -> Asked + 'a;

/// Decides what becomes of a wheelhouse.
pub fn plan(wanted: &[Wanted], present: &Present, stated: &Stated<'_>) -> Plan {
    let mut plan = Plan::default();
    for one in wanted {
        let step = step(one, present, stated);
        if let Step::Keep(wheel) = &step {
            let wheel = wheel.to_string();
            plan.kept
                .insert(format!("{wheel}{}", crate::recipe::RECORD_ENDING));
            plan.kept.insert(wheel);
        }
        let sdist = one.sdist.to_string();
        if present.files.get(&sdist) == Some(&one.sha256) {
            plan.kept.insert(sdist);
        }
        plan.steps.push(step);
    }
    // What is built takes the place of what was built for the same interpreter, and
    // of what nobody wrote down anything about.
    let is_replaced = |wheel: &WheelFilename| {
        let recorded = present
            .recorded
            .iter()
            .find(|recorded| recorded.record.wheel.to_string() == wheel.to_string());
        wanted.iter().zip(&plan.steps).any(|(one, step)| {
            matches!(step, Step::Build(_))
                && (one.sdist.project(), one.sdist.version()) == (wheel.project(), wheel.version())
                && recorded.is_none_or(|recorded| recorded.targets.contains(&one.target))
        })
    };
    let sdists: BTreeSet<String> = wanted.iter().map(|one| one.sdist.to_string()).collect();
    plan.dropped = present
        .files
        .keys()
        .filter(|name| !plan.kept.contains(*name) && !sdists.contains(*name))
        .filter(|name| wheel_of(name).is_none_or(|wheel| !is_replaced(&wheel)))
        .cloned()
        .collect();
    plan
}

/// Returns the wheel that a file is, or is the record of.
fn wheel_of(name: &str) -> Option<WheelFilename> {
    let name = name
        .strip_suffix(crate::recipe::RECORD_ENDING)
        .unwrap_or(name);
    WheelFilename::parse(name).ok()
}

fn step(wanted: &Wanted, present: &Present, stated: &Stated<'_>) -> Step {
    let is_same = |wheel: &WheelFilename| {
        (wheel.project(), wheel.version()) == (wanted.sdist.project(), wanted.sdist.version())
    };
    let of_version: Vec<&Recorded> = present
        .recorded
        .iter()
        .filter(|recorded| {
            is_same(&recorded.record.wheel) && recorded.targets.contains(&wanted.target)
        })
        .collect();
    let of_sdist = of_version
        .iter()
        .find(|recorded| recorded.record.sdist_sha256 == wanted.sha256);
    let Some(recorded) = of_sdist else {
        let has_wheel = present
            .files
            .keys()
            .any(|name| WheelFilename::parse(name).is_ok_and(|wheel| is_same(&wheel)));
        let has_record = present.recorded.iter().any(|it| is_same(&it.record.wheel));
        return Step::Build(match (of_version.is_empty(), has_wheel, has_record) {
            (false, ..) => Because::SdistChanged,
            (true, true, false) => Because::Unrecorded,
            // One for another interpreter is none for this one.
            (true, ..) => Because::New,
        });
    };
    match departure(&recorded.record, &stated(wanted.sdist.project())) {
        Some(departure) => Step::Build(Because::RecipeChanged(departure)),
        None => Step::Keep(recorded.record.wheel.clone()),
    }
}

/// A part of a recipe: its word in the policy, whether it is stated, what the record says,
/// and what is asked for.
type Part = (&'static str, bool, String, String);

/// Returns the first part in which a record is not what is stated now. What the
/// policy leaves open may be as the record has it; where no index decided, the
/// defaults are stated too.
pub fn departure(record: &BuildRecord, asked: &Asked) -> Option<Departure> {
    parts(record, asked)
        .into_iter()
        .find(|(_, is_stated, recorded, stated)| *is_stated && recorded != stated)
        .map(|(part, _, recorded, stated)| Departure {
            part,
            recorded,
            stated,
        })
}

/// Returns every part of a recipe. Both recipes are taken apart in full, so that a new
/// part does not compile before it is compared here.
fn parts(record: &BuildRecord, asked: &Asked) -> Vec<Part> {
    let policy = &asked.policy;
    let old_interpreter = &record.recipe.interpreter;
    let new = Recipe::from_policy(policy, &record.sdist, old_interpreter.clone(), Vec::new());
    let all = !record.is_of_index;
    // Interpreter, root and machine are this machine's: which of them can use the wheel
    // was asked before, and a new patch level is no reason to build everything again.
    let Recipe {
        interpreter: _,
        root: _,
        machine: _,
        // Below, with what the machine says of it.
        sysconfig: _,
        tools,
        inputs,
        source_date_epoch,
        clock,
        clock_steps,
        platform,
        distutils,
        umask,
        source_modes,
        source_times,
        time_zone,
        build_path,
        prefix_map,
        environment,
    } = &record.recipe;
    let states_epoch = policy.source_date_epoch.is_some();
    let states_steps = policy.clock_steps.is_some() || all;
    let states_modes = policy.source_modes.is_some() || all;
    let states_times = policy.source_times.is_some() || all;
    let clocks = [*clock, new.clock].map(seconds);
    let epochs = [*source_date_epoch, new.source_date_epoch].map(seconds);
    let steps = [clock_steps, &new.clock_steps].map(json);
    let systems = [*platform, new.platform].map(|it| it.as_str().to_owned());
    let paths = [build_path, &new.build_path].map(|it| it.display().to_string());
    let maps = [prefix_map, &new.prefix_map].map(|it| text(it.as_deref()));
    let named = asked.tools.as_deref().unwrap_or_default();
    let data = sysconfigs(record, asked.sysconfig.as_ref());
    let mut parts = Vec::new();
    let mut add = |part, is_stated, [recorded, stated]: [String; 2]| {
        parts.push((part, is_stated, recorded, stated));
    };
    add("source-date-epoch", states_epoch, epochs);
    add("clock", policy.clock.is_some() || all, clocks);
    add("clock-steps", states_steps, steps);
    let is_stated = policy.distutils.is_some() || all;
    add(
        "distutils",
        is_stated,
        [distutils, &new.distutils].map(json),
    );
    add("platform", policy.platform.is_some() || all, systems);
    let umasks = [*umask, new.umask].map(|it| it.to_string());
    add("umask", policy.umask.is_some() || all, umasks);
    let modes = [source_modes, &new.source_modes].map(json);
    add("source-modes", states_modes, modes);
    let times = [source_times, &new.source_times].map(json);
    add("source-times", states_times, times);
    let is_stated = policy.time_zone.is_some() || all;
    add(
        "time-zone",
        is_stated,
        [time_zone, &new.time_zone].map(Clone::clone),
    );
    add("build-path", true, paths);
    add("prefix-map", true, maps);
    add(
        "environment",
        true,
        [environment, &new.environment].map(json),
    );
    add(
        "inputs",
        true,
        [inputs, &asked.inputs].map(|it| directories(it)),
    );
    add("sysconfig", true, data);
    add("tools", asked.tools.is_some(), [tools, named].map(wheels));
    parts
}

fn seconds(time: Option<i64>) -> String {
    time.map_or_else(|| "none".to_owned(), |time| time.to_string())
}

fn text(text: Option<&str>) -> String {
    text.unwrap_or("none").to_owned()
}

fn json<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(value) => value.to_string(),
        Err(error) => error.to_string(),
    }
}

fn wheels(tools: &[ToolWheel]) -> String {
    let tools: BTreeSet<String> = tools
        .iter()
        .map(|tool| format!("{} {}", tool.filename, tool.sha256))
        .collect();
    tools.into_iter().collect::<Vec<_>>().join(", ")
}

fn directories(inputs: &[Input]) -> String {
    let inputs: BTreeSet<String> = inputs
        .iter()
        .map(|input| format!("{} {}", input.at.display(), input.sha256))
        .collect();
    match inputs.is_empty() {
        true => "none".to_owned(),
        false => inputs.into_iter().collect::<Vec<_>>().join(", "),
    }
}

/// Returns which sysconfig data a wheel was built by, and which is asked for now. A
/// record has data where something was compiled, be it the interpreter's own, and says
/// of the interpreter's own which that is.
fn sysconfigs(record: &BuildRecord, asked: Option<&Sysconfig>) -> [String; 2] {
    const OWN: &str = "the interpreter's own";
    let Some(recorded) = record.recipe.sysconfig.as_ref().map(Sysconfig::sha256) else {
        return [String::new(), String::new()];
    };
    let interpreter = record.recipe.machine.interpreter.as_ref();
    let is_own = interpreter.is_none_or(|it| it.sysconfig_sha256 == recorded);
    match asked {
        Some(asked) => [recorded.to_string(), asked.sha256().to_string()],
        None if is_own => [OWN.to_owned(), OWN.to_owned()],
        None => [recorded.to_string(), OWN.to_owned()],
    }
}

/// Why requirements cannot be met by one wheelhouse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// Two versions of one project.
    #[error("{project} is asked for as {first} in {first_place} and as {second} in {second_place}")]
    Versions {
        /// The project.
        project: ProjectName,
        /// One version.
        first: String,
        /// Where it stands.
        first_place: String,
        /// The other version.
        second: String,
        /// Where that stands.
        second_place: String,
    },
    /// Two lists of hashes with nothing in common.
    #[error("{project} has no hash in {second_place} that it has in {first_place}")]
    Hashes {
        /// The project.
        project: ProjectName,
        /// Where one list stands.
        first_place: String,
        /// Where the other one stands.
        second_place: String,
    },
    /// No hash at all.
    #[error("{project} has no hash in {place}")]
    Unhashed {
        /// The project.
        project: ProjectName,
        /// Where it stands.
        place: String,
    },
}

/// Returns one requirement for each project, sorted by name, with the hashes that
/// all pins of it have.
///
/// # Errors
///
/// The first [`Conflict`].
pub fn merged<'a>(pins: impl Iterator<Item = &'a Pin>) -> Result<Vec<Requirement>, Conflict> {
    let at = |pin: &Pin| format!("{}, line {}", pin.place.path.display(), pin.place.line);
    let mut merged: BTreeMap<&ProjectName, (&Pin, Requirement)> = BTreeMap::new();
    for pin in pins {
        let requirement = &pin.requirement;
        let project = &requirement.project;
        if requirement.hashes.is_empty() {
            return Err(Conflict::Unhashed {
                project: project.clone(),
                place: at(pin),
            });
        }
        let Some((first, known)) = merged.get_mut(project) else {
            merged.insert(project, (pin, requirement.clone()));
            continue;
        };
        if known.version != requirement.version {
            return Err(Conflict::Versions {
                project: project.clone(),
                first: known.version.to_string(),
                first_place: at(first),
                second: requirement.version.to_string(),
                second_place: at(pin),
            });
        }
        known
            .hashes
            .retain(|hash| requirement.hashes.contains(hash));
        if known.hashes.is_empty() {
            return Err(Conflict::Hashes {
                project: project.clone(),
                first_place: at(first),
                second_place: at(pin),
            });
        }
    }
    Ok(merged.into_values().map(|(_, merged)| merged).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Epoch, Platform, SourceModes, SourceTimesPolicy};
    use crate::recipe::{InterpreterIdentity, Umask};
    use crate::requirements::Place;
    use std::path::{Path, PathBuf};

    fn digest(text: &str) -> Sha256Digest {
        Sha256Digest::of(text.as_bytes())
    }

    fn record(wheel: &str, sdist: &str, source: &str) -> BuildRecord {
        let sdist = SdistFilename::parse(sdist).unwrap();
        BuildRecord {
            wheel: WheelFilename::parse(wheel).unwrap(),
            wheel_sha256: digest(wheel),
            sdist_sha256: digest(source),
            is_of_index: false,
            recipe: Recipe::from_policy(
                &RecipePolicy::default(),
                &sdist,
                PathBuf::from("/usr/bin/python3"),
                Vec::new(),
            ),
            sdist,
        }
    }

    fn present(records: &[(BuildRecord, &[usize])], others: &[&str]) -> Present {
        let mut present = Present::default();
        for (record, targets) in records {
            present
                .files
                .insert(record.wheel.to_string(), record.wheel_sha256);
            present
                .files
                .insert(record.filename(), digest("of the record"));
            present
                .files
                .insert(record.sdist.to_string(), record.sdist_sha256);
            present.recorded.push(Recorded {
                record: record.clone(),
                targets: targets.iter().copied().collect(),
            });
        }
        for name in others {
            present.files.insert((*name).to_owned(), digest(name));
        }
        present
    }

    fn wanted(sdist: &str, source: &str, target: usize) -> Wanted {
        Wanted {
            sdist: SdistFilename::parse(sdist).unwrap(),
            sha256: digest(source),
            target,
        }
    }

    fn nothing(_: &ProjectName) -> Asked {
        Asked::default()
    }

    /// Compares with what a policy and perhaps its tools state.
    fn departs(
        record: &BuildRecord,
        policy: &RecipePolicy,
        tools: Option<&[ToolWheel]>,
    ) -> Option<Departure> {
        let asked = Asked {
            policy: policy.clone(),
            tools: tools.map(<[ToolWheel]>::to_vec),
            ..Asked::default()
        };
        departure(record, &asked)
    }

    const WHEEL: &str = "x-1.0-py3-none-any.whl";
    const SDIST: &str = "x-1.0.tar.gz";

    #[test]
    fn what_is_as_it_has_to_be_stays_and_the_rest_goes() {
        let present = present(
            &[
                (record(WHEEL, SDIST, "x"), &[0]),
                (record("y-1.0-py3-none-any.whl", "y-1.0.tar.gz", "y"), &[0]),
            ],
            &["z-1.0-py3-none-any.whl"],
        );
        let plan = plan(&[wanted(SDIST, "x", 0)], &present, &nothing);
        assert_eq!(
            plan.steps,
            [Step::Keep(WheelFilename::parse(WHEEL).unwrap())]
        );
        let kept: Vec<&str> = plan.kept.iter().map(String::as_str).collect();
        assert_eq!(kept, [WHEEL, "x-1.0-py3-none-any.whl.build.json", SDIST]);
        let dropped: Vec<&str> = plan.dropped.iter().map(String::as_str).collect();
        assert_eq!(
            dropped,
            [
                "y-1.0-py3-none-any.whl",
                "y-1.0-py3-none-any.whl.build.json",
                "y-1.0.tar.gz",
                "z-1.0-py3-none-any.whl"
            ]
        );
    }

    #[test]
    fn each_reason_to_build_has_its_name() {
        let here = present(&[(record(WHEEL, SDIST, "x"), &[0])], &[]);
        let bare = present(&[], &[WHEEL]);
        let reason = |present: &Present, wanted: Wanted| match plan(&[wanted], present, &nothing)
            .steps
            .remove(0)
        {
            Step::Build(because) => because,
            Step::Keep(_) => panic!("it stays"),
        };
        assert_eq!(reason(&here, wanted("y-1.0.tar.gz", "y", 0)), Because::New);
        assert_eq!(reason(&here, wanted("x-1.1.tar.gz", "x", 0)), Because::New);
        assert_eq!(reason(&here, wanted(SDIST, "x", 1)), Because::New);
        assert_eq!(
            reason(&here, wanted(SDIST, "other", 0)),
            Because::SdistChanged
        );
        assert_eq!(reason(&bare, wanted(SDIST, "x", 0)), Because::Unrecorded);
    }

    #[test]
    fn what_a_build_takes_the_place_of_is_not_dropped_but_another_interpreters_wheel_is() {
        let for_eleven = record("x-1.0-cp311-cp311-linux_x86_64.whl", SDIST, "x");
        let here = present(&[(for_eleven, &[0])], &[]);
        let changed = plan(&[wanted(SDIST, "other", 0)], &here, &nothing);
        assert!(changed.dropped.is_empty(), "{:?}", changed.dropped);
        let moved = plan(&[wanted(SDIST, "x", 1)], &here, &nothing);
        assert_eq!(moved.steps, [Step::Build(Because::New)]);
        assert_eq!(moved.dropped.len(), 2, "{:?}", moved.dropped);
    }

    #[test]
    fn a_recipe_is_compared_in_what_is_stated() {
        let mut old = record(WHEEL, SDIST, "x");
        assert_eq!(departs(&old, &RecipePolicy::default(), None), None);
        let umask = RecipePolicy {
            umask: Some(0o077),
            ..RecipePolicy::default()
        };
        let found = departs(&old, &umask, None).unwrap();
        assert_eq!(
            (found.part, found.recorded.as_str(), found.stated.as_str()),
            ("umask", "022", "077")
        );
        // Its own build states the defaults; the wheel of an index was as it was.
        old.recipe.umask = Umask::from_bits(0o077);
        let default = RecipePolicy::default();
        assert_eq!(departs(&old, &default, None).unwrap().part, "umask");
        old.is_of_index = true;
        assert_eq!(departs(&old, &default, None), None);
        assert_eq!(departs(&old, &umask, None), None);
        old.recipe.source_date_epoch = Some(1_700_000_000);
        assert_eq!(departs(&old, &default, None), None);
        let epoch = RecipePolicy {
            source_date_epoch: Some(Epoch::At(1_600_000_000)),
            ..RecipePolicy::default()
        };
        assert_eq!(
            departs(&old, &epoch, None).unwrap().part,
            "source-date-epoch"
        );
        let tool = ToolWheel {
            filename: WheelFilename::parse("flit_core-3.9.0-py3-none-any.whl").unwrap(),
            sha256: digest("flit"),
            path: PathBuf::from("/anywhere"),
        };
        let tools = std::slice::from_ref(&tool);
        assert_eq!(departs(&old, &default, Some(tools)).unwrap().part, "tools");
        old.recipe.tools = vec![ToolWheel {
            path: PathBuf::new(),
            ..tool.clone()
        }];
        assert_eq!(departs(&old, &default, Some(tools)), None);
        assert_eq!(departs(&old, &default, None), None);
    }

    fn sysconfig(compiler: &str) -> Sysconfig {
        Sysconfig::from_json(format!("{{\"CC\": \"{compiler}\"}}").as_bytes()).unwrap()
    }

    fn input(contents: &str) -> Input {
        Input {
            at: PathBuf::from("/opt/inp"),
            sha256: digest(contents),
            path: PathBuf::from("/some/dir"),
        }
    }

    fn tool(contents: &str) -> ToolWheel {
        ToolWheel {
            filename: WheelFilename::parse("flit_core-3.9.0-py3-none-any.whl").unwrap(),
            sha256: digest(contents),
            path: PathBuf::new(),
        }
    }

    /// Returns what is asked for with every part of a recipe stated.
    fn all_stated() -> Asked {
        let words = |key: &str, value: &str| [(key.to_owned(), value.to_owned())];
        let time = 1_600_000_000;
        Asked {
            policy: RecipePolicy {
                source_date_epoch: Some(Epoch::At(time)),
                clock: Some(Epoch::At(time)),
                clock_steps: Some([(".whl".to_owned(), time + 4)].into()),
                platform: Some(Platform::Windows),
                distutils: Some([("a".to_owned(), words("b", "c").into())].into()),
                umask: Some(0o077),
                source_modes: Some(SourceModes::Archive),
                source_times: Some(SourceTimesPolicy::At(time)),
                time_zone: Some("CET-1CEST".to_owned()),
                build_path: Some("/b/{sdist}".to_owned()),
                prefix_map: Some("/p".to_owned()),
                environment: Some(words("CC", "gcc").into()),
                ..RecipePolicy::default()
            },
            tools: Some(vec![tool("flit")]),
            inputs: vec![input("a")],
            sysconfig: Some(sysconfig("gcc")),
        }
    }

    #[test]
    fn every_part_of_a_recipe_is_compared() {
        let asked = all_stated();
        let mut old = record(WHEEL, SDIST, "x");
        let interpreter = PathBuf::from("/usr/bin/python3");
        old.recipe = Recipe {
            inputs: asked.inputs.clone(),
            sysconfig: asked.sysconfig.clone(),
            ..Recipe::from_policy(
                &asked.policy,
                &old.sdist,
                interpreter,
                asked.tools.clone().unwrap(),
            )
        };
        assert_eq!(departure(&old, &asked), None);
        type Change = fn(&mut Asked);
        let changes: [(&str, Change); 15] = [
            ("source_date_epoch", |it| {
                it.policy.source_date_epoch = Some(Epoch::Unset)
            }),
            ("clock", |it| {
                it.policy.clock = Some(Epoch::At(1_600_000_001))
            }),
            ("clock_steps", |it| it.policy.clock_steps = None),
            ("platform", |it| it.policy.platform = None),
            ("distutils", |it| it.policy.distutils = None),
            ("umask", |it| it.policy.umask = None),
            ("source_modes", |it| {
                it.policy.source_modes = Some(SourceModes::DataFilter)
            }),
            ("source_times", |it| {
                it.policy.source_times = Some(SourceTimesPolicy::Archive)
            }),
            ("time_zone", |it| it.policy.time_zone = None),
            ("build_path", |it| it.policy.build_path = None),
            ("prefix_map", |it| it.policy.prefix_map = None),
            ("environment", |it| it.policy.environment = None),
            ("tools", |it| it.tools = Some(vec![tool("another")])),
            ("inputs", |it| it.inputs = vec![input("b")]),
            ("sysconfig", |it| it.sysconfig = Some(sysconfig("clang"))),
        ];
        let mut parts = BTreeSet::new();
        for (part, change) in changes {
            let mut other = asked.clone();
            change(&mut other);
            let found = departure(&old, &other).map(|it| it.part.replace('-', "_"));
            assert_eq!(found.as_deref(), Some(part));
            parts.insert(part.to_owned());
        }
        // As a report writes a recipe, all of it but what is this machine's.
        let written = serde_json::to_value(&old.recipe).unwrap();
        let mut written: BTreeSet<String> = written.as_object().unwrap().keys().cloned().collect();
        assert!(written.remove("interpreter"));
        assert_eq!(parts, written);
        // An input less, or more, is another recipe too.
        for inputs in [
            vec![],
            vec![
                input("a"),
                Input {
                    at: "/b".into(),
                    ..input("b")
                },
            ],
        ] {
            let other = Asked {
                inputs,
                ..asked.clone()
            };
            assert_eq!(departure(&old, &other).unwrap().part, "inputs");
        }
    }

    #[test]
    fn sysconfig_data_is_compared_where_something_was_compiled() {
        let mut old = record(WHEEL, SDIST, "x");
        let stated = |data: Option<Sysconfig>| Asked {
            sysconfig: data,
            ..Asked::default()
        };
        // Nothing was compiled, so the record has none.
        assert_eq!(departure(&old, &stated(Some(sysconfig("gcc")))), None);
        // The data of the interpreter that built it, which nobody stated.
        old.recipe.sysconfig = Some(sysconfig("gcc"));
        old.recipe.machine.interpreter = Some(InterpreterIdentity {
            implementation: "cpython".to_owned(),
            package: None,
            path: "/usr/bin/python3".to_owned(),
            sha256: digest("python"),
            sysconfig_sha256: sysconfig("gcc").sha256(),
            version: "3.11.2".to_owned(),
        });
        assert_eq!(departure(&old, &stated(None)), None);
        assert_eq!(departure(&old, &stated(Some(sysconfig("gcc")))), None);
        let found = departure(&old, &stated(Some(sysconfig("clang")))).unwrap();
        assert_eq!(found.part, "sysconfig");
        // Data from elsewhere, which is no longer stated.
        old.recipe.sysconfig = Some(sysconfig("clang"));
        assert_eq!(departure(&old, &stated(None)).unwrap().part, "sysconfig");
        assert_eq!(departure(&old, &stated(Some(sysconfig("clang")))), None);
    }

    fn pin(line: u64, project: &str, version: &str, hashes: &[&str]) -> Pin {
        Pin {
            place: Place {
                path: Path::new("lock.txt").into(),
                line,
            },
            requirement: Requirement {
                project: ProjectName::parse(project).unwrap(),
                extras: Vec::new(),
                version: version.parse().unwrap(),
                hashes: hashes.iter().map(|text| digest(text)).collect(),
                marker: None,
                line,
            },
            is_conditional: false,
        }
    }

    #[test]
    fn one_project_is_asked_for_once_or_told() {
        let same = [
            pin(1, "x", "1.0", &["a", "b"]),
            pin(2, "y", "1", &["c"]),
            pin(3, "X", "1.0.0", &["b", "d"]),
        ];
        let both = merged(same.iter()).unwrap();
        assert_eq!(both.len(), 2);
        assert_eq!(both[0].hashes, [digest("b")]);
        for (second, says) in [
            (
                pin(7, "x", "1.1", &["a"]),
                "x is asked for as 1.0 in lock.txt, line 1 and as 1.1 in lock.txt, line 7",
            ),
            (
                pin(7, "x", "1.0", &["z"]),
                "x has no hash in lock.txt, line 7 that it has in lock.txt, line 1",
            ),
            (pin(7, "z", "1.0", &[]), "z has no hash in lock.txt, line 7"),
        ] {
            let error = merged([&same[0], &second].into_iter()).unwrap_err();
            assert_eq!(error.to_string(), says);
        }
    }
}
