//! What `explain --environment` has to say, as one value.

use std::io::{self, Write};

use serde::Serialize;

use super::text::{Palette, escape};
use super::{Form, SCHEMA, Tool, Verdict, escape_json};
use crate::explain::{EnvironmentDifference, Reach};

/// How many values of one difference are written out on each side.
const VALUES: usize = 8;

/// Two environments, and what of their differences can change bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EnvironmentReport {
    /// The format: [`SCHEMA`].
    pub schema: &'static str,
    /// Who wrote it.
    pub tool: Tool,
    /// The command.
    pub command: &'static str,
    /// `pass` when they are the same, `fail` when not.
    pub verdict: Verdict,
    /// The exit code of the program.
    pub exit_code: u8,
    /// The first environment, as the user named it.
    pub published: String,
    /// The second environment.
    pub rebuilt: String,
    /// What differs; what changes the most wheels comes first.
    pub differences: Vec<EnvironmentDifference>,
}

impl EnvironmentReport {
    /// Returns the report about two environments.
    pub fn new(
        published: String,
        rebuilt: String,
        differences: Vec<EnvironmentDifference>,
    ) -> Self {
        let verdict = match differences.is_empty() {
            true => Verdict::Pass,
            false => Verdict::Fail,
        };
        Self {
            schema: SCHEMA,
            tool: Tool::own(),
            command: "explain",
            verdict,
            exit_code: verdict.exit_code(),
            published,
            rebuilt,
            differences,
        }
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

    /// Writes the report for people; without `full`, what can change no bytes is
    /// only counted.
    ///
    /// # Errors
    ///
    /// Whatever the writer returns.
    pub fn write_text(&self, out: &mut dyn Write, full: bool) -> io::Result<()> {
        let palette = Palette::default();
        let names = format!("{} → {}", escape(&self.published), escape(&self.rebuilt));
        if self.differences.is_empty() {
            return writeln!(out, "{}  {names}", palette.judged("the same", Some(true)));
        }
        writeln!(out, "{}  {names}", palette.judged("different", Some(false)))?;
        let mut reach = None;
        let mut left_out = 0;
        for difference in &self.differences {
            if difference.reach == Reach::Nothing && !full {
                left_out += 1;
                continue;
            }
            if reach != Some(difference.reach) {
                reach = Some(difference.reach);
                let title = format!("can change {}", difference.reach.as_str());
                writeln!(out, "{}", palette.strong(&title))?;
            }
            writeln!(out, "  {}", escape(&difference.what))?;
            for (values, sign, good) in [
                (&difference.published, '-', false),
                (&difference.rebuilt, '+', true),
            ] {
                if values.is_empty() {
                    continue;
                }
                let shown = if full { values.len() } else { VALUES };
                let mut text: Vec<String> = values
                    .iter()
                    .take(shown)
                    .map(|value| escape(value))
                    .collect();
                if values.len() > shown {
                    text.push(format!("and {} more", values.len() - shown));
                }
                let line = format!("{sign} {}", text.join(" "));
                writeln!(out, "    {}", palette.judged(&line, Some(good)))?;
            }
        }
        if left_out > 0 {
            let text = format!("{left_out} more that change no bytes; --full has them");
            writeln!(out, "{}", palette.faint(&text))?;
        }
        Ok(())
    }
}
