//! From arguments and policy file to what the pipeline is asked.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use super::args::{CommonArgs, PlaceArgs, RecipeArgs, RequirementsFlag};
use super::{Surroundings, Usage, environment, now, rebuild};
use crate::audit::Use;
use crate::fingerprint::Fingerprint;
use crate::pipeline::{self, Request, TrustSaid};
use crate::policy::{
    self, Circumstances, Depth, Errand, Policy, PolicyFile, RecordsPolicy, WheelhousePolicy,
};
use crate::report::SaidBy;
use crate::spelling;

/// Reads the policy, lets the flags win, and refuses to trust nobody in
/// particular. Commands that do not hold files against requirements give `None`.
pub(super) fn request(
    surroundings: &Surroundings,
    args: &CommonArgs,
    requirements: Option<&RequirementsFlag>,
) -> Result<Request, Usage> {
    let rebuilds = Rebuilds {
        recipe: None,
        records: None,
    };
    rebuilding(surroundings, args, requirements, rebuilds)
}

/// What flags say of rebuilds.
#[derive(Clone, Copy)]
pub(super) struct Rebuilds<'a> {
    /// `None` when nothing is built.
    pub(super) recipe: Option<&'a RecipeArgs>,
    pub(super) records: Option<RecordsPolicy>,
}

/// Does the same for a command that may rebuild, whose flags win too.
pub(super) fn rebuilding(
    surroundings: &Surroundings,
    args: &CommonArgs,
    requirements: Option<&RequirementsFlag>,
    rebuilds: Rebuilds<'_>,
) -> Result<Request, Usage> {
    is_there(&args.place.dir)?;
    let (mut policy, policy_file) = load(&args.place.dir, args.place.policy.as_deref())?;
    override_with(surroundings, &mut policy, args);
    let mut flags = Flags::of_common(args);
    let mut errand = Errand::Check;
    if let Some(recipe) = rebuilds.recipe {
        rebuild::override_with(&mut policy.rebuild, recipe);
        flags.take_recipe(recipe);
        errand = Errand::Rebuild;
    }
    flags.take("rebuild.records", rebuilds.records.is_some());
    policy.rebuild.records = rebuilds.records.unwrap_or(policy.rebuild.records);
    let files = &mut policy.wheelhouse.requirements;
    match requirements {
        Some(flag) => replace_all(files, &flag.files),
        None => files.clear(),
    }
    let request = Request {
        root: args.place.dir.clone(),
        policy,
        policy_file,
        trust_said: trust_said(surroundings, &args.certs, &args.signer),
        reference_time: match args.time {
            Some(time) => time,
            None => now(surroundings)?,
        },
        strict: args.strict,
        time_is_chosen: args.time.is_some(),
        requirements: Use::AsTheyAre,
    };
    is_the_users(&request, errand, &flags)?;
    can_be_met(&request, args.threshold)?;
    let located = request.policy.wheelhouse.locate(&request.root);
    let locations = located.map_err(|error| Usage::new(error, pipeline::NAME_MANIFEST))?;
    if request.policy.trust.certificates.is_empty() {
        let holds_some = request.policy_file.is_some()
            || locations.manifest.is_some()
            || policy::holds_packages(&locations.directory);
        return Err(match holds_some {
            true => nobody_trusted(),
            false => no_wheelhouse(&request.root),
        });
    }
    Ok(request)
}

/// Takes the only path of a command that names a directory and one thing more for the
/// other thing: then the directory is the working directory. `None` when there is no path.
pub(super) fn dir_or_not(
    common: &CommonArgs,
    other: Option<&PathBuf>,
) -> Option<(CommonArgs, PathBuf)> {
    let mut common = common.clone();
    match other {
        Some(other) => Some((common, other.clone())),
        None if common.place.dir == Path::new(".") => None,
        None => {
            let only = std::mem::replace(&mut common.place.dir, PathBuf::from("."));
            Some((common, only))
        }
    }
}

