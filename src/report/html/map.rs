//! Where in the two files something differs: each a bar from its first byte to its
//! last, and the times of the members on a line.
//!
//! Pictures are drawn in steps of the width of the page, not byte by byte, and the
//! loudest of a step wins: a single byte that differs in a gigabyte can be seen.

use std::collections::BTreeMap;

use super::words::counted;
use super::{Cell, details, left_out, table};
use crate::archive::zip::{DosTime, RawText};
use crate::compare::{Difference, Kind, Layout, MemberPlace, Sides, WheelFacts};
use crate::report::markup::Markup;
use crate::report::text::size;

/// How many steps a bar has.
const STEPS: usize = 400;

/// How many members one step names.
const NAMES: usize = 3;

/// How many rows the tables beside the pictures have.
const ROWS: usize = 500;

/// What the patterns are drawn with; every page has them once.
pub(super) const PATTERNS: &str = "<svg class=\"hidden\" aria-hidden=\"true\" focusable=\"false\">\
<defs>\
<pattern id=\"p-header\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">\
<rect width=\"6\" height=\"6\" class=\"f-back\"/><circle cx=\"3\" cy=\"3\" r=\"2\" class=\"f-note\"/></pattern>\
<pattern id=\"p-packed\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\">\
<rect width=\"5\" height=\"5\" class=\"f-back\"/><rect width=\"5\" height=\"3\" class=\"f-warning\"/></pattern>\
<pattern id=\"p-follows\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(135)\">\
<rect width=\"8\" height=\"8\" class=\"f-back\"/><rect width=\"2\" height=\"8\" class=\"f-text\"/></pattern>\
<pattern id=\"p-contents\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
<rect width=\"6\" height=\"6\" class=\"f-back\"/><rect width=\"4\" height=\"6\" class=\"f-bad\"/></pattern>\
</defs></svg>\n";

/// What a stretch of a file is; the order is from the quietest to the loudest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stretch {
    /// Nothing: the file is shorter than the bar.
    Nothing,
    /// The directory and the end record.
    Directory,
    /// A member that is the same in both.
    Same,
    /// A member whose headers differ.
    Header,
    /// RECORD, which lists the digests of the others.
    Follows,
    /// A member with the same contents packed into other bytes.
    Packed,
    /// A member with other contents.
    Contents,
    /// A member that only this file has, or bytes that belong to no member.
    Only,
}

/// The kinds of stretch that are explained beside the bars.
const LEGEND: [Stretch; 7] = [
    Stretch::Only,
    Stretch::Contents,
    Stretch::Packed,
    Stretch::Follows,
    Stretch::Header,
    Stretch::Same,
    Stretch::Directory,
];

impl Stretch {
    /// Returns how it is drawn: a class with a colour, or a pattern.
    fn look(self) -> (&'static str, &'static str) {
        match self {
            Self::Nothing => ("class", "f-soft"),
            Self::Directory => ("class", "f-back"),
            Self::Same => ("class", "f-same"),
            Self::Header => ("fill", "url(#p-header)"),
            Self::Follows => ("fill", "url(#p-follows)"),
            Self::Packed => ("fill", "url(#p-packed)"),
            Self::Contents => ("fill", "url(#p-contents)"),
            Self::Only => ("class", "f-bad"),
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Directory => "directory of the archive",
            Self::Same => "the same in both",
            Self::Header => "only the header differs, such as time or mode",
            Self::Follows => "follows from the other members",
            Self::Packed => "same contents, packed into other bytes",
            Self::Contents => "contents differ",
            Self::Only => "only in this wheel",
        }
    }

