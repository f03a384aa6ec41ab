//! Build records: what who built a wheel wrote down about the build.
//!
//! In: the bytes of a record; whether somebody signed for them is not known here.
//! Out: [`BuildRecord`]. There is one way to write a record, so that the digest of
//! the file is the digest of what it says: `docs/build-record.md` is the format.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Input, Machine, Recipe, SourceModes, SourceTimes, Sysconfig, ToolWheel, Umask};
use crate::digest::Sha256Digest;
use crate::filename::{SdistFilename, WheelFilename};
use crate::policy::{self, Distutils, Platform};

/// The name and version of the format.
const SCHEMA: &str = "wheelproof.build-record/1";
/// What the name of a record has after the name of its wheel.
pub const ENDING: &str = ".build.json";
/// The most bytes a record may have; one with sysconfig data has 50 kB.
pub const MAX_BYTES: u64 = 4 << 20;

/// A wheel, what it was built from, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildRecord {
    /// The file name of the wheel.
    pub wheel: WheelFilename,
    /// Its digest.
    pub wheel_sha256: Sha256Digest,
    /// The file name of the sdist.
    pub sdist: SdistFilename,
    /// Its digest.
    pub sdist_sha256: Sha256Digest,
    /// Whether an index had a wheel of this name with the same bytes.
    pub is_of_index: bool,
    /// The recipe, without the places of another machine: tools and inputs have no
    /// path, and the interpreter's is the one it had there.
    pub recipe: Recipe,
}

/// Why a file is no build record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// It is no JSON of this form.
    #[error("it is no build record: {0}")]
    Malformed(String),
    /// It is of another version.
    #[error("its schema is '{}', and this program reads {SCHEMA}", .0.escape_default())]
    Schema(String),
    /// A value is out of range.
    #[error("{key} is wrong: {reason}")]
    Value {
        /// The key.
        key: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// It could be written in another way.
    #[error(
        "it is not in canonical form: keys sorted, nothing between them, absent where there is nothing to say, one line end at the end"
    )]
    NotCanonical,
}

