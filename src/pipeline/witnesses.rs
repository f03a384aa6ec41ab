//! What becomes of a rebuilt wheel whose contents may be the published ones.

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::tools::Reason;
use crate::archive::Limits;
use crate::cancel::Cancel;
use crate::compare::Kind;
use crate::filename::WheelFilename;
use crate::finding::{Finding, Subject, rules};
use crate::replace;
use crate::report::{RebuildOutcome, RebuildSummary, WitnessSummary};
use crate::witness::{self, NoWitness, Witness};

/// How to search, and what to do with what is found.
pub(super) struct Search<'a> {
    pub(super) exact: bool,
    pub(super) keep: Option<&'a Path>,
    pub(super) limits: Limits,
    pub(super) cancel: &'a Cancel,
}

impl Search<'_> {
    /// Searches for a witness of a wheel that differs, and tells the outcome.
    pub(super) fn run(
        &self,
        published: &Path,
        rebuilt: &Path,
        name: &WheelFilename,
        summary: &mut RebuildSummary,
    ) -> Result<(), Reason> {
        if !may_have_equal_contents(summary) {
            return Ok(());
        }
        let found = witness::find(published, rebuilt, self.limits, self.cancel);
        let witness = match found.map_err(|error| Reason(error.to_string()))? {
            witness::Search::Found(witness) => witness,
            // The differences say it already.
            witness::Search::None(NoWitness::Contents(_)) => return Ok(()),
            witness::Search::None(reason) => {
                let note = format!("the contents are equal, but there is no witness: {reason}");
                summary.notes.push(note);
                return Ok(());
            }
        };
        summary.witness = WitnessSummary {
            edits: witness
                .reported()
                .map_err(|error| Reason(error.to_string()))?,
            sentences: witness.sentences(),
        };
        if self.exact {
            let why = "the contents are equal and a witness gives the signed digest, but every byte is asked for";
            summary.reason = Some(why.to_owned());
        } else {
            summary.outcome = RebuildOutcome::ReproducedWithWitness;
        }
        match self.keep {
            Some(directory) => write(&witness, rebuilt, name, directory),
            None => Ok(()),
        }
    }
}

/// Returns whether no difference is one of contents.
fn may_have_equal_contents(summary: &RebuildSummary) -> bool {
    summary
        .differences
        .iter()
        .all(|difference| match difference.kind {
            Kind::UnreadableArchive(_)
            | Kind::OnlyPublished(_)
            | Kind::OnlyRebuilt(_)
            | Kind::Contents { .. }
            | Kind::UnreadableMember(_) => false,
            Kind::ArchiveComment(_)
            | Kind::Prefix(_)
            | Kind::Gaps(_)
            | Kind::Trailing(_)
            | Kind::MemberOrder { .. }
            | Kind::Time(_)
            | Kind::Mode(_)
            | Kind::Compression(_)
            | Kind::Header { .. }
            | Kind::Bytes { .. } => true,
        })
}

/// Returns a note for each wheel that came back with a witness.
pub(super) fn findings(rebuilds: &[RebuildSummary]) -> Vec<Finding> {
    rebuilds
        .iter()
        .filter(|rebuild| rebuild.outcome == RebuildOutcome::ReproducedWithWitness)
        .map(|rebuild| {
            let subject = Subject::path(&rebuild.wheel);
            let finding = Finding::new(&rules::REPRODUCED_WITH_WITNESS, subject)
                .expected(rebuild.published_sha256);
            match rebuild.rebuilt_sha256 {
                Some(rebuilt) => finding.found(rebuilt),
                None => finding,
            }
        })
        .collect()
}

/// Puts a witness into a directory with the wheel it is about.
fn write(
    witness: &Witness,
    rebuilt: &Path,
    name: &WheelFilename,
    directory: &Path,
) -> Result<(), Reason> {
    keep(
        rebuilt,
        directory,
        &directory.join(format!("{name}.rebuilt")),
    )?;
    let text = witness
        .canonical()
        .map_err(|error| Reason(error.to_string()))?;
    replace::file(
        &directory.join(format!("{name}.witness.json")),
        text.as_bytes(),
    )
    .map_err(|error| Reason(error.to_string()))
}

/// Puts a rebuilt wheel into a directory: whole, or not at all.
pub(super) fn keep(wheel: &Path, directory: &Path, to: &Path) -> Result<(), Reason> {
    let keep = || -> io::Result<()> {
        let mut copy = tempfile::NamedTempFile::new_in(directory)?;
        io::copy(&mut File::open(wheel)?, &mut copy)?;
        copy.as_file()
            .set_permissions(Permissions::from_mode(0o644))?;
        copy.as_file().sync_all()?;
        copy.persist(to).map_err(|error| error.error)?;
        Ok(())
    };
    keep().map_err(|error| format!("cannot keep {}: {error}", to.display()).into())
}
