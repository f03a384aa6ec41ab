//! Causes for people: what is not explained first, then the deciding cause.

use std::io::{self, Write};

use super::{Palette, escape, styled};
use crate::compare::{Consequence, ContentDiff, Detail, Difference, Kind, LineSide};
use crate::count::counted;
use crate::explain::{Attributed, Cause, Proof, Unexplained};
use crate::report::{ComparisonReport, Verdict};

/// How many lines a comparison takes at most when not everything is asked for.
const SHORT: usize = 10;

/// How many things without a cause are written out then.
const UNEXPLAINED: usize = 5;

/// The longest line of evidence or advice then, in characters.
const WIDTH: usize = 200;

impl ComparisonReport {
    /// Writes the report for people: at most ten lines, or everything.
    ///
    /// # Errors
    ///
    /// Whatever the writer returns.
    pub fn write_text(&self, out: &mut dyn Write, full: bool, quiet: bool) -> io::Result<()> {
        let palette = Palette::default();
        if quiet && self.verdict == Verdict::Pass {
            return Ok(());
        }
        for trouble in &self.errors {
            let word = styled(palette.bad, "error");
            writeln!(out, "{word}: {}", escape(&trouble.message))?;
            writeln!(out, "  next:     {}", escape(&trouble.next))?;
        }
        if !self.errors.is_empty() {
            return Ok(());
        }
        if self.verdict == Verdict::Pass {
            let word = styled(palette.good, "identical");
            return writeln!(out, "{word}  {}", escape(&self.published.path));
        }
        writeln!(out, "{}", self.headline(&palette))?;
        if full {
            for file in [&self.published, &self.rebuilt] {
                if let Some(digested) = &file.digested {
                    let side = if std::ptr::eq(file, &self.published) {
                        "published:"
                    } else {
                        "rebuilt:  "
                    };
                    let path = escape(&file.path);
                    writeln!(
                        out,
                        "  {side} {path}\n             {}, SHA-256 {}",
                        counted(digested.size, "byte", "bytes"),
                        digested.sha256
                    )?;
                }
            }
        }
        let budget = if full { usize::MAX } else { SHORT - 1 };
        write_explanation(
            out,
            &palette,
            "",
            Why {
                causes: &self.causes,
                attributed: &self.attributed,
                unexplained: &self.unexplained,
            },
            &self.differences,
            budget,
        )?;
        if full {
            writeln!(out, "\n{}", styled(palette.strong, "differences"))?;
            for difference in &self.differences {
                write_difference(out, &palette, "  ", difference)?;
            }
        }
        Ok(())
    }

    fn headline(&self, palette: &Palette) -> String {
        let word = styled(palette.bad, "different");
        let name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
        let (published, rebuilt) = (name(&self.published.path), name(&self.rebuilt.path));
        let names = match published == rebuilt {
            true => escape(&published),
            false => format!("{} → {}", escape(&published), escape(&rebuilt)),
        };
        let count = counted(self.differences.len() as u64, "difference", "differences");
        format!(
            "{word}  {names}: {count}, {}",
            summary(Why {
                causes: &self.causes,
                attributed: &self.attributed,
                unexplained: &self.unexplained,
            })
        )
    }
}

/// Why two wheels differ, in the three classes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Why<'a> {
    pub(super) causes: &'a [Cause],
    pub(super) attributed: &'a [Attributed],
    pub(super) unexplained: &'a [Unexplained],
}

/// Says in a few words how much is understood.
pub(super) fn summary(why: Why<'_>) -> String {
    let found = counted(why.causes.len() as u64, "cause", "causes");
    match (why.attributed.len(), why.unexplained.len()) {
        (0, 0) => format!("all explained by {found}"),
        (attributed, 0) => format!("{found}, {attributed} only attributed"),
        (0, count) => format!("{found}, {count} NOT explained"),
        (attributed, count) => {
            format!("{found}, {attributed} only attributed, {count} NOT explained")
        }
    }
}

