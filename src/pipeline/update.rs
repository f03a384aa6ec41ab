//! Lock file, wheelhouse: what is new is built, what nothing needs goes.
//!
//! Nothing in the directory changes until a whole new one takes its place, in one
//! step.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::made::{finished, with_machine};
use super::rebuild::{open_workshop, weaker};
use super::recipes::{Copies, Recipes};
use super::tools::{Reason, Toolbox};
use super::verify::locate;
use super::workers;
use super::{ManifestWish, Progress, Request, Surroundings, manifest, trouble};
use crate::archive::open_regular_file;
use crate::audit;
use crate::cancel::Cancel;
use crate::digest::{READ_SIZE, Sha256Digest, hash_reader};
use crate::filename::{ProjectName, SdistFilename, WheelFilename};
use crate::finding::Severity;
use crate::input;
use crate::policy::{Locations, RebuildPolicy};
use crate::rebuild::{
    Fetcher, IndexWheel, Interpreter, Job, MarkersError, NoSource, SourceFile, ToolsError,
    Workshop, markers_hold,
};
use crate::recipe::{BuildRecord, MAX_RECORD_BYTES, RECORD_ENDING, Recipe, recorded_wheel};
use crate::relpath::RelPath;
use crate::report::{
    Change, IndexComparison, RecipeSource, Report, Trouble, UpdateStep, UpdateSummary, WrittenFile,
};
use crate::requirements::{self, Listing, Requirement};
use crate::selection::{Pair, Signed};
use crate::swap::{self, SwapError, Workplace};
use crate::update::{self, Asked, Because, Plan, Present, Recorded, Step, Wanted};

/// What is wanted of a wheelhouse.
#[derive(Clone)]
pub struct UpdateWish<'a> {
    /// The files of requirements.
    pub lists: Vec<PathBuf>,
    /// Directories with sdists, and with wheels as the index has them, to look in
    /// before the index is asked.
    pub sources: Vec<PathBuf>,
    /// The Python tags whose interpreters build; the one for Python 3 when there is
    /// none.
    pub tags: Vec<String>,
    /// Whether wheels of the index are taken that their sdists give.
    pub published: bool,
    /// Whether only to say what would be done.
    pub dry_run: bool,
    /// Where the program was started; it cannot be in what is replaced.
    pub working_directory: Option<PathBuf>,
    /// Asks whether files may be dropped.
    pub consent: &'a dyn Fn(&UpdateSummary) -> Consent,
}

/// What somebody said to a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// It may be done.
    Given,
    /// It may not.
    Refused,
    /// There is nobody to ask.
    NobodyThere,
}

/// Builds what is new, and puts a new wheelhouse with a new manifest in the place of
/// the old one: whole, or not at all.
pub fn update(
    request: &Request,
    wish: &UpdateWish<'_>,
    surroundings: &Surroundings,
    cancel: &Cancel,
    progress: &dyn Progress,
) -> Report {
    let mut report = request.report("update");
    report.depth = Some(request.policy.wheelhouse.depth);
    if let Err(trouble) = steps(request, wish, surroundings, &mut report, cancel, progress) {
        report.errors.push(trouble);
    }
    if report.update.as_ref().is_some_and(|update| update.in_place) {
        report.next = Some(request.line("sign", ""));
    }
    report
}

/// Ends the run; `Ok` where the report says why already.
type Ended = Result<(), Trouble>;

/// Returns an error with advice.
fn because(message: impl ToString, next: &str) -> Trouble {
    Trouble {
        message: message.to_string(),
        next: next.to_owned(),
    }
}

const AGAIN: &str = "mend that and run it again; what was built is kept, and the wheelhouse is \
                     as it was";

impl From<SwapError> for Trouble {
    fn from(error: SwapError) -> Self {
        let next = match &error {
            SwapError::Busy { .. } => "wait until it has ended, then run it again",
            SwapError::InTheWay { .. } => "move it away, then run it again",
            SwapError::NotReplaceable { .. } => "give the wheelhouse a directory of its own",
            SwapError::Exchange { .. } => {
                "the wheelhouse is as it was; put it on a file system that can exchange \
                 directories, not on a mount point of its own"
            }
            SwapError::Io { .. } => AGAIN,
        };
        because(&error, next)
    }
}

/// An interpreter that wheels are built for.
struct Target {
    /// The policy, with the interpreter that a tag names.
    policy: RebuildPolicy,
    interpreter: Arc<Interpreter>,
    /// Where the interpreter is, if it is one of this system.
    python: Option<PathBuf>,
    /// The one that asks the index.
    fetching: PathBuf,
}

/// Where everything is, and where it will be.
struct Places {
    /// The directory that is replaced.
    root: PathBuf,
    locations: Locations,
    /// The directory with the files, below the root.
    directory: PathBuf,
    /// The manifest, below the root.
    manifest: PathBuf,
    /// Its signatures, below the root.
    signatures: Vec<PathBuf>,
}