/// Says so when a directory is none, with the one that was perhaps meant.
pub(super) fn is_there(dir: &Path) -> Result<(), Usage> {
    let error = match dir.metadata() {
        Ok(metadata) if metadata.is_dir() => return Ok(()),
        Ok(_) => {
            return Err(Usage::new(
                format!("{} is no directory", dir.display()),
                "name the directory of the wheelhouse, first of all; '.' is the working directory",
            ));
        }
        Err(error) => error,
    };
    if error.kind() != ErrorKind::NotFound {
        return Err(Usage::new(
            format!("cannot look into {}: {error}", dir.display()),
            "name a directory that you may read",
        ));
    }
    let next = match sibling(dir) {
        Some(other) => format!("did you mean {}?", other.display()),
        None => "name the directory of the wheelhouse, first of all; '.' is the working directory"
            .to_owned(),
    };
    Err(Usage::new(
        format!("there is no directory {}", dir.display()),
        next,
    ))
}

/// Returns the directory beside one that is not there with the most similar name.
fn sibling(dir: &Path) -> Option<PathBuf> {
    let parent = match dir.parent()? {
        parent if parent.as_os_str().is_empty() => Path::new("."),
        parent => parent,
    };
    let names: Vec<String> = std::fs::read_dir(parent)
        .ok()?
        .filter_map(|entry| {
            let entry = entry.ok()?;
            entry
                .path()
                .is_dir()
                .then(|| entry.file_name().into_string().ok())?
        })
        .collect();
    let name = dir.file_name()?.to_str()?;
    spelling::nearest(name, names.iter().map(String::as_str)).map(|near| dir.with_file_name(near))
}

/// Says that a directory holds nothing that could be verified.
fn no_wheelhouse(dir: &Path) -> Usage {
    Usage::new(
        format!(
            "{} holds no wheelhouse: no {}, no manifest such as {}, no wheel and no sdist",
            dir.display(),
            policy::FILE_NAME,
            policy::MANIFEST_NAMES.first().copied().unwrap_or_default()
        ),
        "name the directory that has them",
    )
}

/// Says that nobody is trusted.
pub(super) fn nobody_trusted() -> Usage {
    Usage::new(
        "no certificates are named, so nobody is trusted",
        "name the signers' certificates with --certs, or in the policy under [trust]",
    )
}

/// The same for a directory that has to be there.
pub(super) fn place_of_old(
    surroundings: &Surroundings,
    args: &PlaceArgs,
    asked: Asked,
) -> Result<Request, Usage> {
    is_there(&args.dir)?;
    place(surroundings, args, asked)
}

/// Refuses a threshold above the number of signers who are named: nothing that is signed
/// later could meet it.
fn can_be_met(request: &Request, flag: Option<NonZeroU32>) -> Result<(), Usage> {
    let trust = &request.policy.trust;
    let (threshold, signers) = (trust.threshold.get(), trust.signers.len());
    if signers == 0 || threshold as usize <= signers {
        return Ok(());
    }
    let place = match (flag, &request.policy_file) {
        (None, Some(file)) => file.place_of("trust.threshold"),
        (Some(_), _) | (None, None) => None,
    };
    let place = place.map_or_else(
        || "--threshold".to_owned(),
        |place| format!("{place}: threshold"),
    );
    let who = match signers {
        1 => "1 signer is named".to_owned(),
        _ => format!("{signers} signers are named"),
    };
    Err(Usage::new(
        format!(
            "{place}: {threshold} distinct signers are asked for and {who}, so it can never be met"
        ),
        "lower the threshold, or name more signers",
    ))
}

/// What a command that judges nobody's signature does, and with whose word.
pub(super) struct Asked {
    pub(super) errand: Errand,
    pub(super) trust_said: TrustSaid,
    pub(super) flags: Flags,
}

