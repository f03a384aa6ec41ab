//! What is true about a wheelhouse that its policy cares about.
//!
//! In: a rule and the values seen. Out: [`Finding`]. A finding means that the
//! tool worked; when it could not do its work, that is an error of the module
//! where it happened. Nothing here knows which check raises a finding.

pub mod rules;

use std::fmt;

use serde::Serialize;

pub use rules::Rule;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Changes no verdict and never will.
    Note,
    /// Changes the verdict only under `--strict`.
    Warning,
    /// Makes the wheelhouse unusable.
    Error,
}

impl Severity {
    /// Returns the word that reports use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Where a finding is: a file, perhaps a line of it or a member in it. Names are
/// kept as they were found; reports escape them.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Subject {
    /// The file, as the user would name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The manifest that lists the file, when `line` is a line of it and not of
    /// the file itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<String>,
    /// The line, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The member of an archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
}

impl Subject {
    /// Returns a subject that is a whole file.
    pub fn path(path: impl Into<String>) -> Self {
        Self {
            path: Some(path.into()),
            ..Self::default()
        }
    }

    /// Returns this subject narrowed to a line, counted from 1.
    #[must_use]
    pub fn line(mut self, line: u64) -> Self {
        self.line = Some(line);
        self
    }

    /// Returns this subject narrowed to a member of the archive.
    #[must_use]
    pub fn member(mut self, member: impl Into<String>) -> Self {
        self.member = Some(member.into());
        self
    }
}

/// One statement about the wheelhouse: what, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The permanent name of the rule.
    pub rule: &'static Rule,
    /// How much it weighs here; a rule's own severity unless the policy or the
    /// circumstances say otherwise.
    pub severity: Severity,
    /// Where it is.
    pub subject: Subject,
    /// What the manifest or the policy asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What was seen instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// The rule of the finding that this one follows from, or may: when that one is put
    /// right, this one goes too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub follows: Option<&'static Rule>,
    /// What happened, in lower case and free of values.
    pub message: &'static str,
    /// What to do now.
    pub next: String,
}

impl Finding {
    /// Returns a finding with the rule's own severity and advice.
    pub fn new(rule: &'static Rule, subject: Subject) -> Self {
        Self {
            rule,
            severity: rule.severity,
            subject,
            expected: None,
            found: None,
            follows: None,
            message: rule.title,
            next: rule.next.to_owned(),
        }
    }

    /// Returns this finding with what was asked for.
    #[must_use]
    pub fn expected(mut self, expected: impl fmt::Display) -> Self {
        self.expected = Some(expected.to_string());
        self
    }

    /// Returns this finding with what was seen.
    #[must_use]
    pub fn found(mut self, found: impl fmt::Display) -> Self {
        self.found = Some(found.to_string());
        self
    }

    /// Returns this finding with the line of the manifest that lists its file.
    #[must_use]
    pub fn listed(mut self, manifest: &str, line: u64) -> Self {
        self.subject.manifest = Some(manifest.to_owned());
        self.subject.line = Some(line);
        self
    }

    /// Returns this finding with advice that fits the case better.
    #[must_use]
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.next = next.into();
        self
    }

    /// Returns this finding as one that follows from a finding of another rule. It says
    /// nothing of its own, so neither does its advice.
    #[must_use]
    pub fn follows(mut self, rule: &'static Rule) -> Self {
        self.follows = Some(rule);
        self.next = format!("put right what {} says; this goes with it", rule.name);
        self
    }

    /// Returns this finding with another weight.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }
}
