//! A merged report for people.

use std::io::{self, Write};

use super::json::Json;
use super::merge::Merged;
use crate::count::counted;
use crate::report::{Palette, Verdict, escape};

/// How many wheels, findings and errors are each written out; JSON has them all.
const SHOWN: usize = 20;

impl Merged {
    /// Writes the report for people: what is missing, what did not come back and why,
    /// and what was found. With `quiet`, a pass says nothing.
    ///
    /// # Errors
    ///
    /// Whatever the writer returns.
    pub fn write_text(&self, out: &mut dyn Write, quiet: bool) -> io::Result<()> {
        if quiet && self.verdict == Verdict::Pass {
            return Ok(());
        }
        let palette = Palette::default();
        let report = self.report();
        let there = self.selected - self.missing.len();
        writeln!(
            out,
            "{}   {there} of {} {} one, from {}",
            palette.strong("results"),
            counted(self.selected as u64, "wheel", "wheels"),
            if there == 1 { "has" } else { "have" },
            counted(self.files as u64, "file", "files")
        )?;
        let counts: Vec<_> = self
            .outcomes
            .iter()
            .map(|(outcome, count)| format!("{count} {outcome}"))
            .collect();
        if !counts.is_empty() {
            writeln!(out, "          {}", counts.join(", "))?;
        }
        for file in &self.unfinished {
            writeln!(
                out,
                "          {} ends early; its run was ended, and its whole lines count",
                escape(file)
            )?;
        }
        write_policy(out, &palette, report)?;
        writeln!(out)?;
        write_rebuilds(out, &palette, report)?;
        write_findings(out, &palette, report)?;
        some(out, report.list("errors"), "errors", |out, error| {
            writeln!(
                out,
                "{}: {}",
                palette.judged("error", Some(false)),
                escape(error.text("message").unwrap_or_default())
            )?;
            write_field(out, &palette, "next", error.text("next"))
        })?;
        let (word, says) = match self.verdict {
            Verdict::Pass => ("PASS", "everything asked for holds"),
            Verdict::Fail => ("FAIL", "do not use this wheelhouse"),
            Verdict::Error => ("ERROR", "not everything asked for could be done"),
            Verdict::Empty => ("EMPTY", "there is nothing to check"),
        };
        let is_good = Some(self.verdict == Verdict::Pass);
        write!(out, "{}: {says}", palette.judged(word, is_good))?;
        match self.missing.len() {
            0 => writeln!(out),
            1 => writeln!(out, " (1 result is missing)"),
            more => writeln!(out, " ({more} results are missing)"),
        }
    }
}

fn write_policy(out: &mut dyn Write, palette: &Palette, report: &Json) -> io::Result<()> {
    let Some(policy) = report.get("policy") else {
        return Ok(());
    };
    let (Some(path), Some(sha256)) = (policy.text("path"), policy.text("sha256")) else {
        return Ok(());
    };
    let lies = match policy.get("in_checked_directory") {
        Some(Json::Bool(true)) => ", which lies in the checked directory",
        _ => "",
    };
    let word = palette.strong("policy");
    writeln!(
        out,
        "{word}    {}, sha256 {}{lies}",
        escape(path),
        escape(sha256)
    )
}

fn write_rebuilds(out: &mut dyn Write, palette: &Palette, report: &Json) -> io::Result<()> {
    let others: Vec<&Json> = report
        .list("rebuilds")
        .iter()
        .filter(|rebuild| !rebuild.text("outcome").is_some_and(is_pass))
        .collect();
    some(out, &others, "wheels", |out, rebuild| {
        let outcome = rebuild.text("outcome").unwrap_or_default();
        writeln!(
            out,
            "{} {}",
            palette.judged(&format!("{:<14}", escape(outcome)), Some(false)),
            escape(rebuild.text("wheel").unwrap_or_default())
        )?;
        let causes = rebuild.list("causes").iter();
        let why = causes.filter_map(|cause| cause.text("sentence")).next();
        match why.or(rebuild.text("reason")) {
            Some(why) => writeln!(out, "               {}", escape(why)),
            None => Ok(()),
        }
    })
}

fn is_pass(outcome: &str) -> bool {
    matches!(outcome, "reproduced" | "reproduced-with-witness")
}

fn write_findings(out: &mut dyn Write, palette: &Palette, report: &Json) -> io::Result<()> {
    let findings = report.list("findings");
    some(out, findings, "findings", |out, finding| {
        let severity = finding.text("severity").unwrap_or_default();
        let head = format!("{severity}[{}]", finding.text("rule").unwrap_or_default());
        let is_good = (severity == "error").then_some(false);
        writeln!(
            out,
            "{}: {}",
            palette.judged(&escape(&head), is_good),
            escape(finding.text("message").unwrap_or_default())
        )?;
        let subject = finding.get("subject");
        let place = subject.and_then(|subject| subject.text("path"));
        write_field(out, palette, "where", place)?;
        write_field(out, palette, "expected", finding.text("expected"))?;
        write_field(out, palette, "found", finding.text("found"))?;
        write_field(out, palette, "next", finding.text("next"))
    })
}

fn write_field(
    out: &mut dyn Write,
    palette: &Palette,
    name: &str,
    value: Option<&str>,
) -> io::Result<()> {
    let label = palette.faint(&format!("{:<10}", format!("{name}:")));
    match value.filter(|value| !value.is_empty()) {
        Some(value) => writeln!(out, "  {label}{}", escape(value)),
        None => Ok(()),
    }
}

/// Writes the first of many, and how many more there are.
fn some<T>(
    out: &mut dyn Write,
    all: &[T],
    what: &str,
    write: impl Fn(&mut dyn Write, &T) -> io::Result<()>,
) -> io::Result<()> {
    for one in all.iter().take(SHOWN) {
        write(out, one)?;
    }
    if let Some(more) = all.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        writeln!(
            out,
            "{more} more {what} are not written here; --format json has them all"
        )?;
    }
    match all.is_empty() {
        true => Ok(()),
        false => writeln!(out),
    }
}
