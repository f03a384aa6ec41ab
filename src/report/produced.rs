//! What the commands that write say of their work.

use std::io::{self, Write};

use serde::Serialize;

use super::text::{Palette, escape};
use super::{Report, Verdict};
use crate::digest::Sha256Digest;

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It was not there before.
    Created,
    /// It took the place of another.
    Replaced,
    /// It was as it had to be, and was not touched.
    Unchanged,
}

/// A file that a command was asked to write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WrittenFile {
    /// The file, as the user would name it.
    pub path: String,
    /// The digest of what stands there now.
    pub sha256: Sha256Digest,
    /// What became of it.
    pub change: Change,
}

impl Report {
    pub(super) fn write_written(&self, out: &mut dyn Write, palette: &Palette) -> io::Result<()> {
        for file in &self.written {
            let word = match file.change {
                Change::Created => "created",
                Change::Replaced => "replaced",
                Change::Unchanged => "unchanged",
            };
            writeln!(
                out,
                "{}  {}, sha256 {}",
                palette.strong(&format!("{word:<8}")),
                escape(&file.path),
                file.sha256
            )?;
        }
        if !self.written.is_empty() {
            writeln!(out)?;
        }
        Ok(())
    }

    /// Returns what the verdict means for whoever ran this command.
    pub(super) fn sentence(&self) -> &'static str {
        match (self.verdict, self.command) {
            (Verdict::Pass, "init") => {
                "read the policy, and check its fingerprints before you believe a pass"
            }
            (Verdict::Pass, "certs") => "no trusted certificate needs attention",
            (Verdict::Fail, "certs") => "a trusted certificate needs attention",
            (Verdict::Pass, "manifest") if self.written.is_empty() => "the manifest is current",
            (Verdict::Pass, "build") => {
                "the wheels are built and listed; sign the manifest with 'wheelproof sign'"
            }
            (Verdict::Pass, "update") => match &self.update {
                Some(update) if update.dry_run => "this is what would be done; nothing was written",
                Some(update) if update.in_place => {
                    "the new wheelhouse is in place; sign the manifest with 'wheelproof sign'"
                }
                _ => "the wheelhouse is as the list asks for; nothing was written",
            },
            (Verdict::Fail | Verdict::Error, "update") => {
                "nothing was written; the wheelhouse is as it was"
            }
            (Verdict::Fail, "init" | "manifest" | "sign" | "requirements") => "nothing was written",
            (Verdict::Pass, _) => "everything asked for holds",
            (Verdict::Fail, _) => "do not use this wheelhouse",
            (Verdict::Error, _) => "not everything asked for could be done",
            (Verdict::Empty, _) => "there is nothing to check",
        }
    }
}