fn steps(
    request: &Request,
    wish: &UpdateWish<'_>,
    surroundings: &Surroundings,
    report: &mut Report,
    cancel: &Cancel,
    progress: &dyn Progress,
) -> Ended {
    let listing = requirements::read(&wish.lists)
        .map_err(|error| trouble(&error, "name a lock file that can be read"))?;
    report
        .findings
        .extend(audit::requirement_faults(&listing.faults));
    let Some(locations) = locate(request, report) else {
        return Ok(());
    };
    if report.count(Severity::Error) > 0 {
        return Ok(());
    }
    let places = places(request, locations, wish)?;
    if manifest::read_old(&places.root.join(&places.manifest), report).is_none() {
        return Ok(());
    }
    // Held until the end: two updates of one directory never meet.
    let workplace = match wish.dry_run {
        true => None,
        false => Some(Workplace::open(&places.root)?),
    };
    let ended = inside(
        request,
        wish,
        surroundings,
        &Inside {
            places: &places,
            workplace: workplace.as_ref(),
            listing: &listing,
        },
        report,
        cancel,
        progress,
    );
    if let Some(workplace) = workplace {
        workplace.leave(matches!(ended, Ok(true)))?;
    }
    ended.map(|_| ())
}

/// What the steps after the lock share.
struct Inside<'a> {
    places: &'a Places,
    workplace: Option<&'a Workplace>,
    listing: &'a Listing,
}

/// Returns whether all was done, so that nothing has to be kept for another run.
fn inside(
    request: &Request,
    wish: &UpdateWish<'_>,
    surroundings: &Surroundings,
    inside: &Inside<'_>,
    report: &mut Report,
    cancel: &Cancel,
    progress: &dyn Progress,
) -> Result<bool, Trouble> {
    let (workshop, private) = open_workshop(request, surroundings)?;
    report.findings.extend(weaker(workshop.sandbox()));
    let toolbox = Toolbox::new(request, surroundings, cancel);
    let place = inside.places.root.join(&inside.places.directory);
    let shop = Shop {
        request,
        surroundings,
        workshop: &workshop,
        toolbox: &toolbox,
        private: private.path(),
        house: &place,
        cancel,
    };
    let targets = shop
        .targets(&wish.tags)
        .map_err(|Reason(reason)| because(reason, "name interpreters with --python"))?;
    let (asked, skipped) = asked_for(inside.listing, &targets, cancel)?;
    let present = present(&place, &targets, cancel)
        .map_err(|error| because(error, "make the directory readable"))?;
    let sources = shop.sources(wish, &asked, &present, &targets, progress)?;
    let mut wanted = Vec::new();
    for (target, list) in asked.iter().enumerate() {
        for requirement in list {
            if let Some(source) = sources.get(&requirement.project) {
                wanted.push(Wanted {
                    sdist: source.filename.clone(),
                    sha256: source.sha256,
                    target,
                });
            }
        }
    }
    if wanted.is_empty() {
        report.is_empty = true;
        return Ok(false);
    }
    let mut stated = BTreeMap::new();
    for one in &wanted {
        let project = one.sdist.project();
        if let Some(target) = targets.get(one.target)
            && !stated.contains_key(project)
        {
            let said = shop
                .stated(target, project)
                .map_err(|Reason(reason)| because(reason, AGAIN))?;
            stated.insert(project.clone(), said);
        }
    }
    let plan = update::plan(&wanted, &present, &|project| {
        stated.get(project).cloned().unwrap_or_default()
    });
    report.update = Some(summary(wish, &wanted, &plan, &present, &targets, skipped));
    if wish.dry_run || cancel.is_requested() {
        return Ok(false);
    }
    let Some(workplace) = inside.workplace else {
        return Ok(false);
    };
    if let (false, Some(summary)) = (plan.dropped.is_empty(), &report.update) {
        let next = "look at what would be dropped with --dry-run, and say --yes if it may go";
        match (wish.consent)(summary) {
            Consent::Given => {}
            Consent::Refused => return Err(because("it was not agreed to drop files", next)),
            Consent::NobodyThere => {
                let count = plan.dropped.len();
                let files = if count == 1 { "file" } else { "files" };
                return Err(because(
                    format!("{count} {files} would be dropped, and there is no terminal to ask on"),
                    next,
                ));
            }
        }
    }
    let tasks: Vec<Task<'_>> = wanted
        .iter()
        .zip(&plan.steps)
        .enumerate()
        .filter(|(_, (_, step))| matches!(step, Step::Build(_)))
        .filter_map(|(index, (one, _))| {
            Some(Task {
                index,
                target: targets.get(one.target)?,
                source: sources.get(one.sdist.project())?,
            })
        })
        .collect();
    let made = shop.build_all(workplace, &tasks, report, progress);
    if cancel.is_requested() || !report.errors.is_empty() {
        return Ok(false);
    }
    for (index, one) in &made {
        let step = report
            .update
            .as_mut()
            .and_then(|it| it.steps.get_mut(*index));
        if let Some(step) = step {
            step.wheel = Some(one.record.wheel.to_string());
            step.wheel_sha256 = Some(one.record.wheel_sha256);
            step.resumed = one.is_resumed;
            step.recipe_source = one.recipe_source;
            step.index = one.index;
        }
    }
    let staging = Staging {
        request,
        places: inside.places,
        workplace,
        plan: &plan,
        present: &present,
    };
    staging.replace(&wanted, &sources, &made, report, cancel, progress)
}

