//! Reports as HTML: each one page in one file that needs nothing else.
//!
//! No scripts, and nothing is fetched: a Content-Security-Policy forbids both, so
//! that even a text that was not escaped could do nothing. Every page has the same
//! frame: a banner with the verdict, what to do first, the parts, a foot.

mod comparison;
mod diff;
mod environments;
mod explanation;
mod history;
mod map;
mod rebuilds;
mod report;
mod words;

use super::markup::{Attributes, Markup};
use super::{Tool, Verdict};
use crate::finding::Severity;

/// What the page looks like.
const STYLE: &str = include_str!("style.css");

/// What the browser may do with a page: nothing but show it.
const SECURITY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// How many bytes a page may have before further details are left out.
const PAGE_BYTES: usize = 8 << 20;

/// How something is to be taken. Never shown by its colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// It is as it should be.
    Good,
    /// It speaks against the files.
    Bad,
    /// It needs a look.
    Warning,
    /// It is there to be known.
    Note,
}

impl Tone {
    /// Returns the class that has the colour.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }

    /// Returns the sign that stands before the word.
    fn sign(self) -> &'static str {
        match self {
            Self::Good => "✓ ",
            Self::Bad => "✗ ",
            Self::Warning => "! ",
            Self::Note => "",
        }
    }
}

impl From<Severity> for Tone {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Error => Self::Bad,
            Severity::Warning => Self::Warning,
            Severity::Note => Self::Note,
        }
    }
}

impl From<Verdict> for Tone {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Pass => Self::Good,
            Verdict::Fail => Self::Bad,
            Verdict::Error | Verdict::Empty => Self::Warning,
        }
    }
}

/// What everybody sees first.
#[derive(Debug)]
pub(super) struct Banner<'a> {
    /// How it is to be taken.
    pub(super) tone: Tone,
    /// What was run, such as `wheelproof verify`.
    pub(super) what: &'a str,
    /// The verdict with its sentence.
    pub(super) headline: &'a str,
    /// What it is about.
    pub(super) subject: &'a str,
    /// What counts: numbers and their words.
    pub(super) tiles: Vec<(String, String)>,
    /// What to do first.
    pub(super) steps: Vec<Step>,
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// What is the matter.
    pub(super) matter: String,
    /// What to do about it.
    pub(super) next: String,
}

impl Step {
    /// Returns a step; either text may be empty.
    pub(super) fn new(matter: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            matter: matter.into(),
            next: next.into(),
        }
    }
}

/// A part of a page: the name of its place, its heading, and what writes it.
pub(super) struct Part<'a> {
    id: &'static str,
    heading: String,
    write: Box<dyn FnOnce(&mut Markup) + 'a>,
}

impl<'a> Part<'a> {
    /// Returns a part; `id` is its place in the page, and `write` writes all but its
    /// heading.
    pub(super) fn new(
        id: &'static str,
        heading: impl Into<String>,
        write: impl FnOnce(&mut Markup) + 'a,
    ) -> Self {
        Self {
            id,
            heading: heading.into(),
            write: Box::new(write),
        }
    }
}

/// Returns a whole page.
pub(super) fn page(title: &str, banner: &Banner<'_>, parts: Vec<Part<'_>>, foot: &str) -> String {
    let mut markup = Markup::default();
    markup.ours("<!DOCTYPE html>\n");
    markup.element("html", &[("lang", "en")], |markup| {
        markup.element("head", &[], |markup| {
            markup.open("meta", &[("charset", "utf-8")]);
            markup.open(
                "meta",
                &[
                    ("http-equiv", "Content-Security-Policy"),
                    ("content", SECURITY),
                ],
            );
            let viewport = "width=device-width, initial-scale=1";
            markup.open("meta", &[("name", "viewport"), ("content", viewport)]);
            markup.with_text("title", &[], title);
            markup.element("style", &[], |markup| {
                markup.ours("\n");
                markup.ours(STYLE);
            });
        });
        markup.element("body", &[], |markup| {
            markup.ours(map::PATTERNS);
            write_banner(markup, banner);
            if parts.len() > 1 {
                markup.element("nav", &[("aria-label", "Parts of this page")], |markup| {
                    markup.element("ul", &[], |markup| {
                        for part in &parts {
                            let place = format!("#{}", part.id);
                            markup.element("li", &[], |markup| {
                                markup.with_text("a", &[("href", &place)], &part.heading);
                            });
                        }
                    });
                });
            }
            markup.element("main", &[], |markup| {
                for part in parts {
                    let heading = format!("{}-heading", part.id);
                    let attributes = [("id", part.id), ("aria-labelledby", &heading)];
                    markup.element("section", &attributes, |markup| {
                        markup.with_text("h2", &[("id", &heading)], &part.heading);
                        (part.write)(markup);
                    });
                }
            });
            markup.element("footer", &[], |markup| {
                let tool = Tool::own();
                let line = format!("Written by {} {}. {foot}", tool.name, tool.version);
                markup.with_text("p", &[], line);
            });
        });
    });
    markup.finish()
}

