//! Many nights on one page: what broke and why, the nights, and wheel by night.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::{Banner, Cell, Part, Step, Tone, is_full, left_out, page, table};
use crate::count::counted;
use crate::report::Verdict;
use crate::report::history::{Break, History, Night, NightRebuild};
use crate::report::markup::Markup;

/// How many nights the columns show; the newest.
const NIGHTS: usize = 62;

/// How many breaks stand in the list of what to do first.
const STEPS: usize = 5;

impl History {
    /// Writes one page that needs nothing else.
    ///
    /// # Errors
    ///
    /// Whatever the writer returns.
    pub fn write_html(&self, out: &mut dyn Write) -> io::Result<()> {
        let breaks = self.breaks();
        let (now, once): (Vec<_>, Vec<_>) =
            breaks.iter().partition(|broken| broken.repaired.is_none());
        let rows = self.by_wheel();
        let last = self.nights.last();
        let headline = match (now.len(), last) {
            (_, None) => "There are no nights".to_owned(),
            (0, Some(night)) if night.verdict == Verdict::Pass => {
                "Every wheel that was rebuilt came back".to_owned()
            }
            (0, Some(night)) => format!("The last night is no pass: {}", word(night.verdict)),
            (1, Some(_)) => "1 wheel does not come back".to_owned(),
            (many, Some(_)) => format!("{many} wheels do not come back"),
        };
        let tone = match (now.is_empty(), last) {
            (false, _) => Tone::Bad,
            (true, Some(night)) => night.verdict.into(),
            (true, None) => Tone::Warning,
        };
        let subject = match (self.nights.first(), last) {
            (Some(first), Some(last)) => format!("{} to {}", day(first), day(last)),
            _ => String::new(),
        };
        let number = |count: usize, words: &str| (count.to_string(), words.to_owned());
        let banner = Banner {
            tone,
            what: "wheelproof history",
            headline: &headline,
            subject: &subject,
            tiles: vec![
                number(self.nights.len(), "nights"),
                number(rows.len(), "wheels rebuilt"),
                number(now.len(), "do not come back"),
                number(once.len(), "did not, and do again"),
            ],
            steps: now.iter().take(STEPS).map(|broken| step(broken)).collect(),
        };
        let mut parts = Vec::new();
        if !now.is_empty() {
            parts.push(Part::new("broken", "What does not come back", |markup| {
                write_breaks(markup, &now);
            }));
        }
        if !once.is_empty() {
            parts.push(Part::new("repaired", "What came back again", |markup| {
                write_breaks(markup, &once);
            }));
        }
        parts.push(Part::new("nights", "Nights", |markup| {
            self.write_nights(markup)
        }));
        if !rows.is_empty() {
            parts.push(Part::new("wheels", "Wheel by night", |markup| {
                self.write_wheels(markup)
            }));
        }
        let foot = "A wheel that no night rebuilt is not in it.";
        let page = page("History of a wheelhouse", &banner, parts, foot);
        out.write_all(page.as_bytes())
    }

    fn write_nights(&self, markup: &mut Markup) {
        let columns = [
            "Night",
            "Verdict",
            "Rebuilt",
            "Came back",
            "What speaks against it",
        ];
        table(
            markup,
            "The nights, the newest first",
            &columns,
            self.nights.iter().rev().map(|night| {
                let back = |rebuild: &&NightRebuild| rebuild.came_back() == Some(true);
                vec![
                    Cell::Text(night.time.to_string()),
                    Cell::Badge(night.verdict.into(), word(night.verdict).to_owned()),
                    Cell::Text(night.rebuilds.len().to_string()),
                    Cell::Text(night.rebuilds.iter().filter(back).count().to_string()),
                    Cell::Text(against(night)),
                ]
            }),
        );
    }

    fn write_wheels(&self, markup: &mut Markup) {
        let skipped = self.nights.len().saturating_sub(NIGHTS);
        let shown = self.nights.get(skipped..).unwrap_or_default();
        let rows = self.by_wheel();
        markup.element("ul", &[("class", "legend")], |markup| {
            for (tone, sign, says) in [
                (Tone::Good, "✓", "came back"),
                (Tone::Bad, "✗", "different"),
                (Tone::Warning, "!", "no verdict"),
                (Tone::Note, "·", "not rebuilt that night"),
            ] {
                markup.element("li", &[], |markup| {
                    markup.with_text("b", &[("class", tone.class())], sign);
                    markup.ours(" ");
                    markup.text(says);
                });
            }
        });
        left_out_nights(markup, skipped);
        let mut written = 0;
        let attributes = [("class", "scroll"), ("tabindex", "0")];
        markup.element("div", &attributes, |markup| {
            markup.element("table", &[], |markup| {
                markup.element("thead", &[], |markup| {
                    markup.element("tr", &[], |markup| {
                        markup.with_text("th", &[("scope", "col")], "Wheel");
                        for name in names(shown) {
                            markup.with_text("th", &[("scope", "col")], name);
                        }
                    });
                });
                markup.element("tbody", &[], |markup| {
                    for (wheel, row) in &rows {
                        if is_full(markup) {
                            break;
                        }
                        written += 1;
                        markup.element("tr", &[], |markup| {
                            markup.element("th", &[("scope", "row")], |markup| {
                                markup.with_text("code", &[], wheel);
                            });
                            let mut row = row.iter().peekable();
                            for night in shown {
                                // Rows and nights are in the same order.
                                while row.next_if(|(at, _)| order(at) < order(night)).is_some() {}
                                let seen = row.next_if(|(at, _)| order(at) == order(night));
                                write_night(markup, seen.map(|(_, rebuild)| *rebuild));
                            }
                        });
                    }
                });
            });
        });
        left_out(markup, rows.len() - written, "wheels");
    }
}