/// Returns the wheel that a file of this name is the record of.
pub fn recorded_wheel(name: &str) -> Option<WheelFilename> {
    WheelFilename::parse(name.strip_suffix(ENDING)?).ok()
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRecord {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    index: Option<Identical>,
    #[serde(default, skip_serializing_if = "Machine::is_empty")]
    machine: Machine,
    recipe: RawRecipe,
    schema: String,
    sdist: RawFile,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sysconfig: Option<serde_json::Value>,
    wheel: RawFile,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    filename: String,
    sha256: Sha256Digest,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawInput {
    at: String,
    sha256: Sha256Digest,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRecipe {
    build_path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    clock: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    clock_steps: Option<BTreeMap<String, i64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    distutils: Option<Distutils>,
    environment: BTreeMap<String, String>,
    inputs: Vec<RawInput>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    platform: Option<Windows>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prefix_map: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source_date_epoch: Option<i64>,
    source_modes: SourceModes,
    source_times: RawSourceTimes,
    time_zone: String,
    tools: Vec<RawFile>,
    umask: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Identical {
    Identical,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Windows {
    Windows,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum RawSourceTimes {
    At(i64),
    Word(Archive),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Archive {
    Archive,
}

impl BuildRecord {
    /// Returns the name of the record's file.
    pub fn filename(&self) -> String {
        format!("{}{ENDING}", self.wheel)
    }

    /// Reads a record.
    ///
    /// # Errors
    ///
    /// [`RecordError`] with the first thing that is not as the format says.
    pub fn parse(bytes: &[u8]) -> Result<Self, RecordError> {
        /// Only the version, so that a later one is told from a broken file.
        #[derive(Deserialize)]
        struct Versioned {
            schema: String,
        }
        let malformed = |error: serde_json::Error| RecordError::Malformed(error.to_string());
        let Versioned { schema } = serde_json::from_slice(bytes).map_err(malformed)?;
        if schema != SCHEMA {
            return Err(RecordError::Schema(schema));
        }
        let raw: RawRecord = serde_json::from_slice(bytes).map_err(malformed)?;
        let record = Self::checked(raw)?;
        if record.to_bytes() != bytes {
            return Err(RecordError::NotCanonical);
        }
        Ok(record)
    }

    fn checked(raw: RawRecord) -> Result<Self, RecordError> {
        let wrong = |key: &'static str| {
            move |reason: &dyn std::fmt::Display| RecordError::Value {
                key,
                reason: reason.to_string(),
            }
        };
        let wheel_name = |key: &'static str, text: &str| {
            WheelFilename::parse(text).map_err(|error| wrong(key)(&error))
        };
        let time = |key: &'static str, seconds: Option<i64>| {
            seconds
                .map(|seconds| policy::check_epoch(seconds).map_err(|error| wrong(key)(&error)))
                .transpose()
        };
        let text = |key: &'static str, checked: Result<String, String>| {
            checked.map_err(|error| wrong(key)(&error))
        };
        let recipe = raw.recipe;
        let path = raw.machine.interpreter.as_ref().map(|it| it.path.clone());
        let build_path = text(
            "build_path",
            policy::check_build_path(&recipe.build_path).and_then(|path| {
                match path.contains(['{', '}']) {
                    true => Err("a record has no placeholders".to_owned()),
                    false => Ok(path),
                }
            }),
        )?;
        let mut tools = Vec::new();
        for tool in recipe.tools {
            tools.push(ToolWheel {
                filename: wheel_name("tools", &tool.filename)?,
                sha256: tool.sha256,
                path: PathBuf::new(),
            });
        }
        let mut inputs = Vec::new();
        for input in recipe.inputs {
            inputs.push(Input {
                at: policy::check_input_path(input.at.as_ref())
                    .map_err(|error| wrong("inputs")(&error))?,
                sha256: input.sha256,
                path: PathBuf::new(),
            });
        }
        let source_times = match recipe.source_times {
            RawSourceTimes::At(seconds) => {
                time("source_times", Some(seconds))?;
                SourceTimes::At(seconds)
            }
            RawSourceTimes::Word(Archive::Archive) => SourceTimes::Archive,
        };
        let clock_steps = recipe.clock_steps.unwrap_or_default();
        match recipe.clock {
            Some(start) => policy::check_clock_steps(start, &clock_steps)
                .map_err(|error| wrong("clock_steps")(&error))?,
            None if clock_steps.is_empty() => {}
            None => return Err(wrong("clock_steps")(&"it has no clock that could go on")),
        }
        let distutils = recipe.distutils.unwrap_or_default();
        policy::check_distutils(&distutils).map_err(|error| wrong("distutils")(&error))?;
        let recipe = Recipe {
            distutils,
            sysconfig: raw
                .sysconfig
                .map(Sysconfig::from_value)
                .transpose()
                .map_err(|error| wrong("sysconfig")(&error))?,
            tools,
            inputs,
            source_date_epoch: time("source_date_epoch", recipe.source_date_epoch)?,
            clock: time("clock", recipe.clock)?,
            clock_steps,
            platform: match recipe.platform {
                Some(Windows::Windows) => Platform::Windows,
                None => Platform::Native,
            },
            umask: Umask::parse(&recipe.umask)
                .ok_or_else(|| wrong("umask")(&"it is no octal umask such as 022"))?,
            source_modes: recipe.source_modes,
            source_times,
            time_zone: text("time_zone", policy::check_time_zone(&recipe.time_zone))?,
            prefix_map: recipe
                .prefix_map
                .map(|map| text("prefix_map", policy::check_prefix_map(&map)))
                .transpose()?,
            environment: recipe.environment,
            machine: raw.machine,
            ..Recipe::new(
                PathBuf::from(path.unwrap_or_default()),
                PathBuf::from(build_path),
            )
        };
        Ok(Self {
            wheel: wheel_name("wheel", &raw.wheel.filename)?,
            wheel_sha256: raw.wheel.sha256,
            sdist: SdistFilename::parse(&raw.sdist.filename)
                .map_err(|error| wrong("sdist")(&error))?,
            sdist_sha256: raw.sdist.sha256,
            is_of_index: raw.index.is_some(),
            recipe,
        })
    }

    /// Returns the record as bytes, which are the only ones that say this.
    pub fn to_bytes(&self) -> Vec<u8> {
        let recipe = &self.recipe;
        let file = |filename: String, sha256| RawFile { filename, sha256 };
        let mut tools: Vec<RawFile> = recipe
            .tools
            .iter()
            .map(|tool| file(tool.filename.to_string(), tool.sha256))
            .collect();
        tools.sort_by(|one, other| one.filename.cmp(&other.filename));
        let mut inputs: Vec<RawInput> = recipe
            .inputs
            .iter()
            .map(|input| RawInput {
                at: input.at.display().to_string(),
                sha256: input.sha256,
            })
            .collect();
        inputs.sort_by(|one, other| one.at.cmp(&other.at));
        let raw = RawRecord {
            index: self.is_of_index.then_some(Identical::Identical),
            machine: recipe.machine.clone(),
            recipe: RawRecipe {
                build_path: recipe.build_path.display().to_string(),
                clock: recipe.clock,
                clock_steps: (!recipe.clock_steps.is_empty()).then(|| recipe.clock_steps.clone()),
                distutils: (!recipe.distutils.is_empty()).then(|| recipe.distutils.clone()),
                environment: recipe.environment.clone(),
                inputs,
                platform: match recipe.platform {
                    Platform::Native => None,
                    Platform::Windows => Some(Windows::Windows),
                },
                prefix_map: recipe.prefix_map.clone(),
                source_date_epoch: recipe.source_date_epoch,
                source_modes: recipe.source_modes,
                source_times: match recipe.source_times {
                    SourceTimes::Archive => RawSourceTimes::Word(Archive::Archive),
                    SourceTimes::At(seconds) => RawSourceTimes::At(seconds),
                },
                time_zone: recipe.time_zone.clone(),
                tools,
                umask: recipe.umask.to_string(),
            },
            schema: SCHEMA.to_owned(),
            sdist: file(self.sdist.to_string(), self.sdist_sha256),
            sysconfig: recipe.sysconfig.as_ref().map(Sysconfig::json),
            wheel: file(self.wheel.to_string(), self.wheel_sha256),
        };
        // A value keeps its keys sorted; a struct keeps them as they are declared.
        let value = serde_json::to_value(raw).unwrap_or_default();
        let mut bytes = value.to_string().into_bytes();
        bytes.push(b'\n');
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by hand after the page, sorted by hand, without the program.
    const BY_HAND: &str = concat!(
        r#"{"machine":{"interpreter":{"implementation":"cpython","#,
        r#""path":"/usr/bin/python3.11","#,
        r#""sha256":"a83c0370d91532c96d4060a0e7c107d1f2889dad8a98e03395e86ef0373fd467","#,
        r#""sysconfig_sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","#,
        r#""version":"3.11.2"},"zlib":"1.2.13"},"#,
        r#""recipe":{"build_path":"/build/x-1.0","environment":{"LC_ALL":"C"},"inputs":[],"#,
        r#""source_date_epoch":1309379017,"source_modes":"umask","source_times":"archive","#,
        r#""time_zone":"UTC","tools":[{"filename":"flit_core-2.3.0-py2.py3-none-any.whl","#,
        r#""sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}],"umask":"022"},"#,
        r#""schema":"wheelproof.build-record/1","#,
        r#""sdist":{"filename":"x-1.0.tar.gz","#,
        r#""sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},"#,
        r#""wheel":{"filename":"x-1.0-py3-none-any.whl","#,
        r#""sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}}"#,
        "\n"
    );

    #[test]
    fn a_record_written_by_hand_is_read() {
        let record = BuildRecord::parse(BY_HAND.as_bytes()).expect("reads");
        assert_eq!(record.filename(), "x-1.0-py3-none-any.whl.build.json");
        assert_eq!(record.recipe.source_date_epoch, Some(1_309_379_017));
        assert_eq!(record.recipe.machine.zlib.as_deref(), Some("1.2.13"));
        assert_eq!(record.recipe.tools.len(), 1);
        assert_eq!(record.to_bytes(), BY_HAND.as_bytes());
    }

    #[test]
    fn a_clock_goes_on_and_never_back() {
        let with = |clock: &str| {
            let text = format!("\"build_path\":\"/build/x-1.0\",{clock}\"environment\"");
            BY_HAND.replace("\"build_path\":\"/build/x-1.0\",\"environment\"", &text)
        };
        let text = with(
            "\"clock\":1500000000,\"clock_steps\":{\".dist-info/WHEEL\":1500000002,\".whl\":1500000004},",
        );
        let record = BuildRecord::parse(text.as_bytes()).expect("reads");
        assert_eq!(record.recipe.clock_steps[".whl"], 1_500_000_004);
        assert_eq!(record.to_bytes(), text.as_bytes());
        for (what, clock) in [
            (
                "back",
                "\"clock\":1500000000,\"clock_steps\":{\".whl\":1499999998},",
            ),
            ("none", "\"clock\":1500000000,\"clock_steps\":{},"),
            (
                "no end",
                "\"clock\":1500000000,\"clock_steps\":{\"\":1500000002},",
            ),
            ("no clock", "\"clock_steps\":{\".whl\":1500000004},"),
        ] {
            assert!(
                BuildRecord::parse(with(clock).as_bytes()).is_err(),
                "{what}"
            );
        }
    }

    #[test]
    fn options_of_distutils_are_single_lines() {
        let with = |options: &str| {
            let text = format!("\"distutils\":{options},\"environment\"");
            BY_HAND.replace("\"environment\"", &text)
        };
        let text = with(r#"{"bdist_wheel":{"universal":"1"}}"#);
        let record = BuildRecord::parse(text.as_bytes()).expect("reads");
        assert_eq!(record.recipe.distutils["bdist_wheel"]["universal"], "1");
        assert_eq!(record.to_bytes(), text.as_bytes());
        for options in [
            "{}",
            r#"{"bdist_wheel":{}}"#,
            r#"{"a]b":{"universal":"1"}}"#,
            r#"{"bdist_wheel":{"a=b":"1"}}"#,
            r#"{"bdist_wheel":{"a":"1\n[install]"}}"#,
            r#"{"bdist_wheel":{"a":1}}"#,
            r#"{"bdist_wheel":{"a":"100%"}}"#,
        ] {
            assert!(
                BuildRecord::parse(with(options).as_bytes()).is_err(),
                "{options}"
            );
        }
    }

    #[test]
    fn a_simulated_windows_is_said_and_the_own_system_is_not() {
        let text = BY_HAND.replace("\"inputs\":[],", "\"inputs\":[],\"platform\":\"windows\",");
        let record = BuildRecord::parse(text.as_bytes()).expect("reads");
        assert_eq!(record.recipe.platform, Platform::Windows);
        assert_eq!(record.to_bytes(), text.as_bytes());
        let silent = BuildRecord::parse(BY_HAND.as_bytes()).expect("reads");
        assert_eq!(silent.recipe.platform, Platform::Native);
        for other in ["native", "Windows", "darwin"] {
            let other = text.replace("\"windows\"", &format!("\"{other}\""));
            assert!(BuildRecord::parse(other.as_bytes()).is_err(), "{other}");
        }
    }

    #[test]
    fn every_other_way_to_write_it_is_refused() {
        let canonical = BY_HAND.trim_end();
        for (what, text) in [
            ("no line end", canonical.to_owned()),
            ("two line ends", format!("{canonical}\n\n")),
            ("a space", BY_HAND.replacen("\":\"", "\": \"", 1)),
            (
                "an escape",
                BY_HAND.replace("\"LC_ALL\"", "\"LC\\u005fALL\""),
            ),
            (
                "null",
                BY_HAND.replace("\"inputs\":[],", "\"clock\":null,\"inputs\":[],"),
            ),
            ("upper case", BY_HAND.replace("a83c0370", "A83C0370")),
            ("a long umask", BY_HAND.replace("\"022\"", "\"0022\"")),
            (
                "another order",
                BY_HAND.replace("\"time_zone\":\"UTC\",", "").replace(
                    "\"umask\":\"022\"",
                    "\"umask\":\"022\",\"time_zone\":\"UTC\"",
                ),
            ),
            (
                "an empty machine part",
                BY_HAND.replace("\"inputs\":[],", "\"inputs\":[],\"prefix_map\":null,"),
            ),
        ] {
            let error = BuildRecord::parse(text.as_bytes()).expect_err(what);
            assert_eq!(error, RecordError::NotCanonical, "{what}");
        }
    }

    #[test]
    fn what_is_missing_unknown_twice_or_out_of_range_is_refused() {
        for (what, from, to) in [
            ("unknown", "\"inputs\":[],", "\"inputs\":[],\"jobs\":1,"),
            ("unknown", "\"zlib\":", "\"zip\":"),
            ("missing", "\"inputs\":[],", ""),
            ("missing", "\"umask\":\"022\"", "\"umask\":22"),
            ("twice", "\"inputs\":[],", "\"inputs\":[],\"inputs\":[],"),
            ("placeholder", "/build/x-1.0", "/build/{sdist}"),
            ("relative", "/build/x-1.0", "build/x-1.0"),
            ("climbs", "/build/x-1.0", "/build/../x"),
            ("octal", "\"022\"", "\"999\""),
            ("time", "1309379017", "17"),
            ("zone", "\"UTC\"", "\"/etc/shadow\""),
            ("wheel", "\"x-1.0-py3-none-any.whl\"", "\"x.whl\""),
            ("tool", "flit_core-2.3.0-py2.py3-none-any.whl", "../x.whl"),
            ("version", "build-record/1", "build-record/2"),
            ("digest", "a83c0370", "z83c0370"),
        ] {
            assert!(BY_HAND.contains(from), "{from}");
            let text = BY_HAND.replacen(from, to, 1);
            assert!(BuildRecord::parse(text.as_bytes()).is_err(), "{what}: {to}");
        }
        assert!(BuildRecord::parse(b"").is_err());
        assert!(BuildRecord::parse(b"[]\n").is_err());
        let deep = "[".repeat(100_000);
        assert!(BuildRecord::parse(deep.as_bytes()).is_err());
    }

    #[test]
    fn the_name_of_a_record_is_its_wheels() {
        assert!(recorded_wheel("x-1.0-py3-none-any.whl.build.json").is_some());
        for name in [
            "x.whl.build.json",
            "x-1.0.tar.gz.build.json",
            ".build.json",
            "a",
        ] {
            assert!(recorded_wheel(name).is_none(), "{name}");
        }
    }
}
