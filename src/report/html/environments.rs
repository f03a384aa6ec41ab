//! The page of two environments of builds.

use super::words::{counted, sentence_case};
use super::{Banner, Part, Tone, diff, page};
use crate::explain::Reach;
use crate::report::EnvironmentReport;

impl EnvironmentReport {
    /// Returns the report as one HTML page.
    pub fn to_html(&self) -> String {
        let is_same = self.differences.is_empty();
        let subject = format!("{} → {}", self.published, self.rebuilt);
        let counts = self
            .differences
            .iter()
            .filter(|difference| difference.reach != Reach::Nothing)
            .count();
        let banner = Banner {
            tone: if is_same { Tone::Good } else { Tone::Warning },
            what: "wheelproof explain --environment",
            headline: match (is_same, counts) {
                (true, _) => "The same",
                (false, 0) => "Different, in nothing that changes bytes",
                (false, _) => "Different, and wheels can be too",
            },
            subject: &subject,
            tiles: match is_same {
                true => Vec::new(),
                false => vec![(counts.to_string(), "that can change bytes".to_owned())],
            },
            steps: Vec::new(),
        };
        let mut parts: Vec<Part<'_>> = Vec::new();
        for (reach, id) in [
            (Reach::EveryWheel, "every-wheel"),
            (Reach::CompiledWheels, "compiled-wheels"),
            (Reach::FewWheels, "few-wheels"),
            (Reach::Nothing, "nothing"),
        ] {
            let found: Vec<_> = self
                .differences
                .iter()
                .filter(|difference| difference.reach == reach)
                .collect();
            if found.is_empty() {
                continue;
            }
            let heading = format!("Can change {}: {}", reach.as_str(), found.len());
            parts.push(Part::new(id, heading, move |markup| {
                for difference in found {
                    markup.with_text("h3", &[], sentence_case(&difference.what));
                    diff::chips(markup, &difference.published, &difference.rebuilt);
                }
            }));
        }
        let title = match is_same {
            true => "the same environments".to_owned(),
            false => counted(self.differences.len(), "difference of environments"),
        };
        page(&title, &banner, parts, "")
    }
}
