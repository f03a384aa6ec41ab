//! What has to be explained, in the smallest pieces that can have causes of their
//! own, and which of them have one.

use std::collections::BTreeSet;

use super::derive::{BuildFacts, Known};
use super::registry;
use super::whole::{self, Rest};
use super::{Attributed, Cause, Explanation, Unexplained};
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
    /// A document that is read as a whole.
    Document(&'a Sides<Vec<u8>>),
    /// What is left beside all pieces, such as a space that no reader sees.
    Spelling,
}

/// A piece with its place.
#[derive(Debug, Clone)]
pub(super) struct Item<'a> {
    /// The difference it is a part of.
    pub(super) difference: usize,
    /// The member, with that of an archive around it in front.
    pub(super) member: String,
    pub(super) piece: Piece<'a>,
    /// The contents of the member on both sides, where they are held and the pieces are
    /// known to be all that differs in them.
    pub(super) held: Option<&'a Sides<Vec<u8>>>,
    /// The causes that claim it, by their place.
    claims: Vec<usize>,
}

impl Item<'_> {
    /// Returns whether the member lies in an archive inside the wheel.
    pub(super) fn is_nested(&self) -> bool {
        self.member.contains('!')
    }

    /// Returns whether the member is the RECORD of the wheel.
    pub(super) fn is_record(&self) -> bool {
        self.is_described() && self.member.ends_with(".dist-info/RECORD")
    }

    /// Returns whether interpreters or shells run the member as it is.
    fn is_code(&self) -> bool {
        const ENDS: [&str; 9] = [
            ".py", ".pth", ".pyw", ".sh", ".js", ".pyx", ".bat", ".ps1", ".cfg",
        ];
        ENDS.iter().any(|end| self.member.ends_with(end))
            || self.member.contains(".data/scripts/")
            || self.file() == "entry_points.txt"
    }

    /// Returns whether the member is compiled code, by its name.
    fn is_object(&self) -> bool {
        let file = self.file();
        [".so", ".pyd", ".dylib", ".dll", ".pyc", ".a"]
            .iter()
            .any(|end| file.ends_with(end))
            || file.contains(".so.")
    }

    /// Returns whether one side has lines of code that the other has not.
    fn adds_code(&self) -> bool {
        let Piece::Lines(hunk) = self.piece else {
            return matches!(self.piece, Piece::MoreLines(_) | Piece::Opaque(_)) && self.is_code();
        };
        let count = |side| hunk.lines.iter().filter(|line| line.side == side).count();
        self.is_code() && count(LineSide::Published) != count(LineSide::Rebuilt)
    }

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
    pub(super) build: Option<&'a BuildFacts>,
    pub(super) causes: Vec<Cause>,
}

impl<'a> Case<'a> {
    pub(super) fn new(
        different: &'a Different,
        source: Option<&'a SourceFiles>,
        build: Option<&'a BuildFacts>,
    ) -> Self {
        let mut items = Vec::new();
        for (index, difference) in different.differences.iter().enumerate() {
            add(&mut items, index, "", difference);
        }
        let facts = |facts: &Option<WheelFacts>| facts.clone().unwrap_or_default();
        Self {
            items,
            wheels: different.wheels.as_ref().map(facts),
            source,
            build,
            causes: Vec::new(),
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
        let item = self.items.get(place);
        item.is_some_and(|item| !item.claims.is_empty())
    }

    /// Adds a cause that claims the items at these places.
    pub(super) fn add(&mut self, cause: Cause, places: &[usize]) {
        self.causes.push(cause);
        self.claim(self.causes.len() - 1, places);
    }

    fn claim(&mut self, cause: usize, places: &[usize]) {
        for place in places {
            if let Some(item) = self.items.get_mut(*place)
                && !item.claims.contains(&cause)
            {
                item.claims.push(cause);
            }
        }
    }

    /// Lets a cause that was found before claim the items at these places; returns whether
    /// there is such a cause.
    pub(super) fn extend(&mut self, name: &str, evidence: String, places: &[usize]) -> bool {
        let Some(at) = self.causes.iter().position(|cause| cause.cause == name) else {
            return false;
        };
        self.claim(at, places);
        if let Some(cause) = self.causes.get_mut(at) {
            cause.evidence.push(evidence);
        }
        true
    }

    /// Applies the derivations of the causes to what they claim, and returns what is
    /// derived, what is only attributed, and what has no cause: the alarming first.
    pub(super) fn finish(mut self) -> Explanation {
        let classes: Vec<Class> = {
            let known = Known::new(&self.items, &self.wheels, self.source, self.build);
            let items = self.items.iter();
            items.map(|item| self.class(&known, item)).collect()
        };
        let mut explanation = Explanation::default();
        let mut accounted: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); self.causes.len()];
        for (item, class) in self.items.iter().zip(classes) {
            let by = match class {
                Class::Explained(by) => by,
                Class::Attributed(by) => {
                    let cause = by.first().and_then(|cause| self.causes.get(*cause));
                    explanation.attributed.push(Attributed {
                        difference: item.difference,
                        member: item.member.clone(),
                        what: describe(item),
                        cause: cause.map_or("", |cause| cause.cause),
                    });
                    by
                }
                Class::Unexplained => {
                    explanation.unexplained.push(self.unexplained(item));
                    continue;
                }
            };
            for cause in by {
                if let Some(differences) = accounted.get_mut(cause) {
                    differences.insert(item.difference);
                }
            }
        }
        explanation
            .unexplained
            .sort_by_key(|unexplained| (!unexplained.is_alarming, unexplained.difference));
        let found = std::mem::take(&mut self.causes).into_iter().zip(accounted);
        for (mut cause, differences) in found {
            // What it claimed did not follow; nothing is left that speaks for it.
            let speaks = !differences.is_empty() || cause.stands_alone;
            if speaks {
                cause.differences = differences.into_iter().collect();
                explanation.causes.push(cause);
            }
        }
        explanation
    }

    /// Says how far the causes that claim an item account for it.
    fn class(&self, known: &Known<'_>, item: &Item<'a>) -> Class {
        let holds = |cause: &usize| {
            let name = self.causes.get(*cause).map_or("", |cause| cause.cause);
            let kind = registry::cause(name);
            let derivations = kind.map_or(&[][..], |kind| kind.derivations);
            derivations
                .iter()
                .any(|derivation| derivation.holds(known, item))
        };
        let derived: Vec<usize> = item.claims.iter().copied().filter(holds).collect();
        if !derived.is_empty() {
            return Class::Explained(derived);
        }
        let is_other_name = item.claims.iter().any(|cause| {
            let cause = self.causes.get(*cause);
            cause.is_some_and(|cause| cause.pairs_names)
        });
        // What only the published wheel has and nothing yields is never merely attributed,
        // and no code that only the rebuilt one has.
        let has_no_origin = match item.piece {
            Piece::Whole(Kind::OnlyPublished(_)) => true,
            Piece::Whole(Kind::OnlyRebuilt(_)) => item.is_code() || item.is_object(),
            _ => false,
        };
        match item.claims.is_empty() || has_no_origin && !is_other_name || item.adds_code() {
            true => Class::Unexplained,
            false => Class::Attributed(item.claims.clone()),
        }
    }

    fn unexplained(&self, item: &Item<'a>) -> Unexplained {
        let is_alone = matches!(item.piece, Piece::Whole(Kind::OnlyPublished(_)));
        let is_alarming = is_alone
            || matches!(
                item.piece,
                Piece::Whole(Kind::Prefix(_) | Kind::Gaps(_) | Kind::Trailing(_))
            );
        Unexplained {
            difference: item.difference,
            member: item.member.clone(),
            what: match (is_alone && !item.is_nested(), self.source) {
                (true, Some(source)) => without_origin(item, source),
                _ => describe(item),
            },
            is_alarming,
        }
    }
}