/// Writes what has no cause, then the causes, in at most so many lines.
pub(super) fn write_explanation(
    out: &mut dyn Write,
    palette: &Palette,
    indent: &str,
    why: Why<'_>,
    differences: &[Difference],
    budget: usize,
) -> io::Result<()> {
    let Why {
        causes,
        attributed,
        unexplained,
    } = why;
    let mut left = budget;
    let shown = match budget == usize::MAX {
        true => unexplained.len(),
        // The last line is for how many more there are.
        false if unexplained.len() > UNEXPLAINED => UNEXPLAINED - 1,
        false => unexplained.len(),
    };
    for found in unexplained.iter().take(shown) {
        let style = if found.is_alarming {
            palette.bad
        } else {
            palette.warning
        };
        let word = if found.is_alarming {
            "UNEXPLAINED"
        } else {
            "unexplained"
        };
        let what = sentence_of(found, differences);
        writeln!(out, "{indent}{}: {what}", styled(style, word))?;
        left = left.saturating_sub(1);
    }
    if shown < unexplained.len() {
        let more = unexplained.len() - shown;
        writeln!(
            out,
            "{indent}{}: {more} more; --full and JSON have them all",
            styled(palette.warning, "unexplained")
        )?;
        left = left.saturating_sub(1);
    }
    let in_full = causes.len().saturating_mul(3) <= left;
    let mut number = 0;
    for cause in causes {
        if left == 0 || (!in_full && left == 1 && number + 1 < causes.len()) {
            writeln!(
                out,
                "{indent}and {} more; --full has them all",
                counted((causes.len() - number) as u64, "cause", "causes")
            )?;
            return Ok(());
        }
        let mark = match cause.proof {
            Proof::Counterfactual => format!(" ({})", styled(palette.good, "proved")),
            Proof::Pattern => String::new(),
        };
        let name = styled(palette.note, &format!("cause[{}]", cause.cause));
        writeln!(out, "{indent}{name}{mark}: {}", escape(&cause.sentence))?;
        left = left.saturating_sub(1);
        number += 1;
        if in_full {
            let cut = |text: String| match budget == usize::MAX {
                true => escape(&text),
                false => shorten(&escape(&text)),
            };
            writeln!(
                out,
                "{indent}  seen:     {}",
                cut(cause.evidence.join("; "))
            )?;
            writeln!(out, "{indent}  next:     {}", cut(cause.advice.clone()))?;
            left = left.saturating_sub(2);
            if budget == usize::MAX {
                write_attributed(out, indent, cause, attributed, differences)?;
            }
        } else if number == 1 && causes.len() < left {
            writeln!(
                out,
                "{indent}  next:     {}",
                shorten(&escape(&cause.advice))
            )?;
            left = left.saturating_sub(1);
        }
    }
    Ok(())
}

/// Writes what a cause accounts for without its bytes having been derived.
fn write_attributed(
    out: &mut dyn Write,
    indent: &str,
    cause: &Cause,
    attributed: &[Attributed],
    differences: &[Difference],
) -> io::Result<()> {
    for found in attributed.iter().filter(|found| found.cause == cause.cause) {
        let what = line_of(&found.member, &found.what, found.difference, differences);
        writeln!(out, "{indent}  attributed, not derived: {what}")?;
    }
    Ok(())
}

fn shorten(text: &str) -> String {
    match text.chars().count() > WIDTH {
        true => text.chars().take(WIDTH - 1).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

fn sentence_of(found: &Unexplained, differences: &[Difference]) -> String {
    line_of(&found.member, &found.what, found.difference, differences)
}

fn line_of(member: &str, what: &str, difference: usize, differences: &[Difference]) -> String {
    if what.is_empty() {
        return differences
            .get(difference)
            .map_or_else(String::new, |difference| difference.line().render(escape));
    }
    match member.is_empty() {
        true => shorten(&escape(what)),
        false => shorten(&format!("{}: {}", escape(member), escape(what))),
    }
}

/// Writes a difference with everything that is known of it.
pub(super) fn write_difference(
    out: &mut dyn Write,
    palette: &Palette,
    indent: &str,
    difference: &Difference,
) -> io::Result<()> {
    let follows = match difference.consequence {
        Some(Consequence::RecordFollowsMembers) => "; follows from the other members",
        None => "",
    };
    writeln!(out, "{indent}{}{follows}", difference.line().render(escape))?;
    let Kind::Contents { diff, detail, .. } = &difference.kind else {
        return Ok(());
    };
    if difference.consequence.is_some() {
        return Ok(());
    }
    match detail {
        Some(Detail::Elf { parts }) => {
            for part in parts {
                let name = match part.subject {
                    "" => word_of(part.part),
                    subject => subject.to_owned(),
                };
                for (values, style, sign) in [
                    (&part.published, palette.bad, '-'),
                    (&part.rebuilt, palette.good, '+'),
                ] {
                    if !values.is_empty() {
                        let text = format!("{sign} {name}: {}", escape(&values.join(" ")));
                        writeln!(out, "{indent}  {}", styled(style, &text))?;
                    }
                }
            }
        }
        Some(Detail::Archive { differences }) => {
            for inner in differences {
                write_difference(out, palette, &format!("{indent}  "), inner)?;
            }
        }
        _ => {}
    }
    let ContentDiff::Text {
        hunks,
        omitted_lines,
    } = diff
    else {
        return Ok(());
    };
    for hunk in hunks {
        writeln!(out, "{indent}  {}", hunk.header())?;
        for line in &hunk.lines {
            let text = format!("{}{}", line.side.sign(), escape(&line.text));
            let text = match line.side {
                LineSide::Published => styled(palette.bad, &text),
                LineSide::Rebuilt => styled(palette.good, &text),
                LineSide::Both => text,
            };
            writeln!(out, "{indent}  {text}")?;
        }
    }
    if *omitted_lines > 0 {
        writeln!(out, "{indent}  and {omitted_lines} more lines")?;
    }
    Ok(())
}

/// Returns the word that JSON has for a part.
pub(in crate::report) fn word_of(part: crate::compare::ElfPart) -> String {
    match serde_json::to_value(part) {
        Ok(serde_json::Value::String(word)) => word.replace('-', " "),
        _ => String::new(),
    }
}
