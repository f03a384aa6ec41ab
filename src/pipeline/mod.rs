//! The order of the steps, and nothing else.
//!
//! In: what the user asked for. Out: a [`crate::report::Report`], and the proof that later steps
//! take. Every check is made on a floor below; here stands which follows which,
//! and what is left out when one fails.

mod build;
mod certs;
mod confirm;
mod earlier;
mod explain;
mod handed_on;
mod init;
mod inspect;
mod made;
mod manifest;
mod pinned;
mod prove;
mod rebuild;
mod recipes;
mod requirements;
mod search;
mod searched;
mod sign;
mod tools;
mod update;
mod verify;
mod witnesses;
mod workers;

use std::path::PathBuf;

use crate::audit::Use;
use crate::gnupg;
use crate::policy::{Policy, PolicyFile};
use crate::report::{PolicySummary, Report, SaidBy, Trouble, TrustSummary};
use crate::time::UtcTime;

pub use build::{BuildWish, build};
pub use certs::certs;
pub use confirm::{RebuiltWish, ShownBy};
pub use explain::{ExplainRequest, environment, explain, explain_environments};
pub use handed_on::HandOn;
pub use init::{InitWish, init};
pub use inspect::inspect;
pub use manifest::{ManifestWish, manifest};
pub use rebuild::{RebuildWish, Results, Surroundings, rebuild};
pub use requirements::{RequirementsWish, requirements};
pub use sign::{SignWish, SigningWay, drop_signatures, sign, signing_commands};
pub use update::{Consent, UpdateWish, update};
pub(crate) use verify::NAME_MANIFEST;
pub use verify::{Verification, verify};

/// What a command is asked to look at.
#[derive(Debug, Clone)]
pub struct Request {
    /// The directory that the user named.
    pub root: PathBuf,
    /// The policy, with what the command line says instead.
    pub policy: Policy,
    /// The file the policy came from.
    pub policy_file: Option<PolicyFile>,
    /// Who said whom to trust.
    pub trust_said: TrustSaid,
    /// The time to judge keys and signatures at.
    pub reference_time: UtcTime,
    /// Whether warnings count as errors.
    pub strict: bool,
    /// Whether the user chose the reference time; else it is the clock's.
    pub time_is_chosen: bool,
    /// What becomes of the requirements after the check.
    pub requirements: Use,
}

/// Where the two lists stand that say whom to trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TrustSaid {
    /// The list of certificates.
    pub certificates: SaidBy,
    /// The list of signers.
    pub signers: SaidBy,
}

impl TrustSaid {
    /// Returns whether the user said on the command line, or in the environment, whom to
    /// trust. A fingerprint is enough: no other certificate answers to it, wherever it is
    /// read from.
    pub fn is_of_the_user(self) -> bool {
        self.certificates != SaidBy::Policy || self.signers != SaidBy::Policy
    }
}

impl Request {
    /// Returns a report that says no more than what it was asked under.
    fn report(&self, command: &'static str) -> Report {
        let mut report = Report::new(command, self.reference_time);
        report.strict = self.strict;
        report.time_is_chosen = self.time_is_chosen;
        report.policy = self.policy_file.as_ref().map(|file| PolicySummary {
            path: file.path.display().to_string(),
            sha256: file.sha256,
            named: file.is_named,
            in_checked_directory: self.is_of_directory(file),
        });
        report
    }

    /// Returns what to type next about the same directory.
    fn line(&self, command: &str, rest: &str) -> String {
        let mut line = format!(
            "wheelproof {command} {}",
            gnupg::quoted(&self.root.to_string_lossy())
        );
        if let Some(file) = self.policy_file.as_ref().filter(|file| file.is_named) {
            let path = gnupg::quoted(&file.path.to_string_lossy());
            line.push_str(&format!(" --policy {path}"));
        }
        if !rest.is_empty() {
            line.push_str(&format!(" {rest}"));
        }
        line
    }

    /// Returns a report of a command that judges signatures, which says on whose word.
    fn judging_report(&self, command: &'static str) -> Report {
        let mut report = self.report(command);
        let trust = &self.policy.trust;
        let of_directory = report
            .policy
            .as_ref()
            .is_some_and(|policy| policy.in_checked_directory);
        let shown = trust.certificates.iter();
        report.trust = Some(TrustSummary {
            certificates: shown.map(|path| path.display().to_string()).collect(),
            certificates_from: self.trust_said.certificates,
            signers_from: match trust.signers.is_empty() {
                true => None,
                false => Some(self.trust_said.signers),
            },
            chosen_by_directory: of_directory && !self.trust_said.is_of_the_user(),
        });
        report
    }

    /// Returns whether one who may write the directory, the files or the manifest may
    /// decide what the policy says.
    fn is_of_directory(&self, file: &PolicyFile) -> bool {
        match self.policy.wheelhouse.locate(&self.root) {
            Ok(locations) => file.lies_in(&locations.checked(&self.root)),
            Err(_) => file.lies_in(&[&self.root]),
        }
    }
}

/// Who wants to know how far the work is. All methods may be called from several
/// threads.
pub trait Progress: Sync {
    /// So many bytes in so many files are going to be read.
    fn hashing(&self, files: u64, bytes: u64);
    /// So many more bytes were read.
    fn read(&self, bytes: u64);
    /// All files were read.
    fn hashed(&self);
    /// So many files of so many bytes are going to be looked into; what
    /// [`Progress::read`] is told then are bytes of their contents.
    fn inspecting(&self, _files: u64, _bytes: u64) {}
    /// The index is going to be asked for so many projects.
    fn asking(&self, _projects: u64) {}
    /// It has answered for one of them.
    fn answered(&self, _project: &str) {}
    /// Another program is going to ask the user something on this terminal.
    fn making_room(&self) {}
    /// So many wheels are going to be built, for the first time.
    fn making(&self, wheels: u64) {
        self.rebuilding(wheels);
    }
    /// So many wheels are going to be rebuilt.
    fn rebuilding(&self, wheels: u64);
    /// The build of a wheel began.
    fn building(&self, wheel: &str);
    /// The rebuild of a wheel ended.
    fn rebuilt(&self, wheel: &str);
}

/// Returns what a report says of an error, and of what to do.
fn trouble(error: &dyn std::error::Error, next: &str) -> Trouble {
    Trouble {
        message: error.to_string(),
        next: next.to_owned(),
    }
}
