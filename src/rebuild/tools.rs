//! Tool wheels: found by digest, unpacked once, checked at each use.
//!
//! In: tool wheels that somebody named by SHA-256, and a cache directory of our
//! user. Out: directories to import from, whose files are those of the wheels.
//!
//! # The cache
//!
//! ```text
//! wheels/SHA256/NAME.whl                 fetched wheels
//! tools/SHA256-BYTECODE/tree/            a wheel's files, and their bytecode
//! tools/SHA256-BYTECODE/bytecode         the digests of the bytecode files
//! ```
//!
//! An entry appears under its name by a rename, complete, and is never changed;
//! several programs may share a cache. When it is used for the first time in a
//! run, each file of the tree is compared with the wheel, whose digest is the
//! recipe's. Bytecode is compared with the digests written down when it was made:
//! nothing signed says what it should be. Who can rewrite both as this user can
//! as well replace the interpreter, or this program.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::interpreter::Interpreter;
use super::ownership;
use super::unzip;
use pep440_rs::Version;

use crate::archive::{Limits, open_regular_file};
use crate::cancel::Cancel;
use crate::digest::{READ_SIZE, Sha256Digest, hash_reader};
use crate::filename::{ProjectName, WheelFilename};
use crate::recipe::ToolWheel;
use crate::requirements::Requirement;
use crate::scratch::{self, Scratch};

/// How large a tool wheel may be; the largest in use (cmake, ninja) have 30 MB.
const LIMITS: Limits = Limits {
    members: 100_000,
    member_bytes: 512 << 20,
    total_bytes: 1 << 30,
    ratio: 200,
};
/// How long making the bytecode of one tool may take.
const COMPILE_PATIENCE: Duration = Duration::from_secs(120);
/// How long fetching a list of tools may take.
const FETCH_PATIENCE: Duration = Duration::from_secs(20 * 60);

/// Why a tool cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ToolsError {
    /// Listed tools are nowhere to be found.
    #[error("no wheel at hand has a listed digest for {}; put the wheels into a tool directory of the policy, or allow fetching them", .0.join(", "))]
    Missing(Vec<String>),
    /// Two wheels of one project are at hand, and no list says which one.
    #[error("{one} and {other} are both at hand; name one of them in a list of tools")]
    Ambiguous {
        /// The first file name.
        one: String,
        /// The second file name.
        other: String,
    },
    /// A tool wheel's file is gone or unreadable.
    #[error("tool wheel '{path}' cannot be read: {source}")]
    Read {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// A tool wheel's file has other bytes than the recipe says.
    #[error(
        "tool wheel '{path}' has another digest than the recipe\n  expected: {expected}\n  found:    {found}\nremove the file and fetch it again"
    )]
    Digest {
        /// The file.
        path: String,
        /// The recipe's digest.
        expected: Sha256Digest,
        /// The file's.
        found: Sha256Digest,
    },
    /// A tool wheel cannot be unpacked.
    #[error("tool wheel '{path}' cannot be unpacked: {reason}")]
    Unpack {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A cache entry is not what was put there.
    #[error(
        "cache entry '{entry}' was changed: {reason}; remove that directory, and find out who writes there"
    )]
    Poisoned {
        /// The directory.
        entry: String,
        /// What is different.
        reason: String,
    },
    /// The cache cannot be written.
    #[error("cannot {action} '{path}' in the cache of tools: {source}")]
    Cache {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody else can write to the cache, or put another one in its place.
    #[error("the cache '{cache}' is not used: {reason}")]
    NotOurs {
        /// The cache.
        cache: String,
        /// Who can, and what to do.
        reason: String,
    },
    /// The program that fetches tools failed.
    #[error("the listed tools could not be fetched: {0}")]
    Fetch(String),
    /// The program that asks the index failed.
    #[error("the index could not be asked: {0}")]
    Index(String),
    /// Nobody says which tools there were.
    #[error(
        "no tools were found for {wanted}: {reason}; name the tools in the policy, or try again with a network"
    )]
    Resolve {
        /// What was asked for.
        wanted: String,
        /// Why there is no answer.
        reason: String,
    },
    /// Somebody asked to stop.
    #[error("interrupted")]
    Interrupted,
}

