//! Sdists, recipe: wheels, build records, manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::made::{finished, with_machine};
use super::rebuild::{open_workshop, weaker};
use super::recipes::Recipes;
use super::tools::{Reason, Toolbox};
use super::verify::locate;
use super::workers;
use super::{ManifestWish, Progress, Request, Surroundings, manifest};
use crate::archive::open_regular_file;
use crate::cancel::Cancel;
use crate::digest::{READ_SIZE, Sha256Digest, hash_reader};
use crate::filename::SdistFilename;
use crate::policy::RecipePolicy;
use crate::rebuild::{Built, Job, Workshop};
use crate::recipe::BuildRecord;
use crate::report::{Change, Report, Trouble, WrittenFile};
use crate::requirements::{self, Fault, Pin};
use crate::sandbox::Layer;

/// What is to be built.
#[derive(Debug, Clone, Default)]
pub struct BuildWish {
    /// Sdists, and directories of sdists; the wheelhouse's own when there is none.
    pub sources: Vec<PathBuf>,
    /// Lists of sdists by hash: only these are built, and all of them.
    pub requirements: Vec<PathBuf>,
    /// The Python tags whose interpreters build; the one for Python 3 when there is
    /// none.
    pub tags: Vec<String>,
}

/// Builds wheels, and puts them with their records into the wheelhouse: all of
/// them, or none.
pub fn build(
    request: &Request,
    wish: &BuildWish,
    surroundings: &Surroundings,
    cancel: &Cancel,
    progress: &dyn Progress,
) -> Report {
    let mut report = request.report("build");
    steps(request, wish, surroundings, &mut report, cancel, progress);
    if !report.written.is_empty() {
        report.next = Some(request.line("sign", ""));
    }
    report
}

/// An sdist to build from: a copy that nobody else can write to.
struct Source {
    filename: SdistFilename,
    copy: PathBuf,
    sha256: Sha256Digest,
}

/// A wheel that was built, with what is to be written down of it.
struct Made {
    built: Built,
    record: BuildRecord,
}

fn steps(
    request: &Request,
    wish: &BuildWish,
    surroundings: &Surroundings,
    report: &mut Report,
    cancel: &Cancel,
    progress: &dyn Progress,
) -> Option<()> {
    let locations = locate(request, report)?;
    let (workshop, private) = match open_workshop(request, surroundings) {
        Ok(opened) => opened,
        Err(trouble) => {
            report.errors.push(trouble);
            return None;
        }
    };
    report.findings.extend(weaker(workshop.sandbox()));
    let sources = match collect(wish, &locations.directory, private.path(), cancel) {
        Ok(sources) => sources,
        Err(Reason(reason)) => {
            report.errors.push(Trouble {
                message: reason,
                next: "name sdists, directories of sdists, or a list with the hash of each"
                    .to_owned(),
            });
            return None;
        }
    };
    if sources.is_empty() {
        report.is_empty = true;
        return None;
    }
    let maker = Maker {
        request,
        surroundings,
        private: private.path(),
        workshop: &workshop,
        toolbox: Toolbox::new(request, surroundings, cancel),
        cancel,
    };
    let made = maker.all(&sources, &wish.tags, report, progress);
    if cancel.is_requested() || !report.errors.is_empty() {
        return None;
    }
    if let Err(Reason(message)) = publish(&locations.directory, &sources, &made, report) {
        report.errors.push(Trouble {
            message,
            next: match workshop.sandbox().layer() {
                Layer::Bubblewrap => "build into another directory, or move away what is there",
                // A wheel that holds its path is then another one each time.
                _ => {
                    "build into another directory, or move away what is there; without \
                     bubblewrap a build is in another directory each time, which some wheels hold"
                }
            }
            .to_owned(),
        });
        return None;
    }
    manifest::steps(request, &ManifestWish::default(), report, cancel, progress)
}