impl Asked {
    /// Returns what is asked where nobody can be named on the command line.
    pub(super) fn for_all(errand: Errand) -> Self {
        Self {
            errand,
            trust_said: TrustSaid::default(),
            flags: Flags::default(),
        }
    }
}

/// Reads the policy and lets the flags win; asks nobody's trust.
pub(super) fn place(
    surroundings: &Surroundings,
    args: &PlaceArgs,
    asked: Asked,
) -> Result<Request, Usage> {
    let (mut policy, policy_file) = load(&args.dir, args.policy.as_deref())?;
    override_place(&mut policy.wheelhouse, args);
    let Asked {
        errand,
        trust_said,
        mut flags,
    } = asked;
    flags.take_place(args);
    let request = Request {
        root: args.dir.clone(),
        policy,
        policy_file,
        trust_said,
        reference_time: now(surroundings)?,
        strict: false,
        time_is_chosen: false,
        requirements: Use::AsTheyAre,
    };
    is_the_users(&request, errand, &flags)?;
    Ok(request)
}

/// The keys of a policy that flags take the place of.
#[derive(Debug, Clone, Default)]
pub(super) struct Flags(BTreeSet<String>);

impl Flags {
    /// Notes a key whose flag was given.
    pub(super) fn take(&mut self, key: &str, is_given: bool) {
        if is_given {
            self.0.insert(key.to_owned());
        }
    }

    fn take_place(&mut self, args: &PlaceArgs) {
        let PlaceArgs {
            dir: _,
            policy: _,
            manifest,
            directory,
            // Adds to what the policy says.
            allow_unlisted: _,
            shallow,
            deep,
        } = args;
        self.take("wheelhouse.manifest", manifest.is_some());
        self.take("wheelhouse.directory", directory.is_some());
        self.take("wheelhouse.depth", *shallow || *deep);
    }

    fn of_common(args: &CommonArgs) -> Self {
        let CommonArgs {
            place,
            certs: _,
            signer: _,
            threshold: _,
            key_validity,
            time: _,
            not_before: _,
            bad_signatures,
            signature,
            project: _,
            state,
            crlf,
            repeated_names,
            strict: _,
        } = args;
        let mut flags = Self::default();
        flags.take_place(place);
        flags.take("trust.key-validity", key_validity.is_some());
        flags.take("trust.bad-signatures", bad_signatures.is_some());
        flags.take("wheelhouse.signatures", !signature.is_empty());
        flags.take("wheelhouse.state", state.is_some());
        flags.take("wheelhouse.crlf", crlf.is_some());
        flags.take("wheelhouse.repeated-names", repeated_names.is_some());
        flags
    }

    pub(super) fn take_recipe(&mut self, args: &RecipeArgs) {
        for (tag, _) in &args.python {
            self.take(&format!("rebuild.interpreters.{tag}"), true);
        }
        for (key, is_given) in [
            ("rebuild.sandbox", args.sandbox.is_some()),
            ("rebuild.jobs", args.jobs.is_some()),
            ("rebuild.timeout", args.timeout.is_some()),
            ("rebuild.memory-mib", args.memory_mib.is_some()),
            ("rebuild.disk-mib", args.disk_mib.is_some()),
            ("rebuild.processes", args.processes.is_some()),
            ("rebuild.recipe.tools", !args.tools.is_empty()),
            (
                "rebuild.recipe.tool-directories",
                !args.tool_directory.is_empty(),
            ),
            (
                "rebuild.recipe.tool-wheelhouses",
                !args.tool_wheelhouse.is_empty(),
            ),
            ("rebuild.recipe.environment", !args.build_env.is_empty()),
        ] {
            self.take(key, is_given);
        }
    }
}

