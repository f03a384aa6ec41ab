//! Reports for people.
//!
//! Whatever came from the input is escaped: a file name belongs to its author,
//! the terminal to its user.

mod comparison;
mod rebuilds;

pub(in crate::report) use comparison::word_of;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::{RebuildOutcome, Report, Verdict};
use crate::count::counted;
use crate::finding::{Finding, Severity, Subject};
use crate::openpgp::{KeyState, SignatureFact, SignatureVerdict};
use crate::policy::Depth;

/// How many findings of one rule are written out; JSON has them all.
const FINDINGS_A_RULE: usize = 20;

/// The styles of a report. They are always written; the stream strips them where
/// they do not belong.
#[derive(Debug, Clone, Copy)]
pub struct Palette {
    good: Style,
    bad: Style,
    warning: Style,
    note: Style,
    faint: Style,
    strong: Style,
}

impl Default for Palette {
    fn default() -> Self {
        let color = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
        Self {
            good: color(AnsiColor::Green).bold(),
            bad: color(AnsiColor::Red).bold(),
            warning: color(AnsiColor::Yellow).bold(),
            note: color(AnsiColor::Cyan).bold(),
            faint: Style::new().dimmed(),
            strong: Style::new().bold(),
        }
    }
}

impl Palette {
    /// Returns a text in the colour of good news, of bad news or of neither.
    pub(crate) fn judged(&self, text: &str, is_good: Option<bool>) -> String {
        let style = match is_good {
            Some(true) => self.good,
            Some(false) => self.bad,
            None => self.note,
        };
        styled(style, text)
    }

    /// Returns a text that does not stand out.
    pub(crate) fn faint(&self, text: &str) -> String {
        styled(self.faint, text)
    }

    /// Returns a text that stands out.
    pub(crate) fn strong(&self, text: &str) -> String {
        styled(self.strong, text)
    }

    fn of(&self, severity: Severity) -> Style {
        match severity {
            Severity::Error => self.bad,
            Severity::Warning => self.warning,
            Severity::Note => self.note,
        }
    }
}

/// Returns a text that no terminal takes for anything but text: control
/// characters, and characters that change the direction of writing or take no
/// room, as `\u{…}`.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if deceives(character) {
            escaped.extend(character.escape_default());
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// Returns whether a terminal obeys the character, hides it, or turns the
/// direction of writing for it.
pub(super) fn deceives(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{61c}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
            // Never characters; XML 1.0 has no way to write them (section 2.2).
            | '\u{fffe}' | '\u{ffff}'
        )
}

impl Report {
    /// Writes the report for people. With `quiet`, findings and errors only.
    ///
    /// # Errors
    ///
    /// Whatever the writer returns.
    pub fn write_text(&self, out: &mut dyn Write, quiet: bool) -> io::Result<()> {
        let palette = Palette::default();
        if !quiet {
            self.write_certificates(out, &palette)?;
            self.write_signatures(out, &palette)?;
            self.write_policy(out, &palette)?;
            self.write_files(out, &palette)?;
            self.write_requirements(out, &palette)?;
            self.write_handed_on(out, &palette)?;
            if let Some(update) = &self.update {
                update.write(out, &palette)?;
            }
            self.write_written(out, &palette)?;
        }
        self.write_rebuilds(out, &palette, quiet)?;
        self.write_findings(out, &palette)?;
        for error in &self.errors {
            writeln!(
                out,
                "{}error{}: {}",
                palette.bad.render(),
                palette.bad.render_reset(),
                escape(&error.message)
            )?;
            write_field(out, &palette, "next", &error.next)?;
            writeln!(out)?;
        }
        if !quiet || self.verdict != Verdict::Pass {
            self.write_verdict(out, &palette)?;
            if let Some(next) = self
                .next
                .as_deref()
                .filter(|_| self.verdict == Verdict::Pass)
            {
                write_field(out, &palette, "next", next)?;
            }
        }
        Ok(())
    }

    fn write_signatures(&self, out: &mut dyn Write, palette: &Palette) -> io::Result<()> {
        if self.signatures.is_empty() {
            return Ok(());
        }
        writeln!(out, "{}", styled(palette.strong, "signatures"))?;
        let paths: BTreeSet<&str> = self
            .signatures
            .iter()
            .map(|fact| fact.path.as_str())
            .collect();
        for fact in &self.signatures {
            write_signature(out, palette, fact, paths.len() > 1)?;
        }
        if let Some(threshold) = &self.threshold {
            // Signers, not signatures: somebody who signs twice counts once.
            let met = threshold.met_by.len();
            let counts = plural(met, "signer counts", "signers count");
            write!(out, "  {met} {counts}, {} required", threshold.required)?;
            if self.time_is_chosen {
                write!(out, "; judged as of {}", self.time)?;
            }
            writeln!(out)?;
        }
        writeln!(out)
    }

