//! What has to be explained, in the smallest pieces that can have causes of their
//! own, and which of them have one.

use std::collections::BTreeSet;

use super::{Cause, Unexplained};
use crate::compare::{
    BytecodeDetail, ContentDiff, Contents, Detail, Difference, Different, ElfDifference, ElfPart,
    FieldDifference, FieldsDetail, Hunk, Kind, LineSide, Sides, WheelFacts,
};
use crate::count::{bytes, counted};
use crate::sdist::SourceFiles;

/// The smallest thing that differs.
#[derive(Debug, Clone, Copy)]
pub(super) enum Piece<'a> {
    /// A difference that has no smaller parts.
    Whole(&'a Kind),
    /// A field of METADATA, WHEEL or PKG-INFO.
    Field(&'a FieldDifference),
    /// The order of such fields.
    FieldOrder,
    /// How many line feeds end such a file.
    FinalLineFeeds(Sides<u64>),
    /// The text below such fields.
    Body,
    /// Lines that end with CR LF on one side only.
    LineEnds(Sides<bool>),
    /// The same lines in another order.
    LineOrder,
    /// Changed lines that are close together.
    Lines(&'a Hunk),
    /// Contents of which nothing smaller is known, by their sizes.
    Opaque(Sides<u64>),
    /// Changed lines beyond those that are shown.
    MoreLines(u64),
    /// Contents that claim a form and cannot be read as that, and why.
    Damaged(&'a Sides<Option<String>>),
    /// A part of a shared object.
    Elf(&'a ElfDifference),
    /// The header or the code of bytecode.
    Bytecode(&'a BytecodeDetail),
}

/// A piece with its place.
#[derive(Debug, Clone)]
pub(super) struct Item<'a> {
    /// The difference it is a part of.
    pub(super) difference: usize,
    /// The member, with that of an archive around it in front.
    pub(super) member: String,
    pub(super) piece: Piece<'a>,
    claimed: bool,
}

impl Item<'_> {
    /// Returns the last part of the member's name.
    pub(super) fn file(&self) -> &str {
        self.member.rsplit('/').next().unwrap_or(&self.member)
    }

    /// Returns whether the member stands for a directory, and for nothing in it.
    pub(super) fn is_directory(&self) -> bool {
        let empty =
            |contents: &Contents| matches!(contents, Contents::Read(found) if found.size == 0);
        self.member.ends_with('/')
            && matches!(self.piece, Piece::Whole(
                Kind::OnlyPublished(contents) | Kind::OnlyRebuilt(contents)
            ) if empty(contents))
    }

    /// Returns whether the member lies in the directory that describes the wheel.
    pub(super) fn is_described(&self) -> bool {
        self.member
            .split_once('/')
            .is_some_and(|(top, _)| top.ends_with(".dist-info"))
    }
}

/// One pair of wheels while causes are looked for.
pub(super) struct Case<'a> {
    pub(super) items: Vec<Item<'a>>,
    pub(super) wheels: Sides<WheelFacts>,
    pub(super) source: Option<&'a SourceFiles>,
    pub(super) causes: Vec<Cause>,
    unexplained: Vec<Unexplained>,
}

impl<'a> Case<'a> {
    pub(super) fn new(different: &'a Different, source: Option<&'a SourceFiles>) -> Self {
        let mut items = Vec::new();
        for (index, difference) in different.differences.iter().enumerate() {
            add(&mut items, index, "", difference);
        }
        let facts = |facts: &Option<WheelFacts>| facts.clone().unwrap_or_default();
        Self {
            items,
            wheels: different.wheels.as_ref().map(facts),
            source,
            causes: Vec::new(),
            unexplained: Vec::new(),
        }
    }

    /// Returns the places of the items that satisfy a condition.
    pub(super) fn find(&self, condition: impl Fn(&Item<'a>) -> bool) -> Vec<usize> {
        let matching = self.items.iter().enumerate();
        matching
            .filter(|(_, item)| condition(item))
            .map(|(index, _)| index)
            .collect()
    }

    /// Returns the items at these places.
    pub(super) fn at<'c>(&'c self, places: &'c [usize]) -> impl Iterator<Item = &'c Item<'a>> {
        places.iter().filter_map(|index| self.items.get(*index))
    }

    pub(super) fn is_claimed(&self, place: usize) -> bool {
        self.items.get(place).is_some_and(|item| item.claimed)
    }

    /// Adds a cause of the items at these places.
    pub(super) fn add(&mut self, mut cause: Cause, places: &[usize]) {
        let mut differences = BTreeSet::new();
        for place in places {
            if let Some(item) = self.items.get_mut(*place) {
                item.claimed = true;
                differences.insert(item.difference);
            }
        }
        cause.differences = differences.into_iter().collect();
        self.causes.push(cause);
    }

    /// Adds items at these places to a cause that was found before; returns whether
    /// there is such a cause.
    pub(super) fn extend(&mut self, name: &str, evidence: String, places: &[usize]) -> bool {
        let Some(at) = self.causes.iter().position(|cause| cause.cause == name) else {
            return false;
        };
        let mut differences = BTreeSet::new();
        for place in places {
            if let Some(item) = self.items.get_mut(*place) {
                item.claimed = true;
                differences.insert(item.difference);
            }
        }
        if let Some(cause) = self.causes.get_mut(at) {
            differences.extend(cause.differences.iter().copied());
            cause.differences = differences.into_iter().collect();
            cause.evidence.push(evidence);
        }
        true
    }

    /// Says of an item what makes it worse than not explained.
    pub(super) fn alarm(&mut self, place: usize, what: String) {
        if let Some(item) = self.items.get_mut(place) {
            item.claimed = true;
            self.unexplained.push(Unexplained {
                difference: item.difference,
                member: item.member.clone(),
                what,
                is_alarming: true,
            });
        }
    }

    /// Returns the causes, and what none of them accounts for: the alarming first.
    pub(super) fn finish(mut self) -> (Vec<Cause>, Vec<Unexplained>) {
        for item in &self.items {
            if !item.claimed {
                self.unexplained.push(Unexplained {
                    difference: item.difference,
                    member: item.member.clone(),
                    what: describe(item),
                    is_alarming: matches!(
                        item.piece,
                        Piece::Whole(
                            Kind::OnlyPublished(_)
                                | Kind::Prefix(_)
                                | Kind::Gaps(_)
                                | Kind::Trailing(_)
                        )
                    ),
                });
            }
        }
        self.unexplained
            .sort_by_key(|unexplained| (!unexplained.is_alarming, unexplained.difference));
        (self.causes, self.unexplained)
    }
}

/// Takes a difference apart.
fn add<'a>(items: &mut Vec<Item<'a>>, index: usize, outer: &str, difference: &'a Difference) {
    if difference.consequence.is_some() {
        return;
    }
    let name = difference.member.as_ref().map(ToString::to_string);
    let member = match (outer, name) {
        ("", name) => name.unwrap_or_default(),
        (outer, None) => outer.to_owned(),
        (outer, Some(name)) => format!("{outer}!{name}"),
    };
    let mut push = |piece| {
        items.push(Item {
            difference: index,
            member: member.clone(),
            piece,
            claimed: false,
        });
    };
    let Kind::Contents {
        diff,
        detail,
        sides,
    } = &difference.kind
    else {
        push(Piece::Whole(&difference.kind));
        return;
    };
    let opaque = Piece::Opaque(sides.map(|contents| contents.size));
    match detail {
        Some(Detail::Fields(detail)) => fields(&mut push, detail, diff),
        Some(Detail::SameLines { crlf, order }) => {
            if let Some(crlf) = crlf {
                push(Piece::LineEnds(*crlf));
            }
            if *order {
                push(Piece::LineOrder);
            }
        }
        Some(Detail::Elf { parts }) => {
            for part in parts {
                // A digest of the rest; it has no cause of its own.
                if part.part != ElfPart::BuildId || parts.len() == 1 {
                    push(Piece::Elf(part));
                }
            }
        }
        Some(Detail::Bytecode(detail)) => push(Piece::Bytecode(detail)),
        Some(Detail::Archive { differences }) => {
            for inner in differences {
                add(items, index, &member, inner);
            }
        }
        Some(Detail::Damaged { reason }) => push(Piece::Damaged(reason)),
        None => match diff {
            ContentDiff::Text {
                hunks,
                omitted_lines,
            } => {
                for hunk in hunks {
                    push(Piece::Lines(hunk));
                }
                if *omitted_lines > 0 {
                    push(Piece::MoreLines(*omitted_lines));
                }
            }
            ContentDiff::Binary | ContentDiff::TooLarge => push(opaque),
        },
    }
}

fn fields<'a>(push: &mut impl FnMut(Piece<'a>), detail: &'a FieldsDetail, diff: &'a ContentDiff) {
    for field in &detail.fields {
        push(Piece::Field(field));
    }
    if detail.order {
        push(Piece::FieldOrder);
    }
    if let Some(ends) = detail.final_line_feeds {
        push(Piece::FinalLineFeeds(ends));
    }
    if let Some(crlf) = detail.crlf {
        push(Piece::LineEnds(crlf));
    }
    if detail.body {
        match body_hunks(detail, diff) {
            Some(hunks) => hunks.into_iter().for_each(|hunk| push(Piece::Lines(hunk))),
            None => push(Piece::Body),
        }
    }
}

