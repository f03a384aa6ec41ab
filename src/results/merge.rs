//! One report from the results of many machines.
//!
//! Files may be given in any order and any number of times, and may end anywhere:
//! results are kept by wheel. Where a wheel has several, one that says something about
//! the wheel goes before one that does not, so a build that failed on one machine and
//! was made again on another is no failure. Two that say the contrary of each other
//! are told, and the one that speaks against the wheel counts.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, Write};

use serde::Serialize;

use super::json::Json;
use super::read::{Entry, Reader, ResultsError, ResultsErrorKind, Start, Word};
use crate::digest::Sha256Digest;
use crate::report::{Verdict, escape_json};
use crate::selection::Shard;

/// Results that are being merged.
#[derive(Debug, Default)]
pub struct Merge {
    first: Option<(String, Start)>,
    kept: BTreeMap<String, Kept>,
    of_machines: BTreeSet<String>,
    shards: BTreeSet<Shard>,
    files: usize,
    unfinished: Vec<String>,
}

/// What is kept of the results of one wheel.
#[derive(Debug)]
struct Kept {
    best: Candidate,
    /// Where the wheel came back, and where it did not.
    came_back: Option<Place>,
    different: Option<Place>,
}

/// A result, in the order in which one goes before another.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    outcome: Word,
    reused: bool,
    rebuild: String,
    findings: Vec<String>,
}

/// A file and a line in it.
type Place = (String, u64);

/// A wheel without a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The wheel, by its name below the directory.
    pub wheel: String,
    /// The shard it belongs to; `None` when the files are of different divisions.
    pub shard: Option<Shard>,
}

/// The one report.
#[derive(Debug)]
pub struct Merged {
    report: Json,
    /// The answer in one word.
    pub verdict: Verdict,
    /// How many wheels were selected.
    pub selected: usize,
    /// How many files were read.
    pub files: usize,
    /// The wheels without a result.
    pub missing: Vec<Missing>,
    /// The files that end before their last line.
    pub unfinished: Vec<String>,
    /// How many wheels had each outcome; no entry for none.
    pub outcomes: Vec<(&'static str, usize)>,
}

impl Merge {
    /// Reads one file.
    ///
    /// # Errors
    ///
    /// It is no file of results, is damaged, or is of another task than those before.
    pub fn add(&mut self, name: &str, input: &mut dyn BufRead) -> Result<(), ResultsError> {
        let mut reader = Reader::new(name, input);
        self.files += 1;
        let Some(start) = reader.start()? else {
            self.unfinished.push(name.to_owned());
            return Ok(());
        };
        if let Some((first, other)) = &self.first {
            same_task(first, other, &start).map_err(|(line, kind)| ResultsError {
                line,
                ..reader.error(kind)
            })?;
        }
        self.shards.insert(start.header.shard);
        for finding in &start.header.findings {
            self.of_machines.insert(text(finding));
        }
        let (_, first) = self.first.get_or_insert_with(|| (name.to_owned(), start));
        let kept = &mut self.kept;
        let has_ended = reader.results(&first.verified.selected, &mut |entry| {
            keep(kept, name, entry);
        })?;
        if !has_ended {
            self.unfinished.push(name.to_owned());
        }
        Ok(())
    }

