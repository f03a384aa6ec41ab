//! What a policy says of rebuilding: `[rebuild]` and the tables below it.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::PolicyError;
use super::check_epoch;
use super::keys::{Class, Effect, Name, Rule, Table, Taken, table};
use super::raw::exceeds;
use super::source::Source;
use crate::filename::ProjectName;
use crate::requirements::{self, Requirement};

/// How strongly builds are shut in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SandboxPolicy {
    /// Only in the full sandbox; refuse to build without it.
    Require,
    /// In the best one this machine has; say which. Refuse to build where it has none.
    #[default]
    Auto,
    /// In none, even where this machine has one.
    Off,
}

impl SandboxPolicy {
    /// Every value with the word for it.
    pub const WORDS: &[(&str, Self)] = &[
        ("require", Self::Require),
        ("auto", Self::Auto),
        ("off", Self::Off),
    ];
}

/// Whether build records decide how wheels are rebuilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordsPolicy {
    /// A wheel that has a signed record is rebuilt by it.
    #[default]
    Use,
    /// Records are read, and nothing is built by them.
    Ignore,
}

impl RecordsPolicy {
    /// Every value with the word for it.
    pub const WORDS: &[(&str, Self)] = &[("use", Self::Use), ("ignore", Self::Ignore)];
}

/// An interpreter that a policy names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct InterpreterPolicy {
    /// The directory that takes the place of `/`, with another system in it.
    pub root: Option<PathBuf>,
    /// The interpreter: a bare name, looked for on the path, or a file. With a
    /// root, a path inside.
    pub python: PathBuf,
}

impl From<PathBuf> for InterpreterPolicy {
    fn from(python: PathBuf) -> Self {
        Self { root: None, python }
    }
}

/// How wheels are rebuilt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RebuildPolicy {
    /// How many builds run at once; one a core when not said.
    pub jobs: Option<NonZeroUsize>,
    /// How long one build may take.
    pub timeout: Duration,
    /// How many bytes of memory each process of a build may use.
    pub memory: u64,
    /// How many bytes a build may write.
    pub disk: u64,
    /// How many processes a build may have.
    pub processes: u64,
    /// How strongly builds are shut in.
    pub sandbox: SandboxPolicy,
    /// Whether build records decide how wheels are rebuilt.
    pub records: RecordsPolicy,
    /// Whether only equal digests count, and no witness.
    pub exact: bool,
    /// Interpreters by Python tag, such as `py3` or `cp311`; at least one each,
    /// the one to take first in front.
    pub interpreters: BTreeMap<String, Vec<InterpreterPolicy>>,
    /// What all projects share.
    pub recipe: RecipePolicy,
    /// What single projects have instead.
    pub projects: BTreeMap<ProjectName, RecipePolicy>,
}

impl Default for RebuildPolicy {
    fn default() -> Self {
        Self {
            jobs: None,
            timeout: Duration::from_secs(600),
            memory: 4 << 30,
            disk: 4 << 30,
            processes: 512,
            sandbox: SandboxPolicy::default(),
            records: RecordsPolicy::default(),
            exact: false,
            interpreters: BTreeMap::new(),
            recipe: RecipePolicy::default(),
            projects: BTreeMap::new(),
        }
    }
}

impl RebuildPolicy {
    /// Returns what holds for a project: its own keys, then the shared ones.
    pub fn recipe_of(&self, project: &ProjectName) -> RecipePolicy {
        match self.projects.get(project) {
            Some(own) => own.or(&self.recipe),
            None => self.recipe.clone(),
        }
    }
}

/// A setting that can be taken back for one project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Epoch {
    /// These seconds since 1970.
    At(i64),
    /// None: `SOURCE_DATE_EPOCH` is not in the environment, the clock is real.
    Unset,
}

/// Where the times of the unpacked source come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceTimesPolicy {
    /// The archive.
    Archive,
    /// These seconds since 1970, for every file.
    At(i64),
}

