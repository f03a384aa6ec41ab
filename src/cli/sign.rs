//! `wheelproof sign DIR`.

use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;

use super::args::{Format, OutputArgs, PlaceArgs};
use super::output::Output;
use super::request::{self, Asked};
use super::terminal;
use super::{Surroundings, Usage, Voice, finish};
use crate::cancel::Cancel;
use crate::fingerprint::Fingerprint;
use crate::gnupg::Gnupg;
use crate::pipeline::{self, SignWish, SigningWay};
use crate::policy::Errand;
use crate::report::Verdict;
use crate::time::UtcTime;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    wheelproof sign dists --signer 0BC135125EB2FF9A0F88EE1CC65FF007C75766ED\n  \
    wheelproof sign dists --key-file release-key.asc --password-file password\n  \
    wheelproof sign dists --signer 0BC135125EB2FF9A0F88EE1CC65FF007C75766ED --print-command\n  \
    wheelproof sign dists --add sha256sums.txt.0BC135125EB2FF9A0F88EE1CC65FF007C75766ED.asc\n\n\
    Without --key-file and --add, gpg signs: with the key that gpg-agent or a smartcard holds, in \
    the user's own GnuPG home. The manifest has to be current, and the signatures that are there \
    have to be over it. Others' signatures stay. What is written is verified before it takes the \
    place of the old file.")]
pub(super) struct SignArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// Whose key signs: the fingerprint of a certificate, or of one key of it [default: the only signer of the policy]
    #[arg(long, value_name = "FINGERPRINT")]
    signer: Option<Fingerprint>,
    /// Sign with the secret key in this file instead of through gpg
    #[arg(long, value_name = "FILE", conflicts_with_all = ["add", "print_command"])]
    key_file: Option<PathBuf>,
    /// The file with the password of the key file
    #[arg(long, value_name = "FILE", requires = "key_file")]
    password_file: Option<PathBuf>,
    /// Add the signatures in this file, which were made elsewhere
    #[arg(long, value_name = "FILE", conflicts_with = "print_command")]
    add: Option<PathBuf>,
    /// Sign nothing; print the commands for the machine that has the key
    #[arg(long)]
    print_command: bool,
    /// Sign nothing; take the signatures of this certificate or key out of the file, and leave the others as they are
    #[arg(long, value_name = "FINGERPRINT", conflicts_with_all = ["signer", "key_file", "add", "print_command", "replace"])]
    drop: Vec<Fingerprint>,
    /// Start anew: drop the signatures that are in the file
    #[arg(long)]
    replace: bool,
    /// Write the signature here [default: where 'verify' looks for it, else MANIFEST.asc]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Trusted certificates: a file, or a directory of files; once for each [env: WHEELPROOF_CERTS, divided as PATH is]
    #[arg(long, value_name = "PATH")]
    certs: Vec<PathBuf>,
    /// Date the signature, and judge keys, as of this time [default: now]; not through gpg
    #[arg(long, value_name = "RFC3339")]
    time: Option<UtcTime>,
    #[command(flatten)]
    out: OutputArgs,
}

pub(super) fn run(
    surroundings: &Surroundings,
    voice: Voice,
    args: &SignArgs,
    cancel: &Cancel,
) -> u8 {
    let output = Output::new(voice, args.out.format);
    if let Some(code) = output.unready("sign", &args.out.report) {
        return code;
    }
    let asked = Asked {
        trust_said: request::trust_said(surroundings, &args.certs, &[]),
        ..Asked::for_all(Errand::Sign)
    };
    let mut request = match request::place_of_old(surroundings, &args.place, asked) {
        Ok(request) => request,
        Err(usage) => return output.usage("sign", &usage),
    };
    request::name_certificates(
        surroundings,
        &mut request.policy.trust.certificates,
        &args.certs,
    );
    let gnupg = || Gnupg {
        environment: terminal::environment(surroundings),
    };
    let way = match (&args.key_file, &args.add) {
        (Some(path), _) => SigningWay::KeyFile {
            path: path.clone(),
            password: args.password_file.clone(),
        },
        (None, Some(path)) => SigningWay::Made(path.clone()),
        (None, None) => SigningWay::Gnupg(gnupg()),
    };
    let pinned = request.policy.trust.signers.len();
    if let Err(usage) = check(args, &way, pinned, cancel) {
        return output.usage("sign", &usage);
    }
    request.time_is_chosen = args.time.is_some();
    request.reference_time = args.time.unwrap_or(request.reference_time);
    let started = request.reference_time;
    let clock = || match args.time {
        Some(time) => time,
        // The clock was in order when the program began.
        None => UtcTime::from_system(SystemTime::now()).unwrap_or(started),
    };
    let wish = SignWish {
        way,
        signer: args.signer.clone(),
        output: args.output.clone(),
        replace: args.replace,
        clock: &clock,
    };
    let progress = output.progress(&request);
    if !args.drop.is_empty() {
        let mut report = pipeline::drop_signatures(&request, &args.drop, &wish, cancel);
        progress.clear();
        return finish(&mut report, &args.out, &output, cancel);
    }
    if !args.print_command {
        let mut report = pipeline::sign(&request, &wish, cancel, &progress);
        progress.clear();
        return finish(&mut report, &args.out, &output, cancel);
    }
    let (mut report, commands) = pipeline::signing_commands(&request, &wish, cancel, &progress);
    progress.clear();
    match commands {
        Some(commands) if !cancel.is_requested() => match output.plainly(&commands) {
            Ok(()) => Verdict::Pass.exit_code(),
            Err(error) => output.trouble(&format!("cannot write the commands: {error}")),
        },
        _ => finish(&mut report, &args.out, &output, cancel),
    }
}

fn check(args: &SignArgs, way: &SigningWay, pinned: usize, cancel: &Cancel) -> Result<(), Usage> {
    if !args.drop.is_empty() {
        return Ok(());
    }
    if args.print_command && args.out.format == Format::Json {
        return Err(Usage::new(
            "--print-command prints commands, which are no JSON",
            "leave out --format json",
        ));
    }
    match way {
        SigningWay::Gnupg(gnupg) if args.signer.is_none() && pinned != 1 => Err(Usage::new(
            "it is not said who signs",
            candidates(gnupg, cancel),
        )),
        SigningWay::Gnupg(_) if args.time.is_some() && !args.print_command => Err(Usage::new(
            "gpg dates its signatures itself, so --time has no effect on them",
            "leave out --time, or sign with --key-file",
        )),
        _ => Ok(()),
    }
}

/// Returns who could sign, as far as GnuPG's keyring tells.
fn candidates(gnupg: &Gnupg, cancel: &Cancel) -> String {
    const OTHERWISE: &str = "name the signer's fingerprint with --signer, or sign with --key-file";
    let candidates = gnupg.candidates(cancel).unwrap_or_default();
    let named: Vec<String> = candidates
        .iter()
        .map(|it| match it.objection {
            None => format!("{} ({})", it.fingerprint, it.user_id),
            Some(objection) => format!("{} ({}; {objection})", it.fingerprint, it.user_id),
        })
        .collect();
    match named.is_empty() {
        true => format!("{OTHERWISE}; gpg has no secret key"),
        false => format!("name one with --signer; gpg has {}", named.join(", ")),
    }
}