    /// Returns what a difference makes of its member, on the published side or the
    /// other; nothing for one that only the other side has.
    fn of(difference: &Difference, is_published: bool) -> Option<Self> {
        if difference.consequence.is_some() {
            return Some(Self::Follows);
        }
        match difference.kind {
            Kind::OnlyPublished(_) => is_published.then_some(Self::Only),
            Kind::OnlyRebuilt(_) => (!is_published).then_some(Self::Only),
            Kind::Contents { .. } | Kind::UnreadableMember(_) => Some(Self::Contents),
            Kind::Compression(_) => Some(Self::Packed),
            Kind::Time(_) | Kind::Mode(_) | Kind::Header { .. } => Some(Self::Header),
            Kind::UnreadableArchive(_)
            | Kind::ArchiveComment(_)
            | Kind::Prefix(_)
            | Kind::Gaps(_)
            | Kind::Trailing(_)
            | Kind::MemberOrder { .. }
            | Kind::Bytes { .. } => None,
        }
    }
}

/// A member, by its name and which of that name it is, counted from 1.
type Key<'a> = (&'a RawText, u64);

/// Writes the map of both files; nothing when one of them is no archive.
pub(super) fn write_map(
    markup: &mut Markup,
    wheels: Sides<Option<&WheelFacts>>,
    differences: &[Difference],
    heading: &'static str,
) {
    let (Some(published), Some(rebuilt)) = (wheels.published, wheels.rebuilt) else {
        return;
    };
    let longest = published.layout.size.max(rebuilt.layout.size);
    if longest == 0 {
        return;
    }
    markup.with_text(heading, &[], "Where in the files");
    let mut seen: Vec<Stretch> = Vec::new();
    for (side, facts) in [("published", published), ("rebuilt", rebuilt)] {
        let of = stretches(differences, side == "published");
        let drawn = bar(markup, side, &facts.layout, longest, &of, differences);
        seen.extend(drawn);
    }
    markup.element("ul", &[("class", "legend")], |markup| {
        for stretch in LEGEND {
            if seen.contains(&stretch) {
                markup.element("li", &[], |markup| {
                    markup.element("svg", &[("aria-hidden", "true")], |markup| {
                        rect(markup, "0", "100%", stretch, "");
                    });
                    markup.ours(stretch.words());
                });
            }
        }
    });
    write_places(markup, published, rebuilt, differences);
}

/// Returns what each member that differs is.
fn stretches(differences: &[Difference], is_published: bool) -> BTreeMap<Key<'_>, Stretch> {
    let mut of: BTreeMap<Key<'_>, Stretch> = BTreeMap::new();
    for difference in differences {
        if let (Some(member), Some(stretch)) =
            (&difference.member, Stretch::of(difference, is_published))
        {
            let key = (member, difference.occurrence.unwrap_or(1));
            let known = of.entry(key).or_insert(stretch);
            *known = stretch.max(*known);
        }
    }
    of
}

/// One step of a bar.
#[derive(Debug, Clone)]
struct Step {
    stretch: Stretch,
    names: Vec<String>,
    more: usize,
}