/// The system that a build believes it runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Platform {
    /// This one.
    #[default]
    Native,
    /// A simulated Windows: text files, modes and headers of archives are as that
    /// system's Python writes them.
    Windows,
}

impl Platform {
    /// Every value with the word for it.
    pub const WORDS: &[(&str, Self)] = &[("native", Self::Native), ("windows", Self::Windows)];

    /// Returns whether nothing is simulated.
    pub fn is_native(&self) -> bool {
        *self == Self::Native
    }

    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Windows => "windows",
        }
    }
}

/// Options of distutils, by command and option, as its configuration files have
/// them.
pub type Distutils = BTreeMap<String, BTreeMap<String, String>>;

/// A recipe as far as a policy gives it. What is `None` comes from the layer
/// below: a project's own, then the shared one, then the defaults.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct RecipePolicy {
    /// The interpreter, whatever the Python tags say.
    pub interpreter: Option<InterpreterPolicy>,
    /// Where the sysconfig data comes from: another interpreter, a module, a file
    /// of JSON, a build record.
    pub sysconfig: Option<PathBuf>,
    /// `SOURCE_DATE_EPOCH`.
    pub source_date_epoch: Option<Epoch>,
    /// The time that the build believes it is.
    pub clock: Option<Epoch>,
    /// When that time goes on, by how the path of a file ends that is begun then. Of
    /// no use without a clock in the same layer.
    pub clock_steps: Option<BTreeMap<String, i64>>,
    /// The system that the build believes it runs on.
    pub platform: Option<Platform>,
    /// The user's configuration of distutils.
    pub distutils: Option<Distutils>,
    /// Octal mode bits that new files lack.
    pub umask: Option<u16>,
    /// Where the modes of unpacked files come from.
    pub source_modes: Option<SourceModes>,
    /// Where the times of unpacked files come from.
    pub source_times: Option<SourceTimesPolicy>,
    /// The value of `TZ`.
    pub time_zone: Option<String>,
    /// The path of the source during the build, with `{sdist}`, `{name}` and
    /// `{version}` to be filled in.
    pub build_path: Option<String>,
    /// What compilers write instead of the build path, with the same placeholders.
    pub prefix_map: Option<String>,
    /// Lists of tool wheels by hash.
    pub tools: Option<Vec<PathBuf>>,
    /// Tool wheels by hash, written down in the policy itself.
    pub pinned_tools: Option<Vec<Requirement>>,
    /// Directories that hold tool wheels.
    pub tool_directories: Option<Vec<PathBuf>>,
    /// Signed wheelhouses that hold tool wheels: directories with a policy or a
    /// manifest of their own.
    pub tool_wheelhouses: Option<Vec<PathBuf>>,
    /// Directories that the build reads, by the path it finds them at.
    pub inputs: Option<BTreeMap<PathBuf, PathBuf>>,
    /// Variables added to the environment.
    pub environment: Option<BTreeMap<String, String>>,
}

impl RecipePolicy {
    /// Returns whether it says where the tools are, and be it that there are none.
    pub fn names_tools(&self) -> bool {
        self.tools.is_some()
            || self.pinned_tools.is_some()
            || self.tool_directories.is_some()
            || self.tool_wheelhouses.is_some()
    }

