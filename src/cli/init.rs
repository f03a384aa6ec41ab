//! `wheelproof init DIR`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::args::OutputArgs;
use super::output::Output;
use super::{Surroundings, Usage, Voice, environment, finish, now, request};
use crate::audit::Use;
use crate::cancel::Cancel;
use crate::pipeline::{self, InitWish, Request, TrustSaid};
use crate::policy::{self, Policy};
use crate::time::UtcTime;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    wheelproof init dists\n  \
    wheelproof init dists --certs keys/\n\n\
    Certificates are looked for in keys/, pubkeys/, certs/, certificates/ and signers/. The policy \
    suggests whoever signed what lies there: check the fingerprints with their owners before you \
    believe a pass.")]
pub(super) struct InitArgs {
    /// The directory to write a policy for
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Trusted certificates: a file, or a directory of files; once for each [env: WHEELPROOF_CERTS, divided as PATH is] [default: looked for in DIR]
    #[arg(long, value_name = "PATH")]
    certs: Vec<PathBuf>,
    /// Replace the policy that is there
    #[arg(long)]
    force: bool,
    /// Judge the signatures as of this time [default: now]
    #[arg(long, value_name = "RFC3339")]
    time: Option<UtcTime>,
    #[command(flatten)]
    out: OutputArgs,
}

pub(super) fn run(
    surroundings: &Surroundings,
    voice: Voice,
    args: &InitArgs,
    cancel: &Cancel,
) -> u8 {
    let output = Output::new(voice, args.out.format);
    if let Some(code) = output.unready("init", &args.out.report) {
        return code;
    }
    let target = args.dir.join(policy::FILE_NAME);
    let request = match asked(surroundings, args, &target) {
        Ok(request) => request,
        Err(usage) => return output.usage("init", &usage),
    };
    let wish = InitWish {
        output: target,
        certificates: environment::certificates(surroundings, &args.certs)
            .iter()
            .map(|path| from(&args.dir, path))
            .collect(),
        search_path: surroundings
            .variable("PATH")
            .map(|path| std::env::split_paths(path).collect())
            .unwrap_or_default(),
    };
    let mut report = pipeline::init(&request, &wish, cancel);
    finish(&mut report, &args.out, &output, cancel)
}

fn asked(surroundings: &Surroundings, args: &InitArgs, target: &Path) -> Result<Request, Usage> {
    request::is_there(&args.dir)?;
    if !args.force && target.symlink_metadata().is_ok() {
        return Err(Usage::new(
            format!("{} is there already", target.display()),
            "change it by hand, or replace it with --force",
        ));
    }
    Ok(Request {
        root: args.dir.clone(),
        policy: Policy::default(),
        policy_file: None,
        trust_said: TrustSaid::default(),
        reference_time: match args.time {
            Some(time) => time,
            None => now(surroundings)?,
        },
        strict: false,
        time_is_chosen: args.time.is_some(),
        requirements: Use::AsTheyAre,
    })
}

/// Returns a path of the command line as a policy in `dir` has to name it.
fn from(dir: &Path, path: &Path) -> PathBuf {
    match (dir.canonicalize(), path.canonicalize()) {
        (Ok(dir), Ok(path)) => match path.strip_prefix(&dir) {
            Ok(below) => below.to_owned(),
            Err(_) => path,
        },
        // It is not there; loading it will say so.
        _ => std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
    }
}