/// Returns where everything is, or says why the directory cannot be replaced.
fn places(
    request: &Request,
    locations: Locations,
    wish: &UpdateWish<'_>,
) -> Result<Places, Trouble> {
    const OWN: &str = "give the wheelhouse a directory of its own, and name that";
    let shown = request.root.display();
    let absolute = |path: &Path| -> io::Result<PathBuf> {
        match path.symlink_metadata() {
            Ok(metadata) if metadata.is_dir() || path == request.root => path.canonicalize(),
            _ => {
                let parent = path.parent().filter(|it| !it.as_os_str().is_empty());
                let parent = parent.unwrap_or(Path::new(".")).canonicalize()?;
                Ok(parent.join(path.file_name().unwrap_or_default()))
            }
        }
    };
    let root = absolute(&request.root).map_err(|error| {
        because(
            format!("cannot make {shown}: {error}"),
            "make the directory above it",
        )
    })?;
    if root.symlink_metadata().is_ok_and(|it| !it.is_dir()) {
        return Err(because(format!("{shown} is no directory"), OWN));
    }
    let stands_inside = wish
        .working_directory
        .as_ref()
        .and_then(|it| it.canonicalize().ok())
        .is_some_and(|it| it.starts_with(&root));
    if stands_inside {
        return Err(because(
            format!("{shown} is going to be replaced, and it is the directory you stand in"),
            "go to the directory above it and name it from there",
        ));
    }
    if root.join(".git").symlink_metadata().is_ok() {
        return Err(because(
            format!("{shown} is the top of a checkout, which is more than a wheelhouse"),
            OWN,
        ));
    }
    let below = |path: &Path| -> Result<PathBuf, Trouble> {
        // What lies in a directory that is not there yet lies where it is named.
        let found = match (root.is_dir(), path.strip_prefix(&request.root)) {
            (false, Ok(rest)) => Some(rest.to_owned()),
            _ => absolute(path)
                .ok()
                .and_then(|path| path.strip_prefix(&root).map(Path::to_owned).ok()),
        };
        found.ok_or_else(|| {
            because(
                format!("{} does not lie in {shown}", path.display()),
                "name the directory that holds manifest, signatures and files together",
            )
        })
    };
    let manifest = match &locations.manifest {
        Some(manifest) => below(manifest)?,
        None => PathBuf::from(manifest::manifest_name()),
    };
    let directory = below(&locations.directory)?;
    let signatures = locations
        .signatures
        .iter()
        .map(|path| below(path))
        .collect::<Result<_, _>>()?;
    let previous = root.with_file_name(format!(
        "{}.previous",
        root.file_name().unwrap_or_default().to_string_lossy()
    ));
    if previous.symlink_metadata().is_ok() && !previous.join(&manifest).is_file() {
        return Err(because(
            format!("{} is in the way: it holds no manifest", previous.display()),
            "move it away; the old wheelhouse is kept there",
        ));
    }
    Ok(Places {
        root,
        locations,
        directory,
        manifest,
        signatures,
    })
}

/// Returns the requirements of each interpreter, and those that no interpreter has.
fn asked_for(
    listing: &Listing,
    targets: &[Target],
    cancel: &Cancel,
) -> Result<(Vec<Vec<Requirement>>, Vec<String>), Trouble> {
    const NEXT: &str = "mend the list; nothing was written";
    let markers: BTreeSet<String> = listing
        .pins
        .iter()
        .filter_map(|pin| pin.requirement.marker.clone())
        .collect();
    let markers: Vec<String> = markers.into_iter().collect();
    let mut asked = Vec::new();
    let mut needed = BTreeSet::new();
    for target in targets {
        let held = match (&target.python, markers.is_empty()) {
            (_, true) => Vec::new(),
            (Some(python), false) => markers_hold(python, &markers, cancel).map_err(|error| {
                let next = match error {
                    MarkersError::NoLibrary(_) => {
                        "install packaging or pip for it; nothing was written"
                    }
                    MarkersError::Other(_) => NEXT,
                };
                because(error, next)
            })?,
            (None, false) => {
                return Err(because(
                    "markers are not evaluated in an interpreter that has a root of its own",
                    "name an interpreter of this system with --python",
                ));
            }
        };
        let holds: BTreeMap<&String, bool> = markers.iter().zip(held).collect();
        let pins = listing.pins.iter().enumerate().filter(|(_, pin)| {
            let marker = pin.requirement.marker.as_ref();
            marker.is_none_or(|marker| holds.get(marker).copied().unwrap_or(true))
        });
        let pins: Vec<_> = pins.collect();
        needed.extend(pins.iter().map(|(index, _)| *index));
        let merged = update::merged(pins.into_iter().map(|(_, pin)| pin))
            .map_err(|error| because(error, NEXT))?;
        asked.push(merged);
    }
    let mut skipped: Vec<String> = listing
        .pins
        .iter()
        .enumerate()
        .filter(|(index, _)| !needed.contains(index))
        .map(|(_, pin)| {
            let one = &pin.requirement;
            let marker = one.marker.as_deref().unwrap_or_default();
            format!("{}=={} ; {marker}", one.project, one.version)
        })
        .collect();
    skipped.sort();
    skipped.dedup();
    // One wheelhouse holds one version for all interpreters: installers choose by
    // version, and a list has one.
    let mut versions: BTreeMap<&ProjectName, &Requirement> = BTreeMap::new();
    for one in asked.iter().flatten() {
        if let Some(other) = versions.insert(&one.project, one)
            && other.version != one.version
        {
            return Err(because(
                format!(
                    "{} is asked for as {} and as {} by different interpreters",
                    one.project, other.version, one.version
                ),
                "make a wheelhouse for each interpreter",
            ));
        }
    }
    Ok((asked, skipped))
}

fn digest_of(path: &Path, cancel: &Cancel) -> io::Result<Sha256Digest> {
    let mut buffer = vec![0u8; READ_SIZE];
    let (sha256, _) = hash_reader(open_regular_file(path)?, &mut buffer, |_| cancel.check())?;
    Ok(sha256)
}