    /// Returns this recipe with the gaps filled from another.
    #[must_use]
    pub fn or(&self, below: &Self) -> Self {
        fn first<T: Clone>(own: &Option<T>, below: &Option<T>) -> Option<T> {
            own.as_ref().or(below.as_ref()).cloned()
        }
        Self {
            interpreter: first(&self.interpreter, &below.interpreter),
            sysconfig: first(&self.sysconfig, &below.sysconfig),
            source_date_epoch: self.source_date_epoch.or(below.source_date_epoch),
            clock: self.clock.or(below.clock),
            // The steps are those of the clock that holds.
            clock_steps: match self.clock {
                Some(_) => self.clock_steps.clone(),
                None => below.clock_steps.clone(),
            },
            platform: self.platform.or(below.platform),
            distutils: first(&self.distutils, &below.distutils),
            umask: self.umask.or(below.umask),
            source_modes: self.source_modes.or(below.source_modes),
            source_times: self.source_times.or(below.source_times),
            time_zone: first(&self.time_zone, &below.time_zone),
            build_path: first(&self.build_path, &below.build_path),
            prefix_map: first(&self.prefix_map, &below.prefix_map),
            tools: first(&self.tools, &below.tools),
            pinned_tools: first(&self.pinned_tools, &below.pinned_tools),
            tool_directories: first(&self.tool_directories, &below.tool_directories),
            tool_wheelhouses: first(&self.tool_wheelhouses, &below.tool_wheelhouses),
            inputs: first(&self.inputs, &below.inputs),
            environment: first(&self.environment, &below.environment),
        }
    }
}

/// Where the modes of unpacked files come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceModes {
    /// The archive's modes less the umask, as `tar --no-same-permissions`.
    #[default]
    Umask,
    /// The archive's modes as they are, as `tar` does for root, and Python's tarfile
    /// does without a filter.
    Archive,
    /// The archive's modes without writing for group and others, whatever the umask, as
    /// Python's tarfile does with the filter "data" (PEP 706).
    DataFilter,
}

impl SourceModes {
    /// The words of the policy.
    pub const WORDS: &[(&str, Self)] = &[
        ("umask", Self::Umask),
        ("archive", Self::Archive),
        ("data-filter", Self::DataFilter),
    ];

    /// Returns the word of the policy.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Umask => "umask",
            Self::Archive => "archive",
            Self::DataFilter => "data-filter",
        }
    }
}

table! {
    struct Raw {
        jobs: i64 => Rule::AtOnce(|number| *number),
        timeout: i64 => Rule::Widens(|most| exceeds(*most, RebuildPolicy::default().timeout.as_secs())),
        memory_mib: i64 => Rule::Widens(|most| exceeds(*most, RebuildPolicy::default().memory >> 20)),
        disk_mib: i64 => Rule::Widens(|most| exceeds(*most, RebuildPolicy::default().disk >> 20)),
        processes: i64 => Rule::Widens(|most| exceeds(*most, RebuildPolicy::default().processes)),
        sandbox: String => Rule::Runs(|word| match word.as_str() {
            "off" => Effect::Unconfines,
            _ => Effect::Harmless,
        }),
        records: String => Rule::Widens(|word| word != "use"),
        exact: bool => Rule::Narrows,
        [interpreters]: RawTags,
        [recipe]: RawRecipe,
        [projects]: RawProjects,
    }
}

/// `[rebuild.interpreters]`, whose keys are Python tags.
#[derive(Deserialize, Default)]
#[serde(transparent)]
pub(super) struct RawTags(BTreeMap<Spanned<String>, Spanned<RawInterpreters>>);

impl Table for RawTags {
    fn take(&self, name: &Name, taken: &mut Taken<'_>) {
        for (tag, named) in &self.0 {
            let list = match named.get_ref() {
                RawInterpreters::One(one) => std::slice::from_ref(one),
                RawInterpreters::Several(several) => several.as_slice(),
            };
            let programs = list.iter().map(RawInterpreter::program).collect();
            taken.add(
                &name.below(tag.get_ref()),
                named.span(),
                Effect::Runs(programs),
            );
        }
    }

    fn classes(name: &Name, all: &mut Vec<(String, Class)>) {
        all.push((name.below("TAG").shown, Class::Runs));
    }
}

/// `[rebuild.projects]`, whose keys are names of projects.
#[derive(Deserialize, Default)]
#[serde(transparent)]
pub(super) struct RawProjects(BTreeMap<Spanned<String>, RawRecipe>);