/// Draws a file; returns what kinds of stretch there are.
fn bar(
    markup: &mut Markup,
    side: &'static str,
    layout: &Layout,
    longest: u64,
    of: &BTreeMap<Key<'_>, Stretch>,
    differences: &[Difference],
) -> Vec<Stretch> {
    let empty = Step {
        stretch: Stretch::Nothing,
        names: Vec::new(),
        more: 0,
    };
    let mut steps = vec![empty; STEPS];
    // Bytes of no member are those of the directory, unless some of them differ.
    let has_loose = differences.iter().any(|difference| {
        matches!(
            difference.kind,
            Kind::Prefix(_) | Kind::Gaps(_) | Kind::Trailing(_)
        )
    });
    let rest = match has_loose {
        true => Stretch::Only,
        false => Stretch::Directory,
    };
    paint(&mut steps, 0..layout.size, longest, rest, None);
    let directory = layout.directory.clone();
    repaint(&mut steps, directory, longest, Stretch::Directory);
    for place in &layout.members {
        repaint(&mut steps, place.extent.clone(), longest, Stretch::Same);
    }
    for place in &layout.members {
        if let Some(stretch) = of.get(&(&place.name, place.occurrence)) {
            let name = Some(place.name.to_string());
            paint(&mut steps, place.extent.clone(), longest, *stretch, name);
        }
    }
    let differing = layout
        .members
        .iter()
        .filter(|place| of.contains_key(&(&place.name, place.occurrence)))
        .count();
    let label = format!(
        "{side}: {}, {}, {differing} of them not the same in the other wheel",
        size(layout.size),
        counted(layout.members.len(), "member"),
    );
    markup.element("div", &[("class", "strip")], |markup| {
        markup.with_text("p", &[], &label);
        let attributes = [("height", "36"), ("role", "img"), ("aria-label", &*label)];
        markup.element("svg", &attributes, |markup| {
            let mut from = 0;
            while let Some(first) = steps.get(from) {
                let same =
                    |step: &&Step| step.stretch == first.stretch && step.names == first.names;
                let rest = steps.get(from..).unwrap_or_default();
                let width = rest.iter().take_while(same).count().max(1);
                if first.stretch != Stretch::Nothing {
                    let mut title = first.stretch.words().to_owned();
                    if !first.names.is_empty() {
                        title = format!("{}: {title}", first.names.join(", "));
                    }
                    if first.more > 0 {
                        title.push_str(&format!(", and {} more", first.more));
                    }
                    rect(
                        markup,
                        &percent(from),
                        &percent(width),
                        first.stretch,
                        &title,
                    );
                }
                from += width;
            }
        });
    });
    steps.iter().map(|step| step.stretch).collect()
}

/// Returns the steps of a bar that a range of bytes touches.
fn touched(steps: &mut [Step], range: std::ops::Range<u64>, longest: u64) -> &mut [Step] {
    if range.is_empty() {
        return &mut [];
    }
    let step = |offset: u64| {
        let scaled = u128::from(offset) * STEPS as u128 / u128::from(longest.max(1));
        usize::try_from(scaled).unwrap_or(STEPS).min(STEPS)
    };
    let from = step(range.start);
    let to = step(range.end.saturating_sub(1)).saturating_add(1);
    steps.get_mut(from..to.min(STEPS)).unwrap_or_default()
}

/// Paints over what is quieter.
fn paint(
    steps: &mut [Step],
    range: std::ops::Range<u64>,
    longest: u64,
    stretch: Stretch,
    name: Option<String>,
) {
    for step in touched(steps, range, longest) {
        if stretch > step.stretch {
            step.stretch = stretch;
            step.names.clear();
            step.more = 0;
        }
        if stretch == step.stretch
            && let Some(name) = &name
        {
            if step.names.len() < NAMES {
                step.names.push(name.clone());
            } else {
                step.more += 1;
            }
        }
    }
}

/// Paints over whatever is there.
fn repaint(steps: &mut [Step], range: std::ops::Range<u64>, longest: u64, stretch: Stretch) {
    for step in touched(steps, range, longest) {
        step.stretch = stretch;
    }
}

