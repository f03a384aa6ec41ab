//! Reports and messages on their streams.

use std::io::{self, Write};
use std::path::Path;

use anstream::AutoStream;

use super::args::Format;
use super::progress::Bars;
use super::values::ReportFile;
use super::{USAGE, Usage, Voice, fold, terminal};
use crate::pipeline::Request;
use crate::replace::{self, ReplaceError};
use crate::report::{
    ComparisonReport, EnvironmentReport, Form, Inspection, Palette, Report, Trouble, UpdateSummary,
    Verdict, escape, escape_json,
};
use crate::results::Merged;

/// How this command speaks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    format: Format,
    voice: Voice,
}

impl Output {
    pub(super) fn new(voice: Voice, format: Format) -> Self {
        Self { format, voice }
    }

    /// Returns how a command speaks that has no report for programs.
    pub(super) fn plain(voice: Voice) -> Self {
        Self::new(voice, Format::Text)
    }

    /// Returns progress bars, which show themselves on a terminal only.
    /// Where every step is asked for, it begins with what is read.
    pub(super) fn progress(&self, request: &Request) -> Bars {
        let bars = Bars::new(self.voice);
        bars.reading(request);
        bars
    }

    /// Writes a report to standard output.
    pub(super) fn report(&self, report: &Report) -> io::Result<()> {
        let mut bytes = Vec::new();
        match self.format {
            Format::Text => {
                report.write_text(&mut bytes, self.voice.quiet)?;
                bytes = for_width(bytes, terminal::width(io::stdout()));
            }
            Format::Json => report.write_json(&mut bytes)?,
        }
        let mut out = AutoStream::new(io::stdout(), self.voice.color);
        unless_closed(out.write_all(&bytes).and_then(|()| out.flush()))
    }

    /// Writes what files hold to standard output.
    pub(super) fn inspection(&self, inspection: &Inspection) -> io::Result<()> {
        let mut bytes = Vec::new();
        match self.format {
            Format::Text => inspection.write_text(&mut bytes)?,
            Format::Json => inspection.write_json(&mut bytes)?,
        }
        let mut out = AutoStream::new(io::stdout(), self.voice.color);
        unless_closed(out.write_all(&bytes).and_then(|()| out.flush()))
    }

    /// Writes a report that many machines made to standard output.
    pub(super) fn merged(&self, merged: &Merged) -> io::Result<()> {
        let mut bytes = Vec::new();
        match self.format {
            Format::Text => merged.write_text(&mut bytes, self.voice.quiet)?,
            Format::Json => merged.write_json(&mut bytes)?,
        }
        let mut out = AutoStream::new(io::stdout(), self.voice.color);
        unless_closed(out.write_all(&bytes).and_then(|()| out.flush()))
    }

    /// Writes what is said of two wheels to standard output.
    pub(super) fn comparison(&self, report: &ComparisonReport, full: bool) -> io::Result<()> {
        let mut bytes = Vec::new();
        match self.format {
            Format::Text => report.write_text(&mut bytes, full, self.voice.quiet)?,
            Format::Json => report.write_json(&mut bytes)?,
        }
        // Like every other command, this one says on standard error why it could
        // not do its work.
        if self.format == Format::Text && !report.errors.is_empty() {
            let mut out = AutoStream::new(io::stderr(), self.voice.color);
            return unless_closed(out.write_all(&bytes).and_then(|()| out.flush()));
        }
        let mut out = AutoStream::new(io::stdout(), self.voice.color);
        unless_closed(out.write_all(&bytes).and_then(|()| out.flush()))
    }

    /// Writes what is said of two environments to standard output.
    pub(super) fn environments(&self, report: &EnvironmentReport, full: bool) -> io::Result<()> {
        let mut bytes = Vec::new();
        match self.format {
            Format::Text => report.write_text(&mut bytes, full)?,
            Format::Json => report.write_json(&mut bytes)?,
        }
        let mut out = AutoStream::new(io::stdout(), self.voice.color);
        unless_closed(out.write_all(&bytes).and_then(|()| out.flush()))
    }

    /// Writes a report for people to standard error.
    pub(super) fn report_aside(&self, report: &Report) -> io::Result<()> {
        let mut bytes = Vec::new();
        report.write_text(&mut bytes, self.voice.quiet)?;
        let bytes = for_width(bytes, terminal::width(io::stderr()));
        let mut out = AutoStream::new(io::stderr(), self.voice.color);
        unless_closed(out.write_all(&bytes).and_then(|()| out.flush()))
    }

