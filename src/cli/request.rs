//! From arguments and policy file to what the pipeline is asked.

use std::path::{Path, PathBuf};

use super::args::{CommonArgs, PlaceArgs, RequirementsFlag};
use super::{Surroundings, Usage, now};
use crate::audit::Use;
use crate::fingerprint::Fingerprint;
use crate::pipeline::{self, Request, TrustSaid};
use crate::policy::{self, Depth, Policy, PolicyFile, WheelhousePolicy};
use crate::report::SaidBy;

/// Reads the policy, lets the flags win, and refuses to trust nobody in
/// particular. Commands that do not hold files against requirements give `None`.
pub(super) fn request(
    surroundings: &Surroundings,
    args: &CommonArgs,
    requirements: Option<&RequirementsFlag>,
) -> Result<Request, Usage> {
    let (mut policy, policy_file) = load(&args.place.dir, args.place.policy.as_deref())?;
    override_with(&mut policy, args);
    let files = &mut policy.wheelhouse.requirements;
    match requirements {
        Some(flag) => replace_all(files, &flag.files),
        None => files.clear(),
    }
    if policy.trust.certificates.is_empty() {
        return Err(nobody_trusted());
    }
    policy
        .wheelhouse
        .locate(&args.place.dir)
        .map_err(|error| Usage::new(error, pipeline::NAME_MANIFEST))?;
    Ok(Request {
        root: args.place.dir.clone(),
        policy,
        policy_file,
        trust_said: trust_said(&args.certs, &args.signer),
        reference_time: match args.time {
            Some(time) => time,
            None => now(surroundings)?,
        },
        strict: args.strict,
        time_is_chosen: args.time.is_some(),
        requirements: Use::AsTheyAre,
    })
}

/// Says that nobody is trusted.
pub(super) fn nobody_trusted() -> Usage {
    Usage::new(
        "no certificates are named, so nobody is trusted",
        "name the signers' certificates with --certs, or in the policy under [trust]",
    )
}

/// Reads the policy and lets the flags win; asks nobody's trust.
pub(super) fn place(surroundings: &Surroundings, args: &PlaceArgs) -> Result<Request, Usage> {
    let (mut policy, policy_file) = load(&args.dir, args.policy.as_deref())?;
    override_place(&mut policy.wheelhouse, args);
    Ok(Request {
        root: args.dir.clone(),
        policy,
        policy_file,
        trust_said: TrustSaid::default(),
        reference_time: now(surroundings)?,
        strict: false,
        time_is_chosen: false,
        requirements: Use::AsTheyAre,
    })
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
    let (policy, file) = PolicyFile::load(&path, named.is_some())
        .map_err(|error| Usage::new(error, "see docs/policy.md for what a policy may say"))?;
    Ok((policy, Some(file)))
}

/// Returns where it is said whom to trust, when these flags win.
pub(super) fn trust_said(certificates: &[PathBuf], signers: &[Fingerprint]) -> TrustSaid {
    let said = |is_flag: bool| match is_flag {
        true => SaidBy::CommandLine,
        false => SaidBy::Policy,
    };
    TrustSaid {
        certificates: said(!certificates.is_empty()),
        signers: said(!signers.is_empty()),
    }
}

fn override_with(policy: &mut Policy, args: &CommonArgs) {
    let trust = &mut policy.trust;
    replace_all(&mut trust.certificates, &args.certs);
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

pub(super) fn replace_all(values: &mut Vec<PathBuf>, flags: &[PathBuf]) {
    if !flags.is_empty() {
        values.clear();
        values.extend_from_slice(flags);
    }
}