/// A wheel somebody has verified, as a candidate for a list of tools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The file name.
    pub filename: WheelFilename,
    /// The digest it was verified with.
    pub sha256: Sha256Digest,
    /// Where it is.
    pub path: PathBuf,
}

/// How to run pip, for lists whose wheels are not at hand.
#[derive(Debug, Clone)]
pub struct Fetcher {
    /// An interpreter with pip.
    pub python: PathBuf,
    /// The environment to run it in: proxies, indexes, certificates.
    pub environment: BTreeMap<OsString, OsString>,
}

/// The cache.
#[derive(Debug)]
pub struct Cache {
    root: PathBuf,
    checked: Mutex<BTreeSet<PathBuf>>,
}

impl Cache {
    /// Opens a cache, creating the directory for our user alone when there is
    /// none. This is the one way to all that is kept, and nothing is used of a cache
    /// that others can write to.
    ///
    /// # Errors
    ///
    /// [`ToolsError::Cache`] when it cannot be created, [`ToolsError::NotOurs`] when it
    /// is not this user's alone.
    pub fn open(root: &Path) -> Result<Self, ToolsError> {
        let make = |path: &Path| {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(path)
                .map_err(cache_error("create", path))
        };
        make(root)?;
        let root = fs::canonicalize(root).map_err(cache_error("find", root))?;
        ownership::check(&root)?;
        for directory in ["wheels", "tools"] {
            make(&root.join(directory))?;
        }
        scratch::sweep(&root);
        scratch::sweep(&root.join("tools"));
        Ok(Self {
            root,
            checked: Mutex::default(),
        })
    }

    /// Returns the directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Finds the wheels of a list: among the candidates, in directories of
    /// unverified wheels, among those fetched before; then, with a fetcher, by
    /// fetching. Only files with a listed digest are returned, sorted by name.
    ///
    /// # Errors
    ///
    /// [`ToolsError::Missing`] naming every tool that was not found, or what
    /// went wrong while fetching.
    pub fn gather(
        &self,
        list: &[Requirement],
        candidates: &[Candidate],
        directories: &[PathBuf],
        fetcher: Option<&Fetcher>,
        cancel: &Cancel,
    ) -> Result<Vec<ToolWheel>, ToolsError> {
        let mut tools = Vec::new();
        let mut missing = Vec::new();
        for wanted in list {
            cancel.check().map_err(|_| ToolsError::Interrupted)?;
            match self.find(wanted, candidates, directories)? {
                Some(tool) => tools.push(tool),
                None => missing.push(wanted),
            }
        }
        if let Some(fetcher) = fetcher
            && missing.iter().any(|wanted| wanted.marker.is_none())
        {
            self.fetch(&missing, fetcher, cancel)?;
            let mut still = Vec::new();
            for wanted in missing {
                match self.find(wanted, &[], &[])? {
                    Some(tool) => tools.push(tool),
                    None => still.push(wanted),
                }
            }
            missing = still;
        }
        let missing: Vec<String> = missing
            .into_iter()
            .filter(|wanted| wanted.marker.is_none())
            .map(|wanted| format!("{}=={}", wanted.project, wanted.version))
            .collect();
        if !missing.is_empty() {
            return Err(ToolsError::Missing(missing));
        }
        tools.sort_by_key(|tool| tool.filename.to_string());
        Ok(tools)
    }