/// How far an item is accounted for, and by which causes.
enum Class {
    /// One side was derived from the other.
    Explained(Vec<usize>),
    /// A cause accounts for such a difference, and its bytes were not derived.
    Attributed(Vec<usize>),
    Unexplained,
}

/// Says of a member that only published has what the sdist has of it.
fn without_origin(item: &Item<'_>, source: &SourceFiles) -> String {
    match source.source_of(&item.member) {
        Some((path, _)) => {
            format!("only published has it, and the sdist has other contents in {path}")
        }
        None => "only published has it, and the sdist has no file of this name with these contents"
            .to_owned(),
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
    let mut push_held = |piece, held| {
        items.push(Item {
            difference: index,
            member: member.clone(),
            piece,
            held,
            claims: Vec::new(),
        });
    };
    let Kind::Contents {
        diff,
        detail,
        sides,
        held,
    } = &difference.kind
    else {
        push_held(Piece::Whole(&difference.kind), None);
        return;
    };
    let held = held.as_deref();
    if let Some(held) = held.filter(|_| is_document(&member)) {
        push_held(Piece::Document(held), Some(held));
        return;
    }
    // RECORD was followed row by row.
    let rest = match member.ends_with(".dist-info/RECORD") {
        true => Rest::Nothing,
        false => rest_of(detail.as_ref(), held),
    };
    let held = held.filter(|_| rest == Rest::Nothing);
    let mut push = |piece| push_held(piece, held);
    if rest == Rest::Something {
        push(Piece::Spelling);
    }
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

/// Returns whether a member is a document whose lines say little: a bill of materials,
/// by its place (PEP 770).
fn is_document(member: &str) -> bool {
    let below = member.split_once(".dist-info/").map(|(_, below)| below);
    below.is_some_and(|below| below.starts_with("sboms/")) && member.ends_with(".json")
}

/// Returns what is left beside the pieces of contents.
fn rest_of(detail: Option<&Detail>, held: Option<&Sides<Vec<u8>>>) -> Rest {
    match (detail, held) {
        (Some(Detail::Fields(detail)), Some(held)) => whole::of_fields(detail, held),
        (Some(Detail::SameLines { crlf, .. }), Some(held)) => whole::of_lines(crlf.is_some(), held),
        (Some(Detail::Bytecode(detail)), Some(held)) => whole::of_bytecode(detail, held),
        (Some(Detail::Fields(_) | Detail::SameLines { .. } | Detail::Bytecode(_)), None) => {
            Rest::Unknown
        }
        _ => Rest::Nothing,
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
                (ElfPart::TemporaryNames, _) => "names of temporary objects",
                (ElfPart::Padding, _) => "bytes outside all sections",
                (ElfPart::Damage, _) => "tables that cannot be read",
                (_, "") => "build",
                (_, subject) => subject,
            };
            format!("{subject}: {}", change(&part.published, &part.rebuilt))
        }
        Piece::Bytecode(_) => "the bytecode differs".to_owned(),
        Piece::Document(_) => "the document differs".to_owned(),
        Piece::Spelling => {
            "bytes that its form does not count differ: spaces, line ends or the size of a source"
                .to_owned()
        }
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