/// Returns what lies in the directory with the files.
fn present(directory: &Path, targets: &[Target], cancel: &Cancel) -> io::Result<Present> {
    let mut present = Present::default();
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(present),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let is_ours = WheelFilename::parse(&name).is_ok()
            || SdistFilename::parse(&name).is_ok()
            || recorded_wheel(&name).is_some();
        if is_ours && entry.file_type()?.is_file() {
            let sha256 = digest_of(&entry.path(), cancel)
                .map_err(|error| io::Error::other(format!("{name}: {error}")))?;
            present.files.insert(name, sha256);
        }
    }
    for name in present
        .files
        .keys()
        .filter(|name| name.ends_with(RECORD_ENDING))
    {
        // One that cannot be read is as good as none: the wheel is built again.
        let Ok(bytes) = input::read(&directory.join(name), MAX_RECORD_BYTES) else {
            continue;
        };
        let Ok(record) = BuildRecord::parse(&bytes) else {
            continue;
        };
        let is_true = record.filename() == *name
            && present.files.get(&record.wheel.to_string()) == Some(&record.wheel_sha256);
        if is_true {
            let targets = targets
                .iter()
                .enumerate()
                .filter(|(_, target)| target.interpreter.suits(&record.wheel).is_ok())
                .map(|(number, _)| number)
                .collect();
            present.recorded.push(Recorded { record, targets });
        }
    }
    Ok(present)
}

fn summary(
    wish: &UpdateWish<'_>,
    wanted: &[Wanted],
    plan: &Plan,
    present: &Present,
    targets: &[Target],
    skipped: Vec<String>,
) -> UpdateSummary {
    let steps = wanted
        .iter()
        .zip(&plan.steps)
        .map(|(one, step)| {
            let mut said = UpdateStep {
                project: one.sdist.project().to_string(),
                version: one.sdist.version().to_string(),
                sdist: one.sdist.to_string(),
                sdist_sha256: one.sha256,
                python: targets
                    .get(one.target)
                    .map(|target| target.interpreter.name())
                    .unwrap_or_default(),
                step: "build",
                because: None,
                part: None,
                recorded: None,
                stated: None,
                wheel: None,
                wheel_sha256: None,
                resumed: false,
                recipe_source: None,
                index: None,
            };
            match step {
                Step::Keep(wheel) => {
                    let wheel = wheel.to_string();
                    said.step = "keep";
                    said.wheel_sha256 = present.files.get(&wheel).copied();
                    said.wheel = Some(wheel);
                }
                Step::Build(Because::New) => said.because = Some("new"),
                Step::Build(Because::Unrecorded) => said.because = Some("unrecorded"),
                Step::Build(Because::SdistChanged) => said.because = Some("sdist-changed"),
                Step::Build(Because::RecipeChanged(departure)) => {
                    said.because = Some("recipe-changed");
                    said.part = Some(departure.part);
                    said.recorded = Some(departure.recorded.clone());
                    said.stated = Some(departure.stated.clone());
                }
            }
            said
        })
        .collect();
    UpdateSummary {
        dry_run: wish.dry_run,
        in_place: false,
        steps,
        dropped: plan.dropped.iter().cloned().collect(),
        skipped,
        previous: None,
    }
}

/// An sdist to build from, and the wheel that the index has of it.
struct Source {
    filename: SdistFilename,
    sha256: Sha256Digest,
    /// `None` while it only lies in the wheelhouse.
    path: Option<PathBuf>,
    published: Option<IndexWheel>,
    requirement: Requirement,
}

/// One wheel to build.
struct Task<'a> {
    /// The number of the step.
    index: usize,
    target: &'a Target,
    source: &'a Source,
}

/// A wheel that was built, in the workplace.
struct Made {
    wheel: PathBuf,
    record: BuildRecord,
    is_resumed: bool,
    recipe_source: Option<RecipeSource>,
    index: Option<IndexComparison>,
}

/// What all builds of a run share.
struct Shop<'a> {
    request: &'a Request,
    surroundings: &'a Surroundings,
    workshop: &'a Workshop,
    toolbox: &'a Toolbox<'a>,
    private: &'a Path,
    /// The directory with the files that are there.
    house: &'a Path,
    cancel: &'a Cancel,
}