    /// Returns every wheel among the candidates and in the directories, sorted by
    /// name: the tools of a recipe that lists none.
    ///
    /// # Errors
    ///
    /// [`ToolsError::Ambiguous`] when there are two wheels of one project: which
    /// one is imported would be left to chance.
    pub fn everything(
        &self,
        candidates: &[Candidate],
        directories: &[PathBuf],
    ) -> Result<Vec<ToolWheel>, ToolsError> {
        let mut tools: BTreeMap<ProjectName, ToolWheel> = BTreeMap::new();
        let mut all: Vec<ToolWheel> = candidates
            .iter()
            .map(|candidate| ToolWheel {
                filename: candidate.filename.clone(),
                sha256: candidate.sha256,
                path: candidate.path.clone(),
            })
            .collect();
        for directory in directories {
            for (filename, path) in wheels_in(directory) {
                let sha256 = digest_of(&path)?;
                all.push(ToolWheel {
                    filename,
                    sha256,
                    path,
                });
            }
        }
        for tool in all {
            match tools.get(tool.filename.project()) {
                Some(other) if other.sha256 != tool.sha256 => {
                    return Err(ToolsError::Ambiguous {
                        one: other.filename.to_string(),
                        other: tool.filename.to_string(),
                    });
                }
                _ => {
                    tools.insert(tool.filename.project().clone(), tool);
                }
            }
        }
        let mut tools: Vec<ToolWheel> = tools.into_values().collect();
        tools.sort_by_key(|tool| tool.filename.to_string());
        Ok(tools)
    }

    /// Returns a wheel of this project and version from directories of unverified
    /// wheels, for builds whose result is looked at and not believed.
    ///
    /// # Errors
    ///
    /// [`ToolsError`] when a file cannot be read.
    pub fn unlisted(
        &self,
        project: &ProjectName,
        version: &Version,
        directories: &[PathBuf],
    ) -> Result<Option<ToolWheel>, ToolsError> {
        for (filename, path) in directories.iter().flat_map(|place| wheels_in(place)) {
            if filename.project() == project && filename.version() == version {
                let sha256 = digest_of(&path)?;
                return Ok(Some(ToolWheel {
                    filename,
                    sha256,
                    path,
                }));
            }
        }
        Ok(None)
    }

    fn find(
        &self,
        wanted: &Requirement,
        candidates: &[Candidate],
        directories: &[PathBuf],
    ) -> Result<Option<ToolWheel>, ToolsError> {
        let is_wanted = |name: &WheelFilename| {
            name.project() == &wanted.project && name.version() == &wanted.version
        };
        for candidate in candidates {
            if is_wanted(&candidate.filename) && wanted.hashes.contains(&candidate.sha256) {
                return Ok(Some(ToolWheel {
                    filename: candidate.filename.clone(),
                    sha256: candidate.sha256,
                    path: candidate.path.clone(),
                }));
            }
        }
        let cached = wanted
            .hashes
            .iter()
            .map(|digest| self.root.join("wheels").join(digest.to_string()));
        for directory in directories.iter().cloned().chain(cached) {
            for (filename, path) in wheels_in(&directory) {
                if !is_wanted(&filename) {
                    continue;
                }
                let sha256 = digest_of(&path)?;
                if wanted.hashes.contains(&sha256) {
                    return Ok(Some(ToolWheel {
                        filename,
                        sha256,
                        path,
                    }));
                }
            }
        }
        Ok(None)
    }