fn percent(steps: usize) -> String {
    let hundredths = steps * 10_000 / STEPS;
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

fn rect(markup: &mut Markup, x: &str, width: &str, stretch: Stretch, title: &str) {
    let (attribute, value) = stretch.look();
    let attributes = [
        ("x", x),
        ("width", width),
        ("height", "100%"),
        (attribute, value),
    ];
    markup.element("rect", &attributes, |markup| {
        if !title.is_empty() {
            markup.with_text("title", &[], title);
        }
    });
}

/// Writes as a table what the bars show.
fn write_places(
    markup: &mut Markup,
    published: &WheelFacts,
    rebuilt: &WheelFacts,
    differences: &[Difference],
) {
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    let mut count = 0;
    for (side, facts) in [("published", published), ("rebuilt", rebuilt)] {
        let of = stretches(differences, side == "published");
        let found = |place: &&MemberPlace| of.contains_key(&(&place.name, place.occurrence));
        for place in facts.layout.members.iter().filter(found) {
            count += 1;
            let stretch = of.get(&(&place.name, place.occurrence));
            if let (true, Some(stretch)) = (rows.len() < ROWS, stretch) {
                rows.push(vec![
                    Cell::Code(place.name.to_string()),
                    Cell::Word(side.to_owned()),
                    Cell::Word(place.extent.start.to_string()),
                    Cell::Word(
                        place
                            .extent
                            .end
                            .saturating_sub(place.extent.start)
                            .to_string(),
                    ),
                    Cell::Text(stretch.words().to_owned()),
                ]);
            }
        }
    }
    if count == 0 {
        return;
    }
    details(
        markup,
        false,
        |markup| markup.ours("The same as a table"),
        |markup| {
            let columns = ["Member", "Wheel", "First byte", "Bytes", "What"];
            table(markup, "Where members that differ lie", &columns, rows);
            left_out(markup, usize::saturating_sub(count, ROWS), "members are");
        },
    );
}

/// Writes the times of the members on a line; nothing when no
/// member has another time in the other file.
pub(super) fn write_times(
    markup: &mut Markup,
    wheels: Sides<Option<&WheelFacts>>,
    differences: &[Difference],
    heading: &'static str,
) {
    let (Some(published), Some(rebuilt)) = (wheels.published, wheels.rebuilt) else {
        return;
    };
    if !differences
        .iter()
        .any(|difference| matches!(difference.kind, Kind::Time(_)))
    {
        return;
    }
    let all = || published.times.keys().chain(rebuilt.times.keys()).copied();
    let (Some(first), Some(last)) = (all().min(), all().max()) else {
        return;
    };
    markup.with_text(heading, &[], "Times of the members");
    for (side, times) in [("published", &published.times), ("rebuilt", &rebuilt.times)] {
        let members: u64 = times.values().sum();
        let members = counted(usize::try_from(members).unwrap_or(usize::MAX), "member");
        let label = match (times.len(), times.keys().next(), times.keys().last()) {
            (1, Some(only), _) => format!("{side}: {members}, all of {only}"),
            (count, Some(from), Some(to)) => {
                format!("{side}: {members}, {count} times from {from} to {to}")
            }
            _ => format!("{side}: no members"),
        };
        markup.element("div", &[("class", "strip")], |markup| {
            markup.with_text("p", &[], &label);
            let attributes = [("height", "30"), ("role", "img"), ("aria-label", &*label)];
            markup.element("svg", &attributes, |markup| {
                let line = [("x1", "2%"), ("x2", "98%"), ("y1", "15"), ("y2", "15")];
                let mut attributes = line.to_vec();
                attributes.push(("class", "s-line"));
                markup.element("line", &attributes, |_| {});
                // Points that would cover each other are one.
                let mut points: BTreeMap<u64, (u64, DosTime, DosTime)> = BTreeMap::new();
                for (time, count) in times {
                    let point = points
                        .entry(position(*time, first, last))
                        .or_insert((0, *time, *time));
                    point.0 = point.0.saturating_add(*count);
                    point.2 = *time;
                }
                for (at, (count, from, to)) in points {
                    let x = format!("{}.{:02}%", at / 100, at % 100);
                    let radius = (5 + count.ilog2().min(7)).to_string();
                    let class = match side {
                        "published" => "f-note s-text",
                        _ => "f-back s-text",
                    };
                    let circle = [("cx", &*x), ("cy", "15"), ("r", &*radius), ("class", class)];
                    markup.element("circle", &circle, |markup| {
                        let count = usize::try_from(count).unwrap_or(usize::MAX);
                        let until = match from == to {
                            true => String::new(),
                            false => format!(" to {to}"),
                        };
                        let title = format!("{}: {from}{until}", counted(count, "member"));
                        markup.with_text("title", &[], title);
                    });
                }
            });
        });
    }
    markup.element("div", &[("class", "ends")], |markup| {
        markup.with_text("span", &[], first.to_string());
        if first != last {
            markup.with_text("span", &[], last.to_string());
        }
    });
    let times: std::collections::BTreeSet<DosTime> = all().collect();
    details(
        markup,
        false,
        |markup| markup.ours("The same as a table"),
        |markup| {
            let count = |times: &BTreeMap<DosTime, u64>, time: &DosTime| {
                times.get(time).map_or_else(String::new, u64::to_string)
            };
            let rows = times.iter().take(ROWS).map(|time| {
                vec![
                    Cell::Word(time.to_string()),
                    Cell::Text(count(&published.times, time)),
                    Cell::Text(count(&rebuilt.times, time)),
                ]
            });
            let columns = ["Time", "Published members", "Rebuilt members"];
            table(markup, "How many members have each time", &columns, rows);
            left_out(markup, times.len().saturating_sub(ROWS), "times are");
        },
    );
}

/// Returns where on the line a time lies, in hundredths of a percent, in steps that
/// can be told apart.
fn position(time: DosTime, first: DosTime, last: DosTime) -> u64 {
    // Months of 31 days: what is later lies further right, which is all that counts.
    let seconds = |time: DosTime| {
        let days = (u64::from(time.year()) * 12 + u64::from(time.month())) * 31;
        let hours = (days + u64::from(time.day())) * 24 + u64::from(time.hour());
        (hours * 60 + u64::from(time.minute())) * 60 + u64::from(time.second())
    };
    let (from, at, to) = (seconds(first), seconds(time), seconds(last));
    match to.saturating_sub(from) {
        0 => 5_000,
        length => 200 + at.saturating_sub(from).saturating_mul(192) / length * 50,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps() -> Vec<Step> {
        let step = Step {
            stretch: Stretch::Same,
            names: Vec::new(),
            more: 0,
        };
        vec![step; STEPS]
    }

    #[test]
    fn one_byte_of_a_gigabyte_can_be_seen_and_the_loudest_wins() {
        let mut steps = steps();
        let name = |name: &str| Some(name.to_owned());
        paint(&mut steps, 5..6, 1 << 30, Stretch::Header, name("quiet"));
        paint(&mut steps, 7..8, 1 << 30, Stretch::Only, name("loud"));
        paint(&mut steps, 8..9, 1 << 30, Stretch::Contents, name("late"));
        let first = &steps[0];
        assert_eq!(first.stretch, Stretch::Only);
        assert_eq!(first.names, ["loud"]);
        assert!(steps[1..].iter().all(|step| step.stretch == Stretch::Same));
    }

    #[test]
    fn ranges_that_lie_change_nothing_outside_the_bar() {
        let mut steps = steps();
        paint(&mut steps, u64::MAX - 1..u64::MAX, 10, Stretch::Only, None);
        let backwards = std::ops::Range { start: 9, end: 3 };
        paint(&mut steps, backwards, 10, Stretch::Only, None);
        assert!(steps.iter().all(|step| step.stretch == Stretch::Same));
        paint(&mut steps, 9..u64::MAX, 10, Stretch::Only, None);
        assert_eq!(steps[STEPS - 1].stretch, Stretch::Only);
        assert_eq!(steps[STEPS / 2].stretch, Stretch::Same);
    }

    #[test]
    fn what_is_later_lies_further_right() {
        let time = |date, time| DosTime { date, time };
        let (first, last) = (time(33, 0), time(u16::MAX, u16::MAX));
        assert_eq!(position(first, first, last), 200);
        assert_eq!(position(last, first, last), 9_800);
        assert_eq!(position(first, first, first), 5_000);
        let mut before = 0;
        for date in (33..u16::MAX).step_by(500) {
            let at = position(time(date, 0), first, last);
            assert!(at >= before, "{date}");
            before = at;
        }
    }
}