    /// Writes text that another program reads to standard output.
    pub(super) fn plainly(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout();
        unless_closed(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
    }

    /// Shows what an update would do, and a question, on standard error.
    pub(super) fn ask(&self, summary: &UpdateSummary, question: &str) {
        let mut out = AutoStream::new(io::stderr(), self.voice.color);
        let _ = summary.write(&mut out, &Palette::default());
        let _ = write!(out, "{question}");
        let _ = out.flush();
    }

    /// Says what is wrong with the command line or the policy; returns the code.
    pub(super) fn usage(&self, command: &'static str, usage: &Usage) -> u8 {
        if self.format == Format::Json {
            usage_as_json(Some(command), usage);
        } else {
            say_usage(self.voice.color, usage);
        }
        USAGE
    }

    /// Says that a report could not be written, and returns the code, before any work.
    pub(super) fn unready(&self, command: &'static str, files: &[ReportFile]) -> Option<u8> {
        let trouble = unwritable(files)?;
        Some(self.broken(command, &trouble.message, &trouble.next))
    }

    /// Says, in the form that was asked for, that there is no report and what to do;
    /// returns the code.
    pub(super) fn broken(&self, command: &'static str, message: &str, next: &str) -> u8 {
        let code = Verdict::Error.exit_code();
        if self.format == Format::Json {
            error_as_json(Some(command), code, &Usage::new(message, next));
        } else {
            self.say(message, next);
        }
        code
    }

    /// Says that the work could not be done; returns the code.
    pub(super) fn trouble(&self, message: &str) -> u8 {
        self.say(message, "");
        Verdict::Error.exit_code()
    }

    /// Says an error and what to do on standard error.
    pub(super) fn say(&self, message: &str, next: &str) {
        say(self.voice.color, message, next);
    }

    /// Says a warning and what to do on standard error.
    pub(super) fn warn(&self, message: &str, next: &str) {
        say_as(
            self.voice.color,
            ("warning", anstyle::AnsiColor::Yellow),
            &Usage::new(message, next),
        );
    }
}

/// Says an error and what to do on standard error.
pub(super) fn say(color: anstream::ColorChoice, message: &str, next: &str) {
    say_usage(color, &Usage::new(message, next));
}

/// Says what is wrong with the command line, the environment or a policy, with the lines
/// that are wrong.
pub(super) fn say_usage(color: anstream::ColorChoice, usage: &Usage) {
    say_as(color, ("error", anstyle::AnsiColor::Red), usage);
}

fn say_as(
    color: anstream::ColorChoice,
    (word, ink): (&str, anstyle::AnsiColor),
    Usage {
        message,
        next,
        excerpt,
    }: &Usage,
) {
    let style = ink.on_default().bold();
    let mut out = AutoStream::new(io::stderr(), color);
    let _ = writeln!(
        out,
        "{}{word}{}: {}",
        style.render(),
        style.render_reset(),
        escape(message)
    );
    for line in excerpt {
        let _ = writeln!(out, "  {}", escape(line));
    }
    if !next.is_empty() {
        let _ = writeln!(out, "  next:     {}", escape(next));
    }
}

pub(super) fn usage_as_json(command: Option<&str>, usage: &Usage) {
    error_as_json(command, USAGE, usage);
}

fn error_as_json(command: Option<&str>, code: u8, error: &Usage) {
    let value = serde_json::json!({
        "schema": crate::report::SCHEMA,
        "tool": { "name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION") },
        "command": command,
        "verdict": Verdict::Error,
        "exit_code": code,
        "errors": [{ "message": error.message, "next": error.next }],
    });
    let _ = writeln!(io::stdout(), "{}", escape_json(&format!("{value:#}")));
}

/// Returns a text with its lines broken between words for a terminal of this width.
fn for_width(text: Vec<u8>, width: Option<usize>) -> Vec<u8> {
    match (width, std::str::from_utf8(&text)) {
        (Some(width), Ok(lines)) => fold::text(lines, width).into_bytes(),
        _ => text,
    }
}

/// Says so when a report could not be written, before any work is done for it.
pub(super) fn unwritable(files: &[ReportFile]) -> Option<Trouble> {
    files.iter().find_map(|ReportFile { path, .. }| {
        let reason = no_place(path)?;
        Some(Trouble {
            message: format!("cannot write the report to {}: {reason}", path.display()),
            next: "name a file in a directory that can be written to; nothing was done yet"
                .to_owned(),
        })
    })
}

/// Returns why no file can be put at a path.
fn no_place(path: &Path) -> Option<String> {
    if path.is_dir() {
        return Some("it is a directory".to_owned());
    }
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    match parent.metadata() {
        Ok(metadata) if !metadata.is_dir() => Some(format!("{} is no directory", parent.display())),
        Ok(_) => rustix::fs::access(parent, rustix::fs::Access::WRITE_OK)
            .err()
            .map(|error| io::Error::from(error).to_string()),
        Err(error) => Some(error.to_string()),
    }
}

/// Writes a report to every file it was asked for, each whole or not at all;
/// returns what could not be written.
pub(super) fn write_report_files(
    files: &[ReportFile],
    write: &dyn Fn(Form, &mut dyn Write) -> io::Result<()>,
) -> Vec<Trouble> {
    let mut troubles = Vec::new();
    for ReportFile { path, form } in files {
        if let Err(error) = write_file(path, &mut |file| write(*form, file)) {
            troubles.push(Trouble {
                message: format!("cannot write the report to {}: {error}", path.display()),
                next: "name a file in a directory that can be written to".to_owned(),
            });
        }
    }
    troubles
}

/// Writes a file: whole, or not at all.
pub(super) fn write_file(
    path: &Path,
    write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut contents = Vec::new();
    write(&mut contents)?;
    replace::file(path, &contents).map_err(|error| match error {
        ReplaceError::Io { source, .. } => source,
        other => io::Error::other(other),
    })
}

/// A reader that closed the pipe has seen enough.
fn unless_closed(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
