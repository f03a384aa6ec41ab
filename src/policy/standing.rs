//! Whose word a policy is, and what it may say then.
//!
//! A policy that the user named is the user's own word. One that was only found in the
//! directory that is checked is the word of whoever may write there: the very people that
//! a check is to keep watch over. What such a policy may say is decided here.
//!
//! - Where the user says whom to trust, it may ask for more and describe how wheels were
//!   built. It may let nothing more pass, name nothing to run but an interpreter by its
//!   usual name, leave out no sandbox, and name no file to write.
//! - Where the user says nothing, it may say whom to trust, and then all the rest but
//!   three things: programs that lie in the directory itself, no sandbox, and files to
//!   write outside of the directory.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::keys::{Class, Effect, Stated};
use super::{Locations, PolicyFile, WheelhousePolicy, place, raw};

/// What a command does with a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errand {
    /// It checks signatures and files.
    Check,
    /// It checks, then builds in a sandbox.
    Rebuild,
    /// It judges certificates.
    Certificates,
    /// It writes manifest or signatures.
    Sign,
    /// It builds in a sandbox, and writes files and manifest.
    Build,
}

impl Errand {
    /// Returns whether it heeds the keys of a table.
    fn heeds(self, table: &str) -> bool {
        match self {
            Self::Check => table != "rebuild",
            Self::Rebuild => true,
            Self::Certificates => table == "trust",
            Self::Sign => table != "rebuild",
            Self::Build => table != "trust",
        }
    }

    fn writes(self) -> bool {
        matches!(self, Self::Sign | Self::Build)
    }
}

/// What a policy is held against.
#[derive(Debug)]
pub struct Circumstances<'a> {
    /// What is done.
    pub errand: Errand,
    /// Whether the user says whom to trust.
    pub trust_is_the_users: bool,
    /// The directory that the user named.
    pub root: &'a Path,
    /// Where things are, with what flags say of it.
    pub wheelhouse: &'a WheelhousePolicy,
    /// The keys that flags take the place of; those of a recipe as
    /// `rebuild.recipe.KEY`.
    pub replaced: &'a BTreeSet<String>,
    /// How many builds run at once where nothing is said.
    pub cores: u64,
}

/// A key that a policy of the checked directory may not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{}:{}:{}: '{}' {}, and nobody named this policy: it lies in the directory that is checked",
    .policy.display(), .line, .column, .key.escape_default(), .what
)]
pub struct Refusal {
    /// The policy.
    pub policy: PathBuf,
    /// The line of the value, counted from 1.
    pub line: usize,
    /// Its column in characters, counted from 1.
    pub column: usize,
    /// The key with its tables.
    pub key: String,
    /// What the value does.
    pub what: &'static str,
}

impl Refusal {
    /// Returns what to do.
    pub fn next(&self) -> String {
        format!(
            "if the policy is your own, name it: --policy {}; else take the key out of it",
            self.policy.display()
        )
    }
}

impl PolicyFile {
    /// Returns where a key stands, `FILE:LINE:COLUMN`, when this file has it.
    pub fn place_of(&self, key: &str) -> Option<String> {
        let stated = self.stated.iter().find(|stated| stated.key == key)?;
        let (line, column) = stated.at;
        Some(format!("{}:{line}:{column}", self.path.display()))
    }

    /// Returns the first key that this policy may not have.
    pub fn refusal(&self, circumstances: &Circumstances<'_>) -> Option<Refusal> {
        if self.is_named {
            return None;
        }
        let around = Around::of(circumstances);
        let heeded = self.stated.iter().filter(|stated| {
            let table = stated.key.split('.').next().unwrap_or_default();
            circumstances.errand.heeds(table) && !circumstances.replaced.contains(&stated.setting)
        });
        heeded
            .filter_map(|stated| Some((stated, around.objection(stated)?)))
            .min_by_key(|(stated, _)| stated.at)
            .map(|(stated, what)| Refusal {
                policy: self.path.clone(),
                line: stated.at.0,
                column: stated.at.1,
                key: stated.key.clone(),
                what,
            })
    }
}

