//! The page of two wheels: identical, or why not.

use super::explanation::{self, Explained};
use super::words::{counted, entry};
use super::{Banner, Cell, Part, Step, Tone, badge, next, page, table};
use crate::compare::{Sides, WheelFacts};
use crate::count;
use crate::report::markup::Markup;
use crate::report::text::plural;
use crate::report::{ComparedFile, ComparisonReport, Verdict};

impl ComparisonReport {
    /// Returns the report as one HTML page.
    pub fn to_html(&self) -> String {
        let name = |file: &ComparedFile| {
            let name = file.path.rsplit('/').next();
            name.unwrap_or(&file.path).to_owned()
        };
        let (published, rebuilt) = (name(&self.published), name(&self.rebuilt));
        let subject = match published == rebuilt {
            true => published,
            false => format!("{published} → {rebuilt}"),
        };
        let unexplained = self.unexplained.len();
        let alarming = self.unexplained.iter().any(|one| one.is_alarming);
        let (word, headline) = match self.verdict {
            Verdict::Pass => ("identical", "Identical, byte for byte"),
            Verdict::Fail if alarming => ("different", "Different, and something has no source"),
            Verdict::Fail if unexplained > 0 => ("different", "Different, and not all explained"),
            Verdict::Fail if !self.attributed.is_empty() => {
                ("different", "Different, and not all derived")
            }
            Verdict::Fail => ("different", "Different, and explained"),
            Verdict::Error | Verdict::Empty => ("error", "They could not be compared"),
        };
        let tone = match self.verdict {
            Verdict::Fail if unexplained == 0 => Tone::Warning,
            verdict => Tone::from(verdict),
        };
        let mut steps: Vec<Step> = Vec::new();
        steps.extend(
            self.errors
                .iter()
                .map(|error| Step::new(&error.message, &error.next)),
        );
        steps.extend(explanation::steps(&self.causes, &self.unexplained));
        let tiles = match self.verdict {
            Verdict::Fail => [
                (self.differences.len(), "difference"),
                (self.causes.len(), "cause"),
                (self.attributed.len(), "attributed"),
                (unexplained, "unexplained"),
            ]
            .into_iter()
            .map(|(count, word)| {
                let words = match word {
                    "attributed" | "unexplained" => word.to_owned(),
                    word => plural(count, word, &format!("{word}s")).to_owned(),
                };
                (count.to_string(), words)
            })
            .collect(),
            _ => Vec::new(),
        };
        let banner = Banner {
            tone,
            what: "wheelproof explain",
            headline,
            subject: &subject,
            tiles,
            steps,
        };
        let foot = "A cause says what the wheels look like; only one that is proved by rebuilding \
                    is more than that. Nothing here says whether a wheel does harm.";
        page(
            &format!("{word}: {subject}"),
            &banner,
            self.html_parts(),
            foot,
        )
    }

    fn html_parts(&self) -> Vec<Part<'_>> {
        let explained = Explained {
            causes: &self.causes,
            attributed: &self.attributed,
            unexplained: &self.unexplained,
            differences: &self.differences,
            wheels: Sides {
                published: self.published.wheel.as_ref(),
                rebuilt: self.rebuilt.wheel.as_ref(),
            },
        };
        let mut parts = Vec::new();
        if !self.errors.is_empty() {
            parts.push(Part::new("errors", "Errors", |markup| {
                for error in &self.errors {
                    markup.element("article", &[("class", "bad")], |markup| {
                        markup.element("h3", &[], |markup| {
                            badge(markup, Tone::Bad, "error");
                            markup.ours(" ");
                            markup.text(&error.message);
                        });
                        next(markup, &error.next);
                    });
                }
            }));
        }
        if !self.differences.is_empty() {
            let heading = match (self.unexplained.len(), self.causes.len()) {
                (0, causes) => format!("Why: {}", counted(causes, "cause")),
                (count, causes) => {
                    format!("Why: {count} unexplained, {}", counted(causes, "cause"))
                }
            };
            parts.push(Part::new("why", heading, move |markup| {
                explanation::write_unexplained(markup, &explained, "h3");
                explanation::write_causes(markup, &explained, "h3");
            }));
            parts.push(Part::new(
                "what",
                counted(self.differences.len(), "difference"),
                move |markup| {
                    explanation::write_differences(markup, &explained);
                },
            ));
        }
        if explained.wheels.published.is_some() && !self.differences.is_empty() {
            parts.push(Part::new("where", "Where and when", move |markup| {
                explanation::write_pictures(markup, &explained, "h3");
            }));
        }
        parts.push(Part::new("wheels", "The two wheels", |markup| {
            write_files(markup, &self.published, &self.rebuilt);
            if let Some(sdist) = &self.sdist {
                markup.element("dl", &[], |markup| entry(markup, "sdist", sdist, true));
            }
        }));
        parts
    }
}

/// Writes both files beside each other, fact by fact.
fn write_files(markup: &mut Markup, published: &ComparedFile, rebuilt: &ComparedFile) {
    let of = |name: &str, fact: &dyn Fn(&ComparedFile) -> Option<String>| {
        let values = [fact(published), fact(rebuilt)].map(Option::unwrap_or_default);
        let is_known = values.iter().any(|value| !value.is_empty());
        let [published, rebuilt] = values.map(Cell::Code);
        is_known.then(|| vec![Cell::Text(name.to_owned()), published, rebuilt])
    };
    let wheel = |file: &ComparedFile, fact: fn(&WheelFacts) -> Option<String>| {
        file.wheel.as_ref().and_then(fact)
    };
    let digested = |file: &ComparedFile| file.digested;
    let rows = [
        of("file", &|file| Some(file.path.clone())),
        of("size", &|file| {
            Some(count::counted(digested(file)?.size, "byte", "bytes"))
        }),
        of("SHA-256", &|file| Some(digested(file)?.sha256.to_string())),
        of("members", &|file| {
            wheel(file, |wheel| Some(wheel.members.to_string()))
        }),
        of("generator", &|file| {
            wheel(file, |wheel| wheel.generator.clone())
        }),
        of("metadata version", &|file| {
            wheel(file, |wheel| wheel.metadata_version.clone())
        }),
        of("tags", &|file| {
            wheel(file, |wheel| Some(wheel.tags.join(", ")))
        }),
    ];
    let columns = ["Fact", "Published", "Rebuilt"];
    table(
        markup,
        "The two files",
        &columns,
        rows.into_iter().flatten(),
    );
}