/// Returns the changed lines of the text below the fields; nothing when they cannot
/// be told from those of fields, or are not all there.
fn body_hunks<'a>(detail: &FieldsDetail, diff: &'a ContentDiff) -> Option<Vec<&'a Hunk>> {
    let ContentDiff::Text {
        hunks,
        omitted_lines: 0,
    } = diff
    else {
        return None;
    };
    // Line ends and the order of fields make changed lines of their own.
    if detail.order || detail.crlf.is_some() || detail.final_line_feeds.is_some() {
        return None;
    }
    let is_field = |text: &str| {
        detail.fields.iter().any(|field| {
            let value = text
                .strip_prefix(field.field.as_str())
                .and_then(|rest| rest.strip_prefix(": "));
            value.is_some_and(|value| {
                let mut values = field.published.iter().chain(&field.rebuilt);
                values.any(|known| known == value)
            })
        })
    };
    let mut of_body = Vec::new();
    for hunk in hunks {
        let mut changed = hunk.lines.iter().filter(|line| line.side != LineSide::Both);
        if changed.clone().all(|line| is_field(&line.text)) {
            continue;
        }
        if changed.any(|line| is_field(&line.text)) {
            return None;
        }
        of_body.push(hunk);
    }
    (!of_body.is_empty()).then_some(of_body)
}