/// Refuses what a policy that only lies in the checked directory may not say.
fn is_the_users(request: &Request, errand: Errand, flags: &Flags) -> Result<(), Usage> {
    let Some(file) = &request.policy_file else {
        return Ok(());
    };
    let cores = std::thread::available_parallelism();
    let refusal = file.refusal(&Circumstances {
        errand,
        trust_is_the_users: request.trust_said.is_of_the_user(),
        root: &request.root,
        wheelhouse: &request.policy.wheelhouse,
        replaced: &flags.0,
        cores: cores.map_or(1, |cores| cores.get() as u64),
    });
    match refusal {
        Some(refusal) => Err(Usage::new(&refusal, refusal.next())),
        None => Ok(()),
    }
}

/// Reads the policy that is named, or the one in the directory.
fn load(dir: &Path, named: Option<&Path>) -> Result<(Policy, Option<PolicyFile>), Usage> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => {
            let path = dir.join(policy::FILE_NAME);
            if path.symlink_metadata().is_err() {
                return Ok((Policy::default(), None));
            }
            path
        }
    };
    let (policy, file) = PolicyFile::load(&path, named.is_some()).map_err(|error| Usage {
        excerpt: error.excerpt(),
        ..Usage::new(error, "see docs/policy.md for what a policy may say")
    })?;
    Ok((policy, Some(file)))
}

/// Returns where it is said whom to trust, when these flags win, and variables after them.
pub(super) fn trust_said(
    surroundings: &Surroundings,
    certificates: &[PathBuf],
    signers: &[Fingerprint],
) -> TrustSaid {
    TrustSaid {
        // A variable that names no path, such as ":", says nothing.
        certificates: match environment::certificates(surroundings, certificates).is_empty() {
            true => SaidBy::Policy,
            false if certificates.is_empty() => SaidBy::Environment,
            false => SaidBy::CommandLine,
        },
        signers: match signers {
            [] => SaidBy::Policy,
            _ => SaidBy::CommandLine,
        },
    }
}

fn override_with(surroundings: &Surroundings, policy: &mut Policy, args: &CommonArgs) {
    let trust = &mut policy.trust;
    name_certificates(surroundings, &mut trust.certificates, &args.certs);
    if !args.signer.is_empty() {
        trust.signers = args.signer.iter().cloned().collect();
    }
    trust.threshold = args.threshold.unwrap_or(trust.threshold);
    trust.key_validity = args.key_validity.unwrap_or(trust.key_validity);
    trust.not_before = args.not_before.or(trust.not_before);
    trust.bad_signatures = args.bad_signatures.unwrap_or(trust.bad_signatures);
    override_place(&mut policy.wheelhouse, &args.place);
    let wheelhouse = &mut policy.wheelhouse;
    replace_all(&mut wheelhouse.signatures, &args.signature);
    wheelhouse.project = args.project.clone().or(wheelhouse.project.take());
    wheelhouse.state = args.state.clone().or(wheelhouse.state.take());
    let lines = &mut wheelhouse.lines;
    lines.crlf = args.crlf.unwrap_or(lines.crlf);
    lines.repeated_names = args.repeated_names.unwrap_or(lines.repeated_names);
}

fn override_place(wheelhouse: &mut WheelhousePolicy, args: &PlaceArgs) {
    wheelhouse.manifest = args.manifest.clone().or(wheelhouse.manifest.take());
    wheelhouse.directory = args.directory.clone().or(wheelhouse.directory.take());
    wheelhouse
        .allow_unlisted
        .extend(args.allow_unlisted.iter().cloned());
    if args.shallow {
        wheelhouse.depth = Depth::Shallow;
    } else if args.deep {
        wheelhouse.depth = Depth::Deep;
    }
}

/// Lets flags, else the environment, name the trusted certificates instead of the policy.
pub(super) fn name_certificates(
    surroundings: &Surroundings,
    certificates: &mut Vec<PathBuf>,
    flags: &[PathBuf],
) {
    replace_all(
        certificates,
        &environment::certificates(surroundings, flags),
    );
}

pub(super) fn replace_all(values: &mut Vec<PathBuf>, flags: &[PathBuf]) {
    if !flags.is_empty() {
        values.clear();
        values.extend_from_slice(flags);
    }
}
