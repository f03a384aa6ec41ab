//! Rebuilds for people: the outcome of each wheel, and where it differs.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::comparison::{Why, write_explanation};
use super::{Palette, escape, plural, styled};
use crate::compare::{Consequence, ContentDiff, Kind, LineSide};
use crate::report::{RebuildOutcome, RebuildSummary, Report};
use crate::sandbox::Layer;

/// What stands before the details of a rebuild, so that outcomes stand out.
const DETAIL: &str = "                 ";

/// How many differences of one wheel are written out; JSON has them all.
const DIFFERENCES_A_WHEEL: usize = 12;

/// How many lines the causes of one wheel take at most.
const EXPLANATION: usize = 20;

/// How many edits of one witness are written out; JSON has them all.
const EDITS_A_WHEEL: usize = 12;

/// How many lines of a failed build's log are written out.
const LOG_LINES: usize = 12;

impl Report {
    pub(super) fn write_rebuilds(
        &self,
        out: &mut dyn Write,
        palette: &Palette,
        quiet: bool,
    ) -> io::Result<()> {
        if let Some(part) = self.shard.filter(|_| !quiet) {
            writeln!(
                out,
                "{}     {} of {}: {} of the {} selected wheels\n",
                styled(palette.strong, "shard"),
                part.shard.number(),
                part.shard.of(),
                self.rebuilds.len(),
                part.selected
            )?;
        }
        let shown: Vec<&RebuildSummary> = self
            .rebuilds
            .iter()
            .filter(|rebuild| {
                let passes = match rebuild.outcome {
                    RebuildOutcome::Reproduced | RebuildOutcome::ReproducedWithWitness => true,
                    RebuildOutcome::Different
                    | RebuildOutcome::BuildFailed
                    | RebuildOutcome::TimedOut
                    | RebuildOutcome::NotAttempted => false,
                };
                !quiet || !passes
            })
            .collect();
        if shown.is_empty() {
            return Ok(());
        }
        writeln!(out, "{}", styled(palette.strong, "rebuilds"))?;
        let mut said: BTreeSet<&str> = BTreeSet::new();
        for rebuild in &shown {
            // What keeps all wheels from being tried is one thing, and is read once.
            let is_news = rebuild.outcome != RebuildOutcome::NotAttempted
                || rebuild
                    .reason
                    .as_deref()
                    .is_none_or(|reason| said.insert(reason));
            write_rebuild(out, palette, rebuild, is_news)?;
        }
        let reproduced = self.count_rebuilds(RebuildOutcome::Reproduced);
        let distinct = |of: fn(&RebuildSummary) -> Option<&str>| {
            let values: BTreeSet<&str> = self.rebuilds.iter().filter_map(of).collect();
            values.into_iter().collect::<Vec<_>>().join(", ")
        };
        let pythons = distinct(|rebuild| rebuild.python.as_deref());
        let layers = distinct(|rebuild| rebuild.sandbox.map(Layer::as_str));
        write!(out, "  {reproduced} of {} reproduced", self.rebuilds.len())?;
        let witnesses = self.count_rebuilds(RebuildOutcome::ReproducedWithWitness);
        if witnesses > 0 {
            write!(out, " and {witnesses} with witness")?;
        }
        if !layers.is_empty() {
            write!(out, ", with {}, sandbox: {layers}", escape(&pythons))?;
        }
        writeln!(out, "\n")?;
        self.write_recipes(out, palette)
    }

    /// Writes the recipes that were found and gave the signed digest, to be kept.
    fn write_recipes(&self, out: &mut dyn Write, palette: &Palette) -> io::Result<()> {
        let found: Vec<&str> = self
            .rebuilds
            .iter()
            .filter(|rebuild| rebuild.outcome == RebuildOutcome::Reproduced)
            .filter_map(|rebuild| rebuild.policy.as_deref())
            .collect();
        if found.is_empty() {
            return Ok(());
        }
        let title = "recipes that were found; in the policy they need no evidence";
        writeln!(out, "{}", styled(palette.strong, title))?;
        for block in found {
            for line in block.lines() {
                writeln!(out, "  {}", escape(line))?;
            }
            writeln!(out)?;
        }
        Ok(())
    }
}

