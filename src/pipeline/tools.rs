//! The tools of a build: signed wheelhouses, directories, lists, fetching.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::{Progress, Request, Surroundings, verify};
use crate::cancel::Cancel;
use crate::filename::WheelFilename;
use crate::finding::{Severity, rules};
use crate::input;
use crate::policy::{
    self, HandoffPolicy, Policy, PolicyFile, RebuildPolicy, RecipePolicy, WheelhousePolicy,
};
use crate::rebuild::{Asks, Cache, Candidate, Fetcher, Interpreter, Resolver, Wanted};
use crate::recipe::ToolWheel;
use crate::requirements;
use crate::requirements::Requirement;
use crate::sandbox::find_program;

/// Why a wheel was not rebuilt, in one sentence.
pub(super) struct Reason(pub(super) String);

impl<T: std::fmt::Display> From<T> for Reason {
    fn from(error: T) -> Self {
        Self(error.to_string())
    }
}

/// Where the tools of one run come from.
pub(super) struct Toolbox<'a> {
    request: &'a Request,
    /// The environment for fetching; `None` forbids it.
    fetch: Option<&'a [(OsString, OsString)]>,
    /// Where programs are looked for.
    search_path: &'a [PathBuf],
    cancel: &'a Cancel,
    /// The signed wheelhouses that were verified, with what they gave.
    wheelhouses: Mutex<BTreeMap<PathBuf, Result<Vec<Candidate>, String>>>,
}

impl<'a> Toolbox<'a> {
    pub(super) fn new(
        request: &'a Request,
        surroundings: &'a Surroundings,
        cancel: &'a Cancel,
    ) -> Self {
        Self {
            request,
            fetch: surroundings.fetch.as_deref(),
            search_path: &surroundings.search_path,
            cancel,
            wheelhouses: Mutex::default(),
        }
    }

    /// Returns the wheels that a recipe's build imports from.
    ///
    /// # Errors
    ///
    /// Why they cannot be had, in one sentence.
    pub(super) fn gather(
        &self,
        cache: &Cache,
        policy: &RecipePolicy,
        python: &Path,
    ) -> Result<Vec<ToolWheel>, Reason> {
        let mut candidates = Vec::new();
        for directory in policy.tool_wheelhouses.iter().flatten() {
            candidates.extend(self.tool_wheelhouse(directory)?);
        }
        let directories = policy.tool_directories.as_deref().unwrap_or_default();
        let mut lists = Vec::new();
        for list in policy.tools.iter().flatten() {
            let bytes = input::read(list, requirements::MAX_BYTES)?;
            let listed = requirements::parse_hashed(&bytes)
                .map_err(|error| format!("{}: {error}", list.display()))?;
            lists.push(listed);
        }
        lists.extend(policy.pinned_tools.clone());
        if lists.is_empty() {
            return Ok(cache.everything(&candidates, directories)?);
        }
        let fetcher = self.fetcher(python);
        let mut tools = Vec::new();
        for listed in &lists {
            tools.extend(cache.gather(
                listed,
                &candidates,
                directories,
                fetcher.as_ref(),
                self.cancel,
            )?);
        }
        tools.sort_by_key(|tool: &ToolWheel| tool.filename.to_string());
        tools.dedup();
        Ok(tools)
    }

    fn fetcher(&self, python: &Path) -> Option<Fetcher> {
        self.fetch.map(|environment| Fetcher {
            python: python.to_owned(),
            environment: environment.iter().cloned().collect(),
        })
    }

    /// Returns the tools that are asked for, in the versions that an index
    /// had then, and whether that date was kept to.
    ///
    /// # Errors
    ///
    /// Why they cannot be had, in one sentence.
    pub(super) fn as_of(
        &self,
        cache: &Cache,
        wanted: &Wanted,
        python: &Path,
        interpreter: &Interpreter,
        cancel: &Cancel,
    ) -> Result<(Vec<ToolWheel>, bool), Reason> {
        let resolver = self.fetch.map(|environment| Resolver {
            asks: match find_program("uv", self.search_path) {
                Some(uv) => Asks::Uv(uv),
                None => Asks::Pip(python.to_owned()),
            },
            environment: environment.to_vec(),
        });
        let without =
            "no earlier run has found out, and asking an index is not allowed (--offline)";
        let resolver = resolver.as_ref().ok_or(without);
        let resolved = cache.resolve(wanted, interpreter, resolver, cancel)?;
        let tools = self.listed(cache, &resolved.tools, python, cancel)?;
        Ok((tools, resolved.is_dated))
    }