/// The directory, as judging needs it.
struct Around<'a> {
    circumstances: &'a Circumstances<'a>,
    /// Where everything is.
    checked: Vec<PathBuf>,
    /// Where everything would be if the policy said nothing of it.
    usual: Option<Locations>,
}

impl<'a> Around<'a> {
    fn of(circumstances: &'a Circumstances<'a>) -> Self {
        let root = circumstances.root;
        let locations = circumstances.wheelhouse.locate(root).ok();
        let checked = match &locations {
            Some(locations) => locations.checked(root),
            None => vec![root],
        };
        Self {
            circumstances,
            checked: checked.into_iter().map(Path::to_owned).collect(),
            usual: WheelhousePolicy::default().locate(root).ok(),
        }
    }

    /// Returns what a value does that it may not do.
    fn objection(&self, stated: &Stated) -> Option<&'static str> {
        let users = self.circumstances.trust_is_the_users;
        let writes = self.circumstances.errand.writes();
        match &stated.effect {
            Effect::Harmless => None,
            Effect::Unconfines => Some("builds outside the sandbox"),
            Effect::Writes => Some("names a file to write"),
            Effect::Widens => users.then_some(WIDENS),
            Effect::AtOnce(number) => {
                (users && *number > self.circumstances.cores).then_some(WIDENS)
            }
            Effect::Runs(programs) => programs.iter().find_map(|it| self.runs(it)),
            Effect::Places(paths) => {
                let is_out = writes && paths.iter().any(|path| !self.may_be_written(path));
                is_out.then_some("names a file to write outside of it")
            }
            Effect::Moves(_) if writes && !self.may_be_written_in(&stated.effect) => {
                Some("names a directory to write to outside of it")
            }
            Effect::Moves(path) => {
                let is_usual = self
                    .usual
                    .as_ref()
                    .is_some_and(|usual| place::real(&usual.directory) == place::real(path));
                (users && !is_usual).then_some("has other files checked than those that lie there")
            }
        }
    }

    /// Returns what speaks against a program.
    fn runs(&self, program: &Path) -> Option<&'static str> {
        let is_bare = super::rebuild::is_bare(program);
        if self.circumstances.trust_is_the_users {
            let is_usual = is_bare && program.to_str().is_some_and(is_interpreter);
            return (!is_usual).then_some("names a program to run outside the sandbox");
        }
        let checked: Vec<&Path> = self.checked.iter().map(PathBuf::as_path).collect();
        let is_inside = !is_bare && place::passes(program, &checked);
        is_inside.then_some("names a program that lies in the checked directory")
    }

    fn may_be_written_in(&self, effect: &Effect) -> bool {
        match effect {
            Effect::Moves(path) => self.is_below(path),
            _ => true,
        }
    }

    /// Returns whether a file may be written by the word of the directory: one of its own,
    /// or one beside the manifest that is found without that word.
    fn may_be_written(&self, path: &Path) -> bool {
        let beside = self
            .usual
            .as_ref()
            .and_then(|usual| usual.manifest.as_deref())
            .map(parent_of);
        self.is_below(path)
            || beside.is_some_and(|beside| place::real(beside) == place::real(parent_of(path)))
    }

    fn is_below(&self, path: &Path) -> bool {
        place::real(path).starts_with(place::real(self.circumstances.root))
    }
}

const WIDENS: &str = "allows more than wheelproof does by itself";

fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    }
}

/// Returns whether a name is the usual one of an interpreter: `python3`, `python3.11`,
/// `python3.13t`, `pypy3`. Any other program would be run all the same.
fn is_interpreter(name: &str) -> bool {
    let Some(version) = name
        .strip_prefix("python")
        .or_else(|| name.strip_prefix("pypy"))
    else {
        return false;
    };
    let version = version.strip_suffix('t').unwrap_or(version);
    match version.split_once('.') {
        Some(("3", minor)) => !minor.is_empty() && minor.bytes().all(|it| it.is_ascii_digit()),
        Some(_) => false,
        None => version == "3",
    }
}

/// Returns every key that a policy may have, with what it lets its writer do. Where the
/// policy chooses a name, `TAG` or `NAME` stands for it.
pub fn classes() -> Vec<(String, Class)> {
    raw::classes()
}