fn write_banner(markup: &mut Markup, banner: &Banner<'_>) {
    markup.element("header", &[], |markup| {
        let class = format!("banner {}", banner.tone.class());
        markup.element("div", &[("class", &class)], |markup| {
            markup.with_text("p", &[("class", "tool")], banner.what);
            markup.element("h1", &[], |markup| {
                markup.with_text("span", &[("aria-hidden", "true")], banner.tone.sign());
                markup.text(banner.headline);
            });
            if !banner.subject.is_empty() {
                markup.with_text("p", &[], banner.subject);
            }
        });
        if !banner.steps.is_empty() {
            let attributes = [("class", "todo"), ("aria-labelledby", "first")];
            markup.element("section", &attributes, |markup| {
                markup.with_text("h2", &[("id", "first")], "What to do first");
                markup.element("ol", &[], |markup| {
                    for step in &banner.steps {
                        markup.element("li", &[], |markup| {
                            markup.text(&step.matter);
                            if !step.next.is_empty() {
                                next(markup, &step.next);
                            }
                        });
                    }
                });
            });
        }
        if !banner.tiles.is_empty() {
            markup.element("ul", &[("class", "tiles")], |markup| {
                for (number, words) in &banner.tiles {
                    markup.element("li", &[], |markup| {
                        markup.with_text("b", &[], number);
                        markup.ours(" ");
                        markup.with_text("span", &[], words);
                    });
                }
            });
        }
    });
}

/// Writes what to do.
pub(super) fn next(markup: &mut Markup, advice: &str) {
    markup.element("p", &[("class", "next")], |markup| {
        markup.ours("Next: ");
        markup.text(advice);
    });
}

/// Writes a word in a coloured frame.
pub(super) fn badge(markup: &mut Markup, tone: Tone, word: &str) {
    let class = format!("badge {}", tone.class());
    markup.element("span", &[("class", &class)], |markup| {
        markup.with_text("span", &[("aria-hidden", "true")], tone.sign());
        markup.text(word);
    });
}

/// Writes a table. `columns` are its headings, `name` says what it lists, and each
/// row has the first cell as its heading. Narrow screens show a row as a list.
pub(super) fn table(
    markup: &mut Markup,
    name: &str,
    columns: &[&str],
    rows: impl IntoIterator<Item = Vec<Cell>>,
) {
    markup.element("div", &[("class", "scroll")], |markup| {
        markup.element("table", &[("class", "stack")], |markup| {
            markup.element("caption", &[], |markup| {
                markup.with_text("span", &[("class", "hidden")], name);
            });
            markup.element("thead", &[], |markup| {
                markup.element("tr", &[], |markup| {
                    for column in columns {
                        markup.with_text("th", &[("scope", "col")], column);
                    }
                });
            });
            markup.element("tbody", &[], |markup| {
                for row in rows {
                    markup.element("tr", &[], |markup| {
                        for (index, (cell, column)) in row.iter().zip(columns).enumerate() {
                            write_cell(markup, cell, column, index == 0);
                        }
                    });
                }
            });
        });
    });
}

/// A cell of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    /// A text.
    Text(String),
    /// A word or a number of ours, which stays on one line.
    Word(String),
    /// A text that is copied or compared, such as a name or a digest.
    Code(String),
    /// A name that leads to a place in the page.
    Link(String, String),
    /// A word in a coloured frame.
    Badge(Tone, String),
}

fn write_cell(markup: &mut Markup, cell: &Cell, column: &str, is_heading: bool) {
    let name: Attributes<'_> = match is_heading {
        true => &[("scope", "row")],
        false => &[("data-name", column)],
    };
    let element = if is_heading { "th" } else { "td" };
    markup.element(element, name, |markup| match cell {
        Cell::Text(text) => markup.text(text),
        Cell::Word(word) => markup.with_text("span", &[("class", "word")], word),
        Cell::Code(text) if text.is_empty() => {}
        Cell::Code(text) => markup.with_text("code", &[], text),
        Cell::Link(place, text) => {
            let place = format!("#{place}");
            markup.with_text("a", &[("href", &place)], text);
        }
        Cell::Badge(tone, word) => badge(markup, *tone, word),
    });
}

/// Writes what is folded away until somebody asks for it.
pub(super) fn details(
    markup: &mut Markup,
    is_open: bool,
    summary: impl FnOnce(&mut Markup),
    fill: impl FnOnce(&mut Markup),
) {
    let attributes: Attributes<'_> = if is_open { &[("open", "")] } else { &[] };
    markup.element("details", attributes, |markup| {
        markup.element("summary", &[], summary);
        fill(markup);
    });
}

/// Returns whether a page has no room for further details.
pub(super) fn is_full(markup: &Markup) -> bool {
    markup.len() > PAGE_BYTES
}

/// Says that something is not in the page, and where it is.
pub(super) fn left_out(markup: &mut Markup, count: usize, what: &str) {
    if count > 0 {
        let sentence = format!("{count} more {what} left out here; the JSON report has them all.");
        markup.with_text("p", &[("class", "muted")], sentence);
    }
}