    /// Returns the tools of a list.
    pub(super) fn listed(
        &self,
        cache: &Cache,
        listed: &[Requirement],
        python: &Path,
        cancel: &Cancel,
    ) -> Result<Vec<ToolWheel>, Reason> {
        let fetcher = self.fetcher(python);
        Ok(cache.gather(listed, &[], &[], fetcher.as_ref(), cancel)?)
    }

    /// Verifies a signed wheelhouse with the trust of this one, once, and returns
    /// its wheels. Missing files are no fault there: what is there is used.
    fn tool_wheelhouse(&self, root: &Path) -> Result<Vec<Candidate>, String> {
        let mut known = self
            .wheelhouses
            .lock()
            .map_err(|_| "another build failed while it verified the tools".to_owned())?;
        if let Some(known) = known.get(root) {
            return known.clone();
        }
        let candidates = self.verify_tool_wheelhouse(root);
        known.insert(root.to_owned(), candidates.clone());
        candidates
    }

    fn verify_tool_wheelhouse(&self, root: &Path) -> Result<Vec<Candidate>, String> {
        let refuse = |reason: &dyn std::fmt::Display| {
            let root = root.display();
            format!("the tool wheelhouse {root} was refused: {reason}")
        };
        let policy_path = root.join(policy::FILE_NAME);
        let (own, file) = match policy_path.symlink_metadata() {
            Ok(_) => {
                let loaded = PolicyFile::load(&policy_path, false);
                let (own, file) = loaded.map_err(|error| refuse(&error))?;
                (own, Some(file))
            }
            Err(_) => (Policy::default(), None),
        };
        let request = Request {
            root: root.to_owned(),
            // Its places are its own; whom to trust, how far to look and what a list may
            // look like is decided here. What may lie there unlisted is never a tool.
            policy: Policy {
                trust: self.request.policy.trust.clone(),
                // But a directory of tools names no file for us to write.
                wheelhouse: WheelhousePolicy {
                    state: None,
                    requirements: Vec::new(),
                    depth: self.request.policy.wheelhouse.depth,
                    limits: self.request.policy.wheelhouse.limits,
                    lines: self.request.policy.wheelhouse.lines,
                    ..own.wheelhouse
                },
                rebuild: RebuildPolicy::default(),
                handoff: HandoffPolicy::default(),
            },
            policy_file: file,
            ..self.request.clone()
        };
        let verification = verify::verify("verify", &request, self.cancel, &Silent);
        let report = &verification.report;
        if let Some(error) = report.errors.first() {
            return Err(refuse(&error.message));
        }
        let fault = report.findings.iter().find(|finding| {
            finding.severity == Severity::Error && finding.rule != &rules::FILE_MISSING
        });
        if let Some(finding) = fault {
            let place = finding.subject.path.as_deref().unwrap_or_default();
            return Err(refuse(&format!("{} ({place})", finding.message)));
        }
        let checked = verification
            .checked
            .ok_or_else(|| refuse(&"it could not be verified"))?;
        Ok(checked
            .verified
            .iter()
            .filter_map(|(path, sha256)| {
                Some(Candidate {
                    filename: WheelFilename::parse(path.file_name()).ok()?,
                    sha256: *sha256,
                    path: path.below(checked.verified.root()),
                })
            })
            .collect())
    }
}

/// Progress of work that is not shown.
struct Silent;

impl Progress for Silent {
    fn hashing(&self, _files: u64, _bytes: u64) {}
    fn read(&self, _bytes: u64) {}
    fn hashed(&self) {}
    fn rebuilding(&self, _wheels: u64) {}
    fn building(&self, _wheel: &str) {}
    fn rebuilt(&self, _wheel: &str) {}
}
