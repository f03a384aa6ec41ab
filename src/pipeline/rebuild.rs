//! Verify, select, rebuild, compare.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::prove::{Prover, Reproduced};
use super::recipes::{Copies, Recipes};
use super::tools::{Reason, Toolbox};
use super::witnesses;
use super::workers;
use super::{Progress, Request, Verification, verify};
use crate::cancel::Cancel;
use crate::compare::{self, Comparison, Different, Sides};
use crate::explain::{self, BuildFacts};
use crate::filename::{SdistFilename, WheelFilename};
use crate::finding::{Finding, Subject, rules};
use crate::infer;
use crate::openpgp::SignatureVerdict;
use crate::policy::RecordsPolicy;
use crate::policy::SandboxPolicy;
use crate::rebuild::{Built, Cache, Job, Outcome, ToolsError, Workshop};
use crate::recipe::{BuildRecord, MAX_RECORD_BYTES, RECORD_ENDING, Recipe};
use crate::relpath::RelPath;
use crate::report::{
    RebuildOutcome, RebuildSummary, RecipeSource, Report, ShardSummary, Trouble, WitnessSummary,
};
use crate::sandbox::{Layer, Limits, Parts, Sandbox, find_program};
use crate::scratch::{self, Scratch};
use crate::sdist::SourceFiles;
use crate::selection::{self, Pair, Selection, Shard, Signed};
use crate::time::UtcTime;
use crate::wheelhouse::{Checked, Status, VerifiedFiles};

/// What rebuilds need besides the policy.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// Where tool wheels are kept between runs.
    pub cache: PathBuf,
    /// Where private directories are made; every user may pass through it.
    pub temporary: PathBuf,
    /// The file this program runs from.
    pub executable: PathBuf,
    /// Where programs are looked for.
    pub search_path: Vec<PathBuf>,
    /// The environment for fetching tools; `None` forbids it.
    pub fetch: Option<Vec<(OsString, OsString)>>,
    /// Where to keep rebuilt wheels that have the signed digest.
    pub keep: Option<PathBuf>,
    /// Where to keep rebuilt wheels that have another one.
    pub keep_different: Option<PathBuf>,
    /// Where to keep witnesses, each with the wheel as rebuilt.
    pub witness: Option<PathBuf>,
    /// Where to keep the logs of the builds.
    pub logs: Option<PathBuf>,
    /// Whether the report says how long builds took.
    pub durations: bool,
    /// Whether wheels that an earlier run built of the same are taken instead of
    /// building them again.
    pub reuse: bool,
    /// Whether causes are tried by a rebuild with one thing changed.
    pub prove: bool,
    /// How long recipes are searched for wheels that did not come back; `None`
    /// searches none.
    pub search: Option<Duration>,
}

/// What is to be rebuilt.
#[derive(Clone, Copy)]
pub struct RebuildWish<'a> {
    /// Which wheels.
    pub selection: &'a Selection,
    /// Which part of them; `None` for all.
    pub shard: Option<Shard>,
    /// Who takes the results as they come.
    pub results: Option<&'a dyn Results>,
}

/// Who takes the results of rebuilds as they come. What is handed over is the same
/// for every part of a selection, but for the findings of the machine.
pub trait Results: Sync {
    /// The report as it is before any rebuild, all selected wheels in the order of
    /// their names, and what is to be said of this machine.
    fn begin(&self, verified: &Report, selected: &[Pair], of_machine: &[Finding]);
    /// A rebuild ended, and this is to be said of it. May be called from several
    /// threads.
    fn add(&self, rebuild: &RebuildSummary, findings: &[Finding]);
}

