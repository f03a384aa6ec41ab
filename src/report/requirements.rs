//! The files of requirements in a report.

use std::io::{self, Write};

use serde::Serialize;

use super::Report;
use super::text::{Palette, escape};
use crate::digest::Sha256Digest;

/// A file of requirements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RequirementsSummary {
    /// The file, as the user would name it.
    pub path: String,
    /// What it was read as.
    pub format: &'static str,
    /// Its digest.
    pub sha256: Sha256Digest,
    /// How many pinned requirements it lists.
    pub requirements: u64,
    /// How many of them a signed file meets.
    pub met: u64,
}

impl Report {
    pub(super) fn write_requirements(
        &self,
        out: &mut dyn Write,
        palette: &Palette,
    ) -> io::Result<()> {
        for file in &self.requirements {
            writeln!(
                out,
                "{}  {}: {} pinned, {} met by signed files",
                palette.strong("requirements"),
                escape(&file.path),
                file.requirements,
                file.met,
            )?;
        }
        if !self.requirements.is_empty() {
            writeln!(out)?;
        }
        Ok(())
    }
}
