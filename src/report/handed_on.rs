//! What a command is handed, in a report.

use std::io::{self, Write};

use serde::Serialize;

use super::Report;
use super::text::{Palette, escape};
use crate::count::counted;
use crate::digest::Sha256Digest;

/// What `run` or `seal` hands on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct HandedOnSummary {
    /// The wheels, sorted by name.
    pub wheels: Vec<HandedOnWheel>,
    /// Files of requirements that installers cannot use with these wheels, because their
    /// hashes are those of sdists, or because installers do not read them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replaced_lists: Vec<ReplacedList>,
}

/// One wheel that is handed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HandedOnWheel {
    /// The wheel, by its name below the directory.
    pub wheel: String,
    /// The signed digest.
    pub sha256: Sha256Digest,
    /// The sdist that it stands for: the requirements have the hash of the sdist, and a
    /// signed build record names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stands_for: Option<StandsFor>,
}

/// The sdist that a wheel stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StandsFor {
    /// Its file name.
    pub sdist: String,
    /// Its digest.
    pub sha256: Sha256Digest,
}

/// A file of requirements in whose place another list has to be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReplacedList {
    /// The file, as the user would name it.
    pub path: String,
    /// Whether the command names the file to pip or uv, so that it was given the other
    /// list by its arguments. Else it has to read the one in `WHEELPROOF_REQUIREMENTS`.
    pub in_command: bool,
}

impl Report {
    pub(super) fn write_handed_on(&self, out: &mut dyn Write, palette: &Palette) -> io::Result<()> {
        let Some(handed_on) = &self.handed_on else {
            return Ok(());
        };
        let wheels = handed_on.wheels.len() as u64;
        writeln!(
            out,
            "{}  {}",
            palette.strong("handed on"),
            counted(wheels, "wheel", "wheels")
        )?;
        for wheel in &handed_on.wheels {
            if let Some(sdist) = &wheel.stands_for {
                writeln!(
                    out,
                    "  {}: its signed record names {}, whose hash is required",
                    escape(&wheel.wheel),
                    escape(&sdist.sdist)
                )?;
            }
        }
        for list in &handed_on.replaced_lists {
            let path = escape(&list.path);
            match list.in_command {
                true => writeln!(
                    out,
                    "  in place of {path} the command is given a list with the hashes of the wheels"
                )?,
                false => writeln!(
                    out,
                    "  the command has to read $WHEELPROOF_REQUIREMENTS in place of {path}: it has \
                     the hashes of the wheels"
                )?,
            }
        }
        writeln!(out)
    }
}