/// Verifies a directory, rebuilds the selected wheels whose sdists are verified,
/// and compares. The report says why where it could not.
pub fn rebuild(
    command: &'static str,
    request: &Request,
    wish: &RebuildWish<'_>,
    surroundings: &Surroundings,
    cancel: &Cancel,
    progress: &dyn Progress,
) -> Report {
    let verification = verify::verify(command, request, cancel, progress);
    let mut report = verification.report;
    let begin = |report: &Report, selected: &[Pair], of_machine: &[Finding]| {
        if let Some(results) = wish.results.filter(|_| !cancel.is_requested()) {
            results.begin(report, selected, of_machine);
        }
    };
    let (Some(checked), Some(manifest)) = (verification.checked, verification.manifest) else {
        begin(&report, &[], &[]);
        return report;
    };
    if cancel.is_requested() || report.is_empty {
        begin(&report, &[], &[]);
        return report;
    }
    let selected = selection::select(&manifest, wish.selection);
    for word in &selected.unmatched {
        report.errors.push(Trouble {
            message: format!("no wheel of the manifest matches '{}'", word.escape_debug()),
            next: match selection::alike(&manifest, word).as_slice() {
                [] => {
                    "select by project, project==version, or a pattern of the file name".to_owned()
                }
                near => format!("did you mean {}?", near.join(", ")),
            },
        });
    }
    if selected.pairs.is_empty() {
        report.is_empty = true;
        begin(&report, &[], &[]);
        return report;
    }
    let present = present(&checked);
    let mut shop = match Shop::open(request, surroundings, &checked.verified, &present, cancel) {
        Ok(shop) => shop,
        Err(trouble) => {
            report.errors.push(trouble);
            return report;
        }
    };
    shop.signed = first_signed(&report);
    let of_machine: Vec<Finding> = weaker(shop.workshop.sandbox()).into_iter().collect();
    begin(&report, &selected.pairs, &of_machine);
    report.findings.extend(of_machine);
    report.shard = wish.shard.map(|shard| ShardSummary {
        shard,
        selected: selected.pairs.len() as u64,
    });
    let mut pairs = selected.pairs;
    if let Some(shard) = wish.shard {
        pairs.retain(|pair| shard.holds(&pair.wheel.sha256));
    }
    progress.rebuilding(pairs.len() as u64);
    let deliver = |summary: &RebuildSummary| {
        if let Some(results) = wish.results.filter(|_| !cancel.is_requested()) {
            let noted = witnesses::findings(std::slice::from_ref(summary));
            results.add(summary, &noted);
        }
    };
    // What a search may still change is handed over after it.
    let is_final = |summary: &RebuildSummary| {
        surroundings.search.is_none() || summary.outcome == RebuildOutcome::Reproduced
    };
    report.rebuilds = shop.rebuild_all(&pairs, progress, &|summary| {
        if is_final(summary) {
            deliver(summary);
        }
    });
    if let Some(time) = surroundings.search {
        let open: Vec<bool> = report.rebuilds.iter().map(|one| !is_final(one)).collect();
        shop.search(&pairs, &mut report.rebuilds, time, progress);
        let searched = report.rebuilds.iter().zip(open);
        for (summary, _) in searched.filter(|(_, open)| *open) {
            deliver(summary);
        }
    }
    let noted = witnesses::findings(&report.rebuilds);
    report.findings.extend(noted);
    report
}

/// Returns the names that are there.
fn present(checked: &Checked) -> BTreeSet<&str> {
    checked
        .files
        .iter()
        .filter(|file| !matches!(file.status, Status::Missing))
        .map(|file| &*file.name)
        .collect()
}

/// Returns when the manifest was signed, by the first of the signatures that count.
fn first_signed(report: &Report) -> Option<UtcTime> {
    report
        .signatures
        .iter()
        .filter(|fact| fact.verdict == SignatureVerdict::Good)
        .filter_map(|fact| fact.created)
        .min()
}

/// Rebuilds some wheels of a verified directory, and returns what became of them and what
/// there is to say of it.
///
/// # Errors
///
/// There is no place to build in.
pub(super) fn rebuild_pairs(
    request: &Request,
    verification: &Verification,
    pairs: &[Pair],
    surroundings: &Surroundings,
    (cancel, progress): (&Cancel, &dyn Progress),
) -> Result<(Vec<RebuildSummary>, Vec<Finding>), Trouble> {
    let Some(checked) = &verification.checked else {
        return Ok((Vec::new(), Vec::new()));
    };
    let present = present(checked);
    let mut shop = Shop::open(request, surroundings, &checked.verified, &present, cancel)?;
    shop.signed = first_signed(&verification.report);
    let mut findings: Vec<Finding> = weaker(shop.workshop.sandbox()).into_iter().collect();
    progress.rebuilding(pairs.len() as u64);
    let mut rebuilds = shop.rebuild_all(pairs, progress, &|_| {});
    if let Some(time) = surroundings.search {
        shop.search(pairs, &mut rebuilds, time, progress);
    }
    findings.extend(witnesses::findings(&rebuilds));
    Ok((rebuilds, findings))
}

