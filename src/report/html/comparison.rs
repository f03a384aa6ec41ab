//! The page of two wheels: identical, or why not.

use super::explanation::{self, Explained};
use super::report::{counted, entry, next};
use super::{Banner, Part, Tone, badge, page};
use crate::compare::Sides;
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
            Verdict::Fail => ("different", "Different, and explained"),
            Verdict::Error | Verdict::Empty => ("error", "They could not be compared"),
        };
        let tone = match self.verdict {
            Verdict::Fail if unexplained == 0 => Tone::Warning,
            verdict => Tone::from(verdict),
        };
        let mut steps: Vec<String> = Vec::new();
        steps.extend(self.errors.iter().map(|error| error.next.clone()));
        steps.extend(explanation::steps(&self.causes, &self.unexplained));
        let tiles = match self.verdict {
            Verdict::Fail => [
                (self.differences.len(), "difference"),
                (self.causes.len(), "cause"),
                (unexplained, "unexplained"),
            ]
            .into_iter()
            .map(|(count, word)| {
                let words = match word {
                    "unexplained" => word.to_owned(),
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
            for (side, file) in [("published", &self.published), ("rebuilt", &self.rebuilt)] {
                write_file(markup, side, file);
            }
            if let Some(sdist) = &self.sdist {
                markup.element("dl", &[], |markup| entry(markup, "sdist", sdist, true));
            }
        }));
        parts
    }
}

fn write_file(markup: &mut Markup, side: &'static str, file: &ComparedFile) {
    markup.with_text("h3", &[], side);
    markup.element("dl", &[], |markup| {
        entry(markup, "file", &file.path, true);
        if let Some(digested) = &file.digested {
            entry(markup, "size", &format!("{} bytes", digested.size), false);
            entry(markup, "SHA-256", &digested.sha256.to_string(), true);
        }
        if let Some(wheel) = &file.wheel {
            entry(markup, "members", &wheel.members.to_string(), false);
            if let Some(generator) = &wheel.generator {
                entry(markup, "generator", generator, true);
            }
            if let Some(version) = &wheel.metadata_version {
                entry(markup, "metadata version", version, true);
            }
            if !wheel.tags.is_empty() {
                entry(markup, "tags", &wheel.tags.join(", "), true);
            }
        }
    });
}
