//! Why two wheels differ: what nobody can explain first and loudest, then the
//! causes, the deciding first, then what differs.

use super::words::{counted, sentence_case};
use super::{Cell, Step, Tone, badge, details, diff, is_full, left_out, map, next, table};
use crate::compare::{Consequence, ContentDiff, Detail, Difference, Kind, Sides, WheelFacts};
use crate::explain::{self, Attributed, Cause, Proof, Unexplained};
use crate::report::markup::Markup;

/// How many things without a cause are written out.
const UNEXPLAINED: usize = 200;

/// How many observations of one cause are written out.
const EVIDENCE: usize = 30;

/// How many members with other contents are written out.
const MEMBERS: usize = 500;

/// How many members of the same kind of difference are listed.
const ROWS: usize = 1_000;

/// How many diffs stand open.
const OPEN: usize = 3;

/// What differs between two wheels, and why.
#[derive(Debug, Clone, Copy)]
pub(super) struct Explained<'a> {
    pub(super) causes: &'a [Cause],
    pub(super) attributed: &'a [Attributed],
    pub(super) unexplained: &'a [Unexplained],
    pub(super) differences: &'a [Difference],
    pub(super) wheels: Sides<Option<&'a WheelFacts>>,
}

/// Returns what to do about two wheels that differ.
pub(super) fn steps(causes: &[Cause], unexplained: &[Unexplained]) -> Vec<Step> {
    let mut steps = Vec::new();
    let alarming: Vec<&Unexplained> = unexplained.iter().filter(|one| one.is_alarming).collect();
    if let Some(first) = alarming.first() {
        let more = match alarming.len() {
            1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        let member = match first.member.is_empty() {
            true => "it",
            false => &first.member,
        };
        steps.push(Step::new(
            format!("No source has {member}{more}."),
            "do not use the published wheel before you know where that comes from",
        ));
    }
    let others = unexplained.iter().filter(|one| !one.is_alarming);
    let others: Vec<&Unexplained> = others.collect();
    if let Some(first) = others.first() {
        let of = match (first.member.is_empty(), others.len()) {
            (true, 1) => String::new(),
            (true, count) => format!(" for {count} of the differences"),
            (false, 1) => format!(" for what differs in {}", first.member),
            (false, count) => format!(
                " for what differs in {} and {} more",
                first.member,
                count - 1
            ),
        };
        steps.push(Step::new(
            format!("No cause is known{of}."),
            "read what differs below",
        ));
    }
    if let Some(cause) = causes.first() {
        steps.push(Step::new(&cause.sentence, &cause.advice));
    }
    steps
}

/// Writes everything that is known, with headings of a level.
pub(super) fn write(markup: &mut Markup, explained: &Explained<'_>, heading: &'static str) {
    write_unexplained(markup, explained, heading);
    write_causes(markup, explained, heading);
    write_pictures(markup, explained, heading);
    let count = counted(explained.differences.len(), "difference");
    markup.with_text(heading, &[], format!("What differs: {count}"));
    write_differences(markup, explained);
}

/// Draws where in the files, and at which times.
pub(super) fn write_pictures(
    markup: &mut Markup,
    explained: &Explained<'_>,
    heading: &'static str,
) {
    map::write_map(markup, explained.wheels, explained.differences, heading);
    map::write_times(markup, explained.wheels, explained.differences, heading);
}

pub(super) fn write_unexplained(
    markup: &mut Markup,
    explained: &Explained<'_>,
    heading: &'static str,
) {
    let unexplained = explained.unexplained;
    for found in unexplained.iter().take(UNEXPLAINED) {
        let (class, word, tone) = match found.is_alarming {
            true => ("bad loud", "UNEXPLAINED", Tone::Bad),
            false => ("warning", "unexplained", Tone::Warning),
        };
        markup.element("article", &[("class", class)], |markup| {
            markup.element(heading, &[], |markup| {
                badge(markup, tone, word);
                markup.ours(" ");
                markup.text(subject_of(found, explained.differences));
            });
            if !found.what.is_empty() {
                markup.element("p", &[], |markup| {
                    markup.with_text("code", &[], &found.what);
                });
            }
            if found.is_alarming {
                next(
                    markup,
                    "find out who put it there before anybody uses the published wheel",
                );
            }
        });
    }
    let more = unexplained.len().saturating_sub(UNEXPLAINED);
    left_out(markup, more, "things without a cause are");
}

fn subject_of(found: &Unexplained, differences: &[Difference]) -> String {
    match (found.member.is_empty(), found.what.is_empty()) {
        (false, _) => found.member.clone(),
        (true, false) => "the archive as a whole".to_owned(),
        (true, true) => differences
            .get(found.difference)
            .map_or_else(String::new, |one| one.line().render(str::to_owned)),
    }
}

pub(super) fn write_causes(markup: &mut Markup, explained: &Explained<'_>, heading: &'static str) {
    for (index, cause) in explained.causes.iter().enumerate() {
        markup.element("article", &[("class", "note")], |markup| {
            markup.element(heading, &[], |markup| {
                if index == 0 && explained.causes.len() > 1 {
                    badge(markup, Tone::Note, "deciding cause");
                } else {
                    badge(markup, Tone::Note, "cause");
                }
                if cause.proof == Proof::Counterfactual {
                    badge(markup, Tone::Good, "proved by rebuilding");
                }
                markup.ours(" ");
                markup.text(&cause.sentence);
            });
            next(markup, &cause.advice);
            write_attributed(markup, explained, cause);
            if !cause.evidence.is_empty() {
                details(
                    markup,
                    index == 0,
                    |markup| {
                        markup.ours("What was seen of ");
                        markup.with_text("code", &[], cause.cause);
                        let count = counted(cause.differences.len(), "difference");
                        markup.text(format!(", which accounts for {count}"));
                    },
                    |markup| {
                        markup.element("ul", &[("class", "seen")], |markup| {
                            for seen in cause.evidence.iter().take(EVIDENCE) {
                                markup.with_text("li", &[], seen);
                            }
                        });
                        let more = cause.evidence.len().saturating_sub(EVIDENCE);
                        left_out(markup, more, "observations are");
                    },
                );
            }
        });
    }
}

/// Writes what a cause accounts for without its bytes having been derived.
fn write_attributed(markup: &mut Markup, explained: &Explained<'_>, cause: &Cause) {
    let own = explained.attributed.iter();
    let own: Vec<&Attributed> = own.filter(|one| one.cause == cause.cause).collect();
    if own.is_empty() {
        return;
    }
    let title = explain::cause(cause.cause).map_or("", |kind| kind.title);
    details(
        markup,
        false,
        |markup| {
            let count = counted(own.len(), "thing");
            markup.text(format!("Attributed, not derived: {count}; {title}"));
        },
        |markup| {
            markup.element("ul", &[("class", "seen")], |markup| {
                for found in own.iter().take(EVIDENCE) {
                    markup.with_text("li", &[], format!("{} {}", found.member, found.what));
                }
            });
            left_out(markup, own.len().saturating_sub(EVIDENCE), "things are");
        },
    );
}

/// Writes what differs: contents member by member, the rest by what it is.
pub(super) fn write_differences(markup: &mut Markup, explained: &Explained<'_>) {
    let mut groups: Vec<(&'static str, Vec<&Difference>)> = Vec::new();
    let (mut shown, mut cut) = (0, 0);
    for difference in explained.differences {
        if matches!(difference.kind, Kind::Contents { .. }) {
            if shown < MEMBERS && !is_full(markup) {
                let open = shown < OPEN && difference.consequence.is_none();
                write_contents(markup, difference, open);
                shown += 1;
            } else {
                cut += 1;
            }
            continue;
        }
        let message = difference.line().message;
        match groups.iter_mut().find(|(known, _)| *known == message) {
            Some((_, group)) => group.push(difference),
            None => groups.push((message, vec![difference])),
        }
    }
    left_out(markup, cut, "members with other contents are");
    for (message, group) in groups {
        if is_full(markup) {
            left_out(markup, group.len(), "differences are");
            continue;
        }
        write_group(markup, message, &group);
    }
}

fn write_group(markup: &mut Markup, message: &'static str, group: &[&Difference]) {
    let summary = match group.len() {
        1 => sentence_case(message),
        count => format!("{}: {count} times", sentence_case(message)),
    };
    details(
        markup,
        group.len() <= 5,
        |markup| markup.text(summary),
        |markup| {
            let rows = group.iter().take(ROWS).map(|difference| {
                let line = difference.line();
                let number = line.occurrence.map_or_else(String::new, |number| {
                    format!(" (number {number} of this name)")
                });
                let member = line.member.map_or_else(
                    || "the archive".to_owned(),
                    |member| format!("{member}{number}"),
                );
                let value = |value: Option<String>| match value {
                    Some(value) => format!("{value}{}", line.unit),
                    None => String::new(),
                };
                vec![
                    Cell::Code(member),
                    Cell::Code(value(line.published.clone())),
                    Cell::Code(value(line.rebuilt.clone())),
                ]
            });
            table(markup, message, &["Member", "Published", "Rebuilt"], rows);
            left_out(markup, group.len().saturating_sub(ROWS), "of these are");
        },
    );
}

fn write_contents(markup: &mut Markup, difference: &Difference, is_open: bool) {
    let Kind::Contents { diff, detail, .. } = &difference.kind else {
        return;
    };
    let follows = match difference.consequence {
        Some(Consequence::RecordFollowsMembers) => "; follows from the other members",
        None => "",
    };
    details(
        markup,
        is_open,
        |markup| {
            let line = difference.line();
            if let Some(member) = line.member {
                markup.with_text("code", &[], member.to_string());
            }
            let unnamed = crate::compare::Line {
                member: None,
                ..line
            };
            let text = unnamed.render(str::to_owned);
            markup.text(format!(" {text}{follows}"));
        },
        |markup| {
            write_detail(markup, detail.as_ref());
            match diff {
                ContentDiff::Text {
                    hunks,
                    omitted_lines,
                } => {
                    diff::write(markup, hunks);
                    let omitted = usize::try_from(*omitted_lines).unwrap_or(usize::MAX);
                    if omitted > 0 {
                        let sentence = format!(
                            "{} more, which no report has; compare the members themselves.",
                            counted(omitted, "line")
                        );
                        markup.with_text("p", &[("class", "muted")], sentence);
                    }
                }
                ContentDiff::Binary if detail.is_some() => {}
                ContentDiff::Binary => {
                    markup.with_text("p", &[("class", "muted")], "Not text: no lines to show.");
                }
                ContentDiff::TooLarge => {
                    let sentence = "Too large to show line by line.";
                    markup.with_text("p", &[("class", "muted")], sentence);
                }
            }
        },
    );
}

fn write_detail(markup: &mut Markup, detail: Option<&Detail>) {
    match detail {
        Some(Detail::Elf { parts }) => diff::write_parts(markup, parts),
        Some(Detail::Archive { differences }) => {
            let sentence = "An archive of its own; in it differs:";
            markup.with_text("p", &[], sentence);
            markup.element("ul", &[("class", "seen")], |markup| {
                for inner in differences.iter().take(ROWS) {
                    markup.with_text("li", &[], inner.line().render(str::to_owned));
                }
            });
            left_out(
                markup,
                differences.len().saturating_sub(ROWS),
                "of these are",
            );
        }
        Some(Detail::Fields(fields)) if !fields.fields.is_empty() => {
            let rows = fields.fields.iter().map(|field| {
                vec![
                    Cell::Code(field.field.clone()),
                    Cell::Code(field.published.join("; ")),
                    Cell::Code(field.rebuilt.join("; ")),
                ]
            });
            let columns = ["Field", "Only published", "Only rebuilt"];
            table(markup, "Fields that differ", &columns, rows);
        }
        Some(Detail::SameLines { crlf, order }) => {
            if crlf.is_some() {
                let sentence = "Only one side ends its lines with CR LF.";
                markup.with_text("p", &[], sentence);
            }
            if *order {
                markup.with_text("p", &[], "The same lines in another order.");
            }
        }
        Some(Detail::Bytecode(bytecode)) => {
            let sentence = match bytecode.code {
                true => "Python bytecode: the code itself differs.",
                false => "Python bytecode: the header differs, the code is the same.",
            };
            markup.with_text("p", &[], sentence);
        }
        Some(Detail::Damaged { reason }) => {
            for (side, reason) in [
                ("Published", &reason.published),
                ("Rebuilt", &reason.rebuilt),
            ] {
                if let Some(reason) = reason {
                    markup.with_text("p", &[], format!("{side}: cannot be read: {reason}"));
                }
            }
        }
        Some(Detail::Fields(_)) | None => {}
    }
}
