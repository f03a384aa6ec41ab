//! What `explain` has to say of two wheels, as one value.

use std::io::{self, Write};

use serde::Serialize;

use super::{Form, SCHEMA, Tool, Trouble, Verdict, escape_json};
use crate::compare::{Difference, Digested, WheelFacts};
use crate::explain::{Attributed, Cause, Unexplained};

/// One of the two files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ComparedFile {
    /// As the user named it.
    pub path: String,
    /// Size and digest; nothing when it could not be read.
    #[serde(flatten)]
    pub digested: Option<Digested>,
    /// What the wheel says of itself, when the two differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wheel: Option<WheelFacts>,
}

impl ComparedFile {
    /// Returns a file of which nothing is known but its name.
    pub fn named(path: String) -> Self {
        Self {
            path,
            digested: None,
            wheel: None,
        }
    }
}

/// Two wheels, whether they are the same, and why not. The format is that of a
/// report; keys that make sense for a wheelhouse only are not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ComparisonReport {
    /// The format: [`SCHEMA`].
    pub schema: &'static str,
    /// Who wrote it.
    pub tool: Tool,
    /// The command.
    pub command: &'static str,
    /// The answer in one word: `pass` when they are identical, `fail` when they
    /// differ, `error` when that could not be told.
    pub verdict: Verdict,
    /// The exit code of the program.
    pub exit_code: u8,
    /// The first file, in the place of a published wheel.
    pub published: ComparedFile,
    /// The second file, in the place of a rebuilt wheel.
    pub rebuilt: ComparedFile,
    /// The sdist that members were looked up in.
    pub sdist: Option<String>,
    /// What differs.
    pub differences: Vec<Difference>,
    /// Why.
    pub causes: Vec<Cause>,
    /// What they account for without its bytes having been derived.
    pub attributed: Vec<Attributed>,
    /// What has no cause.
    pub unexplained: Vec<Unexplained>,
    /// What kept the tool from doing its work.
    pub errors: Vec<Trouble>,
}

impl ComparisonReport {
    /// Returns a report about two files that says nothing yet.
    pub fn new(published: String, rebuilt: String) -> Self {
        Self {
            schema: SCHEMA,
            tool: Tool::own(),
            command: "explain",
            verdict: Verdict::Error,
            exit_code: Verdict::Error.exit_code(),
            published: ComparedFile::named(published),
            rebuilt: ComparedFile::named(rebuilt),
            sdist: None,
            differences: Vec::new(),
            causes: Vec::new(),
            attributed: Vec::new(),
            unexplained: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// Sets verdict and exit code from everything the report says. Call it last.
    pub fn conclude(&mut self) {
        self.verdict = if !self.errors.is_empty() {
            Verdict::Error
        } else if self.differences.is_empty() {
            Verdict::Pass
        } else {
            Verdict::Fail
        };
        self.exit_code = self.verdict.exit_code();
    }

    /// Writes the report in a form.
    ///
    /// # Errors
    ///
    /// Whatever the writer returns.
    pub fn write(&self, form: Form, out: &mut dyn Write) -> io::Result<()> {
        match form {
            Form::Json => self.write_json(out),
            Form::Html => out.write_all(self.to_html().as_bytes()),
            Form::Junit => out.write_all(self.to_junit().as_bytes()),
            Form::Markdown => out.write_all(self.to_markdown().as_bytes()),
        }
    }

    /// Writes the report as one JSON object, indented, with a line end after it.
    ///
    /// # Errors
    ///
    /// Whatever the writer returns.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let text = serde_json::to_string_pretty(self).map_err(io::Error::from)?;
        writeln!(out, "{}", escape_json(&text))
    }
}