    /// Returns the report; `None` when no file says what was verified.
    pub fn finish(mut self) -> Option<Merged> {
        let (_, start) = self.first?;
        self.unfinished.sort();
        let verified = start.verified;
        let mut divisions = self.shards.iter().map(|shard| shard.of());
        let division = divisions
            .next()
            .filter(|of| divisions.all(|other| other == *of));
        let shard_of = |sha256: &Sha256Digest| {
            let any = division.and_then(|of| Shard::new(1, of).ok())?;
            Some(any.of_file(sha256))
        };
        let missing: Vec<Missing> = verified
            .selected
            .iter()
            .filter(|wheel| !self.kept.contains_key(&wheel.wheel))
            .map(|wheel| Missing {
                wheel: wheel.wheel.clone(),
                shard: shard_of(&wheel.sha256),
            })
            .collect();
        let mut errors: Vec<Json> = missing.iter().map(of_missing).collect();
        let mut outcomes: BTreeMap<Word, usize> = BTreeMap::new();
        let mut rebuilds = Vec::new();
        let mut findings: Vec<Json> = self.of_machines.iter().map(|text| json(text)).collect();
        for (wheel, kept) in self.kept {
            if let (Some(came_back), Some(different)) = (&kept.came_back, &kept.different) {
                errors.push(of_contradiction(&wheel, came_back, different));
            }
            *outcomes.entry(kept.best.outcome).or_default() += 1;
            rebuilds.push(json(&kept.best.rebuild));
            findings.extend(kept.best.findings.iter().map(|text| json(text)));
        }
        let mut report = verified.report;
        extend(&mut report, "findings", findings);
        extend(&mut report, "rebuilds", rebuilds);
        extend(&mut report, "errors", errors);
        let verdict = conclude(&report, &outcomes, verified.strict, verified.empty);
        if let Some(value) = report.get_mut("verdict") {
            *value = json(&text(&verdict));
        }
        if let Some(value) = report.get_mut("exit_code") {
            *value = Json::Number(verdict.exit_code().into());
        }
        Some(Merged {
            report,
            verdict,
            selected: verified.selected.len(),
            files: self.files,
            missing,
            unfinished: self.unfinished,
            outcomes: Word::ALL
                .iter()
                .filter_map(|(word, text)| Some((*text, *outcomes.get(word)?)))
                .collect(),
        })
    }
}

/// Says in what two files are not of one task, and in which line the second says so.
fn same_task(first: &str, expected: &Start, found: &Start) -> Result<(), (u64, ResultsErrorKind)> {
    let other = |what, expected: String, found: String| ResultsErrorKind::OtherTask {
        what,
        expected,
        first: first.to_owned(),
        found,
    };
    let (one, two) = (&expected.header, &found.header);
    let digest = |digest: &Option<Sha256Digest>| {
        digest.map_or_else(|| "none".to_owned(), |digest| digest.to_string())
    };
    let tool = |tool: &super::Tool| format!("{} {}", tool.name, tool.version);
    let quoted = |text: &str| format!("'{}'", text.escape_debug());
    let facts = [
        ("program", tool(&one.tool), tool(&two.tool)),
        ("command", quoted(&one.command), quoted(&two.command)),
        (
            "manifest",
            digest(&one.manifest_sha256),
            digest(&two.manifest_sha256),
        ),
        (
            "policy",
            one.policy_sha256.to_string(),
            two.policy_sha256.to_string(),
        ),
        ("selection", quoted(&one.selection), quoted(&two.selection)),
        ("time", quoted(&one.time), quoted(&two.time)),
    ];
    for (what, expected, found) in facts {
        if expected != found {
            return Err((1, other(what, expected, found)));
        }
    }
    if one.verification_sha256 == two.verification_sha256 {
        return Ok(());
    }
    // Same manifest and policy, and yet something else was seen: say what.
    let (expected, found) = (&expected.verified, &found.verified);
    let differs = |key: &&str| expected.report.get(key) != found.report.get(key);
    let keys = [
        "policy",
        "signatures",
        "threshold",
        "files",
        "requirements",
        "findings",
        "errors",
    ];
    let key = match keys.iter().find(|key| differs(key)) {
        Some(key) => (*key).to_owned(),
        None => "something else".to_owned(),
    };
    let (one, two) = (one.verification_sha256, two.verification_sha256);
    let kind = other(
        "verification",
        one.to_string(),
        format!("{two}, with other {key}"),
    );
    Err((2, kind))
}

fn keep(kept: &mut BTreeMap<String, Kept>, name: &str, entry: Entry) {
    let place = (name.to_owned(), entry.line);
    let (came_back, different) = match entry.result.outcome {
        Word::Reproduced | Word::ReproducedWithWitness => (Some(place), None),
        Word::Different => (None, Some(place)),
        Word::BuildFailed | Word::TimedOut | Word::NotAttempted => (None, None),
    };
    let candidate = Candidate {
        outcome: entry.result.outcome,
        reused: entry.result.reused,
        rebuild: text(&entry.rebuild),
        findings: entry.findings.iter().map(text).collect(),
    };
    let new = Kept {
        best: candidate,
        came_back,
        different,
    };
    match kept.remove(&entry.result.wheel) {
        None => kept.insert(entry.result.wheel, new),
        Some(old) => kept.insert(
            entry.result.wheel,
            Kept {
                best: old.best.min(new.best),
                came_back: first_of(old.came_back, new.came_back),
                different: first_of(old.different, new.different),
            },
        ),
    };
}

/// Returns the place that comes first by name, whichever was read first.
fn first_of(one: Option<Place>, other: Option<Place>) -> Option<Place> {
    one.into_iter().chain(other).min()
}

fn conclude(report: &Json, outcomes: &BTreeMap<Word, usize>, strict: bool, empty: bool) -> Verdict {
    let has = |severity: &str| {
        let mut findings = report.list("findings").iter();
        findings.any(|finding| finding.text("severity") == Some(severity))
    };
    let against =
        has("error") || (strict && has("warning")) || outcomes.contains_key(&Word::Different);
    let undone =
        !report.list("errors").is_empty() || outcomes.keys().any(|outcome| !outcome.is_verdict());
    if empty {
        Verdict::Empty
    } else if against {
        Verdict::Fail
    } else if undone {
        Verdict::Error
    } else {
        Verdict::Pass
    }
}

fn trouble(message: String, next: String) -> Json {
    Json::Object(vec![
        ("message".to_owned(), Json::Text(message)),
        ("next".to_owned(), Json::Text(next)),
    ])
}

fn of_missing(missing: &Missing) -> Json {
    let next = match missing.shard {
        Some(shard) => format!("run the part with --shard {shard} again, and merge its file too"),
        None => "run the part it belongs to again, and merge its file too".to_owned(),
    };
    trouble(
        format!("there is no result of {}", missing.wheel.escape_debug()),
        next,
    )
}

fn of_contradiction(wheel: &str, came_back: &Place, different: &Place) -> Json {
    trouble(
        format!(
            "two results of {} contradict each other: it came back in {}, line {}, and is \
             different in {}, line {}",
            wheel.escape_debug(),
            came_back.0,
            came_back.1,
            different.0,
            different.1
        ),
        "compare the recipes of both; a build that depends on the machine proves nothing"
            .to_owned(),
    )
}

fn extend(report: &mut Json, key: &str, more: Vec<Json>) {
    if let Some(Json::List(list)) = report.get_mut(key) {
        list.extend(more);
    }
}

/// Returns a value in one line. What was read can be written.
fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Returns a value that [`text`] wrote.
fn json(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_default()
}

impl Merged {
    /// Returns the report.
    pub(super) fn report(&self) -> &Json {
        &self.report
    }

    /// Writes the report as a single run does.
    ///
    /// # Errors
    ///
    /// Whatever the writer returns.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let text = serde_json::to_string_pretty(&self.report).map_err(io::Error::from)?;
        writeln!(out, "{}", escape_json(&text))
    }
}

#[cfg(test)]
mod tests;