impl Table for RawProjects {
    fn take(&self, name: &Name, taken: &mut Taken<'_>) {
        for (project, recipe) in &self.0 {
            let own = Name {
                shown: name.below(project.get_ref()).shown,
                // A flag replaces what the project has and what all share.
                setting: "rebuild.recipe".to_owned(),
            };
            recipe.take(&own, taken);
        }
    }

    fn classes(name: &Name, all: &mut Vec<(String, Class)>) {
        RawRecipe::classes(&name.below("NAME"), all);
    }
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "an interpreter is a path, or a table { root = \"/DIR\", python = \"/PATH\" }, or a list of these"
)]
pub(super) enum RawInterpreters {
    // First: a list of two would also do for a table of two fields.
    Several(Vec<RawInterpreter>),
    One(RawInterpreter),
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "an interpreter is a path, or a table { root = \"/DIR\", python = \"/PATH\" }"
)]
pub(super) enum RawInterpreter {
    Path(PathBuf),
    Table(RawInterpreterTable),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawInterpreterTable {
    root: Option<PathBuf>,
    python: PathBuf,
}

impl RawInterpreter {
    /// Returns what is run: the interpreter, or the whole system that takes the place
    /// of this one.
    fn program(&self) -> PathBuf {
        match self {
            Self::Path(python) => python.clone(),
            Self::Table(RawInterpreterTable { root: None, python }) => python.clone(),
            // Never a bare name.
            Self::Table(RawInterpreterTable {
                root: Some(root), ..
            }) => Path::new(".").join(root),
        }
    }
}

table! {
    // What decides the bytes and nothing else describes: with a false word the signed
    // bytes do not come back, and the report has the recipe. What brings in code or data
    // that is not in the signed sdist widens: a tool could bring the wheel itself.
    struct RawRecipe {
        interpreter: RawInterpreter => Rule::Runs(|named| Effect::Runs(vec![named.program()])),
        sysconfig: PathBuf => Rule::Runs(|place| sysconfig(place)),
        source_date_epoch: toml::Value => Rule::Describes,
        clock: toml::Value => Rule::Describes,
        clock_steps: BTreeMap<String, i64> => Rule::Describes,
        platform: String => Rule::Describes,
        distutils: Distutils => Rule::Describes,
        umask: String => Rule::Describes,
        source_modes: String => Rule::Describes,
        source_times: toml::Value => Rule::Describes,
        time_zone: String => Rule::Describes,
        build_path: String => Rule::Describes,
        prefix_map: String => Rule::Describes,
        tools: Vec<PathBuf> => Rule::Widens(|lists| !lists.is_empty()),
        pinned_tools: Vec<String> => Rule::Widens(|lines| !lines.is_empty()),
        tool_directories: Vec<PathBuf> => Rule::Widens(|places| !places.is_empty()),
        tool_wheelhouses: Vec<PathBuf> => Rule::Widens(|places| !places.is_empty()),
        inputs: BTreeMap<Spanned<PathBuf>, PathBuf> => Rule::Widens(|inputs| !inputs.is_empty()),
        environment: BTreeMap<String, String> => Rule::Widens(|variables| !variables.is_empty()),
    }
}

/// Returns what naming a source of sysconfig data does: it is read from a file, which
/// names the compiler, or asked of an interpreter.
fn sysconfig(place: &Path) -> Effect {
    let is_read = place
        .extension()
        .is_some_and(|it| it == "json" || it == "py");
    match is_read {
        true => Effect::Widens,
        false => Effect::Runs(vec![place.to_owned()]),
    }
}

/// Returns whether a program is looked for on the path: its name is no path.
pub(super) fn is_bare(program: &Path) -> bool {
    program.components().count() == 1 && program.is_relative()
}

pub(super) fn checked(source: &Source<'_>, raw: Raw) -> Result<RebuildPolicy, PolicyError> {
    let defaults = RebuildPolicy::default();
    let interpreters = raw
        .interpreters
        .0
        .into_iter()
        .map(|(tag, named)| {
            let tag = source.check(&tag, |text| {
                let is_tag = text.starts_with(|c: char| c.is_ascii_lowercase())
                    && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
                is_tag.then(|| text.clone()).ok_or_else(|| {
                    format!(
                        "'{}' is not a Python tag such as py3 or cp311",
                        text.escape_default()
                    )
                })
            })?;
            let span = named.span();
            let list = match named.into_inner() {
                RawInterpreters::One(one) => vec![one],
                RawInterpreters::Several(several) => several,
            };
            if list.is_empty() {
                return Err(source.error(span, "the list has no interpreter"));
            }
            let list = list
                .into_iter()
                .map(|one| {
                    interpreter(source, one).map_err(|error| source.error(span.clone(), error))
                })
                .collect::<Result<_, _>>()?;
            Ok((tag, list))
        })
        .collect::<Result<_, PolicyError>>()?;
    let projects = raw
        .projects
        .0
        .into_iter()
        .map(|(name, raw)| {
            let name = source.check(&name, |text| {
                ProjectName::parse(text).map_err(|error| error.to_string())
            })?;
            Ok((name, recipe(source, raw)?))
        })
        .collect::<Result<_, PolicyError>>()?;
    Ok(RebuildPolicy {
        jobs: raw
            .jobs
            .as_ref()
            .map(|value| source.positive(value))
            .transpose()?
            .and_then(|number| usize::try_from(number).ok())
            .and_then(NonZeroUsize::new),
        timeout: match &raw.timeout {
            Some(value) => Duration::from_secs(source.positive(value)?),
            None => defaults.timeout,
        },
        memory: source.mebibytes(&raw.memory_mib, defaults.memory)?,
        disk: source.mebibytes(&raw.disk_mib, defaults.disk)?,
        processes: match &raw.processes {
            Some(value) => source.positive(value)?,
            None => defaults.processes,
        },
        sandbox: match &raw.sandbox {
            Some(value) => source.word(value, SandboxPolicy::WORDS)?,
            None => defaults.sandbox,
        },
        records: match &raw.records {
            Some(value) => source.word(value, RecordsPolicy::WORDS)?,
            None => defaults.records,
        },
        exact: raw.exact.map_or(defaults.exact, Spanned::into_inner),
        interpreters,
        recipe: recipe(source, raw.recipe)?,
        projects,
    })
}

/// Returns an interpreter with its paths resolved. A bare name is looked for on
/// the path; anything else is a file, and inside a root it is one of the root's.
fn interpreter(source: &Source<'_>, raw: RawInterpreter) -> Result<InterpreterPolicy, String> {
    let (root, python) = match raw {
        RawInterpreter::Path(python) => (None, python),
        RawInterpreter::Table(RawInterpreterTable { root, python }) => (root, python),
    };
    if root.is_some() && (!python.is_absolute() || climbs(&python)) {
        return Err("inside a root, python has to be an absolute path without '..'".to_owned());
    }
    Ok(InterpreterPolicy {
        python: match root.is_some() || is_bare(&python) {
            true => python,
            false => source.resolve(python),
        },
        root: root.map(|root| source.resolve(root)),
    })
}

fn recipe(source: &Source<'_>, raw: RawRecipe) -> Result<RecipePolicy, PolicyError> {
    let build_path = |value: &Option<Spanned<String>>| {
        value
            .as_ref()
            .map(|value| source.check(value, |text| check_build_path(text)))
            .transpose()
    };
    let epoch = |value: &Option<Spanned<toml::Value>>| {
        value
            .as_ref()
            .map(|value| source.check(value, |value| epoch(value, "unset")))
            .transpose()
    };
    let clock = epoch(&raw.clock)?;
    let clock_steps = raw
        .clock_steps
        .as_ref()
        .map(|steps| source.check(steps, |steps| clock_steps(clock, steps)))
        .transpose()?;
    Ok(RecipePolicy {
        interpreter: raw
            .interpreter
            .map(|raw| {
                let span = raw.span();
                interpreter(source, raw.into_inner()).map_err(|error| source.error(span, error))
            })
            .transpose()?,
        sysconfig: source.path(raw.sysconfig),
        source_date_epoch: epoch(&raw.source_date_epoch)?,
        clock,
        clock_steps,
        platform: raw
            .platform
            .as_ref()
            .map(|value| source.word(value, Platform::WORDS))
            .transpose()?,
        distutils: raw
            .distutils
            .as_ref()
            .map(|value| {
                source.check(value, |value| {
                    check_distutils(value).map(|()| value.clone())
                })
            })
            .transpose()?,
        umask: raw
            .umask
            .as_ref()
            .map(|value| {
                source.check(value, |text| {
                    u16::from_str_radix(text, 8)
                        .ok()
                        .filter(|bits| *bits <= 0o777)
                        .ok_or_else(|| {
                            format!(
                                "'{}' is not an octal umask such as 022",
                                text.escape_default()
                            )
                        })
                })
            })
            .transpose()?,
        source_modes: raw
            .source_modes
            .as_ref()
            .map(|value| source.word(value, SourceModes::WORDS))
            .transpose()?,
        source_times: raw
            .source_times
            .as_ref()
            .map(|value| source.check(value, source_times))
            .transpose()?,
        time_zone: raw
            .time_zone
            .as_ref()
            .map(|value| source.check(value, |text| check_time_zone(text)))
            .transpose()?,
        build_path: build_path(&raw.build_path)?,
        prefix_map: raw
            .prefix_map
            .as_ref()
            .map(|value| source.check(value, |text| check_prefix_map(text)))
            .transpose()?,
        tools: source.paths(raw.tools),
        pinned_tools: raw
            .pinned_tools
            .as_ref()
            .map(|value| {
                source.check(value, |lines| {
                    requirements::parse_hashed(lines.join("\n").as_bytes())
                        .map_err(|error| error.to_string())
                })
            })
            .transpose()?,
        tool_directories: source.paths(raw.tool_directories),
        tool_wheelhouses: source.paths(raw.tool_wheelhouses),
        inputs: raw
            .inputs
            .map(|inputs| {
                let resolved = inputs.into_inner().into_iter().map(|(at, path)| {
                    let at = source.check(&at, |at| check_input_path(at))?;
                    Ok((at, source.resolve(path)))
                });
                resolved.collect::<Result<_, PolicyError>>()
            })
            .transpose()?,
        environment: raw.environment.map(Spanned::into_inner),
    })
}

fn epoch(value: &toml::Value, none: &str) -> Result<Epoch, String> {
    // A ZIP member cannot be older than 1980 or younger than 2107 (APPNOTE 4.4.6), and
    // tools fail on other values in ways that are hard to read.
    match value {
        toml::Value::Integer(seconds) => check_epoch(*seconds).map(Epoch::At),
        toml::Value::String(text) if text == none => Ok(Epoch::Unset),
        _ => Err(format!("this has to be seconds since 1970, or \"{none}\"")),
    }
}

fn clock_steps(
    clock: Option<Epoch>,
    steps: &BTreeMap<String, i64>,
) -> Result<BTreeMap<String, i64>, String> {
    let Some(Epoch::At(start)) = clock else {
        return Err("this needs a clock, in seconds since 1970, in the same table".to_owned());
    };
    check_clock_steps(start, steps)?;
    Ok(steps.clone())
}

/// Checks that a clock that begins at a time goes on, and not back.
///
/// # Errors
///
/// What is wrong with which step.
pub fn check_clock_steps(start: i64, steps: &BTreeMap<String, i64>) -> Result<(), String> {
    for (ending, seconds) in steps {
        if ending.is_empty() {
            return Err("the end of a path has to be said".to_owned());
        }
        if *seconds <= start {
            return Err(format!(
                "the step at '{}' goes to {seconds}, but the clock begins at {start} and never goes back",
                ending.escape_default()
            ));
        }
        check_epoch(*seconds)?;
    }
    Ok(())
}

/// Checks that options of distutils can stand in its configuration file.
///
/// # Errors
///
/// What cannot.
pub fn check_distutils(commands: &Distutils) -> Result<(), String> {
    let is_name = |text: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
    };
    for (command, options) in commands {
        for (option, value) in options {
            // The distutils of Python fills in what follows a '%', setuptools does not.
            let is_line =
                value.trim() == value && !value.chars().any(|c| c.is_control() || c == '%');
            if !is_name(option) || !is_line {
                return Err(format!(
                    "'{}' of '{}' has to be an option with a value of one line without '%', such as universal = \"1\"",
                    option.escape_default(),
                    command.escape_default()
                ));
            }
        }
        if !is_name(command) || options.is_empty() {
            return Err(format!(
                "'{}' has to be a command with options, such as bdist_wheel = {{ universal = \"1\" }}",
                command.escape_default()
            ));
        }
    }
    Ok(())
}