    /// Lets pip fetch wheels and keeps those with a listed digest.
    fn fetch(
        &self,
        wanted: &[&Requirement],
        fetcher: &Fetcher,
        cancel: &Cancel,
    ) -> Result<(), ToolsError> {
        let directory = Scratch::new("fetch", &self.root)
            .map_err(cache_error("create a directory in", &self.root))?;
        let list = directory.path().join("list.txt");
        let mut text = String::new();
        for requirement in wanted {
            text.push_str(&format!("{}=={}", requirement.project, requirement.version));
            for digest in &requirement.hashes {
                text.push_str(&format!(" --hash=sha256:{digest}"));
            }
            text.push('\n');
        }
        fs::write(&list, text).map_err(cache_error("write", &list))?;
        let into = directory.path().join("wheels");
        let log = directory.path().join("log.txt");
        let log_file = File::create(&log).map_err(cache_error("write", &log))?;
        let mut command = Command::new(&fetcher.python);
        command
            .args(["-m", "pip", "download", "--quiet", "--no-input"])
            .args([
                "--disable-pip-version-check",
                "--no-deps",
                "--require-hashes",
            ])
            // Nothing that runs setup code.
            .args(["--only-binary", ":all:", "--dest"])
            .arg(&into)
            .arg("-r")
            .arg(&list)
            .env_clear()
            .envs(&fetcher.environment)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log_file);
        let ended = wait(command, FETCH_PATIENCE, cancel)?;
        if let Err(reason) = ended {
            let log = fs::read_to_string(&log).unwrap_or_default();
            let said = log
                .lines()
                .rfind(|line| line.starts_with("ERROR"))
                .or(log.lines().last())
                .unwrap_or("it said nothing");
            return Err(ToolsError::Fetch(format!(
                "pip ended with {reason}: {}; check the network, or put the wheels into a tool directory",
                said.escape_default()
            )));
        }
        for (filename, path) in wheels_in(&into) {
            let sha256 = digest_of(&path)?;
            if !wanted.iter().any(|wanted| wanted.hashes.contains(&sha256)) {
                continue;
            }
            let place = self.root.join("wheels").join(sha256.to_string());
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&place)
                .map_err(cache_error("create", &place))?;
            let to = place.join(filename.to_string());
            fs::rename(&path, &to).map_err(cache_error("move", &to))?;
        }
        Ok(())
    }

    /// Returns a directory with a tool wheel's files, to be imported from and
    /// not to be written to.
    ///
    /// # Errors
    ///
    /// When the wheel is not the recipe's, cannot be unpacked, or the cache
    /// holds something else under its digest.
    pub fn unpacked(
        &self,
        tool: &ToolWheel,
        interpreter: &Interpreter,
        cancel: &Cancel,
    ) -> Result<PathBuf, ToolsError> {
        let bytecode = match interpreter.root {
            // Its interpreter runs in the sandbox only, and compiles at import.
            Some(_) => "none".to_owned(),
            None => format!("{}-{}", interpreter.cache_tag, interpreter.magic),
        };
        let entry = self
            .root
            .join("tools")
            .join(format!("{}-{bytecode}", tool.sha256));
        let tree = entry.join("tree");
        if self
            .checked
            .lock()
            .is_ok_and(|checked| checked.contains(&entry))
        {
            return Ok(tree);
        }
        let files = read_wheel(tool)?;
        if !entry.is_dir() {
            self.make(tool, &files, interpreter, &entry, cancel)?;
        }
        check(&entry, &files)?;
        if let Ok(mut checked) = self.checked.lock() {
            checked.insert(entry);
        }
        Ok(tree)
    }

    /// Makes an entry beside its place and renames it there. Whoever else made
    /// it in the meantime made the same.
    fn make(
        &self,
        tool: &ToolWheel,
        files: &BTreeMap<String, unzip::File>,
        interpreter: &Interpreter,
        entry: &Path,
        cancel: &Cancel,
    ) -> Result<(), ToolsError> {
        let directory = Scratch::new("unpack", &self.root.join("tools"))
            .map_err(cache_error("create a directory in", &self.root))?;
        let tree = directory.path().join("tree");
        fs::create_dir(&tree).map_err(cache_error("create", &tree))?;
        for (name, file) in files {
            let path = tree.join(name);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(cache_error("create", parent))?;
            }
            let written = OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(&path)
                .and_then(|mut to| to.write_all(&file.contents));
            written.map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => ToolsError::Unpack {
                    path: tool.path.display().to_string(),
                    reason: format!("member '{}' collides with another", name.escape_default()),
                },
                _ => cache_error("write", &path)(error),
            })?;
        }
        // Compiling runs none of the tool's code. What does not compile, files
        // for Python 2 for example, has no bytecode then.
        let mut command = Command::new(&interpreter.executable);
        command
            .args(["-I", "-S", "-m", "compileall", "-q"])
            // The files never change, so nothing is to be compared at import.
            .args(["--invalidation-mode", "unchecked-hash"])
            .arg(&tree)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if interpreter.root.is_none() {
            let _ = wait(command, COMPILE_PATIENCE, cancel)?;
        }
        // Whatever our umask: under bubblewrap the build is another user.
        for entry in walkdir::WalkDir::new(&tree).into_iter().flatten() {
            let executable = entry
                .path()
                .strip_prefix(&tree)
                .ok()
                .and_then(Path::to_str)
                .and_then(|name| files.get(name))
                .is_some_and(|file| file.executable);
            let mode = if entry.file_type().is_dir() || executable {
                0o755
            } else {
                0o644
            };
            fs::set_permissions(entry.path(), fs::Permissions::from_mode(mode))
                .map_err(cache_error("open", entry.path()))?;
        }
        let mut bytecode = String::new();
        for (name, path) in files_below(&tree).map_err(cache_error("list", &tree))? {
            if !files.contains_key(&name) {
                bytecode.push_str(&format!("{}  {name}\n", digest_of(&path)?));
            }
        }
        let list = directory.path().join("bytecode");
        fs::write(&list, bytecode).map_err(cache_error("write", &list))?;
        let made = directory.path();
        fs::set_permissions(made, fs::Permissions::from_mode(0o755))
            .map_err(cache_error("open", made))?;
        match fs::rename(made, entry) {
            // Another process has put it there meanwhile.
            Err(_) if entry.is_dir() => Ok(()),
            other => other.map_err(cache_error("move", entry)),
        }
    }
}