impl Shop<'_> {
    fn recipes<'a>(&'a self, policy: &'a RebuildPolicy) -> Recipes<'a> {
        Recipes {
            policy,
            limits: self.request.policy.wheelhouse.limits,
            signed: None,
            search_path: &self.surroundings.search_path,
            workshop: self.workshop,
            toolbox: self.toolbox,
            cancel: self.cancel,
        }
    }

    /// Returns the interpreters that are built for.
    fn targets(&self, tags: &[String]) -> Result<Vec<Target>, Reason> {
        let policy = &self.request.policy.rebuild;
        let mut policies = Vec::new();
        for tag in tags {
            let named = policy.interpreters.get(tag).and_then(|list| list.first());
            let named = named.ok_or_else(|| {
                format!("no interpreter is named for {tag}; name one with --python {tag}=PATH")
            })?;
            let mut policy = policy.clone();
            let layers = policy.projects.values_mut().chain([&mut policy.recipe]);
            for recipe in layers {
                recipe.interpreter = Some(named.clone());
            }
            policies.push(policy);
        }
        if policies.is_empty() {
            policies.push(policy.clone());
        }
        policies
            .into_iter()
            .map(|policy| {
                let recipes = self.recipes(&policy);
                let found = recipes.interpreter(None, &policy.recipe, None)?;
                let fetching = recipes.fetching_python(&found);
                Ok(Target {
                    interpreter: found.interpreter,
                    python: found.root.is_none().then_some(found.path),
                    fetching,
                    policy,
                })
            })
            .collect()
    }

    /// Returns what the policy states of a project, with what it names by place as it is
    /// there now.
    fn stated(&self, target: &Target, project: &ProjectName) -> Result<Asked, Reason> {
        let policy = target.policy.recipe_of(project);
        let recipes = self.recipes(&target.policy);
        let tools = match policy.names_tools() {
            true => {
                let found = recipes.interpreter(None, &policy, None)?;
                let python = recipes.fetching_python(&found);
                let cache = self.workshop.cache();
                Some(self.toolbox.gather(cache, &policy, &python)?)
            }
            false => None,
        };
        let sysconfig = policy.sysconfig.as_deref();
        Ok(Asked {
            inputs: recipes.inputs(&policy)?,
            sysconfig: sysconfig
                .map(|place| recipes.sysconfig_at(place))
                .transpose()?,
            policy,
            tools,
        })
    }

    /// Finds the sdist of each project: in the wheelhouse, in the directories that
    /// were named, in the cache, in the index.
    fn sources(
        &self,
        wish: &UpdateWish<'_>,
        asked: &[Vec<Requirement>],
        present: &Present,
        targets: &[Target],
        progress: &dyn Progress,
    ) -> Result<BTreeMap<ProjectName, Source>, Trouble> {
        let cache = self.workshop.cache();
        let gone = |error: ToolsError| because(error, AGAIN);
        let mut requirements: BTreeMap<&ProjectName, &Requirement> = BTreeMap::new();
        for one in asked.iter().flatten() {
            requirements.insert(&one.project, one);
        }
        let mut to_ask = Vec::new();
        for one in requirements.values() {
            for place in &wish.sources {
                cache.take_in(one, place, self.cancel).map_err(gone)?;
            }
            let is_present = of_wheelhouse(one, present).is_some();
            let has_source = is_present || cache.source(one).map_err(gone)?.is_some();
            let may_be_published =
                wish.published && !is_present && cache.index_wheel(one).map_err(gone)?.is_none();
            if !has_source || may_be_published {
                to_ask.push(*one);
            }
        }
        let mut missing: BTreeMap<&ProjectName, NoSource> = BTreeMap::new();
        if let (Some(environment), Some(target)) = (&self.surroundings.fetch, targets.first()) {
            let fetcher = Fetcher {
                python: target.fetching.clone(),
                environment: environment.iter().cloned().collect(),
            };
            progress.asking(to_ask.len() as u64);
            let mut told = |one: &Requirement, answer: Result<(), NoSource>| {
                progress.answered(one.project.as_str());
                if let (Err(reason), Some((project, _))) =
                    (answer, requirements.get_key_value(&one.project))
                {
                    missing.insert(project, reason);
                }
            };
            cache
                .ask_index(&to_ask, wish.published, &fetcher, self.cancel, &mut told)
                .map_err(gone)?;
        }
        let mut sources = BTreeMap::new();
        let mut without = Vec::new();
        let mut unasked = Vec::new();
        for (project, one) in requirements {
            let published = match wish.published {
                true => cache.index_wheel(one).map_err(gone)?,
                false => None,
            };
            let found = match cache.source(one).map_err(gone)? {
                Some(SourceFile {
                    filename,
                    sha256,
                    path,
                }) => Some((filename, sha256, Some(path))),
                None => of_wheelhouse(one, present).map(|(name, sha256)| (name, sha256, None)),
            };
            match found {
                Some((filename, sha256, path)) => {
                    let source = Source {
                        filename,
                        sha256,
                        path,
                        published,
                        requirement: one.clone(),
                    };
                    sources.insert(project.clone(), source);
                }
                None => {
                    if let Some(NoSource::Trouble(reason)) = missing.get(project) {
                        unasked.push(format!(
                            "{project}=={}: {}",
                            one.version,
                            reason.escape_debug()
                        ));
                        continue;
                    }
                    let reason = match (missing.get(project), &self.surroundings.fetch) {
                        (Some(reason), _) => reason.to_string(),
                        (None, None) => {
                            "it is not at hand, and asking the index is not allowed (--offline)"
                                .to_owned()
                        }
                        (None, Some(_)) => "the index gave none".to_owned(),
                    };
                    without.push(format!("{project}=={}: {reason}", one.version));
                }
            }
        }
        if self.cancel.is_requested() || (without.is_empty() && unasked.is_empty()) {
            return Ok(sources);
        }
        // Whether the index has it is not known; nothing is wrong with the list.
        if without.is_empty() {
            return Err(because(
                format!("the index could not be asked for {}", unasked.join("; ")),
                "see with 'pip config list' which index pip asks, and that it can be reached; or \
                 name a directory that has the sdists with --sources, and run with --offline",
            ));
        }
        Err(because(
            format!("no sdist with a listed hash: {}", without.join("; ")),
            "a wheel is built from an sdist: lock with the hashes of sdists too, take another \
             version, or put the sdist into a directory and name it with --sources",
        ))
    }

    /// Builds several wheels at once; the results are in the order of the tasks.
    fn build_all(
        &self,
        workplace: &Workplace,
        tasks: &[Task<'_>],
        report: &mut Report,
        progress: &dyn Progress,
    ) -> Vec<(usize, Made)> {
        if tasks.is_empty() {
            return Vec::new();
        }
        progress.making(tasks.len() as u64);
        let build = |_, task: &Task<'_>| {
            if self.cancel.is_requested() {
                return None;
            }
            let name = task.source.filename.to_string();
            progress.building(&name);
            let result = self.build(workplace, task);
            progress.rebuilt(&name);
            Some((task.index, name, result))
        };
        let results = workers::each(tasks, workers::jobs(&self.request.policy.rebuild), build);
        let mut made = Vec::new();
        for (step, name, result) in results.into_iter().flatten() {
            match result {
                Ok(one) => made.push((step, one)),
                Err(Reason(reason)) => report.errors.push(because(
                    format!("{name}: {reason}"),
                    "see its log, which --logs keeps; what else was built is kept for the next \
                     run, and the wheelhouse is as it was",
                )),
            }
        }
        made
    }

    fn build(&self, workplace: &Workplace, task: &Task<'_>) -> Result<Made, Reason> {
        let source = task.source;
        let project = source.filename.project();
        let policy = task.target.policy.recipe_of(project);
        let recipes = self.recipes(&task.target.policy);
        let found = recipes.interpreter(None, &policy, None)?;
        let taken;
        let sdist = match &source.path {
            Some(path) => path,
            None => {
                let cache = self.workshop.cache();
                cache.take_in(&source.requirement, self.house, self.cancel)?;
                taken = cache.source(&source.requirement)?;
                let taken = taken.as_ref().ok_or("its sdist is gone")?;
                &taken.path
            }
        };
        let mut index = None;
        if let Some(published) = &source.published
            && !policy.names_tools()
        {
            // What keeps that wheel from coming back is no reason not to build one.
            let attempt = self.as_published(workplace, task, sdist, published, &recipes);
            match attempt {
                Ok(Some(made)) => return Ok(made),
                Ok(None) | Err(_) if self.cancel.is_requested() => {
                    return Err("interrupted".into());
                }
                Ok(None) | Err(_) => index = Some(IndexComparison::Different),
            }
        }
        let (recipe, recipe_source) = recipes.unbuilt(&found, &policy, &source.filename, sdist)?;
        let key = self.key(task, &recipe, None)?;
        if let Some(made) = resumed(workplace, &key, source, index, self.cancel) {
            return Ok(made);
        }
        let log = self.log(task);
        let job = Job {
            sdist,
            sdist_name: &source.filename,
            wheel: None,
            recipe: &recipe,
            log: &log,
        };
        let built = finished(self.workshop.build(&job, self.cancel)?)?;
        found.interpreter.suits(&built.filename)?;
        let is_of_index = source
            .published
            .as_ref()
            .is_some_and(|published| published.sha256 == built.sha256);
        if is_of_index {
            index = Some(IndexComparison::Identical);
        } else if source.published.is_some() {
            index = Some(IndexComparison::Different);
        }
        let record = BuildRecord {
            wheel: built.filename.clone(),
            wheel_sha256: built.sha256,
            sdist: source.filename.clone(),
            sdist_sha256: source.sha256,
            is_of_index,
            recipe: with_machine(self.workshop, recipe, &built, self.cancel)?,
        };
        keep(workplace, &key, &built.wheel, record, recipe_source, index)
    }

    /// Builds as the wheel of the index was; `None` when other bytes come out.
    fn as_published(
        &self,
        workplace: &Workplace,
        task: &Task<'_>,
        sdist: &Path,
        published: &IndexWheel,
        recipes: &Recipes<'_>,
    ) -> Result<Option<Made>, Reason> {
        let source = task.source;
        let signed = Signed {
            path: RelPath::parse(&source.filename.to_string())?,
            filename: source.filename.clone(),
            sha256: source.sha256,
        };
        let pair = Pair {
            wheel: Signed {
                path: RelPath::parse(&published.filename.to_string())?,
                filename: published.filename.clone(),
                sha256: published.sha256,
            },
            sdist: Some(signed.clone()),
        };
        let copies = Copies {
            sdist,
            wheel: Some(&published.path),
        };
        let chosen = recipes.choose(&pair, &signed, &copies, None)?;
        let identical = Some(IndexComparison::Identical);
        let key = self.key(task, &chosen.recipe, Some(published.sha256))?;
        if let Some(made) = resumed(workplace, &key, source, identical, self.cancel) {
            return Ok(Some(made));
        }
        let log = self.log(task);
        let job = Job {
            sdist,
            sdist_name: &source.filename,
            wheel: Some(&published.filename),
            recipe: &chosen.recipe,
            log: &log,
        };
        let built = finished(self.workshop.build(&job, self.cancel)?)?;
        if built.sha256 != published.sha256 {
            return Ok(None);
        }
        let record = BuildRecord {
            wheel: built.filename.clone(),
            wheel_sha256: built.sha256,
            sdist: source.filename.clone(),
            sdist_sha256: source.sha256,
            is_of_index: true,
            recipe: with_machine(self.workshop, chosen.recipe, &built, self.cancel)?,
        };
        keep(
            workplace,
            &key,
            &built.wheel,
            record,
            chosen.source,
            identical,
        )
        .map(Some)
    }

    fn log(&self, task: &Task<'_>) -> PathBuf {
        match &self.surroundings.logs {
            Some(directory) => directory.join(format!("{}.log", task.source.filename)),
            None => self.private.join(format!("{}.log", task.index)),
        }
    }

    /// Returns a name for what comes out of a build.
    fn key(
        &self,
        task: &Task<'_>,
        recipe: &Recipe,
        published: Option<Sha256Digest>,
    ) -> Result<String, Reason> {
        let facts = self.workshop.facts(recipe, self.cancel)?;
        let question = serde_json::json!({
            "sdist": task.source.sha256.to_string(),
            "name": task.source.filename.to_string(),
            "recipe": serde_json::to_value(recipe)?,
            "machine": serde_json::to_value(&facts.machine)?,
            "published": published.map(|it| it.to_string()),
            "layer": self.workshop.sandbox().layer().as_str(),
        });
        Ok(Sha256Digest::of(question.to_string().as_bytes()).to_string())
    }
}