/// Says in a few words what an item is, for the list of what has no cause.
fn describe(item: &Item<'_>) -> String {
    match item.piece {
        Piece::Whole(_) => String::new(),
        Piece::Field(field) => {
            let change = change(&field.published, &field.rebuilt);
            format!("field {}: {change}", field.field)
        }
        Piece::FieldOrder => "its fields are in another order".to_owned(),
        Piece::FinalLineFeeds(ends) => format!(
            "it ends with another number of line feeds ({} → {})",
            ends.published, ends.rebuilt
        ),
        Piece::Body => "the description differs".to_owned(),
        Piece::LineEnds(_) => "only one side ends its lines with CR LF".to_owned(),
        Piece::LineOrder => "the same lines are in another order".to_owned(),
        Piece::Lines(hunk) => {
            let lines = |side| hunk.lines.iter().filter(move |line| line.side == side);
            let first = |side| lines(side).next().map(|line| line.text.trim().to_owned());
            format!(
                "lines from {}: {}",
                hunk.published_start.max(1),
                change(
                    &first(LineSide::Published).into_iter().collect::<Vec<_>>(),
                    &first(LineSide::Rebuilt).into_iter().collect::<Vec<_>>()
                )
            )
        }
        Piece::Opaque(sizes) => {
            let sizes = match sizes.published == sizes.rebuilt {
                true => bytes(sizes.published),
                false => format!("{} → {}", bytes(sizes.published), bytes(sizes.rebuilt)),
            };
            format!("contents differ ({sizes}), and nothing smaller can be named")
        }
        Piece::MoreLines(lines) => {
            format!("{} more around changes", counted(lines, "line", "lines"))
        }
        Piece::Damaged(reason) => {
            let side = |name: &str, reason: &Option<String>| {
                let reason = reason.as_ref()?;
                Some(format!("{name} cannot be read: {reason}"))
            };
            let sides = [
                side("published", &reason.published),
                side("rebuilt", &reason.rebuilt),
            ];
            sides.into_iter().flatten().collect::<Vec<_>>().join("; ")
        }
        Piece::Elf(part) => {
            let subject = match (part.part, part.subject) {
                (ElfPart::Section, subject) => subject,
                (ElfPart::Dynamic, subject) => subject,
                (ElfPart::Texts, _) => "texts among the constants",
                (ElfPart::Imports, _) => "symbols it needs",
                (ElfPart::Exports, _) => "symbols it provides",
                (ElfPart::Padding, _) => "bytes outside all sections",
                (ElfPart::Damage, _) => "tables that cannot be read",
                (_, "") => "build",
                (_, subject) => subject,
            };
            format!("{subject}: {}", change(&part.published, &part.rebuilt))
        }
        Piece::Bytecode(_) => "the bytecode differs".to_owned(),
    }
}

