//! The trusted certificates as a table.

use std::io::{self, Write};

use super::Report;
use super::text::{Palette, escape};
use crate::openpgp::{CertificateSummary, KeyState};

impl Report {
    pub(super) fn write_certificates(
        &self,
        out: &mut dyn Write,
        palette: &Palette,
    ) -> io::Result<()> {
        if self.certificates.is_empty() {
            return Ok(());
        }
        writeln!(
            out,
            "{}  as of {}",
            palette.strong("certificates"),
            self.time
        )?;
        for certificate in &self.certificates {
            write_certificate(out, palette, certificate)?;
        }
        writeln!(out)
    }
}

/// Writes a certificate and its signing keys.
pub(super) fn write_certificate(
    out: &mut dyn Write,
    palette: &Palette,
    certificate: &CertificateSummary,
) -> io::Result<()> {
    let user_id = certificate.user_ids.first().map_or("", String::as_str);
    let pinned = if certificate.pinned { "  pinned" } else { "" };
    writeln!(
        out,
        "  {} {}{pinned}  {}",
        palette.judged(
            &format!("{:<14}", state_word(certificate.state)),
            Some(certificate.state == KeyState::Valid)
        ),
        certificate.fingerprint,
        escape(user_id)
    )?;
    for key in &certificate.keys {
        let expires = match (key.expires, key.state) {
            (Some(expires), _) => format!("expires {expires}"),
            (None, KeyState::Valid) => "never expires".to_owned(),
            (None, _) => "no expiry known".to_owned(),
        };
        let created = key
            .created
            .map_or_else(String::new, |created| format!(", made {created}"));
        writeln!(out, "{}key {}", " ".repeat(17), key.fingerprint)?;
        let details = format!(
            "{}{created}, {expires}; now {}",
            key.algorithm,
            escape(&key.reason)
        );
        writeln!(out, "{}{}", " ".repeat(21), palette.faint(&details))?;
    }
    Ok(())
}

/// Returns the word for a state in a narrow column.
pub(super) fn state_word(state: KeyState) -> &'static str {
    match state {
        KeyState::Valid => "valid",
        KeyState::Expired => "EXPIRED",
        KeyState::Revoked => "REVOKED",
        KeyState::NotYetValid => "not yet valid",
        KeyState::Unbound => "UNBOUND",
        KeyState::NotForSigning => "cannot sign",
        KeyState::TooWeak => "TOO WEAK",
        KeyState::Unsupported => "unsupported",
        KeyState::Unknown => "unknown",
    }
}
