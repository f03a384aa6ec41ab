//! What the commands that write say of their work.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::text::{Palette, escape};
use super::update::owner;
use super::{Report, Verdict};
use crate::digest::Sha256Digest;
use crate::recipe::recorded_wheel;

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

/// Returns the project and the version of a written file of a wheelhouse, and what it is.
fn group_of(file: &WrittenFile) -> Option<(String, &'static str)> {
    let name = file.path.rsplit('/').next()?;
    let (project, version) = owner(name)?;
    let kind = match (recorded_wheel(name), name.ends_with(".whl")) {
        (Some(_), _) => "record",
        (None, true) => "wheel",
        (None, false) => "sdist",
    };
    Some((format!("{project}=={version}"), kind))
}

impl Report {
    pub(super) fn write_written(&self, out: &mut dyn Write, palette: &Palette) -> io::Result<()> {
        for (change, line) in self.written_in_groups() {
            writeln!(
                out,
                "{}  {}",
                palette.strong(&format!("{change:<8}")),
                escape(&line)
            )?;
        }
        for file in self.written.iter().filter(|file| group_of(file).is_none()) {
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

    /// Returns a line for the files of each project, whose digests the manifest has.
    fn written_in_groups(&self) -> Vec<(&'static str, String)> {
        let mut groups: BTreeMap<(String, &'static str), Vec<&str>> = BTreeMap::new();
        for file in &self.written {
            if let Some((project, kind)) = group_of(file) {
                let word = match file.change {
                    Change::Created => "created",
                    Change::Replaced => "replaced",
                    Change::Unchanged => "unchanged",
                };
                groups.entry((project, word)).or_default().push(kind);
            }
        }
        groups
            .into_iter()
            .map(|((project, word), kinds)| {
                let counted: Vec<String> = ["wheel", "sdist", "record"]
                    .into_iter()
                    .filter_map(
                        |kind| match kinds.iter().filter(|one| **one == kind).count() {
                            0 => None,
                            1 => Some(kind.to_owned()),
                            count => Some(format!("{count} {kind}s")),
                        },
                    )
                    .collect();
                (word, format!("{project}: {}", counted.join(", ")))
            })
            .collect()
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
                "the wheels are built and listed, and nobody has signed the manifest yet"
            }
            (Verdict::Pass, "update") => match &self.update {
                Some(update) if update.dry_run => "this is what would be done; nothing was written",
                Some(update) if update.in_place => {
                    "the new wheelhouse is in place, and nobody has signed it yet"
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