/// Finds the sdists and copies them where nobody else can change them.
fn collect(
    wish: &BuildWish,
    wheelhouse: &Path,
    private: &Path,
    cancel: &Cancel,
) -> Result<Vec<Source>, Reason> {
    let listing = requirements::read(&wish.requirements)?;
    if let Some(Fault { place, kind }) = listing.faults.first() {
        let path = place.path.display();
        return Err(format!("{path}, line {}: {kind}", place.line).into());
    }
    let mut listed = listing.pins;
    if let Some(Pin {
        place, requirement, ..
    }) = listed.iter().find(|pin| pin.requirement.hashes.is_empty())
    {
        let (path, project) = (place.path.display(), &requirement.project);
        return Err(format!("{path}, line {}: {project} has no hash", place.line).into());
    }
    let own = [wheelhouse.to_owned()];
    let places = match wish.sources.is_empty() {
        true => own.as_slice(),
        false => wish.sources.as_slice(),
    };
    let mut paths = BTreeSet::new();
    for place in places {
        if !place.is_dir() {
            let name = place.file_name().unwrap_or_default().to_string_lossy();
            SdistFilename::parse(&name)
                .map_err(|error| format!("{} is no sdist: {error}", place.display()))?;
            paths.insert(place.clone());
            continue;
        }
        for entry in fs::read_dir(place)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if SdistFilename::parse(&name).is_ok() {
                paths.insert(path);
            }
        }
    }
    let mut sources: BTreeMap<String, Source> = BTreeMap::new();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let filename = SdistFilename::parse(&name)?;
        let copy = private.join(format!("{}-{name}", sources.len()));
        let sha256 = copy_and_hash(&path, &copy, cancel)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let is_listed = |pin: &Pin| {
            let wanted = &pin.requirement;
            &wanted.project == filename.project()
                && &wanted.version == filename.version()
                && wanted.hashes.contains(&sha256)
        };
        if !wish.requirements.is_empty() && !listed.iter().any(is_listed) {
            continue;
        }
        listed.retain(|pin| !is_listed(pin));
        let source = Source {
            filename,
            copy,
            sha256,
        };
        if let Some(other) = sources.insert(name.clone().into_owned(), source)
            && other.sha256 != sha256
        {
            return Err(format!("there are two sdists named {name}, and they differ").into());
        }
    }
    let missing: Vec<String> = listed
        .iter()
        .filter(|pin| !pin.is_conditional)
        .map(|pin| format!("{}=={}", pin.requirement.project, pin.requirement.version))
        .collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        return Err(format!("no sdist at hand has a listed digest for {missing}").into());
    }
    Ok(sources.into_values().collect())
}

fn copy_and_hash(from: &Path, to: &Path, cancel: &Cancel) -> io::Result<Sha256Digest> {
    let from = open_regular_file(from)?;
    let mut copy = File::create_new(to)?;
    let mut buffer = vec![0u8; READ_SIZE];
    let (sha256, _) = hash_reader(from, &mut buffer, |piece| {
        cancel.check()?;
        io::Write::write_all(&mut copy, piece)
    })?;
    Ok(sha256)
}

/// What all builds of a run share.
struct Maker<'a> {
    request: &'a Request,
    surroundings: &'a Surroundings,
    private: &'a Path,
    workshop: &'a Workshop,
    toolbox: Toolbox<'a>,
    cancel: &'a Cancel,
}

impl Maker<'_> {
    /// Builds every sdist with every interpreter that was asked for, several at
    /// once; in the order of the sdists.
    fn all(
        &self,
        sources: &[Source],
        tags: &[String],
        report: &mut Report,
        progress: &dyn Progress,
    ) -> Vec<Made> {
        let tags: Vec<Option<&str>> = match tags.is_empty() {
            true => vec![None],
            false => tags.iter().map(|tag| Some(tag.as_str())).collect(),
        };
        let tasks: Vec<(&Source, Option<&str>)> = sources
            .iter()
            .flat_map(|source| tags.iter().map(move |tag| (source, *tag)))
            .collect();
        progress.making(tasks.len() as u64);
        let build = |index, (source, tag): &(&Source, Option<&str>)| {
            let name = source.filename.to_string();
            progress.building(&name);
            let result = self.one(index, source, *tag);
            progress.rebuilt(&name);
            Some((name, result))
        };
        let results = workers::each(&tasks, workers::jobs(&self.request.policy.rebuild), build);
        let mut made = Vec::new();
        for (name, result) in results.into_iter().flatten() {
            match result {
                Ok(one) => made.push(one),
                Err(Reason(reason)) => report.errors.push(Trouble {
                    message: format!("{name}: {reason}"),
                    next: "see its log, which --logs keeps; nothing was written".to_owned(),
                }),
            }
        }
        made
    }

    fn one(&self, index: usize, source: &Source, tag: Option<&str>) -> Result<Made, Reason> {
        let policy = &self.request.policy.rebuild;
        let recipes = Recipes {
            policy,
            limits: self.request.policy.wheelhouse.limits,
            signed: None,
            search_path: &self.surroundings.search_path,
            workshop: self.workshop,
            toolbox: &self.toolbox,
            cancel: self.cancel,
        };
        let mut of_project = policy.recipe_of(source.filename.project());
        if let Some(tag) = tag {
            let named = policy.interpreters.get(tag).and_then(|list| list.first());
            let named = named.ok_or_else(|| {
                format!("no interpreter is named for {tag}; name one with --python {tag}=PATH")
            })?;
            of_project = RecipePolicy {
                interpreter: Some(named.clone()),
                ..of_project
            };
        }
        let found = recipes.interpreter(None, &of_project, None)?;
        let recipe = recipes.stated(&found, &of_project, &source.filename)?;
        let log = match &self.surroundings.logs {
            Some(directory) => directory.join(format!("{}.log", source.filename)),
            None => self.private.join(format!("{index}.log")),
        };
        let job = Job {
            sdist: &source.copy,
            sdist_name: &source.filename,
            wheel: None,
            recipe: &recipe,
            log: &log,
        };
        let built = finished(self.workshop.build(&job, self.cancel)?)?;
        found.interpreter.suits(&built.filename)?;
        let record = BuildRecord {
            wheel: built.filename.clone(),
            wheel_sha256: built.sha256,
            sdist: source.filename.clone(),
            sdist_sha256: source.sha256,
            is_of_index: false,
            recipe: with_machine(self.workshop, recipe, &built, self.cancel)?,
        };
        Ok(Made { built, record })
    }
}