    fn write_files(&self, out: &mut dyn Write, palette: &Palette) -> io::Result<()> {
        if let Some(manifest) = &self.manifest {
            write!(
                out,
                "{}  {}",
                styled(palette.strong, "manifest"),
                escape(&manifest.path)
            )?;
            match manifest.entries {
                Some(entries) => {
                    write!(out, ", {entries} {}", plural_u64(entries, "file", "files"))?;
                    if let Some(project) = &manifest.project {
                        write!(out, ", of project {project}")?;
                    }
                    writeln!(out)?;
                }
                None => writeln!(out, ", not read: not enough trusted signers")?,
            }
        }
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        let mut bytes = 0u64;
        for file in &self.files {
            *counts.entry(file.status).or_default() += 1;
            bytes = bytes.saturating_add(file.size.unwrap_or(0));
        }
        if !counts.is_empty() {
            let mut line = String::new();
            // What is well first, the rest by name.
            for (status, count) in counts
                .get_key_value("ok")
                .into_iter()
                .chain(counts.iter().filter(|(status, _)| **status != "ok"))
            {
                let separator = if line.is_empty() { "" } else { ", " };
                let _ = write!(line, "{separator}{count} {status}");
            }
            writeln!(
                out,
                "{}     {line} ({})",
                styled(palette.strong, "files"),
                size(bytes)
            )?;
        }
        if self.depth == Some(Depth::Shallow) && !counts.is_empty() {
            writeln!(
                out,
                "{}  not looked into: digests only, no RECORD and no archive headers; --deep looks",
                styled(palette.strong, "contents")
            )?;
        }
        if self.manifest.is_some() || !self.files.is_empty() {
            writeln!(out)?;
        }
        Ok(())
    }

    fn write_findings(&self, out: &mut dyn Write, palette: &Palette) -> io::Result<()> {
        let mut by_rule: BTreeMap<(&str, Severity), usize> = BTreeMap::new();
        for finding in &self.findings {
            let seen = by_rule
                .entry((finding.rule.name, finding.severity))
                .or_default();
            *seen += 1;
            if *seen <= FINDINGS_A_RULE {
                write_finding(out, palette, finding)?;
            }
        }
        for ((rule, severity), count) in by_rule {
            if let Some(more) = count.checked_sub(FINDINGS_A_RULE).filter(|more| *more > 0) {
                writeln!(
                    out,
                    "{}: {more} more are not written here; --format json has them all\n",
                    styled(palette.of(severity), &format!("{severity}[{rule}]"))
                )?;
            }
        }
        Ok(())
    }

    fn write_verdict(&self, out: &mut dyn Write, palette: &Palette) -> io::Result<()> {
        let style = match self.verdict {
            Verdict::Pass => palette.good,
            Verdict::Fail | Verdict::Error | Verdict::Empty => palette.bad,
        };
        let word = self.verdict.word();
        let mut parts = Vec::new();
        for (severity, one, many) in [
            (Severity::Error, "error", "errors"),
            (Severity::Warning, "warning", "warnings"),
            (Severity::Note, "note", "notes"),
        ] {
            let count = self.count(severity);
            if count > 0 {
                parts.push(format!("{count} {}", plural(count, one, many)));
            }
        }
        for (outcome, word) in [
            (RebuildOutcome::ReproducedWithWitness, "with witness"),
            (RebuildOutcome::Different, "different"),
            (RebuildOutcome::BuildFailed, "not built"),
            (RebuildOutcome::TimedOut, "timed out"),
            (RebuildOutcome::NotAttempted, "not attempted"),
        ] {
            let count = self.count_rebuilds(outcome);
            if count > 0 {
                let wheels = plural(count, "wheel", "wheels");
                parts.push(format!("{count} {wheels} {word}"));
            }
        }
        let says = self.sentence();
        let counts = if parts.is_empty() {
            String::new()
        } else {
            format!(" ({})", parts.join(", "))
        };
        writeln!(out, "{}: {says}{counts}", styled(style, word))
    }
}

fn write_signature(
    out: &mut dyn Write,
    palette: &Palette,
    fact: &SignatureFact,
    names_file: bool,
) -> io::Result<()> {
    let word = verdict_word(fact.verdict);
    let style = match fact.verdict {
        SignatureVerdict::Good => palette.good,
        SignatureVerdict::UnknownKey | SignatureVerdict::NotPinned => palette.note,
        _ => palette.bad,
    };
    let who = match (&fact.signer, &fact.key) {
        (Some(signer), _) => signer.to_string(),
        (None, Some(key)) => format!("key {}", escape(key)),
        (None, None) => "a key it does not name".to_owned(),
    };
    write!(out, "  {} {who}", styled(style, &format!("{word:<14}")))?;
    if let Some(user_id) = &fact.user_id {
        write!(out, "  {}", escape(user_id))?;
    }
    writeln!(out)?;
    let created = fact
        .created
        .map_or_else(|| "undated".to_owned(), |time| format!("signed {time}"));
    let reason = match (fact.verdict, fact.at_signing, fact.now) {
        (SignatureVerdict::Good, KeyState::Valid, KeyState::Valid) => {
            "the key was valid then and is now"
        }
        _ => fact.reason.as_str(),
    };
    let mut line = format!("{created}, {}; {}", fact.hash, escape(reason));
    if names_file {
        let _ = write!(line, " ({})", escape(&fact.path));
    }
    writeln!(out, "                 {}", styled(palette.faint, &line))
}

