//! What a command is handed, in a report.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::text::{Palette, escape};
use super::{RebuildSummary, Report};
use crate::count::counted;
use crate::digest::Sha256Digest;
use crate::time::UtcTime;

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
    /// Who rebuilt it from its sdist, and when; `None` when it is only signed.
    pub rebuilt: Option<Confirmation>,
}

/// Who rebuilt a wheel and got the signed digest, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Confirmation {
    /// Who did.
    #[serde(flatten)]
    pub by: RebuiltBy,
    /// The time of the run that did, as its report has it.
    pub time: UtcTime,
    /// The interpreter that ran the build, such as `cpython 3.11.2`.
    pub python: Option<String>,
    /// What the build was shut in by.
    pub sandbox: Option<String>,
}

/// Who rebuilt a wheel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum RebuiltBy {
    /// The run that this report is of.
    ThisRun,
    /// The run that another report is of.
    Report {
        /// The report, as the user would name it.
        path: String,
        /// Its digest.
        sha256: Sha256Digest,
        /// The program that wrote it, by its own word.
        tool: String,
    },
}

impl Confirmation {
    /// Returns that a rebuild of this run gave the signed digest.
    pub fn now(time: UtcTime, rebuild: &RebuildSummary) -> Self {
        Self {
            by: RebuiltBy::ThisRun,
            time,
            python: rebuild.python.clone(),
            sandbox: rebuild.sandbox.map(|layer| layer.to_string()),
        }
    }

    /// Returns it in words.
    fn sentence(&self) -> String {
        let mut said = match &self.by {
            RebuiltBy::ThisRun => format!("by this run, {}", self.time),
            RebuiltBy::Report { path, .. } => format!("{}, as {path} has it", self.time),
        };
        for part in [
            self.python.clone(),
            self.sandbox
                .as_ref()
                .map(|layer| format!("sandbox: {layer}")),
        ]
        .into_iter()
        .flatten()
        {
            said.push_str(", ");
            said.push_str(&part);
        }
        said
    }
}

impl HandedOnSummary {
    /// Says of the wheels who rebuilt them.
    pub fn confirm(&mut self, confirmed: &BTreeMap<String, Confirmation>) {
        for wheel in &mut self.wheels {
            wheel.rebuilt = confirmed.get(&wheel.wheel).cloned();
        }
    }
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

/// How many wheels are written out; JSON has them all.
const WHEELS: usize = 200;

impl HandedOnSummary {
    fn write_wheels(&self, out: &mut dyn Write, palette: &Palette) -> io::Result<()> {
        for wheel in self.wheels.iter().take(WHEELS) {
            let (word, who) = match &wheel.rebuilt {
                Some(by) => (palette.judged("rebuilt    ", Some(true)), by.sentence()),
                None => (palette.judged("only signed", None), String::new()),
            };
            let line = format!("  {word}    {}  {}", escape(&wheel.wheel), escape(&who));
            writeln!(out, "{}", line.trim_end())?;
        }
        match self.wheels.len().saturating_sub(WHEELS) {
            0 => Ok(()),
            more => writeln!(out, "  {more} more are not written here; JSON has them all"),
        }
    }
}

impl Report {
    pub(super) fn write_handed_on(&self, out: &mut dyn Write, palette: &Palette) -> io::Result<()> {
        let Some(handed_on) = &self.handed_on else {
            return Ok(());
        };
        let wheels = handed_on.wheels.len() as u64;
        let rebuilt = handed_on
            .wheels
            .iter()
            .filter(|wheel| wheel.rebuilt.is_some());
        let rebuilt = rebuilt.count() as u64;
        let how = match wheels - rebuilt {
            0 if wheels > 0 => "all rebuilt".to_owned(),
            _ if rebuilt == 0 => "only signed".to_owned(),
            signed => format!("{rebuilt} rebuilt, {signed} only signed"),
        };
        writeln!(
            out,
            "{}  {}, {how}",
            palette.strong("handed on"),
            counted(wheels, "wheel", "wheels")
        )?;
        if rebuilt > 0 {
            handed_on.write_wheels(out, palette)?;
        }
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
