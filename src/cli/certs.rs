//! `wheelproof certs DIR`.

use std::path::PathBuf;

use clap::Args;

use super::args::{OutputArgs, PlaceArgs};
use super::output::Output;
use super::request::{Asked, Flags};
use super::values;
use super::{Surroundings, Voice, finish, request};
use crate::cancel::Cancel;
use crate::fingerprint::Fingerprint;
use crate::pipeline;
use crate::policy::Errand;
use crate::time::UtcTime;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    wheelproof certs dists\n  \
    wheelproof certs dists --days 90 --format json\n  \
    wheelproof certs . --certs keys/\n\n\
    The exit code is 1 when a certificate cannot sign now, or lapses within the days. Where the \
    policy names signers, only theirs are judged.")]
pub(super) struct CertsArgs {
    /// The directory whose policy names the certificates
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// The policy file, heeded in full [default: DIR/wheelproof.toml, if it is there, which may not widen by itself]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Trusted certificates: a file, or a directory of files; once for each [env: WHEELPROOF_CERTS, divided as PATH is]
    #[arg(long, value_name = "PATH")]
    certs: Vec<PathBuf>,
    /// The fingerprint of a certificate that may sign [default: any trusted one]
    #[arg(long, value_name = "FINGERPRINT")]
    signer: Vec<Fingerprint>,
    /// Fail when a certificate lapses within so many days; 0 asks about now only [default: 60]
    #[arg(long, value_name = "N", value_parser = values::days)]
    days: Option<u32>,
    /// Judge as of this time [default: now]
    #[arg(long, value_name = "RFC3339")]
    time: Option<UtcTime>,
    /// Count warnings as errors
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    out: OutputArgs,
}

pub(super) fn run(
    surroundings: &Surroundings,
    voice: Voice,
    args: &CertsArgs,
    cancel: &Cancel,
) -> u8 {
    let output = Output::new(voice, args.out.format);
    if let Some(code) = output.unready("certs", &args.out.report) {
        return code;
    }
    let place = PlaceArgs {
        dir: args.dir.clone(),
        policy: args.policy.clone(),
        manifest: None,
        directory: None,
        allow_unlisted: Vec::new(),
        shallow: false,
        deep: false,
    };
    let mut asked = Asked {
        errand: Errand::Certificates,
        trust_said: request::trust_said(surroundings, &args.certs, &args.signer),
        flags: Flags::default(),
    };
    asked
        .flags
        .take("trust.lapse-warning-days", args.days.is_some());
    let mut request = match request::place_of_old(surroundings, &place, asked) {
        Ok(request) => request,
        Err(usage) => return output.usage("certs", &usage),
    };
    let trust = &mut request.policy.trust;
    request::name_certificates(surroundings, &mut trust.certificates, &args.certs);
    if !args.signer.is_empty() {
        trust.signers = args.signer.iter().cloned().collect();
    }
    trust.lapse_warning_days = args.days.unwrap_or(trust.lapse_warning_days);
    if trust.certificates.is_empty() {
        return output.usage("certs", &request::nobody_trusted());
    }
    request.reference_time = args.time.unwrap_or(request.reference_time);
    request.time_is_chosen = args.time.is_some();
    request.strict = args.strict;
    let mut report = pipeline::certs(&request);
    finish(&mut report, &args.out, &output, cancel)
}