/// Says that builds are not in the full sandbox, and why.
pub(super) fn weaker(sandbox: &Sandbox) -> Option<Finding> {
    let layer = sandbox.layer();
    let shortfall = sandbox.shortfall().unwrap_or("not said");
    (layer != Layer::Bubblewrap).then(|| {
        Finding::new(&rules::SANDBOX_WEAKER, Subject::default())
            .expected(Layer::Bubblewrap)
            .found(format!("{layer} ({shortfall})"))
    })
}

/// Opens the sandbox, the cache and a private directory.
pub(super) fn open_workshop(
    request: &Request,
    surroundings: &Surroundings,
) -> Result<(Workshop, Scratch), Trouble> {
    let policy = &request.policy.rebuild;
    let parts = Parts {
        stage: surroundings.executable.clone(),
        bubblewrap: find_program("bwrap", &surroundings.search_path),
    };
    let sandbox = Sandbox::choose(policy.sandbox, &parts).map_err(|error| Trouble {
        message: error.to_string(),
        next: match policy.sandbox {
            SandboxPolicy::Require => "install bubblewrap and allow user namespaces",
            SandboxPolicy::Auto | SandboxPolicy::Off => {
                "install bubblewrap and allow user namespaces, or build where the kernel has Landlock (Linux 5.13 or newer)"
            }
        }
        .to_owned(),
    })?;
    let cache = Cache::open(&surroundings.cache).map_err(|error| Trouble {
        message: error.to_string(),
        next: match error {
            ToolsError::NotOurs { .. } => {
                "look at what others may have put there, then remove it; or name another place with --cache"
            }
            _ => "make it writable, or name another place with --cache",
        }
        .to_owned(),
    })?;
    for directory in [
        &surroundings.keep,
        &surroundings.keep_different,
        &surroundings.witness,
        &surroundings.logs,
    ]
    .into_iter()
    .flatten()
    {
        std::fs::create_dir_all(directory).map_err(|error| Trouble {
            message: format!("cannot create {}: {error}", directory.display()),
            next: "name a directory that can be written".to_owned(),
        })?;
    }
    scratch::sweep(&surroundings.temporary);
    let private = Scratch::new("rebuild", &surroundings.temporary).map_err(|error| Trouble {
        message: format!(
            "cannot make a directory in {}: {error}",
            surroundings.temporary.display()
        ),
        next: "make room there, or name another place in TMPDIR".to_owned(),
    })?;
    let limits = Limits {
        wall_time: policy.timeout,
        memory_bytes: policy.memory,
        processes: policy.processes,
        scratch_bytes: policy.disk,
        ..Limits::default()
    };
    let workshop = Workshop::new(
        sandbox,
        cache,
        limits,
        request.policy.wheelhouse.limits,
        surroundings.temporary.clone(),
    );
    Ok((workshop, private))
}

/// Everything that the rebuilds of one run share.
pub(super) struct Shop<'a> {
    pub(super) request: &'a Request,
    surroundings: &'a Surroundings,
    pub(super) verified: &'a VerifiedFiles,
    present: &'a BTreeSet<&'a str>,
    pub(super) workshop: Workshop,
    pub(super) private: Scratch,
    pub(super) toolbox: Toolbox<'a>,
    /// When the manifest was signed, by the first of the signatures that count.
    pub(super) signed: Option<UtcTime>,
    pub(super) cancel: &'a Cancel,
}

impl<'a> Shop<'a> {
    fn open(
        request: &'a Request,
        surroundings: &'a Surroundings,
        verified: &'a VerifiedFiles,
        present: &'a BTreeSet<&'a str>,
        cancel: &'a Cancel,
    ) -> Result<Self, Trouble> {
        let (workshop, private) = open_workshop(request, surroundings)?;
        Ok(Self {
            workshop,
            request,
            surroundings,
            verified,
            present,
            private,
            toolbox: Toolbox::new(request, surroundings, cancel),
            signed: None,
            cancel,
        })
    }

