//! Which policy decided, and on whose word somebody was believed.

use std::io::{self, Write};

use serde::Serialize;

use super::Report;
use super::text::{Palette, escape, plural};
use crate::digest::Sha256Digest;

/// How many signers one line names.
const NAMED: usize = 3;

/// The policy that was used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicySummary {
    /// The file, as the user would name it.
    pub path: String,
    /// The digest of its bytes.
    pub sha256: Sha256Digest,
    /// Whether the user named it; else it was found in the directory.
    pub named: bool,
    /// Whether it lies where the checked files lie, so that whoever writes there decides
    /// what it says.
    pub in_checked_directory: bool,
}

/// Where something was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SaidBy {
    /// A flag.
    CommandLine,
    /// A variable of the environment.
    Environment,
    /// The policy, or nobody.
    #[default]
    Policy,
}

/// Who said whom to believe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrustSummary {
    /// The files and directories of the trusted certificates, as the user would name
    /// them.
    pub certificates: Vec<String>,
    /// Who named these.
    pub certificates_from: SaidBy,
    /// Who narrowed them to some signers; `None` when nobody did.
    pub signers_from: Option<SaidBy>,
    /// Whether the one who writes the checked directory is the only one who said whom to
    /// believe.
    pub chosen_by_directory: bool,
}

impl Report {
    /// Returns what there is to say of the policy, as pairs of a word and a sentence.
    pub(super) fn policy_lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = Vec::new();
        if let Some(policy) = &self.policy {
            let lies = match policy.in_checked_directory {
                true => ", which lies in the checked directory",
                false => "",
            };
            let line = format!("{}, sha256 {}{lies}", policy.path, policy.sha256);
            lines.push(("policy", line));
        }
        if let Some(sentence) = self.believed().or_else(|| self.of_environment()) {
            lines.push(("trust", sentence));
        }
        lines
    }

    /// Returns whom the environment of the program chose: nobody sees that in a log.
    fn of_environment(&self) -> Option<String> {
        let from = |trust: &&TrustSummary| trust.certificates_from == SaidBy::Environment;
        let of = self.trust.as_ref().filter(from)?.certificates.join(", ");
        Some(format!(
            "the certificates of {of} are trusted because the environment says so"
        ))
    }

    /// Returns whom the writer of the checked directory chose, when nobody else did.
    pub(super) fn believed(&self) -> Option<String> {
        const SAYS: &str =
            "because this policy says so; whoever can write the directory can change it";
        let trust = self.trust.as_ref().filter(|it| it.chosen_by_directory)?;
        let of = trust.certificates.join(", ");
        let met_by = self.threshold.iter().flat_map(|it| &it.met_by);
        let signers: Vec<String> = met_by.map(ToString::to_string).collect();
        Some(match signers.len() {
            0 => format!("the certificates of {of} are trusted {SAYS}"),
            count if count <= NAMED => {
                let are = plural(count, "is", "are");
                format!("{} (of {of}) {are} believed {SAYS}", signers.join(" and "))
            }
            count => format!("{count} signers (of {of}) are believed {SAYS}"),
        })
    }

    pub(super) fn write_policy(&self, out: &mut dyn Write, palette: &Palette) -> io::Result<()> {
        let lines = self.policy_lines();
        for (word, line) in &lines {
            let word = palette.strong(&format!("{word:<8}"));
            writeln!(out, "{word}  {}", escape(line))?;
        }
        if !lines.is_empty() {
            writeln!(out)?;
        }
        Ok(())
    }
}
