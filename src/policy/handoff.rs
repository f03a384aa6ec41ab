//! What a policy says of handing on: `[handoff]`.

use std::path::PathBuf;

use serde::Serialize;
use toml::Spanned;

use super::PolicyError;
use super::keys::{Rule, table};
use super::source::Source;

/// How many days old a report may be that says that wheels were rebuilt.
pub const REPORT_MAX_AGE_DAYS: u32 = 30;
/// The most that can be said.
pub const LONGEST_AGE_DAYS: u32 = 36_500;

/// What has to hold before anything is handed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HandoffPolicy {
    /// The wheels that have to be rebuilt, as `rebuild` takes them.
    pub rebuilt: Vec<String>,
    /// The reports that show it; an audit does when none is named.
    pub rebuilt_reports: Vec<PathBuf>,
    /// How many days old these may be.
    pub rebuilt_max_age_days: u32,
}

impl Default for HandoffPolicy {
    fn default() -> Self {
        Self {
            rebuilt: Vec::new(),
            rebuilt_reports: Vec::new(),
            rebuilt_max_age_days: REPORT_MAX_AGE_DAYS,
        }
    }
}

table! {
    struct Raw {
        rebuilt: Vec<String> => Rule::Narrows,
        // Nothing in a report is signed.
        rebuilt_reports: Vec<PathBuf> => Rule::Widens(|paths| !paths.is_empty()),
        rebuilt_max_age_days: i64 => Rule::Widens(|days| *days > i64::from(REPORT_MAX_AGE_DAYS)),
    }
}

pub(super) fn checked(source: &Source<'_>, raw: Raw) -> Result<HandoffPolicy, PolicyError> {
    Ok(HandoffPolicy {
        rebuilt: raw.rebuilt.map(Spanned::into_inner).unwrap_or_default(),
        rebuilt_reports: source.resolve_all(
            raw.rebuilt_reports
                .map(Spanned::into_inner)
                .unwrap_or_default(),
        ),
        rebuilt_max_age_days: match &raw.rebuilt_max_age_days {
            Some(value) => source.check(value, |number| {
                u32::try_from(*number)
                    .ok()
                    .filter(|days| (1..=LONGEST_AGE_DAYS).contains(days))
                    .ok_or_else(|| {
                        format!("this is {number}, but has to be 1 to {LONGEST_AGE_DAYS} days")
                    })
            })?,
            None => REPORT_MAX_AGE_DAYS,
        },
    })
}