/// Compares an entry with the wheel it was made of.
fn check(entry: &Path, files: &BTreeMap<String, unzip::File>) -> Result<(), ToolsError> {
    let poisoned = |reason: String| ToolsError::Poisoned {
        entry: entry.display().to_string(),
        reason,
    };
    let unreadable = |error: io::Error| poisoned(format!("it cannot be read: {error}"));
    let list = fs::read_to_string(entry.join("bytecode")).map_err(unreadable)?;
    let mut bytecode: BTreeMap<&str, &str> = BTreeMap::new();
    for line in list.lines() {
        let (digest, name) = line
            .split_once("  ")
            .ok_or_else(|| poisoned("its list of bytecode is malformed".to_owned()))?;
        // Only where the interpreter looks for bytecode of a file of the wheel.
        if !name.ends_with(".pyc") || !format!("/{name}").contains("/__pycache__/") {
            return Err(poisoned(format!(
                "'{}' is no bytecode",
                name.escape_default()
            )));
        }
        bytecode.insert(name, digest);
    }
    let mut seen = 0;
    for (name, path) in files_below(&entry.join("tree")).map_err(unreadable)? {
        let found = fs::read(&path).map_err(unreadable)?;
        let same = match (files.get(&name), bytecode.get(name.as_str())) {
            (Some(file), _) => {
                seen += 1;
                file.contents == found
            }
            (None, Some(digest)) => Sha256Digest::of(&found).to_string() == *digest,
            (None, None) => false,
        };
        if !same {
            return Err(poisoned(format!(
                "'{}' is not what was put there",
                name.escape_default()
            )));
        }
    }
    if seen != files.len() {
        return Err(poisoned("a file of the wheel is missing".to_owned()));
    }
    Ok(())
}

/// Returns the regular files below a directory by relative name.
///
/// # Errors
///
/// When something is neither file nor directory, or cannot be read.
fn files_below(root: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut files = Vec::new();
    for entry in walkdir::WalkDir::new(root).sort_by_file_name() {
        let entry = entry?;
        if entry.file_type().is_dir() {
            continue;
        }
        let name = entry
            .path()
            .strip_prefix(root)
            .ok()
            .and_then(Path::to_str)
            .filter(|_| entry.file_type().is_file())
            .ok_or_else(|| io::Error::other("something in it is no file"))?;
        files.push((name.to_owned(), entry.path().to_owned()));
    }
    Ok(files)
}