fn order(night: &Night) -> (crate::time::UtcTime, &str) {
    (night.time, &night.file)
}

fn write_night(markup: &mut Markup, rebuild: Option<&NightRebuild>) {
    let (tone, sign) = match rebuild.map(NightRebuild::came_back) {
        Some(Some(true)) => (Tone::Good, "✓"),
        Some(Some(false)) => (Tone::Bad, "✗"),
        Some(None) => (Tone::Warning, "!"),
        None => (Tone::Note, "·"),
    };
    let says = rebuild.map_or("not rebuilt", |rebuild| rebuild.outcome.as_str());
    markup.element("td", &[], |markup| {
        markup.with_text(
            "b",
            &[("class", tone.class()), ("aria-hidden", "true")],
            sign,
        );
        markup.with_text("span", &[("class", "hidden")], says);
    });
}

fn left_out_nights(markup: &mut Markup, count: usize) {
    if count > 0 {
        let sentence = format!("{count} older nights have no column; the tables above count them.");
        markup.with_text("p", &[("class", "muted")], sentence);
    }
}

fn write_breaks(markup: &mut Markup, breaks: &[&Break<'_>]) {
    let columns = [
        "Wheel",
        "Broke",
        "Last came back",
        "Came back again",
        "Cause",
    ];
    table(
        markup,
        "Wheels and the nights on which they stopped coming back",
        &columns,
        breaks.iter().map(|broken| {
            let of = |night: Option<&Night>| night.map_or_else(|| "never".to_owned(), day);
            vec![
                Cell::Code(broken.wheel.to_owned()),
                Cell::Text(day(broken.first.0)),
                Cell::Text(of(broken.before)),
                Cell::Text(of(broken.repaired)),
                Cell::Text(why(broken)),
            ]
        }),
    );
}

fn step(broken: &Break<'_>) -> Step {
    let since = format!("{}, since {}", broken.wheel, day(broken.first.0));
    Step::new(format!("{since}: {}", why(broken)), "")
}

fn why(broken: &Break<'_>) -> String {
    let why = broken.first.1.why.as_deref().unwrap_or("no cause is known");
    match broken.is_another {
        true => format!("another wheel was signed under this name; {why}"),
        false => why.to_owned(),
    }
}

fn first_of(troubles: &[String]) -> String {
    match troubles {
        [] => String::new(),
        [only] => only.clone(),
        [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
    }
}

/// Returns what speaks against a wheelhouse on a night: its findings, else the wheels that
/// did not come back.
fn against(night: &Night) -> String {
    let count = |outcome: &str| {
        let of = |rebuild: &&NightRebuild| rebuild.outcome == outcome;
        night.rebuilds.iter().filter(of).count() as u64
    };
    let mut said: Vec<String> = Vec::new();
    for (outcome, says) in [
        ("different", "different"),
        ("build-failed", "not built"),
        ("timed-out", "timed out"),
        ("not-attempted", "not attempted"),
    ] {
        if count(outcome) > 0 {
            said.push(format!(
                "{} {says}",
                counted(count(outcome), "wheel", "wheels")
            ));
        }
    }
    said.extend(Some(first_of(&night.troubles)).filter(|first| !first.is_empty()));
    said.join("; ")
}

/// Returns the day of a night.
fn day(night: &Night) -> String {
    let time = night.time.to_string();
    time.split('T').next().unwrap_or_default().to_owned()
}

/// Returns the name of each night: its day, and where several are of one day, the time.
fn names(nights: &[Night]) -> Vec<String> {
    let mut of_day: BTreeMap<String, usize> = BTreeMap::new();
    for night in nights {
        *of_day.entry(day(night)).or_default() += 1;
    }
    nights
        .iter()
        .map(|night| match of_day.get(&day(night)) {
            Some(1) | None => day(night),
            Some(_) => night
                .time
                .to_string()
                .replace('T', " ")
                .trim_end_matches('Z')
                .to_owned(),
        })
        .collect()
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Error => "error",
        Verdict::Empty => "empty",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn night(time: &str, outcomes: &[&str]) -> Night {
        Night {
            file: "n.json".to_owned(),
            time: time.parse().unwrap(),
            verdict: Verdict::Fail,
            rebuilds: outcomes
                .iter()
                .map(|outcome| NightRebuild {
                    wheel: "a".to_owned(),
                    published_sha256: "a".to_owned(),
                    outcome: (*outcome).to_owned(),
                    why: None,
                })
                .collect(),
            troubles: Vec::new(),
        }
    }

    #[test]
    fn nights_of_one_day_have_their_times_and_a_night_says_what_is_different() {
        let nights = [
            night(
                "2026-11-01T00:00:00Z",
                &["reproduced", "different", "build-failed"],
            ),
            night("2026-11-02T03:04:05Z", &[]),
            night("2026-11-02T06:00:00Z", &["different", "different"]),
        ];
        let expected = ["2026-11-01", "2026-11-02 03:04:05", "2026-11-02 06:00:00"];
        assert_eq!(names(&nights), expected);
        let said: Vec<String> = nights.iter().map(against).collect();
        let expected = [
            "1 wheel different; 1 wheel not built",
            "",
            "2 wheels different",
        ];
        assert_eq!(said, expected);
    }
}