/// Returns the sdist of a requirement that lies in the wheelhouse.
fn of_wheelhouse(wanted: &Requirement, present: &Present) -> Option<(SdistFilename, Sha256Digest)> {
    present.files.iter().find_map(|(name, sha256)| {
        let sdist = SdistFilename::parse(name).ok()?;
        let is_wanted = sdist.project() == &wanted.project
            && sdist.version() == &wanted.version
            && wanted.hashes.contains(sha256);
        is_wanted.then_some((sdist, *sha256))
    })
}

/// Returns what an interrupted run built, if it is whole.
fn resumed(
    workplace: &Workplace,
    key: &str,
    source: &Source,
    index: Option<IndexComparison>,
    cancel: &Cancel,
) -> Option<Made> {
    let entry = workplace.path().join("built").join(key);
    let bytes = input::read(&entry.join("record"), MAX_RECORD_BYTES).ok()?;
    let record = BuildRecord::parse(&bytes).ok()?;
    let wheel = entry.join("wheel");
    let is_whole = digest_of(&wheel, cancel).is_ok_and(|found| found == record.wheel_sha256)
        && record.sdist_sha256 == source.sha256;
    is_whole.then_some(Made {
        index: match record.is_of_index {
            true => Some(IndexComparison::Identical),
            false => index,
        },
        wheel,
        record,
        is_resumed: true,
        recipe_source: None,
    })
}

