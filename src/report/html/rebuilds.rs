//! Wheel by wheel: what became of each, and why it is not the same.

use super::explanation::{self, Explained};
use super::words::{counted, entry, outcome_cell, tone_of, word_of};
use super::{Cell, Step, badge, details, is_full, left_out, table};
use crate::report::markup::Markup;
use crate::report::{RebuildOutcome, RebuildSummary, RecipeSource};

/// How many wheels are listed.
const WHEELS: usize = 10_000;

/// How many edits of a witness are written out.
const EDITS: usize = 200;

/// How many lines of a log are written out.
const LOG_LINES: usize = 200;

/// Returns what to do about a wheel first; nothing when it came back.
pub(super) fn step(rebuild: &RebuildSummary) -> Option<Step> {
    let wheel = &rebuild.wheel;
    match rebuild.outcome {
        RebuildOutcome::Reproduced | RebuildOutcome::ReproducedWithWitness => None,
        RebuildOutcome::Different => {
            let steps = explanation::steps(&rebuild.causes, &rebuild.unexplained);
            Some(match steps.into_iter().next() {
                Some(step) => {
                    Step::new(format!("{wheel} is different: {}", step.matter), step.next)
                }
                None => Step::new(
                    format!("{wheel} is different from what was rebuilt."),
                    "read what differs below",
                ),
            })
        }
        RebuildOutcome::BuildFailed | RebuildOutcome::TimedOut | RebuildOutcome::NotAttempted => {
            let why = rebuild.reason.as_deref().unwrap_or("see its log below");
            let matter = format!("{wheel}: {}: {why}", word_of(rebuild.outcome));
            Some(Step::new(matter, ""))
        }
    }
}

/// Returns in a few words why a wheel is not the same.
fn why(rebuild: &RebuildSummary) -> String {
    let alarming = rebuild.unexplained.iter().filter(|one| one.is_alarming);
    let alarming = alarming.count();
    if alarming > 0 {
        return format!("UNEXPLAINED: {alarming} without source");
    }
    if let Some(cause) = rebuild.causes.first() {
        let more = match rebuild.causes.len() {
            1 => String::new(),
            count => format!(" and {}", counted(count - 1, "more cause")),
        };
        return format!("{}{more}", cause.cause);
    }
    if !rebuild.unexplained.is_empty() {
        return format!("{} unexplained", rebuild.unexplained.len());
    }
    rebuild.reason.clone().unwrap_or_default()
}

/// Writes a table of all wheels, the bad ones first, and then an article for each.
pub(super) fn write(markup: &mut Markup, rebuilds: &[RebuildSummary]) {
    let mut order: Vec<(usize, &RebuildSummary)> = rebuilds.iter().enumerate().collect();
    order.sort_by_key(|(_, rebuild)| rank(rebuild.outcome));
    let columns = ["Wheel", "Outcome", "Why"];
    let rows = order.iter().take(WHEELS).map(|(index, rebuild)| {
        let cell = Cell::Link(format!("wheel-{}", index + 1), rebuild.wheel.clone());
        vec![
            cell,
            outcome_cell(rebuild.outcome),
            Cell::Text(why(rebuild)),
        ]
    });
    table(markup, "Rebuilt wheels", &columns, rows);
    left_out(markup, order.len().saturating_sub(WHEELS), "wheels are");
    for (written, (index, rebuild)) in order.iter().take(WHEELS).enumerate() {
        if is_full(markup) {
            let left = order.len() - written;
            left_out(markup, left, "wheels with their details are");
            return;
        }
        write_wheel(markup, *index, rebuild);
    }
}

fn rank(outcome: RebuildOutcome) -> u8 {
    match outcome {
        RebuildOutcome::Different => 0,
        RebuildOutcome::BuildFailed => 1,
        RebuildOutcome::TimedOut => 2,
        RebuildOutcome::NotAttempted => 3,
        RebuildOutcome::ReproducedWithWitness => 4,
        RebuildOutcome::Reproduced => 5,
    }
}

