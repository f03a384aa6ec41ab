//! Many nights of one wheelhouse: which wheel broke when, and why.
//!
//! In: what the reports of the nights say of each wheel. Out: the same by wheel, and
//! one HTML page of it.

use std::collections::BTreeMap;

use super::Verdict;
use crate::time::UtcTime;

/// What the report of one night says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Night {
    /// The file of the report, as the user named it.
    pub file: String,
    /// The time that was judged at.
    pub time: UtcTime,
    /// The answer in one word.
    pub verdict: Verdict,
    /// The wheels that were rebuilt.
    pub rebuilds: Vec<NightRebuild>,
    /// What speaks against the wheelhouse, or kept the work from being done, each in
    /// a sentence.
    pub troubles: Vec<String>,
}

/// What became of one wheel in one night.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NightRebuild {
    /// The wheel, by its name below the directory.
    pub wheel: String,
    /// Its signed digest.
    pub published_sha256: String,
    /// The word of the report.
    pub outcome: String,
    /// The deciding cause, or the reason why there is no wheel.
    pub why: Option<String>,
}

impl NightRebuild {
    /// Returns whether the wheel came back; `None` for an outcome that says nothing
    /// of it.
    pub fn came_back(&self) -> Option<bool> {
        match self.outcome.as_str() {
            "reproduced" | "reproduced-with-witness" => Some(true),
            "different" => Some(false),
            _ => None,
        }
    }
}

/// Several nights, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    pub(super) nights: Vec<Night>,
}

/// A wheel that does not come back now, or did not once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Break<'a> {
    pub(super) wheel: &'a str,
    /// The first night on which it did not come back.
    pub(super) first: (&'a Night, &'a NightRebuild),
    /// The last night on which it came back before.
    pub(super) before: Option<&'a Night>,
    /// The night on which it came back again.
    pub(super) repaired: Option<&'a Night>,
    /// Whether another wheel was signed under the name between the two nights.
    pub(super) is_another: bool,
}

/// What the nights say of one wheel, the oldest first.
type Row<'a> = Vec<(&'a Night, &'a NightRebuild)>;

impl History {
    /// Puts nights in their order.
    pub fn of(mut nights: Vec<Night>) -> Self {
        nights.sort_by(|one, other| (one.time, &one.file).cmp(&(other.time, &other.file)));
        Self { nights }
    }

    /// Returns what the nights say of each wheel, by its name.
    pub(super) fn by_wheel(&self) -> BTreeMap<&str, Row<'_>> {
        let mut rows: BTreeMap<&str, Row<'_>> = BTreeMap::new();
        for night in &self.nights {
            for rebuild in &night.rebuilds {
                let row = rows.entry(rebuild.wheel.as_str()).or_default();
                row.push((night, rebuild));
            }
        }
        rows
    }

    /// Returns each time that a wheel stopped coming back, the newest first. A build
    /// that gave no wheel breaks nothing and repairs nothing.
    pub(super) fn breaks(&self) -> Vec<Break<'_>> {
        let mut breaks: Vec<Break<'_>> = Vec::new();
        for (wheel, row) in self.by_wheel() {
            let mut before: Option<(&Night, &NightRebuild)> = None;
            let mut open: Option<Break<'_>> = None;
            for (night, rebuild) in row {
                match (rebuild.came_back(), &mut open) {
                    (Some(true), _) => {
                        if let Some(mut broken) = open.take() {
                            broken.repaired = Some(night);
                            breaks.push(broken);
                        }
                        before = Some((night, rebuild));
                    }
                    (Some(false), None) => {
                        open = Some(Break {
                            wheel,
                            first: (night, rebuild),
                            before: before.map(|(night, _)| night),
                            repaired: None,
                            is_another: before.is_some_and(|(_, earlier)| {
                                earlier.published_sha256 != rebuild.published_sha256
                            }),
                        });
                    }
                    (Some(false), Some(_)) | (None, _) => {}
                }
            }
            breaks.extend(open);
        }
        breaks.sort_by(|one, other| {
            let key =
                |one: &Break<'_>| std::cmp::Reverse((one.first.0.time, one.first.0.file.clone()));
            (one.repaired.is_some(), key(one), one.wheel).cmp(&(
                other.repaired.is_some(),
                key(other),
                other.wheel,
            ))
        });
        breaks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn night(day: u32, outcomes: &[(&str, &str)]) -> Night {
        Night {
            file: format!("{day}.json"),
            time: format!("2026-11-{day:02}T00:00:00Z").parse().unwrap(),
            verdict: Verdict::Pass,
            rebuilds: outcomes
                .iter()
                .map(|(wheel, outcome)| NightRebuild {
                    wheel: (*wheel).to_owned(),
                    published_sha256: "a".to_owned(),
                    outcome: (*outcome).to_owned(),
                    why: None,
                })
                .collect(),
            troubles: Vec::new(),
        }
    }

    fn said(history: &History) -> Vec<(String, String, Option<String>, Option<String>)> {
        history
            .breaks()
            .iter()
            .map(|broken| {
                let file = |night: &Night| night.file.clone();
                (
                    broken.wheel.to_owned(),
                    file(broken.first.0),
                    broken.before.map(file),
                    broken.repaired.map(file),
                )
            })
            .collect()
    }

    #[test]
    fn a_break_begins_on_the_first_night_after_the_last_good_one() {
        let good = "reproduced";
        let history = History::of(vec![
            night(5, &[("a", "different"), ("b", "reproduced-with-witness")]),
            night(1, &[("a", good), ("b", good), ("c", "different")]),
            night(2, &[("a", good), ("b", "different")]),
            night(3, &[("a", "build-failed"), ("b", "timed-out")]),
            night(4, &[("a", "different"), ("b", "different")]),
        ]);
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            said(&history),
            [
                ("a".to_owned(), "4.json".to_owned(), some("2.json"), None),
                ("c".to_owned(), "1.json".to_owned(), None, None),
                (
                    "b".to_owned(),
                    "2.json".to_owned(),
                    some("1.json"),
                    some("5.json")
                ),
            ]
        );
    }

    #[test]
    fn another_wheel_under_the_name_is_told() {
        let mut second = night(2, &[("a", "different")]);
        if let Some(rebuild) = second.rebuilds.first_mut() {
            rebuild.published_sha256 = "b".to_owned();
        }
        let history = History::of(vec![night(1, &[("a", "reproduced")]), second]);
        assert!(history.breaks().iter().all(|broken| broken.is_another));
        assert_eq!(history.breaks().len(), 1);
    }
}