fn source_times(value: &toml::Value) -> Result<SourceTimesPolicy, String> {
    epoch(value, "archive").map(|times| match times {
        Epoch::At(seconds) => SourceTimesPolicy::At(seconds),
        Epoch::Unset => SourceTimesPolicy::Archive,
    })
}

/// Returns a time zone that is a name or a POSIX text, and no path.
///
/// # Errors
///
/// What it should look like.
pub fn check_time_zone(text: &str) -> Result<String, String> {
    // The C library reads a file of this name where it begins with a colon or a
    // slash, or climbs.
    let is_plain = !text.is_empty()
        && !text.starts_with(['/', ':'])
        && !text.contains("..")
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "/+-_,.:<>".contains(c));
    is_plain.then(|| text.to_owned()).ok_or_else(|| {
        format!(
            "'{}' is not a time zone such as UTC, Europe/Berlin or CET-1CEST",
            text.escape_default()
        )
    })
}

/// Returns a prefix map that is one word of a compiler's command line.
///
/// # Errors
///
/// What it should look like.
pub fn check_prefix_map(text: &str) -> Result<String, String> {
    check_placeholders(text)?;
    // It becomes one word of a compiler's command line, which Python splits at
    // spaces and a compiler at the first '='.
    let is_word = !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_graphic() && !"='\"\\".contains(c));
    is_word.then(|| text.to_owned()).ok_or_else(|| {
        "this has to be a path without spaces, quotes, backslashes and '='".to_owned()
    })
}