fn write_wheel(markup: &mut Markup, index: usize, rebuild: &RebuildSummary) {
    let tone = tone_of(rebuild.outcome);
    let id = format!("wheel-{}", index + 1);
    let class = format!("wheel {}", tone.class());
    markup.element("article", &[("class", &class), ("id", &id)], |markup| {
        markup.element("h3", &[], |markup| {
            badge(markup, tone, word_of(rebuild.outcome));
            markup.ours(" ");
            markup.text(&rebuild.wheel);
        });
        if let Some(reason) = &rebuild.reason {
            markup.with_text("p", &[("class", "next")], reason);
        }
        for note in &rebuild.notes {
            markup.with_text("p", &[], format!("Note: {note}"));
        }
        if rebuild.reused {
            let sentence = "Built by an earlier run and taken from the cache (--reuse-results).";
            markup.with_text("p", &[], sentence);
        }
        if !rebuild.mismatches.is_empty() {
            markup.with_text("h4", &[], "This machine is not the one of the recipe");
            let rows = rebuild.mismatches.iter().map(|mismatch| {
                vec![
                    Cell::Text(mismatch.what.to_owned()),
                    Cell::Code(mismatch.expected.clone()),
                    Cell::Code(mismatch.found.clone()),
                ]
            });
            let columns = ["What", "Expected", "Found"];
            table(markup, "What is not as recorded", &columns, rows);
        }
        if !rebuild.differences.is_empty() {
            let explained = Explained {
                causes: &rebuild.causes,
                attributed: &rebuild.attributed,
                unexplained: &rebuild.unexplained,
                differences: &rebuild.differences,
                wheels: rebuild.wheels.as_ref().map(Option::as_ref),
            };
            explanation::write(markup, &explained, "h4");
        }
        write_witness(markup, rebuild);
        write_log(markup, rebuild);
        write_recipe(markup, rebuild);
    });
}

fn write_witness(markup: &mut Markup, rebuild: &RebuildSummary) {
    let sentences = &rebuild.witness.sentences;
    if sentences.is_empty() {
        return;
    }
    markup.with_text(
        "h4",
        &[],
        "Edits that turn the rebuilt wheel into the published one",
    );
    markup.element("ul", &[("class", "seen")], |markup| {
        for sentence in sentences.iter().take(EDITS) {
            markup.with_text("li", &[], sentence);
        }
    });
    left_out(markup, sentences.len().saturating_sub(EDITS), "edits are");
}

fn write_log(markup: &mut Markup, rebuild: &RebuildSummary) {
    let Some(log) = &rebuild.log else {
        return;
    };
    let lines: Vec<&str> = log.lines().collect();
    let skipped = lines.len().saturating_sub(LOG_LINES);
    markup.with_text("h4", &[], "The end of the log");
    markup.element("pre", &[], |markup| {
        markup.lines(lines.into_iter().skip(skipped))
    });
}

fn write_recipe(markup: &mut Markup, rebuild: &RebuildSummary) {
    details(
        markup,
        false,
        |markup| markup.ours("Digests and recipe"),
        |markup| {
            markup.element("dl", &[], |markup| {
                entry(
                    markup,
                    "published",
                    &rebuild.published_sha256.to_string(),
                    true,
                );
                if let Some(rebuilt) = &rebuild.rebuilt_sha256 {
                    entry(markup, "rebuilt", &rebuilt.to_string(), true);
                }
                if let Some(sdist) = &rebuild.sdist {
                    entry(markup, "from", sdist, true);
                }
                if let Some(python) = &rebuild.python {
                    entry(markup, "by", python, false);
                }
                if let Some(layer) = rebuild.sandbox {
                    entry(markup, "sandbox", layer.as_str(), false);
                }
                if let Some(seconds) = rebuild.seconds {
                    entry(markup, "took", &format!("{seconds:.2} s"), false);
                }
                if let Some(source) = rebuild.recipe_source {
                    let source = match source {
                        RecipeSource::Record => "a signed build record",
                        RecipeSource::Policy => "the policy and the command line",
                        RecipeSource::Inferred => "what the wheel and the sdist show",
                        RecipeSource::Searched => "a search for the signed digest",
                        RecipeSource::Proved => "a proof that gave the signed digest",
                    };
                    entry(markup, "recipe from", source, false);
                }
                for reason in &rebuild.inferred {
                    let line = format!("{}, because {}", reason.value, reason.because);
                    entry(markup, reason.part, &line, false);
                }
                if let Some(recipe) = &rebuild.recipe {
                    for (name, value) in rows_of(&serde_json::to_value(recipe).ok()) {
                        markup.with_text("dt", &[], name);
                        markup.element("dd", &[], |markup| {
                            markup.with_text("code", &[], value);
                        });
                    }
                }
            });
            if let Some(policy) = &rebuild.policy {
                markup.with_text("p", &[], "The recipe as a table of the policy:");
                markup.element("pre", &[], |markup| markup.lines(policy.lines()));
            }
        },
    );
}

/// Returns the keys of a recipe in JSON with their values, each on one line.
fn rows_of(recipe: &Option<serde_json::Value>) -> Vec<(String, String)> {
    let Some(serde_json::Value::Object(keys)) = recipe else {
        return Vec::new();
    };
    keys.iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| {
            let text = match value {
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            (key.replace('_', " "), text)
        })
        .collect()
}