fn write_rebuild(
    out: &mut dyn Write,
    palette: &Palette,
    rebuild: &RebuildSummary,
    is_news: bool,
) -> io::Result<()> {
    let (style, word) = match rebuild.outcome {
        RebuildOutcome::Reproduced => (palette.good, "reproduced"),
        RebuildOutcome::ReproducedWithWitness => (palette.note, "with witness"),
        RebuildOutcome::Different => (palette.bad, "DIFFERENT"),
        RebuildOutcome::BuildFailed => (palette.warning, "build failed"),
        RebuildOutcome::TimedOut => (palette.warning, "timed out"),
        RebuildOutcome::NotAttempted => (palette.warning, "not attempted"),
    };
    write!(
        out,
        "  {} {}",
        styled(style, &format!("{word:<14}")),
        escape(&rebuild.wheel)
    )?;
    match rebuild.seconds {
        Some(seconds) => writeln!(out, "  {seconds:.2} s")?,
        None => writeln!(out)?,
    }
    let mut detail = |text: &str| writeln!(out, "{DETAIL}{}", escape(text));
    if let Some(reason) = &rebuild.reason {
        detail(if is_news {
            reason
        } else {
            "for the same reason"
        })?;
    }
    if rebuild.reused {
        detail("built by an earlier run, taken from the cache (--reuse-results)")?;
    }
    for reason in &rebuild.inferred {
        detail(&format!(
            "{}: {}, because {}",
            reason.part, reason.value, reason.because
        ))?;
    }
    for note in &rebuild.notes {
        detail(&format!("note: {note}"))?;
    }
    for mismatch in &rebuild.mismatches {
        detail(&format!("another {} than recorded", mismatch.what))?;
        detail(&format!("  expected: {}", mismatch.expected))?;
        detail(&format!("  found:    {}", mismatch.found))?;
    }
    let has_witness = rebuild.outcome == RebuildOutcome::ReproducedWithWitness;
    let differs = has_witness || rebuild.outcome == RebuildOutcome::Different;
    if let (true, Some(rebuilt)) = (differs, rebuild.rebuilt_sha256) {
        detail(&format!("published: {}", rebuild.published_sha256))?;
        detail(&format!("rebuilt:   {rebuilt}"))?;
    }
    for sentence in rebuild.witness.sentences.iter().take(EDITS_A_WHEEL) {
        detail(&format!("edit: {sentence}"))?;
    }
    let more = rebuild
        .witness
        .sentences
        .len()
        .saturating_sub(EDITS_A_WHEEL);
    if more > 0 {
        detail(&format!(
            "{more} more {}; --format json has them all",
            plural(more, "edit", "edits")
        ))?;
    }
    write_explanation(
        out,
        palette,
        DETAIL,
        Why {
            causes: &rebuild.causes,
            attributed: &rebuild.attributed,
            unexplained: &rebuild.unexplained,
        },
        &rebuild.differences,
        EXPLANATION,
    )?;
    // The edits say the same, and more shortly.
    let differences = match has_witness {
        true => &[][..],
        false => &rebuild.differences,
    };
    for difference in differences.iter().take(DIFFERENCES_A_WHEEL) {
        let follows = match difference.consequence {
            Some(Consequence::RecordFollowsMembers) => "; follows from the other members",
            None => "",
        };
        let line = difference.line().render(escape);
        writeln!(out, "{DETAIL}{line}{follows}")?;
        if let Kind::Contents { diff, .. } = &difference.kind
            && difference.consequence.is_none()
        {
            write_diff(out, palette, diff)?;
        }
    }
    let more = differences.len().saturating_sub(DIFFERENCES_A_WHEEL);
    if more > 0 {
        writeln!(
            out,
            "{DETAIL}{more} more {}; --format json has them all",
            plural(more, "difference", "differences")
        )?;
    }
    if let Some(log) = &rebuild.log {
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines.len().saturating_sub(LOG_LINES);
        for line in lines.iter().skip(tail) {
            let line = format!("| {}", escape(line));
            writeln!(out, "{DETAIL}{}", styled(palette.faint, &line))?;
        }
    }
    Ok(())
}

/// Writes the changed lines of a text, with a line of context.
fn write_diff(out: &mut dyn Write, palette: &Palette, diff: &ContentDiff) -> io::Result<()> {
    let ContentDiff::Text {
        hunks,
        omitted_lines,
    } = diff
    else {
        return Ok(());
    };
    for line in hunks.iter().flat_map(|hunk| &hunk.lines) {
        let (style, sign) = match line.side {
            LineSide::Both => continue,
            LineSide::Published => (palette.bad, '-'),
            LineSide::Rebuilt => (palette.good, '+'),
        };
        let text = format!(
            "{sign} {}",
            escape(line.text.trim_end_matches(['\n', '\r']))
        );
        writeln!(out, "{DETAIL}  {}", styled(style, &text))?;
    }
    if *omitted_lines > 0 {
        writeln!(out, "{DETAIL}  {omitted_lines} more changed lines")?;
    }
    Ok(())
}
