//! Words that several parts of a page share, and how they stand there.

use super::{Cell, Tone};
use crate::report::RebuildOutcome;
use crate::report::markup::Markup;
use crate::report::text::plural;

/// Returns the word for an outcome.
pub(super) fn word_of(outcome: RebuildOutcome) -> &'static str {
    match outcome {
        RebuildOutcome::Reproduced => "reproduced",
        RebuildOutcome::ReproducedWithWitness => "reproduced with witness",
        RebuildOutcome::Different => "different",
        RebuildOutcome::BuildFailed => "build failed",
        RebuildOutcome::TimedOut => "timed out",
        RebuildOutcome::NotAttempted => "not attempted",
    }
}

/// Returns how an outcome is to be taken.
pub(super) fn tone_of(outcome: RebuildOutcome) -> Tone {
    match outcome {
        RebuildOutcome::Reproduced => Tone::Good,
        RebuildOutcome::ReproducedWithWitness => Tone::Note,
        RebuildOutcome::Different => Tone::Bad,
        RebuildOutcome::BuildFailed | RebuildOutcome::TimedOut | RebuildOutcome::NotAttempted => {
            Tone::Warning
        }
    }
}

/// Writes a name and its value in a list of such.
pub(super) fn entry(markup: &mut Markup, name: &'static str, value: &str, is_code: bool) {
    markup.with_text("dt", &[], name);
    markup.element("dd", &[], |markup| match is_code {
        true => markup.with_text("code", &[], value),
        false => markup.text(value),
    });
}

/// Returns a message with a capital letter.
pub(super) fn sentence_case(message: &str) -> String {
    let mut characters = message.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}

/// Returns a number with a word that takes an `s`.
pub(super) fn counted(count: usize, one: &str) -> String {
    format!("{count} {one}{}", plural(count, "", "s"))
}

/// Returns the outcome of a wheel as a cell.
pub(super) fn outcome_cell(outcome: RebuildOutcome) -> Cell {
    Cell::Badge(tone_of(outcome), word_of(outcome).to_owned())
}
