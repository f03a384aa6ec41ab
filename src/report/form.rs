//! The forms that a report is written to a file in, by the ending of its name.

/// A form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// JSON, for programs.
    Json,
    /// One HTML page, for people.
    Html,
    /// JUnit XML, for continuous integration.
    Junit,
    /// Markdown, for a comment on a change.
    Markdown,
}

impl Form {
    /// Every form with the ending that names it.
    pub const ENDINGS: [(&'static str, Self); 4] = [
        ("json", Self::Json),
        ("html", Self::Html),
        ("xml", Self::Junit),
        ("md", Self::Markdown),
    ];

    /// Returns the form that an ending names, without its full stop.
    pub fn of_ending(ending: &str) -> Option<Self> {
        let mut forms = Self::ENDINGS.iter();
        forms
            .find(|(known, _)| *known == ending)
            .map(|(_, form)| *form)
    }
}