/// Reads a tool wheel, checks its digest and returns its files by the name they
/// have when installed: what lies in `NAME.data/purelib` and `platlib` belongs at
/// the top (binary distribution format, "The .data directory").
fn read_wheel(tool: &ToolWheel) -> Result<BTreeMap<String, unzip::File>, ToolsError> {
    let path = tool.path.display().to_string();
    let read = |source: io::Error| ToolsError::Read {
        path: path.clone(),
        source,
    };
    let mut bytes = Vec::new();
    open_regular_file(&tool.path)
        .and_then(|file| file.take(LIMITS.total_bytes).read_to_end(&mut bytes))
        .map_err(read)?;
    let found = Sha256Digest::of(&bytes);
    if found != tool.sha256 {
        return Err(ToolsError::Digest {
            path,
            expected: tool.sha256,
            found,
        });
    }
    let unpack = |reason: String| ToolsError::Unpack {
        path: path.clone(),
        reason,
    };
    let mut files = BTreeMap::new();
    for file in unzip::files(&bytes, LIMITS).map_err(unpack)? {
        let mut parts = file.path.as_str().splitn(3, '/');
        let installed = match (parts.next(), parts.next(), parts.next()) {
            (Some(data), Some("purelib" | "platlib"), Some(rest)) if data.ends_with(".data") => {
                rest
            }
            _ => file.path.as_str(),
        };
        let installed = installed.to_owned();
        // Bytecode in a wheel would be used in place of what we compile.
        if installed.ends_with(".pyc") {
            continue;
        }
        if files.contains_key(&installed) {
            return Err(unpack(format!(
                "two members are installed as '{}'",
                installed.escape_default()
            )));
        }
        files.insert(installed, file);
    }
    Ok(files)
}

pub(super) fn digest_of(path: &Path) -> Result<Sha256Digest, ToolsError> {
    let mut buffer = vec![0; READ_SIZE];
    open_regular_file(path)
        .and_then(|file| hash_reader(file, &mut buffer, |_| Ok(())))
        .map(|(digest, _)| digest)
        .map_err(|source| ToolsError::Read {
            path: path.display().to_string(),
            source,
        })
}

/// Returns the regular files of a directory that are named like wheels.
fn wheels_in(directory: &Path) -> Vec<(WheelFilename, PathBuf)> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut wheels: Vec<(WheelFilename, PathBuf)> = entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .filter_map(|entry| {
            let name = WheelFilename::parse(entry.file_name().to_str()?).ok()?;
            Some((name, entry.path()))
        })
        .collect();
    wheels.sort_by(|a, b| a.1.cmp(&b.1));
    wheels
}

/// Runs a trusted program; `Ok(Err(_))` when it fails or takes too long.
pub(super) fn wait(
    mut command: Command,
    patience: Duration,
    cancel: &Cancel,
) -> Result<Result<(), String>, ToolsError> {
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            let program = command.get_program().display();
            return Ok(Err(format!("'{program}' cannot be run: {error}")));
        }
    };
    let started = Instant::now();
    loop {
        let status = match child.try_wait() {
            Ok(status) => status,
            Err(error) => return Ok(Err(error.to_string())),
        };
        if let Some(status) = status {
            return Ok(if status.success() {
                Ok(())
            } else {
                Err(status.to_string())
            });
        }
        let late = started.elapsed() > patience;
        if late || cancel.is_requested() {
            let _ = child.kill();
            let _ = child.wait();
            return if late {
                Ok(Err("no end in sight".to_owned()))
            } else {
                Err(ToolsError::Interrupted)
            };
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(super) fn cache_error(
    action: &'static str,
    path: &Path,
) -> impl FnOnce(io::Error) -> ToolsError {
    let path = path.display().to_string();
    move |source| ToolsError::Cache {
        action,
        path,
        source,
    }
}