/// Where the contents of a file to write come from.
enum Contents<'a> {
    File(&'a Path),
    Bytes(Vec<u8>),
}

/// Puts the files into the wheelhouse, each in one step. A file of the same name
/// and contents stays; one of other contents stops everything before the first is
/// written.
fn publish(
    directory: &Path,
    sources: &[Source],
    made: &[Made],
    report: &mut Report,
) -> Result<(), Reason> {
    let mut files: BTreeMap<String, (Sha256Digest, Contents<'_>)> = BTreeMap::new();
    for source in sources {
        let contents = Contents::File(&source.copy);
        files.insert(source.filename.to_string(), (source.sha256, contents));
    }
    for one in made {
        let bytes = one.record.to_bytes();
        let of_record = (Sha256Digest::of(&bytes), Contents::Bytes(bytes));
        let of_wheel = (one.built.sha256, Contents::File(&one.built.wheel));
        let name = one.built.filename.to_string();
        for (name, file) in [(one.record.filename(), of_record), (name, of_wheel)] {
            if let Some(other) = files.insert(name.clone(), file)
                && files.get(&name).is_some_and(|file| file.0 != other.0)
            {
                return Err(format!("two builds gave different files named {name}").into());
            }
        }
    }
    fs::create_dir_all(directory)?;
    let mut staged = Vec::new();
    let mut written = Vec::new();
    for (name, (sha256, contents)) in &files {
        let to = directory.join(name);
        let write = |error: io::Error| format!("cannot write {}: {error}", to.display());
        let change = match to.symlink_metadata() {
            Ok(_) => {
                let mut buffer = vec![0u8; READ_SIZE];
                let there = open_regular_file(&to)
                    .and_then(|file| hash_reader(file, &mut buffer, |_| Ok(())))
                    .map_err(|error| format!("cannot read {}: {error}", to.display()))?;
                if there.0 != *sha256 {
                    return Err(format!(
                        "{} is there with other contents, and nothing is overwritten (sha256 there: {}, built: {sha256})",
                        to.display(),
                        there.0
                    )
                    .into());
                }
                Change::Unchanged
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut file = tempfile::Builder::new()
                    .prefix(".wheelproof-")
                    .tempfile_in(directory)
                    .map_err(write)?;
                match contents {
                    Contents::File(from) => {
                        let mut from = File::open(from)?;
                        io::copy(&mut from, &mut file).map_err(write)?;
                    }
                    Contents::Bytes(bytes) => {
                        io::Write::write_all(&mut file, bytes).map_err(write)?;
                    }
                }
                let readable = fs::Permissions::from_mode(0o644);
                file.as_file().set_permissions(readable).map_err(write)?;
                file.as_file().sync_all().map_err(write)?;
                staged.push((file, to.clone()));
                Change::Created
            }
            Err(error) => return Err(write(error).into()),
        };
        written.push(WrittenFile {
            path: to.display().to_string(),
            sha256: *sha256,
            change,
        });
    }
    for (file, to) in staged {
        file.persist_noclobber(&to)
            .map_err(|error| format!("cannot write {}: {}", to.display(), error.error))?;
    }
    report.written = written;
    Ok(())
}