/// Keeps what a build gave in the workplace.
fn keep(
    workplace: &Workplace,
    key: &str,
    wheel: &Path,
    record: BuildRecord,
    recipe_source: RecipeSource,
    index: Option<IndexComparison>,
) -> Result<Made, Reason> {
    let built = workplace.path().join("built");
    let write = |error: io::Error| format!("cannot write below {}: {error}", built.display());
    fs::create_dir_all(&built).map_err(write)?;
    let making = tempfile::Builder::new()
        .prefix(".new-")
        .tempdir_in(&built)
        .map_err(write)?;
    let readable = || fs::Permissions::from_mode(0o644);
    for (name, written) in [
        (
            "wheel",
            fs::copy(wheel, making.path().join("wheel")).map(|_| ()),
        ),
        (
            "record",
            fs::write(making.path().join("record"), record.to_bytes()),
        ),
    ] {
        written.map_err(write)?;
        fs::set_permissions(making.path().join(name), readable()).map_err(write)?;
    }
    let entry = built.join(key);
    if entry.symlink_metadata().is_ok() {
        // What an earlier run left there is not whole.
        fs::remove_dir_all(&entry).map_err(write)?;
    }
    fs::rename(making.path(), &entry).map_err(write)?;
    Ok(Made {
        wheel: entry.join("wheel"),
        record,
        is_resumed: false,
        recipe_source: Some(recipe_source),
        index,
    })
}

/// The new wheelhouse in the making.
struct Staging<'a> {
    request: &'a Request,
    places: &'a Places,
    workplace: &'a Workplace,
    plan: &'a Plan,
    present: &'a Present,
}