/// Returns the word for a verdict in a narrow column.
pub(in crate::report) fn verdict_word(verdict: SignatureVerdict) -> &'static str {
    use SignatureVerdict as V;
    match verdict {
        V::Good => "good",
        V::NotPinned => "not pinned",
        V::UnknownKey => "unknown key",
        V::Unsupported => "unsupported",
        V::UnreadVersion => "not read",
        V::Malformed => "malformed",
        V::Undated => "undated",
        V::NotOverData => "wrong type",
        V::Bad => "BAD",
        V::WeakHash => "weak hash",
        V::CriticalUnknown => "critical",
        V::Future => "in the future",
        V::Expired => "expired",
        V::TooOld => "too old",
        V::SignerRevoked => "REVOKED",
        V::SignerExpiredWhenSigned => "key expired",
        V::SignerExpiredSince => "key expired",
        V::SignerNotYetValid => "key too new",
        V::SignerUnbound => "key unbound",
        V::SignerNotForSigning => "cannot sign",
        V::SignerTooWeak => "key too weak",
        V::SignerUnsupported => "unsupported",
    }
}

fn write_finding(out: &mut dyn Write, palette: &Palette, finding: &Finding) -> io::Result<()> {
    let head = format!("{}[{}]", finding.severity, finding.rule.name);
    writeln!(
        out,
        "{}: {}",
        styled(palette.of(finding.severity), &head),
        finding.message
    )?;
    if let Some(place) = place(&finding.subject) {
        write_field(out, palette, "where", &place)?;
    }
    if let Some(expected) = &finding.expected {
        write_field(out, palette, "expected", expected)?;
    }
    if let Some(found) = &finding.found {
        write_field(out, palette, "found", found)?;
    }
    if let Some(rule) = finding.follows {
        write_field(out, palette, "follows", rule.name)?;
    }
    write_field(out, palette, "next", &finding.next)?;
    writeln!(out)
}

fn write_field(out: &mut dyn Write, palette: &Palette, name: &str, value: &str) -> io::Result<()> {
    let label = styled(palette.faint, &format!("{:<10}", format!("{name}:")));
    writeln!(out, "  {label}{}", escape(value))
}

/// Returns what a finding says, line by line, as it came.
pub(in crate::report) fn finding_lines(finding: &Finding) -> Vec<String> {
    let mut lines = vec![format!(
        "{}[{}]: {}",
        finding.severity, finding.rule.name, finding.message
    )];
    let fields = [
        ("where", place(&finding.subject)),
        ("expected", finding.expected.clone()),
        ("found", finding.found.clone()),
        ("follows", finding.follows.map(|rule| rule.name.to_owned())),
        ("next", Some(finding.next.clone())),
    ];
    let fields = fields.into_iter();
    lines.extend(fields.filter_map(|(name, value)| Some(format!("  {name}: {}", value?))));
    lines
}

pub(in crate::report) fn place(subject: &Subject) -> Option<String> {
    let mut place = subject.path.clone()?;
    match (&subject.manifest, subject.line) {
        (Some(manifest), Some(line)) => {
            let _ = write!(place, " ({manifest}, line {line})");
        }
        (None, Some(line)) => {
            let _ = write!(place, ", line {line}");
        }
        _ => {}
    }
    if let Some(member) = &subject.member {
        let _ = write!(place, ", member {member}");
    }
    Some(place)
}

fn styled(style: Style, text: &str) -> String {
    format!("{}{text}{}", style.render(), style.render_reset())
}

pub(in crate::report) fn plural<'a>(count: usize, one: &'a str, many: &'a str) -> &'a str {
    if count == 1 { one } else { many }
}

fn plural_u64<'a>(count: u64, one: &'a str, many: &'a str) -> &'a str {
    if count == 1 { one } else { many }
}

/// Returns a number of bytes in the largest binary unit it fills.
pub(in crate::report) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return counted(bytes, "byte", "bytes");
    }
    let mut tenths = u128::from(bytes) * 10 / 1024;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or("TiB");
    format!("{}.{} {name}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_or_direction_character_reaches_the_terminal() {
        for (raw, shown) in [
            ("plain é 漢", "plain é 漢"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("a\nb\r", "a\\nb\\r"),
            ("abc\u{202e}fdp.whl", "abc\\u{202e}fdp.whl"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("zero\u{200b}width", "zero\\u{200b}width"),
        ] {
            assert_eq!(escape(raw), shown);
        }
    }

    #[test]
    fn sizes_are_cut_to_one_decimal() {
        for (bytes, shown) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1023 bytes"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (5 << 20, "5.0 MiB"),
            (u64::MAX, "16777215.9 TiB"),
        ] {
            assert_eq!(size(bytes), shown);
        }
    }
}