    /// Returns the signed record of a wheel, when there is one and the policy does
    /// not pass over it.
    fn record(
        &self,
        pair: &Pair,
        sdist: &Signed<SdistFilename>,
    ) -> Result<Option<BuildRecord>, Reason> {
        if self.request.policy.rebuild.records == RecordsPolicy::Ignore {
            return Ok(None);
        }
        let name = format!("{}{RECORD_ENDING}", pair.wheel.path);
        let Ok(path) = RelPath::parse(&name) else {
            return Ok(None);
        };
        if self.verified.digest(&path).is_none() {
            if self.present.contains(path.as_str()) {
                return Err("its build record did not pass verification".into());
            }
            return Ok(None);
        }
        let bytes = self.verified.read(&path, MAX_RECORD_BYTES)?;
        let record =
            BuildRecord::parse(&bytes).map_err(|error| format!("its build record: {error}"))?;
        let is_of_these = record.wheel == pair.wheel.filename
            && record.wheel_sha256 == pair.wheel.sha256
            && record.sdist_sha256 == sdist.sha256;
        match is_of_these {
            true => Ok(Some(record)),
            false => Err("its build record is of another wheel or sdist".into()),
        }
    }

    /// Returns where recipes come from.
    pub(super) fn recipes(&self) -> Recipes<'_> {
        Recipes {
            policy: &self.request.policy.rebuild,
            limits: self.request.policy.wheelhouse.limits,
            signed: self.signed,
            search_path: &self.surroundings.search_path,
            workshop: &self.workshop,
            toolbox: &self.toolbox,
            cancel: self.cancel,
        }
    }

    /// Returns how many builds run at once.
    pub(super) fn jobs(&self) -> usize {
        workers::jobs(&self.request.policy.rebuild)
    }

    /// Rebuilds several wheels at once and tells of each that ended; the results are in
    /// the order of the pairs.
    fn rebuild_all(
        &self,
        pairs: &[Pair],
        progress: &dyn Progress,
        ended: &(dyn Fn(&RebuildSummary) + Sync),
    ) -> Vec<RebuildSummary> {
        let rebuild = |index, pair: &Pair| {
            let name = pair.wheel.path.as_str();
            progress.building(name);
            let summary = self.rebuild(index, pair);
            ended(&summary);
            progress.rebuilt(name);
            Some(summary)
        };
        let results = workers::each(pairs, self.jobs(), rebuild);
        results.into_iter().flatten().collect()
    }

    fn rebuild(&self, index: usize, pair: &Pair) -> RebuildSummary {
        let mut summary = RebuildSummary {
            wheel: pair.wheel.path.to_string(),
            sdist: pair.sdist.as_ref().map(|sdist| sdist.path.to_string()),
            outcome: RebuildOutcome::NotAttempted,
            reason: None,
            published_sha256: pair.wheel.sha256,
            rebuilt_sha256: None,
            recipe: None,
            recipe_source: None,
            inferred: Vec::new(),
            policy: None,
            python: None,
            sandbox: None,
            notes: Vec::new(),
            mismatches: Vec::new(),
            differences: Vec::new(),
            wheels: Sides::default(),
            witness: WitnessSummary::default(),
            causes: Vec::new(),
            attributed: Vec::new(),
            unexplained: Vec::new(),
            log: None,
            seconds: None,
            reused: false,
        };
        if let Err(Reason(reason)) = self.attempt(index, pair, &mut summary) {
            summary.reason = Some(reason);
        }
        summary
    }

    /// Fills in a summary step by step; an error is the reason why it stays as
    /// it is.
    fn attempt(
        &self,
        index: usize,
        pair: &Pair,
        summary: &mut RebuildSummary,
    ) -> Result<(), Reason> {
        let sdist = pair.sdist.as_ref().ok_or(Reason::from(
            "the manifest lists no sdist of this project and version",
        ))?;
        if self.verified.digest(&sdist.path).is_none() {
            let path = &sdist.path;
            return Err(format!("its sdist {path} did not pass verification").into());
        }
        let wheel_is_verified = self.verified.digest(&pair.wheel.path).is_some();
        if !wheel_is_verified && self.present.contains(pair.wheel.path.as_str()) {
            return Err("the published wheel did not pass verification".into());
        }

        let private = self.private.path().join(index.to_string());
        std::fs::create_dir(&private)?;
        let sdist_copy = private.join(sdist.filename.to_string());
        self.verified.copy(&sdist.path, &sdist_copy, self.cancel)?;
        let published = private.join(pair.wheel.filename.to_string());
        if wheel_is_verified {
            self.verified
                .copy(&pair.wheel.path, &published, self.cancel)?;
        }
        let copies = Copies {
            sdist: &sdist_copy,
            wheel: wheel_is_verified.then_some(&*published),
        };

        let record = self.record(pair, sdist)?;
        let recipes = self.recipes();
        let chosen = recipes.choose(pair, sdist, &copies, record)?;
        summary.recipe_source = Some(chosen.source);
        summary.python = Some(chosen.interpreter.name());
        summary.inferred = chosen.reasons;
        if matches!(
            chosen.source,
            RecipeSource::Inferred | RecipeSource::Searched
        ) {
            let project = sdist.filename.project();
            summary.policy = Some(chosen.recipe.to_policy_toml(project));
        }
        let recipe = chosen.recipe;
        summary.recipe = Some(recipe.clone());
        let log = match &self.surroundings.logs {
            Some(directory) => directory.join(format!("{}.log", pair.wheel.filename)),
            None => private.join("log"),
        };
        let job = Job {
            sdist: &sdist_copy,
            sdist_name: &sdist.filename,
            wheel: Some(&pair.wheel.filename),
            recipe: &recipe,
            log: &log,
        };
        summary.mismatches =
            self.workshop
                .mismatches(&recipe, &pair.wheel.filename, self.cancel)?;
        summary.sandbox = Some(self.workshop.sandbox().layer());
        let attempt = match self.surroundings.reuse {
            true => self.workshop.build_or_reuse(&job, self.cancel)?,
            false => self.workshop.build(&job, self.cancel)?,
        };
        let built = match attempt {
            Outcome::Built(built) => built,
            Outcome::BuildFailed { reason, log_tail } => {
                summary.outcome = RebuildOutcome::BuildFailed;
                summary.log = Some(log_tail);
                return Err(reason.into());
            }
            Outcome::TimedOut { after, log_tail } => {
                summary.outcome = RebuildOutcome::TimedOut;
                summary.log = Some(log_tail);
                let seconds = after.as_secs();
                return Err(format!("the build was ended after {seconds} s, the limit").into());
            }
            Outcome::NotAttempted { reason } => return Err(reason.into()),
        };
        summary.notes.clone_from(&built.notes);
        summary.rebuilt_sha256 = Some(built.sha256);
        summary.reused = built.is_reused;
        if self.surroundings.durations {
            summary.seconds = Some(built.elapsed.as_secs_f64());
        }
        if built.sha256 == pair.wheel.sha256 {
            summary.outcome = RebuildOutcome::Reproduced;
            return self.keep(&built, &pair.wheel);
        }
        summary.outcome = RebuildOutcome::Different;
        self.keep_different(&built, &pair.wheel)?;
        if !wheel_is_verified {
            return Err(
                "the published wheel is not there, so only digests could be compared".into(),
            );
        }
        let limits = self.request.policy.wheelhouse.limits;
        match compare::wheels(&published, &built.wheel, limits, self.cancel)? {
            Comparison::Different(different) => {
                let proved = self.explain(pair, &job, &published, *different, summary);
                if let Some(proved) = proved
                    && self.put_proved(&proved, sdist, summary)
                {
                    return self.keep(&proved.built, &pair.wheel);
                }
            }
            Comparison::Identical(_) => {
                return Err("the digests differ, the bytes do not".into());
            }
        }
        let search = witnesses::Search {
            exact: self.request.policy.rebuild.exact,
            keep: self.surroundings.witness.as_deref(),
            limits,
            cancel: self.cancel,
        };
        search.run(&published, &built.wheel, &pair.wheel.filename, summary)
    }

    /// Makes the recipe of a proof the recipe of the rebuild, where it was inferred. Where
    /// the user or a record stated it, their word was tried and did not hold: the outcome
    /// stays, and the recipe that holds is shown. Returns whether it was taken.
    fn put_proved(
        &self,
        proved: &Reproduced,
        sdist: &Signed<SdistFilename>,
        summary: &mut RebuildSummary,
    ) -> bool {
        let text = proved.recipe.to_policy_toml(sdist.filename.project());
        summary.policy = Some(text);
        let is_inferred = summary.recipe_source == Some(RecipeSource::Inferred);
        if !is_inferred || proved.is_stated {
            let note = format!(
                "{} gives the signed digest; the recipe that was stated does not",
                proved.change
            );
            summary.notes.push(note);
            return false;
        }
        let notes = summary
            .causes
            .iter()
            .map(|cause| format!("proved against the inferred recipe: {}", cause.sentence));
        summary.notes = proved.built.notes.iter().cloned().chain(notes).collect();
        summary.outcome = RebuildOutcome::Reproduced;
        summary.rebuilt_sha256 = Some(proved.built.sha256);
        summary.recipe = Some(proved.recipe.clone());
        summary.recipe_source = Some(RecipeSource::Proved);
        summary.inferred.push(infer::Reason {
            part: "proof",
            value: proved.change.clone(),
            because: "with it the signed digest came out".into(),
        });
        summary.python = Some(proved.python.clone());
        summary.sandbox = Some(proved.built.layer);
        summary.differences.clear();
        summary.wheels = Sides::default();
        summary.causes.clear();
        summary.attributed.clear();
        summary.unexplained.clear();
        true
    }

    /// Fills in why the wheels differ, and proves it where that was asked for: returns the
    /// build that has the signed digest, where one has.
    fn explain(
        &self,
        pair: &Pair,
        job: &Job<'_>,
        published: &Path,
        mut different: Different,
        summary: &mut RebuildSummary,
    ) -> Option<Reproduced> {
        let limits = self.request.policy.wheelhouse.limits;
        // The build has read the sdist; if it cannot be read now, members are
        // looked up nowhere.
        let source = SourceFiles::read(job.sdist, job.sdist_name, &limits, self.cancel).ok();
        let build = facts_of(job.recipe);
        let explanation = explain::explain(&different, source.as_ref(), Some(&build));
        different.forget_contents();
        summary.differences = different.differences;
        summary.wheels = different.wheels;
        summary.causes = explanation.causes;
        summary.attributed = explanation.attributed;
        summary.unexplained = explanation.unexplained;
        if !self.surroundings.prove {
            return None;
        }
        let rebuild = &self.request.policy.rebuild;
        let of_project = rebuild.recipe_of(job.sdist_name.project());
        // Those of this system: another root is another system, not one thing.
        let named = rebuild.interpreters.values().flatten();
        let named = named.filter(|interpreter| interpreter.root.is_none());
        let search = &self.surroundings.search_path;
        let named = named.filter_map(|interpreter| {
            let python = interpreter.python.clone();
            match python.components().count() {
                1 => find_program(&python.display().to_string(), search),
                _ => Some(python),
            }
        });
        let installed = search.iter().map(|directory| directory.join("python3"));
        let mut interpreters: Vec<PathBuf> = Vec::new();
        for path in named.chain(installed.filter(|path| path.is_file())) {
            if !interpreters.contains(&path) {
                interpreters.push(path);
            }
        }
        let prover = Prover {
            workshop: &self.workshop,
            toolbox: &self.toolbox,
            policy: &of_project,
            interpreters,
            published,
            published_sha256: pair.wheel.sha256,
            source: source.as_ref(),
            limits,
            cancel: self.cancel,
        };
        let proved = prover.prove(job, &mut summary.causes);
        summary.notes.extend(proved.notes);
        proved.reproduced
    }

    /// Puts a rebuilt wheel where the user wants it: whole, or not at all.
    pub(super) fn keep(&self, built: &Built, wheel: &Signed<WheelFilename>) -> Result<(), Reason> {
        keep_in(self.surroundings.keep.as_deref(), built, wheel)
    }

    /// Keeps a wheel that is not the signed one, for whoever looks into it.
    fn keep_different(&self, built: &Built, wheel: &Signed<WheelFilename>) -> Result<(), Reason> {
        keep_in(self.surroundings.keep_different.as_deref(), built, wheel)
    }
}

/// Returns what a recipe says of a build, for the explanation of what it gave.
pub(super) fn facts_of(recipe: &Recipe) -> BuildFacts {
    let tools = recipe.tools.iter().map(|tool| {
        let name = tool.filename.project().to_string();
        (name, tool.filename.version().to_string())
    });
    let mut environment = recipe.environment.clone();
    // Every build has it, unless the recipe says another.
    environment
        .entry("PYTHONHASHSEED".to_owned())
        .or_insert_with(|| "0".to_owned());
    BuildFacts {
        tools: tools.collect(),
        epoch: recipe.source_date_epoch,
        environment,
    }
}

/// Copies a built wheel, under the name of the published one, into a directory where one is
/// asked for.
fn keep_in(
    directory: Option<&Path>,
    built: &Built,
    wheel: &Signed<WheelFilename>,
) -> Result<(), Reason> {
    let Some(directory) = directory else {
        return Ok(());
    };
    let to = directory.join(wheel.filename.to_string());
    witnesses::keep(&built.wheel, directory, &to)
}
