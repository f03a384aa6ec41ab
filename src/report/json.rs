//! Reports as JSON.

use std::io::{self, Write};

use super::Report;

impl Report {
    /// Writes the report as one JSON object, indented, with a line end after it.
    ///
    /// # Errors
    ///
    /// Whatever the writer returns.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *out, self).map_err(io::Error::from)?;
        writeln!(out)
    }
}
