//! What `inspect` has to say, as one value.

use std::io::{self, Write};

use serde::Serialize;

use super::certificates::write_certificate;
use super::text::{Palette, escape};
use super::{Tool, escape_json};
use crate::count::counted;
use crate::openpgp::{CertificateSummary, SignatureFact};
use crate::time::UtcTime;

/// The name and version of the format.
const SCHEMA: &str = "wheelproof.inspect/1";

/// What OpenPGP files hold. Nothing in it was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// The format.
    pub schema: &'static str,
    /// Who wrote it.
    pub tool: Tool,
    /// The exit code of the program: 1 where a file holds something else.
    pub exit_code: u8,
    /// The time that keys were judged at.
    pub time: UtcTime,
    /// The files, in the order in which they were named.
    pub files: Vec<InspectedFile>,
}

/// What one file holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct InspectedFile {
    /// The file, as the user named it.
    pub path: String,
    /// The lines of its own text, where it is a clearsigned document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_lines: Option<u64>,
    /// The certificates in it.
    pub certificates: Vec<CertificateSummary>,
    /// The signatures in it; what they say of themselves.
    pub signatures: Vec<SignatureFact>,
    /// What else it holds.
    pub faults: Vec<String>,
}

impl Inspection {
    /// Returns what files hold.
    pub fn new(time: UtcTime, files: Vec<InspectedFile>) -> Self {
        Self {
            schema: SCHEMA,
            tool: Tool::own(),
            exit_code: files.iter().any(|file| !file.faults.is_empty()).into(),
            time,
            files,
        }
    }

    /// Writes it for people.
    ///
    /// # Errors
    ///
    /// Whatever the writer returns.
    pub fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let palette = Palette::default();
        for file in &self.files {
            let mut parts = Vec::new();
            if let Some(lines) = file.text_lines {
                parts.push(format!(
                    "a clearsigned text of {}",
                    counted(lines, "line", "lines")
                ));
            }
            for (count, one, many) in [
                (file.certificates.len(), "certificate", "certificates"),
                (file.signatures.len(), "signature", "signatures"),
            ] {
                if count > 0 {
                    parts.push(counted(count as u64, one, many));
                }
            }
            if parts.is_empty() {
                parts.push("nothing that could be read".to_owned());
            }
            let name = palette.strong(&escape(&file.path));
            writeln!(out, "{name}: {}", parts.join(", "))?;
            for certificate in &file.certificates {
                write_certificate(out, &palette, certificate)?;
                for user_id in certificate.user_ids.iter().skip(1) {
                    writeln!(out, "{}also {}", " ".repeat(17), escape(user_id))?;
                }
            }
            for fact in &file.signatures {
                write_fact(out, fact)?;
            }
            for fault in &file.faults {
                writeln!(
                    out,
                    "  {}  {}",
                    palette.judged("fault", Some(false)),
                    escape(fault)
                )?;
            }
        }
        writeln!(
            out,
            "as of {}; nobody is trusted here, and no signature was checked",
            self.time
        )
    }

    /// Writes it as JSON.
    ///
    /// # Errors
    ///
    /// Whatever the writer returns.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let text = serde_json::to_string_pretty(self).map_err(io::Error::from)?;
        writeln!(out, "{}", escape_json(&text))
    }
}

fn write_fact(out: &mut dyn Write, fact: &SignatureFact) -> io::Result<()> {
    let key = match &fact.key {
        Some(key) => format!("by key {}", escape(key)),
        None => "by a key that it does not name".to_owned(),
    };
    let created = fact
        .created
        .map_or_else(|| "undated".to_owned(), |time| format!("dated {time}"));
    writeln!(
        out,
        "  signature {}: {key}, {created}, {}",
        fact.number,
        escape(&fact.hash)
    )
}