/// Returns a path inside the build's file system that is absolute and does not
/// climb.
///
/// # Errors
///
/// What it should look like.
pub fn check_input_path(path: &Path) -> Result<PathBuf, String> {
    let is_plain = path.is_absolute() && !climbs(path) && path != Path::new("/");
    is_plain
        .then(|| path.to_owned())
        .ok_or_else(|| "the path inside has to be absolute and without '..'".to_owned())
}

fn climbs(path: &Path) -> bool {
    path.components()
        .any(|component| component == Component::ParentDir)
}

fn check_placeholders(text: &str) -> Result<(), String> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('{') {
        let (name, after) = after
            .split_once('}')
            .ok_or_else(|| "a '{' has no '}'".to_owned())?;
        if !["sdist", "name", "version"].contains(&name) {
            return Err(format!(
                "{{{}}} is none of: {{sdist}}, {{name}}, {{version}}",
                name.escape_default()
            ));
        }
        rest = after;
    }
    Ok(())
}

pub(super) fn check_build_path(text: &str) -> Result<String, String> {
    check_placeholders(text)?;
    let path = Path::new(text);
    if !path.is_absolute() {
        return Err("the build path has to be absolute".to_owned());
    }
    if climbs(path) {
        return Err("the build path must not hold '..'".to_owned());
    }
    Ok(text.to_owned())
}