impl Staging<'_> {
    /// Makes the new wheelhouse and puts it in place. Returns whether that was done,
    /// or there was nothing to do.
    fn replace(
        &self,
        wanted: &[Wanted],
        sources: &BTreeMap<ProjectName, Source>,
        made: &[(usize, Made)],
        report: &mut Report,
        cancel: &Cancel,
        progress: &dyn Progress,
    ) -> Result<bool, Trouble> {
        let places = self.places;
        let tree = self.workplace.tree()?;
        self.carry_the_rest(&tree, cancel)?;
        let directory = tree.join(&places.directory);
        fs::create_dir_all(&directory).map_err(|error| {
            because(
                format!("cannot create {}: {error}", directory.display()),
                AGAIN,
            )
        })?;
        let expected = self.fill(&directory, wanted, sources, made)?;
        if cancel.is_requested() {
            return Ok(false);
        }
        let staged = self.staged(&tree);
        let before = report.written.len();
        manifest::steps(&staged, &ManifestWish::default(), report, cancel, progress);
        self.rename_all(&tree, report);
        if report.count(Severity::Error) > 0 || !report.errors.is_empty() || cancel.is_requested() {
            return Ok(false);
        }
        for file in &report.files {
            let listed = expected.get(&file.path);
            if listed.is_some() && listed != file.sha256.as_ref() {
                return Err(because(
                    format!("{} changed while it was copied", file.path),
                    "find out who writes there, then run it again",
                ));
            }
        }
        let is_same_manifest = report
            .written
            .get(before)
            .is_some_and(|file| file.change == Change::Unchanged);
        if is_same_manifest && expected == self.present.files {
            // What is there stays as it is, with its signatures.
            return Ok(true);
        }
        let written = self.written(&expected);
        report.written.splice(before..before, written);
        if is_same_manifest {
            for signature in &places.signatures {
                let from = places.root.join(signature);
                swap::second_name(&from, &tree.join(signature))?;
            }
        }
        // A wheelhouse that nobody signed is no loss.
        let keep = !places.signatures.is_empty();
        self.workplace.put_in_place(keep)?;
        if let Some(update) = &mut report.update {
            update.in_place = true;
            update.previous = keep.then(|| {
                let shown = self.request.root.display().to_string();
                format!("{}.previous", shown.trim_end_matches('/'))
            });
        }
        Ok(true)
    }

    /// Copies what is neither wheel, sdist, record nor signature.
    fn carry_the_rest(&self, tree: &Path, cancel: &Cancel) -> Result<(), Trouble> {
        let places = self.places;
        if !places.root.is_dir() {
            return Ok(());
        }
        let mut left_out: BTreeSet<PathBuf> = self
            .present
            .files
            .keys()
            .map(|name| places.directory.join(name))
            .collect();
        left_out.extend(places.signatures.iter().cloned());
        Ok(swap::carry(
            &places.root,
            tree,
            &|path| left_out.contains(path),
            cancel,
        )?)
    }

    /// Puts wheels, records and sdists into the new directory; returns their digests.
    fn fill(
        &self,
        directory: &Path,
        wanted: &[Wanted],
        sources: &BTreeMap<ProjectName, Source>,
        made: &[(usize, Made)],
    ) -> Result<BTreeMap<String, Sha256Digest>, Trouble> {
        let mut expected = BTreeMap::new();
        let old = self.places.root.join(&self.places.directory);
        for name in &self.plan.kept {
            swap::second_name(&old.join(name), &directory.join(name))?;
            if let Some(sha256) = self.present.files.get(name) {
                expected.insert(name.clone(), *sha256);
            }
        }
        for (_, one) in made {
            let name = one.record.wheel.to_string();
            let of_record = Sha256Digest::of(&one.record.to_bytes());
            let record = one.wheel.with_file_name("record");
            for (name, from, sha256) in [
                (one.record.filename(), &record, of_record),
                (name, &one.wheel, one.record.wheel_sha256),
            ] {
                match expected.get(&name) {
                    Some(other) if *other == sha256 => continue,
                    // The same wheel from two interpreters, and each says who built it.
                    Some(_) if name.ends_with(RECORD_ENDING) => continue,
                    Some(_) => {
                        return Err(because(
                            format!("two builds gave different files named {name}"),
                            "build for one interpreter, or pin the recipe so that both agree",
                        ));
                    }
                    None => {
                        swap::second_name(from, &directory.join(&name))?;
                        expected.insert(name, sha256);
                    }
                }
            }
        }
        for one in wanted {
            let name = one.sdist.to_string();
            if expected.contains_key(&name) {
                continue;
            }
            let from = sources
                .get(one.sdist.project())
                .and_then(|source| source.path.as_ref());
            let copied = match from {
                Some(from) => copy(from, &directory.join(&name)),
                None => Err(io::ErrorKind::NotFound.into()),
            };
            copied.map_err(|error| because(format!("cannot copy {name}: {error}"), AGAIN))?;
            expected.insert(name, one.sha256);
        }
        Ok(expected)
    }

    /// Returns the request for the new tree.
    fn staged(&self, tree: &Path) -> Request {
        let mut request = self.request.clone();
        let places = self.places;
        request.root = tree.to_owned();
        let wheelhouse = &mut request.policy.wheelhouse;
        wheelhouse.manifest = Some(tree.join(&places.manifest));
        wheelhouse.directory = Some(tree.join(&places.directory));
        wheelhouse.signatures = Vec::new();
        if let Some(file) = &mut request.policy_file
            && let Ok(path) = file.path.canonicalize()
            && let Ok(below) = path.strip_prefix(&places.root)
        {
            file.path = tree.join(below);
        }
        request
    }

    /// Lets the report name files where they will be.
    fn rename_all(&self, tree: &Path, report: &mut Report) {
        let tree = tree.display().to_string();
        let shown = self.request.root.display().to_string();
        let shown = shown.trim_end_matches('/');
        let rename = |text: &mut String| *text = text.replace(&tree, shown);
        for file in &mut report.written {
            rename(&mut file.path);
        }
        if let Some(manifest) = &mut report.manifest {
            rename(&mut manifest.path);
        }
        for finding in &mut report.findings {
            if let Some(path) = &mut finding.subject.path {
                rename(path);
            }
        }
        for error in &mut report.errors {
            rename(&mut error.message);
        }
    }

    /// Returns the files that are new or other ones.
    fn written(&self, expected: &BTreeMap<String, Sha256Digest>) -> Vec<WrittenFile> {
        let directory = &self.places.locations.directory;
        expected
            .iter()
            .filter_map(|(name, sha256)| {
                let change = match self.present.files.get(name) {
                    Some(old) if old == sha256 => return None,
                    Some(_) => Change::Replaced,
                    None => Change::Created,
                };
                Some(WrittenFile {
                    path: directory.join(name).display().to_string(),
                    sha256: *sha256,
                    change,
                })
            })
            .collect()
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut to = File::create_new(to)?;
    io::copy(&mut open_regular_file(from)?, &mut to)?;
    to.set_permissions(fs::Permissions::from_mode(0o644))
}