/// Writes what each side has alone, the first few of it.
pub(super) fn change(published: &[String], rebuilt: &[String]) -> String {
    let list = |values: &[String]| {
        let mut text = values
            .iter()
            .take(3)
            .cloned()
            .collect::<Vec<_>>()
            .join(", ");
        if values.len() > 3 {
            text.push_str(&format!(" and {} more", values.len() - 3));
        }
        text
    };
    match (published, rebuilt) {
        ([published], [rebuilt]) => {
            let (published, rebuilt) = around_difference(published, rebuilt);
            format!("{published} → {rebuilt}")
        }
        ([], rebuilt) => format!("only rebuilt has {}", list(rebuilt)),
        (published, []) => format!("only published has {}", list(published)),
        (published, rebuilt) => format!("{} → {}", list(published), list(rebuilt)),
    }
}

/// How many characters of a text stand before the first that differs, and at most.
const BEFORE: usize = 20;
const SHOWN: usize = 80;

/// Cuts two long texts so that the first difference is seen.
fn around_difference(published: &str, rebuilt: &str) -> (String, String) {
    let same = published
        .chars()
        .zip(rebuilt.chars())
        .take_while(|(published, rebuilt)| published == rebuilt)
        .count();
    let is_long = [published, rebuilt]
        .iter()
        .any(|text| text.chars().count() > SHOWN);
    let start = match is_long {
        true => same.saturating_sub(BEFORE),
        false => 0,
    };
    let cut = |text: &str| {
        let mut rest = text.chars().skip(start);
        let mut shown = String::from(if start > 0 { "…" } else { "" });
        shown.extend(rest.by_ref().take(SHOWN));
        shown.push_str(if rest.next().is_some() { "…" } else { "" });
        shown
    };
    (cut(published), cut(rebuilt))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_around_the_first_difference() {
        let same = "same ".repeat(30);
        let more = "x".repeat(200);
        let shown =
            |published: &str, rebuilt: &str| change(&[published.to_owned()], &[rebuilt.to_owned()]);
        assert_eq!(shown("a é", "a è"), "a é → a è");
        assert_eq!(
            shown(&format!("{same}é"), &format!("{same}è")),
            "…same same same same é → …same same same same è"
        );
        let cut = shown(&format!("{more}a"), &format!("{same}{more}"));
        assert_eq!(
            cut,
            format!("{}… → {}…", "x".repeat(80), "same ".repeat(16))
        );
        // One that is the start of the other.
        let cut = shown(&more, &format!("{more}y"));
        assert_eq!(cut, format!("…{0} → …{0}y", "x".repeat(20)));
    }
}
